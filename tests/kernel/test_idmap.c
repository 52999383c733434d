/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/base/fd.h"
#include "../../lib/spawn/idmap.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/* ---- a process' map ------------------------------------------------------------------------ */

/* A process in a new user namespace, and its folder in /proc. */
static pid_t process(int *proc)
{
	char path[32], c;
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0 || write(ends[1], "x", 1) != 1)
			_exit(1);
		(void)raise(SIGSTOP);
		_exit(0);
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	(void)close(ends[0]);
	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	*proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(*proc >= 0);
	return pid;
}

static void end(pid_t pid, int proc)
{
	(void)close(proc);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_map_is_written_and_read_back(void **state)
{
	const struct nsn_extent some[] = {
		{0, 0x70000000, 1000}, {1000, 10000, 1}, {1001, 0x700003e9, 64535}};
	struct nsn_extent many[341];
	struct nsnet_err err = {0};
	char text[16384];
	int proc, lines = 0;
	pid_t pid = process(&proc);

	(void)state;
	world_need();
	LAB_OK(nsn_idmap_write(proc, some, 3, &err));
	assert_int_equal(nsn_file_read(proc, "gid_map", text, sizeof(text)), 0);
	assert_non_null(strstr(text, "1000      10000          1\n"));
	assert_non_null(strstr(text, "1001 1879049193      64535"));
	/* Only once: the kernel says so, and we hear it. */
	assert_int_equal(nsn_idmap_write(proc, some, 3, &err), -EPERM);
	assert_non_null(strstr(err.msg, "uid_map"));
	end(pid, proc);
	for (uint32_t i = 0; i < 341; i++)
		many[i] = (struct nsn_extent){i * 2, 70000 + i, 1};
	pid = process(&proc);
	/* The kernel sorts these. */
	LAB_OK(nsn_idmap_write(proc, many, 300, &err));
	assert_int_equal(nsn_file_read(proc, "uid_map", text, sizeof(text)), 0);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 299);
	end(pid, proc);
}

static void maps_that_are_none(void **state)
{
	const struct nsn_extent twice[] = {{0, 70000, 2}, {1, 80000, 1}};
	static struct nsn_extent many[400];
	struct nsnet_err err = {0};
	int proc;
	pid_t pid = process(&proc);

	(void)state;
	world_need();
	for (uint32_t i = 0; i < 400; i++)
		many[i] = (struct nsn_extent){i * 2, 1879048192 + i, 1};
	assert_int_equal(nsn_idmap_write(proc, twice, 0, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_ID_MAP);
	assert_int_equal(nsn_idmap_write(proc, many, 400, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_ID_MAP);
	assert_int_equal(nsn_idmap_write(proc, twice, 2, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "write uid_map"));
	end(pid, proc);
}

/* ---- a user namespace for a mount -------------------------------------------------------------
 */

static volatile sig_atomic_t heard;

static void hear(int sig)
{
	heard = sig;
}

static void a_userns_without_a_process(void **state)
{
	const struct nsn_extent users[] = {{4000, 0x70000000, 1}};
	const struct nsn_extent groups[] = {{4001, 0x70000001, 1}};
	const struct sigaction act = {.sa_handler = hear};
	struct sigaction old;
	struct nsnet_err err = {0};
	struct stat own, made;
	char text[100];
	sigset_t before, after;
	int ns = -1, proc, status;
	pid_t pid;

	(void)state;
	world_need();
	assert_int_equal(sigaction(SIGCHLD, &act, &old), 0);
	heard = 0;
	(void)sigprocmask(SIG_BLOCK, NULL, &before);
	LAB_OK(nsn_idmap_userns(users, 1, groups, 1, &ns, &err));
	(void)sigprocmask(SIG_BLOCK, NULL, &after);
	for (int sig = 1; sig < NSIG; sig++)
		assert_int_equal(sigismember(&before, sig), sigismember(&after, sig));
	assert_int_equal(heard, 0);
	(void)sigaction(SIGCHLD, &old, NULL);
	assert_true(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
	assert_int_equal(stat("/proc/self/ns/user", &own), 0);
	assert_int_equal(fstat(ns, &made), 0);
	assert_true(own.st_ino != made.st_ino);
	assert_true(fcntl(ns, F_GETFD) & FD_CLOEXEC);
	/* Its maps, seen by who enters it. */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
		_exit(setns(ns, CLONE_NEWUSER) < 0 ||
		      nsn_file_read(proc, "uid_map", text, sizeof(text)) < 0 ||
		      !strstr(text, "4000 ") ||
		      nsn_file_read(proc, "gid_map", text, sizeof(text)) < 0 ||
		      !strstr(text, "4001 "));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(ns);
	ns = -7;
	assert_int_equal(nsn_idmap_userns(users, 1, groups, 0, &ns, &err), -EINVAL);
	assert_int_equal(ns, -7);
	assert_true(waitpid(-1, NULL, __WALL | WNOHANG) < 0 && errno == ECHILD);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(a_map_is_written_and_read_back),
		TEST(maps_that_are_none),
		TEST(a_userns_without_a_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
