/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lookups. The bounds of the packets are asked first, so that of a large map only the
 * elements that can match cost anything.
 */
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "hook_int.h"

/* ---- a key ---- */

enum part_kind {
	PART_FIELD,  /* a field as it is in the packet */
	PART_HOST,   /* a field in the host's order: single values only */
	PART_DOMAIN, /* a device's name, ... */
	PART_CONST,
	PART_OTHER, /* anything: by nsn_match() */
};

struct part {
	enum part_kind kind;
	enum nsn_field field;
	enum nsn_dom dom;
	struct nsn_range bounds; /* of the number that the bytes make */
	bool any;		 /* some of it is not known */
};

struct key {
	struct nsn_hset *set;
	size_t at; /* byte of the registers */
	struct part part[16];
	bool any;
};

static nsn_u128 all_ones(size_t len)
{
	return len >= 16 ? ~(nsn_u128)0 : ((nsn_u128)1 << len * 8) - 1;
}

static bool is_const(const struct nsn_regs *g, size_t at, size_t len, struct nsn_range *ret)
{
	nsn_u128 n = 0;

	for (size_t i = 0; i < len; i++) {
		if (NSN_RB_KIND(g->b[at + i]) != NSN_RB_CONST)
			return false;
		n = n << 8 | NSN_RB_B(g->b[at + i]);
	}
	ret->first = ret->last = n;
	return true;
}

/* All bytes of one field, most significant first, or as the host has them. */
static bool is_field(const struct nsn_path *p, size_t at, size_t len, enum nsn_field *f, bool host)
{
	uint32_t of = NSN_RB_A(p->regs->b[at]);
	unsigned int width;

	if (NSN_RB_KIND(p->regs->b[at]) != NSN_RB_FIELD)
		return false;
	*f = (enum nsn_field)of;
	width = nsn_field_bits(*f);
	if ((*f == NSN_F_SRC || *f == NSN_F_DST) && (p->l3 == NSN_L3_IP || p->l3 == NSN_L3_ARP))
		width = 32;
	if (width != len * 8)
		return false;
	for (size_t i = 0; i < len; i++)
		if (p->regs->b[at + i] !=
		    NSN_RB(NSN_RB_FIELD, of, host ? i * 8 : (len - 1 - i) * 8))
			return false;
	return true;
}

static nsn_u128 swapped(nsn_u128 n, size_t len)
{
	nsn_u128 out = 0;

	for (size_t i = 0; i < len; i++) {
		out = out << 8 | (n & 0xff);
		n >>= 8;
	}
	return out;
}

/* The least and greatest name of those devices that the packets can have. */
static struct nsn_range domain_bounds(struct nsn_run *r, nsn_set_t set, const struct nsn_domain *d,
				      size_t len)
{
	const struct nsn_range *b = nsn_run_bounds(r, set, d->field);
	unsigned int shift = (unsigned int)(16 - len) * 8;
	struct nsn_range ret = {all_ones(len), 0};

	size_t lo = 0, hi = d->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->e[d->by_value[mid]].value < b->first)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (size_t i = lo; i < d->n && d->e[d->by_value[i]].value <= b->last; i++) {
		nsn_u128 n = d->e[d->by_value[i]].num >> shift;

		if (n < ret.first)
			ret.first = n;
		if (n > ret.last)
			ret.last = n;
	}
	return ret;
}

static bool is_domain(const struct nsn_regs *g, size_t at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (g->b[at + i] != NSN_RB(NSN_RB_DOM, NSN_RB_A(g->b[at]), i))
			return false;
	return true;
}

static bool has_any(const struct nsn_regs *g, size_t at, size_t len)
{
	uint32_t bits[8];

	for (size_t i = 0; i < len; i++) {
		nsn_regs_get(g, at + i, bits);
		for (int k = 0; k < 8; k++)
			if (bits[k] == NSN_BIT_ANY)
				return true;
	}
	return false;
}

