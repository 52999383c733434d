// SPDX-License-Identifier: GPL-2.0-or-later
/* What a packet of each kind looks like. Pure. */
#include "form.h"

#include <netinet/in.h>
#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

const struct nsn_mac nsn_form_everybody = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

struct nsn_wire_frame *nsn_form_next(struct nsn_forming *f)
{
	return &f->t->f[f->t->n++];
}

uint16_t nsn_form_ip_type(uint8_t family)
{
	return family == AF_INET ? TYPE_IP4 : TYPE_IP6;
}

/* ---- what is in IP ------------------------------------------------------------------- */

static void put_tcp(struct nsn_wire_frame *f, const struct nsn_wire_ask *a, uint8_t flags)
{
	uint8_t *p = nsn_wire_add(f, 20);

	nsn_wire_put16(p, a->sport);
	nsn_wire_put16(p + 2, a->dport);
	nsn_wire_put32(p + 4, 0x6e736e00U + a->id);
	nsn_wire_put32(p + 8, flags & ACK ? 0x6e737400U + a->id : 0);
	p[12] = 5 << 4;
	p[13] = flags;
	nsn_wire_put16(p + 14, 1024);
}

void nsn_form_udp(struct nsn_wire_frame *f, uint16_t sport, uint16_t dport)
{
	uint8_t *p = nsn_wire_add(f, 8);

	nsn_wire_put16(p, sport);
	nsn_wire_put16(p + 2, dport);
}

static void put_echo(struct nsn_wire_frame *f, const struct nsn_wire_ask *a)
{
	uint8_t *p = nsn_wire_add(f, 8);

	p[0] = a->family == AF_INET ? 8 : 128;
	nsn_wire_put16(p + 4, a->id);
	nsn_wire_put16(p + 6, 1);
}

/* "Port unreachable", about a datagram that the receiver is to have sent. */
static void put_error(struct nsn_wire_frame *f, const struct nsn_wire_ask *a)
{
	struct nsn_wire_frame quoted, *q = &quoted;
	uint8_t *p = nsn_wire_add(f, 8);
	size_t len;

	p[0] = a->family == AF_INET ? 3 : 1;
	p[1] = a->family == AF_INET ? 3 : 4;
	nsn_wire_eth(q, &nsn_form_everybody, &nsn_form_everybody, nsn_form_ip_type(a->family));
	nsn_wire_ip(q, &a->dst, &a->src, IPPROTO_UDP, 60, 0);
	nsn_form_udp(q, a->dport, a->sport);
	/* The quoted length is that of a datagram with the trailer in it. */
	len = q->len - q->l3 + NSN_WIRE_TRAILER;
	nsn_wire_put16(q->bytes + q->l4 + 4, 8 + NSN_WIRE_TRAILER);
	if (a->family == AF_INET)
		nsn_wire_put16(q->bytes + q->l3 + 2, len);
	else
		nsn_wire_put16(q->bytes + q->l3 + 4, len - 40);
	p = nsn_wire_add(f, q->len - q->l3);
	memcpy(p, q->bytes + q->l3, q->len - q->l3);
}

static void put_sctp(struct nsn_wire_frame *f, const struct nsn_wire_ask *a)
{
	uint8_t *p = nsn_wire_add(f, 12 + 20 + 4);

	nsn_wire_put16(p, a->sport);
	nsn_wire_put16(p + 2, a->dport);
	p[12] = 1; /* INIT, with one unknown parameter that is to be skipped */
	nsn_wire_put16(p + 14, 20 + 4 + NSN_WIRE_TRAILER);
	nsn_wire_put32(p + 16, 1);
	nsn_wire_put32(p + 20, 65535);
	nsn_wire_put16(p + 24, 1);
	nsn_wire_put16(p + 26, 1);
	nsn_wire_put32(p + 28, 1);
	nsn_wire_put16(p + 32, 0x8000);
	nsn_wire_put16(p + 34, 4 + NSN_WIRE_TRAILER);
}

static uint8_t proto_of(const struct nsn_wire_ask *a)
{
	if (a->kind == NSN_WIRE_PROTO_253 && a->proto)
		return a->proto;
	return nsn_wire_kind_proto(a->kind, a->family);
}

