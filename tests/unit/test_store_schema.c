/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_env.h"

#include "../../lib/store/cables.h"
#include "../../lib/store/policies.h"

/* As version 3 made it; never to be changed, just as the databases out there. */
static const char schema_3[] =
	"PRAGMA application_id = 1853058676;"
	"CREATE TABLE meta ("
	"  one INTEGER PRIMARY KEY CHECK (one = 1),"
	"  store_id TEXT NOT NULL,"
	"  link_group INTEGER NOT NULL,"
	"  last_link INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE tenant ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  name TEXT NOT NULL UNIQUE,"
	"  first INTEGER NOT NULL,"
	"  last INTEGER NOT NULL,"
	"  gateway INTEGER NOT NULL,"
	"  created INTEGER NOT NULL,"
	"  CHECK (first <= gateway AND gateway <= last)"
	") STRICT;"
	"CREATE INDEX tenant_subnet ON tenant (first, last);"
	"CREATE TABLE endpoint ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  ip INTEGER NOT NULL,"
	"  link INTEGER NOT NULL UNIQUE,"
	"  UNIQUE (tenant, name),"
	"  UNIQUE (tenant, ip)"
	") STRICT;"
	"INSERT INTO sqlite_sequence (name, seq) VALUES ('tenant', 0), ('endpoint', 0);"
	"CREATE TABLE host ("
	"  one INTEGER PRIMARY KEY CHECK (one = 1),"
	"  boot TEXT NOT NULL,"
	"  cookie INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE netns ("
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  endpoint INTEGER NOT NULL,"
	"  boot TEXT NOT NULL,"
	"  cookie INTEGER NOT NULL,"
	"  PRIMARY KEY (tenant, endpoint)"
	") STRICT, WITHOUT ROWID;"
	"ALTER TABLE tenant ADD COLUMN first6 BLOB CHECK (length(first6) = 16);"
	"ALTER TABLE tenant ADD COLUMN last6 BLOB CHECK ("
	"  (last6 IS NULL) = (first6 IS NULL) AND length(last6) = 16 AND first6 <= last6);"
	"ALTER TABLE tenant ADD COLUMN gateway6 BLOB CHECK ("
	"  (gateway6 IS NULL) = (first6 IS NULL) AND length(gateway6) = 16"
	"  AND gateway6 BETWEEN first6 AND last6);"
	"ALTER TABLE tenant ADD COLUMN mtu INTEGER NOT NULL DEFAULT 1500 CHECK ("
	"  mtu BETWEEN 576 AND 65535 AND (first6 IS NULL OR mtu >= 1280));"
	"ALTER TABLE tenant ADD COLUMN inside_deny INTEGER NOT NULL DEFAULT 0"
	"  CHECK (inside_deny IN (0, 1));"
	"ALTER TABLE tenant ADD COLUMN rate INTEGER NOT NULL DEFAULT 0"
	"  CHECK (rate = 0 OR rate BETWEEN 8000 AND 100000000000);"
	"CREATE INDEX tenant_subnet6 ON tenant (first6, last6) WHERE first6 IS NOT NULL;"
	"ALTER TABLE endpoint ADD COLUMN ip6 BLOB CHECK (length(ip6) = 16);"
	"ALTER TABLE endpoint ADD COLUMN fixed INTEGER NOT NULL DEFAULT 0"
	"  CHECK (fixed IN (0, 1));"
	"ALTER TABLE endpoint ADD COLUMN fixed6 INTEGER NOT NULL DEFAULT 0"
	"  CHECK (fixed6 IN (0, 1) AND (fixed6 = 0 OR ip6 IS NOT NULL));"
	"ALTER TABLE endpoint ADD COLUMN rate INTEGER NOT NULL DEFAULT 0"
	"  CHECK (rate = 0 OR rate BETWEEN 8000 AND 100000000000);"
	"CREATE UNIQUE INDEX endpoint_ip6 ON endpoint (tenant, ip6) WHERE ip6 IS NOT NULL;"
	"CREATE TABLE label ("
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 63),"
	"  value TEXT NOT NULL CHECK (length(value) BETWEEN 1 AND 63),"
	"  PRIMARY KEY (tenant, key)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE owner ("
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 32),"
	"  PRIMARY KEY (tenant, name)"
	") STRICT, WITHOUT ROWID;"
	"INSERT INTO meta VALUES (1, '00112233445566778899aabbccddeeff', 1234567, 42);"
	"INSERT INTO tenant VALUES (3, 'customer1', 168427776, 168428031, 168427777, 1700000000,"
	"  x'fd000001000000000000000000000000', x'fd00000100000000ffffffffffffffff',"
	"  x'fd000001000000000000000000000001', 9000, 1, 10000000),"
	" (7, 'customer2', 168427776, 168428031, 168427777, 1700000001,"
	"  NULL, NULL, NULL, 1500, 0, 0);"
	"INSERT INTO endpoint VALUES (5, 3, 'default', 168427778, 41,"
	"  x'fd000001000000000000000000000002', 0, 0, 0),"
	" (6, 3, 'web', 168427800, 42, x'fd000001000000000000000000000099', 1, 1, 1500000),"
	" (9, 7, 'default', 168427778, 40, NULL, 0, 0, 0);"
	"INSERT INTO label VALUES (3, 'env', 'prod'), (3, 'tier', 'gold');"
	"INSERT INTO owner VALUES (3, 'alice'), (7, 'bob');"
	"INSERT INTO host VALUES (1, '" BOOT "', 77);"
	"INSERT INTO netns VALUES (3, 0, '" BOOT "', 1001), (3, 5, '" BOOT "', 1002);"
	"PRAGMA user_version = 3;";

