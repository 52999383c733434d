/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk - marks of connections that packets of the same connection change: an entry may have
 * each of them.
 */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "walk_in.h"

#define ROUNDS 8 /* until marks that change marks are given up: any mark */

/* With translation the addresses of a packet say nothing: any of the entry's, with its mark. */
static nsn_set_t tuples_any_mark(struct nsn_space *s, nsn_set_t tuples)
{
	return nsn_forget(s, tuples, NSN_F_CTMARK);
}

static bool sets(const struct nsn_vrule *rule)
{
	for (size_t x = 0; x < rule->n_exprs; x++) {
		if (rule->exprs[x].kind == NSN_X_CT_SET && rule->exprs[x].key == NFT_CT_MARK)
			return true;
	}
	return false;
}

static bool chain_sets(const struct nsn_vtable *t, const char *name, unsigned int depth);

static bool goes(const struct nsn_vtable *t, const struct nsn_vverdict *v, unsigned int depth)
{
	return (v->code == NSN_V_JUMP || v->code == NSN_V_GOTO) && v->chain &&
	       chain_sets(t, v->chain, depth + 1);
}

/* Whether a rule sets the mark of a connection, or leads to one that does. */
static bool leads(const struct nsn_vtable *t, const struct nsn_vrule *rule, unsigned int depth)
{
	if (depth > 16 || sets(rule))
		return true;
	for (size_t x = 0; x < rule->n_exprs; x++) {
		const struct nsn_vexpr *e = &rule->exprs[x];

		if (goes(t, &e->verdict, depth))
			return true;
		if (e->kind != NSN_X_LOOKUP || !e->set)
			continue;
		for (size_t i = 0; i < t->n_sets; i++) {
			const struct nsn_vset *set = &t->sets[i];

			if (strcmp(set->name, e->set) != 0)
				continue;
			for (size_t k = 0; k < set->n_elems; k++)
				if (goes(t, &set->elems[k].verdict, depth))
					return true;
		}
	}
	return false;
}

static bool chain_sets(const struct nsn_vtable *t, const char *name, unsigned int depth)
{
	for (size_t c = 0; c < t->n_chains; c++) {
		if (strcmp(t->chains[c].name, name) != 0)
			continue;
		for (size_t r = 0; r < t->chains[c].n_rules; r++)
			if (leads(t, &t->chains[c].rules[r], depth))
				return true;
	}
	return false;
}

/* Which hooks have a chain that sets marks of connections, as bits. */
static uint32_t hooks_that_set(const struct nsn_vns *ns)
{
	uint32_t ret = 0;

	for (size_t i = 0; i < ns->n_tables; i++) {
		const struct nsn_vtable *t = &ns->tables[i];

		for (size_t c = 0; c < t->n_chains; c++) {
			uint32_t hook = t->chains[c].hook;

			if (hook < 32 && !(ret >> hook & 1) && chain_sets(t, t->chains[c].name, 0))
				ret |= UINT32_C(1) << hook;
		}
	}
	return ret;
}

/*
 * Packets of an entry that got through a hook, as entries with the marks they have then.
 */
static nsn_set_t marked(struct nsn_wmade *m, nsn_set_t tuples, uint8_t nat, bool reply,
			uint32_t hooks)
{
	struct nsn_space *s = m->at.s;
	nsn_set_t set = nsn_and(s, nsn_forget(s, nsn_w_any_packet(m), NSN_F_CTMARK), tuples), now;

	set = nsn_put(s, set, NSN_F_CTSTATE, NSN_CT_ESTABLISHED);
	set = nsn_put(s, set, NSN_F_CTDIR, reply);
	set = nsn_put(s, set, NSN_F_CTNAT, nat);
	now = nsn_w_made_hook(m, NF_INET_PRE_ROUTING, -200, INT32_MAX, set);
	/* Behind routes: by any device, with any address that translation gives. */
	if (nat) {
		set = nsn_forget(s, nsn_forget(s, set, NSN_F_SRC), NSN_F_SPORT);
		set = nsn_forget(s, nsn_forget(s, set, NSN_F_DST), NSN_F_DPORT);
	}
	set = nsn_forget(s, nsn_forget(s, set, NSN_F_OIF), NSN_F_MARK);
	for (uint32_t hook = NF_INET_LOCAL_IN; hook <= NF_INET_POST_ROUTING; hook++) {
		nsn_set_t in = set;

		if (!(hooks >> hook & 1))
			continue;
		if (hook == NF_INET_LOCAL_OUT || hook == NF_INET_POST_ROUTING)
			in = nsn_forget(s, in, NSN_F_IIF);
		in = nsn_w_made_hook(m, hook, INT32_MIN, INT32_MAX, in);
		if (nat)
			in = nsn_and(s, tuples_any_mark(s, tuples), in);
		now = nsn_or(s, now, in);
	}
	return nsn_w_tuples(s, now, m->at.family);
}

/* ---- marks that stay ---------------------------------------------------------------------- */

