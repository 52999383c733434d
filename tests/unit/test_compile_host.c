/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nsnet has in the host's own namespace, as plain data; tests/kernel/test_host_table.c has
 * the packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/compile/host.h"
#include "../../lib/compile/parts.h"
#include "../../lib/model/policy.h"

static const struct nsn_owner owner = {
	.store = "0123456789abcdef0123456789abcdef", .group = 7, .pin_dir = "/run/nsnet/gw"};

/* ---- a host with two links, and two tenants ---------------------------------------------------
 */

enum { MOST = 6 };

struct lot {
	struct nsn_tenant tenants[2];
	struct nsn_endpoint ends[2][2];
	struct nsn_label labels[2];
	struct nsn_policy policies[MOST];
	struct nsn_peer peers[MOST][2];
	struct nsn_ports ports[MOST];
	struct nsn_quarantine quarantine;
	struct nsn_flow keep;
	struct nsn_host_link links[2];
	struct nsn_ip addrs[2];
	struct nsn_prefix nets[3];
	struct nsn_host_route routes[6];
	struct nsn_hostview view;
	struct nsn_intent intent;
	struct nsn_host_tenant uplinks[2];
	struct nsn_host_wanted w;
};

static struct nsn_ip ip(const char *text)
{
	struct nsn_ip ret;

	assert_int_equal(nsn_ip_parse(&ret, text), 0);
	return ret;
}

static struct nsn_prefix net(const char *text)
{
	struct nsn_prefix ret;

	assert_int_equal(nsn_prefix_parse(&ret, text), 0);
	return ret;
}

static void add_tenants(struct lot *l)
{
	for (size_t i = 0; i < 2; i++) {
		struct nsn_tenant *t = &l->tenants[i];

		t->id = i + 1;
		(void)snprintf(t->name, sizeof(t->name), "%s", i ? "blue" : "red");
		t->subnet = net(i ? "10.10.2.0/24" : "10.10.1.0/24");
		if (i == 0)
			t->subnet6 = net("fd00:1::/64");
		t->endpoints = l->ends[i];
		t->n_endpoints = 2;
		t->labels = &l->labels[i];
		t->n_labels = 1;
		l->labels[i] = (struct nsn_label){"tier", "gold"};
		for (size_t e = 0; e < 2; e++) {
			struct nsn_endpoint *end = &l->ends[i][e];

			end->id = end->link = 2 * i + e + 1;
			(void)snprintf(end->name, sizeof(end->name), "%s", e ? "db" : "app");
			end->ip = nsn_ip_add(&t->subnet.ip, e + 2);
			if (t->subnet6.ip.family)
				end->ip6 = nsn_ip_add(&t->subnet6.ip, e + 2);
		}
		l->uplinks[i] = (struct nsn_host_tenant){
			t,
			{.link = 9 + i,
			 .near4 = nsn_transit_ip(&l->w.transit.ip, (uint32_t)i, false),
			 .far4 = nsn_transit_ip(&l->w.transit.ip, (uint32_t)i, true),
			 .near6 = nsn_transit_ip(&l->w.transit.ip6, (uint32_t)i, false),
			 .far6 = nsn_transit_ip(&l->w.transit.ip6, (uint32_t)i, true)}};
	}
}

static void begin(struct lot *l)
{
	*l = (struct lot){0};
	l->w.transit = (struct nsn_transit){net("100.127.0.0/16"), net("fd78::/64")};
	add_tenants(l);
	l->links[0] = (struct nsn_host_link){"eth0", 0, 0, 0, 1};
	l->links[1] = (struct nsn_host_link){"eth1", 0, 0, 0, 1};
	l->addrs[0] = ip("192.0.2.10");
	l->addrs[1] = ip("2001:db8::10");
	l->nets[0] = net("192.0.2.0/24");
	l->nets[1] = net("10.20.0.0/24");
	l->nets[2] = net("2001:db8::/64");
	l->routes[0] = (struct nsn_host_route){l->nets[0], {0}, "eth0"};
	l->routes[1] = (struct nsn_host_route){l->nets[1], {0}, "eth1"};
	l->routes[2] = (struct nsn_host_route){l->nets[2], {0}, "eth0"};
	l->routes[3] = (struct nsn_host_route){net("0.0.0.0/0"), ip("192.0.2.1"), "eth0"};
	l->routes[4] = (struct nsn_host_route){net("::/0"), ip("fe80::1"), "eth0"};
	l->view = (struct nsn_hostview){.links = l->links,
					.n_links = 2,
					.addrs = l->addrs,
					.n_addrs = 2,
					.nets = l->nets,
					.n_nets = 3,
					.routes = l->routes,
					.n_routes = 5};
	l->intent = (struct nsn_intent){.tenants = l->tenants,
					.n_tenants = 2,
					.policies = l->policies,
					.quarantines = &l->quarantine,
					.now = 1000,
					.links = l->nets,
					.n_links = 3,
					.host = l->addrs,
					.n_host = 2};
	l->w.intent = &l->intent;
	l->w.view = &l->view;
	l->w.tenants = l->uplinks;
	l->w.n_tenants = 2;
}

