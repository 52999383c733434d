// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Expressions of the kernel's bytecode: anything that does not fit its shape is NSN_X_OTHER.
 */
#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "read_parts.h"
#include "read_shape.h"

/* ---- attributes ------------------------------------------------------------------------ */

/* NFT_REG_1..4 are four words each, NFT_REG32_00.. one; false: a number that is neither. */
static bool take_reg(uint8_t *ret, const struct nlattr *a)
{
	uint64_t reg = nsn_at_num(a);

	if (reg <= NFT_REG_4)
		*ret = (uint8_t)(reg * 4);
	else if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
		*ret = (uint8_t)(reg - NFT_REG32_00 + 4);
	else
		return false;
	return true;
}

int nsn_read_verdict(struct nsn_arena *mem, struct nsn_vverdict *ret, const struct nlattr *nest)
{
	struct nsn_at at;
	int32_t code;

	nsn_at_nest(&at, nest,
		    1U << NFTA_VERDICT_CODE | 1U << NFTA_VERDICT_CHAIN |
			    1U << NFTA_VERDICT_CHAIN_ID);
	ret->code = NSN_V_STRANGE;
	if (!at.a[NFTA_VERDICT_CODE] || at.more)
		return 0;
	code = (int32_t)(uint32_t)nsn_at_num(at.a[NFTA_VERDICT_CODE]);
	/* The whole number: a drop with bits above is something else to nf_hook_slow(). */
	if (code == NF_ACCEPT)
		ret->code = NSN_V_ACCEPT;
	else if (code == NF_DROP)
		ret->code = NSN_V_DROP;
	else if (code == NFT_CONTINUE)
		ret->code = NSN_V_CONTINUE;
	else if (code == NFT_BREAK)
		ret->code = NSN_V_BREAK;
	else if (code == NFT_JUMP)
		ret->code = NSN_V_JUMP;
	else if (code == NFT_GOTO)
		ret->code = NSN_V_GOTO;
	else if (code == NFT_RETURN)
		ret->code = NSN_V_RETURN;
	else if (code >= 0 && (code & NF_VERDICT_MASK) == NF_QUEUE)
		ret->code = NSN_V_QUEUE;
	if (ret->code != NSN_V_JUMP && ret->code != NSN_V_GOTO)
		return 0;
	if (!at.a[NFTA_VERDICT_CHAIN])
		ret->code = NSN_V_STRANGE;
	ret->chain = nsn_at_str(mem, at.a[NFTA_VERDICT_CHAIN]);
	return ret->chain ? 0 : -ENOMEM;
}

/* 1: taken, 0: not known, or a negative errno. */
static int take_data(struct nsn_arena *mem, struct nsn_vexpr *x, const struct nlattr *a,
		     enum nsn_how how)
{
	uint8_t *to = how == NSN_TAKE_DATA2 ? x->data2 : x->data;
	struct nsn_at at;
	size_t len;
	int r;

	nsn_at_nest(&at, a, 1U << NFTA_DATA_VALUE | 1U << NFTA_DATA_VERDICT);
	if (at.more || !at.a[NFTA_DATA_VALUE] == !at.a[NFTA_DATA_VERDICT])
		return 0;
	if (at.a[NFTA_DATA_VERDICT]) {
		if (how != NSN_TAKE_DATA || x->kind != NSN_X_IMMEDIATE || x->dreg != 0)
			return 0;
		r = nsn_read_verdict(mem, &x->verdict, at.a[NFTA_DATA_VERDICT]);
		return r < 0 ? r : 1;
	}
	len = mnl_attr_get_payload_len(at.a[NFTA_DATA_VALUE]);
	if (how == NSN_TAKE_SHIFT) {
		if (len != sizeof(x->shift))
			return 0;
		memcpy(&x->shift, mnl_attr_get_payload(at.a[NFTA_DATA_VALUE]), len);
		return 1;
	}
	if (len == 0 || len > sizeof(x->data) || (how != NSN_TAKE_DATA && len != x->len))
		return 0;
	x->len = (uint8_t)len;
	memcpy(to, mnl_attr_get_payload(at.a[NFTA_DATA_VALUE]), len);
	return 1;
}

