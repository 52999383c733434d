/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bits of products. What a bit is made of is often the same for all packets of a product:
 * then it is decided, and so it is value by value where there are few. All else is left to
 * diagrams.
 */
#include "space_in.h"

enum {
	HOLES = 8,  /* bits that are free above one that is not: 256 ranges */
	SPLIT = 64, /* values of a field that are looked at one by one */
	DEPTH = 2,  /* fields for which that is done at once */
};

const struct nsn_ranges *nsn_ranges_masked(struct nsn_space *s, enum nsn_field f, nsn_u128 mask,
					   nsn_u128 value)
{
	nsn_u128 low, holes, h = 0;
	struct nsn_range r[1 << HOLES];
	size_t n = 0;

	mask &= nsn_field_max(f);
	if (mask == 0)
		return nsn_ranges_one(s, 0, nsn_field_max(f));
	low = (mask & (~mask + 1)) - 1;
	holes = nsn_field_max(f) & ~mask & ~low;
	if (__builtin_popcountll((uint64_t)holes) + __builtin_popcountll((uint64_t)(holes >> 64)) >
	    HOLES)
		return NULL;
	do { /* each choice for the holes, ascending */
		r[n++] = (struct nsn_range){value | h, value | h | low};
		h = (h - holes) & holes;
	} while (h != 0);
	return nsn_ranges_copy(s, r, n);
}

/* ---- one bit -----------------------------------------------------------------------------------
 */

enum bit { ZERO, ONE, ANY, VARIES };

/* Those of the bits from @known on are the same in all values. */
static unsigned int known_from(const struct nsn_product *p, enum nsn_field f, nsn_u128 *value)
{
	const struct nsn_ranges *by = nsn_product_by(p, f);
	nsn_u128 differ;
	unsigned int n = 0;

	*value = 0;
	if (by == NULL)
		return nsn_field_bits(f);
	*value = by->r[0].first;
	differ = by->r[0].first ^ by->r[by->n - 1].last;
	if (differ >> 64 != 0)
		n = 128 - (unsigned int)__builtin_clzll((uint64_t)(differ >> 64));
	else if (differ != 0)
		n = 64 - (unsigned int)__builtin_clzll((uint64_t)differ);
	return n;
}

/* What is known of the field that was asked for last. */
struct known {
	enum nsn_field f;
	unsigned int from;
	nsn_u128 value;
};

static enum bit bit_in(const struct nsn_product *p, uint32_t bit, struct known *k)
{
	const bool not = (bit & NSN_BIT_NOT) != 0;
	bool one = (bit & NSN_BIT_1) != 0;

	if (NSN_BIT_IS_FIELD(bit)) {
		if (k->f != NSN_BIT_FIELD(bit)) {
			k->f = NSN_BIT_FIELD(bit);
			k->from = known_from(p, k->f, &k->value);
		}
		if (NSN_BIT_NR(bit) < k->from)
			return VARIES;
		one = (k->value >> NSN_BIT_NR(bit) & 1) != 0;
	} else if ((bit & NSN_BIT_ANY) != 0) {
		return ANY;
	}
	return one != not ? ONE : ZERO;
}

/* Few enough values of @f in @p; they are put into @ret. 0: too many. */
static size_t few_values(const struct nsn_product *p, enum nsn_field f, nsn_u128 *ret)
{
	const struct nsn_ranges *by = nsn_product_by(p, f);
	size_t n = 0;

	if (by == NULL) {
		if (nsn_field_max(f) >= SPLIT)
			return 0;
		for (nsn_u128 v = 0; v <= nsn_field_max(f); v++)
			ret[n++] = v;
		return n;
	}
	for (size_t i = 0; i < by->n; i++) {
		if (by->r[i].last - by->r[i].first >= SPLIT - n)
			return 0;
		for (nsn_u128 v = 0; v <= by->r[i].last - by->r[i].first; v++)
			ret[n++] = by->r[i].first + v;
	}
	return n;
}

/* ---- assignment --------------------------------------------------------------------------------
 */

