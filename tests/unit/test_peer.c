/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/model/policy.h"

#define A31 "abcdefghijklmnopqrstuvwxyz01234"
#define A63 A31 "-" A31

/* What is refused: @msg is all of it, @hint "" none. */
struct bad {
	const char *text, *msg, *hint;
};

typedef int parse_fn(const char *text, char *printed, size_t size, struct nsnet_err *err);

static int as_peer(const char *text, char *printed, size_t size, struct nsnet_err *err)
{
	char buf[NSN_PEER_STRLEN];
	struct nsn_peer p = {0};
	int r = nsn_peer_parse(&p, text, err);

	if (r == 0)
		(void)snprintf(printed, size, "%s", nsn_peer_str(&p, buf));
	return r;
}

static int as_ports(const char *text, char *printed, size_t size, struct nsnet_err *err)
{
	char buf[NSN_PORTS_STRLEN];
	struct nsn_ports p = {0};
	int r = nsn_ports_parse(&p, text, err);

	if (r == 0)
		(void)snprintf(printed, size, "%s", nsn_ports_str(&p, buf));
	return r;
}

static int as_flow(const char *text, char *printed, size_t size, struct nsnet_err *err)
{
	char buf[NSN_FLOW_STRLEN];
	struct nsn_flow f = {0};
	int r = nsn_flow_parse(&f, text, err);

	if (r == 0)
		(void)snprintf(printed, size, "%s", nsn_flow_str(&f, buf));
	return r;
}

static int as_time(const char *text, char *printed, size_t size, struct nsnet_err *err)
{
	char buf[NSN_TIME_STRLEN];
	int64_t at = 0;
	int r = nsn_time_parse(&at, text, err);

	if (r == 0)
		(void)snprintf(printed, size, "%s", nsn_time_str(at, buf));
	return r;
}

