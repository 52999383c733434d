/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tenant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"

void nsn_tenant_clear(struct nsn_tenant *t)
{
	if (!t)
		return;
	free(t->endpoints);
	*t = (struct nsn_tenant){0};
}

int nsn_tenant_init(struct nsn_tenant *ret, const char *name, const char *subnet,
		    struct nsnet_err *err)
{
	struct nsn_tenant t = {0};
	int r;

	r = nsn_tenant_name_check(name, err);
	if (r < 0)
		return r;
	r = nsn_subnet_parse(&t.subnet, subnet, err);
	if (r < 0)
		return r;

	t.endpoints = calloc(1, sizeof(*t.endpoints));
	if (!t.endpoints)
		return nsn_err_nomem(err);
	t.n_endpoints = 1;
	memcpy(t.name, name, strlen(name) + 1);
	t.gateway = nsn_ip_add(&t.subnet.ip, 1);
	memcpy(t.endpoints[0].name, NSN_DEFAULT_ENDPOINT, sizeof(NSN_DEFAULT_ENDPOINT));
	t.endpoints[0].ip = nsn_ip_add(&t.subnet.ip, 2);
	*ret = t;
	return 0;
}

int nsn_tenant_copy(struct nsn_tenant *ret, const struct nsn_tenant *t, struct nsnet_err *err)
{
	struct nsn_tenant copy = *t;

	copy.endpoints = NULL;
	if (t->n_endpoints > 0) {
		copy.endpoints = calloc(t->n_endpoints, sizeof(*copy.endpoints));
		if (!copy.endpoints)
			return nsn_err_nomem(err);
		memcpy(copy.endpoints, t->endpoints, t->n_endpoints * sizeof(*copy.endpoints));
	}
	*ret = copy;
	return 0;
}

static const struct nsn_endpoint *find_endpoint(const struct nsn_tenant *t, const char *name)
{
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (strcmp(t->endpoints[i].name, name) == 0)
			return &t->endpoints[i];
	return NULL;
}

/* Endpoints are a set: their order says only which was made first. */
static bool same_endpoints(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
			   size_t size)
{
	char a[NSN_IP_STRLEN], b[NSN_IP_STRLEN];

	for (size_t i = 0; i < want->n_endpoints; i++) {
		const struct nsn_endpoint *w = &want->endpoints[i];
		const struct nsn_endpoint *h = find_endpoint(have, w->name);

		if (!h) {
			(void)snprintf(buf, size, "no endpoint %s", w->name);
			return false;
		}
		if (nsn_ip_cmp(&h->ip, &w->ip) != 0) {
			(void)snprintf(buf, size, "endpoint %s %s, not %s", w->name,
				       nsn_ip_str(&h->ip, a), nsn_ip_str(&w->ip, b));
			return false;
		}
	}
	for (size_t i = 0; i < have->n_endpoints; i++) {
		if (!find_endpoint(want, have->endpoints[i].name)) {
			(void)snprintf(buf, size, "endpoint %s, not none", have->endpoints[i].name);
			return false;
		}
	}
	return true;
}

bool nsn_tenant_same(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
		     size_t size)
{
	char a[NSN_PREFIX_STRLEN], b[NSN_PREFIX_STRLEN];

	if (strcmp(have->name, want->name) != 0) {
		(void)snprintf(buf, size, "name %s, not %s", have->name, want->name);
		return false;
	}
	if (nsn_prefix_cmp(&have->subnet, &want->subnet) != 0) {
		(void)snprintf(buf, size, "subnet %s, not %s", nsn_prefix_str(&have->subnet, a),
			       nsn_prefix_str(&want->subnet, b));
		return false;
	}
	if (nsn_ip_cmp(&have->gateway, &want->gateway) != 0) {
		(void)snprintf(buf, size, "gateway %s, not %s", nsn_ip_str(&have->gateway, a),
			       nsn_ip_str(&want->gateway, b));
		return false;
	}
	return same_endpoints(have, want, buf, size);
}

uint64_t nsn_tenant_capacity(const struct nsn_tenant *t)
{
	unsigned int bits = nsn_ip_bits(&t->subnet.ip) - t->subnet.len;

	if (bits < 2)
		return 0;
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 2;
}

const char *nsn_endpoint_netns_name(const struct nsn_tenant *t, const struct nsn_endpoint *e,
				    char buf[NSN_NETNS_NAME_SIZE])
{
	if (strcmp(e->name, NSN_DEFAULT_ENDPOINT) == 0)
		memcpy(buf, t->name, strlen(t->name) + 1);
	else
		(void)snprintf(buf, NSN_NETNS_NAME_SIZE, "%s.%s", t->name, e->name);
	return buf;
}
