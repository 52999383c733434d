/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is worked out once: which chain a jump goes to, which devices a name means, sets. */
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "hook_int.h"

nsn_u128 nsn_bytes_number(const uint8_t *bytes, size_t len)
{
	nsn_u128 n = 0;

	for (size_t i = 0; i < len; i++)
		n = n << 8 | bytes[i];
	return n;
}

/* ---- domains ------------------------------------------------------------------------------------
 */

static int by_first(const void *a, const void *b)
{
	const struct nsn_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

void nsn_ranges_sort(struct nsn_range *v, size_t n)
{
	if (n)
		qsort(v, n, sizeof(*v), by_first);
}

static int by_value(const void *a, const void *b, void *entries)
{
	const struct nsn_dom_entry *e = entries;
	uint32_t x = e[*(const uint32_t *)a].value, y = e[*(const uint32_t *)b].value;

	return x < y ? -1 : x > y;
}

static int by_num(const void *a, const void *b)
{
	const struct nsn_dom_entry *x = a, *y = b;

	if (x->num != y->num)
		return x->num < y->num ? -1 : 1;
	return x->value < y->value ? -1 : x->value > y->value;
}

size_t nsn_domain_find(const struct nsn_domain *d, const uint8_t *first, const uint8_t *last,
		       size_t len, size_t *at)
{
	unsigned int shift = (unsigned int)(16 - len) * 8;
	nsn_u128 from = nsn_bytes_number(first, len), to = nsn_bytes_number(last, len);
	size_t lo = 0, hi = d->n, end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->e[mid].num >> shift < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo; end < d->n && d->e[end].num >> shift <= to;)
		end++;
	*at = lo;
	return end - lo;
}

static void host_bytes(struct nsn_dom_entry *e, uint32_t value, size_t len)
{
	uint16_t half = (uint16_t)value;

	if (len == 2)
		memcpy(e->bytes, &half, 2);
	else
		memcpy(e->bytes, &value, 4);
}

static void name_bytes(struct nsn_dom_entry *e, const char *name)
{
	memcpy(e->bytes, name, strnlen(name, 15));
}

/* Most ports are in the same bridge: @last is asked first. */
static const struct nsn_vlink *master_of(const struct nsn_vns *ns, const struct nsn_vlink *l,
					 const struct nsn_vlink *last)
{
	if (last && last->index == l->master)
		return last;
	for (size_t i = 0; i < ns->n_links; i++)
		if (ns->links[i].index == l->master)
			return &ns->links[i];
	return NULL;
}

/* What a domain says of a device; @l NULL: there is none. */
static void device_entry(struct nsn_dom_entry *e, enum nsn_dom dom, const struct nsn_vns *ns,
			 const struct nsn_vlink *l, const struct nsn_vlink **bridge)
{
	const struct nsn_vlink *br = NULL;

	e->value = l ? l->index : 0;
	switch (dom) {
	case NSN_DOM_IIFNAME:
	case NSN_DOM_OIFNAME:
		name_bytes(e, l ? l->name : "");
		break;
	case NSN_DOM_IIFTYPE:
	case NSN_DOM_OIFTYPE:
		e->none = !l;
		host_bytes(e, l ? l->type : 0, 2);
		break;
	case NSN_DOM_IIFGROUP:
	case NSN_DOM_OIFGROUP:
		e->none = !l;
		host_bytes(e, l ? l->group : 0, 4);
		break;
	case NSN_DOM_IIFKIND:
	case NSN_DOM_OIFKIND:
		e->none = !l || !*l->kind;
		name_bytes(e, l ? l->kind : "");
		break;
	case NSN_DOM_IBRNAME:
	case NSN_DOM_OBRNAME:
		if (l && strcmp(l->port_kind, "bridge") == 0) /* of the bridge itself: none */
			br = *bridge = master_of(ns, l, *bridge);
		e->none = !br;
		name_bytes(e, br ? br->name : "");
		break;
	case NSN_DOM_CTSTATE:
	case NSN_DOMS:
	default:
		break;
	}
	e->num = nsn_bytes_number(e->bytes, 16);
}

