/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host_parts.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "parts.h"
#include "rule.h"

/*
 * The chains of the host's table. All of them accept what is no uplink's business: the
 * first rules of each lead aside what is, and there everything is dropped but what is named.
 *
 *	prerouting  from an uplink: nsnet_uplink, whose is it?; from elsewhere: no transit
 *		    addresses
 *	dstnat	    who comes from outside to an address of the host that is published
 *	own	    the same for what the host opens itself
 *	input	    from an uplink: nsnet_input, to services of the host: nsnet_service
 *	forward	    from an uplink: nsnet_out; to one: nsnet_in; between others: guards
 *	output	    to an uplink: nsnet_output
 *	keep_source nobody gets the host's address for what he sends to a tenant
 *	postrouting transit addresses do not leave the machine
 *
 * An error about a packet says in the packet that it quotes what it is about, and
 * connection tracking believes it: so from an uplink only errors come in that quote what
 * was sent to it. Nobody can end the connections of others.
 */
enum { REG_1 = NFT_REG_1, REG_2 = NFT_REG_2 };

#define CHAIN_UPLINK   "nsnet_uplink"
#define CHAIN_INPUT    "nsnet_input"
#define CHAIN_SERVICE  "nsnet_service"
#define CHAIN_OUT      "nsnet_out"
#define CHAIN_INTERNET "nsnet_internet"
#define CHAIN_IN       "nsnet_in"
#define CHAIN_OUTPUT   "nsnet_output"

#define DROP_SOURCE  "nsnet_drop_source"
#define DROP_TRANSIT "nsnet_drop_transit"
#define DROP_INPUT   "nsnet_drop_input"
#define DROP_OUTPUT  "nsnet_drop_output"
#define DROP_FORWARD "nsnet_drop_forward"
#define DROP_GUARD   "nsnet_drop_guard"

static const struct nsn_place host = {.role = NSN_HOST};

static const struct nsn_prefix loopback = {{AF_INET, {127}}, 8};
static const struct nsn_ip loopback6 = {AF_INET6, {[15] = 1}};

static uint8_t family_of(int six)
{
	return six ? AF_INET6 : AF_INET;
}

static uint32_t len_of(int six)
{
	return six ? 16 : 4;
}

static void family_is(struct nsn_rules *r, struct nsn_rule *to, int six)
{
	nsn_rule_meta_is(r, to, NFT_META_NFPROTO, six ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

/* A rule for what comes in by an uplink. */
static struct nsn_rule *from_uplink(struct nsn_rules *r, const char *comment)
{
	struct nsn_rule *to = nsn_rule_begin(r, comment);

	nsn_rule_link_like(r, to, NFT_META_IIFNAME, NSN_UPLINKS);
	return to;
}

static struct nsn_rule *to_uplink(struct nsn_rules *r, const char *comment)
{
	struct nsn_rule *to = nsn_rule_begin(r, comment);

	nsn_rule_link_like(r, to, NFT_META_OIFNAME, NSN_UPLINKS);
	return to;
}

static void key_address(struct nsn_rules *r, struct nsn_rule *to, int six, bool source,
			uint32_t reg)
{
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(family_of(six), source),
			     len_of(six), reg);
}

/* The uplink and an address of the packet. */
static void key_link_address(struct nsn_rules *r, struct nsn_rule *to, int six, bool source)
{
	family_is(r, to, six);
	nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_1);
	key_address(r, to, six, source, REG_2);
}