static uint8_t tcp_flags(enum nsn_wire_kind k)
{
	if (k == NSN_WIRE_TCP_SYN)
		return SYN;
	if (k == NSN_WIRE_TCP_ACK)
		return ACK;
	if (k == NSN_WIRE_TCP_FIN)
		return FIN;
	return k == NSN_WIRE_TCP_RST ? RST : 0;
}

static void put_inside(struct nsn_wire_frame *f, const struct nsn_wire_ask *a)
{
	uint8_t *p;

	switch (proto_of(a)) {
	case IPPROTO_TCP:
		put_tcp(f, a, tcp_flags(a->kind));
		return;
	case IPPROTO_UDP:
		nsn_form_udp(f, a->sport, a->dport);
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (a->kind == NSN_WIRE_ICMP_ERROR)
			put_error(f, a);
		else
			put_echo(f, a);
		return;
	case IPPROTO_SCTP:
		put_sctp(f, a);
		return;
	case IPPROTO_GRE:
		p = nsn_wire_add(f, 4);
		nsn_wire_put16(p + 2, TYPE_OURS);
		return;
	default: /* of ESP it is the index and the number, of others anything */
		p = nsn_wire_add(f, 8);
		nsn_wire_put32(p, 0x6e736e74);
		nsn_wire_put32(p + 4, 1);
	}
}

/* ---- one frame, and the same on each way ------------------------------------------------ */

static void plain(struct nsn_forming *f, const struct nsn_mac *dst, const struct nsn_mac *src,
		  const struct nsn_ip *from, const struct nsn_ip *to)
{
	struct nsn_wire_frame *x = nsn_form_next(f);

	nsn_wire_eth(x, dst, src, nsn_form_ip_type(f->a->family));
	nsn_wire_ip(x, from, to, proto_of(f->a), f->a->ttl, 0);
	put_inside(x, f->a);
	nsn_wire_finish(x, f->k, f->number);
}

/* By the gateway; and straight to who is on the same bridge. */
static void both_ways(struct nsn_forming *f, const struct nsn_ip *from, const struct nsn_ip *to)
{
	plain(f, &f->a->gateway_mac, &f->a->mac, from, to);
	if (f->a->near)
		plain(f, &f->a->to_mac, &f->a->mac, from, to);
}

const struct nsn_mac *nsn_form_across(const struct nsn_wire_ask *a)
{
	return a->near ? &a->to_mac : &a->gateway_mac;
}

static void spoofed(struct nsn_forming *f)
{
	const bool six = f->a->family == AF_INET6;
	struct nsn_ip src = {.family = f->a->family};

	if (f->a->kind == NSN_WIRE_SPOOF_THIRD && f->a->third.family)
		src = f->a->third;
	else if (f->a->kind == NSN_WIRE_SPOOF_THIRD)
		memcpy(src.bytes,
		       six ? "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x4e" : "\xc6\x33\x64\x4e",
		       six ? 16 : 4);
	else if (f->a->kind == NSN_WIRE_SPOOF_ROUTER)
		src = f->a->router;
	else if (six)
		src.bytes[15] = 1;
	else
		nsn_wire_put(src.bytes, "\x7f\0\0\1", 4);
	both_ways(f, &src, &f->a->dst);
}

static void link_local(struct nsn_forming *f)
{
	const struct nsn_mac *of[2] = {&f->a->mac, &f->a->to_mac};
	struct nsn_ip ip[2] = {{0}};
	int i;

	for (i = 0; i < 2; i++) {
		uint8_t *b = ip[i].bytes;

		ip[i].family = AF_INET6;
		nsn_wire_put(b, "\xfe\x80", 2);
		memcpy(b + 8, of[i]->bytes, 3);
		b[8] ^= 2;
		nsn_wire_put(b + 11, "\xff\xfe", 2);
		memcpy(b + 13, of[i]->bytes + 3, 3);
	}
	both_ways(f, &ip[0], &ip[1]);
}

