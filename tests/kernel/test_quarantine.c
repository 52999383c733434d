/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../lib/kernel/nflog.h"
#include "../lib/inject.h"
#include "../lib/lab.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * Quarantine: above all rules, at once, and what is kept of it; and what is logged
 * of rules. With real connections: peers.py.
 */

static struct peers peers;

static struct nsnet *build(void)
{
	return peers_build(&peers, peers_tenants, PEERS_TENANTS);
}

/* @keep: one flow, or NULL */
static void quarantine(struct nsnet *n, const char *who, const char *keep)
{
	struct nsnet_err err = {0};
	int fds = lab_fds();

	lab_ok(nsnet_quarantine(n, who, "a test", &keep, keep ? 1 : 0, 0, NULL, &err), &err, who,
	       __FILE__, __LINE__);
	assert_int_equal(lab_fds(), fds);
	NOTHING_TO_DO(n, who);
}

static void release(struct nsnet *n, const char *who)
{
	struct nsnet_err err = {0};

	lab_ok(nsnet_release(n, who, 0, NULL, &err), &err, who, __FILE__, __LINE__);
	NOTHING_TO_DO(n, who);
}

static void forget_what_was_seen(void)
{
	free(peers_ask(&peers, "seen " APP ";" WORK ";" DB ";" WEB ";" DNS));
}

#define LIVE_YES "+ tcp4; + tcp6; + udp4; + udp6; + ping4; + ping6; + in"
#define LIVE_NO	 "- tcp4; - tcp6; - udp4; - udp6; - ping4; - ping6; - in"

/* To and from customer2, and one that has nothing to do with it. */
static void open_live(void)
{
	OPEN(&peers, "tcp4 " APP " 10.10.2.10 tcp/5432");
	OPEN(&peers, "tcp6 " APP " fd00:10:2::10 tcp/5432");
	OPEN(&peers, "udp4 " WORK " 10.10.2.11 udp/53");
	OPEN(&peers, "udp6 " WORK " fd00:10:2::11 udp/53");
	OPEN(&peers, "ping4 " APP " 10.10.2.10 icmp");
	OPEN(&peers, "ping6 " APP " fd00:10:2::10 icmp");
	OPEN(&peers, "in " DB " 10.10.250.53 tcp/53");
	OPEN(&peers, "apart " APP " 10.10.250.53 tcp/53");
}

static void a_quarantine_stands_above_deny_and_allow(void **state)
{
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "in", "customer1", "customer2", "any");
	ALLOW(n, "resolve", "tenants", "shared/dns", "udp/53,tcp/53");
	DENY(n, "not", "customer1", "customer2/db", "tcp/443");
	open_live();
	TALK(&peers, LIVE_YES "; + apart");
	quarantine(n, "customer2", NULL);
	forget_what_was_seen();
	TALK(&peers, LIVE_NO "; + apart");
	/* Not a packet, either way; nor of what is allowed now. */
	ALLOW(n, "late", "tenants", "tenants", "tcp/7000,icmp/echo");
	PROBE(&peers, "- " APP " " DB " tcp/5432,tcp/443,tcp/7000,udp/53,icmp; - " DB " " DNS
		      " tcp/53,icmp;"
		      "- " DNS " " WEB " tcp/7000,icmp; - " WEB " " APP " tcp/7000,icmp;"
		      "+ " APP " " DNS " udp/53,tcp/53,tcp/7000; + " DB " " WEB " tcp/80,icmp");
	SEEN(&peers, DB ";" WEB ";" APP " from:tcp/53 from:udp/53 from:tcp/7000", "nothing");
	/* Nothing joins it to anybody. */
	assert_int_equal(cables_of(n, "customer2"), 0);
	assert_int_equal(cables_of(n, "shared"), 1);
	release(n, "customer2");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432,udp/53,tcp/7000,icmp; - " APP " " DB " tcp/443;"
	      "+ " DB " " DNS " tcp/53; + " WEB " " APP " tcp/7000; - " WEB " " APP " tcp/80;"
	      "- " DNS " " DB " tcp/53");
	REVOKE(n, "not");
	PROBE(&peers, "+ " APP " " DB " tcp/443");
	REVOKE(n, "resolve");
	REVOKE(n, "late");
	text = rule_rows();
	assert_string_equal(text, "1 0 1");
	free(text);
	peers_end_clean(&peers, n);
}