/* Types of ICMP, of which the family has its own. */
static void icmp_in(struct nsn_rules *r, struct nsn_rule *to, int six, uint8_t first, uint8_t last)
{
	family_is(r, to, six);
	nsn_rule_meta_is(r, to, NFT_META_L4PROTO, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	if (first == last)
		nsn_rule_byte(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 0, NFT_CMP_EQ, first);
	else
		nsn_rule_range(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 0, &first, &last, 1);
}

/* ---- where it comes from -------------------------------------------------------------- */

static void no_transit(struct nsn_rules *r, const struct nsn_prefix *pool, bool source)
{
	struct nsn_rule *to = nsn_rule_begin(r, "");

	nsn_rule_link_is_not(r, to, NFT_META_IIFNAME, "lo");
	family_is(r, to, pool->ip.family == AF_INET6);
	nsn_rule_address_in(r, to, source, pool);
	nsn_rule_drop(r, to, DROP_TRANSIT);
}

static void prerouting(struct nsn_rules *r, const struct nsn_scope *s)
{
	nsn_rule_goto(r, from_uplink(r, ""), CHAIN_UPLINK);
	/* Answers have the host's own address until it is translated back, behind this. */
	no_transit(r, &s->transit->ip, false);
	no_transit(r, &s->transit->ip, true);
	no_transit(r, &s->transit->ip6, false);
	no_transit(r, &s->transit->ip6, true);
}

/* Behind eight bytes of ICMP is the packet that an error quotes: to whom was it sent? */
static void quoted(struct nsn_rules *r, int six, uint8_t first, uint8_t last)
{
	struct nsn_rule *to = nsn_rule_begin(r, "errors about what was sent to others");

	icmp_in(r, to, six, first, last);
	nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_1);
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER,
			     8 + NSN_IP_ADDR(family_of(six), false), len_of(six), REG_2);
	nsn_rule_lookup(r, to, SET_OF(SET_QUOTED, six), true);
	nsn_rule_drop(r, to, DROP_SOURCE);
}

static void uplink(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to;

	(void)s;
	for (int six = 0; six < 2; six++) {
		to = nsn_rule_begin(r, "sources that are not behind this uplink");
		key_link_address(r, to, six, true);
		nsn_rule_lookup(r, to, SET_OF(SET_FROM, six), true);
		nsn_rule_drop(r, to, DROP_SOURCE);
	}
	/* What is published there needs route_localnet, which lets in more (CVE-2020-8558). */
	to = nsn_rule_begin(r, "loopback is the host's own");
	family_is(r, to, 0);
	nsn_rule_address_in(r, to, false, &loopback);
	nsn_rule_drop(r, to, DROP_SOURCE);
	quoted(r, 0, ICMP_DEST_UNREACH, ICMP_REDIRECT);
	quoted(r, 0, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB);
	quoted(r, 1, 1, ICMP6_INFOMSG_MASK - 1);
}

/* ---- what is published ------------------------------------------------------------------ */

static void translate(struct nsn_rules *r, int six, const char *map, bool by_address)
{
	struct nsn_rule *to = nsn_rule_begin(r, "");
	uint32_t reg = REG_1;

	family_is(r, to, six);
	if (by_address) {
		key_address(r, to, six, false, reg);
		reg = six ? NFT_REG_2 : NFT_REG32_01;
	}
	nsn_rule_key_meta(r, to, NFT_META_L4PROTO, reg);
	/* The next four bytes, by the name that the kernel has for them. */
	reg = !by_address ? NFT_REG32_01 : six ? NFT_REG32_05 : NFT_REG32_02;
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, reg);
	nsn_rule_map(r, to, map);
	nsn_rule_dnat(r, to, family_of(six));
}

static void leave_loopback(struct nsn_rules *r)
{
	struct nsn_rule *to = nsn_rule_begin(r, "loopback is not every address");

	family_is(r, to, 0);
	nsn_rule_address_in(r, to, false, &loopback);
	nsn_rule_accept(r, to);
	to = nsn_rule_begin(r, "");
	family_is(r, to, 1);
	nsn_rule_address_is(r, to, false, &loopback6);
	nsn_rule_accept(r, to);
}

static void leave_strangers(struct nsn_rules *r)
{
	struct nsn_rule *to = nsn_rule_begin(r, "not to an address of the host");

	nsn_rule_not_local(r, to);
	nsn_rule_accept(r, to);
}

static void dstnat(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to = from_uplink(r, "what is published is so for the outside");

	(void)s;
	nsn_rule_accept(r, to);
	to = nsn_rule_begin(r, "");
	nsn_rule_link_is(r, to, NFT_META_IIFNAME, "lo");
	nsn_rule_accept(r, to);
	leave_loopback(r);
	leave_strangers(r);
	translate(r, 0, MAP_PUBLISHED "4", true);
	translate(r, 1, MAP_PUBLISHED "6", true);
	translate(r, 0, MAP_PUBLISHED_ALL "4", false);
	translate(r, 1, MAP_PUBLISHED_ALL "6", false);
}

