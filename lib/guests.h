/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_GUESTS_H
#define NSN_GUESTS_H

/*
 * guests - an endpoint in each tenant, for as long as a run of the prober takes
 *
 * What is sent to it need not be harmless. It is made as any endpoint is, so what it may is
 * what any endpoint of its tenant may. One that was left, because the run was killed, is taken by
 * the next and goes with it.
 */
#include "ctx.h"

/* A tenant that has no room for one goes without. 0, or as nsnet_endpoint_add() */
int nsn_guests_come(struct nsnet *n, struct nsnet_err *err);
/* All of them. The first error, when each was tried. */
int nsn_guests_go(struct nsnet *n, struct nsnet_err *err);
void nsn_guests_gop(struct nsnet **n); /* for NSN_AUTO; NULL in it is fine */

#endif
