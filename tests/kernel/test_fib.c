// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/addr.h"
#include "../../lib/kernel/fibrule.h"
#include "../../lib/kernel/link.h"
#include "../../lib/kernel/neigh.h"
#include "../../lib/kernel/route.h"
#include "../../lib/nl/nl.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * fib - tables of routes and the rules that choose them, and what hangs on a veth
 * that is no port; iproute2 and ping are the witnesses. Each test has a world with
 * `eth0`, one end of a veth.
 */

static struct nsnet_err err;

#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

static const struct nsn_place here = {.role = NSN_GATEWAY};

static void sh(const char *command)
{
	RUN_STATUS(0, "sh", "-ec", command);
}

static void says(bool yes, const char *command, const char *part)
{
	char *out = lab_sh("%s", command);

	if ((strstr(out, part) != NULL) != yes)
		fail_msg("`%s`: '%s' should%s be in '%s'", command, part, yes ? "" : " not", out);
	free(out);
}

static struct nsn_nl *start(void)
{
	struct nsn_nl *nl = NULL;

	world_need();
	sh("ip link add eth0 address 02:00:00:00:00:01 type veth peer name far;"
	   "ip link set eth0 up; ip link set far up;"
	   "ip addr add 10.10.1.2/24 dev eth0; ip addr add fd00:1::2/64 dev eth0 nodad");
	OK(nsn_nl_open(&nl, NETLINK_ROUTE, &err));
	return nl;
}

static void look(struct nsn_nl *nl, struct nsn_place at, struct nsn_state *s)
{
	nsn_state_clear(s);
	OK(nsn_link_dump(nl, s, at, &err));
	OK(nsn_neigh_dump(nl, s, at, true, &err));
	OK(nsn_route_dump(nl, s, at, &err));
	OK(nsn_fibrule_dump(nl, s, at, &err));
	nsn_state_sort(s);
}

static bool is_there(struct nsn_nl *nl, const struct nsn_object *o)
{
	struct nsn_state s = {0};
	const struct nsn_object *found;
	bool same;

	look(nl, o->at, &s);
	found = nsn_state_find(&s, o);
	same = found && nsn_object_same(o, found);
	nsn_state_clear(&s);
	return same;
}

