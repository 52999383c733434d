/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"

/*
 * Forwarding, of those links of the host by which something leaves it, or comes back: a
 * packet is forwarded if the link by which it *comes* says so.
 *
 * IPv4: one setting a link, and nothing else follows from it but that the card no longer
 * joins segments (LRO), which is no setting below /proc/sys.
 *
 * IPv6: since Linux 6.17 one setting a link (force_forwarding), which only forwards. Before
 * that only `all`: it makes a router of every link, also of those that come later, and whoever
 * writes it, or the same setting of any link, takes away all default routes that came by
 * advertisements, but those of links whose accept_ra is 2. So that comes first where it was
 * 1. `forwarding` of a single link is never written for IPv6: by itself it forwards nothing, and
 * takes these routes away, too.
 */

#define IPV6_ALL "net/ipv6/conf/all/forwarding"

/* A setting that we change or have changed. */
struct change {
	char path[128];
	int now, want; /* -1: not known, as the link is gone; no longer wanted */
	bool first;
};

struct changes {
	struct change *list;
	size_t n;
};

static const char *path_of(char buf[128], int version, const char *link, const char *name)
{
	(void)snprintf(buf, 128, "net/ipv%d/conf/%s/%s", version, link, name);
	return buf;
}

static const struct nsn_host_setting *old_of(const struct nsn_host_wanted *w, const char *path)
{
	for (size_t i = 0; i < w->n_old; i++)
		if (strcmp(w->old[i].path, path) == 0)
			return &w->old[i];
	return NULL;
}

/* Whether it was so before us. */
static bool was(const struct nsn_host_wanted *w, const char *path, int now, const char *value)
{
	const struct nsn_host_setting *old = old_of(w, path);
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", now);
	return strcmp(old ? old->old : text, value) == 0;
}

bool nsn_host_has_force6(const struct nsn_hostview *v)
{
	for (size_t i = 0; i < v->n_links; i++)
		if (v->links[i].force6 >= 0)
			return true;
	return false;
}

/* ---- which links ------------------------------------------------------------------------- */

static bool contains(const struct nsn_range *r, const struct nsn_prefix *p)
{
	const struct nsn_ip first = nsn_prefix_network(p), last = nsn_prefix_last(p);

	return r->first.family == p->ip.family && nsn_ip_cmp(&r->first, &first) <= 0 &&
	       nsn_ip_cmp(&last, &r->last) <= 0;
}

/* The length of the longest prefix that has the whole range; -1: there is none. */
static int longest(const struct nsn_hostview *v, const struct nsn_range *r)
{
	int ret = -1;

	for (size_t i = 0; i < v->n_routes; i++) {
		const struct nsn_prefix *dst = &v->routes[i].dst;

		if (dst->ip.family == r->first.family && nsn_prefix_has(dst, &r->first) &&
		    nsn_prefix_has(dst, &r->last) && dst->len > ret)
			ret = dst->len;
	}
	return ret;
}

/* By some of these routes part of the range is reached, by another one the rest. */
static bool leads_to(const struct nsn_hostview *v, const struct nsn_host_route *route,
		     const struct nsn_range *r)
{
	if (contains(r, &route->dst))
		return true;
	return route->dst.ip.family == r->first.family && nsn_prefix_has(&route->dst, &r->first) &&
	       nsn_prefix_has(&route->dst, &r->last) && route->dst.len == longest(v, r);
}

static bool is_way(const struct nsn_hostview *v, const struct nsn_host_ways *ways,
		   const struct nsn_host_route *route)
{
	if (ways->internet[route->dst.ip.family == AF_INET6] && nsn_host_is_default(route))
		return true;
	for (size_t i = 0; i < ways->n; i++)
		if (leads_to(v, route, &ways->networks[i]))
			return true;
	return false;
}

/* Whether something leaves by the link. */
static bool leaves_by(const struct nsn_hostview *v, const struct nsn_host_ways *ways,
		      const char *link, uint8_t family)
{
	for (size_t i = 0; i < v->n_routes; i++)
		if (v->routes[i].dst.ip.family == family && strcmp(v->routes[i].link, link) == 0 &&
		    is_way(v, ways, &v->routes[i]))
			return true;
	return false;
}

/* Whether something leaves at all. */
static bool leaves(const struct nsn_hostview *v, const struct nsn_host_ways *ways, uint8_t family)
{
	for (size_t i = 0; i < v->n_links; i++)
		if (leaves_by(v, ways, v->links[i].name, family))
			return true;
	return false;
}

/* Whether `all` has to be on because there is nothing less, and was not. */
bool nsn_host_guards_all6(const struct nsn_host_wanted *w, const struct nsn_host_ways *ways)
{
	const struct nsn_host_setting *old = old_of(w, IPV6_ALL);

	if (old)
		return strcmp(old->old, "0") == 0;
	return !nsn_host_has_force6(w->view) && w->view->all_forwarding6 == 0 &&
	       leaves(w->view, ways, AF_INET6);
}

static bool forwards(const struct nsn_host_wanted *w, const struct nsn_host_link *l, uint8_t family,
		     char path[128], int *now)
{
	if (family == AF_INET) {
		(void)path_of(path, 4, l->name, "forwarding");
		*now = l->forwarding4;
		return !was(w, path, l->forwarding4, "0");
	}
	(void)path_of(path, 6, l->name, "force_forwarding");
	*now = l->force6;
	return !was(w, path, l->force6, "0") || !was(w, IPV6_ALL, w->view->all_forwarding6, "0");
}

