/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rulesets by hand, for tests of lib/verify/hook: a namespace with a few devices, tables,
 * chains, rules and sets of it. Everything is in one arena.
 */
#ifndef NSN_TESTS_HOOK_WORLD_H
#define NSN_TESTS_HOOK_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <net/if_arp.h>
#ifndef ARPHRD_NONE
#define ARPHRD_NONE 0xfffe
#endif
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/verify/hook.h"

enum { LO = 1, ETH0, ETH1, WAN0, TUN0, BR0, P1, P2, LINKS = P2 };
enum { MAX_TABLES = 6, MAX_CHAINS = 12, MAX_RULES = 40, MAX_SETS = 10, MAX_ELEMS = 64 };

struct hook_world {
	struct nsn_arena mem;
	struct nsn_vns ns;
	struct nsn_space s;
	struct nsn_hooks *h;
	struct nsn_hooked got;
};

static inline void *w_zero(struct hook_world *w, size_t size)
{
	void *p = nsn_arena_alloc(&w->mem, size);

	assert_non_null(p);
	return p;
}

static inline struct hook_world *w_open(void)
{
	static const char *const names[LINKS + 1] = {"",     "lo",  "eth0", "eth1", "wan0",
						     "tun0", "br0", "p1",   "p2"};
	struct hook_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->ns.n_links = LINKS;
	w->ns.links = w_zero(w, LINKS * sizeof(*w->ns.links));
	for (uint32_t i = 1; i <= LINKS; i++) {
		struct nsn_vlink *l = &w->ns.links[i - 1];

		l->index = i;
		l->name = names[i];
		l->kind = i == BR0 ? "bridge" : i >= P1 ? "veth" : i == TUN0 ? "tun" : "";
		l->port_kind = i >= P1 ? "bridge" : "";
		l->master = i >= P1 ? BR0 : 0;
		l->group = i == WAN0 ? 7 : 0;
		l->type = i == LO ? ARPHRD_LOOPBACK : i == TUN0 ? ARPHRD_NONE : ARPHRD_ETHER;
	}
	w->ns.tables = w_zero(w, MAX_TABLES * sizeof(*w->ns.tables));
	assert_int_equal(nsn_space_open(&w->s, 4000000), 0);
	return w;
}

static inline void w_close(struct hook_world *w)
{
	nsn_hooks_free(w->h);
	nsn_space_close(&w->s);
	nsn_arena_free(&w->mem);
	free(w);
}

/* ---- tables, chains, rules ------------------------------------------------------------- */

static inline struct nsn_vtable *w_table(struct hook_world *w, uint8_t family, const char *name)
{
	struct nsn_vtable *t = &w->ns.tables[w->ns.n_tables++];

	assert_true(w->ns.n_tables <= MAX_TABLES);
	memset(t, 0, sizeof(*t));
	t->family = family;
	t->name = name;
	t->chains = w_zero(w, MAX_CHAINS * sizeof(*t->chains));
	t->sets = w_zero(w, MAX_SETS * sizeof(*t->sets));
	return t;
}

static inline struct nsn_vchain *w_base(struct hook_world *w, struct nsn_vtable *t,
					const char *name, uint32_t hook, int32_t priority,
					bool policy_drop)
{
	struct nsn_vchain *c = &t->chains[t->n_chains++];

	assert_true(t->n_chains <= MAX_CHAINS);
	c->name = name;
	c->hook = hook;
	c->priority = priority;
	c->type = "filter";
	c->policy_drop = policy_drop;
	c->rules = w_zero(w, MAX_RULES * sizeof(*c->rules));
	return c;
}

static inline struct nsn_vchain *w_chain(struct hook_world *w, struct nsn_vtable *t,
					 const char *name)
{
	return w_base(w, t, name, NSN_NO_HOOK, 0, false);
}

