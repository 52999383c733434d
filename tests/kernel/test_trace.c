// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/base/fd.h"
#include "../../lib/kernel/nftrace.h"
#include "../../lib/nsnet.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * nsnet_trace(): one packet is sent; which rules it has met, by the kernel, and what became of
 * it, by who received it. nft and a program that listens are the witnesses.
 */

static struct nsnet *n;
static char ann[128], bob[128]; /* gateways */

NSN_CLEANUP(const struct nsnet_traced, nsnet_traced_free)

static const char site[] =
	"cat >/run/site.yaml <<-'END'\n"
	"nsnet: 1\n"
	"tenants:\n"
	"  ann: { subnet: 10.10.1.0/24, subnet6: \"fd00:1::/64\", endpoints: { default: auto, db: "
	"auto } }\n"
	"  bob: { subnet: 10.10.2.0/24, subnet6: \"fd00:2::/64\" }\n"
	"  cid: { subnet: 10.10.3.0/24 }\n"
	"rules:\n"
	"  - { name: web, allow: [tcp/80, udp/53, icmp/echo], from: ann, to: bob, because: x }\n"
	"  - { name: never, deny: [tcp/82], from: ann, to: bob, because: x }\n"
	"END\n"
	"$NSNET_BIN apply -f /run/site.yaml\n";

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	assert_int_equal(setenv("NSNET_BIN", nsnet_bin(), 1), 0);
	free(lab_sh("set -e\n%s", site));
	n = lab_open();
	(void)snprintf(ann, sizeof(ann), "%s", lab_gateway(n, "ann"));
	(void)snprintf(bob, sizeof(bob), "%s", lab_gateway(n, "bob"));
	return 0;
}

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	return 0;
}

/* All tables of both gateways, with their handles. */
static char *tables(void)
{
	return lab_sh("for g in %s %s; do nsenter --net=$g nft -a list tables; done", ann, bob);
}

static const struct nsnet_traced *trace6(const char *from, const char *to, const char *ports,
					 bool six)
{
	NSN_AUTO(nsn_freep) char *before = tables(), *after = NULL;
	const struct nsnet_traced *t = NULL;
	const int fds = lab_fds();

	LAB_OK(nsnet_trace(n, NULL, from, to, ports, six, &t, NULL));
	assert_non_null(t);
	assert_int_equal(lab_fds(), fds);
	after = tables();
	assert_string_equal(before, after);
	return t;
}

static const struct nsnet_traced *trace(const char *from, const char *to, const char *ports)
{
	return trace6(from, to, ports, false);
}

static void ends(const struct nsnet_traced *t, const char *end, const char *agrees)
{
	if (strcmp(t->end, end) == 0 && strcmp(t->agrees, agrees) == 0 && !*t->why && !*t->untraced)
		return;
	fail_msg("%s: %s (%s), %s [%s: %s, %d]; %s", t->packet, t->end, t->why, t->agrees,
		 t->explained->reason, t->explained->says, (int)t->explained->certainty,
		 t->untraced);
}

/* The first line that is so, or NULL; NULL: any. */
static const struct nsnet_trace_line *line(const struct nsnet_traced *t, const char *where,
					   const char *table, const char *verdict,
					   const char *policy)
{
	for (size_t i = 0; i < t->n_lines; i++) {
		const struct nsnet_trace_line *l = &t->lines[i];

		if (strcmp(l->where, where) == 0 && strcmp(l->table, table) == 0 &&
		    (!verdict || strcmp(l->verdict, verdict) == 0) &&
		    (!policy || strcmp(l->policy, policy) == 0))
			return l;
	}
	return NULL;
}

static const struct nsnet_trace_line *last(const struct nsnet_traced *t)
{
	assert_true(t->last < t->n_lines);
	return &t->lines[t->last];
}

/* ---- what is permitted, and what is not ---------------------------------------------------- */

