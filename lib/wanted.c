/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "compile/flows.h"
#include "ctx.h"

/*
 * wanted - what all tenants together want: who may talk to whom, and over which
 * cables
 *
 * One tenant's border depends on others: on their subnets, their endpoints, their
 * labels. So it is made from everything that is stored.
 */

/* Not routed on the internet: shared address space (RFC 6598), and one of our own. */
#define TRANSIT4 "100.127.0.0/16"
#define TRANSIT6 "fd6e:736e:6574:78::/64"

void nsn_wanted_clear(struct nsn_wanted *w)
{
	nsn_tenant_list_clear(&w->tenants);
	nsn_policy_list_clear(&w->policies);
	nsn_quarantine_list_clear(&w->quarantines);
	nsn_cable_list_clear(&w->cables);
	*w = (struct nsn_wanted){0};
}

static int load_transit(struct nsnet *n, struct nsn_wanted *ret, struct nsnet_err *err)
{
	struct nsn_transit *t = &ret->transit;
	int r = nsn_store_transit_get(n->store, t, err);

	ret->transit_chosen = r > 0;
	if (r != 0)
		return r < 0 ? r : 0;
	if (nsn_prefix_parse(&t->ip, TRANSIT4) < 0 || nsn_prefix_parse(&t->ip6, TRANSIT6) < 0)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "bad pool of transit addresses");
	return 0;
}

int nsn_wanted_load(struct nsnet *n, bool tenants, struct nsn_wanted *ret, struct nsnet_err *err)
{
	int r;

	nsn_wanted_clear(ret);
	r = nsn_store_policy_list(n->store, &ret->policies, err);
	if (r == 0)
		r = nsn_store_quarantine_list(n->store, &ret->quarantines, err);
	if (r == 0)
		r = nsn_store_cable_list(n->store, &ret->cables, err);
	/* Without a policy nothing depends on the other tenants. */
	if (r == 0 &&
	    (tenants || ret->policies.n > 0 || ret->quarantines.n > 0 || ret->cables.n > 0))
		r = nsn_store_tenant_list(n->store, &ret->tenants, err);
	if (r == 0)
		r = load_transit(n, ret, err);
	ret->intent = (struct nsn_intent){.tenants = ret->tenants.tenants,
					  .n_tenants = ret->tenants.n,
					  .policies = ret->policies.policies,
					  .n_policies = ret->policies.n,
					  .quarantines = ret->quarantines.quarantines,
					  .n_quarantines = ret->quarantines.n,
					  .now = time(NULL)};
	return r;
}

const struct nsn_tenant *nsn_wanted_tenant(const struct nsn_wanted *w, uint64_t id)
{
	size_t i;

	for (i = 0; i < w->tenants.n; i++)
		if (w->tenants.tenants[i].id == id)
			return &w->tenants.tenants[i];
	return NULL;
}

/* ---- cables -------------------------------------------------------------------------- */

static const struct nsn_cable *cable_of(const struct nsn_wanted *w, uint64_t a, uint64_t b)
{
	size_t i;

	for (i = 0; i < w->cables.n; i++)
		if (w->cables.cables[i].a == a && w->cables.cables[i].b == b)
			return &w->cables.cables[i];
	return NULL;
}

static bool overlap(const struct nsn_tenant *x, const struct nsn_tenant *y)
{
	return nsn_prefix_overlap(&x->subnet, &y->subnet) ||
	       (x->subnet6.ip.family && y->subnet6.ip.family &&
		nsn_prefix_overlap(&x->subnet6, &y->subnet6));
}

/* Whether another one that @at has a cable to, untranslated, has addresses of @t's. */
static bool clashes(const struct nsn_wanted *w, const struct nsn_tenant *t,
		    const struct nsn_tenant *at)
{
	size_t i;

	for (i = 0; i < w->cables.n; i++) {
		const struct nsn_cable *c = &w->cables.cables[i];
		const struct nsn_tenant *other;

		if ((c->a != at->id && c->b != at->id) || c->a == t->id || c->b == t->id)
			continue;
		other = nsn_wanted_tenant(w, c->a == at->id ? c->b : c->a);
		if (other && !(c->a == at->id ? c->translated_b : c->translated_a) &&
		    overlap(other, t))
			return true;
	}
	return false;
}

