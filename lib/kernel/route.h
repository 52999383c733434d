/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_ROUTE_H
#define NSN_KERNEL_ROUTE_H

/*
 * route - routes (NSN_OBJ_ROUTE), both families
 *
 * A route without a gateway is "on the link": its addresses are asked for
 * there. A default route may go via an address that is only reachable by such
 * a one; make that first, or say `onlink`.
 */
#include "../object/object.h"

struct nsn_nl;

/*
 * Adds the routes to @ret, but for those that the kernel makes of addresses: of all
 * tables in a gateway, of the main one in a workload's namespace.
 * @ret must hold the links of @at already. One with several hops, or with none,
 * has link "" and no gateway.
 */
int nsn_route_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		   struct nsnet_err *err);
/* What is there is replaced, what is gone is gone. */
int nsn_route_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);
int nsn_route_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);

#endif
