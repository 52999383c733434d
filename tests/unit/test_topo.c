// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "topo_world.h"

/* Who is joined with whom by links at all. */

/* The only edge that leads from @a to @b, or NULL. */
static const struct nsn_edge *edge(const struct world *w, size_t a, size_t b)
{
	const struct nsn_edge *found = NULL;

	for (size_t i = 0; i < w->topo.n_edges; i++)
		if (w->topo.edges[i].a == a && w->topo.edges[i].b == b) {
			assert_null(found);
			found = &w->topo.edges[i];
		}
	return found;
}

static void a_site_without_cables_is_apart(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	world_topo(&w);
	assert_int_equal(w.topo.n_components, 3);
	assert_int_equal(w.topo.n_edges, 4); /* three ports, and the host's card */
	assert_int_equal(edge(&w, GW_A, WL_A)->kind, NSN_EDGE_PORT);
	assert_int_equal(edge(&w, GW_A, WL_A)->la, 3);
	assert_int_equal(edge(&w, GW_A, WL_A)->lb, 2);
	assert_int_equal(edge(&w, GW_B, WL_B)->kind, NSN_EDGE_PORT);
	assert_int_equal(edge(&w, HOST, NSN_NOWHERE)->kind, NSN_EDGE_OUTSIDE);
	assert_string_equal(edge(&w, HOST, NSN_NOWHERE)->why,
			    "device 'eth0': leads out of the machine");
	assert_int_equal(w.topo.component[GW_A], w.topo.component[WL_A2]);
	assert_int_equal(w.topo.first[GW_A + 1] - w.topo.first[GW_A], 2);
	assert_true(nsn_topo_apart(&w.topo, 1, 2));
	assert_true(nsn_topo_apart(&w.topo, 2, 1));
	assert_true(nsn_topo_apart(&w.topo, 1, 0));
	assert_true(nsn_topo_apart(&w.topo, 1, 7));
	assert_false(nsn_topo_apart(&w.topo, 1, 1));
	assert_null(nsn_topo_loose(&w.topo, 1));
	assert_non_null(nsn_topo_loose(&w.topo, 0));
	world_drop(&w);
}

static void cables_and_uplinks_have_names(void **state)
{
	static const struct {
		size_t a, b;
		const char *name_a, *name_b;
		enum nsn_edge_kind kind;
	} table[] = {
		{GW_A, GW_B, "nsn7", "nsn7", NSN_EDGE_CABLE},
		{GW_A, GW_B, "nsn7", "nsn8", NSN_EDGE_STRAY},
		{GW_A, GW_B, "nsn", "nsn", NSN_EDGE_STRAY},
		{GW_A, GW_B, "nsn7x", "nsn7x", NSN_EDGE_STRAY},
		{HOST, GW_B, "nsn7", "nsn7", NSN_EDGE_UPLINK},
		{HOST, GW_B, "nsn7", "veth7", NSN_EDGE_STRAY},
		{GW_A, WL_B, "nsn7", "eth1", NSN_EDGE_STRAY},
		{WL_A, WL_B, "nsn7", "nsn7", NSN_EDGE_STRAY},
		{HOST, WL_B, "nsn7", "eth1", NSN_EDGE_STRAY},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct nsn_edge *e;
		bool turned = table[i].kind == NSN_EDGE_UPLINK;

		world_make(&w);
		world_veth(&w, table[i].a, table[i].name_a, table[i].b, table[i].name_b);
		world_topo(&w);
		e = turned ? edge(&w, table[i].b, table[i].a) : edge(&w, table[i].a, table[i].b);
		assert_int_equal(w.topo.n_edges, 5);
		assert_non_null(e);
		assert_int_equal(e->kind, table[i].kind);
		assert_false(nsn_topo_apart(&w.topo, 2, w.ns[table[i].a].tenant));
		world_drop(&w);
	}
}

