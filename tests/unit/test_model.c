/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/model/tenant.h"

#define A32 "abcdefghijklmnopqrstuvwxyz012345"

static void good_names_pass(void **state)
{
	static const char *const names[] = {
		"ab", "a1", "customer1", "a-b", "a--b", "x9-9x", "hosts", "default1", "lo", A32,
	};
	struct nsnet_err err = {0};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		assert_true(nsn_name_ok(names[i]));
		assert_int_equal(nsn_tenant_name_check(names[i], &err), 0);
	}
	assert_int_equal(err.code, 0);
	assert_string_equal(err.msg, "");
}

/* hint "": there must be none. */
static const struct {
	const char *name, *shown, *why, *hint;
} bad_names[] = {
#define CHARSET "use a-z, 0-9 and '-', start with a letter, 2 to 32 characters"
	{"custmer1_a", "custmer1_a", CHARSET, "did you mean custmer1-a?"},
	{"", "", "it is empty", ""},
	{".", ".", CHARSET, ""},
	{"..", "..", CHARSET, ""},
	{"a/b", "a/b", CHARSET, "did you mean a-b?"},
	{"../etc", "../etc", CHARSET, "did you mean etc?"},
	{"eth0.5", "eth0.5", CHARSET, "did you mean eth0-5?"},
	{"tv*", "tv*", CHARSET, "did you mean tv?"},
	{";$(id)", ";$(id)", CHARSET, "did you mean id?"},
	{"%s%n", "%s%n", CHARSET, "did you mean s-n?"},
	{"a'b", "a\\x27b", CHARSET, "did you mean a-b?"},
	{"my net", "my net", "it has white space in it", "did you mean my-net?"},
	{"blue\n", "blue\\x0a", "it has white space in it", "did you mean blue?"},
	{"\tblue", "\\x09blue", "it has white space in it", "did you mean blue?"},
	{"a\x1b[31mb", "a\\x1b[31mb", "it has a control character in it", "did you mean a-31mb?"},
	{"ab\x7f", "ab\\x7f", "it has a control character in it", "did you mean ab?"},
	{"m\xc3\xbcller", "m\\xc3\\xbcller", "it has a character in it that is not ASCII",
	 "did you mean m-ller?"},
	{"a\xe2\x80\xae"
	 "b",
	 "a\\xe2\\x80\\xaeb", "it has a character in it that is not ASCII", "did you mean a-b?"},
	{"\xff\xfe", "\\xff\\xfe", "it has a character in it that is not ASCII", ""},
	{"Blue", "Blue", "capital letters are not allowed", "did you mean blue?"},
	{"HOST", "HOST", "capital letters are not allowed", ""},
	{"1st", "1st", "it does not start with a letter", "did you mean st?"},
	{"-rf", "-rf", "it does not start with a letter", "did you mean rf?"},
	{"42", "42", "it does not start with a letter", ""},
	{"--", "--", "it does not start with a letter", ""},
	{"a", "a", "it is too short, 2 to 32 characters are needed", ""},
	{A32 "6", A32 "6", "it is too long, 32 characters at most", ""},
	{"blue-", "blue-", "it ends with '-'", "did you mean blue?"},
	{"default", "default", "the word is reserved, choose another", ""},
	{"host", "host", "the word is reserved, choose another", ""},
	{"internet", "internet", "the word is reserved, choose another", ""},
	{"any", "any", "the word is reserved, choose another", ""},
	{"all", "all", "the word is reserved, choose another", ""},
	{"tenants", "tenants", "the word is reserved, choose another", ""},
	{"label", "label", "the word is reserved, choose another", ""},
	{"gateway", "gateway", "the word is reserved, choose another", ""},
	{"none", "none", "the word is reserved, choose another", ""},
};

static void each_bad_name_is_refused_in_its_own_words(void **state)
{
	char want[512];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad_names); i++) {
		struct nsnet_err err = {0};

		assert_int_equal(nsn_tenant_name_check(bad_names[i].name, &err), -EINVAL);
		assert_int_equal(err.code, -EINVAL);
		assert_int_equal(err.id, NSNET_E_BAD_NAME);
		(void)snprintf(want, sizeof(want), "'%s' is not a tenant name: %s",
			       bad_names[i].shown, bad_names[i].why);
		assert_string_equal(err.msg, want);
		assert_string_equal(err.hint, bad_names[i].hint);
	}
}

