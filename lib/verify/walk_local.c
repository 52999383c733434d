/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk - IP: what a device hands up, from prerouting to delivery or to the next device.
 *
 * Errors that the machine itself sends back (TTL exceeded, no route) go to who sent the
 * packet and are no path to others. Checks of the source address (rp_filter) are left out: more
 * gets through than does.
 */
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "walk_in.h"

#define MULTICAST ((nsn_u128)1 << 40)

static const struct nsn_vconf *conf(const struct nsn_wlink *dev)
{
	return &dev->l->conf;
}

static nsn_set_t without(struct nsn_space *s, nsn_set_t set, enum nsn_field f, nsn_u128 first,
			 nsn_u128 last)
{
	return nsn_sub(s, set, nsn_between(s, f, first, last));
}

/* Without its own addresses as sources, which fib_validate_source() finds in the local table. */
static nsn_set_t not_own(struct nsn_wat *at, const struct nsn_wlink *dev, nsn_set_t set)
{
	const struct nsn_vns *ns = at->n->ns;
	struct nsn_range *own = nsn_space_alloc(at->s, (ns->n_routes + 1) * sizeof(*own));
	const struct nsn_vfib *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ns->n_fibs && !first; i++) {
		if (ns->fibs[i].family == AF_INET)
			first = &ns->fibs[i];
	}
	if (conf(dev)->accept_local != 0 || ns->conf_all.accept_local != 0 || !first ||
	    first->action != FR_ACT_TO_TBL || first->table != RT_TABLE_LOCAL || first->mask ||
	    first->src.len || first->dst.len || first->iif[0] || first->oif[0] || first->invert ||
	    first->odd || first->suppress >= 0)
		return set;
	for (size_t i = 0; i < ns->n_routes; i++) {
		const struct nsn_vroute *r = &ns->routes[i];
		if (r->table != RT_TABLE_LOCAL || r->type != RTN_LOCAL || r->tos || r->odd ||
		    r->dst.ip.family != AF_INET || r->dst.len != 32)
			continue;
		nsn_w_prefix(&r->dst, &own[n++]);
	}
	return n ? nsn_sub(at->s, set, nsn_in(at->s, NSN_F_SRC, own, n)) : set;
}

/* Addresses that ip_route_input_slow() and ip6_rcv_core() do not take from a wire. */
static nsn_set_t martians(struct nsn_wat *at, const struct nsn_wlink *dev, nsn_set_t set)
{
	struct nsn_space *s = at->s;
	nsn_set_t groups, nowhere;

	if (dev->l->flags & IFF_LOOPBACK)
		return set;
	if (at->family == AF_INET6) {
		set = without(s, set, NSN_F_DST, 1, 1);
		set = without(s, set, NSN_F_SRC, 1, 1);
		return without(s, set, NSN_F_SRC, (nsn_u128)0xff << 120, ~(nsn_u128)0);
	}
	if (conf(dev)->route_localnet == 0 && at->n->ns->conf_all.route_localnet == 0) {
		set = without(s, set, NSN_F_DST, 0x7f000000, 0x7fffffff);
		set = without(s, set, NSN_F_SRC, 0x7f000000, 0x7fffffff);
	}
	set = without(s, set, NSN_F_SRC, 0xe0000000, 0xefffffff);
	set = without(s, set, NSN_F_SRC, 0xffffffff, 0xffffffff);
	/* From 0.0.0.0 only to groups and all; to 0.0.0.0/8 only so. */
	groups = nsn_or(s, nsn_is(s, NSN_F_DST, 0),
			nsn_between(s, NSN_F_DST, 0xe0000000, 0xffffffff));
	nowhere = nsn_or(s, nsn_between(s, NSN_F_SRC, 0, 0x00ffffff),
			 nsn_between(s, NSN_F_DST, 0, 0x00ffffff));
	set = nsn_sub(s, set, nsn_sub(s, nowhere, groups));
	return not_own(at, dev, set);
}

/* Frames to this device, without tag. */
static nsn_set_t for_us(struct nsn_wat *at, const struct nsn_wlink *dev, nsn_set_t set, bool check)
{
	struct nsn_space *s = at->s;
	nsn_set_t tagged = nsn_and(s, set, nsn_is(s, NSN_F_TAG, 2));

	/* From outside of the machine any frame may come by either. */
	if (dev->stacked && !nsn_w_is_outer(at->n, dev)) {
		nsn_w_blind(at, set, nsn_w_printf(s, "a device sits on top of '%s'", dev->l->name));
		return nsn_none(s);
	}
	set = nsn_put(s, nsn_sub(s, set, tagged), NSN_F_TAG, 0);
	if (check && !(dev->l->flags & (IFF_NOARP | IFF_LOOPBACK)))
		set = nsn_and(s, set,
			      nsn_or(s, nsn_is(s, NSN_F_L2DST, nsn_w_mac(&dev->l->mac)),
				     nsn_masked(s, NSN_F_L2DST, MULTICAST, MULTICAST)));
	if (nsn_empty(set))
		nsn_w_tell(at, NSN_PASSED_STOP, dev->l->index, "the frame is for another device");
	return set;
}

