/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "intent.h"

#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "policy.h"

static bool empty(const uint64_t *bits, size_t words)
{
	for (size_t i = 0; i < words; i++)
		if (bits[i])
			return false;
	return true;
}

/* The first sentence that is in all three (@c may be NULL), or NULL. */
static const struct nsn_sentence *first_of(const struct nsn_ask *ask, const uint64_t *a,
					   const uint64_t *b, const uint64_t *c)
{
	for (size_t i = 0; i < ask->q.words; i++) {
		uint64_t bits = a[i] & b[i] & (c ? c[i] : UINT64_MAX);

		if (bits)
			return &ask->q.sentences[i * 64 + (size_t)__builtin_ctzll(bits)];
	}
	return NULL;
}

/* ---- at one port ---------------------------------------------------------------------- */

static bool has_port(const struct nsn_sentence *s, enum nsn_space space, uint32_t port)
{
	uint32_t first, last;

	for (size_t i = 0; i < s->n_ports; i++)
		if (nsn_ports_range(&s->ports[i], space, &first, &last) && first <= port &&
		    port <= last)
			return true;
	return false;
}

static const struct nsn_sentence *speaks(const struct nsn_ask *ask, enum nsn_space space,
					 uint32_t port, bool deny)
{
	for (size_t i = 0; i < ask->n_list; i++) {
		const struct nsn_sentence *s = &ask->q.sentences[ask->list[i]];

		if (s->policy->deny == deny && has_port(s, space, port))
			return s;
	}
	return NULL;
}

static void answer(struct nsn_answer *ret, enum nsn_verdict verdict, enum nsn_reason reason,
		   const struct nsn_sentence *s)
{
	ret->verdict = verdict;
	ret->reason = reason;
	ret->policy = s ? s->policy : NULL;
	ret->quarantine = NULL;
}

static void answer_nobody(const struct nsn_ask *ask, struct nsn_answer *ret)
{
	answer(ret, NSN_DENIED, ask->same ? NSN_WHY_INSIDE_DENY : NSN_WHY_NO_RULE, NULL);
}

static void answer_open(const struct nsn_ask *ask, struct nsn_answer *ret, enum nsn_space space,
			uint32_t port)
{
	const struct nsn_sentence *s = speaks(ask, space, port, true);

	if (s) {
		answer(ret, NSN_DENIED, NSN_WHY_DENY, s);
		return;
	}
	s = speaks(ask, space, port, false);
	if (s)
		answer(ret, NSN_ALLOWED, NSN_WHY_ALLOW, s);
	else
		answer_nobody(ask, ret);
}

/* Whether a policy publishes it to who is outside: there is no other way in. */
static bool published(const struct nsn_ask *ask, enum nsn_space space, uint32_t port)
{
	for (size_t w = 0; w < ask->q.words; w++)
		for (uint64_t bits = ask->match[w]; bits; bits &= bits - 1) {
			const struct nsn_sentence *s =
				&ask->q.sentences[w * 64 + (size_t)__builtin_ctzll(bits)];

			if (s->policy && s->policy->publish.port && has_port(s, space, port))
				return true;
		}
	return false;
}

/*
 * Neighbours whose frames the bridge switches are not looked at connection by connection:
 * nothing can be kept between them.
 */
static bool keeps(const struct nsn_ask *ask, size_t quarantine, enum nsn_space space, uint32_t port)
{
	if (nsn_ask_inside(ask))
		return false;
	/* To keep what is not published is no mistake, but nobody gets there by it. */
	if (ask->q.can && ask->from->tenant == SIZE_MAX && !published(ask, space, port))
		return false;
	for (size_t i = 0; i < ask->n_list; i++) {
		const struct nsn_sentence *s = &ask->q.sentences[ask->list[i]];

		if (s->quarantine == quarantine && has_port(s, space, port))
			return true;
	}
	return false;
}

