/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bare.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>
#include <linux/nsfs.h>

#include "../base/cleanup.h"
#include "birth.h"
#include "mount.h"

#define PIN "ns"

/* 1: it is pinned there, *@ret; 0: nothing is; -errno: who knows. */
static int find(const char *file, int *ret)
{
	NSN_AUTO(nsn_closep) int fd = open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct statfs fs;
	int type;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != NSFS_MAGIC)
		return 0; /* whoever was to pin it there was killed */
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type != CLONE_NEWNS)
		return type < 0 ? -errno : -EINVAL;
	*ret = NSN_TAKE_FD(fd);
	return 1;
}

struct maker {
	int proc, fd;
};

/* In a new mount namespace, with the caller's descriptors. */
static int empty_it(void *arg)
{
	struct maker *m = arg;
	const struct nsn_tmpfs fs = {.size = 4096,
				     .inodes = 2,
				     .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					     MOUNT_ATTR_NOEXEC};
	const struct nsn_tree_set ro = {.set = MOUNT_ATTR_RDONLY};
	NSN_AUTO(nsn_closep) int own = openat(m->proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
	NSN_AUTO(nsn_closep) int root = nsn_tmpfs(&fs);

	if (own >= 0 && root >= 0 && mkdirat(root, &NSN_BARE_FOLDER[1], 0755) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    nsn_tree_attach(root, AT_FDCWD, NSN_BARE_FOLDER) == 0 && nsn_tree_set(root, &ro) == 0 &&
	    fchdir(root) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 &&
	    umount2(".", MNT_DETACH) == 0)
		m->fd = NSN_TAKE_FD(own);
	return 0;
}

static int make(void)
{
	NSN_AUTO(nsn_closep) int proc = nsn_proc_open(NULL);
	struct maker m = {.proc = proc, .fd = -1};
	sigset_t all, old;
	int pidfd = -1;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	if (nsn_borrow(CLONE_NEWNS | CLONE_FILES | CLONE_PIDFD, &pidfd, empty_it, &m) > 0)
		nsn_end_process(&pidfd);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return m.fd;
}

/* Mounted, by one who was killed then? -errno: who knows. */
static int is_mount(const char *run_dir, const char *folder)
{
	struct stat above, st;

	if (stat(run_dir, &above) < 0 || lstat(folder, &st) < 0)
		return -errno;
	return st.st_dev != above.st_dev;
}

/* Two that come at the same time make two, one over the other: either will do. */
static void pin(const char *run_dir, const char *folder, const char *file, int ns)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	char self[40];
	int r;

	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return;
	r = is_mount(run_dir, folder);
	if (r == 0)
		r = mount("nsnet", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			  "mode=0700,size=4096,nr_inodes=2");
	if (r < 0)
		return;
	fd = open(file, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0400);
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", ns);
	if (fd < 0 || mount(NULL, folder, NULL, MS_PRIVATE, NULL) < 0 ||
	    mount(self, file, NULL, MS_BIND, NULL) < 0)
		(void)umount2(folder, MNT_DETACH);
}

int nsn_bare_open(const char *run_dir)
{
	NSN_AUTO(nsn_freep) char *folder = NULL, *file = NULL;
	int fd = -1;

	if (asprintf(&folder, "%s/mnt", run_dir) < 0) {
		folder = NULL;
		return -1;
	}
	if (asprintf(&file, "%s/" PIN, folder) < 0) {
		file = NULL;
		return -1;
	}
	if (find(file, &fd) != 0)
		return fd;
	fd = make();
	if (fd >= 0)
		pin(run_dir, folder, file, fd);
	return fd;
}
