/* SPDX-License-Identifier: GPL-2.0-or-later */
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
#include <time.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/model/tenant.h"

/* "db=10.1.0.9 web" and the same for IPv6 after a '|': one endpoint per word. */
static void add_endpoints(struct nsn_tenant *t, const char *text)
{
	char copy[256], *rest = copy, *word;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " "))) {
		char *ip = strchr(word, '='), *ip6 = strchr(word, '|');
		struct nsnet_endpoint_def def = {.name = word};
		struct nsn_endpoint e;

		if (!*word)
			continue;
		if (ip6) {
			def.ip6 = ip6 + 1;
			*ip6 = '\0';
		}
		if (ip) {
			def.ip = ip + 1;
			*ip = '\0';
		}
		assert_int_equal(nsn_endpoint_parse(&e, "blue", &def, NULL), 0);
		assert_int_equal(nsn_tenant_endpoint_add(t, &e, NULL), 0);
	}
}

/* The other way, with all addresses. */
static const char *words(const struct nsn_tenant *t, char *buf, size_t size)
{
	char a[NSN_IP_STRLEN], b[NSN_IP_STRLEN];
	int n;

	n = snprintf(buf, size, "%s%s%s", nsn_ip_str(&t->gateway, a), t->gateway6.family ? "|" : "",
		     nsn_ip_str(&t->gateway6, b));
	for (size_t i = 0; i < t->n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->endpoints[i];

		n += snprintf(buf + n, size - (size_t)n, " %s=%s%s%s", e->name,
			      nsn_ip_str(&e->ip, a), e->ip6.family ? "|" : "",
			      nsn_ip_str(&e->ip6, b));
	}
	return buf;
}

static void make(struct nsn_tenant *t, const char *subnet, const char *subnet6,
		 const char *endpoints)
{
	*t = (struct nsn_tenant){.name = "blue", .mtu = 1500};
	assert_int_equal(nsn_prefix_parse(&t->subnet, subnet), 0);
	if (subnet6)
		assert_int_equal(nsn_prefix_parse(&t->subnet6, subnet6), 0);
	add_endpoints(t, endpoints);
}

static void addresses_are_given_lowest_first_and_fixed_ones_stay(void **state)
{
	static const struct {
		const char *subnet, *subnet6, *endpoints, *result;
	} cases[] = {
		{"10.1.0.0/24", NULL, "", "10.1.0.1"},
		{"10.1.0.0/24", NULL, "default", "10.1.0.1 default=10.1.0.2"},
		{"10.1.0.0/24", NULL, "bb aa cc", "10.1.0.1 bb=10.1.0.2 aa=10.1.0.3 cc=10.1.0.4"},
		{"10.1.0.0/24", NULL, "aa bb=10.1.0.2 cc",
		 "10.1.0.1 aa=10.1.0.3 bb=10.1.0.2 cc=10.1.0.4"},
		{"10.1.0.0/24", NULL, "aa bb=10.1.0.3 cc=10.1.0.254 dd",
		 "10.1.0.1 aa=10.1.0.2 bb=10.1.0.3 cc=10.1.0.254 dd=10.1.0.4"},
		{"10.1.0.0/30", NULL, "aa", "10.1.0.1 aa=10.1.0.2"},
		{"10.1.0.0/29", NULL, "aa=10.1.0.6 bb cc dd ee=10.1.0.2",
		 "10.1.0.1 aa=10.1.0.6 bb=10.1.0.3 cc=10.1.0.4 dd=10.1.0.5 ee=10.1.0.2"},
		{"10.0.254.0/23", NULL, "aa=10.0.254.255 bb=10.0.255.0",
		 "10.0.254.1 aa=10.0.254.255 bb=10.0.255.0"},
		{"10.1.0.0/24", "fd00:1::/64", "aa bb|fd00:1::2 cc",
		 "10.1.0.1|fd00:1::1 aa=10.1.0.2|fd00:1::3 bb=10.1.0.3|fd00:1::2 "
		 "cc=10.1.0.4|fd00:1::4"},
		{"10.1.0.0/24", "fd00:1::/126", "aa bb", /* the last is no broadcast address */
		 "10.1.0.1|fd00:1::1 aa=10.1.0.2|fd00:1::2 bb=10.1.0.3|fd00:1::3"},
		{"10.1.0.0/24", "fd00:1::4/126", "aa bb=10.1.0.2|fd00:1::7",
		 "10.1.0.1|fd00:1::5 aa=10.1.0.3|fd00:1::6 bb=10.1.0.2|fd00:1::7"},
		{"10.1.0.0/24", "fd00:1::/48", "aa|fd00:1:0:ffff:ffff:ffff:ffff:ffff bb",
		 "10.1.0.1|fd00:1::1 aa=10.1.0.2|fd00:1:0:ffff:ffff:ffff:ffff:ffff "
		 "bb=10.1.0.3|fd00:1::2"},
		{"255.255.255.0/24", NULL, "aa=255.255.255.254 bb",
		 "255.255.255.1 aa=255.255.255.254 bb=255.255.255.2"},
	};
	char buf[512];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_err err = {0};
		struct nsn_tenant t;

		make(&t, cases[i].subnet, cases[i].subnet6, cases[i].endpoints);
		assert_int_equal(nsn_tenant_allocate(&t, &err), 0);
		assert_string_equal(words(&t, buf, sizeof(buf)), cases[i].result);
		assert_string_equal(err.msg, "");
		/* Who has an address keeps it. */
		assert_int_equal(nsn_tenant_allocate(&t, &err), 0);
		assert_string_equal(words(&t, buf, sizeof(buf)), cases[i].result);
		nsn_tenant_clear(&t);
	}
}

