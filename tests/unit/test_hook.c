// SPDX-License-Identifier: GPL-2.0-or-later
/* Rules run on sets of packets: every kind of expression, and how chains end. */
#include "hook_world.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

static struct hook_world *w;

static int setup(void **state)
{
	(void)state;
	w = w_open();
	if (sigsetjmp(w->s.out, 0)) {
		fprintf(stderr, "the space gave up: %s\n", w->s.why);
		abort();
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	w_close(w);
	return 0;
}

/* ---- sets, in short ------------------------------------------------------------------------ */

#define IS(f, v)       nsn_is(&w->s, NSN_F_##f, v)
#define AND(a, b)      nsn_and(&w->s, a, b)
#define OR(a, b)       nsn_or(&w->s, a, b)
#define SUB(a, b)      nsn_sub(&w->s, a, b)
#define TO(f, v, x)    nsn_between(&w->s, NSN_F_##f, v, x)
#define IP(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#define assert_sets(a, b) assert_true(w_same(w, a, b))

/* All of IPv4 that crosses from eth0 to eth1, connections' states as they can be. */
static nsn_set_t four(void)
{
	nsn_set_t a = AND(IS(ETYPE, 0x0800), IS(IIF, ETH0));

	a = AND(a, IS(OIF, ETH1));
	a = AND(a, TO(SRC, 0, UINT32_MAX));
	a = AND(a, TO(DST, 0, UINT32_MAX));
	return AND(a, TO(CTSTATE, 0, 4));
}

static nsn_set_t tcp(void)
{
	return AND(AND(four(), IS(PROTO, 6)), IS(FRAG, 0));
}

static struct nsn_vtable *t;
static struct nsn_vchain *c;

/* A filter chain of inet's forward hook, that lets go what nothing says of. */
static void forward(bool policy_drop)
{
	t = w_table(w, NFPROTO_INET, "t");
	c = w_base(w, t, "f", NF_INET_FORWARD, 0, policy_drop);
}

static nsn_set_t run(nsn_set_t in)
{
	return w_run(w, NFPROTO_IPV4, NF_INET_FORWARD, in);
}

/* ---- how chains end ------------------------------------------------------------------------- */

static void test_policy(void **state)
{
	(void)state;
	forward(true);
	assert_true(nsn_empty(run(four())));
	c->policy_drop = false;
	assert_sets(run(four()), four());
	/* No chain at all, another hook, another family. */
	assert_sets(w_run(w, NFPROTO_IPV4, NF_INET_LOCAL_IN, four()), four());
	c->policy_drop = true;
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, four()), four());
	t->flags = NFT_TABLE_F_DORMANT;
	assert_sets(run(four()), four());
}

static void test_accept_is_not_final(void **state)
{
	struct nsn_vchain *later;

	(void)state;
	forward(true);
	RULE(w, c, NET(9, 1), EQ(6, 1), ACCEPT);
	later = w_base(w, t, "later", NF_INET_FORWARD, 10, false);
	RULE(w, later, TH(2, 2), EQ(22, 2), DROP);
	assert_sets(run(four()), SUB(AND(four(), IS(PROTO, 6)), AND(IS(DPORT, 22), IS(FRAG, 0))));
	/* Only some priorities. */
	w_ready(w);
	nsn_hook_run(w->h, NFPROTO_IPV4, NF_INET_FORWARD, NULL, INT32_MIN, 9, four(), &w->got,
		     NULL);
	assert_sets(w->got.go, AND(four(), IS(PROTO, 6)));
	/* A drop is final, whoever comes later. */
	later->priority = -10;
	RULE(w, later, ACCEPT);
	assert_sets(run(four()), SUB(AND(four(), IS(PROTO, 6)), AND(IS(DPORT, 22), IS(FRAG, 0))));
}

static void test_jump_goto_return(void **state)
{
	struct nsn_vchain *a, *b;

	(void)state;
	forward(true);
	a = w_chain(w, t, "a");
	b = w_chain(w, t, "b");
	RULE(w, c, NET(9, 1), EQ(6, 1), JUMP("a"));
	RULE(w, c, NET(9, 1), EQ(17, 1), GOTO("b"));
	RULE(w, c, NET(8, 1), EQ(1, 1), ACCEPT);
	RULE(w, c, NET(9, 1), EQ(6, 1), NET(8, 1), EQ(9, 1), RETURN);
	RULE(w, c, NET(8, 1), EQ(9, 1), ACCEPT);
	RULE(w, a, NET(8, 1), EQ(2, 1), ACCEPT);
	RULE(w, a, NET(8, 1), EQ(1, 1), GOTO("b"));
	RULE(w, a, NET(8, 1), EQ(3, 1), RETURN);
	RULE(w, a, NET(8, 1), EQ(3, 1), ACCEPT);
	RULE(w, b, NET(8, 1), EQ(4, 1), ACCEPT);
	/*
	 * TCP: 2 in a; 1 in the chain itself, after a's goto came back to it (not to a); 3 falls
	 * back and nothing takes it; 9 returns from the base chain: its policy. UDP: 4 in b,
	 * whose end is the chain's, so its 1 and 9 are not seen. Others: 1 and 9.
	 */
	assert_sets(
		run(four()),
		AND(four(), OR(OR(AND(IS(PROTO, 6), TO(TTL, 1, 2)), AND(IS(PROTO, 17), IS(TTL, 4))),
			       AND(SUB(nsn_all(&w->s), OR(IS(PROTO, 6), IS(PROTO, 17))),
				   OR(IS(TTL, 1), IS(TTL, 9))))));
}

static void test_jump_comes_back(void **state)
{
	struct nsn_vchain *a;

	(void)state;
	forward(true);
	a = w_chain(w, t, "a");
	RULE(w, a, NET(8, 1), EQ(1, 1), DROP);
	RULE(w, c, JUMP("a"));
	RULE(w, c, ACCEPT);
	assert_sets(run(four()), SUB(four(), IS(TTL, 1)));
}

/* What fails a match before a map of verdicts goes on, as what the map does not have. */
static void test_left_before_vmap(void **state)
{
	struct nsn_vset *m;
	struct nsn_velem *e;

	(void)state;
	forward(true);
	m = w_set(t, w, "m", 2);
	m->data_type = NFT_DATA_VERDICT;
	e = w_elem(m, w_be(w, 22, 2), NULL);
	e->verdict.code = NSN_V_DROP;
	e = w_elem(m, w_be(w, 80, 2), NULL);
	e->verdict.code = NSN_V_JUMP;
	e->verdict.chain = "web";
	RULE(w, w_chain(w, t, "web"), NET(8, 1), EQ(1, 1), DROP);
	RULE(w, c, META(NFT_META_L4PROTO), EQ(6, 1), TH(2, 2), x_map("m", 0));
	RULE(w, c, ACCEPT);
	assert_sets(run(four()),
		    SUB(four(), AND(tcp(), OR(IS(DPORT, 22), AND(IS(DPORT, 80), IS(TTL, 1))))));
}

