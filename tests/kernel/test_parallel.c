/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * Many commands at once. Each process has names of its own, of which it knows
 * how they must end, and all share some more: there the sum of what the
 * commands said they did must be what is there in the end.
 */
#define WRITERS 16
#define READERS 2
#define OPS	9 /* a multiple of 3: see own_remains() */
#define SHARED	6
/* Tenants that stay, and the endpoints that come and go in each. */
#define STAY	  2
#define ENDPOINTS 4

/* In memory that all share. */
struct board {
	int made[SHARED], removed[SHARED];
	int attached[STAY][ENDPOINTS], detached[STAY][ENDPOINTS];
	int reads;
	int stop;
	char problem[2048]; /* the first */
	int problems;
};

static struct board *board;

static void problem(const char *what, const struct run *r)
{
	if (__atomic_fetch_add(&board->problems, 1, __ATOMIC_SEQ_CST) == 0)
		(void)snprintf(board->problem, sizeof(board->problem),
			       "%s: status %d: %.600s %.600s", what, r->status, r->out, r->err);
}

/*
 * Looks at what was said; true when that is that something has changed. With
 * status 4 there is none of this name: another one was quicker.
 */
static bool judge(struct run *r, const char *name, bool add, bool may_be_absent)
{
	bool changed;

	if (r->timed_out || (r->status != 0 && !(may_be_absent && r->status == 4)))
		problem(name, r);
	changed = r->status == 0 && strstr(r->out, add ? " created" : " deleted");
	if (r->status == 0 && !changed && !strstr(r->out, " unchanged"))
		problem("neither changed nor unchanged", r);
	run_free(r);
	return changed;
}

/* Adds or deletes; true when it says that it has changed something. */
static bool change(bool add, const char *name)
{
	struct run r;

	if (add)
		NSNET(&r, "tenant", "add", name, "10.10.1.0/24");
	else
		NSNET(&r, "tenant", "del", name);
	return judge(&r, name, add, !add);
}

/* The same for an endpoint; @stays: its tenant is there in any case. */
static bool change_endpoint(bool add, const char *tenant, int endpoint, bool stays)
{
	char name[64];
	struct run r;

	(void)snprintf(name, sizeof(name), "%s/ep%d", tenant, endpoint);
	NSNET(&r, "endpoint", add ? "add" : "del", name);
	return judge(&r, name, add, !add || !stays);
}

static void write_endpoints(unsigned int *seed)
{
	int which = rand_r(seed) % STAY, endpoint = rand_r(seed) % ENDPOINTS;
	bool add = rand_r(seed) % 2;
	char name[32];

	(void)snprintf(name, sizeof(name), "stays-%d", which);
	if (change_endpoint(add, name, endpoint, true))
		__atomic_add_fetch(add ? &board->attached[which][endpoint]
				       : &board->detached[which][endpoint],
				   1, __ATOMIC_SEQ_CST);
	/* Of one that comes and goes nobody keeps count, but it must be sound in the end. */
	(void)snprintf(name, sizeof(name), "shared-%d", rand_r(seed) % SHARED);
	(void)change_endpoint(!add, name, endpoint, false);
}

static void write_some(int me)
{
	unsigned int seed = 1000U + (unsigned int)me;
	char name[32];
	int i;

	for (i = 0; i < OPS; i++) {
		int which = rand_r(&seed) % SHARED;
		bool add = rand_r(&seed) % 2;

		(void)snprintf(name, sizeof(name), "shared-%d", which);
		if (change(add, name))
			__atomic_add_fetch(add ? &board->made[which] : &board->removed[which], 1,
					   __ATOMIC_SEQ_CST);
		write_endpoints(&seed);
		/* Its own: always added, deleted by every other one. */
		(void)snprintf(name, sizeof(name), "own-%d-%d", me, i % 3);
		(void)change(true, name);
		if ((me + i) % 2)
			(void)change(false, name);
	}
}

