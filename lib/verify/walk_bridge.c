/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk - bridges: from port to port, up to the machine, and down from it.
 *
 * More than the kernel does: what is multicast goes to every port (a port may be in the
 * list of a group or be a router's whatever its flags say), a port that learns may be
 * where any address is, requests that the bridge could answer itself are flooded, too.
 */
#include <sys/socket.h>

#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/netfilter.h>
#include <linux/netfilter_bridge.h>
#include <string.h>

#include "walk_in.h"

#define MULTICAST  ((nsn_u128)1 << 40) /* the bit in a MAC address */
#define BROADCAST  (((nsn_u128)1 << 48) - 1)
#define LINK_LOCAL ((nsn_u128)UINT64_C(0x0180c2000000))
#define MACS_ASKED 64 /* more values than this, and all of the FDB is looked at */

static nsn_set_t multicast(struct nsn_space *s, nsn_set_t set)
{
	return nsn_and(s, set, nsn_masked(s, NSN_F_L2DST, MULTICAST, MULTICAST));
}

static nsn_set_t unicast(struct nsn_space *s, nsn_set_t set)
{
	return nsn_and(s, set, nsn_masked(s, NSN_F_L2DST, MULTICAST, 0));
}

static bool is_local(const struct nsn_vfdb *f)
{
	return (f->state & NUD_PERMANENT) != 0;
}

/* The entries of a bridge: from the first, how many. */
static size_t fdb_of(const struct nsn_wns *n, uint32_t br, size_t *first)
{
	size_t lo = 0, hi = n->n_fdb, at;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (n->fdb[mid]->master < br)
			lo = mid + 1;
		else
			hi = mid;
	}
	*first = lo;
	for (at = lo; at < n->n_fdb && n->fdb[at]->master == br; at++)
		;
	return at - lo;
}

/* All addresses that are the machine's own, as a set of frames to them. */
static nsn_set_t to_own(struct nsn_wat *at, const struct nsn_vlink *br, nsn_set_t set)
{
	size_t first, n = fdb_of(at->n, br->index, &first), k = 0;
	struct nsn_range *r = nsn_space_alloc(at->s, (n + 1) * sizeof(*r));

	r[k].first = r[k].last = nsn_w_mac(&br->mac);
	k++;
	for (size_t i = first; i < first + n; i++) {
		if (is_local(at->n->fdb[i])) {
			r[k].first = r[k].last = nsn_w_mac(&at->n->fdb[i]->mac);
			k++;
		}
	}
	return nsn_and(at->s, set, nsn_in(at->s, NSN_F_L2DST, r, k));
}

struct through {
	struct nsn_wat *at;
	const struct nsn_vlink *br;
	const struct nsn_wlink *from; /* the port, or NULL: from the machine */
	size_t ports;		      /* that took it */
};

/* Out of one port. */
static void to_port(struct through *t, const struct nsn_wlink *port, nsn_set_t set, const char *how)
{
	struct nsn_wat *at = t->at;
	const struct nsn_vport *p = &port->l->port;

	if (nsn_empty(set) || p->state != 3 || !(port->l->flags & IFF_UP))
		return;
	if (t->from == port && p->hairpin == 0)
		return;
	if (t->from && t->from->l->port.isolated == 1 && p->isolated == 1) {
		nsn_w_tell(at, NSN_PASSED_SWITCH, port->l->index,
			   "not to '%s': both ports are isolated", port->l->name);
		return;
	}
	t->ports++;
	nsn_w_tell(at, NSN_PASSED_SWITCH, port->l->index, "%s: to port '%s'", how, port->l->name);
	set = nsn_put(at->s, set, NSN_F_OIF, port->l->index);
	if (!t->from)
		set = nsn_put(at->s, set, NSN_F_IIF, 0);
	set = nsn_w_hook(at, NFPROTO_BRIDGE, t->from ? NF_BR_FORWARD : NF_BR_LOCAL_OUT, NULL,
			 INT32_MIN, INT32_MAX, set);
	set = nsn_put(at->s, set, NSN_F_IIF, 0);
	set = nsn_w_hook(at, NFPROTO_BRIDGE, NF_BR_POST_ROUTING, NULL, INT32_MIN, INT32_MAX, set);
	nsn_w_leave(at, port, set, t->from == NULL);
}

