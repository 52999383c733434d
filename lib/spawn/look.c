/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "look.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/nsfs.h>

#include "../base/cleanup.h"
#include "mount.h"

#define PROC_ROOT_INO 1

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80 /* kernel 5.6 */
#endif

static const struct {
	const char *word;
	int flag;
} names[] = {
	[NSNET_NS_PID] = {"pid", CLONE_NEWPID},		 [NSNET_NS_NET] = {"net", CLONE_NEWNET},
	[NSNET_NS_MNT] = {"mnt", CLONE_NEWNS},		 [NSNET_NS_IPC] = {"ipc", CLONE_NEWIPC},
	[NSNET_NS_UTS] = {"uts", CLONE_NEWUTS},		 [NSNET_NS_USER] = {"user", CLONE_NEWUSER},
	[NSNET_NS_CGROUP] = {"cgroup", CLONE_NEWCGROUP}, [NSNET_NS_TIME] = {"time", CLONE_NEWTIME},
};

const char *nsn_ns_word(enum nsnet_ns ns)
{
	return (unsigned int)ns < NSNET_NS_COUNT ? names[ns].word : "";
}

int nsn_ns_flag(enum nsnet_ns ns)
{
	return (unsigned int)ns < NSNET_NS_COUNT ? names[ns].flag : 0;
}

/* A procfs as a whole, of our own pid namespace. */
static bool is_ours(int fd)
{
	char self[24] = "";
	struct statfs fs;
	struct stat st;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC && fstat(fd, &st) == 0 &&
	       st.st_ino == PROC_ROOT_INO && readlinkat(fd, "self", self, sizeof(self) - 1) > 0 &&
	       strtol(self, NULL, 10) == getpid();
}

/*
 * One that we mount ourselves is detached: the kernel waits for all processors when it is closed,
 * 100 us of each start. So the host's, if nothing is wrong with it; what may be mounted over
 * folders in it is not entered (nsn_proc_pid()).
 */
int nsn_proc_open(struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	NSN_AUTO(nsn_closep) int fs = -1;

	if (fd >= 0 && is_ours(fd))
		return NSN_TAKE_FD(fd);
	nsn_closep(&fd);
	fd = -1;
	fs = fsopen("proc", FSOPEN_CLOEXEC);
	if (fs >= 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	if (fd < 0)
		return nsn_err_sys(err, -errno, "cannot open /proc");
	if (!is_ours(fd))
		return nsn_err(err, -ENODEV, NSNET_E_IO, "/proc is not this process' own procfs");
	return NSN_TAKE_FD(fd);
}

int nsn_proc_pid(int proc, pid_t pid, struct nsnet_err *err)
{
	char name[16];
	int fd;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	fd = nsn_openat2(proc, name, O_RDONLY | O_DIRECTORY, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return nsn_err_sys(err, fd == -ENOENT ? -ESRCH : fd, "cannot look at process %d",
				   (int)pid);
	return fd;
}

/* The namespace that owns the one behind @fd; 0: it is not for us to see. */
static int owner_of(int fd, bool user, uint64_t *ret)
{
	NSN_AUTO(nsn_closep) int up = ioctl(fd, user ? NS_GET_PARENT : NS_GET_USERNS);
	struct stat st;

	*ret = 0;
	if (up < 0)
		return errno == EPERM ? 0 : -errno;
	if (fstat(up, &st) < 0)
		return -errno;
	*ret = st.st_ino;
	return 0;
}

/* Without its owner: one call and not six. */
static int number_one(int pid, enum nsnet_ns ns, struct nsn_look *ret)
{
	char path[24];
	struct stat st;

	(void)snprintf(path, sizeof(path), "ns/%s", names[ns].word);
	if (fstatat(pid, path, &st, 0) < 0)
		return errno == ENOENT && ns == NSNET_NS_TIME ? 0 : -errno;
	ret->ns[ns] = st.st_ino;
	return 0;
}

static int look_one(int pid, enum nsnet_ns ns, struct nsn_look *ret)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	char path[24];
	struct stat st;

	(void)snprintf(path, sizeof(path), "ns/%s", names[ns].word);
	fd = openat(pid, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT && ns == NSNET_NS_TIME ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	ret->ns[ns] = st.st_ino;
	return owner_of(fd, ns == NSNET_NS_USER, &ret->owner[ns]);
}

static int look_all(int pid, int (*one)(int pid, enum nsnet_ns ns, struct nsn_look *ret),
		    struct nsn_look *ret, struct nsnet_err *err)
{
	struct nsn_look look = {0};

	for (int ns = 0; ns < NSNET_NS_COUNT; ns++) {
		const int r = one(pid, ns, &look);

		if (r < 0)
			return nsn_err_sys(err, r, "cannot look at a process' %s namespace",
					   names[ns].word);
	}
	*ret = look;
	return 0;
}

int nsn_look(int pid, struct nsn_look *ret, struct nsnet_err *err)
{
	return look_all(pid, look_one, ret, err);
}

int nsn_look_numbers(int pid, struct nsn_look *ret, struct nsnet_err *err)
{
	return look_all(pid, number_one, ret, err);
}

static int wrong(struct nsnet_err *err, enum nsnet_ns ns, const char *what, uint64_t is,
		 uint64_t wanted)
{
	return nsn_err(err, -EXDEV, NSNET_E_NOT_ISOLATED,
		       "the %s namespace %s: %s:[%llu], not %llu", names[ns].word, what,
		       names[ns].word, (unsigned long long)is, (unsigned long long)wanted);
}

static int check_one(const struct nsn_look *born, const struct nsn_look *host, enum nsnet_ns ns,
		     bool shared, uint64_t owner, struct nsnet_err *err)
{
	if (!born->ns[ns])
		return nsn_err(err, -EXDEV, NSNET_E_NOT_ISOLATED, "there is no %s namespace",
			       names[ns].word);
	if (shared) {
		if (born->ns[ns] != host->ns[ns])
			return wrong(err, ns, "is not the host's, though it is shared",
				     born->ns[ns], host->ns[ns]);
		return 0;
	}
	if (born->ns[ns] == host->ns[ns])
		return nsn_err(err, -EXDEV, NSNET_E_NOT_ISOLATED,
			       "the %s namespace is the host's: %s:[%llu]", names[ns].word,
			       names[ns].word, (unsigned long long)born->ns[ns]);
	if (born->owner[ns] != owner)
		return wrong(err, ns, "belongs to another user namespace", born->owner[ns], owner);
	return 0;
}

int nsn_look_check(const struct nsn_look *born, const struct nsn_look *host, uint64_t net,
		   unsigned int share, bool time, struct nsnet_err *err)
{
	const uint64_t above = host->ns[NSNET_NS_USER];
	const uint64_t own = born->ns[NSNET_NS_USER];

	if (born->ns[NSNET_NS_NET] != net)
		return wrong(err, NSNET_NS_NET, "is not the tenant's", born->ns[NSNET_NS_NET], net);
	for (int ns = 0; ns < NSNET_NS_COUNT; ns++) {
		bool shared = share & 1u << ns;
		uint64_t owner = own;
		int r;

		if (ns == NSNET_NS_USER || ns == NSNET_NS_NET || ns == NSNET_NS_TIME)
			owner = above;
		if (ns == NSNET_NS_TIME && !born->ns[ns] && !time)
			continue;
		if (ns == NSNET_NS_TIME)
			shared = !time;
		r = check_one(born, host, ns, shared, owner, err);
		if (r < 0)
			return r;
	}
	return 0;
}
