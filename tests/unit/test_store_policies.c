/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_env.h"

#include <sys/socket.h>
#include <time.h>

#include "../../lib/store/policies.h"

static const char sha256[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/* ---- making them ------------------------------------------------------------ */

/* Words with spaces between them. */
static size_t parse_peers(struct nsn_peer **ret, const char *text)
{
	struct nsn_peer *peers = calloc(NSN_LIST_MAX + 1, sizeof(*peers));
	char copy[2048], *rest = copy;
	const char *one;
	size_t n = 0;

	assert_non_null(peers);
	(void)snprintf(copy, sizeof(copy), "%s", text);
	while ((one = strsep(&rest, " ")))
		assert_int_equal(nsn_peer_parse(&peers[n++], one, NULL), 0);
	*ret = peers;
	return n;
}

static size_t parse_ports(struct nsn_ports **ret, const char *text)
{
	struct nsn_ports *ports = calloc(NSN_LIST_MAX + 1, sizeof(*ports));
	char copy[2048], *rest = copy;
	const char *one;
	size_t n = 0;

	assert_non_null(ports);
	(void)snprintf(copy, sizeof(copy), "%s", text);
	while ((one = strsep(&rest, " ")))
		assert_int_equal(nsn_ports_parse(&ports[n++], one, NULL), 0);
	*ret = ports;
	return n;
}

static void make(struct nsn_policy *p, const char *name, const char *from, const char *to,
		 const char *ports)
{
	*p = (struct nsn_policy){0};
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	p->n_from = parse_peers(&p->from, from);
	p->n_to = parse_peers(&p->to, to);
	p->n_ports = parse_ports(&p->ports, ports);
}

static void fill(char *out, size_t size, char c)
{
	memset(out, c, size - 1);
	out[size - 1] = '\0';
}

/* Everything is there, and as long or as large as it may be. */
static void make_full(struct nsn_policy *p)
{
	make(p, "full",
	     "zz aa/db label:tier=gold tenants internet host any 192.168.0.0/16 10.9.8.7",
	     "fd00:7::/64 2001:db8::5 aa zz/default label:a.b-c=D_e.f-1",
	     "tcp/443 udp/53 tcp/8000-8100 tcp udp sctp sctp/1-65535 icmp/echo icmp any tcp/65535");
	p->deny = true;
	p->audit = true;
	p->log = NSN_LOG_ALL;
	fill(p->because, sizeof(p->because), 'b');
	memcpy(p->because, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80'\"%s;--", 16);
	fill(p->owner, sizeof(p->owner), 'o');
	p->expires = INT64_MAX;
	fill(p->origin.set, sizeof(p->origin.set), 's');
	fill(p->origin.file, sizeof(p->origin.file), 'f');
	p->origin.line = UINT32_MAX;
	memcpy(p->origin.sha256, sha256, sizeof(sha256));
	p->origin.uid = UINT32_MAX;
	p->origin.at = INT64_MIN;
	assert_int_equal(nsn_publish_parse(&p->publish,
					   "[2001:db8:1111:2222:3333:4444:5555:6666]:65535", NULL),
			 0);
	p->implied = true;
}

static void put(struct env *env, const char *name, const char *from, const char *to)
{
	struct nsnet_err err = {0};
	struct nsn_policy p;

	make(&p, name, from, to, "any");
	assert_int_equal(nsn_store_policy_insert(env->s, &p, &err), 0);
	nsn_policy_clear(&p);
}

static void check_origin(const struct nsn_origin *a, const struct nsn_origin *b)
{
	assert_string_equal(a->set, b->set);
	assert_string_equal(a->file, b->file);
	assert_int_equal(a->line, b->line);
	assert_string_equal(a->sha256, b->sha256);
	assert_int_equal(a->uid, b->uid);
	assert_true(a->at == b->at);
}

static void check_same(const struct nsn_policy *a, const struct nsn_policy *b)
{
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->number, b->number);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->deny, b->deny);
	assert_int_equal(a->audit, b->audit);
	assert_int_equal(a->log, b->log);
	assert_string_equal(a->because, b->because);
	assert_string_equal(a->owner, b->owner);
	assert_true(a->expires == b->expires);
	check_origin(&a->origin, &b->origin);
	assert_true(nsn_publish_same(&a->publish, &b->publish));
	assert_int_equal(a->implied, b->implied);
	assert_int_equal(a->n_from, b->n_from);
	assert_int_equal(a->n_to, b->n_to);
	assert_int_equal(a->n_ports, b->n_ports);
	for (size_t i = 0; i < a->n_from; i++)
		assert_true(nsn_peer_same(&a->from[i], &b->from[i]));
	for (size_t i = 0; i < a->n_to; i++)
		assert_true(nsn_peer_same(&a->to[i], &b->to[i]));
	for (size_t i = 0; i < a->n_ports; i++)
		assert_true(nsn_ports_same(&a->ports[i], &b->ports[i]));
}

static void check_stored(struct env *env, const struct nsn_policy *p)
{
	struct nsn_policy got = {0};
	struct nsnet_err err = {0};

	assert_int_equal(nsn_store_policy_get(env->s, p->name, &got, &err), 0);
	check_same(&got, p);
	nsn_policy_clear(&got);
}

/* ---- policies --------------------------------------------------------------- */

