/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_CTX_H
#define NSN_CTX_H

/*
 * ctx - what the files of the public library share
 */
#include "compile/border.h"
#include "compile/compile.h"
#include "compile/hostview.h"
#include "kernel/netns.h"
#include "kernel/nflog.h"
#include "model/tenant.h"
#include "nsnet.h"
#include "plan/plan.h"
#include "store/cables.h"
#include "store/policies.h"
#include "store/store.h"
#include "store/uplinks.h"
#include "sync/site.h"

#include "base/cleanup.h"

NSN_CLEANUP(struct nsnet_change, nsnet_change_free)

struct nsn_about; /* model/about.h */
struct nsn_keep;  /* spawn/keep.h */
struct nsn_item;
struct nsnet_change;

struct nsnet {
	char *state_dir, *run_dir, *pin_dir;
	int state_fd;
	int bare; /* spawn/bare.h; -1: not asked for yet */
	struct nsn_keep *keep;
	char boot[NSN_BOOT_ID_SIZE];
	struct nsn_home home;
	struct nsn_store *store;
	struct nsn_owner owner;
	/* The host as it was when a snapshot was taken, instead of the kernel's; or NULL. */
	const struct nsn_hostview *host;
	char *command; /* what changes are kept as; NULL: nothing */
};

/* The lock of the state folder, held until @locked leaves its scope with nsn_unlockp(). */
int nsn_lock(struct nsnet *n, struct nsnet **locked, struct nsnet_err *err);
void nsn_unlockp(struct nsnet **locked);

/* ---- kept.c: going back, and what waits ------------------------------------------------ */

/*
 * Under the lock, before a change: what nobody has confirmed in time is taken back, and
 * while something waits only what @closes may be done, or nothing is (@flags: DRY_RUN,
 * CHECK_ONLY). What closes is not held up by what cannot be taken back. -EBUSY (UNCONFIRMED)
 */
int nsn_may_change(struct nsnet *n, unsigned int flags, bool closes, struct nsnet_err *err);
/* Only the first half. 1: taken back, 0: nothing was overdue */
int nsn_settle_overdue(struct nsnet *n, struct nsnet_err *err);
/* What comes now is a change of this kind (kept.h). */
void nsn_kept_as(struct nsnet *n, const char *kind);
/* CLOCK_BOOTTIME. */
uint64_t nsn_boot_ms(void);

/* ---- networks.c: what else there is on this host ------------------------------------ */

struct nsn_networks {
	struct nsn_prefix *list;
	char (*links)[16]; /* the link each leads to, or "" */
	size_t n;
};
void nsn_networks_clear(struct nsn_networks *nets);
/* The networks of the host's own addresses and routes, both families; not those of `lo`. */
int nsn_networks_of_host(struct nsnet *n, struct nsn_networks *ret, struct nsnet_err *err);

/* hostview.c: the host as it is without us (compile/hostview.h). */
int nsn_hostview_read(struct nsnet *n, struct nsn_hostview *ret, struct nsnet_err *err);

/* Chooses the subnets that are `auto`, so that they overlap nobody's. -ENOSPC (POOL_FULL) */
int nsn_choose_subnets(struct nsnet *n, struct nsn_tenant *t, struct nsnet_err *err);
/* Notes what a tenant's subnets overlap: allowed, but worth knowing. */
int nsn_note_overlaps(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_change *c,
		      struct nsn_item *item, struct nsnet_err *err);
/* With what the host has, for many. */
int nsn_note_overlaps_with(struct nsnet *n, const struct nsn_networks *host,
			   const struct nsn_tenant *t, struct nsnet_change *c,
			   struct nsn_item *item, struct nsnet_err *err);

/* The endpoint called @name, or -ENOENT (NO_ENDPOINT). */
int nsn_find_endpoint(const struct nsn_tenant *t, const char *name, size_t *ret,
		      struct nsnet_err *err);

/* ---- names.c: who answers a tenant's questions for names ------------------------------ */

