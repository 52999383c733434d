/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is published: as it is written, what it goes with, and who has it already. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/model/policy.h"

static struct nsn_publish parsed(const char *text)
{
	struct nsnet_err err = {0};
	struct nsn_publish p = {0};

	if (*text && nsn_publish_parse(&p, text, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return p;
}

/* ---- as it is written ---------------------------------------------------------------------- */

static void good_ones_pass_and_come_back(void **state)
{
	static const struct {
		const char *text, *as; /* NULL: the same */
		bool local, global;
	} good[] = {
		{"443", NULL, false, true},
		{"1", NULL, false, true},
		{"65535", NULL, false, true},
		{"203.0.113.10:443", NULL, false, false}, /* for documents */
		{"8.8.8.8:443", NULL, false, true},
		{"192.168.1.5:8080", NULL, false, false},
		{"169.254.7.7:8080", NULL, false, false},
		{"0.0.0.0:443", NULL, false, true},
		{"[::]:443", NULL, false, true},
		{"[2600::10]:443", NULL, false, true},
		{"[2600:0:0:0::10]:443", "[2600::10]:443", false, true},
		{"[fd00::1]:443", NULL, false, false},
		{"127.0.0.1:8080", NULL, true, false},
		{"127.9.9.9:8080", NULL, true, false},
	};
	char buf[NSN_PUBLISH_STRLEN];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(good); i++) {
		const struct nsn_publish p = parsed(good[i].text);

		assert_string_equal(nsn_publish_str(&p, buf),
				    good[i].as ? good[i].as : good[i].text);
		assert_int_equal(nsn_publish_is_local(&p), good[i].local);
		assert_int_equal(nsn_publish_is_global(&p), good[i].global);
	}
	assert_string_equal(nsn_publish_str(&(struct nsn_publish){0}, buf), "");
	assert_false(nsn_publish_is_local(&(struct nsn_publish){0}));
}

static void each_bad_one_says_what_is_wrong(void **state)
{
	static const char like[] = "write it like 443, 203.0.113.10:443 or [::]:443";
	static const struct {
		const char *text, *why, *hint; /* NULL: as above */
	} bad[] = {
		{"", "it is empty", NULL},
		{"80 ", NULL, NULL},
		{"8000-8010", "it is one port of a rule, and no range",
		 "make a rule for each port"},
		{"10.0.0.1:80-90", "it is one port of a rule, and no range",
		 "make a rule for each port"},
		{"80,81", "it is one port of a rule, and no list", "make a rule for each port"},
		{"443/tcp", "the protocol is that of the port which is allowed",
		 "write the number alone"},
		{"tcp/443", "the protocol is that of the port which is allowed",
		 "write the number alone"},
		{"udp:53", "the protocol is that of the port which is allowed",
		 "write the number alone"},
		{"8080:80", "the port of the endpoint is the one which is allowed",
		 "write the host's port alone"},
		{"10.0.0.1:8080:80", "the port of the endpoint is the one which is allowed",
		 "write the host's port alone"},
		{"0", "there is no port 0", NULL},
		{"10.0.0.1:0", "there is no port 0", NULL},
		{"080", "a number starts with 0", NULL},
		{"65536", "a port is 65535 at most", NULL},
		{"99999999999999999999999", "a port is 65535 at most", NULL},
		{"http", "a port is a number from 1 to 65535", NULL},
		{"10.0.0.1:", "a port is a number from 1 to 65535", NULL},
		{"10.0.0.1:http", "a port is a number from 1 to 65535", NULL},
		{"10.0.0.1", "the port is missing behind the address", NULL},
		{"[::1]", "the port is missing behind the address", NULL},
		{"[::1]:8080", "IPv6 routes nothing from or to ::1", "write 127.0.0.1:8080"},
		{"[0:0::1]:80", "IPv6 routes nothing from or to ::1", "write 127.0.0.1:80"},
		{"[::1]80", "the port is missing behind the address", NULL},
		{"[::1:80", "the ']' after the address is missing", NULL},
		{"[10.0.0.1]:80", "an IPv4 address has no brackets around it", NULL},
		{"[eth0]:80", "in brackets there is an IPv6 address", NULL},
		{"[fe80::1%eth0]:80", "it has a zone in it, which is part of no address", NULL},
		{"[fe80::1]:80", "fe80::/10 is link-local: it is another host on each link", NULL},
		{"[ff02::1]:80", "ff00::/8 is multicast", NULL},
		{"[::ffff:10.0.0.1]:80", "::ffff:0:0/96 is IPv4 in IPv6 clothes: write it as IPv4",
		 NULL},
		{"2001:db8::1:443", "an IPv6 address stands in brackets, before its port", NULL},
		{"::1", "an IPv6 address stands in brackets, before its port", NULL},
		{"eth0:80", "names of hosts and links are none: it is an address of the host",
		 NULL},
		{"www.example.org:80",
		 "names of hosts and links are none: it is an address of the host", NULL},
		{"localhost:80", "what is published for the host alone is on loopback",
		 "write 127.0.0.1:80"},
		{"*:80", "every address is meant by the port alone", "write 80"},
		{":80", "every address is meant by the port alone", "write 80"},
		{"10.0.0.0/8:80", "it is one address of the host, and no network", NULL},
		{"255.255.255.255:80", "it is the broadcast address", NULL},
		{"0.0.0.1:80", "0.0.0.0/8 means 'this network'", NULL},
		{"224.0.0.1:80", "224.0.0.0/4 is multicast", NULL},
		{"240.0.0.1:80", "240.0.0.0/4 is reserved", NULL},
		{"010.0.0.1:80", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad); i++) {
		struct nsn_publish p = {.port = 7};
		struct nsnet_err err = {0};
		char want[256];

		if (nsn_publish_parse(&p, bad[i].text, &err) != -EINVAL)
			fail_msg("'%s' is taken", bad[i].text);
		assert_int_equal(err.id, NSNET_E_BAD_PUBLISH);
		assert_int_equal(p.port, 7);
		(void)snprintf(want, sizeof(want), "'%s' cannot be published: %s", bad[i].text,
			       bad[i].why ? bad[i].why : "");
		if (bad[i].why ? strcmp(err.msg, want) != 0 : !strstr(err.msg, want))
			fail_msg("%s\nand not\n%s", err.msg, want);
		if (strcmp(err.hint, bad[i].hint ? bad[i].hint : like) != 0)
			fail_msg("'%s': %s", bad[i].text, err.hint);
		assert_int_equal(nsn_publish_parse(&p, bad[i].text, NULL), -EINVAL);
	}
}

/* Which of them clash, as a table of pairs. */
static void a_wildcard_is_every_address(void **state)
{
	static const char *const all[] = {
		"80",		"0.0.0.0:80",	"[::]:80",     "10.0.0.1:80",
		"127.0.0.1:80", "[fd00::1]:80", "10.0.0.1:81", "81"};
	static const char *const clash[] = {"######  ", "## ##   ", "# #  #  ", "## #    ",
					    "##  #   ", "# #  #  ", "      ##", "      ##"};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(all); i++)
		for (size_t k = 0; k < NSN_COUNT(all); k++) {
			const struct nsn_publish a = parsed(all[i]), b = parsed(all[k]);

			if (nsn_publish_clash(&a, &b) != (clash[i][k] == '#'))
				fail_msg("%s and %s", all[i], all[k]);
			assert_int_equal(nsn_publish_same(&a, &b), i == k);
		}
	assert_false(nsn_publish_clash(&(struct nsn_publish){0}, &(struct nsn_publish){0}));
}