/* ---- matches ----------------------------------------------------------------------------------
 */

static void test_cmp(void **state)
{
	static const struct {
		enum nsn_vop op;
		uint16_t first, last;
		bool not ;
	} ops[] = {{NSN_OP_EQ, 1000, 1000, false},  {NSN_OP_NEQ, 1000, 1000, true},
		   {NSN_OP_LT, 0, 999, false},	    {NSN_OP_LTE, 0, 1000, false},
		   {NSN_OP_GT, 1001, 65535, false}, {NSN_OP_GTE, 1000, 65535, false}};

	(void)state;
	forward(true);
	for (size_t i = 0; i < NSN_COUNT(ops); i++) {
		nsn_set_t want = TO(DPORT, ops[i].first, ops[i].last);

		c->n_rules = 0;
		RULE(w, c, TH(2, 2), x_cmp(ops[i].op, 1000, 2), ACCEPT);
		if (ops[i].not )
			want = SUB(nsn_all(&w->s), want);
		assert_sets(run(tcp()), AND(tcp(), want));
	}
	c->n_rules = 0;
	RULE(w, c, TH(2, 2), x_range(NSN_OP_NEQ, 100, 200, 2), ACCEPT);
	assert_sets(run(tcp()), SUB(tcp(), TO(DPORT, 100, 200)));
}

static void test_prefixes(void **state)
{
	(void)state;
	forward(true);
	RULE(w, c, NET(12, 3), EQ(0x0a0102, 3), ACCEPT); /* 10.1.2.0/24 */
	RULE(w, c, NET(16, 4), x_bitwise(0xfffff000, 0, 4), EQ(IP(10, 3, 16, 0), 4), ACCEPT);
	RULE(w, c, NET(12, 4), x_range(NSN_OP_EQ, IP(10, 9, 0, 5), IP(10, 9, 0, 9), 4), ACCEPT);
	RULE(w, c, NET(12, 8), EQ((uint64_t)IP(1, 2, 3, 4) << 32 | IP(5, 6, 7, 8), 8), ACCEPT);
	assert_sets(run(four()),
		    AND(four(), OR(OR(TO(SRC, IP(10, 1, 2, 0), IP(10, 1, 2, 255)),
				      TO(DST, IP(10, 3, 16, 0), IP(10, 3, 31, 255))),
				   OR(TO(SRC, IP(10, 9, 0, 5), IP(10, 9, 0, 9)),
				      AND(IS(SRC, IP(1, 2, 3, 4)), IS(DST, IP(5, 6, 7, 8)))))));
}

static void test_bits(void **state)
{
	struct nsn_vexpr shift = x_of(NSN_X_SHIFT), order = x_of(NSN_X_BYTEORDER);

	(void)state;
	forward(true);
	/* tcp flags & (syn|ack) == syn */
	RULE(w, c, META(NFT_META_L4PROTO), EQ(6, 1), TH(13, 1), x_bitwise(0x12, 0, 1), EQ(2, 1),
	     ACCEPT);
	assert_sets(run(tcp()), AND(tcp(), nsn_masked(&w->s, NSN_F_FLAGS, 0x12, 2)));
	c->n_rules = 0;
	/* mark & 0xff00 ^ 0x100 != 0 */
	RULE(w, c, META(NFT_META_MARK), x_bitwise_host(0xff00, 0x100), x_cmp_host(NSN_OP_NEQ, 0),
	     ACCEPT);
	assert_sets(run(four()), SUB(four(), nsn_masked(&w->s, NSN_F_MARK, 0xff00, 0x100)));
	c->n_rules = 0;
	/* mark >> 28 == 5; mark << 28 >= 2 << 28 as a number of the network's order */
	shift.sreg = shift.dreg = R1;
	shift.len = 4;
	shift.shift = 28;
	RULE(w, c, META(NFT_META_MARK), shift, x_cmp_host(NSN_OP_EQ, 5), ACCEPT);
	assert_sets(run(four()), AND(four(), TO(MARK, 0x50000000, 0x5fffffff)));
	c->n_rules = 0;
	shift.left = true;
	RULE(w, c, META(NFT_META_MARK), shift, x_cmp_host(NSN_OP_EQ, UINT32_C(5) << 28), ACCEPT);
	assert_sets(run(four()), AND(four(), nsn_masked(&w->s, NSN_F_MARK, 0xf, 5)));
	c->n_rules = 0;
	/* mark 100-200 */
	order.sreg = order.dreg = R1;
	order.len = order.shift = 4;
	RULE(w, c, META(NFT_META_MARK), order, x_range(NSN_OP_EQ, 100, 200, 4), ACCEPT);
	assert_sets(run(four()), AND(four(), TO(MARK, 100, 200)));
	c->n_rules = 0;
	/* nft of a protocol in a key with ports: one byte is no number of two, and stays */
	order.len = 1;
	order.shift = 2;
	RULE(w, c, META(NFT_META_L4PROTO), order, EQ(6, 1), ACCEPT);
	assert_sets(run(four()), AND(four(), IS(PROTO, 6)));
}

static void test_devices(void **state)
{
	nsn_set_t any = nsn_forget(&w->s, nsn_forget(&w->s, four(), NSN_F_IIF), NSN_F_OIF);

	(void)state;
	any = AND(any, AND(TO(IIF, 1, LINKS), TO(OIF, 1, LINKS)));
	forward(true);
	RULE(w, c, META(NFT_META_IIFNAME), x_cmp_name(NSN_OP_EQ, "wan0", 16), ACCEPT);
	assert_sets(run(any), AND(any, IS(IIF, WAN0)));
	c->n_rules = 0;
	RULE(w, c, META(NFT_META_OIFNAME), x_cmp_name(NSN_OP_NEQ, "eth", 3), ACCEPT);
	assert_sets(run(any), SUB(any, TO(OIF, ETH0, ETH1)));
	c->n_rules = 0;
	RULE(w, c, META(NFT_META_OIF), x_cmp_host(NSN_OP_EQ, P1), ACCEPT);
	RULE(w, c, META(NFT_META_IIFGROUP), x_cmp_host(NSN_OP_EQ, 7), ACCEPT);
	assert_sets(run(any), AND(any, OR(IS(OIF, P1), IS(IIF, WAN0))));
	c->n_rules = 0;
	RULE(w, c, META(NFT_META_IIFKIND), x_cmp_name(NSN_OP_EQ, "veth", 16), ACCEPT);
	assert_sets(run(any), AND(any, TO(IIF, P1, P2)));
	c->n_rules = 0; /* a device without a kind breaks, it does not differ */
	RULE(w, c, META(NFT_META_IIFKIND), x_cmp_name(NSN_OP_NEQ, "veth", 16), ACCEPT);
	assert_sets(run(any), AND(any, TO(IIF, TUN0, BR0)));
	/* In prerouting there is none to go out by: its name is empty. */
	c->hook = NF_INET_PRE_ROUTING;
	c->n_rules = 0;
	RULE(w, c, META(NFT_META_OIFNAME), x_cmp_name(NSN_OP_NEQ, "eth0", 16), ACCEPT);
	assert_sets(w_run(w, NFPROTO_IPV4, NF_INET_PRE_ROUTING, any), any);
}

