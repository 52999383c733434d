// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../lib/border.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * `to: host`: the ports that it names, of the host's own addresses, and nothing else of it: the
 * host listens on all ports of peers.py by wildcards.
 */

static struct border border;

#define ALL_OF_IT "tcp/80,tcp/443,tcp/7001,udp/53,udp/7000,icmp"
/* The rest of a host whose tcp/7000 is open to customer1/app. */
#define REST                                                                                       \
	"- customer1.app host " ALL_OF_IT "; - customer1.worker host tcp/7000," ALL_OF_IT          \
	"; - customer2.db host tcp/7000," ALL_OF_IT "; - shared.dns host tcp/7000"

static void others_are_closed(void)
{
	ASK(&border, REST);
	border_closed(&border, APP, "host");
	border_closed(&border, WORK, NULL);
	border_closed(&border, DB, NULL);
	ASK(&border, "- customer1.app internet tcp/7000,tcp/80; - customer1.app far tcp/7000; "
		     "- customer1.app lan tcp/7000; - customer1.app container tcp/7000; "
		     "- customer1.app storage tcp/7000");
}

static void one_port_of_the_host_is_that_port(void **state)
{
	(void)state;
	border_build(&border, "none", peers_tenants, PEERS_TENANTS);
	ASK(&border, "- customer1.app host tcp/7000," ALL_OF_IT);
	CLI(&border, "allow", "customer1/app", "host", "tcp/7000", "--because", "x", "--name",
	    "svc");
	ASK(&border,
	    "+ customer1.app " HOST_ETH0 " tcp/7000; + customer1.app " HOST_ETH0_6
	    " tcp/7000; + customer1.app " HOST_ETH1 " tcp/7000; "
	    "+ customer1.app " HOST_LO " tcp/7000; + customer1.app " HOST_LO_6 " tcp/7000");
	others_are_closed();
	/* Nor does the host open anything. */
	ASK(&border, "~ host 10.10.1.10 tcp/80,udp/53,icmp; ~ host fd00:10:1::10 tcp/80,icmp");
	CLI(&border, "revoke", "svc");
	ASK(&border, "- customer1.app host tcp/7000," ALL_OF_IT);
	border_is(border.before, "after the rule");
	border_end(&border);
}

static void the_host_sees_the_uplink(void **state)
{
	char *from;

	(void)state;
	border_build(&border, "none", peers_tenants, PEERS_TENANTS);
	CLI(&border, "allow", "customer1", "host", "tcp/7000,udp/7000", "--because", "x");
	from = peers_ask(&border.peers, "from customer1.app %s tcp/7000", HOST_ETH0);
	LAB_HAS(from, "100.");
	free(from);
	ASK(&border, "+ customer1.worker " HOST_ETH0 " tcp/7000,udp/7000; "
		     "+ customer1.worker " HOST_ETH0_6 " tcp/7000,udp/7000");
	border_end(&border);
}

/* 127.0.0.1 behind the gateway is no way to what listens there, nor is the link's own address. */
static void loopback_is_not_reached(void **state)
{
	static const char *const four[] = {"127.0.0.1", "127.1.2.3", "0.0.0.0"};
	size_t i;

	(void)state;
	border_build(&border, "none", peers_tenants, PEERS_TENANTS);
	CLI(&border, "allow", "customer1", "host", "tcp/7000,udp/7000", "--because", "x");
	assert_int_equal(lab_sh_status("for f in /proc/sys/net/ipv4/conf/*/route_localnet; do "
				       "[ $(cat $f) = 0 ] || exit 1; done"),
			 0);
	free(peers_ask(&border.peers, "heard host"));
	for (i = 0; i < sizeof(four) / sizeof(four[0]); i++)
		peers_is(&border.peers, "ok", __FILE__, __LINE__,
			 "frame customer1.app eth0 %s br0 10.10.1.10 %s udp/7000; "
			 "customer1.app eth0 %s br0 10.10.1.10 %s udp/53",
			 lab_gateway(border.n, "customer1"), four[i],
			 lab_gateway(border.n, "customer1"), four[i]);
	peers_is(&border.peers, "ok", __FILE__, __LINE__,
		 "frame customer1.app eth0 %s br0 fd00:10:1::10 ::1 udp/7000",
		 lab_gateway(border.n, "customer1"));
	peers_is(&border.peers, "nothing", __FILE__, __LINE__, "heard host");
	border_end(&border);
}

static void a_flush_on_the_host_leaves_that_port(void **state)
{
	(void)state;
	border_build(&border, "none", peers_tenants, PEERS_TENANTS);
	CLI(&border, "allow", "customer1/app", "host", "tcp/7000", "--because", "x", "--name",
	    "svc");
	assert_int_equal(lab_sh_status("nft flush ruleset"), 0);
	others_are_closed();
	NSNET_STATUS(0, "-q", "repair");
	NOTHING_TO_DO(border.n, "repair");
	ASK(&border, "+ customer1.app " HOST_ETH0 " tcp/7000");
	others_are_closed();
	CLI(&border, "revoke", "svc");
	free(border.before);
	border.before = border_dump();
	border_end(&border);
}

/* The address is asked for by the rule of the moment, so one that comes later belongs to it. */
static void a_denied_port_is_closed_on_all_addresses(void **state)
{
	(void)state;
	border_build(&border, "none", peers_tenants, PEERS_TENANTS);
	CLI(&border, "allow", "customer1/app", "host", "tcp", "--because", "x", "--name", "all");
	CLI(&border, "deny", "tenants", "host", "tcp/443", "--because", "x", "--name", "not");
	ASK(&border, "+ customer1.app " HOST_ETH0 " tcp/80,tcp/7000; - customer1.app host tcp/443; "
		     "- customer1.app host udp/53,icmp");
	CLI(&border, "tenant", "quarantine", "customer1/app", "--because", "x");
	ASK(&border, "- customer1.app host tcp/80,tcp/7000");
	CLI(&border, "tenant", "release", "customer1/app");
	CLI(&border, "revoke", "all", "not");
	border_end(&border);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup(f, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(one_port_of_the_host_is_that_port),
		TEST(the_host_sees_the_uplink),
		TEST(loopback_is_not_reached),
		TEST(a_flush_on_the_host_leaves_that_port),
		TEST(a_denied_port_is_closed_on_all_addresses),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests_name("host_service", tests, NULL, NULL);
}
