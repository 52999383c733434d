/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asked_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists ------------------------------------------------------------------------------ */

int nsn_asked_grow(void **list, size_t n, size_t size, struct nsnet_err *err)
{
	void *more;

	if (n && (n & (n - 1)))
		return 0;
	more = realloc(*list, (n ? 2 * n : 1) * size);
	if (!more) {
		(void)nsn_err_nomem(err);
		return -ENOMEM;
	}
	*list = more;
	return 0;
}

/* Unless it is the last of the list already. */
static int push(struct nsn_list *l, size_t value, struct nsnet_err *err)
{
	void *v = l->v;
	int r;

	if (l->n && l->v[l->n - 1] == value)
		return 0;
	r = nsn_asked_grow(&v, l->n, sizeof(*l->v), err);
	if (r < 0)
		return r;
	l->v = v;
	l->v[l->n++] = value;
	return 0;
}

static void free_lists(struct nsn_list *l, size_t n)
{
	for (size_t i = 0; l && i < n; i++)
		free(l[i].v);
	free(l);
}

/* ---- who is meant ----------------------------------------------------------------------- */

static int by_name(const void *a, const void *b, void *arg)
{
	const struct nsn_tenant *t = arg;

	return strcmp(t[*(const size_t *)a].name, t[*(const size_t *)b].name);
}

static size_t find_tenant(const struct nsn_asked *a, const char *name)
{
	size_t lo = 0, hi = a->in->n_tenants;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(a->in->tenants[a->by_name[mid]].name, name);

		if (c == 0)
			return a->by_name[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return SIZE_MAX;
}

static int label_cmp(const struct nsn_label *x, const struct nsn_label *y)
{
	int c = strcmp(x->key, y->key);

	return c ? c : strcmp(x->value, y->value);
}

static int by_label(const void *a, const void *b)
{
	return label_cmp(*(const struct nsn_label *const *)a, *(const struct nsn_label *const *)b);
}

static size_t find_label(const struct nsn_asked *a, const struct nsn_label *l)
{
	const struct nsn_label **hit =
		a->n_labels ? bsearch(&l, a->labels, a->n_labels, sizeof(l), by_label) : NULL;

	return hit ? a->in->n_tenants + (size_t)(hit - a->labels) : SIZE_MAX;
}

/* False: no tenant, or one that is not there. An address is of no tenant, whoever has it. */
static bool resolve(const struct nsn_asked *a, const struct nsn_peer *p, struct nsn_asked_who *ret)
{
	*ret = (struct nsn_asked_who){SIZE_MAX, SIZE_MAX};
	switch (p->kind) {
	case NSN_PEER_TENANT:
		ret->key = find_tenant(a, p->tenant);
		return ret->key != SIZE_MAX;
	case NSN_PEER_ENDPOINT:
		ret->key = find_tenant(a, p->tenant);
		if (ret->key == SIZE_MAX)
			return false;
		for (size_t i = 0; i < a->in->tenants[ret->key].n_endpoints; i++)
			if (strcmp(a->in->tenants[ret->key].endpoints[i].name, p->endpoint) == 0)
				ret->endpoint = i;
		return ret->endpoint != SIZE_MAX;
	case NSN_PEER_LABEL:
		ret->key = find_label(a, &p->label);
		return ret->key != SIZE_MAX;
	case NSN_PEER_TENANTS:
	case NSN_PEER_ANY:
		ret->key = a->every;
		return true;
	case NSN_PEER_INTERNET:
	case NSN_PEER_HOST:
	case NSN_PEER_CIDR:
		return false;
	}
	return false;
}

bool nsn_asked_has_key(const struct nsn_asked *a, size_t tenant, size_t key)
{
	for (size_t i = 0; i < a->keys[tenant].n; i++)
		if (a->keys[tenant].v[i] == key)
			return true;
	return false;
}

bool nsn_asked_names(const struct nsn_asked *a, const struct nsn_asked_who *w, size_t tenant,
		     size_t endpoint)
{
	return nsn_asked_has_key(a, tenant, w->key) &&
	       (w->endpoint == SIZE_MAX || w->endpoint == endpoint);
}

const struct nsn_asked_who *nsn_asked_first(const struct nsn_asked *a,
					    const struct nsn_asked_side *s, size_t tenant)
{
	for (size_t i = 0; i < s->n; i++)
		if (nsn_asked_has_key(a, tenant, s->who[i].key))
			return &s->who[i];
	return NULL;
}

/* ---- the index -------------------------------------------------------------------------- */

static int collect_label(struct nsn_asked *a, const struct nsn_peer *p, struct nsnet_err *err)
{
	void *v = a->labels;
	int r;

	if (p->kind != NSN_PEER_LABEL)
		return 0;
	r = nsn_asked_grow(&v, a->n_labels, sizeof(*a->labels), err);
	if (r < 0)
		return r;
	a->labels = v;
	a->labels[a->n_labels++] = &p->label;
	return 0;
}

static int collect_labels(struct nsn_asked *a, struct nsnet_err *err)
{
	const struct nsn_intent *in = a->in;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < in->n_policies; i++) {
		const struct nsn_policy *p = &in->policies[i];

		for (size_t k = 0; r == 0 && k < p->n_from; k++)
			r = collect_label(a, &p->from[k], err);
		for (size_t k = 0; r == 0 && k < p->n_to; k++)
			r = collect_label(a, &p->to[k], err);
	}
	for (size_t i = 0; r == 0 && i < in->n_quarantines; i++) {
		const struct nsn_quarantine *q = &in->quarantines[i];

		r = collect_label(a, &q->who, err);
		for (size_t k = 0; r == 0 && k < q->n_keep; k++) {
			r = collect_label(a, &q->keep[k].from, err);
			if (r == 0)
				r = collect_label(a, &q->keep[k].to, err);
		}
	}
	if (r < 0 || a->n_labels == 0)
		return r;
	qsort(a->labels, a->n_labels, sizeof(*a->labels), by_label);
	for (size_t i = 0; i < a->n_labels; i++)
		if (n == 0 || label_cmp(a->labels[n - 1], a->labels[i]) != 0)
			a->labels[n++] = a->labels[i];
	a->n_labels = n;
	return 0;
}

