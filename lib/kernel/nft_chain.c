/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <libnftnl/chain.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "nft_parts.h"
#include "nft_rule.h"

NSN_NFT_CLEANUP(struct nftnl_chain, nftnl_chain_free)

/* ---- writing ----------------------------------------------------------------- */

static int chain_message(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
			 const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_chain_freep) struct nftnl_chain *chain = nftnl_chain_alloc();
	const struct nsn_chain *c = &o->u.chain;
	struct nlmsghdr *h;

	if (!chain || nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, c->table) < 0 ||
	    nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, c->name) < 0)
		return nsn_err_nomem(err);
	if (type == NFT_MSG_NEWCHAIN && c->type[0]) {
		if (nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, c->type) < 0)
			return nsn_err_nomem(err);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, c->hook);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, c->priority);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, c->policy);
	}
	h = nsn_nft_message(t, type, flags, o, c->family, err);
	if (!h)
		return -ENOMEM;
	nftnl_chain_nlmsg_build_payload(h, chain);
	return 0;
}

static int rule_message(struct nsn_nft_txn *t, const struct nsn_object *o,
			const struct nsn_rule *from, struct nsnet_err *err)
{
	struct nlmsghdr *h = nsn_nft_message(t, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, o,
					     o->u.chain.family, err);
	int r = h ? nsn_rule_write(h, &o->u.chain, from) : -ENOMEM;

	if (r == -EINVAL)
		return nsn_err(err, r, NSNET_E_KERNEL,
			       "chain '%s' has a rule that nsnet did not write", o->u.chain.name);
	return r < 0 ? nsn_err_nomem(err) : 0;
}

/* DELRULE with a chain and no handle removes all rules of the chain. */
static int flush_message(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err)
{
	static const struct nsn_rule any;
	struct nlmsghdr *h = nsn_nft_message(t, NFT_MSG_DELRULE, 0, o, o->u.chain.family, err);

	if (!h || nsn_rule_write(h, &o->u.chain, &any) < 0)
		return nsn_err_nomem(err);
	return 0;
}

/* What the kernel takes only when a chain is made. */
static bool same_hook(const struct nsn_chain *a, const struct nsn_chain *b)
{
	return strcmp(a->type, b->type) == 0 && a->hook == b->hook && a->priority == b->priority;
}

/* ---- what comes first and what last ----------------------------------------------- */

/*
 * Elements and rules lead to chains, whose rules look into maps, whose elements lead
 * to chains: no order of whole objects has all before what refers to it. A chain
 * alone refers to nothing, so it is made, empty, before the first that leads to it,
 * and gets its rules in its turn. To remove one, its rules go in its turn, and the
 * chain at the end, when nothing of the transaction leads to it any more.
 */

/* Where in a sorted list it is (true), or would be. */
static bool is_kept(const struct nsn_state *s, const struct nsn_object *o, size_t *ret)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (nsn_object_cmp(&s->objects[mid], o) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret = low;
	return low < s->n && nsn_object_cmp(&s->objects[low], o) == 0;
}

/* Keeps the chain in a sorted list; only what names it. 1: it is there already. */
static int keep(struct nsn_state *s, const struct nsn_object *o)
{
	struct nsn_object copy = {.kind = NSN_OBJ_CHAIN, .at = o->at, .link = ""};
	size_t i;

	if (is_kept(s, o, &i))
		return 1;
	copy.u.chain.family = o->u.chain.family;
	copy.u.chain.table = nsn_arena_strdup(&s->arena, o->u.chain.table);
	copy.u.chain.name = nsn_arena_strdup(&s->arena, o->u.chain.name);
	copy.u.chain.type = "";
	if (!copy.u.chain.table || !copy.u.chain.name ||
	    !nsn_state_add(s, NSN_OBJ_CHAIN, o->at, ""))
		return -ENOMEM;
	memmove(&s->objects[i + 1], &s->objects[i], (s->n - 1 - i) * sizeof(copy));
	s->objects[i] = copy;
	return 0;
}

static void forget(struct nsn_state *s, const struct nsn_object *o)
{
	size_t i;

	if (!is_kept(s, o, &i))
		return;
	s->n--;
	memmove(&s->objects[i], &s->objects[i + 1], (s->n - i) * sizeof(*s->objects));
}

int nsn_nft_chain_expect(struct nsn_nft_txn *t, const struct nsn_object *by, const char *name,
			 struct nsnet_err *err)
{
	struct nsn_object o = {.kind = NSN_OBJ_CHAIN, .at = by->at, .link = ""};
	int r;

	o.u.chain = (struct nsn_chain){.name = name, .type = ""};
	o.u.chain.table = nsn_object_table(by, &o.u.chain.family);
	r = keep(&t->expected, &o);
	if (r < 0)
		return nsn_err_nomem(err);
	return r == 1 ? 0 : chain_message(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE, &o, err);
}

static int expect_all(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err)
{
	const struct nsn_chain *c = &o->u.chain;
	size_t i, k;
	int r = 0;

	for (i = 0; i < c->n_rules; i++)
		for (k = 0; r == 0 && k < c->rules[i].n; k++)
			if (c->rules[i].exprs[k].kind == NSN_EXPR_VERDICT &&
			    c->rules[i].exprs[k].name[0])
				r = nsn_nft_chain_expect(t, o, c->rules[i].exprs[k].name, err);
	return r;
}

