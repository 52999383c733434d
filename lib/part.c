/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * part - what is wanted, as far as the borders of some tenants are made from it
 *
 * So that one rule costs the same however many others there are. A rule that is left out
 * is a kernel that lets through what is denied: the invariant is in ctx.h, next to
 * `core`, and the compiler is asked about nobody else (nsn_wanted_knows()).
 */

/* ---- whom it is about ------------------------------------------------------------------ */

/* Names of tenants, then words that rules may name them by. Borrowed, or of the arena. */
struct words {
	const char **list;
	size_t n, cap;
	struct nsn_arena mem;
};

static void words_clear(struct words *w)
{
	free(w->list);
	nsn_arena_free(&w->mem);
}

static int add_word(struct words *w, const char *word)
{
	const char **list = w->list;

	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->list[i], word) == 0)
			return 0;
	if (w->n == w->cap) {
		list = reallocarray(w->list, 2 * w->cap + 8, sizeof(*list));
		if (!list)
			return -ENOMEM;
		w->list = list;
		w->cap = 2 * w->cap + 8;
	}
	list[w->n] = nsn_arena_strdup(&w->mem, word);
	return list[w->n++] ? 0 : -ENOMEM;
}

/*
 * 1: all are tenants or endpoints, by name, or beyond all tenants, 0: it may be anybody,
 * -ENOMEM. Which of the host's links a network is behind is a matter of all rules.
 */
static int add_peers(struct words *w, const struct nsn_peer *list, size_t n)
{
	int r = 1;

	for (size_t i = 0; r > 0 && i < n; i++) {
		if (list[i].kind == NSN_PEER_INTERNET || list[i].kind == NSN_PEER_HOST)
			continue;
		if (list[i].kind != NSN_PEER_TENANT && list[i].kind != NSN_PEER_ENDPOINT)
			return 0;
		r = add_word(w, list[i].tenant) < 0 ? -ENOMEM : 1;
	}
	return r;
}

static int add_policy(struct words *w, const struct nsn_policy *p)
{
	int r = add_peers(w, p->from, p->n_from);

	return r > 0 ? add_peers(w, p->to, p->n_to) : r;
}

/* What has expired joins nobody any more, and whoever changes a rule takes it away. */
static int add_expired(struct nsnet *n, struct words *w, int64_t now, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	int r = nsn_store_policy_list_expired(n->store, now, &list, err);

	if (r < 0)
		return r;
	r = 1;
	for (size_t i = 0; r > 0 && i < list.n; i++)
		r = add_policy(w, &list.policies[i]);
	return r < 0 ? nsn_err_nomem(err) : r;
}

/* ---- reading it ------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct nsn_tenant *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool is_listed(const struct nsn_tenant_list *list, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (list->tenants[i].id == id)
			return true;
	return false;
}

/* Takes those of @more that are new. */
static int merge_tenants(struct nsn_tenant_list *list, struct nsn_tenant_list *more)
{
	const size_t before = list->n;
	struct nsn_tenant *grown =
		reallocarray(list->tenants, list->n + more->n + 1, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	list->tenants = grown;
	for (size_t i = 0; i < more->n; i++) {
		if (is_listed(list, before, more->tenants[i].id)) {
			nsn_tenant_clear(&more->tenants[i]);
			continue;
		}
		grown[list->n++] = more->tenants[i];
	}
	more->n = 0;
	return 0;
}

static int read_tenants(struct nsnet *n, const struct words *core, struct nsn_wanted *ret,
			struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < core->n; i++) {
		NSN_AUTO(nsn_tenant_list_clear) struct nsn_tenant_list more = {0};

		r = nsn_store_tenant_list_joined(n->store, core->list[i], &more, err);
		if (r == 0 && merge_tenants(&ret->tenants, &more) < 0)
			r = nsn_err_nomem(err);
	}
	if (ret->tenants.n > 0)
		qsort(ret->tenants.tenants, ret->tenants.n, sizeof(*ret->tenants.tenants), by_name);
	return r;
}

static int by_tenants(const void *a, const void *b)
{
	const struct nsn_cable *x = a, *y = b;

	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

static int merge_cables(struct nsn_cable_list *list, const struct nsn_cable_list *more)
{
	struct nsn_cable *grown = reallocarray(list->cables, list->n + more->n + 1, sizeof(*grown));
	size_t kept = 0;

	if (!grown)
		return -ENOMEM;
	list->cables = grown;
	for (size_t i = 0; i < more->n; i++)
		grown[list->n++] = more->cables[i];
	if (list->n > 0)
		qsort(grown, list->n, sizeof(*grown), by_tenants);
	for (size_t i = 0; i < list->n; i++)
		if (i == 0 || grown[i].link != grown[i - 1].link)
			grown[kept++] = grown[i];
	list->n = kept;
	return 0;
}

static int read_cables(struct nsnet *n, struct nsn_wanted *ret, struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ret->tenants.n; i++) {
		NSN_AUTO(nsn_cable_list_clear) struct nsn_cable_list more = {0};

		if (!ret->core[i])
			continue;
		r = nsn_store_cable_list_tenant(n->store, ret->tenants.tenants[i].id, &more, err);
		if (r == 0 && merge_cables(&ret->cables, &more) < 0)
			r = nsn_err_nomem(err);
	}
	return r;
}

