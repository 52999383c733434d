/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_TOPO_KIND_H
#define NSN_VERIFY_TOPO_KIND_H

/*
 * topo_kind - where devices of each kind lead to, and which edges are wanted. Of topo and lint
 * only.
 */
#include "snap.h"
#include "topo.h"

enum nsn_lead {
	NSN_LEAD_INSIDE,  /* nowhere: what it sends stays in the namespace, or leaves by another */
	NSN_LEAD_PEER,	  /* to its peer */
	NSN_LEAD_LOWER,	  /* to the device it sits on */
	NSN_LEAD_TAP,	  /* the same, and to whoever holds its character device */
	NSN_LEAD_TUNNEL,  /* through a socket of the namespace it was made in */
	NSN_LEAD_HELD,	  /* to a process that holds it */
	NSN_LEAD_SOCKET,  /* through a socket, and the kernel does not say whose */
	NSN_LEAD_MACHINE, /* out of the machine: hardware */
	NSN_LEAD_UNKNOWN,
};

enum nsn_lead nsn_link_lead(const struct nsn_vlink *l);
/* "nsn" and digits: a name that nsnet gives. */
bool nsn_link_is_ours(const char *name);
/* One that the kernel makes in every namespace by itself ("sit0"), and that nobody has set up. */
bool nsn_link_is_fallback(const struct nsn_vlink *l);
bool nsn_vns_is_tenants(const struct nsn_vns *ns);

/* By names and places. @lb may be NULL. Sets e->kind, and which end is `a`. */
void nsn_edge_sort(struct nsn_edge *e, const struct nsn_snap *s, const struct nsn_vlink *la,
		   const struct nsn_vlink *lb);

#endif