static void to_known(struct through *t, size_t i, nsn_set_t set)
{
	struct nsn_wat *at = t->at;
	const struct nsn_vfdb *f = at->n->fdb[i];
	const struct nsn_wlink *port = nsn_w_link(at->n, f->link);

	if (is_local(f) || !port || port->l->master != t->br->index)
		return;
	to_port(t, port, nsn_and(at->s, set, nsn_is(at->s, NSN_F_L2DST, nsn_w_mac(&f->mac))),
		"known address");
}

/* Frames to addresses that the FDB has. */
static void known(struct through *t, nsn_set_t set)
{
	struct nsn_wat *at = t->at;
	const struct nsn_range *r;
	size_t first, n = fdb_of(at->n, t->br->index, &first), k, lo;

	if (nsn_empty(set) || n == 0)
		return;
	k = nsn_values(at->s, set, NSN_F_L2DST, MACS_ASKED, &r);
	for (size_t j = 0; j < k; j++) {
		size_t hi = first + n;

		lo = first;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (nsn_w_mac(&at->n->fdb[mid]->mac) < r[j].first)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (; lo < first + n && nsn_w_mac(&at->n->fdb[lo]->mac) <= r[j].last; lo++)
			to_known(t, lo, set);
	}
}

/* Frames to addresses that it does not have. */
static nsn_set_t unknown(struct through *t, nsn_set_t set)
{
	struct nsn_wat *at = t->at;
	size_t first, n = fdb_of(at->n, t->br->index, &first);
	struct nsn_range *r;

	if (nsn_empty(set) || n == 0)
		return set;
	r = nsn_space_alloc(at->s, n * sizeof(*r));
	for (size_t i = 0; i < n; i++)
		r[i].first = r[i].last = nsn_w_mac(&at->n->fdb[first + i]->mac);
	return nsn_sub(at->s, set, nsn_in(at->s, NSN_F_L2DST, r, n));
}

static void flood(struct through *t, nsn_set_t uni, nsn_set_t multi)
{
	struct nsn_wat *at = t->at;
	nsn_set_t broad = nsn_and(at->s, multi, nsn_is(at->s, NSN_F_L2DST, BROADCAST)), lost = NULL;

	multi = nsn_sub(at->s, multi, broad);
	for (size_t i = 0; i < at->n->n_links; i++) {
		const struct nsn_wlink *port = &at->n->links[i];
		nsn_set_t set = multi;

		if (port->l->master != t->br->index || strcmp(port->l->port_kind, "bridge") != 0)
			continue;
		if (port->l->port.bcast_flood != 0)
			set = nsn_or(at->s, set, broad);
		if (port->l->port.learning != 0) {
			set = nsn_or(at->s, set, uni);
		} else if (port->l->port.flood != 0) {
			if (!lost)
				lost = unknown(t, uni);
			set = nsn_or(at->s, set, lost);
		}
		to_port(t, port, set, "flooded");
	}
}

