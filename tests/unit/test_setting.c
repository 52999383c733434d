/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/model/policy.h"

/* ---- rates ------------------------------------------------------------------ */

static void good_rates_pass_and_print_as_short_as_can_be(void **state)
{
	static const struct {
		const char *text;
		uint64_t rate;
		const char *prints;
	} cases[] = {
		{"none", 0, "none"},
		{"8kbit", 8000, "8kbit"},
		{"8000bit", 8000, "8kbit"},
		{"8001bit", 8001, "8001bit"},
		{"64000bit", 64000, "64kbit"},
		{"500kbit", 500000, "500kbit"},
		{"1500kbit", 1500000, "1500kbit"},
		{"1000kbit", 1000000, "1mbit"},
		{"10mbit", 10000000, "10mbit"},
		{"1gbit", 1000000000, "1gbit"},
		{"100gbit", 100000000000, "100gbit"},
		{"100000000000bit", 100000000000, "100gbit"},
		{"99999999999bit", 99999999999, "99999999999bit"},
	};
	char buf[NSN_RATE_STRLEN];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_err err = {0};
		uint64_t rate = 1, again = 1;

		assert_int_equal(nsn_rate_parse(&rate, cases[i].text, &err), 0);
		assert_int_equal(rate, cases[i].rate);
		assert_string_equal(nsn_rate_str(rate, buf), cases[i].prints);
		assert_int_equal(nsn_rate_parse(&again, buf, &err), 0);
		assert_int_equal(again, rate);
		assert_int_equal(err.code, 0);
	}
}

