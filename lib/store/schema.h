/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_SCHEMA_H
#define NSN_STORE_SCHEMA_H

/*
 * schema - what the database looks like, and how an older one becomes so. Of
 * this folder only.
 */
#include "sql.h"

/* In the header of every database of ours; `file` shows it, too. */
#define NSN_APPLICATION_ID 0x6e736e74 /* "nsnt" */

int nsn_schema_version(void); /* the newest we know */

/*
 * Refuses what is not ours, or newer, from the first 100 bytes alone: asking
 * SQLite instead would roll back a journal or fold in a log of somebody else.
 * @wal says whether the file is in that mode, @sealed whether its pages have sums.
 */
int nsn_schema_check_header(struct nsn_store *s, bool *wal, bool *sealed, struct nsnet_err *err);
/* Refuses a newer one, or one with none, and changes nothing. */
int nsn_schema_check_version(struct nsn_store *s, struct nsnet_err *err);

/* Reads the version and, when it is an older one, migrates in one transaction. */
int nsn_schema_migrate(struct nsn_store *s, struct nsnet_err *err);

/*
 * Makes the tables in an empty database and gives the store its id. Nobody else
 * sees the file yet.
 */
int nsn_schema_create(struct nsn_store *s, struct nsnet_err *err);

/* From the next database on that this connection makes: sums for all pages (page.h). */
int nsn_schema_seal(struct nsn_store *s, struct nsnet_err *err);

/* Reads the id of the store. */
int nsn_schema_read_id(struct nsn_store *s, struct nsnet_err *err);

#endif
