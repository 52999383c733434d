/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_REACH_H
#define NSNET_TOOLS_REACH_H

/*
 * reach - which stored rules are about a tenant
 *
 * By their peers: the tenant, an endpoint of it, a label that it carries, or
 * `tenants` and `any`. What has expired is about nobody.
 */
#include "view_rule.h"

enum reach_way {
	REACH_OUT, /* the tenant calls */
	REACH_IN,  /* it is called */
};

/* Whether @peer is the tenant or something of it. */
bool reach_is(const char *peer, const struct nsnet_tenant *t);

/* Whether the rule says something about the tenant's way to or from another. */
bool reach_applies(const struct nsnet_rule *rule, const struct nsnet_tenant *t, enum reach_way way);

/* All that are about it; @rules may be NULL. */
size_t reach_count(const struct nsnet_rules *rules, const struct nsnet_tenant *t);

/* [{"rule":..., "action":..., "own":[...], "peers":[...], "ports":[...]}] */
json_t *reach_json(const struct nsnet_rules *rules, const struct nsnet_tenant *t,
		   enum reach_way way);

/* "customer2 tcp/5432 (rule X)" for the next rule from place *@i on, to be freed; NULL: no more. */
char *reach_next(const struct nsnet_rules *rules, const struct nsnet_tenant *t, enum reach_way way,
		 size_t *i);

#endif