/* A cable that is in a bridge joins more than two gateways. */
static void a_cable_is_no_port(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	w.ns[GW_A].links[2].port_kind = ""; /* and a port is in one */
	world_topo(&w);
	assert_int_equal(edge(&w, GW_A, WL_A)->kind, NSN_EDGE_STRAY);
	world_drop(&w);

	world_make(&w);
	world_veth(&w, GW_A, "nsn7", GW_B, "nsn7");
	(void)world_port(&w, GW_B);
	world_topo(&w);
	assert_int_equal(edge(&w, GW_A, GW_B)->kind, NSN_EDGE_STRAY);
	world_drop(&w);

	/* Within a tenant there are none. */
	world_make(&w);
	world_veth(&w, GW_A, "nsn7", GW_B, "nsn7");
	w.ns[GW_B].tenant = 1;
	world_topo(&w);
	assert_int_equal(edge(&w, GW_A, GW_B)->kind, NSN_EDGE_STRAY);
	world_drop(&w);

	/* Nor is another tenant's workload behind a port. */
	world_make(&w);
	world_veth(&w, WL_B, "eth1", GW_A, "nsn7");
	(void)world_port(&w, GW_A);
	world_topo(&w);
	assert_int_equal(edge(&w, GW_A, WL_B)->kind, NSN_EDGE_STRAY);
	world_drop(&w);

	/* Nor is somebody else's group an uplink. */
	world_make(&w);
	world_veth(&w, HOST, "nsn7", GW_B, "nsn7");
	w.ns[GW_B].links[1].group = 78;
	world_topo(&w);
	assert_int_equal(edge(&w, HOST, GW_B)->kind, NSN_EDGE_STRAY);
	world_drop(&w);
}

/* From one tenant to another over namespaces of nobody. */
static void a_way_may_be_long(void **state)
{
	struct world w;
	size_t one, two;

	(void)state;
	world_make(&w);
	one = world_ns(&w, NSN_VNS_FOREIGN, 0, "net:[1]");
	two = world_ns(&w, NSN_VNS_FOREIGN, 0, "net:[2]");
	world_veth(&w, WL_A, "x", one, "x");
	world_veth(&w, one, "y", two, "y");
	world_topo(&w);
	assert_int_equal(edge(&w, one, two)->kind, NSN_EDGE_OUTSIDE);
	assert_true(nsn_topo_apart(&w.topo, 1, 2));
	assert_false(nsn_topo_apart(&w.topo, 1, 0));
	world_veth(&w, two, "z", WL_B, "z");
	world_topo(&w);
	assert_false(nsn_topo_apart(&w.topo, 1, 2));
	assert_int_equal(w.topo.n_components, 2); /* the host is not with them */
	world_drop(&w);
}

/* ---- kinds ------------------------------------------------------------------------------------
 */

/* The device is in ann's workload and says that its other half is in the host, in its own
 * namespace, or nowhere. */
static void where_kinds_lead(void **state)
{
	static const struct {
		const char *kind;
		bool edge, loose;     /* the other half in the host */
		bool own_loose, lost; /* in its own namespace; lost */
	} table[] = {
		{"dummy", false, false, false, false}, {"bridge", false, false, false, false},
		{"ifb", false, false, false, false},   {"bond", false, false, false, false},
		{"vrf", false, false, false, false},   {"vlan", true, false, false, true},
		{"macvlan", true, false, false, true}, {"ipvlan", true, false, false, true},
		{"macvtap", true, true, true, true},   {"ipvtap", true, true, true, true},
		{"vxlan", true, true, false, true},    {"geneve", true, true, false, true},
		{"gre", true, true, false, true},      {"sit", true, true, false, true},
		{"ip6tnl", true, true, false, true},   {"xfrm", true, true, false, true},
		{"wireguard", true, true, true, true}, {"l2tpeth", true, true, true, true},
		{"tun", true, true, true, true},       {"netdevsim", true, true, true, true},
		{"", true, true, true, true},	       {"something new", true, true, true, true},
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nsn_vlink *l;

		world_make(&w);
		l = world_link(&w, WL_A, "x0", table[i].kind);
		l->peer_index = 1;
		world_topo(&w);
		assert_int_equal(nsn_topo_loose(&w.topo, 1) != NULL, table[i].own_loose);
		assert_null(edge(&w, WL_A, HOST));

		l->peer_nsid = 4;
		l->peer_lost = true;
		world_topo(&w);
		assert_int_equal(nsn_topo_loose(&w.topo, 1) != NULL, table[i].lost);
		assert_true(nsn_topo_apart(&w.topo, 1, 2));

		l->peer_lost = false;
		world_lower(l, HOST, 2);
		world_topo(&w);
		assert_int_equal(edge(&w, WL_A, HOST) != NULL, table[i].edge);
		assert_int_equal(edge(&w, WL_A, NSN_NOWHERE) != NULL, table[i].loose);
		assert_int_equal(nsn_topo_apart(&w.topo, 1, 0), !table[i].edge);
		/* In the host's component its own card counts. */
		assert_int_equal(nsn_topo_loose(&w.topo, 1) != NULL, table[i].edge);
		world_drop(&w);
	}
}

