/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "intent.h"

/* ---- atoms of tenants ----------------------------------------------------------------------- */

/* By all endpoints of all tenants: which are named alone, on whatever side. */
struct named {
	size_t *base; /* by tenant */
	bool *is;
};

static void name_one(const struct nsn_question *q, struct named *named, const struct nsn_peer *p)
{
	size_t t, e;

	if (p->kind != NSN_PEER_ENDPOINT)
		return;
	t = nsn_who_tenant(q, p->tenant);
	if (t == SIZE_MAX || !(q->from.has[t] || q->to.has[t]))
		return;
	e = nsn_who_endpoint(q, t, p->endpoint);
	if (e != SIZE_MAX)
		named->is[named->base[t] + e] = true;
}

static void name_list(const struct nsn_question *q, struct named *named,
		      const struct nsn_peer *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		name_one(q, named, &list[i]);
}

/* Whatever an intent says, in force or not. */
static void name_said(const struct nsn_question *q, struct named *named,
		      const struct nsn_intent *in)
{
	for (size_t i = 0; i < in->n_policies; i++) {
		name_list(q, named, in->policies[i].from, in->policies[i].n_from);
		name_list(q, named, in->policies[i].to, in->policies[i].n_to);
	}
	for (size_t i = 0; i < in->n_quarantines; i++) {
		const struct nsn_quarantine *cut = &in->quarantines[i];

		name_one(q, named, &cut->who);
		for (size_t k = 0; k < cut->n_keep; k++) {
			name_one(q, named, &cut->keep[k].from);
			name_one(q, named, &cut->keep[k].to);
		}
	}
}

/* Endpoints that the same tenant of the other intent has not. */
static void name_new(const struct nsn_question *q, struct named *named)
{
	for (size_t i = 0; i < q->also->n_tenants; i++) {
		const struct nsn_tenant *other = &q->also->tenants[i], *t;
		size_t at = nsn_who_tenant(q, other->name);

		if (at == SIZE_MAX)
			continue;
		t = &q->intent->tenants[at];
		for (size_t e = 0; e < t->n_endpoints; e++)
			if (!nsn_tenant_endpoint(other, t->endpoints[e].name))
				named->is[named->base[at] + e] = true;
	}
}

/* The same for both sides: so two atoms are one and the same or have nothing in common. */
static int name_all(struct nsn_question *q, struct named *named, struct nsnet_err *err)
{
	const struct nsn_intent *in = q->intent;
	size_t n = 0;

	named->base = nsn_arena_alloc(&q->arena, in->n_tenants * sizeof(*named->base));
	for (size_t t = 0; named->base && t < in->n_tenants; t++) {
		named->base[t] = n;
		n += in->tenants[t].n_endpoints;
	}
	named->is = nsn_arena_alloc(&q->arena, n * sizeof(*named->is));
	if (!named->base || !named->is)
		return nsn_err_nomem(err);
	name_one(q, named, &q->flow->from);
	name_one(q, named, &q->flow->to);
	for (size_t i = 0; i < q->n_sentences; i++) {
		for (size_t k = 0; k < q->sentences[i].n_from; k++)
			name_one(q, named, &q->sentences[i].from[k]);
		for (size_t k = 0; k < q->sentences[i].n_to; k++)
			name_one(q, named, &q->sentences[i].to[k]);
	}
	for (size_t i = 0; i < in->n_quarantines; i++)
		name_one(q, named, &in->quarantines[i].who);
	if (q->also) {
		name_said(q, named, q->intent);
		name_said(q, named, q->also);
		name_new(q, named);
	}
	return 0;
}

static struct nsn_atom *add(struct nsn_side *side, size_t tenant, size_t endpoint)
{
	struct nsn_atom *a = &side->atoms[side->n_atoms++];

	*a = (struct nsn_atom){.tenant = tenant, .endpoint = endpoint, .other = SIZE_MAX};
	return a;
}

