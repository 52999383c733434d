// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/selfcheck.h"
#include "../../lib/workloads.h"
#include "../lib/lab.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * What self-check says of workloads that are isolated, and of those that are not: each namespace is
 * left out in turn, as a spawner with a bug would leave it out.
 */

static struct nsnet *n;
static char *planted_before;

static const char *const words[NSNET_NS_COUNT] = {
	[NSNET_NS_PID] = "pid",	      [NSNET_NS_NET] = "net",	[NSNET_NS_MNT] = "mnt",
	[NSNET_NS_IPC] = "ipc",	      [NSNET_NS_UTS] = "uts",	[NSNET_NS_USER] = "user",
	[NSNET_NS_CGROUP] = "cgroup", [NSNET_NS_TIME] = "time",
};
static const char *const verdicts[] = {
	[NSNET_ISOLATED] = "isolated",
	[NSNET_SHARED_JUSTIFIED] = "justified",
	[NSNET_SHARED_UNEXPLAINED] = "unexplained",
	[NSNET_NOT_TESTED] = "not tested",
};

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	free(planted_before);
	return 0;
}

/* ---- what is left behind ---------------------------------------------------------------- */

/* The names begin alike. Other self-checks may run, or have been broken, on this machine. */
static char *planted(void)
{
	return lab_sh("mkdir -p /run/mq; mountpoint -q /run/mq || mount -t mqueue mqueue /run/mq;"
		      "cd /tmp; ls -d nsc-* /run/nsnet/nsc-* 2>/dev/null; ls /run/mq | grep ^nsc-;"
		      "ipcs -m | awk '$5 == 1 && $6 == 0 {print $2}';"
		      "grep -l '^nsc-' /proc/[0-9]*/comm 2>/dev/null;"
		      "umount /run/mq; rmdir /run/mq");
}

