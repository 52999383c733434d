/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagrams against tables of truth: all packets of six variables are the bits of a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "../../lib/verify/bdd.h"

enum { VARS = 6, ROUNDS = 3000, POOL = 16, MANY_VARS = 64 };

struct chance {
	uint64_t x;
};

static unsigned int below(struct chance *c, unsigned int n)
{
	c->x = c->x * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)(c->x >> 33) % n;
}

/* Where variable @v is 1. */
static uint64_t column(unsigned int v)
{
	uint64_t t = 0;

	for (unsigned int i = 0; i < 64; i++)
		t |= (uint64_t)(i >> v & 1) << i;
	return t;
}

static uint64_t table_of(nsn_bdd_t b)
{
	uint64_t t = 0;

	for (unsigned int i = 0; i < 64; i++) {
		nsn_bdd_t at = b;

		while (at > NSN_BDD_TRUE)
			at = i >> nsn_bdd_top(at) & 1 ? nsn_bdd_high(at) : nsn_bdd_low(at);
		t |= (uint64_t)(at == NSN_BDD_TRUE) << i;
	}
	return t;
}

static uint64_t table_exist(uint64_t t, unsigned int v)
{
	const uint64_t one = t & column(v), zero = t & ~column(v);

	return t | one >> (1U << v) | zero << (1U << v);
}

/* The table in which variable to[i] is what from[i] was. */
static uint64_t table_replace(uint64_t t, const unsigned int *from, const unsigned int *to,
			      size_t n)
{
	uint64_t ret = 0;

	for (unsigned int i = 0; i < 64; i++) {
		unsigned int was = i;

		for (size_t k = 0; k < n; k++)
			was = (was & ~(1U << from[k])) | (i >> to[k] & 1) << from[k];
		ret |= (t >> was & 1) << i;
	}
	return ret;
}

static void no_fail(void *arg, const char *why)
{
	(void)arg;
	fail_msg("libbdd: %s", why);
}

struct fun {
	nsn_bdd_t b;
	uint64_t t;
};

static struct fun exist(struct chance *c, const struct fun *x)
{
	unsigned int vars[VARS];
	struct fun r = *x;
	nsn_bdd_t cube;
	size_t n = 0;

	for (unsigned int v = 0; v < VARS; v++) {
		if (below(c, 2))
			continue;
		vars[n++] = v;
		r.t = table_exist(r.t, v);
	}
	cube = nsn_bdd_ref(nsn_bdd_cube(vars, n));
	r.b = nsn_bdd_exist(x->b, cube);
	nsn_bdd_unref(cube);
	return r;
}

static struct fun replace(struct chance *c, const struct fun *x)
{
	const unsigned int u = below(c, VARS), v = below(c, VARS);
	const unsigned int from[2] = {u, v}, to[2] = {v, u};
	struct nsn_bdd_pairs *p = nsn_bdd_pairs(from, to, 2); /* a swap */
	struct fun r = *x;

	assert_non_null(p);
	r.b = nsn_bdd_replace(x->b, p);
	if (u != v)
		r.t = table_replace(x->t, from, to, 2);
	nsn_bdd_pairs_free(p);
	return r;
}

static struct fun next(struct chance *c, const struct fun *x, const struct fun *y,
		       const struct fun *z)
{
	const unsigned int v = below(c, VARS);

	switch (below(c, 9)) {
	case 0:
		return (struct fun){nsn_bdd_and(x->b, y->b), x->t & y->t};
	case 1:
		return (struct fun){nsn_bdd_or(x->b, y->b), x->t | y->t};
	case 2:
		return (struct fun){nsn_bdd_sub(x->b, y->b), x->t & ~y->t};
	case 3:
		return (struct fun){nsn_bdd_not(x->b), ~x->t};
	case 4:
		return (struct fun){nsn_bdd_ite(x->b, y->b, z->b), (x->t & y->t) | (~x->t & z->t)};
	case 5:
		return (struct fun){nsn_bdd_var(v), column(v)};
	case 6:
		return (struct fun){nsn_bdd_not_var(v), ~column(v)};
	case 7:
		return exist(c, x);
	default:
		return replace(c, x);
	}
}

