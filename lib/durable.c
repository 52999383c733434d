/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * durable - what closes takes effect also when the store cannot be written
 *
 * Who puts a tenant in quarantine must not be told that the disk is full, while the
 * tenant goes on. What is stored is read, the change is made to that copy, and every
 * gateway stops to let through what it has no more. Nothing opens, no cable goes, as
 * their rows cannot.
 */

/* A store that cannot be read either is found when the copy is made. */
bool nsn_is_unwritten(int r, const struct nsnet_err *err)
{
	return r < 0 && err->id == NSNET_E_STORE_IO;
}

/* ---- the copy ---------------------------------------------------------------------------- */

/* Numbers are in marks: one that no other has. */
static int free_number(const struct nsn_policy_list *list, uint32_t *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) bool *used = calloc(NSN_NUMBER_MAX + 2, sizeof(*used));
	size_t i;

	if (!used)
		return nsn_err_nomem(err);
	for (i = 0; i < list->n; i++)
		used[list->policies[i].number] = true;
	for (*ret = 1; used[*ret]; (*ret)++)
		;
	return 0;
}

static int put_policy(struct nsn_wanted *all, const struct nsn_policy *p, struct nsnet_err *err)
{
	struct nsn_policy_list *list = &all->policies;
	struct nsn_policy *grown;
	uint32_t number = 0;
	size_t i;
	int r;

	/* The same, said again: whoever locks has looked. */
	for (i = 0; i < list->n; i++)
		if (strcmp(list->policies[i].name, p->name) == 0)
			return 0;
	r = free_number(list, &number, err);
	if (r < 0)
		return r;
	grown = realloc(list->policies, (list->n + 1) * sizeof(*grown));
	if (!grown)
		return nsn_err_nomem(err);
	list->policies = grown;
	r = nsn_policy_copy(&grown[list->n], p, err);
	if (r == 0)
		grown[list->n++].number = number;
	return r;
}

static int drop_policy(struct nsn_wanted *all, const char *name, struct nsnet_err *err)
{
	struct nsn_policy_list *list = &all->policies;
	size_t i;

	for (i = 0; i < list->n && strcmp(list->policies[i].name, name) != 0; i++)
		;
	if (i == list->n)
		return nsn_err(err, -ENOENT, NSNET_E_NO_RULE, "there is no rule '%s'", name);
	nsn_policy_clear(&list->policies[i]);
	list->n--;
	memmove(&list->policies[i], &list->policies[i + 1],
		(list->n - i) * sizeof(*list->policies));
	return 0;
}

/* It replaces what is said of the same; @q is empty afterwards. */
static int put_quarantine(struct nsn_wanted *all, struct nsn_quarantine *q, struct nsnet_err *err)
{
	struct nsn_quarantine_list *list = &all->quarantines;
	struct nsn_quarantine *grown;
	size_t i;

	for (i = 0; i < list->n && !nsn_peer_same(&list->quarantines[i].who, &q->who); i++)
		;
	if (i < list->n) {
		nsn_quarantine_clear(&list->quarantines[i]);
	} else {
		grown = realloc(list->quarantines, (list->n + 1) * sizeof(*grown));
		if (!grown)
			return nsn_err_nomem(err);
		list->quarantines = grown;
		list->n++;
	}
	list->quarantines[i] = *q;
	*q = (struct nsn_quarantine){0};
	return 0;
}

/* A tenant, or one endpoint of it, is there no more. */
static void drop_tenant(struct nsn_wanted *all, uint64_t id, uint64_t endpoint)
{
	struct nsn_tenant_list *list = &all->tenants;
	size_t i, k;

	for (i = 0; i < list->n && list->tenants[i].id != id; i++)
		;
	if (i == list->n)
		return;
	for (k = 0; endpoint && k < list->tenants[i].n_endpoints; k++)
		if (list->tenants[i].endpoints[k].id == endpoint) {
			nsn_tenant_endpoint_del(&list->tenants[i], k);
			return;
		}
	nsn_tenant_clear(&list->tenants[i]);
	list->n--;
	memmove(&list->tenants[i], &list->tenants[i + 1], (list->n - i) * sizeof(*list->tenants));
}

/* Its cables, in the gateways of those it is joined to. */
static void drop_cables(struct nsn_wanted *all, uint64_t tenant)
{
	struct nsn_cable_list *list = &all->cables;
	size_t i, kept = 0;

	for (i = 0; i < list->n; i++)
		if (list->cables[i].a != tenant && list->cables[i].b != tenant)
			list->cables[kept++] = list->cables[i];
	list->n = kept;
}

static int load(struct nsn_borders *b, struct nsnet *n, struct nsnet_err *err)
{
	int r;

	nsn_store_rollback(n->store);
	b->n = n;
	r = nsn_wanted_load(n, true, &b->all, err);
	if (r < 0)
		return r;
	b->touched = calloc(b->all.tenants.n + 1, sizeof(*b->touched));
	return b->touched ? 0 : nsn_err_nomem(err);
}

