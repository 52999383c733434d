/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/compile/border.h"
#include "../../lib/compile/compile.h"

static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 77, .pin_dir = "/run/nsnet/gw"};

static const struct nsnet_endpoint_def two[] = {{.name = "app", .rate = "2mbit"}, {.name = "db"}};

static const struct nsnet_tenant_def plain = {.name = "customer1", .subnet = "10.10.1.0/24"},
				     full = {.name = "customer1",
					     .subnet = "10.10.1.0/24",
					     .subnet6 = "fd00:1::/64",
					     .mtu = "1400",
					     .rate = "10mbit",
					     .endpoints = two,
					     .n_endpoints = 2},
				     apart = {.name = "customer1",
					      .subnet = "10.10.1.0/24",
					      .subnet6 = "fd00:1::/64",
					      .inside = "deny",
					      .endpoints = two,
					      .n_endpoints = 2};

/* The first endpoint has id 5 and port nsn9, the next ones those that follow. */
static void make_tenant(struct nsn_tenant *t, const struct nsnet_tenant_def *def)
{
	struct nsnet_err err = {0};
	size_t i;

	assert_int_equal(nsn_tenant_parse(t, def, &err), 0);
	assert_int_equal(nsn_tenant_allocate(t, &err), 0);
	t->id = 3;
	for (i = 0; i < t->n_endpoints; i++) {
		t->endpoints[i].id = 5 + i;
		t->endpoints[i].link = 9 + i;
	}
}

static void compile_tenant(struct nsn_state *s, const struct nsn_tenant *t, enum nsn_want want)
{
	struct nsnet_err err = {0};

	if (nsn_compile(t, NULL, &owner, want, s, &err) < 0)
		fail_msg("%s", err.msg);
}

static void compile(struct nsn_state *s, const struct nsnet_tenant_def *def, enum nsn_want want)
{
	struct nsn_tenant t = {0};

	make_tenant(&t, def);
	compile_tenant(s, &t, want);
	nsn_tenant_clear(&t);
}

/* ---- all that a tenant is --------------------------------------------------------- */

/*
 * What every gateway has, whatever its tenant's settings: in the order in which
 * it is made, which is what keeps it closed at every moment.
 */
static const char *const common[] = {
	"table inet nsnet (nsnet store 0123456789abcdef0123456789abcdef tenant 3 customer1)",
	"table bridge nsnet (nsnet store 0123456789abcdef0123456789abcdef tenant 3 customer1)",
	"counter inet nsnet nsnet_drop_forward",
	"counter inet nsnet nsnet_drop_input",
	"counter inet nsnet nsnet_drop_output",
	"counter inet nsnet nsnet_drop_source",
	"counter bridge nsnet nsnet_drop_arp",
	"counter bridge nsnet nsnet_drop_dhcp",
	"counter bridge nsnet nsnet_drop_ethertype",
	"counter bridge nsnet nsnet_drop_exthdr",
	"counter bridge nsnet nsnet_drop_inside",
	"counter bridge nsnet nsnet_drop_ipv6",
	"counter bridge nsnet nsnet_drop_multicast",
	"counter bridge nsnet nsnet_drop_nd",
	"counter bridge nsnet nsnet_drop_quarantine",
	"counter bridge nsnet nsnet_drop_rate",
	"counter bridge nsnet nsnet_drop_source",
	"set bridge nsnet nsnet_cut",
	"set bridge nsnet nsnet_ext",
	"set bridge nsnet nsnet_nd",
	"set bridge nsnet nsnet_pin4",
	"set bridge nsnet nsnet_pin6",
	"set bridge nsnet nsnet_rcvd",
	"set bridge nsnet nsnet_sent",
	"element bridge nsnet nsnet_ext { 0x00 }",
	"element bridge nsnet nsnet_ext { 0x2b }",
	"element bridge nsnet nsnet_ext { 0x3c }",
	"element bridge nsnet nsnet_ext { 0x87 }",
	"element bridge nsnet nsnet_ext { 0x8b }",
	"element bridge nsnet nsnet_ext { 0x8c }",
	"element bridge nsnet nsnet_ext { 0xfd }",
	"element bridge nsnet nsnet_ext { 0xfe }",
};

