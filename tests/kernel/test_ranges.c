/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/exceptions.h"
#include "../../lib/ids.h"
#include "../../lib/spawn/inuse.h"
#include "../../lib/store/ranges.h"
#include "../lib/inject.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * Numbers of users on a real host: what its files and its processes have is stepped over.
 * Whoever runs workloads here has ranges of the zone, too, so no test knows where it begins:
 * each asks for one first, and counts from there; tests/run.sh gives each program a /proc of its
 * own.
 */

#define OK(call)                                                                                   \
	do {                                                                                       \
		struct nsnet_err why = {0};                                                        \
		int ok_ = (call);                                                                  \
                                                                                                   \
		lab_ok(ok_, &why, #call, __FILE__, __LINE__);                                      \
	} while (0)

/* ---- somebody else -------------------------------------------------------------- */

/* A process of its own kind, until it is told to go. */
struct other {
	pid_t pid;
	int go;
};

/* What makes the child what it is; an exit status, 0: go on. */
typedef int become_fn(uint32_t id);

static void write_map(pid_t pid, const char *file, const char *map)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, map, strlen(map)), strlen(map));
}

static struct other start(become_fn *become, uint32_t id)
{
	struct other o;
	int ready[2], go[2];
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	o.pid = fork();
	assert_true(o.pid >= 0);
	if (o.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(go[1]);
		if (become(id) != 0 || write(ready[1], "x", 1) != 1)
			_exit(9);
		_exit(read(go[0], &c, 1) == 1 ? 0 : 8);
	}
	(void)close(ready[1]);
	(void)close(go[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	(void)close(ready[0]);
	o.go = go[1];
	return o;
}

static void stop(struct other o)
{
	int status;

	/* Not by its end: other children have it open, too. */
	assert_int_equal(write(o.go, "x", 1), 1);
	(void)close(o.go);
	assert_int_equal(waitpid(o.pid, &status, 0), o.pid);
	assert_int_equal(status, 0);
}

static int in_userns(uint32_t id)
{
	(void)id;
	return unshare(CLONE_NEWUSER);
}

static int as_user(uint32_t id)
{
	return syscall(SYS_setresuid, id, id, id) == 0 ? 0 : -1;
}

/* Only one of the four: the one that files are made with. */
static int as_group(uint32_t id)
{
	return setfsgid(id) < 0 ? -1 : 0;
}

static int as_member(uint32_t id)
{
	const gid_t list[] = {5, id};

	return setgroups(2, list);
}

static struct other start_mapped(const char *users, const char *groups)
{
	struct other o = start(in_userns, 0);

	write_map(o.pid, "uid_map", users);
	write_map(o.pid, "gid_map", groups);
	return o;
}

/* ---- asking --------------------------------------------------------------------- */

static void put(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(const char *path, const char *fmt, ...)
{
	FILE *f = fopen(path, "a");
	va_list args;

	assert_non_null(f);
	va_start(args, fmt);
	assert_true(vfprintf(f, fmt, args) > 0);
	va_end(args);
	assert_int_equal(fclose(f), 0);
}

static uint32_t base_of(struct nsnet *n, const char *name)
{
	uint32_t base = 0;

	OK(nsnet_id(n, name, 0, &base, &why));
	return base;
}

static struct nsnet *with_tenants(void)
{
	struct nsnet *n = lab_open();
	char name[16], subnet[32];

	for (int i = 1; i <= 8; i++) {
		(void)snprintf(name, sizeof(name), "customer%d", i);
		(void)snprintf(subnet, sizeof(subnet), "10.10.%d.0/24", i);
		lab_add(n, name, subnet, NSNET_CREATED);
	}
	return n;
}

static uint64_t id_of(struct nsnet *n, const char *name)
{
	struct nsnet_tenant *t = NULL;
	uint64_t id;

	OK(nsnet_tenant_get(n, name, 0, &t, &why));
	id = nsnet_tenant_id(t);
	nsnet_tenant_free(t);
	return id;
}

/* ---- ranges --------------------------------------------------------------------- */

static void what_files_give_away_is_stepped_over(void **state)
{
	struct nsnet *n;
	uint32_t base;

	(void)state;
	world_need();
	n = with_tenants();
	base = base_of(n, "customer1");
	put("/etc/subuid", "alice:%u:65536\n", base + 65536);
	assert_int_equal(base_of(n, "customer2"), base + 2 * 65536);
	put("/etc/subgid", "alice:%u:1\n", base + 4 * 65536 - 1);
	assert_int_equal(base_of(n, "customer3"), base + 4 * 65536);
	put("/etc/passwd", "eve:x:%u:1::/:/bin/sh\n", base + 5 * 65536 + 9);
	assert_int_equal(base_of(n, "customer4"), base + 6 * 65536);
	put("/etc/group", "eves:x:%u:\n", base + 7 * 65536);
	assert_int_equal(base_of(n, "customer5"), base + 8 * 65536);
	/* What a tenant has it keeps, whoever comes later. */
	put("/etc/subuid", "bob:%u:65536\n", base);
	assert_int_equal(base_of(n, "customer1"), base);
	nsnet_close(n);
}

static void files_that_are_not_there_give_nothing_away(void **state)
{
	struct nsnet *n;
	uint32_t base;

	(void)state;
	world_need();
	n = with_tenants();
	base = base_of(n, "customer1");
	free(lab_sh("rm -f /etc/subuid /etc/subgid"));
	assert_int_equal(base_of(n, "customer2"), base + 65536);
	nsnet_close(n);
}

/* It could have said anything. */
static void a_file_that_cannot_be_read_stops_it(void **state)
{
	struct nsnet_err err = {0};
	struct nsnet *n;
	uint32_t base, got = 7;

	(void)state;
	world_need();
	n = with_tenants();
	base = base_of(n, "customer1");
	free(lab_sh("rm -f /etc/subgid; mkdir /etc/subgid"));
	assert_true(nsnet_id(n, "customer2", 0, &got, &err) < 0);
	assert_int_equal(err.id, NSNET_E_IO);
	LAB_HAS(err.msg, "tenant 'customer2'");
	LAB_HAS(err.msg, "/etc/subgid");
	assert_int_equal(got, 7);
	assert_int_equal(base_of(n, "customer1"), base); /* who has one needs no look */
	free(lab_sh("rmdir /etc/subgid"));
	assert_int_equal(base_of(n, "customer2"), base + 65536);
	nsnet_close(n);
}

static void maps_of_processes_are_stepped_over(void **state)
{
	struct other users, groups;
	struct nsnet *n;
	char map[64];
	uint32_t base;

	(void)state;
	world_need();
	n = with_tenants();
	base = base_of(n, "customer1");
	(void)snprintf(map, sizeof(map), "0 1000 1\n1 %u 65535\n", base + 65536);
	users = start_mapped(map, "0 0 1");
	assert_int_equal(base_of(n, "customer2"), base + 2 * 65536);
	(void)snprintf(map, sizeof(map), "0 %u 1\n", base + 4 * 65536 - 1);
	groups = start_mapped("0 0 1", map);
	assert_int_equal(base_of(n, "customer3"), base + 4 * 65536);
	stop(users);
	stop(groups);
	/* What was stepped over stays so. */
	assert_int_equal(base_of(n, "customer4"), base + 5 * 65536);
	nsnet_close(n);
}

static void users_of_processes_are_stepped_over(void **state)
{
	static become_fn *const ways[] = {as_user, as_group, as_member};
	struct other others[3];
	struct nsnet *n;
	uint32_t base;

	(void)state;
	world_need();
	n = with_tenants();
	base = base_of(n, "customer1");
	for (uint32_t i = 0; i < 3; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "customer%u", i + 2);
		others[i] = start(ways[i], base + (2 * i + 1) * 65536 + 1000);
		if (base_of(n, name) != base + (2 * i + 2) * 65536)
			fail_msg("way %u was not seen", i);
	}
	for (size_t i = 0; i < 3; i++)
		stop(others[i]);
	nsnet_close(n);
}

/* Processes that come and go as fast as they can are no reason to fail. */
static void processes_that_vanish_are_fine(void **state)
{
	pid_t churn[2];

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(churn); i++) {
		churn[i] = fork();
		assert_true(churn[i] >= 0);
		if (churn[i] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)signal(SIGCHLD, SIG_IGN);
			for (;;)
				if (fork() == 0)
					_exit(0);
		}
	}
	for (int i = 0; i < 300; i++) {
		NSN_AUTO(nsn_taken_clear) struct nsn_taken_list l = {0};

		OK(nsn_inuse_read(0, &l, &why));
		assert_non_null(nsn_taken_find(&l, 0, 1)); /* root */
	}
	for (size_t i = 0; i < NSN_COUNT(churn); i++) {
		(void)kill(churn[i], SIGKILL);
		(void)waitpid(churn[i], NULL, 0);
	}
}