bool nsn_host_guards(const struct nsn_host_wanted *w, const struct nsn_host_ways *ways,
		     const struct nsn_host_link *l, uint8_t family)
{
	char path[128];
	int now;

	if (forwards(w, l, family, path, &now))
		return false;
	return old_of(w, path) || leaves_by(w->view, ways, l->name, family);
}

/* ---- what changes ------------------------------------------------------------------------- */

static void add(struct changes *c, const char *path, int now, int want, bool first)
{
	struct change *to = &c->list[c->n++];

	*to = (struct change){.now = now, .want = want, .first = first};
	(void)snprintf(to->path, sizeof(to->path), "%s", path);
}

static void add_forwarding(struct changes *c, const struct nsn_host_wanted *w,
			   const struct nsn_host_ways *ways, const struct nsn_host_link *l,
			   uint8_t family)
{
	char path[128];
	int now;

	if (leaves_by(w->view, ways, l->name, family) && !forwards(w, l, family, path, &now) &&
	    now >= 0)
		add(c, path, now, 1, false);
}

/* What else changes with `all`. */
static void add_router(struct changes *c, const struct nsn_host_wanted *w,
		       const struct nsn_host_link *l)
{
	char path[128];
	const char *ra = path_of(path, 6, l->name, "accept_ra");
	/* One that came after us was born a router. */
	const bool born = old_of(w, IPV6_ALL) != NULL;
	char forwarding[128];
	const bool router = was(w, path_of(forwarding, 6, l->name, "forwarding"),
				born ? 0 : l->forwarding6, "1");

	if (l->forwarding6 < 0)
		return;
	/* `all` overwrites it, twice. */
	if (router)
		add(c, forwarding, 1, 1, false);
	else if (was(w, ra, l->accept_ra, "1"))
		add(c, ra, l->accept_ra, 2, true);
}

/* All settings that are to be as we want them. */
static int find_changes(struct changes *c, const struct nsn_host_wanted *w,
			const struct nsn_host_ways *ways)
{
	const struct nsn_hostview *v = w->view;
	const bool force = nsn_host_has_force6(v);

	c->list = calloc(4 * v->n_links + w->n_old + 1, sizeof(*c->list));
	if (!c->list)
		return -ENOMEM;
	for (size_t i = 0; i < v->n_links; i++) {
		add_forwarding(c, w, ways, &v->links[i], AF_INET);
		if (force)
			add_forwarding(c, w, ways, &v->links[i], AF_INET6);
	}
	if (force || !leaves(v, ways, AF_INET6) || !was(w, IPV6_ALL, v->all_forwarding6, "0"))
		return 0;
	add(c, IPV6_ALL, v->all_forwarding6, 1, false);
	for (size_t i = 0; i < v->n_links; i++)
		add_router(c, w, &v->links[i]);
	return 0;
}

int nsn_compile_host_settings(const struct nsn_host_wanted *w, struct nsn_host_setting **ret,
			      size_t *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_host_ways_clear) struct nsn_host_ways ways = {0};
	struct changes c = {0};
	int r = nsn_host_ways(&ways, w);

	*ret = NULL;
	*n = 0;
	if (r == 0)
		r = find_changes(&c, w, &ways);
	if (r == 0)
		*ret = calloc(c.n + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < c.n; i++) {
		struct nsn_host_setting *to = &(*ret)[*n];

		if (old_of(w, c.list[i].path))
			continue;
		(void)snprintf(to->path, sizeof(to->path), "%s", c.list[i].path);
		(void)snprintf(to->old, sizeof(to->old), "%d", c.list[i].now);
		(*n)++;
	}
	free(c.list);
	return r < 0 || !*ret ? nsn_err_nomem(err) : 0;
}

/* ---- objects --------------------------------------------------------------------------- */

static int put(struct nsn_state *s, const char *path, const char *value, bool first)
{
	struct nsn_object *o =
		nsn_state_add(s, NSN_OBJ_SYSCTL, (struct nsn_place){.role = NSN_HOST}, "");
	const char *p = nsn_arena_strdup(&s->arena, path);
	const char *v = nsn_arena_strdup(&s->arena, value);

	if (!o || !p || !v)
		return -ENOMEM;
	/* With the link its settings go. */
	o->u.sysctl = (struct nsn_sysctl){.path = p, .value = v, .optional = true, .first = first};
	return 0;
}

static bool ends_in(const char *text, const char *end)
{
	const size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/*
 * As it was. Links that were routers before get that back behind `all`, which takes it from
 * them, and before accept_ra: each of these writes takes default routes away.
 */
static int put_old(struct nsn_state *s, const struct nsn_host_setting *old)
{
	const bool router =
		strncmp(old->path, "net/ipv6/", 9) == 0 && ends_in(old->path, "/forwarding");

	return put(s, old->path, old->old, router);
}

int nsn_host_settings(struct nsn_state *s, const struct nsn_host_wanted *w,
		      const struct nsn_host_ways *ways, enum nsn_host_state state)
{
	struct changes c = {0};
	int r = state == NSN_HOST_OPEN ? find_changes(&c, w, ways) : 0;

	for (size_t i = 0; r == 0 && i < c.n; i++)
		r = put(s, c.list[i].path, c.list[i].want == 2 ? "2" : "1", c.list[i].first);
	/* What is no longer needed is as it was. */
	for (size_t i = 0; r == 0 && i < w->n_old; i++) {
		bool still = false;

		for (size_t k = 0; k < c.n; k++)
			still |= strcmp(c.list[k].path, w->old[i].path) == 0;
		if (!still)
			r = put_old(s, &w->old[i]);
	}
	free(c.list);
	return r;
}
