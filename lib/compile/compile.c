/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "parts.h"
#include "rule.h"

static const struct nsn_place gateway = {.role = NSN_GATEWAY, .id = 0};

struct nsn_mac nsn_compile_mac(enum nsn_mac_kind kind, uint64_t id)
{
	struct nsn_mac mac = {.bytes = {(uint8_t)kind}};
	size_t i;

	for (i = 0; i < 5; i++)
		mac.bytes[5 - i] = (uint8_t)(id >> (8 * i));
	return mac;
}

/*
 * A port forwards nothing it was not told to: where a station is, is a static
 * entry (`learning` off), a frame from any other source is not taken (`locked`,
 * kernel 5.18), a frame for nobody known goes nowhere (no flooding of unicast),
 * and should somebody switch spanning tree on, a port that speaks it is shut
 * (`guard`) and cannot become the root's (`root_block`). What is not named here
 * is off: `fastleave` and `mcast_to_unicast` count only with snooping, which is
 * off, too.
 *
 * With `inside: deny` ports do not talk to each other (`isolated`). Without it
 * the bridge itself answers ARP from br0's permanent entries when the station
 * asked for is behind a port with `proxy_arp_wifi` (br_arp_nd_proxy.c): no request
 * is flooded. (`proxy_arp` would do the same, but keeps all multicast from a port.
 * Flooded to 1,000 ports, a request is lost to those beyond the queue of 1,000
 * packets that a CPU has for all namespaces, net.core.netdev_max_backlog.) There is
 * no such answer for IPv6 between two ports that both have it: neighbour
 * solicitations go to all, the bridge's table lets no other group frame come
 * that far.
 *
 * Tests: tests/kernel/test_drift.c changes all of them, test_topology.c has a
 * frame that gets through without each, but for those that count only together
 * with something that is off: `guard` and `root_block` are covered by spanning
 * tree being off, `fastleave` and `mcast_to_unicast` by snooping being off.
 */
#define PORT_FLAGS (NSN_PORT_GUARD | NSN_PORT_ROOT_BLOCK | NSN_PORT_LOCKED)

static uint32_t port_flags(const struct nsn_tenant *t)
{
	if (t->inside_deny)
		return PORT_FLAGS | NSN_PORT_ISOLATED;
	return PORT_FLAGS | NSN_PORT_PROXY_ARP_WIFI |
	       (nsn_compile_ipv6(t) ? NSN_PORT_MCAST_FLOOD : 0);
}

const char *nsn_compile_mark(const struct nsn_owner *owner, uint64_t tenant, const char *name,
			     char buf[NSN_MARK_SIZE])
{
	(void)snprintf(buf, NSN_MARK_SIZE, "nsnet store %s tenant %" PRIu64 " %s", owner->store,
		       tenant, name);
	return buf;
}

bool nsn_compile_mark_read(const struct nsn_owner *owner, const char *comment, uint64_t *tenant)
{
	char head[NSN_MARK_SIZE], number[24];
	const char *end;
	size_t n;
	int len;

	len = snprintf(head, sizeof(head), "nsnet store %s tenant ", owner->store);
	if (len < 0 || strncmp(comment, head, (size_t)len) != 0)
		return false;
	comment += len;
	end = strchr(comment, ' ');
	n = end ? (size_t)(end - comment) : 0;
	if (n >= sizeof(number))
		return false;
	memcpy(number, comment, n);
	number[n] = '\0';
	return nsn_u64_parse(tenant, number, NSN_ID_MAX) == 0;
}

int nsn_compile_gateway_pin(const struct nsn_owner *owner, uint64_t tenant, char buf[NSN_PIN_SIZE],
			    struct nsnet_err *err)
{
	int n = snprintf(buf, NSN_PIN_SIZE, "%s/%.8s-%" PRIu64, owner->pin_dir, owner->store,
			 tenant);

	if (n < 0 || n >= NSN_PIN_SIZE)
		return nsn_err(err, -ENAMETOOLONG, NSNET_E_UNSAFE_PATH,
			       "the path of the run folder is too long");
	return 0;
}

struct nsn_mac nsn_compile_endpoint_mac(const struct nsn_endpoint *e)
{
	return nsn_compile_mac(NSN_MAC_ENDPOINT, e->id);
}

const char *nsn_compile_port(const struct nsn_endpoint *e, char buf[NSN_PORT_NAME_SIZE])
{
	(void)snprintf(buf, NSN_PORT_NAME_SIZE, "nsn%" PRIu64, e->link);
	return buf;
}

bool nsn_compile_ipv6(const struct nsn_tenant *t)
{
	return t->subnet6.ip.family != 0;
}

static struct nsn_object *add_link(struct nsn_state *s, struct nsn_place at, const char *name,
				   const struct nsn_tenant *t, const struct nsn_owner *owner,
				   struct nsn_mac mac)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_LINK, at, name);

	if (o)
		o->u.dev = (struct nsn_link){.mac = mac,
					     .mtu = t->mtu,
					     .group = owner->group,
					     .master = "",
					     .peer = "",
					     .peer_nsid = -1};
	return o;
}

