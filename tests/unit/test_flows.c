/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies as boxes: no two overlap, and each packet finds the verdict that counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/compile/flows.h"

/* ---- a small world ------------------------------------------------------------------ */

enum { TENANTS = 3, ENDPOINTS = 4, POLICIES = 8 };

struct lot {
	struct nsn_tenant tenants[TENANTS];
	struct nsn_endpoint endpoints[TENANTS][ENDPOINTS];
	struct nsn_label labels[TENANTS];
	struct nsn_policy policies[POLICIES];
	struct nsn_peer peers[POLICIES][4];
	struct nsn_ports ports[POLICIES][2];
	struct nsn_quarantine quarantines[2];
	struct nsn_flow keep[2];
	struct nsn_intent intent;
};

static struct nsn_prefix prefix(const char *text)
{
	struct nsn_prefix p;

	assert_int_equal(nsn_prefix_parse(&p, text), 0);
	return p;
}

static void fill(struct lot *lot)
{
	char text[64];
	size_t t, e;

	*lot = (struct lot){0};
	for (t = 0; t < TENANTS; t++) {
		struct nsn_tenant *to = &lot->tenants[t];

		(void)snprintf(to->name, sizeof(to->name), "tenant%zu", t);
		/* Both ends of a subnet are endpoints' here, and of the family, too. */
		(void)snprintf(text, sizeof(text), "%s/29",
			       t == 2 ? "255.255.255.248"
			       : t    ? "10.1.0.8"
				      : "0.0.0.0");
		to->subnet = prefix(text);
		(void)snprintf(text, sizeof(text), "fd00:%zu::/125", t);
		to->subnet6 = prefix(text);
		to->endpoints = lot->endpoints[t];
		to->n_endpoints = ENDPOINTS;
		to->inside_deny = true;
		lot->labels[t] = (struct nsn_label){"odd", ""};
		(void)snprintf(lot->labels[t].value, NSN_LABEL_MAX, "%s", t % 2 ? "yes" : "no");
		to->labels = &lot->labels[t];
		to->n_labels = 1;
		for (e = 0; e < ENDPOINTS; e++) {
			struct nsn_endpoint *to_e = &lot->endpoints[t][e];
			static const uint64_t places[ENDPOINTS] = {0, 3, 4, 7};

			to_e->id = t * ENDPOINTS + e + 1;
			(void)snprintf(to_e->name, sizeof(to_e->name), "end%zu", e);
			to_e->ip = nsn_ip_add(&to->subnet.ip, places[e]);
			to_e->ip6 = nsn_ip_add(&to->subnet6.ip, places[e]);
		}
	}
	lot->intent.tenants = lot->tenants;
	lot->intent.n_tenants = TENANTS;
	lot->intent.policies = lot->policies;
	lot->intent.now = 1000;
}

static uint32_t seed;
static unsigned int pick(unsigned int below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 16) % below;
}

static struct nsn_peer any_peer(void)
{
	struct nsn_peer p = {0};

	(void)snprintf(p.tenant, sizeof(p.tenant), "tenant%u", pick(TENANTS));
	switch (pick(6)) {
	case 0:
		p.kind = NSN_PEER_TENANT;
		break;
	case 1:
		p.kind = NSN_PEER_TENANTS;
		break;
	case 2:
		p.kind = NSN_PEER_LABEL;
		p.label = (struct nsn_label){"odd", "yes"};
		break;
	default:
		p.kind = NSN_PEER_ENDPOINT;
		(void)snprintf(p.endpoint, sizeof(p.endpoint), "end%u", pick(ENDPOINTS));
	}
	return p;
}

static struct nsn_ports any_ports(void)
{
	struct nsn_ports p = {.proto = (enum nsn_proto)pick(6)};

	if (p.proto == NSN_PROTO_TCP || p.proto == NSN_PROTO_UDP || p.proto == NSN_PROTO_SCTP) {
		static const uint16_t edges[] = {0, 1, 80, 443, 8000, 65534, 65535};
		uint16_t a = edges[pick(7)], b = edges[pick(7)];

		p.first = a < b ? a : b;
		p.last = a < b ? b : a;
	}
	return p;
}

