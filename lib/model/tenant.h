/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_TENANT_H
#define NSN_MODEL_TENANT_H

/*
 * tenant - what a user wants, checked and normalised. Pure.
 *
 * A tenant is an isolation domain: a name and one IPv4 subnet. An endpoint is
 * one attachment to its network. Numbers come from the store and are never
 * given twice: everything in the kernel is named after them, because the
 * kernel lets go of a deleted link only tens of milliseconds later.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/ip.h"

#define NSN_NAME_MAX 32
/* MAC addresses carry an id in five bytes. */
#define NSN_ID_MAX ((UINT64_C(1) << 40) - 1)
/* A port is called "nsn" and its number: 15 characters, all that a link can have. */
#define NSN_LINK_MAX UINT64_C(999999999999)
/* The endpoint that is pinned under the tenant's own name. */
#define NSN_DEFAULT_ENDPOINT "default"

struct nsn_endpoint {
	uint64_t id;   /* 0: not stored yet */
	uint64_t link; /* number of its port, a new one each time the port is made */
	char name[NSN_NAME_MAX + 1];
	struct nsn_ip ip;
};

struct nsn_tenant {
	uint64_t id; /* 0: not stored yet */
	char name[NSN_NAME_MAX + 1];
	struct nsn_prefix subnet;
	struct nsn_ip gateway;
	int64_t created; /* seconds since 1970 */
	struct nsn_endpoint *endpoints;
	size_t n_endpoints;
};

/* Leaves @t empty; NULL is fine. Does not free @t itself. */
void nsn_tenant_clear(struct nsn_tenant *t);

/*
 * Return: 0, or -EINVAL with BAD_NAME, the rule that was broken and, where
 * there is one, the nearest good name as the hint
 */
int nsn_tenant_name_check(const char *name, struct nsnet_err *err);

/* The shape alone, ^[a-z][a-z0-9-]{0,30}[a-z0-9]$: reserved words (`default`) pass. */
bool nsn_name_ok(const char *name);

/*
 * Return: 0, or -EINVAL with BAD_SUBNET and what is wrong; host bits get the
 * corrected form as the hint
 */
int nsn_subnet_parse(struct nsn_prefix *ret, const char *text, struct nsnet_err *err);

/*
 * A tenant with the endpoint `default`, as `tenant add NAME SUBNET` means it:
 * gateway first, endpoint second. Ids are 0. Clear it with nsn_tenant_clear().
 */
int nsn_tenant_init(struct nsn_tenant *ret, const char *name, const char *subnet,
		    struct nsnet_err *err);

/* Copies into an empty @ret. */
int nsn_tenant_copy(struct nsn_tenant *ret, const struct nsn_tenant *t, struct nsnet_err *err);

/*
 * Whether two tenants want the same; ids and times do not count. If not,
 * @buf gets the first difference in words ("subnet 10.1.0.0/24, not 10.2.0.0/24").
 */
bool nsn_tenant_same(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
		     size_t size);

/* Usable addresses of the subnet: all but network and broadcast address. */
uint64_t nsn_tenant_capacity(const struct nsn_tenant *t);

/* How the workload namespace is called in /run/netns: TENANT, or TENANT.ENDPOINT. */
#define NSN_NETNS_NAME_SIZE (2 * NSN_NAME_MAX + 2)
const char *nsn_endpoint_netns_name(const struct nsn_tenant *t, const struct nsn_endpoint *e,
				    char buf[NSN_NETNS_NAME_SIZE]);

#endif
