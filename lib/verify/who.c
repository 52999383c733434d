/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "proving.h"

/*
 * who - which namespace is whose, who is joined with whom, and who may open something to whom
 */

struct numbered {
	uint64_t id;
	size_t at;
};

static int by_number(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int find_tenants(struct nsn_proving *p)
{
	const size_t n = p->intent->n_tenants;
	NSN_AUTO(nsn_freep) struct numbered *index = calloc(n + 1, sizeof(*index));

	if (!index)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		index[i] = (struct numbered){p->intent->tenants[i].id, i};
	qsort(index, n, sizeof(*index), by_number);
	for (size_t i = 0; i < p->snap->n_ns; i++) {
		const struct numbered like = {p->snap->ns[i].tenant, 0}, *x = NULL;

		if (like.id && n > 0)
			x = bsearch(&like, index, n, sizeof(*index), by_number);
		p->out.tenant[i] = x ? x->at : SIZE_MAX;
	}
	return 0;
}

static int find_rooms(struct nsn_proving *p)
{
	const size_t n = p->intent->n_tenants;
	NSN_AUTO(nsn_freep) size_t *fill = calloc(n + 1, sizeof(*fill));

	if (!fill)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		p->gateway[i] = NSN_NOWHERE;
	for (size_t i = 0; i < p->snap->n_ns; i++) {
		const size_t t = p->out.tenant[i];

		if (t == SIZE_MAX)
			continue;
		if (p->snap->ns[i].kind == NSN_VNS_GATEWAY)
			p->gateway[t] = i;
		else if (p->snap->ns[i].kind == NSN_VNS_WORKLOAD)
			p->first[t + 1]++;
	}
	for (size_t i = 0; i < n; i++)
		p->first[i + 1] += p->first[i];
	for (size_t i = 0; i < p->snap->n_ns; i++) {
		const size_t t = p->out.tenant[i];

		if (t != SIZE_MAX && p->snap->ns[i].kind == NSN_VNS_WORKLOAD)
			p->workloads[p->first[t] + fill[t]++] = i;
	}
	return 0;
}

/* Two rings become one, unless they are one. */
static void join(struct nsn_outside *o, size_t a, size_t b)
{
	size_t at = b;

	if (o->group[a] == o->group[b])
		return;
	do {
		o->group[at] = o->group[a];
		at = o->next[at];
	} while (at != b);
	at = o->next[a];
	o->next[a] = o->next[b];
	o->next[b] = at;
}

/*
 * What is no gateway and not the host is taken to pass on whatever it likes. So tenants that such
 * namespaces join are joined, with no packet followed.
 */
static void find_groups(struct nsn_proving *p)
{
	const struct nsn_snap *s = p->snap;

	for (size_t i = 0; i < s->n_ns; i++) {
		p->out.group[i] = s->ns[i].full ? NSN_NOWHERE : i;
		p->out.next[i] = i;
	}
	for (size_t i = 0; i < p->topo.n_edges; i++) {
		const struct nsn_edge *e = &p->topo.edges[i];

		if (e->a < s->n_ns && e->b < s->n_ns && !s->ns[e->a].full && !s->ns[e->b].full)
			join(&p->out, e->a, e->b);
	}
}

struct asked_list {
	struct nsn_proving *p;
	size_t (*list)[2];
	size_t n, max;
};

static int note_asked(size_t from, size_t to, void *arg, struct nsnet_err *err)
{
	struct asked_list *l = arg;

	if (from == to)
		return 0;
	if (l->n == l->max) {
		const size_t max = l->max ? 2 * l->max : 256;
		size_t(*list)[2] = reallocarray(l->list, max, sizeof(*list));

		if (!list)
			return nsn_err_nomem(err);
		l->list = list;
		l->max = max;
	}
	l->list[l->n][0] = from;
	l->list[l->n++][1] = to;
	return 0;
}

static int by_pair(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	if (x[0] != y[0])
		return x[0] < y[0] ? -1 : 1;
	return x[1] < y[1] ? -1 : x[1] > y[1];
}

static void asked_list_clear(struct asked_list *l)
{
	free(l->list);
}

static int find_asked(struct nsn_proving *p)
{
	NSN_AUTO(asked_list_clear) struct asked_list l = {.p = p};
	int r = nsn_asked_new(&p->asked, p->intent, p->err);

	if (r == 0)
		r = nsn_asked_each(p->asked, note_asked, &l, p->err);
	if (r < 0)
		return r;
	p->asked_of = calloc(l.n + 1, sizeof(*p->asked_of));
	if (!p->asked_of)
		return nsn_err_nomem(p->err);
	if (l.n > 0)
		qsort(l.list, l.n, sizeof(*l.list), by_pair);
	for (size_t i = 0; i < l.n; i++) {
		p->asked_of[i] = l.list[i][1];
		p->asked_first[l.list[i][0] + 1]++;
	}
	for (size_t i = 0; i < p->intent->n_tenants; i++)
		p->asked_first[i + 1] += p->asked_first[i];
	return 0;
}

/* Who shares a component with nobody: no other tenant, not the host, nothing foreign. */
static int find_alone(struct nsn_proving *p)
{
	const size_t m = p->snap->n_ns, none = SIZE_MAX - 1;
	NSN_AUTO(nsn_freep) size_t *only = calloc(p->topo.n_components + 1, sizeof(*only));

	if (!only)
		return -ENOMEM;
	for (size_t c = 0; c < p->topo.n_components; c++)
		only[c] = none;
	for (size_t i = 0; i < m; i++) {
		const size_t c = p->topo.component[i], t = p->out.tenant[i];

		/* SIZE_MAX: of more than one, or of somebody who is no tenant. */
		only[c] = only[c] == none || only[c] == t ? t : SIZE_MAX;
	}
	for (size_t i = 0; i < p->intent->n_tenants; i++)
		p->alone[i] = true;
	for (size_t i = 0; i < m; i++)
		if (p->out.tenant[i] != SIZE_MAX && only[p->topo.component[i]] == SIZE_MAX)
			p->alone[p->out.tenant[i]] = false;
	return 0;
}

/* Its parts: how many, and where they begin. */
static size_t parts_of(const struct nsn_topo *t, uint64_t tenant, size_t *at)
{
	size_t low = 0, high = t->n_parts, n = 0;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (t->parts[mid].tenant < tenant)
			low = mid + 1;
		else
			high = mid;
	}
	*at = low;
	while (low + n < t->n_parts && t->parts[low + n].tenant == tenant)
		n++;
	return n;
}