#define MARKS_EACH 256 /* of one entry that are looked at alone */
#define FEW	   64  /* products */

/* Whether any packet at all, of a connection with this mark, leaves it the mark. */
struct known {
	uint32_t mark;
	uint8_t nat;
	bool stays;
};

struct marks {
	struct nsn_wmade *m;
	uint32_t hooks;
	struct known *list; /* by mark, nat */
	size_t n, max;
};

static size_t place_of(const struct marks *k, uint32_t mark, uint8_t nat)
{
	size_t low = 0, high = k->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const struct known *x = &k->list[mid];

		if (x->mark < mark || (x->mark == mark && x->nat < nat))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool mark_stays(struct marks *k, uint32_t mark, uint8_t nat)
{
	struct nsn_space *s = k->m->at.s;
	const size_t at = place_of(k, mark, nat);
	const nsn_set_t only = nsn_is(s, NSN_F_CTMARK, mark);
	bool stays = true;

	if (at < k->n && k->list[at].mark == mark && k->list[at].nat == nat)
		return k->list[at].stays;
	for (int reply = 0; reply < 2 && stays; reply++)
		stays = nsn_within(s, marked(k->m, only, nat, reply != 0, k->hooks), only);
	if (k->n == k->max) {
		struct known *list;

		k->max = k->max ? 2 * k->max : 64;
		list = nsn_space_alloc(s, k->max * sizeof(*list));
		if (k->n)
			memcpy(list, k->list, k->n * sizeof(*list));
		k->list = list;
	}
	memmove(&k->list[at + 1], &k->list[at], (k->n - at) * sizeof(*k->list));
	k->list[at] = (struct known){mark, nat, stays};
	k->n++;
	return stays;
}

/* How many of these were not looked at. */
static size_t unseen(const struct marks *k, const struct nsn_range *r, size_t n, uint8_t nat)
{
	size_t ret = 0;

	for (size_t i = 0; i < n; i++) {
		for (nsn_u128 v = r[i].first; v <= r[i].last; v++) {
			const size_t at = place_of(k, (uint32_t)v, nat);

			ret += at == k->n || k->list[at].mark != v || k->list[at].nat != nat;
		}
	}
	return ret;
}

/*
 * Most marks are set once and never again: that is seen with one run of the hooks for each mark,
 * whatever the packet, instead of one for each entry with all its tuples. False, too, where
 * that one is not worth it: few tuples, with a mark of their own each.
 */
static bool entry_stays(struct marks *k, const struct nsn_wentry *e)
{
	struct nsn_space *s = k->m->at.s;

	for (int reply = 0; reply < 2; reply++) {
		nsn_set_t tuples = nsn_kept_set(s, reply ? e->reply : e->orig);
		const struct nsn_range *r;
		size_t n = nsn_values(s, tuples, NSN_F_CTMARK, MARKS_EACH, &r);
		const size_t products = nsn_products(tuples);

		/* Of a range the mark of one packet could become another's. */
		for (size_t i = 0; i < n; i++)
			if (r[i].last - r[i].first >= MARKS_EACH)
				return false;
		if (products > 0 && products <= FEW && products <= 4 * unseen(k, r, n, e->nat))
			return false;
		for (size_t i = 0; i < n; i++)
			for (nsn_u128 v = r[i].first; v <= r[i].last; v++)
				if (!mark_stays(k, (uint32_t)v, e->nat))
					return false;
	}
	return true;
}

/* ---- marks that change ---------------------------------------------------------------------- */

static void remark(struct marks *k, size_t i)
{
	struct nsn_wmade *m = k->m;
	struct nsn_space *s = m->at.s;

	for (int reply = 0; reply < 2; reply++) {
		/* The list may move. */
		const struct nsn_wentry e = m->ct->list[i];
		nsn_set_t was = nsn_kept_set(s, reply ? e.reply : e.orig);
		nsn_set_t now = nsn_sub(s, marked(m, was, e.nat, reply != 0, k->hooks), was);
		const struct nsn_range *r;
		size_t n;

		for (size_t j = 0; j < m->ct->n && !nsn_empty(now); j++) {
			const struct nsn_wentry *f = &m->ct->list[j];

			if (j != i && f->nat == e.nat)
				now = nsn_sub(s, now, nsn_kept_set(s, reply ? f->reply : f->orig));
		}
		if (nsn_empty(now))
			continue;
		if (!e.nat) {
			if (reply)
				now = nsn_w_turned(s, now, m->at.family, true);
			nsn_w_add_plain(m, now, 0);
			continue;
		}
		n = nsn_values(s, now, NSN_F_CTMARK, 16, &r);
		for (size_t j = 0; j < n; j++)
			nsn_w_add(m,
				  nsn_put_between(s, nsn_kept_set(s, e.orig), NSN_F_CTMARK,
						  r[j].first, r[j].last),
				  nsn_put_between(s, nsn_kept_set(s, e.reply), NSN_F_CTMARK,
						  r[j].first, r[j].last),
				  &e);
	}
}

/* ---- marks of packets that are dropped later --------------------------------------------- */

/* Whether the rule accepts as soon as it has set the mark: then the packet gets through. */
static bool accepts(const struct nsn_vrule *rule, size_t x)
{
	return x + 1 < rule->n_exprs && rule->exprs[x + 1].kind == NSN_X_IMMEDIATE &&
	       rule->exprs[x + 1].verdict.code == NSN_V_ACCEPT;
}

/*
 * The rules of a namespace as if one of them accepted as soon as expression @x has set a mark: a
 * mark that is set stays, even if the packet is dropped then.
 */
static struct nsn_vns *cut_at(struct nsn_space *s, const struct nsn_vns *ns, size_t table,
			      size_t chain, size_t rule, size_t x)
{
	const struct nsn_vtable *t = &ns->tables[table];
	const struct nsn_vchain *c = &t->chains[chain];
	struct nsn_vns *ret = nsn_space_alloc(s, sizeof(*ret));
	struct nsn_vtable *tables = nsn_space_alloc(s, ns->n_tables * sizeof(*tables));
	struct nsn_vchain *chains = nsn_space_alloc(s, t->n_chains * sizeof(*chains));
	struct nsn_vrule *rules = nsn_space_alloc(s, c->n_rules * sizeof(*rules));
	struct nsn_vexpr *exprs = nsn_space_alloc(s, (x + 2) * sizeof(*exprs));

	*ret = *ns;
	memcpy(tables, ns->tables, ns->n_tables * sizeof(*tables));
	memcpy(chains, t->chains, t->n_chains * sizeof(*chains));
	memcpy(rules, c->rules, c->n_rules * sizeof(*rules));
	memcpy(exprs, c->rules[rule].exprs, (x + 1) * sizeof(*exprs));
	exprs[x + 1] = (struct nsn_vexpr){
		.kind = NSN_X_IMMEDIATE, .name = "immediate", .verdict = {.code = NSN_V_ACCEPT}};
	rules[rule].exprs = exprs;
	rules[rule].n_exprs = x + 2;
	chains[chain].rules = rules;
	tables[table].chains = chains;
	ret->tables = tables;
	return ret;
}

/* Calls remark() for all entries from @from on, with rules that end at this mark. */
static void remark_cut(struct nsn_wmade *m, const struct nsn_vns *cut, size_t from, size_t n,
		       uint32_t hooks)
{
	struct marks k = {.m = m, .hooks = hooks};
	struct nsn_wns other = *m->at.n;
	struct nsn_wns *was = m->at.n;

	other.ns = cut;
	other.hooks = NULL;
	if (nsn_hooks_new(&other.hooks, cut, m->at.s) < 0)
		nsn_space_stop(m->at.s, "memory");
	m->at.n = &other;
	for (size_t i = from; i < n; i++)
		remark(&k, i);
	m->at.n = was;
	nsn_hooks_free(other.hooks);
}

static void remark_dropped(struct nsn_wmade *m, size_t from, size_t n, uint32_t hooks)
{
	const struct nsn_vns *ns = m->at.n->ns;

	for (size_t t = 0; t < ns->n_tables; t++) {
		for (size_t c = 0; c < ns->tables[t].n_chains; c++) {
			const struct nsn_vchain *ch = &ns->tables[t].chains[c];

			for (size_t r = 0; r < ch->n_rules; r++) {
				for (size_t x = 0; x < ch->rules[r].n_exprs; x++) {
					const struct nsn_vexpr *e = &ch->rules[r].exprs[x];

					if (e->kind == NSN_X_CT_SET && e->key == NFT_CT_MARK &&
					    !accepts(&ch->rules[r], x))
						remark_cut(m, cut_at(m->at.s, ns, t, c, r, x), from,
							   n, hooks);
				}
			}
		}
	}
}

static void any_mark(struct nsn_wmade *m)
{
	struct nsn_space *s = m->at.s;
	size_t n = m->ct->n;

	for (size_t i = 0; i < n; i++) {
		struct nsn_wentry e = m->ct->list[i];

		nsn_w_add(m, nsn_forget(s, nsn_kept_set(s, e.orig), NSN_F_CTMARK),
			  nsn_forget(s, nsn_kept_set(s, e.reply), NSN_F_CTMARK), &e);
	}
}

void nsn_w_marks(struct nsn_wmade *m)
{
	struct marks k = {.m = m, .hooks = hooks_that_set(m->at.n->ns)};
	size_t done = 0;

	if (!k.hooks)
		return;
	for (int round = 0; round < ROUNDS; round++) {
		size_t n = m->ct->n;

		for (size_t i = done; i < n; i++)
			if (!entry_stays(&k, &m->ct->list[i]))
				remark(&k, i);
		remark_dropped(m, done, n, k.hooks);
		done = n;
		if (m->ct->n == n)
			return;
	}
	any_mark(m);
}
