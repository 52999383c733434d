/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "compile/admit.h"
#include "ctx.h"
#include "predict_parts.h"

/*
 * The compiler's rules as the kernel would tell them: the same expressions, registers
 * counted in words.
 */

/* NFT_REG_1 to _4 have four words each, NFT_REG32_00 and on one. */
static uint8_t word(uint32_t reg)
{
	return (uint8_t)(reg <= NFT_REG_4 ? reg * 4 : reg - NFT_REG32_00 + 4);
}

static struct nsn_vverdict verdict(int32_t code, const char *chain)
{
	struct nsn_vverdict v = {.code = NSN_V_STRANGE, .chain = NULL};

	switch (code) {
	case NF_ACCEPT:
		v.code = NSN_V_ACCEPT;
		break;
	case NF_DROP:
		v.code = NSN_V_DROP;
		break;
	case NFT_CONTINUE:
		v.code = NSN_V_CONTINUE;
		break;
	case NFT_BREAK:
		v.code = NSN_V_BREAK;
		break;
	case NFT_RETURN:
		v.code = NSN_V_RETURN;
		break;
	case NFT_JUMP:
	case NFT_GOTO:
		v.code = code == NFT_JUMP ? NSN_V_JUMP : NSN_V_GOTO;
		v.chain = chain;
		break;
	default:
		break;
	}
	return v;
}

static void take_load(struct nsn_vexpr *v, const struct nsn_expr *x)
{
	v->dreg = word(x->reg);
	v->dreg_set = true;
	switch ((int)x->kind) {
	case NSN_EXPR_META:
		v->kind = NSN_X_META;
		v->name = "meta";
		v->key = (uint32_t)x->key;
		return;
	case NSN_EXPR_PAYLOAD:
		v->kind = NSN_X_PAYLOAD;
		v->name = "payload";
		v->base = (uint32_t)x->key;
		v->offset = x->offset;
		v->len = (uint8_t)x->len;
		return;
	case NSN_EXPR_CT:
		v->kind = NSN_X_CT;
		v->name = "ct";
		v->key = (uint32_t)x->key;
		v->dir = 2;
		return;
	case NSN_EXPR_FIB:
		v->kind = NSN_X_FIB;
		v->name = "fib";
		v->result = (uint32_t)x->key;
		v->flags = x->flags;
		return;
	default:
		v->kind = NSN_X_NUMGEN;
		v->name = "numgen";
		v->number = x->limit.rate;
		return;
	}
}

static void take_value(struct nsn_vexpr *v, const struct nsn_expr *x)
{
	v->len = (uint8_t)x->len;
	memcpy(v->data, x->kind == NSN_EXPR_BITWISE ? x->mask : x->data, x->len);
	if (x->kind == NSN_EXPR_IMMEDIATE) {
		v->kind = NSN_X_IMMEDIATE;
		v->name = "immediate";
		v->dreg = word(x->reg);
	} else if (x->kind == NSN_EXPR_CMP) {
		v->kind = NSN_X_CMP;
		v->name = "cmp";
		v->sreg = word(x->reg);
		v->op = (enum nsn_vop)x->key;
	} else {
		v->kind = NSN_X_BITWISE;
		v->name = "bitwise";
		v->sreg = v->dreg = word(x->reg);
		memcpy(v->data2, x->data, x->len);
	}
}

static void take_set(struct nsn_vexpr *v, const struct nsn_expr *x)
{
	v->sreg = word(x->reg);
	v->sreg_set = true;
	v->set = x->name;
	switch ((int)x->kind) {
	case NSN_EXPR_OBJMAP:
		v->kind = NSN_X_OBJREF;
		v->name = "objref";
		return;
	case NSN_EXPR_DYNSET:
	case NSN_EXPR_DYNSET_LIMIT:
	case NSN_EXPR_DYNSET_CONNLIMIT:
		v->kind = NSN_X_DYNSET;
		v->name = "dynset";
		v->number = (uint32_t)x->key;
		v->sreg_set = false;
		return;
	default:
		v->kind = NSN_X_LOOKUP;
		v->name = "lookup";
		v->flags = x->kind == NSN_EXPR_LOOKUP ? (uint32_t)x->key : 0;
		v->dreg_set = x->kind != NSN_EXPR_LOOKUP;
		v->dreg = x->kind == NSN_EXPR_MAP ? word(x->to) : 0;
		return;
	}
}

