/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The built command from outside: words, tables, documents and exit statuses. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

#define LOCK_FILE "/var/lib/nsnet/lock"

static void add(const char *name, const char *subnet)
{
	NSNET_STATUS(0, "tenant", "add", name, subnet);
}

static void assert_tenants(const char *names)
{
	SAYS(names, "tenant", "list", "-o", "name");
}

/* ---- tenant add ---------------------------------------------------------- */

static void add_says_what_was_made_and_then_that_nothing_changed(void **state)
{
	(void)state;
	world_need();
	SAYS("tenant customer1 created: 10.10.1.0/24, gateway 10.10.1.1, isolated (0 rules)\n",
	     "tenant", "add", "customer1", "10.10.1.0/24");
	SAYS("tenant customer1 unchanged\n", "tenant", "add", "customer1", "10.10.1.0/24");
	SAYS("", "-q", "tenant", "create", "customer2", "10.10.2.0/24");
	assert_tenants("customer1\ncustomer2\n");
}

static void add_in_json_tells_outcome_and_steps(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	NSN_AUTO(json_unref) json_t *again = NULL;
	const json_t *steps, *step;

	(void)state;
	world_need();
	doc = ANSWER("Change", "-j", "tenant", "add", "customer1", "10.10.1.0/24");
	assert_true(json_is_true(json_object_get(doc, "changed")));
	assert_true(json_is_false(json_object_get(doc, "dry_run")));
	assert_int_equal(items_of(doc), 1);
	assert_string_equal(text_of(item(doc, 0), "tenant"), "customer1");
	assert_string_equal(text_of(item(doc, 0), "outcome"), "created");
	assert_true(json_is_array(json_object_get(item(doc, 0), "notes")));
	steps = json_object_get(item(doc, 0), "steps");
	assert_true(json_array_size(steps) > 0);
	for (size_t i = 0; i < json_array_size(steps); i++) {
		step = json_array_get(steps, i);
		assert_non_null(strchr("+~-", *text_of(step, "op")));
		assert_true(*text_of(step, "kind") && *text_of(step, "text"));
		(void)text_of(step, "where");
		assert_non_null(json_object_get(step, "was"));
	}

	again = ANSWER("Change", "-j", "tenant", "add", "customer1", "10.10.1.0/24");
	assert_true(json_is_false(json_object_get(again, "changed")));
	assert_string_equal(text_of(item(again, 0), "outcome"), "unchanged");
	assert_int_equal(json_array_size(json_object_get(item(again, 0), "steps")), 0);
}

static void verbose_adds_the_steps(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	NSNET(&r, "-v", "tenant", "add", "customer1", "10.10.1.0/24");
	assert_status(&r, 0);
	assert_starts(r.out, "tenant customer1 created: ");
	assert_has(r.out, "\n  + netns ");
	assert_has(r.out, "\n  + link ");
}

static void notes_go_to_standard_error_or_into_the_document(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};
	NSN_AUTO(run_done) struct run both = {0};
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	NSNET(&r, "tenant", "add", "customer2", "10.10.1.128/25");
	assert_status(&r, 0);
	assert_string_equal(r.out, "tenant customer2 created: 10.10.1.128/25, gateway 10.10.1.129, "
				   "isolated (0 rules)\n");
	assert_starts(r.err, "note: overlaps 10.10.1.0/24 of customer1");
	doc = ANSWER("Change", "-j", "tenant", "add", "customer3", "10.10.1.0/30");
	assert_true(json_array_size(json_object_get(item(doc, 0), "notes")) > 0);
	SAYS("", "-q", "tenant", "add", "customer4", "10.10.1.0/29");

	/* In one file the note stands behind the sentence it belongs to. */
	RUN(&both, "sh", "-c", "exec \"$0\" -v tenant add customer5 10.10.1.0/30 2>&1",
	    nsnet_bin());
	assert_starts(both.out, "tenant customer5 created: ");
	assert_non_null(strstr(both.out, "\nnote: overlaps "));
}

static void a_conflicting_add_is_5_and_changes_nothing(void **state)
{
	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	REFUSES(5, "TENANT_DIFFERS", "10.10.9.0/24", "tenant", "add", "customer1", "10.10.9.0/24");
	REFUSES(5, "TENANT_DIFFERS", "10.10.1.0/24", "tenant", "add", "customer1", "10.10.9.0/24");
	SAYS("customer1  10.10.1.0/24  ok\n", "tenant", "list", "--check", "--no-header",
	     "--columns", "NAME,SUBNET,STATE");
}

static void must_create_refuses_an_identical_tenant(void **state)
{
	(void)state;
	world_need();
	SAYS("tenant customer1 created: 10.10.1.0/24, gateway 10.10.1.1, isolated (0 rules)\n",
	     "tenant", "add", "--must-create", "customer1", "10.10.1.0/24");
	REFUSES(5, "TENANT_EXISTS", "customer1", "tenant", "add", "customer1", "10.10.1.0/24",
		"--must-create");
}