static int make_domain(struct nsn_hooks *h, enum nsn_dom dom)
{
	static const enum nsn_field fields[NSN_DOMS] = {
		[NSN_DOM_IIFNAME] = NSN_F_IIF,	   [NSN_DOM_OIFNAME] = NSN_F_OIF,
		[NSN_DOM_IIFTYPE] = NSN_F_IIF,	   [NSN_DOM_OIFTYPE] = NSN_F_OIF,
		[NSN_DOM_IIFGROUP] = NSN_F_IIF,	   [NSN_DOM_OIFGROUP] = NSN_F_OIF,
		[NSN_DOM_IIFKIND] = NSN_F_IIF,	   [NSN_DOM_OIFKIND] = NSN_F_OIF,
		[NSN_DOM_IBRNAME] = NSN_F_IIF,	   [NSN_DOM_OBRNAME] = NSN_F_OIF,
		[NSN_DOM_CTSTATE] = NSN_F_CTSTATE,
	};
	/* NF_CT_STATE_BIT(); a number that is no state is taken as INVALID. */
	static const uint32_t states[8] = {1, 2, 4, 8, 64, 1, 1, 1};
	const struct nsn_vlink *bridge = NULL;
	struct nsn_domain *d = &h->dom[dom];

	d->field = fields[dom];
	d->n = dom == NSN_DOM_CTSTATE ? 8 : h->ns->n_links + 1;
	d->e = nsn_arena_alloc(&h->mem, d->n * sizeof(*d->e));
	d->none = nsn_arena_alloc(&h->mem, d->n * sizeof(*d->none));
	d->by_value = nsn_arena_alloc(&h->mem, d->n * sizeof(*d->by_value));
	if (!d->e || !d->none || !d->by_value)
		return -ENOMEM;
	for (size_t i = 0; i < d->n; i++) {
		if (dom == NSN_DOM_CTSTATE) {
			d->e[i].value = (uint32_t)i;
			host_bytes(&d->e[i], states[i], 4);
			d->e[i].num = nsn_bytes_number(d->e[i].bytes, 16);
		} else {
			device_entry(&d->e[i], dom, h->ns, i ? &h->ns->links[i - 1] : NULL,
				     &bridge);
		}
		if (d->e[i].none) {
			d->none[d->n_none].first = d->e[i].value;
			d->none[d->n_none++].last = d->e[i].value;
		}
	}
	nsn_ranges_sort(d->none, d->n_none);
	qsort(d->e, d->n, sizeof(*d->e), by_num);
	for (size_t i = 0; i < d->n; i++)
		d->by_value[i] = (uint32_t)i;
	qsort_r(d->by_value, d->n, sizeof(*d->by_value), by_value, d->e);
	return 0;
}

static int make_known(struct nsn_hooks *h)
{
	size_t n = 0;

	h->known = nsn_arena_alloc(&h->mem, (h->ns->n_links + 1) * sizeof(*h->known));
	h->bare = nsn_arena_alloc(&h->mem, (h->ns->n_links + 1) * sizeof(*h->bare));
	if (!h->known || !h->bare)
		return -ENOMEM;
	for (size_t i = 0; i <= h->ns->n_links; i++) {
		const struct nsn_vlink *l = i ? &h->ns->links[i - 1] : NULL;

		h->known[i].first = h->known[i].last = l ? l->index : 0;
		if (l && l->type != ARPHRD_ETHER && l->type != ARPHRD_LOOPBACK)
			h->bare[h->n_bare++] = h->known[i];
	}
	nsn_ranges_sort(h->known, h->ns->n_links + 1);
	nsn_ranges_sort(h->bare, h->n_bare);
	for (size_t i = 0; i <= h->ns->n_links; i++) {
		if (n && h->known[i].first <= h->known[n - 1].last + 1)
			h->known[n - 1].last = h->known[i].last;
		else
			h->known[n++] = h->known[i];
	}
	h->n_known = n;
	return 0;
}

/* ---- chains -------------------------------------------------------------------------------------
 */

struct nsn_hchain *nsn_htable_chain(const struct nsn_htable *t, const char *name)
{
	size_t lo = 0, hi = t->table->n_chains;

	while (lo < hi) { /* by name; should a reader not sort, the loop below finds it */
		size_t mid = lo + (hi - lo) / 2;
		int d = strcmp(name, t->table->chains[mid].name);

		if (d == 0)
			return &t->chains[mid];
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	for (size_t i = 0; i < t->table->n_chains; i++)
		if (strcmp(name, t->table->chains[i].name) == 0)
			return &t->chains[i];
	return NULL;
}

static struct nsn_hset *find_set(const struct nsn_htable *t, const char *name)
{
	size_t lo = 0, hi = t->table->n_sets;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = strcmp(name, t->table->sets[mid].name);