/* All at once, each for the first time, two for each tenant. */
static void many_at_once_get_one_each(void **state)
{
	NSN_AUTO(run_free) struct run r = {0};
	uint32_t seen[8], other;
	struct nsnet *n;
	char line[256];

	(void)state;
	world_need();
	n = with_tenants();
	nsnet_close(n);
	(void)snprintf(line, sizeof(line),
		       "for i in 1 2 3 4 5 6 7 8 8 7 6 5 4 3 2 1; do "
		       "(echo $i $(%s id customer$i 0)) & done; wait",
		       nsnet_bin());
	RUN(&r, "sh", "-c", line);
	assert_int_equal(r.status, 0);
	n = lab_open();
	for (int i = 0; i < 8; i++) {
		(void)snprintf(line, sizeof(line), "customer%d", i + 1);
		seen[i] = base_of(n, line);
		for (int k = 0; k < i; k++)
			assert_true(seen[k] != seen[i]);
	}
	/* And that is what they were told. */
	for (char *at = strtok(r.out, "\n"); at; at = strtok(NULL, "\n")) {
		assert_true(at[0] >= '1' && at[0] <= '8');
		other = (uint32_t)strtoul(at + 2, NULL, 10);
		assert_int_equal(other, seen[at[0] - '1']);
	}
	nsnet_close(n);
}

