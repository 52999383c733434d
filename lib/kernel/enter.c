/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "../base/cleanup.h"

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int own_sys(struct nsnet_err *err)
{
	unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	struct statvfs st;

	if (statvfs("/sys", &st) == 0 && (st.f_flag & ST_RDONLY))
		flags |= MS_RDONLY;
	/* /sys/class/net shows the namespace in which it was mounted. */
	if (umount2("/sys", MNT_DETACH) < 0 && errno != EINVAL)
		return nsn_err_sys(err, -errno, "unmount /sys");
	if (mount("nsnet", "/sys", "sysfs", flags, NULL) < 0)
		return nsn_err_sys(err, -errno, "mount /sys");
	return 0;
}

/*
 * The file is held while it is mounted, so that ENOENT is said of the one it is
 * to lie over: a host without an /etc/resolv.conf, or one that is a link to
 * nowhere. There is nothing to hide then, and ip-netns(8) goes on as well. Other
 * failures would let a program use the host's name servers without a word.
 */
static int lay_over(int dir, const char *etc, const char *name, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = openat(dir, name, O_PATH | O_CLOEXEC);
	char from[sizeof("/proc/thread-self/fd/") + 12], to[sizeof("/etc/") + NAME_MAX];
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ELOOP))
		return 0; /* gone since, or a link to nowhere */
	if (fd < 0 || fstat(fd, &st) < 0)
		return nsn_err_sys(err, -errno, "open '%s/%s'", etc, name);
	if (!S_ISREG(st.st_mode))
		return 0;
	(void)snprintf(from, sizeof(from), "/proc/thread-self/fd/%d", fd);
	(void)snprintf(to, sizeof(to), "/etc/%s", name);
	if (mount(from, to, "none", MS_BIND, NULL) < 0 && errno != ENOENT)
		return nsn_err_sys(err, -errno, "lay '%s/%s' over '%s'", etc, name, to);
	return 0;
}

static int own_etc(const char *etc, struct nsnet_err *err)
{
	NSN_AUTO(closedirp) DIR *d = etc[0] ? opendir(etc) : NULL;
	const struct dirent *entry;
	int r = 0;

	if (!etc[0] || (!d && errno == ENOENT))
		return 0;
	if (!d)
		return nsn_err_sys(err, -errno, "read '%s'", etc);
	while (r == 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			r = lay_over(dirfd(d), etc, entry->d_name, err);
	return r;
}

int nsn_enter(const struct nsn_netns *ns, const char *etc, struct nsnet_err *err)
{
	int r;

	if (setns(nsn_netns_fd(ns), CLONE_NEWNET) < 0)
		return nsn_err_sys(err, -errno, "enter network namespace");
	if (unshare(CLONE_NEWNS) < 0)
		return nsn_err_sys(err, -errno, "new mount namespace");
	/* What is mounted here stays here; what the host unmounts goes here, too. */
	if (mount("", "/", "none", MS_SLAVE | MS_REC, NULL) < 0)
		return nsn_err_sys(err, -errno, "make mounts private");
	r = own_sys(err);
	return r < 0 ? r : own_etc(etc, err);
}
