/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "numbers.h"
#include "policies.h"
#include "ranges.h"
#include "values.h"

/* ---- writing ---------------------------------------------------------------- */

/* The one of an endpoint's names and numbers that another one has. */
static int not_unique(const struct nsn_store *s, const struct nsn_endpoint *e,
		      struct nsnet_err *err)
{
	const char *what = sqlite3_errmsg(s->db);
	char ip[NSN_IP_STRLEN];
	bool six = strstr(what, "endpoint.ip6") != NULL;

	if (strstr(what, "endpoint.name"))
		return nsn_err(err, -EEXIST, NSNET_E_ENDPOINT_EXISTS, "endpoint '%s' exists",
			       e->name);
	if (strstr(what, "endpoint.ip"))
		return nsn_err(err, -EEXIST, NSNET_E_ADDRESS_TAKEN,
			       "endpoint '%s': another endpoint has %s", e->name,
			       nsn_ip_str(six ? &e->ip6 : &e->ip, ip));
	return nsn_sql_err(s, err);
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
			(struct nsn_arg[]){NSN_T(t->name), nsn_ip_arg(&t->subnet.ip),
					   nsn_ip_arg(&last), nsn_ip_arg(&t->gateway),
					   NSN_N((uint64_t)t->created)},
			5, err);
	if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
		return nsn_err(err, -EEXIST, NSNET_E_TENANT_EXISTS, "tenant '%s' exists", t->name);
	if (r < 0)
		return r;
	id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	if (id > NSN_ID_MAX)
		return nsn_no_numbers(s, err);
	s->given.tenant = id;
	*ret = id;
	return 0;
}

static int write_settings(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err)
{
	const struct nsn_ip last = nsn_prefix_last(&t->subnet);
	struct nsn_ip last6 = {0};
	char dns[NSN_DNS_STRLEN] = "";
	int r;

	if (t->subnet6.ip.family)
		last6 = nsn_prefix_last(&t->subnet6);
	if (t->dns.kind != NSN_DNS_UNSET)
		(void)nsn_dns_str(&t->dns, dns);
	r = nsn_sql_run(s,
			"UPDATE tenant SET first = ?, last = ?, gateway = ?, first6 = ?, "
			"last6 = ?, gateway6 = ?, mtu = ?, inside_deny = ?, rate = ?, "
			"new_flows = ?, open_flows = ?, dns = ?, "
			"set_name = ?, file = ?, line = ?, sha256 = ?, uid = ?, at = ? "
			"WHERE id = ?",
			(struct nsn_arg[]){nsn_ip_arg(&t->subnet.ip), nsn_ip_arg(&last),
					   nsn_ip_arg(&t->gateway), NSN_IP6(&t->subnet6.ip),
					   NSN_IP6(&last6), NSN_IP6(&t->gateway6), NSN_N(t->mtu),
					   NSN_N(t->inside_deny), NSN_N(t->rate),
					   NSN_N(t->new_flows), NSN_N(t->open_flows), NSN_T(dns),
					   NSN_ORIGIN_ARGS(&t->origin), NSN_N(t->id)},
			19, err);
	return r;
}

static int write_labels(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n_labels; i++)
		r = nsn_sql_run(s, "INSERT INTO label (tenant, key, value) VALUES (?, ?, ?)",
				(struct nsn_arg[]){NSN_N(t->id), NSN_T(t->labels[i].key),
						   NSN_T(t->labels[i].value)},
				3, err);
	for (size_t i = 0; r == 0 && i < t->n_owners; i++)
		r = nsn_sql_run(s, "INSERT INTO owner (tenant, name) VALUES (?, ?)",
				(struct nsn_arg[]){NSN_N(t->id), NSN_T(t->owners[i].name)}, 2, err);
	return r;
}

static int insert_endpoint(struct nsn_store *s, uint64_t tenant, struct nsn_endpoint *e,
			   struct nsnet_err *err)
{
	int r;

	r = nsn_next_link(s, &e->link, err);
	if (r < 0)
		return r;
	r = nsn_sql_run(
		s,
		"INSERT INTO endpoint (tenant, name, ip, ip6, fixed, fixed6, rate, declared, link) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		(struct nsn_arg[]){NSN_N(tenant), NSN_T(e->name), nsn_ip_arg(&e->ip),
				   NSN_IP6(&e->ip6), NSN_N(e->fixed), NSN_N(e->fixed6),
				   NSN_N(e->rate), NSN_N(e->declared), NSN_N(e->link)},
		9, err);
	if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
		return not_unique(s, e, err);
	if (r < 0)
		return r;
	e->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
	if (e->id > NSN_ID_MAX)
		return nsn_no_numbers(s, err);
	e->fresh = true;
	s->given.endpoint = e->id;
	return 0;
}

static int unchecked(struct nsnet_err *err)
{
	return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "a tenant to be stored was not checked");
}

