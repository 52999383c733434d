/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of packets against tables of truth (all packets of a few small fields), and with wide
 * fields products against diagrams.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../lib/verify/space.h"
#include "../lib/world.h"

enum { SMALL = 5, PACKETS = 512, ROUNDS = 400, NODES = 1 << 20 };

static const enum nsn_field small[SMALL] = {NSN_F_TAG, NSN_F_FRAG, NSN_F_CTSTATE, NSN_F_CTDIR,
					    NSN_F_CTNAT};
static const unsigned int width[SMALL] = {2, 1, 3, 1, 2};

/* A number below 512 is a packet: the small fields side by side. */
typedef bool table_t[PACKETS];

/* Not random(): libbdd draws from it, too. */
static uint64_t state_of_chance = 1;

static uint64_t chance(void)
{
	state_of_chance = state_of_chance * UINT64_C(6364136223846793005) + 1442695040888963407;
	return state_of_chance >> 32;
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)(chance() % n);
}

static unsigned int shift_of(unsigned int f)
{
	unsigned int at = 0;

	while (f-- > 0)
		at += width[f];
	return at;
}

static unsigned int get(unsigned int p, unsigned int f)
{
	return p >> shift_of(f) & ((1U << width[f]) - 1);
}

static unsigned int with(unsigned int p, unsigned int f, unsigned int v)
{
	return (p & ~(((1U << width[f]) - 1) << shift_of(f))) | v << shift_of(f);
}

static struct nsn_packet packet(unsigned int p)
{
	struct nsn_packet x = {0};

	for (unsigned int f = 0; f < SMALL; f++)
		x.v[small[f]] = get(p, f);
	x.v[NSN_F_SRC] = (nsn_u128)chance() << 90; /* nobody asks for it */
	return x;
}

/* Fails where set and table differ. */
static void same(struct nsn_space *s, nsn_set_t a, const table_t t)
{
	bool any = false;

	for (unsigned int p = 0; p < PACKETS; p++) {
		const struct nsn_packet x = packet(p);

		assert_int_equal(nsn_has(s, a, &x), t[p]);
		any = any || t[p];
	}
	assert_int_equal(nsn_empty(a), !any);
}

static nsn_set_t random_piece(struct nsn_space *s, table_t t)
{
	const unsigned int f = below(SMALL), max = (1U << width[f]) - 1;
	const unsigned int x = below(max + 1), y = below(max + 1);
	const unsigned int mask = below(max + 1), value = x & mask, kind = below(3);
	const struct nsn_range r[2] = {{x, x}, {y, y}};

	for (unsigned int p = 0; p < PACKETS; p++) {
		const unsigned int v = get(p, f);

		if (kind == 0)
			t[p] = v >= x && v <= y;
		else if (kind == 1)
			t[p] = (v & mask) == value;
		else
			t[p] = v == x || v == y;
	}
	if (kind == 0)
		return nsn_between(s, small[f], x, y);
	if (kind == 1)
		return nsn_masked(s, small[f], mask, value);
	return nsn_in(s, small[f], r, 2);
}

static nsn_set_t random_set(struct nsn_space *s, table_t t)
{
	nsn_set_t a = below(2) ? nsn_all(s) : nsn_none(s);

	for (unsigned int p = 0; p < PACKETS; p++)
		t[p] = !nsn_empty(a);
	for (unsigned int i = below(8); i-- > 0;) {
		table_t u;
		const nsn_set_t b = random_piece(s, u);
		const unsigned int op = below(3);

		for (unsigned int p = 0; p < PACKETS; p++) {
			if (op == 0)
				t[p] = t[p] && u[p];
			else if (op == 1)
				t[p] = t[p] || u[p];
			else
				t[p] = t[p] && !u[p];
		}
		if (op == 0)
			a = nsn_and(s, a, b);
		else
			a = op == 1 ? nsn_or(s, a, b) : nsn_sub(s, a, b);
	}
	same(s, a, t);
	return a;
}

/* Each packet of @t becomes those that @next makes of it, one for each of @n choices. */
static void moved(const table_t t, table_t ret,
		  unsigned int (*next)(unsigned int p, unsigned int choice, void *arg),
		  unsigned int n, void *arg)
{
	memset(ret, 0, sizeof(table_t));
	for (unsigned int p = 0; p < PACKETS; p++)
		for (unsigned int i = 0; t[p] && i < n; i++)
			ret[next(p, i, arg)] = true;
}

