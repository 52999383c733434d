/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TEST_STORE_ENV_H
#define TEST_STORE_ENV_H

/*
 * store_env - a folder for each test of the store, and in most an open store in it
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/base/fd.h"
#include "../../lib/store/store.h"
#include "../../lib/store/vfs.h"

#define BOOT  "11111111-2222-3333-4444-555555555555"
#define BOOT2 "99999999-2222-3333-4444-555555555555"

/* Each test gets a folder of its own, and in most an open store in it. */
struct env {
	char dir[128];
	int fd;
	struct nsn_store *s;
};

static inline int setup_empty(void **state)
{
	static struct env env;
	const char *tmp = getenv("TMPDIR"); /* which tests/run.sh looks into afterwards */

	env = (struct env){.fd = -1};
	(void)snprintf(env.dir, sizeof(env.dir), "%s/nsnet-store-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(env.dir) || nsn_dir_open(&env.fd, env.dir, NULL) < 0)
		return -1;
	*state = &env;
	return 0;
}

static inline int setup(void **state)
{
	struct env *env;

	if (setup_empty(state) < 0)
		return -1;
	env = *state;
	return nsn_store_open(&env->s, env->fd, env->dir, BOOT, NULL);
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int teardown(void **state)
{
	struct env *env = *state;

	nsn_store_close(env->s);
	nsn_closep(&env->fd);
	return nftw(env->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int open_store(struct env *env, struct nsnet_err *err)
{
	return nsn_store_open(&env->s, env->fd, env->dir, BOOT, err);
}

static inline void reopen(struct env *env, const char *boot)
{
	nsn_store_close(env->s);
	env->s = NULL;
	assert_int_equal(nsn_store_open(&env->s, env->fd, env->dir, boot, NULL), 0);
}

static inline const char *path_in(const struct env *env, const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", env->dir, name);
	return path;
}

/* The database in SQLite's hands: by our way to files, as else it would lack sums and copies. */
struct raw {
	char path[256];
	struct nsn_vfs *vfs;
	sqlite3 *db;
};

static inline void raw_open(const struct env *env, struct raw *raw)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

	*raw = (struct raw){0};
	(void)snprintf(raw->path, sizeof(raw->path), "%s/nsnet.db", env->dir);
	assert_int_equal(nsn_vfs_new(&raw->vfs, raw->path, NULL), 0);
	assert_int_equal(sqlite3_open_v2(raw->path, &raw->db, flags, nsn_vfs_name(raw->vfs)),
			 SQLITE_OK);
	/* As the store does: a frame of the log is written once. */
	assert_int_equal(sqlite3_exec(raw->db, "PRAGMA cache_spill = OFF", NULL, NULL, NULL),
			 SQLITE_OK);
}

static inline void raw_close(struct raw *raw)
{
	assert_int_equal(sqlite3_close(raw->db), SQLITE_OK);
	nsn_vfs_free(raw->vfs);
}

/* As another program would: not through our functions. */
static inline void raw_sql(const struct env *env, const char *sql, bool checkpoint)
{
	struct raw raw;
	char *why = NULL;

	raw_open(env, &raw);
	sqlite3_db_config(raw.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !checkpoint, NULL);
	sqlite3_exec(raw.db, sql, NULL, NULL, &why);
	raw_close(&raw);
	if (why)
		fail_msg("%s", why);
}

static inline int64_t raw_number(const struct env *env, const char *sql)
{
	sqlite3_stmt *st = NULL;
	struct raw raw;
	int64_t n;

	raw_open(env, &raw);
	sqlite3_db_config(raw.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(sqlite3_prepare_v2(raw.db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	raw_close(&raw);
	return n;
}

/* All that a store is, so that the next one is new. */
static inline void drop_db(const struct env *env)
{
	static const char *const more[] = {"nsnet.db-wal", "nsnet.db-shm", "nsnet.db.copy",
					   "nsnet.db.copy-log"};

	assert_int_equal(unlinkat(env->fd, "nsnet.db", 0), 0);
	for (size_t i = 0; i < NSN_COUNT(more); i++)
		(void)unlinkat(env->fd, more[i], 0);
}

static inline void put_file(const struct env *env, const char *name, const void *bytes, size_t size)
{
	NSN_AUTO(nsn_closep) int fd = -1;

	fd = openat(env->fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
}

static inline void add(struct env *env, struct nsn_tenant *t, const char *name, const char *subnet)
{
	struct nsnet_err err = {0};

	assert_int_equal(nsn_tenant_init(t, name, subnet, &err), 0);
	assert_int_equal(nsn_store_tenant_insert(env->s, t, &err), 0);
}

/* Its numbers, when the tenant itself is not looked at. */
static inline struct nsn_endpoint added(struct env *env, const char *name, const char *subnet,
					uint64_t *id)
{
	struct nsn_tenant t = {0};
	struct nsn_endpoint e;

	add(env, &t, name, subnet);
	if (id)
		*id = t.id;
	e = t.endpoints[0];
	nsn_tenant_clear(&t);
	return e;
}

static inline size_t count(struct env *env)
{
	struct nsn_tenant_list list = {0};
	size_t n;

	assert_int_equal(nsn_store_tenant_list(env->s, &list, NULL), 0);
	n = list.n;
	nsn_tenant_list_clear(&list);
	return n;
}

#endif
