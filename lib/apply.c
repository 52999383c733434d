/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "rows.h"
#include "store/kept.h"

/*
 * apply - what files say, made so
 *
 * First all of it in a transaction that is rolled back: then it is known what differs,
 * what opens and closes, whether it may be and whether it can be. Then in the order that
 * keeps closed what shall be: endpoints that go; all rows at once, with what is revoked
 * out of the gateways before and what is granted put into them after the store knows;
 * tenants that go, whose rules are gone by then.
 */

NSN_CLEANUP(struct nsnet_applied, nsnet_applied_free)

struct apply {
	struct nsnet *n;
	const struct nsn_policy_set *set;
	unsigned int flags;
	size_t prune_tenants;
	unsigned int seconds; /* to confirm it; 0: it needs not be */
	struct nsnet_applied *out;
	struct nsn_netns *scratch; /* where rules of gateways are tried that are not there */
	const char **agree;	   /* by name: whose plan is empty, with nothing foreign */
	size_t n_agree;
};

/* ---- who is concerned --------------------------------------------------------------- */

static bool is_made(const struct nsn_rows *rows, const struct nsn_tenant *t)
{
	size_t i = nsn_rows_tenant(rows, t->name);

	return i != SIZE_MAX && (rows->tenants[i].outcome == NSNET_CREATED ||
				 rows->tenants[i].outcome == NSNET_CHANGED);
}

static void touch_joined(struct nsn_borders *b, const struct nsn_cable_list *cables,
			 const struct nsn_wanted *changed, const bool *changes)
{
	for (size_t i = 0; i < cables->n; i++) {
		const struct nsn_cable *c = &cables->cables[i];

		/* There is a place behind the last. */
		if (changes[nsn_wanted_place(changed, c->a)])
			b->touched[nsn_wanted_place(&b->all, c->b)] = true;
		if (changes[nsn_wanted_place(changed, c->b)])
			b->touched[nsn_wanted_place(&b->all, c->a)] = true;
	}
}

/* Who is joined to a tenant that changes, or was. */
static int touch_around(struct nsn_borders *b, const struct nsn_rows *rows, struct nsnet_err *err)
{
	const struct nsn_wanted *before = rows->before;
	NSN_AUTO(nsn_freep) bool *changes = calloc(before->tenants.n + 1, sizeof(*changes));

	if (!changes)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < before->tenants.n; i++) {
		const size_t row = nsn_rows_tenant(rows, before->tenants.tenants[i].name);

		changes[i] = row != SIZE_MAX && rows->tenants[row].outcome != NSNET_UNCHANGED;
	}
	touch_joined(b, &before->cables, before, changes);
	touch_joined(b, &b->all.cables, before, changes);
	return 0;
}

static int touch(struct nsn_borders *b, const struct nsn_rows *rows, struct nsnet_err *err)
{
	for (size_t i = 0; i < rows->n_rules; i++)
		nsn_borders_touch_policy(b, rows->rules[i]);
	for (size_t i = 0; i < rows->n_cut; i++)
		nsn_borders_touch_who(b, rows->cut[i]);
	/* Flows that are kept may join others than the one who is meant. */
	for (size_t i = 0; rows->n_cut > 0 && i < b->all.tenants.n; i++)
		b->touched[i] |= b->all.tenants.tenants[i].inside_deny;
	return touch_around(b, rows, err);
}

/* ---- the rows, and what follows from them --------------------------------------------- */

static int open_all(struct apply *a, struct nsn_rows *rows, struct nsn_wanted *before,
		    struct nsn_borders *b, struct nsnet_err *err)
{
	int r = nsn_wanted_load(a->n, true, before, err);

	rows->n = a->n;
	rows->set = a->set;
	rows->before = before;
	rows->prune = a->flags & NSNET_PRUNE;
	if (r == 0)
		r = nsn_store_begin(a->n->store, err);
	if (r == 0)
		r = nsn_rows_write(rows, err);
	if (r == 0)
		r = nsn_borders_open(b, a->n, err);
	return r == 0 ? touch(b, rows, err) : r;
}

/* ---- trying it ------------------------------------------------------------------------- */

static int note_agrees(struct apply *a, const char *name, struct nsnet_err *err)
{
	const char *copy = nsn_arena_strdup(&a->out->mem, name);

	if (!copy)
		return nsn_err_nomem(err);
	a->agree[a->n_agree++] = copy;
	return 0;
}

