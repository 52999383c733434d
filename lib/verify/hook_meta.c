/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel knows of a packet: nft_meta, nft_ct. */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "hook_int.h"

bool nsn_has_device(const struct nsn_run *r, enum nsn_field f)
{
	if (r->family == NFPROTO_NETDEV)
		return (r->hook == NF_NETDEV_INGRESS) == (f == NSN_F_IIF);
	if (r->family == NFPROTO_ARP)
		return true;
	if (f == NSN_F_OIF)
		return r->hook != NF_INET_PRE_ROUTING && r->hook != NF_INET_LOCAL_IN;
	return r->hook != NF_INET_LOCAL_OUT &&
	       !(r->family == NFPROTO_BRIDGE && r->hook == NF_INET_POST_ROUTING);
}

/* Loaded is any value, and whether it succeeds is not known. */
static bool load_unknown(struct nsn_run *r, struct nsn_path *p, const struct nsn_vexpr *x,
			 bool breaks)
{
	if (breaks)
		nsn_left(r, p->set);
	nsn_regs_any(p->regs, (size_t)x->dreg * 4, x->len > 16 ? x->len : 16);
	return true;
}

static bool load_domain(struct nsn_run *r, struct nsn_path *p, const struct nsn_vexpr *x,
			enum nsn_dom dom)
{
	const struct nsn_domain *d = &r->h->dom[dom];
	size_t at = (size_t)x->dreg * 4, len = dom == NSN_DOM_IIFTYPE || dom == NSN_DOM_OIFTYPE ? 2
					       : dom == NSN_DOM_IIFGROUP || dom == NSN_DOM_OIFGROUP
						       ? 4
					       : dom == NSN_DOM_CTSTATE ? 4
									: 16;
	nsn_set_t without;

	if (dom != NSN_DOM_CTSTATE && !nsn_has_device(r, d->field)) {
		static const uint8_t none[16];

		if (dom != NSN_DOM_IIFNAME && dom != NSN_DOM_OIFNAME) {
			nsn_left(r, p->set);
			return false;
		}
		nsn_regs_const(p->regs, at, none, 16);
		return true;
	}
	nsn_part(r, p->set, d->field, d->none, d->n_none, &without, &p->set);
	nsn_left(r, without);
	for (size_t k = 0; k < len && at + k < NSN_REG_BYTES; k++)
		p->regs->b[at + k] = NSN_RB(NSN_RB_DOM, dom, k);
	nsn_regs_pad(p->regs, at, len);
	return true;
}

static bool load_index(struct nsn_run *r, struct nsn_path *p, const struct nsn_vexpr *x,
		       enum nsn_field f)
{
	static const uint8_t none[4];

	if (nsn_has_device(r, f))
		nsn_regs_host(p->regs, (size_t)x->dreg * 4, 4, f);
	else
		nsn_regs_const(p->regs, (size_t)x->dreg * 4, none, 4);
	return true;
}

/* skb->protocol: of frames that have a length where others have a type, 1 or 4. */
static bool load_protocol(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			  struct nsn_path *p)
{
	static const uint32_t llc[8] = {NSN_BIT_0, NSN_BIT_0,	NSN_BIT_0, NSN_BIT_0,
					NSN_BIT_0, NSN_BIT_ANY, NSN_BIT_0, NSN_BIT_ANY};
	const struct nsn_vexpr *x = rule->exprs[i].x;
	size_t at = (size_t)x->dreg * 4;
	nsn_set_t type, length;
	uint8_t fixed[2] = {(uint8_t)(r->l3 >> 8), (uint8_t)r->l3};

	if (r->l3 != NSN_L3_MIXED) {
		nsn_regs_const(p->regs, at, fixed, 2);
		return true;
	}
	nsn_part_one(r, p->set, NSN_F_ETYPE, 0, 0x5ff, &length, &type);
	if (!nsn_empty(length)) {
		struct nsn_path own = *p;
		struct nsn_regs regs;

		own.set = length;
		own.regs = nsn_regs_copy(r, p->regs, &regs);
		fixed[0] = fixed[1] = 0;
		nsn_regs_const(own.regs, at, fixed, 2);
		nsn_regs_bits(r, own.regs, at + 1, llc);
		nsn_rule_from(r, rule, i + 1, &own);
	}
	p->set = type;
	if (at + 1 < NSN_REG_BYTES) {
		p->regs->b[at] = NSN_RB(NSN_RB_FIELD, NSN_F_ETYPE, 8);
		p->regs->b[at + 1] = NSN_RB(NSN_RB_FIELD, NSN_F_ETYPE, 0);
	}
	nsn_regs_pad(p->regs, at, 2);
	return true;
}