/* ---- one operation each ------------------------------------------------------------------- */

static void check_combined(struct nsn_space *s)
{
	table_t t, u, x;
	const nsn_set_t a = random_set(s, t), b = random_set(s, u);
	nsn_set_t many[5];
	bool within = true;

	for (unsigned int p = 0; p < PACKETS; p++)
		x[p] = t[p] && u[p];
	same(s, nsn_and(s, a, b), x);
	for (unsigned int p = 0; p < PACKETS; p++)
		x[p] = t[p] || u[p];
	same(s, nsn_or(s, a, b), x);
	for (unsigned int p = 0; p < PACKETS; p++) {
		x[p] = t[p] && !u[p];
		within = within && !x[p];
	}
	same(s, nsn_sub(s, a, b), x);
	assert_int_equal(nsn_within(s, a, b), within);
	assert_true(nsn_within(s, nsn_and(s, a, b), b));

	memset(x, 0, sizeof(x));
	for (unsigned int i = 0; i < 5; i++) {
		many[i] = random_set(s, t);
		for (unsigned int p = 0; p < PACKETS; p++)
			x[p] = x[p] || t[p];
	}
	same(s, nsn_or_many(s, many, 5), x);
}

struct put {
	unsigned int f, first;
};

static unsigned int next_put(unsigned int p, unsigned int choice, void *arg)
{
	const struct put *x = arg;

	return with(p, x->f, x->first + choice);
}

/* arg: { to, from } */
static unsigned int next_move(unsigned int p, unsigned int choice, void *arg)
{
	const unsigned int *x = arg, v = get(p, x[1]);

	return with(with(p, x[1], choice), x[0], v);
}

static unsigned int next_swap(unsigned int p, unsigned int choice, void *arg)
{
	const unsigned int *x = arg;

	(void)choice;
	return with(with(p, x[0], get(p, x[1])), x[1], get(p, x[0]));
}

static void check_forget_all(struct nsn_space *s)
{
	table_t t, x, y;
	const nsn_set_t a = random_set(s, t);
	const unsigned int f = below(SMALL), g = below(SMALL);
	struct put put = {f, 0};

	moved(t, x, next_put, 1U << width[f], &put);
	put.f = g;
	moved(x, y, next_put, 1U << width[g], &put);
	same(s, nsn_forget_all(s, a, 1U << small[f] | 1U << small[g]), y);
}

static void check_put(struct nsn_space *s)
{
	static unsigned int pairs[4][2] = {{0, 4}, {4, 0}, {1, 3}, {3, 1}};
	table_t t, x;
	const nsn_set_t a = random_set(s, t);
	const unsigned int f = below(SMALL), max = (1U << width[f]) - 1;
	const unsigned int first = below(max + 1), last = first + below(max + 1 - first);
	unsigned int *pair = pairs[below(4)];
	struct put put = {f, 0};

	moved(t, x, next_put, max + 1, &put);
	same(s, nsn_forget(s, a, small[f]), x);
	same(s, nsn_forget_all(s, a, 1U << small[f]), x);
	assert_int_equal(nsn_free_of(s, a, small[f]), memcmp(t, x, sizeof(t)) == 0);
	put.first = first;
	moved(t, x, next_put, 1, &put);
	same(s, nsn_put(s, a, small[f], first), x);
	moved(t, x, next_put, last - first + 1, &put);
	same(s, nsn_put_between(s, a, small[f], first, last), x);
	moved(t, x, next_move, 1U << width[pair[1]], pair);
	same(s, nsn_move(s, a, small[pair[0]], small[pair[1]]), x);
	moved(t, x, next_swap, 1, pair);
	same(s, nsn_swap(s, a, small[pair[0]], small[pair[1]]), x);
	check_forget_all(s);
}

static uint32_t random_bit(void)
{
	const unsigned int f = below(SMALL);
	const uint32_t not = below(4) == 0 ? NSN_BIT_NOT : 0;

	switch (below(8)) {
	case 0:
		return NSN_BIT_0;
	case 1:
		return NSN_BIT_1;
	case 2:
		return NSN_BIT_ANY;
	default:
		return NSN_BIT(small[f], below(width[f])) | not ;
	}
}

