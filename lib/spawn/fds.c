/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "../base/cleanup.h"

#ifndef PID_FS_MAGIC
#define PID_FS_MAGIC 0x50494446 /* kernel 6.9 */
#endif

#define MEM_MAJOR 1

static int refuse(struct nsnet_err *err, int fd, const char *what)
{
	nsn_err(err, -EINVAL, NSNET_E_BAD_DESCRIPTOR, "descriptor %d is %s", fd, what);
	return nsn_err_hint(err, -EINVAL,
			    "close it, or give a file, a pipe or a connected unix socket");
}

/* File systems whose files are the kernel, not data. */
static const char *kernels_own(long type)
{
	static const struct {
		unsigned long magic;
		const char *what;
	} list[] = {
		{NSFS_MAGIC, "a namespace"},
		{PROC_SUPER_MAGIC, "a file of /proc"},
		{SYSFS_MAGIC, "a file of /sys"},
		{CGROUP_SUPER_MAGIC, "a file of a control group"},
		{CGROUP2_SUPER_MAGIC, "a file of a control group"},
		{DEBUGFS_MAGIC, "a file of debugfs"},
		{TRACEFS_MAGIC, "a file of tracefs"},
		{SECURITYFS_MAGIC, "a file of securityfs"},
		{BPF_FS_MAGIC, "a pinned BPF object"},
		{PID_FS_MAGIC, "a process"},
		{ANON_INODE_FS_MAGIC, "an object of the kernel without a name"},
	};

	for (size_t i = 0; i < NSN_COUNT(list); i++)
		if ((unsigned long)type == list[i].magic)
			return list[i].what;
	return NULL;
}

/* null, zero, full, random, urandom: the same everywhere. */
static bool harmless(dev_t dev)
{
	const unsigned int m = minor(dev);

	return major(dev) == MEM_MAJOR && (m == 3 || m == 5 || m == 7 || m == 8 || m == 9);
}

/*
 * An AF_UNIX socket sees the abstract names of the network in which it was made: it connects and
 * sends to them, and binds to its own. One of a connection cannot connect again, nor can one that
 * listens; all that is left is to take a name, where nobody answers then. Landlock's scopes, on
 * kernels that have them, stop connecting and sending, but not a datagram socket that binds.
 */
static int check_unix(int fd, struct nsnet_err *err)
{
	socklen_t type_len = sizeof(int), listens_len = sizeof(int);
	struct sockaddr_storage peer;
	socklen_t peer_len = sizeof(peer);
	int type = 0, listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_len) < 0)
		return nsn_err_sys(err, -errno, "cannot look at descriptor %d", fd);
	if (type == SOCK_DGRAM)
		return refuse(err, fd, "a datagram socket, which reaches others of its network");
	if (!listens && getpeername(fd, (struct sockaddr *)&peer, &peer_len) < 0)
		return refuse(err, fd, "a socket that is not connected");
	return 0;
}

static int check_socket(int fd, struct nsnet_err *err)
{
	int domain = -1;
	socklen_t len = sizeof(domain);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0)
		return nsn_err_sys(err, -errno, "cannot look at descriptor %d", fd);
	if (domain != AF_UNIX)
		return refuse(err, fd, "a socket of another network");
	return check_unix(fd, err);
}

int nsn_fd_check(int fd, struct nsnet_err *err)
{
	const int flags = fcntl(fd, F_GETFL);
	const char *own;
	struct statfs fs;
	struct stat st;

	if (flags < 0)
		return refuse(err, fd, "not open");
	if (flags & O_PATH)
		return refuse(err, fd, "opened with O_PATH");
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0)
		return nsn_err_sys(err, -errno, "cannot look at descriptor %d", fd);
	if (S_ISDIR(st.st_mode))
		return refuse(err, fd, "a folder");
	own = kernels_own(fs.f_type);
	if (own)
		return refuse(err, fd, own);
	if (S_ISSOCK(st.st_mode))
		return check_socket(fd, err);
	if (S_ISBLK(st.st_mode))
		return refuse(err, fd, "a block device");
	if (!S_ISCHR(st.st_mode) || harmless(st.st_rdev))
		return 0;
	if (isatty(fd))
		return 1;
	return refuse(err, fd, "a device");
}

void nsn_fds_only(const int *keep, size_t n)
{
	unsigned int from = 0;

	/* The lowest that is to stay, above those dealt with: few, so no sorting. */
	for (;;) {
		unsigned int next = UINT_MAX;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned int)keep[i] >= from &&
			    (unsigned int)keep[i] < next)
				next = (unsigned int)keep[i];
		if (next > from)
			(void)close_range(from, next == UINT_MAX ? UINT_MAX : next - 1, 0);
		if (next == UINT_MAX)
			return;
		from = next + 1;
	}
}
