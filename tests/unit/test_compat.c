// SPDX-License-Identifier: GPL-2.0-or-later
/* Matches and targets of xtables as expressions, run on sets of packets. */
#include "hook_world.h"

#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <stdio.h>
#include <sys/socket.h>

#include "../../lib/verify/read_compat.h"

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

#define IS(f, v)    nsn_is(&w->s, NSN_F_##f, v)
#define AND(a, b)   nsn_and(&w->s, a, b)
#define OR(a, b)    nsn_or(&w->s, a, b)
#define SUB(a, b)   nsn_sub(&w->s, a, b)
#define TO(f, v, x) nsn_between(&w->s, NSN_F_##f, v, x)

static nsn_set_t four(void)
{
	nsn_set_t a = AND(AND(IS(ETYPE, 0x0800), IS(IIF, ETH0)), IS(OIF, ETH1));

	a = AND(a, AND(TO(SRC, 0, UINT32_MAX), TO(DST, 0, UINT32_MAX)));
	return AND(AND(a, TO(CTSTATE, 0, 4)), IS(FRAG, 0));
}

/* What of @in one rule, `MATCH accept`, takes, where all else is dropped. */
static nsn_set_t taken(const char *name, uint32_t rev, const void *info, size_t len, nsn_set_t in)
{
	struct nsn_vexpr x[NSN_COMPAT_MAX + 1];
	struct nsn_vtable *t = w_table(w, NFPROTO_IPV4, "filter");
	struct nsn_vchain *c = w_base(w, t, "FORWARD", NF_INET_FORWARD, 0, true);
	bool exact;
	size_t n = nsn_compat(x, NFPROTO_IPV4, false, name, rev, info, len, &exact);

	assert_true(exact);
	x[n++] = (struct nsn_vexpr){.kind = NSN_X_IMMEDIATE, .verdict = {.code = NSN_V_ACCEPT}};
	(void)w_rule(w, c, x, n);
	nsn_hooks_free(w->h);
	w->h = NULL;
	assert_int_equal(nsn_hooks_new(&w->h, &w->ns, &w->s), 0);
	nsn_hook_run(w->h, NFPROTO_IPV4, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX, in, &w->got,
		     NULL);
	assert_int_equal(w->got.n_poison, 0);
	w->ns.n_tables = 0;
	return w->got.go;
}

static bool same(nsn_set_t a, nsn_set_t b)
{
	return nsn_within(&w->s, a, b) && nsn_within(&w->s, b, a);
}

#define TAKES(name, rev, info, want)                                                               \
	assert_true(same(taken(name, rev, &(info), sizeof(info), four()), AND(four(), want)))

static void test_conntrack(void **state)
{
	struct xt_conntrack_mtinfo3 i = {.match_flags = XT_CONNTRACK_STATE, .state_mask = 2 | 4};

	(void)state;
	TAKES("conntrack", 3, i, OR(IS(CTSTATE, NSN_CT_ESTABLISHED), IS(CTSTATE, NSN_CT_RELATED)));
	i.invert_flags = XT_CONNTRACK_STATE;
	TAKES("conntrack", 3, i,
	      SUB(four(), OR(IS(CTSTATE, NSN_CT_ESTABLISHED), IS(CTSTATE, NSN_CT_RELATED))));
	i.invert_flags = 0;
	i.match_flags |= XT_CONNTRACK_STATE_ALIAS;
	i.state_mask = 8 | XT_CONNTRACK_STATE_UNTRACKED;
	TAKES("conntrack", 3, i, OR(IS(CTSTATE, NSN_CT_NEW), IS(CTSTATE, NSN_CT_UNTRACKED)));
	i.state_mask = XT_CONNTRACK_STATE_INVALID;
	TAKES("conntrack", 3, i, IS(CTSTATE, NSN_CT_INVALID));
}

static void test_ports(void **state)
{
	struct xt_tcp t = {.spts = {0, 0xffff}, .dpts = {8000, 8090}};
	struct xt_udp u = {.spts = {53, 53}, .dpts = {0, 0xffff}, .invflags = XT_UDP_INV_SRCPT};

	(void)state;
	assert_true(same(taken("tcp", 0, &t, sizeof(t), AND(four(), IS(PROTO, 6))),
			 AND(AND(four(), IS(PROTO, 6)), TO(DPORT, 8000, 8090))));
	t = (struct xt_tcp){
		.spts = {0, 0xffff}, .dpts = {0, 0xffff}, .flg_mask = 0x12, .flg_cmp = 0x02};
	assert_true(
		same(taken("tcp", 0, &t, sizeof(t), AND(four(), IS(PROTO, 6))),
		     AND(AND(four(), IS(PROTO, 6)), nsn_masked(&w->s, NSN_F_FLAGS, 0x12, 0x02))));
	assert_true(same(taken("udp", 0, &u, sizeof(u), AND(four(), IS(PROTO, 17))),
			 SUB(AND(four(), IS(PROTO, 17)), IS(SPORT, 53))));
}