static void each_bad_rate_is_refused_in_its_own_words(void **state)
{
#define LIKE "write it like 10mbit"
#define UNIT "the unit is none of bit, kbit, mbit, gbit"
	static const struct {
		const char *text, *shown, *why, *hint;
	} cases[] = {
		{"", "", "it is empty", LIKE},
		{"mbit", "mbit", "it does not start with a number", LIKE},
		{"-10mbit", "-10mbit", "it does not start with a number", LIKE},
		{"+10mbit", "+10mbit", "it does not start with a number", LIKE},
		{" 10mbit", " 10mbit", "it does not start with a number", LIKE},
		{"auto", "auto", "it does not start with a number", LIKE},
		{"None", "None", "it does not start with a number", LIKE},
		{"10", "10", "the unit is missing: bit, kbit, mbit or gbit", LIKE},
		{"1.5mbit", "1.5mbit", "the number is not whole",
		 "a smaller unit has whole numbers: 1500kbit"},
		{"10m", "10m", UNIT, LIKE},
		{"10Mbit", "10Mbit", UNIT, LIKE},
		{"10mbits", "10mbits", UNIT, LIKE},
		{"10mbps", "10mbps", UNIT, LIKE},
		{"10 mbit", "10 mbit", UNIT, LIKE},
		{"10mbit ", "10mbit ", UNIT, LIKE},
		{"10mbit\n", "10mbit\\x0a", UNIT, LIKE},
		{"1tbit", "1tbit", UNIT, LIKE},
		{"1e6bit", "1e6bit", UNIT, LIKE},
		{"010mbit", "010mbit", "the number starts with 0", LIKE},
		{"00mbit", "00mbit", "the number starts with 0", LIKE},
		{"0bit", "0bit", "it is less than 8kbit", "none: no limit"},
		{"7999bit", "7999bit", "it is less than 8kbit", "none: no limit"},
		{"7kbit", "7kbit", "it is less than 8kbit", "none: no limit"},
		{"101gbit", "101gbit", "it is more than 100gbit", ""},
		{"100000000001bit", "100000000001bit", "it is more than 100gbit", ""},
		{"18446744073709551616bit", "18446744073709551616bit", "it is more than 100gbit",
		 ""},
		{"18446744073709552gbit", "18446744073709552gbit", "it is more than 100gbit", ""},
		{"99999999999999999999999999999999bit", "99999999999999999999999999999999bit",
		 "it is more than 100gbit", ""},
	};
	char want[512];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_err err = {0};
		uint64_t rate = 4711;

		assert_int_equal(nsn_rate_parse(&rate, cases[i].text, &err), -EINVAL);
		assert_int_equal(rate, 4711);
		assert_int_equal(err.id, NSNET_E_BAD_RATE);
		(void)snprintf(want, sizeof(want), "'%s' is not a rate: %s", cases[i].shown,
			       cases[i].why);
		assert_string_equal(err.msg, want);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

static void every_rate_prints_to_what_parses_to_it(void **state)
{
	static const uint64_t steps[] = {1, 1000, 1000000, 1000000000};
	char buf[NSN_RATE_STRLEN];

	(void)state;
	srandom(3);
	for (size_t i = 0; i < 20000; i++) {
		uint64_t step = steps[i % 4], rate, again = 0;

		rate = (uint64_t)random() * (uint64_t)random() % (NSN_RATE_MAX / step + 1) * step;
		if (rate < NSN_RATE_MIN)
			continue;
		assert_int_equal(nsn_rate_parse(&again, nsn_rate_str(rate, buf), NULL), 0);
		assert_int_equal(again, rate);
	}
}

/* ---- set -------------------------------------------------------------------- */

/* All that a setting can change, as one line. */
static const char *words(const struct nsn_tenant *t, char *buf, size_t size)
{
	char a[NSN_PREFIX_STRLEN], b[NSN_PREFIX_STRLEN];
	int n;

	n = snprintf(buf, size, "%s %s %s %s %" PRIu32 " %s", nsn_prefix_str(&t->subnet, a),
		     nsn_ip_str(&t->gateway, b), t->inside_deny ? "deny" : "allow",
		     nsn_rate_str(t->rate, (char[NSN_RATE_STRLEN]){0}), t->mtu,
		     nsn_prefix_str(&t->subnet6, (char[NSN_PREFIX_STRLEN]){0}));
	n += snprintf(buf + n, size - (size_t)n, " %s", nsn_ip_str(&t->gateway6, a));
	if (t->new_flows != NSN_NEW_FLOWS_DEFAULT)
		n += snprintf(buf + n, size - (size_t)n, " new %" PRIu32, t->new_flows);
	if (t->open_flows != NSN_OPEN_FLOWS_DEFAULT)
		n += snprintf(buf + n, size - (size_t)n, " open %" PRIu32, t->open_flows);
	if (t->dns.kind != NSN_DNS_UNSET)
		n += snprintf(buf + n, size - (size_t)n, " dns %s",
			      nsn_dns_str(&t->dns, (char[NSN_DNS_STRLEN]){0}));
	for (size_t i = 0; i < t->n_labels; i++)
		n += snprintf(buf + n, size - (size_t)n, " %s=%s", t->labels[i].key,
			      t->labels[i].value);
	for (size_t i = 0; i < t->n_owners; i++)
		n += snprintf(buf + n, size - (size_t)n, " %s", t->owners[i].name);
	for (size_t i = 0; i < t->n_endpoints; i++)
		n += snprintf(buf + n, size - (size_t)n, " %s:%s|%s", t->endpoints[i].name,
			      nsn_ip_str(&t->endpoints[i].ip, a),
			      nsn_ip_str(&t->endpoints[i].ip6, b));
	return buf;
}

static void make(struct nsn_tenant *t, bool ip6)
{
	static const struct nsnet_endpoint_def endpoints[] = {
		{.name = "default"},
		{.name = "db", .ip = "10.1.0.9", .ip6 = "fd00:1::9"},
		{.name = "web", .ip = "10.1.0.130"},
	};
	static const struct nsnet_endpoint_def plain[] = {{.name = "default"}, {.name = "app"}};
	static const char *const labels[] = {"env=prod", "tier=gold"};
	static const char *const owners[] = {"bob"};
	const struct nsnet_tenant_def def = {
		.name = "blue",
		.subnet = "10.1.0.0/24",
		.subnet6 = ip6 ? "fd00:1::/64" : NULL,
		.labels = labels,
		.n_labels = 2,
		.owners = owners,
		.n_owners = 1,
		.endpoints = ip6 ? endpoints : plain,
		.n_endpoints = ip6 ? 3 : 2,
	};

	assert_int_equal(nsn_tenant_parse(t, &def, NULL), 0);
	assert_int_equal(nsn_tenant_allocate(t, NULL), 0);
	t->id = 3;
}

static void a_setting_changes_what_it_is_about(void **state)
{
#define TAIL  " env=prod tier=gold bob"
#define EPS6  " default:10.1.0.2|fd00:1::2 db:10.1.0.9|fd00:1::9 web:10.1.0.130|fd00:1::3"
#define NET4  "10.1.0.0/24 10.1.0.1 "
#define NET6  " fd00:1::/64 fd00:1::1"
#define PLAIN " /0 " TAIL " default:10.1.0.2| app:10.1.0.3|"
	static const struct {
		bool ip6;
		const char *key, *value, *result;
	} cases[] = {
		{true, "mtu", "1280", NET4 "allow none 1280" NET6 TAIL EPS6},
		{false, "mtu", "576", NET4 "allow none 576" PLAIN},
		{true, "rate", "5mbit", NET4 "allow 5mbit 1500" NET6 TAIL EPS6},
		{true, "rate", "none", NET4 "allow none 1500" NET6 TAIL EPS6},
		{true, "new-flows", "1", NET4 "allow none 1500" NET6 " new 1" TAIL EPS6},
		{true, "new-flows", "1000000",
		 NET4 "allow none 1500" NET6 " new 1000000" TAIL EPS6},
		{true, "new-flows", "none", NET4 "allow none 1500" NET6 " new 0" TAIL EPS6},
		{true, "open-flows", "262144",
		 NET4 "allow none 1500" NET6 " open 262144" TAIL EPS6},
		{true, "open-flows", "none", NET4 "allow none 1500" NET6 " open 0" TAIL EPS6},
		{true, "inside", "deny", NET4 "deny none 1500" NET6 TAIL EPS6},
		{true, "label", "env=test",
		 NET4 "allow none 1500" NET6 " env=test tier=gold bob" EPS6},
		{true, "label", "aa=1", NET4 "allow none 1500" NET6 " aa=1" TAIL EPS6},
		{true, "label", "kk=1",
		 NET4 "allow none 1500" NET6 " env=prod kk=1 tier=gold bob" EPS6},
		{true, "label", "zz=1",
		 NET4 "allow none 1500" NET6 " env=prod tier=gold zz=1 bob" EPS6},
		{true, "label", "env=", NET4 "allow none 1500" NET6 " tier=gold bob" EPS6},
		{true, "label", "zz=", NET4 "allow none 1500" NET6 TAIL EPS6},
		{true, "owners", "none", NET4 "allow none 1500" NET6 " env=prod tier=gold" EPS6},
		{true, "owners", "zoe,al",
		 NET4 "allow none 1500" NET6 " env=prod tier=gold al zoe" EPS6},
		{true, "dns", "9.9.9.9", NET4 "allow none 1500" NET6 " dns 9.9.9.9" TAIL EPS6},
		{true, "dns", "2620:fe:0:0::fe,9.9.9.9,1.1.1.1",
		 NET4 "allow none 1500" NET6 " dns 2620:fe::fe,9.9.9.9,1.1.1.1" TAIL EPS6},
		{true, "dns", "shared/dns",
		 NET4 "allow none 1500" NET6 " dns shared/dns" TAIL EPS6},
		{true, "dns", "blue/db", NET4 "allow none 1500" NET6 " dns blue/db" TAIL EPS6},
		{true, "dns", "10.9.8.7", NET4 "allow none 1500" NET6 " dns 10.9.8.7" TAIL EPS6},
		{true, "dns", "none", NET4 "allow none 1500" NET6 " dns none" TAIL EPS6},
		/* The same subnet: nobody moves. */
		{true, "subnet", "10.1.0.0/24", NET4 "allow none 1500" NET6 TAIL EPS6},
		{true, "subnet6", "fd00:1::/64", NET4 "allow none 1500" NET6 TAIL EPS6},
		/* A new one leaves open what moves. */
		{false, "subnet", "10.2.0.0/24",
		 "10.2.0.0/24  allow none 1500 /0 " TAIL " default:| app:|"},
		{false, "subnet", "auto/26", "/26  allow none 1500 /0 " TAIL " default:| app:|"},
		{false, "subnet6", "auto",
		 NET4 "allow none 1500 /64 " TAIL " default:10.1.0.2| app:10.1.0.3|"},
		{false, "subnet6", "none", NET4 "allow none 1500" PLAIN},
		{true, "subnet", "10.1.0.0/16",
		 "10.1.0.0/16  allow none 1500" NET6 TAIL
		 " default:|fd00:1::2 db:10.1.0.9|fd00:1::9 web:10.1.0.130|fd00:1::3"},
		{true, "subnet6", "fd00:1::/48",
		 NET4 "allow none 1500 fd00:1::/48 " TAIL
		      " default:10.1.0.2| db:10.1.0.9|fd00:1::9 web:10.1.0.130|"},
		/* Who wants no IPv6 wants no fixed address of it either. */
		{true, "subnet6", "none",
		 NET4 "allow none 1500 /0 " TAIL " default:10.1.0.2| db:10.1.0.9| web:10.1.0.130|"},
	};
	char buf[512];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_err err = {0};
		struct nsn_tenant t = {0};

		make(&t, cases[i].ip6);
		assert_int_equal(nsn_tenant_apply(&t, cases[i].key, cases[i].value, &err), 0);
		assert_string_equal(words(&t, buf, sizeof(buf)), cases[i].result);
		assert_string_equal(err.msg, "");
		if (t.subnet.ip.family && (t.subnet6.ip.family || t.subnet6.len == 0))
			assert_int_equal(nsn_tenant_allocate(&t, &err), 0);
		nsn_tenant_clear(&t);
	}
}

