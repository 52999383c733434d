/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

/* ---- del -------------------------------------------------------------------------- */

static bool is_of(const struct nsn_peer *p, const struct nsn_tenant *t)
{
	return (p->kind == NSN_PEER_TENANT || p->kind == NSN_PEER_ENDPOINT) &&
	       strcmp(p->tenant, t->name) == 0;
}

static bool keeps(const struct nsn_flow *f, const struct nsn_tenant *t)
{
	return is_of(&f->from, t) || is_of(&f->to, t);
}

/* What a quarantine keeps of it; that it is in one stays, and closes who comes under its name. */
static int forget_kept(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_quarantine_list_clear) struct nsn_quarantine_list list = {0};
	size_t i, k, stay;
	int r = nsn_store_quarantine_list(n->store, &list, err);

	for (i = 0; r == 0 && i < list.n; i++) {
		struct nsn_quarantine *q = &list.quarantines[i];

		for (k = stay = 0; k < q->n_keep; k++)
			if (!keeps(&q->keep[k], t))
				q->keep[stay++] = q->keep[k];
		if (stay == q->n_keep)
			continue;
		q->n_keep = stay;
		r = nsn_store_quarantine_put(n->store, q, err);
	}
	return r;
}

/* Only with NSNET_WITH_RULES are there any. */
static int forget_rules(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list rules = {0};
	size_t i;
	int r = nsn_store_policy_list_tenant(n->store, t->name, &rules, err);

	for (i = 0; r == 0 && i < rules.n; i++)
		r = nsn_store_policy_delete(n->store, rules.policies[i].name, err);
	return r == 0 ? forget_kept(n, t, err) : r;
}

int nsn_forget_cables(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_cable_list_clear) struct nsn_cable_list cables = {0};
	size_t i;
	int r = nsn_store_cable_list_tenant(n->store, t->id, &cables, err);

	for (i = 0; r == 0 && i < cables.n; i++)
		r = nsn_store_cable_delete(n->store, cables.cables[i].link, err);
	return r;
}

static int forget(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int r;

	r = nsn_store_begin(n->store, &inner);
	if (r == 0)
		r = forget_rules(n, t, &inner);
	if (r == 0)
		r = nsn_forget_cables(n, t, &inner);
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

static int check_kept(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_quarantine_list_clear) struct nsn_quarantine_list list = {0};
	char who[NSN_PEER_STRLEN], flow[NSN_FLOW_STRLEN];
	size_t i, k;
	int r = nsn_store_quarantine_list(n->store, &list, err);

	for (i = 0; r == 0 && i < list.n; i++)
		for (k = 0; r == 0 && k < list.quarantines[i].n_keep; k++) {
			const struct nsn_flow *f = &list.quarantines[i].keep[k];

			if (!keeps(f, t))
				continue;
			(void)nsn_err(
				err, -EBUSY, NSNET_E_TENANT_NAMED,
				"tenant '%s' is named by the quarantine of %s, which keeps %s",
				t->name, nsn_peer_str(&list.quarantines[i].who, who),
				nsn_flow_str(f, flow));
			r = nsn_err_hint(err, -EBUSY, "nsnet tenant del --with-rules %s", t->name);
		}
	return r;
}

/* A rule that names nobody would wait for the next tenant of that name. */
int nsn_check_named(struct nsnet *n, const struct nsn_tenant *t, unsigned int flags,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list rules = {0};
	char names[256] = "";
	size_t i, at = 0;
	int r = nsn_store_policy_list_tenant(n->store, t->name, &rules, err);

	if (r < 0 || (flags & NSNET_WITH_RULES))
		return r;
	if (rules.n == 0)
		return check_kept(n, t, err);
	for (i = 0; i < rules.n && at + NSN_NAME_MAX + 8 < sizeof(names); i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
				       rules.policies[i].name);
	if (i < rules.n)
		(void)snprintf(names + at, sizeof(names) - at, ", ...");
	(void)nsn_err(err, -EBUSY, NSNET_E_TENANT_NAMED, "tenant '%s' is named by %zu rule%s: %s",
		      t->name, rules.n, rules.n == 1 ? "" : "s", names);
	return nsn_err_hint(err, -EBUSY, "nsnet tenant del --with-rules %s", t->name);
}

