/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_ROWS_H
#define NSN_ROWS_H

/*
 * rows - what files say, written over what is stored, in the open transaction
 *
 * Files are of sets. A set owns what came with it: only its files change that, and
 * what none of them has any more goes when it is asked for (prune), or stays. What
 * came by a command is owned by nobody, and taken over by the first file that has it.
 * What another set owns is refused.
 */
#include "ctx.h"
#include "model/effect.h"
#include "policy/policy.h"
#include "verify/differ.h"

struct nsnet_applied;

struct nsn_row_tenant {
	const char *name;
	enum nsnet_outcome outcome; /* CREATED, CHANGED, UNCHANGED (all of the files), REMOVED */
};

struct nsn_row_endpoint {
	const char *tenant, *name;
};

/* Start with the first five, and the rest 0. */
struct nsn_rows {
	struct nsnet *n;
	const struct nsn_policy_set *set;
	const struct nsn_wanted *before; /* as it is stored, with tenants */
	bool prune;
	/*
	 * Also tenants that go are deleted, so that what is said of the end is true. Only in a
	 * transaction that is rolled back: their networks have to go first. Endpoints that go
	 * do so in any case.
	 */
	bool trial;

	struct nsnet_applied *out; /* gets the differences; NULL: it has them */
	struct nsn_arena mem;
	/* What has changed, for who follows it; all within before, set and mem. */
	const struct nsn_policy **rules; /* as they were, and as they are */
	size_t n_rules;
	const struct nsn_peer **cut; /* who gets into quarantine, and out of it */
	size_t n_cut;
	struct nsn_row_tenant *tenants;
	size_t n_tenants;
	const struct nsn_row_tenant **by_name; /* of `tenants` */
	struct nsn_row_endpoint *gone;	       /* endpoints */
	size_t n_gone;
	size_t pruned_with_endpoints; /* tenants that go and have endpoints */
};

void nsn_rows_clear(struct nsn_rows *rows);

/* Says in an error where that was written; returns @r. */
int nsn_rows_at(const struct nsn_origin *o, int r, struct nsnet_err *err);

/*
 * Return: 0, or -EEXIST (OTHER_SET, ADDRESS_TAKEN...), -EBUSY (TENANT_NAMED), -ENOSPC
 * (POOL_FULL), -EINVAL (BAD_ADDRESS), with the place in the file
 */
int nsn_rows_write(struct nsn_rows *rows, struct nsnet_err *err);

/* What becomes of a tenant: its place in rows->tenants, or SIZE_MAX. After nsn_rows_write(). */
size_t nsn_rows_tenant(const struct nsn_rows *rows, const char *name);

/* ---- what rows.c and row_tenants.c share ------------------------------------------ */

bool nsn_rows_own(const struct nsn_rows *rows, const char *set); /* it is one of the files' */
/* -EEXIST (OTHER_SET) */
int nsn_rows_check_owner(const struct nsn_rows *rows, const struct nsn_origin *have,
			 const struct nsn_origin *want, const char *what, const char *name,
			 struct nsnet_err *err);
bool nsn_rows_moved(const struct nsn_origin *have, const struct nsn_origin *want);
void nsn_rows_sign(const struct nsn_rows *rows, struct nsn_origin *o); /* who, and when */
/* A difference. 0 or -ENOMEM */
int nsn_rows_tell(struct nsn_rows *rows, const char *op, const char *kind, const char *name,
		  const char *text, const char *was, const struct nsn_origin *o);
int nsn_rows_adopt(struct nsn_rows *rows, const char *kind, const char *name,
		   const struct nsn_origin *o);

/* Tells what became of the rule of a tenant's `dns`; @asked: it had one before. */
int nsn_rows_implied(struct nsn_rows *rows, const char *tenant, bool asked, struct nsnet_err *err);

int nsn_rows_tenants(struct nsn_rows *rows, struct nsnet_err *err);
int nsn_rows_drop_tenants(struct nsn_rows *rows, struct nsnet_err *err); /* after the rules */

/* ---- apply.c ------------------------------------------------------------------------ */

/* That many tenants with endpoints go as do. */
#define NSN_ANY_NUMBER SIZE_MAX

/*
 * As nsnet_apply(), under the lock, into @out, which has an empty change. @seconds: it has to be
 * confirmed until then, and waits for it afterwards; 0: not
 */
int nsn_apply_set(struct nsnet *n, const struct nsn_policy_set *set, unsigned int flags,
		  size_t prune_tenants, unsigned int seconds, struct nsnet_applied *out,
		  struct nsnet_err *err);

/* ---- applied.c: what is handed out ------------------------------------------------- */

struct nsnet_applied {
	struct nsn_arena mem;
	struct nsnet_difference *differences;
	size_t n, cap;
	struct nsn_effect effect;      /* by policy */
	struct nsn_differences proved; /* by the prover, unless of.by_policy */
	struct nsnet_effects_of of;
	struct nsnet_effect *effects; /* what is handed out */
	size_t n_effects;
	struct nsnet_expect *expects;
	size_t n_expects;
	size_t pruned_with_endpoints;
	size_t checked; /* nft objects that the kernel would take */
	struct nsnet_change *change;
};

/* Strings are copied. @op: as in struct nsnet_difference. 0 or -ENOMEM */
int nsn_applied_add(struct nsnet_applied *a, const struct nsnet_difference *d);
/* Whether rules and quarantines name who is there. As nsn_check_rule(), with the place. */
int nsn_check_files(const struct nsn_wanted *all, const struct nsn_policy_set *set,
		    struct nsnet_err *err);
/* What the files expect, of this intent. */
int nsn_applied_ask(struct nsnet_applied *a, const struct nsn_policy_set *set,
		    const struct nsn_intent *after, struct nsnet_err *err);

/* ---- foretold.c: what opens and closes --------------------------------------------- */

/*
 * By the prover, under the lock and outside of a transaction: from the kernel as it is now to what
 * it would be. That it cannot be had is no failure: a->of says so then. 0 or -ENOMEM
 */
int nsn_foretell(struct nsnet_applied *a, struct nsnet *n, const struct nsn_policy_set *set,
		 bool prune, struct nsnet_err *err);
/* And in words, with the rules; by policy where there is no more. 0 or -ENOMEM */
int nsn_foretold(struct nsnet_applied *a, const struct nsn_rows *rows,
		 const struct nsn_intent *before, const struct nsn_intent *after,
		 struct nsnet_err *err);

#endif
