/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of packets through hand-made machines: two gateways, a cable, workloads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/verify/walk.h"

#define UP (IFF_UP | IFF_RUNNING)

enum { HOST, GW_A, GW_B, APP, TWO, DB, N_NS };
enum { LO = 1, BR = 2, PORT = 3, PORT2 = 4, CABLE = 5, LINKS = 5 };

#define MAC(x)                                                                                     \
	{                                                                                          \
		{                                                                                  \
			2, 0, 0, 0, 0, (x)                                                         \
		}                                                                                  \
	}

struct rig {
	struct nsn_snap snap;
	struct nsn_vns ns[N_NS];
	struct nsn_vlink links[N_NS][LINKS];
	struct nsn_vroute routes[N_NS][4];
	struct nsn_vhop hops[N_NS][4];
	struct nsn_vfib fibs[N_NS][6];
	struct nsn_vneigh neighs[N_NS][4];
	struct nsn_vfdb fdb[N_NS][4];
	struct nsn_vaddr addrs[N_NS][2];
	struct nsn_vct cts[N_NS][2];
	struct nsn_vtable tables[N_NS][1];
	struct nsn_vchain chains[N_NS][4];
	struct nsn_vrule rules[N_NS][4][6];
	struct nsn_vexpr exprs[N_NS][4][6][8];
	struct nsn_space s;
	struct nsn_walk *w;
	struct nsn_arrivals got;
	bool open;
};

/* What a test that failed left open. */
static struct rig *in_use;

static struct nsn_ip ip(const char *text)
{
	struct nsn_ip ret = {0};

	assert_int_equal(nsn_ip_parse(&ret, text), 0);
	return ret;
}

static struct nsn_prefix prefix(const char *text)
{
	struct nsn_prefix ret = {0};

	assert_int_equal(nsn_prefix_parse(&ret, text), 0);
	return ret;
}

static nsn_u128 num(const char *text)
{
	struct nsn_ip a = ip(text);

	return (nsn_u128)a.bytes[0] << 24 | a.bytes[1] << 16 | a.bytes[2] << 8 | a.bytes[3];
}

static struct nsn_vlink *link_of(struct rig *g, size_t ns, uint32_t index)
{
	return &g->links[ns][index - 1];
}

static void veth(struct rig *g, size_t na, uint32_t a, size_t nb, uint32_t b, const char *name,
		 uint8_t mac)
{
	struct nsn_vlink *l = link_of(g, na, a);

	l->name = name;
	l->kind = "veth";
	l->flags = UP;
	l->mac = (struct nsn_mac)MAC(mac);
	l->peer_ns = nb;
	l->peer_index = b;
	l->peer_nsid = 7;
}

static void port(struct rig *g, size_t ns, uint32_t index, size_t to, const char *name, uint8_t mac,
		 uint8_t host)
{
	struct nsn_vlink *l = link_of(g, ns, index);

	veth(g, ns, index, to, 1, name, mac);
	veth(g, to, 1, ns, index, "eth0", host);
	l->port_kind = "bridge";
	l->master = BR;
	l->port = (struct nsn_vport){.mcast_flood = 1, .state = 3};
	g->fdb[ns][g->ns[ns].n_fdb++] = (struct nsn_vfdb){
		.link = index, .master = BR, .mac = MAC(host), .state = NUD_NOARP};
}

static void route(struct rig *g, size_t ns, uint32_t table, uint8_t type, const char *dst,
		  uint32_t link, const char *via)
{
	size_t i = g->ns[ns].n_routes++;
	struct nsn_vroute *r = &g->routes[ns][i];

	r->dst = prefix(dst);
	r->src.ip.family = r->dst.ip.family;
	r->table = table;
	r->type = type;
	r->hops = &g->hops[ns][i];
	r->n_hops = 1;
	g->hops[ns][i].link = link;
	if (via)
		g->hops[ns][i].via = ip(via);
}

static struct nsn_vfib *fib(struct rig *g, size_t ns, uint32_t priority, uint8_t action,
			    uint32_t table)
{
	struct nsn_vfib *f = &g->fibs[ns][g->ns[ns].n_fibs++];

	*f = (struct nsn_vfib){.family = AF_INET,
			       .priority = priority,
			       .iif = "",
			       .oif = "",
			       .action = action,
			       .table = table,
			       .suppress = -1};
	return f;
}

static void neigh(struct rig *g, size_t ns, uint32_t link, const char *addr, uint8_t mac)
{
	g->neighs[ns][g->ns[ns].n_neighs++] = (struct nsn_vneigh){
		.link = link, .ip = ip(addr), .mac = MAC(mac), .state = NUD_PERMANENT};
}

