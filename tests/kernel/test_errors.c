/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../lib/hook.h"
#include "../lib/inject.h"
#include "../lib/lab.h"
#include "../lib/lanes.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * The error matrix: each message between the library and the kernel goes wrong, in each
 * way. Afterwards there is the old or the wanted state, a reason, and nothing else.
 */

/* ---- the tenants, and what is said of them --------------------------------------------- */

enum {
	GRANT = 1,	/* app may call db's 7002 */
	QUARANTINE = 2, /* of customer2, but for its 7000 */
	BLUE = 4,	/* is there */
	JOINED = 8,	/* and may be called by customer2 */
	MOVED = 16,	/* and has another subnet */
	MORE = 32,	/* and one endpoint more */
	GREEN = 64,	/* is there */
	ALL_BITS = 128,
};

enum { KEPT, CHANGED, CHANGED6, NEVER, BACK, LANES };
static const struct lane ways[LANES] = {
	[KEPT] = {APP, "customer1", "10.10.1.10", "10.10.2.10", DB, 7000},
	[CHANGED] = {APP, "customer1", "10.10.1.10", "10.10.2.10", DB, 7002},
	[CHANGED6] = {APP, "customer1", "fd00:10:1::10", "fd00:10:2::10", DB, 7002},
	[NEVER] = {APP, "customer1", "10.10.1.10", "10.10.2.10", DB, 7001},
	[BACK] = {DB, "customer2", "10.10.2.10", "10.10.1.10", APP, 7002},
};
static struct lanes lanes;

static unsigned int lanes_of(unsigned int said)
{
	return (said & GRANT) && !(said & QUARANTINE) ? 1U << KEPT | 1U << CHANGED | 1U << CHANGED6
						      : 1U << KEPT;
}

static const struct words stays = {
	.name = "stays", .from = "customer1/app", .to = "customer2/db", .ports = "udp/7000"};
static const struct words grant = {
	.name = "grant", .from = "customer1/app", .to = "customer2/db", .ports = "udp/7002"};
static const struct words joined = {
	.name = "joined", .from = "customer2", .to = "blue", .ports = "tcp/80"};
static const char *const keep[] = {"customer1/app -> customer2/db udp/7000"};
#define SUBNET	     "10.20.1.0/24"
#define OTHER_SUBNET "10.20.2.0/24"

static unsigned int of_tenant(const struct nsnet_tenant *t)
{
	unsigned int said = 0;

	if (strcmp(nsnet_tenant_name(t), "green") == 0)
		return GREEN;
	if (strcmp(nsnet_tenant_name(t), "blue") != 0)
		return 0;
	said = BLUE;
	if (strcmp(nsnet_tenant_subnet(t), SUBNET) != 0) {
		assert_string_equal(nsnet_tenant_subnet(t), OTHER_SUBNET);
		said |= MOVED;
	}
	return nsnet_tenant_endpoints(t) == 2 ? said | MORE : said;
}

/* What the store says. */
static unsigned int said_now(struct nsnet *n)
{
	struct nsnet_quarantines *quarantines = NULL;
	struct nsnet_tenants *tenants = NULL;
	struct nsnet_rules *rules = NULL;
	unsigned int said = 0;
	size_t i;

	LAB_OK(nsnet_tenant_list(n, 0, &tenants, NULL));
	for (i = 0; i < nsnet_tenants_count(tenants); i++)
		said |= of_tenant(nsnet_tenants_at(tenants, i));
	assert_int_equal(i, 2 + !!(said & BLUE) + !!(said & GREEN));
	nsnet_tenants_free(tenants);
	LAB_OK(nsnet_rule_list(n, 0, &rules, NULL));
	for (i = 0; i < nsnet_rules_count(rules); i++) {
		struct nsnet_rule rule;

		nsnet_rules_get(rules, i, &rule);
		said |= strcmp(rule.name, "grant") == 0	   ? GRANT
			: strcmp(rule.name, "joined") == 0 ? JOINED
							   : 0;
	}
	assert_int_equal(i, 1 + !!(said & GRANT) + !!(said & JOINED));
	nsnet_rules_free(rules);
	LAB_OK(nsnet_quarantine_list(n, &quarantines, NULL));
	if (nsnet_quarantines_count(quarantines) > 0)
		said |= QUARANTINE;
	nsnet_quarantines_free(quarantines);
	return said;
}