static void what_is_permitted_arrives_by_its_policy(void **state)
{
	static const struct {
		const char *ports, *packet;
		bool six;
	} table[] = {
		{"tcp/80", "SYN 10.10.1.", false},	{"udp/53", "datagram 10.10.1.", false},
		{"icmp/echo", "echo request 1", false}, {"tcp/80", "SYN [fd00:1::", true},
		{"udp/53", "datagram [fd00:1::", true}, {"icmp/echo", "echo request fd", true},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(nsnet_traced_freep)
		const struct nsnet_traced *t = trace6("ann", "bob", table[i].ports, table[i].six);
		const struct nsnet_trace_line *l;

		/* Of ICMPv6 the model does not know what the bridge's rules see. */
		ends(t, "delivered", i == NSN_COUNT(table) - 1 ? "unknown" : "agrees");
		assert_true(t->explained->allowed);
		assert_string_equal(t->seen_at, "bob/default");
		LAB_HAS(t->packet, table[i].packet);
		assert_true(t->sent_us > 0);
		assert_non_null(line(t, "gateway of ann", "inet nsnet", "continue", "web"));
		assert_non_null(line(t, "gateway of ann", "inet nsnet", "accept", "web"));
		assert_non_null(line(t, "gateway of bob", "inet nsnet", "continue", "web"));
		l = line(t, "gateway of bob", "inet nsnet", "accept", "web");
		assert_non_null(l);
		LAB_HAS(l->policy_at, "/run/site.yaml:7");
		l = last(t);
		assert_string_equal(l->where, "gateway of bob");
		assert_string_equal(l->chain, "forward");
		assert_string_equal(l->policy, "web");
		for (size_t k = 0; k < t->n_lines; k++)
			assert_int_equal(t->lines[k].packet, 1);
	}
}

static void what_is_not_is_dropped_by_a_rule(void **state)
{
	static const struct {
		const char *from, *to, *ports, *policy;
	} table[] = {
		{"ann", "bob", "tcp/81", ""},	 {"ann/db", "bob", "tcp/82", "never"},
		{"bob", "ann/db", "tcp/80", ""}, {"ann", "cid", "icmp/echo", ""},
		{"bob", "ann", "udp/9", ""},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(nsnet_traced_freep)
		const struct nsnet_traced *t = trace(table[i].from, table[i].to, table[i].ports);
		NSN_AUTO(nsn_freep) char *rule = NULL;
		const struct nsnet_trace_line *l;
		char name[8];

		ends(t, "blocked", "agrees");
		assert_string_equal(t->seen_at, "");
		assert_false(t->explained->allowed);
		l = last(t);
		assert_string_equal(l->verdict, "drop");
		assert_string_equal(l->policy, table[i].policy);
		(void)snprintf(name, sizeof(name), "%.3s", table[i].from);
		LAB_HAS(l->where, name);
		/* It is that rule by nft, too. */
		rule = lab_sh("nsenter --net=%s nft -a list chain %s %s | grep '# handle %llu$'",
			      lab_gateway(n, name), l->table, l->chain,
			      (unsigned long long)l->handle);
		LAB_HAS(rule, "drop");
	}
}

/* There is no route to whom nothing leads. */
static void what_no_rule_drops_may_end_all_the_same(void **state)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = NULL;

	(void)state;
	world_need();
	t = trace("cid", "bob", "udp/53");
	ends(t, "blocked", "agrees");
	assert_string_equal(last(t)->where, "gateway of cid");
	assert_string_equal(last(t)->verdict, "accept");
}

/* By the bridge, and by the gateway, which drops its own. */
static void neighbours_are_sent_to_by_both_ways(void **state)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = NULL;

	(void)state;
	world_need();
	t = trace("ann", "ann/db", "tcp/9");
	ends(t, "delivered", "agrees");
	assert_string_equal(t->seen_at, "ann/db");
	assert_non_null(line(t, "gateway of ann", "bridge nsnet", "accept", ""));
	assert_string_equal(last(t)->table, "bridge nsnet");
	assert_int_equal(t->lines[0].packet, 1);
	assert_int_equal(t->lines[t->n_lines - 1].packet, 2);
}

/* ---- rules of others -------------------------------------------------------------- */

static uint64_t handle_of(const char *gateway, const char *comment)
{
	NSN_AUTO(nsn_freep)
	char *text = lab_sh("nsenter --net=%s nft -a list ruleset | "
			    "sed -n 's/.*comment \"%s\" # handle //p'",
			    gateway, comment);

	assert_true(*text);
	return strtoull(text, NULL, 10);
}

