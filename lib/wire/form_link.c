// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of the link's own: tags, neighbours, bridges, and what claims to configure others. Pure.
 */
#include "form.h"

#include <netinet/in.h>
#include <string.h>

static void tagged(struct nsn_forming *f)
{
	const struct nsn_wire_ask *a = f->a;
	struct nsn_wire_frame *x = nsn_form_next(f);
	uint8_t *p;

	nsn_wire_eth(x, nsn_form_across(a), &a->mac,
		     a->kind == NSN_WIRE_VLAN ? TYPE_VLAN : TYPE_QINQ);
	if (a->kind == NSN_WIRE_QINQ) {
		p = nsn_wire_add(x, 4);
		nsn_wire_put16(p, 7);
		nsn_wire_put16(p + 2, TYPE_VLAN);
	}
	p = nsn_wire_add(x, 4);
	nsn_wire_put16(p, 1);
	nsn_wire_put16(p + 2, nsn_form_ip_type(a->family));
	nsn_wire_ip(x, &a->src, &a->dst, IPPROTO_UDP, a->ttl, 0);
	nsn_form_udp(x, a->sport, a->dport);
	nsn_wire_finish(x, f->k, f->number);
}

static void ethertype(struct nsn_forming *f)
{
	struct nsn_wire_frame *x = nsn_form_next(f);

	nsn_wire_eth(x, &f->a->to_mac, &f->a->mac, TYPE_OURS);
	nsn_wire_finish(x, f->k, f->number);
}

/* Room at the end of a message of neighbours' discovery: an option that nobody knows. */
static void put_option(struct nsn_wire_frame *x)
{
	uint8_t *p = nsn_wire_add(x, 8);

	p[0] = 253;
	p[1] = (8 + NSN_WIRE_TRAILER) / 8;
}

static void who_has(struct nsn_forming *f)
{
	const struct nsn_wire_ask *a = f->a;
	struct nsn_wire_frame *x = nsn_form_next(f);
	struct nsn_ip group = {.family = AF_INET6};
	struct nsn_mac mac = {{0x33, 0x33, 0xff}};
	uint8_t *p;

	if (a->family == AF_INET) {
		nsn_wire_eth(x, &nsn_form_everybody, &a->mac, TYPE_ARP);
		p = nsn_wire_add(x, 28);
		nsn_wire_put(p, "\0\1\x08\0\6\4\0\1", 8);
		memcpy(p + 8, a->mac.bytes, 6);
		memcpy(p + 14, a->src.bytes, 4);
		memcpy(p + 24, a->dst.bytes, 4);
	} else {
		nsn_wire_put(group.bytes, "\xff\x02\0\0\0\0\0\0\0\0\0\1\xff", 13);
		memcpy(group.bytes + 13, a->dst.bytes + 13, 3);
		memcpy(mac.bytes + 3, a->dst.bytes + 13, 3);
		nsn_wire_eth(x, &mac, &a->mac, TYPE_IP6);
		nsn_wire_ip(x, &a->src, &group, IPPROTO_ICMPV6, HOPS_ND, 0);
		p = nsn_wire_add(x, 24);
		p[0] = 135;
		memcpy(p + 8, a->dst.bytes, 16);
		put_option(x);
	}
	nsn_wire_finish(x, f->k, f->number);
}

static void stp(struct nsn_forming *f)
{
	static const struct nsn_mac bridges = {{0x01, 0x80, 0xc2, 0, 0, 0}};
	struct nsn_wire_frame *x = nsn_form_next(f);
	uint8_t *p;

	nsn_wire_eth(x, &bridges, &f->a->mac, 38);
	p = nsn_wire_add(x, 38);
	nsn_wire_put(p, "\x42\x42\x03", 3);
	p[8] = 0xff; /* the root, and who says it: of the lowest priority */
	p[9] = 0xff;
	memcpy(p + 10, f->a->mac.bytes, 6);
	p[20] = 0xff;
	p[21] = 0xff;
	memcpy(p + 22, f->a->mac.bytes, 6);
	nsn_wire_put(p + 28, "\x80\1\0\0\x14\0\2\0\x0f\0", 10);
	nsn_wire_finish(x, f->k, f->number);
}

