/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kept.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "values.h"

/* What is wanted. Nobody may write to these with REPLACE, which deletes without a trigger. */
static const char *const watched[] = {
	"tenant", "endpoint",	 "label",      "owner",
	"policy", "policy_part", "quarantine", "quarantine_keep",
};

static bool is_watched(const char *table)
{
	for (size_t i = 0; table && i < NSN_COUNT(watched); i++)
		if (strcmp(watched[i], table) == 0)
			return true;
	return false;
}

/* ---- triggers ------------------------------------------------------------------ */

/* The parts of a trigger, column by column. */
struct parts {
	FILE *key;    /* what finds the row that was inserted */
	FILE *names;  /* "a", "b" */
	FILE *values; /* of the row as it was */
	FILE *seen;   /* columns whose change counts */
	char *text[4];
	size_t size[4];
};

static void parts_clear(struct parts *p)
{
	FILE *const files[] = {p->key, p->names, p->values, p->seen};

	for (size_t i = 0; i < NSN_COUNT(files); i++) {
		if (files[i])
			(void)fclose(files[i]);
		free(p->text[i]);
	}
}

static int parts_open(struct parts *p, struct nsnet_err *err)
{
	FILE **const files[] = {&p->key, &p->names, &p->values, &p->seen};

	for (size_t i = 0; i < NSN_COUNT(files); i++) {
		*files[i] = open_memstream(&p->text[i], &p->size[i]);
		if (!*files[i])
			return nsn_err_nomem(err);
	}
	return 0;
}

static int parts_end(struct parts *p, struct nsnet_err *err)
{
	FILE *const files[] = {p->key, p->names, p->values, p->seen};

	for (size_t i = 0; i < NSN_COUNT(files); i++)
		if (fflush(files[i]) != 0 || ferror(files[i]))
			return nsn_err_nomem(err);
	return 0;
}

/* A link's number is the kernel's business: repair gives new ones, and that is no change. */
static bool counts(const char *table, const char *column)
{
	return strcmp(table, "endpoint") != 0 || strcmp(column, "link") != 0;
}

static void add_column(struct parts *p, const char *table, const char *column, bool key)
{
	const bool first = ftell(p->names) == 0;

	if (key)
		(void)fprintf(p->key, "%s \"%s\" = ' || quote(NEW.\"%s\")",
			      ftell(p->key) ? " || ' AND" : "", column, column);
	(void)fprintf(p->names, "%s\"%s\"", first ? "" : ", ", column);
	(void)fprintf(p->values, "%s || quote(OLD.\"%s\")", first ? "" : " || ', '", column);
	if (counts(table, column))
		(void)fprintf(p->seen, "%s\"%s\"", ftell(p->seen) ? ", " : "", column);
}

static int read_columns(struct nsn_store *s, struct parts *p, const char *table,
			struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, "SELECT name, pk FROM pragma_table_info(?) ORDER BY cid",
			    (struct nsn_arg[]){NSN_T(table)}, 1, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		add_column(p, table, nsn_sql_text(st, 0), sqlite3_column_int(st, 1) > 0);
	}
	return r < 0 ? r : parts_end(p, err);
}

static int watch(struct nsn_store *s, const char *table, struct nsnet_err *err)
{
	NSN_AUTO(parts_clear) struct parts p = {0};
	NSN_AUTO(nsn_freep) char *sql = NULL;
	int r = parts_open(&p, err);

	if (r == 0)
		r = read_columns(s, &p, table, err);
	if (r < 0)
		return r;
	if (asprintf(&sql,
		     "CREATE TRIGGER kept_%1$s_made AFTER INSERT ON %1$s BEGIN "
		     "INSERT INTO kept_row (undo) VALUES ('DELETE FROM %1$s WHERE%2$s); END;"
		     "CREATE TRIGGER kept_%1$s_was AFTER UPDATE OF %5$s ON %1$s BEGIN "
		     "INSERT INTO kept_row (undo) VALUES ('REPLACE INTO %1$s (%3$s) VALUES ('%4$s "
		     "|| ')'); END;"
		     "CREATE TRIGGER kept_%1$s_gone AFTER DELETE ON %1$s BEGIN "
		     "INSERT INTO kept_row (undo) VALUES ('REPLACE INTO %1$s (%3$s) VALUES ('%4$s "
		     "|| ')'); END;",
		     table, p.text[0], p.text[1], p.text[2], p.text[3]) < 0) {
		sql = NULL;
		return nsn_err_nomem(err);
	}
	return nsn_sql_exec(s, sql, err);
}

