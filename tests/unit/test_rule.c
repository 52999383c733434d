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

#include "../../lib/base/cleanup.h"
#include "../../lib/model/policy.h"

static void add_peer(struct nsn_peer **list, size_t *n, const char *text)
{
	struct nsn_peer *more = realloc(*list, (*n + 1) * sizeof(*more));

	assert_non_null(more);
	*list = more;
	memset(&more[*n], 0, sizeof(*more));
	assert_int_equal(nsn_peer_parse(&more[*n], text, NULL), 0);
	++*n;
}

static void add_ports(struct nsn_policy *p, const char *text)
{
	struct nsn_ports *more = realloc(p->ports, (p->n_ports + 1) * sizeof(*more));

	assert_non_null(more);
	p->ports = more;
	assert_int_equal(nsn_ports_parse(&more[p->n_ports++], text, NULL), 0);
}

/* Allows tcp/443 and udp/53 from aa/app and label:tier=gold to bb and internet. */
static void make(struct nsn_policy *p)
{
	*p = (struct nsn_policy){.id = 7, .log = NSN_LOG_NEW, .expires = 86400};
	(void)snprintf(p->name, sizeof(p->name), "to-the-db");
	(void)snprintf(p->because, sizeof(p->because), "ledger, CHG-1042");
	(void)snprintf(p->owner, sizeof(p->owner), "sre@example.com");
	add_ports(p, "tcp/443");
	add_ports(p, "udp/53");
	add_peer(&p->from, &p->n_from, "aa/app");
	add_peer(&p->from, &p->n_from, "label:tier=gold");
	add_peer(&p->to, &p->n_to, "bb");
	add_peer(&p->to, &p->n_to, "internet");
}

/* One pair of peers, one port. */
static void make_small(struct nsn_policy *p, const char *from, const char *to)
{
	*p = (struct nsn_policy){.because = "x"};
	(void)snprintf(p->name, sizeof(p->name), "one");
	add_ports(p, "tcp/80");
	add_peer(&p->from, &p->n_from, from);
	add_peer(&p->to, &p->n_to, to);
}

/* ---- the check -------------------------------------------------------------------------- */

static void no_name(struct nsn_policy *p)
{
	p->name[0] = '\0';
}

static void bad_name(struct nsn_policy *p)
{
	(void)snprintf(p->name, sizeof(p->name), "To_DB");
}

static void no_ports(struct nsn_policy *p)
{
	p->n_ports = 0;
}

static void no_ports_denied(struct nsn_policy *p)
{
	p->n_ports = 0;
	p->deny = true;
}

static void no_from(struct nsn_policy *p)
{
	p->n_from = 0;
}

static void no_to(struct nsn_policy *p)
{
	p->n_to = 0;
}

static void twice_ports(struct nsn_policy *p)
{
	add_ports(p, "tcp/443-443");
}

static void twice_from(struct nsn_policy *p)
{
	add_peer(&p->from, &p->n_from, "aa/app");
}

static void twice_to(struct nsn_policy *p)
{
	add_peer(&p->to, &p->n_to, "internet");
}

static void many_from(struct nsn_policy *p)
{
	char text[32];

	for (int i = 0; i < NSN_LIST_MAX; i++) {
		(void)snprintf(text, sizeof(text), "t%d", i + 10);
		add_peer(&p->from, &p->n_from, text);
	}
}

static void many_ports(struct nsn_policy *p)
{
	char text[32];

	for (int i = 0; i < NSN_LIST_MAX; i++) {
		(void)snprintf(text, sizeof(text), "udp/%d", i + 100);
		add_ports(p, text);
	}
}

static void no_because(struct nsn_policy *p)
{
	p->because[0] = '\0';
}

static void blank_because(struct nsn_policy *p)
{
	(void)snprintf(p->because, sizeof(p->because), "   ");
}

static void control_in_because(struct nsn_policy *p)
{
	(void)snprintf(p->because, sizeof(p->because), "red \x1b[31m");
}

static void no_utf8_in_because(struct nsn_policy *p)
{
	(void)snprintf(p->because, sizeof(p->because), "M\xfcller");
}

static void overlong_utf8_in_because(struct nsn_policy *p)
{
	(void)snprintf(p->because, sizeof(p->because), "\xc0\xaf");
}

static void cut_utf8_in_owner(struct nsn_policy *p)
{
	(void)snprintf(p->owner, sizeof(p->owner), "a\xe2\x82");
}

static void turned_owner(struct nsn_policy *p)
{
	(void)snprintf(p->owner, sizeof(p->owner),
		       "a\xe2\x80\xae"
		       "b");
}

static void audit_allow(struct nsn_policy *p)
{
	p->audit = true;
}

static void early(struct nsn_policy *p)
{
	p->expires = -1;
}

