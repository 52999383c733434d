/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "anyhost.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>

#include "../base/cleanup.h"
#include "read_parts.h"

/*
 * anyhost_find - which devices of the host's namespace have networks of others behind them
 */

struct finding {
	struct nsn_anyhost *to;
	struct nsn_snap *snap;
	const struct nsn_vns *host;
	size_t at; /* the host's namespace */
	struct nsn_anynet *nets;
	size_t n;
};

bool nsn_anyhost_is_outside(const struct nsn_vns *host, uint32_t link)
{
	for (size_t i = 0; i < host->n_routes; i++) {
		const struct nsn_vroute *r = &host->routes[i];

		for (size_t k = 0; r->dst.len == 0 && k < r->n_hops; k++)
			if (r->hops[k].link == link)
				return true;
	}
	return false;
}

/* The bridge that it is a port of, or the device itself. */
static const struct nsn_vlink *device_of(const struct nsn_vns *host, const struct nsn_vlink *l)
{
	const struct nsn_vlink *up =
		strcmp(l->port_kind, "bridge") == 0 ? nsn_vns_link(host, l->master) : NULL;

	return up ? up : l;
}

/* Somebody's door: a veth into another namespace, or a virtual machine at a bridge. */
static bool is_door(const struct finding *f, const struct nsn_vlink *l)
{
	const bool port = strcmp(l->port_kind, "bridge") == 0;

	if (strcmp(l->kind, "tun") == 0)
		return port;
	if (strcmp(l->kind, "veth") != 0 && strcmp(l->kind, "netkit") != 0)
		return false;
	if (!port && nsn_anyhost_is_outside(f->host, l->index))
		return false;
	/* Whoever is there, if that is not known. */
	return l->peer_lost || (l->peer_ns < f->snap->n_ns && l->peer_ns != f->at);
}

static struct nsn_anynet *net_of(struct finding *f, const struct nsn_vlink *dev)
{
	struct nsn_anynet *x;

	for (size_t i = 0; i < f->n; i++)
		if (f->nets[i].dev == dev->index)
			return &f->nets[i];
	x = NSN_GROW(&f->to->mem, f->nets, f->n);
	if (!x)
		return NULL;
	x->name = nsn_arena_strdup(&f->to->mem, dev->name);
	x->dev = dev->index;
	return x->name ? x : NULL;
}

static int add_member(struct finding *f, struct nsn_anynet *x, size_t ns)
{
	size_t *list = (size_t *)(uintptr_t)x->members, *one;
	struct nsn_vns *v = &f->snap->ns[ns];

	for (size_t i = 0; i < x->n_members; i++)
		if (x->members[i] == ns)
			return 0;
	one = NSN_GROW(&f->to->mem, list, x->n_members);
	if (!one)
		return -ENOMEM;
	*one = ns;
	x->members = list;
	/* Of two networks the first: what is said of a namespace is said once. */
	if (v->kind != NSN_VNS_WORKLOAD) {
		v->kind = NSN_VNS_WORKLOAD;
		v->tenant = (uint64_t)(x - f->nets) + 1;
		v->endpoint = ns + 1;
	}
	return 0;
}

static int add_door(struct finding *f, const struct nsn_vlink *l)
{
	struct nsn_anynet *x = net_of(f, device_of(f->host, l));
	uint32_t *list = x ? (uint32_t *)(uintptr_t)x->links : NULL, *one;

	if (!x)
		return -ENOMEM;
	one = NSN_GROW(&f->to->mem, list, x->n_links);
	if (!one)
		return -ENOMEM;
	*one = l->index;
	x->links = list;
	return l->peer_ns < f->snap->n_ns ? add_member(f, x, l->peer_ns) : 0;
}

static bool is_of_link(const struct nsn_ip *ip)
{
	return ip->family == AF_INET6 && ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

static int add_own(struct finding *f, struct nsn_anynet *x, const struct nsn_prefix *net)
{
	struct nsn_prefix *list = (struct nsn_prefix *)(uintptr_t)x->own, *one;

	one = NSN_GROW(&f->to->mem, list, x->n_own);
	if (!one)
		return -ENOMEM;
	*one = *net;
	one->ip = nsn_prefix_network(net);
	x->own = list;
	return 0;
}

static int add_addresses(struct finding *f, struct nsn_anynet *x)
{
	struct nsn_ip *list = NULL, *one;

	for (size_t i = 0; i < f->host->n_addrs; i++) {
		const struct nsn_vaddr *a = &f->host->addrs[i];

		if (a->link != x->dev)
			continue;
		if (add_own(f, x, &a->net) < 0)
			return -ENOMEM;
		if (is_of_link(&a->net.ip))
			continue;
		one = NSN_GROW(&f->to->mem, list, x->n_gateways);
		if (!one)
			return -ENOMEM;
		*one = a->net.ip;
		x->gateways = list;
	}
	for (size_t i = 0; i < f->host->n_routes; i++) {
		const struct nsn_vroute *r = &f->host->routes[i];

		if (r->type != RTN_UNICAST || r->dst.len == 0)
			continue;
		for (size_t k = 0; k < r->n_hops; k++)
			if (r->hops[k].link == x->dev && add_own(f, x, &r->dst) < 0)
				return -ENOMEM;
	}
	return 0;
}

int nsn_anyhost_find(struct nsn_anyhost *ret, struct nsn_snap *snap, struct nsnet_err *err)
{
	struct finding f = {.to = ret, .snap = snap};

	while (f.at < snap->n_ns && !(snap->ns[f.at].kind == NSN_VNS_HOST && snap->ns[f.at].full))
		f.at++;
	if (f.at == snap->n_ns)
		return 0;
	f.host = &snap->ns[f.at];
	for (size_t i = 0; i < f.host->n_links; i++)
		if (is_door(&f, &f.host->links[i]) && add_door(&f, &f.host->links[i]) < 0)
			return nsn_err_nomem(err);
	for (size_t i = 0; i < f.n; i++)
		if (add_addresses(&f, &f.nets[i]) < 0)
			return nsn_err_nomem(err);
	ret->nets = f.nets;
	ret->n = f.n;
	return 0;
}

void nsn_anyhost_clear(struct nsn_anyhost *h)
{
	nsn_arena_free(&h->mem);
	*h = (struct nsn_anyhost){0};
}
