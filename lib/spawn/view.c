/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "mount.h"
#include "view_parts.h"

#define SCRATCH_SIZE ((uint64_t)256 * 1024 * 1024)
#define MIN_INODES   65536
#define TTY_GROUP    5
#define TERMINALS    "256"

NSN_CLEANUP(struct nsn_view, nsn_view_close)

/* ---- open --------------------------------------------------------------------------------------
 */

void nsn_piece_add(struct nsn_view *v, const struct nsn_piece *p)
{
	v->pieces[v->n_pieces++] = *p;
}

int nsn_bind_add(struct nsn_view *v, const char *path, int tree, struct nsnet_err *err)
{
	struct nsn_binds *b = &v->binds;
	char *copy = nsn_arena_strdup(&v->arena, path);

	if (copy && b->n == b->room) {
		size_t room = b->room ? b->room * 2 : 16;
		struct nsn_bind *list = reallocarray(b->list, room, sizeof(*list));

		if (list) {
			b->list = list;
			b->room = room;
		}
	}
	if (!copy || b->n == b->room) {
		(void)close(tree);
		return nsn_err_nomem(err);
	}
	b->list[b->n++] = (struct nsn_bind){.path = copy, .tree = tree};
	return 0;
}

int nsn_view_read(struct nsn_view *v, int fd, size_t max, const char **ret, size_t *len)
{
	struct stat st;
	ssize_t n;
	char *text;

	if (fstat(fd, &st) < 0)
		return -errno;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	/* What it has grown by since is left out. */
	text = nsn_arena_alloc(&v->arena, (size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	n = nsn_pread_all(fd, text, (size_t)st.st_size);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	*ret = text;
	*len = (size_t)n;
	return 0;
}

static int open_common(struct nsn_view *v, struct nsnet_err *err)
{
	const struct nsn_piece dev = {.from = "dev",
				      .to = "dev",
				      .set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC,
				      .clear = MOUNT_ATTR_NODEV};
	const struct nsn_piece shm = {.from = "shm", .to = "dev/shm", .scratch = true};
	uint32_t tty;
	int r = nsn_scratch_open(v, err);

	nsn_piece_add(v, &dev);
	nsn_piece_add(v, &shm);
	if (r == 0)
		r = nsn_dev_open(v, err);
	if (r == 0)
		r = nsn_sys_open(v, err);
	/*
	 * The group that may write to a terminal. devpts takes its number as it is inside. There
	 * are 3072 terminals for all that are not the host's own (kernel.pty.max, pty.reserve).
	 */
	(void)snprintf(
		v->pts, sizeof(v->pts), "newinstance,ptmxmode=0666,mode=0620,max=" TERMINALS "%s",
		nsn_ids_outside(v->def->ids, TTY_GROUP, &tty) == 0 && !v->def->no_userns ? ",gid=5"
											 : "");
	return r;
}

int nsn_view_open(const struct nsn_view_def *def, struct nsn_view **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_view_closep) struct nsn_view *v = calloc(1, sizeof(*v));
	NSN_AUTO(nsn_closep) int folder = -1;
	int r = 0;

	if (!v)
		return nsn_err_nomem(err);
	v->asked = *def;
	v->def = &v->asked;
	v->rootfs = v->kept = v->copy = -1;
	if (def->rootfs)
		r = nsn_rootfs_open(v, &folder, err);
	if (r == 0)
		r = nsn_user_open(v, folder, err);
	if (r == 0 && !def->rootfs)
		r = nsn_root_open(v, err);
	if (r == 0)
		r = open_common(v, err);
	if (r == 0)
		r = nsn_volumes_open(v, err);
	if (r == 0)
		*ret = NSN_TAKE_PTR(v);
	return r;
}

void nsn_view_close(struct nsn_view *v)
{
	if (!v)
		return;
	nsn_closep(&v->copy);
	v->copy = -1;
	if (v->kept >= 0)
		return;
	for (size_t i = 0; i < v->binds.n; i++)
		nsn_closep(&v->binds.list[i].tree);
	for (size_t i = 0; i < v->n_volumes; i++)
		nsn_closep(&v->volumes[i].tree);
	nsn_closep(&v->rootfs);
	free(v->binds.list);
	free(v->fixed.list);
	free(v->scratch.list);
	nsn_arena_free(&v->arena);
	free(v);
}

uint32_t nsn_view_uid(const struct nsn_view *v)
{
	return v->uid;
}

uint32_t nsn_view_gid(const struct nsn_view *v)
{
	return v->gid;
}

const char *nsn_view_user(const struct nsn_view *v)
{
	return v->user;
}

const char *nsn_view_home(const struct nsn_view *v)
{
	return v->home;
}

/* ---- build --------------------------------------------------------------------------------------
 */

/* What build() holds. */
struct site {
	int fs, fixed, scratch; /* the file system of memory, and the folders that make it up */
	int root;		/* the mount that becomes the root */
};

static int make_folder(const struct nsn_view *v, int fs, const char *name, int *ret)
{
	if (mkdirat(fs, name, 0755) < 0 ||
	    fchownat(fs, name, v->root_uid, v->root_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	*ret = openat(fs, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? -errno : 0;
}

static int make_fs(struct nsn_view *v, struct site *s, struct nsn_trouble *why)
{
	const uint64_t size = v->def->scratch ? v->def->scratch : SCRATCH_SIZE;
	const uint64_t inodes = size / 8192 > MIN_INODES ? size / 8192 : MIN_INODES;
	/* What fixed takes of the memory that is there for both. */
	const struct nsn_tmpfs fs = {.size = size + nsn_items_size(&v->fixed),
				     .inodes = inodes,
				     .attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
	struct stat st;
	int r = s->fs = nsn_tmpfs(&fs);

	if (r >= 0)
		r = make_folder(v, s->fs, "fixed", &s->fixed);
	if (r >= 0)
		r = make_folder(v, s->fs, "scratch", &s->scratch);
	if (r >= 0 && fstat(s->fs, &st) < 0)
		r = -errno;
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_ROOT, r, "tmpfs");
	v->fs_dev = st.st_dev;
	r = nsn_items_make(v, &v->scratch, s->scratch, NSN_STAGE_ROOT, why);
	if (r < 0 || v->copy >= 0)
		return r;
	return nsn_items_make(v, &v->fixed, s->fixed, NSN_STAGE_ETC, why);
}

/*
 * It has to be in the tree before pieces of it can be copied (until kernel 6.15). That is in the
 * old root, on a folder that each host has, and it goes when that goes. Not on the old root
 * itself: what is mounted there is what umount2(".") would find.
 */
#define STAGING "/proc"

static int place_fs(struct nsn_view *v, struct site *s, struct nsn_trouble *why)
{
	int r = nsn_tree_attach(s->fs, AT_FDCWD, STAGING);

	if (r == 0 && v->copy >= 0) {
		s->root = v->copy;
	} else if (r == 0 && v->rootfs < 0) {
		s->root = nsn_tree_clone(s->fixed, "", false);
		r = s->root < 0 ? s->root : 0;
	} else {
		s->root = v->rootfs;
	}
	if (r == 0)
		r = nsn_tree_attach(s->root, AT_FDCWD, STAGING);
	return r < 0 ? nsn_trouble(why, NSN_STAGE_ROOT, r, "the root on " STAGING) : 0;
}

static int attach_at(int tree, int root, const char *path)
{
	NSN_AUTO(nsn_closep) int place = nsn_openat2(root, path, O_PATH, NSN_HOSTILE);

	return place < 0 ? place : nsn_tree_attach(tree, place, "");
}

int nsn_piece_clone(const struct nsn_piece *p, int folder)
{
	NSN_AUTO(nsn_closep) int tree = nsn_tree_clone(folder, p->from, false);
	const struct nsn_tree_set set = {.set = p->set, .clear = p->clear};
	const int r = tree >= 0 && (p->set || p->clear) ? nsn_tree_set(tree, &set) : tree;

	return r < 0 ? r : NSN_TAKE_FD(tree);
}

static int put_piece(const struct site *s, const struct nsn_piece *p, struct nsn_trouble *why)
{
	NSN_AUTO(nsn_closep) int tree = nsn_piece_clone(p, p->scratch ? s->scratch : s->fixed);
	const int r = tree < 0 ? tree : attach_at(tree, s->root, p->to);

	return r < 0 ? nsn_trouble(why, NSN_STAGE_ROOT, r, "/%s", p->to) : 0;
}

static int put_all(struct nsn_view *v, const struct site *s, struct nsn_trouble *why)
{
	int r = 0;

	for (size_t i = 0; i < v->n_pieces && r == 0; i++)
		if (v->copy < 0 || v->pieces[i].scratch)
			r = put_piece(s, &v->pieces[i], why);
	for (size_t i = 0; i < v->binds.n && r == 0 && v->copy < 0; i++) {
		const struct nsn_bind *b = &v->binds.list[i];

		r = attach_at(b->tree, s->root, b->path);
		if (r < 0)
			return nsn_trouble(why, NSN_STAGE_ROOT, r, "/%s", b->path);
	}
	return r < 0 ? r : nsn_volumes_build(v, s->root, why);
}

/* Known again by finish(), whatever has become of the names in a rootfs. */
static int remember_dev(struct nsn_view *v, const struct site *s, struct nsn_trouble *why)
{
	const int at = v->copy >= 0 ? v->copy : s->fixed;
	struct stat st;

	if (fstatat(at, "dev", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return nsn_trouble(why, NSN_STAGE_DEV, -errno, "/dev");
	v->dev_dev = st.st_dev;
	v->dev_ino = st.st_ino;
	return 0;
}

/* The old root, with all that is on it but the new one, is mounted over the new one and goes. */
static int pivot(const struct site *s, struct nsn_trouble *why)
{
	const struct nsn_tree_set ro = {.set = MOUNT_ATTR_RDONLY};
	int r = nsn_tree_set(s->root, &ro);

	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_ROOT, r, "/ read-only");
	if (fchdir(s->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return nsn_trouble(why, NSN_STAGE_PIVOT, -errno, "pivot_root");
	if (umount2(".", MNT_DETACH) < 0)
		return nsn_trouble(why, NSN_STAGE_PIVOT, -errno, "umount of the old root");
	return chdir("/") < 0 ? nsn_trouble(why, NSN_STAGE_PIVOT, -errno, "chdir /") : 0;
}

static int build(struct nsn_view *v, struct site *s, struct nsn_trouble *why)
{
	int r;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return nsn_trouble(why, NSN_STAGE_MOUNTS, -errno, "private propagation");
	r = make_fs(v, s, why);
	if (r == 0)
		r = remember_dev(v, s, why);
	if (r == 0)
		r = place_fs(v, s, why);
	if (r == 0)
		r = put_all(v, s, why);
	return r < 0 ? r : pivot(s, why);
}

int nsn_view_build(struct nsn_view *v, struct nsn_trouble *why)
{
	struct site s = {-1, -1, -1, -1};
	mode_t mask = umask(0);
	int r = build(v, &s, why);

	(void)umask(mask);
	nsn_closep(&s.root);
	nsn_closep(&s.scratch);
	nsn_closep(&s.fixed);
	nsn_closep(&s.fs);
	return r;
}

/* ---- finish
 * --------------------------------------------------------------------------------------- */

/* "/dev" by its name: it has to be ours, which it is not if somebody renamed it in a rootfs. */
static int open_dev(const struct nsn_view *v, struct nsn_trouble *why)
{
	NSN_AUTO(nsn_closep)
	int fd = nsn_openat2(AT_FDCWD, "/dev", O_PATH | O_DIRECTORY, NSN_HOSTILE);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return nsn_trouble(why, NSN_STAGE_DEV, fd < 0 ? fd : -errno, "/dev");
	if (st.st_dev != v->dev_dev || st.st_ino != v->dev_ino)
		return nsn_trouble(why, NSN_STAGE_DEV, -ESTALE, "/dev is another one");
	return NSN_TAKE_FD(fd);
}

static int attach_proc(int proc, struct nsn_trouble *why)
{
	const struct nsn_tree_set set = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						MOUNT_ATTR_NOEXEC};
	NSN_AUTO(nsn_closep) int place = -1, seen = -1;
	struct statfs fs;
	int r = nsn_tree_set(proc, &set);

	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_PROC, r, "nosuid");
	place = nsn_openat2(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, NSN_HOSTILE);
	r = place < 0 ? place : nsn_tree_attach(proc, place, "");
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_PROC, r, "/proc");
	/* As above: a mount moves with its folder, and then there is none under this name. */
	seen = nsn_openat2(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, NSN_HOSTILE);
	if (seen < 0 || fstatfs(seen, &fs) < 0)
		return nsn_trouble(why, NSN_STAGE_PROC, seen < 0 ? seen : -errno, "/proc");
	if (fs.f_type != PROC_SUPER_MAGIC)
		return nsn_trouble(why, NSN_STAGE_PROC, -ESTALE, "/proc is another one");
	return 0;
}

/* In /dev by name, as the current folder: nothing but ours is looked at. */
static int mount_own(const struct nsn_view *v, int dev, bool own_ipc, struct nsn_trouble *why)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (fchdir(dev) < 0)
		return nsn_trouble(why, NSN_STAGE_DEV, -errno, "/dev");
	if (mount("devpts", "pts", "devpts", MS_NOSUID | MS_NOEXEC, v->pts) < 0)
		return nsn_trouble(why, NSN_STAGE_DEV, -errno, "/dev/pts");
	if (own_ipc && mount("mqueue", "mqueue", "mqueue", flags, NULL) < 0)
		return nsn_trouble(why, NSN_STAGE_DEV, -errno, "/dev/mqueue");
	return 0;
}

int nsn_view_finish(struct nsn_view *v, int proc, bool own_ipc, struct nsn_trouble *why)
{
	NSN_AUTO(nsn_closep) int own = proc, dev = open_dev(v, why), covers = -1;
	int r = dev < 0 ? dev : attach_proc(own, why);

	if (r == 0)
		r = mount_own(v, dev, own_ipc, why);
	if (r < 0)
		return r;
	covers = openat(dev, ".nsnet", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (covers < 0)
		return nsn_trouble(why, NSN_STAGE_MASK, -errno, "/dev/.nsnet");
	r = nsn_mask(own, covers, why);
	if (chdir("/") < 0 && r == 0)
		r = nsn_trouble(why, NSN_STAGE_MASK, -errno, "chdir /");
	return r;
}
