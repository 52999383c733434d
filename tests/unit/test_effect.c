/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a change opens and closes: by hand, and random changes against the question that
 * `expect:` asks, for each pair of endpoints and each port one by one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../lib/model/effect.h"
#include "intent_world.h"

/* "+ a -> b tcp/1,udp/2" by lines */
static char *told(const struct world *before, const struct world *after)
{
	struct nsn_effect e = {0};
	char *text = NULL;
	size_t size = 0, opens = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_int_equal(nsn_effect_make(&e, &before->intent, &after->intent, NULL), 0);
	for (size_t i = 0; i < e.n; i++) {
		const struct nsn_effect_line *l = &e.lines[i];

		opens += l->opens;
		(void)fprintf(to, "%c %s -> %s ", l->opens ? '+' : '-', l->from, l->to);
		for (size_t k = 0; k < l->n_ports; k++)
			(void)fprintf(to, "%s%s", k ? "," : "", l->ports[k]);
		(void)fputc('\n', to);
	}
	assert_int_equal(e.n_open, opens);
	assert_int_equal(e.n_close, e.n - opens);
	assert_int_equal(fclose(to), 0);
	nsn_effect_clear(&e);
	return text;
}

static void expect_told(const struct world *before, const struct world *after, const char *want)
{
	char *text = told(before, after);

	assert_string_equal(text, want);
	free(text);
}

static void two_tenants(struct world *w)
{
	begin(w);
	tenant(w, "aa", "one two three");
	tenant(w, "bb", "one two");
}

/* ---- by hand ------------------------------------------------------------------------ */

static void a_rule_opens_and_its_end_closes(void **state)
{
	struct world none, some;

	(void)state;
	two_tenants(&none);
	two_tenants(&some);
	rule(&some, "allow tcp/443,udp/53 aa -> bb");
	expect_told(&none, &some, "+ aa -> bb tcp/443,udp/53\n");
	expect_told(&some, &none, "- aa -> bb tcp/443,udp/53\n");
	expect_told(&some, &some, "");
	end(&none);
	end(&some);
}

static void who_is_named_alone_is_told_alone(void **state)
{
	struct world none, some;

	(void)state;
	two_tenants(&none);
	two_tenants(&some);
	rule(&some, "allow tcp/443 aa -> bb/two");
	rule(&some, "deny tcp/443 aa/two -> bb");
	rule(&some, "allow tcp/80 aa/two -> bb/two");
	expect_told(&none, &some, "+ aa (others) -> bb/two tcp/443\n+ aa/two -> bb/two tcp/80\n");
	end(&none);
	end(&some);
}

static void only_what_differs_is_told(void **state)
{
	struct world old, now;

	(void)state;
	two_tenants(&old);
	two_tenants(&now);
	rule(&old, "allow tcp/10-20 aa -> bb");
	rule(&now, "allow tcp/15-30 aa -> bb");
	rule(&now, "allow icmp aa -> bb");
	expect_told(&old, &now, "+ aa -> bb tcp/21-30,icmp\n- aa -> bb tcp/10-14\n");
	/* What is allowed by another rule is no change. */
	rule(&now, "allow any aa -> bb");
	rule(&old, "allow any tenants -> tenants");
	expect_told(&old, &now, "- bb -> aa any\n");
	end(&old);
	end(&now);
}

static void quarantine_and_denials_close(void **state)
{
	struct world old, now;

	(void)state;
	two_tenants(&old);
	two_tenants(&now);
	rule(&old, "allow any aa -> bb");
	rule(&now, "allow any aa -> bb");
	rule(&now, "deny tcp/1-65535 aa/one -> bb");
	expect_told(&old, &now, "- aa/one -> bb tcp\n");
	keep(quarantine(&now, "bb"), "aa/two -> bb/one tcp/22");
	expect_told(&old, &now,
		    "- aa/three -> bb/two any\n- aa/three -> bb/one any\n"
		    "- aa/one -> bb/two any\n- aa/one -> bb/one any\n"
		    "- aa/two -> bb/two any\n"
		    "- aa/two -> bb/one tcp/1-21,tcp/23-65535,udp,sctp,icmp,other protocols\n");
	end(&old);
	end(&now);
}

static void inside_is_told_of_who_was_there(void **state)
{
	struct world old, now;

	(void)state;
	two_tenants(&old);
	two_tenants(&now);
	tenant(&now, "cc", "one two");
	now.tenants[0].inside_deny = true;
	expect_told(&old, &now, "- aa -> aa any\n");
	/* An endpoint more is news, a tenant more is not. */
	tenant(&old, "cc", "one");
	expect_told(&old, &now, "+ cc/one -> cc/two any\n+ cc/two -> cc/one any\n- aa -> aa any\n");
	end(&old);
	end(&now);
}

/* ---- random changes ------------------------------------------------------------------------ */

/* May the endpoints talk at the port? Who is not there may not. */
static bool may(const struct world *w, const char *from, const char *to, const char *ports)
{
	char text[256];
	struct nsn_answer a = {0};
	struct nsnet_err err = {0};
	struct nsn_flow f;

	(void)snprintf(text, sizeof(text), "%s -> %s %s", from, to, ports);
	f = flow(text);
	if (nsn_intent_ask(&a, &w->intent, &f, true, &err) < 0) {
		assert_int_equal(err.id, NSNET_E_UNKNOWN_PEER);
		return false;
	}
	return a.verdict == NSN_ALLOWED;
}

