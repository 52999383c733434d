/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rule that a tenant's `dns` stands for: it comes, changes and goes with the tenant's row. */
#include "store_env.h"

#include "../../lib/store/policies.h"

static void make(struct nsn_tenant *t, const char *name, const char *subnet, const char *dns)
{
	assert_int_equal(nsn_tenant_init(t, name, subnet, NULL), 0);
	if (dns)
		assert_int_equal(nsn_tenant_apply(t, "dns", dns, NULL), 0);
}

static void insert(struct env *env, const char *name, const char *subnet, const char *dns)
{
	struct nsn_tenant t = {0};

	make(&t, name, subnet, dns);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	nsn_tenant_clear(&t);
}

static void set(struct env *env, const char *name, const char *key, const char *value)
{
	struct nsn_tenant t = {0};

	assert_int_equal(nsn_store_tenant_get(env->s, name, &t, NULL), 0);
	assert_int_equal(nsn_tenant_apply(&t, key, value, NULL), 0);
	assert_int_equal(nsn_store_tenant_update(env->s, &t, NULL), 0);
	nsn_tenant_clear(&t);
}

static void drop(struct env *env, const char *name)
{
	struct nsn_tenant t = {0};

	assert_int_equal(nsn_store_tenant_get(env->s, name, &t, NULL), 0);
	assert_int_equal(nsn_store_tenant_delete(env->s, t.id, NULL), 0);
	nsn_tenant_clear(&t);
}

/* "aa-dns aa -> shared/dns, ...": all that are stored. */
static void assert_rules(struct env *env, const char *want)
{
	struct nsn_policy_list list = {0};
	char buf[1024] = "", peer[NSN_PEER_STRLEN];
	size_t n = 0;

	assert_int_equal(nsn_store_policy_list(env->s, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++) {
		const struct nsn_policy *p = &list.policies[i];

		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%s%s%s %s ->", i ? ", " : "",
				      p->name, p->implied ? "" : " (said)",
				      nsn_peer_str(&p->from[0], peer));
		for (size_t k = 0; k < p->n_to; k++)
			n += (size_t)snprintf(buf + n, sizeof(buf) - n, " %s",
					      nsn_peer_str(&p->to[k], peer));
	}
	nsn_policy_list_clear(&list);
	assert_string_equal(buf, want);
}

static void say(struct env *env, const char *name, const char *from, const char *to)
{
	struct nsn_ports any = {0};
	struct nsn_policy p = {.n_from = 1, .n_to = 1, .n_ports = 1, .ports = &any};
	struct nsn_peer a, b;

	assert_int_equal(nsn_peer_parse(&a, from, NULL), 0);
	assert_int_equal(nsn_peer_parse(&b, to, NULL), 0);
	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	p.from = &a;
	p.to = &b;
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
}

static void the_rule_comes_changes_and_goes(void **state)
{
	struct env *env = *state;
	struct nsn_policy_list list = {0};
	uint64_t id;
	uint32_t number;

	insert(env, "aa", "10.1.0.0/24", "9.9.9.9,1.1.1.1");
	insert(env, "bb", "10.2.0.0/24", NULL);
	assert_rules(env, "aa-dns aa -> 9.9.9.9 1.1.1.1");
	assert_int_equal(nsn_store_policy_list_implied(env->s, "aa", &list, NULL), 0);
	assert_int_equal(list.n, 1);
	assert_string_equal(list.policies[0].because, "dns of aa");
	assert_int_equal(list.policies[0].n_ports, 2);
	id = list.policies[0].id;
	number = list.policies[0].number;
	nsn_policy_list_clear(&list);

	set(env, "aa", "dns", "shared/dns");
	assert_rules(env, "aa-dns aa -> shared/dns");
	/* It is the same rule: connections that both let through stay. */
	assert_int_equal(nsn_store_policy_list_implied(env->s, "aa", &list, NULL), 0);
	assert_int_equal(list.policies[0].id, id);
	assert_int_equal(list.policies[0].number, number);
	nsn_policy_list_clear(&list);
	assert_int_equal(nsn_store_policy_list_implied(env->s, "bb", &list, NULL), 0);
	assert_int_equal(list.n, 0);

	set(env, "aa", "mtu", "1400");
	assert_rules(env, "aa-dns aa -> shared/dns");
	set(env, "aa", "dns", "none");
	assert_rules(env, "");
	set(env, "aa", "dns", "aa/default");
	assert_rules(env, "");
	set(env, "aa", "inside", "deny");
	assert_rules(env, "aa-dns aa -> aa/default");
	set(env, "bb", "dns", "8.8.8.8");
	assert_rules(env, "aa-dns aa -> aa/default, bb-dns bb -> 8.8.8.8");
	drop(env, "aa");
	assert_rules(env, "bb-dns bb -> 8.8.8.8");
	drop(env, "bb");
	assert_rules(env, "");
}

