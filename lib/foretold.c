/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "predict.h"
#include "proof.h"

/*
 * foretold - what opens and closes when files are applied
 *
 * From the prover: packets are followed through the kernel's rules as they are and through
 * those that would be. So what somebody else did to a gateway counts, too. Where it
 * cannot be had the policies say it (model/effect.h), and it is told that they do.
 */

/* With more than so many the machine is not read for this. */
#define TENANTS_MAX   500
#define SECONDS_USUAL 30
#define NODES_USUAL   20000000

NSN_CLEANUP(struct nsnet_applied, nsnet_applied_free)

/* ---- from the prover --------------------------------------------------------------------- */

static int by_policy(struct nsnet_applied *a, const char *why, struct nsnet_err *err)
{
	a->of = (struct nsnet_effects_of){.by_policy = true,
					  .certainty = NSNET_INCONCLUSIVE,
					  .why = nsn_arena_strdup(&a->mem, why),
					  .hash = ""};
	return a->of.why ? 0 : nsn_err_nomem(err);
}

static int by_proof(struct nsnet_applied *a, const struct nsn_snap *snap, bool from_file,
		    struct nsnet_err *err)
{
	const struct nsn_differences *d = &a->proved;
	struct nsnet_unfollowed *list = nsn_arena_alloc(&a->mem, (d->n_unsure + 1) * sizeof(*list));
	const char *hash = nsn_arena_strdup(&a->mem, snap->hash);
	size_t n = 0;

	if (!list || !hash)
		return nsn_err_nomem(err);
	if (d->gave_up)
		return by_policy(a, d->n_unsure ? d->unsure[0].why : "the proof was given up", err);
	for (; n < d->n_unsure; n++)
		list[n] = (struct nsnet_unfollowed){d->unsure[n].from, d->unsure[n].why};
	/* Who is there may have links that nobody sees. */
	if (snap->n_unsure > 0) {
		list[n].from = "";
		list[n].why = nsn_arena_strdup(&a->mem, snap->unsure[0]);
		if (!list[n++].why)
			return nsn_err_nomem(err);
	}
	a->of = (struct nsnet_effects_of){.from_file = from_file,
					  .certainty = n ? NSNET_INCONCLUSIVE : NSNET_PROVED,
					  .why = "",
					  .hash = hash,
					  .unfollowed = list,
					  .n_unfollowed = n,
					  .read_us = snap->took_us,
					  .prove_us = d->took_us};
	return 0;
}

static int differ(struct nsnet_applied *a, const struct nsn_snap *was,
		  const struct nsn_intent *was_intent, const struct nsn_snap *will,
		  const struct nsn_intent *will_intent, const struct nsnet_verify_how *how,
		  struct nsnet_err *err)
{
	const struct nsn_differ_how usual = {.seconds = how && how->seconds ? how->seconds
									    : SECONDS_USUAL,
					     .nodes = how && how->nodes ? how->nodes : NODES_USUAL};

	return nsn_compare_apart(was, was_intent, will, will_intent, &usual, &a->proved, err);
}

static int foretell(struct nsnet_applied *a, struct nsnet *n, const struct nsn_policy_set *set,
		    bool prune, struct nsnet_err *err)
{
	NSN_AUTO(nsn_given_close) struct nsn_given g = {0};
	NSN_AUTO(nsn_foreseen_clear) struct nsn_foreseen f = {0};
	int r = nsn_given_read(&g, n, err);

	if (r == 0 && g.intent.n_tenants > TENANTS_MAX)
		return nsn_err(err, -E2BIG, NSNET_E_INTERNAL, "more than %d tenants", TENANTS_MAX);
	if (r == 0)
		r = nsn_foresee(&f, n, set, prune, &g.snap, err);
	if (r == 0)
		r = differ(a, &g.snap, &g.intent, &f.snap, &f.borders.all.intent, NULL, err);
	return r == 0 ? by_proof(a, &g.snap, false, err) : r;
}

int nsn_foretell(struct nsnet_applied *a, struct nsnet *n, const struct nsn_policy_set *set,
		 bool prune, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int r = foretell(a, n, set, prune, &inner);

	if (r == 0)
		return 0;
	if (r == -ENOMEM || r == -ETIMEDOUT) {
		if (err)
			*err = inner;
		return r;
	}
	return by_policy(a, inner.msg, err);
}