static const char *const objects_of_plain[] = {
	"netns network namespace",
	"netns network namespace",
	"element bridge nsnet nsnet_pin4 { nsn9 . 02:00:00:00:00:05 . 10.10.1.2 }",
	"chain inet nsnet forward policy drop, 1 rule",
	"chain inet nsnet input policy drop, 2 rules",
	"chain inet nsnet output policy drop, 2 rules",
	"chain inet nsnet prerouting policy drop, 2 rules",
	"chain bridge nsnet forward policy drop, 6 rules",
	"chain bridge nsnet postrouting policy accept, 0 rules",
	"chain bridge nsnet prerouting policy drop, 10 rules",
	"link br0 bridge 06:00:00:00:00:03 group 77",
	"link nsn9 veth 0a:00:00:00:00:09 group 77 in br0 to eth0 of an endpoint",
	"link eth0 veth 02:00:00:00:00:05 group 77 to nsn9 of the gateway",
	"port nsn9 guard root_block proxy_arp_wifi locked",
	"fdb 02:00:00:00:00:05 on nsn9 static",
	"address 10.10.1.1/24 on br0",
	"address 10.10.1.2/24 on eth0",
	"neighbour 10.10.1.2 is 02:00:00:00:00:05 on br0 permanent",
	"neighbour 10.10.1.1 is 06:00:00:00:00:03 on eth0 permanent",
	"up br0",
	"up nsn9",
	"up eth0",
	"up lo",
	"route 0.0.0.0/0 via 10.10.1.1 dev eth0",
	"file /etc/netns/customer1/hosts",
	"file /etc/netns/customer1/resolv.conf",
	"pin /run/nsnet/gw/01234567-3",
	"pin /run/netns/customer1",
};

static const char *const objects_of_full[] = {
	"netns network namespace",
	"netns network namespace",
	"netns network namespace",
	"limit bridge nsnet nsnet_rcvd_10000000 over 1250000 bytes/second burst 131072",
	"limit bridge nsnet nsnet_rcvd_nsn9_2000000 over 250000 bytes/second burst 131072",
	"limit bridge nsnet nsnet_sent_10000000 over 1250000 bytes/second burst 131072",
	"limit bridge nsnet nsnet_sent_nsn9_2000000 over 250000 bytes/second burst 131072",
	"element bridge nsnet nsnet_nd { nsn10 . 02:00:00:00:00:06 . fd00:1::3 }",
	"element bridge nsnet nsnet_nd { nsn9 . 02:00:00:00:00:05 . fd00:1::2 }",
	"element bridge nsnet nsnet_pin4 { nsn10 . 02:00:00:00:00:06 . 10.10.1.3 }",
	"element bridge nsnet nsnet_pin4 { nsn9 . 02:00:00:00:00:05 . 10.10.1.2 }",
	"element bridge nsnet nsnet_pin6 { nsn10 . 02:00:00:00:00:06 . fd00:1::3 }",
	"element bridge nsnet nsnet_pin6 { nsn9 . 02:00:00:00:00:05 . fd00:1::2 }",
	"element bridge nsnet nsnet_rcvd { nsn9 : nsnet_rcvd_nsn9_2000000 }",
	"element bridge nsnet nsnet_sent { nsn9 : nsnet_sent_nsn9_2000000 }",
	"chain inet nsnet forward policy drop, 1 rule",
	"chain inet nsnet input policy drop, 4 rules",
	"chain inet nsnet output policy drop, 4 rules",
	"chain inet nsnet prerouting policy drop, 3 rules",
	"chain bridge nsnet forward policy drop, 9 rules",
	"chain bridge nsnet postrouting policy accept, 2 rules",
	"chain bridge nsnet prerouting policy drop, 23 rules",
	"link br0 bridge 06:00:00:00:00:03 group 77",
	"link nsn10 veth 0a:00:00:00:00:0a group 77 in br0 to eth0 of an endpoint",
	"link nsn9 veth 0a:00:00:00:00:09 group 77 in br0 to eth0 of an endpoint",
	"link eth0 veth 02:00:00:00:00:05 group 77 to nsn9 of the gateway",
	"link eth0 veth 02:00:00:00:00:06 group 77 to nsn10 of the gateway",
	"port nsn10 guard root_block proxy_arp_wifi mcast_flood locked",
	"port nsn9 guard root_block proxy_arp_wifi mcast_flood locked",
	/* A link is born with IPv6 off: all that is to have it is named. */
	"sysctl net/ipv6/conf/br0/disable_ipv6 = 0",
	"sysctl net/ipv6/conf/eth0/disable_ipv6 = 0",
	"sysctl net/ipv6/conf/eth0/disable_ipv6 = 0",
	"fdb 02:00:00:00:00:06 on nsn10 static",
	"fdb 02:00:00:00:00:05 on nsn9 static",
	"address 10.10.1.1/24 on br0",
	"address fd00:1::1/64 on br0",
	"address 10.10.1.2/24 on eth0",
	"address fd00:1::2/64 on eth0",
	"address 10.10.1.3/24 on eth0",
	"address fd00:1::3/64 on eth0",
	"neighbour 10.10.1.2 is 02:00:00:00:00:05 on br0 permanent",
	"neighbour 10.10.1.3 is 02:00:00:00:00:06 on br0 permanent",
	"neighbour fd00:1::2 is 02:00:00:00:00:05 on br0 permanent",
	"neighbour fd00:1::3 is 02:00:00:00:00:06 on br0 permanent",
	"neighbour 10.10.1.1 is 06:00:00:00:00:03 on eth0 permanent",
	"neighbour fd00:1::1 is 06:00:00:00:00:03 on eth0 permanent",
	"neighbour 10.10.1.1 is 06:00:00:00:00:03 on eth0 permanent",
	"neighbour fd00:1::1 is 06:00:00:00:00:03 on eth0 permanent",
	"up br0",
	"up nsn10",
	"up nsn9",
	"up eth0",
	"up lo",
	"up eth0",
	"up lo",
	"route 0.0.0.0/0 via 10.10.1.1 dev eth0",
	"route ::/0 via fd00:1::1 dev eth0",
	"route 0.0.0.0/0 via 10.10.1.1 dev eth0",
	"route ::/0 via fd00:1::1 dev eth0",
	"file /etc/netns/customer1.app/hosts",
	"file /etc/netns/customer1.app/resolv.conf",
	"file /etc/netns/customer1.db/hosts",
	"file /etc/netns/customer1.db/resolv.conf",
	"pin /run/nsnet/gw/01234567-3",
	"pin /run/netns/customer1.app",
	"pin /run/netns/customer1.db",
};

