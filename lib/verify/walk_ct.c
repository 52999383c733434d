/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk - connection tracking of packets that come in: the states they may be in, and the
 * translation that follows.
 *
 * A packet of a connection is looked up by its tuple alone, never by the device: from any link
 * anybody may send what belongs to somebody else's connection.
 */
#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>

#include "walk_in.h"

#define AT_ONCE 32 /* entries whose packets are pushed on together */
#define HELPER	"a helper of conntrack lets connections through"
#define RANGES	16 /* of a field before translation that are told apart */

static bool overlap(const struct nsn_range *a, const struct nsn_range *b)
{
	return a->first <= b->last && b->first <= a->last;
}

/*
 * What a field was before it is translated. Range by range, not value by value: that two
 * fields far apart are equal is the one thing that no set here holds well.
 */
static nsn_set_t copy(struct nsn_space *s, nsn_set_t set, enum nsn_field to, enum nsn_field from)
{
	const struct nsn_range *r;
	size_t n;
	nsn_set_t ret = nsn_none(s);

	if (nsn_empty(set))
		return set;
	n = nsn_values(s, set, from, RANGES, &r);
	for (size_t i = 0; i < n; i++) {
		nsn_set_t part = nsn_and(s, set, nsn_between(s, from, r[i].first, r[i].last));

		ret = nsn_or(s, ret, nsn_put_between(s, part, to, r[i].first, r[i].last));
	}
	return ret;
}

static nsn_set_t first_bit(struct nsn_space *s, nsn_set_t set, unsigned int bit)
{
	uint32_t bits[3] = {NSN_BIT(NSN_F_FIRST, 0), NSN_BIT(NSN_F_FIRST, 1),
			    NSN_BIT(NSN_F_FIRST, 2)};

	bits[bit] = NSN_BIT_1;
	return nsn_assign(s, set, NSN_F_FIRST, bits);
}

/* Notes the source that it was sent with, unless it was translated before. */
static nsn_set_t note_source(struct nsn_space *s, nsn_set_t set, bool moves)
{
	nsn_set_t known = nsn_and(s, set, nsn_masked(s, NSN_F_FIRST, 1, 1));
	nsn_set_t rest = nsn_sub(s, set, known);

	if (nsn_empty(rest))
		return set;
	/* Where the source gets another value, both need not be held together: that is exact. */
	rest = moves ? nsn_move(s, rest, NSN_F_OSRC, NSN_F_SRC)
		     : copy(s, rest, NSN_F_OSRC, NSN_F_SRC);
	return nsn_or(s, known, first_bit(s, rest, 0));
}

/* The same of the destination, and its port. */
static nsn_set_t note_target(struct nsn_space *s, nsn_set_t set, bool moves, bool port)
{
	nsn_set_t known = nsn_and(s, set, nsn_masked(s, NSN_F_FIRST, 2, 2));
	nsn_set_t rest = nsn_sub(s, set, known);

	if (nsn_empty(rest))
		return set;
	rest = moves ? nsn_move(s, rest, NSN_F_ODST, NSN_F_DST)
		     : copy(s, rest, NSN_F_ODST, NSN_F_DST);
	rest = port ? nsn_move(s, rest, NSN_F_ODPORT, NSN_F_DPORT)
		    : copy(s, rest, NSN_F_ODPORT, NSN_F_DPORT);
	return nsn_or(s, known, first_bit(s, rest, 1));
}

/* ---- states ----------------------------------------------------------------------------- */

struct track {
	struct nsn_wat *at;
	nsn_set_t base; /* what came in, with any mark of a connection */
	struct nsn_range src, dst;
	nsn_set_t plain[AT_ONCE];
	size_t n;
	struct nsn_wflow *flows;
};

static struct nsn_wflow *flow(struct track *t, nsn_set_t set)
{
	struct nsn_wflow *f = nsn_space_alloc(t->at->s, sizeof(*f));

	f->set = set;
	f->next = t->flows;
	t->flows = f;
	return f;
}

static void flush(struct track *t)
{
	if (t->n)
		(void)flow(t, nsn_or_many(t->at->s, t->plain, t->n));
	t->n = 0;
}

