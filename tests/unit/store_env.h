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

/* As another program would: not through our code. */
static inline void raw_sql(const struct env *env, const char *sql, bool checkpoint)
{
	char *why = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path_in(env, "nsnet.db"), &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !checkpoint, NULL);
	sqlite3_exec(db, sql, NULL, NULL, &why);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_null(why);
}

static inline int64_t raw_number(const struct env *env, const char *sql)
{
	sqlite3_stmt *st = NULL;
	sqlite3 *db = NULL;
	int64_t n;

	assert_int_equal(sqlite3_open(path_in(env, "nsnet.db"), &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return n;
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
