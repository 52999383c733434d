/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * repair - the kernel as the store says, tenant by tenant
 *
 * What is stored is read once, under one lock, and cables are settled once: for each
 * tenant anew it would be work that grows with the square of their number.
 */

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

/* Rules that have expired join nobody any more. Once for all tenants: 1,000 of them make it slow.
 */
static int load_wanted(struct nsnet *n, struct nsn_wanted *all, bool dry, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) bool *touched = NULL;
	bool changed = false;
	size_t i;
	int r = nsn_store_begin(n->store, err);

	if (r == 0)
		r = nsn_wanted_load(n, false, all, err);
	touched = calloc(all->tenants.n + 1, sizeof(*touched));
	if (r == 0 && !touched)
		r = nsn_err_nomem(err);
	if (r == 0)
		r = nsn_wanted_settle_cables(n, all, touched, err);
	for (i = 0; r == 0 && i < all->tenants.n; i++)
		changed |= touched[i];
	/* How the host was may be new, too. */
	if (r == 0 && !dry && (changed || all->uplinks.n > 0))
		r = nsn_store_commit(n->store, err);
	if (dry)
		nsn_store_rollback_unused(n->store);
	nsn_store_rollback(n->store);
	return r;
}

/*
 * A cable is made into both gateways at once, so the other one has an end now about
 * which it has done nothing yet. Only that is done there.
 */
static int finish_cable(struct nsnet *n, const struct nsn_wanted *all, const struct nsn_cable *c,
			uint64_t other, struct nsnet_err *err)
{
	NSN_AUTO(nsn_job_close) struct nsn_job job = {.all = all, .only = NSN_NOBODY};
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	const struct nsn_tenant *of = nsn_wanted_tenant(all, other);
	const struct nsn_far far = {.link = c->link};
	char name[NSN_LINK_NAME_SIZE];
	int r = of ? nsn_tenant_copy(&t, of, err) : 0;

	if (r < 0 || !of)
		return r;
	r = nsn_job_open(&job, n, &t, NSN_WANT_BUILT, err);
	if (r < 0 || nsn_job_absent(&job))
		return r;
	job.only_link = nsn_far_name(&far, name);
	r = nsn_job_look_again(&job, err);
	return r == 0 ? nsn_job_carry(&job, err) : r;
}

static int finish_cables(struct nsnet *n, const struct nsn_wanted *all, uint64_t tenant,
			 struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < all->cables.n; i++) {
		const struct nsn_cable *c = &all->cables.cables[i];

		if (c->a == tenant || c->b == tenant)
			r = finish_cable(n, all, c, c->a == tenant ? c->b : c->a, err);
	}
	return r;
}

static int repair_tenant(struct nsnet *n, const struct nsn_wanted *all, struct nsn_tenant *t,
			 bool dry, struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_job_close) struct nsn_job job = {.all = all};
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
	if (r == 0 && !dry && item->n_steps > 0 && job.border.n_far > 0)
		r = finish_cables(n, all, t->id, err);
	/* What failed was not done; the caller hears why. */
	if (r < 0 && item)
		nsn_change_drop(c);
	return r;
}

struct nsnet_repairs {
	struct nsnet *n, *locked;
	struct nsn_wanted all;
	struct nsn_tenant_list list;
	bool dry;
	struct nsn_crew crew;
	struct nsn_there there;
	struct nsn_job jobs[NSN_AT_A_TIME]; /* of the tenants from `first` on, looked at; closed */
	size_t first, looked;
	struct nsnet_change *host; /* what was done there so that uplinks can be made */
};

NSN_CLEANUP(struct nsnet_repairs, nsnet_repairs_end)

int nsnet_repairs_begin(struct nsnet_repairs **ret, struct nsnet *n, const char *name,
			unsigned int flags, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_repairs_endp) struct nsnet_repairs *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return nsn_err_nomem(err);
	p->n = n;
	p->dry = flags & NSNET_DRY_RUN;
	r = nsn_lock(n, &p->locked, err);
	/* After a reboot this is the first that comes: what waited then is not built. */
	if (r == 0 && !p->dry)
		r = nsn_settle_overdue(n, err);
	if (r >= 0)
		r = load_wanted(n, &p->all, p->dry, err);
	if (r == 0)
		r = load(n, name, &p->list, err);
	if (r == 0)
		r = nsn_crew_open(&p->crew, p->list.n, err);
	if (r == 0 && p->crew.n > 0)
		r = nsn_there_load(&p->there, n, err);
	/* Uplinks are made into a host that is ready for them. */
	if (r == 0)
		r = nsn_change_new(&p->host, err);
	if (r == 0 && !p->dry)
		r = nsn_host_run(n, &p->all, NSN_HOST_GRANT, p->host, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(p);
	return 0;
}

