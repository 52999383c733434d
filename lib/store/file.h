/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_FILE_H
#define NSN_STORE_FILE_H

/*
 * file - an open file of SQLite's with what vfs.c, pages.c and log.c add to it. Of
 * these three only; functions return codes of SQLite.
 */
#include <stdbool.h>
#include <stdint.h>

#include "vfs.h"
#include "wal.h"

struct nsn_vfs {
	sqlite3_vfs base;
	sqlite3_vfs *lower;
	char name[32];
	const char *twice;
	char why[128];
	unsigned int mended;
};

/* SQLite allocates it, and behind it the one of the VFS below. */
struct nsn_file {
	sqlite3_file base;
	struct nsn_vfs *vfs;
	const char *path;
	struct nsn_file *log;	   /* of a database, while it is open */
	struct nsn_file *db;	   /* of a log */
	int copy;		   /* -1: not open */
	bool twice;		   /* has a second copy */
	bool known, sealed;	   /* of a database: pages have sums, once that is known */
	struct nsn_wal_chain head; /* of a log: as it was read last */
	uint8_t salt[8];	   /* of a log: of the last commit that we wrote, ... */
	uint64_t frames;	   /* ... and where it ends; 0: none since the last sync */
};

static inline sqlite3_file *nsn_below(struct nsn_file *f)
{
	return (sqlite3_file *)(f + 1);
}

static inline int nsn_below_read(struct nsn_file *f, void *buf, int n, sqlite3_int64 at)
{
	return nsn_below(f)->pMethods->xRead(nsn_below(f), buf, n, at);
}

static inline int nsn_below_write(struct nsn_file *f, const void *buf, int n, sqlite3_int64 at)
{
	return nsn_below(f)->pMethods->xWrite(nsn_below(f), buf, n, at);
}

/* 0 when it cannot be told. */
static inline sqlite3_int64 nsn_below_size(struct nsn_file *f)
{
	sqlite3_int64 size = 0;

	return nsn_below(f)->pMethods->xFileSize(nsn_below(f), &size) == SQLITE_OK ? size : 0;
}

/* Opens the second copy once more if it is not there or was removed since. False: there is none. */
bool nsn_copy_open(struct nsn_file *f, bool make);
bool nsn_copy_read(struct nsn_file *f, void *buf, size_t n, int64_t at);
int nsn_copy_write(struct nsn_file *f, const void *buf, size_t n, int64_t at);
int64_t nsn_copy_size(struct nsn_file *f); /* 0 when there is none */

/* Of a database. */
int nsn_pages_read(struct nsn_file *f, void *buf, int n, sqlite3_int64 at);
int nsn_pages_write(struct nsn_file *f, const void *buf, int n, sqlite3_int64 at);
int nsn_pages_size(struct nsn_file *f, sqlite3_int64 *ret);
/* Gives both copies the length of the longer one. Nobody writes meanwhile. */
void nsn_pages_even(struct nsn_file *f);

/* Of the log of a database that has a second copy. */
int nsn_log_read(struct nsn_file *f, void *buf, int n, sqlite3_int64 at);
int nsn_log_write(struct nsn_file *f, const void *buf, int n, sqlite3_int64 at);
/* After a sync of the log itself: notes what is safe now. */
void nsn_log_synced(struct nsn_file *f);
/* Before the log itself is cut. */
int nsn_log_truncate(struct nsn_file *f, sqlite3_int64 size);
/* Before it is removed; SQLite has closed it by then. */
void nsn_log_forget(const char *db_path);
/* Before SQLite recovers from it, with the locks for that. */
int nsn_log_settle(struct nsn_file *f);

#endif
