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

#include "../../lib/base/cleanup.h"
#include "../../lib/model/tenant.h"

#define A32 "abcdefghijklmnopqrstuvwxyz012345"
#define A63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

/* ---- tenants --------------------------------------------------------------- */

static void a_new_tenant_has_its_gateway_first_and_its_endpoint_second(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};
	char buf[NSN_PREFIX_STRLEN];

	(void)state;
	assert_int_equal(nsn_tenant_init(&t, "customer1", "10.10.1.0/24", &err), 0);
	assert_string_equal(t.name, "customer1");
	assert_string_equal(nsn_prefix_str(&t.subnet, buf), "10.10.1.0/24");
	assert_string_equal(nsn_ip_str(&t.gateway, buf), "10.10.1.1");
	assert_int_equal(t.n_endpoints, 1);
	assert_string_equal(t.endpoints[0].name, "default");
	assert_string_equal(nsn_ip_str(&t.endpoints[0].ip, buf), "10.10.1.2");
	assert_int_equal(t.id, 0);
	assert_int_equal(t.endpoints[0].id, 0);
	assert_int_equal(t.given, NSN_GIVEN_SUBNET);
	assert_int_equal(t.mtu, 1500);
	assert_int_equal(nsn_tenant_capacity(&t), 254);
	nsn_tenant_clear(&t);
	assert_null(t.endpoints);
	assert_string_equal(t.name, "");
	nsn_tenant_clear(&t);
	nsn_tenant_clear(NULL);
}

static void a_tenant_is_refused_for_its_name_or_its_subnet(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t = {.id = 4711};

	(void)state;
	assert_int_equal(nsn_tenant_init(&t, "Blue", "10.10.1.0/24", &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_NAME);
	assert_int_equal(nsn_tenant_init(&t, "blue", "10.10.1.0", &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_SUBNET);
	assert_int_equal(nsn_tenant_init(&t, "blue", "auto", &err), -EINVAL);
	assert_int_equal(t.id, 4711);
	assert_null(t.endpoints);
}

static void capacity_leaves_out_network_and_broadcast(void **state)
{
	static const struct {
		const char *subnet;
		uint64_t n;
	} cases[] = {{"10.0.0.0/30", 2}, {"10.0.0.0/24", 254}, {"10.0.0.0/8", 16777214}};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_tenant t = {0};

		assert_int_equal(nsn_subnet_parse(&t.subnet, cases[i].subnet, NULL), 0);
		assert_int_equal(nsn_tenant_capacity(&t), cases[i].n);
	}
}

/* ---- definitions ----------------------------------------------------------- */

static const char *const labels[] = {"tier=gold", "env=prod", "a.b-c=X_y.z-0"};
static const char *const owners[] = {"carol", "_alice", "pc$"};
static const struct nsnet_endpoint_def endpoints[] = {
	{.name = "web", .ip = "10.1.0.9", .ip6 = "fd00:1::99", .rate = "1500kbit"},
	{.name = "default", .ip = "auto", .ip6 = "auto", .rate = "none"},
	{.name = "db"},
};
/* It says everything. */
static const struct nsnet_tenant_def full = {
	.name = "blue",
	.subnet = "10.1.0.0/24",
	.subnet6 = "fd00:1::/64",
	.inside = "deny",
	.mtu = "9000",
	.rate = "10mbit",
	.new_flows = "100",
	.open_flows = "none",
	.dns = "9.9.9.9,2620:fe::fe",
	.labels = labels,
	.n_labels = 3,
	.owners = owners,
	.n_owners = 3,
	.endpoints = endpoints,
	.n_endpoints = 3,
};

static void a_definition_is_taken_over(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};
	char buf[NSN_PREFIX_STRLEN];

	(void)state;
	assert_int_equal(nsn_tenant_parse(&t, &full, &err), 0);
	assert_string_equal(t.name, "blue");
	assert_string_equal(nsn_prefix_str(&t.subnet, buf), "10.1.0.0/24");
	assert_string_equal(nsn_prefix_str(&t.subnet6, buf), "fd00:1::/64");
	assert_int_equal(t.gateway.family, 0);
	assert_true(t.inside_deny);
	assert_int_equal(t.mtu, 9000);
	assert_int_equal(t.rate, 10000000);
	assert_int_equal(t.new_flows, 100);
	assert_int_equal(t.open_flows, 0);
	assert_int_equal(t.dns.kind, NSN_DNS_SERVERS);
	assert_int_equal(t.dns.n, 2);
	assert_string_equal(nsn_ip_str(&t.dns.servers[1], buf), "2620:fe::fe");
	assert_int_equal(t.n_labels, 3);
	assert_string_equal(t.labels[0].key, "a.b-c");
	assert_string_equal(t.labels[0].value, "X_y.z-0");
	assert_string_equal(t.labels[1].key, "env");
	assert_string_equal(t.labels[2].key, "tier");
	assert_string_equal(t.labels[2].value, "gold");
	assert_int_equal(t.n_owners, 3);
	assert_string_equal(t.owners[0].name, "_alice");
	assert_string_equal(t.owners[1].name, "carol");
	assert_string_equal(t.owners[2].name, "pc$");
	assert_int_equal(t.n_endpoints, 3);
	assert_string_equal(t.endpoints[0].name, "web");
	assert_string_equal(nsn_ip_str(&t.endpoints[0].ip, buf), "10.1.0.9");
	assert_string_equal(nsn_ip_str(&t.endpoints[0].ip6, buf), "fd00:1::99");
	assert_true(t.endpoints[0].fixed && t.endpoints[0].fixed6);
	assert_int_equal(t.endpoints[0].rate, 1500000);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(t.endpoints[i].ip.family, 0);
		assert_int_equal(t.endpoints[i].ip6.family, 0);
		assert_false(t.endpoints[i].fixed || t.endpoints[i].fixed6);
		assert_int_equal(t.endpoints[i].rate, 0);
	}
	assert_int_equal(t.given, 0x7ff);
	assert_string_equal(err.msg, "");
	nsn_tenant_clear(&t);
	assert_null(t.labels);
	assert_null(t.owners);
}