		if (d == 0)
			return &t->sets[mid];
		if (d < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	for (size_t i = 0; i < t->table->n_sets; i++)
		if (strcmp(name, t->table->sets[i].name) == 0)
			return &t->sets[i];
	return NULL;
}

static uint32_t bit(enum nsn_field f)
{
	return UINT32_C(1) << f;
}

static uint32_t meta_uses(uint32_t key)
{
	switch (key) {
	case NFT_META_MARK:
		return bit(NSN_F_MARK);
	case NFT_META_IIF:
	case NFT_META_IIFNAME:
	case NFT_META_IIFTYPE:
	case NFT_META_IIFGROUP:
	case NFT_META_IIFKIND:
	case NFT_META_BRI_IIFNAME:
		return bit(NSN_F_IIF);
	case NFT_META_OIF:
	case NFT_META_OIFNAME:
	case NFT_META_OIFTYPE:
	case NFT_META_OIFGROUP:
	case NFT_META_OIFKIND:
	case NFT_META_BRI_OIFNAME:
		return bit(NSN_F_OIF);
	case NFT_META_L4PROTO:
		return bit(NSN_F_PROTO) | bit(NSN_F_ETYPE);
	case NFT_META_PROTOCOL:
		return bit(NSN_F_ETYPE);
	default:
		return 0;
	}
}

static uint32_t payload_uses(uint32_t base)
{
	switch (base) {
	case NFT_PAYLOAD_LL_HEADER:
		return bit(NSN_F_L2SRC) | bit(NSN_F_L2DST) | bit(NSN_F_ETYPE) | bit(NSN_F_TAG) |
		       bit(NSN_F_IIF);
	case NFT_PAYLOAD_NETWORK_HEADER:
		return bit(NSN_F_ETYPE) | bit(NSN_F_SRC) | bit(NSN_F_DST) | bit(NSN_F_PROTO) |
		       bit(NSN_F_TTL) | bit(NSN_F_NEXT) | bit(NSN_F_ARPS) | bit(NSN_F_SPORT);
	case NFT_PAYLOAD_TRANSPORT_HEADER:
		return bit(NSN_F_SPORT) | bit(NSN_F_DPORT) | bit(NSN_F_FLAGS) | bit(NSN_F_FRAG) |
		       bit(NSN_F_PROTO) | bit(NSN_F_ND) | bit(NSN_F_QDST) | bit(NSN_F_ETYPE);
	default:
		return 0;
	}
}

static uint32_t ct_uses(uint32_t key)
{
	uint32_t u = bit(NSN_F_CTSTATE);

	switch (key) {
	case NFT_CT_STATE:
		return u;
	case NFT_CT_DIRECTION:
		return u | bit(NSN_F_CTDIR);
	case NFT_CT_MARK:
		return u | bit(NSN_F_CTMARK);
	case NFT_CT_STATUS:
		return u | bit(NSN_F_CTNAT);
	default:
		return u;
	}
}

/* nft_notrack alone switches nothing on: fragments are not put together then. */
static void note_expr(struct nsn_hooks *h, uint8_t family, const struct nsn_vexpr *x)
{
	bool tracks = x->kind == NSN_X_CT || x->kind == NSN_X_CT_SET || x->kind == NSN_X_NAT ||
		      x->kind == NSN_X_MASQ || x->kind == NSN_X_REDIR ||
		      x->kind == NSN_X_CONNLIMIT || x->kind == NSN_X_FLOW_OFFLOAD ||
		      x->kind == NSN_X_SYNPROXY ||
		      (x->kind == NSN_X_OBJREF &&
		       (x->number == NFT_OBJECT_CT_HELPER || x->number == NFT_OBJECT_CT_TIMEOUT ||
			x->number == NFT_OBJECT_CT_EXPECT || x->number == NFT_OBJECT_CONNLIMIT ||
			x->number == NFT_OBJECT_SYNPROXY));

	/* `dnat ip` in a table of inet: nft_nat_init() asks for that family alone. */
	if (x->kind == NSN_X_NAT && (x->family == NFPROTO_IPV4 || x->family == NFPROTO_IPV6))
		family = (uint8_t)x->family;
	if (tracks) {
		h->track4 |= family == NFPROTO_IPV4 || family == NFPROTO_INET;
		h->track6 |= family == NFPROTO_IPV6 || family == NFPROTO_INET;
		h->track_bridge |= family == NFPROTO_BRIDGE;
	}
	if (x->kind == NSN_X_META || x->kind == NSN_X_META_SET)
		h->uses |= meta_uses(x->key);
	if (x->kind == NSN_X_PAYLOAD || x->kind == NSN_X_PAYLOAD_SET)
		h->uses |= payload_uses(x->base);
	if (x->kind == NSN_X_CT || x->kind == NSN_X_CT_SET)
		h->uses |= ct_uses(x->key);
	if (x->kind == NSN_X_FIB || x->kind == NSN_X_RT)
		h->uses |= bit(NSN_F_SRC) | bit(NSN_F_DST);
	if (x->kind == NSN_X_NOTRACK)
		h->uses |= bit(NSN_F_CTSTATE);
	for (size_t i = 0; i < x->n_inner; i++)
		note_expr(h, family, &x->inner[i]);
}

static int prepare_rule(struct nsn_hooks *h, struct nsn_htable *t, struct nsn_hchain *c,
			struct nsn_hrule *rule, const struct nsn_vrule *v)
{
	rule->rule = v;
	rule->chain = c;
	rule->n = v->n_exprs;
	rule->exprs = nsn_arena_alloc(&h->mem, (v->n_exprs + 1) * sizeof(*rule->exprs));
	if (!rule->exprs)
		return -ENOMEM;
	for (size_t i = 0; i < v->n_exprs; i++) {
		const struct nsn_vexpr *x = &v->exprs[i];

		rule->exprs[i].x = x;
		if (x->kind == NSN_X_IMMEDIATE && x->dreg == 0 && x->verdict.chain)
			rule->exprs[i].chain = nsn_htable_chain(t, x->verdict.chain);
		if ((x->kind == NSN_X_LOOKUP || x->kind == NSN_X_OBJREF) && x->set)
			rule->exprs[i].set = find_set(t, x->set);
		if (x->kind == NSN_X_DYNSET && x->set && find_set(t, x->set))
			find_set(t, x->set)->filled = true;
		note_expr(h, t->table->family, x);
	}
	return 0;
}

static int prepare_chain(struct nsn_hooks *h, struct nsn_htable *t, struct nsn_hchain *c,
			 const struct nsn_vchain *v)
{
	int err = 0;

	c->table = t->table;
	c->chain = v;
	c->n = v->n_rules;
	c->rules = nsn_arena_alloc(&h->mem, (v->n_rules + 1) * sizeof(*c->rules));
	if (!c->rules)
		return -ENOMEM;
	for (size_t i = 0; i < v->n_rules && !err; i++)
		err = prepare_rule(h, t, c, &c->rules[i], &v->rules[i]);
	return err;
}

static int prepare_table(struct nsn_hooks *h, struct nsn_htable *t, const struct nsn_vtable *v)
{
	int err = 0;

	t->table = v;
	t->chains = nsn_arena_alloc(&h->mem, (v->n_chains + 1) * sizeof(*t->chains));
	t->sets = nsn_arena_alloc(&h->mem, (v->n_sets + 1) * sizeof(*t->sets));
	if (!t->chains || !t->sets)
		return -ENOMEM;
	for (size_t i = 0; i < v->n_sets; i++) {
		t->sets[i].set = &v->sets[i];
		t->sets[i].table = t;
		t->sets[i].filled = v->sets[i].dynamic;
		for (size_t k = 0; k < v->sets[i].n_elems; k++)
			for (size_t e = 0; e < v->sets[i].elems[k].n_exprs; e++)
				note_expr(h, v->family, &v->sets[i].elems[k].exprs[e]);
	}
	for (size_t i = 0; i < v->n_chains && !err; i++)
		err = prepare_chain(h, t, &t->chains[i], &v->chains[i]);
	return err;
}

/* Of equal priority: as dumped. In which order those were registered nobody says. */
static int by_priority(const void *a, const void *b)
{
	const struct nsn_hchain *x = *(struct nsn_hchain *const *)a,
				*y = *(struct nsn_hchain *const *)b;

	if (x->chain->priority != y->chain->priority)
		return x->chain->priority < y->chain->priority ? -1 : 1;
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	return x->chain < y->chain ? -1 : x->chain > y->chain;
}

static int collect_base(struct nsn_hooks *h)
{
	size_t n = 0;

	for (size_t i = 0; i < h->n_tables; i++)
		n += h->tables[i].table->n_chains;
	h->base = nsn_arena_alloc(&h->mem, (n + 1) * sizeof(*h->base));
	if (!h->base)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_tables; i++) {
		struct nsn_htable *t = &h->tables[i];

		if (t->table->flags & NFT_TABLE_F_DORMANT)
			continue;
		for (size_t k = 0; k < t->table->n_chains; k++)
			if (t->chains[k].chain->hook != NSN_NO_HOOK)
				h->base[h->n_base++] = &t->chains[k];
	}
	qsort(h->base, h->n_base, sizeof(*h->base), by_priority);
	return 0;
}

int nsn_hooks_prepare(struct nsn_hooks *h)
{
	int err = make_known(h);

	for (size_t d = 0; d < NSN_DOMS && !err; d++)
		err = make_domain(h, (enum nsn_dom)d);
	if (err)
		return err;
	h->n_tables = h->ns->n_tables;
	h->tables = nsn_arena_alloc(&h->mem, (h->n_tables + 1) * sizeof(*h->tables));
	if (!h->tables)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_tables && !err; i++)
		err = prepare_table(h, &h->tables[i], &h->ns->tables[i]);
	return err ? err : collect_base(h);
}
