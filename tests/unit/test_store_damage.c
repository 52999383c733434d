/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_env.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../../lib/store/page.h"
#include "../../lib/store/policies.h"
#include "../../lib/store/sql.h"
#include "../../lib/store/wal.h"
#include "../lib/inject.h"
#include "../lib/world.h"

#define NOTE_ROOM 512 /* before the log in its copy */

/* ---- stores, as bytes ---------------------------------------------------------- */

enum { DB, WAL, COPY, COPY_LOG, N_FILES };
static const char *const names[N_FILES] = {"nsnet.db", "nsnet.db-wal", "nsnet.db.copy",
					   "nsnet.db.copy-log"};

struct image {
	uint8_t *bytes[N_FILES];
	size_t size[N_FILES];
	char *rows; /* what is in it */
};

static void image_free(struct image *im)
{
	for (size_t i = 0; i < N_FILES; i++)
		free(im->bytes[i]);
	free(im->rows);
}

static void load(const struct env *env, struct image *im)
{
	for (size_t i = 0; i < N_FILES; i++) {
		NSN_AUTO(nsn_closep) int fd = openat(env->fd, names[i], O_RDONLY | O_CLOEXEC);
		struct stat st;

		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		im->size[i] = (size_t)st.st_size;
		im->bytes[i] = malloc(im->size[i] + 1);
		assert_int_equal(read(fd, im->bytes[i], im->size[i]), st.st_size);
	}
}

static void lay_out(const struct env *env, const struct image *im)
{
	(void)unlinkat(env->fd, "nsnet.db-shm", 0); /* as after a boot */
	for (size_t i = 0; i < N_FILES; i++)
		put_file(env, names[i], im->bytes[i], im->size[i]);
}

/* All rows of all tables, or NULL and why not. */
static char *rows_of(struct nsn_store *s, struct nsnet_err *err)
{
	static const char *const tables[] = {
		"meta", "tenant",     "endpoint", "label", "owner", "policy",  "policy_part",
		"host", "quarantine", "cable",	  "freed", "netns", "setting", "sqlite_sequence"};
	char *text = NULL, sql[64];
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r = 0;

	assert_non_null(out);
	for (size_t i = 0; r == 0 && i < NSN_COUNT(tables); i++) {
		NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;

		(void)snprintf(sql, sizeof(sql), "SELECT * FROM %s", tables[i]);
		r = nsn_sql_prepare(s, &st, sql, NULL, 0, err);
		while (r == 0 && (r = nsn_sql_step(s, st, err)) > 0) {
			for (int c = 0; c < sqlite3_column_count(st); c++)
				(void)fprintf(out, "%s|", nsn_sql_text(st, c));
			(void)fputc('\n', out);
			r = 0;
		}
	}
	assert_int_equal(fclose(out), 0);
	if (r < 0) {
		free(text);
		text = NULL;
	}
	return text;
}

static void policy(struct env *env, const char *name, bool deny)
{
	struct nsn_policy p = {.deny = deny};
	struct nsn_peer from = {0}, to = {0};
	struct nsn_ports ports = {0};

	(void)snprintf(p.name, sizeof(p.name), "%s", name);
	assert_int_equal(nsn_peer_parse(&from, "tenant1", NULL), 0);
	assert_int_equal(nsn_peer_parse(&to, "tenant2", NULL), 0);
	assert_int_equal(nsn_ports_parse(&ports, "tcp/443", NULL), 0);
	p.from = &from;
	p.to = &to;
	p.ports = &ports;
	p.n_from = p.n_to = p.n_ports = 1;
	assert_int_equal(nsn_store_policy_insert(env->s, &p, NULL), 0);
}

static void fill(struct env *env, int from, int to)
{
	char name[24], subnet[32];

	for (int i = from; i < to; i++) {
		struct nsn_quarantine q = {.since = 1700000000};

		(void)snprintf(name, sizeof(name), "tenant%d", i);
		(void)snprintf(subnet, sizeof(subnet), "10.1.%d.0/24", i);
		added(env, name, subnet, NULL);
		(void)snprintf(name, sizeof(name), "rule%d", i);
		policy(env, name, i % 2 == 0);
		(void)snprintf(name, sizeof(name), "tenant%d/default", i);
		assert_int_equal(nsn_peer_parse(&q.who, name, NULL), 0);
		if (i % 3 == 0)
			assert_int_equal(nsn_store_quarantine_put(env->s, &q, NULL), 0);
	}
}