static void what_is_not_said_has_its_default_and_is_not_given(void **state)
{
	const struct nsnet_tenant_def def = {.name = "blue"};
	struct nsn_tenant t = {0};

	(void)state;
	assert_int_equal(nsn_tenant_parse(&t, &def, NULL), 0);
	assert_int_equal(t.subnet.ip.family, 0);
	assert_int_equal(t.subnet.len, 24);
	assert_int_equal(t.subnet6.ip.family, 0);
	assert_int_equal(t.subnet6.len, 0);
	assert_false(t.inside_deny);
	assert_int_equal(t.mtu, 1500);
	assert_int_equal(t.rate, 0);
	assert_int_equal(t.new_flows, 4000);
	assert_int_equal(t.open_flows, 32768);
	assert_int_equal(t.n_labels + t.n_owners, 0);
	assert_int_equal(t.n_endpoints, 1);
	assert_string_equal(t.endpoints[0].name, "default");
	assert_int_equal(t.given, 0);
	nsn_tenant_clear(&t);
}

/* Each setting alone: what it becomes, and that it alone is given. */
static void each_setting_is_given_by_itself(void **state)
{
	static const char *const one[] = {"none"};
	static const struct {
		struct nsnet_tenant_def def;
		unsigned int given;
		uint8_t len, len6;
	} cases[] = {
		{{.subnet = "auto"}, 0, 24, 0},
		{{.subnet = "auto/16"}, 0, 16, 0},
		{{.subnet = "auto/30"}, 0, 30, 0},
		{{.subnet = "10.0.0.0/8"}, NSN_GIVEN_SUBNET, 8, 0},
		{{.subnet6 = "none"}, NSN_GIVEN_SUBNET6, 24, 0},
		{{.subnet6 = "auto"}, NSN_GIVEN_SUBNET6, 24, 64},
		{{.subnet6 = "auto/64"}, NSN_GIVEN_SUBNET6, 24, 64},
		{{.subnet6 = "fd00::/48"}, NSN_GIVEN_SUBNET6, 24, 48},
		{{.mtu = "576"}, NSN_GIVEN_MTU, 24, 0},
		{{.mtu = "65535"}, NSN_GIVEN_MTU, 24, 0},
		{{.subnet6 = "auto", .mtu = "1280"}, NSN_GIVEN_SUBNET6 | NSN_GIVEN_MTU, 24, 64},
		{{.rate = "none"}, NSN_GIVEN_RATE, 24, 0},
		{{.new_flows = "none"}, NSN_GIVEN_NEW_FLOWS, 24, 0},
		{{.open_flows = "32768"}, NSN_GIVEN_OPEN_FLOWS, 24, 0},
		{{.inside = "allow"}, NSN_GIVEN_INSIDE, 24, 0},
		{{.dns = "none"}, NSN_GIVEN_DNS, 24, 0},
		{{.dns = "shared/dns"}, NSN_GIVEN_DNS, 24, 0},
		{{.labels = labels}, NSN_GIVEN_LABELS, 24, 0}, /* no labels, and that is said */
		{{.owners = owners}, NSN_GIVEN_OWNERS, 24, 0},
		{{.owners = one, .n_owners = 1}, NSN_GIVEN_OWNERS, 24, 0},
		{{.endpoints = endpoints + 1, .n_endpoints = 1}, NSN_GIVEN_ENDPOINTS, 24, 0},
		{{.endpoints = endpoints}, 0, 24, 0},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_tenant_def def = cases[i].def;
		struct nsnet_err err = {0};
		struct nsn_tenant t = {0};

		def.name = "blue";
		assert_int_equal(nsn_tenant_parse(&t, &def, &err), 0);
		assert_int_equal(t.given, cases[i].given);
		assert_int_equal(t.subnet.len, cases[i].len);
		assert_int_equal(t.subnet6.len, cases[i].len6);
		assert_int_equal(t.n_labels + t.n_owners, 0);
		assert_int_equal(t.n_endpoints, 1);
		nsn_tenant_clear(&t);
	}
}

