/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "admit.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "parts.h"

/*
 *	admit     an endpoint's ICMP error: nsnet_error, about what was sent to it only
 *	          live connection of this generation: its mark, go on
 *	          to the gateway itself: go on, the input chain decides
 *	          answers: nsnet_answer; else nsnet_open
 *	nsnet_open    who opens it: from the right cable?, then the maps, nsnet_limit
 *	nsnet_limit   not too many of them (limits.c)
 *	nsnet_answer  who answers: the same maps, with both ends exchanged
 *	nsnet_judge   a mark that may be routed: the connection gets it; else drop
 *	forward   only what has the mark
 *
 * A connection is in the state of its first packet's direction. There is no rule
 * for `established` or `related` that would let somebody else's packet through: an
 * ICMP error has the mark of the connection it is about, and passes with it or not
 * at all.
 *
 * Registers: a key's parts of four bytes follow each other; an IPv6 address takes
 * four of these.
 */
enum { REG_1 = NFT_REG_1, REG_NEXT = NFT_REG32_01 };

#define CHAIN_ERROR  "nsnet_error"
#define CHAIN_OPEN   "nsnet_open"
#define CHAIN_ANSWER "nsnet_answer"
#define CHAIN_ECHO   "nsnet_echo"
#define CHAIN_ECHOED "nsnet_echoed"

#define DROP_POLICY "nsnet_drop_policy"
#define DROP_SOURCE "nsnet_drop_source"

static void family_is(struct nsn_rules *r, struct nsn_rule *to, uint8_t family)
{
	nsn_rule_meta_is(r, to, NFT_META_NFPROTO, family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

static void icmp_is(struct nsn_rules *r, struct nsn_rule *to, uint8_t family, uint8_t type)
{
	family_is(r, to, family);
	nsn_rule_meta_is(r, to, NFT_META_L4PROTO,
			 family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	nsn_rule_byte(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 0, NFT_CMP_EQ, type);
}

/* The number of the register that is @words times four bytes behind the first. */
static uint32_t reg_at(uint32_t words)
{
	return words == 0   ? REG_1
	       : words == 4 ? NFT_REG_2
	       : words == 8 ? NFT_REG_3
			    : REG_NEXT - 1 + words;
}

/* Both addresses, from who opened it to who is called. */
static uint32_t key_addresses(struct nsn_rules *r, struct nsn_rule *to, uint8_t family, bool answer)
{
	const uint32_t len = family == AF_INET6 ? 16 : 4;

	family_is(r, to, family);
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(family, !answer), len,
			     reg_at(0));
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(family, answer), len,
			     reg_at(len / 4));
	return 2 * len / 4;
}

static void look_up_flow(struct nsn_rules *r, uint8_t family, bool answer)
{
	struct nsn_rule *to =
		nsn_rule_begin(r, answer ? "answers to what may be opened" : "what may be opened");
	uint32_t words = key_addresses(r, to, family, answer);

	nsn_rule_key_meta(r, to, NFT_META_L4PROTO, reg_at(words));
	/* The port of who is called: the destination's, in an answer the source's. */
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, answer ? 0 : 2, 2,
			     reg_at(words + 1));
	nsn_rule_map(r, to, family == AF_INET6 ? MAP_FLOW6 : MAP_FLOW4);
	nsn_rule_set_mark(r, to, false);
}

static void look_up_echo(struct nsn_rules *r, uint8_t family, bool answer)
{
	struct nsn_rule *to = nsn_rule_begin(r, answer ? "echo replies" : "echo requests");

	(void)key_addresses(r, to, family, answer);
	nsn_rule_map(r, to, family == AF_INET6 ? MAP_ECHO6 : MAP_ECHO4);
	nsn_rule_set_mark(r, to, false);
}

static void go(struct nsn_rules *r, const char *chain)
{
	nsn_rule_goto(r, nsn_rule_begin(r, ""), chain);
}

static bool six(const struct nsn_scope *s)
{
	return nsn_compile_ipv6(s->t);
}

/* ---- chains ----------------------------------------------------------------------------- */

static void live(struct nsn_rules *r, struct nsn_rule *to, const struct nsn_scope *s)
{
	nsn_rule_load_mark(r, to, true);
	nsn_rule_mark_bits(r, to, ~NSN_MARK_LOW, 0);
	nsn_rule_mark_is(r, to, NFT_CMP_EQ, s->border->generation << NSN_MARK_GEN);
	nsn_rule_load_mark(r, to, true);
	nsn_rule_mark_bits(r, to, NSN_MARK_LOW, 0);
	nsn_rule_set_mark(r, to, false);
	nsn_rule_accept(r, to);
}