static bool is_common(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_TABLE || o->kind == NSN_OBJ_COUNTER || o->kind == NSN_OBJ_SET ||
	       (o->kind == NSN_OBJ_ELEM && strcmp(o->u.elem.set, "nsnet_ext") == 0);
}

static bool is_specific(const struct nsn_object *o)
{
	return !is_common(o) && o->kind != NSN_OBJ_SYSCTL;
}

static void expect_objects(const struct nsn_state *s, bool (*counts)(const struct nsn_object *o),
			   const char *const *list, size_t n_list)
{
	struct nsn_arena arena = {0};
	size_t i, n = 0;

	for (i = 0; i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];
		const char *text;

		if (!counts(o))
			continue;
		text = nsn_arena_printf(&arena, "%s %s", nsn_kind_name(o->kind),
					nsn_object_str(o, &arena));
		assert_string_equal(text, n < n_list ? list[n] : "no more");
		n++;
	}
	if (n < n_list)
		fail_msg("not there: %s", list[n]);
	nsn_arena_free(&arena);
}

static void a_tenant_is_these_objects_in_this_order(void **state)
{
	struct nsn_state s = {0};

	(void)state;
	compile(&s, &plain, NSN_WANT_BUILT);
	expect_objects(&s, is_common, common, NSN_COUNT(common));
	expect_objects(&s, is_specific, objects_of_plain, NSN_COUNT(objects_of_plain));
	nsn_state_clear(&s);
}

static void a_tenant_with_all_there_is_is_these(void **state)
{
	struct nsn_state s = {0};
	size_t i, links = 0;

	(void)state;
	compile(&s, &full, NSN_WANT_BUILT);
	expect_objects(&s, is_common, common, NSN_COUNT(common));
	expect_objects(&s, is_specific, objects_of_full, NSN_COUNT(objects_of_full));
	for (i = 0; i < s.n; i++)
		if (s.objects[i].kind == NSN_OBJ_LINK) {
			assert_int_equal(s.objects[i].u.dev.mtu, 1400);
			links++;
		}
	assert_int_equal(links, 5);
	nsn_state_clear(&s);
}

/* Where each chain is: bridge ones before all others of the hook, those of a cut before these. */
static void each_chain_has_its_hook(void **state)
{
	static const struct {
		uint8_t family;
		const char *name;
		uint32_t hook;
		int32_t priority;
	} chains[] = {
		{NFPROTO_INET, "cut_in", NF_INET_PRE_ROUTING, -500},
		{NFPROTO_INET, "cut_out", NF_INET_LOCAL_OUT, -500},
		{NFPROTO_INET, "forward", NF_INET_FORWARD, 0},
		{NFPROTO_INET, "input", NF_INET_LOCAL_IN, 0},
		{NFPROTO_INET, "output", NF_INET_LOCAL_OUT, 0},
		{NFPROTO_INET, "prerouting", NF_INET_PRE_ROUTING, -300},
		{NFPROTO_BRIDGE, "cut", NF_BR_PRE_ROUTING, -500},
		{NFPROTO_BRIDGE, "forward", NF_BR_FORWARD, -300},
		{NFPROTO_BRIDGE, "postrouting", NF_BR_POST_ROUTING, -300},
		{NFPROTO_BRIDGE, "prerouting", NF_BR_PRE_ROUTING, -300},
	};
	struct nsn_state s = {0};
	size_t i, n = 0;

	(void)state;
	compile(&s, &full, NSN_WANT_CUT);
	for (i = 0; i < s.n; i++) {
		const struct nsn_chain *c = &s.objects[i].u.chain;

		if (s.objects[i].kind != NSN_OBJ_CHAIN)
			continue;
		assert_true(n < NSN_COUNT(chains));
		assert_int_equal(c->family, chains[n].family);
		assert_string_equal(c->name, chains[n].name);
		assert_string_equal(c->type, "filter");
		assert_int_equal(c->hook, chains[n].hook);
		assert_int_equal(c->priority, chains[n].priority);
		n++;
	}
	assert_int_equal(n, NSN_COUNT(chains));
	nsn_state_clear(&s);
}