static void what_is_kept_stays_and_nothing_else(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "in", "customer1", "customer2", "any");
	DENY(n, "not", "shared", "customer2", "any");
	OPEN(&peers, "kept " APP " 10.10.2.10 tcp/5432");
	OPEN(&peers, "kept6 " APP " fd00:10:2::10 tcp/5432");
	OPEN(&peers, "other " APP " 10.10.2.10 tcp/7000");
	OPEN(&peers, "third " WORK " 10.10.2.10 tcp/5432");
	quarantine(n, "customer2", "customer1/app -> customer2/db tcp/5432");
	forget_what_was_seen();
	TALK(&peers, "+ kept; + kept6; - other; - third");
	SEEN(&peers, DB " tcp/5432;" WEB ";" APP " from:tcp/5432;" WORK, "nothing");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432; - " WORK " " DB " tcp/5432; - " APP " " WEB
	      " tcp/5432; - " DB " " APP " tcp/5432,icmp; - " APP " " DB " udp/5432,tcp/80,icmp");
	/* What is kept needs no rule, and no denial takes it away; said again it is another. */
	quarantine(n, "customer2", "shared -> customer2/db tcp/7000");
	TALK(&peers, "- kept; - kept6");
	PROBE(&peers,
	      "+ " DNS " " DB " tcp/7000; - " DNS " " WEB " tcp/7000; - " DNS " " DB
	      " tcp/80,icmp; - " DB " " DNS " tcp/7000; - " APP " " DB " tcp/5432,tcp/7000");
	assert_int_equal(cables_of(n, "shared"), 1);
	assert_int_equal(cables_of(n, "customer2"), 1);
	release(n, "customer2");
	PROBE(&peers, "+ " APP " " DB " tcp/5432,tcp/80; - " DNS " " DB " tcp/7000");
	assert_int_equal(cables_of(n, "shared"), 0);
	peers_end_clean(&peers, n);
}

/* What one of two keeps the other one closes. */
static void of_two_quarantines_both_have_to_keep_it(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "in", "customer1", "customer2", "tcp/5432,tcp/80");
	quarantine(n, "customer2", "customer1 -> customer2 tcp/5432");
	PROBE(&peers, "+ " APP " " DB " tcp/5432; - " APP " " DB " tcp/80");
	OPEN(&peers, "live " APP " 10.10.2.10 tcp/5432");
	quarantine(n, "customer1", NULL);
	TALK(&peers, "- live");
	PROBE(&peers, "- " APP " " DB " tcp/5432,tcp/80");
	quarantine(n, "customer1", "customer1/app -> customer2/db tcp/5432");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432; - " WORK " " DB " tcp/5432; - " APP " " DB " tcp/80");
	release(n, "customer2");
	PROBE(&peers,
	      "+ " APP " " DB " tcp/5432; - " WORK " " DB " tcp/5432; - " APP " " DB " tcp/80");
	release(n, "customer1");
	PROBE(&peers, "+ " WORK " " DB " tcp/5432,tcp/80");
	peers_end_clean(&peers, n);
}

