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
 * Ports of the host that lead to an endpoint: who reaches it by them, and by nothing else, as
 * whom; and that nothing of them is left.
 */

static struct border border;

static void build(const char *forwarding)
{
	border_build(&border, forwarding, peers_tenants, PEERS_TENANTS);
}

static void end(void)
{
	border_end(&border);
}

/* Two strings in one of the words are in (), as clang-tidy would miss a comma between them. */
#define PUBLISH(what, ...) CLI(&border, "publish", what, "--because", "x", __VA_ARGS__)

#define SEEN_AS(want, who, where)                                                                  \
	peers_is(&border.peers, (want), __FILE__, __LINE__, "from %s %s", (who), (where))

/* By other addresses and ports than the published one: its own, and that of the gateway. */
static void nothing_but_that(void)
{
	ASK(&border, "~ internet 10.10.1.10 tcp/80,tcp/443,tcp/8080,udp/53,icmp; "
		     "~ lan 10.10.1.10 tcp/80,tcp/443,tcp/8080,udp/53,icmp; "
		     "~ internet fd00:10:1::10 tcp/80,tcp/443,udp/53,icmp; "
		     "~ lan fd00:10:1::10 tcp/80,udp/53,icmp; ~ internet 10.10.1.1 tcp/80,icmp; "
		     "~ container 10.10.1.10 tcp/80; ~ host 10.10.1.10 tcp/80,icmp; "
		     "~ internet 10.10.1.11 tcp/80; ~ internet 10.10.2.10 tcp/80; "
		     "~ internet " HOST_LO " tcp/8081,udp/8080");
	/* Nor by the uplink's address, where the gateway has it. */
	ASK(&border, "~ internet 100.127.0.0 tcp/1,tcp/2,tcp/80,icmp; "
		     "~ internet 100.127.0.1 tcp/1,tcp/2,tcp/80,icmp; "
		     "~ lan 100.127.0.1 tcp/1,tcp/2,tcp/80,icmp");
}

static void a_published_port_is_reached(void **state)
{
	(void)state;
	build("none");
	ASK(&border, "~ internet " HOST_LO " tcp/8080; ~ lan " HOST_LO " tcp/8080");
	PUBLISH("customer1/app", (HOST_LO ":8080:80"), "--name", "web");
	ASK(&border, "+ internet " HOST_LO " tcp/8080; + far " HOST_LO " tcp/8080");
	/* Who is asked is the endpoint, and it sees who asks. */
	SEEN_AS("9.9.9.9", "internet", HOST_LO " tcp/8080");
	SEEN_AS("8.8.8.8", "far", HOST_LO " tcp/8080");
	nothing_but_that();
	/* It is that address, and no other of the host's, and it is for the internet. */
	ASK(&border, "~ internet " HOST_ETH0 " tcp/8080; ~ internet " HOST_LO_6 " tcp/8080; "
		     "~ lan " HOST_LO " tcp/8080; ~ lan " HOST_ETH1 " tcp/8080; "
		     "~ container " HOST_LO " tcp/8080; ~ container " HOST_DOCKER " tcp/8080; "
		     "~ storage " HOST_LO " tcp/8080");
	border_closed(&border, APP, NULL);
	ASK(&border, "- customer1.app internet tcp/80; - customer1.app far tcp/80,icmp");

	CLI(&border, "revoke", "web");
	ASK(&border, "~ internet " HOST_LO " tcp/8080; ~ far " HOST_LO " tcp/8080");
	nothing_but_that();
	border_is(border.before, "after the rule");
	end();
}

