/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_env.h"

#include <time.h>

#include "../../lib/store/cables.h"
#include "../../lib/store/policies.h"

#define SLOTS 1000

/* Tenants 1 to @n. */
static void add_tenants(struct env *env, unsigned int n)
{
	char name[16];

	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	for (unsigned int i = 1; i <= n; i++) {
		uint64_t id;

		(void)snprintf(name, sizeof(name), "t%u", i);
		added(env, name, "10.1.0.0/24", &id);
		assert_int_equal(id, i);
	}
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
}

static struct nsn_cable joined(struct env *env, uint64_t a, uint64_t b)
{
	struct nsn_cable c = {.a = a, .b = b};
	struct nsnet_err err = {0};

	assert_int_equal(nsn_store_cable_put(env->s, &c, SLOTS, false, &err), 1);
	return c;
}

static void cut(struct env *env, const struct nsn_cable *c)
{
	assert_int_equal(nsn_store_cable_delete(env->s, c->link, NULL), 0);
}

static void check_same(const struct nsn_cable *a, const struct nsn_cable *b)
{
	assert_int_equal(a->link, b->link);
	assert_int_equal(a->a, b->a);
	assert_int_equal(a->b, b->b);
	assert_int_equal(a->slot, b->slot);
	assert_int_equal(a->translated_a, b->translated_a);
	assert_int_equal(a->translated_b, b->translated_b);
}

/* ---- cables ----------------------------------------------------------------- */

static void a_cable_is_made_once_and_stays_as_it_was_made(void **state)
{
	struct env *env = *state;

	add_tenants(env, 5); /* links 1 to 5 */
	for (unsigned int bits = 0; bits < 4; bits++) {
		struct nsn_cable c = {.a = 1, .b = 2 + bits}, again, got;

		c.translated_a = bits & 1;
		c.translated_b = bits & 2;
		assert_int_equal(nsn_store_cable_put(env->s, &c, SLOTS, false, NULL), 1);
		assert_int_equal(c.link, 6 + bits);
		assert_int_equal(c.slot, bits);
		reopen(env, BOOT2);
		again = (struct nsn_cable){.a = 1,
					   .b = 2 + bits,
					   .translated_a = !c.translated_a,
					   .translated_b = !c.translated_b};
		assert_int_equal(nsn_store_cable_put(env->s, &again, SLOTS, false, NULL), 0);
		check_same(&again, &c);
		assert_int_equal(nsn_store_cable_get(env->s, 1, 2 + bits, &got, NULL), 1);
		check_same(&got, &c);
		assert_int_equal(nsn_store_cable_get(env->s, 2 + bits, 1, &got, NULL), 1);
		check_same(&got, &c);
	}
}

static void who_is_not_joined_has_no_cable(void **state)
{
	struct env *env = *state;
	struct nsn_cable c = {.link = 99};

	add_tenants(env, 3);
	joined(env, 1, 2);
	assert_int_equal(nsn_store_cable_get(env->s, 1, 3, &c, NULL), 0);
	assert_int_equal(nsn_store_cable_get(env->s, 2, 2, &c, NULL), 0);
	assert_int_equal(nsn_store_cable_get(env->s, 1, 4711, &c, NULL), 0);
	assert_int_equal(c.link, 99);
}

static void links_of_cables_and_ports_are_from_one_sequence(void **state)
{
	struct env *env = *state;
	struct nsn_endpoint e;
	struct nsn_cable c, got;

	add_tenants(env, 2);
	c = joined(env, 1, 2);
	assert_int_equal(c.link, 3);
	e = added(env, "t3", "10.1.0.0/24", NULL);
	assert_int_equal(e.link, 4);
	assert_int_equal(nsn_store_cable_new_link(env->s, &c, NULL), 0);
	assert_int_equal(c.link, 5);
	assert_int_equal(nsn_store_cable_get(env->s, 1, 2, &got, NULL), 1);
	check_same(&got, &c);
	cut(env, &c);
	c = joined(env, 1, 2);
	assert_int_equal(c.link, 6);
	assert_int_equal(nsn_store_new_link(env->s, &e, NULL), 0);
	assert_int_equal(e.link, 7);
}

