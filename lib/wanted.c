/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctx.h"
#include "model/about.h"

/*
 * wanted - what all tenants together want: who may talk to whom, and over which
 * cables (cables.c decides which there are)
 *
 * One tenant's border depends on others: on their subnets, their endpoints, their
 * labels. So it is made from everything that is stored.
 */

/* Not routed on the internet: shared address space (RFC 6598), and one of our own. */
#define TRANSIT4 "100.127.0.0/16"
#define TRANSIT6 "fd6e:736e:6574:78::/64"

static void unindex(struct nsn_wanted *w)
{
	free(w->cables_b);
	w->cables_b = NULL;
	if (w->about)
		nsn_about_clear(w->about);
	free(w->about);
	w->about = NULL;
	w->intent.about = NULL;
}

void nsn_wanted_clear(struct nsn_wanted *w)
{
	nsn_tenant_list_clear(&w->tenants);
	nsn_policy_list_clear(&w->policies);
	nsn_quarantine_list_clear(&w->quarantines);
	nsn_cable_list_clear(&w->cables);
	nsn_uplink_list_clear(&w->uplinks);
	nsn_uplink_list_clear(&w->gone_uplinks);
	nsn_hostview_clear(&w->host);
	free(w->old);
	unindex(w);
	free(w->core);
	*w = (struct nsn_wanted){0};
}

int nsn_wanted_load_transit(struct nsnet *n, struct nsn_wanted *ret, struct nsnet_err *err)
{
	struct nsn_transit *t = &ret->transit;
	int r = nsn_store_transit_get(n->store, t, err);

	ret->transit_chosen = r > 0;
	if (r != 0)
		return r < 0 ? r : 0;
	if (nsn_prefix_parse(&t->ip, TRANSIT4) < 0 || nsn_prefix_parse(&t->ip6, TRANSIT6) < 0)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "bad pool of transit addresses");
	return 0;
}

int nsn_wanted_load(struct nsnet *n, bool tenants, struct nsn_wanted *ret, struct nsnet_err *err)
{
	int r;

	nsn_wanted_clear(ret);
	r = nsn_store_policy_list(n->store, &ret->policies, err);
	if (r == 0)
		r = nsn_store_quarantine_list(n->store, &ret->quarantines, err);
	if (r == 0)
		r = nsn_store_cable_list(n->store, &ret->cables, err);
	if (r == 0)
		r = nsn_store_uplink_list(n->store, &ret->uplinks, err);
	/* Without a policy nothing depends on the other tenants. */
	if (r == 0 && (tenants || ret->policies.n > 0 || ret->quarantines.n > 0 ||
		       ret->cables.n > 0 || ret->uplinks.n > 0))
		r = nsn_store_tenant_list(n->store, &ret->tenants, err);
	if (r == 0)
		r = nsn_wanted_load_transit(n, ret, err);
	return r == 0 ? nsn_wanted_intend(n, ret, err) : r;
}

/* ---- the host ----------------------------------------------------------------------- */

static bool leads_outside(const struct nsn_peer *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!nsn_peer_is_tenants(&list[i]))
			return true;
	return false;
}

static bool is_about_outside(const struct nsn_wanted *w)
{
	size_t i, k;

	for (i = 0; i < w->policies.n; i++) {
		const struct nsn_policy *p = &w->policies.policies[i];

		if (leads_outside(p->from, p->n_from) || leads_outside(p->to, p->n_to))
			return true;
	}
	for (i = 0; i < w->quarantines.n; i++)
		for (k = 0; k < w->quarantines.quarantines[i].n_keep; k++) {
			const struct nsn_flow *f = &w->quarantines.quarantines[i].keep[k];

			if (leads_outside(&f->from, 1) || leads_outside(&f->to, 1))
				return true;
		}
	return false;
}

/* Only who leads somewhere needs to know where the host is. */
static int see_host(struct nsnet *n, struct nsn_wanted *w, struct nsnet_err *err)
{
	int r;

	if (w->sees_host || (w->uplinks.n == 0 && !is_about_outside(w)))
		return 0;
	r = n->host ? nsn_hostview_copy(&w->host, n->host, err)
		    : nsn_hostview_read(n, &w->host, err);
	w->sees_host = r == 0;
	return r;
}