static unsigned int bit_value(uint32_t bit, unsigned int p, unsigned int any)
{
	unsigned int v = bit & 1;

	if (bit == NSN_BIT_ANY)
		return any;
	if (NSN_BIT_IS_FIELD(bit))
		for (unsigned int f = 0; f < SMALL; f++)
			if (small[f] == NSN_BIT_FIELD(bit))
				v = get(p, f) >> NSN_BIT_NR(bit) & 1;
	return (bit & NSN_BIT_NOT) != 0 ? !v : v;
}

struct assign {
	unsigned int f;
	uint32_t bits[3];
};

static unsigned int next_assign(unsigned int p, unsigned int choice, void *arg)
{
	const struct assign *x = arg;
	unsigned int v = 0;

	for (unsigned int i = 0; i < width[x->f]; i++)
		v |= bit_value(x->bits[i], p, choice >> i & 1) << i;
	return with(p, x->f, v);
}

static void check_assign(struct nsn_space *s)
{
	table_t t, x;
	const nsn_set_t a = random_set(s, t);
	struct assign as = {.f = below(SMALL)};

	for (unsigned int i = 0; i < width[as.f]; i++)
		as.bits[i] = below(3) == 0 ? NSN_BIT(small[as.f], i) : random_bit();
	moved(t, x, next_assign, 8, &as);
	same(s, nsn_assign(s, a, small[as.f], as.bits), x);
}

static void check_compare(struct nsn_space *s)
{
	table_t t, in = {false}, out = {false};
	const nsn_set_t a = random_set(s, t);
	const unsigned int n = 1 + below(10), same_number = below(2);
	const unsigned int x = below(1U << n), y = same_number ? x : x + below((1U << n) - x);
	const uint8_t first[2] = {(uint8_t)(n > 8 ? x >> 8 : x), (uint8_t)x};
	const uint8_t last[2] = {(uint8_t)(n > 8 ? y >> 8 : y), (uint8_t)y};
	const unsigned int f = below(SMALL), whole = below(3) == 0;
	uint32_t bits[10];
	unsigned int unknown = 0;
	nsn_set_t yes, no;

	for (unsigned int i = 0; i < n; i++) {
		bits[i] = random_bit();
		if (whole) /* a field from its top downwards, and what is constant */
			bits[i] = i < width[f] ? NSN_BIT(small[f], width[f] - 1 - i) : below(2);
		unknown += bits[i] == NSN_BIT_ANY;
	}
	for (unsigned int p = 0; p < PACKETS; p++) {
		for (unsigned int any = 0; t[p] && any < 1U << unknown; any++) {
			unsigned int v = 0, nr = 0;

			for (unsigned int i = 0; i < n; i++) {
				v = v << 1 | bit_value(bits[i], p, any >> nr & 1);
				nr += bits[i] == NSN_BIT_ANY;
			}
			if (v >= x && v <= y)
				in[p] = true;
			else
				out[p] = true;
		}
	}
	nsn_compare(s, a, bits, n, first, last, &yes, &no);
	same(s, yes, in);
	same(s, no, out);
	nsn_compare(s, a, bits, n, first, last, NULL, &no);
	same(s, no, out);
}

static void check_looks(struct nsn_space *s)
{
	table_t t;
	const nsn_set_t a = random_set(s, t);
	const unsigned int f = below(SMALL), max = (1U << width[f]) - 1, liked = below(PACKETS);
	const struct nsn_packet like = packet(liked);
	const struct nsn_range *r;
	struct nsn_range bounds;
	struct nsn_packet got;
	bool seen[8] = {false}, any = false;
	size_t n = nsn_values(s, a, small[f], 8, &r), runs = 0;

	for (unsigned int p = 0; p < PACKETS; p++)
		if (t[p])
			seen[get(p, f)] = any = true;
	for (unsigned int v = 0; v <= max; v++) {
		bool in = false;

		for (size_t i = 0; i < n; i++)
			in = in || (r[i].first <= v && v <= r[i].last);
		assert_int_equal(in, seen[v]);
		runs += seen[v] && (v == 0 || !seen[v - 1]);
	}
	assert_int_equal(n, runs);
	if (!any)
		return;
	for (unsigned int v = max + 1; v-- > 0;)
		if (seen[v])
			bounds.first = v;
	for (unsigned int v = 0; v <= max; v++)
		if (seen[v])
			bounds.last = v;
	n = nsn_values(s, a, small[f], 1, &r);
	assert_int_equal(n, 1);
	assert_true(r[0].first == bounds.first && r[0].last == bounds.last);
	nsn_bounds(s, a, small[f], &bounds);
	assert_true(r[0].first == bounds.first && r[0].last == bounds.last);
	nsn_pick(s, a, NULL, &got);
	assert_true(nsn_has(s, a, &got));
	nsn_pick(s, a, &like, &got);
	assert_true(nsn_has(s, a, &got));
	if (t[liked])
		assert_memory_equal(&got, &like, sizeof(got));
	assert_true(nsn_within(s, nsn_only(s, &got), a));
}