struct refused {
	const char *key, *value;
	int code;
	enum nsnet_code id;
	const char *says, *hint;
};

static void changes_nothing(const struct refused *c)
{
	char before[512], after[512];
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};

	make(&t, true);
	words(&t, before, sizeof(before));
	assert_int_equal(nsn_tenant_apply(&t, c->key, c->value, &err), c->code);
	assert_int_equal(err.id, c->id);
	assert_string_equal(err.msg, c->says);
	assert_string_equal(err.hint, c->hint);
	assert_string_equal(words(&t, after, sizeof(after)), before);
	assert_int_equal(nsn_tenant_apply(&t, c->key, c->value, NULL), c->code);
	nsn_tenant_clear(&t);
}

static void what_cannot_be_set_changes_nothing(void **state)
{
	static const struct refused cases[] = {
#define SETTING -EINVAL, NSNET_E_BAD_SETTING
#define FIXED	-EBUSY, NSNET_E_ADDRESS_FIXED
#define KEYS                                                                                       \
	"there are subnet, subnet6, mtu, rate, new-flows, open-flows, inside, label, owners and "  \
	"dns"
#define ROOM "choose a subnet with room for them, or remove the endpoints"
		{"sub", "x", SETTING, "a tenant has no setting 'sub'", KEYS},
		{"subnt", "x", SETTING, "a tenant has no setting 'subnt'", "did you mean subnet?"},
		{"subnet4", "x", SETTING, "a tenant has no setting 'subnet4'",
		 "did you mean subnet?"},
		{"labels", "x", SETTING, "a tenant has no setting 'labels'", "did you mean label?"},
		{"owner", "x", SETTING, "a tenant has no setting 'owner'", "did you mean owners?"},
		{"MTU", "x", SETTING, "a tenant has no setting 'MTU'", KEYS},
		{"", "x", SETTING, "a tenant has no setting ''", KEYS},
		{"a\x1b", "x", SETTING, "a tenant has no setting 'a\\x1b'", KEYS},
		{"name", "x", SETTING, "a tenant has no setting 'name'", KEYS},
		{"mtu", "1279", SETTING,
		 "an MTU of 1279 is too small for IPv6, which needs 1280 bytes",
		 "mtu 1280 or more, or subnet6 none"},
		{"mtu", "none", SETTING,
		 "'none' is not an MTU: write a number of bytes, such as 1500", ""},
		{"rate", "fast", -EINVAL, NSNET_E_BAD_RATE,
		 "'fast' is not a rate: it does not start with a number", "write it like 10mbit"},
		{"inside", "none", SETTING, "inside is allow or deny, not 'none'", ""},
		{"label", "env", -EINVAL, NSNET_E_BAD_LABEL,
		 "'env' is not a label: the '=' is missing", "write it like env=prod"},
		{"label", "=", -EINVAL, NSNET_E_BAD_LABEL, "'=' is not a label: the key is empty",
		 "write it like env=prod"},
		{"owners", "al,al", SETTING, "owner al is there twice", ""},
		{"owners", "al,", SETTING,
		 "'' is not a user name: use a-z, 0-9, '_' and '-', start with a letter or '_', "
		 "32 characters at most",
		 ""},
		{"owners",
		 "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a",
		 SETTING, "there are 33 owners, a tenant has 32 at most", ""},
		{"subnet", "fd00:2::/64", -EINVAL, NSNET_E_BAD_SUBNET,
		 "'fd00:2::/64' is not a subnet: it is IPv6, only IPv4 can be used",
		 "subnet6=fd00:2::/64"},
		{"subnet", "none", -EINVAL, NSNET_E_BAD_SUBNET,
		 "'none' is not a subnet: every tenant has an IPv4 subnet",
		 "write it like 10.10.1.0/24"},
		{"subnet", "10.2.0.0/24", FIXED,
		 "tenant 'blue': 2 fixed addresses cannot be used in 10.2.0.0/24: "
		 "db 10.1.0.9, web 10.1.0.130",
		 ROOM},
		{"subnet", "10.1.0.0/25", FIXED,
		 "tenant 'blue': 1 fixed address cannot be used in 10.1.0.0/25: web 10.1.0.130",
		 ROOM},
		{"subnet", "10.1.0.128/25", FIXED,
		 "tenant 'blue': 1 fixed address cannot be used in 10.1.0.128/25: db 10.1.0.9",
		 ROOM},
		/* It would be the new gateway's. */
		{"subnet", "10.1.0.8/29", FIXED,
		 "tenant 'blue': 2 fixed addresses cannot be used in 10.1.0.8/29: "
		 "db 10.1.0.9, web 10.1.0.130",
		 ROOM},
		{"subnet", "auto", FIXED,
		 "tenant 'blue': 2 fixed addresses cannot be used in an automatic subnet: "
		 "db 10.1.0.9, web 10.1.0.130",
		 ROOM},
		{"subnet6", "fd00:2::/64", FIXED,
		 "tenant 'blue': 1 fixed address cannot be used in fd00:2::/64: db fd00:1::9",
		 ROOM},
		{"subnet6", "auto", FIXED,
		 "tenant 'blue': 1 fixed address cannot be used in an automatic subnet: "
		 "db fd00:1::9",
		 ROOM},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++)
		changes_nothing(&cases[i]);
}

