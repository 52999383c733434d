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
	{"../x", "../x", CHARSET, ""},
	{"a\nb", "a\\x0ab", "it has white space in it", "did you mean a-b?"},
	{"a.b", "a.b", CHARSET, "did you mean a-b?"},
	{"a*", "a*", CHARSET, ""},
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

/* The lengths that a name may be given in by mistake. */
static void a_long_name_is_too_long(void **state)
{
	static const size_t lengths[] = {33, 64, 255, 256, 4096, 65536};
	static char name[65537];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(lengths); i++) {
		struct nsnet_err err = {0};

		memset(name, 'a', lengths[i]);
		name[lengths[i]] = '\0';
		assert_int_equal(nsn_tenant_name_check(name, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "it is too long, 32 characters at most"));
		assert_string_equal(err.hint, "");
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
#define EVERY "/0 is every address there is, /8 to /30 can be used"
#define IPV6  "it is IPv6, only IPv4 can be used"
#define SUB6  "--subnet6 fd00:1::/64"
#define FOUR  "an address is four numbers with dots between them"
#define OCTAL "a number starts with 0, which some programs take for octal"
	{"", "", "it is empty", LIKE},
	{"10.10.1.0", "10.10.1.0", "the prefix length is missing", "write 10.10.1.0/24"},
	{"10.10.1.7", "10.10.1.7", "the prefix length is missing", "write 10.10.1.0/24"},
	{"10.10.1.0/", "10.10.1.0/", "the prefix length is missing", LIKE},
	{"10.10.1.5/24", "10.10.1.5/24", "it has host bits set", "write 10.10.1.0/24"},
	{"10.10.1.128/23", "10.10.1.128/23", "it has host bits set", "write 10.10.0.0/23"},
	{"10.0.0.0/0", "10.0.0.0/0", EVERY, ""},
	{"0.0.0.0/0", "0.0.0.0/0", EVERY, ""},
	{"8.0.0.0/5", "8.0.0.0/5", LARGE, ""},
	{"127/8", "127/8", "an address has four numbers, here are fewer", LIKE},
	{"169.254.0.0/16", "169.254.0.0/16", "169.254.0.0/16 is link-local", ""},
	{"168.0.0.0/7", "168.0.0.0/7", LARGE, ""},
	{"224.0.0.0/4", "224.0.0.0/4", "224.0.0.0/4 is multicast", ""},
	{"224.0.0.0/3", "224.0.0.0/3", LARGE, ""},
	{"240.0.0.0/4", "240.0.0.0/4", "240.0.0.0/4 is reserved", ""},
	{"010.0.0.1/24", "010.0.0.1/24", OCTAL, LIKE},
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
	{"::/0", "::/0", IPV6, SUB6},
	{"::1", "::1", IPV6, SUB6},
	{"fe80::/10", "fe80::/10", IPV6, SUB6},
	{"fe80::1%eth0/64", "fe80::1%eth0/64", IPV6, SUB6},
	{"ff00::/8", "ff00::/8", IPV6, SUB6},
	{"::ffff:0:0/96", "::ffff:0:0/96", IPV6, SUB6},
	{"::ffff:10.0.0.0/120", "::ffff:10.0.0.0/120", IPV6, SUB6},
	{"64:ff9b::/96", "64:ff9b::/96", IPV6, SUB6},
	{"2002::/16", "2002::/16", IPV6, SUB6},
	{"fd12:3::/64", "fd12:3::/64", IPV6, "--subnet6 fd12:3::/64"},
	{"fd12:3::5/64", "fd12:3::5/64", IPV6, SUB6},
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
		assert_int_equal(nsn_subnet6_parse(&p, huge, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "111...' is not an IPv6 subnet: "));
		assert_true(strlen(err.msg) < 250);
	}
}

/* ---- IPv6 ------------------------------------------------------------------ */

static void good_ip6_subnets_pass(void **state)
{
	static const struct {
		const char *text, *prints; /* NULL: as it was written */
	} subnets[] = {
		{"fd00:1::/64", NULL},
		{"fd00:1::/48", NULL},
		{"fd00:1::/126", NULL},
		{"fd00:1::4/126", NULL},
		{"fc00::/48", NULL},
		{"fdff:ffff:ffff::/48", NULL},
		{"2001:db8::/48", NULL},
		{"2001:db8:1:2::/64", NULL},
		{"2000::/48", NULL},
		{"3fff:ffff:ffff::/48", NULL},
		{"2001:1::/48", NULL},
		{"2003::/48", NULL},
		{"FD00:0001:0:0:0:0:0:0/64", "fd00:1::/64"},
		{"fd00::10.0.0.0/120", "fd00::a00:0/120"},
	};
	char buf[NSN_PREFIX_STRLEN];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(subnets); i++) {
		struct nsnet_err err = {0};
		struct nsn_prefix p;

		assert_int_equal(nsn_subnet6_parse(&p, subnets[i].text, &err), 0);
		assert_string_equal(nsn_prefix_str(&p, buf),
				    subnets[i].prints ? subnets[i].prints : subnets[i].text);
		assert_int_equal(err.code, 0);
	}
}

