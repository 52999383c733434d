/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/magic.h>

#include "../base/cleanup.h"

#define FOLDER	   "nsnet"
#define MAKE_TRIES 5
#define END_TRIES  200
#define END_PAUSE  5000000 /* ns: a second in all */

/* Where distributions mount them; /proc/self/mountinfo has thousands of lines where there are
 * thousands of tenants. */
static const char *const places[] = {
	"/sys/fs/cgroup",	  "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids",
	"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/freezer",
};

/* 1: it is one of these, and open; 0: it is not. */
static int open_hierarchy(const char *place, unsigned long magic, int *top, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	/* Anything else is not "there is none": the workload would be in another one, or in none,
	 * and a group that was made would be taken for gone. */
	if (fd < 0 || fstatfs(fd, &fs) < 0)
		return nsn_err_sys(err, -errno, "cannot look for control groups at '%s'", place);
	if ((unsigned long)fs.f_type != magic)
		return 0;
	*top = NSN_TAKE_FD(fd);
	return 1;
}

/* 1: there is one; 0: none. */
static int find(int *top, bool *v2, struct nsnet_err *err)
{
	for (int want = 2; want > 0; want--)
		for (size_t i = 0; i < NSN_COUNT(places); i++) {
			const int r = open_hierarchy(
				places[i], want == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC,
				top, err);

			*v2 = want == 2;
			if (r != 0)
				return r;
		}
	return 0;
}

static void name_of(const char *id, char name[40])
{
	(void)snprintf(name, 40, FOLDER "/%.32s", id);
}

/* Whoever removes the last group removes the folder, too, maybe between our two calls. */
static int make_folders(int top, const char *name)
{
	for (int i = 0; i < MAKE_TRIES; i++) {
		if (mkdirat(top, FOLDER, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (mkdirat(top, name, 0755) == 0)
			return 0;
		if (errno != ENOENT)
			return -errno;
	}
	return -ENOENT;
}

int nsn_cgroup_make(const char *id, struct nsn_cgroup *ret, struct nsnet_err *err)
{
	struct nsn_cgroup c = {.top = -1, .fd = -1, .tasks = -1};
	bool v2 = false;
	int r, fd;

	*ret = c;
	r = find(&c.top, &v2, err);
	if (r <= 0)
		return r;
	name_of(id, c.name);
	r = make_folders(c.top, c.name);
	if (r == 0) {
		fd = openat(c.top, c.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && !v2) {
			c.tasks = openat(fd, "tasks", O_WRONLY | O_CLOEXEC);
			nsn_closep(&fd);
			fd = c.tasks;
		} else {
			c.fd = fd;
		}
		r = fd < 0 ? -errno : 0;
	}
	if (r < 0) {
		nsn_err_sys(err, r, "cannot make the control group %s", c.name);
		(void)unlinkat(c.top, c.name, AT_REMOVEDIR);
		nsn_cgroup_close(&c);
		return r;
	}
	*ret = c;
	return 0;
}

/* Without cgroup.kill (version 1, kernels before 5.14): one by one, and again, until none is left.
 */
static void kill_each(int group)
{
	NSN_AUTO(nsn_closep) int fd = openat(group, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n;

	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *at = text, *end; *at; at = end + (*end == '\n')) {
		const long pid = strtol(at, &end, 10);
		NSN_AUTO(nsn_closep) int pidfd = -1;

		if (end == at)
			return;
		/* What is cut at the end of the text comes in the next turn. */
		if (pid > 0 && *end == '\n' && (pidfd = pidfd_open((pid_t)pid, 0)) >= 0)
			(void)pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	}
}

static void kill_all(int top, const char *name)
{
	NSN_AUTO(nsn_closep) int group = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	NSN_AUTO(nsn_closep) int fd = -1;

	if (group < 0)
		return;
	fd = openat(group, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		kill_each(group);
}

int nsn_cgroup_end(const char *id, struct nsnet_err *err)
{
	const struct timespec pause = {.tv_nsec = END_PAUSE};
	NSN_AUTO(nsn_closep) int top = -1;
	char name[40];
	bool v2;
	const int r = find(&top, &v2, err);

	if (r <= 0)
		return r;
	name_of(id, name);
	for (int i = 0; i < END_TRIES; i++) {
		if (unlinkat(top, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
			(void)unlinkat(top, FOLDER, AT_REMOVEDIR); /* others may be there */
			return 0;
		}
		if (errno != EBUSY)
			return nsn_err_sys(err, -errno, "cannot remove the control group %s", name);
		kill_all(top, name);
		(void)nanosleep(&pause, NULL);
	}
	return nsn_err(err, -EBUSY, NSNET_E_SPAWN, "processes in the control group %s do not end",
		       name);
}

void nsn_cgroup_close(struct nsn_cgroup *c)
{
	nsn_closep(&c->top);
	nsn_closep(&c->fd);
	nsn_closep(&c->tasks);
	c->top = c->fd = c->tasks = -1;
}
