/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "parts.h"

/*
 * A new namespace does not begin with the kernel's defaults: for IPv4 it takes
 * what the host has at that moment (net.core.devconf_inherit_init_net = 0), so
 * each setting that matters is written, `all` and `default` before there is a
 * link. The effective value of most is a combination of `all` and the link's.
 *
 * Tests: tests/kernel/test_drift.c changes each of these and has it put back;
 * tests/kernel/test_topology.c has a packet that gets through without those
 * marked (p); the others are covered as said.
 */
struct setting {
	const char *name;
	const char *value;
	bool first;
};

static const struct setting ipv4_conf[] = {
	/* (p) Nothing is routed: an isolated gateway is no router at all. Changing it resets
	 * accept_redirects of `all`, so it goes first. */
	{"forwarding", "0", true},
	/* (p) Sources that the route back would not use; behind the prerouting chain, which
	 * drops them by subnet. */
	{"rp_filter", "1", false},
	/* (p) A gateway without routes has nothing to redirect; the input chain drops them, too. */
	{"accept_redirects", "0", false},
	/* Only says which redirects are accepted: covered by accept_redirects. */
	{"secure_redirects", "0", false},
	/* (p) Would tell a tenant of next hops. Only a router does; the forward chain comes too
	 * late to prevent it, the output chain drops them. */
	{"send_redirects", "0", false},
	/* (p) Source routes are only followed by a router, through the forward chain. */
	{"accept_source_route", "0", false},
	/* (p) 127.0.0.0/8 from outside (CVE-2020-8558). */
	{"route_localnet", "0", false},
	/* (p) Would answer ARP for addresses of others: of other links once there are routes, or
	 * of the subnet itself. Only a router does. */
	{"proxy_arp", "0", false},
	{"proxy_arp_pvlan", "0", false},
	/* (p) Answers only for br0's own address and only to its subnet, not for any address of
	 * the namespace (the kernel's weak host model). */
	{"arp_ignore", "2", false},
	/* (p) Asks only with the address of the subnet; for permanent neighbours it never asks,
	 * and the output chain lets it send nothing to others. */
	{"arp_announce", "2", false},
	/* (p) Makes no entry for who was not asked; either of the two is enough. Entries that
	 * there are do not change, because they are permanent. */
	{"arp_accept", "0", false},
	{"drop_gratuitous_arp", "1", false},
	/* (p) Sends on directed broadcasts, and does not ask `forwarding`; the forward chain
	 * drops them. */
	{"bc_forwarding", "0", false},
	/* (p) The gateway's own address as a source from outside. */
	{"accept_local", "0", false},
};

/*
 * IPv6 is off on ports, and everywhere in a tenant that has none; the rest is
 * what counts on br0 of a tenant that has, or if somebody switched it on.
 */
static const struct setting ipv6_conf[] = {
	/* (p) */
	{"forwarding", "0", true},
	/* (p) No address, no neighbour discovery, nothing received. That of `all` only
	 * matters when it is written: it overwrites all others. */
	{"disable_ipv6", "1", false},
	/* (p) No routes and no addresses from advertisements. */
	{"accept_ra", "0", false},
	{"autoconf", "0", false},
	/* Covered by disable_ipv6 and, behind that, by the inet chains, which accept no IPv6. */
	{"accept_redirects", "0", false},
	{"accept_source_route", "0", false},
	{"seg6_enabled", "0", false},
	/* (p) No fe80:: address by itself. */
	{"addr_gen_mode", "1", false},
	/* Covered by disable_ipv6: without addresses there is nothing to detect. */
	{"accept_dad", "0", false},
};

/* Whole paths. All but the first exist only where their module is loaded. */
static const struct setting others[] = {
	/* (p) One packet to the broadcast address would be answered by all. */
	{"net/ipv4/icmp_echo_ignore_broadcasts", "1", false},
	/* br_netfilter sends bridged frames through the ip hooks and is on in a new namespace:
	 * a frame would then meet chains that are written for routed packets, and which drop it:
	 * nothing gets through by it. */
	{"net/bridge/bridge-nf-call-iptables", "0", false},
	{"net/bridge/bridge-nf-call-ip6tables", "0", false},
	{"net/bridge/bridge-nf-call-arptables", "0", false},
};

