/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets as diagrams: whatever products cannot say shortly. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "space_in.h"

/* ---- opening ------------------------------------------------------------------------------- */

static void failed(void *arg, const char *why)
{
	nsn_space_stop(arg, why);
}

static void looked(void *arg)
{
	nsn_space_look(arg);
}

static void name_var(struct nsn_space_data *d, unsigned int f, unsigned int bit)
{
	d->var[f][bit] = (uint16_t)d->vars;
	d->field_of[d->vars] = (uint8_t)f;
	d->bit_of[d->vars++] = (uint8_t)bit;
}

/*
 * The fields' order, with the marks and the spare bits side by side: a mark that is made
 * of another stays small so.
 */
static void name_vars(struct nsn_space_data *d)
{
	d->vars = 0;
	for (unsigned int f = 0; f < NSN_FIELDS; f++) {
		if (f == NSN_F_MARK)
			continue;
		for (unsigned int bit = nsn_field_bits(f); bit-- > 0;) {
			name_var(d, f, bit);
			if (f != NSN_F_CTMARK)
				continue;
			name_var(d, NSN_F_MARK, bit);
			name_var(d, NSN_NO_FIELD, bit);
		}
	}
	for (unsigned int bit = NSN_SPARE_BITS; bit-- > nsn_field_bits(NSN_F_MARK);)
		name_var(d, NSN_NO_FIELD, bit);
}

void nsn_dg_open(struct nsn_space *s)
{
	struct nsn_space_data *d = s->data;

	if (d->open)
		return;
	name_vars(d);

	const struct nsn_bdd_hooks hooks = {failed, looked, s};
	const int r = nsn_bdd_open(d->vars, d->nodes, &hooks);

	if (r < 0)
		nsn_space_stop(s, r == -EBUSY ? "libbdd" : "memory");
	d->open = true;
}

void nsn_dg_close(struct nsn_space *s)
{
	if (s->data->open) {
		nsn_bdd_pairs_free(s->data->pairs);
		nsn_bdd_close();
	}
	s->data->open = false;
}

/* All bits of a field; or, @others, of all other fields. Made once and held for ever. */
static nsn_bdd_t cube_of(struct nsn_space *s, unsigned int f, bool others)
{
	struct nsn_space_data *d = s->data;
	nsn_bdd_t *cube = others ? &d->others[f] : &d->cube[f];
	unsigned int vars[NSN_MAX_VARS];
	size_t n = 0;

	if (*cube != NSN_BDD_FALSE)
		return *cube;
	for (unsigned int v = 0; v < d->vars; v++)
		if ((d->field_of[v] == f) != others)
			vars[n++] = v;
	*cube = nsn_bdd_ref(nsn_bdd_cube(vars, n));
	return *cube;
}

static void count(struct nsn_space *s)
{
	nsn_dg_open(s);
	nsn_space_step(s, 256);
}

/* ---- combining ----------------------------------------------------------------------------- */

nsn_bdd_t nsn_dg_and(struct nsn_space *s, nsn_bdd_t a, nsn_bdd_t b)
{
	count(s);
	return nsn_hold(s, nsn_bdd_and(a, b));
}

nsn_bdd_t nsn_dg_or(struct nsn_space *s, nsn_bdd_t a, nsn_bdd_t b)
{
	count(s);
	return nsn_hold(s, nsn_bdd_or(a, b));
}

