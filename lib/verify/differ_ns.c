/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "differ_in.h"
#include "snapfile.h"

/*
 * differ_ns - which trusted namespaces differ, and who can notice
 *
 * A packet that goes another way than before has been in a namespace that differs. So
 * a sender that gets into none of these notices nothing. From one that does not differ it
 * gets there by a link between the two: if all that can be let into that link arrives as it
 * did, then it is as if what is behind did not differ. Otherwise the near one counts as one that
 * differs, and its own links are looked at, until there is no more.
 */

#define AROUND_MAX 8

/* ---- one namespace, without what only the kernel chooses ------------------------------------ */

static _Noreturn void no_memory(struct nsn_differ *d)
{
	nsn_space_stop(&d->space, "memory");
}

static void *copy_of(struct nsn_differ *d, const void *list, size_t n, size_t size)
{
	void *ret = nsn_space_alloc(&d->space, (n + 1) * size);

	if (n)
		memcpy(ret, list, n * size);
	return ret;
}

static void plain_tables(struct nsn_differ *d, struct nsn_vns *ns)
{
	ns->tables = copy_of(d, ns->tables, ns->n_tables, sizeof(*ns->tables));
	for (size_t i = 0; i < ns->n_tables; i++) {
		struct nsn_vtable *t = &ns->tables[i];

		t->chains = copy_of(d, t->chains, t->n_chains, sizeof(*t->chains));
		for (size_t k = 0; k < t->n_chains; k++) {
			struct nsn_vchain *c = &t->chains[k];

			c->handle = 0;
			c->rules = copy_of(d, c->rules, c->n_rules, sizeof(*c->rules));
			for (size_t r = 0; r < c->n_rules; r++)
				c->rules[r].handle = 0;
		}
	}
	ns->nft_generation = 0;
}

/* Where a link leads counts by name; numbers of namespaces are the kernel's. */
static void plain_links(struct nsn_differ *d, const struct nsn_snap *snap, struct nsn_vns *ns)
{
	ns->links = copy_of(d, ns->links, ns->n_links, sizeof(*ns->links));
	for (size_t i = 0; i < ns->n_links; i++) {
		struct nsn_vlink *l = &ns->links[i];
		const char *to = l->peer_ns < snap->n_ns ? snap->ns[l->peer_ns].name : "";
		const size_t room = strlen(l->alias) + strlen(to) + 2;
		char *alias = nsn_space_alloc(&d->space, room);

		(void)snprintf(alias, room, "%s\n%s", l->alias, to);
		l->alias = alias;
		l->peer_ns = l->peer_ns < snap->n_ns ? 0 : NSN_NOWHERE;
		l->peer_nsid = -1;
	}
}

/* A bridge device's own list (multicast groups) forwards nothing. */
static void plain_fdb(struct nsn_differ *d, struct nsn_vns *ns)
{
	size_t n = 0;

	ns->fdb = copy_of(d, ns->fdb, ns->n_fdb, sizeof(*ns->fdb));
	for (size_t i = 0; i < ns->n_fdb; i++)
		if (!ns->fdb[i].self)
			ns->fdb[n++] = ns->fdb[i];
	ns->n_fdb = n;
}

static void digest(struct nsn_differ *d, const struct nsn_snap *snap, size_t at, char hash[65])
{
	struct nsn_vns ns = snap->ns[at];
	struct nsn_snap one = {.ns = &ns, .n_ns = 1, .policy = ""};

	plain_links(d, snap, &ns);
	plain_tables(d, &ns);
	plain_fdb(d, &ns);
	ns.inode = 1;
	ns.path = "";
	ns.n_procs = ns.n_held = ns.n_cts = 0;
	if (nsn_snap_seal(&one, d->err) < 0)
		no_memory(d);
	memcpy(hash, one.hash, 65);
}

