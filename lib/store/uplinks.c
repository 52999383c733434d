/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "uplinks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "numbers.h"
#include "values.h"

#define COLUMNS "SELECT tenant, link, slot FROM uplink "

static bool read_uplink(sqlite3_stmt *st, struct nsn_uplink *u)
{
	uint64_t slot = nsn_column_number(st, 2);

	u->tenant = nsn_column_number(st, 0);
	u->link = nsn_column_number(st, 1);
	u->slot = (uint32_t)slot;
	return u->tenant >= 1 && u->tenant <= NSN_ID_MAX && u->link >= 1 &&
	       u->link <= NSN_LINK_MAX && slot < UINT32_MAX;
}

static int broken(const struct nsn_store *s, struct nsnet_err *err)
{
	return nsn_sql_broken(s, err, "an uplink in it is damaged");
}

static int no_uplink(uint64_t tenant, struct nsnet_err *err)
{
	return nsn_err(err, -ENOENT, NSNET_E_INTERNAL, "the tenant with id %llu has no uplink",
		       (unsigned long long)tenant);
}

/* ---- reading ------------------------------------------------------------------ */

int nsn_store_uplink_get(struct nsn_store *s, uint64_t tenant, struct nsn_uplink *ret,
			 struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	struct nsn_uplink u = {0};
	int r;

	r = nsn_sql_prepare(s, &st, COLUMNS "WHERE tenant = ?", (struct nsn_arg[]){NSN_N(tenant)},
			    1, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r <= 0)
		return r;
	if (!read_uplink(st, &u))
		return broken(s, err);
	*ret = u;
	return 1;
}

void nsn_uplink_list_clear(struct nsn_uplink_list *list)
{
	free(list->uplinks);
	*list = (struct nsn_uplink_list){0};
}

int nsn_store_uplink_list(struct nsn_store *s, struct nsn_uplink_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_uplink_list_clear) struct nsn_uplink_list list = {0};
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, COLUMNS "ORDER BY tenant", NULL, 0, err);
	while (r >= 0) {
		struct nsn_uplink *more;

		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		more = nsn_row_room(list.uplinks, list.n, sizeof(*more));
		if (!more)
			return nsn_err_nomem(err);
		list.uplinks = more;
		if (!read_uplink(st, &more[list.n++]))
			return broken(s, err);
	}
	if (r < 0)
		return r;
	*ret = list;
	list = (struct nsn_uplink_list){0};
	return 0;
}

/* ---- writing ------------------------------------------------------------------ */

static int make(struct nsn_store *s, struct nsn_uplink *u, uint32_t slots, bool reuse,
		struct nsnet_err *err)
{
	int r;

	r = nsn_next_slot(s, slots, reuse, &u->slot, err);
	if (r < 0)
		return r;
	if (r == 0)
		return nsn_err(err, -ENOSPC, NSNET_E_POOL_FULL,
			       "the pool of transit addresses is full: it has room for %u cables "
			       "and uplinks",
			       slots);
	r = nsn_next_link(s, &u->link, err);
	if (r < 0)
		return r;
	r = nsn_sql_run(s, "INSERT INTO uplink (tenant, link, slot) VALUES (?, ?, ?)",
			(struct nsn_arg[]){NSN_N(u->tenant), NSN_N(u->link), NSN_N(u->slot)}, 3,
			err);
	if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
		return nsn_err(err, -ENOENT, NSNET_E_NO_TENANT, "there is no tenant with id %llu",
			       (unsigned long long)u->tenant);
	return r < 0 ? r : 1;
}

int nsn_store_uplink_put(struct nsn_store *s, struct nsn_uplink *u, uint32_t slots, bool reuse,
			 struct nsnet_err *err)
{
	struct nsn_uplink stored = *u;
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_store_uplink_get(s, u->tenant, &stored, err);
	if (r >= 0)
		r = r > 0 ? 0 : make(s, &stored, slots, reuse, err);
	r = nsn_sql_group_end(s, r, err);
	if (r >= 0)
		*u = stored;
	return r;
}

static int set_link(struct nsn_store *s, uint64_t tenant, uint64_t *ret, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = nsn_next_link(s, &link, err);
	if (r == 0)
		r = nsn_sql_run(s, "UPDATE uplink SET link = ? WHERE tenant = ?",
				(struct nsn_arg[]){NSN_N(link), NSN_N(tenant)}, 2, err);
	if (r < 0)
		return r;
	if (sqlite3_changes(s->db) == 0)
		return no_uplink(tenant, err);
	*ret = link;
	return 0;
}

int nsn_store_uplink_new_link(struct nsn_store *s, struct nsn_uplink *u, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_group_end(s, set_link(s, u->tenant, &link, err), err);
	if (r == 0)
		u->link = link;
	return r;
}

static int delete_uplink(struct nsn_store *s, uint64_t tenant, struct nsnet_err *err)
{
	uint64_t slot = 0;
	int r;

	r = nsn_sql_number(s, &slot, "DELETE FROM uplink WHERE tenant = ? RETURNING slot",
			   (struct nsn_arg[]){NSN_N(tenant)}, 1, err);
	if (r < 0)
		return r;
	return r == 0 ? no_uplink(tenant, err) : nsn_free_slot(s, (uint32_t)slot, err);
}

int nsn_store_uplink_delete(struct nsn_store *s, uint64_t tenant, struct nsnet_err *err)
{
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	return nsn_sql_group_end(s, delete_uplink(s, tenant, err), err);
}

/* ---- settings of the host -------------------------------------------------------- */

/* What an older boot had changed, the reboot has put back. */
int nsn_store_host_setting_put(struct nsn_store *s, const struct nsn_host_setting *set,
			       struct nsnet_err *err)
{
	return nsn_sql_run(s,
			   "INSERT INTO host_setting (path, old, boot) VALUES (?1, ?2, ?3) "
			   "ON CONFLICT DO UPDATE SET old = ?2, boot = ?3 WHERE boot <> ?3",
			   (struct nsn_arg[]){NSN_T(set->path), NSN_T(set->old), NSN_T(s->boot)}, 3,
			   err);
}

int nsn_store_host_setting_list(struct nsn_store *s, struct nsn_host_setting **ret, size_t *n,
				struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_host_setting *list = NULL;
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	size_t used = 0;
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT path, old FROM host_setting WHERE boot = ? ORDER BY path",
			    (struct nsn_arg[]){NSN_T(s->boot)}, 1, err);
	while (r >= 0 && (r = nsn_sql_step(s, st, err)) > 0) {
		struct nsn_host_setting *more = nsn_row_room(list, used, sizeof(*more));

		if (!more)
			return nsn_err_nomem(err);
		list = more;
		more[used] = (struct nsn_host_setting){0};
		if (!nsn_column_text(st, 0, more[used].path, sizeof(more[used].path)) ||
		    !nsn_column_text(st, 1, more[used].old, sizeof(more[used].old)))
			return nsn_sql_broken(s, err, "a setting of the host in it is damaged");
		used++;
	}
	if (r < 0)
		return r;
	*n = used;
	*ret = NSN_TAKE_PTR(list);
	return 0;
}

int nsn_store_host_setting_clear(struct nsn_store *s, struct nsnet_err *err)
{
	return nsn_sql_run(s, "DELETE FROM host_setting", NULL, 0, err);
}
