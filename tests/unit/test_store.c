/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_env.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "../../lib/store/page.h"

static size_t get_file(const struct env *env, const char *name, char *buf, size_t size)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	ssize_t n;

	fd = openat(env->fd, name, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, buf, size);
	assert_true(n >= 0 && (size_t)n < size);
	return (size_t)n;
}

static bool is_there(const struct env *env, const char *name)
{
	return faccessat(env->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- opening --------------------------------------------------------------- */

static void a_new_store_has_an_id_and_files_for_us_alone(void **state)
{
	static const char *const files[] = {"nsnet.db", "lock"};
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct stat st;

	assert_int_equal(open_store(env, &err), 0);
	assert_string_equal(err.msg, "");
	assert_int_equal(strspn(nsn_store_id(env->s)->hex, "0123456789abcdef"), 32);
	assert_true(nsn_store_id(env->s)->group > 0xffff);
	assert_int_equal(nsn_store_schema(env->s), 6);
	assert_int_equal(count(env), 0);
	for (size_t i = 0; i < NSN_COUNT(files); i++) {
		assert_int_equal(fstatat(env->fd, files[i], &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	assert_false(is_there(env, "nsnet.db.new"));
	assert_int_equal(raw_number(env, "PRAGMA application_id"), 0x6e736e74);
}

static void the_id_stays_and_no_other_store_has_it(void **state)
{
	struct env *env = *state;
	struct nsn_store_id id;

	id = *nsn_store_id(env->s);
	reopen(env, BOOT);
	assert_string_equal(nsn_store_id(env->s)->hex, id.hex);
	assert_int_equal(nsn_store_id(env->s)->group, id.group);

	nsn_store_close(env->s);
	env->s = NULL;
	drop_db(env);
	assert_int_equal(open_store(env, NULL), 0);
	assert_string_not_equal(nsn_store_id(env->s)->hex, id.hex);
	assert_int_not_equal(nsn_store_id(env->s)->group, id.group);
}

static void an_empty_file_is_a_new_store(void **state)
{
	struct env *env = *state;

	put_file(env, "nsnet.db", "", 0);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(count(env), 0);
}

static void a_log_without_its_database_is_not_played_into_the_new_one(void **state)
{
	struct env *env = *state;

	added(env, "blue", "10.1.0.0/24", NULL);
	nsn_store_close(env->s);
	env->s = NULL;
	assert_true(is_there(env, "nsnet.db-wal"));
	assert_int_equal(unlinkat(env->fd, "nsnet.db", 0), 0);
	assert_int_equal(unlinkat(env->fd, "nsnet.db.copy", 0), 0);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(count(env), 0);
}

static void what_a_killed_maker_left_does_not_hinder(void **state)
{
	struct env *env = *state;

	put_file(env, "nsnet.db.new", "half", 4);
	put_file(env, "nsnet.db.new-journal", "half", 4);
	assert_int_equal(open_store(env, NULL), 0);
	assert_false(is_there(env, "nsnet.db.new"));
	assert_false(is_there(env, "nsnet.db.new-journal"));
}

static void what_is_written_is_in_wal_mode_and_stays_after_close(void **state)
{
	struct env *env = *state;

	struct stat st;

	added(env, "blue", "10.1.0.0/24", NULL);
	nsn_store_close(env->s);
	env->s = NULL;
	assert_int_equal(fstatat(env->fd, "nsnet.db-wal", &st, 0), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(count(env), 1);
}

static void the_log_does_not_grow_for_ever(void **state)
{
	struct env *env = *state;
	struct stat st;
	char name[16], subnet[32];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "tenant%d", i);
		(void)snprintf(subnet, sizeof(subnet), "10.1.%d.0/24", i);
		added(env, name, subnet, NULL);
		reopen(env, BOOT);
		assert_int_equal(fstatat(env->fd, "nsnet.db-wal", &st, 0), 0);
		assert_true(st.st_size < 256 * 1024);
	}
	assert_int_equal(count(env), 100);
}

/* As version 1 made it; never to be changed, just as the databases out there. */
static const char schema_1[] =
	"PRAGMA application_id = 1853058676;"
	"CREATE TABLE meta ("
	"  one INTEGER PRIMARY KEY CHECK (one = 1),"
	"  store_id TEXT NOT NULL,"
	"  link_group INTEGER NOT NULL,"
	"  last_link INTEGER NOT NULL"
	") STRICT;"
	"CREATE TABLE tenant ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  name TEXT NOT NULL UNIQUE,"
	"  first INTEGER NOT NULL,"
	"  last INTEGER NOT NULL,"
	"  gateway INTEGER NOT NULL,"
	"  created INTEGER NOT NULL,"
	"  CHECK (first <= gateway AND gateway <= last)"
	") STRICT;"
	"CREATE INDEX tenant_subnet ON tenant (first, last);"
	"CREATE TABLE endpoint ("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  tenant INTEGER NOT NULL REFERENCES tenant ON DELETE CASCADE,"
	"  name TEXT NOT NULL,"
	"  ip INTEGER NOT NULL,"
	"  link INTEGER NOT NULL UNIQUE,"
	"  UNIQUE (tenant, name),"
	"  UNIQUE (tenant, ip)"
	") STRICT;"
	"INSERT INTO sqlite_sequence (name, seq) VALUES ('tenant', 0), ('endpoint', 0);"
	"INSERT INTO meta VALUES (1, '00112233445566778899aabbccddeeff', 1234567, 41);"
	"INSERT INTO tenant VALUES (3, 'customer1', 168427776, 168428031, 168427777, 1700000000);"
	"INSERT INTO endpoint VALUES (5, 3, 'default', 168427778, 41);"
	"PRAGMA user_version = 1;";

static void make_schema_1(struct env *env)
{
	put_file(env, "nsnet.db", "", 0);
	raw_sql(env, schema_1, true);
}

/* All pages are in two places, and have a sum. */
static void check_sealed(struct env *env)
{
	static uint8_t db[400000], copy[400000];
	size_t size;

	raw_sql(env, "PRAGMA wal_checkpoint(TRUNCATE)", false);
	size = get_file(env, "nsnet.db", (char *)db, sizeof(db));
	assert_true(size >= 20 * NSN_PAGE_SIZE);
	assert_int_equal(get_file(env, "nsnet.db.copy", (char *)copy, sizeof(copy)), size);
	assert_memory_equal(db, copy, size);
	assert_int_equal(db[NSN_PAGE_RESERVE_AT], NSN_PAGE_RESERVE);
	for (size_t i = 0; i < size / NSN_PAGE_SIZE; i++)
		assert_true(nsn_page_whole(db + i * NSN_PAGE_SIZE, i + 1));
}

static void a_store_of_schema_1_is_migrated_with_what_is_in_it(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};
	char buf[NSN_PREFIX_STRLEN];
	uint64_t cookie = 0;

	make_schema_1(env);
	assert_int_equal(open_store(env, &err), 0);
	assert_int_equal(nsn_store_schema(env->s), 6);
	assert_string_equal(nsn_store_id(env->s)->hex, "00112233445566778899aabbccddeeff");
	assert_int_equal(nsn_store_id(env->s)->group, 1234567);

	assert_int_equal(nsn_store_tenant_get(env->s, "customer1", &t, &err), 0);
	assert_int_equal(t.id, 3);
	assert_string_equal(nsn_prefix_str(&t.subnet, buf), "10.10.1.0/24");
	assert_string_equal(nsn_ip_str(&t.gateway, buf), "10.10.1.1");
	assert_int_equal(t.created, 1700000000);
	assert_int_equal(t.n_endpoints, 1);
	assert_int_equal(t.endpoints[0].id, 5);
	assert_int_equal(t.endpoints[0].link, 41);
	assert_string_equal(nsn_ip_str(&t.endpoints[0].ip, buf), "10.10.1.2");
	nsn_tenant_clear(&t);

	/* What is new in schema 2 works, and the sequences go on. */
	assert_int_equal(nsn_store_bind_host(env->s, 77, &err), 0);
	assert_int_equal(nsn_store_ns_put(env->s, 3, 0, 78, &err), 0);
	assert_int_equal(nsn_store_ns_get(env->s, 3, 0, &cookie, &err), 1);
	assert_int_equal(cookie, 78);
	add(env, &t, "customer2", "10.10.2.0/24");
	assert_int_equal(t.id, 4);
	assert_int_equal(t.endpoints[0].id, 6);
	assert_int_equal(t.endpoints[0].link, 42);
	nsn_tenant_clear(&t);
	assert_int_equal(raw_number(env, "PRAGMA user_version"), 6);
	check_sealed(env);
}

/* Both ways to the newest schema end at the same one. */
static void a_migrated_store_has_the_tables_of_a_new_one(void **state)
{
	static const char sql[] = "SELECT sum(length(sql)) + 1000000 * count(*) FROM sqlite_schema";
	struct env *env = *state;
	int64_t fresh = raw_number(env, sql);

	nsn_store_close(env->s);
	env->s = NULL;
	drop_db(env);
	make_schema_1(env);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(raw_number(env, sql), fresh);
}

static void a_migration_that_fails_changes_nothing(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	char want[256];

	make_schema_1(env);
	raw_sql(env, "CREATE TABLE netns (in_the_way)", true);
	assert_int_equal(open_store(env, &err), -EIO);
	(void)snprintf(want, sizeof(want), "migrate from schema 1 to 6: store '%s/", env->dir);
	assert_non_null(strstr(err.msg, want));
	assert_non_null(strstr(err.msg, "table netns already exists"));
	assert_int_equal(raw_number(env, "PRAGMA user_version"), 1);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM sqlite_schema WHERE name = 'host'"),
			 0);
}

/* ---- what is not ours ------------------------------------------------------- */

static void check_refused_untouched(struct env *env, int code, enum nsnet_code id, const char *says)
{
	static char before[400000], after[400000];
	struct nsnet_err err = {0};
	size_t size;

	size = get_file(env, "nsnet.db", before, sizeof(before));
	assert_int_equal(open_store(env, &err), code);
	assert_int_equal(err.id, id);
	assert_non_null(strstr(err.msg, says));
	assert_null(env->s);
	assert_int_equal(get_file(env, "nsnet.db", after, sizeof(after)), size);
	assert_memory_equal(before, after, size);
}

static void a_newer_schema_is_refused_and_left_as_it_is(void **state)
{
	static const char *const news[] = {"PRAGMA user_version = 7", "PRAGMA user_version = 99",
					   "PRAGMA user_version = 2147483647"};

	for (size_t i = 0; i < 2 * NSN_COUNT(news); i++) {
		struct env *env = *state;

		assert_int_equal(open_store(env, NULL), 0);
		nsn_store_close(env->s);
		env->s = NULL;
		/* Once in the database, once in the log only. */
		raw_sql(env, news[i / 2], i % 2 == 0);
		check_refused_untouched(env, -EPROTO, NSNET_E_STORE_NEWER,
					"this nsnet knows up to 6");
		assert_int_equal(is_there(env, "nsnet.db-shm"), i % 2 != 0);
		drop_db(env);
	}
}

static void what_is_no_database_is_refused_and_left_as_it_is(void **state)
{
	static const char zeros[8192];
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{"x", 1},
		{"a text file that somebody put here\n", 35},
		{zeros, sizeof(zeros)},
		{"SQLite format 3", 16},
	};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		put_file(env, "nsnet.db", cases[i].bytes, cases[i].size);
		check_refused_untouched(env, -EIO, NSNET_E_STORE_BROKEN, "it is not a database");
		assert_false(is_there(env, "nsnet.db-wal"));
	}
}