/* Prints as @want (NULL: as it was written), which parses to the same. */
static void good(parse_fn *parse, const char *text, const char *want)
{
	char printed[512] = "", again[512] = "";
	struct nsnet_err err = {0};

	if (parse(text, printed, sizeof(printed), &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(err.code, 0);
	assert_string_equal(printed, want ? want : text);
	assert_int_equal(parse(printed, again, sizeof(again), NULL), 0);
	assert_string_equal(again, printed);
}

/* Each "write X" is one that would be taken. */
static void bad(parse_fn *parse, enum nsnet_code id, const struct bad *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct nsnet_err err = {0};
		char printed[512] = "untouched";
		bool whole;

		assert_int_equal(parse(rows[i].text, printed, sizeof(printed), &err), -EINVAL);
		assert_string_equal(err.msg, rows[i].msg);
		assert_string_equal(err.hint, rows[i].hint);
		assert_int_equal(err.code, -EINVAL);
		assert_int_equal(err.id, id);
		assert_string_equal(printed, "untouched");
		assert_int_equal(parse(rows[i].text, printed, sizeof(printed), NULL), -EINVAL);
		whole = strncmp(err.hint, "write ", 6) == 0 &&
			strncmp(err.hint, "write it", 8) != 0 && !strpbrk(err.hint, ",") &&
			!strstr(err.hint, " and ");
		if (whole)
			assert_int_equal(parse(err.hint + 6, printed, sizeof(printed), NULL), 0);
	}
}

/* ---- peers -------------------------------------------------------------------------- */

static void good_peers_pass(void **state)
{
	static const char *const rows[][2] = {
		{"any"},
		{"internet"},
		{"host"},
		{"tenants"},
		{"customer1"},
		{"localhost"},
		{"customer1/db"},
		{"customer1/default"},
		{"tcp/a1"},
		{"label:tier=Gold"},
		{"label:a.b-c=X_1.y-"},
		{"10.0.0.0/8"},
		{"10.9.8.7"},
		{"10.9.8.7/32", "10.9.8.7"},
		{"169.254.0.0/16"},
		{"0.0.0.0/1"},
		{"203.0.113.4"},
		{"fd00::/8"},
		{"2001:db8::1"},
		{"2001:DB8::1/128", "2001:db8::1"},
		{"2001:db8:0:0::/48", "2001:db8::/48"},
		{"64:ff9b::/96"},
		{A31 "a/" A31 "b"},
		{"label:" A63 "=" A63},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++)
		good(as_peer, rows[i][0], rows[i][1]);
}

#define NOT(text, why) "'" text "' is not a peer: " why
#define CHARSET	       "use a-z, 0-9 and '-', start with a letter, 2 to 32 characters"
#define LOOPBACK4      "127.0.0.0/8 is loopback; services of the host are `host`"
#define EVERY                                                                                      \
	"/0 is every address there is: `any` is everything, `internet` what is globally reachable"
#define ALL	  "there is `tenants`, which is every tenant, and `any`, which is everything"
#define HEX	  "an IPv6 address is hexadecimal numbers with ':' between them, once '::'"
#define LIKE_PEER "write it like customer1/app"
#define LIKE_NET  "write it like 192.168.0.0/16"
#define LIKE_SIX  "write it like 2001:db8::/32"
#define LIKE_LAB  "write it like label:tier=gold"

static void each_bad_name_says_what_is_wrong(void **state)
{
	static const struct bad rows[] = {
		{"", NOT("", "it is empty"), LIKE_PEER},
		{"customer1/", NOT("customer1/", "the endpoint is missing after '/'"),
		 "write customer1"},
		{"/db", NOT("/db", "the tenant is missing before '/'"), LIKE_PEER},
		{"aa/bb/cc", NOT("aa/bb/cc", "there is more than one '/'"), LIKE_PEER},
		{"Customer1", "'Customer1' is not a tenant name: capital letters are not allowed",
		 "write customer1"},
		{"Internet", "'Internet' is not a tenant name: capital letters are not allowed",
		 "write internet"},
		{"customer1/Db",
		 NOT("customer1/Db",
		     "'Db' is not an endpoint name: capital letters are not allowed"),
		 "write customer1/db"},
		{"cust_omer", "'cust_omer' is not a tenant name: " CHARSET,
		 "did you mean cust-omer?"},
		{"1st", "'1st' is not a tenant name: it does not start with a letter",
		 "did you mean st?"},
		{"aa/10.0.0.1", NOT("aa/10.0.0.1", "'10.0.0.1' is not an endpoint name: " CHARSET),
		 ""},
		{"aa/all", NOT("aa/all", "all endpoints are meant by the tenant's name alone"),
		 "write aa"},
		{"aa/*", NOT("aa/*", "all endpoints are meant by the tenant's name alone"),
		 "write aa"},
		{"all", NOT("all", ALL), "write tenants, or any"},
		{"*", NOT("*", ALL), "write tenants, or any"},
		{"gateway",
		 NOT("gateway", "a tenant's gateway is no peer of its own; services of the host "
				"are `host`"),
		 "write host"},
		{"none",
		 NOT("none", "who shall reach nobody needs no rule: what no rule allows is denied"),
		 ""},
		{"default",
		 NOT("default", "it is the name of an endpoint, whose tenant is missing"),
		 "write it like customer1/default"},
		{"label", NOT("label", "the key and value of the label are missing"), LIKE_LAB},
		{"host/ssh", NOT("host/ssh", "`host` has no endpoints"), "write host"},
		{"tenants/db", NOT("tenants/db", "`tenants` has no endpoints"), "write tenants"},
		{"aa ", NOT("aa ", "it has white space in it"), ""},
		{"aa\x1b[31m", NOT("aa\\x1b[31m", "it has a control character in it"), ""},
		{"m\xc3\xbcller",
		 NOT("m\\xc3\\xbcller", "it has a character in it that is not ASCII"), ""},
		{"customer1:80", NOT("customer1:80", "a ':' is in labels and IPv6 addresses only"),
		 "write it like customer1, label:tier=gold or 2001:db8::/32"},
	};

	(void)state;
	bad(as_peer, NSNET_E_BAD_PEER, rows, NSN_COUNT(rows));
}

static void each_bad_label_says_what_is_wrong(void **state)
{
	static const struct bad rows[] = {
		{"label:tier", NOT("label:tier", "'tier' is not a label: the '=' is missing"),
		 LIKE_LAB},
		{"label:", NOT("label:", "'' is not a label: it is empty"), LIKE_LAB},
		{"label:a=", NOT("label:a=", "'a=' is not a label: the value is empty"), LIKE_LAB},
		{"label:=a", NOT("label:=a", "'=a' is not a label: the key is empty"), LIKE_LAB},
		{"label:Env=x",
		 NOT("label:Env=x",
		     "'Env=x' is not a label: the key does not start with one of a-z, 0-9"),
		 "write label:env=x"},
		{"label:tier:gold",
		 NOT("label:tier:gold", "'tier:gold' is not a label: the '=' is missing"),
		 "write label:tier=gold"},
		{"tier=gold", NOT("tier=gold", "a label is written with `label:`"),
		 "write label:tier=gold"},
		{"LABEL:tier=Gold", "'LABEL:tier=Gold' is not a tenant name: " CHARSET,
		 "write label:tier=Gold"},
		{"label:a=b/c",
		 NOT("label:a=b/c", "'a=b/c' is not a label: a value has only letters, digits, "
				    "'.', '_' and '-'"),
		 LIKE_LAB},
	};

	(void)state;
	bad(as_peer, NSNET_E_BAD_PEER, rows, NSN_COUNT(rows));
}

static void each_bad_address_says_what_is_wrong(void **state)
{
	static const struct bad rows[] = {
		{"10.0.0.1/8", NOT("10.0.0.1/8", "it has host bits set"), "write 10.0.0.0/8"},
		{"fd00::1/64", NOT("fd00::1/64", "it has host bits set"), "write fd00::/64"},
		{"10.0.0.0/33", NOT("10.0.0.0/33", "a prefix length is 32 at most"), ""},
		{"fd00::/129", NOT("fd00::/129", "a prefix length of IPv6 is 128 at most"), ""},
		{"10.0.0.0/", NOT("10.0.0.0/", "the prefix length is missing after '/'"),
		 "write 10.0.0.0"},
		{"10.0.0.0/08", NOT("10.0.0.0/08", "the prefix length starts with 0"), ""},
		{"10.0.0.0/x", NOT("10.0.0.0/x", "the prefix length is not a number"), LIKE_NET},
		{"10.0.0.1/255.0.0.0", NOT("10.0.0.1/255.0.0.0", "the length is written as a mask"),
		 "write 10.0.0.0/8"},
		{"10.0.0", NOT("10.0.0", "an address has four numbers, here are fewer"), LIKE_NET},
		{"10.0.0.256", NOT("10.0.0.256", "a number is greater than 255"), LIKE_NET},
		{"10.0.0.01",
		 NOT("10.0.0.01", "a number starts with 0, which some programs take for octal"),
		 LIKE_NET},
		{"10.0.0.1:80", NOT("10.0.0.1:80", "ports are not part of a peer"),
		 "write 10.0.0.1"},
		{"10.0.0.1-9", NOT("10.0.0.1-9", "a range of addresses is written as networks"),
		 LIKE_NET},
		{"[fd00::1]", NOT("[fd00::1]", "an address has no brackets around it"),
		 "write fd00::1"},
		{"fd00::1%eth0",
		 NOT("fd00::1%eth0", "it has a zone in it, which is part of no address"), ""},
		{"fd00::g", NOT("fd00::g", HEX), LIKE_SIX},
		{":", NOT(":", HEX), LIKE_SIX},
		{"0.0.0.0/0", NOT("0.0.0.0/0", EVERY), "write internet, or any"},
		{"::/0", NOT("::/0", EVERY), "write internet, or any"},
		{"0.0.0.0", NOT("0.0.0.0", "0.0.0.0/8 means 'this network'"), ""},
		{"127.0.0.1", NOT("127.0.0.1", LOOPBACK4), "write host"},
		{"127.0.0.1/8", NOT("127.0.0.1/8", LOOPBACK4), "write host"},
		{"::1", NOT("::1", "::1 is loopback; services of the host are `host`"),
		 "write host"},
		{"::", NOT("::", ":: is the unspecified address"), ""},
		{"224.0.0.1",
		 NOT("224.0.0.1", "224.0.0.0/4 is multicast, which no gateway passes on"), ""},
		{"255.255.255.255", NOT("255.255.255.255", "it is the broadcast address"), ""},
		{"250.0.0.0/8", NOT("250.0.0.0/8", "240.0.0.0/4 is reserved"), ""},
		{"ff02::1", NOT("ff02::1", "ff00::/8 is multicast, which no gateway passes on"),
		 ""},
		{"fe80::1",
		 NOT("fe80::1", "fe80::/10 is link-local: it is another host on each link, and no "
				"gateway passes it on"),
		 ""},
		{"::ffff:10.0.0.1",
		 NOT("::ffff:10.0.0.1", "::ffff:0:0/96 is IPv4 in IPv6 clothes: write it as IPv4"),
		 ""},
	};

	(void)state;
	bad(as_peer, NSNET_E_BAD_PEER, rows, NSN_COUNT(rows));
}

static void names_of_hosts_are_refused_as_such(void **state)
{
	static const char *const names[] = {
		"example.com",
		"example.com/24",
		"https://example.com/x",
		"example.com:443",
		"a.b",
		"Example.Com",
		"customer1.db",
		"*.example.com",
		"1.2.3.4.in-addr.arpa",
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(names); i++) {
		struct nsnet_err err = {0};
		struct nsn_peer p;

		assert_int_equal(nsn_peer_parse(&p, names[i], &err), -EINVAL);
		assert_int_equal(err.id, NSNET_E_DNS_PEER);
		assert_non_null(strstr(err.msg, names[i]));
		assert_string_equal(err.hint,
				    "use a network such as 192.0.2.0/24, or a tenant of your own "
				    "with a proxy; an endpoint is TENANT/ENDPOINT");
	}
}

/* Whatever it is, it is refused, and what is shown of it is short. */
static void long_texts_are_refused(void **state)
{
	static const char *const starts[] = {"",       "a/",   "label:a=", "10.0.0.0/",
					     "fd00::", "tcp/", "aa -> ",   "2027-"};
	static const char fill[] = "a1.:-/= \xff";
	static char text[65536 + 16];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(starts) * (sizeof(fill) - 1) * 4; i++) {
		static const size_t lengths[] = {150, 400, 4096, 65536};
		const char *start = starts[i / 4 % NSN_COUNT(starts)];
		size_t n = strlen(start);
		struct nsnet_err err = {0};
		char printed[512];

		memset(text, fill[i / 4 / NSN_COUNT(starts)], sizeof(text));
		memcpy(text, start, n);
		text[n + lengths[i % 4]] = '\0';
		assert_int_equal(as_peer(text, printed, sizeof(printed), &err), -EINVAL);
		assert_true(strlen(err.msg) < 300);
		assert_int_equal(as_ports(text, printed, sizeof(printed), &err), -EINVAL);
		assert_true(strlen(err.msg) < 300);
		assert_int_equal(as_flow(text, printed, sizeof(printed), &err), -EINVAL);
		assert_true(strlen(err.msg) < 300);
		assert_int_equal(as_time(text, printed, sizeof(printed), &err), -EINVAL);
		assert_true(strlen(err.msg) < 300);
	}
}

