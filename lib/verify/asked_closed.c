/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "asked_parts.h"

/*
 * Whether it closes what is between those two endpoints. That of an endpoint is for its
 * neighbours, too; that of a tenant or of a label leaves the inside of a tenant alone.
 */
static bool closes(const struct nsn_pair *p, const struct nsn_closed *c, size_t from, size_t to)
{
	const bool x = nsn_asked_names(p->a, &c->who, p->from, from);
	const bool y = nsn_asked_names(p->a, &c->who, p->to, to);

	if (p->from == p->to)
		return c->who.endpoint != SIZE_MAX && x != y;
	return x || y;
}

/* The quarantines that can be about the pair. */
static int find_closed(struct nsn_pair *p, struct nsn_list *ret)
{
	const size_t sides[] = {p->from, p->to};

	for (size_t i = 0; i < (p->from == p->to ? 1 : 2); i++) {
		const struct nsn_list *keys = &p->a->keys[sides[i]];

		for (size_t k = 0; k < keys->n; k++) {
			const struct nsn_list *l = &p->a->border[keys->v[k]];

			/* What names both was found at the first. */
			for (size_t m = 0; m < l->n; m++) {
				void *v = ret->v;
				int r;

				if (i == 1 && nsn_asked_has_key(p->a, p->from, keys->v[k]))
					continue;
				r = nsn_asked_grow(&v, ret->n, sizeof(*ret->v), p->err);
				if (r < 0)
					return r;
				ret->v = v;
				ret->v[ret->n++] = l->v[m];
			}
		}
	}
	return 0;
}

static int deny_box(struct nsn_pair *p, const struct nsn_closed *c, struct nsn_box b, bool at_dst,
		    struct nsn_range peer)
{
	struct nsn_box all;

	b.kept = c->quarantine;
	*(at_dst ? &b.src : &b.dst) = peer;
	if (peer.first > peer.last || !nsn_pair_whole(p, b.family, &all) ||
	    !nsn_box_narrow(&b, &all))
		return 0;
	return nsn_pair_add(p, &p->ret->deny, &p->ret->n_deny, &b);
}

/* All that goes over its border: of an endpoint inside its tenant, what is on either side of it. */
static int close_family(struct nsn_pair *p, const struct nsn_closed *c, uint8_t family)
{
	const size_t sides[] = {p->from, p->to};
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		struct nsn_range own, peer;
		struct nsn_box b;

		if (!nsn_asked_has_key(p->a, sides[i], c->who.key) ||
		    !nsn_pair_whole(p, family, &b) ||
		    !nsn_pair_span(&p->a->in->tenants[sides[i]], c->who.endpoint, family, &own))
			continue;
		peer = i ? b.src : b.dst;
		*(i ? &b.dst : &b.src) = own;
		if (p->from != p->to) {
			r = deny_box(p, c, b, i, peer);
			continue;
		}
		if (own.first > peer.first)
			r = deny_box(p, c, b, i, (struct nsn_range){peer.first, own.first - 1});
		if (r == 0 && own.last < peer.last)
			r = deny_box(p, c, b, i, (struct nsn_range){own.last + 1, peer.last});
	}
	return r;
}

static int close_borders(struct nsn_pair *p, const struct nsn_list *closed)
{
	int r = 0;

	for (size_t i = 0; i < closed->n; i++) {
		const struct nsn_closed *c = &p->a->closed[closed->v[i]];

		if (p->from == p->to && c->who.endpoint == SIZE_MAX)
			continue;
		for (size_t k = 0; r == 0 && k < NSN_FAMILIES; k++)
			r = close_family(p, c, nsn_families[k]);
	}
	return r;
}

static int by_span(const void *a, const void *b)
{
	const struct nsn_asked_part *x = a, *y = b;

	return x->span.first < y->span.first ? -1 : x->span.first > y->span.first;
}

