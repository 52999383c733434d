/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_ADDR_H
#define NSN_KERNEL_ADDR_H

/*
 * addr - addresses of links (NSN_OBJ_ADDR), both families
 */
#include "../object/object.h"

struct nsn_nl;

/* Adds all addresses to @ret; @ret must hold the links of @at already. */
int nsn_addr_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		  struct nsnet_err *err);
/* An address that is there already is fine, and so is one that is gone already. */
int nsn_addr_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);
int nsn_addr_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);

#endif
