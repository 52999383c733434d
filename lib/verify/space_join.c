/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many products at once: those that differ in one field are found by sorting. */
#include <stdlib.h>
#include <string.h>

#include "space_in.h"

#define LOWEST(bits) ((bits) & (~(bits) + 1))

static int by_ranges(const struct nsn_ranges *a, const struct nsn_ranges *b)
{
	if (a == b)
		return 0;
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return memcmp(a->r, b->r, a->n * sizeof(a->r[0])); /* any order will do */
}

/* By all fields but one. */
static int by_others(const void *x, const void *y, void *arg)
{
	const struct nsn_product *a = *(const struct nsn_product *const *)x;
	const struct nsn_product *b = *(const struct nsn_product *const *)y;
	const uint32_t skip = *(const uint32_t *)arg;
	size_t i = 0;

	if (a->fields != b->fields)
		return a->fields < b->fields ? -1 : 1;
	for (uint32_t all = a->fields, bit; all != 0; all &= ~bit, i++) {
		bit = LOWEST(all);
		if (bit == skip)
			continue;
		const int r = by_ranges(a->by[i], b->by[i]);

		if (r != 0)
			return r;
	}
	return 0;
}

/* @n products, which are the same but for @f. */
static const struct nsn_product *as_one(struct nsn_space *s, enum nsn_field f,
					const struct nsn_product **p, size_t n)
{
	struct nsn_ranges *by;
	size_t sum = 0;

	if (n == 1)
		return p[0];
	for (size_t i = 0; i < n; i++)
		sum += nsn_product_by(p[i], f)->n;
	by = nsn_space_raw(s, sizeof(*by) + sum * sizeof(by->r[0]));
	by->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct nsn_ranges *add = nsn_product_by(p[i], f);

		memcpy(&by->r[by->n], add->r, add->n * sizeof(add->r[0]));
		by->n += add->n;
	}
	by->n = nsn_ranges_tidy(by->r, by->n);
	return nsn_product_with(s, p[0], f, by);
}

static void group_by(struct nsn_space *s, struct nsn_vec *v, enum nsn_field f)
{
	uint32_t skip = UINT32_C(1) << f;
	size_t n = 0;

	qsort_r(v->v, v->n, sizeof(*v->v), by_others, &skip);
	for (size_t i = 0, end; i < v->n; i = end) {
		end = i + 1;
		if ((v->v[i]->fields & skip) == 0) {
			v->v[n++] = v->v[i];
			continue;
		}
		while (end < v->n && by_others(&v->v[i], &v->v[end], &skip) == 0)
			end++;
		v->v[n++] = as_one(s, f, &v->v[i], end - i);
	}
	v->n = n;
}

void nsn_vec_group(struct nsn_space *s, struct nsn_vec *v)
{
	uint32_t fields = 0;

	for (size_t i = 0; i < v->n; i++)
		fields |= v->v[i]->fields;
	for (unsigned int f = NSN_FIELDS; f-- > 0 && v->n > 1;) { /* ports before addresses */
		nsn_space_step(s, v->n);
		if ((fields >> f & 1) != 0)
			group_by(s, v, f);
	}
}