/* Numbers for all that can be named, and which of them each tenant has. */
static int make_keys(struct nsn_asked *a, struct nsnet_err *err)
{
	const size_t n = a->in->n_tenants;
	int r = collect_labels(a, err);

	if (r < 0)
		return r;
	a->every = n + a->n_labels;
	a->n_keys = a->every + 1;
	a->keys = calloc(n ? n : 1, sizeof(*a->keys));
	a->from = calloc(a->n_keys, sizeof(*a->from));
	a->to = calloc(a->n_keys, sizeof(*a->to));
	a->border = calloc(a->n_keys, sizeof(*a->border));
	a->carry = calloc(a->n_keys, sizeof(*a->carry));
	if (!a->keys || !a->from || !a->to || !a->border || !a->carry)
		return nsn_err_nomem(err);
	for (size_t t = 0; r == 0 && t < n; t++) {
		const struct nsn_tenant *tenant = &a->in->tenants[t];

		r = push(&a->keys[t], t, err);
		for (size_t i = 0; r == 0 && i < tenant->n_labels; i++) {
			size_t key = find_label(a, &tenant->labels[i]);

			if (key != SIZE_MAX && !nsn_asked_has_key(a, t, key))
				r = push(&a->keys[t], key, err);
		}
		if (r == 0)
			r = push(&a->keys[t], a->every, err);
		for (size_t i = 0; r == 0 && i < a->keys[t].n; i++)
			r = push(&a->carry[a->keys[t].v[i]], t, err);
	}
	return r;
}

static int add_side(const struct nsn_asked *a, struct nsn_asked_side *ret,
		    const struct nsn_peer *peers, size_t n, struct nsnet_err *err)
{
	ret->who = calloc(n ? n : 1, sizeof(*ret->who));
	if (!ret->who)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		if (resolve(a, &peers[i], &ret->who[ret->n]))
			ret->n++;
	return 0;
}

