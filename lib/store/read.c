/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/text.h"
#include "values.h"

/* In the order of the columns. */
enum {
	T_ID,
	T_NAME,
	T_FIRST,
	T_LAST,
	T_GATEWAY,
	T_CREATED,
	T_FIRST6,
	T_LAST6,
	T_GATEWAY6,
	T_MTU,
	T_INSIDE_DENY,
	T_RATE,
	T_NEW_FLOWS,
	T_OPEN_FLOWS,
	T_DNS,
	T_DNS_IP, /* of the endpoint that is meant */
	T_DNS_IP6,
	T_ORIGIN,
	E_ID = T_ORIGIN + 6,
	E_NAME,
	E_IP,
	E_LINK,
	E_IP6,
	E_FIXED,
	E_FIXED6,
	E_RATE,
	E_DECLARED,
};

#define COLUMNS                                                                                    \
	"SELECT t.id, t.name, t.first, t.last, t.gateway, t.created, t.first6, t.last6, "          \
	"t.gateway6, t.mtu, t.inside_deny, t.rate, t.new_flows, t.open_flows, t.dns, "             \
	"d.ip, d.ip6, "                                                                            \
	"t.set_name, t.file, t.line, t.sha256, t.uid, t.at, "                                      \
	"e.id, e.name, e.ip, e.link, e.ip6, e.fixed, e.fixed6, e.rate, e.declared "                \
	"FROM tenant t LEFT JOIN endpoint e ON e.tenant = t.id "                                   \
	"LEFT JOIN endpoint d ON instr(t.dns, '/') > 0 AND d.tenant = "                            \
	"(SELECT id FROM tenant WHERE name = substr(t.dns, 1, instr(t.dns, '/') - 1)) "            \
	"AND d.name = substr(t.dns, instr(t.dns, '/') + 1) "

#define ALL_GIVEN                                                                                  \
	((unsigned int)(NSN_GIVEN_SUBNET | NSN_GIVEN_SUBNET6 | NSN_GIVEN_MTU | NSN_GIVEN_RATE |    \
			NSN_GIVEN_INSIDE | NSN_GIVEN_LABELS | NSN_GIVEN_OWNERS |                   \
			NSN_GIVEN_ENDPOINTS | NSN_GIVEN_NEW_FLOWS | NSN_GIVEN_OPEN_FLOWS |         \
			NSN_GIVEN_DNS))

/* "" is what was never said. */
static bool read_dns(sqlite3_stmt *st, struct nsn_dns *d)
{
	const char *text = nsn_sql_text(st, T_DNS);
	struct nsn_endpoint e = {0};

	if (*text && nsn_dns_parse(d, text, NULL) < 0)
		return false;
	if (d->kind != NSN_DNS_ENDPOINT || sqlite3_column_type(st, T_DNS_IP) == SQLITE_NULL)
		return true;
	if (!nsn_column_ip(st, T_DNS_IP, AF_INET, &e.ip) ||
	    !nsn_column_ip(st, T_DNS_IP6, AF_INET6, &e.ip6))
		return false;
	nsn_dns_resolve(d, &e);
	return true;
}

static bool read_tenant(sqlite3_stmt *st, struct nsn_tenant *t)
{
	uint64_t mtu = nsn_column_number(st, T_MTU);
	uint64_t new_flows = nsn_column_number(st, T_NEW_FLOWS);
	uint64_t open_flows = nsn_column_number(st, T_OPEN_FLOWS);

	t->id = nsn_column_number(st, T_ID);
	t->created = sqlite3_column_int64(st, T_CREATED);
	t->mtu = mtu <= NSN_MTU_MAX ? (uint32_t)mtu : 0;
	t->rate = nsn_column_number(st, T_RATE);
	t->new_flows = new_flows <= UINT32_MAX ? (uint32_t)new_flows : UINT32_MAX;
	t->open_flows = open_flows <= UINT32_MAX ? (uint32_t)open_flows : UINT32_MAX;
	t->given = ALL_GIVEN;
	return t->id >= 1 && t->id <= NSN_ID_MAX && nsn_column_name(st, T_NAME, t->name) &&
	       nsn_column_prefix(st, T_FIRST, AF_INET, &t->subnet) &&
	       nsn_column_ip(st, T_GATEWAY, AF_INET, &t->gateway) &&
	       nsn_column_prefix(st, T_FIRST6, AF_INET6, &t->subnet6) &&
	       nsn_column_ip(st, T_GATEWAY6, AF_INET6, &t->gateway6) &&
	       nsn_column_flag(st, T_INSIDE_DENY, &t->inside_deny) &&
	       nsn_column_origin(st, T_ORIGIN, &t->origin) && read_dns(st, &t->dns) &&
	       nsn_row_tenant_ok(t);
}