static void test_unknown_device(void **state)
{
	nsn_set_t any = nsn_forget(&w->s, four(), NSN_F_IIF);

	(void)state;
	forward(true);
	RULE(w, c, META(NFT_META_IIFNAME), x_cmp_name(NSN_OP_EQ, "wan0", 16), ACCEPT);
	assert_sets(run(any), AND(any, IS(IIF, WAN0)));
	assert_int_equal(w->got.n_poison, 1);
	assert_sets(w->got.poison[0].set, SUB(any, TO(IIF, 0, LINKS)));
}

static void test_ct(void **state)
{
	(void)state;
	forward(true);
	RULE(w, c, CT(NFT_CT_STATE), x_bitwise_host(2 | 4, 0), x_cmp_host(NSN_OP_NEQ, 0), ACCEPT);
	assert_sets(run(four()), AND(four(), TO(CTSTATE, NSN_CT_ESTABLISHED, NSN_CT_RELATED)));
	c->n_rules = 0;
	RULE(w, c, CT(NFT_CT_STATE), x_cmp_host(NSN_OP_EQ, 64), ACCEPT);
	assert_sets(run(four()), AND(four(), IS(CTSTATE, NSN_CT_UNTRACKED)));
	c->n_rules = 0; /* without a connection it breaks: neither == nor != */
	RULE(w, c, CT(NFT_CT_DIRECTION), EQ(1, 1), ACCEPT);
	RULE(w, c, CT(NFT_CT_MARK), x_cmp_host(NSN_OP_NEQ, 5), ACCEPT);
	assert_sets(run(four()), AND(AND(four(), TO(CTSTATE, 1, 3)),
				     OR(IS(CTDIR, 1), SUB(nsn_all(&w->s), IS(CTMARK, 5)))));
	c->n_rules = 0; /* ct status dnat */
	RULE(w, c, CT(NFT_CT_STATUS), x_bitwise_host(0x20, 0), x_cmp_host(NSN_OP_NEQ, 0), ACCEPT);
	assert_sets(run(four()),
		    AND(AND(four(), TO(CTSTATE, 1, 3)), nsn_masked(&w->s, NSN_F_CTNAT, 2, 2)));
	assert_true(nsn_hooks_track(w->h, NFPROTO_IPV4));
	assert_true(nsn_hooks_track(w->h, NFPROTO_IPV6));
	assert_false(nsn_hooks_track(w->h, NFPROTO_BRIDGE));
	assert_true(nsn_hooks_use(w->h, NSN_F_CTNAT));
	assert_false(nsn_hooks_use(w->h, NSN_F_MARK));
	/* Before conntrack nothing is known. */
	c->hook = NF_INET_PRE_ROUTING;
	c->priority = -300;
	assert_sets(w_run(w, NFPROTO_IPV4, NF_INET_PRE_ROUTING, four()), four());
}

static void test_ct_marks(void **state)
{
	struct nsn_vexpr set = x_store(NSN_X_CT_SET, NFT_CT_MARK);

	(void)state;
	forward(false);
	RULE(w, c, x_data_host(9), set);
	assert_sets(run(four()), OR(AND(nsn_put(&w->s, four(), NSN_F_CTMARK, 9), TO(CTSTATE, 1, 3)),
				    SUB(four(), TO(CTSTATE, 1, 3))));
	c->n_rules = 0; /* meta mark set ct mark ^ 1 */
	RULE(w, c, CT(NFT_CT_MARK), x_bitwise_host(UINT32_MAX, 1),
	     x_store(NSN_X_META_SET, NFT_META_MARK));
	assert_sets(run(AND(four(), AND(IS(CTSTATE, 3), TO(CTMARK, 4, 5)))),
		    AND(AND(four(), IS(CTSTATE, 3)),
			OR(AND(IS(CTMARK, 4), IS(MARK, 5)), AND(IS(CTMARK, 5), IS(MARK, 4)))));
}

static void test_notrack(void **state)
{
	struct nsn_vchain *late;

	(void)state;
	t = w_table(w, NFPROTO_IPV4, "t");
	c = w_base(w, t, "raw", NF_INET_PRE_ROUTING, -300, false);
	RULE(w, c, NET(9, 1), EQ(6, 1), x_of(NSN_X_NOTRACK));
	late = w_base(w, t, "late", NF_INET_PRE_ROUTING, 0, true);
	RULE(w, late, CT(NFT_CT_STATE), x_cmp_host(NSN_OP_EQ, 64), ACCEPT);
	assert_sets(w_run(w, NFPROTO_IPV4, NF_INET_PRE_ROUTING, AND(four(), IS(CTSTATE, 3))),
		    AND(AND(four(), IS(PROTO, 6)), IS(CTSTATE, NSN_CT_UNTRACKED)));
}

/* ---- headers ------------------------------------------------------------------------------------
 */

static void test_fragments(void **state)
{
	(void)state;
	forward(false);
	RULE(w, c, META(NFT_META_L4PROTO), EQ(17, 1), TH(2, 2), NEQ(53, 2), DROP);
	assert_sets(run(four()), SUB(four(), AND(AND(IS(PROTO, 17), IS(FRAG, 0)),
						 SUB(nsn_all(&w->s), IS(DPORT, 53)))));
}

/* Who has no ports may be too short for what is loaded: it gets past a drop. */
static void test_short(void **state)
{
	(void)state;
	forward(false);
	RULE(w, c, TH(2, 2), x_range(NSN_OP_EQ, 0, 65535, 2), DROP);
	assert_sets(run(AND(four(), IS(FRAG, 0))),
		    SUB(AND(four(), IS(FRAG, 0)),
			OR(OR(OR(IS(PROTO, 1), IS(PROTO, 6)), OR(IS(PROTO, 17), IS(PROTO, 33))),
			   OR(OR(IS(PROTO, 58), IS(PROTO, 132)), IS(PROTO, 136)))));
}

static void test_icmp(void **state)
{
	nsn_set_t icmp = AND(AND(four(), IS(PROTO, 1)), IS(FRAG, 0));

	(void)state;
	forward(true);
	RULE(w, c, TH(0, 1), EQ(8, 1), ACCEPT);
	assert_sets(run(icmp), AND(icmp, TO(SPORT, 8 << 8, 8 << 8 | 255)));
}