static void bad_dns_changes_nothing(void **state)
{
#define DNS	   -EINVAL, NSNET_E_BAD_DNS
#define LIKE_DNS   "9.9.9.9, or 9.9.9.9,2620:fe::fe, or shared/dns, or none"
#define RESOLVER   "the host's own resolver is no tenant's: loopback is another one in each namespace"
#define OTHERS	   "name a server that others reach, too: "
#define NEITHER	   "it is neither an address nor TENANT/ENDPOINT"
#define LINK_LOCAL "link-local: it is another host on each link, and no gateway passes it on"
	static const struct refused cases[] = {
		{"dns", "127.0.0.53", DNS, "dns '127.0.0.53': " RESOLVER,
		 OTHERS "9.9.9.9, or an endpoint that is one: shared/dns"},
		{"dns", "9.9.9.9,127.1.2.3", DNS, "dns '127.1.2.3': " RESOLVER,
		 OTHERS "9.9.9.9, or an endpoint that is one: shared/dns"},
		{"dns", "::1", DNS, "dns '::1': " RESOLVER,
		 OTHERS "2620:fe::fe, or an endpoint that is one: shared/dns"},
		{"dns", "0.0.0.0", DNS, "dns '0.0.0.0': 0.0.0.0/8 is the address of nobody",
		 LIKE_DNS},
		{"dns", "::", DNS, "dns '::': '::' is the address of nobody", LIKE_DNS},
		{"dns", "224.0.0.251", DNS,
		 "dns '224.0.0.251': 224.0.0.0/4 is multicast, which no gateway passes on",
		 LIKE_DNS},
		{"dns", "ff02::fb", DNS,
		 "dns 'ff02::fb': ff00::/8 is multicast, which no gateway passes on", LIKE_DNS},
		{"dns", "255.255.255.255", DNS,
		 "dns '255.255.255.255': 240.0.0.0/4 is reserved, or broadcast", LIKE_DNS},
		{"dns", "169.254.169.253", DNS,
		 "dns '169.254.169.253': 169.254.0.0/16 is " LINK_LOCAL, LIKE_DNS},
		{"dns", "fe80::1", DNS, "dns 'fe80::1': fe80::/10 is " LINK_LOCAL, LIKE_DNS},
		{"dns", "::ffff:127.0.0.53", DNS,
		 "dns '::ffff:127.0.0.53': it is an IPv4 address in IPv6's clothes",
		 "write the IPv4 address"},
		{"dns", "9.9.9.9,1.1.1.1,9.9.9.9", DNS, "dns '9.9.9.9': the address is there twice",
		 ""},
		{"dns", "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4", DNS,
		 "dns '1.1.1.4': there are more than three addresses",
		 "resolv.conf(5) takes three; list those that matter"},
		{"dns", "", DNS, "dns '': an address is missing", LIKE_DNS},
		{"dns", "9.9.9.9,", DNS, "dns '': an address is missing", LIKE_DNS},
		{"dns", "9.9.9", DNS, "dns '9.9.9': an address has four numbers, here are fewer",
		 LIKE_DNS},
		{"dns", "9.9.9.9 1.1.1.1", DNS, "dns '9.9.9.9 1.1.1.1': " NEITHER, LIKE_DNS},
		{"dns", "dns.quad9.net", DNS, "dns 'dns.quad9.net': " NEITHER, LIKE_DNS},
		{"dns", "9.9.9.9/32", DNS, "dns '9.9.9.9/32': " NEITHER, LIKE_DNS},
		{"dns", "shared/", DNS, "dns 'shared/': " NEITHER, LIKE_DNS},
		{"dns", "shared/dns,9.9.9.9", DNS,
		 "dns 'shared/dns,9.9.9.9': it is up to three addresses, or one TENANT/ENDPOINT",
		 LIKE_DNS},
		{"dns", "none,9.9.9.9", DNS, "dns 'none': " NEITHER, LIKE_DNS},
		{"dns", "fe80::1%eth0", DNS, "dns 'fe80::1%eth0': " NEITHER, LIKE_DNS},
		{"dns", "9.9.9.9:53", DNS, "dns '9.9.9.9:53': " NEITHER, LIKE_DNS},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++)
		changes_nothing(&cases[i]);
}

