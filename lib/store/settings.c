/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/socket.h>

#include "cables.h"
#include "sql.h"

/* Of the whole store: what belongs to no tenant. */

/* ---- transit ------------------------------------------------------------------ */

static bool network_ok(const struct nsn_prefix *p, uint8_t family)
{
	const struct nsn_ip net = nsn_prefix_network(p);

	return p->ip.family == family && nsn_ip_cmp(&net, &p->ip) == 0;
}

static bool transit_ok(const struct nsn_transit *t)
{
	return network_ok(&t->ip, AF_INET) && network_ok(&t->ip6, AF_INET6);
}

/* Both are set, or none is. */
int nsn_store_transit_get(struct nsn_store *s, struct nsn_transit *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	struct nsn_transit t = {0};
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT (SELECT value FROM setting WHERE key = 'transit'),"
			    " (SELECT value FROM setting WHERE key = 'transit6')",
			    NULL, 0, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r < 0)
		return r;
	if (sqlite3_column_type(st, 0) == SQLITE_NULL && sqlite3_column_type(st, 1) == SQLITE_NULL)
		return 0;
	if (nsn_prefix_parse(&t.ip, nsn_sql_text(st, 0)) < 0 ||
	    nsn_prefix_parse(&t.ip6, nsn_sql_text(st, 1)) < 0 || !transit_ok(&t))
		return nsn_sql_broken(s, err, "its pool of transit addresses is damaged");
	*ret = t;
	return 1;
}

int nsn_store_transit_set(struct nsn_store *s, const struct nsn_transit *t, struct nsnet_err *err)
{
	char ip[NSN_PREFIX_STRLEN], ip6[NSN_PREFIX_STRLEN];
	int r;

	if (!transit_ok(t))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "a pool of transit addresses to be stored was not checked");
	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_run(s, "REPLACE INTO setting VALUES ('transit', ?), ('transit6', ?)",
			(struct nsn_arg[]){NSN_T(nsn_prefix_str(&t->ip, ip)),
					   NSN_T(nsn_prefix_str(&t->ip6, ip6))},
			2, err);
	return nsn_sql_change_end(s, r, err);
}

/* ---- generation ---------------------------------------------------------------- */

int nsn_store_generation(struct nsn_store *s, uint64_t *ret, struct nsnet_err *err)
{
	uint64_t n = 0;
	int r;

	r = nsn_sql_number(s, &n, "SELECT generation FROM meta", NULL, 0, err);
	if (r < 0)
		return r;
	if (r == 0 || n > INT64_MAX)
		return nsn_sql_broken(s, err, "its count of changes is damaged");
	*ret = n;
	return 0;
}
