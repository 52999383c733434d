/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether a flow may be: each sentence of the semantics as a table, and random small worlds
 * against a judge that tries every endpoint, address and port one by one.
 */
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

#include "intent_world.h"

static const char *const reasons[] = {
	[NSN_WHY_SAME_TENANT] = "same tenant",
	[NSN_WHY_INSIDE_DENY] = "inside deny",
	[NSN_WHY_ALLOW] = "allow",
	[NSN_WHY_DENY] = "deny",
	[NSN_WHY_QUARANTINE] = "quarantine",
	[NSN_WHY_KEPT] = "kept",
	[NSN_WHY_NO_RULE] = "no rule",
};

/* The answer in words: "yes allow rule-1", "no no rule". */
static void expect(const struct world *w, bool can, const char *text, const char *want)
{
	const struct nsn_flow f = flow(text);
	struct nsnet_err err = {0};
	struct nsn_answer a;
	char got[128];

	if (nsn_intent_ask(&a, &w->intent, &f, can, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	(void)snprintf(got, sizeof(got), "%s %s%s%s", a.verdict == NSN_ALLOWED ? "yes" : "no",
		       reasons[a.reason], a.policy ? " " : "", a.policy ? a.policy->name : "");
	if (strcmp(got, want) != 0)
		fail_msg("%s %s: %s, not %s", can ? "can" : "cannot", text, got, want);
	assert_int_equal(a.quarantine != NULL,
			 a.reason == NSN_WHY_QUARANTINE || a.reason == NSN_WHY_KEPT);
}

/* Both ways of asking have the same answer. */
static void both(const struct world *w, const char *text, const char *want)
{
	expect(w, true, text, want);
	expect(w, false, text, want);
}

/* ---- each sentence ---------------------------------------------------------------------- */

static void what_nobody_allows_is_denied(void **state)
{
	static const char *const flows[] = {
		"aa -> bb",	  "aa -> internet", "internet -> aa",	     "aa -> host",
		"host -> aa",	  "tenants -> any", "any -> tenants tcp/80", "aa -> 10.0.0.0/8",
		"aa/one -> bb/x", "fd00::1 -> aa",
	};
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two");
	both(&w, "aa -> host", "no no rule");
	w.tenants[0].inside_deny = true;
	tenant(&w, "bb", "x1")->inside_deny = true;
	(void)snprintf(w.tenants[1].endpoints[0].name, NSN_NAME_MAX + 1, "xx");
	for (size_t i = 0; i < NSN_COUNT(flows); i++)
		both(&w, i == 8 ? "aa/one -> bb/xx" : flows[i], "no no rule");
	end(&w);
}

static void a_rule_is_for_those_who_open(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two");
	tenant(&w, "bb", "one");
	rule(&w, "allow tcp/80 aa/one -> bb");
	both(&w, "aa/one -> bb tcp/80", "yes allow rule-1");
	both(&w, "bb -> aa/one tcp/80", "no no rule");
	both(&w, "bb -> aa/one", "no no rule");
	expect(&w, true, "aa -> bb tcp/80", "no no rule");
	expect(&w, false, "aa -> bb tcp/80", "yes allow rule-1");
	end(&w);
}

static void deny_stands_above_allow_wherever_it_is(void **state)
{
	static const char *const rules[][2] = {
		{"allow any aa -> bb", "deny tcp/22 tenants -> any"},
		{"deny tcp/22 tenants -> any", "allow any aa -> bb"},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w;
		char deny[32], allow[32];

		begin(&w);
		tenant(&w, "aa", "one");
		tenant(&w, "bb", "one");
		rule(&w, rules[i][0]);
		rule(&w, rules[i][1]);
		(void)snprintf(allow, sizeof(allow), "yes allow rule-%zu", i + 1);
		(void)snprintf(deny, sizeof(deny), "no deny rule-%zu", 2 - i);
		both(&w, "aa -> bb tcp/22", deny);
		both(&w, "aa -> bb tcp/23", allow);
		expect(&w, true, "aa -> bb tcp/21-23", deny);
		expect(&w, false, "aa -> bb tcp/21-23", allow);
		expect(&w, true, "aa -> bb", deny);
		end(&w);
	}
}

static void several_rules_cover_a_range_together(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	tenant(&w, "bb", "one");
	rule(&w, "allow tcp/1-99,tcp/200-299 aa -> bb");
	rule(&w, "allow tcp/100-150 aa/one -> bb");
	rule(&w, "allow tcp/151-199 any -> tenants");
	expect(&w, true, "aa -> bb tcp/1-299", "yes allow rule-1");
	expect(&w, true, "aa -> bb tcp/1-300", "no no rule");
	expect(&w, true, "aa -> bb tcp", "no no rule");
	expect(&w, true, "aa -> bb", "no no rule");
	expect(&w, false, "aa -> bb tcp/300-400", "no no rule");
	expect(&w, false, "aa -> bb tcp/299-400", "yes allow rule-1");
	rule(&w, "deny tcp/200-299 aa -> bb");
	expect(&w, false, "aa -> bb tcp/200-400", "no deny rule-4");
	rule(&w, "deny tcp/120-130 aa -> bb");
	expect(&w, false, "aa -> bb tcp/119-120", "yes allow rule-2");
	both(&w, "aa -> bb tcp/120-121", "no deny rule-5");
	end(&w);
}

static void any_is_all_of_ip_and_icmp_is_not_only_echo(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	tenant(&w, "bb", "one");
	rule(&w, "allow tcp,udp,sctp,icmp aa -> bb");
	both(&w, "aa -> bb icmp/echo", "yes allow rule-1");
	both(&w, "aa -> bb icmp", "yes allow rule-1");
	expect(&w, true, "aa -> bb", "no no rule");
	rule(&w, "deny icmp/echo aa -> bb");
	both(&w, "aa -> bb icmp/echo", "no deny rule-2");
	expect(&w, true, "aa -> bb icmp", "no deny rule-2");
	expect(&w, false, "aa -> bb icmp", "yes allow rule-1");
	rule(&w, "allow any aa -> bb");
	rule(&w, "deny any bb -> aa");
	expect(&w, false, "aa -> bb", "yes allow rule-1");
	both(&w, "bb -> aa sctp/5", "no deny rule-4");
	end(&w);
}

static void a_list_is_or_and_a_slash_narrows(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two");
	label(tenant(&w, "bb", "one two"), "gold");
	label(tenant(&w, "cc", "one"), "lead");
	rule(&w, "allow tcp/80,udp/53 aa/two,label:tier=gold -> cc,host");
	both(&w, "bb -> cc udp/53", "yes allow rule-1");
	both(&w, "bb/two -> host tcp/80", "yes allow rule-1");
	both(&w, "aa/two -> host tcp/80", "yes allow rule-1");
	both(&w, "aa/one -> host tcp/80", "no no rule");
	both(&w, "cc -> host tcp/80", "no no rule");
	both(&w, "label:tier=gold -> cc tcp/80", "yes allow rule-1");
	both(&w, "label:tier=lead -> host", "no no rule");
	both(&w, "label:tier=none -> host", "no no rule"); /* nobody carries it */
	expect(&w, true, "tenants -> host tcp/80", "no no rule");
	expect(&w, false, "tenants -> host tcp/80", "yes allow rule-1");
	end(&w);
}

static void a_tenant_talks_to_itself_unless_inside_is_deny(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two");
	tenant(&w, "bb", "one two three")->inside_deny = true;
	tenant(&w, "cc", "one");
	tenant(&w, "dd", "one")->inside_deny = true;
	rule(&w, "deny any tenants -> tenants");
	both(&w, "aa -> aa", "yes same tenant");
	both(&w, "aa/one -> aa/two tcp/80", "yes same tenant"); /* a gateway cannot deny it */
	both(&w, "bb/one -> bb/one", "yes same tenant");
	both(&w, "bb -> bb", "no deny rule-1");
	both(&w, "cc -> cc", "yes same tenant");
	both(&w, "dd -> dd", "no deny rule-1");
	w.intent.n_policies = 0;
	nsn_policy_clear(&w.policies[0]);
	both(&w, "bb -> bb", "no inside deny");
	both(&w, "dd -> dd", "no inside deny");
	rule(&w, "allow tcp/80 bb/one -> bb");
	both(&w, "bb/one -> bb/two tcp/80", "yes allow rule-1");
	both(&w, "bb/one -> bb tcp/80", "yes allow rule-1");
	both(&w, "bb/two -> bb/one tcp/80", "no inside deny");
	expect(&w, true, "bb -> bb tcp/80", "no inside deny");
	expect(&w, false, "bb -> bb tcp/80", "yes allow rule-1");
	end(&w);
}

static void what_has_expired_or_audits_does_not_count(void **state)
{
	struct nsn_policy *p;
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	tenant(&w, "bb", "one");
	p = rule(&w, "allow any aa -> bb");
	p->expires = NOW + 1;
	both(&w, "aa -> bb", "yes allow rule-1");
	p->expires = NOW;
	both(&w, "aa -> bb", "no no rule");
	p->expires = 0;
	p = rule(&w, "deny any aa -> bb");
	both(&w, "aa -> bb", "no deny rule-2");
	p->audit = true;
	both(&w, "aa -> bb", "yes allow rule-1");
	end(&w);
}

static void quarantine_closes_the_borders_of_a_tenant(void **state)
{
	struct nsn_quarantine *q;
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two");
	tenant(&w, "bb", "one");
	tenant(&w, "cc", "one");
	rule(&w, "allow any any -> any");
	rule(&w, "deny tcp/22 bb -> aa");
	q = quarantine(&w, "aa");
	keep(q, "bb -> aa/one tcp/20-29");
	both(&w, "aa -> internet tcp/443", "no quarantine");
	both(&w, "host -> aa", "no quarantine");
	both(&w, "cc -> aa", "no quarantine");
	both(&w, "cc -> bb", "yes allow rule-1");
	both(&w, "aa -> aa", "yes same tenant");
	both(&w, "bb -> aa/one tcp/22", "yes kept"); /* above deny, too */
	both(&w, "bb -> aa/two tcp/22", "no quarantine");
	expect(&w, true, "bb -> aa/one tcp/20-30", "no quarantine");
	expect(&w, false, "bb -> aa/one tcp/20-30", "yes kept");
	both(&w, "aa/one -> bb tcp/22", "no quarantine");
	q = quarantine(&w, "bb"); /* its own border, and it keeps nothing */
	both(&w, "bb -> aa/one tcp/22", "no quarantine");
	keep(q, "bb -> aa tcp/22");
	both(&w, "bb -> aa/one tcp/22", "yes kept");
	both(&w, "bb -> aa/one tcp/23", "no quarantine");
	end(&w);
}

static void quarantine_of_an_endpoint_is_for_its_neighbours_too(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two three");
	label(tenant(&w, "bb", "one two"), "bad");
	label(tenant(&w, "cc", "one"), "bad");
	rule(&w, "allow any tenants -> tenants");
	quarantine(&w, "aa/one");
	both(&w, "aa/one -> aa/two", "no quarantine");
	both(&w, "aa/two -> aa/one", "no quarantine");
	both(&w, "aa/one -> aa/one", "yes same tenant");
	both(&w, "aa/two -> aa/three", "yes same tenant");
	both(&w, "aa/two -> bb", "yes allow rule-1");
	both(&w, "bb -> aa/one", "no quarantine");
	expect(&w, true, "aa -> aa", "no quarantine");
	expect(&w, false, "aa -> aa", "yes same tenant");
	quarantine(&w, "label:tier=bad");
	both(&w, "bb -> cc", "no quarantine");
	both(&w, "bb -> bb", "yes same tenant");
	both(&w, "aa/two -> cc", "no quarantine");
	end(&w);
}

/* What the bridge switches is kept by nobody, whatever a quarantine says. */
static void of_neighbours_something_is_kept_with_inside_deny_only(void **state)
{
	struct nsn_quarantine *q;
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two three");
	tenant(&w, "bb", "one");
	q = quarantine(&w, "aa/one");
	keep(q, "tenants -> aa/one tcp/22");
	both(&w, "aa/two -> aa/one tcp/22", "no quarantine");
	both(&w, "bb -> aa/one tcp/22", "yes kept");
	expect(&w, true, "tenants -> aa/one tcp/22", "no quarantine");
	w.tenants[0].inside_deny = true;
	both(&w, "aa/two -> aa/one tcp/22", "yes kept");
	both(&w, "aa/one -> aa/two tcp/22", "no quarantine");
	end(&w);
}

static void addresses_outside_are_split_where_rules_split_them(void **state)
{
	static const struct nsn_prefix link = {{AF_INET, {8, 8}}, 16};
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	rule(&w, "allow tcp/443 aa -> internet");
	rule(&w, "deny any tenants -> 169.254.0.0/16,1.1.1.0/24");
	expect(&w, true, "aa -> internet tcp/443", "no deny rule-2"); /* a part of it */
	expect(&w, false, "aa -> internet tcp/443", "yes allow rule-1");
	both(&w, "aa -> 9.9.9.9 tcp/443", "yes allow rule-1");
	both(&w, "aa -> 1.1.1.1 tcp/443", "no deny rule-2");
	both(&w, "aa -> 192.168.1.1 tcp/443", "no no rule");
	both(&w, "aa -> 169.254.169.254 tcp/443", "no deny rule-2");
	expect(&w, true, "aa -> 1.1.0.0/16 tcp/443", "no deny rule-2");
	expect(&w, false, "aa -> 1.1.0.0/16 tcp/443", "yes allow rule-1");
	both(&w, "aa -> 2600::/32 tcp/443", "yes allow rule-1");
	both(&w, "aa -> 2001:db8::1 tcp/443", "no no rule");
	nsn_policy_clear(&w.policies[--w.intent.n_policies]);
	rule(&w, "deny any tenants -> 169.254.0.0/16");
	both(&w, "aa -> internet tcp/443", "yes allow rule-1"); /* no part of it */
	w.intent.links = &link;
	w.intent.n_links = 1;
	both(&w, "aa -> 8.8.8.8 tcp/443", "no no rule");
	expect(&w, true, "aa -> 8.0.0.0/8 tcp/443", "no no rule");
	expect(&w, false, "aa -> 8.0.0.0/8 tcp/443", "yes allow rule-1");
	w.intent.links = NULL; /* nobody knows */
	w.intent.n_links = 0;
	expect(&w, true, "aa -> 8.8.8.8 tcp/443", "no no rule");
	expect(&w, false, "aa -> 8.8.8.8 tcp/443", "yes allow rule-1");
	both(&w, "aa -> 10.0.0.1 tcp/443", "no no rule");
	both(&w, "aa -> internet tcp/443", "yes allow rule-1");
	rule(&w, "allow tcp/25 aa -> 10.0.0.0/8");
	both(&w, "aa -> 10.1.0.0/16 tcp/25", "yes allow rule-3");
	expect(&w, true, "aa -> 0.0.0.0/1 tcp/25", "no no rule");
	expect(&w, false, "aa -> 0.0.0.0/1 tcp/25", "yes allow rule-3");
	end(&w);
}

static void who_is_outside_comes_by_what_is_published(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two");
	tenant(&w, "bb", "one");
	rule(&w, "allow tcp/443 internet,10.0.0.0/8 -> aa/one")->publish.port = 8443;
	both(&w, "internet -> aa/one tcp/443", "yes allow rule-1");
	both(&w, "internet -> aa/one tcp/8443", "no no rule");
	both(&w, "internet -> aa/two tcp/443", "no no rule");
	both(&w, "10.9.0.0/16 -> aa/one tcp/443", "yes allow rule-1");
	both(&w, "192.168.1.1 -> aa/one tcp/443", "no no rule");
	both(&w, "host -> aa/one tcp/443", "no no rule");
	both(&w, "bb -> aa/one tcp/443", "no no rule");
	/* Those are tenants. */
	rule(&w, "allow tcp/22 any -> aa/one");
	both(&w, "bb -> aa/one tcp/22", "yes allow rule-2");
	both(&w, "internet -> aa/one tcp/22", "no no rule");
	both(&w, "host -> aa/one tcp/22", "no no rule");
	expect(&w, true, "any -> aa/one tcp/22", "no no rule");
	expect(&w, false, "any -> aa/one tcp/22", "yes allow rule-2");
	rule(&w, "deny tcp/443 any -> aa");
	both(&w, "internet -> aa/one tcp/443", "no deny rule-3");
	end(&w);
}

static void what_is_kept_has_to_be_published(void **state)
{
	struct nsn_quarantine *q;
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	q = quarantine(&w, "aa");
	keep(q, "internet -> aa tcp/443");
	keep(q, "aa -> internet udp/53");
	both(&w, "aa -> internet udp/53", "yes kept");
	/* Nothing leads there, which is not what keeps anybody out. */
	expect(&w, true, "internet -> aa/one tcp/443", "no quarantine");
	expect(&w, false, "internet -> aa/one tcp/443", "yes kept");
	rule(&w, "allow tcp/443 internet -> aa/one")->publish.port = 443;
	both(&w, "internet -> aa/one tcp/443", "yes kept");
	end(&w);
}

static void an_address_of_the_host_is_the_host(void **state)
{
	static const struct nsn_ip host[] = {{AF_INET, {192, 168, 1, 5}}, {AF_INET, {9, 9, 9, 1}}};
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one");
	rule(&w, "allow tcp/80 aa -> 192.168.0.0/16,internet");
	rule(&w, "allow tcp/53 aa -> host");
	both(&w, "aa -> 192.168.1.5 tcp/80", "yes allow rule-1");
	both(&w, "aa -> 192.168.1.5 tcp/53", "no no rule");
	w.intent.host = host;
	w.intent.n_host = 2;
	both(&w, "aa -> 192.168.1.5 tcp/80", "no no rule");
	both(&w, "aa -> 9.9.9.1 tcp/80", "no no rule");
	both(&w, "aa -> 9.9.9.9 tcp/80", "yes allow rule-1");
	both(&w, "aa -> 192.168.1.5 tcp/53", "yes allow rule-2");
	both(&w, "aa -> 9.9.9.1 tcp/53", "yes allow rule-2");
	both(&w, "aa -> internet tcp/53", "no no rule");
	/* A network is what is beyond the host, and yet nothing may be hidden in it. */
	expect(&w, true, "aa -> 192.168.1.0/24 tcp/80", "yes allow rule-1");
	expect(&w, true, "aa -> 192.168.1.0/24 tcp/53", "no no rule");
	expect(&w, false, "aa -> 192.168.1.0/24 tcp/53", "yes allow rule-2");
	both(&w, "aa -> 192.168.2.0/24 tcp/53", "no no rule");
	/* A rule that names it does not mean it. */
	rule(&w, "deny tcp aa -> 192.168.1.5,9.9.9.1");
	both(&w, "aa -> 192.168.1.5 tcp/53", "yes allow rule-2");
	both(&w, "aa -> internet tcp/80", "yes allow rule-1");
	w.intent.host = NULL; /* nobody knows */
	w.intent.n_host = 0;
	expect(&w, false, "aa -> 192.168.7.0/24 tcp/53", "yes allow rule-2");
	expect(&w, true, "aa -> 192.168.7.0/24 tcp/53", "no no rule");
	expect(&w, true, "aa -> 192.168.7.0/24 tcp/80", "yes allow rule-1");
	end(&w);
}

static void an_answer_names_a_pair(void **state)
{
	const struct nsn_flow f = flow("tenants -> tenants tcp/80");
	const struct nsn_flow out = flow("bb -> any tcp/81");
	struct nsn_answer a;
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "aa", "one two");
	tenant(&w, "bb", "one two three");
	tenant(&w, "cc", "");
	rule(&w, "allow tcp/80 bb/two -> aa/two");
	assert_int_equal(nsn_intent_ask(&a, &w.intent, &f, true, NULL), 0);
	assert_int_equal(a.verdict, NSN_DENIED);
	assert_int_not_equal(a.from_tenant, a.to_tenant);
	w.tenants[0].inside_deny = w.tenants[1].inside_deny = w.tenants[2].inside_deny = true;
	assert_int_equal(nsn_intent_ask(&a, &w.intent, &f, false, NULL), 0);
	assert_ptr_equal(a.policy, &w.policies[0]);
	assert_int_equal(a.from_tenant, 1);
	assert_int_equal(a.from_endpoint, 1);
	assert_int_equal(a.to_tenant, 0);
	assert_int_equal(a.to_endpoint, 1);
	rule(&w, "allow tcp/81 bb/three -> host");
	assert_int_equal(nsn_intent_ask(&a, &w.intent, &out, false, NULL), 0);
	assert_int_equal(a.from_endpoint, 2);
	assert_int_equal(a.to_tenant, SIZE_MAX);
	assert_int_equal(a.to_endpoint, SIZE_MAX);
	both(&w, "cc -> bb", "no no rule"); /* without endpoints, and yet asked for */
	rule(&w, "allow any cc -> bb");
	both(&w, "cc -> bb", "yes allow rule-3");
	end(&w);
}

static void who_is_not_there_is_an_error(void **state)
{
	static const struct {
		const char *flow, *msg, *hint;
		enum nsnet_code id;
	} rows[] = {
		{"custmer -> bb", "there is no tenant 'custmer'", "did you mean customer?",
		 NSNET_E_UNKNOWN_PEER},
		{"bb -> customer/two", "tenant 'customer' has no endpoint 'two'", "",
		 NSNET_E_UNKNOWN_PEER},
		{"bb -> zzzzzz/two", "there is no tenant 'zzzzzz'", "", NSNET_E_UNKNOWN_PEER},
		{"internet -> host",
		 "'internet -> host' is decided by others: neither side is a tenant", "",
		 NSNET_E_BAD_FLOW},
	};
	struct world w;

	(void)state;
	begin(&w);
	tenant(&w, "customer", "one");
	tenant(&w, "bb", "one");
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		const struct nsn_flow f = flow(rows[i].flow);
		struct nsnet_err err = {0};
		struct nsn_answer a;

		assert_int_equal(nsn_intent_ask(&a, &w.intent, &f, true, &err), -EINVAL);
		assert_int_equal(err.id, rows[i].id);
		assert_string_equal(err.msg, rows[i].msg);
		assert_string_equal(err.hint, rows[i].hint);
	}
	end(&w);
}

