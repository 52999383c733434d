/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selftest.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

/*
 * selftest_host - a throw-away host
 *
 * Two processes: one moves into new namespaces, the other is born there as the first of its process
 * numbers, so that nobody else of this machine is seen by what is tested, and nothing of it
 * outlives that process.
 */

/* What both sides see. */
struct shared {
	int r; /* of the work */
	bool done;
	struct nsnet_err err;
	/* what the work returns follows */
};

static int mounted(const char *type, const char *at, const char *options, struct nsnet_err *err)
{
	if (mount(type, at, type, MS_NOSUID | MS_NODEV | MS_NOEXEC, options) == 0)
		return 0;
	return nsn_err_sys(err, -errno, "mount %s at %s", type, at);
}

/* Nothing of the machine's that a tenant's making writes to stays in sight. */
static int mounts(struct nsnet_err *err)
{
	int r;

	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return nsn_err_sys(err, -errno, "make mounts private");
	r = mounted("proc", "/proc", NULL, err);
	if (r == 0)
		r = mounted("sysfs", "/sys", NULL, err);
	if (r == 0)
		r = mounted("tmpfs", "/etc", "mode=0755", err);
	return r < 0 ? r : mounted("tmpfs", "/run", "mode=0755", err);
}

static _Noreturn void first(struct shared *s, int (*work)(void *ret, struct nsnet_err *err),
			    int alive)
{
	struct pollfd p = {.fd = alive};

	/* The other end of the pipe is the caller's, which may have ended before this. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&p, 1, 0) != 0)
		_exit(1);
	s->r = mounts(&s->err);
	if (s->r == 0)
		s->r = work(s + 1, &s->err);
	s->done = true;
	_exit(0);
}

static _Noreturn void outer(struct shared *s, int (*work)(void *ret, struct nsnet_err *err),
			    int alive)
{
	pid_t pid;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			(void)signal(i, SIG_DFL);
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) < 0) {
		s->r = nsn_err_sys(&s->err, -errno, "make namespaces");
		s->done = true;
		_exit(0);
	}
	pid = fork();
	if (pid == 0)
		first(s, work, alive);
	if (pid < 0) {
		s->r = nsn_err_sys(&s->err, -errno, "fork");
		s->done = true;
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

static void unmap(struct shared *s, size_t size)
{
	(void)munmap(s, size);
}

/* Its end, whatever it takes; -ETIMEDOUT when it had to be ended. */
static int await(pid_t pid, unsigned int seconds)
{
	NSN_AUTO(nsn_closep) int fd = pidfd_open(pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int r = 0, n;

	/* Linux 5.3; without it there is no limit. */
	do
		n = fd < 0 ? 1 : poll(&p, 1, (int)seconds * 1000);
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		(void)kill(pid, SIGKILL);
		r = -ETIMEDOUT;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

int nsn_host_apart(int (*work)(void *ret, struct nsnet_err *err), void *ret, size_t size,
		   unsigned int seconds, struct nsnet_err *err)
{
	const size_t all = sizeof(struct shared) + size;
	NSN_AUTO(nsn_closep) int kept = -1, alive = -1;
	struct shared *s =
		mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r, fd[2];
	pid_t pid;

	if (s == MAP_FAILED)
		return nsn_err_nomem(err);
	if (pipe2(fd, O_CLOEXEC) < 0) {
		r = nsn_err_sys(err, -errno, "pipe");
		unmap(s, all);
		return r;
	}
	alive = fd[0];
	kept = fd[1];
	pid = fork();
	if (pid == 0) {
		nsn_closep(&kept);
		outer(s, work, alive);
	}
	r = pid < 0 ? nsn_err_sys(err, -errno, "fork") : await(pid, seconds);
	if (r == -ETIMEDOUT)
		r = nsn_err(err, r, NSNET_E_KERNEL, "the self-test did not end within %u seconds",
			    seconds);
	else if (r == 0 && !s->done)
		r = nsn_err(err, -EIO, NSNET_E_INTERNAL, "the self-test ended without an answer");
	else if (r == 0) {
		r = s->r;
		if (r < 0 && err)
			*err = s->err;
		memcpy(ret, s + 1, size);
	}
	unmap(s, all);
	return r;
}
