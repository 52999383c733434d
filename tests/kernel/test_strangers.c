// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * Who lives in a tenant's network without being one of its workloads, as self-check tells it.
 */

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

static struct nsnet_self_check *ask(void)
{
	struct nsnet_self_check *s = NULL;
	struct nsnet_err err = {0};
	const int r = nsnet_self_check(n, "blue", NULL, &s, &err);

	lab_ok(r, &err, "self-check", __FILE__, __LINE__);
	return s;
}

static void nobody_is_there(void)
{
	struct nsnet_self_check *s = ask();

	if (nsnet_self_check_strangers(s) > 0)
		fail_msg("process %d (%s)", (int)nsnet_self_check_stranger(s, 0)->pid,
			 nsnet_self_check_stranger(s, 0)->comm);
	nsnet_self_check_free(s);
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

/* ---- in a network ------------------------------------------------------------------------------
 */

static pid_t put(const char *netns, uint32_t uid, bool keep_caps)
{
	const int fd = open(netns, O_RDONLY | O_CLOEXEC);
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_true(fd >= 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_NAME, "nsc stranger");
		if (keep_caps)
			(void)prctl(PR_SET_KEEPCAPS, 1);
		if (setns(fd, CLONE_NEWNET) < 0 ||
		    (uid && (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)))
			_exit(1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (int i = 3; i < 256; i++)
			(void)close(i);
		for (;;)
			(void)sigsuspend(&(sigset_t){0});
	}
	close(fd);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void take(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static const struct nsnet_stranger *stranger(const struct nsnet_self_check *s, pid_t pid)
{
	for (size_t i = 0; i < nsnet_self_check_strangers(s); i++)
		if (nsnet_self_check_stranger(s, i)->pid == pid)
			return nsnet_self_check_stranger(s, i);
	fail_msg("process %d is not told", (int)pid);
	return NULL;
}

static void strangers_are_told(void **state)
{
	const struct nsnet_stranger *one;
	struct nsnet_self_check *s;
	pid_t root, plain, able, gateway;

	(void)state;
	world_need();
	root = put("/run/netns/blue", 0, false);
	plain = put("/run/netns/blue", 65533, false);
	able = put("/run/netns/blue", 65532, true);
	gateway = put(lab_gateway(n, "blue"), 65533, false);
	s = ask();
	assert_int_equal(nsnet_self_check_strangers(s), 4);
	one = stranger(s, root);
	assert_true(one->unexplained && one->host_users);
	assert_string_equal(one->caps, "all");
	assert_string_equal(one->comm, "nsc stranger");
	assert_string_equal(one->endpoint, "default");
	LAB_HAS(one->remedy, "kill ");
	LAB_HAS(one->remedy, "nsnet run blue/default");
	one = stranger(s, plain);
	assert_false(one->unexplained);
	assert_string_equal(one->caps, "");
	assert_int_equal(one->uid, 65533);
	/* It could have them again at any time: they are still permitted. */
	assert_true(stranger(s, able)->unexplained);
	one = stranger(s, gateway);
	assert_string_equal(one->endpoint, "");
	assert_null(strstr(one->remedy, "nsnet run"));
	assert_false(nsnet_self_check_good(s));
	nsnet_self_check_free(s);
	take(root);
	take(able);
	take(gateway);
	s = ask();
	assert_int_equal(nsnet_self_check_strangers(s), 1);
	assert_true(nsnet_self_check_good(s));
	nsnet_self_check_free(s);
	take(plain);
	s = ask();
	assert_int_equal(nsnet_self_check_strangers(s), 0);
	nsnet_self_check_free(s);
}

/* ---- workloads are none -------------------------------------------------------------------------
 */

/* In the background, each says "up" and ends when the file is gone. The shell's pids. */
static char *run_some(const char *options, int count)
{
	return lab_sh(
		"mkdir -p /run/ups; for i in $(seq %d); do"
		" %s run blue %s -- sh -c 'echo up; exec sleep 100' >/run/ups/$i 2>&1 & echo $!;"
		"done;"
		"for i in $(seq %d); do"
		" until grep -q ^up /run/ups/$i; do sleep .02; done; done",
		count, nsnet_bin(), options, count);
}

static void end_all(char *pids)
{
	for (char *at = pids; at && *at; at = strchr(at, '\n')) {

		at += *at == '\n';
		(void)kill((pid_t)number(at), SIGTERM);
		/* They are init's children, not ours. */
		(void)lab_sh_status("timeout 20 tail --pid=%d -f /dev/null", number(at));
	}
	free(pids);
	(void)lab_sh_status("rm -r /run/ups");
}

static void workloads_are_no_strangers(void **state)
{
	static const char *const options[] = {
		"",
		"--time",
		"--share pid=host --because x",
		"--share user=host --because x",
		"--share user=host --cap-add NET_BIND_SERVICE --dangerous --because x",
		"--share ipc=host --share uts=host --because x",
		"--cap-add SYS_ADMIN --because x",
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(options); i++) {
		char *pids = run_some(options[i], 2);

		nobody_is_there();
		end_all(pids);
	}
}

/* Between the network and the record there are some milliseconds. */
static void those_that_start_are_no_strangers(void **state)
{
	pid_t pid;

	(void)state;
	world_need();
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)lab_sh_status("%s run blue -- true", nsnet_bin());
	}
	assert_true(pid > 0);
	for (int i = 0; i < (test_quick() ? 10 : 50); i++)
		nobody_is_there();
	take(pid);
}

/* Put there by root of the host: ip netns exec, and nsenter into a workload, also its pids. */
static void whoever_is_put_beside_them_is_one(void **state)
{
	struct nsnet_self_check *s;
	char *pids, *others, *first;

	(void)state;
	world_need();
	pids = run_some("", 1);
	/* pid 1 of the workload: the child of `nsnet run`. */
	first = lab_sh("cat /proc/%d/task/*/children", number(pids));
	others = lab_sh(
		"ip netns exec blue sleep 100 >/dev/null 2>&1 & echo $!;"
		"nsenter -t %d -n -p sleep 100 >/dev/null 2>&1 & echo $!;"
		"until [ \"$(pgrep -c -x sleep --ns %d --nslist net)\" = 3 ]; do sleep .02; done",
		number(first), number(first));
	s = ask();
	/* nsenter waits in the network for the one that it has put into the pid namespace. */
	assert_int_equal(nsnet_self_check_strangers(s), 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(nsnet_self_check_stranger(s, i)->unexplained);
	assert_false(nsnet_self_check_good(s));
	nsnet_self_check_free(s);
	end_all(others);
	end_all(pids);
	free(first);
	nobody_is_there();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_are_told),
		cmocka_unit_test(workloads_are_no_strangers),
		cmocka_unit_test(those_that_start_are_no_strangers),
		cmocka_unit_test(whoever_is_put_beside_them_is_one),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, drop);
}