static nsn_set_t in_state(struct track *t, nsn_set_t set, enum nsn_ctstate state, bool reply,
			  uint8_t nat)
{
	struct nsn_space *s = t->at->s;

	set = nsn_put(s, set, NSN_F_CTSTATE, state);
	set = nsn_put(s, set, NSN_F_CTDIR, reply);
	return nsn_put(s, set, NSN_F_CTNAT, nat);
}

/* Packets of an entry; those with a translation go on alone. */
static void found(struct track *t, const struct nsn_wentry *e, nsn_set_t set,
		  enum nsn_ctstate state, bool reply)
{
	struct nsn_wflow *f;

	if (nsn_empty(set))
		return;
	set = in_state(t, set, state, reply, e->nat);
	if (!e->nat) {
		t->plain[t->n++] = set;
		if (t->n == AT_ONCE)
			flush(t);
		return;
	}
	f = flow(t, set);
	f->nat = e;
	f->reply = reply;
	f->related = state == NSN_CT_RELATED;
}

static void entry(struct track *t, const struct nsn_wentry *e, nsn_set_t errors)
{
	struct nsn_space *s = t->at->s;

	if (overlap(&t->src, &e->osrc) && overlap(&t->dst, &e->odst))
		found(t, e, nsn_and(s, t->base, nsn_kept_set(s, e->orig)), NSN_CT_ESTABLISHED,
		      false);
	if (overlap(&t->src, &e->rsrc) && overlap(&t->dst, &e->rdst))
		found(t, e, nsn_and(s, t->base, nsn_kept_set(s, e->reply)), NSN_CT_ESTABLISHED,
		      true);
	if (nsn_empty(errors))
		return;
	if (overlap(&t->dst, &e->odst))
		found(t, e, nsn_and(s, errors, nsn_kept_set(s, e->rel[0])), NSN_CT_RELATED, false);
	if (overlap(&t->dst, &e->rdst))
		found(t, e, nsn_and(s, errors, nsn_kept_set(s, e->rel[1])), NSN_CT_RELATED, true);
}

/* Of a packet that is followed alone only the state that is asked for. */
static void one_state(struct track *t, nsn_set_t fresh, nsn_set_t rest)
{
	struct nsn_wat *at = t->at;
	enum nsn_ctstate want = (enum nsn_ctstate)at->r->packet->v[NSN_F_CTSTATE];
	bool dir = at->r->packet->v[NSN_F_CTDIR] != 0;

	if (want == NSN_CT_ESTABLISHED || want == NSN_CT_RELATED) {
		flush(t);
		for (struct nsn_wflow *f = t->flows; f; f = f->next) {
			f->set = nsn_and(at->s, f->set,
					 nsn_and(at->s, nsn_is(at->s, NSN_F_CTSTATE, want),
						 nsn_is(at->s, NSN_F_CTDIR, dir)));
			if (nsn_empty(f->set))
				continue;
			f->set = nsn_w_one_of(at, f->set);
			f->next = NULL;
			t->flows = f;
			nsn_w_tell(at, NSN_PASSED_CT, 0, "%s%s",
				   want == NSN_CT_RELATED ? "an error about a connection"
							  : "of a connection that may be there",
				   dir ? ", reply" : "");
			return;
		}
		nsn_w_tell(at, NSN_PASSED_CT, 0, "no such connection can be there");
	}
	t->flows = NULL;
	if (want != NSN_CT_INVALID && !nsn_empty(fresh)) {
		nsn_w_tell(at, NSN_PASSED_CT, 0, "new: opens a connection");
		(void)flow(t, fresh);
		return;
	}
	nsn_w_tell(at, NSN_PASSED_CT, 0, "belongs to no connection: invalid");
	(void)flow(t, rest);
}

static void states(struct track *t, nsn_set_t rest)
{
	struct nsn_wat *at = t->at;
	struct nsn_space *s = at->s;
	const struct nsn_wct *ct = nsn_w_entries(at);
	nsn_set_t errors;

	if (ct->helper)
		nsn_w_blind(at, rest, HELPER);
	t->base = nsn_forget(s, rest, NSN_F_CTMARK);
	errors = nsn_and(s, t->base, nsn_w_errors(s, at->family));
	nsn_bounds(s, rest, NSN_F_SRC, &t->src);
	nsn_bounds(s, rest, NSN_F_DST, &t->dst);
	for (size_t i = 0; i < ct->n; i++)
		entry(t, &ct->list[i], errors);
}

