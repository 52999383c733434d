/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_BASE_FD_H
#define NSN_BASE_FD_H

/*
 * fd - files that must be trusted
 */
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

/*
 * nsn_dir_open() - A folder that only its owner, who is us, can change
 *
 * Made with mode 0700 when it is not there (its parent must be). A symbolic
 * link in the last place, another owner, or a group or others that may write
 * are refused with UNSAFE_PATH: whoever can swap the folder decides what we
 * believe. For the same reason all folders above belong to us or to root, and
 * are not writable by others unless they are sticky, as /tmp is. @ret is an
 * O_DIRECTORY descriptor.
 */
int nsn_dir_open(int *ret, const char *path, struct nsnet_err *err);

/* From the start of a file to its end, or until @size are read: how many, or -errno. */
ssize_t nsn_pread_all(int fd, void *buf, size_t size);

/* At the start of a file; what is behind @len stays. 0 or -errno. */
int nsn_pwrite_all(int fd, const void *data, size_t len);

/*
 * Reads a small file into @buf, ends it with NUL and cuts one trailing newline.
 * 0 or -errno, -EFBIG when it does not fit.
 */
int nsn_file_read(int dirfd, const char *path, char *buf, size_t size);

/* Writes @text to a file that exists (a sysctl). 0 or -errno. */
int nsn_file_write(int dirfd, const char *path, const char *text);

#endif
