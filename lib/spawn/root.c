/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "mount.h"
#include "view_parts.h"

/* The default view: nothing of the host but its programs. */

/* As on the host: links into /usr on all of today's distributions, else folders of their own. */
const char *const nsn_root_names[] = {
	"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", NULL,
};

static const char *const empty[] = {"proc", "tmp", "run", "var", "root", "home"};

/*
 * Owners are left as they are: all of it belongs to the host's root, who is nobody inside, so
 * that "what others may" is what a workload may. With a map root inside would read what the
 * host keeps for its own. With what is mounted below (a /usr/local on a disk of its own).
 */
static int add_programs(struct nsn_view *v, int host, const char *name, struct nsnet_err *err)
{
	const struct nsn_tree_set set = {
		.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .recursive = true};
	NSN_AUTO(nsn_closep) int tree = nsn_tree_clone(host, name, true);
	int r = tree < 0 ? tree : nsn_tree_set(tree, &set);

	if (r < 0)
		return nsn_err_sys(err, r, "mount '/%s'", name);
	r = nsn_item_folder(v, &v->fixed, name, 0755, err);
	return r < 0 ? r : nsn_bind_add(v, name, NSN_TAKE_FD(tree), err);
}

static int add_host(struct nsn_view *v, int host, const char *name, struct nsnet_err *err)
{
	struct stat st;
	char to[256];
	char *copy;
	ssize_t n;

	if (fstatat(host, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : nsn_err_sys(err, -errno, "look at '/%s'", name);
	if (S_ISDIR(st.st_mode))
		return add_programs(v, host, name, err);
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(host, name, to, sizeof(to) - 1);
	if (n < 0)
		return nsn_err_sys(err, -errno, "read '/%s'", name);
	to[n] = '\0';
	copy = nsn_arena_strdup(&v->arena, to);
	return copy ? nsn_item_link(v, &v->fixed, name, copy, err) : nsn_err_nomem(err);
}

/* ---- what a workload may write to -------------------------------------------------------------
 */

static const struct {
	const char *path;
	mode_t mode;
} writable[] = {
	{"tmp", 01777},	     {"run", 0755},	  {"run/lock", 01777}, {"shm", 01777},
	{"var", 0755},	     {"var/cache", 0755}, {"var/lib", 0755},   {"var/log", 0755},
	{"var/mail", 01777}, {"var/spool", 0755}, {"var/tmp", 01777},
};
/* How many of them a rootfs has: its /var is its own. */
#define OF_ROOTFS 4

int nsn_scratch_open(struct nsn_view *v, struct nsnet_err *err)
{
	const bool rootfs = v->def->rootfs;
	const struct nsn_item home = {
		.kind = NSN_ITEM_FOLDER, .path = "home", .mode = 0700, .users = true};
	int r = 0;

	for (size_t i = 0; i < (rootfs ? OF_ROOTFS : NSN_COUNT(writable)) && r == 0; i++)
		r = nsn_item_folder(v, &v->scratch, writable[i].path, writable[i].mode, err);
	nsn_piece_add(v, &(struct nsn_piece){.from = "tmp", .to = "tmp", .scratch = true});
	nsn_piece_add(v, &(struct nsn_piece){.from = "run", .to = "run", .scratch = true});
	if (r < 0 || rootfs)
		return r;
	r = nsn_item_link(v, &v->scratch, "var/run", "/run", err);
	if (r == 0)
		r = nsn_item_link(v, &v->scratch, "var/lock", "/run/lock", err);
	if (r == 0)
		r = nsn_item_add(v, &v->scratch, &home, err);
	nsn_piece_add(v, &(struct nsn_piece){.from = "var", .to = "var", .scratch = true});
	nsn_piece_add(v, &(struct nsn_piece){.from = "home", .to = v->home + 1, .scratch = true});
	return r;
}

int nsn_root_open(struct nsn_view *v, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = host < 0 ? nsn_err_sys(err, -errno, "open '/'") : 0;

	for (size_t i = 0; nsn_root_names[i] && r == 0; i++)
		r = add_host(v, host, nsn_root_names[i], err);
	for (size_t i = 0; i < NSN_COUNT(empty) && r == 0; i++)
		r = nsn_item_folder(v, &v->fixed, empty[i], 0755, err);
	if (r == 0 && v->uid != 0)
		r = nsn_item_folder(v, &v->fixed, v->home + 1, 0755, err);
	return r < 0 ? r : nsn_etc_open(v, err);
}