static void read_part(struct nsn_run *r, const struct nsn_path *p, struct part *t, size_t at,
		      size_t len)
{
	const struct nsn_range *b;

	t->bounds.first = 0;
	t->bounds.last = all_ones(len);
	t->any = false;
	if (is_field(p, at, len, &t->field, false)) {
		t->kind = PART_FIELD;
		t->bounds = *nsn_run_bounds(r, p->set, t->field);
	} else if (is_field(p, at, len, &t->field, true)) {
		t->kind = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? PART_HOST : PART_OTHER;
		b = nsn_run_bounds(r, p->set, t->field);
		if (b->first == b->last)
			t->bounds.first = t->bounds.last = swapped(b->first, len);
	} else if (is_const(p->regs, at, len, &t->bounds)) {
		t->kind = PART_CONST;
	} else if (is_domain(p->regs, at, len)) {
		t->kind = PART_DOMAIN;
		t->dom = (enum nsn_dom)NSN_RB_A(p->regs->b[at]);
		t->bounds = domain_bounds(r, p->set, &r->h->dom[t->dom], len);
	} else {
		t->kind = PART_OTHER;
		t->any = has_any(p->regs, at, len);
	}
}

static bool candidate(const struct key *k, size_t e)
{
	const struct nsn_range *at = &k->set->at[e * k->set->n];

	for (size_t f = 0; f < k->set->n; f++)
		if (at[f].last < k->part[f].bounds.first || at[f].first > k->part[f].bounds.last)
			return false;
	return true;
}

/* The packets of @set for which a field of the key is in an element's. */
static nsn_set_t part_match(struct nsn_run *r, const struct nsn_path *p, const struct key *k,
			    nsn_set_t set, size_t f, const struct nsn_velem *e,
			    const struct nsn_range *at)
{
	const struct part *t = &k->part[f];
	const uint8_t *first = e->key + k->set->off[f],
		      *last = e->key_end ? e->key_end + k->set->off[f] : first;
	nsn_set_t yes, no;

	switch (t->kind) {
	case PART_CONST:
		return set; /* it is a candidate */
	case PART_FIELD:
		nsn_part_one(r, set, t->field, at->first, at->last, &yes, &no);
		return yes;
	case PART_HOST:
		if (at->first == at->last) {
			nsn_u128 n = swapped(at->first, k->set->len[f]);

			nsn_part_one(r, set, t->field, n, n, &yes, &no);
			return yes;
		}
		break;
	case PART_DOMAIN:
	case PART_OTHER:
	default:
		break;
	}
	nsn_match(r, p, set, k->at + k->set->off[f], k->set->len[f], first, last, &yes, &no);
	return yes;
}

/* ---- what an element says ----------------------------------------------------------------------
 */

