/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wanted, as text and back: nothing is lost, and every question has the same answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "../../lib/policytext.h"
#include "intent_world.h"

struct back {
	struct nsn_policy_set set;
	struct nsn_intent intent;
};

/* A file has no words for a tenant without endpoints. */
static void complete(struct nsn_tenant *t)
{
	for (size_t i = t->n_endpoints; i-- > 0;)
		if (!t->endpoints[i].ip.family)
			nsn_tenant_endpoint_del(t, i);
}

static int read_back(struct back *b, const char *text, int64_t now, const struct nsn_intent *was)
{
	struct nsnet_err err = {0};
	int r;

	*b = (struct back){0};
	r = nsn_policytext_read(text, now, &b->set, &err);
	if (r < 0) {
		assert_int_equal(r, -EINVAL);
		assert_int_equal(err.id, NSNET_E_BAD_SNAPSHOT);
		nsn_policy_set_clear(&b->set);
		return r;
	}
	for (size_t i = 0; i < b->set.n_tenants; i++)
		complete(&b->set.tenants[i]);
	b->intent = (struct nsn_intent){.tenants = b->set.tenants,
					.n_tenants = b->set.n_tenants,
					.policies = b->set.policies,
					.n_policies = b->set.n_policies,
					.quarantines = b->set.quarantines,
					.n_quarantines = b->set.n_quarantines,
					.now = now,
					.links = was->links,
					.n_links = was->n_links,
					.host = was->host,
					.n_host = was->n_host};
	return 0;
}

static char *make(const struct nsn_intent *intent)
{
	char *text = NULL;

	assert_int_equal(nsn_policytext_make(intent, &text, NULL), 0);
	return text;
}

static size_t lines(const char *text)
{
	size_t n = 0, len;

	for (; *text; n++) {
		len = strcspn(text, "\n");
		assert_true(len < 1024 * 1024);
		text += len + (text[len] == '\n');
	}
	return n;
}

/* Addresses as the store would have given them. */
static void address(struct nsn_tenant *t, unsigned int i, bool six)
{
	const uint8_t a = (uint8_t)(i >> 8), b = (uint8_t)i;

	t->subnet = (struct nsn_prefix){{AF_INET, {10, a, b, 0}}, 24};
	t->gateway = (struct nsn_ip){AF_INET, {10, a, b, 1}};
	if (six)
		t->subnet6 = (struct nsn_prefix){{AF_INET6, {0xfd, 0, a, b}}, 64};
	for (size_t k = 0; k < t->n_endpoints; k++) {
		t->endpoints[k].ip = (struct nsn_ip){AF_INET, {10, a, b, (uint8_t)(2 + k)}};
		if (six)
			t->endpoints[k].ip6 =
				(struct nsn_ip){AF_INET6, {0xfd, 0, a, b, [15] = (uint8_t)(2 + k)}};
	}
}

static void say(char *to, const char *text)
{
	(void)snprintf(to, NSN_TEXT_MAX + 1, "%s", text);
}

/* ---- all that the language has ---------------------------------------------------------- */

static const char odd[] = "because of \"quotes\", a \\ and \\\\, \xc3\xa9\xe2\x82\xac, {}: # - 'x'";