static void any_lot(struct lot *lot)
{
	size_t i;

	fill(lot);
	lot->intent.n_policies = pick(POLICIES + 1);
	for (i = 0; i < lot->intent.n_policies; i++) {
		struct nsn_policy *p = &lot->policies[i];

		p->number = (uint32_t)i + 1;
		p->deny = pick(3) == 0;
		p->audit = pick(10) == 0;
		p->expires = pick(10) == 0 ? 1000 : pick(10) == 0 ? 1001 : 0;
		p->from = lot->peers[i];
		p->n_from = 1 + pick(2);
		p->to = lot->peers[i] + 2;
		p->n_to = 1 + pick(2);
		p->ports = lot->ports[i];
		p->n_ports = 1 + pick(2);
		lot->peers[i][0] = any_peer();
		lot->peers[i][1] = any_peer();
		lot->peers[i][2] = any_peer();
		lot->peers[i][3] = any_peer();
		lot->ports[i][0] = any_ports();
		lot->ports[i][1] = any_ports();
	}
	lot->intent.quarantines = lot->quarantines;
	lot->intent.n_quarantines = pick(3) ? 0 : 1 + pick(2);
	for (i = 0; i < lot->intent.n_quarantines; i++) {
		struct nsn_quarantine *q = &lot->quarantines[i];

		do {
			q->who = any_peer();
		} while (q->who.kind == NSN_PEER_TENANTS);
		lot->keep[i] = (struct nsn_flow){any_peer(), any_peer(), any_ports()};
		q->keep = &lot->keep[i];
		q->n_keep = pick(3) ? 1 : 0;
	}
}

/* ---- what is right, by going through all of it ---------------------------------------- */

struct packet {
	size_t from_t, from_e, to_t, to_e;
	uint8_t proto;
	uint16_t port; /* or type */
};

static bool matches(const struct lot *lot, const struct nsn_peer *p, size_t t, size_t e)
{
	switch (p->kind) {
	case NSN_PEER_TENANT:
		return strcmp(p->tenant, lot->tenants[t].name) == 0;
	case NSN_PEER_ENDPOINT:
		return strcmp(p->tenant, lot->tenants[t].name) == 0 &&
		       strcmp(p->endpoint, lot->endpoints[t][e].name) == 0;
	case NSN_PEER_LABEL:
		return strcmp(lot->labels[t].value, p->label.value) == 0;
	case NSN_PEER_TENANTS:
	case NSN_PEER_ANY:
		return true;
	case NSN_PEER_INTERNET:
	case NSN_PEER_HOST:
	case NSN_PEER_CIDR:
		return false;
	}
	return false;
}

static bool port_matches(const struct nsn_ports *p, const struct packet *k, bool six)
{
	bool icmp = k->proto == (six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);

	switch (p->proto) {
	case NSN_PROTO_ANY:
		return true;
	case NSN_PROTO_ICMP:
		return icmp;
	case NSN_PROTO_ECHO:
		return icmp && k->port == (six ? 128 : 8);
	case NSN_PROTO_TCP:
		return k->proto == IPPROTO_TCP && p->first <= k->port && k->port <= p->last;
	case NSN_PROTO_UDP:
		return k->proto == IPPROTO_UDP && p->first <= k->port && k->port <= p->last;
	case NSN_PROTO_SCTP:
		return k->proto == IPPROTO_SCTP && p->first <= k->port && k->port <= p->last;
	}
	return false;
}

static bool closes(const struct lot *lot, size_t i, const struct packet *k)
{
	const struct nsn_peer *who = &lot->quarantines[i].who;
	bool endpoint = who->kind == NSN_PEER_ENDPOINT;

	if (k->from_t == k->to_t && !endpoint)
		return false;
	return matches(lot, who, k->from_t, k->from_e) || matches(lot, who, k->to_t, k->to_e);
}

static bool keeps(const struct lot *lot, size_t i, const struct packet *k, bool six)
{
	return lot->quarantines[i].n_keep &&
	       matches(lot, &lot->keep[i].from, k->from_t, k->from_e) &&
	       matches(lot, &lot->keep[i].to, k->to_t, k->to_e) &&
	       port_matches(&lot->keep[i].ports, k, six);
}

/* 0: closed, 1: closed, and kept by all that close it, -1: neither */
static int by_quarantine(const struct lot *lot, const struct packet *k, bool six)
{
	int ret = -1;
	size_t i;

	for (i = 0; i < lot->intent.n_quarantines; i++)
		if (closes(lot, i, k))
			ret = ret != 0 && keeps(lot, i, k, six) ? 1 : 0;
	return ret;
}