/* ---- the verbs --------------------------------------------------------------------------- */

static int add(struct nsnet *n, struct nsnet_err *err)
{
	return nsnet_tenant_add(n, "blue", SUBNET, 0, NULL, err);
}

static int move(struct nsnet *n, bool there, struct nsnet_err *err)
{
	const struct nsnet_setting s = {.key = "subnet", .value = there ? OTHER_SUBNET : SUBNET};

	return nsnet_tenant_set(n, "blue", &s, 1, 0, NULL, err);
}

static int set(struct nsnet *n, struct nsnet_err *err)
{
	return move(n, true, err);
}

static int endpoint_add(struct nsnet *n, struct nsnet_err *err)
{
	static const struct nsnet_endpoint_def web = {.name = "web"};

	return nsnet_endpoint_add(n, "blue", &web, 0, NULL, err);
}

static int endpoint_del(struct nsnet *n, struct nsnet_err *err)
{
	return nsnet_endpoint_del(n, "blue", "web", 0, NULL, err);
}

static int del(struct nsnet *n, struct nsnet_err *err)
{
	return nsnet_tenant_del(n, "blue", NSNET_WITH_RULES, NULL, err);
}

static int allow(struct nsnet *n, struct nsnet_err *err)
{
	return rule_try(n, &grant, err);
}

static int take_back(struct nsnet *n, struct nsnet_err *err)
{
	return nsnet_rule_del(n, "grant", 0, NULL, err);
}

static int quarantine(struct nsnet *n, struct nsnet_err *err)
{
	return nsnet_quarantine(n, "customer2", "a test", keep, 1, 0, NULL, err);
}

static int release(struct nsnet *n, struct nsnet_err *err)
{
	return nsnet_release(n, "customer2", 0, NULL, err);
}

static int repair(struct nsnet *n, struct nsnet_err *err)
{
	return nsnet_repair(n, NULL, 0, NULL, err);
}

/* A file that says it; with prune, so that nothing else is. */
static int apply_said(struct nsnet *n, unsigned int said, size_t fewer, struct nsnet_err *err)
{
	struct nsnet_policy_text file = {.file = "errors.yaml", .set = "errors"};
	struct nsnet_tenants *known = NULL;
	struct nsnet_policies *p = NULL;
	char text[2048];
	int r;

	(void)snprintf(text, sizeof(text), "nsnet: 1\n%s%s%s",
		       said & GREEN ? "tenants:\n  green: { subnet: 10.30.1.0/24 }\n" : "",
		       said & GRANT ? "rules:\n  - { name: grant, allow: udp/7002, from: "
				      "customer1/app, to: customer2/db, because: t }\n"
				    : "rules: []\n",
		       said & QUARANTINE ? "quarantine:\n  - who: customer2\n    because: t\n"
					   "    keep: [customer1/app -> customer2/db udp/7000]\n"
					 : "");
	file.text = text;
	file.len = strlen(text);
	r = nsnet_tenant_list(n, 0, &known, err);
	if (r == 0)
		r = nsnet_policies_parse(&p, &file, 1, known, (int64_t)time(NULL), err);
	if (r == 0)
		assert_int_equal(nsnet_policies_errors(p), 0);
	if (r == 0)
		r = nsnet_apply(n, p, NSNET_PRUNE, fewer, NULL, err);
	nsnet_policies_free(p);
	nsnet_tenants_free(known);
	return r;
}

static int apply(struct nsnet *n, struct nsnet_err *err)
{
	return apply_said(n, GRANT | QUARANTINE | GREEN, 0, err);
}

/* Of blue the pin, and of customer2 all rules. */
static void break_some(struct nsnet *n)
{
	(void)umount2(LAB_PIN_DIR "/blue", MNT_DETACH);
	free(lab_sh("nsenter --net=%s nft flush ruleset", lab_gateway(n, "customer2")));
}

