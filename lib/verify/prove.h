/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_PROVE_H
#define NSN_VERIFY_PROVE_H

/*
 * prove - the theorems, for all tenants of a snapshot
 *
 * T1 no new, untracked or invalid packet crosses outside policy
 * T2 every packet of a connection that crosses belongs to one that policy lets be opened
 * T3 no spoofed source leaves a tenant
 * T4 no packet of a tenant reaches a socket of the host, another's gateway, or the outside, but
 *    where policy says so
 * T5 no frame of one port reaches a port that it must not
 * T6 no packet is forwarded in a circle
 * T8 the adversary is no stronger than assumed
 * (T7, what differs between two snapshots, is differ.h)
 *
 * Tenants between which no link leads are proved by that, in linear time. For each other
 * tenant, any frame at all is let into every link of a trusted namespace behind which the tenant
 * (or whoever it is joined with outside of the trusted ones) lives, and followed to where
 * it arrives (walk.h); what arrives and is not allowed (asked.h) is a violation. So one walk
 * answers for all pairs of which the tenant is the sender. Where a gateway is joined with the host,
 * the same is done with what is outside of the machine, and with the host's own sockets.
 *
 * What is asked of a walk is a superset of what can happen, so PROVED is sound; what
 * cannot be followed is INCONCLUSIVE.
 */
#include "../model/policy.h"
#include "finding.h"
#include "topo.h"

#define NSN_THEOREMS 9 /* 1 to 8 */

struct nsn_anyhost;

/* Behind the intent's tenants, of n: these two. */
#define NSN_SIDE_INTERNET(n) (n)
#define NSN_SIDE_HOST(n)     ((n) + 1)

struct nsn_proved_pair {
	size_t from, to; /* indexes of the intent's tenants, or NSN_SIDE_* */
	enum nsn_outcome outcome;
	enum nsn_finding_kind kind; /* where the outcome is not PROVED */
	bool joined, asked;
	char allows[64]; /* "tcp/5432 udp/53", cut by "..." */
};

struct nsn_theorem_said {
	enum nsn_outcome outcome;
	size_t checked;
};

struct nsn_report {
	struct nsn_findings findings;
	struct nsn_proved_pair *pairs; /* malloc()ed; by from, to */
	size_t n_pairs, max_pairs;
	struct nsn_theorem_said theorems[NSN_THEOREMS];
	size_t n_ordered; /* pairs that were to be proved */
	size_t n_apart, n_violations, n_inconclusive;
	enum nsn_outcome unlisted; /* of pairs that are not in the list; mostly PROVED */
	size_t nodes, steps;
	uint64_t memory;
	unsigned int took_us;
	bool gave_up; /* it did not come to its end */
};
void nsn_report_clear(struct nsn_report *r);

struct nsn_prove_how {
	const size_t (*pairs)[2]; /* NULL: all */
	size_t n_pairs;
	unsigned int seconds; /* 0: no limit */
	size_t nodes;
	size_t parts; /* processes at most (parts.h); 0: this one alone */
	/* Another question altogether (anyhost.h): the intent's tenants are its networks. NULL:
	 * none */
	const struct nsn_anyhost *host;
};

/* 0, or -ENOMEM. Whatever else goes wrong is in the report. */
int nsn_prove(const struct nsn_snap *snap, const struct nsn_intent *intent,
	      const struct nsn_prove_how *how, struct nsn_report *ret, struct nsnet_err *err);
/*
 * The same in a process of its own: what it does to memory, and how it ends, harms
 * nobody. A process that ends without a report, or too late, gives a report with BUDGET,
 * INCONCLUSIVE.
 */
int nsn_prove_apart(const struct nsn_snap *snap, const struct nsn_intent *intent,
		    const struct nsn_prove_how *how, struct nsn_report *ret, struct nsnet_err *err);

#endif
