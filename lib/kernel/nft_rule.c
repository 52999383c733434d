/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_rule.h"

#include <errno.h>
#include <string.h>

#include <libnftnl/rule.h>
#include <libnftnl/udata.h>

#include "../base/cleanup.h"
#include "nft_expr.h"
#include "nft_parts.h"

NSN_NFT_CLEANUP(struct nftnl_rule, nftnl_rule_free)
NSN_CLEANUP(struct nftnl_udata_buf, nftnl_udata_buf_free)

static int encode(struct nftnl_rule *rule, const struct nsn_rule *from)
{
	size_t i;
	void *e;
	int r;

	for (i = 0; i < from->n; i++) {
		r = nsn_expr_write(&e, &from->exprs[i]);
		if (r < 0)
			return r;
		nftnl_rule_add_expr(rule, e);
	}
	return 0;
}

int nsn_rule_comment(void *rule, const char *comment)
{
	NSN_AUTO(nftnl_udata_buf_freep)
	struct nftnl_udata_buf *buf = nftnl_udata_buf_alloc(NSN_NFT_UDATA);

	if (!buf || !nftnl_udata_put_strz(buf, NFTNL_UDATA_RULE_COMMENT, comment) ||
	    nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(buf),
				nftnl_udata_buf_len(buf)) < 0)
		return -ENOMEM;
	return 0;
}

int nsn_rule_write(struct nlmsghdr *h, const struct nsn_chain *chain, const struct nsn_rule *rule)
{
	NSN_AUTO(nftnl_rule_freep) struct nftnl_rule *out = nftnl_rule_alloc();
	int r;

	if (!out || nftnl_rule_set_str(out, NFTNL_RULE_TABLE, chain->table) < 0 ||
	    nftnl_rule_set_str(out, NFTNL_RULE_CHAIN, chain->name) < 0)
		return -ENOMEM;
	r = encode(out, rule);
	if (r == 0 && rule->comment[0])
		r = nsn_rule_comment(out, rule->comment);
	if (r == 0)
		nftnl_rule_nlmsg_build_payload(h, out);
	return r;
}

static int each_expr(struct nftnl_expr *e, void *arg)
{
	struct nsn_rule *rule = arg;

	if (rule->n == NSN_NFT_EXPRS)
		rule->cut = true;
	else
		nsn_expr_read(&rule->exprs[rule->n++], e);
	return 0;
}

static int each_udata(const struct nftnl_udata *attr, void *arg)
{
	struct nsn_rule *rule = arg;
	uint8_t len = nftnl_udata_len(attr);
	const char *text = nftnl_udata_get(attr);

	if (nftnl_udata_type(attr) != NFTNL_UDATA_RULE_COMMENT || len == 0 || text[len - 1])
		return 0;
	if (len > sizeof(rule->comment))
		rule->cut = true;
	else
		memcpy(rule->comment, text, len);
	return 0;
}

static void decode(struct nsn_rule *ret, struct nftnl_rule *rule)
{
	const void *udata;
	uint32_t len;

	*ret = (struct nsn_rule){0};
	(void)nftnl_expr_foreach(rule, each_expr, ret);
	udata = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &len);
	if (udata)
		(void)nftnl_udata_parse(udata, len, each_udata, ret);
}

int nsn_rule_read(const struct nlmsghdr *msg, struct nsn_chain *chain, struct nsn_rule *rule,
		  struct nsn_arena *arena)
{
	NSN_AUTO(nftnl_rule_freep) struct nftnl_rule *in = nftnl_rule_alloc();

	if (!in)
		return -ENOMEM;
	if (nftnl_rule_nlmsg_parse(msg, in) < 0)
		return -EBADMSG;
	chain->family = (uint8_t)nftnl_rule_get_u32(in, NFTNL_RULE_FAMILY);
	chain->table = nsn_arena_strdup(arena, nftnl_rule_get_str(in, NFTNL_RULE_TABLE));
	chain->name = nsn_arena_strdup(arena, nftnl_rule_get_str(in, NFTNL_RULE_CHAIN));
	decode(rule, in);
	return chain->table && chain->name ? 0 : -ENOMEM;
}