/* ---- in words, with the rules ---------------------------------------------------------------- */

struct telling {
	struct nsnet_applied *a;
	const struct nsn_rows *rows;
	const struct nsn_intent *before, *after;
};

/* Who is meant by "customer1/db", in one of both. */
static const struct nsn_tenant *who(const struct nsn_intent *in, const char *text)
{
	const size_t len = strcspn(text, "/ ");

	for (size_t i = 0; i < in->n_tenants; i++)
		if (strlen(in->tenants[i].name) == len &&
		    strncmp(in->tenants[i].name, text, len) == 0)
			return &in->tenants[i];
	return NULL;
}

/* Whether one of the peers is, or may be, there: "internet", "outside", "host". */
static bool names_beyond(const struct nsn_peer *peers, size_t n, const char *text)
{
	const bool host = strcmp(text, "host") == 0, outside = strcmp(text, "outside") == 0;

	if (!host && !outside && strcmp(text, "internet") != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (peers[i].kind == NSN_PEER_ANY || (host && peers[i].kind == NSN_PEER_HOST) ||
		    (!host && peers[i].kind == NSN_PEER_CIDR) ||
		    (!host && !outside && peers[i].kind == NSN_PEER_INTERNET))
			return true;
	return false;
}

static bool is_about(const struct nsn_intent *in, const struct nsn_policy *p,
		     const struct nsnet_effect *e)
{
	const struct nsn_tenant *from = who(in, e->from), *to = who(in, e->to);

	/* The host may use what is published for whomever. */
	if (strcmp(e->from, "host") == 0 && p->publish.port)
		return to && nsn_peers_name(p->to, p->n_to, to);
	return (from ? nsn_peers_name(p->from, p->n_from, from)
		     : names_beyond(p->from, p->n_from, e->from)) &&
	       (to ? nsn_peers_name(p->to, p->n_to, to) : names_beyond(p->to, p->n_to, e->to));
}

static bool has_name(const char *list, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

static int add_rule(struct telling *t, struct nsnet_effect *e, const char *name,
		    const char *because)
{
	struct nsn_arena *mem = &t->a->mem;

	if (has_name(e->rule, name))
		return 0;
	e->rule = *e->rule ? nsn_arena_printf(mem, "%s, %s", e->rule, name)
			   : nsn_arena_strdup(mem, name);
	if (!*e->because)
		e->because = nsn_arena_strdup(mem, because);
	return e->rule && e->because ? 0 : -ENOMEM;
}

static int add_quarantine(struct telling *t, struct nsnet_effect *e)
{
	const struct nsn_intent *in = e->opens ? t->before : t->after;

	for (size_t i = 0; i < in->n_quarantines; i++) {
		const struct nsn_quarantine *q = &in->quarantines[i];
		const struct nsn_tenant *from = who(in, e->from), *to = who(in, e->to);
		bool changes = false;

		for (size_t k = 0; k < t->rows->n_cut; k++)
			changes |= nsn_peer_same(t->rows->cut[k], &q->who);
		if (changes && ((from && nsn_peers_name(&q->who, 1, from)) ||
				(to && nsn_peers_name(&q->who, 1, to))))
			return add_rule(t, e, "quarantine", q->because);
	}
	return 0;
}

/* Rules that change, else those that let it be said at all. */
static int find_rules(struct telling *t, struct nsnet_effect *e)
{
	int r = 0;

	e->rule = e->because = "";
	for (size_t i = 0; r == 0 && i < t->rows->n_rules; i++) {
		const struct nsn_policy *p = t->rows->rules[i];

		if (is_about(t->before, p, e) || is_about(t->after, p, e))
			r = add_rule(t, e, p->name, p->because);
	}
	if (r == 0)
		r = add_quarantine(t, e);
	for (size_t i = 0; r == 0 && !*e->rule && e->opens && i < t->after->n_policies; i++) {
		const struct nsn_policy *p = &t->after->policies[i];

		if (!p->deny && is_about(t->after, p, e))
			r = add_rule(t, e, p->name, p->because);
	}
	return r;
}

static struct nsnet_effect effect_at(const struct nsnet_applied *a, size_t i)
{
	if (a->of.by_policy) {
		const struct nsn_effect_line *l = &a->effect.lines[i];

		return (struct nsnet_effect){.opens = l->opens,
					     .from = l->from,
					     .to = l->to,
					     .ports = l->ports,
					     .n_ports = l->n_ports};
	}
	return (struct nsnet_effect){.opens = a->proved.list[i].opens,
				     .from = a->proved.list[i].from,
				     .to = a->proved.list[i].to,
				     .ports = a->proved.list[i].ports,
				     .n_ports = a->proved.list[i].n_ports,
				     .unsure = a->proved.list[i].unsure};
}

int nsn_foretold(struct nsnet_applied *a, const struct nsn_rows *rows,
		 const struct nsn_intent *before, const struct nsn_intent *after,
		 struct nsnet_err *err)
{
	struct telling t = {.a = a, .rows = rows, .before = before, .after = after};
	size_t n;
	int r = 0;

	if (!a->of.hash)
		r = by_policy(a, "", err);
	if (r == 0 && a->of.by_policy)
		r = nsn_effect_make(&a->effect, before, after, err);
	if (r < 0)
		return r;
	n = a->of.by_policy ? a->effect.n : a->proved.n;
	a->effects = nsn_arena_alloc(&a->mem, (n + 1) * sizeof(*a->effects));
	if (!a->effects)
		return nsn_err_nomem(err);
	for (a->n_effects = 0; a->n_effects < n; a->n_effects++) {
		a->effects[a->n_effects] = effect_at(a, a->n_effects);
		if (find_rules(&t, &a->effects[a->n_effects]) < 0)
			return nsn_err_nomem(err);
	}
	return 0;
}

/* ---- away from the machine ---------------------------------------------------------------------
 */

int nsnet_snapshot_tenants(const struct nsnet_verify_how *how, struct nsnet_tenants **ret,
			   struct nsnet_err *err)
{
	NSN_AUTO(nsn_given_close) struct nsn_given g = {0};
	int r = nsn_given_open(&g, NULL, how, err);

	return r == 0 ? nsn_tenants_make(ret, g.intent.tenants, g.intent.n_tenants, err) : r;
}

static int plan(struct nsnet_applied *out, struct nsn_given *g, struct nsn_apart *apart,
		const struct nsn_policy_set *set, const struct nsnet_verify_how *how,
		struct nsnet_err *err)
{
	const struct nsn_wanted *after = &apart->will.borders.all;
	int r = nsn_check_files(after, set, err);

	out->pruned_with_endpoints = apart->will.rows.pruned_with_endpoints;
	if (r == 0)
		r = nsn_applied_ask(out, set, &after->intent, err);
	if (r == 0)
		r = differ(out, &apart->was, &apart->before.intent, &apart->will.snap,
			   &after->intent, how, err);
	if (r == 0)
		r = by_proof(out, &g->snap, true, err);
	if (r == 0)
		r = nsn_foretold(out, &apart->will.rows, &apart->before.intent, &after->intent,
				 err);
	return r;
}

int nsnet_plan_snapshot(const struct nsnet_verify_how *how, const struct nsnet_policies *p,
			unsigned int flags, struct nsnet_applied **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_applied_freep) struct nsnet_applied *out = calloc(1, sizeof(*out));
	NSN_AUTO(nsn_apart_close) struct nsn_apart apart = {0};
	NSN_AUTO(nsn_given_close) struct nsn_given g = {0};
	const struct nsn_policy_set *set = nsn_policies_set(p);
	int r = out ? nsn_change_new(&out->change, err) : nsn_err_nomem(err);

	*ret = NULL;
	if (r == 0 && set->errors > 0)
		r = nsn_err(err, -EINVAL, NSNET_E_BAD_FILE, "the files have %zu errors",
			    set->errors);
	if (r == 0)
		r = nsn_given_open(&g, NULL, how, err);
	if (r < 0)
		return r;
	apart.will.rows.out = out;
	r = nsn_apart_open(&apart, &g.snap, &g.intent, set, flags & NSNET_PRUNE, err);
	if (r == 0)
		r = plan(out, &g, &apart, set, how, err);
	if (r == 0)
		*ret = NSN_TAKE_PTR(out);
	return r;
}
