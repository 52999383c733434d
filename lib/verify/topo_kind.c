/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "topo_kind.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include "../base/cleanup.h"

/*
 * What is not here is unknown, and a loose end. Nothing may be called `inside` unless all
 * that it sends comes out of its own namespace's links.
 */
static const struct {
	const char *kind;
	enum nsn_lead lead;
} leads[] = {
	{"dummy", NSN_LEAD_INSIDE},
	{"bridge", NSN_LEAD_INSIDE},
	{"ifb", NSN_LEAD_INSIDE},
	{"nlmon", NSN_LEAD_INSIDE},
	{"vcan", NSN_LEAD_INSIDE},
	{"vrf", NSN_LEAD_INSIDE},
	/* Members are in the same namespace: netif_change_net_namespace() takes them out. */
	{"bond", NSN_LEAD_INSIDE},
	{"team", NSN_LEAD_INSIDE},
	{"veth", NSN_LEAD_PEER},
	{"netkit", NSN_LEAD_PEER},
	{"vxcan", NSN_LEAD_PEER},
	{"vlan", NSN_LEAD_LOWER},
	{"macvlan", NSN_LEAD_LOWER},
	{"ipvlan", NSN_LEAD_LOWER},
	{"macsec", NSN_LEAD_LOWER},
	{"macvtap", NSN_LEAD_TAP},
	{"ipvtap", NSN_LEAD_TAP},
	{"vxlan", NSN_LEAD_TUNNEL},
	{"geneve", NSN_LEAD_TUNNEL},
	{"bareudp", NSN_LEAD_TUNNEL},
	{"gre", NSN_LEAD_TUNNEL},
	{"gretap", NSN_LEAD_TUNNEL},
	{"erspan", NSN_LEAD_TUNNEL},
	{"ip6gre", NSN_LEAD_TUNNEL},
	{"ip6gretap", NSN_LEAD_TUNNEL},
	{"ip6erspan", NSN_LEAD_TUNNEL},
	{"ipip", NSN_LEAD_TUNNEL},
	{"ip6tnl", NSN_LEAD_TUNNEL},
	{"sit", NSN_LEAD_TUNNEL},
	{"vti", NSN_LEAD_TUNNEL},
	{"vti6", NSN_LEAD_TUNNEL},
	{"xfrm", NSN_LEAD_TUNNEL},
	{"tun", NSN_LEAD_HELD},
	{"wireguard", NSN_LEAD_SOCKET},
	/* These may be given sockets of any namespace. */
	{"l2tpeth", NSN_LEAD_SOCKET},
	{"gtp", NSN_LEAD_SOCKET},
	{"ovpn", NSN_LEAD_SOCKET},
	{"ppp", NSN_LEAD_SOCKET},
	{"amt", NSN_LEAD_SOCKET},
	{"netdevsim", NSN_LEAD_MACHINE},
};

enum nsn_lead nsn_link_lead(const struct nsn_vlink *l)
{
	size_t i;

	if (!l->kind[0])
		return l->type == ARPHRD_LOOPBACK ? NSN_LEAD_INSIDE : NSN_LEAD_MACHINE;
	for (i = 0; i < NSN_COUNT(leads); i++)
		if (strcmp(leads[i].kind, l->kind) == 0)
			return leads[i].lead;
	return NSN_LEAD_UNKNOWN;
}

bool nsn_link_is_ours(const char *name)
{
	return strncmp(name, "nsn", 3) == 0 && name[3] &&
	       name[3 + strspn(name + 3, "0123456789")] == '\0';
}

bool nsn_link_is_fallback(const struct nsn_vlink *l)
{
	static const char *const names[] = {"tunl0",   "gre0",	  "gretap0",  "erspan0", "sit0",
					    "ip6tnl0", "ip6gre0", "ip6_vti0", "ip_vti0"};
	size_t i;

	if ((l->flags & IFF_UP) || nsn_link_lead(l) != NSN_LEAD_TUNNEL || l->peer_nsid >= 0)
		return false;
	for (i = 0; i < NSN_COUNT(names); i++)
		if (strcmp(names[i], l->name) == 0)
			return true;
	return false;
}

bool nsn_vns_is_tenants(const struct nsn_vns *ns)
{
	return ns->kind == NSN_VNS_GATEWAY || ns->kind == NSN_VNS_WORKLOAD;
}

static bool is_veth(const struct nsn_vlink *l)
{
	return l && strcmp(l->kind, "veth") == 0;
}

/* An end that nsnet made in a gateway, in a bridge or not. */
static bool is_end(const struct nsn_vlink *l, const char *port_kind)
{
	return is_veth(l) && nsn_link_is_ours(l->name) && strcmp(l->port_kind, port_kind) == 0;
}

static bool is_port(const struct nsn_vns *gw, const struct nsn_vlink *g, const struct nsn_vns *w,
		    const struct nsn_vlink *l)
{
	return gw->kind == NSN_VNS_GATEWAY && w->kind == NSN_VNS_WORKLOAD && gw->tenant != 0 &&
	       gw->tenant == w->tenant && is_end(g, "bridge") && is_veth(l);
}

static bool is_cable(const struct nsn_vns *a, const struct nsn_vlink *la, const struct nsn_vns *b,
		     const struct nsn_vlink *lb)
{
	return a->kind == NSN_VNS_GATEWAY && b->kind == NSN_VNS_GATEWAY && a->tenant != 0 &&
	       b->tenant != 0 && a->tenant != b->tenant && is_end(la, "") && is_end(lb, "") &&
	       strcmp(la->name, lb->name) == 0;
}

/* All that nsnet makes is in one group: that of the gateway's bridge tells which. */
static bool is_uplink(const struct nsn_vns *gw, const struct nsn_vlink *g,
		      const struct nsn_vns *host, const struct nsn_vlink *h)
{
	size_t i;

	if (gw->kind != NSN_VNS_GATEWAY || host->kind != NSN_VNS_HOST || !is_end(g, "") ||
	    !is_veth(h) || h->group != g->group)
		return false;
	for (i = 0; i < gw->n_links; i++)
		if (strcmp(gw->links[i].kind, "bridge") == 0)
			return gw->links[i].group == g->group;
	return false;
}

static void turn(struct nsn_edge *e)
{
	const size_t ns = e->a;
	const uint32_t link = e->la;

	e->a = e->b;
	e->la = e->lb;
	e->b = ns;
	e->lb = link;
}

void nsn_edge_sort(struct nsn_edge *e, const struct nsn_snap *s, const struct nsn_vlink *la,
		   const struct nsn_vlink *lb)
{
	const struct nsn_vns *a = &s->ns[e->a], *b = e->b == NSN_NOWHERE ? NULL : &s->ns[e->b];
	const bool tenants = nsn_vns_is_tenants(a) || (b && nsn_vns_is_tenants(b));

	e->kind = tenants ? NSN_EDGE_STRAY : NSN_EDGE_OUTSIDE;
	if (!b || !tenants)
		return;
	if (is_cable(a, la, b, lb))
		e->kind = NSN_EDGE_CABLE;
	else if (is_port(a, la, b, lb) || is_port(b, lb, a, la))
		e->kind = NSN_EDGE_PORT;
	else if (is_uplink(a, la, b, lb) || is_uplink(b, lb, a, la))
		e->kind = NSN_EDGE_UPLINK;
	if ((e->kind == NSN_EDGE_PORT || e->kind == NSN_EDGE_UPLINK) && a->kind != NSN_VNS_GATEWAY)
		turn(e);
}
