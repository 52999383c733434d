/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policies that are shipped: the examples are accepted and hold, and what is in policies/reject
 * is refused, word by word as policies/reject/expected.txt has it. NSNET_GOLDEN_UPDATE=1 writes
 * that file again: read the difference before a commit.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"

/* Debian's, which has the packages; another one may come first in PATH. */
#define PYTHON "/usr/bin/python3"

static glob_t files_of(const char *where)
{
	NSN_AUTO(nsn_freep) char *pattern = source_path(where);
	glob_t files;

	assert_int_equal(glob(pattern, 0, NULL, &files), 0);
	return files;
}

static const char *name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* No tenants of a host: they would be known, too. */
static int begin_alone(void **state)
{
	assert_int_equal(begin(state), 0);
	return setenv("NSNET_STATE_DIR", "/nonexistent/nsnet", 1);
}

/* ---- the examples ---------------------------------------------------------------------- */

static void assert_holds(const char *path)
{
	NSN_AUTO(run_done) struct run check = {0}, test = {0};
	unsigned long hold;
	char *rest;

	NSNET(&check, "policy", "check", path);
	assert_status(&check, 0);
	assert_string_equal(check.err, "");
	/* Not even a warning. */
	assert_starts(check.out, "0 errors, 0 warnings in ");
	NSNET(&test, "policy", "test", path);
	assert_status(&test, 0);
	hold = strtoul(test.out, &rest, 10);
	assert_true(hold >= 3);
	assert_starts(rest, " of ");
	assert_int_equal(strtoul(rest + 4, &rest, 10), hold);
	assert_string_equal(rest, " hold\n");
}

static void each_example_is_accepted_and_holds(void **state)
{
	NSN_AUTO(nsn_freep) char *folder = source_path("policies");
	glob_t files = files_of("policies/*.yaml");

	(void)state;
	assert_int_equal(files.gl_pathc, 6);
	for (size_t i = 0; i < files.gl_pathc; i++)
		assert_holds(files.gl_pathv[i]);
	globfree(&files);
	/* And all of them together. */
	assert_holds(folder);
}

/* What holds by accident holds without the rules, too. */
static void an_example_without_its_rules_fails(void **state)
{
	static const char *const names[] = {"10-internet-egress", "20-shared-services",
					    "30-peering", "40-public-ingress", "90-quarantine"};
	static const char script[] =
		"sed -e '/^rules:/,/^$/d' -e '/^quarantine:/,/^$/d' \"$1/$2.yaml\" | "
		"\"$3\" policy test -";

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		NSN_AUTO(nsn_freep) char *folder = source_path("policies");
		NSN_AUTO(run_done) struct run r = {0};

		RUN(&r, "sh", "-c", script, "sh", folder, names[i], nsnet_bin());
		assert_status(&r, 1);
		assert_has(r.out, "fails: can: ");
		assert_has(r.out, "no rule allows it");
	}
}

/* ---- what is refused -------------------------------------------------------------------- */

static void refuse(FILE *to, const char *path)
{
	NSN_AUTO(run_done) struct run r = {0};
	const char *name = name_of(path);

	/* In their folder: the path is part of what is printed. */
	RUN(&r, "sh", "-c", "cd \"$1\" && exec \"$2\" policy check \"$3\" 2>&1", "sh",
	    getenv("REJECT_DIR"), nsnet_bin(), name);
	if (r.status != 1)
		fail_msg("%s: status %d\n%s", name, r.status, r.out);
	fprintf(to, "$ nsnet policy check %s\n%s[1]\n", name, r.out);
}

