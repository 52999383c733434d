/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk - the connections that a namespace may have: those of its dump, and those that any packet
 * from any link, or its own sockets, can make. More than there are is fine: an entry only lets
 * more through.
 *
 * Kept as a list of small pieces with their bounds, so that who looks for few addresses
 * looks at few.
 */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "walk_in.h"

#define PIECE	    32	 /* products in one piece */
#define LIVE_NATTED 4096 /* live connections with translation that are kept apart */

static void bounds_of(struct nsn_space *s, nsn_set_t set, struct nsn_range *src,
		      struct nsn_range *dst)
{
	nsn_bounds(s, set, NSN_F_SRC, src);
	nsn_bounds(s, set, NSN_F_DST, dst);
}

/*
 * Errors are sent to who sent the quoted packet: the destination of their own direction. The
 * kernel looks the quoted packet up as it is quoted, turned round (nf_conntrack_inet_error()),
 * before anything of it is translated: so its destination is the source of that direction, always.
 */
static struct nsn_kept *errors_of(struct nsn_space *s, nsn_set_t tuples)
{
	const uint32_t ports = 1U << NSN_F_PROTO | 1U << NSN_F_SPORT | 1U << NSN_F_DPORT;

	return nsn_space_keep(s,
			      nsn_move(s, nsn_forget_all(s, tuples, ports), NSN_F_QDST, NSN_F_SRC));
}

static void grow(struct nsn_wmade *m)
{
	struct nsn_wct *ct = m->ct;
	struct nsn_wentry *list;

	if (ct->n < ct->max)
		return;
	list = nsn_w_alloc(m->at.r->w, (ct->max ? 2 * ct->max : 16) * sizeof(*list));
	if (ct->n)
		memcpy(list, ct->list, ct->n * sizeof(*list));
	ct->list = list;
	ct->max = ct->max ? 2 * ct->max : 16;
}

void nsn_w_add(struct nsn_wmade *m, nsn_set_t orig, nsn_set_t reply, const struct nsn_wentry *nat)
{
	struct nsn_space *s = m->at.s;
	struct nsn_wentry *e;

	if (nsn_empty(orig) || nsn_empty(reply))
		return;
	grow(m);
	e = &m->ct->list[m->ct->n];
	*e = nat ? *nat : (struct nsn_wentry){0};
	bounds_of(s, orig, &e->osrc, &e->odst);
	bounds_of(s, reply, &e->rsrc, &e->rdst);
	e->orig = nsn_space_keep(s, orig);
	e->reply = nsn_space_keep(s, reply);
	e->rel[0] = errors_of(s, orig);
	e->rel[1] = errors_of(s, reply);
	m->ct->n++;
}

/*
 * Without translation, the answer is the tuple turned round: in pieces by destination, unless most
 * products would be in both halves.
 */
void nsn_w_add_plain(struct nsn_wmade *m, nsn_set_t orig, unsigned int depth)
{
	struct nsn_space *s = m->at.s;
	const size_t n = nsn_products(orig);
	nsn_set_t low = orig, high = orig;
	struct nsn_range r;

	if (nsn_empty(orig))
		return;
	nsn_bounds(s, orig, NSN_F_DST, &r);
	if (n > PIECE && r.first != r.last && depth <= 128) {
		const nsn_u128 mid = r.first + (r.last - r.first) / 2;

		low = nsn_and(s, orig, nsn_between(s, NSN_F_DST, r.first, mid));
		high = nsn_and(s, orig, nsn_between(s, NSN_F_DST, mid + 1, r.last));
	}
	if (nsn_products(low) + nsn_products(high) > n + n / 2 || low == orig) {
		nsn_w_add(m, orig, nsn_w_turned(s, orig, m->at.family, false), NULL);
		return;
	}
	nsn_w_add_plain(m, low, depth + 1);
	nsn_w_add_plain(m, high, depth + 1);
}

/* ---- what packets can make --------------------------------------------------------------- */