static void what_a_rule_lacks_is_said(void **state)
{
	static const struct {
		void (*spoil)(struct nsn_policy *p);
		const char *msg, *hint;
	} rows[] = {
		{no_name, "a rule has no name", ""},
		{bad_name,
		 "'To_DB' is not a rule name: use a-z, 0-9 and '-', start with a letter, 2 to 32 "
		 "characters",
		 "did you mean to-db?"},
		{no_ports, "rule 'to-the-db': it has no ports in `allow`", "allow: any"},
		{no_ports_denied, "rule 'to-the-db': it has no ports in `deny`", "deny: any"},
		{no_from, "rule 'to-the-db': it has no `from`", "from: any"},
		{no_to, "rule 'to-the-db': it has no `to`", "to: any"},
		{twice_ports, "rule 'to-the-db': tcp/443 is there twice in `allow`", ""},
		{twice_from, "rule 'to-the-db': aa/app is there twice in `from`", ""},
		{twice_to, "rule 'to-the-db': internet is there twice in `to`", ""},
		{many_from, "rule 'to-the-db': there are 66 peers in `from`, 64 at most",
		 "give the tenants a label: label:tier=gold"},
		{many_ports, "rule 'to-the-db': there are 66 ports in `allow`, 64 at most", ""},
		{no_because,
		 "rule 'to-the-db': it allows what crosses the border of a tenant and does not say "
		 "why",
		 "because: what it is for, CHG-1042"},
		{blank_because,
		 "rule 'to-the-db': it allows what crosses the border of a tenant and does not say "
		 "why",
		 "because: what it is for, CHG-1042"},
		{control_in_because,
		 "rule 'to-the-db': `because`: it has a control character or a line break in it",
		 ""},
		{no_utf8_in_because, "rule 'to-the-db': `because`: it is not UTF-8", ""},
		{overlong_utf8_in_because, "rule 'to-the-db': `because`: it is not UTF-8", ""},
		{cut_utf8_in_owner, "rule 'to-the-db': `owner`: it is not UTF-8", ""},
		{turned_owner,
		 "rule 'to-the-db': `owner`: it has a character in it that turns the direction of "
		 "text",
		 ""},
		{audit_allow,
		 "rule 'to-the-db': `mode: audit` shows what a rule would deny, and this one "
		 "allows",
		 "deny, or mode: enforce"},
		{early, "rule 'to-the-db': it expires before 1970", ""},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		struct nsnet_err err = {0};
		struct nsn_policy p;

		make(&p);
		assert_int_equal(nsn_policy_check(&p, &err), 0);
		rows[i].spoil(&p);
		assert_int_equal(nsn_policy_check(&p, &err), -EINVAL);
		assert_int_equal(err.id, NSNET_E_BAD_RULE);
		assert_string_equal(err.msg, rows[i].msg);
		assert_string_equal(err.hint, rows[i].hint);
		assert_int_equal(nsn_policy_check(&p, NULL), -EINVAL);
		nsn_policy_clear(&p);
	}
}

/* @why "": it is fine without a `because`, NULL: with one only. */
static void who_may_be_on_both_sides(void **state)
{
#define NO_TENANT "rule 'one': neither side is a tenant, so nothing of it passes nsnet"
	static const struct {
		const char *from, *to, *why;
		bool published;
	} rows[] = {
		{"aa", "aa", ""},
		{"aa/one", "aa", ""},
		{"aa/one", "aa/two", ""},
		{"aa/one", "aa/one", "rule 'one': aa/one is both sides, and always reaches itself"},
		{"aa", "bb", NULL},
		{"aa/one", "bb/one", NULL},
		{"tenants", "tenants", NULL},
		{"label:k=v", "label:k=v", NULL},
		{"internet", "aa/one", NULL, .published = true},
		{"any", "any", NULL},
		{"any", "host", NULL},
		{"10.0.0.0/8", "aa/one", NULL, .published = true},
		{"internet", "host", NO_TENANT},
		{"host", "host", NO_TENANT},
		{"10.0.0.0/8", "internet", NO_TENANT},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		const bool wrong = rows[i].why && *rows[i].why;
		struct nsnet_err err = {0};
		struct nsn_policy p;

		make_small(&p, rows[i].from, rows[i].to);
		p.publish.port = rows[i].published ? 8080 : 0;
		assert_int_equal(nsn_policy_check(&p, &err), wrong ? -EINVAL : 0);
		assert_string_equal(err.msg, wrong ? rows[i].why : "");
		p.because[0] = '\0';
		assert_int_equal(nsn_policy_check(&p, NULL), rows[i].why && !wrong ? 0 : -EINVAL);
		p.deny = true; /* who denies need not say why */
		p.publish.port = 0;
		p.audit = true;
		assert_int_equal(nsn_policy_check(&p, NULL), wrong ? -EINVAL : 0);
		nsn_policy_clear(&p);
	}
}

static void the_largest_rule_is_fine(void **state)
{
	struct nsn_policy p;
	char text[32];

	(void)state;
	make(&p);
	while (p.n_ports < NSN_LIST_MAX) {
		(void)snprintf(text, sizeof(text), "udp/%zu", p.n_ports + 100);
		add_ports(&p, text);
		(void)snprintf(text, sizeof(text), "t%zu", p.n_ports + 100);
		add_peer(&p.from, &p.n_from, text);
		add_peer(&p.to, &p.n_to, text);
	}
	memset(p.because, 'x', NSN_TEXT_MAX);
	p.because[NSN_TEXT_MAX] = '\0';
	(void)snprintf(p.owner, sizeof(p.owner), "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80");
	assert_int_equal(nsn_policy_check(&p, NULL), 0);
	nsn_policy_clear(&p);
}

