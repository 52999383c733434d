/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk - policy rules and routing tables.
 *
 * A table is cut once into disjoint pieces of the address space, each with its longest
 * prefix: a set with few destinations looks at few of them. Of routes with the same
 * prefix any may be taken, whatever their metric (what is down is not looked at).
 */
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "walk_in.h"

/* ---- tables ----------------------------------------------------------------------------- */

static int by_prefix(const void *pa, const void *pb)
{
	const struct nsn_vroute *a = *(const struct nsn_vroute *const *)pa,
				*b = *(const struct nsn_vroute *const *)pb;
	struct nsn_range ra, rb;

	nsn_w_prefix(&a->dst, &ra);
	nsn_w_prefix(&b->dst, &rb);
	if (ra.first != rb.first)
		return ra.first < rb.first ? -1 : 1;
	return (int)a->dst.len - (int)b->dst.len;
}

static bool soft(const struct nsn_vroute *r)
{
	return r->src.len != 0 || r->tos != 0;
}

/* Routes of one table as nodes, sorted; enclosing ones first. */
static size_t nodes_of(struct nsn_walk *w, const struct nsn_vroute **routes, size_t n,
		       struct nsn_wnode *nodes)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		struct nsn_wnode *last = k ? &nodes[k - 1] : NULL;
		struct nsn_range r;

		nsn_w_prefix(&routes[i]->dst, &r);
		if (last && last->r.first == r.first && last->len == routes[i]->dst.len) {
			last->n++;
			last->hard = last->hard || !soft(routes[i]);
			continue;
		}
		nodes[k++] = (struct nsn_wnode){.r = r,
						.len = routes[i]->dst.len,
						.hard = !soft(routes[i]),
						.routes = &routes[i],
						.n = 1};
	}
	(void)w;
	return k;
}

static void span(struct nsn_wtable *t, nsn_u128 first, nsn_u128 last, struct nsn_wnode *node)
{
	t->spans[t->n++] = (struct nsn_wspan){{first, last}, node};
	if (node)
		node->spans++;
}

/* Pieces: a walk over the prefixes from low to high, with the enclosing ones as `up`. */
static void cut(struct nsn_wtable *t, struct nsn_wnode *nodes, size_t n, nsn_u128 max)
{
	struct nsn_wnode *cur = NULL;
	nsn_u128 at = 0;
	bool end = false; /* all is covered: @at went beyond @max */

	for (size_t i = 0; i <= n; i++) {
		/* Leave those that end before the next one begins. */
		while (cur && (i == n || cur->r.last < nodes[i].r.first)) {
			if (!end && at <= cur->r.last)
				span(t, at, cur->r.last, cur);
			end = end || cur->r.last == max;
			if (!end && at <= cur->r.last)
				at = cur->r.last + 1;
			cur = (struct nsn_wnode *)(uintptr_t)cur->up;
		}
		if (i == n)
			break;
		if (!end && at < nodes[i].r.first)
			span(t, at, nodes[i].r.first - 1, cur);
		at = nodes[i].r.first;
		nodes[i].up = cur;
		cur = &nodes[i];
	}
	if (!end && at <= max)
		span(t, at, max, NULL);
}

static struct nsn_wtable *table_make(struct nsn_wat *at, uint32_t id)
{
	struct nsn_walk *w = at->r->w;
	const struct nsn_vns *ns = at->n->ns;
	struct nsn_wtable *t = nsn_w_alloc(w, sizeof(*t));
	const struct nsn_vroute **routes = nsn_w_alloc(w, ns->n_routes * sizeof(*ns->routes));
	struct nsn_wnode *nodes;
	size_t n = 0;