static nsn_set_t prerouting(struct nsn_wat *at, int32_t first, int32_t last, nsn_set_t set)
{
	return nsn_w_hook(at, nsn_w_nfproto(at->family), NF_INET_PRE_ROUTING, NULL, first, last,
			  set);
}

/* ---- delivery --------------------------------------------------------------------------- */

static void deliver(struct nsn_wat *at, const struct nsn_wlink *dev, struct nsn_wflow *f,
		    nsn_set_t set)
{
	const struct nsn_vconf *all = &at->n->ns->conf_all;
	struct nsn_wflow here = *f;

	if ((at->family == AF_INET && all->accept_source_route4 != 0 &&
	     conf(dev)->accept_source_route4 != 0) ||
	    (at->family == AF_INET6 && conf(dev)->accept_source_route6 > 0)) {
		nsn_w_blind(at, set,
			    nsn_w_printf(at->s, "'%s' takes routes out of packets", dev->l->name));
		return;
	}
	here.next = NULL;
	here.set = nsn_w_hook(at, nsn_w_nfproto(at->family), NF_INET_LOCAL_IN, NULL, INT32_MIN,
			      INT32_MAX, set);
	nsn_w_translate(at, &here, NF_INET_LOCAL_IN, NULL);
	for (const struct nsn_wflow *g = &here; g; g = g->next)
		nsn_w_arrive(at, NSN_ARRIVES_LOCAL, NULL, g->set, true, NULL, NULL);
}

/* Postrouting, and to the neighbour. */
static void leave(struct nsn_wat *at, struct nsn_wflow *f, const struct nsn_wout *out,
		  const struct nsn_wlink *to)
{
	const uint8_t nf = nsn_w_nfproto(at->family);

	f->set = nsn_w_hook(at, nf, NF_INET_POST_ROUTING, NULL, INT32_MIN, 99, f->set);
	nsn_w_translate(at, f, NF_INET_POST_ROUTING, to);
	for (struct nsn_wflow *g = f; g; g = g->next)
		nsn_w_neigh(at, out,
			    nsn_w_hook(at, nf, NF_INET_POST_ROUTING, NULL, 100, INT32_MAX, g->set));
}

static bool forwards(struct nsn_wat *at, const struct nsn_wlink *dev)
{
	if (at->family == AF_INET)
		return conf(dev)->forwarding4 != 0;
	return conf(dev)->forwarding6 != 0 || conf(dev)->force_forwarding6 > 0 ||
	       at->n->ns->conf_all.forwarding6 != 0;
}

static void forward(struct nsn_wat *at, const struct nsn_wlink *dev, struct nsn_wflow *f,
		    const struct nsn_wout *out)
{
	struct nsn_space *s = at->s;
	uint8_t nf = nsn_w_nfproto(at->family);
	struct nsn_wflow here = *f;
	const struct nsn_wlink *to = nsn_w_link(at->n, out->hop->link);
	nsn_set_t set = nsn_and(s, out->set, nsn_masked(s, NSN_F_L2DST, MULTICAST, 0));

	if (!to) {
		nsn_w_blind(at, set, "a route by a link that is not there");
		return;
	}
	if (!forwards(at, dev)) {
		nsn_w_tell(at, NSN_PASSED_STOP, dev->l->index, "forwarding is off for '%s'",
			   dev->l->name);
		return;
	}
	set = nsn_and(s, set, nsn_between(s, NSN_F_TTL, 2, 255));
	if (nsn_empty(set)) {
		nsn_w_tell(at, NSN_PASSED_STOP, dev->l->index, "its TTL is used up");
		return;
	}
	set = nsn_put(s, nsn_w_older(at, set), NSN_F_OIF, to->l->index);
	at->hop = out->hop;
	here.next = NULL;
	here.set = nsn_w_hook(at, nf, NF_INET_FORWARD, NULL, INT32_MIN, INT32_MAX, set);
	leave(at, &here, out, to);
	at->hop = NULL;
}

/* ---- in --------------------------------------------------------------------------------- */

