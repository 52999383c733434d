/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/inject.h"
#include "../lib/lab.h"
#include "../lib/lanes.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * A store that cannot be written: what closes is closed all the same, and says that it
 * is not durable; what opens is not done. By the command, on real file systems.
 */

enum { TO_DB, TO_DB6, TO_WEB, NEVER, LANES };
#define ALL_OPEN (1U << TO_DB | 1U << TO_DB6 | 1U << TO_WEB)
static const struct lane ways[LANES] = {
	[TO_DB] = {APP, "customer1", "10.10.1.10", "10.10.2.10", DB, 7002},
	[TO_DB6] = {APP, "customer1", "fd00:10:1::10", "fd00:10:2::10", DB, 7002},
	[TO_WEB] = {APP, "customer1", "10.10.1.10", "10.10.2.11", WEB, 7003},
	[NEVER] = {APP, "customer1", "10.10.1.10", "10.10.2.10", DB, 7001},
};
static struct lanes lanes;

#define DB_ONLY	 (1U << TO_DB | 1U << TO_DB6)
#define WEB_ONLY (1U << TO_WEB)

/* What closes, by the words of the command, and what is open afterwards. */
static const struct closing {
	const char *argv[10];
	unsigned int open;
	const char *hint; /* what it would take */
} closings[] = {
	{{"deny", "customer1", "customer2/db", "udp/7002", "--name", "no-db"},
	 WEB_ONLY,
	 "deny it once more"},
	{{"revoke", "web"}, DB_ONLY, "nsnet revoke web"},
	{{"tenant", "quarantine", "customer2", "--because", "t", "-y"}, 0, "quarantine once more"},
	{{"tenant", "quarantine", "customer1/app", "--because", "t", "-y"}, 0, "once more"},
	{{"tenant", "quarantine", "customer2", "--because", "t", "-y", "--keep",
	  "customer1/app -> customer2/web udp/7003"},
	 WEB_ONLY,
	 "quarantine once more"},
	{{"endpoint", "del", "customer2/web", "-y"}, DB_ONLY, "endpoint del customer2/web"},
	{{"tenant", "del", "customer2", "--with-rules", "-y"}, 0, "nsnet tenant del customer2"},
};
#define N_CLOSINGS (sizeof(closings) / sizeof(closings[0]))

static void say(struct run *r, const char *const argv[10])
{
	const char *all[12] = {nsnet_bin()};

	for (size_t i = 0; i < 10 && argv[i]; i++)
		all[i + 1] = argv[i];
	run_cmd(r, 120000, all);
}

/* ---- stores that cannot be written --------------------------------------------------------- */

static void fill(struct nsnet **n)
{
	(void)n;
	free(lab_sh("cat /dev/zero >" LAB_STATE "/full 2>/dev/null || :"));
}

static void empty(struct nsnet **n)
{
	(void)n;
	free(lab_sh("rm " LAB_STATE "/full"));
}

/* Nobody may have anything of it open. */
static void read_only(struct nsnet **n)
{
	nsnet_close(*n);
	*n = NULL;
	free(lab_sh("mount -o remount,ro " LAB_STATE));
}

static void writable(struct nsnet **n)
{
	free(lab_sh("mount -o remount,rw " LAB_STATE));
	*n = lab_open();
}

static const struct hindrance {
	const char *name;
	void (*begin)(struct nsnet **n), (*end)(struct nsnet **n);
} hindrances[] = {{"full", fill, empty}, {"read-only", read_only, writable}};
#define N_HINDRANCES (sizeof(hindrances) / sizeof(hindrances[0]))

/* ---- the tenants ------------------------------------------------------------------------------
 */

static void allow_all(struct nsnet *n)
{
	static const struct words db = {.name = "db",
					.from = "customer1/app",
					.to = "customer2/db",
					.ports = "udp/7002"},
				  web = {.name = "web",
					 .from = "customer1/app",
					 .to = "customer2/web",
					 .ports = "udp/7003"};

	LAB_OK(rule_try(n, &db, NULL));
	LAB_OK(rule_try(n, &web, NULL));
}

static struct nsnet *build(void)
{
	struct nsnet *n;

	free(lab_sh("mkdir -m 700 " LAB_STATE
		    "; mount -t tmpfs -o size=1m,mode=700 tmpfs " LAB_STATE));
	n = lab_open();
	LAB_OK(nsnet_tenants_add(n, peers_tenants, 2, 0, NULL, NULL));
	allow_all(n);
	lanes_open(&lanes, n, ways, LANES);
	lanes_exactly(&lanes, ALL_OPEN, "before");
	return n;
}

