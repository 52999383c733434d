/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What policies say of a tenant and the outside, as boxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "../../lib/compile/border.h"
#include "../../lib/compile/flows.h"
#include "intent_world.h"

/* ---- a tenant, a host and what is around ------------------------------------------------ */

#define OWN4  "10.77.0.0/24"
#define OWN6  "fd77::/64"
#define FAR4  "100.64.0.6"
#define FAR6  "fd64::6"
#define HOST4 "10.1.2.9"
#define HOST6 "fd00:1::9"

static const struct nsn_ip hosts[] = {
	{AF_INET, {10, 1, 2, 9}},
	{AF_INET6, {0xfd, 0, 0, 1, [15] = 9}},
};

static struct nsn_prefix prefix(const char *text)
{
	struct nsn_prefix p;

	assert_int_equal(nsn_prefix_parse(&p, text), 0);
	return p;
}

static struct nsn_ip ip(const char *text)
{
	struct nsn_ip ret;

	assert_int_equal(nsn_ip_parse(&ret, text), 0);
	return ret;
}

/* The first tenant gets addresses, as all that is asked here is about it. */
static void settle(struct world *w)
{
	struct nsn_tenant *t = &w->tenants[0];

	t->id = 1;
	t->subnet = prefix(OWN4);
	t->subnet6 = prefix(OWN6);
	for (size_t i = 0; i < t->n_endpoints; i++) {
		t->endpoints[i].ip = nsn_ip_add(&t->subnet.ip, 10 + i);
		t->endpoints[i].ip6 = nsn_ip_add(&t->subnet6.ip, 10 + i);
	}
	for (size_t i = 0; i < w->intent.n_policies; i++)
		w->policies[i].number = (uint32_t)i + 1;
	w->intent.host = hosts;
	w->intent.n_host = NSN_COUNT(hosts);
}

static void beyond(struct nsn_boxes *b, const struct world *w, bool out)
{
	const struct nsn_ip far4 = ip(FAR4), far6 = ip(FAR6);
	const struct nsn_prefix pool4 = prefix("100.64.0.0/10"), pool6 = prefix("fd64::/64");

	*b = (struct nsn_boxes){0};
	assert_int_equal(
		nsn_flows_beyond(b, &w->intent, &w->tenants[0], out, AF_INET, &far4, &pool4), 0);
	assert_int_equal(
		nsn_flows_beyond(b, &w->intent, &w->tenants[0], out, AF_INET6, &far6, &pool6), 0);
}

static bool in_range(const struct nsn_range *r, const struct nsn_ip *at)
{
	return nsn_ip_cmp(&r->first, at) <= 0 && nsn_ip_cmp(at, &r->last) <= 0;
}

/* 1: allowed, 0: denied, -1: nothing is said. In one box at most. */
static int boxed(const struct nsn_boxes *b, const struct nsn_ip *from, const struct nsn_ip *to,
		 const struct nsn_ports *ports)
{
	static const uint8_t protos[] = {[NSN_PROTO_TCP] = IPPROTO_TCP,
					 [NSN_PROTO_UDP] = IPPROTO_UDP,
					 [NSN_PROTO_SCTP] = IPPROTO_SCTP};
	const bool echo = ports->proto == NSN_PROTO_ECHO;
	const uint8_t icmp = from->family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
		      proto = echo ? icmp : protos[ports->proto];
	int ret = -1;

	for (size_t i = 0; i < b->n; i++) {
		const struct nsn_box *x = &b->list[i];

		if (x->echo != echo || !in_range(&x->from, from) || !in_range(&x->to, to) ||
		    proto < x->proto || proto > x->proto_last ||
		    (!echo && (ports->first < x->port || ports->first > x->port_last)))
			continue;
		assert_int_equal(ret, -1);
		ret = x->allow;
	}
	return ret;
}

static int said(const struct world *w, const struct nsn_boxes *b, bool out, size_t endpoint,
		const char *outside, const char *what)
{
	const struct nsn_ip other = ip(outside);
	const struct nsn_endpoint *e = &w->tenants[0].endpoints[endpoint];
	const struct nsn_ip *own = other.family == AF_INET6 ? &e->ip6 : &e->ip;
	struct nsn_ports ports;

	assert_int_equal(nsn_ports_parse(&ports, what, NULL), 0);
	return boxed(b, out ? own : &other, out ? &other : own, &ports);
}