static void a_policy_with_everything_comes_back(void **state)
{
	struct env *env = *state;
	struct nsn_policy p;

	put(env, "other", "blue", "red");
	make_full(&p);
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	assert_int_equal(p.id, 2);
	assert_int_equal(p.number, 2);
	check_stored(env, &p);
	reopen(env, BOOT2);
	check_stored(env, &p);
	nsn_policy_clear(&p);
}

static void each_field_is_kept_apart_from_the_others(void **state)
{
	struct env *env = *state;

	for (int field = 0; field < 14; field++) {
		struct nsn_policy p;

		make(&p, "one", "blue", "red", "tcp/80");
		(void)snprintf(p.name, sizeof(p.name), "p%d", field);
		p.deny = field == 0;
		p.audit = field == 1;
		p.log = field == 2 ? NSN_LOG_NEW : field == 3 ? NSN_LOG_ALL : NSN_LOG_NONE;
		memcpy(p.because, "why", field == 4 ? 4 : 0);
		memcpy(p.owner, "who", field == 5 ? 4 : 0);
		p.expires = field == 6 ? -7 : 0;
		memcpy(p.origin.set, "set", field == 7 ? 4 : 0);
		memcpy(p.origin.file, "a\x1b\xff/b", field == 8 ? 6 : 0);
		p.origin.line = field == 9 ? 5 : 0;
		p.origin.uid = field == 10 ? 1000 : 0;
		p.origin.at = field == 11 ? 1700000000 : 0;
		p.publish.port = field == 12 ? 443 : 0;
		p.implied = field == 13;
		assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
		check_stored(env, &p);
		nsn_policy_clear(&p);
	}
}

static void publish(struct env *env, const char *name, const char *what)
{
	struct nsn_policy p;

	make(&p, name, "internet", "aa/db", "tcp/443");
	assert_int_equal(nsn_publish_parse(&p.publish, what, NULL), 0);
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	check_stored(env, &p);
	nsn_policy_clear(&p);
}

static void who_has_a_port_is_found_whatever_the_address(void **state)
{
	struct nsn_policy_list list = {0};
	struct env *env = *state;
	struct nsn_policy p;

	put(env, "none", "aa", "bb");
	publish(env, "bare", "443");
	publish(env, "four", "203.0.113.10:443");
	publish(env, "six", "[2001:db8::443]:443");
	publish(env, "longer", "4430");
	publish(env, "other", "1443");
	publish(env, "six-other", "[2001:db8::443]:80");
	assert_int_equal(nsn_store_policy_list_published(env->s, 443, &list, NULL), 0);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.policies[0].name, "bare");
	assert_string_equal(list.policies[1].name, "four");
	assert_string_equal(list.policies[2].name, "six");
	nsn_policy_list_clear(&list);
	/* What is half filled in would not come back as it was. */
	make(&p, "half", "internet", "aa/db", "tcp/443");
	p.publish.ip = (struct nsn_ip){AF_INET, {10, 0, 0, 1}};
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), -EINVAL);
	nsn_policy_clear(&p);
	raw_sql(env, "UPDATE policy SET publish = '443/udp' WHERE name = 'bare'", true);
	assert_int_equal(nsn_store_policy_get(env->s, "bare", &p, NULL), -EIO);
}

/* As the version before made it, with all that a rule had then. */
static void rules_of_the_version_before_publish_nothing(void **state)
{
	struct env *env = *state;
	struct nsn_policy p, got = {0};

	make_full(&p);
	p.publish = (struct nsn_publish){0};
	p.implied = false;
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	nsn_store_close(env->s);
	env->s = NULL;
	raw_sql(env,
		"PRAGMA writable_schema = ON;"
		"DELETE FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'kept_*'",
		true);
	raw_sql(env,
		"ALTER TABLE policy DROP COLUMN publish; ALTER TABLE policy DROP COLUMN implied;"
		"ALTER TABLE tenant DROP COLUMN dns; DROP TABLE uplink; DROP TABLE host_setting;"
		"DROP TABLE unconfirmed; DROP TABLE kept_row; DROP TABLE kept_state;"
		"PRAGMA user_version = 5;",
		true);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(nsn_store_schema(env->s), 6);
	check_stored(env, &p);
	assert_int_equal(nsn_publish_parse(&p.publish, "8443", NULL), 0);
	assert_int_equal(nsn_store_policy_update(env->s, &p, NULL), 0);
	check_stored(env, &p);
	assert_int_equal(nsn_store_policy_get(env->s, "full", &got, NULL), 0);
	assert_int_equal(got.publish.port, 8443);
	nsn_policy_clear(&got);
	nsn_policy_clear(&p);
}

static void lists_are_as_long_as_they_may_be_and_in_their_order(void **state)
{
	struct env *env = *state;
	struct nsn_policy p;

	make(&p, "long", "any", "any", "any");
	for (size_t i = 0; i < NSN_LIST_MAX; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "t%zu", i);
		assert_int_equal(nsn_peer_parse(&p.from[i], text, NULL), 0);
		(void)snprintf(text, sizeof(text), "10.0.0.%zu", 200 - i);
		assert_int_equal(nsn_peer_parse(&p.to[i], text, NULL), 0);
		(void)snprintf(text, sizeof(text), "tcp/%zu", 900 - i);
		assert_int_equal(nsn_ports_parse(&p.ports[i], text, NULL), 0);
	}
	p.n_from = p.n_to = p.n_ports = NSN_LIST_MAX;
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	check_stored(env, &p);
	nsn_policy_clear(&p);
}

