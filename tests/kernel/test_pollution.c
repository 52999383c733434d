// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../lib/lab.h"
#include "../lib/pollute.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * A caller that has everything a workload must not get. What arrived is told by arrived.py, which
 * runs there as the command. All is planted in a child, which is the caller then.
 */

#define MAX_TEXT (1 << 20)

static char script[16384]; /* arrived.py: a workload does not see the file */
static char keyctl_word[16];
static char *report; /* what the workload of the polluted caller said */

static int build(void **state)
{
	struct nsnet *n;
	char *text;

	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	nsnet_close(n);
	(void)nsnet_bin();
	text = lab_sh("cat \"$NSNET_SRC/tests/kernel/arrived.py\"");
	snprintf(script, sizeof(script), "%s", text);
	free(text);
	snprintf(keyctl_word, sizeof(keyctl_word), "%d", SYS_keyctl);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	free(report);
	return 0;
}

/* ---- the caller ---------------------------------------------------------------------------- */

/* The same by the library: nobody executes nsnet, which would reset some of it. */
static void call_library(const char *const argv[])
{
	struct nsnet_err err = {0};
	struct nsnet_run *run = NULL;
	struct nsnet_exit e = {0};
	const struct nsnet_run_def def = {.tenant = "blue", .argv = argv, .stdio = {0, 1, 2}};
	struct nsnet *own = NULL;

	pollute_must(prctl(PR_SET_DUMPABLE, 0) == 0, "being undumpable");
	if (nsnet_open(&own, NULL, NULL, &err) < 0 || nsnet_run_start(own, &def, &run, &err) < 0 ||
	    nsnet_run_wait(run, -1, &e, &err) != 1) {
		fprintf(stderr, "by the library: %s\n", err.msg);
		_exit(96);
	}
	_exit(e.signalled ? 95 : e.code);
}

static void be_polluted(const char *const argv[], bool library)
{
	char **words;

	pollute();
	if (library)
		call_library(argv);
	memcpy(&words, &argv, sizeof(words)); /* execv() changes nothing */
	(void)execv(argv[0], words);
	_exit(97);
}

/* Runs @argv from a caller that has all of that, and gives what it said. */
static char *from_polluted(const char *const argv[], bool library)
{
	char *text = calloc(1, MAX_TEXT);
	size_t len = 0;
	ssize_t got;
	int out[2], status;
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(open("/dev/null", O_RDONLY), 0);
		(void)dup2(out[1], 1);
		(void)dup2(out[1], 2);
		be_polluted(argv, library);
	}
	close(out[1]);
	while ((got = read(out[0], text + len, MAX_TEXT - 1 - len)) > 0)
		len += (size_t)got;
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("status %x: %s", status, text);
	return text;
}

/* ---- what is inside ------------------------------------------------------------------------ */

#define LOOK "/usr/bin/python3", "-c", script, keyctl_word, POLLUTE_SECRET, NULL
#define RUN_IN_BLUE(...)                                                                           \
	from_polluted((const char *const[]){nsnet_bin(), "run", "blue", __VA_ARGS__, "--", LOOK},  \
		      false)

static const char *value(const char *key)
{
	if (!report)
		report = RUN_IN_BLUE("-q");
	return ward_value(report, key);
}

static void assert_value(const char *key, const char *want)
{
	const char *is = value(key);

	if (strcmp(is, want) != 0)
		fail_msg("%s: '%s', not '%s'\n%s", key, is, want, report);
}

static void no_descriptor(void **state)
{
	(void)state;
	world_need();
	assert_value("fds", "0 1 2");
}

static void no_folder_and_no_umask(void **state)
{
	(void)state;
	world_need();
	assert_value("cwd", "/");
	assert_value("umask", "0022");
}

static void no_signals(void **state)
{
	(void)state;
	world_need();
	assert_value("SigBlk", "0000000000000000");
	assert_value("SigPnd", "0000000000000000");
	assert_value("ShdPnd", "0000000000000000");
	/* Python's own: PIPE and XFSZ. */
	assert_value("SigIgn", "0000000001001000");
	assert_value("death", "0");
	assert_value("wait", "3");
	assert_value("pipe", "141");
}

/* All of it is nsnet's; `nsnet run --env` is the only way in. */
static void no_environment(void **state)
{
	(void)state;
	world_need();
	assert_value("env", "HOME LANG LOGNAME NSNET_ENDPOINT NSNET_TENANT PATH USER container");
	assert_value("secrets", "0");
}

static void no_credentials(void **state)
{
	static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(sets); i++)
		assert_value(sets[i], "0000000000000000");
	assert_value("Groups", "(none)");
	assert_value("Uid", "0 0 0 0");
	assert_value("Gid", "0 0 0 0");
	/* NOROOT, and what lib/spawn/confine.c locks: NO_SETUID_FIXUP is locked as off. */
	assert_value("securebits", "11");
	assert_value("NoNewPrivs", "1");
	assert_value("Seccomp", "2");
	assert_value("Seccomp_filters", "1");
	assert_value("dumpable", "1");
}

static void no_priority(void **state)
{
	(void)state;
	world_need();
	assert_value("nice", "0");
	assert_value("policy", "0");
	assert_value("ionice", "none: prio 0");
	assert_value("personality", "00000000");
	/* Above 0 it makes one likelier to be killed, and stays. */
	assert_true(strtol(value("oom"), NULL, 10) >= 0);
	/* 1: no file, and no program of the host's that is told. */
	assert_value("limit CORE", "1 -1");
	assert_value("limit RTPRIO", "0 0");
	assert_value("limit NICE", "0 0");
}