static bool nothing_planted(void *arg)
{
	NSN_AUTO(nsn_freep) char *now = planted();
	char *save = NULL;

	for (char *line = strtok_r(now, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!strstr(arg, line))
			return false;
	return true;
}

/*
 * The control groups are those of the whole machine, where others start workloads meanwhile: only
 * those that were not there before count, and the rest has to be the same.
 */
static bool as_before(void *arg)
{
	static const char groups[] = "groups";
	const char *before = arg, *was = strstr(before, groups);
	char *now = ward_counters(), *is = strstr(now, groups), *save = NULL;
	bool same = was && is;

	if (same) {
		char *end = strchr(is, '\n');

		same = (size_t)(is - now) == (size_t)(was - before) &&
		       memcmp(now, before, (size_t)(is - now)) == 0 &&
		       strcmp(end, strchr(was, '\n')) == 0;
		*end = '\0';
		for (char *w = strtok_r(is, " ", &save); w; w = strtok_r(NULL, " ", &save))
			same = same && strstr(was, w);
	}
	free(now);
	return same;
}

static void nothing_is_left(char *before)
{
	if (!poll_until(nothing_planted, planted_before, 20000)) {
		char *now = planted();

		fail_msg("before:\n%s\nnow:\n%s", planted_before, now);
	}
	if (!poll_until(as_before, before, 10000)) {
		char *now = ward_counters();

		/* Behind the groups, which are many. */
		fail_msg("%.20s, before: %s\nnow: %.20s, %s", before, strstr(before, "\nmounts"),
			 now, strstr(now, "\nmounts"));
	}
}

/* ---- workloads that live ------------------------------------------------------------------ */

struct living {
	struct nsnet_run *run;
	int hold; /* it ends with this */
};

struct stay {
	int fd;
	int (*first)(void);
};

static int stay(void *arg)
{
	const struct stay *s = arg;
	char byte = 0;
	const int r = s->first ? s->first() : 0;

	if (r != 0 || write(s->fd, &byte, 1) != 1)
		return 1;
	while (read(s->fd, &byte, 1) > 0)
		;
	return 0;
}

static int live(struct living *l, const struct nsnet_run_def *wanted, unsigned int without,
		bool blind, int (*first)(void), struct nsnet_err *err)
{
	static const char *const argv[] = {"stays", NULL};
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct nsnet_run_def def = wanted ? *wanted : (struct nsnet_run_def){0};
	struct stay s = {.first = first};
	const struct nsn_run_extra extra = {
		.entry = stay, .arg = &s, .sabotage = without, .blind = blind};
	int pair[2], r;
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	s.fd = pair[1];
	if (!def.tenant)
		def.tenant = "blue";
	def.argv = argv;
	def.stdio[0] = def.stdio[1] = def.stdio[2] = null;
	def.fds = &pair[1];
	def.n_fds = 1;
	*l = (struct living){.hold = pair[0]};
	r = nsn_run_start(n, &def, &extra, &l->run, err);
	close(null);
	close(pair[1]);
	if (r == 0)
		assert_int_equal(read(l->hold, &byte, 1), 1);
	else
		close(l->hold);
	return r;
}

/* It ends by itself: whoever has no pid namespace of his own is not killed with the first process.
 */
static void let_die(struct living *l)
{
	struct nsnet_exit exit;

	close(l->hold);
	assert_int_equal(nsnet_run_wait(l->run, 10000, &exit, &(struct nsnet_err){0}), 1);
	nsnet_run_free(l->run);
	l->run = NULL;
}

static void start(struct living *l, const struct nsnet_run_def *def, unsigned int without)
{
	struct nsnet_err err = {0};
	const int r = live(l, def, without, true, NULL, &err);

	lab_ok(r, &err, "start", __FILE__, __LINE__);
}

/* What the first opt-out of a handle opens, and the first workload stores, is no leak. */
static int build(void **state)
{
	static const char *const share[] = {"ipc=host"};
	const struct nsnet_run_def def = {.shares = share, .n_shares = 1, .because = "CHG-1"};
	struct nsnet_self_check *s = NULL;
	struct living l;

	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	start(&l, &def, 0);
	let_die(&l);
	/* What a handle keeps for the next start. */
	LAB_OK(nsnet_self_check(n, "blue", NULL, &s, &(struct nsnet_err){0}));
	nsnet_self_check_free(s);
	planted_before = planted();
	return 0;
}

/* ---- findings ------------------------------------------------------------------------------ */

static struct nsnet_self_check *ask(const char *tenant, const char *workload,
				    const struct nsn_canary_test *test)
{
	struct nsnet_self_check *s = NULL;
	struct nsnet_err err = {0};
	const double start_ms = now_ms();
	const int r = nsn_self_check(n, tenant, workload, test, &s, &err);

	lab_ok(r, &err, "self-check", __FILE__, __LINE__);
	/* Whatever the workload does. */
	assert_true(now_ms() - start_ms < 30000);
	return s;
}

static void say(const struct nsnet_checked *c, const char *what)
{
	char text[8192] = "";
	size_t len = 0;

	for (size_t i = 0; i < c->n_findings; i++) {
		const struct nsnet_finding *f = &c->findings[i];

		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s: %s #%d: %s\n  in: %s\n  out: %s\n  %s\n", words[f->ns],
					verdicts[f->verdict], (int)f->exception, f->why, f->inside,
					f->outside, f->kernel);
	}
	fail_msg("%s:\n%s", what, text);
}

/* All namespaces are isolated but those of @mask, which are @then. */
static void findings_are(const struct nsnet_self_check *s, size_t i, unsigned int mask,
			 enum nsnet_verdict then)
{
	const struct nsnet_checked *c;
	unsigned int seen = 0;

	assert_true(i < nsnet_self_check_count(s));
	c = nsnet_self_check_get(s, i);
	for (size_t k = 0; k < c->n_findings; k++) {
		const struct nsnet_finding *f = &c->findings[k];
		const enum nsnet_verdict want = mask & 1u << f->ns ? then : NSNET_ISOLATED;

		seen |= 1u << f->ns;
		if (f->verdict != want)
			say(c, words[f->ns]);
		if ((f->verdict == NSNET_ISOLATED) != !*f->why)
			say(c, "words");
	}
	if ((seen & 0x7f) != 0x7f || c->n_findings != (size_t)__builtin_popcount(seen))
		say(c, "not all of them");
	assert_int_equal(nsnet_self_check_good(s), (!mask || then == NSNET_SHARED_JUSTIFIED) &&
							   nsnet_self_check_strangers(s) == 0);
}

static const struct nsnet_finding *finding(const struct nsnet_self_check *s, enum nsnet_ns ns)
{
	const struct nsnet_checked *c = nsnet_self_check_get(s, 0);

	for (size_t k = 0; k < c->n_findings; k++)
		if (c->findings[k].ns == ns)
			return &c->findings[k];
	fail_msg("no finding about %s", words[ns]);
	return NULL;
}

/* ---- all is well ------------------------------------------------------------------------------
 */

