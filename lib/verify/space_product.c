/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets as lists of disjoint products. */
#include <stdlib.h>
#include <string.h>

#include "space_in.h"

#define LOWEST(bits) ((bits) & (~(bits) + 1))

/* How many bits are set: without an instruction for it the compiler calls a function. */
static inline size_t ones(uint32_t v)
{
	v -= v >> 1 & 0x55555555;
	v = (v & 0x33333333) + (v >> 2 & 0x33333333);
	return ((v + (v >> 4)) & 0x0f0f0f0f) * UINT32_C(0x01010101) >> 24;
}

/* ---- one product ----------------------------------------------------------------------------- */

static struct nsn_product *product(struct nsn_space *s, uint32_t fields,
				   const struct nsn_ranges *const *by, size_t n)
{
	struct nsn_product *p = nsn_space_raw(s, sizeof(*p) + n * sizeof(p->by[0]));

	p->fields = fields;
	for (size_t i = 0; i < n; i++)
		p->by[i] = by[i];
	return p;
}

const struct nsn_ranges *nsn_product_by(const struct nsn_product *p, enum nsn_field f)
{
	const uint32_t bit = UINT32_C(1) << f;

	if ((p->fields & bit) == 0)
		return NULL;
	return p->by[ones(p->fields & (bit - 1))];
}

const struct nsn_product *nsn_product_with(struct nsn_space *s, const struct nsn_product *p,
					   enum nsn_field f, const struct nsn_ranges *by)
{
	const struct nsn_ranges *list[NSN_FIELDS];
	const uint32_t bit = UINT32_C(1) << f;
	uint32_t all = p->fields | bit;
	size_t n = 0, i = 0;

	if (by != NULL && by->n == 1 && by->r[0].first == 0 && by->r[0].last == nsn_field_max(f))
		by = NULL;
	if (by == NULL && (p->fields & bit) == 0)
		return p;
	for (uint32_t b; all != 0; all &= ~b) {
		const struct nsn_ranges *old;

		b = LOWEST(all);
		old = (p->fields & b) != 0 ? p->by[i++] : NULL;
		if (b == bit && old == by)
			return p;
		if (b != bit || by != NULL)
			list[n++] = b == bit ? by : old;
	}
	return product(s, by != NULL ? p->fields | bit : p->fields & ~bit, list, n);
}

const struct nsn_product *nsn_product_and(struct nsn_space *s, const struct nsn_product *a,
					  const struct nsn_product *b)
{
	const struct nsn_ranges *list[NSN_FIELDS];
	bool is_a = true, is_b = true;
	size_t n = 0, i = 0, j = 0;

	for (uint32_t all = a->fields | b->fields, bit; all != 0; all &= ~bit) {
		const struct nsn_ranges *x = NULL, *y = NULL, *l;

		bit = LOWEST(all);
		if ((a->fields & bit) != 0)
			x = a->by[i++];
		if ((b->fields & bit) != 0)
			y = b->by[j++];
		if (x == NULL || y == NULL)
			l = x != NULL ? x : y;
		else
			l = nsn_ranges_and(s, x, y);
		if (l == NULL)
			return NULL;
		is_a = is_a && l == x;
		is_b = is_b && l == y;
		list[n++] = l;
	}
	if (is_a)
		return a;
	return is_b ? b : product(s, a->fields | b->fields, list, n);
}

static bool lists_meet(const struct nsn_ranges *x, const struct nsn_ranges *y)
{
	if (x->n == 1 && y->n == 1)
		return x->r[0].first <= y->r[0].last && y->r[0].first <= x->r[0].last;
	return nsn_ranges_meet(x, y);
}

static bool lists_same(const struct nsn_ranges *x, const struct nsn_ranges *y)
{
	if (x == y)
		return true;
	return x->n == y->n && x->r[0].first == y->r[0].first && x->r[0].last == y->r[0].last &&
	       (x->n == 1 || nsn_ranges_same(x, y));
}

