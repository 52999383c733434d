/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A part of what is wanted says of its core what all of it says: random stores. */
#include "store_env.h"

#include <stdlib.h>

#include "../../lib/ctx.h"
#include "../lib/world.h"

enum { TENANTS = 9, WORLDS = 20, CHANGES = 6 };

/* Some begin like others, and two are words with a meaning elsewhere. */
static const char *const names[TENANTS] = {"aa", "aa-b", "ab", "ba",  "bb",
					   "cc", "tcp",	 "zz", "zz-1"};
/* The last two overlap others. */
static const char *const subnets[TENANTS] = {"10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24",
					     "10.4.0.0/24", "10.5.0.0/24", "10.6.0.0/24",
					     "10.7.0.0/24", "10.1.0.0/25", "10.2.0.0/24"};

static size_t pick(size_t below)
{
	return (size_t)random() % below;
}

/* ---- a random store --------------------------------------------------------------------- */

static void random_peer(struct nsn_peer *p, bool by_name)
{
	char text[128];
	const size_t r = pick(by_name ? 8 : 12);

	if (r < 5)
		(void)snprintf(text, sizeof(text), "%s", names[pick(TENANTS)]);
	else if (r < 8)
		(void)snprintf(text, sizeof(text), "%s/%s", names[pick(TENANTS)],
			       pick(2) ? "default" : "app");
	else if (r < 11)
		(void)snprintf(text, sizeof(text), "label:tier=%s", pick(2) ? "x" : "y");
	else
		(void)snprintf(text, sizeof(text), "tenants");
	assert_int_equal(nsn_peer_parse(p, text, NULL), 0);
}

static void random_policy(struct nsn_policy *p, size_t nr, bool by_name)
{
	*p = (struct nsn_policy){.deny = pick(4) == 0, .audit = pick(10) == 0};
	(void)snprintf(p->name, sizeof(p->name), "rule-%zu", nr);
	p->from = calloc(2, sizeof(*p->from));
	p->to = calloc(2, sizeof(*p->to));
	p->ports = calloc(1, sizeof(*p->ports));
	assert_true(p->from && p->to && p->ports);
	p->n_from = 1 + pick(2);
	p->n_to = 1 + pick(2);
	p->n_ports = 1;
	for (size_t i = 0; i < 2; i++) {
		random_peer(&p->from[i], by_name);
		random_peer(&p->to[i], by_name);
	}
	p->ports[0] = (struct nsn_ports){NSN_PROTO_TCP, (uint16_t)(1 + pick(5)), 0};
	p->ports[0].last = (uint16_t)(p->ports[0].first + pick(5));
	if (pick(8) == 0)
		p->expires = INT64_C(4000000000);
}

static void add_tenants(struct env *env)
{
	for (size_t i = 0; i < TENANTS; i++) {
		NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
		struct nsn_endpoint app = {.name = "app"};

		assert_int_equal(nsn_tenant_init(&t, names[i], subnets[i], NULL), 0);
		if (pick(2))
			assert_int_equal(nsn_tenant_endpoint_add(&t, &app, NULL), 0);
		t.inside_deny = pick(2);
		if (pick(2)) {
			t.labels = calloc(1, sizeof(*t.labels));
			assert_non_null(t.labels);
			t.labels[0] = (struct nsn_label){"tier", "x"};
			t.labels[0].value[0] = pick(2) ? 'x' : 'y';
			t.n_labels = 1;
		}
		assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
		assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	}
}

static void add_quarantines(struct env *env)
{
	static const char *const keeps[] = {"aa -> bb tcp/3", "tenants -> cc tcp/4",
					    "label:tier=x -> ba/default tcp/2"};
	struct nsn_flow keep;

	for (size_t i = pick(3); i > 0; i--) {
		struct nsn_quarantine q = {.because = "x"};

		do
			random_peer(&q.who, false);
		while (q.who.kind == NSN_PEER_TENANTS);
		if (pick(2)) {
			assert_int_equal(nsn_flow_parse(&keep, keeps[pick(3)], NULL), 0);
			q.keep = &keep;
			q.n_keep = 1;
		}
		assert_int_equal(nsn_store_quarantine_put(env->s, &q, NULL), 0);
	}
}

/* ---- all of it, and the part ---------------------------------------------------------------- */