static void bad_names_are_refused_and_nothing_is_stored(void **state)
{
	static const char *const names[] = {
		"",	      "a",	     "1a",	 "A1",
		"custmer1_a", "a-",	     "a b",	 "a/b",
		"../../x",    "gateway",     "host",	 "internet",
		"a\033[m",    "gr\xc3\xbcn", "\xff\xfe", "abcdefghijklmnopqrstuvwxyzabcdefg",
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		NSN_AUTO(run_done) struct run r = {0};

		NSNET(&r, "tenant", "add", names[i], "10.10.1.0/24");
		if (r.status != 2 || !strstr(r.err, "[BAD_NAME]") || *r.out)
			fail_msg("'%s': status %d, %s%s", names[i], r.status, r.out, r.err);
		assert_null(strchr(r.err, '\033'));
	}
	REFUSES(2, "BAD_NAME", " hint: did you mean custmer1-a?\n", "tenant", "add", "custmer1_a",
		"10.10.3.0/24");
	assert_tenants("");
}

static void bad_subnets_are_refused_with_the_right_form(void **state)
{
	static const char *const subnets[] = {
		"",
		"10.10.1.0",
		"10.10.1.0/33",
		"10.10.1/24",
		"10.10.1.256/24",
		"010.10.1.0/24",
		"10.10.1.0/031",
		"10.10.1.0/31",
		"0.0.0.0/0",
		"127.0.0.0/8",
		"224.0.0.0/8",
		"169.254.0.0/16",
		"fd00::/64",
		"a",
		"10.10.1.0/24 ",
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(subnets); i++) {
		NSN_AUTO(run_done) struct run r = {0};

		NSNET(&r, "tenant", "add", "customer1", subnets[i]);
		if (r.status != 2 || !strstr(r.err, "[BAD_SUBNET]") || *r.out)
			fail_msg("'%s': status %d, %s%s", subnets[i], r.status, r.out, r.err);
	}
	REFUSES(2, "BAD_SUBNET", " hint: write 10.10.1.0/24\n", "tenant", "add", "customer1",
		"10.10.1.5/24");
	assert_tenants("");
}

/* ---- list and show ------------------------------------------------------- */

static void list_is_a_table(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	add("customer2", "10.10.2.0/24");
	add("a1", "10.10.1.0/30");
	SAYS("NAME       SUBNET        ENDPOINTS  RULES  STATE\n"
	     "a1         10.10.1.0/30          1      0  up\n"
	     "customer2  10.10.2.0/24          1      0  up\n",
	     "tenant", "--columns", "NAME,SUBNET,ENDPOINTS,RULES,STATE");
	SAYS("ok     a1\nok     customer2\n", "tenant", "ls", "--check", "--columns=state,name",
	     "--no-header");
	SAYS("a1\ncustomer2\n", "tenant", "list", "-o", "name");

	NSNET(&r, "tenant", "list");
	assert_status(&r, 0);
	assert_starts(r.out, "NAME       SUBNET        ENDPOINTS  RULES  STATE\n");
}

/* What nobody looked into is never called ok, and what nobody counted is not 0. */
static void a_list_says_what_it_knows(void **state)
{
	NSN_AUTO(json_unref) json_t *list = NULL;

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	RUN_STATUS(0, "ip", "-n", "customer1", "addr", "flush", "dev", "eth0");
	SAYS("customer1  up      -   -        -\n", "tenant", "list", "--no-header", "--columns",
	     "NAME,STATE,RX,TX,DROPPED");
	SAYS("customer1,up,,,\n", "tenant", "list", "--no-header", "-o", "csv", "--columns",
	     "NAME,STATE,RX,TX,DROPPED");
	SAYS("customer1  DRIFT\n", "tenant", "list", "--check", "--no-header", "--columns",
	     "NAME,STATE");
	list = ANSWER("TenantList", "tenant", "list", "-j");
	assert_string_equal(text_of(item(list, 0), "state"), "up");
	assert_true(json_is_null(json_object_get(item(list, 0), "rx_bytes")));
	assert_true(json_is_null(json_object_get(item(list, 0), "drops")));

	/* Something else in its place, nothing in its place, and nothing at all. */
	RUN_STATUS(0, "ip", "netns", "del", "customer1");
	RUN_STATUS(0, "ip", "netns", "add", "customer1");
	SAYS("customer1  PARTIAL\n", "tenant", "list", "--no-header", "--columns", "NAME,STATE");
	RUN_STATUS(0, "ip", "netns", "del", "customer1");
	SAYS("customer1  PARTIAL\n", "tenant", "list", "--no-header", "--columns", "NAME,STATE");
	RUN_STATUS(0, "sh", "-c", "umount /run/nsnet/*/* && rm /run/nsnet/*/*");
	SAYS("customer1  absent\n", "tenant", "list", "--no-header", "--columns", "NAME,STATE");
}

static void wide_has_more_columns(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	NSNET(&r, "tenant", "list", "-o", "wide");
	assert_status(&r, 0);
	assert_has(r.out, "GATEWAY");
	assert_has(r.out, "10.10.1.1 ");
	assert_has(r.out, "CREATED");
}

