/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nftrace_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>
#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "../nl/nl.h"
#include "nft_parts.h"

NSN_CLEANUP(struct nsn_nl_batch, nsn_nl_batch_free)
NSN_NFT_CLEANUP(struct nftnl_table, nftnl_table_free)
NSN_NFT_CLEANUP(struct nftnl_chain, nftnl_chain_free)
NSN_NFT_CLEANUP(struct nftnl_rule, nftnl_rule_free)

#define CHAIN "first"
/* Headers that are older than 5.12. */
#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 0x2
#endif

/* ---- the rule: this flow, and nothing else -------------------------------------------- */

struct writing {
	struct nftnl_rule *rule;
	bool failed;
};

static struct nftnl_expr *add(struct writing *w, const char *name)
{
	struct nftnl_expr *e = w->failed ? NULL : nftnl_expr_alloc(name);

	if (e)
		nftnl_rule_add_expr(w->rule, e);
	else
		w->failed = true;
	return e;
}

static void compare(struct writing *w, const void *data, size_t len)
{
	struct nftnl_expr *e = add(w, "cmp");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	w->failed |= nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, (uint32_t)len) < 0;
}

static void meta_is(struct writing *w, uint32_t key, const void *data, size_t len)
{
	struct nftnl_expr *e = add(w, "meta");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
	compare(w, data, len);
}

static void payload_is(struct writing *w, uint32_t base, size_t offset, const void *data,
		       size_t len)
{
	struct nftnl_expr *e = add(w, "payload");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, (uint32_t)offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, (uint32_t)len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	compare(w, data, len);
}

static void trace_it(struct writing *w)
{
	static const uint8_t yes = 1;
	struct nftnl_expr *e = add(w, "immediate");

	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	w->failed |= nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &yes, sizeof(yes)) < 0;
	e = add(w, "meta");
	if (!e)
		return;
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_NFTRACE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

static void match(struct writing *w, const struct nsn_nftrace_flow *f)
{
	const bool six = f->src.family == AF_INET6,
		   icmp = f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6;
	const uint16_t type = htons(six ? ETH_P_IPV6 : ETH_P_IP), sport = htons(f->sport),
		       dport = htons(f->dport);
	const uint8_t icmp_type = (uint8_t)f->dport;
	const size_t size = six ? 16 : 4, at = six ? 8 : 12;

	meta_is(w, NFT_META_PROTOCOL, &type, sizeof(type));
	payload_is(w, NFT_PAYLOAD_NETWORK_HEADER, at, f->src.bytes, size);
	payload_is(w, NFT_PAYLOAD_NETWORK_HEADER, at + size, f->dst.bytes, size);
	meta_is(w, NFT_META_L4PROTO, &f->proto, sizeof(f->proto));
	if (f->sport)
		payload_is(w, NFT_PAYLOAD_TRANSPORT_HEADER, icmp ? 4 : 0, &sport, sizeof(sport));
	if (icmp)
		payload_is(w, NFT_PAYLOAD_TRANSPORT_HEADER, 0, &icmp_type, sizeof(icmp_type));
	else
		payload_is(w, NFT_PAYLOAD_TRANSPORT_HEADER, 2, &dport, sizeof(dport));
}

/* ---- tables ------------------------------------------------------------------------------ */

static struct nlmsghdr *message(struct nsn_nl_batch *b, uint16_t type, uint16_t family,
				uint16_t flags, struct nsnet_err *err)
{
	return nsn_nl_batch_add(b, type, family, flags, NSN_NFT_ROOM, "table of a trace", err);
}

static int add_table(struct nsn_nl_batch *b, uint16_t family, const char *name,
		     struct nsnet_err *err)
{
	NSN_AUTO(nftnl_table_freep) struct nftnl_table *table = nftnl_table_alloc();
	struct nlmsghdr *h;

	if (!table || nftnl_table_set_str(table, NFTNL_TABLE_NAME, name) < 0)
		return nsn_err_nomem(err);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	h = message(b, NFT_MSG_NEWTABLE, family, NLM_F_CREATE | NLM_F_EXCL, err);
	if (!h)
		return -ENOMEM;
	nftnl_table_nlmsg_build_payload(h, table);
	return 0;
}

static int add_chain(struct nsn_nl_batch *b, uint16_t family, const char *name,
		     struct nsnet_err *err)
{
	NSN_AUTO(nftnl_chain_freep) struct nftnl_chain *chain = nftnl_chain_alloc();
	struct nlmsghdr *h;

	if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, name) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, CHAIN) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter") < 0)
		return nsn_err_nomem(err);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM,
			    family == NFPROTO_BRIDGE ? NF_BR_PRE_ROUTING : NF_INET_PRE_ROUTING);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, INT_MIN);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	h = message(b, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, err);
	if (!h)
		return -ENOMEM;
	nftnl_chain_nlmsg_build_payload(h, chain);
	return 0;
}

static int add_rule(struct nsn_nl_batch *b, uint16_t family, const char *name,
		    const struct nsn_nftrace_flow *flow, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_rule_freep) struct nftnl_rule *rule = nftnl_rule_alloc();
	struct writing w = {.rule = rule};
	struct nlmsghdr *h;

	if (!rule || nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, name) < 0 ||
	    nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, CHAIN) < 0)
		return nsn_err_nomem(err);
	match(&w, flow);
	trace_it(&w);
	h = w.failed ? NULL : message(b, NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND, err);
	if (!h)
		return nsn_err_nomem(err);
	nftnl_rule_nlmsg_build_payload(h, rule);
	return 0;
}

int nsn_nftrace_tables(struct nsn_nl *nl, const char *name, const struct nsn_nftrace_flow *flow,
		       struct nsnet_err *err)
{
	static const uint16_t families[] = {NFPROTO_BRIDGE, NFPROTO_INET};
	NSN_AUTO(nsn_nl_batch_freep) struct nsn_nl_batch *b = NULL;
	int r = nsn_nl_batch_new(&b, err);

	for (size_t i = 0; r == 0 && i < NSN_COUNT(families); i++) {
		r = add_table(b, families[i], name, err);
		if (r == 0)
			r = add_chain(b, families[i], name, err);
		if (r == 0)
			r = add_rule(b, families[i], name, flow, err);
	}
	if (r == 0)
		r = nsn_nl_batch_commit(nl, b, err);
	/* A kernel without owners takes the flag for nonsense. */
	return r == -EINVAL ? -EOPNOTSUPP : r;
}
