/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "idmap.h"
#include "mount.h"
#include "view_parts.h"

/*
 * A folder or file of the host inside. Only the mount it is on: what is mounted below it is not
 * part of it, and shows as the empty folder that is beneath.
 *
 * One user and one group of the disk are mapped, and never 0: a workload that could make
 * root's files there would leave a setuid-root program on the host's own path, where no nosuid
 * holds. What belongs to others is nobody's inside, and nobody writes to it, whatever its mode
 * (the kernel refuses writing to an inode whose owner or group has no number): so in a folder of
 * root's a workload writes only to those folders in it that are its user's.
 */

static int refuse(const char *typed, int code, struct nsnet_err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int refuse(const char *typed, int code, struct nsnet_err *err, const char *fmt, ...)
{
	char shown[NSN_SHOW_SIZE], why[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return nsn_err(err, code, NSNET_E_BAD_VOLUME, "volume '%s': %s",
		       nsn_text_show(typed, shown, sizeof(shown)), why);
}

/* ---- text ------------------------------------------------------------------------ */

/* "//" and a last "/" mean nothing; "." and ".." are not for a path that is made. */
static int tidy(struct nsn_volume *v, char *path, struct nsnet_err *err)
{
	char *to = path, *at = path;

	v->path = path;
	if (*path != '/')
		return refuse(v->typed, -EINVAL, err, "the path inside has to begin with '/'");
	while (*at) {
		size_t len;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 0)
			break;
		if (len > NAME_MAX)
			return refuse(v->typed, -EINVAL, err, "a name in it is too long");
		if ((len == 1 && at[0] == '.') || (len == 2 && at[0] == '.' && at[1] == '.'))
			return refuse(v->typed, -EINVAL, err, "'.' and '..' are not followed");
		if (to != path)
			*to++ = '/';
		memmove(to, at, len);
		to += len;
		at += len;
		v->depth++;
	}
	*to = '\0';
	if (v->depth == 0)
		return refuse(v->typed, -EINVAL, err, "the root itself is --rootfs");
	return 0;
}

static bool is_or_below(const char *path, const char *of)
{
	size_t len = strlen(of);

	return strncmp(path, of, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* What a view has of its own, and a workload has to be able to rely on. */
static int check_inside(const struct nsn_volume *v, struct nsnet_err *err)
{
	static const char *const kept[] = {
		"proc",
		"sys",
		"dev",
		"etc/passwd",
		"etc/group",
		"etc/nsswitch.conf",
		"etc/hosts",
		"etc/hostname",
		"etc/resolv.conf",
		"etc/ld.so.cache",
		"etc/ld.so.preload",
	};

	if (strcmp(v->path, "etc") == 0 || strcmp(v->path, "usr") == 0)
		return refuse(v->typed, -EINVAL, err, "'/%s' is the view's own", v->path);
	for (size_t i = 0; i < NSN_COUNT(kept); i++)
		if (is_or_below(v->path, kept[i]))
			return refuse(v->typed, -EINVAL, err, "'/%s' is the view's own", kept[i]);
	return 0;
}

int nsn_volume_parse(struct nsn_arena *a, const char *text, struct nsn_volume *ret,
		     struct nsnet_err *err)
{
	struct nsn_volume v = {.tree = -1};
	char *copy = nsn_arena_strdup(a, text), *inside, *mode;
	int r;

	v.typed = nsn_arena_strdup(a, text);
	if (!copy || !v.typed)
		return nsn_err_nomem(err);
	inside = strchr(copy, ':');
	if (!inside)
		return refuse(v.typed, -EINVAL, err, "it is SRC:DST or SRC:DST:ro");
	*inside++ = '\0';
	mode = strchr(inside, ':');
	if (mode)
		*mode++ = '\0';
	if (mode && strcmp(mode, "ro") != 0 && strcmp(mode, "rw") != 0)
		return refuse(v.typed, -EINVAL, err, "behind the second ':' there is 'ro' or 'rw'");
	if (*copy != '/')
		return refuse(v.typed, -EINVAL, err, "the host's path has to begin with '/'");
	v.source = copy;
	v.read_only = mode && strcmp(mode, "ro") == 0;
	r = tidy(&v, inside, err);
	if (r == 0)
		r = check_inside(&v, err);
	if (r == 0)
		*ret = v;
	return r;
}

/* ---- owners
 * ---------------------------------------------------------------------------------------- */

/* A number that stands for nobody on the disk and inside: a map without any is none. */
#define NOBODY 65534u

/*
 * Which number of the disk is the user's: the owner's, or, where that is root's, the same as
 * inside. false: there is none that may be.
 */
static bool pick(uint32_t owner, uint32_t inside, uint32_t outside, struct nsn_extent *ret)
{
	const uint32_t disk = owner != 0 ? owner : inside;

	*ret = (struct nsn_extent){.inside = disk, .outside = outside, .count = 1};
	if (disk != 0)
		return true;
	*ret = (struct nsn_extent){.inside = NOBODY, .outside = NOBODY, .count = 1};
	return false;
}

static int refuse_root(const struct nsn_volume *vol, const char *what, struct nsnet_err *err)
{
	int r = refuse(vol->typed, -EINVAL, err,
		       "'%s' belongs to the %s 0 of the host, and so "
		       "would what the workload makes there",
		       vol->source, what);

	return nsn_err_hint(err, r,
			    "chown it to a user and group of their own, run with --user N:N, "
			    "or mount it with :ro");
}

/* *@map: whether there is one at all. */
static int owners(const struct nsn_view *v, const struct nsn_volume *vol, const struct stat *st,
		  struct nsn_extent *user, struct nsn_extent *group, bool *map,
		  struct nsnet_err *err)
{
	const bool has_user = pick(st->st_uid, v->uid, v->user_uid, user);
	const bool has_group = pick(st->st_gid, v->gid, v->user_gid, group);

	/* Root's own things: what others may read is enough, and works on any file system. */
	*map = !vol->read_only || st->st_uid != 0;
	if (vol->read_only)
		return 0;
	if (!has_user)
		return refuse_root(vol, "user", err);
	return has_group ? 0 : refuse_root(vol, "group", err);
}

static int cannot_map(const struct nsn_volume *vol, int fd, int r, struct nsnet_err *err)
{
	char fs[32];

	nsn_source_fs(fd, fs, sizeof(fs));
	r = refuse(vol->typed, r == -EINVAL || r == -EPERM ? -EOPNOTSUPP : r, err,
		   "the file system of '%s' (%s) cannot map owners: %s", vol->source, fs,
		   strerror(-r));
	return nsn_err_hint(err, r,
			    "use ext4, xfs, btrfs or tmpfs; root's files can be had "
			    "with :ro on any");
}

/* ---- opening
 * ------------------------------------------------------------------------------------------ */

static int open_tree_of(struct nsn_view *v, struct nsn_volume *vol, int fd, const struct stat *st,
			struct nsnet_err *err)
{
	struct nsn_tree_set set = {.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					  (vol->read_only ? MOUNT_ATTR_RDONLY : 0)};
	NSN_AUTO(nsn_closep) int tree = -1, userns = -1;
	struct nsn_extent user, group;
	bool map;
	int r = owners(v, vol, st, &user, &group, &map, err);

	if (r == 0 && map)
		r = nsn_idmap_userns(&user, 1, &group, 1, &userns, err);
	if (r < 0)
		return r;
	tree = nsn_tree_clone(fd, "", false);
	if (tree < 0)
		return refuse(vol->typed, tree, err, "copy the mount of '%s': %s", vol->source,
			      strerror(-tree));
	if (map) {
		set.set |= MOUNT_ATTR_IDMAP;
		set.userns = userns;
	}
	r = nsn_tree_set(tree, &set);
	if (r < 0)
		return cannot_map(vol, fd, r, err);
	vol->tree = NSN_TAKE_FD(tree);
	return 0;
}

static int open_source(struct nsn_view *v, struct nsn_volume *vol, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = nsn_source_open(vol->source, 0);
	struct stat st;
	int r;

	if (fd < 0)
		return refuse(vol->typed, fd == -ENOENT ? -ENOENT : -EINVAL, err, "'%s': %s",
			      vol->source, nsn_source_why(fd));
	if (fstat(fd, &st) < 0)
		return nsn_err_sys(err, -errno, "look at '%s'", vol->source);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return refuse(vol->typed, -EINVAL, err, "'%s' is neither a folder nor a file",
			      vol->source);
	vol->folder = S_ISDIR(st.st_mode);
	r = nsn_source_check(v, fd, vol->source, NSNET_E_BAD_VOLUME, err);
	return r < 0 ? r : open_tree_of(v, vol, fd, &st, err);
}

static int by_depth(const void *a, const void *b)
{
	const struct nsn_volume *x = a, *y = b;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return strcmp(x->path, y->path);
}

int nsn_volumes_open(struct nsn_view *v, struct nsnet_err *err)
{
	const size_t n = v->def->n_volumes;
	int r = 0;

	if (n == 0)
		return 0;
	v->volumes = nsn_arena_alloc(&v->arena, n * sizeof(*v->volumes));
	if (!v->volumes)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = nsn_volume_parse(&v->arena, v->def->volumes[i], &v->volumes[i], err);
		if (r < 0)
			break;
		v->n_volumes++;
		r = open_source(v, &v->volumes[i], err);
	}
	if (r < 0)
		return r;
	qsort(v->volumes, n, sizeof(*v->volumes), by_depth);
	for (size_t i = 1; i < n; i++)
		if (strcmp(v->volumes[i - 1].path, v->volumes[i].path) == 0)
			return refuse(v->volumes[i].typed, -EINVAL, err,
				      "there are two volumes for '/%s'", v->volumes[i].path);
	return 0;
}

/* ---- mounting
 * -------------------------------------------------------------------------------------------- */

static int give_like(int at, const char *name, const struct stat *st)
{
	return fchownat(at, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/*
 * Only in what is ours: in a volume or a rootfs nothing is ever made. It belongs to who owns
 * the folder it is in: the user below its home, else root inside.
 */
static int make_step(const struct nsn_view *v, int at, const char *name, bool folder)
{
	struct stat st;
	int fd;

	if (fstat(at, &st) < 0)
		return -errno;
	if (st.st_dev != v->fs_dev)
		return -ENOENT;
	if (folder)
		return mkdirat(at, name, 0755) < 0 ? -errno : give_like(at, name, &st);
	fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	nsn_closep(&fd);
	return give_like(at, name, &st);
}

/* A descriptor of the place, all of whose folders are made where they are missing. */
static int find_place(const struct nsn_view *v, int root, const struct nsn_volume *vol)
{
	NSN_AUTO(nsn_closep) int at = -1;
	const char *rest = vol->path;

	for (;;) {
		size_t len = strcspn(rest, "/");
		const bool last = rest[len] == '\0';
		const int from = at < 0 ? root : at;
		char name[NAME_MAX + 1];
		int next;

		memcpy(name, rest, len);
		name[len] = '\0';
		next = nsn_openat2(from, name, O_PATH, NSN_HOSTILE);
		if (next == -ENOENT) {
			int r = make_step(v, from, name, !last || vol->folder);

			if (r < 0)
				return r;
			next = nsn_openat2(from, name, O_PATH, NSN_HOSTILE);
		}
		if (next < 0)
			return next;
		nsn_closep(&at);
		at = next;
		if (last)
			return NSN_TAKE_FD(at);
		rest += len + 1;
	}
}

/* In few words: there is room for a hundred characters. */
static const char *why_not(int r)
{
	switch (r) {
	case -ELOOP:
		return "a symbolic link";
	case -ENOENT:
		return "not there, and on a read-only tree";
	case -ENOTDIR:
		return "a folder here and a file there";
	default:
		return "mount";
	}
}

/* The kernel says EINVAL to a folder over a file, and to much else. */
static int check_kind(int place, const struct nsn_volume *vol)
{
	struct stat st;

	if (fstat(place, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) == vol->folder ? 0 : -ENOTDIR;
}

int nsn_volumes_build(const struct nsn_view *v, int root, struct nsn_trouble *why)
{
	for (size_t i = 0; i < v->n_volumes; i++) {
		const struct nsn_volume *vol = &v->volumes[i];
		NSN_AUTO(nsn_closep) int place = find_place(v, root, vol);
		int r = place < 0 ? place : check_kind(place, vol);

		if (r == 0)
			r = nsn_tree_attach(vol->tree, place, "");
		if (r < 0)
			return nsn_trouble(why, NSN_STAGE_VOLUME, r, "/%.60s (%s)", vol->path,
					   why_not(r));
	}
	return 0;
}