/* @hint: the field by which the last two were apart; those of one list mostly are by the same. */
static bool meet(const struct nsn_product *a, const struct nsn_product *b, uint32_t *hint)
{
	const uint32_t both = a->fields & b->fields;

	if ((*hint & both) != 0 &&
	    !lists_meet(a->by[ones(a->fields & (*hint - 1))], b->by[ones(b->fields & (*hint - 1))]))
		return false;
	for (uint32_t left = both & ~*hint, bit; left != 0; left &= ~bit) {
		const struct nsn_ranges *x, *y;

		bit = LOWEST(left);
		x = a->by[ones(a->fields & (bit - 1))];
		y = b->by[ones(b->fields & (bit - 1))];
		if (x != y && !lists_meet(x, y)) {
			*hint = bit;
			return false;
		}
	}
	return true;
}

static bool within(const struct nsn_product *a, const struct nsn_product *b)
{
	size_t i = 0, j = 0;

	if (a == b)
		return true;
	if ((b->fields & ~a->fields) != 0)
		return false;
	for (uint32_t all = a->fields, bit; all != 0; all &= ~bit) {
		const struct nsn_ranges *x = a->by[i++];

		bit = LOWEST(all);
		if ((b->fields & bit) != 0 && !nsn_ranges_within(x, b->by[j++]))
			return false;
	}
	return true;
}

void nsn_product_sub(struct nsn_space *s, const struct nsn_product *a, const struct nsn_product *b,
		     struct nsn_vec *ret)
{
	uint32_t hint = 0;
	size_t j = 0;

	if (!meet(a, b, &hint)) {
		nsn_vec_add(s, ret, a);
		return;
	}
	for (uint32_t left = b->fields, bit; left != 0; left &= ~bit) {
		const struct nsn_ranges *y = b->by[j++], *x, *rest;
		enum nsn_field f;

		bit = LOWEST(left);
		f = (enum nsn_field)__builtin_ctz(bit);
		x = nsn_product_by(a, f);
		rest = x != NULL ? nsn_ranges_sub(s, x, y) : nsn_ranges_not(s, f, y);
		if (rest == NULL)
			continue;
		nsn_vec_add(s, ret, nsn_product_with(s, a, f, rest));
		a = nsn_product_with(s, a, f, x != NULL ? nsn_ranges_and(s, x, y) : y);
	}
}

/* ---- lists of products ------------------------------------------------------------------------
 */

void nsn_vec_add(struct nsn_space *s, struct nsn_vec *v, const struct nsn_product *p)
{
	if (v->n == v->max) {
		const size_t max = v->max > 0 ? 2 * v->max : 4;
		const struct nsn_product **grown = nsn_space_raw(s, max * sizeof(*grown));

		for (size_t i = 0; i < v->n; i++)
			grown[i] = v->v[i];
		v->v = grown;
		v->max = max;
	}
	v->v[v->n++] = p;
}

nsn_set_t nsn_vec_set(struct nsn_space *s, const struct nsn_vec *v)
{
	struct nsn_pset *x;

	if (v->n == 0)
		return nsn_none(s);
	x = nsn_space_raw(s, sizeof(*x));
	*x = (struct nsn_pset){.n = v->n, .p = v->v};
	return x;
}

/* Two fields by which the last two products differed, so that they could not be joined. */
struct differ {
	uint32_t one, two;
};

static bool differ_in(const struct nsn_product *a, const struct nsn_product *b, uint32_t bit)
{
	const size_t i = ones(a->fields & (bit - 1));

	return (a->fields & bit) != 0 && !lists_same(a->by[i], b->by[i]);
}