#define ONE(member, text) .member = (const char *const[]){text}, .n_##member = 1
#define TWO(member, a, b) .member = (const char *const[]){a, b}, .n_##member = 2
#define EP(...)		  .endpoints = (const struct nsnet_endpoint_def[]){{__VA_ARGS__}}, .n_endpoints = 1

static const struct {
	struct nsnet_tenant_def def;
	enum nsnet_code id;
	const char *says, *hint;
} bad_defs[] = {
	{{.name = "Blue"},
	 NSNET_E_BAD_NAME,
	 "'Blue' is not a tenant name: capital letters are not allowed",
	 "did you mean blue?"},
	{{.name = ""}, NSNET_E_BAD_NAME, "'' is not a tenant name: it is empty", ""},
	{{.subnet = "10.1.0.9/24"},
	 NSNET_E_BAD_SUBNET,
	 "'10.1.0.9/24' is not a subnet: it has host bits set",
	 "write 10.1.0.0/24"},
	{{.subnet = "none"},
	 NSNET_E_BAD_SUBNET,
	 "'none' is not a subnet: every tenant has an IPv4 subnet",
	 "write it like 10.10.1.0/24"},
	{{.subnet = ""},
	 NSNET_E_BAD_SUBNET,
	 "'' is not a subnet: it is empty",
	 "write it like 10.10.1.0/24"},
#define AUTO_CASE(len)                                                                             \
	{                                                                                          \
		{.subnet = "auto/" len}, NSNET_E_BAD_SUBNET,                                       \
			"'auto/" len "' is not a subnet: an automatic one is auto/16 to auto/30",  \
			"write auto, which is auto/24"                                             \
	}
	AUTO_CASE("15"),
	AUTO_CASE("31"),
	AUTO_CASE(""),
	AUTO_CASE("024"),
	AUTO_CASE("x"),
	AUTO_CASE("24 "),
	AUTO_CASE("24/24"),
	{{.subnet6 = "auto/80"},
	 NSNET_E_BAD_SUBNET,
	 "'auto/80' is not an IPv6 subnet: an automatic one is always a /64",
	 "write auto"},
	{{.subnet6 = "10.1.0.0/24"},
	 NSNET_E_BAD_SUBNET,
	 "'10.1.0.0/24' is not an IPv6 subnet: it is IPv4, only IPv6 can be used",
	 "write it like fd00:1::/64"},
	{{.mtu = "575"},
	 NSNET_E_BAD_SETTING,
	 "'575' is not an MTU: 576 bytes at least, which every IPv4 host has to take",
	 ""},
	{{.mtu = "65536"},
	 NSNET_E_BAD_SETTING,
	 "'65536' is not an MTU: 65535 bytes at most, more than that no IP packet has",
	 ""},
#define MTU_CASE(text)                                                                             \
	{                                                                                          \
		{.mtu = text}, NSNET_E_BAD_SETTING,                                                \
			"'" text "' is not an MTU: write a number of bytes, such as 1500", ""      \
	}
	MTU_CASE(""),
	MTU_CASE("1500 "),
	MTU_CASE("-1500"),
	MTU_CASE("01500"),
	MTU_CASE("auto"),
	{{.mtu = "1279", .subnet6 = "auto"},
	 NSNET_E_BAD_SETTING,
	 "an MTU of 1279 is too small for IPv6, which needs 1280 bytes",
	 "mtu 1280 or more, or subnet6 none"},
	{{.inside = "alow"},
	 NSNET_E_BAD_SETTING,
	 "inside is allow or deny, not 'alow'",
	 "did you mean allow?"},
	{{.inside = "dney"},
	 NSNET_E_BAD_SETTING,
	 "inside is allow or deny, not 'dney'",
	 "did you mean deny?"},
	{{.inside = "\x1b"}, NSNET_E_BAD_SETTING, "inside is allow or deny, not '\\x1b'", ""},
	{{.rate = "10"},
	 NSNET_E_BAD_RATE,
	 "'10' is not a rate: the unit is missing: bit, kbit, mbit or gbit",
	 "write it like 10mbit"},
#define LABEL_CASE(text, why)                                                                      \
	{                                                                                          \
		{ONE(labels, text)}, NSNET_E_BAD_LABEL, "'" text "' is not a label: " why,         \
			"write it like env=prod"                                                   \
	}
	LABEL_CASE("", "it is empty"),
	LABEL_CASE("env", "the '=' is missing"),
	LABEL_CASE("=prod", "the key is empty"),
	LABEL_CASE("env=", "the value is empty"),
	LABEL_CASE("Env=prod", "the key does not start with one of a-z, 0-9"),
	LABEL_CASE("-env=prod", "the key does not start with one of a-z, 0-9"),
	LABEL_CASE(".env=prod", "the key does not start with one of a-z, 0-9"),
	LABEL_CASE("e_v=prod", "a key has only a-z, 0-9, '.' and '-'"),
	LABEL_CASE("e v=prod", "a key has only a-z, 0-9, '.' and '-'"),
	LABEL_CASE("env=a=b", "a value has only letters, digits, '.', '_' and '-'"),
	LABEL_CASE("env=a b", "a value has only letters, digits, '.', '_' and '-'"),
	LABEL_CASE("env=$(id)", "a value has only letters, digits, '.', '_' and '-'"),
	{{ONE(labels, A63 "x=prod")},
	 NSNET_E_BAD_LABEL,
	 "'" A63 "x=prod' is not a label: the key is too long, 63 characters at most",
	 "write it like env=prod"},
	{{ONE(labels, "e=" A63 "x")},
	 NSNET_E_BAD_LABEL,
	 "'e=" A63 "x' is not a label: the value is too long, 63 characters at most",
	 "write it like env=prod"},
	{{TWO(labels, "env=a", "env=b")}, NSNET_E_BAD_LABEL, "label env is there twice", ""},
	{{.labels = labels, .n_labels = 33},
	 NSNET_E_BAD_LABEL,
	 "there are 33 labels, a tenant has 32 at most",
	 ""},
#define OWNER_CASE(text)                                                                           \
	{                                                                                          \
		{ONE(owners, text)}, NSNET_E_BAD_SETTING,                                          \
			"'" text "' is not a user name: use a-z, 0-9, '_' and '-', start with a "  \
			"letter or '_', "                                                          \
			"32 characters at most",                                                   \
			""                                                                         \
	}
	OWNER_CASE(""),
	OWNER_CASE("Alice"),
	OWNER_CASE("1alice"),
	OWNER_CASE("-alice"),
	OWNER_CASE("$"),
	OWNER_CASE("a$b"),
	OWNER_CASE("al ice"),
	OWNER_CASE("a.b"),
	OWNER_CASE("../x"),
	OWNER_CASE("a$$"),
	OWNER_CASE(A32),
	OWNER_CASE(A32 "$"),
	{{TWO(owners, "bob", "bob")}, NSNET_E_BAD_SETTING, "owner bob is there twice", ""},
	{{.owners = owners, .n_owners = 33},
	 NSNET_E_BAD_SETTING,
	 "there are 33 owners, a tenant has 32 at most",
	 ""},
	{{EP(.name = NULL)},
	 NSNET_E_BAD_NAME,
	 "tenant 'blue': '' is not an endpoint name: it is empty",
	 ""},
	{{EP(.name = "all")},
	 NSNET_E_BAD_NAME,
	 "tenant 'blue': 'all' is not an endpoint name: the word is reserved, choose another",
	 ""},
	{{EP(.name = "gateway")},
	 NSNET_E_BAD_NAME,
	 "tenant 'blue': 'gateway' is not an endpoint name: the word is reserved, choose another",
	 ""},
	{{EP(.name = "../x")},
	 NSNET_E_BAD_NAME,
	 "tenant 'blue': '../x' is not an endpoint name: use a-z, 0-9 and '-', start with a "
	 "letter, 2 to 32 characters",
	 ""},
	{{EP(.name = "Web")},
	 NSNET_E_BAD_NAME,
	 "tenant 'blue': 'Web' is not an endpoint name: capital letters are not allowed",
	 "did you mean web?"},
#define IP_CASE(text, why)                                                                         \
	{                                                                                          \
		{EP(.name = "web", .ip = text)}, NSNET_E_BAD_ADDRESS,                              \
			"endpoint 'blue/web': '" text "' is not an IPv4 address: " why,            \
			"write it like 10.10.1.5, or auto"                                         \
	}
	IP_CASE("", "it is empty"),
	IP_CASE("10.1.0.9/24", "it has a prefix length, which is the subnet's"),
	IP_CASE("10.1.0", "it cannot be read as one"),
	IP_CASE("010.1.0.9", "it cannot be read as one"),
	IP_CASE(" 10.1.0.9", "it cannot be read as one"),
	IP_CASE("10.1.0.9 ", "it cannot be read as one"),
	IP_CASE("none", "it cannot be read as one"),
	IP_CASE("fd00::5", "it is IPv6, which is --ip6"),
	IP_CASE("fe80::1%eth0", "it has a zone in it"),
	{{EP(.name = "web", .ip6 = "10.1.0.9"), .subnet6 = "auto"},
	 NSNET_E_BAD_ADDRESS,
	 "endpoint 'blue/web': '10.1.0.9' is not an IPv6 address: it is IPv4",
	 "write it like fd00:1::5, or auto"},
	{{EP(.name = "web", .ip6 = "fd00:1::5")},
	 NSNET_E_BAD_ADDRESS,
	 "endpoint 'blue/web' has an IPv6 address, but the tenant no IPv6 subnet",
	 "--subnet6 auto"},
	{{EP(.name = "web", .ip6 = "fd00:1::5"), .subnet6 = "none"},
	 NSNET_E_BAD_ADDRESS,
	 "endpoint 'blue/web' has an IPv6 address, but the tenant no IPv6 subnet",
	 "--subnet6 auto"},
	{{EP(.name = "web", .rate = "fast")},
	 NSNET_E_BAD_RATE,
	 "endpoint 'blue/web': 'fast' is not a rate: it does not start with a number",
	 "write it like 10mbit"},
};

