/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../kernel/addr.h"
#include "../kernel/link.h"
#include "../kernel/neigh.h"
#include "../kernel/nft.h"
#include "../kernel/route.h"
#include "../kernel/sysctl.h"
#include "site.h"

static int read_sysctls(const struct nsn_site *site, const struct nsn_space *space,
			const struct nsn_state *wanted, struct nsn_state *ret,
			struct nsnet_err *err)
{
	char value[64];
	size_t i;
	int r;

	r = nsn_netns_go(space->ns, site->home, err);
	if (r < 0)
		return r;
	for (i = 0; i < wanted->n; i++) {
		const struct nsn_object *want = &wanted->objects[i];
		struct nsn_object *o;

		if (want->kind != NSN_OBJ_SYSCTL || !nsn_place_same(want->at, space->at))
			continue;
		r = nsn_sysctl_read(want->u.sysctl.path, value, sizeof(value), err);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		o = nsn_state_add(ret, NSN_OBJ_SYSCTL, space->at, want->link);
		if (!o)
			return nsn_err_nomem(err);
		o->u.sysctl = want->u.sysctl;
		o->u.sysctl.path = nsn_arena_strdup(&ret->arena, want->u.sysctl.path);
		o->u.sysctl.value = nsn_arena_strdup(&ret->arena, value);
		if (!o->u.sysctl.path || !o->u.sysctl.value)
			return nsn_err_nomem(err);
	}
	return 0;
}

static int dump_space(const struct nsn_space *space, struct nsn_state *ret, struct nsnet_err *err)
{
	struct nsn_nl *route = nsn_netns_route(space->ns);
	bool gateway = space->at.role == NSN_GATEWAY;
	int r;

	r = nsn_link_dump(route, ret, space->at, err);
	if (r == 0)
		r = nsn_addr_dump(route, ret, space->at, err);
	if (r == 0)
		r = nsn_neigh_dump(route, ret, space->at, gateway, err);
	if (r == 0)
		r = nsn_route_dump(route, ret, space->at, err);
	/* A workload's own rules are its own business. */
	if (r == 0 && gateway)
		r = nsn_nft_dump(nsn_netns_nft(space->ns), NSN_TABLE_NAME, ret, space->at, err);
	return r;
}

/*
 * Without a known cookie: our mark on something inside, and not only the
 * store's but this very tenant's or endpoint's. Its MAC address says which
 * endpoint a link was made for.
 */
static bool is_marked(const struct nsn_site *site, const struct nsn_space *space,
		      const struct nsn_state *wanted, const struct nsn_owner *owner,
		      const struct nsn_state *s, size_t start)
{
	const struct nsn_object *link = nsn_state_link(wanted, space->at, NSN_ENDPOINT_LINK);
	uint64_t id;
	size_t i;

	for (i = start; i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];

		if (space->at.role == NSN_GATEWAY && o->kind == NSN_OBJ_TABLE &&
		    nsn_compile_mark_read(owner, o->u.table.comment, &id) && id == site->tenant)
			return true;
		if (space->at.role == NSN_ENDPOINT && o->kind == NSN_OBJ_LINK && link &&
		    o->u.dev.group == owner->group && strcmp(o->link, NSN_ENDPOINT_LINK) == 0 &&
		    nsn_mac_cmp(&o->u.dev.mac, &link->u.dev.mac) == 0)
			return true;
	}
	return false;
}

static int observe_space(struct nsn_site *site, struct nsn_space *space,
			 const struct nsn_state *wanted, const struct nsn_owner *owner,
			 struct nsn_state *ret, struct nsnet_err *err)
{
	size_t start = ret->n;
	struct nsn_object *o;
	int r, back;

	r = dump_space(space, ret, err);
	if (r < 0)
		return r;
	if (!space->cookie && !is_marked(site, space, wanted, owner, ret, start)) {
		ret->n = start;
		nsn_netns_close(space->ns);
		space->ns = NULL;
		space->taken = true;
		space->pinned = false;
		return 0;
	}
	r = read_sysctls(site, space, wanted, ret, err);
	back = nsn_home_return(site->home, err);
	if (r < 0 || back < 0)
		return back < 0 ? back : r;
	if (!nsn_state_add(ret, NSN_OBJ_NETNS, space->at, ""))
		return nsn_err_nomem(err);
	if (!space->pinned)
		return 0;
	o = nsn_state_add(ret, NSN_OBJ_PIN, space->at, "");
	if (!o)
		return nsn_err_nomem(err);
	o->u.pin = nsn_arena_strdup(&ret->arena, space->pin);
	return o->u.pin ? 0 : nsn_err_nomem(err);
}

/*
 * Which veth ends belong together. An index alone would do for an honest
 * kernel state only: both namespaces count from 1. The other end is where the
 * near one's netnsid points *and* it points back.
 */
static int pair_ends(const struct nsn_space *gateway, const struct nsn_space *space,
		     struct nsn_state *s, struct nsnet_err *err)
{
	size_t i, j;
	int32_t nsid;
	int r;

	r = nsn_netns_nsid(gateway->ns, space->ns, &nsid, err);
	if (r < 0 || nsid < 0)
		return r;
	for (i = 0; i < s->n; i++) {
		struct nsn_object *far = &s->objects[i];

		if (far->kind != NSN_OBJ_LINK || far->u.dev.type != NSN_LINK_VETH ||
		    !nsn_place_same(far->at, space->at))
			continue;
		for (j = 0; j < s->n; j++) {
			struct nsn_object *near = &s->objects[j];

			if (near->kind != NSN_OBJ_LINK || near->u.dev.type != NSN_LINK_VETH ||
			    !nsn_place_same(near->at, gateway->at) ||
			    near->u.dev.peer_nsid != nsid ||
			    near->u.dev.peer_index != far->u.dev.index ||
			    far->u.dev.peer_index != near->u.dev.index)
				continue;
			near->u.dev.peer = far->link;
			near->u.dev.peer_at = far->at;
			far->u.dev.peer = near->link;
			far->u.dev.peer_at = near->at;
		}
	}
	return 0;
}

int nsn_site_observe(struct nsn_site *site, const struct nsn_state *wanted,
		     const struct nsn_owner *owner, struct nsn_state *ret, struct nsnet_err *err)
{
	const struct nsn_space *gateway;
	size_t i;
	int r;

	for (i = 0; i < site->n; i++) {
		if (!site->spaces[i].ns)
			continue;
		r = observe_space(site, &site->spaces[i], wanted, owner, ret, err);
		if (r < 0)
			return r;
	}
	gateway = nsn_site_space(site, (struct nsn_place){.role = NSN_GATEWAY});
	for (i = 0; gateway && gateway->ns && i < site->n; i++) {
		if (site->spaces[i].at.role != NSN_ENDPOINT || !site->spaces[i].ns)
			continue;
		r = pair_ends(gateway, &site->spaces[i], ret, err);
		if (r < 0)
			return r;
	}
	nsn_state_sort(ret);
	return 0;
}