static void an_endpoint_alone_is_closed(void **state)
{
	struct nsnet_tenant_def defs[PEERS_TENANTS];
	struct nsnet *n;

	(void)state;
	world_need();
	memcpy(defs, peers_tenants, sizeof(defs));
	defs[CUSTOMER2].inside = "deny";
	n = peers_build(&peers, defs, PEERS_TENANTS);
	ALLOW(n, "in", "customer1", "customer2", "tcp/5432,udp/53,icmp/echo");
	ALLOW(n, "out", "customer2", "shared", "tcp/53");
	ALLOW(n, "inside", "customer2", "customer2", "tcp/80");
	PROBE(&peers, "+ " WEB " " DB " tcp/80; + " DB " " WEB " tcp/80");
	OPEN(&peers, "live " APP " 10.10.2.10 tcp/5432");
	OPEN(&peers, "out " DB " 10.10.250.53 tcp/53");
	OPEN(&peers, "near " WEB " 10.10.2.10 tcp/80");
	OPEN(&peers, "other " APP " 10.10.2.11 tcp/5432");
	quarantine(n, "customer2/db", NULL);
	forget_what_was_seen();
	TALK(&peers, "- live; - out; - near; + other");
	PROBE(&peers, "- " APP " " DB " tcp/5432,udp/53,icmp; - " DB " " DNS " tcp/53;"
		      "- " WEB " " DB " tcp/80; - " DB " " WEB " tcp/80;"
		      "+ " APP " " WEB " tcp/5432,udp/53,icmp; + " WEB " " DNS " tcp/53");
	SEEN(&peers, DB, "nothing");
	quarantine(n, "customer2/db", "customer2/web -> customer2/db tcp/80");
	PROBE(&peers,
	      "+ " WEB " " DB " tcp/80; - " DB " " WEB " tcp/80; - " APP " " DB " tcp/5432");
	release(n, "customer2/db");
	PROBE(&peers, "+ " APP " " DB " tcp/5432,udp/53,icmp; + " DB " " DNS " tcp/53;"
		      "+ " WEB " " DB " tcp/80; + " DB " " WEB " tcp/80");
	peers_end_clean(&peers, n);
}

/* ---- neighbours that the bridge switches ----------------------------------------------- */

#define MORE "customer1.more"

static void talk_inside(const char *signs)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
		       "%c tcp4; %c tcp6; %c udp4; %c udp6; %c ping4; %c ping6; %c back4; %c back6",
		       *signs, *signs, *signs, *signs, *signs, *signs, *signs, *signs);
	TALK(&peers, text);
}

/* Between `worker` and `app`, both ways, and from `app` to a third. */
static void open_inside(void)
{
	OPEN(&peers, "tcp4 " APP " 10.10.1.11 tcp/5432");
	OPEN(&peers, "tcp6 " APP " fd00:10:1::11 tcp/5432");
	OPEN(&peers, "udp4 " APP " 10.10.1.11 udp/53");
	OPEN(&peers, "udp6 " APP " fd00:10:1::11 udp/53");
	OPEN(&peers, "ping4 " APP " 10.10.1.11 icmp");
	OPEN(&peers, "ping6 " APP " fd00:10:1::11 icmp");
	OPEN(&peers, "back4 " WORK " 10.10.1.10 tcp/80");
	OPEN(&peers, "back6 " WORK " fd00:10:1::10 tcp/80");
	OPEN(&peers, "third4 " APP " 10.10.1.12 tcp/80");
	OPEN(&peers, "third6 " APP " fd00:10:1::12 tcp/80");
}

/* From here on also what neighbours send is seen: peers_serve() leaves that out. */
static void watch_neighbours(void)
{
	TELL(&peers, "watch " APP " 10.10.1.10 fd00:10:1::10");
	TELL(&peers, "watch " WORK " 10.10.1.11 fd00:10:1::11");
}

/* Only customer1, with three endpoints: no cable is anywhere. */
static struct nsnet *build_three(const char *inside)
{
	static const struct nsnet_endpoint_def three[] = {
		{.name = "app", .ip = "10.10.1.10", .ip6 = "fd00:10:1::10"},
		{.name = "worker", .ip = "10.10.1.11", .ip6 = "fd00:10:1::11"},
		{.name = "more", .ip = "10.10.1.12", .ip6 = "fd00:10:1::12"},
	};
	struct nsnet_tenant_def def = peers_tenants[CUSTOMER1];

	def.endpoints = three;
	def.n_endpoints = 3;
	def.inside = inside;
	return peers_build(&peers, &def, 1);
}

/*
 * Who has asked for a neighbour in vain is told so for up to a second more (IPv6 only: for
 * IPv4 the bridge has answered all the time).
 */
static void release_inside(struct nsnet *n, const char *who)
{
	release(n, who);
	free(lab_sh("for i in /run/netns/customer1.*; do"
		    " ip -n ${i##*/} -6 neigh flush dev eth0; done"));
}

#define CUT_OFF                                                                                    \
	"- " APP " " WORK " tcp/5432,udp/53,icmp; - " WORK " " APP " tcp/80,udp/53,icmp;"          \
	"- " MORE " " WORK " tcp/80,icmp; - " WORK " " MORE " tcp/80,icmp;"                        \
	"+ " APP " " MORE " tcp/80,udp/53,icmp; + " MORE " " APP " tcp/80,udp/53,icmp"
