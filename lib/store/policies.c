/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policies.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/text.h"
#include "values.h"

static const char *const log_names[] = {
	[NSN_LOG_NONE] = "none",
	[NSN_LOG_NEW] = "new",
	[NSN_LOG_ALL] = "all",
};

static const char sql_names[] = "SELECT name FROM policy ORDER BY name";

static int no_rule(struct nsn_store *s, const char *name, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];

	(void)nsn_err(err, -ENOENT, NSNET_E_NO_RULE, "there is no rule '%s'",
		      nsn_text_show(name, shown, sizeof(shown)));
	if (err)
		nsn_hint_near(s, sql_names, name, err);
	return -ENOENT;
}

/* ---- what may be in a row ----------------------------------------------------- */

static bool row_ok(const struct nsn_policy *p)
{
	return nsn_name_ok(p->name) && nsn_row_text_ok(p->because) && nsn_row_text_ok(p->owner) &&
	       (size_t)p->log < NSN_COUNT(log_names) && nsn_row_origin_ok(&p->origin) &&
	       p->n_from >= 1 && p->n_from <= NSN_LIST_MAX && p->n_to >= 1 &&
	       p->n_to <= NSN_LIST_MAX && p->n_ports >= 1 && p->n_ports <= NSN_LIST_MAX;
}

static bool peers_ok(const struct nsn_peer *peers, size_t n)
{
	char text[NSN_PEER_STRLEN];
	struct nsn_peer again;

	for (size_t i = 0; i < n; i++)
		if (nsn_peer_parse(&again, nsn_peer_str(&peers[i], text), NULL) < 0 ||
		    !nsn_peer_same(&again, &peers[i]))
			return false;
	return true;
}

static bool publish_ok(const struct nsn_publish *p)
{
	char text[NSN_PUBLISH_STRLEN];
	struct nsn_publish again;

	return nsn_publish_same(p, &(struct nsn_publish){0}) ||
	       (nsn_publish_parse(&again, nsn_publish_str(p, text), NULL) == 0 &&
		nsn_publish_same(&again, p));
}

/* What is written as text has to come back from it. */
static int check(const struct nsn_policy *p, struct nsnet_err *err)
{
	bool ok = row_ok(p) && peers_ok(p->from, p->n_from) && peers_ok(p->to, p->n_to) &&
		  publish_ok(&p->publish);
	char text[NSN_PORTS_STRLEN];
	struct nsn_ports again;

	for (size_t i = 0; ok && i < p->n_ports; i++)
		ok = nsn_ports_parse(&again, nsn_ports_str(&p->ports[i], text), NULL) == 0 &&
		     nsn_ports_same(&again, &p->ports[i]);
	return ok ? 0
		  : nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			    "a policy to be stored was not checked");
}

/* ---- writing ------------------------------------------------------------------ */

static int write_part(struct nsn_store *s, sqlite3_stmt *st, uint64_t id, const char *part,
		      size_t nr, const char *text, struct nsnet_err *err)
{
	int r;

	r = nsn_sql_bind(s, st, (struct nsn_arg[]){NSN_N(id), NSN_T(part), NSN_N(nr), NSN_T(text)},
			 4, err);
	return r < 0 ? r : nsn_sql_step(s, st, err);
}

static int write_parts(struct nsn_store *s, uint64_t id, const struct nsn_policy *p,
		       struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	char text[NSN_PEER_STRLEN], ports[NSN_PORTS_STRLEN];
	int r;

	r = nsn_sql_prepare(s, &st,
			    "INSERT INTO policy_part (policy, part, nr, text) VALUES (?, ?, ?, ?)",
			    NULL, 0, err);
	for (size_t i = 0; r == 0 && i < p->n_from; i++)
		r = write_part(s, st, id, "from", i + 1, nsn_peer_str(&p->from[i], text), err);
	for (size_t i = 0; r == 0 && i < p->n_to; i++)
		r = write_part(s, st, id, "to", i + 1, nsn_peer_str(&p->to[i], text), err);
	for (size_t i = 0; r == 0 && i < p->n_ports; i++)
		r = write_part(s, st, id, "ports", i + 1, nsn_ports_str(&p->ports[i], ports), err);
	return r;
}