static void a_cable_needs_two_tenants_in_order(void **state)
{
	static const struct {
		uint64_t a, b;
		int code;
		enum nsnet_code id;
	} cases[] = {
		{1, 1, -EINVAL, NSNET_E_INTERNAL},
		{2, 1, -EINVAL, NSNET_E_INTERNAL},
		{0, 1, -EINVAL, NSNET_E_INTERNAL},
		{1, NSN_ID_MAX + 1, -EINVAL, NSNET_E_INTERNAL},
		{1, 4711, -ENOENT, NSNET_E_NO_TENANT},
		{4711, 4712, -ENOENT, NSNET_E_NO_TENANT},
	};
	struct env *env = *state;

	add_tenants(env, 2);
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_cable c = {.a = cases[i].a, .b = cases[i].b};
		struct nsnet_err err = {0};

		assert_int_equal(nsn_store_cable_put(env->s, &c, SLOTS, false, &err),
				 cases[i].code);
		assert_int_equal(err.id, cases[i].id);
		assert_int_equal(c.link, 0);
	}
	assert_int_equal(raw_number(env, "SELECT count(*) FROM cable"), 0);
	assert_int_equal(raw_number(env, "SELECT last_link FROM meta"), 2);
}

static void a_cable_that_is_not_there_cannot_be_changed(void **state)
{
	struct env *env = *state;
	struct nsn_cable c = {.link = 4711};
	struct nsnet_err err = {0};

	add_tenants(env, 2);
	joined(env, 1, 2);
	assert_int_equal(nsn_store_cable_delete(env->s, 4711, &err), -ENOENT);
	assert_int_equal(nsn_store_cable_new_link(env->s, &c, &err), -ENOENT);
	assert_int_equal(c.link, 4711);
	assert_int_equal(raw_number(env, "SELECT last_link FROM meta"), 3);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM freed"), 0);
}

static void a_tenant_with_cables_cannot_be_deleted(void **state)
{
	struct env *env = *state;

	add_tenants(env, 3);
	for (uint64_t side = 1; side <= 2; side++) {
		struct nsnet_err err = {0};
		struct nsn_cable c = joined(env, side, 3);

		assert_int_equal(nsn_store_tenant_delete(env->s, side, &err), -EBUSY);
		assert_int_equal(err.id, NSNET_E_INTERNAL);
		assert_int_equal(nsn_store_tenant_delete(env->s, 3, NULL), -EBUSY);
		assert_int_equal(raw_number(env, "SELECT count(*) FROM endpoint"), 4 - side);
		assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		assert_int_equal(nsn_store_tenant_delete(env->s, side, NULL), -EBUSY);
		cut(env, &c);
		assert_int_equal(nsn_store_tenant_delete(env->s, side, NULL), 0);
		assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	}
	assert_int_equal(raw_number(env, "SELECT count(*) FROM tenant"), 1);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
}

static void lists_are_by_both_tenants(void **state)
{
	static const uint64_t pairs[][2] = {{2, 3}, {1, 4}, {3, 4}, {1, 2}};
	static const uint64_t sorted[][2] = {{1, 2}, {1, 4}, {2, 3}, {3, 4}};
	struct env *env = *state;
	struct nsn_cable_list list = {0};

	add_tenants(env, 5);
	assert_int_equal(nsn_store_cable_list(env->s, &list, NULL), 0);
	assert_int_equal(list.n, 0);
	for (size_t i = 0; i < 4; i++)
		joined(env, pairs[i][0], pairs[i][1]);
	assert_int_equal(nsn_store_cable_list(env->s, &list, NULL), 0);
	assert_int_equal(list.n, 4);
	for (size_t i = 0; i < 4; i++) {
		struct nsn_cable c;

		assert_int_equal(list.cables[i].a, sorted[i][0]);
		assert_int_equal(list.cables[i].b, sorted[i][1]);
		assert_int_equal(nsn_store_cable_get(env->s, sorted[i][0], sorted[i][1], &c, NULL),
				 1);
		check_same(&list.cables[i], &c);
	}
	nsn_cable_list_clear(&list);
	assert_null(list.cables);
	for (uint64_t id = 1; id <= 5; id++) {
		assert_int_equal(nsn_store_cable_list_tenant(env->s, id, &list, NULL), 0);
		assert_int_equal(list.n, id < 5 ? 2 : 0);
		for (size_t i = 0; i < list.n; i++)
			assert_true(list.cables[i].a == id || list.cables[i].b == id);
		nsn_cable_list_clear(&list);
	}
}

