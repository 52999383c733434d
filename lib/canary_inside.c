/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * canary_inside - what is done inside; see canary.h
 *
 * In a copy of a process that may have had threads: no memory, no locks. Confined, so all of it is
 * what a workload can do.
 */
#include "canary.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "canary_acts.h"

struct inside {
	const struct nsn_canary_plan *plan;
	struct nsn_canary_acts acts;
	int tcp, abstract;
	char file[64];
};

static int result(long r)
{
	return r < 0 ? errno : 0;
}

/* ---- pid --------------------------------------------------------------------------------- */

/* opendir() would take memory. */
static unsigned int count_processes(void)
{
	NSN_AUTO(nsn_closep) int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct entry {
		uint64_t ino, off;
		unsigned short len;
		unsigned char type;
		char name[];
	};
	union {
		char buf[4096];
		uint64_t align;
	} u;
	unsigned int found = 0;
	long n;

	while (fd >= 0 && (n = syscall(SYS_getdents64, fd, u.buf, sizeof(u.buf))) > 0)
		for (long at = 0; at < n;) {
			unsigned short len;
			const char *name = u.buf + at + offsetof(struct entry, name);

			memcpy(&len, u.buf + at + offsetof(struct entry, len), sizeof(len));
			found += name[0] >= '1' && name[0] <= '9';
			at += len;
		}
	return found;
}

static void try_pid(struct inside *in)
{
	struct nsn_canary_acts *a = &in->acts;
	char path[40], self[24] = "";

	a->pid = getpid();
	a->kill_self = result(kill(a->pid, 0));
	/* 0 would be all of our own group. */
	a->kill_host = in->plan->pid > 0 ? result(kill(in->plan->pid, 0)) : -1;
	if (readlink("/proc/self", self, sizeof(self) - 1) > 0)
		a->own_proc = strtol(self, NULL, 10) == a->pid;
	a->processes = count_processes();
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)in->plan->pid);
	if (nsn_file_read(AT_FDCWD, path, a->host_comm, sizeof(a->host_comm)) < 0)
		a->host_comm[0] = '\0';
}

/* ---- net --------------------------------------------------------------------------------- */

static void try_net(struct inside *in)
{
	struct nsn_canary_acts *a = &in->acts;

	in->tcp = nsn_tcp_listen(&a->port);
	a->tcp_own = in->tcp < 0 ? -in->tcp : nsn_tcp_connect(a->port);
	if (a->tcp_own == 0)
		(void)nsn_accepted(in->tcp);
	a->tcp_host = nsn_tcp_connect(in->plan->port);
	in->abstract = nsn_abstract_listen(in->plan->token, "in");
	a->abstract_own =
		in->abstract < 0 ? -in->abstract : nsn_abstract_connect(in->plan->token, "in");
	if (a->abstract_own == 0)
		(void)nsn_accepted(in->abstract);
	a->abstract_host = nsn_abstract_connect(in->plan->token, "host");
}

/* ---- mnt --------------------------------------------------------------------------------- */

static int can_open(const char *path)
{
	NSN_AUTO(nsn_closep)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? errno : 0;
}

