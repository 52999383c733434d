/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_CABLES_H
#define NSN_STORE_CABLES_H

/*
 * cables - which tenants are joined, under which numbers, and with which addresses
 *
 * A cable follows from the policies: it is no wanted state of its own, and makes
 * no generation. Its numbers have to outlive the command that chose them.
 */
#include "../model/cable.h"
#include "store.h"

/*
 * nsn_store_cable_put() - Find the cable of two tenants, or make it
 * @s:     The store, in a transaction
 * @c:     Which two, a < b, and how they are translated should it be new; gets all
 *         that is stored
 * @slots: How many the pool of transit addresses has
 * @reuse: When none is left that nobody had in this boot, take the one that was
 *         freed first
 * @err:   Filled on failure
 *
 * A new one gets a new link and the lowest slot that is free. A slot that was
 * freed is not given again in this boot, so that what connection tracking still
 * knows of the last owner's addresses is about nobody.
 *
 * Return: 1 made, 0 it was there; -ENOENT (NO_TENANT), -ENOSPC (POOL_FULL),
 * -EOVERFLOW (STORE_IO) when no numbers are left
 */
int nsn_store_cable_put(struct nsn_store *s, struct nsn_cable *c, uint32_t slots, bool reuse,
			struct nsnet_err *err);
/* 1 found, 0 they are not joined; in either order. */
int nsn_store_cable_get(struct nsn_store *s, uint64_t a, uint64_t b, struct nsn_cable *ret,
			struct nsnet_err *err);
/* A new link number, stored with it: for one whose link is made again. */
int nsn_store_cable_new_link(struct nsn_store *s, struct nsn_cable *c, struct nsnet_err *err);
/* Its slot is freed. -ENOENT (INTERNAL) when there is none of that number. */
int nsn_store_cable_delete(struct nsn_store *s, uint64_t link, struct nsnet_err *err);

struct nsn_cable_list {
	struct nsn_cable *cables; /* by a, then b */
	size_t n;
};
void nsn_cable_list_clear(struct nsn_cable_list *list);

/* Both: @ret is empty before. */
int nsn_store_cable_list(struct nsn_store *s, struct nsn_cable_list *ret, struct nsnet_err *err);
/* Those of one tenant, on either side. */
int nsn_store_cable_list_tenant(struct nsn_store *s, uint64_t tenant, struct nsn_cable_list *ret,
				struct nsnet_err *err);

/*
 * The pools of transit addresses. get: 1 set, 0 never set
 * (@ret is untouched). set: -EINVAL (INTERNAL) for what is no network of its
 * family. It does not look at the cables there are.
 */
int nsn_store_transit_get(struct nsn_store *s, struct nsn_transit *ret, struct nsnet_err *err);
int nsn_store_transit_set(struct nsn_store *s, const struct nsn_transit *t, struct nsnet_err *err);

#endif
