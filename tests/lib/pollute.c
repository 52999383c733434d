// SPDX-License-Identifier: GPL-2.0-or-later
#include "pollute.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/securebits.h>

#include "../../lib/base/cleanup.h"

void pollute_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "cannot plant %s: %s\n", what, strerror(errno));
	_exit(98);
}

static void plant_at(int want, int fd, const char *what)
{
	pollute_must(fd >= 0 && dup2(fd, want) == want, what);
	if (fd != want)
		close(fd);
	/* A pidfd closes at exec, also where its number needed no copy. */
	pollute_must(fcntl(want, F_SETFD, 0) == 0, what);
}

/* First those that would be closed by what follows: lower numbers are taken by dup2(). */
static void plant_fds(void)
{
	int pipes[2], pair[2];

	pollute_must(dup2(1, 900) == 900 && dup2(2, 901) == 901, "copies");
	pollute_must(pipe(pipes) == 0 && dup2(pipes[0], 251) == 251 && dup2(pipes[1], 252) == 252,
		     "a pipe");
	pollute_must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && dup2(pair[0], 255) == 255,
		     "a socket");
	plant_at(3, open("/etc", O_RDONLY | O_DIRECTORY), "a folder");
	plant_at(4, open("/", O_PATH), "O_PATH");
	plant_at(5, open("/proc/self/ns/net", O_RDONLY), "a namespace");
	plant_at(6, open("/proc/1", O_RDONLY | O_DIRECTORY), "/proc/1");
	plant_at(7, open("/etc/passwd", O_RDWR), "a file");
	plant_at(8, socket(AF_NETLINK, SOCK_RAW, 0), "a netlink socket");
	plant_at(9, memfd_create(POLLUTE_SECRET, 0), "a memfd");
	plant_at(10, socket(AF_INET, SOCK_STREAM, 0), "a TCP socket");
	plant_at(11, socket(AF_PACKET, SOCK_RAW, 0), "a packet socket");
	plant_at(12, (int)syscall(SYS_pidfd_open, getpid(), 0), "a pidfd");
	plant_at(13, (int)syscall(SYS_open_tree, AT_FDCWD, "/etc", 1), "a mount");
	plant_at(14, eventfd(0, 0), "an eventfd");
	for (int fd = 15; fd < 251; fd++)
		pollute_must(dup2(7, fd) == fd, "a file");
}

static void plant_signals(void)
{
	sigset_t all;

	(void)signal(SIGCHLD, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGRTMIN + 3, SIG_IGN);
	/* One of glibc's own, which its signal() refuses. */
	(void)syscall(SYS_rt_sigaction, 32, (const uint64_t[4]){1}, NULL, sizeof(uint64_t));
	(void)sigfillset(&all);
	pollute_must(sigprocmask(SIG_SETMASK, &all, NULL) == 0, "a signal mask");
}

static void plant_privileges(void)
{
	const struct sched_param param = {.sched_priority = 3};
	const struct rlimit core = {RLIM_INFINITY, RLIM_INFINITY};

	pollute_must(setpriority(PRIO_PROCESS, 0, -7) == 0, "a nice value");
	pollute_must(sched_setscheduler(0, SCHED_RR, &param) == 0, "a scheduler");
	pollute_must(syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 2) == 0, "an I/O priority");
	pollute_must(personality(ADDR_NO_RANDOMIZE) >= 0, "a personality");
	pollute_must(setrlimit(RLIMIT_CORE, &core) == 0, "a limit");
	pollute_must(prctl(PR_SET_NAME, POLLUTE_SECRET) == 0, "a name");
}

/* Where a container has no CAP_SYS_RESOURCE, a caller there has none of these to give away. */
static void plant_resources(void)
{
	const struct rlimit high = {50, 50};
	const int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(fd, "-500", 4) != 4 || setrlimit(RLIMIT_RTPRIO, &high) < 0 ||
	    setrlimit(RLIMIT_NICE, &high) < 0)
		fprintf(stderr, "no oom_score_adj and limits planted: %s\n", strerror(errno));
	close(fd);
}

/* What stays with a process through exec, besides the sets that root has anyway. */
static void plant_credentials(void)
{
	const gid_t groups[] = {27, 4242};
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	pollute_must(setgroups(NSN_COUNT(groups), groups) == 0, "groups");
	pollute_must(syscall(SYS_capget, &head, data) == 0, "capabilities");
	data[0].inheritable |= 1u << CAP_NET_RAW;
	pollute_must(syscall(SYS_capset, &head, data) == 0, "capabilities");
	pollute_must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0) == 0,
		     "an ambient capability");
	pollute_must(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP |
						      SECBIT_NO_SETUID_FIXUP_LOCKED |
						      SECBIT_NO_CAP_AMBIENT_RAISE) == 0,
		     "securebits");
	pollute_must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
	pollute_must(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0, "a parent-death signal");
	pollute_must(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0, "being a subreaper");
}

static void plant_terminal(void)
{
	int ours, theirs;

	pollute_must(openpty(&ours, &theirs, NULL, NULL, NULL) == 0, "a terminal");
	(void)setsid();
	pollute_must(ioctl(theirs, TIOCSCTTY, 0) == 0, "a controlling terminal");
	pollute_must(dup2(theirs, 253) == 253 && dup2(ours, 254) == 254, "a terminal");
}

static void plant_key(void)
{
	pollute_must(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0, "a keyring");
	pollute_must(
		syscall(SYS_add_key, "user", POLLUTE_SECRET, "x", 1, KEY_SPEC_SESSION_KEYRING) >= 0,
		"a key");
}

/* What programs take orders from, and what is nsnet's own. */
static void plant_variables(void)
{
	static const char *const names[] = {
		"NSNET_PLANTED", "NSNET_TENANT", "LD_LIBRARY_PATH",
		"GCONV_PATH",	 "BASH_ENV",	 "PYTHONPATH",
		"TMPDIR",	 "LANG",	 "PATH",
		"HOME",		 "USER",
	};

	for (size_t i = 0; i < NSN_COUNT(names); i++)
		pollute_must(setenv(names[i], "/" POLLUTE_SECRET, 1) == 0, "a variable");
	/* Not LD_PRELOAD: the sanitizers want to be first. */
	pollute_must(setenv("LD_BIND_NOW", "1", 1) == 0, "a variable");
}

void pollute(void)
{
	plant_terminal();
	plant_fds();
	plant_signals();
	plant_key();
	plant_resources();
	plant_privileges();
	plant_credentials();
	plant_variables();
	pollute_must(chdir("/etc") == 0, "a folder");
	(void)umask(0);
}