static void test_six(void **state)
{
	nsn_set_t six = AND(AND(IS(ETYPE, 0x86dd), IS(IIF, ETH0)), IS(OIF, ETH1)), nd;

	(void)state;
	forward(true);
	RULE(w, c, META(NFT_META_NFPROTO), EQ(NFPROTO_IPV6, 1), NET(8, 8),
	     EQ(0xfd00000000000001, 8), ACCEPT);
	RULE(w, c, META(NFT_META_NFPROTO), EQ(NFPROTO_IPV4, 1), ACCEPT);
	RULE(w, c, NET(7, 1), EQ(3, 1), NET(6, 1), EQ(43, 1), ACCEPT);
	assert_sets(w_run(w, NFPROTO_IPV6, NF_INET_FORWARD, six),
		    AND(six, OR(TO(SRC, (nsn_u128)0xfd00000000000001 << 64,
				   (nsn_u128)0xfd00000000000001 << 64 | UINT64_MAX),
				AND(IS(TTL, 3), IS(NEXT, 43)))));
	c->n_rules = 0;
	RULE(w, c, META(NFT_META_L4PROTO), EQ(58, 1), TH(0, 1), EQ(136, 1), TH(8, 8),
	     EQ(0xfd00000000000001, 8), ACCEPT);
	nd = AND(AND(six, IS(PROTO, 58)), IS(FRAG, 0));
	/* Of a later fragment of IPv6 the kernel loads what the sender likes. */
	assert_sets(w_run(w, NFPROTO_IPV6, NF_INET_FORWARD, six),
		    OR(AND(AND(six, IS(PROTO, 58)), IS(FRAG, 1)),
		       AND(nd, AND(TO(SPORT, 136 << 8, 136 << 8 | 255),
				   TO(ND, (nsn_u128)0xfd00000000000001 << 64,
				      (nsn_u128)0xfd00000000000001 << 64 | UINT64_MAX)))));
}

/* A bridge's frames: any EtherType, tagged or not. */
static void test_bridge(void **state)
{
	nsn_set_t all = AND(IS(IIF, P1), IS(OIF, P2)), ip, arp;

	(void)state;
	t = w_table(w, NFPROTO_BRIDGE, "t");
	c = w_base(w, t, "f", NF_BR_FORWARD, 0, true);
	RULE(w, c, LL(12, 2), EQ(0x0800, 2), NET(12, 4), EQ(IP(10, 0, 0, 1), 4), ACCEPT);
	RULE(w, c, META(NFT_META_PROTOCOL), EQ(0x0806, 2), NET(14, 4), EQ(IP(10, 0, 0, 1), 4),
	     NET(6, 2), EQ(1, 2), LL(6, 6), EQ(0x020000000001, 6), NET(8, 6), EQ(0x020000000001, 6),
	     ACCEPT);
	ip = AND(AND(IS(ETYPE, 0x0800), IS(SRC, IP(10, 0, 0, 1))), TO(DST, 0, UINT32_MAX));
	arp = AND(AND(AND(IS(ETYPE, 0x0806), IS(SRC, IP(10, 0, 0, 1))), TO(DST, 0, UINT32_MAX)),
		  AND(AND(IS(SPORT, 1), IS(L2SRC, 0x020000000001)), IS(ARPS, 0x020000000001)));
	/* What is tagged shows its tag where the type is looked for. */
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, all),
		    AND(all, OR(AND(ip, IS(TAG, 0)), arp)));
	c->n_rules = 0;
	c->policy_drop = false;
	RULE(w, c, LL(12, 2), NEQ(0x0806, 2), DROP);
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, all),
		    AND(all, AND(IS(ETYPE, 0x0806), IS(TAG, 0))));
	c->n_rules = 0; /* which of both tags, is not known; the type is behind it */
	RULE(w, c, LL(12, 2), EQ(0x8100, 2), DROP);
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, all),
		    SUB(all, AND(IS(TAG, 0), IS(ETYPE, 0x8100))));
	c->n_rules = 0;
	RULE(w, c, LL(16, 2), EQ(0x0800, 2), DROP);
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, all),
		    SUB(all, AND(TO(TAG, 1, 3), IS(ETYPE, 0x0800))));
	c->n_rules = 0; /* a length where others have a type: skb->protocol is 1 or 4 */
	RULE(w, c, META(NFT_META_PROTOCOL), EQ(4, 2), DROP);
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, all), all);
	c->policy_drop = true;
	c->rules[0].exprs[2].verdict.code = NSN_V_ACCEPT;
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, all), AND(all, TO(ETYPE, 0, 0x5ff)));
	/* Ports of frames: of IPv4 and IPv6 only. */
	c->n_rules = 0;
	c->policy_drop = true;
	RULE(w, c, META(NFT_META_L4PROTO), EQ(6, 1), TH(2, 2), EQ(22, 2), ACCEPT);
	ip = OR(IS(ETYPE, 0x86dd),
		AND(IS(ETYPE, 0x0800), AND(TO(SRC, 0, UINT32_MAX), TO(DST, 0, UINT32_MAX))));
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, all),
		    AND(AND(AND(all, IS(PROTO, 6)), ip), OR(IS(FRAG, 1), IS(DPORT, 22))));
	/* ibrname; a length where others have a type is no IPv4. */
	c->n_rules = 0;
	RULE(w, c, META(NFT_META_BRI_IIFNAME), x_cmp_name(NSN_OP_EQ, "br0", 16),
	     META(NFT_META_PROTOCOL), NEQ(0x86dd, 2), ACCEPT);
	assert_sets(w_run(w, NFPROTO_BRIDGE, NF_BR_FORWARD, all), SUB(all, IS(ETYPE, 0x86dd)));
}

static void test_netdev(void **state)
{
	static const char *devs[] = {"eth0"}, *wild[] = {"et*"};
	nsn_set_t all = IS(IIF, ETH0);
	struct nsn_vtable *inet;
	struct nsn_vchain *ingress;

	(void)state;
	t = w_table(w, NFPROTO_NETDEV, "t");
	c = w_base(w, t, "f", NF_NETDEV_INGRESS, 0, true);
	c->devs = devs;
	c->n_devs = 1;
	RULE(w, c, META(NFT_META_PROTOCOL), EQ(0x0800, 2), ACCEPT);
	RULE(w, c, META(NFT_META_PROTOCOL), EQ(0x0806, 2), ACCEPT);
	inet = w_table(w, NFPROTO_INET, "i");
	ingress = w_base(w, inet, "f", NF_INET_INGRESS, 1, true);
	ingress->devs = wild;
	ingress->n_devs = 1;
	RULE(w, ingress, META(NFT_META_NFPROTO), EQ(NFPROTO_IPV4, 1), NET(9, 1), EQ(6, 1), ACCEPT);
	w_ready(w);
	nsn_hook_run(w->h, NFPROTO_NETDEV, NF_NETDEV_INGRESS, "eth0", INT32_MIN, INT32_MAX, all,
		     &w->got, NULL);
	/* Of ARP an inet chain knows nothing. */
	assert_sets(w->got.go,
		    AND(all, OR(IS(ETYPE, 0x0806),
				AND(AND(IS(ETYPE, 0x0800), IS(PROTO, 6)),
				    AND(TO(SRC, 0, UINT32_MAX), TO(DST, 0, UINT32_MAX))))));
	nsn_hook_run(w->h, NFPROTO_NETDEV, NF_NETDEV_INGRESS, "wan0", INT32_MIN, INT32_MAX, all,
		     &w->got, NULL);
	assert_sets(w->got.go, all);
}