/* "red -> internet tcp/80", with "deny " before it; published: "8080", "127.0.0.1 8080". */
static struct nsn_policy *rule(struct lot *l, const char *text, const char *publish)
{
	const size_t i = l->intent.n_policies++;
	struct nsn_policy *p = &l->policies[i];
	const char *port = publish ? strrchr(publish, ' ') : NULL;
	struct nsn_flow flow;
	char address[64];

	*p = (struct nsn_policy){.id = i + 1, .number = (uint32_t)i + 1};
	(void)snprintf(p->name, sizeof(p->name), "rule-%zu", i + 1);
	p->deny = strncmp(text, "deny ", 5) == 0;
	assert_int_equal(nsn_flow_parse(&flow, text + (p->deny ? 5 : 0), NULL), 0);
	l->peers[i][0] = flow.from;
	l->peers[i][1] = flow.to;
	l->ports[i] = flow.ports;
	p->from = &l->peers[i][0];
	p->to = &l->peers[i][1];
	p->ports = &l->ports[i];
	p->n_from = p->n_to = p->n_ports = 1;
	if (publish)
		p->publish.port = (uint16_t)strtoul(port ? port : publish, NULL, 10);
	if (port) {
		(void)snprintf(address, sizeof(address), "%.*s", (int)(port - publish), publish);
		p->publish.ip = ip(address);
	}
	return p;
}

static void compile(struct lot *l, enum nsn_host_state state, const struct nsn_host_tenant *only,
		    struct nsn_state *s)
{
	struct nsnet_err err = {0};

	nsn_state_clear(s);
	if (nsn_compile_host(&l->w, state, only, &owner, s, &err) < 0)
		fail_msg("%s", err.msg);
	for (size_t i = 1; i < s->n; i++)
		assert_true(nsn_object_cmp(&s->objects[i - 1], &s->objects[i]) < 0);
}

/* Whether an object of this kind has these words; *@n: how many there are that begin so. */
static size_t with(const struct nsn_state *s, enum nsn_kind kind, const char *words)
{
	NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->objects[i].kind == kind &&
		    strncmp(nsn_object_str(&s->objects[i], &mem), words, strlen(words)) == 0)
			n++;
	return n;
}

/* Elements of those sets that are about tenants, as "service4 { nsn9 . 6 . 22 } ...". */
static void elements(const struct lot *l, const struct nsn_state *s, char *buf, size_t size)
{
	NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];
		const char *set = o->kind == NSN_OBJ_ELEM ? o->u.elem.set + strlen("nsnet_") : "";

		if (!nsn_host_uplink_of(o, &l->w.transit, l->uplinks, 2) ||
		    o->kind != NSN_OBJ_ELEM || strncmp(set, "from", 4) == 0 ||
		    strncmp(set, "quoted", 6) == 0 || strncmp(set, "far", 3) == 0)
			continue;
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "\n" : "",
				      nsn_object_str(o, &mem) + strlen("inet nsnet nsnet_"));
		assert_true(n < size);
	}
}

/* ---- what policies open -------------------------------------------------------------------------
 */

#define NEAR4(n) "0x647f0" #n
#define RED6	 "0xfd780000000000000000000000000001"