static const struct verb {
	const char *name;
	unsigned int before, after;
	int (*run)(struct nsnet *n, struct nsnet_err *err);
	bool file, broken;
} verbs[] = {
	{"tenant add", 0, BLUE, add, false, false},
	{"tenant set", BLUE | JOINED, BLUE | JOINED | MOVED, set, false, false},
	{"endpoint add", BLUE | JOINED, BLUE | JOINED | MORE, endpoint_add, false, false},
	{"endpoint del", BLUE | JOINED | MORE, BLUE | JOINED, endpoint_del, false, false},
	{"tenant del", BLUE | JOINED, 0, del, false, false},
	{"allow", 0, GRANT, allow, false, false},
	{"revoke", GRANT, 0, take_back, false, false},
	{"quarantine", GRANT, GRANT | QUARANTINE, quarantine, false, false},
	{"release", GRANT | QUARANTINE, GRANT, release, false, false},
	{"apply", 0, GRANT | QUARANTINE | GREEN, apply, true, false},
	{"repair", BLUE | JOINED, BLUE | JOINED, repair, false, true},
};
#define N_VERBS (int)(sizeof(verbs) / sizeof(verbs[0]))

static void bring_blue(struct nsnet *n, unsigned int now, unsigned int want)
{
	const unsigned int about = BLUE | JOINED | MOVED | MORE;

	if ((now & about) == (want & about))
		return;
	if ((now & BLUE) && (!(want & BLUE) || (now & JOINED & ~want))) {
		LAB_OK(del(n, NULL));
		now &= ~about;
	}
	if ((want & BLUE) && !(now & BLUE))
		LAB_OK(add(n, NULL));
	if ((want & JOINED) && !(now & JOINED))
		LAB_OK(rule_try(n, &joined, NULL));
	if ((want ^ now) & MOVED)
		LAB_OK(move(n, want & MOVED, NULL));
	if ((want ^ now) & MORE)
		LAB_OK((want & MORE ? endpoint_add : endpoint_del)(n, NULL));
}

static void bring(struct nsnet *n, const struct verb *v)
{
	unsigned int now = said_now(n), want = v->before;

	/* What was typed is the file's from now on. */
	if (v->file && now != want)
		LAB_OK(apply_said(n, want, !!(now & GREEN & ~want), NULL));
	now = said_now(n);
	if (now & GREEN & ~want)
		LAB_OK(nsnet_tenant_del(n, "green", 0, NULL, NULL));
	if ((now ^ want) & QUARANTINE)
		LAB_OK((want & QUARANTINE ? quarantine : release)(n, NULL));
	if ((now ^ want) & GRANT)
		LAB_OK((want & GRANT ? allow : take_back)(n, NULL));
	bring_blue(n, now, want);
	assert_int_equal(said_now(n), want);
	if (v->broken)
		break_some(n);
}

/* ---- what is left ----------------------------------------------------------------------- */

static void list_folder(FILE *out, const char *path, bool names)
{
	DIR *d = opendir(path);
	struct dirent **found = NULL;
	int i, count = d ? scandir(path, &found, NULL, alphasort) : 0;

	if (d)
		(void)closedir(d);
	(void)fprintf(out, "%s %d:", path, count);
	for (i = 0; i < count; i++) {
		/* SQLite's come and go. */
		if (names && strncmp(found[i]->d_name, "nsnet.db", 8) != 0)
			(void)fprintf(out, " %s", found[i]->d_name);
		free(found[i]);
	}
	free(found);
	(void)fputc('\n', out);
}

