// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/spawn/fds.h"
#include "../lib/lab.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * Descriptors that a workload is given by name, and which kinds of them it may not be given. That
 * no others arrive is test_pollution's.
 */

static struct nsnet *n;

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	nsnet_close(n);
	n = NULL;
	return 0;
}

/* 0, 1 and 2 are closed, and so may be the numbers of the spawner's own pipes. */
static void a_caller_without_its_three(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	world_need();
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct nsnet_err err = {0};
		struct nsnet_run *run = NULL;
		struct nsnet_exit e;
		const char *argv[] = {"no-such-command", NULL};
		struct nsnet_run_def def = {.tenant = "blue", .argv = argv};
		struct nsnet *own = NULL;
		const int null = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, 10);

		def.stdio[0] = def.stdio[1] = def.stdio[2] = null;
		if (nsnet_open(&own, NULL, NULL, &err) < 0)
			_exit(1);
		for (int i = 0; i < 3; i++)
			close(i);
		/* The failure has to be told through a pipe that may be number 0. */
		if (nsnet_run_start(own, &def, &run, &err) != -ENOENT ||
		    err.id != NSNET_E_NO_COMMAND)
			_exit(2);
		argv[0] = "true";
		if (nsnet_run_start(own, &def, &run, &err) < 0 ||
		    nsnet_run_wait(run, -1, &e, &err) != 1 || e.signalled || e.code)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int opened(int fd)
{
	assert_true(fd >= 0);
	return fd;
}

static int memory_file(const char *text)
{
	const int fd = opened(memfd_create("x", MFD_CLOEXEC));

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void what_is_named_arrives_and_nothing_else(void **state)
{
	int list[2] = {memory_file("first"), memory_file("second")};
	struct nsnet_run_def def = {.fds = list, .n_fds = 1};
	char script[512];
	struct ran ran;

	(void)state;
	world_need();
	n = lab_open();
	assert_int_equal(dup3(list[0], 100, O_CLOEXEC), 100);
	assert_int_equal(dup3(list[1], 101, O_CLOEXEC), 101);
	list[0] = 100;
	snprintf(script, sizeof(script),
		 "cd /proc/self/fd; echo *; read x </proc/self/fd/100; echo $x");
	WARD_RUN(&ran, n, &def, "sh", "-c", script);
	LAB_OK(ran.r);
	/* 3 or 10 is the shell's own, for the pattern. */
	if (strcmp(ran.out, "0 1 100 2 3\nfirst\n") != 0)
		fail_msg("%s", ran.out);
	ran_done(&ran);
	close(100);
	close(101);
	nsnet_close(n);
	n = NULL;
}

/*
 * The three, too, by the command. One that is closed is /dev/null inside, the wrong way round: it
 * fails as it would have here.
 */
static void what_is_standard_is_looked_at(void **state)
{
	static const char *const refused[] = {
		"</etc",  "</proc/self/ns/net", "</proc/self/status",
		"1</etc", "2<>/dev/kmsg",	"1>/proc/self/coredump_filter",
	};
	static const char gone[] = "d=$(mktemp -d) && cd \"$d\" && rmdir \"$d\" && "
				   "[ \"$(\"$0\" run blue -- pwd)\" = / ]";
	static const char closed[] =
		"\"$0\" run blue -- bash -c '[ \"$(cd /proc/self/fd; echo [0-2])\" = \"0 1 2\" ] "
		"&& "
		"! cat <&0 && ! echo x && ! echo y >&2 && exit 7' <&- >&- 2>&-";
	char cmd[512];

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(refused); i++) {
		snprintf(cmd, sizeof(cmd), "{ \"$0\" run blue -- true; } %s", refused[i]);
		RUN_STATUS(125, "bash", "-c", cmd, nsnet_bin());
	}
	RUN_STATUS(7, "bash", "-c", closed, nsnet_bin());
	/* Nor is it in the way when the caller's own folder is gone. */
	RUN_STATUS(0, "bash", "-c", gone, nsnet_bin());
}

static void each_kind_is_refused(void **state)
{
	static const char want[] = "descriptor";
	int pair[2], tty[2], pipes[2];
	const sigset_t none = {0};
	struct {
		const char *name;
		int fd, r;
	} cases[] = {
		{"closed", 999, -EINVAL},
		{"folder", opened(open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), -EINVAL},
		{"O_PATH", opened(open("/etc/passwd", O_PATH | O_CLOEXEC)), -EINVAL},
		{"namespace", opened(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)), -EINVAL},
		{"proc", opened(open("/proc/self/status", O_RDONLY | O_CLOEXEC)), -EINVAL},
		{"sysfs", opened(open("/sys/kernel/uevent_seqnum", O_RDONLY | O_CLOEXEC)), -EINVAL},
		{"netlink", opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)), -EINVAL},
		{"tcp", opened(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), -EINVAL},
		{"packet", opened(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)), -EINVAL},
		{"epoll", opened(epoll_create1(EPOLL_CLOEXEC)), -EINVAL},
		{"eventfd", opened(eventfd(0, EFD_CLOEXEC)), -EINVAL},
		{"timerfd", opened(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)), -EINVAL},
		{"signalfd", opened(signalfd(-1, &none, SFD_CLOEXEC)), -EINVAL},
		{"inotify", opened(inotify_init1(IN_CLOEXEC)), -EINVAL},
		{"udp", opened(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)), -EINVAL},
		{"another namespace", opened(open("/proc/self/ns/cgroup", O_RDONLY | O_CLOEXEC)),
		 -EINVAL},
		{"pidfd", opened((int)syscall(SYS_pidfd_open, getpid(), 0)), -EINVAL},
		{"mount", opened((int)syscall(SYS_open_tree, AT_FDCWD, "/etc", 1 | O_CLOEXEC)),
		 -EINVAL},
		{"kmsg or mem", opened(open("/dev/kmsg", O_WRONLY | O_CLOEXEC)), -EINVAL},
		{"null", opened(open("/dev/null", O_RDWR | O_CLOEXEC)), 0},
		{"file", opened(open("/etc/passwd", O_RDONLY | O_CLOEXEC)), 0},
		{"memfd", memory_file("x"), 0},
		{"unix", -1, 0},
		{"terminal", -1, 1},
		{"pipe", -1, 0},
	};
	const size_t count = NSN_COUNT(cases);

	(void)state;
	world_need();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(openpty(&tty[0], &tty[1], NULL, NULL, NULL), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	cases[count - 3].fd = pair[0];
	cases[count - 2].fd = tty[1];
	cases[count - 1].fd = pipes[0];
	for (size_t i = 0; i < count; i++) {
		struct nsnet_err err = {0};
		const int r = nsn_fd_check(cases[i].fd, &err);

		if (r != cases[i].r)
			fail_msg("%s: %d, not %d", cases[i].name, r, cases[i].r);
		if (r < 0) {
			assert_int_equal(err.id, NSNET_E_BAD_DESCRIPTOR);
			LAB_HAS(err.msg, want);
		}
		if (cases[i].fd != 999)
			close(cases[i].fd);
	}
	close(pair[1]);
	close(tty[0]);
	close(pipes[1]);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_caller_without_its_three),
		cmocka_unit_test(what_is_named_arrives_and_nothing_else),
		cmocka_unit_test(what_is_standard_is_looked_at),
		cmocka_unit_test(each_kind_is_refused),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, NULL);
}
