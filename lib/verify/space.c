/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "space_in.h"

static const struct nsn_product no_limit;
static const struct nsn_product *const one_product[] = {&no_limit};
static const struct nsn_pset all = {.n = 1, .p = one_product}, none;

static nsn_set_t of_diagram(struct nsn_space *s, nsn_bdd_t b)
{
	struct nsn_pset *x;

	if (b == NSN_BDD_FALSE)
		return &none;
	if (b == NSN_BDD_TRUE)
		return &all;
	x = nsn_space_raw(s, sizeof(*x));
	*x = (struct nsn_pset){.diagram = true, .bdd = b};
	return x;
}

/* The result of what held others since @before, which are let go. */
static nsn_set_t settled(struct nsn_space *s, struct nsn_held *before, nsn_bdd_t b)
{
	nsn_hold_only(s, before, b);
	return of_diagram(s, b);
}

/* A set that was just made. */
static nsn_set_t made(struct nsn_space *s, nsn_set_t a)
{
	return s->data->diagrams_only ? of_diagram(s, nsn_dg_of(s, a)) : a;
}

static nsn_set_t of_ranges(struct nsn_space *s, enum nsn_field f, const struct nsn_ranges *by)
{
	struct {
		struct nsn_pset set;
		const struct nsn_product *p[1];
	} * x;

	if (by == NULL || by->n == 0)
		return &none;
	x = nsn_space_raw(s, sizeof(*x));
	x->p[0] = nsn_product_with(s, &no_limit, f, by);
	x->set = (struct nsn_pset){.n = 1, .p = x->p};
	return x->p[0] == &no_limit ? &all : made(s, &x->set);
}

/* ---- making -------------------------------------------------------------------------------- */

nsn_set_t nsn_all(struct nsn_space *s)
{
	(void)s;
	return &all;
}

nsn_set_t nsn_none(struct nsn_space *s)
{
	(void)s;
	return &none;
}

nsn_set_t nsn_is(struct nsn_space *s, enum nsn_field f, nsn_u128 value)
{
	return nsn_between(s, f, value, value);
}

nsn_set_t nsn_between(struct nsn_space *s, enum nsn_field f, nsn_u128 first, nsn_u128 last)
{
	if (last > nsn_field_max(f))
		last = nsn_field_max(f);
	return first > last ? &none : of_ranges(s, f, nsn_ranges_one(s, first, last));
}

nsn_set_t nsn_in(struct nsn_space *s, enum nsn_field f, const struct nsn_range *ranges, size_t n)
{
	struct nsn_ranges *by = nsn_space_raw(s, sizeof(*by) + n * sizeof(by->r[0]));

	by->n = 0;
	for (size_t i = 0; i < n; i++) {
		struct nsn_range r = ranges[i];

		if (r.last > nsn_field_max(f))
			r.last = nsn_field_max(f);
		if (r.first <= r.last)
			by->r[by->n++] = r;
	}
	by->n = nsn_ranges_tidy(by->r, by->n);
	nsn_space_step(s, n);
	return of_ranges(s, f, by);
}

nsn_set_t nsn_masked(struct nsn_space *s, enum nsn_field f, nsn_u128 mask, nsn_u128 value)
{
	const struct nsn_ranges *by;

	if ((value & ~mask) != 0 || (value & ~nsn_field_max(f)) != 0)
		return &none;
	by = nsn_ranges_masked(s, f, mask, value);
	return by != NULL ? of_ranges(s, f, by) : of_diagram(s, nsn_dg_masked(s, f, mask, value));
}

/* ---- combining ----------------------------------------------------------------------------- */

static nsn_set_t combine(struct nsn_space *s, nsn_set_t a, nsn_set_t b,
			 nsn_bdd_t (*how)(struct nsn_space *s, nsn_bdd_t a, nsn_bdd_t b))
{
	struct nsn_held *const before = s->data->held;
	const nsn_bdd_t x = nsn_dg_of(s, a), y = nsn_dg_of(s, b), both = how(s, x, y);

	return settled(s, before, both);
}

nsn_set_t nsn_and(struct nsn_space *s, nsn_set_t a, nsn_set_t b)
{
	nsn_set_t r = NULL;

	if (a == &all || b == &none)
		return b;
	if (b == &all || a == &none)
		return a;
	if (!a->diagram && !b->diagram)
		r = nsn_products_and(s, a, b);
	return r != NULL ? r : combine(s, a, b, nsn_dg_and);
}

nsn_set_t nsn_or(struct nsn_space *s, nsn_set_t a, nsn_set_t b)
{
	nsn_set_t r = NULL;

	if (a == &all || b == &none)
		return a;
	if (b == &all || a == &none)
		return b;
	if (!a->diagram && !b->diagram)
		r = nsn_products_or(s, a, b);
	return r != NULL ? r : combine(s, a, b, nsn_dg_or);
}