/* ---- the judge --------------------------------------------------------------------------- */

/* One place: an endpoint, the host, or an address. */
struct place {
	size_t tenant, endpoint;
	bool host, internet;
	struct nsn_ip ip;
};

struct judged {
	enum nsn_verdict verdict;
	enum nsn_reason reason;
};

/* A port of the judge: a protocol and a number, "other" being all that has no name. */
struct number {
	enum nsn_proto proto; /* NSN_PROTO_ANY: other IP; NSN_PROTO_ICMP: not echo */
	uint32_t port;
};

static bool is_in(const struct place *p, const struct nsn_peer *peer, const struct nsn_intent *in)
{
	const struct nsn_tenant *t = p->tenant == SIZE_MAX ? NULL : &in->tenants[p->tenant];

	switch (peer->kind) {
	case NSN_PEER_ANY:
		return true;
	case NSN_PEER_TENANTS:
		return t != NULL;
	case NSN_PEER_TENANT:
		return t && strcmp(t->name, peer->tenant) == 0;
	case NSN_PEER_ENDPOINT:
		return t && strcmp(t->name, peer->tenant) == 0 && p->endpoint != SIZE_MAX &&
		       strcmp(t->endpoints[p->endpoint].name, peer->endpoint) == 0;
	case NSN_PEER_LABEL:
		return t && t->n_labels > 0 && strcmp(t->labels[0].value, peer->label.value) == 0;
	case NSN_PEER_HOST:
		return !t && p->host;
	case NSN_PEER_INTERNET:
		return !t && p->internet;
	case NSN_PEER_CIDR:
		return !t && !p->host && nsn_prefix_has(&peer->cidr, &p->ip);
	}
	return false;
}