/* What an element that a packet makes has of its own. */
static int take_state(const struct nsn_guess *g, struct nsn_vexpr *v, const struct nsn_expr *x)
{
	if (x->kind == NSN_EXPR_DYNSET)
		return 0;
	v->inner = nsn_arena_alloc(g->mem, sizeof(*v->inner));
	if (!v->inner)
		return -ENOMEM;
	v->n_inner = 1;
	v->inner->kind = x->kind == NSN_EXPR_DYNSET_LIMIT ? NSN_X_LIMIT : NSN_X_CONNLIMIT;
	v->inner->name = x->kind == NSN_EXPR_DYNSET_LIMIT ? "limit" : "connlimit";
	v->inner->flags = x->limit.flags;
	return 0;
}

static void take_named(struct nsn_vexpr *v, const struct nsn_expr *x)
{
	v->kind = NSN_X_OBJREF;
	v->name = "objref";
	v->number = x->kind == NSN_EXPR_COUNTER ? NFT_OBJECT_COUNTER : NFT_OBJECT_LIMIT;
	v->object = x->name;
	v->set = NULL;
}

static void take_nat(struct nsn_vexpr *v, const struct nsn_expr *x)
{
	v->kind = NSN_X_NAT;
	v->name = "nat";
	v->number = (uint32_t)x->key;
	v->family = x->len == 16 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	/* One address is the whole range, and the kernel says so; one port likewise. */
	v->sreg = v->sreg2 = word(x->reg);
	v->sreg3 = v->sreg4 = x->to ? word(x->to) : 0;
	v->flags = x->to ? 3 : 1; /* NF_NAT_RANGE_MAP_IPS, and _PROTO_SPECIFIED */
}

static int take_expr(const struct nsn_guess *g, struct nsn_vexpr *v, const struct nsn_expr *x)
{
	switch (x->kind) {
	case NSN_EXPR_META:
	case NSN_EXPR_PAYLOAD:
	case NSN_EXPR_CT:
	case NSN_EXPR_FIB:
	case NSN_EXPR_NUMGEN:
		take_load(v, x);
		return 0;
	case NSN_EXPR_IMMEDIATE:
	case NSN_EXPR_BITWISE:
	case NSN_EXPR_CMP:
		take_value(v, x);
		return 0;
	case NSN_EXPR_DYNSET:
	case NSN_EXPR_DYNSET_LIMIT:
	case NSN_EXPR_DYNSET_CONNLIMIT:
		take_set(v, x);
		return take_state(g, v, x);
	case NSN_EXPR_LOOKUP:
	case NSN_EXPR_VMAP:
	case NSN_EXPR_MAP:
	case NSN_EXPR_OBJMAP:
		take_set(v, x);
		return 0;
	case NSN_EXPR_META_SET:
	case NSN_EXPR_CT_SET:
		v->kind = x->kind == NSN_EXPR_CT_SET ? NSN_X_CT_SET : NSN_X_META_SET;
		v->name = x->kind == NSN_EXPR_CT_SET ? "ct" : "meta";
		v->key = (uint32_t)x->key;
		v->sreg = word(x->reg);
		v->sreg_set = true;
		v->dir = x->kind == NSN_EXPR_CT_SET ? 2 : 0;
		return 0;
	case NSN_EXPR_COUNTER:
	case NSN_EXPR_LIMIT:
		take_named(v, x);
		return 0;
	case NSN_EXPR_LOG:
		v->kind = NSN_X_LOG;
		v->name = "log";
		v->number = (uint32_t)x->key;
		v->object = x->name;
		return 0;
	case NSN_EXPR_NAT:
		take_nat(v, x);
		return 0;
	case NSN_EXPR_VERDICT:
		v->kind = NSN_X_IMMEDIATE;
		v->name = "immediate";
		v->verdict = verdict(x->key, x->name);
		return 0;
	case NSN_EXPR_RT:
		v->kind = NSN_X_RT;
		v->name = "rt";
		v->key = (uint32_t)x->key;
		v->dreg = word(x->reg);
		v->dreg_set = true;
		return 0;
	case NSN_EXPR_MASQ:
		v->kind = NSN_X_MASQ;
		v->name = "masq";
		return 0;
	case NSN_EXPR_OTHER:
		v->kind = NSN_X_OTHER;
		v->name = x->name;
		return 0;
	}
	return 0;
}