/* The same for one address: nothing to cut. */
static void switch_to(struct through *t, nsn_u128 mac, nsn_set_t set)
{
	struct nsn_wat *at = t->at;
	size_t first, n = fdb_of(at->n, t->br->index, &first);
	const struct nsn_vfdb *f = NULL;

	for (size_t lo = first, hi = first + n; lo < hi && !f;) {
		size_t mid = lo + (hi - lo) / 2;
		nsn_u128 v = nsn_w_mac(&at->n->fdb[mid]->mac);

		if (v == mac)
			f = at->n->fdb[mid];
		else if (v < mac)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (mac == nsn_w_mac(&t->br->mac) || (f && is_local(f)))
		return;
	for (size_t i = 0; i < at->n->n_links; i++) {
		const struct nsn_wlink *port = &at->n->links[i];

		if (port->l->master != t->br->index || strcmp(port->l->port_kind, "bridge") != 0)
			continue;
		/* What it has learnt nobody knows: also an address of the FDB moves to it. */
		if (at->r->one && port->l->port.learning != 0)
			at->r->one->unsure = true;
		if (f && f->link == port->l->index)
			to_port(t, port, set, "known address");
		else if (port->l->port.learning != 0 || (!f && port->l->port.flood != 0))
			to_port(t, port, set, "flooded");
	}
	if (t->ports == 0)
		nsn_w_tell(at, NSN_PASSED_STOP, t->br->index,
			   "no port of '%s' takes it: not in the FDB, and none is flooded",
			   t->br->name);
}

static bool one_address(struct nsn_space *s, nsn_set_t set, nsn_u128 *ret)
{
	struct nsn_range r;

	nsn_bounds(s, set, NSN_F_L2DST, &r);
	*ret = r.first;
	return r.first == r.last && !(r.first & MULTICAST);
}

static void switch_it(struct through *t, nsn_set_t set)
{
	struct nsn_wat *at = t->at;
	nsn_set_t multi, uni;
	nsn_u128 mac;

	if (nsn_empty(set))
		return;
	if (one_address(at->s, set, &mac)) {
		switch_to(t, mac, set);
		return;
	}
	multi = multicast(at->s, set);
	uni = unicast(at->s, set);
	/* To the machine's own addresses nothing is switched. */
	uni = nsn_sub(at->s, uni, to_own(at, t->br, uni));
	if (nsn_empty(uni) && nsn_empty(multi))
		return;
	known(t, uni);
	flood(t, uni, multi);
	if (t->ports == 0)
		nsn_w_tell(at, NSN_PASSED_STOP, t->br->index,
			   "no port of '%s' takes it: not in the FDB, and none is flooded",
			   t->br->name);
}

/*
 * A bridge of the host with nobody of ours behind its ports: containers. What goes up to the host
 * meets the hook of prerouting once, with or without br_netfilter (ip_sabotage_in()); what the
 * host sends into it meets none again (br_nf_post_routing(): no physoutdev). Frames from port to
 * port are of no tenant; what a rule makes of them is no more than what was sent to the host
 * itself would be. The connections that they leave behind are counted (walk_entry.c).
 */
bool nsn_w_bridges_others(const struct nsn_wns *n, const struct nsn_wlink *br)
{
	if (n->ns->kind != NSN_VNS_HOST || strcmp(br->l->kind, "bridge") != 0 || br->stacked)
		return false;
	/* Which of those comes first, theirs or those of IP, is their priorities' business. */
	for (uint32_t hook = 0; hook < NF_BR_NUMHOOKS; hook++)
		if (nsn_hooks_any(n->hooks, NFPROTO_BRIDGE, hook))
			return false;
	for (size_t i = 0; i < n->n_links; i++)
		if (n->links[i].l->master == br->l->index && !nsn_w_is_outer(n, &n->links[i]))
			return false;
	return true;
}

/*
 * With br_netfilter, frames that are switched go through the chains of IP as well, unless a
 * setting of the namespace or of the bridge says no: brnf_call_iptables is 1 in a new one. Without
 * such chains nothing comes of it.
 */
static bool calls_ip(const struct nsn_wat *at, const struct nsn_vlink *br)
{
	static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_ARP};
	bool called = br->nf_call;

	for (size_t i = 0; i < at->n->ns->n_sysctls; i++)
		called |= strncmp(at->n->ns->sysctls[i].path, "net/bridge/bridge-nf-call-", 26) ==
				  0 &&
			  strcmp(at->n->ns->sysctls[i].value, "0") != 0;
	if (called && nsn_w_bridges_others(at->n, nsn_w_link(at->n, br->index)))
		return false;
	for (size_t f = 0; called && f < sizeof(families); f++)
		for (uint32_t hook = 0; hook < NF_INET_NUMHOOKS; hook++)
			if (nsn_hooks_any(at->n->hooks, families[f], hook))
				return true;
	return false;
}

