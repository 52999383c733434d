/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../kernel/addr.h"
#include "../kernel/fibrule.h"
#include "../kernel/file.h"
#include "../kernel/link.h"
#include "../kernel/neigh.h"
#include "../kernel/nft.h"
#include "../kernel/route.h"
#include "../kernel/sysctl.h"
#include "observe.h"

/* Most are one of these. */
static const char *number(int32_t n, struct nsn_arena *arena)
{
	static const char *const few[] = {"0", "1", "2"};

	return n >= 0 && (size_t)n < NSN_COUNT(few) ? few[n] : nsn_arena_printf(arena, "%d", n);
}

/*
 * A setting of a link came with the link, so its file need not be opened. NULL:
 * it did not (an older kernel tells fewer), or there is no such link.
 */
static const int32_t *told(const struct nsn_state *links, const struct nsn_object *want)
{
	const struct nsn_sysctl *set = &want->u.sysctl;
	const struct nsn_object *o =
		set->version ? nsn_state_link(links, want->at, want->link) : NULL;

	if (!o || set->conf >= (set->version == 4 ? o->u.dev.n_conf4 : o->u.dev.n_conf6))
		return NULL;
	return set->version == 4 ? &o->u.dev.conf4[set->conf] : &o->u.dev.conf6[set->conf];
}

static int read_sysctl(struct nsn_sysctl_place *at, const struct nsn_object *want,
		       const int32_t *known, struct nsn_state *ret, struct nsnet_err *err)
{
	char buf[64];
	const char *value;
	struct nsn_object *o;
	int r;

	if (known) {
		value = number(*known, &ret->arena);
	} else {
		r = nsn_sysctl_read(at, want->u.sysctl.path, buf, sizeof(buf), err);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		value = nsn_arena_strdup(&ret->arena, buf);
	}
	o = nsn_state_add(ret, want->kind, want->at, want->link);
	if (!o)
		return nsn_err_nomem(err);
	o->u.sysctl = want->u.sysctl;
	o->u.sysctl.path = nsn_arena_strdup(&ret->arena, want->u.sysctl.path);
	o->u.sysctl.value = value;
	return o->u.sysctl.path && value ? 0 : nsn_err_nomem(err);
}

int nsn_observe_sysctls(const struct nsn_site *site, const struct nsn_space *space,
			const struct nsn_state *wanted, size_t first, size_t n_links,
			struct nsn_state *ret, struct nsnet_err *err)
{
	static const enum nsn_kind kinds[] = {NSN_OBJ_SYSCTL, NSN_OBJ_CONF};
	NSN_AUTO(nsn_sysctl_leave) struct nsn_sysctl_place at = NSN_SYSCTL_PLACE(site->home);
	const struct nsn_object *want;
	size_t k, i, n;
	int r;

	r = nsn_netns_go(space->ns, site->home, err);
	for (k = 0; r == 0 && k < NSN_COUNT(kinds); k++) {
		want = nsn_state_at(wanted, kinds[k], space->at, &n);
		for (i = 0; r == 0 && i < n; i++) {
			/* Adding moves the array. */
			const struct nsn_state links = {.objects = ret->objects + first,
							.n = n_links};

			r = read_sysctl(&at, &want[i], told(&links, &want[i]), ret, err);
		}
	}
	return r;
}

static int dump_space(const struct nsn_space *space, size_t *n_links, struct nsn_state *ret,
		      struct nsnet_err *err)
{
	struct nsn_nl *route = nsn_netns_route(space->ns);
	bool gateway = space->at.role == NSN_GATEWAY;
	size_t first = ret->n;
	int r;

