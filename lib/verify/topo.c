/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "topo_kind.h"

/* A link, to be found by its place. */
struct spot {
	size_t ns;
	uint32_t index;
	const struct nsn_vlink *link;
};

struct build {
	struct nsn_topo *t;
	const struct nsn_snap *snap;
	struct spot *spots; /* by ns, index */
	size_t n_spots;
};

/* ---- links --------------------------------------------------------------------------------- */

static int by_spot(const void *a, const void *b)
{
	const struct spot *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static const struct nsn_vlink *link_at(const struct build *b, size_t ns, uint32_t index)
{
	const struct spot key = {.ns = ns, .index = index};
	const struct spot *found = NULL;

	if (index != 0 && b->n_spots > 0)
		found = bsearch(&key, b->spots, b->n_spots, sizeof(key), by_spot);
	return found ? found->link : NULL;
}

static int index_links(struct build *b)
{
	size_t i, j, n = 0;

	for (i = 0; i < b->snap->n_ns; i++)
		n += b->snap->ns[i].n_links;
	b->spots = calloc(n + 1, sizeof(*b->spots));
	if (!b->spots)
		return -ENOMEM;
	for (i = 0; i < b->snap->n_ns; i++)
		for (j = 0; j < b->snap->ns[i].n_links; j++)
			b->spots[b->n_spots++] = (struct spot){i, b->snap->ns[i].links[j].index,
							       &b->snap->ns[i].links[j]};
	qsort(b->spots, b->n_spots, sizeof(*b->spots), by_spot);
	return 0;
}

/* ---- edges --------------------------------------------------------------------------------- */

/* Where the other half of a link is; NSN_NOWHERE: not known. */
static size_t other_half(const struct build *b, size_t ns, const struct nsn_vlink *l)
{
	if (l->peer_lost)
		return NSN_NOWHERE;
	if (l->peer_ns != NSN_NOWHERE)
		return l->peer_ns < b->snap->n_ns ? l->peer_ns : NSN_NOWHERE;
	return l->peer_nsid < 0 ? ns : NSN_NOWHERE;
}

static void add_edge(struct build *b, size_t ns, const struct nsn_vlink *l, size_t to)
{
	struct nsn_edge *e = &b->t->edges[b->t->n_edges++];
	const struct nsn_vlink *other = link_at(b, to, l->peer_index);

	*e = (struct nsn_edge){
		.a = ns, .b = to, .la = l->index, .lb = other ? other->index : 0, .why = ""};
	nsn_edge_sort(e, b->snap, l, other);
}

/* "vxlan 'vx0' (id 42): leads out of the machine" */
static int add_loose(struct build *b, size_t ns, const struct nsn_vlink *l, const char *what)
{
	struct nsn_edge *e = &b->t->edges[b->t->n_edges++];
	const size_t same = strlen(l->kind);
	const char *more = l->detail;
	char name[NSN_SHOW_SIZE], kind[NSN_SHOW_SIZE], detail[NSN_SHOW_SIZE];

	/* It begins with the kind, which is said before. */
	if (same && strncmp(more, l->kind, same) == 0 && more[same] == ' ')
		more += same + 1;
	(void)nsn_text_show(l->name, name, sizeof(name));
	(void)nsn_text_show(l->kind[0] ? l->kind : "device", kind, sizeof(kind));
	(void)nsn_text_show(more, detail, sizeof(detail));
	*e = (struct nsn_edge){.a = ns, .b = NSN_NOWHERE, .la = l->index};
	nsn_edge_sort(e, b->snap, l, NULL);
	e->why = nsn_arena_printf(&b->t->mem, "%s '%s'%s%s%s: %s", kind, name,
				  detail[0] ? " (" : "", detail, detail[0] ? ")" : "", what);
	return e->why ? 0 : -ENOMEM;
}

static int add_unreadable(struct build *b, size_t ns)
{
	const struct nsn_vns *v = &b->snap->ns[ns];
	struct nsn_edge *e = &b->t->edges[b->t->n_edges++];

	*e = (struct nsn_edge){.a = ns, .b = NSN_NOWHERE};
	nsn_edge_sort(e, b->snap, NULL, NULL);
	e->why = nsn_arena_printf(&b->t->mem, "%s could not be read: %s", v->name, v->why);
	b->t->blind = b->t->n_edges - 1;
	return e->why ? 0 : -ENOMEM;
}

/* A pair is one edge: that of the half in the lower namespace, when both agree. */
static int add_pair(struct build *b, size_t ns, const struct nsn_vlink *l, size_t to)
{
	const struct nsn_vlink *other;

	if (to == NSN_NOWHERE || l->peer_index == 0)
		return add_loose(b, ns, l, "its other half cannot be found");
	if (to == ns)
		return 0;
	other = link_at(b, to, l->peer_index);
	if (other && other->peer_index == l->index && nsn_link_lead(other) == NSN_LEAD_PEER &&
	    other_half(b, to, other) == ns && ns > to)
		return 0;
	add_edge(b, ns, l, to);
	return 0;
}

static int add_upper(struct build *b, size_t ns, const struct nsn_vlink *l, size_t to)
{
	if (to == NSN_NOWHERE || l->peer_index == 0)
		return add_loose(b, ns, l, "the device below cannot be found");
	if (to != ns)
		add_edge(b, ns, l, to);
	return 0;
}

/* A tunnel whose packets leave in another namespace; else they leave by this one's links. */
static int add_tunnel(struct build *b, size_t ns, const struct nsn_vlink *l, size_t to)
{
	if (to == ns)
		return 0;
	if (to != NSN_NOWHERE)
		add_edge(b, ns, l, to);
	return add_loose(b, ns, l, "a tunnel: leads out of the machine");
}

static int add_lead(struct build *b, size_t ns, const struct nsn_vlink *l)
{
	const enum nsn_lead lead = nsn_link_lead(l);
	const size_t to = other_half(b, ns, l);
	int r;

	if (lead == NSN_LEAD_INSIDE)
		return 0;
	if (lead == NSN_LEAD_PEER)
		return add_pair(b, ns, l, to);
	if (lead == NSN_LEAD_TUNNEL)
		return add_tunnel(b, ns, l, to);
	if (lead == NSN_LEAD_LOWER)
		return add_upper(b, ns, l, to);
	if (lead == NSN_LEAD_TAP) {
		r = add_upper(b, ns, l, to);
		return r < 0 || to == NSN_NOWHERE || l->peer_index == 0
			       ? r
			       : add_loose(b, ns, l, "leads to who holds its character device");
	}
	if (to != ns && to != NSN_NOWHERE)
		add_edge(b, ns, l, to);
	if (lead == NSN_LEAD_HELD)
		return add_loose(b, ns, l, "leads to the process that holds it");
	if (lead == NSN_LEAD_SOCKET)
		return add_loose(b, ns, l, "leads out by a socket that the kernel does not show");
	if (lead == NSN_LEAD_MACHINE)
		return add_loose(b, ns, l, "leads out of the machine");
	return add_loose(b, ns, l, "a kind of device that is not known");
}

/*
 * XDP sends to any device of its map, wherever that is. A trusted namespace's is the
 * prover's to judge; nobody else looks at a workload's.
 */
static int add_program(struct build *b, const struct nsn_vns *v, size_t ns,
		       const struct nsn_vlink *l)
{
	if (!l->xdp || v->kind != NSN_VNS_WORKLOAD)
		return 0;
	return add_loose(b, ns, l, "its XDP program may send to any device");
}

static int add_edges(struct build *b)
{
	size_t i, j;
	int r = 0;

	/* None makes more than three: a half, a loose end, a program. */
	b->t->edges = nsn_arena_alloc(&b->t->mem,
				      (3 * b->n_spots + b->snap->n_ns + 1) * sizeof(*b->t->edges));
	if (!b->t->edges)
		return -ENOMEM;
	for (i = 0; r == 0 && i < b->snap->n_ns; i++) {
		const struct nsn_vns *v = &b->snap->ns[i];

		if (v->unreadable)
			r = add_unreadable(b, i);
		for (j = 0; r == 0 && j < v->n_links; j++) {
			r = add_lead(b, i, &v->links[j]);
			if (r == 0)
				r = add_program(b, v, i, &v->links[j]);
		}
	}
	return r;
}

/* ---- components ------------------------------------------------------------------------------ */

static size_t root_of(size_t *up, size_t i)
{
	while (up[i] != i) {
		up[i] = up[up[i]];
		i = up[i];
	}
	return i;
}

static int find_components(struct nsn_topo *t)
{
	const size_t n = t->snap->n_ns;
	NSN_AUTO(nsn_freep) size_t *up = calloc(n + 1, sizeof(*up));
	size_t i;

	t->component = nsn_arena_alloc(&t->mem, n * sizeof(*t->component));
	if (!up || !t->component)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		up[i] = i;
	for (i = 0; i < t->n_edges; i++) {
		const struct nsn_edge *e = &t->edges[i];
		size_t a, b;

		if (e->b == NSN_NOWHERE)
			continue;
		a = root_of(up, e->a);
		b = root_of(up, e->b);
		/* The lowest is the root: it is met, and numbered, first. */
		if (a < b)
			up[b] = a;
		else
			up[a] = b;
	}
	for (i = 0; i < n; i++) {
		const size_t root = root_of(up, i);

		t->component[i] = root == i ? t->n_components++ : t->component[root];
	}
	return 0;
}

/* Edges by namespace: counted, then put in place. */
static int list_edges(struct nsn_topo *t)
{
	const size_t n = t->snap->n_ns;
	NSN_AUTO(nsn_freep) size_t *at = calloc(n + 1, sizeof(*at));
	size_t i;

	t->first = nsn_arena_alloc(&t->mem, (n + 1) * sizeof(*t->first));
	t->of = nsn_arena_alloc(&t->mem, (2 * t->n_edges + 1) * sizeof(*t->of));
	if (!at || !t->first || !t->of)
		return -ENOMEM;
	for (i = 0; i < t->n_edges; i++) {
		t->first[t->edges[i].a + 1]++;
		if (t->edges[i].b != NSN_NOWHERE)
			t->first[t->edges[i].b + 1]++;
	}
	for (i = 0; i < n; i++) {
		t->first[i + 1] += t->first[i];
		at[i] = t->first[i];
	}
	for (i = 0; i < t->n_edges; i++) {
		t->of[at[t->edges[i].a]++] = i;
		if (t->edges[i].b != NSN_NOWHERE)
			t->of[at[t->edges[i].b]++] = i;
	}
	return 0;
}

/* ---- who is where ---------------------------------------------------------------------------- */

static int by_part(const void *a, const void *b)
{
	const struct nsn_part *x = a, *y = b;

	if (x->tenant != y->tenant)
		return x->tenant < y->tenant ? -1 : 1;
	return x->component < y->component ? -1 : x->component > y->component;
}

static int list_parts(struct nsn_topo *t)
{
	size_t i, n = 0;

	t->parts = nsn_arena_alloc(&t->mem, (t->snap->n_ns + 1) * sizeof(*t->parts));
	t->loose = nsn_arena_alloc(&t->mem, (t->n_components + 1) * sizeof(*t->loose));
	if (!t->parts || !t->loose)
		return -ENOMEM;
	for (i = 0; i < t->snap->n_ns; i++) {
		const struct nsn_vns *v = &t->snap->ns[i];

		t->parts[i] =
			(struct nsn_part){nsn_vns_is_tenants(v) ? v->tenant : 0, t->component[i]};
	}
	qsort(t->parts, t->snap->n_ns, sizeof(*t->parts), by_part);
	for (i = 0; i < t->snap->n_ns; i++)
		if (n == 0 || by_part(&t->parts[n - 1], &t->parts[i]) != 0)
			t->parts[n++] = t->parts[i];
	t->n_parts = n;
	for (i = 0; i < t->n_components; i++)
		t->loose[i] = NSN_NOWHERE;
	/* A tenant's own says more than that of a host it is joined with: it comes last. */
	for (i = t->n_edges; i-- > 0;) {
		const struct nsn_edge *e = &t->edges[i];
		size_t *loose = &t->loose[t->component[e->a]];

		if (e->b == NSN_NOWHERE && (*loose == NSN_NOWHERE || e->kind == NSN_EDGE_STRAY))
			*loose = i;
	}
	return 0;
}

static const struct nsn_part *parts_of(const struct nsn_topo *t, uint64_t tenant)
{
	size_t low = 0, high = t->n_parts;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (t->parts[mid].tenant < tenant)
			low = mid + 1;
		else
			high = mid;
	}
	return &t->parts[low];
}