/* Each quarantine closes its own border: what one keeps is not kept by another. */
static void answer_closed(const struct nsn_ask *ask, struct nsn_answer *ret, enum nsn_space space,
			  uint32_t port)
{
	const struct nsn_intent *in = ask->q.intent;

	answer(ret, NSN_ALLOWED, NSN_WHY_KEPT, NULL);
	for (size_t i = 0; i < in->n_quarantines; i++) {
		if (!nsn_bit(ask->closed, i))
			continue;
		if (!ret->quarantine)
			ret->quarantine = &in->quarantines[i];
		if (!keeps(ask, i, space, port)) {
			answer(ret, NSN_DENIED, NSN_WHY_QUARANTINE, NULL);
			ret->quarantine = &in->quarantines[i];
			return;
		}
	}
}

/* ---- at all ports ---------------------------------------------------------------------- */

/* Whether this is the answer, so that nothing else needs to be looked at. */
static bool settles(const struct nsn_ask *ask, const struct nsn_answer *a)
{
	return a->verdict == (ask->q.can ? NSN_DENIED : NSN_ALLOWED);
}

/* @fresh: it is the first that is looked at, and so it is the answer until one settles. */
static bool look(const struct nsn_ask *ask, struct nsn_answer *ret, bool closed,
		 enum nsn_space space, uint32_t port, bool fresh)
{
	struct nsn_answer here = *ret;

	if (closed)
		answer_closed(ask, &here, space, port);
	else
		answer_open(ask, &here, space, port);
	if (fresh || settles(ask, &here))
		*ret = here;
	return settles(ask, &here);
}

/*
 * Between two boundaries of what is said nothing changes, so it is enough to
 * look where something begins and behind where it ends.
 */
static void sweep(const struct nsn_ask *ask, struct nsn_answer *ret, bool closed)
{
	uint32_t lo, hi, first, last;
	bool fresh = true;

	for (enum nsn_space space = 0; space < NSN_SPACES; space++) {
		if (!nsn_ports_range(&ask->q.flow->ports, space, &lo, &hi))
			continue;
		if (look(ask, ret, closed, space, lo, fresh))
			return;
		fresh = false;
		for (size_t i = 0; i < ask->n_list; i++) {
			const struct nsn_sentence *s = &ask->q.sentences[ask->list[i]];

			for (size_t k = 0; k < s->n_ports; k++) {
				if (!nsn_ports_range(&s->ports[k], space, &first, &last))
					continue;
				if (first > lo && first <= hi &&
				    look(ask, ret, closed, space, first, false))
					return;
				if (last >= lo && last < hi &&
				    look(ask, ret, closed, space, last + 1, false))
					return;
			}
		}
	}
}

/* Of the pair's sentences the policies, or what is kept by the quarantines it meets. */
static void fill_list(struct nsn_ask *ask, bool closed)
{
	ask->n_list = 0;
	/* Word by word: most have none. */
	for (size_t w = 0; w < ask->q.words; w++)
		for (uint64_t bits = ask->match[w]; bits; bits &= bits - 1) {
			const size_t i = w * 64 + (size_t)__builtin_ctzll(bits);
			const struct nsn_sentence *s = &ask->q.sentences[i];

			if (closed ? !s->policy && nsn_bit(ask->closed, s->quarantine)
				   : !!s->policy)
				ask->list[ask->n_list++] = i;
		}
}

bool nsn_ask_inside(const struct nsn_ask *ask)
{
	return ask->same && !ask->q.intent->tenants[ask->from->tenant].inside_deny;
}

bool nsn_ask_closed(const struct nsn_ask *ask)
{
	return !empty(ask->closed, ask->q.closed_words);
}

bool nsn_ask_said(const struct nsn_ask *ask)
{
	return !empty(ask->match, ask->q.words);
}

void nsn_ask_ports(struct nsn_ask *ask)
{
	fill_list(ask, nsn_ask_closed(ask));
}

bool nsn_ask_port(const struct nsn_ask *ask, enum nsn_space space, uint32_t port)
{
	struct nsn_answer here = {0};

	if (nsn_ask_closed(ask))
		answer_closed(ask, &here, space, port);
	else if (nsn_ask_inside(ask))
		return true;
	else
		answer_open(ask, &here, space, port);
	return here.verdict == NSN_ALLOWED;
}