static void the_rule_takes_a_name_that_is_free(void **state)
{
	struct env *env = *state;

	say(env, "aa-dns", "bb", "cc");
	say(env, "aa-dns-2", "bb", "cc");
	insert(env, "aa", "10.1.0.0/24", "9.9.9.9");
	assert_rules(env,
		     "aa-dns (said) bb -> cc, aa-dns-2 (said) bb -> cc, aa-dns-3 aa -> 9.9.9.9");
	/* A name that it has it keeps. */
	assert_int_equal(nsn_store_policy_delete(env->s, "aa-dns", NULL), 0);
	set(env, "aa", "dns", "1.1.1.1");
	assert_rules(env, "aa-dns-2 (said) bb -> cc, aa-dns-3 aa -> 1.1.1.1");
	/* And gives it to whoever writes it into a file. */
	assert_int_equal(nsn_store_implied_yield(env->s, "aa-dns-2", NULL), 0);
	assert_int_equal(nsn_store_implied_yield(env->s, "aa-dns", NULL), 0);
	assert_int_equal(nsn_store_implied_yield(env->s, "aa-dns-3", NULL), 1);
	assert_rules(env, "aa-dns aa -> 1.1.1.1, aa-dns-2 (said) bb -> cc");
}

/* Also where the row of the tenant is not written after all. */
static void the_rule_is_rolled_back_with_the_tenant(void **state)
{
	struct env *env = *state;

	insert(env, "bb", "10.2.0.0/24", "9.9.9.9");
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	insert(env, "aa", "10.1.0.0/24", "9.9.9.9");
	set(env, "bb", "dns", "none");
	assert_rules(env, "aa-dns aa -> 9.9.9.9");
	nsn_store_rollback(env->s);
	assert_rules(env, "bb-dns bb -> 9.9.9.9");
}

static void assert_servers(struct env *env, const char *name, const char *want)
{
	struct nsn_ip ips[NSN_DNS_MAX];
	char buf[256] = "", ip[NSN_IP_STRLEN];
	struct nsn_tenant t = {0};
	size_t n, len = 0;

	assert_int_equal(nsn_store_tenant_get(env->s, name, &t, NULL), 0);
	n = nsn_dns_servers(&t, ips);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(buf + len, sizeof(buf) - len, "%s%s", i ? " " : "",
					nsn_ip_str(&ips[i], ip));
	nsn_tenant_clear(&t);
	assert_string_equal(buf, want);
}

