/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * rule - policies and quarantine, one by one
 */

/* ---- from words to a policy ------------------------------------------------------------ */

static int put_text(char *to, size_t size, const char *text, const char *what,
		    struct nsnet_err *err)
{
	size_t n = text ? strnlen(text, size) : 0;

	if (n == size)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "%s is too long, %zu bytes at most",
			       what, size - 1);
	memcpy(to, text ? text : "", n);
	to[n] = '\0';
	return 0;
}

static int parse_peers(struct nsn_peer **ret, size_t *n, const char *const *words, size_t count,
		       struct nsnet_err *err)
{
	int r = 0;

	*ret = calloc(count + 1, sizeof(**ret));
	if (!*ret)
		return nsn_err_nomem(err);
	for (*n = 0; r == 0 && *n < count; (*n)++)
		r = nsn_peer_parse(&(*ret)[*n], words[*n], err);
	return r;
}

static int parse_ports(struct nsn_policy *p, const struct nsnet_rule_def *def,
		       struct nsnet_err *err)
{
	int r = 0;

	p->ports = calloc(def->n_ports + 1, sizeof(*p->ports));
	if (!p->ports)
		return nsn_err_nomem(err);
	for (; r == 0 && p->n_ports < def->n_ports; p->n_ports++)
		r = nsn_ports_parse(&p->ports[p->n_ports], def->ports[p->n_ports], err);
	return r;
}

static int parse_log(enum nsn_log *ret, const char *word, struct nsnet_err *err)
{
	if (!word || strcmp(word, "none") == 0)
		*ret = NSN_LOG_NONE;
	else if (strcmp(word, "new") == 0)
		*ret = NSN_LOG_NEW;
	else if (strcmp(word, "all") == 0)
		*ret = NSN_LOG_ALL;
	else
		return nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "log is none, new or all, not '%s'",
			       word);
	return 0;
}

static int parse(struct nsn_policy *p, const struct nsnet_rule_def *def, struct nsnet_err *err)
{
	int r;

	*p = (struct nsn_policy){.deny = def->deny};
	r = put_text(p->name, sizeof(p->name), def->name, "the name of the rule", err);
	if (r == 0)
		r = parse_peers(&p->from, &p->n_from, def->from, def->n_from, err);
	if (r == 0)
		r = parse_peers(&p->to, &p->n_to, def->to, def->n_to, err);
	if (r == 0)
		r = parse_ports(p, def, err);
	if (r == 0 && def->expires)
		r = nsn_time_parse(&p->expires, def->expires, err);
	if (r == 0)
		r = parse_log(&p->log, def->log, err);
	if (r == 0)
		r = put_text(p->because, sizeof(p->because), def->because, "because", err);
	if (r == 0)
		r = put_text(p->owner, sizeof(p->owner), def->owner, "owner", err);
	if (r == 0 && def->publish)
		r = nsn_publish_parse(&p->publish, def->publish, err);
	p->origin.uid = getuid();
	p->origin.at = time(NULL);
	return r < 0 ? r : nsn_policy_check(p, err);
}

/* ---- who is named ------------------------------------------------------------------------ */

static int no_tenant(const struct nsn_wanted *all, const char *name, struct nsnet_err *err)
{
	size_t i, best = strlen(name) / 3 + 1;
	const char *near = NULL;

	(void)nsn_err(err, -ENOENT, NSNET_E_NO_TENANT, "there is no tenant '%s'", name);
	for (i = 0; i < all->tenants.n; i++) {
		size_t far = nsn_text_distance(name, all->tenants.tenants[i].name);

		if (far <= best) {
			best = far;
			near = all->tenants.tenants[i].name;
		}
	}
	if (near)
		return nsn_err_hint(err, -ENOENT, "did you mean %s?", near);
	return nsn_err_hint(err, -ENOENT, "nsnet tenant list");
}

static int check_peer(const struct nsn_wanted *all, const struct nsn_peer *p, struct nsnet_err *err)
{
	size_t i, at;

	if (p->kind != NSN_PEER_TENANT && p->kind != NSN_PEER_ENDPOINT)
		return 0;
	for (i = 0; i < all->tenants.n; i++)
		if (strcmp(all->tenants.tenants[i].name, p->tenant) == 0)
			break;
	if (i == all->tenants.n)
		return no_tenant(all, p->tenant, err);
	return p->kind == NSN_PEER_ENDPOINT
		       ? nsn_find_endpoint(&all->tenants.tenants[i], p->endpoint, &at, err)
		       : 0;
}