static void an_empty_list_is_a_header_or_an_empty_array(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	SAYS("NAME  SUBNET  ENDPOINTS  RULES  STATE\n", "tenant");
	SAYS("", "tenant", "list", "--no-header");
	doc = ANSWER("TenantList", "tenant", "list", "-j");
	assert_int_equal(items_of(doc), 0);
}

static void assert_tenant_json(const json_t *t, const char *name)
{
	const json_t *e = json_array_get(json_object_get(t, "endpoints"), 0);
	char netns[64];
	struct tm tm = {0};
	time_t created;
	const char *end;

	assert_string_equal(text_of(t, "name"), name);
	assert_string_equal(text_of(t, "subnet"), "10.10.1.0/24");
	assert_string_equal(text_of(t, "gateway"), "10.10.1.1");
	assert_string_equal(text_of(t, "state"), "ok");
	assert_true(number_of(t, "id") > 0);
	assert_int_equal(number_of(t, "capacity"), 254);
	assert_int_equal(number_of(t, "used"), 2);
	assert_int_equal(number_of(t, "rules"), 0);
	assert_true(number_of(t, "rx_bytes") >= 0);
	assert_true(number_of(t, "tx_bytes") >= 0);
	assert_true(number_of(t, "dropped_packets") >= 0);
	/* That is for a proof to say, not for a list. */
	assert_null(json_object_get(t, "isolated"));

	end = strptime(text_of(t, "created"), "%Y-%m-%dT%H:%M:%SZ", &tm);
	assert_non_null(end);
	assert_int_equal(*end, '\0');
	created = timegm(&tm);
	assert_true(created <= time(NULL) && created > time(NULL) - 120);

	assert_int_equal(json_array_size(json_object_get(t, "endpoints")), 1);
	(void)snprintf(netns, sizeof(netns), "/run/netns/%s", name);
	assert_string_equal(text_of(e, "name"), "default");
	assert_string_equal(text_of(e, "address"), "10.10.1.2");
	assert_string_equal(text_of(e, "netns"), netns);
	assert_starts(text_of(e, "port"), "nsn");
}

static void list_and_show_in_json_have_the_same_items(void **state)
{
	NSN_AUTO(json_unref) json_t *list = NULL;
	NSN_AUTO(json_unref) json_t *show = NULL;

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	/* The same subnet is fine: nothing connects the two. */
	add("customer2", "10.10.1.0/24");
	list = ANSWER("TenantList", "tenant", "list", "--check", "--json");
	assert_int_equal(items_of(list), 2);
	assert_tenant_json(item(list, 0), "customer1");
	assert_tenant_json(item(list, 1), "customer2");
	show = ANSWER("Tenant", "tenant", "get", "customer2", "-o", "json");
	assert_int_equal(items_of(show), 1);
	assert_tenant_json(item(show, 0), "customer2");
}

static void show_tells_what_is_true(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	NSNET(&r, "tenant", "show", "customer1");
	assert_status(&r, 0);
	assert_string_equal(r.err, "");
	assert_starts(
		r.out,
		"customer1\n"
		"  subnet      10.10.1.0/24 (254 addresses, 2 used)   ipv6 off, dropped\n"
		"  gateway     10.10.1.1 on br0                       cables none   uplink no\n"
		"  inside      allow\n"
		"  mtu         1500\n"
		"  rate        none\n"
		"  flows       4000 new a second, 32768 open (each endpoint)\n"
		"  labels      none\n"
		"  owners      none\n"
		"  dns         none\n"
		"  endpoints   default  10.10.1.2  /run/netns/customer1  port nsn");
	assert_has(r.out, "\n  may reach   nothing (0 rules)\n");
	assert_has(r.out, "\n  dropped     ");
	assert_has(r.out, "\n  state       ok\n");
	assert_has(r.out, "\n  created     20");
	SAYS("customer1\n", "tenant", "show", "customer1", "-o", "name");
}

static void an_absent_tenant_is_4_with_the_nearest_name(void **state)
{
	(void)state;
	world_need();
	REFUSES(4, "NO_TENANT", " hint: nsnet tenant list\n", "tenant", "show", "customer1");
	add("customer1", "10.10.1.0/24");
	REFUSES(4, "NO_TENANT", " hint: did you mean customer1?\n", "tenant", "show", "custmer1");
	REFUSES(4, "NO_TENANT", "'ghost'", "tenant", "del", "ghost");
	REFUSES(4, "NO_TENANT", "'ghost'", "plan", "ghost");
	REFUSES(4, "NO_TENANT", "'ghost'", "repair", "ghost");
	REFUSES(4, "NO_TENANT", "'ghost'", "enter", "ghost", "--", "true");
	/* A name that is no name cannot be a path, either. */
	REFUSES(4, "NO_TENANT", "'../customer1'", "tenant", "show", "../customer1");
}

/* ---- del ----------------------------------------------------------------- */

static void del_says_what_is_gone(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	add("customer2", "10.10.2.0/24");
	SAYS("tenant customer1 deleted\n", "tenant", "del", "customer1");
	assert_int_not_equal(access("/run/netns/customer1", F_OK), 0);
	doc = ANSWER("Change", "tenant", "rm", "customer2", "-j");
	assert_true(json_is_true(json_object_get(doc, "changed")));
	assert_string_equal(text_of(item(doc, 0), "outcome"), "removed");
	assert_tenants("");
}

