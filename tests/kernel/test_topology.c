// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What isolates a tenant, proven by packets
 *
 * A gateway protects in layers, and a layer that another one covers looks like
 * a layer that works. So each row below is one way in, with all the layers in
 * it. The way is tried as built, with each layer alone (all others taken out),
 * and with none: only then may something arrive, and must, or the test has
 * proven nothing. test_drift.c has all settings one by one, test_pins.c the
 * rules of the bridge table: that as a whole is one of the layers here, where
 * it is one.
 *
 * Nothing here waits for silence. All frames go through the queue of one
 * processor, so when a later one has been answered, the earlier one is through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/ip_icmp.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../lib/packet.h"
#include "../lib/site.h"
#include "../lib/world.h"

#define BROADCAST "ff:ff:ff:ff:ff:ff"
#define NOBODY	  "00:00:00:00:00:00"
#define SPOOFED	  "02:00:00:00:00:99"

/* A third party: behind `out0` (a way out of the gateway) or `p2` (a second port). */
#define OUT_GATEWAY "198.51.100.1"
#define OUT_HOST    "198.51.100.2"
#define OUT_MAC	    "02:00:00:00:aa:02"
#define P2_HOST	    "10.10.1.3"
#define P2_MAC	    "02:00:00:00:bb:03"

static struct site site;
/* Sockets. `answers` is on the same link as `workload`. */
static int workload = -1, answers = -1, third = -1, witness = -1;

/* ---- layers: how each is taken out; nsnet_repair() puts it back ---- */

#define RULES(chain)  "nft flush chain inet nsnet " chain "\n"
#define POLICY(chain) "nft 'chain inet nsnet " chain " { policy accept; }'\n"
#define CHAIN(chain)  RULES(chain) POLICY(chain)
#define IPV4(name, value)                                                                          \
	"for i in all default br0 out0; do set_ ipv4 $i " name " " value "; done\n"
#define IPV6(name, value)                                                                          \
	"for i in all default br0 out0; do set_ ipv6 $i " name " " value "; done\n"
#define PORT(flag, value) "ip link set dev $PORT type bridge_slave " flag " " value "\n"
#define BRIDGE(flag)	  "ip link set dev br0 type bridge " flag " 1\n"
#define BRIDGE_CHAIN(chain)                                                                        \
	"nft flush chain bridge nsnet " chain "\n"                                                 \
	"nft 'chain bridge nsnet " chain " { policy accept; }'\n"

enum layer {
	END,
	PINS,
	INSIDE,
	PREROUTING,
	PREROUTING_RULES,
	PREROUTING_POLICY,
	INPUT,
	INPUT_RULES,
	INPUT_POLICY,
	FORWARD,
	FORWARD_RULES,
	FORWARD_POLICY,
	OUTPUT,
	OUTPUT_RULES,
	OUTPUT_POLICY,
	LO_DOWN,
	FORWARDING,
	RP_FILTER,
	ACCEPT_LOCAL,
	ROUTE_LOCALNET,
	SOURCE_ROUTE,
	BC_FORWARDING,
	SEND_REDIRECTS,
	ACCEPT_REDIRECTS,
	PROXY_ARP,
	PROXY_ARP_PVLAN,
	ARP_IGNORE,
	ARP_SUBNET,
	ARP_ANNOUNCE,
	ARP_ACCEPT,
	DROP_GRATUITOUS_ARP,
	ECHO_IGNORE_BROADCASTS,
	DISABLE_IPV6,
	FORWARDING6,
	ACCEPT_RA,
	AUTOCONF,
	ADDR_GEN_MODE,
	LOCKED,
	LEARNING,
	FLOOD,
	MCAST_FLOOD,
	BCAST_FLOOD,
	ISOLATED,
	HAIRPIN,
	PORT_PROXY_ARP,
	PORT_PROXY_ARP_WIFI,
	NEIGH_SUPPRESS,
	MCAST_SNOOPING,
	LAYERS
};

static const char *const take_out[LAYERS] = {
	/* The bridge table's: as a whole here, rule by rule in test_pins.c. */
	[PINS] = BRIDGE_CHAIN("prerouting"),
	[INSIDE] = BRIDGE_CHAIN("forward"),
	[PREROUTING] = CHAIN("prerouting"),
	[PREROUTING_RULES] = RULES("prerouting"),
	[PREROUTING_POLICY] = POLICY("prerouting"),
	[INPUT] = CHAIN("input"),
	[INPUT_RULES] = RULES("input"),
	[INPUT_POLICY] = POLICY("input"),
	[FORWARD] = CHAIN("forward"),
	[FORWARD_RULES] = RULES("forward"),
	[FORWARD_POLICY] = POLICY("forward"),
	[OUTPUT] = CHAIN("output"),
	[OUTPUT_RULES] = RULES("output"),
	[OUTPUT_POLICY] = POLICY("output"),
	[LO_DOWN] = "ip link set lo up\n",
	[FORWARDING] = IPV4("forwarding", "1"),
	[RP_FILTER] = IPV4("rp_filter", "0"),
	[ACCEPT_LOCAL] = IPV4("accept_local", "1"),
	[ROUTE_LOCALNET] = IPV4("route_localnet", "1"),
	[SOURCE_ROUTE] = IPV4("accept_source_route", "1"),
	[BC_FORWARDING] = IPV4("bc_forwarding", "1"),
	[SEND_REDIRECTS] = IPV4("send_redirects", "1"),
	[ACCEPT_REDIRECTS] = IPV4("accept_redirects", "1"),
	[PROXY_ARP] = IPV4("proxy_arp", "1"),
	[PROXY_ARP_PVLAN] = IPV4("proxy_arp_pvlan", "1"),
	[ARP_IGNORE] = IPV4("arp_ignore", "0"),
	/* 1 would do for an address of another link; 2 also looks at the subnet. */
	[ARP_SUBNET] = IPV4("arp_ignore", "1"),
	[ARP_ANNOUNCE] = IPV4("arp_announce", "0"),
	[ARP_ACCEPT] = IPV4("arp_accept", "1"),
	[DROP_GRATUITOUS_ARP] = IPV4("drop_gratuitous_arp", "0"),
	[ECHO_IGNORE_BROADCASTS] = "echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts\n",
	[DISABLE_IPV6] = IPV6("disable_ipv6", "0"),
	[FORWARDING6] = IPV6("forwarding", "1"),
	[ACCEPT_RA] = IPV6("accept_ra", "2"),
	[AUTOCONF] = IPV6("autoconf", "1"),
	[ADDR_GEN_MODE] = IPV6("addr_gen_mode", "0"),
	[LOCKED] = PORT("locked", "off"),
	[LEARNING] = PORT("learning", "on"),
	[FLOOD] = PORT("flood", "on"),
	[MCAST_FLOOD] = PORT("mcast_flood", "on"),
	[BCAST_FLOOD] = PORT("bcast_flood", "on"),
	[ISOLATED] = PORT("isolated", "off"),
	[HAIRPIN] = PORT("hairpin", "on"),
	[PORT_PROXY_ARP] = PORT("proxy_arp", "on"),
	[PORT_PROXY_ARP_WIFI] = PORT("proxy_arp_wifi", "on"),
	[NEIGH_SUPPRESS] = PORT("neigh_suppress", "on"),
	[MCAST_SNOOPING] = BRIDGE("mcast_snooping"),
};