/* A packet that got through, as the entry that it leaves. */
static void confirmed(struct nsn_wmade *m, const struct nsn_wflow *f)
{
	struct nsn_space *s = m->at.s;
	nsn_set_t orig = f->set, now;

	if (nsn_empty(orig))
		return;
	now = nsn_w_tuples(s, orig, m->at.family);
	if (!f->asked.nat) {
		nsn_w_add_plain(m, now, 0);
		return;
	}
	if (f->asked.nat & 1)
		orig = nsn_move(s, orig, NSN_F_SRC, NSN_F_OSRC);
	if (f->asked.nat & 2)
		orig = nsn_move(s, nsn_move(s, orig, NSN_F_DST, NSN_F_ODST), NSN_F_DPORT,
				NSN_F_ODPORT);
	/* The port of the source was forgotten with its translation: any. */
	nsn_w_add(m, nsn_w_tuples(s, orig, m->at.family), nsn_w_turned(s, now, m->at.family, false),
		  &f->asked);
}

nsn_set_t nsn_w_made_hook(struct nsn_wmade *m, uint32_t which, int32_t first, int32_t last,
			  nsn_set_t set)
{
	return nsn_w_hook(&m->at, nsn_w_nfproto(m->at.family), which, NULL, first, last, set);
}

static void delivered(struct nsn_wmade *m, const struct nsn_wflow *f, nsn_set_t set)
{
	struct nsn_wflow here = *f;

	here.next = NULL;
	here.set = nsn_w_made_hook(m, NF_INET_LOCAL_IN, INT32_MIN, INT32_MAX, set);
	nsn_w_translate(&m->at, &here, NF_INET_LOCAL_IN, NULL);
	for (const struct nsn_wflow *g = &here; g; g = g->next)
		confirmed(m, g);
}

static void sent(struct nsn_wmade *m, const struct nsn_wflow *f, nsn_set_t set)
{
	struct nsn_wflow here = *f;

	here.next = NULL;
	here.set = nsn_w_made_hook(m, NF_INET_POST_ROUTING, INT32_MIN, 99, set);
	nsn_w_translate(&m->at, &here, NF_INET_POST_ROUTING, NULL);
	for (struct nsn_wflow *g = &here; g; g = g->next) {
		g->set = nsn_w_made_hook(m, NF_INET_POST_ROUTING, 100, INT32_MAX, g->set);
		confirmed(m, g);
	}
}

/* With br_netfilter also what a bridge of others switches: it leaves by where it came in. */
static nsn_set_t bridged(struct nsn_wmade *m, const struct nsn_wflow *f, const struct nsn_wlink *br)
{
	struct nsn_space *s = m->at.s;

	if (!nsn_w_bridges_others(m->at.n, br))
		return nsn_none(s);
	return nsn_put(s, nsn_and(s, f->set, nsn_is(s, NSN_F_IIF, br->l->index)), NSN_F_OIF,
		       br->l->index);
}

/* All routes at once: the device they lead out by is in the set. */
static void routed(struct nsn_wmade *m, const struct nsn_wflow *f)
{
	struct nsn_space *s = m->at.s;
	struct nsn_wout *outs = nsn_w_route(&m->at, f->set);
	nsn_set_t *out, local = nsn_none(s);
	size_t n = 0;

	for (const struct nsn_wout *o = outs; o; o = o->next)
		n += o->kind == NSN_WOUT_HOP;
	out = nsn_space_alloc(s, (n + m->at.n->n_links + 1) * sizeof(nsn_set_t));
	n = 0;
	for (const struct nsn_wout *o = outs; o; o = o->next) {
		if (o->kind == NSN_WOUT_HOP)
			out[n++] = nsn_put(s, o->set, NSN_F_OIF, o->hop->link);
		else
			local = nsn_or(s, local, o->set);
	}
	delivered(m, f, local);
	for (size_t i = 0; i < m->at.n->n_links; i++)
		out[n++] = bridged(m, f, &m->at.n->links[i]);
	if (n)
		sent(m, f,
		     nsn_w_made_hook(m, NF_INET_FORWARD, INT32_MIN, INT32_MAX,
				     nsn_or_many(s, out, n)));
}