#define TOGETHER                                                                                   \
	"+ " APP " " WORK " tcp/5432,udp/53,icmp; + " WORK " " APP " tcp/80,udp/53,icmp;"          \
	"+ " WORK " " MORE " tcp/80; + " MORE " " WORK " tcp/80; + " APP " " MORE " tcp/80,icmp"

static void neighbours_are_cut_off_at_once(void **state)
{
	struct nsnet *n;
	char *drops;

	(void)state;
	world_need();
	n = build_three(NULL);
	open_inside();
	quarantine(n, "customer1/worker", NULL);
	watch_neighbours();
	talk_inside("-");
	TALK(&peers, "+ third4; + third6");
	PROBE(&peers, CUT_OFF);
	/* Not a packet, of no kind, in either direction. */
	SEEN(&peers, WORK, "nothing");
	drops = lab_sh("nsenter --net=%s nft list counter bridge nsnet nsnet_drop_quarantine",
		       lab_gateway(n, "customer1"));
	assert_null(strstr(drops, "packets 0 "));
	free(drops);
	/* What the gateway itself says is as it was. */
	assert_true(lab_ping("/run/netns/" WORK, "10.10.1.1"));
	assert_true(lab_ping("/run/netns/" WORK, "fd00:10:1::1"));
	release_inside(n, "customer1/worker");
	TALK(&peers, "+ tcp4; + tcp6; + back4; + back6; + udp4; + ping6; + third4");
	PROBE(&peers, TOGETHER);
	peers_end_clean(&peers, n);
}

/* Nor over the gateway, without a cable and with two. */
static void nor_do_neighbours_meet_over_the_gateway(void **state)
{
	static const char detour[] = "ip -n " WORK " route add 10.10.1.10 via 10.10.1.1;"
				     "ip -n " WORK " -6 route add fd00:10:1::10 via fd00:10:1::1;"
				     "ip -n " APP " route add 10.10.1.11 via 10.10.1.1;"
				     "ip -n " APP " -6 route add fd00:10:1::11 via fd00:10:1::1";
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	quarantine(n, "customer1/worker", NULL);
	/* Not a packet gets through, of those that nobody would answer either. */
	watch_neighbours();
	PROBE(&peers,
	      "- " APP " " WORK " tcp/80,udp/53,icmp; - " WORK " " APP " tcp/80,udp/53,icmp");
	SEEN(&peers, WORK ";" APP, "nothing");
	free(lab_sh("%s", detour));
	PROBE(&peers,
	      "- " APP " " WORK " tcp/80,udp/53,icmp; - " WORK " " APP " tcp/80,udp/53,icmp");
	SEEN(&peers, WORK ";" APP, "nothing");
	ALLOW(n, "all", "tenants", "tenants", "any");
	assert_int_equal(cables_of(n, "customer1"), 2);
	watch_neighbours();
	PROBE(&peers, "- " APP " " WORK " tcp/80,udp/53,icmp; - " WORK " " APP
		      " tcp/80,udp/53,icmp; - " WORK " " DB " tcp/80,icmp; - " DNS " " WORK
		      " tcp/80,icmp; + " APP " " DB " tcp/80,icmp");
	SEEN(&peers, WORK, "nothing");
	release_inside(n, "customer1/worker");
	REVOKE(n, "all");
	peers_end_clean(&peers, n);
}

