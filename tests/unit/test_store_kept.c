/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_env.h"

#include "../../lib/store/kept.h"

/*
 * What was wanted before each change, and the change that waits.
 */

static uint64_t generation(struct env *env)
{
	uint64_t n = 0;

	assert_int_equal(nsn_store_generation(env->s, &n, NULL), 0);
	return n;
}

/* One change, as a command makes it. */
static void lock(struct env *env, const char *command)
{
	assert_int_equal(nsn_store_lock(env->s, NULL), 0);
	nsn_store_say(env->s, "", command);
}

static void unlock(struct env *env)
{
	nsn_store_unlock(env->s);
}

static void put_rule(struct env *env, const char *name, const char *port, bool update)
{
	struct nsn_peer from, to;
	struct nsn_ports ports;
	struct nsn_policy p = {.from = &from,
			       .to = &to,
			       .ports = &ports,
			       .n_from = 1,
			       .n_to = 1,
			       .n_ports = 1,
			       .because = "it's \"needed\"; '); DROP TABLE policy; --",
			       .origin = {.set = "web", .file = "web.yaml", .line = 3, .uid = 7}};

	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	assert_int_equal(nsn_peer_parse(&from, "customer1", NULL), 0);
	assert_int_equal(nsn_peer_parse(&to, "customer2/default", NULL), 0);
	assert_int_equal(nsn_ports_parse(&ports, port, NULL), 0);
	if (update)
		assert_int_equal(nsn_store_policy_update(env->s, &p, NULL), 0);
	else
		assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
}

static void put_quarantine(struct env *env, const char *who, const char *because)
{
	struct nsn_flow keep;
	struct nsn_quarantine q = {.since = 5, .keep = &keep, .n_keep = 1};

	assert_int_equal(nsn_flow_parse(&keep, "shared -> customer1 tcp/22", NULL), 0);
	assert_int_equal(nsn_peer_parse(&q.who, who, NULL), 0);
	(void)snprintf(q.because, sizeof(q.because), "%s", because);
	assert_int_equal(nsn_store_quarantine_put(env->s, &q, NULL), 0);
}

static const char all_rows[] =
	"SELECT group_concat(x, char(10)) FROM ("
	"SELECT quote(name)||first||quote(first6)||gateway||mtu||rate||quote(file)||at||quote(dns) "
	"AS x"
	" FROM tenant UNION ALL "
	"SELECT tenant||name||ip||quote(ip6)||fixed||declared||rate FROM endpoint UNION ALL "
	"SELECT tenant||key||value FROM label UNION ALL SELECT tenant||name FROM owner UNION ALL "
	"SELECT id||number||name||quote(because)||set_name||line||expires||publish FROM policy "
	"UNION ALL SELECT policy||part||nr||text FROM policy_part UNION ALL "
	"SELECT who||because||since FROM quarantine UNION ALL "
	"SELECT who||nr||flow FROM quarantine_keep ORDER BY 1)";