/*
 * The same of the flow that is asked for: what the host has in a network matters where it is
 * about `cannot`, or where the network is this address alone.
 */
static bool is_asked(const struct place *p, const struct nsn_peer *peer,
		     const struct nsn_intent *in, bool can)
{
	const struct nsn_prefix *net = &peer->cidr;

	if (peer->kind != NSN_PEER_CIDR || !p->host || !p->ip.family)
		return is_in(p, peer, in);
	return nsn_prefix_has(net, &p->ip) && (!can || net->len == nsn_ip_bits(&net->ip));
}

static bool port_in(const struct number *n, const struct nsn_ports *p)
{
	if (p->proto == NSN_PROTO_ANY)
		return true;
	if (p->proto == NSN_PROTO_ICMP)
		return n->proto == NSN_PROTO_ICMP || n->proto == NSN_PROTO_ECHO;
	if (p->proto == NSN_PROTO_ECHO)
		return n->proto == NSN_PROTO_ECHO;
	return n->proto == p->proto && n->port >= p->first && n->port <= p->last;
}

static bool flow_has(const struct nsn_flow *f, const struct place *a, const struct place *b,
		     const struct number *n, const struct nsn_intent *in)
{
	return is_in(a, &f->from, in) && is_in(b, &f->to, in) && port_in(n, &f->ports);
}

