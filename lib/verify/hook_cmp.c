/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing registers with constants, the quick ways first. */
#include <string.h>

#include "hook_int.h"

const struct nsn_range *nsn_run_bounds(struct nsn_run *r, nsn_set_t set, enum nsn_field f)
{
	struct nsn_seen_bounds *b = &r->h->bounds[((uintptr_t)set >> 4) % NSN_BOUNDS];

	if (b->set != set) {
		b->set = set;
		b->have = 0;
	}
	if (!(b->have >> f & 1)) {
		nsn_bounds(r->s, set, f, &b->range[f]);
		b->have |= UINT32_C(1) << f;
	}
	return &b->range[f];
}

/* @ranges ascend and do not overlap. */
void nsn_part(struct nsn_run *r, nsn_set_t set, enum nsn_field f, const struct nsn_range *ranges,
	      size_t n, nsn_set_t *yes, nsn_set_t *no)
{
	const struct nsn_range *b;
	size_t lo = 0, hi = n;

	*yes = nsn_none(r->s);
	*no = set;
	if (nsn_empty(set))
		return;
	b = nsn_run_bounds(r, set, f);
	while (lo < hi) { /* the first that does not end before */
		size_t mid = lo + (hi - lo) / 2;

		if (ranges[mid].last < b->first)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == n || ranges[lo].first > b->last)
		return;
	if (ranges[lo].first <= b->first && b->last <= ranges[lo].last) {
		*yes = set;
		*no = nsn_none(r->s);
		return;
	}
	for (hi = lo; hi < n && ranges[hi].first <= b->last;)
		hi++;
	*yes = nsn_and(r->s, set, nsn_in(r->s, f, ranges + lo, hi - lo));
	*no = nsn_empty(*yes) ? set : nsn_sub(r->s, set, *yes);
}

void nsn_part_one(struct nsn_run *r, nsn_set_t set, enum nsn_field f, nsn_u128 first, nsn_u128 last,
		  nsn_set_t *yes, nsn_set_t *no)
{
	struct nsn_range one = {first, last};

	nsn_part(r, set, f, &one, first <= last ? 1 : 0, yes, no);
}

static nsn_u128 ones(unsigned int bits)
{
	return bits >= 128 ? ~(nsn_u128)0 : ((nsn_u128)1 << bits) - 1;
}

/* How many low bits of a field can be other than 0 here. */
static unsigned int live_bits(const struct nsn_path *p, enum nsn_field f)
{
	if ((f == NSN_F_SRC || f == NSN_F_DST) && (p->l3 == NSN_L3_IP || p->l3 == NSN_L3_ARP))
		return 32;
	return nsn_field_bits(f);
}

/* ---- bytes of a domain ---- */

/* Sorted and joined; returns how many are left. */
static size_t tidy(struct nsn_range *v, size_t n)
{
	size_t out = 0;

	nsn_ranges_sort(v, n);
	for (size_t i = 0; i < n; i++) {
		if (out && v[i].first <= v[out - 1].last + 1) {
			if (v[i].last > v[out - 1].last)
				v[out - 1].last = v[i].last;
		} else {
			v[out++] = v[i];
		}
	}
	return out;
}

static bool whole_domain(const struct nsn_regs *g, size_t at, size_t len, enum nsn_dom *dom)
{
	for (size_t i = 0; i < len; i++)
		if (g->b[at + i] != NSN_RB(NSN_RB_DOM, NSN_RB_A(g->b[at]), i))
			return false;
	*dom = (enum nsn_dom)NSN_RB_A(g->b[at]);
	return true;
}

