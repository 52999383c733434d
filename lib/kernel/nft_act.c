/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_expr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"

typedef struct nftnl_expr expr;

static bool has_any(const expr *e, const uint16_t *attrs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (nftnl_expr_is_set(e, attrs[i]))
			return true;
	return false;
}

/* ---- marks ---------------------------------------------------------------------- */

static int encode_meta_set(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, x->reg);
	return 0;
}

static bool decode_meta_set(struct nsn_expr *x, const void *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_META_SREG);
	return nftnl_expr_is_set(e, NFTNL_EXPR_META_SREG);
}

const struct nsn_expr_codec nsn_expr_meta_set = {"meta", encode_meta_set, decode_meta_set};

static int encode_ct_set(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_SREG, x->reg);
	return 0;
}

static bool decode_ct_set(struct nsn_expr *x, const void *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_CT_SREG);
	return nftnl_expr_is_set(e, NFTNL_EXPR_CT_SREG) && !nftnl_expr_is_set(e, NFTNL_EXPR_CT_DIR);
}

const struct nsn_expr_codec nsn_expr_ct_set = {"ct", encode_ct_set, decode_ct_set};

/* ---- elements made by packets ----------------------------------------------------- */

static int encode_dynset(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, x->reg);
	nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, x->name);
	return 0;
}

/* What all three have. Newer kernels report a time even when it is the set's: none is ours. */
static bool decode_any_dynset(struct nsn_expr *x, const void *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_DYNSET_OP);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_DYNSET_SREG_DATA) &&
	       (!nftnl_expr_is_set(e, NFTNL_EXPR_DYNSET_TIMEOUT) ||
		nftnl_expr_get_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT) == 0) &&
	       nsn_expr_take_name(x, e, NFTNL_EXPR_DYNSET_SET_NAME);
}

struct inner {
	const expr *e; /* the last one */
	size_t n;
};

static int each_inner(expr *e, void *arg)
{
	struct inner *in = arg;

	in->e = e;
	in->n++;
	return 0;
}

/* The only one in it, if it has this name. */
static const expr *inner_of(const expr *e, const char *name)
{
	struct inner in = {0};

	(void)nftnl_expr_expr_foreach(e, each_inner, &in);
	if (in.n != 1 || strcmp(nftnl_expr_get_str(in.e, NFTNL_EXPR_NAME), name) != 0)
		return NULL;
	return in.e;
}

static bool decode_dynset(struct nsn_expr *x, const void *e)
{
	struct inner in = {0};

	(void)nftnl_expr_expr_foreach(e, each_inner, &in);
	return in.n == 0 && decode_any_dynset(x, e);
}

const struct nsn_expr_codec nsn_expr_dynset = {"dynset", encode_dynset, decode_dynset};

static int encode_dynset_limit(void *e, const struct nsn_expr *x)
{
	expr *in = nftnl_expr_alloc("limit");

	if (!in)
		return -ENOMEM;
	nftnl_expr_set_u64(in, NFTNL_EXPR_LIMIT_RATE, x->limit.rate);
	nftnl_expr_set_u64(in, NFTNL_EXPR_LIMIT_UNIT, x->limit.unit);
	nftnl_expr_set_u32(in, NFTNL_EXPR_LIMIT_BURST, x->limit.burst);
	nftnl_expr_set_u32(in, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nftnl_expr_set_u32(in, NFTNL_EXPR_LIMIT_FLAGS, x->limit.flags);
	nftnl_expr_add_expr(e, NFTNL_EXPR_DYNSET_EXPR, in);
	return encode_dynset(e, x);
}

static bool decode_dynset_limit(struct nsn_expr *x, const void *e)
{
	const expr *in = inner_of(e, "limit");
	uint64_t rate, unit;

	if (!in || !decode_any_dynset(x, e) ||
	    nftnl_expr_get_u32(in, NFTNL_EXPR_LIMIT_TYPE) != NFT_LIMIT_PKTS)
		return false;
	rate = nftnl_expr_get_u64(in, NFTNL_EXPR_LIMIT_RATE);
	unit = nftnl_expr_get_u64(in, NFTNL_EXPR_LIMIT_UNIT);
	x->limit = (struct nsn_rate){
		.rate = (uint32_t)rate,
		.unit = (uint32_t)unit,
		.burst = nftnl_expr_get_u32(in, NFTNL_EXPR_LIMIT_BURST),
		.flags = nftnl_expr_get_u32(in, NFTNL_EXPR_LIMIT_FLAGS),
	};
	return rate <= UINT32_MAX && unit <= UINT32_MAX;
}

const struct nsn_expr_codec nsn_expr_dynset_limit = {"dynset", encode_dynset_limit,
						     decode_dynset_limit};

static int encode_dynset_connlimit(void *e, const struct nsn_expr *x)
{
	expr *in = nftnl_expr_alloc("connlimit");

	if (!in)
		return -ENOMEM;
	nftnl_expr_set_u32(in, NFTNL_EXPR_CONNLIMIT_COUNT, x->limit.rate);
	nftnl_expr_set_u32(in, NFTNL_EXPR_CONNLIMIT_FLAGS, x->limit.flags);
	nftnl_expr_add_expr(e, NFTNL_EXPR_DYNSET_EXPR, in);
	return encode_dynset(e, x);
}

static bool decode_dynset_connlimit(struct nsn_expr *x, const void *e)
{
	const expr *in = inner_of(e, "connlimit");

	if (!in || !decode_any_dynset(x, e))
		return false;
	x->limit.rate = nftnl_expr_get_u32(in, NFTNL_EXPR_CONNLIMIT_COUNT);
	x->limit.flags = nftnl_expr_get_u32(in, NFTNL_EXPR_CONNLIMIT_FLAGS);
	return true;
}

const struct nsn_expr_codec nsn_expr_dynset_connlimit = {"dynset", encode_dynset_connlimit,
							 decode_dynset_connlimit};

static int encode_numgen(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_DREG, x->reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_TYPE, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NG_MODULUS, x->limit.rate);
	return 0;
}

