/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a gateway has more with an uplink, and that it is no other for a tenant without one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/compile/border.h"
#include "../../lib/compile/compile.h"

static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 77, .pin_dir = "/run/nsnet/gw"};
static const struct nsnet_endpoint_def two[] = {{.name = "app"}, {.name = "db"}};
static const struct nsnet_tenant_def def = {.name = "customer1",
					    .subnet = "10.10.1.0/24",
					    .subnet6 = "fd00:1::/64",
					    .endpoints = two,
					    .n_endpoints = 2},
				     only4 = {.name = "customer1",
					      .subnet = "10.10.1.0/24",
					      .endpoints = two,
					      .n_endpoints = 2};

static const struct nsn_ip hosts[] = {{AF_INET, {192, 168, 7, 1}}};
static const struct nsn_prefix links[] = {{{AF_INET, {192, 168, 7}}, 24}};

struct lot {
	struct nsn_tenant t;
	struct nsn_policy policies[2];
	struct nsn_peer peers[2][2];
	struct nsn_ports ports[2];
	struct nsn_intent intent;
	struct nsn_border border;
};

static void policy(struct lot *lot, size_t i, const char *name, const char *from, const char *to,
		   const char *ports)
{
	struct nsn_policy *p = &lot->policies[i];

	*p = (struct nsn_policy){.number = (uint32_t)i + 7,
				 .from = &lot->peers[i][0],
				 .n_from = 1,
				 .to = &lot->peers[i][1],
				 .n_to = 1,
				 .ports = &lot->ports[i],
				 .n_ports = 1};
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	assert_int_equal(nsn_peer_parse(p->from, from, NULL), 0);
	assert_int_equal(nsn_peer_parse(p->to, to, NULL), 0);
	assert_int_equal(nsn_ports_parse(p->ports, ports, NULL), 0);
}

/* A network on the host's LAN, and a service that is published; @uplink: NULL: neither. */
static void compile(struct nsn_state *s, struct lot *lot, const struct nsnet_tenant_def *from,
		    const struct nsn_uplink *uplink, enum nsn_want want)
{
	struct nsn_transit transit;
	struct nsnet_err err = {0};

	*lot = (struct lot){0};
	assert_int_equal(nsn_tenant_parse(&lot->t, from, &err), 0);
	assert_int_equal(nsn_tenant_allocate(&lot->t, &err), 0);
	lot->t.id = 3;
	for (size_t i = 0; i < lot->t.n_endpoints; i++) {
		lot->t.endpoints[i].id = 5 + i;
		lot->t.endpoints[i].link = 9 + i;
	}
	policy(lot, 0, "lan", "customer1/app", "192.168.7.0/29", "tcp/80");
	policy(lot, 1, "shop", "10.9.8.7", "customer1/db", "udp/53");
	lot->policies[1].publish = (struct nsn_publish){.port = 5353};
	assert_int_equal(nsn_prefix_parse(&transit.ip, "100.64.0.0/10"), 0);
	assert_int_equal(nsn_prefix_parse(&transit.ip6, "fd64::/64"), 0);
	lot->intent = (struct nsn_intent){.tenants = &lot->t,
					  .n_tenants = 1,
					  .policies = lot->policies,
					  .n_policies = 2,
					  .now = 1,
					  .links = links,
					  .n_links = 1,
					  .host = hosts,
					  .n_host = 1};
	assert_int_equal(nsn_border_make(&lot->border, &lot->intent, NULL, 0, uplink, &transit,
					 &lot->t, 1, &err),
			 0);
	if (nsn_compile(&lot->t, &lot->border, &owner, want, s, &err) < 0)
		fail_msg("%s", err.msg);
}

static void clear(struct nsn_state *s, struct lot *lot)
{
	nsn_state_clear(s);
	nsn_border_clear(&lot->border);
	nsn_tenant_clear(&lot->t);
}

static const struct nsn_uplink uplink = {.link = 42, .tenant = 3, .slot = 1};