static void each_bad_definition_is_refused_in_its_own_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad_defs); i++) {
		struct nsnet_tenant_def def = bad_defs[i].def;
		struct nsn_tenant before, after;
		struct nsnet_err err = {0};

		if (!def.name)
			def.name = "blue";
		def.where = "t.yaml:7:3";
		memset(&before, 0x5a, sizeof(before));
		after = before;
		assert_int_equal(nsn_tenant_parse(&after, &def, &err), -EINVAL);
		assert_memory_equal(&after, &before, sizeof(after));
		assert_int_equal(err.code, -EINVAL);
		assert_int_equal(err.id, bad_defs[i].id);
		assert_string_equal(err.msg, bad_defs[i].says);
		assert_string_equal(err.hint, bad_defs[i].hint);
		assert_string_equal(err.where, "t.yaml:7:3");
		assert_int_equal(nsn_tenant_parse(&after, &def, NULL), -EINVAL);
	}
}

static void two_endpoints_of_one_name_are_refused(void **state)
{
	static const struct nsnet_endpoint_def twins[] = {{.name = "web"}, {.name = "web"}};
	const struct nsnet_tenant_def def = {.name = "blue", .endpoints = twins, .n_endpoints = 2};
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};

	(void)state;
	assert_int_equal(nsn_tenant_parse(&t, &def, &err), -EEXIST);
	assert_int_equal(err.id, NSNET_E_ENDPOINT_EXISTS);
	assert_string_equal(err.msg, "tenant 'blue' has an endpoint 'web'");
	assert_null(t.endpoints);
}