static void the_database_of_another_program_is_refused_and_left_as_it_is(void **state)
{
	static const char *const marks[] = {
		"CREATE TABLE t (x)",
		"PRAGMA application_id = 252006673; CREATE TABLE t (x)",
		"PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)",
	};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(marks); i++) {
		put_file(env, "nsnet.db", "", 0);
		raw_sql(env, marks[i], true);
		check_refused_untouched(env, -EIO, NSNET_E_STORE_BROKEN,
					"it is the database of another program");
		assert_false(is_there(env, "nsnet.db-wal"));
		drop_db(env);
	}
}

static void a_damaged_store_is_told_from_an_unreadable_one(void **state)
{
	static const char *const damage[] = {
		"DELETE FROM meta",
		"UPDATE meta SET store_id = 'x'",
		"UPDATE meta SET store_id = '00112233445566778899aabbccddee; '",
		"UPDATE meta SET link_group = 0",
		"UPDATE meta SET link_group = 4294967296",
		"PRAGMA user_version = 0",
		"PRAGMA user_version = -1",
	};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(damage); i++) {
		struct nsnet_err err = {0};

		assert_int_equal(open_store(env, NULL), 0);
		nsn_store_close(env->s);
		env->s = NULL;
		raw_sql(env, damage[i], false);
		assert_int_equal(open_store(env, &err), -EIO);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
		drop_db(env);
	}
}