/* ---- copies and differences --------------------------------------------------------------- */

static void a_copy_is_the_same_and_its_own(void **state)
{
	struct nsn_policy p, copy = {0}, empty = {0}, none = {0};
	char why[160];

	(void)state;
	make(&p);
	p.origin.line = 12;
	assert_int_equal(nsn_policy_copy(&copy, &p, NULL), 0);
	assert_true(nsn_policy_same(&copy, &p, why, sizeof(why)));
	assert_true(copy.from != p.from && copy.to != p.to && copy.ports != p.ports);
	assert_int_equal(copy.id, 7);
	assert_int_equal(copy.origin.line, 12);
	nsn_policy_clear(&p);
	assert_null(p.from);
	assert_string_equal(copy.from[1].label.value, "gold");
	assert_int_equal(nsn_policy_copy(&none, &empty, NULL), 0);
	assert_null(none.from);
	nsn_policy_clear(&copy);
	nsn_policy_clear(&none);
	nsn_policy_clear(NULL);
	nsn_quarantine_clear(NULL);
}

static void renamed(struct nsn_policy *p)
{
	(void)snprintf(p->name, sizeof(p->name), "other");
}

static void denied(struct nsn_policy *p)
{
	p->deny = true;
}

static void less_ports(struct nsn_policy *p)
{
	p->n_ports = 1;
}

static void more_ports(struct nsn_policy *p)
{
	add_ports(p, "icmp");
}

static void less_from(struct nsn_policy *p)
{
	p->n_from = 1;
}

static void other_to(struct nsn_policy *p)
{
	assert_int_equal(nsn_peer_parse(&p->to[0], "bb/db", NULL), 0);
}

static void audited(struct nsn_policy *p)
{
	p->audit = true;
}

static void logged(struct nsn_policy *p)
{
	p->log = NSN_LOG_ALL;
}

static void later(struct nsn_policy *p)
{
	p->expires = 2 * 86400 + 1;
}

static void never(struct nsn_policy *p)
{
	p->expires = 0;
}

static void other_because(struct nsn_policy *p)
{
	(void)snprintf(p->because, sizeof(p->because), "\xc3\xbc");
}

static void other_owner(struct nsn_policy *p)
{
	p->owner[0] = '\0';
}

static void the_first_difference_is_said(void **state)
{
	static const struct {
		void (*change)(struct nsn_policy *p);
		const char *why; /* of what there is against what is wanted, which is changed */
	} rows[] = {
		{renamed, "name 'to-the-db', not 'other'"},
		{denied, "allows, not denies"},
		{less_ports, "allows also udp/53"},
		{more_ports, "allows not icmp"},
		{less_from, "also from label:tier=gold"},
		{other_to, "not to bb/db"},
		{audited, "mode enforce, not audit"},
		{logged, "log new, not all"},
		{later, "expires 1970-01-02, not 1970-01-03T00:00:01Z"},
		{never, "expires 1970-01-02, not never"},
		{other_because, "because 'ledger, CHG-1042', not '\\xc3\\xbc'"},
		{other_owner, "owner 'sre@example.com', not ''"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		struct nsn_policy have, want;
		char why[160] = "";

		make(&have);
		make(&want);
		rows[i].change(&want);
		assert_false(nsn_policy_same(&have, &want, why, sizeof(why)));
		assert_string_equal(why, rows[i].why);
		assert_false(nsn_policy_same(&want, &have, why, sizeof(why)));
		assert_string_not_equal(why, rows[i].why);
		nsn_policy_clear(&have);
		nsn_policy_clear(&want);
	}
}

/* Lists are sets; ids and origins are of the store. */
static void order_and_origin_are_no_difference(void **state)
{
	struct nsn_policy have, want;
	struct nsn_ports ports;
	struct nsn_peer peer;
	char why[160];

	(void)state;
	make(&have);
	make(&want);
	ports = want.ports[0];
	want.ports[0] = want.ports[1];
	want.ports[1] = ports;
	peer = want.from[0];
	want.from[0] = want.from[1];
	want.from[1] = peer;
	want.id = 0;
	want.origin.line = 3;
	want.origin.at = 5;
	assert_true(nsn_policy_same(&have, &want, why, sizeof(why)));
	nsn_policy_clear(&have);
	nsn_policy_clear(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_rule_lacks_is_said),
		cmocka_unit_test(who_may_be_on_both_sides),
		cmocka_unit_test(the_largest_rule_is_fine),
		cmocka_unit_test(a_copy_is_the_same_and_its_own),
		cmocka_unit_test(the_first_difference_is_said),
		cmocka_unit_test(order_and_origin_are_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