/* What `inside: deny` is made of. */
static const char *const objects_of_apart[] = {
	"chain bridge nsnet forward policy drop, 1 rule",
	"port nsn10 guard root_block isolated locked",
	"port nsn9 guard root_block isolated locked",
	"address 10.10.1.1/24 on br0",
	"address fd00:1::1/64 on br0",
	"address 10.10.1.2/32 on eth0",
	"address fd00:1::2/128 on eth0",
	"address 10.10.1.3/32 on eth0",
	"address fd00:1::3/128 on eth0",
	"neighbour 10.10.1.1 is 06:00:00:00:00:03 on eth0 permanent",
	"neighbour fd00:1::1 is 06:00:00:00:00:03 on eth0 permanent",
	"neighbour 10.10.1.1 is 06:00:00:00:00:03 on eth0 permanent",
	"neighbour fd00:1::1 is 06:00:00:00:00:03 on eth0 permanent",
	/* The way to the gateway before what leads through it. */
	"route fd00:1::1/128 dev eth0",
	"route 10.10.1.1/32 dev eth0",
	"route 0.0.0.0/0 via 10.10.1.1 dev eth0",
	"route ::/0 via fd00:1::1 dev eth0",
	"route fd00:1::1/128 dev eth0",
	"route 10.10.1.1/32 dev eth0",
	"route 0.0.0.0/0 via 10.10.1.1 dev eth0",
	"route ::/0 via fd00:1::1 dev eth0",
};

static bool is_about_neighbours(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_PORT || o->kind == NSN_OBJ_ADDR || o->kind == NSN_OBJ_ROUTE ||
	       (o->kind == NSN_OBJ_NEIGH && o->at.role == NSN_ENDPOINT) ||
	       (o->kind == NSN_OBJ_CHAIN && o->u.chain.family == NFPROTO_BRIDGE &&
		strcmp(o->u.chain.name, "forward") == 0);
}

static void endpoints_that_may_not_talk_know_of_no_neighbour(void **state)
{
	struct nsn_state s = {0};

	(void)state;
	compile(&s, &apart, NSN_WANT_BUILT);
	expect_objects(&s, is_common, common, NSN_COUNT(common));
	expect_objects(&s, is_about_neighbours, objects_of_apart, NSN_COUNT(objects_of_apart));
	nsn_state_clear(&s);
}

/* It is how one of a workload's own is told from ours, when it is not wanted any more. */
static void addresses_neighbours_and_routes_are_marked(void **state)
{
	struct nsn_state s = {0};
	size_t i, n = 0;

	(void)state;
	compile(&s, &apart, NSN_WANT_BUILT);
	for (i = 0; i < s.n; i++) {
		const struct nsn_object *o = &s.objects[i];

		n++;
		if (o->kind == NSN_OBJ_ADDR)
			assert_int_equal(o->u.addr.protocol, 78);
		else if (o->kind == NSN_OBJ_NEIGH)
			assert_int_equal(o->u.neigh.protocol, 78);
		else if (o->kind == NSN_OBJ_ROUTE)
			assert_int_equal(o->u.route.protocol, 78);
		else
			n--;
	}
	assert_int_equal(n, 6 + 8 + 8);
	nsn_state_clear(&s);
}

static void expect_file(const struct nsn_state *s, const char *path, const char *text)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_FILE &&
		    strcmp(s->objects[i].u.file.path, path) == 0) {
			assert_string_equal(s->objects[i].u.file.text, text);
			assert_true(s->objects[i].u.file.ours);
			return;
		}
	fail_msg("no %s", path);
}

#define FILE_HEAD                                                                                  \
	"# made by nsnet, store 0123456789abcdef0123456789abcdef\n# What is changed here is "      \
	"lost.\n"

