/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows_in.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../base/cleanup.h"

/* ---- claims of a translated source ------------------------------------------------------ */

/* Whether a quarantine closes a single endpoint of the source. */
static bool closes_source(const struct nsn_claims *c, const struct nsn_quarantine *q)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->list[i].rank == NSN_QUARANTINED && c->list[i].of == q && c->list[i].from)
			return true;
	return false;
}

/*
 * Where the source is translated its endpoints cannot be told apart: what one of
 * them may, the address may, and what only one of them may not is left to the
 * gateway at the other end. What closes one endpoint is forgotten, what it keeps
 * is not.
 */
static void forget_sources(struct nsn_claims *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->n; i++)
		if (c->list[i].rank == NSN_KEEP && closes_source(c, c->list[i].of))
			c->list[i].rank = NSN_ALLOW;
	for (i = 0; i < c->n; i++) {
		bool closes = c->list[i].rank == NSN_DENY || c->list[i].rank == NSN_QUARANTINED;

		if (c->list[i].from && closes)
			continue;
		c->list[n] = c->list[i];
		c->list[n++].from = NULL;
	}
	c->n = n;
}

/* ---- atoms of tenants ------------------------------------------------------------------ */

void nsn_parts_clear(struct nsn_parts *p)
{
	nsn_freep(&p->list);
	nsn_freep(&p->ranges);
}

const struct nsn_prefix *nsn_subnet_of(const struct nsn_tenant *t, uint8_t family)
{
	return family == AF_INET6 ? &t->subnet6 : &t->subnet;
}

static const struct nsn_ip *address(const struct nsn_endpoint *e, uint8_t family)
{
	return family == AF_INET6 ? &e->ip6 : &e->ip;
}

static int by_ip(const void *a, const void *b)
{
	const struct nsn_part *x = a, *y = b;

	return nsn_ip_cmp(&x->ranges->first, &y->ranges->first);
}

struct nsn_ip nsn_ip_before(struct nsn_ip ip)
{
	size_t i = nsn_ip_bits(&ip) / 8;

	while (i-- > 0 && ip.bytes[i]-- == 0)
		;
	return ip;
}

/* What is left of the subnet around the endpoints, which are in order. */
static void rest_of(struct nsn_part *rest, const struct nsn_part *list, size_t n,
		    const struct nsn_prefix *subnet)
{
	struct nsn_ip next = nsn_prefix_network(subnet);
	const struct nsn_ip last = nsn_prefix_last(subnet);
	size_t i;

	for (i = 0; i < n; i++) {
		const struct nsn_ip *ip = &list[i].ranges->first;

		if (nsn_ip_cmp(&next, ip) < 0)
			rest->ranges[rest->n++] = (struct nsn_range){next, nsn_ip_before(*ip)};
		next = nsn_ip_add(ip, 1);
	}
	/* Behind the last address of the family comes the first: then nothing is left. */
	if (nsn_ip_cmp(&next, &last) <= 0 && nsn_prefix_has(subnet, &next))
		rest->ranges[rest->n++] = (struct nsn_range){next, last};
}

/* @mentioned: by their claims, each once. The rest of the subnet comes last. */
static int make_atoms(struct nsn_parts *a, const struct nsn_endpoint *const *mentioned, size_t n,
		      const struct nsn_prefix *subnet, uint8_t family)
{
	size_t i;

	a->list = calloc(n + 1, sizeof(*a->list));
	a->ranges = calloc(2 * n + 1, sizeof(*a->ranges));
	if (!a->list || !a->ranges)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		a->ranges[i] = (struct nsn_range){*address(mentioned[i], family),
						  *address(mentioned[i], family)};
		a->list[i] = (struct nsn_part){mentioned[i], &a->ranges[i], 1};
	}
	qsort(a->list, n, sizeof(*a->list), by_ip);
	a->list[n].ranges = &a->ranges[n];
	rest_of(&a->list[n], a->list, n, subnet);
	a->n = n + 1;
	return 0;
}

/* The endpoints that claims mention on one side and that have an address. Returns how many. */
static size_t mentioned_in(const struct nsn_endpoint **ret, const struct nsn_claim *const *list,
			   size_t n_list, bool from, uint8_t family)
{
	size_t i, k, n = 0;

	for (i = 0; i < n_list; i++) {
		const struct nsn_endpoint *e = from ? list[i]->from : list[i]->to;

		if (!e || !address(e, family)->family)
			continue;
		for (k = 0; k < n && ret[k] != e; k++)
			;
		if (k == n)
			ret[n++] = e;
	}
	return n;
}

