/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * set - other settings for a tenant that exists
 *
 * The tenant as it shall be is compiled, compared with the kernel and carried
 * out like any other difference; what is forbidden from now on goes first.
 */

static int apply_all(struct nsn_tenant *t, const struct nsnet_setting *settings, size_t count,
		     struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < count; i++)
		r = nsn_tenant_apply(t, settings[i].key, settings[i].value, err);
	return r;
}

static bool same_subnets(const struct nsn_tenant *a, const struct nsn_tenant *b)
{
	return nsn_prefix_cmp(&a->subnet, &b->subnet) == 0 &&
	       nsn_prefix_cmp(&a->subnet6, &b->subnet6) == 0;
}

/* Whether anything is to be stored: the definition that a tenant is says all of it. */
static bool same(const struct nsn_tenant *a, const struct nsn_tenant *b)
{
	char difference[160];

	return nsn_tenant_same(a, b, difference, sizeof(difference));
}

static int change(struct nsnet *n, const struct nsn_tenant *before, struct nsn_tenant *t, bool dry,
		  struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {0};
	NSN_AUTO(nsn_job_close) struct nsn_job job = {.before = before};
	struct nsn_item *item = NULL;
	bool changed = !same(before, t);
	int r;

	r = nsn_change_add(c, t->name, NULL, &item, err);
	if (r == 0 && changed)
		r = nsn_store_tenant_update(n->store, t, err);
	if (r == 0 && !nsn_dns_same(&before->dns, &t->dns))
		r = nsn_dns_note(n, t, c, item, err);
	if (r == 0 && !same_subnets(before, t))
		r = nsn_note_overlaps(n, t, c, item, err);
	if (r == 0)
		r = nsn_borders_around(&b, &job, n, t, changed ? NSNET_CHANGED : NSNET_UNCHANGED,
				       dry, c, err);
	return r;
}

int nsnet_tenant_set(struct nsnet *n, const char *name, const struct nsnet_setting *settings,
		     size_t count, unsigned int flags, struct nsnet_change **ret,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant before = {0};
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r;

	r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_may_change(n, flags, false, err);
	if (r == 0)
		r = nsn_store_tenant_get(n->store, name, &before, err);
	if (r == 0)
		r = nsn_tenant_copy(&t, &before, err);
	if (r == 0)
		r = apply_all(&t, settings, count, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r < 0)
		return r;
	r = nsn_choose_subnets(n, &t, err);
	if (r == 0)
		r = nsn_tenant_allocate(&t, err);
	if (r == 0)
		r = nsn_dns_find(n, &t, &t.dns, err);
	if (r == 0)
		r = change(n, &before, &t, flags & NSNET_DRY_RUN, c, err);
	nsn_store_rollback(n->store);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}
