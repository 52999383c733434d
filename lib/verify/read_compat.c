/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "read_compat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/rtnetlink.h>

#include "../base/cleanup.h"
#include "read_parts.h"

/* Registers that hand-written expressions of the same rule may not use: NFT_REG_3 and _4. */
#define OWN_FIRST 12
#define OWN	  16

/* What is being written. */
struct out {
	struct nsn_vexpr *list;
	size_t n;
};

static struct nsn_vexpr *add(struct out *o, enum nsn_xkind kind, const char *name)
{
	struct nsn_vexpr *x = &o->list[o->n++];

	*x = (struct nsn_vexpr){.kind = kind, .name = name};
	return x;
}

static void put32(uint8_t *to, uint32_t value)
{
	memcpy(to, &value, sizeof(value));
}

static void mask32(struct out *o, uint32_t mask, uint32_t xor)
{
	struct nsn_vexpr *x = add(o, NSN_X_BITWISE, "bitwise");

	x->sreg = x->dreg = OWN;
	x->len = 4;
	put32(x->data, mask);
	put32(x->data2, xor);
}

static void cmp32(struct out *o, uint32_t value, bool equal)
{
	struct nsn_vexpr *x = add(o, NSN_X_CMP, "cmp");

	x->sreg = OWN;
	x->len = 4;
	x->op = equal ? NSN_OP_EQ : NSN_OP_NEQ;
	put32(x->data, value);
}

/* ---- matches --------------------------------------------------------------------------------- */

static bool take_comment(struct out *o, uint8_t family, const void *info)
{
	(void)o;
	(void)family;
	(void)info;
	return true;
}

/* Any of these bits. */
static void any_bit(struct out *o, uint32_t key, uint32_t bits, bool invert)
{
	struct nsn_vexpr *x = add(o, NSN_X_CT, "ct");

	x->dreg = OWN;
	x->dreg_set = true;
	x->key = key;
	x->dir = 2;
	mask32(o, bits, 0);
	cmp32(o, 0, invert);
}

/*
 * xt_conntrack.c, conntrack_mt(): states are a mask, where bits for translated and untracked are
 * others than nftables' own.
 */
static bool take_conntrack(struct out *o, uint8_t family, const void *info)
{
	const uint32_t plain = XT_CONNTRACK_STATE_INVALID | 2 | 4 | 8;
	const struct xt_conntrack_mtinfo3 *i = info;
	const bool invert = i->invert_flags & XT_CONNTRACK_STATE;
	uint32_t bits = i->state_mask & plain;

	(void)family;
	if ((i->match_flags & ~XT_CONNTRACK_STATE_ALIAS) != XT_CONNTRACK_STATE ||
	    i->invert_flags & ~XT_CONNTRACK_STATE || i->state_mask == 0)
		return false;
	if (i->state_mask == XT_CONNTRACK_STATE_SNAT || i->state_mask == XT_CONNTRACK_STATE_DNAT) {
		any_bit(o, NFT_CT_STATUS,
			i->state_mask == XT_CONNTRACK_STATE_SNAT ? IPS_SRC_NAT : IPS_DST_NAT,
			invert);
		return true;
	}
	if (i->state_mask & ~(plain | XT_CONNTRACK_STATE_UNTRACKED))
		return false;
	if (i->state_mask & XT_CONNTRACK_STATE_UNTRACKED)
		bits |= NF_CT_STATE_UNTRACKED_BIT;
	any_bit(o, NFT_CT_STATE, bits, invert);
	return true;
}

static bool take_state(struct out *o, uint8_t family, const void *info)
{
	struct xt_conntrack_mtinfo3 like = {.match_flags = XT_CONNTRACK_STATE};
	uint32_t mask;

	memcpy(&mask, info, sizeof(mask));
	like.state_mask = (uint16_t)mask;
	return mask <= UINT16_MAX && take_conntrack(o, family, &like);
}