static int add_addr(struct nsn_state *s, struct nsn_place at, const char *link,
		    const struct nsn_ip *ip, uint8_t len)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ADDR, at, link);

	if (!o)
		return -ENOMEM;
	o->u.addr.prefix = (struct nsn_prefix){.ip = *ip, .len = len};
	o->u.addr.protocol = NSN_RTPROT;
	return 0;
}

int nsn_compile_neigh(struct nsn_state *s, struct nsn_place at, const char *link,
		      const struct nsn_ip *ip, struct nsn_mac mac)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_NEIGH, at, link);

	if (!o)
		return -ENOMEM;
	o->u.neigh.ip = *ip;
	o->u.neigh.mac = mac;
	o->u.neigh.protocol = NSN_RTPROT;
	return 0;
}

/* @via: NULL for what is on the link itself. */
static int add_route(struct nsn_state *s, struct nsn_place at, const char *link,
		     const struct nsn_prefix *dst, const struct nsn_ip *via)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ROUTE, at, link);

	if (!o)
		return -ENOMEM;
	o->u.route.dst = *dst;
	if (via)
		o->u.route.via = *via;
	o->u.route.protocol = NSN_RTPROT;
	return 0;
}

static int add_bridge(struct nsn_state *s, const struct nsn_tenant *t, bool routes,
		      const struct nsn_owner *owner)
{
	struct nsn_object *o =
		add_link(s, gateway, NSN_BRIDGE, t, owner, nsn_compile_mac(NSN_MAC_GATEWAY, t->id));
	int r;

	if (!o)
		return -ENOMEM;
	o->u.dev.type = NSN_LINK_BRIDGE;
	o->u.dev.type_name = "bridge";
	/* stp and mcast_snooping stay false: the bridge takes part in no protocol. */
	r = add_addr(s, gateway, NSN_BRIDGE, &t->gateway, t->subnet.len);
	if (r == 0 && nsn_compile_ipv6(t))
		r = add_addr(s, gateway, NSN_BRIDGE, &t->gateway6, t->subnet6.len);
	if (r < 0 || !nsn_state_add(s, NSN_OBJ_UP, gateway, NSN_BRIDGE))
		return -ENOMEM;
	return nsn_compile_link_sysctls(s, gateway, NSN_BRIDGE, nsn_compile_ipv6(t), routes);
}

static int add_veth(struct nsn_state *s, const struct nsn_tenant *t, const struct nsn_endpoint *e,
		    struct nsn_place at, const char *port, const struct nsn_owner *owner)
{
	struct nsn_object *o =
		add_link(s, gateway, port, t, owner, nsn_compile_mac(NSN_MAC_PORT, e->link));

	if (!o)
		return -ENOMEM;
	o->u.dev.type = NSN_LINK_VETH;
	o->u.dev.type_name = "veth";
	o->u.dev.master = NSN_BRIDGE;
	o->u.dev.peer = NSN_ENDPOINT_LINK;
	o->u.dev.peer_at = at;
	o = add_link(s, at, NSN_ENDPOINT_LINK, t, owner, nsn_compile_mac(NSN_MAC_ENDPOINT, e->id));
	if (!o)
		return -ENOMEM;
	o->u.dev.type = NSN_LINK_VETH;
	o->u.dev.type_name = "veth";
	o->u.dev.peer = nsn_arena_strdup(&s->arena, port);
	o->u.dev.peer_at = gateway;
	o->u.dev.far = true;
	return o->u.dev.peer ? 0 : -ENOMEM;
}

/* The gateway's half of an endpoint. */
static int add_port(struct nsn_state *s, const struct nsn_tenant *t, const struct nsn_endpoint *e,
		    const char *port, bool routes, enum nsn_want want)
{
	const struct nsn_mac mac = nsn_compile_mac(NSN_MAC_ENDPOINT, e->id);
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_PORT, gateway, port);
	int r;

	if (!o)
		return -ENOMEM;
	o->u.port_flags = port_flags(t);
	o = nsn_state_add(s, NSN_OBJ_FDB, gateway, port);
	if (!o)
		return -ENOMEM;
	o->u.fdb = mac;
	r = nsn_compile_neigh(s, gateway, NSN_BRIDGE, &e->ip, mac);
	if (r == 0 && e->ip6.family)
		r = nsn_compile_neigh(s, gateway, NSN_BRIDGE, &e->ip6, mac);
	if (r < 0 || (want != NSN_WANT_CUT && !nsn_state_add(s, NSN_OBJ_UP, gateway, port)))
		return -ENOMEM;
	return nsn_compile_port_sysctls(s, gateway, port, routes && nsn_compile_ipv6(t));
}

/*
 * One family of the workload's half. Where endpoints may not talk to each other
 * none is told that it has neighbours: all leads to the gateway.
 */
