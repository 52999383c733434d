/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_env.h"

#include <arpa/inet.h>

#include "../../lib/base/text.h"

/* A tenant that has everything. */
static void make_full(struct nsn_tenant *t)
{
	static const char *const labels[] = {"tier=gold", "env=prod"};
	static const char *const owners[] = {"bob", "alice"};
	static const struct nsnet_endpoint_def endpoints[] = {
		{.name = "web", .ip = "10.1.0.9", .ip6 = "fd00:1::99", .rate = "1500kbit"},
		{.name = "default"},
		{.name = "db", .ip6 = "fd00:1:0:0:ffff:ffff:ffff:ffff"},
	};
	static const struct nsnet_tenant_def def = {
		.name = "blue",
		.subnet = "10.1.0.0/24",
		.subnet6 = "fd00:1::/64",
		.inside = "deny",
		.mtu = "9000",
		.rate = "10mbit",
		.new_flows = "17",
		.open_flows = "none",
		.dns = "9.9.9.9,2620:fe::fe",
		.labels = labels,
		.n_labels = 2,
		.owners = owners,
		.n_owners = 2,
		.endpoints = endpoints,
		.n_endpoints = 3,
	};
	struct nsnet_err err = {0};

	assert_int_equal(nsn_tenant_parse(t, &def, &err), 0);
	assert_int_equal(nsn_tenant_allocate(t, &err), 0);
	t->created = 1700000000;
}

static void check_endpoint(const struct nsn_endpoint *a, const struct nsn_endpoint *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->link, b->link);
	assert_string_equal(a->name, b->name);
	assert_int_equal(nsn_ip_cmp(&a->ip, &b->ip), 0);
	assert_int_equal(nsn_ip_cmp(&a->ip6, &b->ip6), 0);
	assert_int_equal(a->fixed, b->fixed);
	assert_int_equal(a->fixed6, b->fixed6);
	assert_int_equal(a->rate, b->rate);
}

/* All that is kept, and not what nsn_tenant_same() calls the same. */
static void check_stored(struct env *env, const struct nsn_tenant *t)
{
	char a[NSN_DNS_STRLEN], b[NSN_DNS_STRLEN];
	struct nsn_tenant got = {0};
	struct nsnet_err err = {0};

	assert_int_equal(nsn_store_tenant_get(env->s, t->name, &got, &err), 0);
	assert_int_equal(got.id, t->id);
	assert_int_equal(got.created, t->created);
	assert_int_equal(nsn_prefix_cmp(&got.subnet, &t->subnet), 0);
	assert_int_equal(nsn_prefix_cmp(&got.subnet6, &t->subnet6), 0);
	assert_int_equal(nsn_ip_cmp(&got.gateway, &t->gateway), 0);
	assert_int_equal(nsn_ip_cmp(&got.gateway6, &t->gateway6), 0);
	assert_int_equal(got.mtu, t->mtu);
	assert_int_equal(got.inside_deny, t->inside_deny);
	assert_int_equal(got.rate, t->rate);
	assert_int_equal(got.new_flows, t->new_flows);
	assert_int_equal(got.open_flows, t->open_flows);
	assert_int_equal(got.dns.kind, t->dns.kind);
	assert_string_equal(nsn_dns_str(&got.dns, a), nsn_dns_str(&t->dns, b));
	assert_int_equal(got.given, 0x7ff);
	assert_int_equal(got.n_labels, t->n_labels);
	for (size_t i = 0; i < t->n_labels; i++) {
		assert_string_equal(got.labels[i].key, t->labels[i].key);
		assert_string_equal(got.labels[i].value, t->labels[i].value);
	}
	assert_int_equal(got.n_owners, t->n_owners);
	for (size_t i = 0; i < t->n_owners; i++)
		assert_string_equal(got.owners[i].name, t->owners[i].name);
	assert_int_equal(got.n_endpoints, t->n_endpoints);
	for (size_t i = 0; i < t->n_endpoints; i++) {
		check_endpoint(&got.endpoints[i], &t->endpoints[i]);
		assert_false(got.endpoints[i].fresh);
	}
	nsn_tenant_clear(&got);
}

static void a_tenant_with_everything_comes_back(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};

	make_full(&t);
	added(env, "other", "10.2.0.0/24", NULL);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	for (size_t i = 0; i < t.n_endpoints; i++)
		assert_true(t.endpoints[i].fresh);
	check_stored(env, &t);
	reopen(env, BOOT);
	check_stored(env, &t);
	nsn_tenant_clear(&t);
}