/*
 * Whether the endpoint of @dns, which tenant @t has or gets, is there; its addresses become
 * those of @dns. -ENOENT (NO_TENANT, NO_ENDPOINT)
 */
int nsn_dns_find(struct nsnet *n, const struct nsn_tenant *t, struct nsn_dns *dns,
		 struct nsnet_err *err);
/* Notes the rule that follows, in the open transaction. */
int nsn_dns_note(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_change *c,
		 struct nsn_item *item, struct nsnet_err *err);
/* Refuses to let an endpoint go that is some tenant's `dns`. -EBUSY (TENANT_NAMED) */
int nsn_check_unasked(struct nsnet *n, const char *tenant, const char *endpoint,
		      struct nsnet_err *err);

/* ---- show.c: a tenant that was handed out, as the model has it ------------------------ */

const struct nsn_tenant *nsn_tenants_model(const struct nsnet_tenants *list, size_t i);
/* Copies of these, of which nothing is known but what is wanted. */
int nsn_tenants_make(struct nsnet_tenants **ret, const struct nsn_tenant *from, size_t n,
		     struct nsnet_err *err);
const struct nsn_tenant *nsn_tenant_model(const struct nsnet_tenant *t);

/* ---- there.c: which namespaces exist ---------------------------------------------------- */

/* Start as { 0 }. */
struct nsn_there {
	struct nsnet *n;
	struct nsn_ns *known; /* in this boot, by place */
	size_t n_known;
};
/* The cookie of a namespace that was made in this boot, or 0. */
uint64_t nsn_there_cookie(const struct nsn_there *at, uint64_t tenant, uint64_t endpoint);
int nsn_there_load(struct nsn_there *at, struct nsnet *n, struct nsnet_err *err);
void nsn_there_clear(struct nsn_there *at);
/* 1: the namespace that was made for this place is pinned at @pin; 0: it is not. @endpoint 0: the
 * gateway. */
int nsn_there(const struct nsn_there *at, uint64_t tenant, uint64_t endpoint, const char *pin,
	      struct nsnet_err *err);

/* ---- policies.c: files that were read ------------------------------------------------ */

struct nsn_policy_set; /* policy/policy.h */
const struct nsn_policy_set *nsn_policies_set(const struct nsnet_policies *p);
/* Whether what is expected holds; strings go into @mem. As nsn_intent_ask(). */
int nsn_expect_ask(struct nsnet_expect *ret, struct nsn_arena *mem, const struct nsn_intent *in,
		   const struct nsn_expect *e, struct nsnet_err *err);

/* ---- wanted.c: what all tenants together want ---------------------------------------- */

/* Start as { 0 }. `intent` points into the rest. */
struct nsn_wanted {
	struct nsn_tenant_list tenants;
	struct nsn_policy_list policies;
	struct nsn_quarantine_list quarantines;
	struct nsn_cable_list cables;
	struct nsn_uplink_list uplinks;	     /* all of them, also of a part */
	struct nsn_uplink_list gone_uplinks; /* that were settled to go */
	struct nsn_hostview host;	     /* when something leads beyond all tenants */
	bool sees_host;
	struct nsn_host_setting *old; /* what was stored of the host's settings */
	size_t n_old;
	struct nsn_transit transit;
	bool transit_chosen; /* else it is what would be, were there nothing else */
	struct nsn_intent intent;
	/*
	 * NULL: this is all that is stored. Else a part of it (part.c): true for those of
	 * `tenants` whose borders can be made from it, and may be changed. For each of these
	 * there are: all policies that name it, by its name or an endpoint's, by a label it
	 * carries, or as one of all tenants; all its cables, and who is at their other ends;
	 * all quarantines. So what is compiled for it is what is compiled from everything.
	 * The others are there as those other ends only. One place more, for who is not
	 * there: false.
	 */
	bool *core;
	/* For who looks for somebody; see nsn_wanted_index(). */
	struct nsn_about *about;
	const struct nsn_cable **cables_b; /* by b: `cables` are by a */
};

void nsn_wanted_clear(struct nsn_wanted *w);
/*
 * As it is stored, or in the open transaction. Without any policy no tenant depends
 * on the others, and they are left out, but with @tenants.
 */