/* ---- who is what ------------------------------------------------------------------------- */

enum { NOBODY, INTERNET, HOST, NETWORK };
static const struct {
	const char *ip;
	int is;
} places[] = {
	{"8.8.8.8", INTERNET},
	{"1.0.0.0", INTERNET},
	{"9.255.255.255", INTERNET},
	{"11.0.0.0", INTERNET},
	{"192.0.0.9", INTERNET},
	{"192.0.0.8", NETWORK},
	{"223.255.255.255", INTERNET},
	{"2a00:1450::1", INTERNET},
	{"64:ff9b::808:808", INTERNET},
	/* On a link of the host. */
	{"8.8.4.4", NETWORK},
	{"2a00:1450:7::1", NETWORK},
	{"8.8.4.1", NETWORK},
	{"8.8.4.254", NETWORK},
	{"2a00:1450:7:ffff:ffff:ffff:ffff:ffff", NETWORK},
	/* Broadcast, and whoever routes: the host itself. */
	{"8.8.4.0", NOBODY},
	{"8.8.4.255", NOBODY},
	{"2a00:1450:7::", NOBODY},
	{"198.51.100.2", NETWORK},
	{"198.51.100.3", NETWORK},
	{"198.51.100.7", NETWORK},
	{"10.0.0.1", NETWORK},
	{"192.168.1.1", NETWORK},
	{"203.0.113.10", NETWORK},
	{"fd00:1::1", NETWORK},
	{"2001:db8::1", NETWORK},
	{HOST4, HOST},
	{HOST6, HOST},
	{FAR4, HOST},
	{FAR6, HOST},
	{"100.64.0.5", NOBODY},
	{"100.64.0.7", NOBODY},
	{"fd64::7", NOBODY},
	{"10.77.0.200", NOBODY},
	{"fd77::200", NOBODY},
	{"0.0.0.1", NOBODY},
	{"127.0.0.1", NOBODY},
	{"169.254.169.254", NOBODY},
	{"224.0.0.1", NOBODY},
	{"239.255.255.250", NOBODY},
	{"255.255.255.255", NOBODY},
	{"::1", NOBODY},
	{"::ffff:8.8.8.8", NOBODY},
	{"fe80::1", NOBODY},
	{"ff02::1", NOBODY},
};

static const struct nsn_prefix near_links[] = {
	{{AF_INET, {8, 8, 4}}, 24},
	{{AF_INET6, {0x2a, 0, 0x14, 0x50, 0, 7}}, 48},
	/* Without any broadcast address. */
	{{AF_INET, {198, 51, 100, 2}}, 31},
	{{AF_INET, {198, 51, 100, 7}}, 32},
};

/* What is beyond, one rule each; in words that of who may be called. */
static void each_address_is_of_one_kind(void **state)
{
	static const struct {
		const char *rule;
		bool internet, host, network;
	} rules[] = {
		{"allow tcp/443 aa -> internet", true, false, false},
		{"allow tcp/443 aa/one -> host", false, true, false},
		{"allow tcp/443 aa -> 0.0.0.0/1,128.0.0.0/1,::/1,8000::/1", true, false, true},
		{"allow tcp/443 aa -> any", true, true, true},
		{"allow tcp/443 tenants -> any", true, true, true},
		{"allow tcp/443 aa -> tenants", false, false, false},
		{"allow tcp/443 bb -> any", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rules); i++) {
		struct nsn_boxes b;
		struct world w;

		begin(&w);
		tenant(&w, "aa", "one two");
		tenant(&w, "bb", "one");
		rule(&w, rules[i].rule);
		w.intent.links = near_links;
		w.intent.n_links = NSN_COUNT(near_links);
		settle(&w);
		beyond(&b, &w, true);
		for (size_t k = 0; k < NSN_COUNT(places); k++) {
			const bool may = (places[k].is == INTERNET && rules[i].internet) ||
					 (places[k].is == HOST && rules[i].host) ||
					 (places[k].is == NETWORK && rules[i].network);

			if (said(&w, &b, true, 0, places[k].ip, "tcp/443") != (may ? 1 : -1))
				fail_msg("%s: %s", rules[i].rule, places[k].ip);
			assert_int_equal(said(&w, &b, true, 0, places[k].ip, "tcp/444"), -1);
		}
		free(b.list);
		end(&w);
	}
}

