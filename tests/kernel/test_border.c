/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include "../lib/inject.h"
#include "../lib/lab.h"
#include "../lib/lanes.h"
#include "../lib/packet.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * What is forbidden between tenants is at no moment delivered: while a thousand
 * rules come and go, when a change dies or fails at any of its system calls, and
 * when a tenant goes and comes again. What arrives is looked for at the
 * receiver's link.
 */

static struct peers peers, background;

/* ---- frames that are tried --------------------------------------------------------- */

enum { KEPT, CHANGED, CHANGED6, NEVER, BACK, WORKER, BESIDE, THIRD, LANES };
static const struct lane ways[LANES] = {
	[KEPT] = {APP, "customer1", "10.10.1.10", "10.10.2.10", DB, 7000},
	[CHANGED] = {APP, "customer1", "10.10.1.10", "10.10.2.10", DB, 7002},
	[CHANGED6] = {APP, "customer1", "fd00:10:1::10", "fd00:10:2::10", DB, 7002},
	[NEVER] = {APP, "customer1", "10.10.1.10", "10.10.2.10", DB, 7001},
	[BACK] = {DB, "customer2", "10.10.2.10", "10.10.1.10", APP, 7002},
	[WORKER] = {WORK, "customer1", "10.10.1.11", "10.10.2.10", DB, 7002},
	[BESIDE] = {APP, "customer1", "fd00:10:1::10", "fd00:10:2::11", WEB, 7002},
	[THIRD] = {APP, "customer1", "10.10.1.10", "10.10.250.53", DNS, 7002},
};

static struct lanes lanes;

/* ---- a flood ------------------------------------------------------------------------ */

static struct {
	pid_t pid;
	uint64_t *sent; /* shared */
} flood;

/*
 * Some 20,000 a second. Without a rate the processors would not get to the RCU
 * callbacks that the kernel waits for, and the machine would stand still.
 */
static void flood_for_ever(void)
{
	for (;;) {
		for (int k = 0; k < 4; k++)
			for (int i = 0; i < LANES; i++)
				if (i != KEPT && send(lanes.from[i], lanes.frame[i].bytes,
						      lanes.frame[i].len, MSG_DONTWAIT) > 0)
					__atomic_add_fetch(flood.sent, 1, __ATOMIC_RELAXED);
		(void)poll(NULL, 0, 1);
	}
}

static void flood_stop(void)
{
	if (!flood.pid)
		return;
	lab_leave(flood.pid);
	flood.pid = 0;
}

