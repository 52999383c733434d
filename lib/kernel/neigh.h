/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NEIGH_H
#define NSN_KERNEL_NEIGH_H

/*
 * neigh - who has which MAC address: permanent neighbours (NSN_OBJ_NEIGH) and
 * static entries of a bridge's forwarding table (NSN_OBJ_FDB)
 *
 * Both are one netlink message with another family. What the kernel learned
 * by itself, and a port's own address, are not ours and not read.
 */
#include "../object/object.h"

struct nsn_nl;

/* Adds both to @ret, which must hold the links of @at already. @bridge: there is one. */
int nsn_neigh_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at, bool bridge,
		   struct nsnet_err *err);
/*
 * For NSN_OBJ_NEIGH and NSN_OBJ_FDB. What is there is replaced and takes the
 * protocol of @o (which forwarding entries do not have), what is gone is gone.
 */
int nsn_neigh_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);
int nsn_neigh_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);

#endif