static bool named_in(const struct world *w, const char *who)
{
	const struct nsn_intent *in = &w->intent;
	const struct nsn_peer p = peer(who);
	bool is = false;

	for (size_t i = 0; i < in->n_policies; i++) {
		for (size_t k = 0; k < in->policies[i].n_from; k++)
			is |= nsn_peer_same(&in->policies[i].from[k], &p);
		for (size_t k = 0; k < in->policies[i].n_to; k++)
			is |= nsn_peer_same(&in->policies[i].to[k], &p);
	}
	for (size_t i = 0; i < in->n_quarantines; i++) {
		is |= nsn_peer_same(&in->quarantines[i].who, &p);
		for (size_t k = 0; k < in->quarantines[i].n_keep; k++)
			is |= nsn_peer_same(&in->quarantines[i].keep[k].from, &p) ||
			      nsn_peer_same(&in->quarantines[i].keep[k].to, &p);
	}
	return is;
}

static bool there(const struct world *w, const char *who)
{
	const struct nsn_peer p = peer(who);

	for (size_t i = 0; i < w->intent.n_tenants; i++)
		if (strcmp(w->tenants[i].name, p.tenant) == 0)
			return nsn_tenant_endpoint(&w->tenants[i], p.endpoint);
	return false;
}

static bool covers(const struct world *a, const struct world *b, const char *text, const char *who)
{
	const size_t n = strcspn(who, "/");

	if (strcmp(text, who) == 0)
		return true;
	if (strncmp(text, who, n) != 0)
		return false;
	if (strcmp(text + n, " (others)") == 0)
		return !named_in(a, who) && !named_in(b, who) && there(a, who) == there(b, who);
	return text[n] == '\0';
}

static bool has_port(const struct nsn_effect_line *l, const char *port)
{
	char *slash = strchr(port, '/');
	unsigned long n = slash ? strtoul(slash + 1, NULL, 10) : 0;

	for (size_t i = 0; i < l->n_ports; i++) {
		const char *at = strchr(l->ports[i], '/');
		size_t proto = at ? (size_t)(at - l->ports[i]) : strlen(l->ports[i]);

		if (strcmp(l->ports[i], "any") == 0 || strcmp(l->ports[i], port) == 0)
			return true;
		if (strncmp(l->ports[i], port, proto) != 0)
			continue;
		if (!at)
			return port[proto] == '/';
		if (n > 0 || strncmp(port, "icmp", 4) != 0) {
			char *end;
			unsigned long first = strtoul(at + 1, &end, 10), last = first;

			if (*end == '-')
				last = strtoul(end + 1, NULL, 10);
			if (port[proto] == '/' && n >= first && n <= last)
				return true;
		}
	}
	return false;
}

static size_t lines_with(const struct nsn_effect *e, const struct world *a, const struct world *b,
			 bool opens, const char *from, const char *to, const char *port)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++)
		n += e->lines[i].opens == opens && covers(a, b, e->lines[i].from, from) &&
		     covers(a, b, e->lines[i].to, to) && has_port(&e->lines[i], port);
	return n;
}

static void random_changes_are_told_exactly(void **state)
{
	static const char *const whos[] = {"aa/one", "aa/two",	 "aa/three", "bb/one",
					   "bb/two", "bb/three", "cc/one",   "cc/two"};
	static const char *const ports[] = {"tcp/1", "tcp/3",  "tcp/5",	    "tcp/9",	"tcp/10",
					    "udp/2", "sctp/7", "icmp/echo", "tcp/65535"};
	size_t changes = 0, same = 0;

	(void)state;
	srandom(20261122);
	for (int i = 0; i < 400; i++) {
		struct world old, now;
		struct nsn_effect e = {0};

		random_world(&old);
		random_world(&now);
		assert_int_equal(nsn_effect_make(&e, &old.intent, &now.intent, NULL), 0);
		for (size_t a = 0; a < NSN_COUNT(whos); a++)
			for (size_t b = 0; b < NSN_COUNT(whos); b++)
				for (size_t p = 0; a != b && p < NSN_COUNT(ports); p++) {
					bool was = may(&old, whos[a], whos[b], ports[p]);
					bool is = may(&now, whos[a], whos[b], ports[p]);
					size_t up = lines_with(&e, &old, &now, true, whos[a],
							       whos[b], ports[p]);
					size_t down = lines_with(&e, &old, &now, false, whos[a],
								 whos[b], ports[p]);

					if (!there(&old, whos[a]) || !there(&now, whos[a]) ||
					    !there(&old, whos[b]) || !there(&now, whos[b])) {
						/* Of a whole that is not all there. */
						assert_true(up >= (is && !was));
						assert_true(down >= (was && !is));
						continue;
					}
					if (up != (is && !was) || down != (was && !is))
						fail_msg("%d: %s -> %s %s was %d is %d: told +%zu "
							 "-%zu",
							 i, whos[a], whos[b], ports[p], was, is, up,
							 down);
					changes += was != is;
					same += was == is;
				}
		nsn_effect_clear(&e);
		end(&old);
		end(&now);
	}
	/* Both kinds have been seen, or nothing was shown. */
	assert_true(changes > 1000);
	assert_true(same > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_opens_and_its_end_closes),
		cmocka_unit_test(who_is_named_alone_is_told_alone),
		cmocka_unit_test(only_what_differs_is_told),
		cmocka_unit_test(quarantine_and_denials_close),
		cmocka_unit_test(inside_is_told_of_who_was_there),
		cmocka_unit_test(random_changes_are_told_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
