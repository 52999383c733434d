/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>

#include "../base/cleanup.h"
#include "border.h"
#include "parts.h"

/*
 * Cables, and the routes over them.
 *
 *	ip rule  100: fwmark 1/1 lookup 78     what a rule has let through (admit.h)
 *	         200: iif lo lookup main       what the gateway says itself
 *	         300: blackhole                all else
 *	table 78: the own subnets out of br0, the others' over their cables, and all that
 *	         is no tenant's over the uplink, where there is one
 *
 * So a packet is routed only when the firewall has marked it: where somebody
 * flushes the ruleset, nothing marks, and nothing is routed, by whatever cable. The
 * price is the kernel's walk through these rules instead of its short cut.
 *
 * Neighbours at the other ends are permanent and next hops are theirs: nothing is
 * asked or learned on a cable, and its ends have no addresses.
 */
enum { PREF_MARKED = 100, PREF_OWN = 200, PREF_NOTHING = 300 };

/* The longest that a veth has: a cable cuts nothing, the ports have the tenants' MTUs. */
#define CABLE_MTU 65535

static const struct nsn_place gateway = {.role = NSN_GATEWAY, .id = 0};

static struct nsn_mac end_mac(const struct nsn_far *f, bool near)
{
	return nsn_compile_mac(f->is_a == near ? NSN_MAC_CABLE_A : NSN_MAC_CABLE_B, f->link);
}

static int add_end(struct nsn_state *s, struct nsn_place at, struct nsn_place peer_at,
		   const char *name, const struct nsn_owner *owner, struct nsn_mac mac)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_LINK, at, name);
	const char *peer = nsn_arena_strdup(&s->arena, name);

	if (!o || !peer)
		return -ENOMEM;
	o->u.dev = (struct nsn_link){.type = NSN_LINK_VETH,
				     .type_name = "veth",
				     .mac = mac,
				     .mtu = CABLE_MTU,
				     .group = owner->group,
				     .master = "",
				     .peer = peer,
				     .peer_at = peer_at,
				     .peer_nsid = -1,
				     .far = at.role != NSN_GATEWAY};
	return 0;
}

static int add_route(struct nsn_state *s, const char *link, const struct nsn_prefix *dst,
		     const struct nsn_ip *via)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ROUTE, gateway, link);

	if (!o)
		return -ENOMEM;
	o->u.route.dst = (struct nsn_prefix){.ip = nsn_prefix_network(dst), .len = dst->len};
	if (via)
		o->u.route.via = *via;
	o->u.route.onlink = via;
	o->u.route.table = NSN_ROUTES_TABLE;
	o->u.route.protocol = NSN_RTPROT;
	return 0;
}

/* One family of a cable: who is at the other end, and what is behind. */
static int add_way(struct nsn_state *s, const struct nsn_far *f, const char *name, bool v6)
{
	const struct nsn_prefix *subnet = v6 ? &f->other->subnet6 : &f->other->subnet;
	const struct nsn_ip *via = v6 ? &f->far6 : &f->far4;
	const struct nsn_prefix as = {.ip = *via, .len = (uint8_t)nsn_ip_bits(via)};
	int r;

	if (!subnet->ip.family)
		return 0;
	r = nsn_compile_neigh(s, gateway, name, via, end_mac(f, false));
	return r < 0 ? r : add_route(s, name, f->other_translated ? &as : subnet, via);
}

static int add_cable(struct nsn_state *s, const struct nsn_tenant *t, const struct nsn_far *f,
		     const struct nsn_owner *owner, enum nsn_want want)
{
	const struct nsn_place far = {.role = NSN_FAR, .id = f->other->id};
	const bool six = nsn_compile_ipv6(t) && nsn_compile_ipv6(f->other);
	char name[NSN_LINK_NAME_SIZE];
	int r;

	(void)nsn_far_name(f, name);
	r = add_end(s, gateway, far, name, owner, end_mac(f, true));
	if (r == 0)
		r = add_end(s, far, gateway, name, owner, end_mac(f, false));
	if (r == 0)
		r = add_way(s, f, name, false);
	if (r == 0 && six)
		r = add_way(s, f, name, true);
	if (r < 0 || (want != NSN_WANT_CUT && !nsn_state_add(s, NSN_OBJ_UP, gateway, name)))
		return -ENOMEM;
	return nsn_compile_link_sysctls(s, gateway, name, six, true);
}