/* Whether it can be reached depends on the rest of the tenant, in whatever order that is said. */
static void dns_fits_the_tenant(void **state)
{
	static const struct {
		bool ip6;
		const char *dns, *says;
	} cases[] = {
		{true, "2620:fe::fe", ""},
		{false, "2620:fe::fe",
		 "dns 2620:fe::fe of tenant 'blue': the tenant has no IPv6, and cannot reach it"},
		{false, "9.9.9.9,2620:fe::fe",
		 "dns 2620:fe::fe of tenant 'blue': the tenant has no IPv6, and cannot reach it"},
		{false, "10.1.0.77", "dns 10.1.0.77 of tenant 'blue' is in its own 10.1.0.0/24"},
		{true, "fd00:1::9", "dns fd00:1::9 of tenant 'blue' is in its own fd00:1::/64"},
		{false, "10.1.1.77", ""},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		const int want = *cases[i].says ? -EINVAL : 0;
		struct nsnet_err err = {0};
		struct nsn_tenant t = {0};

		make(&t, cases[i].ip6);
		assert_int_equal(nsn_tenant_apply(&t, "dns", cases[i].dns, NULL), 0);
		assert_int_equal(nsn_tenant_allocate(&t, &err), want);
		assert_string_equal(err.msg, cases[i].says);
		nsn_tenant_clear(&t);
	}
	{
		struct nsn_tenant t = {0};

		make(&t, false);
		assert_int_equal(nsn_tenant_apply(&t, "dns", "2620:fe::fe", NULL), 0);
		assert_int_equal(nsn_tenant_apply(&t, "subnet6", "fd00:1::/64", NULL), 0);
		assert_int_equal(nsn_tenant_allocate(&t, NULL), 0);
		nsn_tenant_clear(&t);
	}
}