/* To the sender's own gateway, which is asked to send it on. */
static void source_route(struct nsn_forming *f)
{
	const struct nsn_wire_ask *a = f->a;
	const struct nsn_ip *first = a->first.family ? &a->first : &a->dst;
	struct nsn_wire_frame *x = nsn_form_next(f);
	uint8_t *p;

	nsn_wire_eth(x, &a->gateway_mac, &a->mac, nsn_form_ip_type(a->family));
	if (a->family == AF_INET) {
		nsn_wire_ip(x, &a->src, first, IPPROTO_UDP, a->ttl, 8);
		p = x->bytes + x->l3 + 20;
		nsn_wire_put(p, "\x83\x07\x04", 3);
		memcpy(p + 3, a->dst.bytes, 4);
	} else {
		nsn_wire_ip(x, &a->src, first, 43, a->ttl, 0);
		p = nsn_wire_add(x, 24);
		nsn_wire_put(p, "\x11\x02\x00\x01", 4);
		memcpy(p + 8, a->dst.bytes, 16);
		x->l4 = x->len;
		x->proto = IPPROTO_UDP;
	}
	x->final = a->dst;
	nsn_form_udp(x, a->sport, a->dport);
	nsn_wire_finish(x, f->k, f->number);
}

static void ext_headers(struct nsn_forming *f, const struct nsn_mac *to)
{
	struct nsn_wire_frame *x = nsn_form_next(f);
	uint8_t *p;

	nsn_wire_eth(x, to, &f->a->mac, TYPE_IP6);
	nsn_wire_ip(x, &f->a->src, &f->a->dst, 0, f->a->ttl, 0);
	p = nsn_wire_add(x, 16);
	nsn_wire_put(p, "\x3c\0\x01\x04\0\0\0\0\x11\0\x01\x04", 12);
	x->l4 = x->len;
	x->proto = IPPROTO_UDP;
	nsn_form_udp(x, f->a->sport, f->a->dport);
	nsn_wire_finish(x, f->k, f->number);
}

/* ---- fragments -------------------------------------------------------------------------- */

enum { PIECE = 64 };

/* A datagram in two pieces; each ends with the trailer. */
static void fragments(struct nsn_forming *f, const struct nsn_mac *to)
{
	const struct nsn_wire_ask *a = f->a;
	struct nsn_wire_frame unparted, *whole = &unparted, *x;
	const size_t extra = a->family == AF_INET ? 0 : 8;
	size_t i;
	uint8_t *p;

	nsn_wire_eth(whole, to, &a->mac, nsn_form_ip_type(a->family));
	nsn_wire_ip(whole, &a->src, &a->dst, IPPROTO_UDP, a->ttl, 0);
	nsn_form_udp(whole, a->sport, a->dport);
	nsn_wire_stamp(f->k, nsn_wire_add(whole, PIECE - 8) + PIECE - 8 - NSN_WIRE_TRAILER,
		       f->number);
	(void)nsn_wire_add(whole, PIECE - NSN_WIRE_TRAILER);
	nsn_wire_finish(whole, f->k, f->number);
	for (i = 0; i < 2; i++) {
		x = nsn_form_next(f);
		nsn_wire_eth(x, to, &a->mac, nsn_form_ip_type(a->family));
		nsn_wire_ip(x, &a->src, &a->dst, extra ? 44 : IPPROTO_UDP, a->ttl, 0);
		p = x->bytes + x->l3 + 4; /* IPv4: number and place; IPv6 has a header for them */
		if (extra) {
			p = nsn_wire_add(x, 8);
			p[0] = IPPROTO_UDP;
			nsn_wire_put16(p + 2, i * PIECE + (i == 0));
			nsn_wire_put32(p + 4, f->number ^ 0x6e736e00U);
		} else {
			nsn_wire_put16(p, a->id);
			nsn_wire_put16(p + 2, i * (PIECE / 8) + (i == 0 ? 0x2000 : 0));
		}
		p = nsn_wire_add(x, PIECE - NSN_WIRE_TRAILER);
		memcpy(p, whole->bytes + whole->l4 + i * PIECE, PIECE - NSN_WIRE_TRAILER);
		x->part = true;
		nsn_wire_finish(x, f->k, f->number);
	}
}

/* ---- to many, and from nobody ------------------------------------------------------------- */