/* Names become paths: a file that was tampered with must not reach the kernel. */
static void damaged_rows_are_not_handed_out(void **state)
{
	static const char *const damage[] = {
		"UPDATE tenant SET name = '../../etc'",
		"UPDATE tenant SET last = last + 1",
		"UPDATE tenant SET first = first - 1, last = last - 1",
		"UPDATE tenant SET first = -1",
		"UPDATE endpoint SET ip = ip - 1; UPDATE tenant SET last = first + 16",
		"UPDATE tenant SET last = 1099511627775",
		"UPDATE tenant SET gateway = last + 1",
		"UPDATE endpoint SET name = 'a/b'",
		"UPDATE endpoint SET ip = 1",
		"UPDATE endpoint SET link = 0",
		"UPDATE endpoint SET link = 1000000000000",
		"UPDATE endpoint SET id = 1099511627776",
		"UPDATE tenant SET id = 1099511627776",
		"UPDATE tenant SET mtu = 575",
		"UPDATE tenant SET mtu = 4294967296 + 1500",
		"UPDATE tenant SET rate = 7999",
		"UPDATE tenant SET inside_deny = 2",
		"UPDATE tenant SET gateway6 = zeroblob(16)",
		"UPDATE tenant SET first6 = zeroblob(16)",
		"UPDATE tenant SET first6 = zeroblob(15), last6 = zeroblob(15)",
		/* But the endpoint has none. */
		("UPDATE tenant SET first6 = zeroblob(16), last6 = zeroblob(16),"
		 " gateway6 = zeroblob(16)"),
		"UPDATE endpoint SET ip6 = zeroblob(16)",
		"UPDATE endpoint SET fixed = 2",
		"UPDATE endpoint SET fixed6 = 1",
		"UPDATE endpoint SET rate = 1000000000001",
		"INSERT INTO label VALUES (1, 'A', 'x')",
		"INSERT INTO label VALUES (1, 'a', 'x y')",
		"INSERT INTO label VALUES (2, 'a', 'x')",
		"INSERT INTO owner VALUES (1, 'root;')",
		"INSERT INTO owner VALUES (1, '../x')",
	};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(damage); i++) {
		struct nsn_tenant_list list = {0};
		struct nsnet_err err = {0};
		char sql[256];

		assert_int_equal(open_store(env, NULL), 0);
		added(env, "blue", "10.1.0.0/24", NULL);
		(void)snprintf(sql, sizeof(sql), "PRAGMA ignore_check_constraints = 1; %s",
			       damage[i]);
		raw_sql(env, sql, true);
		assert_int_equal(nsn_store_tenant_list(env->s, &list, &err), -EIO);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
		assert_null(list.tenants);
		nsn_store_close(env->s);
		env->s = NULL;
		drop_db(env);
	}
}

static void hostile_files_in_the_folder_are_refused(void **state)
{
	static const struct {
		const char *name;
		mode_t mode; /* 0: a symbolic link */
		const char *says;
	} cases[] = {
		{"nsnet.db", 0, "it is a symbolic link"},
		{"nsnet.db", S_IFIFO | 0600, "it is not a file"},
		{"nsnet.db", S_IFDIR | 0700, "it is not a file"},
		{"nsnet.db", S_IFREG | 0620, "others can write to it"},
		{"nsnet.db", S_IFREG | 0602, "others can write to it"},
		{"lock", 0, "it is not a file"},
		{"lock", S_IFIFO | 0600, "it is not a file"},
		{"lock", S_IFDIR | 0700, "it is not a file"},
		{"lock", S_IFREG | 0604, "others can open it"},
	};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_err err = {0};
		bool folder = S_ISDIR(cases[i].mode);

		if (cases[i].mode == 0)
			assert_int_equal(symlinkat("target", env->fd, cases[i].name), 0);
		else if (folder)
			assert_int_equal(mkdirat(env->fd, cases[i].name, 0700), 0);
		else
			assert_int_equal(mknodat(env->fd, cases[i].name, cases[i].mode, 0), 0);
		if (S_ISREG(cases[i].mode)) /* past the umask */
			assert_int_equal(fchmodat(env->fd, cases[i].name, cases[i].mode & 0777, 0),
					 0);

		assert_int_equal(open_store(env, &err), -EPERM);
		assert_int_equal(err.id, NSNET_E_UNSAFE_PATH);
		assert_non_null(strstr(err.msg, cases[i].says));
		assert_false(is_there(env, "target"));
		assert_int_equal(unlinkat(env->fd, cases[i].name, folder ? AT_REMOVEDIR : 0), 0);
	}
}

static void a_folder_that_was_swapped_is_noticed(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};

	assert_int_equal(rmdir(env->dir), 0);
	assert_int_equal(mkdir(env->dir, 0700), 0);
	assert_int_equal(open_store(env, &err), -EPERM);
	assert_int_equal(err.id, NSNET_E_UNSAFE_PATH);
}

static void the_folder_in_a_message_is_escaped(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};

	put_file(env, "nsnet.db", "x", 1);
	assert_int_equal(nsn_store_open(&env->s, env->fd, "/a\x1b%s", BOOT, &err), -EIO);
	assert_string_equal(err.msg, "store '/a\\x1b%s/nsnet.db': it is not a database");
}

/* ---- several processes ------------------------------------------------------ */

static void wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Children of the test: no assertions in them, what they tell is what counts. */
typedef void (*teller)(struct nsn_store *s, unsigned int nr, char told[32]);

static void tell_id(struct nsn_store *s, unsigned int nr, char told[32])
{
	(void)nr;
	memcpy(told, nsn_store_id(s)->hex, 32);
}

