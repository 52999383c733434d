/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "compile/admit.h"
#include "ctx.h"

/*
 * borders - a change that concerns the gateways of several tenants
 *
 * First each gateway loses what it shall not let through any more, then the store
 * is told, then each gets what is new. Whoever dies in between leaves less
 * reachable than the old or the new state, and the next run completes it. What
 * one gateway is granted takes one transaction, what it loses two (generation.c);
 * both gateways of a pair must allow a connection, so their order does not matter.
 */

void nsn_borders_clear(struct nsn_borders *b)
{
	nsn_wanted_clear(&b->all);
	free(b->touched);
	free(b->done);
	*b = (struct nsn_borders){0};
}

bool nsn_peers_name(const struct nsn_peer *list, size_t n, const struct nsn_tenant *t)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		const struct nsn_peer *p = &list[i];

		if (p->kind == NSN_PEER_TENANTS || p->kind == NSN_PEER_ANY)
			return true;
		if (p->kind == NSN_PEER_TENANT || p->kind == NSN_PEER_ENDPOINT)
			if (strcmp(p->tenant, t->name) == 0)
				return true;
		for (k = 0; p->kind == NSN_PEER_LABEL && k < t->n_labels; k++)
			if (strcmp(t->labels[k].key, p->label.key) == 0 &&
			    strcmp(t->labels[k].value, p->label.value) == 0)
				return true;
	}
	return false;
}

static void touch_named(struct nsn_borders *b, const struct nsn_peer *list, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++) {
		if (list[i].kind == NSN_PEER_TENANT || list[i].kind == NSN_PEER_ENDPOINT) {
			/* There is a place behind the last. */
			b->touched[nsn_wanted_named(&b->all, list[i].tenant)] = true;
			continue;
		}
		for (k = 0; k < b->all.tenants.n; k++)
			b->touched[k] |= nsn_peers_name(&list[i], 1, &b->all.tenants.tenants[k]);
	}
}

void nsn_borders_touch_policy(struct nsn_borders *b, const struct nsn_policy *p)
{
	touch_named(b, p->from, p->n_from);
	touch_named(b, p->to, p->n_to);
}

void nsn_borders_touch_peers(struct nsn_borders *b, uint64_t tenant)
{
	size_t i;

	for (i = 0; i < b->all.cables.n; i++) {
		const struct nsn_cable *c = &b->all.cables.cables[i];

		if (c->a == tenant || c->b == tenant)
			b->touched[nsn_wanted_place(&b->all, c->a == tenant ? c->b : c->a)] = true;
	}
}

void nsn_borders_touch_who(struct nsn_borders *b, const struct nsn_peer *who)
{
	size_t i;

	for (i = 0; i < b->all.tenants.n; i++)
		if (nsn_peers_name(who, 1, &b->all.tenants.tenants[i])) {
			b->touched[i] = true;
			nsn_borders_touch_peers(b, b->all.tenants.tenants[i].id);
		}
}

int nsn_borders_open(struct nsn_borders *b, struct nsnet *n, struct nsnet_err *err)
{
	int r;

	b->n = n;
	r = nsn_wanted_load(n, b->last, &b->all, err);
	if (r < 0)
		return r;
	b->touched = calloc(b->all.tenants.n + 1, sizeof(*b->touched));
	if (!b->touched)
		return nsn_err_nomem(err);
	return nsn_wanted_settle_cables(n, &b->all, b->touched, err);
}

int nsn_borders_open_rule(struct nsn_borders *b, struct nsnet *n, const struct nsn_policy *p,
			  bool check, struct nsnet_err *err)
{
	int r;

	b->n = n;
	r = nsn_wanted_load_rule(n, p, &b->all, err);
	if (r == 0 && check)
		r = nsn_check_rule(&b->all, p, err);
	if (r < 0)
		return r;
	b->touched = calloc(b->all.tenants.n + 1, sizeof(*b->touched));
	if (!b->touched)
		return nsn_err_nomem(err);
	r = nsn_wanted_settle_cables(n, &b->all, b->touched, err);
	if (r == 0)
		nsn_borders_touch_policy(b, p);
	return r;
}

/* Also without a tenant that is about to go, but those are touched that have its cables. */
int nsn_borders_open_without(struct nsn_borders *b, struct nsnet *n, uint64_t tenant,
			     struct nsnet_err *err)
{
	size_t i, kept = 0;
	int r;