static void if_exists_makes_an_absent_tenant_no_error(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	SAYS("tenant ghost unchanged: it does not exist\n", "tenant", "del", "--if-exists",
	     "ghost");
	doc = ANSWER("Change", "-j", "tenant", "del", "--if-exists", "ghost");
	assert_true(json_is_false(json_object_get(doc, "changed")));
	assert_string_equal(text_of(item(doc, 0), "outcome"), "unchanged");

	add("customer1", "10.10.1.0/24");
	SAYS("tenant ghost unchanged: it does not exist\ntenant customer1 deleted\n", "tenant",
	     "del", "customer1", "ghost", "--if-exists");
}

static void several_need_yes_and_the_hint_can_be_pasted(void **state)
{
	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	add("customer2", "10.10.2.0/24");
	REFUSES(5, "NEEDS_YES", " hint: nsnet tenant del -y customer1 customer2\n", "tenant", "del",
		"customer1", "customer2");
	assert_tenants("customer1\ncustomer2\n");
	SAYS("tenant customer1 deleted\ntenant customer2 deleted\n", "tenant", "del", "-y",
	     "customer1", "customer2");
	assert_tenants("");
}

static void one_name_twice_is_one_tenant(void **state)
{
	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	SAYS("tenant customer1 deleted\n", "tenant", "del", "customer1", "customer1");
}

static void if_one_of_several_is_absent_none_is_deleted(void **state)
{
	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	add("customer2", "10.10.2.0/24");
	REFUSES(4, "NO_TENANT", "'ghost'", "tenant", "del", "-y", "customer1", "ghost",
		"customer2");
	assert_tenants("customer1\ncustomer2\n");
}

/* ---- dry run ------------------------------------------------------------- */

static void a_dry_run_changes_nothing(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	SAYS("tenant customer1 would be created: 10.10.1.0/24\n", "-n", "tenant", "add",
	     "customer1", "10.10.1.0/24");
	assert_tenants("");
	assert_int_not_equal(access("/run/netns/customer1", F_OK), 0);
	doc = ANSWER("Change", "-n", "-j", "tenant", "add", "customer1", "10.10.1.0/24");
	assert_true(json_is_true(json_object_get(doc, "changed")));
	assert_true(json_is_true(json_object_get(doc, "dry_run")));
	assert_true(json_array_size(json_object_get(item(doc, 0), "steps")) > 0);

	add("customer1", "10.10.1.0/24");
	add("customer2", "10.10.2.0/24");
	SAYS("tenant customer1 unchanged\n", "-n", "tenant", "add", "customer1", "10.10.1.0/24");
	SAYS("tenant customer1 would be deleted\ntenant customer2 would be deleted\n", "tenant",
	     "del", "--dry-run", "customer1", "customer2");
	SAYS("customer1  ok\ncustomer2  ok\n", "tenant", "list", "--check", "--no-header",
	     "--columns", "NAME,STATE");

	RUN_STATUS(0, "ip", "-n", "customer1", "addr", "flush", "dev", "eth0");
	NSNET(&r, "repair", "-n");
	assert_status(&r, 0);
	assert_starts(r.out, "tenant customer1 would be repaired: ");
	NSNET_STATUS(10, "plan", "--exit-code");
}

/* ---- plan, repair, gc, status -------------------------------------------- */

static void plan_has_nothing_to_do_when_all_agree(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	SAYS("nothing to do: there are no tenants\n", "plan");
	add("customer1", "10.10.1.0/24");
	SAYS("nothing to do: 1 tenant agrees with the kernel\n", "plan", "--exit-code");
	SAYS("nothing to do: 1 tenant agrees with the kernel\n", "repair");
	SAYS("tenant customer1 unchanged\n", "repair", "customer1");
	add("customer2", "10.10.2.0/24");
	SAYS("nothing to do: 2 tenants agree with the kernel\n", "plan");
	SAYS("nothing to do: 1 tenant agrees with the kernel\n", "plan", "customer2");
	SAYS("", "plan", "-q");
	doc = ANSWER("Plan", "plan", "-j");
	assert_true(json_is_false(json_object_get(doc, "changed")));
	assert_int_equal(
		number_of(doc, "add") + number_of(doc, "change") + number_of(doc, "remove"), 0);
}

/* How many lines begin with @start. */
static int count_lines(const char *text, const char *start)
{
	int n = 0;

	for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p != NULL)
		n += strncmp(p, start, strlen(start)) == 0;
	return n;
}