static void a_network_may_be_who_it_is_for(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", (HOST_LO ":8080:80"), "--name", "web", "--from",
		"192.168.50.0/24");
	ASK(&border, "+ lan " HOST_LO " tcp/8080; ~ lan " HOST_ETH1 " tcp/8080; "
		     "~ internet " HOST_LO " tcp/8080; ~ container " HOST_LO " tcp/8080");
	SEEN_AS("192.168.50.20", "lan", HOST_LO " tcp/8080");
	nothing_but_that();
	PUBLISH("customer1/worker", (HOST_ETH1 ":8080:80"), "--name", "both", "--from",
		"192.168.50.0/24", "--from", "internet");
	ASK(&border, "+ lan " HOST_ETH1 " tcp/8080");
	/* A container is the host, after docker's own masquerading. */
	PUBLISH("customer1/worker", (HOST_LO ":8088:80"), "--name", "all", "--from",
		"192.168.50.0/24", "--from", "internet", "--from", "203.0.114.0/24");
	ASK(&border, "+ lan " HOST_LO " tcp/8088; + internet " HOST_LO " tcp/8088; "
		     "+ storage " HOST_LO " tcp/8088; ~ container " HOST_LO " tcp/8088");
	CLI(&border, "revoke", "web", "both", "all");
	border_is(border.before, "after the rules");
	end();
}

static void all_addresses_and_both_families(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", "0.0.0.0:8080:80", "--name", "four", "--from", "internet",
		"--from", "192.168.50.0/24", "--from", "203.0.114.0/24");
	PUBLISH("customer1/app", "[::]:8081:80", "--name", "six", "--from", "internet", "--from",
		"fd00:50::/64");
	PUBLISH("customer1/worker", ("[" HOST_LO_6 "]:8082:443"), "--name", "one");
	PUBLISH("customer1/worker", "8083:80", "--name", "every");
	PUBLISH("customer1/worker", (HOST_LO ":8080:53/udp"), "--name", "udp");
	ASK(&border, "+ internet " HOST_LO " tcp/8080; + internet " HOST_ETH0 " tcp/8080; "
		     "+ lan " HOST_ETH1 " tcp/8080; + storage 203.0.114.10 tcp/8080; "
		     "+ internet " HOST_LO_6 " tcp/8081; + internet " HOST_ETH0_6 " tcp/8081; "
		     "+ lan " HOST_ETH1_6 " tcp/8081; + internet " HOST_LO_6 " tcp/8082; "
		     "+ internet " HOST_LO " tcp/8083; + internet " HOST_LO_6 " tcp/8083; "
		     "+ internet " HOST_LO " udp/8080");
	SEEN_AS("2620:fe::fe", "internet", HOST_LO_6 " tcp/8081");
	SEEN_AS("fd00:50::20", "lan", HOST_LO_6 " tcp/8081");
	SEEN_AS("9.9.9.9", "internet", HOST_LO " udp/8080");
	ASK(&border, "~ internet " HOST_ETH0_6 " tcp/8080,tcp/8082; ~ lan " HOST_ETH1 " tcp/8081; "
		     "~ lan " HOST_LO_6 " tcp/8082; ~ internet " HOST_ETH0 " udp/8080");
	end();
}

/* A packet to somebody else's address is left alone, also where the host forwards. */
static void what_passes_by_is_not_intercepted(void **state)
{
	(void)state;
	build("all");
	PUBLISH("customer1/app", "0.0.0.0:7002:80", "--name", "four");
	ASK(&border, "+ lan 9.9.9.9 tcp/7002; + internet container tcp/7002; + host lan tcp/7002");
	SEEN_AS("192.168.50.20", "lan", "9.9.9.9 tcp/7002");
	end();
}

/* ---- conflicts --------------------------------------------------------------------------- */

static void a_listener_of_the_host_is_named(void **state)
{
	(void)state;
	build("none");
	/* peers.py listens there, by wildcards. */
	REFUSED(5, "python", "publish", "customer1/app", (HOST_LO ":443:80"), "--because", "x");
	REFUSED(5, "PUBLISH_CONFLICT", "publish", "customer1/app", "443:80", "--because", "x");
	REFUSED(5, "python", "publish", "customer1/app", ("[" HOST_LO_6 "]:443:80"), "--because",
		"x");
	ASK(&border, "+ internet " HOST_LO " tcp/443; + internet " HOST_LO_6 " tcp/443");
	border_is(border.before, "when nothing was published");
	end();
}