	b->n = n;
	r = nsn_wanted_load(n, false, &b->all, err);
	if (r < 0)
		return r;
	b->touched = calloc(b->all.tenants.n + 1, sizeof(*b->touched));
	if (!b->touched)
		return nsn_err_nomem(err);
	for (i = 0; i < b->all.tenants.n; i++) {
		struct nsn_tenant *t = &b->all.tenants.tenants[i];

		if (t->id == tenant)
			nsn_tenant_clear(t);
		else
			b->all.tenants.tenants[kept++] = *t;
	}
	b->all.tenants.n = b->all.intent.n_tenants = kept;
	r = nsn_wanted_index(&b->all, err);
	if (r < 0)
		return r;
	nsn_borders_touch_peers(b, tenant);
	for (i = kept = 0; i < b->all.cables.n; i++)
		if (b->all.cables.cables[i].a != tenant && b->all.cables.cables[i].b != tenant)
			b->all.cables.cables[kept++] = b->all.cables.cables[i];
	b->all.cables.n = kept;
	return nsn_wanted_settle_cables(n, &b->all, b->touched, err);
}

/* ---- what is to come later ------------------------------------------------------------- */

/* A cable or uplink that is not there yet, and all that hangs on it. */
static bool is_new_cable(const struct nsn_job *job, const struct nsn_object *o)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY};

	if (o->at.role == NSN_ENDPOINT)
		return false;
	return o->link[0] && !nsn_state_link(&job->observed, gateway, o->link) &&
	       strcmp(o->link, NSN_BRIDGE) != 0 && strcmp(o->link, "lo") != 0;
}

static bool comes_now(const struct nsn_object *o, const void *arg)
{
	return !is_new_cable(arg, o);
}

int nsn_job_withhold(struct nsn_job *job, struct nsnet_err *err)
{
	nsn_state_filter(&job->wanted, comes_now, job);
	return nsn_compile_stay_cut(&job->wanted, &job->observed) < 0 ||
			       nsn_policies_meet(&job->wanted, &job->observed) < 0
		       ? nsn_err_nomem(err)
		       : 0;
}

/* ---- gateway by gateway ------------------------------------------------------------------ */

/* Whether all gateways are there that it shall have cables to. */
static bool sees_all(const struct nsn_job *job)
{
	const struct nsn_border *border = &job->border;
	bool ret = true;
	size_t i;

	for (i = 0; i < border->n_far; i++) {
		const struct nsn_place at = {NSN_FAR, border->far[i].other->id};
		const struct nsn_space *space = nsn_site_space(&job->site, at);

		ret &= space && space->ns;
	}
	return ret;
}

/*
 * After what goes has gone: whether anything is to come, by what was observed last.
 * Cables into gateways that are not there yet may be.
 */
static int nothing_to_come(struct nsn_job *job, bool *ret, struct nsnet_err *err)
{
	int r = 0;

	job->grants_later = false;
	nsn_plan_clear(&job->plan);
	/* Where nothing crosses, what was to stay cut is in it for good (generation.c). */
	if (!nsn_border_is_open(&job->border))
		r = nsn_job_compile(job, job->want, job->border.generation, err);
	if (r == 0)
		r = nsn_job_plan(job, err);
	*ret = r == 0 && job->plan.n == 0 && sees_all(job);
	return r;
}

static int one(struct nsn_borders *b, struct nsn_tenant *t, bool grants_later, bool dry,
	       struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_job_close)
	struct nsn_job job = {.all = &b->all, .only = NSN_NOBODY, .grants_later = grants_later};
	struct nsn_item *item = NULL;
	bool *done = grants_later && b->done ? &b->done[t - b->all.tenants.tenants] : NULL;
	int r = nsn_job_open(&job, b->n, t, NSN_WANT_BUILT, err);

	if (r == 0 && done && job.plan.n == 0)
		r = nothing_to_come(&job, done, err);
	if (r < 0 || job.plan.n == 0 || (done && !job.grants_later))
		return r;
	if (c) {
		r = nsn_change_add(c, t->name, NULL, &item, err);
		if (r == 0)
			r = nsn_change_steps_add(c, item, &job.plan, t, err);
		if (r == 0)
			item->outcome = NSNET_CHANGED;
	}
	if (r == 0 && !dry)
		r = nsn_job_carry(&job, err);
	return r == 0 && done ? nothing_to_come(&job, done, err) : r;
}