/* Any packet, by any device that hands up IP. */
nsn_set_t nsn_w_any_packet(struct nsn_wmade *m)
{
	struct nsn_space *s = m->at.s;
	const struct nsn_wns *n = m->at.n;
	struct nsn_range *r = nsn_space_alloc(s, (n->n_links + 1) * sizeof(*r));
	nsn_set_t set = nsn_w_frames(s, m->at.family);
	size_t k = 0;

	for (size_t i = 0; i < n->n_links; i++) {
		if (!(n->links[i].l->flags & IFF_UP))
			continue;
		/* What the host sends to itself is among what its sockets open. */
		if (n->ns->kind == NSN_VNS_HOST && n->links[i].l->flags & IFF_LOOPBACK)
			continue;
		r[k].first = r[k].last = n->links[i].l->index;
		k++;
	}
	if (!k)
		return nsn_none(s);
	set = nsn_and(s, set, nsn_is(s, NSN_F_TAG, 0));
	set = nsn_and(s, set, nsn_is(s, NSN_F_FRAG, 0));
	set = nsn_and(s, set, nsn_is(s, NSN_F_OIF, 0));
	set = nsn_and(s, set, nsn_is(s, NSN_F_MARK, 0));
	set = nsn_and(s, set, nsn_is(s, NSN_F_CTSTATE, NSN_CT_INVALID));
	set = nsn_and(s, set, nsn_is(s, NSN_F_CTDIR, 0));
	set = nsn_and(s, set, nsn_is(s, NSN_F_CTNAT, 0));
	set = nsn_and(s, set, nsn_is(s, NSN_F_CTMARK, 0));
	set = nsn_and(s, set, nsn_is(s, NSN_F_FIRST, 0));
	return nsn_and(s, set, nsn_in(s, NSN_F_IIF, r, k));
}

static void from_links(struct nsn_wmade *m)
{
	nsn_set_t set = nsn_w_any_packet(m);

	set = nsn_w_made_hook(m, NF_INET_PRE_ROUTING, INT32_MIN, -201, set);
	for (struct nsn_wflow *f = nsn_w_track(&m->at, set); f; f = f->next) {
		f->set = nsn_w_made_hook(m, NF_INET_PRE_ROUTING, -200, -101, f->set);
		nsn_w_translate(&m->at, f, NF_INET_PRE_ROUTING, NULL);
		for (struct nsn_wflow *g = f; g; g = g->next) {
			g->set = nsn_w_made_hook(m, NF_INET_PRE_ROUTING, -100, INT32_MAX, g->set);
			routed(m, g);
		}
		break; /* there is one, and behind it what was translated */
	}
}

/*
 * The device that the host's routes lead out by, `lo` to itself. Of gateways any is taken: nobody
 * but the kernel opens anything there.
 */
static nsn_set_t by_routes(struct nsn_wmade *m, nsn_set_t set)
{
	struct nsn_space *s = m->at.s;
	nsn_set_t ret = nsn_none(s);

	if (m->at.n->ns->kind != NSN_VNS_HOST)
		return set;
	for (const struct nsn_wout *o = nsn_w_route(&m->at, nsn_put(s, set, NSN_F_IIF, 1)); o;
	     o = o->next)
		ret = nsn_or(
			s, ret,
			nsn_put(s, o->set, NSN_F_OIF, o->kind == NSN_WOUT_HOP ? o->hop->link : 1));
	return nsn_put(s, ret, NSN_F_IIF, 0);
}