static void peers_are_the_same_by_what_they_mean(void **state)
{
	static const char *const all[] = {
		"any",	    "internet",	  "host",	 "tenants",   "aa",	   "bb",
		"aa/one",   "aa/two",	  "bb/one",	 "label:k=v", "label:k=w", "label:l=v",
		"10.0.0.0", "10.0.0.0/8", "10.0.0.0/16", "fd00::/8",  "fd00::/16",
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(all); i++)
		for (size_t k = 0; k < NSN_COUNT(all); k++) {
			struct nsn_peer a = {0}, b = {0};

			assert_int_equal(nsn_peer_parse(&a, all[i], NULL), 0);
			assert_int_equal(nsn_peer_parse(&b, all[k], NULL), 0);
			assert_int_equal(nsn_peer_same(&a, &b), i == k);
			assert_int_equal(nsn_peer_is_tenants(&a), i >= 3 && i < 12);
		}
}

/* ---- ports ------------------------------------------------------------------------------ */

static void good_ports_pass(void **state)
{
	static const char *const rows[][2] = {
		{"any"},	 {"tcp"},
		{"udp"},	 {"sctp"},
		{"icmp"},	 {"icmp/any", "icmp"},
		{"icmp/echo"},	 {"tcp/1"},
		{"tcp/65535"},	 {"udp/53"},
		{"sctp/2905"},	 {"tcp/8000-8100"},
		{"tcp/1-65535"}, {"tcp/80-80", "tcp/80"},
	};
	struct nsn_ports p;

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++)
		good(as_ports, rows[i][0], rows[i][1]);
	assert_int_equal(nsn_ports_parse(&p, "tcp", NULL), 0);
	assert_true(p.proto == NSN_PROTO_TCP && p.first == 0 && p.last == 65535);
	assert_int_equal(nsn_ports_parse(&p, "icmp", NULL), 0);
	assert_true(p.proto == NSN_PROTO_ICMP && p.first == 0 && p.last == 0);
	assert_int_equal(nsn_ports_parse(&p, "udp/53", NULL), 0);
	assert_true(p.proto == NSN_PROTO_UDP && p.first == 53 && p.last == 53);
}