static void a_name_is_taken_once(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_policy p, first;

	make_full(&first);
	assert_int_equal(nsn_store_policy_insert(env->s, &first, NULL), 0);
	make(&p, "full", "blue", "red", "any");
	assert_int_equal(nsn_store_policy_insert(env->s, &p, &err), -EEXIST);
	assert_int_equal(err.id, NSNET_E_RULE_EXISTS);
	assert_string_equal(err.msg, "rule 'full' exists");
	assert_int_equal(p.id, 0);
	check_stored(env, &first);
	nsn_policy_clear(&first);
	nsn_policy_clear(&p);
}

static void an_update_replaces_all_but_the_id_and_the_number(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_policy p, full, other;

	make(&other, "other", "aa", "bb", "tcp/1");
	assert_int_equal(nsn_store_policy_insert(env->s, &other, NULL), 0);
	make_full(&full);
	assert_int_equal(nsn_store_policy_update(env->s, &full, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_RULE);
	assert_string_equal(err.msg, "there is no rule 'full'");
	assert_int_equal(full.id, 0);

	make(&p, "full", "blue", "red", "udp/5");
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	assert_int_equal(nsn_store_policy_update(env->s, &full, NULL), 0);
	assert_int_equal(full.id, p.id);
	assert_int_equal(full.number, p.number);
	assert_int_equal(full.number, 2);
	check_stored(env, &full);
	p.id = 0;
	p.number = 1; /* the other's */
	assert_int_equal(nsn_store_policy_update(env->s, &p, NULL), 0);
	assert_int_equal(p.id, full.id);
	check_stored(env, &p);
	check_stored(env, &other);
	nsn_policy_clear(&full);
	nsn_policy_clear(&other);
	nsn_policy_clear(&p);
}

/* The row is in by then, and the old parts are out. */
static void what_fails_half_way_changes_nothing(void **state)
{
	struct env *env = *state;
	struct nsn_policy p, full;

	make(&p, "full", "blue", "red", "udp/5");
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	raw_sql(env,
		"CREATE TRIGGER t BEFORE INSERT ON policy_part WHEN new.part = 'ports'"
		" BEGIN SELECT raise(ABORT, 'no'); END",
		false);
	make_full(&full);
	for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
		if (in_transaction)
			assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		memcpy(full.name, "full", 5);
		assert_true(nsn_store_policy_update(env->s, &full, NULL) < 0);
		memcpy(full.name, "new1", 5);
		assert_true(nsn_store_policy_insert(env->s, &full, NULL) < 0);
		if (in_transaction)
			assert_int_equal(nsn_store_commit(env->s, NULL), 0);
		assert_int_equal(full.id, 0);
		assert_int_equal(full.number, 0);
		check_stored(env, &p);
		assert_int_equal(raw_number(env, "SELECT count(*) FROM policy"), 1);
		assert_int_equal(raw_number(env, "SELECT count(*) FROM policy_part"), 3);
		assert_int_equal(raw_number(env, "SELECT generation FROM meta"), 1);
	}
	nsn_policy_clear(&full);
	nsn_policy_clear(&p);
}

