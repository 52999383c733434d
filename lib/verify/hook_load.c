/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes of the packet: nft_payload_eval() and nft_payload_set_eval(). */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "hook_int.h"

#define FIELD(f, low) NSN_RB(NSN_RB_FIELD, f, low)
#define ANY	      NSN_RB(NSN_RB_ANY, 0, 0)
#define CONST(v)      NSN_RB(NSN_RB_CONST, 0, v)
#define HALF	      UINT32_MAX /* of byte 0 of an IP header: the version is known */

/* ---- which header ---- */

/* Addresses of 32 bits have nothing above them. */
static nsn_set_t narrow(struct nsn_run *r, nsn_set_t in, enum nsn_l3 l3)
{
	nsn_set_t rest;

	if (l3 == NSN_L3_IP || l3 == NSN_L3_ARP) {
		nsn_part_one(r, in, NSN_F_SRC, 0, UINT32_MAX, &in, &rest);
		nsn_part_one(r, in, NSN_F_DST, 0, UINT32_MAX, &in, &rest);
	}
	return in;
}

bool nsn_part_l3(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	static const enum nsn_l3 kinds[3] = {NSN_L3_IP, NSN_L3_IP6, NSN_L3_ARP};
	nsn_set_t rest = p->set, yes;

	if (p->l3 != NSN_L3_MIXED)
		return true;
	for (size_t k = 0; k < 3 && !nsn_empty(rest); k++) {
		nsn_part_one(r, rest, NSN_F_ETYPE, kinds[k], kinds[k], &yes, &rest);
		yes = narrow(r, yes, kinds[k]);
		if (nsn_empty(rest) && !nsn_empty(yes)) { /* the last kind: no way of its own */
			p->set = yes;
			p->l3 = kinds[k];
			return true;
		}
		nsn_rule_branch(r, rule, i, p, yes, kinds[k]);
	}
	p->set = rest;
	p->l3 = NSN_L3_OTHER;
	return !nsn_empty(rest);
}

/* ---- what a byte is ---- */

static uint32_t ip_byte(size_t o)
{
	if (o == 0)
		return HALF;
	if (o == 8)
		return FIELD(NSN_F_TTL, 0);
	if (o == 9)
		return FIELD(NSN_F_PROTO, 0);
	if (o >= 12 && o < 16)
		return FIELD(NSN_F_SRC, (15 - o) * 8);
	if (o >= 16 && o < 20)
		return FIELD(NSN_F_DST, (19 - o) * 8);
	return ANY;
}

static uint32_t ip6_byte(size_t o)
{
	if (o == 0)
		return HALF;
	if (o == 6)
		return FIELD(NSN_F_NEXT, 0);
	if (o == 7)
		return FIELD(NSN_F_TTL, 0);
	if (o >= 8 && o < 24)
		return FIELD(NSN_F_SRC, (23 - o) * 8);
	if (o >= 24 && o < 40)
		return FIELD(NSN_F_DST, (39 - o) * 8);
	return ANY;
}

static uint32_t arp_byte(size_t o)
{
	if (o == 6 || o == 7)
		return FIELD(NSN_F_SPORT, (7 - o) * 8);
	if (o >= 8 && o < 14)
		return FIELD(NSN_F_ARPS, (13 - o) * 8);
	if (o >= 14 && o < 18)
		return FIELD(NSN_F_SRC, (17 - o) * 8);
	if (o >= 24 && o < 28)
		return FIELD(NSN_F_DST, (27 - o) * 8);
	return ANY;
}

static uint32_t net_byte(enum nsn_l3 l3, size_t o)
{
	switch (l3) {
	case NSN_L3_IP:
		return ip_byte(o);
	case NSN_L3_IP6:
		return ip6_byte(o);
	case NSN_L3_ARP:
		return arp_byte(o);
	case NSN_L3_OTHER:
	case NSN_L3_MIXED:
	default:
		return ANY;
	}
}

/* How much of the header is there in every packet of use. */
static size_t net_len(enum nsn_l3 l3)
{
	switch (l3) {
	case NSN_L3_IP:
		return 20;
	case NSN_L3_IP6:
		return 40;
	case NSN_L3_ARP:
		return 28;
	case NSN_L3_OTHER:
	case NSN_L3_MIXED:
	default:
		return 0;
	}
}

static uint32_t ll_byte(size_t o)
{
	if (o < 6)
		return FIELD(NSN_F_L2DST, (5 - o) * 8);
	if (o < 12)
		return FIELD(NSN_F_L2SRC, (11 - o) * 8);
	if (o < 14)
		return FIELD(NSN_F_ETYPE, (13 - o) * 8);
	return ANY;
}