static int add(struct nsn_state *s, struct nsn_place at, const char *link,
	       const struct setting *set, const char *path, bool optional)
{
	struct nsn_object *o = path ? nsn_state_add(s, NSN_OBJ_SYSCTL, at, link) : NULL;

	if (!o)
		return -ENOMEM;
	o->u.sysctl = (struct nsn_sysctl){
		.path = path, .value = set->value, .optional = optional, .first = set->first};
	return 0;
}

/* One family's settings of `all`, `default` or a link; @on: but not that it is off. */
static int add_conf(struct nsn_state *s, struct nsn_place at, const char *link, const char *who,
		    bool ipv6, bool on)
{
	const struct setting *set = ipv6 ? ipv6_conf : ipv4_conf;
	size_t i, n = ipv6 ? NSN_COUNT(ipv6_conf) : NSN_COUNT(ipv4_conf);

	for (i = 0; i < n; i++) {
		const char *path = nsn_arena_printf(&s->arena, "net/ipv%d/conf/%s/%s", ipv6 ? 6 : 4,
						    who, set[i].name);

		if (on && strcmp(set[i].name, "disable_ipv6") == 0)
			continue;
		/* A kernel without IPv6 needs none of it; bc_forwarding and seg6 may be absent. */
		if (add(s, at, link, &set[i], path, true) < 0)
			return -ENOMEM;
	}
	return 0;
}

int nsn_compile_gateway_sysctls(struct nsn_state *s, struct nsn_place at)
{
	size_t i;

	if (add_conf(s, at, "", "all", false, false) < 0 ||
	    add_conf(s, at, "", "default", false, false) < 0 ||
	    add_conf(s, at, "", "all", true, false) < 0 ||
	    add_conf(s, at, "", "default", true, false) < 0)
		return -ENOMEM;
	for (i = 0; i < NSN_COUNT(others); i++)
		if (add(s, at, "", &others[i], others[i].name, i > 0) < 0)
			return -ENOMEM;
	return 0;
}

/*
 * A link is born with what `default` says; what is to be different is written
 * when it is there (NSN_OBJ_CONF).
 */
static int switch_ipv6_on(struct nsn_state *s, struct nsn_place at, const char *link)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_CONF, at, link);
	const char *path = nsn_arena_printf(&s->arena, "net/ipv6/conf/%s/disable_ipv6", link);

	if (!o || !path)
		return -ENOMEM;
	o->u.sysctl = (struct nsn_sysctl){.path = path, .value = "0"};
	return 0;
}

int nsn_compile_link_sysctls(struct nsn_state *s, struct nsn_place at, const char *link, bool ipv6)
{
	int r = add_conf(s, at, link, link, false, false);

	if (r == 0)
		r = add_conf(s, at, link, link, true, ipv6);
	return r == 0 && ipv6 ? switch_ipv6_on(s, at, link) : r;
}

int nsn_compile_endpoint_sysctls(struct nsn_state *s, struct nsn_place at, bool ipv6)
{
	/*
	 * The workload namespace belongs to the tenant, nothing in it protects anybody
	 * else. Without IPv6 a program there sees at once that it has none, instead of
	 * waiting for a router; with it there are no addresses but ours: no router and no
	 * other station ever tells of any.
	 */
	static const struct setting off = {"disable_ipv6", "1", true};
	static const struct setting on = {"disable_ipv6", "0", true};
	static const struct setting quiet[] = {
		{"net/ipv6/conf/default/accept_ra", "0", false},
		{"net/ipv6/conf/default/autoconf", "0", false},
		{"net/ipv6/conf/default/addr_gen_mode", "1", false},
		{"net/ipv6/conf/default/accept_dad", "0", false},
	};
	const struct setting *set = ipv6 ? &on : &off;
	size_t i;

	for (i = 0; i < NSN_COUNT(quiet); i++)
		if (add(s, at, "", &quiet[i], quiet[i].name, true) < 0)
			return -ENOMEM;
	if (add(s, at, "", set, "net/ipv6/conf/all/disable_ipv6", true) < 0 ||
	    add(s, at, "", set, "net/ipv6/conf/default/disable_ipv6", true) < 0)
		return -ENOMEM;
	return ipv6 ? switch_ipv6_on(s, at, NSN_ENDPOINT_LINK) : 0;
}
