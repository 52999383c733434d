/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "../base/text.h"
#include "numbers.h"

#define DB	"nsnet.db"
#define DB_NEW	DB ".new"
#define WAIT_MS 5000

/*
 * When nobody had the store open, the first one to open it reads the whole log;
 * with short commands that is each of them. Nor does it know then how much of
 * the log is in the database already, which is why SQLite's own checkpoints
 * would let it grow for ever. So it is folded in and emptied early: at this
 * many pages.
 */
#define LOG_PAGES 32

/* After a commit. Readers are not waited for: the next commit tries again. */
static int on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)arg;
	if (pages >= LOG_PAGES) {
		(void)sqlite3_busy_timeout(db, 0);
		(void)sqlite3_wal_checkpoint_v2(db, name, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
		(void)sqlite3_busy_timeout(db, WAIT_MS);
	}
	return SQLITE_OK; /* the commit is on disk either way */
}

/* SQLite takes a path; this is the one of the folder we hold, whatever @dir says by now. */
static int folder_path(int dirfd, char *buf, size_t size, struct nsnet_err *err)
{
	struct stat held, named;
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	n = readlink(link, buf, size - 1);
	if (n < 0)
		return nsn_err_sys(err, -errno, "read '%s'", link);
	buf[n] = '\0';
	if (fstat(dirfd, &held) < 0 || lstat(buf, &named) < 0 || held.st_dev != named.st_dev ||
	    held.st_ino != named.st_ino)
		return nsn_err(err, -EPERM, NSNET_E_UNSAFE_PATH,
			       "the state folder was moved or removed while it was opened");
	return 0;
}

static int new_handle(struct nsn_store **ret, int dirfd, const char *dir, const char *file,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsn_store_closep) struct nsn_store *s = NULL;
	char folder[PATH_MAX], shown[256];
	int r;

	r = folder_path(dirfd, folder, sizeof(folder), err);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return nsn_err_nomem(err);
	s->dirfd = dirfd;
	s->lock_fd = -1;
	nsn_text_show(dir, shown, sizeof(shown));
	if (asprintf(&s->path, "%s/%s", folder, file) < 0) {
		s->path = NULL;
		return nsn_err_nomem(err);
	}
	if (asprintf(&s->shown, "%s/" DB, shown) < 0) {
		s->shown = NULL;
		return nsn_err_nomem(err);
	}
	/* One that is being made is whole and synced before it has the name. */
	r = nsn_vfs_new(&s->vfs, strcmp(file, DB) == 0 ? s->path : "", err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(s);
	return 0;
}

/* No O_CREAT for SQLite: it would make the file with mode 0644. */
static int connect_db(struct nsn_store *s, struct nsnet_err *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
			  SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;

	if (sqlite3_open_v2(s->path, &s->db, flags, nsn_vfs_name(s->vfs)) != SQLITE_OK)
		return s->db ? nsn_sql_err(s, err) : nsn_err_nomem(err);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	(void)sqlite3_busy_timeout(s->db, WAIT_MS);
	(void)sqlite3_wal_hook(s->db, on_commit, NULL);
	return 0;
}

/* To be used, not to be moved: closing leaves the log as it is. */
static int connect_live(struct nsn_store *s, struct nsnet_err *err)
{
	int r = connect_db(s, err);

	if (r == 0)
		(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return r;
}

/* 1 when there is something in it, 0 when it is absent or empty: then a new store is meant. */
static int check_file(int dirfd, const char *name, const char *shown, struct nsnet_err *err)
{
	struct stat st;
	const char *why;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return nsn_err(err, -EIO, NSNET_E_STORE_IO, "store '%s': %s: %s", shown, name,
			       strerror(errno));
	}
	if (S_ISLNK(st.st_mode))
		why = "it is a symbolic link";
	else if (!S_ISREG(st.st_mode))
		why = "it is not a file";
	else if (st.st_uid != geteuid())
		why = "it belongs to another user";
	else if (st.st_mode & 022)
		why = "others can write to it";
	else
		return st.st_size > 0;
	if (strcmp(name, DB) != 0)
		return nsn_err(err, -EPERM, NSNET_E_UNSAFE_PATH, "store '%s': of '%s': %s", shown,
			       name, why);
	return nsn_err(err, -EPERM, NSNET_E_UNSAFE_PATH, "store '%s': %s", shown, why);
}