static void empty_ns(struct rig *g, size_t i)
{
	struct nsn_vns *ns = &g->ns[i];

	ns->name = i == GW_A ? "gateway of a" : i == GW_B ? "gateway of b" : "other";
	ns->full = i <= GW_B;
	ns->kind = i == HOST ? NSN_VNS_HOST : ns->full ? NSN_VNS_GATEWAY : NSN_VNS_WORKLOAD;
	ns->links = g->links[i];
	ns->n_links = ns->full ? LINKS : 1;
	ns->routes = g->routes[i];
	ns->fibs = g->fibs[i];
	ns->neighs = g->neighs[i];
	ns->fdb = g->fdb[i];
	ns->addrs = g->addrs[i];
	ns->cts = g->cts[i];
	ns->tables = g->tables[i];
	for (uint32_t l = 1; l <= LINKS; l++) {
		struct nsn_vlink *link = link_of(g, i, l);

		link->index = l;
		link->name = link->kind = link->port_kind = link->alias = link->qdisc =
			link->detail = "";
		link->peer_nsid = -1;
		link->peer_ns = NSN_NOWHERE;
		link->conf.forwarding4 = link->conf.forwarding6 = 1;
	}
	link_of(g, i, LO)->name = "lo";
	link_of(g, i, LO)->flags = IFF_LOOPBACK;
}

static void gateway(struct rig *g, size_t i, const char *own, const char *other, const char *self,
		    const char *via)
{
	struct nsn_vlink *br = link_of(g, i, BR);

	br->name = "br0";
	br->kind = "bridge";
	br->flags = UP;
	br->mac = (struct nsn_mac)MAC((uint8_t)(0x10 * i));
	route(g, i, 255, RTN_LOCAL, self, BR, NULL);
	route(g, i, 254, RTN_UNICAST, own, BR, NULL);
	route(g, i, 254, RTN_UNICAST, other, CABLE, via);
	(void)fib(g, i, 0, FR_ACT_TO_TBL, 255);
	(void)fib(g, i, 32766, FR_ACT_TO_TBL, 254);
}

static void done(struct rig *g)
{
	nsn_walk_free(g->w);
	if (g->open)
		nsn_space_close(&g->s);
	g->w = NULL;
	g->open = false;
	in_use = NULL;
}

/* Two tenants without a single rule: everything is routed. */
static void setup(struct rig *g)
{
	if (in_use)
		done(in_use);
	memset(g, 0, sizeof(*g));
	in_use = g;
	g->snap.ns = g->ns;
	g->snap.n_ns = N_NS;
	for (size_t i = 0; i < N_NS; i++)
		empty_ns(g, i);
	gateway(g, GW_A, "10.1.0.0/24", "10.2.0.0/24", "10.1.0.1/32", "100.127.0.2");
	gateway(g, GW_B, "10.2.0.0/24", "10.1.0.0/24", "10.2.0.1/32", "100.127.0.1");
	port(g, GW_A, PORT, APP, "nsn1", 0x11, 0xa1);
	port(g, GW_A, PORT2, TWO, "nsn2", 0x12, 0xa2);
	port(g, GW_B, PORT, DB, "nsn1", 0x21, 0xb1);
	link_of(g, GW_B, PORT2)->kind = "dummy";
	veth(g, GW_A, CABLE, GW_B, CABLE, "nsn9", 0x19);
	veth(g, GW_B, CABLE, GW_A, CABLE, "nsn9", 0x29);
	neigh(g, GW_A, BR, "10.1.0.2", 0xa1);
	neigh(g, GW_A, BR, "10.1.0.3", 0xa2);
	neigh(g, GW_A, CABLE, "100.127.0.2", 0x29);
	neigh(g, GW_B, BR, "10.2.0.2", 0xb1);
	neigh(g, GW_B, CABLE, "100.127.0.1", 0x19);
}

/* ---- rules ------------------------------------------------------------------------------ */

static size_t chain(struct rig *g, size_t ns, uint32_t hook, int32_t priority, const char *type,
		    bool drop)
{
	struct nsn_vtable *t = &g->tables[ns][0];
	size_t c = t->n_chains++;
	struct nsn_vchain *ch = &g->chains[ns][c];

	g->ns[ns].n_tables = 1;
	t->family = NFPROTO_IPV4;
	t->name = "test";
	t->comment = "";
	t->chains = g->chains[ns];
	ch->name = type;
	ch->hook = hook;
	ch->priority = priority;
	ch->type = type;
	ch->policy_drop = drop;
	ch->rules = g->rules[ns][c];
	return c;
}

static struct nsn_vexpr *expr(struct rig *g, size_t ns, size_t c, enum nsn_xkind kind,
			      const char *name)
{
	struct nsn_vchain *ch = &g->chains[ns][c];
	struct nsn_vrule *r = &ch->rules[ch->n_rules - 1];
	struct nsn_vexpr *x = &g->exprs[ns][c][ch->n_rules - 1][r->n_exprs++];

	r->exprs = g->exprs[ns][c][ch->n_rules - 1];
	r->comment = "";
	x->kind = kind;
	x->name = name;
	return x;
}

static void rule(struct rig *g, size_t ns, size_t c)
{
	struct nsn_vrule *r = &g->chains[ns][c].rules[g->chains[ns][c].n_rules++];

	r->handle = 10 * c + g->chains[ns][c].n_rules;
	r->comment = "";
}

static void word(struct nsn_vexpr *x, uint8_t *to, uint32_t v)
{
	x->len = 4;
	memcpy(to, &v, 4);
}

static void verdict(struct rig *g, size_t ns, size_t c, enum nsn_vcode code)
{
	expr(g, ns, c, NSN_X_IMMEDIATE, "immediate")->verdict.code = code;
}