static int no_way(const struct nsn_tenant *x, const struct nsn_tenant *y, struct nsnet_err *err)
{
	char a[NSN_PREFIX_STRLEN], b[NSN_PREFIX_STRLEN];

	(void)nsn_err(err, -EEXIST, NSNET_E_SUBNET_OVERLAP,
		      "%s (%s) and %s (%s) overlap, a rule cannot connect them", x->name,
		      nsn_prefix_str(&x->subnet, a), y->name, nsn_prefix_str(&y->subnet, b));
	return nsn_err_hint(err, -EEXIST, "nsnet tenant set %s subnet=auto", y->name);
}

/*
 * A new cable: a caller whose addresses somebody else at the called one's has
 * already is translated. Two that overlap each other are not joined, nor can one be
 * called whose addresses stand for somebody else there.
 */
static int make_cable(struct nsnet *n, struct nsn_wanted *w, const struct nsn_tenant *x,
		      const struct nsn_tenant *y, bool x_calls, bool y_calls, struct nsnet_err *err)
{
	struct nsn_cable c = {.a = x->id, .b = y->id};
	struct nsn_cable *grown;
	int r;

	if (overlap(x, y))
		return no_way(x, y, err);
	r = nsn_transit_choose(n, w, err);
	if (r == 0)
		r = nsn_transit_check(w, x, err);
	if (r == 0)
		r = nsn_transit_check(w, y, err);
	if (r < 0)
		return r;
	c.translated_a = clashes(w, x, y);
	c.translated_b = clashes(w, y, x);
	if ((c.translated_a && y_calls) || (c.translated_b && x_calls))
		return nsn_err(err, -EEXIST, NSNET_E_SUBNET_OVERLAP,
			       "%s cannot be called by %s: another tenant that %s is joined to has "
			       "its addresses",
			       c.translated_a ? x->name : y->name,
			       c.translated_a ? y->name : x->name,
			       c.translated_a ? y->name : x->name);
	r = nsn_store_cable_put(n->store, &c, 1U << 15, false, err);
	if (r < 0)
		return r;
	grown = reallocarray(w->cables.cables, w->cables.n + 1, sizeof(*grown));
	if (!grown)
		return nsn_err_nomem(err);
	w->cables.cables = grown;
	grown[w->cables.n++] = c;
	return 1;
}

static void forget_cable(struct nsn_wanted *w, const struct nsn_cable *c)
{
	size_t i = (size_t)(c - w->cables.cables);

	memmove(&w->cables.cables[i], &w->cables.cables[i + 1],
		(w->cables.n - i - 1) * sizeof(*w->cables.cables));
	w->cables.n--;
}

/* Makes the stored cable of two tenants what it has to be. 1: that was a change. */
static int settle_cable(struct nsnet *n, struct nsn_wanted *w, const struct nsn_intent *about,
			const struct nsn_tenant *x, const struct nsn_tenant *y,
			struct nsnet_err *err)
{
	const struct nsn_cable *c = cable_of(w, x->id, y->id);
	bool x_calls = nsn_flows_join(about, x, y), y_calls = nsn_flows_join(about, y, x);
	int r;

