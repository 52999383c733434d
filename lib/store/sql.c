/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sql.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Codes of SQLite are not errno; they get no further than this. */
static const struct {
	int sqlite;
	int code;
	enum nsnet_code id;
} meanings[] = {
	{SQLITE_FORMAT, -EIO, NSNET_E_STORE_BROKEN},  {SQLITE_NOMEM, -ENOMEM, NSNET_E_NO_MEMORY},
	{SQLITE_BUSY, -ETIMEDOUT, NSNET_E_TIMED_OUT}, {SQLITE_FULL, -ENOSPC, NSNET_E_STORE_IO},
	{SQLITE_IOERR, -EIO, NSNET_E_STORE_IO},	      {SQLITE_CANTOPEN, -EIO, NSNET_E_STORE_IO},
	{SQLITE_READONLY, -EIO, NSNET_E_STORE_IO},    {SQLITE_PERM, -EIO, NSNET_E_STORE_IO},
	{SQLITE_PROTOCOL, -EIO, NSNET_E_STORE_IO},    {SQLITE_NOLFS, -EIO, NSNET_E_STORE_IO},
};

static int damaged(const struct nsn_store *s, const char *why, struct nsnet_err *err)
{
	(void)nsn_err(err, -EIO, NSNET_E_STORE_BROKEN, "store '%s': %s", s->shown, why);
	return nsn_err_hint(err, -EIO,
			    "stop everything that uses it, and put all of nsnet.db* "
			    "back from one backup");
}

int nsn_sql_err(const struct nsn_store *s, struct nsnet_err *err)
{
	int primary = sqlite3_errcode(s->db) & 0xff; /* the rest says which I/O it was */
	int sys = sqlite3_system_errno(s->db);
	bool system = sys != 0 && (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN);

	if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
		return damaged(s,
			       nsn_vfs_why(s->vfs)[0] ? nsn_vfs_why(s->vfs) : sqlite3_errmsg(s->db),
			       err);
	for (size_t i = 0; i < NSN_COUNT(meanings); i++)
		if (meanings[i].sqlite == primary)
			return nsn_err(err, meanings[i].code, meanings[i].id, "store '%s': %s%s%s",
				       s->shown, sqlite3_errmsg(s->db), system ? ": " : "",
				       system ? strerror(sys) : "");
	return nsn_err(err, -EIO, NSNET_E_INTERNAL, "store '%s': %s", s->shown,
		       sqlite3_errmsg(s->db));
}

int nsn_sql_broken(const struct nsn_store *s, struct nsnet_err *err, const char *why)
{
	return nsn_err(err, -EIO, NSNET_E_STORE_BROKEN, "store '%s': %s", s->shown, why);
}

int nsn_sql_exec(struct nsn_store *s, const char *sql, struct nsnet_err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : nsn_sql_err(s, err);
}

static int bind_one(sqlite3_stmt *st, int at, const struct nsn_arg *arg)
{
	if (arg->text)
		return sqlite3_bind_text(st, at, arg->text, -1, SQLITE_STATIC);
	if (arg->ip6 && !arg->ip6->family)
		return sqlite3_bind_null(st, at);
	if (arg->ip6)
		return sqlite3_bind_blob(st, at, arg->ip6->bytes, sizeof(arg->ip6->bytes),
					 SQLITE_STATIC);
	/* Cookies use all 64 bits; SQLite keeps them as the signed twin. */
	return sqlite3_bind_int64(st, at, (sqlite3_int64)arg->n);
}

int nsn_sql_bind(struct nsn_store *s, sqlite3_stmt *st, const struct nsn_arg *args, size_t n_args,
		 struct nsnet_err *err)
{
	(void)sqlite3_reset(st); /* repeats the error of the last step, which was reported */
	for (size_t i = 0; i < n_args; i++)
		if (bind_one(st, (int)i + 1, &args[i]) != SQLITE_OK)
			return nsn_sql_err(s, err);
	return 0;
}