static void tell_bound(struct nsn_store *s, unsigned int nr, char told[32])
{
	int r = nsn_store_bind_host(s, 100 + nr, NULL);

	memset(told, r == 0 ? 'y' : r == -EXDEV ? 'n' : '?', 32);
}

static void run_child(const struct env *env, teller tell, unsigned int nr, int start, int out)
{
	struct nsn_store *s = NULL;
	char told[32];

	if (read(start, told, 1) != 0) /* all at once: when the other end is closed */
		_exit(1);
	if (nsn_store_open(&s, env->fd, env->dir, BOOT, NULL) < 0)
		_exit(2);
	tell(s, nr, told);
	if (write(out, told, 32) != 32)
		_exit(3);
	nsn_store_close(s);
	_exit(0);
}

static void ask_eight(const struct env *env, teller tell, char told[8][33])
{
	int start[2], out[2];
	pid_t pids[8];

	assert_int_equal(pipe2(start, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	for (unsigned int i = 0; i < NSN_COUNT(pids); i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(start[1]);
			run_child(env, tell, i, start[0], out[1]);
		}
	}
	close(start[0]);
	close(start[1]);
	close(out[1]);
	for (size_t i = 0; i < NSN_COUNT(pids); i++)
		wait_for(pids[i]);
	for (size_t i = 0; i < NSN_COUNT(pids); i++)
		assert_int_equal(read(out[0], told[i], 32), 32);
	close(out[0]);
}

static void eight_processes_that_open_a_new_store_agree_on_its_id(void **state)
{
	struct env *env = *state;

	for (int round = 0; round < 10; round++) {
		char ids[8][33] = {{0}};

		ask_eight(env, tell_id, ids);
		for (size_t i = 1; i < 8; i++)
			assert_string_equal(ids[i], ids[0]);
		drop_db(env);
	}
}

static void eight_processes_that_migrate_a_store_all_succeed(void **state)
{
	struct env *env = *state;

	for (int round = 0; round < 5; round++) {
		char ids[8][33] = {{0}};

		make_schema_1(env);
		ask_eight(env, tell_id, ids);
		for (size_t i = 0; i < 8; i++)
			assert_string_equal(ids[i], "00112233445566778899aabbccddeeff");
		assert_int_equal(raw_number(env, "PRAGMA user_version"), 6);
		drop_db(env);
	}
}

static void nothing(int sig)
{
	(void)sig;
}

/* It fires again and again: a first signal may come before the wait begins. */
static void set_alarm(int ms)
{
	const struct sigaction act = {.sa_handler = nothing};
	const struct itimerval t = {{0, ms * 1000}, {0, ms * 1000}};

	assert_int_equal(sigaction(SIGALRM, &act, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &t, NULL), 0);
}

static void the_lock_excludes_and_a_signal_ends_the_wait(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_store *other = NULL;

	assert_int_equal(nsn_store_open(&other, env->fd, env->dir, BOOT, NULL), 0);
	assert_int_equal(nsn_store_lock(env->s, &err), 0);
	assert_int_equal(err.code, 0);

	set_alarm(20);
	assert_int_equal(nsn_store_lock(other, &err), -ETIMEDOUT);
	set_alarm(0);
	assert_int_equal(err.id, NSNET_E_TIMED_OUT);
	assert_non_null(strstr(err.msg, "another nsnet holds the lock"));

	nsn_store_unlock(env->s);
	assert_int_equal(nsn_store_lock(other, &err), 0);
	nsn_store_unlock(other);
	assert_int_equal(nsn_store_lock(env->s, &err), 0);
	nsn_store_close(other);
}

static void the_lock_is_not_taken_twice(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};

	nsn_store_unlock(env->s);
	assert_int_equal(nsn_store_lock(env->s, NULL), 0);
	assert_int_equal(nsn_store_lock(env->s, &err), -EDEADLK);
	nsn_store_unlock(env->s);
	nsn_store_unlock(env->s);
	assert_int_equal(nsn_store_lock(env->s, NULL), 0);
}

static void the_lock_goes_with_the_process_and_readers_need_none(void **state)
{
	struct env *env = *state;
	int ready[2], hold[2];
	char go;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct nsn_store *s = NULL;

		if (nsn_store_open(&s, env->fd, env->dir, BOOT, NULL) < 0 ||
		    nsn_store_lock(s, NULL) < 0 || nsn_store_begin(s, NULL) < 0 ||
		    write(ready[1], "x", 1) != 1 || read(hold[0], &go, 1) != 1)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &go, 1), 1);
	assert_int_equal(count(env), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(nsn_store_lock(env->s, NULL), 0);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(hold[i]);
	}
}

/* ---- tenants ---------------------------------------------------------------- */

static void a_tenant_comes_back_as_it_was_stored(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0}, got = {0};
	struct nsnet_err err = {0};
	char why[128];

	assert_int_equal(nsn_tenant_init(&t, "blue", "10.1.0.0/24", &err), 0);
	t.created = 1700000000;
	t.endpoints = reallocarray(t.endpoints, 3, sizeof(*t.endpoints));
	assert_non_null(t.endpoints);
	t.endpoints[1] = (struct nsn_endpoint){.name = "web", .ip = nsn_ip_add(&t.gateway, 9)};
	t.endpoints[2] = (struct nsn_endpoint){.name = "app", .ip = nsn_ip_add(&t.gateway, 8)};
	t.n_endpoints = 3;
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, &err), 0);
	assert_int_equal(t.id, 1);

	reopen(env, BOOT);
	assert_int_equal(nsn_store_tenant_get(env->s, "blue", &got, &err), 0);
	assert_true(nsn_tenant_same(&got, &t, why, sizeof(why)));
	assert_int_equal(got.id, t.id);
	assert_int_equal(got.created, 1700000000);
	assert_int_equal(got.n_endpoints, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(got.endpoints[i].name, t.endpoints[i].name);
		assert_int_equal(got.endpoints[i].id, i + 1);
		assert_int_equal(got.endpoints[i].id, t.endpoints[i].id);
		assert_int_equal(got.endpoints[i].link, t.endpoints[i].link);
	}
	nsn_tenant_clear(&got);
	nsn_tenant_clear(&t);
	assert_string_equal(err.msg, "");
}