static void own(struct nsn_rules *r, const struct nsn_scope *s)
{
	(void)s;
	leave_strangers(r);
	translate(r, 0, MAP_OWN "4", true);
	translate(r, 1, MAP_OWN "6", true);
	leave_loopback(r);
	translate(r, 0, MAP_OWN_ALL "4", false);
	translate(r, 1, MAP_OWN_ALL "6", false);
}

/*
 * Who translates first has the say: this stands before the chains of others. A container host
 * masquerades what its containers send anywhere, and to a tenant that would be the host itself.
 */
static void keep_source(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to;

	(void)s;
	to = to_uplink(r, "loopback's is translated below");
	family_is(r, to, 0);
	nsn_rule_address_in(r, to, true, &loopback);
	nsn_rule_accept(r, to);
	for (int six = 0; six < 2; six++) {
		to = to_uplink(r, "who calls is told as who he is");
		family_is(r, to, six);
		key_address(r, to, six, true, REG_1);
		nsn_rule_snat(r, to, family_of(six));
	}
}

static void postrouting(struct nsn_rules *r, const struct nsn_scope *s)
{
	const struct nsn_prefix *pools[] = {&s->transit->ip, &s->transit->ip6};
	struct nsn_rule *to;

	for (int six = 0; six < 2; six++) {
		to = nsn_rule_begin(r, "the host's address for what leaves it");
		nsn_rule_link_unlike(r, to, NFT_META_OIFNAME, NSN_UPLINKS);
		family_is(r, to, six);
		nsn_rule_address_in(r, to, true, pools[six]);
		nsn_rule_masquerade(r, to);
	}
	to = to_uplink(r, "its address on the uplink for loopback's");
	family_is(r, to, 0);
	nsn_rule_address_in(r, to, true, &loopback);
	nsn_rule_masquerade(r, to);
}

/* ---- the host itself -------------------------------------------------------------------- */

/* Connections that follow from others: no helper opens any. */
static void no_expected(struct nsn_rules *r, const char *counter)
{
	struct nsn_rule *to = nsn_rule_begin(r, "what helpers expect");

	nsn_rule_status_has(r, to, IPS_EXPECTED);
	nsn_rule_drop(r, to, counter);
}

static void published(struct nsn_rules *r, bool answers)
{
	struct nsn_rule *to =
		nsn_rule_begin(r, answers ? "answers of what is published" : "what is published");

	if (answers)
		nsn_rule_direction_is(r, to, IP_CT_DIR_REPLY);
	nsn_rule_status_has(r, to, IPS_DST_NAT);
	nsn_rule_accept(r, to);
}

static void answers(struct nsn_rules *r)
{
	struct nsn_rule *to = nsn_rule_begin(r, "answers");

	nsn_rule_direction_is(r, to, IP_CT_DIR_REPLY);
	nsn_rule_accept(r, to);
}

/* Unreachable, no time left, an odd header; in IPv6 too large, too. No redirects. */
static void errors(struct nsn_rules *r, bool in)
{
	static const struct {
		int six;
		uint8_t first, last;
	} types[] = {{0, ICMP_DEST_UNREACH, ICMP_DEST_UNREACH},
		     {0, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB},
		     {1, ICMP6_DST_UNREACH, ICMP6_PARAM_PROB}};

	for (size_t i = 0; i < NSN_COUNT(types); i++) {
		struct nsn_rule *to = nsn_rule_begin(r, i ? "" : "errors");

		if (in)
			nsn_rule_state_is(r, to, IP_CT_RELATED);
		icmp_in(r, to, types[i].six, types[i].first, types[i].last);
		nsn_rule_accept(r, to);
	}
}

static void input(struct nsn_rules *r, const struct nsn_scope *s)
{
	(void)s;
	nsn_rule_goto(r, from_uplink(r, ""), CHAIN_INPUT);
}

static void input_from(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to;

	(void)s;
	no_expected(r, DROP_INPUT);
	published(r, true);
	errors(r, true);
	for (int six = 0; six < 2; six++) {
		to = nsn_rule_begin(r, "");
		family_is(r, to, six);
		key_address(r, to, six, false, REG_1);
		nsn_rule_lookup(r, to, SET_OF(SET_HOST, six), false);
		nsn_rule_goto(r, to, CHAIN_SERVICE);
		to = nsn_rule_begin(r, "");
		key_link_address(r, to, six, false);
		nsn_rule_lookup(r, to, SET_OF(SET_FAR, six), false);
		nsn_rule_goto(r, to, CHAIN_SERVICE);
	}
}