static void a_tenant_is_isolated(void **state)
{
	struct nsnet_self_check *s;
	char *before;

	(void)state;
	world_need();
	before = ward_counters();
	s = ask("blue", NULL, NULL);
	assert_int_equal(nsnet_self_check_count(s), 1);
	findings_are(s, 0, 0, NSNET_ISOLATED);
	assert_string_equal(nsnet_self_check_get(s, 0)->endpoint, "default");
	nsnet_self_check_free(s);
	nothing_is_left(before);
	free(before);
}

static void a_workload_is_isolated(void **state)
{
	const struct nsnet_run_def def = {.time = true};
	struct nsnet_self_check *s;
	struct living l;
	char *before;

	(void)state;
	world_need();
	before = ward_counters();
	start(&l, NULL, 0);
	s = ask(NULL, nsnet_run_id(l.run), NULL);
	findings_are(s, 0, 0, NSNET_ISOLATED);
	nsnet_self_check_free(s);
	/* With the tenant's own canary. */
	s = ask(NULL, NULL, NULL);
	assert_int_equal(nsnet_self_check_count(s), 2);
	findings_are(s, 0, 0, NSNET_ISOLATED);
	findings_are(s, 1, 0, NSNET_ISOLATED);
	assert_string_equal(nsnet_self_check_get(s, 1)->command, "stays");
	nsnet_self_check_free(s);
	let_die(&l);
	start(&l, &def, 0);
	s = ask(NULL, nsnet_run_id(l.run), NULL);
	findings_are(s, 0, 0, NSNET_ISOLATED);
	assert_int_equal(nsnet_self_check_get(s, 0)->n_findings, NSNET_NS_COUNT);
	nsnet_self_check_free(s);
	let_die(&l);
	nothing_is_left(before);
	free(before);
}

/* ---- one is missing -----------------------------------------------------------------------------
 */

static void a_canary_without_one_says_so(void **state)
{
	char *before;

	(void)state;
	world_need();
	before = ward_counters();
	for (int ns = 0; ns < NSNET_NS_TIME; ns++) {
		const struct nsn_canary_test test = {.sabotage = 1u << ns};
		struct nsnet_self_check *s = ask("blue", NULL, &test);

		findings_are(s, 0, 1u << ns, NSNET_SHARED_UNEXPLAINED);
		assert_true(finding(s, (enum nsnet_ns)ns)->by_number);
		nsnet_self_check_free(s);
	}
	nothing_is_left(before);
	free(before);
}

static void a_workload_without_one_is_found(void **state)
{
	char *before;

	(void)state;
	world_need();
	before = ward_counters();
	for (int ns = 0; ns < NSNET_NS_TIME; ns++) {
		struct nsnet_self_check *s;
		struct living l;

		start(&l, NULL, 1u << ns);
		s = ask(NULL, nsnet_run_id(l.run), NULL);
		findings_are(s, 0, 1u << ns, NSNET_SHARED_UNEXPLAINED);
		nsnet_self_check_free(s);
		let_die(&l);
	}
	nothing_is_left(before);
	free(before);
}

/* Numbers are not all: what each canary has seen is said, too. uts has none that is left to see. */
static void canaries_see_it_themselves(void **state)
{
	static const enum nsnet_ns list[] = {NSNET_NS_PID, NSNET_NS_NET,  NSNET_NS_MNT,
					     NSNET_NS_IPC, NSNET_NS_USER, NSNET_NS_CGROUP};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(list); i++) {
		const struct nsn_canary_test test = {.sabotage = 1u << list[i]};
		struct nsnet_self_check *s = ask("blue", NULL, &test);

		if (!finding(s, list[i])->by_canary)
			say(nsnet_self_check_get(s, 0), words[list[i]]);
		nsnet_self_check_free(s);
	}
}

static void the_start_itself_fails(void **state)
{
	(void)state;
	world_need();
	for (int ns = 0; ns < NSNET_NS_TIME; ns++) {
		struct nsnet_err err = {0};
		struct living l;
		const int r = live(&l, NULL, 1u << ns, false, NULL, &err);

		if (r != -EXDEV || err.id != NSNET_E_NOT_ISOLATED)
			fail_msg("%s: %d %s", words[ns], r, err.msg);
		LAB_HAS(err.msg, words[ns]);
	}
}

/* ---- what is shared for a reason --------------------------------------------------------- */