static void two_loose_ends_may_meet(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	world_link(&w, WL_A, "tun0", "tun")->detail = "tun of pid 812";
	world_topo(&w);
	assert_true(nsn_topo_apart(&w.topo, 1, 2));
	assert_string_equal(nsn_topo_loose(&w.topo, 1)->why,
			    "tun 'tun0' (of pid 812): leads to the process that holds it");
	world_link(&w, WL_B, "tun0", "tun");
	world_topo(&w);
	assert_false(nsn_topo_apart(&w.topo, 1, 2));
	assert_non_null(nsn_topo_loose(&w.topo, 2));
	world_drop(&w);
}

static void halves_that_are_missing(void **state)
{
	struct world w;

	(void)state;
	/* Said to be lost; said to be nowhere; not said at all. */
	for (int i = 0; i < 3; i++) {
		struct nsn_vlink *l;

		world_make(&w);
		l = world_link(&w, WL_A, "v", "veth");
		l->peer_index = i < 2 ? 9 : 0;
		l->peer_nsid = i == 1 ? 3 : -1;
		l->peer_lost = i == 0;
		world_topo(&w);
		assert_string_equal(nsn_topo_loose(&w.topo, 1)->why,
				    "veth 'v': its other half cannot be found");
		world_drop(&w);
	}
	/* Only one half tells of the other: joined all the same. */
	world_make(&w);
	world_lower(world_link(&w, WL_A, "v", "veth"), WL_B, 9);
	world_topo(&w);
	assert_false(nsn_topo_apart(&w.topo, 1, 2));
	assert_int_equal(edge(&w, WL_A, WL_B)->lb, 0);
	world_drop(&w);
	/* Two halves that disagree: both are believed. */
	world_make(&w);
	world_lower(world_link(&w, WL_A, "v", "veth"), WL_B, 2);
	world_topo(&w);
	assert_false(nsn_topo_apart(&w.topo, 1, 2));
	world_drop(&w);
	/* A second one that says to be the other half of the first's. */
	world_make(&w);
	world_veth(&w, WL_A, "v", WL_B, "w");
	world_lower(world_link(&w, WL_B, "x", "veth"), WL_A, 3);
	world_topo(&w);
	assert_int_equal(w.topo.n_edges, 6);
	world_drop(&w);
	/* Both in one namespace. */
	world_make(&w);
	world_veth(&w, WL_A, "v", WL_A, "w");
	world_topo(&w);
	assert_int_equal(w.topo.n_edges, 4);
	world_drop(&w);
}

static void what_cannot_be_read_may_lead_anywhere(void **state)
{
	struct world w;
	size_t dark;

	(void)state;
	world_make(&w);
	dark = world_ns(&w, NSN_VNS_FOREIGN, 0, "net:[9]");
	w.ns[dark].unreadable = true;
	w.ns[dark].why = "Operation not permitted";
	world_topo(&w);
	assert_false(nsn_topo_apart(&w.topo, 1, 2));
	assert_string_equal(nsn_topo_loose(&w.topo, 2)->why,
			    "net:[9] could not be read: Operation not permitted");
	world_drop(&w);
}

static void a_program_may_send_anywhere(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	w.ns[GW_A].links[2].xdp = true; /* the prover's to judge */
	world_topo(&w);
	assert_null(nsn_topo_loose(&w.topo, 1));
	w.ns[WL_A].links[1].xdp = true;
	world_topo(&w);
	assert_string_equal(nsn_topo_loose(&w.topo, 1)->why,
			    "veth 'eth0': its XDP program may send to any device");
	world_drop(&w);
}

static void names_are_shown(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	(void)world_link(&w, WL_A, "a'\n", "tun");
	world_topo(&w);
	assert_string_equal(nsn_topo_loose(&w.topo, 1)->why,
			    "tun 'a\\x27\\x0a': leads to the process that holds it");
	world_drop(&w);
}

/* ---- many -------------------------------------------------------------------------------------
 */

#define MANY   1000
#define CABLES 5000