static void every_suggested_name_is_a_good_one(void **state)
{
	static const char start[] = "did you mean ";
	char name[6] = "", better[256];

	(void)state;
	srandom(1);
	for (size_t i = 0; i < 20000; i++) {
		struct nsnet_err err = {0};
		size_t len = strlen(start);

		for (size_t j = 0; j < sizeof(name) - 1; j++)
			name[j] = (char)(random() % 3 ? "-aZ9_.\n"[random() % 7] : random());
		if (nsn_tenant_name_check(name, &err) == 0 || !err.hint[0])
			continue;
		assert_memory_equal(err.hint, start, len);
		(void)snprintf(better, sizeof(better), "%s", err.hint + len);
		better[strlen(better) - 1] = '\0';
		assert_int_equal(nsn_tenant_name_check(better, NULL), 0);
		assert_string_not_equal(better, name);
	}
}

static void a_huge_name_is_cut_in_the_message(void **state)
{
	static char huge[70000];
	struct nsnet_err err = {0};

	(void)state;
	memset(huge, 'a', sizeof(huge) - 1);
	assert_int_equal(nsn_tenant_name_check(huge, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "aaa...' is not a tenant name: it is too long"));
	assert_true(strlen(err.msg) < 150);
	memset(huge, '\x1b', sizeof(huge) - 1);
	assert_int_equal(nsn_tenant_name_check(huge, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "\\x1b...' is not a tenant name: it has a control"));
}

static void reserved_words_have_the_shape_of_a_name(void **state)
{
	(void)state;
	assert_true(nsn_name_ok("default"));
	assert_false(nsn_name_ok(""));
	assert_false(nsn_name_ok("a"));
	assert_false(nsn_name_ok(A32 "6"));
	assert_false(nsn_name_ok("a/b"));
	assert_false(nsn_name_ok("ab-"));
	assert_false(nsn_name_ok("-ab"));
	assert_false(nsn_name_ok("Ab"));
}

/* ---- subnets --------------------------------------------------------------- */

static void good_subnets_pass(void **state)
{
	static const char *const subnets[] = {
		"10.0.0.0/8",	 "10.10.1.0/24",   "192.168.0.4/30", "1.0.0.0/8",
		"172.16.0.0/12", "169.253.0.0/16", "169.255.0.0/16", "223.255.255.0/24",
		"126.0.0.0/8",	 "128.0.0.0/8",	   "100.64.0.0/10",
	};
	char buf[NSN_PREFIX_STRLEN];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(subnets); i++) {
		struct nsnet_err err = {0};
		struct nsn_prefix p;

		assert_int_equal(nsn_subnet_parse(&p, subnets[i], &err), 0);
		assert_string_equal(nsn_prefix_str(&p, buf), subnets[i]);
		assert_int_equal(err.code, 0);
	}
}