static void the_ends_of_the_address_space_can_be_stored(void **state)
{
	static const char *const subnets[] = {"0.0.0.0/1", "128.0.0.0/1", "255.255.255.252/30",
					      "0.0.0.0/0"};
	struct env *env = *state;
	char name[8], buf[NSN_PREFIX_STRLEN];

	for (size_t i = 0; i < NSN_COUNT(subnets); i++) {
		struct nsn_tenant t = {0}, got = {0};

		(void)snprintf(name, sizeof(name), "t%zu", i);
		assert_int_equal(nsn_tenant_init(&t, name, "10.0.0.0/24", NULL), 0);
		assert_int_equal(nsn_prefix_parse(&t.subnet, subnets[i]), 0);
		t.gateway = t.subnet.ip;
		t.endpoints[0].ip = nsn_prefix_last(&t.subnet);
		assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
		assert_int_equal(nsn_store_tenant_get(env->s, name, &got, NULL), 0);
		assert_string_equal(nsn_prefix_str(&got.subnet, buf), subnets[i]);
		nsn_tenant_clear(&got);
		nsn_tenant_clear(&t);
	}
}

static void a_list_is_by_name_with_the_endpoints_of_each(void **state)
{
	static const char *const names[] = {"green", "blue", "red", "a-team", "zoo"};
	static const char *const sorted[] = {"a-team", "blue", "green", "red", "zoo"};
	struct env *env = *state;
	struct nsn_tenant_list list = {0};
	char subnet[32];

	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		(void)snprintf(subnet, sizeof(subnet), "10.%zu.0.0/16", i);
		added(env, names[i], subnet, NULL);
	}
	assert_int_equal(nsn_store_tenant_list(env->s, &list, NULL), 0);
	assert_int_equal(list.n, NSN_COUNT(names));
	for (size_t i = 0; i < list.n; i++) {
		assert_string_equal(list.tenants[i].name, sorted[i]);
		assert_int_equal(list.tenants[i].n_endpoints, 1);
		assert_int_equal(list.tenants[i].endpoints[0].id, list.tenants[i].id);
	}
	nsn_tenant_list_clear(&list);
	assert_null(list.tenants);
}

static void a_tenant_that_is_not_there_gets_a_hint(void **state)
{
	static const struct {
		const char *asked, *says, *hint;
	} cases[] = {
		{"custmer1", "there is no tenant 'custmer1'", "did you mean customer1?"},
		{"customer3", "there is no tenant 'customer3'", "did you mean customer1?"},
		{"customre2", "there is no tenant 'customre2'", "did you mean customer2?"},
		{"custmr1", "there is no tenant 'custmr1'", "did you mean customer1?"},
		{"zebra", "there is no tenant 'zebra'", ""},
		{"", "there is no tenant ''", ""},
		{"a\x1b%s", "there is no tenant 'a\\x1b%s'", ""},
		{"customer1' OR 1=1 --", "there is no tenant 'customer1\\x27 OR 1=1 --'", ""},
	};
	struct env *env = *state;

	added(env, "customer2", "10.2.0.0/16", NULL);
	added(env, "customer1", "10.1.0.0/16", NULL);
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_err err = {0};
		struct nsn_tenant t = {0};

		assert_int_equal(nsn_store_tenant_get(env->s, cases[i].asked, &t, &err), -ENOENT);
		assert_int_equal(err.id, NSNET_E_NO_TENANT);
		assert_string_equal(err.msg, cases[i].says);
		assert_string_equal(err.hint, cases[i].hint);
		assert_null(t.endpoints);
	}
}

static void a_name_is_taken_once(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};

	added(env, "blue", "10.1.0.0/24", NULL);
	assert_int_equal(nsn_tenant_init(&t, "blue", "10.2.0.0/24", NULL), 0);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, &err), -EEXIST);
	assert_int_equal(err.id, NSNET_E_TENANT_EXISTS);
	assert_string_equal(err.msg, "tenant 'blue' exists");
	assert_int_equal(t.id, 0);
	nsn_tenant_clear(&t);
	assert_int_equal(count(env), 1);
}

static void a_tenant_that_was_not_checked_is_not_stored(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};

	assert_int_equal(nsn_tenant_init(&t, "blue", "10.1.0.0/24", NULL), 0);
	t.subnet.len = 8; /* now it has host bits */
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), -EINVAL);
	t.subnet.len = 24;
	memcpy(t.name, "../x", 5);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), -EINVAL);
	nsn_tenant_clear(&t);
	assert_int_equal(count(env), 0);
}

/* Two endpoints of one name: the tenant and the first one are in by then. */
static void an_insert_that_fails_half_way_leaves_nothing(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};

	for (int in_transaction = 0; in_transaction < 2; in_transaction++) {
		assert_int_equal(nsn_tenant_init(&t, "blue", "10.1.0.0/24", NULL), 0);
		t.endpoints = reallocarray(t.endpoints, 2, sizeof(*t.endpoints));
		assert_non_null(t.endpoints);
		t.endpoints[1] = t.endpoints[0];
		t.n_endpoints = 2;
		if (in_transaction)
			assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		assert_true(nsn_store_tenant_insert(env->s, &t, NULL) < 0);
		if (in_transaction)
			assert_int_equal(nsn_store_commit(env->s, NULL), 0);
		assert_int_equal(t.id, 0);
		assert_int_equal(t.endpoints[0].id, 0);
		assert_int_equal(t.endpoints[0].link, 0);
		nsn_tenant_clear(&t);
		assert_int_equal(count(env), 0);
	}
}

