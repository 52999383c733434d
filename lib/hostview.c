/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "base/cleanup.h"
#include "ctx.h"
#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/route.h"
#include "kernel/sysctl.h"
#include "nl/nl.h"
#include "predict.h"
#include "verify/snap.h"
#include "verify/topo_kind.h"

/*
 * hostview - the host as it is without us: its links, addresses and routes
 */

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

static void state_clearp(struct nsn_state *s)
{
	nsn_state_clear(s);
}

/* The ends of our uplinks, by their group. */
static bool is_ours(const struct nsn_state *s, const struct nsn_owner *owner, const char *link)
{
	const struct nsn_object *o = nsn_state_link(s, (struct nsn_place){.role = NSN_HOST}, link);

	return o && o->u.dev.group == owner->group;
}

static bool is_scoped(const struct nsn_ip *ip)
{
	static const struct nsn_prefix nets[] = {{{AF_INET, {127}}, 8},
						 {{AF_INET6, {[15] = 1}}, 128},
						 {{AF_INET6, {0xfe, 0x80}}, 10},
						 {{AF_INET6, {0xff}}, 8}};
	size_t i;

	for (i = 0; i < NSN_COUNT(nets); i++)
		if (nsn_prefix_has(&nets[i], ip))
			return true;
	return false;
}

static void take_name(char ret[NSN_HOST_LINK_SIZE], const char *name)
{
	memset(ret, 0, NSN_HOST_LINK_SIZE);
	memcpy(ret, name, strnlen(name, NSN_HOST_LINK_SIZE - 1));
}

static int read_number(struct nsn_sysctl_place *at, const char *path)
{
	char text[32];
	uint64_t n;

	if (nsn_sysctl_read(at, path, text, sizeof(text), NULL) < 0 ||
	    nsn_u64_parse(&n, text, INT32_MAX) < 0)
		return -1;
	return (int)n;
}

static int read_link_number(struct nsn_sysctl_place *at, int version, const char *link,
			    const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "net/ipv%d/conf/%s/%s", version, link, name);
	return read_number(at, path);
}

static void add_link(struct nsn_hostview *v, struct nsn_sysctl_place *at,
		     const struct nsn_object *o)
{
	struct nsn_host_link *l = &v->links[v->n_links++];

	take_name(l->name, o->link);
	l->forwarding4 = read_link_number(at, 4, o->link, "forwarding");
	l->forwarding6 = read_link_number(at, 6, o->link, "forwarding");
	l->force6 = read_link_number(at, 6, o->link, "force_forwarding");
	l->accept_ra = read_link_number(at, 6, o->link, "accept_ra");
}

static void add_net(struct nsn_hostview *v, const struct nsn_prefix *p)
{
	v->nets[v->n_nets] = (struct nsn_prefix){.ip = nsn_prefix_network(p), .len = p->len};
	v->n_nets += p->len > 0 && !is_scoped(&v->nets[v->n_nets].ip);
}

static void add_addr(struct nsn_hostview *v, const struct nsn_object *o)
{
	struct nsn_host_route *r;

	if (is_scoped(&o->u.addr.prefix.ip))
		return;
	v->addrs[v->n_addrs++] = o->u.addr.prefix.ip;
	if (strcmp(o->link, "lo") == 0)
		return;
	add_net(v, &o->u.addr.prefix);
	if (o->u.addr.peer.family)
		add_net(v, &(struct nsn_prefix){.ip = o->u.addr.peer, .len = o->u.addr.prefix.len});
	/* The kernel's route for it. */
	r = &v->routes[v->n_routes++];
	r->dst = (struct nsn_prefix){.ip = o->u.addr.peer.family ? o->u.addr.peer
								 : o->u.addr.prefix.ip,
				     .len = o->u.addr.prefix.len};
	r->dst.ip = nsn_prefix_network(&r->dst);
	take_name(r->link, o->link);
}

static void add_route(struct nsn_hostview *v, const struct nsn_object *o)
{
	struct nsn_host_route *r;

	/* One that leads nowhere, or with several hops, of which we know none. */
	if (o->u.route.type || !o->link[0])
		return;
	r = &v->routes[v->n_routes++];
	r->dst = o->u.route.dst;
	r->via = o->u.route.via;
	take_name(r->link, o->link);
	if (!r->via.family)
		add_net(v, &r->dst);
}

static int by_name(const void *a, const void *b)
{
	const struct nsn_host_link *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_prefix(const void *a, const void *b)
{
	const struct nsn_prefix *x = a, *y = b;
	int r = nsn_ip_cmp(&x->ip, &y->ip);

	return r ? r : (int)x->len - (int)y->len;
}

static int by_ip(const void *a, const void *b)
{
	return nsn_ip_cmp(a, b);
}

/* In one order, each once: what is compiled from it is compared. */
static void put_in_order(struct nsn_hostview *v)
{
	size_t i, kept = 0;

	if (v->n_links > 0)
		qsort(v->links, v->n_links, sizeof(*v->links), by_name);
	if (v->n_addrs > 0)
		qsort(v->addrs, v->n_addrs, sizeof(*v->addrs), by_ip);
	for (i = 0; i < v->n_addrs; i++)
		if (i == 0 || nsn_ip_cmp(&v->addrs[i], &v->addrs[i - 1]) != 0)
			v->addrs[kept++] = v->addrs[i];
	v->n_addrs = kept;
	if (v->n_nets > 0)
		qsort(v->nets, v->n_nets, sizeof(*v->nets), by_prefix);
	for (i = kept = 0; i < v->n_nets; i++)
		if (i == 0 || by_prefix(&v->nets[i], &v->nets[i - 1]) != 0)
			v->nets[kept++] = v->nets[i];
	v->n_nets = kept;
}

static int take(struct nsn_hostview *v, struct nsn_sysctl_place *at, const struct nsn_state *s,
		const struct nsn_owner *owner, struct nsnet_err *err)
{
	size_t i;

	v->links = calloc(s->n + 1, sizeof(*v->links));
	v->addrs = calloc(s->n + 1, sizeof(*v->addrs));
	v->nets = calloc(3 * s->n + 1, sizeof(*v->nets));
	v->routes = calloc(2 * s->n + 1, sizeof(*v->routes));
	if (!v->links || !v->addrs || !v->nets || !v->routes)
		return nsn_err_nomem(err);
	for (i = 0; i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];

		if (o->link[0] && is_ours(s, owner, o->link))
			continue;
		if (o->kind == NSN_OBJ_LINK)
			add_link(v, at, o);
		else if (o->kind == NSN_OBJ_ADDR)
			add_addr(v, o);
		else if (o->kind == NSN_OBJ_ROUTE)
			add_route(v, o);
	}
	put_in_order(v);
	return 0;
}

