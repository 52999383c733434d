/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "compile/host.h"
#include "ctx.h"
#include "kernel/conntrack.h"

/*
 * host - the engine for the host's own namespace
 *
 * It is the same engine as a tenant's (job.c), with another order: what takes away from the
 * host's own protection (the guards, the table) comes last, behind the settings that made
 * it necessary.
 */

/* How often the state is read again until nothing is left to do. */
#define ROUNDS 4

/* That there was something of ours, also when no setting was changed. No path begins so. */
#define MARKER "#table"

static const struct nsn_place host_place = {.role = NSN_HOST};

struct host_job {
	struct nsnet *n;
	const struct nsn_wanted *all;
	struct nsn_host_tenant *tenants; /* by link */
	size_t n_tenants;
	/* Those, and whose uplinks are gone: of a part all that is its business. */
	struct nsn_host_tenant *mine;
	size_t n_mine;
	struct nsn_site site;
	struct nsn_state wanted, observed;
	struct nsn_plan plan;
};

static void host_job_close(struct host_job *job)
{
	nsn_plan_clear(&job->plan);
	nsn_state_clear(&job->wanted);
	nsn_state_clear(&job->observed);
	nsn_site_clear(&job->site);
	free(job->tenants);
	free(job->mine);
}

bool nsn_host_concerned(const struct nsn_wanted *all)
{
	return all->uplinks.n > 0 || all->gone_uplinks.n > 0 || all->n_old > 0;
}

/* ---- who leads there ---------------------------------------------------------------- */

static int by_link(const void *a, const void *b)
{
	const struct nsn_host_tenant *x = a, *y = b;

	return x->up.link < y->up.link ? -1 : x->up.link > y->up.link;
}

static struct nsn_up up_of(const struct nsn_uplink *u, const struct nsn_transit *transit)
{
	return (struct nsn_up){.link = u->link,
			       .near4 = nsn_transit_ip(&transit->ip, u->slot, false),
			       .far4 = nsn_transit_ip(&transit->ip, u->slot, true),
			       .near6 = nsn_transit_ip(&transit->ip6, u->slot, false),
			       .far6 = nsn_transit_ip(&transit->ip6, u->slot, true)};
}

static int take_tenants(struct nsn_host_tenant **ret, size_t *n, const struct nsn_wanted *all,
			struct nsnet_err *err)
{
	struct nsn_host_tenant *list = calloc(all->uplinks.n + 1, sizeof(*list));
	size_t i;

	if (!list)
		return nsn_err_nomem(err);
	*n = 0;
	for (i = 0; i < all->uplinks.n; i++) {
		const struct nsn_uplink *u = &all->uplinks.uplinks[i];
		const struct nsn_tenant *t = nsn_wanted_tenant(all, u->tenant);

		if (!t || !nsn_wanted_knows(all, t))
			continue;
		list[(*n)++] = (struct nsn_host_tenant){t, up_of(u, &all->transit)};
	}
	if (*n > 0)
		qsort(list, *n, sizeof(*list), by_link);
	*ret = list;
	return 0;
}

/* What the compiler does not know: it keeps paths, and nothing else. */
static size_t without_marker(const struct nsn_host_setting *old, size_t n)
{
	return n > 0 && strcmp(old[0].path, MARKER) == 0 ? 1 : 0;
}

static struct nsn_host_wanted as_wanted(const struct nsn_wanted *all,
					const struct nsn_host_tenant *tenants, size_t n)
{
	const size_t skip = without_marker(all->old, all->n_old);

	return (struct nsn_host_wanted){.intent = &all->intent,
					.view = &all->host,
					.transit = all->transit,
					.tenants = tenants,
					.n_tenants = n,
					.old = all->old + skip,
					.n_old = all->n_old - skip};
}