static const char *rule_words(const struct nsn_policy *p, char buf[256])
{
	char peer[NSN_PEER_STRLEN], ports[NSN_PORTS_STRLEN];
	int n = snprintf(buf, 256, "%s %s", p->name, nsn_peer_str(&p->from[0], peer));

	for (size_t i = 0; i < p->n_to; i++)
		n += snprintf(buf + n, 256 - (size_t)n, "%s%s", i ? "," : " -> ",
			      nsn_peer_str(&p->to[i], peer));
	for (size_t i = 0; i < p->n_ports; i++)
		n += snprintf(buf + n, 256 - (size_t)n, " %s", nsn_ports_str(&p->ports[i], ports));
	(void)snprintf(buf + n, 256 - (size_t)n, " because %s%s", p->because,
		       p->implied && !p->deny ? "" : " (not implied)");
	return buf;
}

static void a_rule_follows_from_dns(void **state)
{
#define RULE_TAIL " udp/53 tcp/53 because dns of blue"
	static const struct {
		const char *dns, *inside, *rule;
	} cases[] = {
		{NULL, "allow", NULL},
		{"none", "allow", NULL},
		{"9.9.9.9", "allow", "blue-dns blue -> 9.9.9.9" RULE_TAIL},
		{"9.9.9.9,2620:fe::fe", "deny", "blue-dns blue -> 9.9.9.9,2620:fe::fe" RULE_TAIL},
		{"shared/dns", "allow", "blue-dns blue -> shared/dns" RULE_TAIL},
		/* Neighbours talk without one. */
		{"blue/db", "allow", NULL},
		{"blue/db", "deny", "blue-dns blue -> blue/db" RULE_TAIL},
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_policy p = {0};
		struct nsnet_err err = {0};
		struct nsn_tenant t = {0};

		make(&t, true);
		if (cases[i].dns)
			assert_int_equal(nsn_tenant_apply(&t, "dns", cases[i].dns, NULL), 0);
		assert_int_equal(nsn_tenant_apply(&t, "inside", cases[i].inside, NULL), 0);
		assert_int_equal(nsn_dns_rule(&p, &t, &err), cases[i].rule != NULL);
		if (cases[i].rule) {
			assert_string_equal(rule_words(&p, buf), cases[i].rule);
			assert_int_equal(nsn_policy_check(&p, &err), 0);
		}
		nsn_policy_clear(&p);
		nsn_tenant_clear(&t);
	}
}