static bool speaks_of(const struct nsn_policy *p, const struct place *a, const struct place *b,
		      const struct number *n, const struct nsn_intent *in)
{
	/* Nobody comes in from outside but by what is published. */
	const bool in_from = p->deny || p->publish.port || a->tenant != SIZE_MAX;
	bool from = false, to = false, port = false;

	for (size_t i = 0; in_from && i < p->n_from; i++)
		from |= is_in(a, &p->from[i], in);
	for (size_t i = 0; i < p->n_to; i++)
		to |= is_in(b, &p->to[i], in);
	for (size_t i = 0; i < p->n_ports; i++)
		port |= port_in(n, &p->ports[i]);
	return from && to && port && !p->audit && (!p->expires || p->expires > NOW);
}

static bool closes(const struct nsn_quarantine *q, const struct place *a, const struct place *b,
		   const struct nsn_intent *in)
{
	bool x = is_in(a, &q->who, in), y = is_in(b, &q->who, in);

	if (a->tenant == b->tenant)
		return q->who.kind == NSN_PEER_ENDPOINT && x != y;
	return x || y;
}

static bool is_published(const struct nsn_intent *in, const struct place *a, const struct place *b,
			 const struct number *n)
{
	bool is = false;

	for (size_t i = 0; i < in->n_policies; i++)
		is |= in->policies[i].publish.port && speaks_of(&in->policies[i], a, b, n, in);
	return is;
}