/* What the store gives to a policy. */
struct given {
	uint64_t id;
	uint32_t number;
};

/* 1: written; 0: @sql found none to write to. It returns id and number. */
static int write_row(struct nsn_store *s, const char *sql, const struct nsn_policy *p,
		     struct given *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	char publish[NSN_PUBLISH_STRLEN];
	int r;

	r = nsn_sql_prepare(
		s, &st, sql,
		(struct nsn_arg[]){NSN_T(p->name), NSN_N(p->deny), NSN_N(p->audit),
				   NSN_T(log_names[p->log]), NSN_T(p->because), NSN_T(p->owner),
				   NSN_N((uint64_t)p->expires), NSN_ORIGIN_ARGS(&p->origin),
				   NSN_T(nsn_publish_str(&p->publish, publish)), NSN_N(p->implied)},
		15, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r <= 0)
		return r;
	ret->id = nsn_column_number(st, 0);
	ret->number = (uint32_t)nsn_column_number(st, 1);
	r = nsn_sql_step(s, st, err); /* a change takes effect with its last step */
	return r < 0 ? r : 1;
}

/*
 * Mostly there is no gap, which how many there are and the highest tell; only else it is
 * looked for, which reads the numbers below it: 1 ms among 5,000. NULL, which the column
 * does not take, for the one above the highest that may be.
 */
#define LOWEST_NUMBER                                                                              \
	"(SELECT nullif(CASE WHEN used = top THEN top + 1"                                         \
	"  WHEN NOT EXISTS (SELECT 1 FROM policy WHERE number = 1) THEN 1"                         \
	"  ELSE (SELECT p.number + 1 FROM policy AS p"                                             \
	"   WHERE NOT EXISTS (SELECT 1 FROM policy AS q WHERE q.number = p.number + 1)"            \
	"   ORDER BY p.number LIMIT 1) END, 65001)"                                                \
	" FROM (SELECT (SELECT count(*) FROM policy) AS used,"                                     \
	"  (SELECT coalesce(max(number), 0) FROM policy) AS top))"
static_assert(NSN_NUMBER_MAX == 65000, "the statement above and the schema say so");

static int insert_all(struct nsn_store *s, const struct nsn_policy *p, struct given *ret,
		      struct nsnet_err *err)
{
	int r;

	r = write_row(s,
		      "INSERT INTO policy (name, deny, audit, log, because, owner, "
		      "expires, " NSN_ORIGIN_COLUMNS ", publish, implied, number) "
		      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, " LOWEST_NUMBER ") "
		      "RETURNING id, number",
		      p, ret, err);
	if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE)
		return nsn_err(err, -EEXIST, NSNET_E_RULE_EXISTS, "rule '%s' exists", p->name);
	if (r < 0 && sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_NOTNULL)
		return nsn_err(err, -ENOSPC, NSNET_E_TOO_MANY,
			       "there are %d rules already, and no number for one more",
			       NSN_NUMBER_MAX);
	return r < 0 ? r : write_parts(s, ret->id, p, err);
}

static int update_all(struct nsn_store *s, const struct nsn_policy *p, struct given *ret,
		      struct nsnet_err *err)
{
	int r;

	r = write_row(s,
		      "UPDATE policy SET deny = ?2, audit = ?3, log = ?4, because = ?5, "
		      "owner = ?6, expires = ?7, (" NSN_ORIGIN_COLUMNS
		      ") = (?8, ?9, ?10, ?11, ?12, ?13), publish = ?14, implied = ?15 WHERE name = "
		      "?1 RETURNING id, number",
		      p, ret, err);
	if (r < 0)
		return r;
	if (r == 0)
		return no_rule(s, p->name, err);
	r = nsn_sql_run(s, "DELETE FROM policy_part WHERE policy = ?",
			(struct nsn_arg[]){NSN_N(ret->id)}, 1, err);
	return r < 0 ? r : write_parts(s, ret->id, p, err);
}

