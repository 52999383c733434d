/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One packet that arrives, against what policy allows: who is right, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "../../lib/verify/proving.h"
#include "intent_world.h"

enum { AA, BB, CC };

struct court {
	struct world w;
	struct nsn_proving p;
};

static void address(struct nsn_tenant *t, uint8_t net)
{
	t->subnet = (struct nsn_prefix){{AF_INET, {10, 0, net, 0}}, 24};
	for (size_t k = 0; k < t->n_endpoints; k++) {
		t->endpoints[k].id = k + 1;
		t->endpoints[k].ip = (struct nsn_ip){AF_INET, {10, 0, net, (uint8_t)(2 + k)}};
	}
}

static int open_court(void **state)
{
	struct court *c = calloc(1, sizeof(*c));
	struct nsnet_err err = {0};

	assert_non_null(c);
	begin(&c->w);
	address(tenant(&c->w, "aa", "one two"), 1);
	address(tenant(&c->w, "bb", "default"), 2);
	address(tenant(&c->w, "cc", "one two"), 3);
	(void)rule(&c->w, "allow tcp/80,icmp/echo aa/one -> bb");
	(void)rule(&c->w, "allow udp/53 bb -> aa/one");
	(void)rule(&c->w, "allow tcp/22 aa -> cc/one");
	c->p.intent = &c->w.intent;
	assert_int_equal(nsn_space_open(&c->p.space, 1000000), 0);
	assert_int_equal(nsn_asked_new(&c->p.asked, &c->w.intent, &err), 0);
	*state = c;
	return 0;
}

static int close_court(void **state)
{
	struct court *c = *state;

	nsn_asked_free(c->p.asked);
	nsn_space_close(&c->p.space);
	end(&c->w);
	free(c);
	return 0;
}

static nsn_u128 ip(const char *text)
{
	struct in_addr a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	return ntohl(a.s_addr);
}

struct trial {
	size_t from, to, at; /* tenants, and the endpoint that it arrives at */
	enum nsn_ctstate state;
	unsigned int dir;
	const char *src, *dst;
	unsigned int proto, sport, dport;
	const char *osrc; /* translated: from this */
	const char *want; /* "", "fresh", "flow" */
};

#define ECHO	  (8 << 8)
#define REPLY	  0
#define UNREACHED (3 << 8)
#define NEW	  NSN_CT_NEW
#define LIVE	  NSN_CT_ESTABLISHED
#define ERROR	  NSN_CT_RELATED
#define INVALID	  NSN_CT_INVALID
#define UNTRACKED NSN_CT_UNTRACKED
#define ONE	  "10.0.1.2"
#define TWO	  "10.0.1.3"
#define B	  "10.0.2.2"
#define C_ONE	  "10.0.3.2"
#define C_TWO	  "10.0.3.3"