static struct judged judge(const struct nsn_intent *in, const struct place *a,
			   const struct place *b, const struct number *n, bool can)
{
	bool allow = false, deny = false, closed = false;

	if (a->tenant == b->tenant && a->endpoint == b->endpoint)
		return (struct judged){NSN_ALLOWED, NSN_WHY_SAME_TENANT};
	for (size_t i = 0; i < in->n_quarantines; i++) {
		bool kept = false;

		if (!closes(&in->quarantines[i], a, b, in))
			continue;
		closed = true;
		if (a->tenant == b->tenant && !in->tenants[a->tenant].inside_deny)
			return (struct judged){NSN_DENIED, NSN_WHY_QUARANTINE};
		for (size_t k = 0; k < in->quarantines[i].n_keep; k++)
			kept |= flow_has(&in->quarantines[i].keep[k], a, b, n, in);
		if (can && a->tenant == SIZE_MAX && !is_published(in, a, b, n))
			kept = false;
		if (!kept)
			return (struct judged){NSN_DENIED, NSN_WHY_QUARANTINE};
	}
	if (closed)
		return (struct judged){NSN_ALLOWED, NSN_WHY_KEPT};
	if (a->tenant == b->tenant && !in->tenants[a->tenant].inside_deny)
		return (struct judged){NSN_ALLOWED, NSN_WHY_SAME_TENANT};
	for (size_t i = 0; i < in->n_policies; i++)
		if (speaks_of(&in->policies[i], a, b, n, in))
			*(in->policies[i].deny ? &deny : &allow) = true;
	if (deny)
		return (struct judged){NSN_DENIED, NSN_WHY_DENY};
	if (allow)
		return (struct judged){NSN_ALLOWED, NSN_WHY_ALLOW};
	return (struct judged){NSN_DENIED,
			       a->tenant == b->tenant ? NSN_WHY_INSIDE_DENY : NSN_WHY_NO_RULE};
}

