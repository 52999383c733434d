// SPDX-License-Identifier: GPL-2.0-or-later
#include "parts.h"

#include <netinet/in.h>

#include "../base/cleanup.h"

static const struct {
	const char *name, *says;
	enum nsn_wire_class class;
} kinds[] = {
#define NSN_WIRE_ROW(kind, name, class, text) [NSN_WIRE_##kind] = {name, text, NSN_WIRE_##class},
	NSN_WIRE_KINDS(NSN_WIRE_ROW)
#undef NSN_WIRE_ROW
};

/* What is no IP, or of one family. */
#define BOTH 3U
static const struct {
	uint8_t families; /* 1: IPv4, 2: IPv6; 0: both */
	uint8_t proto4, proto6;
	bool link;   /* no IP: nothing of it is delivered to a socket of IP */
	bool floods; /* a bridge may hand it to all neighbours of the sender */
} facts[NSN_WIRE_KINDS_N] = {
	[NSN_WIRE_ICMP] = {BOTH, IPPROTO_ICMP, IPPROTO_ICMPV6},
	[NSN_WIRE_TCP_SYN] = {BOTH, IPPROTO_TCP, IPPROTO_TCP},
	[NSN_WIRE_UDP] = {BOTH, IPPROTO_UDP, IPPROTO_UDP},
	[NSN_WIRE_TCP_ACK] = {BOTH, IPPROTO_TCP, IPPROTO_TCP},
	[NSN_WIRE_TCP_FIN] = {BOTH, IPPROTO_TCP, IPPROTO_TCP},
	[NSN_WIRE_TCP_NULL] = {BOTH, IPPROTO_TCP, IPPROTO_TCP},
	[NSN_WIRE_TCP_RST] = {BOTH, IPPROTO_TCP, IPPROTO_TCP},
	[NSN_WIRE_ICMP_ERROR] = {BOTH, IPPROTO_ICMP, IPPROTO_ICMPV6},
	[NSN_WIRE_PROTO_SCTP] = {BOTH, IPPROTO_SCTP, IPPROTO_SCTP},
	[NSN_WIRE_PROTO_GRE] = {BOTH, IPPROTO_GRE, IPPROTO_GRE},
	[NSN_WIRE_PROTO_ESP] = {BOTH, IPPROTO_ESP, IPPROTO_ESP},
	[NSN_WIRE_PROTO_253] = {BOTH, 253, 253},
	[NSN_WIRE_FRAGMENTS] = {BOTH, IPPROTO_UDP, IPPROTO_UDP},
	[NSN_WIRE_SPOOF_THIRD] = {BOTH, IPPROTO_UDP, IPPROTO_UDP},
	[NSN_WIRE_SPOOF_LOOPBACK] = {BOTH, IPPROTO_UDP, IPPROTO_UDP},
	[NSN_WIRE_SPOOF_ROUTER] = {BOTH, IPPROTO_UDP, IPPROTO_UDP},
	[NSN_WIRE_SOURCE_ROUTE] = {BOTH, IPPROTO_UDP, IPPROTO_UDP},
	[NSN_WIRE_EXT_HEADERS] = {2, 0, IPPROTO_UDP},
	[NSN_WIRE_LINK_LOCAL] = {2, 0, IPPROTO_UDP},
	[NSN_WIRE_ETHERTYPE] = {BOTH, .link = true},
	[NSN_WIRE_VLAN] = {BOTH, .link = true},
	[NSN_WIRE_QINQ] = {BOTH, .link = true},
	[NSN_WIRE_MAC_SPOOF] = {BOTH, IPPROTO_UDP, IPPROTO_UDP},
	[NSN_WIRE_ARP] = {BOTH, 0, IPPROTO_ICMPV6, .link = true, .floods = true},
	[NSN_WIRE_BROADCAST] = {1, IPPROTO_UDP, 0, .floods = true},
	[NSN_WIRE_DIRECTED] = {1, IPPROTO_UDP, 0, .floods = true},
	[NSN_WIRE_MULTICAST] = {BOTH, IPPROTO_UDP, IPPROTO_UDP, .floods = true},
	[NSN_WIRE_STP] = {BOTH, .link = true, .floods = true},
	[NSN_WIRE_LLDP] = {BOTH, .link = true, .floods = true},
	[NSN_WIRE_DHCP] = {BOTH, IPPROTO_UDP, IPPROTO_UDP, .floods = true},
	[NSN_WIRE_RA] = {2, 0, IPPROTO_ICMPV6, .floods = true},
};

static bool known(enum nsn_wire_kind k)
{
	return (unsigned int)k < NSN_WIRE_KINDS_N;
}

const char *nsn_wire_kind_name(enum nsn_wire_kind k)
{
	return known(k) ? kinds[k].name : "?";
}

const char *nsn_wire_kind_says(enum nsn_wire_kind k)
{
	return known(k) ? kinds[k].says : "?";
}

/* Of what is not known it is the most dangerous. */
enum nsn_wire_class nsn_wire_kind_class(enum nsn_wire_kind k)
{
	return known(k) ? kinds[k].class : NSN_WIRE_HARD;
}

bool nsn_wire_kind_has(enum nsn_wire_kind k, uint8_t family)
{
	if (!known(k))
		return false;
	if (family == AF_INET)
		return facts[k].families & 1U;
	return family == AF_INET6 && (facts[k].families & 2U);
}

uint8_t nsn_wire_kind_proto(enum nsn_wire_kind k, uint8_t family)
{
	return family == AF_INET ? facts[k].proto4 : facts[k].proto6;
}

bool nsn_wire_kind_link(enum nsn_wire_kind k)
{
	return facts[k].link;
}

bool nsn_wire_kind_floods(enum nsn_wire_kind k)
{
	return facts[k].floods;
}

const char *nsn_wire_end_name(enum nsn_wire_end e)
{
	switch (e) {
	case NSN_WIRE_DELIVERED:
		return "delivered";
	case NSN_WIRE_BLOCKED:
		return "blocked";
	case NSN_WIRE_UNTESTED:
		break;
	}
	return "untested";
}