static void each_address_that_cannot_be_is_refused_in_its_own_words(void **state)
{
	static const struct {
		const char *subnet, *subnet6, *endpoints;
		int code;
		enum nsnet_code id;
		const char *says, *hint;
	} cases[] = {
#define BAD   -EINVAL, NSNET_E_BAD_ADDRESS
#define TAKEN -EEXIST, NSNET_E_ADDRESS_TAKEN
#define FULL  -ENOSPC, NSNET_E_POOL_FULL
		{"10.1.0.0/24", NULL, "aa=10.2.0.9", BAD,
		 "endpoint 'blue/aa': 10.2.0.9 is not in 10.1.0.0/24", ""},
		{"10.1.0.0/24", NULL, "aa=10.1.0.0", BAD,
		 "endpoint 'blue/aa': 10.1.0.0 is the network's own address in 10.1.0.0/24", ""},
		{"10.1.0.0/24", NULL, "aa=10.1.0.255", BAD,
		 "endpoint 'blue/aa': 10.1.0.255 is the broadcast address of 10.1.0.0/24", ""},
		{"10.1.0.0/24", NULL, "aa=10.1.0.1", TAKEN,
		 "endpoint 'blue/aa': 10.1.0.1 is the gateway's in 10.1.0.0/24", ""},
		{"10.1.0.0/24", NULL, "aa=10.1.0.9 bb cc=10.1.0.9", TAKEN,
		 "endpoint 'blue/cc': 10.1.0.9 is the address of aa", ""},
		{"10.1.0.0/24", NULL, "aa bb|fd00:1::9", BAD,
		 "endpoint 'blue/bb' has an IPv6 address, but the tenant no IPv6 subnet",
		 "nsnet tenant set blue subnet6=auto"},
		{"10.1.0.0/24", "fd00:1::/64", "aa|fd00:2::9", BAD,
		 "endpoint 'blue/aa': fd00:2::9 is not in fd00:1::/64", ""},
		{"10.1.0.0/24", "fd00:1::/64", "aa|fd00:1::", BAD,
		 "endpoint 'blue/aa': fd00:1:: is the routers' common address in fd00:1::/64", ""},
		{"10.1.0.0/24", "fd00:1::/64", "aa|fd00:1::1", TAKEN,
		 "endpoint 'blue/aa': fd00:1::1 is the gateway's in fd00:1::/64", ""},
		{"10.1.0.0/24", "fd00:1::/64", "aa|fd00:1::9 bb|fd00:1::9", TAKEN,
		 "endpoint 'blue/bb': fd00:1::9 is the address of aa", ""},
		{"10.10.1.0/30", NULL, "default web", FULL,
		 "tenant 'blue': 10.10.1.0/30 has 2 addresses and both are taken (gateway, "
		 "default)",
		 "nsnet tenant set blue subnet=10.10.1.0/29"},
		{"10.10.1.4/30", NULL, "aa=10.10.1.6 web", FULL,
		 "tenant 'blue': 10.10.1.4/30 has 2 addresses and both are taken (gateway, aa)",
		 "nsnet tenant set blue subnet=10.10.1.0/29"},
		{"10.10.1.0/29", NULL, "aa bb cc=10.10.1.6 dd ee ff", FULL,
		 "tenant 'blue': 10.10.1.0/29 has 6 addresses and all are taken "
		 "(gateway, aa, bb, cc, dd, ee)",
		 "nsnet tenant set blue subnet=10.10.1.0/28"},
		{"10.1.0.0/24", "fd00:1::4/126", "aa bb cc", FULL,
		 "tenant 'blue': fd00:1::4/126 has 3 addresses and all are taken "
		 "(gateway, aa, bb)",
		 "nsnet tenant set blue subnet6=fd00:1::/125"},
	};
	char before[512], after[512];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_err err = {0};
		struct nsn_tenant t;

		make(&t, cases[i].subnet, cases[i].subnet6, cases[i].endpoints);
		t.id = 1;
		words(&t, before, sizeof(before));
		assert_int_equal(nsn_tenant_allocate(&t, &err), cases[i].code);
		assert_int_equal(err.id, cases[i].id);
		assert_string_equal(err.msg, cases[i].says);
		assert_string_equal(err.hint, cases[i].hint);
		assert_string_equal(words(&t, after, sizeof(after)), before);
		nsn_tenant_clear(&t);
	}
}

