/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_PROOF_H
#define NSN_PROOF_H

/*
 * proof - what verify, explain, who-can, graph and plan are given: a snapshot, and the
 * intent that is written in it
 *
 * Without ctx.h: the engines have boxes, ranges and spaces of their own.
 */
#include "base/err.h"
#include "policy/policy.h"
#include "verify/snap.h"

struct nsn_given {
	struct nsn_snap snap;
	bool from_file;
	/* What the snapshot's policy text says, with the numbers that the namespaces have. */
	struct nsn_policy_set files;
	struct nsn_intent intent;  /* points into it */
	struct nsn_hostside *host; /* of a machine as it is (anyhost.h), or NULL */
};

/*
 * Reads the machine, or parses how->snapshot (then @n may be NULL). Start as { 0 };
 * nsn_given_close() in any case. As nsnet_verify().
 */
int nsn_given_open(struct nsn_given *g, struct nsnet *n, const struct nsnet_verify_how *how,
		   struct nsnet_err *err);
/* Of the machine, by who has the lock. */
int nsn_given_read(struct nsn_given *g, struct nsnet *n, struct nsnet_err *err);
void nsn_given_close(struct nsn_given *g);
/* "TENANT" or "TENANT/ENDPOINT": index of the tenant, and of the endpoint (SIZE_MAX: none was
 * named). -ENOENT (NO_TENANT, NO_ENDPOINT) */
int nsn_given_find(const struct nsn_given *g, const char *text, size_t *tenant, size_t *endpoint,
		   struct nsnet_err *err);

#endif
