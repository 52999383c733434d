/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>

#include "../base/cleanup.h"
#include "bridge.h"
#include "parts.h"
#include "rule.h"

/*
 * The gateway's bridge table: what may come out of a port, frame by frame, before
 * it is switched or given to the gateway. Only ports bring frames to its
 * prerouting hook.
 *
 * What is not named is dropped: by EtherType first (a list of what is forbidden
 * is never complete), then by what the port's endpoint is. That is in sets
 * (bridge.h, pins.c), one for each kind of key, each beginning with the port: rules
 * and chains are as many for a thousand endpoints as for one.
 *
 * There is no broadcast or multicast inside a tenant but neighbour solicitations;
 * ARP requests the bridge answers itself. With `inside: deny` these get no further
 * than to the gateway, as everything else: ports are isolated and the forward chain
 * is empty.
 *
 * An endpoint in quarantine is closed for its neighbours, too: what is switched from
 * and to its port is dropped here, live connections at once, as no rule behind knows
 * of any. What it says to the gateway is as before: the inet table knows of
 * quarantines. Its neighbours go on being told its MAC address, by the bridge, which
 * asks nobody.
 *
 * Frames to 01:80:c2:00:00:01 to 0f (pause, 802.1X, LLDP and friends) do not pass
 * the prerouting hook: the port itself takes them. It has IPv6 off and is not br0,
 * which all chains of the inet table ask for. The one of spanning tree, which is
 * off, is a frame as any other.
 *
 * Tests: tests/attack, and tests/kernel/test_pins.c for each rule.
 */

/* Registers as the kernel numbers them: 16 bytes of port name, 8 of MAC, the address. */
enum { REG_PORT = 1, REG_MAC = 2, REG_ADDRESS = 14 };

#define DROP_ARP       "nsnet_drop_arp"
#define DROP_SOURCE    "nsnet_drop_source"
#define DROP_ND	       "nsnet_drop_nd"
#define DROP_EXT       "nsnet_drop_exthdr"
#define DROP_DHCP      "nsnet_drop_dhcp"
#define DROP_GROUP     "nsnet_drop_multicast"
#define DROP_IPV6      "nsnet_drop_ipv6"
#define DROP_RATE      "nsnet_drop_rate"
#define DROP_ETHERTYPE "nsnet_drop_ethertype"
#define DROP_INSIDE    "nsnet_drop_inside"

/* ---- rules ----------------------------------------------------------------------- */

/* Looks up port, MAC and address; where the latter two are in the frame. */
static void pinned(struct nsn_rules *r, struct nsn_rule *to, const char *set, int32_t mac_base,
		   uint32_t mac_at, int32_t base, uint32_t at, uint32_t len)
{
	nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_PORT);
	nsn_rule_key_payload(r, to, mac_base, mac_at, 6, REG_MAC);
	nsn_rule_key_payload(r, to, base, at, len, REG_ADDRESS);
	nsn_rule_lookup(r, to, set, false);
}

/*
 * By the frame's own field: no rule behind this one has to care whether it takes
 * a tagged frame for what is behind the tag.
 */
static void no_other_ethertypes(struct nsn_rules *r)
{
	struct nsn_rule *to = nsn_rule_begin(r, "no other than IPv4, ARP and IPv6, no tags");

	nsn_rule_ethertype_is_not(r, to, ETHERTYPE_IP);
	nsn_rule_ethertype_is_not(r, to, ETHERTYPE_ARP);
	nsn_rule_ethertype_is_not(r, to, ETHERTYPE_IPV6);
	nsn_rule_drop(r, to, DROP_ETHERTYPE);
}

