/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_VFS_H
#define NSN_STORE_VFS_H

/*
 * vfs - between SQLite and its files: sums and a second copy. Of this folder,
 * and of tests that write as SQLite does.
 *
 * Beside nsnet.db and its log there are nsnet.db.copy and nsnet.db.copy-log.
 *
 * - A page of the database has a sum (page.h). It is checked whenever SQLite reads
 *   the page; a damaged one is taken from the copy, and written back. A page of the
 *   log is checked against the sums that SQLite itself keeps there.
 * - What is written to the database is written to the copy, and both are synced
 *   before SQLite may empty the log: with the log, either is whole at any moment.
 *   The copy of the log gets each write first, and is never synced: a commit is one
 *   fsync, as without it.
 * - When a commit was synced, that is noted in the copy of the log. So whoever is
 *   the first to open the store knows how much of the log must be there. SQLite
 *   takes a damaged frame for the end of its log and would go back in time without
 *   a word; here the frame is taken from the copy, or the store is refused.
 *
 * Guaranteed is: any damage to one of the four files is mended or does not matter;
 * what is damaged in both copies is refused (SQLITE_CORRUPT, and nsn_vfs_why()), not
 * handed out. An end of the log that was lost in both is told from a commit that
 * was never finished by the note, or where that is lost as well by what follows.
 *
 * Concurrency: the log is looked through and mended under the locks that SQLite
 * itself holds to recover it: no writer, no checkpoint. A single page is mended
 * while it is read: SQLite lets nobody write it then, and all who mend it write the
 * same. No other program may write to the database: what it wrote has no sum, and
 * is undone or refused. It may read, and even fold the log in when it closes.
 */
#include <sqlite3.h>

#include "../base/err.h"

#define NSN_COPY     ".copy"
#define NSN_COPY_LOG ".copy-log"

struct nsn_vfs;

/*
 * nsn_vfs_new() - One for the connections of one store
 * @ret:   To be freed when they are closed
 * @twice: The path of the database that has a second copy; others that are opened
 *         have sums only. Borrowed
 */
int nsn_vfs_new(struct nsn_vfs **ret, const char *twice, struct nsnet_err *err);
void nsn_vfs_free(struct nsn_vfs *v); /* NULL is fine */

const char *nsn_vfs_name(const struct nsn_vfs *v);    /* for sqlite3_open_v2() */
const char *nsn_vfs_why(const struct nsn_vfs *v);     /* what is damaged for good; "": nothing */
unsigned int nsn_vfs_mended(const struct nsn_vfs *v); /* pages taken from a copy */

#endif