/* A link that came up is ready a moment later. */
#define READY(link) "until ip link show dev " link " | grep -q 'state UP'; do sleep 0.01; done\n"

/* A shell script in a namespace. */
static void run_in(int ns, const char *script)
{
	/* Not all of these links are always there. */
	static const char head[] =
		"set_() { f=/proc/sys/net/$1/conf/$2/$3; [ ! -e $f ] || echo $4 >$f; }\n";
	char text[8192];

	assert_true(snprintf(text, sizeof(text), "%s%s", head, script) < (int)sizeof(text));
	site_go(ns);
	RUN_STATUS(0, "sh", "-ec", text);
	site_go(site.home);
}

static void in_gateway(const char *script)
{
	if (script[0])
		run_in(site.gateway, script);
}

/* ---- who else there is ---- */

static void third_party(const char *link, const char *mac, const char *more)
{
	char script[1024];

	(void)snprintf(script, sizeof(script),
		       "ip netns add third\n"
		       "ip link add %s type veth peer name eth0 address %s netns third\n"
		       "ip link set %s up; "
		       "ip netns exec third sysctl -qw net.ipv6.conf.all.disable_ipv6=1\n"
		       "ip -n third link set eth0 up\n" READY("%s") "%s",
		       link, mac, link, link, more);
	in_gateway(script);
	site.third = site_open_ns("/run/netns/third");
	site_go(site.third);
	third = tap_open("eth0");
	site_go(site.home);
}

static void way_out(void)
{
	third_party("out0", OUT_MAC,
		    "ip addr add " OUT_GATEWAY "/24 dev out0\n"
		    "ip neigh add " OUT_HOST " lladdr " OUT_MAC " dev out0 nud permanent\n");
}

static void second_port(void)
{
	third_party("p2", P2_MAC,
		    "ip link set p2 master br0\n"
		    "until bridge link show dev p2 | grep -q forwarding; do sleep 0.01; done\n"
		    "bridge fdb replace " P2_MAC " dev p2 master static\n");
}

/* Ports are isolated, and the bridge answers nobody's ARP. */
static void inside_deny(void)
{
	site_set(&site, "inside", "deny");
}

static void inside_deny_and_second_port(void)
{
	inside_deny();
	second_port();
}

static void inside_deny_and_second_port_isolated(void)
{
	inside_deny_and_second_port();
	in_gateway("bridge link set dev p2 isolated on");
}

/* A tenant where IPv6 is not off: what is behind that has to hold. */
static void with_ipv6(void)
{
	site_set(&site, "subnet6", SITE_SUBNET6);
}

static void with_ipv6_and_way_out(void)
{
	with_ipv6();
	way_out();
}

/* ---- witnesses: where a packet that got through is seen ---- */

static size_t at_witness(const char *arg)
{
	(void)arg;
	return count_marked(witness);
}

static size_t at_workload(const char *arg)
{
	(void)arg;
	return count_marked(workload);
}

static size_t at_third(const char *arg)
{
	(void)arg;
	return count_marked(third);
}

static size_t arp_at_workload(const char *ip)
{
	return count_arp_from(workload, ip);
}

static size_t arp_at_third(const char *ip)
{
	return count_arp_from(third, ip);
}

/* A command says something: "COMMAND | WORDS". */
static size_t told_in(int ns, const char *arg)
{
	const char *bar = strstr(arg, " | ");
	char script[256];
	struct run r;
	size_t found;

	(void)snprintf(script, sizeof(script), "%.*s", (int)(bar - arg), arg);
	site_go(ns);
	RUN(&r, "sh", "-c", script);
	site_go(site.home);
	if (r.status != 0)
		fail_msg("%s: %s", script, r.err);
	found = strstr(r.out, bar + 3) != NULL;
	run_free(&r);
	return found;
}

static size_t told(const char *arg)
{
	return told_in(site.gateway, arg);
}

static void witness_raw(int family, int proto)
{
	site_go(site.gateway);
	witness = raw_open(family, proto);
	site_go(site.home);
}

static void see_udp(void)
{
	witness_raw(AF_INET, IPPROTO_UDP);
}

static void see_tcp(void)
{
	witness_raw(AF_INET, IPPROTO_TCP);
}

static void see_sctp(void)
{
	witness_raw(AF_INET, IPPROTO_SCTP);
}

static void see_icmp(void)
{
	witness_raw(AF_INET, IPPROTO_ICMP);
}

static void see_icmp6(void)
{
	witness_raw(AF_INET6, IPPROTO_ICMPV6);
}

static void see_icmp_over_ipv6(void)
{
	witness_raw(AF_INET6, IPPROTO_ICMP);
}

static void see_bridge(void)
{
	site_go(site.gateway);
	witness = tap_open("br0");
	site_go(site.home);
}

static void with_ipv6_see_udp(void)
{
	with_ipv6();
	witness_raw(AF_INET6, IPPROTO_UDP);
}

static void see_udp_and_way_out(void)
{
	see_udp();
	way_out();
}

/* ---- attacks ---- */

static void send_from(int tap, struct frame *f)
{
	frame_finish(f);
	tap_send(tap, f);
}

static void ipv4_from_workload(struct frame *f, const char *src, const char *dst, uint8_t proto)
{
	*f = (struct frame){0};
	frame_eth(f, site.gateway_mac, site.mac, ETHERTYPE_IP);
	frame_ipv4(f, src, dst, proto, NULL, 0);
}

/*
 * The first byte of each is 8, as that of an echo request: a rule that forgets
 * to look at the protocol lets it pass.
 */
static void udp_from_workload(const char *src, const char *dst)
{
	struct frame f;

	ipv4_from_workload(&f, src, dst, IPPROTO_UDP);
	frame_udp(&f, 0x0801, 9);
	send_from(workload, &f);
}