/* 1: taken, 0: not known, or a negative errno. */
static int take_inner(struct nsn_arena *mem, struct nsn_vexpr *x, const struct nlattr *a,
		      enum nsn_how how)
{
	int r;

	if (x->n_inner)
		return 0;
	if (how == NSN_TAKE_LIST) {
		r = nsn_read_exprs(mem, &x->inner, &x->n_inner, a);
		return r < 0 ? r : 1;
	}
	x->inner = nsn_arena_alloc(mem, sizeof(*x->inner));
	if (!x->inner)
		return -ENOMEM;
	x->n_inner = 1;
	r = nsn_read_expr(mem, x->inner, a);
	return r < 0 ? r : 1;
}

/* The verdict's register is written by what gives verdicts: nothing else may name it. */
static bool may_be_verdict(const struct nsn_vexpr *x, const struct nsn_field *f)
{
	return f->at == offsetof(struct nsn_vexpr, dreg) &&
	       (x->kind == NSN_X_IMMEDIATE || x->kind == NSN_X_LOOKUP);
}

/* 1: taken, 0: not known, or a negative errno. */
static int take_field(struct nsn_arena *mem, struct nsn_vexpr *x, const struct nsn_field *f,
		      const struct nlattr *a)
{
	enum nsn_how how = f->how & 0xff;
	void *to = (char *)x + f->at;
	uint64_t n;

	x->dreg_set |= (f->how & NSN_SETS_D) != 0;
	x->sreg_set |= (f->how & NSN_SETS_S) != 0;
	switch (how) {
	case NSN_TAKE_SKIP:
		return 1;
	case NSN_TAKE_U32:
		n = nsn_at_num(a);
		*(uint32_t *)to = (uint32_t)n;
		return n <= UINT32_MAX;
	case NSN_TAKE_U8:
	case NSN_TAKE_BYTES:
		n = nsn_at_num(a);
		*(uint8_t *)to = (uint8_t)n;
		return n <= (how == NSN_TAKE_U8 ? UINT8_MAX : sizeof(x->data));
	case NSN_TAKE_REG:
		return take_reg(to, a) && (*(uint8_t *)to || may_be_verdict(x, f));
	case NSN_TAKE_DATA:
	case NSN_TAKE_MASK:
	case NSN_TAKE_DATA2:
	case NSN_TAKE_SHIFT:
		return take_data(mem, x, a, how);
	case NSN_TAKE_NAME:
		*(const char **)to = nsn_at_str(mem, a);
		return *(const char **)to ? 1 : -ENOMEM;
	case NSN_TAKE_ONE:
	case NSN_TAKE_LIST:
		return take_inner(mem, x, a, how);
	}
	return 0;
}

/* ---- what a table cannot say ------------------------------------------------------------- */

static bool finish_op(struct nsn_vexpr *x, uint32_t max)
{
	if (x->number > max || x->sreg == 0)
		return false;
	x->op = (enum nsn_vop)x->number; /* NFT_CMP_* and NFT_RANGE_* count alike */
	x->number = 0;
	return true;
}

static bool finish_bitwise(struct nsn_vexpr *x, const struct nsn_at *at)
{
	bool mask = at->a[NFTA_BITWISE_MASK] && at->a[NFTA_BITWISE_XOR];
	uint32_t op = x->number;

	x->number = 0;
	if (op == NFT_BITWISE_BOOL)
		return mask && !at->a[NFTA_BITWISE_DATA];
	if ((op != NFT_BITWISE_LSHIFT && op != NFT_BITWISE_RSHIFT) || at->a[NFTA_BITWISE_MASK] ||
	    at->a[NFTA_BITWISE_XOR])
		return false;
	x->kind = NSN_X_SHIFT;
	x->left = op == NFT_BITWISE_LSHIFT;
	return at->a[NFTA_BITWISE_DATA] && x->shift < 32;
}

/* What loads or stores: exactly one of the two. */
static bool finish_set(struct nsn_vexpr *x, enum nsn_xkind store)
{
	if (x->dreg_set == x->sreg_set)
		return false;
	if (x->sreg_set)
		x->kind = store;
	return true;
}