/* ---- what it costs, and what can fail ------------------------------------------- */

static int looked_at; /* files of the host */

static void count_files(const uint64_t args[6])
{
	const char *path = (const char *)(uintptr_t)args[1];

	if (strncmp(path, "/etc/sub", 8) == 0 || strcmp(path, "/proc") == 0 || strstr(path, "_map"))
		looked_at++;
}

struct asked {
	struct nsnet *n;
	uint64_t tenant;
	const char *name;
	struct nsn_ids ids;
	struct nsnet_err err;
	int r;
};

static void ask(void *arg)
{
	struct asked *a = arg;

	a->err = (struct nsnet_err){0};
	a->r = nsn_tenant_ids(a->n, a->tenant, a->name, &a->ids, &a->err);
}

static void only_the_first_question_looks_at_the_host(void **state)
{
	static const struct inject_rule opens = {.nr = __NR_openat, .look = count_files};
	struct inject done;
	struct asked a;

	(void)state;
	world_need();
	a = (struct asked){.n = with_tenants(), .name = "customer1"};
	a.tenant = id_of(a.n, "customer1");
	looked_at = 0;
	inject(&opens, 1, -1, ask, &a, &done);
	assert_int_equal(a.r, 0);
	assert_true(looked_at >= 3);
	looked_at = 0;
	inject(&opens, 1, -1, ask, &a, &done);
	assert_int_equal(a.r, 0);
	assert_int_equal(looked_at, 0);
	assert_int_equal(done.seen, 0); /* not even the lock */
	nsnet_close(a.n);
}

static void a_look_that_fails_gives_nothing(void **state)
{
	static const struct inject_rule rules[] = {
		{.nr = __NR_openat, .error = EIO},
		{.nr = __NR_read, .error = EIO},
		{.nr = __NR_getdents64, .error = EIO},
	};
	struct inject done;
	struct asked a;
	uint32_t base = 7;

	(void)state;
	world_need();
	a = (struct asked){.n = with_tenants(), .name = "customer2"};
	a.tenant = id_of(a.n, "customer2");
	for (int k = 0; k < (test_quick() ? 12 : 60); k++) {
		inject(rules, 3, k, ask, &a, &done);
		if (done.failed_nr < 0) {
			assert_true(k > 12); /* all of them have failed, now none did */
			break;
		}
		if (a.r >= 0)
			fail_msg("call %d (%d) failed, and that was no matter", k, done.failed_nr);
		assert_true(a.err.msg[0]);
		OK(nsn_store_range_get(a.n->store, a.tenant, &base, &why));
		assert_int_equal(base, 7);
	}
	inject(rules, 3, -1, ask, &a, &done);
	assert_int_equal(a.r, 0);
	nsnet_close(a.n);
}

/* ---- --map-user ----------------------------------------------------------------- */

static void map_user(struct nsnet *n, const char *name, const char *text, const char *refused)
{
	struct nsnet_err err = {0};
	struct nsn_ids ids = {0};
	int r = nsn_ids_with_user(n, id_of(n, name), name, text, &ids, &err);

	if (!refused && r < 0)
		fail_msg("%s: %s", text, err.msg);
	if (!refused) {
		assert_int_equal(ids.n, 3);
		return;
	}
	assert_int_equal(r, -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_ID_MAP);
	assert_int_equal(ids.n, 0);
	LAB_HAS(err.msg, refused);
}

