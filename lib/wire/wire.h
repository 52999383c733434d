/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_WIRE_H
#define NSN_WIRE_H

/*
 * wire - packets sent from a tenant's own end, and who has received them
 *
 * One process, one thread (closing the sockets takes more, for its time). It goes once into each
 * namespace, opens packet sockets there and keeps them: a *mouth* at each place that packets are
 * sent from, and *ears*, which see what comes in: at each place (its link), and in the trusted
 * namespaces that are watched (raw sockets: what was delivered there to a socket of IPv4 or IPv6;
 * packet sockets on those of their links that lead to the host, or out of it). A probe carries a
 * nonce of the run and its number, so who has received it is seen at the receiver, whatever was
 * translated on the way, and also when it is not the one that was meant.
 *
 * There is no waiting for silence. A veth hands packets over by way of the processor's backlog:
 * mostly before sendto() returns, and not always. BLOCKED therefore needs all of:
 *   1. the mouth took all frames of it, and each was seen, as it was sent, where the sender's link
 *      ends, in its gateway;
 *   2. after that every processor's backlog was gone through, several times (fence.c);
 *   3. sentinels, sent after the probe from the gateway's end of the receiver's port, came to the
 *      receiver's link, and one packet of the same kind, too;
 *   4. sender and receiver have pinged their gateways, which answered: what leads there works;
 *   5. no ear has dropped anything, nor has any processor's backlog (softnet_stat): else the batch
 *      is sent again, twice, with more care.
 * All that is waited for up to a second (cap_ms). Whatever is missing makes the probe UNTESTED with
 * the reason, never BLOCKED. DELIVERED needs only the packet: handed to a tenant by its gateway's
 * port, or seen at its own end, which the tenant can blind. An error about a packet, or the answer
 * to an echo, is not the packet.
 *
 * For a trusted receiver 3. and 4. are a ping that its sockets hear (of a gateway by one of its
 * tenants, of the host by itself), and a socket of the prober's own namespace that hears this kind.
 * Beyond the machine it is a frame by each uplink of the sender's gateway that the host's end
 * hears.
 *
 * What a rate limits looks blocked as well. New connections that a tenant may open in a second are
 * not used up (new_flows) by all runs of one nsn_wire_open(); what the tenant itself opens
 * meanwhile, what another prober did a second ago, and bytes in a second are not known.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/ip.h"

/*
 * What a packet may do to who gets it.
 *   LIVE   nothing: an endpoint with a workload in it may get it (no port with a listener, no
 *          answer that opens a connection, no neighbour or router is announced)
 *   CANARY only an endpoint that was made for the run (or gateway and host: their rules stop it)
 *   HARD   only when asked for (`--aggressive`)
 */
enum nsn_wire_class { NSN_WIRE_LIVE, NSN_WIRE_CANARY, NSN_WIRE_HARD };

