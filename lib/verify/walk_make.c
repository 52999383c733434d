/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk - what is prepared: links with their peers at once, the rest when it is needed. */
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "walk_in.h"

nsn_u128 nsn_w_ip(const struct nsn_ip *ip)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < (ip->family == AF_INET ? 4 : 16); i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

nsn_u128 nsn_w_mac(const struct nsn_mac *mac)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < 6; i++)
		v = v << 8 | mac->bytes[i];
	return v;
}

void nsn_w_prefix(const struct nsn_prefix *p, struct nsn_range *ret)
{
	struct nsn_ip first = nsn_prefix_network(p), last = nsn_prefix_last(p);

	ret->first = nsn_w_ip(&first);
	ret->last = nsn_w_ip(&last);
}

nsn_set_t nsn_w_masked(struct nsn_space *s, nsn_set_t set, enum nsn_field f, uint32_t mask,
		       uint32_t value)
{
	uint32_t bits[32], want = 0;
	uint8_t number[4];
	nsn_set_t yes;
	size_t n = 0, bytes;

	for (unsigned int b = 32; b-- > 0;) {
		if (!(mask >> b & 1))
			continue;
		bits[n++] = NSN_BIT(f, b);
		want = want << 1 | (value >> b & 1);
	}
	if (n == 0)
		return set;
	bytes = (n + 7) / 8;
	for (size_t i = 0; i < bytes; i++)
		number[i] = (uint8_t)(want >> 8 * (bytes - 1 - i));
	nsn_compare(s, set, bits, n, number, number, &yes, NULL);
	return yes;
}

void *nsn_w_alloc(struct nsn_walk *w, size_t size)
{
	void *p = nsn_arena_alloc(&w->mem, size ? size : 1);

	if (!p)
		nsn_space_stop(w->s, "memory");
	return p;
}

