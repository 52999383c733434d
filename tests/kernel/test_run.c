// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "../../lib/base/cleanup.h"
#include "../lib/lab.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * How a workload ends, and how that is told; signals on the way to it; pid 1 inside.
 */

#define NSIGNALS 64

static struct nsnet *n;

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	return 0;
}

static bool kills(int sig)
{
	return sig != SIGCHLD && sig != SIGCONT && sig != SIGURG && sig != SIGWINCH &&
	       sig != SIGSTOP && sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU &&
	       /* glibc's own, which sh cannot send */
	       sig != 32 && sig != 33;
}

static bool dumps(int sig)
{
	static const int list[] = {SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,
				   SIGFPE,  SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};

	for (size_t i = 0; i < NSN_COUNT(list); i++)
		if (list[i] == sig)
			return true;
	return false;
}

/* ---- how it ends ------------------------------------------------------------------------ */

static void every_status_arrives(void **state)
{
	char script[32];

	(void)state;
	world_need();
	for (int i = 0; i < 256; i += test_quick() ? 51 : 1) {
		struct ran ran;

		snprintf(script, sizeof(script), "exit %d", i);
		WARD_RUN(&ran, n, NULL, "sh", "-c", script);
		lab_ok(ran.r, &ran.err, script, __FILE__, __LINE__);
		if (ran.exit.signalled || ran.exit.code != i || ran.exit.core)
			fail_msg("%s: %d %d", script, ran.exit.signalled, ran.exit.code);
		ran_done(&ran);
	}
}

/* The shell of pid 1's child kills itself; a shell that is pid 1 could not. */
static void every_signal_arrives(void **state)
{
	char script[64];

	(void)state;
	world_need();
	for (int i = 1; i <= NSIGNALS; i++) {
		struct ran ran;

		if (!kills(i))
			continue;
		/* In /tmp, as a core dump wants a folder to be written to. */
		snprintf(script, sizeof(script), "cd /tmp; ulimit -c unlimited; kill -%d $$", i);
		WARD_RUN(&ran, n, NULL, "sh", "-c", script);
		lab_ok(ran.r, &ran.err, script, __FILE__, __LINE__);
		if (!ran.exit.signalled || ran.exit.code != i || ran.exit.core != dumps(i))
			fail_msg("%s: %d %d %d", script, ran.exit.signalled, ran.exit.code,
				 ran.exit.core);
		ran_done(&ran);
	}
}

static void there_is_no_core_unless_asked_for(void **state)
{
	struct ran ran;

	(void)state;
	world_need();
	WARD_RUN(&ran, n, NULL, "sh", "-c", "cd /tmp; kill -SEGV $$");
	assert_true(ran.exit.signalled);
	assert_int_equal(ran.exit.code, SIGSEGV);
	assert_false(ran.exit.core);
	ran_done(&ran);
}

static void the_command_line_says_128_more(void **state)
{
	static const struct {
		const char *script;
		int status;
	} cases[] = {
		{"exit 0", 0},	      {"exit 1", 1},	    {"exit 125", 125},
		{"exit 126", 126},    {"exit 127", 127},    {"exit 255", 255},
		{"kill -1 $$", 129},  {"kill -9 $$", 137},  {"kill -11 $$", 139},
		{"kill -15 $$", 143}, {"kill -64 $$", 192},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(cases); i++)
		NSNET_STATUS(cases[i].status, "run", "blue", "--", "sh", "-c", cases[i].script);
}

static void what_cannot_run_is_126_or_127(void **state)
{
	struct run r;

	(void)state;
	world_need();
	NSNET_STATUS(127, "run", "blue", "--", "no-such-command");
	NSNET_STATUS(127, "run", "blue", "--", "/no/such/command");
	NSNET_STATUS(126, "run", "blue", "--", "/etc/passwd");
	NSNET_STATUS(126, "run", "blue", "--", "/usr");
	NSNET_STATUS(125, "run", "nobody", "--", "true");
	NSNET_STATUS(125, "run", "blue", "--cwd", "/no/such", "--", "true");
	NSNET_STATUS(125, "run", "blue", "--share", "pid=host", "--", "true");
	NSNET_STATUS(125, "run", "blue");
	NSNET_STATUS(125, "run", "blue", "--no-such-option", "--", "true");
	NSNET(&r, "run", "blue", "--cwd", "/no/such", "--", "true");
	LAB_HAS(r.err, "stage cwd");
	LAB_HAS(r.err, "errno 2");
	run_free(&r);
}