/* @proto: what all of them are, or -1. */
static uint32_t l4_byte(int proto, size_t o)
{
	if (o < 2)
		return FIELD(NSN_F_SPORT, (1 - o) * 8);
	if (o < 4)
		return FIELD(NSN_F_DPORT, (3 - o) * 8);
	if (o == 13 && proto == IPPROTO_TCP)
		return FIELD(NSN_F_FLAGS, 0);
	if (o >= 8 && o < 24 && proto == IPPROTO_ICMPV6)
		return FIELD(NSN_F_ND, (23 - o) * 8);
	/* What an error quotes begins behind 8 bytes: an IP header without its transport. */
	if (o >= 24 && o < 28 && proto == IPPROTO_ICMP)
		return FIELD(NSN_F_QDST, (27 - o) * 8);
	if (o >= 32 && o < 48 && proto == IPPROTO_ICMPV6)
		return FIELD(NSN_F_QDST, (47 - o) * 8);
	return ANY;
}

/* ---- loads ---- */

static void load_half(struct nsn_run *r, struct nsn_path *p, size_t at)
{
	uint32_t bits[8] = {NSN_BIT_0,	 NSN_BIT_1,   NSN_BIT_0,   NSN_BIT_0,
			    NSN_BIT_ANY, NSN_BIT_ANY, NSN_BIT_ANY, NSN_BIT_ANY};

	if (p->l3 == NSN_L3_IP6)
		bits[2] = NSN_BIT_1;
	nsn_regs_bits(r, p->regs, at, bits);
}

static bool load_any(struct nsn_run *r, struct nsn_path *p, const struct nsn_vexpr *x)
{
	nsn_left(r, p->set);
	nsn_regs_any(p->regs, (size_t)x->dreg * 4, x->len);
	return true;
}

static bool load_net(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	size_t at = (size_t)x->dreg * 4;

	if (!nsn_part_l3(r, rule, i, p))
		return false;
	if (x->offset > 1024 || (size_t)x->offset + x->len > net_len(p->l3))
		nsn_left(r, p->set);
	for (size_t k = 0; k < x->len && at + k < NSN_REG_BYTES; k++) {
		uint32_t d = x->offset > 1024 ? ANY : net_byte(p->l3, x->offset + k);

		if (d == HALF)
			load_half(r, p, at + k);
		else
			p->regs->b[at + k] = d;
	}
	nsn_regs_pad(p->regs, at, x->len);
	return true;
}

/*
 * Of a tagged frame the kernel shows the tag where the type is looked for: 0x8100 or 0x88a8, then
 * the tag, then the type. Which of both it is, is not known; what they have in common is.
 */
static void load_tagged(struct nsn_run *r, struct nsn_regs *g, const struct nsn_vexpr *x)
{
	static const uint32_t type[2][8] = {
		{NSN_BIT_1, NSN_BIT_0, NSN_BIT_0, NSN_BIT_0, NSN_BIT_ANY, NSN_BIT_0, NSN_BIT_0,
		 NSN_BIT_ANY},
		{NSN_BIT_ANY, NSN_BIT_0, NSN_BIT_ANY, NSN_BIT_0, NSN_BIT_ANY, NSN_BIT_0, NSN_BIT_0,
		 NSN_BIT_0},
	};
	size_t at = (size_t)x->dreg * 4;

	for (size_t k = 0; k < x->len && at + k < NSN_REG_BYTES; k++) {
		size_t o = x->offset + k;

		if (o == 12 || o == 13)
			nsn_regs_bits(r, g, at + k, type[o - 12]);
		else if (o == 16 || o == 17)
			g->b[at + k] = FIELD(NSN_F_ETYPE, (17 - o) * 8);
		else
			g->b[at + k] = o < 12 ? ll_byte(o) : ANY;
	}
	nsn_regs_pad(g, at, x->len);
}

/* The rest of the rule for some of the packets: those with a tag, those without a header. */
static void ll_branch(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		      const struct nsn_path *p, nsn_set_t set, bool tagged)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	struct nsn_path own = *p;
	struct nsn_regs regs;

	if (nsn_empty(set))
		return;
	own.set = set;
	own.regs = nsn_regs_copy(r, p->regs, &regs);
	if (tagged && x->offset <= 18 && x->offset + x->len <= 18)
		load_tagged(r, &regs, x);
	else
		(void)load_any(r, &own, x);
	nsn_rule_from(r, rule, i + 1, &own);
}

