// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The gateway's bridge table, rule by rule, proven by frames
 *
 * Each row is a frame that no endpoint may send: it does not arrive, and is
 * counted by the reason it is dropped for. Without exactly the rules that the
 * row names it does arrive: more than one where a rule behind would drop it,
 * too. What other layers would stop (test_topology.c has them) is out of the
 * way for all of it but the first try.
 *
 * As in test_topology.c nothing waits for silence: all frames go through the
 * queue of one processor, so when a later one is answered, the earlier one is
 * through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lib/packet.h"
#include "../lib/site.h"
#include "../lib/world.h"

#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define NOBODY	  "00:00:00:00:00:00"
#define FOREIGN	  "02:00:00:00:00:99"
#define OWN_MAC	  "02:00:00:00:00:01"
#define PEER	  "10.10.1.3"
#define PEER6	  "fd00:1::3"
#define PEER_MAC  "02:00:00:00:00:02"
#define ALL_NODES "33:33:00:00:00:01"
/* Nobody's, but of the subnets. */
#define OTHER  "10.10.1.9"
#define OTHER6 "fd00:1::9"

static struct site site;
/* Sockets; `answers` is on the same link as `workload`. */
static int workload = -1, answers = -1, at_peer = -1, at_gateway = -1;
static int peer = -1; /* its namespace */

/* ---- the gateway's rules ---- */

static char *output_in(int ns, const char *script)
{
	struct run r;
	char *out;

	site_go(ns);
	RUN(&r, "sh", "-ec", script);
	site_go(site.home);
	if (r.status != 0)
		fail_msg("%s\n%s%s", script, r.out, r.err);
	out = strdup(r.out);
	assert_non_null(out);
	run_free(&r);
	return out;
}

static void run_in(int ns, const char *script)
{
	free(output_in(ns, script));
}

/*
 * Removes the one rule of a chain that has these words in it. "CHAIN policy":
 * makes that accept what is left.
 */
static void remove_rule(const char *chain, const char *words)
{
	char script[128], *list, *at;
	unsigned long handle = 0;

	if (strcmp(words, "policy") == 0) {
		(void)snprintf(script, sizeof(script),
			       "nft 'chain bridge nsnet %s { policy accept; }'", chain);
		run_in(site.gateway, script);
		return;
	}
	(void)snprintf(script, sizeof(script), "nft -a list chain bridge nsnet %s", chain);
	list = output_in(site.gateway, script);
	at = strstr(list, words);
	if (at && !strstr(at + 1, words))
		at = strstr(at, "# handle ");
	else
		at = NULL;
	if (at)
		handle = strtoul(at + strlen("# handle "), NULL, 10);
	if (handle == 0)
		fail_msg("not one rule with '%s' in\n%s", words, list);
	(void)snprintf(script, sizeof(script), "nft delete rule bridge nsnet %s handle %lu", chain,
		       handle);
	free(list);
	run_in(site.gateway, script);
}

static uint64_t counted(const char *reason)
{
	struct nsnet_tenant *t;
	uint64_t n = UINT64_MAX;

	assert_int_equal(nsnet_tenant_get(site.n, SITE_TENANT, NSNET_OBSERVE, &t, NULL), 0);
	for (size_t i = 0; i < nsnet_tenant_drops(t); i++)
		if (strcmp(nsnet_tenant_drop_reason(t, i), reason) == 0)
			n = nsnet_tenant_drop_packets(t, i);
	nsnet_tenant_free(t);
	if (n == UINT64_MAX)
		fail_msg("there is no reason '%s'", reason);
	return n;
}

/* ---- frames ---- */

