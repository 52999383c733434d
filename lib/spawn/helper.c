/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/ioprio.h>

#include "birth.h"
#include "idmap.h"
#include "view.h"

/*
 * helper - the process of the host's root that makes the surroundings; see spawn.h
 */

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

/* The namespaces that the first process is cloned into. Those of mounts are the helper's own:
 * a copy in a user namespace has them locked. */
static uint64_t flags_for(const struct nsn_spawn *s)
{
	const unsigned int without = s->share | s->sabotage;
	uint64_t flags = 0;

	for (int ns = 0; ns < NSNET_NS_COUNT; ns++)
		if (ns != NSNET_NS_NET && ns != NSNET_NS_TIME && !(without & 1u << ns))
			flags |= (uint64_t)nsn_ns_flag(ns);
	return flags;
}

/* The clocks that count from boot begin again, so that the host's uptime is not told. */
static int new_clocks(const struct nsn_birth *b)
{
	struct timespec mono, boot;
	char text[96];
	int fd, n, r = 0;

	if (unshare(CLONE_NEWTIME) < 0)
		return -errno;
	fd = openat(b->proc, "self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)clock_gettime(CLOCK_MONOTONIC, &mono);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	n = snprintf(text, sizeof(text), "monotonic -%lld 0\nboottime -%lld 0\n",
		     (long long)mono.tv_sec, (long long)boot.tv_sec);
	if (write(fd, text, (size_t)n) != n)
		r = -errno;
	(void)close(fd);
	return r;
}

struct proc_for {
	int fd; /* or -errno */
};

/* A procfs of the pid namespace that the calling process is in. */
static int mount_proc(void *arg)
{
	struct proc_for *p = arg;
	const int fs = fsopen("proc", FSOPEN_CLOEXEC);

	if (fs < 0) {
		p->fd = -errno;
		return 0;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		p->fd = -errno;
	else
		p->fd = fsmount(fs, FSMOUNT_CLOEXEC,
				MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (p->fd == -1)
		p->fd = -errno;
	(void)close(fs);
	return 0;
}

/*
 * What procfs is mounted is decided by the pid namespace of who mounts it. So a process
 * that shares everything with us is born there, mounts, and is gone; it costs 50 us.
 */
static int proc_inside(int first)
{
	char stack[16384] __attribute__((aligned(16)));
	struct proc_for p = {.fd = -ECHILD};
	pid_t pid;

	if (setns(first, CLONE_NEWPID) < 0)
		return -errno;
	pid = clone(mount_proc, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES, &p);
	if (pid < 0)
		return -errno;
	while (waitpid(pid, NULL, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return p.fd;
}

static int map_users(const struct nsn_birth *b, pid_t first)
{
	const struct nsn_ids *ids = b->s->ids;
	int pid, r;

	pid = nsn_proc_pid(b->proc, first, NULL);
	if (pid < 0)
		return pid;
	r = nsn_idmap_write(pid, ids->map, ids->n, NULL);
	(void)close(pid);
	return r;
}

/* Not killed when memory is short, as a service may be: its workloads are, like everybody else. */
static int killable(int proc)
{
	char text[16] = "";
	int fd, r = 0;

	fd = openat(proc, "self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) < 0 || (text[0] == '-' && pwrite(fd, "0", 1, 0) != 1))
		r = -errno;
	(void)close(fd);
	return r;
}

/*
 * A dump has what was in memory; who wants one raises the limit inside, unless it would go to the
 * host (core.c). No file is as short as 1, while with a 0 the host's program would be started; and
 * a limit of 0 is raised by the host's root only, so it is done here.
 */
#define NO_CORE 1

static int limit_core(const struct nsn_birth *b)
{
	struct rlimit core;

	if (getrlimit(RLIMIT_CORE, &core) < 0)
		return -errno;
	if (core.rlim_max < NO_CORE && !b->core_leaves)
		return 0; /* as good; and to raise it takes CAP_SYS_RESOURCE */
	core.rlim_cur = NO_CORE;
	if (b->core_leaves)
		core.rlim_max = NO_CORE;
	return setrlimit(RLIMIT_CORE, &core) < 0 ? -errno : 0;
}

/*
 * What a caller has been given above others, or for debugging, and what clone and exec would hand
 * on. What makes him less than others (nice, CPUs, limits) stays. Here, and not later, as the
 * first process is no owner of its own oom_score_adj.
 */
static int ordinary(const struct nsn_birth *b, struct nsn_trouble *why)
{
	const struct sched_param param = {0};
	const int policy = sched_getscheduler(0);
	int r;

	r = killable(b->proc);
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_LIMITS, r, "oom_score_adj");
	r = limit_core(b);
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_LIMITS, r, "RLIMIT_CORE");
	if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE &&
	    sched_setscheduler(0, SCHED_OTHER, &param) < 0)
		return nsn_trouble(why, NSN_STAGE_LIMITS, -errno, "sched_setscheduler");
	if (getpriority(PRIO_PROCESS, 0) < 0 && setpriority(PRIO_PROCESS, 0, 0) < 0)
		return nsn_trouble(why, NSN_STAGE_LIMITS, -errno, "setpriority");
	if (syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) >> IOPRIO_CLASS_SHIFT ==
		    IOPRIO_CLASS_RT &&
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, 0) < 0)
		return nsn_trouble(why, NSN_STAGE_LIMITS, -errno, "ioprio_set");
	/* Addresses that are not random, memory that is executable. */
	if (personality(PER_LINUX) < 0)
		return nsn_trouble(why, NSN_STAGE_LIMITS, -errno, "personality");
	return 0;
}

