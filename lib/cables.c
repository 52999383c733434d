/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "compile/flows.h"
#include "ctx.h"

/*
 * cables - which of them there are: between whom a policy, or what a quarantine keeps,
 * lets somebody call somebody
 */

/* ---- where they lead ------------------------------------------------------------------- */

/* Indexes of w->cables, for each of w->tenants. What goes has link 0 until the end. */
struct ends {
	size_t *list;
	size_t n, cap;
};

struct settling {
	struct nsnet *n;
	struct nsn_wanted *w;
	struct ends *of;
	size_t cap; /* of w->cables */
};

static void settling_clear(struct settling *s)
{
	size_t i;

	for (i = 0; s->of && i < s->w->tenants.n; i++)
		free(s->of[i].list);
	free(s->of);
}

static int note_end(struct ends *e, size_t cable)
{
	size_t *list = e->list;

	if (e->n == e->cap) {
		list = reallocarray(list, 2 * e->cap + 8, sizeof(*list));
		if (!list)
			return -ENOMEM;
		e->list = list;
		e->cap = 2 * e->cap + 8;
	}
	list[e->n++] = cable;
	return 0;
}

static int note_cable(struct settling *s, size_t cable)
{
	const struct nsn_cable *c = &s->w->cables.cables[cable];
	const size_t a = nsn_wanted_place(s->w, c->a), b = nsn_wanted_place(s->w, c->b);
	int r = 0;

	/* Of a tenant that is about to go there is no place. */
	if (a < s->w->tenants.n)
		r = note_end(&s->of[a], cable);
	if (r == 0 && b < s->w->tenants.n)
		r = note_end(&s->of[b], cable);
	return r;
}

static const struct ends *ends_of(const struct settling *s, const struct nsn_tenant *t)
{
	return &s->of[t - s->w->tenants.tenants];
}

static struct nsn_cable *cable_of(const struct settling *s, const struct nsn_tenant *x,
				  const struct nsn_tenant *y)
{
	const struct ends *at = ends_of(s, x)->n < ends_of(s, y)->n ? ends_of(s, x) : ends_of(s, y);
	size_t i;

	for (i = 0; i < at->n; i++) {
		struct nsn_cable *c = &s->w->cables.cables[at->list[i]];

		if (c->link && c->a == x->id && c->b == y->id)
			return c;
	}
	return NULL;
}

static bool overlap(const struct nsn_tenant *x, const struct nsn_tenant *y)
{
	return nsn_prefix_overlap(&x->subnet, &y->subnet) ||
	       (x->subnet6.ip.family && y->subnet6.ip.family &&
		nsn_prefix_overlap(&x->subnet6, &y->subnet6));
}

/* Whether another one that @at has a cable to, untranslated, has addresses of @t's. */
static bool clashes(const struct settling *s, const struct nsn_tenant *t,
		    const struct nsn_tenant *at)
{
	const struct ends *ends = ends_of(s, at);
	size_t i;

	for (i = 0; i < ends->n; i++) {
		const struct nsn_cable *c = &s->w->cables.cables[ends->list[i]];
		const struct nsn_tenant *other;

		if (!c->link || c->a == t->id || c->b == t->id)
			continue;
		other = nsn_wanted_tenant(s->w, c->a == at->id ? c->b : c->a);
		if (other && !(c->a == at->id ? c->translated_b : c->translated_a) &&
		    overlap(other, t))
			return true;
	}
	return false;
}

/* ---- one pair ------------------------------------------------------------------------ */

static int no_way(const struct nsn_tenant *x, const struct nsn_tenant *y, struct nsnet_err *err)
{
	char a[NSN_PREFIX_STRLEN], b[NSN_PREFIX_STRLEN];

	(void)nsn_err(err, -EEXIST, NSNET_E_SUBNET_OVERLAP,
		      "%s (%s) and %s (%s) overlap, a rule cannot connect them", x->name,
		      nsn_prefix_str(&x->subnet, a), y->name, nsn_prefix_str(&y->subnet, b));
	return nsn_err_hint(err, -EEXIST, "nsnet tenant set %s subnet=auto", y->name);
}

