/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_RANGES_H
#define NSN_STORE_RANGES_H

/*
 * ranges - which numbers of users were given to which tenant
 *
 * A row is never deleted, so no range is given twice: with its tenant it retires, and still says
 * whose the files are that have its numbers. It is no wanted state, and makes no generation.
 */
#include "store.h"

struct nsn_id_range {
	uint32_t base;
	uint64_t tenant;	     /* 0: it is gone */
	char name[NSN_NAME_MAX + 1]; /* of the tenant it was given to */
	int64_t given, retired;	     /* seconds since 1970; retired 0: it lives */
};

/* The range of a living tenant: 1 found, 0 none was ever given to it. */
int nsn_store_range_get(struct nsn_store *s, uint64_t tenant, uint32_t *base,
			struct nsnet_err *err);
/* The one with this base, retired or not: 1 found, 0 it was never given. */
int nsn_store_range_at(struct nsn_store *s, uint32_t base, struct nsn_id_range *ret,
		       struct nsnet_err *err);
/* The highest that was ever given; 0: none. */
int nsn_store_range_last(struct nsn_store *s, uint32_t *base, struct nsnet_err *err);
/* Return: 0, or -ENOENT (NO_TENANT), -EEXIST (INTERNAL) when either has one already. */
int nsn_store_range_give(struct nsn_store *s, uint32_t base, uint64_t tenant, const char *name,
			 struct nsnet_err *err);
/* Its tenant is about to be deleted, in the same transaction. None: nothing happens. */
int nsn_store_range_retire(struct nsn_store *s, uint64_t tenant, struct nsnet_err *err);

#endif