/* ---- slots ------------------------------------------------------------------ */

static void a_freed_slot_rests_until_the_next_boot(void **state)
{
	struct env *env = *state;
	struct nsn_cable c[4];

	add_tenants(env, 9);
	for (uint64_t i = 0; i < 4; i++)
		c[i] = joined(env, 1, 2 + i);
	cut(env, &c[1]);
	cut(env, &c[0]);
	assert_int_equal(joined(env, 1, 2).slot, 4);
	reopen(env, BOOT);
	assert_int_equal(joined(env, 1, 3).slot, 5);

	/* Nobody bound the host yet: the list is still that of the last boot. */
	reopen(env, BOOT2);
	assert_int_equal(joined(env, 1, 6).slot, 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM freed"), 1);
	assert_int_equal(nsn_store_bind_host(env->s, 7, NULL), 0);
	assert_int_equal(raw_number(env, "SELECT count(*) FROM freed"), 0);
	assert_int_equal(joined(env, 1, 7).slot, 1);
	assert_int_equal(joined(env, 1, 8).slot, 6);
}

static void slots_end_with_the_pool_unless_old_ones_are_asked_for(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct nsn_cable c[3], more = {.a = 1, .b = 8};

	add_tenants(env, 9);
	for (uint64_t i = 0; i < 3; i++)
		c[i] = joined(env, 1, 2 + i);
	for (int reuse = 0; reuse < 2; reuse++) {
		assert_int_equal(nsn_store_cable_put(env->s, &more, 3, reuse, &err), -ENOSPC);
		assert_int_equal(err.id, NSNET_E_POOL_FULL);
		assert_string_equal(
			err.msg, "the pool of transit addresses is full: it has room for 3 cables");
		assert_int_equal(more.link, 0);
	}
	cut(env, &c[2]);
	cut(env, &c[0]);
	assert_int_equal(nsn_store_cable_put(env->s, &more, 3, false, NULL), -ENOSPC);
	assert_int_equal(nsn_store_cable_put(env->s, &more, 2, true, NULL), 1);
	assert_int_equal(more.slot, 0); /* 2 was freed earlier, but is none of 2 */
	cut(env, &more);
	more = (struct nsn_cable){.a = 1, .b = 8};
	assert_int_equal(nsn_store_cable_put(env->s, &more, 3, true, NULL), 1);
	assert_int_equal(more.slot, 2); /* the one that has rested longest */
	more = (struct nsn_cable){.a = 1, .b = 9};
	assert_int_equal(nsn_store_cable_put(env->s, &more, 4, true, NULL), 1);
	assert_int_equal(more.slot, 3); /* one that nobody had is better */
	more = (struct nsn_cable){.a = 1, .b = 7};
	assert_int_equal(nsn_store_cable_put(env->s, &more, 0, true, NULL), -ENOSPC);
}

static void a_rollback_uses_up_slots_or_not(void **state)
{
	struct env *env = *state;
	struct nsn_cable first;

	add_tenants(env, 9);
	joined(env, 1, 2);
	first = joined(env, 1, 3);
	for (int used = 0; used < 2; used++) {
		assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		cut(env, &first);
		assert_int_equal(joined(env, 1, 4).slot, 2);
		assert_int_equal(joined(env, 1, 5).slot, 3);
		if (used)
			nsn_store_rollback(env->s);
		else
			nsn_store_rollback_unused(env->s);
		assert_int_equal(raw_number(env, "SELECT count(*) FROM cable"), 2);
		assert_int_equal(raw_number(env, "SELECT count(*) FROM freed"), 2 * used);
		assert_int_equal(raw_number(env, "SELECT last_link FROM meta"), 11 + 2 * used);
	}
	assert_int_equal(joined(env, 1, 4).slot, 4);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	joined(env, 1, 5);
	reopen(env, BOOT); /* closes, which rolls back */
	assert_int_equal(joined(env, 1, 6).slot, 6);
	cut(env, &first);
	assert_int_equal(joined(env, 1, 7).slot, 7);
}

static void a_cable_that_could_not_be_made_leaves_its_slot(void **state)
{
	struct env *env = *state;
	struct nsn_cable c[3], none = {.a = 1, .b = 4711};

	add_tenants(env, 5);
	for (uint64_t i = 0; i < 3; i++)
		c[i] = joined(env, 1, 2 + i);
	cut(env, &c[1]);
	reopen(env, BOOT2); /* now there is a gap */
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	assert_int_equal(nsn_store_cable_put(env->s, &none, SLOTS, false, NULL), -ENOENT);
	assert_int_equal(joined(env, 1, 3).slot, 1);
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
}

/* A slot that was given in vain was used later than one that rests all the time. */
static void a_rollback_makes_slots_rest_from_now_on(void **state)
{
	static const size_t order[] = {1, 0, 2};
	struct env *env = *state;
	struct nsn_cable c[3];

	add_tenants(env, 5);
	for (uint64_t i = 0; i < 3; i++)
		c[i] = joined(env, 1, 2 + i);
	for (size_t i = 0; i < 3; i++)
		cut(env, &c[order[i]]);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	for (uint64_t i = 0; i < 2; i++) {
		struct nsn_cable again = {.a = 1, .b = 2 + i};

		assert_int_equal(nsn_store_cable_put(env->s, &again, 3, true, NULL), 1);
		assert_int_equal(again.slot, order[i]);
	}
	nsn_store_rollback(env->s);
	c[0] = (struct nsn_cable){.a = 1, .b = 2};
	assert_int_equal(nsn_store_cable_put(env->s, &c[0], 3, true, NULL), 1);
	assert_int_equal(c[0].slot, 2);
}

/* What the store should do, in arrays. */
#define TENANTS	  12
#define MAX_SLOTS 4000
struct mirror {
	struct nsn_cable cables[TENANTS + 1][TENANTS + 1]; /* link 0: none */
	bool used[MAX_SLOTS], rests[MAX_SLOTS];
};

static uint32_t lowest(const struct mirror *m)
{
	uint32_t i = 0;

	while (m->used[i] || m->rests[i])
		i++;
	return i;
}

static void mirror_step(struct env *env, struct mirror *m)
{
	uint64_t a = 1 + (uint64_t)random() % (TENANTS - 1);
	uint64_t b = a + 1 + (uint64_t)random() % (TENANTS - a);
	struct nsn_cable *known = &m->cables[a][b];

	if (known->link) {
		cut(env, known);
		m->used[known->slot] = false;
		m->rests[known->slot] = true;
		*known = (struct nsn_cable){0};
	} else {
		*known = joined(env, a, b);
		assert_int_equal(known->slot, lowest(m));
		m->used[known->slot] = true;
	}
}

static void slots_are_those_that_a_simple_list_would_give(void **state)
{
	static struct mirror now, saved;
	struct env *env = *state;
	char boot[32];

	srandom(11);
	add_tenants(env, TENANTS);
	for (unsigned int round = 0; round < 200; round++) {
		long end = random() % 4; /* 0: rolled back, 1: so that nothing was used */
		bool given[MAX_SLOTS] = {false};
		struct nsn_cable_list list = {0};

		if (random() % 20 == 0) {
			(void)snprintf(boot, sizeof(boot), "boot-%u", round);
			reopen(env, boot);
			memset(now.rests, 0, sizeof(now.rests));
		}
		saved = now;
		assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		for (long i = random() % 8; i >= 0; i--) {
			mirror_step(env, &now);
			for (size_t k = 0; k < MAX_SLOTS; k++)
				given[k] |= now.used[k] && !saved.used[k];
		}
		if (end > 1) {
			assert_int_equal(nsn_store_commit(env->s, NULL), 0);
		} else if (end == 1) {
			nsn_store_rollback_unused(env->s);
			now = saved;
		} else {
			nsn_store_rollback(env->s);
			now = saved;
			for (size_t k = 0; k < MAX_SLOTS; k++)
				now.rests[k] |= given[k];
		}
		assert_int_equal(nsn_store_cable_list(env->s, &list, NULL), 0);
		for (size_t i = 0; i < list.n; i++)
			check_same(&list.cables[i],
				   &now.cables[list.cables[i].a][list.cables[i].b]);
		nsn_cable_list_clear(&list);
	}
}

static double seconds(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The limit is there for what grows with the square. */
static void a_thousand_cables_are_made_quickly(void **state)
{
	struct env *env = *state;
	double start;

	add_tenants(env, 46);
	start = seconds();
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	for (uint64_t a = 1; a <= 45; a++)
		for (uint64_t b = a + 1; b <= 46; b++) {
			struct nsn_cable c = {.a = a, .b = b};

			assert_int_equal(nsn_store_cable_put(env->s, &c, 10000, false, NULL), 1);
		}
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	assert_int_equal(raw_number(env, "SELECT max(slot) FROM cable"), 1034);
	assert_true(seconds() - start < 60);
}

/* ---- several processes ------------------------------------------------------ */

/* No assertions in a child: its status tells. All want the same cables, in another order. */
static void run_joiner(const struct env *env, unsigned int nr, int start)
{
	struct nsn_store *s = NULL;
	char go;
	int r;

	if (read(start, &go, 1) != 0) /* all at once: when the other end is closed */
		_exit(1);
	r = nsn_store_open(&s, env->fd, env->dir, BOOT, NULL);
	for (unsigned int k = 0; r >= 0 && k < 8; k++) {
		struct nsn_cable c = {.a = 1, .b = 2 + (nr + k) % 8};

		r = nsn_store_lock(s, NULL);
		if (r == 0)
			r = nsn_store_begin(s, NULL);
		if (r == 0)
			r = nsn_store_cable_put(s, &c, SLOTS, false, NULL);
		if (r >= 0)
			r = nsn_store_commit(s, NULL);
		nsn_store_unlock(s);
	}
	nsn_store_close(s);
	_exit(r < 0 ? 2 : 0);
}

static void eight_processes_make_each_cable_once(void **state)
{
	struct env *env = *state;
	int start[2], status;
	pid_t pids[8];

	add_tenants(env, 9);
	assert_int_equal(pipe2(start, O_CLOEXEC), 0);
	for (unsigned int i = 0; i < 8; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0) {
			close(start[1]);
			run_joiner(env, i, start[0]);
		}
	}
	close(start[0]);
	close(start[1]);
	for (unsigned int i = 0; i < 8; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(raw_number(env, "SELECT count(*) FROM cable"), 8);
	assert_int_equal(raw_number(env, "SELECT max(slot) FROM cable"), 7);
	assert_int_equal(raw_number(env, "SELECT last_link FROM meta"), 17);
}

static void what_is_committed_is_seen_by_others_and_not_before(void **state)
{
	struct env *env = *state;
	struct env other = *env;
	struct nsn_cable c, got;

	other.s = NULL;
	assert_int_equal(open_store(&other, NULL), 0);
	add_tenants(env, 3);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	c = joined(env, 1, 2);
	assert_int_equal(nsn_store_cable_get(other.s, 1, 2, &got, NULL), 0);
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	assert_int_equal(nsn_store_cable_get(other.s, 1, 2, &got, NULL), 1);
	check_same(&got, &c);
	cut(&other, &c);
	assert_int_equal(joined(env, 1, 2).slot, 1);
	nsn_store_close(other.s);
}

/* ---- damage ----------------------------------------------------------------- */

static void damaged_rows_are_not_handed_out(void **state)
{
	static const char *const damage[] = {
		"UPDATE cable SET link = 0",	      "UPDATE cable SET link = 1000000000000",
		"UPDATE cable SET a = 2, b = 1",      "UPDATE cable SET a = 0",
		"UPDATE cable SET b = 1099511627776", "UPDATE cable SET slot = -1",
		"UPDATE cable SET slot = 4294967295", "UPDATE cable SET translated_a = 2",
		"UPDATE cable SET translated_b = -1",
	};
	struct env *env = *state;

	for (size_t i = 0; i < NSN_COUNT(damage); i++) {
		struct nsn_cable_list list = {0};
		struct nsnet_err err = {0};
		char sql[256];

		assert_int_equal(open_store(env, NULL), 0);
		add_tenants(env, 2);
		joined(env, 1, 2);
		(void)snprintf(sql, sizeof(sql), "PRAGMA ignore_check_constraints = 1; %s",
			       damage[i]);
		raw_sql(env, sql, true);
		if (nsn_store_cable_list(env->s, &list, &err) != -EIO)
			fail_msg("handed out: %s", damage[i]);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
		assert_null(list.cables);
		nsn_store_close(env->s);
		env->s = NULL;
		drop_db(env);
	}
}

static void the_database_itself_refuses_what_cannot_be(void **state)
{
	static const char *const wrong[] = {
		"UPDATE cable SET link = 0 WHERE slot = 0",
		"UPDATE cable SET link = 1000000000000 WHERE slot = 0",
		"UPDATE cable SET a = b",
		"UPDATE cable SET a = 3, b = 2 WHERE slot = 0",
		"UPDATE cable SET b = 3",
		"UPDATE cable SET slot = 0",
		"UPDATE cable SET slot = -1 WHERE slot = 0",
		"UPDATE cable SET slot = 4294967295 WHERE slot = 0",
		"UPDATE cable SET translated_a = 2",
		"UPDATE cable SET translated_b = NULL",
		"UPDATE cable SET a = 4711, b = 4712 WHERE slot = 0",
		"DELETE FROM tenant WHERE id = 1",
		"DELETE FROM tenant WHERE id = 3",
		"INSERT INTO freed (slot, boot) VALUES (5, 'x'), (5, 'y')",
		"INSERT INTO setting VALUES ('a', 'x'), ('a', 'y')",
	};
	struct env *env = *state;
	sqlite3 *db = NULL;

	add_tenants(env, 3);
	joined(env, 1, 2);
	joined(env, 1, 3);
	assert_int_equal(sqlite3_open(path_in(env, "nsnet.db"), &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
	for (size_t i = 0; i < NSN_COUNT(wrong); i++)
		if (sqlite3_exec(db, wrong[i], NULL, NULL, NULL) != SQLITE_CONSTRAINT)
			fail_msg("not refused: %s", wrong[i]);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- settings --------------------------------------------------------------- */

static void check_transit(struct env *env, const char *ip, const char *ip6)
{
	char buf[NSN_PREFIX_STRLEN];
	struct nsn_transit t;

	assert_int_equal(nsn_store_transit_get(env->s, &t, NULL), 1);
	assert_string_equal(nsn_prefix_str(&t.ip, buf), ip);
	assert_string_equal(nsn_prefix_str(&t.ip6, buf), ip6);
}

static void set_transit(struct nsn_transit *t, const char *ip, const char *ip6)
{
	assert_int_equal(nsn_prefix_parse(&t->ip, ip), 0);
	assert_int_equal(nsn_prefix_parse(&t->ip6, ip6), 0);
}

static void the_transit_pool_is_kept(void **state)
{
	static const char *const wrong[][2] = {
		{"100.64.0.1/10", "fd00:9::/64"},
		{"100.64.0.0/10", "fd00:9::1/64"},
		{"fd00:9::/64", "fd00:9::/64"},
		{"100.64.0.0/10", "100.64.0.0/10"},
	};
	struct env *env = *state;
	struct nsn_transit t = {.ip.len = 99};

	assert_int_equal(nsn_store_transit_get(env->s, &t, NULL), 0);
	assert_int_equal(t.ip.len, 99);
	set_transit(&t, "100.64.0.0/10", "fd00:9::/64");
	assert_int_equal(nsn_store_transit_set(env->s, &t, NULL), 0);
	reopen(env, BOOT2);
	check_transit(env, "100.64.0.0/10", "fd00:9::/64");
	set_transit(&t, "0.0.0.0/0", "2001:db8::5/128");
	assert_int_equal(nsn_store_transit_set(env->s, &t, NULL), 0);
	for (size_t i = 0; i < NSN_COUNT(wrong); i++) {
		set_transit(&t, wrong[i][0], wrong[i][1]);
		assert_int_equal(nsn_store_transit_set(env->s, &t, NULL), -EINVAL);
	}
	t = (struct nsn_transit){0};
	assert_int_equal(nsn_store_transit_set(env->s, &t, NULL), -EINVAL);
	check_transit(env, "0.0.0.0/0", "2001:db8::5/128");
}

static void a_damaged_transit_pool_is_not_handed_out(void **state)
{
	static const char *const damage[] = {
		"UPDATE setting SET value = 'x' WHERE key = 'transit'",
		"UPDATE setting SET value = '' WHERE key = 'transit6'",
		"UPDATE setting SET value = '10.0.0.1/8' WHERE key = 'transit'",
		"UPDATE setting SET value = '10.0.0.0/8' WHERE key = 'transit6'",
		"UPDATE setting SET value = 'fd00::/16' WHERE key = 'transit'",
		"DELETE FROM setting WHERE key = 'transit'",
		"DELETE FROM setting WHERE key = 'transit6'",
	};
	struct env *env = *state;
	struct nsn_transit t;

	for (size_t i = 0; i < NSN_COUNT(damage); i++) {
		struct nsnet_err err = {0};

		set_transit(&t, "100.64.0.0/10", "fd00:9::/64");
		assert_int_equal(nsn_store_transit_set(env->s, &t, NULL), 0);
		raw_sql(env, damage[i], false);
		t.ip.len = 99;
		assert_int_equal(nsn_store_transit_get(env->s, &t, &err), -EIO);
		assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
		assert_int_equal(t.ip.len, 99);
	}
}

/* ---- generations ------------------------------------------------------------ */

static uint64_t generation(struct env *env)
{
	uint64_t n = 0;

	assert_int_equal(nsn_store_generation(env->s, &n, NULL), 0);
	return n;
}

static void make_policy(struct nsn_policy *p, struct nsn_peer *peer, struct nsn_ports *ports)
{
	*p = (struct nsn_policy){.name = "web", .from = peer, .to = peer, .ports = ports};
	p->n_from = p->n_to = p->n_ports = 1;
	assert_int_equal(nsn_peer_parse(peer, "blue", NULL), 0);
	assert_int_equal(nsn_ports_parse(ports, "tcp/80", NULL), 0);
}

/* One change of each kind. */
static int change(struct env *env, int what, struct nsn_tenant *t)
{
	struct nsn_endpoint e = {.name = "web"};
	struct nsn_quarantine q = {0};
	struct nsn_transit transit;
	struct nsn_ports ports;
	struct nsn_policy p;
	struct nsn_peer peer;

	make_policy(&p, &peer, &ports);
	q.who = peer;
	e.ip = nsn_ip_add(&t->gateway, 9);
	set_transit(&transit, "100.64.0.0/10", "fd00:9::/64");
	switch (what) {
	case 0:
		return nsn_store_tenant_insert(env->s, t, NULL);
	case 1:
		return nsn_store_tenant_update(env->s, t, NULL);
	case 2:
		return nsn_store_endpoint_insert(env->s, t->id, &e, NULL);
	case 3:
		return nsn_store_endpoint_delete(env->s, t->id, t->endpoints[0].id, NULL);
	case 4:
		return nsn_store_tenant_delete(env->s, t->id, NULL);
	case 5:
		return nsn_store_policy_insert(env->s, &p, NULL);
	case 6:
		return nsn_store_policy_update(env->s, &p, NULL);
	case 7:
		return nsn_store_policy_delete(env->s, p.name, NULL);
	case 8:
		return nsn_store_quarantine_put(env->s, &q, NULL);
	case 9:
		return nsn_store_quarantine_delete(env->s, &peer, NULL);
	default:
		return nsn_store_transit_set(env->s, &transit, NULL);
	}
}
#define CHANGES 11

static void each_change_is_a_generation(void **state)
{
	struct env *env = *state;
	struct nsn_tenant t = {0};

	assert_int_equal(nsn_tenant_init(&t, "blue", "10.1.0.0/24", NULL), 0);
	assert_int_equal(generation(env), 0);
	for (int what = 0; what < CHANGES; what++) {
		assert_int_equal(change(env, what, &t), 0);
		if (generation(env) != (uint64_t)what + 1)
			fail_msg("change %d: generation %d", what, (int)generation(env));
	}
	/* And each in a transaction of its own. */
	for (int what = 0; what < CHANGES; what++) {
		assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		assert_int_equal(change(env, what, &t), 0);
		assert_int_equal(generation(env), CHANGES + what + 1);
		assert_int_equal(nsn_store_commit(env->s, NULL), 0);
		assert_int_equal(generation(env), CHANGES + what + 1);
	}
	reopen(env, BOOT2);
	assert_int_equal(generation(env), 2 * CHANGES);
	nsn_tenant_clear(&t);
}

static void a_transaction_is_one_generation_or_none(void **state)
{
	struct env *env = *state;
	struct env other = *env;
	struct nsn_tenant t = {0};

	other.s = NULL;
	assert_int_equal(open_store(&other, NULL), 0);
	assert_int_equal(nsn_tenant_init(&t, "blue", "10.1.0.0/24", NULL), 0);
	for (uint64_t n = 0; n < 3; n++) {
		assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		for (int what = 0; what < CHANGES; what++)
			assert_int_equal(change(env, what, &t), 0);
		assert_int_equal(generation(env), n + 1);
		assert_int_equal(generation(&other), n);
		nsn_store_rollback(env->s);
		assert_int_equal(generation(env), n);

		/* What fails does not count, and does not take away what did. */
		assert_int_equal(nsn_store_begin(env->s, NULL), 0);
		assert_true(change(env, 4, &t) < 0);
		assert_int_equal(generation(env), n);
		for (int what = 0; what < CHANGES; what++)
			assert_int_equal(change(env, what, &t), 0);
		assert_true(change(env, 4, &t) < 0);
		assert_int_equal(nsn_store_commit(env->s, NULL), 0);
		assert_int_equal(generation(&other), n + 1);
	}
	for (int what = 1; what < 10; what++)
		if (what != 5 && what != 8 && what != 2)
			assert_true(change(env, what, &t) < 0);
	assert_int_equal(generation(env), 3);
	nsn_store_close(other.s);
	nsn_tenant_clear(&t);
}

static void what_is_no_wish_is_no_generation(void **state)
{
	struct env *env = *state;
	struct nsn_tenant_list list = {0};
	struct nsn_endpoint e;
	struct nsn_cable c;
	uint64_t id;

	e = added(env, "t1", "10.1.0.0/24", &id);
	added(env, "t2", "10.1.0.0/24", NULL);
	assert_int_equal(nsn_store_begin(env->s, NULL), 0);
	c = joined(env, 1, 2);
	assert_int_equal(nsn_store_cable_new_link(env->s, &c, NULL), 0);
	cut(env, &c);
	assert_int_equal(nsn_store_new_link(env->s, &e, NULL), 0);
	assert_int_equal(nsn_store_bind_host(env->s, 7, NULL), 0);
	assert_int_equal(nsn_store_ns_put(env->s, id, 0, 8, NULL), 0);
	assert_int_equal(nsn_store_tenant_list(env->s, &list, NULL), 0);
	nsn_tenant_list_clear(&list);
	assert_int_equal(nsn_store_commit(env->s, NULL), 0);
	assert_int_equal(generation(env), 2);
}

static void a_damaged_generation_is_noticed(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	uint64_t n = 7;

	raw_sql(env, "UPDATE meta SET generation = -1", false);
	assert_int_equal(nsn_store_generation(env->s, &n, &err), -EIO);
	assert_int_equal(err.id, NSNET_E_STORE_BROKEN);
	assert_int_equal(n, 7);
}

int main(void)
{
#define EMPTY(test) cmocka_unit_test_setup_teardown(test, setup_empty, teardown)
#define STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORE(a_cable_is_made_once_and_stays_as_it_was_made),
		STORE(who_is_not_joined_has_no_cable),
		STORE(links_of_cables_and_ports_are_from_one_sequence),
		STORE(a_cable_needs_two_tenants_in_order),
		STORE(a_cable_that_is_not_there_cannot_be_changed),
		STORE(a_tenant_with_cables_cannot_be_deleted),
		STORE(lists_are_by_both_tenants),
		STORE(a_freed_slot_rests_until_the_next_boot),
		STORE(slots_end_with_the_pool_unless_old_ones_are_asked_for),
		STORE(a_rollback_uses_up_slots_or_not),
		STORE(a_cable_that_could_not_be_made_leaves_its_slot),
		STORE(a_rollback_makes_slots_rest_from_now_on),
		STORE(slots_are_those_that_a_simple_list_would_give),
		STORE(a_thousand_cables_are_made_quickly),
		STORE(eight_processes_make_each_cable_once),
		STORE(what_is_committed_is_seen_by_others_and_not_before),
		EMPTY(damaged_rows_are_not_handed_out),
		STORE(the_database_itself_refuses_what_cannot_be),
		STORE(the_transit_pool_is_kept),
		STORE(a_damaged_transit_pool_is_not_handed_out),
		STORE(each_change_is_a_generation),
		STORE(a_transaction_is_one_generation_or_none),
		STORE(what_is_no_wish_is_no_generation),
		STORE(a_damaged_generation_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