/* ct state & bits != 0 */
static void ct_state(struct rig *g, size_t ns, size_t c, uint32_t bits)
{
	struct nsn_vexpr *x = expr(g, ns, c, NSN_X_CT, "ct");

	x->key = NFT_CT_STATE;
	x->dir = 2;
	x->dreg = 4;
	x = expr(g, ns, c, NSN_X_BITWISE, "bitwise");
	x->sreg = x->dreg = 4;
	word(x, x->data, bits);
	x = expr(g, ns, c, NSN_X_CMP, "cmp");
	x->sreg = 4;
	x->op = NSN_OP_NEQ;
	word(x, x->data, 0);
}

static void set_mark(struct rig *g, size_t ns, size_t c, uint32_t mark, bool ct)
{
	struct nsn_vexpr *x = expr(g, ns, c, NSN_X_IMMEDIATE, "immediate");

	x->dreg = 4;
	word(x, x->data, mark);
	x = expr(g, ns, c, ct ? NSN_X_CT_SET : NSN_X_META_SET, ct ? "ct" : "meta");
	x->key = ct ? (uint32_t)NFT_CT_MARK : (uint32_t)NFT_META_MARK;
	x->dir = 2;
	x->sreg = 4;
}

/* ---- asking ----------------------------------------------------------------------------- */

static void open_walk(struct rig *g)
{
	if (g->w)
		return;
	assert_int_equal(nsn_space_open(&g->s, 1000000), 0);
	g->open = true;
	assert_int_equal(nsn_walk_new(&g->w, &g->snap, &g->s), 0);
}

static void from(struct rig *g, size_t ns, uint32_t index, uint8_t family)
{
	open_walk(g);
	if (sigsetjmp(g->s.out, 0))
		fail_msg("gave up: %s", g->s.why);
	nsn_walk_from(g->w, ns, &index, 1, family, &g->got);
}

static const struct nsn_arrival *arrival(struct rig *g, enum nsn_arrival_kind kind, size_t to)
{
	for (size_t i = 0; i < g->got.n; i++) {
		const struct nsn_arrival *a = &g->got.list[i];

		if (a->kind == kind && (kind == NSN_ARRIVES ? a->to == to : a->ns == to))
			return a;
	}
	return NULL;
}

static nsn_set_t flow(struct rig *g, const char *src, const char *dst)
{
	return nsn_and(&g->s, nsn_is(&g->s, NSN_F_SRC, num(src)),
		       nsn_is(&g->s, NSN_F_DST, num(dst)));
}

static bool gets(struct rig *g, size_t to, nsn_set_t what)
{
	for (size_t i = 0; i < g->got.n; i++) {
		const struct nsn_arrival *a = &g->got.list[i];

		if (a->kind == NSN_ARRIVES && a->to == to &&
		    !nsn_empty(nsn_and(&g->s, a->set, what)))
			return true;
	}
	return false;
}

static bool app_to_db(struct rig *g)
{
	from(g, GW_A, PORT, AF_INET);
	return gets(g, DB, flow(g, "10.1.0.2", "10.2.0.2"));
}

static const char *blind(struct rig *g)
{
	for (size_t i = 0; i < g->got.n; i++)
		if (g->got.list[i].kind == NSN_ARRIVES_BLIND)
			return g->got.list[i].why;
	return NULL;
}

/* ---- routing ---------------------------------------------------------------------------- */

static void test_plain(void **state)
{
	static struct rig g;
	const struct nsn_arrival *a;

	(void)state;
	setup(&g);
	assert_true(app_to_db(&g));
	assert_null(blind(&g));
	a = arrival(&g, NSN_ARRIVES, DB);
	assert_int_equal(a->ns, GW_B);
	assert_int_equal(a->link, PORT);
	assert_false(a->switched);
	assert_int_equal(a->n_steps, 2);
	assert_int_equal(a->steps[0].ns, GW_A);
	assert_int_equal(a->steps[0].in, PORT);
	assert_int_equal(a->steps[0].out, CABLE);
	assert_int_equal(a->steps[1].ns, GW_B);
	assert_int_equal(a->steps[1].in, CABLE);
	/* The mark is not carried over, and the TTL fell twice. */
	assert_true(nsn_within(&g.s, a->set, nsn_is(&g.s, NSN_F_MARK, 0)));
	assert_false(gets(&g, DB, nsn_is(&g.s, NSN_F_TTL, 255)));
	/* To no other address than those that are routed. */
	assert_false(gets(&g, DB, flow(&g, "10.1.0.2", "10.3.0.2")));
	assert_false(gets(&g, DB, flow(&g, "10.1.0.2", "10.2.0.1")));
	assert_non_null(arrival(&g, NSN_ARRIVES_LOCAL, GW_A));
	assert_non_null(arrival(&g, NSN_ARRIVES_LOCAL, GW_B));
	/* Nothing else than IPv4 was routed. */
	from(&g, GW_A, PORT, AF_INET6);
	assert_null(arrival(&g, NSN_ARRIVES, DB));
	from(&g, GW_A, PORT, 0);
	assert_null(arrival(&g, NSN_ARRIVES, DB));
	done(&g);
}

static void test_forwarding_off(void **state)
{
	static struct rig g;

	(void)state;
	setup(&g);
	link_of(&g, GW_B, CABLE)->conf.forwarding4 = 0;
	assert_false(app_to_db(&g));
	assert_non_null(arrival(&g, NSN_ARRIVES_LOCAL, GW_B));
	done(&g);
}