/* Those that are named, and all others as one. */
static void add_tenant(const struct nsn_question *q, struct nsn_side *side, size_t t,
		       const bool *named)
{
	const struct nsn_tenant *tenant = &q->intent->tenants[t];
	struct nsn_atom *rest = NULL;

	if (side->only != SIZE_MAX || tenant->n_endpoints == 0) {
		add(side, t, side->only)->rest = side->only == SIZE_MAX;
		return;
	}
	for (size_t e = 0; e < tenant->n_endpoints; e++) {
		if (named[e])
			add(side, t, e);
		else if (!rest)
			(rest = add(side, t, e))->rest = true;
		else if (rest->other == SIZE_MAX)
			rest->other = e;
	}
}

/* ---- atoms of addresses ------------------------------------------------------------------------
 */

static void add_outside(struct nsn_side *side, const struct nsn_prefix *net, bool host,
			bool internet)
{
	struct nsn_atom *a = add(side, SIZE_MAX, SIZE_MAX);

	a->host = host;
	a->internet = internet;
	if (net)
		a->net = *net;
}

/* The network of a sentence, as far as the flow has it: its internet, the rest of it, or both. */
static void add_net(const struct nsn_question *q, struct nsn_side *side,
		    const struct nsn_prefix *net)
{
	const struct nsn_peer *p = side->peer;
	bool some, some_not;

	if (p->kind == NSN_PEER_HOST ||
	    (p->kind == NSN_PEER_CIDR && !nsn_prefix_within(net, &p->cidr)))
		return;
	nsn_internet_has(q->intent, net, &some, &some_not);
	if (some)
		add_outside(side, net, false, true);
	if (some_not && p->kind != NSN_PEER_INTERNET)
		add_outside(side, net, false, false);
}

/*
 * A network is what lies beyond the host, so that `can` does not ask for the host's own
 * address in it; but `cannot` does. One address is whatever it is.
 */
static void add_host_of(const struct nsn_question *q, struct nsn_side *side)
{
	const struct nsn_prefix *net = &side->peer->cidr;

	if (q->can ? nsn_host_is(q->intent, net) : nsn_host_in(q->intent, net))
		add_outside(side, NULL, true, false);
}

static int by_prefix(const void *a, const void *b)
{
	return nsn_prefix_cmp(a, b);
}

/* Networks are nested or apart, so each, without the smaller ones in it, is a part. */
static void add_addresses(const struct nsn_question *q, struct nsn_side *side,
			  struct nsn_prefix *nets, size_t n)
{
	const enum nsn_peer_kind kind = side->peer->kind;

	if (kind == NSN_PEER_HOST || kind == NSN_PEER_ANY)
		add_outside(side, NULL, true, false);
	if (kind == NSN_PEER_INTERNET || kind == NSN_PEER_ANY)
		add_outside(side, NULL, false, true);
	if (kind == NSN_PEER_ANY)
		add_outside(side, NULL, false, false);
	if (kind == NSN_PEER_CIDR) {
		add_host_of(q, side);
		nets[n++] = side->peer->cidr;
	}
	qsort(nets, n, sizeof(*nets), by_prefix);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || nsn_prefix_cmp(&nets[i - 1], &nets[i]) != 0)
			add_net(q, side, &nets[i]);
}

/* All networks that sentences name on the side; @nets NULL: how many there are. */
static size_t networks(const struct nsn_question *q, const struct nsn_side *side,
		       struct nsn_prefix *nets)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n_sentences; i++) {
		const struct nsn_sentence *s = &q->sentences[i];
		const struct nsn_peer *peers = side == &q->from ? s->from : s->to;
		const size_t n_peers = side == &q->from ? s->n_from : s->n_to;

		for (size_t k = 0; k < n_peers; k++) {
			if (peers[k].kind != NSN_PEER_CIDR)
				continue;
			if (nets)
				nets[n] = peers[k].cidr;
			n++;
		}
	}
	return n;
}

/* ---- bits ---------------------------------------------------------------------------------- */