static bool read_endpoint(sqlite3_stmt *st, const struct nsn_tenant *t, struct nsn_endpoint *e)
{
	e->id = nsn_column_number(st, E_ID);
	e->link = nsn_column_number(st, E_LINK);
	e->rate = nsn_column_number(st, E_RATE);
	return e->id >= 1 && e->id <= NSN_ID_MAX && e->link >= 1 && e->link <= NSN_LINK_MAX &&
	       nsn_column_name(st, E_NAME, e->name) && nsn_column_ip(st, E_IP, AF_INET, &e->ip) &&
	       nsn_column_ip(st, E_IP6, AF_INET6, &e->ip6) &&
	       nsn_column_flag(st, E_FIXED, &e->fixed) &&
	       nsn_column_flag(st, E_FIXED6, &e->fixed6) &&
	       nsn_column_flag(st, E_DECLARED, &e->declared) && nsn_row_endpoint_ok(t, e);
}

static int add_endpoint(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant *t,
			struct nsnet_err *err)
{
	struct nsn_endpoint *more;

	more = nsn_row_room(t->endpoints, t->n_endpoints, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	t->endpoints = more;
	if (!read_endpoint(st, t, &more[t->n_endpoints]))
		return nsn_sql_broken(s, err, "an endpoint in it is damaged");
	t->n_endpoints++;
	return 0;
}

static int add_tenant(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant_list *list,
		      struct nsnet_err *err)
{
	struct nsn_tenant *more;

	more = nsn_row_room(list->tenants, list->n, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	list->tenants = more;
	if (!read_tenant(st, &more[list->n]))
		return nsn_sql_broken(s, err, "a tenant in it is damaged");
	list->n++;
	return 0;
}

void nsn_tenant_list_clear(struct nsn_tenant_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		nsn_tenant_clear(&list->tenants[i]);
	free(list->tenants);
	*list = (struct nsn_tenant_list){0};
}

static int read_rows(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant_list *list,
		     struct nsnet_err *err)
{
	int r;