/* Both as one, where they differ in one field at most; NULL: they differ in more. */
static const struct nsn_product *joined(struct nsn_space *s, const struct nsn_product *a,
					const struct nsn_product *b, struct differ *hint)
{
	uint32_t differs = 0;
	size_t at = 0, i = 0;

	if (a->fields != b->fields)
		return NULL;
	if (hint->one != 0 && differ_in(a, b, hint->one) && differ_in(a, b, hint->two))
		return NULL;
	for (uint32_t all = a->fields, bit; all != 0; all &= ~bit, i++) {
		bit = LOWEST(all);
		if (lists_same(a->by[i], b->by[i]))
			continue;
		if (differs != 0) {
			*hint = (struct differ){differs, bit};
			return NULL;
		}
		differs = bit;
		at = i;
	}
	if (differs == 0)
		return a;
	return nsn_product_with(s, a, (enum nsn_field)__builtin_ctz(differs),
				nsn_ranges_or(s, a->by[at], b->by[at]));
}

/* Each time that two are joined, the result may fit to another. */
void nsn_vec_join(struct nsn_space *s, struct nsn_vec *v, const struct nsn_product *p)
{
	struct differ hint = {0, 0};

	for (size_t i = 0; i < v->n; i++) {
		const struct nsn_product *both = joined(s, v->v[i], p, &hint);

		if (both == NULL)
			continue;
		p = both;
		v->v[i] = v->v[--v->n];
		i = (size_t)-1;
	}
	nsn_space_step(s, v->n);
	nsn_vec_add(s, v, p);
}

void nsn_vec_or(struct nsn_space *s, struct nsn_vec *v, const struct nsn_product *p)
{
	struct nsn_vec left = {0}, next;
	uint32_t hint = 0;

	nsn_space_step(s, v->n + 1);
	nsn_vec_add(s, &left, p);
	for (size_t i = 0; i < v->n && left.n > 0; i++) {
		const struct nsn_product *q = v->v[i];

		if (!meet(p, q, &hint))
			continue;
		if (within(q, p)) {
			v->v[i--] = v->v[--v->n];
			continue;
		}
		next = (struct nsn_vec){0};
		for (size_t k = 0; k < left.n; k++)
			nsn_product_sub(s, left.v[k], q, &next);
		left = next;
		nsn_space_step(s, left.n);
	}
	for (size_t k = 0; k < left.n; k++)
		nsn_vec_join(s, v, left.v[k]);
}

/* ---- sets -------------------------------------------------------------------------------------
 */

/* A set of one product, which may be one that is there already. */
static nsn_set_t only(struct nsn_space *s, const struct nsn_product *p, nsn_set_t a, nsn_set_t b)
{
	struct {
		struct nsn_pset set;
		const struct nsn_product *p[1];
	} * x;

	if (p == NULL)
		return nsn_none(s);
	if (p == a->p[0])
		return a;
	if (p == b->p[0])
		return b;
	x = nsn_space_raw(s, sizeof(*x));
	x->p[0] = p;
	x->set = (struct nsn_pset){.n = 1, .p = x->p};
	return &x->set;
}

nsn_set_t nsn_products_and(struct nsn_space *s, nsn_set_t a, nsn_set_t b)
{
	const size_t cap = a->n == 1 || b->n == 1 ? SIZE_MAX : NSN_CAP_LONG;
	struct nsn_vec v = {0};
	bool is_a = b->n == 1, is_b = a->n == 1;
	uint32_t hint = 0;

	nsn_space_step(s, 1);
	if (a->n == 1 && b->n == 1)
		return only(s, nsn_product_and(s, a->p[0], b->p[0]), a, b);
	for (size_t i = 0; i < a->n; i++) {
		nsn_space_step(s, b->n);
		for (size_t j = 0; j < b->n; j++) {
			const struct nsn_product *p = NULL;

			if (meet(a->p[i], b->p[j], &hint))
				p = nsn_product_and(s, a->p[i], b->p[j]);
			is_a = is_a && p == a->p[i];
			is_b = is_b && p == b->p[j];
			if (p != NULL)
				nsn_vec_add(s, &v, p);
		}
		if (v.n > cap)
			return NULL;
	}
	if (is_a)
		return a;
	return is_b ? b : nsn_vec_set(s, &v);
}