/* And no more pages than that the log stays as it is, with one commit more. */
static void two_commits(struct env *env)
{
	struct nsn_quarantine q = {.since = 1700000000};

	(void)added(env, "tenant13", "10.1.13.0/24", NULL);
	assert_int_equal(nsn_peer_parse(&q.who, "tenant13", NULL), 0);
	assert_int_equal(nsn_store_quarantine_put(env->s, &q, NULL), 0);
}

/* All of it in the database, or its end in the log. */
static void make_image(struct env *env, bool folded, struct image *im)
{
	struct nsnet_err err = {0};

	assert_int_equal(open_store(env, NULL), 0);
	fill(env, 1, 12);
	raw_sql(env, "PRAGMA wal_checkpoint(TRUNCATE)", false);
	if (!folded)
		two_commits(env);
	im->rows = rows_of(env->s, &err);
	assert_non_null(im->rows);
	nsn_store_close(env->s);
	env->s = NULL;
	load(env, im);
	assert_int_equal(im->size[WAL] == 0, folded);
}

/* ---- what comes of it ---------------------------------------------------------- */

struct outcomes {
	unsigned int same, mended, refused;
};

/* It opens with what was in it, or with @also, or is refused in words (if it may be). */
static void try_one(struct env *env, const struct image *im, const char *also, bool may_refuse,
		    struct outcomes *o, const char *what, size_t at)
{
	struct nsnet_err err = {0};
	char *rows = NULL;

	lay_out(env, im);
	if (open_store(env, &err) == 0)
		rows = rows_of(env->s, &err);
	if (rows) {
		if (strcmp(rows, im->rows) != 0 && (!also || strcmp(rows, also) != 0))
			fail_msg("%s at %zu: other rows", what, at);
		if (nsn_store_mended(env->s) > 0)
			o->mended++;
		else
			o->same++;
	} else {
		if (!may_refuse || !err.msg[0] ||
		    (err.id != NSNET_E_STORE_BROKEN && err.id != NSNET_E_STORE_IO))
			fail_msg("%s at %zu: %d '%s'", what, at, err.code, err.msg);
		o->refused++;
	}
	free(rows);
	nsn_store_close(env->s);
	env->s = NULL;
}

static void tell(const char *what, const struct outcomes *o)
{
	print_message("%-34s %4u as it was, %4u mended, %4u refused\n", what, o->same, o->mended,
		      o->refused);
}

static uint64_t dice_state;

static size_t dice(size_t n)
{
	dice_state = dice_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(dice_state >> 33) % n;
}