static const struct {
	const char *text, *shown, *why, *hint;
} bad_subnets[] = {
#define LIKE  "write it like 10.10.1.0/24"
#define SPACE "it has white space in it"
#define SMALL "it is too small for a gateway and a host, /8 to /30 can be used"
#define LARGE "it is too large, /8 to /30 can be used"
#define IPV6  "it is IPv6, only IPv4 can be used"
#define FOUR  "an address is four numbers with dots between them"
#define OCTAL "a number starts with 0, which some programs take for octal"
	{"", "", "it is empty", LIKE},
	{"10.10.1.0", "10.10.1.0", "the prefix length is missing", "write 10.10.1.0/24"},
	{"10.10.1.7", "10.10.1.7", "the prefix length is missing", "write 10.10.1.0/24"},
	{"10.10.1.0/", "10.10.1.0/", "the prefix length is missing", LIKE},
	{"10.10.1.5/24", "10.10.1.5/24", "it has host bits set", "write 10.10.1.0/24"},
	{"10.10.1.128/23", "10.10.1.128/23", "it has host bits set", "write 10.10.0.0/23"},
	{"10.0.0.0/0", "10.0.0.0/0", LARGE, ""},
	{"0.0.0.0/0", "0.0.0.0/0", LARGE, ""},
	{"10.0.0.0/7", "10.0.0.0/7", LARGE, ""},
	{"10.0.0.0/31", "10.0.0.0/31", SMALL, ""},
	{"10.0.0.1/32", "10.0.0.1/32", SMALL, ""},
	{"10.0.0.0/33", "10.0.0.0/33", "a prefix length is 32 at most; /8 to /30 can be used", ""},
	{"10.0.0.0/99999999999999999999", "10.0.0.0/99999999999999999999",
	 "a prefix length is 32 at most; /8 to /30 can be used", ""},
	{"0.0.0.0/8", "0.0.0.0/8", "0.0.0.0/8 means 'this network'", ""},
	{"0.1.0.0/16", "0.1.0.0/16", "0.0.0.0/8 means 'this network'", ""},
	{"127.0.0.0/8", "127.0.0.0/8", "127.0.0.0/8 is loopback", ""},
	{"127.0.0.1/24", "127.0.0.1/24", "127.0.0.0/8 is loopback", ""},
	{"169.254.1.0/24", "169.254.1.0/24", "169.254.0.0/16 is link-local", ""},
	{"169.0.0.0/8", "169.0.0.0/8", "169.254.0.0/16 is link-local", ""},
	{"224.0.0.0/24", "224.0.0.0/24", "224.0.0.0/4 is multicast", ""},
	{"239.1.0.0/16", "239.1.0.0/16", "224.0.0.0/4 is multicast", ""},
	{"240.0.0.0/24", "240.0.0.0/24", "240.0.0.0/4 is reserved", ""},
	{"255.255.255.0/24", "255.255.255.0/24", "240.0.0.0/4 is reserved", ""},
	{"255.255.255.255/32", "255.255.255.255/32", "255.255.255.255 is the broadcast address",
	 ""},
	{"255.255.255.255/24", "255.255.255.255/24", "255.255.255.255 is the broadcast address",
	 ""},
	{"::/0", "::/0", IPV6, LIKE},
	{"::1", "::1", IPV6, LIKE},
	{"fe80::/10", "fe80::/10", IPV6, LIKE},
	{"fe80::1%eth0/64", "fe80::1%eth0/64", IPV6, LIKE},
	{"ff00::/8", "ff00::/8", IPV6, LIKE},
	{"::ffff:0:0/96", "::ffff:0:0/96", IPV6, LIKE},
	{"::ffff:10.0.0.0/120", "::ffff:10.0.0.0/120", IPV6, LIKE},
	{"64:ff9b::/96", "64:ff9b::/96", IPV6, LIKE},
	{"2002::/16", "2002::/16", IPV6, LIKE},
	{"10.0.0.0:80/24", "10.0.0.0:80/24", FOUR, LIKE},
	{"010.0.0.0/8", "010.0.0.0/8", OCTAL, LIKE},
	{"10.00.0.0/8", "10.00.0.0/8", OCTAL, LIKE},
	{"10.0.0.0/08", "10.0.0.0/08", "the prefix length starts with 0", LIKE},
	{"1.2.3/24", "1.2.3/24", "an address has four numbers, here are fewer", LIKE},
	{"1.2.3", "1.2.3", "an address has four numbers, here are fewer", LIKE},
	{"10", "10", "an address has four numbers, here are fewer", LIKE},
	{"1.2.3.4.5/24", "1.2.3.4.5/24", "an address has four numbers, here are more", LIKE},
	{"256.0.0.0/8", "256.0.0.0/8", "a number is greater than 255", LIKE},
	{"10.0.0.1000/8", "10.0.0.1000/8", "a number is greater than 255", LIKE},
	{"1..2.3/24", "1..2.3/24", FOUR, LIKE},
	{"1.2.3.4./24", "1.2.3.4./24", FOUR, LIKE},
	{"/24", "/24", FOUR, LIKE},
	{"0x0a.0.0.0/8", "0x0a.0.0.0/8", FOUR, LIKE},
	{"-1.0.0.0/8", "-1.0.0.0/8", FOUR, LIKE},
	{"blue", "blue", FOUR, LIKE},
	{"%s%n/24", "%s%n/24", FOUR, LIKE},
	{"10.0.0.0/24x", "10.0.0.0/24x", "there is something after the prefix length", LIKE},
	{"10.0.0.0/24/8", "10.0.0.0/24/8", "there is something after the prefix length", LIKE},
	{"10.0.0.0/24,10.1.0.0/24", "10.0.0.0/24,10.1.0.0/24",
	 "there is something after the prefix length", LIKE},
	{"10.0.0.0/x", "10.0.0.0/x", "the prefix length is not a number", LIKE},
	{"10.0.0.0/-8", "10.0.0.0/-8", "the prefix length is not a number", LIKE},
	{"10.0.0.0/+8", "10.0.0.0/+8", "the prefix length is not a number", LIKE},
	{"10.10.0.0/255.255.0.0", "10.10.0.0/255.255.0.0", "the length is written as a mask",
	 "write 10.10.0.0/16"},
	{"10.10.0.0/255.0.255.0", "10.10.0.0/255.0.255.0",
	 "there is something after the prefix length", LIKE},
	{" 10.0.0.0/8", " 10.0.0.0/8", SPACE, LIKE},
	{"10.0.0.0/8 ", "10.0.0.0/8 ", SPACE, LIKE},
	{"10.0.0.0 /8", "10.0.0.0 /8", SPACE, LIKE},
	{"10.0.0.0/8\n", "10.0.0.0/8\\x0a", SPACE, LIKE},
	{"10.0.0.0/8\x1b[2J", "10.0.0.0/8\\x1b[2J", "it has a control character in it", LIKE},
	{"10.0.0.0/\xd9\xa8", "10.0.0.0/\\xd9\\xa8", "it has a character in it that is not ASCII",
	 LIKE},
};

