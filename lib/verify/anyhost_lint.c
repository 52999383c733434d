/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "anyhost_in.h"
#include "topo_kind.h"

/*
 * anyhost_lint - what needs no packet: links past the host, what could not be seen, and who can do
 * more than the proof may assume of a container
 */

static const struct nsn_anyhost *given(const struct nsn_proving *p)
{
	return p->how->host;
}

static struct nsn_findings *list(struct nsn_proving *p)
{
	return &p->report->findings;
}

static size_t net_of(const struct nsn_proving *p, size_t ns)
{
	return ns < p->snap->n_ns ? p->out.tenant[ns] : SIZE_MAX;
}

/* Of a network, or of nobody's: then it may be anybody's. */
static struct nsn_finding *say(struct nsn_proving *p, enum nsn_finding_kind kind, size_t a,
			       const struct nsn_vns *ns)
{
	struct nsn_finding *x = nsn_say(p, kind, a, SIZE_MAX);

	x->where = nsn_arena_strdup(&list(p)->mem, ns ? ns->name : "");
	nsn_anyhost_must(p, x->where ? 0 : -ENOMEM);
	if (a != SIZE_MAX) {
		nsn_say_pair(p, a, SIZE_MAX, kind);
	} else if (nsn_finding_outcome(kind) > p->report->unlisted &&
		   nsn_finding_outcome(kind) > NSN_NOTE) {
		p->report->unlisted = nsn_finding_outcome(kind);
		p->unlisted_kind = kind;
	}
	return x;
}

/* ---- links --------------------------------------------------------------------------------------
 */

static const struct nsn_vlink *link_of(const struct nsn_proving *p, size_t ns, uint32_t index)
{
	return ns < p->snap->n_ns ? nsn_vns_link(&p->snap->ns[ns], index) : NULL;
}

static const char *name_of(const struct nsn_vlink *l, char buf[NSN_SHOW_SIZE])
{
	return l ? nsn_text_show(l->name, buf, NSN_SHOW_SIZE) : "?";
}

/* A veth is a way that is followed. What sits on a device of the host's is not. */
static void tell_upper(struct nsn_proving *p, const struct nsn_edge *e)
{
	const bool turned = p->snap->ns[e->a].full;
	const size_t ns = turned ? e->b : e->a;
	const struct nsn_vlink *l = link_of(p, ns, turned ? e->lb : e->la);
	const struct nsn_vlink *h = link_of(p, turned ? e->a : e->b, turned ? e->la : e->lb);
	char name[NSN_SHOW_SIZE], other[NSN_SHOW_SIZE];
	struct nsn_finding *x;

	if ((l && strcmp(l->kind, "veth") == 0) || (h && strcmp(h->kind, "veth") == 0))
		return;
	x = say(p, NSN_FIND_UNMODELLED, net_of(p, ns), &p->snap->ns[ns]);
	nsn_anyhost_must(p, nsn_finding_say(list(p), x,
					    "%s '%s' in %s sits on '%s' of the host: what passes "
					    "there is not looked at",
					    l && l->kind[0] ? l->kind : "device", name_of(l, name),
					    p->snap->ns[ns].name, name_of(h, other)));
}

static void tell_loose(struct nsn_proving *p, const struct nsn_edge *e)
{
	const struct nsn_vns *ns = &p->snap->ns[e->a];
	struct nsn_finding *x;

	/* What leads out of the host leads to the outside, and nobody's links to nothing. */
	if (ns->full || ns->unreadable || e->la == 0)
		return;
	x = say(p, NSN_FIND_LOOSE_LINK, net_of(p, e->a), ns);
	nsn_anyhost_must(p, nsn_finding_say(list(p), x, "In %s: %s.", ns->name, e->why));
}

/* How many namespaces are in a ring of those that links join past the host; told once. */
static size_t ring_of(const struct nsn_proving *p, size_t at, size_t *other)
{
	size_t n = 0, i = at;

	do {
		n++;
		if (net_of(p, at) != SIZE_MAX && net_of(p, i) != SIZE_MAX &&
		    net_of(p, i) != net_of(p, at))
			*other = i;
		i = p->out.next[i];
	} while (i != at);
	return n;
}

static void show_ring(struct nsn_proving *p, struct nsn_finding *x, size_t at)
{
	size_t i = at;

	do {
		nsn_anyhost_must(p, nsn_finding_show(list(p), x, "%s", p->snap->ns[i].name));
		i = p->out.next[i];
	} while (i != at && x->n_evidence < 16);
}

/*
 * Two that are joined are one; where there are more, one of them is a router that is not looked
 * into.
 */