static void test_down(void **state)
{
	static struct rig g;

	(void)state;
	setup(&g);
	link_of(&g, GW_B, CABLE)->flags = 0;
	assert_false(app_to_db(&g));
	assert_null(arrival(&g, NSN_ARRIVES_LOCAL, GW_B));
	done(&g);
	setup(&g);
	link_of(&g, GW_B, PORT)->flags = 0;
	assert_false(app_to_db(&g));
	done(&g);
	setup(&g);
	link_of(&g, GW_A, PORT)->flags = 0;
	from(&g, GW_A, PORT, AF_INET);
	assert_int_equal(g.got.n, 0);
	done(&g);
}

static void test_blackhole(void **state)
{
	static struct rig g;
	struct nsn_vfib last;

	(void)state;
	setup(&g);
	/* Between local and main. */
	last = g.fibs[GW_A][1];
	g.ns[GW_A].n_fibs = 1;
	(void)fib(&g, GW_A, 300, FR_ACT_BLACKHOLE, 0);
	g.fibs[GW_A][g.ns[GW_A].n_fibs++] = last;
	assert_false(app_to_db(&g));
	assert_non_null(arrival(&g, NSN_ARRIVES_LOCAL, GW_A));
	done(&g);
	/* A closed route, longer than the open one. */
	setup(&g);
	route(&g, GW_A, 254, RTN_BLACKHOLE, "10.2.0.2/32", 0, NULL);
	assert_false(app_to_db(&g));
	assert_true(gets(&g, DB, flow(&g, "10.1.0.2", "10.2.0.3")));
	done(&g);
}

/* Rules that want a mark: nobody sets it, the rules of the firewall do. */
static void marked(struct rig *g, bool set)
{
	struct nsn_vfib *f, last;
	size_t c;

	setup(g);
	last = g->fibs[GW_A][1];
	g->ns[GW_A].n_fibs = 1;
	f = fib(g, GW_A, 100, FR_ACT_TO_TBL, 254);
	f->mark = f->mask = 1;
	(void)fib(g, GW_A, 300, FR_ACT_PROHIBIT, 0);
	g->fibs[GW_A][g->ns[GW_A].n_fibs++] = last;
	c = chain(g, GW_A, NF_INET_PRE_ROUTING, -150, "filter", false);
	rule(g, GW_A, c);
	if (set)
		set_mark(g, GW_A, c, 5, false);
	else
		set_mark(g, GW_A, c, 4, false);
}

static void test_marks(void **state)
{
	static struct rig g;

	(void)state;
	marked(&g, true);
	assert_true(app_to_db(&g));
	done(&g);
	marked(&g, false);
	assert_false(app_to_db(&g));
	done(&g);
}

static void test_rule_odd(void **state)
{
	static struct rig g;

	(void)state;
	setup(&g);
	/* Something that the prover does not know may close, or not. */
	g.fibs[GW_A][1].priority = 10;
	g.fibs[GW_A][1].action = FR_ACT_BLACKHOLE;
	g.fibs[GW_A][1].odd = true;
	(void)fib(&g, GW_A, 32766, FR_ACT_TO_TBL, 254);
	assert_true(app_to_db(&g));
	g.fibs[GW_A][1].odd = false;
	assert_false(app_to_db(&g));
	done(&g);
	setup(&g);
	/* Which of two comes first is not known. */
	(void)fib(&g, GW_A, 32766, FR_ACT_BLACKHOLE, 0);
	g.fibs[GW_A][2] = g.fibs[GW_A][1];
	g.fibs[GW_A][1].action = FR_ACT_BLACKHOLE;
	assert_true(app_to_db(&g));
	done(&g);
	setup(&g);
	g.routes[GW_A][2].odd = true;
	assert_false(app_to_db(&g));
	assert_non_null(blind(&g));
	done(&g);
}

static void test_loop(void **state)
{
	static struct rig g;

	(void)state;
	setup(&g);
	assert_true(app_to_db(&g));
	assert_null(arrival(&g, NSN_ARRIVES_AGAIN, GW_A));
	assert_null(arrival(&g, NSN_ARRIVES_AGAIN, GW_B));
	done(&g);
	setup(&g);
	/* Both send 10.3.0.0/24 to the other one. */
	route(&g, GW_A, 254, RTN_UNICAST, "10.3.0.0/24", CABLE, "100.127.0.2");
	route(&g, GW_B, 254, RTN_UNICAST, "10.3.0.0/24", CABLE, "100.127.0.1");
	assert_true(app_to_db(&g));
	assert_non_null(arrival(&g, NSN_ARRIVES_AGAIN, GW_B));
	done(&g);
}

/* ---- rules ------------------------------------------------------------------------------ */

static void test_drop(void **state)
{
	static struct rig g;

	(void)state;
	setup(&g);
	(void)chain(&g, GW_B, NF_INET_FORWARD, 0, "filter", true);
	assert_false(app_to_db(&g));
	assert_non_null(arrival(&g, NSN_ARRIVES_LOCAL, GW_B));
	done(&g);
}

static void live(struct rig *g, size_t ns, const char *src, const char *dst, uint32_t mark)
{
	struct nsn_vct *c = &g->cts[ns][g->ns[ns].n_cts++];

	c->orig = (struct nsn_vtuple){ip(src), ip(dst), 6, 1234, 80};
	c->reply = (struct nsn_vtuple){ip(dst), ip(src), 6, 80, 1234};
	c->mark = mark;
}