static const struct {
	const char *text, *shown, *why, *hint;
} bad_subnets6[] = {
#define LIKE6  "write it like fd00:1::/64"
#define SMALL6 "it is too small for a gateway and a host, /48 to /126 can be used"
#define LARGE6 "it is too large, /48 to /126 can be used"
#define OTHER6 "it is neither global (2000::/3) nor unique local (fc00::/7)"
#define HEX6   "an address is hexadecimal numbers with ':' between them, once '::'"
#define MOST6  "a prefix length is 128 at most; /48 to /126 can be used"
#define IPV4   "it is IPv4, only IPv6 can be used"
#define NAT64  "64:ff9b::/96 is for translation to IPv4"
#define MAPPED "::ffff:0:0/96 is IPv4 in IPv6 clothes"
#define LINK6  "fe80::/10 is link-local"
#define MULTI6 "ff00::/8 is multicast"
#define ZONE   "it has a zone in it, which is part of no subnet"
	{"", "", "it is empty", LIKE6},
	{"::/0", "::/0", "/0 is every address there is, /48 to /126 can be used", ""},
	{"::", "::", "the prefix length is missing", "write ::/64"},
	{"::/128", "::/128", ":: is the unspecified address", ""},
	{"::/64", "::/64", ":: is the unspecified address", ""},
	{"::1/128", "::1/128", "::1 is loopback", ""},
	{"::1/64", "::1/64", "::1 is loopback", ""},
	{"fe80::/10", "fe80::/10", LINK6, ""},
	{"fe80::/64", "fe80::/64", LINK6, ""},
	{"febf:ffff::/64", "febf:ffff::/64", LINK6, ""},
	{"fe80::1/128", "fe80::1/128", LINK6, ""},
	{"ff00::/8", "ff00::/8", MULTI6, ""},
	{"ff02::1/128", "ff02::1/128", MULTI6, ""},
	{"ff05:1::/64", "ff05:1::/64", MULTI6, ""},
	{"::ffff:0:0/96", "::ffff:0:0/96", MAPPED, ""},
	{"::ffff:10.0.0.0/120", "::ffff:10.0.0.0/120", MAPPED, ""},
	{"64:ff9b::/96", "64:ff9b::/96", NAT64, ""},
	{"64:ff9b::10.0.0.0/120", "64:ff9b::10.0.0.0/120", NAT64, ""},
	{"64:ff9b:1::/48", "64:ff9b:1::/48", "64:ff9b:1::/48 is for translation to IPv4", ""},
	{"64:ff9b:1:5::/64", "64:ff9b:1:5::/64", "64:ff9b:1::/48 is for translation to IPv4", ""},
	{"2002::/16", "2002::/16", "2002::/16 is 6to4's, a tunnel over IPv4", ""},
	{"2002:a00:1::/48", "2002:a00:1::/48", "2002::/16 is 6to4's, a tunnel over IPv4", ""},
	{"2001::/32", "2001::/32", "2001::/32 is Teredo's, a tunnel over IPv4", ""},
	{"2001:0:5::/48", "2001:0:5::/48", "2001::/32 is Teredo's, a tunnel over IPv4", ""},
	{"100::/64", "100::/64", OTHER6, ""},
	{"1fff::/64", "1fff::/64", OTHER6, ""},
	{"4000::/64", "4000::/64", OTHER6, ""},
	{"8000::/64", "8000::/64", OTHER6, ""},
	{"c000::/64", "c000::/64", OTHER6, ""},
	{"e000::/64", "e000::/64", OTHER6, ""},
	{"f000::/64", "f000::/64", OTHER6, ""},
	{"f800::/64", "f800::/64", OTHER6, ""},
	{"fbff::/64", "fbff::/64", OTHER6, ""},
	{"fe00::/64", "fe00::/64", OTHER6, ""},
	{"fec0::/64", "fec0::/64", OTHER6, ""},
	{"fd00::/8", "fd00::/8", LARGE6, ""},
	{"fd00::/47", "fd00::/47", LARGE6, ""},
	{"2000::/3", "2000::/3", LARGE6, ""},
	{"fd00::/127", "fd00::/127", SMALL6, ""},
	{"fd00::1/128", "fd00::1/128", SMALL6, ""},
	{"fd00::/129", "fd00::/129", MOST6, ""},
	{"fd00::/99999999999999999999", "fd00::/99999999999999999999", MOST6, ""},
	{"fd00:1::5/64", "fd00:1::5/64", "it has host bits set", "write fd00:1::/64"},
	{"2001:db8:1:2:3::/48", "2001:db8:1:2:3::/48", "it has host bits set",
	 "write 2001:db8:1::/48"},
	{"fd00:1::", "fd00:1::", "the prefix length is missing", "write fd00:1::/64"},
	{"fd00:1::/", "fd00:1::/", "the prefix length is missing", LIKE6},
	{"fd00:1::/064", "fd00:1::/064", "the prefix length starts with 0", LIKE6},
	{"fd00:1::/x", "fd00:1::/x", "the prefix length is not a number", LIKE6},
	{"fd00:1::/-64", "fd00:1::/-64", "the prefix length is not a number", LIKE6},
	{"fd00:1::/64x", "fd00:1::/64x", "there is something after the prefix length", LIKE6},
	{"fd00:1::/64/8", "fd00:1::/64/8", "there is something after the prefix length", LIKE6},
	{"fd00:1::/255.255.255.0", "fd00:1::/255.255.255.0",
	 "there is something after the prefix length", LIKE6},
	{"fe80::1%eth0/64", "fe80::1%eth0/64", ZONE, LIKE6},
	{"fe80::1%eth0", "fe80::1%eth0", ZONE, LIKE6},
	{"fd00:1::/64%eth0", "fd00:1::/64%eth0", ZONE, LIKE6},
	{"10.0.0.0/24", "10.0.0.0/24", IPV4, LIKE6},
	{"10.0.0.0", "10.0.0.0", IPV4, LIKE6},
	{"0.0.0.0/0", "0.0.0.0/0", IPV4, LIKE6},
	{"fd00:1:/64", "fd00:1:/64", HEX6, LIKE6},
	{"fd00::1::/64", "fd00::1::/64", HEX6, LIKE6},
	{"fd00:1:2:3:4:5:6:7:8/64", "fd00:1:2:3:4:5:6:7:8/64", HEX6, LIKE6},
	{"fg00::/64", "fg00::/64", HEX6, LIKE6},
	{"[fd00:1::]/64", "[fd00:1::]/64", HEX6, LIKE6},
	{"/64", "/64", HEX6, LIKE6},
	{"blue", "blue", HEX6, LIKE6},
	{"%s%n/64", "%s%n/64", HEX6, LIKE6},
	{" fd00:1::/64", " fd00:1::/64", SPACE, LIKE6},
	{"fd00:1::/64 ", "fd00:1::/64 ", SPACE, LIKE6},
	{"fd00:1::/64\n", "fd00:1::/64\\x0a", SPACE, LIKE6},
	{"fd00:1::/64\x1b[2J", "fd00:1::/64\\x1b[2J", "it has a control character in it", LIKE6},
	{"fd00:1::/\xd9\xa8", "fd00:1::/\\xd9\\xa8", "it has a character in it that is not ASCII",
	 LIKE6},
};