static void a_deleted_policy_is_gone_and_its_id_is_not_given_again(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_policy p, got = {0};

	put(env, "web-to-db", "blue", "red");
	make(&p, "dns", "tenants", "blue", "udp/53");
	for (uint64_t id = 2; id < 5; id++) {
		assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
		assert_int_equal(p.id, id);
		assert_int_equal(nsn_store_policy_delete(env->s, "dns", NULL), 0);
	}
	assert_int_equal(nsn_store_policy_get(env->s, "dns", &got, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_RULE);
	assert_string_equal(err.hint, "");
	assert_int_equal(nsn_store_policy_delete(env->s, "web-to-bd", &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_RULE);
	assert_string_equal(err.hint, "did you mean web-to-db?");
	assert_int_equal(nsn_store_policy_get(env->s, "x' OR '1", &got, &err), -ENOENT);
	assert_string_equal(err.msg, "there is no rule 'x\\x27 OR \\x271'");
	assert_int_equal(nsn_store_policy_delete(env->s, "dns", NULL), -ENOENT);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM policy_part"), 3);
	assert_null(got.from);
	nsn_policy_clear(&p);
}

/* ---- numbers ---------------------------------------------------------------- */

static uint32_t number_of(struct env *env, const char *name)
{
	struct nsn_policy p = {0};
	uint32_t number;

	assert_int_equal(nsn_store_policy_get(env->s, name, &p, NULL), 0);
	number = p.number;
	nsn_policy_clear(&p);
	return number;
}

static uint32_t put_number(struct env *env, const char *name)
{
	put(env, name, "blue", "red");
	return number_of(env, name);
}

static void gone(struct env *env, const char *name)
{
	assert_int_equal(nsn_store_policy_delete(env->s, name, NULL), 0);
}

static void a_policy_gets_the_lowest_number_that_is_free(void **state)
{
	static const char *const names[] = {"p1", "p2", "p3", "p4", "p5", "p6"};
	struct env *env = *state;

	for (uint32_t i = 0; i < NSN_COUNT(names); i++)
		assert_int_equal(put_number(env, names[i]), i + 1);
	gone(env, "p4");
	gone(env, "p2");
	assert_int_equal(put_number(env, "q2"), 2);
	gone(env, "p1");
	assert_int_equal(put_number(env, "q1"), 1);
	reopen(env, BOOT2);
	assert_int_equal(put_number(env, "q4"), 4);
	gone(env, "p6"); /* the highest */
	assert_int_equal(put_number(env, "q6"), 6);
	assert_int_equal(put_number(env, "q7"), 7);
	assert_int_equal(number_of(env, "p3"), 3);
	assert_int_equal(number_of(env, "p5"), 5);

	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	gone(env, "p3");
	assert_int_equal(put_number(env, "q3"), 3);
	assert_int_equal(put_number(env, "q8"), 8);
	nsn_store_rollback(env->s);
	assert_int_equal(number_of(env, "p3"), 3);
	assert_int_equal(put_number(env, "q9"), 8);
	assert_int_equal(raw_number(env, "SELECT count(DISTINCT number) FROM policy"), 8);
}

/* As if they had been stored: all numbers but those of @but. */
static void fill_numbers(const struct env *env, const char *but)
{
	char sql[512];

	(void)snprintf(
		sql, sizeof(sql),
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		"  WHERE i < 65000) "
		"INSERT INTO policy (number, name, deny, audit, log, because, owner, expires,"
		"  set_name, file, line, sha256, uid, at) "
		"SELECT i, 'n' || i, 0, 0, 'none', '', '', 0, '', '', 0, '', 0, 0 FROM n "
		"WHERE i NOT IN (%s)",
		but);
	raw_sql(env, sql, false);
}

static void when_all_numbers_are_taken_there_is_none(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_policy p;

	fill_numbers(env, "33333, 64999, 65000");
	assert_int_equal(put_number(env, "aa"), 33333);
	assert_int_equal(put_number(env, "bb"), 64999);
	assert_int_equal(put_number(env, "cc"), NSN_NUMBER_MAX);
	make(&p, "dd", "blue", "red", "any");
	for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
		if (in_transaction)
			assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		assert_int_equal(nsn_store_policy_insert(env->s, &p, &err), -ENOSPC);
		assert_int_equal(err.id, NSNET_E_TOO_MANY);
		assert_string_equal(err.msg,
				    "there are 65000 rules already, and no number for one more");
		if (in_transaction)
			assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	}
	assert_int_equal(p.number, 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM policy"), 65000);
	assert_int_equal(raw_number(env, "SELECT generation FROM meta"), 3);
	memcpy(p.name, "bb", 3);
	assert_int_equal(nsn_store_policy_update(env->s, &p, NULL), 0);
	assert_int_equal(p.number, 64999);
	gone(env, "aa");
	memcpy(p.name, "dd", 3);
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	assert_int_equal(p.number, 33333);
	nsn_policy_clear(&p);
}

/* ---- lists ------------------------------------------------------------------ */

static void check_names(struct nsn_policy_list *list, const char *names)
{
	char got[256] = "";

	for (size_t i = 0; i < list->n; i++)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "",
			       list->policies[i].name);
	assert_string_equal(got, names);
	nsn_policy_list_clear(list);
	assert_null(list->policies);
}

static void a_list_is_by_name(void **state)
{
	static const char *const names[] = {"mm", "zz", "a-b", "qq", "a1"};
	struct env *env = *state;
	struct nsn_policy_list list = {0};

	assert_int_equal(nsn_store_policy_list(env->s, &list, NULL), 0);
	assert_int_equal(list.n, 0);
	for (size_t i = 0; i < NSN_COUNT(names); i++)
		put(env, names[i], names[i], "red");
	assert_int_equal(nsn_store_policy_list(env->s, &list, NULL), 0);
	for (size_t i = 0; i < list.n; i++) {
		assert_int_equal(list.policies[i].n_from, 1);
		assert_string_equal(list.policies[i].from[0].tenant, list.policies[i].name);
	}
	check_names(&list, "a-b a1 mm qq zz");
}

static void a_list_of_a_set_has_that_set_alone(void **state)
{
	static const char *const sets[] = {"shop", "", "shop2", "shop", ""};
	struct env *env = *state;
	struct nsn_policy_list list = {0};

	for (size_t i = 0; i < NSN_COUNT(sets); i++) {
		struct nsn_policy p;

		make(&p, "xx", "blue", "red", "any");
		p.name[1] = (char)('9' - i);
		memcpy(p.origin.set, sets[i], strlen(sets[i]) + 1);
		assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
		nsn_policy_clear(&p);
	}
	assert_int_equal(nsn_store_policy_list_set(env->s, "shop", &list, NULL), 0);
	check_names(&list, "x6 x9");
	assert_int_equal(nsn_store_policy_list_set(env->s, "", &list, NULL), 0);
	check_names(&list, "x5 x8");
	assert_int_equal(nsn_store_policy_list_set(env->s, "Shop", &list, NULL), 0);
	check_names(&list, "");
}

static void a_policy_names_a_tenant_as_a_whole_or_one_endpoint(void **state)
{
	static const struct {
		const char *tenant, *policies;
	} cases[] = {
		{"blue", "both end from mixed to"},
		{"blu", ""},
		{"blue0", "longer"},
		{"blue-", ""},
		{"red", "both end ends from"},
		{"tcp", "proto"}, /* a good name for a tenant, and not its ports */
		{"udp", ""},
		{"web", ""},
		{"gold", ""},
		{"nobody", ""},
		{"", ""},
		{"%", ""},
	};
	struct env *env = *state;
	struct nsn_policy p;

	put(env, "from", "blue", "red");
	put(env, "to", "any", "blue");
	put(env, "end", "blue/web", "red");
	put(env, "ends", "red/blue", "green");
	put(env, "both", "blue/web blue blue/db", "blue red");
	put(env, "mixed", "10.0.0.0/8 blue", "label:blue=gold");
	put(env, "longer", "blue0 blues blue-a", "bluf");
	put(env, "other", "label:tier=blue tenants internet host", "any");
	put(env, "proto", "tcp", "any");
	make(&p, "udp", "green", "any", "udp");
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
	nsn_policy_clear(&p);
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_policy_list list = {0};

		assert_int_equal(nsn_store_policy_list_tenant(env->s, cases[i].tenant, &list, NULL),
				 0);
		check_names(&list, cases[i].policies);
	}
}

