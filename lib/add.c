/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * add - tenants from definitions, one or many
 *
 * Each is carried out as a transaction of its own; that all can be made is
 * checked before, in a transaction that is rolled back.
 */

struct batch {
	struct nsn_tenant *tenants;
	size_t n;
};

static void batch_clear(struct batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		nsn_tenant_clear(&b->tenants[i]);
	free(b->tenants);
}

/* An error about what stands in a file says where. */
static int at_definition(const struct nsnet_tenant_def *def, int r, struct nsnet_err *err)
{
	if (r >= 0 || !def->where)
		return r;
	(void)nsn_err_wrap(err, r, "%s", def->where);
	return err && err->where[0] ? r : nsn_err_where(err, r, "%s", def->where);
}

static int parse_all(struct batch *b, const struct nsnet_tenant_def *defs, size_t count,
		     struct nsnet_err *err)
{
	size_t i, j;
	int r;

	b->tenants = calloc(count + 1, sizeof(*b->tenants));
	if (!b->tenants)
		return nsn_err_nomem(err);
	for (i = 0; i < count; i++) {
		r = nsn_tenant_parse(&b->tenants[i], &defs[i], err);
		if (r < 0)
			return at_definition(&defs[i], r, err);
		b->n++;
		for (j = 0; j < i; j++)
			if (strcmp(b->tenants[j].name, b->tenants[i].name) == 0)
				return at_definition(&defs[i],
						     nsn_err(err, -EINVAL, NSNET_E_BAD_NAME,
							     "tenant '%s' is defined twice",
							     b->tenants[i].name),
						     err);
	}
	return 0;
}

static int differs(const struct nsn_tenant *want, const char *difference, struct nsnet_err *err)
{
	(void)nsn_err(err, -EEXIST, NSNET_E_TENANT_DIFFERS,
		      "tenant '%s' exists with other settings: %s", want->name, difference);
	return nsn_err_hint(err, -EEXIST, "nsnet tenant show %s", want->name);
}

static int insert(struct nsnet *n, struct nsn_tenant *want, struct nsnet_err *err)
{
	int r = nsn_choose_subnets(n, want, err);

	if (r == 0)
		r = nsn_tenant_allocate(want, err);
	if (r < 0)
		return r;
	want->created = (int64_t)time(NULL);
	want->origin.uid = getuid();
	want->origin.at = want->created;
	return nsn_store_tenant_insert(n->store, want, err);
}

/* The tenant of this name, if it is as wanted; 1: there was none and it was inserted. */
static int insert_or_match(struct nsnet *n, struct nsn_tenant *want, unsigned int flags,
			   struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant have = {0};
	struct nsnet_err inner = {0};
	char difference[160];
	int r;

	r = nsn_store_tenant_get(n->store, want->name, &have, &inner);
	if (r == -ENOENT) {
		r = insert(n, want, err);
		return r < 0 ? r : 1;
	}
	if (r < 0) {
		if (err)
			*err = inner;
		return r;
	}
	if (!nsn_tenant_same(&have, want, difference, sizeof(difference)))
		return differs(want, difference, err);
	if (flags & NSNET_MUST_CREATE)
		return nsn_err(err, -EEXIST, NSNET_E_TENANT_EXISTS, "tenant '%s' exists",
			       want->name);
	nsn_tenant_clear(want);
	*want = have;
	have = (struct nsn_tenant){0};
	return 0;
}

/* With copies: what the check inserts is not to be taken for what was. */
static int check_all(struct nsnet *n, const struct nsnet_tenant_def *defs, const struct batch *b,
		     unsigned int flags, struct nsnet_err *err)
{
	size_t i;
	int r = b->n > 1 ? nsn_store_begin(n->store, err) : 0;

	for (i = 0; r >= 0 && b->n > 1 && i < b->n; i++) {
		NSN_AUTO(nsn_tenant_clear) struct nsn_tenant copy = {0};

		r = nsn_tenant_copy(&copy, &b->tenants[i], err);
		if (r == 0)
			r = at_definition(&defs[i], insert_or_match(n, &copy, flags, err), err);
	}
	if (b->n > 1)
		nsn_store_rollback_unused(n->store);
	return r < 0 ? r : 0;
}

static int add_one(struct nsnet *n, struct nsn_tenant *t, unsigned int flags,
		   struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {0};
	NSN_AUTO(nsn_job_close) struct nsn_job job = {0};
	struct nsn_item *item = NULL;
	int r, made;

	r = nsn_change_add(c, t->name, NULL, &item, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r < 0)
		return r;
	made = r = insert_or_match(n, t, flags, err);
	job.fresh = made > 0;
	if (r > 0)
		r = nsn_note_overlaps(n, t, c, item, err);
	if (r == 0)
		r = nsn_borders_around(&b, &job, n, t, made ? NSNET_CREATED : NSNET_UNCHANGED,
				       flags & NSNET_DRY_RUN, c, err);
	nsn_store_rollback(n->store);
	/* What failed was not done; the caller hears why. */
	if (r < 0)
		nsn_change_drop(c);
	return r;
}

int nsnet_tenants_add(struct nsnet *n, const struct nsnet_tenant_def *defs, size_t count,
		      unsigned int flags, struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	NSN_AUTO(batch_clear) struct batch b = {0};
	size_t i;
	int r;

	r = parse_all(&b, defs, count, err);
	if (r == 0)
		r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = check_all(n, defs, &b, flags, err);
	if (r < 0)
		return r;
	for (i = 0; r == 0 && i < b.n; i++)
		r = at_definition(&defs[i], add_one(n, &b.tenants[i], flags, c, err), err);
	if (ret && (r == 0 || c->n > 0))
		*ret = NSN_TAKE_PTR(c);
	return r;
}

int nsnet_tenant_add(struct nsnet *n, const char *name, const char *subnet, unsigned int flags,
		     struct nsnet_change **ret, struct nsnet_err *err)
{
	const struct nsnet_tenant_def def = {.name = name, .subnet = subnet};

	return nsnet_tenants_add(n, &def, 1, flags, ret, err);
}