static int store(struct nsn_store *s, struct nsn_policy *p, bool update, struct nsnet_err *err)
{
	struct given given = {0};
	int r;

	r = check(p, err);
	if (r == 0)
		r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = update ? update_all(s, p, &given, err) : insert_all(s, p, &given, err);
	r = nsn_sql_change_end(s, r, err);
	if (r == 0) {
		p->id = given.id;
		p->number = given.number;
	}
	return r;
}

int nsn_store_policy_insert(struct nsn_store *s, struct nsn_policy *p, struct nsnet_err *err)
{
	return store(s, p, false, err);
}

int nsn_store_policy_update(struct nsn_store *s, struct nsn_policy *p, struct nsnet_err *err)
{
	return store(s, p, true, err);
}

int nsn_store_policy_delete(struct nsn_store *s, const char *name, struct nsnet_err *err)
{
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_run(s, "DELETE FROM policy WHERE name = ?", (struct nsn_arg[]){NSN_T(name)}, 1,
			err);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		r = no_rule(s, name, err);
	return nsn_sql_change_end(s, r, err);
}

/* ---- reading ------------------------------------------------------------------ */

/* In the order of the columns. */
enum {
	P_ID,
	P_NUMBER,
	P_NAME,
	P_DENY,
	P_AUDIT,
	P_LOG,
	P_BECAUSE,
	P_OWNER,
	P_EXPIRES,
	P_PUBLISH,
	P_IMPLIED,
	P_ORIGIN
};

#define COLUMNS                                                                                    \
	"SELECT id, number, name, deny, audit, log, because, owner, expires, publish, "            \
	"implied, " NSN_ORIGIN_COLUMNS " FROM policy "

static bool read_log(sqlite3_stmt *st, enum nsn_log *ret)
{
	for (size_t i = 0; i < NSN_COUNT(log_names); i++)
		if (strcmp(nsn_sql_text(st, P_LOG), log_names[i]) == 0) {
			*ret = (enum nsn_log)i;
			return true;
		}
	return false;
}

static bool read_publish(sqlite3_stmt *st, struct nsn_publish *ret)
{
	char text[NSN_PUBLISH_STRLEN];

	return nsn_column_text(st, P_PUBLISH, text, sizeof(text)) &&
	       (!*text || nsn_publish_parse(ret, text, NULL) == 0);
}

static bool read_row(sqlite3_stmt *st, struct nsn_policy *p)
{
	const uint64_t number = nsn_column_number(st, P_NUMBER);

	p->id = nsn_column_number(st, P_ID);
	p->number = (uint32_t)number;
	p->expires = sqlite3_column_int64(st, P_EXPIRES);
	return p->id >= 1 && p->id <= INT64_MAX && number >= 1 && number <= NSN_NUMBER_MAX &&
	       nsn_column_flag(st, P_DENY, &p->deny) && nsn_column_flag(st, P_AUDIT, &p->audit) &&
	       read_log(st, &p->log) &&
	       nsn_column_text(st, P_BECAUSE, p->because, sizeof(p->because)) &&
	       nsn_column_text(st, P_OWNER, p->owner, sizeof(p->owner)) &&
	       read_publish(st, &p->publish) && nsn_column_flag(st, P_IMPLIED, &p->implied) &&
	       nsn_column_origin(st, P_ORIGIN, &p->origin);
}

