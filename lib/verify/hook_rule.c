/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules and chains, as nft_do_chain() runs them. */
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hook_int.h"

#define JUMP_STACK 16 /* NFT_JUMP_STACK_SIZE */

/* Room for one more of what grows in a run. */
static void *grown(struct nsn_run *r, void *list, size_t n, size_t *max, size_t size)
{
	void *more;

	if (n < *max)
		return list;
	more = realloc(list, (*max ? *max * 2 : 16) * size);
	if (!more)
		nsn_space_stop(r->s, "memory");
	*max = *max ? *max * 2 : 16;
	return more;
}

void nsn_pile_add(struct nsn_run *r, struct nsn_pile *p, nsn_set_t set)
{
	if (nsn_empty(set))
		return;
	p->v = grown(r, p->v, p->n, &p->max, sizeof(nsn_set_t));
	p->v[p->n++] = set;
}

nsn_set_t nsn_pile_take(struct nsn_run *r, struct nsn_pile *p, size_t from)
{
	size_t n = p->n - from;

	p->n = from;
	if (n == 0)
		return nsn_none(r->s);
	return n == 1 ? p->v[from] : nsn_or_many(r->s, p->v + from, n);
}

void nsn_left(struct nsn_run *r, nsn_set_t set)
{
	nsn_pile_add(r, &r->h->left, set);
}

/* ---- what is noted ---- */

static struct nsn_hit hit_of(const struct nsn_hrule *rule, const struct nsn_hchain *c,
			     enum nsn_vcode code, const struct nsn_velem *e)
{
	struct nsn_hit hit = {.table = c->table,
			      .chain = c->chain,
			      .rule = rule ? rule->rule : NULL,
			      .verdict = code,
			      .elem = e};

	return hit;
}

void nsn_trace_hit(struct nsn_run *r, const struct nsn_hrule *rule, struct nsn_hchain *c,
		   enum nsn_vcode code, const struct nsn_velem *e)
{
	struct nsn_trace *t = r->trace;

	if (!t)
		return;
	t->hits = grown(r, t->hits, t->n, &t->max, sizeof(*t->hits));
	t->hits[t->n++] = hit_of(rule, c, code, e);
}

void nsn_rule_poison(struct nsn_run *r, const struct nsn_hrule *rule, nsn_set_t set,
		     const char *why)
{
	struct nsn_hooks *h = r->h;

	if (nsn_empty(set))
		return;
	h->poison = grown(r, h->poison, h->n_poison, &h->max_poison, sizeof(*h->poison));
	memset(&h->poison[h->n_poison], 0, sizeof(*h->poison));
	h->poison[h->n_poison].set = set;
	h->poison[h->n_poison].why = why;
	if (rule)
		h->poison[h->n_poison].at = hit_of(rule, rule->chain, NSN_V_NONE, NULL);
	h->n_poison++;
}

void nsn_rule_reject(struct nsn_run *r, const struct nsn_hrule *rule, struct nsn_path *p)
{
	nsn_pile_add(r, &r->h->rejected, p->set);
	nsn_rule_verdict(r, rule, p, NSN_V_DROP, NULL);
}

void nsn_rule_verdict(struct nsn_run *r, const struct nsn_hrule *rule, struct nsn_path *p,
		      enum nsn_vcode code, struct nsn_hchain *to)
{
	struct nsn_hooks *h = r->h;

	if (nsn_empty(p->set))
		return;
	h->out = grown(r, h->out, h->n_out, &h->max_out, sizeof(*h->out));
	h->out[h->n_out].set = p->set;
	h->out[h->n_out].code = code;
	h->out[h->n_out].chain = to;
	h->out[h->n_out].rule = rule;
	h->out[h->n_out].elem = p->elem;
	h->n_out++;
}

/* ---- expressions ---- */

static bool eval_immediate(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			   struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;

	if (x->dreg != 0) {
		nsn_regs_const(p->regs, (size_t)x->dreg * 4, x->data, x->len);
		return true;
	}
	if (x->verdict.code == NSN_V_CONTINUE) /* the loop over expressions does not end */
		return true;
	nsn_rule_verdict(r, rule, p, x->verdict.code, rule->exprs[i].chain);
	return false;
}

static bool eval_arith(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		       struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;

	if (x->kind == NSN_X_BITWISE)
		nsn_regs_bitwise(r, p->regs, x);
	else if (x->kind == NSN_X_SHIFT)
		nsn_regs_shift(r, p->regs, x);
	else
		nsn_regs_byteorder(r, p->regs, x);
	return true;
}

