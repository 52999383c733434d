/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_env.h"

#include <time.h>

#include "../../lib/model/ids.h"
#include "../../lib/store/cables.h"
#include "../../lib/store/exceptions.h"
#include "../../lib/store/policies.h"
#include "../../lib/store/ranges.h"

/* As version 4 made it; never to be changed, just as the databases out there. */
static const char schema_4[] =
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
	"ALTER TABLE tenant ADD COLUMN set_name TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE tenant ADD COLUMN file TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE tenant ADD COLUMN line INTEGER NOT NULL DEFAULT 0"
	"  CHECK (line BETWEEN 0 AND 4294967295);"
	"ALTER TABLE tenant ADD COLUMN sha256 TEXT NOT NULL DEFAULT ''"
	"  CHECK (length(sha256) IN (0, 64));"
	"ALTER TABLE tenant ADD COLUMN uid INTEGER NOT NULL DEFAULT 0"
	"  CHECK (uid BETWEEN 0 AND 4294967295);"
	"ALTER TABLE tenant ADD COLUMN at INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE endpoint ADD COLUMN declared INTEGER NOT NULL DEFAULT 0"
	"  CHECK (declared IN (0, 1));"
	"ALTER TABLE meta ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE tenant ADD COLUMN new_flows INTEGER NOT NULL DEFAULT 4000"
	"  CHECK (new_flows BETWEEN 0 AND 1000000);"
	"ALTER TABLE tenant ADD COLUMN open_flows INTEGER NOT NULL DEFAULT 32768"
	"  CHECK (open_flows BETWEEN 0 AND 262144);"
	"CREATE TABLE setting ("
	"  key TEXT PRIMARY KEY,"
	"  value TEXT NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE policy ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  number INTEGER NOT NULL UNIQUE CHECK (number BETWEEN 1 AND 65000),"
	"  name TEXT NOT NULL UNIQUE,"
	"  deny INTEGER NOT NULL CHECK (deny IN (0, 1)),"
	"  audit INTEGER NOT NULL CHECK (audit IN (0, 1)),"
	"  log TEXT NOT NULL CHECK (log IN ('none', 'new', 'all')),"
	"  because TEXT NOT NULL,"
	"  owner TEXT NOT NULL,"
	"  expires INTEGER NOT NULL,"
	"  set_name TEXT NOT NULL,"
	"  file TEXT NOT NULL,"
	"  line INTEGER NOT NULL CHECK (line BETWEEN 0 AND 4294967295),"
	"  sha256 TEXT NOT NULL CHECK (length(sha256) IN (0, 64)),"
	"  uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),"
	"  at INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX policy_set ON policy (set_name, name);"
	"CREATE TABLE policy_part ("
	"  policy INTEGER NOT NULL REFERENCES policy ON DELETE CASCADE,"
	"  part TEXT NOT NULL CHECK (part IN ('from', 'to', 'ports')),"
	"  nr INTEGER NOT NULL CHECK (nr BETWEEN 1 AND 64),"
	"  text TEXT NOT NULL,"
	"  PRIMARY KEY (policy, part, nr)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX policy_part_text ON policy_part (text);"
	"CREATE TABLE quarantine ("
	"  who TEXT PRIMARY KEY,"
	"  since INTEGER NOT NULL,"
	"  because TEXT NOT NULL,"
	"  set_name TEXT NOT NULL,"
	"  file TEXT NOT NULL,"
	"  line INTEGER NOT NULL CHECK (line BETWEEN 0 AND 4294967295),"
	"  sha256 TEXT NOT NULL CHECK (length(sha256) IN (0, 64)),"
	"  uid INTEGER NOT NULL CHECK (uid BETWEEN 0 AND 4294967295),"
	"  at INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE quarantine_keep ("
	"  who TEXT NOT NULL REFERENCES quarantine ON DELETE CASCADE,"
	"  nr INTEGER NOT NULL CHECK (nr >= 1),"
	"  flow TEXT NOT NULL,"
	"  PRIMARY KEY (who, nr)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE cable ("
	"  link INTEGER PRIMARY KEY CHECK (link BETWEEN 1 AND 999999999999),"
	"  a INTEGER NOT NULL REFERENCES tenant ON DELETE RESTRICT,"
	"  b INTEGER NOT NULL REFERENCES tenant ON DELETE RESTRICT,"
	"  slot INTEGER NOT NULL UNIQUE CHECK (slot BETWEEN 0 AND 4294967294),"
	"  translated_a INTEGER NOT NULL CHECK (translated_a IN (0, 1)),"
	"  translated_b INTEGER NOT NULL CHECK (translated_b IN (0, 1)),"
	"  UNIQUE (a, b),"
	"  CHECK (a < b)"
	") STRICT;"
	"CREATE INDEX cable_b ON cable (b);"
	"CREATE TABLE freed ("
	"  nr INTEGER PRIMARY KEY,"
	"  slot INTEGER NOT NULL UNIQUE CHECK (slot BETWEEN 0 AND 4294967294),"
	"  boot TEXT NOT NULL"
	") STRICT;"
	"INSERT INTO sqlite_sequence (name, seq) VALUES ('policy', 0);"
	"INSERT INTO meta VALUES (1, '00112233445566778899aabbccddeeff', 1234567, 42, 17);"
	"INSERT INTO tenant (id, name, first, last, gateway, created) VALUES"
	" (3, 'customer1', 168427776, 168428031, 168427777, 1700000000),"
	" (7, 'customer2', 168428032, 168428287, 168428033, 1700000001);"
	"INSERT INTO endpoint (id, tenant, name, ip, link) VALUES"
	" (5, 3, 'default', 168427778, 41), (9, 7, 'default', 168428034, 40);"
	"INSERT INTO quarantine VALUES ('customer2', 1700000002, 'INC-7', '', '', 0, '', 0,"
	"  1700000002);"
	"INSERT INTO cable VALUES (42, 3, 7, 0, 0, 0);"
	"PRAGMA user_version = 4;";