static size_t count(struct nsn_nl *nl, enum nsn_kind kind, struct nsn_place at)
{
	struct nsn_state s = {0};
	size_t n;

	look(nl, at, &s);
	(void)nsn_state_at(&s, kind, at, &n);
	nsn_state_clear(&s);
	return n;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static struct nsn_object rule(uint8_t family, uint32_t priority)
{
	struct nsn_object o = {.kind = NSN_OBJ_RULE, .at = here, .link = ""};

	o.u.rule = (struct nsn_fibrule){.family = family,
					.priority = priority,
					.iif = "",
					.action = FR_ACT_TO_TBL,
					.table = 1000,
					.protocol = NSN_RTPROT};
	return o;
}

static const uint8_t families[] = {AF_INET, AF_INET6};
static const char *const show[] = {"ip rule show", "ip -6 rule show"};

static void a_rule_comes_and_goes(void **state)
{
	static const char *const words[] = {
		"100:\tfrom all fwmark 0x1200/0xff00 lookup 1000 proto 78",
		"101:\tfrom all iif eth0 lookup 1000 proto 78",
		"102:\tfrom all iif notyet [detached] lookup 70000 proto 78",
		"103:\tfrom all fwmark 0x5 iif eth0 blackhole proto 78",
	};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t f, i;

	(void)state;
	nl = start();
	for (f = 0; f < NSN_COUNT(families); f++) {
		struct nsn_object rules[NSN_COUNT(words)];

		for (i = 0; i < NSN_COUNT(words); i++)
			rules[i] = rule(families[f], 100 + (uint32_t)i);
		rules[0].u.rule.mark = 0x1200;
		rules[0].u.rule.mask = 0xff00;
		rules[1].u.rule.iif = "eth0";
		rules[2].u.rule.iif = "notyet";
		rules[2].u.rule.table = 70000;
		rules[3].u.rule.mark = 5;
		rules[3].u.rule.mask = UINT32_MAX;
		rules[3].u.rule.iif = "eth0";
		rules[3].u.rule.action = FR_ACT_BLACKHOLE;
		rules[3].u.rule.table = 0;
		for (i = 0; i < NSN_COUNT(words); i++) {
			OK(nsn_fibrule_add(nl, &rules[i], &err));
			OK(nsn_fibrule_add(nl, &rules[i], &err));
			says(true, show[f], words[i]);
			assert_true(is_there(nl, &rules[i]));
		}
		assert_int_equal(count(nl, NSN_OBJ_RULE, here), NSN_COUNT(words));
		for (i = 0; i < NSN_COUNT(words); i++) {
			OK(nsn_fibrule_del(nl, &rules[i], &err));
			OK(nsn_fibrule_del(nl, &rules[i], &err));
			says(false, show[f], words[i]);
		}
		assert_int_equal(count(nl, NSN_OBJ_RULE, here), 0);
	}
}

static void the_kernels_own_rules_are_nobodys(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;

	(void)state;
	nl = start();
	says(true, "ip rule show", "32766:");
	assert_int_equal(count(nl, NSN_OBJ_RULE, here), 0);
	sh("ip rule del pref 32766; ip rule del pref 32767; ip -6 rule del pref 32766");
	assert_int_equal(count(nl, NSN_OBJ_RULE, here), 0);
}

static void a_rule_with_another_table_is_another_rule(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object one, two;

	(void)state;
	nl = start();
	one = two = rule(AF_INET, 100);
	two.u.rule.table = 1001;
	OK(nsn_fibrule_add(nl, &one, &err));
	assert_false(is_there(nl, &two));
	OK(nsn_fibrule_add(nl, &two, &err));
	OK(nsn_fibrule_del(nl, &one, &err));
	assert_false(is_there(nl, &one));
	assert_true(is_there(nl, &two));
}

static void the_same_rule_of_somebody_else_stands_beside_ours(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object o;

	(void)state;
	nl = start();
	sh("ip rule add pref 100 fwmark 7/0xff lookup 1000");
	o = rule(AF_INET, 100);
	o.u.rule.mark = 7;
	o.u.rule.mask = 0xff;
	assert_false(is_there(nl, &o));
	OK(nsn_fibrule_del(nl, &o, &err));
	assert_int_equal(count(nl, NSN_OBJ_RULE, here), 1);
	OK(nsn_fibrule_add(nl, &o, &err));
	assert_true(is_there(nl, &o));
	assert_int_equal(count(nl, NSN_OBJ_RULE, here), 2);
	OK(nsn_fibrule_del(nl, &o, &err));
	assert_int_equal(count(nl, NSN_OBJ_RULE, here), 1);
	assert_false(is_there(nl, &o));
}

/* Each of them alone keeps it from being ours. */
static void a_rule_that_selects_by_more_is_not_ours(void **state)
{
	static const char *const more[] = {
		"from 10.0.0.0/8",
		"to 10.0.0.0/8",
		"oif eth0",
		"not",
		"tos 0x10",
		"uidrange 5-6",
		"ipproto tcp",
		"ipproto tcp sport 5",
		"ipproto udp dport 5",
		"tun_id 7",
		"suppress_prefixlength 0",
		"suppress_ifgroup 5",
	};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_state s = {0};
	struct nsnet_err refused = {0};
	struct nsn_object ours;
	size_t i, n;

	(void)state;
	nl = start();
	ours = rule(AF_INET, 100);
	for (i = 0; i < NSN_COUNT(more); i++) {
		char *none = lab_sh("ip rule add pref 100 %s lookup 1000 proto 78", more[i]);
		const struct nsn_object *o;

		free(none);
		look(nl, here, &s);
		o = nsn_state_at(&s, NSN_OBJ_RULE, here, &n);
		assert_int_equal(n, 1);
		if (!o->u.rule.odd || nsn_object_cmp(o, &ours) == 0)
			fail_msg("%s: %s", more[i], nsn_object_str(o, &s.arena));
		assert_int_equal(nsn_fibrule_del(nl, o, &refused), -EINVAL);
		nsn_state_clear(&s);
		sh("ip rule del pref 100");
	}
}

/* ---- routes --------------------------------------------------------------------------------- */

static struct nsn_object route(const char *dst, const char *via, const char *link)
{
	struct nsn_object o = {.kind = NSN_OBJ_ROUTE, .at = here, .link = link};

	assert_int_equal(nsn_prefix_parse(&o.u.route.dst, dst), 0);
	if (via)
		assert_int_equal(nsn_ip_parse(&o.u.route.via, via), 0);
	o.u.route.protocol = NSN_RTPROT;
	return o;
}

static void a_route_is_of_its_table(void **state)
{
	static const char *const dst[] = {"10.5.0.0/16", "fd00:5::/32"};
	static const char *const via[] = {"10.10.1.1", "fd00:1::1"};
	static const char *const shows[] = {"ip route show table 70000",
					    "ip -6 route show table 70000"};
	static const struct nsn_place workload = {.role = NSN_ENDPOINT, .id = 1};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i;

	(void)state;
	nl = start();
	for (i = 0; i < NSN_COUNT(dst); i++) {
		struct nsn_object o = route(dst[i], via[i], "eth0"), same_in_main = o;

		o.u.route.table = 70000;
		OK(nsn_route_add(nl, &o, &err));
		OK(nsn_route_add(nl, &o, &err));
		says(true, shows[i], dst[i]);
		assert_true(is_there(nl, &o));
		assert_false(is_there(nl, &same_in_main));
		OK(nsn_route_add(nl, &same_in_main, &err));
		assert_int_equal(count(nl, NSN_OBJ_ROUTE, here), 2);
		assert_int_equal(count(nl, NSN_OBJ_ROUTE, workload), 1);
		OK(nsn_route_del(nl, &o, &err));
		OK(nsn_route_del(nl, &o, &err));
		assert_false(is_there(nl, &o));
		assert_true(is_there(nl, &same_in_main));
		OK(nsn_route_del(nl, &same_in_main, &err));
	}
	assert_int_equal(count(nl, NSN_OBJ_ROUTE, here), 0);
}

static void a_route_that_leads_nowhere_takes_the_place_of_one_that_leads(void **state)
{
	static const char *const dst[] = {"10.5.0.0/16", "fd00:5::/32", "0.0.0.0/0", "::/0"};
	static const struct {
		uint8_t type;
		const char *word;
	} types[] = {{RTN_BLACKHOLE, "blackhole"}, {RTN_UNREACHABLE, "unreachable"}};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i, t;

	(void)state;
	nl = start();
	for (i = 0; i < NSN_COUNT(dst); i++) {
		struct nsn_object leads = route(dst[i], NULL, "eth0"), no = route(dst[i], NULL, "");

		leads.u.route.table = no.u.route.table = 1000;
		for (t = 0; t < NSN_COUNT(types); t++) {
			no.u.route.type = types[t].type;
			OK(nsn_route_add(nl, &leads, &err));
			assert_true(is_there(nl, &leads));
			OK(nsn_route_add(nl, &no, &err));
			assert_true(is_there(nl, &no));
			says(true,
			     i % 2 ? "ip -6 route show table 1000" : "ip route show table 1000",
			     types[t].word);
			assert_int_equal(count(nl, NSN_OBJ_ROUTE, here), 1);
		}
		OK(nsn_route_add(nl, &leads, &err));
		assert_true(is_there(nl, &leads));
		assert_int_equal(count(nl, NSN_OBJ_ROUTE, here), 1);
		OK(nsn_route_add(nl, &no, &err));
		OK(nsn_route_del(nl, &no, &err));
		assert_int_equal(count(nl, NSN_OBJ_ROUTE, here), 0);
	}
}

static void a_gateway_on_the_link_need_not_be_reachable(void **state)
{
	static const char *const dst[] = {"10.5.0.0/16", "fd00:5::/32"};
	static const char *const via[] = {"192.0.2.1", "fd00:99::1"};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	size_t i;

	(void)state;
	nl = start();
	for (i = 0; i < NSN_COUNT(dst); i++) {
		struct nsn_object o = route(dst[i], via[i], "eth0"), plain = o;
		struct nsnet_err refused = {0};

		o.u.route.onlink = true;
		assert_true(nsn_route_add(nl, &plain, &refused) < 0);
		OK(nsn_route_add(nl, &o, &err));
		assert_true(is_there(nl, &o));
		assert_false(is_there(nl, &plain));
		says(true, i ? "ip -6 route show" : "ip route show", "onlink");
		OK(nsn_route_del(nl, &o, &err));
		assert_false(is_there(nl, &o));
	}
}

static void routes_and_rules_have_words(void **state)
{
	struct nsn_object o = route("10.5.0.0/16", "192.0.2.1", "eth0");
	struct nsn_arena arena = {0};

	(void)state;
	o.u.route.onlink = true;
	o.u.route.table = 1000;
	assert_string_equal(nsn_object_str(&o, &arena),
			    "10.5.0.0/16 via 192.0.2.1 dev eth0 onlink table 1000");
	o = route("10.5.0.0/16", NULL, "");
	o.u.route.type = RTN_BLACKHOLE;
	assert_string_equal(nsn_object_str(&o, &arena), "blackhole 10.5.0.0/16");
	o = rule(AF_INET, 100);
	o.u.rule.mark = 0x1200;
	o.u.rule.mask = 0xff00;
	o.u.rule.iif = "eth0";
	assert_string_equal(nsn_object_str(&o, &arena),
			    "ip 100: fwmark 0x1200/0xff00 iif eth0 lookup 1000");
	nsn_arena_free(&arena);
}

/* ---- a cable between two gateways ---------------------------------------------------------------
 */

/*
 * A veth that is nobody's port, with no address of its own: a neighbour for an address
 * that is on the other end only, a route via it, and a rule that sends marked packets
 * through the table.
 */
static void a_cable_between_two_gateways_carries_marked_packets(void **state)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	struct nsn_object neigh = {.kind = NSN_OBJ_NEIGH, .at = here, .link = "eth0"};
	struct nsn_object way, closed, choose;

	(void)state;
	nl = start();
	sh("mkdir -p /run/netns; ip netns add b; ip link set far netns b;"
	   "ip -n b link set lo up; ip -n b link set far address 02:00:00:00:00:02 up;"
	   "ip -n b addr add 169.254.7.2/32 dev far; ip -n b addr add 10.20.0.1/32 dev lo;"
	   "ip -n b route add 10.10.1.2/32 dev far;"
	   "ip -n b neigh add 10.10.1.2 lladdr 02:00:00:00:00:01 dev far nud permanent;"
	   "ip netns exec b sysctl -qw net.ipv4.conf.far.arp_ignore=8");
	assert_int_equal(nsn_ip_parse(&neigh.u.neigh.ip, "169.254.7.2"), 0);
	neigh.u.neigh.mac = (struct nsn_mac){{2, 0, 0, 0, 0, 2}};
	neigh.u.neigh.protocol = NSN_RTPROT;
	way = route("10.20.0.0/16", "169.254.7.2", "eth0");
	way.u.route.onlink = true;
	way.u.route.table = 1000;
	closed = route("10.20.0.0/16", NULL, "");
	closed.u.route.type = RTN_BLACKHOLE;
	choose = rule(AF_INET, 100);
	choose.u.rule.mark = 0x700;
	choose.u.rule.mask = 0xff00;

	OK(nsn_neigh_add(nl, &neigh, &err));
	OK(nsn_route_add(nl, &closed, &err));
	OK(nsn_route_add(nl, &way, &err));
	assert_true(is_there(nl, &neigh));
	assert_int_not_equal(lab_sh_status("ping -c1 -W1 -m 1793 10.20.0.1"), 0);
	OK(nsn_fibrule_add(nl, &choose, &err));
	assert_int_equal(lab_sh_status("ping -c1 -W5 -m 1793 10.20.0.1"), 0); /* 0x701 */
	assert_int_not_equal(lab_sh_status("ping -c1 -W1 -m 2049 10.20.0.1"), 0);
	assert_int_not_equal(lab_sh_status("ping -c1 -W1 10.20.0.1"), 0);
	OK(nsn_fibrule_del(nl, &choose, &err));
	assert_int_not_equal(lab_sh_status("ping -c1 -W1 -m 1793 10.20.0.1"), 0);
	OK(nsn_neigh_del(nl, &neigh, &err));
	assert_false(is_there(nl, &neigh));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(a_rule_comes_and_goes),
		TEST(the_kernels_own_rules_are_nobodys),
		TEST(a_rule_with_another_table_is_another_rule),
		TEST(the_same_rule_of_somebody_else_stands_beside_ours),
		TEST(a_rule_that_selects_by_more_is_not_ours),
		TEST(a_route_is_of_its_table),
		TEST(a_route_that_leads_nowhere_takes_the_place_of_one_that_leads),
		TEST(a_gateway_on_the_link_need_not_be_reachable),
		cmocka_unit_test(routes_and_rules_have_words),
		TEST(a_cable_between_two_gateways_carries_marked_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
