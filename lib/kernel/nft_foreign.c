/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules that the doctor adds to chains of others, and removes. */
#include "nft_foreign.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "nft_parts.h"
#include "nft_rule.h"

NSN_NFT_CLEANUP(struct nftnl_rule, nftnl_rule_free)

/* nft's own numbers of states: 1 << (ctinfo % 3 + 1). */
#define STATE_ESTABLISHED 2
#define STATE_RELATED	  4

/* What a rule asks for besides the name of the link. */
enum condition {
	NOTHING,
	ESTABLISHED,	/* ct state established,related */
	DNATED,		/* ct status dnat */
	XT_ESTABLISHED, /* the same two as iptables-nft writes them */
	XT_DNATED,
};

struct kind {
	enum nsn_foreign_way way;
	enum condition condition;
	const char *text;
};

/* Whether iptables-nft may take the table for its own. */
static bool is_iptables(const struct nsn_foreign_chain *c)
{
	return (c->family == NFPROTO_IPV4 || c->family == NFPROTO_IPV6) &&
	       strcmp(c->table, "filter") == 0;
}

static const struct kind native[] = {
	{NSN_FOREIGN_IN, NOTHING, "iifname \"nsn*\" counter accept"},
	{NSN_FOREIGN_OUT, ESTABLISHED,
	 "oifname \"nsn*\" ct state established,related counter accept"},
	{NSN_FOREIGN_OUT, DNATED, "oifname \"nsn*\" ct status dnat counter accept"},
};
static const struct kind xt[] = {
	{NSN_FOREIGN_IN, NOTHING, "-i nsn+ -j ACCEPT"},
	{NSN_FOREIGN_OUT, XT_ESTABLISHED,
	 "-o nsn+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"},
	{NSN_FOREIGN_OUT, XT_DNATED, "-o nsn+ -m conntrack --ctstate DNAT -j ACCEPT"},
};
static const struct kind plain[] = {
	{NSN_FOREIGN_IN, NOTHING, "iifname \"nsn*\" counter accept"},
	{NSN_FOREIGN_OUT, NOTHING, "oifname \"nsn*\" counter accept"},
};

static const struct kind *kind_of(const struct nsn_foreign_chain *c, size_t i)
{
	if (c->xt)
		return i < NSN_COUNT(xt) ? &xt[i] : NULL;
	if (is_iptables(c))
		return i < NSN_COUNT(plain) ? &plain[i] : NULL;
	return i < NSN_COUNT(native) ? &native[i] : NULL;
}

const char *nsn_foreign_text(const struct nsn_foreign_chain *c, size_t i,
			     char buf[NSN_FOREIGN_TEXT])
{
	const struct kind *k = kind_of(c, i);

	if (!k)
		return NULL;
	(void)snprintf(buf, NSN_FOREIGN_TEXT, "%s", k->text);
	return buf;
}

/* ---- expressions ------------------------------------------------------------------------ */

/* NULL without memory, and then nothing more is added. */
static struct nftnl_expr *add(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (e)
		nftnl_rule_add_expr(rule, e);
	return e;
}

static int add_cmp(struct nftnl_rule *rule, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = add(rule, "cmp");

	if (!e)
		return -ENOMEM;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	return nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len) < 0 ? -ENOMEM : 0;
}

static int add_name(struct nftnl_rule *rule, enum nsn_foreign_way way)
{
	struct nftnl_expr *e = add(rule, "meta");

	if (!e)
		return -ENOMEM;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY,
			   way == NSN_FOREIGN_IN ? NFT_META_IIFNAME : NFT_META_OIFNAME);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
	return add_cmp(rule, NFT_CMP_EQ, "nsn", 3);
}

/* One of these bits. */
static int add_ct(struct nftnl_rule *rule, uint32_t key, uint32_t bits)
{
	const uint32_t zero = 0;
	struct nftnl_expr *ct = add(rule, "ct"), *e;

	if (!ct)
		return -ENOMEM;
	nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(ct, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	e = add(rule, "bitwise");
	if (!e)
		return -ENOMEM;
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof(bits));
	if (nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &bits, sizeof(bits)) < 0 ||
	    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof(zero)) < 0)
		return -ENOMEM;
	return add_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
}

