/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_SQL_H
#define NSN_STORE_SQL_H

/*
 * sql - SQLite with our errors. Of this folder only.
 */
#include <sqlite3.h>

#include "../base/cleanup.h"
#include "store.h"
#include "vfs.h"

/* The last numbers given out and not yet committed; 0 is none. */
struct nsn_given {
	uint64_t tenant, endpoint, link;
	uint64_t slot, slot_end; /* the lowest, and one more than the highest; 0: none */
};

/* A statement that has been prepared, and where the text is that it was made from. */
struct nsn_kept {
	const char *sql;
	sqlite3_stmt *st;
};

struct nsn_store {
	sqlite3 *db;
	struct nsn_kept *kept; /* see nsn_sql_prepare() */
	size_t n_kept;
	struct nsn_vfs *vfs; /* under it */
	int dirfd;	     /* borrowed */
	int lock_fd;	     /* -1: not locked */
	char *path;	     /* of the database, as SQLite gets it */
	char *shown;	     /* the same in messages */
	char boot[NSN_BOOT_ID_SIZE];
	struct nsn_store_id id;
	int schema;
	struct nsn_given given;
	uint64_t no_slot_below; /* that is free; see numbers.c */
	bool counted;		/* the open transaction has its generation already */
	/* What the open change is kept as (kept.h). */
	bool began;	/* then `before` is its generation */
	bool permitted; /* it is stored also while another one waits */
	uint64_t before;
	char kind[16];
	char command[256];
};

NSN_CLEANUP(struct nsn_store, nsn_store_close)

static inline void nsn_stmt_endp(sqlite3_stmt **st)
{
	(void)sqlite3_reset(*st);
}

/* One parameter, borrowed until the statement ends. */
struct nsn_arg {
	const char *text;
	const struct nsn_ip *ip6; /* its 16 bytes, or NULL when it has no family */
	uint64_t n;		  /* when neither is there */
};

#define NSN_N(number)                                                                              \
	{                                                                                          \
		.n = (number)                                                                      \
	}
#define NSN_IP6(address)                                                                           \
	{                                                                                          \
		.ip6 = (address)                                                                   \
	}
#define NSN_T(string)                                                                              \
	{                                                                                          \
		.text = (string)                                                                   \
	}

/* What SQLite said last, as STORE_BROKEN, STORE_IO, TIMED_OUT, NO_MEMORY or INTERNAL. */
int nsn_sql_err(const struct nsn_store *s, struct nsnet_err *err);
/* It can be read, but it is not what we write. */
int nsn_sql_broken(const struct nsn_store *s, struct nsnet_err *err, const char *why);

int nsn_sql_exec(struct nsn_store *s, const char *sql, struct nsnet_err *err);
/*
 * Statements are kept, as making one takes longer than most of them run; ending one
 * resets it. @sql is a literal. Who holds one that was not stepped yet (or was bound
 * again) calls nothing that prepares the same text; one that is in the middle of its
 * rows is left alone, and another is made.
 */
int nsn_sql_prepare(struct nsn_store *s, sqlite3_stmt **ret, const char *sql,
		    const struct nsn_arg *args, size_t n_args, struct nsnet_err *err);
/* Parameters once more, for a statement that was stepped. */
int nsn_sql_bind(struct nsn_store *s, sqlite3_stmt *st, const struct nsn_arg *args, size_t n_args,
		 struct nsnet_err *err);
/* 1: a row, 0: no more */
int nsn_sql_step(struct nsn_store *s, sqlite3_stmt *st, struct nsnet_err *err);
/* Prepare, step to the end, end. */
int nsn_sql_run(struct nsn_store *s, const char *sql, const struct nsn_arg *args, size_t n_args,
		struct nsnet_err *err);
/* The first column of the first row: 1 got, 0 no row. */
int nsn_sql_number(struct nsn_store *s, uint64_t *ret, const char *sql, const struct nsn_arg *args,
		   size_t n_args, struct nsnet_err *err);

/* Closes the database with all statements that are kept; NULL is fine. */
void nsn_sql_close(struct nsn_store *s);

/* "" for NULL. */
const char *nsn_sql_text(sqlite3_stmt *st, int column);

/*
 * Several statements as one, inside a transaction or not. @r is what came of
 * them: failed ones are undone.
 */
int nsn_sql_group_begin(struct nsn_store *s, struct nsnet_err *err);
int nsn_sql_group_end(struct nsn_store *s, int r, struct nsnet_err *err);
/* The same for a change of the wanted state: the first of a transaction makes a new generation. */
int nsn_sql_change_end(struct nsn_store *s, int r, struct nsnet_err *err);

/*
 * kept.c: triggers on all tables of what is wanted. Without them nothing leads back over what
 * is done; a step of the schema that makes one of the tables anew empties kept_state.
 */
int nsn_kept_watch(struct nsn_store *s, struct nsnet_err *err);
int nsn_kept_unwatch(struct nsn_store *s, struct nsnet_err *err);
/* Whether the change may be stored, before its first transaction is counted. */
int nsn_kept_check(struct nsn_store *s, struct nsnet_err *err);
/* The first time in a transaction (@first), and for all rows that were touched since. */
int nsn_kept_note(struct nsn_store *s, bool first, struct nsnet_err *err);

#endif