static void test_no_mac(void **state)
{
	nsn_set_t any = nsn_forget(&w->s, four(), NSN_F_IIF);

	(void)state;
	any = AND(any, TO(IIF, 1, LINKS));
	t = w_table(w, NFPROTO_IPV4, "t");
	c = w_base(w, t, "p", NF_INET_PRE_ROUTING, 0, true);
	RULE(w, c, LL(6, 6), NEQ(0x020000000001, 6), ACCEPT);
	/* A device without such a header: whatever is there. */
	assert_sets(w_run(w, NFPROTO_IPV4, NF_INET_PRE_ROUTING, any),
		    SUB(any, AND(IS(L2SRC, 0x020000000001), SUB(nsn_all(&w->s), IS(IIF, TUN0)))));
	c->hook = NF_INET_LOCAL_OUT;
	assert_true(nsn_empty(w_run(w, NFPROTO_IPV4, NF_INET_LOCAL_OUT, any)));
}

/* ---- sets and maps ------------------------------------------------------------------------------
 */

static void test_lookup(void **state)
{
	struct nsn_vset *set;
	nsn_set_t in;

	(void)state;
	forward(true);
	set = w_set(t, w, "s", 2);
	w_elem(set, w_be(w, 22, 2), NULL);
	w_elem(set, w_be(w, 80, 2), w_be(w, 90, 2));
	in = OR(IS(DPORT, 22), TO(DPORT, 80, 90));
	RULE(w, c, TH(2, 2), x_lookup("s", 0), ACCEPT);
	assert_sets(run(tcp()), AND(tcp(), in));
	c->n_rules = 0;
	RULE(w, c, TH(2, 2), x_lookup("s", NFT_LOOKUP_F_INV), ACCEPT);
	assert_sets(run(tcp()), SUB(tcp(), in));
	/* What expires may be gone. */
	set->elems[0].expires = true;
	assert_sets(run(tcp()), SUB(tcp(), TO(DPORT, 80, 90)));
	c->n_rules = 0;
	RULE(w, c, TH(2, 2), x_lookup("s", 0), DROP);
	RULE(w, c, ACCEPT);
	assert_sets(run(tcp()), SUB(tcp(), TO(DPORT, 80, 90)));
	/* What packets make may be there or not; whatever the set's flags say. */
	c->n_rules = 2;
	RULE(w, c, x_of(NSN_X_DYNSET));
	c->rules[2].exprs[0].set = "s";
	assert_sets(run(tcp()), tcp());
	c->n_rules = 2;
	set->dynamic = true;
	assert_sets(run(tcp()), tcp());
	c->n_rules = 1;
	RULE(w, c, TH(2, 2), x_lookup("s", NFT_LOOKUP_F_INV), ACCEPT);
	assert_sets(run(tcp()), tcp());
	assert_int_equal(w->got.n_poison, 0);
}

static void test_lookup_of_nothing(void **state)
{
	(void)state;
	forward(true);
	w_set(t, w, "s", 2);
	RULE(w, c, TH(2, 2), x_lookup("s", 0), ACCEPT);
	assert_true(nsn_empty(run(tcp())));
	c->n_rules = 0;
	RULE(w, c, TH(2, 2), x_lookup("s", NFT_LOOKUP_F_INV), ACCEPT);
	assert_sets(run(tcp()), tcp());
}

static uint8_t *name_ip_port(const char *name, uint32_t ip, uint16_t port)
{
	uint8_t *key = w_be(w, 0, 24);

	for (size_t i = 0; name[i]; i++)
		key[i] = (uint8_t)name[i];
	x_put(key + 16, ip, 4);
	x_put(key + 20, port, 2);
	return key;
}

/* iifname . ip saddr . tcp dport, intervals */
static void test_concat(void **state)
{
	nsn_set_t any = nsn_forget(&w->s, tcp(), NSN_F_IIF), a, b;
	struct nsn_vset *set;

	(void)state;
	any = AND(any, TO(IIF, 1, LINKS));
	forward(true);
	set = w_set(t, w, "s", 24);
	set->flags = NFT_SET_CONCAT | NFT_SET_INTERVAL;
	set->n_fields = 3;
	set->fields[0] = 16;
	set->fields[1] = 4;
	set->fields[2] = 2;
	w_elem(set, name_ip_port("eth0", IP(10, 0, 0, 0), 80),
	       name_ip_port("eth0", IP(10, 0, 0, 255), 81));
	w_elem(set, name_ip_port("wan0", IP(10, 0, 1, 1), 0),
	       name_ip_port("wan0", IP(10, 0, 1, 1), 65535));
	RULE(w, c, x_at(META(NFT_META_IIFNAME), 4), x_at(NET(12, 4), 8), x_at(TH(2, 2), 9),
	     x_lookup("s", 0), ACCEPT);
	a = AND(AND(IS(IIF, ETH0), TO(SRC, IP(10, 0, 0, 0), IP(10, 0, 0, 255))), TO(DPORT, 80, 81));
	b = AND(IS(IIF, WAN0), IS(SRC, IP(10, 0, 1, 1)));
	assert_sets(run(any), AND(any, OR(a, b)));
	c->n_rules = 0;
	RULE(w, c, x_at(META(NFT_META_IIFNAME), 4), x_at(NET(12, 4), 8), x_at(TH(2, 2), 9),
	     x_lookup("s", NFT_LOOKUP_F_INV), ACCEPT);
	assert_sets(run(any), SUB(any, OR(a, b)));
	/* A part that is not known: both, but only where the others can match. */
	c->n_rules = 0;
	RULE(w, c, x_at(META(NFT_META_IIFNAME), 4), x_at(NET(12, 4), 8), x_at(NET(4, 2), 9),
	     x_lookup("s", 0), ACCEPT);
	assert_sets(
		run(any),
		AND(any, OR(AND(IS(IIF, ETH0), TO(SRC, IP(10, 0, 0, 0), IP(10, 0, 0, 255))), b)));
	c->policy_drop = false;
	c->rules[0].exprs[4].verdict.code = NSN_V_DROP;
	assert_sets(run(any), any);
}