/* The list reads labels and owners apart from tenants: each has to find its own. */
static void labels_and_owners_in_a_list_are_those_of_each(void **state)
{
	/* By name these are in another order than by number. */
	static const char *const names[] = {"mm", "zz", "aa", "qq", "bb"};
	struct env *env = *state;
	struct nsn_tenant_list list = {0};
	char label[32];

	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		struct nsn_tenant t = {0};

		assert_int_equal(nsn_tenant_init(&t, names[i], "10.1.0.0/24", NULL), 0);
		for (size_t k = 0; k < i; k++) {
			(void)snprintf(label, sizeof(label), "k%zu=%s", 9 - k, names[i]);
			assert_int_equal(nsn_tenant_apply(&t, "label", label, NULL), 0);
		}
		if (i % 2)
			assert_int_equal(nsn_tenant_apply(&t, "owners", names[i], NULL), 0);
		assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
		nsn_tenant_clear(&t);
	}
	assert_int_equal(nsn_store_tenant_list(env->s, &list, NULL), 0);
	assert_int_equal(list.n, NSN_COUNT(names));
	for (size_t i = 0; i < list.n; i++) {
		const struct nsn_tenant *t = &list.tenants[i];

		assert_int_equal(t->n_labels, t->id - 1);
		for (size_t k = 0; k < t->n_labels; k++) {
			assert_string_equal(t->labels[k].value, t->name);
			assert_true(k == 0 || strcmp(t->labels[k - 1].key, t->labels[k].key) < 0);
		}
		assert_int_equal(t->n_owners, (t->id - 1) % 2);
		if (t->n_owners)
			assert_string_equal(t->owners[0].name, t->name);
	}
	nsn_tenant_list_clear(&list);
}

/* ---- schema 2 --------------------------------------------------------------- */

/* As version 2 made it; never to be changed, just as the databases out there. */
static const char schema_2[] =
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
	"INSERT INTO sqlite_sequence (name, seq) VALUES ('tenant', 0), ('endpoint', 0);"
	"INSERT INTO meta VALUES (1, '00112233445566778899aabbccddeeff', 1234567, 42);"
	"INSERT INTO tenant VALUES (3, 'customer1', 168427776, 168428031, 168427777, 1700000000),"
	" (7, 'customer2', 168427776, 168428031, 168427777, 1700000001);"
	"INSERT INTO endpoint VALUES (5, 3, 'default', 168427778, 41), (6, 3, 'web', 168427800, "
	"42),"
	" (9, 7, 'default', 168427778, 40);"
	"INSERT INTO host VALUES (1, '" BOOT "', 77);"
	"INSERT INTO netns VALUES (3, 0, '" BOOT "', 1001), (3, 5, '" BOOT "', 1002);"
	"PRAGMA user_version = 2;";

static void a_store_of_schema_2_is_migrated_with_what_is_in_it(void **state)
{
	struct env *env = *state;
	struct nsn_endpoint endpoints[2] = {{.id = 5, .link = 41, .name = "default"},
					    {.id = 6, .link = 42, .name = "web"}};
	struct nsn_tenant want = {.id = 3, .name = "customer1", .created = 1700000000};
	struct nsn_tenant full = {0};
	uint64_t cookie = 0;

	want.mtu = 1500;
	want.new_flows = 4000;
	want.open_flows = 32768;
	want.endpoints = endpoints;
	want.n_endpoints = 2;
	assert_int_equal(nsn_prefix_parse(&want.subnet, "10.10.1.0/24"), 0);
	assert_int_equal(nsn_ip_parse(&want.gateway, "10.10.1.1"), 0);
	assert_int_equal(nsn_ip_parse(&endpoints[0].ip, "10.10.1.2"), 0);
	assert_int_equal(nsn_ip_parse(&endpoints[1].ip, "10.10.1.24"), 0);

	put_file(env, "nsnet.db", "", 0);
	raw_sql(env, schema_2, true);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(nsn_store_schema(env->s), 6);
	check_stored(env, &want);
	assert_int_equal(count(env), 2);
	assert_int_equal(nsn_store_bind_host(env->s, 77, NULL), 0);
	assert_int_equal(nsn_store_bind_host(env->s, 78, NULL), -EXDEV);
	assert_int_equal(nsn_store_ns_get(env->s, 3, 5, &cookie, NULL), 1);
	assert_int_equal(cookie, 1002);

	/* What is new works, and the sequences go on. */
	make_full(&full);
	assert_int_equal(nsn_store_tenant_insert(env->s, &full, NULL), 0);
	assert_int_equal(full.id, 8);
	assert_int_equal(full.endpoints[0].id, 10);
	assert_int_equal(full.endpoints[0].link, 43);
	check_stored(env, &full);
	nsn_tenant_clear(&full);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM pragma_integrity_check "
					 "WHERE integrity_check <> 'ok'"),
			 0);
}