/* Neighbour discovery and listener messages are never tracked. */
static nsn_set_t discovery(struct nsn_space *s)
{
	static const struct nsn_range types[] = {{130 << 8, (136 << 8) + 255},
						 {143 << 8, (143 << 8) + 255}};

	return nsn_and(s, nsn_is(s, NSN_F_PROTO, 58),
		       nsn_in(s, NSN_F_SPORT, types, NSN_COUNT(types)));
}

struct nsn_wflow *nsn_w_track(struct nsn_wat *at, nsn_set_t set)
{
	struct nsn_space *s = at->s;
	struct track t = {.at = at};
	nsn_set_t untracked, rest, fresh, nd;

	if (nsn_empty(set))
		return NULL;
	if (!nsn_hooks_track(at->n->hooks, nsn_w_nfproto(at->family)))
		return flow(&t, set);
	untracked = nsn_and(s, set, nsn_is(s, NSN_F_CTSTATE, NSN_CT_UNTRACKED));
	rest = nsn_sub(s, set, untracked);
	if (at->family == AF_INET6) {
		nd = nsn_put(s, nsn_and(s, rest, discovery(s)), NSN_F_CTSTATE, NSN_CT_UNTRACKED);
		if (at->r->one && !nsn_empty(nd))
			rest = nsn_none(s);
		untracked = nsn_or(s, untracked, nd);
	}
	fresh = nsn_put(s, nsn_w_opening(s, rest, at->family), NSN_F_CTSTATE, NSN_CT_NEW);
	if (at->entries)
		return flow(&t, fresh);
	if (!nsn_empty(rest) && !at->r->w->openers)
		states(&t, rest);
	else if (!nsn_empty(rest) && nsn_w_helpers(at->n->ns))
		nsn_w_blind(at, rest, HELPER);
	if (at->r->one && !nsn_empty(rest)) {
		one_state(&t, fresh, rest);
		return t.flows;
	}
	/* All that is not translated goes on together. */
	if (t.n > AT_ONCE - 3)
		flush(&t);
	t.plain[t.n++] = untracked;
	t.plain[t.n++] = fresh;
	t.plain[t.n++] = rest;
	flush(&t);
	return t.flows;
}

/* An error quotes what its sender was sent, which is translated with its source. */
static nsn_set_t quoted(struct nsn_space *s, nsn_set_t set)
{
	struct nsn_range r;

	if (nsn_empty(set))
		return set;
	nsn_bounds(s, set, NSN_F_SRC, &r);
	return nsn_put_between(s, set, NSN_F_QDST, r.first, r.last);
}

/* ---- translation of what has an entry ---------------------------------------------------- */

/* Another port may be taken; an ICMP message stays of its type. */
static nsn_set_t any_sport(struct nsn_space *s, nsn_set_t set, uint8_t family)
{
	nsn_set_t icmp = nsn_and(s, set, nsn_is(s, NSN_F_PROTO, family == AF_INET ? 1 : 58));

	return nsn_or(s, icmp, nsn_forget(s, nsn_sub(s, set, icmp), NSN_F_SPORT));
}

static nsn_set_t known_orig(struct nsn_wat *at, struct nsn_wflow *f, bool dst)
{
	struct nsn_space *s = at->s;
	const struct nsn_wentry *e = f->nat;

	if (dst && (e->nat & 2)) {
		const bool port = e->has_port && !f->related;
		nsn_set_t set = note_target(s, f->set, true, port);

		set = nsn_put_between(s, set, NSN_F_DST, e->ndst.first, e->ndst.last);
		if (port)
			set = nsn_put_between(s, set, NSN_F_DPORT, e->nport.first, e->nport.last);
		return set;
	}
	if (!dst && (e->nat & 1)) {
		nsn_set_t set = note_source(s, f->set, true);

		set = nsn_put_between(s, set, NSN_F_SRC, e->nsrc.first, e->nsrc.last);
		return f->related ? quoted(s, set) : any_sport(s, set, at->family);
	}
	return f->set;
}

