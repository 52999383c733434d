// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The attack suite, tests/attack, one scenario a test
 *
 * It sends some hundred kinds of hostile packets and looks for them on the
 * victim's side. What is asserted here is its JSON; `make attack` prints the
 * whole table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "../lib/world.h"

/* What the suite must have at the least: kinds of attack that its control networks let through. */
#define KINDS 100

static json_t *suite(const char *scenario, int *status)
{
	const char *src = getenv("NSNET_SRC");
	char path[4096];
	json_error_t where;
	json_t *root;
	struct run r;

	(void)snprintf(path, sizeof(path), "%s/tests/attack/suite.py", src ? src : ".");
	RUN(&r, "python3", path, "--nsnet", nsnet_bin(), "--only", scenario, "--json");
	root = json_loads(r.out, 0, &where);
	if (!json_is_object(root))
		fail_msg("%s: status %d, no report: %s %.3000s", scenario, r.status, where.text,
			 r.err);
	*status = r.status;
	run_free(&r);
	return root;
}

/* Prints what the suite complains of, and says how much it is. */
static size_t complaints(const json_t *root)
{
	static const char *const lists[] = {"leaks", "unproven", "skipped"};
	size_t i, k, n = 0;
	json_t *one;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_array_foreach(json_object_get(root, lists[i]), k, one)
		{
			char *text = json_dumps(one, JSON_ENCODE_ANY);

			if (n++ < 40)
				print_message("  %s: %s\n", lists[i], text);
			free(text);
		}
	}
	return n;
}

static void passes(const char *scenario)
{
	int status;
	json_t *root;
	size_t n;

	world_need();
	root = suite(scenario, &status);
	n = complaints(root);
	print_message("%s: %s\n", scenario, json_string_value(json_object_get(root, "summary")));
	if (n > 0 || status != 0)
		fail_msg("%s: %zu complaints, status %d", scenario, n, status);
	json_decref(root);
}

/* How many different attacks came through. */
static size_t leaked(const json_t *root, const char *scenario)
{
	size_t i, n = 0;
	json_t *one;

	json_array_foreach(json_object_get(root, "attacks"), i, one)
	{
		const json_t *in = json_object_get(json_object_get(one, "scenarios"), scenario);

		if (json_integer_value(json_object_get(in, "received")) > 0)
			n++;
	}
	return n;
}

/* Isolation that was broken on purpose must be found broken. */
static void finds(const char *scenario, size_t at_least)
{
	int status;
	json_t *root;
	size_t n;

	world_need();
	root = suite(scenario, &status);
	n = leaked(root, scenario);
	print_message("%s: %zu attacks came through\n", scenario, n);
	assert_int_equal(json_array_size(json_object_get(root, "skipped")), 0);
	assert_int_equal(status, 1);
	if (n < at_least)
		fail_msg("%s: %zu attacks came through, at least %zu should", scenario, n,
			 at_least);
	json_decref(root);
}

/* Where nothing isolates each attack is received: else its absence elsewhere says nothing. */
static void test_controls(void **state)
{
	int status;
	json_t *root;

	(void)state;
	world_need();
	root = suite("controls", &status);
	assert_int_equal(complaints(root), 0);
	assert_int_equal(status, 0);
	assert_true(json_integer_value(json_object_get(root, "kinds")) >= KINDS);
	json_decref(root);
}

/* ---- by a workload ------------------------------------------------------------------------- */

static json_int_t told(const json_t *root, const char *scenario, const char *key)
{
	const json_t *row = json_object_get(json_object_get(root, "workloads"), scenario);

	return json_integer_value(json_object_get(row, key));
}

/*
 * A workload has no raw socket (suite.py complains when it has), so it sends what ordinary ones
 * can; of that enough has to have arrived where nothing isolates.
 */
static void holds(const char *scenario)
{
	int status;
	json_t *root;
	size_t n;

	world_need();
	root = suite(scenario, &status);
	n = complaints(root);
	print_message("%s: %d sent, %d of them proven, %d refused\n", scenario,
		      (int)told(root, scenario, "sent"), (int)told(root, scenario, "proven"),
		      (int)told(root, scenario, "refused"));
	if (n > 0 || status != 0)
		fail_msg("%s: %zu complaints, status %d", scenario, n, status);
	assert_int_equal(told(root, scenario, "raw sent"), 0);
	assert_true(told(root, scenario, "refused") >= 200);
	assert_true(told(root, scenario, "proven") >= 200);
	json_decref(root);
}