/* Pins, files, mounts of namespaces, and links of the host. */
static char *places(void)
{
	char *text = NULL, *line = NULL;
	size_t size = 0, room = 0;
	FILE *out = open_memstream(&text, &size), *mounts = fopen("/proc/self/mountinfo", "re");
	struct if_nameindex *links = if_nameindex();
	int pins = 0, i;

	assert_true(out && mounts && links);
	list_folder(out, LAB_PIN_DIR, true);
	list_folder(out, "/etc/netns", true);
	list_folder(out, "/run/nsnet", true);
	list_folder(out, "/run", true);
	/* These have numbers in their names that never come again. */
	list_folder(out, LAB_GW, false);
	while (getline(&line, &room, mounts) > 0)
		pins += strstr(line, " net:[") != NULL;
	(void)fprintf(out, "pins %d links", pins);
	for (i = 0; links[i].if_index; i++)
		(void)fprintf(out, " %s", links[i].if_name);
	if_freenameindex(links);
	free(line);
	(void)fclose(mounts);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* By what is said. */
static char *places_of[ALL_BITS];

static void learn_places(unsigned int said)
{
	if (!places_of[said])
		places_of[said] = places();
}

static size_t steps_left(struct nsnet *n)
{
	struct nsnet_change *c = NULL;
	size_t i, count = 0;

	LAB_OK(nsnet_repair(n, NULL, NSNET_DRY_RUN, &c, NULL));
	for (i = 0; i < nsnet_change_items(c); i++)
		count += nsnet_change_steps(c, i) + nsnet_change_notes(c, i);
	nsnet_change_free(c);
	return count;
}

static size_t steps_of_gc(struct nsnet *n)
{
	struct nsnet_change *c = NULL;
	size_t i, count = 0;

	LAB_OK(nsnet_gc(n, NSNET_DRY_RUN, &c, NULL));
	for (i = 0; i < nsnet_change_items(c); i++)
		count += nsnet_change_steps(c, i);
	nsnet_change_free(c);
	return count;
}

/* ---- one thing goes wrong ----------------------------------------------------------------- */

static struct {
	int tried, failed, previous, wanted, repaired;
} total;

static void look(void)
{
	lanes_send(&lanes);
}

static void check_reason(int r, const struct nsnet_err *err, const char *what)
{
	if (r >= 0)
		return;
	if (err->code != r || !err->msg[0] || err->id == NSNET_E_INTERNAL ||
	    nsnet_code_exit(err->id) == 0 || strstr(err->msg, "constraint"))
		fail_msg("%s: %d, but the reason is %d %s", what, r, err->code,
			 nsnet_code_name(err->id));
}

/* What may be there, and is there after one repair at most. */
static void check_state(struct nsnet *n, const struct verb *v, int r, const char *what)
{
	const unsigned int now = said_now(n);
	char *have;
	size_t left;

	if (now != v->before && now != v->after)
		fail_msg("%s: the store says %#x, not %#x or %#x", what, now, v->before, v->after);
	if (r == 0 && now != v->after)
		fail_msg("%s: it says that it is done, but %#x is stored", what, now);
	lanes_forget(&lanes);
	lanes_send(&lanes);
	lanes_only(&lanes, lanes_of(now), what);
	left = steps_left(n);
	if (r == 0 && left > 0)
		fail_msg("%s: it says that it is done, but %zu steps are left", what, left);
	if (left > 0) {
		struct nsnet_err err = {0};

		lab_ok(nsnet_repair(n, NULL, 0, NULL, &err), &err, what, __FILE__, __LINE__);
		total.repaired++;
		NOTHING_TO_DO(n, what);
	}
	if (steps_of_gc(n) > 0)
		fail_msg("%s: gc finds something", what);
	have = places();
	if (strcmp(have, places_of[now]) != 0)
		fail_msg("%s: leaked:\n%s\nnot\n%s", what, have, places_of[now]);
	free(have);
	lanes_exactly(&lanes, lanes_of(now), what);
	if (v->before != v->after) {
		total.previous += now == v->before;
		total.wanted += now == v->after;
	} else {
		total.previous += r < 0;
		total.wanted += r == 0;
	}
}

static const char *const kinds[] = {
	[HOOK_NOTHING] = "nothing",  [HOOK_SEND] = "send",	 [HOOK_LOST] = "answer lost",
	[HOOK_LATE] = "answer late", [HOOK_REFUSED] = "refused", [HOOK_DONE] = "done and refused",
	[HOOK_TORN] = "torn once",   [HOOK_TORN_ALL] = "torn",
};

static void check_outcome(struct nsnet *n, const struct verb *v, int r, const struct nsnet_err *err,
			  const char *what)
{
	lanes_only(&lanes, lanes_of(v->before) | lanes_of(v->after), what);
	check_reason(r, err, what);
	check_state(n, v, r, what);
	total.tried++;
	total.failed += r < 0;
}

static void try_one(struct nsnet *n, const struct verb *v, int number, struct hook *h)
{
	struct nsnet_err err = {0};
	char what[600];
	int r, fds;

	bring(n, v);
	lanes_forget(&lanes);
	fds = lab_fds();
	h->look = look;
	hook_on(h);
	r = v->run(n, &err);
	hook_off();
	(void)snprintf(what, sizeof(what), "%s, number %d, %s %d (%s): %.400s", v->name, number,
		       kinds[h->kind], h->at, strerror(h->error), r < 0 ? err.msg : "no error");
	if (lab_fds() != fds)
		fail_msg("%s: %d descriptors, %d before", what, lab_fds(), fds);
	if (!h->hit && r < 0)
		fail_msg("%s: nothing went wrong", what);
	check_outcome(n, v, r, &err, what);
	total.tried -= !h->hit;
}

static struct nsnet *build(void)
{
	static const struct nsnet_endpoint_def app = {"app", "10.10.1.10", "fd00:10:1::10", NULL};
	static const struct nsnet_endpoint_def db = {"db", "10.10.2.10", "fd00:10:2::10", NULL};
	struct nsnet_tenant_def defs[2] = {peers_tenants[CUSTOMER1], peers_tenants[CUSTOMER2]};
	struct nsnet *n = lab_open();

	defs[0].endpoints = &app;
	defs[1].endpoints = &db;
	defs[0].n_endpoints = defs[1].n_endpoints = 1;
	LAB_OK(nsnet_tenants_add(n, defs, 2, 0, NULL, NULL));
	LAB_OK(rule_try(n, &stays, NULL));
	lanes_open(&lanes, n, ways, LANES);
	return n;
}

static void end_clean(struct nsnet *n)
{
	struct peers nobody = {0};
	size_t i;

	/* A quarantine outlives who is in it: the verbs that begin without one end it. */
	bring(n, &verbs[0]);
	lanes_close(&lanes);
	for (i = 0; i < ALL_BITS; i++) {
		free(places_of[i]);
		places_of[i] = NULL;
	}
	peers_end_clean(&nobody, n);
}

/* ---- netlink ---------------------------------------------------------------------------- */

static const int errors[] = {EINTR, ENOBUFS, ENOMEM, EBUSY, EEXIST, ENODEV, EPERM, ETIMEDOUT};
#define N_ERRORS (int)(sizeof(errors) / sizeof(errors[0]))

/* How many messages there are, and what it looks like before and after. */
static void measure(struct nsnet *n, const struct verb *v, struct hook *h)
{
	struct nsnet_err err = {0};

	*h = (struct hook){.kind = HOOK_NOTHING};
	bring(n, v);
	if (!v->broken)
		learn_places(v->before);
	hook_on(h);
	lab_ok(v->run(n, &err), &err, v->name, __FILE__, __LINE__);
	hook_off();
	learn_places(v->after);
	NOTHING_TO_DO(n, v->name);
	assert_true(h->sends > 10 && h->receives >= h->sends && h->dumps > 5);
	assert_false(h->hit);
}

/*
 * What changes something goes wrong in each way with each error. What only reads fails in
 * the same way whatever the error is, but for EINTR: there ways and errors take turns, so
 * that each message goes wrong once. NSNET_TEST_FULL=all: each, in each way, with each error.
 */
static bool is_left_out(const bool *changes, int at, int ways_there, int way, int error)
{
	const char *full = getenv("NSNET_TEST_FULL");

	if (changes[at] || (full && strcmp(full, "all") == 0))
		return false;
	return at % ways_there != way || at / ways_there % N_ERRORS != error;
}

/* All that can go wrong. @ret has room for them; or NULL. */
static int list_all(const struct hook *seen, struct hook *ret)
{
	const struct {
		enum hook_kind kind;
		int count;
		const bool *changes;
		int ways, way;
	} all[] = {
		{HOOK_SEND, seen->sends, seen->send_changes, 3, 0},
		{HOOK_REFUSED, seen->sends, seen->send_changes, 3, 1},
		{HOOK_DONE, seen->sends, seen->send_changes, 3, 2},
		{HOOK_LOST, seen->receives, seen->receive_changes, 2, 0},
		{HOOK_LATE, seen->receives, seen->receive_changes, 2, 1},
		{HOOK_TORN, seen->dumps, NULL, 0, 0},
		{HOOK_TORN_ALL, seen->dumps, NULL, 0, 0},
	};
	int at, error, n = 0;
	size_t k;

	assert_true(seen->receives <= HOOK_MAX);
	for (k = 0; k < sizeof(all) / sizeof(all[0]); k++)
		for (at = 0; at < all[k].count; at++)
			for (error = 0; error < (all[k].changes ? N_ERRORS : 1); error++) {
				if (all[k].changes &&
				    is_left_out(all[k].changes, at, all[k].ways, all[k].way, error))
					continue;
				if (ret)
					ret[n] = (struct hook){.kind = all[k].kind, .at = at};
				if (ret && all[k].changes)
					ret[n].error = errors[error];
				n++;
			}
	return n;
}

/* In the full run all, else some that are spread over all. */
static int stride(int some, int few)
{
	return getenv("NSNET_TEST_FULL") ? 1 : test_quick() ? few : some;
}

/* For who looks for something: NSNET_TEST_ERRORS="FROM TO VERB", those numbers of one verb. */
static bool is_asked_for(const struct verb *v, int *from, int *to)
{
	const char *only = getenv("NSNET_TEST_ERRORS");
	char *end;

	if (!only)
		return true;
	*from = (int)strtol(only, &end, 10);
	*to = (int)strtol(end, &end, 10);
	return *end == ' ' && strcmp(end + 1, v->name) == 0;
}

static struct {
	int verbs, sends, receives, dumps;
} all;

static void matrix_of(struct nsnet *n, const struct verb *v)
{
	const int tried = total.tried;
	struct hook *list, *seen = calloc(1, sizeof(*seen));
	double began = now_ms();
	int from = (int)(v - verbs), to = INT_MAX, i, number;

	assert_non_null(seen);
	if (is_asked_for(v, &from, &to)) {
		measure(n, v, seen);
		number = list_all(seen, NULL);
		list = calloc((size_t)number, sizeof(*list));
		assert_non_null(list);
		(void)list_all(seen, list);
		for (i = from; i < number && i < to; i += stride(211, 1009))
			try_one(n, v, i, &list[i]);
		free(list);
		all.verbs++;
		all.sends += seen->sends;
		all.receives += seen->receives;
		all.dumps += seen->dumps;
		print_message("           %s: %d sends, %d receives, %d dumps; %d of %d errors in "
			      "%.1f s\n",
			      v->name, seen->sends, seen->receives, seen->dumps,
			      total.tried - tried, number, (now_ms() - began) / 1000);
	}
	free(seen);
}

static void every_answer_of_the_kernel_goes_wrong(void **state)
{
	struct nsnet *n;
	int i;

	(void)state;
	world_need();
	n = build();
	memset(&total, 0, sizeof(total));
	memset(&all, 0, sizeof(all));
	for (i = 0; i < N_VERBS; i++)
		matrix_of(n, &verbs[i]);
	print_message(
		"error matrix: %d verbs, %d sends (not sent, refused, refused when done) and "
		"%d receives (lost, late) x %d errors, %d dumps (torn once, always): %d tried, "
		"%d failed; %d times the previous state, %d times the wanted one, %d of them "
		"after one repair; 0 leaks, 0 wrong states\n",
		all.verbs, all.sends, all.receives, N_ERRORS, all.dumps, total.tried, total.failed,
		total.previous, total.wanted, total.repaired);
	end_clean(n);
}

/* ---- system calls ------------------------------------------------------------------------ */

static const struct trouble {
	const char *name;
	struct inject_rule rules[4];
	int n, some; /* of its calls one of so many, when not all */
} troubles[] = {
	{"open: EMFILE", {{.nr = __NR_openat, .error = EMFILE}}, 1, 1999},
	{"open: ENFILE", {{.nr = __NR_openat, .error = ENFILE}}, 1, 1999},
	{"open: EACCES", {{.nr = __NR_openat, .error = EACCES}}, 1, 1999},
	{"mount",
	 {{.nr = __NR_mount, .error = ENOMEM}, {.nr = __NR_umount2, .error = ENOMEM}},
	 2,
	 5},
	{"fsync: EIO",
	 {{.nr = __NR_fsync, .error = EIO}, {.nr = __NR_fdatasync, .error = EIO}},
	 2,
	 4},
	{"write: ENOSPC",
	 {{.nr = __NR_write, .error = ENOSPC},
	  {.nr = __NR_pwrite64, .error = ENOSPC},
	  {.nr = __NR_ftruncate, .error = ENOSPC}},
	 3,
	 97},
};
#define N_TROUBLES (int)(sizeof(troubles) / sizeof(troubles[0]))

struct call {
	struct nsnet *n;
	const struct verb *v;
	struct nsnet_err err;
	int r;
};

static void call_verb(void *arg)
{
	struct call *c = arg;

	c->r = c->v->run(c->n, &c->err);
}

/* False: there are not that many such calls. */
static bool trouble_at(struct nsnet **n, const struct verb *v, const struct trouble *t, int at)
{
	struct call c = {.n = *n, .v = v};
	struct inject done;
	char what[600];
	int fds;

	bring(*n, v);
	lanes_forget(&lanes);
	fds = lab_fds();
	inject(t->rules, t->n, at, call_verb, &c, &done);
	(void)snprintf(what, sizeof(what), "%s, %s, call %d: %.400s", v->name, t->name, at,
		       c.r < 0 ? c.err.msg : "no error");
	if (lab_fds() != fds)
		fail_msg("%s: %d descriptors, %d before", what, lab_fds(), fds);
	/* What a thread that could not return holds is its own. */
	nsnet_close(*n);
	*n = lab_open();
	check_outcome(*n, v, c.r, &c.err, what);
	return done.failed_nr >= 0;
}

static void learn_all(struct nsnet *n)
{
	struct hook *seen = calloc(1, sizeof(*seen));
	int i;

	assert_non_null(seen);
	for (i = 0; i < N_VERBS; i++)
		measure(n, &verbs[i], seen);
	free(seen);
}

static void tell_total(const char *what)
{
	print_message(
		"           %s: %d verbs, %d tried, %d failed; %d times the previous state, %d "
		"times the wanted one, %d of them after one repair\n",
		what, N_VERBS, total.tried, total.failed, total.previous, total.wanted,
		total.repaired);
	memset(&total, 0, sizeof(total));
}

static void any_call_fails(void **state)
{
	struct nsnet *n;
	int i, k, at;

	(void)state;
	world_need();
	n = build();
	learn_all(n);
	memset(&total, 0, sizeof(total));
	for (k = 0; k < N_TROUBLES; k++) {
		for (i = k % stride(2, 5); i < N_VERBS; i += stride(2, 5))
			for (at = i % stride(3, 3); trouble_at(&n, &verbs[i], &troubles[k], at);
			     at += stride(troubles[k].some, 2 * troubles[k].some))
				;
		tell_total(troubles[k].name);
	}
	end_clean(n);
}

/* ---- what runs out ----------------------------------------------------------------------- */

static void limit_fds(rlim_t max)
{
	struct rlimit lim;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
	lim.rlim_cur = max ? max : lim.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lim), 0);
}