static void a_number_of_the_host_is_lent_when_nobody_has_it(void **state)
{
	struct other other;
	char map[128], by[64];
	struct nsnet *n;
	uint32_t base;

	(void)state;
	world_need();
	n = with_tenants();
	map_user(n, "customer1", "1000:34567", NULL);
	other = start(as_user, 34567);
	(void)snprintf(by, sizeof(by), "34567 is in use on the host (process %d)", other.pid);
	map_user(n, "customer1", "1000:34567", by);
	map_user(n, "customer1", "1000:34568", NULL);
	stop(other);
	map_user(n, "customer1", "1000:34567", NULL);
	put("/etc/passwd", "eve:x:34567:1::/:/bin/sh\n");
	map_user(n, "customer1", "1000:34567", "/etc/passwd: eve");
	put("/etc/subuid", "eve:34000:100\n");
	map_user(n, "customer1", "1000:34099", "/etc/subuid: eve");
	map_user(n, "customer1", "1000:34100", NULL);

	/* A second workload of the same tenant may have it, another tenant's not. */
	base = base_of(n, "customer1");
	(void)snprintf(map, sizeof(map), "0 %u 1000\n1000 34200 1\n1001 %u 64535\n", base,
		       base + 1001);
	other = start_mapped(map, map);
	map_user(n, "customer1", "1000:34200", NULL);
	(void)snprintf(by, sizeof(by), "the map of process %d", other.pid);
	map_user(n, "customer2", "1000:34200", by);
	stop(other);
	map_user(n, "customer2", "1000:34200", NULL);
	nsnet_close(n);
}

/* Accounts are also where no file of ours is: NSS knows. */
static void accounts_are_asked_for_by_number(void **state)
{
	char by[64];

	(void)state;
	world_need();
	assert_true(nsn_inuse_account(0, by));
	assert_string_equal(by, "user root");
	put("/etc/group", "only-a-group:x:34999:\n");
	assert_true(nsn_inuse_account(34999, by));
	assert_string_equal(by, "group only-a-group");
	assert_false(nsn_inuse_account(34998, by));
}

/* ---- opt-outs ------------------------------------------------------------------- */

static const struct nsn_exception ipc = {
	.tenant = "customer1",
	.endpoint = "default",
	.workload = "customer1/default#1a2b",
	.kind = "ipc=host",
	.because = "INC-7",
	.exposed = "memory",
	.command = "id",
};

struct recorded {
	struct nsnet *n;
	int r;
};

static void record(void *arg)
{
	struct recorded *rec = arg;

	rec->r = nsn_exceptions_add(rec->n, &ipc, 1, NULL);
}

/* The workload is started when it returns: by then it is on the disk, or it is an error. */
static void what_is_recorded_is_on_the_disk(void **state)
{
	static const struct inject_rule syncs[] = {{.nr = __NR_fsync, .error = EIO},
						   {.nr = __NR_fdatasync, .error = EIO}};
	struct nsn_exception_list list = {0};
	struct recorded rec;
	struct inject done;

	(void)state;
	world_need();
	rec = (struct recorded){.n = lab_open()};
	inject(syncs, 2, 0, record, &rec, &done);
	assert_true(done.failed_nr >= 0);
	assert_true(rec.r < 0);
	inject(syncs, 2, -1, record, &rec, &done);
	assert_int_equal(rec.r, 0);
	assert_true(done.seen >= 1);
	OK(nsn_exceptions_of(rec.n, ipc.workload, &list, &why));
	assert_int_equal(list.n, 1);
	nsn_exception_list_clear(&list);
	OK(nsn_exceptions_end(rec.n, ipc.workload, &why));
	OK(nsn_exceptions_of(rec.n, ipc.workload, &list, &why));
	assert_int_equal(list.n, 0);
	nsnet_close(rec.n);
}

static void nothing_is_recorded_without_a_reason(void **state)
{
	struct nsn_exception two[2] = {ipc, ipc};
	struct nsnet_exceptions *list = NULL;
	struct nsnet_err err = {0};
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	two[1].because = "  ";
	assert_int_equal(nsn_exceptions_add(n, two, 2, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_NEEDS_REASON);
	LAB_HAS(err.msg, "ipc=host");
	two[1].because = NULL;
	assert_int_equal(nsn_exceptions_add(n, two, 2, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_NEEDS_REASON);
	two[1].because = "a\x1b[2J";
	assert_int_equal(nsn_exceptions_add(n, two, 2, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_RUN);
	LAB_HAS(err.msg, "\\x1b");
	OK(nsn_exceptions_add(n, two, 0, &why));
	OK(nsnet_exception_list(n, NULL, true, &list, &why));
	assert_int_equal(nsnet_exceptions_count(list), 0);
	nsnet_exceptions_free(list);
	nsnet_close(n);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup(test, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(what_files_give_away_is_stepped_over),
		TEST(files_that_are_not_there_give_nothing_away),
		TEST(a_file_that_cannot_be_read_stops_it),
		TEST(maps_of_processes_are_stepped_over),
		TEST(users_of_processes_are_stepped_over),
		TEST(processes_that_vanish_are_fine),
		TEST(many_at_once_get_one_each),
		TEST(only_the_first_question_looks_at_the_host),
		TEST(a_look_that_fails_gives_nothing),
		TEST(a_number_of_the_host_is_lent_when_nobody_has_it),
		TEST(accounts_are_asked_for_by_number),
		TEST(what_is_recorded_is_on_the_disk),
		TEST(nothing_is_recorded_without_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