/* iifname . ether saddr . ip saddr of a set without intervals: nobody tells its fields. */
static void test_points(void **state)
{
	nsn_set_t any = nsn_forget(&w->s, tcp(), NSN_F_IIF), in;
	struct nsn_vset *set;

	(void)state;
	any = AND(any, TO(IIF, 1, LINKS - 4));
	forward(true);
	set = w_set(t, w, "s", 28);
	for (uint32_t i = 0; i < 2; i++) {
		static const uint8_t names[2][4] = {{'w', 'a', 'n', '0'}, {'e', 't', 'h', '0'}};
		uint8_t *key = w_be(w, 0, 28);

		memcpy(key, names[i], sizeof(names[i]));
		x_put(key + 16, 0x020000000001 + i, 6);
		x_put(key + 24, IP(10, 0, 0, 1) + i, 4);
		w_elem(set, key, NULL);
	}
	in = OR(AND(AND(IS(IIF, WAN0), IS(L2SRC, 0x020000000001)), IS(SRC, IP(10, 0, 0, 1))),
		AND(AND(IS(IIF, ETH0), IS(L2SRC, 0x020000000002)), IS(SRC, IP(10, 0, 0, 2))));
	RULE(w, c, x_at(META(NFT_META_IIFNAME), 4), x_at(LL(6, 6), 8), x_at(NET(12, 4), 10),
	     x_lookup("s", 0), ACCEPT);
	assert_sets(run(any), AND(any, in));
	/* The same set asked with other things in the same places. */
	RULE(w, c, x_at(META(NFT_META_OIFNAME), 4), x_at(LL(0, 6), 8), x_at(NET(16, 2), 10),
	     x_lookup("s", 0), ACCEPT);
	assert_sets(run(any), AND(any, in));
	c->n_rules = 0;
	RULE(w, c, x_at(META(NFT_META_IIFNAME), 4), x_at(LL(6, 6), 8), x_at(NET(12, 4), 10),
	     x_lookup("s", NFT_LOOKUP_F_INV), ACCEPT);
	assert_sets(run(any), SUB(any, in));
}

/* Maps: to marks, with an element for all others; names of devices as keys; in host order. */
static void test_maps(void **state)
{
	struct nsn_vexpr mark = x_store(NSN_X_META_SET, NFT_META_MARK);
	struct nsn_vset *m;
	uint32_t one = 1, two = 2;

	(void)state;
	forward(false);
	m = w_set(t, w, "m", 4);
	m->data_len = 4;
	w_elem(m, w_be(w, IP(10, 0, 0, 1), 4), NULL)->data = (const uint8_t *)&one;
	w_elem(m, w_be(w, IP(10, 0, 0, 9), 4), NULL)->data = (const uint8_t *)&one;
	w_elem(m, w_be(w, IP(10, 0, 0, 2), 4), NULL)->data = (const uint8_t *)&two;
	RULE(w, c, NET(12, 4), x_map("m", R1), mark);
	assert_sets(run(AND(four(), IS(MARK, 0))),
		    AND(four(), OR(OR(AND(IS(MARK, 1),
					  OR(IS(SRC, IP(10, 0, 0, 1)), IS(SRC, IP(10, 0, 0, 9)))),
				      AND(IS(MARK, 2), IS(SRC, IP(10, 0, 0, 2)))),
				   SUB(IS(MARK, 0), OR(TO(SRC, IP(10, 0, 0, 1), IP(10, 0, 0, 2)),
						       IS(SRC, IP(10, 0, 0, 9)))))));
	w_elem(m, NULL, NULL)->data = (const uint8_t *)&two;
	assert_sets(
		run(AND(four(), IS(MARK, 0))),
		AND(four(),
		    OR(AND(IS(MARK, 1), OR(IS(SRC, IP(10, 0, 0, 1)), IS(SRC, IP(10, 0, 0, 9)))),
		       SUB(IS(MARK, 2), OR(IS(SRC, IP(10, 0, 0, 1)), IS(SRC, IP(10, 0, 0, 9)))))));
	/* A map that packets fill: any mark, or none set. */
	m->dynamic = true;
	assert_sets(run(AND(four(), IS(MARK, 0))), four());
	m = w_set(t, w, "h", 4);
	w_elem(m, (const uint8_t *)&two, NULL);
	c->n_rules = 0;
	RULE(w, c, META(NFT_META_MARK), x_lookup("h", 0), DROP);
	assert_sets(run(four()), SUB(four(), IS(MARK, 2)));
}

static void test_catch_all_vmap(void **state)
{
	struct nsn_vset *m;

	(void)state;
	forward(true);
	m = w_set(t, w, "m", 1);
	m->data_type = NFT_DATA_VERDICT;
	w_elem(m, w_be(w, 6, 1), NULL)->verdict.code = NSN_V_DROP;
	w_elem(m, NULL, NULL)->verdict.code = NSN_V_ACCEPT;
	RULE(w, c, META(NFT_META_L4PROTO), x_map("m", 0));
	assert_sets(run(four()), SUB(four(), IS(PROTO, 6)));
}

static void test_objects(void **state)
{
	struct nsn_vexpr ref = x_of(NSN_X_OBJREF);

	(void)state;
	forward(true);
	ref.object = "o";
	ref.number = NFT_OBJECT_COUNTER;
	RULE(w, c, ref, DROP);
	RULE(w, c, ACCEPT);
	assert_true(nsn_empty(run(four())));
	c->rules[0].exprs[0].number = NFT_OBJECT_QUOTA;
	assert_sets(run(four()), four());
	c->rules[0].exprs[0].number = NFT_OBJECT_CT_HELPER;
	(void)run(four());
	assert_int_equal(w->got.n_poison, 1);
}

/* ---- what is not known, what is not understood -------------------------------------------------
 */

static void test_both_ways(void **state)
{
	static const enum nsn_xkind kinds[] = {
		NSN_X_LIMIT, NSN_X_QUOTA, NSN_X_CONNLIMIT, NSN_X_NUMGEN, NSN_X_HASH, NSN_X_SOCKET,
		NSN_X_OSF,   NSN_X_FIB,	  NSN_X_EXTHDR,	   NSN_X_RT,	 NSN_X_XFRM, NSN_X_DYNSET};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(kinds); i++) {
		w->ns.n_tables = 0;
		forward(true);
		RULE(w, c, x_of(kinds[i]), ACCEPT);
		assert_sets(run(four()), four());
		c->policy_drop = false;
		c->rules[0].exprs[1].verdict.code = NSN_V_DROP;
		assert_sets(run(four()), four());
		assert_int_equal(w->got.n_poison, 0);
	}
	/* What is loaded can be anything. */
	c->n_rules = 0;
	RULE(w, c, META(NFT_META_LEN), x_cmp_host(NSN_OP_GT, 5), DROP);
	assert_sets(run(four()), four());
	c->rules[0].exprs[2].verdict.code = NSN_V_ACCEPT;
	c->policy_drop = true;
	assert_sets(run(four()), four());
}

/* A register keeps nothing from the rule before. */
static void test_stale_register(void **state)
{
	(void)state;
	forward(false);
	RULE(w, c, x_data_host(5));
	RULE(w, c, x_cmp_host(NSN_OP_EQ, 5), DROP);
	RULE(w, c, x_cmp_host(NSN_OP_NEQ, 5), DROP);
	assert_sets(run(four()), four());
}

static void test_no_effect(void **state)
{
	(void)state;
	forward(true);
	RULE(w, c, x_of(NSN_X_COUNTER), x_of(NSN_X_LOG), x_of(NSN_X_LAST), NET(8, 1), EQ(1, 1),
	     ACCEPT);
	assert_sets(run(four()), AND(four(), IS(TTL, 1)));
}