/* Ranges of the only field that decides, in one go. */
static bool by_one_field(struct nsn_run *r, const struct key *k, const size_t *cand, size_t n,
			 nsn_set_t in, nsn_set_t *yes)
{
	struct nsn_range *v;
	enum nsn_field f = NSN_FIELDS;
	size_t of = 0, out = 0;

	for (size_t i = 0; i < k->set->n; i++) {
		if (k->part[i].kind == PART_CONST)
			continue;
		if (k->part[i].kind != PART_FIELD || f != NSN_FIELDS)
			return false;
		f = k->part[i].field;
		of = i;
	}
	if (f == NSN_FIELDS)
		return false;
	v = nsn_space_alloc(r->s, n * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		v[out++] = k->set->at[cand[i] * k->set->n + of];
	*yes = nsn_and(r->s, in, nsn_in(r->s, f, v, out));
	return true;
}

static nsn_set_t group_match(struct nsn_run *r, const struct nsn_path *p, const struct key *k,
			     const size_t *cand, size_t n, nsn_set_t in)
{
	size_t base = r->h->left.n; /* borrowed: a stack of sets */
	nsn_set_t yes;

	if (n > 1 && by_one_field(r, k, cand, n, in, &yes))
		return yes;
	for (size_t i = 0; i < n; i++) {
		yes = in;
		for (size_t f = 0; f < k->set->n && !nsn_empty(yes); f++)
			yes = part_match(r, p, k, yes, f, k->set->elems[cand[i]],
					 &k->set->at[cand[i] * k->set->n + f]);
		nsn_left(r, yes);
	}
	return nsn_pile_take(r, &r->h->left, base);
}

/* The rest of the rule for what found this element. */
static void found(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		  const struct nsn_path *p, struct nsn_hset *set, const struct nsn_velem *e,
		  nsn_set_t yes)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	struct nsn_path own = *p;
	struct nsn_regs regs;

	if (nsn_empty(yes))
		return;
	own.set = yes;
	own.elem = e;
	if (x->dreg_set && x->dreg == 0 && x->kind == NSN_X_LOOKUP) {
		if (e->verdict.code == NSN_V_CONTINUE)
			goto rest;
		nsn_rule_verdict(r, rule, &own, e->verdict.code,
				 e->verdict.chain ? nsn_htable_chain(set->table, e->verdict.chain)
						  : NULL);
		return;
	}
rest:
	own.regs = nsn_regs_copy(r, p->regs, &regs);
	if (x->dreg_set && x->dreg && x->kind == NSN_X_LOOKUP) {
		if (e->data)
			nsn_regs_const(own.regs, (size_t)x->dreg * 4, e->data, set->set->data_len);
		else
			nsn_regs_any(own.regs, (size_t)x->dreg * 4, set->set->data_len);
	}
	nsn_rule_from(r, rule, i + 1, &own);
}

/* What a hit on an object does: goes on, both, or is not understood. */
static bool object(struct nsn_run *r, const struct nsn_hrule *rule, uint32_t type, nsn_set_t set)
{
	switch (type) {
	case NFT_OBJECT_COUNTER:
	case NFT_OBJECT_CT_TIMEOUT:
	case NFT_OBJECT_SECMARK:
		return true;
	case NFT_OBJECT_QUOTA:
	case NFT_OBJECT_LIMIT:
	case NFT_OBJECT_CONNLIMIT:
		nsn_left(r, set);
		return true;
	case NFT_OBJECT_SYNPROXY:
		nsn_rule_poison(r, rule, set, "synproxy");
		return false;
	case NFT_OBJECT_CT_HELPER:
	case NFT_OBJECT_CT_EXPECT:
		nsn_rule_poison(r, rule, set, "ct helper");
		return false;
	default:
		nsn_rule_poison(r, rule, set, "an object that is not known");
		return false;
	}
}

/* A set of which nothing is known: whatever it gives. */
static bool unknown_set(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
			struct nsn_path *p, size_t data_len)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;

	nsn_left(r, p->set);
	if (x->dreg_set && x->dreg == 0) {
		nsn_rule_poison(r, rule, p->set, "a map of verdicts that is not understood");
		return false;
	}
	if (x->dreg_set)
		nsn_regs_any(p->regs, (size_t)x->dreg * 4, data_len ? data_len : 16);
	return true;
}

/* ---- the lookup --------------------------------------------------------------------------------
 */

static void read_key(struct nsn_run *r, const struct nsn_path *p, struct key *k,
		     struct nsn_hset *set, size_t at)
{
	k->set = set;
	k->at = at;
	k->any = false;
	for (size_t f = 0; f < set->n; f++) {
		read_part(r, p, &k->part[f], at + set->off[f], set->len[f]);
		k->any |= k->part[f].any;
	}
}

struct looked {
	nsn_set_t hit; /* of sets that are no maps */
	nsn_set_t miss;
	const struct nsn_velem *elem;
};