static void two_rules_do_not_share_a_port(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", (HOST_LO ":8080:80"), "--name", "web");
	REFUSED(5, "web", "publish", "customer2/db", (HOST_LO ":8080:80"), "--because", "x");
	REFUSED(5, "web", "publish", "customer2/db", "0.0.0.0:8080:80", "--because", "x");
	REFUSED(5, "PUBLISH_CONFLICT", "publish", "customer1/app", (HOST_LO ":8080:443"),
		"--because", "x");
	/* Another address, or port, is no conflict. */
	PUBLISH("customer2/db", (HOST_ETH0 ":8080:80"), "--name", "other");
	PUBLISH("customer2/web", (HOST_LO ":8088:80"), "--name", "third");
	ASK(&border, "+ internet " HOST_LO " tcp/8080,tcp/8088; + internet " HOST_ETH0 " tcp/8080");
	/* When it is free it is to be had. */
	CLI(&border, "revoke", "web");
	PUBLISH("customer2/db", (HOST_LO ":8080:80"), "--name", "again");
	ASK(&border, "+ internet " HOST_LO " tcp/8080");
	end();
}

/* ---- who else --------------------------------------------------------------------------- */

static void loopback_means_the_host_only(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", "127.0.0.1:8090:80", "--name", "local");
	ASK(&border, "+ host 127.0.0.1 tcp/8090");
	PUBLISH("customer1/app", (HOST_LO ":8091:80"), "--name", "own", "--from", "host");
	ASK(&border, "+ host " HOST_LO " tcp/8091; ~ internet " HOST_LO " tcp/8091; "
		     "~ lan " HOST_LO " tcp/8091");
	ASK(&border, "~ internet " HOST_LO " tcp/8090; ~ internet " HOST_ETH0 " tcp/8090; "
		     "~ lan " HOST_ETH1 " tcp/8090; ~ container " HOST_DOCKER " tcp/8090; "
		     "~ customer2.db 127.0.0.1 tcp/8090; ~ customer2.db 10.10.2.1 tcp/8090; "
		     "~ customer2.db " HOST_LO " tcp/8090");
	assert_int_equal(
		lab_sh_status("cat /proc/sys/net/ipv4/conf/all/route_localnet | grep -q 0"), 0);
	/* Nor by a frame that says so. */
	free(peers_ask(&border.peers, "seen customer1.app"));
	free(peers_ask(&border.peers, "heard customer1.app"));
	TELL(&border.peers, "frame lan eth0 host eth1 192.168.50.20 127.0.0.1 tcp/8090; "
			    "internet eth0 host eth0 9.9.9.9 127.0.0.1 tcp/8090; "
			    "container eth0 host docker0 172.17.0.2 127.0.0.1 tcp/8090");
	SEEN(&border.peers, APP, "nothing");
	peers_is(&border.peers, "nothing", __FILE__, __LINE__,
		 "heard customer1.app 10.10.1.0/24 fd00:10:1::/64 100.64.0.0/10");
	nothing_but_that();
	end();
}

/* All ways that customer2 could try, and shared. */
#define WAYS                                                                                       \
	"~ customer2.db " HOST_LO " tcp/8080; ~ customer2.db " HOST_ETH0 " tcp/8080; "             \
	"~ customer2.db 10.10.2.1 tcp/8080,tcp/80; ~ customer2.db 10.10.1.1 "                      \
	"tcp/8080,tcp/80; "                                                                        \
	"~ customer2.db 10.10.1.10 tcp/80; ~ customer2.db " HOST_DOCKER " tcp/8080; "              \
	"~ customer2.db 100.127.0.0 tcp/1,tcp/8080; ~ customer2.db 100.127.0.1 "                   \
	"tcp/1,tcp/8080; "                                                                         \
	"~ customer2.db 100.127.0.2 tcp/1,tcp/8080; ~ customer2.db 100.127.0.3 "                   \
	"tcp/1,tcp/8080; "                                                                         \
	"~ customer2.db " HOST_LO_6 " tcp/8081; ~ customer2.db " HOST_ETH0_6 " tcp/8081; "         \
	"~ customer2.db fd00:10:1::10 tcp/80; ~ shared.dns " HOST_LO " tcp/8080"