static void to_gateway(struct nsn_rules *r, const struct nsn_ip *gateway)
{
	struct nsn_rule *to = nsn_rule_begin(r, "to the gateway itself");

	nsn_rule_link_is(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
	family_is(r, to, gateway->family);
	nsn_rule_address_is(r, to, false, gateway);
	nsn_rule_accept(r, to);
}

/* Its place in `admit`: where the kernel's generation is read. */
enum { LIVE_RULE = 1 };

static void admit(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to;

	to = nsn_rule_begin(r, "");
	nsn_rule_link_is(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
	nsn_rule_state_is(r, to, IP_CT_RELATED);
	nsn_rule_goto(r, to, CHAIN_ERROR);
	live(r, nsn_rule_begin(r, "connections of this generation"), s);
	to_gateway(r, &s->t->gateway);
	if (six(s)) {
		to_gateway(r, &s->t->gateway6);
		to = nsn_rule_begin(r, "who has the gateway's address?");
		nsn_rule_link_is(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
		icmp_is(r, to, AF_INET6, ND_NEIGHBOR_SOLICIT);
		nsn_rule_accept(r, to);
	}
	/* What lets an error through would give its connection the generation. */
	to = nsn_rule_begin(r, "errors about others");
	nsn_rule_state_is(r, to, IP_CT_RELATED);
	nsn_rule_drop(r, to, DROP_POLICY);
	to = nsn_rule_begin(r, "");
	nsn_rule_direction_is(r, to, IP_CT_DIR_REPLY);
	nsn_rule_goto(r, to, CHAIN_ANSWER);
	to = nsn_rule_begin(r, "");
	nsn_rule_direction_is(r, to, IP_CT_DIR_ORIGINAL);
	nsn_rule_goto(r, to, CHAIN_OPEN);
}

/* Nobody comes from a cable but who is at its other end. */
static void sources(struct nsn_rules *r, uint8_t family)
{
	struct nsn_rule *to = nsn_rule_begin(r, "sources that are not behind this cable");

	nsn_rule_link_is_not(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
	family_is(r, to, family);
	nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_1);
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(family, true),
			     family == AF_INET6 ? 16 : 4, NFT_REG_2);
	nsn_rule_lookup(r, to, family == AF_INET6 ? SET_FROM6 : SET_FROM4, true);
	nsn_rule_drop(r, to, DROP_SOURCE);
}

static void echoes(struct nsn_rules *r, uint8_t family, bool answer, const char *chain)
{
	struct nsn_rule *to = nsn_rule_begin(r, "");

	icmp_is(r, to, family,
		family == AF_INET6 ? (answer ? ICMP6_ECHO_REPLY : ICMP6_ECHO_REQUEST)
				   : (answer ? ICMP_ECHOREPLY : ICMP_ECHO));
	nsn_rule_goto(r, to, chain);
}

static void open_chain(struct nsn_rules *r, const struct nsn_scope *s)
{
	sources(r, AF_INET);
	if (six(s))
		sources(r, AF_INET6);
	echoes(r, AF_INET, false, CHAIN_ECHO);
	if (six(s))
		echoes(r, AF_INET6, false, CHAIN_ECHO);
	look_up_flow(r, AF_INET, false);
	if (six(s))
		look_up_flow(r, AF_INET6, false);
	go(r, CHAIN_LIMIT);
}

static void answer_chain(struct nsn_rules *r, const struct nsn_scope *s)
{
	echoes(r, AF_INET, true, CHAIN_ECHOED);
	if (six(s))
		echoes(r, AF_INET6, true, CHAIN_ECHOED);
	look_up_flow(r, AF_INET, true);
	if (six(s))
		look_up_flow(r, AF_INET6, true);
	go(r, CHAIN_JUDGE);
}

/*
 * An endpoint tells of errors with what was sent to itself, and of no other's: else who
 * may send nothing would send in a neighbour's name whatever he likes, as the part of a
 * packet that an error quotes. The quoted packet is behind eight bytes of ICMP.
 */
static void own_error(struct nsn_rules *r, const struct nsn_scope *s, uint8_t family)
{
	struct nsn_rule *to = nsn_rule_begin(r, "errors with what was sent to the sender");
	const uint32_t len = family == AF_INET6 ? 16 : 4;

	family_is(r, to, family);
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(family, true), len,
			     reg_at(0));
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 8 + NSN_IP_ADDR(family, false),
			     len, reg_at(len / 4));
	nsn_rule_lookup(r, to, family == AF_INET6 ? SET_SELF6 : SET_SELF4, false);
	live(r, to, s);
}