static void each_bad_ip6_subnet_is_refused_in_its_own_words(void **state)
{
	char want[512];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad_subnets6); i++) {
		struct nsn_prefix before, after;
		struct nsnet_err err = {0};

		memset(&before, 0x5a, sizeof(before));
		after = before;
		assert_int_equal(nsn_subnet6_parse(&after, bad_subnets6[i].text, &err), -EINVAL);
		assert_memory_equal(&after, &before, sizeof(after));
		assert_int_equal(err.id, NSNET_E_BAD_SUBNET);
		(void)snprintf(want, sizeof(want), "'%s' is not an IPv6 subnet: %s",
			       bad_subnets6[i].shown, bad_subnets6[i].why);
		assert_string_equal(err.msg, want);
		assert_string_equal(err.hint, bad_subnets6[i].hint);
	}
}

/* Every /16 there is: what is not unicast that a site may use is refused. */
static void only_global_and_unique_local_prefixes_pass(void **state)
{
	char text[32];

	(void)state;
	for (unsigned int n = 0; n <= 0xffff; n++) {
		bool global = n >> 13 == 1, local = n >> 9 == 0xfc >> 1;
		struct nsn_prefix p;

		(void)snprintf(text, sizeof(text), "%x:7:7::/64", n);
		assert_int_equal(nsn_subnet6_parse(&p, text, NULL) == 0,
				 (global || local) && n != 0x2002);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_names_pass),
		cmocka_unit_test(each_bad_name_is_refused_in_its_own_words),
		cmocka_unit_test(every_suggested_name_is_a_good_one),
		cmocka_unit_test(a_long_name_is_too_long),
		cmocka_unit_test(a_huge_name_is_cut_in_the_message),
		cmocka_unit_test(reserved_words_have_the_shape_of_a_name),
		cmocka_unit_test(good_subnets_pass),
		cmocka_unit_test(each_bad_subnet_is_refused_in_its_own_words),
		cmocka_unit_test(a_huge_subnet_is_cut_in_the_message),
		cmocka_unit_test(good_ip6_subnets_pass),
		cmocka_unit_test(each_bad_ip6_subnet_is_refused_in_its_own_words),
		cmocka_unit_test(only_global_and_unique_local_prefixes_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