static void check_kept(struct nsn_space *s)
{
	const nsn_mark_t mark = nsn_space_mark(s);
	table_t t, u;
	struct nsn_kept *k, *other;

	other = nsn_space_keep(s, random_set(s, u));
	k = nsn_space_keep(s, random_set(s, t));
	nsn_space_release(s, mark);
	for (int i = 0; i < 5; i++)
		(void)random_set(s, u);
	same(s, nsn_kept_set(s, k), t);
	nsn_kept_drop(s, other);
	same(s, nsn_and(s, nsn_kept_set(s, k), nsn_all(s)), t);
	if (below(2)) /* the others go when the space is closed */
		nsn_kept_drop(s, k);
	nsn_kept_drop(s, NULL);
}

static void rounds(void (*check)(struct nsn_space *s), const int n)
{
	struct nsn_space s = {.max_steps = UINT64_C(1) << 40};

	if (sigsetjmp(s.out, 0) != 0)
		fail_msg("stopped: %s", s.why);
	assert_int_equal(nsn_space_open(&s, NODES), 0);
	for (int diagrams = 0; diagrams < 2; diagrams++) {
		nsn_space_prefer_diagrams(&s, diagrams);
		for (int i = 0; i < n; i += test_quick() ? 10 : 1) {
			check(&s);
			nsn_space_release(&s, 0);
		}
	}
	nsn_space_close(&s);
}

/* ---- wide fields: products against diagrams ------------------------------------------------- */

enum { WIDE = 7, LIMITS = 8 };
static const enum nsn_field wide[WIDE] = {NSN_F_SRC,	NSN_F_DST,   NSN_F_DPORT, NSN_F_MARK,
					  NSN_F_CTMARK, NSN_F_FLAGS, NSN_F_L2SRC};

/* Few values for the limits of ranges, so that they meet; the last of all among them. */
static nsn_u128 limit(enum nsn_field f)
{
	const nsn_u128 max = ~(nsn_u128)0 >> (128 - nsn_field_bits(f));
	const nsn_u128 v[LIMITS] = {0,		 1,	  2,   max / 2,
				    max / 2 + 1, max - 1, max, (nsn_u128)0xabcdef << 7 & max};

	return v[below(LIMITS)];
}

static nsn_set_t wide_piece(struct nsn_space *s)
{
	const enum nsn_field f = wide[below(WIDE)];
	const nsn_u128 a = limit(f), b = limit(f);
	const struct nsn_range r[3] = {{a, a}, {a < b ? a : b, a < b ? b : a}, {b, b}};

	if (below(3) == 0)
		return nsn_in(s, f, r, 3);
	if (below(6) == 0) /* a mask that leaves the low bits, or is of a few of them */
		return nsn_masked(s, f, below(2) ? ~((nsn_u128)0xff) : 5, below(2) ? 4 : 0);
	return nsn_between(s, f, r[1].first, r[1].last);
}

static nsn_set_t wide_set(struct nsn_space *s, unsigned int n)
{
	nsn_set_t a = nsn_all(s);

	for (unsigned int i = 0; i < n; i++) {
		const nsn_set_t b = wide_piece(s);

		switch (below(5)) {
		case 0:
			a = nsn_or(s, a, b);
			break;
		case 1:
			a = nsn_sub(s, a, b);
			break;
		default:
			a = nsn_and(s, a, b);
		}
		if (nsn_empty(a))
			a = b;
	}
	return a;
}