/* Most pairs are settled without looking at ports: every sentence is about some of them. */
static bool at_once(const struct nsn_ask *ask, struct nsn_answer *ret)
{
	const struct nsn_sentence *allow = first_of(ask, ask->match, ask->allow, NULL);
	const struct nsn_sentence *deny = first_of(ask, ask->match, ask->deny, NULL);
	const struct nsn_sentence *all;

	if (!allow && !deny) {
		answer_nobody(ask, ret);
		return true;
	}
	if (deny && (ask->q.can || !allow)) {
		answer(ret, NSN_DENIED, NSN_WHY_DENY, deny);
		return true;
	}
	if (ask->q.can) {
		all = first_of(ask, ask->match, ask->allow, ask->whole);
		if (all)
			answer(ret, NSN_ALLOWED, NSN_WHY_ALLOW, all);
		return all != NULL;
	}
	if (!deny) {
		answer(ret, NSN_ALLOWED, NSN_WHY_ALLOW, allow);
		return true;
	}
	all = first_of(ask, ask->match, ask->deny, ask->whole);
	if (all)
		answer(ret, NSN_DENIED, NSN_WHY_DENY, all);
	return all != NULL;
}

/* ---- pairs ------------------------------------------------------------------------------ */

/*
 * A tenant in quarantine is so for whoever is not of it. Within a tenant both ends have
 * its bit; one alone has that of an endpoint in quarantine, for its neighbours, too.
 */
void nsn_ask_pair(struct nsn_ask *ask, const struct nsn_atom *a, const struct nsn_atom *b)
{
	ask->from = a;
	ask->to = b;
	ask->same = a->tenant == b->tenant;
	for (size_t i = 0; i < ask->q.words; i++)
		ask->match[i] = a->bits[i] & b->bits[i];
	for (size_t i = 0; i < ask->q.closed_words; i++) {
		uint64_t x = a->bits[ask->q.words + i], y = b->bits[ask->q.words + i];

		ask->closed[i] = ask->same ? x ^ y : x | y;
	}
}

static void decide(struct nsn_ask *ask, struct nsn_answer *ret)
{
	const bool closed = nsn_ask_closed(ask);

	if (!closed && nsn_ask_inside(ask)) {
		answer(ret, NSN_ALLOWED, NSN_WHY_SAME_TENANT, NULL);
		return;
	}
	if (!closed && at_once(ask, ret))
		return;
	fill_list(ask, closed);
	sweep(ask, ret, closed);
}

/* True: it is the answer. @ret begins with the answer of the first pair. */
static bool look_at_pair(struct nsn_ask *ask, struct nsn_answer *ret, bool *seen,
			 const struct nsn_atom *a, const struct nsn_atom *b)
{
	struct nsn_answer here = {.from_tenant = a->tenant,
				  .from_endpoint = a->endpoint,
				  .to_tenant = b->tenant,
				  .to_endpoint = b->endpoint};

	if (a->tenant == b->tenant && a->endpoint == b->endpoint && b->other != SIZE_MAX)
		here.to_endpoint = b->other;
	nsn_ask_pair(ask, a, b);
	decide(ask, &here);
	if (!*seen || settles(ask, &here))
		*ret = here;
	*seen = true;
	return settles(ask, &here);
}

/* Two of the groups that are of different tenants, if there are any; true: the answer. */
static bool look_at_groups(struct nsn_ask *ask, struct nsn_answer *ret, bool *seen,
			   const struct nsn_group *g, const struct nsn_group *h)
{
	const size_t from[] = {g->one, g->other}, to[] = {h->one, h->other};

	for (size_t i = 0; i < 4; i++) {
		size_t x = from[i / 2], y = to[i % 2];

		if (x == SIZE_MAX || y == SIZE_MAX)
			continue;
		if (ask->q.from.atoms[x].tenant == ask->q.to.atoms[y].tenant)
			continue;
		return look_at_pair(ask, ret, seen, &ask->q.from.atoms[x], &ask->q.to.atoms[y]);
	}
	return false;
}

static bool across(struct nsn_ask *ask, struct nsn_answer *ret, bool *seen)
{
	for (size_t i = 0; i < ask->q.from.n_groups; i++)
		for (size_t k = 0; k < ask->q.to.n_groups; k++)
			if (look_at_groups(ask, ret, seen, &ask->q.from.groups[i],
					   &ask->q.to.groups[k]))
				return true;
	return false;
}