static void ping_from_workload(const char *dst)
{
	struct frame f;

	ipv4_from_workload(&f, SITE_WORKLOAD, dst, IPPROTO_ICMP);
	frame_icmp(&f, ICMP_ECHO, 0, 0x00010001);
	send_from(workload, &f);
}

static void send_udp(const char *dst)
{
	udp_from_workload(SITE_WORKLOAD, dst);
}

static void send_udp_as(const char *src)
{
	udp_from_workload(src, SITE_GATEWAY);
}

static void send_tcp_syn(const char *dst)
{
	static const uint8_t syn[20] = {8, 1, 0, 9, 0, 0, 0, 1, [12] = 0x50, 0x02, 1, 0};
	struct frame f;

	ipv4_from_workload(&f, SITE_WORKLOAD, dst, IPPROTO_TCP);
	frame_bytes(&f, syn, sizeof(syn));
	send_from(workload, &f);
}

static void send_sctp(const char *dst)
{
	static const uint8_t init[12] = {8, 1, 0, 9};
	struct frame f;

	ipv4_from_workload(&f, SITE_WORKLOAD, dst, IPPROTO_SCTP);
	frame_bytes(&f, init, sizeof(init));
	send_from(workload, &f);
}

static void send_timestamp(const char *dst)
{
	struct frame f;

	ipv4_from_workload(&f, SITE_WORKLOAD, dst, IPPROTO_ICMP);
	frame_icmp(&f, ICMP_TIMESTAMP, 0, 0x00010001);
	send_from(workload, &f);
}

/* A way on that the sender chooses: loose source routing by way of the gateway. */
static void send_source_routed(const char *dst)
{
	uint8_t option[8] = {131, 7, 4};
	struct frame f = {0};

	assert_int_equal(inet_pton(AF_INET, dst, option + 3), 1);
	frame_eth(&f, site.gateway_mac, site.mac, ETHERTYPE_IP);
	frame_ipv4(&f, SITE_WORKLOAD, SITE_GATEWAY, IPPROTO_UDP, option, sizeof(option));
	frame_udp(&f, 0x0801, 9);
	send_from(workload, &f);
}

/* "10.10.1.2 is the better next hop for @dst": about an answer of the gateway itself. */
static void send_redirect(const char *dst)
{
	struct frame f;

	ipv4_from_workload(&f, P2_HOST, SITE_GATEWAY, IPPROTO_ICMP);
	frame_icmp(&f, ICMP_REDIRECT, 1, ntohl(inet_addr(SITE_WORKLOAD)));
	{
		struct frame quoted = {0};

		frame_eth(&quoted, NOBODY, NOBODY, 0);
		frame_ipv4(&quoted, SITE_GATEWAY, dst, IPPROTO_ICMP, NULL, 0);
		frame_icmp(&quoted, ICMP_ECHOREPLY, 0, 0);
		frame_finish(&quoted);
		frame_bytes(&f, quoted.bytes + 14, quoted.len - 14);
	}
	send_from(workload, &f);
}

/* Not marked: nobody takes them for what they are sent to find out. */
static void arp_from(int tap, const char *to, const char *mac, const char *ip, const char *asked)
{
	struct frame f = {0};

	frame_eth(&f, to, mac, ETHERTYPE_ARP);
	frame_arp(&f, ARPOP_REQUEST, mac, ip, NOBODY, asked);
	tap_send(tap, &f);
}

static void ask_arp(const char *ip)
{
	arp_from(workload, BROADCAST, site.mac, SITE_WORKLOAD, ip);
}

/* A proxy answers a broadcast after a random while, and this at once. */
static void ask_arp_directly(const char *ip)
{
	arp_from(workload, site.gateway_mac, site.mac, SITE_WORKLOAD, ip);
}

static void ask_arp_from_third(const char *ip)
{
	arp_from(third, BROADCAST, P2_MAC, P2_HOST, ip);
}

static void claim_arp(const char *ip)
{
	arp_from(workload, BROADCAST, site.mac, ip, ip);
}

/* The gateway itself sends; each time to somebody it has not asked for yet. */
static void gateway_sends(const char *src, uint16_t src_port, const char *dst)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(src_port)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	int fd;

	assert_int_equal(inet_pton(AF_INET, src, &from.sin_addr), 1);
	assert_int_equal(inet_pton(AF_INET, dst, &to.sin_addr), 1);
	site_go(site.gateway);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
	/* The output chain says EPERM. */
	(void)sendto(fd, PACKET_MARK, sizeof(PACKET_MARK), 0, (struct sockaddr *)&to, sizeof(to));
	site_close(&fd);
	site_go(site.home);
}

static void gateway_asks_from(const char *src)
{
	static unsigned int next;
	char dst[INET_ADDRSTRLEN];

	(void)snprintf(dst, sizeof(dst), "10.10.1.%u", 100 + next++ % 100);
	gateway_sends(src, 0, dst);
}

/* From port 7: the first byte is 0, as that of an echo reply. */
static void gateway_sends_udp(const char *dst)
{
	gateway_sends(SITE_GATEWAY, 7, dst);
}

static void ipv6_from_workload(struct frame *f, const char *src, const char *dst, uint8_t proto,
			       const char *to)
{
	*f = (struct frame){0};
	frame_eth(f, to, site.mac, ETHERTYPE_IPV6);
	frame_ipv6(f, src, dst, proto);
}

static void ping_all_nodes(const char *src)
{
	struct frame f;

	ipv6_from_workload(&f, src, "ff02::1", IPPROTO_ICMPV6, "33:33:00:00:00:01");
	frame_icmp(&f, ICMP6_ECHO_REQUEST, 0, 0x00010001);
	send_from(workload, &f);
}

/*
 * Where IPv4 has its addresses, this has 10.10.1.2 and 10.10.1.1, and then the
 * protocol and the type of an echo request: a rule that forgets to look at the
 * version lets it pass.
 */
#define LIKE_A_PING "fe80:0:a0a:102:a0a:101:0:1"

static void ping_over_ipv6(const char *src)
{
	struct frame f;

	ipv6_from_workload(&f, src, "ff02::1", IPPROTO_ICMP, "33:33:00:00:00:01");
	frame_icmp(&f, ICMP_ECHO, 0, 0x00010001);
	send_from(workload, &f);
}

/* The same with an answer, by the gateway. */
#define LIKE_AN_ANSWER "fd00:1:a0a:101::1"