/* Should our own checks fail one day, the database still refuses. */
static void the_database_itself_refuses_what_cannot_be(void **state)
{
	static const char *const wrong[] = {
		"UPDATE tenant SET mtu = 575",
		"UPDATE tenant SET mtu = 1279",
		"UPDATE tenant SET mtu = 65536",
		"UPDATE tenant SET inside_deny = 2",
		"UPDATE tenant SET rate = 1",
		"UPDATE tenant SET rate = 1000000000001",
		"UPDATE tenant SET new_flows = -1",
		"UPDATE tenant SET new_flows = 1000001",
		"UPDATE tenant SET open_flows = NULL",
		"UPDATE tenant SET open_flows = 262145",
		"UPDATE tenant SET first6 = NULL",
		"UPDATE tenant SET last6 = NULL",
		"UPDATE tenant SET gateway6 = NULL",
		"UPDATE tenant SET first6 = 'x'",
		"UPDATE tenant SET gateway6 = zeroblob(16)",
		"UPDATE tenant SET last6 = zeroblob(16)",
		"UPDATE endpoint SET ip6 = zeroblob(4)",
		"UPDATE endpoint SET ip6 = (SELECT ip6 FROM endpoint WHERE name = 'db')",
		"UPDATE endpoint SET fixed = -1",
		"UPDATE endpoint SET fixed6 = 2",
		"UPDATE endpoint SET ip6 = NULL",
		"UPDATE endpoint SET rate = 7999",
		"INSERT INTO label VALUES (1, 'env', 'again')",
		"INSERT INTO label VALUES (1, '', 'x')",
		"INSERT INTO label VALUES (1, 'x', '')",
		"INSERT INTO owner VALUES (1, 'bob')",
		"INSERT INTO owner VALUES (1, NULL)",
	};
	struct env *env = *state;
	struct nsn_tenant t = {0};
	sqlite3 *db = NULL;

	make_full(&t);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	assert_int_equal(sqlite3_open(path_in(env, "nsnet.db"), &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	for (size_t i = 0; i < NSN_COUNT(wrong); i++)
		if (sqlite3_exec(db, wrong[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT)
			fail_msg("not refused: %s", wrong[i]);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	check_stored(env, &t);
	nsn_tenant_clear(&t);
}

/* ---- changing --------------------------------------------------------------- */

static void an_update_writes_all_settings(void **state)
{
	static const struct {
		const char *key, *value;
	} settings[] = {
		{"subnet", "10.1.0.0/16"},  {"subnet6", "fd00:1::/48"}, {"mtu", "1400"},
		{"dns", "9.9.9.9"},	    {"dns", "shared/dns"},	{"dns", "none"},
		{"dns", "1.1.1.1,1.0.0.1"}, {"rate", "none"},		{"inside", "allow"},
		{"label", "env="},	    {"label", "zone=b"},	{"owners", "carol"},
		{"subnet6", "none"},	    {"owners", "none"},		{"label", "zone="},
		{"label", "tier="},	    {"subnet6", "fd00:2::/64"}, {"new-flows", "none"},
		{"open-flows", "262144"},
	};
	struct env *env = *state;
	struct nsn_tenant t = {0};

	make_full(&t);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	for (size_t i = 0; i < NSN_COUNT(settings); i++) {
		assert_int_equal(nsn_tenant_apply(&t, settings[i].key, settings[i].value, NULL), 0);
		assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
		assert_int_equal(nsn_store_tenant_update(env->s, &t, NULL), 0);
		check_stored(env, &t);
	}
	nsn_tenant_clear(&t);
}

/* Each gets the address that its neighbour has until then, in both directions and in a ring. */
static void addresses_can_be_shifted(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};
	const size_t n = 50;
	char name[16];

	assert_int_equal(nsn_tenant_init(&t, "blue", "10.1.0.0/24", NULL), 0);
	assert_int_equal(nsn_tenant_apply(&t, "subnet6", "fd00:1::/64", NULL), 0);
	for (size_t i = 1; i < n; i++) {
		struct nsn_endpoint e = {0};

		(void)snprintf(name, sizeof(name), "e%zu", i);
		memcpy(e.name, name, sizeof(name));
		assert_int_equal(nsn_tenant_endpoint_add(&t, &e, NULL), 0);
	}
	assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 0; i < n; i++) {
			size_t to = round == 0 ? i + 1 : round == 1 ? i : (i + n / 2) % n;

			t.endpoints[i].ip = nsn_ip_add(&t.gateway, 1 + to);
			t.endpoints[i].ip6 = nsn_ip_add(&t.gateway6, 1 + to);
		}
		assert_int_equal(nsn_store_tenant_update(env->s, &t, NULL), 0);
		check_stored(env, &t);
	}
	nsn_tenant_clear(&t);
}

enum wrong {
	UPDATE_UNKNOWN,
	UPDATE_HOST_BITS,
	UPDATE_TWICE,
	UPDATE_OUTSIDE,
	UPDATE_NO_IP6,
	UPDATE_MTU,
	UPDATE_LABEL,
	UPDATE_OWNER,
	UPDATE_FOREIGN_ENDPOINT,
	UPDATE_OTHERS_OUTSIDE,
	UPDATE_OTHERS_ADDRESS,
	UPDATE_WRONGS
};

static void spoil(struct nsn_tenant *t, enum wrong what)
{
	switch (what) {
	case UPDATE_UNKNOWN:
		t->id = 4711;
		break;
	case UPDATE_HOST_BITS:
		t->subnet.len = 8;
		break;
	case UPDATE_TWICE:
		t->endpoints[1].ip = t->endpoints[0].ip;
		break;
	case UPDATE_OUTSIDE:
		t->endpoints[1].ip = nsn_ip_add(&t->endpoints[1].ip, 256);
		break;
	case UPDATE_NO_IP6:
		t->endpoints[1].ip6 = (struct nsn_ip){0};
		break;
	case UPDATE_MTU:
		t->mtu = 1279;
		break;
	case UPDATE_LABEL:
		t->labels[0].value[0] = ' ';
		break;
	case UPDATE_OWNER:
		t->owners[1] = t->owners[0];
		break;
	case UPDATE_FOREIGN_ENDPOINT:
		t->endpoints[2].id = 1; /* another tenant's */
		break;
	case UPDATE_OTHERS_OUTSIDE:
		/* The one it does not know of stays behind. */
		nsn_tenant_endpoint_del(t, 2);
		t->subnet.len = 30;
		t->endpoints[0].ip = nsn_ip_add(&t->gateway, 1);
		t->endpoints[1].ip = nsn_ip_add(&t->gateway, 2);
		break;
	case UPDATE_OTHERS_ADDRESS:
		t->endpoints[0].ip = t->endpoints[2].ip;
		nsn_tenant_endpoint_del(t, 2);
		break;
	case UPDATE_WRONGS:
		break;
	}
}

static void an_update_that_fails_changes_nothing(void **state)
{
	static const int codes[UPDATE_WRONGS] = {
		[UPDATE_UNKNOWN] = -ENOENT,
		[UPDATE_HOST_BITS] = -EINVAL,
		[UPDATE_TWICE] = -EEXIST,
		[UPDATE_OUTSIDE] = -EINVAL,
		[UPDATE_NO_IP6] = -EINVAL,
		[UPDATE_MTU] = -EINVAL,
		[UPDATE_LABEL] = -EINVAL,
		[UPDATE_OWNER] = -EIO,
		[UPDATE_FOREIGN_ENDPOINT] = -ENOENT,
		[UPDATE_OTHERS_OUTSIDE] = -EINVAL,
		[UPDATE_OTHERS_ADDRESS] = -EEXIST,
	};
	struct env *env = *state;
	struct nsn_tenant t = {0};

	added(env, "other", "10.2.0.0/24", NULL);
	make_full(&t);
	t.endpoints[2].ip = nsn_ip_add(&t.gateway, 40);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
		for (int i = 0; i < UPDATE_WRONGS; i++) {
			struct nsn_tenant bad = {0};
			struct nsnet_err err = {0};

			assert_int_equal(nsn_tenant_copy(&bad, &t, NULL), 0);
			bad.rate = 20000; /* which would be written first */
			spoil(&bad, (enum wrong)i);
			if (in_transaction)
				assert_int_equal(nsn_store_begin(env->s, NULL), 0);
			assert_int_equal(nsn_store_tenant_update(env->s, &bad, &err), codes[i]);
			assert_int_equal(err.code, codes[i]);
			if (in_transaction)
				assert_int_equal(nsn_store_commit(env->s, NULL), 0);
			check_stored(env, &t);
			nsn_tenant_clear(&bad);
		}
	}
	nsn_tenant_clear(&t);
}