/* A tenant that is not there yet cannot be set. */
static void a_full_subnet_of_a_new_tenant_has_another_hint(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t;

	(void)state;
	make(&t, "10.10.1.0/30", NULL, "aa bb cc dd ee ff gg hh");
	assert_int_equal(nsn_tenant_allocate(&t, &err), -ENOSPC);
	assert_string_equal(err.hint, "10.10.1.0/28 has room");
	nsn_tenant_clear(&t);
}

static void without_ip6_nobody_has_an_ip6_address(void **state)
{
	const struct nsn_ip none = {0};
	struct nsn_tenant t;

	(void)state;
	make(&t, "10.1.0.0/24", "fd00:1::/64", "aa bb");
	assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
	assert_int_equal(t.endpoints[1].ip6.family, AF_INET6);
	t.subnet6 = (struct nsn_prefix){0};
	assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
	assert_memory_equal(&t.gateway6, &none, sizeof(none));
	for (size_t i = 0; i < t.n_endpoints; i++)
		assert_memory_equal(&t.endpoints[i].ip6, &none, sizeof(none));
	nsn_tenant_clear(&t);
}

static void an_open_subnet_has_no_addresses(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t;

	(void)state;
	make(&t, "10.1.0.0/24", "fd00:1::/64", "aa");
	t.subnet6 = (struct nsn_prefix){.len = 64};
	assert_int_equal(nsn_tenant_allocate(&t, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_INTERNAL);
	assert_int_equal(t.gateway.family, 0);
	t.subnet6.len = 0;
	t.subnet = (struct nsn_prefix){.len = 24};
	assert_int_equal(nsn_tenant_allocate(&t, &err), -EINVAL);
	nsn_tenant_clear(&t);
}

static int add_numbered(struct nsn_tenant *t, size_t n, struct nsnet_err *err)
{
	struct nsn_endpoint e = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		(void)snprintf(e.name, sizeof(e.name), "e%zu", t->n_endpoints);
		r = nsn_tenant_endpoint_add(t, &e, err);
	}
	return r;
}