static void gateway_answers_over_ipv6(const char *src)
{
	static const char answer[] = "\0\0\0\0\0\0\0\0" PACKET_MARK;
	struct sockaddr_in6 from = {.sin6_family = AF_INET6}, to = {.sin6_family = AF_INET6};
	int fd;

	assert_int_equal(inet_pton(AF_INET6, src, &from.sin6_addr), 1);
	assert_int_equal(inet_pton(AF_INET6, "ff02::1", &to.sin6_addr), 1);
	in_gateway("ip addr replace " LIKE_AN_ANSWER "/64 dev br0 nodad 2>/dev/null || :");
	site_go(site.gateway);
	fd = raw_open(AF_INET6, IPPROTO_ICMP);
	to.sin6_scope_id = if_nametoindex("br0");
	/* Without IPv6 there is no such address, and nothing to send it from. */
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0)
		(void)sendto(fd, answer, sizeof(answer), 0, (struct sockaddr *)&to, sizeof(to));
	site_close(&fd);
	site_go(site.home);
}

/* A router with a prefix to make addresses from. */
static void advertise_router(const char *src)
{
	static const uint8_t times[8] = {0};
	static const uint8_t prefix[32] = {3,  4,  64, 0xc0, 0, 0, 14,	 16,   0,    0,
					   14, 16, 0,  0,    0, 0, 0x20, 0x01, 0x0d, 0xb8};
	struct frame f;

	ipv6_from_workload(&f, src, "ff02::1", IPPROTO_ICMPV6, "33:33:00:00:00:01");
	/* Hop limit 64, router for 1800 s. */
	frame_icmp(&f, ND_ROUTER_ADVERT, 0, 0x40000708);
	frame_bytes(&f, times, sizeof(times));
	frame_bytes(&f, prefix, sizeof(prefix));
	/* An option of a kind nobody knows, so that the mark at the end is in good order. */
	frame_bytes(&f, (const uint8_t[]){253, 3, 0, 0, 0, 0, 0, 0, 0}, 9);
	send_from(workload, &f);
}

static void udp6_from_workload(const char *src, const char *dst)
{
	struct frame f;

	ipv6_from_workload(&f, src, dst, IPPROTO_UDP, site.gateway_mac);
	frame_udp(&f, 0x0801, 9);
	send_from(workload, &f);
}

static void send_udp6(const char *dst)
{
	udp6_from_workload(SITE_WORKLOAD6, dst);
}

static void send_udp6_as(const char *src)
{
	udp6_from_workload(src, SITE_GATEWAY6);
}

static void l2_from(int tap, const char *src, const char *dst, uint16_t type)
{
	struct frame f = {0};

	frame_eth(&f, dst, src, type);
	send_from(tap, &f);
}

static void send_as_mac(const char *src)
{
	l2_from(workload, src, BROADCAST, 0x88b5);
}

static void send_to_self(const char *arg)
{
	(void)arg;
	l2_from(workload, site.mac, site.mac, 0x88b5);
}

static void third_sends_to(const char *dst)
{
	l2_from(third, P2_MAC, dst, 0x88b5);
}

static void third_sends_to_workload(const char *arg)
{
	(void)arg;
	third_sends_to(site.mac);
}

static void ipv4_from_third(struct frame *f, const char *src, const char *dst, uint8_t proto)
{
	*f = (struct frame){0};
	frame_eth(f, site.out_mac, OUT_MAC, ETHERTYPE_IP);
	frame_ipv4(f, src, dst, proto, NULL, 0);
}

static void third_pings(const char *dst)
{
	struct frame f;

	site_link_mac(site.home, site.gateway, "out0", site.out_mac);
	ipv4_from_third(&f, OUT_HOST, dst, IPPROTO_ICMP);
	frame_icmp(&f, ICMP_ECHO, 0, 0x00010001);
	send_from(third, &f);
}

static void third_sends_as(const char *src)
{
	struct frame f;

	site_link_mac(site.home, site.gateway, "out0", site.out_mac);
	ipv4_from_third(&f, src, OUT_GATEWAY, IPPROTO_UDP);
	frame_udp(&f, 0x0801, 9);
	send_from(third, &f);
}

/* "I am the root": a spanning tree message of the best priority there is. */
static void bpdu_from(int tap, const char *mac)
{
	static const uint8_t llc[3] = {0x42, 0x42, 0x03};
	static const uint8_t config[35] = {
		[6] = 0x02, [11] = 0x01, [18] = 0x02, [23] = 0x01, [25] = 0x80,
		0x01,	    [29] = 20,	 [31] = 2,    [33] = 15,
	};
	struct frame f = {0};

	frame_eth(&f, "01:80:c2:00:00:00", mac, sizeof(llc) + sizeof(config));
	frame_bytes(&f, llc, sizeof(llc));
	frame_bytes(&f, config, sizeof(config));
	send_from(tap, &f);
}

static void third_sends_bpdu(const char *arg)
{
	(void)arg;
	bpdu_from(third, P2_MAC);
}

/* IGMPv2: "I want @group". */
static void join_group(const char *group)
{
	static const uint8_t router_alert[4] = {148, 4, 0, 0};
	struct frame f = {0};

	frame_eth(&f, "01:00:5e:01:01:01", site.mac, ETHERTYPE_IP);
	frame_ipv4(&f, SITE_WORKLOAD, group, IPPROTO_IGMP, router_alert, sizeof(router_alert));
	frame_icmp(&f, 0x16, 0, ntohl(inet_addr(group)));
	send_from(workload, &f);
}

static void nothing(const char *arg)
{
	(void)arg;
}

/* ---- the rows ---- */

struct row {
	const char *name;
	void (*prepare)(void); /* once; may open the witness */
	const char *before;    /* in the gateway before each try: what a repair takes away */
	void (*attack)(const char *arg);
	const char *arg;
	size_t (*arrived)(const char *arg);
	const char *seen;
	enum layer layers[8]; /* each holds alone */
};

#define ALSO_ON_BR0 "ip addr replace 10.99.0.1/24 dev br0\n"
#define KNOWS_P2    "ip neigh replace " P2_HOST " lladdr " P2_MAC " dev br0 nud permanent\n"
#define ROUTE_BY_P2 "ip route replace 203.0.113.0/24 via " P2_HOST " dev br0\n"
#define OUT_HAS_IPV6                                                                               \
	"echo 0 >/proc/sys/net/ipv6/conf/out0/disable_ipv6\n"                                      \
	"ip addr replace fd00:2::1/64 dev out0 nodad\n"                                            \
	"ip neigh replace fd00:2::2 lladdr " OUT_MAC " dev out0 nud permanent\n"