/*
 * Addresses such that each network of cidrs[] has one that is in no smaller one, of the
 * internet and not wherever it has both.
 */
static const struct {
	const char *ip;
	bool global;
} addresses[] = {
	{"1.2.3.4", true},   {"100.64.0.1", false},  {"10.2.0.1", false},  {"10.1.0.1", false},
	{"10.1.2.1", false}, {"10.1.2.3", false},    {"8.8.0.1", true},	   {"8.8.4.4", true},
	{"8.8.8.8", true},   {"172.16.0.1", false},  {"200.1.1.1", true},  {"169.254.1.1", false},
	{"2600::1", true},   {"2001:db8::1", false}, {"fd00::1", false},   {"fd00:1::1", false},
	{"4000::1", false},  {"192.0.0.9", true},    {"192.0.0.1", false},
};
/* 8.8.8.8 is on a link then, and 8.8.0.0/16 has both. */

static size_t places(struct place *ret, const struct nsn_intent *in)
{
	size_t n = 0;

	for (size_t t = 0; t < in->n_tenants; t++) {
		if (in->tenants[t].n_endpoints == 0)
			ret[n++] = (struct place){.tenant = t, .endpoint = SIZE_MAX};
		for (size_t e = 0; e < in->tenants[t].n_endpoints; e++)
			ret[n++] = (struct place){.tenant = t, .endpoint = e};
	}
	ret[n++] = (struct place){.tenant = SIZE_MAX, .endpoint = SIZE_MAX, .host = true};
	for (size_t i = 0; i < in->n_host; i++)
		ret[n++] = (struct place){
			.tenant = SIZE_MAX, .endpoint = SIZE_MAX, .host = true, .ip = in->host[i]};
	for (size_t i = 0; i < NSN_COUNT(addresses); i++) {
		struct place p = {.tenant = SIZE_MAX, .endpoint = SIZE_MAX};

		assert_int_equal(nsn_ip_parse(&p.ip, addresses[i].ip), 0);
		p.internet = addresses[i].global;
		for (size_t k = 0; k < in->n_links; k++)
			p.internet &= !nsn_prefix_has(&in->links[k], &p.ip);
		for (size_t k = 0; k < in->n_host; k++)
			p.host |= nsn_ip_cmp(&in->host[k], &p.ip) == 0;
		if (!p.host)
			ret[n++] = p;
	}
	return n;
}

/* Random ports are at most 9, or all; so these are all that can differ. */
static size_t numbers(struct number *ret)
{
	static const enum nsn_proto with[] = {NSN_PROTO_TCP, NSN_PROTO_UDP, NSN_PROTO_SCTP};
	size_t n = 0;

	for (size_t i = 0; i < 3; i++) {
		for (uint32_t port = 0; port <= 10; port++)
			ret[n++] = (struct number){with[i], port};
		ret[n++] = (struct number){with[i], 65535};
	}
	ret[n++] = (struct number){NSN_PROTO_ECHO, 0};
	ret[n++] = (struct number){NSN_PROTO_ICMP, 0};
	ret[n++] = (struct number){NSN_PROTO_ANY, 0};
	return n;
}

struct survey {
	size_t yes, no, self; /* of the flow's pairs and ports */
	bool explained;	      /* one of them is as the answer says */
};

/* One pair at all ports. */
static void survey_pair(struct survey *ret, const struct nsn_intent *in, const struct nsn_flow *f,
			const struct nsn_answer *a, const struct place *x, const struct place *y,
			bool can)
{
	const bool named = x->tenant == a->from_tenant && x->endpoint == a->from_endpoint &&
			   y->tenant == a->to_tenant && y->endpoint == a->to_endpoint;
	struct number nums[64];
	const size_t m = numbers(nums);

	for (size_t i = 0; i < m; i++) {
		struct judged j;

		if (!port_in(&nums[i], &f->ports))
			continue;
		j = judge(in, x, y, &nums[i], can);
		*(j.verdict == NSN_ALLOWED ? &ret->yes : &ret->no) += 1;
		if (named && j.verdict == a->verdict && j.reason == a->reason &&
		    (!a->policy || speaks_of(a->policy, x, y, &nums[i], in)))
			ret->explained = true;
	}
}