static const struct {
	const char *rules[4];
	const char *publish; /* of the first */
	const char *quarantine, *keep;
	const char *want;
} cases[] = {
	{.rules = {"red/app -> internet tcp/80"}, .want = "internet4 { nsn9 }\ninternet6 { nsn9 }"},
	{.rules = {"blue -> internet"}, .want = "internet4 { nsn10 }"},
	{.rules = {"label:tier=gold -> internet"},
	 .want = "internet4 { nsn10 }\ninternet4 { nsn9 }\ninternet6 { nsn9 }"},
	{.rules = {"blue -> host tcp/22"}, .want = "service4 { nsn10 . 6 . 22 }"},
	{.rules = {"blue -> host tcp/22", "blue/db -> host tcp/20-30", "blue -> host tcp/31",
		   "blue -> host tcp/33"},
	 .want = "service4 { nsn10 . 6 . 20-31 }\nservice4 { nsn10 . 6 . 33 }"},
	{.rules = {"blue -> host icmp/echo"}, .want = "ping4 { nsn10 }"},
	{.rules = {"blue -> host"},
	 .want = "ping4 { nsn10 }\nservice4 { nsn10 . 0-255 . 0-65535 }"},
	{.rules = {"red -> host udp/53"},
	 .want = "service4 { nsn9 . 17 . 53 }\nservice6 { nsn9 . 17 . 53 }"},
	/* A denial, whoever it is for; of one endpoint it is for the gateway. */
	{.rules = {"blue -> host tcp/22", "deny blue -> host"}, .want = ""},
	{.rules = {"blue -> host tcp/20-22", "deny tenants -> any tcp/21"},
	 .want = "service4 { nsn10 . 6 . 20 }\nservice4 { nsn10 . 6 . 22 }"},
	{.rules = {"blue -> host tcp/22", "deny blue/db -> host"},
	 .want = "service4 { nsn10 . 6 . 22 }"},
	{.rules = {"blue -> internet", "deny blue -> internet"}, .want = ""},
	{.rules = {"blue -> host tcp/22", "blue -> internet"}, .quarantine = "blue", .want = ""},
	{.rules = {"blue -> host tcp/22", "blue -> internet"},
	 .quarantine = "blue",
	 .keep = "blue -> host tcp/23",
	 .want = "service4 { nsn10 . 6 . 23 }"},
	{.rules = {"blue -> internet"},
	 .quarantine = "blue",
	 .keep = "blue -> 10.9.0.0/16 tcp/23",
	 .want = "network4 { nsn10 . 10.9.0.0-10.9.255.255 }"},
	/* Networks; of one on a link of the host, no broadcast address. */
	{.rules = {"blue -> 10.20.2.0/24 tcp/80", "blue -> 10.20.3.0/24 tcp/81"},
	 .want = "network4 { nsn10 . 10.20.2.0-10.20.3.255 }"},
	{.rules = {"blue -> 10.20.0.0/24 tcp/80", "blue -> 10.20.0.128/25 tcp/81",
		   "red -> fd99::/64"},
	 .want = "network4 { nsn10 . 10.20.0.1-10.20.0.254 }\n"
		 "network6 { nsn9 . fd99::-fd99::ffff:ffff:ffff:ffff }"},
	/* The host's own address in it is none of the network. */
	{.rules = {"blue -> 192.0.2.8/30"},
	 .want = "network4 { nsn10 . 192.0.2.8-192.0.2.9 }\nnetwork4 { nsn10 . 192.0.2.11 }"},
	{.rules = {"blue -> 10.20.0.0/24", "blue -> internet"},
	 .want = "internet4 { nsn10 }\nnetwork4 { nsn10 . 10.20.0.1-10.20.0.254 }"},
	/* What is published. */
	{.rules = {"internet -> red/app tcp/80"},
	 .publish = "443",
	 .want = "published_all4 { 6 . 443 : " NEAR4(001) "00010000 } rule-1\n"
							  "published_all6 { 6 . 443 : " RED6
							  "00010000 } rule-1"},
	{.rules = {"internet -> blue/app udp/53"},
	 .publish = "192.0.2.10 5353",
	 .want = "published4 { 192.0.2.10 . 17 . 5353 : " NEAR4(003) "00010000 } rule-1"},
	{.rules = {"192.0.2.0/24 -> red/app tcp/80"},
	 .publish = ":: 80",
	 .want = "published_all6 { 6 . 80 : " RED6 "00010000 } rule-1"},
	{.rules = {"host -> blue/app tcp/80"},
	 .publish = "127.0.0.1 8080",
	 .want = "own4 { 127.0.0.1 . 6 . 8080 : " NEAR4(003) "00010000 } rule-1"},
	{.rules = {"host -> blue/app tcp/80"},
	 .publish = "0.0.0.0 8080",
	 .want = "own_all4 { 6 . 8080 : " NEAR4(003) "00010000 } rule-1"},
	{.rules = {"any -> blue/app tcp/80"},
	 .publish = "127.0.0.1 8080",
	 .want = "own4 { 127.0.0.1 . 6 . 8080 : " NEAR4(003) "00010000 } rule-1"},
	{.rules = {"any -> blue/app tcp/80"},
	 .publish = "192.0.2.10 8080",
	 .want = "own4 { 192.0.2.10 . 6 . 8080 : " NEAR4(
		 003) "00010000 } rule-1\n"
		      "published4 { 192.0.2.10 . 6 . 8080 : " NEAR4(003) "00010000 } rule-1"},
	/* No answer would come back. */
	{.rules = {"host -> red/app tcp/80"}, .publish = "::1 8080", .want = ""},
	/* Of an endpoint that is not there. */
	{.rules = {"internet -> blue/gone tcp/80"}, .publish = "80", .want = ""},
	{.rules = {"red -> blue tcp/80"}, .want = ""},
};