/* What its own sockets open: from its own addresses. */
static void from_sockets(struct nsn_wmade *m)
{
	struct nsn_space *s = m->at.s;
	const struct nsn_vns *ns = m->at.n->ns;
	struct nsn_range *r = nsn_space_alloc(s, (ns->n_addrs + 1) * sizeof(*r));
	struct nsn_wflow f = {0};
	nsn_set_t set = nsn_w_any_packet(m);
	size_t k = 0;

	for (size_t i = 0; i < ns->n_addrs; i++) {
		if (ns->addrs[i].net.ip.family != m->at.family)
			continue;
		r[k].first = r[k].last = nsn_w_ip(&ns->addrs[i].net.ip);
		k++;
	}
	if (!k || nsn_empty(set))
		return;
	set = nsn_move(s, set, NSN_F_OIF, NSN_F_IIF);
	set = nsn_put(s, set, NSN_F_IIF, 0);
	/* Who may set a mark on a socket: the kernel itself opens nothing with one. */
	if (ns->n_procs || ns->n_held)
		set = nsn_forget(s, set, NSN_F_MARK);
	set = by_routes(m, nsn_and(s, set, nsn_in(s, NSN_F_SRC, r, k)));
	set = nsn_w_made_hook(m, NF_INET_LOCAL_OUT, INT32_MIN, -201, set);
	set = nsn_put(s, nsn_w_opening(s, set, m->at.family), NSN_F_CTSTATE, NSN_CT_NEW);
	f.set = nsn_w_made_hook(m, NF_INET_LOCAL_OUT, -200, -101, set);
	nsn_w_translate(&m->at, &f, NF_INET_LOCAL_OUT, NULL);
	for (struct nsn_wflow *g = &f; g; g = g->next)
		sent(m, g, nsn_w_made_hook(m, NF_INET_LOCAL_OUT, -100, INT32_MAX, g->set));
}

/* ---- what is there ------------------------------------------------------------------------ */

static struct nsn_packet tuple(const struct nsn_vtuple *t, uint32_t mark)
{
	struct nsn_packet p = {0};

	p.v[NSN_F_SRC] = nsn_w_ip(&t->src);
	p.v[NSN_F_DST] = nsn_w_ip(&t->dst);
	p.v[NSN_F_PROTO] = t->proto;
	p.v[NSN_F_SPORT] = t->sport;
	p.v[NSN_F_DPORT] = t->dport;
	p.v[NSN_F_CTMARK] = mark;
	return p;
}

static bool have(struct nsn_wmade *m, const struct nsn_vct *c, size_t n)
{
	struct nsn_space *s = m->at.s;
	const struct nsn_packet p = tuple(&c->orig, c->mark);
	const nsn_u128 src = p.v[NSN_F_SRC], dst = p.v[NSN_F_DST];

	for (size_t i = 0; i < n; i++) {
		const struct nsn_wentry *e = &m->ct->list[i];

		if (e->nat || src < e->osrc.first || src > e->osrc.last || dst < e->odst.first ||
		    dst > e->odst.last)
			continue;
		if (nsn_has(s, nsn_kept_set(s, e->orig), &p))
			return true;
	}
	return false;
}

static bool within(const struct nsn_range *r, nsn_u128 v)
{
	return r->first <= v && v <= r->last;
}

/* Whether one that packets can make lets through all that this one does. */
static bool have_natted(struct nsn_wmade *m, const struct nsn_vct *c, const struct nsn_wentry *live,
			size_t n)
{
	const struct nsn_packet orig = tuple(&c->orig, c->mark), reply = tuple(&c->reply, c->mark);
	struct nsn_space *s = m->at.s;

	for (size_t i = 0; i < n; i++) {
		const struct nsn_wentry *e = &m->ct->list[i];

		if (e->nat != live->nat || !within(&e->osrc, orig.v[NSN_F_SRC]) ||
		    !within(&e->odst, orig.v[NSN_F_DST]) || !within(&e->rsrc, reply.v[NSN_F_SRC]) ||
		    !within(&e->rdst, reply.v[NSN_F_DST]))
			continue;
		if (live->nat & 1 && !within(&e->nsrc, live->nsrc.first))
			continue;
		if (live->nat & 2 && (!within(&e->ndst, live->ndst.first) ||
				      (e->has_port ? !within(&e->nport, live->nport.first)
						   : c->orig.dport != c->reply.sport)))
			continue;
		if (nsn_has(s, nsn_kept_set(s, e->orig), &orig) &&
		    nsn_has(s, nsn_kept_set(s, e->reply), &reply))
			return true;
	}
	return false;
}