static double seconds(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 0.15 s, 11 s under valgrind: the limit is there for what grows with the square. */
static void a_thousand_policies_are_stored_and_listed_quickly(void **state)
{
	struct env *env = *state;
	struct nsn_policy_list list = {0};
	double start = seconds();

	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		char name[16], from[32];

		(void)snprintf(name, sizeof(name), "p%u", 9999 - i * 7 % 1000);
		(void)snprintf(from, sizeof(from), "t%u t%u/web", i, i + 1);
		put(env, name, from, "shared/dns 10.0.0.0/8 label:tier=gold");
	}
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	assert_int_equal(nsn_store_policy_list(env->s, &list, NULL), 0);
	assert_int_equal(list.n, 1000);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM policy"
					 " WHERE number BETWEEN 1 AND 1000"),
			 1000);
	for (size_t i = 0; i < list.n; i++) {
		assert_int_equal(list.policies[i].n_from, 2);
		assert_int_equal(list.policies[i].n_to, 3);
		assert_true(i == 0 || strcmp(list.policies[i - 1].name, list.policies[i].name) < 0);
	}
	nsn_policy_list_clear(&list);
	for (unsigned int i = 0; i < 1000; i += 20) {
		char tenant[16];

		(void)snprintf(tenant, sizeof(tenant), "t%u", i);
		assert_int_equal(nsn_store_policy_list_tenant(env->s, tenant, &list, NULL), 0);
		assert_int_equal(list.n, i == 0 ? 1 : 2);
		nsn_policy_list_clear(&list);
	}
	assert_true(seconds() - start < 60);
}

/* ---- what must not be stored ------------------------------------------------ */

static void text_is_utf8_without_control_characters(void **state)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{"", true},
		{"plain text, ~!@#$%^&*()", true},
		{"\xc2\xa0", true},
		{"\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true},
		{"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
		{"a\nb", false},
		{"a\tb", false},
		{"\x1b[31m", false},
		{"\x7f", false},
		{"\x01", false},
		{"\xc2\x80", false}, /* control characters of ISO 8859 */
		{"\xc2\x9b", false},
		{"\xc2\x9f", false},
		{"\x80", false},
		{"\xbf", false},
		{"\xc0\x80", false}, /* too long for what they are */
		{"\xc1\xbf", false},
		{"\xe0\x9f\xbf", false},
		{"\xf0\x8f\xbf\xbf", false},
		{"\xed\xa0\x80", false}, /* half of a pair of UTF-16 */
		{"\xf4\x90\x80\x80", false},
		{"\xf8\x88\x80\x80\x80", false},
		{"\xff", false},
		{"\xc3", false},
		{"\xe2\x82", false},
		{"\xf0\x9f\x98", false},
		{"\xc3(", false},
		{"\xe2\x28\xac", false},
	};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_policy p;

		make(&p, "text", "blue", "red", "any");
		(void)snprintf(i % 2 ? p.because : p.owner, sizeof(p.owner), "%s", cases[i].text);
		assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL),
				 cases[i].ok ? 0 : -EINVAL);
		if (cases[i].ok) {
			check_stored(env, &p);
			assert_int_equal(nsn_store_policy_delete(env->s, "text", NULL), 0);
		}
		nsn_policy_clear(&p);
	}
}

static void spoil(struct nsn_policy *p, int what)
{
	if (what == 0)
		memcpy(p->name, "../x", 5);
	else if (what == 1)
		p->name[0] = '\0';
	else if (what == 2)
		p->n_from = 0;
	else if (what == 3)
		p->n_to = 0;
	else if (what == 4)
		p->n_ports = 0;
	else if (what == 5)
		p->n_from = NSN_LIST_MAX + 1;
	else if (what == 6)
		p->n_to = NSN_LIST_MAX + 1;
	else if (what == 7)
		p->n_ports = NSN_LIST_MAX + 1;
	else if (what == 8)
		memcpy(p->from[1].endpoint, "a b", 4);
	else if (what == 9)
		p->to[0].cidr.len = 8; /* host bits */
	else if (what == 10)
		p->from[0].kind = (enum nsn_peer_kind)99;
	else if (what == 11)
		p->ports[0].last = 1; /* 443 to 1 */
	else if (what == 12)
		p->log = (enum nsn_log)3;
	else if (what == 13)
		memcpy(p->origin.set, "a/b", 4);
	else if (what == 14)
		p->origin.sha256[0] = 'A';
	else
		p->origin.sha256[63] = '\0';
}

