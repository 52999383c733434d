/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "../base/cleanup.h"
#include "../compile/host.h"
#include "../kernel/addr.h"
#include "../kernel/link.h"
#include "../kernel/neigh.h"
#include "../kernel/nft.h"
#include "../kernel/route.h"
#include "observe.h"

/*
 * The host's own namespace, which is everybody's: what is not ours is not even looked at
 * twice. Ours are the ends of uplinks, by their group, what hangs on them, and our table. A
 * table of that name without our mark is kept, so that it is told as foreign.
 */

static bool is_ours(const struct nsn_state *links, const struct nsn_owner *owner,
		    const struct nsn_object *o)
{
	const struct nsn_object *link = nsn_state_link(links, o->at, o->link);

	return link && link->u.dev.group == owner->group &&
	       (o->kind != NSN_OBJ_ROUTE || o->u.route.protocol == NSN_RTPROT);
}

/* Our table, or what is in its place. */
static bool is_in_table(const struct nsn_object *o)
{
	uint8_t family = 0;
	const char *name =
		o->kind == NSN_OBJ_TABLE ? o->u.table.name : nsn_object_table(o, &family);

	if (o->kind == NSN_OBJ_TABLE)
		family = o->u.table.family;
	return name && family == NFPROTO_INET && strcmp(name, NSN_TABLE_NAME) == 0;
}

/* @n_links: how many of them are of links, sorted, and come first. Returns how many are left. */
static int keep_ours(struct nsn_state *ret, size_t start, size_t *n_links,
		     const struct nsn_owner *owner, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct nsn_object *all = calloc(*n_links + 1, sizeof(*all));
	const struct nsn_state links = {.objects = all, .n = *n_links};
	size_t i, kept = start, kept_links = 0;

	if (!all)
		return nsn_err_nomem(err);
	memcpy(all, ret->objects + start, *n_links * sizeof(*all));
	for (i = start; i < ret->n; i++) {
		const struct nsn_object *o = &ret->objects[i];

		if (!is_in_table(o) && !is_ours(&links, owner, o))
			continue;
		kept_links += i < start + *n_links;
		ret->objects[kept++] = *o;
	}
	ret->n = kept;
	*n_links = kept_links;
	return 0;
}

int nsn_observe_host(struct nsn_site *site, const struct nsn_space *space,
		     const struct nsn_state *wanted, const struct nsn_owner *owner,
		     struct nsn_state *ret, struct nsnet_err *err)
{
	struct nsn_nl *route = nsn_netns_route(space->ns);
	const size_t start = ret->n;
	struct nsn_state links;
	size_t n_links;
	int r, back;

	r = nsn_link_dump(route, ret, space->at, err);
	n_links = ret->n - start;
	if (r == 0)
		r = nsn_addr_dump(route, ret, space->at, err);
	if (r == 0)
		r = nsn_neigh_dump(route, ret, space->at, false, err);
	if (r == 0)
		r = nsn_route_dump(route, ret, space->at, err);
	if (r == 0)
		r = nsn_nft_dump(nsn_netns_nft(space->ns), NSN_TABLE_NAME, ret, space->at, err);
	if (r < 0)
		return r;
	links = (struct nsn_state){.objects = ret->objects + start, .n = n_links};
	nsn_state_sort(&links);
	r = keep_ours(ret, start, &n_links, owner, err);
	if (r < 0)
		return r;
	r = nsn_observe_sysctls(site, space, wanted, start, n_links, ret, err);
	back = nsn_home_return(site->home, err);
	if (r < 0 || back < 0)
		return back < 0 ? back : r;
	return nsn_state_add(ret, NSN_OBJ_NETNS, space->at, "") ? 0 : nsn_err_nomem(err);
}
