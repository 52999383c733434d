/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk - to the neighbour that a route says: his MAC address where it is fixed, else anybody's. */
#include <net/if.h>
#include <string.h>

#include "walk_in.h"

static void send_to(struct nsn_wat *at, const struct nsn_wlink *dev, const struct nsn_vneigh *nb,
		    nsn_set_t set)
{
	struct nsn_space *s = at->s;

	if (nsn_empty(set))
		return;
	set = nsn_put(s, set, NSN_F_TAG, 0);
	set = nsn_put(s, set, NSN_F_L2SRC, nsn_w_mac(&dev->l->mac));
	if (nb)
		set = nsn_put(s, set, NSN_F_L2DST, nsn_w_mac(&nb->mac));
	else
		set = nsn_forget(s, set, NSN_F_L2DST);
	if (!nb)
		nsn_w_tell(at, NSN_PASSED_SWITCH, dev->l->index,
			   "no permanent neighbour: whoever answers gets it");
	/* Outside, whoever gets it is outside. */
	set = nsn_w_is_outer(at->n, dev) ? nsn_w_narrow(at, set) : nsn_w_one_of(at, set);
	if (strcmp(dev->l->kind, "bridge") == 0)
		nsn_w_bridge_out(at, dev, set);
	else
		nsn_w_leave(at, dev, set, true);
}

/* The first neighbour of the link whose address is @v or above. */
static size_t neigh_from(const struct nsn_wns *n, uint32_t link, uint8_t family, nsn_u128 v)
{
	size_t lo = 0, hi = n->n_neighs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct nsn_vneigh *nb = n->neighs[mid];
		bool below = nb->link != link	       ? nb->link < link
			     : nb->ip.family != family ? nb->ip.family < family
						       : nsn_w_ip(&nb->ip) < v;

		if (below)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct nsn_vneigh *neigh_at(const struct nsn_wns *n, size_t i, uint32_t link,
					 uint8_t family, nsn_u128 last)
{
	const struct nsn_vneigh *nb = i < n->n_neighs ? n->neighs[i] : NULL;

	if (!nb || nb->link != link || nb->ip.family != family || nsn_w_ip(&nb->ip) > last)
		return NULL;
	return nb;
}

void nsn_w_neigh(struct nsn_wat *at, const struct nsn_wout *out, nsn_set_t set)
{
	struct nsn_wlink *dev = nsn_w_link(at->n, out->hop->link);
	const struct nsn_ip *via = &out->hop->via;
	const struct nsn_vneigh *nb;
	struct nsn_space *s = at->s;
	struct nsn_range r;

	if (!dev || nsn_empty(set))
		return;
	if (!(dev->l->flags & IFF_UP)) {
		nsn_w_tell(at, NSN_PASSED_STOP, dev->l->index, "'%s' is down", dev->l->name);
		return;
	}
	if (via->family) {
		nsn_u128 v = nsn_w_ip(via);
		size_t i = neigh_from(at->n, dev->l->index, via->family, v);

		send_to(at, dev, neigh_at(at->n, i, dev->l->index, via->family, v), set);
		return;
	}
	nsn_bounds(s, set, NSN_F_DST, &r);
	for (size_t i = neigh_from(at->n, dev->l->index, at->family, r.first);
	     (nb = neigh_at(at->n, i, dev->l->index, at->family, r.last)); i++) {
		nsn_set_t to = nsn_and(s, set, nsn_is(s, NSN_F_DST, nsn_w_ip(&nb->ip)));

		send_to(at, dev, nb, to);
		set = nsn_sub(s, set, to);
	}
	/* Where neighbours were not read, one may be there: nobody has to say to be it. */
	if (!nsn_empty(set) && strcmp(dev->l->kind, "bridge") == 0 &&
	    nsn_vns_needs_neighs(at->n->ns)) {
		set = nsn_and(s, set, nsn_w_answered(at, dev));
		if (nsn_empty(set))
			nsn_w_tell(at, NSN_PASSED_STOP, dev->l->index,
				   "no neighbour, and no port lets anybody say to be it");
	}
	send_to(at, dev, NULL, set);
}