static int take_rule(const struct nsn_guess *g, struct nsn_vrule *ret, const struct nsn_rule *r)
{
	ret->comment = r->comment;
	ret->exprs = nsn_arena_alloc(g->mem, (r->n + 1) * sizeof(*ret->exprs));
	ret->n_exprs = r->n;
	for (size_t i = 0; ret->exprs && i < r->n; i++)
		if (take_expr(g, &ret->exprs[i], &r->exprs[i]) < 0)
			return -ENOMEM;
	return ret->exprs ? 0 : -ENOMEM;
}

static int take_chain(const struct nsn_guess *g, struct nsn_vchain *ret, const struct nsn_chain *c)
{
	*ret = (struct nsn_vchain){.name = c->name,
				   .type = c->type,
				   .hook = c->type[0] ? c->hook : NSN_NO_HOOK,
				   .priority = c->priority,
				   .policy_drop = c->type[0] && c->policy == NF_DROP};
	ret->rules = nsn_arena_alloc(g->mem, (c->n_rules + 1) * sizeof(*ret->rules));
	ret->n_rules = c->n_rules;
	for (size_t i = 0; ret->rules && i < c->n_rules; i++)
		if (take_rule(g, &ret->rules[i], &c->rules[i]) < 0)
			return -ENOMEM;
	return ret->rules ? 0 : -ENOMEM;
}

/* ---- sets --------------------------------------------------------------------------------- */

static const struct nsn_vset *find_set(const struct nsn_vtable *t, const char *name)
{
	for (size_t i = 0; t && i < t->n_sets; i++)
		if (strcmp(t->sets[i].name, name) == 0)
			return &t->sets[i];
	return NULL;
}

static void take_set_of(struct nsn_vset *ret, const struct nsn_set *s,
			const struct nsn_vtable *before)
{
	const struct nsn_vset *had = find_set(before, s->name);
	const bool verdicts = s->flags & NFT_SET_MAP && s->data_type == NFT_DATA_VERDICT;

	*ret = (struct nsn_vset){.name = s->name,
				 .flags = s->flags,
				 .key_len = s->key_len,
				 .data_len = verdicts ? 16 : s->data_len,
				 .data_type = verdicts ? NFT_DATA_VERDICT : 0,
				 .obj_type = s->flags & NFT_SET_OBJECT ? s->obj_type : 0,
				 .n_fields = s->n_fields,
				 .dynamic = s->flags & NFT_SET_EVAL,
				 .expires = s->flags & NFT_SET_TIMEOUT};
	memcpy(ret->fields, s->fields, sizeof(ret->fields));
	/* What packets have made stays: no run takes it away. */
	if (ret->dynamic && had) {
		ret->elems = had->elems;
		ret->n_elems = had->n_elems;
	}
}

