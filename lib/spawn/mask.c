/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "mount.h"
#include "view_parts.h"

/*
 * What of /proc is covered. Most of it the kernel refuses to who is not root of the host anyway,
 * which nobody inside is: the number 0 of the host is never mapped. So this is about what all users
 * may read and a tenant has no use for, and a second wall before the rest.
 *
 * These mounts are the workload's own, made by its first process: procfs belongs to its pid
 * namespace, so there is nobody earlier who could. Who has CAP_SYS_ADMIN inside (--cap-add) can
 * take them away again, and then has the first wall before him. To have the kernel lock them
 * takes a second user and mount namespace around the first, for every workload.
 *
 * In `pressure` everybody may write: each trigger is looked after by the kernel, in no control
 * group's time. A workload has its own in its control group.
 */
static const char *const files[] = {
	"kcore",      "keys",	     "key-users",   "kmsg",	     "kallsyms",      "interrupts",
	"timer_list", "timer_stats", "sched_debug", "latency_stats", "sysrq-trigger", "config.gz",
};
static const char *const folders[] = {"acpi", "asound", "bus",	    "driver",
				      "fs",   "irq",	"pressure", "scsi"};
static const char *const fixed[] = {"sys"};

/*
 * The first is a copy of the cover, each other a copy of that one: a bind by names in the current
 * folder, which is procfs' own root, is a single call and looks at nothing outside.
 */
static int cover_all(const char *const *names, size_t n, int covers, const char *cover,
		     struct nsn_trouble *why)
{
	const char *first = NULL;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (first) {
			r = mount(first, names[i], NULL, MS_BIND, NULL) < 0 ? -errno : 0;
		} else {
			NSN_AUTO(nsn_closep) int tree = nsn_tree_clone(covers, cover, false);

			r = tree < 0 ? tree : nsn_tree_attach(tree, AT_FDCWD, names[i]);
			if (tree < 0)
				return nsn_trouble(why, NSN_STAGE_MASK, r, "%s", cover);
			if (r == 0)
				first = names[i];
		}
		if (r < 0 && r != -ENOENT)
			return nsn_trouble(why, NSN_STAGE_MASK, r, "/proc/%s", names[i]);
	}
	return 0;
}

static int make_fixed(const char *name, struct nsn_trouble *why)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (mount(name, name, NULL, MS_BIND, NULL) < 0)
		return errno == ENOENT ? 0
				       : nsn_trouble(why, NSN_STAGE_MASK, -errno, "/proc/%s", name);
	if (mount_setattr(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, &attr, sizeof(attr)) < 0)
		return nsn_trouble(why, NSN_STAGE_MASK, -errno, "/proc/%s read-only", name);
	return 0;
}

int nsn_mask(int proc, int covers, struct nsn_trouble *why)
{
	int r;

	if (fchdir(proc) < 0)
		return nsn_trouble(why, NSN_STAGE_MASK, -errno, "/proc");
	r = cover_all(files, NSN_COUNT(files), covers, "file", why);
	if (r == 0)
		r = cover_all(folders, NSN_COUNT(folders), covers, "folder", why);
	for (size_t i = 0; i < NSN_COUNT(fixed) && r == 0; i++)
		r = make_fixed(fixed[i], why);
	return r;
}
