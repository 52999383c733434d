// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../../lib/verify/read_parts.h"

/*
 * read_expr - expressions as no kernel of today makes them: whatever is not known in full is
 * NSN_X_OTHER
 */

#define NEWER 30 /* no attribute of any expression yet */

/* A message with one expression; what it is made of is added between begin() and taken(). */
struct making {
	char buf[1024] __attribute__((aligned(8)));
	struct nlmsghdr *msg;
	struct nlattr *expr, *data;
	struct nsn_arena mem;
};

static void begin(struct making *k, const char *name)
{
	*k = (struct making){.msg = NULL};
	k->msg = mnl_nlmsg_put_header(k->buf);
	k->expr = mnl_attr_nest_start(k->msg, 1);
	mnl_attr_put_strz(k->msg, NFTA_EXPR_NAME, name);
	k->data = mnl_attr_nest_start(k->msg, NFTA_EXPR_DATA);
}

static void num(struct making *k, uint16_t type, uint32_t n)
{
	mnl_attr_put_u32(k->msg, type, htonl(n));
}

static void value(struct making *k, uint16_t type, size_t len)
{
	static const uint8_t bytes[80] = {1, 2, 3, 4};
	struct nlattr *nest = mnl_attr_nest_start(k->msg, type);

	mnl_attr_put(k->msg, NFTA_DATA_VALUE, len, bytes);
	mnl_attr_nest_end(k->msg, nest);
}

static struct nsn_vexpr taken(struct making *k)
{
	struct nsn_vexpr x = {.kind = NSN_X_KINDS};

	mnl_attr_nest_end(k->msg, k->data);
	mnl_attr_nest_end(k->msg, k->expr);
	assert_int_equal(nsn_read_expr(&k->mem, &x, k->expr), 0);
	assert_true(x.kind < NSN_X_KINDS && x.name);
	return x;
}

/* The kind only. */
static enum nsn_xkind kind(struct making *k)
{
	enum nsn_xkind ret = taken(k).kind;

	nsn_arena_free(&k->mem);
	return ret;
}

static void cmp(struct making *k, uint32_t reg, uint32_t op, size_t len)
{
	begin(k, "cmp");
	num(k, NFTA_CMP_SREG, reg);
	num(k, NFTA_CMP_OP, op);
	value(k, NFTA_CMP_DATA, len);
}

static void test_cmp(void **state)
{
	struct making k;
	struct nsn_vexpr x;

	(void)state;
	cmp(&k, NFT_REG_2, NFT_CMP_GTE, 4);
	x = taken(&k);
	assert_int_equal(x.kind, NSN_X_CMP);
	assert_int_equal(x.sreg, 8);
	assert_int_equal(x.op, NSN_OP_GTE);
	assert_int_equal(x.len, 4);
	assert_memory_equal(x.data, "\1\2\3\4", 4);
	nsn_arena_free(&k.mem);
	cmp(&k, NFT_REG32_15, NFT_CMP_NEQ, 4);
	x = taken(&k);
	assert_int_equal(x.sreg, 19);
	nsn_arena_free(&k.mem);
	cmp(&k, NFT_REG_1, NFT_CMP_GTE + 1, 4);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	cmp(&k, 5, NFT_CMP_EQ, 4); /* no register has this number */
	assert_int_equal(kind(&k), NSN_X_OTHER);
	cmp(&k, NFT_REG32_15 + 1, NFT_CMP_EQ, 4);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	cmp(&k, NFT_REG_VERDICT, NFT_CMP_EQ, 4);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	cmp(&k, NFT_REG_1, NFT_CMP_EQ, 65);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	cmp(&k, NFT_REG_1, NFT_CMP_EQ, 0);
	assert_int_equal(kind(&k), NSN_X_OTHER);
}

/* One more attribute, one less. */
static void test_attributes(void **state)
{
	struct making k;

	(void)state;
	cmp(&k, NFT_REG_1, NFT_CMP_EQ, 4);
	num(&k, NEWER, 1);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	cmp(&k, NFT_REG_1, NFT_CMP_EQ, 4);
	num(&k, 99, 1);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	begin(&k, "counter");
	assert_int_equal(kind(&k), NSN_X_COUNTER);
	begin(&k, "counter");
	num(&k, NEWER, 1);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	begin(&k, "cmp");
	num(&k, NFTA_CMP_SREG, NFT_REG_1);
	value(&k, NFTA_CMP_DATA, 4);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	begin(&k, "limit");
	mnl_attr_put_u64(k.msg, NFTA_LIMIT_FLAGS, UINT64_MAX);
	assert_int_equal(kind(&k), NSN_X_OTHER);
}

static void test_names(void **state)
{
	static const char *const names[] = {"inner", "match", "target", "cm", "cmpx", "", "a\x1b"};
	struct making k;
	struct nsn_vexpr x;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		begin(&k, names[i]);
		x = taken(&k);
		assert_int_equal(x.kind, NSN_X_OTHER);
		assert_string_equal(x.name, i == 6 ? "a\\x1b" : names[i]);
		nsn_arena_free(&k.mem);
	}
}

static void bitwise(struct making *k, uint32_t op, size_t mask, size_t xor)
{
	begin(k, "bitwise");
	num(k, NFTA_BITWISE_SREG, NFT_REG_1);
	num(k, NFTA_BITWISE_DREG, NFT_REG_1);
	num(k, NFTA_BITWISE_LEN, 4);
	num(k, NFTA_BITWISE_OP, op);
	if (mask)
		value(k, NFTA_BITWISE_MASK, mask);
	if (xor)
		value(k, NFTA_BITWISE_XOR, xor);
}