static int take_elem(const struct nsn_guess *g, struct nsn_vset *set, const struct nsn_elem *e)
{
	struct nsn_velem *v;

	/* Room doubles at each power of two. */
	if ((set->n_elems & (set->n_elems - 1)) == 0) {
		set->elems = nsn_guess_list(g, set->elems, set->n_elems,
					    set->n_elems ? set->n_elems : 1, sizeof(*v));
		if (!set->elems)
			return -ENOMEM;
	}
	v = &set->elems[set->n_elems++];
	*v = (struct nsn_velem){.key = e->key,
				.key_end = e->key_end,
				.data = e->data_len ? e->data : NULL,
				.object = e->object[0] ? e->object : NULL,
				.comment = e->comment ? e->comment : ""};
	if (e->has_verdict)
		v->verdict = verdict(e->verdict, e->chain);
	return 0;
}

/* ---- tables -------------------------------------------------------------------------------- */

/* The table of ours, in the list; NULL: none. */
static struct nsn_vtable *find_table(struct nsn_vns *ns, uint8_t family, const char *name)
{
	for (size_t i = 0; i < ns->n_tables; i++)
		if (ns->tables[i].family == family && strcmp(ns->tables[i].name, name) == 0)
			return &ns->tables[i];
	return NULL;
}

static bool is_of(const struct nsn_object *o, const struct nsn_vtable *t)
{
	uint8_t family = 0;
	const char *name = nsn_object_table(o, &family);

	return name && family == t->family && strcmp(name, t->name) == 0;
}

static int fill_chains(const struct nsn_guess *g, struct nsn_vtable *t)
{
	size_t n;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_CHAIN, &n);

	t->chains = nsn_arena_alloc(g->mem, (n + 1) * sizeof(*t->chains));
	for (size_t i = 0; t->chains && i < n; i++)
		if (is_of(&o[i], t) && take_chain(g, &t->chains[t->n_chains++], &o[i].u.chain) < 0)
			return -ENOMEM;
	return t->chains ? 0 : -ENOMEM;
}

static int fill_objects(const struct nsn_guess *g, struct nsn_vtable *t)
{
	size_t n, m;
	const struct nsn_object *c = nsn_guess_objects(g, NSN_OBJ_COUNTER, &n);
	const struct nsn_object *l = nsn_guess_objects(g, NSN_OBJ_LIMIT, &m);

	t->objects = nsn_arena_alloc(g->mem, (n + m + 1) * sizeof(*t->objects));
	if (!t->objects)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_of(&c[i], t))
			t->objects[t->n_objects++] = (struct nsn_vobject){
				.type = NFT_OBJECT_COUNTER, .name = c[i].u.counter.name};
	for (size_t i = 0; i < m; i++)
		if (is_of(&l[i], t))
			t->objects[t->n_objects++] = (struct nsn_vobject){
				.type = NFT_OBJECT_LIMIT,
				.name = l[i].u.limit.name,
				.flags = l[i].u.limit.flags & NFT_LIMIT_F_INV ? 1 : 0};
	return 0;
}

static int fill_sets(const struct nsn_guess *g, struct nsn_vtable *t,
		     const struct nsn_vtable *before)
{
	size_t n, m;
	const struct nsn_object *s = nsn_guess_objects(g, NSN_OBJ_SET, &n);
	const struct nsn_object *e = nsn_guess_objects(g, NSN_OBJ_ELEM, &m);

	t->sets = nsn_arena_alloc(g->mem, (n + 1) * sizeof(*t->sets));
	if (!t->sets)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (is_of(&s[i], t))
			take_set_of(&t->sets[t->n_sets++], &s[i].u.set, before);
	for (size_t i = 0; i < m; i++) {
		const struct nsn_vset *found =
			is_of(&e[i], t) ? find_set(t, e[i].u.elem.set) : NULL;

		if (found && take_elem(g, &t->sets[found - t->sets], &e[i].u.elem) < 0)
			return -ENOMEM;
	}
	return 0;
}