static void service(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to;

	(void)s;
	for (int six = 0; six < 2; six++) {
		const uint8_t type = six ? ICMP6_ECHO_REQUEST : ICMP_ECHO;

		to = nsn_rule_begin(r, "ping the host");
		icmp_in(r, to, six, type, type);
		nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_1);
		nsn_rule_lookup(r, to, SET_OF(SET_PING, six), false);
		nsn_rule_accept(r, to);
		to = nsn_rule_begin(r, "");
		icmp_in(r, to, six, type, type);
		nsn_rule_drop(r, to, DROP_INPUT);
	}
	for (int six = 0; six < 2; six++) {
		to = nsn_rule_begin(r, "services of the host");
		family_is(r, to, six);
		/* Of `meta l4proto` nft would turn the bytes around, which is one: so the
		 * header's own field, and none with headers between. */
		nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_1);
		nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER,
				     six ? NSN_IP6_NEXTHDR : NSN_IP_PROTOCOL, 1, REG_2);
		nsn_rule_key_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_05);
		nsn_rule_lookup(r, to, SET_OF(SET_SERVICE, six), false);
		nsn_rule_accept(r, to);
	}
}

static void output(struct nsn_rules *r, const struct nsn_scope *s)
{
	(void)s;
	nsn_rule_goto(r, to_uplink(r, ""), CHAIN_OUTPUT);
}

static void output_to(struct nsn_rules *r, const struct nsn_scope *s)
{
	(void)s;
	answers(r);
	published(r, false);
	errors(r, false);
}

/* ---- what is routed --------------------------------------------------------------------- */

static void guard(struct nsn_rules *r, int six)
{
	struct nsn_rule *to = nsn_rule_begin(r, "links that forward for uplinks only");

	family_is(r, to, six);
	nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_1);
	nsn_rule_lookup(r, to, SET_OF(SET_GUARD, six), false);
	nsn_rule_drop(r, to, DROP_GUARD);
}

static void forward(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to;

	(void)s;
	nsn_rule_goto(r, from_uplink(r, ""), CHAIN_OUT);
	nsn_rule_goto(r, to_uplink(r, ""), CHAIN_IN);
	guard(r, 0);
	guard(r, 1);
	to = nsn_rule_begin(r, "a family that is forwarded for uplinks only");
	nsn_rule_key_meta(r, to, NFT_META_NFPROTO, REG_1);
	nsn_rule_lookup(r, to, SET_GUARD_FAMILY, false);
	nsn_rule_drop(r, to, DROP_GUARD);
}

/*
 * What belongs to no connection here is not translated: it would leave with its address of the
 * uplink. The gateway may know of one that the host has forgotten, or never tracked.
 */
static void no_stateless(struct nsn_rules *r)
{
	struct nsn_rule *to = nsn_rule_begin(r, "what cannot be translated");

	nsn_rule_state_has(r, to, NF_CT_STATE_INVALID_BIT | NF_CT_STATE_UNTRACKED_BIT);
	nsn_rule_drop(r, to, DROP_FORWARD);
}

static void out(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to = to_uplink(r, "from tenant to tenant: by cables only");

	(void)s;
	nsn_rule_drop(r, to, DROP_FORWARD);
	no_stateless(r);
	no_expected(r, DROP_FORWARD);
	published(r, true);
	for (int six = 0; six < 2; six++) {
		to = nsn_rule_begin(r, "networks that policies name");
		key_link_address(r, to, six, false);
		nsn_rule_lookup(r, to, SET_OF(SET_NETWORK, six), false);
		nsn_rule_accept(r, to);
		to = nsn_rule_begin(r, "what is on a link is not the internet");
		family_is(r, to, six);
		key_address(r, to, six, true, REG_1);
		key_address(r, to, six, false, six ? NFT_REG_2 : NFT_REG32_01);
		nsn_rule_lookup(r, to, SET_OF(SET_LINKED, six), false);
		nsn_rule_drop(r, to, DROP_FORWARD);
		to = nsn_rule_begin(r, "");
		family_is(r, to, six);
		nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_1);
		nsn_rule_lookup(r, to, SET_OF(SET_INTERNET, six), false);
		nsn_rule_goto(r, to, CHAIN_INTERNET);
	}
}