static void routed(struct nsn_wat *at, const struct nsn_wlink *dev, struct nsn_wflow *f)
{
	for (struct nsn_wout *out = nsn_w_route(at, f->set); out; out = out->next) {
		if (out->kind == NSN_WOUT_LOCAL)
			deliver(at, dev, f, out->set);
		else
			forward(at, dev, f, out);
	}
}

nsn_set_t nsn_w_ip_in(struct nsn_wat *at, const struct nsn_wlink *dev, nsn_set_t set, bool check,
		      bool admitted)
{
	struct nsn_space *s = at->s;
	nsn_set_t all = nsn_none(s);

	/* Other frames are never routed; ARP is answered by the machine itself. */
	if (at->family == 0)
		return set;
	set = for_us(at, dev, set, check);
	if (at->family == AF_INET6 && conf(dev)->disable_ipv6 == 1) {
		nsn_w_tell(at, NSN_PASSED_STOP, dev->l->index, "IPv6 is off for '%s'",
			   dev->l->name);
		return nsn_none(s);
	}
	if (nsn_empty(set))
		return set;
	if (nsn_hooks_track(at->n->hooks, nsn_w_nfproto(at->family))) {
		/* Before it, fragments are put together, with the header of the first. */
		set = prerouting(at, INT32_MIN, -401, set);
		set = nsn_and(s, set, nsn_is(s, NSN_F_FRAG, 0));
		set = prerouting(at, -400, -201, set);
	} else {
		set = prerouting(at, INT32_MIN, -201, set);
	}
	for (struct nsn_wflow *f = nsn_w_track(at, set), *next; f; f = next) {
		next = f->next;
		f->next = NULL;
		f->set = prerouting(at, -200, -101, f->set);
		nsn_w_translate(at, f, NF_INET_PRE_ROUTING, dev);
		for (struct nsn_wflow *g = f; g; g = g->next) {
			g->set = prerouting(at, -100, INT32_MAX, g->set);
			if (admitted)
				all = nsn_or(s, all, g->set);
			g->set = martians(at, dev, g->set);
			if (!admitted && !nsn_empty(g->set))
				routed(at, dev, g);
		}
	}
	return all;
}

/* ---- out of its own sockets --------------------------------------------------------------- */

static void send_out(struct nsn_wat *at, struct nsn_wflow *f)
{
	struct nsn_space *s = at->s;

	/* Routes of what the machine sends are looked up as if it came by `lo`. */
	for (struct nsn_wout *out = nsn_w_route(at, nsn_put(s, f->set, NSN_F_IIF, 1)); out;
	     out = out->next) {
		struct nsn_wflow here = *f;
		const struct nsn_wlink *to;

		if (out->kind == NSN_WOUT_LOCAL)
			continue;
		to = nsn_w_link(at->n, out->hop->link);
		if (!to) {
			nsn_w_blind(at, out->set, "a route by a link that is not there");
			continue;
		}
		here.next = NULL;
		here.set = nsn_put(s, nsn_put(s, out->set, NSN_F_IIF, 0), NSN_F_OIF, to->l->index);
		at->hop = out->hop;
		leave(at, &here, out, to);
		at->hop = NULL;
	}
}

static nsn_set_t output(struct nsn_wat *at, int32_t first, int32_t last, nsn_set_t set)
{
	return nsn_w_hook(at, nsn_w_nfproto(at->family), NF_INET_LOCAL_OUT, NULL, first, last, set);
}

/*
 * A route is chosen before the hook and again behind it, as marks and destinations may change: the
 * device that rules see there is any that there is a route by.
 */
void nsn_w_sent(struct nsn_wat *at, nsn_set_t set)
{
	struct nsn_space *s = at->s;
	nsn_set_t by = nsn_none(s);

	for (const struct nsn_wout *out = nsn_w_route(at, nsn_put(s, set, NSN_F_IIF, 1)); out;
	     out = out->next)
		if (out->kind == NSN_WOUT_HOP)
			by = nsn_or(s, by, nsn_put(s, out->set, NSN_F_OIF, out->hop->link));
	set = nsn_put(s, by, NSN_F_IIF, 0);
	set = output(at, INT32_MIN, -201, set);
	for (struct nsn_wflow *f = nsn_w_track(at, set), *next; f; f = next) {
		next = f->next;
		f->next = NULL;
		f->set = output(at, -200, -101, f->set);
		nsn_w_translate(at, f, NF_INET_LOCAL_OUT, NULL);
		for (struct nsn_wflow *g = f; g; g = g->next) {
			g->set = output(at, -100, INT32_MAX, g->set);
			send_out(at, g);
		}
	}
}
