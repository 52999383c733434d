/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_CGROUP_H
#define NSN_SPAWN_CGROUP_H

/*
 * cgroup - a control group for each workload
 *
 * With version 2 (alone at /sys/fs/cgroup, or beside version 1 at /sys/fs/cgroup/unified) a
 * workload is born into it (CLONE_INTO_CGROUP). With version 1 only, the helper writes "0" to
 * `tasks`: writing a process' number, or to cgroup.procs, waits for a grace period of RCU, 11-19
 * ms. The cgroup namespace is then rooted there.
 */
#include <stdbool.h>

#include "../base/err.h"

struct nsn_cgroup {
	int top;       /* the hierarchy's root; -1: this host has none mounted */
	int fd;	       /* of version 2, for clone3(); -1 */
	int tasks;     /* of version 1, to write "0" to; -1 */
	char name[40]; /* below the root: "nsnet/ID" */
};

/* `nsnet/ID` in the first hierarchy there is. Without any, all is -1 and that is no error. */
int nsn_cgroup_make(const char *id, struct nsn_cgroup *ret, struct nsnet_err *err);
/*
 * Kills what is in it and removes it; also one that an earlier process made. What is not
 * there is gone. -EBUSY: something in it does not die.
 */
int nsn_cgroup_end(const char *id, struct nsnet_err *err);
void nsn_cgroup_close(struct nsn_cgroup *c);

#endif