int nsn_wanted_load(struct nsnet *n, bool tenants, struct nsn_wanted *ret, struct nsnet_err *err);
/*
 * The part of it that adding or deleting one policy needs, in the open transaction, which
 * has done so: those that it names are the core. All of it, when it can be about anybody.
 */
int nsn_wanted_load_rule(struct nsnet *n, const struct nsn_policy *p, struct nsn_wanted *ret,
			 struct nsnet_err *err);
/* The part that the border of one tenant needs, which may be about to become another. */
int nsn_wanted_load_tenant(struct nsnet *n, const struct nsn_tenant *t, struct nsn_wanted *ret,
			   struct nsnet_err *err);
/* Whether the border of a tenant can be made from it. */
bool nsn_wanted_knows(const struct nsn_wanted *w, const struct nsn_tenant *t);
/* Steps of loading: the transit network; then, when the lists are read, the rest. */
int nsn_wanted_load_transit(struct nsnet *n, struct nsn_wanted *ret, struct nsnet_err *err);
int nsn_wanted_intend(struct nsnet *n, struct nsn_wanted *w, struct nsnet_err *err);
/* The last of these steps alone, of what was read: makes `intent`. */
int nsn_wanted_compose(struct nsn_wanted *w, struct nsnet_err *err);
/* The uplink of a tenant, or NULL. */
const struct nsn_uplink *nsn_wanted_uplink(const struct nsn_wanted *w, uint64_t tenant);
const struct nsn_tenant *nsn_wanted_tenant(const struct nsn_wanted *w, uint64_t id);
/*
 * The places in w->tenants, which is by name, or w->tenants.n for who is not there.
 * Who takes tenants out of it makes its index anew.
 */
size_t nsn_wanted_place(const struct nsn_wanted *w, uint64_t id);
size_t nsn_wanted_named(const struct nsn_wanted *w, const char *name);
int nsn_wanted_index(struct nsn_wanted *w, struct nsnet_err *err);
int nsn_wanted_index_cables(struct nsn_wanted *w, struct nsnet_err *err);
/* Copies of the cables of one tenant, which free() takes back. 0 or -ENOMEM */
int nsn_wanted_cables_of(const struct nsn_wanted *w, uint64_t id, struct nsn_cable **ret,
			 size_t *n);
/* Whether one of the peers is the tenant, an endpoint of it, a label it carries, or all. */
bool nsn_peers_name(const struct nsn_peer *list, size_t n, const struct nsn_tenant *t);

/* ---- cables.c ---------------------------------------------------------------------- */

/*
 * Makes and deletes the rows of cables and uplinks, in the open transaction, as the
 * policies ask for, and stores how the host is before it is changed. @touched has a place
 * for each of w->tenants, and is true for those that get or lose one. -EEXIST
 * (SUBNET_OVERLAP), -ENOSPC (POOL_FULL)
 */
int nsn_wanted_settle_cables(struct nsnet *n, struct nsn_wanted *w, bool *touched,
			     struct nsnet_err *err);

/* uplinks.c: the second half of that. */
int nsn_wanted_settle_uplinks(struct nsnet *n, struct nsn_wanted *w, bool *touched,
			      struct nsnet_err *err);

/* ---- host.c: the host's own namespace ------------------------------------------------ */

/*
 * The engine for what nsnet has in the host's namespace (compile/host.h). In this order:
 * REVOKE before the store is told, in the open transaction; GRANT after it and before
 * the gateways: rules, settings; SETTLE after the gateways: the ends of uplinks, and what is
 * needed no more. Each does nothing while no tenant leads anywhere. Of a part of what is
 * wanted what all share only grows.
 */
enum nsn_host_phase { NSN_HOST_REVOKE, NSN_HOST_GRANT, NSN_HOST_SETTLE };

/* Which steps are the host's, among a change's items. No tenant has that name. */
#define NSN_HOST_ITEM "host"
/* Which settings it had before, that are about to be changed and not stored yet. free() *@ret. */
int nsn_host_settings_to_store(struct nsnet *n, const struct nsn_wanted *all,
			       struct nsn_host_setting **ret, size_t *count, struct nsnet_err *err);