/* ---- what closes ------------------------------------------------------------------------- */

static int not_durable(struct nsnet_err *err, const struct nsnet_err *store, const char *what)
{
	return nsn_err(err, -EIO, NSNET_E_NOT_DURABLE, "%s, but that is not stored: %.300s", what,
		       store->msg);
}

int nsn_close_rule(struct nsnet *n, const struct nsn_policy *p, const struct nsnet_err *store,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {0};
	char what[NSN_NAME_MAX + 64];
	int r = load(&b, n, err);

	if (r == 0 && p->deny)
		r = nsn_check_rule(&b.all, p, err);
	if (r == 0)
		r = p->deny ? put_policy(&b.all, p, err) : drop_policy(&b.all, p->name, err);
	if (r == 0)
		r = nsn_wanted_intend(n, &b.all, err);
	if (r < 0)
		return r;
	nsn_borders_touch_policy(&b, p);
	r = nsn_borders_close(&b, err);
	if (r < 0)
		return r;
	(void)snprintf(what, sizeof(what), "rule '%s' %s in every gateway", p->name,
		       p->deny ? "denies" : "is revoked");
	(void)not_durable(err, store, what);
	if (p->deny)
		return nsn_err_hint(err, -EIO,
				    "another change, nsnet repair or a reboot would open it again; "
				    "when the store "
				    "can be written, deny it once more");
	return nsn_err_hint(err, -EIO,
			    "another change, nsnet repair or a reboot would open it again; when "
			    "the store can be "
			    "written: nsnet revoke %s",
			    p->name);
}

int nsn_close_who(struct nsnet *n, struct nsn_quarantine *q, const struct nsnet_err *store,
		  struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {0};
	char shown[NSN_PEER_STRLEN], what[NSN_PEER_STRLEN + 64];
	const struct nsn_peer who = q->who;
	size_t i;
	int r = load(&b, n, err);

	if (r == 0)
		r = nsn_check_peers(&b.all, &who, 1, err);
	if (r == 0)
		r = nsn_check_keep(&b.all, q, err);
	if (r == 0)
		r = put_quarantine(&b.all, q, err);
	if (r == 0)
		r = nsn_wanted_intend(n, &b.all, err);
	if (r < 0)
		return r;
	nsn_borders_touch_who(&b, &who);
	for (i = 0; i < b.all.tenants.n; i++)
		b.touched[i] |= b.all.tenants.tenants[i].inside_deny;
	r = nsn_borders_close(&b, err);
	if (r < 0)
		return r;
	(void)snprintf(what, sizeof(what), "all borders of %s are closed",
		       nsn_peer_str(&who, shown));
	(void)not_durable(err, store, what);
	return nsn_err_hint(err, -EIO,
			    "another change, nsnet repair or a reboot would open them again; when "
			    "the store can be "
			    "written, put it in quarantine once more");
}

int nsn_close_around(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {0};
	int r = load(&b, n, err);

	if (r < 0)
		return r;
	drop_tenant(&b.all, t->id, 0);
	r = nsn_wanted_intend(n, &b.all, err);
	if (r < 0)
		return r;
	nsn_borders_touch_peers(&b, t->id);
	drop_cables(&b.all, t->id);
	r = nsn_wanted_intend(n, &b.all, err);
	return r == 0 ? nsn_borders_close(&b, err) : r;
}

int nsn_close_endpoint(struct nsnet *n, const struct nsn_tenant *before, struct nsn_tenant *t,
		       uint64_t endpoint, const char *name, const struct nsnet_err *store,
		       struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {.except = t->id};
	NSN_AUTO(nsn_job_close)
	struct nsn_job job = {
		.before = before, .only = endpoint, .all = &b.all, .grants_later = true};
	char what[2 * NSN_NAME_MAX + 64];
	struct nsnet_err around = {0};
	int r = load(&b, n, err);

	if (r < 0)
		return r;
	drop_tenant(&b.all, t->id, endpoint);
	r = nsn_wanted_intend(n, &b.all, err);
	if (r < 0)
		return r;
	nsn_borders_touch_peers(&b, t->id);
	r = nsn_job_open(&job, n, t, NSN_WANT_BUILT, err);
	if (r == 0 && nsn_job_absent(&job)) {
		job.only_remove = true;
		nsn_plan_only_remove(&job.plan);
	}
	if (r == 0)
		r = nsn_job_carry(&job, err);
	if (r < 0)
		return r;
	/* It is cut off; what others would let through to it reaches nobody. */
	(void)nsn_borders_close(&b, &around);
	(void)snprintf(what, sizeof(what), "endpoint '%s' is cut off and its network is gone",
		       name);
	(void)not_durable(err, store, what);
	return nsn_err_hint(err, -EIO,
			    "nsnet repair or a reboot would make it again; when the store can be "
			    "written: nsnet endpoint del %s/%s",
			    t->name, name);
}
