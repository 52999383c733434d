/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../base/cleanup.h"

/* The kernel takes less than a page. */
#define MAP_SIZE 4096

/* ---- writing -------------------------------------------------------------------------- */

static int print_map(char text[MAP_SIZE], const struct nsn_extent *map, size_t n)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		int w = snprintf(text + len, MAP_SIZE - len,
				 "%" PRIu32 " %" PRIu32 " %" PRIu32 "\n", map[i].inside,
				 map[i].outside, map[i].count);

		if (w < 0 || (size_t)w >= MAP_SIZE - len)
			return -E2BIG;
		len += (size_t)w;
	}
	return (int)len;
}

static bool next_number(const char **at, uint32_t *ret)
{
	char *end;
	unsigned long n = strtoul(*at, &end, 10);

	if (end == *at || n > UINT32_MAX)
		return false;
	*at = end;
	*ret = (uint32_t)n;
	return true;
}

/* The kernel sorts long maps, so it is about what is in it and not the order. */
static bool has_extent(const char *text, const struct nsn_extent *want)
{
	struct nsn_extent e;

	while (next_number(&text, &e.inside) && next_number(&text, &e.outside) &&
	       next_number(&text, &e.count))
		if (e.inside == want->inside && e.outside == want->outside &&
		    e.count == want->count)
			return true;
	return false;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static int check_map(int proc, const char *file, const struct nsn_extent *map, size_t n,
		     struct nsnet_err *err)
{
	/* In /proc the numbers are padded: three of 10 digits with a space before each. */
	char text[340 * 33 + 1];
	NSN_AUTO(nsn_closep) int fd = openat(proc, file, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got = 0;

	while (fd >= 0 && len < sizeof(text) - 1 &&
	       (got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	if (fd < 0 || got < 0)
		return nsn_err_sys(err, -errno, "read %s back", file);
	text[len] = '\0';
	if (count_lines(text) != n)
		return nsn_err(err, -EPROTO, NSNET_E_SPAWN,
			       "%s has %zu pieces, not the %zu written", file, count_lines(text),
			       n);
	for (size_t i = 0; i < n; i++)
		if (!has_extent(text, &map[i]))
			return nsn_err(err, -EPROTO, NSNET_E_SPAWN,
				       "%s has no '%" PRIu32 " %" PRIu32 " %" PRIu32 "'", file,
				       map[i].inside, map[i].outside, map[i].count);
	return 0;
}

static int write_map(int proc, const char *file, const struct nsn_extent *map, size_t n,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	char text[MAP_SIZE];
	int len = print_map(text, map, n);
	ssize_t done;

	if (n == 0 || len < 0)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_ID_MAP,
			       "a map of %zu pieces does not fit the kernel's %s", n, file);
	fd = openat(proc, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return nsn_err_sys(err, -errno, "open %s", file);
	done = write(fd, text, (size_t)len);
	if (done != len)
		return nsn_err_sys(err, done < 0 ? -errno : -EIO, "write %s", file);
	return check_map(proc, file, map, n, err);
}

int nsn_idmap_write(int proc, const struct nsn_extent *map, size_t n, struct nsnet_err *err)
{
	int r = write_map(proc, "uid_map", map, n, err);

	return r < 0 ? r : write_map(proc, "gid_map", map, n, err);
}

/* ---- a user namespace for a mount ------------------------------------------------------ */

/*
 * A user namespace is born with a process. This one shares our memory (a fork would copy the
 * page tables, which in a large caller takes longer than all the rest), has all signals
 * blocked, sleeps, and is killed. No pipe: its other end could be inherited by what another
 * thread forks, and we would wait for that.
 */
struct holder {
	pid_t parent;
};

static int hold(void *arg)
{
	const struct holder *h = arg;

	/* Raw calls only: the thread's data that the library's want is our parent's. */
	(void)syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while (syscall(SYS_getppid) == h->parent)
		(void)syscall(SYS_pause);
	(void)syscall(SYS_exit, 0);
	return 0;
}

static int open_proc(pid_t pid, struct nsnet_err *err)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? nsn_err_sys(err, -errno, "open %s", path) : fd;
}

/* While @pid lives. Nobody else reaps it, so its number is its own. */
static int map_and_open(pid_t pid, const struct nsn_extent *users, size_t n_users,
			const struct nsn_extent *groups, size_t n_groups, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int proc = open_proc(pid, err);
	int fd, r;

	if (proc < 0)
		return proc;
	r = write_map(proc, "uid_map", users, n_users, err);
	if (r == 0)
		r = write_map(proc, "gid_map", groups, n_groups, err);
	if (r < 0)
		return r;
	fd = openat(proc, "ns/user", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? nsn_err_sys(err, -errno, "open the user namespace of a mount") : fd;
}

int nsn_idmap_userns(const struct nsn_extent *users, size_t n_users,
		     const struct nsn_extent *groups, size_t n_groups, int *ret,
		     struct nsnet_err *err)
{
	/* Without a signal at its end (__WALL), so that no handler of the caller's hears of it. */
	const int flags = CLONE_NEWUSER | CLONE_VM | CLONE_FILES;
	_Alignas(16) char stack[16384];
	struct holder h = {getpid()};
	sigset_t all, old;
	pid_t pid;
	int fd;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = clone(hold, stack + sizeof(stack), flags, &h);
	if (pid < 0) {
		fd = nsn_err_sys(err, -errno, "make a user namespace for a mount");
	} else {
		fd = map_and_open(pid, users, n_users, groups, n_groups, err);
		(void)kill(pid, SIGKILL);
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}
