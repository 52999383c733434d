/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_BOTH_H
#define NSN_BOTH_H

/*
 * both - a proof and the wire together
 *
 * Without probes.h: who has ctx.h has boxes of its own.
 */
#include "base/text.h"
#include "proof.h"
#include "verify/prove.h"

struct nsn_both {
	struct nsn_arena mem;
	struct nsnet_wire pub;
	const char **wire_of; /* by finding of the report that was proved: "confirmed", ... or "" */
	size_t n_findings;
	size_t left_out; /* probes that would have reached workloads beside a canary */
	/* What was delivered against policy, and no violation was proved of it. */
	size_t found, unsound;
};
void nsn_both_clear(struct nsn_both *b);

/*
 * nsn_both_run() - Send probes and compare
 * @asked: What was proved; of pairs only these are sent for. NULL: all
 *
 * Start @b as { 0 }; nsn_both_clear() in any case. Adds to @report what only the wire shows
 * (WIRE_DELIVERED, UNTESTED, DENIED_TOO_MUCH). When @b->found or @b->unsound is not 0 the caller
 * makes sure that the state is still the one that was proved, and that was so when it was sent.
 *
 * Return: 0, or -ENOMEM, -EPERM
 */
int nsn_both_run(struct nsn_both *b, const struct nsn_given *g, struct nsn_report *report,
		 const struct nsnet_verify_how *how, const struct nsn_prove_how *asked,
		 struct nsnet_err *err);

/* What the two say together; @outcome: of the report, with what the wire has added. */
struct nsn_both_sum {
	enum nsn_outcome outcome;
	size_t probes, confirmed, not_reproduced, untested, found, unsound;
};
const char *nsn_both_verdict(const struct nsn_both_sum *s);

/* Whether two snapshots say the same, but for what packets make, and for who runs. */
int nsn_both_same_state(struct nsn_snap *a, struct nsn_snap *b, bool *ret, struct nsnet_err *err);

/* What is listed of the probes as lines, malloc()ed. 0 or -ENOMEM */
int nsn_both_bundle(const struct nsn_both *b, char **ret, size_t *len, struct nsnet_err *err);

#endif