int nsn_nft_chains_end(struct nsn_nft_txn *t, struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < t->doomed.n; i++)
		r = chain_message(t, NFT_MSG_DELCHAIN, 0, &t->doomed.objects[i], err);
	nsn_state_clear(&t->doomed);
	return r;
}

static int fill(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err)
{
	size_t i;
	int r = expect_all(t, o, err);

	for (i = 0; r == 0 && i < o->u.chain.n_rules; i++)
		r = rule_message(t, o, &o->u.chain.rules[i], err);
	return r;
}

int nsn_nft_chain_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
			const struct nsn_object *o, struct nsnet_err *err)
{
	int r;

	if (type == NFT_MSG_DELCHAIN) {
		forget(&t->expected, o);
		r = flush_message(t, o, err);
		return r == 0 && keep(&t->doomed, o) < 0 ? nsn_err_nomem(err) : r;
	}
	/* Emptied before in the same transaction: it may just stay. */
	forget(&t->doomed, o);
	r = chain_message(t, type, flags, o, err);
	return r < 0 ? r : fill(t, o, err);
}

int nsn_nft_chain_change(struct nsn_nft_txn *t, const struct nsn_object *want,
			 const struct nsn_object *have, struct nsnet_err *err)
{
	int r = flush_message(t, have, err);

	forget(&t->expected, have);
	/* Rules are replaced in one transaction: no packet sees the chain empty. */
	if (r == 0 && !same_hook(&want->u.chain, &have->u.chain))
		r = chain_message(t, NFT_MSG_DELCHAIN, 0, have, err);
	if (r == 0)
		r = chain_message(t, NFT_MSG_NEWCHAIN, NLM_F_CREATE, want, err);
	return r < 0 ? r : fill(t, want, err);
}

/* ---- reading ----------------------------------------------------------------- */

int nsn_nft_chain_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	NSN_AUTO(nftnl_chain_freep) struct nftnl_chain *chain = nftnl_chain_alloc();
	const struct nsn_nft_dump *d = arg;
	struct nsn_arena *arena = &d->state->arena;
	struct nsn_object *o;
	struct nsn_chain *c;

	if (!chain)
		return nsn_err_nomem(err);
	if (nftnl_chain_nlmsg_parse(msg, chain) < 0)
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable nft chain");
	if (strcmp(nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE), d->table) != 0)
		return 0;
	o = nsn_state_add(d->state, NSN_OBJ_CHAIN, d->at, "");
	if (!o)
		return nsn_err_nomem(err);
	c = &o->u.chain;
	c->family = (uint8_t)nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY);
	c->table = nsn_arena_strdup(arena, nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE));
	c->name = nsn_arena_strdup(arena, nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME));
	c->type = "";
	if (nftnl_chain_is_set(chain, NFTNL_CHAIN_TYPE)) {
		c->type = nsn_arena_strdup(arena, nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE));
		c->hook = nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM);
		c->priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
		c->policy = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY);
	}
	return c->table && c->name && c->type ? 0 : nsn_err_nomem(err);
}

/* The chain a rule belongs to, among those just read. */
static struct nsn_chain *chain_of(const struct nsn_nft_dump *d, const struct nsn_chain *like)
{
	size_t i;

	if (strcmp(like->table, d->table) != 0)
		return NULL;
	for (i = d->start; i < d->state->n; i++) {
		struct nsn_object *o = &d->state->objects[i];

		if (o->kind == NSN_OBJ_CHAIN && o->u.chain.family == like->family &&
		    strcmp(o->u.chain.name, like->name) == 0)
			return &o->u.chain;
	}
	return NULL;
}

/* Rules come in order. The array doubles in the arena, which keeps the old one until the end. */
static int append_rule(struct nsn_chain *c, struct nsn_arena *arena, const struct nsn_rule *rule)
{
	size_t n = c->n_rules;
	struct nsn_rule *grown;

	if ((n & (n - 1)) == 0) { /* full at 0, 1, 2, 4, ... */
		grown = nsn_arena_alloc(arena, (n ? 2 * n : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		if (n)
			memcpy(grown, c->rules, n * sizeof(*grown));
		c->rules = grown;
	}
	((struct nsn_rule *)(uintptr_t)c->rules)[n] = *rule;
	c->n_rules++;
	return 0;
}

void nsn_nft_chain_restart(void *arg)
{
	const struct nsn_nft_dump *d = arg;
	size_t i;

	for (i = d->start; i < d->state->n; i++)
		if (d->state->objects[i].kind == NSN_OBJ_CHAIN)
			d->state->objects[i].u.chain.n_rules = 0;
}

int nsn_nft_chain_rule_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct nsn_nft_dump *d = arg;
	struct nsn_chain in = {0}, *c;
	struct nsn_rule rule;
	int r;

	r = nsn_rule_read(msg, &in, &rule, &d->state->arena);
	if (r == -EBADMSG)
		return nsn_err(err, r, NSNET_E_KERNEL, "unreadable nft rule");
	c = r == 0 ? chain_of(d, &in) : NULL;
	if (r < 0 || (c && append_rule(c, &d->state->arena, &rule) < 0))
		return nsn_err_nomem(err);
	return 0;
}