/* Whatever becomes of the gateway: the element is for the port's new name, too. */
static void neighbours_stay_cut_off(void **state)
{
	static const char *const damages[] = {
		"nft flush ruleset",
		"nft flush set bridge nsnet nsnet_cut",
		"nft flush chain bridge nsnet forward",
		"for i in $(ls /sys/class/net | grep nsn); do ip link del $i; done",
		"nft list ruleset >$TMP/rules; nft flush ruleset; nft -f $TMP/rules",
	};
	static const struct nsnet_endpoint_def late = {
		.name = "late", .ip = "10.10.1.13", .ip6 = "fd00:10:1::13"};
	struct nsnet *n;

	(void)state;
	world_need();
	n = build_three(NULL);
	quarantine(n, "customer1/worker", NULL);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		free(lab_sh("export TMP=$(mktemp -d); nsenter --net=%s sh -ec '%s'; rm -r $TMP",
			    lab_gateway(n, "customer1"), damages[i]));
		/* What is printed is what there is. */
		if (strstr(damages[i], "nft -f"))
			NOTHING_TO_DO(n, damages[i]);
		LAB_OK(nsnet_repair(n, NULL, 0, NULL, NULL));
		NOTHING_TO_DO(n, damages[i]);
		PROBE(&peers, CUT_OFF);
	}
	LAB_OK(nsnet_endpoint_add(n, "customer1", &late, 0, NULL, NULL));
	NOTHING_TO_DO(n, "endpoint add");
	TELL(&peers, "serve customer1.late 10.10.1.13 fd00:10:1::13");
	PROBE(&peers,
	      "- customer1.late " WORK " tcp/80,icmp; - " WORK " customer1.late tcp/80,icmp;"
	      "+ customer1.late " APP " tcp/80,icmp; + " MORE " customer1.late tcp/80");
	quarantine(n, "customer1/late", NULL);
	PROBE(&peers, CUT_OFF "; - customer1.late " WORK " tcp/80; - customer1.late " APP
			      " tcp/80; - " APP " customer1.late udp/53");
	release_inside(n, "customer1/worker");
	PROBE(&peers,
	      TOGETHER "; - customer1.late " WORK " tcp/80; - " APP " customer1.late tcp/80,icmp");
	release_inside(n, "customer1/late");
	PROBE(&peers, TOGETHER "; + customer1.late " WORK " tcp/80");
	peers_end_clean(&peers, n);
}

static void set_inside(struct nsnet *n, const char *value)
{
	const struct nsnet_setting s = {.key = "inside", .value = value};
	struct nsnet_err err = {0};

	lab_ok(nsnet_tenant_set(n, "customer1", &s, 1, 0, NULL, &err), &err, value, __FILE__,
	       __LINE__);
	NOTHING_TO_DO(n, value);
}

static void cannot_keep(struct nsnet *n, const char *flow)
{
	struct nsnet_err err = {0};
	char *before = lab_rows(LAB_STATE), *after;

	assert_int_equal(nsnet_quarantine(n, "customer1/worker", "a test", &flow, 1, 0, NULL, &err),
			 -EINVAL);
	assert_string_equal(nsnet_code_name(err.id), "BAD_RULE");
	LAB_HAS(err.msg, flow);
	assert_string_equal(err.hint, "nsnet tenant set customer1 inside=deny");
	after = lab_rows(LAB_STATE);
	assert_string_equal(before, after);
	free(before);
	free(after);
	NOTHING_TO_DO(n, flow);
}

/* A bridge keeps no connections, so it lets none through. */
static void of_neighbours_nothing_can_be_kept(void **state)
{
	static const char kept[] = "customer1/app -> customer1/worker tcp/80";
	struct nsnet *n;

	(void)state;
	world_need();
	n = build_three(NULL);
	cannot_keep(n, kept);
	cannot_keep(n, "customer1/worker -> customer1 tcp/80");
	cannot_keep(n, "tenants -> customer1/worker tcp/80");
	PROBE(&peers, TOGETHER);
	quarantine(n, "customer1", kept);
	PROBE(&peers, TOGETHER);
	release(n, "customer1");
	set_inside(n, "deny");
	quarantine(n, "customer1/worker", kept);
	PROBE(&peers, "+ " APP " " WORK " tcp/80; - " WORK " " APP " tcp/80; - " APP " " WORK
		      " tcp/443,icmp; - " APP " " MORE " tcp/80");
	set_inside(n, "allow");
	PROBE(&peers, CUT_OFF "; - " APP " " WORK " tcp/80");
	set_inside(n, "deny");
	PROBE(&peers, "+ " APP " " WORK " tcp/80; - " MORE " " WORK " tcp/80");
	release_inside(n, "customer1/worker");
	set_inside(n, "allow");
	PROBE(&peers, TOGETHER);
	peers_end_clean(&peers, n);
}

static const char *gateway_of_customer1;
static unsigned int opened_early;

/* Before the store is told. */
static void look_at_commit(const uint64_t args[6])
{
	(void)args;
	opened_early += lab_sh_status("nsenter --net=%s nft list set bridge nsnet nsnet_cut |"
				      " grep -q 'elements = { \"nsn'",
				      gateway_of_customer1) != 0;
}