static const struct trial trials[] = {
	{AA, BB, 0, NEW, 0, ONE, B, 6, 999, 80, NULL, ""},
	{AA, BB, 0, NEW, 0, ONE, B, 6, 999, 81, NULL, "fresh"},
	{AA, BB, 0, NEW, 0, ONE, B, 17, 999, 80, NULL, "fresh"},
	{AA, BB, 0, NEW, 0, TWO, B, 6, 999, 80, NULL, "fresh"},
	{AA, BB, 0, NEW, 0, "10.0.3.2", B, 6, 999, 80, NULL, "fresh"},
	{AA, BB, 0, INVALID, 0, ONE, B, 6, 999, 80, NULL, ""},
	{AA, BB, 0, INVALID, 0, ONE, B, 17, 53, 999, NULL, "fresh"},
	{AA, BB, 0, UNTRACKED, 0, ONE, B, 17, 53, 999, NULL, "fresh"},
	/* Connections, by who opened them. */
	{AA, BB, 0, LIVE, 0, ONE, B, 6, 999, 80, NULL, ""},
	{AA, BB, 0, LIVE, 0, ONE, B, 6, 999, 81, NULL, "flow"},
	{AA, BB, 0, LIVE, 1, ONE, B, 17, 53, 999, NULL, ""},
	{AA, BB, 0, LIVE, 0, ONE, B, 17, 53, 999, NULL, "flow"},
	{AA, BB, 0, LIVE, 1, TWO, B, 17, 53, 999, NULL, "flow"},
	{AA, BB, 0, LIVE, 1, ONE, B, 6, 999, 80, NULL, "flow"},
	{BB, AA, 0, LIVE, 1, B, ONE, 6, 80, 999, NULL, ""},
	{BB, AA, 0, LIVE, 1, B, ONE, 6, 81, 999, NULL, "flow"},
	{BB, AA, 1, LIVE, 1, B, TWO, 6, 80, 999, NULL, "flow"},
	{BB, AA, 0, NEW, 0, B, ONE, 6, 80, 999, NULL, "fresh"},
	/* Echoes. */
	{AA, BB, 0, NEW, 0, ONE, B, 1, ECHO, 7, NULL, ""},
	{AA, BB, 0, NEW, 0, ONE, B, 1, 13 << 8, 7, NULL, "fresh"},
	{BB, AA, 0, LIVE, 1, B, ONE, 1, REPLY, 7, NULL, ""},
	{BB, AA, 0, LIVE, 1, B, ONE, 1, ECHO, 7, NULL, "flow"},
	{BB, AA, 0, NEW, 0, B, ONE, 1, ECHO, 7, NULL, "fresh"},
	/* Errors about something that is allowed, from whoever is on the way. */
	{AA, BB, 0, ERROR, 0, "10.0.1.1", B, 1, UNREACHED, 7, NULL, ""},
	{BB, AA, 0, ERROR, 1, B, ONE, 1, UNREACHED, 7, NULL, ""},
	{BB, AA, 1, ERROR, 1, B, TWO, 1, UNREACHED, 7, NULL, "flow"},
	/* What a helper expects is no error. */
	{AA, BB, 0, ERROR, 0, ONE, B, 6, 20, 999, NULL, "fresh"},
	/* By the source that it has, not the one that it shows. */
	{AA, BB, 0, NEW, 0, "100.127.0.1", B, 6, 999, 80, ONE, ""},
	{AA, BB, 0, NEW, 0, ONE, B, 6, 999, 80, TWO, "fresh"},
	{AA, BB, 0, LIVE, 0, ONE, B, 6, 999, 80, TWO, "flow"},
	/* Policy about a tenant does not tell its addresses apart; about an endpoint, it does. */
	{AA, BB, 0, NEW, 0, ONE, "10.0.2.99", 6, 999, 80, NULL, ""},
	{AA, CC, 0, NEW, 0, TWO, C_ONE, 6, 999, 22, NULL, ""},
	{AA, CC, 1, NEW, 0, TWO, C_TWO, 6, 999, 22, NULL, "fresh"},
	{AA, CC, 1, NEW, 0, TWO, C_ONE, 6, 999, 22, NULL, "fresh"},
	{AA, CC, 1, LIVE, 0, TWO, C_ONE, 6, 999, 22, NULL, "flow"},
	{AA, CC, SIZE_MAX, NEW, 0, TWO, C_ONE, 6, 999, 22, NULL, "fresh"},
	{BB, CC, 0, NEW, 0, B, C_ONE, 6, 999, 22, NULL, "fresh"},
};

