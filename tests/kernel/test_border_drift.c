/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/lab.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * What somebody changes by hand of what leads across a border is noticed, put back
 * exactly, and meanwhile lets through nothing that no rule allows: both gateways
 * have to allow it, and a route needs a mark.
 */

static struct peers peers;

struct drift {
	const char *name,
		*script; /* in one of the gateways; $CABLE is its end, $FAR the other net */
};

#define ELEMENT(map, key) "nft 'add element inet nsnet " map " { " key " }'"
#define DROP(map, key)	  "nft delete element inet nsnet " map " '{ " key " }'"

static const struct drift drifts[] = {
	{"cable: gone", "ip link del $CABLE"},
	{"cable: down", "ip link set $CABLE down"},
	{"cable: another name",
	 "ip link set $CABLE down; ip link set $CABLE name x; ip link set x up"},
	{"cable: elsewhere", "ip link set $CABLE netns $OUTSIDE"},
	{"cable: in the bridge", "ip link set $CABLE master br0"},
	{"cable: mac", "ip link set $CABLE address 02:11:22:33:44:55"},
	{"cable: mtu", "ip link set $CABLE mtu 1300"},
	{"cable: an address", "ip addr add 10.99.0.1/24 dev $CABLE"},
	{"rule: marked, gone", "ip rule del pref 100"},
	{"rule: own, gone", "ip rule del pref 200"},
	{"rule: nothing else, gone", "ip rule del pref 300"},
	{"rule: marked, gone, IPv6", "ip -6 rule del pref 100"},
	{"rule: nothing else, gone, IPv6", "ip -6 rule del pref 300"},
	{"rule: nothing else, gone, both", "ip rule del pref 300; ip -6 rule del pref 300"},
	{"rule: all gone", "ip rule flush; ip rule add pref 32766 lookup main; ip rule add pref "
			   "32767 lookup default"},
	{"route: gone", "ip route del $FAR table 78"},
	{"route: gone, IPv6", "ip -6 route del $FAR6 table 78"},
	{"route: own, gone", "ip route del $OWN dev br0 table 78"},
	{"route: into nothing", "ip route replace blackhole $FAR table 78 proto 78"},
	{"route: all gone", "ip route flush table 78; ip -6 route flush table 78"},
	{"neighbour: gone", "ip neigh flush nud permanent dev $CABLE"},
	{"flow: one more", ELEMENT("nsnet_flow4", "10.10.1.10 . 10.10.2.10 . udp . 7001 : 0x5")},
	{"flow: one more, IPv6",
	 ELEMENT("nsnet_flow6", "fd00:10:1::10 . fd00:10:2::10 . udp . 7001 : 0x5")},
	{"flow: the way back",
	 ELEMENT("nsnet_flow4", "10.10.2.10 . 10.10.1.10 . udp . 0-65535 : 0x5")},
	{"echo: one more", ELEMENT("nsnet_echo4", "10.10.1.10 . 10.10.2.10 : 0x5")},
	{"flow: gone", DROP("nsnet_flow4", "10.10.1.10 . 10.10.2.10 . udp . 7000")},
	{"flow: gone, IPv6", DROP("nsnet_flow6", "fd00:10:1::10 . fd00:10:2::10 . udp . 7000")},
	{"flow: all gone",
	 "nft flush map inet nsnet nsnet_flow4; nft flush map inet nsnet nsnet_flow6"},
	{"source: one more",
	 "nft \"add element inet nsnet nsnet_from4 { $CABLE . 10.10.250.0-10.10.250.255 }\""},
	{"source: all gone", "nft flush set inet nsnet nsnet_from4"},
	{"use: all gone", "nft flush map inet nsnet nsnet_use"},
	{"admit: empty", "nft flush chain inet nsnet admit"},
	{"admit: lets through", "nft 'chain inet nsnet admit { policy accept; }'"},
	{"admit: empty and lets through",
	 "nft 'flush chain inet nsnet admit; chain inet nsnet admit { policy accept; }'"},
	{"forward: lets through",
	 "nft 'flush chain inet nsnet forward; chain inet nsnet forward { policy accept; }'"},
	{"judge: empty", "nft flush chain inet nsnet nsnet_judge"},
	{"ruleset: gone", "nft flush ruleset"},
	{"table: gone", "nft delete table inet nsnet"},
	{"ruleset: empty tables", "nft -s list tables | while read -r t; do nft flush $t; done"},
	{"sysctl: forwarding", "echo 1 >/proc/sys/net/ipv4/ip_forward"},
	{"sysctl: forwarding, IPv6", "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding"},
	{"sysctl: forwarding of the cable", "echo 0 >/proc/sys/net/ipv4/conf/$CABLE/forwarding"},
	{"sysctl: redirects", "echo 1 >/proc/sys/net/ipv4/conf/$CABLE/accept_redirects"},
	{"sysctl: proxy", "echo 1 >/proc/sys/net/ipv4/conf/$CABLE/proxy_arp"},
	{"sysctl: marks of errors", "echo 0 >/proc/sys/net/ipv4/fwmark_reflect"},
};
#define N_DRIFTS (sizeof(drifts) / sizeof(drifts[0]))

/* As tools show both gateways, whatever the order; without the number of the
 * generation and what the kernel counts. */