static void test_poison(void **state)
{
	static const enum nsn_xkind kinds[] = {NSN_X_QUEUE, NSN_X_TPROXY, NSN_X_SYNPROXY,
					       NSN_X_DUP,   NSN_X_FWD,	  NSN_X_FLOW_OFFLOAD,
					       NSN_X_OTHER, NSN_X_NAT};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(kinds); i++) {
		w->ns.n_tables = 0;
		forward(true);
		RULE(w, c, NET(9, 1), EQ(6, 1), x_of(kinds[i]));
		RULE(w, c, ACCEPT);
		assert_sets(run(four()), SUB(four(), IS(PROTO, 6)));
		assert_int_equal(w->got.n_poison, 1);
		assert_sets(w->got.poison[0].set, AND(four(), IS(PROTO, 6)));
		assert_non_null(w->got.poison[0].why);
		assert_ptr_equal(w->got.poison[0].at.rule, &c->rules[0]);
	}
	w->ns.n_tables = 0;
	forward(true);
	RULE(w, c, x_data_host(1), x_store(NSN_X_CT_SET, NFT_CT_ZONE));
	(void)run(four());
	assert_int_equal(w->got.n_poison, 1);
}

static void test_reject(void **state)
{
	(void)state;
	forward(false);
	RULE(w, c, NET(8, 1), EQ(1, 1), x_of(NSN_X_REJECT));
	RULE(w, c, NET(8, 1), EQ(2, 1), DROP);
	assert_sets(run(four()), SUB(four(), TO(TTL, 1, 2)));
	assert_sets(w->got.reject, AND(four(), IS(TTL, 1)));
}

static void test_stores(void **state)
{
	struct nsn_vexpr put = x_of(NSN_X_PAYLOAD_SET);

	(void)state;
	forward(false);
	put.base = NFT_PAYLOAD_NETWORK_HEADER;
	put.offset = 16;
	put.len = 4;
	put.sreg = R1;
	RULE(w, c, NET(12, 4), put, ACCEPT); /* ip daddr set ip saddr: it may fail, too */
	RULE(w, c, DROP);
	assert_sets(run(AND(four(), AND(TO(SRC, 5, 6), IS(DST, 9)))),
		    AND(four(), OR(AND(IS(SRC, 5), IS(DST, 5)), AND(IS(SRC, 6), IS(DST, 6)))));
	put.offset = 1;
	put.len = 1;
	c->n_rules = 0; /* type of service */
	RULE(w, c, x_data_host(0), put);
	assert_sets(run(four()), four());
	put.offset = 6;
	c->n_rules = 0; /* fragments: not understood */
	RULE(w, c, x_data_host(0), put);
	(void)run(four());
	assert_int_equal(w->got.n_poison, 1);
}

/* ---- translations
 * -------------------------------------------------------------------------------- */

static void test_nat(void **state)
{
	struct nsn_vexpr nat = x_of(NSN_X_NAT), to = x_data_host(0), port = x_data_host(0);

	(void)state;
	t = w_table(w, NFPROTO_IPV4, "t");
	c = w_base(w, t, "n", NF_INET_PRE_ROUTING, -100, false);
	c->type = "nat";
	x_put(to.data, IP(10, 0, 0, 7), 4);
	port.dreg = 8;
	x_put(port.data, 8080, 2);
	nat.number = NFT_NAT_DNAT;
	nat.family = NFPROTO_IPV4;
	nat.sreg = 4;
	nat.sreg3 = 8;
	RULE(w, c, TH(2, 2), EQ(80, 2), to, port, nat);
	RULE(w, c, TH(2, 2), EQ(81, 2), x_of(NSN_X_REDIR));
	RULE(w, c, TH(2, 2), EQ(82, 2), DROP);
	assert_sets(w_run(w, NFPROTO_IPV4, NF_INET_PRE_ROUTING, tcp()), tcp());
	nsn_hook_nat(w->h, NFPROTO_IPV4, NF_INET_PRE_ROUTING, tcp(), &w->got, NULL);
	assert_sets(w->got.go, SUB(tcp(), TO(DPORT, 80, 82)));
	assert_int_equal(w->got.n_nat, 2);
	assert_sets(w->got.nat[0].set, AND(tcp(), IS(DPORT, 80)));
	assert_false(w->got.nat[0].source);
	assert_true(w->got.nat[0].has_addr && w->got.nat[0].has_port);
	assert_true(w->got.nat[0].addr.first == IP(10, 0, 0, 7));
	assert_true(w->got.nat[0].addr.last == IP(10, 0, 0, 7));
	assert_true(w->got.nat[0].port.first == 8080 && w->got.nat[0].port.last == 8080);
	assert_false(w->got.nat[1].has_addr || w->got.nat[1].source || w->got.nat[1].masq);
	assert_true(nsn_hooks_track(w->h, NFPROTO_IPV4));
	assert_false(nsn_hooks_track(w->h, NFPROTO_IPV6));
}

/* ---- what one packet met ----------------------------------------------------------------------
 */

static void test_trace(void **state)
{
	struct nsn_trace trace = {0};
	struct nsn_packet p = {0};
	struct nsn_vset *m;

	(void)state;
	forward(true);
	m = w_set(t, w, "m", 2);
	m->data_type = NFT_DATA_VERDICT;
	w_elem(m, w_be(w, 80, 2), NULL)->verdict.code = NSN_V_JUMP;
	m->elems[0].verdict.chain = "a";
	RULE(w, w_chain(w, t, "a"), x_of(NSN_X_COUNTER));
	RULE(w, c, NET(9, 1), EQ(17, 1), ACCEPT);
	RULE(w, c, TH(2, 2), x_map("m", 0));
	nsn_pick(&w->s, AND(tcp(), IS(DPORT, 80)), NULL, &p);
	w_ready(w);
	nsn_hook_run(w->h, NFPROTO_IPV4, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX,
		     nsn_only(&w->s, &p), &w->got, &trace);
	assert_true(nsn_empty(w->got.go));
	assert_int_equal(trace.n, 3);
	assert_int_equal(trace.hits[0].verdict, NSN_V_JUMP);
	assert_ptr_equal(trace.hits[0].elem, &m->elems[0]);
	assert_ptr_equal(trace.hits[0].rule, &c->rules[1]);
	assert_int_equal(trace.hits[1].verdict, NSN_V_CONTINUE);
	assert_int_equal(trace.hits[2].verdict, NSN_V_DROP);
	assert_null(trace.hits[2].rule);
	nsn_trace_clear(&trace);
}

/* ---- what routes say --------------------------------------------------------------------------
 */

static void local_route(size_t i, uint8_t type, uint32_t ip, uint8_t len)
{
	struct nsn_vroute *r = &w->ns.routes[i];

	if (!w->ns.routes)
		r = w->ns.routes = w_zero(w, 8 * sizeof(*r));
	r = &w->ns.routes[i];
	w->ns.n_routes = i + 1;
	*r = (struct nsn_vroute){.table = RT_TABLE_LOCAL, .type = type};
	r->dst = (struct nsn_prefix){
		{AF_INET,
		 {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8), (uint8_t)ip}},
		len};
	r->src.ip.family = AF_INET;
}