static int add_labels(struct words *w, const struct nsn_tenant *t)
{
	struct nsn_peer p = {.kind = NSN_PEER_LABEL};
	char text[NSN_PEER_STRLEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n_labels; i++) {
		p.label = t->labels[i];
		r = add_word(w, nsn_peer_str(&p, text));
	}
	return r;
}

/* All words that can be about the core: names, labels, and those that mean everybody. */
static int add_ways(struct words *w, const struct nsn_wanted *of)
{
	static const enum nsn_peer_kind every[] = {NSN_PEER_TENANTS, NSN_PEER_ANY};
	char text[NSN_PEER_STRLEN];
	int r = 0;

	for (size_t i = 0; r == 0 && i < of->tenants.n; i++)
		if (of->core[i])
			r = add_labels(w, &of->tenants.tenants[i]);
	for (size_t i = 0; r == 0 && i < NSN_COUNT(every); i++)
		r = add_word(w, nsn_peer_str(&(struct nsn_peer){.kind = every[i]}, text));
	return r;
}

/* Which of those that were read are the core. 1: all of it is there, 0: somebody is not. */
static int mark_core(struct nsn_wanted *ret, const struct words *core)
{
	bool all = true;

	ret->core = calloc(ret->tenants.n + 1, sizeof(*ret->core));
	if (!ret->core)
		return -ENOMEM;
	for (size_t i = 0; i < core->n; i++) {
		const size_t at = nsn_wanted_named(ret, core->list[i]);

		if (at < ret->tenants.n)
			ret->core[at] = true;
		else
			all = false;
	}
	return all;
}

/*
 * @names grow to all words that are about them; @t: one of them as it shall be, or NULL.
 * 1: read, 0: somebody is not there
 */
static int read_part(struct nsnet *n, struct words *names, const struct nsn_tenant *t,
		     struct nsn_wanted *ret, struct nsnet_err *err)
{
	int all, r = read_tenants(n, names, ret, err);

	if (r < 0)
		return r;
	all = mark_core(ret, names);
	if (all == 0)
		return 0;
	if (all < 0 || add_ways(names, ret) < 0 || (t && add_labels(names, t) < 0))
		return nsn_err_nomem(err);
	r = read_cables(n, ret, err);
	if (r == 0)
		r = nsn_store_uplink_list(n->store, &ret->uplinks, err);
	if (r == 0)
		r = nsn_store_policy_list_naming(n->store, names->list, names->n, &ret->policies,
						 err);
	if (r == 0)
		r = nsn_store_quarantine_list(n->store, &ret->quarantines, err);
	if (r == 0)
		r = nsn_wanted_intend(n, ret, err);
	return r < 0 ? r : 1;
}

/* ---- for whom ------------------------------------------------------------------------------ */

int nsn_wanted_load_rule(struct nsnet *n, const struct nsn_policy *p, struct nsn_wanted *ret,
			 struct nsnet_err *err)
{
	NSN_AUTO(words_clear) struct words names = {0};
	int r;

	nsn_wanted_clear(ret);
	r = nsn_wanted_load_transit(n, ret, err);
	/* The first cable chooses a network that is nobody's. */
	if (r == 0 && ret->transit_chosen) {
		r = add_policy(&names, p);
		if (r < 0)
			return nsn_err_nomem(err);
		if (r > 0)
			r = add_expired(n, &names, time(NULL), err);
		if (r > 0)
			r = read_part(n, &names, NULL, ret, err);
	}
	if (r != 0)
		return r < 0 ? r : 0;
	return nsn_wanted_load(n, true, ret, err);
}

int nsn_wanted_load_tenant(struct nsnet *n, const struct nsn_tenant *t, struct nsn_wanted *ret,
			   struct nsnet_err *err)
{
	NSN_AUTO(words_clear) struct words names = {0};
	int r;

	nsn_wanted_clear(ret);
	if (add_word(&names, t->name) < 0)
		return nsn_err_nomem(err);
	r = nsn_wanted_load_transit(n, ret, err);
	if (r == 0)
		r = read_part(n, &names, t, ret, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return nsn_wanted_load(n, false, ret, err);
}

bool nsn_wanted_knows(const struct nsn_wanted *w, const struct nsn_tenant *t)
{
	return !w->core || w->core[nsn_wanted_named(w, t->name)];
}