static void check_document(const char *text, const char *ended, int code, bool core)
{
	json_t *doc = json_loads(text, 0, NULL);

	if (!doc)
		fail_msg("no JSON: %s", text);
	assert_int_equal(json_integer_value(json_object_get(doc, "nsnet")), 1);
	assert_string_equal(json_string_value(json_object_get(doc, "kind")), "Exit");
	assert_int_equal(strlen(json_string_value(json_object_get(doc, "workload"))), 12);
	assert_string_equal(json_string_value(json_object_get(doc, "ended")), ended);
	assert_int_equal(json_integer_value(json_object_get(doc, "code")), code);
	assert_int_equal(json_is_true(json_object_get(doc, "core")), core);
	assert_int_equal(json_object_size(doc), 6);
	json_decref(doc);
}

static void documents_tell_143_from_15(void **state)
{
	static const struct {
		const char *script, *ended;
		int code;
		bool core;
	} cases[] = {
		{"exit 143", "exited", 143, false},
		{"kill -15 $$", "signalled", 15, false},
		{"cd /tmp; ulimit -c unlimited; kill -6 $$", "signalled", 6, true},
	};
	char cmd[512];
	struct run r;

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		NSNET(&r, "run", "blue", "-j", "--", "sh", "-c", cases[i].script);
		check_document(r.err, cases[i].ended, cases[i].code, cases[i].core);
		assert_string_equal(r.out, "");
		run_free(&r);
		snprintf(cmd, sizeof(cmd),
			 "exec 7>/run/status; %s run blue --status-fd 7 -- sh -c '%s'", nsnet_bin(),
			 cases[i].script);
		RUN(&r, "sh", "-c", cmd);
		assert_string_equal(r.err, "");
		run_free(&r);
		RUN(&r, "cat", "/run/status");
		check_document(r.out, cases[i].ended, cases[i].code, cases[i].core);
		run_free(&r);
	}
}

/* Ours are all open in nsnet: the state file, folders, namespaces. */
static void status_and_fd_are_what_the_caller_had(void **state)
{
	char cmd[256];

	(void)state;
	world_need();
	for (int fd = 3; fd < 16; fd++) {
		snprintf(cmd, sizeof(cmd),
			 "exec %d>&-; %s run blue --fd %d -- true 2>&1 | grep BAD_DESCRIPTOR", fd,
			 nsnet_bin(), fd);
		RUN_STATUS(0, "bash", "-c", cmd);
		snprintf(
			cmd, sizeof(cmd),
			"exec %d>&-; %s run blue --status-fd %d -- true 2>&1 | grep BAD_DESCRIPTOR",
			fd, nsnet_bin(), fd);
		RUN_STATUS(0, "bash", "-c", cmd);
	}
	snprintf(cmd, sizeof(cmd), "%s run blue --status-fd 5 -- true 5</etc/passwd", nsnet_bin());
	RUN_STATUS(125, "bash", "-c", cmd);
}

/* ---- a running one ------------------------------------------------------------------------ */

/* nsnet run in the background, with its output in a pipe. */
struct bg {
	pid_t pid;
	int in, out;
	char text[65536];
	size_t len;
};

static void bg_start(struct bg *b, const char *script)
{
	int in[2], out[2];

	*b = (struct bg){0};
	(void)nsnet_bin(); /* fails here, when it does, and not in the child */
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	b->pid = fork();
	assert_true(b->pid >= 0);
	if (b->pid == 0) {
		(void)setsid();
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)dup2(out[1], 2);
		(void)execl(nsnet_bin(), "nsnet", "run", "blue", "--", "bash", "-c", script, NULL);
		_exit(99);
	}
	close(in[0]);
	close(out[1]);
	b->in = in[1];
	b->out = out[0];
}

/* Reads until @word is there, at most 20 s; NULL: to the end. */
static bool bg_sees(struct bg *b, const char *word)
{
	const double end = now_ms() + 20000;

	while (now_ms() < end && !(word && strstr(b->text, word))) {
		struct pollfd p = {.fd = b->out, .events = POLLIN};
		ssize_t got;

		if (poll(&p, 1, 100) <= 0)
			continue;
		got = read(b->out, b->text + b->len, sizeof(b->text) - 1 - b->len);
		if (got <= 0)
			return word == NULL;
		b->len += (size_t)got;
	}
	return word && strstr(b->text, word);
}

static void bg_wait_word(struct bg *b, const char *word)
{
	if (!bg_sees(b, word))
		fail_msg("no '%s' in: %s", word ? word : "(end)", b->text);
}

/* Its exit status, or 128 + N. */
static int bg_end(struct bg *b)
{
	int status;

	if (b->in >= 0)
		close(b->in);
	status = end_status(b->pid, b->text);
	close(b->out);
	return status;
}