/* At most two for each quarantine, and one. */
int nsn_asked_cut(const struct nsn_asked *a, const struct nsn_list *closed, size_t tenant,
		  uint8_t family, struct nsn_asked_part **ret, size_t *n, struct nsnet_err *err)
{
	struct nsn_asked_part *v = calloc(2 * closed->n + 1, sizeof(*v));
	struct nsn_range all = {0};
	size_t named = 0, rest;
	nsn_u128 at;

	*ret = v;
	if (!v)
		return nsn_err_nomem(err);
	(void)nsn_pair_span(&a->in->tenants[tenant], SIZE_MAX, family, &all);
	for (size_t i = 0; i < closed->n; i++) {
		const struct nsn_asked_who *w = &a->closed[closed->v[i]].who;

		if (w->key != tenant || w->endpoint == SIZE_MAX)
			continue;
		if (nsn_pair_span(&a->in->tenants[tenant], w->endpoint, family, &v[named].span))
			v[named++].endpoint = w->endpoint;
	}
	qsort(v, named, sizeof(*v), by_span);
	at = all.first;
	rest = named;
	for (size_t i = 0; i < named; i++) {
		if (v[i].span.first > at)
			v[rest++] = (struct nsn_asked_part){SIZE_MAX, {at, v[i].span.first - 1}};
		if (v[i].span.last >= at)
			at = v[i].span.last + 1;
	}
	if (at <= all.last)
		v[rest++] = (struct nsn_asked_part){SIZE_MAX, {at, all.last}};
	*n = rest;
	return 0;
}

/* Of two parts what is kept by every quarantine whose border is between them. */
static int keep_parts(struct nsn_pair *p, const struct nsn_list *closed, const struct nsn_box *b,
		      const struct nsn_asked_part *from, const struct nsn_asked_part *to)
{
	NSN_AUTO(nsn_freep) struct nsn_box *now = NULL;
	size_t n_now = 0;
	bool any = false;
	int r = nsn_pair_add(p, &now, &n_now, b);

	for (size_t i = 0; r == 0 && n_now && i < closed->n; i++) {
		const struct nsn_closed *c = &p->a->closed[closed->v[i]];
		struct nsn_box *next = NULL;
		size_t n_next = 0;

		if (!closes(p, c, from->endpoint, to->endpoint))
			continue;
		any = true;
		for (size_t k = 0; r == 0 && k < n_now * c->n_keep; k++)
			r = nsn_pair_said(p, &p->a->said[c->first + k % c->n_keep],
					  &now[k / c->n_keep], &next, &n_next);
		free(now);
		now = next;
		n_now = n_next;
	}
	for (size_t i = 0; r == 0 && any && i < n_now; i++)
		r = nsn_pair_add(p, &p->ret->kept, &p->ret->n_kept, &now[i]);
	return r;
}

static int keep_family(struct nsn_pair *p, const struct nsn_list *closed, uint8_t family)
{
	NSN_AUTO(nsn_freep) struct nsn_asked_part *from = NULL;
	NSN_AUTO(nsn_freep) struct nsn_asked_part *to = NULL;
	size_t n_from, n_to;
	struct nsn_box b;
	int r;

	if (!nsn_pair_whole(p, family, &b))
		return 0;
	r = nsn_asked_cut(p->a, closed, p->from, family, &from, &n_from, p->err);
	if (r == 0)
		r = nsn_asked_cut(p->a, closed, p->to, family, &to, &n_to, p->err);
	for (size_t i = 0; r == 0 && i < n_from; i++)
		for (size_t k = 0; r == 0 && k < n_to; k++) {
			b.src = from[i].span;
			b.dst = to[k].span;
			r = keep_parts(p, closed, &b, &from[i], &to[k]);
		}
	return r;
}

/* Whether any of these keeps something between the two; most keep nothing. */
static bool keeps_some(const struct nsn_pair *p, const struct nsn_list *closed)
{
	for (size_t i = 0; i < closed->n; i++) {
		const struct nsn_closed *c = &p->a->closed[closed->v[i]];

		for (size_t k = 0; k < c->n_keep; k++) {
			const struct nsn_said *s = &p->a->said[c->first + k];

			if (nsn_asked_first(p->a, &s->from, p->from) &&
			    nsn_asked_first(p->a, &s->to, p->to))
				return true;
		}
	}
	return false;
}

int nsn_pair_close(struct nsn_pair *p, bool inside)
{
	struct nsn_list closed = {0};
	int r = find_closed(p, &closed);

	if (r == 0)
		r = close_borders(p, &closed);
	/* Of what a bridge switches nothing is kept. */
	for (size_t i = 0; r == 0 && !inside && i < NSN_FAMILIES; i++)
		if (keeps_some(p, &closed))
			r = keep_family(p, &closed, nsn_families[i]);
	free(closed.v);
	return r;
}
