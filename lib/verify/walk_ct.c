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
	struct nsn_space *s = t->at->s;
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
	if (!reply && state == NSN_CT_ESTABLISHED) {
		set = copy(s, set, NSN_F_OSRC, NSN_F_SRC);
		set = copy(s, set, NSN_F_ODST, NSN_F_DST);
		set = copy(s, set, NSN_F_ODPORT, NSN_F_DPORT);
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
		nsn_w_blind(at, rest, "a helper of conntrack lets connections through");
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
	if (!nsn_empty(rest))
		states(&t, rest);
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
		nsn_set_t set = nsn_put_between(s, f->set, NSN_F_DST, e->ndst.first, e->ndst.last);

		if (e->has_port && !f->related)
			set = nsn_put_between(s, set, NSN_F_DPORT, e->nport.first, e->nport.last);
		return set;
	}
	if (!dst && (e->nat & 1)) {
		nsn_set_t set = nsn_put_between(s, f->set, NSN_F_SRC, e->nsrc.first, e->nsrc.last);

		return f->related ? set : any_sport(s, set, at->family);
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
	turned = nsn_w_turned(s, nsn_kept_set(s, e->orig), at->family, false);
	turned = nsn_forget(s, turned, NSN_F_CTMARK);
	if (f->related) {
		for (int i = 0; i < NSN_FIELDS; i++) {
			if (i != (dst ? NSN_F_DST : NSN_F_SRC))
				turned = nsn_forget(s, turned, (enum nsn_field)i);
		}
		return nsn_and(s, nsn_forget(s, set, dst ? NSN_F_DST : NSN_F_SRC), turned);
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

/* The addresses of a device, or of all, as one range; false: it has none. */
static bool addresses(struct nsn_wat *at, const struct nsn_wlink *dev, struct nsn_range *ret)
{
	const struct nsn_vns *ns = at->n->ns;
	bool any = false;

	for (size_t i = 0; i < ns->n_addrs; i++) {
		nsn_u128 v = nsn_w_ip(&ns->addrs[i].net.ip);

		if (ns->addrs[i].net.ip.family != at->family ||
		    (dev && ns->addrs[i].link != dev->l->index))
			continue;
		if (!any)
			ret->first = ret->last = v;
		if (v < ret->first)
			ret->first = v;
		if (v > ret->last)
			ret->last = v;
		any = true;
	}
	return any;
}

static nsn_set_t nat_bit(struct nsn_space *s, nsn_set_t set, bool source)
{
	const uint32_t src[2] = {NSN_BIT_1, NSN_BIT(NSN_F_CTNAT, 1)},
		       dst[2] = {NSN_BIT(NSN_F_CTNAT, 0), NSN_BIT_1};

	return nsn_assign(s, set, NSN_F_CTNAT, source ? src : dst);
}

static void asked(struct nsn_wat *at, struct nsn_wflow *f, const struct nsn_natted *nat,
		  const struct nsn_wlink *dev)
{
	struct nsn_space *s = at->s;
	struct nsn_wflow *g = nsn_space_alloc(s, sizeof(*g));
	struct nsn_range addr = nat->addr;
	nsn_set_t set = nat->set;
	bool move = nat->has_addr;

	if (nsn_empty(set))
		return;
	if (!nat->has_addr && (nat->masq || !nat->source)) {
		/* masquerade, redirect: without an address the packet is dropped */
		if (!addresses(at, nat->masq || !nat->source ? dev : NULL, &addr))
			return;
		move = true;
	}
	*g = *f;
	if (nat->source) {
		set = copy(s, set, NSN_F_OSRC, NSN_F_SRC);
		if (move)
			set = nsn_put_between(s, set, NSN_F_SRC, addr.first, addr.last);
		set = any_sport(s, set, at->family);
		g->asked.nat |= 1;
	} else {
		set = copy(s, set, NSN_F_ODST, NSN_F_DST);
		set = copy(s, set, NSN_F_ODPORT, NSN_F_DPORT);
		if (move)
			set = nsn_put_between(s, set, NSN_F_DST, addr.first, addr.last);
		if (nat->has_port)
			set = nsn_put_between(s, set, NSN_F_DPORT, nat->port.first, nat->port.last);
		g->asked.nat |= 2;
		g->asked.has_port = nat->has_port;
		g->asked.nport = nat->port;
	}
	if (!move)
		nsn_bounds(s, set, nat->source ? NSN_F_SRC : NSN_F_DST, &addr);
	if (nat->source)
		g->asked.nsrc = addr;
	else
		g->asked.ndst = addr;
	g->set = nsn_w_one_of(at, nat_bit(s, set, nat->source));
	nsn_w_tell(at, NSN_PASSED_NAT, dev ? dev->l->index : 0, "the %s is translated",
		   nat->source ? "source" : "destination");
	g->next = f->next;
	f->next = g;
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