static bool load_ll(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	bool routed = r->family == NFPROTO_IPV4 || r->family == NFPROTO_IPV6;
	size_t at = (size_t)x->dreg * 4;
	nsn_set_t odd;

	if (routed && r->hook == NF_INET_LOCAL_OUT) { /* there is no header yet */
		nsn_left(r, p->set);
		return false;
	}
	/* An old header, of what was forwarded; ARP and egress: it depends. */
	if ((routed && r->hook == NF_INET_POST_ROUTING) || r->family == NFPROTO_ARP ||
	    (r->family == NFPROTO_NETDEV && r->hook == NF_NETDEV_EGRESS) || x->offset > 18)
		return load_any(r, p, x);
	nsn_part(r, p->set, NSN_F_IIF, r->h->bare, r->h->n_bare, &odd, &p->set);
	ll_branch(r, rule, i, p, odd, false);
	if (x->offset + x->len > 12) {
		nsn_part_one(r, p->set, NSN_F_TAG, 1, 3, &odd, &p->set);
		ll_branch(r, rule, i, p, odd, true);
	}
	if (x->offset + x->len > 14)
		return load_any(r, p, x);
	for (size_t k = 0; k < x->len && at + k < NSN_REG_BYTES; k++)
		p->regs->b[at + k] = ll_byte(x->offset + k);
	nsn_regs_pad(p->regs, at, x->len);
	return true;
}

/*
 * What of p->set surely has the first @upto bytes of a transport header, left in it is what
 * has one at all; the others may break. Returns the protocol where there is but one.
 */
static int part_l4(struct nsn_run *r, struct nsn_path *p, size_t upto)
{
	static const struct {
		uint8_t proto, len;
	} sure[] = {{IPPROTO_ICMP, 8},	 {IPPROTO_TCP, 20},   {IPPROTO_UDP, 8},
		    {IPPROTO_DCCP, 12},	 {IPPROTO_ICMPV6, 8}, {IPPROTO_SCTP, 12},
		    {IPPROTO_UDPLITE, 8}};
	struct nsn_range ranges[NSN_COUNT(sure)];
	const struct nsn_range *b;
	nsn_set_t frag, yes, rest;
	size_t n = 0;

	nsn_part_one(r, p->set, NSN_F_FRAG, 1, 1, &frag, &p->set);
	nsn_left(r, frag);
	if (nsn_empty(p->set))
		return -1;
	for (size_t k = 0; k < NSN_COUNT(sure); k++)
		if (upto <= sure[k].len) {
			ranges[n].first = ranges[n].last = sure[k].proto;
			n++;
		}
	nsn_part(r, p->set, NSN_F_PROTO, ranges, n, &yes, &rest);
	b = nsn_run_bounds(r, p->set, NSN_F_PROTO);
	if (b->first != b->last) {
		nsn_left(r, rest);
		return -1;
	}
	if (b->first == IPPROTO_ICMPV6 && upto > 8 && upto <= 24) /* solicitation, advertisement */
		nsn_part_one(r, p->set, NSN_F_SPORT, 135 << 8, 136 << 8 | 255, &yes, &rest);
	nsn_left(r, rest);
	return (int)b->first;
}

/*
 * Of a later fragment of IPv6 the kernel looks for the transport header at the beginning of
 * the packet: ipv6_find_hdr() finds the protocol but no place (seen with 6.18). So it loads what
 * the sender likes (the flow label). Of IPv4 the load breaks as a rule, but the fuzz has met later
 * fragments that a rule about ports did stop. So both are possible, of either family.
 */
static void later_fragments(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			    struct nsn_path *p)
{
	struct nsn_path own = *p;
	struct nsn_regs regs;

	nsn_part_one(r, p->set, NSN_F_FRAG, 1, 1, &own.set, &p->set);
	if (nsn_empty(own.set))
		return;
	own.regs = nsn_regs_copy(r, p->regs, &regs);
	(void)load_any(r, &own, rule->exprs[i].x);
	nsn_rule_from(r, rule, i + 1, &own);
}

static bool load_l4(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	size_t at = (size_t)x->dreg * 4, from = x->offset > 1024 ? 1024 : x->offset;
	int proto;

	if (!nsn_part_l3(r, rule, i, p))
		return false;
	if (p->l3 != NSN_L3_IP && p->l3 != NSN_L3_IP6) {
		nsn_left(r, p->set);
		return false;
	}
	later_fragments(r, rule, i, p);
	proto = part_l4(r, p, from + x->len);
	for (size_t k = 0; k < x->len && at + k < NSN_REG_BYTES; k++)
		p->regs->b[at + k] = l4_byte(proto, from + k);
	nsn_regs_pad(p->regs, at, x->len);
	return true;
}