static void tell_ring(struct nsn_proving *p, size_t at)
{
	const struct nsn_vns *ns = &p->snap->ns[at];
	size_t other = SIZE_MAX;
	const size_t n = ring_of(p, at, &other);
	struct nsn_finding *x;

	if (other != SIZE_MAX) {
		x = say(p, NSN_FIND_STRAY_LINK, net_of(p, at), ns);
		x->to = p->intent->tenants[net_of(p, other)].id;
		nsn_say_pair(p, net_of(p, at), net_of(p, other), NSN_FIND_STRAY_LINK);
		nsn_say_pair(p, net_of(p, other), net_of(p, at), NSN_FIND_STRAY_LINK);
		nsn_anyhost_must(p, nsn_finding_say(list(p), x,
						    "%s is joined with %s by links past the host",
						    ns->name, p->snap->ns[other].name));
	} else {
		x = say(p, n > 2 ? NSN_FIND_UNMODELLED : NSN_FIND_PAST_HOST, net_of(p, at), ns);
		nsn_anyhost_must(
			p, nsn_finding_say(list(p), x,
					   n > 2 ? "%zu namespaces are joined with each other past "
						   "the host: what is routed there is not looked at"
						 : "%zu namespaces are joined with each other past "
						   "the host",
					   n));
	}
	show_ring(p, x, at);
}

static void tell_rings(struct nsn_proving *p)
{
	for (size_t i = 0; i < p->snap->n_ns; i++) {
		size_t k = p->out.next[i];

		if (k == i || p->snap->ns[i].full)
			continue;
		/* From the first that is in a network, or else the first. */
		while (k != i && !(net_of(p, k) != SIZE_MAX && net_of(p, i) == SIZE_MAX) &&
		       !(k < i && (net_of(p, k) == SIZE_MAX) == (net_of(p, i) == SIZE_MAX)))
			k = p->out.next[k];
		if (k == i)
			tell_ring(p, i);
	}
}

/* Namespaces at the doors of two networks. */
static void tell_in_two(struct nsn_proving *p)
{
	const struct nsn_anyhost *h = given(p);

	for (size_t a = 0; a < h->n; a++)
		for (size_t i = 0; i < h->nets[a].n_members; i++) {
			const size_t ns = h->nets[a].members[i], first = net_of(p, ns);
			struct nsn_finding *x;

			if (first == a || first == SIZE_MAX)
				continue;
			x = say(p, NSN_FIND_TWO_NETWORKS, first, &p->snap->ns[ns]);
			x->to = p->intent->tenants[a].id;
			nsn_anyhost_must(p, nsn_finding_say(list(p), x,
							    "%s is in %s and in %s: who is root "
							    "in it can join them",
							    p->snap->ns[ns].name,
							    h->nets[first].name, h->nets[a].name));
		}
}

/* ---- what could not be seen; who is there
 * --------------------------------------------------------
 */

static void tell_unreadable(struct nsn_proving *p)
{
	const struct nsn_snap *s = p->snap;

	for (size_t i = 0; i < s->n_ns; i++)
		if (s->ns[i].unreadable) {
			struct nsn_finding *x =
				say(p, NSN_FIND_UNREADABLE, net_of(p, i), &s->ns[i]);

			nsn_anyhost_must(p, nsn_finding_say(list(p), x,
							    "%s could not be looked into: %s.",
							    s->ns[i].name, s->ns[i].why));
		}
	for (size_t i = 0; i < s->n_unsure; i++) {
		struct nsn_finding *x = say(p, NSN_FIND_UNREADABLE, SIZE_MAX, NULL);

		nsn_anyhost_must(p, nsn_finding_say(list(p), x, "Could not be looked at: %s.",
						    s->unsure[i]));
	}
	if (p->host == NSN_NOWHERE)
		nsn_anyhost_must(p, nsn_finding_say(list(p),
						    say(p, NSN_FIND_UNREADABLE, SIZE_MAX, NULL),
						    "The host's own namespace was not read."));
}

static void tell_strong(struct nsn_proving *p)
{
	size_t i = list(p)->n;

	nsn_anyhost_must(p, nsn_adversary(&p->topo, list(p), p->err));
	for (; i < list(p)->n; i++) {
		struct nsn_finding *x = &list(p)->list[i];

		if (x->kind == NSN_FIND_STRONG_ADVERSARY)
			x->hint = "start it without these capabilities, or in a user namespace of "
				  "its own";
		else
			x->hint = "";
		nsn_say_theorem(p, x->kind);
		if (x->from > 0 && x->from <= given(p)->n)
			nsn_say_pair(p, (size_t)x->from - 1, SIZE_MAX, x->kind);
	}
}

void nsn_anyhost_lint(struct nsn_proving *p)
{
	for (size_t i = 0; i < p->topo.n_edges; i++) {
		const struct nsn_edge *e = &p->topo.edges[i];

		if (e->b == NSN_NOWHERE)
			tell_loose(p, e);
		else if (p->snap->ns[e->a].full != p->snap->ns[e->b].full)
			tell_upper(p, e);
	}
	tell_rings(p);
	tell_in_two(p);
	tell_unreadable(p);
	tell_strong(p);
}
