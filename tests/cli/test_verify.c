/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify, explain, who-can, matrix, graph, snapshot: the built command and real tenants.
 *
 * Each command line runs with a /proc of its own: what else runs on this machine, and may not
 * be looked at from here, would make every proof INCONCLUSIVE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

static const char setup_lines[] =
	"set -e; n=$1; "
	"$n tenant add customer1 10.10.1.0/24; $n endpoint add customer1/app; "
	"$n tenant add customer2 10.10.2.0/24; $n tenant add customer3 10.10.3.0/24; "
	"$n allow customer1/app customer2 tcp/5432 --because ledger --name ledger";

/* In a world of its own, with three tenants and a rule. */
static int three_tenants(void **state)
{
	int r = begin(state);

	if (geteuid() == 0 && r == 0)
		RUN_STATUS(0, "sh", "-c", setup_lines, "sh", nsnet_bin());
	return r;
}

/* `$n` is the command; the processes that it starts are the only ones there are. */
static void alone(struct run *r, const char *script)
{
	NSN_AUTO(nsn_freep) char *line = NULL;

	assert_true(asprintf(&line, "n=%s; %s", nsnet_bin(), script) >= 0);
	RUN(r, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", line);
}

static void says(int status, const char *part, const char *script)
{
	NSN_AUTO(run_done) struct run r = {0};

	alone(&r, script);
	assert_status(&r, status);
	assert_has(r.out, part);
}

static json_t *document(int status, const char *kind, const char *script)
{
	NSN_AUTO(run_done) struct run r = {0};
	json_t *doc;

	alone(&r, script);
	assert_status(&r, status);
	doc = parse(r.out);
	assert_string_equal(text_of(doc, "kind"), kind);
	return doc;
}

/* ---- verify ---------------------------------------------------------------------- */

static void tenants_as_they_are_made_are_proved(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	const json_t *counts;

	(void)state;
	world_need();
	says(0, "PROVED  no packet outside policy can be delivered, by the state ", "$n verify");
	says(0, "(no path: 4 pairs; within policy: 2 pairs)", "$n verify --model");
	says(0, " PROVED   customer1 -> customer2: nothing but tcp/5432\n", "$n verify -v");
	says(0, " PROVED   customer3 -> customer1: by absence, no path exists\n",
	     "$n verify customer3 customer1");
	doc = document(0, "Proof", "$n verify -j");
	assert_string_equal(text_of(doc, "verdict"), "proved");
	counts = json_object_get(doc, "counts");
	assert_int_equal(number_of(counts, "pairs"), 6);
	assert_int_equal(number_of(counts, "apart"), 4);
	assert_int_equal(items_of(doc), 2);
}

static void a_hidden_link_between_workloads_is_found(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	bool named = false;
	const json_t *f;
	size_t i;

	(void)state;
	world_need();
	RUN_STATUS(0, "ip", "-n", "customer1", "link", "add", "hidden0", "type", "veth", "peer",
		   "name", "hidden1", "netns", "customer3");
	says(1, "VIOLATION", "$n verify");
	doc = document(1, "Proof", "$n verify -j");
	assert_string_equal(text_of(doc, "verdict"), "violation");
	json_array_foreach(json_object_get(doc, "findings"), i,
			   f) if (strcmp(text_of(f, "kind"), "STRAY_LINK") == 0 &&
				  strstr(text_of(f, "what"), "hidden")) named = true;
	assert_true(named);
	/* Who is not joined with them is as safe as before. */
	says(1, "VIOLATION", "$n verify customer1 customer3");
	RUN_STATUS(0, "ip", "-n", "customer1", "link", "del", "hidden0");
	says(0, "PROVED", "$n verify -q");
}

/* As if a rule had allowed tcp/22, too. */
static const char element[] = "add element inet nsnet nsnet_flow4 { "
			      "10.10.1.3 . 10.10.2.0/24 . tcp . 22 : 0x5 }";

static void an_element_that_no_rule_wants_is_found(void **state)
{
	(void)state;
	world_need();
	/* An element more in both gateways, as if a rule had allowed tcp/22, too. */
	for (size_t i = 0; i < 2; i++)
		NSNET_STATUS(0, "enter", "--gateway", i ? "customer2" : "customer1", "--", "nft",
			     element);
	says(1, "UNEXPECTED_ALLOW", "$n verify");
	says(0, "ALLOWED  [MODEL_MISMATCH]", "$n explain customer1/app customer2 tcp/22");
	says(0, "that no policy allows", "$n who-can customer2");
	says(1, "VIOLATION", "$n matrix");
}

static void a_process_with_power_is_no_tenant(void **state)
{
	(void)state;
	world_need();
	says(1, "STRONG_ADVERSARY",
	     "nsenter --net=/run/netns/customer1 sleep 60 & "
	     "until [ \"$(readlink /proc/$!/ns/net)\" != \"$(readlink /proc/$$/ns/net)\" ]; do :; "
	     "done; $n verify");
}

/* ---- explain, who-can ------------------------------------------------------------ */

static void a_packet_is_followed_to_its_end(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	const json_t *e;

	(void)state;
	world_need();
	says(0,
	     "customer1/app 10.10.1.3 -> customer2/default 10.10.2.2 tcp/5432  ALLOWED  "
	     "[ALLOWED]\n",
	     "$n explain customer1/app customer2 tcp/5432");
	says(0, "policy       ledger", "$n explain customer1/app customer2 tcp/5432");
	says(0, "BLOCKED  [NO_ALLOW_RULE]", "$n explain customer1/default customer2 tcp/5432");
	says(0, "nsnet allow customer1/default customer2/default tcp/5432 --because \"...\"",
	     "$n explain customer1 customer2 tcp/5432");
	says(0, "BLOCKED  [NO_PATH]", "$n explain customer1 customer3");
	says(0, "BLOCKED  [IPV6_OFF]", "$n explain -6 customer1 customer2");
	says(0, "ALLOWED  [ALLOWED]", "$n explain customer1/app customer1/default udp/9");
	says(0, "", "$n explain -q customer1/app customer2 tcp/5432");
	says(1, "", "$n explain -q customer1/app customer2 tcp/5433");
	doc = document(0, "Explained", "$n explain customer1 customer2 tcp/5432 -j");
	e = item(doc, 0);
	assert_true(json_is_false(json_object_get(e, "allowed")));
	assert_true(json_is_false(json_object_get(e, "intended")));
	assert_string_equal(text_of(e, "certainty"), "proved");
	assert_true(json_array_size(json_object_get(e, "hops")) > 3);
}

static const char evil[] = "add table ip evil; add chain ip evil f { type filter hook forward "
			   "priority 10; }; add rule ip evil f drop";

static void why_it_is_stopped_is_told(void **state)
{
	(void)state;
	world_need();
	NSNET_STATUS(0, "deny", "customer1/app", "customer2", "tcp/5432", "--name", "no");
	says(0, "BLOCKED  [DENY_RULE]", "$n explain customer1/app customer2 tcp/5432");
	NSNET_STATUS(0, "revoke", "no");
	NSNET_STATUS(0, "tenant", "quarantine", "customer2", "--because", "x");
	says(0, "BLOCKED  [QUARANTINED]", "$n explain customer1/app customer2 tcp/5432");
	says(0, "nsnet tenant release customer2", "$n explain customer1/app customer2 tcp/5432");
	NSNET_STATUS(0, "tenant", "release", "customer2");
	NSNET_STATUS(0, "tenant", "set", "customer1", "inside=deny");
	says(0, "BLOCKED  [INSIDE_DENY]", "$n explain customer1/app customer1/default tcp/1");
	NSNET_STATUS(0, "enter", "--gateway", "customer2", "--", "nft", evil);
	says(0, "BLOCKED  [FOREIGN_DROP]", "$n explain customer1/app customer2 tcp/5432");
}

static void who_can_names_its_callers(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	says(0,
	     "FROM           PORTS     INTENDED  POLICY\n"
	     "customer1/app  tcp/5432  yes       ledger\n"
	     "customer2: 1 source; by the state ",
	     "$n who-can customer2");
	says(0, "customer3: nobody of another tenant can open anything", "$n who-can customer3");
	says(0, "customer1/app\n", "$n who-can customer2/default tcp/5432 -o name");
	says(0, "customer2: nobody", "$n who-can customer2 tcp/22");
	doc = document(0, "Openers", "$n who-can customer2 -j");
	assert_string_equal(text_of(item(doc, 0), "from"), "customer1/app");
	assert_string_equal(text_of(item(doc, 0), "policy"), "ledger");
	/* From where nobody looked for packets. */
	RUN_STATUS(0, "ip", "-n", "customer1", "link", "add", "hidden0", "type", "veth", "peer",
		   "name", "hidden1", "netns", "customer3");
	says(3, "customer1/default  any (by a link past the gateway)  NO        -\n",
	     "$n who-can customer3");
	says(3, "INCONCLUSIVE, there may be more", "$n who-can customer2");
}

/* ---- matrix, graph --------------------------------------------------------------- */

static void each_pair_has_its_cell(void **state)
{
	(void)state;
	world_need();
	says(0,
	     "FROM \\ TO  customer1  customer2   customer3\n"
	     "customer1  -          * tcp/5432  o\n"
	     "customer2  o          -           o\n"
	     "customer3  o          o           -\n",
	     "LC_ALL=C $n matrix");
	says(0, "customer1,customer2,allowed,tcp/5432,\n", "$n matrix -o csv");
	says(0, "| **customer3** | o | o | - |\n", "LC_ALL=C $n matrix -o markdown");
}

static void what_is_there_is_drawn(void **state)
{
	(void)state;
	world_need();
	says(0, "label=\"gateway of customer1\", shape=hexagon", "$n graph -o dot");
	says(0, "[\"customer1/app\"]\n", "$n graph -o mermaid");
	says(0, "customer1 -> customer2 tcp/5432\n", "$n graph | grep cable");
	RUN_STATUS(0, "ip", "-n", "customer1", "link", "add", "hidden0", "type", "veth", "peer",
		   "name", "hidden1", "netns", "customer3");
	says(0, "hidden0", "$n graph | grep STRAY");
	json_decref(document(0, "Graph", "$n graph -j"));
}

/* ---- snapshot -------------------------------------------------------------------- */

/* As nobody, of the same state: the same hash, the same answer. */
static void who_has_the_snapshot_needs_no_privilege(void **state)
{
	NSN_AUTO(json_unref) json_t *mine = NULL, *theirs = NULL;
	struct stat st;

	(void)state;
	world_need();
	says(0, "saved to /run/s.json (", "$n snapshot /run/s.json");
	assert_int_equal(stat("/run/s.json", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	mine = document(0, "Proof", "$n verify -j --snapshot /run/s.json");
	theirs = document(0, "Proof",
			  "setpriv --reuid 65534 --regid 65534 --clear-groups $n verify -j "
			  "--snapshot - </run/s.json");
	assert_string_equal(text_of(json_object_get(mine, "state"), "hash"),
			    text_of(json_object_get(theirs, "state"), "hash"));
	assert_string_equal(text_of(theirs, "verdict"), "proved");
	says(0, "PROVED", "$n snapshot | $n verify --snapshot - -q");
	says(0, "ALLOWED  [ALLOWED]",
	     "setpriv --reuid 65534 --regid 65534 --clear-groups $n explain customer1/app "
	     "customer2 tcp/5432 --snapshot - </run/s.json");
}

static void a_file_that_is_there_is_not_replaced(void **state)
{
	NSN_AUTO(run_done) struct run r = {0}, all = {0};

	(void)state;
	world_need();
	RUN_STATUS(0, "sh", "-c", "echo mine >/run/s.json");
	alone(&r, "$n snapshot /run/s.json");
	assert_status(&r, 2);
	assert_has(r.err, "[BAD_FILE]");
	RUN_STATUS(0, "grep", "-qx", "mine", "/run/s.json");
	says(0, "saved", "$n snapshot --force /run/s.json");
	RUN(&all, "sh", "-c", "ls /run | grep s.json");
	assert_string_equal(all.out, "s.json\n");
}

static void a_damaged_snapshot_proves_nothing(void **state)
{
	static const char *const damages[] = {
		"head -c 1000 /run/s.json >/run/d.json",
		"sed 's/10\\.10\\.1\\.2/10.10.1.9/' /run/s.json >/run/d.json",
		"echo '{}' >/run/d.json",
		": >/run/d.json",
		"(cat /run/s.json; echo x) >/run/d.json",
	};

	(void)state;
	world_need();
	says(0, "saved", "$n snapshot /run/s.json");
	for (size_t i = 0; i < NSN_COUNT(damages); i++) {
		NSN_AUTO(run_done) struct run r = {0};

		RUN_STATUS(0, "sh", "-c", damages[i]);
		alone(&r, "$n verify --snapshot /run/d.json");
		assert_status(&r, 2);
		assert_string_equal(r.out, "");
		assert_has(r.err, "[BAD_SNAPSHOT]");
	}
}

static void what_is_not_understood_is_refused(void **state)
{
	(void)state;
	world_need();
	REFUSES(2, "USAGE", "'customer1' has no TO", "verify", "customer1");
	REFUSES(2, "USAGE", "TO is missing", "explain", "customer1");
	REFUSES(2, "BAD_PORT", "tcp/1-2", "explain", "customer1", "customer2", "tcp/1-2");
	REFUSES(2, "BAD_FLOW", "to itself", "explain", "customer1", "customer1/default");
	REFUSES(4, "NO_TENANT", "ghost", "explain", "customer1", "ghost");
	REFUSES(4, "NO_TENANT", "ghost", "verify", "customer1", "ghost");
	REFUSES(4, "NO_ENDPOINT", "ghost", "who-can", "customer1/ghost");
	REFUSES(2, "USAGE", "cannot be printed", "matrix", "-o", "dot");
	REFUSES(3, "IO", "/nonexistent", "verify", "--snapshot", "/nonexistent");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tenants_as_they_are_made_are_proved, three_tenants),
		cmocka_unit_test_setup(a_hidden_link_between_workloads_is_found, three_tenants),
		cmocka_unit_test_setup(an_element_that_no_rule_wants_is_found, three_tenants),
		cmocka_unit_test_setup(a_process_with_power_is_no_tenant, three_tenants),
		cmocka_unit_test_setup(a_packet_is_followed_to_its_end, three_tenants),
		cmocka_unit_test_setup(why_it_is_stopped_is_told, three_tenants),
		cmocka_unit_test_setup(who_can_names_its_callers, three_tenants),
		cmocka_unit_test_setup(each_pair_has_its_cell, three_tenants),
		cmocka_unit_test_setup(what_is_there_is_drawn, three_tenants),
		cmocka_unit_test_setup(who_has_the_snapshot_needs_no_privilege, three_tenants),
		cmocka_unit_test_setup(a_file_that_is_there_is_not_replaced, three_tenants),
		cmocka_unit_test_setup(a_damaged_snapshot_proves_nothing, three_tenants),
		cmocka_unit_test_setup(what_is_not_understood_is_refused, three_tenants),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