static void all_of_it(struct world *w)
{
	struct nsn_quarantine *q;
	struct nsn_policy *p;

	begin(w);
	address(tenant(w, "aa", "one two"), 1, true);
	address(tenant(w, "bb", "default"), 2, false);
	address(tenant(w, "cc", ""), 3, true);
	w->tenants[0].inside_deny = true;
	label(&w->tenants[0], "x");
	label(&w->tenants[1], "y");
	p = rule(w, "allow tcp/80,udp/53,sctp/1-9 aa,bb/default -> cc,label:tier=y");
	say(p->because, odd);
	say(p->owner, "\\");
	p->log = NSN_LOG_NEW;
	p = rule(w, "allow icmp/echo,icmp,any tenants -> aa/one");
	say(p->because, "\"");
	p->expires = NOW - 1;
	p = rule(w, "allow tcp/443 internet,2001:db8::/32 -> aa/one");
	say(p->because, "shop");
	assert_int_equal(nsn_publish_parse(&p->publish, "[2001:db8::10]:8443", NULL), 0);
	p = rule(w, "allow tcp/80 host -> aa/one");
	say(p->because, "of the host");
	assert_int_equal(nsn_publish_parse(&p->publish, "127.0.0.1:8080", NULL), 0);
	p = rule(w, "allow tcp label:tier=x -> internet,host,192.0.2.0/24,8.8.8.8");
	say(p->because, "-");
	p->expires = NOW + 1;
	p->log = NSN_LOG_ALL;
	p = rule(w, "deny udp aa/two -> bb");
	p->audit = true;
	say(p->because, "x");
	p = rule(w, "deny tcp/22 any -> bb");
	say(p->because, "y");
	p = rule(w, "allow udp/53 aa -> 9.9.9.9");
	say(p->because, "names");
	p->implied = true;
	p = rule(w, "allow tcp/53 aa -> 9.9.9.9");
	say(p->because, "names");
	p->implied = true;
	q = quarantine(w, "bb");
	say(q->because, odd);
	keep(q, "aa -> bb tcp/22");
	keep(q, "aa/one -> bb/default");
	say(quarantine(w, "label:tier=x")->because, "z");
	say(quarantine(w, "aa/two")->because, "z");
}

static void nothing_is_lost(void **state)
{
	struct world w;
	struct back b;
	char *text, *again;

	(void)state;
	all_of_it(&w);
	text = make(&w.intent);
	assert_int_equal(read_back(&b, text, NOW, &w.intent), 0);
	assert_int_equal(b.intent.n_tenants, 3);
	assert_int_equal(b.intent.n_policies, 9);
	assert_int_equal(b.intent.n_quarantines, 3);
	assert_string_equal(b.intent.policies[0].because, odd);
	assert_int_equal(b.intent.policies[1].expires, NOW - 1);
	assert_true(b.intent.policies[5].audit);
	for (size_t i = 0; i < b.intent.n_policies; i++) {
		assert_true(
			nsn_publish_same(&b.intent.policies[i].publish, &w.policies[i].publish));
		assert_int_equal(b.intent.policies[i].implied, i >= 7);
	}
	assert_int_equal(b.intent.tenants[2].n_endpoints, 0);
	again = make(&b.intent);
	assert_string_equal(text, again);
	free(text);
	free(again);
	nsn_policy_set_clear(&b.set);
	end(&w);
}

/* Whoever reads it makes the rule that follows from `dns` with the tenant, and not twice. */
static void what_follows_from_dns_is_known_again(void **state)
{
	struct nsn_policy *p;
	struct world w;
	struct back b;
	char *text;

	(void)state;
	begin(&w);
	address(tenant(&w, "aa", "one"), 1, true);
	address(tenant(&w, "bb", "default dns"), 2, true);
	assert_int_equal(nsn_dns_parse(&w.tenants[0].dns, "bb/dns", NULL), 0);
	p = rule(&w, "allow udp/53,tcp/53 aa -> bb/dns");
	say(p->because, "said");
	p = rule(&w, "allow udp/53,tcp/53 aa -> bb/dns");
	say(p->because, "dns of aa");
	p->implied = true;
	p = rule(&w, "allow udp/53,tcp/53 aa -> bb");
	say(p->because, "dns of aa");
	text = make(&w.intent);
	assert_int_equal(read_back(&b, text, NOW, &w.intent), 0);
	assert_int_equal(b.intent.tenants[0].dns.kind, NSN_DNS_ENDPOINT);
	assert_string_equal(b.intent.tenants[0].dns.endpoint, "dns");
	assert_int_equal(b.intent.n_policies, 3);
	/* It comes with its tenant, behind those that somebody wrote. */
	for (size_t i = 0; i < b.intent.n_policies; i++)
		assert_int_equal(b.intent.policies[i].implied, i == 2);
	assert_string_equal(b.intent.policies[2].because, "dns of aa");
	assert_string_equal(b.intent.policies[2].to[0].endpoint, "dns");
	free(text);
	nsn_policy_set_clear(&b.set);
	end(&w);
}

/* ---- the same answers --------------------------------------------------------------------- */