static void match_domain(struct nsn_run *r, nsn_set_t set, const struct nsn_domain *d, size_t len,
			 const uint8_t *first, const uint8_t *last, nsn_set_t *yes, nsn_set_t *no)
{
	size_t at, n = nsn_domain_find(d, first, last, len, &at);
	struct nsn_range *v;

	*yes = nsn_none(r->s);
	*no = set;
	if (n == 0)
		return;
	if (n == 1) {
		nsn_part_one(r, set, d->field, d->e[at].value, d->e[at].value, yes, no);
		return;
	}
	v = nsn_space_alloc(r->s, n * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[i].first = v[i].last = d->e[at + i].value;
	nsn_part(r, set, d->field, v, tidy(v, n), yes, no);
}

/* ---- equal: each field apart ---- */

struct equal {
	nsn_u128 mask[NSN_FIELDS], value[NSN_FIELDS];
	uint32_t fields;
	uint8_t dmask[NSN_DOMS][16], dvalue[NSN_DOMS][16];
	uint32_t doms;
	bool never, maybe;
};

static void equal_bit(struct equal *e, uint32_t bit, bool want)
{
	if (bit == NSN_BIT_ANY) {
		e->maybe = true;
	} else if (NSN_BIT_IS_FIELD(bit)) {
		enum nsn_field f = NSN_BIT_FIELD(bit);
		nsn_u128 m = (nsn_u128)1 << NSN_BIT_NR(bit);

		want ^= (bit & NSN_BIT_NOT) != 0;
		if (!(e->fields >> f & 1))
			e->mask[f] = e->value[f] = 0;
		e->fields |= UINT32_C(1) << f;
		if ((e->mask[f] & m) && ((e->value[f] & m) != 0) != want)
			e->never = true;
		e->mask[f] |= m;
		if (want)
			e->value[f] |= m;
	} else if (NSN_BIT_IS_DOM(bit)) {
		enum nsn_dom d = NSN_BIT_DOM_OF(bit);
		size_t n = NSN_BIT_NR(bit);
		uint8_t m = (uint8_t)(0x80 >> n % 8);

		want ^= (bit & NSN_BIT_NOT) != 0;
		if (!(e->doms >> d & 1)) {
			memset(e->dmask[d], 0, sizeof(e->dmask[d]));
			memset(e->dvalue[d], 0, sizeof(e->dvalue[d]));
		}
		e->doms |= UINT32_C(1) << d;
		if ((e->dmask[d][n / 8] & m) && ((e->dvalue[d][n / 8] & m) != 0) != want)
			e->never = true;
		e->dmask[d][n / 8] |= m;
		if (want)
			e->dvalue[d][n / 8] |= m;
	} else if ((bit == NSN_BIT_1) != want) {
		e->never = true;
	}
}

static void equal_byte(struct equal *e, const struct nsn_regs *g, size_t at, uint8_t want)
{
	uint32_t d = at < NSN_REG_BYTES ? g->b[at] : 0, bits[8];

	if (NSN_RB_KIND(d) == NSN_RB_CONST) {
		if (NSN_RB_B(d) != want)
			e->never = true;
		return;
	}
	if (NSN_RB_KIND(d) == NSN_RB_ANY) {
		e->maybe = true;
		return;
	}
	nsn_regs_get(g, at, bits);
	for (int k = 0; k < 8; k++)
		equal_bit(e, bits[k], want >> (7 - k) & 1);
}

/* The part of @set in which a field has these bits. */
static nsn_set_t equal_field(struct nsn_run *r, const struct nsn_path *p, nsn_set_t set,
			     enum nsn_field f, nsn_u128 mask, nsn_u128 value)
{
	nsn_u128 all = ones(nsn_field_bits(f)), low, want = 0;
	uint32_t bits[128];
	uint8_t number[16];
	nsn_set_t yes, no;
	size_t n = 0;

	mask |= all & ~ones(live_bits(p, f)); /* those bits are 0, here and in `value` */
	if (value & ~ones(live_bits(p, f)))
		return nsn_none(r->s);
	low = all & ~mask;
	if ((low & (low + 1)) == 0) { /* the bits not looked at are the lowest */
		nsn_part_one(r, set, f, value, value | low, &yes, &no);
		return yes;
	}
	/* Bit by bit: where only few values are left, no diagram is needed. */
	for (unsigned int b = nsn_field_bits(f); b-- > 0;) {
		if (mask >> b & 1) {
			bits[n++] = NSN_BIT(f, b);
			want = want << 1 | (value >> b & 1);
		}
	}
	for (size_t i = 0; i < (n + 7) / 8; i++)
		number[i] = (uint8_t)(want >> 8 * ((n + 7) / 8 - 1 - i));
	nsn_compare(r->s, set, bits, n, number, number, &yes, NULL);
	return yes;
}

static nsn_set_t equal_domain(struct nsn_run *r, nsn_set_t set, const struct nsn_domain *d,
			      const uint8_t mask[16], const uint8_t value[16])
{
	struct nsn_range *v = nsn_space_alloc(r->s, (d->n + 1) * sizeof(*v));
	nsn_set_t yes, no;
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++) {
		size_t b = 0;

		while (b < 16 && (d->e[i].bytes[b] & mask[b]) == value[b])
			b++;
		if (b == 16) {
			v[n].first = v[n].last = d->e[i].value;
			n++;
		}
	}
	nsn_part(r, set, d->field, v, tidy(v, n), &yes, &no);
	return yes;
}

