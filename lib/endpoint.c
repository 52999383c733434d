/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

static int differs(const char *tenant, const char *name, const char *difference,
		   struct nsnet_err *err)
{
	(void)nsn_err(err, -EEXIST, NSNET_E_ENDPOINT_DIFFERS,
		      "endpoint '%s/%s' exists with other settings: %s", tenant, name, difference);
	return nsn_err_hint(err, -EEXIST, "nsnet endpoint show %s/%s", tenant, name);
}

/* 1: it was added to @t and the store; 0: it is there as wanted. */
static int insert_or_match(struct nsnet *n, struct nsn_tenant *t, const struct nsn_endpoint *want,
			   unsigned int flags, struct nsnet_err *err)
{
	const struct nsn_endpoint *have = nsn_tenant_endpoint(t, want->name);
	char difference[160];
	int r;

	if (have) {
		if (!nsn_endpoint_same(have, want, difference, sizeof(difference)))
			return differs(t->name, want->name, difference, err);
		if (flags & NSNET_MUST_CREATE)
			return nsn_err(err, -EEXIST, NSNET_E_ENDPOINT_EXISTS,
				       "endpoint '%s/%s' exists", t->name, want->name);
		return 0;
	}
	r = nsn_tenant_endpoint_add(t, want, err);
	if (r == 0)
		r = nsn_tenant_allocate(t, err);
	if (r == 0)
		r = nsn_store_endpoint_insert(n->store, t->id, &t->endpoints[t->n_endpoints - 1],
					      err);
	return r < 0 ? r : 1;
}

int nsnet_endpoint_add(struct nsnet *n, const char *tenant, const struct nsnet_endpoint_def *def,
		       unsigned int flags, struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {0};
	NSN_AUTO(nsn_job_close) struct nsn_job job = {0};
	struct nsn_item *item = NULL;
	struct nsn_endpoint want = {0};
	int r, made;

	r = nsn_endpoint_parse(&want, tenant, def, err);
	if (r == 0)
		r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_change_add(c, tenant, def->name, &item, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_may_change(n, flags, false, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r < 0)
		return r;
	made = r = nsn_store_tenant_get(n->store, tenant, &t, err);
	if (r == 0)
		made = r = insert_or_match(n, &t, &want, flags, err);
	if (r >= 0) {
		job.only = nsn_tenant_endpoint(&t, want.name)->id;
		r = nsn_borders_around(&b, &job, n, &t, made ? NSNET_CREATED : NSNET_UNCHANGED,
				       flags & NSNET_DRY_RUN, c, err);
	}
	nsn_store_rollback(n->store);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}

/* ---- looking for one ----------------------------------------------------------------- */

static int no_endpoint(const struct nsn_tenant *t, const char *name, struct nsnet_err *err)
{
	const char *near = NULL;
	char shown[NSN_SHOW_SIZE];
	size_t i, best = strlen(name) / 3 + 1;

	(void)nsn_err(err, -ENOENT, NSNET_E_NO_ENDPOINT, "tenant '%s' has no endpoint '%s'",
		      t->name, nsn_text_show(name, shown, sizeof(shown)));
	for (i = 0; i < t->n_endpoints; i++) {
		size_t far = nsn_text_distance(name, t->endpoints[i].name);

		if (far <= best) {
			best = far;
			near = t->endpoints[i].name;
		}
	}
	if (near)
		return nsn_err_hint(err, -ENOENT, "did you mean %s/%s?", t->name, near);
	return nsn_err_hint(err, -ENOENT, "nsnet endpoint list %s", t->name);
}

int nsn_find_endpoint(const struct nsn_tenant *t, const char *name, size_t *ret,
		      struct nsnet_err *err)
{
	size_t i;

	for (i = 0; i < t->n_endpoints; i++) {
		if (strcmp(t->endpoints[i].name, name) != 0)
			continue;
		*ret = i;
		return 0;
	}
	return no_endpoint(t, name, err);
}

/* ---- del ------------------------------------------------------------------------------ */

/* @t becomes the tenant without it; *@id is its number. */
static int take_out(struct nsn_tenant *t, const struct nsn_tenant *before, const char *name,
		    uint64_t *id, struct nsnet_err *err)
{
	size_t index = 0;
	int r;

	r = nsn_find_endpoint(before, name, &index, err);
	if (r == 0)
		r = nsn_tenant_copy(t, before, err);
	if (r < 0)
		return r;
	*id = before->endpoints[index].id;
	nsn_tenant_endpoint_del(t, index);
	return 0;
}

int nsn_endpoint_drop(struct nsnet *n, const char *tenant, const char *name, bool dry,
		      struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant before = {0};
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {0};
	NSN_AUTO(nsn_job_close) struct nsn_job job = {.before = &before};
	struct nsn_item *item = NULL;
	int r;

	r = nsn_change_add(c, tenant, name, &item, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r < 0)
		return r;
	r = nsn_store_tenant_get(n->store, tenant, &before, err);
	if (r == 0)
		r = take_out(&t, &before, name, &job.only, err);
	/* With its row goes what says that its namespace is ours: the job reads that first. */
	if (r == 0)
		r = nsn_job_open(&job, n, &t, NSN_WANT_BUILT, err);
	if (r == 0)
		r = nsn_store_endpoint_delete(n->store, before.id, job.only, err);
	/* After a reboot only files are left of it, and no gateway is built to remove them. */
	if (r == 0 && nsn_job_absent(&job)) {
		job.only_remove = true;
		nsn_plan_only_remove(&job.plan);
	}
	if (r == 0)
		r = nsn_borders_around(&b, &job, n, &t, NSNET_REMOVED, dry, c, err);
	nsn_store_rollback(n->store);
	return r;
}

/* The same, when the store cannot be written. */
static int close_anyway(struct nsnet *n, const char *tenant, const char *name,
			const struct nsnet_err *store, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant before = {0};
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	uint64_t id = 0;
	int r = nsn_store_tenant_get(n->store, tenant, &before, err);

	if (r == 0)
		r = take_out(&t, &before, name, &id, err);
	return r == 0 ? nsn_close_endpoint(n, &before, &t, id, name, store, err) : r;
}

int nsnet_endpoint_del(struct nsnet *n, const char *tenant, const char *name, unsigned int flags,
		       struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	struct nsnet_err inner = {0};
	int r;

	r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_check_unasked(n, tenant, name, err);
	if (r == 0)
		r = nsn_may_change(n, flags, false, err);
	if (r < 0)
		return r;
	r = nsn_endpoint_drop(n, tenant, name, flags & NSNET_DRY_RUN, c, &inner);
	if (!(flags & NSNET_DRY_RUN) && nsn_is_unwritten(r, &inner))
		return close_anyway(n, tenant, name, &inner, err);
	if (r < 0 && err)
		*err = inner;
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}