/* What makes a bridge something that is not known here. */
static const char *odd_bridge(struct nsn_wat *at, const struct nsn_vlink *br)
{
	if (br->vlan_filtering)
		return nsn_w_printf(at->s, "bridge '%s' filters VLANs", br->name);
	if (calls_ip(at, br))
		return nsn_w_printf(at->s, "bridge '%s' hands frames to iptables", br->name);
	if (br->tc)
		return nsn_w_printf(at->s, "'%s' has filters of traffic control", br->name);
	if (br->xdp)
		return nsn_w_printf(at->s, "'%s' has an XDP program", br->name);
	if (br->port_kind[0] != '\0')
		return nsn_w_printf(at->s, "'%s' is in a %s", br->name, br->port_kind);
	if (nsn_hooks_track(at->n->hooks, NFPROTO_BRIDGE))
		return "the bridge tracks connections";
	return NULL;
}

/*
 * Groups that no bridge forwards (STP, LLDP, ...) are handed to whoever listens on the port
 * itself, IP included, without the hook of prerouting. Where group_fwd_mask says so, or
 * without STP, they are switched as others are: both is taken.
 */
static void link_local(struct nsn_wat *at, nsn_set_t set)
{
	set = nsn_and(at->s, set, nsn_between(at->s, NSN_F_L2DST, LINK_LOCAL, LINK_LOCAL + 15));
	if (nsn_empty(set))
		return;
	set = nsn_w_hook(at, NFPROTO_BRIDGE, NF_BR_LOCAL_IN, NULL, INT32_MIN, INT32_MAX, set);
	(void)nsn_w_ip_in(at, at->in, set, true, false);
}

/* A port that is locked lets in only addresses that the FDB has at it. */
static nsn_set_t unlocked(struct nsn_wat *at, const struct nsn_vlink *br, nsn_set_t set)
{
	const struct nsn_vlink *l = at->in->l;
	size_t first, n = fdb_of(at->n, br->index, &first), k = 0;
	struct nsn_range *r;

	if (l->port.locked != 1 || l->port.learning != 0 || nsn_empty(set))
		return set;
	r = nsn_space_alloc(at->s, (n + 1) * sizeof(*r));
	for (size_t i = first; i < first + n; i++) {
		if (at->n->fdb[i]->link == l->index && !is_local(at->n->fdb[i])) {
			r[k].first = r[k].last = nsn_w_mac(&at->n->fdb[i]->mac);
			k++;
		}
	}
	set = k ? nsn_and(at->s, set, nsn_in(at->s, NSN_F_L2SRC, r, k)) : nsn_none(at->s);
	if (nsn_empty(set))
		nsn_w_tell(at, NSN_PASSED_STOP, l->index,
			   "port '%s' is locked, and has no such address", l->name);
	return set;
}

nsn_set_t nsn_w_bridge_in(struct nsn_wat *at, nsn_set_t set, bool admitted)
{
	const struct nsn_vlink *l = at->in->l;
	const struct nsn_wlink *br = nsn_w_link(at->n, l->master);
	struct through t = {.at = at, .from = at->in};
	const char *why = br ? odd_bridge(at, br->l) : "the bridge of a port is not there";
	nsn_set_t up;

	if (why) {
		nsn_w_blind(at, set, why);
		return nsn_none(at->s);
	}
	if (at->in->stacked) {
		nsn_w_blind(at, set, nsn_w_printf(at->s, "a device sits on top of '%s'", l->name));
		return nsn_none(at->s);
	}
	t.br = br->l;
	if (!admitted)
		link_local(at, set);
	if (l->port.state != 3) {
		nsn_w_tell(at, NSN_PASSED_STOP, l->index, "port '%s' does not forward", l->name);
		return nsn_none(at->s);
	}
	set = nsn_w_hook(at, NFPROTO_BRIDGE, NF_BR_PRE_ROUTING, NULL, INT32_MIN, INT32_MAX, set);
	set = unlocked(at, br->l, set);
	if (admitted || nsn_empty(set))
		return set;
	up = nsn_or(at->s, to_own(at, br->l, set), multicast(at->s, set));
	switch_it(&t, set);
	if (nsn_empty(up))
		return set;
	nsn_w_tell(at, NSN_PASSED_SWITCH, br->l->index, "up to '%s'", br->l->name);
	up = nsn_w_hook(at, NFPROTO_BRIDGE, NF_BR_LOCAL_IN, NULL, INT32_MIN, INT32_MAX, up);
	if (br->l->flags & IFF_UP)
		(void)nsn_w_ip_in(at, br, nsn_put(at->s, up, NSN_F_IIF, br->l->index), false,
				  false);
	return set;
}

