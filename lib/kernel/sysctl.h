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

struct nsn_home;

/*
 * The folders of one namespace, opened when they are first needed; for as long as the
 * thread is in it. Start with NSN_SYSCTL_PLACE(home); one that was left can be used for
 * the next namespace. Paths are looked up in nsn_home_proc(), and from these folders on.
 */
struct nsn_sysctl_place {
	struct nsn_home *home;
	int net, ipv4, ipv6;
};
#define NSN_SYSCTL_PLACE(home)                                                                     \
	{                                                                                          \
		home, -1, -1, -1                                                                   \
	}
void nsn_sysctl_leave(struct nsn_sysctl_place *at);

/*
 * Reads the value without its newline into @buf. Return: 0, or -ENOENT when
 * this kernel (or this namespace) has no such setting; @err is filled for all
 * but that.
 */
int nsn_sysctl_read(struct nsn_sysctl_place *at, const char *path, char *buf, size_t size,
		    struct nsnet_err *err);

/* -ENOENT as above, but with @err filled. */
int nsn_sysctl_write(struct nsn_sysctl_place *at, const char *path, const char *value,
		     struct nsnet_err *err);

#endif
