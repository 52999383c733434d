// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/border.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * What a rule to the internet, or to a network beyond the host, opens, and that it opens nothing
 * else: before, during, and after. And the host, which is to be what it was.
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

/* ---- the internet ------------------------------------------------------------------------ */

#define NO_INTERNET                                                                                \
	"- customer1.app internet tcp/80,udp/53,icmp; - customer1.app far tcp/80; "                \
	"- customer2.db internet tcp/80; - shared.dns far tcp/80"

static void the_internet_is_reached_by_a_rule_only(void **state)
{
	(void)state;
	build("none");
	ASK(&border, NO_INTERNET);
	border_closed(&border, APP, NULL);

	CLI(&border, "allow", "customer1", "internet", "tcp/80", "--because", "x", "--name", "web");
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80; + customer1.app 2620:fe::fe tcp/80; "
		     "+ customer1.worker 1.1.1.1 tcp/80; + customer1.worker far tcp/80");
	ASK(&border, "- customer1.app 9.9.9.9 tcp/443,udp/53,udp/80,icmp; "
		     "- customer1.app 2620:fe::fe tcp/443,udp/53,icmp; "
		     "- customer2.db internet tcp/80; - customer2.db far tcp/80; "
		     "- shared.dns internet tcp/80");
	border_closed(&border, APP, NULL);
	border_closed(&border, DB, NULL);
	/* Nor does the internet open anything: it knows the way. */
	ASK(&border, "~ internet 10.10.1.10 tcp/80,udp/53,icmp; "
		     "~ internet fd00:10:1::10 tcp/80,udp/53,icmp; ~ lan 10.10.1.10 tcp/80");
	peers_is(&border.peers, "nothing", __FILE__, __LINE__,
		 "heard customer1.app 10.10.1.0/24 fd00:10:1::/64");

	CLI(&border, "revoke", "web");
	ASK(&border, NO_INTERNET);
	border_closed(&border, APP, NULL);
	end();
}

/* All ports: what is closed then is closed by where it is. */
static void any_port_is_no_way_to_the_host_or_its_networks(void **state)
{
	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "any", "--because", "x", "--name", "all");
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80,udp/53,icmp; "
		     "+ customer1.app 2620:fe::fe tcp/443,udp/53,icmp; "
		     "+ customer1.worker far tcp/80,udp/7000,icmp");
	border_closed(&border, APP, NULL);
	border_closed(&border, WORK, NULL);
	border_closed(&border, DB, NULL);
	end();
}

/* A host that forwards everything is no other. */
static void a_host_that_forwards_opens_no_more(void **state)
{
	(void)state;
	build("all");
	ASK(&border, NO_INTERNET);
	CLI(&border, "allow", "customer1", "internet", "any", "--because", "x", "--name", "all");
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80; + customer1.app 2620:fe::fe udp/53");
	border_closed(&border, APP, NULL);
	ASK(&border, "~ internet 10.10.1.10 tcp/80,udp/53,icmp; ~ container 10.10.1.10 tcp/80; "
		     "~ lan fd00:10:1::10 tcp/80,udp/53,icmp; ~ storage 10.10.1.10 tcp/80");
	peers_is(&border.peers, "nothing", __FILE__, __LINE__,
		 "heard customer1.app 10.10.1.0/24 fd00:10:1::/64");
	end();
}

static void the_internet_sees_the_host(void **state)
{
	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "any", "--because", "x");
	peers_is(&border.peers, HOST_ETH0, __FILE__, __LINE__, "from %s 9.9.9.9 tcp/80", APP);
	peers_is(&border.peers, HOST_ETH0, __FILE__, __LINE__, "from %s 9.9.9.9 udp/53", WORK);
	peers_is(&border.peers, HOST_ETH0_6, __FILE__, __LINE__, "from %s 2620:fe::fe tcp/80", APP);
	peers_is(&border.peers, HOST_ETH0_6, __FILE__, __LINE__, "from %s 2620:fe::fe udp/53",
		 WORK);
	end();
}

/* ---- forged sources ----------------------------------------------------------------------- */

#define EVERYBODY_OUT_THERE                                                                        \
	"192.0.2.0/24 9.9.9.9 1.1.1.1 5.5.5.5 6.6.6.6 169.254.169.254 10.99.0.1 8.8.8.8 "          \
	"2001:db8:2::/64 2620:fe::fe 2606:4700:4700::1111 2a00:5:5::5 fd00:ec2::254 "              \
	"2001:4860:4860::8888"