/* A tenant is read with the addresses that its endpoint has then. */
static void the_endpoint_has_its_addresses(void **state)
{
	struct env *env = *state;
	struct nsn_tenant_list list = {0};
	struct nsn_tenant t = {0};

	insert(env, "aa", "10.1.0.0/24", "shared/dns");
	assert_servers(env, "aa", "");
	insert(env, "shared", "10.250.0.0/24", NULL);
	assert_servers(env, "aa", "");
	set(env, "aa", "dns", "shared/default");
	assert_servers(env, "aa", "10.250.0.2");

	assert_int_equal(nsn_store_tenant_get(env->s, "shared", &t, NULL), 0);
	assert_int_equal(nsn_tenant_apply(&t, "subnet", "10.251.0.0/24", NULL), 0);
	assert_int_equal(nsn_tenant_apply(&t, "subnet6", "fd00:251::/64", NULL), 0);
	assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
	assert_int_equal(nsn_store_tenant_update(env->s, &t, NULL), 0);
	nsn_tenant_clear(&t);
	assert_servers(env, "aa", "10.251.0.2");
	assert_int_equal(nsn_store_tenant_list(env->s, &list, NULL), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.tenants[0].n_endpoints, 1);
	assert_int_equal(list.tenants[0].dns.n, 2);
	nsn_tenant_list_clear(&list);
}

static void whose_endpoint_goes_asks_nobody(void **state)
{
	struct env *env = *state;
	char who[NSN_NAME_MAX + 1] = "";

	insert(env, "shared", "10.250.0.0/24", NULL);
	insert(env, "share", "10.251.0.0/24", NULL);
	insert(env, "cc", "10.3.0.0/24", "shared/default");
	insert(env, "bb", "10.2.0.0/24", "shared/default");
	insert(env, "dd", "10.4.0.0/24", "share/default");
	set(env, "shared", "dns", "shared/default");
	assert_int_equal(nsn_store_dns_asker(env->s, "shared", "default", who, NULL), 1);
	assert_string_equal(who, "bb");
	assert_int_equal(nsn_store_dns_asker(env->s, "shared", "defaul", who, NULL), 0);
	assert_int_equal(nsn_store_dns_forget(env->s, "shared", NULL), 0);
	assert_rules(env, "dd-dns dd -> share/default");
	assert_servers(env, "bb", "");
	assert_servers(env, "cc", "");
	assert_servers(env, "dd", "10.251.0.2");
	assert_servers(env, "shared", "10.250.0.2");
	assert_int_equal(nsn_store_dns_asker(env->s, "shared", "default", who, NULL), 1);
	assert_string_equal(who, "shared");
}

/* A name of a file, as somebody could have put it into the database. */
static void what_is_damaged_is_not_handed_out(void **state)
{
	static const char *const wrong[] = {"127.0.0.53", "x", "../x/y", "9.9.9.9,9.9.9.9"};
	struct env *env = *state;

	insert(env, "aa", "10.1.0.0/24", "9.9.9.9");
	for (size_t i = 0; i < NSN_COUNT(wrong); i++) {
		struct nsn_tenant t = {0};
		struct nsnet_err err = {0};
		char sql[128];

		nsn_store_close(env->s);
		env->s = NULL;
		(void)snprintf(sql, sizeof(sql), "UPDATE tenant SET dns = '%s'", wrong[i]);
		raw_sql(env, sql, false);
		assert_int_equal(open_store(env, NULL), 0);
		assert_true(nsn_store_tenant_get(env->s, "aa", &t, &err) < 0);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
	}
}

/* What was not checked is not written. */
static void what_cannot_be_is_not_stored(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};
	struct nsnet_err err = {0};

	make(&t, "aa", "10.1.0.0/24", "9.9.9.9");
	t.dns.servers[0].bytes[0] = 127;
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_INTERNAL);
	nsn_tenant_clear(&t);
	assert_rules(env, "");
}

#define STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		STORE(the_rule_comes_changes_and_goes),
		STORE(the_rule_takes_a_name_that_is_free),
		STORE(the_rule_is_rolled_back_with_the_tenant),
		STORE(the_endpoint_has_its_addresses),
		STORE(whose_endpoint_goes_asks_nobody),
		STORE(what_is_damaged_is_not_handed_out),
		STORE(what_cannot_be_is_not_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