const struct nsn_uplink *nsn_wanted_uplink(const struct nsn_wanted *w, uint64_t tenant)
{
	size_t low = 0, high = w->uplinks.n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (w->uplinks.uplinks[mid].tenant < tenant)
			low = mid + 1;
		else
			high = mid;
	}
	return low < w->uplinks.n && w->uplinks.uplinks[low].tenant == tenant
		       ? &w->uplinks.uplinks[low]
		       : NULL;
}

static int load_old(struct nsnet *n, struct nsn_wanted *w, struct nsnet_err *err)
{
	free(w->old);
	w->old = NULL;
	w->n_old = 0;
	return nsn_store_host_setting_list(n->store, &w->old, &w->n_old, err);
}

int nsn_wanted_intend(struct nsnet *n, struct nsn_wanted *w, struct nsnet_err *err)
{
	int r = see_host(n, w, err);

	if (r == 0)
		r = load_old(n, w, err);
	return r == 0 ? nsn_wanted_compose(w, err) : r;
}

int nsn_wanted_compose(struct nsn_wanted *w, struct nsnet_err *err)
{
	w->intent = (struct nsn_intent){.tenants = w->tenants.tenants,
					.n_tenants = w->tenants.n,
					.policies = w->policies.policies,
					.n_policies = w->policies.n,
					.quarantines = w->quarantines.quarantines,
					.n_quarantines = w->quarantines.n,
					.now = time(NULL)};
	if (w->sees_host) {
		w->intent.links = w->host.nets;
		w->intent.n_links = w->host.n_nets;
		w->intent.host = w->host.addrs;
		w->intent.n_host = w->host.n_addrs;
	}
	return nsn_wanted_index(w, err);
}

/* ---- who is who -------------------------------------------------------------------- */

static int name_cmp(const void *key, const void *element)
{
	return strcmp(key, ((const struct nsn_tenant *)element)->name);
}

static int by_b(const void *a, const void *b)
{
	const struct nsn_cable *const *x = a, *const *y = b;

	return (*x)->b < (*y)->b ? -1 : (*x)->b > (*y)->b;
}

int nsn_wanted_index_cables(struct nsn_wanted *w, struct nsnet_err *err)
{
	const size_t n = w->cables.n;
	const struct nsn_cable **list = reallocarray(w->cables_b, n + 1, sizeof(*list));

	if (!list)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		list[i] = &w->cables.cables[i];
	qsort(list, n, sizeof(*list), by_b);
	w->cables_b = list;
	return 0;
}

int nsn_wanted_index(struct nsn_wanted *w, struct nsnet_err *err)
{
	unindex(w);
	w->about = calloc(1, sizeof(*w->about));
	if (!w->about || nsn_about_make(w->about, &w->intent) < 0)
		return nsn_err_nomem(err);
	w->intent.about = w->about;
	return nsn_wanted_index_cables(w, err);
}

/* The first whose tenant on one side is not below @id. */
static size_t first_cable(const struct nsn_wanted *w, bool of_b, uint64_t id)
{
	size_t low = 0, high = w->cables.n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if ((of_b ? w->cables_b[mid]->b : w->cables.cables[mid].a) < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int nsn_wanted_cables_of(const struct nsn_wanted *w, uint64_t id, struct nsn_cable **ret, size_t *n)
{
	const size_t a = first_cable(w, false, id), a_end = first_cable(w, false, id + 1);
	const size_t b = first_cable(w, true, id), b_end = first_cable(w, true, id + 1);
	const size_t most = (a_end - a) + (b_end - b);
	struct nsn_cable *list = calloc(most ? most : 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	*n = 0;
	for (size_t i = a; i < a_end; i++)
		list[(*n)++] = w->cables.cables[i];
	for (size_t i = b; i < b_end; i++)
		list[(*n)++] = *w->cables_b[i];
	*ret = list;
	return 0;
}

size_t nsn_wanted_place(const struct nsn_wanted *w, uint64_t id)
{
	const struct nsn_tenant *t = nsn_wanted_tenant(w, id);

	return t ? (size_t)(t - w->tenants.tenants) : w->tenants.n;
}

size_t nsn_wanted_named(const struct nsn_wanted *w, const char *name)
{
	const struct nsn_tenant *t = NULL;

	if (w->tenants.n > 0)
		t = bsearch(name, w->tenants.tenants, w->tenants.n, sizeof(*t), name_cmp);
	return t ? (size_t)(t - w->tenants.tenants) : w->tenants.n;
}

const struct nsn_tenant *nsn_wanted_tenant(const struct nsn_wanted *w, uint64_t id)
{
	return nsn_about_tenant(&w->intent, id);
}