nsn_set_t nsn_sub(struct nsn_space *s, nsn_set_t a, nsn_set_t b)
{
	nsn_set_t r = NULL;

	if (a == &none || b == &none)
		return a;
	if (a == b || b == &all)
		return &none;
	if (!a->diagram && !b->diagram)
		r = nsn_products_sub(s, a, b);
	return made(s, r != NULL ? r : combine(s, a, b, nsn_dg_sub));
}

/* Halves, so that long lists are gone through seldom. */
static nsn_set_t or_halves(struct nsn_space *s, const nsn_set_t *sets, size_t n)
{
	if (n == 0)
		return &none;
	if (n == 1)
		return sets[0];
	return nsn_or(s, or_halves(s, sets, n / 2), or_halves(s, sets + n / 2, n - n / 2));
}

static nsn_set_t or_products(struct nsn_space *s, const struct nsn_product *const *p, size_t n)
{
	nsn_set_t r = NULL;

	if (n <= NSN_CAP_LONG) {
		struct nsn_vec v = {0};

		for (size_t i = 0; i < n && v.n <= 2 * NSN_CAP_LONG; i++)
			nsn_vec_or(s, &v, p[i]);
		if (v.n <= NSN_CAP_LONG)
			r = nsn_vec_set(s, &v);
	}
	if (r == NULL) {
		struct nsn_held *const before = s->data->held;

		r = settled(s, before, nsn_dg_of_products(s, p, n));
	}
	return r;
}

nsn_set_t nsn_or_many(struct nsn_space *s, const nsn_set_t *sets, size_t n)
{
	struct nsn_vec v = {0};
	nsn_set_t *diagrams;
	size_t m = 0;

	if (n < 3)
		return or_halves(s, sets, n);
	diagrams = nsn_space_raw(s, (n + 1) * sizeof(*diagrams));
	for (size_t i = 0; i < n; i++) {
		if (sets[i]->diagram)
			diagrams[m++] = sets[i];
		for (size_t k = 0; k < sets[i]->n; k++)
			nsn_vec_add(s, &v, sets[i]->p[k]);
	}
	nsn_vec_group(s, &v);
	diagrams[m++] = or_products(s, v.v, v.n);
	return or_halves(s, diagrams, m);
}

bool nsn_empty(nsn_set_t a)
{
	return a->diagram ? a->bdd == NSN_BDD_FALSE : a->n == 0;
}

bool nsn_within(struct nsn_space *s, nsn_set_t inner, nsn_set_t outer)
{
	return nsn_empty(nsn_sub(s, inner, outer));
}

/* ---- changing ------------------------------------------------------------------------------ */

nsn_set_t nsn_forget(struct nsn_space *s, nsn_set_t a, enum nsn_field f)
{
	struct nsn_held *const before = s->data->held;
	nsn_set_t r = a->diagram ? NULL : nsn_products_put(s, a, f, NULL);

	return r != NULL ? r : settled(s, before, nsn_dg_forget(s, nsn_dg_of(s, a), f));
}

nsn_set_t nsn_forget_all(struct nsn_space *s, nsn_set_t a, uint32_t fields)
{
	nsn_set_t r = a->diagram ? NULL : nsn_products_forget(s, a, fields);

	if (r != NULL)
		return r;
	for (unsigned int f = 0; f < NSN_FIELDS; f++)
		if ((fields >> f & 1) != 0)
			a = nsn_forget(s, a, (enum nsn_field)f);
	return a;
}

nsn_set_t nsn_put(struct nsn_space *s, nsn_set_t a, enum nsn_field f, nsn_u128 value)
{
	return nsn_put_between(s, a, f, value, value);
}

nsn_set_t nsn_put_between(struct nsn_space *s, nsn_set_t a, enum nsn_field f, nsn_u128 first,
			  nsn_u128 last)
{
	nsn_set_t r = NULL;

	if (last > nsn_field_max(f))
		last = nsn_field_max(f);
	if (first > last)
		return &none;
	if (!a->diagram)
		r = nsn_products_put(s, a, f, nsn_ranges_one(s, first, last));
	return r != NULL ? r : nsn_and(s, nsn_forget(s, a, f), nsn_between(s, f, first, last));
}

nsn_set_t nsn_move(struct nsn_space *s, nsn_set_t a, enum nsn_field to, enum nsn_field from)
{
	struct nsn_held *const before = s->data->held;
	nsn_set_t r = NULL;

	if (to == from)
		return nsn_forget(s, a, from);
	if (!a->diagram)
		r = nsn_products_move(s, a, to, from);
	return r != NULL ? r : settled(s, before, nsn_dg_move(s, nsn_dg_of(s, a), to, from));
}

nsn_set_t nsn_swap(struct nsn_space *s, nsn_set_t a, enum nsn_field f, enum nsn_field g)
{
	if (f == g)
		return a;
	if (!a->diagram)
		return nsn_products_swap(s, a, f, g);
	return of_diagram(s, nsn_dg_swap(s, a->bdd, f, g));
}