static void a_deleted_tenant_is_gone_with_all_that_belongs_to_it(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	uint64_t blue, red, cookie;

	added(env, "blue", "10.1.0.0/24", &blue);
	added(env, "red", "10.2.0.0/24", &red);
	assert_int_equal(nsn_store_ns_put(env->s, blue, 0, 1, NULL), 0);
	assert_int_equal(nsn_store_ns_put(env->s, blue, 1, 2, NULL), 0);
	assert_int_equal(nsn_store_ns_put(env->s, red, 0, 3, NULL), 0);
	assert_int_equal(nsn_store_tenant_exists(env->s, blue, NULL), 1);

	assert_int_equal(nsn_store_tenant_delete(env->s, blue, &err), 0);
	assert_int_equal(nsn_store_tenant_exists(env->s, blue, NULL), 0);
	assert_int_equal(nsn_store_tenant_exists(env->s, red, NULL), 1);
	assert_int_equal(nsn_store_ns_get(env->s, blue, 0, &cookie, NULL), 0);
	assert_int_equal(nsn_store_ns_get(env->s, red, 0, &cookie, NULL), 1);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM endpoint"), 1);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM netns"), 1);

	assert_int_equal(nsn_store_tenant_delete(env->s, blue, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_TENANT);
}

/* ---- numbers ---------------------------------------------------------------- */

static void numbers_are_not_given_again_after_a_delete(void **state)
{
	struct env *env = *state;
	uint64_t tenant = 0, endpoint = 0, link = 0;

	for (int i = 0; i < 5; i++) {
		struct nsn_endpoint e;
		uint64_t id;

		e = added(env, "blue", "10.1.0.0/24", &id);
		assert_true(id > tenant && e.id > endpoint && e.link > link);
		tenant = id;
		endpoint = e.id;
		link = e.link;
		assert_int_equal(nsn_store_new_link(env->s, &e, NULL), 0);
		assert_true(e.link > link);
		link = e.link;
		assert_int_equal(nsn_store_tenant_delete(env->s, id, NULL), 0);
		reopen(env, BOOT);
	}
}

static void a_new_link_number_is_stored_with_its_endpoint(void **state)
{
	struct env *env = *state;
	struct nsn_endpoint e, none = {.id = 4711, .link = 9};
	struct nsn_tenant t = {0};

	e = added(env, "blue", "10.1.0.0/24", NULL);
	added(env, "red", "10.2.0.0/24", NULL);
	assert_int_equal(nsn_store_new_link(env->s, &e, NULL), 0);
	assert_int_equal(e.link, 3);
	assert_int_equal(nsn_store_tenant_get(env->s, "blue", &t, NULL), 0);
	assert_int_equal(t.endpoints[0].link, 3);
	nsn_tenant_clear(&t);
	assert_int_equal(nsn_store_tenant_get(env->s, "red", &t, NULL), 0);
	assert_int_equal(t.endpoints[0].link, 2);
	nsn_tenant_clear(&t);

	assert_int_equal(nsn_store_new_link(env->s, &none, NULL), -ENOENT);
	assert_int_equal(none.link, 9);
	assert_int_equal(nsn_store_new_link(env->s, &e, NULL), 0);
	assert_int_equal(e.link, 4); /* the failed one did not take any */
}

static void numbers_end_where_names_and_macs_have_no_room(void **state)
{
	static const char *const ends[] = {
		"UPDATE sqlite_sequence SET seq = 1099511627774 WHERE name = 'tenant'",
		"UPDATE sqlite_sequence SET seq = 1099511627774 WHERE name = 'endpoint'",
		"UPDATE meta SET last_link = 999999999998",
	};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(ends); i++) {
		struct nsnet_err err = {0};
		struct nsn_tenant t = {0};

		assert_int_equal(open_store(env, NULL), 0);
		raw_sql(env, ends[i], false);
		added(env, "last", "10.1.0.0/24", NULL);
		assert_int_equal(nsn_tenant_init(&t, "over", "10.2.0.0/24", NULL), 0);
		assert_int_equal(nsn_store_tenant_insert(env->s, &t, &err), -EOVERFLOW);
		assert_non_null(strstr(err.msg, "all numbers have been given out"));
		nsn_tenant_clear(&t);
		assert_int_equal(count(env), 1);
		nsn_store_close(env->s);
		env->s = NULL;
		drop_db(env);
	}
}

/* ---- transactions ----------------------------------------------------------- */

static void rollback_leaves_nothing_but_used_up_numbers(void **state)
{
	struct env *env = *state;
	struct nsn_endpoint before, e;
	uint64_t first, id, cookie;

	before = added(env, "blue", "10.1.0.0/24", &first);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	e = added(env, "red", "10.2.0.0/24", &id);
	assert_int_equal(nsn_store_ns_put(env->s, id, 0, 5, NULL), 0);
	assert_int_equal(nsn_store_tenant_delete(env->s, first, NULL), 0);
	assert_int_equal(nsn_store_bind_host(env->s, 6, NULL), 0);
	nsn_store_rollback(env->s);

	assert_int_equal(count(env), 1);
	assert_int_equal(nsn_store_tenant_exists(env->s, first, NULL), 1);
	assert_int_equal(nsn_store_ns_get(env->s, id, 0, &cookie, NULL), 0);
	assert_int_equal(nsn_store_bind_host(env->s, 7, NULL), 0);
	assert_true(before.id < e.id);

	/* The kernel may still have the old ones. */
	before = e;
	e = added(env, "green", "10.3.0.0/24", &first);
	assert_true(first > id && e.id > before.id && e.link > before.link);
}

static void close_rolls_back_and_uses_up_numbers_too(void **state)
{
	struct env *env = *state;
	struct nsn_endpoint lost, e;

	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	lost = added(env, "blue", "10.1.0.0/24", NULL);
	reopen(env, BOOT);
	assert_int_equal(count(env), 0);
	e = added(env, "blue", "10.1.0.0/24", NULL);
	assert_true(e.id > lost.id && e.link > lost.link);
}

static void what_is_committed_is_seen_by_others_and_not_before(void **state)
{
	struct env *env = *state;
	struct env other = *env;

	other.s = NULL;
	assert_int_equal(open_store(&other, NULL), 0);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	added(env, "blue", "10.1.0.0/24", NULL);
	assert_int_equal(count(env), 1);
	assert_int_equal(count(&other), 0);
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	assert_int_equal(count(&other), 1);
	nsn_store_rollback(env->s); /* nothing is open */
	assert_int_equal(count(env), 1);
	nsn_store_close(other.s);
}

static void transactions_do_not_nest(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};

	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	assert_int_equal(nsn_store_begin(env->s, &err), -EIO);
	assert_int_equal(err.id, NSNET_E_INTERNAL);
	nsn_store_rollback(env->s);
	assert_int_equal(nsn_store_commit(env->s, &err), -EIO);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
}

