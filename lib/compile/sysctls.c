/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include <linux/ip.h>
#include <linux/ipv6.h>

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
	uint8_t conf; /* its place in what the kernel tells of a link */
};

/* IFLA_INET_CONF and IFLA_INET6_CONF: the kernel's numbers of the former begin with 1. */
#define CONF4(name) (IPV4_DEVCONF_##name - 1)
#define CONF6(name) (DEVCONF_##name)

static const struct setting ipv4_conf[] = {
	/* (p) Nothing is routed: an isolated gateway is no router at all. Changing it resets
	 * accept_redirects of `all`, so it goes first. */
	{"forwarding", "0", true, CONF4(FORWARDING)},
	/* (p) Sources that the route back would not use; behind the prerouting chain, which
	 * drops them by subnet. */
	{"rp_filter", "1", false, CONF4(RP_FILTER)},
	/* (p) A gateway without routes has nothing to redirect; the input chain drops them, too. */
	{"accept_redirects", "0", false, CONF4(ACCEPT_REDIRECTS)},
	/* Only says which redirects are accepted: covered by accept_redirects. */
	{"secure_redirects", "0", false, CONF4(SECURE_REDIRECTS)},
	/* (p) Would tell a tenant of next hops. Only a router does; the forward chain comes too
	 * late to prevent it, the output chain drops them. */
	{"send_redirects", "0", false, CONF4(SEND_REDIRECTS)},
	/* (p) Source routes are only followed by a router, through the forward chain. */
	{"accept_source_route", "0", false, CONF4(ACCEPT_SOURCE_ROUTE)},
	/* (p) 127.0.0.0/8 from outside (CVE-2020-8558). */
	{"route_localnet", "0", false, CONF4(ROUTE_LOCALNET)},
	/* (p) Would answer ARP for addresses of others: of other links once there are routes, or
	 * of the subnet itself. Only a router does. */
	{"proxy_arp", "0", false, CONF4(PROXY_ARP)},
	{"proxy_arp_pvlan", "0", false, CONF4(PROXY_ARP_PVLAN)},
	/* (p) Answers only for br0's own address and only to its subnet, not for any address of
	 * the namespace (the kernel's weak host model). */
	{"arp_ignore", "2", false, CONF4(ARP_IGNORE)},
	/* (p) Asks only with the address of the subnet; for permanent neighbours it never asks,
	 * and the output chain lets it send nothing to others. */
	{"arp_announce", "2", false, CONF4(ARP_ANNOUNCE)},
	/* (p) Makes no entry for who was not asked; either of the two is enough. Entries that
	 * there are do not change, because they are permanent. */
	{"arp_accept", "0", false, CONF4(ARP_ACCEPT)},
	{"drop_gratuitous_arp", "1", false, CONF4(DROP_GRATUITOUS_ARP)},
	/* (p) Sends on directed broadcasts, and does not ask `forwarding`; the forward chain
	 * drops them. */
	{"bc_forwarding", "0", false, CONF4(BC_FORWARDING)},
	/* (p) The gateway's own address as a source from outside. */
	{"accept_local", "0", false, CONF4(ACCEPT_LOCAL)},
};

/*
 * IPv6 is off on ports, and everywhere in a tenant that has none; the rest is
 * what counts on br0 of a tenant that has, or if somebody switched it on.
 */