static void lldp(struct nsn_forming *f)
{
	static const struct nsn_mac nearest = {{0x01, 0x80, 0xc2, 0, 0, 0x0e}};
	struct nsn_wire_frame *x = nsn_form_next(f);
	uint8_t *p;

	nsn_wire_eth(x, &nearest, &f->a->mac, TYPE_LLDP);
	p = nsn_wire_add(x, 24);
	nsn_wire_put(p, "\x02\x07\x04", 3);
	memcpy(p + 3, f->a->mac.bytes, 6);
	nsn_wire_put(p + 9, "\x04\x06\x05probe\x06\x02\0\1\0\0", 14);
	nsn_wire_finish(x, f->k, f->number);
}

/* An answer to a request of which nobody knows: its number and the client's address are made up. */
void nsn_form_dhcp(struct nsn_forming *f)
{
	const struct nsn_wire_ask *a = f->a;
	const bool six = a->family == AF_INET6;
	static const struct nsn_mac nodes = {{0x33, 0x33, 0, 0, 0, 1}};
	struct nsn_wire_frame *x = nsn_form_next(f);
	struct nsn_ip dst = {.family = a->family};
	uint8_t *p;

	memcpy(dst.bytes,
	       six ? "\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
		   : "\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0",
	       16);
	nsn_wire_eth(x, six ? &nodes : &nsn_form_everybody, &a->mac, nsn_form_ip_type(a->family));
	nsn_wire_ip(x, &a->src, &dst, IPPROTO_UDP, a->ttl, 0);
	nsn_form_udp(x, six ? 547 : 67, six ? 546 : 68);
	if (six) {
		nsn_wire_put32(nsn_wire_add(x, 4), 0x026e736e);
	} else {
		p = nsn_wire_add(x, 240 + 4);
		nsn_wire_put(p, "\2\1\6\0nsnt", 8);
		nsn_wire_put(p + 28, "\2nsnet", 6);
		nsn_wire_put(p + 236, "\x63\x82\x53\x63\x35\1\2\xff", 8);
	}
	nsn_wire_finish(x, f->k, f->number);
}

void nsn_form_router(struct nsn_forming *f)
{
	static const struct nsn_mac nodes = {{0x33, 0x33, 0, 0, 0, 1}};
	const struct nsn_ip all = {AF_INET6, {0xff, 2, [15] = 1}};
	struct nsn_wire_frame *x = nsn_form_next(f);
	struct nsn_ip src = {AF_INET6, {0xfe, 0x80, [15] = 0x4e}};
	uint8_t *p;

	nsn_wire_eth(x, &nodes, &f->a->mac, TYPE_IP6);
	nsn_wire_ip(x, &src, &all, IPPROTO_ICMPV6, HOPS_ND, 0);
	p = nsn_wire_add(x, 16 + 32);
	p[0] = 134;
	p[16] = 3; /* 2001:db8::/64, for no time, not on the link */
	p[17] = 4;
	p[18] = 64;
	nsn_wire_put(p + 32, "\x20\x01\x0d\xb8", 4);
	put_option(x);
	nsn_wire_finish(x, f->k, f->number);
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wswitch-enum"
void nsn_form_link(struct nsn_forming *f)
{
	switch (f->a->kind) {
	case NSN_WIRE_ETHERTYPE:
		ethertype(f);
		break;
	case NSN_WIRE_VLAN:
	case NSN_WIRE_QINQ:
		tagged(f);
		break;
	case NSN_WIRE_ARP:
		who_has(f);
		break;
	case NSN_WIRE_STP:
		stp(f);
		break;
	default:
		lldp(f);
	}
}
#pragma GCC diagnostic pop
