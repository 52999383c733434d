/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sql.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/text.h"

/* ---- values ----------------------------------------------------------------- */

static uint32_t ip_number(const struct nsn_ip *ip)
{
	uint32_t n;

	memcpy(&n, ip->bytes, sizeof(n));
	return ntohl(n);
}

static struct nsn_ip number_ip(uint32_t n)
{
	struct nsn_ip ip = {.family = AF_INET};

	n = htonl(n);
	memcpy(ip.bytes, &n, sizeof(n));
	return ip;
}

/* First and last address as a prefix; false when they are the ends of none. */
static bool range_prefix(uint64_t first, uint64_t last, struct nsn_prefix *ret)
{
	struct nsn_prefix p = {0};
	struct nsn_ip end;

	if (first > UINT32_MAX || last > UINT32_MAX)
		return false;
	p.ip = number_ip((uint32_t)first);
	p.len = (uint8_t)(32 - __builtin_popcountll(first ^ last));
	end = nsn_prefix_last(&p);
	if (ip_number(&end) != last)
		return false;
	*ret = p;
	return true;
}

static uint64_t number(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

/* The file is ours alone, but names become paths: a damaged one goes no further. */
static bool copy_name(sqlite3_stmt *st, int column, char out[NSN_NAME_MAX + 1])
{
	const char *name = nsn_sql_text(st, column);

	if (!nsn_name_ok(name))
		return false;
	memcpy(out, name, strlen(name) + 1);
	return true;
}

/* ---- reading ---------------------------------------------------------------- */

#define COLUMNS                                                                                    \
	"SELECT t.id, t.name, t.first, t.last, t.gateway, t.created, e.id, e.name, e.ip, e.link "  \
	"FROM tenant t LEFT JOIN endpoint e ON e.tenant = t.id "

static bool read_tenant(sqlite3_stmt *st, struct nsn_tenant *t)
{
	uint64_t gateway = number(st, 4);

	t->id = number(st, 0);
	t->gateway = number_ip((uint32_t)gateway);
	t->created = sqlite3_column_int64(st, 5);
	return t->id >= 1 && t->id <= NSN_ID_MAX && copy_name(st, 1, t->name) &&
	       range_prefix(number(st, 2), number(st, 3), &t->subnet) && gateway <= UINT32_MAX &&
	       nsn_prefix_has(&t->subnet, &t->gateway);
}

static bool read_endpoint(sqlite3_stmt *st, const struct nsn_tenant *t, struct nsn_endpoint *e)
{
	uint64_t ip = number(st, 8);

	e->id = number(st, 6);
	e->ip = number_ip((uint32_t)ip);
	e->link = number(st, 9);
	return e->id >= 1 && e->id <= NSN_ID_MAX && copy_name(st, 7, e->name) && e->link >= 1 &&
	       e->link <= NSN_LINK_MAX && ip <= UINT32_MAX && nsn_prefix_has(&t->subnet, &e->ip);
}

/* Room for one more at the end of an array that doubles; zeroed. NULL: no memory. */
static void *grow(void *array, size_t n, size_t size)
{
	char *more = array;

	if ((n & (n - 1)) == 0)
		more = reallocarray(array, n ? 2 * n : 1, size);
	if (more)
		memset(more + n * size, 0, size);
	return more;
}

static int add_endpoint(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant *t,
			struct nsnet_err *err)
{
	struct nsn_endpoint *more;

	more = grow(t->endpoints, t->n_endpoints, sizeof(*more));
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

	more = grow(list->tenants, list->n, sizeof(*more));
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

/* One statement for tenants and endpoints, so that both are of one moment. */
static int read_all(struct nsn_store *s, sqlite3_stmt *st, struct nsn_tenant_list *ret,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_list_clear) struct nsn_tenant_list list = {0};
	int r;

	while ((r = nsn_sql_step(s, st, err)) > 0) {
		if (list.n == 0 || list.tenants[list.n - 1].id != number(st, 0))
			r = add_tenant(s, st, &list, err);
		if (r >= 0 && sqlite3_column_type(st, 6) != SQLITE_NULL)
			r = add_endpoint(s, st, &list.tenants[list.n - 1], err);
		if (r < 0)
			return r;
	}
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
	return r < 0 ? r : read_all(s, st, ret, err);
}

/* A did-you-mean is worth a look at all names, but not a second failure. */
static void hint_near(struct nsn_store *s, const char *name, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	size_t best = strlen(name) / 3 + 1;
	char near[NSN_NAME_MAX + 1] = "";

	if (nsn_sql_prepare(s, &st, "SELECT name FROM tenant ORDER BY name", NULL, 0, NULL) < 0)
		return;
	if (best > 3)
		best = 3;
	while (nsn_sql_step(s, st, NULL) > 0) {
		size_t far = nsn_text_distance(name, nsn_sql_text(st, 0));

		if (far < best + (near[0] == '\0') && copy_name(st, 0, near))
			best = far;
	}
	if (near[0])
		nsn_err_hint(err, -ENOENT, "did you mean %s?", near);
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
		r = read_all(s, st, &list, err);
	if (r < 0)
		return r;
	if (list.n == 0) {
		nsn_err(err, -ENOENT, NSNET_E_NO_TENANT, "there is no tenant '%s'",
			nsn_text_show(name, shown, sizeof(shown)));
		if (err)
			hint_near(s, name, err);
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

/* ---- writing ---------------------------------------------------------------- */

static int no_numbers(const struct nsn_store *s, struct nsnet_err *err)
{
	return nsn_err(err, -EOVERFLOW, NSNET_E_STORE_IO,
		       "store '%s': all numbers have been given out", s->shown);
}

static int next_link(struct nsn_store *s, uint64_t *ret, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = nsn_sql_number(s, &link,
			   "UPDATE meta SET last_link = last_link + 1 RETURNING last_link", NULL, 0,
			   err);
	if (r < 0)
		return r;
	if (r == 0 || link < 1)
		return nsn_sql_broken(s, err, "its sequence of links is damaged");
	if (link > NSN_LINK_MAX)
		return no_numbers(s, err);
	s->given.link = link;
	*ret = link;
	return 0;
}

static int insert_row(struct nsn_store *s, const struct nsn_tenant *t, uint64_t *ret,
		      struct nsnet_err *err)
{
	const struct nsn_ip last = nsn_prefix_last(&t->subnet);
	uint64_t id;
	int r;

	r = nsn_sql_run(s,
			"INSERT INTO tenant (name, first, last, gateway, created) "
			"VALUES (?, ?, ?, ?, ?)",
			(struct nsn_arg[]){NSN_T(t->name), NSN_N(ip_number(&t->subnet.ip)),
					   NSN_N(ip_number(&last)), NSN_N(ip_number(&t->gateway)),
					   NSN_N((uint64_t)t->created)},
			5, err);
	if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
		return nsn_err(err, -EEXIST, NSNET_E_TENANT_EXISTS, "tenant '%s' exists", t->name);
	if (r < 0)
		return r;
	id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	if (id > NSN_ID_MAX)
		return no_numbers(s, err);
	s->given.tenant = id;
	*ret = id;
	return 0;
}

static int insert_endpoint(struct nsn_store *s, uint64_t tenant, struct nsn_endpoint *e,
			   struct nsnet_err *err)
{
	int r;

	r = next_link(s, &e->link, err);
	if (r == 0)
		r = nsn_sql_run(s,
				"INSERT INTO endpoint (tenant, name, ip, link) VALUES (?, ?, ?, ?)",
				(struct nsn_arg[]){NSN_N(tenant), NSN_T(e->name),
						   NSN_N(ip_number(&e->ip)), NSN_N(e->link)},
				4, err);
	if (r < 0)
		return r;
	e->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	if (e->id > NSN_ID_MAX)
		return no_numbers(s, err);
	s->given.endpoint = e->id;
	return 0;
}

/* What is read back has to pass; so what would not pass is not written. */
static int check_tenant(const struct nsn_tenant *t, struct nsnet_err *err)
{
	const struct nsn_ip net = nsn_prefix_network(&t->subnet);
	bool ok = nsn_name_ok(t->name) && t->subnet.ip.family == AF_INET && t->subnet.len <= 32 &&
		  nsn_ip_cmp(&net, &t->subnet.ip) == 0 && nsn_prefix_has(&t->subnet, &t->gateway);

	for (size_t i = 0; ok && i < t->n_endpoints; i++)
		ok = nsn_name_ok(t->endpoints[i].name) &&
		     nsn_prefix_has(&t->subnet, &t->endpoints[i].ip);
	if (ok)
		return 0;
	return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "a tenant to be stored was not checked");
}

/* Works on a copy: the numbers go into the caller's tenant only when all are there. */
int nsn_store_tenant_insert(struct nsn_store *s, struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant stored = {0};
	int r;

	r = check_tenant(t, err);
	if (r < 0)
		return r;
	r = nsn_tenant_copy(&stored, t, err);
	if (r < 0)
		return r;
	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = insert_row(s, t, &stored.id, err);
	for (size_t i = 0; r == 0 && i < stored.n_endpoints; i++)
		r = insert_endpoint(s, stored.id, &stored.endpoints[i], err);
	r = nsn_sql_group_end(s, r, err);
	if (r < 0)
		return r;

	t->id = stored.id;
	for (size_t i = 0; i < t->n_endpoints; i++)
		t->endpoints[i] = stored.endpoints[i];
	return 0;
}

int nsn_store_tenant_delete(struct nsn_store *s, uint64_t id, struct nsnet_err *err)
{
	int r;

	r = nsn_sql_run(s, "DELETE FROM tenant WHERE id = ?", (struct nsn_arg[]){NSN_N(id)}, 1,
			err);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		return nsn_err(err, -ENOENT, NSNET_E_NO_TENANT, "there is no tenant with id %llu",
			       (unsigned long long)id);
	return r;
}

static int set_link(struct nsn_store *s, uint64_t endpoint, uint64_t *ret, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = next_link(s, &link, err);
	if (r == 0)
		r = nsn_sql_run(s, "UPDATE endpoint SET link = ? WHERE id = ?",
				(struct nsn_arg[]){NSN_N(link), NSN_N(endpoint)}, 2, err);
	if (r < 0)
		return r;
	if (sqlite3_changes(s->db) == 0)
		return nsn_err(err, -ENOENT, NSNET_E_INTERNAL, "there is no endpoint with id %llu",
			       (unsigned long long)endpoint);
	*ret = link;
	return 0;
}

int nsn_store_new_link(struct nsn_store *s, struct nsn_endpoint *e, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_group_end(s, set_link(s, e->id, &link, err), err);
	if (r == 0)
		e->link = link;
	return r;
}

/* ---- overlap ---------------------------------------------------------------- */

static int overlap_row(struct nsn_store *s, sqlite3_stmt *st, char name[NSN_NAME_MAX + 1],
		       struct nsn_prefix *subnet, struct nsnet_err *err)
{
	int r = nsn_sql_step(s, st, err);

	if (r <= 0)
		return r;
	if (!copy_name(st, 0, name) || !range_prefix(number(st, 1), number(st, 2), subnet))
		return nsn_sql_broken(s, err, "a tenant in it is damaged");
	return 1;
}

/*
 * Two CIDR blocks are nested or apart. What encloses @p can only be one of its
 * at most 32 shorter prefixes, each looked up as such; what it encloses (or
 * equals) starts inside it.
 */
int nsn_store_overlap(struct nsn_store *s, const struct nsn_prefix *p, uint64_t not_id,
		      char name[NSN_NAME_MAX + 1], struct nsn_prefix *subnet, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *outer = NULL;
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *inner = NULL;
	struct nsn_ip first, last;
	int r;

	r = nsn_sql_prepare(s, &outer,
			    "SELECT name, first, last FROM tenant "
			    "WHERE first = ? AND last = ? AND id <> ? LIMIT 1",
			    NULL, 0, err);
	for (uint8_t len = 0; r == 0 && len < p->len; len++) {
		const struct nsn_prefix wider = {.ip = p->ip, .len = len};

		first = nsn_prefix_network(&wider);
		last = nsn_prefix_last(&wider);
		r = nsn_sql_bind(s, outer,
				 (struct nsn_arg[]){NSN_N(ip_number(&first)),
						    NSN_N(ip_number(&last)), NSN_N(not_id)},
				 3, err);
		if (r == 0)
			r = overlap_row(s, outer, name, subnet, err);
	}
	if (r != 0)
		return r;

	first = nsn_prefix_network(p);
	last = nsn_prefix_last(p);
	r = nsn_sql_prepare(s, &inner,
			    "SELECT name, first, last FROM tenant "
			    "WHERE first BETWEEN ? AND ? AND id <> ? ORDER BY first, last LIMIT 1",
			    (struct nsn_arg[]){NSN_N(ip_number(&first)), NSN_N(ip_number(&last)),
					       NSN_N(not_id)},
			    3, err);
	return r < 0 ? r : overlap_row(s, inner, name, subnet, err);
}