nsn_set_t nsn_products_sub(struct nsn_space *s, nsn_set_t a, nsn_set_t b)
{
	const size_t cap = b->n == 1 ? NSN_CAP_LONG : NSN_CAP + a->n;
	struct nsn_vec v = {0}, cut = {0};
	uint32_t hint = 0;
	bool same = true;

	for (size_t i = 0; i < a->n; i++) {
		struct nsn_vec left = {0}, next;
		bool touched = false;

		nsn_space_step(s, b->n + 1);
		nsn_vec_add(s, &left, a->p[i]);
		for (size_t j = 0; j < b->n && left.n > 0; j++) {
			if (!meet(a->p[i], b->p[j], &hint))
				continue;
			touched = true;
			next = (struct nsn_vec){0};
			for (size_t k = 0; k < left.n; k++)
				nsn_product_sub(s, left.v[k], b->p[j], &next);
			left = next;
			nsn_space_step(s, left.n);
			if (left.n > cap)
				return NULL;
		}
		same = same && !touched;
		for (size_t k = 0; k < left.n; k++)
			nsn_vec_add(s, touched ? &cut : &v, left.v[k]);
		if (cut.n > cap)
			return NULL;
	}
	for (size_t k = 0; k < cut.n; k++) /* what was not cut did not fit together before */
		nsn_vec_join(s, &v, cut.v[k]);
	return same ? a : nsn_vec_set(s, &v);
}

nsn_set_t nsn_products_or(struct nsn_space *s, nsn_set_t a, nsn_set_t b)
{
	struct nsn_vec v = {0};
	size_t cap;

	if (a->n == 0 || a == b)
		return b;
	if (b->n == 0)
		return a;
	if (a->n < b->n) {
		nsn_set_t swap = a;

		a = b;
		b = swap;
	}
	cap = b->n == 1 ? NSN_CAP_LONG : NSN_CAP + a->n + b->n;
	for (size_t i = 0; i < a->n; i++)
		nsn_vec_add(s, &v, a->p[i]);
	for (size_t i = 0; i < b->n; i++) {
		nsn_vec_or(s, &v, b->p[i]);
		if (v.n > cap)
			return NULL;
	}
	return nsn_vec_set(s, &v);
}

/* ---- changing ---------------------------------------------------------------------------------
 */

/* Whether the products are apart by @f, perhaps: without it they could overlap. */
static bool apart_by(nsn_set_t a, enum nsn_field f)
{
	for (size_t i = 1; i < a->n; i++) {
		const struct nsn_ranges *x = nsn_product_by(a->p[0], f);
		const struct nsn_ranges *y = nsn_product_by(a->p[i], f);

		if (x != y && (x == NULL || y == NULL || !nsn_ranges_same(x, y)))
			return true;
	}
	return false;
}

/* Products of which a field was lost may overlap. */
static nsn_set_t changed(struct nsn_space *s, const struct nsn_vec *v, bool overlap)
{
	struct nsn_vec sum = {0};

	if (!overlap || v->n < 2)
		return nsn_vec_set(s, v);
	for (size_t i = 0; i < v->n; i++) {
		nsn_vec_or(s, &sum, v->v[i]);
		if (sum.n > NSN_CAP + v->n)
			return NULL;
	}
	return nsn_vec_set(s, &sum);
}

nsn_set_t nsn_products_put(struct nsn_space *s, nsn_set_t a, enum nsn_field f,
			   const struct nsn_ranges *by)
{
	struct nsn_vec v = {0};
	bool same = true;

	nsn_space_step(s, a->n + 1);
	for (size_t i = 0; i < a->n; i++) {
		const struct nsn_product *p = nsn_product_with(s, a->p[i], f, by);

		same = same && p == a->p[i];
		nsn_vec_add(s, &v, p);
	}
	return same ? a : changed(s, &v, apart_by(a, f));
}

/* Without some fields; NULL: it says nothing of them. */
static const struct nsn_product *without(struct nsn_space *s, const struct nsn_product *p,
					 uint32_t fields)
{
	const struct nsn_ranges *list[NSN_FIELDS];
	size_t n = 0, i = 0;

	if ((p->fields & fields) == 0)
		return NULL;
	for (uint32_t all = p->fields, bit; all != 0; all &= ~bit, i++) {
		bit = LOWEST(all);
		if ((fields & bit) == 0)
			list[n++] = p->by[i];
	}
	return product(s, p->fields & ~fields, list, n);
}