static void a_policy_that_was_not_checked_is_not_stored(void **state)
{
	struct env *env = *state;

	for (int what = 0; what < 16; what++) {
		struct nsnet_err err = {0};
		struct nsn_policy p;

		make_full(&p);
		spoil(&p, what);
		if (nsn_store_policy_insert(env->s, &p, &err) != -EINVAL)
			fail_msg("%d was stored", what);
		assert_int_equal(err.id, NSNET_E_INTERNAL);
		assert_int_equal(nsn_store_policy_update(env->s, &p, NULL), -EINVAL);
		assert_int_equal(p.id, 0);
		nsn_policy_clear(&p);
	}
	assert_int_equal(raw_number(env, "SELECT count(*) FROM policy"), 0);
	assert_int_equal(raw_number(env, "SELECT generation FROM meta"), 0);
}

static const char *const damage[] = {
	"UPDATE policy SET name = '../x'",
	"UPDATE policy SET deny = 2",
	"UPDATE policy SET audit = -1",
	"UPDATE policy SET log = 'some'",
	"UPDATE policy SET because = 'a' || char(27)",
	"UPDATE policy SET because = CAST(x'c328' AS TEXT)",
	"UPDATE policy SET because = 'a' || char(0) || 'b'",
	"UPDATE policy SET owner = printf('%256s', 'x')",
	"UPDATE policy SET set_name = '/etc'",
	"UPDATE policy SET file = printf('%256s', 'x')",
	"UPDATE policy SET line = 4294967296",
	"UPDATE policy SET sha256 = 'abc'",
	"UPDATE policy SET sha256 = printf('%64s', 'x')",
	"UPDATE policy SET uid = -1",
	"UPDATE policy SET id = -1",
	"UPDATE policy SET number = 0",
	"UPDATE policy SET number = -1",
	"UPDATE policy SET number = 65001",
	"UPDATE policy SET number = 4294967297",
	"UPDATE policy_part SET text = 'www.example.org' WHERE part = 'from'",
	"UPDATE policy_part SET text = '' WHERE part = 'to'",
	"UPDATE policy_part SET text = 'BLUE' WHERE part = 'to'",
	"UPDATE policy_part SET text = 'tcp/0' WHERE part = 'ports'",
	"UPDATE policy_part SET text = 'blue' WHERE part = 'ports'",
	"UPDATE policy_part SET part = 'via' WHERE part = 'to'",
	"DELETE FROM policy_part WHERE part = 'from'",
	"DELETE FROM policy_part WHERE part = 'to'",
	"DELETE FROM policy_part WHERE part = 'ports'",
	("WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 65)"
	 "INSERT INTO policy_part SELECT 1, 'from', i, 'blue' FROM n"),
	("WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 65)"
	 "INSERT INTO policy_part SELECT 1, 'ports', i, 'any' FROM n"),
};

static void damaged_rows_are_not_handed_out(void **state)
{
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(damage); i++) {
		struct nsn_policy_list list = {0};
		struct nsnet_err err = {0};
		char sql[512];

		assert_int_equal(open_store(env, NULL), 0);
		put(env, "web", "blue", "red");
		(void)snprintf(sql, sizeof(sql), "PRAGMA ignore_check_constraints = 1; %s",
			       damage[i]);
		raw_sql(env, sql, true);
		if (nsn_store_policy_list(env->s, &list, &err) != -EIO)
			fail_msg("handed out: %s", damage[i]);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
		assert_null(list.policies);
		if (i == 0)
			assert_non_null(strstr(err.msg, "a rule in it is damaged"));
		else
			assert_non_null(strstr(err.msg, "the rule 'web' in it is damaged"));
		nsn_store_close(env->s);
		env->s = NULL;
		drop_db(env);
	}
}