/* ---- endpoints -------------------------------------------------------------- */

static void an_endpoint_comes_and_goes(void **state)
{
	struct env *env = *state;
	struct nsn_endpoint e = {.name = "new", .rate = 8000, .fixed = true};
	struct nsn_tenant t = {0};
	struct nsnet_err err = {0};
	uint64_t cookie;

	make_full(&t);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	assert_int_equal(nsn_ip_parse(&e.ip, "10.1.0.77"), 0);
	assert_int_equal(nsn_ip_parse(&e.ip6, "fd00:1::77"), 0);
	assert_int_equal(nsn_store_endpoint_insert(env->s, t.id, &e, &err), 0);
	assert_int_equal(e.id, 4);
	assert_int_equal(e.link, 4);
	assert_true(e.fresh);
	assert_int_equal(nsn_tenant_endpoint_add(&t, &e, NULL), 0);
	check_stored(env, &t);

	for (uint64_t i = 0; i <= 4; i++)
		assert_int_equal(nsn_store_ns_put(env->s, t.id, i, 100 + i, NULL), 0);
	assert_int_equal(nsn_store_endpoint_delete(env->s, t.id, 2, &err), 0);
	nsn_tenant_endpoint_del(&t, 1);
	check_stored(env, &t);
	for (uint64_t i = 0; i <= 4; i++)
		assert_int_equal(nsn_store_ns_get(env->s, t.id, i, &cookie, NULL), i != 2);

	/* One that is not there, one of another tenant, and the gateway's number. */
	assert_int_equal(nsn_store_endpoint_delete(env->s, t.id, 2, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_ENDPOINT);
	assert_int_equal(nsn_store_endpoint_delete(env->s, t.id + 1, 3, &err), -ENOENT);
	assert_int_equal(nsn_store_endpoint_delete(env->s, t.id, 0, &err), -ENOENT);
	assert_int_equal(nsn_store_ns_get(env->s, t.id, 0, &cookie, NULL), 1);
	check_stored(env, &t);
	nsn_tenant_clear(&t);
}

static void an_endpoint_that_does_not_fit_is_not_stored(void **state)
{
	static const struct {
		const char *name, *ip, *ip6;
		int code;
		enum nsnet_code id;
	} cases[] = {
		{"web", "10.1.0.77", "fd00:1::77", -EEXIST, NSNET_E_ENDPOINT_EXISTS},
		{"new", "10.1.0.9", "fd00:1::77", -EEXIST, NSNET_E_ADDRESS_TAKEN},
		{"new", "10.1.0.77", "fd00:1::99", -EEXIST, NSNET_E_ADDRESS_TAKEN},
		{"new", "10.2.0.77", "fd00:1::77", -EINVAL, NSNET_E_INTERNAL},
		{"new", "10.1.0.77", "fd00:2::77", -EINVAL, NSNET_E_INTERNAL},
		{"new", "10.1.0.77", NULL, -EINVAL, NSNET_E_INTERNAL},
		{"new", NULL, "fd00:1::77", -EINVAL, NSNET_E_INTERNAL},
		{"../x", "10.1.0.77", "fd00:1::77", -EINVAL, NSNET_E_INTERNAL},
	};
	struct env *env = *state;
	struct nsn_tenant t = {0};

	make_full(&t);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_endpoint e = {0};
		struct nsnet_err err = {0};

		memcpy(e.name, cases[i].name, strlen(cases[i].name) + 1);
		if (cases[i].ip)
			assert_int_equal(nsn_ip_parse(&e.ip, cases[i].ip), 0);
		if (cases[i].ip6)
			assert_int_equal(nsn_ip_parse(&e.ip6, cases[i].ip6), 0);
		assert_int_equal(nsn_store_endpoint_insert(env->s, t.id, &e, &err), cases[i].code);
		assert_int_equal(err.id, cases[i].id);
		assert_int_equal(e.id, 0);
		assert_int_equal(e.link, 0);
		assert_false(e.fresh);
		assert_int_equal(nsn_store_endpoint_insert(env->s, 4711, &e, &err), -ENOENT);
		assert_int_equal(err.id, NSNET_E_NO_TENANT);
		check_stored(env, &t);
	}
	nsn_tenant_clear(&t);
}