static void metadata_is_for_who_names_it(void **state)
{
	static const struct {
		const char *rules[2];
		int said;
	} cases[] = {
		{{"allow tcp/80 aa -> any"}, -1},
		{{"allow tcp/80 aa -> 128.0.0.0/1"}, -1},
		{{"allow tcp/80 aa -> 169.0.0.0/8"}, -1},
		{{"allow tcp/80 aa -> 169.254.0.0/16"}, 1},
		{{"allow tcp/80 aa -> 169.254.169.254"}, 1},
		{{"allow tcp/80 aa -> 169.254.169.254", "deny any aa -> any"}, 0},
		{{"allow tcp/80 aa -> 169.254.169.254", "deny any aa -> 169.0.0.0/8"}, 0},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_boxes b;
		struct world w;

		begin(&w);
		tenant(&w, "aa", "one");
		for (size_t k = 0; k < 2 && cases[i].rules[k]; k++)
			rule(&w, cases[i].rules[k]);
		settle(&w);
		beyond(&b, &w, true);
		assert_int_equal(said(&w, &b, true, 0, "169.254.169.254", "tcp/80"), cases[i].said);
		free(b.list);
		end(&w);
	}
}

static void what_is_not_known_of_the_host_is_closed(void **state)
{
	struct nsn_boxes b;
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	rule(&w, "allow tcp/443 aa -> internet,host,10.0.0.0/8");
	settle(&w);
	w.intent.links = NULL;
	beyond(&b, &w, true);
	assert_int_equal(said(&w, &b, true, 0, "8.8.8.8", "tcp/443"), -1);
	assert_int_equal(said(&w, &b, true, 0, "10.0.0.1", "tcp/443"), 1);
	assert_int_equal(said(&w, &b, true, 0, HOST4, "tcp/443"), 1);
	free(b.list);
	w.intent.host = NULL;
	beyond(&b, &w, true);
	assert_int_equal(said(&w, &b, true, 0, "10.0.0.1", "tcp/443"), -1);
	assert_int_equal(said(&w, &b, true, 0, HOST4, "tcp/443"), -1);
	assert_int_equal(said(&w, &b, true, 0, FAR4, "tcp/443"), 1);
	free(b.list);
	end(&w);
}

static void the_internet_is_few_boxes(void **state)
{
	struct nsn_boxes b = {0};
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two three");
	rule(&w, "allow tcp/443 aa -> internet");
	settle(&w);
	assert_int_equal(nsn_flows_beyond(&b, &w.intent, &w.tenants[0], true, AF_INET, NULL, NULL),
			 0);
	assert_in_range(b.n, 12, 17);
	free(b.list);
	end(&w);
}

/* ---- in -------------------------------------------------------------------------------- */

