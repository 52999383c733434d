/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <string.h>

#include <linux/if_bridge.h>
#include <linux/neighbour.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "predict_parts.h"

#define BORN_WITH (IFF_BROADCAST | IFF_MULTICAST)

static bool has_object(const struct nsn_guess *g, enum nsn_kind kind, const char *link)
{
	const struct nsn_object like = {.kind = kind, .at = g->at, .link = link};

	return nsn_state_find(g->state, &like) != NULL;
}

/* ---- which there are ------------------------------------------------------------------------ */

/* The group of ours is on all that is wanted. */
static uint32_t our_group(const struct nsn_guess *g)
{
	size_t n;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_LINK, &n);

	return n ? o[0].u.dev.group : 0;
}

/* What is of our group and not wanted goes; what is somebody else's stays. */
static void drop_unwanted(struct nsn_guess *g)
{
	const uint32_t group = our_group(g);
	size_t kept = 0;

	for (size_t i = 0; i < g->ns->n_links; i++) {
		const struct nsn_vlink *l = &g->ns->links[i];

		if (l->group == group && !has_object(g, NSN_OBJ_LINK, l->name) &&
		    !(l->flags & IFF_LOOPBACK))
			continue;
		g->ns->links[kept++] = *l;
	}
	g->ns->n_links = kept;
}

/* As the kernel makes one in every new namespace. */
static void add_lo(struct nsn_guess *g)
{
	const struct nsn_vlink *like = nsn_vns_link_named(g->like, "lo");
	struct nsn_vlink *lo = &g->ns->links[g->ns->n_links++];

	*lo = (struct nsn_vlink){.index = 1,
				 .name = "lo",
				 .kind = "",
				 .port_kind = "",
				 .alias = "",
				 .qdisc = "noop",
				 .detail = "",
				 .flags = IFF_LOOPBACK,
				 .type = ARPHRD_LOOPBACK,
				 .mtu = 65536,
				 .peer_nsid = -1,
				 .peer_ns = NSN_NOWHERE};
	if (like)
		lo->conf = like->conf;
}

static void set_port(struct nsn_vport *p, uint32_t flags)
{
#define HAS(flag) ((flags & (flag)) != 0)
	*p = (struct nsn_vport){.isolated = HAS(NSN_PORT_ISOLATED),
				.learning = HAS(NSN_PORT_LEARNING),
				.flood = HAS(NSN_PORT_FLOOD),
				.mcast_flood = HAS(NSN_PORT_MCAST_FLOOD),
				.bcast_flood = HAS(NSN_PORT_BCAST_FLOOD),
				.hairpin = HAS(NSN_PORT_HAIRPIN),
				.locked = HAS(NSN_PORT_LOCKED),
				.neigh_suppress = HAS(NSN_PORT_NEIGH_SUPPRESS),
				.proxy_arp = HAS(NSN_PORT_PROXY_ARP),
				.proxy_arp_wifi = HAS(NSN_PORT_PROXY_ARP_WIFI),
				.guard = HAS(NSN_PORT_GUARD),
				.root_block = HAS(NSN_PORT_ROOT_BLOCK),
				.state = BR_STATE_FORWARDING};
#undef HAS
}

static void set_link(struct nsn_guess *g, struct nsn_vlink *l, const struct nsn_object *o)
{
	const struct nsn_link *dev = &o->u.dev;
	const bool up = has_object(g, NSN_OBJ_UP, o->link);
	const struct nsn_object like = {.kind = NSN_OBJ_PORT, .at = g->at, .link = o->link};
	const struct nsn_object *port = nsn_state_find(g->state, &like);

	l->mac = dev->mac;
	l->mtu = dev->mtu;
	l->group = dev->group;
	l->flags = (l->flags & ~(uint32_t)IFF_UP) | (up ? IFF_UP : 0);
	l->qdisc = up || strcmp(l->qdisc, "noqueue") == 0 ? "noqueue" : "noop";
	l->stp = dev->stp;
	l->port_kind = port ? "bridge" : "";
	if (port)
		set_port(&l->port, port->u.port_flags);
	nsn_guess_conf(g, l);
}

void nsn_guess_add_links(struct nsn_guess *g)
{
	size_t n;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_LINK, &n);
	uint32_t next = g->last;

	/* br0 is before the ports: it is the first by name, and they come in their order. */
	for (size_t i = 0; i < n; i++) {
		struct nsn_vlink *l = nsn_guess_link(g->ns, o[i].link);

		if (!l) {
			l = &g->ns->links[g->ns->n_links++];
			*l = (struct nsn_vlink){.index = ++next,
						.name = o[i].link,
						.kind = o[i].u.dev.type_name,
						.alias = "",
						.qdisc = "noop",
						.detail = "",
						.flags = BORN_WITH,
						.type = ARPHRD_ETHER,
						.peer_nsid = -1,
						.peer_ns = NSN_NOWHERE};
		}
		set_link(g, l, &o[i]);
	}
	for (size_t i = 0; i < n; i++) {
		const struct nsn_vlink *master =
			o[i].u.dev.master[0] ? nsn_guess_link(g->ns, o[i].u.dev.master) : NULL;

		nsn_guess_link(g->ns, o[i].link)->master = master ? master->index : 0;
	}
}