static void each_bad_subnet_is_refused_in_its_own_words(void **state)
{
	char want[512];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad_subnets); i++) {
		struct nsn_prefix before, after;
		struct nsnet_err err = {0};

		memset(&before, 0x5a, sizeof(before));
		after = before;
		assert_int_equal(nsn_subnet_parse(&after, bad_subnets[i].text, &err), -EINVAL);
		assert_memory_equal(&after, &before, sizeof(after));
		assert_int_equal(err.id, NSNET_E_BAD_SUBNET);
		(void)snprintf(want, sizeof(want), "'%s' is not a subnet: %s", bad_subnets[i].shown,
			       bad_subnets[i].why);
		assert_string_equal(err.msg, want);
		assert_string_equal(err.hint, bad_subnets[i].hint);
	}
}

static void a_huge_subnet_is_cut_in_the_message(void **state)
{
	static const char *const starts[] = {"", "10.0.0.0/", "1.", "::"};
	static char huge[70000];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(starts); i++) {
		struct nsnet_err err = {0};
		struct nsn_prefix p;

		memset(huge, '1', sizeof(huge) - 1);
		memcpy(huge, starts[i], strlen(starts[i]));
		assert_int_equal(nsn_subnet_parse(&p, huge, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "111...' is not a subnet: "));
		assert_true(strlen(err.msg) < 200);
	}
}

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

static void a_copy_shares_nothing(void **state)
{
	struct nsn_tenant a = {0}, b = {0};
	char why[128];

	(void)state;
	assert_int_equal(nsn_tenant_init(&a, "blue", "10.1.0.0/24", NULL), 0);
	assert_int_equal(nsn_tenant_copy(&b, &a, NULL), 0);
	assert_true(nsn_tenant_same(&a, &b, why, sizeof(why)));
	assert_ptr_not_equal(a.endpoints, b.endpoints);
	b.endpoints[0].name[0] = 'x';
	assert_string_equal(a.endpoints[0].name, "default");
	nsn_tenant_clear(&a);
	assert_string_equal(b.endpoints[0].name, "xefault");
	nsn_tenant_clear(&b);

	assert_int_equal(nsn_tenant_copy(&b, &a, NULL), 0); /* of an empty one */
	assert_null(b.endpoints);
}