static const char * or (const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

static void send_it(struct frame *f)
{
	frame_finish(f);
	tap_send(workload, f);
}

/* What is not said is as it should be. */
struct arp {
	const char *to, *src, *mac, *ip;
	uint16_t op;
	uint8_t at, byte; /* one byte of the ARP packet is another; at 0: none */
	uint16_t type;	  /* of the frame; 0: ARP */
};

static void send_arp(const void *arg)
{
	const struct arp *a = arg;
	struct frame f = {0};

	frame_eth(&f, or (a->to, PEER_MAC), or (a->src, OWN_MAC),
		  a->type ? a->type : ETHERTYPE_ARP);
	frame_arp(&f, a->op ? a->op : ARPOP_REQUEST, or (a->mac, OWN_MAC),
		  or (a->ip, SITE_WORKLOAD), NOBODY, PEER);
	if (a->at)
		f.bytes[14 + a->at] = a->byte;
	send_it(&f);
}

#define ARP(...)                                                                                   \
	send_arp, &(const struct arp)                                                              \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

struct packet {
	bool six;
	const char *to, *mac, *src, *dst;
	uint8_t proto, hops;
	uint16_t port;	    /* UDP: from here */
	uint8_t type, code; /* ICMP */
	const char *target; /* neighbour discovery */
	bool has_ext;
	uint8_t ext;	   /* an IPv6 header before all that, of 8 bytes */
	uint16_t fragment; /* where it begins and whether more come, as it is sent */
	uint16_t tag, tci; /* an EtherType before all that */
};

static void put_target(struct frame *f, const char *target)
{
	struct in6_addr ip = {0};

	if (!target)
		return;
	assert_int_equal(inet_pton(AF_INET6, target, &ip), 1);
	frame_bytes(f, &ip, sizeof(ip));
}

static void put_payload(struct frame *f, const struct packet *p)
{
	if (p->proto == 0)
		frame_udp(f, p->port ? p->port : 4000, 4001);
	else
		frame_icmp(f, p->type, p->code, 0);
	put_target(f, p->target);
}

static void send_ip(const void *arg)
{
	const struct packet *p = arg;
	const uint8_t proto = p->proto ? p->proto : IPPROTO_UDP;
	const uint16_t type = p->six ? ETHERTYPE_IPV6 : ETHERTYPE_IP;
	const uint8_t tag[] = {(uint8_t)(p->tci >> 8), (uint8_t)p->tci, (uint8_t)(type >> 8),
			       (uint8_t)(type & 0xff)};
	const uint8_t ext[8] = {proto, 0, (uint8_t)(p->fragment >> 8), (uint8_t)p->fragment};
	struct frame f = {0};

	frame_eth(&f, or (p->to, PEER_MAC), or (p->mac, OWN_MAC), p->tag ? p->tag : type);
	if (p->tag)
		frame_bytes(&f, tag, sizeof(tag));
	if (p->six)
		frame_ipv6(&f, or (p->src, SITE_WORKLOAD6), or (p->dst, PEER6),
			   p->has_ext ? p->ext : proto);
	else
		frame_ipv4(&f, or (p->src, SITE_WORKLOAD), or (p->dst, PEER), proto, NULL, 0);
	if (p->hops)
		f.bytes[f.ip + 7] = p->hops;
	if (p->has_ext)
		frame_bytes(&f, ext, sizeof(ext));
	put_payload(&f, p);
	send_it(&f);
}

#define IP(...)                                                                                    \
	send_ip, &(const struct packet)                                                            \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define IP6(...)   IP(.six = true, __VA_ARGS__)
#define ICMP6(...) IP6(.proto = IPPROTO_ICMPV6, __VA_ARGS__)
/* Hop-by-hop options that are empty; a fragment header looks the same. */
#define EXT(header)   IP6(.has_ext = true, .ext = (header))
#define FRAGMENT(...) IP6(.has_ext = true, .ext = IPPROTO_FRAGMENT, __VA_ARGS__)

struct other {
	const char *to;
	uint16_t type; /* below 1536: a length */
};

static void send_other(const void *arg)
{
	const struct other *o = arg;
	struct frame f = {0};

	frame_eth(&f, o->to, OWN_MAC, o->type);
	send_it(&f);
}

#define OTHER_TYPE(...)                                                                            \
	send_other, &(const struct other)                                                          \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* ---- what is not allowed ---- */

struct row {
	const char *name;
	void (*send)(const void *arg);
	const void *arg;
	const char *reason;
	const char *without[6]; /* the rules, by some of their words */
	int *seen;		/* NULL: by the peer */
	const char *before;	/* other layers out of the way */
	const char *script;	/* instead of `without` */
	const char *chain;	/* NULL: prerouting */
};

/* Rules that take what others let through. */
#define LAST	  "\t\tcounter name \"nsnet_drop_ethertype\"", "policy"
#define ARP_DROP  "ether type arp counter"
#define TYPES	  "ether type != ip "
#define SOURCE4	  "ether type ip counter name \"nsnet_drop_source\""
#define SOURCE6	  "ip6 saddr != @nsnet_pin6"
#define TO_GROUP  "ether daddr & 01:00:00:00:00:00"
#define GROUP4	  "ip daddr 224.0.0.0/3"
#define GROUP6	  "ip6 daddr ff00::/8"
#define DHCP4	  "udp sport 67 "
#define DHCP6	  "udp sport 547 "
#define FRAGMENTS "@nh,320,8 != 0x6 "
#define ICMP_LOW  "ipv6-icmp @nh,320,8 0x5-0x7f"
#define ICMP_HIGH "ipv6-icmp @nh,320,8 0x82-0xff"
#define FRAG_LOW  "@nh,384,8 0x5-0x7f"
#define FRAG_HIGH "@nh,384,8 0x82-0xff"
#define UNLOCKED  "ip link set dev $PORT type bridge_slave locked off"
#define INSIDE	  "counter name \"nsnet_drop_inside\" drop #", "policy"
#define NO_EXT(n) .script = "nft delete element bridge nsnet nsnet_ext { " #n " }"

/* clang-format off */
static const struct row rows[] = {
	/* ARP. */
	{"arp_with_a_foreign_sender_address", ARP(.ip = OTHER), "arp", {ARP_DROP, LAST}},
	{"arp_with_the_peers_address", ARP(.ip = PEER), "arp", {ARP_DROP, LAST}},
	{"arp_with_the_gateways_address", ARP(.ip = SITE_GATEWAY), "arp", {ARP_DROP, LAST}},
	{"arp_with_no_sender_address", ARP(.ip = "0.0.0.0"), "arp", {ARP_DROP, LAST}},
	{"arp_with_a_foreign_mac_inside", ARP(.mac = FOREIGN), "arp", {ARP_DROP, LAST}},
	{"arp_from_a_foreign_mac", ARP(.src = FOREIGN), "arp", {ARP_DROP, LAST},
	 .before = UNLOCKED},
	{"arp_from_a_foreign_mac_with_the_same_inside", ARP(.src = FOREIGN, .mac = FOREIGN), "arp",
	 {ARP_DROP, LAST}, .before = UNLOCKED},
	{"arp_answer_for_another", ARP(.ip = OTHER, .op = ARPOP_REPLY), "arp", {ARP_DROP, LAST}},
	/* The target is always the peer's address. */
	{"gratuitous_arp", ARP(.to = BROADCAST, .ip = PEER), "arp", {ARP_DROP, TO_GROUP, LAST},
	 .seen = &at_gateway},
	{"arp_of_another_hardware", ARP(.at = 1, .byte = 6), "arp", {ARP_DROP, LAST}},
	{"arp_of_another_protocol", ARP(.at = 2, .byte = 0x86), "arp", {ARP_DROP, LAST}},
	{"arp_with_longer_macs", ARP(.at = 4, .byte = 8), "arp", {ARP_DROP, LAST}},
	{"arp_with_longer_addresses", ARP(.at = 5, .byte = 16), "arp", {ARP_DROP, LAST}},
	{"arp_of_no_operation", ARP(.at = 7, .byte = 0), "arp", {ARP_DROP, LAST}},
	{"arp_as_reverse_arp", ARP(.op = ARPOP_RREQUEST), "arp", {ARP_DROP, LAST}},
	{"arp_as_inverse_arp", ARP(.op = ARPOP_InREQUEST), "arp", {ARP_DROP, LAST}},
	/* EtherTypes. */
	{"reverse_arp", ARP(.type = ETHERTYPE_REVARP, .op = ARPOP_RREQUEST), "ethertype",
	 {TYPES, LAST}},
	{"an_unknown_ethertype", OTHER_TYPE(PEER_MAC, 0x88b5), "ethertype", {TYPES, LAST}},
	{"lldp", OTHER_TYPE(PEER_MAC, 0x88cc), "ethertype", {TYPES, LAST}},
	{"pppoe", OTHER_TYPE(PEER_MAC, 0x8863), "ethertype", {TYPES, LAST}},
	{"mpls", OTHER_TYPE(PEER_MAC, 0x8847), "ethertype", {TYPES, LAST}},
	{"no_ethertype_but_a_length", OTHER_TYPE(PEER_MAC, 16), "ethertype", {TYPES, LAST}},
	{"an_unknown_ethertype_to_all", OTHER_TYPE(BROADCAST, 0x88b5), "ethertype",
	 {TYPES, TO_GROUP, LAST}, .seen = &at_gateway},
	/* Behind the first rule, a frame with a tag is what is behind the tag. */
	{"a_tag_for_no_vlan", IP(.tag = ETHERTYPE_VLAN), "ethertype", {TYPES}},
	{"a_tag_for_a_vlan", IP(.tag = ETHERTYPE_VLAN, .tci = 5), "ethertype", {TYPES, LAST}},
	{"a_tag_of_a_provider", IP(.tag = 0x88a8, .tci = 5), "ethertype", {TYPES, LAST}},
	{"ipv6_with_a_tag", IP6(.tag = ETHERTYPE_VLAN), "ethertype", {TYPES, LAST}},
	/* IPv4. */
	{"a_foreign_source", IP(.src = "192.0.2.7"), "source", {SOURCE4, LAST}},
	{"the_peer_as_source", IP(.src = PEER), "source", {SOURCE4, LAST}},
	{"no_source", IP(.src = "0.0.0.0"), "source", {SOURCE4, LAST}},
	{"a_foreign_mac", IP(.mac = FOREIGN), "source", {SOURCE4, LAST}, .before = UNLOCKED},
	{"the_peers_mac_and_source", IP(.mac = PEER_MAC, .src = PEER, .to = "06:00:00:00:00:01"),
	 "source", {SOURCE4, LAST}, .seen = &at_gateway, .before = UNLOCKED},
	{"broadcast", IP(.to = BROADCAST, .dst = "255.255.255.255"), "multicast",
	 {TO_GROUP, GROUP4}, .seen = &at_gateway},
	{"directed_broadcast", IP(.to = BROADCAST, .dst = "10.10.1.255"), "multicast", {TO_GROUP},
	 .seen = &at_gateway},
	{"broadcast_of_frames_only", IP(.to = BROADCAST), "multicast", {TO_GROUP},
	 .seen = &at_gateway},
	{"broadcast_in_a_frame_to_one", IP(.dst = "255.255.255.255"), "multicast", {GROUP4}},
	{"multicast", IP(.to = "01:00:5e:00:00:fb", .dst = "224.0.0.251"), "multicast",
	 {TO_GROUP, GROUP4}, .seen = &at_gateway},
	{"multicast_of_frames_only", IP(.to = "01:00:5e:00:00:fb"), "multicast", {TO_GROUP},
	 .seen = &at_gateway},
	{"multicast_in_a_frame_to_one", IP(.dst = "239.1.2.3"), "multicast", {GROUP4}},
	{"reserved_addresses", IP(.dst = "240.0.0.1"), "multicast", {GROUP4}},
	{"dhcp_server", IP(.port = 67), "dhcp", {DHCP4}},
	{"dhcp_server_to_all", IP(.port = 67, .to = BROADCAST, .dst = "255.255.255.255"), "dhcp",
	 {DHCP4, TO_GROUP, GROUP4}, .seen = &at_gateway},
	/* IPv6. */
	{"ipv6_from_a_foreign_source", IP6(.src = "2001:db8::7"), "source", {SOURCE6}},
	{"ipv6_from_the_peers_source", IP6(.src = PEER6), "source", {SOURCE6}},
	{"ipv6_from_a_link_local_source", IP6(.src = "fe80::2"), "source", {SOURCE6}},
	{"ipv6_from_a_foreign_mac", IP6(.mac = FOREIGN), "source", {SOURCE6}, .before = UNLOCKED},
	{"duplicate_address_detection",
	 ICMP6(.src = "::", .dst = "ff02::1:ff00:9", .to = "33:33:ff:00:00:09",
	       .type = ND_NEIGHBOR_SOLICIT, .target = OTHER6), "source", {SOURCE6},
	 .seen = &at_gateway},
	{"ipv6_multicast", IP6(.to = ALL_NODES, .dst = "ff02::1"), "multicast",
	 {TO_GROUP, GROUP6}, .seen = &at_gateway},
	{"ipv6_multicast_of_frames_only", IP6(.to = ALL_NODES), "multicast", {TO_GROUP},
	 .seen = &at_gateway},
	{"ipv6_multicast_in_a_frame_to_one", IP6(.dst = "ff02::1"), "multicast", {GROUP6}},
	{"ipv6_ping_to_all",
	 ICMP6(.to = ALL_NODES, .dst = "ff02::1", .type = ICMP6_ECHO_REQUEST), "multicast",
	 {TO_GROUP, GROUP6}, .seen = &at_gateway},
	{"dhcpv6_server", IP6(.port = 547), "dhcp", {DHCP6}},
	/* Extension headers: each is an element of a set. */
	{"any_extension_header", EXT(0), "exthdr", {"ip6 nexthdr @nsnet_ext"}},
	{"hop_by_hop_options", EXT(0), "exthdr", NO_EXT(0)},
	{"routing_header", EXT(43), "exthdr", NO_EXT(43)},
	{"destination_options", EXT(60), "exthdr", NO_EXT(60)},
	{"mobility_header", EXT(135), "exthdr", NO_EXT(135)},
	{"hip_header", EXT(139), "exthdr", NO_EXT(139)},
	{"shim6_header", EXT(140), "exthdr", NO_EXT(140)},
	{"first_experimental_header", EXT(253), "exthdr", NO_EXT(253)},
	{"second_experimental_header", EXT(254), "exthdr", NO_EXT(254)},
	{"fragment_of_esp", FRAGMENT( .proto = IPPROTO_ESP, .fragment = 1),
	 "exthdr", {FRAGMENTS}},
	{"fragment_of_options", FRAGMENT( .proto = IPPROTO_DSTOPTS, .fragment = 1),
	 "exthdr", {FRAGMENTS}},
	{"later_fragment_of_esp",
	 FRAGMENT( .proto = IPPROTO_ESP, .fragment = 8 * 100), "exthdr",
	 {FRAGMENTS}},
	{"fragment_of_a_fragment",
	 FRAGMENT( .proto = IPPROTO_FRAGMENT, .fragment = 1), "exthdr",
	 {FRAGMENTS}},
	/* ICMPv6. */
	{"router_advertisement", ICMP6(.type = ND_ROUTER_ADVERT), "nd", {ICMP_HIGH}},
	{"router_advertisement_to_all",
	 ICMP6(.type = ND_ROUTER_ADVERT, .to = ALL_NODES, .dst = "ff02::1"), "nd",
	 {ICMP_HIGH, TO_GROUP, GROUP6}, .seen = &at_gateway},
	{"router_solicitation", ICMP6(.type = ND_ROUTER_SOLICIT), "nd", {ICMP_HIGH}},
	{"router_solicitation_to_all",
	 ICMP6(.type = ND_ROUTER_SOLICIT, .to = "33:33:00:00:00:02", .dst = "ff02::2"), "nd",
	 {ICMP_HIGH, TO_GROUP, GROUP6}, .seen = &at_gateway},
	{"redirect", ICMP6(.type = ND_REDIRECT, .target = OTHER6), "nd", {ICMP_HIGH}},
	{"mld_query", ICMP6(.type = MLD_LISTENER_QUERY), "nd", {ICMP_HIGH}},
	{"mld_report", ICMP6(.type = MLD_LISTENER_REPORT), "nd", {ICMP_HIGH}},
	{"mld2_report", ICMP6(.type = 143), "nd", {ICMP_HIGH}},
	{"last_icmp6_type", ICMP6(.type = 255), "nd", {ICMP_HIGH}},
	{"unknown_icmp6_errors", ICMP6(.type = 5), "nd", {ICMP_LOW}},
	{"last_icmp6_error", ICMP6(.type = 127), "nd", {ICMP_LOW}},
	{"advertisement_of_another",
	 ICMP6(.type = ND_NEIGHBOR_ADVERT, .target = OTHER6), "nd", {ICMP_HIGH}},
	{"advertisement_of_the_peer",
	 ICMP6(.type = ND_NEIGHBOR_ADVERT, .target = PEER6), "nd", {ICMP_HIGH}},
	{"advertisement_of_the_gateway",
	 ICMP6(.type = ND_NEIGHBOR_ADVERT, .target = SITE_GATEWAY6), "nd", {ICMP_HIGH}},
	{"advertisement_from_afar",
	 ICMP6(.type = ND_NEIGHBOR_ADVERT, .target = SITE_WORKLOAD6, .hops = 64), "nd",
	 {ICMP_HIGH}},
	{"solicitation_from_afar",
	 ICMP6(.type = ND_NEIGHBOR_SOLICIT, .target = PEER6, .hops = 64), "nd", {ICMP_HIGH}},
	{"solicitation_with_a_code",
	 ICMP6(.type = ND_NEIGHBOR_SOLICIT, .target = PEER6, .code = 1), "nd", {ICMP_HIGH}},
	{"router_advertisement_in_a_fragment",
	 FRAGMENT(.proto = IPPROTO_ICMPV6, .type = ND_ROUTER_ADVERT), "nd", {FRAG_HIGH}},
	{"router_advertisement_in_a_first_fragment",
	 FRAGMENT(.proto = IPPROTO_ICMPV6, .fragment = 1, .type = ND_ROUTER_ADVERT), "nd", {FRAG_HIGH}},
	{"unknown_icmp6_in_a_first_fragment",
	 FRAGMENT(.proto = IPPROTO_ICMPV6, .fragment = 1, .type = 100), "nd", {FRAG_LOW}},
	/* Between ports: to the address of the endpoint that is there, and no path MTU. */
	{"directed_broadcast_in_a_frame_to_one", IP(.dst = "10.10.1.255"), "inside", {INSIDE},
	 .chain = "forward"},
	{"the_address_of_a_third", IP(.dst = OTHER), "inside", {INSIDE}, .chain = "forward"},
	{"the_loopback_of_the_peer", IP(.dst = "127.0.0.1"), "inside", {INSIDE},
	 .chain = "forward"},
	{"the_ipv6_loopback_of_the_peer", IP6(.dst = "::1"), "inside", {INSIDE},
	 .chain = "forward"},
	{"a_path_mtu", IP(.proto = IPPROTO_ICMP, .type = 3, .code = 4), "inside",
	 {"frag-needed"}, .chain = "forward"},
	{"an_ipv6_path_mtu", ICMP6(.type = ICMP6_PACKET_TOO_BIG), "inside",
	 {"@nh,320,8 0x2 "}, .chain = "forward"},
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static bool answered(void *ctx)
{
	(void)ctx;
	return count_arp_from(answers, SITE_GATEWAY) > 0;
}

/* To the gateway alone, so that it goes through whatever rule of the table is out. */
static void wait_until_handled(void)
{
	struct frame f = {0};

	frame_eth(&f, site.gateway_mac, OWN_MAC, ETHERTYPE_ARP);
	frame_arp(&f, ARPOP_REQUEST, OWN_MAC, SITE_WORKLOAD, NOBODY, SITE_GATEWAY);
	tap_send(workload, &f);
	assert_true(poll_until(answered, NULL, 60000));
}

static size_t try_once(const struct row *row)
{
	int seen = row->seen ? *row->seen : at_peer;

	(void)count_marked(seen);
	row->send(row->arg);
	wait_until_handled();
	return count_marked(seen);
}

static void is_dropped_and_counted(const struct row *row)
{
	uint64_t before = counted(row->reason);

	if (try_once(row) > 0)
		fail_msg("it arrives");
	if (counted(row->reason) != before + 1)
		fail_msg("%d are counted as %s", (int)(counted(row->reason) - before), row->reason);
}

static bool arrives(void *row)
{
	return try_once(row) > 0;
}

/* A kernel that speaks IPv6 would be counted, too, for what it says by itself. */
static void be_quiet(void)
{
	static const char script[] = "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6";

	run_in(site.workload, script);
	run_in(peer, script);
	wait_until_handled();
}

static void the_rule_holds(void **state)
{
	const struct row *row = *state;

	world_need();
	be_quiet();
	if (!row->before)
		is_dropped_and_counted(row);
	else if (try_once(row) > 0)
		fail_msg("it arrives as built");
	if (row->before) {
		run_in(site.gateway, row->before);
		is_dropped_and_counted(row);
	}
	if (row->script)
		run_in(site.gateway, row->script);
	for (size_t i = 0; row->without[i]; i++)
		remove_rule(row->chain ? row->chain : "prerouting", row->without[i]);
	/* A layer behind the first, which has rows of its own. */
	if (!row->chain)
		run_in(site.gateway, "nft insert rule bridge nsnet forward accept");
	if (!poll_until(arrives, (void *)(uintptr_t)row, 10000))
		fail_msg("it does not arrive without the rule: nothing is proven");
}

/* ---- what is allowed ---- */

struct allowed {
	const char *name;
	void (*send)(const void *arg);
	const void *arg;
	const char *chain, *rule; /* that lets it through */
	const char *reason;	  /* it is dropped for without that */
};

#define PIN4	       "ip saddr @nsnet_pin4 accept"
#define ANY6	       "ether type ip6 accept"
#define ASK6	       "nd-neighbor-solicit"
#define SAY6	       "nd-neighbor-advert"
#define BETWEEN(words) "forward", words, "inside"
#define V4	       "prerouting", PIN4, "source"
#define V6	       "prerouting", ANY6, "ethertype"

/* clang-format off */
static const struct allowed allowed[] = {
	{"arp_question_passes", ARP(.op = ARPOP_REQUEST), "prerouting", "arp htype 1", "arp"},
	{"arp_answer_passes", ARP(.op = ARPOP_REPLY), "prerouting", "arp htype 1", "arp"},
	{"udp_passes", IP(.port = 4000), V4},
	{"dhcp_client_passes", IP(.port = 68), V4},
	{"icmp_passes", IP(.proto = IPPROTO_ICMP, .type = 8), V4},
	{"sctp_passes", IP(.proto = IPPROTO_SCTP), V4},
	{"gre_passes", IP(.proto = IPPROTO_GRE), V4},
	{"esp_passes", IP(.proto = IPPROTO_ESP), V4},
	{"ipip_passes", IP(.proto = IPPROTO_IPIP), V4},
	{"udp_passes_between_endpoints", IP(.port = 4000),
	 BETWEEN("ip daddr @nsnet_pin4 accept")},
	{"unreachable_passes_between_endpoints",
	 IP(.proto = IPPROTO_ICMP, .type = 3, .code = 3), BETWEEN("ip daddr @nsnet_pin4 accept")},
	{"ipv6_passes_between_endpoints", IP6(.port = 4000),
	 BETWEEN("ip6 daddr @nsnet_pin6 accept")},
	{"arp_passes_between_endpoints", ARP(.op = ARPOP_REPLY), BETWEEN("ether type arp accept")},
	{"solicitation_to_many_passes_between_endpoints",
	 ICMP6(.type = ND_NEIGHBOR_SOLICIT, .target = PEER6, .to = "33:33:ff:00:00:03",
	       .dst = "ff02::1:ff00:3"), BETWEEN("nd-neighbor-solicit")},
	{"ipv6_udp_passes", IP6(.port = 4000), V6},
	{"dhcpv6_client_passes", IP6(.port = 546), V6},
	{"ipv6_sctp_passes", IP6(.proto = IPPROTO_SCTP), V6},
	{"ipv6_gre_passes", IP6(.proto = IPPROTO_GRE), V6},
	{"ipv6_esp_passes", IP6(.proto = IPPROTO_ESP), V6},
	{"ipv6_ping_passes", ICMP6(.type = ICMP6_ECHO_REQUEST), V6},
	{"ipv6_answer_passes", ICMP6(.type = ICMP6_ECHO_REPLY), V6},
	{"ipv6_first_error_passes", ICMP6(.type = ICMP6_DST_UNREACH), V6},
	{"ipv6_last_error_passes", ICMP6(.type = ICMP6_PARAM_PROB), V6},
	{"ipv6_fragment_of_udp_passes",
	 FRAGMENT( .fragment = 1), V6},
	{"ipv6_later_fragment_of_udp_passes",
	 FRAGMENT( .fragment = 8 * 100), V6},
	/* Its first byte is no type. */
	{"ipv6_later_fragment_of_icmp_passes",
	 FRAGMENT(.proto = IPPROTO_ICMPV6, .fragment = 8 * 100, .type = ND_ROUTER_ADVERT), V6},
	{"solicitation_passes",
	 ICMP6(.type = ND_NEIGHBOR_SOLICIT, .target = PEER6), "prerouting", ASK6, "nd"},
	{"solicitation_to_many_passes",
	 ICMP6(.type = ND_NEIGHBOR_SOLICIT, .target = PEER6, .to = "33:33:ff:00:00:03",
	       .dst = "ff02::1:ff00:3"), "prerouting", ASK6, "nd"},
	{"advertisement_passes",
	 ICMP6(.type = ND_NEIGHBOR_ADVERT, .target = SITE_WORKLOAD6), "prerouting", SAY6, "nd"},
};
/* clang-format on */

#define ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

/* Questions to the gateway may be without a rule, too: no wait_until_handled(). */
struct count {
	const char *reason;
	uint64_t wanted;
};

static bool is_counted(void *ctx)
{
	const struct count *c = ctx;

	return counted(c->reason) >= c->wanted;
}

static void it_passes_by_its_rule(void **state)
{
	const struct allowed *a = *state;
	const struct row row = {.send = a->send, .arg = a->arg};
	struct count one = {.reason = a->reason};

	world_need();
	be_quiet();
	if (!poll_until(arrives, (void *)(uintptr_t)&row, 10000))
		fail_msg("it does not arrive");
	remove_rule(a->chain, a->rule);
	one.wanted = counted(a->reason) + 1;
	(void)count_marked(at_peer);
	a->send(a->arg);
	assert_true(poll_until(is_counted, &one, 10000));
	assert_int_equal(counted(a->reason), one.wanted);
	assert_int_equal(count_marked(at_peer), 0);
}

/* ---- tenants ---- */

static void open_ends(void)
{
	peer = site_open_ns("/run/netns/" SITE_TENANT ".peer");
	site_go(site.workload);
	workload = tap_open("eth0");
	answers = tap_open("eth0");
	site_go(peer);
	at_peer = tap_open("eth0");
	site_go(site.gateway);
	at_gateway = tap_open("br0");
	site_go(site.home);
	assert_string_equal(site.mac, OWN_MAC);
	site_wait_for_port(&site);
	run_in(site.gateway,
	       "until [ $(bridge link | grep -c 'state forwarding') = 2 ]; do sleep 0.01; done");
}

static const struct nsnet_endpoint_def two[] = {{.name = "default"}, {.name = "peer"}};
static const struct nsnet_tenant_def blue = {.name = SITE_TENANT,
					     .subnet = SITE_SUBNET,
					     .subnet6 = SITE_SUBNET6,
					     .endpoints = two,
					     .n_endpoints = 2};

static void build(const struct nsnet_tenant_def *def)
{
	if (site_build_def(&site, def))
		open_ends();
}

static int set_up(void **state)
{
	(void)state;
	build(&blue);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	site_close(&workload);
	site_close(&answers);
	site_close(&at_peer);
	site_close(&at_gateway);
	site_close(&peer);
	if (site.n)
		site_drop(&site);
	return 0;
}

/* ---- inside: deny ---- */

static int set_up_deny(void **state)
{
	struct nsnet_tenant_def def = blue;

	(void)state;
	def.inside = "deny";
	build(&def);
	return 0;
}

static const struct row kinds[] = {
	{"", IP(.port = 4000)},
	{"", IP6(.port = 4000)},
	{"", IP(.proto = IPPROTO_SCTP)},
	{"", ARP(.op = ARPOP_REQUEST)},
	{"", ICMP6(.type = ND_NEIGHBOR_SOLICIT, .target = PEER6)},
	{"", ICMP6(.type = ND_NEIGHBOR_SOLICIT, .target = PEER6, .to = "33:33:ff:00:00:03",
		   .dst = "ff02::1:ff00:3")},
};

/*
 * Isolated ports are enough, and nothing is counted then; the forward chain is
 * enough, too.
 */
static void endpoints_do_not_reach_each_other(void **state)
{
	static const char mixed[] =
		"for i in $(ip -o link show master br0 | grep -o 'nsn[0-9]*@' | tr -d @); do"
		" ip link set dev $i type bridge_slave isolated off"
		" mcast_flood on; done";
	const size_t n = sizeof(kinds) / sizeof(kinds[0]);
	uint64_t before;

	(void)state;
	world_need();
	be_quiet();
	for (size_t i = 0; i < n; i++)
		assert_int_equal(try_once(&kinds[i]), 0);
	remove_rule("forward", "nsnet_drop_inside");
	remove_rule("forward", "policy");
	for (size_t i = 0; i < n; i++)
		assert_int_equal(try_once(&kinds[i]), 0);
	assert_true(site_repair(&site));
	be_quiet();
	run_in(site.gateway, mixed);
	before = counted("inside");
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(try_once(&kinds[i]), 0);
		assert_int_equal(counted("inside"), before + i + 1);
	}
	remove_rule("forward", "nsnet_drop_inside");
	remove_rule("forward", "policy");
	for (size_t i = 0; i < n; i++)
		assert_true(poll_until(arrives, (void *)(uintptr_t)&kinds[i], 10000));
}

/* ---- rates ---- */

static int set_up_rates(void **state)
{
	static const struct nsnet_endpoint_def slow[] = {{.name = "default", .rate = "8kbit"},
							 {.name = "peer", .rate = "16kbit"}};
	struct nsnet_tenant_def def = blue;

	(void)state;
	def.endpoints = slow;
	def.rate = "24kbit";
	build(&def);
	return 0;
}

/* More than the 128 KiB that may come at once; all of it is seen, or dropped. */
struct flood {
	size_t arrived;
	uint64_t before;
};

#define FLOOD 400

static bool all_are_accounted_for(void *ctx)
{
	struct flood *f = ctx;

	f->arrived += count_marked(at_peer);
	return f->arrived + (counted("rate") - f->before) >= FLOOD;
}

static size_t flood(void)
{
	static const uint8_t filling[440] = {0};
	struct flood state = {.before = counted("rate")};
	struct frame f = {0};

	(void)count_marked(at_peer);
	frame_eth(&f, PEER_MAC, OWN_MAC, ETHERTYPE_IP);
	frame_ipv4(&f, SITE_WORKLOAD, PEER, IPPROTO_SCTP, NULL, 0);
	frame_bytes(&f, filling, sizeof(filling));
	frame_finish(&f);
	for (size_t i = 0; i < FLOOD; i++) {
		tap_send(workload, &f);
		state.arrived += count_marked(at_peer);
	}
	assert_true(poll_until(all_are_accounted_for, &state, 10000));
	assert_int_equal(state.arrived + (counted("rate") - state.before), FLOOD);
	return state.arrived;
}

static void each_rate_holds_alone(void **state)
{
	static const struct {
		const char *chain, *rule;
	} rates[] = {
		{"prerouting", "iifname map @nsnet_sent"},
		{"prerouting", "limit name \"nsnet_sent_24000\""},
		{"postrouting", "oifname map @nsnet_rcvd"},
		{"postrouting", "limit name \"nsnet_rcvd_24000\""},
	};
	const size_t n = sizeof(rates) / sizeof(rates[0]);
	size_t arrived;

	(void)state;
	world_need();
	for (size_t kept = 0; kept < n; kept++) {
		(void)site_repair(&site);
		for (size_t i = 0; i < n; i++)
			if (i != kept)
				remove_rule(rates[i].chain, rates[i].rule);
		be_quiet();
		arrived = flood();
		if (arrived < FLOOD / 2 || arrived >= FLOOD)
			fail_msg("%d arrive by '%s'", (int)arrived, rates[kept].rule);
		remove_rule(rates[kept].chain, rates[kept].rule);
		assert_int_equal(flood(), FLOOD);
	}
}

/* ---- programs ---- */

static void resolve(const char *ip, const char *ping)
{
	char script[256];

	(void)snprintf(script, sizeof(script),
		       "ip neigh flush dev eth0 to %s; %s -c1 -W5 %s\n"
		       "ip neigh show %s | grep -q 'lladdr " PEER_MAC "'",
		       ip, ping, ip, ip);
	run_in(site.workload, script);
}

static void programs_reach_the_peer(void **state)
{
	(void)state;
	world_need();
	resolve(PEER, "ping -4");
	resolve(PEER6, "ping -6");
	run_in(site.workload, "ping -c1 -W5 " SITE_GATEWAY "; ping -c1 -W5 " SITE_GATEWAY6);
	run_in(site.workload, "ping -c1 -W5 -s 3000 " PEER);
	run_in(site.workload, "ping -c1 -W5 -s 3000 " PEER6);
}

static int listen_at(const char *ip, int family, int type)
{
	struct sockaddr_storage at = {.ss_family = (sa_family_t)family};
	struct timeval wait = {.tv_sec = 10};
	int fd;

	if (family == AF_INET6) {
		((struct sockaddr_in6 *)&at)->sin6_port = htons(4001);
		assert_int_equal(inet_pton(family, ip, &((struct sockaddr_in6 *)&at)->sin6_addr),
				 1);
	} else {
		((struct sockaddr_in *)&at)->sin_port = htons(4001);
		assert_int_equal(inet_pton(family, ip, &((struct sockaddr_in *)&at)->sin_addr), 1);
	}
	site_go(peer);
	fd = socket(family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	site_go(site.home);
	return fd;
}

/* To the peer, and the first bytes of it back by another socket. */
static void talk(const char *ip, int family, int type)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	struct timeval wait = {.tv_sec = 10};
	int there = listen_at(ip, family, type), here, got = there;
	char buf[8] = "";

	assert_int_equal(getsockname(there, (struct sockaddr *)&at, &len), 0);
	site_go(site.workload);
	here = socket(family, type | SOCK_CLOEXEC, 0);
	site_go(site.home);
	assert_true(here >= 0);
	assert_int_equal(setsockopt(here, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), 0);
	assert_int_equal(connect(here, (struct sockaddr *)&at, len), 0);
	if (type == SOCK_STREAM)
		got = accept4(there, NULL, NULL, SOCK_CLOEXEC);
	assert_true(got >= 0);
	assert_int_equal(send(here, "hello", 5, 0), 5);
	assert_int_equal(recv(got, buf, sizeof(buf), 0), 5);
	assert_string_equal(buf, "hello");
	if (got != there)
		site_close(&got);
	site_close(&there);
	site_close(&here);
}

static void tcp_and_udp_reach_the_peer(void **state)
{
	(void)state;
	world_need();
	talk(PEER, AF_INET, SOCK_STREAM);
	talk(PEER, AF_INET, SOCK_DGRAM);
	talk(PEER6, AF_INET6, SOCK_STREAM);
	talk(PEER6, AF_INET6, SOCK_DGRAM);
}

static int set_up_jumbo(void **state)
{
	struct nsnet_tenant_def def = blue;

	(void)state;
	def.mtu = "9000";
	build(&def);
	return 0;
}

/* One packet as large as the links take, and no larger one. */
static void jumbo_frames_pass(void **state)
{
	(void)state;
	world_need();
	run_in(site.workload, "ping -c1 -W5 -M do -s 8972 " PEER);
	run_in(site.workload, "ping -c1 -W5 -M do -s 8952 " PEER6);
	run_in(site.workload, "! ping -c1 -W1 -M do -s 8973 " PEER);
}

/* ---- save and restore ---- */

static void what_nft_saved_is_no_drift(void **state)
{
	struct run r;

	(void)state;
	world_need();
	run_in(site.gateway, "nft list ruleset >/run/saved; nft -c -f /run/saved\n"
			     "nft flush ruleset; nft -f /run/saved");
	assert_int_equal(site_state(&site), NSNET_STATE_OK);
	NSNET(&r, "plan");
	if (r.status != 0 || !strstr(r.out, "nothing to do"))
		fail_msg("%s%s", r.out, r.err);
	run_free(&r);
	run_in(site.workload, "ping -c1 -W5 " PEER "; ping -c1 -W5 " PEER6);
	/* It is read: the same without one of its elements is drift. */
	run_in(site.gateway, "nft delete element bridge nsnet nsnet_ext '{ 135 }'");
	assert_int_equal(site_state(&site), NSNET_STATE_DRIFT);
}

/* ---- running ---- */

#define TEST(function, set_up)                                                                     \
	{                                                                                          \
#function, function, set_up, tear_down, NULL                                       \
	}

static const struct CMUnitTest others[] = {
	TEST(endpoints_do_not_reach_each_other, set_up_deny),
	TEST(each_rate_holds_alone, set_up_rates),
	TEST(programs_reach_the_peer, set_up),
	TEST(tcp_and_udp_reach_the_peer, set_up),
	TEST(jumbo_frames_pass, set_up_jumbo),
	TEST(what_nft_saved_is_no_drift, set_up_rates),
};

#define OTHERS (sizeof(others) / sizeof(others[0]))

static struct CMUnitTest table_test(const char *name, CMUnitTestFunction function, const void *row)
{
	return (struct CMUnitTest){.name = name,
				   .test_func = function,
				   .setup_func = set_up,
				   .teardown_func = tear_down,
				   .initial_state = (void *)(uintptr_t)row};
}

int main(void)
{
	struct CMUnitTest tests[ROWS + ALLOWED + OTHERS];
	const size_t step = test_quick() ? 5 : 1;
	size_t n = 0;

	for (size_t i = 0; i < ROWS; i += step)
		tests[n++] = table_test(rows[i].name, the_rule_holds, &rows[i]);
	for (size_t i = 0; i < ALLOWED; i += step)
		tests[n++] = table_test(allowed[i].name, it_passes_by_its_rule, &allowed[i]);
	memcpy(tests + n, others, sizeof(others));
	return _cmocka_run_group_tests("pins", tests, n + OTHERS, NULL, NULL);
}