#undef NOT
#define NOT(text, why) "'" text "' is not a port: " why
#define LIKE_PORT      "write it like tcp/443"
#define NONE	       "the protocol is none of tcp, udp, sctp, icmp, any"
#define SERVICE	       "it is not among tcp, udp, sctp, icmp, any"
#define OF_ICMP	       "of ICMP there are icmp/echo and icmp, which is all of it"

static void each_bad_port_says_what_is_wrong(void **state)
{
	static const struct bad rows[] = {
		{"", NOT("", "it is empty"), LIKE_PORT},
		{"tcp:5432", NOT("tcp:5432", "there is a '/' between protocol and port"),
		 "write tcp/5432"},
		{"tcp/0", NOT("tcp/0", "there is no port 0"), LIKE_PORT},
		{"tcp/0-9", NOT("tcp/0-9", "there is no port 0"), "write tcp/1-9"},
		{"tcp/0-65535", NOT("tcp/0-65535", "there is no port 0"), "write tcp"},
		{"tcp/70000", NOT("tcp/70000", "a port is 65535 at most"), LIKE_PORT},
		{"tcp/65536", NOT("tcp/65536", "a port is 65535 at most"), LIKE_PORT},
		{"tcp/4294967376", NOT("tcp/4294967376", "a port is 65535 at most"), LIKE_PORT},
		{"tcp/80-65536", NOT("tcp/80-65536", "a port is 65535 at most"), LIKE_PORT},
		{"tcp/90-80", NOT("tcp/90-80", "the range ends before it begins"),
		 "write tcp/80-90"},
		{"TCP/80", NOT("TCP/80", "capital letters are not allowed"), "write tcp/80"},
		{"HTTP", NOT("HTTP", "capital letters are not allowed"), "write tcp/80"},
		{"http", NOT("http", SERVICE), "write tcp/80"},
		{"https", NOT("https", SERVICE), "write tcp/443"},
		{"ssh", NOT("ssh", SERVICE), "write tcp/22"},
		{"smtp", NOT("smtp", SERVICE), "write tcp/25"},
		{"ntp", NOT("ntp", SERVICE), "write udp/123"},
		{"dns", NOT("dns", SERVICE), "write udp/53 and tcp/53"},
		{"ping", NOT("ping", SERVICE), "write icmp/echo"},
		{"all", NOT("all", SERVICE), "write any"},
		{"443", NOT("443", "the protocol is missing"), "write tcp/443"},
		{"80-90", NOT("80-90", "the protocol is missing"), "write tcp/80-90"},
		{"80/tcp", NOT("80/tcp", "the protocol comes first"), "write tcp/80"},
		{"/80", NOT("/80", "the protocol before '/' is missing"), LIKE_PORT},
		{"icmp/8", NOT("icmp/8", OF_ICMP), "write icmp/echo"},
		{"icmp/3", NOT("icmp/3", OF_ICMP), LIKE_PORT},
		{"udp/53-", NOT("udp/53-", "the last port of the range is missing"),
		 "write udp/53, or udp/53-65535"},
		{"tcp/-80", NOT("tcp/-80", "a port is a number from 1 to 65535"), LIKE_PORT},
		{"any/80", NOT("any/80", "`any` is all of IP, and has no ports"), "write tcp/80"},
		{"tcp/", NOT("tcp/", "the port is missing after '/'"), LIKE_PORT},
		{"tcp/*", NOT("tcp/*", "a port is a number from 1 to 65535"), "write tcp"},
		{"tcp/http", NOT("tcp/http", "a port is a number from 1 to 65535"), "write tcp/80"},
		{"tcp/080", NOT("tcp/080", "a number starts with 0"), LIKE_PORT},
		{"tcp/80,443", NOT("tcp/80,443", "one item has one port or one range: make a list"),
		 LIKE_PORT},
		{"tcp/80:90", NOT("tcp/80:90", "there is something after the port"),
		 "write tcp/80-90"},
		{"tcp/1-2-3", NOT("tcp/1-2-3", "there is something after the port"), LIKE_PORT},
		{"gre", NOT("gre", NONE), LIKE_PORT},
		{"tcpx/80", NOT("tcpx/80", NONE), LIKE_PORT},
		{"tcp 80", NOT("tcp 80", "it has white space in it"), LIKE_PORT},
		{"tcp/80\n", NOT("tcp/80\\x0a", "it has white space in it"), LIKE_PORT},
		{"t\xc3\xa7p", NOT("t\\xc3\\xa7p", "it has a character in it that is not ASCII"),
		 LIKE_PORT},
	};

	(void)state;
	bad(as_ports, NSNET_E_BAD_PORT, rows, NSN_COUNT(rows));
}