static void a_granted_opt_out_justifies(void **state)
{
	static const struct {
		enum nsnet_ns ns;
		const char *share;
	} list[] = {
		{NSNET_NS_PID, "pid=host"},	  {NSNET_NS_IPC, "ipc=host"},
		{NSNET_NS_UTS, "uts=host"},	  {NSNET_NS_USER, "user=host"},
		{NSNET_NS_CGROUP, "cgroup=host"},
	};
	char *before;

	(void)state;
	world_need();
	before = ward_counters();
	for (size_t i = 0; i < NSN_COUNT(list); i++) {
		const struct nsnet_run_def def = {
			.shares = &list[i].share, .n_shares = 1, .because = "CHG-1"};
		struct nsnet_self_check *s;
		struct living l;

		start(&l, &def, 0);
		s = ask(NULL, nsnet_run_id(l.run), NULL);
		findings_are(s, 0, 1u << list[i].ns, NSNET_SHARED_JUSTIFIED);
		assert_int_not_equal(finding(s, list[i].ns)->exception, 0);
		nsnet_self_check_free(s);
		let_die(&l);
	}
	nothing_is_left(before);
	free(before);
}

/* The clock is moved instead of waiting. */
static void one_that_is_expired_does_not(void **state)
{
	static const char *const share[] = {"ipc=host"};
	const struct nsnet_run_def def = {
		.shares = share, .n_shares = 1, .because = "CHG-1", .until = "2099-06-30"};
	const struct nsn_canary_test before = {.now = 4086460000}; /* 2099-06-29 */
	const struct nsn_canary_test after = {.now = 4086547200 + 86400};
	struct nsnet_self_check *s;
	struct living l;

	(void)state;
	world_need();
	start(&l, &def, 0);
	s = ask(NULL, nsnet_run_id(l.run), &before);
	findings_are(s, 0, 1u << NSNET_NS_IPC, NSNET_SHARED_JUSTIFIED);
	nsnet_self_check_free(s);
	s = ask(NULL, nsnet_run_id(l.run), &after);
	findings_are(s, 0, 1u << NSNET_NS_IPC, NSNET_SHARED_UNEXPLAINED);
	LAB_HAS(finding(s, NSNET_NS_IPC)->why, "expired");
	nsnet_self_check_free(s);
	let_die(&l);
}

/* An opt-out of one says nothing of another that is missing, too; nor does somebody else's. */
static void an_opt_out_is_for_its_own(void **state)
{
	static const char *const share[] = {"ipc=host"};
	const struct nsnet_run_def def = {.shares = share, .n_shares = 1, .because = "CHG-1"};
	struct nsnet_self_check *s;
	struct living with, without;

	(void)state;
	world_need();
	start(&with, &def, 1u << NSNET_NS_UTS);
	start(&without, NULL, 1u << NSNET_NS_IPC);
	s = ask(NULL, nsnet_run_id(with.run), NULL);
	assert_int_equal(finding(s, NSNET_NS_IPC)->verdict, NSNET_SHARED_JUSTIFIED);
	assert_int_equal(finding(s, NSNET_NS_UTS)->verdict, NSNET_SHARED_UNEXPLAINED);
	assert_false(nsnet_self_check_good(s));
	nsnet_self_check_free(s);
	s = ask(NULL, nsnet_run_id(without.run), NULL);
	findings_are(s, 0, 1u << NSNET_NS_IPC, NSNET_SHARED_UNEXPLAINED);
	nsnet_self_check_free(s);
	let_die(&with);
	let_die(&without);
}

/* ---- what could not be shown ---------------------------------------------------------------- */

/* Without what is to be found, nothing that is not found is a proof. */
static void without_a_control_nothing_is_shown(void **state)
{
	static const enum nsnet_ns list[] = {NSNET_NS_PID, NSNET_NS_NET, NSNET_NS_MNT, NSNET_NS_IPC,
					     NSNET_NS_UTS};
	struct living l;

	(void)state;
	world_need();
	start(&l, NULL, 0);
	for (size_t i = 0; i < NSN_COUNT(list); i++) {
		const struct nsn_canary_test test = {.without = 1u << list[i]};
		struct nsnet_self_check *s = ask("blue", NULL, &test);

		findings_are(s, 0, 1u << list[i], NSNET_NOT_TESTED);
		nsnet_self_check_free(s);
		if (list[i] == NSNET_NS_UTS)
			continue;
		s = ask(NULL, nsnet_run_id(l.run), &test);
		findings_are(s, 0, 1u << list[i], NSNET_NOT_TESTED);
		nsnet_self_check_free(s);
	}
	let_die(&l);
}