static int add_sentence(struct nsn_asked *a, const struct nsn_said *s, const struct nsn_peer *from,
			size_t n_from, const struct nsn_peer *to, size_t n_to,
			struct nsnet_err *err)
{
	struct nsn_said *mine;
	void *v = a->said;
	int r = nsn_asked_grow(&v, a->n_said, sizeof(*s), err);

	if (r < 0)
		return r;
	a->said = v;
	mine = &a->said[a->n_said++];
	*mine = *s;
	r = add_side(a, &mine->from, from, n_from, err);
	if (r == 0)
		r = add_side(a, &mine->to, to, n_to, err);
	for (size_t i = 0; r == 0 && i < mine->from.n; i++)
		r = push(&a->from[mine->from.who[i].key], a->n_said - 1, err);
	for (size_t i = 0; r == 0 && i < mine->to.n; i++)
		r = push(&a->to[mine->to.who[i].key], a->n_said - 1, err);
	return r;
}

static int add_quarantine(struct nsn_asked *a, const struct nsn_quarantine *q,
			  struct nsnet_err *err)
{
	struct nsn_closed *c = &a->closed[a->n_closed];
	int r = 0;

	/* What it keeps is kept from this one border only, and nobody is behind it. */
	if (!resolve(a, &q->who, &c->who))
		return 0;
	c->quarantine = q;
	c->first = a->n_said;
	c->n_keep = q->n_keep;
	for (size_t i = 0; r == 0 && i < q->n_keep; i++) {
		const struct nsn_said s = {
			.kept = q, .flow = &q->keep[i], .ports = &q->keep[i].ports, .n_ports = 1};

		r = add_sentence(a, &s, &q->keep[i].from, 1, &q->keep[i].to, 1, err);
	}
	if (r == 0)
		r = push(&a->border[c->who.key], a->n_closed++, err);
	return r;
}

/* S11: audit only looks. S12: at the instant itself it is gone. */
static bool in_force(const struct nsn_policy *p, int64_t now)
{
	return !p->audit && (p->expires == 0 || now < p->expires);
}

static int build(struct nsn_asked *a, struct nsnet_err *err)
{
	const struct nsn_intent *in = a->in;
	int r;

	a->by_name = calloc(in->n_tenants ? in->n_tenants : 1, sizeof(*a->by_name));
	a->closed = calloc(in->n_quarantines ? in->n_quarantines : 1, sizeof(*a->closed));
	if (!a->by_name || !a->closed)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < in->n_tenants; i++)
		a->by_name[i] = i;
	if (in->n_tenants)
		qsort_r(a->by_name, in->n_tenants, sizeof(*a->by_name), by_name,
			(void *)(uintptr_t)in->tenants);
	r = make_keys(a, err);
	for (size_t i = 0; r == 0 && i < in->n_policies; i++) {
		const struct nsn_policy *p = &in->policies[i];
		const struct nsn_said s = {.policy = p, .ports = p->ports, .n_ports = p->n_ports};

		if (in_force(p, in->now))
			r = add_sentence(a, &s, p->from, p->n_from, p->to, p->n_to, err);
	}
	for (size_t i = 0; r == 0 && i < in->n_quarantines; i++)
		r = add_quarantine(a, &in->quarantines[i], err);
	return r;
}

void nsn_asked_free(struct nsn_asked *a)
{
	if (!a)
		return;
	free(a->by_name);
	free((void *)a->labels);
	free_lists(a->keys, a->in->n_tenants);
	free_lists(a->from, a->n_keys);
	free_lists(a->to, a->n_keys);
	free_lists(a->border, a->n_keys);
	free_lists(a->carry, a->n_keys);
	for (size_t i = 0; i < a->n_said; i++) {
		free(a->said[i].from.who);
		free(a->said[i].to.who);
	}
	free(a->said);
	free(a->closed);
	free(a);
}

int nsn_asked_new(struct nsn_asked **ret, const struct nsn_intent *intent, struct nsnet_err *err)
{
	struct nsn_asked *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return nsn_err_nomem(err);
	a->in = intent;
	r = build(a, err);
	if (r < 0) {
		nsn_asked_free(a);
		return r;
	}
	*ret = a;
	return 0;
}