nsn_set_t nsn_products_forget(struct nsn_space *s, nsn_set_t a, uint32_t fields)
{
	struct nsn_vec v = {0};
	bool same = true, apart = false;

	nsn_space_step(s, a->n + 1);
	for (size_t i = 0; i < a->n && same; i++)
		same = (a->p[i]->fields & fields) == 0;
	if (same)
		return a;
	for (size_t i = 0; i < a->n; i++) {
		const struct nsn_product *p = without(s, a->p[i], fields);

		nsn_vec_add(s, &v, p != NULL ? p : a->p[i]);
	}
	for (uint32_t left = fields, bit; left != 0 && !apart; left &= ~bit) {
		bit = LOWEST(left);
		apart = apart_by(a, (enum nsn_field)__builtin_ctz(bit));
	}
	return changed(s, &v, apart);
}

nsn_set_t nsn_products_move(struct nsn_space *s, nsn_set_t a, enum nsn_field to,
			    enum nsn_field from)
{
	struct nsn_vec v = {0};

	nsn_space_step(s, a->n + 1);
	for (size_t i = 0; i < a->n; i++) {
		const struct nsn_ranges *by = nsn_product_by(a->p[i], from);
		const struct nsn_product *p = nsn_product_with(s, a->p[i], from, NULL);

		nsn_vec_add(s, &v, nsn_product_with(s, p, to, by));
	}
	return changed(s, &v, apart_by(a, to));
}

nsn_set_t nsn_products_swap(struct nsn_space *s, nsn_set_t a, enum nsn_field f, enum nsn_field g)
{
	struct nsn_vec v = {0};

	nsn_space_step(s, a->n + 1);
	for (size_t i = 0; i < a->n; i++) {
		const struct nsn_product *p = a->p[i];
		const struct nsn_ranges *x = nsn_product_by(p, f), *y = nsn_product_by(p, g);

		p = nsn_product_with(s, p, f, y);
		nsn_vec_add(s, &v, nsn_product_with(s, p, g, x));
	}
	return nsn_vec_set(s, &v);
}

/* ---- looking ----------------------------------------------------------------------------------
 */

/* NULL: every value, or the set is empty. */
const struct nsn_ranges *nsn_products_values(struct nsn_space *s, nsn_set_t a, enum nsn_field f)
{
	struct nsn_ranges *l;
	size_t n = 0;

	nsn_space_step(s, a->n);
	if (a->n == 1)
		return nsn_product_by(a->p[0], f);
	for (size_t i = 0; i < a->n; i++) {
		const struct nsn_ranges *by = nsn_product_by(a->p[i], f);

		if (by == NULL)
			return NULL;
		n += by->n;
	}
	if (n == 0)
		return NULL;
	l = nsn_space_raw(s, sizeof(*l) + n * sizeof(l->r[0]));
	l->n = 0;
	for (size_t i = 0; i < a->n; i++) {
		const struct nsn_ranges *by = nsn_product_by(a->p[i], f);

		memcpy(&l->r[l->n], by->r, by->n * sizeof(by->r[0]));
		l->n += by->n;
	}
	l->n = nsn_ranges_tidy(l->r, l->n);
	return l;
}

static bool has(const struct nsn_product *x, const struct nsn_packet *p)
{
	size_t i = 0;

	for (uint32_t all = x->fields, bit; all != 0; all &= ~bit) {
		bit = LOWEST(all);
		if (!nsn_ranges_has(x->by[i++], p->v[__builtin_ctz(bit)]))
			return false;
	}
	return true;
}

bool nsn_products_has(nsn_set_t a, const struct nsn_packet *p)
{
	for (size_t i = 0; i < a->n; i++)
		if (has(a->p[i], p))
			return true;
	return false;
}