static char *look(struct nsnet *n)
{
	return lab_sh(
		"for f in %s %s; do nsenter --net=$f sh -c '"
		"nft -s list ruleset | grep -v \"ct mark\" | tr ,{} \"\\n\\n\\n\" | sed \"s/^[ "
		"\\t]*//; s/[ \\t]*$//; /^$/d; /^elements =$/d; /ct count [0-9]*$/d; /limit rate "
		"[0-9]*.second/d\";"
		"ip rule; ip -6 rule;"
		"ip route show table 78; ip -6 route show table 78; ip neigh show nud permanent;"
		"ip -d -o link | sed -E \"s/^[0-9]+: //; s/@[a-z0-9]+//; s/ [a-z_]+_timer "
		"+[0-9.]+//g; s/ link-netns(id)? [a-z0-9]+//; s/ (state|qdisc) [A-Za-z]+//g;"
		"s/(<|,)(NO-CARRIER|LOWER_UP|M-DOWN)//g\" |"
		" sort; grep . /proc/sys/net/ipv4/conf/*/*' | sort; done",
		lab_gateway(n, "customer1"), lab_gateway(n, "customer2"));
}

static void is_as_it_was(struct nsnet *n, const char *before, const char *what)
{
	char *now = look(n);

	if (strcmp(now, before) != 0) {
		FILE *one = fopen("/run/before", "we"), *two = fopen("/run/now", "we");

		assert_true(one && two && fputs(before, one) >= 0 && fputs(now, two) >= 0);
		(void)fclose(one);
		(void)fclose(two);
		(void)lab_sh_status("diff /run/before /run/now | head -20 >&2");
		free(now);
		now = lab_sh("diff /run/before /run/now | head -20 || :");
		fail_msg("%s: it is not as it was: %s", what, now);
	}
	free(now);
}

static bool has_steps(struct nsnet *n)
{
	struct nsnet_change *c = NULL;
	size_t i, steps = 0;

	LAB_OK(nsnet_repair(n, NULL, NSNET_DRY_RUN, &c, NULL));
	for (i = 0; i < nsnet_change_items(c); i++)
		steps += nsnet_change_steps(c, i);
	nsnet_change_free(c);
	return steps > 0;
}

#define FORBIDDEN                                                                                  \
	"- " APP " " DB " tcp/5432,udp/7001,icmp; - " WORK " " DB " udp/7000; - " DB " " APP       \
	" udp/7000,udp/7001,icmp; - " APP " " WEB " udp/7000; - " DNS " " DB " udp/7000,udp/7001;" \
	"- " APP " " DNS " udp/53"

#define ALLOWED "+ " APP " " DB " udp/7000; + " WEB " " APP " icmp; + " WEB " " DNS " udp/53"

/* Where they are is learned before: the script may be about just that. */
static void sabotage(struct nsnet *n, bool first, const struct drift *d)
{
	const char *gw = lab_gateway(n, first ? "customer1" : "customer2");
	FILE *f = fopen("/run/sabotage", "we");

	assert_non_null(f);
	assert_true(fputs(d->script, f) >= 0);
	assert_int_equal(fclose(f), 0);
	if (lab_sh_status(
		    "export OUTSIDE=%d OWN=10.10.%d.0/24 FAR=10.10.%d.0/24 FAR6=fd00:10:%d::/64\n"
		    "export CABLE=$(nsenter --net=%s ip -o route show table 78 $FAR | "
		    "sed 's/.* dev \\([a-z0-9]*\\).*/\\1/')\n"
		    "[ -n \"$CABLE\" ]; nsenter --net=%s bash -eu /run/sabotage",
		    (int)getpid(), first ? 1 : 2, first ? 2 : 1, first ? 2 : 1, gw, gw) != 0)
		fail_msg("%s: it cannot be done", d->name);
}

static void try_one(struct nsnet *n, bool first, const struct drift *d, const char *before)
{
	char what[96];

	(void)snprintf(what, sizeof(what), "customer%d, %s", first ? 1 : 2, d->name);
	sabotage(n, first, d);
	if (!has_steps(n))
		fail_msg("%s: it is not noticed", what);
	peers_is(&peers, "ok", what, 0, "probe %s", FORBIDDEN);
	LAB_OK(nsnet_repair(n, NULL, 0, NULL, NULL));
	NOTHING_TO_DO(n, what);
	is_as_it_was(n, before, what);
	peers_is(&peers, "ok", what, 0, "probe %s", ALLOWED "; - " APP " " DB " udp/7001");
}

static void by_hand_is_noticed_put_back_and_opens_nothing(void **state)
{
	struct nsnet *n;
	char *before;
	size_t i;

	(void)state;
	world_need();
	n = peers_build(&peers, peers_tenants, PEERS_TENANTS);
	ALLOW(n, "ledger", "customer1/app", "customer2/db", "udp/7000");
	ALLOW(n, "ping", "customer2/web", "customer1/app", "icmp/echo");
	ALLOW(n, "resolve", "customer2/web", "shared/dns", "udp/53");
	PROBE(&peers, ALLOWED ";" FORBIDDEN);
	before = look(n);
	for (i = 0; i < N_DRIFTS; i += test_quick() ? 4 : 1) {
		/* In the full run in both. */
		if (getenv("NSNET_TEST_FULL") || i % 2 == 0)
			try_one(n, true, &drifts[i], before);
		if (getenv("NSNET_TEST_FULL") || i % 2 == 1)
			try_one(n, false, &drifts[i], before);
	}
	free(before);
	peers_end_clean(&peers, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(by_hand_is_noticed_put_back_and_opens_nothing, world_setup),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