static struct nsn_packet wide_packet(void)
{
	struct nsn_packet p = {0};

	for (unsigned int i = 0; i < WIDE; i++)
		p.v[wide[i]] = limit(wide[i]);
	return p;
}

static nsn_set_t wide_changed(struct nsn_space *s, nsn_set_t a)
{
	const enum nsn_field f = wide[below(WIDE)];
	const nsn_u128 x = limit(f), y = limit(f);
	uint32_t bits[128];

	switch (below(6)) {
	case 0:
		return nsn_forget(s, a, f);
	case 1:
		return nsn_put_between(s, a, f, x < y ? x : y, x < y ? y : x);
	case 2:
		return nsn_move(s, a, NSN_F_DST, NSN_F_SRC);
	case 3:
		return nsn_swap(s, a, NSN_F_SRC, NSN_F_DST);
	case 4: /* of a mark, without some bits */
		for (unsigned int i = 0; i < 32; i++)
			bits[i] = i % 5 == 4 ? NSN_BIT_0 : NSN_BIT(NSN_F_MARK, i);
		return nsn_assign(s, a, below(2) ? NSN_F_CTMARK : NSN_F_MARK, bits);
	default: /* the low part of an address; the other half stays */
		for (unsigned int i = 0; i < 128; i++)
			bits[i] = i < 64 ? (uint32_t)(x >> i & 1) : NSN_BIT(NSN_F_SRC, i);
		return nsn_assign(s, a, NSN_F_SRC, bits);
	}
}

static void wide_compared(struct nsn_space *s, nsn_set_t a, nsn_set_t *yes, nsn_set_t *no)
{
	const enum nsn_field f = wide[below(WIDE)];
	const unsigned int width_f = nsn_field_bits(f), low = below(3) == 0 ? below(width_f) : 0;
	unsigned int high = below(2) ? width_f : low + 1 + below(width_f - low), n = 0;
	uint8_t first[18] = {0}, last[18] = {0};
	const nsn_u128 x = limit(f) >> low, y = below(2) ? x : limit(f) >> low;
	const nsn_u128 least = x < y ? x : y, most = x < y ? y : x;
	uint32_t bits[144];

	while (high > low)
		bits[n++] = NSN_BIT(f, --high);
	for (unsigned int i = 0; i < (n + 7) / 8; i++) {
		first[(n + 7) / 8 - 1 - i] = (uint8_t)(least >> 8 * i);
		last[(n + 7) / 8 - 1 - i] = (uint8_t)(most >> 8 * i);
	}
	if (n % 8 == 0 && below(2)) { /* and a byte that is known */
		first[n / 8] = (uint8_t)chance();
		last[n / 8] = least == most ? 0xff : (uint8_t)chance();
		for (unsigned int i = 0; i < 8; i++)
			bits[n++] = below(2);
	}
	nsn_compare(s, a, bits, n, first, last, yes, no);
}

static void equal(struct nsn_space *s, nsn_set_t a, nsn_set_t b)
{
	assert_true(nsn_within(s, a, b));
	assert_true(nsn_within(s, b, a));
}

/* Runs twice with the same numbers. */
static nsn_set_t one_way(struct nsn_space *s, unsigned int seed, bool diagrams, nsn_set_t *no)
{
	nsn_set_t a, yes;

	state_of_chance = seed * UINT64_C(0x9e3779b97f4a7c15);
	nsn_space_prefer_diagrams(s, diagrams);
	a = wide_set(s, 1 + below(6));
	for (unsigned int i = below(3); i-- > 0;)
		a = wide_changed(s, a);
	wide_compared(s, a, &yes, no);
	equal(s, nsn_or(s, yes, *no), a);
	assert_true(nsn_empty(nsn_and(s, yes, *no)));
	return yes;
}