static void a_foreign_drop_is_named(void **state)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = NULL, *chain = NULL;
	const struct nsnet_trace_line *l;

	(void)state;
	world_need();
	free(lab_sh("nsenter --net=%s nft 'table ip planted { chain f { type filter hook forward "
		    "priority 10; tcp dport 80 drop comment \"stray\"; }; }'",
		    bob));
	t = trace("ann", "bob", "tcp/80");
	ends(t, "blocked", "agrees");
	l = last(t);
	assert_string_equal(l->where, "gateway of bob");
	assert_string_equal(l->table, "ip planted");
	assert_string_equal(l->chain, "f");
	assert_string_equal(l->comment, "stray");
	assert_int_equal(l->handle, handle_of(bob, "stray"));
	free(lab_sh("nsenter --net=%s nft 'delete table ip planted; table ip planted { chain f { "
		    "type filter hook forward priority 10; policy drop; }; }'",
		    bob));
	chain = trace("ann", "bob", "tcp/80");
	ends(chain, "blocked", "agrees");
	assert_string_equal(last(chain)->kind, "policy");
	assert_string_equal(last(chain)->table, "ip planted");
	free(lab_sh("nsenter --net=%s nft delete table ip planted", bob));
}

/* In both gateways, with a mark of the policy: else there is no route. */
static void a_foreign_accept_is_named(void **state)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = NULL;
	bool named = false;

	(void)state;
	world_need();
	free(lab_sh("for g in %s %s; do m=$(nsenter --net=$g nft list map inet nsnet nsnet_use | "
		    "sed -n 's/.*\\(0x[0-9a-f]*\\) : \"nsnet_rule_web\".*/\\1/p'); "
		    "nsenter --net=$g nft insert rule inet nsnet nsnet_judge tcp dport 81 "
		    "meta mark set $m accept comment '\"hole\"'; done",
		    ann, bob));
	t = trace("ann", "bob", "tcp/81");
	ends(t, "delivered", "agrees");
	assert_false(t->explained->intended);
	assert_string_equal(last(t)->policy, "");
	assert_int_equal(lab_sh_status("$NSNET_BIN trace ann bob tcp/81"), 1);
	assert_int_equal(lab_sh_status("$NSNET_BIN explain --probe ann bob tcp/81"), 1);
	for (size_t i = 0; i < t->n_lines; i++)
		named |= strcmp(t->lines[i].comment, "hole") == 0 &&
			 strcmp(t->lines[i].verdict, "accept") == 0 &&
			 t->lines[i].handle == handle_of(ann, "hole");
	assert_true(named);
	free(lab_sh("$NSNET_BIN repair"));
}

/* ---- nothing is left
 * ------------------------------------------------------------------------------
 */

/* One that traces a flow in the gateway until it is killed, or nobody has @fd any more. */
static pid_t tracer(const char *gateway, int *fd)
{
	const struct nsn_nftrace_flow flow = {
		.src = {.family = AF_INET, .bytes = {10, 10, 1, 2}},
		.dst = {.family = AF_INET, .bytes = {10, 10, 2, 2}},
		.proto = IPPROTO_TCP,
		.dport = 80,
	};
	struct nsn_nftrace *t = NULL;
	char ready = 0;
	int ends[2], ns;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		ns = open(gateway, O_RDONLY | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWNET) < 0 ||
		    nsn_nftrace_open(&t, "nsnet-trace-test", &flow, NULL) < 0 ||
		    write(ends[1], "x", 1) != 1)
			_exit(1);
		(void)!read(ends[1], &ready, 1);
		_exit(2);
	}
	(void)close(ends[1]);
	assert_int_equal(read(ends[0], &ready, 1), 1);
	*fd = ends[0];
	return pid;
}

static void who_is_killed_leaves_no_table(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL, *meanwhile = NULL, *after = NULL;
	pid_t pid;
	int status, fd = -1;

	(void)state;
	world_need();
	before = tables();
	pid = tracer(ann, &fd);
	meanwhile = tables();
	LAB_HAS(meanwhile, "table inet nsnet-trace-test");
	LAB_HAS(meanwhile, "table bridge nsnet-trace-test");
	/* Nobody else can do something to it. */
	assert_int_not_equal(
		lab_sh_status("nsenter --net=%s nft delete table inet nsnet-trace-test", ann), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	(void)close(fd);
	after = tables();
	assert_string_equal(before, after);
}

static void nobody_takes_it_for_somebody_elses(void **state)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = NULL;
	NSN_AUTO(nsn_freep) char *plan = NULL;

	(void)state;
	world_need();
	t = trace("ann", "bob", "tcp/80");
	ends(t, "delivered", "agrees");
	plan = lab_sh("$NSNET_BIN plan");
	LAB_HAS(plan, "nothing to do");
	lab_repair(n, "ann", NSNET_UNCHANGED);
	lab_repair(n, "bob", NSNET_UNCHANGED);
}