/* All of it, as text. Ids too: in the tables it is exactly what it was. */
static char *dump(struct env *env)
{
	sqlite3_stmt *st = NULL;
	struct raw raw;
	char *text;

	raw_open(env, &raw);
	sqlite3_db_config(raw.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(sqlite3_prepare_v2(raw.db, all_rows, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	text = strdup(sqlite3_column_text(st, 0) ? (const char *)sqlite3_column_text(st, 0) : "");
	sqlite3_finalize(st);
	raw_close(&raw);
	assert_non_null(text);
	return text;
}

/* In words of the model, without what is new each time. */
static char *words(const struct nsn_past *past)
{
	char peer[NSN_PEER_STRLEN], ports[NSN_PORTS_STRLEN], flow[NSN_FLOW_STRLEN];
	char net[NSN_PREFIX_STRLEN], ip[NSN_IP_STRLEN];
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < past->tenants.n; i++) {
		const struct nsn_tenant *t = &past->tenants.tenants[i];

		fprintf(f, "%s %llu %s %u %llu %s:%u\n", t->name, (unsigned long long)t->id,
			nsn_prefix_str(&t->subnet, net), t->mtu, (unsigned long long)t->rate,
			t->origin.file, t->origin.line);
		for (size_t k = 0; k < t->n_endpoints; k++)
			fprintf(f, " %s %llu %s %d%d\n", t->endpoints[k].name,
				(unsigned long long)t->endpoints[k].id,
				nsn_ip_str(&t->endpoints[k].ip, ip), t->endpoints[k].fixed,
				t->endpoints[k].declared);
		for (size_t k = 0; k < t->n_labels; k++)
			fprintf(f, " %s=%s\n", t->labels[k].key, t->labels[k].value);
		for (size_t k = 0; k < t->n_owners; k++)
			fprintf(f, " of %s\n", t->owners[k].name);
	}
	for (size_t i = 0; i < past->policies.n; i++) {
		const struct nsn_policy *p = &past->policies.policies[i];

		fprintf(f, "%s %u %s %s %s:%u %u", p->name, p->number, p->because,
			nsn_ports_str(&p->ports[0], ports), p->origin.file, p->origin.line,
			p->origin.uid);
		fprintf(f, " %s\n", nsn_peer_str(&p->to[0], peer));
	}
	for (size_t i = 0; i < past->quarantines.n; i++)
		fprintf(f, "%s %s %s\n", nsn_peer_str(&past->quarantines.quarantines[i].who, peer),
			past->quarantines.quarantines[i].because,
			nsn_flow_str(&past->quarantines.quarantines[i].keep[0], flow));
	assert_int_equal(fclose(f), 0);
	return text;
}

static char *words_at(struct env *env, uint64_t at)
{
	struct nsn_past past = {0};
	struct nsnet_err err = {0};
	char *text;

	if (nsn_store_past(env->s, at, &past, &err) < 0)
		fail_msg("%s", err.msg);
	text = words(&past);
	nsn_past_clear(&past);
	return text;
}

/* Settings of all kinds, addresses that are exchanged, labels that come and go. */
static void change_tenant(struct env *env, const char *name, unsigned int round)
{
	struct nsn_tenant t = {0};
	struct nsn_ip ip;
	char label[32];

	assert_int_equal(nsn_store_tenant_get(env->s, name, &t, NULL), 0);
	t.mtu = 1400 + round;
	t.rate = 8000 * round;
	t.origin = (struct nsn_origin){.set = "web", .line = round, .uid = 3, .at = round};
	(void)snprintf(t.origin.file, sizeof(t.origin.file), "it's %u.yaml", round);
	(void)snprintf(label, sizeof(label), "tier=%u", round);
	assert_int_equal(nsn_tenant_apply(&t, "label", label, NULL), 0);
	if (round == 1)
		assert_int_equal(nsn_tenant_apply(&t, "owners", "alice", NULL), 0);
	if (round == 2)
		assert_int_equal(nsn_tenant_apply(&t, "owners", "none", NULL), 0);
	if (t.n_endpoints == 2) {
		ip = t.endpoints[0].ip;
		t.endpoints[0].ip = t.endpoints[1].ip;
		t.endpoints[1].ip = ip;
	}
	t.endpoints[0].declared = round % 2;
	assert_int_equal(nsn_store_tenant_update(env->s, &t, NULL), 0);
	nsn_tenant_clear(&t);
}

static void add_endpoint(struct env *env, const char *tenant, const char *name)
{
	struct nsn_tenant t = {0};
	struct nsn_endpoint e = {0};

	assert_int_equal(nsn_store_tenant_get(env->s, tenant, &t, NULL), 0);
	(void)snprintf(e.name, sizeof(e.name), "%s", name);
	assert_int_equal(nsn_tenant_endpoint_add(&t, &e, NULL), 0);
	assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
	assert_int_equal(
		nsn_store_endpoint_insert(env->s, t.id, &t.endpoints[t.n_endpoints - 1], NULL), 0);
	nsn_tenant_clear(&t);
}

static void del_tenant(struct env *env, const char *name)
{
	struct nsn_tenant t = {0};

	assert_int_equal(nsn_store_tenant_get(env->s, name, &t, NULL), 0);
	assert_int_equal(nsn_store_tenant_delete(env->s, t.id, NULL), 0);
	nsn_tenant_clear(&t);
}

static void del_endpoint(struct env *env, const char *tenant, size_t i)
{
	struct nsn_tenant t = {0};

	assert_int_equal(nsn_store_tenant_get(env->s, tenant, &t, NULL), 0);
	assert_int_equal(nsn_store_endpoint_delete(env->s, t.id, t.endpoints[i].id, NULL), 0);
	nsn_tenant_clear(&t);
}

static void do_step(struct env *env, unsigned int step)
{
	struct nsn_peer who;

	switch (step) {
	case 0:
		(void)added(env, "customer1", "10.1.0.0/24", NULL);
		break;
	case 1:
		(void)added(env, "customer2", "10.2.0.0/24", NULL);
		put_rule(env, "web", "tcp/80", false);
		break;
	case 2:
		change_tenant(env, "customer1", 1);
		add_endpoint(env, "customer1", "db");
		break;
	case 3:
		change_tenant(env, "customer1", 2);
		put_rule(env, "web", "tcp/443", true);
		put_quarantine(env, "customer2", "it's odd");
		break;
	case 4:
		put_quarantine(env, "customer2", "other");
		assert_int_equal(nsn_store_policy_delete(env->s, "web", NULL), 0);
		break;
	case 5:
		del_endpoint(env, "customer1", 0);
		del_tenant(env, "customer2");
		break;
	case 6: /* another one of that name, with other numbers */
		(void)added(env, "customer2", "10.9.0.0/24", NULL);
		put_rule(env, "dns", "udp/53", false);
		assert_int_equal(nsn_peer_parse(&who, "customer2", NULL), 0);
		assert_int_equal(nsn_store_quarantine_delete(env->s, &who, NULL), 0);
		break;
	default:
		del_tenant(env, "customer1");
		break;
	}
}

enum { STEPS = 8 };

/* Each state is read back as it was, from any later one; and nothing of the present changes. */
static void each_state_comes_back(void **state)
{
	struct env *env = *state;
	char *was[STEPS + 1], *here;
	uint64_t at[STEPS + 1];

	at[0] = generation(env);
	was[0] = words_at(env, at[0]);
	for (unsigned int i = 0; i < STEPS; i++) {
		char command[16];

		(void)snprintf(command, sizeof(command), "step %u", i);
		lock(env, command);
		do_step(env, i);
		unlock(env);
		at[i + 1] = generation(env);
		was[i + 1] = words_at(env, at[i + 1]);
		here = dump(env);
		for (unsigned int k = 0; k <= i + 1; k++) {
			char *now = words_at(env, at[k]);

			assert_string_equal(now, was[k]);
			free(now);
		}
		{
			char *after = dump(env);

			assert_string_equal(after, here);
			free(after);
		}
		free(here);
	}
	for (unsigned int i = 0; i <= STEPS; i++)
		free(was[i]);
}

/* ---- how much ------------------------------------------------------------------------ */

static size_t kept(struct env *env, struct nsn_kept_change *newest, struct nsn_kept_change *oldest)
{
	struct nsn_kept_change *list = NULL;
	size_t n = 0;

	assert_int_equal(nsn_store_kept_list(env->s, &list, &n, NULL), 0);
	if (n > 0) {
		*newest = list[0];
		*oldest = list[n - 1];
	}
	free(list);
	return n;
}

static void mtu(struct env *env, uint32_t to)
{
	struct nsn_tenant t = {0};

	assert_int_equal(nsn_store_tenant_get(env->s, "customer1", &t, NULL), 0);
	t.mtu = to;
	assert_int_equal(nsn_store_tenant_update(env->s, &t, NULL), 0);
	nsn_tenant_clear(&t);
}

static uint32_t mtu_at(struct env *env, uint64_t generation)
{
	struct nsn_past past = {0};
	uint32_t n;

	assert_int_equal(nsn_store_past(env->s, generation, &past, NULL), 0);
	n = past.tenants.tenants[0].mtu;
	nsn_past_clear(&past);
	return n;
}

/* Also what was written down for those that are forgotten goes. */
static void the_last_twenty_are_kept(void **state)
{
	struct env *env = *state;
	struct nsn_kept_change newest = {0}, oldest = {0};
	struct nsn_past past = {0};
	struct nsnet_err err = {0};
	int64_t rows = 0;

	(void)added(env, "customer1", "10.1.0.0/24", NULL);
	for (uint32_t i = 1; i <= 60; i++) {
		lock(env, "x");
		mtu(env, 1300 + i);
		unlock(env);
		if (i == 40)
			rows = raw_number(env, "SELECT count(*) FROM kept_row");
	}
	assert_int_equal(raw_number(env, "SELECT count(*) FROM kept_row"), rows);
	assert_int_equal(kept(env, &newest, &oldest), NSN_KEPT_MAX);
	assert_int_equal(newest.generation, 60);
	assert_int_equal(newest.last, 61);
	assert_int_equal(oldest.generation, 41);
	for (uint64_t g = 41; g <= 61; g++)
		assert_int_equal(mtu_at(env, g), 1300 + g - 1);
	assert_int_equal(nsn_store_past(env->s, 40, &past, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_GENERATION);
	assert_int_equal(nsn_store_past(env->s, 62, &past, &err), -ENOENT);
}

/* However many transactions: an apply has one for the rows, and one for each tenant that goes. */
static void what_is_done_under_one_lock_is_one_change(void **state)
{
	struct env *env = *state;
	struct nsn_kept_change newest = {0}, oldest = {0};

	(void)added(env, "customer1", "10.1.0.0/24", NULL);
	lock(env, "tenant set \x1b[2J \xc3\xa4 \xff");
	nsn_store_say(env->s, "apply", "apply -f \xc3\xa4/ \x1b[2J");
	mtu(env, 1301);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	mtu(env, 1302);
	mtu(env, 1303);
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	mtu(env, 1304);
	nsn_store_rollback(env->s);
	mtu(env, 1305);
	unlock(env);
	assert_int_equal(generation(env), 4);
	assert_int_equal(kept(env, &newest, &oldest), 2);
	assert_int_equal(newest.generation, 1);
	assert_int_equal(newest.last, 4);
	assert_string_equal(newest.kind, "apply");
	assert_string_equal(newest.command, "apply -f \xc3\xa4/  [2J");
	assert_int_equal(mtu_at(env, 1), 1500);
	assert_int_equal(mtu_at(env, 4), 1305);
}

/* A column that no trigger writes down would not come back. */
static void every_column_is_written_down(void **state)
{
	struct env *env = *state;

	assert_int_equal(
		raw_number(env,
			   "SELECT count(*) FROM sqlite_master m JOIN pragma_table_info(m.name) c "
			   "WHERE m.type = 'table' AND m.name IN ('tenant', 'endpoint', 'label', "
			   "'owner', 'policy', 'policy_part', 'quarantine', 'quarantine_keep') AND "
			   "NOT EXISTS (SELECT 1 FROM sqlite_master t WHERE t.type = 'trigger' AND "
			   "t.tbl_name = m.name AND t.name = 'kept_' || m.name || '_was' AND "
			   "instr(t.sql, 'quote(OLD.\"' || c.name || '\")') > 0)"),
		0);
	assert_int_equal(
		raw_number(env,
			   "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name "
			   "LIKE 'kept\\_%' ESCAPE '\\'"),
		24);
}

/* What stands there does what our triggers write, or nothing is handed out. */
static void damaged_ways_back_are_refused(void **state)
{
	static const char *const bad[] = {
		"UPDATE meta SET generation = 0", "DELETE FROM meta",  "COMMIT",
		"ATTACH '':memory:'' AS x",	  "DROP TABLE tenant", "PRAGMA user_version = 1",
		"INSERT INTO tenant VALUES (1)",  "nonsense",	       "DELETE FROM id_range",
	};
	struct env *env = *state;
	char sql[160];

	(void)added(env, "customer1", "10.1.0.0/24", NULL);
	mtu(env, 1400);
	for (size_t i = 0; i < NSN_COUNT(bad); i++) {
		struct nsn_past past = {0};
		struct nsnet_err err = {0};

		(void)snprintf(sql, sizeof(sql),
			       "UPDATE kept_row SET undo = '%s' WHERE nr = (SELECT max(nr) FROM "
			       "kept_row)",
			       bad[i]);
		raw_sql(env, sql, false);
		assert_int_equal(nsn_store_past(env->s, 1, &past, &err), -EIO);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
		assert_int_equal(generation(env), 2);
		assert_int_equal(mtu_at(env, 2), 1400);
	}
}

/* ---- what waits ------------------------------------------------------------------------- */

static void while_one_waits_nothing_else_is_stored(void **state)
{
	struct env *env = *state;
	struct nsn_unconfirmed u = {0};
	struct nsn_tenant t = {0};
	struct nsnet_err err = {0};

	(void)added(env, "customer1", "10.1.0.0/24", NULL);
	assert_int_equal(nsn_store_unconfirmed_get(env->s, &u, NULL), 0);
	assert_int_equal(nsn_store_unconfirmed_begin(env->s, 1000, 5, 7, NULL), 0);
	assert_int_equal(nsn_store_unconfirmed_get(env->s, &u, NULL), 1);
	assert_int_equal(u.nr, 1);
	assert_int_equal(u.state, NSN_CONFIRM_WAITS);
	assert_int_equal(u.back_to, 1);
	assert_true(u.this_boot);
	assert_int_equal(nsn_store_unconfirmed_begin(env->s, 1, 1, 1, &err), -EBUSY);

	assert_int_equal(nsn_tenant_init(&t, "customer2", "10.2.0.0/24", NULL), 0);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, &err), -EBUSY);
	assert_int_equal(err.id, NSNET_E_UNCONFIRMED);
	assert_int_equal(generation(env), 1);
	lock(env, "");
	nsn_store_permit(env->s);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	unlock(env);
	assert_int_equal(nsn_store_tenant_delete(env->s, t.id, &err), -EBUSY);
	/* Facts about the kernel are no change. */
	assert_int_equal(nsn_store_ns_put(env->s, t.id, 0, 99, NULL), 0);

	assert_int_equal(nsn_store_unconfirmed_extend(env->s, 2000, NULL), 0);
	reopen(env, BOOT2);
	assert_int_equal(nsn_store_unconfirmed_get(env->s, &u, NULL), 1);
	assert_int_equal(u.deadline, 2000);
	assert_false(u.this_boot);
	assert_int_equal(nsn_store_unconfirmed_end(env->s, NSN_CONFIRM_UNDONE, NULL), 0);
	assert_int_equal(nsn_store_unconfirmed_end(env->s, NSN_CONFIRM_KEPT, NULL), 0);
	assert_int_equal(nsn_store_unconfirmed_get(env->s, &u, NULL), 1);
	assert_int_equal(u.state, NSN_CONFIRM_UNDONE);
	assert_int_equal(nsn_store_tenant_delete(env->s, t.id, NULL), 0);
	assert_int_equal(nsn_store_unconfirmed_begin(env->s, 1, 1, 1, NULL), 0);
	assert_int_equal(nsn_store_unconfirmed_get(env->s, &u, NULL), 1);
	assert_int_equal(u.nr, 2);
	nsn_tenant_clear(&t);
}

/* What leads back to where it began is not forgotten, however much is closed meanwhile. */
static void what_waits_is_kept_as_long(void **state)
{
	struct env *env = *state;

	(void)added(env, "customer1", "10.1.0.0/24", NULL);
	assert_int_equal(nsn_store_unconfirmed_begin(env->s, 1000, 5, 7, NULL), 0);
	for (uint32_t i = 1; i <= 40; i++) {
		lock(env, "x");
		nsn_store_permit(env->s);
		mtu(env, 1300 + i);
		unlock(env);
	}
	assert_int_equal(mtu_at(env, 1), 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_state_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_twenty_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_done_under_one_lock_is_one_change, setup,
						teardown),
		cmocka_unit_test_setup_teardown(every_column_is_written_down, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_ways_back_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(while_one_waits_nothing_else_is_stored, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_waits_is_kept_as_long, setup, teardown),
	};

	return cmocka_run_group_tests_name("store_kept", tests, NULL, NULL);
}
