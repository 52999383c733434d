/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logged packets in words: who is named, and that nothing the sender chose is repeated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "../../lib/compile/admit.h"
#include "../../lib/ctx.h"

/* customer1 (app .10, ::10), joined to customer2, and to twin, which is translated. */
static struct nsn_endpoint endpoints[] = {{.id = 1, .name = "app"}};
static struct nsn_tenant tenants[] = {
	{.id = 1, .name = "customer1", .endpoints = endpoints, .n_endpoints = 1},
	{.id = 2, .name = "customer2"},
	{.id = 3, .name = "twin"},
};
static struct nsn_policy policies[] = {{.number = 7, .name = "one"}, {.number = 8, .name = "no"}};
static struct nsn_cable cables[] = {
	{.link = 1, .a = 1, .b = 2, .slot = 0},
	{.link = 2, .a = 1, .b = 3, .slot = 1, .translated_b = true},
};
static struct nsn_wanted all = {
	.tenants = {tenants, NSN_COUNT(tenants)},
	.policies = {policies, NSN_COUNT(policies)},
	.cables = {cables, NSN_COUNT(cables)},
};

static int build(void **state)
{
	(void)state;
	assert_int_equal(nsn_prefix_parse(&all.transit.ip, "100.127.0.0/16"), 0);
	assert_int_equal(nsn_prefix_parse(&all.transit.ip6, "fd6e::/64"), 0);
	assert_int_equal(nsn_prefix_parse(&tenants[0].subnet, "10.10.1.0/24"), 0);
	assert_int_equal(nsn_prefix_parse(&tenants[0].subnet6, "fd00:1::/64"), 0);
	assert_int_equal(nsn_prefix_parse(&tenants[1].subnet, "10.10.2.0/24"), 0);
	assert_int_equal(nsn_prefix_parse(&tenants[1].subnet6, "fd00:2::/64"), 0);
	assert_int_equal(nsn_prefix_parse(&tenants[2].subnet, "10.10.3.0/24"), 0);
	assert_int_equal(nsn_ip_parse(&endpoints[0].ip, "10.10.1.10"), 0);
	assert_int_equal(nsn_ip_parse(&endpoints[0].ip6, "fd00:1::10"), 0);
	return nsn_wanted_compose(&all, NULL);
}

/* What it points to is not on the heap, but for its index. */
static int drop(void **state)
{
	(void)state;
	all.tenants.n = all.policies.n = all.cables.n = 0;
	all.tenants.tenants = NULL;
	all.policies.policies = NULL;
	all.cables.cables = NULL;
	nsn_wanted_clear(&all);
	return 0;
}

enum { IP4 = 20, IP6 = 40, ROOM = 96 };
#define MARK(number, bits) ((uint32_t)(number) << NSN_MARK_NUMBER | (bits))

struct packet {
	struct nsn_nflog_packet p;
	uint8_t bytes[ROOM];
};

/* With ports 4000 and 443, or as an echo request. */
static void make(struct packet *k, const char *from, const char *to, uint8_t proto)
{
	static const uint8_t ports[] = {4000 >> 8, 4000 & 255, 443 >> 8, 443 & 255};
	struct nsn_ip a, b;
	bool six;

	assert_int_equal(nsn_ip_parse(&a, from), 0);
	assert_int_equal(nsn_ip_parse(&b, to), 0);
	six = a.family == AF_INET6;
	*k = (struct packet){.p = {.prefix = LOG_OPEN,
				   .family = six ? NFPROTO_IPV6 : NFPROTO_IPV4,
				   .mark = MARK(7, NSN_MARK_ROUTE | NSN_MARK_LOG_OPEN),
				   .len = (six ? IP6 : IP4) + 8}};
	k->p.payload = k->bytes;
	k->bytes[0] = six ? 0x60 : 0x45;
	k->bytes[six ? 6 : 9] = proto;
	memcpy(k->bytes + (six ? 8 : 12), a.bytes, six ? 16 : 4);
	memcpy(k->bytes + (six ? 24 : 16), b.bytes, six ? 16 : 4);
	memcpy(k->bytes + (six ? IP6 : IP4), ports, sizeof(ports));
	if (proto == IPPROTO_ICMP)
		k->bytes[IP4] = 8;
	if (proto == IPPROTO_ICMPV6)
		k->bytes[IP6] = 128;
}

static void says(const struct packet *k, const char *rule, bool deny, const char *to,
		 const char *endpoint, const char *ports)
{
	struct nsn_logged_text text;
	struct nsnet_logged l;

	assert_int_equal(nsn_logged_read(&l, &text, &all, &tenants[0], &k->p), 1);
	assert_string_equal(l.tenant, "customer1");
	assert_string_equal(l.rule, rule);
	assert_int_equal(l.deny, deny);
	assert_string_equal(l.from.tenant, "customer1");
	assert_string_equal(l.from.endpoint, endpoint);
	assert_string_equal(l.to.tenant, to);
	assert_string_equal(l.ports, ports);
}