int nsn_check_peers(const struct nsn_wanted *all, const struct nsn_peer *list, size_t n,
		    struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < n; i++)
		r = check_peer(all, &list[i], err);
	return r;
}

/* Whether some of a flow's pairs are the endpoint and a neighbour of it. */
static bool is_among(const struct nsn_flow *f, const struct nsn_peer *who,
		     const struct nsn_tenant *t)
{
	return nsn_peers_name(&f->from, 1, t) && nsn_peers_name(&f->to, 1, t) &&
	       (f->from.kind != NSN_PEER_ENDPOINT || f->to.kind != NSN_PEER_ENDPOINT ||
		nsn_peer_same(&f->from, who) || nsn_peer_same(&f->to, who));
}

int nsn_check_keep(const struct nsn_wanted *all, const struct nsn_quarantine *q,
		   struct nsnet_err *err)
{
	const struct nsn_tenant *t = NULL;
	char flow[NSN_FLOW_STRLEN];
	size_t i;

	for (i = 0; q->who.kind == NSN_PEER_ENDPOINT && i < all->tenants.n; i++)
		if (strcmp(all->tenants.tenants[i].name, q->who.tenant) == 0)
			t = &all->tenants.tenants[i];
	for (i = 0; t && !t->inside_deny && i < q->n_keep; i++) {
		if (!is_among(&q->keep[i], &q->who, t))
			continue;
		(void)nsn_err(err, -EINVAL, NSNET_E_BAD_RULE,
			      "'%s' cannot be kept: endpoints of %s talk without a rule, and its "
			      "bridge cannot tell one connection of theirs from another",
			      nsn_flow_str(&q->keep[i], flow), t->name);
		return nsn_err_hint(err, -EINVAL, "nsnet tenant set %s inside=deny", t->name);
	}
	return 0;
}

static bool is_of(const struct nsn_peer *list, size_t n, const struct nsn_tenant *t)
{
	bool is = false;
	size_t i;

	for (i = 0; i < n; i++)
		is |= (list[i].kind == NSN_PEER_TENANT || list[i].kind == NSN_PEER_ENDPOINT) &&
		      strcmp(list[i].tenant, t->name) == 0;
	return is;
}

/* Who is told that it is denied has to be able to believe it. */
static int check_inside(const struct nsn_wanted *all, const struct nsn_policy *p,
			struct nsnet_err *err)
{
	size_t i;

	for (i = 0; p->deny && i < all->tenants.n; i++) {
		const struct nsn_tenant *t = &all->tenants.tenants[i];

		if (t->inside_deny || !is_of(p->from, p->n_from, t) || !is_of(p->to, p->n_to, t))
			continue;
		(void)nsn_err(err, -EINVAL, NSNET_E_BAD_RULE,
			      "rule '%s' would deny nothing: endpoints of %s talk without a rule",
			      p->name, t->name);
		return nsn_err_hint(err, -EINVAL, "nsnet tenant set %s inside=deny", t->name);
	}
	return 0;
}

static int check_published(const struct nsn_wanted *all, const struct nsn_policy *p,
			   struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	if (!p->publish.port)
		return 0;
	for (i = 0; r == 0 && i < all->tenants.n; i++)
		if (strcmp(all->tenants.tenants[i].name, p->to[0].tenant) == 0)
			r = nsn_check_published_to(p, &all->tenants.tenants[i], err);
	return r;
}

int nsn_check_rule(const struct nsn_wanted *all, const struct nsn_policy *p, struct nsnet_err *err)
{
	int r = nsn_check_peers(all, p->from, p->n_from, err);

	if (r == 0)
		r = nsn_check_peers(all, p->to, p->n_to, err);
	if (r == 0)
		r = check_published(all, p, err);
	return r == 0 ? check_inside(all, p, err) : r;
}

/* What a dry run has chosen is for others to take. */
static void done(struct nsnet *n, unsigned int flags)
{
	if (flags & NSNET_DRY_RUN)
		nsn_store_rollback_unused(n->store);
	nsn_store_rollback(n->store);
}

/* ---- add and del --------------------------------------------------------------------------- */