static void survey(struct survey *ret, const struct nsn_intent *in, const struct nsn_flow *f,
		   const struct nsn_answer *a, bool can)
{
	struct place all[64];
	const size_t n = places(all, in);

	*ret = (struct survey){0};
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; is_asked(&all[i], &f->from, in, can) && k < n; k++) {
			if (!is_asked(&all[k], &f->to, in, can))
				continue;
			if (all[i].tenant == SIZE_MAX && all[k].tenant == SIZE_MAX)
				continue;
			if (i == k)
				ret->self++;
			else
				survey_pair(ret, in, f, a, &all[i], &all[k], can);
		}
}

static void tell(const struct world *w, const char *text, bool can, const struct nsn_answer *a,
		 const struct survey *s)
{
	char from[NSN_PEER_STRLEN], to[NSN_PEER_STRLEN], ports[NSN_PORTS_STRLEN];

	for (size_t i = 0; i < w->intent.n_policies; i++) {
		const struct nsn_policy *p = &w->policies[i];

		for (size_t k = 0; k < p->n_from * p->n_to * p->n_ports; k++)
			print_message("%s%s %s %s -> %s\n", p->name, p->audit ? " (audit)" : "",
				      p->deny ? "deny" : "allow",
				      nsn_peer_str(&p->from[k % p->n_from], from),
				      nsn_peer_str(&p->to[k / p->n_from % p->n_to], to));
		for (size_t k = 0; k < p->n_ports; k++)
			print_message("   %s\n", nsn_ports_str(&p->ports[k], ports));
	}
	for (size_t i = 0; i < w->intent.n_quarantines; i++)
		print_message("quarantine %s\n", nsn_peer_str(&w->quarantines[i].who, from));
	fail_msg("%s %s: %s %s, but %zu may and %zu may not (%zu with itself)",
		 can ? "can" : "cannot", text, a->verdict == NSN_ALLOWED ? "yes" : "no",
		 reasons[a->reason], s->yes, s->no, s->self);
}

/* What must hold of an answer, and does; with what is on links known it is exact. */
static bool agrees(const struct survey *s, const struct nsn_flow *f, bool can,
		   const struct nsn_answer *a)
{
	if (s->yes + s->no > 0)
		return s->explained &&
		       a->verdict == ((can ? s->no == 0 : s->yes > 0) ? NSN_ALLOWED : NSN_DENIED);
	if (s->self == 0)
		return a->verdict == NSN_DENIED;
	/* An endpoint with itself; a tenant with one endpoint is in a table above. */
	return f->from.kind != NSN_PEER_ENDPOINT || f->to.kind != NSN_PEER_ENDPOINT ||
	       a->verdict == NSN_ALLOWED;
}

static long cases(long usual)
{
	if (getenv("NSNET_TEST_QUICK") || getenv("TEST_WRAPPER"))
		return usual / 20;
	return getenv("NSNET_TEST_FULL") ? usual * 20 : usual;
}

static void random_worlds_are_judged_alike(void **state)
{
	size_t yes = 0, no = 0;

	(void)state;
	srandom(4);
	for (long i = cases(3000); i > 0; i--) {
		struct world w;

		random_world(&w);
		for (size_t k = 0; k < 4; k++) {
			struct nsnet_err err = {0};
			const bool can = random() % 2;
			struct nsn_answer a;
			struct nsn_flow f;
			struct survey s;
			char text[256];
			int r;

			random_flow(text, sizeof(text));
			f = flow(text);
			r = nsn_intent_ask(&a, &w.intent, &f, can, &err);
			if (r < 0) {
				assert_int_equal(r, -EINVAL);
				assert_true(err.id == NSNET_E_UNKNOWN_PEER ||
					    err.id == NSNET_E_BAD_FLOW);
				continue;
			}
			survey(&s, &w.intent, &f, &a, can);
			if (!agrees(&s, &f, can, &a))
				tell(&w, text, can, &a, &s);
			*(a.verdict == NSN_ALLOWED ? &yes : &no) += 1;
		}
		end(&w);
	}
	/* Both happen, and often. */
	assert_true(yes * 10 > no && no * 10 > yes);
}

/* Without knowing the links an answer holds whatever they are. */
static void what_is_not_known_is_not_said(void **state)
{
	(void)state;
	srandom(5);
	for (long i = cases(1500); i > 0; i--) {
		struct nsn_answer a;
		struct nsn_flow f;
		struct survey s;
		struct world w;
		char text[256];
		bool can;

		random_world(&w);
		w.intent.links = NULL;
		w.intent.n_links = 0;
		w.intent.host = NULL;
		w.intent.n_host = 0;
		random_flow(text, sizeof(text));
		f = flow(text);
		can = random() % 2;
		if (nsn_intent_ask(&a, &w.intent, &f, can, NULL) == 0) {
			for (size_t k = 0; k < 4; k++) {
				w.intent.links = &a_link;
				w.intent.n_links = k % 2;
				/* Of `can` a network lies beyond the host, wherever that is. */
				w.intent.host = the_host;
				w.intent.n_host = k / 2 && !can ? NSN_COUNT(the_host) : 0;
				survey(&s, &w.intent, &f, &a, can);
				if (can ? a.verdict == NSN_ALLOWED && s.no > 0
					: a.verdict == NSN_DENIED && s.yes > 0)
					tell(&w, text, can, &a, &s);
			}
		}
		end(&w);
	}
}