bool nsn_eval_unknown(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;

	nsn_left(r, p->set);
	if (x->dreg)
		nsn_regs_any(p->regs, (size_t)x->dreg * 4, x->len > 16 ? x->len : 16);
	return true;
}

static bool eval_nothing(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			 struct nsn_path *p)
{
	(void)r, (void)rule, (void)i, (void)p;
	return true;
}

/* The elements that packets make are taken as any; what goes with them may break. */
static bool eval_dynset(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			struct nsn_path *p)
{
	(void)rule, (void)i;
	nsn_left(r, p->set);
	return true;
}

static bool eval_reject(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			struct nsn_path *p)
{
	(void)i;
	nsn_rule_reject(r, rule, p);
	return false;
}

static bool eval_poison(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			struct nsn_path *p)
{
	static const char *const names[NSN_X_KINDS] = {
		[NSN_X_QUEUE] = "queue",       [NSN_X_TPROXY] = "tproxy",
		[NSN_X_SYNPROXY] = "synproxy", [NSN_X_DUP] = "dup",
		[NSN_X_FWD] = "fwd",	       [NSN_X_FLOW_OFFLOAD] = "flow offload",
	};
	const struct nsn_vexpr *x = rule->exprs[i].x;
	const char *why = x->kind < NSN_X_KINDS ? names[x->kind] : NULL;

	if (!why) {
		char *text = nsn_space_alloc(r->s, 64);

		(void)snprintf(text, 64, "expression '%.32s'", x->name ? x->name : "?");
		why = text;
	}
	nsn_rule_poison(r, rule, p->set, why);
	return false;
}

typedef bool (*eval_fn)(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			struct nsn_path *p);

static const eval_fn evals[NSN_X_KINDS] = {
	[NSN_X_IMMEDIATE] = eval_immediate,
	[NSN_X_CMP] = nsn_eval_cmp,
	[NSN_X_RANGE] = nsn_eval_range,
	[NSN_X_BITWISE] = eval_arith,
	[NSN_X_SHIFT] = eval_arith,
	[NSN_X_BYTEORDER] = eval_arith,
	[NSN_X_PAYLOAD] = nsn_eval_payload,
	[NSN_X_PAYLOAD_SET] = nsn_eval_payload_set,
	[NSN_X_EXTHDR] = nsn_eval_unknown,
	[NSN_X_META] = nsn_eval_meta,
	[NSN_X_META_SET] = nsn_eval_meta_set,
	[NSN_X_CT] = nsn_eval_ct,
	[NSN_X_CT_SET] = nsn_eval_ct_set,
	[NSN_X_LOOKUP] = nsn_eval_lookup,
	[NSN_X_DYNSET] = eval_dynset,
	[NSN_X_FIB] = nsn_eval_fib,
	[NSN_X_RT] = nsn_eval_rt,
	[NSN_X_NUMGEN] = nsn_eval_unknown,
	[NSN_X_HASH] = nsn_eval_unknown,
	[NSN_X_SOCKET] = nsn_eval_unknown,
	[NSN_X_OSF] = nsn_eval_unknown,
	[NSN_X_XFRM] = nsn_eval_unknown,
	[NSN_X_TUNNEL] = nsn_eval_unknown,
	[NSN_X_LIMIT] = nsn_eval_unknown,
	[NSN_X_QUOTA] = nsn_eval_unknown,
	[NSN_X_CONNLIMIT] = nsn_eval_unknown,
	[NSN_X_LAST] = eval_nothing,
	[NSN_X_COUNTER] = eval_nothing,
	[NSN_X_LOG] = eval_nothing,
	[NSN_X_OBJREF] = nsn_eval_objref,
	[NSN_X_NAT] = nsn_eval_nat,
	[NSN_X_MASQ] = nsn_eval_nat,
	[NSN_X_REDIR] = nsn_eval_nat,
	[NSN_X_REJECT] = eval_reject,
	[NSN_X_NOTRACK] = nsn_eval_notrack,
	[NSN_X_QUEUE] = eval_poison,
	[NSN_X_TPROXY] = eval_poison,
	[NSN_X_SYNPROXY] = eval_poison,
	[NSN_X_DUP] = eval_poison,
	[NSN_X_FWD] = eval_poison,
	[NSN_X_FLOW_OFFLOAD] = eval_poison,
	[NSN_X_OTHER] = eval_poison,
};