static void a_reserved_word_is_no_endpoint_but_default_is(void **state)
{
	static const char *const words[] = {"host",  "internet", "any",	    "all", "tenants",
					    "label", "default",	 "gateway", "none"};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(words); i++) {
		const struct nsnet_endpoint_def def = {.name = words[i]};
		struct nsn_endpoint before, e;
		struct nsnet_err err = {0};
		int good = strcmp(words[i], "default") == 0;

		memset(&before, 0x5a, sizeof(before));
		e = before;
		assert_int_equal(nsn_endpoint_parse(&e, "blue", &def, &err), good ? 0 : -EINVAL);
		if (!good)
			assert_memory_equal(&e, &before, sizeof(e));
	}
}

static void labels_and_owners_can_be_as_long_as_they_may(void **state)
{
	static const char *const users[] = {
		"abcdefghijklmnopqrstuvwxyz01234$",
		"abcdefghijklmnopqrstuvwxyz01234",
		"a",
		"_",
	};
	const struct nsnet_tenant_def def = {.name = "blue",
					     ONE(labels, A63 "=" A63),
					     .owners = users,
					     .n_owners = NSN_COUNT(users)};
	struct nsn_tenant t = {0};

	(void)state;
	assert_int_equal(strlen(users[0]), NSN_OWNER_MAX);
	assert_int_equal(nsn_tenant_parse(&t, &def, NULL), 0);
	assert_string_equal(t.labels[0].key, A63);
	assert_string_equal(t.labels[0].value, A63);
	assert_string_equal(t.owners[3].name, users[0]);
	nsn_tenant_clear(&t);

	/* What the store asks before it writes and after it has read. */
	assert_true(nsn_label_ok(A63, A63));
	assert_false(nsn_label_ok(A63 "x", A63));
	assert_false(nsn_label_ok(A63, A63 "x"));
	assert_false(nsn_label_ok("", "x"));
	assert_false(nsn_label_ok("x", ""));
	assert_false(nsn_label_ok("x", "a/b"));
	assert_false(nsn_label_ok("a=b", "x"));
	assert_true(nsn_owner_ok(users[0]));
	assert_false(nsn_owner_ok(A32));
	assert_false(nsn_owner_ok(""));
}