static void arp(struct nsn_rules *r)
{
	/* Ethernet, IPv4; lengths of both. */
	static const uint8_t types[] = {0, ARPHRD_ETHER, 0x08, 0x00}, lengths[] = {6, 4};
	static const uint8_t request[] = {0, ARPOP_REQUEST}, reply[] = {0, ARPOP_REPLY};
	enum { TYPES = 0, LENGTHS = 4, OPERATION = 6, SENDER_MAC = 8, SENDER_IP = 14 };
	struct nsn_rule *to = nsn_rule_begin(r, "ARP with the port's own addresses");

	nsn_rule_ethertype_is(r, to, ETHERTYPE_ARP);
	nsn_rule_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, TYPES, NFT_CMP_EQ, types,
			 sizeof(types));
	nsn_rule_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, LENGTHS, NFT_CMP_EQ, lengths,
			 sizeof(lengths));
	nsn_rule_range(r, to, NFT_PAYLOAD_NETWORK_HEADER, OPERATION, request, reply,
		       sizeof(request));
	pinned(r, to, SET_PIN4, NFT_PAYLOAD_LL_HEADER, NSN_ETH_SADDR, NFT_PAYLOAD_NETWORK_HEADER,
	       SENDER_IP, 4);
	pinned(r, to, SET_PIN4, NFT_PAYLOAD_NETWORK_HEADER, SENDER_MAC, NFT_PAYLOAD_NETWORK_HEADER,
	       SENDER_IP, 4);
	nsn_rule_accept(r, to);

	to = nsn_rule_begin(r, "");
	nsn_rule_ethertype_is(r, to, ETHERTYPE_ARP);
	nsn_rule_drop(r, to, DROP_ARP);
}

/* One that looks at a field of the IPv6 header. */
static struct nsn_rule *ipv6_rule(struct nsn_rules *r, const char *comment)
{
	struct nsn_rule *to = nsn_rule_begin(r, comment);

	nsn_rule_protocol_is(r, to, ETHERTYPE_IPV6);
	return to;
}

static struct nsn_rule *icmp6_rule(struct nsn_rules *r, const char *comment)
{
	struct nsn_rule *to = nsn_rule_begin(r, comment);

	nsn_rule_ethertype_is(r, to, ETHERTYPE_IPV6);
	nsn_rule_meta_is(r, to, NFT_META_L4PROTO, IPPROTO_ICMPV6);
	return to;
}

/*
 * The type of an ICMPv6 message, from its place behind the IPv6 header or a
 * fragment header (there is no other header: ipv6_headers()). Not by the transport
 * header: with a fragment that is not the first one the kernel lets a bridge's rule
 * read that from the IPv6 header, whose first byte, 0x60, is the type of a
 * message that is dropped.
 */
static void icmp6_types(struct nsn_rules *r, struct nsn_rule *to, bool fragment, uint8_t from,
			uint8_t last)
{
	enum { FRAGMENT = 40, FRAGMENT_OFFSET = 42, FIRST = 7 };
	static const uint8_t first[] = {0, FIRST};

	nsn_rule_byte(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP6_NEXTHDR, NFT_CMP_EQ,
		      fragment ? IPPROTO_FRAGMENT : IPPROTO_ICMPV6);
	if (fragment) {
		nsn_rule_byte(r, to, NFT_PAYLOAD_NETWORK_HEADER, FRAGMENT, NFT_CMP_EQ,
			      IPPROTO_ICMPV6);
		/* 13 bits; behind them are three more. */
		nsn_rule_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, FRAGMENT_OFFSET, NFT_CMP_LTE,
				 first, sizeof(first));
	}
	nsn_rule_range(r, to, NFT_PAYLOAD_NETWORK_HEADER, fragment ? 48 : 40, &from, &last, 1);
}

static void nd_rule(struct nsn_rules *r, struct nsn_rule *to, uint8_t type)
{
	const uint8_t type_and_code[] = {type, 0};

	nsn_rule_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 0, NFT_CMP_EQ, type_and_code,
			 sizeof(type_and_code));
	nsn_rule_byte(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP6_HOPLIMIT, NFT_CMP_EQ, 255);
}

/*
 * Of ICMPv6 errors and echo, and neighbour discovery about oneself. No router
 * or redirect messages, and none of multicast listeners: nobody listens.
 */
