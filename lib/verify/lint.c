/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lint.h"

#include <errno.h>
#include <string.h>

#include "topo_kind.h"
#include "words.h"

static const struct nsn_vlink *link_of(const struct nsn_vns *ns, uint32_t index)
{
	size_t i;

	for (i = 0; index != 0 && i < ns->n_links; i++)
		if (ns->links[i].index == index)
			return &ns->links[i];
	return NULL;
}

/* ---- strays and loose ends ----------------------------------------------------------------- */

/* An end that is there to be deleted, the tenant's rather than the host's. */
static int hint_stray(struct nsn_findings *f, struct nsn_finding *x, const struct nsn_topo *t,
		      const struct nsn_edge *e, const struct nsn_vlink *la,
		      const struct nsn_vlink *lb)
{
	const struct nsn_vns *a = &t->snap->ns[e->a], *b = &t->snap->ns[e->b];

	/* Of a device upon another, the upper goes. */
	if (lb && !nsn_vns_is_tenants(a) && nsn_link_lead(la) == NSN_LEAD_PEER)
		return nsn_words_unlink(f, x, b, lb);
	return nsn_words_unlink(f, x, a, la);
}

/* Two endpoints of one tenant: whether they may talk is for the policy to say. */
static bool is_within(const struct nsn_vns *a, const struct nsn_vns *b)
{
	return a->kind == NSN_VNS_WORKLOAD && b->kind == NSN_VNS_WORKLOAD && a->tenant == b->tenant;
}

static int tell_stray(const struct nsn_topo *t, struct nsn_findings *f, const struct nsn_edge *e)
{
	const struct nsn_vns *a = &t->snap->ns[e->a], *b = &t->snap->ns[e->b];
	const struct nsn_vlink *la = link_of(a, e->la), *lb = link_of(b, e->lb);
	const bool turned = !nsn_vns_is_tenants(a);
	char name[NSN_SHOW_SIZE], other[NSN_SHOW_SIZE], kind[NSN_SHOW_SIZE];
	struct nsn_finding *x;
	int r;

	if (!la)
		return 0;
	x = nsn_words_add(f, is_within(a, b) ? NSN_FIND_UNOWNED_LINK : NSN_FIND_STRAY_LINK,
			  turned ? b : a, 0);
	if (!x)
		return -ENOMEM;
	/* A tenant is the first it is about. */
	x->to = turned ? a->tenant : b->tenant;
	(void)nsn_text_show(la->name, name, sizeof(name));
	(void)nsn_text_show(la->kind[0] ? la->kind : "device", kind, sizeof(kind));
	if (lb)
		r = nsn_finding_say(f, x, "%s '%s' in %s is joined with '%s' in %s.", kind, name,
				    a->name, nsn_text_show(lb->name, other, sizeof(other)),
				    b->name);
	else
		r = nsn_finding_say(f, x, "%s '%s' in %s has its other half in %s.", kind, name,
				    a->name, b->name);
	return r < 0 ? r : hint_stray(f, x, t, e, la, lb);
}

static int tell_loose(const struct nsn_topo *t, struct nsn_findings *f, const struct nsn_edge *e)
{
	const struct nsn_vns *ns = &t->snap->ns[e->a];
	const struct nsn_vlink *l = link_of(ns, e->la);
	struct nsn_finding *x;
	int r;

	/* The whole namespace: unreadable, said elsewhere. */
	if (!l)
		return 0;
	x = nsn_words_add(f, NSN_FIND_LOOSE_LINK, ns, 0);
	if (!x)
		return -ENOMEM;
	r = nsn_finding_say(f, x, "In %s: %s.", ns->name, e->why);
	if (r == 0 && l->xdp && nsn_link_lead(l) == NSN_LEAD_PEER)
		return 0;
	return r < 0 ? r : nsn_words_unlink(f, x, ns, l);
}

static int tell_edges(const struct nsn_topo *t, struct nsn_findings *f)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < t->n_edges; i++) {
		const struct nsn_edge *e = &t->edges[i];

		if (e->kind != NSN_EDGE_STRAY)
			continue;
		r = e->b == NSN_NOWHERE ? tell_loose(t, f, e) : tell_stray(t, f, e);
	}
	return r;
}

/* ---- links of nobody ------------------------------------------------------------------------- */

static bool has_edge(const struct nsn_topo *t, size_t ns, uint32_t link)
{
	size_t i;

	for (i = t->first[ns]; i < t->first[ns + 1]; i++) {
		const struct nsn_edge *e = &t->edges[t->of[i]];

		if ((e->a == ns && e->la == link) || (e->b == ns && e->lb == link))
			return true;
	}
	return false;
}

/* A link with an edge is wanted, or a stray and already told of. */
static bool is_owned(const struct nsn_topo *t, size_t ns, const struct nsn_vlink *l)
{
	if (!l->kind[0] || nsn_link_is_fallback(l))
		return true;
	if (strcmp(l->name, NSN_LINT_BRIDGE) == 0 && strcmp(l->kind, "bridge") == 0)
		return true;
	return has_edge(t, ns, l->index);
}

static int tell_unowned(const struct nsn_topo *t, struct nsn_findings *f, size_t at)
{
	const struct nsn_vns *ns = &t->snap->ns[at];
	char name[NSN_SHOW_SIZE], kind[NSN_SHOW_SIZE];
	struct nsn_finding *x;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < ns->n_links; i++) {
		const struct nsn_vlink *l = &ns->links[i];

		if (is_owned(t, at, l))
			continue;
		x = nsn_words_add(f, NSN_FIND_UNOWNED_LINK, ns, ns->tenant);
		r = x ? nsn_finding_say(f, x, "%s '%s' in %s is not nsnet's.",
					nsn_text_show(l->kind, kind, sizeof(kind)),
					nsn_text_show(l->name, name, sizeof(name)), ns->name)
		      : -ENOMEM;
		if (r == 0)
			r = nsn_words_unlink(f, x, ns, l);
	}
	return r;
}

/* ---- what could not be seen ------------------------------------------------------------------ */

static int tell_unreadable(const struct nsn_snap *s, struct nsn_findings *f)
{
	struct nsn_finding *x;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < s->n_ns; i++) {
		if (!s->ns[i].unreadable)
			continue;
		x = nsn_words_add(f, NSN_FIND_UNREADABLE, &s->ns[i], 0);
		r = x ? nsn_finding_say(f, x, "%s could not be looked into: %s.", s->ns[i].name,
					s->ns[i].why)
		      : -ENOMEM;
	}
	for (i = 0; r == 0 && i < s->n_unsure; i++) {
		x = nsn_findings_add(f, NSN_FIND_UNREADABLE, 0, 0);
		r = x ? nsn_finding_say(f, x, "Could not be looked at: %s.", s->unsure[i])
		      : -ENOMEM;
	}
	return r;
}

int nsn_lint(const struct nsn_topo *t, struct nsn_findings *ret, struct nsnet_err *err)
{
	size_t i;
	int r = tell_edges(t, ret);

	for (i = 0; r == 0 && i < t->snap->n_ns; i++) {
		if (t->snap->ns[i].kind != NSN_VNS_GATEWAY || t->snap->ns[i].unreadable)
			continue;
		r = tell_unowned(t, ret, i);
		if (r == 0)
			r = nsn_lint_ports(t, ret, i);
		if (r == 0)
			r = nsn_lint_settings(t, ret, i);
	}
	if (r == 0)
		r = tell_unreadable(t->snap, ret);
	return r < 0 ? nsn_err_nomem(err) : 0;
}