/* ---- endpoints in a tenant --------------------------------------------------- */

static void endpoints_are_found_added_and_taken_out(void **state)
{
	struct nsn_endpoint e = {.name = "web"};
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};

	(void)state;
	assert_int_equal(nsn_tenant_parse(&t, &full, NULL), 0);
	assert_ptr_equal(nsn_tenant_endpoint(&t, "db"), &t.endpoints[2]);
	assert_null(nsn_tenant_endpoint(&t, "d"));
	assert_int_equal(nsn_tenant_endpoint_add(&t, &e, &err), -EEXIST);
	assert_int_equal(err.id, NSNET_E_ENDPOINT_EXISTS);
	assert_int_equal(t.n_endpoints, 3);
	nsn_tenant_endpoint_del(&t, 0);
	assert_int_equal(t.n_endpoints, 2);
	assert_string_equal(t.endpoints[0].name, "default");
	assert_string_equal(t.endpoints[1].name, "db");
	assert_int_equal(nsn_tenant_endpoint_add(&t, &e, &err), 0);
	assert_string_equal(t.endpoints[2].name, "web");
	for (size_t i = 3; i-- > 0;)
		nsn_tenant_endpoint_del(&t, i);
	assert_int_equal(t.n_endpoints, 0);
	nsn_tenant_clear(&t);
}

/* ---- copying and comparing --------------------------------------------------- */

static void a_copy_shares_nothing(void **state)
{
	struct nsn_tenant a = {0}, b = {0};
	char why[128];

	(void)state;
	assert_int_equal(nsn_tenant_parse(&a, &full, NULL), 0);
	assert_int_equal(nsn_tenant_copy(&b, &a, NULL), 0);
	assert_true(nsn_tenant_same(&a, &b, why, sizeof(why)));
	assert_int_equal(b.given, a.given);
	memset(a.endpoints, 'x', 3 * sizeof(*a.endpoints));
	memset(a.labels, 'x', 3 * sizeof(*a.labels));
	memset(a.owners, 'x', 3 * sizeof(*a.owners));
	nsn_tenant_clear(&a);
	assert_int_equal(nsn_tenant_parse(&a, &full, NULL), 0);
	assert_true(nsn_tenant_same(&a, &b, why, sizeof(why)));
	nsn_tenant_clear(&a);
	nsn_tenant_clear(&b);

	assert_int_equal(nsn_tenant_copy(&b, &a, NULL), 0); /* of an empty one */
	assert_null(b.endpoints);
	assert_null(b.labels);
	assert_null(b.owners);
}

/* The full one, as the store would have it. */
static void make_have(struct nsn_tenant *t)
{
	assert_int_equal(nsn_tenant_parse(t, &full, NULL), 0);
	assert_int_equal(nsn_tenant_allocate(t, NULL), 0);
	t->id = t->endpoints[0].id = t->endpoints[0].link = 7;
	t->created = 12345;
}