static void test_mark(void **state)
{
	struct xt_mark_mtinfo1 i = {.mark = 0x2000, .mask = 0x2000};

	(void)state;
	TAKES("mark", 1, i, nsn_masked(&w->s, NSN_F_MARK, 0x2000, 0x2000));
	i.invert = 1;
	TAKES("mark", 1, i, nsn_masked(&w->s, NSN_F_MARK, 0x2000, 0));
}

static void test_comment(void **state)
{
	char text[256] = "anything";

	(void)state;
	TAKES("comment", 0, text, four());
}

static bool known(uint8_t family, bool target, const char *name, uint32_t rev, const void *info,
		  size_t len)
{
	struct nsn_vexpr x[NSN_COMPAT_MAX];
	bool exact;
	size_t n = nsn_compat(x, family, target, name, rev, info, len, &exact);

	assert_true(n <= NSN_COMPAT_MAX);
	assert_true(exact || n == 0);
	return exact;
}

/* What is not known in full is not known. */
static void test_unknown(void **state)
{
	struct xt_conntrack_mtinfo3 c = {.match_flags = XT_CONNTRACK_STATE | XT_CONNTRACK_PROTO,
					 .state_mask = 2};
	struct xt_addrtype_info_v1 a = {.dest = XT_ADDRTYPE_LOCAL};
	struct xt_tcp t = {.spts = {0, 0xffff}, .dpts = {9, 8}};
	uint8_t zero[512] = {0};

	(void)state;
	assert_false(known(NFPROTO_IPV4, false, "conntrack", 3, &c, sizeof(c)));
	c.match_flags = XT_CONNTRACK_STATE;
	assert_true(known(NFPROTO_IPV4, false, "conntrack", 3, &c, sizeof(c)));
	assert_false(known(NFPROTO_IPV4, false, "conntrack", 2, &c, sizeof(c)));
	assert_false(known(NFPROTO_IPV4, false, "conntrack", 3, &c, sizeof(c) - 1));
	assert_false(known(NFPROTO_IPV4, false, "conntrack", 3, &c, sizeof(c) + 64));
	assert_false(known(NFPROTO_BRIDGE, false, "conntrack", 3, &c, sizeof(c)));
	assert_false(known(NFPROTO_IPV4, true, "conntrack", 3, &c, sizeof(c)));
	c.state_mask = 2 | XT_CONNTRACK_STATE_DNAT;
	assert_false(known(NFPROTO_IPV4, false, "conntrack", 3, &c, sizeof(c)));
	assert_true(known(NFPROTO_IPV6, false, "addrtype", 1, &a, sizeof(a)));
	a.dest = XT_ADDRTYPE_MULTICAST;
	assert_true(known(NFPROTO_IPV4, false, "addrtype", 1, &a, sizeof(a)));
	assert_false(known(NFPROTO_IPV6, false, "addrtype", 1, &a, sizeof(a)));
	a.dest |= XT_ADDRTYPE_LOCAL;
	assert_false(known(NFPROTO_IPV4, false, "addrtype", 1, &a, sizeof(a)));
	assert_false(known(NFPROTO_IPV4, false, "tcp", 0, &t, sizeof(t)));
	assert_false(known(NFPROTO_IPV4, false, "recent", 0, zero, 64));
	assert_false(known(NFPROTO_IPV4, false, "multiport", 1, zero, 48));
	assert_false(known(NFPROTO_IPV4, true, "TPROXY", 1, zero, 64));
	assert_false(known(NFPROTO_IPV4, true, "NFQUEUE", 3, zero, 8));
}

static void test_targets(void **state)
{
	struct nf_nat_ipv4_multi_range_compat m = {.rangesize = 1};
	struct nf_nat_range2 d = {.flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED};
	struct nsn_vexpr x[NSN_COMPAT_MAX];
	bool exact;
	size_t n;

	(void)state;
	assert_true(known(NFPROTO_IPV4, true, "MASQUERADE", 0, &m, sizeof(m)));
	assert_true(known(NFPROTO_IPV4, true, "REJECT", 0, &m, 8));
	assert_false(known(NFPROTO_IPV4, true, "SNAT", 0, &m, sizeof(m)));
	m.range[0].flags = NF_NAT_RANGE_MAP_IPS;
	assert_true(known(NFPROTO_IPV4, true, "SNAT", 0, &m, sizeof(m)));
	d.min_addr.ip = d.max_addr.ip = 0x0100a8c0;
	d.min_proto.all = d.max_proto.all = 0x901f;
	n = nsn_compat(x, NFPROTO_IPV4, true, "DNAT", 2, &d, sizeof(d), &exact);
	assert_true(exact && n == 4 && x[3].kind == NSN_X_NAT);
	assert_int_equal(x[3].number, NFT_NAT_DNAT);
	assert_int_equal(x[3].sreg, x[0].dreg);
	assert_int_equal(x[3].sreg3, x[1].dreg);
	assert_memory_equal(x[0].data, &d.min_addr, 4);
	assert_memory_equal(x[1].data, &d.min_proto, 2);
	d.flags |= NF_NAT_RANGE_NETMAP;
	assert_false(known(NFPROTO_IPV4, true, "DNAT", 2, &d, sizeof(d)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_conntrack), T(test_ports),   T(test_mark),
		T(test_comment),   T(test_unknown), T(test_targets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