int nsn_guess_rules(struct nsn_guess *g)
{
	size_t n;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_TABLE, &n);

	g->ns->tables =
		nsn_guess_list(g, g->ns->tables, g->ns->n_tables, n, sizeof(*g->ns->tables));
	if (!g->ns->tables)
		return nsn_err_nomem(g->err);
	g->ns->nft_generation++;
	for (size_t i = 0; i < n; i++) {
		const struct nsn_table *t = &o[i].u.table;
		struct nsn_vtable *to = find_table(g->ns, t->family, t->name);
		const struct nsn_vtable before = to ? *to : (struct nsn_vtable){0};

		if (!to)
			to = &g->ns->tables[g->ns->n_tables++];
		*to = (struct nsn_vtable){.family = t->family,
					  .name = t->name,
					  .flags = t->flags,
					  .comment = t->comment};
		if (fill_chains(g, to) < 0 || fill_objects(g, to) < 0 ||
		    fill_sets(g, to, &before) < 0)
			return nsn_err_nomem(g->err);
	}
	return 0;
}

/* ---- generations ----------------------------------------------------------------------------- */

static const struct nsn_vtable *gate_table(const struct nsn_vns *ns)
{
	for (size_t i = 0; i < ns->n_tables; i++)
		if (ns->tables[i].family == NFPROTO_INET &&
		    strcmp(ns->tables[i].name, NSN_TABLE_NAME) == 0)
			return &ns->tables[i];
	return NULL;
}

/* As nsn_admit_generation() reads it: what the first rule that has one compares a mark with. */
uint32_t nsn_guess_generation(const struct nsn_vns *ns)
{
	const struct nsn_vtable *t = gate_table(ns);

	for (size_t i = 0; t && i < t->n_chains; i++) {
		const struct nsn_vchain *c = &t->chains[i];
		bool marked = false;

		for (size_t k = 0; strcmp(c->name, "admit") == 0 && k < c->n_rules; k++)
			for (size_t m = 0; m < c->rules[k].n_exprs; m++) {
				const struct nsn_vexpr *x = &c->rules[k].exprs[m];
				uint32_t value;

				marked |= x->kind == NSN_X_CT && x->key == NFT_CT_MARK;
				if (!marked || x->kind != NSN_X_CMP || x->len != sizeof(value))
					continue;
				memcpy(&value, x->data, sizeof(value));
				if (value >> NSN_MARK_GEN)
					return value >> NSN_MARK_GEN;
			}
	}
	return 0;
}

static bool still_there(const struct nsn_state *state, const char *set, const struct nsn_vset *s,
			const struct nsn_velem *e)
{
	struct nsn_object like = {.kind = NSN_OBJ_ELEM, .at = {.role = NSN_GATEWAY}, .link = ""};
	const struct nsn_object *o;

	like.u.elem = (struct nsn_elem){.family = NFPROTO_INET,
					.table = NSN_TABLE_NAME,
					.set = set,
					.key = e->key,
					.key_end = e->key_end,
					.key_len = s->key_len,
					.object = ""};
	o = nsn_state_find(state, &like);
	return o && o->u.elem.data_len == s->data_len &&
	       memcmp(o->u.elem.data, e->data, s->data_len) == 0;
}

bool nsn_guess_revokes(const struct nsn_vns *ns, const struct nsn_state *state)
{
	const struct nsn_vtable *t = gate_table(ns);

	for (size_t i = 0; t && i < t->n_sets; i++) {
		const struct nsn_vset *s = &t->sets[i];

		for (size_t k = 0; s->data_len == sizeof(uint32_t) && k < s->n_elems; k++) {
			uint32_t mark = 0;

			if (!s->elems[k].data)
				continue;
			memcpy(&mark, s->elems[k].data, sizeof(mark));
			if (mark & NSN_MARK_ROUTE && s->elems[k].key &&
			    !still_there(state, s->name, s, &s->elems[k]))
				return true;
		}
	}
	return false;
}