static int add_workload_ip(struct nsn_state *s, const struct nsn_tenant *t, struct nsn_place at,
			   const struct nsn_ip *ip, const struct nsn_prefix *subnet,
			   const struct nsn_ip *via)
{
	const uint8_t bits = (uint8_t)nsn_ip_bits(ip);
	const struct nsn_prefix all = {.ip = {.family = ip->family}};
	const struct nsn_prefix only = {.ip = *via, .len = bits};
	int r = add_addr(s, at, NSN_ENDPOINT_LINK, ip, t->inside_deny ? bits : subnet->len);

	if (r == 0)
		r = nsn_compile_neigh(s, at, NSN_ENDPOINT_LINK, via,
				      nsn_compile_mac(NSN_MAC_GATEWAY, t->id));
	if (r == 0 && t->inside_deny)
		r = add_route(s, at, NSN_ENDPOINT_LINK, &only, NULL);
	return r < 0 ? r : add_route(s, at, NSN_ENDPOINT_LINK, &all, via);
}

static int add_workload(struct nsn_state *s, const struct nsn_tenant *t,
			const struct nsn_endpoint *e, struct nsn_place at)
{
	int r = add_workload_ip(s, t, at, &e->ip, &t->subnet, &t->gateway);

	if (r == 0 && nsn_compile_ipv6(t))
		r = add_workload_ip(s, t, at, &e->ip6, &t->subnet6, &t->gateway6);
	if (r < 0 || !nsn_state_add(s, NSN_OBJ_UP, at, "lo") ||
	    !nsn_state_add(s, NSN_OBJ_UP, at, NSN_ENDPOINT_LINK))
		return -ENOMEM;
	return nsn_compile_endpoint_sysctls(s, at, nsn_compile_ipv6(t));
}

static int add_netns(struct nsn_state *s, struct nsn_place at, const char *pin)
{
	struct nsn_object *o;

	if (!nsn_state_add(s, NSN_OBJ_NETNS, at, ""))
		return -ENOMEM;
	o = nsn_state_add(s, NSN_OBJ_PIN, at, "");
	if (!o)
		return -ENOMEM;
	o->u.pin = nsn_arena_strdup(&s->arena, pin);
	return o->u.pin ? 0 : -ENOMEM;
}

static int add_endpoint(struct nsn_state *s, const struct nsn_tenant *t,
			const struct nsn_endpoint *e, bool routes, const struct nsn_owner *owner,
			enum nsn_want want)
{
	const struct nsn_place at = {.role = NSN_ENDPOINT, .id = e->id};
	char port[NSN_PORT_NAME_SIZE], name[NSN_NETNS_NAME_SIZE], pin[NSN_PIN_SIZE];
	int r;

	(void)snprintf(pin, sizeof(pin), "%s/%s", NSN_NETNS_DIR,
		       nsn_endpoint_netns_name(t, e, name));
	(void)nsn_compile_port(e, port);
	r = add_netns(s, at, pin);
	if (r == 0)
		r = add_veth(s, t, e, at, port, owner);
	if (r == 0)
		r = add_port(s, t, e, port, routes, want);
	return r == 0 ? add_workload(s, t, e, at) : r;
}

static int check_ids(const struct nsn_tenant *t, struct nsnet_err *err)
{
	bool good = t->id > 0 && t->id <= NSN_ID_MAX;
	size_t i;

	for (i = 0; i < t->n_endpoints; i++)
		good &= t->endpoints[i].id > 0 && t->endpoints[i].id <= NSN_ID_MAX &&
			t->endpoints[i].link > 0 && t->endpoints[i].link < 1000000000000;
	if (!good)
		return nsn_err(err, -ERANGE, NSNET_E_INTERNAL, "tenant '%s' has an id out of range",
			       t->name);
	return 0;
}

int nsn_compile(const struct nsn_tenant *t, const struct nsn_border *border,
		const struct nsn_owner *owner, enum nsn_want want, struct nsn_state *ret,
		struct nsnet_err *err)
{
	const bool open = border && nsn_border_is_open(border);
	const struct nsn_scope scope = {.t = t, .border = open ? border : NULL};
	char pin[NSN_PIN_SIZE], mark[NSN_MARK_SIZE];
	size_t i;
	int r;

	r = check_ids(t, err);
	if (r == 0)
		r = nsn_compile_gateway_pin(owner, t->id, pin, err);
	if (r < 0)
		return r;
	r = add_netns(ret, gateway, pin);
	if (r == 0)
		r = nsn_compile_gateway_sysctls(ret, gateway, open, nsn_compile_ipv6(t));
	(void)nsn_compile_mark(owner, t->id, t->name, mark);
	if (r == 0)
		r = nsn_compile_ruleset(ret, gateway, &scope, mark, want);
	if (r == 0)
		r = nsn_compile_bridge(ret, gateway, t, border, mark, want);
	if (r == 0)
		r = add_bridge(ret, t, open, owner);
	if (r == 0 && open)
		r = nsn_compile_border(ret, t, border, owner, want);
	for (i = 0; r == 0 && i < t->n_endpoints; i++)
		r = add_endpoint(ret, t, &t->endpoints[i], open, owner, want);
	if (r == 0)
		r = nsn_compile_files(ret, t, owner);
	if (r == -ENOMEM)
		return nsn_err_nomem(err);
	if (r < 0)
		return nsn_err(err, r, NSNET_E_INTERNAL, "a rule of tenant '%s' is too long",
			       t->name);
	nsn_state_sort(ret);
	return 0;
}