/* ---- of a policy ---------------------------------------------------------------------------- */

/* "tcp/80 internet,10.0.0.0/8 -> aa/app" */
static void make(struct nsn_policy *p, const char *text, const char *publish)
{
	char copy[256], *rest = copy, *list, *one;

	*p = (struct nsn_policy){.name = "one", .because = "x"};
	(void)snprintf(copy, sizeof(copy), "%s", text);
	p->ports = calloc(4, sizeof(*p->ports));
	p->from = calloc(4, sizeof(*p->from));
	p->to = calloc(4, sizeof(*p->to));
	assert_true(p->ports && p->from && p->to);
	list = strsep(&rest, " ");
	while ((one = strsep(&list, ",")))
		assert_int_equal(nsn_ports_parse(&p->ports[p->n_ports++], one, NULL), 0);
	list = strsep(&rest, " ");
	while ((one = strsep(&list, ",")))
		assert_int_equal(nsn_peer_parse(&p->from[p->n_from++], one, NULL), 0);
	assert_string_equal(strsep(&rest, " "), "->");
	while ((one = strsep(&rest, ",")))
		assert_int_equal(nsn_peer_parse(&p->to[p->n_to++], one, NULL), 0);
	p->publish = parsed(publish);
}

static void what_publish_goes_with(void **state)
{
	static const struct {
		const char *rule, *publish, *why, *hint; /* NULL: it is fine */
	} rows[] = {
		{"tcp/443 internet -> aa/app", "443", NULL, NULL},
		{"udp/53 internet,10.0.0.0/8,fd00::/8,host -> aa/app", "53", NULL, NULL},
		{"sctp/9 10.0.0.0/8 -> aa/app", "0.0.0.0:9", NULL, NULL},
		{"tcp/80 host -> aa/app", "127.0.0.1:80", NULL, NULL},
		{"tcp/80 host -> aa/app", "10.0.0.1:80", NULL, NULL},
		{"tcp/80 any -> aa/app", "", NULL, NULL},
		{"any aa -> internet,host,10.0.0.0/8", "", NULL, NULL},
		{"tcp/80,tcp/81 internet -> aa/app", "80",
		 "`publish` leads to one port of tcp, udp or sctp",
		 "allow: tcp/80, and a rule for each port"},
		{"tcp/8000-8001 internet -> aa/app", "80",
		 "`publish` leads to one port of tcp, udp or sctp",
		 "allow: tcp/8000, and a rule for each port"},
		{"tcp internet -> aa/app", "80", "`publish` leads to one port of tcp, udp or sctp",
		 "allow: tcp/80, and a rule for each port"},
		{"any internet -> aa/app", "80", "`publish` leads to one port of tcp, udp or sctp",
		 "allow: tcp/80, and a rule for each port"},
		{"icmp/echo internet -> aa/app", "80",
		 "`publish` leads to one port of tcp, udp or sctp",
		 "allow: tcp/80, and a rule for each port"},
		{"tcp/80 internet -> aa", "80", "`publish` leads to one endpoint",
		 "to: aa/default"},
		{"tcp/80 internet -> aa/app,aa/db", "80", "`publish` leads to one endpoint",
		 "to: aa/default"},
		{"tcp/80 internet -> tenants", "80", "`publish` leads to one endpoint",
		 "to: customer1/default"},
		{"tcp/80 internet,bb -> aa/app", "80",
		 "`publish` is not for bb: published ports are reached from other tenants only by "
		 "a rule",
		 "make another rule without `publish`, from: bb"},
		{"tcp/80 label:tier=x -> aa/app", "80",
		 "`publish` is not for label:tier=x: published ports are reached from other "
		 "tenants only by a rule",
		 "make another rule without `publish`, from: label:tier=x"},
		{"tcp/80 any -> aa/app", "80",
		 "`publish` is not for any: published ports are reached from other tenants only "
		 "by a rule",
		 "write from: internet"},
		{"tcp/80 host,internet -> aa/app", "127.0.0.1:80",
		 "127.0.0.1:80 is reached from the host alone", "from: host, or publish: 80"},
		{"tcp/80 10.0.0.0/8 -> aa/app", "127.0.0.2:80",
		 "127.0.0.2:80 is reached from the host alone", "from: host, or publish: 80"},
		{"tcp/80 10.0.0.0/8 -> aa/app", "[::]:80",
		 "10.0.0.0/8 never calls [::]:80, which is IPv6", "publish: 80"},
		{"tcp/80 internet,fd00::/8 -> aa/app", "10.0.0.1:80",
		 "fd00::/8 never calls 10.0.0.1:80, which is IPv4", "publish: 80"},
		{"tcp/80 internet -> aa/app", "",
		 "internet reaches an endpoint only through what is published, and it has no "
		 "`publish`",
		 "publish: 80"},
		{"any bb,10.0.0.0/8 -> aa", "",
		 "10.0.0.0/8 reaches an endpoint only through what is published, and it has no "
		 "`publish`",
		 "publish: 8080"},
		{"tcp/80 host -> any", "",
		 "host reaches an endpoint only through what is published, and it has no "
		 "`publish`",
		 "publish: 127.0.0.1:80"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		struct nsnet_err err = {0};
		struct nsn_policy p;
		char want[256];

		make(&p, rows[i].rule, rows[i].publish);
		(void)snprintf(want, sizeof(want), "rule 'one': %s",
			       rows[i].why ? rows[i].why : "");
		if (nsn_policy_check(&p, &err) != (rows[i].why ? -EINVAL : 0))
			fail_msg("%s, %s: %s", rows[i].rule, rows[i].publish, err.msg);
		if (rows[i].why) {
			assert_int_equal(err.id, NSNET_E_BAD_PUBLISH);
			assert_string_equal(err.msg, want);
			assert_string_equal(err.hint, rows[i].hint);
		}
		/* A denial is about whoever it names, and publishes nothing. */
		p.deny = true;
		assert_int_equal(nsn_policy_check(&p, &err), p.publish.port ? -EINVAL : 0);
		nsn_policy_clear(&p);
	}
}

static void a_difference_is_said(void **state)
{
	static const struct {
		const char *have, *want, *text;
	} rows[] = {
		{"443", "443", NULL},
		{"", "443", "does not publish 443"},
		{"[::]:443", "", "publishes [::]:443"},
		{"443", "0.0.0.0:443", "publishes 443, not 0.0.0.0:443"},
	};
	struct nsn_policy a, b, copy = {0};
	char buf[160];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		make(&a, "tcp/443 internet -> aa/app", rows[i].have);
		make(&b, "tcp/443 internet -> aa/app", rows[i].want);
		assert_int_equal(nsn_policy_same(&a, &b, buf, sizeof(buf)), !rows[i].text);
		if (rows[i].text)
			assert_string_equal(buf, rows[i].text);
		nsn_policy_clear(&a);
		nsn_policy_clear(&b);
	}
	make(&a, "tcp/443 internet -> aa/app", "443");
	a.implied = true;
	assert_int_equal(nsn_policy_copy(&copy, &a, NULL), 0);
	assert_true(nsn_policy_same(&a, &copy, buf, sizeof(buf)));
	assert_true(copy.implied && copy.publish.port == 443);
	copy.implied = false;
	assert_false(nsn_policy_same(&a, &copy, buf, sizeof(buf)));
	assert_string_equal(buf, "it follows from a tenant's `dns`");
	nsn_policy_clear(&a);
	nsn_policy_clear(&copy);
}