static void try_mnt(struct inside *in)
{
	struct nsn_canary_acts *a = &in->acts;
	NSN_AUTO(nsn_closep) int fd = -1;
	struct stat st;
	char path[64];

	(void)snprintf(in->file, sizeof(in->file), "/tmp/%s-in", in->plan->token);
	fd = open(in->file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	a->file_own = fd < 0 ? errno : 0;
	if (fd < 0)
		in->file[0] = '\0';
	a->file_uid = fd >= 0 && fstat(fd, &st) == 0 ? st.st_uid : UINT32_MAX;
	a->file_host = can_open(in->plan->file);
	(void)snprintf(path, sizeof(path), "/tmp/%s-host", in->plan->token);
	a->tmp_host = can_open(path);
}

/* ---- ipc, uts ---------------------------------------------------------------------------- */

static void try_ipc(struct inside *in)
{
	struct nsn_canary_acts *a = &in->acts;

	a->shm_own = nsn_shm_make(in->plan->inside_key);
	a->shm_host = nsn_shm_find(in->plan->host_key);
	a->mq_own = nsn_mq_make(in->plan->token, "in");
	a->mq_host = nsn_mq_find(in->plan->token, "host");
}

static void try_uts(struct inside *in)
{
	struct nsn_canary_acts *a = &in->acts;
	struct utsname u;

	if (uname(&u) == 0)
		(void)snprintf(a->name, sizeof(a->name), "%s", u.nodename);
	/* The name that it has anyway: nothing would change if it were let. */
	a->rename = result(sethostname(a->name, strlen(a->name)));
}

/* ---- user -------------------------------------------------------------------------------- */

static void try_user(struct inside *in)
{
	struct nsn_canary_acts *a = &in->acts;
	struct timespec now;
	char path[64];

	a->uid = getuid();
	/* The time that it is, were it let. */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	a->set_clock = result(clock_settime(CLOCK_REALTIME, &now));
	(void)snprintf(path, sizeof(path), "/tmp/%s-dev", in->plan->token);
	a->make_device = result(mknod(path, S_IFCHR | 0600, makedev(1, 3)));
	if (a->make_device == 0)
		(void)unlink(path);
	/* To open it is enough to know. */
	{
		NSN_AUTO(nsn_closep)
		int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC);

		a->open_sysctl = fd < 0 ? errno : 0;
	}
}

/* ---- cgroup, time ------------------------------------------------------------------------ */

static int read_group(int fd, char *buf, size_t size)
{
	const ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd < 0)
		return nsn_file_read(AT_FDCWD, "/proc/self/cgroup", buf, size);
	buf[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -errno : 0;
}

/* "0::/", "4:pids:/nsnet/...": of each hierarchy. */
static void try_cgroup(struct inside *in)
{
	struct nsn_canary_acts *a = &in->acts;
	char text[4096];
	const int r = read_group(in->plan->group, text, sizeof(text));

	a->group = -r;
	for (char *line = r < 0 ? NULL : text; line && *line;) {
		char *end = strchr(line, '\n'), *at = strchr(line, ':');

		if (end)
			*end = '\0';
		at = at ? strchr(at + 1, ':') : NULL;
		if (at && (!a->group_path[0] || strcmp(a->group_path, "/") == 0))
			(void)snprintf(a->group_path, sizeof(a->group_path), "%s", at + 1);
		line = end ? end + 1 : NULL;
	}
}

static void try_time(struct inside *in)
{
	struct timespec now = {0};

	/* By system call: the page that glibc reads may be of before a setns(). */
	(void)syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
	in->acts.boottime = now.tv_sec;
}

/* ---- all of it --------------------------------------------------------------------------- */

static void clean_up(struct inside *in)
{
	if (in->file[0])
		(void)unlink(in->file);
	if (in->acts.shm_own == 0)
		nsn_shm_remove(in->plan->inside_key);
	if (in->acts.mq_own == 0)
		nsn_mq_remove(in->plan->token, "in");
	nsn_closep(&in->tcp);
	nsn_closep(&in->abstract);
}

int nsn_canary_inside(void *arg)
{
	struct inside in = {.plan = arg, .tcp = -1, .abstract = -1};
	struct nsn_canary_later later;
	const int channel = in.plan->channel;
	char go;
	int r = 1;

	try_pid(&in);
	try_net(&in);
	try_mnt(&in);
	try_ipc(&in);
	try_uts(&in);
	try_user(&in);
	try_cgroup(&in);
	try_time(&in);
	if (send(channel, &in.acts, sizeof(in.acts), MSG_NOSIGNAL) == (ssize_t)sizeof(in.acts) &&
	    recv(channel, &go, 1, 0) == 1) {
		later.tcp = nsn_accepted(in.tcp);
		later.abstract = nsn_accepted(in.abstract);
		r = 0;
	}
	/* Before the last word: whoever has heard it may end us. */
	clean_up(&in);
	return r == 0 && send(channel, &later, sizeof(later), MSG_NOSIGNAL) < 0 ? 1 : r;
}