/* As of a gateway with a cable, but for these. */
static const char *const objects[] = {
	"counter inet nsnet nsnet_drop_new",
	"counter inet nsnet nsnet_drop_open",
	"counter inet nsnet nsnet_drop_policy",
	"counter inet nsnet nsnet_rule_lan",
	"counter inet nsnet nsnet_rule_shop",
	"set inet nsnet nsnet_from4",
	"set inet nsnet nsnet_from6",
	"set inet nsnet nsnet_publish4",
	"set inet nsnet nsnet_publish6",
	"set inet nsnet nsnet_snat4",
	"set inet nsnet nsnet_snat6",
	"set inet nsnet nsnet_use",
	"element inet nsnet nsnet_flow4 { 10.9.8.7 . 10.10.1.3 . 17 . 53 : 0x21000000 } shop",
	("element inet nsnet nsnet_flow4 { 10.10.1.2 . 192.168.7.2-192.168.7.7 . 6 . 80 : "
	 "0x1d000000 } lan"),
	"element inet nsnet nsnet_from4 { nsn42 . 0.0.0.0-255.255.255.255 }",
	"element inet nsnet nsnet_from6 { nsn42 . ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff }",
	"element inet nsnet nsnet_publish4 { 100.64.0.3 . 17 . 8 : 0x0a0a010300350000 } shop",
	("element inet nsnet nsnet_publish6 { fd64::3 . 17 . 8 : "
	 "0xfd00000100000000000000000000000300350000 } shop"),
	"element inet nsnet nsnet_snat4 { nsn42 : 0x64400003 }",
	"element inet nsnet nsnet_snat6 { nsn42 : 0xfd640000000000000000000000000003 }",
	"element inet nsnet nsnet_use { 0x1d : nsnet_rule_lan }",
	"element inet nsnet nsnet_use { 0x21 : nsnet_rule_shop }",
	"chain inet nsnet admit policy drop, 9 rules",
	"chain inet nsnet forward policy drop, 3 rules",
	"chain inet nsnet nsnet_answer, 5 rules",
	"chain inet nsnet nsnet_echo, 3 rules",
	"chain inet nsnet nsnet_echoed, 3 rules",
	"chain inet nsnet nsnet_error, 3 rules",
	"chain inet nsnet nsnet_judge, 6 rules",
	"chain inet nsnet nsnet_limit, 5 rules",
	"chain inet nsnet nsnet_limit_open, 5 rules",
	"chain inet nsnet nsnet_open, 7 rules",
	"chain inet nsnet output policy drop, 9 rules",
	"chain inet nsnet postrouting policy accept, 2 rules",
	"chain inet nsnet prerouting policy drop, 5 rules",
	"chain inet nsnet publish policy accept, 2 rules",
	"sysctl net/ipv4/conf/br0/forwarding = 1",
	"sysctl net/ipv4/conf/nsn42/forwarding = 1",
	"sysctl net/ipv6/conf/br0/forwarding = 1",
	"sysctl net/ipv6/conf/nsn42/disable_ipv6 = 0",
	"sysctl net/ipv6/conf/nsn42/forwarding = 1",
	"neighbour 100.64.0.2 is 1a:00:00:00:00:2a on nsn42 permanent",
	"neighbour fd64::2 is 1a:00:00:00:00:2a on nsn42 permanent",
	"up nsn42",
	"route fd00:1::/64 dev br0 table 78",
	"route 10.10.1.0/24 dev br0 table 78",
	"route 0.0.0.0/0 via 100.64.0.2 dev nsn42 onlink table 78",
	"route ::/0 via fd64::2 dev nsn42 onlink table 78",
	"rule ip 100: fwmark 0x1/0x1 lookup 78",
	"rule ip 200: iif lo lookup 254",
	"rule ip 300: blackhole",
	"rule ip6 100: fwmark 0x1/0x1 lookup 78",
	"rule ip6 200: iif lo lookup 254",
	"rule ip6 300: blackhole",
};