/* One type, or none asked for. IPv6 finds types its own way, which agrees for LOCAL only. */
static bool addr_type(struct out *o, uint8_t family, uint32_t types, uint32_t flags, bool invert)
{
	struct nsn_vexpr *x;
	uint32_t type = 0;

	if (types == 0)
		return true;
	while (type < 15 && types != UINT32_C(1) << type)
		type++;
	if (type == 15 || type == RTN_UNSPEC || (family == NFPROTO_IPV6 && type != RTN_LOCAL))
		return false;
	x = add(o, NSN_X_FIB, "fib");
	x->dreg = OWN;
	x->dreg_set = true;
	x->result = NFT_FIB_RESULT_ADDRTYPE;
	x->flags = flags;
	cmp32(o, type, !invert);
	return true;
}

static bool take_addrtype(struct out *o, uint8_t family, const void *info)
{
	const struct xt_addrtype_info_v1 *i = info;
	uint32_t limit = 0;

	if (i->flags & ~(uint32_t)(XT_ADDRTYPE_INVERT_SOURCE | XT_ADDRTYPE_INVERT_DEST |
				   XT_ADDRTYPE_LIMIT_IFACE_IN | XT_ADDRTYPE_LIMIT_IFACE_OUT))
		return false;
	if (i->flags & XT_ADDRTYPE_LIMIT_IFACE_IN)
		limit |= NFTA_FIB_F_IIF;
	if (i->flags & XT_ADDRTYPE_LIMIT_IFACE_OUT)
		limit |= NFTA_FIB_F_OIF;
	return addr_type(o, family, i->source, limit | NFTA_FIB_F_SADDR,
			 i->flags & XT_ADDRTYPE_INVERT_SOURCE) &&
	       addr_type(o, family, i->dest, limit | NFTA_FIB_F_DADDR,
			 i->flags & XT_ADDRTYPE_INVERT_DEST);
}

static bool take_mark(struct out *o, uint8_t family, const void *info)
{
	const struct xt_mark_mtinfo1 *i = info;
	struct nsn_vexpr *x = add(o, NSN_X_META, "meta");

	(void)family;
	x->dreg = OWN;
	x->dreg_set = true;
	x->key = NFT_META_MARK;
	mask32(o, i->mask, 0);
	cmp32(o, i->mark, !i->invert);
	return i->invert <= 1;
}

static void load(struct out *o, uint32_t offset, uint8_t len)
{
	struct nsn_vexpr *x = add(o, NSN_X_PAYLOAD, "payload");

	x->dreg = OWN;
	x->dreg_set = true;
	x->base = NFT_PAYLOAD_TRANSPORT_HEADER;
	x->offset = offset;
	x->len = len;
}

/* Ports of a transport header. */
static void ports(struct out *o, uint32_t offset, const uint16_t range[2], bool invert)
{
	struct nsn_vexpr *x;

	if (range[0] == 0 && range[1] == UINT16_MAX && !invert)
		return;
	load(o, offset, 2);
	x = add(o, NSN_X_RANGE, "range");
	x->sreg = OWN;
	x->len = 2;
	x->op = invert ? NSN_OP_NEQ : NSN_OP_EQ;
	x->data[0] = (uint8_t)(range[0] >> 8);
	x->data[1] = (uint8_t)range[0];
	x->data2[0] = (uint8_t)(range[1] >> 8);
	x->data2[1] = (uint8_t)range[1];
}

static bool in_order(const uint16_t range[2])
{
	return range[0] <= range[1];
}

static bool take_tcp(struct out *o, uint8_t family, const void *info)
{
	const struct xt_tcp *i = info;
	struct nsn_vexpr *x;

	(void)family;
	if (i->option || i->invflags & ~(XT_TCP_INV_SRCPT | XT_TCP_INV_DSTPT | XT_TCP_INV_FLAGS) ||
	    !in_order(i->spts) || !in_order(i->dpts))
		return false;
	ports(o, 0, i->spts, i->invflags & XT_TCP_INV_SRCPT);
	ports(o, 2, i->dpts, i->invflags & XT_TCP_INV_DSTPT);
	if (!i->flg_mask && !i->flg_cmp && !(i->invflags & XT_TCP_INV_FLAGS))
		return true;
	load(o, 13, 1);
	x = add(o, NSN_X_BITWISE, "bitwise");
	x->sreg = x->dreg = OWN;
	x->len = 1;
	x->data[0] = i->flg_mask;
	x = add(o, NSN_X_CMP, "cmp");
	x->sreg = OWN;
	x->len = 1;
	x->op = i->invflags & XT_TCP_INV_FLAGS ? NSN_OP_NEQ : NSN_OP_EQ;
	x->data[0] = i->flg_cmp;
	return true;
}