/* The others lose their ends of its cables first, and what they let through to it. */
static int untie(struct nsnet *n, const struct nsn_tenant *t, bool dry, struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {.except = t->id};
	int r = nsn_store_begin(n->store, err);

	if (r == 0)
		r = forget_rules(n, t, err);
	if (r == 0)
		r = nsn_borders_open_without(&b, n, t->id, err);
	if (r == 0)
		r = nsn_borders_revoke(&b, dry, NULL, err);
	nsn_store_rollback_unused(n->store);
	nsn_store_rollback(n->store);
	return r;
}

int nsn_tenant_drop(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change *c,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	NSN_AUTO(nsn_job_close) struct nsn_job job = {0};
	bool dry = flags & NSNET_DRY_RUN;
	struct nsn_item *item = NULL;
	int r;

	r = nsn_change_add(c, name, NULL, &item, err);
	if (r < 0)
		return r;
	/*
	 * The network goes before the row: whoever dies in between leaves a tenant
	 * that is wanted and (partly) gone, which both `del` and `repair` settle.
	 */
	r = nsn_store_tenant_get(n->store, name, &t, err);
	if (r == 0)
		r = nsn_check_named(n, &t, flags, err);
	if (r == 0)
		r = nsn_job_open(&job, n, &t, NSN_WANT_CUT, err);
	if (r == 0 && job.border.n_far > 0)
		r = untie(n, &t, dry, err);
	if (r == 0)
		r = nsn_job_destroy(&job, dry, c, item, err);
	if (r == 0 && !dry)
		r = forget(n, &t, err);
	return r;
}

int nsnet_tenant_del(struct nsnet *n, const char *name, unsigned int flags,
		     struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r;

	r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_tenant_drop(n, name, flags, c, err);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}

/* ---- repair ----------------------------------------------------------------------- */

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

/* Rules that have expired join nobody any more. */
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
	if (r == 0 && !dry && changed)
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

static int repair_one(struct nsnet *n, const struct nsn_wanted *all, struct nsn_tenant *t, bool dry,
		      struct nsnet_change *c, struct nsnet_err *err)
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

struct repair {
	struct nsnet *n;
	struct nsn_wanted all;
	struct nsn_tenant_list list;
	struct nsnet_change *c;
	bool dry;
	int failed;
	struct nsnet_err first;
};

/* The first reason is told, but a thread that is stranded goes nowhere. true: go on */
static bool note_failure(struct repair *p, int r, const struct nsnet_err *err)
{
	if (r < 0 && (!p->failed || err->id == NSNET_E_STRANDED)) {
		p->failed = r;
		p->first = *err;
	}
	return err->id != NSNET_E_STRANDED;
}

static void repair_all(struct repair *p)
{
	bool on = true;
	size_t i;

	for (i = 0; on && i < p->list.n; i++) {
		struct nsnet_err inner = {0};
		int r = repair_one(p->n, &p->all, &p->list.tenants[i], p->dry, p->c, &inner);

		on = note_failure(p, r, &inner);
	}
}

int nsnet_repair(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change **ret,
		 struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	struct repair p = {.n = n, .dry = flags & NSNET_DRY_RUN};
	int r;

	r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r < 0)
		return r;
	p.c = c;
	r = load_wanted(n, &p.all, p.dry, err);
	if (r == 0)
		r = load(n, name, &p.list, err);
	if (r == 0)
		repair_all(&p);
	nsn_tenant_list_clear(&p.list);
	nsn_wanted_clear(&p.all);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	if (r == 0 && p.failed && err)
		*err = p.first;
	return r == 0 ? p.failed : r;
}