static void other_tenants_need_a_rule(void **state)
{
	(void)state;
	build("all");
	PUBLISH("customer1/app", "0.0.0.0:8080:80", "--name", "web");
	PUBLISH("customer1/app", "[::]:8081:80", "--name", "web6");
	PUBLISH("customer2/db", (HOST_LO ":8082:80"), "--name", "of2");
	ASK(&border, "+ internet " HOST_LO " tcp/8080,tcp/8082");
	ASK(&border, WAYS);
	/* Nor with a way out, or to the host. */
	CLI(&border, "allow", "customer2", "internet", "any", "--because", "x", "--name", "out");
	CLI(&border, "allow", "customer2", "host", "tcp/7000", "--because", "x", "--name", "svc");
	ASK(&border, "+ customer2.db 9.9.9.9 tcp/80; + customer2.db " HOST_LO " tcp/7000");
	free(peers_ask(&border.peers, "seen customer1.app"));
	ASK(&border, WAYS);
	SEEN(&border.peers, APP " from:tcp/80", "nothing");
	/* Its own, from inside, neither. */
	ASK(&border,
	    "~ customer1.worker " HOST_LO " tcp/8080; ~ customer1.app " HOST_LO " tcp/8080; "
	    "+ customer1.worker 10.10.1.10 tcp/80");
	CLI(&border, "allow", "customer2/db", "customer1/app", "tcp/80", "--because", "x", "--name",
	    "pair");
	ASK(&border, "+ customer2.db 10.10.1.10 tcp/80; + customer2.db fd00:10:1::10 tcp/80; "
		     "~ customer2.db " HOST_LO " tcp/8080; + internet " HOST_LO " tcp/8080");
	end();
}

static void a_published_port_is_no_way_out(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", "0.0.0.0:8080:80", "--name", "web");
	border_closed(&border, APP, NULL);
	border_closed(&border, WORK, NULL);
	ASK(&border, "- customer1.app internet tcp/80,udp/53; - customer1.app far tcp/80,icmp; "
		     "- customer1.app lan tcp/80");
	/* From the port that is answered from, too. */
	TELL(&border.peers, "watch internet 192.0.2.0/24 9.9.9.9 2001:db8:2::/64");
	peers_is(&border.peers, "ok", __FILE__, __LINE__,
		 "frame customer1.app eth0 %s br0 10.10.1.10 9.9.9.9 tcp/80",
		 lab_gateway(border.n, "customer1"));
	SEEN(&border.peers, "internet", "nothing");
	end();
}

/* ---- what changes ------------------------------------------------------------------------- */

static void the_endpoint_goes_and_comes_back(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", (HOST_LO ":8080:80"), "--name", "web");
	ASK(&border, "+ internet " HOST_LO " tcp/8080");
	/* Its servers end with its namespace. */
	peers_stop(&border.peers);
	CLI(&border, "endpoint", "del", "customer1/app");
	CLI(&border, "endpoint", "add", "customer1/app", "--ip", "10.10.1.20");
	peers_start(&border.peers);
	TELL(&border.peers, "serve customer1.app 10.10.1.20");
	TELL(&border.peers, "serve internet 9.9.9.9");
	ASK(&border, "+ internet " HOST_LO " tcp/8080; ~ internet 10.10.1.20 tcp/80");
	CLI(&border, "endpoint", "del", "customer1/app");
	ASK(&border, "~ internet " HOST_LO " tcp/8080");
	CLI(&border, "endpoint", "add", "customer1/app", "--ip", "10.10.1.10");
	end();
}

/* Elements of our table on the host that speak of the port. */
static int mentions(const char *port)
{
	return lab_sh_status("nft -j list table inet nsnet 2>/dev/null | grep -qw %s", port);
}