/* ---- a large one ------------------------------------------------------------------------------
 */

#define TENANTS	  500
#define ENDPOINTS 10
#define POLICIES  1000

static void make_large(struct nsn_tenant *tenants, struct nsn_policy *policies)
{
	char from[64], to[64];

	for (size_t t = 0; t < TENANTS; t++) {
		(void)snprintf(tenants[t].name, NSN_NAME_MAX + 1, "tenant%zu", t);
		tenants[t].n_endpoints = ENDPOINTS;
		tenants[t].inside_deny = t % 2;
		tenants[t].endpoints = calloc(ENDPOINTS, sizeof(*tenants[t].endpoints));
		assert_non_null(tenants[t].endpoints);
		for (size_t e = 0; e < ENDPOINTS; e++)
			(void)snprintf(tenants[t].endpoints[e].name, NSN_NAME_MAX + 1, "e%zu", e);
	}
	for (size_t i = 0; i < POLICIES; i++) {
		struct nsn_policy *p = &policies[i];

		(void)snprintf(p->name, NSN_NAME_MAX + 1, "rule-%zu", i);
		p->from = calloc(1, sizeof(*p->from));
		p->to = calloc(1, sizeof(*p->to));
		p->ports = calloc(1, sizeof(*p->ports));
		assert_true(p->from && p->to && p->ports);
		p->n_from = p->n_to = p->n_ports = 1;
		(void)snprintf(from, sizeof(from), "tenant%zu/e%zu", i % TENANTS, i % 7);
		(void)snprintf(to, sizeof(to), "tenant%zu/e%zu", i * 7 % TENANTS, i % 10);
		p->deny = i % 10 == 0;
		p->from[0] = peer(i % 10 ? from : "tenants");
		p->to[0] = peer(i % 100 == 50 ? "10.0.0.0/8" : i % 10 ? to : "any");
		p->ports[0] = (struct nsn_ports){NSN_PROTO_TCP, (uint16_t)(i % 900 + 1), 1000};
	}
	/* So that none of all that is allowed may be, and nothing can be settled early. */
	policies[0].ports[0] = (struct nsn_ports){NSN_PROTO_TCP, 1, 500};
	policies[10].ports[0] = (struct nsn_ports){NSN_PROTO_TCP, 501, 1000};
}

static void a_large_world_is_asked_quickly(void **state)
{
	static const char *const flows[] = {
		"tenant1/e1 -> tenant7/e1 tcp/443",
		"tenant3 -> tenants",
		"tenants -> any",
		"any -> tenants tcp",
		"tenants -> tenants",
		"tenants -> internet",
	};
	struct nsn_tenant *tenants = calloc(TENANTS, sizeof(*tenants));
	struct nsn_policy *policies = calloc(POLICIES, sizeof(*policies));
	struct nsn_intent in = {.tenants = tenants,
				.n_tenants = TENANTS,
				.policies = policies,
				.n_policies = POLICIES};

	(void)state;
	assert_true(tenants && policies);
	make_large(tenants, policies);
	for (size_t i = 0; i < 2 * NSN_COUNT(flows); i++) {
		const struct nsn_flow f = flow(flows[i / 2]);
		struct nsn_answer a;
		clock_t start = clock();
		double seconds;

		assert_int_equal(nsn_intent_ask(&a, &in, &f, i % 2, NULL), 0);
		seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
		print_message("%s %s: %s, %.3f s\n", i % 2 ? "can" : "cannot", flows[i / 2],
			      reasons[a.reason], seconds);
		if (!getenv("NSNET_TEST_QUICK") && !getenv("TEST_WRAPPER"))
			assert_true(seconds < 2);
	}
	for (size_t i = 0; i < TENANTS; i++)
		nsn_tenant_clear(&tenants[i]);
	for (size_t i = 0; i < POLICIES; i++)
		nsn_policy_clear(&policies[i]);
	free(tenants);
	free(policies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_allows_is_denied),
		cmocka_unit_test(a_rule_is_for_those_who_open),
		cmocka_unit_test(deny_stands_above_allow_wherever_it_is),
		cmocka_unit_test(several_rules_cover_a_range_together),
		cmocka_unit_test(any_is_all_of_ip_and_icmp_is_not_only_echo),
		cmocka_unit_test(a_list_is_or_and_a_slash_narrows),
		cmocka_unit_test(a_tenant_talks_to_itself_unless_inside_is_deny),
		cmocka_unit_test(what_has_expired_or_audits_does_not_count),
		cmocka_unit_test(quarantine_closes_the_borders_of_a_tenant),
		cmocka_unit_test(quarantine_of_an_endpoint_is_for_its_neighbours_too),
		cmocka_unit_test(of_neighbours_something_is_kept_with_inside_deny_only),
		cmocka_unit_test(addresses_outside_are_split_where_rules_split_them),
		cmocka_unit_test(who_is_outside_comes_by_what_is_published),
		cmocka_unit_test(what_is_kept_has_to_be_published),
		cmocka_unit_test(an_address_of_the_host_is_the_host),
		cmocka_unit_test(an_answer_names_a_pair),
		cmocka_unit_test(who_is_not_there_is_an_error),
		cmocka_unit_test(random_worlds_are_judged_alike),
		cmocka_unit_test(what_is_not_known_is_not_said),
		cmocka_unit_test(a_large_world_is_asked_quickly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
