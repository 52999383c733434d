/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "rows.h"

/*
 * applied - what differs, and what comes of it, as it is handed out
 */

void nsnet_applied_free(struct nsnet_applied *a)
{
	if (!a)
		return;
	nsnet_change_free(a->change);
	nsn_effect_clear(&a->effect);
	nsn_differences_clear(&a->proved);
	nsn_arena_free(&a->mem);
	free(a->differences);
	free(a);
}

static const char *copy(struct nsnet_applied *a, const char *text, bool *ok)
{
	const char *ret = text ? nsn_arena_strdup(&a->mem, text) : NULL;

	*ok &= !text || ret;
	return ret;
}

int nsn_applied_add(struct nsnet_applied *a, const struct nsnet_difference *d)
{
	struct nsnet_difference *to;
	bool ok = true;

	if (a->n == a->cap) {
		size_t cap = 2 * a->cap + 32;

		to = reallocarray(a->differences, cap, sizeof(*to));
		if (!to)
			return -ENOMEM;
		a->differences = to;
		a->cap = cap;
	}
	to = &a->differences[a->n++];
	*to = *d;
	to->op = copy(a, d->op, &ok);
	to->kind = copy(a, d->kind, &ok);
	to->name = copy(a, d->name, &ok);
	to->text = copy(a, d->text, &ok);
	to->was = copy(a, d->was, &ok);
	to->file = copy(a, d->file, &ok);
	return ok ? 0 : -ENOMEM;
}

static const struct nsn_policy *of_files(const struct nsn_policy_set *set, const char *name)
{
	for (size_t i = 0; i < set->n_policies; i++)
		if (strcmp(set->policies[i].name, name) == 0)
			return &set->policies[i];
	return NULL;
}

/* Also with what is stored, of other files or by commands. */
static int check_published(const struct nsn_wanted *all, const struct nsn_policy_set *set,
			   struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_publish_pair *pairs = NULL;
	size_t n = 0;
	int r = nsn_publish_pairs(&pairs, &n, all->policies.policies, all->policies.n,
				  all->intent.now);

	if (r < 0)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct nsn_policy *p = of_files(set, pairs[i].other->name);
		const struct nsn_policy *other = pairs[i].one;

		if (!p) {
			p = of_files(set, pairs[i].one->name);
			other = pairs[i].other;
		}
		if (p)
			r = nsn_rows_at(&p->origin, nsn_publish_refuse(p, other, err), err);
	}
	return r;
}

int nsn_check_files(const struct nsn_wanted *all, const struct nsn_policy_set *set,
		    struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < set->n_policies; i++) {
		const struct nsn_policy *p = &set->policies[i];

		r = nsn_check_rule(all, p, err);
		if (r < 0)
			r = nsn_rows_at(&p->origin, r, err);
	}
	if (r == 0)
		r = check_published(all, set, err);
	for (size_t i = 0; r == 0 && i < set->n_quarantines; i++) {
		const struct nsn_quarantine *q = &set->quarantines[i];

		r = nsn_check_peers(all, &q->who, 1, err);
		if (r == 0)
			r = nsn_check_keep(all, q, err);
		if (r < 0)
			r = nsn_rows_at(&q->origin, r, err);
	}
	return r;
}

int nsn_applied_ask(struct nsnet_applied *a, const struct nsn_policy_set *set,
		    const struct nsn_intent *after, struct nsnet_err *err)
{
	int r = 0;

	a->expects = nsn_arena_alloc(&a->mem, (set->n_expects + 1) * sizeof(*a->expects));
	if (!a->expects)
		return nsn_err_nomem(err);
	for (; r == 0 && a->n_expects < set->n_expects; a->n_expects++)
		r = nsn_expect_ask(&a->expects[a->n_expects], &a->mem, after,
				   &set->expects[a->n_expects], err);
	return r;
}

size_t nsnet_applied_differences(const struct nsnet_applied *a)
{
	return a->n;
}

void nsnet_applied_difference(const struct nsnet_applied *a, size_t i, struct nsnet_difference *ret)
{
	*ret = a->differences[i];
}

size_t nsnet_applied_effects(const struct nsnet_applied *a)
{
	return a->n_effects;
}

void nsnet_applied_effect(const struct nsnet_applied *a, size_t i, struct nsnet_effect *ret)
{
	*ret = a->effects[i];
}

void nsnet_applied_effects_of(const struct nsnet_applied *a, struct nsnet_effects_of *ret)
{
	*ret = a->of;
}

size_t nsnet_applied_expects(const struct nsnet_applied *a)
{
	return a->n_expects;
}

void nsnet_applied_expect(const struct nsnet_applied *a, size_t i, struct nsnet_expect *ret)
{
	*ret = a->expects[i];
}

size_t nsnet_applied_checked(const struct nsnet_applied *a)
{
	return a->checked;
}

size_t nsnet_applied_pruned(const struct nsnet_applied *a)
{
	return a->pruned_with_endpoints;
}

const struct nsnet_change *nsnet_applied_change(const struct nsnet_applied *a)
{
	return a->change;
}
