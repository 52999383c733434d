/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_ADMIT_H
#define NSN_COMPILE_ADMIT_H

/*
 * admit - who may be routed: the part of the inet table that a gateway has when
 * something leads across its border. Private to lib/compile.
 *
 * The mark of a packet and of a connection:
 *
 *	31..18  generation: the connection was let through by what is in force now
 *	17..2   number of the policy that decided
 *	1       all its packets are logged
 *	0       it may be routed
 *
 * A packet that has no connection of the present generation is looked up anew,
 * whether it opens one, belongs to an old one or answers; so a policy that is
 * revoked cuts at once, and one that stays costs each connection one lookup. What
 * may be routed has a mark, and without it there is no route (routes.c): flushing
 * the rules opens nothing.
 */
#include "rule.h"

/* NSN_MARK_ROUTE: border.h */
#define NSN_MARK_LOG	UINT32_C(2)
#define NSN_MARK_NUMBER 2 /* its lowest bit */
#define NSN_MARK_LOW	UINT32_C(0x0003ffff)
#define NSN_MARK_GEN	18 /* its lowest bit */
/* Only in what a map says, where no generation is: log this packet. */
#define NSN_MARK_LOG_OPEN UINT32_C(0x80000000)

/* The group in which packets are logged, and what their lines begin with. */
#define LOG_GROUP  78
#define LOG_OPEN   "nsnet-open "
#define LOG_PACKET "nsnet-packet "

/* Names that admit.c and policies.c share. */
#define MAP_FLOW4 "nsnet_flow4" /* source, destination, protocol, port: mark */
#define MAP_FLOW6 "nsnet_flow6"
#define MAP_ECHO4 "nsnet_echo4" /* source, destination: mark */
#define MAP_ECHO6 "nsnet_echo6"
#define MAP_USE	  "nsnet_use"	/* mark without generation: the policy's counter */
#define SET_FROM4 "nsnet_from4" /* cable or uplink, source */
#define SET_FROM6 "nsnet_from6"
#define SET_SELF4 "nsnet_self4" /* an endpoint's address, twice */
#define SET_SELF6 "nsnet_self6"
#define MAP_SNAT4 "nsnet_snat4" /* cable or uplink: the tenant's address there */
#define MAP_SNAT6 "nsnet_snat6"
/* address on the uplink, protocol, port: an endpoint's address and port */
#define MAP_PUBLISH4 "nsnet_publish4"
#define MAP_PUBLISH6 "nsnet_publish6"

/* Chains that admit.c and limits.c share: */
#define CHAIN_LIMIT "nsnet_limit" /* goes to the judge, if it is not too many */
#define CHAIN_JUDGE "nsnet_judge"

/* Chains, maps and their elements. 0, -ENOMEM, -E2BIG. */
int nsn_compile_admit(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope,
		      enum nsn_want want);
int nsn_compile_policies(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope);
int nsn_compile_limits(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope,
		       enum nsn_want want);

/*
 * Takes out of a wanted state what the observed one does not let through: of each
 * element that is new the parts stay that old ones had, in pieces if need be. So
 * nothing is granted, and what was allowed and stays allowed is so at every moment.
 * Both sorted; @wanted is so afterwards. 0 or -ENOMEM
 */
int nsn_policies_meet(struct nsn_state *wanted, const struct nsn_state *observed);

/*
 * Adds to a wanted state what the observed one leads from marks to counters: a packet
 * whose mark was looked up a moment ago is still on its way. 0 or -ENOMEM
 */
int nsn_policies_keep_uses(struct nsn_state *wanted, const struct nsn_state *observed);

/* The generation that an observed chain, if it is `admit`, lets through; else 0. */
uint32_t nsn_admit_generation(const struct nsn_object *chain);

/* Their part of the chains that are always there. */
void nsn_admit_forward(struct nsn_rules *r);
void nsn_admit_errors(struct nsn_rules *r, const struct nsn_scope *s);

#endif