static void shift(struct making *k, uint32_t op, uint32_t bits)
{
	struct nlattr *nest;

	bitwise(k, op, 0, 0);
	nest = mnl_attr_nest_start(k->msg, NFTA_BITWISE_DATA);
	mnl_attr_put_u32(k->msg, NFTA_DATA_VALUE, bits);
	mnl_attr_nest_end(k->msg, nest);
}

static void test_bitwise(void **state)
{
	struct making k;
	struct nsn_vexpr x;

	(void)state;
	bitwise(&k, NFT_BITWISE_BOOL, 4, 4);
	assert_int_equal(kind(&k), NSN_X_BITWISE);
	bitwise(&k, NFT_BITWISE_BOOL, 4, 0);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	bitwise(&k, NFT_BITWISE_BOOL, 4, 8);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	/* Newer kernels have and, or, xor with a second register. */
	for (uint32_t op = NFT_BITWISE_RSHIFT + 1; op < 8; op++) {
		bitwise(&k, op, 4, 4);
		assert_int_equal(kind(&k), NSN_X_OTHER);
	}
	bitwise(&k, NFT_BITWISE_BOOL, 4, 4);
	num(&k, NFTA_BITWISE_DATA + 1, NFT_REG_2);
	assert_int_equal(kind(&k), NSN_X_OTHER);
	shift(&k, NFT_BITWISE_LSHIFT, 3);
	x = taken(&k);
	assert_true(x.kind == NSN_X_SHIFT && x.left && x.shift == 3);
	nsn_arena_free(&k.mem);
	shift(&k, NFT_BITWISE_RSHIFT, 32);
	assert_int_equal(kind(&k), NSN_X_OTHER);
}

static enum nsn_vcode verdict(uint32_t code, const char *chain)
{
	struct nlattr *data, *nest;
	struct nsn_vexpr x;
	struct making k;

	begin(&k, "immediate");
	num(&k, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = mnl_attr_nest_start(k.msg, NFTA_IMMEDIATE_DATA);
	nest = mnl_attr_nest_start(k.msg, NFTA_DATA_VERDICT);
	num(&k, NFTA_VERDICT_CODE, code);
	if (chain)
		mnl_attr_put_strz(k.msg, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(k.msg, nest);
	mnl_attr_nest_end(k.msg, data);
	x = taken(&k);
	assert_int_equal(x.kind, NSN_X_IMMEDIATE);
	if (x.verdict.code == NSN_V_JUMP || x.verdict.code == NSN_V_GOTO)
		assert_string_equal(x.verdict.chain, chain);
	nsn_arena_free(&k.mem);
	return x.verdict.code;
}

static void test_verdicts(void **state)
{
	(void)state;
	assert_int_equal(verdict(NF_ACCEPT, NULL), NSN_V_ACCEPT);
	assert_int_equal(verdict(NF_DROP, NULL), NSN_V_DROP);
	assert_int_equal(verdict((uint32_t)NFT_CONTINUE, NULL), NSN_V_CONTINUE);
	assert_int_equal(verdict((uint32_t)NFT_BREAK, NULL), NSN_V_BREAK);
	assert_int_equal(verdict((uint32_t)NFT_RETURN, NULL), NSN_V_RETURN);
	assert_int_equal(verdict((uint32_t)NFT_JUMP, "c"), NSN_V_JUMP);
	assert_int_equal(verdict((uint32_t)NFT_GOTO, "c"), NSN_V_GOTO);
	assert_int_equal(verdict((uint32_t)NFT_JUMP, NULL), NSN_V_STRANGE);
	assert_int_equal(verdict(5 << 16 | NF_QUEUE, NULL), NSN_V_QUEUE);
	/* A drop with an error above it: what that does has been an accept (CVE-2024-1086). */
	assert_int_equal(verdict(0xffff0000, NULL), NSN_V_STRANGE);
	assert_int_equal(verdict(NF_STOLEN, NULL), NSN_V_STRANGE);
	assert_int_equal(verdict(NF_REPEAT, NULL), NSN_V_STRANGE);
	assert_int_equal(verdict((uint32_t)-6, NULL), NSN_V_STRANGE);
}

/* Loads have one register to write, stores one to read; both or none is neither. */
static void test_load_or_store(void **state)
{
	struct making k;

	(void)state;
	for (int with = 0; with < 4; with++) {
		begin(&k, "meta");
		num(&k, NFTA_META_KEY, NFT_META_MARK);
		if (with & 1)
			num(&k, NFTA_META_DREG, NFT_REG_1);
		if (with & 2)
			num(&k, NFTA_META_SREG, NFT_REG_1);
		assert_int_equal(kind(&k), with == 1   ? NSN_X_META
					   : with == 2 ? NSN_X_META_SET
						       : NSN_X_OTHER);
	}
	begin(&k, "meta");
	num(&k, NFTA_META_KEY, NFT_META_MARK);
	num(&k, NFTA_META_DREG, NFT_REG_VERDICT);
	assert_int_equal(kind(&k), NSN_X_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cmp),	 cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_names),	 cmocka_unit_test(test_bitwise),
		cmocka_unit_test(test_verdicts), cmocka_unit_test(test_load_or_store)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