static void a_tenant_has_as_many_endpoints_as_a_bridge_has_ports(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t;

	(void)state;
	make(&t, "10.0.0.0/8", "fd00:1::/48", "");
	assert_int_equal(add_numbered(&t, 1023, &err), 0);
	assert_int_equal(nsn_tenant_allocate(&t, &err), 0);
	assert_int_equal(add_numbered(&t, 1, &err), -EOVERFLOW);
	assert_int_equal(err.id, NSNET_E_TOO_MANY);
	assert_int_equal(t.n_endpoints, 1023);

	/* And should somebody else have added it. */
	t.endpoints = reallocarray(t.endpoints, 1024, sizeof(*t.endpoints));
	assert_non_null(t.endpoints);
	t.endpoints[1023] = (struct nsn_endpoint){.name = "more"};
	t.n_endpoints = 1024;
	err = (struct nsnet_err){0};
	assert_int_equal(nsn_tenant_allocate(&t, &err), -EOVERFLOW);
	assert_int_equal(err.id, NSNET_E_TOO_MANY);
	nsn_tenant_clear(&t);
}

/* 1,022 addresses fill a /22 exactly; one of those that are fixed lies in the way of each step. */
static void a_subnet_can_be_filled_to_the_last_address(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t;
	bool seen[1024] = {false};

	(void)state;
	make(&t, "10.1.0.0/22", NULL, "");
	assert_int_equal(add_numbered(&t, 1021, &err), 0);
	for (size_t i = 0; i < 1021; i += 3) {
		t.endpoints[i].ip = nsn_ip_add(&t.subnet.ip, 1022 - i);
		t.endpoints[i].fixed = true;
	}
	assert_int_equal(nsn_tenant_allocate(&t, &err), 0);
	for (size_t i = 0; i < t.n_endpoints; i++) {
		const uint8_t *b = t.endpoints[i].ip.bytes;
		size_t host = (size_t)(b[2] & 3) << 8 | b[3];

		assert_in_range(host, 2, 1022);
		assert_false(seen[host]);
		seen[host] = true;
		if (i % 3 == 0)
			assert_int_equal(host, 1022 - i);
	}
	assert_int_equal(add_numbered(&t, 1, &err), 0);
	assert_int_equal(nsn_tenant_allocate(&t, &err), -ENOSPC);
	assert_string_equal(err.msg,
			    "tenant 'blue': 10.1.0.0/22 has 1022 addresses and all are taken");
	nsn_tenant_clear(&t);
}

/* Time of this process, so that others on the machine do not count; valgrind is 50 times slower. */
static void allocation_is_as_quick_in_a_large_subnet(void **state)
{
	struct nsn_tenant t;
	clock_t start;

	(void)state;
	make(&t, "10.0.0.0/8", "fd00:1::/48", "");
	assert_int_equal(add_numbered(&t, 1022, NULL), 0);
	t.endpoints[5].ip = nsn_ip_add(&t.subnet.ip, 0xfffffe);
	t.endpoints[5].fixed = true;
	start = clock();
	assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
	/* It takes a millisecond; to look at each address of a /48 does not end. */
	assert_true((clock() - start) / CLOCKS_PER_SEC < 1);
	nsn_tenant_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_given_lowest_first_and_fixed_ones_stay),
		cmocka_unit_test(each_address_that_cannot_be_is_refused_in_its_own_words),
		cmocka_unit_test(a_full_subnet_of_a_new_tenant_has_another_hint),
		cmocka_unit_test(without_ip6_nobody_has_an_ip6_address),
		cmocka_unit_test(an_open_subnet_has_no_addresses),
		cmocka_unit_test(a_tenant_has_as_many_endpoints_as_a_bridge_has_ports),
		cmocka_unit_test(a_subnet_can_be_filled_to_the_last_address),
		cmocka_unit_test(allocation_is_as_quick_in_a_large_subnet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