static bool policy_matches(const struct lot *lot, const struct nsn_policy *p,
			   const struct packet *k, bool six)
{
	bool from = false, to = false, port = false;
	size_t i;

	for (i = 0; i < p->n_from; i++)
		from |= matches(lot, &p->from[i], k->from_t, k->from_e);
	for (i = 0; i < p->n_to; i++)
		to |= matches(lot, &p->to[i], k->to_t, k->to_e);
	for (i = 0; i < p->n_ports; i++)
		port |= port_matches(&p->ports[i], k, six);
	return from && to && port && !p->audit && (p->expires == 0 || p->expires > 1000);
}

/* 1: allowed, 0: denied by something, -1: nothing is said */
static int right_answer(const struct lot *lot, const struct packet *k, bool six)
{
	int ret = by_quarantine(lot, k, six);
	size_t i;

	if (ret >= 0)
		return ret;
	for (i = 0; i < lot->intent.n_policies; i++)
		if (policy_matches(lot, &lot->policies[i], k, six))
			ret = lot->policies[i].deny || ret == 0 ? 0 : 1;
	return ret;
}

/* ---- what the boxes say ---------------------------------------------------------------- */

static bool in_range(const struct nsn_range *r, const struct nsn_ip *ip)
{
	return nsn_ip_cmp(&r->first, ip) <= 0 && nsn_ip_cmp(ip, &r->last) <= 0;
}

/* *@number: by whom it is said. */
static int boxed(const struct nsn_boxes *b, const struct nsn_ip *from, const struct nsn_ip *to,
		 const struct packet *k, bool six, uint32_t *number)
{
	bool echo = k->proto == (six ? IPPROTO_ICMPV6 : IPPROTO_ICMP) && k->port == (six ? 128 : 8);
	int ret = -1;
	size_t i;

	for (i = 0; i < b->n; i++) {
		const struct nsn_box *x = &b->list[i];

		/* Of ICMP that is no echo the kernel compares a checksum with the ports. */
		if (x->echo != echo || !in_range(&x->from, from) || !in_range(&x->to, to) ||
		    k->proto < x->proto || k->proto > x->proto_last ||
		    (!echo && (k->port < x->port || k->port > x->port_last)))
			continue;
		assert_int_equal(ret, -1); /* no two overlap */
		ret = x->allow;
		*number = x->number;
	}
	return ret;
}

/* What is counted is counted under the name of somebody who said it. */
static bool is_of(const struct lot *lot, const struct packet *k, bool six, int said,
		  uint32_t number)
{
	const struct nsn_policy *p;

	if (number == NSN_NUMBER_KEPT)
		return said == 1 && by_quarantine(lot, k, six) == 1;
	if (number == NSN_NUMBER_QUARANTINE)
		return said == 0 && by_quarantine(lot, k, six) == 0;
	if (number == 0 || number > lot->intent.n_policies)
		return false;
	p = &lot->policies[number - 1];
	return policy_matches(lot, p, k, six) && p->deny == (said == 0);
}

static const struct packet probes[] = {
	{.proto = IPPROTO_TCP, .port = 0},
	{.proto = IPPROTO_TCP, .port = 1},
	{.proto = IPPROTO_TCP, .port = 2},
	{.proto = IPPROTO_TCP, .port = 80},
	{.proto = IPPROTO_TCP, .port = 81},
	{.proto = IPPROTO_TCP, .port = 442},
	{.proto = IPPROTO_TCP, .port = 443},
	{.proto = IPPROTO_TCP, .port = 8000},
	{.proto = IPPROTO_TCP, .port = 65534},
	{.proto = IPPROTO_TCP, .port = 65535},
	{.proto = IPPROTO_UDP, .port = 0},
	{.proto = IPPROTO_UDP, .port = 1},
	{.proto = IPPROTO_UDP, .port = 2},
	{.proto = IPPROTO_UDP, .port = 80},
	{.proto = IPPROTO_UDP, .port = 443},
	{.proto = IPPROTO_UDP, .port = 8000},
	{.proto = IPPROTO_UDP, .port = 65534},
	{.proto = IPPROTO_UDP, .port = 65535},
	{.proto = IPPROTO_SCTP, .port = 0},
	{.proto = IPPROTO_SCTP, .port = 1},
	{.proto = IPPROTO_SCTP, .port = 80},
	{.proto = IPPROTO_SCTP, .port = 443},
	{.proto = IPPROTO_SCTP, .port = 8000},
	{.proto = IPPROTO_SCTP, .port = 65534},
	{.proto = IPPROTO_SCTP, .port = 65535},
	{.proto = IPPROTO_GRE, .port = 77},
	{.proto = 0, .port = 1},
	{.proto = 255, .port = 1},
	{.proto = IPPROTO_ICMP, .port = 8},
	{.proto = IPPROTO_ICMP, .port = 0},
	{.proto = IPPROTO_ICMP, .port = 255},
	{.proto = IPPROTO_ICMPV6, .port = 128},
	{.proto = IPPROTO_ICMPV6, .port = 1},
};

