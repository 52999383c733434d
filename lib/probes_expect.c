/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "probes.h"

/*
 * probes_expect - what policy says of a packet that is sent
 */

struct flow {
	uint8_t family, proto;
	nsn_u128 src, dst;
	uint16_t port;
	bool opens; /* its first packet says all: if it is allowed it has to arrive */
};

static const uint8_t icmp_echo[] = {ICMP_ECHO, ICMP6_ECHO_REQUEST};
static const uint8_t icmp_error[] = {ICMP_DEST_UNREACH, ICMP6_DST_UNREACH};

static nsn_u128 number(const struct nsn_ip *ip)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < (ip->family == AF_INET ? 4 : 16); i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

/* false: no policy can allow a packet of this kind. */
static bool flow_of(const struct nsn_probes *p, const struct nsn_wire_probe *x, struct flow *f)
{
	const struct nsn_wire_place *from = &p->places[x->from];
	const struct nsn_ip *own = x->family == AF_INET6 ? &from->ip6 : &from->ip;
	const size_t six = x->family == AF_INET6;

	*f = (struct flow){.family = x->family, .proto = x->proto, .port = x->dport};
	f->src = number(x->src.family ? &x->src : own);
	f->dst = number(&x->dst);
	f->opens =
		x->kind == NSN_WIRE_ICMP || x->kind == NSN_WIRE_TCP_SYN || x->kind == NSN_WIRE_UDP;
	switch ((int)x->kind) {
	case NSN_WIRE_ICMP:
		f->proto = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		f->port = (uint16_t)(icmp_echo[six] << 8);
		return true;
	case NSN_WIRE_ICMP_ERROR:
		f->proto = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		f->port = (uint16_t)(icmp_error[six] << 8 |
				     (six ? ICMP6_DST_UNREACH_NOPORT : ICMP_PORT_UNREACH));
		return true;
	case NSN_WIRE_TCP_SYN:
	case NSN_WIRE_TCP_ACK:
	case NSN_WIRE_TCP_FIN:
	case NSN_WIRE_TCP_NULL:
	case NSN_WIRE_TCP_RST:
		f->proto = IPPROTO_TCP;
		return true;
	case NSN_WIRE_UDP:
	case NSN_WIRE_FRAGMENTS:
	case NSN_WIRE_EXT_HEADERS:
	case NSN_WIRE_SOURCE_ROUTE:
		f->proto = IPPROTO_UDP;
		return true;
	case NSN_WIRE_PROTO_SCTP:
		f->proto = IPPROTO_SCTP;
		return true;
	case NSN_WIRE_PROTO_GRE:
		f->proto = IPPROTO_GRE;
		return true;
	case NSN_WIRE_PROTO_ESP:
		f->proto = IPPROTO_ESP;
		return true;
	case NSN_WIRE_PROTO_253:
		f->proto = 253;
		return true;
	default:
		return false;
	}
}

static bool has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static bool in_box(const struct nsn_box *list, size_t n, const struct flow *f)
{
	for (size_t i = 0; i < n; i++) {
		const struct nsn_box *b = &list[i];
		const bool any_port = b->port_first == 0 && b->port_last == UINT16_MAX;

		if (b->family == f->family && b->src.first <= f->src && f->src <= b->src.last &&
		    b->dst.first <= f->dst && f->dst <= b->dst.last && b->proto_first <= f->proto &&
		    f->proto <= b->proto_last &&
		    (any_port ||
		     (has_ports(f->proto) && b->port_first <= f->port && f->port <= b->port_last)))
			return true;
	}
	return false;
}

static int know_boxes(struct nsn_probes *p, size_t from, size_t to, struct nsnet_err *err)
{
	const size_t n = p->given->intent.n_tenants;
	int r;

	if (p->boxes_known && p->boxes_from == from && p->boxes_to == to)
		return 0;
	nsn_boxes_clear(&p->boxes);
	p->boxes_known = false;
	if (to < n)
		r = nsn_asked_pair(p->asked, from, to, &p->boxes, err);
	else
		r = nsn_asked_beyond(p->asked, &p->beyond, from,
				     to == NSN_SIDE_HOST(n) ? NSN_WHERE_HOST : NSN_WHERE_OUTSIDE,
				     true, &p->boxes, err);
	if (r < 0)
		return r;
	p->boxes_from = from;
	p->boxes_to = to;
	p->boxes_known = true;
	return 0;
}

int nsn_probes_expect(struct nsn_probes *p, const struct nsn_wire_probe *x,
		      const struct nsn_aim *aim, enum nsn_due *ret, struct nsnet_err *err)
{
	struct flow f;
	bool may;
	int r;

	*ret = NSN_DUE_NOT;
	/* One's own gateway answers a ping, and nobody else's anything. */
	if (aim->gateway != SIZE_MAX) {
		if (aim->gateway == aim->from)
			*ret = NSN_DUE_MAY;
		return 0;
	}
	if (!flow_of(p, x, &f))
		return 0;
	r = know_boxes(p, aim->from, aim->to, err);
	if (r < 0)
		return r;
	may = in_box(p->boxes.kept, p->boxes.n_kept, &f) || p->boxes.all ||
	      (in_box(p->boxes.allow, p->boxes.n_allow, &f) &&
	       !in_box(p->boxes.deny, p->boxes.n_deny, &f));
	if (may)
		*ret = f.opens ? NSN_DUE_SHOULD : NSN_DUE_MAY;
	return 0;
}
