/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "probes.h"

/*
 * probes_places - the namespaces of a snapshot as places of the prober
 */

static const struct nsn_vlink *port_of(const struct nsn_snap *s, const struct nsn_vlink *l)
{
	return l->peer_ns < s->n_ns && l->peer_index
		       ? nsn_vns_link(&s->ns[l->peer_ns], l->peer_index)
		       : NULL;
}

/* The link of a workload's namespace that leads to the gateway of its tenant. */
static const struct nsn_vlink *way_out(const struct nsn_snap *s, const struct nsn_vns *ns)
{
	for (size_t i = 0; i < ns->n_links; i++) {
		const struct nsn_vlink *l = &ns->links[i];

		if (l->peer_ns < s->n_ns && s->ns[l->peer_ns].kind == NSN_VNS_GATEWAY &&
		    s->ns[l->peer_ns].tenant == ns->tenant && port_of(s, l))
			return l;
	}
	return NULL;
}

static const struct nsn_endpoint *endpoint_of(const struct nsn_tenant *t, uint64_t id)
{
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (t->endpoints[i].id == id)
			return &t->endpoints[i];
	return NULL;
}

static void add_endpoint(struct nsn_probes *p, const struct nsn_tenant *t, size_t ns)
{
	const struct nsn_snap *s = &p->given->snap;
	const struct nsn_vns *v = &s->ns[ns];
	const struct nsn_vlink *l = way_out(s, v), *port = l ? port_of(s, l) : NULL;
	const struct nsn_vlink *br =
		port && port->master ? nsn_vns_link(&s->ns[l->peer_ns], port->master) : NULL;
	const struct nsn_endpoint *e = endpoint_of(t, v->endpoint);

	if (!e)
		return;
	p->place_of[ns] = p->n_places;
	p->places[p->n_places++] = (struct nsn_wire_place){
		.path = v->path,
		.inode = v->inode,
		.name = v->name,
		.canary = strcmp(e->name, NSN_PROBES_CANARY) == 0,
		.link = l ? l->name : "",
		.mac = l ? l->mac : (struct nsn_mac){{0}},
		.gateway_mac = br ? br->mac : (struct nsn_mac){{0}},
		.ip = e->ip,
		.ip6 = e->ip6,
		.gateway = t->gateway,
		.gateway6 = t->gateway6,
		.subnet = t->subnet,
		.gateway_place = SIZE_MAX,
		.port = port ? port->name : "",
	};
}

/* Of the host: links that lead to gateways. Their names are the snapshot's. */
static int uplinks(struct nsn_probes *p, const struct nsn_vns *host, struct nsn_wire_place *place)
{
	const struct nsn_snap *s = &p->given->snap;
	const char **list = nsn_arena_alloc(&p->mem, (host->n_links + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_links; i++)
		if (host->links[i].peer_ns < s->n_ns &&
		    s->ns[host->links[i].peer_ns].kind == NSN_VNS_GATEWAY)
			list[place->n_links++] = host->links[i].name;
	place->links = list;
	return 0;
}

static int add_trusted(struct nsn_probes *p, size_t ns)
{
	const struct nsn_vns *v = &p->given->snap.ns[ns];
	struct nsn_wire_place *place = &p->places[p->n_places];

	*place = (struct nsn_wire_place){
		.path = v->path, .inode = v->inode, .name = v->name, .trusted = true};
	p->place_of[ns] = p->n_places++;
	return v->kind == NSN_VNS_HOST ? uplinks(p, v, place) : 0;
}

static int alloc(struct nsn_probes *p, struct nsnet_err *err)
{
	const size_t n = p->given->intent.n_tenants, spaces = p->given->snap.n_ns;

	p->places = nsn_arena_alloc(&p->mem, (spaces + 1) * sizeof(*p->places));
	p->place_of = nsn_arena_alloc(&p->mem, (spaces + 1) * sizeof(*p->place_of));
	p->side_of = nsn_arena_alloc(&p->mem, (spaces + 1) * sizeof(*p->side_of));
	p->first = nsn_arena_alloc(&p->mem, (n + 1) * sizeof(*p->first));
	p->gateways = nsn_arena_alloc(&p->mem, (n + 1) * sizeof(*p->gateways));
	p->uplink = nsn_arena_alloc(&p->mem, (n + 1) * sizeof(*p->uplink));
	if (!p->places || !p->place_of || !p->side_of || !p->first || !p->gateways || !p->uplink)
		return nsn_err_nomem(err);
	p->host = SIZE_MAX;
	for (size_t i = 0; i < spaces; i++)
		p->place_of[i] = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		p->gateways[i] = SIZE_MAX;
		p->uplink[i] = false;
	}
	return 0;
}

static bool has_uplink(const struct nsn_snap *s, const struct nsn_vns *gateway)
{
	for (size_t i = 0; i < gateway->n_links; i++)
		if (gateway->links[i].peer_ns < s->n_ns &&
		    s->ns[gateway->links[i].peer_ns].kind == NSN_VNS_HOST)
			return true;
	return false;
}

/* Endpoints of tenant @t; namespaces are sorted by kind, tenant, endpoint. */
static void add_endpoints(struct nsn_probes *p, size_t t, size_t *at)
{
	const struct nsn_snap *s = &p->given->snap;
	const struct nsn_tenant *tenant = &p->given->intent.tenants[t];

	p->first[t] = p->n_places;
	for (size_t i = 0; i < s->n_ns; i++) {
		const size_t ns = (*at + i) % s->n_ns;
		const bool own =
			s->ns[ns].kind == NSN_VNS_WORKLOAD && s->ns[ns].tenant == tenant->id;

		if (own) {
			add_endpoint(p, tenant, ns);
		} else if (i > 0 && p->n_places > p->first[t]) {
			*at = ns;
			return;
		}
	}
}

static int add_gateway(struct nsn_probes *p, size_t ns)
{
	const struct nsn_snap *s = &p->given->snap;
	const struct nsn_intent *in = &p->given->intent;

	for (size_t t = 0; t < in->n_tenants; t++) {
		if (in->tenants[t].id != s->ns[ns].tenant)
			continue;
		p->gateways[t] = p->n_places;
		p->uplink[t] = has_uplink(s, &s->ns[ns]);
		p->side_of[p->n_places] = t;
		return add_trusted(p, ns);
	}
	return 0;
}

int nsn_probes_places(struct nsn_probes *p, struct nsnet_err *err)
{
	const struct nsn_snap *s = &p->given->snap;
	const size_t n = p->given->intent.n_tenants;
	size_t at = 0;
	int r = alloc(p, err);

	for (size_t t = 0; r == 0 && t < n; t++) {
		add_endpoints(p, t, &at);
		for (size_t i = p->first[t]; i < p->n_places; i++)
			p->side_of[i] = t;
	}
	if (r < 0)
		return r;
	p->first[n] = p->n_places;
	for (size_t i = 0; r == 0 && i < s->n_ns; i++) {
		if (s->ns[i].kind == NSN_VNS_GATEWAY)
			r = add_gateway(p, i);
		if (s->ns[i].kind != NSN_VNS_HOST)
			continue;
		p->host = p->n_places;
		p->side_of[p->host] = NSN_SIDE_HOST(n);
		r = add_trusted(p, i);
	}
	for (size_t t = 0; t < n; t++)
		for (size_t i = p->first[t]; i < p->first[t + 1]; i++)
			p->places[i].gateway_place = p->gateways[t];
	return r < 0 ? nsn_err_nomem(err) : 0;
}