static inline struct nsn_vrule *w_rule(struct hook_world *w, struct nsn_vchain *c,
				       const struct nsn_vexpr *x, size_t n)
{
	struct nsn_vrule *rule = &c->rules[c->n_rules++];

	assert_true(c->n_rules <= MAX_RULES);
	rule->handle = c->n_rules;
	rule->comment = "";
	rule->exprs = w_zero(w, n * sizeof(*x) + 1);
	memcpy(rule->exprs, x, n * sizeof(*x));
	rule->n_exprs = n;
	return rule;
}
#define RULE(w, c, ...)                                                                            \
	w_rule(w, c, (const struct nsn_vexpr[]){__VA_ARGS__},                                      \
	       sizeof((const struct nsn_vexpr[]){__VA_ARGS__}) / sizeof(struct nsn_vexpr))

static inline struct nsn_vset *w_set(struct nsn_vtable *t, struct hook_world *w, const char *name,
				     uint32_t key_len)
{
	struct nsn_vset *set = &t->sets[t->n_sets++];

	assert_true(t->n_sets <= MAX_SETS);
	set->name = name;
	set->key_len = key_len;
	set->elems = w_zero(w, MAX_ELEMS * sizeof(*set->elems));
	return set;
}

static inline uint8_t *w_be(struct hook_world *w, uint64_t value, size_t len)
{
	uint8_t *b = w_zero(w, len + 8);

	for (size_t i = len; i-- > 0; value >>= 8)
		b[i] = (uint8_t)value;
	return b;
}

/* An element whose key are bytes. */
static inline struct nsn_velem *w_elem(struct nsn_vset *set, const uint8_t *key,
				       const uint8_t *key_end)
{
	struct nsn_velem *e = &set->elems[set->n_elems++];

	assert_true(set->n_elems <= MAX_ELEMS);
	e->key = key;
	e->key_end = key_end;
	e->catch_all = !key;
	return e;
}

/* ---- expressions ------------------------------------------------------------------------- */

#define R1 4

static inline struct nsn_vexpr x_of(enum nsn_xkind kind)
{
	struct nsn_vexpr x = {.kind = kind, .name = "of a test", .dreg = 0};

	return x;
}

static inline struct nsn_vexpr x_verdict(enum nsn_vcode code, const char *chain)
{
	struct nsn_vexpr x = x_of(NSN_X_IMMEDIATE);

	x.verdict.code = code;
	x.verdict.chain = chain;
	return x;
}
#define ACCEPT	x_verdict(NSN_V_ACCEPT, NULL)
#define DROP	x_verdict(NSN_V_DROP, NULL)
#define RETURN	x_verdict(NSN_V_RETURN, NULL)
#define JUMP(c) x_verdict(NSN_V_JUMP, c)
#define GOTO(c) x_verdict(NSN_V_GOTO, c)

static inline struct nsn_vexpr x_at(struct nsn_vexpr x, uint8_t reg)
{
	if (x.kind == NSN_X_CMP || x.kind == NSN_X_RANGE)
		x.sreg = reg;
	else
		x.dreg = reg;
	return x;
}

static inline struct nsn_vexpr x_load(enum nsn_xkind kind, uint32_t key)
{
	struct nsn_vexpr x = x_of(kind);

	x.key = key;
	x.dreg = R1;
	return x;
}
#define META(key) x_load(NSN_X_META, key)
#define CT(key)	  x_load(NSN_X_CT, key)

static inline struct nsn_vexpr x_payload(uint32_t base, uint32_t offset, uint8_t len)
{
	struct nsn_vexpr x = x_load(NSN_X_PAYLOAD, 0);

	x.base = base;
	x.offset = offset;
	x.len = len;
	return x;
}
#define NET(offset, len) x_payload(NFT_PAYLOAD_NETWORK_HEADER, offset, len)
#define TH(offset, len)	 x_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offset, len)
#define LL(offset, len)	 x_payload(NFT_PAYLOAD_LL_HEADER, offset, len)

static inline void x_put(uint8_t *to, uint64_t value, size_t len)
{
	for (size_t i = len; i-- > 0; value >>= 8)
		to[i] = (uint8_t)value;
}