static void icmp6(struct nsn_rules *r)
{
	enum { ERRORS_END = 5, ECHO = ICMP6_ECHO_REQUEST, AFTER_ECHO = ICMP6_ECHO_REPLY + 1 };
	static const struct {
		uint8_t from, last;
	} others[] = {{ERRORS_END, ECHO - 1}, {AFTER_ECHO, 255}};
	struct nsn_rule *to = icmp6_rule(r, "ask who has an address");
	size_t i;

	nd_rule(r, to, ND_NEIGHBOR_SOLICIT);
	nsn_rule_accept(r, to);

	to = icmp6_rule(r, "say that oneself has it");
	nd_rule(r, to, ND_NEIGHBOR_ADVERT);
	pinned(r, to, SET_ND, NFT_PAYLOAD_LL_HEADER, NSN_ETH_SADDR, NFT_PAYLOAD_TRANSPORT_HEADER, 8,
	       16);
	nsn_rule_accept(r, to);

	for (i = 0; i < 2 * NSN_COUNT(others); i++) {
		to = ipv6_rule(r, i == 0 ? "no other ICMPv6 than errors and echo" : "");
		icmp6_types(r, to, i % 2 == 1, others[i / 2].from, others[i / 2].last);
		nsn_rule_drop(r, to, DROP_ND);
	}
}

/*
 * What would hide a message from the rules behind: extension headers, and
 * fragments of anything that these let look harmless.
 */
static void ipv6_headers(struct nsn_rules *r)
{
	static const uint8_t whole[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6};
	enum { FRAGMENT_NEXTHDR = 40 };
	struct nsn_rule *to = ipv6_rule(r, "no extension headers but fragments");
	size_t i;

	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP6_NEXTHDR, 1, REG_PORT);
	nsn_rule_lookup(r, to, SET_EXT, false);
	nsn_rule_drop(r, to, DROP_EXT);

	to = ipv6_rule(r, "fragments of TCP, UDP and ICMPv6");
	nsn_rule_byte(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP6_NEXTHDR, NFT_CMP_EQ,
		      IPPROTO_FRAGMENT);
	for (i = 0; i < NSN_COUNT(whole); i++)
		nsn_rule_byte(r, to, NFT_PAYLOAD_NETWORK_HEADER, FRAGMENT_NEXTHDR, NFT_CMP_NEQ,
			      whole[i]);
	nsn_rule_drop(r, to, DROP_EXT);
}

static void ipv6(struct nsn_rules *r)
{
	struct nsn_rule *to = ipv6_rule(r, "IPv6 from the port's own addresses");

	nsn_rule_key_meta(r, to, NFT_META_IIFNAME, REG_PORT);
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_LL_HEADER, NSN_ETH_SADDR, 6, REG_MAC);
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(AF_INET6, true), 16,
			     REG_ADDRESS);
	nsn_rule_lookup(r, to, SET_PIN6, true);
	nsn_rule_drop(r, to, DROP_SOURCE);
	ipv6_headers(r);
	icmp6(r);
}

/* Addresses are given by nsnet: who answers as a DHCP server lies. */
static void no_dhcp_server(struct nsn_rules *r, uint16_t ethertype, uint16_t port)
{
	const uint16_t wire = htons(port);
	struct nsn_rule *to = nsn_rule_begin(r, "no DHCP server");

	nsn_rule_ethertype_is(r, to, ethertype);
	nsn_rule_meta_is(r, to, NFT_META_L4PROTO, IPPROTO_UDP);
	nsn_rule_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 0, NFT_CMP_EQ, &wire, sizeof(wire));
	nsn_rule_drop(r, to, DROP_DHCP);
}

/* In the frame's header or in the packet's: a group address in a frame to one is a trick. */
static void no_groups(struct nsn_rules *r, bool six)
{
	static const struct nsn_prefix group4 = {{AF_INET, {224}}, 3};
	static const struct nsn_prefix group6 = {{AF_INET6, {0xff}}, 8};
	struct nsn_rule *to = nsn_rule_begin(r, "no broadcast, no multicast");

	nsn_rule_to_group(r, to);
	nsn_rule_drop(r, to, DROP_GROUP);
	to = nsn_rule_begin(r, "");
	nsn_rule_protocol_is(r, to, ETHERTYPE_IP);
	nsn_rule_address_in(r, to, false, &group4);
	nsn_rule_drop(r, to, DROP_GROUP);
	if (!six)
		return;
	to = ipv6_rule(r, "");
	nsn_rule_address_in(r, to, false, &group6);
	nsn_rule_drop(r, to, DROP_GROUP);
}

static bool has_rates(const struct nsn_tenant *t)
{
	size_t i;

	for (i = 0; i < t->n_endpoints; i++)
		if (t->endpoints[i].rate)
			return true;
	return false;
}