/* One family of the uplink: the host, and all that is behind it. */
static int add_up_way(struct nsn_state *s, const char *name, const struct nsn_ip *via,
		      struct nsn_mac host)
{
	const struct nsn_prefix all = {.ip = {.family = via->family}};
	const int r = nsn_compile_neigh(s, gateway, name, via, host);

	return r < 0 ? r : add_route(s, name, &all, via);
}

/* The host's end is made here; what it has on it is the host's (host.h). */
static int add_uplink(struct nsn_state *s, const struct nsn_tenant *t, const struct nsn_up *up,
		      const struct nsn_owner *owner, enum nsn_want want)
{
	const struct nsn_place host = {.role = NSN_HOST};
	const struct nsn_mac near = nsn_compile_mac(NSN_MAC_UPLINK_GATEWAY, up->link),
			     far = nsn_compile_mac(NSN_MAC_UPLINK_HOST, up->link);
	const bool six = nsn_compile_ipv6(t);
	char name[NSN_LINK_NAME_SIZE];
	int r;

	(void)nsn_up_name(up, name);
	r = add_end(s, gateway, host, name, owner, near);
	if (r == 0)
		r = add_end(s, host, gateway, name, owner, far);
	if (r == 0)
		r = add_up_way(s, name, &up->far4, far);
	if (r == 0 && six)
		r = add_up_way(s, name, &up->far6, far);
	if (r < 0 || (want != NSN_WANT_CUT && !nsn_state_add(s, NSN_OBJ_UP, gateway, name)))
		return -ENOMEM;
	return nsn_compile_link_sysctls(s, gateway, name, six, true);
}

static int add_rule(struct nsn_state *s, const struct nsn_fibrule *rule)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_RULE, gateway, "");

	if (!o)
		return -ENOMEM;
	o->u.rule = *rule;
	o->u.rule.protocol = NSN_RTPROT;
	return 0;
}

static int add_rules(struct nsn_state *s, uint8_t family)
{
	const struct nsn_fibrule rules[] = {
		{.family = family,
		 .priority = PREF_MARKED,
		 .mark = NSN_MARK_ROUTE,
		 .mask = NSN_MARK_ROUTE,
		 .iif = "",
		 .action = FR_ACT_TO_TBL,
		 .table = NSN_ROUTES_TABLE},
		{.family = family,
		 .priority = PREF_OWN,
		 .iif = "lo",
		 .action = FR_ACT_TO_TBL,
		 .table = RT_TABLE_MAIN},
		{.family = family, .priority = PREF_NOTHING, .iif = "", .action = FR_ACT_BLACKHOLE},
	};
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < NSN_COUNT(rules); i++)
		r = add_rule(s, &rules[i]);
	return r;
}

int nsn_compile_border(struct nsn_state *s, const struct nsn_tenant *t, const struct nsn_border *b,
		       const struct nsn_owner *owner, enum nsn_want want)
{
	const bool six = nsn_compile_ipv6(t);
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < b->n_far; i++)
		r = add_cable(s, t, &b->far[i], owner, want);
	if (r == 0 && b->up.link)
		r = add_uplink(s, t, &b->up, owner, want);
	if (r == 0)
		r = add_route(s, NSN_BRIDGE, &t->subnet, NULL);
	if (r == 0 && six)
		r = add_route(s, NSN_BRIDGE, &t->subnet6, NULL);
	if (r == 0)
		r = add_rules(s, AF_INET);
	return r == 0 && six ? add_rules(s, AF_INET6) : r;
}
