/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_TOPO_H
#define NSN_VERIFY_TOPO_H

/*
 * topo - who is joined with whom by links at all, and what is wrong with them. Pure.
 *
 * Nodes are the namespaces of the snapshot. Devices that stay inside (lo, dummy, bridges)
 * are no edge; a veth is one, when its halves live in two; every other device is an edge to
 * where its other half lives (vxlan, gre, macvlan, ipvlan: the namespace of IFLA_LINK or
 * where its socket lives; tun: whoever holds it) or, when that cannot be known, a loose end,
 * which makes its tenant INCONCLUSIVE by name. A workload's own links count (what is
 * inside them does not). A node with no way to another tenant's is isolated because no path
 * exists: that is the whole proof, in linear time.
 */
#include "finding.h"
#include "snap.h"

enum nsn_edge_kind {
	NSN_EDGE_PORT,	/* a bridge port of a gateway, and the workload of the same tenant behind it
			 */
	NSN_EDGE_CABLE, /* gateway to gateway */
	NSN_EDGE_UPLINK,  /* gateway to host, with our name and group */
	NSN_EDGE_OUTSIDE, /* between two that are no tenant's */
	NSN_EDGE_STRAY,	  /* any other: nobody wants it */
};

struct nsn_edge {
	enum nsn_edge_kind kind;
	/* Namespaces; b NSN_NOWHERE: a loose end. Of PORT and UPLINK, a is the gateway; of a device
	 * that sits on another (macvlan, vxlan), where the upper one lives. */
	size_t a, b;
	/* Links; lb 0 when there is none of its own over there; la 0 when the whole namespace is
	 * the loose end, as it could not be read. */
	uint32_t la, lb;
	const char *why; /* of a loose end, for people: "vxlan 'vx0' (id 42): leads out of the
			    machine" */
};

/* A tenant has something in a component; tenant 0: the host and all that are no tenant's. */
struct nsn_part {
	uint64_t tenant;
	size_t component;
};

struct nsn_topo {
	struct nsn_arena mem;
	const struct nsn_snap *snap;
	struct nsn_edge *edges;
	size_t n_edges;
	/* By namespace: which component it is in, by edges of all kinds. */
	size_t *component;
	size_t n_components;
	size_t *first;		/* by namespace, and one more: its edges in `of` */
	size_t *of;		/* indexes of edges, by namespace */
	struct nsn_part *parts; /* by tenant, component; each once */
	size_t n_parts;
	size_t *loose; /* by component: a loose end in it, or NSN_NOWHERE */
	/* The loose end of a namespace that could not be read, or NSN_NOWHERE: a link of it may sit
	 * on one of anybody's, who does not see it. */
	size_t blind;
};

/* 0 or -ENOMEM. */
int nsn_topo_make(struct nsn_topo *ret, const struct nsn_snap *snap, struct nsnet_err *err);
void nsn_topo_clear(struct nsn_topo *t);

/*
 * Whether no link leads, through however many namespaces, from any of tenant @a's to any
 * of tenant @b's (numbers of the store; b 0: the host and all that are no tenant's). False, too,
 * when that is not known: both have loose ends, or some namespace could not be read. Quick: two
 * binary searches.
 */
bool nsn_topo_apart(const struct nsn_topo *t, uint64_t a, uint64_t b);
/* A loose end in a component of tenant @a, or of a namespace that could not be read; or NULL. */
const struct nsn_edge *nsn_topo_loose(const struct nsn_topo *t, uint64_t a);

/*
 * lint.c: what is wrong with what is there, whatever packets can do with it: strays, loose
 * ends, ports without pins or flags, wrong settings, links nobody owns.
 */
int nsn_lint(const struct nsn_topo *t, struct nsn_findings *ret, struct nsnet_err *err);
/*
 * adversary.c: T8, and who holds descriptors of a tenant's namespaces. A process in a
 * tenant's workload namespace that is in the initial user namespace and has one of NET_ADMIN,
 * SYS_ADMIN, SYS_PTRACE, SYS_MODULE, SYS_RAWIO, DAC_READ_SEARCH (also NET_RAW? no: it may send what
 * any tenant may) is stronger than the proof assumes.
 */
int nsn_adversary(const struct nsn_topo *t, struct nsn_findings *ret, struct nsnet_err *err);

#endif