/* Groups of candidates; @each: a map, of which every group goes its own way. */
static void look(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		 const struct nsn_path *p, const struct key *k, bool each, struct looked *ret)
{
	const struct nsn_hset *set = k->set;
	size_t *cand = nsn_space_alloc(r->s, (set->n_elems + 1) * sizeof(*cand));
	size_t n = 0, end;

	for (size_t e = 0; e < set->n_elems; e++)
		if (candidate(k, e))
			cand[n++] = e;
	ret->hit = nsn_none(r->s);
	ret->miss = p->set;
	ret->elem = n == 1 ? set->elems[cand[0]] : NULL;
	/* Concatenated intervals may overlap where the kernel does not see it: all that match. */
	for (size_t at = 0; at < n && (set->n > 1 || !nsn_empty(ret->miss)); at = end) {
		nsn_set_t yes;
		bool unsure = k->any;

		for (end = at; end < n && set->group[cand[end]] == set->group[cand[at]]; end++)
			unsure |= nsn_elem_uncertain(set->elems[cand[end]]);
		yes = group_match(r, p, k, cand + at, end - at, p->set);
		if (nsn_empty(yes))
			continue;
		if (!unsure)
			ret->miss = yes == p->set ? nsn_none(r->s) : nsn_sub(r->s, ret->miss, yes);
		if (each)
			found(r, rule, i, p, k->set, set->elems[cand[at]], yes);
		else
			ret->hit = nsn_or(r->s, ret->hit, yes);
	}
}

bool nsn_eval_lookup(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	struct nsn_hset *set = rule->exprs[i].set;
	size_t at = (size_t)x->sreg * 4;
	bool invert = x->flags & NFT_LOOKUP_F_INV;
	struct looked l;
	struct key k;

	if (!set)
		return unknown_set(r, rule, i, p, 0);
	nsn_hset_ready(r->h, set);
	set = nsn_hset_cut(r->h, set, p->regs, at);
	if (set->odd || set->filled || at + set->set->key_len > NSN_REG_BYTES)
		return unknown_set(r, rule, i, p, set->set->data_len);
	read_key(r, p, &k, set, at);
	look(r, rule, i, p, &k, x->dreg_set, &l);
	if (set->rest) { /* what no other element matches */
		if (x->dreg_set)
			found(r, rule, i, p, set, set->rest, l.miss);
		else
			l.hit = nsn_or(r->s, l.hit, l.miss);
		if (!nsn_elem_uncertain(set->rest))
			l.miss = nsn_none(r->s);
	}
	if (x->dreg_set) {
		nsn_left(r, l.miss);
		return false;
	}
	nsn_left(r, invert ? l.hit : l.miss);
	p->set = invert ? l.miss : l.hit;
	p->elem = invert ? p->elem : l.elem;
	return true;
}

/* By a map of objects: every element apart. */
static bool objref_map(struct nsn_run *r, const struct nsn_hrule *rule, size_t i,
		       struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;
	struct nsn_hset *set = rule->exprs[i].set;
	uint32_t type = set ? set->set->obj_type : x->number;
	struct looked l;
	struct key k;

	if (set) {
		nsn_hset_ready(r->h, set);
		set = nsn_hset_cut(r->h, set, p->regs, (size_t)x->sreg * 4);
	}
	if (!set || set->odd || set->filled ||
	    (size_t)x->sreg * 4 + set->set->key_len > NSN_REG_BYTES) {
		nsn_left(r, p->set);
		return object(r, rule, type, p->set);
	}
	read_key(r, p, &k, set, (size_t)x->sreg * 4);
	look(r, rule, i, p, &k, false, &l);
	if (set->rest) {
		l.hit = nsn_or(r->s, l.hit, l.miss);
		if (!nsn_elem_uncertain(set->rest))
			l.miss = nsn_none(r->s);
	}
	nsn_left(r, l.miss);
	p->set = l.hit;
	return object(r, rule, type, p->set);
}

bool nsn_eval_objref(struct nsn_run *r, const struct nsn_hrule *rule, size_t i, struct nsn_path *p)
{
	const struct nsn_vexpr *x = rule->exprs[i].x;

	if (x->set || x->sreg_set)
		return objref_map(r, rule, i, p);
	return object(r, rule, x->number, p->set);
}
