/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "compile/flows.h"
#include "compile/host.h"
#include "ctx.h"

/*
 * uplinks - which tenants lead out of the machine: those that a policy lets reach, or be
 * reached by, what is no tenant
 */

/* As many as there are pairs of addresses in the pool, with cables (transit.c). */
#define SLOTS (1U << 15)

static int keep(struct nsn_uplink_list *list, const struct nsn_uplink *u)
{
	struct nsn_uplink *grown = reallocarray(list->uplinks, list->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->uplinks = grown;
	grown[list->n++] = *u;
	return 0;
}

static int by_tenant(const void *a, const void *b)
{
	const struct nsn_uplink *x = a, *y = b;

	return x->tenant < y->tenant ? -1 : x->tenant > y->tenant;
}

static int make(struct nsnet *n, struct nsn_wanted *w, const struct nsn_tenant *t,
		struct nsnet_err *err)
{
	struct nsn_uplink u = {.tenant = t->id};
	int r = nsn_transit_choose(n, w, err);

	if (r == 0)
		r = nsn_transit_check(w, t, err);
	if (r == 0)
		r = nsn_store_uplink_put(n->store, &u, SLOTS, false, err);
	if (r < 0)
		return r;
	if (keep(&w->uplinks, &u) < 0)
		return nsn_err_nomem(err);
	qsort(w->uplinks.uplinks, w->uplinks.n, sizeof(u), by_tenant);
	return 1;
}

static int drop(struct nsnet *n, struct nsn_wanted *w, const struct nsn_uplink *which,
		struct nsnet_err *err)
{
	const size_t at = (size_t)(which - w->uplinks.uplinks);
	int r = nsn_store_uplink_delete(n->store, which->tenant, err);

	if (r < 0)
		return r;
	if (keep(&w->gone_uplinks, which) < 0)
		return nsn_err_nomem(err);
	w->uplinks.n--;
	memmove(&w->uplinks.uplinks[at], &w->uplinks.uplinks[at + 1],
		(w->uplinks.n - at) * sizeof(*which));
	return 1;
}

/* 1: it has got or lost one. */
static int settle(struct nsnet *n, struct nsn_wanted *w, const struct nsn_tenant *t,
		  struct nsnet_err *err)
{
	const struct nsn_uplink *have = nsn_wanted_uplink(w, t->id);
	const bool wanted = nsn_flows_outside(&w->intent, t);

	if (wanted && !have)
		return make(n, w, t, err);
	if (!wanted && have)
		return drop(n, w, have, err);
	return wanted ? nsn_transit_check(w, t, err) : 0;
}

/* The row of a tenant that is about to go is that of its own run; here it is only as if. */
static int forget_absent(struct nsn_wanted *w, struct nsnet_err *err)
{
	size_t i, kept = 0;

	for (i = 0; !w->core && i < w->uplinks.n; i++) {
		const struct nsn_uplink *u = &w->uplinks.uplinks[i];

		if (nsn_wanted_tenant(w, u->tenant))
			w->uplinks.uplinks[kept++] = *u;
		else if (keep(&w->gone_uplinks, u) < 0)
			return nsn_err_nomem(err);
	}
	if (!w->core)
		w->uplinks.n = kept;
	return 0;
}

/* How the host is is stored before anything of it is changed. */
static int store_settings(struct nsnet *n, struct nsn_wanted *w, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_host_setting *list = NULL;
	size_t count = 0, i;
	int r = nsn_host_settings_to_store(n, w, &list, &count, err);

	for (i = 0; r == 0 && i < count; i++)
		r = nsn_store_host_setting_put(n->store, &list[i], err);
	if (r < 0 || count == 0)
		return r;
	nsn_freep(&w->old);
	w->n_old = 0;
	return nsn_store_host_setting_list(n->store, &w->old, &w->n_old, err);
}

int nsn_wanted_settle_uplinks(struct nsnet *n, struct nsn_wanted *w, bool *touched,
			      struct nsnet_err *err)
{
	size_t i;
	int r = forget_absent(w, err);

	for (i = 0; r == 0 && i < w->tenants.n; i++) {
		if (w->core && !w->core[i])
			continue;
		r = settle(n, w, &w->tenants.tenants[i], err);
		touched[i] |= r > 0;
		r = r > 0 ? 0 : r;
	}
	if (r == 0 && w->uplinks.n > 0)
		r = store_settings(n, w, err);
	return r;
}
