/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "../base/fd.h"

#define PATH_SIZE 160

static int full_path(char buf[PATH_SIZE], const char *path, struct nsnet_err *err)
{
	int n = snprintf(buf, PATH_SIZE, "/proc/sys/%s", path);

	/* Paths are ours, but a name such as "..": never. */
	if (n < 0 || n >= PATH_SIZE || strstr(path, ".."))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "bad sysctl path '%s'", path);
	return 0;
}

int nsn_sysctl_read(const char *path, char *buf, size_t size, struct nsnet_err *err)
{
	char full[PATH_SIZE];
	int r;

	r = full_path(full, path, err);
	if (r < 0)
		return r;
	r = nsn_file_read(AT_FDCWD, full, buf, size);
	if (r < 0 && r != -ENOENT)
		return nsn_err_sys(err, r, "read sysctl '%s'", path);
	return r;
}

int nsn_sysctl_write(const char *path, const char *value, struct nsnet_err *err)
{
	char full[PATH_SIZE];
	int r;

	r = full_path(full, path, err);
	if (r < 0)
		return r;
	r = nsn_file_write(AT_FDCWD, full, value);
	return r < 0 ? nsn_err_sys(err, r, "write sysctl '%s' = %s", path, value) : 0;
}
