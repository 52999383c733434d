/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_WORKLOADS_H
#define NSN_WORKLOADS_H

/*
 * workloads - those that run, as their supervisors have recorded them
 */
#include "ctx.h"
#include "spawn/record.h"

/* RUN_DIR/workloads, made when it is not there. */
int nsn_workloads_folder(const char *run_dir, int *ret, struct nsnet_err *err);
/* The same for who only looks: 1; 0 when it is not there. */
int nsn_workloads_look(const char *run_dir, int *ret, struct nsnet_err *err);

/* What nsnet_run_start() takes besides, for self-check and for tests. */
struct nsn_run_extra {
	/* Instead of a command: runs in the workload, confined as any; see struct nsn_spawn. */
	int (*entry)(void *arg);
	void *arg;
	unsigned int sabotage;
	bool blind;
};
int nsn_run_start(struct nsnet *n, const struct nsnet_run_def *def,
		  const struct nsn_run_extra *extra, struct nsnet_run **ret, struct nsnet_err *err);
/* As it is recorded; lives as long as @run. */
const struct nsn_record *nsn_run_record(const struct nsnet_run *run);

#endif