int nsn_host_settings_to_store(struct nsnet *n, const struct nsn_wanted *all,
			       struct nsn_host_setting **ret, size_t *count, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_host_tenant *tenants = NULL;
	NSN_AUTO(nsn_freep) struct nsn_host_setting *list = NULL;
	struct nsn_host_setting *grown;
	struct nsn_host_wanted w;
	size_t n_tenants = 0;
	int r = take_tenants(&tenants, &n_tenants, all, err);

	(void)n;
	if (r < 0)
		return r;
	w = as_wanted(all, tenants, n_tenants);
	r = nsn_compile_host_settings(&w, &list, count, err);
	if (r < 0)
		return r;
	if (!without_marker(all->old, all->n_old)) {
		grown = reallocarray(list, *count + 1, sizeof(*list));
		if (!grown)
			return nsn_err_nomem(err);
		list = grown;
		list[(*count)++] = (struct nsn_host_setting){.path = MARKER, .old = "-"};
	}
	*ret = NSN_TAKE_PTR(list);
	return 0;
}

static int take_mine(struct host_job *job, struct nsnet_err *err)
{
	const struct nsn_uplink_list *gone = &job->all->gone_uplinks;
	size_t i;

	job->mine = calloc(job->n_tenants + gone->n + 1, sizeof(*job->mine));
	if (!job->mine)
		return nsn_err_nomem(err);
	for (i = 0; i < job->n_tenants; i++)
		job->mine[job->n_mine++] = job->tenants[i];
	for (i = 0; i < gone->n; i++)
		job->mine[job->n_mine++].up = up_of(&gone->uplinks[i], &job->all->transit);
	qsort(job->mine, job->n_mine, sizeof(*job->mine), by_link);
	return 0;
}

/* ---- wanted and observed ---------------------------------------------------------------- */

static bool is_no_setting(const struct nsn_object *o, const void *arg)
{
	(void)arg;
	return o->kind != NSN_OBJ_SYSCTL;
}

/* @last: also without what the host needs until its settings are as they were. */
static int compile(struct host_job *job, bool last, struct nsnet_err *err)
{
	const struct nsn_host_wanted w = as_wanted(job->all, job->tenants, job->n_tenants);
	/* A part in which nobody has an uplink any more: others have, and need the table. */
	const bool others = job->n_tenants == 0 && job->all->uplinks.n > 0;
	const bool closing = job->all->uplinks.n == 0 && !last;
	int r;

	nsn_state_clear(&job->wanted);
	r = nsn_compile_host(&w, closing || others ? NSN_HOST_CLOSING : NSN_HOST_OPEN, NULL,
			     &job->n->owner, &job->wanted, err);
	if (r == 0 && others)
		nsn_state_filter(&job->wanted, is_no_setting, NULL);
	return r;
}

static bool stays_behind(const struct nsn_object *o, const void *arg)
{
	(void)arg;
	return o->kind == NSN_OBJ_NETNS || o->kind == NSN_OBJ_SYSCTL;
}

int nsn_host_compile(const struct nsn_wanted *all, const struct nsn_owner *owner,
		     struct nsn_state *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_host_tenant *tenants = NULL;
	struct nsn_host_wanted w;
	size_t n = 0;
	int r = take_tenants(&tenants, &n, all, err);

	if (r < 0)
		return r;
	w = as_wanted(all, tenants, n);
	r = nsn_compile_host(&w, n ? NSN_HOST_OPEN : NSN_HOST_CLOSING, NULL, owner, ret, err);
	/* With the last uplink settings become what they were, and the table goes. */
	if (r == 0 && n == 0)
		nsn_state_filter(ret, stays_behind, NULL);
	return r;
}

static uint64_t link_of(const struct host_job *job, const struct nsn_object *o)
{
	return nsn_host_uplink_of(o, &job->all->transit, job->mine, job->n_mine);
}

/* Of a part: what is its own, or all share. */
static bool is_mine(const struct nsn_object *o, const void *arg)
{
	const struct host_job *job = arg;
	const uint64_t link = link_of(job, o);
	size_t i;

	if (!job->all->core || link == 0)
		return true;
	for (i = 0; i < job->n_mine; i++)
		if (job->mine[i].up.link == link)
			return true;
	return false;
}

/* The gateway's run makes the link; without it nothing can hang on it. */
static bool has_link(const struct nsn_object *o, const void *arg)
{
	const struct host_job *job = arg;

	return !o->link[0] || o->kind == NSN_OBJ_SYSCTL ||
	       nsn_state_link(&job->observed, host_place, o->link);
}