static void an_endpoint_rolled_back_uses_up_its_numbers_or_not(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};

	add(env, &t, "blue", "10.1.0.0/24");
	for (uint64_t used = 0; used < 2; used++) {
		struct nsn_endpoint e = {.name = "new", .ip = nsn_ip_add(&t.gateway, 9)};

		assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		assert_int_equal(nsn_store_endpoint_insert(env->s, t.id, &e, NULL), 0);
		assert_int_equal(e.id, 2);
		assert_int_equal(e.link, 2);
		if (used)
			nsn_store_rollback(env->s);
		else
			nsn_store_rollback_unused(env->s);
		check_stored(env, &t);
		e.id = e.link = 0;
		assert_int_equal(raw_number(env, "SELECT last_link FROM meta"), 1 + used);
		assert_int_equal(raw_number(env, "SELECT seq FROM sqlite_sequence "
						 "WHERE name = 'endpoint'"),
				 1 + used);
		assert_int_equal(raw_number(env, "SELECT seq FROM sqlite_sequence "
						 "WHERE name = 'tenant'"),
				 1);
	}
	nsn_tenant_clear(&t);
}

static void a_deleted_tenant_takes_its_settings_with_it(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};

	make_full(&t);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM label"), 2);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM owner"), 2);
	assert_int_equal(nsn_store_tenant_delete(env->s, t.id, NULL), 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM label"), 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM owner"), 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM endpoint"), 0);
	nsn_tenant_clear(&t);
}