static bool assign(struct nsn_space *s, const struct nsn_product *p, enum nsn_field f,
		   const uint32_t *bits, unsigned int depth, struct nsn_vec *ret)
{
	nsn_u128 mask = 0, value = 0, values[SPLIT];
	struct known k = {.f = NSN_FIELDS};
	const struct nsn_ranges *by;
	size_t n;

	for (unsigned int i = 0; i < nsn_field_bits(f); i++) {
		const enum bit b = bit_in(p, bits[i], &k);

		if (b == VARIES)
			goto split;
		if (b != ANY)
			mask |= (nsn_u128)1 << i;
		if (b == ONE)
			value |= (nsn_u128)1 << i;
	}
	by = nsn_ranges_masked(s, f, mask, value);
	if (by == NULL)
		return false;
	nsn_vec_or(s, ret, nsn_product_with(s, p, f, by));
	return true;
split:
	n = depth > 0 ? few_values(p, k.f, values) : 0;
	for (size_t i = 0; i < n; i++) {
		const struct nsn_product *one =
			nsn_product_with(s, p, k.f, nsn_ranges_one(s, values[i], values[i]));

		if (!assign(s, one, f, bits, depth - 1, ret))
			return false;
	}
	return n > 0;
}

nsn_set_t nsn_products_assign(struct nsn_space *s, nsn_set_t a, enum nsn_field f,
			      const uint32_t *bits)
{
	struct nsn_vec v = {0};
	unsigned int same = 0;

	while (same < nsn_field_bits(f) && bits[same] == NSN_BIT(f, same))
		same++;
	if (same == nsn_field_bits(f))
		return a;
	for (size_t i = 0; i < a->n; i++) {
		nsn_space_step(s, 4);
		if (!assign(s, a->p[i], f, bits, DEPTH, &v) || v.n > NSN_CAP + a->n)
			return NULL;
	}
	return nsn_vec_set(s, &v);
}

/* ---- comparing ---------------------------------------------------------------------------------
 */

struct cmp {
	const uint32_t *bits;
	size_t n;
	const uint8_t *first, *last;
	bool equal; /* first is last */
	struct nsn_vec *yes, *no;
};

/* No bit varies: whether the number can be inside, and whether it can be outside. */
static void decide(struct nsn_space *s, const struct cmp *c, const struct nsn_product *p,
		   bool split)
{
	/* What numbers can be so far: as first and last are, only one of them, between. */
	bool both = true, first = false, last = false, inside = false, outside = false;
	struct known k = {.f = NSN_FIELDS};

	for (size_t i = 0; i < c->n; i++) {
		const enum bit b = bit_in(p, c->bits[i], &k);
		const bool x = nsn_number_bit(c->first, c->n, i),
			   y = nsn_number_bit(c->last, c->n, i);
		const bool zero = b != ONE, one = b != ZERO; /* it can be that */
		bool to_both = false, to_first = false, to_last = false;

		if (both) {
			to_both = x == y && (x ? one : zero);
			to_first = !x && y && zero;
			to_last = !x && y && one;
			outside = outside || (x && zero) || (!y && one);
		}
		if (first) {
			to_first = to_first || (x ? one : zero);
			inside = inside || (!x && one);
			outside = outside || (x && zero);
		}
		if (last) {
			to_last = to_last || (y ? one : zero);
			inside = inside || (y && zero);
			outside = outside || (!y && one);
		}
		both = to_both;
		first = to_first;
		last = to_last;
	}
	inside = inside || both || first || last;
	if (inside && split) /* the parts may fit together again */
		nsn_vec_join(s, c->yes, p);
	else if (inside)
		nsn_vec_add(s, c->yes, p);
	if (outside && split)
		nsn_vec_join(s, c->no, p);
	else if (outside)
		nsn_vec_add(s, c->no, p);
}

/* Compares the bits of @number from @from to before @to with those of the product. */
static int compare_bits(const struct cmp *c, const struct nsn_product *p, const uint8_t *number,
			size_t from, size_t to)
{
	struct known k = {.f = NSN_FIELDS};

	for (size_t i = from; i < to; i++) {
		const bool one = bit_in(p, c->bits[i], &k) == ONE;

		if (one != nsn_number_bit(number, c->n, i))
			return one ? 1 : -1;
	}
	return 0;
}

static nsn_u128 slice(const struct cmp *c, const uint8_t *number, size_t from, size_t to)
{
	nsn_u128 v = 0;

	for (size_t i = from; i < to; i++)
		v = v << 1 | nsn_number_bit(number, c->n, i);
	return v;
}

static void part(struct nsn_space *s, const struct cmp *c, const struct nsn_product *p,
		 enum nsn_field f, const struct nsn_range *r)
{
	const struct nsn_ranges *by = nsn_product_by(p, f), *x, *in, *out;

	x = nsn_ranges_one(s, r->first, r->last);
	in = by != NULL ? nsn_ranges_and(s, by, x) : x;
	out = by != NULL ? nsn_ranges_sub(s, by, x) : nsn_ranges_not(s, f, x);
	if (in != NULL)
		nsn_vec_add(s, c->yes, nsn_product_with(s, p, f, in));
	if (out != NULL)
		nsn_vec_add(s, c->no, nsn_product_with(s, p, f, out));
}