bool nsn_eval_payload(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;

	switch (x->base) {
	case NFT_PAYLOAD_LL_HEADER:
		return load_ll(r, rule, i, p);
	case NFT_PAYLOAD_NETWORK_HEADER:
		return load_net(r, rule, i, p);
	case NFT_PAYLOAD_TRANSPORT_HEADER:
		return load_l4(r, rule, i, p);
	default:
		return load_any(r, p, x);
	}
}

/* ---- stores ---- */

/* What a byte is when it is written: CONST: of no account; ANY: not understood. */
static uint32_t stored_byte(const struct nsn_vexpr *x, enum nsn_l3 l3, int proto, size_t o)
{
	uint32_t d;

	switch (x->base) {
	case NFT_PAYLOAD_LL_HEADER:
		return o < 12 ? ll_byte(o) : ANY;
	case NFT_PAYLOAD_NETWORK_HEADER:
		d = net_byte(l3, o);
		if (l3 == NSN_L3_IP) /* type of service, identification, checksum */
			return o == 1 || o == 4 || o == 5 || o == 10 || o == 11 ? CONST(0)
			       : o == 9 || o == 0				? ANY
										: d;
		if (l3 == NSN_L3_IP6) /* class and flow */
			return o < 4 ? CONST(0) : o == 6 ? ANY : d;
		return l3 == NSN_L3_ARP && o >= 18 && o < 24 ? CONST(0) : d;
	case NFT_PAYLOAD_TRANSPORT_HEADER:
		d = l4_byte(proto, o);
		if (d != ANY)
			return d;
		return proto == IPPROTO_TCP || proto == IPPROTO_UDP ? CONST(0) : ANY;
	default:
		return ANY;
	}
}

static bool store(struct nsn_run *r, struct nsn_path *p, const struct nsn_vexpr *x, int proto)
{
	uint32_t bits[NSN_FIELDS][128];
	uint32_t fields = 0;

	for (size_t k = 0; k < x->len; k++) {
		uint32_t d = stored_byte(x, p->l3, proto, x->offset + k), own[8], f, low;

		if (NSN_RB_KIND(d) == NSN_RB_CONST)
			continue;
		if (NSN_RB_KIND(d) != NSN_RB_FIELD ||
		    !nsn_regs_plain(p->regs, (size_t)x->sreg * 4 + k, 1, own))
			return false;
		f = NSN_RB_A(d);
		low = NSN_RB_B(d);
		for (uint32_t b = 0; !(fields >> f & 1) && b < nsn_field_bits((enum nsn_field)f);
		     b++)
			bits[f][b] = NSN_BIT(f, b);
		fields |= UINT32_C(1) << f;
		for (uint32_t b = 0; b < 8; b++)
			bits[f][low + b] = own[7 - b];
	}
	if (fields & (fields - 1)) /* what one takes from another must be as it was before */
		for (uint32_t f = 0; f < NSN_FIELDS; f++)
			for (uint32_t b = 0;
			     fields >> f & 1 && b < nsn_field_bits((enum nsn_field)f); b++)
				if (NSN_BIT_IS_FIELD(bits[f][b]) && NSN_BIT_FIELD(bits[f][b]) != f)
					bits[f][b] = NSN_BIT_ANY;
	for (uint32_t f = 0; f < NSN_FIELDS; f++)
		if (fields >> f & 1)
			p->set = nsn_assign(r->s, p->set, (enum nsn_field)f, bits[f]);
	return true;
}

bool nsn_eval_payload_set(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			  struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	int proto = -1;

	if (x->base != NFT_PAYLOAD_LL_HEADER && !nsn_part_l3(r, rule, i, p))
		return false;
	nsn_left(r, p->set); /* it may fail */
	if (x->base == NFT_PAYLOAD_TRANSPORT_HEADER) {
		if (p->l3 != NSN_L3_IP && p->l3 != NSN_L3_IP6)
			return false;
		proto = part_l4(r, p, x->offset > 1024 ? 1024 : x->offset + x->len);
		if (nsn_empty(p->set))
			return false;
	}
	if (x->offset > 1024 || !store(r, p, x, proto)) {
		nsn_rule_poison(r, rule, p->set, "a store into the packet");
		return false;
	}
	return true;
}
