/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>

#include "../base/cleanup.h"
#include "host_parts.h"
#include "parts.h"

static const struct nsn_place host = {.role = NSN_HOST};

const char *nsn_compile_host_mark(const struct nsn_owner *owner, char buf[NSN_MARK_SIZE])
{
	(void)snprintf(buf, NSN_MARK_SIZE, "nsnet store %s host", owner->store);
	return buf;
}

bool nsn_compile_host_mark_read(const struct nsn_owner *owner, const char *comment)
{
	char mark[NSN_MARK_SIZE];

	return strcmp(comment, nsn_compile_host_mark(owner, mark)) == 0;
}

/* ---- the end of an uplink ----------------------------------------------------------------- */

/* As of a cable (cable.c): it cuts nothing. */
enum { UPLINK_MTU = 65535 };

static int add_link(struct nsn_state *s, const char *name, uint64_t link,
		    const struct nsn_owner *owner)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_LINK, host, name);
	const char *peer = nsn_arena_strdup(&s->arena, name);

	if (!o || !peer)
		return -ENOMEM;
	o->u.dev = (struct nsn_link){.type = NSN_LINK_VETH,
				     .type_name = "veth",
				     .mac = nsn_compile_mac(NSN_MAC_UPLINK_HOST, link),
				     .mtu = UPLINK_MTU,
				     .group = owner->group,
				     .master = "",
				     .peer = peer,
				     .peer_at = {.role = NSN_GATEWAY},
				     .peer_nsid = -1,
				     .far = true};
	return 0;
}

/* One family: our address, and who is at the other end. */
static int add_family(struct nsn_state *s, const char *name, const struct nsn_up *up, bool six)
{
	const struct nsn_ip *near = six ? &up->near6 : &up->near4,
			    *far = six ? &up->far6 : &up->far4;
	const uint8_t len = (uint8_t)nsn_ip_bits(far);
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ADDR, host, name);

	if (!o)
		return -ENOMEM;
	o->u.addr.prefix = (struct nsn_prefix){.ip = *far, .len = len};
	o->u.addr.protocol = NSN_RTPROT;
	o = nsn_state_add(s, NSN_OBJ_NEIGH, host, name);
	if (!o)
		return -ENOMEM;
	o->u.neigh.ip = *near;
	o->u.neigh.mac = nsn_compile_mac(NSN_MAC_UPLINK_GATEWAY, up->link);
	o->u.neigh.protocol = NSN_RTPROT;
	o = nsn_state_add(s, NSN_OBJ_ROUTE, host, name);
	if (!o)
		return -ENOMEM;
	o->u.route.dst = (struct nsn_prefix){.ip = *near, .len = len};
	o->u.route.protocol = NSN_RTPROT;
	return 0;
}

static int add_uplink(struct nsn_state *s, const struct nsn_host_wanted *w,
		      const struct nsn_host_tenant *t, const struct nsn_owner *owner)
{
	const struct nsn_uplink_conf conf = {.six = nsn_host_six(w, t->t),
					     .host_six = w->view->all_forwarding6 >= 0,
					     .routes = nsn_host_routes(w, t->t),
					     .force6 = nsn_host_has_force6(w->view),
					     .localnet = nsn_host_on_loopback(w, t->t)};
	char name[NSN_LINK_NAME_SIZE];
	int r;

	(void)nsn_up_name(&t->up, name);
	r = add_link(s, name, t->up.link, owner);
	if (r == 0)
		r = nsn_compile_uplink_sysctls(s, host, name, &conf);
	if (r == 0)
		r = add_family(s, name, &t->up, false);
	if (r == 0 && conf.six)
		r = add_family(s, name, &t->up, true);
	return r < 0 || nsn_state_add(s, NSN_OBJ_UP, host, name) ? r : -ENOMEM;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int compile_tenants(struct nsn_state *s, const struct nsn_host_wanted *w,
			   const struct nsn_host_tenant *only, const struct nsn_owner *owner)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->n_tenants; i++) {
		const struct nsn_host_tenant *t = &w->tenants[i];

		if (only && only->up.link != t->up.link)
			continue;
		r = nsn_host_elements(s, w, t);
		if (r == 0)
			r = add_uplink(s, w, t, owner);
	}
	return r;
}

/* What was said twice, as an address that two links have, is once in a set. */
static void remove_twins(struct nsn_state *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		if (n == 0 || nsn_object_cmp(&s->objects[n - 1], &s->objects[i]) != 0)
			s->objects[n++] = s->objects[i];
	s->n = n;
}

int nsn_compile_host(const struct nsn_host_wanted *w, enum nsn_host_state state,
		     const struct nsn_host_tenant *only, const struct nsn_owner *owner,
		     struct nsn_state *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_host_ways_clear) struct nsn_host_ways ways = {0};
	int r = nsn_state_add(ret, NSN_OBJ_NETNS, host, "") ? 0 : -ENOMEM;

	if (r == 0 && state == NSN_HOST_OPEN && w->n_tenants == 0)
		return 0;
	if (r == 0 && state == NSN_HOST_OPEN)
		r = nsn_host_ways(&ways, w);
	if (r == 0)
		r = nsn_host_settings(ret, w, &ways, state);
	if (r == 0)
		r = nsn_host_table(ret, &w->transit, owner);
	if (r == 0)
		r = nsn_host_sets(ret);
	if (r == 0)
		r = nsn_host_shared(ret, w, &ways);
	if (r == 0 && state == NSN_HOST_OPEN)
		r = compile_tenants(ret, w, only, owner);
	if (r == -ENOMEM)
		return nsn_err_nomem(err);
	if (r < 0)
		return nsn_err(err, r, NSNET_E_INTERNAL, "a rule of the host's table is too long");
	nsn_state_sort(ret);
	remove_twins(ret);
	return 0;
}

/* ---- whose an object is -------------------------------------------------------------------- */

uint64_t nsn_host_uplink_of(const struct nsn_object *o, const struct nsn_transit *transit,
			    const struct nsn_host_tenant *tenants, size_t n_tenants)
{
	(void)transit;
	if (o->kind == NSN_OBJ_ELEM)
		return nsn_host_element_of(&o->u.elem, tenants, n_tenants);
	return o->link[0] ? nsn_host_link_number(o->link) : 0;
}