static void nothing_is_stale(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", (HOST_LO ":8080:80"), "--name", "web");
	PUBLISH("customer2/db", "0.0.0.0:8085:80", "--name", "db");
	assert_int_equal(mentions("8080"), 0);
	assert_int_equal(mentions("8085"), 0);
	OPEN(&border.peers, "goes internet " HOST_LO " tcp/8080");
	OPEN(&border.peers, "stays internet " HOST_LO " tcp/8085");
	CLI(&border, "revoke", "web");
	assert_int_not_equal(mentions("8080"), 0);
	assert_int_equal(mentions("8085"), 0);
	TALK(&border.peers, "- goes; + stays");
	/* Its port and address are another's now; the old connection is not. */
	PUBLISH("customer2/web", (HOST_LO ":8080:80"), "--name", "next");
	TALK(&border.peers, "- goes; + stays");
	ASK(&border, "+ internet " HOST_LO " tcp/8080");
	CLI(&border, "revoke", "next", "db");
	assert_int_not_equal(lab_sh_status("nft list table inet nsnet >/dev/null 2>&1"), 0);
	TALK(&border.peers, "- goes; - stays");
	border_is(border.before, "after the rules");
	end();
}

static void a_flush_on_the_host_publishes_nothing_more(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", (HOST_LO ":8080:80"), "--name", "web");
	PUBLISH("customer1/app", "127.0.0.1:8090:80", "--name", "local");
	assert_int_equal(lab_sh_status("nft flush ruleset"), 0);
	ASK(&border, "~ internet 10.10.1.10 tcp/80,tcp/443,udp/53,icmp; "
		     "~ lan 10.10.1.10 tcp/80,udp/53,icmp; ~ internet 10.10.1.11 tcp/80; "
		     "~ internet fd00:10:1::10 tcp/80,udp/53,icmp; ~ internet 10.10.2.10 tcp/80; "
		     "~ internet " HOST_LO " tcp/8090");
	border_closed(&border, APP, NULL);
	NSNET_STATUS(0, "-q", "repair");
	NOTHING_TO_DO(border.n, "repair");
	ASK(&border, "+ internet " HOST_LO " tcp/8080; + host 127.0.0.1 tcp/8090");
	nothing_but_that();
	CLI(&border, "revoke", "web", "local");
	free(border.before);
	border.before = border_dump();
	end();
}

static void a_quarantine_closes_what_is_published(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", (HOST_LO ":8080:80"), "--name", "web");
	OPEN(&border.peers, "live internet " HOST_LO " tcp/8080");
	CLI(&border, "tenant", "quarantine", "customer1", "--because", "x");
	TALK(&border.peers, "- live");
	ASK(&border, "~ internet " HOST_LO " tcp/8080");
	CLI(&border, "tenant", "release", "customer1");
	ASK(&border, "+ internet " HOST_LO " tcp/8080");
	end();
}

/* An address of the host that comes later is one of 0.0.0.0's; and one that is not there yet. */
static void addresses_come_and_go(void **state)
{
	(void)state;
	build("none");
	PUBLISH("customer1/app", "0.0.0.0:8080:80", "--name", "web");
	assert_int_equal(lab_sh_status("ip addr add 203.0.113.77/32 dev lo"), 0);
	ASK(&border, "+ internet 203.0.113.77 tcp/8080");
	assert_int_equal(lab_sh_status("ip addr del 203.0.113.77/32 dev lo"), 0);
	ASK(&border, "~ internet 203.0.113.77 tcp/8080; + internet " HOST_LO " tcp/8080");
	end();
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup(f, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(a_published_port_is_reached),
		TEST(a_network_may_be_who_it_is_for),
		TEST(all_addresses_and_both_families),
		TEST(what_passes_by_is_not_intercepted),
		TEST(a_listener_of_the_host_is_named),
		TEST(two_rules_do_not_share_a_port),
		TEST(loopback_means_the_host_only),
		TEST(other_tenants_need_a_rule),
		TEST(a_published_port_is_no_way_out),
		TEST(the_endpoint_goes_and_comes_back),
		TEST(nothing_is_stale),
		TEST(a_flush_on_the_host_publishes_nothing_more),
		TEST(a_quarantine_closes_what_is_published),
		TEST(addresses_come_and_go),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests_name("publish", tests, NULL, NULL);
}