static void ends_are_named_where_they_are_known(void **state)
{
	struct packet k;

	(void)state;
	make(&k, "10.10.1.10", "10.10.2.2", IPPROTO_TCP);
	says(&k, "one", false, "customer2", "app", "tcp/443");
	make(&k, "10.10.1.11", "10.10.2.2", IPPROTO_UDP);
	says(&k, "one", false, "customer2", "", "udp/443");
	make(&k, "10.10.1.10", "10.10.9.2", IPPROTO_SCTP);
	says(&k, "one", false, "", "app", "sctp/443");
	/* twin is 100.127.0.3 here, and has its own addresses nowhere else. */
	make(&k, "10.10.1.10", "100.127.0.3", IPPROTO_ICMP);
	says(&k, "one", false, "twin", "app", "icmp/echo");
	make(&k, "10.10.1.10", "10.10.3.3", IPPROTO_ICMP);
	says(&k, "one", false, "", "app", "icmp/echo");
	make(&k, "fd00:1::10", "fd00:2::2", IPPROTO_TCP);
	says(&k, "one", false, "customer2", "app", "tcp/443");
	make(&k, "fd00:1::10", "fd00:2::2", IPPROTO_ICMPV6);
	says(&k, "one", false, "customer2", "app", "icmp/echo");
	make(&k, "10.10.1.10", "10.10.1.11", 47);
	says(&k, "one", false, "customer1", "app", "47");
}

static void the_mark_says_which_rule(void **state)
{
	struct packet k;

	(void)state;
	make(&k, "10.10.1.10", "10.10.2.2", IPPROTO_TCP);
	k.p.mark = MARK(8, NSN_MARK_LOG_OPEN);
	says(&k, "no", true, "customer2", "app", "tcp/443");
	/* In the generation's bits anything may be. */
	k.p.mark = MARK(8, 0xabc << NSN_MARK_GEN);
	says(&k, "no", true, "customer2", "app", "tcp/443");
	k.p.mark = MARK(9, NSN_MARK_ROUTE);
	says(&k, "", false, "customer2", "app", "tcp/443");
}

static void what_another_gateway_tells_is_left_to_it(void **state)
{
	struct nsn_logged_text text;
	struct nsnet_logged l;
	struct packet k;

	(void)state;
	make(&k, "10.10.2.2", "10.10.1.10", IPPROTO_TCP);
	assert_int_equal(nsn_logged_read(&l, &text, &all, &tenants[0], &k.p), 0);
	assert_int_equal(nsn_logged_read(&l, &text, &all, &tenants[1], &k.p), 1);
	make(&k, "10.10.1.10", "10.10.2.2", IPPROTO_TCP);
	k.p.prefix = "somebody else's ";
	assert_int_equal(nsn_logged_read(&l, &text, &all, &tenants[0], &k.p), 0);
}

/* ---- what a sender could try ---------------------------------------------------------- */

static void assert_plain(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("./:-", *text))
			fail_msg("0x%02x is told", (unsigned char)*text);
}

static void any_bytes_are_told_as_names_and_numbers(void **state)
{
	uint32_t seed = 1;
	size_t told = 0;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		struct nsn_logged_text text;
		struct nsnet_logged l;
		struct packet k;
		uint8_t *exact;
		size_t i;

		make(&k, round % 2 ? "10.10.1.10" : "fd00:1::10",
		     round % 2 ? "10.10.2.2" : "fd00:2::2", (uint8_t)round);
		/* Half of them keep their source, so that they are read on. */
		for (i = 0; i < 12; i++) {
			seed = seed * 1664525 + 1013904223;
			k.bytes[(seed >> 8) % (round % 4 < 2 ? ROOM : 8)] = (uint8_t)(seed >> 24);
		}
		k.p.len = seed % (ROOM + 1);
		/* A block of just this size: reading on is seen under the sanitizers. */
		exact = malloc(k.p.len + 1);
		assert_non_null(exact);
		memcpy(exact + 1, k.bytes, k.p.len);
		k.p.payload = exact + 1;
		k.p.mark = seed;
		if (nsn_logged_read(&l, &text, &all, &tenants[0], &k.p)) {
			told++;
			assert_plain(l.rule);
			assert_plain(l.ports);
			assert_plain(l.from.address);
			assert_plain(l.from.endpoint);
			assert_plain(l.to.address);
			assert_plain(l.to.tenant);
		}
		free(exact);
	}
	assert_true(told > 1000);
}

static void a_packet_cut_short_has_no_ports(void **state)
{
	struct nsn_logged_text text;
	struct nsnet_logged l;
	struct packet k;

	(void)state;
	make(&k, "10.10.1.10", "10.10.2.2", IPPROTO_TCP);
	for (k.p.len = 0; k.p.len < IP4 + 4; k.p.len++) {
		const int r = nsn_logged_read(&l, &text, &all, &tenants[0], &k.p);

		assert_int_equal(r, k.p.len >= IP4 ? 1 : 0);
		if (r)
			assert_string_equal(l.ports, "tcp");
	}
	/* Options to behind its end, and a header that is too short. */
	k.bytes[0] = 0x4f;
	says(&k, "one", false, "customer2", "app", "tcp");
	k.bytes[0] = 0x44;
	assert_int_equal(nsn_logged_read(&l, &text, &all, &tenants[0], &k.p), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_named_where_they_are_known),
		cmocka_unit_test(the_mark_says_which_rule),
		cmocka_unit_test(what_another_gateway_tells_is_left_to_it),
		cmocka_unit_test(any_bytes_are_told_as_names_and_numbers),
		cmocka_unit_test(a_packet_cut_short_has_no_ports),
	};

	return cmocka_run_group_tests(tests, build, drop);
}
