/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>

#include "base/cleanup.h"
#include "compile/admit.h"
#include "ctx.h"

/*
 * logged - a packet that a rule logged, in words
 *
 * It passed two gateways, and both have the rule. The sender's tells it: it sees the
 * addresses before they are translated, and what it denies nobody else sees.
 *
 * What the packet has in it is the tenant's to choose. Addresses, ports and the protocol are
 * numbers; everything else that is told comes from the store.
 */

struct header {
	struct nsn_ip from, to;
	uint8_t proto;
	bool has_ports, echo;
	uint16_t from_port, to_port;
};

/* ---- the packet ------------------------------------------------------------------------ */

static void read_transport(struct header *h, const uint8_t *at, size_t len)
{
	uint16_t port;

	switch (h->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		if (len < 2 * sizeof(port))
			return;
		memcpy(&port, at, sizeof(port));
		h->from_port = ntohs(port);
		memcpy(&port, at + sizeof(port), sizeof(port));
		h->to_port = ntohs(port);
		h->has_ports = true;
		return;
	case IPPROTO_ICMP:
		h->echo = len > 0 && (at[0] == ICMP_ECHO || at[0] == ICMP_ECHOREPLY);
		return;
	case IPPROTO_ICMPV6:
		h->echo = len > 0 && (at[0] == ICMP6_ECHO_REQUEST || at[0] == ICMP6_ECHO_REPLY);
		return;
	default: /* a number that the sender chose */
		return;
	}
}

static bool read_ip4(struct header *h, const uint8_t *at, size_t len)
{
	struct iphdr ip;

	if (len < sizeof(ip))
		return false;
	memcpy(&ip, at, sizeof(ip));
	if (ip.version != 4 || ip.ihl < 5)
		return false;
	h->from.family = h->to.family = AF_INET;
	memcpy(h->from.bytes, &ip.saddr, sizeof(ip.saddr));
	memcpy(h->to.bytes, &ip.daddr, sizeof(ip.daddr));
	h->proto = ip.protocol;
	/* Connection tracking has put fragments together. */
	if (len > 4U * ip.ihl)
		read_transport(h, at + 4U * ip.ihl, len - 4U * ip.ihl);
	return true;
}

/* Extension headers do not get this far: the bridge drops frames that have one. */
static bool read_ip6(struct header *h, const uint8_t *at, size_t len)
{
	struct ip6_hdr ip;

	if (len < sizeof(ip))
		return false;
	memcpy(&ip, at, sizeof(ip));
	if (at[0] >> 4 != 6)
		return false;
	h->from.family = h->to.family = AF_INET6;
	memcpy(h->from.bytes, &ip.ip6_src, sizeof(ip.ip6_src));
	memcpy(h->to.bytes, &ip.ip6_dst, sizeof(ip.ip6_dst));
	h->proto = ip.ip6_nxt;
	read_transport(h, at + sizeof(ip), len - sizeof(ip));
	return true;
}

static void put_ports(char buf[NSN_PORTS_STRLEN], const struct header *h)
{
	const char *name = h->proto == IPPROTO_TCP    ? "tcp"
			   : h->proto == IPPROTO_UDP  ? "udp"
			   : h->proto == IPPROTO_SCTP ? "sctp"
						      : NULL;

	if (h->proto == IPPROTO_ICMP || h->proto == IPPROTO_ICMPV6)
		(void)snprintf(buf, NSN_PORTS_STRLEN, "icmp%s", h->echo ? "/echo" : "");
	else if (name && h->has_ports)
		(void)snprintf(buf, NSN_PORTS_STRLEN, "%s/%u", name, h->to_port);
	else if (name)
		(void)snprintf(buf, NSN_PORTS_STRLEN, "%s", name);
	else
		(void)snprintf(buf, NSN_PORTS_STRLEN, "%u", h->proto);
}

/* ---- names ----------------------------------------------------------------------------- */

static bool is_of(const struct nsn_tenant *t, const struct nsn_ip *ip)
{
	return ip->family == AF_INET ? nsn_prefix_has(&t->subnet, ip)
				     : t->subnet6.ip.family && nsn_prefix_has(&t->subnet6, ip);
}

/* Whose address it is in the gateway of @at; of a translated tenant that of its cable. */
static const struct nsn_tenant *whose(const struct nsn_wanted *all, const struct nsn_tenant *at,
				      const struct nsn_ip *ip)
{
	const struct nsn_prefix *pool =
		ip->family == AF_INET ? &all->transit.ip : &all->transit.ip6;
	size_t i;

	if (is_of(at, ip))
		return at;
	for (i = 0; i < all->cables.n; i++) {
		const struct nsn_cable *c = &all->cables.cables[i];
		const bool is_a = c->b == at->id;
		const struct nsn_tenant *other;
		struct nsn_ip seen;

		if (c->a != at->id && c->b != at->id)
			continue;
		seen = nsn_transit_ip(pool, c->slot, is_a);
		if (is_a ? c->translated_a : c->translated_b) {
			if (nsn_ip_cmp(&seen, ip) == 0)
				return nsn_wanted_tenant(all, is_a ? c->a : c->b);
			continue;
		}
		other = nsn_wanted_tenant(all, is_a ? c->a : c->b);
		if (other && is_of(other, ip))
			return other;
	}
	return NULL;
}

static void put_end(struct nsnet_logged_end *ret, const struct nsn_tenant *t,
		    const struct nsn_ip *ip, uint16_t port, char buf[NSN_IP_STRLEN])
{
	size_t i;

	*ret = (struct nsnet_logged_end){.tenant = t ? t->name : "",
					 .endpoint = "",
					 .address = nsn_ip_str(ip, buf),
					 .port = port};
	for (i = 0; t && i < t->n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->endpoints[i];

		if (nsn_ip_cmp(ip->family == AF_INET ? &e->ip : &e->ip6, ip) == 0)
			ret->endpoint = e->name;
	}
}

static const struct nsn_policy *policy_of(const struct nsn_wanted *all, uint32_t mark)
{
	const uint32_t number = (mark & NSN_MARK_LOW) >> NSN_MARK_NUMBER;
	size_t i;

	for (i = 0; i < all->policies.n; i++)
		if (all->policies.policies[i].number == number)
			return &all->policies.policies[i];
	return NULL;
}

/* ---- both ------------------------------------------------------------------------------ */

int nsn_logged_read(struct nsnet_logged *ret, struct nsn_logged_text *text,
		    const struct nsn_wanted *all, const struct nsn_tenant *at,
		    const struct nsn_nflog_packet *p)
{
	const bool open = strcmp(p->prefix, LOG_OPEN) == 0;
	const struct nsn_policy *policy = policy_of(all, p->mark);
	struct header h = {0};

	if (!open && strcmp(p->prefix, LOG_PACKET) != 0)
		return 0;
	if (!(p->family == NFPROTO_IPV6 ? read_ip6(&h, p->payload, p->len)
					: read_ip4(&h, p->payload, p->len)))
		return 0;
	if (!is_of(at, &h.from))
		return 0;

	put_ports(text->ports, &h);
	*ret = (struct nsnet_logged){.tenant = at->name,
				     .rule = policy ? policy->name : "",
				     .deny = !(p->mark & NSN_MARK_ROUTE),
				     .open = open,
				     .protocol = h.proto,
				     .ports = text->ports};
	put_end(&ret->from, at, &h.from, h.from_port, text->from);
	put_end(&ret->to, whose(all, at, &h.to), &h.to, h.to_port, text->to);
	return 1;
}