static void a_workload_sees_its_tenant_and_nobody_else(void **state)
{
	static const char hosts[] = FILE_HEAD "127.0.0.1\tlocalhost\n"
					      "10.10.1.1\tgateway.customer1 gateway\n"
					      "10.10.1.2\tdefault.customer1 default customer1\n";
	static const char hosts_of_full[] = FILE_HEAD "127.0.0.1\tlocalhost\n"
						      "::1\tlocalhost ip6-localhost ip6-loopback\n"
						      "10.10.1.1\tgateway.customer1 gateway\n"
						      "fd00:1::1\tgateway.customer1 gateway\n"
						      "10.10.1.2\tapp.customer1 app\n"
						      "fd00:1::2\tapp.customer1 app\n"
						      "10.10.1.3\tdb.customer1 db\n"
						      "fd00:1::3\tdb.customer1 db\n";
	static const char resolv[] =
		FILE_HEAD "# no name server: nothing leads out of this network\n";
	struct nsn_state s = {0}, more = {0};

	(void)state;
	compile(&s, &plain, NSN_WANT_BUILT);
	expect_file(&s, "/etc/netns/customer1/hosts", hosts);
	expect_file(&s, "/etc/netns/customer1/resolv.conf", resolv);
	compile(&more, &full, NSN_WANT_BUILT);
	expect_file(&more, "/etc/netns/customer1.app/hosts", hosts_of_full);
	expect_file(&more, "/etc/netns/customer1.db/hosts", hosts_of_full);
	expect_file(&more, "/etc/netns/customer1.db/resolv.conf", resolv);
	nsn_state_clear(&s);
	nsn_state_clear(&more);
}

/* ---- the ruleset is as long for all ------------------------------------------------ */

/* As long as names get, and as many digits as numbers have. */
static void make_crowd(struct nsn_tenant *t, const struct nsnet_tenant_def *def, size_t n)
{
	struct nsnet_err err = {0};
	struct nsn_endpoint e;
	size_t i;

	assert_int_equal(nsn_tenant_parse(t, def, &err), 0);
	nsn_tenant_endpoint_del(t, 0);
	t->id = NSN_ID_MAX;
	for (i = 0; i < n; i++) {
		e = (struct nsn_endpoint){
			.id = NSN_ID_MAX - i, .link = NSN_LINK_MAX - i, .rate = NSN_RATE_MAX};
		(void)snprintf(e.name, sizeof(e.name), "a23456789-123456789-12345678%04zu",
			       i % 10000);
		assert_int_equal(nsn_tenant_endpoint_add(t, &e, &err), 0);
	}
	assert_int_equal(nsn_tenant_allocate(t, &err), 0);
}

static const struct nsnet_tenant_def crowd = {.name = "a23456789-123456789-123456789-12",
					      .subnet = "10.0.0.0/16",
					      .subnet6 = "fd00:1::/64",
					      .rate = "100gbit"};

static size_t count_of(const struct nsn_state *s, enum nsn_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < s->n; i++)
		n += s->objects[i].kind == kind;
	return n;
}

static void a_thousand_endpoints_have_as_many_rules_as_one(void **state)
{
	enum { MANY = 1000, EXT = 8, ELEMS = 5, LIMITS = 2 };
	struct nsn_state one = {0}, many = {0};
	struct nsn_tenant t = {0}, u = {0};
	size_t i, n;

	(void)state;
	make_crowd(&t, &crowd, 1);
	compile_tenant(&one, &t, NSN_WANT_BUILT);
	make_crowd(&u, &crowd, MANY);
	compile_tenant(&many, &u, NSN_WANT_BUILT);
	for (n = NSN_OBJ_TABLE; n <= NSN_OBJ_CHAIN; n++)
		if (n != NSN_OBJ_ELEM && n != NSN_OBJ_LIMIT)
			assert_int_equal(count_of(&many, (enum nsn_kind)n),
					 count_of(&one, (enum nsn_kind)n));
	/* Not only as many: the very same. */
	for (i = n = 0; i < one.n; i++)
		if (one.objects[i].kind == NSN_OBJ_CHAIN) {
			const struct nsn_object *o = nsn_state_find(&many, &one.objects[i]);

			assert_non_null(o);
			assert_true(nsn_object_same(o, &one.objects[i]));
			n += o->u.chain.n_rules;
		}
	assert_true(n > 20);
	assert_int_equal(count_of(&one, NSN_OBJ_ELEM), EXT + ELEMS);
	assert_int_equal(count_of(&many, NSN_OBJ_ELEM), EXT + ELEMS * MANY);
	assert_int_equal(count_of(&one, NSN_OBJ_LIMIT), LIMITS + LIMITS);
	assert_int_equal(count_of(&many, NSN_OBJ_LIMIT), LIMITS + LIMITS * MANY);
	nsn_tenant_clear(&t);
	nsn_tenant_clear(&u);
	nsn_state_clear(&one);
	nsn_state_clear(&many);
}

/* ---- what refers to what ----------------------------------------------------------- */

static const struct nsn_object *in_table(const struct nsn_state *s, enum nsn_kind kind,
					 uint8_t family, const char *name)
{
	struct nsn_object like = {.kind = kind, .link = ""};

	if (kind == NSN_OBJ_COUNTER)
		like.u.counter =
			(struct nsn_counter){.family = family, .table = "nsnet", .name = name};
	else if (kind == NSN_OBJ_LIMIT)
		like.u.limit = (struct nsn_limit){.family = family, .table = "nsnet", .name = name};
	else
		like.u.set = (struct nsn_set){.family = family, .table = "nsnet", .name = name};
	return nsn_state_find(s, &like);
}