static void check_pair(const struct lot *lot, size_t from, size_t to, uint8_t family)
{
	const struct nsn_side a = {.tenant = &lot->tenants[from]},
			      b = {.tenant = &lot->tenants[to]};
	struct nsn_boxes boxes = {0};
	bool six = family == AF_INET6;
	size_t i, e, f;

	assert_int_equal(nsn_flows_between(&boxes, &lot->intent, &a, &b, family), 0);
	for (e = 0; e < ENDPOINTS; e++)
		for (f = 0; f < ENDPOINTS; f++)
			for (i = 0; i < NSN_COUNT(probes); i++) {
				const struct nsn_endpoint *x = &lot->endpoints[from][e],
							  *y = &lot->endpoints[to][f];
				struct packet k = probes[i];
				uint32_t number = 0;
				int want, have;

				/* The other family's ICMP is a protocol like any. */
				k.from_t = from;
				k.from_e = e;
				k.to_t = to;
				k.to_e = f;
				want = right_answer(lot, &k, six);
				have = boxed(&boxes, six ? &x->ip6 : &x->ip, six ? &y->ip6 : &y->ip,
					     &k, six, &number);
				if (want != have)
					fail_msg("%zu/%zu to %zu/%zu proto %u port %u: %d, not %d",
						 from, e, to, f, k.proto, k.port, have, want);
				assert_true(have < 0 || is_of(lot, &k, six, have, number));
			}
	free(boxes.list);
}

static void boxes_say_what_the_policies_say(void **state)
{
	struct lot lot;
	int round;

	(void)state;
	seed = 7;
	for (round = 0; round < 600; round++) {
		size_t a, b;

		any_lot(&lot);
		for (a = 0; a < TENANTS; a++)
			for (b = 0; b < TENANTS; b++) {
				check_pair(&lot, a, b, AF_INET);
				check_pair(&lot, a, b, AF_INET6);
			}
	}
}

/* A translated source: what any of its endpoints may; a denial of one of them is not its. */
static void a_translated_source_may_what_one_of_its_endpoints_may(void **state)
{
	struct lot lot;
	int round;

	(void)state;
	seed = 11;
	for (round = 0; round < 300; round++) {
		struct nsn_side a = {.tenant = &lot.tenants[0]}, b = {.tenant = &lot.tenants[1]};
		struct nsn_boxes boxes = {0};
		size_t i, e, f;

		any_lot(&lot);
		assert_int_equal(nsn_ip_parse(&a.as4, "100.64.0.1"), 0);
		assert_int_equal(nsn_flows_between(&boxes, &lot.intent, &a, &b, AF_INET), 0);
		for (f = 0; f < ENDPOINTS; f++)
			for (i = 0; i < NSN_COUNT(probes); i++) {
				struct packet k = probes[i];
				bool may = false;
				uint32_t number;

				k.to_t = 1;
				k.to_e = f;
				for (e = 0; e < ENDPOINTS; e++) {
					k.from_e = e;
					may |= right_answer(&lot, &k, false) == 1;
				}
				if (may)
					assert_int_equal(boxed(&boxes, &a.as4,
							       &lot.endpoints[1][f].ip, &k, false,
							       &number),
							 1);
			}
		free(boxes.list);
		/* It cannot be called. */
		boxes = (struct nsn_boxes){0};
		assert_int_equal(nsn_flows_between(&boxes, &lot.intent, &b, &a, AF_INET), 0);
		assert_int_equal(boxes.n, 0);
	}
}

/* Whether something may leave a part of what is allowed: a denial, an endpoint in quarantine. */
static bool partial(const struct lot *lot)
{
	bool ret = false;
	size_t i;

	for (i = 0; i < lot->intent.n_policies; i++)
		ret |= lot->policies[i].deny;
	for (i = 0; i < lot->intent.n_quarantines; i++)
		ret |= lot->quarantines[i].who.kind == NSN_PEER_ENDPOINT ||
		       lot->intent.n_quarantines > 1;
	return ret;
}

