/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/workloads.h"
#include "../lib/lab.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * A thousand workloads, fifty of them at once, from one process with threads: each has its own
 * status, and afterwards there is as much of everything as before.
 */

#define THREADS 10
#define HELD	5 /* of each thread at once */
#define ROUNDS	20

static struct nsnet *n;

/* ---- control groups ------------------------------------------------------------------------ */

static struct {
	char *at, *own; /* NULL: there is no version 2 */
} groups;

/*
 * They are the whole machine's, on which others run workloads, too: a group of our own becomes the
 * hierarchy's root, as far as this mount namespace can see.
 */
static void own_groups(void)
{
	groups.at = lab_sh("stat -fc '%%T %%n' /sys/fs/cgroup /sys/fs/cgroup/unified 2>/dev/null | "
			   "sed -n 's/^cgroup2fs //p'");
	if (!*groups.at)
		return;
	assert_true(asprintf(&groups.own, "%s/nsnet-many-%d", groups.at, (int)getpid()) > 0);
	assert_int_equal(mkdir(groups.own, 0755), 0);
	assert_int_equal(mount(groups.own, groups.at, NULL, MS_BIND, NULL), 0);
}

static void drop_groups(void)
{
	if (groups.own) {
		assert_int_equal(umount2(groups.at, MNT_DETACH), 0);
		assert_int_equal(rmdir(groups.own), 0);
	}
	free(groups.own);
	free(groups.at);
}

/* That were removed, and which the kernel still has. */
static bool no_group_is_dying(void *arg)
{
	NSN_AUTO(nsn_freep)
	char *text = lab_sh("sed -n 's/^nr_dying_descendants //p' %s/cgroup.stat", groups.at);

	(void)arg;
	return strcmp(text, "0") == 0;
}

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	/* One of our own, so that nobody else's segments are counted. */
	assert_int_equal(unshare(CLONE_NEWIPC), 0);
	own_groups();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	NSNET_STATUS(0, "run", "blue", "--", "true"); /* folders, and a range of numbers */
	return 0;
}

static int drop(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	nsnet_close(n);
	drop_groups();
	return 0;
}

/* ---- namespaces --------------------------------------------------------------------------- */

/*
 * A handle opens a namespace as long as anything holds it, also if that is no process and no mount.
 * Kernels before 6.18 have none of nsfs.
 */