static void make_schema_3(struct env *env)
{
	put_file(env, "nsnet.db", "", 0);
	raw_sql(env, schema_3, true);
}

static void check_web(const struct nsn_endpoint *e)
{
	char buf[NSN_PREFIX_STRLEN];

	assert_int_equal(e->id, 6);
	assert_int_equal(e->link, 42);
	assert_string_equal(e->name, "web");
	assert_string_equal(nsn_ip_str(&e->ip, buf), "10.10.1.24");
	assert_string_equal(nsn_ip_str(&e->ip6, buf), "fd00:1::99");
	assert_true(e->fixed);
	assert_true(e->fixed6);
	assert_int_equal(e->rate, 1500000);
}

static void check_customer1(struct env *env)
{
	struct nsn_tenant t = {0};
	char buf[NSN_PREFIX_STRLEN];

	assert_int_equal(nsn_store_tenant_get(env->s, "customer1", &t, NULL), 0);
	assert_int_equal(t.id, 3);
	assert_string_equal(nsn_prefix_str(&t.subnet, buf), "10.10.1.0/24");
	assert_string_equal(nsn_ip_str(&t.gateway, buf), "10.10.1.1");
	assert_string_equal(nsn_prefix_str(&t.subnet6, buf), "fd00:1::/64");
	assert_string_equal(nsn_ip_str(&t.gateway6, buf), "fd00:1::1");
	assert_int_equal(t.created, 1700000000);
	assert_int_equal(t.mtu, 9000);
	assert_true(t.inside_deny);
	assert_int_equal(t.rate, 10000000);
	assert_int_equal(t.new_flows, NSN_NEW_FLOWS_DEFAULT);
	assert_int_equal(t.open_flows, NSN_OPEN_FLOWS_DEFAULT);
	assert_int_equal(t.dns.kind, NSN_DNS_UNSET);
	assert_int_equal(t.n_labels, 2);
	assert_string_equal(t.labels[0].key, "env");
	assert_string_equal(t.labels[0].value, "prod");
	assert_string_equal(t.labels[1].key, "tier");
	assert_string_equal(t.labels[1].value, "gold");
	assert_int_equal(t.n_owners, 1);
	assert_string_equal(t.owners[0].name, "alice");
	assert_int_equal(t.n_endpoints, 2);
	assert_int_equal(t.endpoints[0].id, 5);
	check_web(&t.endpoints[1]);
	nsn_tenant_clear(&t);
}