static void plan_shows_the_drift_and_repair_ends_it(void **state)
{
	NSN_AUTO(run_done) struct run show = {0};
	NSN_AUTO(run_done) struct run plan = {0};
	NSN_AUTO(run_done) struct run repair = {0};
	NSN_AUTO(json_unref) json_t *doc = NULL;
	char line[128];
	int plus, tilde, minus;

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	add("customer2", "10.10.2.0/24");
	RUN_STATUS(0, "ip", "-n", "customer2", "addr", "flush", "dev", "eth0");

	SAYS("customer1  ok\ncustomer2  DRIFT\n", "tenant", "list", "--check", "--no-header",
	     "--columns", "NAME,STATE");
	NSNET(&show, "tenant", "show", "customer2");
	assert_has(show.out, "\n  state       DRIFT\n");
	NSNET(&plan, "plan");
	assert_status(&plan, 0);
	assert_starts(plan.out, "customer2\n  + ");
	assert_null(strstr(plan.out, "customer1"));
	plus = count_lines(plan.out, "  + ");
	tilde = count_lines(plan.out, "  ~ ");
	minus = count_lines(plan.out, "  - ");
	(void)snprintf(line, sizeof(line), "\nplan: %d to add, %d to change, %d to remove\n", plus,
		       tilde, minus);
	assert_has(plan.out, line);
	SAYS("customer2\n", "plan", "-o", "name");
	NSNET_STATUS(10, "plan", "--exit-code");
	NSNET_STATUS(10, "plan", "-q", "--exit-code", "customer2");
	NSNET_STATUS(0, "plan", "--exit-code", "customer1");

	doc = ANSWER("Plan", "plan", "-j");
	assert_true(json_is_true(json_object_get(doc, "changed")));
	assert_int_equal(number_of(doc, "add"), plus);
	assert_int_equal(number_of(doc, "change"), tilde);
	assert_int_equal(number_of(doc, "remove"), minus);

	(void)snprintf(line, sizeof(line), "tenant customer2 repaired: %d step%s\n",
		       plus + tilde + minus, plus + tilde + minus == 1 ? "" : "s");
	NSNET(&repair, "repair");
	assert_status(&repair, 0);
	assert_string_equal(repair.out, line);
	SAYS("nothing to do: 2 tenants agree with the kernel\n", "plan");
}

static void add_repairs_what_has_drifted(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	RUN_STATUS(0, "ip", "-n", "customer1", "addr", "flush", "dev", "eth0");
	NSNET(&r, "tenant", "add", "customer1", "10.10.1.0/24");
	assert_status(&r, 0);
	assert_starts(r.out, "tenant customer1 repaired: ");
	assert_has(r.out, " steps\n");
	RUN_STATUS(0, "ip", "-n", "customer1", "route", "del", "default");
	SAYS("tenant customer1 repaired: 1 step\n", "tenant", "add", "customer1", "10.10.1.0/24");
}

static void gc_of_a_clean_store_has_nothing_to_remove(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	SAYS("nothing to remove\n", "gc");
	SAYS("nothing to remove\n", "gc", "-y");
	doc = ANSWER("Change", "gc", "-j");
	assert_true(json_is_false(json_object_get(doc, "changed")));
	assert_true(json_is_true(json_object_get(doc, "dry_run")));
}

/* What is left of a tenant that the store never heard of: the store of before it is put back. */
static void gc_shows_and_removes_only_with_yes(void **state)
{
	NSN_AUTO(run_done) struct run shown = {0};
	NSN_AUTO(run_done) struct run done = {0};

	(void)state;
	world_need();
	NSNET_STATUS(0, "status");
	RUN_STATUS(0, "cp", "-a", "/var/lib/nsnet", "/var/lib/before");
	add("customer1", "10.10.1.0/24");
	RUN_STATUS(0, "rm", "-r", "/var/lib/nsnet");
	RUN_STATUS(0, "mv", "/var/lib/before", "/var/lib/nsnet");
	assert_tenants("");

	NSNET(&shown, "gc");
	assert_status(&shown, 0);
	assert_starts(shown.out, "would remove: ");
	assert_has(shown.out, "\nnothing removed; run again with -y\n");
	assert_int_equal(access("/run/netns/customer1", F_OK), 0);
	NSNET_STATUS(0, "gc", "-y", "-n");
	assert_int_equal(access("/run/netns/customer1", F_OK), 0);

	NSNET(&done, "gc", "-y");
	assert_status(&done, 0);
	assert_starts(done.out, "removed: ");
	assert_null(strstr(done.out, "nothing removed"));
	assert_int_not_equal(access("/run/netns/customer1", F_OK), 0);
	SAYS("nothing to remove\n", "gc");
}

static void status_counts_tenants_by_state(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	add("customer2", "10.10.2.0/24");
	RUN_STATUS(0, "ip", "-n", "customer2", "addr", "flush", "dev", "eth0");
	NSNET(&r, "status");
	assert_status(&r, 0);
	assert_starts(r.out, "tenants    2: 1 ok, 1 drifted, 0 absent\n"
			     "endpoints  2\n"
			     "state      /var/lib/nsnet (schema ");
	assert_has(r.out, "\nrun        /run/nsnet\n");
	assert_has(r.out, "\nstore      ");
	assert_has(r.out, "\nboot       ");

	doc = ANSWER("Status", "status", "-j");
	assert_int_equal(number_of(item(doc, 0), "tenants"), 2);
	assert_int_equal(number_of(item(doc, 0), "ok"), 1);
	assert_int_equal(number_of(item(doc, 0), "drifted"), 1);
	assert_int_equal(number_of(item(doc, 0), "absent"), 0);
	assert_string_equal(text_of(item(doc, 0), "state_dir"), "/var/lib/nsnet");
	assert_int_equal(strlen(text_of(item(doc, 0), "store_id")), 32);
}