static void flood_start(void)
{
	flood_stop();
	flood.sent = mmap(NULL, sizeof(*flood.sent), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(flood.sent, MAP_FAILED);
	flood.pid = fork();
	assert_true(flood.pid >= 0);
	if (flood.pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		flood_for_ever();
	}
}

/* In the full run the whole series, else a part of it. */
static int updates(void)
{
	return getenv("NSNET_TEST_FULL") ? 1000 : test_quick() ? 40 : 120;
}

static struct nsnet *build(void)
{
	struct nsnet *n;

	flood_stop();
	peers_stop(&background);
	n = peers_build(&peers, peers_tenants, PEERS_TENANTS);
	lanes_open(&lanes, n, ways, LANES);
	return n;
}

static void end_clean(struct nsnet *n)
{
	flood_stop();
	peers_stop(&background);
	lanes_close(&lanes);
	peers_end_clean(&peers, n);
}

static void quarantine_and_release(struct nsnet *n)
{
	static const char *const keep[] = {"customer1/worker -> shared/dns tcp/53"};

	LAB_OK(nsnet_quarantine(n, "shared", "a test", keep, 1, 0, NULL, NULL));
	LAB_OK(nsnet_release(n, "shared", 0, NULL, NULL));
}

/* Beside the forbidden ports, around them, and the same ports for others. */
static void two_updates(struct nsnet *n, int i)
{
	static const struct words others[] = {
		{.from = "customer1/app", .to = "customer2/db", .ports = "udp/6000-6999"},
		{.from = "customer1", .to = "customer2/web", .ports = "tcp/80,udp/443"},
		{.from = "customer1/app",
		 .to = "customer2/db",
		 .ports = "udp/7003-7010,udp/6990-6999"},
		{.from = "customer2/web", .to = "customer1/worker", .ports = "udp/7001-7002"},
		{.from = "tenants", .to = "shared", .ports = "udp/53,tcp/53,icmp/echo"},
		{.from = "customer1/app",
		 .to = "customer2",
		 .ports = "udp/7001-7002",
		 .deny = true},
		{.from = "label:pci=cde", .to = "tenants", .ports = "udp/9000"},
	};
	const size_t count = sizeof(others) / sizeof(others[0]), at = (size_t)i % (count + 1);
	struct nsnet_err err = {0};
	struct words w;

	if (at == count) {
		quarantine_and_release(n);
		return;
	}
	w = others[at];
	w.name = "other";
	lab_ok(rule_try(n, &w, &err), &err, w.from, __FILE__, __LINE__);
	LAB_OK(nsnet_rule_del(n, "other", 0, NULL, NULL));
}

static void a_thousand_updates_open_no_window(void **state)
{
	struct nsnet *n;
	double began;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "stays", "customer1/app", "customer2/db", "tcp/7000,udp/7000,icmp/echo");
	peers_start(&background);
	TELL(&background, "stream udp4 " APP " 10.10.2.10 udp/7000");
	TELL(&background, "stream udp6 " APP " fd00:10:2::10 udp/7000");
	TELL(&background, "stream tcp4 " APP " 10.10.2.10 tcp/7000");
	OPEN(&peers, "ping " APP " 10.10.2.10 icmp");
	lanes_forget(&lanes);
	began = now_ms();
	flood_start();
	for (int i = 0; i < updates() / 2; i++)
		two_updates(n, i);
	flood_stop();
	print_message("           %d updates in %.1f s, %llu forbidden frames\n", updates(),
		      (now_ms() - began) / 1000, (unsigned long long)*flood.sent);
	assert_true((double)*flood.sent > (now_ms() - began) * 2);
	lanes_only(&lanes, 1U << KEPT, "updates");
	TALK(&peers, "+ ping");
	assert_true(peers_stopped(&background, "udp4", true) > 500);
	assert_true(peers_stopped(&background, "udp6", true) > 500);
	assert_true(peers_stopped(&background, "tcp4", true) > 500);
	SEEN(&peers,
	     DB " tcp/7000 udp/7000 icmp;" WEB ";" WORK ";" APP
		" from:udp/7000 from:tcp/7000 icmp;" DNS,
	     "nothing");
	NOTHING_TO_DO(n, "updates");
	/* The same frames are delivered once they may be. */
	ALLOW(n, "now", "tenants", "tenants", "udp/7001-7002");
	lanes_exactly(&lanes, (1U << LANES) - 1, "once it is allowed");
	REVOKE(n, "now");
	end_clean(n);
}

/* ---- every call of a change is the last, or fails ------------------------------------ */

/* What is said: */
enum {
	STAYS = 1,	/* app may call db's 7000 */
	GRANT = 2,	/* and its 7002 */
	REFUSE = 4,	/* nobody may call db's 7002 */
	QUARANTINE = 8, /* of customer2 */
	KEEP = 16,	/* but for db's 7000 */
};

static unsigned int lanes_of(unsigned int said)
{
	unsigned int allowed = 0;

	if (said & QUARANTINE)
		return said & KEEP ? 1U << KEPT : 0;
	if (said & STAYS)
		allowed |= 1U << KEPT;
	if ((said & GRANT) && !(said & REFUSE))
		allowed |= 1U << CHANGED | 1U << CHANGED6;
	return allowed;
}

