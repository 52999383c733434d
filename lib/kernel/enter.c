/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "enter.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
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

static int lay_over(const char *etc, const char *name, struct nsnet_err *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (snprintf(from, sizeof(from), "%s/%s", etc, name) >= PATH_MAX ||
	    snprintf(to, sizeof(to), "/etc/%s", name) >= PATH_MAX)
		return nsn_err(err, -ENAMETOOLONG, NSNET_E_IO, "'%s' has a name that is too long",
			       etc);
	if (mount(from, to, "none", MS_BIND, NULL) < 0) {
		int r = nsn_err_sys(err, -errno, "lay '%s' over '%s'", from, to);

		/* A host whose resolv.conf is absent, or a link to nowhere. */
		return r == -ENOENT ? nsn_err_hint(err, r, "touch %s", to) : r;
	}
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
			r = lay_over(etc, entry->d_name, err);
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