/* How many ordered pairs are not apart. Nearly all tenants are in one component each. */
static int count_joined(struct nsn_proving *p)
{
	const size_t n = p->intent->n_tenants;
	NSN_AUTO(nsn_freep) size_t *count = calloc(p->topo.n_components + 1, sizeof(*count));
	NSN_AUTO(nsn_freep) bool *many = calloc(n + 1, sizeof(*many));

	if (!count || !many)
		return -ENOMEM;
	if (p->topo.blind != NSN_NOWHERE) {
		p->n_joined = n * (n ? n - 1 : 0);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		const uint64_t id = p->intent->tenants[i].id;
		size_t at, parts = parts_of(&p->topo, id, &at);

		if (parts == 1 && !nsn_topo_loose(&p->topo, id))
			count[p->topo.parts[at].component]++;
		else
			many[i] = parts > 0;
	}
	for (size_t c = 0; c < p->topo.n_components; c++)
		p->n_joined += count[c] * (count[c] ? count[c] - 1 : 0);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; many[i] && k < n; k++)
			if (k != i && !nsn_topo_apart(&p->topo, p->intent->tenants[i].id,
						      p->intent->tenants[k].id))
				p->n_joined += many[k] ? 1 : 2;
	return 0;
}

/* Whose gateway, or workload, some links join with the host. */
static void find_border(struct nsn_proving *p)
{
	p->host = NSN_NOWHERE;
	for (size_t i = p->snap->n_ns; i-- > 0;)
		if (p->snap->ns[i].kind == NSN_VNS_HOST && p->snap->ns[i].full)
			p->host = i;
	for (size_t i = 0; p->host != NSN_NOWHERE && i < p->snap->n_ns; i++)
		if (p->out.tenant[i] != SIZE_MAX &&
		    p->topo.component[i] == p->topo.component[p->host])
			p->border[p->out.tenant[i]] = p->any_border = true;
}

int nsn_prepare(struct nsn_proving *p)
{
	const size_t n = p->intent->n_tenants, m = p->snap->n_ns;
	int r;

	p->out.group = calloc(m + 1, sizeof(size_t));
	p->out.next = calloc(m + 1, sizeof(size_t));
	p->out.tenant = calloc(m + 1, sizeof(size_t));
	p->gateway = calloc(n + 1, sizeof(size_t));
	p->workloads = calloc(m + 1, sizeof(size_t));
	p->first = calloc(n + 2, sizeof(size_t));
	p->asked_first = calloc(n + 2, sizeof(size_t));
	p->wanted = calloc(n + 1, sizeof(bool));
	p->alone = calloc(n + 1, sizeof(bool));
	p->border = calloc(n + 1, sizeof(bool));
	p->sender = calloc(n + 2, sizeof(*p->sender));
	p->sender_kind = calloc(n + 2, sizeof(*p->sender_kind));
	if (!p->out.group || !p->out.next || !p->out.tenant || !p->gateway || !p->workloads ||
	    !p->first || !p->asked_first || !p->wanted || !p->alone || !p->border || !p->sender ||
	    !p->sender_kind)
		return nsn_err_nomem(p->err);
	r = nsn_topo_make(&p->topo, p->snap, p->err);
	if (r == 0 && (find_tenants(p) < 0 || find_rooms(p) < 0))
		r = nsn_err_nomem(p->err);
	if (r < 0)
		return r;
	find_groups(p);
	find_border(p);
	r = nsn_beyond_make(&p->beyond, p->host == NSN_NOWHERE ? NULL : &p->snap->ns[p->host],
			    p->err);
	if (r < 0)
		return r;
	if (find_alone(p) < 0 || count_joined(p) < 0)
		return nsn_err_nomem(p->err);
	for (size_t i = 0; i < n; i++)
		p->wanted[i] = !p->how->pairs;
	for (size_t i = 0; p->how->pairs && i < p->how->n_pairs; i++)
		p->wanted[p->how->pairs[i][0]] = true;
	return find_asked(p);
}