/* Where there are zeros, zeros are no damage. */
static bool is_zero(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

static void cut_one(struct env *env, struct image *im, int file, struct outcomes *o)
{
	const size_t size = im->size[file], step = file == DB || file == WAL ? 512 : 2048;

	for (size_t n = 0; n < size; n += test_quick() ? 512 * 37 : step) {
		im->size[file] = n;
		try_one(env, im, NULL, false, o, names[file], n);
	}
	im->size[file] = size;
}

static void zero_one(struct env *env, struct image *im, int file, size_t unit, struct outcomes *o)
{
	uint8_t *saved = malloc(unit);

	for (size_t at = 0; at < im->size[file]; at += unit * (test_quick() ? 11 : 1)) {
		const size_t n = at + unit < im->size[file] ? unit : im->size[file] - at;

		if (is_zero(im->bytes[file] + at, n))
			continue;
		memcpy(saved, im->bytes[file] + at, n);
		memset(im->bytes[file] + at, 0, n);
		try_one(env, im, NULL, false, o, names[file], at);
		memcpy(im->bytes[file] + at, saved, n);
	}
	free(saved);
}

static void flip_one(struct env *env, struct image *im, int file, struct outcomes *o)
{
	if (im->size[file] == 0)
		return;
	for (int i = 0; i < (test_quick() ? 10 : 120); i++) {
		/* Heads more often: there is more in a bit of them. */
		const size_t at = dice(i % 3 == 0 && im->size[file] > 600 ? 600 : im->size[file]);
		const uint8_t bit = (uint8_t)(1u << dice(8));

		im->bytes[file][at] ^= bit;
		try_one(env, im, NULL, false, o, names[file], at);
		im->bytes[file][at] ^= bit;
	}
}

static void damage_each(struct env *env, bool folded)
{
	struct outcomes o = {0}, all = {0};
	struct image im = {0};

	dice_state = 1;
	make_image(env, folded, &im);
	for (int file = 0; file < N_FILES; file++) {
		o = (struct outcomes){0};
		cut_one(env, &im, file, &o);
		zero_one(env, &im, file, NSN_PAGE_SIZE, &o);
		zero_one(env, &im, file, file == DB || file == COPY ? 2048 : 512, &o);
		flip_one(env, &im, file, &o);
		tell(names[file], &o);
		all.same += o.same;
		all.mended += o.mended;
	}
	tell(folded ? "each alone, no log" : "each alone, with a log", &all);
	/* What was damaged was noticed at all. */
	assert_true(all.mended > (all.same + all.mended) / 8);
	image_free(&im);
}

static void damage_to_one_file_changes_nothing(void **state)
{
	damage_each(*state, false);
}

static void damage_to_one_file_without_a_log_changes_nothing(void **state)
{
	damage_each(*state, true);
}

/* ---- both copies ----------------------------------------------------------------- */

/* The same place of both copies of a file. */
static void damage_both(struct env *env, struct image *im, int file, size_t at, size_t n, int flip,
			struct outcomes *o)
{
	const size_t other = at + (file == WAL ? NOTE_ROOM : 0);
	uint8_t saved[NSN_WAL_FRAME];

	if (!flip && is_zero(im->bytes[file] + at, n))
		return;
	memcpy(saved, im->bytes[file] + at, n);
	if (flip) {
		im->bytes[file][at] ^= (uint8_t)flip;
		im->bytes[file + 2][other] ^= (uint8_t)flip;
	} else {
		memset(im->bytes[file] + at, 0, n);
		memset(im->bytes[file + 2] + other, 0, n);
	}
	try_one(env, im, NULL, true, o, names[file], at);
	memcpy(im->bytes[file] + at, saved, n);
	memcpy(im->bytes[file + 2] + other, saved, n);
}

static void the_same_page_damaged_twice_is_refused_or_not_needed(void **state)
{
	struct env *env = *state;
	struct image im = {0};

	dice_state = 2;
	make_image(env, false, &im);
	for (int file = DB; file <= WAL; file++) {
		struct outcomes o = {0};
		const size_t unit = file == DB ? NSN_PAGE_SIZE : 512;

		for (size_t at = 0; at + unit <= im.size[file]; at += unit)
			if (!test_quick() || at / unit % 7 == 0)
				damage_both(env, &im, file, at, unit, 0, &o);
		for (int i = 0; i < (test_quick() ? 10 : 150); i++)
			damage_both(env, &im, file, dice(im.size[file]), 1, 1 << dice(8), &o);
		tell(file == DB ? "both copies of a page" : "both copies of the log", &o);
		if (file == WAL)
			assert_int_equal(o.same + o.mended, 0);
		else
			assert_true(o.refused > 5 || (test_quick() && o.refused > 0));
	}
	image_free(&im);
}

/* Not even when what was noted about the log is lost with it: what follows proves it. */
static void a_commit_is_not_lost_silently_without_its_note(void **state)
{
	struct env *env = *state;
	struct outcomes o = {0};
	struct image im = {0};
	size_t last, before;

	make_image(env, false, &im);
	memset(im.bytes[COPY_LOG], 0, NOTE_ROOM);
	last = nsn_wal_frames(im.size[WAL]) - 1;
	for (before = last - 1; !nsn_wal_is_commit(im.bytes[WAL] + nsn_wal_at(before));)
		before--;
	for (size_t nr = 0; nr <= before; nr++)
		damage_both(env, &im, WAL, nsn_wal_at(nr) + 100, 1, 4, &o);
	tell("both copies, and no note", &o);
	assert_int_equal(o.same + o.mended, 0);
	image_free(&im);
}

/* ---- the end of the log ------------------------------------------------------------ */

/* As a power loss leaves a commit that was never acknowledged: any part of it is there. */
static void the_torn_end_of_the_log_is_the_state_before_or_after(void **state)
{
	struct env *env = *state;
	struct outcomes o = {0};
	struct image before = {0}, im = {0};

	make_image(env, false, &before);
	assert_int_equal(open_store(env, NULL), 0);
	policy(env, "last", true);
	im.rows = rows_of(env->s, NULL);
	nsn_store_close(env->s);
	env->s = NULL;
	load(env, &im);
	assert_true(im.size[WAL] > before.size[WAL] + 2 * NSN_WAL_FRAME);
	memcpy(im.bytes[COPY_LOG], before.bytes[COPY_LOG], NOTE_ROOM);

	for (size_t at = before.size[WAL]; at < im.size[WAL]; at += 512) {
		const size_t size = im.size[WAL], n = size - at < 512 ? size - at : 512;
		uint8_t saved[512];

		memcpy(saved, im.bytes[WAL] + at, n);
		memset(im.bytes[WAL] + at, 0, n);
		try_one(env, &im, before.rows, false, &o, "hole in the log", at);
		memset(im.bytes[COPY_LOG] + at + NOTE_ROOM, 0, n);
		try_one(env, &im, before.rows, false, &o, "hole in both", at);
		memcpy(im.bytes[WAL] + at, saved, n);
		try_one(env, &im, before.rows, false, &o, "hole in the copy", at);
		memcpy(im.bytes[COPY_LOG] + at + NOTE_ROOM, saved, n);
		im.size[WAL] = at;
		im.size[COPY_LOG] = at + NOTE_ROOM;
		try_one(env, &im, before.rows, false, &o, "cut in both", at);
		im.size[WAL] = size;
		im.size[COPY_LOG] = size + NOTE_ROOM;
	}
	tell("torn end, not acknowledged", &o);
	image_free(&before);
	image_free(&im);
}

/* The same when it was acknowledged: then it is there, or somebody is told. */
static void the_acknowledged_end_of_the_log_is_there_or_missed(void **state)
{
	struct env *env = *state;
	struct outcomes o = {0};
	struct image im = {0};
	size_t last;

	make_image(env, false, &im);
	last = im.size[WAL];
	for (size_t at = 0; at < last; at += 512) {
		im.size[WAL] = at;
		im.size[COPY_LOG] = at + NOTE_ROOM;
		try_one(env, &im, NULL, true, &o, "cut in both", at);
	}
	tell("cut in both, acknowledged", &o);
	assert_int_equal(o.same + o.mended, 0);
	image_free(&im);
}

/* ---- mended is mended ---------------------------------------------------------------- */

static void what_was_mended_is_whole_afterwards(void **state)
{
	struct env *env = *state;
	struct outcomes o = {0};
	struct image im = {0};

	make_image(env, true, &im);
	memset(im.bytes[DB], 0, NSN_PAGE_SIZE);
	try_one(env, &im, NULL, false, &o, "all zeros", 0);
	assert_int_equal(o.mended, 1);
	assert_int_equal(unlinkat(env->fd, names[COPY], 0), 0);
	assert_int_equal(open_store(env, NULL), 0);
	assert_int_equal(nsn_store_mended(env->s), 0);
	assert_int_equal(count(env), 11);
	image_free(&im);
}

static void one_file_that_is_gone_comes_back(void **state)
{
	struct env *env = *state;
	struct image im = {0};

	make_image(env, false, &im);
	for (int file = 0; file < N_FILES; file++) {
		char *rows;

		lay_out(env, &im);
		assert_int_equal(unlinkat(env->fd, names[file], 0), 0);
		assert_int_equal(open_store(env, NULL), 0);
		rows = rows_of(env->s, NULL);
		assert_string_equal(rows, im.rows);
		free(rows);
		nsn_store_close(env->s);
		env->s = NULL;
		assert_int_equal(faccessat(env->fd, names[file], F_OK, 0), 0);
	}
	image_free(&im);
}

/* ---- SIGKILL ------------------------------------------------------------------------- */

struct committer {
	struct env env;
	int n, *told; /* how many commits were acknowledged; shared with the parent */
};

static int calls_seen, kill_at;

static void look(const uint64_t args[6])
{
	(void)args;
	if (calls_seen++ == kill_at)
		(void)kill(getpid(), SIGKILL);
}

static void commit_some(void *arg)
{
	struct committer *c = arg;
	char name[24], subnet[32];

	if (open_store(&c->env, NULL) < 0)
		return;
	for (int i = 0; i < c->n; i++) {
		struct nsn_tenant t = {0};
		int r;

		(void)snprintf(name, sizeof(name), "t%d", i);
		(void)snprintf(subnet, sizeof(subnet), "10.%d.%d.0/24", 1 + i / 200, i % 200);
		r = nsn_tenant_init(&t, name, subnet, NULL);
		if (r == 0)
			r = nsn_store_tenant_insert(c->env.s, &t, NULL);
		nsn_tenant_clear(&t);
		if (r < 0)
			break;
		++*c->told;
	}
	nsn_store_close(c->env.s);
}

/* What was acknowledged is there, and at most one more that was on its way. */
static void check_told(struct env *env, int told, int at)
{
	struct nsnet_err err = {0};
	int got;

	if (open_store(env, &err) < 0)
		fail_msg("at call %d, after %d commits: %s", at, told, err.msg);
	got = (int)count(env);
	if (got != told && got != told + 1)
		fail_msg("at call %d: %d tenants after %d commits", at, got, told);
	nsn_store_close(env->s);
	env->s = NULL;
	drop_db(env);
}

static const struct inject_rule rules[] = {
	{.nr = __NR_pwrite64, .error = ENOSPC, .look = look},
	{.nr = __NR_fdatasync, .error = EIO, .look = look},
	{.nr = __NR_fsync, .error = EIO, .look = look},
	{.nr = __NR_ftruncate, .error = EIO, .look = look},
	{.nr = __NR_renameat, .error = EIO, .look = look},
	{.nr = __NR_unlink, .error = EIO, .look = look},
};

static int *shared_int(void)
{
	int *n = mmap(NULL, sizeof(*n), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(n, MAP_FAILED);
	return n;
}

/* Return: whether it died */
static bool die_at(const struct env *env, int at, int *told)
{
	struct committer c = {.env = *env, .told = told, .n = 5};
	struct inject seen;
	int status;
	pid_t pid;

	*told = 0;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		kill_at = at;
		inject(rules, NSN_COUNT(rules), -1, commit_some, &c, &seen);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status);
}

static void killed_before_any_write_it_has_all_that_was_acknowledged(void **state)
{
	struct env *env = *state;
	int *told = shared_int(), at = 0;

	while (die_at(env, at, told)) {
		check_told(env, *told, at);
		at += test_quick() ? 31 : 1;
	}
	print_message("killed before each of %d calls\n", at);
	assert_int_equal(*told, 5);
	assert_true(at > 150);
	(void)munmap(told, sizeof(*told));
}

static void when_any_write_fails_it_has_all_that_was_acknowledged(void **state)
{
	struct env *env = *state;
	int *told = shared_int(), at = 0;
	struct inject seen;

	kill_at = -1;
	do {
		struct committer c = {.env = *env, .told = told, .n = 5};

		*told = 0;
		inject(rules, NSN_COUNT(rules), at, commit_some, &c, &seen);
		if (faccessat(env->fd, names[DB], F_OK, 0) == 0)
			check_told(env, *told, at);
		at += test_quick() ? 31 : 1;
	} while (seen.failed_nr >= 0);
	print_message("failed each of %d calls\n", at);
	(void)munmap(told, sizeof(*told));
}

struct aim {
	const int *told;
	int at;
};

static bool has_told(void *ctx)
{
	const struct aim *aim = ctx;

	return __atomic_load_n(aim->told, __ATOMIC_RELAXED) >= aim->at;
}

static void killed_at_any_time_it_has_all_that_was_acknowledged(void **state)
{
	struct env *env = *state;
	int *told = shared_int();
	struct aim aim = {.told = told};

	dice_state = 3;
	for (int i = 0; i < (test_quick() ? 5 : 60); i++) {
		struct committer c = {.env = *env, .told = told, .n = 1000};
		pid_t pid;

		*told = 0;
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			commit_some(&c);
			_exit(0);
		}
		aim.at = (int)dice(25);
		(void)poll_until(has_told, &aim, 20000);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		if (faccessat(env->fd, names[DB], F_OK, 0) == 0)
			check_told(env, *told, -1);
	}
	(void)munmap(told, sizeof(*told));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_empty, teardown)
	const struct CMUnitTest damage[] = {
		TEST(damage_to_one_file_changes_nothing),
		TEST(damage_to_one_file_without_a_log_changes_nothing),
		TEST(the_same_page_damaged_twice_is_refused_or_not_needed),
		TEST(a_commit_is_not_lost_silently_without_its_note),
		TEST(the_torn_end_of_the_log_is_the_state_before_or_after),
		TEST(the_acknowledged_end_of_the_log_is_there_or_missed),
		TEST(what_was_mended_is_whole_afterwards),
		TEST(one_file_that_is_gone_comes_back),
		TEST(killed_at_any_time_it_has_all_that_was_acknowledged),
	};
	const struct CMUnitTest calls[] = {
		TEST(killed_before_any_write_it_has_all_that_was_acknowledged),
		TEST(when_any_write_fails_it_has_all_that_was_acknowledged),
	};
	const char *under = getenv("TEST_WRAPPER");
	int failed = cmocka_run_group_tests(damage, NULL, NULL);

	/* valgrind 3.19 has no seccomp(2), by which calls are made to fail. */
	if (under && *under)
		return failed;
	return failed + cmocka_run_group_tests(calls, NULL, NULL);
}