/* All that was closed, in the store as well, is as it was. */
static void open_again(struct nsnet *n)
{
	lanes_close(&lanes);
	(void)nsnet_release(n, "customer2", 0, NULL, NULL);
	(void)nsnet_release(n, "customer1/app", 0, NULL, NULL);
	(void)nsnet_rule_del(n, "no-db", 0, NULL, NULL);
	(void)nsnet_tenant_del(n, "customer2", NSNET_WITH_RULES, NULL, NULL);
	LAB_OK(nsnet_tenants_add(n, &peers_tenants[CUSTOMER2], 1, 0, NULL, NULL));
	allow_all(n);
	lanes_open(&lanes, n, ways, LANES);
	lanes_exactly(&lanes, ALL_OPEN, "open again");
}

static void end_clean(struct nsnet *n)
{
	struct peers nobody = {0};

	lanes_close(&lanes);
	peers_end_clean(&nobody, n);
}

static void check_said(const struct run *r, const char *what, const char *hint)
{
	if (r->status != 3 || !strstr(r->err, "[NOT_DURABLE]") || !strstr(r->err, "\n hint: ") ||
	    !strstr(r->err, hint) || r->out[0])
		fail_msg("%s: status %d\n%s%s", what, r->status, r->out, r->err);
}

/* ---- what closes
 * --------------------------------------------------------------------------------- */

static struct nsnet *close_one(struct nsnet *n, const struct closing *c, const struct hindrance *h)
{
	char *before = lab_rows(LAB_STATE), *after, what[64];
	struct run r;

	(void)snprintf(what, sizeof(what), "%s %s, %s", c->argv[0], c->argv[1], h->name);
	h->begin(&n);
	say(&r, c->argv);
	check_said(&r, what, c->hint);
	run_free(&r);
	lanes_exactly(&lanes, c->open, what);
	/* Said once more: the same. */
	say(&r, c->argv);
	check_said(&r, what, c->hint);
	run_free(&r);
	lanes_exactly(&lanes, c->open, what);
	h->end(&n);
	after = lab_rows(LAB_STATE);
	assert_string_equal(after, before);
	free(after);
	free(before);
	/* It did not last, as it said: */
	LAB_OK(nsnet_repair(n, NULL, 0, NULL, NULL));
	NOTHING_TO_DO(n, what);
	lanes_close(&lanes);
	lanes_open(&lanes, n, ways, LANES);
	lanes_exactly(&lanes, ALL_OPEN, what);
	/* And what it told works. */
	say(&r, c->argv);
	if (r.status != 0)
		fail_msg("%s: then: %s", what, r.err);
	run_free(&r);
	lanes_exactly(&lanes, c->open, what);
	NOTHING_TO_DO(n, what);
	open_again(n);
	return n;
}

static void what_closes_is_closed_and_says_not_durable(void **state)
{
	struct nsnet *n;
	size_t i, k;

	(void)state;
	world_need();
	n = build();
	for (i = 0; i < N_HINDRANCES; i++)
		for (k = 0; k < N_CLOSINGS; k++)
			n = close_one(n, &closings[k], &hindrances[i]);
	end_clean(n);
}

/* Who is connected keeps nothing of it. */
static void one_after_the_other_closes_more(void **state)
{
	struct nsnet *n;
	struct run r;

	(void)state;
	world_need();
	n = build();
	fill(&n);
	say(&r, closings[0].argv);
	check_said(&r, "deny", "once more");
	run_free(&r);
	/* What is not in the store stays closed, although it is computed from that. */
	say(&r, closings[1].argv);
	check_said(&r, "revoke", "nsnet revoke web");
	run_free(&r);
	lanes_exactly(&lanes, 0, "both");
	empty(&n);
	LAB_OK(nsnet_repair(n, NULL, 0, NULL, NULL));
	lanes_exactly(&lanes, ALL_OPEN, "repaired");
	end_clean(n);
}

/* ---- what opens
 * ---------------------------------------------------------------------------------- */

static void refuses(const char *const argv[10], unsigned int open)
{
	struct run r;

	say(&r, argv);
	if (r.status != 3 || !strstr(r.err, "[STORE_IO]") || r.out[0])
		fail_msg("%s: status %d\n%s%s", argv[0], r.status, r.out, r.err);
	run_free(&r);
	lanes_exactly(&lanes, open, argv[0]);
}