/* Name; prepare, before, attack and its argument; where it would arrive; layers. */
/* clang-format off */
static const struct row rows[] = {
	/* The gateway's own address: a ping and nothing else. */
	{"udp_to_the_gateway_is_dropped",
	 see_udp, "", send_udp, SITE_GATEWAY, at_witness, "",
	 {INPUT_RULES, INPUT_POLICY}},
	{"tcp_to_the_gateway_is_dropped",
	 see_tcp, "", send_tcp_syn, SITE_GATEWAY, at_witness, "",
	 {INPUT}},
	{"other_protocols_to_the_gateway_are_dropped",
	 see_sctp, "", send_sctp, SITE_GATEWAY, at_witness, "",
	 {INPUT}},
	{"icmp_that_is_no_ping_is_dropped",
	 see_icmp, "", send_timestamp, SITE_GATEWAY, at_witness, "",
	 {INPUT}},
	{"other_addresses_of_the_gateway_do_not_answer",
	 way_out, "", ping_from_workload, OUT_GATEWAY, at_workload, "",
	 {INPUT, OUTPUT}},
	{"a_ping_to_all_is_not_answered",
	 NULL, "", ping_from_workload, "10.10.1.255", at_workload, "",
	 {INPUT, ECHO_IGNORE_BROADCASTS}},
	{"nobody_but_the_tenant_can_ping_the_gateway",
	 way_out, "", third_pings, SITE_GATEWAY, at_third, "",
	 {PREROUTING, INPUT, OUTPUT}},
	{"the_gateway_sends_no_errors",
	 NULL, "", send_udp, SITE_GATEWAY, at_workload, "",
	 {INPUT, OUTPUT}},
	{"the_gateway_sends_nothing_of_its_own",
	 NULL, "", gateway_sends_udp, SITE_WORKLOAD, at_workload, "",
	 {OUTPUT_RULES, OUTPUT_POLICY}},
	/* Sources. */
	{"foreign_sources_are_dropped",
	 see_udp, "", send_udp_as, "192.0.2.7", at_witness, "",
	 {PINS, PREROUTING_RULES, PREROUTING_POLICY, RP_FILTER, INPUT}},
	{"the_gateways_own_address_as_source_is_dropped",
	 see_udp, "", send_udp_as, SITE_GATEWAY, at_witness, "",
	 {PINS, ACCEPT_LOCAL, INPUT}},
	{"the_tenants_addresses_from_elsewhere_are_dropped",
	 see_udp_and_way_out, "", third_sends_as, "10.10.1.9", at_witness, "",
	 {PREROUTING, RP_FILTER, INPUT}},
	{"loopback_as_source_is_dropped",
	 see_udp, "", send_udp_as, "127.0.0.1", at_witness, "",
	 {PINS, PREROUTING, ROUTE_LOCALNET, RP_FILTER, INPUT}},
	{"loopback_of_the_gateway_is_not_reached",
	 see_udp, "", send_udp, "127.0.0.1", at_witness, "",
	 {ROUTE_LOCALNET, LO_DOWN, INPUT}},
	/* Through the gateway. */
	{"nothing_is_routed",
	 way_out, "", send_udp, OUT_HOST, at_third, "",
	 {FORWARDING, FORWARD_RULES, FORWARD_POLICY}},
	{"directed_broadcasts_are_not_sent_on",
	 way_out, "", send_udp, "198.51.100.255", at_third, "",
	 {BC_FORWARDING, FORWARD}},
	{"source_routes_are_not_followed",
	 way_out, "", send_source_routed, OUT_HOST, at_third, "",
	 {SOURCE_ROUTE, FORWARDING, FORWARD}},
	{"no_redirects_are_sent",
	 NULL, "", send_udp, "10.10.1.77", at_workload, "",
	 {FORWARDING, SEND_REDIRECTS, OUTPUT}},
	{"no_redirects_are_believed",
	 NULL, ROUTE_BY_P2, send_redirect, "203.0.113.9",
	 told, "ip route get 203.0.113.9 | via " SITE_WORKLOAD,
	 {PINS, ACCEPT_REDIRECTS, INPUT}},
	/* ARP, which no rule sees. */
	{"arp_does_not_tell_addresses_of_other_links",
	 way_out, "", ask_arp, OUT_GATEWAY, arp_at_workload, OUT_GATEWAY,
	 {ARP_IGNORE}},
	{"arp_does_not_tell_addresses_of_other_subnets",
	 NULL, ALSO_ON_BR0, ask_arp, "10.99.0.1", arp_at_workload, "10.99.0.1",
	 {ARP_SUBNET}},
	{"arp_does_not_answer_for_what_could_be_routed",
	 way_out, "", ask_arp_directly, OUT_HOST, arp_at_workload, OUT_HOST,
	 {FORWARDING, PROXY_ARP}},
	{"arp_does_not_answer_for_neighbours",
	 NULL, "", ask_arp_directly, "10.10.1.77", arp_at_workload, "10.10.1.77",
	 {FORWARDING, PROXY_ARP_PVLAN}},
	{"arp_asks_with_the_address_of_the_subnet",
	 NULL, ALSO_ON_BR0, gateway_asks_from, "10.99.0.1", arp_at_workload, "10.99.0.1",
	 {ARP_ANNOUNCE, OUTPUT}},
	{"arp_learns_nobody_who_was_not_asked",
	 NULL, "", claim_arp, "10.10.1.50", told, "ip neigh | 10.10.1.50 ",
	 {PINS, ARP_ACCEPT, DROP_GRATUITOUS_ARP}},
	/* IPv6. */
	{"ipv6_to_all_is_dropped",
	 see_icmp6, "", ping_all_nodes, "fe80::66", at_witness, "",
	 {PINS, DISABLE_IPV6, PREROUTING, INPUT}},
	{"ipv6_that_looks_like_a_ping_is_dropped",
	 see_icmp_over_ipv6, "", ping_over_ipv6, LIKE_A_PING, at_witness, "",
	 {PINS, DISABLE_IPV6, PREROUTING, INPUT}},
	{"ipv6_that_looks_like_an_answer_is_not_sent",
	 NULL, "", gateway_answers_over_ipv6, LIKE_AN_ANSWER, at_workload, "",
	 {DISABLE_IPV6, OUTPUT}},
	{"ipv6_makes_no_address_of_its_own",
	 NULL, "", nothing, "", told, "ip -6 addr show dev br0 | fe80:",
	 {DISABLE_IPV6, ADDR_GEN_MODE}},
	{"ipv6_routers_are_not_believed",
	 NULL, "", advertise_router, "fe80::66", told, "ip -6 route | default via fe80::66",
	 {PINS, DISABLE_IPV6, PREROUTING, INPUT, ACCEPT_RA}},
	{"ipv6_prefixes_make_no_addresses",
	 NULL, "", advertise_router, "fe80::66", told, "ip -6 addr show dev br0 | 2001:db8:",
	 {PINS, DISABLE_IPV6, PREROUTING, INPUT, ACCEPT_RA, AUTOCONF}},
	{"ipv6_is_not_routed",
	 way_out, OUT_HAS_IPV6, send_udp6, "fd00:2::2", at_third, "",
	 {PINS, DISABLE_IPV6, PREROUTING, FORWARDING6, FORWARD}},
	/* The same in a tenant that has it. */
	{"with_ipv6_udp_to_the_gateway_is_dropped",
	 with_ipv6_see_udp, "", send_udp6, SITE_GATEWAY6, at_witness, "",
	 {INPUT_RULES, INPUT_POLICY}},
	{"with_ipv6_foreign_sources_are_dropped",
	 with_ipv6_see_udp, "", send_udp6_as, "fd00:66::2", at_witness, "",
	 {PINS, PREROUTING, INPUT}},
	{"with_ipv6_the_gateway_makes_no_address_of_its_own",
	 with_ipv6, "", nothing, "", told, "ip -6 addr show dev br0 | fe80:",
	 {ADDR_GEN_MODE}},
	{"with_ipv6_routers_are_not_believed",
	 with_ipv6, "", advertise_router, "fe80::66", told, "ip -6 route | default via fe80::66",
	 {PINS, PREROUTING, INPUT, ACCEPT_RA}},
	{"with_ipv6_prefixes_make_no_addresses",
	 with_ipv6, "", advertise_router, "fe80::66", told, "ip -6 addr show dev br0 | 2001:db8:",
	 {PINS, PREROUTING, INPUT, ACCEPT_RA, AUTOCONF}},
	{"with_ipv6_nothing_is_routed",
	 with_ipv6_and_way_out, OUT_HAS_IPV6, send_udp6, "fd00:2::2", at_third, "",
	 {FORWARDING6, FORWARD_RULES, FORWARD_POLICY}},
	{"with_ipv6_the_gateway_sends_nothing_of_its_own",
	 with_ipv6, "", gateway_answers_over_ipv6, LIKE_AN_ANSWER, at_workload, "",
	 {OUTPUT_RULES, OUTPUT_POLICY}},
	/* The bridge. */
	{"a_spoofed_mac_is_not_taken",
	 see_bridge, "", send_as_mac, SPOOFED, at_witness, "",
	 {PINS, LOCKED}},
	{"a_spoofed_mac_is_not_learned",
	 NULL, "", send_as_mac, SPOOFED, told, "bridge fdb show br br0 | " SPOOFED,
	 {PINS, LOCKED, LEARNING}},
	{"frames_for_unknown_stations_do_not_reach_a_port",
	 second_port, "", third_sends_to, SPOOFED, at_workload, "",
	 {PINS, INSIDE, FLOOD}},
	{"multicast_does_not_reach_a_port",
	 second_port, "", third_sends_to, "01:00:5e:01:02:03", at_workload, "",
	 {PINS, INSIDE, MCAST_FLOOD}},
	{"broadcast_does_not_reach_a_port",
	 second_port, "", third_sends_to, BROADCAST, at_workload, "",
	 {PINS, INSIDE, BCAST_FLOOD}},
	{"spanning_tree_messages_do_not_reach_a_port",
	 second_port, "", third_sends_bpdu, "", at_workload, "",
	 {PINS, INSIDE, MCAST_FLOOD}},
	{"ports_do_not_reach_each_other",
	 inside_deny_and_second_port_isolated, "", third_sends_to_workload, "", at_workload, "",
	 {PINS, INSIDE, ISOLATED}},
	{"a_frame_does_not_return_to_its_port",
	 inside_deny, "", send_to_self, "", at_workload, "",
	 {PINS, INSIDE, HAIRPIN, ISOLATED}},
	{"the_port_does_not_answer_arp_for_others",
	 second_port, KNOWS_P2, ask_arp, P2_HOST, arp_at_workload, P2_HOST,
	 {PORT_PROXY_ARP}},
	{"the_port_does_not_answer_arp_for_the_tenant",
	 inside_deny_and_second_port, "", ask_arp_from_third, SITE_WORKLOAD, arp_at_third, SITE_WORKLOAD,
	 {PINS, PORT_PROXY_ARP_WIFI}},
	{"the_port_does_not_answer_arp_in_advance",
	 inside_deny_and_second_port, "", ask_arp_from_third, SITE_WORKLOAD, arp_at_third, SITE_WORKLOAD,
	 {PINS, NEIGH_SUPPRESS}},
	{"multicast_groups_are_not_kept",
	 NULL, "", join_group, "239.1.1.1", told, "bridge mdb | 239.1.1.1",
	 {PINS, MCAST_SNOOPING}},
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* ---- trying ---- */

static bool answered(void *ctx)
{
	(void)ctx;
	return count_arp_from(answers, SITE_GATEWAY) > 0;
}

/*
 * Until everything sent before has been handled. An ARP request is answered
 * whatever the rules are, and with any of the layers out.
 */
static void wait_until_handled(void)
{
	ask_arp_directly(SITE_GATEWAY);
	assert_true(poll_until(answered, NULL, 60000));
}

static void forget_what_was_seen(void)
{
	(void)count_marked(workload);
	if (third >= 0)
		(void)count_marked(third);
	if (witness >= 0)
		(void)count_marked(witness);
}

static size_t try_once(const struct row *row)
{
	forget_what_was_seen();
	row->attack(row->arg);
	wait_until_handled();
	return row->arrived(row->seen);
}

static bool arrives(void *row)
{
	return try_once(row) > 0;
}

/* Everything in place, then all of the row's layers out but one (END: all of them out). */
static void leave_only(const struct row *row, enum layer kept)
{
	char script[4096];
	size_t len;

	(void)site_repair(&site);
	len = (size_t)snprintf(script, sizeof(script), "%s", row->before);
	for (size_t i = 0; row->layers[i] != END; i++)
		if (row->layers[i] != kept && len < sizeof(script))
			len += (size_t)snprintf(script + len, sizeof(script) - len, "%s",
						take_out[row->layers[i]]);
	assert_true(len < sizeof(script));
	in_gateway(script);
}

static void the_layers_hold(void **state)
{
	const struct row *row = *state;

	world_need();
	if (row->prepare)
		row->prepare();
	in_gateway(row->before);
	if (try_once(row) > 0)
		fail_msg("it arrives with all layers in place");
	for (size_t i = 0; row->layers[i] != END; i++) {
		leave_only(row, row->layers[i]);
		if (try_once(row) > 0)
			fail_msg("it arrives when only this is left, and does not hold:\n%s",
				 take_out[row->layers[i]]);
	}
	leave_only(row, END);
	if (!poll_until(arrives, (void *)(uintptr_t)row, 30000))
		fail_msg("it does not arrive with all layers out: nothing is proven");
}

/* ---- rules one by one ---- */

static bool ping_is_answered(void)
{
	forget_what_was_seen();
	ping_from_workload(SITE_GATEWAY);
	wait_until_handled();
	return count_marked(workload) > 0;
}

static void a_ping_needs_each_accepting_rule(void **state)
{
	static const char *const chains[] = {"prerouting", "input", "output"};
	char script[64];

	(void)state;
	world_need();
	assert_true(ping_is_answered());
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++) {
		(void)snprintf(script, sizeof(script), "nft flush chain inet nsnet %s", chains[i]);
		in_gateway(script);
		if (ping_is_answered())
			fail_msg("without rules in %s", chains[i]);
		assert_true(site_repair(&site));
		assert_true(ping_is_answered());
	}
}