static void policies_are_elements(void **state)
{
	struct nsn_state s = {0};
	struct lot l;
	char have[2048];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		begin(&l);
		for (size_t k = 0; k < NSN_COUNT(cases[i].rules) && cases[i].rules[k]; k++)
			(void)rule(&l, cases[i].rules[k], k ? NULL : cases[i].publish);
		l.intent.n_quarantines = cases[i].quarantine != NULL;
		if (cases[i].quarantine)
			assert_int_equal(
				nsn_peer_parse(&l.quarantine.who, cases[i].quarantine, NULL), 0);
		if (cases[i].keep) {
			assert_int_equal(nsn_flow_parse(&l.keep, cases[i].keep, NULL), 0);
			l.quarantine.keep = &l.keep;
			l.quarantine.n_keep = 1;
		}
		compile(&l, NSN_HOST_OPEN, NULL, &s);
		elements(&l, &s, have, sizeof(have));
		if (strcmp(have, cases[i].want) != 0)
			fail_msg("case %zu, %s:\n%s\nnot\n%s", i, cases[i].rules[0], have,
				 cases[i].want);
	}
	nsn_state_clear(&s);
}

static void what_does_not_count_opens_nothing(void **state)
{
	struct nsn_state s = {0};
	struct lot l;
	char have[2048];

	(void)state;
	begin(&l);
	rule(&l, "blue -> host tcp/22", NULL)->expires = 1000;
	rule(&l, "internet -> blue/app tcp/80", "80")->expires = 1000;
	rule(&l, "blue -> 10.0.0.0/8", NULL)->audit = true;
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	elements(&l, &s, have, sizeof(have));
	assert_string_equal(have, "");
	assert_int_equal(with(&s, NSN_OBJ_SYSCTL, ""), 0);
	nsn_state_clear(&s);
}

/* ---- the whole
 * ------------------------------------------------------------------------------------ */

static void without_uplinks_there_is_nothing(void **state)
{
	struct nsn_state s = {0};
	struct lot l;

	(void)state;
	begin(&l);
	(void)rule(&l, "red -> internet", NULL);
	l.w.n_tenants = 0;
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.objects[0].kind, NSN_OBJ_NETNS);
	nsn_state_clear(&s);
}

/* All but elements and what hangs on a link. */
static bool is_shared(const struct nsn_object *o)
{
	return o->kind <= NSN_OBJ_CHAIN && o->kind != NSN_OBJ_ELEM && o->kind != NSN_OBJ_SYSCTL;
}