/*
 * The bits that vary, from @from to before @to, are those of one field from the first that
 * varies downwards, in order: the comparison is a range of the field.
 */
static void compare_field(struct nsn_space *s, const struct cmp *c, const struct nsn_product *p,
			  size_t from, size_t to)
{
	const enum nsn_field f = NSN_BIT_FIELD(c->bits[from]);
	const unsigned int low = NSN_BIT_NR(c->bits[to - 1]);
	const nsn_u128 max = ~(nsn_u128)0 >> (128 - (to - from));
	const int head_first = compare_bits(c, p, c->first, 0, from),
		  head_last = compare_bits(c, p, c->last, 0, from);
	nsn_u128 above, least = 0, most = max;
	struct nsn_range r;
	unsigned int known = known_from(p, f, &above);

	above = known >= 128 ? 0 : above >> known << known;
	if (head_first == 0)
		least = slice(c, c->first, from, to);
	if (head_last == 0)
		most = slice(c, c->last, from, to);
	if (head_first < 0 || head_last > 0 ||
	    (head_first == 0 && compare_bits(c, p, c->first, to, c->n) < 0 && least++ == max) ||
	    (head_last == 0 && compare_bits(c, p, c->last, to, c->n) > 0 && most-- == 0) ||
	    least > most) {
		nsn_vec_add(s, c->no, p);
		return;
	}
	r.first = above | least << low;
	r.last = above | most << low | (((nsn_u128)1 << low) - 1);
	part(s, c, p, f, &r);
}

/* Whether it can be done so; else nothing is done. */
static bool try_field(struct nsn_space *s, const struct cmp *c, const struct nsn_product *p)
{
	struct known k = {.f = NSN_FIELDS};
	size_t from = c->n, to = 0;

	for (size_t i = 0; i < c->n; i++) {
		const enum bit b = bit_in(p, c->bits[i], &k);

		if (b == ANY)
			return false;
		if (b != VARIES)
			continue;
		if ((c->bits[i] & NSN_BIT_NOT) != 0)
			return false;
		if (from == c->n) {
			from = i;
			if (NSN_BIT_NR(c->bits[i]) != k.from - 1)
				return false;
		} else if (to != i || NSN_BIT_FIELD(c->bits[i]) != NSN_BIT_FIELD(c->bits[from]) ||
			   NSN_BIT_NR(c->bits[i]) + 1 != NSN_BIT_NR(c->bits[i - 1])) {
			return false;
		}
		to = i + 1;
	}
	compare_field(s, c, p, from, to);
	return true;
}

/* Equal to one number: each field by itself has the bits that it must have. */
static bool try_equal(struct nsn_space *s, const struct cmp *c, const struct nsn_product *p)
{
	nsn_u128 mask[NSN_FIELDS] = {0}, value[NSN_FIELDS] = {0};
	struct known k = {.f = NSN_FIELDS};
	const struct nsn_product *yes = p;
	bool any = false, never = false;

	if (!c->equal)
		return false;
	for (size_t i = 0; i < c->n; i++) {
		const uint32_t bit = c->bits[i];
		const enum bit b = bit_in(p, bit, &k);
		const bool want = nsn_number_bit(c->first, c->n, i) != ((bit & NSN_BIT_NOT) != 0);

		if (b == ANY) {
			any = true;
		} else if (b != VARIES) {
			never = never || (b == ONE) != nsn_number_bit(c->first, c->n, i);
		} else {
			const nsn_u128 m = (nsn_u128)1 << NSN_BIT_NR(bit);

			never = never || ((mask[k.f] & m) != 0 && ((value[k.f] & m) != 0) != want);
			mask[k.f] |= m;
			if (want)
				value[k.f] |= m;
		}
	}
	for (unsigned int f = 0; f < NSN_FIELDS && !never && yes != NULL; f++) {
		const struct nsn_ranges *by, *old = nsn_product_by(yes, f);
		nsn_u128 top;

		if (mask[f] == 0)
			continue;
		const unsigned int known = known_from(p, f, &top); /* those bits are not free */

		if (known < nsn_field_bits(f)) {
			const nsn_u128 above = nsn_field_max(f) >> known << known;

			mask[f] |= above;
			value[f] |= top & above;
		}
		by = nsn_ranges_masked(s, f, mask[f], value[f]);
		if (by == NULL)
			return false;
		by = old != NULL ? nsn_ranges_and(s, old, by) : by;
		yes = by != NULL ? nsn_product_with(s, yes, f, by) : NULL;
	}
	if (never || yes == NULL) {
		nsn_vec_add(s, c->no, p);
		return true;
	}
	nsn_vec_add(s, c->yes, yes);
	if (any)
		nsn_vec_add(s, c->no, p);
	else
		nsn_product_sub(s, p, yes, c->no);
	return true;
}

