/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mount.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../base/cleanup.h"

#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif

int nsn_openat2(int at, const char *path, uint64_t flags, uint64_t resolve)
{
	const struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
	long fd;

	/* EAGAIN: something was renamed while ".." was looked at, and the kernel is not sure. */
	do
		fd = syscall(SYS_openat2, at, path, &how, sizeof(how));
	while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : (int)fd;
}

int nsn_tree_clone(int at, const char *path, bool recursive)
{
	const unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW |
				   (*path ? 0 : AT_EMPTY_PATH) | (recursive ? AT_RECURSIVE : 0);
	int fd = open_tree(at, path, flags);

	return fd < 0 ? -errno : fd;
}

int nsn_tree_set(int tree, const struct nsn_tree_set *set)
{
	struct mount_attr attr = {.attr_set = set->set,
				  .attr_clr = set->clear,
				  .propagation = MS_PRIVATE,
				  .userns_fd =
					  set->set & MOUNT_ATTR_IDMAP ? (uint64_t)set->userns : 0};
	const unsigned int flags = AT_EMPTY_PATH | (set->recursive ? AT_RECURSIVE : 0);

	return mount_setattr(tree, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}

int nsn_tree_attach(int tree, int at, const char *path)
{
	const unsigned int flags = MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

	return move_mount(tree, "", at, path, flags) < 0 ? -errno : 0;
}

static int set_number(int fs, const char *key, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	return fsconfig(fs, FSCONFIG_SET_STRING, key, text, 0) < 0 ? -errno : 0;
}

int nsn_tmpfs(const struct nsn_tmpfs *t)
{
	NSN_AUTO(nsn_closep) int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd, r;

	if (fs < 0)
		return -errno;
	r = set_number(fs, "size", t->size);
	if (r == 0)
		r = set_number(fs, "nr_inodes", t->inodes);
	if (r == 0 && t->uid != 0)
		r = set_number(fs, "uid", t->uid);
	if (r == 0 && t->gid != 0)
		r = set_number(fs, "gid", t->gid);
	if (r == 0 && fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0)
		r = -errno;
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		r = -errno;
	if (r < 0)
		return r;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned int)t->attr);
	return fd < 0 ? -errno : fd;
}