/* Only what is established may pass; nobody can open anything. */
static void test_established(void **state)
{
	static struct rig g;
	size_t c;

	(void)state;
	for (int with = 0; with < 3; with++) {
		setup(&g);
		c = chain(&g, GW_B, NF_INET_FORWARD, 0, "filter", true);
		rule(&g, GW_B, c);
		ct_state(&g, GW_B, c, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
		verdict(&g, GW_B, c, NSN_V_ACCEPT);
		if (with == 1)
			live(&g, GW_B, "10.1.0.2", "10.2.0.2", 0);
		if (with == 2)
			live(&g, GW_B, "10.2.0.2", "10.1.0.2", 0);
		assert_int_equal(app_to_db(&g), with > 0);
		if (with) {
			nsn_set_t back = nsn_is(&g.s, NSN_F_CTDIR, 1);

			assert_int_equal(gets(&g, DB, back), with == 2);
			assert_int_equal(gets(&g, DB, nsn_is(&g.s, NSN_F_DPORT, 80)), with == 1);
			assert_false(gets(&g, DB, flow(&g, "10.1.0.3", "10.2.0.2")));
		}
		done(&g);
	}
}

/* key == value, of meta or ct. */
static void equal(struct rig *g, size_t ns, size_t c, enum nsn_xkind kind, uint32_t key, uint32_t v)
{
	struct nsn_vexpr *x = expr(g, ns, c, kind, kind == NSN_X_CT ? "ct" : "meta");

	x->key = key;
	x->dir = 2;
	x->dreg = 4;
	x = expr(g, ns, c, NSN_X_CMP, "cmp");
	x->sreg = 4;
	word(x, x->data, v);
}

/* What may be opened one way comes back the other, and nothing else does. */
static void test_reply(void **state)
{
	static const uint8_t db[4] = {10, 2, 0, 2};
	static struct rig g;
	struct nsn_vexpr *x;
	size_t c;

	(void)state;
	setup(&g);
	c = chain(&g, GW_B, NF_INET_FORWARD, 0, "filter", true);
	rule(&g, GW_B, c);
	ct_state(&g, GW_B, c, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
	verdict(&g, GW_B, c, NSN_V_ACCEPT);
	rule(&g, GW_B, c); /* ip daddr 10.2.0.2 */
	x = expr(&g, GW_B, c, NSN_X_PAYLOAD, "payload");
	x->base = NFT_PAYLOAD_NETWORK_HEADER;
	x->offset = 16;
	x->len = 4;
	x->dreg = 4;
	x->dreg_set = true;
	x = expr(&g, GW_B, c, NSN_X_CMP, "cmp");
	x->sreg = 4;
	x->len = 4;
	memcpy(x->data, db, 4);
	verdict(&g, GW_B, c, NSN_V_ACCEPT);
	from(&g, GW_B, PORT, AF_INET);
	assert_true(gets(&g, APP, flow(&g, "10.2.0.2", "10.1.0.2")));
	assert_false(gets(&g, APP, flow(&g, "10.2.0.3", "10.1.0.2")));
	/* As GW_A does not track, it is what it was in GW_B. */
	assert_false(gets(&g, APP, nsn_is(&g.s, NSN_F_CTDIR, 0)));
	assert_false(gets(&g, APP, nsn_is(&g.s, NSN_F_CTSTATE, NSN_CT_NEW)));
	done(&g);
}

/* One direction changes the mark, which lets the other through. */
static void test_remark(void **state)
{
	static struct rig g;
	size_t c;

	(void)state;
	/* Odd: the packet that sets the mark is dropped for it. */
	for (uint32_t i = 10; i <= 13; i++) {
		uint32_t mark = i / 2;

		setup(&g);
		c = chain(&g, GW_B, NF_INET_PRE_ROUTING, -150, "filter", true);
		rule(&g, GW_B, c);
		equal(&g, GW_B, c, NSN_X_META, NFT_META_IIF, CABLE);
		equal(&g, GW_B, c, NSN_X_CT, NFT_CT_MARK, 6);
		set_mark(&g, GW_B, c, 7, true);
		verdict(&g, GW_B, c, i % 2 ? NSN_V_DROP : NSN_V_ACCEPT);
		rule(&g, GW_B, c);
		equal(&g, GW_B, c, NSN_X_CT, NFT_CT_MARK, 7);
		verdict(&g, GW_B, c, NSN_V_ACCEPT);
		live(&g, GW_B, "10.1.0.2", "10.2.0.2", mark);
		from(&g, GW_B, PORT, AF_INET);
		assert_int_equal(gets(&g, APP, flow(&g, "10.2.0.2", "10.1.0.2")), mark == 6);
		done(&g);
	}
}

/* Marks of connections: of the generation, or of one that is gone. */
static void test_ct_mark(void **state)
{
	static struct rig g;
	struct nsn_vexpr *x;
	size_t c;

	(void)state;
	for (uint32_t mark = 6; mark <= 7; mark++) {
		setup(&g);
		c = chain(&g, GW_B, NF_INET_PRE_ROUTING, -150, "filter", true);
		rule(&g, GW_B, c);
		x = expr(&g, GW_B, c, NSN_X_CT, "ct");
		x->key = NFT_CT_MARK;
		x->dir = 2;
		x->dreg = 4;
		x = expr(&g, GW_B, c, NSN_X_CMP, "cmp");
		x->sreg = 4;
		word(x, x->data, 7);
		verdict(&g, GW_B, c, NSN_V_ACCEPT);
		live(&g, GW_B, "10.1.0.2", "10.2.0.2", mark);
		assert_int_equal(app_to_db(&g), mark == 7);
		done(&g);
	}
}

/* The destination is translated: who may not reach 10.2.0.9 reaches 10.2.0.2 by it. */
static void test_nat(void **state)
{
	static struct rig g;
	struct nsn_vexpr *x;
	uint8_t to[4] = {10, 2, 0, 2};
	nsn_set_t was;
	size_t c;

	(void)state;
	setup(&g);
	route(&g, GW_A, 254, RTN_UNICAST, "10.9.0.9/32", CABLE, "100.127.0.2");
	c = chain(&g, GW_B, NF_INET_PRE_ROUTING, -100, "nat", false);
	rule(&g, GW_B, c);
	x = expr(&g, GW_B, c, NSN_X_IMMEDIATE, "immediate");
	x->dreg = 4;
	x->len = 4;
	memcpy(x->data, to, 4);
	x = expr(&g, GW_B, c, NSN_X_NAT, "nat");
	x->number = NFT_NAT_DNAT;
	x->family = NFPROTO_IPV4;
	x->sreg = 4;
	from(&g, GW_A, PORT, AF_INET);
	was = nsn_and(&g.s, nsn_is(&g.s, NSN_F_CTNAT, 2),
		      nsn_is(&g.s, NSN_F_ODST, num("10.9.0.9")));
	was = nsn_and(&g.s, was, nsn_is(&g.s, NSN_F_CTSTATE, NSN_CT_NEW));
	assert_true(gets(&g, DB, nsn_and(&g.s, flow(&g, "10.1.0.2", "10.2.0.2"), was)));
	/* Answers seem to come from where they were sent to. */
	from(&g, GW_B, PORT, AF_INET);
	was = nsn_and(&g.s, nsn_is(&g.s, NSN_F_CTNAT, 2), nsn_is(&g.s, NSN_F_CTDIR, 1));
	assert_true(gets(&g, APP, nsn_and(&g.s, flow(&g, "10.9.0.9", "10.1.0.2"), was)));
	done(&g);
}

/* ip daddr of what an error quotes == dst */
static void quotes(struct rig *g, size_t ns, size_t c, const char *dst)
{
	struct nsn_vexpr *x = expr(g, ns, c, NSN_X_PAYLOAD, "payload");
	const struct nsn_ip a = ip(dst);

	x->base = NFT_PAYLOAD_TRANSPORT_HEADER;
	x->offset = 24;
	x->len = 4;
	x->dreg = 4;
	x->dreg_set = true;
	x = expr(g, ns, c, NSN_X_CMP, "cmp");
	x->sreg = 4;
	x->len = 4;
	memcpy(x->data, a.bytes, 4);
}

/*
 * What 10.2.0.2 sends to 10.1.0.2 goes there from 10.9.0.9. An error about it, to that address, is
 * led to 10.2.0.2, whoever sends it; what it quotes was sent to 10.1.0.2, else it is about nothing.
 */
static void test_error_about_translated(void **state)
{
	static const char *const quoted[] = {"10.1.0.2", "10.1.0.3", "10.2.0.2", "10.9.0.9"};
	static struct rig g;
	nsn_set_t error;
	size_t c;

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(quoted); i++) {
		setup(&g);
		route(&g, GW_A, 254, RTN_UNICAST, "10.9.0.9/32", CABLE, "100.127.0.2");
		c = chain(&g, GW_B, NF_INET_PRE_ROUTING, -90, "filter", true);
		rule(&g, GW_B, c);
		ct_state(&g, GW_B, c, NF_CT_STATE_BIT(IP_CT_RELATED));
		quotes(&g, GW_B, c, quoted[i]);
		verdict(&g, GW_B, c, NSN_V_ACCEPT);
		live(&g, GW_B, "10.2.0.2", "10.1.0.2", 0);
		g.cts[GW_B][0].reply.dst = ip("10.9.0.9");
		from(&g, GW_A, PORT, AF_INET);
		error = nsn_and(&g.s, flow(&g, "10.1.0.3", "10.2.0.2"),
				nsn_is(&g.s, NSN_F_CTSTATE, NSN_CT_RELATED));
		assert_int_equal(gets(&g, DB, error), i == 0);
		assert_int_equal(gets(&g, DB, nsn_all(&g.s)), i == 0);
		done(&g);
	}
}

/* ---- bridges ---------------------------------------------------------------------------- */

static void test_switch(void **state)
{
	static struct rig g;
	struct nsn_vport *one, *two;

	(void)state;
	setup(&g);
	from(&g, GW_A, PORT, 0);
	assert_true(arrival(&g, NSN_ARRIVES, TWO)->switched);
	assert_true(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2DST, UINT64_C(0x0200000000a2))));
	assert_false(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2DST, UINT64_C(0x0200000000a7))));
	assert_true(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2DST, UINT64_C(0x333300000001))));
	assert_false(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2DST, UINT64_C(0xffffffffffff))));
	/* Not out of where it came in. */
	assert_null(arrival(&g, NSN_ARRIVES, APP));
	one = &link_of(&g, GW_A, PORT)->port;
	two = &link_of(&g, GW_A, PORT2)->port;
	one->hairpin = 1;
	from(&g, GW_A, PORT, 0);
	assert_true(gets(&g, APP, nsn_is(&g.s, NSN_F_L2DST, UINT64_C(0x0200000000a1))));
	one->isolated = 1;
	from(&g, GW_A, PORT, 0);
	assert_non_null(arrival(&g, NSN_ARRIVES, TWO));
	two->isolated = 1;
	from(&g, GW_A, PORT, 0);
	assert_null(arrival(&g, NSN_ARRIVES, TWO));
	one->isolated = 0;
	two->flood = 1;
	from(&g, GW_A, PORT, 0);
	assert_true(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2DST, UINT64_C(0x0200000000a7))));
	assert_false(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2DST, UINT64_C(0x0200000000a1))));
	two->flood = 0;
	two->bcast_flood = 1;
	from(&g, GW_A, PORT, 0);
	assert_true(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2DST, UINT64_C(0xffffffffffff))));
	two->state = 1;
	from(&g, GW_A, PORT, 0);
	assert_null(arrival(&g, NSN_ARRIVES, TWO));
	done(&g);
}