static bool take_udp(struct out *o, uint8_t family, const void *info)
{
	const struct xt_udp *i = info;

	(void)family;
	if (i->invflags & ~(XT_UDP_INV_SRCPT | XT_UDP_INV_DSTPT) || !in_order(i->spts) ||
	    !in_order(i->dpts))
		return false;
	ports(o, 0, i->spts, i->invflags & XT_UDP_INV_SRCPT);
	ports(o, 2, i->dpts, i->invflags & XT_UDP_INV_DSTPT);
	return true;
}

/* ---- targets --------------------------------------------------------------------------------- */

/* They let the packet go on as it is (TCPMSS: but for an option that nobody here looks at). */
static bool take_nothing(struct out *o, uint8_t family, const void *info)
{
	(void)family;
	(void)info;
	(void)add(o, NSN_X_LOG, "log");
	return true;
}

/* mark = (mark & ~mask) ^ value */
static bool take_set_mark(struct out *o, uint8_t family, const void *info)
{
	const struct xt_mark_tginfo2 *i = info;
	struct nsn_vexpr *x = add(o, NSN_X_META, "meta");

	(void)family;
	x->dreg = OWN;
	x->dreg_set = true;
	x->key = NFT_META_MARK;
	mask32(o, ~i->mask, i->mark);
	x = add(o, NSN_X_META_SET, "meta");
	x->sreg = OWN;
	x->sreg_set = true;
	x->key = NFT_META_MARK;
	return true;
}

static bool take_reject(struct out *o, uint8_t family, const void *info)
{
	(void)family;
	(void)info;
	(void)add(o, NSN_X_REJECT, "reject");
	return true;
}

static bool take_notrack(struct out *o, uint8_t family, const void *info)
{
	(void)family;
	(void)info;
	(void)add(o, NSN_X_NOTRACK, "notrack");
	return true;
}

/* A port that is masked with is forgotten by who carries it out, so none is said here. */
static bool take_masquerade(struct out *o, uint8_t family, const void *info)
{
	(void)family;
	(void)info;
	(void)add(o, NSN_X_MASQ, "masq");
	return true;
}

static void immediate(struct out *o, uint8_t reg, const void *data, uint8_t len)
{
	struct nsn_vexpr *x = add(o, NSN_X_IMMEDIATE, "immediate");

	x->dreg = reg;
	x->len = len;
	memcpy(x->data, data, len);
}

static bool nat(struct out *o, uint8_t family, uint32_t which, const struct nf_nat_range *r)
{
	const uint8_t len = family == NFPROTO_IPV4 ? 4 : 16;
	const bool addr = r->flags & NF_NAT_RANGE_MAP_IPS;
	const bool port = r->flags & NF_NAT_RANGE_PROTO_SPECIFIED;
	const bool range = addr && memcmp(&r->min_addr, &r->max_addr, len) != 0;
	struct nsn_vexpr *x;

	if (r->flags & ~(unsigned int)(NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED |
				       NF_NAT_RANGE_PROTO_RANDOM | NF_NAT_RANGE_PERSISTENT |
				       NF_NAT_RANGE_PROTO_RANDOM_FULLY) ||
	    (!addr && !port) || (range && len == 16))
		return false;
	if (addr)
		immediate(o, 16, &r->min_addr, len);
	if (range)
		immediate(o, 17, &r->max_addr, len);
	if (port) {
		immediate(o, 12, &r->min_proto, 2);
		immediate(o, 13, &r->max_proto, 2);
	}
	x = add(o, NSN_X_NAT, "nat");
	x->number = which;
	x->family = family;
	x->flags = r->flags;
	x->sreg = addr ? 16 : 0;
	x->sreg2 = range ? 17 : x->sreg;
	x->sreg3 = port ? 12 : 0;
	x->sreg4 = port ? 13 : 0;
	return true;
}