int nsn_kept_watch(struct nsn_store *s, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < NSN_COUNT(watched); i++)
		r = watch(s, watched[i], err);
	return r;
}

int nsn_kept_unwatch(struct nsn_store *s, struct nsnet_err *err)
{
	char sql[192];
	int r = 0;

	for (size_t i = 0; r == 0 && i < NSN_COUNT(watched); i++) {
		(void)snprintf(sql, sizeof(sql),
			       "DROP TRIGGER IF EXISTS kept_%1$s_made;"
			       "DROP TRIGGER IF EXISTS kept_%1$s_was;"
			       "DROP TRIGGER IF EXISTS kept_%1$s_gone",
			       watched[i]);
		r = nsn_sql_exec(s, sql, err);
	}
	return r;
}

/* ---- keeping ------------------------------------------------------------------- */

void nsn_store_say(struct nsn_store *s, const char *kind, const char *words)
{
	size_t len = strnlen(words, sizeof(s->command) - 1);

	s->began = false;
	(void)snprintf(s->kind, sizeof(s->kind), "%s", kind);
	/* Not in the middle of a character. */
	while (words[len] && len > 0 && ((unsigned char)words[len] & 0xc0) == 0x80)
		len--;
	memcpy(s->command, words, len);
	s->command[len] = '\0';
	for (char *c = s->command; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	for (char *c = s->command; !nsn_row_text_ok(s->command) && *c; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
}

void nsn_store_permit(struct nsn_store *s)
{
	s->permitted = true;
}

static int waiting(struct nsnet_err *err)
{
	(void)nsn_err(err, -EBUSY, NSNET_E_UNCONFIRMED,
		      "a change waits for its confirmation, and until then nothing else is changed "
		      "but what closes");
	return nsn_err_hint(err, -EBUSY, "nsnet confirm, or nsnet rollback");
}

int nsn_kept_check(struct nsn_store *s, struct nsnet_err *err)
{
	uint64_t one = 0;
	int r;

	if (s->permitted)
		return 0;
	r = nsn_sql_number(s, &one, "SELECT one FROM unconfirmed WHERE state = 0", NULL, 0, err);
	return r > 0 ? waiting(err) : r;
}

/*
 * What waits leads back to where it began, however much was closed since. The last row stays:
 * numbers go up.
 */
static int forget_old(struct nsn_store *s, struct nsnet_err *err)
{
	int r = nsn_sql_run(
		s,
		"DELETE FROM kept_state WHERE generation <= (SELECT generation FROM kept_state "
		"ORDER BY generation DESC LIMIT 1 OFFSET ?) AND generation < "
		"ifnull((SELECT back_to FROM unconfirmed WHERE state = 0), 9223372036854775807)",
		(struct nsn_arg[]){NSN_N(NSN_KEPT_MAX)}, 1, err);

	if (r < 0 || sqlite3_changes(s->db) == 0)
		return r;
	return nsn_sql_run(s,
			   "DELETE FROM kept_row WHERE nr <= (SELECT since FROM kept_state "
			   "ORDER BY generation LIMIT 1) AND nr < (SELECT max(nr) FROM kept_row)",
			   NULL, 0, err);
}

static int note_change(struct nsn_store *s, struct nsnet_err *err)
{
	const bool begins = !s->began || s->lock_fd < 0;
	uint64_t now = 0;
	int r = nsn_store_generation(s, &now, err);

	if (r < 0)
		return r;
	if (begins) {
		s->before = now - 1;
		s->began = true;
	}
	r = nsn_sql_run(
		s,
		"INSERT INTO kept_state (generation, last, since, upto, at, uid, kind, "
		"command) SELECT ?1, ?2, upto, upto, ?3, ?4, ?5, ?6 FROM (SELECT "
		"ifnull((SELECT upto FROM kept_state ORDER BY generation DESC LIMIT 1), 0) "
		"AS upto) WHERE 1 ON CONFLICT (generation) DO UPDATE SET last = excluded.last",
		(struct nsn_arg[]){NSN_N(s->before), NSN_N(now), NSN_N((uint64_t)time(NULL)),
				   NSN_N(getuid()), NSN_T(s->kind), NSN_T(s->command)},
		6, err);
	return r == 0 && begins ? forget_old(s, err) : r;
}

int nsn_kept_note(struct nsn_store *s, bool first, struct nsnet_err *err)
{
	int r = first ? note_change(s, err) : 0;

	if (r < 0)
		return r;
	return nsn_sql_run(s,
			   "UPDATE kept_state SET upto = ifnull((SELECT max(nr) FROM kept_row), 0) "
			   "WHERE generation = ?",
			   (struct nsn_arg[]){NSN_N(s->before)}, 1, err);
}

/* ---- reading ------------------------------------------------------------------- */

static bool read_kept(sqlite3_stmt *st, struct nsn_kept_change *k)
{
	k->generation = nsn_column_number(st, 0);
	k->last = nsn_column_number(st, 1);
	k->at = sqlite3_column_int64(st, 2);
	k->uid = (uint32_t)nsn_column_number(st, 3);
	return nsn_column_text(st, 4, k->kind, sizeof(k->kind)) &&
	       nsn_column_text(st, 5, k->command, sizeof(k->command)) && nsn_row_text_ok(k->kind) &&
	       nsn_row_text_ok(k->command);
}

int nsn_store_kept_list(struct nsn_store *s, struct nsn_kept_change **ret, size_t *n,
			struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	NSN_AUTO(nsn_freep) struct nsn_kept_change *list = NULL;
	size_t count = 0;
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT generation, last, at, uid, kind, command FROM kept_state "
			    "ORDER BY generation DESC",
			    NULL, 0, err);
	while (r >= 0) {
		struct nsn_kept_change *more;

		r = nsn_sql_step(s, st, err);
		if (r <= 0)
			break;
		more = nsn_row_room(list, count, sizeof(*more));
		if (!more)
			return nsn_err_nomem(err);
		list = more;
		if (!read_kept(st, &list[count++]))
			return nsn_sql_broken(s, err, "a kept change in it is damaged");
	}
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(list);
	*n = count;
	return 0;
}

/* ---- going back ------------------------------------------------------------------ */

void nsn_past_clear(struct nsn_past *past)
{
	nsn_tenant_list_clear(&past->tenants);
	nsn_policy_list_clear(&past->policies);
	nsn_quarantine_list_clear(&past->quarantines);
}

/* It comes out of a table: it may do what our triggers write, and nothing else. */
static int may(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
	(void)arg;
	(void)b;
	(void)c;
	(void)d;
	if (action == SQLITE_INSERT || action == SQLITE_DELETE || action == SQLITE_READ)
		return is_watched(a) ? SQLITE_OK : SQLITE_DENY;
	return SQLITE_DENY;
}

/* The statements, the last that was written first. */
static int read_undo(struct nsn_store *s, uint64_t generation, char **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	size_t size = 0;
	FILE *to = open_memstream(ret, &size);
	int r;

	if (!to)
		return nsn_err_nomem(err);
	r = nsn_sql_prepare(s, &st,
			    "SELECT undo FROM kept_row WHERE nr > (SELECT since FROM kept_state "
			    "WHERE generation = ?) ORDER BY nr DESC",
			    (struct nsn_arg[]){NSN_N(generation)}, 1, err);
	while (r >= 0) {
		r = nsn_sql_step(s, st, err);
		if (r > 0)
			(void)fprintf(to, "%s;", nsn_sql_text(st, 0));
		if (r <= 0)
			break;
	}
	if (fclose(to) != 0 && r == 0)
		r = nsn_err_nomem(err);
	return r;
}

static int go_back(struct nsn_store *s, const char *undo, struct nsnet_err *err)
{
	int r;

	(void)sqlite3_set_authorizer(s->db, may, NULL);
	r = nsn_sql_exec(s, undo, err);
	(void)sqlite3_set_authorizer(s->db, NULL, NULL);
	if (r == -ENOMEM || r == 0)
		return r;
	return nsn_sql_broken(s, err, "what leads back to an older state is damaged");
}

static int read_past(struct nsn_store *s, struct nsn_past *ret, struct nsnet_err *err)
{
	int r = nsn_store_tenant_list(s, &ret->tenants, err);

	if (r == 0)
		r = nsn_store_policy_list(s, &ret->policies, err);
	return r == 0 ? nsn_store_quarantine_list(s, &ret->quarantines, err) : r;
}

static int check_kept(struct nsn_store *s, uint64_t generation, uint64_t now, struct nsnet_err *err)
{
	uint64_t found = 0;
	int r = generation == now ? 1
				  : nsn_sql_number(s, &found,
						   "SELECT generation FROM kept_state "
						   "WHERE generation = ?",
						   (struct nsn_arg[]){NSN_N(generation)}, 1, err);

	if (r != 0)
		return r < 0 ? r : 0;
	(void)nsn_err(err, -ENOENT, NSNET_E_NO_GENERATION,
		      "no state of generation %" PRIu64 " is kept", generation);
	return nsn_err_hint(err, -ENOENT, "nsnet rollback --list");
}

/* In a transaction, which is rolled back by who calls. */
static int visit(struct nsn_store *s, uint64_t generation, struct nsn_past *ret,
		 struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *undo = NULL;
	uint64_t now = 0;
	int r = nsn_store_generation(s, &now, err);

	if (r == 0)
		r = check_kept(s, generation, now, err);
	if (r == 0 && generation != now)
		r = read_undo(s, generation, &undo, err);
	if (r == 0 && undo)
		r = go_back(s, undo, err);
	return r == 0 ? read_past(s, ret, err) : r;
}

/*
 * Without triggers and references: each row that these would touch has its own statement, and
 * what refers to tenants besides (numbers of users, cables) is not gone back to.
 */
int nsn_store_past(struct nsn_store *s, uint64_t generation, struct nsn_past *ret,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsn_past_clear) struct nsn_past past = {0};
	int r;

	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
	r = nsn_store_begin(s, err);
	if (r == 0) {
		r = visit(s, generation, &past, err);
		nsn_store_rollback_unused(s);
	}
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 1, NULL);
	if (r < 0)
		return r;
	*ret = past;
	past = (struct nsn_past){0};
	return 0;
}

