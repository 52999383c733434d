/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"
#include "kernel/link.h"

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
	if (r == 0)
		r = nsn_store_dns_forget(n->store, t->name, err);
	return r == 0 ? forget_kept(n, t, err) : r;
}

int nsn_forget_cables(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(nsn_cable_list_clear) struct nsn_cable_list cables = {0};
	struct nsn_uplink uplink = {0};
	size_t i;
	int r = nsn_store_cable_list_tenant(n->store, t->id, &cables, err);

	for (i = 0; r == 0 && i < cables.n; i++)
		r = nsn_store_cable_delete(n->store, cables.cables[i].link, err);
	if (r == 0)
		r = nsn_store_uplink_get(n->store, t->id, &uplink, err);
	return r > 0 ? nsn_store_uplink_delete(n->store, t->id, err) : r;
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

/* What follows from the tenant's own `dns` goes with it. */
static void drop_own(struct nsn_policy_list *rules, const struct nsn_tenant *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < rules->n; i++)
		if (rules->policies[i].implied && is_of(&rules->policies[i].from[0], t))
			nsn_policy_clear(&rules->policies[i]);
		else
			rules->policies[kept++] = rules->policies[i];
	rules->n = kept;
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
	drop_own(&rules, t);
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

/* Rules that go with it may be about others as well, and so are quarantines. */
static void touch_named(struct nsn_borders *b, const struct nsn_policy_list *rules,
			const struct nsn_quarantine_list *quarantines, const struct nsn_tenant *t)
{
	size_t i, k;

	for (i = 0; i < rules->n; i++)
		nsn_borders_touch_policy(b, &rules->policies[i]);
	for (i = 0; i < quarantines->n; i++)
		for (k = 0; k < quarantines->quarantines[i].n_keep; k++)
			if (keeps(&quarantines->quarantines[i].keep[k], t))
				nsn_borders_touch_who(b, &quarantines->quarantines[i].who);
}

/* The others lose their ends of its cables first, and what they let through to it. */
static int untie(struct nsnet *n, const struct nsn_tenant *t, bool dry, struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {.except = t->id};
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list rules = {0};
	NSN_AUTO(nsn_quarantine_list_clear) struct nsn_quarantine_list quarantines = {0};
	struct nsnet_err inner = {0};
	int r = nsn_store_begin(n->store, &inner);

	if (r == 0)
		r = nsn_store_policy_list_tenant(n->store, t->name, &rules, &inner);
	if (r == 0)
		r = nsn_store_quarantine_list(n->store, &quarantines, &inner);
	if (r == 0)
		r = forget_rules(n, t, &inner);
	if (r == 0)
		r = nsn_borders_open_without(&b, n, t->id, &inner);
	if (r == 0)
		touch_named(&b, &rules, &quarantines, t);
	if (r == 0)
		r = nsn_borders_revoke(&b, dry, NULL, &inner);
	nsn_store_rollback_unused(n->store);
	nsn_store_rollback(n->store);
	/* That nothing was stored is said at the end. */
	if (!dry && nsn_is_unwritten(r, &inner))
		return nsn_close_around(n, t, err);
	if (r < 0 && err)
		*err = inner;
	return r;
}

static int drop(struct nsnet *n, const char *name, unsigned int flags, struct nsn_netns **keep,
		struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	NSN_AUTO(nsn_job_close) struct nsn_job job = {.keep = keep};
	struct nsn_uplink uplink = {0};
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
	if (r == 0)
		r = nsn_store_uplink_get(n->store, t.id, &uplink, err);
	if (r >= 0 && (job.border.n_far > 0 || r > 0))
		r = untie(n, &t, dry, err);
	if (r == 0)
		r = nsn_job_destroy(&job, dry, c, item, err);
	if (r == 0 && !dry)
		r = forget(n, &t, err);
	if (r == 0 && !dry && uplink.link)
		r = nsn_host_refresh(n, &uplink, err);
	return r;
}

static int lock_and_drop(struct nsnet *n, const char *name, unsigned int flags,
			 struct nsn_netns **keep, struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r = nsn_lock(n, &locked, err);

	if (r == 0)
		r = nsn_may_change(n, flags, false, err);
	return r == 0 ? drop(n, name, flags, keep, c, err) : r;
}

/*
 * Now and here, and not when the kernel's cleaner comes to it, with the links of all that
 * were deleted meanwhile: that would have RTNL for 20 ms for each. This has it as long;
 * then the kernel waits as long once more, without, before it answers. In that time
 * others have their turn, as our lock is free. Should it fail, the cleaner does it.
 */
static void drop_links(struct nsnet *n, struct nsn_netns *gateway)
{
	if (gateway)
		(void)nsn_link_del_group(nsn_netns_route(gateway), n->owner.group, NULL);
	nsn_netns_close(gateway);
}

int nsn_tenant_drop(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change *c,
		    struct nsnet_err *err)
{
	struct nsn_netns *gateway = NULL;
	int r = drop(n, name, flags, flags & NSNET_ONE_OF_MANY ? &gateway : NULL, c, err);

	drop_links(n, gateway);
	return r;
}

int nsnet_tenant_del(struct nsnet *n, const char *name, unsigned int flags,
		     struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	struct nsn_netns *gateway = NULL;
	int r;

	r = nsn_change_new(&c, err);
	if (r == 0)
		r = lock_and_drop(n, name, flags, flags & NSNET_ONE_OF_MANY ? &gateway : NULL, c,
				  err);
	drop_links(n, gateway);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}