/* 1: added, 0: damaged. */
static int add_peer(struct nsn_peer **peers, size_t *n, const char *text, struct nsnet_err *err)
{
	struct nsn_peer *more;

	if (*n >= NSN_LIST_MAX)
		return 0;
	more = nsn_row_room(*peers, *n, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	*peers = more;
	return nsn_peer_parse(&more[(*n)++], text, NULL) == 0;
}

static int add_ports(struct nsn_policy *p, const char *text, struct nsnet_err *err)
{
	struct nsn_ports *more;

	if (p->n_ports >= NSN_LIST_MAX)
		return 0;
	more = nsn_row_room(p->ports, p->n_ports, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	p->ports = more;
	return nsn_ports_parse(&more[p->n_ports++], text, NULL) == 0;
}

static int read_parts(struct nsn_store *s, sqlite3_stmt *st, struct nsn_policy *p,
		      struct nsnet_err *err)
{
	int r;

	r = nsn_sql_bind(s, st, (struct nsn_arg[]){NSN_N(p->id)}, 1, err);
	while (r >= 0 && (r = nsn_sql_step(s, st, err)) > 0) {
		const char *part = nsn_sql_text(st, 0), *text = nsn_sql_text(st, 1);

		if (strcmp(part, "from") == 0)
			r = add_peer(&p->from, &p->n_from, text, err);
		else if (strcmp(part, "to") == 0)
			r = add_peer(&p->to, &p->n_to, text, err);
		else
			r = strcmp(part, "ports") == 0 ? add_ports(p, text, err) : 0;
		if (r == 0)
			return 0;
	}
	return r < 0 ? r : row_ok(p);
}

static int broken(const struct nsn_store *s, const struct nsn_policy *p, struct nsnet_err *err)
{
	char why[64];

	if (!p->name[0])
		return nsn_sql_broken(s, err, "a rule in it is damaged");
	(void)snprintf(why, sizeof(why), "the rule '%s' in it is damaged", p->name);
	return nsn_sql_broken(s, err, why);
}

static int add_policy(struct nsn_store *s, sqlite3_stmt *st, sqlite3_stmt *parts,
		      struct nsn_policy_list *list, struct nsnet_err *err)
{
	struct nsn_policy *more, *p;
	int r = 0;

	more = nsn_row_room(list->policies, list->n, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	list->policies = more;
	p = &more[list->n++];
	if (nsn_column_name(st, P_NAME, p->name) && read_row(st, p))
		r = read_parts(s, parts, p, err);
	return r == 0 ? broken(s, p, err) : r;
}

static int read_rows(struct nsn_store *s, sqlite3_stmt *st, struct nsn_policy_list *list,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *parts = NULL;
	int r;

	r = nsn_sql_prepare(s, &parts,
			    "SELECT part, text FROM policy_part WHERE policy = ? ORDER BY part, nr",
			    NULL, 0, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		r = add_policy(s, st, parts, list, err);
	}
	return r;
}

void nsn_policy_list_clear(struct nsn_policy_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		nsn_policy_clear(&list->policies[i]);
	free(list->policies);
	*list = (struct nsn_policy_list){0};
}

/* One transaction: policies and their parts are of one moment. */
static int read_list(struct nsn_store *s, const char *sql, const struct nsn_arg *arg,
		     struct nsn_policy_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, sql, arg, arg ? 1 : 0, err);
	if (r == 0)
		r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = read_rows(s, st, &list, err);
	(void)sqlite3_reset(st); /* or the group could not end */
	r = nsn_sql_group_end(s, r, err);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct nsn_policy_list){0};
	return 0;
}

static int read_all(struct nsn_store *s, const char *sql, const char *arg,
		    struct nsn_policy_list *ret, struct nsnet_err *err)
{
	const struct nsn_arg of = NSN_T(arg);

	return read_list(s, sql, arg ? &of : NULL, ret, err);
}

int nsn_store_policy_list(struct nsn_store *s, struct nsn_policy_list *ret, struct nsnet_err *err)
{
	return read_all(s, COLUMNS "ORDER BY name", NULL, ret, err);
}

int nsn_store_policy_list_set(struct nsn_store *s, const char *set, struct nsn_policy_list *ret,
			      struct nsnet_err *err)
{
	return read_all(s, COLUMNS "WHERE set_name = ? ORDER BY name", set, ret, err);
}

/* '0' comes after '/': these are the texts that start with the name and a slash. */
int nsn_store_policy_list_tenant(struct nsn_store *s, const char *tenant,
				 struct nsn_policy_list *ret, struct nsnet_err *err)
{
	return read_all(s,
			COLUMNS "WHERE id IN (SELECT policy FROM policy_part "
				"WHERE part <> 'ports' AND (text = ?1 OR "
				"(text > ?1 || '/' AND text < ?1 || '0'))) ORDER BY name",
			tenant, ret, err);
}

/* Whatever the address: "443" and "203.0.113.10:443", but not "1443". */
int nsn_store_policy_list_published(struct nsn_store *s, uint16_t port, struct nsn_policy_list *ret,
				    struct nsnet_err *err)
{
	return read_list(s,
			 COLUMNS
			 "WHERE publish <> '' AND (publish = ?1 OR publish LIKE '%:' || ?1) "
			 "ORDER BY name",
			 &(struct nsn_arg)NSN_N(port), ret, err);
}

int nsn_store_policy_list_implied(struct nsn_store *s, const char *tenant,
				  struct nsn_policy_list *ret, struct nsnet_err *err)
{
	return read_all(s,
			COLUMNS "WHERE implied AND id IN (SELECT policy FROM policy_part "
				"WHERE part = 'from' AND text = ?1) ORDER BY name",
			tenant, ret, err);
}

int nsn_store_policy_list_expired(struct nsn_store *s, int64_t now, struct nsn_policy_list *ret,
				  struct nsnet_err *err)
{
	return read_list(s, COLUMNS "WHERE expires <> 0 AND expires <= ? ORDER BY name",
			 &(struct nsn_arg)NSN_N((uint64_t)now), ret, err);
}

/* ---- those that name somebody -------------------------------------------------- */

struct ids {
	uint64_t *list;
	size_t n;
};

static void ids_clear(struct ids *ids)
{
	free(ids->list);
}

static int by_id(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int find_ids(struct nsn_store *s, const char *word, struct ids *ids, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	uint64_t *more;
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT policy FROM policy_part WHERE part <> 'ports' AND "
			    "(text = ?1 OR (text > ?1 || '/' AND text < ?1 || '0'))",
			    (struct nsn_arg[]){NSN_T(word)}, 1, err);
	while (r >= 0 && (r = nsn_sql_step(s, st, err)) > 0) {
		more = nsn_row_room(ids->list, ids->n, sizeof(*more));
		if (!more)
			return nsn_err_nomem(err);
		ids->list = more;
		more[ids->n++] = nsn_column_number(st, 0);
	}
	return r;
}

static int read_ids(struct nsn_store *s, const struct ids *ids, struct nsn_policy_list *list,
		    struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;

		if (i > 0 && ids->list[i] == ids->list[i - 1])
			continue;
		r = nsn_sql_prepare(s, &st, COLUMNS "WHERE id = ?",
				    (struct nsn_arg[]){NSN_N(ids->list[i])}, 1, err);
		if (r == 0)
			r = read_rows(s, st, list, err);
	}
	return r;
}

static int by_name(const void *a, const void *b)
{
	const struct nsn_policy *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int nsn_store_policy_list_naming(struct nsn_store *s, const char *const *words, size_t n,
				 struct nsn_policy_list *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	NSN_AUTO(ids_clear) struct ids ids = {0};
	int r = nsn_sql_group_begin(s, err);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = find_ids(s, words[i], &ids, err);
	if (ids.n > 0)
		qsort(ids.list, ids.n, sizeof(*ids.list), by_id);
	if (r == 0)
		r = read_ids(s, &ids, &list, err);
	r = nsn_sql_group_end(s, r, err);
	if (r < 0)
		return r;
	if (list.n > 0)
		qsort(list.policies, list.n, sizeof(*list.policies), by_name);
	*ret = list;
	list = (struct nsn_policy_list){0};
	return 0;
}

int nsn_store_policy_get(struct nsn_store *s, const char *name, struct nsn_policy *ret,
			 struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	int r;

	r = read_all(s, COLUMNS "WHERE name = ?", name, &list, err);
	if (r < 0)
		return r;
	if (list.n == 0)
		return no_rule(s, name, err);
	*ret = list.policies[0];
	list.n = 0; /* what it points to has a new owner */
	return 0;
}