/* Which link of the gateway is at the other end, the gateway's run has seen. */
static void agree_on_peers(struct host_job *job)
{
	size_t i;

	for (i = 0; i < job->wanted.n; i++) {
		struct nsn_object *want = &job->wanted.objects[i];
		const struct nsn_object *have =
			want->kind == NSN_OBJ_LINK ? nsn_state_find(&job->observed, want) : NULL;

		if (!have)
			continue;
		want->u.dev.peer = have->u.dev.peer;
		want->u.dev.peer_at = have->u.dev.peer_at;
	}
}

static int look(struct host_job *job, bool last, struct nsnet_err *err)
{
	int r = compile(job, last, err);

	nsn_plan_clear(&job->plan);
	nsn_state_clear(&job->observed);
	if (r == 0 && job->site.n == 0)
		r = nsn_site_init(&job->site, &job->n->home, &job->n->owner, 0, &job->wanted, err);
	if (r == 0 && !job->site.spaces[0].ns)
		r = nsn_site_open(&job->site, err);
	if (r == 0)
		r = nsn_site_observe(&job->site, &job->wanted, &job->wanted, &job->n->owner,
				     &job->observed, err);
	if (r < 0)
		return r;
	nsn_state_filter(&job->observed, is_mine, job);
	nsn_state_filter(&job->wanted, has_link, job);
	agree_on_peers(job);
	return nsn_plan(&job->wanted, &job->observed, &job->n->owner, &job->plan, err);
}

/* ---- which steps ---------------------------------------------------------------------------- */

static bool guards(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_ELEM &&
	       strncmp(o->u.elem.set, NSN_HOST_GUARD, strlen(NSN_HOST_GUARD)) == 0;
}

/* What may only go when forwarding is as it was before. */
static bool goes_last(const struct nsn_step *s)
{
	return s->op == NSN_REMOVE && (s->have->kind == NSN_OBJ_TABLE || guards(s->have));
}

/* Before the store is told: elements that let something through, and links go down. */
static bool revokes(const struct nsn_step *s)
{
	return s->op == NSN_REMOVE && !guards(s->have) &&
	       (s->have->kind == NSN_OBJ_ELEM || s->have->kind == NSN_OBJ_UP);
}

/* Of a part, what all share is not known as a whole: it stays. */
static bool is_shared(const struct host_job *job, const struct nsn_step *s)
{
	return job->all->core && job->all->uplinks.n > 0 && s->op == NSN_REMOVE &&
	       link_of(job, s->have) == 0;
}

static bool is_for(const struct host_job *job, const struct nsn_step *s, enum nsn_host_phase phase,
		   bool last)
{
	if (is_shared(job, s))
		return false;
	return phase == NSN_HOST_REVOKE ? revokes(s) : last || !goes_last(s);
}

static bool is_setting(const struct nsn_step *s)
{
	return nsn_step_object(s)->kind == NSN_OBJ_SYSCTL;
}

/* Settings last: a link may forward when its guard stands, and until it is told not to. */
static int choose(struct host_job *job, enum nsn_host_phase phase, bool last, struct nsnet_err *err)
{
	struct nsn_step *list = calloc(job->plan.n + 1, sizeof(*list));
	size_t i, pass, kept = 0;

	if (!list)
		return nsn_err_nomem(err);
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < job->plan.n; i++)
			if (is_setting(&job->plan.steps[i]) == (pass == 1) &&
			    is_for(job, &job->plan.steps[i], phase, last))
				list[kept++] = job->plan.steps[i];
	for (i = 0; i < kept; i++)
		job->plan.steps[i] = list[i];
	job->plan.n = kept;
	free(list);
	return 0;
}

