/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_IDS_H
#define NSN_IDS_H

/*
 * ids - which numbers of the host stand for users inside a tenant's workloads
 *
 * Neither is called under the lock, or in a transaction.
 */
#include "ctx.h"
#include "model/ids.h"

/*
 * nsn_tenant_ids() - The range of a tenant
 * @n:      Handle
 * @tenant: Its id
 * @name:   Its name, which is kept with a range that is new
 * @ret:    All of the range
 * @err:    Filled on failure
 *
 * One statement of the store, once it has a range. The first time it takes the lock and
 * looks at what this host has in use.
 *
 * Return: 0, or -ENOENT (NO_TENANT), -ENOSPC (ID_SPACE)
 */
int nsn_tenant_ids(struct nsnet *n, uint64_t tenant, const char *name, struct nsn_ids *ret,
		   struct nsnet_err *err);

/*
 * The same with one number replaced by the host's own (`--map-user`, "1000:10000"), after
 * a look at what is in use now. The tenant's other workloads may have it. -EINVAL (BAD_ID_MAP)
 */
int nsn_ids_with_user(struct nsnet *n, uint64_t tenant, const char *name, const char *text,
		      struct nsn_ids *ret, struct nsnet_err *err);

#endif