static bool is_usual(const struct nsn_object *o)
{
	static const char *const sets[] = {"nsnet_echo4", "nsnet_echo6", "nsnet_flow4",
					   "nsnet_flow6", "nsnet_full",	 "nsnet_new",
					   "nsnet_open",  "nsnet_self4", "nsnet_self6"};
	const char *name = o->kind == NSN_OBJ_SET    ? o->u.set.name
			   : o->kind == NSN_OBJ_ELEM ? o->u.elem.set
						     : "";

	/* Both policies' boxes are in flow4. */
	for (size_t i = 0; i < NSN_COUNT(sets); i++)
		if (strcmp(name, sets[i]) == 0 &&
		    !(o->kind == NSN_OBJ_ELEM && strcmp(name, "nsnet_flow4") == 0))
			return true;
	return o->kind == NSN_OBJ_SYSCTL || o->kind == NSN_OBJ_LINK;
}

static bool is_more(const struct nsn_object *o, const void *without)
{
	const struct nsn_object *twin = nsn_state_find(without, o);

	return !is_usual(o) && (!twin || !nsn_object_same(twin, o));
}

static void an_uplink_is_these_objects_more(void **state)
{
	struct nsn_state with = {0}, without = {0};
	struct nsn_arena arena = {0};
	struct lot a, b;
	size_t i;

	(void)state;
	compile(&with, &a, &def, &uplink, NSN_WANT_BUILT);
	compile(&without, &b, &def, NULL, NSN_WANT_BUILT);
	nsn_state_filter(&with, is_more, &without);
	for (i = 0; i < with.n; i++) {
		const struct nsn_object *o = &with.objects[i];
		const char *text = nsn_arena_printf(&arena, "%s %s", nsn_kind_name(o->kind),
						    nsn_object_str(o, &arena));

		assert_string_equal(text, i < NSN_COUNT(objects) ? objects[i] : "no more");
	}
	assert_int_equal(i, NSN_COUNT(objects));
	nsn_arena_free(&arena);
	clear(&with, &a);
	clear(&without, &b);
}

static void the_gateways_request_makes_both_ends(void **state)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY}, host = {.role = NSN_HOST};
	const struct nsn_object *near, *far;
	struct nsn_state s = {0};
	struct lot lot;

	(void)state;
	compile(&s, &lot, &def, &uplink, NSN_WANT_BUILT);
	near = nsn_state_link(&s, gateway, "nsn42");
	far = nsn_state_link(&s, host, "nsn42");
	assert_non_null(near);
	assert_non_null(far);
	assert_true(near->u.dev.type == NSN_LINK_VETH && far->u.dev.type == NSN_LINK_VETH);
	assert_false(near->u.dev.far);
	assert_true(far->u.dev.far);
	assert_true(nsn_place_same(near->u.dev.peer_at, host));
	assert_true(nsn_place_same(far->u.dev.peer_at, gateway));
	assert_string_equal(near->u.dev.peer, "nsn42");
	assert_string_equal(far->u.dev.peer, "nsn42");
	assert_int_equal(near->u.dev.group, 77);
	assert_int_equal(far->u.dev.group, 77);
	assert_int_not_equal(nsn_mac_cmp(&near->u.dev.mac, &far->u.dev.mac), 0);
	/* Nothing else of the host's is said here. */
	for (size_t i = 0; i < s.n; i++)
		assert_true(s.objects[i].at.role != NSN_HOST || &s.objects[i] == far);
	clear(&s, &lot);
}

/* ---- hooks ------------------------------------------------------------------------------ */

