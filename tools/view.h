/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_H
#define NSNET_TOOLS_VIEW_H

/*
 * view - tenants and endpoints as rows, as documents, and one of them in full
 */
#include "../lib/base/cleanup.h"
#include "out.h"

NSN_CLEANUP(struct nsnet_tenant, nsnet_tenant_free)
NSN_CLEANUP(struct nsnet_tenants, nsnet_tenants_free)

struct nsnet_rules;
struct nsnet_quarantines;

/* A tenant, and what is stored about all of them. */
struct view_tenant {
	const struct nsnet_tenant *t;
	const struct nsnet_rules *rules; /* NULL: not looked at */
	const struct nsnet_quarantines *quarantines;
};

/* An endpoint is a tenant and a place. */
struct view_endpoint {
	const struct nsnet_tenant *t;
	size_t i;
	const struct nsnet_quarantines *quarantines; /* NULL: not looked at */
};

/* Of a struct view_tenant, and of a struct view_endpoint; their columns are in cmd.h. */
json_t *view_tenant_json(const void *t);
/* The same, and what only one is asked for: whom it is joined to, where it is written. */
json_t *view_tenant_one_json(const void *t);
json_t *view_endpoint_json(const void *e);
/* The drop counters by reason: with wide. Return: 0, or -ENOMEM with @err filled. */
int view_tenant_text(const struct out *o, const struct view_tenant *v, struct nsnet_err *err);
void view_endpoint_text(const struct out *o, const struct view_endpoint *e);

/* "9.9.9.9,2620:fe::fe" or "shared/dns" as a list; "none" is an empty one. */
json_t *view_dns_json(const char *dns);
/* "ok", "drift", "absent" */
const char *view_state(enum nsnet_state state);
/* The same for people: what is wrong is seen without colour, and whose borders are closed. */
const char *view_state_text(enum nsnet_state state, bool quarantined);
/* And for lists that programs read: "quarantine,drift". */
const char *view_state_plain(enum nsnet_state state, bool quarantined);

#endif
