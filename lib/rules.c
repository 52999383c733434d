/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * rules - the policies that are stored, in words, and how often they were used
 */

struct nsnet_rules {
	struct nsnet_rule *list;
	size_t n;
	struct nsn_arena mem;
};

void nsnet_rules_free(struct nsnet_rules *rules)
{
	if (!rules)
		return;
	free(rules->list);
	nsn_arena_free(&rules->mem);
	free(rules);
}
NSN_CLEANUP(struct nsnet_rules, nsnet_rules_free)

size_t nsnet_rules_count(const struct nsnet_rules *rules)
{
	return rules->n;
}

void nsnet_rules_get(const struct nsnet_rules *rules, size_t i, struct nsnet_rule *ret)
{
	*ret = rules->list[i];
}

static const char *const *peers(struct nsn_arena *mem, const struct nsn_peer *list, size_t n)
{
	const char **ret = nsn_arena_alloc(mem, (n + 1) * sizeof(*ret));
	char buf[NSN_PEER_STRLEN];
	size_t i;

	for (i = 0; ret && i < n; i++) {
		ret[i] = nsn_arena_strdup(mem, nsn_peer_str(&list[i], buf));
		if (!ret[i])
			return NULL;
	}
	return ret;
}

static const char *const *ports(struct nsn_arena *mem, const struct nsn_policy *p)
{
	const char **ret = nsn_arena_alloc(mem, (p->n_ports + 1) * sizeof(*ret));
	char buf[NSN_PORTS_STRLEN];
	size_t i;

	for (i = 0; ret && i < p->n_ports; i++) {
		ret[i] = nsn_arena_strdup(mem, nsn_ports_str(&p->ports[i], buf));
		if (!ret[i])
			return NULL;
	}
	return ret;
}

static int describe(struct nsnet_rule *to, const struct nsn_policy *p, struct nsn_arena *mem)
{
	static const char *const logs[] = {
		[NSN_LOG_NONE] = "none", [NSN_LOG_NEW] = "new", [NSN_LOG_ALL] = "all"};
	char publish[NSN_PUBLISH_STRLEN];

	*to = (struct nsnet_rule){
		.name = nsn_arena_strdup(mem, p->name),
		.deny = p->deny,
		.from = peers(mem, p->from, p->n_from),
		.to = peers(mem, p->to, p->n_to),
		.ports = ports(mem, p),
		.n_from = p->n_from,
		.n_to = p->n_to,
		.n_ports = p->n_ports,
		.because = nsn_arena_strdup(mem, p->because),
		.owner = nsn_arena_strdup(mem, p->owner),
		.log = logs[p->log],
		.expires = p->expires,
		.added = p->origin.at,
		.uid = p->origin.uid,
		.set = nsn_arena_strdup(mem, p->origin.set),
		.file = nsn_arena_strdup(mem, p->origin.file),
		.line = p->origin.line,
		.publish = nsn_arena_strdup(mem, nsn_publish_str(&p->publish, publish)),
		.implied = p->implied,
		.expired = p->expires && p->expires <= time(NULL)};
	return to->name && to->from && to->to && to->ports && to->because && to->owner && to->set &&
			       to->file && to->publish
		       ? 0
		       : -ENOMEM;
}

/*
 * Counters of the gateway of a tenant that is called; the caller's own count the same packets,
 * and are the only ones of what leads beyond all tenants.
 */
static bool counts_for(const struct nsn_policy *p, const struct nsn_tenant *t)
{
	size_t i;

	for (i = 0; i < p->n_to; i++)
		if (nsn_peer_is_tenants(&p->to[i]) || p->to[i].kind == NSN_PEER_ANY)
			return nsn_peers_name(p->to, p->n_to, t);
	return nsn_peers_name(p->from, p->n_from, t);
}

static void count(struct nsnet_rules *rules, const struct nsn_state *observed,
		  const struct nsn_policy_list *policies, const struct nsn_tenant *t)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY};
	size_t n, i, k;
	const struct nsn_object *list = nsn_state_at(observed, NSN_OBJ_COUNTER, gateway, &n);

	for (i = 0; i < n; i++) {
		const struct nsn_counter *c = &list[i].u.counter;

		if (strncmp(c->name, NSN_RULE_COUNTER, strlen(NSN_RULE_COUNTER)) != 0)
			continue;
		for (k = 0; k < policies->n; k++) {
			const struct nsn_policy *p = &policies->policies[k];

			if (strcmp(p->name, c->name + strlen(NSN_RULE_COUNTER)) != 0 ||
			    !counts_for(p, t))
				continue;
			rules->list[k].packets += c->packets;
			rules->list[k].bytes += c->bytes;
		}
	}
}

static int observe(struct nsnet *n, struct nsnet_rules *rules, struct nsn_wanted *all,
		   struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < all->tenants.n; i++) {
		NSN_AUTO(nsn_job_close) struct nsn_job job = {.all = all, .only = NSN_NOBODY};

		r = nsn_job_open(&job, n, &all->tenants.tenants[i], NSN_WANT_BUILT, err);
		if (r == 0 && nsn_border_is_open(&job.border))
			count(rules, &job.observed, &all->policies, &all->tenants.tenants[i]);
	}
	return r;
}

int nsnet_rule_list(struct nsnet *n, unsigned int flags, struct nsnet_rules **ret,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = calloc(1, sizeof(*rules));
	NSN_AUTO(nsn_wanted_clear) struct nsn_wanted all = {0};
	int r;

	if (!rules)
		return nsn_err_nomem(err);
	r = nsn_wanted_load(n, false, &all, err);
	if (r < 0)
		return r;
	rules->list = calloc(all.policies.n + 1, sizeof(*rules->list));
	if (!rules->list)
		return nsn_err_nomem(err);
	for (; rules->n < all.policies.n; rules->n++)
		if (describe(&rules->list[rules->n], &all.policies.policies[rules->n],
			     &rules->mem) < 0)
			return nsn_err_nomem(err);
	if (flags & NSNET_OBSERVE)
		r = observe(n, rules, &all, err);
	if (r == 0)
		*ret = NSN_TAKE_PTR(rules);
	return r;
}