/* X(KIND, "name", class, what it is): the first three are the representatives. */
#define NSN_WIRE_KINDS(X)                                                                          \
	X(ICMP, "icmp", LIVE, "an echo request (ICMPv6 with IPv6)")                                \
	X(TCP_SYN, "tcp-syn", LIVE, "a connection's first segment")                                \
	X(UDP, "udp", LIVE, "a datagram")                                                          \
	X(TCP_ACK, "tcp-ack", LIVE, "a segment of a connection that there is not")                 \
	X(TCP_FIN, "tcp-fin", LIVE, "a connection's last segment")                                 \
	X(TCP_NULL, "tcp-null", LIVE, "a segment without flags")                                   \
	X(TCP_RST, "tcp-rst", LIVE, "a reset of a connection that there is not")                   \
	X(ICMP_ERROR, "icmp-error", LIVE, "unreachable, about a flow that there is not")           \
	X(PROTO_SCTP, "sctp", LIVE, "protocol 132")                                                \
	X(PROTO_GRE, "gre", LIVE, "protocol 47")                                                   \
	X(PROTO_ESP, "esp", LIVE, "protocol 50")                                                   \
	X(PROTO_253, "proto-253", LIVE, "protocol 253, for experiments")                           \
	X(FRAGMENTS, "fragments", LIVE, "a whole train of fragments")                              \
	X(SPOOF_THIRD, "spoof-third", LIVE, "with the source of a third tenant")                   \
	X(SPOOF_LOOPBACK, "spoof-loopback", LIVE, "with a source in 127.0.0.0/8, ::1")             \
	X(SPOOF_ROUTER, "spoof-router", LIVE, "with the source of the receiver's own gateway")     \
	X(SOURCE_ROUTE, "source-route", LIVE, "with a loose source route (or routing header)")     \
	X(EXT_HEADERS, "ext-headers", LIVE, "IPv6 with hop-by-hop and destination options")        \
	X(LINK_LOCAL, "link-local", LIVE, "to and from fe80::/64")                                 \
	X(ETHERTYPE, "ethertype", LIVE, "a frame of EtherType 0x88b5, unicast to the MAC address") \
	X(VLAN, "vlan", CANARY, "a tagged frame")                                                  \
	X(QINQ, "qinq", CANARY, "a frame with two tags")                                           \
	X(MAC_SPOOF, "mac-spoof", CANARY, "from the MAC address of the gateway or a neighbour")    \
	X(ARP, "arp", CANARY, "who has the receiver's address (NDP with IPv6)")                    \
	X(BROADCAST, "broadcast", CANARY, "to ff:ff:ff:ff:ff:ff and 255.255.255.255")              \
	X(DIRECTED, "directed", CANARY, "to the broadcast address of the receiver's subnet")       \
	X(MULTICAST, "multicast", CANARY, "to 224.0.0.1 or ff02::1")                               \
	X(STP, "stp", HARD, "a bridge's hello")                                                    \
	X(LLDP, "lldp", HARD, "a neighbour's announcement")                                        \
	X(DHCP, "dhcp", HARD, "an offer nobody asked for")                                         \
	X(RA, "ra", HARD, "a router's announcement: lifetime 0, documentation prefix")

enum nsn_wire_kind {
#define NSN_WIRE_ENUM(kind, name, class, text) NSN_WIRE_##kind,
	NSN_WIRE_KINDS(NSN_WIRE_ENUM)
#undef NSN_WIRE_ENUM
		NSN_WIRE_KINDS_N
};
const char *nsn_wire_kind_name(enum nsn_wire_kind k);
const char *nsn_wire_kind_says(enum nsn_wire_kind k);
enum nsn_wire_class nsn_wire_kind_class(enum nsn_wire_kind k);
/* Whether a bridge may hand it to all neighbours of who sends it. */
bool nsn_wire_kind_floods(enum nsn_wire_kind k);
/* Whether there is such a thing in this family. */
bool nsn_wire_kind_has(enum nsn_wire_kind k, uint8_t family);

enum nsn_wire_end { NSN_WIRE_UNTESTED, NSN_WIRE_BLOCKED, NSN_WIRE_DELIVERED };
const char *nsn_wire_end_name(enum nsn_wire_end e); /* "delivered" */

/* A namespace of a tenant with the link that leads to its gateway; or a trusted one that is
 * watched. */
struct nsn_wire_place {
	const char *path; /* a way to the namespace: a pin, /proc/PID/ns/net */
	uint64_t inode;	  /* it must be this one, else it is not tested */
	const char *name; /* for messages: "customer1/app", "gateway of customer1", "host" */
	bool trusted;	  /* a gateway or the host (trusted, and nobody's gateway): only watched */
	bool canary;	  /* made for the run */
	/* ---- not trusted only ---- */
	const char *link;		 /* "eth0" */
	struct nsn_mac mac, gateway_mac; /* its own, and its gateway's */
	struct nsn_ip ip, ip6;		 /* its own; family 0: none */
	struct nsn_ip gateway, gateway6;
	struct nsn_prefix subnet; /* for DIRECTED */
	size_t gateway_place;	  /* index of its gateway among the places */
	const char *port;	  /* name of the link's other half, in the gateway */
	/*
	 * ---- trusted only: its links that are listened at, besides its sockets ----
	 * Ports need not be among them. Of a gateway, its uplinks: each must be a link of the host
	 * with the same name, else nothing beyond the machine is BLOCKED. Of the host, uplinks.
	 */
	const char *const *links;
	size_t n_links;
};