/* 0 when there is neither the database nor its second copy. */
static int check_files(struct nsn_store *s, struct nsnet_err *err)
{
	static const char *const names[] = {DB, DB NSN_COPY, DB NSN_COPY_LOG};
	int found[NSN_COUNT(names)];
	NSN_AUTO(nsn_closep) int fd = -1;

	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		found[i] = check_file(s->dirfd, names[i], s->shown, err);
		if (found[i] < 0)
			return found[i];
	}
	if (found[0] > 0 || found[1] == 0)
		return found[0];
	/* An empty one is as good as one whose pages are all damaged: vfs.h mends it. */
	fd = openat(s->dirfd, DB, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return nsn_err(err, -EIO, NSNET_E_STORE_IO, "store '%s': %s", s->shown,
			       strerror(errno));
	return 1;
}

static int remove_all(struct nsn_store *s, const char *const *names, size_t n,
		      struct nsnet_err *err)
{
	for (size_t i = 0; i < n; i++)
		if (unlinkat(s->dirfd, names[i], 0) < 0 && errno != ENOENT)
			return nsn_err(err, -EIO, NSNET_E_STORE_IO, "store '%s': remove '%s': %s",
				       s->shown, names[i], strerror(errno));
	return 0;
}

static int clear_new(struct nsn_store *s, struct nsnet_err *err)
{
	static const char *const names[] = {DB_NEW, DB_NEW "-journal", DB_NEW "-wal",
					    DB_NEW "-shm"};

	return remove_all(s, names, NSN_COUNT(names), err);
}

/* A journal or a log without its database would be played into the new one. */
static int clear_leftovers(struct nsn_store *s, struct nsnet_err *err)
{
	static const char *const names[] = {
		DB "-journal", DB "-wal", DB "-shm", DB NSN_COPY, DB NSN_COPY_LOG,
	};
	int r = clear_new(s, err);

	return r < 0 ? r : remove_all(s, names, NSN_COUNT(names), err);
}

/* Return: a descriptor, or negative errno */
static int make_file(struct nsn_store *s, struct nsnet_err *err)
{
	int fd = openat(s->dirfd, DB_NEW, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return nsn_err(err, -EIO, NSNET_E_STORE_IO, "store '%s': %s", s->shown,
			       strerror(errno));
	return fd;
}

static int move_into_place(struct nsn_store *s, int fd, struct nsnet_err *err)
{
	if (fsync(fd) < 0 || renameat(s->dirfd, DB_NEW, s->dirfd, DB) < 0 || fsync(s->dirfd) < 0)
		return nsn_err(err, -EIO, NSNET_E_STORE_IO, "store '%s': %s", s->shown,
			       strerror(errno));
	return 0;
}

/*
 * A new database is made under another name and moved into place when it is
 * whole: there is no moment in which a reader, or a power loss, finds half of
 * one. Called with the lock held.
 */
static int build(struct nsn_store *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	int r;

	r = clear_leftovers(s, err);
	if (r < 0)
		return r;
	fd = make_file(s, err);
	if (fd < 0)
		return fd;
	r = connect_db(s, err);
	if (r == 0)
		r = nsn_sql_exec(s, "PRAGMA synchronous = FULL", err);
	if (r == 0)
		r = nsn_schema_create(s, err);
	if (r < 0)
		return r;

	/* Closed in the ordinary way, with the log folded in: it could not be moved along. */
	nsn_sql_close(s);
	return move_into_place(s, fd, err);
}

static int make_new(int dirfd, const char *dir, struct nsnet_err *err)
{
	NSN_AUTO(nsn_store_closep) struct nsn_store *s = NULL;
	int r;

	r = new_handle(&s, dirfd, dir, DB_NEW, err);
	if (r == 0)
		r = nsn_store_lock(s, err);
	if (r < 0)
		return r;
	r = check_file(dirfd, DB, s->shown, err);
	if (r != 0)
		return r < 0 ? r : 0; /* another one was quicker */
	r = build(s, err);
	if (r < 0) {
		nsn_sql_close(s);
		(void)clear_new(s, NULL);
	}
	return r;
}

/* With the lock held. Another one may have been quicker. */
static int rewrite(struct nsn_store *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	NSN_AUTO(nsn_freep) char *path = NULL;
	bool wal = false, sealed = false;
	int r;

	r = connect_live(s, err);
	if (r == 0)
		r = nsn_schema_check_header(s, &wal, &sealed, err);
	if (r < 0 || sealed)
		return r;
	r = nsn_schema_check_version(s, err);
	if (r == 0)
		r = clear_new(s, err);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s.new", s->path) < 0) {
		path = NULL;
		return nsn_err_nomem(err);
	}
	fd = make_file(s, err);
	if (fd < 0)
		return fd;
	/* Its log must be empty: it would be played into the new one. */
	if (sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
	    SQLITE_OK)
		return nsn_sql_err(s, err);
	r = nsn_schema_seal(s, err);
	if (r == 0)
		r = nsn_sql_run(s, "VACUUM INTO ?", (struct nsn_arg[]){NSN_T(path)}, 1, err);
	if (r < 0)
		return r;
	nsn_sql_close(s);
	return move_into_place(s, fd, err);
}