/* The nearest to a full disk that needs no rights: files may not grow. */
static void a_full_disk_is_reported_and_leaves_nothing(void **state)
{
	struct env *env = *state;
	struct rlimit old, none = {0};
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};
	int r;

	assert_int_equal(nsn_tenant_init(&t, "blue", "10.1.0.0/24", NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = nsn_store_commit(env->s, &err);
	nsn_store_rollback(env->s);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);

	assert_int_equal(r, -EIO);
	assert_int_equal(err.id, NSNET_E_STORE_IO);
	assert_non_null(strstr(err.msg, "disk I/O error"));
	assert_int_equal(count(env), 0);
	assert_int_equal(nsn_store_tenant_insert(env->s, &t, NULL), 0);
	nsn_tenant_clear(&t);
	reopen(env, BOOT);
	assert_int_equal(count(env), 1);
}

static void a_new_store_on_a_full_disk_leaves_no_files(void **state)
{
	struct env *env = *state;
	struct rlimit old, none = {0};
	struct nsnet_err err = {0};
	int r;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = open_store(env, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(r, -EIO);
	assert_int_equal(err.id, NSNET_E_STORE_IO);
	assert_false(is_there(env, "nsnet.db"));
	assert_false(is_there(env, "nsnet.db.new"));
	assert_int_equal(open_store(env, NULL), 0);
}

/* ---- overlap ---------------------------------------------------------------- */

static void an_overlap_is_found_around_inside_and_equal(void **state)
{
	static const struct {
		const char *asked, *found; /* NULL: none */
	} cases[] = {
		{"10.1.2.0/24", "net16"},     {"10.1.0.0/16", "net16"},	  {"10.0.0.0/15", "net16"},
		{"10.0.0.0/8", "net16"},      {"10.2.0.0/16", NULL},	  {"10.0.0.0/16", NULL},
		{"192.168.1.4/30", "tiny"},   {"192.168.1.0/30", NULL},	  {"192.168.1.8/30", NULL},
		{"192.168.1.0/29", "tiny"},   {"192.168.1.5/32", "tiny"}, {"0.0.0.0/0", "net16"},
		{"255.255.255.255/32", NULL},
	};
	struct env *env = *state;
	uint64_t id16;

	added(env, "net16", "10.1.0.0/16", &id16);
	added(env, "tiny", "192.168.1.4/30", NULL);
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		char name[NSN_NAME_MAX + 1] = "";
		struct nsn_prefix p, subnet;

		assert_int_equal(nsn_prefix_parse(&p, cases[i].asked), 0);
		assert_int_equal(nsn_store_overlap(env->s, &p, 0, name, &subnet, NULL),
				 cases[i].found != NULL);
		assert_string_equal(name, cases[i].found ? cases[i].found : "");
		if (cases[i].found)
			assert_true(nsn_prefix_overlap(&p, &subnet));
	}
	for (int twin = 0; twin < 2; twin++) {
		char name[NSN_NAME_MAX + 1] = "";
		struct nsn_prefix p, subnet;

		/* The tenant itself does not count, but one with the same subnet does. */
		assert_int_equal(nsn_prefix_parse(&p, "10.1.0.0/16"), 0);
		assert_int_equal(nsn_store_overlap(env->s, &p, id16, name, &subnet, NULL), twin);
		assert_string_equal(name, twin ? "twin" : "");
		if (!twin)
			added(env, "twin", "10.1.0.0/16", NULL);
	}
}

/* Few bits that differ, so that there are many hits, misses and nestings. */
static struct nsn_prefix random_prefix(void)
{
	struct nsn_prefix p = {0};

	assert_int_equal(nsn_ip_parse(&p.ip, "10.0.0.0"), 0);
	p.len = (uint8_t)(8 + random() % 23);
	p.ip.bytes[1] = (uint8_t)(random() % 4 * 64);
	p.ip.bytes[2] = (uint8_t)random();
	p.ip.bytes[3] = (uint8_t)random();
	p.ip = nsn_prefix_network(&p);
	return p;
}

static void overlaps_are_those_that_a_search_of_all_finds(void **state)
{
	struct env *env = *state;
	struct nsn_tenant all[60] = {{0}};
	size_t hits = 0, asked = 0;
	char name[NSN_NAME_MAX + 1];

	srandom(42);
	for (size_t i = 0; i < NSN_COUNT(all); i++) {
		/* Short ones enclose everything: they come late. */
		struct nsn_prefix p;

		do
			p = random_prefix();
		while (p.len < (i < 50 ? 20 : 12));
		(void)snprintf(name, sizeof(name), "t%zu", i);
		assert_int_equal(nsn_tenant_init(&all[i], name, "10.0.0.0/24", NULL), 0);
		all[i].subnet = p;
		all[i].gateway = all[i].endpoints[0].ip = nsn_ip_add(&p.ip, 1);
		assert_int_equal(nsn_store_tenant_insert(env->s, &all[i], NULL), 0);

		for (size_t k = 0; k < 100; k++) {
			const struct nsn_tenant *self = &all[random() % (long)(i + 1)];
			const struct nsn_prefix q = k % 4 ? random_prefix() : self->subnet;
			struct nsn_prefix subnet;
			bool any = false, known = false;
			int r;

			r = nsn_store_overlap(env->s, &q, self->id, name, &subnet, NULL);
			for (size_t j = 0; j <= i; j++) {
				bool yes =
					&all[j] != self && nsn_prefix_overlap(&q, &all[j].subnet);

				any |= yes;
				known |= yes && r == 1 && strcmp(name, all[j].name) == 0 &&
					 nsn_prefix_cmp(&subnet, &all[j].subnet) == 0;
			}
			assert_int_equal(r, any);
			assert_int_equal(known, any);
			hits += any;
			asked++;
		}
	}
	assert_in_range(hits, asked / 10, asked * 9 / 10); /* or the test asks too little */
	for (size_t i = 0; i < NSN_COUNT(all); i++)
		nsn_tenant_clear(&all[i]);
}

/* ---- facts ------------------------------------------------------------------ */