static bool outside_is(const struct nsn_atom *a, const struct nsn_peer *p)
{
	return p->kind == NSN_PEER_ANY || (p->kind == NSN_PEER_HOST && a->host) ||
	       (p->kind == NSN_PEER_INTERNET && a->internet) ||
	       (p->kind == NSN_PEER_CIDR && a->net.ip.family &&
		nsn_prefix_within(&a->net, &p->cidr));
}

static void set(struct nsn_atom *a, size_t bit)
{
	a->bits[bit / 64] |= UINT64_C(1) << (bit % 64);
}

/* @endpoint SIZE_MAX: all of them. */
static void set_tenant(struct nsn_side *side, size_t t, size_t endpoint, size_t bit)
{
	for (size_t i = side->first[t]; i < side->first[t + 1]; i++)
		if (endpoint == SIZE_MAX || side->atoms[i].endpoint == endpoint)
			set(&side->atoms[i], bit);
}

/*
 * The bit for all atoms that the peer has. @beyond: also for those outside, whom `any` of
 * what allows does not let in: they come by what is published.
 */
static void set_peer(const struct nsn_question *q, struct nsn_side *side, const struct nsn_peer *p,
		     size_t bit, bool beyond)
{
	size_t t, e = SIZE_MAX;

	if (p->kind == NSN_PEER_TENANT || p->kind == NSN_PEER_ENDPOINT) {
		t = nsn_who_tenant(q, p->tenant);
		if (t == SIZE_MAX || !side->has[t])
			return;
		if (p->kind == NSN_PEER_ENDPOINT) {
			e = nsn_who_endpoint(q, t, p->endpoint);
			if (e == SIZE_MAX)
				return;
		}
		set_tenant(side, t, e, bit);
		return;
	}
	for (t = 0; t < q->intent->n_tenants; t++)
		if (p->kind == NSN_PEER_TENANTS || p->kind == NSN_PEER_ANY ||
		    (p->kind == NSN_PEER_LABEL &&
		     nsn_who_carries(&q->intent->tenants[t], &p->label)))
			set_tenant(side, t, SIZE_MAX, bit);
	for (size_t i = side->n_inside; beyond && i < side->n_atoms; i++)
		if (outside_is(&side->atoms[i], p))
			set(&side->atoms[i], bit);
}

/* Whether who is outside can be meant by `from`. */
static bool lets_in(const struct nsn_sentence *s)
{
	return !s->policy || s->policy->deny || s->policy->publish.port;
}

static int set_bits(struct nsn_question *q, struct nsn_side *side, struct nsnet_err *err)
{
	const size_t words = q->words + q->closed_words;
	uint64_t *bits = nsn_arena_alloc(&q->arena, side->n_atoms * words * sizeof(*bits));

	if (!bits)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < side->n_atoms; i++)
		side->atoms[i].bits = bits + i * words;
	for (size_t i = 0; i < q->n_sentences; i++) {
		const struct nsn_sentence *s = &q->sentences[i];
		const struct nsn_peer *peers = side == &q->from ? s->from : s->to;
		const size_t n = side == &q->from ? s->n_from : s->n_to;

		for (size_t k = 0; k < n; k++)
			set_peer(q, side, &peers[k], i, side == &q->to || lets_in(s));
	}
	for (size_t i = 0; i < q->intent->n_quarantines; i++)
		set_peer(q, side, &q->intent->quarantines[i].who, q->words * 64 + i, true);
	return 0;
}

/* ---- groups -----------------------------------------------------------------------------------
 */

struct order {
	const struct nsn_question *q;
	const struct nsn_side *side;
};

static int by_bits(const void *a, const void *b, void *ctx)
{
	const struct order *o = ctx;
	const size_t x = *(const size_t *)a, y = *(const size_t *)b;
	const size_t words = o->q->words + o->q->closed_words;
	int r = memcmp(o->side->atoms[x].bits, o->side->atoms[y].bits, words * sizeof(uint64_t));

	return r ? r : x < y ? -1 : x > y;
}