/*
 * A policer drops what is over the rate, by bytes: one that delays (tbf) would
 * do for one direction only, since what comes out of a port cannot be queued
 * without a device between (ifb), whose filters many kernels lack.
 */
static void rates(struct nsn_rules *r, const struct nsn_tenant *t, int32_t link_key,
		  const char *what)
{
	char name[NSN_NFT_NAME];
	struct nsn_rule *to;

	if (has_rates(t)) {
		to = nsn_rule_begin(r, "the endpoint's rate");
		nsn_rule_key_meta(r, to, link_key, REG_PORT);
		nsn_rule_object_map(r, to, what);
		nsn_rule_drop(r, to, DROP_RATE);
	}
	if (t->rate) {
		(void)snprintf(name, sizeof(name), "%s_%" PRIu64, what, t->rate);
		to = nsn_rule_begin(r, "the tenant's rate");
		nsn_rule_limit(r, to, name);
		nsn_rule_drop(r, to, DROP_RATE);
	}
}

static void prerouting(struct nsn_rules *r, const struct nsn_scope *s)
{
	const struct nsn_tenant *t = s->t;
	bool six = nsn_compile_ipv6(t);
	struct nsn_rule *to;

	rates(r, t, NFT_META_IIFNAME, SET_SENT);
	no_other_ethertypes(r);
	arp(r);
	if (six)
		ipv6(r);
	no_dhcp_server(r, ETHERTYPE_IP, 67);
	if (six)
		no_dhcp_server(r, ETHERTYPE_IPV6, 547);
	no_groups(r, six);

	to = nsn_rule_begin(r, "IPv4 from the port's own address");
	nsn_rule_protocol_is(r, to, ETHERTYPE_IP);
	pinned(r, to, SET_PIN4, NFT_PAYLOAD_LL_HEADER, NSN_ETH_SADDR, NFT_PAYLOAD_NETWORK_HEADER,
	       NSN_IP_ADDR(AF_INET, true), 4);
	nsn_rule_accept(r, to);
	to = nsn_rule_begin(r, "");
	nsn_rule_ethertype_is(r, to, ETHERTYPE_IP);
	nsn_rule_drop(r, to, DROP_SOURCE);

	to = nsn_rule_begin(r, six ? "IPv6 that has come this far" : "IPv6 is off");
	nsn_rule_ethertype_is(r, to, ETHERTYPE_IPV6);
	if (six)
		nsn_rule_accept(r, to);
	else
		nsn_rule_drop(r, to, DROP_IPV6);
}

/* All there is of it, ARP and neighbour discovery as well; before all that accepts. */
static void no_quarantined(struct nsn_rules *r)
{
	static const int32_t keys[] = {NFT_META_IIFNAME, NFT_META_OIFNAME};
	struct nsn_rule *to;
	size_t i;

	for (i = 0; i < NSN_COUNT(keys); i++) {
		to = nsn_rule_begin(r, i == 0 ? "in quarantine, for neighbours, too" : "");
		nsn_rule_key_meta(r, to, keys[i], REG_PORT);
		nsn_rule_lookup(r, to, SET_CUT, false);
		nsn_rule_drop(r, to, NSN_QUARANTINE_COUNTER);
	}
}

/* To the address of the endpoint behind that port, and to no other: not to a directed broadcast. */
static void to_own_address(struct nsn_rules *r, uint8_t family)
{
	bool six = family == AF_INET6;
	struct nsn_rule *to = nsn_rule_begin(r, "to an endpoint of the tenant");

	nsn_rule_protocol_is(r, to, six ? ETHERTYPE_IPV6 : ETHERTYPE_IP);
	nsn_rule_key_meta(r, to, NFT_META_OIFNAME, REG_PORT);
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_LL_HEADER, NSN_ETH_DADDR, 6, REG_MAC);
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(family, false),
			     six ? 16 : 4, REG_ADDRESS);
	nsn_rule_lookup(r, to, six ? SET_PIN6 : SET_PIN4, false);
	nsn_rule_accept(r, to);
}

/*
 * All ports have the same MTU: who tells another endpoint that its packets are too
 * large wants them small. (A host believes it of any address.)
 */