static void signals_are_passed_on(void **state)
{
	static const int list[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT, SIGCONT};
	char script[128];

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(list); i++) {
		struct bg b;

		snprintf(script, sizeof(script),
			 "trap 'echo got; exit 7' %d; echo ready; while :; do sleep 0.02; done",
			 list[i]);
		bg_start(&b, script);
		bg_wait_word(&b, "ready");
		kill(b.pid, list[i]);
		bg_wait_word(&b, "got");
		assert_int_equal(bg_end(&b), 7);
	}
}

static void what_is_not_trapped_kills(void **state)
{
	static const int list[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(list); i++) {
		struct bg b;

		/* Not bash, which ignores SIGQUIT until it has become `sleep`. */
		bg_start(&b, "exec sh -c 'echo ready; exec sleep 100'");
		bg_wait_word(&b, "ready");
		kill(b.pid, list[i]);
		assert_int_equal(bg_end(&b), 128 + list[i]);
	}
}

/* To the whole group of nsnet, as a terminal does with a Ctrl-C: the workload is in another one. */
static void a_signal_to_the_group_comes_once(void **state)
{
	struct bg b;
	int count = 0;

	(void)state;
	world_need();
	bg_start(&b, "trap 'echo got; n=0' INT; trap 'exit 3' TERM; echo ready; while :; do sleep "
		     "0.02; [ $n ] && n=$((n+1)); [ \"$n\" = 15 ] && echo later; done");
	bg_wait_word(&b, "ready");
	kill(-b.pid, SIGINT);
	bg_wait_word(&b, "got");
	bg_wait_word(&b, "later");
	kill(b.pid, SIGTERM);
	bg_wait_word(&b, NULL);
	for (const char *at = b.text; (at = strstr(at, "got")); at++)
		count++;
	assert_int_equal(count, 1);
	assert_int_equal(bg_end(&b), 3);
}

/* What is stopped is the caller: as with any child, the workload goes on. */
static void stopping_the_caller_stops_nobody_else(void **state)
{
	struct bg b;
	int status;

	(void)state;
	world_need();
	bg_start(&b, "echo ready; read x; echo read $x; trap 'exit 5' CONT; echo trapped; "
		     "while :; do sleep 0.02; done");
	bg_wait_word(&b, "ready");
	kill(b.pid, SIGSTOP);
	assert_int_equal(waitpid(b.pid, &status, WUNTRACED), b.pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(write(b.in, "on\n", 3), 3);
	bg_wait_word(&b, "read on");
	bg_wait_word(&b, "trapped");
	kill(b.pid, SIGCONT);
	assert_int_equal(bg_end(&b), 5);
}

static void input_and_output_are_pipes(void **state)
{
	static char big[300001];
	struct run r;

	(void)state;
	world_need();
	memset(big, 'x', sizeof(big) - 1);
	run_input(&r, 60000, big,
		  (const char *const[]){nsnet_bin(), "run", "blue", "--", "cat", NULL});
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, big);
	run_free(&r);
	/* The end of the input is an end inside. */
	run_input(&r, 60000, "a\nb\n",
		  (const char *const[]){nsnet_bin(), "run", "blue", "--", "wc", "-l", NULL});
	assert_string_equal(r.out, "2\n");
	run_free(&r);
	/* A reader that goes away is a SIGPIPE, inside as outside. */
	RUN(&r, "bash", "-c", "$0 run blue -- yes | head -1; echo ${PIPESTATUS[0]}", nsnet_bin());
	assert_string_equal(r.out, "y\n141\n");
	run_free(&r);
}

/* ---- pid 1 -------------------------------------------------------------------------------- */

static void pid_1_reaps_orphans(void **state)
{
	struct ran ran;

	(void)state;
	world_need();
	WARD_RUN(&ran, n, NULL, "bash", "-c",
		 "for i in $(seq 50); do (sleep 0.05 & exec true); done; sleep 0.5;"
		 "cat /proc/[0-9]*/stat | grep -c ' Z '; ls -d /proc/[0-9]* | wc -l");
	/* Nobody is a zombie; there are pid 1, bash, and the two of the pipe. */
	assert_string_equal(ran.out, "0\n4\n");
	ran_done(&ran);
}

static char *in_network(const char *name)
{
	return lab_sh("i=$(stat -Lc %%i /run/netns/%s); for p in /proc/[0-9]*; do "
		      "[ \"$(readlink $p/ns/net 2>/dev/null)\" = \"net:[$i]\" ] && "
		      "echo ${p#/proc/}; done; true",
		      name);
}

static bool network_is_empty(void *arg)
{
	char *text = in_network("blue");
	const bool empty = *text == '\0';

	(void)arg;
	free(text);
	return empty;
}