static const struct nsnet_endpoint_def others[][3] = {
	{{.name = "default"}, {.name = "db"}, {.name = "web", .ip = "10.1.0.8"}},
	{{.name = "default"}, {.name = "db"}, {.name = "web"}},
	{{.name = "web", .ip = "10.1.0.9", .ip6 = "fd00:1::99", .rate = "1mbit"},
	 {.name = "default"},
	 {.name = "db"}},
	{{.name = "web", .ip = "10.1.0.9", .rate = "1500kbit"},
	 {.name = "default"},
	 {.name = "db"}},
	{{.name = "web", .ip = "10.1.0.9", .ip6 = "fd00:1::99", .rate = "1500kbit"},
	 {.name = "default", .ip = "10.1.0.2"},
	 {.name = "db"}},
	{{.name = "web", .ip = "10.1.0.9", .ip6 = "fd00:1::99", .rate = "1500kbit"},
	 {.name = "default"},
	 {.name = "dc"}},
	/* The same in another order. */
	{{.name = "db"},
	 {.name = "web", .ip = "10.1.0.9", .ip6 = "fd00:1::99", .rate = "1500kbit"},
	 {.name = "default"}},
};
#define OTHER(i) .endpoints = others[i], .n_endpoints = 3, .subnet6 = "auto"

static const struct {
	struct nsnet_tenant_def def;
	const char *says; /* NULL: they are the same */
} same_cases[] = {
	{{0}, NULL},
	{{.subnet = "auto"}, NULL},
	{{.subnet = "auto/16"}, NULL},
	{{.subnet = "10.1.0.0/24"}, NULL},
	{{.subnet = "10.2.0.0/24"}, "subnet 10.1.0.0/24, not 10.2.0.0/24"},
	{{.subnet = "10.1.0.0/23"}, "subnet 10.1.0.0/24, not 10.1.0.0/23"},
	{{.subnet6 = "auto"}, NULL},
	{{.subnet6 = "fd00:1::/64"}, NULL},
	{{.subnet6 = "fd00:2::/64"}, "subnet6 fd00:1::/64, not fd00:2::/64"},
	{{.subnet6 = "none"}, "subnet6 fd00:1::/64, not none"},
	{{.mtu = "9000"}, NULL},
	{{.mtu = "1500"}, "mtu 9000, not 1500"},
	{{.inside = "deny"}, NULL},
	{{.inside = "allow"}, "inside deny, not allow"},
	{{.rate = "10000kbit"}, NULL},
	{{.rate = "none"}, "rate 10mbit, not none"},
	{{.new_flows = "100"}, NULL},
	{{.new_flows = "101"}, "new-flows 100, not 101"},
	{{.open_flows = "none"}, NULL},
	{{.open_flows = "32768"}, "open-flows none, not 32768"},
	{{.dns = "9.9.9.9,2620:fe:0::fe"}, NULL},
	{{.dns = "2620:fe::fe,9.9.9.9"}, "dns 9.9.9.9,2620:fe::fe, not 2620:fe::fe,9.9.9.9"},
	{{.dns = "9.9.9.9"}, "dns 9.9.9.9,2620:fe::fe, not 9.9.9.9"},
	{{.dns = "none"}, "dns 9.9.9.9,2620:fe::fe, not none"},
	{{TWO(labels, "tier=gold", "env=prod")}, "label a.b-c=X_y.z-0, not none"},
	{{.labels = labels}, "label a.b-c=X_y.z-0, not none"},
	{{TWO(labels, "a.b-c=X_y.z-0", "env=test")}, "label env=prod, not env=test"},
	{{TWO(labels, "a.b-c=X_y.z-0", "b=c")}, "no label b=c"},
	{{TWO(owners, "_alice", "carol")}, "owner pc$, not none"},
	{{TWO(owners, "_alice", "bob")}, "no owner bob"},
	{{ONE(owners, "none")}, "owner _alice, not none"},
	{{EP(.name = "default")}, "endpoint web, not none"},
	{{EP(.name = "www")}, "no endpoint www"},
	{{OTHER(0)}, "endpoint web 10.1.0.9, not 10.1.0.8"},
	{{OTHER(1)}, "endpoint web 10.1.0.9, not auto"},
	{{OTHER(2)}, "endpoint web rate 1500kbit, not 1mbit"},
	{{OTHER(3)}, "endpoint web fd00:1::99, not auto"},
	{{OTHER(4)}, "endpoint default 10.1.0.2 (auto), not 10.1.0.2"},
	{{OTHER(5)}, "no endpoint dc"},
	{{OTHER(6)}, NULL},
};