static void a_tenant_more_is_elements_more(void **state)
{
	struct nsn_state one = {0}, two = {0};
	struct lot l;
	size_t n = 0;

	(void)state;
	begin(&l);
	(void)rule(&l, "red -> internet", NULL);
	(void)rule(&l, "internet -> blue/app tcp/80", "80");
	compile(&l, NSN_HOST_OPEN, NULL, &two);
	l.w.n_tenants = 1;
	compile(&l, NSN_HOST_OPEN, NULL, &one);
	for (size_t i = 0; i < two.n; i++) {
		const struct nsn_object *o = &two.objects[i], *twin = nsn_state_find(&one, o);

		if (twin)
			assert_true(nsn_object_same(twin, o));
		assert_true(twin || !is_shared(o));
		n += twin != NULL;
		/* What is not there without the tenant is the tenant's. */
		assert_int_equal(twin ? 0 : nsn_host_uplink_of(o, &l.w.transit, l.uplinks, 2),
				 twin ? 0 : 10);
	}
	assert_int_equal(n, one.n);
	nsn_state_clear(&one);
	nsn_state_clear(&two);
}

static void one_of_them_is_its_part_of_the_whole(void **state)
{
	struct nsn_state all = {0}, part = {0};
	struct lot l;
	size_t n = 0;

	(void)state;
	begin(&l);
	(void)rule(&l, "red -> internet", NULL);
	(void)rule(&l, "internet -> blue/app tcp/80", "80");
	compile(&l, NSN_HOST_OPEN, NULL, &all);
	compile(&l, NSN_HOST_OPEN, &l.uplinks[1], &part);
	for (size_t i = 0; i < all.n; i++) {
		const struct nsn_object *o = &all.objects[i], *twin = nsn_state_find(&part, o);
		const bool others = nsn_host_uplink_of(o, &l.w.transit, l.uplinks, 2) == 9;

		assert_true(others ? !twin : twin && nsn_object_same(o, twin));
		n += !others;
	}
	assert_int_equal(n, part.n);
	nsn_state_clear(&all);
	nsn_state_clear(&part);
}

static void the_end_of_an_uplink(void **state)
{
	static const struct {
		enum nsn_kind kind;
		const char *words;
	} want[] = {
		{NSN_OBJ_ADDR, "100.127.0.0/32 on nsn9"},
		{NSN_OBJ_ADDR, "fd78::/128 on nsn9"},
		{NSN_OBJ_NEIGH, "100.127.0.1 is 16:00:00:00:00:09 on nsn9"},
		{NSN_OBJ_NEIGH, "fd78::1 is 16:00:00:00:00:09 on nsn9"},
		{NSN_OBJ_ROUTE, "100.127.0.1/32 dev nsn9"},
		{NSN_OBJ_ROUTE, "fd78::1/128 dev nsn9"},
		{NSN_OBJ_UP, "nsn9"},
		{NSN_OBJ_LINK, "nsn9 veth 1a:00:00:00:00:09 group 7"},
		{NSN_OBJ_CONF, "net/ipv4/conf/nsn9/forwarding = 1"},
		{NSN_OBJ_CONF, "net/ipv4/conf/nsn9/rp_filter = 1"},
		{NSN_OBJ_CONF, "net/ipv4/conf/nsn9/route_localnet = 0"},
		{NSN_OBJ_CONF, "net/ipv6/conf/nsn9/disable_ipv6 = 0"},
		{NSN_OBJ_CONF, "net/ipv6/conf/nsn9/accept_ra = 0"},
		{NSN_OBJ_CONF, "net/ipv6/conf/nsn9/force_forwarding = 1"},
		/* Of whom nothing is routed, and who has no IPv6. */
		{NSN_OBJ_CONF, "net/ipv4/conf/nsn10/forwarding = 0"},
		{NSN_OBJ_CONF, "net/ipv4/conf/nsn10/route_localnet = 1"},
		{NSN_OBJ_CONF, "net/ipv6/conf/nsn10/disable_ipv6 = 1"},
	};
	struct nsn_state s = {0};
	struct lot l;

	(void)state;
	begin(&l);
	(void)rule(&l, "red -> internet", NULL);
	(void)rule(&l, "blue -> host tcp/22", NULL);
	(void)rule(&l, "host -> blue/app tcp/80", "127.0.0.1 80");
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	for (size_t i = 0; i < NSN_COUNT(want); i++)
		if (with(&s, want[i].kind, want[i].words) != 1)
			fail_msg("%s %s", nsn_kind_name(want[i].kind), want[i].words);
	assert_int_equal(with(&s, NSN_OBJ_ADDR, ""), 3);
	/* It takes the host's default routes away. */
	assert_int_equal(with(&s, NSN_OBJ_CONF, "net/ipv6/conf/nsn9/forwarding"), 0);
	/* Nothing but what has to be, and never `default`. */
	assert_int_equal(with(&s, NSN_OBJ_SYSCTL, "net/ipv4/conf/default"), 0);
	assert_int_equal(with(&s, NSN_OBJ_SYSCTL, "net/ipv6/conf/default"), 0);
	nsn_state_clear(&s);
}