static void the_rule_of_dns_has_a_name_that_fits(void **state)
{
	static const struct {
		const char *tenant;
		unsigned int nr;
		const char *name;
	} cases[] = {
		{"aa", 0, "aa-dns"},
		{"aa", 1, "aa-dns-2"},
		{"aa", 998, "aa-dns-999"},
		{"a123456789b123456789c123456789d1", 0, "a123456789b123456789c1234567-dns"},
		{"a123456789b123456789c123456789d1", 9, "a123456789b123456789c1234-dns-10"},
		{"a123456789b123456789c12345-789d1", 1, "a123456789b123456789c12345-dns-2"},
	};
	char buf[NSN_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		nsn_dns_rule_name(cases[i].tenant, cases[i].nr, buf);
		assert_string_equal(buf, cases[i].name);
		assert_true(nsn_name_ok(buf));
	}
}

/* Of an endpoint's addresses those that the tenant has the family of. */
static void servers_are_those_that_the_tenant_can_reach(void **state)
{
	struct nsn_endpoint e = {0};
	struct nsn_ip ips[NSN_DNS_MAX];
	struct nsn_tenant t = {0};
	char buf[NSN_IP_STRLEN];

	(void)state;
	assert_int_equal(nsn_ip_parse(&e.ip, "10.9.0.53"), 0);
	assert_int_equal(nsn_ip_parse(&e.ip6, "fd00:9::53"), 0);
	make(&t, false);
	assert_int_equal(nsn_dns_servers(&t, ips), 0);
	assert_int_equal(nsn_tenant_apply(&t, "dns", "shared/dns", NULL), 0);
	assert_int_equal(nsn_dns_servers(&t, ips), 0);
	nsn_dns_resolve(&t.dns, &e);
	assert_int_equal(nsn_dns_servers(&t, ips), 1);
	assert_string_equal(nsn_ip_str(&ips[0], buf), "10.9.0.53");
	nsn_tenant_clear(&t);
	make(&t, true);
	assert_int_equal(nsn_tenant_apply(&t, "dns", "shared/dns", NULL), 0);
	nsn_dns_resolve(&t.dns, &e);
	assert_int_equal(nsn_dns_servers(&t, ips), 2);
	assert_string_equal(nsn_ip_str(&ips[1], buf), "fd00:9::53");
	/* Its own it knows itself. */
	assert_int_equal(nsn_tenant_apply(&t, "dns", "blue/db", NULL), 0);
	assert_int_equal(nsn_dns_servers(&t, ips), 2);
	assert_string_equal(nsn_ip_str(&ips[0], buf), "10.1.0.9");
	assert_int_equal(nsn_tenant_apply(&t, "dns", "blue/nobody", NULL), 0);
	assert_int_equal(nsn_dns_servers(&t, ips), 0);
	nsn_tenant_clear(&t);
}

