/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_IDMAP_H
#define NSN_SPAWN_IDMAP_H

/*
 * idmap - numbers of users of a user namespace
 */
#include "../model/ids.h"

/*
 * Writes one map for users and groups to a process that is in a new user namespace, and
 * reads it back: what the kernel has must be what was meant. @proc is the descriptor of the
 * process' folder in a procfs, opened while its pidfd was known to be alive, so that it is
 * about no other process. One write of less than a page (user_namespaces(7)).
 */
int nsn_idmap_write(int proc, const struct nsn_extent *map, size_t n, struct nsnet_err *err);

/*
 * A user namespace with these maps that no process is in, for mount_setattr(MOUNT_ATTR_IDMAP):
 * there `inside` is the number on the disk and `outside` what it is for this host. @ret is
 * the caller's to close.
 */
int nsn_idmap_userns(const struct nsn_extent *users, size_t n_users,
		     const struct nsn_extent *groups, size_t n_groups, int *ret,
		     struct nsnet_err *err);

#endif