static void no_path_mtu(struct nsn_rules *r, bool six)
{
	static const uint8_t frag_needed[] = {ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG};
	static const char comment[] = "no path MTU between neighbours";
	struct nsn_rule *to = nsn_rule_begin(r, comment);

	nsn_rule_ethertype_is(r, to, ETHERTYPE_IP);
	nsn_rule_meta_is(r, to, NFT_META_L4PROTO, IPPROTO_ICMP);
	nsn_rule_payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 0, NFT_CMP_EQ, frag_needed,
			 sizeof(frag_needed));
	nsn_rule_drop(r, to, DROP_INSIDE);
	if (!six)
		return;
	to = ipv6_rule(r, comment);
	nsn_rule_byte(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP6_NEXTHDR, NFT_CMP_EQ,
		      IPPROTO_ICMPV6);
	nsn_rule_byte(r, to, NFT_PAYLOAD_NETWORK_HEADER, 40, NFT_CMP_EQ, ICMP6_PACKET_TOO_BIG);
	nsn_rule_drop(r, to, DROP_INSIDE);
}

static void forward(struct nsn_rules *r, const struct nsn_scope *s)
{
	const struct nsn_tenant *t = s->t;
	bool six = nsn_compile_ipv6(t);
	struct nsn_rule *to;

	if (t->inside_deny)
		return;
	no_quarantined(r);
	to = nsn_rule_begin(r, "endpoints of one tenant");
	nsn_rule_ethertype_is(r, to, ETHERTYPE_ARP);
	nsn_rule_accept(r, to);
	no_path_mtu(r, six);
	to_own_address(r, AF_INET);
	if (!six)
		return;
	to = icmp6_rule(r, "ask who has an address");
	nd_rule(r, to, ND_NEIGHBOR_SOLICIT);
	nsn_rule_accept(r, to);
	to_own_address(r, AF_INET6);
}

/* Also what comes from the gateway itself. */
static void postrouting(struct nsn_rules *r, const struct nsn_scope *s)
{
	rates(r, s->t, NFT_META_OIFNAME, SET_RCVD);
}

static const struct nsn_chain_def chains[] = {
	{"prerouting", DROP_ETHERTYPE, NF_BR_PRE_ROUTING, -300, NF_DROP, prerouting, NSN_ALWAYS,
	 NULL},
	{"forward", DROP_INSIDE, NF_BR_FORWARD, -300, NF_DROP, forward, NSN_ALWAYS, NULL},
	{"postrouting", NULL, NF_BR_POST_ROUTING, -300, NF_ACCEPT, postrouting, NSN_ALWAYS, NULL},
	{"cut", NULL, NF_BR_PRE_ROUTING, -500, NF_DROP, NULL, NSN_WHEN_CUT, NULL},
};

static int add_counters(struct nsn_state *s, struct nsn_place at)
{
	static const char *const names[] = {DROP_ARP,
					    DROP_SOURCE,
					    DROP_ND,
					    DROP_EXT,
					    DROP_DHCP,
					    DROP_GROUP,
					    DROP_IPV6,
					    DROP_RATE,
					    DROP_ETHERTYPE,
					    DROP_INSIDE,
					    NSN_QUARANTINE_COUNTER};
	int r = 0;
	size_t i;

	for (i = 0; r == 0 && i < NSN_COUNT(names); i++)
		r = nsn_compile_counter(s, at, NFPROTO_BRIDGE, names[i]);
	return r;
}

int nsn_compile_bridge(struct nsn_state *s, struct nsn_place at, const struct nsn_tenant *t,
		       const struct nsn_border *b, const char *mark, enum nsn_want want)
{
	const struct nsn_scope scope = {.t = t};
	int r = nsn_compile_table(s, at, NFPROTO_BRIDGE, mark);
	size_t i;

	if (r == 0)
		r = add_counters(s, at);
	if (r == 0)
		r = nsn_compile_bridge_sets(s, at, t, b);
	for (i = 0; r == 0 && i < NSN_COUNT(chains); i++)
		if (nsn_compile_has_chain(&chains[i], &scope, want))
			r = nsn_compile_chain(s, at, NFPROTO_BRIDGE, &chains[i], &scope);
	return r;
}