/* Replies go to, and seem to come from, what the first packet said. */
static nsn_set_t known_reply(struct nsn_wat *at, struct nsn_wflow *f, bool dst)
{
	struct nsn_space *s = at->s;
	const struct nsn_wentry *e = f->nat;
	nsn_set_t turned, set = f->set;

	if (!(e->nat & (dst ? 1 : 2)))
		return set;
	set = dst ? note_target(s, set, true, !f->related) : note_source(s, set, true);
	if (!f->related)
		set = first_bit(s, set, 2);
	turned = nsn_w_turned(s, nsn_kept_set(s, e->orig), at->family, false);
	turned = nsn_forget(s, turned, NSN_F_CTMARK);
	if (f->related) {
		for (int i = 0; i < NSN_FIELDS; i++) {
			if (i != (dst ? NSN_F_DST : NSN_F_SRC))
				turned = nsn_forget(s, turned, (enum nsn_field)i);
		}
		set = nsn_and(s, nsn_forget(s, set, dst ? NSN_F_DST : NSN_F_SRC), turned);
		return dst ? set : quoted(s, set);
	}
	if (dst) {
		set = nsn_forget(s, nsn_forget(s, set, NSN_F_DST), NSN_F_DPORT);
		if (e->nat & 2)
			turned = nsn_forget(s, nsn_forget(s, turned, NSN_F_SRC), NSN_F_SPORT);
	} else {
		set = nsn_forget(s, nsn_forget(s, set, NSN_F_SRC), NSN_F_SPORT);
	}
	return nsn_and(s, set, turned);
}

/* ---- translation of what opens a connection ----------------------------------------------- */

static bool is_wide(const struct nsn_ip *ip)
{
	if (ip->family == AF_INET)
		return ip->bytes[0] != 127;
	/* ::1, and those of the link */
	return !(ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80) && nsn_w_ip(ip) != 1;
}

/*
 * What masquerade may take: the addresses of the device that are for more than its link; where
 * there is none, one of another device (inet_select_addr(), ipv6_dev_get_saddr()). What redirect
 * may: any of the device it came by; @dev NULL: one of the machine.
 */
static size_t addresses(struct nsn_wat *at, const struct nsn_wlink *dev, bool masq,
			struct nsn_range **ret)
{
	const struct nsn_vns *ns = at->n->ns;
	struct nsn_range *list = nsn_space_alloc(at->s, (ns->n_addrs + 1) * sizeof(*list));
	const int least = dev && !masq ? 1 : 0;
	size_t n = 0;

	for (int own = dev ? 1 : 0; own >= least && n == 0; own--)
		for (size_t i = 0; i < ns->n_addrs; i++) {
			const struct nsn_ip *ip = &ns->addrs[i].net.ip;

			if (ip->family != at->family || (own && masq && !is_wide(ip)) ||
			    (own && ns->addrs[i].link != dev->l->index))
				continue;
			list[n].first = list[n].last = nsn_w_ip(ip);
			n++;
		}
	*ret = list;
	return n;
}

static nsn_set_t nat_bit(struct nsn_space *s, nsn_set_t set, bool source)
{
	const uint32_t src[2] = {NSN_BIT_1, NSN_BIT(NSN_F_CTNAT, 1)},
		       dst[2] = {NSN_BIT(NSN_F_CTNAT, 0), NSN_BIT_1};

	return nsn_assign(s, set, NSN_F_CTNAT, source ? src : dst);
}

/* @addr: to one of these; NULL: the address stays. */
static void translated(struct nsn_wat *at, struct nsn_wflow *f, const struct nsn_natted *nat,
		       nsn_set_t set, const struct nsn_range *addr)
{
	struct nsn_space *s = at->s;
	const enum nsn_field field = nat->source ? NSN_F_SRC : NSN_F_DST;
	struct nsn_wflow *g = nsn_space_alloc(s, sizeof(*g));
	struct nsn_range to;

	*g = *f;
	if (nat->source)
		set = note_source(s, set, addr != NULL);
	else
		set = note_target(s, set, addr != NULL, nat->has_port);
	if (addr)
		set = nsn_put_between(s, set, field, addr->first, addr->last);
	if (nat->source) {
		set = any_sport(s, set, at->family);
	} else {
		if (nat->has_port)
			set = nsn_put_between(s, set, NSN_F_DPORT, nat->port.first, nat->port.last);
		g->asked.has_port = nat->has_port;
		g->asked.nport = nat->port;
	}
	if (addr)
		to = *addr;
	else
		nsn_bounds(s, set, field, &to);
	*(nat->source ? &g->asked.nsrc : &g->asked.ndst) = to;
	g->asked.nat |= nat->source ? 1 : 2;
	set = nat_bit(s, set, nat->source);
	/* Which port it gets matters to nobody but who answers. */
	g->set = nat->source && to.first == to.last ? nsn_w_narrow(at, set) : nsn_w_one_of(at, set);
	g->next = f->next;
	f->next = g;
}