static void wide_both(void **state)
{
	struct nsn_space s = {0};
	volatile unsigned int products = 0; /* through sigsetjmp() */

	(void)state;
	if (sigsetjmp(s.out, 0) != 0)
		fail_msg("stopped: %s", s.why);
	assert_int_equal(nsn_space_open(&s, 4 * NODES), 0);
	for (unsigned int seed = 1; seed <= ROUNDS; seed++) {
		nsn_set_t n1, n2, y1 = one_way(&s, seed, false, &n1);
		const nsn_set_t y2 = one_way(&s, seed, true, &n2);

		products = products + (nsn_products(y1) > 0);
		equal(&s, y1, y2);
		equal(&s, n1, n2);
		for (unsigned int i = 0; i < WIDE; i++) {
			struct nsn_range x, y;

			if (nsn_empty(y1))
				break;
			nsn_bounds(&s, y1, wide[i], &x);
			nsn_bounds(&s, y2, wide[i], &y);
			assert_true(x.first == y.first && x.last == y.last);
			assert_int_equal(nsn_free_of(&s, y1, wide[i]),
					 nsn_free_of(&s, y2, wide[i]));
		}
		nsn_space_release(&s, 0);
	}
	assert_true(products > ROUNDS / 4); /* not only diagrams against themselves */
	nsn_space_close(&s);
}

static void check_wide(struct nsn_space *s)
{
	const nsn_set_t a = wide_set(s, 6), b = wide_set(s, 6);
	const nsn_set_t both = nsn_and(s, a, b), any = nsn_or(s, a, b), left = nsn_sub(s, a, b);
	const nsn_set_t moved_to = nsn_move(s, a, NSN_F_DST, NSN_F_SRC);
	const nsn_set_t swapped = nsn_swap(s, a, NSN_F_CTMARK, NSN_F_MARK);

	for (int i = 0; i < 50; i++) {
		struct nsn_packet p = wide_packet(), q;
		const bool x = nsn_has(s, a, &p), y = nsn_has(s, b, &p);

		assert_int_equal(nsn_has(s, both, &p), x && y);
		assert_int_equal(nsn_has(s, any, &p), x || y);
		assert_int_equal(nsn_has(s, left, &p), x && !y);
		q = p;
		q.v[NSN_F_MARK] = p.v[NSN_F_CTMARK];
		q.v[NSN_F_CTMARK] = p.v[NSN_F_MARK];
		assert_int_equal(nsn_has(s, swapped, &q), x);
		if (!x)
			continue;
		p.v[NSN_F_DST] = p.v[NSN_F_SRC];
		p.v[NSN_F_SRC] = 77;
		assert_true(nsn_has(s, moved_to, &p));
	}
}

/* ---- the budget ----------------------------------------------------------------------------- */

/* Relations between far fields: diagrams that grow with each. */
static void grow(struct nsn_space *s)
{
	nsn_set_t a = nsn_none(s);

	for (;;) {
		nsn_set_t b = nsn_all(s);

		for (unsigned int i = 0; i < WIDE; i++) {
			b = nsn_and(s, b, nsn_is(s, wide[i], chance() & 0xff));
		}
		a = nsn_or(s, a, b);
	}
}

static void stops(struct nsn_space *s, const char *why)
{
	table_t t;

	if (sigsetjmp(s->out, 0) == 0) {
		nsn_space_prefer_diagrams(s, true);
		grow(s);
	}
	assert_string_equal(s->why, why);
	/* It can go on after that. */
	nsn_space_release(s, 0);
	s->max_steps = s->deadline_ns = 0;
	if (sigsetjmp(s->out, 0) != 0)
		fail_msg("stopped again: %s", s->why);
	for (int i = 0; i < 20; i++)
		(void)random_set(s, t);
	nsn_space_release(s, 0);
	nsn_space_close(s);
}

static void no_nodes(void **state)
{
	struct nsn_space s = {0};

	(void)state;
	assert_int_equal(nsn_space_open(&s, 20000), 0);
	stops(&s, "nodes");
}

static void no_steps(void **state)
{
	struct nsn_space s = {.max_steps = 50000};

	(void)state;
	assert_int_equal(nsn_space_open(&s, NODES), 0);
	stops(&s, "steps");
	assert_true(s.steps >= 50000);
}