static unsigned int counted(const char *counter)
{
	char words[96];
	unsigned int n = 0;

	while (n < 10) {
		(void)snprintf(words, sizeof(words), "nft list counter inet nsnet %s | packets %u ",
			       counter, n);
		if (told(words))
			break;
		n++;
	}
	return n;
}

static void drops_are_counted_by_reason(void **state)
{
	static const struct {
		const char *counter;
		void (*attack)(const char *arg);
		const char *arg, *before;
	} cases[] = {
		{"nsnet_drop_source", send_udp_as, "192.0.2.7", BRIDGE_CHAIN("prerouting")},
		{"nsnet_drop_input", send_udp, SITE_GATEWAY, ""},
		{"nsnet_drop_output", gateway_sends_udp, SITE_WORKLOAD, ""},
		{"nsnet_drop_forward", send_udp, OUT_HOST, IPV4("forwarding", "1")},
	};

	(void)state;
	world_need();
	way_out();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		in_gateway(cases[i].before);
		assert_int_equal(counted(cases[i].counter), 0);
		cases[i].attack(cases[i].arg);
		wait_until_handled();
		assert_int_equal(counted(cases[i].counter), 1);
		/* A repair keeps what was counted. */
		(void)site_repair(&site);
		assert_int_equal(counted(cases[i].counter), 1);
	}
}