static void a_tenant_is_compared_with_what_a_definition_says(void **state)
{
	struct nsn_tenant have = {0};

	(void)state;
	make_have(&have);
	for (size_t i = 0; i < NSN_COUNT(same_cases); i++) {
		struct nsnet_tenant_def def = same_cases[i].def;
		struct nsn_tenant want = {0};
		struct nsnet_err err = {0};
		char why[128] = "";

		def.name = "blue";
		assert_int_equal(nsn_tenant_parse(&want, &def, &err), 0);
		assert_int_equal(nsn_tenant_same(&have, &want, why, sizeof(why)),
				 !same_cases[i].says);
		assert_string_equal(why, same_cases[i].says ? same_cases[i].says : "");
		nsn_tenant_clear(&want);
	}
	nsn_tenant_clear(&have);
}

/* The other way round: what is wanted and not there. */
static const struct {
	struct nsnet_tenant_def def;
	const char *says;
} plain_cases[] = {
	{{.name = "green"}, "name blue, not green"},
	{{.subnet6 = "auto"}, "subnet6 none, not auto"},
	{{.subnet6 = "fd00:1::/64"}, "subnet6 none, not fd00:1::/64"},
	{{ONE(labels, "env=prod")}, "no label env=prod"},
	{{ONE(owners, "bob")}, "no owner bob"},
	{{.rate = "8kbit"}, "rate none, not 8kbit"},
	{{.new_flows = "none"}, "new-flows 4000, not none"},
	{{.open_flows = "1"}, "open-flows 32768, not 1"},
	{{.dns = "shared/dns"}, "dns none, not shared/dns"},
};

static void a_plain_tenant_is_not_what_a_full_definition_says(void **state)
{
	struct nsn_tenant have = {0};
	char why[128] = "";

	(void)state;
	assert_int_equal(nsn_tenant_init(&have, "blue", "10.1.0.0/24", NULL), 0);
	for (size_t i = 0; i < NSN_COUNT(plain_cases); i++) {
		struct nsnet_tenant_def def = plain_cases[i].def;
		struct nsn_tenant want = {0};

		if (!def.name)
			def.name = "blue";
		assert_int_equal(nsn_tenant_parse(&want, &def, NULL), 0);
		assert_false(nsn_tenant_same(&have, &want, why, sizeof(why)));
		assert_string_equal(why, plain_cases[i].says);
		nsn_tenant_clear(&want);
	}
	nsn_tenant_clear(&have);
}

static void an_endpoint_without_ip6_says_so(void **state)
{
	struct nsn_endpoint have = {.name = "web"}, want = {.name = "web", .fixed6 = true};
	char why[128];

	(void)state;
	assert_int_equal(nsn_ip_parse(&want.ip6, "fd00::5"), 0);
	assert_false(nsn_endpoint_same(&have, &want, why, sizeof(why)));
	assert_string_equal(why, "endpoint web without IPv6, not fd00::5");
	want.fixed6 = false; /* one that was given by allocation */
	assert_true(nsn_endpoint_same(&have, &want, why, sizeof(why)));
}

static void the_default_endpoint_is_pinned_under_the_name_of_the_tenant(void **state)
{
	struct nsn_tenant t = {.name = A32};
	struct nsn_endpoint e = {.name = "default"};
	char buf[NSN_NETNS_NAME_SIZE];

	(void)state;
	assert_string_equal(nsn_endpoint_netns_name(&t, &e, buf), A32);
	memcpy(e.name, A32, sizeof(A32));
	assert_string_equal(nsn_endpoint_netns_name(&t, &e, buf), A32 "." A32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_tenant_has_its_gateway_first_and_its_endpoint_second),
		cmocka_unit_test(a_tenant_is_refused_for_its_name_or_its_subnet),
		cmocka_unit_test(capacity_leaves_out_network_and_broadcast),
		cmocka_unit_test(a_definition_is_taken_over),
		cmocka_unit_test(what_is_not_said_has_its_default_and_is_not_given),
		cmocka_unit_test(each_setting_is_given_by_itself),
		cmocka_unit_test(each_bad_definition_is_refused_in_its_own_words),
		cmocka_unit_test(two_endpoints_of_one_name_are_refused),
		cmocka_unit_test(a_reserved_word_is_no_endpoint_but_default_is),
		cmocka_unit_test(labels_and_owners_can_be_as_long_as_they_may),
		cmocka_unit_test(endpoints_are_found_added_and_taken_out),
		cmocka_unit_test(a_copy_shares_nothing),
		cmocka_unit_test(a_tenant_is_compared_with_what_a_definition_says),
		cmocka_unit_test(a_plain_tenant_is_not_what_a_full_definition_says),
		cmocka_unit_test(an_endpoint_without_ip6_says_so),
		cmocka_unit_test(the_default_endpoint_is_pinned_under_the_name_of_the_tenant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
