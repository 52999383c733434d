/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "about.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../base/text.h"

void nsn_about_clear(struct nsn_about *a)
{
	free(a->first);
	free(a->list);
	free(a->every);
	free(a->by_id);
	*a = (struct nsn_about){0};
}

/* ---- making it ---------------------------------------------------------------------- */

struct maker {
	const struct nsn_intent *in;
	const struct nsn_tenant **by_name;
	size_t *last;	/* by tenant: the last policy that was noted, and one more */
	uint32_t *fill; /* by tenant: how many there are, then where the next goes */
	struct nsn_about *to;
	bool counting;
};

static int by_id(const void *a, const void *b)
{
	const struct nsn_tenant *const *x = a, *const *y = b;

	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static int id_cmp(const void *key, const void *element)
{
	const struct nsn_tenant *const *t = element;
	const uint64_t id = *(const uint64_t *)key;

	return id < (*t)->id ? -1 : id > (*t)->id;
}

/* Each policy once, whatever the number of its peers that are the tenant. */
static void note(struct maker *m, size_t t, size_t policy)
{
	if (m->last[t] == policy + 1)
		return;
	m->last[t] = policy + 1;
	if (!m->counting)
		m->to->list[m->fill[t]] = (uint32_t)policy;
	m->fill[t]++;
}

static bool carries(const struct nsn_tenant *t, const struct nsn_label *l)
{
	bool ret = false;

	for (size_t i = 0; i < t->n_labels; i++)
		ret |= strcmp(t->labels[i].key, l->key) == 0 &&
		       strcmp(t->labels[i].value, l->value) == 0;
	return ret;
}

static void note_peer(struct maker *m, const struct nsn_peer *p, size_t policy)
{
	const struct nsn_tenant *t = NULL;

	if (p->kind == NSN_PEER_TENANT || p->kind == NSN_PEER_ENDPOINT)
		t = nsn_tenants_find(m->by_name, m->in->n_tenants, p->tenant);
	if (t)
		note(m, (size_t)(t - m->in->tenants), policy);
	for (size_t i = 0; p->kind == NSN_PEER_LABEL && i < m->in->n_tenants; i++)
		if (carries(&m->in->tenants[i], &p->label))
			note(m, i, policy);
}

static bool names_every(const struct nsn_policy *p)
{
	bool ret = false;

	for (size_t i = 0; i < p->n_from; i++)
		ret |= p->from[i].kind == NSN_PEER_TENANTS || p->from[i].kind == NSN_PEER_ANY;
	for (size_t i = 0; i < p->n_to; i++)
		ret |= p->to[i].kind == NSN_PEER_TENANTS || p->to[i].kind == NSN_PEER_ANY;
	return ret;
}

static void note_all(struct maker *m)
{
	memset(m->last, 0, m->in->n_tenants * sizeof(*m->last));
	m->to->n_every = 0;
	for (size_t i = 0; i < m->in->n_policies; i++) {
		const struct nsn_policy *p = &m->in->policies[i];

		if (names_every(p)) {
			m->to->every[m->to->n_every++] = (uint32_t)i;
			continue;
		}
		for (size_t k = 0; k < p->n_from; k++)
			note_peer(m, &p->from[k], i);
		for (size_t k = 0; k < p->n_to; k++)
			note_peer(m, &p->to[k], i);
	}
}

/* Counts, and then fills. */
static int make(struct maker *m)
{
	const size_t n = m->in->n_tenants;
	struct nsn_about *a = m->to;
	uint32_t at = 0;

	nsn_tenants_by_name(m->by_name, m->in->tenants, n);
	for (size_t i = 0; i < n; i++)
		a->by_id[i] = &m->in->tenants[i];
	qsort(a->by_id, n, sizeof(const void *), by_id);
	m->counting = true;
	note_all(m);
	for (size_t i = 0; i < n; i++) {
		const uint32_t count = m->fill[i];

		m->fill[i] = a->first[i] = at;
		/* 4,294,967,295 places are 16 GiB. */
		if (count > UINT32_MAX - at)
			return -ENOMEM;
		at += count;
	}
	a->first[n] = at;
	a->list = calloc((size_t)at + 1, sizeof(*a->list));
	if (!a->list)
		return -ENOMEM;
	m->counting = false;
	note_all(m);
	return 0;
}

int nsn_about_make(struct nsn_about *ret, const struct nsn_intent *in)
{
	const size_t n = in->n_tenants;
	NSN_AUTO(nsn_freep) const struct nsn_tenant **names = calloc(n + 1, sizeof(*names));
	NSN_AUTO(nsn_freep) size_t *last = calloc(n + 1, sizeof(*last));
	NSN_AUTO(nsn_freep) uint32_t *fill = calloc(n + 1, sizeof(*fill));
	struct maker m = {.in = in, .by_name = names, .last = last, .fill = fill, .to = ret};
	int r = -ENOMEM;

	*ret = (struct nsn_about){.first = calloc(n + 1, sizeof(*ret->first)),
				  .every = calloc(in->n_policies + 1, sizeof(*ret->every)),
				  .by_id = calloc(n + 1, sizeof(*ret->by_id))};
	if (names && last && fill && ret->first && ret->every && ret->by_id)
		r = make(&m);
	if (r < 0)
		nsn_about_clear(ret);
	return r;
}

const struct nsn_tenant *nsn_about_tenant(const struct nsn_intent *in, uint64_t id)
{
	const struct nsn_tenant **t = NULL;

	if (in->about && in->n_tenants > 0)
		t = bsearch(&id, in->about->by_id, in->n_tenants, sizeof(const void *), id_cmp);
	for (size_t i = 0; !in->about && i < in->n_tenants; i++)
		if (in->tenants[i].id == id)
			return &in->tenants[i];
	return t ? *t : NULL;
}

/* ---- asking it ---------------------------------------------------------------------- */

static size_t place_of(const struct nsn_intent *in, const struct nsn_tenant *t)
{
	/* Not by name: who shall become another carries other labels than who is stored. */
	return t >= in->tenants && t < in->tenants + in->n_tenants ? (size_t)(t - in->tenants)
								   : SIZE_MAX;
}

static size_t count_of(const struct nsn_intent *in, size_t place)
{
	return place == SIZE_MAX ? SIZE_MAX : in->about->first[place + 1] - in->about->first[place];
}

void nsn_about_begin(struct nsn_about_walk *w, const struct nsn_intent *in,
		     const struct nsn_tenant *x, const struct nsn_tenant *y)
{
	size_t best = SIZE_MAX, other = SIZE_MAX;

	*w = (struct nsn_about_walk){.in = in};
	if (!in->about)
		return;
	best = place_of(in, x);
	other = y ? place_of(in, y) : SIZE_MAX;
	/* What is about both is in either list. */
	if (count_of(in, other) < count_of(in, best))
		best = other;
	if (best == SIZE_MAX)
		return;
	w->own = in->about->list + in->about->first[best];
	w->own_end = in->about->list + in->about->first[best + 1];
	w->every = in->about->every;
	w->every_end = in->about->every + in->about->n_every;
}

const struct nsn_policy *nsn_about_next(struct nsn_about_walk *w)
{
	if (!w->own)
		return w->next < w->in->n_policies ? &w->in->policies[w->next++] : NULL;
	if (w->own < w->own_end && (w->every == w->every_end || *w->own < *w->every))
		return &w->in->policies[*w->own++];
	return w->every < w->every_end ? &w->in->policies[*w->every++] : NULL;
}