/* Says it, or takes it back. */
static int say(struct nsnet *n, unsigned int what, bool on, struct nsnet_err *err)
{
	static const struct words stays = {.name = "stays",
					   .from = "customer1/app",
					   .to = "customer2/db",
					   .ports = "udp/7000"},
				  grant = {.name = "grant",
					   .from = "customer1/app",
					   .to = "customer2/db",
					   .ports = "udp/7002"},
				  refuse = {.name = "refuse",
					    .from = "tenants",
					    .to = "customer2/db",
					    .ports = "udp/7002",
					    .deny = true};
	static const char *const keep[] = {"customer1/app -> customer2/db udp/7000"};
	const struct words *w = what == STAYS ? &stays : what == GRANT ? &grant : &refuse;

	if (what & QUARANTINE)
		return on ? nsnet_quarantine(n, "customer2", "a test", keep, !!(what & KEEP), 0,
					     NULL, err)
			  : nsnet_release(n, "customer2", 0, NULL, err);
	return on ? rule_try(n, w, err) : nsnet_rule_del(n, w->name, 0, NULL, err);
}

static const struct verb {
	const char *name;
	unsigned int before, what; /* what is said, and what comes or goes */
	bool file;		   /* by a file that says all of it, before and after */
} verbs[] = {
	{"allow", STAYS, GRANT},
	{"revoke", STAYS | GRANT, GRANT},
	{"allow, the first", 0, GRANT},
	{"revoke, the last", GRANT, GRANT},
	{"deny", STAYS | GRANT, REFUSE},
	{"revoke a deny", STAYS | GRANT | REFUSE, REFUSE},
	{"quarantine", STAYS | GRANT, QUARANTINE},
	{"quarantine that keeps", STAYS | GRANT, QUARANTINE | KEEP},
	{"release", STAYS | GRANT | QUARANTINE | KEEP, QUARANTINE | KEEP},
	{"apply a quarantine", STAYS, GRANT | QUARANTINE | KEEP, true},
	{"apply", STAYS | REFUSE, STAYS | GRANT | REFUSE, true},
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static unsigned int after(const struct verb *v)
{
	return v->before ^ v->what;
}

/* What the store says. */
static unsigned int said_now(struct nsnet *n)
{
	struct nsnet_rules *rules = NULL;
	struct nsnet_rule rule;
	unsigned int said = 0;
	char *text;
	size_t i;

	LAB_OK(nsnet_rule_list(n, 0, &rules, NULL));
	for (i = 0; i < nsnet_rules_count(rules); i++) {
		nsnet_rules_get(rules, i, &rule);
		said |= strcmp(rule.name, "stays") == 0	  ? STAYS
			: strcmp(rule.name, "grant") == 0 ? GRANT
							  : REFUSE;
	}
	nsnet_rules_free(rules);
	text = lab_sh("python3 -c 'import sqlite3; d = sqlite3.connect(\"%s/nsnet.db\"); "
		      "print(*(d.execute(\"SELECT COUNT(*) FROM \" + t).fetchone()[0] "
		      "for t in (\"quarantine\", \"quarantine_keep\")))'",
		      LAB_STATE);
	said |= text[0] == '1' ? QUARANTINE : 0;
	said |= text[2] == '1' ? KEEP : 0;
	free(text);
	return said;
}

static void bring(struct nsnet *n, unsigned int want)
{
	static const unsigned int each[] = {STAYS, GRANT, REFUSE};
	unsigned int now = said_now(n);
	size_t i;

	if ((now ^ want) & (QUARANTINE | KEEP)) {
		if (now & QUARANTINE)
			LAB_OK(say(n, QUARANTINE, false, NULL));
		if (want & QUARANTINE)
			LAB_OK(say(n, want & (QUARANTINE | KEEP), true, NULL));
	}
	for (i = 0; i < 3; i++)
		if ((now ^ want) & each[i])
			LAB_OK(say(n, each[i], want & each[i], NULL));
	assert_int_equal(said_now(n), want);
}

/* A file with all that is @said; with prune, so that nothing else is. */
static int apply_said(struct nsnet *n, unsigned int said, struct nsnet_err *err)
{
	struct nsnet_policy_text file = {.file = "border.yaml", .set = "border"};
	struct nsnet_tenants *known = NULL;
	struct nsnet_policies *p = NULL;
	char text[2048];
	int r;

	(void)snprintf(
		text, sizeof(text), "nsnet: 1\nrules:%s\n%s%s%s%s%s",
		said & (STAYS | GRANT | REFUSE) ? "" : " []",
		said & STAYS ? "  - { name: stays, allow: udp/7000, from: customer1/app, to: "
			       "customer2/db, because: t }\n"
			     : "",
		said & GRANT ? "  - { name: grant, allow: udp/7002, from: customer1/app, to: "
			       "customer2/db, because: t }\n"
			     : "",
		said & REFUSE ? "  - { name: refuse, deny: udp/7002, from: tenants, to: "
				"customer2/db }\n"
			      : "",
		said & QUARANTINE ? "quarantine:\n  - who: customer2\n    because: t\n" : "",
		said & KEEP ? "    keep: [customer1/app -> customer2/db udp/7000]\n" : "");
	file.text = text;
	file.len = strlen(text);
	r = nsnet_tenant_list(n, 0, &known, err);
	if (r == 0)
		r = nsnet_policies_parse(&p, &file, 1, known, (int64_t)time(NULL), err);
	if (r == 0)
		assert_int_equal(nsnet_policies_errors(p), 0);
	if (r == 0)
		r = nsnet_apply(n, p, NSNET_PRUNE, 0, NULL, err);
	nsnet_policies_free(p);
	nsnet_tenants_free(known);
	return r;
}

static void bring_for(struct nsnet *n, const struct verb *v)
{
	bring(n, v->before);
	/* What was typed is the file's from now on. */
	if (v->file)
		LAB_OK(apply_said(n, v->before, NULL));
}

struct call {
	struct nsnet *n;
	const struct verb *v;
	struct nsnet_err err;
	int r;
};

static void call_verb(void *arg)
{
	struct call *c = arg;

	c->r = c->v->file ? apply_said(c->n, after(c->v), &c->err)
			  : say(c->n, c->v->what, after(c->v) & c->v->what, &c->err);
}

/* Of the calls that change something: how many there were, and at which to die; -1: at none. */
static int writes, die_at;

static void look_at_write(const uint64_t args[6])
{
	(void)args;
	lanes_send(&lanes);
	if (writes++ == die_at)
		(void)kill(getpid(), SIGKILL);
}

/* Dumps and gets change nothing. */
static void look_at_message(const struct nlmsghdr *msg, const uint64_t args[6])
{
	const int type = msg->nlmsg_type & 0xff;
	bool reads = (msg->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;

	if (msg->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES)
		reads = reads || type == NFT_MSG_GETGEN;
	else if (msg->nlmsg_type >= RTM_BASE && msg->nlmsg_type <= RTM_MAX)
		reads = reads || (msg->nlmsg_type & 3) == 2;
	if (!reads)
		look_at_write(args);
}

static void look_at_send(const uint64_t args[6])
{
	look_at_message((const struct nlmsghdr *)(uintptr_t)args[1], args);
}

static void look_at_sendmsg(const uint64_t args[6])
{
	const struct msghdr *msg = (const struct msghdr *)(uintptr_t)args[1];

	look_at_message(msg->msg_iov[0].iov_base, args);
}

static void look_at_open(const uint64_t args[6])
{
	if ((args[2] & O_ACCMODE) != O_RDONLY)
		look_at_write(args);
}

static const struct inject_rule calls[] = {
	{.nr = __NR_sendto, .error = ENOBUFS, .look = look_at_send},
	{.nr = __NR_sendmsg, .error = ENOBUFS, .look = look_at_sendmsg},
	{.nr = __NR_recvmsg, .error = ENOBUFS},
	{.nr = __NR_recvfrom, .error = ENOBUFS},
	{.nr = __NR_setns, .error = ENOMEM},
	{.nr = __NR_socket, .error = EMFILE},
	{.nr = __NR_unlink, .error = EROFS, .look = look_at_write},
	{.nr = __NR_write, .error = EIO, .look = look_at_write},
	{.nr = __NR_pwrite64, .error = ENOSPC, .look = look_at_write},
	{.nr = __NR_fdatasync, .error = EIO, .look = look_at_write},
	{.nr = __NR_ftruncate, .error = ENOSPC, .look = look_at_write},
	{.nr = __NR_flock, .error = ENOLCK, .look = look_at_write},
	{.nr = __NR_openat, .error = EMFILE, .look = look_at_open},
};
#define N_CALLS (int)(sizeof(calls) / sizeof(calls[0]))

/* The child's last deed is the write before number @at. False: it lived to the end. */
static bool die_in(const struct verb *v, int at)
{
	struct call c = {.v = v};
	struct inject done;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		c.n = lab_open();
		die_at = at;
		writes = 0;
		inject(calls, N_CALLS, -1, call_verb, &c, &done);
		if (c.r < 0)
			print_error("%s: %s\n", v->name, c.err.msg);
		_exit(c.r < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : status == 0);
	return WIFSIGNALED(status);
}

static void nothing_for_gc(struct nsnet *n, const char *what)
{
	struct nsnet_change *c = NULL;

	LAB_OK(nsnet_gc(n, NSNET_DRY_RUN, &c, NULL));
	if (nsnet_change_steps(c, 0) > 0)
		fail_msg("%s: gc finds %zu things", what, nsnet_change_steps(c, 0));
	nsnet_change_free(c);
}

/* What is revoked went before the store was told, what is granted comes after it. */
static void no_more_than_stored(struct nsnet *n, const char *what)
{
	lanes_forget(&lanes);
	lanes_send(&lanes);
	lanes_only(&lanes, lanes_of(said_now(n)), what);
}

/* One command more, and everything is as the store says, which is the old or the new. */
static void converges(struct nsnet *n, const struct verb *v, bool by_repair, const char *what)
{
	const unsigned int may = lanes_of(v->before) | lanes_of(after(v));
	struct call again = {.n = n, .v = v};
	unsigned int now = said_now(n), want;
	char *rows, cables[32];

	if (now != v->before && now != after(v))
		fail_msg("%s: the store says %u", what, now);
	if (!by_repair) {
		call_verb(&again);
		if (again.r < 0 && again.r != -ENOENT)
			fail_msg("%s: the same again: %s", what, again.err.msg);
		now = said_now(n);
		assert_int_equal(now, after(v));
		lanes_send(&lanes);
		lanes_only(&lanes, may, what);
	}
	/* What is gone from the store cannot be revoked once more. */
	if (by_repair || again.r == -ENOENT)
		LAB_OK(nsnet_repair(n, NULL, 0, NULL, NULL));
	NOTHING_TO_DO(n, what);
	nothing_for_gc(n, what);
	want = lanes_of(now);
	lanes_exactly(&lanes, want, what);
	rows = rule_rows();
	(void)snprintf(cables, sizeof(cables), " %u", cables_of(n, "customer1"));
	assert_string_equal(strrchr(rows, ' '), cables);
	assert_int_equal(cables_of(n, "customer2"), cables_of(n, "customer1"));
	free(rows);
}

/* In the full run each, else a few spread over all. */
static int stride(int full, int some, int few)
{
	return getenv("NSNET_TEST_FULL") ? full : test_quick() ? few : some;
}

static bool kill_once(const struct verb *v, int at, bool by_repair)
{
	const unsigned int may = lanes_of(v->before) | lanes_of(after(v));
	struct nsnet *n = lab_open();
	char what[96];
	bool died;

	bring_for(n, v);
	nsnet_close(n);
	lanes_forget(&lanes);
	died = die_in(v, at);
	(void)snprintf(what, sizeof(what), "%s, killed at write %d", v->name, at);
	lanes_only(&lanes, may, what);
	n = lab_open();
	no_more_than_stored(n, what);
	converges(n, v, by_repair, what);
	nsnet_close(n);
	return died;
}

static void a_change_killed_anywhere_lets_through_no_more(void **state)
{
	struct nsnet *n;
	size_t i;
	int at;

	(void)state;
	world_need();
	n = build();
	nsnet_close(n);
	for (i = 0; i < N_VERBS; i++) {
		double began = now_ms();

		for (at = (int)i; kill_once(&verbs[i], at, (at + (int)i) % 2);
		     at += stride(1, 29, 61))
			;
		print_message("           %s: up to write %d, %.1f s\n", verbs[i].name, at,
			      (now_ms() - began) / 1000);
		assert_true(at > 10);
	}
	end_clean(lab_open());
}

/* What is allowed before and after is so in the middle of a change that nobody disturbs. */
static void nothing_is_lost_at_any_write(void **state)
{
	struct nsnet *n;
	size_t i;

	(void)state;
	world_need();
	n = build();
	for (i = 0; i < N_VERBS; i++) {
		const struct verb *v = &verbs[i];
		const unsigned int stays = lanes_of(v->before) & lanes_of(after(v));
		struct call c = {.n = n, .v = v};
		struct inject done;

		bring_for(n, v);
		lanes_forget(&lanes);
		die_at = -1;
		writes = 0;
		inject(calls, N_CALLS, -1, call_verb, &c, &done);
		lab_ok(c.r, &c.err, v->name, __FILE__, __LINE__);
		lanes_only(&lanes, lanes_of(v->before) | lanes_of(after(v)), v->name);
		assert_true(writes > 10);
		for (int k = 0; k < LANES; k++)
			if ((stays & (1U << k)) && lanes.arrived[k] != lanes.sent[k])
				fail_msg("%s: %llu of %llu frames to port %d arrived", v->name,
					 (unsigned long long)lanes.arrived[k],
					 (unsigned long long)lanes.sent[k], ways[k].port);
	}
	end_clean(n);
}

/* What failed has its reason; the store says the old, or that it says the new. */
static bool hinder(const struct verb *v, int at, int *failed)
{
	const unsigned int may = lanes_of(v->before) | lanes_of(after(v));
	struct call c = {.v = v, .n = lab_open()};
	struct inject done;
	char what[512];
	int fds;

	bring_for(c.n, v);
	lanes_forget(&lanes);
	die_at = -1;
	fds = lab_fds();
	inject(calls, N_CALLS, at, call_verb, &c, &done);
	assert_int_equal(lab_fds(), fds);
	(void)snprintf(what, sizeof(what), "%s, call %d (number %d) failed: %.300s", v->name, at,
		       done.failed_nr, c.r < 0 ? c.err.msg : "no error");
	if (c.r < 0 && (c.err.code != c.r || !c.err.msg[0]))
		fail_msg("%s: %d, but the reason is %d", what, c.r, c.err.code);
	lanes_only(&lanes, may, what);
	*failed += c.r < 0;
	nsnet_close(c.n);
	c.n = lab_open();
	no_more_than_stored(c.n, what);
	if (c.r == 0)
		assert_int_equal(said_now(c.n), after(v));
	converges(c.n, v, true, what);
	nsnet_close(c.n);
	return done.failed_nr >= 0;
}

static void a_change_with_any_call_failing_lets_through_no_more(void **state)
{
	struct nsnet *n;
	int at, failed, all = 0;
	size_t i;

	(void)state;
	world_need();
	n = build();
	nsnet_close(n);
	for (i = 0; i < N_VERBS; i++) {
		double began = now_ms();

		failed = 0;
		for (at = 37 * (int)i; hinder(&verbs[i], at, &failed); at += stride(13, 523, 1201))
			;
		print_message("           %s: up to call %d, %d failed, %.1f s\n", verbs[i].name,
			      at, failed, (now_ms() - began) / 1000);
		all += failed;
	}
	assert_true(all > 5);
	end_clean(lab_open());
}

/* ---- errors about what is revoked ------------------------------------------------------ */

/* What the called one of a lane says is quoted by @from, in the place of @as, as not to be reached.
 */
static void make_error(struct frame *f, int lane, int as, const char *from)
{
	const struct lane *l = &ways[lane];
	bool six = strchr(l->from, ':');
	struct frame inner = {0};

	if (six)
		frame_ipv6(&inner, l->to, l->from, IPPROTO_UDP);
	else
		frame_ipv4(&inner, l->to, l->from, IPPROTO_UDP, NULL, 0);
	frame_udp(&inner, l->port, 40000);
	*f = (struct frame){0};
	frame_bytes(f, lanes.frame[as].bytes, 12);
	frame_bytes(f, lanes.frame[lane].bytes + 12, 2);
	if (six)
		frame_ipv6(f, from, l->to, IPPROTO_ICMPV6);
	else
		frame_ipv4(f, from, l->to, IPPROTO_ICMP, NULL, 0);
	frame_icmp(f, six ? 1 : 3, 1, 0);
	frame_bytes(f, inner.bytes, inner.len);
	frame_finish(f);
}

static void send_errors(void)
{
	struct frame f;

	make_error(&f, CHANGED, CHANGED, ways[CHANGED].from);
	tap_send(lanes.from[CHANGED], &f);
	make_error(&f, CHANGED6, CHANGED6, ways[CHANGED6].from);
	tap_send(lanes.from[CHANGED6], &f);
}

/* Who may send nothing would send what a packet quotes, about a neighbour's connection. */
static void nobody_tells_errors_about_a_neighbours_connection(void **state)
{
	struct nsnet *n;
	struct frame f;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "grant", "customer1/app", "customer2/db", "udp/7002");
	lanes_exactly(&lanes, 1U << CHANGED | 1U << CHANGED6, "before");
	free(peers_ask(&peers, "seen " DB));
	make_error(&f, CHANGED, WORKER, "10.10.1.11");
	tap_send(lanes.from[WORKER], &f);
	make_error(&f, CHANGED6, WORKER, "fd00:10:1::11");
	tap_send(lanes.from[WORKER], &f);
	/* What comes later has come, so the others have not. */
	send_errors();
	SEEN(&peers, DB " udp/7002",
	     DB ": 10.10.1.10>10.10.2.10 error x1; " DB ": fd00:10:1::10>fd00:10:2::10 error x1");
	end_clean(n);
}

/* An error belongs to its connection: a rule for ICMP is no way to bring that back. */
static void an_error_revives_no_connection(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "grant", "customer1/app", "customer2/db", "udp/7002");
	ALLOW(n, "errors", "customer1/app", "customer2/db", "icmp");
	lanes_exactly(&lanes, 1U << CHANGED | 1U << CHANGED6, "before");
	free(peers_ask(&peers, "seen " DB));
	send_errors();
	/* While it lives they arrive. */
	SEEN(&peers, DB " udp/7002",
	     DB ": 10.10.1.10>10.10.2.10 error x1; " DB ": fd00:10:1::10>fd00:10:2::10 error x1");
	REVOKE(n, "grant");
	lanes_exactly(&lanes, 0, "revoked");
	send_errors();
	lanes_exactly(&lanes, 0, "revoked, and then an error about it");
	SEEN(&peers, DB, "nothing");
	end_clean(n);
}