/* A name that was cut off is that of nothing. */
static void expect_names(const struct nsn_state *s, const struct nsn_chain *c)
{
	static const enum nsn_kind named[] = {[NSN_EXPR_COUNTER] = NSN_OBJ_COUNTER,
					      [NSN_EXPR_LIMIT] = NSN_OBJ_LIMIT,
					      [NSN_EXPR_LOOKUP] = NSN_OBJ_SET,
					      [NSN_EXPR_OBJMAP] = NSN_OBJ_SET,
					      [NSN_EXPR_OTHER] = 0};
	size_t i, j;

	for (i = 0; i < c->n_rules; i++)
		for (j = 0; j < c->rules[i].n; j++) {
			const struct nsn_expr *e = &c->rules[i].exprs[j];

			assert_true(e->kind != NSN_EXPR_OTHER);
			if (named[e->kind] && !in_table(s, named[e->kind], c->family, e->name))
				fail_msg("%s has no '%s'", c->name, e->name);
		}
}

static void expect_elem(const struct nsn_state *s, const struct nsn_elem *e)
{
	const struct nsn_object *set = in_table(s, NSN_OBJ_SET, e->family, e->set);

	assert_non_null(set);
	assert_int_equal(e->key_len, set->u.set.key_len);
	assert_int_equal(e->object[0] != '\0', set->u.set.obj_type != 0);
	if (e->object[0])
		assert_non_null(in_table(s, NSN_OBJ_LIMIT, e->family, e->object));
	assert_false(e->odd);
}

/* Every mix of settings with the longest names there are: no chain, rule or name too long. */
static void all_that_is_named_is_there(void **state)
{
	enum { IPV6 = 1, DENY = 2, RATE = 4, RATES = 8, CUT = 16, MIXES = 32 };
	unsigned int mix;

	(void)state;
	for (mix = 0; mix < MIXES; mix++) {
		struct nsnet_tenant_def def = crowd;
		struct nsn_state s = {0};
		struct nsn_tenant t = {0};
		size_t i;

		def.subnet6 = mix & IPV6 ? def.subnet6 : NULL;
		def.inside = mix & DENY ? "deny" : NULL;
		def.rate = mix & RATE ? def.rate : NULL;
		make_crowd(&t, &def, 1);
		t.endpoints[0].rate = mix & RATES ? NSN_RATE_MAX : 0;
		compile_tenant(&s, &t, mix & CUT ? NSN_WANT_CUT : NSN_WANT_BUILT);
		for (i = 0; i < s.n; i++) {
			if (s.objects[i].kind == NSN_OBJ_CHAIN)
				expect_names(&s, &s.objects[i].u.chain);
			if (s.objects[i].kind == NSN_OBJ_ELEM)
				expect_elem(&s, &s.objects[i].u.elem);
		}
		nsn_state_clear(&s);
		nsn_tenant_clear(&t);
	}
}

/* A rate counts bytes, and all names say which it is: the kernel changes no limit. */
static void the_highest_rate_has_a_name_of_its_own(void **state)
{
	static const char port[] = "nsnet_sent_nsn999999999999_100000000000";
	struct nsn_state s = {0};
	struct nsn_tenant t = {0};
	const struct nsn_object *o;

	(void)state;
	make_crowd(&t, &crowd, 1);
	compile_tenant(&s, &t, NSN_WANT_BUILT);
	o = in_table(&s, NSN_OBJ_LIMIT, NFPROTO_BRIDGE, port);
	assert_non_null(o);
	assert_true(o->u.limit.rate == NSN_RATE_MAX / 8);
	assert_non_null(in_table(&s, NSN_OBJ_LIMIT, NFPROTO_BRIDGE, "nsnet_rcvd_100000000000"));
	nsn_state_clear(&s);
	nsn_tenant_clear(&t);
}

/* ---- cut ---------------------------------------------------------------------------- */

static void expect_cut(const struct nsnet_tenant_def *def, size_t ports)
{
	struct nsn_state built = {0}, cut = {0};
	size_t i, more = 0, less = 0, bridge = 0;

	compile(&built, def, NSN_WANT_BUILT);
	compile(&cut, def, NSN_WANT_CUT);
	for (i = 0; i < cut.n; i++) {
		const struct nsn_object *o = &cut.objects[i];

		if (nsn_state_find(&built, o))
			continue;
		more++;
		assert_int_equal(o->kind, NSN_OBJ_CHAIN);
		assert_int_equal(o->u.chain.n_rules, 0);
		assert_int_equal(o->u.chain.policy, NF_DROP);
		assert_true(o->u.chain.priority < -300);
		bridge += o->u.chain.family == NFPROTO_BRIDGE;
	}
	for (i = 0; i < built.n; i++)
		if (!nsn_state_find(&cut, &built.objects[i])) {
			less++;
			assert_int_equal(built.objects[i].kind, NSN_OBJ_UP);
			assert_int_equal(strncmp(built.objects[i].link, "nsn", 3), 0);
		}
	assert_int_equal(more, 3);
	assert_int_equal(bridge, 1);
	assert_int_equal(less, ports);
	nsn_state_clear(&built);
	nsn_state_clear(&cut);
}