/* ---- entries that are set and not learned ---- */

static bool third_was_answered(void *ctx)
{
	(void)ctx;
	return count_arp_from(third, SITE_GATEWAY) > 0;
}

/* The workload is not answered then, so somebody else asks behind it. */
static void nothing_comes_from_a_station_without_its_static_entry(void **state)
{
	char script[64];

	(void)state;
	world_need();
	(void)snprintf(script, sizeof(script), "bridge fdb del %s dev $PORT master", site.mac);
	see_bridge();
	second_port();
	in_gateway(take_out[PINS]);
	for (int i = 0; i < 2; i++) {
		forget_what_was_seen();
		send_as_mac(site.mac);
		ask_arp_from_third(SITE_GATEWAY);
		assert_true(poll_until(third_was_answered, NULL, 60000));
		assert_int_equal(count_marked(witness), i == 0 ? 1 : 0);
		if (i == 0)
			in_gateway(script);
	}
	assert_true(site_repair(&site));
	assert_true(ping_is_answered());
}

/* A question, because an answer makes no entry where there is none. */
static void forge_question(int tap, const char *dst, const char *src, const char *ip,
			   const char *to)
{
	struct frame f = {0};

	frame_eth(&f, dst, src, ETHERTYPE_ARP);
	frame_arp(&f, ARPOP_REQUEST, SPOOFED, ip, dst, to);
	tap_send(tap, &f);
}

/*
 * Without `permanent` the kernel believes what it hears of an entry that is a
 * second old (`locktime`).
 */
static void let_learn(int ns, const char *link, const char *ip, const char *mac)
{
	char script[256];

	(void)snprintf(script, sizeof(script),
		       "echo 0 >/proc/sys/net/ipv4/neigh/%s/locktime\n"
		       "ip neigh replace %s lladdr %s dev %s nud stale",
		       link, ip, mac, link);
	run_in(ns, script);
}

static bool gateway_believes_it(void *ctx)
{
	(void)ctx;
	forge_question(workload, site.gateway_mac, site.mac, SITE_WORKLOAD, SITE_GATEWAY);
	/* A question from the workload's own address would mend the entry. */
	arp_from(workload, site.gateway_mac, site.mac, P2_HOST, SITE_GATEWAY);
	assert_true(poll_until(answered, NULL, 60000));
	return told("ip neigh show " SITE_WORKLOAD " | " SPOOFED) > 0;
}

static void the_gateway_keeps_the_workloads_mac(void **state)
{
	(void)state;
	world_need();
	/* The pins alone: if it were believed, the answer would go to SPOOFED. */
	let_learn(site.gateway, "br0", SITE_WORKLOAD, site.mac);
	forge_question(workload, site.gateway_mac, site.mac, SITE_WORKLOAD, SITE_GATEWAY);
	assert_true(ping_is_answered());
	/* The permanent entry alone. */
	assert_true(site_repair(&site));
	in_gateway(take_out[PINS]);
	assert_false(gateway_believes_it(NULL));
	let_learn(site.gateway, "br0", SITE_WORKLOAD, site.mac);
	assert_true(poll_until(gateway_believes_it, NULL, 30000));
	assert_false(ping_is_answered());
}

static bool workload_saw_it(void *ctx)
{
	(void)ctx;
	return count_marked(workload) > 0;
}

static bool workload_believes_it(void *ctx)
{
	(void)ctx;
	forge_question(witness, site.mac, site.gateway_mac, SITE_GATEWAY, SITE_WORKLOAD);
	l2_from(witness, site.gateway_mac, site.mac, 0x88b5);
	assert_true(poll_until(workload_saw_it, NULL, 60000));
	return told_in(site.workload, "ip neigh show " SITE_GATEWAY " | " SPOOFED) > 0;
}

static void the_workload_keeps_the_gateways_mac(void **state)
{
	(void)state;
	world_need();
	see_bridge();
	assert_false(workload_believes_it(NULL));
	let_learn(site.workload, "eth0", SITE_GATEWAY, site.gateway_mac);
	assert_true(poll_until(workload_believes_it, NULL, 30000));
}

/* ---- what there is, and what there is not ---- */

static void expect(int ns, const char *command, const char *out)
{
	struct run r;

	site_go(ns);
	RUN(&r, "sh", "-c", command);
	site_go(site.home);
	if (r.status != 0 || strcmp(r.out, out) != 0)
		fail_msg("%s\n%s%s, not\n%s", command, r.out, r.err, out);
	run_free(&r);
}