/* libnftnl frees what it is given here. */
static int add_xt(struct nftnl_rule *rule, uint16_t states)
{
	struct xt_conntrack_mtinfo3 *info = calloc(1, sizeof(*info));
	struct nftnl_expr *e = info ? add(rule, "match") : NULL;

	if (!e) {
		free(info);
		return -ENOMEM;
	}
	info->match_flags = XT_CONNTRACK_STATE;
	info->state_mask = states;
	nftnl_expr_set_str(e, NFTNL_EXPR_MT_NAME, "conntrack");
	nftnl_expr_set_u32(e, NFTNL_EXPR_MT_REV, 3);
	if (nftnl_expr_set(e, NFTNL_EXPR_MT_INFO, info, sizeof(*info)) < 0) {
		free(info);
		return -ENOMEM;
	}
	return 0;
}

static int add_condition(struct nftnl_rule *rule, enum condition condition)
{
	switch (condition) {
	case NOTHING:
		break;
	case ESTABLISHED:
		return add_ct(rule, NFT_CT_STATE, STATE_ESTABLISHED | STATE_RELATED);
	case DNATED:
		return add_ct(rule, NFT_CT_STATUS, IPS_DST_NAT);
	case XT_ESTABLISHED:
		return add_xt(rule, XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |
					    XT_CONNTRACK_STATE_BIT(IP_CT_RELATED));
	case XT_DNATED:
		return add_xt(rule, XT_CONNTRACK_STATE_DNAT);
	}
	return 0;
}

static int add_accept(struct nftnl_rule *rule)
{
	struct nftnl_expr *e = add(rule, "counter") ? add(rule, "immediate") : NULL;

	if (!e)
		return -ENOMEM;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
	return 0;
}

/* ---- messages --------------------------------------------------------------------------- */

static struct nftnl_rule *rule_in(const struct nsn_foreign_chain *c)
{
	NSN_AUTO(nftnl_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule || nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, c->table) < 0 ||
	    nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, c->name) < 0)
		return NULL;
	return NSN_TAKE_PTR(rule);
}

static int send(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
		const struct nsn_foreign_chain *c, struct nftnl_rule *rule, struct nsnet_err *err)
{
	struct nsn_object o = {.kind = NSN_OBJ_CHAIN, .link = ""};
	struct nlmsghdr *h;

	o.u.chain = (struct nsn_chain){
		.family = c->family, .table = c->table, .name = c->name, .type = ""};
	h = nsn_nft_message(t, type, flags, &o, c->family, err);
	if (!h)
		return -ENOMEM;
	nftnl_rule_nlmsg_build_payload(h, rule);
	return 0;
}

int nsn_foreign_insert(struct nsn_nft_txn *t, const struct nsn_foreign_chain *c, size_t i,
		       const char *comment, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_rule_freep) struct nftnl_rule *rule = rule_in(c);
	const struct kind *k = kind_of(c, i);

	if (!k)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "there is no such rule");
	if (!rule || add_name(rule, k->way) < 0 || add_condition(rule, k->condition) < 0 ||
	    add_accept(rule) < 0 || nsn_rule_comment(rule, comment) < 0)
		return nsn_err_nomem(err);
	/* Without NLM_F_APPEND, and with no rule to stand beside: the first of the chain. */
	return send(t, NFT_MSG_NEWRULE, NLM_F_CREATE, c, rule, err);
}

int nsn_foreign_delete(struct nsn_nft_txn *t, const struct nsn_foreign_chain *c, uint64_t handle,
		       struct nsnet_err *err)
{
	NSN_AUTO(nftnl_rule_freep) struct nftnl_rule *rule = rule_in(c);

	if (!rule)
		return nsn_err_nomem(err);
	nftnl_rule_set_u64(rule, NFTNL_RULE_HANDLE, handle);
	return send(t, NFT_MSG_DELRULE, 0, c, rule, err);
}