static void try_release(void *arg)
{
	struct nsnet_err err = {0};

	assert_int_equal(nsnet_release(arg, "customer1/worker", 0, NULL, &err), -EIO);
}

static void release_fails(struct nsnet *n)
{
	static const struct inject_rule sync = {
		.nr = __NR_fdatasync, .error = EIO, .look = look_at_commit};
	struct inject done;

	gateway_of_customer1 = lab_gateway(n, "customer1");
	opened_early = 0;
	inject(&sync, 1, 0, try_release, n, &done);
	assert_int_equal(done.failed_nr, __NR_fdatasync);
	assert_int_equal(opened_early, 0);
	NOTHING_TO_DO(n, "a release that failed");
}

/* Until that is stored nobody is released, with a cable or without. */
static void a_release_that_fails_opens_nothing(void **state)
{
	static const char closed[] = "- " APP " " WORK " tcp/80,icmp; - " WORK " " APP " tcp/80";
	static const char open[] = "+ " APP " " WORK " tcp/80,icmp; + " WORK " " APP " tcp/80";
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	quarantine(n, "customer1/worker", NULL);
	release_fails(n);
	PROBE(&peers, closed);
	ALLOW(n, "all", "tenants", "tenants", "tcp/80");
	release_fails(n);
	PROBE(&peers, closed);
	release_inside(n, "customer1/worker");
	PROBE(&peers, open);
	REVOKE(n, "all");
	peers_end_clean(&peers, n);
}

static void set_label(struct nsnet *n, const char *tenant, const char *label)
{
	const struct nsnet_setting s = {.key = "label", .value = label};
	struct nsnet_err err = {0};

	lab_ok(nsnet_tenant_set(n, tenant, &s, 1, 0, NULL, &err), &err, label, __FILE__, __LINE__);
	NOTHING_TO_DO(n, label);
}

/* Whoever gets the label is in quarantine from then on. */
static void a_label_closes_whoever_has_it(void **state)
{
	static const struct nsnet_endpoint_def more = {.name = "more", .ip = "10.10.2.12"};
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "all", "tenants", "tenants", "tcp/5432,tcp/53");
	OPEN(&peers, "one " APP " 10.10.2.10 tcp/5432");
	OPEN(&peers, "two " APP " 10.10.250.53 tcp/53");
	quarantine(n, "label:pci=cde", NULL);
	TALK(&peers, "- one; + two");
	PROBE(&peers,
	      "- " APP " " DB " tcp/5432; - " WEB " " DNS " tcp/53; + " APP " " DNS " tcp/53");
	LAB_OK(nsnet_endpoint_add(n, "customer2", &more, 0, NULL, NULL));
	NOTHING_TO_DO(n, "endpoint add");
	TELL(&peers, "serve customer2.more 10.10.2.12");
	PROBE(&peers, "- " APP " customer2.more tcp/5432; - customer2.more " APP " tcp/5432;"
		      "+ " DB " customer2.more tcp/80");
	set_label(n, "shared", "pci=cde");
	TALK(&peers, "- two");
	PROBE(&peers,
	      "- " APP " " DNS " tcp/53; - " DNS " " APP " tcp/5432; - " DNS " " DB " tcp/5432");
	set_label(n, "customer2", "pci=");
	PROBE(&peers, "+ " APP " " DB " tcp/5432; + " APP " customer2.more tcp/5432; - " DB " " DNS
		      " tcp/53; - " APP " " DNS " tcp/53");
	release(n, "label:pci=cde");
	PROBE(&peers, "+ " APP " " DNS " tcp/53; + " DB " " DNS " tcp/53");
	REVOKE(n, "all");
	peers_end_clean(&peers, n);
}