static void a_mark_is_of_one_store(void **state)
{
	const struct nsn_owner other = {.store = "f123456789abcdef0123456789abcdef"};
	char mark[NSN_MARK_SIZE];
	uint64_t tenant;

	(void)state;
	assert_string_equal(nsn_compile_host_mark(&owner, mark),
			    "nsnet store 0123456789abcdef0123456789abcdef host");
	assert_true(nsn_compile_host_mark_read(&owner, mark));
	assert_false(nsn_compile_host_mark_read(&other, mark));
	assert_false(nsn_compile_mark_read(&owner, mark, &tenant));
	(void)nsn_compile_mark(&owner, 5, "host", mark);
	assert_false(nsn_compile_host_mark_read(&owner, mark));
}

/* ---- settings of the host
 * ---------------------------------------------------------------------------- */

/* As "eth0/forwarding=0 ...", in the order in which they are found. */
static void settings(struct lot *l, char *buf, size_t size, struct nsn_host_setting **keep_list,
		     size_t *keep_n)
{
	struct nsn_host_setting *list = NULL;
	size_t n, at = 0;

	assert_int_equal(nsn_compile_host_settings(&l->w, &list, &n, NULL), 0);
	buf[0] = '\0';
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%s=%s", i ? " " : "",
				       list[i].path + strlen("net/"), list[i].old);
	if (keep_list) {
		*keep_list = list;
		*keep_n = n;
	} else {
		free(list);
	}
}

/* Sysctl objects, in their order. */
static void wanted(struct lot *l, enum nsn_host_state how, char *buf, size_t size)
{
	struct nsn_state s = {0};
	size_t at = 0;

	buf[0] = '\0';
	compile(l, how, NULL, &s);
	for (size_t i = 0; i < s.n; i++)
		if (s.objects[i].kind == NSN_OBJ_SYSCTL)
			at += (size_t)snprintf(buf + at, size - at, "%s%s=%s", at ? " " : "",
					       s.objects[i].u.sysctl.path + strlen("net/"),
					       s.objects[i].u.sysctl.value);
	nsn_state_clear(&s);
}

static void only_links_that_something_leaves_by_forward(void **state)
{
	static const struct {
		const char *rule, *publish, *want;
	} ways[] = {
		{"blue -> internet", NULL, "ipv4/conf/eth0/forwarding=0"},
		{"red -> internet", NULL,
		 "ipv4/conf/eth0/forwarding=0 ipv6/conf/eth0/force_forwarding=0"},
		{"blue -> 10.20.0.0/16", NULL,
		 "ipv4/conf/eth0/forwarding=0 ipv4/conf/eth1/forwarding=0"},
		{"blue -> 10.20.0.7", NULL, "ipv4/conf/eth1/forwarding=0"},
		{"blue -> 172.16.0.0/12", NULL, "ipv4/conf/eth0/forwarding=0"},
		{"internet -> blue/app tcp/80", "80", "ipv4/conf/eth0/forwarding=0"},
		{"10.20.0.7 -> blue/app tcp/80", "80", "ipv4/conf/eth1/forwarding=0"},
		{"host -> blue/app tcp/80", "80", ""},
		{"blue -> host tcp/22", NULL, ""},
	};
	struct lot l;
	char have[512];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(ways); i++) {
		begin(&l);
		(void)rule(&l, ways[i].rule, ways[i].publish);
		settings(&l, have, sizeof(have), NULL, NULL);
		if (strcmp(have, ways[i].want) != 0)
			fail_msg("%s: %s, not %s", ways[i].rule, have, ways[i].want);
	}
}