/*
 * @c: Gets an item `host`, when there is something to do; NULL: not told
 * -EEXIST (HOST_FOREIGN), or what the kernel answered
 */
int nsn_host_run(struct nsnet *n, const struct nsn_wanted *all, enum nsn_host_phase phase,
		 struct nsnet_change *c, struct nsnet_err *err);
/* What would be done, all phases together; nothing is. @checked as of nsn_job_check(), or NULL */
int nsn_host_plan(struct nsnet *n, const struct nsn_wanted *all, struct nsnet_change *c,
		  struct nsn_netns **scratch, size_t *checked, struct nsnet_err *err);
/* SETTLE, of what is stored, when the uplink of a tenant that went is gone. */
int nsn_host_refresh(struct nsnet *n, const struct nsn_uplink *gone, struct nsnet_err *err);
/* All that there will be of ours, of all that is wanted (no part): for who predicts. */
int nsn_host_compile(const struct nsn_wanted *all, const struct nsn_owner *owner,
		     struct nsn_state *ret, struct nsnet_err *err);
/* Whether there is, or was, anything in it. */
bool nsn_host_concerned(const struct nsn_wanted *all);

/* ---- logged.c: a packet that a rule logged, in words ----------------------------------- */

/* What a struct nsnet_logged points to. */
struct nsn_logged_text {
	char from[NSN_IP_STRLEN], to[NSN_IP_STRLEN];
	char ports[NSN_PORTS_STRLEN];
};

/*
 * @at is whose gateway logged it. 1, or 0 when there is nothing to tell: the sender's
 * gateway tells it, or it is no packet of ours. Without at_ms and lost.
 */
int nsn_logged_read(struct nsnet_logged *ret, struct nsn_logged_text *text,
		    const struct nsn_wanted *all, const struct nsn_tenant *at,
		    const struct nsn_nflog_packet *p);

/* ---- transit.c: addresses of cables ------------------------------------------------ */

/*
 * Before the first cable of a store: chooses and stores the pool. -EINVAL, -EEXIST
 * (BAD_SUBNET, SUBNET_OVERLAP: the variable's), -ENOSPC (POOL_FULL)
 */
int nsn_transit_choose(struct nsnet *n, struct nsn_wanted *w, struct nsnet_err *err);
/* A tenant that has addresses of it cannot be joined: -EEXIST (SUBNET_OVERLAP). */
int nsn_transit_check(const struct nsn_wanted *w, const struct nsn_tenant *t,
		      struct nsnet_err *err);

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
/* Adds the items of another, with all they have, which is then without. */
int nsn_change_take(struct nsnet_change *c, struct nsnet_change *from, struct nsnet_err *err);
/* Takes the last item away. */
void nsn_change_drop(struct nsnet_change *c);
int nsn_change_note_add(struct nsnet_change *c, struct nsn_item *item, struct nsnet_err *err,
			const char *fmt, ...) NSN_PRINTF(4, 5);
/* Adds the steps of a plan; @t gives endpoints their names. */
int nsn_change_steps_add(struct nsnet_change *c, struct nsn_item *item, const struct nsn_plan *plan,
			 const struct nsn_tenant *t, struct nsnet_err *err);

/* ---- job.c: the engine, for one tenant -------------------------------------------- */

/* `only` when no endpoint matters. */
#define NSN_NOBODY UINT64_MAX

/*
 * Wanted and observed state of one tenant, and the difference. Start as { 0 }.
 */