/* Also after a reboot, and for who comes again under its name. */
static void a_quarantine_outlives_what_is_in_it(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "in", "tenants", "customer2", "tcp/5432");
	quarantine(n, "customer2", NULL);
	LAB_OK(nsnet_tenant_del(n, "customer1", NSNET_WITH_RULES, NULL, NULL));
	NOTHING_TO_DO(n, "tenant del");
	LAB_OK(nsnet_tenants_add(n, &peers_tenants[CUSTOMER1], 1, 0, NULL, NULL));
	NOTHING_TO_DO(n, "tenant add");
	peers_serve(&peers, &peers_tenants[CUSTOMER1]);
	PROBE(&peers, "- " APP " " DB " tcp/5432; - " DNS " " DB " tcp/5432");
	free(lab_sh("nsenter --net=%s nft flush ruleset; nsenter --net=%s ip link del br0",
		    lab_gateway(n, "customer2"), lab_gateway(n, "customer1")));
	LAB_OK(nsnet_repair(n, NULL, 0, NULL, NULL));
	NOTHING_TO_DO(n, "repair");
	PROBE(&peers,
	      "- " APP " " DB " tcp/5432; - " DNS " " DB " tcp/5432; + " DB " " WEB " tcp/80");
	release(n, "customer2");
	PROBE(&peers, "+ " DNS " " DB " tcp/5432; + " APP " " DB " tcp/5432");
	peers_end_clean(&peers, n);
}

static void comes_again(struct nsnet *n, int which)
{
	const struct nsnet_tenant_def *def = &peers_tenants[which];
	struct nsnet_err err = {0};

	lab_ok(nsnet_tenant_del(n, def->name, NSNET_WITH_RULES, NULL, &err), &err, def->name,
	       __FILE__, __LINE__);
	NOTHING_TO_DO(n, "tenant del");
	LAB_OK(nsnet_tenants_add(n, def, 1, 0, NULL, NULL));
	NOTHING_TO_DO(n, "tenant add");
	peers_serve(&peers, def);
}

/* Neither what is kept waits for the next one of a name, nor is that one free of a quarantine. */
static void who_comes_under_a_name_gets_nothing_by_it(void **state)
{
	struct nsnet_err err = {0};
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = build();
	quarantine(n, "customer2", "shared/dns -> customer2/db tcp/7000");
	PROBE(&peers, "+ " DNS " " DB " tcp/7000");
	assert_int_equal(nsnet_tenant_del(n, "shared", 0, NULL, &err), -EBUSY);
	assert_string_equal(nsnet_code_name(err.id), "TENANT_NAMED");
	LAB_HAS(err.msg, "shared/dns -> customer2/db tcp/7000");
	PROBE(&peers, "+ " DNS " " DB " tcp/7000");
	comes_again(n, SHARED);
	PROBE(&peers, "- " DNS " " DB " tcp/7000");
	text = rule_rows();
	assert_string_equal(text, "0 1 0");
	free(text);
	/* It is in quarantine until it is released, whoever it is. */
	quarantine(n, "customer2", "customer1 -> customer2 tcp/443");
	comes_again(n, CUSTOMER2);
	ALLOW(n, "all", "tenants", "tenants", "any");
	PROBE(&peers, "- " APP " " DB " tcp/443,tcp/80,icmp; - " DB " " DNS " udp/53;"
		      "+ " APP " " DNS " tcp/80");
	release(n, "customer2");
	PROBE(&peers, "+ " APP " " DB " tcp/443,tcp/80; + " DB " " DNS " udp/53");
	REVOKE(n, "all");
	peers_end_clean(&peers, n);
}

/* ---- what is logged ------------------------------------------------------------------ */

struct seen_logs {
	unsigned int open, packet, other, without;
};

static int count_log(const struct nsn_nflog_packet *p, void *arg)
{
	struct seen_logs *s = arg;

	if (strcmp(p->prefix, "nsnet-open ") == 0)
		s->open++;
	else if (strcmp(p->prefix, "nsnet-packet ") == 0)
		s->packet++;
	else
		s->other++;
	s->without += p->len == 0;
	return 0;
}

static struct nsn_nflog *listen_in(const char *gateway)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(gateway, O_RDONLY | O_CLOEXEC);
	struct nsn_nflog *log = NULL;
	struct nsnet_err err = {0};
	int r;

	assert_true(home >= 0 && there >= 0);
	assert_int_equal(setns(there, CLONE_NEWNET), 0);
	r = nsn_nflog_open(&log, 78, 64, &err);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	lab_ok(r, &err, "listen", __FILE__, __LINE__);
	(void)close(home);
	(void)close(there);
	return log;
}