struct outcome {
	struct nsn_wanted all;
	bool *touched;
	int r;
};

static void outcome_clear(struct outcome *o)
{
	nsn_wanted_clear(&o->all);
	free(o->touched);
}

static void settle(struct outcome *o, struct nsnet *n)
{
	o->touched = calloc(o->all.tenants.n + 1, sizeof(*o->touched));
	assert_non_null(o->touched);
	o->r = nsn_wanted_settle_cables(n, &o->all, o->touched, NULL);
}

static bool touches(const struct outcome *o, const char *name)
{
	const size_t at = nsn_wanted_named(&o->all, name);

	return at < o->all.tenants.n && o->touched[at];
}

static void compile(struct nsn_state *ret, const struct nsn_wanted *w, const struct nsn_tenant *t)
{
	static const struct nsn_owner owner = {.pin_dir = "/run/nsnet/gw",
					       .store = "0123456789abcdef0123456789abcdef",
					       .group = 7};
	struct nsn_border b = {0};

	assert_int_equal(nsn_border_make(&b, &w->intent, w->cables.cables, w->cables.n, NULL,
					 &w->transit, t, 5, NULL),
			 0);
	assert_int_equal(nsn_compile(t, &b, &owner, NSN_WANT_BUILT, ret, NULL), 0);
	nsn_border_clear(&b);
}

static void same_compiled(const struct nsn_wanted *all, const struct nsn_wanted *part,
			  const char *name)
{
	const struct nsn_tenant *x = &all->tenants.tenants[nsn_wanted_named(all, name)];
	const struct nsn_tenant *y = &part->tenants.tenants[nsn_wanted_named(part, name)];
	struct nsn_state a = {0}, b = {0};

	compile(&a, all, x);
	compile(&b, part, y);
	if (a.n != b.n)
		fail_msg("%s: %zu objects of all, %zu of the part", name, a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		if (nsn_object_cmp(&a.objects[i], &b.objects[i]) != 0 ||
		    !nsn_object_same(&a.objects[i], &b.objects[i]))
			fail_msg("%s: another %s", name, nsn_kind_name(a.objects[i].kind));
	nsn_state_clear(&a);
	nsn_state_clear(&b);
}

static void check_tenants(struct nsnet *n)
{
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted all = {0};

	assert_int_equal(nsn_wanted_load(n, true, &all, NULL), 0);
	for (size_t i = 0; i < TENANTS; i++) {
		NSN_AUTO(nsn_wanted_clear) struct nsn_wanted part = {0};
		const struct nsn_tenant *t = &all.tenants.tenants[nsn_wanted_named(&all, names[i])];

		assert_int_equal(nsn_wanted_load_tenant(n, t, &part, NULL), 0);
		assert_true(nsn_wanted_knows(&part, t));
		assert_int_equal(part.policies.n <= all.policies.n, true);
		same_compiled(&all, &part, names[i]);
	}
}

/* ---- a policy comes or goes -------------------------------------------------------------------
 */

/* The rows of cables, as text. */
static void cables_text(struct nsnet *n, char *buf, size_t size)
{
	NSN_AUTO(nsn_cable_list_clear) struct nsn_cable_list list = {0};
	size_t len = 0;

	assert_int_equal(nsn_store_cable_list(n->store, &list, NULL), 0);
	buf[0] = '\0';
	for (size_t i = 0; i < list.n && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%d-%d:%d%d ", (int)list.cables[i].a,
					(int)list.cables[i].b, list.cables[i].translated_a,
					list.cables[i].translated_b);
	assert_true(len < size);
}

/* Nobody is left joined who was in quarantine before, as nsnet_quarantine() sees to. */
static void add_settled_quarantines(struct env *env)
{
	struct nsnet n = {.store = env->s};
	struct outcome o = {0};

	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	add_quarantines(env);
	assert_int_equal(nsn_wanted_load(&n, true, &o.all, NULL), 0);
	settle(&o, &n);
	if (o.r == 0)
		assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	nsn_store_rollback(env->s);
	outcome_clear(&o);
}

static void change(struct nsnet *n, struct nsn_policy *p, bool add)
{
	assert_int_equal(nsn_store_begin(n->store, NULL), 0);
	if (add)
		assert_int_equal(nsn_store_policy_insert(n->store, p, NULL), 0);
	else
		assert_int_equal(nsn_store_policy_delete(n->store, p->name, NULL), 0);
}

/* Whether it could be. */
static bool by_all(struct outcome *o, struct nsnet *n, struct nsn_policy *p, bool add, char *cables,
		   size_t size)
{
	change(n, p, add);
	assert_int_equal(nsn_wanted_load(n, true, &o->all, NULL), 0);
	settle(o, n);
	cables_text(n, cables, size);
	nsn_store_rollback_unused(n->store);
	return o->r == 0;
}

static bool named_by(const struct nsn_policy *p, const struct nsn_tenant *t)
{
	return nsn_peers_name(p->from, p->n_from, t) || nsn_peers_name(p->to, p->n_to, t);
}

static size_t parts; /* how many were less than all */

static void check_change(struct nsnet *n, struct nsn_policy *p, bool add)
{
	struct outcome all = {0}, part = {0};
	char want[4096], have[4096];
	const bool can = by_all(&all, n, p, add, want, sizeof(want));

	change(n, p, add);
	assert_int_equal(nsn_wanted_load_rule(n, p, &part.all, NULL), 0);
	settle(&part, n);
	cables_text(n, have, sizeof(have));
	assert_int_equal(part.r, all.r);
	parts += part.all.core != NULL;
	for (size_t i = 0; can && i < TENANTS; i++) {
		const size_t at = nsn_wanted_named(&all.all, names[i]);
		const struct nsn_tenant *t = &all.all.tenants.tenants[at];

		assert_int_equal(touches(&part, names[i]), touches(&all, names[i]));
		/* All whose gateways change. */
		if (touches(&all, names[i]) || named_by(p, t))
			assert_true(nsn_wanted_knows(&part.all, t));
		if (nsn_wanted_knows(&part.all, t))
			same_compiled(&all.all, &part.all, names[i]);
	}
	if (can)
		assert_string_equal(have, want);
	if (can)
		assert_int_equal(nsn_store_commit(n->store, NULL), 0);
	nsn_store_rollback(n->store);
	outcome_clear(&all);
	outcome_clear(&part);
}

static void delete_one(struct nsnet *n)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};

	assert_int_equal(nsn_store_policy_list(n->store, &list, NULL), 0);
	if (list.n > 0)
		check_change(n, &list.policies[pick(list.n)], false);
}