static void test_locked(void **state)
{
	static struct rig g;

	(void)state;
	setup(&g);
	from(&g, GW_A, PORT, AF_INET);
	assert_true(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2SRC, UINT64_C(0x0200000000a7))));
	link_of(&g, GW_A, PORT)->port.locked = 1;
	from(&g, GW_A, PORT, AF_INET);
	assert_false(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2SRC, UINT64_C(0x0200000000a7))));
	assert_true(gets(&g, TWO, nsn_is(&g.s, NSN_F_L2SRC, UINT64_C(0x0200000000a1))));
	done(&g);
}

static void test_bridge_rules(void **state)
{
	static struct rig g;

	(void)state;
	setup(&g);
	(void)chain(&g, GW_A, NF_INET_FORWARD, 0, "filter", true);
	g.tables[GW_A][0].family = NFPROTO_BRIDGE;
	assert_true(app_to_db(&g));
	/* What is left was routed. */
	assert_false(arrival(&g, NSN_ARRIVES, TWO)->switched);
	g.chains[GW_A][0].hook = NF_INET_LOCAL_OUT;
	done(&g);
	assert_true(app_to_db(&g));
	assert_true(arrival(&g, NSN_ARRIVES, TWO)->switched);
	done(&g);
}

/* ---- what is not known ------------------------------------------------------------------ */