/* What is written as text has to come back from it. */
static bool dns_ok(const struct nsn_tenant *t)
{
	char text[NSN_DNS_STRLEN];
	struct nsn_dns again;

	return nsn_dns_parse(&again, nsn_dns_str(&t->dns, text), NULL) == 0 &&
	       nsn_dns_same(&again, &t->dns) && nsn_dns_check(t, NULL) == 0;
}

static int check_tenant(const struct nsn_tenant *t, bool stored_only, struct nsnet_err *err)
{
	bool ok = nsn_row_tenant_ok(t) && t->n_labels <= NSN_LABELS_MAX &&
		  t->n_owners <= NSN_OWNERS_MAX;

	for (size_t i = 0; ok && i < t->n_endpoints; i++)
		ok = (stored_only && t->endpoints[i].id == 0) ||
		     nsn_row_endpoint_ok(t, &t->endpoints[i]);
	ok = ok && nsn_row_origin_ok(&t->origin);
	for (size_t i = 0; ok && i < t->n_labels; i++)
		ok = nsn_label_ok(t->labels[i].key, t->labels[i].value);
	for (size_t i = 0; ok && i < t->n_owners; i++)
		ok = nsn_owner_ok(t->owners[i].name);
	return ok && dns_ok(t) ? 0 : unchecked(err);
}

static int insert_all(struct nsn_store *s, struct nsn_tenant *t, struct nsnet_err *err)
{
	int r;

	r = insert_row(s, t, &t->id, err);
	if (r == 0)
		r = write_settings(s, t, err);
	if (r == 0)
		r = write_labels(s, t, err);
	for (size_t i = 0; r == 0 && i < t->n_endpoints; i++)
		r = insert_endpoint(s, t->id, &t->endpoints[i], err);
	return r == 0 && t->dns.kind != NSN_DNS_UNSET ? nsn_store_implied_settle(s, t, err) : r;
}

/* Works on a copy: the numbers go into the caller's tenant only when all are there. */
int nsn_store_tenant_insert(struct nsn_store *s, struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant stored = {0};
	int r;

	r = check_tenant(t, false, err);
	if (r == 0)
		r = nsn_tenant_copy(&stored, t, err);
	if (r == 0)
		r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_change_end(s, insert_all(s, &stored, err), err);
	if (r < 0)
		return r;

	t->id = stored.id;
	for (size_t i = 0; i < t->n_endpoints; i++)
		t->endpoints[i] = stored.endpoints[i];
	return 0;
}

/* ---- changing --------------------------------------------------------------- */

static int no_tenant(uint64_t id, struct nsnet_err *err)
{
	return nsn_err(err, -ENOENT, NSNET_E_NO_TENANT, "there is no tenant with id %llu",
		       (unsigned long long)id);
}

static int no_endpoint(uint64_t id, struct nsnet_err *err)
{
	return nsn_err(err, -ENOENT, NSNET_E_NO_ENDPOINT, "there is no endpoint with id %llu",
		       (unsigned long long)id);
}

/*
 * One may get the address that another has until the next statement, and
 * SQLite looks at each row as it is written. So first all step aside, to
 * numbers that are no addresses.
 */
static int vacate(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st,
			    "UPDATE endpoint SET ip = -id, ip6 = NULL, fixed6 = 0 "
			    "WHERE id = ? AND tenant = ?",
			    NULL, 0, err);
	for (size_t i = 0; r == 0 && i < t->n_endpoints; i++) {
		if (t->endpoints[i].id == 0)
			continue;
		r = nsn_sql_bind(s, st, (struct nsn_arg[]){NSN_N(t->endpoints[i].id), NSN_N(t->id)},
				 2, err);
		if (r == 0)
			r = nsn_sql_step(s, st, err);
		if (r == 0 && sqlite3_changes(s->db) == 0)
			return no_endpoint(t->endpoints[i].id, err);
	}
	return r;
}

static int move_in(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st,
			    "UPDATE endpoint SET ip = ?, ip6 = ?, fixed = ?, fixed6 = ?, rate = ?, "
			    "declared = ? WHERE id = ?",
			    NULL, 0, err);
	for (size_t i = 0; r == 0 && i < t->n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->endpoints[i];

		if (e->id == 0)
			continue;
		r = nsn_sql_bind(s, st,
				 (struct nsn_arg[]){nsn_ip_arg(&e->ip), NSN_IP6(&e->ip6),
						    NSN_N(e->fixed), NSN_N(e->fixed6),
						    NSN_N(e->rate), NSN_N(e->declared),
						    NSN_N(e->id)},
				 7, err);
		if (r == 0)
			r = nsn_sql_step(s, st, err);
		if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
			return not_unique(s, e, err);
	}
	return r;
}

/* Endpoints that @t does not have stay as they are, so they have to fit the new subnets. */
static int check_others(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err)
{
	uint64_t id = 0;
	int r;

	r = nsn_sql_number(s, &id,
			   "SELECT e.id FROM endpoint e JOIN tenant t ON t.id = e.tenant "
			   "WHERE t.id = ? AND (e.ip NOT BETWEEN t.first AND t.last OR "
			   "(e.ip6 IS NULL) <> (t.first6 IS NULL) OR "
			   "e.ip6 NOT BETWEEN t.first6 AND t.last6) LIMIT 1",
			   (struct nsn_arg[]){NSN_N(t->id)}, 1, err);
	return r > 0 ? unchecked(err) : r;
}