/* ---- what waits ------------------------------------------------------------------ */

int nsn_store_unconfirmed_get(struct nsn_store *s, struct nsn_unconfirmed *ret,
			      struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	struct nsn_unconfirmed u = {0};
	int r;

	r = nsn_sql_prepare(s, &st,
			    "SELECT nr, state, back_to, boot, deadline, at, uid FROM unconfirmed",
			    NULL, 0, err);
	if (r == 0)
		r = nsn_sql_step(s, st, err);
	if (r <= 0)
		return r;
	u.nr = nsn_column_number(st, 0);
	u.state = (enum nsn_confirm)sqlite3_column_int(st, 1);
	u.back_to = nsn_column_number(st, 2);
	u.this_boot = strcmp(nsn_sql_text(st, 3), s->boot) == 0;
	u.deadline = nsn_column_number(st, 4);
	u.at = sqlite3_column_int64(st, 5);
	u.uid = (uint32_t)nsn_column_number(st, 6);
	*ret = u;
	return 1;
}

int nsn_store_unconfirmed_begin(struct nsn_store *s, uint64_t deadline, int64_t at, uint32_t uid,
				struct nsnet_err *err)
{
	int r = nsn_kept_check(s, err);

	if (r < 0)
		return r;
	return nsn_sql_run(s,
			   "REPLACE INTO unconfirmed (one, nr, state, back_to, boot, deadline, at, "
			   "uid) SELECT 1, ifnull((SELECT nr FROM unconfirmed), 0) + 1, 0, "
			   "generation, ?, ?, ?, ? FROM meta",
			   (struct nsn_arg[]){NSN_T(s->boot), NSN_N(deadline), NSN_N((uint64_t)at),
					      NSN_N(uid)},
			   4, err);
}

int nsn_store_unconfirmed_extend(struct nsn_store *s, uint64_t deadline, struct nsnet_err *err)
{
	return nsn_sql_run(s, "UPDATE unconfirmed SET deadline = ? WHERE state = 0",
			   (struct nsn_arg[]){NSN_N(deadline)}, 1, err);
}

int nsn_store_unconfirmed_end(struct nsn_store *s, enum nsn_confirm state, struct nsnet_err *err)
{
	return nsn_sql_run(s, "UPDATE unconfirmed SET state = ? WHERE state = 0",
			   (struct nsn_arg[]){NSN_N(state)}, 1, err);
}