static void to_many(struct nsn_forming *f)
{
	const struct nsn_wire_ask *a = f->a;
	const bool six = a->family == AF_INET6;
	struct nsn_ip dst = {.family = a->family};
	struct nsn_mac mac = nsn_form_everybody;

	if (a->kind == NSN_WIRE_BROADCAST) {
		memset(dst.bytes, 0xff, 4);
	} else if (a->kind == NSN_WIRE_DIRECTED) {
		dst = nsn_prefix_last(&a->subnet);
		mac = a->near ? nsn_form_everybody : a->gateway_mac;
	} else {
		memcpy(dst.bytes, six ? "\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\1" : "\xe0\0\0\1",
		       six ? 16 : 4);
		memcpy(mac.bytes, six ? "\x33\x33\0\0\0\1" : "\x01\0\x5e\0\0\1", 6);
	}
	plain(f, &mac, &a->mac, &a->src, &dst);
}

static void mac_spoof(struct nsn_forming *f)
{
	const struct nsn_wire_ask *a = f->a;

	plain(f, &a->to_mac, &a->gateway_mac, &a->src, &a->dst);
	plain(f, &a->gateway_mac, &a->to_mac, &a->src, &a->dst);
}

static const char *given(struct nsn_forming *f)
{
	struct nsn_wire_frame *x = nsn_form_next(f);
	struct nsn_wire_shape s;

	if (f->a->raw_len < 14 || f->a->raw_len > sizeof(x->bytes) - 64)
		return "the given frame is too short or too long";
	memcpy(x->bytes, f->a->raw, f->a->raw_len);
	x->len = f->a->raw_len;
	nsn_wire_look(&s, x->bytes, x->len);
	x->l3 = s.l3;
	x->l4 = s.l4;
	x->family = s.family;
	x->proto = s.proto;
	x->part = s.part;
	x->final.family = 0;
	nsn_wire_finish(x, f->k, f->number);
	return NULL;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
static void form_ip(struct nsn_forming *f)
{
	const struct nsn_wire_ask *a = f->a;

	switch (a->kind) {
	case NSN_WIRE_SPOOF_THIRD:
	case NSN_WIRE_SPOOF_LOOPBACK:
	case NSN_WIRE_SPOOF_ROUTER:
		spoofed(f);
		break;
	case NSN_WIRE_SOURCE_ROUTE:
		source_route(f);
		break;
	case NSN_WIRE_EXT_HEADERS:
		ext_headers(f, &a->gateway_mac);
		if (a->near)
			ext_headers(f, &a->to_mac);
		break;
	case NSN_WIRE_FRAGMENTS:
		fragments(f, &a->gateway_mac);
		if (a->near)
			fragments(f, &a->to_mac);
		break;
	case NSN_WIRE_LINK_LOCAL:
		link_local(f);
		break;
	case NSN_WIRE_MAC_SPOOF:
		mac_spoof(f);
		break;
	case NSN_WIRE_BROADCAST:
	case NSN_WIRE_DIRECTED:
	case NSN_WIRE_MULTICAST:
		to_many(f);
		break;
	case NSN_WIRE_DHCP:
		nsn_form_dhcp(f);
		break;
	case NSN_WIRE_RA:
		nsn_form_router(f);
		break;
	default:
		both_ways(f, &a->src, &a->dst);
	}
}
#pragma GCC diagnostic pop

const char *nsn_wire_form(struct nsn_wire_train *t, const struct nsn_wire_ask *a,
			  const struct nsn_wire_key *k, uint32_t number)
{
	struct nsn_forming f = {t, a, k, number};

	t->n = 0;
	if (a->raw)
		return given(&f);
	if (!nsn_wire_kind_has(a->kind, a->family))
		return "there is no such packet in this family";
	if (a->kind == NSN_WIRE_SPOOF_ROUTER && a->router.family != a->family)
		return "the receiver's gateway has no address of this family";
	if (a->kind == NSN_WIRE_DIRECTED && a->subnet.ip.family != AF_INET)
		return "the receiver's subnet is not known";
	if (a->kind != NSN_WIRE_RA && !(nsn_wire_kind_link(a->kind) && a->kind != NSN_WIRE_ARP) &&
	    (a->src.family != a->family || a->dst.family != a->family))
		return "no address of this family";
	/* Behind a tag there is a packet. */
	if ((a->kind == NSN_WIRE_VLAN || a->kind == NSN_WIRE_QINQ) &&
	    (!a->src.family || !a->dst.family))
		return "no address of this family";
	if (nsn_wire_kind_link(a->kind))
		nsn_form_link(&f);
	else
		form_ip(&f);
	return NULL;
}