static int update_all(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err)
{
	const struct nsn_arg id = NSN_N(t->id);
	int r;

	r = write_settings(s, t, err);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		return no_tenant(t->id, err);
	if (r == 0)
		r = nsn_sql_run(s, "DELETE FROM label WHERE tenant = ?", &id, 1, err);
	if (r == 0)
		r = nsn_sql_run(s, "DELETE FROM owner WHERE tenant = ?", &id, 1, err);
	if (r == 0)
		r = write_labels(s, t, err);
	if (r == 0)
		r = vacate(s, t, err);
	if (r == 0)
		r = move_in(s, t, err);
	if (r == 0)
		r = nsn_store_implied_settle(s, t, err);
	return r == 0 ? check_others(s, t, err) : r;
}

int nsn_store_tenant_update(struct nsn_store *s, const struct nsn_tenant *t, struct nsnet_err *err)
{
	int r;

	r = check_tenant(t, true, err);
	if (r == 0)
		r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	return nsn_sql_change_end(s, update_all(s, t, err), err);
}

/* ---- endpoints -------------------------------------------------------------- */

/* Whether it fits the tenant as it is stored. */
static int check_endpoint(struct nsn_store *s, uint64_t tenant, const struct nsn_endpoint *e,
			  struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	struct nsn_tenant t = {0};
	int r;

	r = nsn_sql_prepare(s, &st, "SELECT first, last, first6, last6 FROM tenant WHERE id = ?",
			    (struct nsn_arg[]){NSN_N(tenant)}, 1, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r < 0)
		return r;
	if (r == 0)
		return no_tenant(tenant, err);
	if (!nsn_column_prefix(st, 0, AF_INET, &t.subnet) ||
	    !nsn_column_prefix(st, 2, AF_INET6, &t.subnet6))
		return nsn_sql_broken(s, err, "a tenant in it is damaged");
	return nsn_row_endpoint_ok(&t, e) ? 0 : unchecked(err);
}

int nsn_store_endpoint_insert(struct nsn_store *s, uint64_t tenant, struct nsn_endpoint *e,
			      struct nsnet_err *err)
{
	struct nsn_endpoint stored = *e;
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = check_endpoint(s, tenant, e, err);
	if (r == 0)
		r = insert_endpoint(s, tenant, &stored, err);
	r = nsn_sql_change_end(s, r, err);
	if (r == 0)
		*e = stored;
	return r;
}

static int delete_endpoint(struct nsn_store *s, uint64_t tenant, uint64_t endpoint,
			   struct nsnet_err *err)
{
	const struct nsn_arg ids[] = {NSN_N(tenant), NSN_N(endpoint)};
	int r;

	r = nsn_sql_run(s, "DELETE FROM endpoint WHERE tenant = ? AND id = ?", ids, 2, err);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		return no_endpoint(endpoint, err); /* 0 would be the gateway's fact */
	if (r == 0)
		r = nsn_sql_run(s, "DELETE FROM netns WHERE tenant = ? AND endpoint = ?", ids, 2,
				err);
	return r;
}

int nsn_store_endpoint_delete(struct nsn_store *s, uint64_t tenant, uint64_t endpoint,
			      struct nsnet_err *err)
{
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	return nsn_sql_change_end(s, delete_endpoint(s, tenant, endpoint, err), err);
}

/* RESTRICT is carried out by a trigger of SQLite's own, and tells so. */
static int delete_tenant(struct nsn_store *s, uint64_t id, struct nsnet_err *err)
{
	int r;

	r = nsn_store_range_retire(s, id, err);
	if (r == 0)
		r = nsn_sql_run(s,
				"DELETE FROM policy WHERE implied AND id IN (SELECT policy FROM "
				"policy_part WHERE part = 'from' AND text = "
				"(SELECT name FROM tenant WHERE id = ?))",
				(struct nsn_arg[]){NSN_N(id)}, 1, err);
	if (r == 0)
		r = nsn_sql_run(s, "DELETE FROM tenant WHERE id = ?", (struct nsn_arg[]){NSN_N(id)},
				1, err);
	if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_TRIGGER)
		return nsn_err(err, -EBUSY, NSNET_E_INTERNAL,
			       "the tenant with id %llu still has cables or an uplink",
			       (unsigned long long)id);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		return no_tenant(id, err);
	return r;
}

int nsn_store_tenant_delete(struct nsn_store *s, uint64_t id, struct nsnet_err *err)
{
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	return nsn_sql_change_end(s, delete_tenant(s, id, err), err);
}

static int set_link(struct nsn_store *s, uint64_t endpoint, uint64_t *ret, struct nsnet_err *err)
{
	uint64_t link = 0;
	int r;

	r = nsn_next_link(s, &link, err);
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