union handle {
	struct file_handle head;
	char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static struct {
	pthread_mutex_t lock;
	union handle list[THREADS * HELD * ROUNDS * NSNET_NS_COUNT];
	size_t n;
	bool none;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Of a running workload's own namespaces: all but net, which is the tenant's, and time. */
static void note_namespaces(int32_t pid)
{
	static const char *const words[] = {"pid", "mnt", "ipc", "uts", "user", "cgroup"};

	(void)pthread_mutex_lock(&seen.lock);
	for (size_t i = 0; i < NSN_COUNT(words); i++) {
		union handle *h = &seen.list[seen.n];
		char path[64];
		int mount;

		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, words[i]);
		h->head.handle_bytes = MAX_HANDLE_SZ;
		if (name_to_handle_at(AT_FDCWD, path, &h->head, &mount, AT_SYMLINK_FOLLOW) == 0)
			seen.n++;
		else
			seen.none = true;
	}
	(void)pthread_mutex_unlock(&seen.lock);
}

static size_t namespaces_left(void)
{
	const int at = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	size_t left = 0;

	assert_true(at >= 0);
	for (size_t i = 0; i < seen.n; i++) {
		const int fd = open_by_handle_at(at, &seen.list[i].head, O_RDONLY | O_CLOEXEC);

		if (fd < 0) {
			assert_int_equal(errno, ESTALE);
			continue;
		}
		left++;
		(void)close(fd);
	}
	(void)close(at);
	return left;
}

static bool namespaces_are_gone(void *arg)
{
	(void)arg;
	return namespaces_left() == 0;
}

/* ---- counters ------------------------------------------------------------------------------- */

/*
 * Lines that must be the same afterwards. Session keyrings need no line: a user who is not the
 * host's root has 200 keys at most, so the 200th that stayed would be the end of starts.
 */
static char *counters(void)
{
	char *all = NULL;
	char *ward = ward_counters();
	char *rows = lab_rows(LAB_STATE);
	char *more =
		lab_sh("echo shm $(wc -l </proc/sysvipc/shm) msg $(wc -l </proc/sysvipc/msg) "
		       "sem $(wc -l </proc/sysvipc/sem);"
		       "echo tasks $(ls /proc/%d/task | wc -l);"
		       "find /run /var/lib /etc/netns /dev/shm /dev/mqueue -xdev 2>/dev/null | "
		       "grep -vE -e '-(wal|shm|journal)$' | sort",
		       (int)getpid());

	assert_true(asprintf(&all, "%s%s%s\n", ward, more, rows) > 0);
	free(ward);
	free(more);
	free(rows);
	return all;
}

static bool counters_are(void *arg)
{
	NSN_AUTO(nsn_freep) char *now = counters();

	return strcmp(now, arg) == 0;
}

static size_t memory(void)
{
	const struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* ---- one thread --------------------------------------------------------------------------------
 */

struct worker {
	int number, rounds;
	pthread_t thread;
	pthread_barrier_t *all;
	char why[512]; /* the first thing that went wrong */
};

struct held {
	struct nsnet_run *run;
	int input; /* it ends when this does */
	int wanted;
};

__attribute__((format(printf, 2, 3))) static void wrong(struct worker *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!w->why[0])
		(void)vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
}

static void start_one(struct worker *w, struct nsnet *own, struct held *h, int round, int i,
		      int null)
{
	struct nsnet_run_def def = {.tenant = "blue", .stdio = {-1, null, null}};
	struct nsnet_err err = {0};
	char script[128];
	int in[2];

	h->wanted = (w->number * 61 + round * 7 + i) % 256;
	(void)snprintf(script, sizeof(script),
		       "ipcmk -M 4096 >/dev/null; echo x >/dev/shm/x; read x; exit %d", h->wanted);
	def.argv = (const char *const[]){"sh", "-c", script, NULL};
	if (pipe2(in, O_CLOEXEC) < 0) {
		wrong(w, "no pipe: %s", strerror(errno));
		return;
	}
	def.stdio[0] = in[0];
	if (nsnet_run_start(own, &def, &h->run, &err) < 0)
		wrong(w, "round %d, %d: %s", round, i, err.msg);
	(void)close(in[0]);
	h->input = in[1];
	if (h->run)
		note_namespaces(nsnet_run_pid(h->run));
}

static void end_one(struct worker *w, struct held *h)
{
	struct nsnet_exit ended = {0};
	struct nsnet_err err = {0};

	(void)close(h->input);
	if (!h->run)
		return;
	if (nsnet_run_wait(h->run, 60000, &ended, &err) != 1)
		wrong(w, "it does not end: %s", err.msg);
	else if (ended.signalled || ended.code != h->wanted)
		wrong(w, "status %d, not %d", ended.code, h->wanted);
	nsnet_run_free(h->run);
}

/* Starts its own, meets the others, who all have theirs, twice: between, somebody counts. */
static void *work(void *arg)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct nsnet_err err = {0};
	struct nsnet *own = NULL;
	struct worker *w = arg;

	if (nsnet_open(&own, NULL, NULL, &err) < 0)
		wrong(w, "%s", err.msg);
	for (int round = 0; round < w->rounds; round++) {
		struct held held[HELD] = {0};

		for (int i = 0; i < HELD && own; i++)
			start_one(w, own, &held[i], round, i, null);
		(void)pthread_barrier_wait(w->all);
		(void)pthread_barrier_wait(w->all);
		for (int i = 0; i < HELD && own; i++)
			end_one(w, &held[i]);
	}
	nsnet_close(own);
	(void)close(null);
	return NULL;
}