static void what_forwarded_before_stays_and_is_not_guarded(void **state)
{
	struct nsn_state s = {0};
	struct lot l;
	char have[512];

	(void)state;
	begin(&l);
	(void)rule(&l, "red -> internet", NULL);
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	assert_int_equal(with(&s, NSN_OBJ_ELEM, "inet nsnet nsnet_guard4 { eth0"), 1);
	assert_int_equal(with(&s, NSN_OBJ_ELEM, "inet nsnet nsnet_guard6 { eth0"), 1);
	assert_int_equal(with(&s, NSN_OBJ_ELEM, "inet nsnet nsnet_guard"), 2);
	l.links[0].forwarding4 = 1;
	l.view.all_forwarding6 = 1;
	settings(&l, have, sizeof(have), NULL, NULL);
	assert_string_equal(have, "");
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	assert_int_equal(with(&s, NSN_OBJ_ELEM, "inet nsnet nsnet_guard"), 0);
	nsn_state_clear(&s);
}

/* Stored, switched on, and given back: by link, and when the last uplink goes. */
static void settings_come_back(void **state)
{
	struct nsn_host_setting *old = NULL;
	struct nsn_state s = {0};
	struct lot l;
	char have[512];
	size_t n;

	(void)state;
	begin(&l);
	(void)rule(&l, "blue -> internet", NULL);
	(void)rule(&l, "blue -> 10.20.0.0/24", NULL);
	settings(&l, have, sizeof(have), &old, &n);
	assert_string_equal(have, "ipv4/conf/eth0/forwarding=0 ipv4/conf/eth1/forwarding=0");
	l.w.old = old;
	l.w.n_old = n;
	l.links[0].forwarding4 = l.links[1].forwarding4 = 1;
	settings(&l, have, sizeof(have), NULL, NULL);
	assert_string_equal(have, "");
	wanted(&l, NSN_HOST_OPEN, have, sizeof(have));
	assert_string_equal(have, "ipv4/conf/eth0/forwarding=1 ipv4/conf/eth1/forwarding=1");
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	assert_int_equal(with(&s, NSN_OBJ_ELEM, "inet nsnet nsnet_guard4"), 2);
	/* One of them is no longer needed. */
	l.intent.n_policies = 1;
	wanted(&l, NSN_HOST_OPEN, have, sizeof(have));
	assert_string_equal(have, "ipv4/conf/eth0/forwarding=1 ipv4/conf/eth1/forwarding=0");
	/* None is, and the table still there, with what it guards. */
	l.w.n_tenants = 0;
	wanted(&l, NSN_HOST_CLOSING, have, sizeof(have));
	assert_string_equal(have, "ipv4/conf/eth0/forwarding=0 ipv4/conf/eth1/forwarding=0");
	compile(&l, NSN_HOST_CLOSING, NULL, &s);
	assert_int_equal(with(&s, NSN_OBJ_TABLE, "inet nsnet"), 1);
	assert_int_equal(with(&s, NSN_OBJ_ELEM, "inet nsnet nsnet_guard4"), 2);
	assert_int_equal(with(&s, NSN_OBJ_LINK, ""), 0);
	nsn_state_clear(&s);
	free(old);
}

/* Before Linux 6.17. */
static void all_of_ipv6_is_forwarded_where_nothing_less_can_be(void **state)
{
	struct nsn_host_setting *old = NULL;
	struct nsn_state s = {0};
	struct lot l;
	char have[512];
	size_t n;

	(void)state;
	begin(&l);
	l.links[0].force6 = l.links[1].force6 = -1;
	l.links[0].forwarding4 = 1;
	l.links[1].forwarding6 = 1;
	(void)rule(&l, "red -> internet", NULL);
	settings(&l, have, sizeof(have), &old, &n);
	assert_string_equal(have, "ipv6/conf/all/forwarding=0 ipv6/conf/eth0/accept_ra=1 "
				  "ipv6/conf/eth1/forwarding=1");
	/* What would take the default route away comes behind what keeps it. */
	wanted(&l, NSN_HOST_OPEN, have, sizeof(have));
	assert_string_equal(have, "ipv6/conf/eth0/accept_ra=2 ipv6/conf/all/forwarding=1 "
				  "ipv6/conf/eth1/forwarding=1");
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	assert_int_equal(with(&s, NSN_OBJ_ELEM, "inet nsnet nsnet_guard_family"), 1);
	assert_int_equal(with(&s, NSN_OBJ_CONF, "net/ipv6/conf/nsn9/force_forwarding"), 0);
	/* As it then is: the same is wanted. */
	l.w.old = old;
	l.w.n_old = n;
	l.view.all_forwarding6 = l.links[0].forwarding6 = 1;
	l.links[0].accept_ra = 2;
	settings(&l, have, sizeof(have), NULL, NULL);
	assert_string_equal(have, "");
	wanted(&l, NSN_HOST_OPEN, have, sizeof(have));
	assert_string_equal(have, "ipv6/conf/eth0/accept_ra=2 ipv6/conf/all/forwarding=1 "
				  "ipv6/conf/eth1/forwarding=1");
	wanted(&l, NSN_HOST_CLOSING, have, sizeof(have));
	assert_string_equal(have, "ipv6/conf/all/forwarding=0 ipv6/conf/eth1/forwarding=1 "
				  "ipv6/conf/eth0/accept_ra=1");
	nsn_state_clear(&s);
	free(old);
}

