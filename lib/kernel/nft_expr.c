/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_expr.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"

typedef struct nftnl_expr expr;

/* ---- to libnftnl -------------------------------------------------------------- */

static int encode_meta(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, x->reg);
	return 0;
}

static int encode_payload(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, x->offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, x->len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, x->reg);
	return 0;
}

static int encode_ct(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, x->reg);
	return 0;
}

static int encode_fib(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, x->flags);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, x->reg);
	return 0;
}

static int encode_rt(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_RT_KEY, (uint32_t)x->key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_RT_DREG, x->reg);
	return 0;
}

static int encode_immediate(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, x->reg);
	return nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, x->data, x->len) < 0 ? -ENOMEM : 0;
}

static int encode_bitwise(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, x->reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, x->reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, x->len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, x->mask, x->len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, x->data, x->len);
	return 0;
}

static int encode_cmp(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, x->reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, (uint32_t)x->key);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, x->data, x->len);
	return 0;
}

static int encode_object(void *e, const struct nsn_expr *x, uint32_t type)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, type);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_IMM_NAME, x->name);
	return 0;
}

static int encode_counter(void *e, const struct nsn_expr *x)
{
	return encode_object(e, x, NFT_OBJECT_COUNTER);
}

static int encode_limit(void *e, const struct nsn_expr *x)
{
	return encode_object(e, x, NFT_OBJECT_LIMIT);
}

static int encode_lookup(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, x->reg);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, x->name);
	if (x->key)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, (uint32_t)x->key);
	return 0;
}

/* Its register tells a map's lookup from a set's, also when it is NFT_REG_VERDICT. */
static int encode_map(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, x->reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, x->to);
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, x->name);
	return 0;
}

static int encode_objmap(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_SET_SREG, x->reg);
	nftnl_expr_set_str(e, NFTNL_EXPR_OBJREF_SET_NAME, x->name);
	return 0;
}

static int encode_verdict(void *e, const struct nsn_expr *x)
{
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)x->key);
	if (x->name[0])
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, x->name);
	return 0;
}

/* ---- from libnftnl ------------------------------------------------------------- */

static bool decode_meta(struct nsn_expr *x, const void *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_META_DREG);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_META_SREG);
}

static bool decode_payload(struct nsn_expr *x, const void *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_BASE);
	x->offset = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET);
	x->len = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_LEN);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_PAYLOAD_DREG);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_PAYLOAD_SREG);
}

static bool decode_ct(struct nsn_expr *x, const void *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_CT_DREG);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_CT_SREG) &&
	       !nftnl_expr_is_set(e, NFTNL_EXPR_CT_DIR);
}

static bool decode_fib(struct nsn_expr *x, const void *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_FIB_RESULT);
	x->flags = nftnl_expr_get_u32(e, NFTNL_EXPR_FIB_FLAGS);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_FIB_DREG);
	return true;
}

static bool decode_rt(struct nsn_expr *x, const void *e)
{
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_RT_KEY);
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_RT_DREG);
	return true;
}

static bool take_data(uint8_t to[NSN_NFT_DATA], const expr *e, uint16_t attr, uint32_t *len)
{
	const void *data = nftnl_expr_get(e, attr, len);

	if (!data || *len > NSN_NFT_DATA)
		return false;
	memcpy(to, data, *len);
	return true;
}

static bool decode_immediate(struct nsn_expr *x, const void *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG);
	return x->reg != NFT_REG_VERDICT && take_data(x->data, e, NFTNL_EXPR_IMM_DATA, &x->len);
}

static bool decode_bitwise(struct nsn_expr *x, const void *e)
{
	uint32_t mask_len, flip_len;

	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG);
	x->len = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_LEN);
	return nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_OP) == NFT_BITWISE_BOOL &&
	       nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG) == x->reg &&
	       take_data(x->mask, e, NFTNL_EXPR_BITWISE_MASK, &mask_len) && mask_len == x->len &&
	       take_data(x->data, e, NFTNL_EXPR_BITWISE_XOR, &flip_len) && flip_len == x->len;
}

static bool decode_cmp(struct nsn_expr *x, const void *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_SREG);
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP);
	return take_data(x->data, e, NFTNL_EXPR_CMP_DATA, &x->len);
}

bool nsn_expr_take_name(struct nsn_expr *x, const void *e, uint16_t attr)
{
	const char *name = nftnl_expr_get_str(e, attr);
	int n = snprintf(x->name, sizeof(x->name), "%s", name ? name : "");

	return n >= 0 && (size_t)n < sizeof(x->name);
}

static bool decode_object(struct nsn_expr *x, const void *e, uint32_t type)
{
	return nftnl_expr_is_set(e, NFTNL_EXPR_OBJREF_IMM_TYPE) &&
	       nftnl_expr_get_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE) == type &&
	       nsn_expr_take_name(x, e, NFTNL_EXPR_OBJREF_IMM_NAME);
}

static bool decode_counter(struct nsn_expr *x, const void *e)
{
	return decode_object(x, e, NFT_OBJECT_COUNTER);
}

static bool decode_limit(struct nsn_expr *x, const void *e)
{
	return decode_object(x, e, NFT_OBJECT_LIMIT);
}