static void what_is_admitted_is_so_behind_the_translation(void **state)
{
	static const struct {
		const char *name, *type;
		uint32_t hook;
		int32_t priority;
	} chains[] = {
		{"admit", "filter", NF_INET_PRE_ROUTING, -90},
		{"postrouting", "nat", NF_INET_POST_ROUTING, 100},
		{"prerouting", "filter", NF_INET_PRE_ROUTING, -300},
		{"publish", "nat", NF_INET_PRE_ROUTING, -100},
	};
	struct nsn_state s = {0};
	struct lot lot;

	(void)state;
	compile(&s, &lot, &def, &uplink, NSN_WANT_BUILT);
	for (size_t i = 0; i < NSN_COUNT(chains); i++) {
		const struct nsn_object like = {.kind = NSN_OBJ_CHAIN,
						.link = "",
						.u.chain = {.family = NFPROTO_INET,
							    .table = "nsnet",
							    .name = chains[i].name}};
		const struct nsn_object *o = nsn_state_find(&s, &like);

		assert_non_null(o);
		assert_string_equal(o->u.chain.type, chains[i].type);
		assert_int_equal(o->u.chain.hook, chains[i].hook);
		assert_int_equal(o->u.chain.priority, chains[i].priority);
	}
	clear(&s, &lot);
}

/* ---- with less --------------------------------------------------------------------------- */

static void without_an_uplink_nothing_is_different(void **state)
{
	struct nsn_state s = {0}, isolated = {0};
	struct lot lot;

	(void)state;
	compile(&s, &lot, &def, NULL, NSN_WANT_BUILT);
	assert_false(nsn_border_is_open(&lot.border));
	assert_int_equal(nsn_compile(&lot.t, NULL, &owner, NSN_WANT_BUILT, &isolated, NULL), 0);
	assert_int_equal(s.n, isolated.n);
	for (size_t i = 0; i < s.n; i++) {
		assert_int_equal(nsn_object_cmp(&s.objects[i], &isolated.objects[i]), 0);
		assert_true(nsn_object_same(&s.objects[i], &isolated.objects[i]));
	}
	nsn_state_clear(&isolated);
	clear(&s, &lot);
}

static bool is_six(const struct nsn_object *o)
{
	if (o->kind == NSN_OBJ_NEIGH)
		return o->u.neigh.ip.family == AF_INET6;
	if (o->kind == NSN_OBJ_ROUTE)
		return o->u.route.dst.ip.family == AF_INET6;
	if (o->kind == NSN_OBJ_RULE)
		return o->u.rule.family == AF_INET6;
	return o->kind == NSN_OBJ_SET && strncmp(o->u.set.name, "nsnet_", 6) == 0 &&
	       o->u.set.family == NFPROTO_INET && o->u.set.name[strlen(o->u.set.name) - 1] == '6';
}

static void without_ipv6_there_is_none_on_the_uplink(void **state)
{
	struct nsn_state s = {0};
	struct lot lot;

	(void)state;
	compile(&s, &lot, &only4, &uplink, NSN_WANT_BUILT);
	for (size_t i = 0; i < s.n; i++)
		assert_false(is_six(&s.objects[i]));
	clear(&s, &lot);
}

static void a_cut_tenant_has_its_uplink_down(void **state)
{
	const struct nsn_object up = {.kind = NSN_OBJ_UP, .link = "nsn42"};
	struct nsn_state s = {0};
	struct lot lot;

	(void)state;
	compile(&s, &lot, &def, &uplink, NSN_WANT_BUILT);
	assert_non_null(nsn_state_find(&s, &up));
	clear(&s, &lot);
	compile(&s, &lot, &def, &uplink, NSN_WANT_CUT);
	assert_null(nsn_state_find(&s, &up));
	clear(&s, &lot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_uplink_is_these_objects_more),
		cmocka_unit_test(the_gateways_request_makes_both_ends),
		cmocka_unit_test(what_is_admitted_is_so_behind_the_translation),
		cmocka_unit_test(without_an_uplink_nothing_is_different),
		cmocka_unit_test(without_ipv6_there_is_none_on_the_uplink),
		cmocka_unit_test(a_cut_tenant_has_its_uplink_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