static void error_chain(struct nsn_rules *r, const struct nsn_scope *s)
{
	own_error(r, s, AF_INET);
	if (six(s))
		own_error(r, s, AF_INET6);
	nsn_rule_drop(r, nsn_rule_begin(r, ""), DROP_SOURCE);
}

static void echo_chain(struct nsn_rules *r, const struct nsn_scope *s)
{
	look_up_echo(r, AF_INET, false);
	if (six(s))
		look_up_echo(r, AF_INET6, false);
	go(r, CHAIN_LIMIT);
}

static void echoed_chain(struct nsn_rules *r, const struct nsn_scope *s)
{
	look_up_echo(r, AF_INET, true);
	if (six(s))
		look_up_echo(r, AF_INET6, true);
	go(r, CHAIN_JUDGE);
}

static void mark_has(struct nsn_rules *r, struct nsn_rule *to, uint32_t bit)
{
	nsn_rule_load_mark(r, to, false);
	nsn_rule_mark_bits(r, to, bit, 0);
	nsn_rule_mark_is(r, to, NFT_CMP_EQ, bit);
}

static void judge_chain(struct nsn_rules *r, const struct nsn_scope *s)
{
	const uint32_t generation =
		s->border->generation == NSN_GENERATION_NONE ? 0 : s->border->generation;
	struct nsn_rule *to = nsn_rule_begin(r, "");

	/* Not one that is only looked up again, in another generation: that one has a mark. */
	mark_has(r, to, NSN_MARK_LOG_OPEN | NSN_MARK_ROUTE);
	nsn_rule_load_mark(r, to, true);
	nsn_rule_mark_is(r, to, NFT_CMP_EQ, 0);
	nsn_rule_log(r, to, LOG_GROUP, LOG_OPEN);
	to = nsn_rule_begin(r, "");
	nsn_rule_load_mark(r, to, false);
	nsn_rule_mark_bits(r, to, NSN_MARK_LOG_OPEN | NSN_MARK_ROUTE, 0);
	nsn_rule_mark_is(r, to, NFT_CMP_EQ, NSN_MARK_LOG_OPEN);
	nsn_rule_log(r, to, LOG_GROUP, LOG_OPEN);
	to = nsn_rule_begin(r, "");
	nsn_rule_load_mark(r, to, false);
	nsn_rule_mark_bits(r, to, NSN_MARK_LOW, 0);
	nsn_rule_set_mark(r, to, false);
	/*
	 * Where no generation is in force the connection is looked up again, but it has a
	 * mark: its next packet opens nothing (limits.c).
	 */
	to = nsn_rule_begin(r, generation ? "it may be routed, in this generation"
					  : "it may be routed");
	mark_has(r, to, NSN_MARK_ROUTE);
	nsn_rule_load_mark(r, to, false);
	nsn_rule_mark_bits(r, to, NSN_MARK_LOW, generation << NSN_MARK_GEN);
	nsn_rule_set_mark(r, to, true);
	nsn_rule_accept(r, to);
	to = nsn_rule_begin(r, "a policy forbids it");
	nsn_rule_load_mark(r, to, false);
	nsn_rule_object_map(r, to, MAP_USE);
	nsn_rule_drop_uncounted(r, to);
	nsn_rule_drop(r, nsn_rule_begin(r, ""), DROP_POLICY);
}

static void translate(struct nsn_rules *r, const struct nsn_scope *s)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	size_t i;

	for (i = 0; i < (six(s) ? 2 : 1); i++) {
		struct nsn_rule *to = nsn_rule_begin(r, "its address there");

		family_is(r, to, families[i]);
		nsn_rule_key_meta(r, to, NFT_META_OIFNAME, REG_1);
		nsn_rule_map(r, to, families[i] == AF_INET6 ? MAP_SNAT6 : MAP_SNAT4);
		nsn_rule_snat(r, to, families[i]);
	}
}

/*
 * What comes to the tenant's address on the uplink goes to the endpoint that a policy has
 * published there. Whether it may is for `admit`, which comes next.
 */
static void publish(struct nsn_rules *r, const struct nsn_scope *s)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	char name[NSN_LINK_NAME_SIZE];
	size_t i;

	(void)nsn_up_name(&s->border->up, name);
	for (i = 0; i < (six(s) ? 2 : 1); i++) {
		struct nsn_rule *to = nsn_rule_begin(r, "what is published");
		const bool v6 = families[i] == AF_INET6;
		const uint32_t len = v6 ? 16 : 4;

		nsn_rule_link_is(r, to, NFT_META_IIFNAME, name);
		family_is(r, to, families[i]);
		nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER,
				     NSN_IP_ADDR(families[i], false), len, reg_at(0));
		nsn_rule_key_meta(r, to, NFT_META_L4PROTO, reg_at(len / 4));
		nsn_rule_key_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2,
				     reg_at(len / 4 + 1));
		nsn_rule_map(r, to, v6 ? MAP_PUBLISH6 : MAP_PUBLISH4);
		nsn_rule_dnat(r, to, families[i]);
	}
}