static void the_environment_chooses_the_folders(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	NSN_AUTO(json_unref) json_t *list = NULL;

	(void)state;
	world_need();
	assert_int_equal(setenv("NSNET_STATE_DIR", "/var/lib/other", 1), 0);
	assert_int_equal(setenv("NSNET_RUN_DIR", "/run/other", 1), 0);
	doc = ANSWER("Status", "status", "-j");
	assert_string_equal(text_of(item(doc, 0), "state_dir"), "/var/lib/other");
	assert_string_equal(text_of(item(doc, 0), "run_dir"), "/run/other");
	assert_int_not_equal(access("/var/lib/nsnet", F_OK), 0);

	assert_int_equal(setenv("NSNET_OUTPUT", "json", 1), 0);
	list = ANSWER("TenantList", "tenant");
	assert_int_equal(items_of(list), 0);
}

/* ---- enter --------------------------------------------------------------- */

static void enter_runs_in_the_network_and_gives_the_commands_own_status(void **state)
{
	NSN_AUTO(run_done) struct run inside = {0};
	NSN_AUTO(run_done) struct run gateway = {0};

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	NSNET(&inside, "enter", "customer1", "--", "ip", "-4", "-o", "addr");
	assert_status(&inside, 0);
	assert_has(inside.out, "10.10.1.2/");
	NSNET(&gateway, "enter", "--gateway", "customer1", "ip", "-4", "-o", "addr");
	assert_status(&gateway, 0);
	assert_has(gateway.out, "10.10.1.1/");

	NSNET_STATUS(42, "enter", "customer1", "--", "sh", "-c", "exit 42");
	REFUSES(127, "NO_COMMAND", "'frobnicate'", "enter", "customer1", "frobnicate");
	REFUSES(126, "CANNOT_RUN", "'/etc/passwd'", "enter", "customer1", "/etc/passwd");
}

static void enter_without_a_command_is_a_shell(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	(void)unsetenv("SHELL");
	run_input(&r, 120000, "ip -4 -o addr; exit 7\n",
		  (const char *const[]){nsnet_bin(), "enter", "customer1", NULL});
	assert_status(&r, 7);
	assert_has(r.out, "10.10.1.2/");
	assert_int_equal(setenv("SHELL", "/bin/false", 1), 0);
	NSNET_STATUS(1, "enter", "customer1");
	(void)unsetenv("SHELL");
}

static void enter_hands_on_no_descriptors_timers_or_ignored_signals(void **state)
{
	NSN_AUTO(run_done) struct run fds = {0};
	NSN_AUTO(run_done) struct run ignored = {0};
	int fd;

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	/* One that is inherited on purpose, as a careless caller does. */
	fd = open("/dev/null", O_RDONLY);
	assert_true(fd > 2);
	assert_int_equal(dup2(fd, 77), 77);
	NSNET(&fds, "enter", "customer1", "--", "sh", "-c", "ls /proc/$$/fd");
	(void)close(fd);
	(void)close(77);
	assert_status(&fds, 0);
	assert_null(strstr(fds.out, "77"));
	assert_starts(fds.out, "0\n1\n2\n");

	/* What nsnet ignores for itself. What its caller ignores stays so. */
	(void)signal(SIGPIPE, SIG_DFL);
	NSNET(&ignored, "enter", "customer1", "--", "sh", "-c", "kill -PIPE $$; echo alive");
	assert_status(&ignored, 128 + 13);
	assert_string_equal(ignored.out, "");
	/* A timer that went on would kill it. */
	NSNET_STATUS(0, "--timeout", "100ms", "enter", "customer1", "--", "sleep", "0.4");
}

/* ---- wrong input and errors ---------------------------------------------- */

static void a_line_that_is_not_understood_is_2_and_touches_nothing(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	REFUSES(2, "USAGE", " hint: did you mean: nsnet tenant\n", "tennant", "list");
	REFUSES(2, "USAGE", " hint: did you mean --json?\n", "--jsn", "tenant");
	REFUSES(2, "USAGE", "SUBNET is missing", "tenant", "add", "customer1");
	REFUSES(2, "USAGE", "'x' is too much", "tenant", "list", "x");
	REFUSES(2, "USAGE", "means nothing", "tenant", "list", "-n");
	REFUSES(2, "USAGE", "not a column", "tenant", "list", "--columns", "FOO");
	NSNET(&r, "-v");
	assert_status(&r, 2);
	assert_int_not_equal(access("/var/lib/nsnet", F_OK), 0);
}