static void a_host_without_ipv6(void **state)
{
	struct nsn_state s = {0};
	struct lot l;
	char have[512];

	(void)state;
	begin(&l);
	l.view.all_forwarding6 = -1;
	l.links[0].force6 = l.links[1].force6 = -1;
	(void)rule(&l, "red -> internet", NULL);
	settings(&l, have, sizeof(have), NULL, NULL);
	assert_string_equal(have, "ipv4/conf/eth0/forwarding=0");
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	assert_int_equal(with(&s, NSN_OBJ_CONF, "net/ipv6"), 0);
	assert_int_equal(with(&s, NSN_OBJ_ADDR, "fd78"), 0);
	assert_int_equal(with(&s, NSN_OBJ_ELEM, "inet nsnet nsnet_from6"), 0);
	nsn_state_clear(&s);
}

/* ---- what the host has
 * ---------------------------------------------------------------------------------- */

static void where_the_internet_is(void **state)
{
	static const char *const want[] = {
		"inet nsnet nsnet_egress4 { eth0 . 192.0.2.1 }",
		"inet nsnet nsnet_egress6 { eth0 . fe80::1 }",
		"inet nsnet nsnet_egress_link4 { eth1 }",
		"inet nsnet nsnet_host4 { 192.0.2.10 }",
		"inet nsnet nsnet_host6 { 2001:db8::10 }",
		"inet nsnet nsnet_linked4 { 100.127.0.0-100.127.255.255 . 10.20.0.0-10.20.1.255 }",
		"inet nsnet nsnet_linked4 { 100.127.0.0-100.127.255.255 . 192.0.2.0-192.0.2.255 }",
		/* A gateway is on the link without being in a network there. */
		"inet nsnet nsnet_linked6 { fd78::-fd78::ffff:ffff:ffff:ffff . fe80::1 }",
	};
	struct nsn_state s = {0};
	struct lot l;

	(void)state;
	begin(&l);
	(void)rule(&l, "red -> internet", NULL);
	l.routes[5] = (struct nsn_host_route){net("0.0.0.0/0"), {0}, "eth1"};
	l.view.n_routes = 6;
	/* Beside another one, and one that is in another one. */
	l.nets[2] = net("10.20.1.0/24");
	compile(&l, NSN_HOST_OPEN, NULL, &s);
	for (size_t i = 0; i < NSN_COUNT(want); i++)
		if (with(&s, NSN_OBJ_ELEM, want[i]) != 1)
			fail_msg("%s", want[i]);
	nsn_state_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_are_elements),
		cmocka_unit_test(what_does_not_count_opens_nothing),
		cmocka_unit_test(without_uplinks_there_is_nothing),
		cmocka_unit_test(a_tenant_more_is_elements_more),
		cmocka_unit_test(one_of_them_is_its_part_of_the_whole),
		cmocka_unit_test(the_end_of_an_uplink),
		cmocka_unit_test(a_mark_is_of_one_store),
		cmocka_unit_test(only_links_that_something_leaves_by_forward),
		cmocka_unit_test(what_forwarded_before_stays_and_is_not_guarded),
		cmocka_unit_test(settings_come_back),
		cmocka_unit_test(all_of_ipv6_is_forwarded_where_nothing_less_can_be),
		cmocka_unit_test(a_host_without_ipv6),
		cmocka_unit_test(where_the_internet_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