	if (c && (x_calls || y_calls)) {
		if (overlap(x, y))
			return no_way(x, y, err);
		if ((c->translated_a && y_calls) || (c->translated_b && x_calls))
			return no_way(x, y, err);
		r = nsn_transit_check(w, x, err);
		return r < 0 ? r : nsn_transit_check(w, y, err);
	}
	if (!c && (x_calls || y_calls))
		return make_cable(n, w, x, y, x_calls, y_calls, err);
	if (!c)
		return 0;
	r = nsn_store_cable_delete(n->store, c->link, err);
	if (r < 0)
		return r;
	forget_cable(w, c);
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

/* All pairs of who is named on one side and who is on the other. */
static int add_named(struct pairs *p, const struct nsn_wanted *w, const struct nsn_peer *from,
		     size_t n_from, const struct nsn_peer *to, size_t n_to)
{
	NSN_AUTO(nsn_freep) size_t *called = calloc(w->tenants.n + 1, sizeof(*called));
	size_t i, k, n = 0;
	int r = 0;

	if (!called)
		return -ENOMEM;
	for (i = 0; i < w->tenants.n; i++)
		if (nsn_peers_name(to, n_to, &w->tenants.tenants[i]))
			called[n++] = i;
	for (i = 0; n > 0 && i < w->tenants.n; i++)
		if (nsn_peers_name(from, n_from, &w->tenants.tenants[i]))
			for (k = 0; r == 0 && k < n; k++)
				r = add_pair(p, i, called[k]);
	return r;
}

static size_t index_of(const struct nsn_wanted *w, uint64_t id)
{
	size_t i;

	for (i = 0; i < w->tenants.n && w->tenants.tenants[i].id != id; i++)
		;
	return i;
}

/* Whoever is joined, or is allowed something. */
static int collect(struct pairs *p, const struct nsn_wanted *w)
{
	size_t i, k;
	int r = 0;

	for (i = 0; r == 0 && i < w->cables.n; i++)
		r = add_pair(p, index_of(w, w->cables.cables[i].a),
			     index_of(w, w->cables.cables[i].b));
	for (i = 0; r == 0 && i < w->policies.n; i++) {
		const struct nsn_policy *rule = &w->policies.policies[i];

		if (!rule->deny)
			r = add_named(p, w, rule->from, rule->n_from, rule->to, rule->n_to);
	}
	for (i = 0; r == 0 && i < w->quarantines.n; i++)
		for (k = 0; r == 0 && k < w->quarantines.quarantines[i].n_keep; k++) {
			const struct nsn_flow *f = &w->quarantines.quarantines[i].keep[k];

			r = add_named(p, w, &f->from, 1, &f->to, 1);
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

/* The policies of the tenant that the pairs in turn have in common. */
struct about {
	const struct nsn_tenant *of;
	struct nsn_intent intent;
	struct nsn_policy *policies;
};

static void about_clear(struct about *a)
{
	nsn_freep(&a->policies);
}

static int turn_to(struct about *a, const struct nsn_wanted *w, const struct nsn_tenant *t,
		   struct nsnet_err *err)
{
	if (a->of == t)
		return 0;
	about_clear(a);
	a->of = t;
	return nsn_flows_about(&a->intent, &a->policies, &w->intent, t) < 0 ? nsn_err_nomem(err)
									    : 0;
}

int nsn_wanted_settle_cables(struct nsnet *n, struct nsn_wanted *w, bool *touched,
			     struct nsnet_err *err)
{
	NSN_AUTO(about_clear) struct about about = {0};
	NSN_AUTO(pairs_clear) struct pairs p = {0};
	size_t i;
	int r;

	if (collect(&p, w) < 0)
		return nsn_err_nomem(err);
	if (p.n > 0)
		qsort(p.list, p.n, sizeof(*p.list), by_pair);
	for (i = 0; i < p.n; i++) {
		const struct nsn_tenant *x = &w->tenants.tenants[p.list[i].x],
					*y = &w->tenants.tenants[p.list[i].y];

		if (p.list[i].y >= w->tenants.n ||
		    (i > 0 && by_pair(&p.list[i], &p.list[i - 1]) == 0))
			continue;
		r = turn_to(&about, w, x, err);
		if (r < 0)
			return r;
		/* Rows have the older tenant first. */
		r = settle_cable(n, w, &about.intent, x->id < y->id ? x : y, x->id < y->id ? y : x,
				 err);
		if (r < 0)
			return r;
		touched[p.list[i].x] |= r > 0;
		touched[p.list[i].y] |= r > 0;
	}
	return 0;
}