/* ---- several processes ------------------------------------------------------ */

#define PROCESSES 16
#define EACH	  4

/* As a command would do it. No assertions in a child: its status tells. */
static int add_one(struct nsn_store *s, unsigned int nr, unsigned int k)
{
	struct nsn_endpoint e = {0};
	struct nsn_tenant t = {0};
	int r;

	(void)snprintf(e.name, sizeof(e.name), "e%u-%u", nr, k);
	r = nsn_store_lock(s, NULL);
	if (r == 0)
		r = nsn_store_begin(s, NULL);
	if (r == 0)
		r = nsn_store_tenant_get(s, "blue", &t, NULL);
	if (r == 0)
		r = nsn_tenant_endpoint_add(&t, &e, NULL);
	if (r == 0)
		r = nsn_tenant_allocate(&t, NULL);
	if (r == 0)
		r = nsn_store_endpoint_insert(s, t.id, &t.endpoints[t.n_endpoints - 1], NULL);
	if (r == 0)
		r = nsn_store_commit(s, NULL);
	nsn_store_rollback(s);
	nsn_store_unlock(s);
	nsn_tenant_clear(&t);
	return r;
}

static void run_adder(const struct env *env, unsigned int nr, int start)
{
	struct nsn_store *s = NULL;
	char go;
	int r;

	if (read(start, &go, 1) != 0) /* all at once: when the other end is closed */
		_exit(1);
	r = nsn_store_open(&s, env->fd, env->dir, BOOT, NULL);
	for (unsigned int k = 0; r == 0 && k < EACH; k++)
		r = add_one(s, nr, k);
	nsn_store_close(s);
	_exit(r < 0 ? 2 : 0);
}

static void sixteen_processes_never_give_an_address_twice(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};
	bool seen[PROCESSES * EACH + 1] = {false};
	pid_t pids[PROCESSES];
	int start[2], status;

	added(env, "blue", "10.1.0.0/24", NULL);
	assert_int_equal(pipe2(start, O_CLOEXEC), 0);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(start[1]);
			run_adder(env, i, start[0]);
		}
	}
	close(start[0]);
	close(start[1]);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(nsn_store_tenant_get(env->s, "blue", &t, NULL), 0);
	assert_int_equal(t.n_endpoints, PROCESSES * EACH + 1);
	for (size_t i = 0; i < t.n_endpoints; i++) {
		unsigned int host = t.endpoints[i].ip.bytes[3];

		assert_in_range(host, 2, PROCESSES * EACH + 2);
		assert_false(seen[host - 2]);
		seen[host - 2] = true;
	}
	nsn_tenant_clear(&t);
}

/* ---- subnets ---------------------------------------------------------------- */

static void put_subnet(struct env *env, size_t nr, const struct nsn_prefix *p)
{
	struct nsn_tenant t = {0};
	char name[16];

	(void)snprintf(name, sizeof(name), "t%zu", nr);
	assert_int_equal(nsn_tenant_init(&t, name, "10.0.0.0/24", NULL), 0);
	if (p->ip.family == AF_INET) {
		t.subnet = *p;
		t.gateway = t.endpoints[0].ip = p->ip;
	} else {
		t.subnet6 = *p;
		t.gateway6 = t.endpoints[0].ip6 = p->ip;
	}
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	nsn_tenant_clear(&t);
}

static void parse_list(const char *text, struct nsn_prefix *ret, size_t *n)
{
	char copy[256], *rest = copy;
	const char *one;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	*n = 0;
	while ((one = strsep(&rest, " ")))
		if (*one)
			assert_int_equal(nsn_prefix_parse(&ret[(*n)++], one), 0);
}