static void live_natted(struct nsn_wmade *m, const struct nsn_vct *c, size_t made)
{
	struct nsn_space *s = m->at.s;
	struct nsn_wentry e = {0};

	if (nsn_ip_cmp(&c->orig.src, &c->reply.dst) != 0 || c->orig.sport != c->reply.dport) {
		e.nat |= 1;
		e.nsrc.first = e.nsrc.last = nsn_w_ip(&c->reply.dst);
	}
	if (nsn_ip_cmp(&c->orig.dst, &c->reply.src) != 0 || c->orig.dport != c->reply.sport) {
		e.nat |= 2;
		e.ndst.first = e.ndst.last = nsn_w_ip(&c->reply.src);
		e.has_port = true;
		e.nport.first = e.nport.last = c->reply.sport;
	}
	if (have_natted(m, c, &e, made))
		return;
	if (++m->natted > LIVE_NATTED)
		nsn_space_stop(s, "too many live connections with translation");
	nsn_w_add(m, nsn_w_live(s, &c->orig, c->mark), nsn_w_live(s, &c->reply, c->mark), &e);
}

static bool translated(const struct nsn_vct *c)
{
	bool icmp = c->orig.proto == 1 || c->orig.proto == 58;

	if (nsn_ip_cmp(&c->orig.src, &c->reply.dst) != 0 ||
	    nsn_ip_cmp(&c->orig.dst, &c->reply.src) != 0)
		return true;
	return !icmp && (c->orig.sport != c->reply.dport || c->orig.dport != c->reply.sport);
}

static void live(struct nsn_wmade *m)
{
	const struct nsn_vns *ns = m->at.n->ns;
	struct nsn_space *s = m->at.s;
	size_t made = m->ct->n, n = 0;
	nsn_set_t orig[PIECE], reply[PIECE];

	for (size_t i = 0; i < ns->n_cts; i++) {
		const struct nsn_vct *c = &ns->cts[i];

		if (c->orig.src.family != m->at.family)
			continue;
		m->ct->helper = m->ct->helper || c->helper;
		if (translated(c)) {
			live_natted(m, c, made);
			continue;
		}
		if (have(m, c, made))
			continue;
		orig[n] = nsn_w_live(s, &c->orig, c->mark);
		reply[n++] = nsn_w_live(s, &c->reply, c->mark);
		if (n == PIECE) {
			nsn_w_add(m, nsn_or_many(s, orig, n), nsn_or_many(s, reply, n), NULL);
			n = 0;
		}
	}
	if (n)
		nsn_w_add(m, nsn_or_many(s, orig, n), nsn_or_many(s, reply, n), NULL);
}

/* ---- all ---------------------------------------------------------------------------------- */

bool nsn_w_helpers(const struct nsn_vns *ns)
{
	for (size_t i = 0; i < ns->n_cts; i++)
		if (ns->cts[i].helper)
			return true;
	for (size_t i = 0; i < ns->n_tables; i++) {
		for (size_t j = 0; j < ns->tables[i].n_objects; j++) {
			if (ns->tables[i].objects[j].type == NFT_OBJECT_CT_HELPER ||
			    ns->tables[i].objects[j].type == NFT_OBJECT_CT_EXPECT)
				return true;
		}
	}
	return false;
}

const struct nsn_wct *nsn_w_entries(struct nsn_wat *at)
{
	const size_t which = at->family == AF_INET ? 0 : 1;
	struct nsn_wct *known = at->n->ct[which];
	struct nsn_walk *w = at->r->w;
	struct nsn_arrivals none = {0};
	struct nsn_wrun run = {.w = w, .s = at->s, .family = at->family, .ret = &none};
	struct nsn_wmade m = {
		.at = {.r = &run, .s = at->s, .n = at->n, .family = at->family, .entries = true}};
	nsn_mark_t mark;

	if (known)
		return known;
	m.ct = nsn_w_alloc(w, sizeof(*m.ct));
	m.ct->helper = nsn_w_helpers(at->n->ns);
	mark = nsn_space_mark(at->s);
	from_links(&m);
	from_sockets(&m);
	live(&m);
	nsn_w_marks(&m);
	nsn_space_release(at->s, mark);
	at->n->ct[which] = m.ct;
	return m.ct;
}