enum change { NAME, SUBNET, GATEWAY, ENDPOINT_IP, ENDPOINT_NAME, ENDPOINT_GONE, IDS };

static void change_tenant(struct nsn_tenant *t, enum change what)
{
	switch (what) {
	case NAME:
		memcpy(t->name, "green", 6);
		break;
	case SUBNET:
		assert_int_equal(nsn_subnet_parse(&t->subnet, "10.2.0.0/24", NULL), 0);
		break;
	case GATEWAY:
		t->gateway = nsn_ip_add(&t->gateway, 9);
		break;
	case ENDPOINT_IP:
		t->endpoints[0].ip = nsn_ip_add(&t->endpoints[0].ip, 1);
		break;
	case ENDPOINT_NAME:
		memcpy(t->endpoints[0].name, "web", 4);
		break;
	case ENDPOINT_GONE:
		t->n_endpoints = 0;
		break;
	case IDS:
		t->id = t->endpoints[0].id = t->endpoints[0].link = 7;
		t->created = 12345;
		break;
	}
}

static void tenants_that_differ_say_in_what(void **state)
{
	static const struct {
		enum change what;
		const char *says; /* NULL: they are the same */
	} cases[] = {
		{NAME, "name blue, not green"},
		{SUBNET, "subnet 10.1.0.0/24, not 10.2.0.0/24"},
		{GATEWAY, "gateway 10.1.0.1, not 10.1.0.10"},
		{ENDPOINT_IP, "endpoint default 10.1.0.2, not 10.1.0.3"},
		{ENDPOINT_NAME, "no endpoint web"},
		{ENDPOINT_GONE, "endpoint default, not none"},
		{IDS, NULL},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_tenant have = {0}, want = {0};
		char why[128] = "";

		assert_int_equal(nsn_tenant_init(&have, "blue", "10.1.0.0/24", NULL), 0);
		assert_int_equal(nsn_tenant_init(&want, "blue", "10.1.0.0/24", NULL), 0);
		change_tenant(&want, cases[i].what);
		assert_int_equal(nsn_tenant_same(&have, &want, why, sizeof(why)), !cases[i].says);
		assert_string_equal(why, cases[i].says ? cases[i].says : "");
		nsn_tenant_clear(&have);
		nsn_tenant_clear(&want);
	}
}

static void endpoints_are_compared_as_a_set(void **state)
{
	struct nsn_endpoint ab[2] = {{.name = "aa"}, {.name = "bb", .ip = {.bytes = {2}}}};
	struct nsn_endpoint ba[2] = {{.name = "bb", .ip = {.bytes = {2}}}, {.name = "aa"}};
	struct nsn_tenant one = {.name = "blue", .endpoints = ab, .n_endpoints = 2};
	struct nsn_tenant two = {.name = "blue", .endpoints = ba, .n_endpoints = 2};
	char why[128];

	(void)state;
	assert_true(nsn_tenant_same(&one, &two, why, sizeof(why)));
	ba[1].ip.bytes[0] = 1;
	assert_false(nsn_tenant_same(&one, &two, why, sizeof(why)));
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
		cmocka_unit_test(good_names_pass),
		cmocka_unit_test(each_bad_name_is_refused_in_its_own_words),
		cmocka_unit_test(every_suggested_name_is_a_good_one),
		cmocka_unit_test(a_huge_name_is_cut_in_the_message),
		cmocka_unit_test(reserved_words_have_the_shape_of_a_name),
		cmocka_unit_test(good_subnets_pass),
		cmocka_unit_test(each_bad_subnet_is_refused_in_its_own_words),
		cmocka_unit_test(a_huge_subnet_is_cut_in_the_message),
		cmocka_unit_test(a_new_tenant_has_its_gateway_first_and_its_endpoint_second),
		cmocka_unit_test(a_tenant_is_refused_for_its_name_or_its_subnet),
		cmocka_unit_test(capacity_leaves_out_network_and_broadcast),
		cmocka_unit_test(a_copy_shares_nothing),
		cmocka_unit_test(tenants_that_differ_say_in_what),
		cmocka_unit_test(endpoints_are_compared_as_a_set),
		cmocka_unit_test(the_default_endpoint_is_pinned_under_the_name_of_the_tenant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
