/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "file.h"

/* In SQLite's file format, so they stay: the lock of who recovers a log. */
#define RECOVER_LOCK 2

static struct nsn_file *ours(sqlite3_file *file)
{
	return (struct nsn_file *)file;
}

/* ---- the second copy ---------------------------------------------------------- */

bool nsn_copy_open(struct nsn_file *f, bool make)
{
	const char *of = f->db ? f->db->path : f->path;
	char path[PATH_MAX];
	struct stat st;

	if (f->copy >= 0 && fstat(f->copy, &st) == 0 && st.st_nlink > 0)
		return true;
	nsn_closep(&f->copy);
	f->copy = -1;
	if (snprintf(path, sizeof(path), "%s%s", of, f->db ? NSN_COPY_LOG : NSN_COPY) >=
	    (int)sizeof(path))
		return false;
	f->copy = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (make ? O_CREAT : 0),
		       0600);
	return f->copy >= 0;
}

int64_t nsn_copy_size(struct nsn_file *f)
{
	struct stat st;

	return f->twice && nsn_copy_open(f, false) && fstat(f->copy, &st) == 0 ? st.st_size : 0;
}

bool nsn_copy_read(struct nsn_file *f, void *buf, size_t n, int64_t at)
{
	return pread(f->copy, buf, n, at) == (ssize_t)n;
}