static void same_answer(const struct nsn_intent *x, const struct nsn_intent *y)
{
	struct nsnet_err err = {0};
	struct nsn_answer a, b;
	struct nsn_flow f;
	char text[256];
	bool can = random() % 2;
	int r;

	random_flow(text, sizeof(text));
	if (nsn_flow_parse(&f, text, &err) < 0)
		return;
	r = nsn_intent_ask(&a, x, &f, can, &err);
	assert_int_equal(nsn_intent_ask(&b, y, &f, can, &err), r);
	if (r < 0)
		return;
	if (a.verdict != b.verdict || a.reason != b.reason || !a.policy != !b.policy ||
	    (a.policy && strcmp(a.policy->name, b.policy->name) != 0))
		fail_msg("%s: not the same answer", text);
}

static void every_question_has_the_same_answer(void **state)
{
	size_t good = 0;

	(void)state;
	srandom(7);
	for (size_t i = 0; i < 600; i++) {
		struct world w;
		struct back b;
		char *text;

		random_world(&w);
		for (size_t k = 0; k < w.intent.n_tenants; k++)
			address(&w.tenants[k], (unsigned int)k, random() % 2);
		for (size_t k = 0; k < w.intent.n_policies; k++) {
			say(w.policies[k].because, "x");
			/* Few of what a random one publishes would be taken. */
			w.policies[k].deny |= from_outside(&w.policies[k]);
			w.policies[k].publish = (struct nsn_publish){0};
		}
		for (size_t k = 0; k < w.intent.n_quarantines; k++)
			say(w.quarantines[k].because, "x");
		text = make(&w.intent);
		/* What names somebody who is not there is refused. */
		if (read_back(&b, text, NOW, &w.intent) == 0) {
			good++;
			for (size_t k = 0; k < 40; k++)
				same_answer(&w.intent, &b.intent);
			nsn_policy_set_clear(&b.set);
		}
		free(text);
		end(&w);
	}
	if (good < 100)
		fail_msg("only %zu of 600 could be read back", good);
}

/* ---- more than a file may have ------------------------------------------------------------- */

#define MANY 9000

static void many_tenants_are_many_lines(void **state)
{
	struct nsn_tenant *list = calloc(MANY, sizeof(*list));
	struct nsn_endpoint *ends = calloc(MANY, sizeof(*ends));
	struct nsn_intent intent = {.tenants = list, .n_tenants = MANY, .now = NOW};
	struct back b;
	char *text;

	(void)state;
	assert_true(list && ends);
	for (unsigned int i = 0; i < MANY; i++) {
		(void)snprintf(list[i].name, sizeof(list[i].name), "tenant-%u", i);
		(void)snprintf(ends[i].name, sizeof(ends[i].name), "default");
		list[i].endpoints = &ends[i];
		list[i].n_endpoints = 1;
		address(&list[i], i, true);
	}
	text = make(&intent);
	assert_true(strlen(text) > 1024 * 1024);
	assert_true(lines(text) > 1);
	assert_int_equal(read_back(&b, text, NOW, &intent), 0);
	assert_int_equal(b.intent.n_tenants, MANY);
	nsn_policy_set_clear(&b.set);
	free(text);
	free(list);
	free(ends);
}

static void what_is_no_such_text_is_refused(void **state)
{
	static const char *const bad[] = {"x", "{", "{\"nsnet\": 1, \"tenants\": {", "{\"a\": 1}\n",
					  "{\"nsnet\": 1, \"rules\": [{\"name\": \"r\"}]}\n"};
	const struct nsn_intent none = {0};
	struct back b;

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad); i++)
		assert_int_equal(read_back(&b, bad[i], NOW, &none), -EINVAL);
	assert_int_equal(read_back(&b, "", NOW, &none), 0);
	assert_int_equal(b.intent.n_tenants, 0);
	nsn_policy_set_clear(&b.set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost),
		cmocka_unit_test(what_follows_from_dns_is_known_again),
		cmocka_unit_test(every_question_has_the_same_answer),
		cmocka_unit_test(many_tenants_are_many_lines),
		cmocka_unit_test(what_is_no_such_text_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