static void test_workload(void **state)
{
	(void)state;
	holds("W");
}

static void test_workload_privileged(void **state)
{
	(void)state;
	holds("Wc");
}

static void test_workload_inside(void **state)
{
	(void)state;
	holds("Wi");
}

#define SCENARIO(name, id)                                                                         \
	static void name(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		passes(id);                                                                        \
	}

SCENARIO(test_tenants, "S1")
SCENARIO(test_tenants_ipv6, "S2")
SCENARIO(test_inside_deny, "S3")
SCENARIO(test_inside_allow, "S4")
SCENARIO(test_altered_link, "S5")
SCENARIO(test_altered_link_inside, "S5i")
SCENARIO(test_host_flushed, "S6")
SCENARIO(test_gateways_flushed, "S6g")
SCENARIO(test_while_tenants_change, "S7a")
SCENARIO(test_while_settings_change, "S7b")
SCENARIO(test_while_endpoints_change, "S7c")
SCENARIO(test_one_port_open, "S8")
SCENARIO(test_beyond_the_host, "S9")

static void test_red_bridged(void **state)
{
	(void)state;
	finds("RED-bridged", 220);
}

static void test_red_routed(void **state)
{
	(void)state;
	finds("RED-routed", 80);
}

static void test_red_inside(void **state)
{
	(void)state;
	finds("RED-inside", 360);
}

/* A rule that opens all ports instead of one. */
static void test_red_ports(void **state)
{
	(void)state;
	finds("RED-ports", 40);
}

/* A gateway without rules that leads to a host which forwards. */
static void test_red_beyond(void **state)
{
	static const char *const rows[] = {"RED-host", "RED-lan", "RED-internet"};
	int status;
	json_t *root;
	size_t i;

	(void)state;
	world_need();
	root = suite("RED-beyond", &status);
	assert_int_equal(status, 1);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s: %zu attacks came through\n", rows[i], leaked(root, rows[i]));
		assert_true(leaked(root, rows[i]) >= 100);
	}
	json_decref(root);
}

static void test_red_workload(void **state)
{
	(void)state;
	finds("RED-workload", 60);
}

/* As the host's root: then frames are sent as they are. */
static void test_red_raw(void **state)
{
	int status;
	json_t *root;

	(void)state;
	world_need();
	root = suite("RED-raw", &status);
	assert_int_equal(status, 1);
	assert_true(told(root, "RED-raw", "raw sent") >= 300);
	assert_true(leaked(root, "RED-raw") >= 80);
	json_decref(root);
}

/* The moments, too: what was set to `allow`, looked at as if it were `deny`. */
static void test_red_settings(void **state)
{
	(void)state;
	finds("RED-settings", 4);
}

static void test_red_endpoints(void **state)
{
	(void)state;
	finds("RED-endpoints", 4);
}

int main(void)
{
	/* The first are those that show each attack once. */
	enum { QUICK = 10 };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_tenants),
		cmocka_unit_test(test_tenants_ipv6),
		cmocka_unit_test(test_inside_deny),
		cmocka_unit_test(test_inside_allow),
		cmocka_unit_test(test_host_flushed),
		cmocka_unit_test(test_one_port_open),
		cmocka_unit_test(test_beyond_the_host),
		cmocka_unit_test(test_red_inside),
		cmocka_unit_test(test_workload),
		cmocka_unit_test(test_altered_link),
		cmocka_unit_test(test_altered_link_inside),
		cmocka_unit_test(test_gateways_flushed),
		cmocka_unit_test(test_while_tenants_change),
		cmocka_unit_test(test_while_settings_change),
		cmocka_unit_test(test_while_endpoints_change),
		cmocka_unit_test(test_workload_privileged),
		cmocka_unit_test(test_workload_inside),
		cmocka_unit_test(test_red_workload),
		cmocka_unit_test(test_red_raw),
		cmocka_unit_test(test_red_bridged),
		cmocka_unit_test(test_red_routed),
		cmocka_unit_test(test_red_ports),
		cmocka_unit_test(test_red_beyond),
		cmocka_unit_test(test_red_settings),
		cmocka_unit_test(test_red_endpoints),
	};

	return _cmocka_run_group_tests("attack", tests,
				       test_quick() ? QUICK : sizeof(tests) / sizeof(tests[0]),
				       world_setup, NULL);
}