static void a_store_of_schema_3_is_migrated_with_what_is_in_it(void **state)
{
	struct env *env = *state;
	struct nsn_policy_list policies = {0};
	struct nsn_quarantine_list quarantines = {0};
	struct nsn_cable_list cables = {0};
	struct nsn_transit transit;
	uint64_t n = 7;

	make_schema_3(env);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(nsn_store_schema(env->s), 6);
	assert_string_equal(nsn_store_id(env->s)->hex, "00112233445566778899aabbccddeeff");
	assert_int_equal(nsn_store_id(env->s)->group, 1234567);
	assert_int_equal(count(env), 2);
	check_customer1(env);
	assert_int_equal(nsn_store_bind_host(env->s, 77, NULL), 0);
	assert_int_equal(nsn_store_ns_get(env->s, 3, 5, &n, NULL), 1);
	assert_int_equal(n, 1002);

	assert_int_equal(nsn_store_generation(env->s, &n, NULL), 0);
	assert_int_equal(n, 0);
	assert_int_equal(nsn_store_policy_list(env->s, &policies, NULL), 0);
	assert_int_equal(policies.n, 0);
	assert_int_equal(nsn_store_quarantine_list(env->s, &quarantines, NULL), 0);
	assert_int_equal(quarantines.n, 0);
	assert_int_equal(nsn_store_cable_list(env->s, &cables, NULL), 0);
	assert_int_equal(cables.n, 0);
	assert_int_equal(nsn_store_transit_get(env->s, &transit, NULL), 0);
	assert_int_equal(raw_number(env, "PRAGMA user_version"), 6);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM pragma_integrity_check "
					 "WHERE integrity_check <> 'ok'"),
			 0);
}

static void what_is_new_works_after_the_migration(void **state)
{
	struct env *env = *state;
	struct nsn_policy p = {.name = "web"}, got = {0};
	struct nsn_cable c = {.a = 3, .b = 7};
	struct nsn_quarantine q = {0};
	struct nsn_endpoint e;
	struct nsn_ports any = {0};
	uint64_t n;

	make_schema_3(env);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(nsn_store_cable_put(env->s, &c, 10, false, NULL), 1);
	assert_int_equal(c.link, 43);
	assert_int_equal(nsn_store_tenant_delete(env->s, 7, NULL), -EBUSY);
	e = added(env, "customer3", "10.10.3.0/24", &n);
	assert_int_equal(n, 8);
	assert_int_equal(e.id, 10);
	assert_int_equal(e.link, 44);

	assert_int_equal(nsn_peer_parse(&q.who, "customer1/web", NULL), 0);
	assert_int_equal(nsn_store_quarantine_put(env->s, &q, NULL), 0);
	p.from = p.to = &q.who;
	p.ports = &any;
	p.n_from = p.n_to = p.n_ports = 1;
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	assert_int_equal(p.id, 1);
	assert_int_equal(p.number, 1);
	assert_int_equal(nsn_store_policy_get(env->s, "web", &got, NULL), 0);
	nsn_policy_clear(&got);
	check_customer1(env);
	assert_int_equal(nsn_store_generation(env->s, &n, NULL), 0);
	assert_int_equal(n, 3);
}

/* All of it: names, columns, checks, indexes. */
static void a_migrated_store_has_the_tables_of_a_new_one(void **state)
{
	static const char sql[] = "SELECT sum(length(sql)) + 1000000 * count(*) FROM sqlite_schema";
	struct env *env = *state;
	int64_t fresh;

	assert_int_equal(open_store(env, NULL), 0);
	fresh = raw_number(env, sql);
	nsn_store_close(env->s);
	env->s = NULL;
	drop_db(env);
	make_schema_3(env);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(raw_number(env, sql), fresh);
}

/* The last table of the step is in the way: all before it is undone. */
static void a_migration_that_fails_changes_nothing(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};

	make_schema_3(env);
	raw_sql(env, "CREATE TABLE freed (in_the_way)", true);
	assert_int_equal(open_store(env, &err), -EIO);
	assert_non_null(strstr(err.msg, "migrate from schema 3 to 6: "));
	assert_non_null(strstr(err.msg, "table freed already exists"));
	assert_int_equal(raw_number(env, "PRAGMA user_version"), 3);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM sqlite_schema "
					 "WHERE name IN ('policy', 'cable')"),
			 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM pragma_table_info('meta')"), 4);
	raw_sql(env, "DROP TABLE freed", true);
	assert_int_equal(open_store(env, NULL), 0);
	check_customer1(env);
}

int main(void)
{
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)
	const struct CMUnitTest tests[] = {
		EMPTY(a_store_of_schema_3_is_migrated_with_what_is_in_it),
		EMPTY(what_is_new_works_after_the_migration),
		EMPTY(a_migrated_store_has_the_tables_of_a_new_one),
		EMPTY(a_migration_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