/* Three frames from @source, by hand, to the tenant's own gateway. */
static void forge(const char *source, const char *to)
{
	peers_is(&border.peers, "ok", __FILE__, __LINE__,
		 "frame %s eth0 %s br0 %s %s tcp/80; "
		 "%s eth0 %s br0 %s %s udp/53",
		 APP, lab_gateway(border.n, "customer1"), source, to, APP,
		 lab_gateway(border.n, "customer1"), source, to);
}

static void forged_sources_never_leave(void **state)
{
	static const char *const four[] = {
		"10.10.2.10",	 "9.9.9.9",	"8.8.8.8",    HOST_ETH0,   HOST_LO,   HOST_ETH1,
		"192.168.50.20", "100.127.0.1", "100.64.0.1", "127.0.0.1", "0.0.0.0", "192.0.2.77"};
	static const char *const six[] = {"fd00:10:2::10", "2620:fe::fe", HOST_ETH0_6,
					  HOST_LO_6,	   "fd00:50::20", "::1",
					  "2001:db8:2::77"};
	char *told;
	size_t i;

	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "any", "--because", "x");
	TELL(&border.peers, "watch internet " EVERYBODY_OUT_THERE);
	/* What the watch is for: somebody else sends them, and they are seen. */
	TELL(&border.peers, "frame host eth0 internet eth0 10.10.2.10 9.9.9.9 tcp/80");
	told = peers_ask(&border.peers, "seen internet");
	LAB_HAS(told, "10.10.2.10>9.9.9.9 tcp/80");
	free(told);
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80; + customer1.app 2620:fe::fe tcp/80");
	free(peers_ask(&border.peers, "heard internet"));
	for (i = 0; i < sizeof(four) / sizeof(four[0]); i++)
		forge(four[i], "9.9.9.9");
	for (i = 0; i < sizeof(six) / sizeof(six[0]); i++)
		forge(six[i], "2620:fe::fe");
	SEEN(&border.peers, "internet", "nothing");
	/* Nor under the host's address. */
	peers_is(&border.peers, "nothing", __FILE__, __LINE__, "heard internet");
	end();
}

/* ---- networks --------------------------------------------------------------------------- */

static void a_network_is_reached_by_its_name(void **state)
{
	(void)state;
	build("none");
	ASK(&border, "- customer1.app lan tcp/80");
	CLI(&border, "allow", "customer1/app", "192.168.50.0/24", "tcp/80,icmp/echo", "--because",
	    "x", "--name", "lan");
	ASK(&border, "+ customer1.app 192.168.50.20 tcp/80,icmp");
	ASK(&border, "- customer1.app 192.168.50.20 tcp/443,udp/53; "
		     "- customer1.app fd00:50::20 tcp/80; - customer1.worker lan tcp/80; "
		     "- customer2.db lan tcp/80; - customer1.app 9.9.9.9 tcp/80; "
		     "- customer1.app 2620:fe::fe tcp/80; - customer1.app far tcp/80");
	/* The host is in the network, and is not what is meant. */
	border_closed(&border, APP, "lan");
	border_closed(&border, WORK, NULL);
	peers_is(&border.peers, HOST_ETH1, __FILE__, __LINE__, "from %s 192.168.50.20 tcp/80", APP);
	ASK(&border, "~ lan 10.10.1.10 tcp/80,udp/53,icmp; ~ internet 10.10.1.10 tcp/80");

	CLI(&border, "allow", "customer1/app", "fd00:50::/64", "tcp/80", "--because", "x", "--name",
	    "lan6");
	ASK(&border,
	    "+ customer1.app fd00:50::20 tcp/80; - customer1.app fd00:50::20 tcp/443,icmp");
	CLI(&border, "revoke", "lan", "lan6");
	ASK(&border, "- customer1.app lan tcp/80,icmp");
	end();
}

static void what_a_rule_forbids_is_not_the_internet(void **state)
{
	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "any", "--because", "x");
	CLI(&border, "deny", "tenants", "9.9.9.0/24", "any", "--because", "x", "--name", "no");
	ASK(&border, "- customer1.app 9.9.9.9 tcp/80,icmp; + customer1.app 1.1.1.1 tcp/80; "
		     "+ customer1.app 2620:fe::fe tcp/80");
	CLI(&border, "revoke", "no");
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80,icmp");
	end();
}