#define BASE(k) (NSN_IDS_FIRST + (uint32_t)(k)*NSN_IDS_RANGE)

/* ---- ranges ------------------------------------------------------------------- */

static uint64_t named(struct env *env, const char *name)
{
	uint64_t id;

	(void)added(env, name, "10.10.1.0/24", &id);
	return id;
}

static uint32_t last_of(struct env *env)
{
	uint32_t last = 7;

	assert_int_equal(nsn_store_range_last(env->s, &last, NULL), 0);
	return last;
}

static void a_range_is_there_when_the_store_is_opened_again(void **state)
{
	struct env *env = *state;
	struct nsn_id_range range = {0};
	uint32_t base = 7;
	uint64_t id = named(env, "customer1"), before, after;

	assert_int_equal(nsn_store_range_get(env->s, id, &base, NULL), 0);
	assert_int_equal(base, 7);
	assert_int_equal(last_of(env), 0);
	assert_int_equal(nsn_store_generation(env->s, &before, NULL), 0);
	assert_int_equal(nsn_store_range_give(env->s, BASE(3), id, "customer1", NULL), 0);
	assert_int_equal(nsn_store_generation(env->s, &after, NULL), 0);
	assert_int_equal(after, before);
	reopen(env, BOOT2);
	assert_int_equal(nsn_store_range_get(env->s, id, &base, NULL), 1);
	assert_int_equal(base, BASE(3));
	assert_int_equal(last_of(env), BASE(3));
	assert_int_equal(nsn_store_range_at(env->s, BASE(3), &range, NULL), 1);
	assert_int_equal(range.base, BASE(3));
	assert_int_equal(range.tenant, id);
	assert_string_equal(range.name, "customer1");
	assert_true(range.given > 1700000000 && range.given <= time(NULL));
	assert_int_equal(range.retired, 0);
	assert_int_equal(nsn_store_range_at(env->s, BASE(2), &range, NULL), 0);
}

