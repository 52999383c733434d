/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cables.h"

#include <errno.h>

#include "numbers.h"
#include "values.h"

#define COLUMNS "SELECT link, a, b, slot, translated_a, translated_b FROM cable "

static bool read_cable(sqlite3_stmt *st, struct nsn_cable *c)
{
	uint64_t slot = nsn_column_number(st, 3);

	c->link = nsn_column_number(st, 0);
	c->a = nsn_column_number(st, 1);
	c->b = nsn_column_number(st, 2);
	c->slot = (uint32_t)slot;
	return c->link >= 1 && c->link <= NSN_LINK_MAX && c->a >= 1 && c->a < c->b &&
	       c->b <= NSN_ID_MAX && slot < UINT32_MAX &&
	       nsn_column_flag(st, 4, &c->translated_a) && nsn_column_flag(st, 5, &c->translated_b);
}

static int broken(const struct nsn_store *s, struct nsnet_err *err)
{
	return nsn_sql_broken(s, err, "a cable in it is damaged");
}

static int no_cable(uint64_t link, struct nsnet_err *err)
{
	return nsn_err(err, -ENOENT, NSNET_E_INTERNAL, "there is no cable with link %llu",
		       (unsigned long long)link);
}

/* ---- reading ------------------------------------------------------------------ */

int nsn_store_cable_get(struct nsn_store *s, uint64_t a, uint64_t b, struct nsn_cable *ret,
			struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	struct nsn_cable c = {0};
	int r;

	r = nsn_sql_prepare(s, &st, COLUMNS "WHERE a = min(?1, ?2) AND b = max(?1, ?2)",
			    (struct nsn_arg[]){NSN_N(a), NSN_N(b)}, 2, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r <= 0)
		return r;
	if (!read_cable(st, &c))
		return broken(s, err);
	*ret = c;
	return 1;
}

void nsn_cable_list_clear(struct nsn_cable_list *list)
{
	free(list->cables);
	*list = (struct nsn_cable_list){0};
}

static int add_cable(struct nsn_store *s, sqlite3_stmt *st, struct nsn_cable_list *list,
		     struct nsnet_err *err)
{
	struct nsn_cable *more;

	more = nsn_row_room(list->cables, list->n, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	list->cables = more;
	return read_cable(st, &more[list->n++]) ? 0 : broken(s, err);
}

static int read_list(struct nsn_store *s, const char *sql, const struct nsn_arg *args,
		     size_t n_args, struct nsn_cable_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_cable_list_clear) struct nsn_cable_list list = {0};
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, sql, args, n_args, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		r = add_cable(s, st, &list, err);
	}
	if (r < 0)
		return r;
	*ret = list;
	list = (struct nsn_cable_list){0};
	return 0;
}

int nsn_store_cable_list(struct nsn_store *s, struct nsn_cable_list *ret, struct nsnet_err *err)
{
	return read_list(s, COLUMNS "ORDER BY a, b", NULL, 0, ret, err);
}

int nsn_store_cable_list_tenant(struct nsn_store *s, uint64_t tenant, struct nsn_cable_list *ret,
				struct nsnet_err *err)
{
	return read_list(s, COLUMNS "WHERE a = ?1 OR b = ?1 ORDER BY a, b",
			 (struct nsn_arg[]){NSN_N(tenant)}, 1, ret, err);
}

/* ---- writing ------------------------------------------------------------------ */

static int make(struct nsn_store *s, struct nsn_cable *c, uint32_t slots, bool reuse,
		struct nsnet_err *err)
{
	int r;

	r = nsn_next_slot(s, slots, reuse, &c->slot, err);
	if (r < 0)
		return r;
	if (r == 0)
		return nsn_err(err, -ENOSPC, NSNET_E_POOL_FULL,
			       "the pool of transit addresses is full: it has room for %u cables",
			       slots);
	r = nsn_next_link(s, &c->link, err);
	if (r < 0)
		return r;
	r = nsn_sql_run(s,
			"INSERT INTO cable (link, a, b, slot, translated_a, translated_b) "
			"VALUES (?, ?, ?, ?, ?, ?)",
			(struct nsn_arg[]){NSN_N(c->link), NSN_N(c->a), NSN_N(c->b), NSN_N(c->slot),
					   NSN_N(c->translated_a), NSN_N(c->translated_b)},
			6, err);
	if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_FOREIGNKEY)
		return nsn_err(err, -ENOENT, NSNET_E_NO_TENANT,
			       "there is no tenant with id %llu or none with id %llu",
			       (unsigned long long)c->a, (unsigned long long)c->b);
	return r < 0 ? r : 1;
}

int nsn_store_cable_put(struct nsn_store *s, struct nsn_cable *c, uint32_t slots, bool reuse,
			struct nsnet_err *err)
{
	struct nsn_cable stored = *c;
	int r;

	if (c->a < 1 || c->a >= c->b || c->b > NSN_ID_MAX)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "a cable to be stored was not checked");
	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_store_cable_get(s, c->a, c->b, &stored, err);
	if (r >= 0)
		r = r > 0 ? 0 : make(s, &stored, slots, reuse, err);
	r = nsn_sql_group_end(s, r, err);
	if (r >= 0)
		*c = stored;
	return r;
}

static int set_link(struct nsn_store *s, uint64_t old, uint64_t *ret, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = nsn_next_link(s, &link, err);
	if (r == 0)
		r = nsn_sql_run(s, "UPDATE cable SET link = ? WHERE link = ?",
				(struct nsn_arg[]){NSN_N(link), NSN_N(old)}, 2, err);
	if (r < 0)
		return r;
	if (sqlite3_changes(s->db) == 0)
		return no_cable(old, err);
	*ret = link;
	return 0;
}

int nsn_store_cable_new_link(struct nsn_store *s, struct nsn_cable *c, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_group_end(s, set_link(s, c->link, &link, err), err);
	if (r == 0)
		c->link = link;
	return r;
}

static int delete_cable(struct nsn_store *s, uint64_t link, struct nsnet_err *err)
{
	uint64_t slot = 0;
	int r;

	r = nsn_sql_number(s, &slot, "DELETE FROM cable WHERE link = ? RETURNING slot",
			   (struct nsn_arg[]){NSN_N(link)}, 1, err);
	if (r < 0)
		return r;
	return r == 0 ? no_cable(link, err) : nsn_free_slot(s, (uint32_t)slot, err);
}

int nsn_store_cable_delete(struct nsn_store *s, uint64_t link, struct nsnet_err *err)
{
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	return nsn_sql_group_end(s, delete_cable(s, link, err), err);
}