/* A connection that is open is cut when its rule goes, and another one is not. */
static void a_revoked_rule_ends_connections(void **state)
{
	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "tcp/80", "--because", "x", "--name",
	    "first");
	CLI(&border, "allow", "customer1", "internet", "tcp/443", "--because", "x", "--name",
	    "second");
	OPEN(&border.peers, "goes customer1.app 9.9.9.9 tcp/80");
	OPEN(&border.peers, "stays customer1.app 2620:fe::fe tcp/443");
	CLI(&border, "revoke", "first");
	TALK(&border.peers, "- goes; + stays");
	CLI(&border, "revoke", "second");
	TALK(&border.peers, "- goes; - stays");
	end();
}

/* ---- several tenants of one network -------------------------------------------------------- */

enum { MANY = 500 };
static char names[MANY][16];
static struct nsnet_tenant_def same[MANY];

static void tenants_may_have_one_network(void **state)
{
	static const struct nsnet_endpoint_def app[] = {
		{.name = "app", .ip = "10.10.1.10", .ip6 = "fd00:10:1::10"}};
	const size_t n = getenv("NSNET_TEST_FULL") ? MANY : 2;
	size_t i;

	(void)state;
	for (i = 0; i < n; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "same%zu", i);
		same[i] = (struct nsnet_tenant_def){.name = names[i],
						    .subnet = "10.10.1.0/24",
						    .subnet6 = "fd00:10:1::/64",
						    .endpoints = app,
						    .n_endpoints = 1};
	}
	border_build(&border, "none", same, n);
	CLI(&border, "allow", "tenants", "internet", "tcp/80,udp/53", "--because", "x", "--name",
	    "all");
	/* All are there at once, with one address, and each has its own answers. */
	for (i = 0; i < n; i++) {
		peers_is(&border.peers, "ok", __FILE__, __LINE__,
			 "open four%zu same%zu.app 9.9.9.9 tcp/80", i, i);
		peers_is(&border.peers, "ok", __FILE__, __LINE__,
			 "open six%zu same%zu.app 2620:fe::fe udp/53", i, i);
	}
	for (i = 0; i < n; i++)
		peers_is(&border.peers, "ok", __FILE__, __LINE__, "talk + four%zu; + six%zu", i, i);
	peers_is(&border.peers, HOST_ETH0, __FILE__, __LINE__, "from same1.app 9.9.9.9 tcp/80");
	CLI(&border, "tenant", "quarantine", "same0", "--because", "x");
	TALK(&border.peers, "- four0; - six0; + four1; + six1");
	CLI(&border, "tenant", "release", "same0");
	CLI(&border, "revoke", "all");
	end();
}

/* ---- the path's MTU ------------------------------------------------------------------------ */

static void a_smaller_mtu_on_the_way_is_learned(void **state)
{
	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "tcp/80,udp/7000", "--because", "x");
	TELL(&border.peers, "bulk customer1.app 8.8.8.8 tcp/80 400000");
	TELL(&border.peers, "bulk customer1.app 2001:4860:4860::8888 tcp/80 400000");
	peers_is(&border.peers, "1500 1400", __FILE__, __LINE__, "mtu %s 8.8.8.8 1500 5", WORK);
	peers_is(&border.peers, "1500 1400", __FILE__, __LINE__,
		 "mtu %s 2001:4860:4860::8888 1500 5", WORK);
	end();
}

/* ---- the host ---------------------------------------------------------------------------- */

/* Who dies in between leaves a host that forwards nothing, and not one without a guard. */
static void a_link_forwards_when_its_guard_stands(void **state)
{
	char *steps;

	(void)state;
	build("none");
	steps = lab_sh("%s -v allow customer1 internet tcp/80 --because x | "
		       "grep -oE 'nsnet_guard4 [{] eth0|eth0/forwarding = 1'",
		       nsnet_bin());
	assert_string_equal(steps, "nsnet_guard4 { eth0\neth0/forwarding = 1");
	free(steps);
	end();
}

/*
 * Who of the host's links reaches whom by it, answered or not: as text, to be the same later. A
 * request that arrives counts where the way back is closed.
 */
