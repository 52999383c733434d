/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

#define SHOWN_PATH 200

static int unsafe(struct nsnet_err *err, const char *path, const char *why)
{
	char shown[SHOWN_PATH];

	return nsn_err(err, -EPERM, NSNET_E_UNSAFE_PATH, "folder '%s': %s",
		       nsn_text_show(path, shown, sizeof(shown)), why);
}

/* O_NOFOLLOW looks at the last name only, and after "link/" that is the link's target. */
static int without_slashes(char **ret, const char *path, struct nsnet_err *err)
{
	size_t len = strlen(path);
	char *copy;

	while (len > 1 && path[len - 1] == '/')
		len--;
	copy = strndup(path, len);
	if (!copy)
		return nsn_err_nomem(err);
	*ret = copy;
	return 0;
}

static int open_or_make(int *ret, const char *path, struct nsnet_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	char shown[SHOWN_PATH];
	struct stat st;
	int fd;

	fd = open(path, flags);
	if (fd < 0 && errno == ENOENT) {
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return nsn_err_sys(err, -errno, "make folder '%s'",
					   nsn_text_show(path, shown, sizeof(shown)));
		fd = open(path, flags);
	}
	if (fd >= 0) {
		*ret = fd;
		return 0;
	}
	if ((errno == ELOOP || errno == ENOTDIR) && lstat(path, &st) == 0)
		return unsafe(err, path,
			      S_ISLNK(st.st_mode) ? "it is a symbolic link" : "it is not a folder");
	return nsn_err_sys(err, -errno, "open folder '%s'",
			   nsn_text_show(path, shown, sizeof(shown)));
}

static int check_own(int fd, const char *path, struct nsnet_err *err)
{
	char shown[SHOWN_PATH];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return nsn_err_sys(err, -errno, "read folder '%s'",
				   nsn_text_show(path, shown, sizeof(shown)));
	if (st.st_uid != geteuid())
		return unsafe(err, path, "it belongs to another user");
	if (!(st.st_mode & 022))
		return 0;
	r = unsafe(err, path, "others can write to it");
	return nsn_err_hint(err, r, "chmod go-w '%s'", nsn_text_show(path, shown, sizeof(shown)));
}

/*
 * Walks up from the open folder and not along the path as text, which may go
 * through symbolic links and "..".
 */
static int check_above(int fd, const char *path, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int at = -1;
	struct stat st, below;

	if (fstat(fd, &below) < 0)
		return nsn_err_sys(err, -errno, "read a folder");
	for (;;) {
		int up = openat(at < 0 ? fd : at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		nsn_closep(&at);
		at = up;
		if (at < 0 || fstat(at, &st) < 0)
			return nsn_err_sys(err, -errno, "read the folders above a folder");
		if (st.st_dev == below.st_dev && st.st_ino == below.st_ino)
			return 0; /* the root is its own parent */
		if (st.st_uid != 0 && st.st_uid != geteuid())
			return unsafe(err, path, "a folder above it belongs to another user");
		if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
			return unsafe(err, path, "others can write to a folder above it");
		below = st;
	}
}

int nsn_dir_open(int *ret, const char *path, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *name = NULL;
	NSN_AUTO(nsn_closep) int fd = -1;
	int r;

	r = without_slashes(&name, path, err);
	if (r < 0)
		return r;
	r = open_or_make(&fd, name, err);
	if (r < 0)
		return r;
	r = check_own(fd, name, err);
	if (r == 0)
		r = check_above(fd, name, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_FD(fd);
	return 0;
}

ssize_t nsn_pread_all(int fd, void *buf, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = pread(fd, (char *)buf + used, size - used, (off_t)used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int nsn_pwrite_all(int fd, const void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int nsn_file_read(int dirfd, const char *path, char *buf, size_t size)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	ssize_t n;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = nsn_pread_all(fd, buf, size);
	if (n < 0)
		return (int)n;
	if ((size_t)n == size)
		return -EFBIG;
	if (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return 0;
}

/* In one write(2): a sysctl takes each as a whole value. */
int nsn_file_write(int dirfd, const char *path, const char *text)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	size_t len = strlen(text);
	ssize_t n;

	fd = openat(dirfd, path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EIO;
}