/* ---- out of a snapshot ---------------------------------------------------------------- */

static bool is_end(const struct nsn_snap *snap, const struct nsn_vlink *l)
{
	return nsn_link_is_ours(l->name) && strcmp(l->kind, "veth") == 0 &&
	       l->peer_ns < snap->n_ns && snap->ns[l->peer_ns].kind == NSN_VNS_GATEWAY;
}

/* As in a snapshot: -1, or a small number. */
static int as_int(int8_t value)
{
	return value < 0 ? -1 : (uint8_t)value;
}

static void seen_link(struct nsn_hostview *v, const struct nsn_vlink *l)
{
	struct nsn_host_link *to = &v->links[v->n_links++];

	take_name(to->name, l->name);
	to->forwarding4 = as_int(l->conf.forwarding4);
	to->forwarding6 = as_int(l->conf.forwarding6);
	to->force6 = as_int(l->conf.force_forwarding6);
	to->accept_ra = as_int(l->conf.accept_ra);
}

/* Those of the kernel come with the addresses, as when it is read. */
static bool is_plain(const struct nsn_vroute *r)
{
	return r->table == RT_TABLE_MAIN && r->type == RTN_UNICAST && r->proto != RTPROT_KERNEL &&
	       r->n_hops == 1 && !r->odd;
}

static void see(struct nsn_hostview *v, const struct nsn_snap *snap, const struct nsn_vns *host)
{
	for (size_t i = 0; i < host->n_links; i++)
		if (!(host->links[i].flags & IFF_LOOPBACK) && !is_end(snap, &host->links[i]))
			seen_link(v, &host->links[i]);
	for (size_t i = 0; i < host->n_addrs; i++) {
		const struct nsn_vlink *l = nsn_vns_link(host, host->addrs[i].link);
		const struct nsn_object o = {
			.link = l ? l->name : "",
			.u.addr = {.prefix = host->addrs[i].net, .peer = host->addrs[i].peer}};

		if (l && !is_end(snap, l))
			add_addr(v, &o);
	}
	for (size_t i = 0; i < host->n_routes; i++) {
		const struct nsn_vroute *r = &host->routes[i];
		const struct nsn_vlink *l =
			is_plain(r) ? nsn_vns_link(host, r->hops[0].link) : NULL;
		const struct nsn_object o = {
			.link = l ? l->name : "",
			.u.route = {.dst = r->dst, .via = l ? r->hops[0].via : r->dst.ip}};

		if (l && !is_end(snap, l))
			add_route(v, &o);
	}
}

int nsn_hostview_of(const struct nsn_snap *snap, struct nsn_hostview *ret, struct nsnet_err *err)
{
	const struct nsn_vns *host = NULL;
	size_t n;

	for (size_t i = 0; i < snap->n_ns; i++)
		if (snap->ns[i].kind == NSN_VNS_HOST)
			host = &snap->ns[i];
	n = host ? host->n_links + host->n_addrs + host->n_routes + 1 : 1;
	ret->links = calloc(n, sizeof(*ret->links));
	ret->addrs = calloc(n, sizeof(*ret->addrs));
	ret->nets = calloc(3 * n, sizeof(*ret->nets));
	ret->routes = calloc(2 * n, sizeof(*ret->routes));
	if (!ret->links || !ret->addrs || !ret->nets || !ret->routes) {
		nsn_hostview_clear(ret);
		return nsn_err_nomem(err);
	}
	ret->all_forwarding6 = host ? host->conf_all.forwarding6 : -1;
	if (host)
		see(ret, snap, host);
	put_in_order(ret);
	return 0;
}

/* ---- out of the kernel ------------------------------------------------------------------ */

int nsn_hostview_read(struct nsnet *n, struct nsn_hostview *ret, struct nsnet_err *err)
{
	const struct nsn_place here = {.role = NSN_HOST};
	NSN_AUTO(nsn_sysctl_leave) struct nsn_sysctl_place at = NSN_SYSCTL_PLACE(&n->home);
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	NSN_AUTO(state_clearp) struct nsn_state s = {0};
	int r;

	r = nsn_nl_open(&nl, NETLINK_ROUTE, err);
	if (r == 0)
		r = nsn_link_dump(nl, &s, here, err);
	if (r == 0)
		r = nsn_addr_dump(nl, &s, here, err);
	if (r == 0)
		r = nsn_route_dump(nl, &s, here, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "look at the host's network");
	nsn_state_sort(&s);
	r = take(ret, &at, &s, &n->owner, err);
	if (r == 0)
		ret->all_forwarding6 = read_number(&at, "net/ipv6/conf/all/forwarding");
	else
		nsn_hostview_clear(ret);
	return r;
}