static void test_blind(void **state)
{
	static const char *strange[] = {"ip_tables"};
	static struct rig g;

	(void)state;
	setup(&g);
	link_of(&g, GW_B, CABLE)->xdp = true;
	assert_false(app_to_db(&g));
	assert_non_null(strstr(blind(&g), "XDP"));
	done(&g);
	setup(&g);
	link_of(&g, GW_A, CABLE)->kind = "vxlan";
	assert_false(app_to_db(&g));
	assert_non_null(strstr(blind(&g), "vxlan"));
	done(&g);
	setup(&g);
	g.ns[GW_B].strange = strange;
	g.ns[GW_B].n_strange = 1;
	assert_false(app_to_db(&g));
	assert_non_null(strstr(blind(&g), "ip_tables"));
	done(&g);
	setup(&g);
	link_of(&g, GW_A, BR)->vlan_filtering = true;
	assert_false(app_to_db(&g));
	assert_non_null(strstr(blind(&g), "VLAN"));
	done(&g);
	setup(&g);
	link_of(&g, GW_B, PORT2)->kind = "vlan";
	link_of(&g, GW_B, PORT2)->peer_index = CABLE;
	assert_false(app_to_db(&g));
	assert_non_null(strstr(blind(&g), "on top"));
	done(&g);
	setup(&g);
	link_of(&g, GW_A, CABLE)->peer_ns = NSN_NOWHERE;
	link_of(&g, GW_A, CABLE)->peer_lost = true;
	assert_false(app_to_db(&g));
	assert_non_null(strstr(blind(&g), "not found"));
	done(&g);
}

static void test_admitted(void **state)
{
	static struct rig g;
	nsn_set_t set;

	(void)state;
	setup(&g);
	link_of(&g, GW_A, PORT)->port.locked = 1;
	open_walk(&g);
	if (sigsetjmp(g.s.out, 0))
		fail_msg("gave up: %s", g.s.why);
	set = nsn_walk_admitted(g.w, GW_A, PORT, AF_INET);
	assert_true(nsn_within(&g.s, set, nsn_is(&g.s, NSN_F_L2SRC, UINT64_C(0x0200000000a1))));
	assert_false(nsn_empty(set));
	set = nsn_walk_admitted(g.w, GW_A, CABLE, AF_INET);
	assert_false(nsn_empty(set));
	assert_true(nsn_empty(nsn_walk_admitted(g.w, GW_A, 99, AF_INET)));
	done(&g);
}

/* ---- one packet ------------------------------------------------------------------------- */

static bool told(const struct nsn_passage *p, enum nsn_passed_kind kind, const char *text)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].kind == kind && strstr(p->list[i].text, text))
			return true;
	return false;
}

