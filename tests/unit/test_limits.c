/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/compile/border.h"
#include "../../lib/compile/compile.h"

/* The rules that limit connections, as plain data. What they do is in tests/kernel. */

static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 77, .pin_dir = "/run/nsnet/gw"};

/* A gateway with one cable, to a tenant that has no rules. */
static void compile_limits(struct nsn_state *s, uint32_t new_flows, uint32_t open_flows,
			   size_t endpoints, uint32_t generation)
{
	struct nsn_tenant t = {0}, other = {0};
	const struct nsn_intent intent = {0};
	struct nsn_far far = {.link = 7, .other = &other};
	const struct nsn_border border = {
		.intent = &intent, .generation = generation, .far = &far, .n_far = 1};
	struct nsn_endpoint e = {0};
	size_t i;

	assert_int_equal(nsn_tenant_init(&t, "one", "10.1.0.0/16", NULL), 0);
	assert_int_equal(nsn_tenant_init(&other, "two", "10.2.0.0/16", NULL), 0);
	for (i = 1; i < endpoints; i++) {
		(void)snprintf(e.name, sizeof(e.name), "e%zu", i);
		assert_int_equal(nsn_tenant_endpoint_add(&t, &e, NULL), 0);
	}
	assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
	t.id = 1;
	other.id = 2;
	t.new_flows = new_flows;
	t.open_flows = open_flows;
	for (i = 0; i < t.n_endpoints; i++)
		t.endpoints[i].id = t.endpoints[i].link = i + 10;
	assert_int_equal(nsn_compile(&t, &border, &owner, NSN_WANT_BUILT, s, NULL), 0);
	nsn_tenant_clear(&t);
	nsn_tenant_clear(&other);
}

static const struct nsn_chain *chain_of(const struct nsn_state *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_CHAIN &&
		    s->objects[i].u.chain.family == NFPROTO_INET &&
		    strcmp(s->objects[i].u.chain.name, name) == 0)
			return &s->objects[i].u.chain;
	fail_msg("no chain %s", name);
	return NULL;
}

/* The first expression of a kind in a chain, or NULL. */
static const struct nsn_expr *expr_of(const struct nsn_chain *c, enum nsn_expr_kind kind)
{
	size_t i, k;

	for (i = 0; i < c->n_rules; i++)
		for (k = 0; k < c->rules[i].n; k++)
			if (c->rules[i].exprs[k].kind == kind)
				return &c->rules[i].exprs[k];
	return NULL;
}

/* The last rule of a chain drops, and counts in this counter. */
static void ends_in_drop(const struct nsn_chain *c, const char *counter)
{
	const struct nsn_rule *last = &c->rules[c->n_rules - 1];

	assert_int_equal(last->n, 2);
	assert_int_equal(last->exprs[0].kind, NSN_EXPR_COUNTER);
	assert_string_equal(last->exprs[0].name, counter);
	assert_int_equal(last->exprs[1].kind, NSN_EXPR_VERDICT);
	assert_int_equal(last->exprs[1].key, NF_DROP);
}

static void shares_are_together_never_more_than_the_limit(void **state)
{
	static const uint32_t more[] = {4000, 32767, 32768, 32769, 100003, 262143, 262144};
	uint32_t i;

	(void)state;
	for (i = 1; i <= 300 + NSN_COUNT(more); i++) {
		const uint32_t limit = i <= 300 ? i : more[i - 301];
		struct nsn_state s = {0};
		const struct nsn_expr *share, *count;

		compile_limits(&s, 0, limit, 1, 5);
		share = expr_of(chain_of(&s, "nsnet_limit_open"), NSN_EXPR_NUMGEN);
		count = expr_of(chain_of(&s, "nsnet_limit_open"), NSN_EXPR_DYNSET_CONNLIMIT);
		assert_non_null(share);
		assert_non_null(count);
		assert_true(share->limit.rate >= 1 && count->limit.rate >= 1);
		assert_true(share->limit.rate * count->limit.rate <= limit);
		/* And nearly as much; no list is long. */
		assert_true(limit - share->limit.rate * count->limit.rate < share->limit.rate);
		assert_true(count->limit.rate < 64);
		nsn_state_clear(&s);
	}
}

static void what_is_within_a_limit_goes_on_and_all_else_is_dropped(void **state)
{
	struct nsn_state s = {0};
	const struct nsn_chain *new, *open;
	const struct nsn_expr *e;

	(void)state;
	compile_limits(&s, 4000, 100, 1, 5);
	new = chain_of(&s, "nsnet_limit");
	open = chain_of(&s, "nsnet_limit_open");
	e = expr_of(new, NSN_EXPR_DYNSET_LIMIT);
	assert_non_null(e);
	assert_int_equal(e->limit.rate, 4000);
	assert_int_equal(e->limit.burst, 4000);
	assert_int_equal(e->limit.unit, 1);
	/* Not `over`: a set that is full matches nothing. */
	assert_int_equal(e->limit.flags, 0);
	assert_int_equal(e->key, NFT_DYNSET_OP_UPDATE);
	e = expr_of(open, NSN_EXPR_DYNSET_CONNLIMIT);
	assert_int_equal(e->limit.flags, 0);
	ends_in_drop(new, "nsnet_drop_new");
	ends_in_drop(open, "nsnet_drop_open");
	nsn_state_clear(&s);
}

