/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void nsn_target_clear(struct nsn_target *t)
{
	/* What is in the two lists belongs to the pasts. */
	free(t->set.policies);
	free(t->set.quarantines);
	nsn_past_clear(&t->past);
	nsn_past_clear(&t->now);
	*t = (struct nsn_target){0};
}

static int copy_lists(struct nsn_target *t, size_t more, size_t more_q, struct nsnet_err *err)
{
	const struct nsn_past *p = &t->past;

	t->set.policies = calloc(p->policies.n + more + 1, sizeof(*t->set.policies));
	t->set.quarantines = calloc(p->quarantines.n + more_q + 1, sizeof(*t->set.quarantines));
	if (!t->set.policies || !t->set.quarantines)
		return nsn_err_nomem(err);
	/* What follows from the `dns` of a tenant comes with that. */
	for (size_t i = 0; i < p->policies.n; i++)
		if (!p->policies.policies[i].implied)
			t->set.policies[t->set.n_policies++] = p->policies.policies[i];
	for (; t->set.n_quarantines < p->quarantines.n; t->set.n_quarantines++)
		t->set.quarantines[t->set.n_quarantines] =
			p->quarantines.quarantines[t->set.n_quarantines];
	return 0;
}

static void forget_numbers(struct nsn_target *t)
{
	for (size_t i = 0; i < t->past.tenants.n; i++) {
		struct nsn_tenant *tenant = &t->past.tenants.tenants[i];

		tenant->id = 0;
		for (size_t k = 0; k < tenant->n_endpoints; k++) {
			tenant->endpoints[k].id = 0;
			tenant->endpoints[k].link = 0;
		}
	}
	for (size_t i = 0; i < t->past.policies.n; i++) {
		t->past.policies.policies[i].id = 0;
		t->past.policies.policies[i].number = 0;
	}
}

int nsn_target_init(struct nsn_target *t, struct nsnet_err *err)
{
	forget_numbers(t);
	t->set = (struct nsn_policy_set){
		.tenants = t->past.tenants.tenants, .n_tenants = t->past.tenants.n, .whole = true};
	return copy_lists(t, 0, 0, err);
}

/* ---- what was closed since -------------------------------------------------------------- */

static int by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct nsn_policy *)element)->name);
}

static const struct nsn_policy *find(const struct nsn_policy_list *list, const char *name)
{
	return list->n ? bsearch(name, list->policies, list->n, sizeof(*list->policies), by_name)
		       : NULL;
}

static struct nsn_policy *find_wanted(const struct nsn_target *t, const char *name)
{
	for (size_t i = 0; i < t->set.n_policies; i++)
		if (strcmp(t->set.policies[i].name, name) == 0)
			return &t->set.policies[i];
	return NULL;
}

static int tenant_by_name(const void *key, const void *element)
{
	return strcmp(key, ((const struct nsn_tenant *)element)->name);
}

/* Whether the target has whom it names; labels and the like are not looked at. */
static bool is_there(const struct nsn_target *t, const struct nsn_peer *p)
{
	if (p->kind != NSN_PEER_TENANT && p->kind != NSN_PEER_ENDPOINT)
		return true;
	return t->set.n_tenants && bsearch(p->tenant, t->set.tenants, t->set.n_tenants,
					   sizeof(*t->set.tenants), tenant_by_name);
}

static void drop_absent(const struct nsn_target *t, struct nsn_peer *list, size_t *n)
{
	size_t stay = 0;

	for (size_t i = 0; i < *n; i++)
		if (is_there(t, &list[i]))
			list[stay++] = list[i];
	*n = stay;
}

/* A denial takes the place of what has its name: it is what was said last. */
static void add_denial(struct nsn_target *t, struct nsn_policy *p)
{
	struct nsn_policy *same = find_wanted(t, p->name);

	drop_absent(t, p->from, &p->n_from);
	drop_absent(t, p->to, &p->n_to);
	if (p->n_from == 0 || p->n_to == 0)
		return;
	p->id = p->number = 0;
	*(same ? same : &t->set.policies[t->set.n_policies++]) = *p;
}

static void add_quarantine(struct nsn_target *t, struct nsn_quarantine *q)
{
	size_t stay = 0, i;

	for (i = 0; i < q->n_keep; i++)
		if (is_there(t, &q->keep[i].from) && is_there(t, &q->keep[i].to))
			q->keep[stay++] = q->keep[i];
	q->n_keep = stay;
	for (i = 0; i < t->set.n_quarantines; i++)
		if (nsn_peer_same(&t->set.quarantines[i].who, &q->who))
			break;
	t->set.quarantines[i] = *q;
	t->set.n_quarantines += i == t->set.n_quarantines;
}

static bool in_quarantine(const struct nsn_past *past, const struct nsn_peer *who)
{
	for (size_t i = 0; i < past->quarantines.n; i++)
		if (nsn_peer_same(&past->quarantines.quarantines[i].who, who))
			return true;
	return false;
}

int nsn_target_close(struct nsn_target *t, const struct nsn_past *after, struct nsnet_err *err)
{
	const struct nsn_policy_list *now = &t->now.policies;
	int r;

	free(NSN_TAKE_PTR(t->set.policies));
	free(NSN_TAKE_PTR(t->set.quarantines));
	t->set.n_policies = t->set.n_quarantines = 0;
	r = copy_lists(t, now->n, t->now.quarantines.n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < after->policies.n; i++) {
		const struct nsn_policy *was = &after->policies.policies[i];
		struct nsn_policy *p = find_wanted(t, was->name);

		if (!was->deny && p && !p->deny && !find(now, was->name))
			*p = t->set.policies[--t->set.n_policies];
	}
	for (size_t i = 0; i < now->n; i++) {
		const struct nsn_policy *was = find(&after->policies, now->policies[i].name);

		if (now->policies[i].deny && !(was && was->deny))
			add_denial(t, &now->policies[i]);
	}
	for (size_t i = 0; i < t->now.quarantines.n; i++)
		if (!in_quarantine(after, &t->now.quarantines.quarantines[i].who))
			add_quarantine(t, &t->now.quarantines.quarantines[i]);
	return 0;
}
