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
 * That all can be made is checked first, in a transaction that is rolled back. Then
 * each is carried out as a transaction of its own, or, where they are new and nothing
 * leads to them, some at a time (many.c) with one commit.
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

/* The first whose name one before it has; b->n: none. */
static int find_twin(const struct batch *b, size_t *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) const struct nsn_tenant **names = calloc(b->n + 1, sizeof(*names));
	size_t i;

	*ret = b->n;
	if (!names)
		return nsn_err_nomem(err);
	nsn_tenants_by_name(names, b->tenants, b->n);
	for (i = 1; i < b->n; i++) {
		const size_t at = (size_t)(names[i] - b->tenants);

		if (strcmp(names[i - 1]->name, names[i]->name) == 0 && at < *ret)
			*ret = at;
	}
	return 0;
}

/* What is wrong is told in the order of the definitions: a twin comes before what follows it. */
static int parse_all(struct batch *b, const struct nsnet_tenant_def *defs, size_t count,
		     struct nsnet_err *err)
{
	size_t twin;
	int r, parsed = 0;

	b->tenants = calloc(count + 1, sizeof(*b->tenants));
	if (!b->tenants)
		return nsn_err_nomem(err);
	while (b->n < count) {
		parsed = nsn_tenant_parse(&b->tenants[b->n], &defs[b->n], err);
		if (parsed < 0)
			break;
		b->n++;
	}
	r = find_twin(b, &twin, err);
	if (r < 0)
		return r;
	if (twin < b->n)
		return at_definition(&defs[twin],
				     nsn_err(err, -EINVAL, NSNET_E_BAD_NAME,
					     "tenant '%s' is defined twice", b->tenants[twin].name),
				     err);
	return parsed < 0 ? at_definition(&defs[b->n], parsed, err) : 0;
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
	if (r == 0)
		r = nsn_dns_find(n, want, &want->dns, err);
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
	char difference[160];
	int r;

	/* Without @err: that none is there is no mistake, and the hint looks at all names. */
	r = nsn_store_tenant_get(n->store, want->name, &have, NULL);
	if (r == -ENOENT) {
		r = insert(n, want, err);
		return r < 0 ? r : 1;
	}
	if (r < 0)
		r = nsn_store_tenant_get(n->store, want->name, &have, err);
	if (r < 0)
		return r;
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
	if (r == 0 && made)
		r = nsn_dns_note(n, t, c, item, err);
	if (r == 0)
		r = nsn_borders_around(&b, &job, n, t, made ? NSNET_CREATED : NSNET_UNCHANGED,
				       flags & NSNET_DRY_RUN, c, err);
	nsn_store_rollback(n->store);
	/* What failed was not done; the caller hears why. */
	if (r < 0)
		nsn_change_drop(c);
	return r;
}

/* ---- some at a time ------------------------------------------------------------------- */

struct chunk {
	struct nsnet *n;
	struct nsnet_change *c;
	struct nsn_wanted all;
	struct nsn_tenant
		tenants[NSN_AT_A_TIME]; /* in the place of those of the batch, when it is done */
	struct nsn_job jobs[NSN_AT_A_TIME];
	size_t count;
	size_t items; /* of the change, before */
};

static void chunk_clear(struct chunk *k)
{
	size_t i;

	for (i = 0; i < k->count; i++) {
		nsn_job_close(&k->jobs[i]);
		nsn_tenant_clear(&k->tenants[i]);
	}
	nsn_wanted_clear(&k->all);
	nsn_store_rollback(k->n->store);
}

/* The rows of as many as are new. What is wrong with the next one, its own turn tells. */
static int insert_some(struct chunk *k, const struct batch *b, size_t from, struct nsnet_err *err)
{
	NSN_AUTO(nsn_networks_clear) struct nsn_networks host = {0};
	int r = nsn_networks_of_host(k->n, &host, err);

	while (r == 0 && k->count < NSN_AT_A_TIME && from + k->count < b->n) {
		NSN_AUTO(nsn_tenant_clear) struct nsn_tenant have = {0};
		struct nsn_tenant *t = &k->tenants[k->count];
		struct nsn_item *item;

		r = nsn_store_tenant_get(k->n->store, b->tenants[from + k->count].name, &have,
					 NULL);
		if (r != -ENOENT)
			break;
		r = nsn_tenant_copy(t, &b->tenants[from + k->count], err);
		if (r < 0)
			return r;
		k->count++;
		if (insert(k->n, t, NULL) < 0) {
			nsn_tenant_clear(&k->tenants[--k->count]);
			return 0;
		}
		r = nsn_change_add(k->c, t->name, NULL, &item, err);
		if (r == 0)
			r = nsn_note_overlaps_with(k->n, &host, t, k->c, item, err);
		if (r == 0)
			r = nsn_dns_note(k->n, t, k->c, item, err);
	}
	return r == -ENOENT ? 0 : r;
}

/* Whether nothing leads to any of them, so that each is a matter of its own. */
static int are_alone(struct chunk *k, bool *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) bool *touched = NULL;
	size_t i;
	int r = nsn_wanted_load(k->n, false, &k->all, err);

	*ret = true;
	if (r < 0 || k->all.tenants.n == 0)
		return r;
	touched = calloc(k->all.tenants.n, sizeof(*touched));
	if (!touched)
		return nsn_err_nomem(err);
	r = nsn_wanted_settle_cables(k->n, &k->all, touched, err);
	for (i = 0; i < k->all.tenants.n; i++)
		*ret = *ret && !touched[i];
	return r;
}