static const struct setting ipv6_conf[] = {
	/* (p) */
	{"forwarding", "0", true, CONF6(FORWARDING)},
	/* (p) No address, no neighbour discovery, nothing received. That of `all` only
	 * matters when it is written: it overwrites all others. */
	{"disable_ipv6", "1", false, CONF6(DISABLE_IPV6)},
	/* (p) No routes and no addresses from advertisements. */
	{"accept_ra", "0", false, CONF6(ACCEPT_RA)},
	{"autoconf", "0", false, CONF6(AUTOCONF)},
	/* Covered by disable_ipv6 and, behind that, by the inet chains, which accept no IPv6. */
	{"accept_redirects", "0", false, CONF6(ACCEPT_REDIRECTS)},
	{"accept_source_route", "0", false, CONF6(ACCEPT_SOURCE_ROUTE)},
	{"seg6_enabled", "0", false, CONF6(SEG6_ENABLED)},
	/* (p) No fe80:: address by itself. */
	{"addr_gen_mode", "1", false, CONF6(ADDR_GEN_MODE)},
	/* Covered by disable_ipv6: without addresses there is nothing to detect. */
	{"accept_dad", "0", false, CONF6(ACCEPT_DAD)},
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

static void told_with_link(struct nsn_object *o, uint8_t version, uint8_t conf)
{
	o->u.sysctl.version = version;
	o->u.sysctl.conf = conf;
}

/* What is not to be as the tables say. */
struct unlike {
	bool on;     /* IPv6 is not off */
	bool routes; /* `forwarding` is not off */
};

static bool is_unlike(const struct setting *set, struct unlike but)
{
	return (but.on && strcmp(set->name, "disable_ipv6") == 0) ||
	       (but.routes && strcmp(set->name, "forwarding") == 0);
}

/* One family's settings of `all`, `default` or a link, without those that are unlike. */
static int add_conf(struct nsn_state *s, struct nsn_place at, const char *link, const char *who,
		    bool ipv6, struct unlike but)
{
	const struct setting *set = ipv6 ? ipv6_conf : ipv4_conf;
	size_t i, n = ipv6 ? NSN_COUNT(ipv6_conf) : NSN_COUNT(ipv4_conf);

	for (i = 0; i < n; i++) {
		const char *path = nsn_arena_printf(&s->arena, "net/ipv%d/conf/%s/%s", ipv6 ? 6 : 4,
						    who, set[i].name);

		if (is_unlike(&set[i], but))
			continue;
		/* A kernel without IPv6 needs none of it; bc_forwarding and seg6 may be absent. */
		if (add(s, at, link, &set[i], path, true) < 0)
			return -ENOMEM;
		if (link[0])
			told_with_link(&s->objects[s->n - 1], ipv6 ? 6 : 4, set[i].conf);
	}
	return 0;
}

/*
 * IPv4 is forwarded from the links that say so; IPv6 only if `all` does (the kernel
 * has a switch for one link since 6.17), and then `all` is what new links begin
 * with.
 */
static int add_routing(struct nsn_state *s, struct nsn_place at, bool routes, bool ipv6)
{
	static const struct setting marks[2][3] = {
		{{"net/ipv4/fwmark_reflect", "0", false},
		 {"net/ipv6/fwmark_reflect", "0", false},
		 {"net/ipv4/conf/all/src_valid_mark", "0", false}},
		/* Errors of the gateway have the mark of what they are about; rp_filter looks for
		 * the way back with the packet's. */
		{{"net/ipv4/fwmark_reflect", "1", false},
		 {"net/ipv6/fwmark_reflect", "1", false},
		 {"net/ipv4/conf/all/src_valid_mark", "1", false}},
	};
	/* A connection begins with its first packet: who opened it is then known. */
	static const struct setting tcp[] = {
		{"net/netfilter/nf_conntrack_tcp_loose", "0", false},
		/*
		 * What is closed counts no longer as open (limits.c) but stays for a while: with
		 * the usual two minutes one endpoint that opens and closes as fast as it may
		 * would fill the gateway of whom it calls.
		 */
		{"net/netfilter/nf_conntrack_tcp_timeout_time_wait", "10", false},
	};
	static const struct setting six[] = {
		{"net/ipv6/conf/all/forwarding", "1", true},
		{"net/ipv6/conf/default/forwarding", "1", false},
	};
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < NSN_COUNT(marks[0]); i++)
		r = add(s, at, "", &marks[routes][i], marks[routes][i].name, true);
	for (i = 0; r == 0 && routes && i < NSN_COUNT(tcp); i++)
		r = add(s, at, "", &tcp[i], tcp[i].name, true);
	for (i = 0; r == 0 && routes && ipv6 && i < NSN_COUNT(six); i++)
		r = add(s, at, "", &six[i], six[i].name, false);
	return r;
}

int nsn_compile_gateway_sysctls(struct nsn_state *s, struct nsn_place at, bool routes, bool ipv6)
{
	const struct unlike none = {false, false}, six = {false, routes && ipv6};
	size_t i;

	if (add_conf(s, at, "", "all", false, none) < 0 ||
	    add_conf(s, at, "", "default", false, none) < 0 ||
	    add_conf(s, at, "", "all", true, six) < 0 ||
	    add_conf(s, at, "", "default", true, six) < 0)
		return -ENOMEM;
	for (i = 0; i < NSN_COUNT(others); i++)
		if (add(s, at, "", &others[i], others[i].name, i > 0) < 0)
			return -ENOMEM;
	return add_routing(s, at, routes, ipv6);
}

/*
 * A link is born with what `default` says; what is to be different is written
 * when it is there (NSN_OBJ_CONF).
 */
static int add_late(struct nsn_state *s, struct nsn_place at, const char *link, uint8_t version,
		    uint8_t conf, const char *name, const char *value)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_CONF, at, link);
	const char *path = nsn_arena_printf(&s->arena, "net/ipv%d/conf/%s/%s", version, link, name);

	if (!o || !path)
		return -ENOMEM;
	o->u.sysctl = (struct nsn_sysctl){.path = path, .value = value};
	told_with_link(o, version, conf);
	return 0;
}