	for (size_t i = 0; i < ns->n_routes; i++) {
		if (ns->routes[i].table == id && ns->routes[i].dst.ip.family == at->family)
			routes[n++] = &ns->routes[i];
	}
	if (n)
		qsort(routes, n, sizeof(*routes), by_prefix);
	nodes = nsn_w_alloc(w, n * sizeof(*nodes));
	n = nodes_of(w, routes, n, nodes);
	t->spans = nsn_w_alloc(w, (2 * n + 1) * sizeof(*t->spans));
	t->id = id;
	t->family = at->family;
	cut(t, nodes, n, at->family == AF_INET ? UINT32_MAX : ~(nsn_u128)0);
	t->next = at->n->tables;
	at->n->tables = t;
	return t;
}

static struct nsn_wtable *table_of(struct nsn_wat *at, uint32_t id)
{
	for (struct nsn_wtable *t = at->n->tables; t; t = t->next) {
		if (t->id == id && t->family == at->family)
			return t;
	}
	return table_make(at, id);
}

/* ---- looking up ------------------------------------------------------------------------- */

struct look {
	struct nsn_wat *at;
	const struct nsn_vfib *rule;
	const struct nsn_wtable *t;
	struct nsn_wout *outs;
	nsn_set_t rest; /* no route in the table */
};

static void emit(struct look *k, enum nsn_wout_kind kind, const struct nsn_vroute *route,
		 const struct nsn_vhop *hop, nsn_set_t set)
{
	struct nsn_wout *o;

	if (nsn_empty(set))
		return;
	o = nsn_space_alloc(k->at->s, sizeof(*o));
	*o = (struct nsn_wout){k->outs, kind, k->rule, route, hop, set};
	k->outs = o;
}

static void tell_route(struct look *k, const struct nsn_vroute *r, const struct nsn_vhop *hop,
		       const char *what)
{
	char dst[NSN_PREFIX_STRLEN], via[NSN_IP_STRLEN];
	const struct nsn_wlink *l = hop ? nsn_w_link(k->at->n, hop->link) : NULL;

	nsn_w_tell(k->at, NSN_PASSED_ROUTE, hop ? hop->link : 0, "rule %u, table %u: %s%s%s%s%s%s",
		   k->rule->priority, r->table, what, nsn_prefix_str(&r->dst, dst),
		   hop && hop->via.family ? " via " : "",
		   hop && hop->via.family ? nsn_ip_str(&hop->via, via) : "", l ? " dev " : "",
		   l ? l->l->name : "");
}

static void take(struct look *k, const struct nsn_vroute *r, nsn_set_t set)
{
	if (nsn_empty(set))
		return;
	if (r->odd) {
		nsn_w_blind(k->at, set, "a route with something that is not known");
		return;
	}
	switch (r->type) {
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		tell_route(k, r, NULL, "own address ");
		emit(k, NSN_WOUT_LOCAL, r, NULL, set);
		break;
	case RTN_UNICAST:
		for (size_t i = 0; i < r->n_hops; i++) {
			tell_route(k, r, &r->hops[i], "");
			emit(k, NSN_WOUT_HOP, r, &r->hops[i], set);
		}
		if (r->n_hops == 0)
			nsn_w_blind(k->at, set, "a route that does not say where to");
		break;
	case RTN_THROW:
		k->rest = nsn_or(k->at->s, k->rest, set);
		break;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		tell_route(k, r, NULL, "closed: ");
		nsn_w_tell(k->at, NSN_PASSED_STOP, 0, "no route: it is closed");
		break;
	default:
		nsn_w_blind(k->at, set, "a route of a kind that is not known");
		break;
	}
}

/* All routes of a prefix, and of those around it where none of them must match. */
static void at_node(struct look *k, const struct nsn_wnode *node, nsn_set_t set)
{
	struct nsn_space *s = k->at->s;

	for (; node && !nsn_empty(set); node = node->up) {
		if (k->rule->suppress >= 0 && node->len <= k->rule->suppress)
			break;
		for (size_t i = 0; i < node->n; i++) {
			const struct nsn_vroute *r = node->routes[i];
			struct nsn_range src;

			if (r->src.len != 0) {
				nsn_w_prefix(&r->src, &src);
				take(k, r,
				     nsn_and(s, set,
					     nsn_between(s, NSN_F_SRC, src.first, src.last)));
			} else {
				take(k, r, set);
			}
		}
		if (node->hard)
			return;
	}
	k->rest = nsn_or(s, k->rest, set);
}

