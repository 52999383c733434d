/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "predict_parts.h"

/* IPv6: what routes have when nobody says a metric, and what the kernel gives its own. */
#define METRIC6	       1024
#define METRIC6_KERNEL 256

static bool is_ours(const struct nsn_guess *g, uint32_t link)
{
	const struct nsn_vlink *l = nsn_vns_link(g->ns, link);
	const struct nsn_object like = {
		.kind = NSN_OBJ_LINK, .at = g->at, .link = l ? l->name : ""};

	return !l || nsn_state_find(g->state, &like);
}

/* ---- addresses and neighbours -------------------------------------------------------------- */

static bool same_net(const struct nsn_prefix *a, const struct nsn_prefix *b)
{
	return a->len == b->len && nsn_ip_cmp(&a->ip, &b->ip) == 0;
}

/* As a plan does: on our links, and on `lo`, there are only those that are wanted. */
static bool keeps_addr(const struct nsn_guess *g, const struct nsn_vaddr *a)
{
	const struct nsn_vlink *l = nsn_vns_link(g->ns, a->link);
	size_t n;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_ADDR, &n);

	if (!l)
		return false;
	if (!is_ours(g, a->link) && !(g->at.role == NSN_GATEWAY && l->flags & IFF_LOOPBACK))
		return true;
	for (size_t i = 0; i < n; i++)
		if (strcmp(o[i].link, l->name) == 0 && same_net(&o[i].u.addr.prefix, &a->net))
			return true;
	return false;
}

static int set_addrs(struct nsn_guess *g)
{
	struct nsn_vns *ns = g->ns;
	size_t n, kept = 0;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_ADDR, &n);

	ns->addrs = nsn_guess_list(g, ns->addrs, ns->n_addrs, n, sizeof(*ns->addrs));
	if (!ns->addrs)
		return nsn_err_nomem(g->err);
	for (size_t i = 0; i < ns->n_addrs; i++)
		if (keeps_addr(g, &ns->addrs[i]))
			ns->addrs[kept++] = ns->addrs[i];
	ns->n_addrs = kept;
	for (size_t i = 0; i < n; i++) {
		const struct nsn_vlink *l = nsn_guess_link(ns, o[i].link);
		bool there = !l;

		for (size_t k = 0; l && k < kept; k++)
			there |= ns->addrs[k].link == l->index &&
				 same_net(&ns->addrs[k].net, &o[i].u.addr.prefix);
		if (!there)
			ns->addrs[ns->n_addrs++] = (struct nsn_vaddr){
				.link = l->index, .net = o[i].u.addr.prefix, .proto = NSN_RTPROT};
	}
	return 0;
}

/* Permanent ones on our links are ours; a plan takes the others away. */
static int set_neighs(struct nsn_guess *g)
{
	struct nsn_vns *ns = g->ns;
	size_t n, kept = 0;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_NEIGH, &n);

	ns->neighs = nsn_guess_list(g, ns->neighs, ns->n_neighs, n, sizeof(*ns->neighs));
	if (!ns->neighs)
		return nsn_err_nomem(g->err);
	for (size_t i = 0; i < ns->n_neighs; i++)
		if (nsn_vns_link(ns, ns->neighs[i].link) &&
		    (ns->neighs[i].proxy || !is_ours(g, ns->neighs[i].link)))
			ns->neighs[kept++] = ns->neighs[i];
	ns->n_neighs = kept;
	for (size_t i = 0; i < n; i++) {
		const struct nsn_vlink *l = nsn_guess_link(ns, o[i].link);

		if (l)
			ns->neighs[ns->n_neighs++] = (struct nsn_vneigh){.link = l->index,
									 .ip = o[i].u.neigh.ip,
									 .mac = o[i].u.neigh.mac,
									 .state = NUD_PERMANENT};
	}
	if (!nsn_vns_needs_neighs(ns))
		ns->n_neighs = 0;
	return 0;
}

/* ---- routes ---------------------------------------------------------------------------------- */

static int put_route(struct nsn_guess *g, const struct nsn_vroute *r, uint32_t link,
		     const struct nsn_ip *via)
{
	struct nsn_vroute *to = &g->ns->routes[g->ns->n_routes++];
	struct nsn_vhop *hop = nsn_arena_alloc(g->mem, sizeof(*hop));

	if (!hop)
		return nsn_err_nomem(g->err);
	hop->link = link;
	if (via)
		hop->via = *via;
	*to = *r;
	to->src.ip.family = r->dst.ip.family;
	to->hops = link ? hop : NULL;
	to->n_hops = link ? 1 : 0;
	return 0;
}

static int put_local(struct nsn_guess *g, const struct nsn_ip *ip, uint8_t type, uint8_t scope,
		     uint32_t link)
{
	const struct nsn_vroute r = {.dst = {*ip, (uint8_t)nsn_ip_bits(ip)},
				     .table = RT_TABLE_LOCAL,
				     .type = type,
				     .scope = scope,
				     .proto = RTPROT_KERNEL};

	return put_route(g, &r, link, NULL);
}

