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
#include "../lib/world.h"

/*
 * The README's session, command for command, in one world: what it shows is
 * what is printed. "…" stands for what differs each time (the id of a store).
 * Its two commands are run by .ci/run as they stand; the last test holds the
 * two to each other.
 */
#define SESSION_BEGIN "```console\n"
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

static void the_session_prints_what_it_shows(void **state)
{
	NSN_AUTO(nsn_freep) char *readme = NULL, *shown = NULL;
	char *at, *end, *next, *newline;
	int commands = 0;

	(void)state;
	world_need();
	put_nsnet_in_path();
	readme = read_file("README.md");
	at = strstr(readme, SESSION_BEGIN);
	assert_non_null(at);
	at += strlen(SESSION_BEGIN);
	end = strstr(at, "```");
	assert_non_null(end);
	*end = '\0';
	for (at = next_command(at); at; at = next) {
		newline = strchr(at, '\n');
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
	assert_true(commands >= 10);
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
		cmocka_unit_test_setup(the_session_prints_what_it_shows, world_setup),
		cmocka_unit_test(ci_runs_the_two_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