struct nsn_job {
	struct nsnet *n;
	struct nsn_tenant *t;		 /* borrowed; link numbers may be renewed */
	const struct nsn_tenant *before; /* as it is stored, when that changes; else NULL */
	uint64_t
		only; /* this endpoint's part: see focus.c; 0: all of it, NSN_NOBODY: the gateway */
	const struct nsn_wanted *all;  /* borrowed; NULL: it is read when the job is opened */
	bool grants_later;	       /* first only what takes reachability away: see borders.c */
	const char *only_link;	       /* do only what is about this link; NULL: all */
	bool only_remove;	       /* make nothing */
	struct nsn_netns **keep;       /* destroy: the gateway, for who removes its links himself */
	bool fresh;		       /* the tenant was inserted in the open transaction */
	bool alone;		       /* without cables: who is at the other ends is not asked */
	const struct nsn_there *there; /* known cookies, for who may not ask the store; or NULL */
	bool agreed;		       /* see nsn_many_look() */
	struct nsn_home *home;	       /* of the thread it is done in; NULL: the handle's */
	struct nsn_wanted own;	       /* what was read */
	struct nsn_border border;
	enum nsn_want want;
	uint32_t generation; /* the last that was seen in the kernel; 0: none yet */
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
/* With another job->all than it was opened with. */
int nsn_job_look_again(struct nsn_job *job, struct nsnet_err *err);
bool nsn_job_agrees(const struct nsn_job *job); /* nothing to do, nothing foreign */
bool nsn_job_absent(const struct nsn_job *job); /* no namespace of it exists */

/*
 * Takes what belongs to the other endpoints alone out of a state: their
 * namespaces and their ports. What all share stays: the rules, the gateway, the
 * hosts files. -ENOMEM, or 0.
 */
int nsn_focus(struct nsn_state *s, const struct nsn_job *job, struct nsnet_err *err);

/* Compiles again, with that generation. */
int nsn_job_compile(struct nsn_job *job, enum nsn_want want, uint32_t generation,
		    struct nsnet_err *err);
/* generation.c: plans, with a new generation when something is revoked. */
int nsn_job_plan(struct nsn_job *job, struct nsnet_err *err);
/* Before such a plan is carried out: nothing has the mark of the generation to come. */
int nsn_job_clear_generation(struct nsn_job *job, struct nsnet_err *err);

/*
 * Whether it could be carried out, as far as that can be known: nobody else is where
 * something would be pinned, and the kernel would take the rules (nsn_site_check()).
 */
int nsn_job_check(struct nsn_job *job, struct nsn_netns **scratch, size_t *checked,
		  struct nsnet_err *err);

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

/*
 * The parts of nsn_job_converge(), for those who do many at once.
 */
/* Observes and plans, with what is compiled. */
int nsn_job_look(struct nsn_job *job, struct nsnet_err *err);
/* Nobody else may be where something is to be pinned. -EEXIST (PIN_FOREIGN) */
int nsn_job_check_pins(const struct nsn_job *job, struct nsnet_err *err);
/* Into the open transaction: which namespaces are ours. */
int nsn_job_remember(struct nsn_job *job, struct nsnet_err *err);
/*
 * Carries the plan out, looks again, until nothing is left. *@told: the store has been
 * told (else it is, of what the open transaction has).
 */
int nsn_job_settle(struct nsn_job *job, bool *told, struct nsnet_err *err);
/* After a failure: what is new goes, its row too if the store was told; locks nothing. */
void nsn_job_scrap(struct nsn_job *job, bool told);

/* Takes out of job->wanted what lets something through that is not let through now. */
int nsn_job_withhold(struct nsn_job *job, struct nsnet_err *err);
/* Carries the plan out and looks again until nothing is left. Not the store's business. */
int nsn_job_carry(struct nsn_job *job, struct nsnet_err *err);

/* ---- many.c: tenants that are new, side by side ----------------------------------------- */

/* Threads, each of which can be in a namespace of its own. Start as { 0 }. */
struct nsn_crew {
	struct nsn_home *homes;
	size_t n; /* 0: all is done in the calling thread */
};

/* For @work tenants; without threads when it is not worth it. */
int nsn_crew_open(struct nsn_crew *crew, size_t work, struct nsnet_err *err);
void nsn_crew_close(struct nsn_crew *crew);

/*
 * So many at a time: a commit takes 0.6 to 10 ms on a disk, a tenant 3 ms. Until then
 * their namespaces are open, with three descriptors each.
 */
#define NSN_AT_A_TIME 32

/*
 * nsn_many_build() - Make the networks of new tenants, but no names
 * @jobs: With n, t, all and fresh set, and alone where there may be cables. Nothing here
 *        asks the store
 * @done: How many of the first were made
 *
 * After a failure those from *@done on are to be closed: without a name, nothing is left
 * of a namespace that nobody holds.
 */
int nsn_many_build(const struct nsn_crew *crew, struct nsn_job *jobs, size_t count, size_t *done,
		   struct nsnet_err *err);
/*
 * After the store was told: gives them their names, and looks again. After a failure
 * those from *@done on are to be scrapped (nsn_job_scrap()).
 */
int nsn_many_name(const struct nsn_crew *crew, struct nsn_job *jobs, size_t count, size_t *done,
		  struct nsnet_err *err);

/*
 * Looks at tenants, with n, t, all and there set: agreed is true for those of which all
 * is as wanted and known to be ours. What else there is to say of one, its own job says.
 */
void nsn_many_look(const struct nsn_crew *crew, struct nsn_job *jobs, size_t count);

NSN_CLEANUP(struct nsn_crew, nsn_crew_close)

/* ---- parts of commands, under the lock ---------------------------------------------- */

/* As nsnet_endpoint_del() and nsnet_tenant_del(); one item more in @c. */
int nsn_endpoint_drop(struct nsnet *n, const char *tenant, const char *name, bool dry,
		      struct nsnet_change *c, struct nsnet_err *err);
int nsn_tenant_drop(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change *c,
		    struct nsnet_err *err);
/* Refuses when rules name the tenant, unless @flags has NSNET_WITH_RULES. -EBUSY (TENANT_NAMED) */
int nsn_check_named(struct nsnet *n, const struct nsn_tenant *t, unsigned int flags,
		    struct nsnet_err *err);
/* And its uplink. In the open transaction. */
int nsn_forget_cables(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err);
/* Whether all are there. -ENOENT */
int nsn_check_peers(const struct nsn_wanted *all, const struct nsn_peer *list, size_t n,
		    struct nsnet_err *err);
/*
 * The same for both sides of a rule; and a denial must deny something, and what is published be
 * of the family. -EINVAL (BAD_RULE, BAD_PUBLISH)
 */
int nsn_check_rule(const struct nsn_wanted *all, const struct nsn_policy *p, struct nsnet_err *err);
/*
 * Whether a stored rule publishes something there, of one that is to be added.
 * -EEXIST (PUBLISH_CONFLICT)
 */
int nsn_check_published(struct nsnet *n, const struct nsn_policy *p, struct nsnet_err *err);
/* What it publishes, and the endpoint's tenant. -EINVAL (BAD_PUBLISH) */
int nsn_check_published_to(const struct nsn_policy *p, const struct nsn_tenant *t,
			   struct nsnet_err *err);
/* -EBUSY (RULE_IMPLIED) */
int nsn_refuse_implied(const struct nsn_policy *p, struct nsnet_err *err);
/* What neighbours say to each other with `inside: allow` no quarantine can keep. -EINVAL (BAD_RULE)
 */
int nsn_check_keep(const struct nsn_wanted *all, const struct nsn_quarantine *q,
		   struct nsnet_err *err);

/* ---- listeners.c ----------------------------------------------------------------------- */

/*
 * Whether no program of the host has what a new rule publishes. -EADDRINUSE (PUBLISH_CONFLICT):
 * "203.0.113.10:443 tcp is taken: nginx (pid 812) listens on 0.0.0.0:443"
 */
int nsn_publish_check_listeners(struct nsnet *n, const struct nsn_policy *p, struct nsnet_err *err);

/* ---- borders.c: a change that concerns several gateways -------------------------------- */

struct nsn_borders {
	struct nsnet *n;
	struct nsn_wanted all;
	bool *touched;	 /* for each of all.tenants */
	bool *done;	 /* of these: nothing is granted to them; NULL: not known */
	uint64_t except; /* a tenant with a job of its own, or 0 */
	bool last;   /* a policy goes, perhaps the last: all tenants are looked at nevertheless */
	bool closes; /* nothing opens: it is not taken back when the store cannot be written */
	bool host_granted; /* the host has what the gateways' uplinks need */
};

void nsn_borders_clear(struct nsn_borders *b);
/*
 * Reads what is wanted in the open transaction, and makes the rows of cables match;
 * touches those that get or lose one.
 */
int nsn_borders_open(struct nsn_borders *b, struct nsnet *n, struct nsnet_err *err);
/*
 * For a policy that was added or deleted: from the part that it needs. @check: and refuses
 * one that cannot be built. Touches those that it is about.
 */
int nsn_borders_open_rule(struct nsn_borders *b, struct nsnet *n, const struct nsn_policy *p,
			  bool check, struct nsnet_err *err);
/* Without a tenant that is about to go. Touches those that have its cables; not who is
 * named by rules that go with it. */
int nsn_borders_open_without(struct nsn_borders *b, struct nsnet *n, uint64_t tenant,
			     struct nsnet_err *err);
/* Touches those that a policy is about, who is joined to a tenant, who is meant and his peers. */
void nsn_borders_touch_policy(struct nsn_borders *b, const struct nsn_policy *p);
void nsn_borders_touch_peers(struct nsn_borders *b, uint64_t tenant);
void nsn_borders_touch_who(struct nsn_borders *b, const struct nsn_peer *who);
/*
 * The two halves of a change in which something else commits in between. After a
 * failure in between: failed() rolls back and makes the gateways what the store
 * says. @c may be NULL.
 */
int nsn_borders_revoke(struct nsn_borders *b, bool dry, struct nsnet_change *c,
		       struct nsnet_err *err);
void nsn_borders_failed(struct nsn_borders *b);
int nsn_borders_grant(struct nsn_borders *b, struct nsnet_change *c, struct nsnet_err *err);
/* The first half alone, gateway by gateway, also after one that failed; takes nothing back. */
int nsn_borders_close(struct nsn_borders *b, struct nsnet_err *err);
/* All of it: revokes, commits, grants. */
int nsn_borders_converge(struct nsn_borders *b, bool dry, struct nsnet_change *c,
			 struct nsnet_err *err);

NSN_CLEANUP(struct nsn_borders, nsn_borders_clear)

/*
 * nsn_borders_around() - One tenant's change, and what follows from it for others
 * @b:   Empty; has to outlive @job
 * @job: What nsn_job_open() takes, opened or not; its rows are written already
 *
 * As nsn_job_converge() for the last item of @c, with the others before and after.
 */
int nsn_borders_around(struct nsn_borders *b, struct nsn_job *job, struct nsnet *n,
		       struct nsn_tenant *t, enum nsnet_outcome stored, bool dry,
		       struct nsnet_change *c, struct nsnet_err *err);

/* ---- durable.c: what closes, when the store cannot be written ---------------------------- */

/* Whether that is why it failed. */
bool nsn_is_unwritten(int r, const struct nsnet_err *err);
/*
 * Each closes in the kernel what would be closed, had it been stored, from what is stored.
 * @store says why it cannot be. -EIO (NOT_DURABLE) when it is done, else why it is not.
 *
 * A rule: one that denies and is new, or one that allows and goes.
 */
int nsn_close_rule(struct nsnet *n, const struct nsn_policy *p, const struct nsnet_err *store,
		   struct nsnet_err *err);
/* A quarantine; it is empty afterwards. */
int nsn_close_who(struct nsnet *n, struct nsn_quarantine *q, const struct nsnet_err *store,
		  struct nsnet_err *err);
/* An endpoint of @before; @t is the tenant without it. */
int nsn_close_endpoint(struct nsnet *n, const struct nsn_tenant *before, struct nsn_tenant *t,
		       uint64_t endpoint, const char *name, const struct nsnet_err *store,
		       struct nsnet_err *err);
/* Only the ways to a tenant that goes: 0, or why not. */
int nsn_close_around(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err);

#endif