static void a_tenant_of_the_same_name_gets_another_range(void **state)
{
	struct env *env = *state;
	struct nsn_id_range range = {0};
	uint64_t first = named(env, "customer1"), second;
	uint32_t base = 7;

	assert_int_equal(nsn_store_range_give(env->s, BASE(0), first, "customer1", NULL), 0);
	assert_int_equal(nsn_store_tenant_delete(env->s, first, NULL), 0);
	second = named(env, "customer1");
	assert_true(second != first);
	assert_int_equal(nsn_store_range_get(env->s, first, &base, NULL), 0);
	assert_int_equal(nsn_store_range_get(env->s, second, &base, NULL), 0);
	assert_int_equal(base, 7);
	assert_int_equal(last_of(env), BASE(0));
	assert_int_equal(nsn_store_range_give(env->s, BASE(0), second, "customer1", NULL), -EEXIST);
	assert_int_equal(nsn_store_range_give(env->s, BASE(1), second, "customer1", NULL), 0);

	assert_int_equal(nsn_store_range_at(env->s, BASE(0), &range, NULL), 1);
	assert_int_equal(range.tenant, 0);
	assert_string_equal(range.name, "customer1");
	assert_true(range.retired >= range.given);
	assert_int_equal(nsn_store_range_at(env->s, BASE(1), &range, NULL), 1);
	assert_int_equal(range.tenant, second);
	assert_int_equal(range.retired, 0);
}

/* The range retires with the tenant or not at all. */
static void a_deletion_that_is_rolled_back_retires_nothing(void **state)
{
	struct env *env = *state;
	uint64_t id = named(env, "customer1");
	uint32_t base = 0;

	assert_int_equal(nsn_store_range_give(env->s, BASE(0), id, "customer1", NULL), 0);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	assert_int_equal(nsn_store_tenant_delete(env->s, id, NULL), 0);
	assert_int_equal(nsn_store_range_get(env->s, id, &base, NULL), 0);
	nsn_store_rollback(env->s);
	assert_int_equal(nsn_store_range_get(env->s, id, &base, NULL), 1);
	assert_int_equal(base, BASE(0));

	/* One whose tenant cannot go stays, too. */
	assert_int_equal(nsn_store_cable_put(env->s,
					     &(struct nsn_cable){.a = id, .b = named(env, "c2")}, 1,
					     false, NULL),
			 1);
	assert_int_equal(nsn_store_tenant_delete(env->s, id, NULL), -EBUSY);
	assert_int_equal(nsn_store_range_get(env->s, id, &base, NULL), 1);
}