void nsnet_repairs_end(struct nsnet_repairs *p)
{
	if (!p)
		return;
	nsn_crew_close(&p->crew);
	nsn_there_clear(&p->there);
	nsn_tenant_list_clear(&p->list);
	nsn_wanted_clear(&p->all);
	nsnet_change_free(p->host);
	nsn_unlockp(&p->locked);
	free(p);
}

size_t nsnet_repairs_count(const struct nsnet_repairs *p)
{
	return p->list.n + nsn_host_concerned(&p->all);
}

const char *nsnet_repairs_name(const struct nsnet_repairs *p, size_t i)
{
	return i < p->list.n ? p->list.tenants[i].name : NSN_HOST_ITEM;
}

/*
 * Most agree, and to see that is what takes the time: some are looked at, side by side,
 * and who agrees is done. That is of this moment, as nobody else has the lock.
 */
static bool agrees(struct nsnet_repairs *p, size_t i)
{
	size_t k;

	if (p->crew.n == 0)
		return false;
	if (i < p->first || i >= p->first + p->looked) {
		p->first = i;
		p->looked = p->list.n - i < NSN_AT_A_TIME ? p->list.n - i : NSN_AT_A_TIME;
		for (k = 0; k < p->looked; k++)
			p->jobs[k] = (struct nsn_job){.n = p->n,
						      .t = &p->list.tenants[i + k],
						      .all = &p->all,
						      .there = &p->there};
		nsn_many_look(&p->crew, p->jobs, p->looked);
	}
	return p->jobs[i - p->first].agreed;
}

/* Its cables lead to others: what was seen there was before. */
static void doubt_others(struct nsnet_repairs *p, uint64_t tenant)
{
	size_t i, k;

	for (i = 0; i < p->all.cables.n; i++) {
		const struct nsn_cable *c = &p->all.cables.cables[i];

		if (c->a != tenant && c->b != tenant)
			continue;
		for (k = 0; k < p->looked; k++)
			p->jobs[k].agreed &= p->jobs[k].t->id != (c->a == tenant ? c->b : c->a);
	}
}

/* The last: what hangs on the ends of uplinks that the tenants' runs have made. */
static int repair_host(struct nsnet_repairs *p, struct nsnet_change *c, struct nsnet_err *err)
{
	const size_t before = c->n;
	struct nsn_item *item = NULL;
	int r = nsn_change_take(c, p->host, err);

	if (r == 0)
		r = p->dry ? nsn_host_plan(p->n, &p->all, c, NULL, NULL, err)
			   : nsn_host_run(p->n, &p->all, NSN_HOST_SETTLE, c, err);
	if (r == 0 && c->n == before)
		return nsn_change_add(c, NSN_HOST_ITEM, NULL, &item, err);
	if (r == 0)
		c->items[c->n - 1].outcome = NSNET_REPAIRED;
	return r;
}

static int repair_into(struct nsnet_repairs *p, size_t i, struct nsnet_change *c,
		       struct nsnet_err *err)
{
	struct nsn_tenant *t = &p->list.tenants[i];
	struct nsn_item *item;
	int r;

	if (i == p->list.n)
		return repair_host(p, c, err);
	if (agrees(p, i))
		return nsn_change_add(c, t->name, NULL, &item, err);
	r = repair_tenant(p->n, &p->all, t, p->dry, c, err);
	doubt_others(p, t->id);
	return r;
}

int nsnet_repairs_do(struct nsnet_repairs *p, size_t i, struct nsnet_change **ret,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	int r = nsn_change_new(&c, err);

	if (r == 0)
		r = repair_into(p, i, c, err);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}

/* The first reason is told, but a thread that is stranded goes nowhere. */
static int repair_all(struct nsnet_repairs *p, struct nsnet_change *c, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	size_t i;
	int failed = 0;

	for (i = 0; i < nsnet_repairs_count(p) && inner.id != NSNET_E_STRANDED; i++) {
		int r;

		inner = (struct nsnet_err){0};
		r = repair_into(p, i, c, &inner);
		if (r == 0 || (failed && inner.id != NSNET_E_STRANDED))
			continue;
		failed = r;
		if (err)
			*err = inner;
	}
	return failed;
}

int nsnet_repair(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change **ret,
		 struct nsnet_err *err)
{
	NSN_AUTO(nsnet_repairs_endp) struct nsnet_repairs *p = NULL;
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	int r = nsn_change_new(&c, err);

	if (r == 0)
		r = nsnet_repairs_begin(&p, n, name, flags, err);
	if (r < 0 || !p)
		return r;
	r = repair_all(p, c, err);
	if (ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}