static bool load_l4proto(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			 struct nsn_path *p)
{
	size_t at = (size_t)rule->exprs[i].x->dreg * 4;

	if (!nsn_part_l3(r, rule, i, p))
		return false;
	if (p->l3 != NSN_L3_IP && p->l3 != NSN_L3_IP6) {
		nsn_left(r, p->set);
		return false;
	}
	if (at < NSN_REG_BYTES)
		p->regs->b[at] = NSN_RB(NSN_RB_FIELD, NSN_F_PROTO, 0);
	nsn_regs_pad(p->regs, at, 1);
	return true;
}

bool nsn_eval_meta(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	const uint8_t nfproto = r->nfproto;

	switch (x->key) {
	case NFT_META_PROTOCOL:
		return load_protocol(r, rule, i, p);
	case NFT_META_L4PROTO:
		return load_l4proto(r, rule, i, p);
	case NFT_META_NFPROTO:
		nsn_regs_const(p->regs, (size_t)x->dreg * 4, &nfproto, 1);
		return true;
	case NFT_META_MARK:
		nsn_regs_host(p->regs, (size_t)x->dreg * 4, 4, NSN_F_MARK);
		return true;
	case NFT_META_IIF:
		return load_index(r, p, x, NSN_F_IIF);
	case NFT_META_OIF:
		return load_index(r, p, x, NSN_F_OIF);
	case NFT_META_IIFNAME:
		return load_domain(r, p, x, NSN_DOM_IIFNAME);
	case NFT_META_OIFNAME:
		return load_domain(r, p, x, NSN_DOM_OIFNAME);
	case NFT_META_IIFTYPE:
		return load_domain(r, p, x, NSN_DOM_IIFTYPE);
	case NFT_META_OIFTYPE:
		return load_domain(r, p, x, NSN_DOM_OIFTYPE);
	case NFT_META_IIFGROUP:
		return load_domain(r, p, x, NSN_DOM_IIFGROUP);
	case NFT_META_OIFGROUP:
		return load_domain(r, p, x, NSN_DOM_OIFGROUP);
	case NFT_META_IIFKIND:
		return load_domain(r, p, x, NSN_DOM_IIFKIND);
	case NFT_META_OIFKIND:
		return load_domain(r, p, x, NSN_DOM_OIFKIND);
	case NFT_META_BRI_IIFNAME:
		return load_domain(r, p, x, NSN_DOM_IBRNAME);
	case NFT_META_BRI_OIFNAME:
		return load_domain(r, p, x, NSN_DOM_OBRNAME);
	case NFT_META_LEN:
	case NFT_META_PRIORITY:
	case NFT_META_PKTTYPE:
	case NFT_META_CPU:
	case NFT_META_PRANDOM:
	case NFT_META_SECPATH:
	case NFT_META_TIME_NS:
	case NFT_META_TIME_DAY:
	case NFT_META_TIME_HOUR:
		return load_unknown(r, p, x, false);
	default:
		return load_unknown(r, p, x, true);
	}
}

/* The 32 bits of a register as a number's, in the host's order; what is not known is any. */
static void mark_bits(const struct nsn_regs *g, size_t at, uint32_t bits[32])
{
	for (size_t b = 0; b < 4; b++) {
		uint32_t own[8];
		size_t byte = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? b : 3 - b;

		nsn_regs_get(g, at + byte, own);
		for (size_t k = 0; k < 8; k++)
			bits[b * 8 + k] = NSN_BIT_IS_DOM(own[7 - k]) ? NSN_BIT_ANY : own[7 - k];
	}
}

static nsn_set_t put_mark(struct nsn_run *r, const struct nsn_path *p, nsn_set_t set,
			  const struct nsn_vexpr *x, enum nsn_field f)
{
	uint32_t bits[32];
	nsn_u128 value = 0;

	mark_bits(p->regs, (size_t)x->sreg * 4, bits);
	for (size_t b = 0; b < 32; b++) {
		if (bits[b] > NSN_BIT_1)
			return nsn_assign(r->s, set, f, bits);
		value |= (nsn_u128)bits[b] << b;
	}
	return nsn_put(r->s, set, f, value);
}