static void no_terminal_and_no_session(void **state)
{
	(void)state;
	world_need();
	assert_value("tty", "0");
	/* Of its own: 1 is its own number. */
	assert_value("tty1", "0 session1 1 nice1 0");
}

static void pid_1_tells_nothing(void **state)
{
	(void)state;
	world_need();
	assert_value("comm1", "nsnet-init");
	LAB_HAS(value("cmdline1"), "'nsnet-init'");
	assert_null(strstr(value("cmdline1"), "blue"));
	assert_null(strstr(value("cmdline1"), "import"));
	assert_null(strstr(report, POLLUTE_SECRET));
}

/* The filter denies to ask for keys, so one that lets all through has to show that there are
 * none. */
static void no_key(void **state)
{
	char *text;

	(void)state;
	world_need();
	lab_sh_status("echo '{\"defaultAction\": \"SCMP_ACT_ALLOW\"}' >/run/all.json");
	text = RUN_IN_BLUE("--seccomp", "/run/all.json", "--because", "the test of keys");
	if (strstr(ward_value(text, "keys"), "there") ||
	    strstr(ward_value(text, "keys"), "Function-not-implemented"))
		fail_msg("%s", text);
	free(text);
}

static void nothing_by_the_library(void **state)
{
	char *text;

	(void)state;
	world_need();
	(void)value("fds");
	text = from_polluted((const char *const[]){LOOK}, true);
	if (strcmp(text, report) != 0)
		fail_msg("by the library:\n%s\nby the command:\n%s", text, report);
	free(text);
}

/* What makes him less than others, a workload has from its caller. */
static void limits_are_the_callers(void **state)
{
	static const char lower[] = "ulimit -Sn 300; ulimit -Hn 400; "
				    "exec $0 run blue -- bash -c 'ulimit -Sn; ulimit -Hn'";
	char *wanted;
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "bash", "-c", lower, nsnet_bin());
	assert_string_equal(r.out, "300\n400\n");
	run_free(&r);
	/* Upon what this test itself has. */
	RUN(&r, "nice", "-n", "6", "nice");
	wanted = strdup(r.out);
	run_free(&r);
	RUN(&r, "nice", "-n", "6", nsnet_bin(), "run", "blue", "--", "nice");
	assert_string_equal(r.out, wanted);
	run_free(&r);
	free(wanted);
}

/* The root is built by the host's side, under the caller's umask. */
static void whatever_umask_the_same_files(void **state)
{
	static const char *const masks[] = {"022", "000", "077", "777"};
	static const char list[] = "find / -path /proc -prune -o -path /usr -prune -o -printf "
				   "'%M %U %G %p\\n' | sort";
	char cmd[128], *first = NULL;
	struct run r;

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(masks); i++) {
		snprintf(cmd, sizeof(cmd), "umask %s; exec \"$0\" run blue -- sh -c \"$1\"",
			 masks[i]);
		RUN(&r, "sh", "-c", cmd, nsnet_bin(), list);
		assert_int_equal(r.status, 0);
		LAB_HAS(r.out, "drwxrwxrwt 0 0 /tmp\n");
		if (!first)
			first = strdup(r.out);
		assert_string_equal(r.out, first);
		run_free(&r);
	}
	free(first);
	/* Nor may others write to what is kept of it. */
	RUN(&r, "find", LAB_RUN, LAB_STATE, "-perm", "/022", "-not", "-type", "l");
	assert_string_equal(r.out, "");
	run_free(&r);
}

/* The same caller without nsnet: everything would arrive. */
static void control_everything_arrives(void **state)
{
	char *text;

	(void)state;
	world_need();
	text = from_polluted((const char *const[]){LOOK}, false);
	LAB_HAS(ward_value(text, "fds"), "3 4 5 6 7 8 9 10 11 12 13 14 15 ");
	LAB_HAS(text, " 251 252 253 254 255 ");
	assert_string_equal(ward_value(text, "cwd"), "/etc");
	assert_string_equal(ward_value(text, "umask"), "0000");
	assert_string_equal(ward_value(text, "nice"), "-7");
	assert_string_equal(ward_value(text, "policy"), "2");
	assert_string_equal(ward_value(text, "ionice"), "realtime: prio 2");
	assert_string_equal(ward_value(text, "personality"), "00040000");
	assert_string_equal(ward_value(text, "death"), "10");
	assert_string_equal(ward_value(text, "Groups"), "27 4242");
	assert_string_equal(ward_value(text, "CapAmb"), "0000000000002000");
	assert_string_equal(ward_value(text, "securebits"), "76");
	assert_string_not_equal(ward_value(text, "secrets"), "0");
	assert_string_not_equal(ward_value(text, "tty"), "0");
	LAB_HAS(ward_value(text, "keys"), "there");
	LAB_HAS(ward_value(text, "SigBlk"), "ffff");
	LAB_HAS(text, "NSNET_PLANTED");
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_everything_arrives),
		cmocka_unit_test(no_descriptor),
		cmocka_unit_test(no_folder_and_no_umask),
		cmocka_unit_test(no_signals),
		cmocka_unit_test(no_environment),
		cmocka_unit_test(no_credentials),
		cmocka_unit_test(no_priority),
		cmocka_unit_test(no_terminal_and_no_session),
		cmocka_unit_test(pid_1_tells_nothing),
		cmocka_unit_test(no_key),
		cmocka_unit_test(nothing_by_the_library),
		cmocka_unit_test(limits_are_the_callers),
		cmocka_unit_test(whatever_umask_the_same_files),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, drop);
}