static void what_opens_is_not_done(void **state)
{
	static const char *const allow[10] = {"allow",	  "customer1/app", "customer2/db",
					      "udp/7001", "--because",	   "t"};
	static const char *const release[10] = {"tenant", "release", "customer2", "-y"};
	static const char *const revoke[10] = {"revoke", "no-db"};
	struct nsnet *n;
	struct run r;
	size_t i;

	(void)state;
	world_need();
	n = build();
	say(&r, closings[0].argv);
	assert_int_equal(r.status, 0);
	run_free(&r);
	LAB_OK(nsnet_quarantine(n, "customer2", "t", NULL, 0, 0, NULL, NULL));
	lanes_exactly(&lanes, 0, "closed");
	for (i = 0; i < N_HINDRANCES; i++) {
		hindrances[i].begin(&n);
		refuses(allow, 0);
		refuses(release, 0);
		refuses(revoke, 0);
		hindrances[i].end(&n);
		NOTHING_TO_DO(n, hindrances[i].name);
	}
	LAB_OK(nsnet_release(n, "customer2", 0, NULL, NULL));
	end_clean(n);
}

/* Files open and close at once: nothing of both is done, and that is said. */
static void apply_does_nothing_and_says_so(void **state)
{
	struct nsnet *n;
	struct run r;
	size_t i;

	(void)state;
	world_need();
	n = build();
	free(lab_sh("printf 'nsnet: 1\\nrules:\\n  - { name: no, deny: udp/7002, from: tenants, "
		    "to: customer2/db }\\n' >/run/no.yaml"));
	for (i = 0; i < N_HINDRANCES; i++) {
		hindrances[i].begin(&n);
		NSNET(&r, "apply", "-f", "/run/no.yaml", "-y");
		if (r.status != 3 || !strstr(r.err, "[STORE_IO]") ||
		    !strstr(r.err, "no rule was changed"))
			fail_msg("apply: status %d\n%s%s", r.status, r.out, r.err);
		run_free(&r);
		lanes_exactly(&lanes, ALL_OPEN, "apply");
		hindrances[i].end(&n);
		NOTHING_TO_DO(n, "apply");
	}
	NSNET_STATUS(0, "apply", "-f", "/run/no.yaml", "-y");
	lanes_exactly(&lanes, WEB_ONLY, "applied");
	end_clean(n);
}

/* ---- a disk that fails
 * ------------------------------------------------------------------------------ */

struct call {
	struct nsnet *n;
	struct nsnet_err err;
	int r;
};

static void call_revoke(void *arg)
{
	struct call *c = arg;

	c->r = nsnet_rule_del(c->n, "web", 0, NULL, &c->err);
}

static void call_quarantine(void *arg)
{
	struct call *c = arg;

	c->r = nsnet_quarantine(c->n, "customer2", "t", NULL, 0, 0, NULL, &c->err);
}

static void call_deny(void *arg)
{
	static const struct words deny = {.name = "no-db",
					  .from = "customer1",
					  .to = "customer2/db",
					  .ports = "udp/7002",
					  .deny = true};
	struct call *c = arg;

	c->r = rule_try(c->n, &deny, &c->err);
}

static void call_endpoint_del(void *arg)
{
	struct call *c = arg;

	c->r = nsnet_endpoint_del(c->n, "customer2", "web", 0, NULL, &c->err);
}

/* The last step of a commit fails; nothing that was closed by then is opened again. */
static void a_commit_that_fails_opens_nothing_again(void **state)
{
	static const struct {
		void (*fn)(void *arg);
		unsigned int open;
	} verbs[] = {{call_revoke, DB_ONLY},
		     {call_deny, WEB_ONLY},
		     {call_quarantine, 0},
		     {call_endpoint_del, DB_ONLY}};
	static const struct inject_rule sync = {.nr = __NR_fdatasync, .error = EIO};
	struct call c = {0};
	struct inject done;
	size_t i;

	(void)state;
	world_need();
	c.n = build();
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		c.err = (struct nsnet_err){0};
		inject(&sync, 1, 0, verbs[i].fn, &c, &done);
		if (done.failed_nr < 0 || c.r != -EIO)
			fail_msg("%zu: %d %d %s", i, done.seen, c.r, c.err.msg);
		assert_string_equal(nsnet_code_name(c.err.id), "NOT_DURABLE");
		assert_true(c.err.hint[0]);
		lanes_exactly(&lanes, verbs[i].open, c.err.msg);
		nsnet_close(c.n);
		c.n = lab_open();
		/* What was written last may be on the disk all the same. */
		LAB_OK(nsnet_repair(c.n, NULL, 0, NULL, NULL));
		open_again(c.n);
	}
	end_clean(c.n);
}

#define T(f) cmocka_unit_test_setup(f, world_setup)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(what_closes_is_closed_and_says_not_durable),
		T(one_after_the_other_closes_more),
		T(what_opens_is_not_done),
		T(apply_does_nothing_and_says_so),
		T(a_commit_that_fails_opens_nothing_again),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