/*
 * Of a network that is on the link the next hop is the destination itself: one that appears
 * later is not in the set.
 */
static void internet(struct nsn_rules *r, const struct nsn_scope *s)
{
	struct nsn_rule *to;

	(void)s;
	for (int six = 0; six < 2; six++) {
		to = nsn_rule_begin(r, "by a default gateway");
		family_is(r, to, six);
		nsn_rule_key_meta(r, to, NFT_META_OIFNAME, REG_1);
		nsn_rule_key_next_hop(r, to, family_of(six), REG_2);
		nsn_rule_lookup(r, to, SET_OF(SET_EGRESS, six), false);
		nsn_rule_accept(r, to);
		to = nsn_rule_begin(r, "");
		family_is(r, to, six);
		nsn_rule_key_meta(r, to, NFT_META_OIFNAME, REG_1);
		nsn_rule_lookup(r, to, SET_OF(SET_EGRESS_LINK, six), false);
		nsn_rule_accept(r, to);
	}
}

static void in(struct nsn_rules *r, const struct nsn_scope *s)
{
	(void)s;
	no_expected(r, DROP_FORWARD);
	answers(r);
	published(r, false);
}

static const struct nsn_chain_def chains[] = {
	/* At the priority that nft calls "raw", before connection tracking. */
	{"prerouting", NULL, NF_INET_PRE_ROUTING, -300, NF_ACCEPT, prerouting, NSN_ALWAYS, NULL},
	{"dstnat", NULL, NF_INET_PRE_ROUTING, -100, NF_ACCEPT, dstnat, NSN_ALWAYS, "nat"},
	{"own", NULL, NF_INET_LOCAL_OUT, -100, NF_ACCEPT, own, NSN_ALWAYS, "nat"},
	{"input", NULL, NF_INET_LOCAL_IN, 0, NF_ACCEPT, input, NSN_ALWAYS, NULL},
	{"forward", NULL, NF_INET_FORWARD, 0, NF_ACCEPT, forward, NSN_ALWAYS, NULL},
	{"output", NULL, NF_INET_LOCAL_OUT, 0, NF_ACCEPT, output, NSN_ALWAYS, NULL},
	{"keep_source", NULL, NF_INET_POST_ROUTING, 99, NF_ACCEPT, keep_source, NSN_ALWAYS, "nat"},
	{"postrouting", NULL, NF_INET_POST_ROUTING, 100, NF_ACCEPT, postrouting, NSN_ALWAYS, "nat"},
	{CHAIN_UPLINK, NULL, 0, 0, 0, uplink, NSN_ALWAYS, ""},
	{CHAIN_INPUT, DROP_INPUT, 0, 0, 0, input_from, NSN_ALWAYS, ""},
	{CHAIN_SERVICE, DROP_INPUT, 0, 0, 0, service, NSN_ALWAYS, ""},
	{CHAIN_OUT, DROP_FORWARD, 0, 0, 0, out, NSN_ALWAYS, ""},
	{CHAIN_INTERNET, DROP_FORWARD, 0, 0, 0, internet, NSN_ALWAYS, ""},
	{CHAIN_IN, DROP_FORWARD, 0, 0, 0, in, NSN_ALWAYS, ""},
	{CHAIN_OUTPUT, DROP_OUTPUT, 0, 0, 0, output_to, NSN_ALWAYS, ""},
};

static const char *const counters[] = {DROP_SOURCE, DROP_TRANSIT, DROP_INPUT,
				       DROP_OUTPUT, DROP_FORWARD, DROP_GUARD};

int nsn_host_table(struct nsn_state *s, const struct nsn_transit *transit,
		   const struct nsn_owner *owner)
{
	const struct nsn_scope scope = {.transit = transit};
	char mark[NSN_MARK_SIZE];
	int r = nsn_compile_table(s, host, NFPROTO_INET, nsn_compile_host_mark(owner, mark));
	size_t i;

	for (i = 0; r == 0 && i < NSN_COUNT(counters); i++)
		r = nsn_compile_counter(s, host, NFPROTO_INET, counters[i]);
	for (i = 0; r == 0 && i < NSN_COUNT(chains); i++)
		r = nsn_compile_chain(s, host, NFPROTO_INET, &chains[i], &scope);
	return r;
}