static void facts_of_another_boot_do_not_count(void **state)
{
	struct env *env = *state;
	uint64_t id, cookie = 0;

	added(env, "blue", "10.1.0.0/24", &id);
	assert_int_equal(nsn_store_ns_get(env->s, id, 0, &cookie, NULL), 0);
	assert_int_equal(nsn_store_ns_put(env->s, id, 0, 4711, NULL), 0);
	assert_int_equal(nsn_store_ns_put(env->s, id, 1, UINT64_MAX, NULL), 0);
	reopen(env, BOOT);
	assert_int_equal(nsn_store_ns_get(env->s, id, 0, &cookie, NULL), 1);
	assert_int_equal(cookie, 4711);
	assert_int_equal(nsn_store_ns_get(env->s, id, 1, &cookie, NULL), 1);
	assert_true(cookie == UINT64_MAX);
	assert_int_equal(nsn_store_ns_get(env->s, id, 2, &cookie, NULL), 0);

	reopen(env, BOOT2);
	cookie = 1;
	assert_int_equal(nsn_store_ns_get(env->s, id, 0, &cookie, NULL), 0);
	assert_int_equal(cookie, 1);
	assert_int_equal(nsn_store_ns_put(env->s, id, 0, 4712, NULL), 0);
	assert_int_equal(nsn_store_ns_get(env->s, id, 0, &cookie, NULL), 1);
	assert_int_equal(cookie, 4712);
}

static void a_fact_of_a_tenant_that_is_not_there_is_refused(void **state)
{
	struct env *env = *state;

	assert_true(nsn_store_ns_put(env->s, 4711, 0, 1, NULL) < 0);
}

static void the_host_is_bound_until_the_next_boot(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	uint64_t id;

	added(env, "blue", "10.1.0.0/24", &id);
	assert_int_equal(nsn_store_bind_host(env->s, UINT64_MAX, &err), 0);
	assert_int_equal(nsn_store_ns_put(env->s, id, 0, 9, NULL), 0);
	reopen(env, BOOT);
	assert_int_equal(nsn_store_bind_host(env->s, UINT64_MAX, &err), 0);
	assert_int_equal(nsn_store_bind_host(env->s, 2, &err), -EXDEV);
	assert_int_equal(err.id, NSNET_E_WRONG_NETNS);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM netns"), 1);

	reopen(env, BOOT2);
	assert_int_equal(nsn_store_bind_host(env->s, 2, &err), 0);
	assert_int_equal(nsn_store_bind_host(env->s, 1, &err), -EXDEV);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM netns"), 0);
}

static void the_host_is_bound_by_one_of_eight_that_try_at_once(void **state)
{
	struct env *env = *state;

	for (int round = 0; round < 20; round++) {
		char told[8][33] = {{0}};
		size_t yes = 0, no = 0;

		raw_sql(env, "DELETE FROM host", false);
		ask_eight(env, tell_bound, told);
		for (size_t i = 0; i < 8; i++) {
			yes += told[i][0] == 'y';
			no += told[i][0] == 'n';
		}
		assert_int_equal(yes, 1);
		assert_int_equal(no, 7);
	}
}

int main(void)
{
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)
#define STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		EMPTY(a_new_store_has_an_id_and_files_for_us_alone),
		STORE(the_id_stays_and_no_other_store_has_it),
		EMPTY(an_empty_file_is_a_new_store),
		STORE(a_log_without_its_database_is_not_played_into_the_new_one),
		EMPTY(what_a_killed_maker_left_does_not_hinder),
		STORE(what_is_written_is_in_wal_mode_and_stays_after_close),
		STORE(the_log_does_not_grow_for_ever),
		EMPTY(a_store_of_schema_1_is_migrated_with_what_is_in_it),
		STORE(a_migrated_store_has_the_tables_of_a_new_one),
		EMPTY(a_migration_that_fails_changes_nothing),
		EMPTY(a_newer_schema_is_refused_and_left_as_it_is),
		EMPTY(what_is_no_database_is_refused_and_left_as_it_is),
		EMPTY(the_database_of_another_program_is_refused_and_left_as_it_is),
		EMPTY(a_damaged_store_is_told_from_an_unreadable_one),
		EMPTY(damaged_rows_are_not_handed_out),
		EMPTY(hostile_files_in_the_folder_are_refused),
		EMPTY(a_folder_that_was_swapped_is_noticed),
		EMPTY(the_folder_in_a_message_is_escaped),
		EMPTY(eight_processes_that_open_a_new_store_agree_on_its_id),
		EMPTY(eight_processes_that_migrate_a_store_all_succeed),
		STORE(the_lock_excludes_and_a_signal_ends_the_wait),
		STORE(the_lock_is_not_taken_twice),
		STORE(the_lock_goes_with_the_process_and_readers_need_none),
		STORE(a_tenant_comes_back_as_it_was_stored),
		STORE(the_ends_of_the_address_space_can_be_stored),
		STORE(a_list_is_by_name_with_the_endpoints_of_each),
		STORE(a_tenant_that_is_not_there_gets_a_hint),
		STORE(a_name_is_taken_once),
		STORE(a_tenant_that_was_not_checked_is_not_stored),
		STORE(an_insert_that_fails_half_way_leaves_nothing),
		STORE(a_deleted_tenant_is_gone_with_all_that_belongs_to_it),
		STORE(numbers_are_not_given_again_after_a_delete),
		STORE(a_new_link_number_is_stored_with_its_endpoint),
		EMPTY(numbers_end_where_names_and_macs_have_no_room),
		STORE(rollback_leaves_nothing_but_used_up_numbers),
		STORE(close_rolls_back_and_uses_up_numbers_too),
		STORE(what_is_committed_is_seen_by_others_and_not_before),
		STORE(transactions_do_not_nest),
		STORE(a_full_disk_is_reported_and_leaves_nothing),
		EMPTY(a_new_store_on_a_full_disk_leaves_no_files),
		STORE(an_overlap_is_found_around_inside_and_equal),
		STORE(overlaps_are_those_that_a_search_of_all_finds),
		STORE(facts_of_another_boot_do_not_count),
		STORE(a_fact_of_a_tenant_that_is_not_there_is_refused),
		STORE(the_host_is_bound_until_the_next_boot),
		STORE(the_host_is_bound_by_one_of_eight_that_try_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