int nsn_parts_of_tenant(struct nsn_parts *ret, const struct nsn_claim *const *list, size_t n_list,
			bool from, const struct nsn_tenant *t, uint8_t family)
{
	NSN_AUTO(nsn_freep)
	const struct nsn_endpoint **mentioned = calloc(n_list + 1, sizeof(*mentioned));
	size_t n;

	if (!mentioned)
		return -ENOMEM;
	n = mentioned_in(mentioned, list, n_list, from, family);
	return make_atoms(ret, mentioned, n, nsn_subnet_of(t, family), family);
}

/* ---- from one side to the other ------------------------------------------------------- */

/* Those of @list that are about an atom of one side. Returns how many. */
static size_t about(const struct nsn_claim **ret, const struct nsn_claim *const *list,
		    size_t n_list, bool from, const struct nsn_endpoint *e)
{
	size_t i, n = 0;

	for (i = 0; i < n_list; i++) {
		const struct nsn_endpoint *of = from ? list[i]->from : list[i]->to;

		if (!of || of == e)
			ret[n++] = list[i];
	}
	return n;
}

struct search {
	struct nsn_boxes *boxes;
	const struct nsn_side *to;
	uint8_t family;
	const struct nsn_claim **all, **of_from, **of_pair;
	size_t n;
};

static int from_atom(struct search *s, const struct nsn_part *from)
{
	NSN_AUTO(nsn_parts_clear) struct nsn_parts to = {0};
	size_t n = about(s->of_from, s->all, s->n, true, from->e), i;
	int r;

	if (n == 0 || from->n == 0)
		return 0;
	r = nsn_parts_of_tenant(&to, s->of_from, n, false, s->to->tenant, s->family);
	for (i = 0; r == 0 && i < to.n; i++) {
		struct nsn_row row = {.list = s->of_pair};

		row.n = about(s->of_pair, s->of_from, n, false, to.list[i].e);
		r = nsn_boxes_of_pair(s->boxes, from, &to.list[i], &row);
	}
	return r;
}

/* A translated source is one atom, its address on the cable. */
static int search_from(struct search *s, const struct nsn_side *from, const struct nsn_ip *as)
{
	NSN_AUTO(nsn_parts_clear) struct nsn_parts list = {0};
	struct nsn_range range = {*as, *as};
	const struct nsn_part one = {NULL, &range, 1};
	size_t i;
	int r;

	if (as->family)
		return from_atom(s, &one);
	r = nsn_parts_of_tenant(&list, s->all, s->n, true, from->tenant, s->family);
	for (i = 0; r == 0 && i < list.n; i++)
		r = from_atom(s, &list.list[i]);
	return r;
}

int nsn_flows_between(struct nsn_boxes *ret, const struct nsn_intent *intent,
		      const struct nsn_side *from, const struct nsn_side *to, uint8_t family)
{
	const struct nsn_ip *as = family == AF_INET6 ? &from->as6 : &from->as4;
	NSN_AUTO(nsn_claims_clear) struct nsn_claims claims = {0};
	NSN_AUTO(nsn_freep) const struct nsn_claim **room = NULL;
	struct search s = {.boxes = ret, .to = to, .family = family};
	size_t i;
	int r;

	if (!nsn_subnet_of(from->tenant, family)->ip.family ||
	    !nsn_subnet_of(to->tenant, family)->ip.family ||
	    (family == AF_INET6 ? to->as6.family : to->as4.family))
		return 0;
	r = nsn_claim_between(&claims, intent, from->tenant, to->tenant);
	if (r < 0 || claims.n == 0)
		return r;
	if (as->family)
		forget_sources(&claims);
	room = calloc(3 * claims.n + 1, sizeof(*room));
	if (!room)
		return -ENOMEM;
	for (i = 0; i < claims.n; i++)
		room[i] = &claims.list[i];
	s.n = claims.n;
	s.all = room;
	s.of_from = room + claims.n;
	s.of_pair = room + 2 * claims.n;
	return search_from(&s, from, as);
}

/* Whether one of the quarantines closes all of it; @of NULL: whichever. */
static bool is_closed(const struct nsn_claims *c, const struct nsn_quarantine *of)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->list[i].rank == NSN_QUARANTINED &&
		    (of ? c->list[i].of == of : !c->list[i].from && !c->list[i].to))
			return true;
	return false;
}

bool nsn_flows_join(const struct nsn_intent *intent, const struct nsn_tenant *from,
		    const struct nsn_tenant *to)
{
	NSN_AUTO(nsn_claims_clear) struct nsn_claims c = {0};
	size_t i;

	/* Without memory: joined by nothing. Whoever asks will meet that again. */
	if (nsn_claim_between(&c, intent, from, to) < 0)
		return false;
	for (i = 0; i < c.n; i++)
		if ((c.list[i].rank == NSN_ALLOW && !is_closed(&c, NULL)) ||
		    (c.list[i].rank == NSN_KEEP && is_closed(&c, c.list[i].of)))
			return true;
	return false;
}