static void the_rest_goes_with_the_workload(void **state)
{
	struct ran ran;

	(void)state;
	world_need();
	WARD_RUN(
		&ran, n, NULL, "bash", "-c",
		"for i in $(seq 20); do setsid bash -c 'trap \"\" TERM HUP INT; sleep 1000' "
		">/dev/null 2>&1 </dev/null & done; sleep 0.2; ls -d /proc/[0-9]* | wc -l; exit 4");
	assert_int_equal(ran.exit.code, 4);
	assert_true(strtol(ran.out, NULL, 10) > 20);
	ran_done(&ran);
	/* When the caller was told, they were gone already. */
	assert_true(network_is_empty(NULL));
}

/* The processes of the workload by their host's numbers: pid 1, then its child. */
static void the_two(long *first, long *child)
{
	char *text = in_network("blue"), *end;

	*first = strtol(text, &end, 10);
	*child = strtol(end, NULL, 10);
	assert_true(*first > 0 && *child > *first);
	free(text);
}

static void killed_from_outside(void **state)
{
	struct bg b;
	long first, child;

	(void)state;
	world_need();
	for (int i = 0; i < 2; i++) {
		bg_start(&b, "echo ready; exec sleep 100");
		bg_wait_word(&b, "ready");
		the_two(&first, &child);
		kill((pid_t)(i ? child : first), SIGKILL);
		assert_int_equal(bg_end(&b), 137);
		assert_true(network_is_empty(NULL));
	}
}

static void it_dies_with_the_caller(void **state)
{
	struct bg b;

	(void)state;
	world_need();
	bg_start(&b, "trap '' TERM HUP INT; echo ready; sleep 100");
	bg_wait_word(&b, "ready");
	assert_false(network_is_empty(NULL));
	kill(b.pid, SIGKILL);
	assert_int_equal(bg_end(&b), 137);
	assert_true(poll_until(network_is_empty, NULL, 10000));
	/* What it left on disk goes with the next one. */
	NSNET_STATUS(0, "run", "blue", "--", "true");
	RUN_STATUS(1, "sh", "-c", "ls /run/nsnet/workloads | grep .");
}

/* Nothing inside can end pid 1, or make it say another status. */
static void pid_1_is_out_of_reach(void **state)
{
	struct ran ran;

	(void)state;
	world_need();
	WARD_RUN(&ran, n, NULL, "bash", "-c",
		 "trap : TERM INT HUP USR1; for s in KILL STOP TERM INT HUP USR1 SEGV; do "
		 "kill -$s 1; done; sleep 0.2; "
		 "head -1 /proc/1/environ; head -1 /proc/1/maps; readlink /proc/1/cwd /proc/1/exe; "
		 "ls /proc/1/fd; tr -d '\\0' </proc/1/cmdline; exit 9");
	assert_false(ran.exit.signalled);
	assert_int_equal(ran.exit.code, 9);
	LAB_HAS(ran.out, "nsnet-init");
	assert_null(strstr(ran.out, "r-xp"));
	assert_null(strstr(ran.out, "PATH="));
	ran_done(&ran);
}

static void a_limit_on_descriptors_is_no_hindrance(void **state)
{
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "bash", "-c", "ulimit -Sn 40; exec $0 run blue -- bash -c 'ulimit -n'",
	    nsnet_bin());
	assert_string_equal(r.out, "40\n");
	assert_int_equal(r.status, 0);
	run_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_arrives),
		cmocka_unit_test(every_signal_arrives),
		cmocka_unit_test(there_is_no_core_unless_asked_for),
		cmocka_unit_test(the_command_line_says_128_more),
		cmocka_unit_test(what_cannot_run_is_126_or_127),
		cmocka_unit_test(documents_tell_143_from_15),
		cmocka_unit_test(status_and_fd_are_what_the_caller_had),
		cmocka_unit_test(signals_are_passed_on),
		cmocka_unit_test(what_is_not_trapped_kills),
		cmocka_unit_test(a_signal_to_the_group_comes_once),
		cmocka_unit_test(stopping_the_caller_stops_nobody_else),
		cmocka_unit_test(input_and_output_are_pipes),
		cmocka_unit_test(pid_1_reaps_orphans),
		cmocka_unit_test(the_rest_goes_with_the_workload),
		cmocka_unit_test(killed_from_outside),
		cmocka_unit_test(it_dies_with_the_caller),
		cmocka_unit_test(pid_1_is_out_of_reach),
		cmocka_unit_test(a_limit_on_descriptors_is_no_hindrance),
	};

	return cmocka_run_group_tests(tests, build, drop);
}