static int highest_fd(void)
{
	int fd = dup(0);

	assert_true(fd >= 0);
	(void)close(fd);
	return fd;
}

static void descriptors_run_out(void **state)
{
	struct nsnet *n;
	int i, free_fds;

	(void)state;
	world_need();
	n = build();
	learn_all(n);
	memset(&total, 0, sizeof(total));
	for (i = 0; i < N_VERBS; i++)
		for (free_fds = i % stride(5, 12); free_fds < 24; free_fds += stride(5, 12)) {
			struct nsnet_err err = {0};
			char what[600];
			int r, fds;

			bring(n, &verbs[i]);
			lanes_forget(&lanes);
			fds = lab_fds();
			/* Numbers below are all taken, or count as free ones, too. */
			limit_fds((rlim_t)highest_fd() + (rlim_t)free_fds);
			r = verbs[i].run(n, &err);
			limit_fds(0);
			(void)snprintf(what, sizeof(what), "%s, %d descriptors: %.400s",
				       verbs[i].name, free_fds, r < 0 ? err.msg : "no error");
			assert_int_equal(lab_fds(), fds);
			nsnet_close(n);
			n = lab_open();
			check_outcome(n, &verbs[i], r, &err, what);
		}
	assert_true(total.failed > 5);
	tell_total("descriptors");
	end_clean(n);
}