static void bad_limits_of_flows_change_nothing(void **state)
{
	static const struct refused cases[] = {
		{"new-flows", "0", SETTING, "new-flows is a number from 1, or none, not '0'",
		 "none: no limit"},
		{"new-flows", "1000001", SETTING, "new-flows is 1000000 at most, not 1000001", ""},
		{"new-flows", "99999999999999999999", SETTING,
		 "new-flows is 1000000 at most, not 99999999999999999999", ""},
		{"new-flows", "4000/s", SETTING,
		 "new-flows is a number from 1, or none, not '4000/s'", ""},
		{"new-flows", "", SETTING, "new-flows is a number from 1, or none, not ''", ""},
		{"open-flows", "262145", SETTING, "open-flows is 262144 at most, not 262145", ""},
		{"open-flows", "-1", SETTING, "open-flows is a number from 1, or none, not '-1'",
		 ""},
		{"open-flows", "None", SETTING,
		 "open-flows is a number from 1, or none, not 'None'", ""},
		{"open-flow", "1", SETTING, "a tenant has no setting 'open-flow'",
		 "did you mean open-flows?"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++)
		changes_nothing(&cases[i]);
}

static void ip6_is_not_switched_on_below_its_mtu(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};

	(void)state;
	make(&t, false);
	assert_int_equal(nsn_tenant_apply(&t, "mtu", "1279", &err), 0);
	assert_int_equal(nsn_tenant_apply(&t, "subnet6", "auto", &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_SETTING);
	assert_int_equal(t.subnet6.len, 0);
	assert_int_equal(nsn_tenant_apply(&t, "mtu", "1280", &err), 0);
	assert_int_equal(nsn_tenant_apply(&t, "subnet6", "auto", &err), 0);
	assert_int_equal(t.subnet6.len, 64);
	nsn_tenant_clear(&t);
}

static void labels_come_one_by_one_up_to_the_limit(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_tenant t = {0};
	char text[32];

	(void)state;
	for (unsigned int i = 0; i < NSN_LABELS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "k%u=v", i * 7 % 32); /* in no order */
		assert_int_equal(nsn_tenant_apply(&t, "label", text, &err), 0);
	}
	assert_int_equal(t.n_labels, NSN_LABELS_MAX);
	for (size_t i = 1; i < t.n_labels; i++)
		assert_true(strcmp(t.labels[i - 1].key, t.labels[i].key) < 0);
	assert_int_equal(nsn_tenant_apply(&t, "label", "more=v", &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_LABEL);
	assert_int_equal(nsn_tenant_apply(&t, "label", "k5=w", &err), 0);
	assert_int_equal(nsn_tenant_apply(&t, "label", "k5=", &err), 0);
	assert_int_equal(nsn_tenant_apply(&t, "label", "more=v", &err), 0);
	for (unsigned int i = 0; i < NSN_LABELS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "k%u=", i);
		assert_int_equal(nsn_tenant_apply(&t, "label", text, &err), 0);
	}
	assert_int_equal(t.n_labels, 1);
	nsn_tenant_clear(&t);
}

/* More than a message has room for: how many there are is still said. */
static void very_many_fixed_addresses_are_cut_in_the_message(void **state)
{
	struct nsn_tenant t = {.name = "blue", .mtu = 1500};
	struct nsnet_err err = {0};

	(void)state;
	assert_int_equal(nsn_prefix_parse(&t.subnet, "10.1.0.0/16"), 0);
	for (unsigned int i = 0; i < 1000; i++) {
		struct nsn_endpoint e = {.fixed = true, .ip = nsn_ip_add(&t.subnet.ip, 500 + i)};

		(void)snprintf(e.name, sizeof(e.name), "endpoint-%u", i);
		assert_int_equal(nsn_tenant_endpoint_add(&t, &e, NULL), 0);
	}
	assert_int_equal(nsn_tenant_apply(&t, "subnet", "10.2.0.0/16", &err), -EBUSY);
	assert_non_null(strstr(err.msg, "1000 fixed addresses cannot be used in 10.2.0.0/16: "
					"endpoint-0 10.1.1.244, endpoint-1 10.1.1.245, "));
	nsn_tenant_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_rates_pass_and_print_as_short_as_can_be),
		cmocka_unit_test(each_bad_rate_is_refused_in_its_own_words),
		cmocka_unit_test(every_rate_prints_to_what_parses_to_it),
		cmocka_unit_test(a_setting_changes_what_it_is_about),
		cmocka_unit_test(what_cannot_be_set_changes_nothing),
		cmocka_unit_test(bad_limits_of_flows_change_nothing),
		cmocka_unit_test(bad_dns_changes_nothing),
		cmocka_unit_test(dns_fits_the_tenant),
		cmocka_unit_test(a_rule_follows_from_dns),
		cmocka_unit_test(the_rule_of_dns_has_a_name_that_fits),
		cmocka_unit_test(servers_are_those_that_the_tenant_can_reach),
		cmocka_unit_test(ip6_is_not_switched_on_below_its_mtu),
		cmocka_unit_test(labels_come_one_by_one_up_to_the_limit),
		cmocka_unit_test(very_many_fixed_addresses_are_cut_in_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
