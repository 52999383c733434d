/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ranges.h"

#include <errno.h>
#include <time.h>

#include "../model/ids.h"
#include "values.h"

static bool base_ok(uint64_t base)
{
	return base >= NSN_IDS_FIRST && base <= NSN_IDS_LAST && base % NSN_IDS_RANGE == 0;
}

static int broken(const struct nsn_store *s, struct nsnet_err *err)
{
	return nsn_sql_broken(s, err, "a range of user numbers in it is damaged");
}

/* ---- reading ------------------------------------------------------------------ */

/* This is asked before every start of a workload: one statement. */
int nsn_store_range_get(struct nsn_store *s, uint64_t tenant, uint32_t *base, struct nsnet_err *err)
{
	uint64_t n = 0;
	int r;

	r = nsn_sql_number(s, &n, "SELECT base FROM id_range WHERE tenant = ?",
			   (struct nsn_arg[]){NSN_N(tenant)}, 1, err);
	if (r <= 0)
		return r;
	if (!base_ok(n))
		return broken(s, err);
	*base = (uint32_t)n;
	return 1;
}

int nsn_store_range_last(struct nsn_store *s, uint32_t *base, struct nsnet_err *err)
{
	uint64_t n = 0;
	int r;

	r = nsn_sql_number(s, &n, "SELECT coalesce(max(base), 0) FROM id_range", NULL, 0, err);
	if (r < 0)
		return r;
	if (n != 0 && !base_ok(n))
		return broken(s, err);
	*base = (uint32_t)n;
	return 0;
}

static bool read_range(sqlite3_stmt *st, struct nsn_id_range *ret)
{
	uint64_t base = nsn_column_number(st, 0);

	ret->base = (uint32_t)base;
	ret->tenant = nsn_column_number(st, 1); /* NULL is 0 */
	ret->given = sqlite3_column_int64(st, 3);
	ret->retired = sqlite3_column_int64(st, 4);
	return base_ok(base) && ret->tenant <= NSN_ID_MAX && nsn_column_name(st, 2, ret->name) &&
	       (ret->tenant == 0) == (ret->retired != 0);
}

int nsn_store_range_at(struct nsn_store *s, uint32_t base, struct nsn_id_range *ret,
		       struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	struct nsn_id_range range = {0};
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT base, tenant, name, given, retired FROM id_range "
			    "WHERE base = ?",
			    (struct nsn_arg[]){NSN_N(base)}, 1, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r <= 0)
		return r;
	if (!read_range(st, &range))
		return broken(s, err);
	*ret = range;
	return 1;
}

/* ---- writing ------------------------------------------------------------------ */

int nsn_store_range_give(struct nsn_store *s, uint32_t base, uint64_t tenant, const char *name,
			 struct nsnet_err *err)
{
	int r, why;

	if (!base_ok(base) || !nsn_name_ok(name))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "a range to be stored was not checked");
	r = nsn_sql_run(s, "INSERT INTO id_range (base, tenant, name, given) VALUES (?, ?, ?, ?)",
			(struct nsn_arg[]){NSN_N(base), NSN_N(tenant), NSN_T(name),
					   NSN_N((uint64_t)time(NULL))},
			4, err);
	if (r == 0)
		return 0;
	why = sqlite3_extended_errcode(s->db);
	if (why == SQLITE_CONSTRAINT_FOREIGNKEY)
		return nsn_err(err, -ENOENT, NSNET_E_NO_TENANT, "there is no tenant with id %llu",
			       (unsigned long long)tenant);
	if (why == SQLITE_CONSTRAINT_PRIMARYKEY || why == SQLITE_CONSTRAINT_UNIQUE)
		return nsn_err(err, -EEXIST, NSNET_E_INTERNAL,
			       "range %u was given already, or tenant '%s' has one", base, name);
	return r;
}

int nsn_store_range_retire(struct nsn_store *s, uint64_t tenant, struct nsnet_err *err)
{
	return nsn_sql_run(s, "UPDATE id_range SET tenant = NULL, retired = ? WHERE tenant = ?",
			   (struct nsn_arg[]){NSN_N((uint64_t)time(NULL)), NSN_N(tenant)}, 2, err);
}