	while ((r = nsn_sql_step(s, st, err)) > 0) {
		if (list->n == 0 || list->tenants[list->n - 1].id != nsn_column_number(st, T_ID))
			r = add_tenant(s, st, list, err);
		if (r >= 0 && list->n > 0 && sqlite3_column_type(st, E_ID) != SQLITE_NULL)
			r = add_endpoint(s, st, &list->tenants[list->n - 1], err);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- labels and owners ------------------------------------------------------ */

static int add_label(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant *t,
		     struct nsnet_err *err)
{
	const char *key = nsn_sql_text(st, 1), *value = nsn_sql_text(st, 2);
	struct nsn_label *more;

	if (!nsn_label_ok(key, value) || t->n_labels >= NSN_LABELS_MAX)
		return nsn_sql_broken(s, err, "a label in it is damaged");
	more = nsn_row_room(t->labels, t->n_labels, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	t->labels = more;
	memcpy(more[t->n_labels].key, key, strlen(key) + 1);
	memcpy(more[t->n_labels].value, value, strlen(value) + 1);
	t->n_labels++;
	return 0;
}

static int add_owner(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant *t,
		     struct nsnet_err *err)
{
	const char *name = nsn_sql_text(st, 1);
	struct nsn_user *more;

	if (!nsn_owner_ok(name) || t->n_owners >= NSN_OWNERS_MAX)
		return nsn_sql_broken(s, err, "an owner in it is damaged");
	more = nsn_row_room(t->owners, t->n_owners, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	t->owners = more;
	memcpy(more[t->n_owners++].name, name, strlen(name) + 1);
	return 0;
}

static const struct part {
	const char *all, *one; /* of all tenants by id, and of one */
	int (*add)(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant *t,
		   struct nsnet_err *err);
} parts[] = {
	{"SELECT tenant, key, value FROM label ORDER BY tenant, key",
	 "SELECT tenant, key, value FROM label WHERE tenant = ? ORDER BY key", add_label},
	{"SELECT tenant, name FROM owner ORDER BY tenant, name",
	 "SELECT tenant, name FROM owner WHERE tenant = ? ORDER BY name", add_owner},
};

static int by_id(const void *a, const void *b)
{
	const struct nsn_tenant *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static struct nsn_tenant **sorted_by_id(struct nsn_tenant_list *list)
{
	struct nsn_tenant **ids = calloc(list->n + 1, sizeof(*ids));

	for (size_t i = 0; ids && i < list->n; i++)
		ids[i] = &list->tenants[i];
	if (ids)
		qsort(ids, list->n, sizeof(const void *), by_id);
	return ids;
}

/*
 * Both lists are by id then, so one pass over both. In most stores there is
 * nothing to read here, and the tenants are not even sorted.
 */
static int read_part(struct nsn_store *s, const struct part *part, struct nsn_tenant_list *list,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	NSN_AUTO(nsn_freep) struct nsn_tenant **ids = NULL;
	size_t at = 0;
	int r;

	r = nsn_sql_prepare(s, &st, part->all, NULL, 0, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		if (!ids)
			ids = sorted_by_id(list);
		if (!ids)
			return nsn_err_nomem(err);
		while (at < list->n && ids[at]->id < nsn_column_number(st, 0))
			at++;
		if (at == list->n || ids[at]->id != nsn_column_number(st, 0))
			return nsn_sql_broken(s, err, "it has settings of no tenant");
		r = part->add(s, st, ids[at], err);
	}
	return r;
}

/* Of some tenants, one after the other. */
static int read_part_of(struct nsn_store *s, const struct part *part, struct nsn_tenant_list *list,
			struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;

		r = nsn_sql_prepare(s, &st, part->one,
				    (struct nsn_arg[]){NSN_N(list->tenants[i].id)}, 1, err);
		while (r >= 0 && (r = nsn_sql_step(s, st, err)) > 0)
			r = part->add(s, st, &list->tenants[i], err);
	}
	return r;
}

/* ---- all of it -------------------------------------------------------------- */

static int read_parts(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant_list *list,
		      bool some, struct nsnet_err *err)
{
	int r = read_rows(s, st, list, err);

	for (size_t i = 0; r == 0 && list->n > 0 && i < NSN_COUNT(parts); i++)
		r = some ? read_part_of(s, &parts[i], list, err)
			 : read_part(s, &parts[i], list, err);
	return r;
}

/* One statement for tenants and endpoints, one transaction for all: it is of one moment. */
static int read_all(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant_list *ret, bool some,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_list_clear) struct nsn_tenant_list list = {0};
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = read_parts(s, st, &list, some, err);
	(void)sqlite3_reset(st); /* or the group could not end */
	r = nsn_sql_group_end(s, r, err);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct nsn_tenant_list){0};
	return 0;
}

int nsn_store_tenant_list(struct nsn_store *s, struct nsn_tenant_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, COLUMNS "ORDER BY t.name, e.id", NULL, 0, err);
	return r < 0 ? r : read_all(s, st, ret, false, err);
}

int nsn_store_tenant_list_joined(struct nsn_store *s, const char *name, struct nsn_tenant_list *ret,
				 struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(
		s, &st,
		COLUMNS
		"WHERE t.id IN (SELECT id FROM tenant WHERE name = ?1"
		" UNION SELECT a FROM cable WHERE b = (SELECT id FROM tenant WHERE name = ?1)"
		" UNION SELECT b FROM cable WHERE a = (SELECT id FROM tenant WHERE name = ?1))"
		" ORDER BY t.name, e.id",
		(struct nsn_arg[]){NSN_T(name)}, 1, err);
	return r < 0 ? r : read_all(s, st, ret, true, err);
}

int nsn_store_tenant_get(struct nsn_store *s, const char *name, struct nsn_tenant *ret,
			 struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_list_clear) struct nsn_tenant_list list = {0};
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	char shown[NSN_SHOW_SIZE];
	int r;

	r = nsn_sql_prepare(s, &st, COLUMNS "WHERE t.name = ? ORDER BY e.id",
			    (struct nsn_arg[]){NSN_T(name)}, 1, err);
	if (r == 0)
		r = read_all(s, st, &list, true, err);
	if (r < 0)
		return r;
	if (list.n == 0) {
		nsn_err(err, -ENOENT, NSNET_E_NO_TENANT, "there is no tenant '%s'",
			nsn_text_show(name, shown, sizeof(shown)));
		if (err)
			nsn_hint_near(s, "SELECT name FROM tenant ORDER BY name", name, err);
		return -ENOENT;
	}
	*ret = list.tenants[0];
	list.n = 0; /* what it points to has a new owner */
	return 0;
}

int nsn_store_tenant_exists(struct nsn_store *s, uint64_t id, struct nsnet_err *err)
{
	uint64_t one;

	return nsn_sql_number(s, &one, "SELECT 1 FROM tenant WHERE id = ?",
			      (struct nsn_arg[]){NSN_N(id)}, 1, err);
}