static bool is_same(struct nsn_differ *d, size_t was, size_t will)
{
	const nsn_mark_t mark = nsn_space_mark(&d->space);
	char hash[2][65];

	digest(d, d->side[NSN_WAS].p.snap, was, hash[0]);
	digest(d, d->side[NSN_WILL].p.snap, will, hash[1]);
	nsn_space_release(&d->space, mark);
	return strcmp(hash[0], hash[1]) == 0;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static void pair_up(struct nsn_differ *d, size_t was, size_t will)
{
	if (was != NSN_NOWHERE)
		d->side[NSN_WAS].twin[was] = will;
	if (will != NSN_NOWHERE)
		d->side[NSN_WILL].twin[will] = was;
}

static size_t find_host(const struct nsn_snap *snap)
{
	for (size_t i = 0; i < snap->n_ns; i++)
		if (snap->ns[i].kind == NSN_VNS_HOST)
			return i;
	return NSN_NOWHERE;
}

static size_t gateway_of(const struct nsn_differ *d, const struct nsn_party *p, int side)
{
	return p->t[side] ? d->side[side].p.gateway[p->at[side]] : NSN_NOWHERE;
}

int nsn_differ_spaces(struct nsn_differ *d)
{
	for (int k = 0; k < 2; k++) {
		struct nsn_differ_side *s = &d->side[k];
		const size_t n = s->p.snap->n_ns;

		s->twin = nsn_arena_alloc(&d->mem, (n + 1) * sizeof(*s->twin));
		s->differs = nsn_arena_alloc(&d->mem, (n + 1) * sizeof(*s->differs));
		if (!s->twin || !s->differs)
			return nsn_err_nomem(d->err);
		for (size_t i = 0; i < n; i++)
			s->twin[i] = NSN_NOWHERE;
	}
	pair_up(d, find_host(d->side[NSN_WAS].p.snap), find_host(d->side[NSN_WILL].p.snap));
	for (size_t i = 0; i < d->n_parties; i++)
		pair_up(d, gateway_of(d, &d->parties[i], NSN_WAS),
			gateway_of(d, &d->parties[i], NSN_WILL));
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < d->side[k].p.snap->n_ns; i++)
			d->side[k].differs[i] =
				d->side[k].p.snap->ns[i].full && d->side[k].twin[i] == NSN_NOWHERE;
	for (size_t i = 0; i < d->side[NSN_WAS].p.snap->n_ns; i++) {
		const size_t twin = d->side[NSN_WAS].twin[i];

		if (twin != NSN_NOWHERE && !is_same(d, i, twin))
			d->side[NSN_WAS].differs[i] = d->side[NSN_WILL].differs[twin] = true;
	}
	return 0;
}

/* ---- who is behind --------------------------------------------------------------------------- */

static bool all_same(struct nsn_differ *d, const struct nsn_reached r[2])
{
	for (size_t i = 0; i < d->n_ends * NSN_FAMILIES; i++) {
		const nsn_set_t was = nsn_reached_at(d, &r[0], i / NSN_FAMILIES, i % NSN_FAMILIES);
		const nsn_set_t will = nsn_reached_at(d, &r[1], i / NSN_FAMILIES, i % NSN_FAMILIES);

		if (was != will && (!nsn_empty(nsn_sub(&d->space, was, will)) ||
				    !nsn_empty(nsn_sub(&d->space, will, was))))
			return false;
	}
	return true;
}

/* Whether something comes otherwise out of the other half of a link of @ns. */
static bool leads_elsewhere(struct nsn_differ *d, size_t ns, const struct nsn_vlink *l)
{
	const struct nsn_snap *will = d->side[NSN_WILL].p.snap;
	const struct nsn_vns *twin = &will->ns[d->side[NSN_WAS].twin[ns]];
	const struct nsn_vlink *m = nsn_vns_link_named(twin, l->name);
	const nsn_mark_t mark = nsn_space_mark(&d->space);
	struct nsn_door doors[2] = {{l->peer_ns, l->peer_index}};
	struct nsn_reached r[2];
	bool ret;

	if (!m || m->peer_ns >= will->n_ns || !m->peer_index)
		return true;
	doors[1] = (struct nsn_door){m->peer_ns, m->peer_index};
	for (int k = 0; k < 2; k++)
		nsn_reach(d, k, &doors[k], 1, &r[k]);
	ret = r[0].blind || r[1].blind || !all_same(d, r);
	nsn_space_release(&d->space, mark);
	return ret;
}

/* The links of a namespace that does not differ; each is looked at once. */
static bool look_around(struct nsn_differ *d, size_t ns, bool *seen)
{
	struct nsn_differ_side *was = &d->side[NSN_WAS];
	const struct nsn_vns *v = &was->p.snap->ns[ns];

	for (size_t i = 0; i < v->n_links; i++) {
		const struct nsn_vlink *l = &v->links[i];

		if (seen[i] || l->peer_ns >= was->p.snap->n_ns || !l->peer_index ||
		    !was->p.snap->ns[l->peer_ns].full || !was->differs[l->peer_ns])
			continue;
		seen[i] = true;
		if (!leads_elsewhere(d, ns, l))
			continue;
		was->differs[ns] = d->side[NSN_WILL].differs[was->twin[ns]] = true;
		return true;
	}
	return false;
}

/* Links between what differs and what does not. */
static size_t count_around(const struct nsn_differ_side *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->p.snap->n_ns; i++)
		for (size_t k = 0;
		     s->p.snap->ns[i].full && !s->differs[i] && k < s->p.snap->ns[i].n_links; k++) {
			const size_t peer = s->p.snap->ns[i].links[k].peer_ns;

			n += peer < s->p.snap->n_ns && s->differs[peer];
		}
	return n;
}