static char *read_all(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return strdup("");
	if (getdelim(&text, &size, '\0', f) < 0) {
		free(text);
		text = strdup("");
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static void each_is_refused_as_it_is_written(void **state)
{
	NSN_AUTO(nsn_freep) char *path = source_path("policies/reject/expected.txt");
	NSN_AUTO(nsn_freep) char *folder = source_path("policies/reject");
	const char *update = getenv("NSNET_GOLDEN_UPDATE");
	glob_t files = files_of("policies/reject/*.yaml");
	NSN_AUTO(nsn_freep) char *want = read_all(path);
	NSN_AUTO(nsn_freep) char *got = NULL;
	size_t size, i = 0, line = 0;
	FILE *f = open_memstream(&got, &size);

	(void)state;
	assert_true(files.gl_pathc >= 60);
	assert_non_null(f);
	assert_int_equal(setenv("REJECT_DIR", folder, 1), 0);
	for (size_t k = 0; k < files.gl_pathc; k++)
		refuse(f, files.gl_pathv[k]);
	assert_int_equal(fclose(f), 0);
	globfree(&files);
	if (update && strcmp(update, "1") == 0) {
		f = fopen(path, "w");
		assert_non_null(f);
		fputs(got, f);
		assert_int_equal(fclose(f), 0);
		return;
	}
	for (; want[i] && want[i] == got[i]; i++)
		if (want[i] == '\n')
			line = i + 1;
	if (want[i] != got[i])
		fail_msg("wanted\n%.300s\ngot\n%.300s\n(NSNET_GOLDEN_UPDATE=1 writes it again)",
			 want + line, got + line);
}

/* Each of the reasons that a file can be refused for is among them. */
static void each_reason_is_there(void **state)
{
	static const char *const codes[] = {
		"BAD_FILE",	 "UNKNOWN_KEY", "BAD_RULE",	    "BAD_NAME",	 "BAD_PEER",
		"DNS_PEER",	 "BAD_PORT",	"BAD_FLOW",	    "BAD_TIME",	 "UNKNOWN_PEER",
		"BAD_SUBNET",	 "BAD_ADDRESS", "BAD_RATE",	    "BAD_LABEL", "BAD_SETTING",
		"ADDRESS_TAKEN", "BAD_PUBLISH", "PUBLISH_CONFLICT",
	};
	NSN_AUTO(nsn_freep) char *path = source_path("policies/reject/expected.txt");
	NSN_AUTO(nsn_freep) char *text = read_all(path);

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(codes); i++) {
		char word[40];

		(void)snprintf(word, sizeof(word), "   [%s]\n", codes[i]);
		assert_has(text, word);
	}
}

/* ---- the schema and the manual ------------------------------------------------------------ */

static void the_schema_says_the_same_of_shapes(void **state)
{
	NSN_AUTO(nsn_freep) char *script = source_path("tests/cli/policies.py");
	NSN_AUTO(nsn_freep) char *folder = source_path("policies");
	NSN_AUTO(run_done) struct run schema = {0}, r = {0};
	const char *must = getenv("NSNET_TESTS_MUST_RUN");

	(void)state;
	world_need();
	NSNET(&schema, "policy", "schema");
	assert_status(&schema, 0);
	json_decref(parse(schema.out));
	run_input(&r, 120000, schema.out,
		  (const char *const[]){PYTHON, "-W", "ignore", script, folder, NULL});
	if (r.status == 77 && !(must && strcmp(must, "1") == 0)) {
		print_message("SKIP: " PYTHON " has no jsonschema or yaml\n");
		skip();
	}
	if (r.status != 0)
		fail_msg("%s%s", r.out, r.err);
}

static void the_manual_is_one(void **state)
{
	/* A key of each map, a type, and what is not there yet. */
	static const char *const parts[] = {
		"nsnet-policy - who may open connections to whom",
		"subnet (subnet, needed)",
		"allow (one or a list of ports, exactly one of the two)",
		"keep: [shared/forensics -> customer3 tcp/22]",
		"publish (publish)",
		"snat (not in this version)",
	};
	static const char script[] =
		"command -v man >/dev/null || exit 77; \"$1\" policy manual >/run/page.5 && "
		"MANWIDTH=100 LC_ALL=C man --warnings -P cat -E ascii -l /run/page.5 | col -b";
	NSN_AUTO(run_done) struct run r = {0};
	const char *must = getenv("NSNET_TESTS_MUST_RUN");

	(void)state;
	RUN(&r, "sh", "-c", script, "sh", nsnet_bin());
	if (r.status == 77 && !(must && strcmp(must, "1") == 0)) {
		print_message("SKIP: there is no man\n");
		skip();
	}
	assert_status(&r, 0);
	assert_string_equal(r.err, "");
	for (size_t i = 0; i < NSN_COUNT(parts); i++)
		assert_has(r.out, parts[i]);
}

/* ---- files and folders -------------------------------------------------------------------- */

static void a_folder_is_read_in_the_order_of_its_names(void **state)
{
	static const char script[] =
		"mkdir -p /run/p/sub && cd /run/p && "
		"for n in b.yaml a.json B.yml .hidden.yaml c.txt sub/d.yaml; do "
		"printf '{nsnet: 1, x: 1}' >$n; done && mkfifo e.yaml && mkdir f.yaml";
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	RUN_STATUS(0, "sh", "-c", script);
	NSNET(&r, "policy", "check", "/run/p");
	assert_status(&r, 1);
	assert_has(r.out, "3 errors, 0 warnings in 3 files\n");
	assert_true(strstr(r.out, "/run/p/B.yml:1:12: ") < strstr(r.out, "/run/p/a.json:1:12: "));
	assert_true(strstr(r.out, "/run/p/a.json:") < strstr(r.out, "/run/p/b.yaml:"));
}

static void what_cannot_be_read_is_status_2(void **state)
{
	static const char script[] = "mkdir /run/many && cd /run/many && for i in $(seq 1000); do "
				     "echo 'nsnet: 1' >$i.yaml; done";

	(void)state;
	REFUSES(2, "NO_FILE", "'/run/none.yaml' cannot be read", "policy", "check",
		"/run/none.yaml");
	RUN_STATUS(0, "mkdir", "-p", "/run/empty");
	REFUSES(2, "NO_FILE", "has no policies in it", "policy", "check", "/run/empty/");
	REFUSES(2, "NO_FILE", "is empty", "policy", "check", "");
	RUN_STATUS(0, "sh", "-c", "head -c 1048577 /dev/zero >/run/big.yaml");
	REFUSES(2, "BAD_FILE", "has more than 1048576 bytes", "policy", "check", "/run/big.yaml");
	RUN_STATUS(0, "sh", "-c", script);
	SAYS("0 errors, 0 warnings in 1000 files\n", "policy", "check", "/run/many");
	RUN_STATUS(0, "sh", "-c", "echo 'nsnet: 1' >/run/many/a.yaml");
	REFUSES(2, "BAD_FILE", "more than 1000 files", "policy", "check", "/run/many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_example_is_accepted_and_holds, begin_alone),
		cmocka_unit_test_setup(an_example_without_its_rules_fails, begin_alone),
		cmocka_unit_test_setup(each_is_refused_as_it_is_written, begin_alone),
		cmocka_unit_test(each_reason_is_there),
		cmocka_unit_test_setup(the_schema_says_the_same_of_shapes, begin_alone),
		cmocka_unit_test_setup(the_manual_is_one, begin_alone),
		cmocka_unit_test_setup(a_folder_is_read_in_the_order_of_its_names, begin_alone),
		cmocka_unit_test_setup(what_cannot_be_read_is_status_2, begin_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