static void a_cut_tenant_has_three_chains_more_and_its_ports_down(void **state)
{
	(void)state;
	expect_cut(&plain, 1);
	expect_cut(&full, 2);
}

/* ---- quarantine -------------------------------------------------------------------------- */

/* The gateway of one with somebody in quarantine. */
static void compile_quarantine(struct nsn_state *s, const struct nsnet_tenant_def *def,
			       const char *const *who, size_t n)
{
	struct nsn_quarantine list[4] = {0};
	const struct nsn_intent intent = {.quarantines = list, .n_quarantines = n};
	const struct nsn_border border = {.intent = &intent};
	struct nsn_tenant t = {0};

	make_tenant(&t, def);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(nsn_peer_parse(&list[i].who, who[i], NULL), 0);
	assert_int_equal(nsn_compile(&t, &border, &owner, NSN_WANT_BUILT, s, NULL), 0);
	nsn_tenant_clear(&t);
}

static bool is_cut(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_ELEM && strcmp(o->u.elem.set, "nsnet_cut") == 0;
}

static size_t of_kind(const struct nsn_state *s, enum nsn_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += s->objects[i].kind == kind;
	return n;
}

#define CUT(port) "element bridge nsnet nsnet_cut { " port " }"

static bool differs(const struct nsn_object *o, const void *arg)
{
	const struct nsn_object *twin = nsn_state_find(arg, o);

	return !twin || !nsn_object_same(twin, o);
}

/* One element, and no other difference; of an endpoint only, and of this tenant's. */
static void an_endpoint_in_quarantine_is_one_element_more(void **state)
{
	static const char *const app[] = {CUT("nsn9")}, *const both[] = {CUT("nsn10"), CUT("nsn9")};
	static const char *const who[] = {"customer1/app", "customer1/db"}, *const others[] = {
										    "customer1",
										    "label:pci=cde",
										    "customer2/app",
										    "customer1/ap"};
	static const struct nsnet_tenant_def *const defs[] = {&full, &apart};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(defs); i++) {
		struct nsn_state none = {0}, one = {0}, twice = {0}, other = {0};

		compile(&none, defs[i], NSN_WANT_BUILT);
		compile_quarantine(&one, defs[i], who, 1);
		compile_quarantine(&twice, defs[i], who, 2);
		compile_quarantine(&other, defs[i], others, NSN_COUNT(others));
		expect_objects(&one, is_cut, app, 1);
		expect_objects(&twice, is_cut, both, 2);
		expect_objects(&other, is_cut, NULL, 0);
		assert_int_equal(one.n, none.n + 1);
		assert_int_equal(of_kind(&one, NSN_OBJ_ELEM), of_kind(&none, NSN_OBJ_ELEM) + 1);
		nsn_state_filter(&twice, differs, &none);
		assert_int_equal(twice.n, 2);
		nsn_state_clear(&none);
		nsn_state_clear(&one);
		nsn_state_clear(&twice);
		nsn_state_clear(&other);
	}
}

/* Whoever is released is so when that is stored, and not before; others are left alone. */
static void what_is_cut_stays_so_until_later(void **state)
{
	static const char *const both[] = {CUT("nsn10"), CUT("nsn9")}, *const db[] = {CUT("nsn10")};
	static const char *const app_and_db[] = {"customer1/app", "customer1/db"};
	struct nsn_state wanted = {0}, observed = {0}, again = {0};
	size_t n;

	(void)state;
	compile_quarantine(&observed, &full, app_and_db, 1);
	compile_quarantine(&wanted, &full, app_and_db + 1, 1);
	expect_objects(&wanted, is_cut, db, 1);
	n = wanted.n;
	assert_int_equal(nsn_compile_stay_cut(&wanted, &observed), 0);
	expect_objects(&wanted, is_cut, both, 2);
	assert_int_equal(wanted.n, n + 1);
	/* Who is there already is not there twice. */
	assert_int_equal(nsn_compile_stay_cut(&wanted, &observed), 0);
	assert_int_equal(wanted.n, n + 1);
	compile(&again, &full, NSN_WANT_BUILT);
	n = again.n;
	assert_int_equal(nsn_compile_stay_cut(&again, &again), 0);
	assert_int_equal(again.n, n);
	nsn_state_clear(&wanted);
	nsn_state_clear(&observed);
	nsn_state_clear(&again);
}