/* What has come, until nothing comes for a while. */
static struct seen_logs logged(struct nsn_nflog *log)
{
	struct seen_logs s = {0};

	while (nsn_nflog_read(log, 200, count_log, &s, NULL) > 0)
		;
	assert_int_equal(s.other, 0);
	assert_int_equal(s.without, 0);
	return s;
}

static void logged_are(struct nsn_nflog *logs[2], unsigned int open, unsigned int packets,
		       const char *what)
{
	for (int i = 0; i < 2; i++) {
		struct seen_logs s = logged(logs[i]);

		if (s.open != open || s.packet != packets)
			fail_msg("%s: %u opened and %u packets are logged in gateway %d, not %u "
				 "and %u",
				 what, s.open, s.packet, i + 1, open, packets);
	}
}

static void say(struct nsnet *n, const char *log, bool deny)
{
	const struct words w = {.name = "logged",
				.from = "customer1",
				.to = "customer2",
				.ports = "udp/7000,tcp/5432,icmp/echo",
				.log = log,
				.deny = deny};

	rule_add(n, &w, __FILE__, __LINE__);
}

/* In both gateways: each connection once, or each of its packets, and not a word of others. */
static void rules_log_what_they_are_told_to(void **state)
{
	struct nsn_nflog *logs[2];
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	ALLOW(n, "other", "tenants", "tenants", "udp/53");
	logs[0] = listen_in(lab_gateway(n, "customer1"));
	logs[1] = listen_in(lab_gateway(n, "customer2"));
	say(n, "none", false);
	PROBE(&peers, "+ " APP " 10.10.2.10 udp/7000; + " APP " fd00:10:2::10 tcp/5432");
	logged_are(logs, 0, 0, "none");
	REVOKE(n, "logged");
	say(n, "new", false);
	OPEN(&peers, "udp " APP " 10.10.2.10 udp/7000");
	logged_are(logs, 1, 0, "new");
	TALK(&peers, "+ udp");
	TALK(&peers, "+ udp");
	logged_are(logs, 0, 0, "new, once it is open");
	PROBE(&peers, "+ " APP " fd00:10:2::10 tcp/5432; + " WORK " fd00:10:2::11 icmp;"
		      "+ " APP " " DNS ":4 udp/53; + " APP " 10.10.2.10 udp/53");
	logged_are(logs, 2, 0, "two new");
	/* All is looked up again, and it is still the same connection. */
	REVOKE(n, "other");
	TALK(&peers, "+ udp");
	logged_are(logs, 0, 0, "new, in another generation");
	REVOKE(n, "logged");
	say(n, "all", false);
	(void)logged(logs[0]);
	(void)logged(logs[1]);
	OPEN(&peers, "all " WORK " 10.10.2.11 udp/7000");
	logged_are(logs, 1, 2, "all");
	TALK(&peers, "+ all");
	logged_are(logs, 0, 2, "all, once it is open");
	REVOKE(n, "logged");
	ALLOW(n, "joins", "customer1", "customer2", "tcp/80");
	(void)logged(logs[0]);
	(void)logged(logs[1]);
	say(n, "new", true);
	TELL(&peers, "probe - " WORK " 10.10.2.10 tcp/5432");
	assert_true(logged(logs[0]).open >= 1);
	/* The first gateway has dropped it. */
	assert_int_equal(logged(logs[1]).open, 0);
	nsn_nflog_close(logs[0]);
	nsn_nflog_close(logs[1]);
	peers_end_clean(&peers, n);
}

#define T(f) cmocka_unit_test_setup(f, world_setup)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(a_quarantine_stands_above_deny_and_allow),
		T(what_is_kept_stays_and_nothing_else),
		T(of_two_quarantines_both_have_to_keep_it),
		T(an_endpoint_alone_is_closed),
		T(neighbours_are_cut_off_at_once),
		T(nor_do_neighbours_meet_over_the_gateway),
		T(neighbours_stay_cut_off),
		T(of_neighbours_nothing_can_be_kept),
		T(a_release_that_fails_opens_nothing),
		T(a_label_closes_whoever_has_it),
		T(a_quarantine_outlives_what_is_in_it),
		T(who_comes_under_a_name_gets_nothing_by_it),
		T(rules_log_what_they_are_told_to),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
