/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_RECORD_H
#define NSN_SPAWN_RECORD_H

/*
 * record - which workloads there are
 *
 * A file for each in a folder of ours below /run: made, and locked, before anything else is made
 * for it, and removed when all of that is gone. Its supervisor holds the lock (flock) and
 * nobody else, so a record that can be locked belongs to nobody any more: its supervisor was
 * killed, the workload ended with it, and what is left (the record, the control group)
 * is swept away by whoever comes next.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../base/err.h"
#include "look.h"

#define NSN_WORKLOAD_ID 12 /* hex digits */

struct nsn_record {
	char id[NSN_WORKLOAD_ID + 1];
	char *tenant, *endpoint;
	char *command;	    /* the workload's, in one line */
	int64_t at;	    /* when it was started */
	uint32_t uid;	    /* by whom */
	uint32_t base;	    /* its tenant's range of numbers */
	unsigned int share; /* opt-outs: 1 << enum nsnet_ns */
	uint64_t caps;
	pid_t pid; /* of the first process; 0: it is being born */
	struct nsn_look look;
};
void nsn_record_clear(struct nsn_record *r);

/* Draws an id and makes the record. @lock: the file, locked. @folder: its descriptor. */
int nsn_record_make(int folder, struct nsn_record *r, int *lock, struct nsnet_err *err);
/* Writes it (again). */
int nsn_record_write(int lock, const struct nsn_record *r, struct nsnet_err *err);
/* Removes it, and the control group of that name. */
int nsn_record_end(int folder, const char *id, struct nsnet_err *err);

/* Whether its supervisor lives: 1, 0 or -errno. @folder: -1, there is
 * none. What has not the form of an id is nobody's to ask: 1. */
int nsn_record_lives(int folder, const char *id, struct nsnet_err *err);

struct nsn_record_list {
	struct nsn_record *list;
	size_t n;
};
void nsn_record_list_clear(struct nsn_record_list *l);
/* Those whose supervisor lives and that have a process, by id. */
int nsn_record_list(int folder, struct nsn_record_list *ret, struct nsnet_err *err);
/*
 * Removes what belongs to nobody any more (@dry: does not), and calls @each, which may be NULL,
 * for what it found. Looks at @max of them.
 */
int nsn_record_sweep(int folder, size_t max, bool dry,
		     int (*each)(void *arg, const char *id, struct nsnet_err *err), void *arg,
		     struct nsnet_err *err);

#endif
