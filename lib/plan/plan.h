/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_PLAN_PLAN_H
#define NSN_PLAN_PLAN_H

/*
 * plan - the difference between wanted and observed state, as ordered steps.
 * Pure.
 *
 * Steps point into the two states, which must outlive the plan. First comes
 * what takes away, links down before all else; then what makes and alters, in
 * the order of enum nsn_kind: rules before links, links up last. So whoever
 * stops anywhere in between leaves less reachable than before or after.
 */
#include "../compile/compile.h"
#include "../object/object.h"

enum nsn_op {
	NSN_REMOVE, /* have */
	NSN_CREATE, /* want */
	NSN_CHANGE, /* have becomes want */
};

struct nsn_step {
	enum nsn_op op;
	const struct nsn_object *want; /* NULL for NSN_REMOVE */
	const struct nsn_object *have; /* NULL for NSN_CREATE */
};

struct nsn_plan {
	struct nsn_step *steps;
	size_t n;
	/* Observed in our namespaces, not wanted and not ours: left alone, but told. */
	const struct nsn_object **foreign;
	size_t n_foreign;
};

void nsn_plan_clear(struct nsn_plan *p);

/*
 * nsn_plan() - How to get from @observed to @wanted
 *
 * Both sorted. What is observed and not wanted is removed when it carries the
 * owner's mark or hangs on something that does (a table of ours with something
 * in it that is not wanted is replaced as a whole, but for elements, limits and
 * counters of policies, which go alone); in a workload namespace, which is the
 * tenant's, it is none of our business. With @wanted NULL everything
 * goes: pins first, then the namespaces with all that is in them.
 */
int nsn_plan(const struct nsn_state *wanted, const struct nsn_state *observed,
	     const struct nsn_owner *owner, struct nsn_plan *ret, struct nsnet_err *err);

/*
 * nsn_plan_cut() - The part of a plan that only takes reachability away
 *
 * @wanted is compiled with NSN_WANT_CUT. Keeps links going down and rules that
 * drop, in namespaces that exist; makes nothing else, so it can be carried out
 * on a tenant of which half is missing.
 */
int nsn_plan_cut(const struct nsn_state *wanted, const struct nsn_state *observed,
		 const struct nsn_owner *owner, struct nsn_plan *ret, struct nsnet_err *err);

/* Takes out all steps but those that remove something. */
void nsn_plan_only_remove(struct nsn_plan *p);

/* Takes out all steps but those about that link of the gateway. */
void nsn_plan_only_link(struct nsn_plan *p, const char *link);

/* The step that takes this one back. */
struct nsn_step nsn_step_inverse(const struct nsn_step *step);
/* want, or have where there is none. */
const struct nsn_object *nsn_step_object(const struct nsn_step *step);

/* Whether the plan makes the port of this endpoint (and so its link, anew). */
bool nsn_plan_makes_port(const struct nsn_plan *p, const char *port);

#endif
