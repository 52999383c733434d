/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "idmap.h"
#include "mount.h"
#include "view_parts.h"

/*
 * A root file system that somebody else made. It may be hostile: places in it are found without
 * following any link, and what is found is held by descriptor.
 *
 * Its owners are mapped, number 0 too: what root owns on the disk is root's inside, as the
 * programs in it expect. With a volume that would be a way to leave a setuid-root file on the
 * host's disk; here the mount is read-only, the kernel locks that, and so there is nothing that
 * could be made. The same folder may be the root of many workloads.
 */

static const char *const folders[] = {"proc", "sys", "dev", "tmp", "run"};
static const char *const files[] = {"etc/resolv.conf", "etc/hosts", "etc/hostname"};

static int refuse(const char *rootfs, const char *name, int r, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];
	const char *why = r == -ELOOP	  ? "is a symbolic link, or behind one"
			  : r == -ENOENT  ? "is not there"
			  : r == -ENOTDIR ? "is not a folder"
			  : r == -EISDIR  ? "is not a file"
			  : r == -EXDEV	  ? "is on another file system"
					  : strerror(-r);

	r = nsn_err(err, -EINVAL, NSNET_E_BAD_ROOTFS, "'/%s' of the root file system '%s' %s", name,
		    nsn_text_show(rootfs, shown, sizeof(shown)), why);
	return nsn_err_hint(err, r,
			    "something of the workload's own is mounted there: make it a plain "
			    "empty %s",
			    strncmp(name, "etc/", 4) == 0 ? "file" : "folder");
}

/* 0, 1 when it is not there, or why nothing can be mounted on it. */
static int check_place(int root, const char *name, mode_t kind)
{
	NSN_AUTO(nsn_closep)
	int fd = nsn_openat2(root, name, O_PATH, NSN_HOSTILE | RESOLVE_NO_XDEV);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((st.st_mode & S_IFMT) == kind)
		return 0;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	return kind == S_IFDIR ? -ENOTDIR : -EISDIR;
}

static int add_places(struct nsn_view *v, int root, struct nsnet_err *err)
{
	const uint64_t ro = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC;

	for (size_t i = 0; i < NSN_COUNT(folders); i++) {
		int r = check_place(root, folders[i], S_IFDIR);

		if (r < 0)
			return refuse(v->def->rootfs, folders[i], r, err);
	}
	nsn_piece_add(v, &(struct nsn_piece){.from = "sys", .to = "sys", .set = ro});
	for (size_t i = 0; i < NSN_COUNT(files); i++) {
		int r = check_place(root, files[i], S_IFREG);

		if (r < 0 && r != -ENOENT)
			return refuse(v->def->rootfs, files[i], r, err);
		if (r == 0)
			nsn_piece_add(v, &(struct nsn_piece){
						 .from = files[i], .to = files[i], .set = ro});
	}
	return 0;
}

/* Those of the endpoint that are mounted themselves need no piece, and those without a place
 * cannot be mounted. */
static void settle_names(struct nsn_view *v)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->binds.n; i++) {
		struct nsn_bind *b = &v->binds.list[i];
		bool place = false;

		for (size_t k = 0; k < v->n_pieces; k++) {
			if (strcmp(v->pieces[k].to, b->path) != 0)
				continue;
			place = true;
			memmove(&v->pieces[k], &v->pieces[k + 1],
				(v->n_pieces - k - 1) * sizeof(v->pieces[0]));
			v->n_pieces--;
			break;
		}
		if (place)
			v->binds.list[kept++] = *b;
		else
			nsn_closep(&b->tree);
	}
	v->binds.n = kept;
}

static int clone_root(struct nsn_view *v, int folder, struct nsnet_err *err)
{
	const struct nsn_ids *ids = v->def->ids;
	struct nsn_tree_set set = {.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					  MOUNT_ATTR_IDMAP};
	NSN_AUTO(nsn_closep) int tree = nsn_tree_clone(folder, "", false);
	NSN_AUTO(nsn_closep) int userns = -1;
	char shown[NSN_SHOW_SIZE], fs[32];
	int r;

	if (tree < 0)
		return nsn_err_sys(err, tree, "copy the mount of '%s'", v->def->rootfs);
	r = nsn_idmap_userns(ids->map, ids->n, ids->map, ids->n, &userns, err);
	if (r < 0)
		return r;
	set.userns = userns;
	r = nsn_tree_set(tree, &set);
	if (r < 0) {
		nsn_source_fs(folder, fs, sizeof(fs));
		r = nsn_err(err, r == -EINVAL || r == -EPERM ? -EOPNOTSUPP : r, NSNET_E_BAD_ROOTFS,
			    "the file system of '%s' (%s) cannot map owners: %s",
			    nsn_text_show(v->def->rootfs, shown, sizeof(shown)), fs, strerror(-r));
		return nsn_err_hint(err, r, "copy it to ext4, xfs, btrfs or tmpfs");
	}
	v->rootfs = NSN_TAKE_FD(tree);
	return 0;
}

int nsn_rootfs_open(struct nsn_view *v, int *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep)
	int fd = nsn_source_open(v->def->rootfs, O_DIRECTORY);
	char shown[NSN_SHOW_SIZE];
	int r;

	if (fd < 0)
		return nsn_err(err, fd == -ENOENT ? -ENOENT : -EINVAL, NSNET_E_BAD_ROOTFS,
			       "root file system '%s': %s",
			       nsn_text_show(v->def->rootfs, shown, sizeof(shown)),
			       nsn_source_why(fd));
	r = nsn_source_check(v, fd, v->def->rootfs, NSNET_E_BAD_ROOTFS, err);
	if (r == 0)
		r = add_places(v, fd, err);
	if (r == 0)
		r = nsn_item_folder(v, &v->fixed, "etc", 0755, err);
	if (r == 0)
		r = nsn_etc_names(v, err);
	if (r < 0)
		return r;
	settle_names(v);
	r = clone_root(v, fd, err);
	if (r == 0)
		*ret = NSN_TAKE_FD(fd);
	return r;
}