static bool nat_old(struct out *o, uint8_t family, uint32_t which, const void *info)
{
	const struct nf_nat_ipv4_multi_range_compat *m = info;
	struct nf_nat_range r = {.flags = m->range[0].flags,
				 .min_proto = m->range[0].min,
				 .max_proto = m->range[0].max};

	r.min_addr.ip = m->range[0].min_ip;
	r.max_addr.ip = m->range[0].max_ip;
	return family == NFPROTO_IPV4 && m->rangesize == 1 && nat(o, family, which, &r);
}

static bool take_snat_old(struct out *o, uint8_t family, const void *info)
{
	return nat_old(o, family, NFT_NAT_SNAT, info);
}

static bool take_dnat_old(struct out *o, uint8_t family, const void *info)
{
	return nat_old(o, family, NFT_NAT_DNAT, info);
}

static bool take_snat(struct out *o, uint8_t family, const void *info)
{
	return nat(o, family, NFT_NAT_SNAT, info);
}

/* Revision 2 has where ports begin to be counted from: the range is the same. */
static bool take_dnat(struct out *o, uint8_t family, const void *info)
{
	return nat(o, family, NFT_NAT_DNAT, info);
}

/* ---- which ----------------------------------------------------------------------------------- */

static const struct {
	bool target;
	const char *name;
	uint32_t revision;
	size_t size; /* of what is looked at */
	bool (*take)(struct out *o, uint8_t family, const void *info);
} known[] = {
	{false, "comment", 0, 0, take_comment},
	{false, "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3), take_conntrack},
	{false, "state", 0, sizeof(uint32_t), take_state},
	{false, "addrtype", 1, sizeof(struct xt_addrtype_info_v1), take_addrtype},
	{false, "mark", 1, sizeof(struct xt_mark_mtinfo1), take_mark},
	{false, "tcp", 0, sizeof(struct xt_tcp), take_tcp},
	{false, "udp", 0, sizeof(struct xt_udp), take_udp},
	{true, "LOG", 0, 0, take_nothing},
	{true, "NFLOG", 0, 0, take_nothing},
	{true, "TCPMSS", 0, 0, take_nothing},
	{true, "MARK", 2, sizeof(struct xt_mark_tginfo2), take_set_mark},
	{true, "REJECT", 0, 0, take_reject},
	{true, "NOTRACK", 0, 0, take_notrack},
	{true, "MASQUERADE", 0, 0, take_masquerade},
	{true, "SNAT", 0, sizeof(struct nf_nat_ipv4_multi_range_compat), take_snat_old},
	{true, "DNAT", 0, sizeof(struct nf_nat_ipv4_multi_range_compat), take_dnat_old},
	{true, "SNAT", 1, sizeof(struct nf_nat_range), take_snat},
	{true, "DNAT", 1, sizeof(struct nf_nat_range), take_dnat},
	{true, "DNAT", 2, sizeof(struct nf_nat_range2), take_dnat},
};

size_t nsn_compat(struct nsn_vexpr ret[NSN_COMPAT_MAX], uint8_t family, bool target,
		  const char *name, uint32_t revision, const void *info, size_t len, bool *exact)
{
	/* As the kernel has it aligned. */
	uint64_t copy[32] = {0};
	struct out o = {.list = ret};

	*exact = false;
	if (family != NFPROTO_IPV4 && family != NFPROTO_IPV6)
		return 0;
	for (size_t i = 0; i < NSN_COUNT(known); i++) {
		if (known[i].target != target || known[i].revision != revision ||
		    strcmp(known[i].name, name) != 0 || len < known[i].size ||
		    (known[i].size && len > ((known[i].size + 7) & ~(size_t)7)))
			continue;
		if (info && known[i].size)
			memcpy(copy, info, known[i].size);
		*exact = (info || !known[i].size) && known[i].take(&o, family, copy);
		break;
	}
	return *exact ? o.n : 0;
}

/* ---- of a rule ------------------------------------------------------------------------------- */

/* Who has no length loads at most the name of a device. */
static bool touches(const struct nsn_vexpr *x)
{
	const unsigned int words = x->len > 16 ? (x->len + 3U) / 4 : 4;

	return x->dreg + words > OWN_FIRST || x->sreg + words > OWN_FIRST ||
	       x->sreg2 + words > OWN_FIRST || x->sreg3 >= OWN_FIRST || x->sreg4 >= OWN_FIRST ||
	       x->kind == NSN_X_LOOKUP || x->kind == NSN_X_DYNSET;
}

/* One that is known becomes what nftables has for it: how many; 0: not known; -errno. */
static int translate(struct nsn_arena *mem, uint8_t family, const struct nlattr *nest,
		     struct nsn_vexpr *to, bool *exact, const char **called)
{
	struct nsn_at expr, at;
	char name[NSN_AT_NAME], kind[NSN_AT_NAME];
	bool target;

	*exact = false;
	*called = NULL;
	nsn_at_nest(&expr, nest, 1U << NFTA_EXPR_NAME | 1U << NFTA_EXPR_DATA);
	target = nsn_at_is(expr.a[NFTA_EXPR_NAME], "target");
	if (expr.more || !expr.a[NFTA_EXPR_DATA] ||
	    (!target && !nsn_at_is(expr.a[NFTA_EXPR_NAME], "match")))
		return 0;
	/* NFTA_MATCH_* have the same numbers. */
	nsn_at_nest(&at, expr.a[NFTA_EXPR_DATA],
		    1U << NFTA_TARGET_NAME | 1U << NFTA_TARGET_REV | 1U << NFTA_TARGET_INFO);
	if (!at.a[NFTA_TARGET_NAME])
		return 0;
	(void)nsn_at_show(name, at.a[NFTA_TARGET_NAME]);
	(void)nsn_at_show(kind, expr.a[NFTA_EXPR_NAME]);
	*called = nsn_arena_printf(mem, "%s %s", kind, name);
	if (!*called)
		return -ENOMEM;
	if (at.more || !at.a[NFTA_TARGET_REV] || !at.a[NFTA_TARGET_INFO])
		return 0;
	return (int)nsn_compat(to, family, target, name,
			       (uint32_t)nsn_at_num(at.a[NFTA_TARGET_REV]),
			       mnl_attr_get_payload(at.a[NFTA_TARGET_INFO]),
			       mnl_attr_get_payload_len(at.a[NFTA_TARGET_INFO]), exact);
}

int nsn_read_rule_exprs(struct nsn_arena *mem, uint8_t family, struct nsn_vexpr **ret, size_t *n,
			const struct nlattr *list)
{
	struct nsn_vexpr *plain, *all, own[NSN_COMPAT_MAX];
	size_t count, used = 0, others = 0, i = 0;
	const struct nlattr *a;
	bool free_regs = true;
	int r = nsn_read_exprs(mem, &plain, &count, list);

	*ret = plain;
	*n = count;
	for (size_t k = 0; r == 0 && k < count; k++) {
		others += plain[k].kind == NSN_X_OTHER;
		free_regs = free_regs && !touches(&plain[k]);
	}
	if (r < 0 || !others)
		return r;
	all = nsn_arena_alloc(mem, (count + others * NSN_COMPAT_MAX) * sizeof(*all));
	if (!all)
		return -ENOMEM;
	NSN_AT_EACH(a, list)
	{
		struct nsn_vexpr *x = &plain[i++];
		const char *called = NULL;
		bool exact = false;

		r = x->kind == NSN_X_OTHER ? translate(mem, family, a, own, &exact, &called) : 0;
		if (r < 0)
			return r;
		if (exact && free_regs) {
			if (r)
				memcpy(&all[used], own, (size_t)r * sizeof(*own));
			used += (size_t)r;
			continue;
		}
		if (called)
			x->name = called;
		all[used++] = *x;
	}
	*ret = all;
	*n = used;
	return 0;
}
