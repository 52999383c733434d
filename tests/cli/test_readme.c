/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../lib/border.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * The README's sessions, command for command, each in a world of its own: what they show is
 * what is printed. "…" stands for what differs each time (the id of a store).
 * One that begins with "```console border" has the links and the internet of border.sh there,
 * where 9.9.9.9 answers names, and 1.1.1.1 pages (internet.py).
 * Its two commands are run by .ci/run as they stand; the last test holds the
 * two to each other.
 */
#define SESSION_BEGIN "```console"
#define BORDER	      " border"
#define ANYTHING      "\xe2\x80\xa6"

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (!f)
		fail_msg("%s: this test runs in the top folder", path);
	n = getdelim(&text, &size, '\0', f);
	(void)fclose(f);
	assert_true(n > 0);
	return text;
}

/* The command is found as `nsnet`, as after `make install`. */
static void put_nsnet_in_path(void)
{
	NSN_AUTO(nsn_freep) char *bin = realpath(nsnet_bin(), NULL);
	NSN_AUTO(nsn_freep) char *path = NULL;

	assert_non_null(bin);
	*strrchr(bin, '/') = '\0';
	assert_true(asprintf(&path, "%s:%s", bin, getenv("PATH")) > 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

/* Whether @said is @shown, in which one ANYTHING stands for any text. */
static bool matches(const char *shown, const char *said)
{
	const char *gap = strstr(shown, ANYTHING);
	size_t before, after;

	if (!gap)
		return strcmp(shown, said) == 0;
	before = (size_t)(gap - shown);
	after = strlen(gap + strlen(ANYTHING));
	return strlen(said) >= before + after && strncmp(shown, said, before) == 0 &&
	       strcmp(gap + strlen(ANYTHING), said + strlen(said) - after) == 0;
}

static void check_command(const char *command, const char *shown)
{
	NSN_AUTO(nsn_freep) char *both = NULL;
	struct run r;

	/* On a terminal both streams come together. */
	assert_true(asprintf(&both, "exec 2>&1; %s", command) > 0);
	RUN(&r, "sh", "-c", both);
	if (!matches(shown, r.out))
		fail_msg("README: '# %s' shows\n%s\nbut prints\n%s", command, shown, r.out);
	run_free(&r);
}

/* Cuts at the next command; returns it, and ends the text before it. */
static char *next_command(char *text)
{
	char *at = strncmp(text, "# ", 2) == 0 ? text : strstr(text, "\n# ");

	if (!at)
		return NULL;
	if (at != text)
		*at++ = '\0';
	return at;
}

/* From its first command to the end of the text. */
static int check_session(char *text)
{
	NSN_AUTO(nsn_freep) char *shown = NULL;
	int commands = 0;
	char *at, *next;

	for (at = next_command(text); at; at = next) {
		char *newline = strchr(at, '\n');

		assert_non_null(newline);
		*newline = '\0';
		next = next_command(newline + 1);
		free(shown);
		/* The next command may follow at once, or cut off the last newline. */
		if (next == newline + 1)
			shown = strdup("");
		else
			assert_true(asprintf(&shown, "%s%s", newline + 1, next ? "\n" : "") >= 0);
		check_command(at + 2, shown);
		commands++;
	}
	return commands;
}

/* ---- beyond the border --------------------------------------------------------------- */

static bool internet_answers(void *ctx)
{
	(void)ctx;
	return lab_sh_status("grep -q ready /run/internet.log") == 0;
}

static void make_internet(void)
{
	border_sh("make none");
	/* What it says is waited for elsewhere: nobody reads a pipe. */
	assert_int_equal(
		lab_sh_status("ip netns exec internet python3 "
			      "\"$NSNET_SRC/tests/cli/internet.py\" >/run/internet.log 2>&1 "
			      "& echo $! >/run/internet.pid"),
		0);
	assert_true(poll_until(internet_answers, NULL, 20000));
}

/* Also of a session that failed: who is left keeps the world. */
static int end_servers(void **state)
{
	(void)state;
	return lab_sh_status("for f in /run/*.pid; do [ ! -e $f ] || kill $(cat $f) 2>/dev/null; "
			     "done; :");
}

static void the_sessions_print_what_they_show(void **state)
{
	NSN_AUTO(nsn_freep) char *readme = NULL;
	int sessions = 0;
	char *at, *end;
	bool border;

	(void)state;
	world_need();
	put_nsnet_in_path();
	readme = read_file("README.md");
	for (at = readme; (at = strstr(at, SESSION_BEGIN)); at = end + 1) {
		at += strlen(SESSION_BEGIN);
		border = strncmp(at, BORDER "\n", strlen(BORDER "\n")) == 0;
		assert_true(border || *at == '\n');
		at = strchr(at, '\n') + 1;
		end = strstr(at, "```");
		assert_non_null(end);
		*end = '\0';
		assert_int_equal(world_enter(), 0);
		if (border)
			make_internet();
		assert_true(check_session(at) >= 8);
		(void)end_servers(state);
		sessions++;
	}
	assert_int_equal(sessions, 3);
}

static void ci_runs_the_two_commands(void **state)
{
	NSN_AUTO(nsn_freep) char *readme = read_file("README.md");
	NSN_AUTO(nsn_freep) char *ci = read_file(".ci/run");
	static const char *const commands[] = {"bash tests/demo.sh", "bash tests/all.sh"};
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(commands); i++) {
		assert_non_null(strstr(readme, commands[i]));
		assert_non_null(strstr(ci, commands[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_sessions_print_what_they_show, world_setup,
						end_servers),
		cmocka_unit_test(ci_runs_the_two_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