struct nsn_wlink *nsn_w_link(const struct nsn_wns *n, uint32_t index)
{
	size_t lo = 0, hi = n->n_links;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (n->links[mid].l->index == index)
			return &n->links[mid];
		if (n->links[mid].l->index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* ---- where links of the host lead -------------------------------------------------------- */

#define STACK_MAX 8

static bool leads_out(const struct nsn_wns *n, const struct nsn_wlink *l, unsigned int depth);

/* All that is in it: ports of a bridge, members of a bond. */
static bool members_lead_out(const struct nsn_wns *n, const struct nsn_wlink *l, unsigned int depth)
{
	for (size_t i = 0; i < n->n_links; i++)
		if (n->links[i].l->master == l->l->index && !leads_out(n, &n->links[i], depth + 1))
			return false;
	return true;
}

static bool leads_out(const struct nsn_wns *n, const struct nsn_wlink *l, unsigned int depth)
{
	static const char *const upper[] = {"vlan",    "macvlan", "ipvlan",
					    "macvtap", "ipvtap",  "macsec"};
	const struct nsn_wlink *lower;
	const char *kind = l->l->kind;

	if (depth > STACK_MAX || l->l->flags & IFF_LOOPBACK || l->l->peer_lost)
		return false;
	if (kind[0] == '\0')
		return true;
	if (strcmp(kind, "veth") == 0)
		return l->to != NSN_NOWHERE && !l->peer;
	if (strcmp(kind, "bridge") == 0 || strcmp(kind, "bond") == 0 || strcmp(kind, "team") == 0)
		return members_lead_out(n, l, depth);
	if (strcmp(kind, "tun") == 0)
		return true;
	for (size_t i = 0; i < NSN_COUNT(upper); i++) {
		if (strcmp(kind, upper[i]) != 0)
			continue;
		lower = l->l->peer_nsid == -1 ? nsn_w_link(n, l->l->peer_index) : NULL;
		return lower && lower != l && leads_out(n, lower, depth + 1);
	}
	return false;
}

bool nsn_w_is_outer(const struct nsn_wns *n, const struct nsn_wlink *l)
{
	return n->ns->kind == NSN_VNS_HOST && leads_out(n, l, 0);
}

static int by_index(const void *pa, const void *pb)
{
	const struct nsn_wlink *a = pa, *b = pb;

	return (a->l->index > b->l->index) - (a->l->index < b->l->index);
}

static int links_of(struct nsn_walk *w, struct nsn_wns *n)
{
	n->links = nsn_arena_alloc(&w->mem, (n->ns->n_links + 1) * sizeof(*n->links));
	if (!n->links)
		return -ENOMEM;
	for (size_t i = 0; i < n->ns->n_links; i++) {
		const struct nsn_vlink *l = &n->ns->links[i];
		struct nsn_wlink *to = &n->links[n->n_links++];

		to->l = l;
		to->to = l->peer_ns < w->snap->n_ns ? l->peer_ns : NSN_NOWHERE;
		if (to->to != NSN_NOWHERE && w->snap->ns[to->to].full &&
		    !w->snap->ns[to->to].unreadable)
			to->peer = &w->ns[to->to];
	}
	qsort(n->links, n->n_links, sizeof(*n->links), by_index);
	return 0;
}

/* A device on top of another one (vlan, macvlan, ...) takes frames that IP would not. */
static void stack_of(struct nsn_walk *w, const struct nsn_wns *n)
{
	for (size_t i = 0; i < n->n_links; i++) {
		const struct nsn_vlink *l = n->links[i].l;
		struct nsn_wlink *under;

		if (n->links[i].to == NSN_NOWHERE || l->peer_index == 0 ||
		    strcmp(l->kind, "veth") == 0)
			continue;
		under = nsn_w_link(&w->ns[n->links[i].to], l->peer_index);
		if (under)
			under->stacked = true;
	}
}

/* Where the reader says nothing of the namespace, it is the link's own. */
static void stack_here(const struct nsn_wns *n)
{
	for (size_t i = 0; i < n->n_links; i++) {
		const struct nsn_vlink *l = n->links[i].l;
		struct nsn_wlink *under;

		if (l->peer_index == 0 || l->peer_nsid != -1 || strcmp(l->kind, "veth") == 0 ||
		    n->links[i].to != NSN_NOWHERE)
			continue;
		under = nsn_w_link(n, l->peer_index);
		if (under && under != &n->links[i])
			under->stacked = true;
	}
}

int nsn_walk_new(struct nsn_walk **ret, const struct nsn_snap *snap, struct nsn_space *s)
{
	struct nsn_walk *w = calloc(1, sizeof(*w));

	*ret = NULL;
	if (!w)
		return -ENOMEM;
	w->snap = snap;
	w->s = s;
	w->ns = nsn_arena_alloc(&w->mem, (snap->n_ns + 1) * sizeof(*w->ns));
	if (!w->ns) {
		nsn_walk_free(w);
		return -ENOMEM;
	}
	for (size_t i = 0; i < snap->n_ns; i++) {
		w->ns[i].ns = &snap->ns[i];
		w->ns[i].at = i;
		w->ns[i].full = snap->ns[i].full;
		if (links_of(w, &w->ns[i]) < 0) {
			nsn_walk_free(w);
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < snap->n_ns; i++) {
		stack_of(w, &w->ns[i]);
		stack_here(&w->ns[i]);
	}
	*ret = w;
	return 0;
}

static void ct_free(struct nsn_space *s, struct nsn_wct *ct)
{
	for (size_t i = 0; ct && i < ct->n; i++) {
		nsn_kept_drop(s, ct->list[i].orig);
		nsn_kept_drop(s, ct->list[i].reply);
		nsn_kept_drop(s, ct->list[i].rel[0]);
		nsn_kept_drop(s, ct->list[i].rel[1]);
	}
}

void nsn_walk_free(struct nsn_walk *w)
{
	if (!w)
		return;
	for (size_t i = 0; w->ns && i < w->snap->n_ns; i++) {
		nsn_hooks_free(w->ns[i].hooks);
		for (size_t k = 0; k < w->ns[i].n_links; k++) {
			nsn_kept_drop(w->s, w->ns[i].links[k].answered[0]);
			nsn_kept_drop(w->s, w->ns[i].links[k].answered[1]);
		}
		ct_free(w->s, w->ns[i].ct[0]);
		ct_free(w->s, w->ns[i].ct[1]);
	}
	nsn_arena_free(&w->mem);
	free(w);
}

static int by_neigh(const void *pa, const void *pb)
{
	const struct nsn_vneigh *a = *(const struct nsn_vneigh *const *)pa,
				*b = *(const struct nsn_vneigh *const *)pb;

	if (a->link != b->link)
		return a->link < b->link ? -1 : 1;
	return nsn_ip_cmp(&a->ip, &b->ip);
}

static int by_fdb(const void *pa, const void *pb)
{
	const struct nsn_vfdb *a = *(const struct nsn_vfdb *const *)pa,
			      *b = *(const struct nsn_vfdb *const *)pb;

	if (a->master != b->master)
		return a->master < b->master ? -1 : 1;
	return nsn_mac_cmp(&a->mac, &b->mac);
}

void nsn_w_ready(struct nsn_walk *w, struct nsn_wns *n)
{
	const struct nsn_vns *ns = n->ns;
	int r;

	if (n->ready)
		return;
	if (!n->hooks) {
		r = nsn_hooks_new(&n->hooks, ns, w->s);
		if (r < 0)
			nsn_space_stop(w->s, "memory");
	}
	n->neighs = nsn_w_alloc(w, ns->n_neighs * sizeof(const struct nsn_vneigh *));
	n->n_neighs = 0;
	for (size_t i = 0; i < ns->n_neighs; i++) {
		if (!ns->neighs[i].proxy)
			n->neighs[n->n_neighs++] = &ns->neighs[i];
	}
	if (n->n_neighs)
		qsort(n->neighs, n->n_neighs, sizeof(*n->neighs), by_neigh);
	n->fdb = nsn_w_alloc(w, ns->n_fdb * sizeof(const struct nsn_vfdb *));
	n->n_fdb = 0;
	for (size_t i = 0; i < ns->n_fdb; i++) {
		/* Those of a VLAN are used where VLANs are filtered, which is not known here. */
		if (!ns->fdb[i].self && ns->fdb[i].master && ns->fdb[i].vlan == 0)
			n->fdb[n->n_fdb++] = &ns->fdb[i];
	}
	if (n->n_fdb)
		qsort(n->fdb, n->n_fdb, sizeof(*n->fdb), by_fdb);
	n->ready = true;
}