/* ---- numbers and words ---------------------------------------------------------------- */

static void forwarding_is_written_before_what_it_resets(void **state)
{
	struct nsn_state s = {0};
	size_t i, forwarding = 0, redirects = 0;

	(void)state;
	compile(&s, &plain, NSN_WANT_BUILT);
	for (i = 0; i < s.n; i++) {
		if (s.objects[i].kind != NSN_OBJ_SYSCTL)
			continue;
		if (strcmp(s.objects[i].u.sysctl.path, "net/ipv4/conf/all/forwarding") == 0)
			forwarding = i;
		if (strcmp(s.objects[i].u.sysctl.path, "net/ipv4/conf/all/accept_redirects") == 0)
			redirects = i;
	}
	assert_true(forwarding > 0 && redirects > forwarding);
	nsn_state_clear(&s);
}

static void numbers_that_fit_no_mac_address_or_name_are_refused(void **state)
{
	static const uint64_t bad[] = {0, NSN_ID_MAX + 1, UINT64_MAX};
	size_t i, which;

	(void)state;
	for (i = 0; i < NSN_COUNT(bad); i++)
		for (which = 0; which < 3; which++) {
			struct nsn_state s = {0};
			struct nsn_tenant t = {0};
			struct nsnet_err err = {0};

			make_tenant(&t, &plain);
			*(which == 0   ? &t.id
			  : which == 1 ? &t.endpoints[0].id
				       : &t.endpoints[0].link) = bad[i];
			assert_int_equal(nsn_compile(&t, NULL, &owner, NSN_WANT_BUILT, &s, &err),
					 -ERANGE);
			nsn_state_clear(&s);
			nsn_tenant_clear(&t);
		}
}

static void the_longest_port_name_fits_a_link(void **state)
{
	struct nsn_endpoint e = {.link = 999999999999};
	char port[NSN_PORT_NAME_SIZE];

	(void)state;
	assert_string_equal(nsn_compile_port(&e, port), "nsn999999999999");
}

static void a_mark_is_read_by_its_own_store_only(void **state)
{
	struct nsn_owner other = owner;
	char mark[NSN_MARK_SIZE];
	uint64_t id = 0;

	(void)state;
	(void)nsn_compile_mark(&owner, 42, "customer1", mark);
	assert_true(nsn_compile_mark_read(&owner, mark, &id));
	assert_int_equal(id, 42);
	other.store = "0123456789abcdef0123456789abcdee";
	assert_false(nsn_compile_mark_read(&other, mark, &id));
	assert_false(nsn_compile_mark_read(&owner, "", &id));
	assert_false(nsn_compile_mark_read(&owner, "nsnet store 0123456789abcdef", &id));
	assert_false(nsn_compile_mark_read(
		&owner, "nsnet store 0123456789abcdef0123456789abcdef tenant 4x name", &id));
	assert_false(nsn_compile_mark_read(
		&owner, "nsnet store 0123456789abcdef0123456789abcdef tenant 4", &id));
}

static void a_mark_fits_an_nft_comment(void **state)
{
	char mark[NSN_MARK_SIZE];

	(void)state;
	(void)nsn_compile_mark(&owner, NSN_ID_MAX, "a23456789-123456789-123456789-12", mark);
	/* libnftnl takes 128 bytes with NUL. */
	assert_non_null(strstr(mark, "a23456789-123456789-123456789-12"));
	assert_true(strlen(mark) < 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tenant_is_these_objects_in_this_order),
		cmocka_unit_test(a_tenant_with_all_there_is_is_these),
		cmocka_unit_test(each_chain_has_its_hook),
		cmocka_unit_test(endpoints_that_may_not_talk_know_of_no_neighbour),
		cmocka_unit_test(addresses_neighbours_and_routes_are_marked),
		cmocka_unit_test(a_workload_sees_its_tenant_and_nobody_else),
		cmocka_unit_test(a_thousand_endpoints_have_as_many_rules_as_one),
		cmocka_unit_test(all_that_is_named_is_there),
		cmocka_unit_test(the_highest_rate_has_a_name_of_its_own),
		cmocka_unit_test(a_cut_tenant_has_three_chains_more_and_its_ports_down),
		cmocka_unit_test(an_endpoint_in_quarantine_is_one_element_more),
		cmocka_unit_test(what_is_cut_stays_so_until_later),
		cmocka_unit_test(forwarding_is_written_before_what_it_resets),
		cmocka_unit_test(numbers_that_fit_no_mac_address_or_name_are_refused),
		cmocka_unit_test(the_longest_port_name_fits_a_link),
		cmocka_unit_test(a_mark_is_read_by_its_own_store_only),
		cmocka_unit_test(a_mark_fits_an_nft_comment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
