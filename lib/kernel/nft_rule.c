/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_rule.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "nft_parts.h"

typedef struct nftnl_expr expr;

NSN_NFT_CLEANUP(struct nftnl_rule, nftnl_rule_free)
NSN_CLEANUP(struct nftnl_udata_buf, nftnl_udata_buf_free)

#define UDATA_ROOM 256

/* ---- to libnftnl -------------------------------------------------------------- */

static void encode_meta(expr *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, x->reg);
}

static void encode_payload(expr *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, x->offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, x->len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, x->reg);
}

static void encode_bitwise(expr *e, const struct nsn_expr *x)
{
	static const uint8_t zero[NSN_NFT_DATA];

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, x->reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, x->reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, x->len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, x->mask, x->len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, x->len);
}

static void encode_cmp(expr *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, x->reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, (uint32_t)x->key);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, x->data, x->len);
}

static void encode_object(expr *e, const struct nsn_expr *x, uint32_t type)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, type);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, x->name);
}

static void encode_counter(expr *e, const struct nsn_expr *x)
{
	encode_object(e, x, NFT_OBJECT_COUNTER);
}

static void encode_limit(expr *e, const struct nsn_expr *x)
{
	encode_object(e, x, NFT_OBJECT_LIMIT);
}

static void encode_lookup(expr *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, x->reg);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, x->name);
	if (x->key)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, (uint32_t)x->key);
}

static void encode_objmap(expr *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_SET_SREG, x->reg);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_SET_NAME, x->name);
}

static void encode_verdict(expr *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)x->key);
	if (x->name[0])
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, x->name);
}

/* ---- from libnftnl ------------------------------------------------------------- */

static bool decode_meta(struct nsn_expr *x, const expr *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_META_DREG);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_META_SREG);
}

static bool decode_payload(struct nsn_expr *x, const expr *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
	x->offset = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	x->len = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_SREG);
}

static bool take_data(uint8_t to[NSN_NFT_DATA], const expr *e, uint16_t attr, uint32_t *len)
{
	const void *data = nftnl_expr_get(e, attr, len);

	if (!data || *len > NSN_NFT_DATA)
		return false;
	memcpy(to, data, *len);
	return true;
}

static bool decode_bitwise(struct nsn_expr *x, const expr *e)
{
	uint8_t flip[NSN_NFT_DATA] = {0};
	static const uint8_t zero[NSN_NFT_DATA];
	uint32_t mask_len, flip_len;

	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG);
	x->len = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_LEN);
	return nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_OP) == NFT_BITWISE_BOOL &&
	       nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG) == x->reg &&
	       take_data(x->mask, e, NFTNL_EXPR_BITWISE_MASK, &mask_len) && mask_len == x->len &&
	       take_data(flip, e, NFTNL_EXPR_BITWISE_XOR, &flip_len) &&
	       memcmp(flip, zero, sizeof(flip)) == 0;
}

static bool decode_cmp(struct nsn_expr *x, const expr *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_SREG);
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP);
	return take_data(x->data, e, NFTNL_EXPR_CMP_DATA, &x->len);
}

static bool take_name(struct nsn_expr *x, const expr *e, uint16_t attr)
{
	const char *name = nftnl_expr_get_str(e, attr);
	int n = snprintf(x->name, sizeof(x->name), "%s", name ? name : "");

	return n >= 0 && (size_t)n < sizeof(x->name);
}

static bool decode_object(struct nsn_expr *x, const expr *e, uint32_t type)
{
	return nftnl_expr_is_set(e, NFTNL_EXPR_OBJREF_IMM_TYPE) &&
	       nftnl_expr_get_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE) == type &&
	       take_name(x, e, NFTNL_EXPR_OBJREF_IMM_NAME);
}

static bool decode_counter(struct nsn_expr *x, const expr *e)
{
	return decode_object(x, e, NFT_OBJECT_COUNTER);
}

static bool decode_limit(struct nsn_expr *x, const expr *e)
{
	return decode_object(x, e, NFT_OBJECT_LIMIT);
}

static bool decode_lookup(struct nsn_expr *x, const expr *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_SREG);
	if (nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_FLAGS))
		x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG) &&
	       take_name(x, e, NFTNL_EXPR_LOOKUP_SET);
}

static bool decode_objmap(struct nsn_expr *x, const expr *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_OBJREF_SET_SREG);
	return nftnl_expr_is_set(e, NFTNL_EXPR_OBJREF_SET_NAME) &&
	       take_name(x, e, NFTNL_EXPR_OBJREF_SET_NAME);
}

static bool decode_verdict(struct nsn_expr *x, const expr *e)
{
	if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT)
		return false;
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN) || take_name(x, e, NFTNL_EXPR_IMM_CHAIN);
}

static const struct {
	const char *name; /* the kernel's */
	void (*encode)(expr *e, const struct nsn_expr *x);
	bool (*decode)(struct nsn_expr *x, const expr *e);
} exprs[] = {
	[NSN_EXPR_META] = {"meta", encode_meta, decode_meta},
	[NSN_EXPR_PAYLOAD] = {"payload", encode_payload, decode_payload},
	[NSN_EXPR_BITWISE] = {"bitwise", encode_bitwise, decode_bitwise},
	[NSN_EXPR_CMP] = {"cmp", encode_cmp, decode_cmp},
	[NSN_EXPR_LOOKUP] = {"lookup", encode_lookup, decode_lookup},
	[NSN_EXPR_COUNTER] = {"objref", encode_counter, decode_counter},
	[NSN_EXPR_LIMIT] = {"objref", encode_limit, decode_limit},
	[NSN_EXPR_OBJMAP] = {"objref", encode_objmap, decode_objmap},
	[NSN_EXPR_VERDICT] = {"immediate", encode_verdict, decode_verdict},
};
static_assert(NSN_COUNT(exprs) == NSN_EXPR_OTHER, "one row a kind");

static int encode(struct nftnl_rule *rule, const struct nsn_rule *from)
{
	size_t i;

	for (i = 0; i < from->n; i++) {
		const struct nsn_expr *x = &from->exprs[i];
		expr *e;

		if (x->kind == NSN_EXPR_OTHER)
			return -EINVAL;
		e = nftnl_expr_alloc(exprs[x->kind].name);
		if (!e)
			return -ENOMEM;
		exprs[x->kind].encode(e, x);
		nftnl_rule_add_expr(rule, e);
	}
	return 0;
}

static int encode_comment(struct nftnl_rule *rule, const char *comment)
{
	NSN_AUTO(nftnl_udata_buf_freep)
	struct nftnl_udata_buf *buf = nftnl_udata_buf_alloc(UDATA_ROOM);

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
		r = encode_comment(out, rule->comment);
	if (r == 0)
		nftnl_rule_nlmsg_build_payload(h, out);
	return r;
}

static void decode_one(struct nsn_expr *x, const expr *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	size_t k;

	for (k = 0; k < NSN_COUNT(exprs); k++) {
		if (strcmp(name, exprs[k].name) != 0)
			continue;
		*x = (struct nsn_expr){.kind = (enum nsn_expr_kind)k};
		if (exprs[k].decode(x, e))
			return;
	}
	*x = (struct nsn_expr){.kind = NSN_EXPR_OTHER};
	(void)snprintf(x->name, sizeof(x->name), "%s", name);
}

static int each_expr(expr *e, void *arg)
{
	struct nsn_rule *rule = arg;

	if (rule->n == NSN_NFT_EXPRS)
		rule->cut = true;
	else
		decode_one(&rule->exprs[rule->n++], e);
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