/*
 * A database of an older nsnet has no sums. It is rewritten once, whole, and then
 * moved. Nobody asks it for more than its header but under the lock: whoever has it
 * open while it is replaced would find a journal or log that is not its own.
 */
static int rewrite_once(struct nsn_store *s, struct nsnet_err *err)
{
	int r;

	nsn_sql_close(s);
	r = nsn_store_lock(s, err);
	if (r < 0)
		return r;
	r = rewrite(s, err);
	if (s->db)
		nsn_sql_close(s);
	nsn_store_unlock(s);
	return r < 0 ? r : connect_live(s, err);
}

/* Connects to the file that has the name after its header was read, and not to one it replaced. */
static int connect_current(struct nsn_store *s, bool *wal, bool *sealed, struct nsnet_err *err)
{
	for (;;) {
		int moved = 0, r;

		r = connect_live(s, err);
		if (r == 0)
			r = nsn_schema_check_header(s, wal, sealed, err);
		if (r < 0)
			return r;
		(void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
		if (!moved)
			return 0;
		nsn_sql_close(s);
	}
}

static int open_db(struct nsn_store *s, struct nsnet_err *err)
{
	bool wal = false, sealed = false;
	int r;

	r = connect_current(s, &wal, &sealed, err);
	if (r == 0 && !sealed) {
		r = rewrite_once(s, err);
		wal = false;
	}
	if (r == 0)
		r = nsn_schema_migrate(s, err);
	/* What has not been committed is not in the log: a frame is written once (vfs.h). */
	if (r == 0)
		r = nsn_sql_exec(s, "PRAGMA synchronous = FULL; PRAGMA cache_spill = OFF", err);
	/* A copy may have come back without it; when others use it the next one sets it. */
	if (r == 0 && !wal)
		(void)nsn_sql_exec(s, "PRAGMA journal_mode = WAL", NULL);
	return r < 0 ? r : nsn_schema_read_id(s, err);
}

int nsn_store_open(struct nsn_store **ret, int dirfd, const char *dir, const char *boot,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsn_store_closep) struct nsn_store *s = NULL;
	int r;

	if (strlen(boot) >= sizeof(s->boot))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "the boot id is too long");
	r = new_handle(&s, dirfd, dir, DB, err);
	if (r < 0)
		return r;
	memcpy(s->boot, boot, strlen(boot) + 1);

	r = check_files(s, err);
	if (r == 0)
		r = make_new(dirfd, dir, err);
	if (r >= 0)
		r = open_db(s, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(s);
	return 0;
}

/* It rolls back and, as all statements are finalised first, cannot fail. */
void nsn_store_close(struct nsn_store *s)
{
	if (!s)
		return;
	nsn_store_rollback(s);
	nsn_sql_close(s);
	nsn_vfs_free(s->vfs);
	nsn_store_unlock(s);
	free(s->path);
	free(s->shown);
	free(s);
}

unsigned int nsn_store_mended(const struct nsn_store *s)
{
	return nsn_vfs_mended(s->vfs);
}

int nsn_store_schema(const struct nsn_store *s)
{
	return s->schema;
}

const struct nsn_store_id *nsn_store_id(const struct nsn_store *s)
{
	return &s->id;
}

int nsn_store_begin(struct nsn_store *s, struct nsnet_err *err)
{
	int r = nsn_sql_exec(s, "BEGIN IMMEDIATE", err);

	if (r == 0) {
		s->given = (struct nsn_given){0};
		s->counted = false;
	}
	return r;
}

int nsn_store_commit(struct nsn_store *s, struct nsnet_err *err)
{
	int r = nsn_sql_exec(s, "COMMIT", err);

	if (r == 0)
		s->given = (struct nsn_given){0};
	return r;
}

/* After some failures SQLite has rolled back by itself. */
static void roll_back(struct nsn_store *s)
{
	if (s->db && !sqlite3_get_autocommit(s->db))
		(void)nsn_sql_exec(s, "ROLLBACK", NULL);
	s->given = (struct nsn_given){0};
	s->no_slot_below = 0;
}

/*
 * What was rolled back may have been in the kernel by then, and the kernel is
 * slow to let go: its numbers stay used.
 */
void nsn_store_rollback(struct nsn_store *s)
{
	const struct nsn_given given = s->given;

	roll_back(s);
	if (s->db && given.link > 0)
		nsn_numbers_burn(s, &given);
}

void nsn_store_rollback_unused(struct nsn_store *s)
{
	roll_back(s);
}