static void the_lowest_free_subnet_is_found(void **state)
{
	static const struct {
		const char *pool;
		uint8_t len;
		const char *tenants, *avoid, *free; /* NULL: none */
	} cases[] = {
		{"10.128.0.0/9", 24, "", "", "10.128.0.0/24"},
		{"10.128.0.0/9", 24, "10.128.0.0/24", "", "10.128.1.0/24"},
		{"10.128.0.0/9", 24, "10.128.1.0/24", "", "10.128.0.0/24"},
		{"10.128.0.0/9", 24, "10.128.0.0/24 10.128.1.0/24 10.128.3.0/24", "",
		 "10.128.2.0/24"},
		{"10.128.0.0/9", 23, "10.128.0.0/24 10.128.3.0/24", "", "10.128.4.0/23"},
		{"10.128.0.0/9", 24, "10.128.0.128/30", "", "10.128.1.0/24"},
		{"10.128.0.0/9", 30, "10.128.0.0/30 10.128.0.8/30", "", "10.128.0.4/30"},
		{"10.128.0.0/9", 24, "10.128.0.0/16 10.128.3.0/24", "", "10.129.0.0/24"},
		{"10.128.0.0/9", 24, "", "10.128.0.0/24", "10.128.1.0/24"},
		/* Not in order, with host bits, of the other family, around the pool. */
		{"10.128.0.0/9", 24, "10.128.1.0/24", "10.128.2.9/24 fd00::/8 10.128.0.1/24",
		 "10.128.3.0/24"},
		{"10.128.0.0/9", 24, "", "10.0.0.0/8", NULL},
		{"10.128.0.0/9", 24, "", "0.0.0.0/0", NULL},
		{"10.128.0.0/9", 24, "10.0.0.0/8", "", NULL},
		{"10.128.0.0/9", 24, "10.128.0.0/9", "", NULL},
		{"10.128.0.0/9", 24, "10.0.0.0/9 11.0.0.0/8", "172.16.0.0/12", "10.128.0.0/24"},
		{"10.128.0.0/23", 24, "10.128.0.0/24", "10.128.1.7/32", NULL},
		{"10.128.0.0/24", 24, "", "", "10.128.0.0/24"},
		{"10.128.0.0/24", 23, "", "", NULL},
		{"10.128.0.0/24", 33, "", "", NULL},
		{"10.128.0.77/24", 30, "", "", "10.128.0.0/30"},
		/* At the end of the address space. */
		{"255.255.255.0/24", 25, "255.255.255.0/25", "", "255.255.255.128/25"},
		{"255.255.255.0/24", 25, "255.255.255.0/25", "255.255.255.255/32", NULL},
		{"fd00:1::/48", 64, "", "", "fd00:1::/64"},
		{"fd00:1::/48", 64, "fd00:1::/64 fd00:1:0:2::/64", "fd00:1:0:1::5/128",
		 "fd00:1:0:3::/64"},
		{"fd00:1::/48", 64, "fd00:1::/48", "", NULL},
		{"fd00:1::/48", 64, "fd00::/16", "", NULL},
		{"fd00:1::/48", 64, "10.128.0.0/9", "10.0.0.0/8", "fd00:1::/64"},
		{"fd00:1:0:fffe::/63", 64, "fd00:1:0:fffe::/64", "", "fd00:1:0:ffff::/64"},
		{"fd00:1:0:fffe::/63", 64, "fd00:1:0:fffe::/64 fd00:1:0:ffff::1:0/112", "", NULL},
	};
	struct env *env = *state;
	char buf[NSN_PREFIX_STRLEN];

	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_prefix pool, used[8], avoid[8], found, before;
		size_t n_used, n_avoid;

		assert_int_equal(open_store(env, NULL), 0);
		parse_list(cases[i].tenants, used, &n_used);
		parse_list(cases[i].avoid, avoid, &n_avoid);
		assert_int_equal(nsn_prefix_parse(&pool, cases[i].pool), 0);
		for (size_t k = 0; k < n_used; k++)
			put_subnet(env, k, &used[k]);
		memset(&found, 0x5a, sizeof(found));
		before = found;
		assert_int_equal(nsn_store_free_subnet(env->s, &pool, cases[i].len, avoid, n_avoid,
						       &found, NULL),
				 cases[i].free != NULL);
		if (cases[i].free)
			assert_string_equal(nsn_prefix_str(&found, buf), cases[i].free);
		else
			assert_memory_equal(&found, &before, sizeof(found));
		nsn_store_close(env->s);
		env->s = NULL;
		drop_db(env);
	}
}

/* A small pool, so that there are nestings, and so that it runs out. */
static struct nsn_prefix random_prefix(uint8_t family)
{
	struct nsn_prefix p = {0};
	size_t at = family == AF_INET ? 2 : 6;

	assert_int_equal(nsn_ip_parse(&p.ip, family == AF_INET ? "10.128.0.0" : "fd00:1::"), 0);
	p.len = (uint8_t)((family == AF_INET ? 20 : 52) + random() % 9);
	p.ip.bytes[at] = (uint8_t)(random() % 32); /* half of it is outside of the pool */
	p.ip.bytes[at + 1] = (uint8_t)random();
	p.ip = nsn_prefix_network(&p);
	return p;
}

static bool any_overlaps(const struct nsn_prefix *list, size_t n, const struct nsn_prefix *p)
{
	for (size_t i = 0; i < n; i++)
		if (nsn_prefix_overlap(&list[i], p))
			return true;
	return false;
}