static int keep_cable(struct settling *s, const struct nsn_cable *c)
{
	struct nsn_cable_list *list = &s->w->cables;

	if (list->n >= s->cap) {
		const size_t cap = 2 * list->n + 16;
		struct nsn_cable *grown = reallocarray(list->cables, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->cables = grown;
		s->cap = cap;
	}
	list->cables[list->n++] = *c;
	return note_cable(s, list->n - 1);
}

/*
 * A new cable: a caller whose addresses somebody else at the called one's has
 * already is translated. Two that overlap each other are not joined, nor can one be
 * called whose addresses stand for somebody else there.
 */
static int make_cable(struct settling *s, const struct nsn_tenant *x, const struct nsn_tenant *y,
		      bool x_calls, bool y_calls, struct nsnet_err *err)
{
	struct nsn_cable c = {.a = x->id, .b = y->id};
	int r;

	if (overlap(x, y))
		return no_way(x, y, err);
	r = nsn_transit_choose(s->n, s->w, err);
	if (r == 0)
		r = nsn_transit_check(s->w, x, err);
	if (r == 0)
		r = nsn_transit_check(s->w, y, err);
	if (r < 0)
		return r;
	c.translated_a = clashes(s, x, y);
	c.translated_b = clashes(s, y, x);
	if ((c.translated_a && y_calls) || (c.translated_b && x_calls))
		return nsn_err(err, -EEXIST, NSNET_E_SUBNET_OVERLAP,
			       "%s cannot be called by %s: another tenant that %s is joined to has "
			       "its addresses",
			       c.translated_a ? x->name : y->name,
			       c.translated_a ? y->name : x->name,
			       c.translated_a ? y->name : x->name);
	r = nsn_store_cable_put(s->n->store, &c, 1U << 15, false, err);
	if (r < 0)
		return r;
	return keep_cable(s, &c) < 0 ? nsn_err_nomem(err) : 1;
}

/* Makes the stored cable of two tenants what it has to be. 1: that was a change. */
static int settle_cable(struct settling *s, const struct nsn_tenant *x, const struct nsn_tenant *y,
			struct nsnet_err *err)
{
	struct nsn_cable *c = cable_of(s, x, y);
	bool x_calls = nsn_flows_join(&s->w->intent, x, y),
	     y_calls = nsn_flows_join(&s->w->intent, y, x);
	int r;

	if (c && (x_calls || y_calls)) {
		if (overlap(x, y))
			return no_way(x, y, err);
		if ((c->translated_a && y_calls) || (c->translated_b && x_calls))
			return no_way(x, y, err);
		r = nsn_transit_check(s->w, x, err);
		return r < 0 ? r : nsn_transit_check(s->w, y, err);
	}
	if (!c && (x_calls || y_calls))
		return make_cable(s, x, y, x_calls, y_calls, err);
	if (!c)
		return 0;
	r = nsn_store_cable_delete(s->n->store, c->link, err);
	if (r < 0)
		return r;
	c->link = 0;
	return 1;
}

/* ---- which pairs may have to be joined -------------------------------------------------- */

struct pair {
	size_t x, y; /* x < y */
};

struct pairs {
	struct pair *list;
	size_t n, cap;
};

static void pairs_clear(struct pairs *p)
{
	free(p->list);
}

static int add_pair(struct pairs *p, size_t x, size_t y)
{
	if (x == y)
		return 0;
	if (p->n == p->cap) {
		size_t cap = 2 * p->cap + 64;
		struct pair *list = reallocarray(p->list, cap, sizeof(*list));

		if (!list)
			return -ENOMEM;
		p->list = list;
		p->cap = cap;
	}
	p->list[p->n++] = (struct pair){x < y ? x : y, x < y ? y : x};
	return 0;
}

/* The places of who is named; @called has room for all. Returns how many. */
static size_t places_of(size_t *places, const struct nsn_wanted *w, const struct nsn_peer *list,
			size_t n_list)
{
	bool by_name = true;
	size_t i, n = 0;

	for (i = 0; i < n_list; i++)
		by_name &= list[i].kind == NSN_PEER_TENANT || list[i].kind == NSN_PEER_ENDPOINT;
	for (i = 0; by_name && i < n_list; i++) {
		places[n] = nsn_wanted_named(w, list[i].tenant);
		n += places[n] < w->tenants.n;
	}
	for (i = 0; !by_name && i < w->tenants.n; i++)
		if (nsn_peers_name(list, n_list, &w->tenants.tenants[i]))
			places[n++] = i;
	return n;
}

/* All pairs of who is named on one side and who is on the other; @room is for all twice. */
static int add_named(struct pairs *p, const struct nsn_wanted *w, size_t *room,
		     const struct nsn_peer *from, size_t n_from, const struct nsn_peer *to,
		     size_t n_to)
{
	size_t *calls = room, *called = room + w->tenants.n + NSN_LIST_MAX;
	size_t n_calls = places_of(calls, w, from, n_from);
	size_t n_called = n_calls ? places_of(called, w, to, n_to) : 0;
	size_t i, k;
	int r = 0;

	for (i = 0; i < n_calls; i++)
		for (k = 0; r == 0 && k < n_called; k++)
			r = add_pair(p, calls[i], called[k]);
	return r;
}

/* Whoever is joined, or is allowed something. */
static int collect(struct pairs *p, const struct nsn_wanted *w)
{
	NSN_AUTO(nsn_freep)
	size_t *room = calloc(2 * (w->tenants.n + NSN_LIST_MAX), sizeof(*room));
	size_t i, k;
	int r = room ? 0 : -ENOMEM;

	for (i = 0; r == 0 && i < w->cables.n; i++)
		r = add_pair(p, nsn_wanted_place(w, w->cables.cables[i].a),
			     nsn_wanted_place(w, w->cables.cables[i].b));
	for (i = 0; r == 0 && i < w->policies.n; i++) {
		const struct nsn_policy *rule = &w->policies.policies[i];

		if (!rule->deny)
			r = add_named(p, w, room, rule->from, rule->n_from, rule->to, rule->n_to);
	}
	for (i = 0; r == 0 && i < w->quarantines.n; i++)
		for (k = 0; r == 0 && k < w->quarantines.quarantines[i].n_keep; k++) {
			const struct nsn_flow *f = &w->quarantines.quarantines[i].keep[k];

			r = add_named(p, w, room, &f->from, 1, &f->to, 1);
		}
	return r;
}

static int by_pair(const void *a, const void *b)
{
	const struct pair *p = a, *q = b;

	if (p->x != q->x)
		return p->x < q->x ? -1 : 1;
	return p->y < q->y ? -1 : p->y > q->y;
}

static int by_tenants(const void *a, const void *b)
{
	const struct nsn_cable *x = a, *y = b;

	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

/* As the store lists them. */
static void put_in_order(struct nsn_cable_list *list)
{
	size_t i, n = 0;

	for (i = 0; i < list->n; i++)
		if (list->cables[i].link)
			list->cables[n++] = list->cables[i];
	list->n = n;
	if (n > 0)
		qsort(list->cables, n, sizeof(*list->cables), by_tenants);
}

static int settle_all(struct settling *s, const struct pairs *p, bool *touched,
		      struct nsnet_err *err)
{
	const struct nsn_wanted *w = s->w;
	size_t i;
	int r;

	for (i = 0; i < p->n; i++) {
		const struct pair *pair = &p->list[i];
		const struct nsn_tenant *x = &w->tenants.tenants[pair->x],
					*y = &w->tenants.tenants[pair->y];

		if (pair->y >= w->tenants.n || (i > 0 && by_pair(pair, pair - 1) == 0))
			continue;
		/* Of a part only those about whom all is known; the others have not changed. */
		if (w->core && !(w->core[pair->x] && w->core[pair->y]))
			continue;
		/* Rows have the older tenant first. */
		r = settle_cable(s, x->id < y->id ? x : y, x->id < y->id ? y : x, err);
		if (r < 0)
			return r;
		touched[pair->x] |= r > 0;
		touched[pair->y] |= r > 0;
	}
	return 0;
}

int nsn_wanted_settle_cables(struct nsnet *n, struct nsn_wanted *w, bool *touched,
			     struct nsnet_err *err)
{
	NSN_AUTO(settling_clear)
	struct settling s = {.n = n, .w = w, .of = calloc(w->tenants.n + 1, sizeof(*s.of))};
	NSN_AUTO(pairs_clear) struct pairs p = {0};
	size_t i;
	int r = s.of ? collect(&p, w) : -ENOMEM;

	for (i = 0; r == 0 && i < w->cables.n; i++)
		r = note_cable(&s, i);
	if (r < 0)
		return nsn_err_nomem(err);
	if (p.n > 0)
		qsort(p.list, p.n, sizeof(*p.list), by_pair);
	r = settle_all(&s, &p, touched, err);
	put_in_order(&w->cables);
	if (r == 0)
		r = nsn_wanted_index_cables(w, err);
	return r == 0 ? nsn_wanted_settle_uplinks(n, w, touched, err) : r;
}