static int refuse_foreign(const struct host_job *job, struct nsnet_err *err)
{
	size_t i;

	for (i = 0; i < job->observed.n; i++) {
		const struct nsn_object *o = &job->observed.objects[i];

		if (o->kind != NSN_OBJ_TABLE ||
		    nsn_compile_host_mark_read(&job->n->owner, o->u.table.comment))
			continue;
		(void)nsn_err(err, -EEXIST, NSNET_E_HOST_FOREIGN,
			      "the host has a table `inet " NSN_TABLE_NAME
			      "` that this store has not made%s%s",
			      o->u.table.comment[0] ? ": " : "", o->u.table.comment);
		return nsn_err_hint(err, -EEXIST,
				    "if nobody needs it: nft delete table inet " NSN_TABLE_NAME);
	}
	return 0;
}

/* ---- connections that lead where nothing is published any more ------------------------------ */

/* Address and port of a gateway, that an element of a map of published ports has led to. */
static bool published_at(const struct nsn_object *o, struct nsn_ip *ip, uint16_t *port)
{
	const struct nsn_elem *e = &o->u.elem;
	const uint32_t len = e->data_len == 8 ? 4 : 16;

	if (o->kind != NSN_OBJ_ELEM || (e->data_len != 8 && e->data_len != 20))
		return false;
	*ip = (struct nsn_ip){.family = len == 4 ? AF_INET : AF_INET6};
	memcpy(ip->bytes, e->data, len);
	*port = (uint16_t)(e->data[len] << 8 | e->data[len + 1]);
	return true;
}

static int forget_connections(struct host_job *job, struct nsnet_err *err)
{
	struct nsn_nl *nl = nsn_netns_nft(job->site.spaces[0].ns);
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < job->plan.n; i++) {
		const struct nsn_step *s = &job->plan.steps[i];
		struct nsn_ip ip;
		uint16_t port;

		if (s->have && published_at(s->have, &ip, &port))
			r = nsn_conntrack_forget(nl, &ip, port, err);
	}
	return r;
}

/* Of an uplink that is gone: the next owner of its address has nothing of it. */
static int forget_addresses(struct host_job *job, struct nsnet_err *err)
{
	struct nsn_nl *nl = nsn_netns_nft(job->site.spaces[0].ns);
	const struct nsn_uplink_list *gone = &job->all->gone_uplinks;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < gone->n; i++) {
		const struct nsn_up up = up_of(&gone->uplinks[i], &job->all->transit);

		r = nsn_conntrack_forget(nl, &up.near4, 0, err);
		if (r == 0)
			r = nsn_conntrack_forget(nl, &up.near6, 0, err);
	}
	return r;
}

/* ---- telling ------------------------------------------------------------------------------ */

static int tell(struct host_job *job, struct nsnet_change *c, struct nsnet_err *err)
{
	static const struct nsn_tenant nobody;
	struct nsn_item *item = NULL;
	size_t i;
	int r = 0;

	if (!c || job->plan.n == 0)
		return 0;
	for (i = 0; i < c->n; i++)
		if (strcmp(c->items[i].tenant, NSN_HOST_ITEM) == 0)
			item = &c->items[i];
	if (!item)
		r = nsn_change_add(c, NSN_HOST_ITEM, NULL, &item, err);
	if (r < 0)
		return r;
	item->outcome = NSNET_CHANGED;
	return nsn_change_steps_add(c, item, &job->plan, &nobody, err);
}

/* ---- doing it ------------------------------------------------------------------------------- */

static int carry(struct host_job *job, struct nsnet_err *err)
{
	struct nsnet_err undo = {0};
	size_t done = 0;
	int r = nsn_site_apply(&job->site, &job->wanted, &job->plan, 0, job->plan.n, &done, err);

	if (r == 0)
		return forget_connections(job, err);
	if (err && err->id == NSNET_E_UNSURE)
		return 0; /* it is looked at again */
	if (nsn_site_undo(&job->site, &job->wanted, &job->plan, done, &undo) < 0)
		return nsn_err_hint(err, r, "taking it back failed, too (%.120s): nsnet repair",
				    undo.msg);
	return r;
}

