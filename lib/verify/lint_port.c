/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>

#include "../base/cleanup.h"
#include "lint.h"
#include "words.h"

/* ---- flags --------------------------------------------------------------------------------- */

/* What the other ports and the bridge say of the tenant. */
struct tenor {
	bool isolates; /* some port is isolated: all have to be */
	bool ipv6;     /* the gateway speaks it, and neighbour solicitations are flooded */
};

static bool is_port(const struct nsn_vlink *l)
{
	return strcmp(l->port_kind, "bridge") == 0;
}

static struct tenor tenor_of(const struct nsn_vns *ns)
{
	struct tenor ret = {false, false};
	size_t i;

	for (i = 0; i < ns->n_links; i++) {
		const struct nsn_vlink *l = &ns->links[i];

		if (is_port(l) && l->port.isolated == 1)
			ret.isolates = true;
		if (strcmp(l->name, NSN_LINT_BRIDGE) == 0 && l->conf.disable_ipv6 == 0)
			ret.ipv6 = true;
	}
	return ret;
}

/* Adds to a list of words; false: no memory. */
static bool add_word(struct nsn_arena *mem, const char **list, bool wrong, const char *word)
{
	if (!wrong || !*list)
		return *list;
	*list = nsn_arena_printf(mem, "%s%s%s", *list, **list ? ", " : "", word);
	return *list;
}

/* "learning on, locked off"; "" for a port as it should be; NULL: no memory. */
static const char *flaws(struct nsn_arena *mem, const struct nsn_vport *p, struct tenor tenant)
{
	const struct {
		bool wrong;
		const char *word;
	} all[] = {
		{tenant.isolates && p->isolated == 0, "isolated off"},
		{p->learning == 1, "learning on"},
		{p->flood == 1, "flood on"},
		{p->bcast_flood == 1, "bcast_flood on"},
		{p->mcast_flood == 1 && (tenant.isolates || !tenant.ipv6), "mcast_flood on"},
		{p->hairpin == 1, "hairpin on"},
		{p->locked == 0, "locked off"},
		{p->neigh_suppress == 1, "neigh_suppress on"},
		{p->proxy_arp == 1, "proxy_arp on"},
		{p->proxy_arp_wifi == 1 && tenant.isolates, "proxy_arp_wifi on"},
		{p->guard == 0, "guard off"},
		{p->root_block == 0, "root_block off"},
	};
	const char *list = "";
	size_t i;

	for (i = 0; i < NSN_COUNT(all); i++)
		if (!add_word(mem, &list, all[i].wrong, all[i].word))
			return NULL;
	return list;
}

static int tell_flags(struct nsn_findings *f, const struct nsn_vns *ns, const struct nsn_vlink *l,
		      struct tenor tenant)
{
	char name[NSN_SHOW_SIZE], who[NSN_SHOW_SIZE];
	const char *list = flaws(&f->mem, &l->port, tenant);
	struct nsn_finding *x;
	int r;

	if (!list)
		return -ENOMEM;
	if (!*list)
		return 0;
	x = nsn_words_add(f, NSN_FIND_PORT_FLAGS, ns, ns->tenant);
	r = x ? nsn_finding_say(f, x, "Port '%s' in %s: %s.",
				nsn_text_show(l->name, name, sizeof(name)), ns->name, list)
	      : -ENOMEM;
	return r < 0 ? r : nsn_finding_hint(f, x, "nsnet repair %s", nsn_words_tenant(ns, who));
}

/* ---- pins ---------------------------------------------------------------------------------- */

/* Names of ports that rules of the bridge's prerouting hook look up, sorted. */
struct pins {
	const char **names;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	return strncmp(*(const char *const *)a, *(const char *const *)b, IFNAMSIZ);
}

static bool looks_up(const struct nsn_vchain *c, const char *set)
{
	size_t i, j;

	for (i = 0; i < c->n_rules; i++)
		for (j = 0; j < c->rules[i].n_exprs; j++) {
			const struct nsn_vexpr *x = &c->rules[i].exprs[j];

			if (x->kind == NSN_X_LOOKUP && x->set && strcmp(x->set, set) == 0)
				return true;
		}
	return false;
}

/* By a chain of the prerouting hook, or one that may be called from there. */
static bool is_pin(const struct nsn_vtable *t, const struct nsn_vset *s)
{
	size_t i;

	if (s->key_len < IFNAMSIZ || s->dynamic)
		return false;
	for (i = 0; i < t->n_chains; i++) {
		const struct nsn_vchain *c = &t->chains[i];

		if ((c->hook == NF_BR_PRE_ROUTING || c->hook == NSN_NO_HOOK) &&
		    looks_up(c, s->name))
			return true;
	}
	return false;
}

static bool counts(const struct nsn_vtable *t)
{
	return t->family == NFPROTO_BRIDGE && !(t->flags & NFT_TABLE_F_DORMANT);
}

static void add_keys(struct pins *to, const struct nsn_vset *s)
{
	size_t i;

	for (i = 0; i < s->n_elems; i++)
		if (s->elems[i].key)
			to->names[to->n++] = (const char *)s->elems[i].key;
}

static int find_pins(const struct nsn_vns *ns, struct pins *ret)
{
	size_t i, j, max = 0;

	for (i = 0; i < ns->n_tables; i++)
		for (j = 0; counts(&ns->tables[i]) && j < ns->tables[i].n_sets; j++)
			max += ns->tables[i].sets[j].n_elems;
	ret->names = calloc(max + 1, sizeof(*ret->names));
	if (!ret->names)
		return -ENOMEM;
	for (i = 0; i < ns->n_tables; i++)
		for (j = 0; counts(&ns->tables[i]) && j < ns->tables[i].n_sets; j++)
			if (is_pin(&ns->tables[i], &ns->tables[i].sets[j]))
				add_keys(ret, &ns->tables[i].sets[j]);
	qsort(ret->names, ret->n, sizeof(*ret->names), by_name);
	return 0;
}

static int tell_unpinned(struct nsn_findings *f, const struct nsn_vns *ns,
			 const struct nsn_vlink *l, const struct pins *pins)
{
	const char *key = l->name;
	char name[NSN_SHOW_SIZE], who[NSN_SHOW_SIZE];
	struct nsn_finding *x;
	int r;

	/* One that is down brings no frames. */
	if (!(l->flags & IFF_UP) || bsearch(&key, pins->names, pins->n, sizeof(key), by_name))
		return 0;
	x = nsn_words_add(f, NSN_FIND_PORT_UNPINNED, ns, ns->tenant);
	r = x ? nsn_finding_say(f, x,
				"Port '%s' in %s: no rule says which addresses may come from it.",
				nsn_text_show(l->name, name, sizeof(name)), ns->name)
	      : -ENOMEM;
	return r < 0 ? r : nsn_finding_hint(f, x, "nsnet repair %s", nsn_words_tenant(ns, who));
}

int nsn_lint_ports(const struct nsn_topo *t, struct nsn_findings *f, size_t at)
{
	const struct nsn_vns *ns = &t->snap->ns[at];
	const struct tenor tenant = tenor_of(ns);
	struct pins pins = {NULL, 0};
	size_t i;
	int r = find_pins(ns, &pins);

	for (i = 0; r == 0 && i < ns->n_links; i++) {
		if (!is_port(&ns->links[i]))
			continue;
		r = tell_flags(f, ns, &ns->links[i], tenant);
		if (r == 0)
			r = tell_unpinned(f, ns, &ns->links[i], &pins);
	}
	free(pins.names);
	return r;
}
