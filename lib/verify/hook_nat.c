/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Translations: what a rule asks for; who carries it out is walk.c. */
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "hook_int.h"

#ifndef NF_NAT_RANGE_NETMAP
#define NF_NAT_RANGE_NETMAP (1 << 6)
#endif

/* A number out of registers: false where it is not known. */
static bool number(const struct nsn_regs *g, uint8_t reg, size_t len, nsn_u128 *ret)
{
	size_t at = (size_t)reg * 4;
	nsn_u128 n = 0;

	if (at + len > NSN_REG_BYTES)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (NSN_RB_KIND(g->b[at + i]) != NSN_RB_CONST)
			return false;
		n = n << 8 | NSN_RB_B(g->b[at + i]);
	}
	*ret = n;
	return true;
}

static void range_of(const struct nsn_regs *g, uint8_t min, uint8_t max, size_t len,
		     struct nsn_range *ret)
{
	nsn_u128 all = len == 16 ? ~(nsn_u128)0 : ((nsn_u128)1 << len * 8) - 1;

	if (!number(g, min, len, &ret->first) || !number(g, max ? max : min, len, &ret->last) ||
	    ret->first > ret->last) {
		ret->first = 0;
		ret->last = all;
	}
}

/* `snat to ip saddr`: nothing changes, and no chain behind is asked any more. */
static bool stays(const struct nsn_run *r, const struct nsn_vexpr *x, const struct nsn_regs *g)
{
	const size_t len = r->family == NFPROTO_IPV6 ? 16 : 4, at = (size_t)x->sreg * 4;
	const bool source = x->number == NFT_NAT_SNAT;

	if (x->kind != NSN_X_NAT || !x->sreg || (x->sreg2 && x->sreg2 != x->sreg) || x->sreg3 ||
	    x->flags & NF_NAT_RANGE_NETMAP || at + len > NSN_REG_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		if (g->b[at + i] != NSN_RB(NSN_RB_FIELD, source ? NSN_F_SRC : NSN_F_DST,
					   (uint32_t)(len - 1 - i) * 8))
			return false;
	return true;
}

static struct nsn_natted *added(struct nsn_run *r)
{
	struct nsn_hooks *h = r->h;

	if (h->n_nat == h->max_nat) {
		size_t max = h->max_nat ? h->max_nat * 2 : 16;
		struct nsn_natted *more = realloc(h->nat, max * sizeof(*more));

		if (!more)
			nsn_space_stop(r->s, "memory");
		h->nat = more;
		h->max_nat = max;
	}
	memset(&h->nat[h->n_nat], 0, sizeof(*h->nat));
	return &h->nat[h->n_nat++];
}

bool nsn_eval_nat(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	struct nsn_natted *nat;

	if (!r->nat) {
		nsn_rule_poison(r, rule, p->set,
				"a translation in a chain that is not of type nat");
		return false;
	}
	if (stays(r, x, p->regs)) {
		nsn_pile_add(r, &r->h->same, p->set);
		nsn_trace_hit(r, rule, rule->chain, NSN_V_ACCEPT, p->elem);
		return false;
	}
	nat = added(r);
	nat->set = p->set;
	nat->at.table = rule->chain->table;
	nat->at.chain = rule->chain->chain;
	nat->at.rule = rule->rule;
	nat->at.verdict = NSN_V_ACCEPT;
	nat->at.elem = p->elem;
	nat->masq = x->kind == NSN_X_MASQ;
	nat->source = nat->masq || (x->kind == NSN_X_NAT && x->number == NFT_NAT_SNAT);
	if (x->kind == NSN_X_NAT) {
		nat->has_addr = true;
		nat->has_port = x->sreg3 != 0;
		nat->prefix = x->flags & NF_NAT_RANGE_NETMAP;
		if (x->sreg == 0) /* a port alone: the address stays; which, is known roughly */
			nat->addr = *nsn_run_bounds(r, p->set, nat->source ? NSN_F_SRC : NSN_F_DST);
		else
			range_of(p->regs, x->sreg, x->sreg2, r->family == NFPROTO_IPV6 ? 16 : 4,
				 &nat->addr);
		if (nat->has_port)
			range_of(p->regs, x->sreg3, x->sreg4, 2, &nat->port);
	} else {
		nat->has_port = x->sreg != 0;
		if (nat->has_port)
			range_of(p->regs, x->sreg, x->sreg2, 2, &nat->port);
	}
	nsn_trace_hit(r, rule, rule->chain, NSN_V_ACCEPT, p->elem);
	return false;
}