int nsn_copy_write(struct nsn_file *f, const void *buf, size_t n, int64_t at)
{
	ssize_t done;

	if (f->copy < 0 && !nsn_copy_open(f, true))
		return SQLITE_IOERR_WRITE;
	done = pwrite(f->copy, buf, n, at);
	if (done == (ssize_t)n)
		return SQLITE_OK;
	return done >= 0 || errno == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

/* ---- a file ------------------------------------------------------------------- */

static int file_close(sqlite3_file *file)
{
	struct nsn_file *f = ours(file);

	if (f->db)
		f->db->log = NULL;
	nsn_closep(&f->copy);
	f->copy = -1;
	return nsn_below(f)->pMethods->xClose(nsn_below(f));
}

/* What an older nsnet made has no sums, and so no copy of its log. */
static bool log_twice(const struct nsn_file *f)
{
	return f->db && f->twice && f->db->sealed;
}

static int file_read(sqlite3_file *file, void *buf, int n, sqlite3_int64 at)
{
	struct nsn_file *f = ours(file);

	if (!f->db)
		return nsn_pages_read(f, buf, n, at);
	return log_twice(f) ? nsn_log_read(f, buf, n, at) : nsn_below_read(f, buf, n, at);
}

static int file_write(sqlite3_file *file, const void *buf, int n, sqlite3_int64 at)
{
	struct nsn_file *f = ours(file);

	if (!f->db)
		return nsn_pages_write(f, buf, n, at);
	return log_twice(f) ? nsn_log_write(f, buf, n, at) : nsn_below_write(f, buf, n, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct nsn_file *f = ours(file);
	int r = SQLITE_OK;

	if (log_twice(f))
		r = nsn_log_truncate(f, size);
	else if (!f->db && f->twice && f->sealed && nsn_copy_size(f) > size &&
		 ftruncate(f->copy, size) < 0)
		r = SQLITE_IOERR_TRUNCATE;
	return r == SQLITE_OK ? nsn_below(f)->pMethods->xTruncate(nsn_below(f), size) : r;
}

static int file_sync(sqlite3_file *file, int flags)
{
	struct nsn_file *f = ours(file);
	int r = nsn_below(f)->pMethods->xSync(nsn_below(f), flags);

	if (r != SQLITE_OK)
		return r;
	if (log_twice(f))
		nsn_log_synced(f);
	else if (!f->db && f->copy >= 0 && fdatasync(f->copy) < 0)
		return SQLITE_IOERR_FSYNC;
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	struct nsn_file *f = ours(file);

	return f->db ? nsn_below(f)->pMethods->xFileSize(nsn_below(f), size)
		     : nsn_pages_size(f, size);
}

static int file_lock(sqlite3_file *file, int level)
{
	return nsn_below(ours(file))->pMethods->xLock(nsn_below(ours(file)), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
	return nsn_below(ours(file))->pMethods->xUnlock(nsn_below(ours(file)), level);
}

static int file_check_lock(sqlite3_file *file, int *ret)
{
	return nsn_below(ours(file))->pMethods->xCheckReservedLock(nsn_below(ours(file)), ret);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
	struct nsn_file *f = ours(file);

	if (op == SQLITE_FCNTL_CKPT_START && !f->db)
		nsn_pages_even(f);
	return nsn_below(f)->pMethods->xFileControl(nsn_below(f), op, arg);
}

static int file_sector(sqlite3_file *file)
{
	return nsn_below(ours(file))->pMethods->xSectorSize(nsn_below(ours(file)));
}

static int file_traits(sqlite3_file *file)
{
	return nsn_below(ours(file))->pMethods->xDeviceCharacteristics(nsn_below(ours(file)));
}

static int file_shm_map(sqlite3_file *file, int nr, int size, int extend, void volatile **ret)
{
	return nsn_below(ours(file))
		->pMethods->xShmMap(nsn_below(ours(file)), nr, size, extend, ret);
}

/* Who takes the lock to recover has those against writers and checkpoints, too. */
static int file_shm_lock(sqlite3_file *file, int first, int n, int flags)
{
	struct nsn_file *f = ours(file);
	int r = nsn_below(f)->pMethods->xShmLock(nsn_below(f), first, n, flags);

	if (r != SQLITE_OK || flags != (SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE) ||
	    first > RECOVER_LOCK || first + n <= RECOVER_LOCK || !f->log || !log_twice(f->log))
		return r;
	nsn_pages_even(f);
	r = nsn_log_settle(f->log);
	if (r != SQLITE_OK)
		(void)nsn_below(f)->pMethods->xShmLock(nsn_below(f), first, n,
						       SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
	return r;
}

static void file_shm_barrier(sqlite3_file *file)
{
	nsn_below(ours(file))->pMethods->xShmBarrier(nsn_below(ours(file)));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
	return nsn_below(ours(file))->pMethods->xShmUnmap(nsn_below(ours(file)), remove);
}

/* Version 2 has no memory mapping: what is read so could not be checked. */
static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* ---- the VFS ------------------------------------------------------------------ */

static sqlite3_vfs *below(sqlite3_vfs *vfs)
{
	return ((struct nsn_vfs *)vfs)->lower;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out)
{
	struct nsn_vfs *v = (struct nsn_vfs *)vfs;
	struct nsn_file *f = ours(file);
	int r;

	if (!path || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)))
		return v->lower->xOpen(v->lower, path, file, flags, out);
	*f = (struct nsn_file){.vfs = v, .path = path, .copy = -1};
	r = v->lower->xOpen(v->lower, path, nsn_below(f), flags, out);
	if (r != SQLITE_OK)
		return r;
	f->base.pMethods = &methods;
	if (flags & SQLITE_OPEN_WAL) {
		f->db = ours(sqlite3_database_file_object(path));
		f->db->log = f;
		f->twice = f->db->twice;
	} else {
		f->twice = strcmp(path, v->twice) == 0;
	}
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync)
{
	const char *db = ((struct nsn_vfs *)vfs)->twice;
	size_t n = strlen(db);

	if (strncmp(path, db, n) == 0 && strcmp(path + n, "-wal") == 0)
		nsn_log_forget(db);
	return below(vfs)->xDelete(below(vfs), path, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *ret)
{
	return below(vfs)->xAccess(below(vfs), path, flags, ret);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *ret)
{
	return below(vfs)->xFullPathname(below(vfs), path, size, ret);
}

static int vfs_random(sqlite3_vfs *vfs, int n, char *ret)
{
	return below(vfs)->xRandomness(below(vfs), n, ret);
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	return below(vfs)->xSleep(below(vfs), us);
}

static int vfs_time(sqlite3_vfs *vfs, double *ret)
{
	return below(vfs)->xCurrentTime(below(vfs), ret);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *ret)
{
	return below(vfs)->xGetLastError(below(vfs), size, ret);
}

static int vfs_time64(sqlite3_vfs *vfs, sqlite3_int64 *ret)
{
	return below(vfs)->xCurrentTimeInt64(below(vfs), ret);
}

/* One for each store: it is known by its name, and nothing of it is shared. */
int nsn_vfs_new(struct nsn_vfs **ret, const char *twice, struct nsnet_err *err)
{
	struct nsn_vfs *v = calloc(1, sizeof(*v));

	if (!v)
		return nsn_err_nomem(err);
	v->lower = sqlite3_vfs_find(NULL);
	if (!v->lower || v->lower->iVersion < 2) {
		free(v);
		return nsn_err(err, -EIO, NSNET_E_INTERNAL, "SQLite has no way to files");
	}
	(void)snprintf(v->name, sizeof(v->name), "nsnet-%p", (void *)v);
	v->twice = twice;
	v->base = (sqlite3_vfs){
		.iVersion = 2,
		.szOsFile = (int)sizeof(struct nsn_file) + v->lower->szOsFile,
		.mxPathname = v->lower->mxPathname,
		.zName = v->name,
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_path,
		.xRandomness = vfs_random,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xGetLastError = vfs_last_error,
		.xCurrentTimeInt64 = vfs_time64,
	};
	if (sqlite3_vfs_register(&v->base, 0) != SQLITE_OK) {
		free(v);
		return nsn_err_nomem(err);
	}
	*ret = v;
	return 0;
}

void nsn_vfs_free(struct nsn_vfs *v)
{
	if (!v)
		return;
	(void)sqlite3_vfs_unregister(&v->base);
	free(v);
}

const char *nsn_vfs_name(const struct nsn_vfs *v)
{
	return v->name;
}

const char *nsn_vfs_why(const struct nsn_vfs *v)
{
	return v->why;
}

unsigned int nsn_vfs_mended(const struct nsn_vfs *v)
{
	return v->mended;
}
