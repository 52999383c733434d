/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_VALUES_H
#define NSN_STORE_VALUES_H

/*
 * values - addresses and names as columns, and what may be in a row. Of this
 * folder only.
 *
 * IPv4 is a number, because that is what schema 1 has; IPv6 is a blob of 16
 * bytes, which SQLite compares as memcmp() does, and NULL where there is none.
 */
#include "../model/policy.h"
#include "sql.h"

uint32_t nsn_ip_number(const struct nsn_ip *ip);
/* An argument of either kind. */
struct nsn_arg nsn_ip_arg(const struct nsn_ip *ip);

/* All of these: false when it is damaged. */
bool nsn_column_name(sqlite3_stmt *st, int column, char out[NSN_NAME_MAX + 1]);
/* @family: how it is kept. NULL is family 0, IPv6 only. */
bool nsn_column_ip(sqlite3_stmt *st, int column, uint8_t family, struct nsn_ip *ret);
/* First and last address in @column and the next. */
bool nsn_column_prefix(sqlite3_stmt *st, int column, uint8_t family, struct nsn_prefix *ret);
bool nsn_column_flag(sqlite3_stmt *st, int column, bool *ret);
/* With its end it has to fit @size. */
bool nsn_column_text(sqlite3_stmt *st, int column, char *out, size_t size);
static inline uint64_t nsn_column_number(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

/*
 * What is read has to pass, so what would not pass is not written. A row that
 * was tampered with goes no further: its names become paths.
 */
bool nsn_row_tenant_ok(const struct nsn_tenant *t);
bool nsn_row_endpoint_ok(const struct nsn_tenant *t, const struct nsn_endpoint *e);

/* Room for one more at the end of an array that doubles; zeroed. NULL: no memory. */
void *nsn_row_room(void *array, size_t n, size_t size);
/* A did-you-mean for an error that is -ENOENT, out of the names that @sql selects. */
void nsn_hint_near(struct nsn_store *s, const char *sql, const char *name, struct nsnet_err *err);

/* ---- origins ---------------------------------------------------------------- */

#define NSN_ORIGIN_COLUMNS "set_name, file, line, sha256, uid, at"
#define NSN_ORIGIN_ARGS(o)                                                                         \
	NSN_T((o)->set), NSN_T((o)->file), NSN_N((o)->line), NSN_T((o)->sha256), NSN_N((o)->uid),  \
		NSN_N((uint64_t)(o)->at)

bool nsn_row_origin_ok(const struct nsn_origin *o);
/* In @column and the five that follow. */
bool nsn_column_origin(sqlite3_stmt *st, int column, struct nsn_origin *ret);
/* `because` and `owner`: it goes to terminals, so there is nothing in it that steers one. */
bool nsn_row_text_ok(const char *text);

#endif