static void match_equal(struct nsn_run *r, const struct nsn_path *p, nsn_set_t set, size_t at,
			size_t len, const uint8_t *want, nsn_set_t *yes, nsn_set_t *no)
{
	struct equal e;

	e.fields = e.doms = 0;
	e.never = e.maybe = false;
	for (size_t i = 0; i < len && !e.never; i++)
		equal_byte(&e, p->regs, at + i, want[i]);
	*yes = e.never ? nsn_none(r->s) : set;
	*no = set;
	if (e.never)
		return;
	for (uint32_t f = 0; f < NSN_FIELDS && !nsn_empty(*yes); f++)
		if (e.fields >> f & 1)
			*yes = equal_field(r, p, *yes, (enum nsn_field)f, e.mask[f], e.value[f]);
	for (uint32_t d = 0; d < NSN_DOMS && !nsn_empty(*yes); d++)
		if (e.doms >> d & 1)
			*yes = equal_domain(r, *yes, &r->h->dom[d], e.dmask[d], e.dvalue[d]);
	if (e.maybe || nsn_empty(*yes))
		return;
	*no = *yes == set ? nsn_none(r->s) : nsn_sub(r->s, set, *yes);
}

/* ---- ranges ------------------------------------------------------------------------------------
 */

/* Consecutive bytes of one field, from its highest that counts: ranges of it are ranges. */
static bool in_order(const struct nsn_path *p, size_t at, size_t len, enum nsn_field *f,
		     unsigned int *low)
{
	uint32_t d = p->regs->b[at];

	if (NSN_RB_KIND(d) != NSN_RB_FIELD || NSN_RB_B(d) + 8 != live_bits(p, NSN_RB_A(d)))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (i * 8 > NSN_RB_B(d) ||
		    p->regs->b[at + i] != NSN_RB(NSN_RB_FIELD, NSN_RB_A(d), NSN_RB_B(d) - i * 8))
			return false;
	}
	*f = (enum nsn_field)NSN_RB_A(d);
	*low = NSN_RB_B(d) - ((unsigned int)len - 1) * 8;
	return true;
}

static void match_bits(struct nsn_run *r, nsn_set_t set, uint32_t *bits, size_t n,
		       const uint8_t *first, const uint8_t *last, nsn_set_t *yes, nsn_set_t *no)
{
	nsn_set_t y = nsn_none(r->s), o = y;
	const struct nsn_domain *d;
	size_t i = 0;
	uint32_t dom;

	while (i < n && !NSN_BIT_IS_DOM(bits[i]))
		i++;
	if (i == n) {
		nsn_compare(r->s, set, bits, n, first, last, yes, no);
		return;
	}
	/* Of a domain: for each of its values apart. Rare: only of masked names and states. */
	dom = NSN_BIT_DOM_OF(bits[i]);
	d = &r->h->dom[dom];
	for (i = 0; i < d->n; i++) {
		uint32_t *own = nsn_space_alloc(r->s, n * sizeof(*own));
		nsn_set_t part, rest, a, b;

		nsn_part_one(r, set, d->field, d->e[i].value, d->e[i].value, &part, &rest);
		if (nsn_empty(part))
			continue;
		for (size_t k = 0; k < n; k++) {
			size_t nr = NSN_BIT_NR(bits[k]);

			own[k] = bits[k];
			if (NSN_BIT_IS_DOM(bits[k]) && NSN_BIT_DOM_OF(bits[k]) == dom)
				own[k] = ((d->e[i].bytes[nr / 8] >> (7 - nr % 8) & 1) ^
					  ((bits[k] & NSN_BIT_NOT) != 0))
						 ? NSN_BIT_1
						 : NSN_BIT_0;
		}
		match_bits(r, part, own, n, first, last, &a, &b);
		y = nsn_or(r->s, y, a);
		o = nsn_or(r->s, o, b);
	}
	*yes = y;
	*no = o;
}

