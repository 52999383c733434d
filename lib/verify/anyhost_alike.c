/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "anyhost_in.h"

/*
 * anyhost_alike - networks whose packets need not be followed one network after the other
 *
 * Where no rule and no route asks by which device a packet came in, and the devices of two
 * networks have the same settings, what one can reach by way of IP the other can. What may ask is
 * everything that is not known here not to.
 */

static bool asks(const struct nsn_vexpr *x)
{
	switch ((int)x->kind) {
	case NSN_X_IMMEDIATE:
	case NSN_X_CMP:
	case NSN_X_RANGE:
	case NSN_X_BITWISE:
	case NSN_X_SHIFT:
	case NSN_X_BYTEORDER:
	case NSN_X_CT:
	case NSN_X_LOOKUP:
	case NSN_X_COUNTER:
	case NSN_X_LOG:
	case NSN_X_LAST:
	case NSN_X_LIMIT:
	case NSN_X_NAT:
	case NSN_X_MASQ:
	case NSN_X_REJECT:
	case NSN_X_NOTRACK:
		return false;
	case NSN_X_META_SET:
		return x->key != NFT_META_MARK;
	case NSN_X_META:
		return x->key != NFT_META_MARK && x->key != NFT_META_L4PROTO &&
		       x->key != NFT_META_NFPROTO && x->key != NFT_META_PROTOCOL &&
		       x->key != NFT_META_OIF && x->key != NFT_META_OIFNAME;
	case NSN_X_PAYLOAD:
		return x->base != NFT_PAYLOAD_NETWORK_HEADER &&
		       x->base != NFT_PAYLOAD_TRANSPORT_HEADER;
	case NSN_X_FIB:
		return x->flags & NFTA_FIB_F_IIF;
	default:
		return true;
	}
}

static bool chain_asks(const struct nsn_vchain *c)
{
	if (c->hook != NSN_NO_HOOK && c->hook >= NF_INET_NUMHOOKS)
		return true;
	for (size_t i = 0; i < c->n_rules; i++)
		for (size_t k = 0; k < c->rules[i].n_exprs; k++)
			if (asks(&c->rules[i].exprs[k]))
				return true;
	return false;
}

bool nsn_anyhost_asks(const struct nsn_vns *host)
{
	if (host->n_strange || host->unreadable)
		return true;
	for (size_t i = 0; i < host->n_fibs; i++)
		if (host->fibs[i].iif[0] || host->fibs[i].odd)
			return true;
	for (size_t i = 0; i < host->n_tables; i++) {
		const struct nsn_vtable *t = &host->tables[i];

		if (t->family != NFPROTO_IPV4 && t->family != NFPROTO_IPV6 &&
		    t->family != NFPROTO_INET)
			return true;
		for (size_t k = 0; k < t->n_chains; k++)
			if (chain_asks(&t->chains[k]))
				return true;
	}
	return false;
}

static bool same_link(const struct nsn_vlink *a, const struct nsn_vlink *b)
{
	return strcmp(a->kind, b->kind) == 0 && strcmp(a->port_kind, b->port_kind) == 0 &&
	       a->flags == b->flags && a->type == b->type &&
	       a->vlan_filtering == b->vlan_filtering && a->stp == b->stp &&
	       a->nf_call == b->nf_call && !a->xdp && !b->xdp && !a->tc && !b->tc &&
	       memcmp(&a->conf, &b->conf, sizeof(a->conf)) == 0 &&
	       memcmp(&a->port, &b->port, sizeof(a->port)) == 0 && a->port.locked <= 0;
}

/* Something sits on it: that is known by who does. */
static bool is_below(const struct nsn_proving *p, uint32_t link)
{
	const struct nsn_vns *host = &p->snap->ns[p->host];

	for (size_t i = 0; i < p->snap->n_ns; i++)
		for (size_t k = 0; k < p->snap->ns[i].n_links; k++) {
			const struct nsn_vlink *l = &p->snap->ns[i].links[k];

			if (strcmp(l->kind, "veth") != 0 && l->peer_index == link &&
			    (l->peer_ns == p->host || &p->snap->ns[i] == host))
				return true;
		}
	return false;
}

static bool is_door(const struct nsn_anynet *net, uint32_t link)
{
	for (size_t i = 0; i < net->n_links; i++)
		if (net->links[i] == link)
			return true;
	return false;
}

bool nsn_anyhost_alike(const struct nsn_proving *p, const struct nsn_anynet *a,
		       const struct nsn_anynet *b)
{
	const struct nsn_vns *host = &p->snap->ns[p->host];
	const struct nsn_vlink *first = nsn_vns_link(host, a->links[0]);
	const struct nsn_vlink *da = nsn_vns_link(host, a->dev), *db = nsn_vns_link(host, b->dev);

	for (size_t i = 0; i < host->n_links; i++)
		if ((host->links[i].master == a->dev && !is_door(a, host->links[i].index)) ||
		    (host->links[i].master == b->dev && !is_door(b, host->links[i].index)))
			return false;
	if (!first || !da || !db || !same_link(da, db) || is_below(p, a->dev) ||
	    is_below(p, b->dev))
		return false;
	for (int second = 0; second < 2; second++) {
		const struct nsn_anynet *x = second ? b : a;

		for (size_t i = 0; i < x->n_links; i++) {
			const struct nsn_vlink *l = nsn_vns_link(host, x->links[i]);

			if (!l || !same_link(first, l) || is_below(p, l->index))
				return false;
		}
	}
	return true;
}