/* To an address of @dev: to which of them is not known. Without any the packet is dropped. */
static void to_own(struct nsn_wat *at, struct nsn_wflow *f, const struct nsn_natted *nat,
		   nsn_set_t set, const struct nsn_wlink *dev)
{
	struct nsn_range *list;
	const size_t n = nsn_empty(set) ? 0 : addresses(at, dev, nat->source, &list);

	/* A packet that is followed alone gets the first. */
	for (size_t i = 0; i < n && (i == 0 || !at->r->one); i++)
		translated(at, f, nat, set, &list[i]);
	if (n > 1 && at->r->one && nat->source && dev && at->n->ns->kind != NSN_VNS_HOST)
		at->r->one->unsure = true;
}

/* By whatever device they come or go, those of each. */
static void by_each(struct nsn_wat *at, struct nsn_wflow *f, const struct nsn_natted *nat)
{
	const enum nsn_field field = nat->source ? NSN_F_OIF : NSN_F_IIF;

	for (size_t i = 0; i < at->n->n_links; i++) {
		const struct nsn_wlink *l = &at->n->links[i];

		to_own(at, f, nat, nsn_and(at->s, nat->set, nsn_is(at->s, field, l->l->index)), l);
	}
	to_own(at, f, nat, nsn_and(at->s, nat->set, nsn_is(at->s, field, 0)), NULL);
}

static void asked(struct nsn_wat *at, struct nsn_wflow *f, const struct nsn_natted *nat,
		  const struct nsn_wlink *dev)
{
	if (nsn_empty(nat->set))
		return;
	nsn_w_tell(at, NSN_PASSED_NAT, dev ? dev->l->index : 0, "the %s is translated",
		   nat->source ? "source" : "destination");
	if (nat->has_addr)
		translated(at, f, nat, nat->set, &nat->addr);
	else if (!nat->masq && nat->source)
		translated(at, f, nat, nat->set, NULL);
	else if (dev)
		to_own(at, f, nat, nat->set, dev);
	else
		by_each(at, f, nat);
}

void nsn_w_translate(struct nsn_wat *at, struct nsn_wflow *f, uint32_t hook,
		     const struct nsn_wlink *dev)
{
	struct nsn_space *s = at->s;
	bool dst = hook == NF_INET_PRE_ROUTING || hook == NF_INET_LOCAL_OUT;
	struct nsn_hooked h = {0};
	struct nsn_trace t = {0};
	nsn_set_t fresh;

	if (nsn_empty(f->set))
		return;
	if (f->nat) {
		f->set = f->reply ? known_reply(at, f, dst) : known_orig(at, f, dst);
		return;
	}
	if (!nsn_hooks_any(at->n->hooks, nsn_w_nfproto(at->family), hook))
		return;
	fresh = nsn_and(s, f->set, nsn_is(s, NSN_F_CTSTATE, NSN_CT_NEW));
	if (nsn_empty(fresh))
		return;
	nsn_hooks_hop(at->n->hooks, at->hop);
	nsn_hook_nat(at->n->hooks, nsn_w_nfproto(at->family), hook, fresh, &h,
		     at->r->one ? &t : NULL);
	nsn_w_doubt(at, &t, h.n_nat ? h.nat[0].set : h.go);
	if (at->r->one && h.n_nat && !nsn_empty(h.go))
		at->r->one->unsure = true;
	nsn_trace_clear(&t);
	if (h.n_nat == 0 && h.n_poison == 0 && h.go == fresh)
		return;
	f->set = nsn_or(s, nsn_sub(s, f->set, fresh), h.go);
	for (size_t i = 0; i < h.n_nat; i++)
		asked(at, f, &h.nat[i], dev);
	for (size_t i = 0; i < h.n_poison; i++)
		nsn_w_arrive(at, NSN_ARRIVES_BLIND, NULL, h.poison[i].set,
			     at->path && at->path->routed, h.poison[i].why, &h.poison[i].at);
}