static int plan_one(struct apply *a, struct nsn_borders *b, const struct nsn_rows *rows, size_t i,
		    struct nsnet_err *err)
{
	struct nsn_tenant *t = &b->all.tenants.tenants[i];
	const size_t row = nsn_rows_tenant(rows, t->name);
	NSN_AUTO(nsn_job_close)
	struct nsn_job job = {.all = &b->all, .only = row == SIZE_MAX ? NSN_NOBODY : 0};
	enum nsnet_outcome outcome = row == SIZE_MAX ? NSNET_UNCHANGED : rows->tenants[row].outcome;
	struct nsn_item *item = NULL;
	int r;

	job.fresh = outcome == NSNET_CREATED;
	r = nsn_job_open(&job, a->n, t, NSN_WANT_BUILT, err);
	if (r == 0 && nsn_job_agrees(&job) && row != SIZE_MAX)
		r = note_agrees(a, t->name, err);
	if (r == 0)
		r = nsn_job_check(&job, &a->scratch, &a->out->checked, err);
	if (r < 0 || (row == SIZE_MAX && job.plan.n == 0))
		return r;
	r = nsn_change_add(a->out->change, t->name, NULL, &item, err);
	if (r == 0)
		r = nsn_change_steps_add(a->out->change, item, &job.plan, t, err);
	if (r == 0)
		item->outcome = outcome != NSNET_UNCHANGED ? outcome
				: job.plan.n == 0	   ? NSNET_UNCHANGED
				: b->touched[i]		   ? NSNET_CHANGED
							   : NSNET_REPAIRED;
	return r;
}

static int plan_all(struct apply *a, struct nsn_borders *b, const struct nsn_rows *rows,
		    struct nsnet_err *err)
{
	int r = 0;

	a->agree = nsn_arena_alloc(&a->out->mem, (b->all.tenants.n + 1) * sizeof(*a->agree));
	if (!a->agree)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < b->all.tenants.n; i++)
		if (b->touched[i] ||
		    nsn_rows_tenant(rows, b->all.tenants.tenants[i].name) != SIZE_MAX)
			r = plan_one(a, b, rows, i, err);
	if (r == 0)
		r = nsn_host_plan(a->n, &b->all, a->out->change, &a->scratch, &a->out->checked,
				  err);
	return r;
}

/* What is said at the end, after the transaction. */
static int plan_removals(struct apply *a, const struct nsn_rows *rows, struct nsnet_err *err)
{
	const unsigned int flags = NSNET_DRY_RUN | NSNET_WITH_RULES;
	struct nsnet_change *c = a->out->change;
	int r = 0;

	for (size_t i = 0; r == 0 && i < rows->n_gone; i++)
		r = nsn_endpoint_drop(a->n, rows->gone[i].tenant, rows->gone[i].name, true, c, err);
	for (size_t i = 0; r == 0 && i < rows->n_tenants; i++)
		if (rows->tenants[i].outcome == NSNET_REMOVED)
			r = nsn_tenant_drop(a->n, rows->tenants[i].name, flags, c, err);
	return r;
}

static int try_all(struct apply *a, struct nsn_rows *rows, struct nsn_wanted *before,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {.last = true};
	const bool look = !(a->flags & NSNET_DIFF_ONLY);
	int r;

	rows->out = a->out;
	rows->trial = true;
	r = open_all(a, rows, before, &b, err);
	/* What was stored once was checked then; who it names may have gone since. */
	if (r == 0 && !a->set->whole)
		r = nsn_check_files(&b.all, a->set, err);
	if (r == 0)
		r = nsn_applied_ask(a->out, a->set, &b.all.intent, err);
	if (r == 0)
		r = nsn_foretold(a->out, rows, &before->intent, &b.all.intent, err);
	if (r == 0 && look)
		r = plan_all(a, &b, rows, err);
	nsn_store_rollback_unused(a->n->store);
	nsn_store_rollback(a->n->store);
	a->out->pruned_with_endpoints = rows->pruned_with_endpoints;
	return r == 0 && look ? plan_removals(a, rows, err) : r;
}

/* ---- whether it may be -------------------------------------------------------------------- */

static int refuse_expectation(const struct nsnet_applied *out, struct nsnet_err *err)
{
	const struct nsnet_expect *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < out->n_expects; i++) {
		if (out->expects[i].holds)
			continue;
		first = first ? first : &out->expects[i];
		n++;
	}
	if (!first)
		return 0;
	(void)nsn_err(err, -EPERM, NSNET_E_EXPECTATION, "%s:%u: expected that %s %s, but %s%s",
		      first->file, first->line, first->flow, first->can ? "can be" : "cannot be",
		      first->reason, n > 1 ? "; others do not hold either" : "");
	(void)nsn_err_where(err, -EPERM, "%s:%u", first->file, first->line);
	if (n == 1)
		return -EPERM;
	return nsn_err_hint(err, -EPERM, "nsnet plan -f tells all %zu that do not hold", n);
}

