/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_DIFFER_H
#define NSN_VERIFY_DIFFER_H

/*
 * differ - which pairs can talk in one snapshot and cannot in another (T7)
 *
 * Of each sender, a packet that belongs to no connection is followed in both (walk.h), and what
 * arrives at an endpoint in the one and not in the other has opened, or closed. So it is the
 * kernel's rules that are compared, whoever made them, and not what policies say.
 *
 * Only senders that can notice are followed: whose gateway differs, or from whose gateway a
 * link leads to one that differs and something comes otherwise out of that link.
 *
 * Endpoints are known by the names in the two intents, so one that gets other addresses is
 * the same. Among themselves, endpoints of a tenant that is new or goes are not told.
 */
#include "../base/err.h"
#include "../base/text.h"
#include "../model/policy.h"
#include "snap.h"

struct nsn_differ_how {
	unsigned int seconds; /* 0: no limit */
	size_t nodes;
};

struct nsn_difference {
	bool opens;
	bool unsure; /* its sender could not be followed to all ends */
	/* "customer1", "customer1/db"; "customer1 (others)": all but those that have lines of
	 * their own; "customer1 (other addresses)": sources that are no endpoint's; "internet",
	 * "outside" (what else links of the host lead to), "host" */
	const char *from, *to;
	const char **ports; /* "tcp/443", "tcp", "icmp/echo", "other protocols", "any" */
	size_t n_ports;
};

/* Of whom it is not known what opens and closes. */
struct nsn_unfollowed {
	const char *from; /* a tenant; "": of nobody is it known */
	const char *why;
};

struct nsn_differences {
	struct nsn_arena mem;
	struct nsn_difference *list; /* what opens first, then by names */
	size_t n, n_open;
	struct nsn_unfollowed *unsure;
	size_t n_unsure;
	size_t followed; /* tenants */
	bool gave_up;	 /* it has no answer at all */
	unsigned int took_us;
};
void nsn_differences_clear(struct nsn_differences *d);

/*
 * Snapshots are sealed or predicted, and are written to (what has no order is sorted). The intents
 * have the numbers that their namespaces have. 0 or -ENOMEM
 */
int nsn_compare_snaps(const struct nsn_snap *was, const struct nsn_intent *was_intent,
		      const struct nsn_snap *will, const struct nsn_intent *will_intent,
		      const struct nsn_differ_how *how, struct nsn_differences *ret,
		      struct nsnet_err *err);
/* The same in a process of its own, as nsn_prove_apart(); nothing here is written to. */
int nsn_compare_apart(const struct nsn_snap *was, const struct nsn_intent *was_intent,
		      const struct nsn_snap *will, const struct nsn_intent *will_intent,
		      const struct nsn_differ_how *how, struct nsn_differences *ret,
		      struct nsnet_err *err);

#endif