/* ---- the bridge's table ------------------------------------------------------------------------
 */

static bool is_group(const struct nsn_mac *mac)
{
	return mac->bytes[0] & 1;
}

/*
 * What the kernel adds for a link's own address and for the groups it listens to depends on
 * the kernel; the forwarding of frames does not look at the latter.
 */
static void add_fdb(struct nsn_vns *ns, uint32_t link, uint32_t master, struct nsn_mac mac,
		    uint16_t state)
{
	for (size_t i = 0; i < ns->n_fdb; i++)
		if (ns->fdb[i].link == link && ns->fdb[i].master == master && !ns->fdb[i].self &&
		    nsn_mac_cmp(&ns->fdb[i].mac, &mac) == 0)
			return;
	ns->fdb[ns->n_fdb++] =
		(struct nsn_vfdb){.link = link, .master = master, .mac = mac, .state = state};
}

/* A link's own address, which goes when it gets another one. */
static bool is_own(const struct nsn_guess *g, const struct nsn_vfdb *e)
{
	const struct nsn_vlink *l = nsn_vns_link(g->ns, e->link);

	return l && !e->self && e->state & NUD_PERMANENT && nsn_mac_cmp(&l->mac, &e->mac) == 0;
}

static void drop_own(struct nsn_guess *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->ns->n_fdb; i++)
		if (!is_own(g, &g->ns->fdb[i]))
			g->ns->fdb[kept++] = g->ns->fdb[i];
	g->ns->n_fdb = kept;
}

static bool wanted_fdb(const struct nsn_guess *g, const char *link, const struct nsn_mac *mac)
{
	size_t n;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_FDB, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(o[i].link, link) == 0 && nsn_mac_cmp(&o[i].u.fdb, mac) == 0)
			return true;
	return false;
}

static bool keeps_fdb(const struct nsn_guess *g, const struct nsn_vfdb *e)
{
	const struct nsn_vlink *l = nsn_vns_link(g->ns, e->link);

	if (!l)
		return false;
	/* A plan takes what is not wanted from its own ports. */
	return e->self || is_group(&e->mac) || !has_object(g, NSN_OBJ_LINK, l->name) ||
	       e->state & NUD_PERMANENT || wanted_fdb(g, l->name, &e->mac);
}

static int set_fdb(struct nsn_guess *g)
{
	size_t n, kept = 0;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_FDB, &n);

	g->ns->fdb = nsn_guess_list(g, g->ns->fdb, g->ns->n_fdb, n + g->ns->n_links,
				    sizeof(*g->ns->fdb));
	if (!g->ns->fdb)
		return nsn_err_nomem(g->err);
	for (size_t i = 0; i < g->ns->n_fdb; i++)
		if (keeps_fdb(g, &g->ns->fdb[i]))
			g->ns->fdb[kept++] = g->ns->fdb[i];
	g->ns->n_fdb = kept;
	for (size_t i = 0; i < n; i++) {
		const struct nsn_vlink *l = nsn_guess_link(g->ns, o[i].link);

		if (l)
			add_fdb(g->ns, l->index, l->master, o[i].u.fdb, NUD_NOARP);
	}
	for (size_t i = 0; i < g->ns->n_links; i++) {
		const struct nsn_vlink *l = &g->ns->links[i];
		const bool bridge = strcmp(l->kind, "bridge") == 0;

		if (bridge || (l->master && strcmp(l->port_kind, "bridge") == 0))
			add_fdb(g->ns, l->index, bridge ? l->index : l->master, l->mac,
				NUD_PERMANENT);
	}
	return 0;
}

int nsn_guess_links(struct nsn_guess *g)
{
	struct nsn_vlink *lo;
	bool fresh;
	size_t n;

	(void)nsn_guess_objects(g, NSN_OBJ_LINK, &n);
	g->ns->fdb = nsn_guess_list(g, g->ns->fdb, g->ns->n_fdb, 0, sizeof(*g->ns->fdb));
	if (!g->ns->fdb)
		return nsn_err_nomem(g->err);
	drop_own(g);
	g->ns->links =
		nsn_guess_list(g, g->ns->links, g->ns->n_links, n + 1, sizeof(*g->ns->links));
	if (!g->ns->links)
		return nsn_err_nomem(g->err);
	drop_unwanted(g);
	fresh = g->ns->n_links == 0;
	if (fresh)
		add_lo(g);
	lo = nsn_guess_link(g->ns, "lo");
	if (lo)
		nsn_guess_lo(g, lo, fresh);
	nsn_guess_add_links(g);
	return set_fdb(g);
}