static void errors_under_json_are_one_document_on_standard_error(void **state)
{
	static const struct {
		const char *argv[6];
		int status;
		const char *code;
	} table[] = {
		{{"-j", "tenant", "show", "ghost"}, 4, "NO_TENANT"},
		{{"tenant", "add", "A", "10.0.0.0/24", "-j"}, 2, "BAD_NAME"},
		{{"frobnicate", "-j"}, 2, "USAGE"},
		{{"tenant", "list", "-o", "json", "--bad"}, 2, "USAGE"},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(run_done) struct run r = {0};
		NSN_AUTO(json_unref) json_t *doc = NULL;
		const char *argv[8] = {nsnet_bin()};
		const json_t *e;

		memcpy(argv + 1, table[i].argv, sizeof(table[i].argv));
		run_cmd(&r, 120000, argv);
		assert_status(&r, table[i].status);
		assert_string_equal(r.out, "");
		doc = parse(r.err);
		e = json_object_get(doc, "error");
		assert_string_equal(text_of(e, "code"), table[i].code);
		assert_true(strlen(text_of(e, "message")) > 5);
		assert_non_null(json_object_get(e, "hint"));
		assert_true(json_is_object(json_object_get(e, "where")));
		assert_int_equal(number_of(json_object_get(e, "details"), "status"),
				 table[i].status);
	}
}

static void help_and_version_need_no_rights_and_no_folder(void **state)
{
	NSN_AUTO(run_done) struct run usage = {0};
	NSN_AUTO(run_done) struct run help = {0};

	(void)state;
	world_need();
	RUN(&usage, nsnet_bin());
	assert_status(&usage, 2);
	assert_string_equal(usage.out, "");
	assert_starts(usage.err, "Usage: nsnet ");
	NSNET(&help, "help");
	assert_status(&help, 0);
	assert_string_equal(help.out, usage.err);
	assert_string_equal(help.err, "");
	NSNET_STATUS(0, "tenant", "add", "--help");
	NSNET_STATUS(0, "version");
	assert_int_not_equal(access("/var/lib/nsnet", F_OK), 0);
}

static void without_root_it_is_6(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	/* A copy, because the build folder need not be open to others. */
	RUN_STATUS(0, "install", "-m", "755", nsnet_bin(), "/var/lib/nsnet-copy");
	RUN(&r, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
	    "/var/lib/nsnet-copy", "tenant", "list");
	assert_status(&r, 6);
	assert_string_equal(r.out, "");
	assert_has(r.err, "[NOT_PERMITTED]");
}

/* ---- standard output ----------------------------------------------------- */

static void output_that_cannot_be_written_is_3(void **state)
{
	static const char *const lines[] = {
		"exec \"$0\" tenant list >&-",
		"exec \"$0\" tenant list >/dev/full",
		"exec \"$0\" tenant list -j >/dev/full",
		"exec \"$0\" help >&-",
	};

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	for (size_t i = 0; i < NSN_COUNT(lines); i++) {
		NSN_AUTO(run_done) struct run r = {0};

		RUN(&r, "sh", "-c", lines[i], nsnet_bin());
		assert_status(&r, 3);
		assert_has(r.err, "error: the answer could not be written: ");
	}
}

static void a_reader_that_went_away_kills_nothing(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};
	int ends[2];

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	add("customer2", "10.10.2.0/24");
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], 9), 9);
	(void)close(ends[0]);
	(void)close(ends[1]);
	RUN(&r, "sh", "-c", "exec \"$0\" tenant del -v -y customer1 customer2 >&9", nsnet_bin());
	(void)close(9);
	assert_status(&r, 3);
	assert_has(r.err, "Broken pipe");
	assert_tenants("");
}

static void closed_descriptors_do_not_harm_the_store(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	RUN(&r, "sh", "-c", "exec \"$0\" -v tenant add customer1 10.10.1.0/24 <&- >&- 2>&-",
	    nsnet_bin());
	assert_status(&r, 3);
	/* None is left free for a file of the library to get. */
	RUN_STATUS(0, "sh", "-c",
		   "exec \"$0\" enter customer1 -- sh -c 'test -e /proc/$$/fd/1' >&-", nsnet_bin());
	SAYS("customer1  ok\n", "tenant", "list", "--check", "--no-header", "--columns",
	     "NAME,STATE");
}

static void on_a_terminal_several_are_asked_for(void **state)
{
	char shown[4096];

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	add("customer2", "10.10.2.0/24");
	assert_int_equal(ON_TERMINAL("n\n", shown, "tenant", "del", "customer1", "customer2"), 5);
	assert_has(shown, "delete 2 tenants: customer1 customer2? [y/N] ");
	assert_has(shown, "nothing was deleted");
	assert_int_equal(ON_TERMINAL("\n", shown, "tenant", "del", "customer1", "customer2"), 5);
	assert_tenants("customer1\ncustomer2\n");
	assert_int_equal(ON_TERMINAL("y\n", shown, "tenant", "del", "customer1", "customer2"), 0);
	assert_has(shown, "tenant customer2 deleted");
	assert_tenants("");
}

