/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_FIBRULE_H
#define NSN_KERNEL_FIBRULE_H

/*
 * fibrule - rules that choose a table of routes (NSN_OBJ_RULE, `ip rule`), both
 * families
 */
#include "../object/object.h"

struct nsn_nl;

/*
 * Adds the rules to @ret, but for those that every namespace is born with (0, 32766,
 * 32767). What selects by more than struct nsn_fibrule can say is `odd`.
 */
int nsn_fibrule_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		     struct nsnet_err *err);
/* One that is there already stays. */
int nsn_fibrule_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);
/* What is gone is gone; an odd one is not removed (-EINVAL). */
int nsn_fibrule_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);

#endif