static int refuse_number(const struct apply *a, const struct nsn_rows *rows, struct nsnet_err *err)
{
	const char *first = NULL;

	if (rows->pruned_with_endpoints == a->prune_tenants || a->prune_tenants == NSN_ANY_NUMBER)
		return 0;
	for (size_t i = 0; !first && i < rows->n_tenants; i++)
		if (rows->tenants[i].outcome == NSNET_REMOVED)
			first = rows->tenants[i].name;
	if (rows->pruned_with_endpoints == 0)
		return nsn_err(err, -EBUSY, NSNET_E_PRUNE_TENANTS,
			       "%zu tenants with endpoints were to be removed, but none is",
			       a->prune_tenants);
	(void)nsn_err(err, -EBUSY, NSNET_E_PRUNE_TENANTS,
		      "%zu tenant%s with endpoints would be removed (%s%s), not %zu",
		      rows->pruned_with_endpoints, rows->pruned_with_endpoints == 1 ? "" : "s",
		      first ? first : "", rows->pruned_with_endpoints == 1 ? "" : ", ...",
		      a->prune_tenants);
	return nsn_err_hint(err, -EBUSY, "--prune-tenants %zu", rows->pruned_with_endpoints);
}

/* ---- doing it ------------------------------------------------------------------------------ */

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* It was looked at a moment ago, under the same lock, and has not been touched. */
static bool agrees(const struct apply *a, const struct nsn_borders *b, size_t i)
{
	const char *name = b->all.tenants.tenants[i].name;

	return !b->touched[i] && bsearch(&name, a->agree, a->n_agree, sizeof(*a->agree), name_cmp);
}

/* Whoever was joined to it before its gateway was as it is now. */
static void touch_ends(struct nsn_borders *b, const struct nsn_job *job)
{
	for (size_t i = 0; i < job->border.n_far; i++)
		b->touched[nsn_wanted_place(&b->all, job->border.far[i].other->id)] = true;
}

static int build(struct apply *a, struct nsn_borders *b, size_t i, enum nsnet_outcome outcome,
		 struct nsnet_err *err)
{
	struct nsn_tenant *t = &b->all.tenants.tenants[i];
	NSN_AUTO(nsn_job_close) struct nsn_job job = {.all = &b->all};
	struct nsn_item *item = NULL;
	int r;

	r = nsn_change_add(a->out->change, t->name, NULL, &item, err);
	if (r == 0)
		item->outcome = outcome;
	if (r < 0 || (outcome == NSNET_UNCHANGED && agrees(a, b, i)))
		return r;
	r = nsn_store_begin(a->n->store, err);
	if (r == 0)
		r = nsn_job_open(&job, a->n, t, NSN_WANT_BUILT, err);
	if (r == 0)
		r = nsn_job_converge(&job, outcome, false, a->out->change, item, err);
	/* Its rules are others now: that is no drift. */
	if (r == 0 && b->touched[i] && item->outcome == NSNET_REPAIRED)
		item->outcome = NSNET_CHANGED;
	nsn_store_rollback(a->n->store);
	/* Cables are made with whoever is there already, and completed at both ends. */
	b->touched[i] |= job.border.n_far > 0 || job.border.up.link;
	if (r == 0 && item->n_steps > 0)
		touch_ends(b, &job);
	return r;
}

/* Some that are new, at a time. */
struct some {
	size_t which[NSN_AT_A_TIME]; /* places in b->all.tenants */
	struct nsn_job jobs[NSN_AT_A_TIME];
	size_t n;
	struct nsn_crew crew;
};

static void some_clear(struct some *s)
{
	for (size_t i = 0; i < s->n; i++)
		nsn_job_close(&s->jobs[i]);
	s->n = 0;
}

static int remember(struct apply *a, struct some *s, size_t built, struct nsnet_err *err)
{
	struct nsnet_change *c = a->out->change;
	int r = nsn_store_begin(a->n->store, err);

	for (size_t i = 0; r == 0 && i < built; i++) {
		struct nsn_item *item = NULL;

		r = nsn_change_add(c, s->jobs[i].t->name, NULL, &item, err);
		if (r == 0)
			r = nsn_change_steps_add(c, item, &s->jobs[i].plan, s->jobs[i].t, err);
		if (r == 0)
			r = nsn_job_remember(&s->jobs[i], err);
		if (r == 0)
			item->outcome = NSNET_CREATED;
	}
	if (r == 0)
		r = nsn_store_commit(a->n->store, err);
	nsn_store_rollback(a->n->store);
	return r;
}