static int surroundings(struct nsn_birth *b, struct nsn_trouble *why)
{
	const struct nsn_spawn *s = b->s;
	int r;

	r = ordinary(b, why);
	if (r < 0)
		return r;
	if (!(s->sabotage & 1u << NSNET_NS_NET) && setns(s->netns, CLONE_NEWNET) < 0)
		return nsn_trouble(why, NSN_STAGE_NET, -errno, "setns");
	if (s->tasks >= 0 && write(s->tasks, "0", 1) != 1)
		return nsn_trouble(why, NSN_STAGE_CGROUP, -errno, "tasks");
	r = s->time ? new_clocks(b) : 0;
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_CLONE, r, "time namespace");
	if (s->sabotage & 1u << NSNET_NS_MNT)
		return 0;
	if (s->bare >= 0 && (setns(s->bare, CLONE_NEWNS) < 0 || unshare(CLONE_NEWNS) < 0))
		return nsn_trouble(why, NSN_STAGE_MOUNTS, -errno, "a bare mount namespace");
	return nsn_view_build(s->view, why);
}

/*
 * Whatever is used up inside (inotify instances, pending signals, bytes of message queues) counts
 * against who made the user namespace as well, by his limits. That is not to be the host's root,
 * or one workload would leave the host's own services none. The last number of the tenant's range
 * is nobody's; an owner may do what he likes with the namespace, so it is not that of root inside,
 * whom a workload with user=host runs as. What it takes of capabilities is taken again; the
 * securebit against that may be locked.
 *
 * With the user changes whether the memory may be looked at and dumped, and the memory is the
 * caller's: that is put back.
 */
static int charge_to(uint32_t uid)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	const int dumpable = prctl(PR_GET_DUMPABLE);

	if (syscall(SYS_capget, &head, caps) < 0 || syscall(SYS_setresuid, -1, uid, -1) < 0 ||
	    syscall(SYS_capset, &head, caps) < 0)
		return -errno;
	if (dumpable == 1)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	/* Taken back by each change of user. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

static pid_t clone_first(struct nsn_birth *b, int *first, struct nsn_trouble *why)
{
	const uint64_t flags = flags_for(b->s) | CLONE_PARENT;
	const bool own = flags & CLONE_NEWUSER;
	pid_t pid;
	int r;

	r = own ? charge_to(b->s->ids->base + NSN_IDS_RANGE - 1) : 0;
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_CLONE, r, "becoming its owner");
	pid = nsn_clone(flags, b->s->cgroup, 0, first, &b->first);
	if (pid < 0)
		return nsn_trouble(why, NSN_STAGE_CLONE, -errno, "clone3");
	r = pid > 0 && own ? charge_to(0) : 0;
	return r < 0 ? nsn_trouble(why, NSN_STAGE_CLONE, r, "leaving it to its owner") : pid;
}

static int give_birth(struct nsn_birth *b, struct nsn_trouble *why)
{
	const struct nsn_spawn *s = b->s;
	const unsigned int without = s->share | s->sabotage;
	int first = -1, proc, r;
	pid_t pid;

	pid = clone_first(b, &first, why);
	if (pid < 0)
		return pid;
	if (pid == 0)
		nsn_first(b);
	r = without & 1u << NSNET_NS_USER ? 0 : map_users(b, pid);
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_MAP, r, "uid_map, gid_map");
	if (without & 1u << NSNET_NS_PID) {
		struct proc_for p;

		(void)mount_proc(&p);
		proc = p.fd;
	} else {
		proc = proc_inside(first);
	}
	if (proc < 0)
		return nsn_trouble(why, NSN_STAGE_PROC, proc, "mounting it");
	r = nsn_msg_send(b->own[0], "", 1, proc);
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_PROC, r, "handing it over");
	return 0;
}

/*
 * Something on the way may hang (a volume on a file system whose server is gone), and the caller
 * waits for us without a limit of its own. KILL, as any other is blocked, or is the caller's.
 */
static void hurry(void)
{
	const struct itimerspec limit = {.it_value = {.tv_sec = NSN_START_MS / 1000}};
	struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	int timer;

	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &how, &timer) == 0)
		(void)syscall(SYS_timer_settime, timer, 0, &limit, NULL);
}

void nsn_helper(struct nsn_birth *b)
{
	const struct nsn_word born = {.kind = NSN_WORD_BORN};
	struct nsn_trouble why = {0};

	hurry();
	/* Should the caller die now, so do we, and the first process ends with its sockets. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (surroundings(b, &why) < 0 || give_birth(b, &why) < 0)
		nsn_birth_fail(b, &why);
	if (write(b->words, &born, sizeof(born)) != (ssize_t)sizeof(born))
		_exit(125);
	_exit(0);
}
