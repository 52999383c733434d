// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random rulesets: what is left of a whole set of packets is compared with what a plain
 * interpreter does to single ones. The interpreter works on bytes, as the kernel does, and
 * shares nothing with lib/verify.
 */
#include "../lib/world.h"
#include "hook_world.h"

#include <stdio.h>

static uint64_t seed = 1;

static uint32_t any(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

/* ---- packets: few values, so that rules meet them -------------------------------------------- */

struct pkt {
	uint32_t iif, oif, src, dst, ctmark, mark;
	uint16_t sport, dport;
	uint8_t proto, ttl, flags, frag, ctstate, ctdir, ctnat;
};

static uint32_t some_ip(void)
{
	return UINT32_C(0x0a000000) | any(3) << 16 | any(3) << 8 | any(4);
}

static uint16_t some_port(void)
{
	static const uint16_t ports[] = {22, 80, 81, 443, 1000, 1023, 1024, 40000};

	return ports[any(8)];
}

static struct pkt some_packet(void)
{
	static const uint32_t devices[] = {ETH0, ETH1, WAN0};
	struct pkt p = {.iif = devices[any(3)],
			.oif = devices[any(3)],
			.src = some_ip(),
			.dst = some_ip(),
			.ctmark = any(4),
			.mark = any(4) << any(2) * 8,
			.sport = some_port(),
			.dport = some_port(),
			.proto = any(2) ? 6 : 17,
			.ttl = (uint8_t)any(4),
			.flags = (uint8_t)(any(32)),
			/* Later fragments may match or not: test_hook has them. */
			.frag = 0,
			.ctstate = (uint8_t)any(5),
			.ctdir = any(2),
			.ctnat = any(4)};

	return p;
}

static struct nsn_packet as_space(const struct pkt *p)
{
	struct nsn_packet q = {0};

	q.v[NSN_F_ETYPE] = 0x0800;
	q.v[NSN_F_IIF] = p->iif;
	q.v[NSN_F_OIF] = p->oif;
	q.v[NSN_F_SRC] = p->src;
	q.v[NSN_F_DST] = p->dst;
	q.v[NSN_F_CTMARK] = p->ctmark;
	q.v[NSN_F_MARK] = p->mark;
	q.v[NSN_F_SPORT] = p->sport;
	q.v[NSN_F_DPORT] = p->dport;
	q.v[NSN_F_PROTO] = p->proto;
	q.v[NSN_F_TTL] = p->ttl;
	q.v[NSN_F_FLAGS] = p->flags;
	q.v[NSN_F_FRAG] = p->frag;
	q.v[NSN_F_CTSTATE] = p->ctstate;
	q.v[NSN_F_CTDIR] = p->ctdir;
	q.v[NSN_F_CTNAT] = p->ctnat;
	return q;
}

/* ---- the interpreter ----------------------------------------------------------------------------
 */

struct machine {
	const struct nsn_vtable *t;
	struct pkt p;
	uint8_t regs[80];
	enum nsn_vcode code;
	const char *chain;
};

static const char *name_of(uint32_t index)
{
	return index == ETH0 ? "eth0" : index == ETH1 ? "eth1" : "wan0";
}

static bool do_payload(struct machine *m, const struct nsn_vexpr *x)
{
	uint8_t net[20] = {0x45}, th[20] = {0};

	net[8] = m->p.ttl;
	net[9] = m->p.proto;
	x_put(net + 12, m->p.src, 4);
	x_put(net + 16, m->p.dst, 4);
	x_put(th, m->p.sport, 2);
	x_put(th + 2, m->p.dport, 2);
	th[13] = m->p.flags;
	if (x->base == NFT_PAYLOAD_TRANSPORT_HEADER && m->p.frag)
		return false;
	memset(m->regs + x->dreg * 4 + x->len / 4 * 4, 0, x->len % 4 ? 4 : 0);
	memcpy(m->regs + x->dreg * 4,
	       (x->base == NFT_PAYLOAD_NETWORK_HEADER ? net : th) + x->offset, x->len);
	return true;
}

static bool do_load(struct machine *m, const struct nsn_vexpr *x)
{
	static const uint32_t states[] = {1, 2, 4, 8, 64};
	uint8_t *to = m->regs + x->dreg * 4;
	uint32_t word;

	if (x->kind == NSN_X_META && (x->key == NFT_META_IIFNAME || x->key == NFT_META_OIFNAME)) {
		memset(to, 0, 16);
		memcpy(to, name_of(x->key == NFT_META_IIFNAME ? m->p.iif : m->p.oif), 4);
		return true;
	}
	if (x->kind == NSN_X_META) {
		word = x->key == NFT_META_MARK	? m->p.mark
		       : x->key == NFT_META_IIF ? m->p.iif
						: m->p.proto;
	} else if (x->key == NFT_CT_STATE) {
		word = states[m->p.ctstate];
	} else {
		if (m->p.ctstate == 0 || m->p.ctstate == 4)
			return false;
		word = x->key == NFT_CT_MARK	    ? m->p.ctmark
		       : x->key == NFT_CT_DIRECTION ? m->p.ctdir
						    : (uint32_t)m->p.ctnat << 4;
	}
	memcpy(to, &word, 4);
	return true;
}

static bool do_cmp(const struct machine *m, const struct nsn_vexpr *x)
{
	const uint8_t *at = m->regs + x->sreg * 4;
	int d = memcmp(at, x->data, x->len);

	if (x->kind == NSN_X_RANGE)
		return (d >= 0 && memcmp(at, x->data2, x->len) <= 0) == (x->op == NSN_OP_EQ);
	switch (x->op) {
	case NSN_OP_EQ:
		return d == 0;
	case NSN_OP_NEQ:
		return d != 0;
	case NSN_OP_LT:
		return d < 0;
	case NSN_OP_LTE:
		return d <= 0;
	case NSN_OP_GT:
		return d > 0;
	case NSN_OP_GTE:
	default:
		return d >= 0;
	}
}

static void do_arith(struct machine *m, const struct nsn_vexpr *x)
{
	uint8_t *to = m->regs + x->dreg * 4, old[16];
	uint32_t word;

	memcpy(old, m->regs + x->sreg * 4, 16);
	if (x->kind == NSN_X_BITWISE) {
		for (size_t i = 0; i < ((size_t)x->len + 3) / 4 * 4; i++)
			to[i] = (uint8_t)((old[i] & x->data[i]) ^ x->data2[i]);
	} else if (x->kind == NSN_X_SHIFT) {
		memcpy(&word, old, 4);
		word = x->left ? word << x->shift : word >> x->shift;
		memcpy(to, &word, 4);
	} else {
		for (size_t i = 0; i < x->len; i++)
			to[i] = old[i / x->shift * x->shift + x->shift - 1 - i % x->shift];
	}
}

static bool in_elem(const struct nsn_vset *set, const struct nsn_velem *e, const uint8_t *key)
{
	size_t off = 0, n = set->n_fields ? set->n_fields : 1;

	for (size_t f = 0; f < n; f++) {
		size_t len = set->n_fields ? set->fields[f] : set->key_len;
		const uint8_t *last = e->key_end ? e->key_end : e->key;

		if (memcmp(key + off, e->key + off, len) < 0 ||
		    memcmp(key + off, last + off, len) > 0)
			return false;
		off += (len + 3) / 4 * 4;
	}
	return true;
}

static bool do_lookup(struct machine *m, const struct nsn_vexpr *x)
{
	const struct nsn_velem *e = NULL, *rest = NULL;
	const struct nsn_vset *set = &m->t->sets[0];

	for (size_t i = 0; i < m->t->n_sets; i++)
		if (strcmp(m->t->sets[i].name, x->set) == 0)
			set = &m->t->sets[i];
	for (size_t i = 0; i < set->n_elems; i++) {
		if (set->elems[i].catch_all)
			rest = &set->elems[i];
		else if (!e && in_elem(set, &set->elems[i], m->regs + x->sreg * 4))
			e = &set->elems[i];
	}
	if (!e)
		e = rest;
	if (!e != ((x->flags & NFT_LOOKUP_F_INV) != 0))
		return false;
	if (!x->dreg_set || !e)
		return true;
	if (x->dreg) {
		memcpy(m->regs + x->dreg * 4, e->data, set->data_len);
	} else {
		m->code = e->verdict.code;
		m->chain = e->verdict.chain;
	}
	return true;
}

/* false: the rule breaks. */
static bool do_expr(struct machine *m, const struct nsn_vexpr *x)
{
	switch ((int)x->kind) {
	case NSN_X_IMMEDIATE:
		if (x->dreg) {
			memcpy(m->regs + x->dreg * 4, x->data, x->len);
		} else {
			m->code = x->verdict.code;
			m->chain = x->verdict.chain;
		}
		return true;
	case NSN_X_PAYLOAD:
		return do_payload(m, x);
	case NSN_X_META:
	case NSN_X_CT:
		return do_load(m, x);
	case NSN_X_CMP:
	case NSN_X_RANGE:
		return do_cmp(m, x);
	case NSN_X_LOOKUP:
		return do_lookup(m, x);
	case NSN_X_META_SET:
		memcpy(&m->p.mark, m->regs + x->sreg * 4, 4);
		return true;
	case NSN_X_CT_SET:
		if (m->p.ctstate != 0 && m->p.ctstate != 4)
			memcpy(&m->p.ctmark, m->regs + x->sreg * 4, 4);
		return true;
	default:
		do_arith(m, x);
		return true;
	}
}

static const struct nsn_vchain *chain_of(const struct nsn_vtable *t, const char *name)
{
	for (size_t i = 0; i < t->n_chains; i++)
		if (strcmp(t->chains[i].name, name) == 0)
			return &t->chains[i];
	abort();
}

static void do_rule(struct machine *m, const struct nsn_vrule *rule)
{
	m->code = NSN_V_CONTINUE;
	for (size_t i = 0; i < rule->n_exprs; i++)
		if (!do_expr(m, &rule->exprs[i]) || m->code != NSN_V_CONTINUE)
			return;
}

/* As nft_do_chain() has it: a stack of where to go on. */
static bool passes(struct machine *m, const struct nsn_vchain *base)
{
	const struct nsn_vchain *c = base, *back[16];
	size_t at = 0, back_at[16], depth = 0;

	for (;;) {
		if (at < c->n_rules) {
			do_rule(m, &c->rules[at++]);
		} else {
			m->code = NSN_V_RETURN;
		}
		switch ((int)m->code) {
		case NSN_V_ACCEPT:
			return true;
		case NSN_V_DROP:
			return false;
		case NSN_V_JUMP:
			back[depth] = c;
			back_at[depth++] = at;
			c = chain_of(m->t, m->chain);
			at = 0;
			break;
		case NSN_V_GOTO:
			c = chain_of(m->t, m->chain);
			at = 0;
			break;
		case NSN_V_RETURN:
			if (depth == 0)
				return !base->policy_drop;
			c = back[--depth];
			at = back_at[depth];
			break;
		default:
			break;
		}
	}
}

/* ---- random rules
 * -------------------------------------------------------------------------------- */

static struct hook_world *w;
static bool writes;

struct made {
	struct nsn_vexpr x[24];
	size_t n;
};

static void add(struct made *r, struct nsn_vexpr x)
{
	assert_true(r->n < NSN_COUNT(r->x));
	r->x[r->n++] = x;
}

static void match_address(struct made *r)
{
	uint32_t offset = any(2) ? 12 : 16;
	uint8_t len = (uint8_t)(1 + any(4));

	switch (any(5)) {
	case 0:
		add(r, NET(offset, len));
		add(r, x_cmp((enum nsn_vop)any(6), some_ip() >> (4 - len) * 8, len));
		return;
	case 1: {
		uint32_t mask = any(2) ? 0xffff0000 : any(2) ? 0xff0000ff : 0x00020301;

		add(r, NET(offset, 4));
		add(r, x_bitwise(mask, any(3) ? 0 : any(4), 4));
		add(r, x_cmp((enum nsn_vop)any(6), some_ip() & mask, 4));
		return;
	}
	case 2: {
		uint32_t from = some_ip();

		add(r, NET(offset, 4));
		add(r, x_range(any(2) ? NSN_OP_EQ : NSN_OP_NEQ, from, from + any(300), 4));
		return;
	}
	case 3:
		add(r, NET(12, 8));
		add(r, x_cmp((enum nsn_vop)any(6), (uint64_t)some_ip() << 32 | some_ip(), 8));
		return;
	default:
		add(r, NET(offset, 4));
		add(r, x_lookup(any(2) ? "addrs" : "nets", any(3) == 0));
	}
}

static void match_transport(struct made *r)
{
	switch (any(5)) {
	case 0:
		add(r, TH(any(2) ? 0 : 2, 2));
		add(r, x_cmp((enum nsn_vop)any(6), some_port(), 2));
		return;
	case 1:
		add(r, META(NFT_META_L4PROTO));
		add(r, EQ(6, 1));
		add(r, TH(13, 1));
		add(r, x_bitwise(any(32), any(4), 1));
		add(r, x_cmp((enum nsn_vop)any(6), any(32), 1));
		return;
	case 2:
		add(r, TH(0, 4));
		add(r, x_cmp((enum nsn_vop)any(6), (uint32_t)some_port() << 16 | some_port(), 4));
		return;
	case 3:
		add(r, TH(1, 2)); /* across both */
		add(r, x_cmp((enum nsn_vop)any(6), (uint32_t)(some_port() & 0xff) << 8, 2));
		return;
	default:
		add(r, TH(2, 2));
		add(r, x_lookup("ports", any(3) == 0));
	}
}

static void match_mark(struct made *r)
{
	struct nsn_vexpr shift = x_of(NSN_X_SHIFT), order = x_of(NSN_X_BYTEORDER);

	shift.sreg = shift.dreg = order.sreg = order.dreg = R1;
	shift.len = order.len = order.shift = 4;
	shift.shift = 1 + any(10);
	shift.left = any(2);
	add(r, any(2) ? META(NFT_META_MARK) : CT(NFT_CT_MARK));
	if (any(3) == 0)
		add(r, x_bitwise_host(any(2) ? 0x303 : 0xff00, any(4)));
	if (any(3) == 0)
		add(r, shift);
	if (any(2)) {
		add(r, order);
		add(r, x_range(any(2) ? NSN_OP_EQ : NSN_OP_NEQ, any(3), 3 + any(300), 4));
	} else {
		add(r, x_cmp_host((enum nsn_vop)any(6), any(4) << any(2) * 8));
	}
}

static void match_ct(struct made *r)
{
	switch (any(3)) {
	case 0:
		add(r, CT(NFT_CT_STATE));
		add(r, x_bitwise_host(any(128), 0));
		add(r, x_cmp_host(any(2) ? NSN_OP_EQ : NSN_OP_NEQ, any(3) ? 0 : 2));
		return;
	case 1:
		add(r, CT(NFT_CT_DIRECTION));
		add(r, x_cmp((enum nsn_vop)any(6), any(2), 1));
		return;
	default:
		add(r, CT(NFT_CT_STATUS));
		add(r, x_bitwise_host(any(2) ? 0x20 : 0x30, 0));
		add(r, x_cmp_host(any(2) ? NSN_OP_EQ : NSN_OP_NEQ, any(2) ? 0 : 0x20));
	}
}

static void match_device(struct made *r)
{
	static const uint32_t devices[] = {ETH0, ETH1, WAN0};

	switch (any(4)) {
	case 0:
		add(r, META(any(2) ? NFT_META_IIFNAME : NFT_META_OIFNAME));
		add(r, x_cmp_name((enum nsn_vop)any(6), name_of(devices[any(3)]), 16));
		return;
	case 1:
		add(r, META(any(2) ? NFT_META_IIFNAME : NFT_META_OIFNAME));
		add(r, x_cmp_name(any(2) ? NSN_OP_EQ : NSN_OP_NEQ, "eth", 3));
		return;
	case 2: /* a name that is masked */
		add(r, META(NFT_META_IIFNAME));
		add(r, x_bitwise(UINT64_C(0xff00ff03) << 32, 0, 8));
		add(r, x_cmp((enum nsn_vop)any(6), UINT64_C(0x65006801) << 32, 4));
		return;
	default:
		add(r, x_at(META(NFT_META_IIFNAME), 4));
		add(r, x_at(NET(12, 4), 8));
		add(r, x_at(TH(2, 2), 9));
		add(r, x_lookup("three", any(3) == 0));
	}
}

static void end_rule(struct made *r, bool jumps)
{
	uint32_t what = any(jumps ? 9 : 6);

	switch (what) {
	case 0:
	case 1:
		add(r, ACCEPT);
		return;
	case 2:
		add(r, DROP);
		return;
	case 3:
		add(r, RETURN);
		return;
	case 4:
		writes = true;
		add(r, any(2) ? x_data_host(any(4)) : CT(NFT_CT_MARK));
		add(r, x_store(any(2) ? NSN_X_META_SET : NSN_X_CT_SET, NFT_META_MARK));
		r->x[r->n - 1].key = r->x[r->n - 1].kind == NSN_X_META_SET ? (uint32_t)NFT_META_MARK
									   : (uint32_t)NFT_CT_MARK;
		return;
	case 5:
		writes = true;
		add(r, NET(12, 4));
		add(r, x_map("marks", R1));
		add(r, x_store(NSN_X_META_SET, NFT_META_MARK));
		return;
	case 6:
		add(r, TH(2, 2));
		add(r, x_map("verdicts", 0));
		return;
	default:
		add(r, any(2) ? JUMP("a") : GOTO(any(2) ? "a" : "b"));
	}
}

static void some_rules(struct nsn_vchain *c, bool jumps)
{
	size_t n = 1 + any(6);

	for (size_t i = 0; i < n; i++) {
		struct made r = {.n = 0};

		for (uint32_t k = any(3); k-- > 0;)
			switch (any(5)) {
			case 0:
				match_address(&r);
				break;
			case 1:
				match_transport(&r);
				break;
			case 2:
				match_mark(&r);
				break;
			case 3:
				match_ct(&r);
				break;
			default:
				match_device(&r);
			}
		end_rule(&r, jumps);
		(void)w_rule(w, c, r.x, r.n);
	}
}

static uint8_t *three_key(const char *name, uint32_t ip, uint16_t port)
{
	uint8_t *key = w_be(w, 0, 24);

	for (size_t i = 0; name[i]; i++)
		key[i] = (uint8_t)name[i];
	x_put(key + 16, ip, 4);
	x_put(key + 20, port, 2);
	return key;
}

/* No element is there twice: the kernel would not have it. */
static bool have(const struct nsn_vset *set, const uint8_t *key, size_t len)
{
	for (size_t i = 0; i < set->n_elems; i++)
		if (!set->elems[i].catch_all && memcmp(set->elems[i].key, key, len) == 0)
			return true;
	return false;
}

static void some_sets(struct nsn_vtable *t)
{
	static const enum nsn_vcode codes[] = {NSN_V_ACCEPT,   NSN_V_DROP, NSN_V_RETURN,
					       NSN_V_CONTINUE, NSN_V_JUMP, NSN_V_GOTO};
	struct nsn_vset *addrs = w_set(t, w, "addrs", 4), *nets = w_set(t, w, "nets", 4),
			*ports = w_set(t, w, "ports", 2), *three = w_set(t, w, "three", 24),
			*marks = w_set(t, w, "marks", 4), *verdicts = w_set(t, w, "verdicts", 2);
	uint8_t *key;

	three->n_fields = 3;
	three->fields[0] = 16;
	three->fields[1] = 4;
	three->fields[2] = 2;
	marks->data_len = 4;
	for (uint32_t i = 0; i < 4; i++) {
		uint16_t port = some_port();
		uint32_t ip = some_ip();

		w_elem(addrs, w_be(w, some_ip(), 4), NULL);
		w_elem(nets, w_be(w, 0x0a000000 | i << 14 | any(512), 4),
		       w_be(w, 0x0a000000 | i << 14 | (512 + any(8000)), 4));
		w_elem(ports, w_be(w, port, 2), w_be(w, (uint64_t)port + any(3), 2));
		/* Each of its own address: they do not overlap. */
		ip = (ip & ~UINT32_C(3)) | i;
		w_elem(three, three_key(any(2) ? "eth0" : "eth1", ip, port),
		       three_key("eth1", ip, (uint16_t)(port + any(100))));
		key = w_be(w, some_ip(), 4);
		if (!have(marks, key, 4)) {
			uint32_t *mark = w_zero(w, sizeof(*mark));

			*mark = any(4);
			w_elem(marks, key, NULL)->data = (const uint8_t *)mark;
		}
		key = w_be(w, some_port(), 2);
		if (!have(verdicts, key, 2)) {
			struct nsn_velem *e = w_elem(verdicts, key, NULL);

			e->verdict.code = codes[any(6)];
			e->verdict.chain =
				e->verdict.code >= NSN_V_JUMP && e->verdict.code <= NSN_V_GOTO
					? "b"
					: NULL;
		}
	}
	if (any(3) == 0)
		w_elem(verdicts, NULL, NULL)->verdict.code = codes[any(3)];
	if (any(3) == 0)
		w_elem(marks, NULL, NULL)->data = w_be(w, any(2), 4);
}

static struct nsn_vchain *some_ruleset(void)
{
	struct nsn_vtable *t;
	struct nsn_vchain *base;

	writes = false;
	w->ns.n_tables = 0;
	t = w_table(w, NFPROTO_INET, "t");
	some_sets(t);
	base = w_base(w, t, "f", NF_INET_FORWARD, 0, any(2));
	some_rules(w_chain(w, t, "b"), false);
	some_rules(w_chain(w, t, "a"), false);
	some_rules(base, true);
	return base;
}

/* ---- the comparison
 * ------------------------------------------------------------------------------ */

static nsn_set_t whole(void)
{
	nsn_set_t a = nsn_is(&w->s, NSN_F_ETYPE, 0x0800);

	a = nsn_and(&w->s, a, nsn_between(&w->s, NSN_F_IIF, ETH0, WAN0));
	a = nsn_and(&w->s, a, nsn_between(&w->s, NSN_F_OIF, ETH0, WAN0));
	a = nsn_and(&w->s, a, nsn_between(&w->s, NSN_F_CTSTATE, 0, 4));
	a = nsn_and(&w->s, a, nsn_between(&w->s, NSN_F_SRC, 0, UINT32_MAX));
	a = nsn_and(&w->s, a, nsn_between(&w->s, NSN_F_DST, 0, UINT32_MAX));
	return nsn_and(
		&w->s, a,
		nsn_or(&w->s, nsn_is(&w->s, NSN_F_PROTO, 6), nsn_is(&w->s, NSN_F_PROTO, 17)));
}

static void same_alone(struct machine *m, bool pass, const struct nsn_packet *in, int round)
{
	struct nsn_packet out = as_space(&m->p);
	nsn_set_t go, want = pass ? nsn_only(&w->s, &out) : nsn_none(&w->s);

	nsn_hook_run(w->h, NFPROTO_IPV4, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX,
		     nsn_only(&w->s, in), &w->got, NULL);
	go = w->got.go;
	if (!w_same(w, go, want))
		fprintf(stderr, "ruleset %d: alone, it should %s\n", round, pass ? "pass" : "not");
	assert_true(w_same(w, go, want));
}

static void test_random(void **state)
{
	(void)state;
	w = w_open();
	if (sigsetjmp(w->s.out, 0)) {
		fprintf(stderr, "the space gave up: %s\n", w->s.why);
		abort();
	}
	for (int round = 0; round < (test_quick() ? 40 : 400); round++) {
		nsn_mark_t mark = nsn_space_mark(&w->s);
		struct nsn_vchain *base = some_ruleset();
		nsn_set_t go;

		w_ready(w);
		nsn_hook_run(w->h, NFPROTO_IPV4, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX,
			     whole(), &w->got, NULL);
		assert_int_equal(w->got.n_poison, 0);
		go = w->got.go;
		for (int i = 0; i < 60; i++) {
			struct machine m = {.t = &w->ns.tables[0], .p = some_packet()};
			struct nsn_packet in = as_space(&m.p), out;
			bool pass = passes(&m, base), has;

			out = as_space(&m.p);
			has = nsn_has(&w->s, go, &out);
			if (pass ? !has : (!writes && has))
				fprintf(stderr, "ruleset %d: packet %d should %s\n", round, i,
					pass ? "pass" : "not");
			assert_true(pass ? has : (writes || !has));
			if (i < 8)
				same_alone(&m, pass, &in, round);
		}
		nsn_space_release(&w->s, mark);
	}
	w_close(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