/* ---- what cannot be tested ------------------------------------------------------------------ */

static void untested(const char *from, const char *to, const char *ports, const char *why)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = trace(from, to, ports);

	assert_string_equal(t->end, "untested");
	assert_string_equal(t->agrees, "unknown");
	LAB_HAS(t->why, why);
}

static void what_cannot_be_tested_is_not_blocked(void **state)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = NULL;

	(void)state;
	world_need();
	untested("ann", "internet", "tcp/80", "only between endpoints");
	untested("host", "ann", "tcp/80", "only between endpoints");
	t = trace6("cid", "bob", "tcp/80", true);
	assert_string_equal(t->end, "untested");
	LAB_HAS(t->why, "no address");
	free(lab_sh("ip -n bob link set eth0 down"));
	untested("ann", "bob", "tcp/80", "");
	untested("ann", "bob", "tcp/81", "");
	free(lab_sh("ip -n bob link set eth0 up; $NSNET_BIN repair"));
}

static void fails(const char *from, const char *to, const char *ports, int r, enum nsnet_code id)
{
	const struct nsnet_traced *t = NULL;
	struct nsnet_err err = {0};

	assert_int_equal(nsnet_trace(n, NULL, from, to, ports, false, &t, &err), r);
	assert_int_equal(err.id, id);
	assert_null(t);
}

static void wrong_questions(void **state)
{
	const struct nsnet_verify_how how = {.snapshot = "{}", .len = 2};
	const struct nsnet_traced *t = NULL;
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	fails("nobody", "bob", "tcp/80", -ENOENT, NSNET_E_NO_TENANT);
	fails("ann", "bob/x", "tcp/80", -ENOENT, NSNET_E_NO_ENDPOINT);
	fails("ann", "bob", "tcp/70000", -EINVAL, NSNET_E_BAD_PORT);
	fails("ann", "bob", "tcp/1-9", -EINVAL, NSNET_E_BAD_PORT);
	fails("ann", "ann", "tcp/80", -EINVAL, NSNET_E_BAD_FLOW);
	assert_int_equal(nsnet_trace(n, &how, "ann", "bob", "tcp/80", false, &t, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_SNAPSHOT);
}

/* ---- the command ----------------------------------------------------------------------------- */

static void statuses(void **state)
{
	static const struct {
		int status;
		const char *args;
	} table[] = {
		{0, "trace ann bob tcp/80"},
		{0, "trace ann bob tcp/81"},
		{0, "trace -q ann bob tcp/80"},
		{1, "trace -q ann bob tcp/81"},
		{3, "trace ann internet"},
		{4, "trace ann nobody"},
		{0, "explain --probe ann bob tcp/80"},
		{1, "explain -q --probe ann bob tcp/81"},
		{3, "explain --probe ann host"},
		{2, "explain --probe --snapshot /run/x ann bob"},
	};
	NSN_AUTO(nsn_freep) char *probe = NULL;

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(table); i++)
		assert_int_equal(lab_sh_status("$NSNET_BIN %s", table[i].args), table[i].status);
	probe = lab_sh("$NSNET_BIN explain --probe ann bob tcp/80");
	LAB_HAS(probe, "ALLOWED  [ALLOWED]");
	LAB_HAS(probe, ": delivered to bob/default");
	LAB_HAS(probe, "in gateway of bob: accept, by web (/run/site.yaml:7)");
	LAB_HAS(probe, "the wire agrees with the model");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_permitted_arrives_by_its_policy),
		cmocka_unit_test(what_is_not_is_dropped_by_a_rule),
		cmocka_unit_test(what_no_rule_drops_may_end_all_the_same),
		cmocka_unit_test(neighbours_are_sent_to_by_both_ways),
		cmocka_unit_test(a_foreign_drop_is_named),
		cmocka_unit_test(a_foreign_accept_is_named),
		cmocka_unit_test(who_is_killed_leaves_no_table),
		cmocka_unit_test(nobody_takes_it_for_somebody_elses),
		cmocka_unit_test(what_cannot_be_tested_is_not_blocked),
		cmocka_unit_test(wrong_questions),
		cmocka_unit_test(statuses),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, drop);
}