static sqlite3_stmt *find_kept(const struct nsn_store *s, const char *sql)
{
	for (size_t i = 0; i < s->n_kept; i++)
		if (strcmp(s->kept[i].sql, sql) == 0 && !sqlite3_stmt_busy(s->kept[i].st))
			return s->kept[i].st;
	return NULL;
}

static int keep_new(struct nsn_store *s, sqlite3_stmt **ret, const char *sql, struct nsnet_err *err)
{
	struct nsn_kept *grown = reallocarray(s->kept, s->n_kept + 1, sizeof(*grown));

	if (!grown)
		return nsn_err_nomem(err);
	s->kept = grown;
	if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL) != SQLITE_OK)
		return nsn_sql_err(s, err);
	grown[s->n_kept++] = (struct nsn_kept){.sql = sql, .st = *ret};
	return 0;
}

int nsn_sql_prepare(struct nsn_store *s, sqlite3_stmt **ret, const char *sql,
		    const struct nsn_arg *args, size_t n_args, struct nsnet_err *err)
{
	sqlite3_stmt *st = find_kept(s, sql);
	int r = st ? 0 : keep_new(s, &st, sql, err);

	if (r == 0)
		r = nsn_sql_bind(s, st, args, n_args, err);
	if (r == 0)
		*ret = st;
	return r;
}

void nsn_sql_close(struct nsn_store *s)
{
	for (size_t i = 0; i < s->n_kept; i++)
		(void)sqlite3_finalize(s->kept[i].st);
	free(NSN_TAKE_PTR(s->kept));
	s->n_kept = 0;
	(void)sqlite3_close(NSN_TAKE_PTR(s->db));
}

int nsn_sql_step(struct nsn_store *s, sqlite3_stmt *st, struct nsnet_err *err)
{
	int r = sqlite3_step(st);

	if (r == SQLITE_ROW)
		return 1;
	return r == SQLITE_DONE ? 0 : nsn_sql_err(s, err);
}

int nsn_sql_run(struct nsn_store *s, const char *sql, const struct nsn_arg *args, size_t n_args,
		struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, sql, args, n_args, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r == 0)
			return 0;
	}
	return r;
}

int nsn_sql_number(struct nsn_store *s, uint64_t *ret, const char *sql, const struct nsn_arg *args,
		   size_t n_args, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	uint64_t n;
	int r;

	r = nsn_sql_prepare(s, &st, sql, args, n_args, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r <= 0)
		return r;
	n = (uint64_t)sqlite3_column_int64(st, 0);

	/* A change takes effect with its last step. */
	r = nsn_sql_step(s, st, err);
	if (r < 0)
		return r;
	*ret = n;
	return 1;
}

const char *nsn_sql_text(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);

	return text ? (const char *)text : "";
}

int nsn_sql_group_begin(struct nsn_store *s, struct nsnet_err *err)
{
	if (sqlite3_get_autocommit(s->db))
		s->counted = false;
	return nsn_sql_exec(s, "SAVEPOINT nsn", err);
}

int nsn_sql_group_end(struct nsn_store *s, int r, struct nsnet_err *err)
{
	if (r >= 0) {
		int released = nsn_sql_exec(s, "RELEASE nsn", err);

		if (released == 0) {
			if (sqlite3_get_autocommit(s->db))
				s->given = (struct nsn_given){0};
			return r;
		}
		r = released;
	}
	/* Some failures have rolled everything back already: then there is no savepoint. */
	(void)nsn_sql_exec(s, "ROLLBACK TO nsn; RELEASE nsn", NULL);
	return r;
}

static int count_change(struct nsn_store *s, struct nsnet_err *err)
{
	const bool first = !s->counted;
	int r = first ? nsn_kept_check(s, err) : 0;

	if (r == 0 && first)
		r = nsn_sql_exec(s, "UPDATE meta SET generation = generation + 1", err);
	return r == 0 ? nsn_kept_note(s, first, err) : r;
}

int nsn_sql_change_end(struct nsn_store *s, int r, struct nsnet_err *err)
{
	int counted = r >= 0 ? count_change(s, err) : 0;

	r = nsn_sql_group_end(s, counted < 0 ? counted : r, err);
	s->counted |= r >= 0;
	return r;
}