/* Without their cables, which come when all are there. */
static int build_some(struct apply *a, struct nsn_borders *b, struct some *s, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	size_t built, named = 0;
	bool told = true;
	int failed, r;

	for (size_t i = 0; i < s->n; i++)
		s->jobs[i] = (struct nsn_job){.n = a->n,
					      .t = &b->all.tenants.tenants[s->which[i]],
					      .all = &b->all,
					      .fresh = true,
					      .alone = true};
	failed = nsn_many_build(&s->crew, s->jobs, s->n, &built, &inner);
	r = remember(a, s, built, err);
	if (r == 0)
		r = nsn_many_name(&s->crew, s->jobs, built, &named, err);
	for (size_t i = 0; i < named; i++) {
		if (r == 0)
			r = nsn_job_settle(&s->jobs[i], &told, err);
		b->touched[s->which[i]] |= s->jobs[i].border.n_far > 0 || s->jobs[i].border.up.link;
		touch_ends(b, &s->jobs[i]);
	}
	some_clear(s);
	if (r == 0 && failed < 0 && err)
		*err = inner;
	return r < 0 ? r : failed;
}

static int build_each(struct apply *a, struct nsn_borders *b, const struct nsn_rows *rows,
		      struct some *s, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->all.tenants.n; i++) {
		size_t row = nsn_rows_tenant(rows, b->all.tenants.tenants[i].name);
		bool created = row != SIZE_MAX && rows->tenants[row].outcome == NSNET_CREATED;

		if (created)
			s->which[s->n++] = i;
		if (s->n == NSN_AT_A_TIME || (row != SIZE_MAX && !created && s->n > 0))
			r = build_some(a, b, s, err);
		if (r == 0 && row != SIZE_MAX && !created)
			r = build(a, b, i, rows->tenants[row].outcome, err);
	}
	return r == 0 && s->n > 0 ? build_some(a, b, s, err) : r;
}

/* The rows are stored: what fails now, or dies, is for repair to complete. */
static int build_all(struct apply *a, struct nsn_borders *b, const struct nsn_rows *rows,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct some *s = calloc(1, sizeof(*s));
	int r = s ? nsn_crew_open(&s->crew, rows->n_tenants, err) : nsn_err_nomem(err);

	if (r == 0)
		r = nsn_host_run(a->n, &b->all, NSN_HOST_GRANT, a->out->change, err);
	b->host_granted = r == 0;
	if (r == 0)
		r = build_each(a, b, rows, s, err);
	if (s)
		nsn_crew_close(&s->crew);
	if (r < 0)
		return nsn_err_hint(err, r,
				    "it is stored, and not all of it is there: nsnet repair");
	return nsn_borders_grant(b, a->out->change, err);
}

static int change_all(struct apply *a, struct nsnet_err *err)
{
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted before = {0};
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {.last = true};
	NSN_AUTO(nsn_rows_clear) struct nsn_rows rows = {0};
	NSN_AUTO(nsn_freep) bool *touched = NULL;
	size_t i;
	int r = open_all(a, &rows, &before, &b, err);

	touched = calloc(b.all.tenants.n + 1, sizeof(*touched));
	if (r == 0 && !touched)
		r = nsn_err_nomem(err);
	/* What is new has nothing to revoke; who changes is cut off by its peers. */
	for (i = 0; r == 0 && i < b.all.tenants.n; i++) {
		touched[i] = b.touched[i];
		b.touched[i] = b.touched[i] && !is_made(&rows, &b.all.tenants.tenants[i]);
	}
	if (r == 0)
		r = nsn_borders_revoke(&b, false, a->out->change, err);
	if (r == 0) {
		r = nsn_store_commit(a->n->store, err);
		if (r < 0)
			nsn_borders_failed(&b);
	}
	nsn_store_rollback(a->n->store);
	for (i = 0; r == 0 && i < b.all.tenants.n; i++)
		b.touched[i] = touched[i];
	return r == 0 ? build_all(a, &b, &rows, err) : r;
}

static int do_all(struct apply *a, const struct nsn_rows *tried, struct nsnet_err *err)
{
	struct nsnet_change *c = NULL;
	size_t removed = 0;
	int r = nsn_change_new(&c, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < tried->n_tenants; i++)
		removed += tried->tenants[i].outcome == NSNET_REMOVED;
	nsnet_change_free(a->out->change);
	a->out->change = c;
	for (size_t i = 0; r == 0 && i < tried->n_gone; i++)
		r = nsn_endpoint_drop(a->n, tried->gone[i].tenant, tried->gone[i].name, false, c,
				      err);
	if (r == 0)
		r = change_all(a, err);
	for (size_t i = 0; r == 0 && i < tried->n_tenants; i++)
		if (tried->tenants[i].outcome == NSNET_REMOVED)
			r = nsn_tenant_drop(a->n, tried->tenants[i].name,
					    removed > 1 ? NSNET_ONE_OF_MANY : 0, c, err);
	return r;
}

