/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_UPLINKS_H
#define NSN_STORE_UPLINKS_H

/*
 * uplinks - which tenants lead out of the machine, under which numbers; and how the host was
 * before. Like cables they follow from the policies and make no generation.
 */
#include "../model/cable.h"
#include "store.h"

struct nsn_uplink_list {
	struct nsn_uplink *uplinks; /* by tenant */
	size_t n;
};
void nsn_uplink_list_clear(struct nsn_uplink_list *list);

/*
 * Finds the uplink of u->tenant, or makes it: as nsn_store_cable_put(), with slots of the same
 * sequence. 1 made, 0 it was there; -ENOENT (NO_TENANT), -ENOSPC (POOL_FULL), -EOVERFLOW
 */
int nsn_store_uplink_put(struct nsn_store *s, struct nsn_uplink *u, uint32_t slots, bool reuse,
			 struct nsnet_err *err);
/* 1 found, 0 it has none. */
int nsn_store_uplink_get(struct nsn_store *s, uint64_t tenant, struct nsn_uplink *ret,
			 struct nsnet_err *err);
/* A new link number, stored with it: for one whose link is made again. */
int nsn_store_uplink_new_link(struct nsn_store *s, struct nsn_uplink *u, struct nsnet_err *err);
/* Its slot is freed. -ENOENT (INTERNAL) when the tenant has none. */
int nsn_store_uplink_delete(struct nsn_store *s, uint64_t tenant, struct nsnet_err *err);
int nsn_store_uplink_list(struct nsn_store *s, struct nsn_uplink_list *ret, struct nsnet_err *err);

/*
 * Settings of the host (struct nsn_host_setting) of this boot. put: what is there already
 * stays as it is, as that is how it was before us. clear: all of them.
 */
int nsn_store_host_setting_put(struct nsn_store *s, const struct nsn_host_setting *set,
			       struct nsnet_err *err);
int nsn_store_host_setting_list(struct nsn_store *s, struct nsn_host_setting **ret, size_t *n,
				struct nsnet_err *err);
int nsn_store_host_setting_clear(struct nsn_store *s, struct nsnet_err *err);

#endif