static char *forwarded(void)
{
	static const char *const ways[] = {
		"~ lan 9.9.9.9 tcp/80,udp/53",	     "~ lan 2620:fe::fe tcp/80,udp/53",
		"~ lan container tcp/80,udp/53",     "~ lan storage tcp/80,udp/53",
		"~ container 9.9.9.9 tcp/80,udp/53", "~ container 2620:fe::fe tcp/80,udp/53",
		"~ container lan tcp/80,udp/53",     "~ container storage tcp/80,udp/53",
		"~ internet lan tcp/80,udp/53",	     "~ internet container tcp/80,udp/53",
		"~ internet storage tcp/80,udp/53",  "~ storage lan tcp/80,udp/53",
		"~ storage 9.9.9.9 tcp/80,udp/53"};
	static const char *const places[] = {"lan", "container", "storage", "internet"};
	char *all = strdup("");
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		free(peers_ask(&border.peers, "heard %s", places[i]));
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]) + sizeof(places) / sizeof(places[0]); i++) {
		const size_t n = sizeof(ways) / sizeof(ways[0]);
		char *one = i < n ? peers_ask(&border.peers, "probe %s", ways[i])
				  : peers_ask(&border.peers, "heard %s", places[i - n]);
		char *more = NULL;

		assert_true(asprintf(&more, "%s%s\n", all, one) >= 0);
		free(one);
		free(all);
		all = more;
	}
	return all;
}

static void forwarded_is(const char *want, const char *when)
{
	char *now = forwarded();

	if (strcmp(now, want) != 0)
		fail_msg("%s is forwarded:\n%s and not\n%s", when, now, want);
	free(now);
}

static void the_host_forwards_what_it_did(const char *forwarding, const char *has)
{
	char *before, *foreign, *now;

	build(forwarding);
	before = forwarded();
	LAB_HAS(before, has);
	foreign = lab_sh("nft -s list table ip docker; nft -s list table inet site");

	CLI(&border, "allow", "customer1", "internet", "any", "--because", "x", "--name", "out");
	CLI(&border, "allow", "customer1", "192.168.50.0/24", "any", "--because", "x", "--name",
	    "lan");
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80; + customer1.app 192.168.50.20 tcp/80; "
		     "+ customer1.app 2620:fe::fe tcp/80");
	forwarded_is(before, "with two uplinks");
	now = lab_sh("nft -s list table ip docker; nft -s list table inet site");
	assert_string_equal(now, foreign);
	free(now);
	ASK(&border, "+ host 9.9.9.9 tcp/80,icmp; + host 2620:fe::fe tcp/80,icmp; "
		     "+ host lan tcp/80; + host container tcp/80; "
		     "+ lan 192.168.50.10 tcp/80,icmp; + internet 192.0.2.10 tcp/80,icmp; "
		     "+ container 172.17.0.1 tcp/80; + internet " HOST_LO_6 " udp/53");

	CLI(&border, "revoke", "out", "lan");
	border_is(border.before, "after the last rule");
	forwarded_is(before, "afterwards");
	free(before);
	free(foreign);
	end();
}

static void a_host_that_forwards_nothing_stays_so(void **state)
{
	(void)state;
	the_host_forwards_what_it_did("none", "ok\nok\nok\nok\nok\nok\nok\nok\nok\nok\nok\nok\nok\n"
					      "nothing\nnothing\nnothing\nnothing\n");
}

static void what_containers_need_stays(void **state)
{
	(void)state;
	the_host_forwards_what_it_did("docker", "container 9.9.9.9 tcp/80: answered");
}

static void a_router_stays_one(void **state)
{
	(void)state;
	the_host_forwards_what_it_did("all", "lan 2620:fe::fe tcp/80: answered");
}

static bool has_default6(void *ctx)
{
	(void)ctx;
	return lab_sh_status(
		       "ip -6 route show default | grep -q 'via fe80::1 dev eth0 proto ra'") == 0;
}

static bool renewed(void *ctx)
{
	(void)ctx;
	return lab_sh_status("ip -6 route show default | grep -q 'expires 1[78][0-9][0-9]sec'") ==
	       0;
}