void nsn_w_bridge_out(struct nsn_wat *at, const struct nsn_wlink *br, nsn_set_t set)
{
	struct through t = {.at = at, .br = br->l};
	const char *why = odd_bridge(at, br->l);

	if (nsn_empty(set))
		return;
	if (why) {
		nsn_w_blind(at, set, why);
		return;
	}
	if (!nsn_free_of(at->s, set, NSN_F_L2DST)) {
		switch_it(&t, set);
		return;
	}
	/* To whoever says that the address is his: behind any port. */
	for (size_t i = 0; i < at->n->n_links; i++) {
		const struct nsn_wlink *port = &at->n->links[i];

		if (port->l->master == br->l->index && strcmp(port->l->port_kind, "bridge") == 0)
			to_port(&t, port, set, "any address");
	}
}

/* ---- who answers ------------------------------------------------------------------------ */

/* What is learned from a frame of neighbour discovery: the sender's address, or the target. */
static nsn_set_t told_by_nd(struct nsn_space *s, nsn_set_t in)
{
	nsn_set_t asks = nsn_between(s, NSN_F_SPORT, 133 << 8, (135 << 8) + 255);
	nsn_set_t says = nsn_between(s, NSN_F_SPORT, 136 << 8, (137 << 8) + 255);

	in = nsn_and(s, in, nsn_is(s, NSN_F_PROTO, 58));
	return nsn_or(s, nsn_move(s, nsn_and(s, in, asks), NSN_F_DST, NSN_F_SRC),
		      nsn_move(s, nsn_and(s, in, says), NSN_F_DST, NSN_F_ND));
}

static nsn_set_t told_by(struct nsn_wat *at, uint32_t port)
{
	struct nsn_space *s = at->s;
	const bool six = at->family == AF_INET6;
	nsn_set_t in = nsn_walk_admitted(at->r->w, at->n->at, port, six ? AF_INET6 : 0);

	in = six ? told_by_nd(s, in)
		 : nsn_move(s, nsn_and(s, in, nsn_is(s, NSN_F_ETYPE, ETH_P_ARP)), NSN_F_DST,
			    NSN_F_SRC);
	for (int f = 0; f < NSN_FIELDS; f++)
		if (f != NSN_F_DST)
			in = nsn_forget(s, in, (enum nsn_field)f);
	return in;
}

/*
 * A neighbour is known by what it says of itself, which comes in by a port: addresses that no
 * port lets anybody claim are nobody's, whatever frames would reach.
 */
nsn_set_t nsn_w_answered(struct nsn_wat *at, struct nsn_wlink *br)
{
	struct nsn_kept **kept = &br->answered[at->family == AF_INET6];
	nsn_set_t all = nsn_none(at->s);

	if (*kept)
		return nsn_kept_set(at->s, *kept);
	for (size_t i = 0; i < at->n->n_links; i++)
		if (at->n->links[i].l->master == br->l->index)
			all = nsn_or(at->s, all, told_by(at, at->n->links[i].l->index));
	*kept = nsn_space_keep(at->s, all);
	return all;
}