	r = nsn_link_dump(route, ret, space->at, err);
	*n_links = ret->n - first;
	if (r == 0)
		r = nsn_addr_dump(route, ret, space->at, err);
	if (r == 0)
		r = nsn_neigh_dump(route, ret, space->at, gateway, err);
	if (r == 0)
		r = nsn_route_dump(route, ret, space->at, err);
	/* A workload's own rules are its own business. */
	if (r == 0 && gateway)
		r = nsn_fibrule_dump(route, ret, space->at, err);
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
		      const struct nsn_state *known, const struct nsn_owner *owner,
		      const struct nsn_state *s, size_t start)
{
	const struct nsn_object *link = nsn_state_link(known, space->at, NSN_ENDPOINT_LINK);
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

/* Of another tenant's gateway, and of the host, only what leads to this one. */
static int observe_far(const struct nsn_space *space, const struct nsn_state *known,
		       struct nsn_state *ret, struct nsnet_err *err)
{
	const struct nsn_object *list;
	size_t n, i, kept, start = ret->n;
	int r = 0;

	list = nsn_state_at(known, NSN_OBJ_LINK, space->at, &n);
	for (i = 0; r == 0 && i < n; i++)
		r = nsn_link_read(nsn_netns_route(space->ns), list[i].link, ret, space->at, err);
	for (i = kept = start; r == 0 && i < ret->n; i++)
		if (ret->objects[i].kind == NSN_OBJ_LINK)
			ret->objects[kept++] = ret->objects[i];
	if (r == 0)
		ret->n = kept;
	return r;
}

static int observe_space(struct nsn_site *site, struct nsn_space *space,
			 const struct nsn_state *wanted, const struct nsn_state *known,
			 const struct nsn_owner *owner, struct nsn_state *ret,
			 struct nsnet_err *err)
{
	size_t start = ret->n, n_links;
	struct nsn_state links;
	struct nsn_object *o;
	int r, back;

	if (space->at.role == NSN_HOST && site->tenant == 0)
		return nsn_observe_host(site, space, wanted, owner, ret, err);
	if (space->at.role == NSN_FAR || space->at.role == NSN_HOST)
		return observe_far(space, known, ret, err);
	r = dump_space(space, &n_links, ret, err);
	if (r < 0)
		return r;
	links = (struct nsn_state){.objects = ret->objects + start, .n = n_links};
	nsn_state_sort(&links);
	if (!space->cookie && !is_marked(site, space, known, owner, ret, start)) {
		ret->n = start;
		nsn_netns_close(space->ns);
		space->ns = NULL;
		space->taken = true;
		space->pinned = false;
		return 0;
	}
	r = nsn_observe_sysctls(site, space, wanted, start, n_links, ret, err);
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

/* An end of a veth: how its own namespace would find it from the other side. */
struct end {
	int32_t nsid,
		index; /* of the other namespace, as the gateway knows it; of the link there */
	struct nsn_object *o;
};

static int cmp_ends(const void *a, const void *b)
{
	const struct end *x = a, *y = b;

	if (x->nsid != y->nsid)
		return x->nsid < y->nsid ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool is_veth(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_LINK && o->u.dev.type == NSN_LINK_VETH;
}

/* Those of the gateway, sorted by where they lead. */
static struct end *near_ends(const struct nsn_state *s, size_t *n)
{
	struct end *ends = calloc(s->n + 1, sizeof(*ends));
	size_t i;

	*n = 0;
	for (i = 0; ends && i < s->n; i++) {
		struct nsn_object *o = &s->objects[i];

		if (is_veth(o) && o->at.role == NSN_GATEWAY)
			ends[(*n)++] = (struct end){o->u.dev.peer_nsid, o->u.dev.peer_index, o};
	}
	if (ends)
		qsort(ends, *n, sizeof(*ends), cmp_ends);
	return ends;
}

static int know_nsids(const struct nsn_site *site, const struct nsn_space *gateway,
		      struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < site->n; i++) {
		struct nsn_space *space = &site->spaces[i];

		space->nsid = -1;
		if (space->at.role != NSN_GATEWAY && space->ns)
			r = nsn_netns_nsid(gateway->ns, space->ns, &space->nsid, err);
	}
	return r;
}

/*
 * Which veth ends belong together. An index alone would do for an honest
 * kernel state only: both namespaces count from 1. The other end is where the
 * near one's netnsid points *and* it points back.
 */
static int pair_ends(const struct nsn_site *site, const struct nsn_space *gateway,
		     const struct nsn_state *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) struct end *ends = NULL;
	size_t i, n = 0;
	int r;

	r = know_nsids(site, gateway, err);
	if (r < 0)
		return r;
	ends = near_ends(s, &n);
	if (!ends)
		return nsn_err_nomem(err);
	for (i = 0; i < s->n; i++) {
		struct nsn_object *far = &s->objects[i], *near;
		const struct nsn_space *space;
		const struct end *found;
		struct end like;

		if (!is_veth(far) || far->at.role == NSN_GATEWAY)
			continue;
		space = nsn_site_space(site, far->at);
		if (!space || space->nsid < 0)
			continue;
		like = (struct end){.nsid = space->nsid, .index = far->u.dev.index};
		found = bsearch(&like, ends, n, sizeof(*ends), cmp_ends);
		if (!found || found->o->u.dev.index != far->u.dev.peer_index)
			continue;
		near = found->o;
		near->u.dev.peer = far->link;
		near->u.dev.peer_at = far->at;
		far->u.dev.peer = near->link;
		far->u.dev.peer_at = near->at;
	}
	return 0;
}

/* They are there or not, whatever became of the namespace. */
static int read_files(const struct nsn_state *known, struct nsn_state *ret, struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < known->n; i++)
		if (known->objects[i].kind == NSN_OBJ_FILE)
			r = nsn_file_observe(known->objects[i].u.file.path, ret,
					     known->objects[i].at, err);
	return r;
}

int nsn_site_observe(struct nsn_site *site, const struct nsn_state *wanted,
		     const struct nsn_state *known, const struct nsn_owner *owner,
		     struct nsn_state *ret, struct nsnet_err *err)
{
	const struct nsn_space *gateway;
	size_t i;
	int r;

	for (i = 0; i < site->n; i++) {
		if (!site->spaces[i].ns)
			continue;
		r = observe_space(site, &site->spaces[i], wanted, known, owner, ret, err);
		if (r < 0)
			return r;
	}
	r = read_files(known, ret, err);
	if (r < 0)
		return r;
	gateway = nsn_site_space(site, (struct nsn_place){.role = NSN_GATEWAY});
	if (gateway && gateway->ns)
		r = pair_ends(site, gateway, ret, err);
	if (r < 0)
		return r;
	nsn_state_sort(ret);
	return 0;
}
