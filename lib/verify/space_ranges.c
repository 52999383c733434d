/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of ranges: what a product says of one field. */
#include <stdlib.h>
#include <string.h>

#include "space_in.h"

static struct nsn_ranges *room(struct nsn_space *s, size_t n)
{
	struct nsn_ranges *l = nsn_space_raw(s, sizeof(*l) + n * sizeof(l->r[0]));

	l->n = 0;
	return l;
}

const struct nsn_ranges *nsn_ranges_one(struct nsn_space *s, nsn_u128 first, nsn_u128 last)
{
	struct nsn_ranges *l = room(s, 1);

	l->n = 1;
	l->r[0] = (struct nsn_range){first, last};
	return l;
}

const struct nsn_ranges *nsn_ranges_copy(struct nsn_space *s, const struct nsn_range *r, size_t n)
{
	struct nsn_ranges *l = room(s, n);

	l->n = n;
	if (n > 0)
		memcpy(l->r, r, n * sizeof(*r));
	return l;
}

static const struct nsn_ranges *and_many(struct nsn_space *s, const struct nsn_ranges *a,
					 const struct nsn_ranges *b)
{
	struct nsn_ranges *l = room(s, a->n + b->n);
	size_t i = 0, j = 0;

	while (i < a->n && j < b->n) {
		const struct nsn_range *x = &a->r[i], *y = &b->r[j];
		const nsn_u128 first = x->first > y->first ? x->first : y->first;
		const nsn_u128 last = x->last < y->last ? x->last : y->last;

		if (first <= last)
			l->r[l->n++] = (struct nsn_range){first, last};
		if (x->last < y->last)
			i++;
		else
			j++;
	}
	if (l->n == 0)
		return NULL;
	if (nsn_ranges_same(l, a))
		return a;
	return nsn_ranges_same(l, b) ? b : l;
}

const struct nsn_ranges *nsn_ranges_and(struct nsn_space *s, const struct nsn_ranges *a,
					const struct nsn_ranges *b)
{
	const struct nsn_range *x = a->r, *y = b->r;

	if (a == b)
		return a;
	if (a->n != 1 || b->n != 1)
		return and_many(s, a, b);
	if (x->first > y->last || y->first > x->last)
		return NULL;
	if (x->first >= y->first && x->last <= y->last)
		return a;
	if (y->first >= x->first && y->last <= x->last)
		return b;
	return nsn_ranges_one(s, x->first > y->first ? x->first : y->first,
			      x->last < y->last ? x->last : y->last);
}

const struct nsn_ranges *nsn_ranges_sub(struct nsn_space *s, const struct nsn_ranges *a,
					const struct nsn_ranges *b)
{
	if (a == b)
		return NULL;
	if (!nsn_ranges_meet(a, b))
		return a;

	struct nsn_ranges *l = room(s, a->n + b->n);
	size_t j = 0;

	for (size_t i = 0; i < a->n; i++) {
		nsn_u128 first = a->r[i].first;
		const nsn_u128 last = a->r[i].last;
		bool left = true;

		while (j < b->n && b->r[j].last < first)
			j++;
		for (size_t k = j; left && k < b->n && b->r[k].first <= last; k++) {
			if (b->r[k].first > first)
				l->r[l->n++] = (struct nsn_range){first, b->r[k].first - 1};
			left = b->r[k].last < last;
			first = b->r[k].last + 1; /* not looked at where that is too much */
		}
		if (left)
			l->r[l->n++] = (struct nsn_range){first, last};
	}
	return l->n > 0 ? l : NULL;
}

const struct nsn_ranges *nsn_ranges_not(struct nsn_space *s, enum nsn_field f,
					const struct nsn_ranges *a)
{
	const nsn_u128 max = nsn_field_max(f);
	struct nsn_ranges *l = room(s, a->n + 1);
	nsn_u128 first = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (a->r[i].first > first)
			l->r[l->n++] = (struct nsn_range){first, a->r[i].first - 1};
		if (a->r[i].last >= max)
			return l->n > 0 ? l : NULL;
		first = a->r[i].last + 1;
	}
	l->r[l->n++] = (struct nsn_range){first, max};
	return l;
}

/* Adds one that begins not before the last; they may overlap. */
static void append(struct nsn_range *r, size_t *n, const struct nsn_range *x)
{
	struct nsn_range *end = *n > 0 ? &r[*n - 1] : NULL;

	if (end == NULL || (x->first > end->last && x->first - end->last > 1))
		r[(*n)++] = *x;
	else if (x->last > end->last)
		end->last = x->last;
}

const struct nsn_ranges *nsn_ranges_or(struct nsn_space *s, const struct nsn_ranges *a,
				       const struct nsn_ranges *b)
{
	struct nsn_ranges *l;
	size_t i = 0, j = 0;

	if (a == b)
		return a;
	l = room(s, a->n + b->n);
	while (i < a->n || j < b->n) {
		if (j == b->n || (i < a->n && a->r[i].first <= b->r[j].first))
			append(l->r, &l->n, &a->r[i++]);
		else
			append(l->r, &l->n, &b->r[j++]);
	}
	return l;
}

static int by_first(const void *a, const void *b)
{
	const struct nsn_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

size_t nsn_ranges_tidy(struct nsn_range *r, size_t n)
{
	size_t left = 0;

	if (n > 1)
		qsort(r, n, sizeof(*r), by_first);
	for (size_t i = 0; i < n; i++) {
		const struct nsn_range x = r[i];

		append(r, &left, &x);
	}
	return left;
}

bool nsn_ranges_meet(const struct nsn_ranges *a, const struct nsn_ranges *b)
{
	size_t i = 0, j = 0;

	if (a == b)
		return true;
	while (i < a->n && j < b->n) {
		if (a->r[i].last < b->r[j].first)
			i++;
		else if (b->r[j].last < a->r[i].first)
			j++;
		else
			return true;
	}
	return false;
}

bool nsn_ranges_within(const struct nsn_ranges *a, const struct nsn_ranges *b)
{
	size_t j = 0;

	if (a == b)
		return true;
	for (size_t i = 0; i < a->n; i++) {
		while (j < b->n && b->r[j].last < a->r[i].first)
			j++;
		if (j == b->n || b->r[j].first > a->r[i].first || b->r[j].last < a->r[i].last)
			return false;
	}
	return true;
}

bool nsn_ranges_same(const struct nsn_ranges *a, const struct nsn_ranges *b)
{
	if (a == b)
		return true;
	return a->n == b->n && memcmp(a->r, b->r, a->n * sizeof(a->r[0])) == 0;
}

bool nsn_ranges_has(const struct nsn_ranges *a, nsn_u128 value)
{
	size_t low = 0, high = a->n; /* the first that ends not before it */

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (a->r[mid].last < value)
			low = mid + 1;
		else
			high = mid;
	}
	return low < a->n && a->r[low].first <= value;
}