static void a_canary_that_cannot_start_is_no_good_sign(void **state)
{
	const struct nsnet_run_def def = {.tenant = "red"};
	struct nsnet_self_check *s;
	struct living l;
	struct run r;

	(void)state;
	world_need();
	lab_add(n, "red", "10.10.2.0/24", NSNET_CREATED);
	start(&l, &def, 0);
	RUN_STATUS(0, "ip", "netns", "del", "red");
	s = ask("red", NULL, NULL);
	assert_int_equal(nsnet_self_check_count(s), 2);
	findings_are(s, 0, 0x7f, NSNET_NOT_TESTED);
	/* Whether it is the tenant's is not known any more. */
	findings_are(s, 1, 1u << NSNET_NS_NET, NSNET_NOT_TESTED);
	nsnet_self_check_free(s);
	NSNET(&r, "self-check");
	assert_int_equal(r.status, 1);
	LAB_HAS(r.out, "NOT TESTED");
	run_free(&r);
	let_die(&l);
	lab_del(n, "red");
	NSNET_STATUS(0, "self-check");
	NSNET_STATUS(4, "self-check", "red");
	NSNET_STATUS(4, "self-check", "--workload", "123456789012");
}

/* ---- workloads that do not want to be looked at ---------------------------------------------- */

static int lie_in_proc(void)
{
	/* Over all of /proc, in which there is nothing then. */
	return mount("none", "/proc", "tmpfs", 0, NULL) < 0 ? errno : 0;
}

/* It may mount: what it says in its own /proc is not asked. */
static void its_own_proc_is_not_believed(void **state)
{
	static const char *const cap[] = {"SYS_ADMIN"};
	const struct nsnet_run_def def = {.caps = cap, .n_caps = 1, .because = "CHG-1"};
	struct nsnet_self_check *s;
	struct nsnet_err err = {0};
	struct living l;
	int r;

	(void)state;
	world_need();
	r = live(&l, &def, 0, true, lie_in_proc, &err);
	lab_ok(r, &err, "start", __FILE__, __LINE__);
	s = ask(NULL, nsnet_run_id(l.run), NULL);
	findings_are(s, 0, 0, NSNET_ISOLATED);
	nsnet_self_check_free(s);
	let_die(&l);
	for (int ns = 0; ns < NSNET_NS_TIME; ns++) {
		if (ns == NSNET_NS_MNT || ns == NSNET_NS_USER)
			continue; /* it cannot mount then, or on the host */
		r = live(&l, &def, 1u << ns, true, lie_in_proc, &err);
		lab_ok(r, &err, "start", __FILE__, __LINE__);
		s = ask(NULL, nsnet_run_id(l.run), NULL);
		findings_are(s, 0, 1u << ns, NSNET_SHARED_UNEXPLAINED);
		nsnet_self_check_free(s);
		let_die(&l);
	}
}

static bool freeze(const char *id, int on)
{
	return lab_sh_status("cd /sys/fs/cgroup; test -d unified/nsnet && cd unified;"
			     "echo %d 2>/dev/null >nsnet/%s/cgroup.freeze || exit 1;"
			     "until grep -q 'frozen %d' nsnet/%s/cgroup.events; do sleep .01; done",
			     on, id, on, id) == 0;
}

static void one_that_is_stopped_is_looked_at(void **state)
{
	struct nsnet_self_check *s;
	struct living l;

	(void)state;
	world_need();
	start(&l, NULL, 0);
	assert_int_equal(kill(nsnet_run_pid(l.run), SIGSTOP), 0);
	s = ask(NULL, nsnet_run_id(l.run), NULL);
	findings_are(s, 0, 0, NSNET_ISOLATED);
	nsnet_self_check_free(s);
	assert_int_equal(kill(nsnet_run_pid(l.run), SIGCONT), 0);
	/* Where there is control groups version 2. */
	if (freeze(nsnet_run_id(l.run), 1)) {
		s = ask(NULL, nsnet_run_id(l.run), NULL);
		findings_are(s, 0, 0, NSNET_ISOLATED);
		nsnet_self_check_free(s);
		assert_true(freeze(nsnet_run_id(l.run), 0));
	}
	let_die(&l);
}

/* A number of the host's that is just being given out. */
static pid_t latest;

/*
 * A fifo for each process of the host that self-check may be about to make: who opens one waits for
 * somebody to write.
 */
