/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sql.h"
#include "values.h"

#include <errno.h>

/*
 * Cookies of network namespaces start anew at each boot, so every row says in
 * which it was written.
 */

static int bound_to(struct nsn_store *s, uint64_t *ret, struct nsnet_err *err)
{
	return nsn_sql_number(s, ret, "SELECT cookie FROM host WHERE boot = ?",
			      (struct nsn_arg[]){NSN_T(s->boot)}, 1, err);
}

/* The first command after a boot. Another may do the same now: it is the row that counts. */
static int bind_new(struct nsn_store *s, uint64_t cookie, uint64_t *ret, struct nsnet_err *err)
{
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_run(s,
			"INSERT INTO host (one, boot, cookie) VALUES (1, ?1, ?2) "
			"ON CONFLICT DO UPDATE SET boot = ?1, cookie = ?2 WHERE boot <> ?1",
			(struct nsn_arg[]){NSN_T(s->boot), NSN_N(cookie)}, 2, err);
	if (r == 0)
		r = nsn_sql_run(s, "DELETE FROM netns WHERE boot <> ?",
				(struct nsn_arg[]){NSN_T(s->boot)}, 1, err);
	if (r == 0)
		r = nsn_sql_run(s, "DELETE FROM freed WHERE boot <> ?",
				(struct nsn_arg[]){NSN_T(s->boot)}, 1, err);
	if (r == 0)
		r = bound_to(s, ret, err);
	return nsn_sql_group_end(s, r, err);
}

int nsn_store_bind_host(struct nsn_store *s, uint64_t cookie, struct nsnet_err *err)
{
	uint64_t bound = 0;
	int r;

	r = bound_to(s, &bound, err); /* reads only, as nearly always this is all */
	if (r == 0)
		r = bind_new(s, cookie, &bound, err);
	if (r < 0)
		return r;
	if (bound != cookie)
		return nsn_err(err, -EXDEV, NSNET_E_WRONG_NETNS,
			       "store '%s' belongs to another host network namespace", s->shown);
	return 0;
}

int nsn_store_ns_put(struct nsn_store *s, uint64_t tenant, uint64_t endpoint, uint64_t cookie,
		     struct nsnet_err *err)
{
	return nsn_sql_run(
		s,
		"INSERT INTO netns (tenant, endpoint, boot, cookie) VALUES (?, ?, ?, ?) "
		"ON CONFLICT DO UPDATE SET boot = excluded.boot, cookie = excluded.cookie",
		(struct nsn_arg[]){NSN_N(tenant), NSN_N(endpoint), NSN_T(s->boot), NSN_N(cookie)},
		4, err);
}

int nsn_store_ns_get(struct nsn_store *s, uint64_t tenant, uint64_t endpoint, uint64_t *cookie,
		     struct nsnet_err *err)
{
	return nsn_sql_number(
		s, cookie,
		"SELECT cookie FROM netns WHERE tenant = ? AND endpoint = ? AND boot = ?",
		(struct nsn_arg[]){NSN_N(tenant), NSN_N(endpoint), NSN_T(s->boot)}, 3, err);
}

int nsn_store_ns_list(struct nsn_store *s, struct nsn_ns **ret, size_t *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	NSN_AUTO(nsn_freep) struct nsn_ns *list = NULL;
	size_t used = 0, room = 0;
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT tenant, endpoint, cookie FROM netns WHERE boot = ? "
			    "ORDER BY tenant, endpoint",
			    (struct nsn_arg[]){NSN_T(s->boot)}, 1, err);
	while (r >= 0 && (r = nsn_sql_step(s, st, err)) > 0) {
		if (used == room) {
			struct nsn_ns *grown;

			room = room ? 2 * room : 64;
			grown = reallocarray(list, room, sizeof(*list));
			if (!grown)
				return nsn_err_nomem(err);
			list = grown;
		}
		list[used++] = (struct nsn_ns){nsn_column_number(st, 0), nsn_column_number(st, 1),
					       nsn_column_number(st, 2)};
	}
	if (r < 0)
		return r;
	*n = used;
	*ret = NSN_TAKE_PTR(list);
	return 0;
}