static void no_time(void **state)
{
	struct nsn_space s = {0};
	struct timespec now;

	(void)state;
	assert_int_equal(nsn_space_open(&s, 0), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	s.deadline_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + 20000000;
	stops(&s, "time");
}

static void told_to_stop(void **state)
{
	struct nsn_space s = {0};

	(void)state;
	assert_int_equal(nsn_space_open(&s, 0), 0);
	if (sigsetjmp(s.out, 0) == 0)
		nsn_space_stop(&s, "because");
	assert_string_equal(s.why, "because");
	nsn_space_close(&s);
}

/* What is released is not held: many times as many nodes are made as there may be. */
static void released(void **state)
{
	struct nsn_space s = {0};
	nsn_set_t a, b;

	(void)state;
	if (sigsetjmp(s.out, 0) != 0)
		fail_msg("stopped: %s", s.why);
	assert_int_equal(nsn_space_open(&s, 20000), 0);
	nsn_space_prefer_diagrams(&s, true);
	a = nsn_between(&s, NSN_F_SRC, 5, (nsn_u128)1 << 100);
	b = nsn_is(&s, NSN_F_DPORT, 80);
	for (unsigned int i = 0; i < 3000; i++) {
		const nsn_mark_t mark = nsn_space_mark(&s);
		const nsn_set_t both = nsn_and(&s, a, b);
		struct nsn_packet p = {0};
		nsn_set_t c;

		p.v[NSN_F_SRC] = 1000;
		p.v[NSN_F_DPORT] = 80;
		p.v[NSN_F_MARK] = chance();
		c = nsn_sub(&s, both, nsn_is(&s, NSN_F_MARK, p.v[NSN_F_MARK]));
		assert_true(nsn_has(&s, both, &p));
		assert_false(nsn_has(&s, c, &p));
		nsn_space_release(&s, mark);
	}
	nsn_space_close(&s);
}

/* As many disjoint products as do not fit a list: exact nevertheless. */
static void long_lists(void **state)
{
	struct nsn_space s = {0};
	nsn_set_t a, all;

	(void)state;
	if (sigsetjmp(s.out, 0) != 0)
		fail_msg("stopped: %s", s.why);
	assert_int_equal(nsn_space_open(&s, 0), 0);
	a = nsn_none(&s);
	for (unsigned int i = 0; i < 1000; i++) {
		const nsn_set_t b =
			nsn_and(&s, nsn_is(&s, NSN_F_SRC, i), nsn_is(&s, NSN_F_DPORT, i));

		a = nsn_or(&s, a, nsn_and(&s, b, nsn_is(&s, NSN_F_MARK, i)));
	}
	all = nsn_sub(&s, nsn_all(&s), a);
	for (unsigned int i = 0; i < 1000; i++) {
		struct nsn_packet p = {0};

		p.v[NSN_F_SRC] = p.v[NSN_F_DPORT] = p.v[NSN_F_MARK] = i;
		assert_true(nsn_has(&s, a, &p));
		assert_false(nsn_has(&s, all, &p));
		p.v[NSN_F_MARK] = i + 1;
		assert_false(nsn_has(&s, a, &p));
		assert_true(nsn_has(&s, all, &p));
	}
	assert_true(nsn_empty(nsn_sub(&s, nsn_or(&s, a, all), nsn_all(&s))));
	assert_true(nsn_empty(nsn_sub(&s, nsn_all(&s), nsn_or(&s, a, all))));
	assert_true(nsn_empty(nsn_and(&s, a, all)));
	nsn_space_close(&s);
}

static void combined(void **state)
{
	(void)state;
	rounds(check_combined, ROUNDS);
}

static void put(void **state)
{
	(void)state;
	rounds(check_put, ROUNDS);
}

static void assigned(void **state)
{
	(void)state;
	rounds(check_assign, ROUNDS);
}

static void compared(void **state)
{
	(void)state;
	rounds(check_compare, ROUNDS);
}

static void looked_at(void **state)
{
	(void)state;
	rounds(check_looks, ROUNDS);
}

static void kept(void **state)
{
	(void)state;
	rounds(check_kept, ROUNDS);
}

static void wide_has(void **state)
{
	(void)state;
	rounds(check_wide, ROUNDS / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(combined),   cmocka_unit_test(put),
		cmocka_unit_test(assigned),   cmocka_unit_test(compared),
		cmocka_unit_test(looked_at),  cmocka_unit_test(kept),
		cmocka_unit_test(wide_both),  cmocka_unit_test(wide_has),
		cmocka_unit_test(no_nodes),   cmocka_unit_test(no_steps),
		cmocka_unit_test(no_time),    cmocka_unit_test(told_to_stop),
		cmocka_unit_test(long_lists), cmocka_unit_test(released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
