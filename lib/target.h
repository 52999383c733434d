/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_TARGET_H
#define NSN_TARGET_H

/*
 * target - what was stored once, as what shall be
 */
#include "policy/policy.h"
#include "store/kept.h"

/* Start as { 0 }, with `past`. */
struct nsn_target {
	struct nsn_past past;	   /* whose numbers are forgotten: who comes back gets new ones */
	struct nsn_past now;	   /* as nsn_target_close() needs it */
	struct nsn_policy_set set; /* of parts of both; whole */
};
void nsn_target_clear(struct nsn_target *t);
int nsn_target_init(struct nsn_target *t, struct nsnet_err *err);

/*
 * nsn_target_close() - Keep what was closed between @after and t->now
 *
 * Denials and quarantines that are new in t->now are added, but for whom they name that is not
 * there in the target; what was allowed in @after and is not any more is not allowed.
 */
int nsn_target_close(struct nsn_target *t, const struct nsn_past *after, struct nsnet_err *err);

#endif