/* ---- who has it already ------------------------------------------------------------------------
 */

#define NOW 1000

static void two_that_clash_are_told_where(void **state)
{
	struct nsnet_err err = {0};
	struct nsn_policy a, b;

	(void)state;
	make(&a, "tcp/443 internet -> aa/app", "443");
	make(&b, "tcp/8443 internet -> bb/app", "203.0.113.10:443");
	(void)snprintf(b.name, sizeof(b.name), "other");
	assert_true(nsn_publish_conflict(&a, &b, NOW));
	assert_int_equal(nsn_publish_refuse(&a, &b, &err), -EEXIST);
	assert_int_equal(err.id, NSNET_E_PUBLISH_CONFLICT);
	assert_string_equal(err.msg, "rule 'one' publishes 443 (tcp), where rule 'other' publishes "
				     "203.0.113.10:443 (by user 0)");
	(void)snprintf(b.origin.file, sizeof(b.origin.file), "p/40.yaml");
	b.origin.line = 7;
	assert_int_equal(nsn_publish_refuse(&a, &b, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "(p/40.yaml:7)"));
	b.expires = NOW;
	assert_false(nsn_publish_conflict(&a, &b, NOW));
	assert_true(nsn_publish_conflict(&a, &b, NOW - 1));
	b.expires = 0;
	b.ports[0].proto = NSN_PROTO_UDP;
	assert_false(nsn_publish_conflict(&a, &b, NOW));
	nsn_policy_clear(&a);
	nsn_policy_clear(&b);
}