/* Real ones: /run takes no file more, /etc/netns no byte, the store no page. */
static const struct full {
	const char *name, *fill, *empty;
} fulls[] = {
	{"/run full", "mount -o remount,nr_inodes=$(($(df --output=iused /run | tail -1))) /run",
	 "mount -o remount,nr_inodes=100000 /run"},
	{"/etc/netns full",
	 "cat /dev/zero >/etc/netns/.full 2>/dev/null || :", "rm /etc/netns/.full"},
	{"store full",
	 "cat /dev/zero >" LAB_STATE "/full 2>/dev/null || :", "rm " LAB_STATE "/full"},
};

static void file_systems_are_full(void **state)
{
	struct nsnet *n;
	size_t i, k;

	(void)state;
	world_need();
	free(lab_sh("mkdir -p /etc/netns; mount -t tmpfs -o size=256k,mode=755 tmpfs /etc/netns; "
		    "mkdir -m 700 " LAB_STATE
		    "; mount -t tmpfs -o size=1m,mode=700 tmpfs " LAB_STATE));
	n = build();
	learn_all(n);
	for (i = 0; i < sizeof(fulls) / sizeof(fulls[0]); i++) {
		memset(&total, 0, sizeof(total));
		for (k = 0; k < (size_t)N_VERBS; k++) {
			struct nsnet_err err = {0};
			char what[600];
			int r, fds;

			bring(n, &verbs[k]);
			lanes_forget(&lanes);
			fds = lab_fds();
			free(lab_sh("%s", fulls[i].fill));
			r = verbs[k].run(n, &err);
			free(lab_sh("%s", fulls[i].empty));
			(void)snprintf(what, sizeof(what), "%s, %s: %.400s", verbs[k].name,
				       fulls[i].name, r < 0 ? err.msg : "no error");
			assert_int_equal(lab_fds(), fds);
			check_outcome(n, &verbs[k], r, &err, what);
		}
		assert_true(total.failed > 0);
		tell_total(fulls[i].name);
	}
	end_clean(n);
}

