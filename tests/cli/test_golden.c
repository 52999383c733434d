/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the built command prints, word by word: tests/cli/golden/NAME.txt is a session, each in a
 * new world. `$ COMMAND` is run by sh with `nsnet` in its PATH; then follows what it prints on
 * both streams, and `[N]` when its status is not 0. What differs from run to run is replaced as
 * listed below. NSNET_GOLDEN_UPDATE=1 writes the files again: read the difference before a commit.
 */
#include <glob.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

/* All that may differ between two runs, and nothing else. The group is what stays before it. */
static const struct {
	const char *pattern, *word;
} volatiles[] = {
	/* times, and the columns that have them */
	{"()[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", "TIME"},
	/* boot id, store id (YAML quotes one that begins with a digit), link group of the store */
	{"(id: )\"?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\"?", "BOOT"},
	{"(id: )\"?[0-9a-f]{32}\"?", "STORE"},
	{"()[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "BOOT"},
	{"()[0-9a-f]{32}", "STORE"},
	{"(group[: \"]+)[0-9]+", "GROUP"},
	/* the /48 of the store, out of which it gives IPv6 subnets */
	{"()fd[0-9a-f]{2}(:[0-9a-f]{1,4}){2}", "ULA"},
	/* ids: never given twice, so a failed attempt takes one */
	{"(id\"?: )[0-9]+", "ID"},
	{"()nsn[0-9]+", "PORT"},
	{"()([0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC"},
	/* workloads, and how long ago */
	{"()\\b[0-9a-f]{12}\\b", "WORKLOAD"},
	{"(age_seconds\"?: )[0-9]+", "N"},
	/* users: which range is free, others on this host have a say in */
	{"((outside|base)\"?: )[0-9]+", "UID"},
	/* self-check: namespaces, processes, canaries, and the host */
	{"((pid|net|mnt|ipc|uts|user|cgroup|time):.)[0-9]{10}", "INODE"},
	{"()nsc-[0-9a-f]{8}", "CANARY"},
	{"(/nsnet/|workload )[0-9a-f]{12}", "WORKLOAD"},
	{"(process |same process is |/proc/|kill )[0-9]+", "PID"},
	{"(its tenant has )[0-9]+ to [0-9]+", "UIDS"},
	{"(map: 0 is |it is user |of its file is )[0-9]{10}", "UID"},
	{"(host's name is still ).*", "HOST"},
	/* what a border is made of is not what a session is about */
	{"(Kernel check: )[1-9][0-9]*", "N"},
	/* the kernel sends and drops a little by itself */
	{"(rx_bytes\"?: |tx_bytes\"?: |dropped_packets\"?: )[0-9]+", "N"},
	{"((arp|dhcp|ethertype|exthdr|forward|input|inside|ipv6|multicast|nd|output|rate|source)"
	 "\"?: )[0-9]+$",
	 "N"},
	{"((arp|dhcp|ethertype|exthdr|forward|input|inside|ipv6|multicast|nd|output|rate|source)"
	 "\": )[0-9]+",
	 "N"},
	{"(dropped     )[0-9]+ packets?", "N"},
	{"(traffic     )rx .*", "N"},
};

static char *replaced(const char *text, const char *pattern, const char *word)
{
	regmatch_t m[2];
	regex_t re;
	char *out;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NEWLINE), 0);
	while (regexec(&re, text, 2, m, 0) == 0) {
		fprintf(f, "%.*s%s", (int)m[1].rm_eo, text, word);
		text += m[0].rm_eo;
	}
	fputs(text, f);
	regfree(&re);
	assert_int_equal(fclose(f), 0);
	return out;
}

static char *normalised(const char *text)
{
	char *now = strdup(text);

	assert_non_null(now);
	for (size_t i = 0; i < NSN_COUNT(volatiles); i++) {
		char *next = replaced(now, volatiles[i].pattern, volatiles[i].word);

		free(now);
		now = next;
	}
	return now;
}