/* ---- flows -------------------------------------------------------------------------------- */

static void good_flows_pass(void **state)
{
	static const char *const rows[][2] = {
		{"customer1 -> customer2"},
		{"customer1/app -> shared/dns udp/53"},
		{"internet -> tenants icmp/echo"},
		{"any -> any any", "any -> any"},
		{"label:tier=gold -> 10.0.0.0/8 tcp/1-9"},
		{"fd00::1 -> aa tcp"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++)
		good(as_flow, rows[i][0], rows[i][1]);
}

#undef NOT
#define NOT(text, why) "'" text "' is not a flow: " why
#define LIKE_FLOW      "write it like customer1/app -> shared/dns udp/53"
#define SPACES	       "there is one space between its words, and nowhere else"

static void each_bad_flow_says_what_is_wrong(void **state)
{
	static const struct bad rows[] = {
		{"", NOT("", "it is empty"), LIKE_FLOW},
		{" ", NOT(" ", "it is empty"), LIKE_FLOW},
		{"aa->bb", NOT("aa->bb", SPACES), "write aa -> bb"},
		{"aa ->bb tcp/80", NOT("aa ->bb tcp/80", SPACES), "write aa -> bb tcp/80"},
		{"aa  -> bb", NOT("aa  -> bb", SPACES), "write aa -> bb"},
		{" aa -> bb\t", NOT(" aa -> bb\\x09", SPACES), "write aa -> bb"},
		{"aa bb", NOT("aa bb", "the '->' is missing"), "write aa -> bb"},
		{"aa", NOT("aa", "the '->' is missing"), LIKE_FLOW},
		{"aa bb tcp/80", NOT("aa bb tcp/80", "the '->' is missing"),
		 "write aa -> bb tcp/80"},
		{"aa => bb", NOT("aa => bb", "the '->' is missing"), "write aa -> bb"},
		{"aa <- bb tcp", NOT("aa <- bb tcp", "the '->' is missing"), "write bb -> aa tcp"},
		{"-> bb", NOT("-> bb", "the side before '->' is missing"), LIKE_FLOW},
		{"aa ->", NOT("aa ->", "the side after '->' is missing"), LIKE_FLOW},
		{"->", NOT("->", "the side before '->' is missing"), LIKE_FLOW},
		{"aa -> tcp/80",
		 NOT("aa -> tcp/80", "the side after '->' is missing, there are only ports"),
		 LIKE_FLOW},
		{"aa -> bb -> cc", NOT("aa -> bb -> cc", "there is more than one '->'"), LIKE_FLOW},
		{"aa xx -> bb", NOT("aa xx -> bb", "there is more than one word before '->'"),
		 LIKE_FLOW},
		{"aa -> bb tcp/80 tcp/443",
		 NOT("aa -> bb tcp/80 tcp/443",
		     "there is more after the ports: write one flow for each"),
		 LIKE_FLOW},
	};
	static const struct bad peers[] = {
		{"Aa -> bb", "'Aa' is not a tenant name: capital letters are not allowed",
		 "write aa"},
		{"aa -> gateway",
		 "'gateway' is not a peer: a tenant's gateway is no peer of its own; services of "
		 "the host are `host`",
		 "write host"},
	};
	struct nsnet_err err = {0};
	char printed[512];

	(void)state;
	bad(as_flow, NSNET_E_BAD_FLOW, rows, NSN_COUNT(rows));
	for (size_t i = 0; i < NSN_COUNT(peers); i++) {
		assert_int_equal(as_flow(peers[i].text, printed, sizeof(printed), &err), -EINVAL);
		assert_int_equal(err.id, NSNET_E_BAD_PEER);
		assert_string_equal(err.msg, peers[i].msg);
		assert_string_equal(err.hint, peers[i].hint);
	}
	assert_int_equal(as_flow("aa -> bb.de", printed, sizeof(printed), &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_DNS_PEER);
	assert_int_equal(as_flow("aa -> bb http", printed, sizeof(printed), &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_PORT);
	assert_string_equal(err.hint, "write tcp/80");
}

/* ---- times ---------------------------------------------------------------------------------- */

static void good_times_pass(void **state)
{
	static const struct {
		const char *text;
		int64_t at;
	} rows[] = {
		{"1970-01-01T00:00:01Z", 1},
		{"1970-01-02", 86400},
		{"1972-02-29", 68169600},
		{"1999-12-31T23:59:59Z", 946684799},
		{"2000-02-29", 951782400},
		{"2000-03-01", 951868800},
		{"2024-02-29T12:34:56Z", 1709210096},
		{"2027-06-30", 1814313600},
		{"2038-01-19T03:14:08Z", INT64_C(2147483648)},
		{"2100-03-01", INT64_C(4107542400)},
		{"9999-12-31T23:59:59Z", INT64_C(253402300799)},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		int64_t at = 0;

		good(as_time, rows[i].text, NULL);
		assert_int_equal(nsn_time_parse(&at, rows[i].text, NULL), 0);
		assert_int_equal(at, rows[i].at);
	}
	good(as_time, "2027-06-30T00:00:00Z", "2027-06-30");
}

/* The C library counts days in its own way. */
static void every_day_is_as_the_c_library_says(void **state)
{
	(void)state;
	for (int64_t at = 86400; at < INT64_C(253402300800); at += 86400) {
		char want[32], buf[NSN_TIME_STRLEN];
		time_t t = (time_t)at;
		int64_t got = 0;
		struct tm tm;

		if (at > INT64_C(86400) * 50000 && at % (86400 * 37))
			continue; /* the first 136 years, and samples of the rest */
		assert_non_null(gmtime_r(&t, &tm));
		assert_true(strftime(want, sizeof(want), "%Y-%m-%d", &tm) > 0);
		assert_string_equal(nsn_time_str(at, buf), want);
		assert_int_equal(nsn_time_parse(&got, want, NULL), 0);
		assert_int_equal(got, at);
	}
}

#undef NOT
#define NOT(text, why) "'" text "' is not a time: " why
#define LIKE_TIME      "write it like 2027-06-30 or 2027-06-30T12:00:00Z"
#define SHAPE	       "a date is a year of four digits, a month and a day of two, with '-' between"
#define CLOCK	       "a time is hours, minutes and seconds of two digits each, with ':' between"

static void each_bad_time_says_what_is_wrong(void **state)
{
	static const struct bad rows[] = {
		{"", NOT("", "it is empty"), LIKE_TIME},
		{"never", NOT("never", SHAPE), LIKE_TIME},
		{"30.06.2027", NOT("30.06.2027", SHAPE), LIKE_TIME},
		{"2027-6-3", NOT("2027-6-3", SHAPE), LIKE_TIME},
		{"27-06-30", NOT("27-06-30", SHAPE), LIKE_TIME},
		{"+027-06-30", NOT("+027-06-30", SHAPE), LIKE_TIME},
		{"10000-01-01", NOT("10000-01-01", SHAPE), LIKE_TIME},
		{"1969-12-31", NOT("1969-12-31", "years begin with 1970"), LIKE_TIME},
		{"0000-00-00", NOT("0000-00-00", "years begin with 1970"), LIKE_TIME},
		{"1970-01-01", NOT("1970-01-01", "the first second of 1970 cannot be used"),
		 LIKE_TIME},
		{"2027-00-10", NOT("2027-00-10", "a month is 01 to 12"), LIKE_TIME},
		{"2027-13-01", NOT("2027-13-01", "a month is 01 to 12"), LIKE_TIME},
		{"2027-06-31", NOT("2027-06-31", "that month has no such day"), LIKE_TIME},
		{"2027-06-00", NOT("2027-06-00", "that month has no such day"), LIKE_TIME},
		{"2027-02-29", NOT("2027-02-29", "February has 28 days in that year"), LIKE_TIME},
		{"2100-02-29", NOT("2100-02-29", "February has 28 days in that year"), LIKE_TIME},
		{"2024-02-30", NOT("2024-02-30", "that month has no such day"), LIKE_TIME},
		{"2027-06-30T24:00:00Z", NOT("2027-06-30T24:00:00Z", "an hour is 00 to 23"),
		 LIKE_TIME},
		{"2027-06-30T12:60:00Z", NOT("2027-06-30T12:60:00Z", "a minute is 00 to 59"),
		 LIKE_TIME},
		{"2016-12-31T23:59:60Z", NOT("2016-12-31T23:59:60Z", "leap seconds cannot be used"),
		 LIKE_TIME},
		{"2027-06-30T12:00:61Z", NOT("2027-06-30T12:00:61Z", "a second is 00 to 59"),
		 LIKE_TIME},
		{"2027-06-30 12:00:00", NOT("2027-06-30 12:00:00", "it has white space in it"),
		 "write 2027-06-30T12:00:00Z"},
		{" 2027-06-30", NOT(" 2027-06-30", "it has white space in it"), LIKE_TIME},
		{"2027-06-30T12:00", NOT("2027-06-30T12:00", CLOCK), "write 2027-06-30T12:00:00Z"},
		{"2027-06-30T12:00:00",
		 NOT("2027-06-30T12:00:00",
		     "the 'Z' at the end is missing, which says that it is UTC"),
		 "write 2027-06-30T12:00:00Z"},
		{"2027-06-30T12:00:00+02:00",
		 NOT("2027-06-30T12:00:00+02:00", "only UTC can be used, with a 'Z' at the end"),
		 LIKE_TIME},
		{"2027-06-30T12:00:00.5Z",
		 NOT("2027-06-30T12:00:00.5Z", "parts of seconds cannot be used"), LIKE_TIME},
		{"2027-06-30t12:00:00z", NOT("2027-06-30t12:00:00z", "the 'T' is a capital"),
		 "write 2027-06-30T12:00:00Z"},
		{"2027-06-30T12:00:00Zx",
		 NOT("2027-06-30T12:00:00Zx", "there is something after it"), LIKE_TIME},
		{"2027-06-30Z", NOT("2027-06-30Z", "there is something after the date"), LIKE_TIME},
		{"\xd9\xa2"
		 "027-06-30",
		 NOT("\\xd9\\xa2027-06-30", "it has a character in it that is not ASCII"),
		 LIKE_TIME},
	};
	char buf[NSN_TIME_STRLEN];

	(void)state;
	bad(as_time, NSNET_E_BAD_TIME, rows, NSN_COUNT(rows));
	assert_string_equal(nsn_time_str(0, buf), "never");
	assert_string_equal(nsn_time_str(INT64_MAX, buf), "never");
	assert_string_equal(nsn_time_str(INT64_MIN, buf), "never");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_peers_pass),
		cmocka_unit_test(each_bad_name_says_what_is_wrong),
		cmocka_unit_test(each_bad_label_says_what_is_wrong),
		cmocka_unit_test(each_bad_address_says_what_is_wrong),
		cmocka_unit_test(names_of_hosts_are_refused_as_such),
		cmocka_unit_test(long_texts_are_refused),
		cmocka_unit_test(peers_are_the_same_by_what_they_mean),
		cmocka_unit_test(good_ports_pass),
		cmocka_unit_test(each_bad_port_says_what_is_wrong),
		cmocka_unit_test(good_flows_pass),
		cmocka_unit_test(each_bad_flow_says_what_is_wrong),
		cmocka_unit_test(good_times_pass),
		cmocka_unit_test(every_day_is_as_the_c_library_says),
		cmocka_unit_test(each_bad_time_says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