static bool compare(struct nsn_space *s, const struct cmp *c, const struct nsn_product *p,
		    unsigned int depth)
{
	struct known k = {.f = NSN_FIELDS};
	nsn_u128 values[SPLIT];
	size_t n, i = 0;

	while (i < c->n && bit_in(p, c->bits[i], &k) != VARIES)
		i++;
	if (i == c->n) {
		decide(s, c, p, depth < DEPTH);
		return true;
	}
	if (try_field(s, c, p) || try_equal(s, c, p))
		return true;
	n = depth > 0 ? few_values(p, k.f, values) : 0;
	for (i = 0; i < n; i++) {
		const struct nsn_product *one =
			nsn_product_with(s, p, k.f, nsn_ranges_one(s, values[i], values[i]));

		if (!compare(s, c, one, depth - 1))
			return false;
	}
	return n > 0;
}

/*
 * What is asked for most: the bits are one field's, in order, and above them nothing is
 * unknown. Then it is a range of that field.
 */
struct whole {
	enum nsn_field f;
	unsigned int low;
	nsn_u128 first, last; /* within those bits */
};

static bool is_whole(const struct cmp *c, struct whole *w)
{
	const uint32_t top = c->n > 0 ? c->bits[0] : 0;

	if (c->n > 128 || !NSN_BIT_IS_FIELD(top) || (top & NSN_BIT_NOT) != 0 ||
	    NSN_BIT_NR(top) + 1 < c->n)
		return false;
	for (size_t i = 1; i < c->n; i++) /* the same field's, one less each time */
		if (c->bits[i] != top - (uint32_t)i)
			return false;
	w->f = NSN_BIT_FIELD(top);
	w->low = NSN_BIT_NR(top) + 1 - (unsigned int)c->n;
	w->first = w->last = 0;
	for (size_t i = 0; i < (c->n + 7) / 8; i++) {
		w->first = w->first << 8 | c->first[i];
		w->last = w->last << 8 | c->last[i];
	}
	w->first &= ~(nsn_u128)0 >> (128 - c->n);
	w->last &= ~(nsn_u128)0 >> (128 - c->n);
	return w->first <= w->last;
}

static bool compare_whole(struct nsn_space *s, const struct cmp *c, const struct whole *w,
			  const struct nsn_product *p)
{
	const nsn_u128 max = ~(nsn_u128)0 >> (128 - c->n);
	nsn_u128 above;
	const unsigned int known = known_from(p, w->f, &above), end = w->low + (unsigned int)c->n;
	struct nsn_range r;

	if (known > end)
		return false;
	if (known <= w->low) { /* all of them are decided */
		const nsn_u128 v = above >> w->low & max;

		nsn_vec_add(s, v >= w->first && v <= w->last ? c->yes : c->no, p);
		return true;
	}
	above = end >= 128 ? 0 : above >> end << end;
	r.first = above | w->first << w->low;
	r.last = above | w->last << w->low | (((nsn_u128)1 << w->low) - 1);
	part(s, c, p, w->f, &r);
	return true;
}

static bool same_number(const uint8_t *a, const uint8_t *b, size_t n)
{
	const size_t bytes = (n + 7) / 8;

	if (n % 8 != 0 && ((a[0] ^ b[0]) & ((1U << n % 8) - 1)) != 0)
		return false;
	for (size_t i = n % 8 != 0; i < bytes; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

bool nsn_products_compare(struct nsn_space *s, nsn_set_t a, const uint32_t *bits, size_t n,
			  const uint8_t *first, const uint8_t *last, nsn_set_t *yes, nsn_set_t *no)
{
	struct nsn_vec in = {0}, out = {0};
	const struct cmp c = {bits, n, first, last, same_number(first, last, n), &in, &out};
	struct whole w = {.low = 0};
	const bool whole = is_whole(&c, &w);

	for (size_t i = 0; i < a->n; i++) {
		nsn_space_step(s, 4);
		if ((!whole || !compare_whole(s, &c, &w, a->p[i])) &&
		    !compare(s, &c, a->p[i], DEPTH))
			return false;
		if (in.n + out.n > NSN_CAP_LONG + 2 * a->n)
			return false;
	}
	*yes = nsn_vec_set(s, &in);
	*no = nsn_vec_set(s, &out);
	return true;
}