/* Pieces that are whole prefixes: halved, so that each packet is looked at log(n) times. */
static void halve(struct look *k, size_t lo, size_t hi, nsn_set_t set)
{
	const struct nsn_wspan *sp = k->t->spans;
	struct nsn_space *s = k->at->s;
	size_t mid;

	if (nsn_empty(set))
		return;
	if (lo == hi) {
		if (sp[lo].node && sp[lo].node->spans == 1)
			at_node(k, sp[lo].node,
				nsn_and(s, set,
					nsn_between(s, NSN_F_DST, sp[lo].r.first, sp[lo].r.last)));
		return;
	}
	mid = lo + (hi - lo) / 2;
	halve(k, lo, mid,
	      nsn_and(s, set, nsn_between(s, NSN_F_DST, sp[lo].r.first, sp[mid].r.last)));
	halve(k, mid + 1, hi,
	      nsn_and(s, set, nsn_between(s, NSN_F_DST, sp[mid + 1].r.first, sp[hi].r.last)));
}

static size_t span_at(const struct nsn_wtable *t, nsn_u128 v)
{
	size_t lo = 0, hi = t->n - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->spans[mid].r.last < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* All pieces from @lo to @hi of one prefix that has more than one, or of none. */
static void torn(struct look *k, size_t lo, size_t hi, const struct nsn_wnode *node, nsn_set_t set)
{
	struct nsn_range *r = nsn_space_alloc(k->at->s, (hi - lo + 1) * sizeof(*r));
	size_t n = 0;

	for (size_t i = lo; i <= hi; i++) {
		if (k->t->spans[i].node == node)
			r[n++] = k->t->spans[i].r;
	}
	set = nsn_and(k->at->s, set, nsn_in(k->at->s, NSN_F_DST, r, n));
	if (node)
		at_node(k, node, set);
	else
		k->rest = nsn_or(k->at->s, k->rest, set);
}

static bool first_of(const struct nsn_wtable *t, size_t lo, size_t i)
{
	for (size_t j = i; j-- > lo;) {
		if (t->spans[j].node == t->spans[i].node)
			return false;
	}
	return true;
}

static nsn_set_t look_up(struct look *k, nsn_set_t set)
{
	struct nsn_range r;
	size_t lo, hi, gaps = 0;

	k->rest = nsn_none(k->at->s);
	if (nsn_empty(set))
		return set;
	k->t = table_of(k->at, k->rule->table);
	nsn_bounds(k->at->s, set, NSN_F_DST, &r);
	lo = span_at(k->t, r.first);
	hi = span_at(k->t, r.last);
	for (size_t i = lo; i <= hi; i++) {
		const struct nsn_wnode *node = k->t->spans[i].node;

		if (!node && gaps++ == 0)
			torn(k, lo, hi, NULL, set);
		else if (node && node->spans > 1 && first_of(k->t, lo, i))
			torn(k, lo, hi, node, set);
	}
	halve(k, lo, hi, set);
	return k->rest;
}

/* ---- rules ------------------------------------------------------------------------------ */

/* What a rule is about. */
static nsn_set_t selected(struct nsn_wat *at, const struct nsn_vfib *f, nsn_set_t set)
{
	struct nsn_space *s = at->s;
	struct nsn_range r;
	nsn_set_t ret = set;

	/* What comes in has no device to go out by yet. */
	if (f->oif[0] != '\0')
		ret = nsn_none(s);
	if (f->iif[0] != '\0') {
		uint32_t index = 0;

		for (size_t i = 0; i < at->n->n_links; i++) {
			if (strcmp(at->n->links[i].l->name, f->iif) == 0)
				index = at->n->links[i].l->index;
		}
		ret = index ? nsn_and(s, ret, nsn_is(s, NSN_F_IIF, index)) : nsn_none(s);
	}
	if (f->mask)
		ret = nsn_w_masked(s, ret, NSN_F_MARK, f->mask, f->mark & f->mask);
	if (f->src.len) {
		nsn_w_prefix(&f->src, &r);
		ret = nsn_and(s, ret, nsn_between(s, NSN_F_SRC, r.first, r.last));
	}
	if (f->dst.len) {
		nsn_w_prefix(&f->dst, &r);
		ret = nsn_and(s, ret, nsn_between(s, NSN_F_DST, r.first, r.last));
	}
	if (f->invert)
		return f->odd ? set : nsn_sub(s, set, ret);
	return ret;
}

static const char *closed_by(const struct nsn_vfib *f)
{
	switch (f->action) {
	case FR_ACT_BLACKHOLE:
		return "blackhole";
	case FR_ACT_UNREACHABLE:
		return "unreachable";
	case FR_ACT_PROHIBIT:
		return "prohibit";
	default:
		return NULL;
	}
}

/* Of rules with the same priority a snapshot does not say which comes first. */
static bool tied(const struct nsn_vns *ns, size_t i)
{
	const struct nsn_vfib *f = &ns->fibs[i];

	return (i > 0 && f[-1].family == f->family && f[-1].priority == f->priority) ||
	       (i + 1 < ns->n_fibs && f[1].family == f->family && f[1].priority == f->priority);
}

static void rules_from(struct look *k, size_t i, nsn_set_t set, unsigned int depth)
{
	struct nsn_wat *at = k->at;
	const struct nsn_vns *ns = at->n->ns;

	for (; i < ns->n_fibs && !nsn_empty(set); i++) {
		const struct nsn_vfib *f = &ns->fibs[i];
		nsn_set_t match, rest;

		if (f->family != at->family)
			continue;
		match = selected(at, f, set);
		if (nsn_empty(match))
			continue;
		rest = f->odd || tied(ns, i) ? set : nsn_sub(at->s, set, match);
		k->rule = f;
		if (f->action == FR_ACT_TO_TBL) {
			set = nsn_or(at->s, rest, look_up(k, match));
		} else if (f->action == FR_ACT_GOTO) {
			size_t j = i + 1;

			while (j < ns->n_fibs && (ns->fibs[j].family != at->family ||
						  ns->fibs[j].priority < f->target))
				j++;
			if (depth < 16)
				rules_from(k, j, match, depth + 1);
			else
				nsn_w_blind(at, match, "too many rules that go to others");
			set = rest;
		} else if (closed_by(f)) {
			set = rest;
			nsn_w_tell(at, NSN_PASSED_STOP, 0, "no route: rule %u, %s", f->priority,
				   closed_by(f));
		} else if (f->action != FR_ACT_NOP) {
			nsn_w_blind(at, match, "a routing rule that is not known");
			set = rest;
		}
	}
	if (!nsn_empty(set))
		nsn_w_tell(at, NSN_PASSED_STOP, 0, "no route");
}

struct nsn_wout *nsn_w_route(struct nsn_wat *at, nsn_set_t set)
{
	struct look k = {.at = at};
	struct nsn_space *s = at->s;
	nsn_set_t group;

	if (nsn_empty(set))
		return NULL;
	if (at->family == AF_INET) {
		/* Never looked up; who listens may get it. */
		static const struct nsn_range groups[] = {
			{0xe0000000, 0xefffffff}, {0xffffffff, 0xffffffff}, {0, 0}};

		group = nsn_and(s, set, nsn_in(s, NSN_F_DST, groups, NSN_COUNT(groups)));
		emit(&k, NSN_WOUT_LOCAL, NULL, NULL, group);
		set = nsn_sub(s, set, group);
	}
	rules_from(&k, 0, set, 0);
	return k.outs;
}
