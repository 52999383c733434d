/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_TOPO_WORLD_H
#define TESTS_TOPO_WORLD_H

/*
 * topo_world - snapshots by hand, and what is found in them, for tests of topo, lint and
 * adversary. Links and namespaces are at most a few.
 */
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include "../../lib/verify/topo.h"

#define WORLD_NS    12
#define WORLD_LINKS 12
#define WORLD_PROCS 24

struct world {
	struct nsn_snap snap;
	struct nsn_vns ns[WORLD_NS];
	struct nsn_vlink links[WORLD_NS][WORLD_LINKS];
	struct nsn_vproc procs[WORLD_NS][WORLD_PROCS];
	struct nsn_vheld held[WORLD_NS][WORLD_PROCS];
	struct nsn_topo topo;
	struct nsn_findings found;
};

static inline size_t world_ns(struct world *w, enum nsn_vns_kind kind, uint64_t tenant,
			      const char *name)
{
	const size_t i = w->snap.n_ns++;

	assert_true(i < WORLD_NS);
	w->snap.ns = w->ns;
	w->ns[i] = (struct nsn_vns){.kind = kind,
				    .inode = 100 + i,
				    .name = name,
				    .path = "/run/netns/x",
				    .tenant = tenant,
				    .full = kind <= NSN_VNS_GATEWAY,
				    .why = "",
				    .links = w->links[i],
				    .procs = w->procs[i],
				    .held = w->held[i]};
	return i;
}

static inline struct nsn_vlink *world_link(struct world *w, size_t ns, const char *name,
					   const char *kind)
{
	struct nsn_vns *v = &w->ns[ns];
	struct nsn_vlink *l = &v->links[v->n_links++];

	assert_true(v->n_links <= WORLD_LINKS);
	*l = (struct nsn_vlink){.index = (uint32_t)v->n_links,
				.name = name,
				.kind = kind,
				.port_kind = "",
				.alias = "",
				.qdisc = "noqueue",
				.detail = "",
				.flags = IFF_UP,
				.type = ARPHRD_ETHER,
				.peer_nsid = -1,
				.peer_ns = NSN_NOWHERE};
	l->conf.rp_filter = 1;
	l->conf.arp_ignore = 2;
	l->conf.disable_ipv6 = 1;
	if (strcmp(name, "lo") == 0)
		l->type = ARPHRD_LOOPBACK;
	return l;
}

/* As the kernel tells of what has its other half in another namespace. */
static inline void world_lower(struct nsn_vlink *l, size_t ns, uint32_t index)
{
	l->peer_ns = ns;
	l->peer_nsid = (int32_t)ns;
	l->peer_index = index;
}

static inline void world_veth(struct world *w, size_t a, const char *name_a, size_t b,
			      const char *name_b)
{
	struct nsn_vlink *x = world_link(w, a, name_a, "veth"),
			 *y = world_link(w, b, name_b, "veth");

	world_lower(x, b, y->index);
	world_lower(y, a, x->index);
	if (a == b)
		x->peer_nsid = y->peer_nsid = -1;
}

/* The last link of a gateway becomes a port as nsnet makes them with inside: deny. */
static inline struct nsn_vlink *world_port(struct world *w, size_t gw)
{
	struct nsn_vlink *l = &w->ns[gw].links[w->ns[gw].n_links - 1];

	l->port_kind = "bridge";
	l->port = (struct nsn_vport){
		.isolated = 1, .locked = 1, .guard = 1, .root_block = 1, .state = 3};
	return l;
}

enum { HOST, GW_A, GW_B, WL_A, WL_B, WL_A2, STANDARD };

static const uint8_t world_key_a[24] = "nsn1", world_key_b[24] = "nsn2", world_key_a2[24] = "nsn3";

/* The prerouting chain and set that name the ports. */
static inline void world_pins(struct world *w, size_t gw)
{
	static struct nsn_vexpr lookup = {
		.kind = NSN_X_LOOKUP, .name = "lookup", .set = "pins", .sreg = 4};
	static struct nsn_vrule rule = {.comment = "", .exprs = &lookup, .n_exprs = 1};
	static struct nsn_vchain chain = {
		.name = "pre", .hook = 0, .type = "filter", .rules = &rule, .n_rules = 1};
	static struct nsn_velem elems[] = {
		{.key = world_key_a}, {.key = world_key_b}, {.key = world_key_a2}};
	static struct nsn_vset set = {.name = "pins", .key_len = 24, .elems = elems, .n_elems = 3};
	static const struct nsn_vtable made = {.family = 7, /* NFPROTO_BRIDGE */
					       .name = "nsnet",
					       .comment = "",
					       .chains = &chain,
					       .n_chains = 1,
					       .sets = &set,
					       .n_sets = 1};
	struct nsn_vtable *table = nsn_arena_memdup(&w->snap.mem, &made, sizeof(made));

	assert_non_null(table);
	w->ns[gw].tables = table;
	w->ns[gw].n_tables = 1;
}

/* A host with a card, two tenants, the first with two endpoints; no cable. All as it should be. */
static inline void world_make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	(void)world_ns(w, NSN_VNS_HOST, 0, "host");
	(void)world_ns(w, NSN_VNS_GATEWAY, 1, "gateway of ann");
	(void)world_ns(w, NSN_VNS_GATEWAY, 2, "gateway of bob");
	(void)world_ns(w, NSN_VNS_WORKLOAD, 1, "ann/default");
	(void)world_ns(w, NSN_VNS_WORKLOAD, 2, "bob/default");
	(void)world_ns(w, NSN_VNS_WORKLOAD, 1, "ann/db");
	for (size_t i = 0; i < STANDARD; i++)
		(void)world_link(w, i, "lo", "");
	(void)world_link(w, HOST, "eth0", "");
	for (size_t i = GW_A; i <= GW_B; i++) {
		(void)world_link(w, i, "br0", "bridge");
		world_pins(w, i);
	}
	world_veth(w, WL_A, "eth0", GW_A, "nsn1");
	(void)world_port(w, GW_A);
	world_veth(w, WL_B, "eth0", GW_B, "nsn2");
	(void)world_port(w, GW_B);
	world_veth(w, WL_A2, "eth0", GW_A, "nsn3");
	(void)world_port(w, GW_A);
}

static inline void world_drop(struct world *w)
{
	nsn_findings_clear(&w->found);
	nsn_topo_clear(&w->topo);
	nsn_arena_free(&w->snap.mem);
}

/* "STRAY_LINK 1>2 ann/default: text | hint\n" for each finding. In a static buffer. */
static inline const char *world_found(const struct world *w)
{
	static char text[16384];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < w->found.n; i++) {
		const struct nsn_finding *x = &w->found.list[i];

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s %d>%d %s: %s | %s\n",
				       nsn_finding_name(x->kind), (int)x->from, (int)x->to,
				       x->where, x->what, x->hint);
		assert_true(at < sizeof(text));
	}
	return text;
}

static inline void world_topo(struct world *w)
{
	nsn_topo_clear(&w->topo);
	nsn_findings_clear(&w->found);
	assert_int_equal(nsn_topo_make(&w->topo, &w->snap, NULL), 0);
}

static inline void world_lints(struct world *w, const char *want)
{
	world_topo(w);
	assert_int_equal(nsn_lint(&w->topo, &w->found, NULL), 0);
	assert_string_equal(world_found(w), want);
}

static inline void world_adversaries(struct world *w, const char *want)
{
	world_topo(w);
	assert_int_equal(nsn_adversary(&w->topo, &w->found, NULL), 0);
	assert_string_equal(world_found(w), want);
}

#endif