static void without_limits_nothing_is_counted(void **state)
{
	struct nsn_state s = {0};
	const struct nsn_chain *new, *open;

	(void)state;
	compile_limits(&s, 0, 0, 1, 5);
	new = chain_of(&s, "nsnet_limit");
	open = chain_of(&s, "nsnet_limit_open");
	assert_null(expr_of(new, NSN_EXPR_DYNSET_LIMIT));
	assert_null(expr_of(open, NSN_EXPR_DYNSET_CONNLIMIT));
	assert_null(expr_of(open, NSN_EXPR_NUMGEN));
	nsn_state_clear(&s);
}

/* Else the table would have to be made again, and everybody's counts with it. */
static void sets_and_chains_are_the_same_whatever_the_limits_and_endpoints(void **state)
{
	struct nsn_state one = {0}, other = {0};
	size_t i, sets = 0;

	(void)state;
	compile_limits(&one, 4000, 32768, 1, 5);
	compile_limits(&other, 0, 0, 1000, 5);
	for (i = 0; i < one.n; i++) {
		const struct nsn_object *o = &one.objects[i], *twin;

		if (o->kind != NSN_OBJ_SET && o->kind != NSN_OBJ_CHAIN)
			continue;
		twin = nsn_state_find(&other, o);
		assert_non_null(twin);
		if (o->kind == NSN_OBJ_SET)
			assert_true(nsn_object_same(twin, o));
		sets += o->kind == NSN_OBJ_SET && o->u.set.flags & NFT_SET_EVAL;
	}
	assert_int_equal(sets, 3);
	nsn_state_clear(&other);
	compile_limits(&other, 4000, 32768, 1000, 9);
	assert_true(nsn_rule_same(&chain_of(&one, "nsnet_limit")->rules[3],
				  &chain_of(&other, "nsnet_limit")->rules[3]));
	assert_int_equal(chain_of(&one, "nsnet_limit_open")->n_rules,
			 chain_of(&other, "nsnet_limit_open")->n_rules);
	nsn_state_clear(&one);
	nsn_state_clear(&other);
}

/* A set that no rule has used yet has no size in the kernel, and is no other one. */
static void an_unused_set_is_the_same(void **state)
{
	struct nsn_state s = {0};
	struct nsn_object seen;
	size_t i, n = 0;

	(void)state;
	compile_limits(&s, 0, 0, 1, 5);
	for (i = 0; i < s.n; i++) {
		if (s.objects[i].kind != NSN_OBJ_SET ||
		    s.objects[i].u.set.size != NSN_NFT_SIZE_USUAL)
			continue;
		seen = s.objects[i];
		seen.u.set.size = 0;
		assert_true(nsn_object_same(&s.objects[i], &seen));
		seen.u.set.size = 1;
		assert_false(nsn_object_same(&s.objects[i], &seen));
		n++;
	}
	assert_int_equal(n, 2);
	nsn_state_clear(&s);
}

/* What has a mark is not counted again; also one that is let through between generations. */
static void a_connection_has_a_mark_from_its_first_packet_on(void **state)
{
	static const uint32_t generations[] = {5, NSN_GENERATION_NONE};
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(generations); i++) {
		struct nsn_state s = {0};
		const struct nsn_chain *judge;
		const uint32_t want = i ? 0 : UINT32_C(5) << 18;
		struct nsn_expr found = {.kind = NSN_EXPR_OTHER};
		size_t k;

		compile_limits(&s, 4000, 32768, 1, generations[i]);
		judge = chain_of(&s, "nsnet_judge");
		for (k = 0; k < judge->n_rules; k++) {
			const struct nsn_rule *r = &judge->rules[k];

			/* ..., bits, ct mark, accept */
			if (r->n > 3 && r->exprs[r->n - 2].kind == NSN_EXPR_CT_SET)
				found = r->exprs[r->n - 3];
		}
		assert_int_equal(found.kind, NSN_EXPR_BITWISE);
		assert_memory_equal(found.data, &want, sizeof(want));
		nsn_state_clear(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_together_never_more_than_the_limit),
		cmocka_unit_test(what_is_within_a_limit_goes_on_and_all_else_is_dropped),
		cmocka_unit_test(without_limits_nothing_is_counted),
		cmocka_unit_test(sets_and_chains_are_the_same_whatever_the_limits_and_endpoints),
		cmocka_unit_test(an_unused_set_is_the_same),
		cmocka_unit_test(a_connection_has_a_mark_from_its_first_packet_on),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