void nsn_admit_forward(struct nsn_rules *r)
{
	struct nsn_rule *to = nsn_rule_begin(r, "");

	mark_has(r, to, NSN_MARK_LOG);
	nsn_rule_log(r, to, LOG_GROUP, LOG_PACKET);
	to = nsn_rule_begin(r, "what may be routed, counted by policy");
	mark_has(r, to, NSN_MARK_ROUTE);
	nsn_rule_load_mark(r, to, false);
	nsn_rule_object_map(r, to, MAP_USE);
	nsn_rule_accept(r, to);
}

/*
 * What the gateway itself says about a packet that it may route and cannot: too
 * large, no time left, nobody there. It has the mark of that packet
 * (fwmark_reflect).
 */
void nsn_admit_errors(struct nsn_rules *r, const struct nsn_scope *s)
{
	static const uint8_t types[] = {ICMP_DEST_UNREACH, ICMP_TIME_EXCEEDED};
	static const uint8_t types6[] = {ICMP6_DST_UNREACH, ICMP6_PACKET_TOO_BIG,
					 ICMP6_TIME_EXCEEDED};
	const size_t n = NSN_COUNT(types), n6 = six(s) ? NSN_COUNT(types6) : 0;
	size_t i;

	for (i = 0; i < n + n6; i++) {
		struct nsn_rule *to = nsn_rule_begin(r, i ? "" : "errors about what may be routed");

		mark_has(r, to, NSN_MARK_ROUTE);
		icmp_is(r, to, i < n ? AF_INET : AF_INET6, i < n ? types[i] : types6[i - n]);
		nsn_rule_accept(r, to);
	}
}

static const struct nsn_chain_def chains[] = {
	/*
	 * Behind connection tracking (-200) and the kernel's translation (-100): there a packet
	 * has the endpoint's own address, whether it is called or answered under another one.
	 * Before the routing decision.
	 */
	{"admit", DROP_POLICY, NF_INET_PRE_ROUTING, -90, NF_DROP, admit, NSN_WHEN_OPEN, NULL},
	{CHAIN_ERROR, NULL, 0, 0, 0, error_chain, NSN_WHEN_OPEN, ""},
	{CHAIN_OPEN, NULL, 0, 0, 0, open_chain, NSN_WHEN_OPEN, ""},
	{CHAIN_ANSWER, NULL, 0, 0, 0, answer_chain, NSN_WHEN_OPEN, ""},
	{CHAIN_ECHO, NULL, 0, 0, 0, echo_chain, NSN_WHEN_OPEN, ""},
	{CHAIN_ECHOED, NULL, 0, 0, 0, echoed_chain, NSN_WHEN_OPEN, ""},
	{CHAIN_JUDGE, NULL, 0, 0, 0, judge_chain, NSN_WHEN_OPEN, ""},
	{"postrouting", NULL, NF_INET_POST_ROUTING, 100, NF_ACCEPT, translate, NSN_WHEN_TRANSLATED,
	 "nat"},
	{"publish", NULL, NF_INET_PRE_ROUTING, -100, NF_ACCEPT, publish, NSN_WHEN_UPLINK, "nat"},
};

uint32_t nsn_admit_generation(const struct nsn_object *chain)
{
	const struct nsn_chain *c = &chain->u.chain;
	const struct nsn_rule *live;
	uint32_t value = 0;
	size_t i;

	if (c->family != NFPROTO_INET || strcmp(c->table, NSN_TABLE_NAME) != 0 ||
	    strcmp(c->name, "admit") != 0 || c->n_rules <= LIVE_RULE)
		return 0;
	live = &c->rules[LIVE_RULE];
	for (i = 0; i < live->n; i++)
		if (live->exprs[i].kind == NSN_EXPR_CMP && live->exprs[i].len == sizeof(value))
			memcpy(&value, live->exprs[i].data, sizeof(value));
	return value >> NSN_MARK_GEN;
}

int nsn_compile_admit(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope,
		      enum nsn_want want)
{
	int r = nsn_compile_policies(s, at, scope);

	if (r == 0)
		r = nsn_compile_limits(s, at, scope, want);
	if (r < 0)
		return r;
	return nsn_compile_chains(s, at, NFPROTO_INET, chains, NSN_COUNT(chains), scope, want);
}