static int trap_in_proc(void)
{
	char path[64];

	if (lie_in_proc() != 0)
		return 1;
	for (pid_t p = latest; p < latest + 4000; p++) {
		snprintf(path, sizeof(path), "/proc/%d", (int)p);
		if (mkdir(path, 0755) < 0)
			return 1;
		snprintf(path, sizeof(path), "/proc/%d/comm", (int)p);
		if (mkfifo(path, 0644) < 0)
			return 1;
	}
	return 0;
}

static void one_that_holds_the_guest_gets_no_verdict(void **state)
{
	static const char *const cap[] = {"SYS_ADMIN"};
	const struct nsnet_run_def def = {.caps = cap, .n_caps = 1, .because = "CHG-1"};
	struct nsnet_self_check *s;
	struct nsnet_err err = {0};
	struct living l;
	char *before;
	int r;

	(void)state;
	world_need();
	before = ward_counters();
	latest = fork();
	if (latest == 0)
		_exit(0);
	assert_int_equal(waitpid(latest, NULL, 0), latest);
	r = live(&l, &def, 0, true, trap_in_proc, &err);
	lab_ok(r, &err, "start", __FILE__, __LINE__);
	s = ask(NULL, nsnet_run_id(l.run), NULL);
	findings_are(s, 0, 0x7f, NSNET_NOT_TESTED);
	nsnet_self_check_free(s);
	let_die(&l);
	nothing_is_left(before);
	free(before);
}

/* Its end is no finding. */
static void one_that_ends_meanwhile_is_left_out(void **state)
{
	struct nsnet_self_check *s = NULL;
	struct nsnet_err err = {0};
	siginfo_t info;
	struct living l;
	char id[NSN_WORKLOAD_ID + 1];

	(void)state;
	world_need();
	start(&l, NULL, 0);
	snprintf(id, sizeof(id), "%s", nsnet_run_id(l.run));
	/* Its record stays, as we have not waited for it. */
	assert_int_equal(kill(nsnet_run_pid(l.run), SIGKILL), 0);
	assert_int_equal(
		waitid(P_PID, (id_t)nsnet_run_pid(l.run), &info, WEXITED | WNOWAIT | __WALL), 0);
	assert_int_equal(nsnet_self_check(n, NULL, id, &s, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_WORKLOAD);
	close(l.hold);
	nsnet_run_free(l.run);
}

/* ---- a self-check that is killed ----------------------------------------------------------------
 */

static void killed_it_leaves_nothing(void **state)
{
	struct living l;
	char *before;

	(void)state;
	world_need();
	start(&l, NULL, 1u << NSNET_NS_IPC | 1u << NSNET_NS_MNT);
	before = ward_counters();
	for (int ms = 0; ms < 40; ms += test_quick() ? 13 : 2) {
		const struct timespec pause = {.tv_nsec = ms * 1000000L};
		const pid_t pid = fork();
		struct nsnet_self_check *s;
		int status;

		assert_true(pid >= 0);
		if (pid == 0) {
			const struct nsn_canary_test test = {.sabotage = 1u << NSNET_NS_IPC |
									 1u << NSNET_NS_MNT};

			for (;;)
				(void)nsn_self_check(n, NULL, NULL, &test, &s, NULL);
		}
		(void)nanosleep(&pause, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	/* What a killed one has recorded goes with the next start, or with gc. */
	NSNET_STATUS(0, "gc", "-y", "-q");
	nothing_is_left(before);
	free(before);
	let_die(&l);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tenant_is_isolated),
		cmocka_unit_test(a_workload_is_isolated),
		cmocka_unit_test(a_canary_without_one_says_so),
		cmocka_unit_test(a_workload_without_one_is_found),
		cmocka_unit_test(canaries_see_it_themselves),
		cmocka_unit_test(the_start_itself_fails),
		cmocka_unit_test(a_granted_opt_out_justifies),
		cmocka_unit_test(one_that_is_expired_does_not),
		cmocka_unit_test(an_opt_out_is_for_its_own),
		cmocka_unit_test(without_a_control_nothing_is_shown),
		cmocka_unit_test(a_canary_that_cannot_start_is_no_good_sign),
		cmocka_unit_test(its_own_proc_is_not_believed),
		cmocka_unit_test(one_that_is_stopped_is_looked_at),
		cmocka_unit_test(one_that_holds_the_guest_gets_no_verdict),
		cmocka_unit_test(one_that_ends_meanwhile_is_left_out),
		cmocka_unit_test(killed_it_leaves_nothing),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, drop);
}