static int switch_ipv6_on(struct nsn_state *s, struct nsn_place at, const char *link)
{
	return add_late(s, at, link, 6, CONF6(DISABLE_IPV6), "disable_ipv6", "0");
}

int nsn_compile_link_sysctls(struct nsn_state *s, struct nsn_place at, const char *link, bool ipv6,
			     bool routes)
{
	int r = add_conf(s, at, link, link, false, (struct unlike){false, routes});

	if (r == 0)
		r = add_conf(s, at, link, link, true, (struct unlike){ipv6, ipv6 && routes});
	if (r == 0 && routes)
		r = add_late(s, at, link, 4, CONF4(FORWARDING), "forwarding", "1");
	if (r == 0 && routes && ipv6)
		r = add_late(s, at, link, 6, CONF6(FORWARDING), "forwarding", "1");
	return r == 0 && ipv6 ? switch_ipv6_on(s, at, link) : r;
}

/* No IPv6 is received on a port (disable_ipv6), whatever it says of forwarding. */
int nsn_compile_port_sysctls(struct nsn_state *s, struct nsn_place at, const char *link,
			     bool routes6)
{
	int r = add_conf(s, at, link, link, false, (struct unlike){false, false});

	return r < 0 ? r : add_conf(s, at, link, link, true, (struct unlike){false, routes6});
}

/*
 * The host's `default` is the host's own, so all that matters is written when the link is
 * there; it is up only then. Of most settings the host's `all` counts, too: that of the
 * output chain (host_rules.c) is what keeps redirects in.
 *
 * What is different from a gateway's:
 *   arp_ignore	     nobody is told anything: both ends know each other
 *   route_localnet  127.0.0.1 leaves, and comes back as the destination of answers; what an
 *		     uplink says to 127.0.0.0/8 is dropped before that (CVE-2020-8558)
 *   forwarding      in IPv6 it is never written for one link (host_settings.c)
 */
static const char *uplink_value(const struct setting *set, bool six,
				const struct nsn_uplink_conf *conf)
{
	if (!six && strcmp(set->name, "forwarding") == 0)
		return conf->routes ? "1" : "0";
	if (!six && strcmp(set->name, "arp_ignore") == 0)
		return "8";
	if (!six && strcmp(set->name, "route_localnet") == 0)
		return conf->localnet ? "1" : "0";
	if (six && strcmp(set->name, "forwarding") == 0)
		return NULL;
	if (six && strcmp(set->name, "disable_ipv6") == 0)
		return conf->six ? "0" : "1";
	return set->value;
}

int nsn_compile_uplink_sysctls(struct nsn_state *s, struct nsn_place at, const char *link,
			       const struct nsn_uplink_conf *conf)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < NSN_COUNT(ipv4_conf); i++)
		r = add_late(s, at, link, 4, ipv4_conf[i].conf, ipv4_conf[i].name,
			     uplink_value(&ipv4_conf[i], false, conf));
	for (i = 0; r == 0 && conf->host_six && i < NSN_COUNT(ipv6_conf); i++) {
		const char *value = uplink_value(&ipv6_conf[i], true, conf);

		if (value)
			r = add_late(s, at, link, 6, ipv6_conf[i].conf, ipv6_conf[i].name, value);
	}
	if (r < 0 || !conf->six || !conf->force6)
		return r;
	r = add_late(s, at, link, 6, 0, "force_forwarding", conf->routes ? "1" : "0");
	/* It has to be read: the kernel does not tell it with the link. */
	if (r == 0)
		told_with_link(&s->objects[s->n - 1], 0, 0);
	return r;
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
	/*
	 * The namespace belongs to the host's user namespace, so that no workload can change
	 * anything in it (lib/spawn): whoever is root in one has no rights here, and
	 * what he needs of them is given to all.
	 */
	static const struct setting open[] = {
		{"net/ipv4/ip_unprivileged_port_start", "0", false},
		{"net/ipv4/ping_group_range", "0\t2147483647", false},
	};
	const struct setting *set = ipv6 ? &on : &off;
	size_t i;

	for (i = 0; i < NSN_COUNT(open); i++)
		if (add(s, at, "", &open[i], open[i].name, false) < 0)
			return -ENOMEM;
	for (i = 0; i < NSN_COUNT(quiet); i++)
		if (add(s, at, "", &quiet[i], quiet[i].name, true) < 0)
			return -ENOMEM;
	if (add(s, at, "", set, "net/ipv6/conf/all/disable_ipv6", true) < 0 ||
	    add(s, at, "", set, "net/ipv6/conf/default/disable_ipv6", true) < 0)
		return -ENOMEM;
	return ipv6 ? switch_ipv6_on(s, at, NSN_ENDPOINT_LINK) : 0;
}