/* In a user namespace of its own, whose limit is nobody else's. */
static void no_namespace_can_be_had(void **state)
{
	static const char script[] =
		"set -e\n"
		"limit=/proc/sys/user/max_net_namespaces\n"
		"refused() { if $1 $2 $3 $4 $5 >/dev/null 2>/run/why; then exit 9; fi; "
		"grep -q 'user.max_net_namespaces is the limit' /run/why; }\n"
		"\"$0\" tenant add blue 10.20.1.0/24 >/dev/null\n"
		"\"$0\" tenant add red 10.20.2.0/24 >/dev/null\n"
		"nodes=$(ls /run/netns /run/nsnet/gw /etc/netns; grep -c ' net:' "
		"/proc/self/mountinfo)\n"
		"echo 5 >$limit\n"
		"refused \"$0\" tenant add green 10.20.3.0/24\n"
		"refused \"$0\" endpoint add blue/web\n"
		"[ \"$nodes\" = \"$(ls /run/netns /run/nsnet/gw /etc/netns; "
		"grep -c ' net:' /proc/self/mountinfo)\" ]\n"
		"\"$0\" plan | grep -q 'nothing to do: 2 tenants'\n"
		"\"$0\" gc --dry-run | grep -q 'nothing to remove'\n"
		"echo 6 >$limit\n"
		"\"$0\" endpoint add blue/web >/dev/null\n";
	char *world;

	(void)state;
	world_need();
	assert_true(asprintf(&world, "%s/tests/lib/world.sh", getenv("NSNET_SRC")) > 0);
	RUN_STATUS(0, "unshare", "--user", "--map-root-user", "bash", world, "bash", "-c", script,
		   nsnet_bin());
	free(world);
}

/* The hook is the linker's: what is shipped has no trace of it. */
static void the_product_has_no_hook(void **state)
{
	(void)state;
	assert_int_not_equal(lab_sh_status("nm -a %s | grep -E 'hook_on|__wrap_'", nsnet_bin()), 0);
	assert_int_equal(lab_sh_status("nm -a /proc/%d/exe | grep -q __wrap_sendto", getpid()), 0);
}

#define T(f) cmocka_unit_test_setup(f, world_setup)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(every_answer_of_the_kernel_goes_wrong),
		T(any_call_fails),
		T(descriptors_run_out),
		T(file_systems_are_full),
		T(no_namespace_can_be_had),
		T(the_product_has_no_hook),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