static void run_all(int rounds, int *fewest)
{
	pthread_barrier_t all;
	struct worker workers[THREADS] = {0};

	assert_int_equal(pthread_barrier_init(&all, NULL, THREADS + 1), 0);
	for (int i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.number = i, .rounds = rounds, .all = &all};
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (int round = 0; round < rounds; round++) {
		int live;

		(void)pthread_barrier_wait(&all);
		live = lab_sh_status("exit $(ls /run/nsnet/workloads | wc -l)");
		if (live < *fewest)
			*fewest = live;
		(void)pthread_barrier_wait(&all);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
	assert_int_equal(pthread_barrier_destroy(&all), 0);
	for (int i = 0; i < THREADS; i++)
		if (workers[i].why[0])
			fail_msg("thread %d: %s", i, workers[i].why);
}

/* ---- tests --------------------------------------------------------------------------------------
 */

/* Lines that are in one and not in the other. */
static void tell_lines(const char *word, const char *in, const char *not_in)
{
	NSN_AUTO(nsn_freep) char *copy = strdup(in);
	char *rest = NULL;

	assert_non_null(copy);
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strstr(not_in, line))
			print_error("%s: %s\n", word, line);
}

static void expect_counters(char *before)
{
	if (!poll_until(counters_are, before, 20000)) {
		NSN_AUTO(nsn_freep) char *now = counters();

		tell_lines("before", before, now);
		tell_lines("now", now, before);
		fail();
	}
	free(before);
}

static void a_thousand_leave_nothing(void **state)
{
	const int rounds = test_quick() ? 2 : ROUNDS;
	int fewest = THREADS * HELD;
	char *before;
	size_t had;

	(void)state;
	world_need();
	run_all(1, &fewest); /* what is allocated once */
	before = counters();
	had = memory();
	run_all(rounds, &fewest);
	/* All of them were there at once. */
	assert_int_equal(fewest, THREADS * HELD);
	assert_true(memory() <= had + 1024);
	expect_counters(before);
	if (seen.none)
		print_message("this kernel has no handles of namespaces\n");
	else if (!poll_until(namespaces_are_gone, NULL, 20000))
		fail_msg("%zu of %zu namespaces are left", namespaces_left(), seen.n);
	if (groups.own)
		assert_true(poll_until(no_group_is_dying, NULL, 20000));
}

/* Each is a process of its own, so that all of them look at, lock and sweep the same folder. */
static void fifty_commands_at_once_leave_nothing(void **state)
{
	const int rounds = test_quick() ? 1 : 4;
	char *before;

	(void)state;
	world_need();
	before = counters();
	for (int i = 0; i < rounds; i++) {
		NSN_AUTO(nsn_freep)
		char *said = lab_sh("for i in $(seq 50); do "
				    "(%s run blue -- sh -c \"exit $i\"; [ $? = $i ] || echo $i) & "
				    "done 2>&1; wait",
				    nsnet_bin());

		assert_string_equal(said, "");
	}
	expect_counters(before);
}

/* Half of the supervisors are killed while the others start and sweep. */
static void killed_supervisors_are_swept_by_the_others(void **state)
{
	const int rounds = test_quick() ? 1 : 4;
	char *before;

	(void)state;
	world_need();
	before = counters();
	for (int i = 0; i < rounds; i++)
		RUN_STATUS(0, "bash", "-c",
			   "for i in $(seq 25); do"
			   "  $0 run blue -- sleep 1000 & victims+=($!);"
			   "  sleep 0.0$((RANDOM % 3)); kill -9 ${victims[i / 2]} 2>/dev/null;"
			   "  $0 run blue -- true & good+=($!);"
			   "done;"
			   "kill -9 ${victims[@]} 2>/dev/null;"
			   "for p in ${good[@]}; do wait $p || exit 9; done; wait; true",
			   nsnet_bin());
	NSNET_STATUS(0, "gc", "-q", "-y");
	expect_counters(before);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_leave_nothing),
		cmocka_unit_test(fifty_commands_at_once_leave_nothing),
		cmocka_unit_test(killed_supervisors_are_swept_by_the_others),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, drop);
}