static void colour_is_for_terminals_that_want_it(void **state)
{
	NSN_AUTO(run_done) struct run plain = {0};
	NSN_AUTO(run_done) struct run forced = {0};
	char shown[4096];

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	RUN_STATUS(0, "ip", "-n", "customer1", "addr", "flush", "dev", "eth0");

	assert_int_equal(ON_TERMINAL("", shown, "tenant", "list", "--check"), 0);
	assert_has(shown, "\033[");
	assert_has(shown, "DRIFT");
	assert_int_equal(ON_TERMINAL("", shown, "tenant", "list", "--check", "--color", "never"),
			 0);
	assert_null(strchr(shown, '\033'));
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
	assert_int_equal(ON_TERMINAL("", shown, "tenant", "list", "--check"), 0);
	assert_null(strchr(shown, '\033'));
	assert_int_equal(ON_TERMINAL("", shown, "frobnicate"), 2);
	assert_null(strchr(shown, '\033'));
	assert_int_equal(unsetenv("NO_COLOR"), 0);

	NSNET(&plain, "tenant", "list", "--check");
	assert_null(strchr(plain.out, '\033'));
	NSNET(&forced, "--color=always", "tenant", "list", "--check");
	assert_has(forced.out, "\033[");
}

/* ---- waiting for another nsnet ------------------------------------------- */

static void the_wait_for_another_nsnet_ends_with_8(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};
	int fd;

	(void)state;
	world_need();
	add("customer1", "10.10.1.0/24");
	fd = open(LOCK_FILE, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	NSNET(&r, "--timeout", "300ms", "tenant", "add", "customer2", "10.10.2.0/24");
	assert_status(&r, 8);
	assert_has(r.err, "[TIMED_OUT]");
	assert_true(r.ms >= 290 && r.ms < 10000);
	/* So short that it is over before the wait begins. */
	NSNET_STATUS(8, "--timeout", "0s", "tenant", "del", "customer1");

	(void)close(fd);
	assert_tenants("customer1\n");
	NSNET_STATUS(0, "--timeout", "0s", "tenant", "add", "customer2", "10.10.2.0/24");
}

/* A bit in a page of the database, which its second copy has right. */
static void what_was_mended_is_told_once(void **state)
{
	struct run r;

	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	RUN_STATUS(0, "python3", "-c",
		   "import os\n"
		   "path = '/var/lib/nsnet/nsnet.db'\n"
		   "data = bytearray(open(path, 'rb').read())\n"
		   "for at in range(4096 + 2000, len(data), 4096): data[at] ^= 4\n"
		   "open(path, 'r+b').write(data)\n");
	NSNET(&r, "tenant", "list", "-o", "name");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "customer1\n");
	assert_has(r.err, "of the store");
	assert_has(r.err, "mended from the second copy");
	run_free(&r);
	NSNET(&r, "tenant", "list", "-o", "name");
	assert_string_equal(r.out, "customer1\n");
	assert_string_equal(r.err, "");
	run_free(&r);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(add_says_what_was_made_and_then_that_nothing_changed),
		TEST(add_in_json_tells_outcome_and_steps),
		TEST(what_was_mended_is_told_once),
		TEST(verbose_adds_the_steps),
		TEST(notes_go_to_standard_error_or_into_the_document),
		TEST(a_conflicting_add_is_5_and_changes_nothing),
		TEST(must_create_refuses_an_identical_tenant),
		TEST(bad_names_are_refused_and_nothing_is_stored),
		TEST(bad_subnets_are_refused_with_the_right_form),
		TEST(list_is_a_table),
		TEST(a_list_says_what_it_knows),
		TEST(wide_has_more_columns),
		TEST(an_empty_list_is_a_header_or_an_empty_array),
		TEST(list_and_show_in_json_have_the_same_items),
		TEST(show_tells_what_is_true),
		TEST(an_absent_tenant_is_4_with_the_nearest_name),
		TEST(del_says_what_is_gone),
		TEST(if_exists_makes_an_absent_tenant_no_error),
		TEST(several_need_yes_and_the_hint_can_be_pasted),
		TEST(one_name_twice_is_one_tenant),
		TEST(if_one_of_several_is_absent_none_is_deleted),
		TEST(a_dry_run_changes_nothing),
		TEST(plan_has_nothing_to_do_when_all_agree),
		TEST(plan_shows_the_drift_and_repair_ends_it),
		TEST(add_repairs_what_has_drifted),
		TEST(gc_of_a_clean_store_has_nothing_to_remove),
		TEST(gc_shows_and_removes_only_with_yes),
		TEST(status_counts_tenants_by_state),
		TEST(the_environment_chooses_the_folders),
		TEST(enter_runs_in_the_network_and_gives_the_commands_own_status),
		TEST(enter_without_a_command_is_a_shell),
		TEST(enter_hands_on_no_descriptors_timers_or_ignored_signals),
		TEST(a_line_that_is_not_understood_is_2_and_touches_nothing),
		TEST(errors_under_json_are_one_document_on_standard_error),
		TEST(help_and_version_need_no_rights_and_no_folder),
		TEST(without_root_it_is_6),
		TEST(output_that_cannot_be_written_is_3),
		TEST(a_reader_that_went_away_kills_nothing),
		TEST(closed_descriptors_do_not_harm_the_store),
		TEST(on_a_terminal_several_are_asked_for),
		TEST(colour_is_for_terminals_that_want_it),
		TEST(the_wait_for_another_nsnet_ends_with_8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