static int by_one(const void *a, const void *b)
{
	const struct nsn_group *x = a, *y = b;

	return x->one < y->one ? -1 : x->one > y->one;
}

static int make_groups(struct nsn_question *q, struct nsn_side *side, struct nsnet_err *err)
{
	const size_t size = (q->words + q->closed_words) * sizeof(uint64_t);
	size_t *order = nsn_arena_alloc(&q->arena, side->n_atoms * sizeof(*order));
	struct nsn_group *g = NULL;

	side->groups = nsn_arena_alloc(&q->arena, side->n_atoms * sizeof(*side->groups));
	if (!order || !side->groups)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < side->n_atoms; i++)
		order[i] = i;
	qsort_r(order, side->n_atoms, sizeof(*order), by_bits, &(struct order){q, side});
	for (size_t i = 0; i < side->n_atoms; i++) {
		const struct nsn_atom *a = &side->atoms[order[i]];

		if (!g || memcmp(side->atoms[g->one].bits, a->bits, size) != 0) {
			g = &side->groups[side->n_groups++];
			*g = (struct nsn_group){order[i], SIZE_MAX};
		} else if (g->other == SIZE_MAX && side->atoms[g->one].tenant != a->tenant) {
			g->other = order[i];
		}
	}
	/* So that the first pair of the flow is the first that is looked at. */
	qsort(side->groups, side->n_groups, sizeof(*side->groups), by_one);
	return 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static int make_side(struct nsn_question *q, struct nsn_side *side, const struct named *named,
		     struct nsnet_err *err)
{
	const struct nsn_intent *in = q->intent;
	const size_t n_nets = side->outside ? networks(q, side, NULL) : 0;
	struct nsn_prefix *nets;
	size_t n = 3 + 2 * (n_nets + 1);
	int r;

	for (size_t t = 0; t < in->n_tenants; t++)
		n += side->has[t] ? in->tenants[t].n_endpoints + 1 : 0;
	side->atoms = nsn_arena_alloc(&q->arena, n * sizeof(*side->atoms));
	side->first = nsn_arena_alloc(&q->arena, (in->n_tenants + 1) * sizeof(*side->first));
	nets = nsn_arena_alloc(&q->arena, (n_nets + 1) * sizeof(*nets));
	if (!side->atoms || !side->first || !nets)
		return nsn_err_nomem(err);
	for (size_t t = 0; t < in->n_tenants; t++) {
		side->first[t] = side->n_atoms;
		if (side->has[t])
			add_tenant(q, side, t, named->is + named->base[t]);
	}
	side->first[in->n_tenants] = side->n_inside = side->n_atoms;
	if (side->outside) {
		networks(q, side, nets);
		add_addresses(q, side, nets, n_nets);
	}
	r = set_bits(q, side, err);
	return r < 0 ? r : make_groups(q, side, err);
}

int nsn_question_make(struct nsn_question *q, struct nsnet_err *err)
{
	const size_t n = q->intent->n_tenants;
	struct named named = {0};
	int r;

	q->from.peer = &q->flow->from;
	q->to.peer = &q->flow->to;
	q->by_name = nsn_arena_alloc(&q->arena, n * sizeof(*q->by_name));
	q->from.has = nsn_arena_alloc(&q->arena, n * sizeof(*q->from.has));
	q->to.has = nsn_arena_alloc(&q->arena, n * sizeof(*q->to.has));
	if (!q->by_name || !q->from.has || !q->to.has)
		return nsn_err_nomem(err);
	nsn_who_index(q);
	r = nsn_side_choose(q, &q->from, err);
	if (r == 0)
		r = nsn_side_choose(q, &q->to, err);
	if (r == 0)
		r = nsn_take_sentences(q, err);
	if (r == 0)
		r = name_all(q, &named, err);
	if (r == 0)
		r = make_side(q, &q->from, &named, err);
	if (r == 0)
		r = make_side(q, &q->to, &named, err);
	return r;
}