static bool clashes(const struct nsn_policy *list, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (k != i && nsn_publish_conflict(&list[k], &list[i], NOW))
			return true;
	return false;
}

static bool is_told(const struct nsn_publish_pair *pairs, size_t n, const struct nsn_policy *p)
{
	for (size_t i = 0; i < n; i++)
		if (pairs[i].one == p || pairs[i].other == p)
			return true;
	return false;
}

/* Against looking at each with each: who clashes is told, and nobody else. */
static void all_that_clash_are_found(void **state)
{
	static const char *const places[] = {"",
					     "80",
					     "0.0.0.0:80",
					     "[::]:80",
					     "10.0.0.1:80",
					     "10.0.0.2:80",
					     "[fd00::1]:80",
					     "10.0.0.1:81",
					     "81",
					     "[::]:81"};
	size_t found = 0;

	(void)state;
	srandom(8);
	for (int round = 0; round < 3000; round++) {
		NSN_AUTO(nsn_freep) struct nsn_publish_pair *pairs = NULL;
		struct nsn_policy list[8];
		size_t n = (size_t)random() % 9, n_pairs;

		for (size_t i = 0; i < n; i++) {
			make(&list[i],
			     random() % 3 ? "tcp/1 internet -> aa/app" : "udp/1 internet -> aa/app",
			     places[(size_t)random() % NSN_COUNT(places)]);
			list[i].expires = random() % 4 ? 0 : NOW - 1 + random() % 3;
		}
		assert_int_equal(nsn_publish_pairs(&pairs, &n_pairs, list, n, NOW), 0);
		for (size_t i = 0; i < n_pairs; i++) {
			assert_true(pairs[i].one < pairs[i].other);
			assert_true(nsn_publish_conflict(pairs[i].one, pairs[i].other, NOW));
		}
		for (size_t i = 0; i < n; i++)
			assert_int_equal(is_told(pairs, n_pairs, &list[i]), clashes(list, n, i));
		found += n_pairs;
		for (size_t i = 0; i < n; i++)
			nsn_policy_clear(&list[i]);
	}
	assert_true(found > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_pass_and_come_back),
		cmocka_unit_test(each_bad_one_says_what_is_wrong),
		cmocka_unit_test(a_wildcard_is_every_address),
		cmocka_unit_test(what_publish_goes_with),
		cmocka_unit_test(a_difference_is_said),
		cmocka_unit_test(two_that_clash_are_told_where),
		cmocka_unit_test(all_that_clash_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