/* 1: there is none of that name, 0: it is there and says the same. */
static int match(struct nsnet *n, const struct nsn_policy *p, unsigned int flags,
		 struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_clear) struct nsn_policy have = {0};
	char difference[160];
	int r;

	/* Without @err: that none is there is no mistake, and the hint looks at all names. */
	r = nsn_store_policy_get(n->store, p->name, &have, NULL);
	if (r == -ENOENT)
		return 1;
	if (r < 0)
		r = nsn_store_policy_get(n->store, p->name, &have, err);
	if (r == 0 && have.implied)
		r = nsn_refuse_implied(&have, err);
	if (r < 0)
		return r;
	if (!nsn_policy_same(&have, p, difference, sizeof(difference)))
		return nsn_err(err, -EEXIST, NSNET_E_RULE_DIFFERS,
			       "rule '%s' exists and says something else: %s", p->name, difference);
	if (flags & NSNET_MUST_CREATE)
		return nsn_err(err, -EEXIST, NSNET_E_RULE_EXISTS, "rule '%s' exists", p->name);
	return 0;
}

/* In the open transaction, which has the rule already, or not any more. */
static int follow(struct nsnet *n, const struct nsn_policy *p, bool check, bool closes, bool dry,
		  struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {.closes = closes};
	int r = nsn_borders_open_rule(&b, n, p, check, err);

	return r == 0 ? nsn_borders_converge(&b, dry, c, err) : r;
}

/* What is read is read before the transaction, which may be what fails: there is a lock. */
static int add(struct nsnet *n, struct nsn_policy *p, unsigned int flags, struct nsnet_change *c,
	       struct nsnet_err *err)
{
	const int absent = match(n, p, flags, err);
	int r = absent > 0 ? nsn_check_published(n, p, err) : absent;

	if (r == 0 && absent > 0)
		r = nsn_publish_check_listeners(n, p, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r < 0)
		return r;
	if (absent)
		r = nsn_store_policy_insert(n->store, p, err);
	if (r == 0)
		r = follow(n, p, absent, p->deny, flags & NSNET_DRY_RUN, c, err);
	done(n, flags);
	return r;
}

static int del(struct nsnet *n, struct nsn_policy *p, const char *name, unsigned int flags,
	       struct nsnet_change *c, struct nsnet_err *err)
{
	int r = nsn_store_policy_get(n->store, name, p, err);

	if (r == 0 && p->implied)
		r = nsn_refuse_implied(p, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r < 0)
		return r;
	r = nsn_store_policy_delete(n->store, name, err);
	if (r == 0)
		r = follow(n, p, false, !p->deny, flags & NSNET_DRY_RUN, c, err);
	done(n, flags);
	return r;
}

/* To take such a rule back closes. */
static bool is_allow(struct nsnet *n, const char *name)
{
	NSN_AUTO(nsn_policy_clear) struct nsn_policy p = {0};

	return nsn_store_policy_get(n->store, name, &p, NULL) == 0 && !p.deny;
}

/* What only closes is done nevertheless, when the store is why it was not. */
static int rule_end(struct nsnet *n, const struct nsn_policy *p, bool closes, int r,
		    const struct nsnet_err *why, struct nsnet_err *err)
{
	if (closes && nsn_is_unwritten(r, why))
		return nsn_close_rule(n, p, why, err);
	if (r < 0 && err)
		*err = *why;
	return r;
}

int nsnet_rule_add(struct nsnet *n, const struct nsnet_rule_def *def, unsigned int flags,
		   struct nsnet_change **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_policy_clear) struct nsn_policy p = {0};
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	struct nsnet_err inner = {0};
	int r;

	r = parse(&p, def, err);
	if (r == 0)
		r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_may_change(n, flags, p.deny, err);
	if (r < 0)
		return r;
	r = add(n, &p, flags, c, &inner);
	r = rule_end(n, &p, p.deny && !(flags & NSNET_DRY_RUN), r, &inner, err);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}

int nsnet_rule_del(struct nsnet *n, const char *name, unsigned int flags, struct nsnet_change **ret,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_policy_clear) struct nsn_policy p = {0};
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	struct nsnet_err inner = {0};
	int r;

	r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_may_change(n, flags, is_allow(n, name), err);
	if (r < 0)
		return r;
	r = del(n, &p, name, flags, c, &inner);
	r = rule_end(n, &p, p.name[0] && !p.deny && !(flags & NSNET_DRY_RUN), r, &inner, err);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}

/* ---- quarantine ---------------------------------------------------------------------------- */