void nsn_match(struct nsn_run *r, const struct nsn_path *p, nsn_set_t set, size_t at, size_t len,
	       const uint8_t *first, const uint8_t *last, nsn_set_t *yes, nsn_set_t *no)
{
	enum nsn_field f;
	enum nsn_dom dom;
	unsigned int low;
	uint32_t *bits;

	if (nsn_empty(set) || len == 0 || at + len > NSN_REG_BYTES) {
		*yes = *no = set; /* len 0: not from the kernel; unknown */
		return;
	}
	if (memcmp(first, last, len) > 0) {
		*yes = nsn_none(r->s);
		*no = set;
		return;
	}
	if (len <= 16 && in_order(p, at, len, &f, &low)) {
		nsn_part_one(r, set, f, nsn_bytes_number(first, len) << low,
			     nsn_bytes_number(last, len) << low | ones(low), yes, no);
		return;
	}
	if (len <= 16 && whole_domain(p->regs, at, len, &dom)) {
		match_domain(r, set, &r->h->dom[dom], len, first, last, yes, no);
		return;
	}
	if (memcmp(first, last, len) == 0) {
		match_equal(r, p, set, at, len, first, yes, no);
		return;
	}
	bits = nsn_space_alloc(r->s, len * 8 * sizeof(*bits));
	for (size_t i = 0; i < len; i++)
		nsn_regs_get(p->regs, at + i, bits + i * 8);
	match_bits(r, set, bits, len * 8, first, last, yes, no);
}

/* ---- expressions -------------------------------------------------------------------------------
 */

static bool go_on(struct nsn_run *r, struct nsn_path *p, nsn_set_t yes, nsn_set_t no)
{
	nsn_left(r, no);
	p->set = yes;
	return true;
}

bool nsn_eval_cmp(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	static const uint8_t zeros[64];
	const struct nsn_vexpr *x = rule->exprs[i].x;
	uint8_t full[64];
	nsn_set_t yes, no;
	size_t at = (size_t)x->sreg * 4;

	memset(full, 0xff, sizeof(full));
	switch (x->op) {
	case NSN_OP_EQ:
		nsn_match(r, p, p->set, at, x->len, x->data, x->data, &yes, &no);
		return go_on(r, p, yes, no);
	case NSN_OP_NEQ:
		nsn_match(r, p, p->set, at, x->len, x->data, x->data, &yes, &no);
		return go_on(r, p, no, yes);
	case NSN_OP_LTE:
		nsn_match(r, p, p->set, at, x->len, zeros, x->data, &yes, &no);
		return go_on(r, p, yes, no);
	case NSN_OP_GT:
		nsn_match(r, p, p->set, at, x->len, zeros, x->data, &yes, &no);
		return go_on(r, p, no, yes);
	case NSN_OP_GTE:
		nsn_match(r, p, p->set, at, x->len, x->data, full, &yes, &no);
		return go_on(r, p, yes, no);
	case NSN_OP_LT:
		nsn_match(r, p, p->set, at, x->len, x->data, full, &yes, &no);
		return go_on(r, p, no, yes);
	default:
		return go_on(r, p, p->set, p->set);
	}
}

bool nsn_eval_range(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	nsn_set_t yes, no;

	nsn_match(r, p, p->set, (size_t)x->sreg * 4, x->len, x->data, x->data2, &yes, &no);
	return x->op == NSN_OP_NEQ ? go_on(r, p, no, yes) : go_on(r, p, yes, no);
}
