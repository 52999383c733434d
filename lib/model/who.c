/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "intent.h"

/* ---- names -------------------------------------------------------------------------- */

void nsn_who_index(struct nsn_question *q)
{
	nsn_tenants_by_name(q->by_name, q->intent->tenants, q->intent->n_tenants);
}

size_t nsn_who_tenant(const struct nsn_question *q, const char *name)
{
	const struct nsn_tenant *t = nsn_tenants_find(q->by_name, q->intent->n_tenants, name);

	return t ? (size_t)(t - q->intent->tenants) : SIZE_MAX;
}

size_t nsn_who_endpoint(const struct nsn_question *q, size_t tenant, const char *name)
{
	const struct nsn_tenant *t = &q->intent->tenants[tenant];
	const struct nsn_endpoint *e = nsn_tenant_endpoint(t, name);

	return e ? (size_t)(e - t->endpoints) : SIZE_MAX;
}

bool nsn_who_carries(const struct nsn_tenant *t, const struct nsn_label *l)
{
	for (size_t i = 0; i < t->n_labels; i++)
		if (strcmp(t->labels[i].key, l->key) == 0)
			return strcmp(t->labels[i].value, l->value) == 0;
	return false;
}

static int unknown(const struct nsn_question *q, const struct nsn_peer *p, struct nsnet_err *err)
{
	const struct nsn_tenant *near = NULL;
	size_t distance = 3;

	if (nsn_who_tenant(q, p->tenant) != SIZE_MAX)
		return nsn_err(err, -EINVAL, NSNET_E_UNKNOWN_PEER,
			       "tenant '%s' has no endpoint '%s'", p->tenant, p->endpoint);
	nsn_err(err, -EINVAL, NSNET_E_UNKNOWN_PEER, "there is no tenant '%s'", p->tenant);
	for (size_t i = 0; i < q->intent->n_tenants; i++) {
		size_t d = nsn_text_distance(p->tenant, q->intent->tenants[i].name);

		if (d < distance) {
			distance = d;
			near = &q->intent->tenants[i];
		}
	}
	return near ? nsn_err_hint(err, -EINVAL, "did you mean %s?", near->name) : -EINVAL;
}

/* ---- which tenants are on a side --------------------------------------------------------- */

int nsn_side_choose(const struct nsn_question *q, struct nsn_side *side, struct nsnet_err *err)
{
	const struct nsn_peer *p = side->peer;
	size_t t;

	side->only = SIZE_MAX;
	if (p->kind == NSN_PEER_TENANT || p->kind == NSN_PEER_ENDPOINT) {
		t = nsn_who_tenant(q, p->tenant);
		if (t == SIZE_MAX)
			return unknown(q, p, err);
		if (p->kind == NSN_PEER_ENDPOINT) {
			side->only = nsn_who_endpoint(q, t, p->endpoint);
			if (side->only == SIZE_MAX)
				return unknown(q, p, err);
		}
		side->has[t] = true;
		return 0;
	}
	side->outside = p->kind != NSN_PEER_TENANTS && p->kind != NSN_PEER_LABEL;
	for (t = 0; t < q->intent->n_tenants; t++)
		side->has[t] = p->kind == NSN_PEER_ANY || p->kind == NSN_PEER_TENANTS ||
			       (p->kind == NSN_PEER_LABEL &&
				nsn_who_carries(&q->intent->tenants[t], &p->label));
	return 0;
}

/* Whether a peer of a sentence can be about the side at all; a quick look. */
static bool touches(const struct nsn_question *q, const struct nsn_side *side,
		    const struct nsn_peer *p)
{
	size_t t;

	switch (p->kind) {
	case NSN_PEER_TENANT:
	case NSN_PEER_ENDPOINT:
		t = nsn_who_tenant(q, p->tenant);
		return t != SIZE_MAX && side->has[t];
	case NSN_PEER_LABEL:
		for (t = 0; t < q->intent->n_tenants; t++)
			if (side->has[t] && nsn_who_carries(&q->intent->tenants[t], &p->label))
				return true;
		return false;
	case NSN_PEER_TENANTS:
	case NSN_PEER_ANY:
		return true;
	case NSN_PEER_INTERNET:
	case NSN_PEER_HOST:
	case NSN_PEER_CIDR:
		return side->outside;
	}
	return false;
}

static bool any_touches(const struct nsn_question *q, const struct nsn_side *side,
			const struct nsn_peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (touches(q, side, &peers[i]))
			return true;
	return false;
}

/* ---- sentences ---------------------------------------------------------------------------- */

static void take(struct nsn_question *q, const struct nsn_sentence *s)
{
	bool overlap = false;

	for (size_t i = 0; i < s->n_ports; i++)
		overlap |= nsn_ports_overlap(&s->ports[i], &q->flow->ports);
	if (overlap && any_touches(q, &q->from, s->from, s->n_from) &&
	    any_touches(q, &q->to, s->to, s->n_to))
		q->sentences[q->n_sentences++] = *s;
}

int nsn_take_sentences(struct nsn_question *q, struct nsnet_err *err)
{
	const struct nsn_intent *in = q->intent;
	size_t n = in->n_policies;

	for (size_t i = 0; i < in->n_quarantines; i++)
		n += in->quarantines[i].n_keep;
	q->sentences = nsn_arena_alloc(&q->arena, n * sizeof(*q->sentences));
	if (!q->sentences)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < in->n_policies; i++) {
		const struct nsn_policy *p = &in->policies[i];

		if (!p->audit && (p->expires == 0 || p->expires > in->now))
			take(q, &(struct nsn_sentence){p, SIZE_MAX, p->from, p->to, p->n_from,
						       p->n_to, p->ports, p->n_ports});
	}
	for (size_t i = 0; i < in->n_quarantines; i++)
		for (size_t k = 0; k < in->quarantines[i].n_keep; k++) {
			const struct nsn_flow *f = &in->quarantines[i].keep[k];

			take(q,
			     &(struct nsn_sentence){NULL, i, &f->from, &f->to, 1, 1, &f->ports, 1});
		}
	q->words = (q->n_sentences + 63) / 64;
	q->closed_words = (in->n_quarantines + 63) / 64;
	return 0;
}