/* Who forwards does not listen to routers any more, unless it is told to. */
static void a_default_route_of_a_router_stays(void **state)
{
	(void)state;
	build("none");
	assert_int_equal(lab_sh_status("ip -6 route del default"), 0);
	TELL(&border.peers, "ra router internet eth0");
	assert_true(poll_until(has_default6, NULL, 10000));
	free(border.before);
	border.before = border_dump();

	CLI(&border, "allow", "customer1", "internet", "tcp/80", "--because", "x", "--name", "out");
	assert_true(has_default6(NULL));
	ASK(&border, "+ host 2620:fe::fe tcp/80; + customer1.app 2620:fe::fe tcp/80");
	/* It is not only kept, it is learned: also when it was gone. */
	assert_int_equal(lab_sh_status("ip -6 route del default"), 0);
	assert_true(poll_until(has_default6, NULL, 10000));
	assert_true(poll_until(renewed, NULL, 10000));
	NOTHING_TO_DO(border.n, "a router's word");
	ASK(&border, "+ customer1.app 2620:fe::fe tcp/80");

	CLI(&border, "revoke", "out");
	assert_true(has_default6(NULL));
	border_is(border.before, "after the last rule");
	free(peers_ask(&border.peers, "stop router"));
	end();
}

/* What somebody else changed meanwhile is his, and is not put back. */
static void settings_that_others_changed_are_theirs(void **state)
{
	char *now;

	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "tcp/80", "--because", "x", "--name", "out");
	assert_int_equal(lab_sh_status("echo 2 >/proc/sys/net/ipv4/conf/eth1/rp_filter; "
				       "nft add table inet theirs"),
			 0);
	CLI(&border, "revoke", "out");
	now = lab_sh("cat /proc/sys/net/ipv4/conf/eth1/rp_filter; nft list tables | grep theirs");
	assert_string_equal(now, "2\ntable inet theirs");
	free(now);
	assert_int_equal(lab_sh_status("echo 0 >/proc/sys/net/ipv4/conf/eth1/rp_filter; "
				       "nft delete table inet theirs"),
			 0);
	end();
}

/* ---- when the host's rules are gone --------------------------------------------------------- */

static void a_flush_on_the_host_opens_nothing(void **state)
{
	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "tcp/80", "--because", "x", "--name", "out");
	CLI(&border, "allow", "customer2", "internet", "any", "--because", "x", "--name", "out2");
	assert_int_equal(lab_sh_status("nft flush ruleset"), 0);
	border_closed(&border, APP, NULL);
	border_closed(&border, DB, NULL);
	ASK(&border, "- customer1.app 9.9.9.9 tcp/443,udp/53,icmp; "
		     "- shared.dns internet tcp/80; - shared.dns far tcp/80; "
		     "~ internet 10.10.1.10 tcp/80,udp/53,icmp; ~ lan 10.10.1.10 tcp/80,udp/53; "
		     "~ internet fd00:10:1::10 tcp/80,udp/53,icmp");
	peers_is(&border.peers, "nothing", __FILE__, __LINE__,
		 "heard customer1.app 10.10.1.0/24 fd00:10:1::/64");
	/* It is found, made again, and told. */
	assert_int_equal(
		lab_sh_status("$NSNET_BIN repair | grep -q '^host repaired: [0-9]* steps$'"), 0);
	NOTHING_TO_DO(border.n, "repair");
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80; + customer1.app 2620:fe::fe tcp/80; "
		     "+ customer2.db 9.9.9.9 udp/53");
	border_closed(&border, APP, NULL);
	/* The foreign ones are gone for good: that was somebody else. */
	assert_int_equal(
		lab_sh_status("$NSNET_BIN tenant show customer1 | grep -q 'uplink nsn[0-9]*$' && "
			      "$NSNET_BIN tenant show shared | grep -q 'uplink no$'"),
		0);
	CLI(&border, "revoke", "out", "out2");
	assert_int_equal(lab_sh_status("$NSNET_BIN tenant show customer1 | grep -q 'uplink no$'"),
			 0);
	assert_int_equal(lab_sh_status("[ -z \"$(nft list ruleset)\" ]"), 0);
	free(border.before);
	border.before = border_dump();
	end();
}

/* ---- what comes later ---------------------------------------------------------------------- */