static int each(struct nsn_borders *b, bool grants_later, bool dry, struct nsnet_change *c,
		struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < b->all.tenants.n; i++)
		if (b->touched[i] && b->all.tenants.tenants[i].id != b->except &&
		    (grants_later || !b->done || !b->done[i]))
			r = one(b, &b->all.tenants.tenants[i], grants_later, dry, c, err);
	return r;
}

/* The store has forgotten the change; so shall the gateways. */
static void take_back(struct nsn_borders *b)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders old = {.n = b->n, .except = b->except};
	size_t i;

	if (b->all.tenants.n == 0 || nsn_wanted_load(b->n, true, &old.all, NULL) < 0)
		return;
	old.touched = calloc(old.all.tenants.n + 1, sizeof(*old.touched));
	for (i = 0; old.touched && i < b->all.tenants.n; i++)
		if (b->touched[i])
			old.touched[nsn_wanted_place(&old.all, b->all.tenants.tenants[i].id)] =
				true;
	for (i = 0; old.touched && i < old.all.tenants.n; i++)
		if (old.touched[i] && old.all.tenants.tenants[i].id != b->except)
			(void)one(&old, &old.all.tenants.tenants[i], false, false, NULL, NULL);
	(void)nsn_host_run(b->n, &old.all, NSN_HOST_SETTLE, NULL, NULL);
}

int nsn_borders_revoke(struct nsn_borders *b, bool dry, struct nsnet_change *c,
		       struct nsnet_err *err)
{
	int r = each(b, !dry, dry, c, err);

	if (r == 0)
		r = dry ? nsn_host_plan(b->n, &b->all, c, NULL, NULL, err)
			: nsn_host_run(b->n, &b->all, NSN_HOST_REVOKE, c, err);
	if (r < 0 && !dry)
		nsn_borders_failed(b);
	return r;
}

int nsn_borders_close(struct nsn_borders *b, struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; i < b->all.tenants.n; i++) {
		struct nsnet_err inner = {0};
		int one_r = 0;

		if (b->touched[i] && b->all.tenants.tenants[i].id != b->except)
			one_r = one(b, &b->all.tenants.tenants[i], true, false, NULL, &inner);
		if (one_r < 0 && r == 0 && err)
			*err = inner;
		r = r == 0 ? one_r : r;
	}
	return r;
}

void nsn_borders_failed(struct nsn_borders *b)
{
	nsn_store_rollback(b->n->store);
	take_back(b);
}

int nsn_borders_grant(struct nsn_borders *b, struct nsnet_change *c, struct nsnet_err *err)
{
	int r = b->host_granted ? 0 : nsn_host_run(b->n, &b->all, NSN_HOST_GRANT, c, err);

	if (r == 0)
		r = each(b, false, false, c, err);
	if (r == 0)
		r = nsn_host_run(b->n, &b->all, NSN_HOST_SETTLE, c, err);
	if (r < 0)
		return nsn_err_hint(err, r,
				    "it is stored, and not all of it is there: nsnet repair");
	return 0;
}

int nsn_borders_converge(struct nsn_borders *b, bool dry, struct nsnet_change *c,
			 struct nsnet_err *err)
{
	int r;

	/* Nothing else is done in between; without memory all are looked at again. */
	if (!dry)
		b->done = calloc(b->all.tenants.n + 1, sizeof(*b->done));
	r = nsn_borders_revoke(b, dry, c, err);
	if (r < 0 || dry)
		return r;
	r = nsn_store_commit(b->n->store, err);
	/* What closes stays so: see durable.c. */
	if (r < 0 && !b->closes)
		nsn_borders_failed(b);
	return r == 0 ? nsn_borders_grant(b, c, err) : r;
}

int nsn_borders_around(struct nsn_borders *b, struct nsn_job *job, struct nsnet *n,
		       struct nsn_tenant *t, enum nsnet_outcome stored, bool dry,
		       struct nsnet_change *c, struct nsnet_err *err)
{
	const size_t item = c->n - 1;
	int r = nsn_borders_open(b, n, err);

	if (r < 0)
		return r;
	b->except = t->id;
	nsn_borders_touch_peers(b, t->id);
	job->all = &b->all;
	r = job->n ? nsn_job_look_again(job, err) : nsn_job_open(job, n, t, job->want, err);
	if (r == 0)
		r = nsn_borders_revoke(b, dry, NULL, err);
	if (r < 0)
		return r;
	r = nsn_job_converge(job, stored, dry, c, &c->items[item], err);
	if (r < 0 && !dry)
		nsn_borders_failed(b);
	return r == 0 && !dry ? nsn_borders_grant(b, NULL, err) : r;
}