static void add_cable(struct nsn_vns *ns, size_t a, size_t b)
{
	struct nsn_vlink *x = &ns[a].links[ns[a].n_links++], *y = &ns[b].links[ns[b].n_links++];

	*x = (struct nsn_vlink){.index = (uint32_t)ns[a].n_links,
				.name = "nsn5",
				.kind = "veth",
				.port_kind = "",
				.detail = "",
				.peer_ns = b,
				.peer_index = (uint32_t)ns[b].n_links};
	*y = *x;
	y->index = x->peer_index;
	y->peer_ns = a;
	y->peer_index = x->index;
}

/* A ring of even and one of odd gateways, and many cables within each. */
static void many_tenants_and_cables(void **state)
{
	struct nsn_snap snap = {.n_ns = MANY};
	struct nsn_vns *ns = calloc(MANY, sizeof(*ns));
	struct nsn_vlink *links = calloc(MANY * 2 * (CABLES / MANY), sizeof(*links));
	struct nsn_topo t;

	(void)state;
	snap.ns = ns;
	for (size_t i = 0; i < MANY; i++)
		ns[i] = (struct nsn_vns){.kind = NSN_VNS_GATEWAY,
					 .tenant = i + 1,
					 .name = "gateway of x",
					 .links = &links[i * 2 * (CABLES / MANY)]};
	for (size_t i = 0; i < CABLES; i++)
		add_cable(ns, i % MANY, (i % MANY + 2 * (1 + i / MANY)) % MANY);
	assert_int_equal(nsn_topo_make(&t, &snap, NULL), 0);
	assert_int_equal(t.n_edges, CABLES);
	assert_int_equal(t.n_components, 2);
	assert_int_equal(t.edges[17].kind, NSN_EDGE_CABLE);
	assert_true(nsn_topo_apart(&t, 1, MANY));
	assert_false(nsn_topo_apart(&t, 1, MANY - 1));
	nsn_topo_clear(&t);
	free(links);
	free(ns);
}

static void findings_grow(void **state)
{
	struct nsn_findings f = {0};

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		struct nsn_finding *x = nsn_findings_add(&f, NSN_FIND_STRAY_LINK, i, 7);

		assert_non_null(x);
		assert_int_equal(nsn_finding_say(&f, x, "number %u", i), 0);
		for (unsigned int j = 0; j < i; j++)
			assert_int_equal(nsn_finding_show(&f, x, "%u of %u", j, i), 0);
	}
	assert_int_equal(f.n, 100);
	for (unsigned int i = 0; i < 100; i++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "number %u", i);
		assert_int_equal(f.list[i].from, i);
		assert_string_equal(f.list[i].what, want);
		assert_string_equal(f.list[i].hint, "");
		assert_int_equal(f.list[i].n_evidence, i);
		for (unsigned int j = 0; j < i; j++) {
			(void)snprintf(want, sizeof(want), "%u of %u", j, i);
			assert_string_equal(f.list[i].evidence[j], want);
		}
	}
	nsn_findings_clear(&f);
	assert_int_equal(f.n, 0);
	nsn_findings_clear(&f);
}

static void findings_are_named(void **state)
{
	(void)state;
	assert_string_equal(nsn_finding_name(NSN_FIND_STRAY_LINK), "STRAY_LINK");
	assert_int_equal(nsn_finding_outcome(NSN_FIND_STRAY_LINK), NSN_VIOLATION);
	assert_int_equal(nsn_finding_outcome(NSN_FIND_LOOSE_LINK), NSN_INCONCLUSIVE);
	assert_int_equal(nsn_finding_theorem(NSN_FIND_FORWARDING_LOOP), 6);
	for (int k = 0; k < NSN_FINDING_KINDS; k++) {
		assert_true(nsn_finding_name((enum nsn_finding_kind)k)[0]);
		assert_true(nsn_finding_meaning((enum nsn_finding_kind)k)[0]);
		assert_int_not_equal(nsn_finding_outcome((enum nsn_finding_kind)k), NSN_PROVED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_site_without_cables_is_apart),
		cmocka_unit_test(cables_and_uplinks_have_names),
		cmocka_unit_test(a_cable_is_no_port),
		cmocka_unit_test(a_way_may_be_long),
		cmocka_unit_test(where_kinds_lead),
		cmocka_unit_test(two_loose_ends_may_meet),
		cmocka_unit_test(halves_that_are_missing),
		cmocka_unit_test(what_cannot_be_read_may_lead_anywhere),
		cmocka_unit_test(a_program_may_send_anywhere),
		cmocka_unit_test(names_are_shown),
		cmocka_unit_test(many_tenants_and_cables),
		cmocka_unit_test(findings_grow),
		cmocka_unit_test(findings_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