/* ---- who goes and comes again --------------------------------------------------------- */

/* Datagrams that came in since the namespace was made, whether anybody listened or not. */
static unsigned long heard_in(const char *ns)
{
	char *text = lab_sh("nsenter --net=" LAB_PIN_DIR
			    "/%s awk '$1 == \"Udp:\" && $2 ~ /^[0-9]/ { n += $2 + $3 } "
			    "$1 ~ /^Udp6(InDatagrams|NoPorts)$/ { n += $2 } END { print n + 0 }' "
			    "/proc/self/net/snmp /proc/self/net/snmp6",
			    ns);
	unsigned long n = strtoul(text, NULL, 10);

	free(text);
	return n;
}

static bool has_sent(void *until)
{
	return __atomic_load_n(flood.sent, __ATOMIC_RELAXED) >= *(const uint64_t *)until;
}

static void flood_some_more(void)
{
	uint64_t until = __atomic_load_n(flood.sent, __ATOMIC_RELAXED) + 2000;

	assert_true(poll_until(has_sent, &until, 30000));
}

/* Under a flood of what had been allowed; at the end something else is allowed between them. */
static void comes_again(struct nsnet *n, int which)
{
	const struct nsnet_tenant_def *def = &peers_tenants[which];
	const char *const one = which == CUSTOMER1 ? APP : DB;

	flood_start();
	flood_some_more();
	LAB_OK(nsnet_tenant_del(n, def->name, NSNET_WITH_RULES, NULL, NULL));
	lanes_forget(&lanes);
	free(peers_ask(&peers, "seen %s", which == CUSTOMER1 ? DB : APP));
	flood_some_more();
	lanes_only(&lanes, 0, "once it is deleted");
	LAB_OK(nsnet_tenants_add(n, def, 1, 0, NULL, NULL));
	flood_some_more();
	lanes_close(&lanes);
	lanes_open(&lanes, n, ways, LANES);
	/* Those who send to the old one go on; who is new sends, too. */
	if (which == CUSTOMER1)
		flood_start();
	flood_some_more();
	lanes_only(&lanes, 0, "when it has come again");
	assert_int_equal(heard_in(one), 0);
	peers_serve(&peers, def);
	ALLOW(n, "stays", "customer1/app", "customer2/db", "udp/7000");
	flood_some_more();
	lanes_only(&lanes, 0, "when something else is allowed");
	assert_int_equal(heard_in(one), 0);
	flood_stop();
	lanes_exactly(&lanes, 1U << KEPT, "when something else is allowed");
	TALK(&peers, "- live; - live6");
	SEEN(&peers, DB " udp/7000 error;" APP " from:udp/7000 error", "nothing");
	REVOKE(n, "stays");
}

static void who_comes_again_has_nothing_of_the_old(void **state)
{
	static const int both[] = {CUSTOMER2, CUSTOMER1, CUSTOMER2};
	struct nsnet *n;
	size_t i;

	(void)state;
	world_need();
	n = build();
	for (i = 0; i < sizeof(both) / sizeof(both[0]); i++) {
		ALLOW(n, "grant", "customer1/app", "customer2/db", "udp/7002,tcp/5432");
		lanes_exactly(&lanes, 1U << CHANGED | 1U << CHANGED6, "before");
		OPEN(&peers, "live " APP " 10.10.2.10 tcp/5432");
		OPEN(&peers, "live6 " APP " fd00:10:2::10 udp/7002");
		comes_again(n, both[i]);
	}
	end_clean(n);
}

#define T(f) cmocka_unit_test_setup(f, world_setup)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(a_thousand_updates_open_no_window),
		T(nothing_is_lost_at_any_write),
		T(an_error_revives_no_connection),
		T(nobody_tells_errors_about_a_neighbours_connection),
		T(who_comes_again_has_nothing_of_the_old),
		T(a_change_killed_anywhere_lets_through_no_more),
		T(a_change_with_any_call_failing_lets_through_no_more),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