static void a_network_that_appears_is_not_the_internet(void **state)
{
	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "any", "--because", "x");
	ASK(&border, "+ customer1.app 5.5.5.5 tcp/80; + customer1.app 6.6.6.6 tcp/80; "
		     "+ customer1.app 2a00:5:5::5 tcp/80");
	border_sh("later");
	TELL(&border.peers, "serve later 6.6.6.6 2a00:6:6::6");
	ASK(&border, "+ host 5.5.5.5 tcp/80; + host 6.6.6.6 tcp/80; + host 2a00:5:5::5 tcp/80");
	/* Nobody has told nsnet. */
	ASK(&border, "- customer1.app 5.5.5.5 tcp/80,udp/53,icmp; "
		     "- customer1.app later tcp/80,udp/53,icmp; "
		     "- customer1.app 2a00:5:5::5 tcp/80,udp/53,icmp");
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80");
	NSNET_STATUS(0, "-q", "repair");
	NOTHING_TO_DO(border.n, "repair");
	ASK(&border, "- customer1.app 5.5.5.5 tcp/80,udp/53; - customer1.app later tcp/80,udp/53; "
		     "+ customer1.app 9.9.9.9 tcp/80");
	assert_int_equal(lab_sh_status("ip link del eth3; ip addr del 5.5.5.1/24 dev eth0; "
				       "ip addr del 2a00:5:5::1/64 dev eth0"),
			 0);
	end();
}

static void an_address_of_the_host_that_appears_is_the_host(void **state)
{
	(void)state;
	build("none");
	CLI(&border, "allow", "customer1", "internet", "any", "--because", "x");
	ASK(&border, "+ customer1.app 9.9.9.9 tcp/80");
	assert_int_equal(lab_sh_status("ip addr add 1.2.3.4/32 dev eth0; "
				       "ip addr add 2a00:1:2::3/128 dev eth0 nodad"),
			 0);
	ASK(&border, "+ host 1.2.3.4 tcp/80; + host 2a00:1:2::3 tcp/80");
	free(peers_ask(&border.peers, "heard host"));
	ASK(&border, "~ customer1.app 1.2.3.4 tcp/80,udp/53,icmp; "
		     "~ customer1.app 2a00:1:2::3 tcp/80,udp/53,icmp");
	peers_is(&border.peers, "nothing", __FILE__, __LINE__, "heard host");
	assert_int_equal(lab_sh_status("ip addr del 1.2.3.4/32 dev eth0; "
				       "ip addr del 2a00:1:2::3/128 dev eth0"),
			 0);
	end();
}

/* ---- names ---------------------------------------------------------------------------------- */

#define FETCH "timeout 20 ip netns exec customer1.app curl -s -m 10 http://page.example/"

static void a_name_resolves_and_its_page_is_fetched(void **state)
{
	char *page;

	(void)state;
	build("none");
	TELL(&border.peers, "site internet 9.9.9.10 page.example 1.0.0.1");
	CLI(&border, "allow", "customer1", "internet", "tcp/80", "--because", "x", "--name", "web");
	assert_int_not_equal(lab_sh_status(FETCH), 0);
	CLI(&border, "tenant", "set", "customer1", "dns=9.9.9.10");
	page = lab_sh("grep ^nameserver /etc/netns/customer1.app/resolv.conf");
	assert_string_equal(page, "nameserver 9.9.9.10");
	free(page);
	page = lab_sh(FETCH);
	assert_string_equal(page, "it works");
	free(page);
	/* To exactly this one, and no other, nor for others. */
	ASK(&border, "- customer1.app 9.9.9.9 udp/53,tcp/53; - customer1.app host udp/53,tcp/53; "
		     "- customer2.db 9.9.9.9 udp/53");
	CLI(&border, "tenant", "set", "customer1", "dns=none");
	assert_int_not_equal(lab_sh_status(FETCH), 0);
	end();
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup(f, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(the_internet_is_reached_by_a_rule_only),
		TEST(any_port_is_no_way_to_the_host_or_its_networks),
		TEST(a_host_that_forwards_opens_no_more),
		TEST(the_internet_sees_the_host),
		TEST(forged_sources_never_leave),
		TEST(a_network_is_reached_by_its_name),
		TEST(what_a_rule_forbids_is_not_the_internet),
		TEST(a_revoked_rule_ends_connections),
		TEST(tenants_may_have_one_network),
		TEST(a_smaller_mtu_on_the_way_is_learned),
		TEST(a_link_forwards_when_its_guard_stands),
		TEST(a_host_that_forwards_nothing_stays_so),
		TEST(what_containers_need_stays),
		TEST(a_router_stays_one),
		TEST(a_default_route_of_a_router_stays),
		TEST(settings_that_others_changed_are_theirs),
		TEST(a_flush_on_the_host_opens_nothing),
		TEST(a_network_that_appears_is_not_the_internet),
		TEST(an_address_of_the_host_that_appears_is_the_host),
		TEST(a_name_resolves_and_its_page_is_fetched),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests_name("egress", tests, NULL, NULL);
}