struct nsn_wire_probe {
	/* ---- what is asked ---- */
	size_t from, to; /* places; to: a trusted one: is it delivered to its sockets? SIZE_MAX: to
			  * `dst`, wherever that is: seen at a link of the host is DELIVERED, with
			  * a TTL that ends there, so nothing leaves the machine */
	enum nsn_wire_kind kind;
	uint8_t family;
	struct nsn_ip src, dst; /* family 0: the places' own (of a trusted one dst is needed) */
	uint8_t proto;		/* of kind PROTO_253: another protocol than that one */
	uint16_t sport, dport;	/* 0: fresh ones of the run, where nobody listens */
	uint16_t id;		/* of an echo request; 0: a fresh one */
	const void *raw; /* NULL, or a whole frame instead of all this (a prover's witness); the
			  * nonce is written at its end */
	size_t raw_len;
	uint64_t tag; /* the caller's */
	/* ---- what came out ---- */
	enum nsn_wire_end end;
	size_t seen_at; /* the place that received it, also when that is not `to`; SIZE_MAX: none */
	const char *why; /* of UNTESTED: a constant; else NULL */
};

struct nsn_wire_how {
	bool aggressive;	/* kinds of class HARD, too */
	unsigned int cap_ms;	/* the most that one sentinel is waited for; 0: 1000 */
	unsigned int seconds;	/* the most that all may take; 0: 60; what is left is UNTESTED */
	unsigned int new_flows; /* what an endpoint may open in a second, the least; 0: 4000 */
	bool no_controls;	/* for a bench of the bare sending: then nothing is BLOCKED */
				/*
				 * A place may only get a kind above LIVE when it is a canary or trusted: others are
				 * UNTESTED
				 * ("would not be harmless"). What a bridge floods (ARP, BROADCAST, ...) also needs that
				 * nobody lives beside the sender, or canaries only.
				 */
};

struct nsn_wire_said {
	size_t n, delivered, blocked, untested;
	size_t sent, heard, dropped; /* packets; dropped: by ears, counted by the kernel */
	size_t sentinels, controls;  /* of these: how many were sent */
	unsigned int took_us;
};

struct nsn_wire; /* sockets in all places */

/*
 * nsn_wire_open() - Go into all places and listen
 * A place that cannot be entered, or whose link is down, is no error: its probes are UNTESTED with
 * that reason. The calling thread is in its own namespace again afterwards. Needs CAP_NET_ADMIN,
 * CAP_NET_RAW and CAP_SYS_ADMIN. The places stay the caller's, and must stay.
 *
 * Return: 0, -EPERM, -ENOMEM, -EMFILE (the limit is raised as far as it goes first)
 */
int nsn_wire_open(struct nsn_wire **ret, const struct nsn_wire_place *places, size_t n,
		  struct nsnet_err *err);
void nsn_wire_close(struct nsn_wire *w); /* NULL is fine */

/*
 * nsn_wire_run() - Send probes, and fill in what came out of each
 * May be called again. Order is not kept: they are sent in batches by receiver.
 * Return: 0 whatever came out, or -ENOMEM
 */
int nsn_wire_run(struct nsn_wire *w, struct nsn_wire_probe *probes, size_t n,
		 const struct nsn_wire_how *how, struct nsn_wire_said *said, struct nsnet_err *err);

#endif