/* fib_add_ifaddr() of fib_frontend.c; since 5.14 the network's own address is no broadcast. */
static int of_address4(struct nsn_guess *g, const struct nsn_vaddr *a)
{
	const struct nsn_ip last = nsn_prefix_last(&a->net);
	struct nsn_vroute net = {.dst = {nsn_prefix_network(&a->net), a->net.len},
				 .table = RT_TABLE_MAIN,
				 .type = RTN_UNICAST,
				 .scope = RT_SCOPE_LINK,
				 .proto = RTPROT_KERNEL};
	int r = put_local(g, &a->net.ip, RTN_LOCAL, RT_SCOPE_HOST, a->link);

	if (r == 0 && a->net.len < 32)
		r = put_route(g, &net, a->link, NULL);
	if (r == 0 && a->net.len < 31)
		r = put_local(g, &last, RTN_BROADCAST, RT_SCOPE_LINK, a->link);
	return r;
}

/* addrconf.c; a router is also everybody's subnet-router anycast address. */
static int of_address6(struct nsn_guess *g, const struct nsn_vaddr *a, const struct nsn_vlink *l)
{
	const struct nsn_ip first = nsn_prefix_network(&a->net);
	const struct nsn_vroute net = {.dst = {first, a->net.len},
				       .table = RT_TABLE_MAIN,
				       .type = RTN_UNICAST,
				       .metric = METRIC6_KERNEL,
				       .proto = RTPROT_KERNEL};
	int r = put_local(g, &a->net.ip, RTN_LOCAL, 0, a->link);

	if (r == 0)
		r = put_route(g, &net, a->link, NULL);
	if (r == 0 && a->net.len < 127 && l->conf.forwarding6 > 0)
		r = put_local(g, &first, RTN_ANYCAST, 0, a->link);
	return r;
}

static int of_kernel(struct nsn_guess *g)
{
	const struct nsn_vroute groups = {.dst = {{AF_INET6, {0xff}}, 8},
					  .table = RT_TABLE_LOCAL,
					  .type = RTN_MULTICAST,
					  .metric = METRIC6_KERNEL,
					  .proto = RTPROT_KERNEL};
	int r = 0;

	for (size_t i = 0; r == 0 && i < g->ns->n_addrs; i++) {
		const struct nsn_vaddr *a = &g->ns->addrs[i];
		const struct nsn_vlink *l = nsn_vns_link(g->ns, a->link);

		if (!is_ours(g, a->link) || !l || !(l->flags & IFF_UP))
			continue;
		r = a->net.ip.family == AF_INET ? of_address4(g, a) : of_address6(g, a, l);
	}
	for (size_t i = 0; r == 0 && i < g->ns->n_links; i++) {
		const struct nsn_vlink *l = &g->ns->links[i];

		if (is_ours(g, l->index) && l->flags & IFF_UP && l->conf.disable_ipv6 == 0)
			r = put_route(g, &groups, l->index, NULL);
	}
	return r;
}

/* Of a gateway it goes down. */
static bool is_lo(const struct nsn_guess *g, uint32_t link)
{
	const struct nsn_vlink *l = nsn_vns_link(g->ns, link);

	return g->at.role == NSN_GATEWAY && l && l->flags & IFF_LOOPBACK;
}

static bool stays(const struct nsn_guess *g, const struct nsn_vroute *r)
{
	if (r->proto == NSN_RTPROT)
		return false;
	for (size_t i = 0; i < r->n_hops; i++) {
		if (!nsn_vns_link(g->ns, r->hops[i].link))
			return false;
		if (r->proto == RTPROT_KERNEL &&
		    (is_ours(g, r->hops[i].link) || is_lo(g, r->hops[i].link)))
			return false;
	}
	return true;
}

static int of_wanted(struct nsn_guess *g, const struct nsn_object *o)
{
	const struct nsn_vlink *l = o->link[0] ? nsn_guess_link(g->ns, o->link) : NULL;
	const bool six = o->u.route.dst.ip.family == AF_INET6;
	const struct nsn_ip *via = o->u.route.via.family ? &o->u.route.via : NULL;
	const struct nsn_vroute r = {.dst = o->u.route.dst,
				     .table = o->u.route.table ? o->u.route.table : RT_TABLE_MAIN,
				     .type = o->u.route.type ? o->u.route.type : RTN_UNICAST,
				     .scope = six || via || o->u.route.type ? RT_SCOPE_UNIVERSE
									    : RT_SCOPE_LINK,
				     .proto = o->u.route.protocol,
				     .metric = six ? METRIC6 : 0};

	/* The kernel takes the routes of a link that is down away, or never had them. */
	if (o->link[0] && (!l || !(l->flags & IFF_UP)))
		return 0;
	return put_route(g, &r, l ? l->index : 0, via);
}