static bool decode_numgen(struct nsn_expr *x, const void *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_NG_DREG);
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_NG_TYPE);
	x->limit.rate = nftnl_expr_get_u32(e, NFTNL_EXPR_NG_MODULUS);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_NG_OFFSET) ||
	       nftnl_expr_get_u32(e, NFTNL_EXPR_NG_OFFSET) == 0;
}

const struct nsn_expr_codec nsn_expr_numgen = {"numgen", encode_numgen, decode_numgen};

/* ---- logs and addresses -------------------------------------------------------------- */

static int encode_log(void *e, const struct nsn_expr *x)
{
	if (x->name[0] && nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, x->name) < 0)
		return -ENOMEM;
	nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, (uint16_t)x->key);
	if (x->len)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, x->len);
	return 0;
}

/* One without a group writes into the kernel's log. */
static bool decode_log(struct nsn_expr *x, const void *e)
{
	static const uint16_t more[] = {NFTNL_EXPR_LOG_LEVEL, NFTNL_EXPR_LOG_FLAGS,
					NFTNL_EXPR_LOG_QTHRESHOLD};

	if (!nftnl_expr_is_set(e, NFTNL_EXPR_LOG_GROUP) || has_any(e, more, NSN_COUNT(more)))
		return false;
	x->key = nftnl_expr_get_u16(e, NFTNL_EXPR_LOG_GROUP);
	if (nftnl_expr_is_set(e, NFTNL_EXPR_LOG_SNAPLEN))
		x->len = nftnl_expr_get_u32(e, NFTNL_EXPR_LOG_SNAPLEN);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_LOG_PREFIX) ||
	       nsn_expr_take_name(x, e, NFTNL_EXPR_LOG_PREFIX);
}

const struct nsn_expr_codec nsn_expr_log = {"log", encode_log, decode_log};

static int encode_nat(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, x->len == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, x->reg);
	if (x->to)
		nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, x->to);
	return 0;
}

/*
 * The kernel gives back a range from the address to itself, one of the port, and flags
 * that there are these.
 */
static bool decode_nat(struct nsn_expr *x, const void *e)
{
	const uint32_t flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;

	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_NAT_TYPE);
	x->len = nftnl_expr_get_u32(e, NFTNL_EXPR_NAT_FAMILY) == NFPROTO_IPV4 ? 4 : 16;
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN);
	if (nftnl_expr_is_set(e, NFTNL_EXPR_NAT_REG_ADDR_MAX) &&
	    nftnl_expr_get_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MAX) != x->reg)
		return false;
	if (nftnl_expr_is_set(e, NFTNL_EXPR_NAT_REG_PROTO_MIN))
		x->to = nftnl_expr_get_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN);
	if (nftnl_expr_is_set(e, NFTNL_EXPR_NAT_REG_PROTO_MAX) &&
	    nftnl_expr_get_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MAX) != x->to)
		return false;
	if (nftnl_expr_is_set(e, NFTNL_EXPR_NAT_FLAGS) &&
	    nftnl_expr_get_u32(e, NFTNL_EXPR_NAT_FLAGS) & ~flags)
		return false;
	return nftnl_expr_is_set(e, NFTNL_EXPR_NAT_REG_ADDR_MIN);
}

const struct nsn_expr_codec nsn_expr_nat = {"nat", encode_nat, decode_nat};

static int encode_masq(void *e, const struct nsn_expr *x)
{
	(void)e;
	(void)x;
	return 0;
}

/* Any port, and none at random. */
static bool decode_masq(struct nsn_expr *x, const void *e)
{
	static const uint16_t more[] = {NFTNL_EXPR_MASQ_REG_PROTO_MIN,
					NFTNL_EXPR_MASQ_REG_PROTO_MAX};

	(void)x;
	return !has_any(e, more, NSN_COUNT(more)) &&
	       (!nftnl_expr_is_set(e, NFTNL_EXPR_MASQ_FLAGS) ||
		nftnl_expr_get_u32(e, NFTNL_EXPR_MASQ_FLAGS) == 0);
}

const struct nsn_expr_codec nsn_expr_masq = {"masq", encode_masq, decode_masq};