/*
 * It waits from the moment before the first of it is done, so that whoever dies on the way leaves
 * what is taken back; and as long as was asked for from the moment when all of it is.
 */
static int do_until_confirmed(struct apply *a, const struct nsn_rows *tried, struct nsnet_err *err)
{
	struct nsn_store *s = a->n->store;
	uint64_t before = 0, after = 0;
	int r, end;

	r = nsn_store_generation(s, &before, err);
	if (r == 0)
		r = nsn_store_unconfirmed_begin(s, nsn_boot_ms() + a->seconds * UINT64_C(1000),
						time(NULL), getuid(), err);
	if (r < 0)
		return r;
	nsn_store_permit(s);
	r = do_all(a, tried, err);
	end = nsn_store_generation(s, &after, r < 0 ? NULL : err);
	if (end == 0 && after == before)
		end = nsn_store_unconfirmed_end(s, NSN_CONFIRM_KEPT, r < 0 ? NULL : err);
	else if (end == 0)
		end = nsn_store_unconfirmed_extend(s, nsn_boot_ms() + a->seconds * UINT64_C(1000),
						   r < 0 ? NULL : err);
	if (r < 0 && after != before)
		(void)nsn_err_hint(err, r, "a part of it is done; take it back: nsnet rollback");
	return r < 0 ? r : end;
}

static int apply(struct apply *a, struct nsnet_err *err)
{
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted before = {0};
	NSN_AUTO(nsn_rows_clear) struct nsn_rows tried = {0};
	int r = 0;

	if (a->flags & NSNET_PROVE)
		r = nsn_foretell(a->out, a->n, a->set, a->flags & NSNET_PRUNE, err);
	if (r == 0)
		r = try_all(a, &tried, &before, err);
	if (r < 0 || (a->flags & NSNET_DRY_RUN))
		return r;
	r = refuse_expectation(a->out, err);
	if (r == 0)
		r = refuse_number(a, &tried, err);
	if (r < 0)
		return r;
	return a->seconds ? do_until_confirmed(a, &tried, err) : do_all(a, &tried, err);
}

int nsn_apply_set(struct nsnet *n, const struct nsn_policy_set *set, unsigned int flags,
		  size_t prune_tenants, unsigned int seconds, struct nsnet_applied *out,
		  struct nsnet_err *err)
{
	struct apply a = {.n = n,
			  .set = set,
			  .flags = flags,
			  .prune_tenants = prune_tenants,
			  .seconds = seconds,
			  .out = out};
	int r = apply(&a, err);

	nsn_netns_close(a.scratch);
	return r;
}

int nsnet_apply_until(struct nsnet *n, const struct nsnet_policies *p, unsigned int flags,
		      size_t prune_tenants, unsigned int seconds, struct nsnet_applied **ret,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsnet_applied_freep) struct nsnet_applied *out = calloc(1, sizeof(*out));
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	const struct nsn_policy_set *set = nsn_policies_set(p);
	struct nsnet_err inner = {0};
	int r;

	if (ret)
		*ret = NULL;
	if (!out)
		return nsn_err_nomem(err);
	if (set->errors > 0)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_FILE, "the files have %zu errors",
			       set->errors);
	r = nsn_change_new(&out->change, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_may_change(n, flags, false, err);
	if (r < 0)
		return r;
	nsn_kept_as(n, "apply");
	r = nsn_apply_set(n, set, flags, prune_tenants, seconds, out, &inner);
	/* Files open and close in one: without the store nothing of both is done. */
	if (nsn_is_unwritten(r, &inner) && !inner.hint[0])
		(void)nsn_err_hint(&inner, r,
				   "no rule was changed: what the files close is open as before; "
				   "to close it now: nsnet revoke, nsnet tenant quarantine");
	if (r < 0 && err)
		*err = inner;
	if (ret && (r == 0 || r == -EPERM || r == -EBUSY))
		*ret = NSN_TAKE_PTR(out);
	return r;
}

int nsnet_apply(struct nsnet *n, const struct nsnet_policies *p, unsigned int flags,
		size_t prune_tenants, struct nsnet_applied **ret, struct nsnet_err *err)
{
	return nsnet_apply_until(n, p, flags, prune_tenants, 0, ret, err);
}