static struct nsn_vexpr fib_type(uint32_t flags)
{
	struct nsn_vexpr x = x_at(x_of(NSN_X_FIB), 4);

	x.dreg_set = true;
	x.len = 4;
	x.flags = flags;
	x.result = NFT_FIB_RESULT_ADDRTYPE;
	return x;
}

/* The longest prefix counts; groups and 0/8 are looked up in no table. */
static void test_fib_type(void **state)
{
	nsn_set_t local;

	(void)state;
	forward(true);
	local_route(0, RTN_LOCAL, IP(127, 0, 0, 0), 8);
	local_route(1, RTN_BROADCAST, IP(127, 255, 255, 255), 32);
	local_route(2, RTN_LOCAL, IP(192, 0, 2, 1), 32);
	local_route(3, RTN_LOCAL, IP(224, 0, 0, 0), 24);
	local = OR(TO(DST, IP(127, 0, 0, 0), IP(127, 255, 255, 254)), IS(DST, IP(192, 0, 2, 1)));
	RULE(w, c, fib_type(NFTA_FIB_F_DADDR), x_cmp_host(NSN_OP_EQ, RTN_LOCAL), ACCEPT);
	assert_sets(run(four()), AND(four(), local));
	c->n_rules = 0;
	RULE(w, c, fib_type(NFTA_FIB_F_DADDR), x_cmp_host(NSN_OP_NEQ, RTN_LOCAL), ACCEPT);
	assert_sets(run(four()), SUB(four(), local));
	c->n_rules = 0;
	RULE(w, c, fib_type(NFTA_FIB_F_SADDR), x_cmp_host(NSN_OP_EQ, RTN_BROADCAST), ACCEPT);
	assert_sets(run(four()), AND(four(), OR(OR(TO(SRC, 0, 0xffffff), IS(SRC, UINT32_MAX)),
						IS(SRC, IP(127, 255, 255, 255)))));
	/* What of the others it is, is not known. */
	c->n_rules = 0;
	RULE(w, c, fib_type(NFTA_FIB_F_DADDR), x_cmp_host(NSN_OP_EQ, RTN_UNICAST), ACCEPT);
	assert_true(nsn_within(&w->s, AND(four(), IS(DST, IP(8, 8, 8, 8))), run(four())));
	assert_true(nsn_empty(AND(run(four()), local)));
	/* With a device: both. */
	c->n_rules = 0;
	RULE(w, c, fib_type(NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF), x_cmp_host(NSN_OP_EQ, RTN_LOCAL),
	     ACCEPT);
	assert_sets(run(four()), four());
}

/* The gateway of the route; on the link whom the packet is for; unknown: both. */
static void test_next_hop(void **state)
{
	struct nsn_vexpr rt = x_load(NSN_X_RT, NFT_RT_NEXTHOP4);
	struct nsn_vhop hop = {.link = ETH1, .via = {AF_INET, {192, 0, 2, 1}}};

	(void)state;
	forward(true);
	RULE(w, c, rt, EQ(IP(192, 0, 2, 1), 4), ACCEPT);
	assert_sets(run(four()), four());
	nsn_hooks_hop(w->h, &hop);
	nsn_hook_run(w->h, NFPROTO_IPV4, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX, four(),
		     &w->got, NULL);
	assert_sets(w->got.go, four());
	hop.via.bytes[3] = 2;
	nsn_hook_run(w->h, NFPROTO_IPV4, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX, four(),
		     &w->got, NULL);
	assert_true(nsn_empty(w->got.go));
	hop.via.family = 0;
	nsn_hook_run(w->h, NFPROTO_IPV4, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX, four(),
		     &w->got, NULL);
	assert_sets(w->got.go, AND(four(), IS(DST, IP(192, 0, 2, 1))));
	/* `rt ip6` of IPv4 is nothing. */
	c->rules[0].exprs[0].key = NFT_RT_NEXTHOP6;
	assert_true(nsn_empty(run(four())));
}

/* A map from address and port to address and port; names that begin alike. */
static void test_nat_by_map(void **state)
{
	struct nsn_vexpr nat = x_of(NSN_X_NAT), map = x_map("m", 4);
	struct nsn_vset *m;

	(void)state;
	t = w_table(w, NFPROTO_IPV4, "t");
	c = w_base(w, t, "f", NF_INET_PRE_ROUTING, -100, false);
	c->type = "nat";
	m = w_set(t, w, "m", 8);
	m->fields[0] = 4;
	m->fields[1] = 2;
	m->n_fields = 2;
	m->flags |= NFT_SET_MAP | NFT_SET_CONCAT;
	m->data_len = 8;
	w_elem(m, w_be(w, (uint64_t)IP(192, 0, 2, 1) << 32 | 443U << 16, 8), NULL)->data =
		w_be(w, (uint64_t)IP(10, 0, 0, 3) << 32 | 17U << 16, 8);
	nat.number = NFT_NAT_DNAT;
	nat.family = NFPROTO_IPV4;
	nat.sreg = 4;
	nat.sreg3 = 5;
	RULE(w, c, x_load(NSN_X_META, NFT_META_IIFNAME), x_cmp_name(NSN_OP_EQ, "et", 2), NET(16, 4),
	     x_at(x_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2), 5), map, nat);
	w_ready(w);
	nsn_hook_nat(w->h, NFPROTO_IPV4, NF_INET_PRE_ROUTING, tcp(), &w->got, NULL);
	assert_int_equal(w->got.n_nat, 1);
	assert_sets(w->got.nat[0].set, AND(AND(tcp(), IS(DST, IP(192, 0, 2, 1))), IS(DPORT, 443)));
	assert_true(w->got.nat[0].addr.first == IP(10, 0, 0, 3));
	assert_true(w->got.nat[0].addr.last == IP(10, 0, 0, 3));
	assert_true(w->got.nat[0].has_port && w->got.nat[0].port.first == 17);
	assert_sets(w->got.go, SUB(tcp(), w->got.nat[0].set));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_policy),
		T(test_accept_is_not_final),
		T(test_jump_goto_return),
		T(test_jump_comes_back),
		T(test_left_before_vmap),
		T(test_cmp),
		T(test_prefixes),
		T(test_bits),
		T(test_devices),
		T(test_unknown_device),
		T(test_ct),
		T(test_ct_marks),
		T(test_notrack),
		T(test_fragments),
		T(test_short),
		T(test_icmp),
		T(test_six),
		T(test_bridge),
		T(test_netdev),
		T(test_no_mac),
		T(test_lookup),
		T(test_lookup_of_nothing),
		T(test_concat),
		T(test_points),
		T(test_maps),
		T(test_catch_all_vmap),
		T(test_objects),
		T(test_both_ways),
		T(test_stale_register),
		T(test_no_effect),
		T(test_poison),
		T(test_reject),
		T(test_stores),
		T(test_nat),
		T(test_trace),
		T(test_fib_type),
		T(test_next_hop),
		T(test_nat_by_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