bool nsn_eval_meta_set(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		       struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;

	switch (x->key) {
	case NFT_META_MARK:
		p->set = put_mark(r, p, p->set, x, NSN_F_MARK);
		return true;
	case NFT_META_PRIORITY:
	case NFT_META_NFTRACE:
	case NFT_META_SECMARK:
		return true;
	case NFT_META_PKTTYPE: /* of a frame: who it is for */
		if (r->family == NFPROTO_IPV4 || r->family == NFPROTO_IPV6)
			return true;
		nsn_rule_poison(r, rule, p->set, "a packet type that is set");
		return false;
	default:
		nsn_rule_poison(r, rule, p->set, "meta that is set");
		return false;
	}
}

/* ---- connections ---- */

/* Before conntrack looked at it, or where it does not: what there is, is not known. */
static bool early(const struct nsn_run *r)
{
	if (r->family == NFPROTO_NETDEV || r->family == NFPROTO_ARP)
		return true;
	return (r->hook == NF_INET_PRE_ROUTING || r->hook == NF_INET_LOCAL_OUT) &&
	       r->priority <= -200; /* NF_IP_PRI_CONNTRACK */
}

/* INVALID and UNTRACKED: there is no connection. */
static void part_ct(struct nsn_run *r, nsn_set_t set, nsn_set_t *with, nsn_set_t *without)
{
	nsn_part_one(r, set, NSN_F_CTSTATE, NSN_CT_ESTABLISHED, NSN_CT_NEW, with, without);
}

bool nsn_eval_ct(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	uint32_t bits[8] = {NSN_BIT_0, NSN_BIT_0, NSN_BIT_0, NSN_BIT_0,
			    NSN_BIT_0, NSN_BIT_0, NSN_BIT_0, NSN_BIT(NSN_F_CTDIR, 0)};
	const struct nsn_vexpr *x = rule->exprs[i].x;
	size_t at = (size_t)x->dreg * 4;
	nsn_set_t without;

	if (early(r))
		return load_unknown(r, p, x, true);
	if (x->key == NFT_CT_STATE)
		return load_domain(r, p, x, NSN_DOM_CTSTATE);
	part_ct(r, p->set, &p->set, &without);
	nsn_left(r, without);
	switch (x->key) {
	case NFT_CT_DIRECTION:
		nsn_regs_bits(r, p->regs, at, bits);
		nsn_regs_pad(p->regs, at, 1);
		return true;
	case NFT_CT_MARK:
		nsn_regs_host(p->regs, at, 4, NSN_F_CTMARK);
		return true;
	case NFT_CT_STATUS: /* IPS_SRC_NAT is bit 4, IPS_DST_NAT bit 5 */
		nsn_regs_any(p->regs, at, 4);
		for (size_t k = 0; k < 8; k++)
			bits[k] = NSN_BIT_ANY;
		bits[3] = NSN_BIT(NSN_F_CTNAT, 0);
		bits[2] = NSN_BIT(NSN_F_CTNAT, 1);
		/* IPS_EXPECTED: what is expected is RELATED, never NEW. */
		if (nsn_within(r->s, p->set, nsn_is(r->s, NSN_F_CTSTATE, NSN_CT_NEW)))
			bits[7] = NSN_BIT_0;
		nsn_regs_bits(r, p->regs, at + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 3),
			      bits);
		return true;
	default:
		return load_unknown(r, p, x, true);
	}
}

bool nsn_eval_ct_set(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	nsn_set_t with, without;

	switch (x->key) {
	case NFT_CT_MARK:
		if (early(r)) {
			p->set = nsn_or(r->s, p->set, put_mark(r, p, p->set, x, NSN_F_CTMARK));
			return true;
		}
		part_ct(r, p->set, &with, &without);
		if (!nsn_empty(with))
			p->set = nsn_or(r->s, without, put_mark(r, p, with, x, NSN_F_CTMARK));
		return true;
	case NFT_CT_LABELS:
	case NFT_CT_EVENTMASK:
	case NFT_CT_SECMARK:
		return true;
	default:
		nsn_rule_poison(r, rule, p->set, "ct zone or helper that is set");
		return false;
	}
}

/* What conntrack has seen keeps what it has. */
bool nsn_eval_notrack(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	nsn_set_t with, without;

	(void)rule, (void)i;
	if (early(r)) {
		p->set = nsn_put(r->s, p->set, NSN_F_CTSTATE, NSN_CT_UNTRACKED);
		return true;
	}
	part_ct(r, p->set, &with, &without);
	if (!nsn_empty(without))
		without = nsn_put(r->s, without, NSN_F_CTSTATE, NSN_CT_UNTRACKED);
	p->set = nsn_or(r->s, with, without);
	return true;
}