static void links_are_named_and_marked_by_their_owner(void **state)
{
	static const char links[] = "ip -d -j link | python3 -c '"
				    "import json, sys\n"
				    "for l in json.load(sys.stdin):\n"
				    "    print(l[\"ifname\"], l[\"address\"], l[\"group\"],"
				    " \"UP\" in l[\"flags\"], l.get(\"master\", \"-\"))'";
	struct nsnet_status status;
	char out[256];

	(void)state;
	world_need();
	assert_int_equal(nsnet_status(site.n, &status, NULL), 0);
	assert_true(status.group > 1);
	(void)snprintf(out, sizeof(out),
		       "lo 00:00:00:00:00:00 default False -\n"
		       "br0 06:00:00:00:00:01 %u True -\n"
		       "nsn1 0a:00:00:00:00:01 %u True br0\n",
		       status.group, status.group);
	expect(site.gateway, links, out);
	(void)snprintf(out, sizeof(out),
		       "lo 00:00:00:00:00:00 default True -\n"
		       "eth0 02:00:00:00:00:01 %u True -\n",
		       status.group);
	expect(site.workload, links, out);
	expect(site.home, links, "lo 00:00:00:00:00:00 default True -\n");
}

static void addresses_and_routes_are_those_of_the_subnet(void **state)
{
	static const char addresses[] = "ip -o addr | awk '{ print $2, $4 }'";
	static const char routes[] = "ip route show table all | sed 's/ *$//' | sort";

	(void)state;
	world_need();
	expect(site.gateway, addresses, "br0 10.10.1.1/24\n");
	expect(site.workload, addresses, "lo 127.0.0.1/8\neth0 10.10.1.2/24\n");
	expect(site.gateway, routes,
	       "10.10.1.0/24 dev br0 proto kernel scope link src 10.10.1.1\n"
	       "broadcast 10.10.1.255 dev br0 table local proto kernel scope link src 10.10.1.1\n"
	       "local 10.10.1.1 dev br0 table local proto kernel scope host src 10.10.1.1\n");
	expect(site.workload, "ip route | sed 's/ *$//'",
	       "default via 10.10.1.1 dev eth0 proto 78\n"
	       "10.10.1.0/24 dev eth0 proto kernel scope link src 10.10.1.2\n");
	expect(site.gateway, "ip -6 route show table all", "");
	expect(site.workload, "ip -6 route show table all dev eth0", "");
	expect(site.gateway, "ip neigh",
	       "10.10.1.2 dev br0 lladdr 02:00:00:00:00:01 PERMANENT proto 78 \n");
	expect(site.workload, "ip neigh",
	       "10.10.1.1 dev eth0 lladdr 06:00:00:00:00:01 PERMANENT proto 78 \n");
}

/* ---- two tenants ---- */

/* Frames of all kinds to the other one, as the other sees them. */
static size_t across(int other)
{
	l2_from(workload, site.mac, BROADCAST, 0x88b5);
	l2_from(workload, site.mac, "02:00:00:00:00:02", 0x88b5);
	l2_from(workload, site.mac, "06:00:00:00:00:02", 0x88b5);
	send_udp("10.10.1.255");
	wait_until_handled();
	return count_marked(other);
}

static bool gets_across(void *other)
{
	return across(*(int *)other) > 0;
}

/* Both have every address in common, and 10.10.1.2 is somebody else in each. */
static void two_tenants_with_one_subnet_do_not_see_each_other(void **state)
{
	int ns, other, gateway;

	(void)state;
	world_need();
	assert_int_equal(nsnet_tenant_add(site.n, "green", SITE_SUBNET, 0, NULL, NULL), 0);
	ns = site_open_ns("/run/netns/green");
	gateway = site_open_gateway(2);
	site_go(ns);
	other = tap_open("eth0");
	site_go(site.home);
	assert_true(ping_is_answered());
	assert_int_equal(across(other), 0);
	in_gateway(take_out[PINS]);
	in_gateway(take_out[INSIDE]);
	run_in(gateway, take_out[PINS]);
	run_in(gateway, take_out[INSIDE]);
	assert_int_equal(across(other), 0);
	/* The proof that it would be seen: a cable between the two bridges. */
	RUN_STATUS(0, "sh", "-ec",
		   "touch /run/netns/gw1 /run/netns/gw2\n"
		   "mount --bind /run/nsnet/gw/*-1 /run/netns/gw1\n"
		   "mount --bind /run/nsnet/gw/*-2 /run/netns/gw2\n"
		   "ip -n gw1 link add cable type veth peer name cable netns gw2\n"
		   "for i in 1 2; do ip -n gw$i link set cable master br0 up; done\n"
		   "bridge -n gw2 link set dev nsn2 bcast_flood on\n");
	assert_true(poll_until(gets_across, &other, 30000));
	site_close(&other);
	site_close(&ns);
	site_close(&gateway);
}

/* ---- running ---- */

static int set_up(void **state)
{
	(void)state;
	if (!site_build(&site))
		return 0;
	site_go(site.workload);
	workload = tap_open("eth0");
	answers = tap_open("eth0");
	site_go(site.home);
	site_wait_for_port(&site);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	site_close(&workload);
	site_close(&answers);
	site_close(&third);
	site_close(&witness);
	if (site.n)
		site_drop(&site);
	return 0;
}

#define TEST(function)                                                                             \
	{                                                                                          \
#function, function, set_up, tear_down, NULL                                       \
	}

static const struct CMUnitTest others[] = {
	TEST(a_ping_needs_each_accepting_rule),
	TEST(drops_are_counted_by_reason),
	TEST(nothing_comes_from_a_station_without_its_static_entry),
	TEST(the_gateway_keeps_the_workloads_mac),
	TEST(the_workload_keeps_the_gateways_mac),
	TEST(links_are_named_and_marked_by_their_owner),
	TEST(addresses_and_routes_are_those_of_the_subnet),
	TEST(two_tenants_with_one_subnet_do_not_see_each_other),
};

#define OTHERS (sizeof(others) / sizeof(others[0]))

int main(void)
{
	struct CMUnitTest tests[ROWS + OTHERS];

	for (size_t i = 0; i < ROWS; i++)
		tests[i] = (struct CMUnitTest){.name = rows[i].name,
					       .test_func = the_layers_hold,
					       .setup_func = set_up,
					       .teardown_func = tear_down,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	memcpy(tests + ROWS, others, sizeof(others));
	return _cmocka_run_group_tests("topology", tests, ROWS + OTHERS, NULL, NULL);
}