static void only_what_is_published_leads_in(void **state)
{
	struct nsn_boxes b;
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two");
	rule(&w, "allow tcp/443 internet -> aa/one")->publish.port = 8443;
	rule(&w, "allow tcp/80 any -> aa");
	rule(&w, "allow udp/53 192.168.0.0/16 -> aa/two")->publish =
		(struct nsn_publish){.port = 53, .ip = {AF_INET, {10, 1, 2, 9}}};
	rule(&w, "allow tcp/22 any -> aa/two")->publish =
		(struct nsn_publish){.port = 22, .ip = {AF_INET, {127, 0, 0, 1}}};
	rule(&w, "allow tcp/8 internet -> aa/one");
	rule(&w, "deny any 9.9.9.0/24 -> aa");
	/* Not one port of one endpoint: nothing that can be translated. */
	rule(&w, "allow tcp/1-9 internet -> aa/one")->publish.port = 1;
	rule(&w, "allow icmp/echo internet -> aa/one")->publish.port = 2;
	rule(&w, "allow tcp/7 internet -> aa")->publish.port = 3;
	settle(&w);
	beyond(&b, &w, false);
	assert_int_equal(said(&w, &b, false, 0, "8.8.8.8", "tcp/443"), 1);
	assert_int_equal(said(&w, &b, false, 0, "2a00::1", "tcp/443"), 1);
	assert_int_equal(said(&w, &b, false, 0, "9.9.9.9", "tcp/443"), 0);
	assert_int_equal(said(&w, &b, false, 0, "9.9.9.9", "tcp/444"), 0);
	assert_int_equal(said(&w, &b, false, 0, "8.8.8.8", "tcp/8443"), -1);
	assert_int_equal(said(&w, &b, false, 1, "8.8.8.8", "tcp/443"), -1);
	assert_int_equal(said(&w, &b, false, 0, "192.168.1.1", "tcp/443"), -1);
	assert_int_equal(said(&w, &b, false, 0, FAR4, "tcp/443"), -1);
	assert_int_equal(said(&w, &b, false, 0, "8.8.8.8", "tcp/80"), -1);
	assert_int_equal(said(&w, &b, false, 1, "192.168.1.1", "udp/53"), 1);
	assert_int_equal(said(&w, &b, false, 1, "8.8.8.8", "tcp/22"), -1);
	assert_int_equal(said(&w, &b, false, 1, HOST4, "tcp/22"), 1);
	assert_int_equal(said(&w, &b, false, 1, FAR4, "tcp/22"), 1);
	assert_int_equal(said(&w, &b, false, 0, "8.8.8.8", "tcp/1"), -1);
	assert_int_equal(said(&w, &b, false, 0, "8.8.8.8", "tcp/7"), -1);
	assert_int_equal(said(&w, &b, false, 0, "8.8.8.8", "tcp/8"), -1);
	assert_int_equal(said(&w, &b, false, 0, "8.8.8.8", "icmp/echo"), -1);
	free(b.list);
	end(&w);
}

/* ---- against what the intent answers ----------------------------------------------------- */

static const char *const probes[] = {
	"10.1.2.3",   "10.1.2.4",    "10.1.3.1",    "10.2.0.1",	    "8.8.4.4",
	"8.8.8.8",    "8.8.9.9",     "1.1.1.1",	    "192.0.0.9",    "192.0.0.8",
	"172.16.0.1", "200.1.1.1",   "203.0.113.1", "2a00:1450::1", "fd00:1::1",
	"fd00:2::1",  "2001:db8::1", "4000::1",	    "host",	    "host6",
};
static const char *const ports[] = {"tcp/1", "tcp/5",  "tcp/9",	   "tcp/10",
				    "udp/5", "sctp/5", "icmp/echo"};

/* Mostly one port of one endpoint, that of another in some. */
static void publish_some(struct world *w)
{
	for (size_t i = 0; i < w->intent.n_policies; i++) {
		struct nsn_policy *p = &w->policies[i];

		p->publish.port = 0;
		if (p->deny || random() % 2)
			continue;
		p->publish.port = (uint16_t)(1000 + i);
		p->n_to = p->n_ports = 1;
		p->to[0] = peer(random() % 2 ? "aa/one" : "aa/two");
		p->ports[0] = (struct nsn_ports){NSN_PROTO_TCP, 5, 5};
	}
}

/* As if what is allowed to come in, and not published, were not written. */
static void only_published(struct world *w)
{
	for (size_t i = 0; i < w->intent.n_policies; i++)
		w->policies[i].audit |= !w->policies[i].deny && !w->policies[i].publish.port;
}