static int parse_quarantine(struct nsn_quarantine *q, const char *who, const char *because,
			    const char *const *keep, size_t n_keep, struct nsnet_err *err)
{
	int r = nsn_peer_parse(&q->who, who, err);

	if (r == 0 && q->who.kind != NSN_PEER_TENANT && q->who.kind != NSN_PEER_ENDPOINT &&
	    q->who.kind != NSN_PEER_LABEL)
		r = nsn_err(
			err, -EINVAL, NSNET_E_BAD_PEER,
			"'%s' cannot be put in quarantine: a tenant, an endpoint or a label can",
			who);
	if (r == 0 && (!because || !because[0]))
		r = nsn_err(err, -EINVAL, NSNET_E_BAD_RULE, "quarantine needs a reason");
	if (r == 0)
		r = put_text(q->because, sizeof(q->because), because, "because", err);
	q->keep = calloc(n_keep + 1, sizeof(*q->keep));
	if (r == 0 && !q->keep)
		return nsn_err_nomem(err);
	for (; r == 0 && q->n_keep < n_keep; q->n_keep++)
		r = nsn_flow_parse(&q->keep[q->n_keep], keep[q->n_keep], err);
	q->since = time(NULL);
	q->origin.uid = getuid();
	q->origin.at = q->since;
	return r;
}

/* @put: the quarantine, unless it is one that goes */
static int follow_who(struct nsnet *n, const struct nsn_peer *who, const struct nsn_quarantine *put,
		      bool dry, struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_borders_clear) struct nsn_borders b = {.last = true, .closes = put};
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted before = {0};
	size_t i;
	int r = nsn_wanted_load(n, false, &before, err);

	if (r == 0 && put)
		r = check_peer(&before, who, err);
	if (r == 0 && put)
		r = nsn_check_keep(&before, put, err);
	if (r == 0)
		r = nsn_borders_open(&b, n, err);
	if (r < 0)
		return r;
	nsn_borders_touch_who(&b, who);
	/* Flows that are kept may join others than the one who is meant. */
	for (i = 0; i < b.all.tenants.n; i++)
		b.touched[i] |= b.all.tenants.tenants[i].inside_deny;
	return nsn_borders_converge(&b, dry, c, err);
}

/* One that replaces another may keep what that did not. */
static bool is_new(struct nsnet *n, const struct nsn_peer *who)
{
	NSN_AUTO(nsn_quarantine_list_clear) struct nsn_quarantine_list list = {0};
	bool found = nsn_store_quarantine_list(n->store, &list, NULL) < 0;
	size_t i;

	for (i = 0; i < list.n; i++)
		found |= nsn_peer_same(&list.quarantines[i].who, who);
	return !found;
}

static int put_who(struct nsnet *n, const struct nsn_quarantine *q, unsigned int flags,
		   struct nsnet_change *c, struct nsnet_err *err)
{
	int r = nsn_store_begin(n->store, err);

	if (r < 0)
		return r;
	r = nsn_store_quarantine_put(n->store, q, err);
	if (r == 0)
		r = follow_who(n, &q->who, q, flags & NSNET_DRY_RUN, c, err);
	done(n, flags);
	return r;
}

int nsnet_quarantine(struct nsnet *n, const char *who, const char *because, const char *const *keep,
		     size_t n_keep, unsigned int flags, struct nsnet_change **ret,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_quarantine_clear) struct nsn_quarantine q = {0};
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	struct nsnet_err inner = {0};
	int r;

	r = parse_quarantine(&q, who, because, keep, n_keep, err);
	if (r == 0)
		r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_may_change(n, flags, is_new(n, &q.who), err);
	if (r < 0)
		return r;
	r = put_who(n, &q, flags, c, &inner);
	if (!(flags & NSNET_DRY_RUN) && nsn_is_unwritten(r, &inner))
		return nsn_close_who(n, &q, &inner, err);
	if (r < 0 && err)
		*err = inner;
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}

int nsnet_release(struct nsnet *n, const char *who, unsigned int flags, struct nsnet_change **ret,
		  struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	struct nsn_peer peer;
	int r;

	r = nsn_peer_parse(&peer, who, err);
	if (r == 0)
		r = nsn_change_new(&c, err);
	if (r == 0)
		r = nsn_lock(n, &locked, err);
	if (r == 0)
		r = nsn_may_change(n, flags, false, err);
	if (r == 0)
		r = nsn_store_begin(n->store, err);
	if (r < 0)
		return r;
	r = nsn_store_quarantine_delete(n->store, &peer, err);
	if (r == 0)
		r = follow_who(n, &peer, NULL, flags & NSNET_DRY_RUN, c, err);
	done(n, flags);
	if (r == 0 && ret)
		*ret = NSN_TAKE_PTR(c);
	return r;
}
