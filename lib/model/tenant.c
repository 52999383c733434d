/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "parts.h"

void nsn_tenant_clear(struct nsn_tenant *t)
{
	if (!t)
		return;
	free(t->endpoints);
	free(t->labels);
	free(t->owners);
	*t = (struct nsn_tenant){0};
}

static void clearp(struct nsn_tenant *t)
{
	nsn_tenant_clear(t);
}

/* ---- from a definition ------------------------------------------------------ */

static int take_settings(struct nsn_tenant *t, const struct nsnet_tenant_def *def,
			 struct nsnet_err *err)
{
	int r = 0;

	if (def->mtu)
		r = nsn_mtu_parse(&t->mtu, def->mtu, err);
	if (r == 0)
		r = nsn_mtu_check(t->mtu, &t->subnet6, err);
	if (r == 0 && def->inside)
		r = nsn_inside_parse(&t->inside_deny, def->inside, err);
	if (r == 0 && def->rate)
		r = nsn_rate_parse(&t->rate, def->rate, err);
	if (r == 0 && def->new_flows)
		r = nsn_flows_parse(&t->new_flows, "new-flows", def->new_flows, NSN_NEW_FLOWS_MAX,
				    err);
	if (r == 0 && def->open_flows)
		r = nsn_flows_parse(&t->open_flows, "open-flows", def->open_flows,
				    NSN_OPEN_FLOWS_MAX, err);
	if (r == 0 && def->dns)
		r = nsn_dns_parse(&t->dns, def->dns, err);
	if (r == 0 && def->labels)
		r = nsn_labels_parse(&t->labels, &t->n_labels, def->labels, def->n_labels, err);
	if (r == 0 && def->owners)
		r = nsn_owners_parse(&t->owners, &t->n_owners, def->owners, def->n_owners, err);
	return r;
}

static int take_endpoints(struct nsn_tenant *t, const struct nsnet_tenant_def *def,
			  struct nsnet_err *err)
{
	static const struct nsnet_endpoint_def only = {.name = NSN_DEFAULT_ENDPOINT};
	const struct nsnet_endpoint_def *defs = def->n_endpoints ? def->endpoints : &only;
	const size_t n = def->n_endpoints ? def->n_endpoints : 1;
	struct nsn_endpoint e = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = nsn_endpoint_parse(&e, t->name, &defs[i], err);
		if (r == 0 && e.fixed6 && nsn_prefix_off(&t->subnet6)) {
			(void)nsn_err(err, -EINVAL, NSNET_E_BAD_ADDRESS,
				      "endpoint '%s/%s' has an IPv6 address, but the tenant no "
				      "IPv6 subnet",
				      t->name, e.name);
			return nsn_err_hint(err, -EINVAL, "--subnet6 auto");
		}
		if (r == 0)
			r = nsn_tenant_endpoint_add(t, &e, err);
	}
	return r;
}

static unsigned int given_by(const struct nsnet_tenant_def *def, const struct nsn_tenant *t)
{
	return (t->subnet.ip.family ? NSN_GIVEN_SUBNET : 0U) |
	       (def->subnet6 ? NSN_GIVEN_SUBNET6 : 0U) | (def->mtu ? NSN_GIVEN_MTU : 0U) |
	       (def->rate ? NSN_GIVEN_RATE : 0U) | (def->inside ? NSN_GIVEN_INSIDE : 0U) |
	       (def->labels ? NSN_GIVEN_LABELS : 0U) | (def->owners ? NSN_GIVEN_OWNERS : 0U) |
	       (def->n_endpoints ? NSN_GIVEN_ENDPOINTS : 0U) |
	       (def->new_flows ? NSN_GIVEN_NEW_FLOWS : 0U) |
	       (def->open_flows ? NSN_GIVEN_OPEN_FLOWS : 0U) | (def->dns ? NSN_GIVEN_DNS : 0U);
}

int nsn_tenant_parse(struct nsn_tenant *ret, const struct nsnet_tenant_def *def,
		     struct nsnet_err *err)
{
	NSN_AUTO(clearp)
	struct nsn_tenant t = {.mtu = NSN_MTU_DEFAULT,
			       .new_flows = NSN_NEW_FLOWS_DEFAULT,
			       .open_flows = NSN_OPEN_FLOWS_DEFAULT};
	const char *name = def->name ? def->name : "";
	int r;