const struct nsn_edge *nsn_topo_loose(const struct nsn_topo *t, uint64_t a)
{
	const struct nsn_part *p = parts_of(t, a), *end = t->parts + t->n_parts;

	for (; p < end && p->tenant == a; p++)
		if (t->loose[p->component] != NSN_NOWHERE)
			return &t->edges[t->loose[p->component]];
	return t->blind == NSN_NOWHERE ? NULL : &t->edges[t->blind];
}

bool nsn_topo_apart(const struct nsn_topo *t, uint64_t a, uint64_t b)
{
	const struct nsn_part *p = parts_of(t, a), *q = parts_of(t, b),
			      *end = t->parts + t->n_parts;

	while (p < end && q < end && p->tenant == a && q->tenant == b) {
		if (p->component == q->component)
			return false;
		if (p->component < q->component)
			p++;
		else
			q++;
	}
	/* Two loose ends may be the two of one wire. */
	return !nsn_topo_loose(t, a) || !nsn_topo_loose(t, b);
}

/* ---- all of it ------------------------------------------------------------------------------- */

int nsn_topo_make(struct nsn_topo *ret, const struct nsn_snap *snap, struct nsnet_err *err)
{
	struct build b = {.t = ret, .snap = snap};
	int r;

	*ret = (struct nsn_topo){.snap = snap, .blind = NSN_NOWHERE};
	r = index_links(&b);
	if (r == 0)
		r = add_edges(&b);
	free(b.spots);
	if (r == 0)
		r = find_components(ret);
	if (r == 0)
		r = list_edges(ret);
	if (r == 0)
		r = list_parts(ret);
	if (r == 0)
		return 0;
	nsn_topo_clear(ret);
	return nsn_err_nomem(err);
}

void nsn_topo_clear(struct nsn_topo *t)
{
	nsn_arena_free(&t->mem);
	*t = (struct nsn_topo){.blind = NSN_NOWHERE};
}