static void the_database_itself_refuses_what_cannot_be(void **state)
{
	static const char *const wrong[] = {
		"UPDATE policy SET deny = 2",
		"UPDATE policy SET audit = -1",
		"UPDATE policy SET log = 'some'",
		"UPDATE policy SET line = -1",
		"UPDATE policy SET uid = 4294967296",
		"UPDATE policy SET sha256 = 'abc'",
		"UPDATE policy SET name = 'web'",
		"UPDATE policy SET because = NULL",
		"UPDATE policy SET number = 0 WHERE name = 'web'",
		"UPDATE policy SET number = 65001 WHERE name = 'web'",
		"UPDATE policy SET number = NULL",
		"UPDATE policy SET number = 2 WHERE name = 'web'", /* as dns */
		"UPDATE policy_part SET part = 'via'",
		"UPDATE policy_part SET nr = 65",
		"INSERT INTO policy_part VALUES (1, 'from', 1, 'again')",
		"PRAGMA foreign_keys = 1; INSERT INTO policy_part VALUES (9, 'from', 1, 'blue')",
		"UPDATE quarantine SET who = NULL",
		"UPDATE quarantine SET uid = -1",
		"UPDATE quarantine_keep SET nr = 0",
	};
	struct env *env = *state;
	sqlite3 *db = NULL;
	struct nsn_quarantine q = {0};
	struct nsn_flow flow;

	put(env, "web", "blue", "red");
	put(env, "dns", "blue", "red");
	assert_int_equal(nsn_peer_parse(&q.who, "blue", NULL), 0);
	assert_int_equal(nsn_flow_parse(&flow, "blue -> red", NULL), 0);
	q.keep = &flow;
	q.n_keep = 1;
	assert_int_equal(nsn_store_quarantine_put(env->s, &q, NULL), 0);
	assert_int_equal(sqlite3_open(path_in(env, "nsnet.db"), &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	for (size_t i = 0; i < NSN_COUNT(wrong); i++)
		if (sqlite3_exec(db, wrong[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT)
			fail_msg("not refused: %s", wrong[i]);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- quarantine ------------------------------------------------------------- */

static void make_quarantine(struct nsn_quarantine *q, const char *who, const char *const *keep,
			    size_t n_keep)
{
	*q = (struct nsn_quarantine){.since = 1700000000, .because = "seen at night"};
	assert_int_equal(nsn_peer_parse(&q->who, who, NULL), 0);
	q->keep = calloc(n_keep + 1, sizeof(*q->keep));
	assert_non_null(q->keep);
	for (; q->n_keep < n_keep; q->n_keep++)
		assert_int_equal(nsn_flow_parse(&q->keep[q->n_keep], keep[q->n_keep], NULL), 0);
	memcpy(q->origin.set, "shop", 5);
	memcpy(q->origin.file, "shop.yaml", 10);
	q->origin.line = 12;
	memcpy(q->origin.sha256, sha256, sizeof(sha256));
	q->origin.uid = 1000;
	q->origin.at = 1700000001;
}

static void check_quarantine(const struct nsn_quarantine *a, const struct nsn_quarantine *b)
{
	assert_true(nsn_peer_same(&a->who, &b->who));
	assert_true(a->since == b->since);
	assert_string_equal(a->because, b->because);
	check_origin(&a->origin, &b->origin);
	assert_int_equal(a->n_keep, b->n_keep);
	for (size_t i = 0; i < a->n_keep; i++) {
		assert_true(nsn_peer_same(&a->keep[i].from, &b->keep[i].from));
		assert_true(nsn_peer_same(&a->keep[i].to, &b->keep[i].to));
		assert_true(nsn_ports_same(&a->keep[i].ports, &b->keep[i].ports));
	}
}

/* In the order of their texts. */
static void check_quarantines(struct env *env, const struct nsn_quarantine *want, size_t n)
{
	struct nsn_quarantine_list list = {0};

	assert_int_equal(nsn_store_quarantine_list(env->s, &list, NULL), 0);
	assert_int_equal(list.n, n);
	for (size_t i = 0; i < n; i++)
		check_quarantine(&list.quarantines[i], &want[i]);
	nsn_quarantine_list_clear(&list);
	assert_null(list.quarantines);
}

static void quarantines_come_are_replaced_and_go(void **state)
{
	static const char *const keep[] = {"host -> label:tier=gold tcp/22", "blue/web -> red",
					   "10.0.0.0/8 -> blue icmp/echo"};
	struct env *env = *state;
	struct nsn_quarantine q[3];
	struct nsnet_err err = {0};

	make_quarantine(&q[0], "blue", keep, 0);
	make_quarantine(&q[1], "blue/web", keep, 3);
	make_quarantine(&q[2], "label:tier=gold", keep + 1, 2);
	check_quarantines(env, q, 0);
	for (size_t i = 3; i-- > 0;)
		assert_int_equal(nsn_store_quarantine_put(env->s, &q[i], NULL), 0);
	check_quarantines(env, q, 3);
	reopen(env, BOOT2);
	check_quarantines(env, q, 3);

	q[1].n_keep = 1;
	q[1].since = 0;
	memcpy(q[1].because, "other", 6);
	q[1].origin = (struct nsn_origin){0};
	assert_int_equal(nsn_store_quarantine_put(env->s, &q[1], NULL), 0);
	check_quarantines(env, q, 3);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM quarantine_keep"), 3);

	assert_int_equal(nsn_store_quarantine_delete(env->s, &q[2].who, NULL), 0);
	check_quarantines(env, q, 2);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM quarantine_keep"), 1);
	assert_int_equal(nsn_store_quarantine_delete(env->s, &q[2].who, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_QUARANTINE);
	assert_string_equal(err.msg, "'label:tier=gold' is not in quarantine");
	for (size_t i = 0; i < 3; i++)
		nsn_quarantine_clear(&q[i]);
}

static void a_quarantine_that_was_not_checked_is_not_stored(void **state)
{
	static const char *const whole[] = {"tenants", "internet", "host", "any", "10.0.0.0/8"};
	static const char *const keep[] = {"blue -> red tcp/80-90"};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(whole) + 5; i++) {
		struct nsn_quarantine q;
		struct nsnet_err err = {0};

		make_quarantine(&q, i < NSN_COUNT(whole) ? whole[i] : "blue", keep, 1);
		switch (i) {
		case 5:
			memcpy(q.who.tenant, "a b", 4);
			break;
		case 6:
			memcpy(q.because, "a\nb", 4);
			break;
		case 7:
			q.keep[0].ports.last = 1;
			break;
		case 8:
			memcpy(q.keep[0].to.tenant, "a b", 4);
			break;
		case 9:
			q.origin.sha256[1] = '\0';
			break;
		}
		if (nsn_store_quarantine_put(env->s, &q, &err) != -EINVAL)
			fail_msg("%zu was stored", i);
		assert_int_equal(err.id, NSNET_E_INTERNAL);
		nsn_quarantine_clear(&q);
	}
	check_quarantines(env, NULL, 0);
}

static void damaged_quarantines_are_not_handed_out(void **state)
{
	static const char *const wrong[] = {
		"UPDATE quarantine SET who = 'any'",
		"UPDATE quarantine SET who = 'a b'",
		"UPDATE quarantine SET because = 'a' || char(10)",
		"UPDATE quarantine SET because = printf('%256s', 'x')",
		"UPDATE quarantine SET sha256 = 'x'",
		"UPDATE quarantine SET uid = -1",
		"UPDATE quarantine_keep SET flow = 'blue'",
		"UPDATE quarantine_keep SET flow = ''",
	};
	static const char *const keep[] = {"blue -> red tcp/80-90", "red -> blue"};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(wrong); i++) {
		struct nsn_quarantine_list list = {0};
		struct nsnet_err err = {0};
		struct nsn_quarantine q;
		char sql[256];

		assert_int_equal(open_store(env, NULL), 0);
		make_quarantine(&q, "blue", keep, 2);
		assert_int_equal(nsn_store_quarantine_put(env->s, &q, NULL), 0);
		nsn_quarantine_clear(&q);
		(void)snprintf(sql, sizeof(sql), "PRAGMA ignore_check_constraints = 1; %s",
			       wrong[i]);
		raw_sql(env, sql, true);
		if (nsn_store_quarantine_list(env->s, &list, &err) != -EIO)
			fail_msg("handed out: %s", wrong[i]);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
		assert_null(list.quarantines);
		nsn_store_close(env->s);
		env->s = NULL;
		drop_db(env);
	}
}

/* ---- two connections -------------------------------------------------------- */

static void what_is_committed_is_seen_by_others_and_not_before(void **state)
{
	struct env *env = *state;
	struct env other = *env;
	struct nsn_policy_list list = {0};
	static const char *const keep[] = {"host -> blue tcp/22"};
	struct nsn_quarantine q;
	struct nsn_policy p;

	other.s = NULL;
	assert_int_equal(open_store(&other, NULL), 0);
	put(env, "web", "blue", "red");
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	make(&p, "web", "green", "red", "tcp/1");
	assert_int_equal(nsn_store_policy_update(env->s, &p, NULL), 0);
	put(env, "dns", "blue", "red");
	make_quarantine(&q, "blue", keep, 1);
	assert_int_equal(nsn_store_quarantine_put(env->s, &q, NULL), 0);

	assert_int_equal(nsn_store_policy_list(other.s, &list, NULL), 0);
	assert_string_equal(list.policies[0].from[0].tenant, "blue");
	check_names(&list, "web");
	check_quarantines(&other, NULL, 0);
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	check_stored(&other, &p);
	check_quarantines(&other, &q, 1);

	assert_int_equal(nsn_store_begin(other.s, NULL), 0);
	assert_int_equal(nsn_store_policy_delete(other.s, "web", NULL), 0);
	assert_int_equal(nsn_store_quarantine_delete(other.s, &q.who, NULL), 0);
	nsn_store_rollback(other.s);
	check_stored(env, &p);
	check_quarantines(env, &q, 1);
	nsn_quarantine_clear(&q);
	nsn_policy_clear(&p);
	nsn_store_close(other.s);
}

int main(void)
{
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)
#define STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORE(a_policy_with_everything_comes_back),
		STORE(each_field_is_kept_apart_from_the_others),
		STORE(who_has_a_port_is_found_whatever_the_address),
		STORE(rules_of_the_version_before_publish_nothing),
		STORE(lists_are_as_long_as_they_may_be_and_in_their_order),
		STORE(a_name_is_taken_once),
		STORE(an_update_replaces_all_but_the_id_and_the_number),
		STORE(what_fails_half_way_changes_nothing),
		STORE(a_deleted_policy_is_gone_and_its_id_is_not_given_again),
		STORE(a_policy_gets_the_lowest_number_that_is_free),
		STORE(when_all_numbers_are_taken_there_is_none),
		STORE(a_list_is_by_name),
		STORE(a_list_of_a_set_has_that_set_alone),
		STORE(a_policy_names_a_tenant_as_a_whole_or_one_endpoint),
		STORE(a_thousand_policies_are_stored_and_listed_quickly),
		STORE(text_is_utf8_without_control_characters),
		STORE(a_policy_that_was_not_checked_is_not_stored),
		EMPTY(damaged_rows_are_not_handed_out),
		STORE(the_database_itself_refuses_what_cannot_be),
		STORE(quarantines_come_are_replaced_and_go),
		STORE(a_quarantine_that_was_not_checked_is_not_stored),
		EMPTY(damaged_quarantines_are_not_handed_out),
		STORE(what_is_committed_is_seen_by_others_and_not_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