static int set_routes(struct nsn_guess *g)
{
	struct nsn_vns *ns = g->ns;
	size_t n, kept = 0;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_ROUTE, &n);
	int r = 0;

	ns->routes = nsn_guess_list(g, ns->routes, ns->n_routes, n + 3 * ns->n_addrs + ns->n_links,
				    sizeof(*ns->routes));
	if (!ns->routes)
		return nsn_err_nomem(g->err);
	for (size_t i = 0; i < ns->n_routes; i++)
		if (stays(g, &ns->routes[i]))
			ns->routes[kept++] = ns->routes[i];
	ns->n_routes = kept;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = of_wanted(g, &o[i]);
	return r == 0 ? of_kernel(g) : r;
}

/* ---- rules --------------------------------------------------------------------------------------
 */

static bool same_rule(const struct nsn_vfib *a, const struct nsn_vfib *b)
{
	return a->family == b->family && a->priority == b->priority && a->mark == b->mark &&
	       a->mask == b->mask && a->action == b->action && a->table == b->table &&
	       a->src.len == 0 && a->dst.len == 0 && strcmp(a->iif, b->iif) == 0 &&
	       strcmp(a->oif, b->oif) == 0 && !a->invert && !a->odd && a->suppress == -1;
}

static struct nsn_vfib rule_of(const struct nsn_fibrule *r)
{
	return (struct nsn_vfib){.family = r->family,
				 .priority = r->priority,
				 .src.ip.family = r->family,
				 .dst.ip.family = r->family,
				 .iif = r->iif,
				 .oif = "",
				 .mark = r->mark,
				 .mask = r->mask,
				 .action = r->action,
				 .table = r->action == FR_ACT_TO_TBL ? r->table : 0,
				 .suppress = -1};
}

/* Those that any gateway of ours can have (cable.c), so that what is not wanted goes. */
static bool can_be_ours(const struct nsn_vfib *f)
{
	for (size_t six = 0; six < 2; six++) {
		const uint8_t family = six ? AF_INET6 : AF_INET;
		const struct nsn_fibrule ours[] = {
			{.family = family,
			 .priority = 100,
			 .mark = 1,
			 .mask = 1,
			 .iif = "",
			 .action = FR_ACT_TO_TBL,
			 .table = 78},
			{.family = family,
			 .priority = 200,
			 .iif = "lo",
			 .action = FR_ACT_TO_TBL,
			 .table = RT_TABLE_MAIN},
			{.family = family, .priority = 300, .iif = "", .action = FR_ACT_BLACKHOLE},
		};

		for (size_t i = 0; i < NSN_COUNT(ours); i++) {
			const struct nsn_vfib like = rule_of(&ours[i]);

			if (same_rule(f, &like))
				return true;
		}
	}
	return false;
}

/* With which every namespace begins. */
static void born_rules(struct nsn_vns *ns)
{
	static const struct nsn_fibrule born[] = {
		{AF_INET, 0, 0, 0, "", FR_ACT_TO_TBL, RT_TABLE_LOCAL, 0, false},
		{AF_INET, 32766, 0, 0, "", FR_ACT_TO_TBL, RT_TABLE_MAIN, 0, false},
		{AF_INET, 32767, 0, 0, "", FR_ACT_TO_TBL, RT_TABLE_DEFAULT, 0, false},
		{AF_INET6, 0, 0, 0, "", FR_ACT_TO_TBL, RT_TABLE_LOCAL, 0, false},
		{AF_INET6, 32766, 0, 0, "", FR_ACT_TO_TBL, RT_TABLE_MAIN, 0, false},
	};

	for (size_t i = 0; i < NSN_COUNT(born); i++)
		if (born[i].family == AF_INET || ns->conf_all.forwarding6 >= 0)
			ns->fibs[ns->n_fibs++] = rule_of(&born[i]);
}

static int set_rules(struct nsn_guess *g)
{
	struct nsn_vns *ns = g->ns;
	size_t n, kept = 0;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_RULE, &n);

	ns->fibs = nsn_guess_list(g, ns->fibs, ns->n_fibs, n + 5, sizeof(*ns->fibs));
	if (!ns->fibs)
		return nsn_err_nomem(g->err);
	if (ns->n_fibs == 0)
		born_rules(ns);
	for (size_t i = 0; i < ns->n_fibs; i++)
		if (!can_be_ours(&ns->fibs[i]))
			ns->fibs[kept++] = ns->fibs[i];
	ns->n_fibs = kept;
	for (size_t i = 0; i < n; i++)
		ns->fibs[ns->n_fibs++] = rule_of(&o[i].u.rule);
	return 0;
}

int nsn_guess_routes(struct nsn_guess *g)
{
	int r = set_addrs(g);

	if (r == 0)
		r = set_neighs(g);
	if (r == 0)
		r = set_routes(g);
	/* At the host nsnet has no rules of routing. */
	return r == 0 && g->at.role == NSN_GATEWAY ? set_rules(g) : r;
}