	r = nsn_tenant_name_check(name, err);
	if (r == 0)
		memcpy(t.name, name, strlen(name) + 1);
	if (r == 0)
		r = nsn_subnet_setting(&t.subnet, AF_INET, def->subnet ? def->subnet : "auto", err);
	if (r == 0 && def->subnet6)
		r = nsn_subnet_setting(&t.subnet6, AF_INET6, def->subnet6, err);
	if (r == 0)
		r = take_settings(&t, def, err);
	if (r == 0)
		r = take_endpoints(&t, def, err);
	if (r < 0)
		return def->where ? nsn_err_where(err, r, "%s", def->where) : r;
	t.given = given_by(def, &t);
	*ret = t;
	t = (struct nsn_tenant){0};
	return 0;
}

int nsn_tenant_init(struct nsn_tenant *ret, const char *name, const char *subnet,
		    struct nsnet_err *err)
{
	const struct nsnet_tenant_def def = {.name = name, .subnet = subnet};
	NSN_AUTO(clearp) struct nsn_tenant t = {0};
	struct nsn_prefix p;
	int r;

	r = nsn_tenant_name_check(name, err);
	if (r == 0)
		r = nsn_subnet_parse(&p, subnet, err); /* no `auto` here */
	if (r == 0)
		r = nsn_tenant_parse(&t, &def, err);
	if (r == 0)
		r = nsn_tenant_allocate(&t, err);
	if (r < 0)
		return r;
	*ret = t;
	t = (struct nsn_tenant){0};
	return 0;
}

/* ---- copying ---------------------------------------------------------------- */

bool nsn_copy_array(void *ret, const void *array, size_t n, size_t size)
{
	void *copy = NULL;

	if (n > 0) {
		copy = calloc(n, size);
		if (!copy)
			return false;
		memcpy(copy, array, n * size);
	}
	memcpy(ret, &copy, sizeof(copy));
	return true;
}

int nsn_tenant_copy(struct nsn_tenant *ret, const struct nsn_tenant *t, struct nsnet_err *err)
{
	NSN_AUTO(clearp) struct nsn_tenant copy = *t;

	copy.endpoints = NULL;
	copy.labels = NULL;
	copy.owners = NULL;
	if (!nsn_copy_array(&copy.endpoints, t->endpoints, t->n_endpoints, sizeof(*t->endpoints)) ||
	    !nsn_copy_array(&copy.labels, t->labels, t->n_labels, sizeof(*t->labels)) ||
	    !nsn_copy_array(&copy.owners, t->owners, t->n_owners, sizeof(*t->owners)))
		return nsn_err_nomem(err);
	*ret = copy;
	copy = (struct nsn_tenant){0};
	return 0;
}

/* ---- many, by name ---------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	const struct nsn_tenant *const *x = a, *const *y = b;
	const int r = strcmp((*x)->name, (*y)->name);

	return r ? r : (*x > *y) - (*x < *y);
}

void nsn_tenants_by_name(const struct nsn_tenant **index, const struct nsn_tenant *tenants,
			 size_t n)
{
	for (size_t i = 0; i < n; i++)
		index[i] = &tenants[i];
	if (n > 0)
		qsort(index, n, sizeof(*index), by_name);
}

static int name_cmp(const void *key, const void *element)
{
	const struct nsn_tenant *const *t = element;

	return strcmp(key, (*t)->name);
}

const struct nsn_tenant *nsn_tenants_find(const struct nsn_tenant *const *index, size_t n,
					  const char *name)
{
	const struct nsn_tenant *const *t = NULL;

	if (n > 0)
		t = bsearch(name, index, n, sizeof(*index), name_cmp);
	return t ? *t : NULL;
}

/* ---- in numbers ------------------------------------------------------------- */

uint64_t nsn_tenant_capacity(const struct nsn_tenant *t)
{
	unsigned int bits = nsn_ip_bits(&t->subnet.ip) - t->subnet.len;

	if (bits < 2)
		return 0;
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 2;
}
