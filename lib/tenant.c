/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

/* ---- del -------------------------------------------------------------------------- */

static int forget(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int r;

	r = nsn_store_begin(n->store, &inner);
	if (r == 0)
		r = nsn_store_tenant_delete(n->store, t->id, &inner);
	if (r == 0)
		r = nsn_store_commit(n->store, &inner);
	nsn_store_rollback(n->store);
	if (r == 0)
		return 0;
	(void)nsn_err(
		err, -EIO, NSNET_E_NOT_DURABLE,
		"tenant '%s' is cut off and its network is gone, but not from the store: %.300s",
		t->name, inner.msg);
	return nsn_err_hint(err, -EIO, "when the store can be written again: nsnet tenant del %s",
			    t->name);
}

int nsnet_tenant_del(struct nsnet *n, const char *name, unsigned int flags,
		     struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	NSN_AUTO(nsn_job_close) struct nsn_job job = {0};
	bool dry = flags & NSNET_DRY_RUN;
	struct nsn_item *item = NULL;
	int r;

	r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_change_add(c, name, NULL, &item, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r < 0)
		return r;
	/*
	 * The network goes before the row: whoever dies in between leaves a tenant
	 * that is wanted and (partly) gone, which both `del` and `repair` settle.
	 */
	r = nsn_store_tenant_get(n->store, name, &t, err);
	if (r == 0)
		r = nsn_job_open(&job, n, &t, NSN_WANT_CUT, err);
	if (r == 0)
		r = nsn_job_destroy(&job, dry, c, item, err);
	if (r == 0 && !dry)
		r = forget(n, &t, err);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}

/* ---- repair ----------------------------------------------------------------------- */

static int repair_one(struct nsnet *n, struct nsn_tenant *t, bool dry, struct nsnet_change *c,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsn_job_close) struct nsn_job job = {0};
	struct nsn_item *item = NULL;
	int r;

	r = nsn_change_add(c, t->name, NULL, &item, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r == 0)
		r = nsn_job_open(&job, n, t, NSN_WANT_BUILT, err);
	if (r == 0)
		r = nsn_job_converge(&job, NSNET_UNCHANGED, dry, c, item, err);
	nsn_store_rollback(n->store);
	/* What failed was not done; the caller hears why. */
	if (r < 0 && item)
		nsn_change_drop(c);
	return r;
}

static int load(struct nsnet *n, const char *name, struct nsn_tenant_list *list,
		struct nsnet_err *err)
{
	int r;

	if (!name)
		return nsn_store_tenant_list(n->store, list, err);
	list->tenants = calloc(1, sizeof(*list->tenants));
	if (!list->tenants)
		return nsn_err_nomem(err);
	r = nsn_store_tenant_get(n->store, name, &list->tenants[0], err);
	list->n = r == 0;
	return r;
}

int nsnet_repair(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change **ret,
		 struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	struct nsn_tenant_list list = {0};
	struct nsnet_err first = {0};
	int r, failed = 0;
	size_t i;

	r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r < 0)
		return r;
	r = load(n, name, &list, err);
	for (i = 0; r == 0 && i < list.n; i++) {
		struct nsnet_err inner = {0};
		int one = repair_one(n, &list.tenants[i], flags & NSNET_DRY_RUN, c, &inner);

		/* The first reason is told, but a thread that is stranded goes nowhere. */
		if (one < 0 && (!failed || inner.id == NSNET_E_STRANDED)) {
			failed = one;
			first = inner;
		}
		if (inner.id == NSNET_E_STRANDED)
			break;
	}
	nsn_tenant_list_clear(&list);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	if (r == 0 && failed && err)
		*err = first;
	return r == 0 ? failed : r;
}