static nsn_set_t packet(struct nsn_space *s, const struct trial *t)
{
	nsn_set_t x =
		nsn_and(s, nsn_is(s, NSN_F_CTSTATE, t->state), nsn_is(s, NSN_F_CTDIR, t->dir));

	x = nsn_and(s, x, nsn_is(s, NSN_F_SRC, ip(t->src)));
	x = nsn_and(s, x, nsn_is(s, NSN_F_DST, ip(t->dst)));
	x = nsn_and(s, x, nsn_is(s, NSN_F_PROTO, t->proto));
	x = nsn_and(s, x, nsn_is(s, NSN_F_SPORT, t->sport));
	x = nsn_and(s, x, nsn_is(s, NSN_F_DPORT, t->dport));
	x = nsn_and(s, x, nsn_is(s, NSN_F_FIRST, t->osrc ? 1 : 0));
	return t->osrc ? nsn_and(s, x, nsn_is(s, NSN_F_OSRC, ip(t->osrc))) : x;
}

static void each_packet_is_judged(void **state)
{
	struct court *c = *state;
	struct nsn_space *s = &c->p.space;

	if (sigsetjmp(s->out, 0) != 0)
		fail_msg("%s", s->why);
	for (size_t i = 0; i < NSN_COUNT(trials); i++) {
		const struct trial *t = &trials[i];
		const struct nsn_tenant *to = &c->w.tenants[t->to];
		struct nsn_allowed may;
		struct nsn_excess over;
		const char *got;
		nsn_set_t home = t->at == SIZE_MAX ? nsn_none(s)
						   : nsn_own_addresses(s, &to->endpoints[t->at],
								       AF_INET, NSN_F_DST);

		nsn_allow(&c->p, t->from, t->to, AF_INET, &may);
		nsn_judge_flow(&c->p, &may, packet(s, t), home, &over);
		got = !nsn_empty(over.fresh) ? "fresh" : !nsn_empty(over.flow) ? "flow" : "";
		if (strcmp(got, t->want) != 0)
			fail_msg("trial %zu: '%s', not '%s'", i, got, t->want);
	}
}

/* All packets at once: what is over is all but what is allowed. */
static void a_set_is_judged_as_its_packets(void **state)
{
	struct court *c = *state;
	struct nsn_space *s = &c->p.space;
	struct nsn_allowed may;
	struct nsn_excess over;
	nsn_set_t all, home;

	if (sigsetjmp(s->out, 0) != 0)
		fail_msg("%s", s->why);
	all = nsn_is(s, NSN_F_FIRST, 0);
	home = nsn_own_addresses(s, &c->w.tenants[BB].endpoints[0], AF_INET, NSN_F_DST);
	nsn_allow(&c->p, AA, BB, AF_INET, &may);
	nsn_judge_flow(&c->p, &may, all, home, &over);
	for (size_t i = 0; i < NSN_COUNT(trials); i++) {
		const struct trial *t = &trials[i];
		const bool in = nsn_within(s, packet(s, t), nsn_or(s, over.fresh, over.flow));

		if (t->from == AA && t->to == BB && !t->osrc && in != (*t->want != '\0'))
			fail_msg("trial %zu", i);
	}
	/* IPv6 has no address here, so nothing of it may be. */
	nsn_allow(&c->p, AA, BB, AF_INET6, &may);
	nsn_judge_flow(&c->p, &may, all, nsn_none(s), &over);
	assert_true(nsn_within(s, all, nsn_or(s, over.fresh, over.flow)));
}

/* Within a tenant where anybody may all, there is nothing to judge. */
static void within_a_tenant_all_may_be(void **state)
{
	struct court *c = *state;
	struct nsn_space *s = &c->p.space;
	struct nsn_allowed may;

	if (sigsetjmp(s->out, 0) != 0)
		fail_msg("%s", s->why);
	nsn_allow(&c->p, AA, AA, AF_INET, &may);
	assert_true(may.all);
	nsn_allow(&c->p, AA, BB, AF_INET, &may);
	assert_false(may.all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_packet_is_judged, open_court, close_court),
		cmocka_unit_test_setup_teardown(a_set_is_judged_as_its_packets, open_court,
						close_court),
		cmocka_unit_test_setup_teardown(within_a_tenant_all_may_be, open_court,
						close_court),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