/* @self gets what has only itself to talk to. */
static bool within(struct nsn_ask *ask, struct nsn_answer *ret, bool *seen,
		   const struct nsn_atom **self)
{
	const struct nsn_side *from = &ask->q.from, *to = &ask->q.to;

	for (size_t t = 0; t < ask->q.intent->n_tenants; t++)
		for (size_t i = from->first[t]; i < from->first[t + 1]; i++)
			for (size_t k = to->first[t]; k < to->first[t + 1]; k++) {
				const struct nsn_atom *a = &from->atoms[i], *b = &to->atoms[k];

				if (a->endpoint == b->endpoint && a->other == SIZE_MAX)
					*self = a;
				else if (look_at_pair(ask, ret, seen, a, b))
					return true;
			}
	return false;
}

/*
 * An endpoint reaches itself. But a tenant with one endpoint is asked for as a tenant: what
 * would be the answer if it had two.
 */
static void look_at_self(struct nsn_ask *ask, struct nsn_answer *ret, const struct nsn_atom *self)
{
	bool seen = false;

	(void)look_at_pair(ask, ret, &seen, self, self);
	if (ask->q.from.only != SIZE_MAX && ask->q.to.only != SIZE_MAX)
		answer(ret, NSN_ALLOWED, NSN_WHY_SAME_TENANT, NULL);
}

/* ---- all of it --------------------------------------------------------------------------- */

int nsn_ask_prepare(struct nsn_ask *ask, struct nsnet_err *err)
{
	struct nsn_arena *arena = &ask->q.arena;
	int r = nsn_question_make(&ask->q, err);
	size_t words = ask->q.words;

	if (r < 0)
		return r;
	ask->allow = nsn_arena_alloc(arena, 4 * words * sizeof(uint64_t));
	ask->closed = nsn_arena_alloc(arena, ask->q.closed_words * sizeof(uint64_t));
	ask->list = nsn_arena_alloc(arena, ask->q.n_sentences * sizeof(*ask->list));
	if (!ask->allow || !ask->closed || !ask->list)
		return nsn_err_nomem(err);
	ask->deny = ask->allow + words;
	ask->whole = ask->deny + words;
	ask->match = ask->whole + words;
	for (size_t i = 0; i < ask->q.n_sentences; i++) {
		const struct nsn_sentence *s = &ask->q.sentences[i];
		const uint64_t bit = UINT64_C(1) << (i % 64);

		if (s->policy)
			(s->policy->deny ? ask->deny : ask->allow)[i / 64] |= bit;
		for (size_t k = 0; k < s->n_ports; k++)
			if (nsn_ports_within(&ask->q.flow->ports, &s->ports[k]))
				ask->whole[i / 64] |= bit;
	}
	return 0;
}

static bool may_be_tenant(const struct nsn_peer *p)
{
	return nsn_peer_is_tenants(p) || p->kind == NSN_PEER_ANY;
}

static int run(struct nsn_ask *ask, struct nsn_answer *ret, struct nsnet_err *err)
{
	const struct nsn_atom *self = NULL;
	struct nsn_answer a = {NSN_DENIED, NSN_WHY_NO_RULE, NULL,     NULL,
			       SIZE_MAX,   SIZE_MAX,	    SIZE_MAX, SIZE_MAX};
	bool seen = false;
	int r;

	r = nsn_ask_prepare(ask, err);
	if (r < 0)
		return r;
	if (!across(ask, &a, &seen) && !within(ask, &a, &seen, &self) && !seen && self)
		look_at_self(ask, &a, self);
	*ret = a;
	return 0;
}

int nsn_intent_ask(struct nsn_answer *ret, const struct nsn_intent *intent,
		   const struct nsn_flow *flow, bool can, struct nsnet_err *err)
{
	struct nsn_ask ask = {.q = {.intent = intent, .flow = flow, .can = can}};
	char text[NSN_FLOW_STRLEN];
	int r;

	if (!may_be_tenant(&flow->from) && !may_be_tenant(&flow->to))
		return nsn_err(err, -EINVAL, NSNET_E_BAD_FLOW,
			       "'%s' is decided by others: neither side is a tenant",
			       nsn_flow_str(flow, text));
	r = run(&ask, ret, err);
	nsn_arena_free(&ask.q.arena);
	return r;
}