/* Runs a command line and appends it with its output, as it stands in a golden file. */
static void perform(FILE *session, const char *line)
{
	NSN_AUTO(run_done) struct run r = {0};
	NSN_AUTO(nsn_freep) char *out = NULL;

	RUN(&r, "sh", "-c", "eval \"$1\" 2>&1", "sh", line);
	out = normalised(r.out);
	fprintf(session, "$ %s\n%s", line, out);
	if (*out && out[strlen(out) - 1] != '\n')
		fputs("\\ no newline\n", session);
	if (r.status != 0)
		fprintf(session, "[%d]\n", r.status);
}

static char *read_all(const char *path)
{
	NSN_AUTO(run_done) struct run r = {0};

	RUN(&r, "cat", path);
	assert_status(&r, 0);
	assert_false(r.cut);
	return strdup(r.out);
}

/* The first line that differs, as context for the eye. */
static void compare(const char *path, const char *want, const char *got)
{
	const char *line = want;
	int n = 1;

	if (strcmp(want, got) == 0)
		return;
	for (size_t i = 0; want[i] && want[i] == got[i]; i++) {
		if (want[i] == '\n') {
			line = want + i + 1;
			n++;
		}
	}
	fail_msg("%s:%d: wanted\n%.*s\ngot\n%.*s\n(NSNET_GOLDEN_UPDATE=1 writes it again)", path, n,
		 (int)strcspn(line, "\n"), line, 600, got + (line - want));
}

static void put_nsnet_in_path(void)
{
	NSN_AUTO(nsn_freep) char *path = NULL;
	const char *before = getenv("PATH");

	/* Not the build folder itself: the name must be `nsnet`. */
	RUN_STATUS(0, "mkdir", "-p", "/run/bin");
	RUN_STATUS(0, "ln", "-sfn", nsnet_bin(), "/run/bin/nsnet");
	assert_true(asprintf(&path, "/run/bin:%s", before) > 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

static void the_session_is_as_written(void **state)
{
	const char *path = *state, *update = getenv("NSNET_GOLDEN_UPDATE");
	NSN_AUTO(nsn_freep) char *want = NULL;
	NSN_AUTO(nsn_freep) char *got = NULL;
	NSN_AUTO(nsn_freep) char *words = NULL;
	size_t size;
	int commands = 0;
	FILE *session;

	(void)begin(NULL);
	world_need();
	put_nsnet_in_path();
	want = read_all(path);
	words = strdup(want);
	session = open_memstream(&got, &size);
	assert_non_null(want);
	assert_non_null(words);
	assert_non_null(session);
	for (char *line = strtok(words, "\n"); line; line = strtok(NULL, "\n")) {
		if (strncmp(line, "$ ", 2) == 0) {
			perform(session, line + 2);
			commands++;
		} else if (commands == 0) {
			/* What it is about. */
			fprintf(session, "%s\n", line);
		}
	}
	assert_int_equal(fclose(session), 0);
	assert_true(commands > 0);
	if (!update || strcmp(update, "1") != 0) {
		compare(path, want, got);
		return;
	}
	session = fopen(path, "w");
	assert_non_null(session);
	fputs(got, session);
	assert_int_equal(fclose(session), 0);
}

int main(void)
{
	NSN_AUTO(nsn_freep) char *pattern = source_path("tests/cli/golden/*.txt");
	NSN_AUTO(nsn_freep) struct CMUnitTest *tests = NULL;
	glob_t files;
	int failed;

	if (glob(pattern, 0, NULL, &files) != 0)
		return 1;
	tests = calloc(files.gl_pathc, sizeof(*tests));
	for (size_t i = 0; tests && i < files.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){
			.name = strrchr(files.gl_pathv[i], '/') + 1,
			.test_func = the_session_is_as_written,
			.initial_state = files.gl_pathv[i],
		};
	failed = _cmocka_run_group_tests("golden", tests, files.gl_pathc, NULL, NULL);
	globfree(&files);
	return failed;
}
