/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_MOUNT_H
#define NSN_SPAWN_MOUNT_H

/*
 * mount - the calls that work on mounts by descriptor
 *
 * All return a descriptor or 0, or a negative errno, and allocate nothing. A "tree" is a
 * detached mount: it has no place yet, and is gone with its last descriptor, so that whoever
 * dies with one leaves nothing behind.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/mount.h>

#include <linux/openat2.h>

/* Not through /proc/PID/fd and its like: they lead anywhere. For what an operator typed. */
#define NSN_TYPED RESOLVE_NO_MAGICLINKS
/* For what lies in a tree that somebody else may have written: no link at all leads on. */
#define NSN_HOSTILE (RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

int nsn_openat2(int at, const char *path, uint64_t flags, uint64_t resolve);

/*
 * A copy of the mount that @path is on, from @path on (AT_EMPTY_PATH for @path "": of what
 * @at is). @recursive: with the mounts below it. Nothing mounted later at the original
 * arrives in it or the other way round: that is told it by nsn_tree_set().
 */
int nsn_tree_clone(int at, const char *path, bool recursive);

struct nsn_tree_set {
	uint64_t set, clear; /* MOUNT_ATTR_* */
	int userns;	     /* with MOUNT_ATTR_IDMAP */
	bool recursive;
};
/* Cuts the propagation, too. In the order of the kernel: all of it happens, or nothing. */
int nsn_tree_set(int tree, const struct nsn_tree_set *set);

/* @path may be "" for @at itself. A symbolic link in the last place is not followed. */
int nsn_tree_attach(int tree, int at, const char *path);

/* A new tmpfs; its root folder has mode 0755 and these owners. @size in bytes. */
struct nsn_tmpfs {
	uint64_t size, inodes;
	uint32_t uid, gid;
	uint64_t attr; /* MOUNT_ATTR_* */
};
int nsn_tmpfs(const struct nsn_tmpfs *fs);

#endif
