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

#include "base/cleanup.h"

NSN_CLEANUP(struct nsnet_change, nsnet_change_free)

struct nsn_item;
struct nsnet_change;

struct nsnet {
	char *state_dir, *run_dir, *pin_dir;
	int state_fd;
	char boot[NSN_BOOT_ID_SIZE];
	struct nsn_home home;
	struct nsn_store *store;
	struct nsn_owner owner;
};

/* The lock of the state folder, held until @locked leaves its scope with nsn_unlockp(). */
int nsn_lock(struct nsnet *n, struct nsnet **locked, struct nsnet_err *err);
void nsn_unlockp(struct nsnet **locked);

/* ---- networks.c: what else there is on this host ------------------------------------ */

struct nsn_networks {
	struct nsn_prefix *list;
	char (*links)[16]; /* the link each leads to, or "" */
	size_t n;
};
void nsn_networks_clear(struct nsn_networks *nets);
/* The networks of the host's own addresses and routes, both families; not those of `lo`. */
int nsn_networks_of_host(struct nsnet *n, struct nsn_networks *ret, struct nsnet_err *err);

/* Chooses the subnets that are `auto`, so that they overlap nobody's. -ENOSPC (POOL_FULL) */
int nsn_choose_subnets(struct nsnet *n, struct nsn_tenant *t, struct nsnet_err *err);
/* Notes what a tenant's subnets overlap: allowed, but worth knowing. */
int nsn_note_overlaps(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_change *c,
		      struct nsn_item *item, struct nsnet_err *err);

/* The endpoint called @name, or -ENOENT (NO_ENDPOINT). */
int nsn_find_endpoint(const struct nsn_tenant *t, const char *name, size_t *ret,
		      struct nsnet_err *err);

/* ---- show.c: a tenant that was handed out, as the model has it ------------------------ */

const struct nsn_tenant *nsn_tenants_model(const struct nsnet_tenants *list, size_t i);

/* ---- change.c: what was done, as data ------------------------------------------ */

struct nsn_item {
	const char *tenant, *endpoint; /* endpoint NULL: the tenant as a whole */
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
int nsn_change_add(struct nsnet_change *c, const char *tenant, const char *endpoint,
		   struct nsn_item **ret, struct nsnet_err *err);
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
	struct nsn_tenant *t;		 /* borrowed; link numbers may be renewed */
	const struct nsn_tenant *before; /* as it is stored, when that changes; else NULL */
	uint64_t only;			 /* this endpoint's part: see focus.c; 0: all of it */
	bool only_remove;		 /* make nothing */
	bool fresh;			 /* the tenant was inserted in the open transaction */
	struct nsn_site site;
	struct nsn_state wanted, observed;
	struct nsn_state with; /* `wanted`, and endpoints of `before` that shall go */
	struct nsn_plan plan;
};

/*
 * Compiles, opens what is pinned, observes, plans. Set job->before first when
 * the tenant is to become another than it is, job->fresh when it is new, and
 * job->only when nothing but one endpoint matters.
 */
int nsn_job_open(struct nsn_job *job, struct nsnet *n, struct nsn_tenant *t, enum nsn_want want,
		 struct nsnet_err *err);
void nsn_job_close(struct nsn_job *job);
bool nsn_job_agrees(const struct nsn_job *job); /* nothing to do, nothing foreign */
bool nsn_job_absent(const struct nsn_job *job); /* no namespace of it exists */

/*
 * Takes what belongs to the other endpoints alone out of a state: their
 * namespaces and their ports. What all share stays: the rules, the gateway, the
 * hosts files. -ENOMEM, or 0.
 */
int nsn_focus(struct nsn_state *s, const struct nsn_job *job, struct nsnet_err *err);

/*
 * nsn_job_converge() - Make the kernel match
 * @job:    Opened with NSN_WANT_BUILT
 * @stored: What was done in the open transaction: CREATED, CHANGED, REMOVED or
 *          UNCHANGED
 * @dry:    Only say what would be done
 *
 * A transaction of the store must be open; on success it is committed, right
 * before the names (files, pins) are made: what dies earlier leaves nothing,
 * what dies later is a tenant whose network the next run completes. On failure
 * it is rolled back and what was done in the kernel is taken back.
 */
int nsn_job_converge(struct nsn_job *job, enum nsnet_outcome stored, bool dry,
		     struct nsnet_change *c, struct nsn_item *item, struct nsnet_err *err);

/*
 * nsn_job_destroy() - Cut, then let go
 * @job: Opened with NSN_WANT_CUT
 *
 * Does not touch the store. What is pinned in our place and not ours stays.
 */
int nsn_job_destroy(struct nsn_job *job, bool dry, struct nsnet_change *c, struct nsn_item *item,
		    struct nsnet_err *err);

#endif