nsn_set_t nsn_assign(struct nsn_space *s, nsn_set_t a, enum nsn_field f, const uint32_t *bits)
{
	struct nsn_held *const before = s->data->held;
	nsn_set_t r = a->diagram ? NULL : nsn_products_assign(s, a, f, bits);

	return r != NULL ? r : settled(s, before, nsn_dg_assign(s, nsn_dg_of(s, a), f, bits));
}

void nsn_compare(struct nsn_space *s, nsn_set_t a, const uint32_t *bits, size_t n,
		 const uint8_t *first, const uint8_t *last, nsn_set_t *yes, nsn_set_t *no)
{
	nsn_set_t in, out;

	if (a->diagram || !nsn_products_compare(s, a, bits, n, first, last, &in, &out)) {
		const nsn_bdd_t b = nsn_dg_of(s, a);

		struct nsn_held *before = s->data->held;

		in = out = &none;
		if (yes != NULL)
			in = settled(s, before,
				     nsn_dg_and(s, b, nsn_dg_inside(s, bits, n, first, last)));
		before = s->data->held;
		if (no != NULL)
			out = settled(s, before,
				      nsn_dg_and(s, b, nsn_dg_outside(s, bits, n, first, last)));
	}
	if (yes != NULL)
		*yes = in;
	if (no != NULL)
		*no = out;
}

/* ---- looking ------------------------------------------------------------------------------- */

void nsn_bounds(struct nsn_space *s, nsn_set_t a, enum nsn_field f, struct nsn_range *ret)
{
	const struct nsn_ranges *by;

	*ret = (struct nsn_range){0, nsn_field_max(f)};
	if (a->diagram) {
		(void)nsn_dg_values(s, a->bdd, f, 0, NULL, ret);
		return;
	}
	by = nsn_products_values(s, a, f);
	if (by != NULL)
		*ret = (struct nsn_range){by->r[0].first, by->r[by->n - 1].last};
}

size_t nsn_values(struct nsn_space *s, nsn_set_t a, enum nsn_field f, size_t max,
		  const struct nsn_range **ret)
{
	struct nsn_range bounds = {0, nsn_field_max(f)}, *r;
	size_t n = 1;

	*ret = NULL;
	if (nsn_empty(a))
		return 0;
	if (a->diagram) {
		r = nsn_space_raw(s, (max + 1) * sizeof(*r));
		n = nsn_dg_values(s, a->bdd, f, max, r, &bounds);
		*ret = r;
	} else {
		const struct nsn_ranges *by = nsn_products_values(s, a, f);

		if (by != NULL) {
			n = by->n;
			*ret = by->r;
			bounds = (struct nsn_range){by->r[0].first, by->r[n - 1].last};
		}
	}
	if (n <= max && *ret != NULL)
		return n;
	r = nsn_space_raw(s, sizeof(*r));
	*r = bounds;
	*ret = r;
	return 1;
}

bool nsn_free_of(struct nsn_space *s, nsn_set_t a, enum nsn_field f)
{
	bool any = a->diagram;

	for (size_t i = 0; i < a->n && !any; i++)
		any = (a->p[i]->fields >> f & 1) != 0;
	if (!any)
		return true;
	if (!a->diagram && a->n == 1)
		return false;
	return a->diagram ? nsn_dg_free_of(s, a->bdd, f) : nsn_within(s, nsn_forget(s, a, f), a);
}

void nsn_pick(struct nsn_space *s, nsn_set_t a, const struct nsn_packet *like,
	      struct nsn_packet *ret)
{
	for (unsigned int f = 0; f < NSN_FIELDS; f++) {
		struct nsn_range r;

		if (like != NULL) {
			nsn_set_t b = nsn_and(s, a, nsn_is(s, f, like->v[f]));

			if (!nsn_empty(b)) {
				a = b;
				ret->v[f] = like->v[f];
				continue;
			}
		}
		nsn_bounds(s, a, f, &r);
		ret->v[f] = r.first;
		a = nsn_and(s, a, nsn_is(s, f, r.first));
	}
}

nsn_set_t nsn_only(struct nsn_space *s, const struct nsn_packet *p)
{
	nsn_set_t a = &all;

	for (unsigned int f = NSN_FIELDS; f-- > 0;)
		a = nsn_and(s, nsn_is(s, f, p->v[f]), a);
	return a;
}

bool nsn_has(struct nsn_space *s, nsn_set_t a, const struct nsn_packet *p)
{
	return a->diagram ? nsn_dg_has(s, a->bdd, p) : nsn_products_has(a, p);
}

void nsn_space_prefer_diagrams(struct nsn_space *s, bool on)
{
	s->data->diagrams_only = on;
}

size_t nsn_products(nsn_set_t a)
{
	return a->diagram ? 0 : a->n;
}

size_t nsn_nodes(const struct nsn_space *s)
{
	return s->data->open ? nsn_bdd_nodes() : 0;
}
