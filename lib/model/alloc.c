/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "parts.h"

/* Allocation in one family. Endpoints are a copy: all or nothing. */
struct alloc {
	const struct nsn_tenant *t;
	struct nsn_endpoint *endpoints;
	const struct nsn_prefix *subnet;
	bool six;
	const struct nsn_endpoint **taken; /* by address */
	size_t n_taken;
};

static bool is_last(const struct nsn_prefix *subnet, const struct nsn_ip *ip)
{
	const struct nsn_ip last = nsn_prefix_last(subnet);

	return nsn_ip_cmp(ip, &last) == 0;
}

const char *nsn_address_fault(const struct nsn_prefix *subnet, const struct nsn_ip *ip)
{
	const struct nsn_ip gateway = nsn_ip_add(&subnet->ip, 1);

	if (!nsn_prefix_has(subnet, ip))
		return "is not in";
	if (nsn_ip_cmp(ip, &subnet->ip) == 0)
		return ip->family == AF_INET ? "is the network's own address in"
					     : "is the routers' common address in";
	if (nsn_ip_cmp(ip, &gateway) == 0)
		return "is the gateway's in";
	if (ip->family == AF_INET && is_last(subnet, ip))
		return "is the broadcast address of";
	return NULL;
}

static struct nsn_ip *address(struct nsn_endpoint *e, bool six)
{
	return six ? &e->ip6 : &e->ip;
}

static const struct nsn_ip *address_of(const struct nsn_endpoint *e, bool six)
{
	return six ? &e->ip6 : &e->ip;
}

static int check_one(const struct alloc *a, const struct nsn_endpoint *e, struct nsnet_err *err)
{
	const struct nsn_ip *ip = address_of(e, a->six);
	const char *fault = nsn_address_fault(a->subnet, ip);
	char buf[NSN_IP_STRLEN], net[NSN_PREFIX_STRLEN];
	bool gateway;

	if (!fault)
		return 0;
	gateway = strstr(fault, "gateway") != NULL;
	return nsn_err(err, gateway ? -EEXIST : -EINVAL,
		       gateway ? NSNET_E_ADDRESS_TAKEN : NSNET_E_BAD_ADDRESS,
		       "endpoint '%s/%s': %s %s %s", a->t->name, e->name, nsn_ip_str(ip, buf),
		       fault, nsn_prefix_str(a->subnet, net));
}

/* Those with the same address stay in the order in which they were made: the later is refused. */
static int by_ip4(const void *p, const void *q)
{
	const struct nsn_endpoint *const *a = p, *const *b = q;
	int c = nsn_ip_cmp(&(*a)->ip, &(*b)->ip);

	return c ? c : (*a > *b) - (*a < *b);
}

static int by_ip6(const void *p, const void *q)
{
	const struct nsn_endpoint *const *a = p, *const *b = q;
	int c = nsn_ip_cmp(&(*a)->ip6, &(*b)->ip6);

	return c ? c : (*a > *b) - (*a < *b);
}

static int check_taken(struct alloc *a, struct nsnet_err *err)
{
	char buf[NSN_IP_STRLEN];
	int r;

	for (size_t i = 0; i < a->t->n_endpoints; i++) {
		if (!address_of(&a->endpoints[i], a->six)->family)
			continue;
		r = check_one(a, &a->endpoints[i], err);
		if (r < 0)
			return r;
		a->taken[a->n_taken++] = &a->endpoints[i];
	}
	qsort(a->taken, a->n_taken, sizeof(const void *), a->six ? by_ip6 : by_ip4);
	for (size_t i = 1; i < a->n_taken; i++) {
		const struct nsn_ip *ip = address_of(a->taken[i], a->six);

		if (nsn_ip_cmp(address_of(a->taken[i - 1], a->six), ip) == 0)
			return nsn_err(err, -EEXIST, NSNET_E_ADDRESS_TAKEN,
				       "endpoint '%s/%s': %s is the address of %s", a->t->name,
				       a->taken[i]->name, nsn_ip_str(ip, buf),
				       a->taken[i - 1]->name);
	}
	return 0;
}

/* Addresses that can be had in all, the gateway's among them. */
static uint64_t room(const struct nsn_prefix *p)
{
	unsigned int bits = nsn_ip_bits(&p->ip) - p->len;

	if (bits >= 63)
		return UINT64_MAX;
	return (UINT64_C(1) << bits) - (p->ip.family == AF_INET ? 2 : 1);
}

/* Who has them, when it is a handful: as many as have got one by now. */
static const char *who(const struct alloc *a, char *buf, size_t size)
{
	int len = snprintf(buf, size, " (gateway");

	if (room(a->subnet) > 6)
		return "";
	for (size_t i = 0; i < a->t->n_endpoints; i++)
		if (address_of(&a->endpoints[i], a->six)->family)
			len += snprintf(buf + len, size - (size_t)len, ", %s",
					a->endpoints[i].name);
	(void)snprintf(buf + len, size - (size_t)len, ")");
	return buf;
}

