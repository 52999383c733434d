/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_KEEP_H
#define NSN_SPAWN_KEEP_H

/*
 * keep - the view of one start, kept by a caller that stays for the next
 *
 * Half of what a start takes is to read the host's /etc and to make a hundred files of it. For
 * the default view, without volumes, all that nobody can write to (/, /usr, /etc, /dev, /sys) is
 * kept as one detached tree of mounts, and each workload gets a copy of the mounts. Those of one
 * tenant then have the same inodes there, read-only, as all of them have in /usr.
 *
 * It serves as long as nothing it was made of is another: what was asked for, the host's files (by
 * inode, size and times), the host's mounts. Kernels before 6.15 copy no detached tree; nothing is
 * kept there.
 */
#include "view.h"

struct nsn_keep;

/*
 * As nsn_view_open(), and nsn_view_close() as ever; *@keep: NULL at first. What is kept is not
 * shared: one view at a time.
 */
int nsn_keep_open(struct nsn_keep **keep, const struct nsn_view_def *def, struct nsn_view **ret,
		  struct nsnet_err *err);
void nsn_keep_free(struct nsn_keep *keep); /* NULL is fine */

#endif