static inline struct nsn_vexpr x_cmp(enum nsn_vop op, uint64_t value, uint8_t len)
{
	struct nsn_vexpr x = x_of(NSN_X_CMP);

	x.op = op;
	x.sreg = R1;
	x.len = len;
	x_put(x.data, value, len);
	return x;
}
#define EQ(value, len)	x_cmp(NSN_OP_EQ, value, len)
#define NEQ(value, len) x_cmp(NSN_OP_NEQ, value, len)

/* A number in the host's order, as marks and states are. */
static inline struct nsn_vexpr x_cmp_host(enum nsn_vop op, uint32_t value)
{
	struct nsn_vexpr x = x_cmp(op, 0, 4);

	memcpy(x.data, &value, 4);
	return x;
}

static inline struct nsn_vexpr x_cmp_name(enum nsn_vop op, const char *name, uint8_t len)
{
	struct nsn_vexpr x = x_cmp(op, 0, len);

	memset(x.data, 0, sizeof(x.data));
	memcpy(x.data, name, strlen(name));
	return x;
}

static inline struct nsn_vexpr x_range(enum nsn_vop op, uint64_t from, uint64_t to, uint8_t len)
{
	struct nsn_vexpr x = x_cmp(op, from, len);

	x.kind = NSN_X_RANGE;
	x_put(x.data2, to, len);
	return x;
}

static inline struct nsn_vexpr x_bitwise(uint64_t mask, uint64_t exclusive, uint8_t len)
{
	struct nsn_vexpr x = x_of(NSN_X_BITWISE);

	x.sreg = x.dreg = R1;
	x.len = len;
	x_put(x.data, mask, len);
	x_put(x.data2, exclusive, len);
	return x;
}

static inline struct nsn_vexpr x_bitwise_host(uint32_t mask, uint32_t exclusive)
{
	struct nsn_vexpr x = x_bitwise(0, 0, 4);

	memcpy(x.data, &mask, 4);
	memcpy(x.data2, &exclusive, 4);
	return x;
}

static inline struct nsn_vexpr x_data_host(uint32_t value)
{
	struct nsn_vexpr x = x_of(NSN_X_IMMEDIATE);

	x.dreg = R1;
	x.len = 4;
	memcpy(x.data, &value, 4);
	return x;
}

static inline struct nsn_vexpr x_store(enum nsn_xkind kind, uint32_t key)
{
	struct nsn_vexpr x = x_of(kind);

	x.sreg = R1;
	x.key = key;
	return x;
}

static inline struct nsn_vexpr x_lookup(const char *set, uint32_t flags)
{
	struct nsn_vexpr x = x_of(NSN_X_LOOKUP);

	x.set = set;
	x.sreg = R1;
	x.flags = flags;
	return x;
}

static inline struct nsn_vexpr x_map(const char *set, uint8_t dreg)
{
	struct nsn_vexpr x = x_lookup(set, 0);

	x.dreg_set = true;
	x.dreg = dreg;
	return x;
}

/* ---- running ---------------------------------------------------------------------------- */

static inline void w_ready(struct hook_world *w)
{
	nsn_hooks_free(w->h);
	w->h = NULL;
	assert_int_equal(nsn_hooks_new(&w->h, &w->ns, &w->s), 0);
}

/* IPv4 in the forward hook, from eth0 to eth1 if @in is NULL. */
static inline nsn_set_t w_run(struct hook_world *w, uint8_t family, uint32_t hook, nsn_set_t in)
{
	w_ready(w);
	nsn_hook_run(w->h, family, hook, "eth0", INT32_MIN, INT32_MAX, in, &w->got, NULL);
	return w->got.go;
}

static inline bool w_same(struct hook_world *w, nsn_set_t a, nsn_set_t b)
{
	return nsn_within(&w->s, a, b) && nsn_within(&w->s, b, a);
}

#endif