static bool decode_lookup(struct nsn_expr *x, const void *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_SREG);
	if (nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_FLAGS))
		x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG) &&
	       nsn_expr_take_name(x, e, NFTNL_EXPR_LOOKUP_SET);
}

static bool decode_any_map(struct nsn_expr *x, const void *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_SREG);
	x->to = nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG);
	return nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG) &&
	       (!nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_FLAGS) ||
		nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_FLAGS) == 0) &&
	       nsn_expr_take_name(x, e, NFTNL_EXPR_LOOKUP_SET);
}

static bool decode_vmap(struct nsn_expr *x, const void *e)
{
	return decode_any_map(x, e) && x->to == NFT_REG_VERDICT;
}

static bool decode_map(struct nsn_expr *x, const void *e)
{
	return decode_any_map(x, e) && x->to != NFT_REG_VERDICT;
}

static bool decode_objmap(struct nsn_expr *x, const void *e)
{
	x->reg = nftnl_expr_get_u32(e, NFTNL_EXPR_OBJREF_SET_SREG);
	return nftnl_expr_is_set(e, NFTNL_EXPR_OBJREF_SET_NAME) &&
	       nsn_expr_take_name(x, e, NFTNL_EXPR_OBJREF_SET_NAME);
}

static bool decode_verdict(struct nsn_expr *x, const void *e)
{
	if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT)
		return false;
	x->key = (int32_t)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);
	return !nftnl_expr_is_set(e, NFTNL_EXPR_IMM_CHAIN) ||
	       nsn_expr_take_name(x, e, NFTNL_EXPR_IMM_CHAIN);
}

static const struct nsn_expr_codec *const codecs[] = {
	[NSN_EXPR_META] = &(const struct nsn_expr_codec){"meta", encode_meta, decode_meta},
	[NSN_EXPR_PAYLOAD] =
		&(const struct nsn_expr_codec){"payload", encode_payload, decode_payload},
	[NSN_EXPR_CT] = &(const struct nsn_expr_codec){"ct", encode_ct, decode_ct},
	[NSN_EXPR_FIB] = &(const struct nsn_expr_codec){"fib", encode_fib, decode_fib},
	[NSN_EXPR_RT] = &(const struct nsn_expr_codec){"rt", encode_rt, decode_rt},
	[NSN_EXPR_IMMEDIATE] =
		&(const struct nsn_expr_codec){"immediate", encode_immediate, decode_immediate},
	[NSN_EXPR_BITWISE] =
		&(const struct nsn_expr_codec){"bitwise", encode_bitwise, decode_bitwise},
	[NSN_EXPR_CMP] = &(const struct nsn_expr_codec){"cmp", encode_cmp, decode_cmp},
	[NSN_EXPR_LOOKUP] = &(const struct nsn_expr_codec){"lookup", encode_lookup, decode_lookup},
	[NSN_EXPR_VMAP] = &(const struct nsn_expr_codec){"lookup", encode_map, decode_vmap},
	[NSN_EXPR_MAP] = &(const struct nsn_expr_codec){"lookup", encode_map, decode_map},
	[NSN_EXPR_META_SET] = &nsn_expr_meta_set,
	[NSN_EXPR_CT_SET] = &nsn_expr_ct_set,
	[NSN_EXPR_COUNTER] =
		&(const struct nsn_expr_codec){"objref", encode_counter, decode_counter},
	[NSN_EXPR_LIMIT] = &(const struct nsn_expr_codec){"objref", encode_limit, decode_limit},
	[NSN_EXPR_OBJMAP] = &(const struct nsn_expr_codec){"objref", encode_objmap, decode_objmap},
	[NSN_EXPR_DYNSET] = &nsn_expr_dynset,
	[NSN_EXPR_DYNSET_LIMIT] = &nsn_expr_dynset_limit,
	[NSN_EXPR_DYNSET_CONNLIMIT] = &nsn_expr_dynset_connlimit,
	[NSN_EXPR_NUMGEN] = &nsn_expr_numgen,
	[NSN_EXPR_LOG] = &nsn_expr_log,
	[NSN_EXPR_NAT] = &nsn_expr_nat,
	[NSN_EXPR_MASQ] = &nsn_expr_masq,
	[NSN_EXPR_VERDICT] =
		&(const struct nsn_expr_codec){"immediate", encode_verdict, decode_verdict},
};
static_assert(NSN_COUNT(codecs) == NSN_EXPR_OTHER, "one row a kind");

int nsn_expr_write(void **ret, const struct nsn_expr *x)
{
	expr *e;
	int r;

	if (x->kind == NSN_EXPR_OTHER)
		return -EINVAL;
	e = nftnl_expr_alloc(codecs[x->kind]->name);
	if (!e)
		return -ENOMEM;
	r = codecs[x->kind]->encode(e, x);
	if (r < 0)
		nftnl_expr_free(e);
	else
		*ret = e;
	return r;
}

void nsn_expr_read(struct nsn_expr *ret, const void *e)
{
	const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
	size_t k;

	for (k = 0; k < NSN_COUNT(codecs); k++) {
		if (strcmp(name, codecs[k]->name) != 0)
			continue;
		*ret = (struct nsn_expr){.kind = (enum nsn_expr_kind)k};
		if (codecs[k]->decode(ret, e))
			return;
	}
	*ret = (struct nsn_expr){.kind = NSN_EXPR_OTHER};
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
}