static void check_against_search(struct env *env, const struct nsn_prefix *used, size_t n_used,
				 uint8_t family)
{
	struct nsn_prefix pool = {.len = family == AF_INET ? 20 : 52}, avoid[6], got = {0};
	struct nsn_prefix one = {.len = (uint8_t)(pool.len + random() % 9)};
	size_t n_avoid = (size_t)random() % NSN_COUNT(avoid);
	bool found = false;
	int r;

	assert_int_equal(nsn_ip_parse(&pool.ip, family == AF_INET ? "10.128.0.0" : "fd00:1::"), 0);
	for (size_t i = 0; i < n_avoid; i++) {
		avoid[i] = random_prefix(family);
		avoid[i].len += 3;
	}
	one.ip = pool.ip;
	for (size_t i = 0; !found && i < UINT64_C(1) << (one.len - pool.len); i++) {
		if (i > 0) {
			one.ip = nsn_prefix_last(&one);
			one.ip = nsn_ip_add(&one.ip, 1);
		}
		found = !any_overlaps(used, n_used, &one) && !any_overlaps(avoid, n_avoid, &one);
	}
	r = nsn_store_free_subnet(env->s, &pool, one.len, avoid, n_avoid, &got, NULL);
	assert_int_equal(r, found);
	if (found)
		assert_int_equal(nsn_prefix_cmp(&got, &one), 0);
}

static void free_subnets_are_those_that_a_search_of_all_finds(void **state)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct env *env = *state;

	srandom(7);
	for (size_t round = 0; round < 6; round++) {
		const uint8_t family = families[round % 2];
		struct nsn_prefix used[40];

		assert_int_equal(open_store(env, NULL), 0);
		for (size_t i = 0; i < NSN_COUNT(used); i++) {
			do
				used[i] = random_prefix(family);
			while (used[i].len < (family == AF_INET ? 24 : 56));
			put_subnet(env, i, &used[i]);
			for (size_t k = 0; k < 20; k++)
				check_against_search(env, used, i + 1, family);
		}
		nsn_store_close(env->s);
		env->s = NULL;
		drop_db(env);
	}
}

static void an_ip6_overlap_is_found_around_inside_and_equal(void **state)
{
	static const struct {
		const char *asked, *found; /* NULL: none */
	} cases[] = {
		{"fd00:1:0:5::/64", "t0"},  {"fd00:1::/48", "t0"},
		{"fd00::/16", "t0"},	    {"fd00:2::/48", NULL},
		{"fd00:9::4/126", "t1"},    {"fd00:9::/126", NULL},
		{"fd00:9::8/126", NULL},    {"fd00:9::/64", "t1"},
		{"fd00:9::5/128", "t1"},    {"::/0", "t0"},
		{"10.0.0.0/25", "t0"},	    {"10.1.0.0/16", NULL},
		{"fd00:1:0:5::/127", "t0"},
	};
	struct env *env = *state;

	for (size_t i = 0; i < 2; i++) {
		struct nsn_prefix p;

		assert_int_equal(nsn_prefix_parse(&p, i ? "fd00:9::4/126" : "fd00:1::/48"), 0);
		put_subnet(env, i, &p);
	}
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		char name[NSN_NAME_MAX + 1] = "";
		struct nsn_prefix p, subnet;

		assert_int_equal(nsn_prefix_parse(&p, cases[i].asked), 0);
		assert_int_equal(nsn_store_overlap(env->s, &p, 0, name, &subnet, NULL),
				 cases[i].found != NULL);
		assert_string_equal(name, cases[i].found ? cases[i].found : "");
		if (cases[i].found)
			assert_true(nsn_prefix_overlap(&p, &subnet));
	}
	/* A tenant without IPv6 is in nobody's way. */
	assert_int_equal(raw_number(env, "SELECT count(*) FROM tenant WHERE first6 IS NULL"), 0);
}

int main(void)
{
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)
#define STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORE(a_tenant_with_everything_comes_back),
		STORE(labels_and_owners_in_a_list_are_those_of_each),
		EMPTY(a_store_of_schema_2_is_migrated_with_what_is_in_it),
		STORE(the_database_itself_refuses_what_cannot_be),
		STORE(an_update_writes_all_settings),
		STORE(addresses_can_be_shifted),
		STORE(an_update_that_fails_changes_nothing),
		STORE(an_endpoint_comes_and_goes),
		STORE(an_endpoint_that_does_not_fit_is_not_stored),
		STORE(an_endpoint_rolled_back_uses_up_its_numbers_or_not),
		STORE(a_deleted_tenant_takes_its_settings_with_it),
		STORE(sixteen_processes_never_give_an_address_twice),
		EMPTY(the_lowest_free_subnet_is_found),
		EMPTY(free_subnets_are_those_that_a_search_of_all_finds),
		STORE(an_ip6_overlap_is_found_around_inside_and_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