/* The list must always be one: whole JSON, nothing twice. */
static void check_list(const char *text, const struct run *r)
{
	json_error_t where;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	const json_t *items = json_object_get(root, "items");
	size_t i, j;

	if (!json_is_array(items))
		problem("no list", r);
	for (i = 0; i < json_array_size(items); i++)
		for (j = 0; j < i; j++)
			if (json_equal(json_object_get(json_array_get(items, i), "name"),
				       json_object_get(json_array_get(items, j), "name")))
				problem("a tenant twice", r);
	json_decref(root);
}

static void read_all(void)
{
	struct run r;

	while (!__atomic_load_n(&board->stop, __ATOMIC_SEQ_CST)) {
		NSNET(&r, "tenant", "list", "--check", "-j");
		if (r.status != 0 || r.timed_out || r.err_len > 0)
			problem("list", &r);
		check_list(r.out, &r);
		run_free(&r);
		__atomic_add_fetch(&board->reads, 1, __ATOMIC_SEQ_CST);
	}
}

/* _exit(): the child is a copy of a test runner. */
static pid_t child(int me)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (me < WRITERS)
		write_some(me);
	else
		read_all();
	_exit(0);
}

static void wait_for(const pid_t *pids, int n)
{
	int i, status;

	for (i = 0; i < n; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static void run_all(void)
{
	pid_t writers[WRITERS], readers[READERS];
	char name[32];
	int i;

	for (i = 0; i < STAY; i++) {
		(void)snprintf(name, sizeof(name), "stays-%d", i);
		NSNET_STATUS(0, "tenant", "add", name, "10.10.1.0/24");
	}
	for (i = 0; i < READERS; i++)
		readers[i] = child(WRITERS + i);
	for (i = 0; i < WRITERS; i++)
		writers[i] = child(i);
	wait_for(writers, WRITERS);
	__atomic_store_n(&board->stop, 1, __ATOMIC_SEQ_CST);
	wait_for(readers, READERS);
	if (board->problems)
		fail_msg("%d problems; the first: %s", board->problems, board->problem);
	assert_true(board->reads > 10);
}

/* ---- what must be there in the end ------------------------------------------------------- */

static json_t *final_list(void)
{
	json_error_t where;
	json_t *root;
	struct run r;

	NSNET(&r, "tenant", "list", "--check", "-j");
	assert_int_equal(r.status, 0);
	root = json_loads(r.out, 0, &where);
	assert_non_null(root);
	run_free(&r);
	return root;
}

static const json_t *find(const json_t *items, const char *name)
{
	size_t i;

	for (i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);

		if (strcmp(json_string_value(json_object_get(item, "name")), name) == 0)
			return item;
	}
	return NULL;
}

/* As write_some() leaves it. */
static bool own_remains(int me, int slot)
{
	int last = OPS - 3 + slot;

	return (me + last) % 2 == 0;
}

static const json_t *endpoints_of(const json_t *item)
{
	return json_object_get(item, "endpoints");
}

static const char *text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void no_endpoint_is_lost(const json_t *items)
{
	const json_t *list;
	char name[32];
	int i, k, total = 0;

	for (i = 0; i < STAY; i++) {
		(void)snprintf(name, sizeof(name), "stays-%d", i);
		list = endpoints_of(find(items, name));
		assert_non_null(find(list, "default"));
		for (k = 0; k < ENDPOINTS; k++) {
			int there = board->attached[i][k] - board->detached[i][k];

			(void)snprintf(name, sizeof(name), "ep%d", k);
			assert_true(there == 0 || there == 1);
			assert_int_equal(find(list, name) != NULL, there);
			total += board->detached[i][k];
		}
	}
	assert_true(total > 5);
}

static void nothing_is_lost(const json_t *items)
{
	size_t expected = STAY;
	char name[32];
	int i, slot;

	for (i = 0; i < SHARED; i++) {
		int there = board->made[i] - board->removed[i];

		(void)snprintf(name, sizeof(name), "shared-%d", i);
		assert_true(there == 0 || there == 1);
		assert_int_equal(find(items, name) != NULL, there);
		expected += (size_t)there;
	}
	for (i = 0; i < WRITERS; i++)
		for (slot = 0; slot < 3; slot++) {
			(void)snprintf(name, sizeof(name), "own-%d-%d", i, slot);
			assert_int_equal(find(items, name) != NULL, own_remains(i, slot));
			expected += own_remains(i, slot);
		}
	assert_int_equal(json_array_size(items), expected);
	assert_true(expected > 10);
}

/* Of all endpoints of all tenants, flat. */
static size_t ports_of(const json_t *items, const char **ports, size_t max)
{
	size_t i, k, n = 0;

	for (i = 0; i < json_array_size(items); i++) {
		const json_t *list = endpoints_of(json_array_get(items, i));

		for (k = 0; k < json_array_size(list) && n < max; k++) {
			ports[n] = text(json_array_get(list, k), "port");
			assert_non_null(ports[n++]);
		}
	}
	return n;
}

static void addresses_are_unique(const json_t *list)
{
	size_t i, j;

	for (i = 0; i < json_array_size(list); i++) {
		assert_string_not_equal(text(json_array_get(list, i), "address"), "10.10.1.1");
		for (j = 0; j < i; j++)
			assert_string_not_equal(text(json_array_get(list, i), "address"),
						text(json_array_get(list, j), "address"));
	}
}

/* Returns how many endpoints there are. */
static size_t nothing_is_double(const json_t *items)
{
	const char *ports[256];
	size_t i, j, n;

	for (i = 0; i < json_array_size(items); i++) {
		const json_t *a = json_array_get(items, i);

		assert_string_equal(text(a, "state"), "ok");
		addresses_are_unique(endpoints_of(a));
		for (j = 0; j < i; j++)
			assert_false(json_equal(json_object_get(a, "id"),
						json_object_get(json_array_get(items, j), "id")));
	}
	n = ports_of(items, ports, sizeof(ports) / sizeof(ports[0]));
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(ports[i], ports[j]);
	return n;
}

static size_t files_in(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *entry;
	size_t n = 0;

	assert_non_null(d);
	while ((entry = readdir(d)))
		n += entry->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static void sixteen_processes_lose_and_double_nothing(void **state)
{
	const json_t *items;
	struct nsnet *n;
	json_t *root;
	size_t i, endpoints;

	(void)state;
	world_need();
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	assert_ptr_not_equal(board, MAP_FAILED);
	run_all();
	root = final_list();
	items = json_object_get(root, "items");
	nothing_is_lost(items);
	no_endpoint_is_lost(items);
	endpoints = nothing_is_double(items);
	assert_int_equal(files_in(LAB_PIN_DIR), endpoints);
	assert_int_equal(files_in(LAB_GW), json_array_size(items));

	n = lab_open();
	for (i = 0; i < json_array_size(items); i++) {
		const char *name =
			json_string_value(json_object_get(json_array_get(items, i), "name"));

		lab_repair(n, name, NSNET_UNCHANGED);
		lab_del(n, name);
	}
	lab_nothing_left(n);
	nsnet_close(n);
	json_decref(root);
	assert_int_equal(munmap(board, sizeof(*board)), 0);
}

/* The first command of all makes the store: sixteen first commands make one. */
static void sixteen_first_commands_make_one_store(void **state)
{
	struct nsnet *n;
	pid_t pids[WRITERS];
	char name[32];
	int i;

	(void)state;
	world_need();
	for (i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			(void)snprintf(name, sizeof(name), "first-%d", i);
			(void)execl(nsnet_bin(), "nsnet", "-q", "tenant", "add", name,
				    "10.10.1.0/24", NULL);
			_exit(127);
		}
	}
	wait_for(pids, WRITERS);
	n = lab_open();
	assert_int_equal(lab_count(n), WRITERS);
	for (i = 0; i < WRITERS; i++) {
		(void)snprintf(name, sizeof(name), "first-%d", i);
		lab_state(n, name, NSNET_STATE_OK);
		lab_del(n, name);
	}
	lab_nothing_left(n);
	nsnet_close(n);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, world_setup)
	const struct CMUnitTest tests[] = {
		T(sixteen_processes_lose_and_double_nothing),
		T(sixteen_first_commands_make_one_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
