/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What routes say of a packet: nft_fib, nft_rt. */
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "hook_int.h"

/* ---- kinds of addresses --------------------------------------------------------------------- */

static nsn_u128 number(const struct nsn_ip *ip)
{
	return nsn_bytes_number(ip->bytes, ip->family == AF_INET ? 4 : 16);
}

static struct nsn_range range_of(const struct nsn_prefix *p)
{
	const struct nsn_ip first = nsn_prefix_network(p), last = nsn_prefix_last(p);

	return (struct nsn_range){number(&first), number(&last)};
}

/* Routes of the local table that are of this length; @type 0: of any type. */
static nsn_set_t of_length(struct nsn_run *r, enum nsn_field f, uint8_t len, uint8_t type)
{
	const struct nsn_vns *ns = r->h->ns;
	const uint8_t family = r->nfproto == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	struct nsn_range *list = nsn_space_alloc(r->s, (ns->n_routes + 1) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < ns->n_routes; i++) {
		const struct nsn_vroute *x = &ns->routes[i];

		if (x->table == RT_TABLE_LOCAL && x->dst.ip.family == family && x->dst.len == len &&
		    (!type || x->type == type))
			list[n++] = range_of(&x->dst);
	}
	return n ? nsn_in(r->s, f, list, n) : nsn_none(r->s);
}

/* What the local table says is of this type: the longest prefix counts. */
static nsn_set_t of_type(struct nsn_run *r, enum nsn_field f, uint8_t type)
{
	const struct nsn_vns *ns = r->h->ns;
	nsn_set_t ret = nsn_none(r->s), seen = ret;
	bool there[129] = {false};

	for (size_t i = 0; i < ns->n_routes; i++)
		if (ns->routes[i].table == RT_TABLE_LOCAL && ns->routes[i].dst.len <= 128)
			there[ns->routes[i].dst.len] = true;
	for (size_t len = 129; len-- > 0;) {
		if (!there[len])
			continue;
		ret = nsn_or(r->s, ret, nsn_sub(r->s, of_length(r, f, (uint8_t)len, type), seen));
		seen = nsn_or(r->s, seen, of_length(r, f, (uint8_t)len, 0));
	}
	return ret;
}

/* IPv6 goes through the rules: only where the first leads every packet to the local table. */
static bool local_is_first(const struct nsn_vns *ns)
{
	for (size_t i = 0; i < ns->n_fibs; i++) {
		const struct nsn_vfib *f = &ns->fibs[i];

		if (f->family == AF_INET6)
			return f->action == FR_ACT_TO_TBL && f->table == RT_TABLE_LOCAL &&
			       !f->mask && !f->src.len && !f->dst.len && !f->iif[0] && !f->oif[0] &&
			       !f->invert && !f->odd && f->suppress < 0;
	}
	return false;
}

static bool has_odd(const struct nsn_vns *ns)
{
	for (size_t i = 0; i < ns->n_routes; i++)
		if (ns->routes[i].table == RT_TABLE_LOCAL &&
		    (ns->routes[i].odd || ns->routes[i].src.len || ns->routes[i].tos))
			return true;
	return false;
}

/* The rest of the rule for addresses of one type. */
static void as_type(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		    const struct nsn_path *p, nsn_set_t set, uint32_t type)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	struct nsn_path own = *p;
	struct nsn_regs regs;

	if (nsn_empty(set))
		return;
	own.set = set;
	own.regs = nsn_regs_copy(r, p->regs, &regs);
	nsn_regs_const(own.regs, (size_t)x->dreg * 4, (const uint8_t *)&type, sizeof(type));
	nsn_rule_from(r, rule, i + 1, &own);
}

/* __inet_dev_addr_type() of fib_frontend.c, __nft_fib6_eval_type() of nft_fib_ipv6.c */
static void by_type(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		    const struct nsn_path *p, enum nsn_field f)
{
	/* What else there is, of routes that are not looked at here: each may be. */
	static const uint32_t others[] = {RTN_UNICAST,	   RTN_ANYCAST,	 RTN_BLACKHOLE,
					  RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW};
	const bool four = r->nfproto == NFPROTO_IPV4;
	const nsn_u128 groups = four ? 0xe0000000 : (nsn_u128)0xff << 120;
	nsn_set_t rest = p->set, broad = nsn_none(r->s), of;

	of = nsn_between(r->s, f, groups, four ? 0xefffffff : ~(nsn_u128)0);
	as_type(r, rule, i, p, nsn_and(r->s, rest, of), RTN_MULTICAST);
	rest = nsn_sub(r->s, rest, of);
	if (four)
		broad = nsn_or(r->s, nsn_between(r->s, f, 0, 0xffffff),
			       nsn_is(r->s, f, UINT32_MAX));
	as_type(r, rule, i, p, nsn_and(r->s, rest, broad), RTN_BROADCAST);
	rest = nsn_sub(r->s, rest, broad);
	of = of_type(r, f, RTN_LOCAL);
	as_type(r, rule, i, p, nsn_and(r->s, rest, of), RTN_LOCAL);
	rest = nsn_sub(r->s, rest, of);
	of = of_type(r, f, RTN_BROADCAST);
	as_type(r, rule, i, p, nsn_and(r->s, rest, of), RTN_BROADCAST);
	rest = nsn_sub(r->s, rest, of);
	for (size_t k = 0; k < sizeof(others) / sizeof(*others); k++)
		as_type(r, rule, i, p, rest, others[k]);
}

bool nsn_eval_fib(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	const bool four = r->nfproto == NFPROTO_IPV4, six = r->nfproto == NFPROTO_IPV6;

	if (x->result != NFT_FIB_RESULT_ADDRTYPE ||
	    (x->flags != NFTA_FIB_F_DADDR && x->flags != NFTA_FIB_F_SADDR) || (!four && !six) ||
	    has_odd(r->h->ns) || (six && !local_is_first(r->h->ns)))
		return nsn_eval_unknown(r, rule, i, p);
	by_type(r, rule, i, p, x->flags == NFTA_FIB_F_DADDR ? NSN_F_DST : NSN_F_SRC);
	return false;
}

/* ---- the next hop --------------------------------------------------------------------------- */

static bool is_routed(uint32_t hook)
{
	return hook == NF_INET_FORWARD || hook == NF_INET_POST_ROUTING || hook == NF_INET_LOCAL_OUT;
}

/* nft_rt_get_eval(): the gateway, or without one whom the packet is for. */
bool nsn_eval_rt(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	const bool four = x->key == NFT_RT_NEXTHOP4, six = x->key == NFT_RT_NEXTHOP6;
	const size_t at = (size_t)x->dreg * 4, len = four ? 4 : 16;
	const struct nsn_vhop *hop = r->h->hop;

	if ((four && r->nfproto != NFPROTO_IPV4) || (six && r->nfproto != NFPROTO_IPV6)) {
		nsn_left(r, p->set);
		return false;
	}
	if ((!four && !six) || !hop || !is_routed(r->hook))
		return nsn_eval_unknown(r, rule, i, p);
	if (hop->via.family == (four ? AF_INET : AF_INET6)) {
		nsn_regs_const(p->regs, at, hop->via.bytes, len);
		return true;
	}
	for (size_t k = 0; k < len && at + k < NSN_REG_BYTES; k++)
		p->regs->b[at + k] = NSN_RB(NSN_RB_FIELD, NSN_F_DST, (len - 1 - k) * 8);
	return true;
}