/* False: not known after all. */
static bool finish(struct nsn_vexpr *x, const struct nsn_at *at)
{
	if (x->kind == NSN_X_IMMEDIATE)
		return (x->dreg == 0) == (x->verdict.code != NSN_V_NONE);
	if (x->kind == NSN_X_CMP)
		return finish_op(x, NFT_CMP_GTE);
	if (x->kind == NSN_X_RANGE)
		return finish_op(x, NFT_RANGE_NEQ);
	if (x->kind == NSN_X_BITWISE)
		return finish_bitwise(x, at);
	if (x->kind == NSN_X_BYTEORDER)
		return x->flags <= NFT_BYTEORDER_HTON &&
		       (x->shift == 2 || x->shift == 4 || x->shift == 8);
	if (x->kind == NSN_X_PAYLOAD)
		return finish_set(x, NSN_X_PAYLOAD_SET);
	if (x->kind == NSN_X_META)
		return finish_set(x, NSN_X_META_SET);
	if (x->kind == NSN_X_CT) {
		if (!at->a[NFTA_CT_DIRECTION])
			x->dir = 2;
		return finish_set(x, NSN_X_CT_SET);
	}
	if (x->kind == NSN_X_LOOKUP)
		return x->flags <= NFT_LOOKUP_F_INV;
	if (x->kind == NSN_X_DYNSET)
		return x->number <= NFT_DYNSET_OP_DELETE;
	if (x->kind == NSN_X_OBJREF)
		return at->a[NFTA_OBJREF_IMM_NAME]
			       ? at->a[NFTA_OBJREF_IMM_TYPE] && !x->set && !x->sreg_set
			       : x->set && x->sreg_set;
	if (x->kind == NSN_X_NAT)
		return x->number <= NFT_NAT_DNAT;
	return true;
}

/* ---- expressions ------------------------------------------------------------------------- */

/* 1: known in full, 0: not, or a negative errno. */
static int take_shape(struct nsn_arena *mem, struct nsn_vexpr *x, const struct nsn_shape *s,
		      const struct nlattr *data)
{
	uint32_t known = 0;
	struct nsn_at at;
	int r;

	for (size_t i = 0; i < NSN_FIELDS && s->fields[i].how; i++)
		known |= 1U << s->fields[i].attr;
	nsn_at_nest(&at, data, known);
	if (at.more)
		return 0;
	for (size_t i = 0; i < NSN_FIELDS && s->fields[i].how; i++) {
		const struct nsn_field *f = &s->fields[i];

		if (!at.a[f->attr] && (f->how & NSN_MUST))
			return 0;
		r = at.a[f->attr] ? take_field(mem, x, f, at.a[f->attr]) : 1;
		if (r <= 0)
			return r;
	}
	return finish(x, &at);
}

int nsn_read_expr(struct nsn_arena *mem, struct nsn_vexpr *ret, const struct nlattr *nest)
{
	const struct nsn_shape *s;
	struct nsn_at at;
	int r = 0;

	nsn_at_nest(&at, nest, 1U << NFTA_EXPR_NAME | 1U << NFTA_EXPR_DATA);
	s = at.more ? NULL : nsn_shape_of(at.a[NFTA_EXPR_NAME]);
	if (s) {
		*ret = (struct nsn_vexpr){.kind = s->kind, .name = s->name};
		r = take_shape(mem, ret, s, at.a[NFTA_EXPR_DATA]);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	*ret = (struct nsn_vexpr){.kind = NSN_X_OTHER};
	ret->name = nsn_at_str(mem, at.a[NFTA_EXPR_NAME]);
	return ret->name ? 0 : -ENOMEM;
}

int nsn_read_exprs(struct nsn_arena *mem, struct nsn_vexpr **ret, size_t *n,
		   const struct nlattr *list)
{
	const struct nlattr *a;
	size_t i = 0, count = 0;
	int r;

	*ret = NULL;
	*n = 0;
	if (!list)
		return 0;
	NSN_AT_EACH(a, list) count++;
	if (count == 0)
		return 0;
	*ret = nsn_arena_alloc(mem, count * sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	*n = count;
	NSN_AT_EACH(a, list)
	{
		r = nsn_read_expr(mem, &(*ret)[i++], a);
		if (r < 0)
			return r;
	}
	return 0;
}
