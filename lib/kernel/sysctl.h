/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_SYSCTL_H
#define NSN_KERNEL_SYSCTL_H

/*
 * sysctl - settings below /proc/sys/net
 *
 * They show those of the namespace the reading thread is in: call these
 * between nsn_netns_go() and nsn_home_return().
 */
#include "../base/err.h"

/*
 * Reads the value without its newline into @buf. Return: 0, or -ENOENT when
 * this kernel (or this namespace) has no such setting; @err is filled for all
 * but that.
 */
int nsn_sysctl_read(const char *path, char *buf, size_t size, struct nsnet_err *err);

/* -ENOENT as above, but with @err filled. */
int nsn_sysctl_write(const char *path, const char *value, struct nsnet_err *err);

#endif