static void what_is_no_range_of_a_tenant_is_refused(void **state)
{
	static const uint32_t bases[] = {
		0, 65536, NSN_IDS_FIRST + 1, NSN_IDS_FIRST - 65536, 0x7ffe0000u, UINT32_MAX};
	struct env *env = *state;
	struct nsnet_err err = {0};
	uint64_t id = named(env, "customer1"), other = named(env, "customer2");

	for (size_t i = 0; i < NSN_COUNT(bases); i++) {
		assert_int_equal(nsn_store_range_give(env->s, bases[i], id, "customer1", &err),
				 -EINVAL);
		assert_int_equal(err.id, NSNET_E_INTERNAL);
	}
	assert_int_equal(nsn_store_range_give(env->s, BASE(0), id, "Customer", NULL), -EINVAL);
	assert_int_equal(nsn_store_range_give(env->s, BASE(0), 999, "customer1", &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_TENANT);
	assert_int_equal(nsn_store_range_give(env->s, BASE(0), id, "customer1", NULL), 0);
	/* Neither two tenants of a range, nor two ranges of a tenant. */
	assert_int_equal(nsn_store_range_give(env->s, BASE(0), other, "customer2", NULL), -EEXIST);
	assert_int_equal(nsn_store_range_give(env->s, BASE(1), id, "customer1", NULL), -EEXIST);
	assert_int_equal(nsn_store_range_give(env->s, 0x7ffd0000u, other, "customer2", NULL), 0);
	assert_int_equal(last_of(env), 0x7ffd0000u);
}

static void refuses_sql(const struct env *env, const char *sql, const char *part)
{
	struct raw raw;
	char *why = NULL;

	raw_open(env, &raw);
	(void)sqlite3_exec(raw.db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	(void)sqlite3_exec(raw.db, sql, NULL, NULL, &why);
	raw_close(&raw);
	assert_non_null(why);
	if (!strstr(why, part))
		fail_msg("'%s': %s", sql, why);
	sqlite3_free(why);
}

static void the_database_itself_forgets_no_range(void **state)
{
	struct env *env = *state;
	uint64_t id = named(env, "customer1");

	assert_int_equal(nsn_store_range_give(env->s, BASE(0), id, "customer1", NULL), 0);
	nsn_store_close(env->s);
	env->s = NULL;
	refuses_sql(env, "DELETE FROM id_range", "never forgotten");
	/* Whoever deletes a tenant has to say when its range retired. */
	refuses_sql(env, "DELETE FROM tenant", "CHECK constraint failed");
	refuses_sql(env, "UPDATE id_range SET retired = 1", "CHECK constraint failed");
	refuses_sql(env, "UPDATE id_range SET base = 65536", "CHECK constraint failed");
	reopen(env, BOOT);
	assert_int_equal(last_of(env), BASE(0));
}

static void a_damaged_range_is_told_and_not_given(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_id_range range;
	uint32_t base = 7;
	uint64_t id = named(env, "customer1");

	assert_int_equal(nsn_store_range_give(env->s, BASE(0), id, "customer1", NULL), 0);
	nsn_store_close(env->s);
	env->s = NULL;
	raw_sql(env,
		"PRAGMA ignore_check_constraints = ON;"
		"UPDATE id_range SET base = 65536, name = '../x'",
		true);
	reopen(env, BOOT);
	assert_int_equal(nsn_store_range_get(env->s, id, &base, &err), -EIO);
	assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
	assert_int_equal(nsn_store_range_last(env->s, &base, NULL), -EIO);
	assert_int_equal(nsn_store_range_at(env->s, 65536, &range, NULL), -EIO);
	assert_int_equal(base, 7);
}

/* ---- exceptions --------------------------------------------------------------- */

static const struct nsn_exception ipc = {
	.tenant = "customer1",
	.endpoint = "default",
	.workload = "customer1/default#1a2b",
	.kind = "ipc=host",
	.because = "INC-7, \xc3\xa4\xc3\xb6",
	.until = 1900000000,
	.exposed = "System V memory of the host:\nall of it",
	.uid = 4294967294,
	.at = 1800000000,
	.command = "sh -c 'a\tb' \xff",
};

static void assert_same(const struct nsn_exception *a, const struct nsn_exception *b)
{
	assert_string_equal(a->tenant, b->tenant);
	assert_string_equal(a->endpoint, b->endpoint);
	assert_string_equal(a->workload, b->workload);
	assert_string_equal(a->kind, b->kind);
	assert_string_equal(a->because, b->because);
	assert_int_equal(a->until, b->until);
	assert_string_equal(a->exposed, b->exposed);
	assert_int_equal(a->uid, b->uid);
	assert_int_equal(a->at, b->at);
	assert_string_equal(a->command, b->command);
}

/* The ids of those that are listed, as digits: "12". */
static const char *listed(struct env *env, const char *tenant, bool with_over)
{
	static char buf[16];
	struct nsn_exception_list list = {0};

	assert_int_equal(nsn_store_exceptions_list(env->s, tenant, with_over, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++)
		buf[i] = (char)('0' + list.list[i].id);
	buf[list.n] = '\0';
	nsn_exception_list_clear(&list);
	return buf;
}

static const char *living(struct env *env, const char *workload)
{
	static char buf[16];
	struct nsn_exception_list list = {0};

	assert_int_equal(nsn_store_exceptions_of(env->s, workload, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++) {
		assert_false(list.list[i].over);
		buf[i] = (char)('0' + list.list[i].id);
	}
	buf[list.n] = '\0';
	nsn_exception_list_clear(&list);
	return buf;
}

static void add_three(struct env *env)
{
	struct nsn_exception list[3] = {ipc, ipc, ipc};

	list[1].kind = "cap=SYS_ADMIN";
	list[1].until = 0;
	list[2].tenant = "customer2";
	list[2].endpoint = "web";
	list[2].workload = "customer2/web#3";
	assert_int_equal(nsn_store_exceptions_add(env->s, list, 3, NULL), 0);
}

static void what_was_recorded_is_read_word_by_word(void **state)
{
	struct env *env = *state;
	struct nsn_exception_list list = {0};
	uint64_t generation = 7;

	add_three(env);
	reopen(env, BOOT);
	assert_int_equal(nsn_store_exceptions_list(env->s, NULL, false, &list, NULL), 0);
	assert_int_equal(list.n, 3);
	assert_same(&list.list[0], &ipc);
	assert_int_equal(list.list[0].id, 1);
	assert_int_equal(list.list[0].ended, 0);
	assert_false(list.list[0].over);
	assert_string_equal(list.list[1].kind, "cap=SYS_ADMIN");
	assert_int_equal(list.list[1].until, 0);
	assert_string_equal(list.list[2].endpoint, "web");
	nsn_exception_list_clear(&list);
	assert_string_equal(listed(env, "customer1", false), "12");
	assert_string_equal(listed(env, "customer2", false), "3");
	assert_string_equal(listed(env, "customer", false), "");
	assert_string_equal(living(env, ipc.workload), "12");
	assert_string_equal(living(env, "customer1/default"), "");
	assert_int_equal(nsn_store_generation(env->s, &generation, NULL), 0);
	assert_int_equal(generation, 0);
}

static void those_of_a_workload_end_once_and_stay(void **state)
{
	struct env *env = *state;
	struct nsn_exception_list list = {0};

	add_three(env);
	assert_int_equal(nsn_store_exceptions_end(env->s, ipc.workload, 1850000000, NULL), 0);
	assert_string_equal(listed(env, NULL, false), "3");
	assert_string_equal(listed(env, NULL, true), "123");
	assert_string_equal(living(env, ipc.workload), "");
	/* Again, and of one that never was: nothing. */
	assert_int_equal(nsn_store_exceptions_end(env->s, ipc.workload, 1860000000, NULL), 0);
	assert_int_equal(nsn_store_exceptions_end(env->s, "nobody", 1860000000, NULL), 0);
	assert_int_equal(nsn_store_exceptions_list(env->s, "customer1", true, &list, NULL), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.list[0].ended, 1850000000);
	assert_int_equal(list.list[1].ended, 1850000000);
	assert_true(list.list[0].over);
	assert_same(&list.list[0], &ipc);
	nsn_exception_list_clear(&list);
}

/* No process lives through a boot, whoever was to record its end. */
static void those_of_another_boot_are_over(void **state)
{
	struct env *env = *state;
	struct nsn_exception_list list = {0};

	add_three(env);
	reopen(env, BOOT2);
	assert_string_equal(listed(env, NULL, false), "");
	assert_string_equal(living(env, ipc.workload), "");
	assert_int_equal(nsn_store_exceptions_end(env->s, ipc.workload, 1850000000, NULL), 0);
	assert_int_equal(nsn_store_exceptions_list(env->s, NULL, true, &list, NULL), 0);
	assert_int_equal(list.n, 3);
	assert_true(list.list[0].over);
	assert_int_equal(list.list[0].ended, 0); /* nobody saw it */
	nsn_exception_list_clear(&list);
}

static void all_are_recorded_or_none(void **state)
{
	struct env *env = *state;
	struct nsn_exception list[2] = {ipc, ipc};

	list[1].because = "";
	assert_int_equal(nsn_store_exceptions_add(env->s, list, 2, NULL), -EINVAL);
	assert_string_equal(listed(env, NULL, true), "");
	assert_int_equal(nsn_store_exceptions_add(env->s, list, 0, NULL), 0);
}

static void what_cannot_be_read_back_is_not_written(void **state)
{
	char longest[NSN_TEXT_MAX + 2];
	struct nsn_exception bad[11];
	struct env *env = *state;
	struct nsnet_err err = {0};

	for (size_t i = 0; i < NSN_COUNT(bad); i++)
		bad[i] = ipc;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	bad[0].tenant = "../x";
	bad[1].endpoint = "";
	bad[2].workload = "";
	bad[3].workload = "a\x1b[2J";
	bad[4].kind = "";
	bad[5].kind = NULL;
	bad[6].because = "   ";
	bad[7].because = "a\nb";
	bad[8].because = "\xff";
	bad[9].because = longest;
	bad[10].until = -1;
	for (size_t i = 0; i < NSN_COUNT(bad); i++) {
		if (nsn_store_exceptions_add(env->s, &bad[i], 1, &err) != -EINVAL)
			fail_msg("%zu was taken", i);
		assert_int_equal(err.id, NSNET_E_INTERNAL);
	}
	assert_string_equal(listed(env, NULL, true), "");
	longest[sizeof(longest) - 2] = '\0';
	assert_int_equal(nsn_store_exceptions_add(env->s, &bad[9], 1, NULL), 0);
}

static void a_command_without_end_is_cut(void **state)
{
	struct nsn_exception_list list = {0};
	struct nsn_exception two[2] = {ipc, ipc};
	struct env *env = *state;
	char *text = malloc(NSN_EXCEPTION_TEXT_MAX + 2);

	assert_non_null(text);
	memset(text, 'x', NSN_EXCEPTION_TEXT_MAX);
	text[NSN_EXCEPTION_TEXT_MAX] = '\0';
	two[0].command = text;
	assert_int_equal(nsn_store_exceptions_add(env->s, two, 1, NULL), 0);
	/* One byte more, and a character where it is cut. */
	memcpy(text + NSN_EXCEPTION_TEXT_MAX - 4, "\xc3\xa4zzz", 6);
	assert_int_equal(nsn_store_exceptions_add(env->s, two, 1, NULL), 0);
	assert_int_equal(nsn_store_exceptions_list(env->s, NULL, true, &list, NULL), 0);
	assert_int_equal(strlen(list.list[0].command), NSN_EXCEPTION_TEXT_MAX);
	assert_null(strstr(list.list[0].command, "..."));
	assert_int_equal(strlen(list.list[1].command), NSN_EXCEPTION_TEXT_MAX - 1);
	assert_string_equal(list.list[1].command + NSN_EXCEPTION_TEXT_MAX - 5, "x...");
	nsn_exception_list_clear(&list);
	free(text);
}

static void the_database_itself_changes_no_exception(void **state)
{
	static const char *const columns[] = {
		"id = 9",     "tenant = 'x'",  "endpoint = 'x'", "workload = 'x'",
		"kind = 'x'", "because = 'x'", "until = 1",	 "exposed = 'x'",
		"uid = 1",    "at = 1",	       "command = 'x'",	 "boot = 'x'",
	};
	struct env *env = *state;
	char sql[128];

	add_three(env);
	assert_int_equal(nsn_store_exceptions_end(env->s, "customer2/web#3", 1850000000, NULL), 0);
	nsn_store_close(env->s);
	env->s = NULL;
	refuses_sql(env, "DELETE FROM exception WHERE id = 1", "never forgotten");
	for (size_t i = 0; i < NSN_COUNT(columns); i++) {
		(void)snprintf(sql, sizeof(sql), "UPDATE exception SET %s WHERE id = 1",
			       columns[i]);
		refuses_sql(env, sql, "stays as it was written");
	}
	/* Neither when it was over: it was once. */
	refuses_sql(env, "UPDATE exception SET ended = 0 WHERE id = 3", "stays as it was written");
	reopen(env, BOOT);
	assert_string_equal(listed(env, NULL, false), "12");
}

static void a_damaged_exception_is_told(void **state)
{
	static const char *const damages[] = {
		"tenant = 'A'", "endpoint = ''", "because = char(27)", "uid = -1", "until = -5",
	};
	struct env *env = *state;
	char sql[200];

	for (size_t i = 0; i < NSN_COUNT(damages); i++) {
		struct nsn_exception_list list = {0};
		struct nsnet_err err = {0};

		add_three(env);
		nsn_store_close(env->s);
		env->s = NULL;
		(void)snprintf(sql, sizeof(sql),
			       "PRAGMA ignore_check_constraints = ON; DROP TRIGGER exception_said;"
			       "UPDATE exception SET %s WHERE id = 2",
			       damages[i]);
		raw_sql(env, sql, true);
		reopen(env, BOOT);
		assert_int_equal(nsn_store_exceptions_list(env->s, NULL, true, &list, &err), -EIO);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
		assert_int_equal(list.n, 0);
		nsn_store_close(env->s);
		env->s = NULL;
		drop_db(env);
		reopen(env, BOOT);
	}
}

/* A tenant that is gone has left its record. */
static void the_record_outlives_the_tenant(void **state)
{
	struct env *env = *state;
	uint64_t id = named(env, "customer1");

	add_three(env);
	assert_int_equal(nsn_store_tenant_delete(env->s, id, NULL), 0);
	assert_string_equal(listed(env, "customer1", true), "12");
}

/* ---- an older store ----------------------------------------------------------- */

static void make_schema_4(struct env *env)
{
	put_file(env, "nsnet.db", "", 0);
	raw_sql(env, schema_4, true);
}

static void a_store_of_schema_4_is_migrated_with_what_is_in_it(void **state)
{
	struct env *env = *state;
	struct nsn_quarantine_list quarantines = {0};
	struct nsn_tenant t = {0};
	struct nsn_cable c = {0};
	uint32_t base = 0;
	uint64_t n = 0;

	make_schema_4(env);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(nsn_store_schema(env->s), 6);
	assert_int_equal(raw_number(env, "PRAGMA user_version"), 6);
	assert_string_equal(nsn_store_id(env->s)->hex, "00112233445566778899aabbccddeeff");
	assert_int_equal(nsn_store_generation(env->s, &n, NULL), 0);
	assert_int_equal(n, 17);
	assert_int_equal(nsn_store_tenant_get(env->s, "customer1", &t, NULL), 0);
	assert_int_equal(t.id, 3);
	assert_int_equal(t.endpoints[0].id, 5);
	nsn_tenant_clear(&t);
	assert_int_equal(nsn_store_cable_get(env->s, 3, 7, &c, NULL), 1);
	assert_int_equal(c.link, 42);
	assert_int_equal(nsn_store_quarantine_list(env->s, &quarantines, NULL), 0);
	assert_int_equal(quarantines.n, 1);
	nsn_quarantine_list_clear(&quarantines);

	assert_int_equal(last_of(env), 0);
	assert_int_equal(nsn_store_range_get(env->s, 3, &base, NULL), 0);
	assert_int_equal(nsn_store_range_give(env->s, BASE(0), 3, "customer1", NULL), 0);
	assert_int_equal(nsn_store_cable_delete(env->s, 42, NULL), 0);
	assert_int_equal(nsn_store_tenant_delete(env->s, 3, NULL), 0);
	assert_int_equal(last_of(env), BASE(0));
	add_three(env);
	assert_string_equal(listed(env, NULL, false), "123");
	assert_int_equal(raw_number(env, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM pragma_integrity_check "
					 "WHERE integrity_check <> 'ok'"),
			 0);
}

/* All of it: names, columns, checks, indexes, triggers. */
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
	make_schema_4(env);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(raw_number(env, sql), fresh);
}

/* The last of the step is in the way: all before it is undone. */
static void a_migration_that_fails_changes_nothing(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};

	make_schema_4(env);
	raw_sql(env, "CREATE TABLE exception (in_the_way)", true);
	assert_int_equal(open_store(env, &err), -EIO);
	assert_non_null(strstr(err.msg, "migrate from schema 4 to 6: "));
	assert_non_null(strstr(err.msg, "table exception already exists"));
	assert_int_equal(raw_number(env, "PRAGMA user_version"), 4);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM sqlite_schema "
					 "WHERE name LIKE 'id_range%'"),
			 0);
	raw_sql(env, "DROP TABLE exception", true);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(count(env), 2);
}

int main(void)
{
#define TEST(test)  cmocka_unit_test_setup_teardown(test, setup, teardown)
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_range_is_there_when_the_store_is_opened_again),
		TEST(a_tenant_of_the_same_name_gets_another_range),
		TEST(a_deletion_that_is_rolled_back_retires_nothing),
		TEST(what_is_no_range_of_a_tenant_is_refused),
		TEST(the_database_itself_forgets_no_range),
		TEST(a_damaged_range_is_told_and_not_given),
		TEST(what_was_recorded_is_read_word_by_word),
		TEST(those_of_a_workload_end_once_and_stay),
		TEST(those_of_another_boot_are_over),
		TEST(all_are_recorded_or_none),
		TEST(what_cannot_be_read_back_is_not_written),
		TEST(a_command_without_end_is_cut),
		TEST(the_database_itself_changes_no_exception),
		TEST(a_damaged_exception_is_told),
		TEST(the_record_outlives_the_tenant),
		EMPTY(a_store_of_schema_4_is_migrated_with_what_is_in_it),
		EMPTY(a_migrated_store_has_the_tables_of_a_new_one),
		EMPTY(a_migration_that_fails_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
