/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sql.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define LOCK "lock"

static int unsafe(const struct nsn_store *s, const char *why, struct nsnet_err *err)
{
	return nsn_err(err, -EPERM, NSNET_E_UNSAFE_PATH, "lock of store '%s': %s", s->shown, why);
}

/* O_NONBLOCK: to open a FIFO must not hang. */
static int open_lock(const struct nsn_store *s, int *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	struct stat st;

	fd = openat(s->dirfd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
	/* To close something the kernel is told also when nothing can be stored. */
	if (fd < 0 && errno == EROFS)
		fd = openat(s->dirfd, LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
		return unsafe(s, "it is not a file", err);
	if (fd < 0 || fstat(fd, &st) < 0)
		return nsn_err(err, -EIO, NSNET_E_STORE_IO, "lock of store '%s': %s", s->shown,
			       strerror(errno));
	if (!S_ISREG(st.st_mode))
		return unsafe(s, "it is not a file", err);
	if (st.st_uid != geteuid())
		return unsafe(s, "it belongs to another user", err);
	if (st.st_mode & 066)
		return unsafe(s, "others can open it, and so keep it locked", err);
	*ret = NSN_TAKE_FD(fd);
	return 0;
}

int nsn_store_lock(struct nsn_store *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	int r;

	if (s->lock_fd >= 0)
		return nsn_err(err, -EDEADLK, NSNET_E_INTERNAL,
			       "store '%s' is locked by us already", s->shown);
	r = open_lock(s, &fd, err);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			return nsn_err(err, -ETIMEDOUT, NSNET_E_TIMED_OUT,
				       "another nsnet holds the lock of store '%s'", s->shown);
		return nsn_err(err, -EIO, NSNET_E_STORE_IO, "lock of store '%s': %s", s->shown,
			       strerror(errno));
	}
	s->lock_fd = NSN_TAKE_FD(fd);
	s->began = s->permitted = false;
	s->kind[0] = '\0';
	return 0;
}

/* The file stays: who removes it gives the next two a lock of their own each. */
void nsn_store_unlock(struct nsn_store *s)
{
	nsn_closep(&s->lock_fd);
	s->lock_fd = -1;
	s->began = s->permitted = false;
	s->kind[0] = '\0';
}
