/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "../base/text.h"
#include "policies.h"
#include "values.h"

static bool row_ok(const struct nsn_quarantine *q)
{
	return (q->who.kind == NSN_PEER_TENANT || q->who.kind == NSN_PEER_ENDPOINT ||
		q->who.kind == NSN_PEER_LABEL) &&
	       nsn_row_text_ok(q->because) && nsn_row_origin_ok(&q->origin);
}

/* ---- writing ------------------------------------------------------------------ */

static bool flow_ok(const struct nsn_flow *f)
{
	char text[NSN_FLOW_STRLEN];
	struct nsn_flow again;

	return nsn_flow_parse(&again, nsn_flow_str(f, text), NULL) == 0 &&
	       nsn_peer_same(&again.from, &f->from) && nsn_peer_same(&again.to, &f->to) &&
	       nsn_ports_same(&again.ports, &f->ports);
}

/* What is written as text has to come back from it. */
static int check(const struct nsn_quarantine *q, const char *who, struct nsnet_err *err)
{
	struct nsn_peer again;
	bool ok = row_ok(q) && nsn_peer_parse(&again, who, NULL) == 0 &&
		  nsn_peer_same(&again, &q->who);

	for (size_t i = 0; ok && i < q->n_keep; i++)
		ok = flow_ok(&q->keep[i]);
	return ok ? 0
		  : nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			    "a quarantine to be stored was not checked");
}

static int write_all(struct nsn_store *s, const struct nsn_quarantine *q, const char *who,
		     struct nsnet_err *err)
{
	char text[NSN_FLOW_STRLEN];
	int r;

	r = nsn_sql_run(s, "DELETE FROM quarantine WHERE who = ?", (struct nsn_arg[]){NSN_T(who)},
			1, err);
	if (r == 0)
		r = nsn_sql_run(s,
				"INSERT INTO quarantine (who, since, because, " NSN_ORIGIN_COLUMNS
				") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				(struct nsn_arg[]){NSN_T(who), NSN_N((uint64_t)q->since),
						   NSN_T(q->because), NSN_ORIGIN_ARGS(&q->origin)},
				9, err);
	for (size_t i = 0; r == 0 && i < q->n_keep; i++)
		r = nsn_sql_run(s, "INSERT INTO quarantine_keep (who, nr, flow) VALUES (?, ?, ?)",
				(struct nsn_arg[]){NSN_T(who), NSN_N(i + 1),
						   NSN_T(nsn_flow_str(&q->keep[i], text))},
				3, err);
	return r;
}

int nsn_store_quarantine_put(struct nsn_store *s, const struct nsn_quarantine *q,
			     struct nsnet_err *err)
{
	char who[NSN_PEER_STRLEN];
	int r;

	r = check(q, nsn_peer_str(&q->who, who), err);
	if (r == 0)
		r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	return nsn_sql_change_end(s, write_all(s, q, who, err), err);
}

int nsn_store_quarantine_delete(struct nsn_store *s, const struct nsn_peer *who,
				struct nsnet_err *err)
{
	char text[NSN_PEER_STRLEN], shown[NSN_SHOW_SIZE];
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_run(s, "DELETE FROM quarantine WHERE who = ?",
			(struct nsn_arg[]){NSN_T(nsn_peer_str(who, text))}, 1, err);
	if (r == 0 && sqlite3_changes(s->db) == 0)
		r = nsn_err(err, -ENOENT, NSNET_E_NO_QUARANTINE, "'%s' is not in quarantine",
			    nsn_text_show(text, shown, sizeof(shown)));
	return nsn_sql_change_end(s, r, err);
}

/* ---- reading ------------------------------------------------------------------ */

/* In the order of the columns. */
enum { Q_WHO, Q_SINCE, Q_BECAUSE, Q_ORIGIN };

static bool read_row(sqlite3_stmt *st, struct nsn_quarantine *q)
{
	q->since = sqlite3_column_int64(st, Q_SINCE);
	return nsn_peer_parse(&q->who, nsn_sql_text(st, Q_WHO), NULL) == 0 &&
	       nsn_column_text(st, Q_BECAUSE, q->because, sizeof(q->because)) &&
	       nsn_column_origin(st, Q_ORIGIN, &q->origin) && row_ok(q);
}

/* 1: added, 0: damaged. */
static int add_keep(struct nsn_quarantine *q, const char *text, struct nsnet_err *err)
{
	struct nsn_flow *more;

	more = nsn_row_room(q->keep, q->n_keep, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	q->keep = more;
	return nsn_flow_parse(&more[q->n_keep++], text, NULL) == 0;
}

static int read_keep(struct nsn_store *s, struct nsn_quarantine *q, const char *who,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, "SELECT flow FROM quarantine_keep WHERE who = ? ORDER BY nr",
			    (struct nsn_arg[]){NSN_T(who)}, 1, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		r = add_keep(q, nsn_sql_text(st, 0), err);
		if (r == 0)
			return 0;
	}
	return r < 0 ? r : 1;
}

static int add_quarantine(struct nsn_store *s, sqlite3_stmt *st, struct nsn_quarantine_list *list,
			  struct nsnet_err *err)
{
	struct nsn_quarantine *more, *q;
	int r = 0;

	more = nsn_row_room(list->quarantines, list->n, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	list->quarantines = more;
	q = &more[list->n++];
	if (read_row(st, q))
		r = read_keep(s, q, nsn_sql_text(st, Q_WHO), err);
	return r == 0 ? nsn_sql_broken(s, err, "a quarantine in it is damaged") : r;
}

void nsn_quarantine_list_clear(struct nsn_quarantine_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		nsn_quarantine_clear(&list->quarantines[i]);
	free(list->quarantines);
	*list = (struct nsn_quarantine_list){0};
}

static int read_rows(struct nsn_store *s, struct nsn_quarantine_list *list, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT who, since, because, " NSN_ORIGIN_COLUMNS
			    " FROM quarantine ORDER BY who",
			    NULL, 0, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		r = add_quarantine(s, st, list, err);
	}
	return r;
}

int nsn_store_quarantine_list(struct nsn_store *s, struct nsn_quarantine_list *ret,
			      struct nsnet_err *err)
{
	NSN_AUTO(nsn_quarantine_list_clear) struct nsn_quarantine_list list = {0};
	int r;

	r = nsn_sql_group_begin(s, err);
	if (r < 0)
		return r;
	r = nsn_sql_group_end(s, read_rows(s, &list, err), err);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct nsn_quarantine_list){0};
	return 0;
}