static bool asked(const struct world *w, const char *from, const char *to, const char *what)
{
	struct nsnet_err err = {0};
	struct nsn_answer a;
	struct nsn_flow f;
	char text[128];

	(void)snprintf(text, sizeof(text), "%s -> %s %s", from, to, what);
	f = flow(text);
	if (nsn_intent_ask(&a, &w->intent, &f, true, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return a.verdict == NSN_ALLOWED;
}

static unsigned int compare(struct world *w, bool out)
{
	struct nsn_tenant *t = &w->tenants[0];
	unsigned int allowed = 0;
	struct nsn_boxes b;

	beyond(&b, w, out);
	if (!out)
		only_published(w);
	for (size_t e = 0; e < t->n_endpoints; e++)
		for (size_t i = 0; i < NSN_COUNT(probes); i++)
			for (size_t k = 0; k < NSN_COUNT(ports); k++) {
				const bool host = strncmp(probes[i], "host", 4) == 0;
				const char *at = !host		? probes[i]
						 : probes[i][4] ? HOST6
								: HOST4,
					   *name = host ? "host" : probes[i];
				char own[64];
				bool may;

				(void)snprintf(own, sizeof(own), "aa/%s", t->endpoints[e].name);
				may = asked(w, out ? own : name, out ? name : own, ports[k]);
				if (may != (said(w, &b, out, e, at, ports[k]) == 1))
					fail_msg("%s %s %s %s: not %d", own, out ? "to" : "from",
						 probes[i], ports[k], may);
				allowed += may;
			}
	free(b.list);
	return allowed;
}

static void boxes_say_what_the_intent_says(void **state)
{
	unsigned int out = 0, in = 0;

	(void)state;
	srandom(8);
	for (int round = 0; round < 700; round++) {
		unsigned int allowed[2];
		struct world w;
		bool needed;

		random_world(&w);
		publish_some(&w);
		settle(&w);
		needed = nsn_flows_outside(&w.intent, &w.tenants[0]);
		allowed[0] = compare(&w, true);
		allowed[1] = compare(&w, false);
		if (allowed[0] > 0)
			assert_true(needed);
		out += allowed[0];
		in += allowed[1];
		end(&w);
	}
	print_message("           %u ways out, %u in\n", out, in);
	assert_true(out > 800 && in > 300);
}

/* ---- is there anything at all --------------------------------------------------------------- */

static void an_uplink_is_needed_by_what_leads_out_or_in(void **state)
{
	static const struct {
		const char *rule, *quarantine, *keep;
		uint16_t port;
		bool needed;
	} cases[] = {
		{"allow tcp/443 aa -> internet", NULL, NULL, 0, true},
		{"allow tcp/443 aa/one -> host", NULL, NULL, 0, true},
		{"allow tcp/443 tenants -> 10.0.0.0/8", NULL, NULL, 0, true},
		{"allow tcp/443 aa -> any", NULL, NULL, 0, true},
		{"deny tcp/443 aa -> internet", NULL, NULL, 0, false},
		{"allow tcp/443 aa -> bb", NULL, NULL, 0, false},
		{"allow tcp/443 bb -> internet", NULL, NULL, 0, false},
		{"allow tcp/443 internet -> aa/one", NULL, NULL, 0, false},
		{"allow tcp/443 internet -> aa/one", NULL, NULL, 8443, true},
		{"allow tcp/443 internet -> bb/one", NULL, NULL, 8443, false},
		{"allow tcp/443 aa -> internet", "aa", NULL, 0, false},
		{"allow tcp/443 aa/one -> internet", "aa/one", NULL, 0, false},
		{"allow tcp/443 aa -> internet", "aa/one", NULL, 0, true},
		{"allow tcp/443 aa -> internet", "bb", NULL, 0, true},
		{"allow tcp/443 internet -> aa/one", "aa", NULL, 8443, false},
		{"allow tcp/443 internet -> aa/one", "aa/two", NULL, 8443, true},
		{"allow tcp/443 aa -> internet", "aa", "aa -> 9.9.9.9 tcp/443", 0, true},
		{"allow tcp/443 internet -> aa/one", "aa", "internet -> aa tcp/443", 8443, true},
		{"allow tcp/443 internet -> aa/one", "aa", "internet -> aa tcp/443", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct world w;

		begin(&w);
		tenant(&w, "aa", "one two");
		tenant(&w, "bb", "one");
		rule(&w, cases[i].rule)->publish.port = cases[i].port;
		if (cases[i].quarantine) {
			struct nsn_quarantine *q = quarantine(&w, cases[i].quarantine);

			if (cases[i].keep)
				keep(q, cases[i].keep);
		}
		settle(&w);
		if (nsn_flows_outside(&w.intent, &w.tenants[0]) != cases[i].needed)
			fail_msg("%zu: %s", i, cases[i].rule);
		end(&w);
	}
}

static void a_network_of_ipv6_is_for_who_has_it(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	rule(&w, "allow tcp/443 aa -> 2001:db8::/32");
	settle(&w);
	assert_true(nsn_flows_outside(&w.intent, &w.tenants[0]));
	w.tenants[0].subnet6 = (struct nsn_prefix){0};
	assert_false(nsn_flows_outside(&w.intent, &w.tenants[0]));
	end(&w);
}

static void policies_to_and_from_outside_name_the_tenant(void **state)
{
	static const struct {
		const char *rule;
		bool named;
	} cases[] = {
		{"allow any aa -> internet", true},   {"deny any aa/one -> 10.0.0.0/8", true},
		{"allow any tenants -> host", true},  {"allow tcp/1 internet -> aa/one", true},
		{"deny any 10.0.0.0/8 -> any", true}, {"allow any bb -> internet", false},
		{"allow any host -> bb", false},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct world w;

		begin(&w);
		tenant(&w, "aa", "one");
		assert_int_equal(nsn_flows_names(rule(&w, cases[i].rule), &w.tenants[0]),
				 cases[i].named);
		end(&w);
	}
}

/* ---- beside cables ----------------------------------------------------------------------- */

/* What is over a cable is not outside: no two boxes overlap, and the rest of the network is. */
static void what_a_cable_leads_to_is_not_outside(void **state)
{
	const struct nsn_transit transit = {prefix("100.64.0.0/10"), prefix("fd64::/64")};
	const struct nsn_cable cable = {.link = 5, .a = 1, .b = 2, .slot = 0};
	const struct nsn_uplink uplink = {.link = 6, .tenant = 1, .slot = 3};
	struct nsn_border border;
	struct nsn_ports tcp = {NSN_PROTO_TCP, 443, 443};
	struct nsn_ip own, other;
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	tenant(&w, "bb", "one");
	w.tenants[1].id = 2;
	w.tenants[1].subnet = prefix("10.5.5.0/24");
	w.tenants[1].subnet6 = prefix("fd05::/64");
	w.tenants[1].endpoints[0].ip = ip("10.5.5.10");
	w.tenants[1].endpoints[0].ip6 = ip("fd05::10");
	rule(&w, "allow tcp/443 aa -> 10.0.0.0/8,fd00::/8");
	rule(&w, "deny tcp/443 aa -> bb");
	rule(&w, "allow tcp/443 bb -> aa");
	rule(&w, "allow tcp/443 10.0.0.0/8 -> aa/one")->publish.port = 443;
	settle(&w);
	assert_int_equal(nsn_border_make(&border, &w.intent, &cable, 1, &uplink, &transit,
					 &w.tenants[0], 1, NULL),
			 0);
	assert_true(nsn_border_is_open(&border));
	assert_int_equal(border.up.link, 6);
	own = ip("100.64.0.7");
	other = ip("100.64.0.6");
	assert_int_equal(nsn_ip_cmp(&border.up.near4, &own), 0);
	assert_int_equal(nsn_ip_cmp(&border.up.far4, &other), 0);
	own = ip("10.77.0.10");
	for (int i = 0; i < 256; i++) {
		static const int at[] = {4, 5, 6};

		for (size_t k = 0; k < 3; k++) {
			other = (struct nsn_ip){AF_INET, {10, 5, (uint8_t)at[k], (uint8_t)i}};
			assert_int_equal(boxed(&border.boxes, &own, &other, &tcp), k != 1);
			assert_int_equal(boxed(&border.boxes, &other, &own, &tcp), 1);
		}
	}
	own = ip("fd77::a");
	other = ip("fd05::10");
	assert_int_equal(boxed(&border.boxes, &own, &other, &tcp), 0);
	other = ip("fd05:0:0:1::");
	assert_int_equal(boxed(&border.boxes, &own, &other, &tcp), 1);
	other = ip("fd04:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_int_equal(boxed(&border.boxes, &own, &other, &tcp), 1);
	nsn_border_clear(&border);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_is_of_one_kind),
		cmocka_unit_test(metadata_is_for_who_names_it),
		cmocka_unit_test(what_is_not_known_of_the_host_is_closed),
		cmocka_unit_test(the_internet_is_few_boxes),
		cmocka_unit_test(only_what_is_published_leads_in),
		cmocka_unit_test(boxes_say_what_the_intent_says),
		cmocka_unit_test(an_uplink_is_needed_by_what_leads_out_or_in),
		cmocka_unit_test(a_network_of_ipv6_is_for_who_has_it),
		cmocka_unit_test(policies_to_and_from_outside_name_the_tenant),
		cmocka_unit_test(what_a_cable_leads_to_is_not_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