void nsn_rule_from(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	for (; i < rule->n; i++) {
		enum nsn_xkind kind = rule->exprs[i].x->kind;

		if (nsn_empty(p->set))
			return;
		if (!(kind < NSN_X_KINDS && evals[kind] ? evals[kind] : eval_poison)(r, rule, i, p))
			return;
	}
	if (nsn_empty(p->set))
		return;
	if (rule->n)
		nsn_trace_hit(r, rule, rule->chain, NSN_V_CONTINUE, p->elem);
	nsn_left(r, p->set);
}

void nsn_rule_branch(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		     const struct nsn_path *p, nsn_set_t set, enum nsn_l3 l3)
{
	struct nsn_regs regs;
	struct nsn_path own = {.set = set, .l3 = l3, .elem = p->elem, .regs = &regs};

	if (nsn_empty(set))
		return;
	(void)nsn_regs_copy(r, p->regs, &regs);
	nsn_rule_from(r, rule, i, &own);
}

/* ---- chains ---- */

/* What a verdict does; what a jump gives back is added to those that go on behind the rule. */
static void settle(struct nsn_run *r, const struct nsn_out *o, unsigned int depth)
{
	struct nsn_hooks *h = r->h;

	nsn_trace_hit(r, o->rule, o->rule->chain, o->code, o->elem);
	switch (o->code) {
	case NSN_V_ACCEPT:
		nsn_pile_add(r, &h->done, o->set);
		return;
	case NSN_V_DROP:
		return;
	case NSN_V_RETURN:
		nsn_pile_add(r, &h->back, o->set);
		return;
	case NSN_V_CONTINUE:
	case NSN_V_BREAK:
		nsn_left(r, o->set);
		return;
	case NSN_V_JUMP:
		if (!o->chain || depth + 1 >= JUMP_STACK)
			nsn_rule_poison(r, o->rule, o->set, "a jump that leads nowhere");
		else
			nsn_left(r, nsn_chain_run(r, o->chain, o->set, depth + 1));
		return;
	case NSN_V_GOTO: /* who is returned to is whoever would have been from here */
		if (!o->chain || depth + 1 >= 2 * JUMP_STACK)
			nsn_rule_poison(r, o->rule, o->set, "a jump that leads nowhere");
		else
			nsn_pile_add(r, &h->back, nsn_chain_run(r, o->chain, o->set, depth + 1));
		return;
	case NSN_V_QUEUE:
		nsn_rule_poison(r, o->rule, o->set, "queue");
		return;
	case NSN_V_NONE:
	case NSN_V_STRANGE:
	default:
		nsn_rule_poison(r, o->rule, o->set, "a verdict that is not known");
	}
}

/* Of one rule: verdicts that are the same are settled at once. */
static void join_outs(struct nsn_run *r, size_t from)
{
	struct nsn_hooks *h = r->h;
	size_t n = from;

	if (r->trace || h->n_out - from < 2 || h->n_out - from > 64)
		return;
	for (size_t i = from; i < h->n_out; i++) {
		size_t k = from;

		while (k < n &&
		       (h->out[k].code != h->out[i].code || h->out[k].chain != h->out[i].chain))
			k++;
		if (k < n)
			h->out[k].set = nsn_or(r->s, h->out[k].set, h->out[i].set);
		else
			h->out[n++] = h->out[i];
	}
	h->n_out = n;
}

/* What goes on behind the rule. */
static nsn_set_t run_rule(struct nsn_run *r, const struct nsn_hrule *rule, nsn_set_t in,
			  unsigned int depth)
{
	struct nsn_hooks *h = r->h;
	size_t left = h->left.n, out = h->n_out;
	struct nsn_path p = {.set = in, .l3 = (enum nsn_l3)r->l3};
	struct nsn_regs regs;

	memset(regs.b, 0, sizeof(regs.b));
	regs.bits = NULL;
	p.regs = &regs;
	nsn_rule_from(r, rule, 0, &p);
	if (h->n_out > out) {
		join_outs(r, out);
		for (size_t i = out; i < h->n_out; i++) {
			struct nsn_out o = h->out[i]; /* the list may move */

			settle(r, &o, depth);
		}
		h->n_out = out;
	}
	return nsn_pile_take(r, &h->left, left);
}

nsn_set_t nsn_chain_run(struct nsn_run *r, struct nsn_hchain *c, nsn_set_t in, unsigned int depth)
{
	size_t back = r->h->back.n;

	for (size_t i = 0; i < c->n && !nsn_empty(in); i++)
		in = run_rule(r, &c->rules[i], in, depth);
	nsn_pile_add(r, &r->h->back, in);
	return nsn_pile_take(r, &r->h->back, back);
}