static int not_settled(const struct host_job *job, struct nsnet_err *err)
{
	struct nsn_arena arena = {0};
	const struct nsn_object *o = nsn_step_object(&job->plan.steps[0]);
	const char *text = nsn_object_str(o, &arena);

	(void)nsn_err(err, -EIO, NSNET_E_KERNEL,
		      "the host's namespace: the kernel does not keep what was set: %s %s",
		      nsn_kind_name(o->kind), text ? text : "");
	nsn_arena_free(&arena);
	return nsn_err_hint(err, -EIO, "does another program manage it? nsnet plan");
}

/* Nothing of ours is left: so nobody needs to know how it was. */
static int forget_settings(struct host_job *job, struct nsnet_err *err)
{
	struct nsn_store *s = job->n->store;
	int r;

	if (job->all->uplinks.n > 0 || job->all->n_old == 0)
		return 0;
	r = nsn_store_begin(s, err);
	if (r == 0)
		r = nsn_store_host_setting_clear(s, err);
	if (r == 0)
		r = nsn_store_commit(s, err);
	nsn_store_rollback(s);
	return r;
}

static int run(struct host_job *job, enum nsn_host_phase phase, struct nsnet_change *c,
	       struct nsnet_err *err)
{
	bool last = false;
	int round, r = look(job, false, err);

	if (r == 0)
		r = refuse_foreign(job, err);
	for (round = 0; r == 0 && round < ROUNDS; round++) {
		r = choose(job, phase, last, err);
		if (r < 0)
			break;
		if (job->plan.n == 0 && (last || phase != NSN_HOST_SETTLE))
			break;
		r = tell(job, c, err);
		if (r == 0)
			r = carry(job, err);
		last = phase == NSN_HOST_SETTLE;
		if (r == 0)
			r = look(job, last, err);
	}
	if (r < 0)
		return r;
	if (job->plan.n > 0 && phase == NSN_HOST_SETTLE)
		return not_settled(job, err);
	if (phase != NSN_HOST_SETTLE)
		return 0;
	r = forget_addresses(job, err);
	return r == 0 ? forget_settings(job, err) : r;
}

static int open_job(struct host_job *job, struct nsnet_err *err)
{
	int r = take_tenants(&job->tenants, &job->n_tenants, job->all, err);

	return r == 0 ? take_mine(job, err) : r;
}

int nsn_host_run(struct nsnet *n, const struct nsn_wanted *all, enum nsn_host_phase phase,
		 struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(host_job_close) struct host_job job = {.n = n, .all = all};
	int r;

	if (!nsn_host_concerned(all))
		return 0;
	r = open_job(&job, err);
	if (r == 0)
		r = run(&job, phase, c, err);
	return r < 0 ? nsn_err_wrap(err, r, "the host") : 0;
}

int nsn_host_plan(struct nsnet *n, const struct nsn_wanted *all, struct nsnet_change *c,
		  struct nsn_netns **scratch, size_t *checked, struct nsnet_err *err)
{
	NSN_AUTO(host_job_close) struct host_job job = {.n = n, .all = all};
	int r;

	if (!nsn_host_concerned(all))
		return 0;
	r = open_job(&job, err);
	/* Settings are told as well, when it is all to go. */
	if (r == 0)
		r = look(&job, false, err);
	if (r == 0)
		r = refuse_foreign(&job, err);
	if (r == 0)
		r = choose(&job, NSN_HOST_SETTLE, true, err);
	if (r == 0)
		r = tell(&job, c, err);
	if (r == 0 && checked)
		r = nsn_site_check(&job.site, &job.plan, scratch, checked, err);
	return r < 0 ? nsn_err_wrap(err, r, "the host") : 0;
}

int nsn_host_refresh(struct nsnet *n, const struct nsn_uplink *gone, struct nsnet_err *err)
{
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted all = {0};
	int r = nsn_wanted_load(n, false, &all, err);

	if (r < 0)
		return r;
	all.gone_uplinks.uplinks = calloc(1, sizeof(*gone));
	if (!all.gone_uplinks.uplinks)
		return nsn_err_nomem(err);
	all.gone_uplinks.uplinks[all.gone_uplinks.n++] = *gone;
	return r == 0 ? nsn_host_run(n, &all, NSN_HOST_SETTLE, NULL, err) : r;
}