/* Its time is over; nobody has looked since. */
static void expire_one(struct nsnet *n)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	struct nsn_policy *p;

	assert_int_equal(nsn_store_policy_list(n->store, &list, NULL), 0);
	if (list.n == 0)
		return;
	p = &list.policies[pick(list.n)];
	p->expires = 1;
	assert_int_equal(nsn_store_policy_update(n->store, p, NULL), 0);
}

static void one_world(struct env *env, bool by_name)
{
	struct nsnet n = {.store = env->s};
	struct nsn_transit transit = {0};
	const size_t policies = pick(14);

	assert_int_equal(nsn_prefix_parse(&transit.ip, "100.127.0.0/16"), 0);
	assert_int_equal(nsn_prefix_parse(&transit.ip6, "fd6e:736e:6574:78::/64"), 0);
	assert_int_equal(nsn_store_transit_set(env->s, &transit, NULL), 0);
	add_tenants(env);
	for (size_t i = 0; i < policies + CHANGES; i++) {
		struct nsn_policy p;

		if (i == policies)
			add_settled_quarantines(env);
		random_policy(&p, i, by_name || pick(3));
		check_change(&n, &p, true);
		nsn_policy_clear(&p);
		if (pick(5) == 0)
			expire_one(&n);
		if (i >= policies || pick(6) == 0)
			delete_one(&n);
		if (pick(4) == 0)
			check_tenants(&n);
	}
}

static void a_part_says_of_its_core_what_all_says(void **state)
{
	const unsigned int worlds = test_quick() ? 4 : WORLDS;
	struct env *env = *state;

	for (unsigned int i = 0; i < worlds; i++) {
		srandom(i);
		one_world(env, i % 2);
		if (i + 1 < worlds) {
			assert_int_equal(teardown(state), 0);
			assert_int_equal(setup(state), 0);
			env = *state;
		}
	}
	/* Else it would be about nothing. */
	assert_true(parts > worlds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_part_says_of_its_core_what_all_says, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