static void drop_items(struct chunk *k, size_t keep)
{
	while (k->c->n > k->items + keep)
		nsn_change_drop(k->c);
}

/* Those from @from on were not made. */
static int take_back_rows(struct chunk *k, size_t from, struct nsnet_err *err)
{
	int r = 0;

	while (r == 0 && k->count > from) {
		struct nsn_tenant *t = &k->tenants[--k->count];

		nsn_job_close(&k->jobs[k->count]);
		r = nsn_store_tenant_delete(k->n->store, t->id, err);
		nsn_tenant_clear(t);
	}
	drop_items(k, k->count);
	return r;
}

static int tell_store(struct chunk *k, struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < k->count; i++) {
		struct nsn_item *item = &k->c->items[k->items + i];

		item->outcome = NSNET_CREATED;
		r = nsn_change_steps_add(k->c, item, &k->jobs[i].plan, &k->tenants[i], err);
		if (r == 0)
			r = nsn_job_remember(&k->jobs[i], err);
	}
	return r == 0 ? nsn_store_commit(k->n->store, err) : r;
}

/* In their order, as if one had been made after the other. *@named: how many are done. */
static int name_all(struct chunk *k, const struct nsn_crew *crew, size_t *named,
		    struct nsnet_err *err)
{
	size_t i, done;
	bool told = true;
	int r = nsn_many_name(crew, k->jobs, k->count, &done, err);

	for (*named = 0; *named < done; ++*named) {
		int settled = nsn_job_settle(&k->jobs[*named], &told, err);

		if (settled < 0) {
			r = settled;
			break;
		}
	}
	for (i = *named; i < k->count; i++)
		nsn_job_scrap(&k->jobs[i], true);
	drop_items(k, *named);
	return r;
}

static int carry_out(struct chunk *k, const struct nsn_crew *crew, size_t *named,
		     struct nsnet_err *err)
{
	struct nsnet_err first = {0};
	size_t i, built;
	int failed, r;

	for (i = 0; i < k->count; i++)
		k->jobs[i] = (struct nsn_job){
			.n = k->n, .t = &k->tenants[i], .all = &k->all, .fresh = true};
	failed = nsn_many_build(crew, k->jobs, k->count, &built, &first);
	r = take_back_rows(k, built, err);
	if (r == 0)
		r = tell_store(k, err);
	if (r < 0) {
		drop_items(k, 0);
		return r;
	}
	r = name_all(k, crew, named, err);
	if (r == 0 && failed < 0 && err)
		*err = first;
	return r < 0 ? r : failed;
}

/* Makes some, beginning with @from. *@together: false when something leads to them. */
static int add_some(struct nsnet *n, struct batch *b, size_t from, const struct nsn_crew *crew,
		    bool *together, struct nsnet_change *c, size_t *done, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct chunk *k = calloc(1, sizeof(*k));
	bool alone = false;
	size_t i;
	int r;

	if (!k)
		return nsn_err_nomem(err);
	k->n = n;
	k->c = c;
	k->items = c->n;
	r = nsn_store_begin(n->store, err);
	if (r == 0)
		r = insert_some(k, b, from, err);
	if (r == 0 && k->count > 1)
		r = are_alone(k, &alone, err);
	if (r == 0 && alone) {
		r = carry_out(k, crew, done, err);
	} else {
		*together = k->count <= 1;
		drop_items(k, 0);
		nsn_store_rollback_unused(n->store);
	}
	for (i = 0; i < *done; i++) {
		nsn_tenant_clear(&b->tenants[from + i]);
		nsn_job_close(&k->jobs[i]);
		b->tenants[from + i] = k->tenants[i];
		k->tenants[i] = (struct nsn_tenant){0};
	}
	chunk_clear(k);
	return r;
}

static int add_all(struct nsnet *n, const struct nsnet_tenant_def *defs, struct batch *b,
		   unsigned int flags, struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_crew_close) struct nsn_crew crew = {0};
	bool together = b->n > 1 && !(flags & NSNET_DRY_RUN);
	size_t i, done;
	int r = together ? nsn_crew_open(&crew, b->n, err) : 0;

	for (i = 0; r == 0 && i < b->n; i += done) {
		done = 0;
		if (together)
			r = add_some(n, b, i, &crew, &together, c, &done, err);
		if (r < 0)
			return at_definition(&defs[i + done], r, err);
		if (done > 0)
			continue;
		/* Something leads to those that follow, or one is there: one by one. */
		r = at_definition(&defs[i], add_one(n, &b->tenants[i], flags, c, err), err);
		done = 1;
	}
	return r;
}

int nsnet_tenants_add(struct nsnet *n, const struct nsnet_tenant_def *defs, size_t count,
		      unsigned int flags, struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	NSN_AUTO(batch_clear) struct batch b = {0};
	int r;

	r = parse_all(&b, defs, count, err);
	if (r == 0)
		r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_may_change(n, flags, false, err);
	if (r == 0)
		r = check_all(n, defs, &b, flags, err);
	if (r < 0 || (flags & NSNET_CHECK_ONLY))
		return r;
	r = add_all(n, defs, &b, flags, c, err);
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