static void test_one(void **state)
{
	static struct rig g;
	struct nsn_passage p;
	struct nsn_packet packet = {0};

	(void)state;
	setup(&g);
	open_walk(&g);
	if (sigsetjmp(g.s.out, 0))
		fail_msg("gave up: %s", g.s.why);
	packet.v[NSN_F_ETYPE] = 0x0800;
	packet.v[NSN_F_L2SRC] = UINT64_C(0x0200000000a1);
	packet.v[NSN_F_L2DST] = UINT64_C(0x020000000010);
	packet.v[NSN_F_SRC] = num("10.1.0.2");
	packet.v[NSN_F_DST] = num("10.2.0.2");
	packet.v[NSN_F_PROTO] = 6;
	packet.v[NSN_F_DPORT] = 80;
	packet.v[NSN_F_TTL] = 64;
	packet.v[NSN_F_CTSTATE] = NSN_CT_NEW;
	nsn_walk_one(g.w, GW_A, PORT, &packet, &p);
	assert_true(p.arrived);
	assert_int_equal(p.to, DB);
	assert_true(p.as.v[NSN_F_DST] == num("10.2.0.2"));
	assert_true(told(&p, NSN_PASSED_ROUTE, "via 100.127.0.2 dev nsn9"));
	assert_false(p.unsure);
	assert_int_equal(p.as.v[NSN_F_TTL], 62);
	nsn_passage_clear(&p);
	packet.v[NSN_F_TTL] = 1;
	nsn_walk_one(g.w, GW_A, PORT, &packet, &p);
	assert_false(p.arrived);
	assert_true(told(&p, NSN_PASSED_STOP, "TTL"));
	nsn_passage_clear(&p);
	packet.v[NSN_F_TTL] = 64;
	packet.v[NSN_F_DST] = num("10.7.0.2");
	nsn_walk_one(g.w, GW_A, PORT, &packet, &p);
	assert_false(p.arrived);
	assert_true(told(&p, NSN_PASSED_STOP, "no route"));
	nsn_passage_clear(&p);
	done(&g);
	setup(&g);
	(void)chain(&g, GW_B, NF_INET_FORWARD, 0, "filter", true);
	open_walk(&g);
	packet.v[NSN_F_DST] = num("10.2.0.2");
	nsn_walk_one(g.w, GW_A, PORT, &packet, &p);
	assert_false(p.arrived);
	assert_true(told(&p, NSN_PASSED_STOP, "policy of chain"));
	nsn_passage_clear(&p);
	done(&g);
}

/* A limit may drop it and may not: that it arrives is no promise. */
static void test_one_maybe(void **state)
{
	static struct rig g;
	struct nsn_passage p;
	struct nsn_packet packet = {0};

	(void)state;
	packet.v[NSN_F_ETYPE] = 0x0800;
	packet.v[NSN_F_L2DST] = UINT64_C(0x020000000010);
	packet.v[NSN_F_SRC] = num("10.1.0.2");
	packet.v[NSN_F_DST] = num("10.2.0.2");
	packet.v[NSN_F_PROTO] = 6;
	packet.v[NSN_F_TTL] = 64;
	packet.v[NSN_F_CTSTATE] = NSN_CT_NEW;
	for (int nat = 0; nat < 2; nat++) {
		const uint32_t hook = nat ? NF_INET_PRE_ROUTING : NF_INET_FORWARD;
		size_t c;

		setup(&g);
		c = chain(&g, GW_B, hook, nat ? -100 : 0, nat ? "nat" : "filter", false);
		rule(&g, GW_B, c);
		(void)expr(&g, GW_B, c, NSN_X_LIMIT, "limit");
		verdict(&g, GW_B, c, NSN_V_DROP);
		/* Chains of nat see nothing where nothing tracks. */
		c = chain(&g, GW_B, NF_INET_FORWARD, 0, "filter", false);
		rule(&g, GW_B, c);
		ct_state(&g, GW_B, c, NF_CT_STATE_BIT(IP_CT_ESTABLISHED));
		open_walk(&g);
		if (sigsetjmp(g.s.out, 0))
			fail_msg("gave up: %s", g.s.why);
		nsn_walk_one(g.w, GW_A, PORT, &packet, &p);
		assert_true(p.arrived);
		assert_true(p.unsure);
		nsn_passage_clear(&p);
		done(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	     cmocka_unit_test(test_forwarding_off),
		cmocka_unit_test(test_down),	     cmocka_unit_test(test_blackhole),
		cmocka_unit_test(test_marks),	     cmocka_unit_test(test_rule_odd),
		cmocka_unit_test(test_loop),	     cmocka_unit_test(test_drop),
		cmocka_unit_test(test_established),  cmocka_unit_test(test_reply),
		cmocka_unit_test(test_ct_mark),	     cmocka_unit_test(test_remark),
		cmocka_unit_test(test_nat),	     cmocka_unit_test(test_error_about_translated),
		cmocka_unit_test(test_switch),	     cmocka_unit_test(test_locked),
		cmocka_unit_test(test_bridge_rules), cmocka_unit_test(test_blind),
		cmocka_unit_test(test_admitted),     cmocka_unit_test(test_one),
		cmocka_unit_test(test_one_maybe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