static void joined_is_who_may_call(void **state)
{
	struct lot lot;
	int round, joined = 0;

	(void)state;
	seed = 13;
	for (round = 0; round < 600; round++) {
		size_t e, f, i;
		bool may = false;

		any_lot(&lot);
		for (e = 0; e < ENDPOINTS; e++)
			for (f = 0; f < ENDPOINTS; f++)
				for (i = 0; i < NSN_COUNT(probes); i++) {
					struct packet k = probes[i];

					k.from_e = e;
					k.to_t = 1;
					k.to_e = f;
					may |= right_answer(&lot, &k, false) == 1;
				}
		/* A denial of all that is allowed may leave a cable over which nothing goes. */
		if (may)
			assert_true(nsn_flows_join(&lot.intent, &lot.tenants[0], &lot.tenants[1]));
		if (!may && !partial(&lot))
			assert_false(nsn_flows_join(&lot.intent, &lot.tenants[0], &lot.tenants[1]));
		joined += nsn_flows_join(&lot.intent, &lot.tenants[0], &lot.tenants[1]);
	}
	assert_true(joined > 100 && joined < 500);
}

static void nothing_is_said_without_policies(void **state)
{
	struct nsn_boxes boxes = {0};
	struct lot lot;

	(void)state;
	fill(&lot);
	assert_int_equal(nsn_flows_between(&boxes, &lot.intent,
					   &(struct nsn_side){.tenant = &lot.tenants[0]},
					   &(struct nsn_side){.tenant = &lot.tenants[1]}, AF_INET),
			 0);
	assert_int_equal(boxes.n, 0);
	assert_false(nsn_flows_join(&lot.intent, &lot.tenants[0], &lot.tenants[1]));
}

/* A thousand endpoints that are each allowed one thing are some thousands of boxes, not a million.
 */
static void boxes_grow_with_what_is_said(void **state)
{
	enum { MANY = 1000 };
	static struct nsn_endpoint from[MANY], to[MANY];
	static struct nsn_policy policies[MANY + 1];
	static struct nsn_peer peers[MANY + 1][2];
	const struct nsn_ports tcp = {NSN_PROTO_TCP, 443, 443};
	struct nsn_ports ports = tcp;
	struct nsn_tenant tenants[2] = {{.name = "aa", .endpoints = from, .n_endpoints = MANY},
					{.name = "bb", .endpoints = to, .n_endpoints = MANY}};
	struct nsn_intent intent = {tenants, 2, policies, MANY + 1, NULL, 0, 1};
	struct nsn_boxes boxes = {0};
	int i;

	(void)state;
	tenants[0].subnet = prefix("10.1.0.0/16");
	tenants[1].subnet = prefix("10.2.0.0/16");
	for (i = 0; i < MANY; i++) {
		(void)snprintf(from[i].name, sizeof(from[i].name), "e%d", i);
		to[i] = from[i];
		from[i].ip = nsn_ip_add(&tenants[0].subnet.ip, 2 * (uint64_t)i + 2);
		to[i].ip = nsn_ip_add(&tenants[1].subnet.ip, 2 * (uint64_t)i + 2);
		peers[i][0] = (struct nsn_peer){.kind = NSN_PEER_ENDPOINT, .tenant = "aa"};
		peers[i][1] = (struct nsn_peer){.kind = NSN_PEER_ENDPOINT, .tenant = "bb"};
		memcpy(peers[i][0].endpoint, from[i].name, sizeof(from[i].name));
		memcpy(peers[i][1].endpoint, from[i].name, sizeof(from[i].name));
	}
	peers[MANY][0] = (struct nsn_peer){.kind = NSN_PEER_TENANT, .tenant = "aa"};
	peers[MANY][1] = peers[0][1];
	for (i = 0; i <= MANY; i++)
		policies[i] = (struct nsn_policy){.number = (uint32_t)i + 1,
						  .from = &peers[i][0],
						  .n_from = 1,
						  .to = &peers[i][1],
						  .n_to = 1,
						  .ports = &ports,
						  .n_ports = 1};
	assert_int_equal(nsn_flows_between(&boxes, &intent,
					   &(struct nsn_side){.tenant = &tenants[0]},
					   &(struct nsn_side){.tenant = &tenants[1]}, AF_INET),
			 0);
	/* Each has its own and that of all; so have the addresses between them. */
	assert_in_range(boxes.n, 2 * MANY, 3 * MANY + 2);
	free(boxes.list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boxes_say_what_the_policies_say),
		cmocka_unit_test(a_translated_source_may_what_one_of_its_endpoints_may),
		cmocka_unit_test(joined_is_who_may_call),
		cmocka_unit_test(nothing_is_said_without_policies),
		cmocka_unit_test(boxes_grow_with_what_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