static int full(const struct alloc *a, struct nsnet_err *err)
{
	char net[NSN_PREFIX_STRLEN], names[6 * (NSN_NAME_MAX + 2) + 16];
	struct nsn_prefix wider = *a->subnet;
	const char *all = room(a->subnet) == 2 ? "both" : "all";

	(void)nsn_err(err, -ENOSPC, NSNET_E_POOL_FULL,
		      "tenant '%s': %s has %llu addresses and %s are taken%s", a->t->name,
		      nsn_prefix_str(a->subnet, net), (unsigned long long)room(a->subnet), all,
		      who(a, names, sizeof(names)));
	while (room(&wider) < a->t->n_endpoints + 1)
		wider.len--;
	wider.ip = nsn_prefix_network(&wider);
	if (a->t->id == 0)
		return nsn_err_hint(err, -ENOSPC, "%s has room", nsn_prefix_str(&wider, net));
	return nsn_err_hint(err, -ENOSPC, "nsnet tenant set %s subnet%s=%s", a->t->name,
			    a->six ? "6" : "", nsn_prefix_str(&wider, net));
}

/*
 * Walks the subnet and what is taken side by side, so that it is as quick in
 * a /8 as in a /30: no more steps than there are endpoints.
 */
static int give_out(struct alloc *a, struct nsnet_err *err)
{
	struct nsn_ip next = nsn_ip_add(&a->subnet->ip, 2);
	size_t at = 0;
	uint64_t left = room(a->subnet) - 1;

	for (size_t i = 0; i < a->t->n_endpoints; i++) {
		struct nsn_ip *ip = address(&a->endpoints[i], a->six);

		if (ip->family)
			continue;
		for (; at < a->n_taken && nsn_ip_cmp(address_of(a->taken[at], a->six), &next) == 0;
		     at++, left--)
			next = nsn_ip_add(&next, 1);
		if (left == 0)
			return full(a, err);
		*ip = next;
		next = nsn_ip_add(&next, 1);
		left--;
	}
	return 0;
}

static int allocate(struct alloc *a, struct nsnet_err *err)
{
	int r;

	if (a->subnet->ip.family != (a->six ? AF_INET6 : AF_INET))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "tenant '%s': addresses before there is a subnet", a->t->name);
	a->taken = calloc(a->t->n_endpoints + 1, sizeof(*a->taken));
	if (!a->taken)
		return nsn_err_nomem(err);
	r = check_taken(a, err);
	if (r == 0)
		r = give_out(a, err);
	free(a->taken);
	return r;
}

static int without_ip6(const struct nsn_tenant *t, struct nsn_endpoint *endpoints,
		       struct nsnet_err *err)
{
	for (size_t i = 0; i < t->n_endpoints; i++) {
		struct nsn_endpoint *e = &endpoints[i];

		if (e->fixed6) {
			(void)nsn_err(err, -EINVAL, NSNET_E_BAD_ADDRESS,
				      "endpoint '%s/%s' has an IPv6 address, but the tenant no "
				      "IPv6 subnet",
				      t->name, e->name);
			return nsn_err_hint(err, -EINVAL, "nsnet tenant set %s subnet6=auto",
					    t->name);
		}
		e->ip6 = (struct nsn_ip){0};
	}
	return 0;
}

int nsn_tenant_allocate(struct nsn_tenant *t, struct nsnet_err *err)
{
	struct alloc four = {.t = t, .subnet = &t->subnet};
	struct alloc six = {.t = t, .subnet = &t->subnet6, .six = true};
	NSN_AUTO(nsn_freep) struct nsn_endpoint *endpoints = NULL;
	const bool has_ip6 = !nsn_prefix_off(&t->subnet6);
	int r;

	if (t->n_endpoints > NSN_ENDPOINTS_MAX)
		return nsn_err(err, -EOVERFLOW, NSNET_E_TOO_MANY,
			       "tenant '%s' has %zu endpoints, a bridge has %d ports", t->name,
			       t->n_endpoints, NSN_ENDPOINTS_MAX);
	endpoints = calloc(t->n_endpoints + 1, sizeof(*endpoints));
	if (!endpoints)
		return nsn_err_nomem(err);
	if (t->n_endpoints)
		memcpy(endpoints, t->endpoints, t->n_endpoints * sizeof(*endpoints));
	four.endpoints = six.endpoints = endpoints;
	r = nsn_dns_check(t, err);
	if (r == 0)
		r = allocate(&four, err);
	if (r == 0)
		r = has_ip6 ? allocate(&six, err) : without_ip6(t, endpoints, err);
	if (r < 0)
		return r;
	t->gateway = nsn_ip_add(&t->subnet.ip, 1);
	t->gateway6 = has_ip6 ? nsn_ip_add(&t->subnet6.ip, 1) : (struct nsn_ip){0};
	if (t->n_endpoints)
		memcpy(t->endpoints, endpoints, t->n_endpoints * sizeof(*endpoints));
	return 0;
}