nsn_bdd_t nsn_dg_sub(struct nsn_space *s, nsn_bdd_t a, nsn_bdd_t b)
{
	count(s);
	return nsn_hold(s, nsn_bdd_sub(a, b));
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* The variable @v above both. */
static nsn_bdd_t node(struct nsn_space *s, unsigned int v, nsn_bdd_t low, nsn_bdd_t high)
{
	return low == high ? low : nsn_hold(s, nsn_bdd_ite(nsn_bdd_var(v), high, low));
}

nsn_bdd_t nsn_dg_range(struct nsn_space *s, enum nsn_field f, const struct nsn_range *r)
{
	nsn_bdd_t least = NSN_BDD_TRUE, most = NSN_BDD_TRUE;

	count(s);

	struct nsn_held *const before = s->data->held;

	for (unsigned int bit = 0; bit < nsn_field_bits(f); bit++) {
		const unsigned int v = s->data->var[f][bit];

		if ((r->first >> bit & 1) != 0)
			least = node(s, v, NSN_BDD_FALSE, least);
		else
			least = node(s, v, least, NSN_BDD_TRUE);
		if ((r->last >> bit & 1) != 0)
			most = node(s, v, NSN_BDD_TRUE, most);
		else
			most = node(s, v, most, NSN_BDD_FALSE);
	}

	const nsn_bdd_t both = nsn_hold(s, nsn_bdd_and(least, most));

	nsn_hold_only(s, before, both);
	return both;
}

nsn_bdd_t nsn_dg_masked(struct nsn_space *s, enum nsn_field f, nsn_u128 mask, nsn_u128 value)
{
	nsn_bdd_t b = NSN_BDD_TRUE;

	count(s);

	struct nsn_held *const before = s->data->held;

	for (unsigned int bit = 0; bit < nsn_field_bits(f); bit++) {
		const unsigned int v = s->data->var[f][bit];

		if ((mask >> bit & 1) == 0)
			continue;
		if ((value >> bit & 1) != 0)
			b = node(s, v, NSN_BDD_FALSE, b);
		else
			b = node(s, v, b, NSN_BDD_FALSE);
	}
	nsn_hold_only(s, before, b);
	return b;
}

/* ---- changing ------------------------------------------------------------------------------ */

nsn_bdd_t nsn_dg_forget(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f)
{
	count(s);
	return nsn_hold(s, nsn_bdd_exist(a, cube_of(s, f, false)));
}

/* All bits of @from become those of @to; @both: and the other way round. */
static nsn_bdd_t rename_bits(struct nsn_space *s, nsn_bdd_t a, unsigned int to, unsigned int from,
			     unsigned int bits, bool both)
{
	unsigned int src[2 * 128], dst[2 * 128];
	size_t n = 0;

	for (unsigned int i = 0; i < bits; i++) {
		src[n] = s->data->var[from][i];
		dst[n++] = s->data->var[to][i];
		if (both) {
			src[n] = s->data->var[to][i];
			dst[n++] = s->data->var[from][i];
		}
	}

	nsn_bdd_pairs_free(s->data->pairs); /* not at the end: what jumps does not get there */
	s->data->pairs = nsn_bdd_pairs(src, dst, n);
	if (s->data->pairs == NULL)
		nsn_space_stop(s, "memory");
	return nsn_hold(s, nsn_bdd_replace(a, s->data->pairs));
}

nsn_bdd_t nsn_dg_move(struct nsn_space *s, nsn_bdd_t a, enum nsn_field to, enum nsn_field from)
{
	return rename_bits(s, nsn_dg_forget(s, a, to), to, from, nsn_field_bits(to), false);
}

nsn_bdd_t nsn_dg_swap(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f, enum nsn_field g)
{
	count(s);
	return rename_bits(s, a, f, g, nsn_field_bits(f), true);
}

/* Where a bit is 1; not of NSN_BIT_ANY. */
static nsn_bdd_t bit_set(const struct nsn_space *s, uint32_t bit)
{
	unsigned int v;

	if (!NSN_BIT_IS_FIELD(bit))
		return ((bit & NSN_BIT_1) != 0) != ((bit & NSN_BIT_NOT) != 0) ? NSN_BDD_TRUE
									      : NSN_BDD_FALSE;
	v = s->data->var[NSN_BIT_FIELD(bit)][NSN_BIT_NR(bit)];
	return (bit & NSN_BIT_NOT) != 0 ? nsn_bdd_not_var(v) : nsn_bdd_var(v);
}

static bool bit_any(uint32_t bit)
{
	return !NSN_BIT_IS_FIELD(bit) && (bit & NSN_BIT_ANY) != 0;
}

/* a, and the variable @v is as @value says. */
static nsn_bdd_t and_same(struct nsn_space *s, nsn_bdd_t a, unsigned int v, nsn_bdd_t value)
{
	const nsn_bdd_t other = nsn_hold(s, nsn_bdd_not(value));
	const nsn_bdd_t same = nsn_hold(s, nsn_bdd_ite(nsn_bdd_var(v), value, other));

	return nsn_dg_and(s, a, same);
}

/*
 * Each bit that changes is written into a spare one, from the packet as it was; then those
 * that change are forgotten and the spare ones are put in their place.
 */
nsn_bdd_t nsn_dg_assign(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f, const uint32_t *bits)
{
	unsigned int changed[128], spare[128], n = 0;

	count(s);
	for (unsigned int i = 0; i < nsn_field_bits(f); i++) {
		if (bits[i] == NSN_BIT(f, i))
			continue;
		changed[n] = s->data->var[f][i];
		spare[n++] = s->data->var[NSN_NO_FIELD][i];
		if (!bit_any(bits[i]))
			a = and_same(s, a, spare[n - 1], bit_set(s, bits[i]));
	}
	for (unsigned int i = 0, j = n; i < j--; i++) { /* ascending */
		const unsigned int v = changed[i];

		changed[i] = changed[j];
		changed[j] = v;
	}

	const nsn_bdd_t cube = nsn_hold(s, nsn_bdd_cube(changed, n));
	const nsn_bdd_t gone = nsn_hold(s, nsn_bdd_exist(a, cube));

	return rename_bits(s, gone, f, NSN_NO_FIELD, nsn_field_bits(f), false);
}

/* ---- comparing ----------------------------------------------------------------------------- */

/*
 * From the least significant bit upwards: for which packets the bits from here on can be so,
 * as the number's before were equal to first's, to last's, to both.
 */
struct tight {
	nsn_bdd_t least, most, both;
};

/* Bit is 0: @low; bit is 1: @high; unknown: either. */
static nsn_bdd_t branch(struct nsn_space *s, uint32_t bit, nsn_bdd_t low, nsn_bdd_t high)
{
	if (low == high)
		return low;
	if (bit_any(bit))
		return nsn_dg_or(s, low, high);
	return nsn_hold(s, nsn_bdd_ite(bit_set(s, bit), high, low));
}

nsn_bdd_t nsn_dg_inside(struct nsn_space *s, const uint32_t *bits, size_t n, const uint8_t *first,
			const uint8_t *last)
{
	struct tight t = {NSN_BDD_TRUE, NSN_BDD_TRUE, NSN_BDD_TRUE};

	count(s);
	for (size_t i = n; i-- > 0;) {
		const bool x = nsn_number_bit(first, n, i), y = nsn_number_bit(last, n, i);
		struct tight up;

		up.least =
			branch(s, bits[i], x ? NSN_BDD_FALSE : t.least, x ? t.least : NSN_BDD_TRUE);
		up.most = branch(s, bits[i], y ? NSN_BDD_TRUE : t.most, y ? t.most : NSN_BDD_FALSE);
		if (x == y)
			up.both = branch(s, bits[i], x ? NSN_BDD_FALSE : t.both,
					 x ? t.both : NSN_BDD_FALSE);
		else /* first's is 0, last's 1; the other way round there is none */
			up.both = x ? NSN_BDD_FALSE : branch(s, bits[i], t.least, t.most);
		t = up;
	}
	return t.both;
}

/* Here `least` is: can be less than first; `most`: can be greater than last. */
nsn_bdd_t nsn_dg_outside(struct nsn_space *s, const uint32_t *bits, size_t n, const uint8_t *first,
			 const uint8_t *last)
{
	struct tight t = {NSN_BDD_FALSE, NSN_BDD_FALSE, NSN_BDD_FALSE};

	count(s);
	for (size_t i = n; i-- > 0;) {
		const bool x = nsn_number_bit(first, n, i), y = nsn_number_bit(last, n, i);
		struct tight up = t;

		up.least =
			branch(s, bits[i], x ? NSN_BDD_TRUE : t.least, x ? t.least : NSN_BDD_FALSE);
		up.most = branch(s, bits[i], y ? NSN_BDD_FALSE : t.most, y ? t.most : NSN_BDD_TRUE);
		t = up;
	}
	return nsn_dg_or(s, t.least, t.most);
}

/* ---- looking ------------------------------------------------------------------------------- */

struct walk {
	const struct nsn_space_data *d;
	struct nsn_range *ret, cur;
	size_t n, max;
	bool any;
};

static void add_range(struct walk *w, nsn_u128 first, nsn_u128 last)
{
	if (!w->any) {
		w->any = true;
	} else if (w->cur.last + 1 == first) {
		w->cur.last = last;
		return;
	} else {
		if (w->n < w->max)
			w->ret[w->n] = w->cur;
		w->n++;
	}
	w->cur = (struct nsn_range){first, last};
}

/* All values whose bits above @left are @prefix and for which @b is true, ascending. */
static void walk_values(struct walk *w, nsn_bdd_t b, unsigned int left, nsn_u128 prefix)
{
	if (b == NSN_BDD_FALSE || w->n > w->max)
		return;
	if (b == NSN_BDD_TRUE) {
		const nsn_u128 low = left < 128 ? ((nsn_u128)1 << left) - 1 : ~(nsn_u128)0;

		add_range(w, left < 128 ? prefix << left : 0,
			  left < 128 ? prefix << left | low : low);
		return;
	}
	if (w->d->bit_of[nsn_bdd_top(b)] == left - 1) {
		walk_values(w, nsn_bdd_low(b), left - 1, prefix << 1);
		walk_values(w, nsn_bdd_high(b), left - 1, prefix << 1 | 1);
	} else {
		walk_values(w, b, left - 1, prefix << 1);
		walk_values(w, b, left - 1, prefix << 1 | 1);
	}
}

/* The least (@high: greatest) value of a field in @b, which is about that alone. */
static nsn_u128 extreme(const struct nsn_space_data *d, nsn_bdd_t b, unsigned int bits, bool high)
{
	nsn_u128 v = 0;

	for (unsigned int bit = bits; bit-- > 0;) {
		bool one = high;

		if (b > NSN_BDD_TRUE && d->bit_of[nsn_bdd_top(b)] == bit) {
			const nsn_bdd_t to = high ? nsn_bdd_high(b) : nsn_bdd_low(b);

			if (to == NSN_BDD_FALSE)
				one = !high;
			b = one ? nsn_bdd_high(b) : nsn_bdd_low(b);
		}
		v = v << 1 | one;
	}
	return v;
}

size_t nsn_dg_values(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f, size_t max,
		     struct nsn_range *ret, struct nsn_range *bounds)
{
	struct walk w = {.d = s->data, .ret = ret, .max = max};
	const unsigned int bits = nsn_field_bits(f);

	count(s);

	const nsn_bdd_t b = nsn_hold(s, nsn_bdd_exist(a, cube_of(s, f, true)));

	if (b == NSN_BDD_FALSE)
		return 0;
	*bounds = (struct nsn_range){extreme(s->data, b, bits, false),
				     extreme(s->data, b, bits, true)};
	if (max == 0)
		return 1;
	walk_values(&w, b, bits, 0);
	nsn_space_step(s, w.n);
	if (w.n < max)
		ret[w.n] = w.cur;
	return w.n + 1;
}

bool nsn_dg_free_of(struct nsn_space *s, nsn_bdd_t a, enum nsn_field f)
{
	return nsn_dg_forget(s, a, f) == a;
}

/* ---- from products --------------------------------------------------------------------------- */

static nsn_bdd_t of_ranges(struct nsn_space *s, enum nsn_field f, const struct nsn_range *r,
			   size_t n)
{
	if (n == 1)
		return nsn_dg_range(s, f, r);
	return nsn_dg_or(s, of_ranges(s, f, r, n / 2), of_ranges(s, f, r + n / 2, n - n / 2));
}

static nsn_bdd_t of_product(struct nsn_space *s, const struct nsn_product *p)
{
	nsn_bdd_t b = NSN_BDD_TRUE;

	for (unsigned int f = NSN_FIELDS; f-- > 0;) { /* the lowest variables first */
		const struct nsn_ranges *by = nsn_product_by(p, f);

		if (by != NULL)
			b = nsn_dg_and(s, of_ranges(s, f, by->r, by->n), b);
	}
	return b;
}

nsn_bdd_t nsn_dg_of_products(struct nsn_space *s, const struct nsn_product *const *p, size_t n)
{
	nsn_dg_open(s);

	struct nsn_held *const before = s->data->held;
	nsn_bdd_t b = NSN_BDD_FALSE;

	if (n == 1)
		b = of_product(s, p[0]);
	else if (n > 1)
		b = nsn_dg_or(s, nsn_dg_of_products(s, p, n / 2),
			      nsn_dg_of_products(s, p + n / 2, n - n / 2));
	nsn_hold_only(s, before, b);
	return b;
}

nsn_bdd_t nsn_dg_of(struct nsn_space *s, nsn_set_t a)
{
	nsn_dg_open(s);
	return a->diagram ? a->bdd : nsn_dg_of_products(s, a->p, a->n);
}

bool nsn_dg_has(const struct nsn_space *s, nsn_bdd_t a, const struct nsn_packet *p)
{
	while (a != NSN_BDD_FALSE && a != NSN_BDD_TRUE) {
		const unsigned int v = nsn_bdd_top(a);
		const bool set = (p->v[s->data->field_of[v]] >> s->data->bit_of[v] & 1) != 0;

		a = set ? nsn_bdd_high(a) : nsn_bdd_low(a);
	}
	return a == NSN_BDD_TRUE;
}