/* All that is joined with something that differs, by however many links. */
static void spread_all(struct nsn_differ *d, struct nsn_differ_side *s)
{
	bool *some = nsn_space_alloc(&d->space, s->p.topo.n_components + 1);

	for (size_t i = 0; i < s->p.snap->n_ns; i++)
		if (s->differs[i])
			some[s->p.topo.component[i]] = true;
	for (size_t i = 0; i < s->p.snap->n_ns; i++)
		s->differs[i] |= s->p.snap->ns[i].full && some[s->p.topo.component[i]];
}

void nsn_differ_spread(struct nsn_differ *d)
{
	const struct nsn_differ_side *was = &d->side[NSN_WAS];
	const struct nsn_snap *snap = was->p.snap;
	bool **seen = nsn_space_alloc(&d->space, (snap->n_ns + 1) * sizeof(*seen));
	bool more = true;

	/* To look at each costs more than to follow everybody then. */
	if (count_around(was) > AROUND_MAX) {
		for (int k = 0; k < 2; k++)
			spread_all(d, &d->side[k]);
		return;
	}
	for (size_t i = 0; i < snap->n_ns; i++)
		seen[i] = nsn_space_alloc(&d->space, snap->ns[i].n_links + 1);
	while (more) {
		more = false;
		for (size_t i = 0; i < snap->n_ns; i++)
			if (snap->ns[i].full && !was->differs[i])
				more |= look_around(d, i, seen[i]);
	}
}

/* Of these it is not in the packet whether they match; all else is exact. */
static bool is_vague(const struct nsn_vexpr *x)
{
	static const enum nsn_xkind kinds[] = {NSN_X_NUMGEN, NSN_X_HASH,     NSN_X_SOCKET,
					       NSN_X_OSF,    NSN_X_XFRM,     NSN_X_TUNNEL,
					       NSN_X_QUOTA,  NSN_X_CONNLIMIT};

	for (size_t i = 0; i < NSN_COUNT(kinds); i++)
		if (x->kind == kinds[i])
			return true;
	return false;
}

/* A number of chance that becomes a mark is one of nsnet's own, and any mark is followed. */
static bool decides(const struct nsn_vrule *r)
{
	for (size_t x = 0; x < r->n_exprs; x++)
		if (is_vague(&r->exprs[x]) &&
		    (r->exprs[x].kind != NSN_X_NUMGEN || x + 1 == r->n_exprs ||
		     r->exprs[x + 1].kind != NSN_X_CT_SET))
			return true;
	return false;
}

static bool has_vague_rule(const struct nsn_vtable *t)
{
	for (size_t c = 0; c < t->n_chains; c++)
		for (size_t r = 0; r < t->chains[c].n_rules; r++)
			if (decides(&t->chains[c].rules[r]))
				return true;
	/* Those of nsnet count what passes, or how much is logged. */
	for (size_t s = 0; strcmp(t->name, "nsnet") != 0 && s < t->n_sets; s++)
		if (t->sets[s].dynamic || t->sets[s].expires)
			return true;
	return false;
}

const char *nsn_differ_vague(const struct nsn_differ *d, const struct nsn_party *p)
{
	for (int k = 0; k < 2; k++) {
		const struct nsn_proving *v = &d->side[k].p;
		const size_t own = p->t[k] ? v->gateway[p->at[k]] : NSN_NOWHERE;

		for (size_t i = 0; own != NSN_NOWHERE && i < v->snap->n_ns; i++) {
			const struct nsn_vns *ns = &v->snap->ns[i];

			if (!ns->full || v->topo.component[i] != v->topo.component[own])
				continue;
			for (size_t t = 0; t < ns->n_tables; t++)
				if (has_vague_rule(&ns->tables[t]))
					return ns->name;
		}
	}
	return NULL;
}

static bool same_door(const struct nsn_differ *d, const struct nsn_door *was,
		      const struct nsn_door *will)
{
	const struct nsn_vlink *a = nsn_vns_link(&d->side[NSN_WAS].p.snap->ns[was->ns], was->link);
	const struct nsn_vlink *b =
		nsn_vns_link(&d->side[NSN_WILL].p.snap->ns[will->ns], will->link);

	return d->side[NSN_WAS].twin[was->ns] == will->ns && a && b &&
	       strcmp(a->name, b->name) == 0;
}

bool nsn_differ_notices(struct nsn_differ *d, const struct nsn_party *p)
{
	const struct nsn_door *doors[2];
	size_t n[2];

	if (!p->t[NSN_WAS] || !p->t[NSN_WILL])
		return true;
	for (int k = 0; k < 2; k++) {
		doors[k] = nsn_find_doors(&d->side[k].p, &d->space, p->at[k], &n[k]);
		for (size_t i = 0; i < n[k]; i++)
			if (d->side[k].differs[doors[k][i].ns])
				return true;
	}
	for (size_t i = 0; n[0] == n[1] && i < n[0]; i++)
		if (!same_door(d, &doors[NSN_WAS][i], &doors[NSN_WILL][i]))
			return true;
	return n[0] != n[1];
}
