/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "parts.h"

static const struct nsn_place gateway = {.role = NSN_GATEWAY, .id = 0};

/*
 * First bytes of MAC addresses: unicast, locally administered, one per kind of
 * thing; the id fills the other five. Never random: a tenant rebuilt after a
 * reboot has the addresses it had.
 */
enum { MAC_ENDPOINT = 0x02, MAC_GATEWAY = 0x06, MAC_PORT = 0x0a };

static struct nsn_mac mac_of(uint8_t kind, uint64_t id)
{
	struct nsn_mac mac = {.bytes = {kind}};
	size_t i;

	for (i = 0; i < 5; i++)
		mac.bytes[5 - i] = (uint8_t)(id >> (8 * i));
	return mac;
}

/*
 * A port forwards nothing it was not told to: where a station is, is a static
 * entry (`learning` off), a frame from any other source is not taken (`locked`,
 * kernel 5.18), a frame for nobody known goes nowhere (no flooding), ports do
 * not talk to each other (`isolated`), and should somebody switch spanning tree
 * on, a port that speaks it is shut (`guard`) and cannot become the root's
 * (`root_block`). What is not named here is off: `fastleave` and
 * `mcast_to_unicast` count only with snooping, which is off, too.
 *
 * Tests: tests/kernel/test_drift.c changes all of them, test_topology.c has a
 * frame that gets through without each, but for those that count only together
 * with something that is off: `guard` and `root_block` are covered by spanning
 * tree being off, `fastleave` and `mcast_to_unicast` by snooping being off.
 */
#define PORT_FLAGS (NSN_PORT_GUARD | NSN_PORT_ROOT_BLOCK | NSN_PORT_ISOLATED | NSN_PORT_LOCKED)

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

const char *nsn_compile_port(const struct nsn_endpoint *e, char buf[NSN_PORT_NAME_SIZE])
{
	(void)snprintf(buf, NSN_PORT_NAME_SIZE, "nsn%" PRIu64, e->link);
	return buf;
}

/* That of an ethernet, also where the host's own devices have less: nothing leads there. */
#define MTU 1500

static struct nsn_object *add_link(struct nsn_state *s, struct nsn_place at, const char *name,
				   const struct nsn_owner *owner, struct nsn_mac mac)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_LINK, at, name);

	if (o)
		o->u.dev = (struct nsn_link){.mac = mac,
					     .mtu = MTU,
					     .group = owner->group,
					     .master = "",
					     .peer = "",
					     .peer_nsid = -1};
	return o;
}

static int add_bridge(struct nsn_state *s, const struct nsn_tenant *t,
		      const struct nsn_owner *owner)
{
	struct nsn_object *o = add_link(s, gateway, NSN_BRIDGE, owner, mac_of(MAC_GATEWAY, t->id));

	if (!o)
		return -ENOMEM;
	o->u.dev.type = NSN_LINK_BRIDGE;
	o->u.dev.type_name = "bridge";
	/* stp and mcast_snooping stay false: the bridge takes part in no protocol. */
	o = nsn_state_add(s, NSN_OBJ_ADDR, gateway, NSN_BRIDGE);
	if (!o)
		return -ENOMEM;
	o->u.addr.prefix = (struct nsn_prefix){.ip = t->gateway, .len = t->subnet.len};
	if (!nsn_state_add(s, NSN_OBJ_UP, gateway, NSN_BRIDGE))
		return -ENOMEM;
	return nsn_compile_link_sysctls(s, gateway, NSN_BRIDGE);
}

static int add_veth(struct nsn_state *s, const struct nsn_endpoint *e, struct nsn_place at,
		    const char *port, const struct nsn_owner *owner)
{
	struct nsn_object *o = add_link(s, gateway, port, owner, mac_of(MAC_PORT, e->link));

	if (!o)
		return -ENOMEM;
	o->u.dev.type = NSN_LINK_VETH;
	o->u.dev.type_name = "veth";
	o->u.dev.master = NSN_BRIDGE;
	o->u.dev.peer = NSN_ENDPOINT_LINK;
	o->u.dev.peer_at = at;
	o = add_link(s, at, NSN_ENDPOINT_LINK, owner, mac_of(MAC_ENDPOINT, e->id));
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
static int add_port(struct nsn_state *s, const struct nsn_endpoint *e, const char *port,
		    enum nsn_want want)
{
	const struct nsn_mac mac = mac_of(MAC_ENDPOINT, e->id);
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_PORT, gateway, port);

	if (!o)
		return -ENOMEM;
	o->u.port_flags = PORT_FLAGS;
	o = nsn_state_add(s, NSN_OBJ_FDB, gateway, port);
	if (!o)
		return -ENOMEM;
	o->u.fdb = mac;
	o = nsn_state_add(s, NSN_OBJ_NEIGH, gateway, NSN_BRIDGE);
	if (!o)
		return -ENOMEM;
	o->u.neigh.ip = e->ip;
	o->u.neigh.mac = mac;
	if (want != NSN_WANT_CUT && !nsn_state_add(s, NSN_OBJ_UP, gateway, port))
		return -ENOMEM;
	return nsn_compile_link_sysctls(s, gateway, port);
}

/* The workload's half. */
static int add_workload(struct nsn_state *s, const struct nsn_tenant *t,
			const struct nsn_endpoint *e, struct nsn_place at)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ADDR, at, NSN_ENDPOINT_LINK);

	if (!o)
		return -ENOMEM;
	o->u.addr.prefix = (struct nsn_prefix){.ip = e->ip, .len = t->subnet.len};
	o = nsn_state_add(s, NSN_OBJ_NEIGH, at, NSN_ENDPOINT_LINK);
	if (!o)
		return -ENOMEM;
	o->u.neigh.ip = t->gateway;
	o->u.neigh.mac = mac_of(MAC_GATEWAY, t->id);
	o = nsn_state_add(s, NSN_OBJ_ROUTE, at, NSN_ENDPOINT_LINK);
	if (!o)
		return -ENOMEM;
	o->u.route.dst.ip.family = t->gateway.family;
	o->u.route.via = t->gateway;
	o->u.route.protocol = NSN_RTPROT;
	if (!nsn_state_add(s, NSN_OBJ_UP, at, "lo") ||
	    !nsn_state_add(s, NSN_OBJ_UP, at, NSN_ENDPOINT_LINK))
		return -ENOMEM;
	return nsn_compile_endpoint_sysctls(s, at);
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
			const struct nsn_endpoint *e, const struct nsn_owner *owner,
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
		r = add_veth(s, e, at, port, owner);
	if (r == 0)
		r = add_port(s, e, port, want);
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

int nsn_compile(const struct nsn_tenant *t, const struct nsn_owner *owner, enum nsn_want want,
		struct nsn_state *ret, struct nsnet_err *err)
{
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
		r = nsn_compile_gateway_sysctls(ret, gateway);
	if (r == 0)
		r = nsn_compile_ruleset(ret, gateway, t,
					nsn_compile_mark(owner, t->id, t->name, mark), want);
	if (r == 0)
		r = add_bridge(ret, t, owner);
	for (i = 0; r == 0 && i < t->n_endpoints; i++)
		r = add_endpoint(ret, t, &t->endpoints[i], owner, want);
	if (r == -ENOMEM)
		return nsn_err_nomem(err);
	if (r < 0)
		return nsn_err(err, r, NSNET_E_INTERNAL, "a rule of tenant '%s' is too long",
			       t->name);
	nsn_state_sort(ret);
	return 0;
}
