/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>

#include "base/cleanup.h"
#include "ctx.h"
#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/route.h"
#include "nl/nl.h"

/*
 * networks - which subnets are free, and what overlaps
 *
 * Two tenants may have the same subnet, and a tenant may have one of the host's:
 * there is no path between them. A subnet that nsnet chooses overlaps nothing,
 * so that whatever rule comes later can be made.
 */

#define NSN_POOL_VARIABLE "NSNET_POOL"

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

static void state_clearp(struct nsn_state *s)
{
	nsn_state_clear(s);
}

void nsn_networks_clear(struct nsn_networks *nets)
{
	free(nets->list);
	free(nets->links);
	*nets = (struct nsn_networks){0};
}

static bool network_of(const struct nsn_object *o, struct nsn_prefix *ret)
{
	/* Every IPv6 link has fe80::/64, and it leads nowhere else. */
	static const struct nsn_prefix link_local = {{AF_INET6, {0xfe, 0x80}}, 10};
	struct nsn_prefix p;

	if (o->kind != NSN_OBJ_ADDR && o->kind != NSN_OBJ_ROUTE)
		return false;
	p = o->kind == NSN_OBJ_ADDR ? o->u.addr.prefix : o->u.route.dst;
	if (p.len == 0 || strcmp(o->link, "lo") == 0 || nsn_prefix_overlap(&p, &link_local))
		return false;
	p.ip = nsn_prefix_network(&p);
	*ret = p;
	return true;
}

int nsn_networks_of_host(struct nsnet *n, struct nsn_networks *ret, struct nsnet_err *err)
{
	const struct nsn_place here = {.role = NSN_GATEWAY};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = NULL;
	NSN_AUTO(state_clearp) struct nsn_state s = {0};
	size_t i;
	int r;

	(void)n;
	r = nsn_nl_open(&nl, NETLINK_ROUTE, err);
	if (r == 0)
		r = nsn_link_dump(nl, &s, here, err);
	if (r == 0)
		r = nsn_addr_dump(nl, &s, here, err);
	if (r == 0)
		r = nsn_route_dump(nl, &s, here, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "networks of the host");
	ret->list = calloc(s.n + 1, sizeof(*ret->list));
	ret->links = calloc(s.n + 1, sizeof(*ret->links));
	if (!ret->list || !ret->links) {
		nsn_networks_clear(ret);
		return nsn_err_nomem(err);
	}
	for (i = 0; i < s.n; i++) {
		const struct nsn_object *o = &s.objects[i];

		if (!network_of(o, &ret->list[ret->n]))
			continue;
		memcpy(ret->links[ret->n], o->link, strnlen(o->link, sizeof(*ret->links) - 1));
		ret->n++;
	}
	return 0;
}

/* ---- auto ------------------------------------------------------------------------ */

static int pool4(struct nsn_prefix *ret, struct nsnet_err *err)
{
	const char *text = getenv(NSN_POOL_VARIABLE);
	struct nsnet_err inner = {0};
	int r;

	r = nsn_subnet_parse(ret, text && *text ? text : NSNET_POOL, &inner);
	if (r < 0 && err)
		*err = inner;
	return r < 0 ? nsn_err_wrap(err, r, "environment variable " NSN_POOL_VARIABLE) : 0;
}

/* RFC 4193: fd and 40 random bits, which the store's id has, make a /48 of our own. */
static struct nsn_prefix pool6(const struct nsn_owner *owner)
{
	struct nsn_prefix p = {.ip = {.family = AF_INET6, .bytes = {0xfd}}, .len = 48};
	char byte[3] = "";
	size_t i;

	for (i = 0; i < 5; i++) {
		memcpy(byte, owner->store + 2 * i, 2);
		p.ip.bytes[i + 1] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return p;
}

static int choose(struct nsnet *n, const struct nsn_tenant *t, const struct nsn_prefix *pool,
		  const struct nsn_networks *host, struct nsn_prefix *subnet, struct nsnet_err *err)
{
	char text[NSN_PREFIX_STRLEN];
	int r = 0;

	if (pool->len <= subnet->len)
		r = nsn_store_free_subnet(n->store, pool, subnet->len, host->list, host->n, subnet,
					  err);
	if (r != 0)
		return r < 0 ? r : 0;
	(void)nsn_err(err, -ENOSPC, NSNET_E_POOL_FULL,
		      "tenant '%s': the pool %s has no /%u left that overlaps nothing", t->name,
		      nsn_prefix_str(pool, text), subnet->len);
	return nsn_err_hint(err, -ENOSPC, "export " NSN_POOL_VARIABLE "=172.16.0.0/12");
}

int nsn_choose_subnets(struct nsnet *n, struct nsn_tenant *t, struct nsnet_err *err)
{
	bool four = t->subnet.ip.family == 0, six = t->subnet6.ip.family == 0 && t->subnet6.len > 0;
	NSN_AUTO(nsn_networks_clear) struct nsn_networks host = {0};
	struct nsn_prefix pool = {0};
	int r;

	if (!four && !six)
		return 0;
	r = nsn_networks_of_host(n, &host, err);
	if (r == 0 && four)
		r = pool4(&pool, err);
	if (r == 0 && four)
		r = choose(n, t, &pool, &host, &t->subnet, err);
	if (r < 0 || !six)
		return r;
	pool = pool6(&n->owner);
	return choose(n, t, &pool, &host, &t->subnet6, err);
}

/* ---- overlaps --------------------------------------------------------------------- */

static int note_one(struct nsnet *n, const struct nsn_tenant *t, const struct nsn_prefix *subnet,
		    const struct nsn_networks *host, struct nsnet_change *c, struct nsn_item *item,
		    struct nsnet_err *err)
{
	char other[NSN_NAME_MAX + 1], text[NSN_PREFIX_STRLEN];
	struct nsn_prefix theirs;
	size_t i;
	int r;

	r = nsn_store_overlap(n->store, subnet, t->id, other, &theirs, err);
	if (r > 0)
		r = nsn_change_note_add(
			c, item, err,
			"overlaps %s of %s: both work, but no rule may connect the two",
			nsn_prefix_str(&theirs, text), other);
	for (i = 0; r == 0 && i < host->n; i++) {
		if (host->list[i].ip.family != subnet->ip.family ||
		    !nsn_prefix_overlap(&host->list[i], subnet))
			continue;
		return nsn_change_note_add(c, item, err,
					   "overlaps %s of this host%s%s: both work, but no rule "
					   "may lead from here to there",
					   nsn_prefix_str(&host->list[i], text),
					   host->links[i][0] ? " on " : "", host->links[i]);
	}
	return r;
}

int nsn_note_overlaps_with(struct nsnet *n, const struct nsn_networks *host,
			   const struct nsn_tenant *t, struct nsnet_change *c,
			   struct nsn_item *item, struct nsnet_err *err)
{
	int r = note_one(n, t, &t->subnet, host, c, item, err);

	if (r == 0 && t->subnet6.ip.family)
		r = note_one(n, t, &t->subnet6, host, c, item, err);
	return r;
}

int nsn_note_overlaps(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_change *c,
		      struct nsn_item *item, struct nsnet_err *err)
{
	NSN_AUTO(nsn_networks_clear) struct nsn_networks host = {0};
	int r = nsn_networks_of_host(n, &host, err);

	return r == 0 ? nsn_note_overlaps_with(n, &host, t, c, item, err) : r;
}