static void tables(void **state)
{
	const struct nsn_bdd_hooks hooks = {.fail = no_fail};
	struct chance c = {1};
	struct fun pool[POOL];

	(void)state;
	assert_int_equal(nsn_bdd_nodes(), 0);
	assert_int_equal(nsn_bdd_open(VARS, 0, &hooks), 0);
	assert_int_equal(nsn_bdd_open(VARS, 0, &hooks), -EBUSY);
	for (unsigned int i = 0; i < POOL; i++)
		pool[i] = (struct fun){i % 2 ? NSN_BDD_TRUE : NSN_BDD_FALSE,
				       i % 2 ? ~UINT64_C(0) : 0};
	for (unsigned int i = 0; i < ROUNDS; i++) {
		const unsigned int to = below(&c, POOL);
		const struct fun r = next(&c, &pool[below(&c, POOL)], &pool[below(&c, POOL)],
					  &pool[below(&c, POOL)]);

		nsn_bdd_ref(r.b);
		assert_true(table_of(r.b) == r.t);
		nsn_bdd_unref(pool[to].b);
		pool[to] = r;
		for (unsigned int k = 0; k < POOL; k++) /* equal functions are the same number */
			assert_int_equal(pool[k].b == r.b, pool[k].t == r.t);
	}
	assert_true(nsn_bdd_nodes() > 0);
	nsn_bdd_close();
	nsn_bdd_close();
}

struct jump {
	sigjmp_buf out;
	const char *why;
	unsigned int looks;
};

static void jump(void *arg, const char *why)
{
	struct jump *j = arg;

	j->why = why;
	siglongjmp(j->out, 1);
}

static void look(void *arg)
{
	struct jump *j = arg;

	j->looks++;
}

/* Equality of two halves, far apart: doubles with each variable. */
static nsn_bdd_t halves(unsigned int n)
{
	nsn_bdd_t r = NSN_BDD_TRUE;

	for (unsigned int i = 0; i < n; i++) {
		const unsigned int w = i + MANY_VARS / 2;
		const nsn_bdd_t same = nsn_bdd_ref(
			nsn_bdd_ite(nsn_bdd_var(i), nsn_bdd_var(w), nsn_bdd_not_var(w)));
		const nsn_bdd_t both = nsn_bdd_ref(nsn_bdd_and(r, same));

		nsn_bdd_unref(r);
		nsn_bdd_unref(same);
		r = both;
	}
	return r;
}

/* Jumping out of it leaves a table that works: more than once, and with what was held. */
static void full(void **state)
{
	struct jump j = {.why = NULL};
	const struct nsn_bdd_hooks hooks = {jump, look, &j};
	nsn_bdd_t held;

	(void)state;
	assert_int_equal(nsn_bdd_open(MANY_VARS, 30000, &hooks), 0);
	held = halves(6);
	for (volatile int i = 0; i < 5; i++) {
		j.why = NULL;
		if (sigsetjmp(j.out, 0) == 0)
			(void)halves(MANY_VARS / 2);
		assert_string_equal(j.why, "nodes");
		if (sigsetjmp(j.out, 0) != 0)
			fail_msg("%s", j.why);

		const nsn_bdd_t again = halves(6);

		assert_int_equal(again, held);
		for (unsigned int p = 0; p < 4096; p++) {
			nsn_bdd_t at = again;

			while (at > NSN_BDD_TRUE) {
				const unsigned int v = nsn_bdd_top(at);
				const unsigned int bit = v < 6 ? v : 6 + v - MANY_VARS / 2;

				at = p >> bit & 1 ? nsn_bdd_high(at) : nsn_bdd_low(at);
			}
			assert_int_equal(at == NSN_BDD_TRUE, (p & 63) == p >> 6);
		}
		nsn_bdd_unref(again);
	}
	assert_true(j.looks > 0);
	nsn_bdd_close();
}

/* The variables' order turned round. */
static void swapped(void **state)
{
	const struct nsn_bdd_hooks hooks = {.fail = no_fail};
	unsigned int from[MANY_VARS], to[MANY_VARS];
	struct nsn_bdd_pairs *p;
	nsn_bdd_t a = NSN_BDD_TRUE, b, c;

	(void)state;
	assert_int_equal(nsn_bdd_open(MANY_VARS, 0, &hooks), 0);
	for (unsigned int i = 0; i < MANY_VARS / 2; i++) { /* at least 1 */
		const nsn_bdd_t least = nsn_bdd_or(i == 0 ? NSN_BDD_FALSE : a, nsn_bdd_var(i));

		nsn_bdd_ref(least);
		a = least;
	}
	for (unsigned int i = 0; i < MANY_VARS; i++) {
		from[i] = i;
		to[i] = (i + MANY_VARS / 2) % MANY_VARS;
	}
	p = nsn_bdd_pairs(from, to, MANY_VARS);
	assert_non_null(p);
	b = nsn_bdd_ref(nsn_bdd_replace(a, p));
	assert_int_equal(nsn_bdd_top(b), MANY_VARS / 2);
	c = nsn_bdd_replace(b, p);
	assert_int_equal(c, a);
	nsn_bdd_pairs_free(p);
	nsn_bdd_pairs_free(NULL);
	nsn_bdd_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(full),
		cmocka_unit_test(swapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
