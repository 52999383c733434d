/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"

/* More than any of them has, and not more than there is memory for. */
#define FILE_MAX (64u << 20)

/* One for all files: there are three of each process. */
struct buffer {
	char *text;
	size_t size;
};

static void buffer_clear(struct buffer *b)
{
	free(b->text);
}

static int grow(struct buffer *b)
{
	size_t size = b->size ? 2 * b->size : 4096;
	char *more;

	if (size > FILE_MAX)
		return -EFBIG;
	more = realloc(b->text, size);
	if (!more)
		return -ENOMEM;
	b->text = more;
	b->size = size;
	return 0;
}

static int read_all(int fd, struct buffer *b)
{
	size_t used = 0;
	ssize_t n;

	do {
		if (b->size - used < 2) {
			int r = grow(b);

			if (r < 0)
				return r;
		}
		n = read(fd, b->text + used, b->size - used - 1);
		if (n > 0)
			used += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return -errno;
	b->text[used] = '\0';
	/* What is behind one would not be seen. */
	for (char *nul = b->text; (nul = memchr(nul, '\0', used - (size_t)(nul - b->text)));)
		*nul = '?';
	return 0;
}

/* 1 read, 0 it is not there (any more), or -errno */
static int read_file(int dirfd, const char *path, struct buffer *b)
{
	NSN_AUTO(nsn_closep) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : read_all(fd, b);

	/* A process that ends while it is read. */
	if (r == -ENOENT || r == -ESRCH)
		return 0;
	return r < 0 ? r : 1;
}

static int not_read(const char *dir, const char *path, int r, struct nsnet_err *err)
{
	return r == -ENOMEM ? nsn_err_nomem(err) : nsn_err_sys(err, r, "read %s%s", dir, path);
}

/* ---- accounts ------------------------------------------------------------------- */

static int read_accounts(struct buffer *b, struct nsn_taken_list *ret, struct nsnet_err *err)
{
	static const struct {
		const char *path;
		int (*parse)(struct nsn_taken_list *l, const char *file, const char *text,
			     struct nsnet_err *err);
	} files[] = {
		{"/etc/subuid", nsn_taken_subid},
		{"/etc/subgid", nsn_taken_subid},
		{"/etc/passwd", nsn_taken_passwd},
		{"/etc/group", nsn_taken_passwd},
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < NSN_COUNT(files); i++) {
		r = read_file(AT_FDCWD, files[i].path, b);
		if (r < 0)
			return not_read("", files[i].path, r, err);
		if (r > 0)
			r = files[i].parse(ret, files[i].path, b->text, err);
	}
	return r;
}

bool nsn_inuse_account(uint32_t id, char by[64])
{
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;
	char room[16384]; /* ERANGE: there is one that is larger */
	int r;

	r = getpwuid_r(id, &user, room, sizeof(room), &found_user);
	if (found_user || r == ERANGE) {
		(void)snprintf(by, 64, "user %.40s", found_user ? user.pw_name : "");
		return true;
	}
	r = getgrgid_r(id, &group, room, sizeof(room), &found_group);
	if (found_group || r == ERANGE) {
		(void)snprintf(by, 64, "group %.40s", found_group ? group.gr_name : "");
		return true;
	}
	return false;
}

/* ---- processes ------------------------------------------------------------------ */

/* 1: the text is the map of one of the tenant's own, 0: of somebody else's */
static int is_own(uint32_t own, const char *map, struct nsnet_err *err)
{
	NSN_AUTO(nsn_taken_clear) struct nsn_taken_list l = {0};
	int r;

	if (own == 0)
		return 0;
	r = nsn_taken_map(&l, "", map, err);
	return r < 0 ? r : nsn_taken_find(&l, own, NSN_IDS_RANGE) != NULL;
}

static int read_process(int proc, const char *pid, uint32_t own, struct buffer *b,
			struct nsn_taken_list *ret, struct nsnet_err *err)
{
	static const char *const files[] = {"uid_map", "gid_map", "status"};
	char path[32], by[64];

	for (size_t i = 0; i < NSN_COUNT(files); i++) {
		int r;

		(void)snprintf(path, sizeof(path), "%.16s/%s", pid, files[i]);
		r = read_file(proc, path, b);
		/* How the kernel says that the process of a map is gone (proc_id_map_open()). */
		if (r == 0 || (r == -EINVAL && i < 2))
			return 0;
		if (r < 0)
			return not_read("/proc/", path, r, err);
		if (i == 0) {
			r = is_own(own, b->text, err);
			if (r != 0)
				return r < 0 ? r : 0;
		}
		(void)snprintf(by, sizeof(by), "%sprocess %.16s", i < 2 ? "the map of " : "", pid);
		if (i < 2)
			r = nsn_taken_map(ret, by, b->text, err);
		else
			r = nsn_taken_status(ret, by, b->text, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

/* A thread with other users than its process is not looked for: no C library makes one. */
static int read_processes(uint32_t own, struct buffer *b, struct nsn_taken_list *ret,
			  struct nsnet_err *err)
{
	NSN_AUTO(closedirp) DIR *dir = opendir("/proc");
	struct dirent *e;
	int r = 0;

	if (!dir)
		return nsn_err_sys(err, -errno, "read /proc");
	while (r == 0 && (errno = 0, e = readdir(dir)) != NULL)
		if (e->d_name[strspn(e->d_name, "0123456789")] == '\0')
			r = read_process(dirfd(dir), e->d_name, own, b, ret, err);
	if (r == 0 && !e && errno != 0)
		return nsn_err_sys(err, -errno, "read /proc");
	return r;
}

int nsn_inuse_read(uint32_t own, struct nsn_taken_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(buffer_clear) struct buffer b = {0};
	int r = read_accounts(&b, ret, err);

	return r < 0 ? r : read_processes(own, &b, ret, err);
}
