/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_CTX_H
#define NSN_CTX_H

/*
 * ctx - what the files of the public library share
 */
#include "compile/compile.h"
#include "kernel/netns.h"
#include "model/tenant.h"
#include "nsnet.h"
#include "plan/plan.h"
#include "store/store.h"
#include "sync/site.h"

struct nsnet {
	char *state_dir, *run_dir, *pin_dir;
	int state_fd;
	char boot[NSN_BOOT_ID_SIZE];
	struct nsn_home home;
	struct nsn_store *store;
	struct nsn_owner owner;
};

/* ---- change.c: what was done, as data ------------------------------------------ */

struct nsn_item {
	const char *tenant;
	enum nsnet_outcome outcome;
	struct nsnet_step *steps;
	const char **notes;
	size_t n_steps, n_notes;
};

struct nsnet_change {
	struct nsn_item *items;
	size_t n;
	struct nsn_arena arena;
};

int nsn_change_new(struct nsnet_change **ret, struct nsnet_err *err);
/* The new item is valid until the next is added. */
int nsn_change_add(struct nsnet_change *c, const char *tenant, struct nsn_item **ret,
		   struct nsnet_err *err);
/* Takes the last item away. */
void nsn_change_drop(struct nsnet_change *c);
int nsn_change_note_add(struct nsnet_change *c, struct nsn_item *item, struct nsnet_err *err,
			const char *fmt, ...) NSN_PRINTF(4, 5);
/* Adds the steps of a plan; @t gives endpoints their names. */
int nsn_change_steps_add(struct nsnet_change *c, struct nsn_item *item, const struct nsn_plan *plan,
			 const struct nsn_tenant *t, struct nsnet_err *err);

/* ---- job.c: the engine, for one tenant -------------------------------------------- */

/*
 * Wanted and observed state of one tenant, and the difference. Start as { 0 }.
 */
struct nsn_job {
	struct nsnet *n;
	struct nsn_tenant *t; /* borrowed; link numbers may be renewed */
	struct nsn_site site;
	struct nsn_state wanted, observed;
	struct nsn_plan plan;
};

/* Compiles, opens what is pinned, observes, plans. */
int nsn_job_open(struct nsn_job *job, struct nsnet *n, struct nsn_tenant *t, enum nsn_want want,
		 struct nsnet_err *err);
void nsn_job_close(struct nsn_job *job);
bool nsn_job_agrees(const struct nsn_job *job); /* nothing to do, nothing foreign */
bool nsn_job_absent(const struct nsn_job *job); /* no namespace of it exists */

/*
 * nsn_job_converge() - Make the kernel match
 * @job:    Opened with NSN_WANT_BUILT
 * @is_new: The tenant was inserted in the open transaction
 * @dry:    Only say what would be done
 *
 * A transaction of the store must be open; on success it is committed, right
 * before the pins are made: what dies earlier leaves nothing, what dies later
 * is a tenant whose network the next run completes. On failure it is rolled
 * back and what was done in the kernel is taken back.
 */
int nsn_job_converge(struct nsn_job *job, bool is_new, bool dry, struct nsnet_change *c,
		     struct nsn_item *item, struct nsnet_err *err);

/*
 * nsn_job_destroy() - Cut, then let go
 * @job: Opened with NSN_WANT_CUT
 *
 * Does not touch the store. What is pinned in our place and not ours stays.
 */
int nsn_job_destroy(struct nsn_job *job, bool dry, struct nsnet_change *c, struct nsn_item *item,
		    struct nsnet_err *err);

#endif
