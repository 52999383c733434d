// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "topo_world.h"

/* What is said of links, ports and settings. */

static void a_healthy_site_gives_nothing(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	world_lints(&w, "");
	/* Nor with a cable, which has forwarding on, an uplink, and links of the tenant's own. */
	world_veth(&w, GW_A, "nsn7", GW_B, "nsn7");
	world_veth(&w, GW_A, "nsn8", HOST, "nsn8");
	w.ns[GW_A].links[4].conf.forwarding4 = 1;
	w.ns[GW_A].conf_all.forwarding6 = w.ns[GW_A].conf_default.forwarding6 = 1;
	w.ns[GW_A].links[1].conf.disable_ipv6 = 0;
	(void)world_link(&w, WL_A, "dummy0", "dummy");
	(void)world_link(&w, WL_A, "vx0", "vxlan");
	/* What the kernel makes in each namespace. */
	world_link(&w, GW_A, "sit0", "sit")->flags = 0;
	/* `lo` has what the host had. */
	w.ns[GW_A].links[0].conf.accept_redirects4 = 1;
	/* The host's settings are the host's. */
	w.ns[HOST].links[1].conf.accept_ra = 1;
	world_lints(&w, "");
	world_drop(&w);
}

static void strays(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	world_veth(&w, WL_A, "vA", WL_B, "vB");
	world_lints(&w, "STRAY_LINK 1>2 ann/default: veth 'vA' in ann/default is joined with 'vB' "
			"in bob/default. | ip -n x link del vA\n");
	world_drop(&w);

	/* Of a tenant's end and the host's, the tenant's goes. */
	world_make(&w);
	w.ns[WL_B].path = "/proc/7/ns/net";
	world_veth(&w, HOST, "vA", WL_B, "vB");
	world_lints(&w, "STRAY_LINK 2>0 bob/default: veth 'vA' in host is joined with 'vB' in "
			"bob/default. | nsenter --net=/proc/7/ns/net ip link del vB\n");
	world_drop(&w);

	/* A device upon another. */
	world_make(&w);
	world_lower(world_link(&w, WL_B, "mv0", "macvlan"), HOST, 2);
	world_lints(&w, "STRAY_LINK 2>0 bob/default: macvlan 'mv0' in bob/default is joined with "
			"'eth0' in host. | ip -n x link del mv0\n");
	world_drop(&w);

	/* One that is not for a shell. */
	world_make(&w);
	world_lower(world_link(&w, WL_B, "$(id)", "macvlan"), HOST, 9);
	world_lints(&w, "STRAY_LINK 2>0 bob/default: macvlan '$(id)' in bob/default has its other "
			"half in host. | \n");
	world_drop(&w);

	/* Past the bridge into one's own gateway; between two of one tenant. */
	world_make(&w);
	world_veth(&w, GW_A, "nsn9", WL_A, "e1");
	world_veth(&w, WL_A, "p", WL_A2, "q");
	world_lints(&w,
		    "STRAY_LINK 1>1 gateway of ann: veth 'nsn9' in gateway of ann is joined "
		    "with 'e1' in ann/default. | ip -n x link del nsn9\n"
		    "UNOWNED_LINK 1>1 ann/default: veth 'p' in ann/default is joined with 'q' in "
		    "ann/db. | ip -n x link del p\n");
	world_drop(&w);

	/* Two that are no tenant's. */
	world_make(&w);
	world_veth(&w, HOST, "p", world_ns(&w, NSN_VNS_FOREIGN, 0, "net:[9]"), "q");
	world_lints(&w, "");
	world_drop(&w);
}

static void loose_ends(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	world_link(&w, WL_A, "tun0", "tun")->detail = "tun of pid 812";
	(void)world_link(&w, WL_A, "ens3", "");
	(void)world_link(&w, GW_B, "wg0", "wireguard");
	world_lints(&w,
		    "LOOSE_LINK 2>0 gateway of bob: In gateway of bob: wireguard 'wg0': leads "
		    "out by a socket that the kernel does not show. | ip -n x link del wg0\n"
		    "LOOSE_LINK 1>0 ann/default: In ann/default: tun 'tun0' (of pid 812): "
		    "leads to the process that holds it. | ip -n x link del tun0\n"
		    "LOOSE_LINK 1>0 ann/default: In ann/default: device 'ens3': leads out of the "
		    "machine. | ip -n x link set ens3 netns 1\n");
	world_drop(&w);

	world_make(&w);
	world_lower(world_link(&w, WL_B, "vx0", "vxlan"), HOST, 0);
	world_lints(&w, "STRAY_LINK 2>0 bob/default: vxlan 'vx0' in bob/default has its other half "
			"in host. | ip -n x link del vx0\n"
			"LOOSE_LINK 2>0 bob/default: In bob/default: vxlan 'vx0': a tunnel: leads "
			"out of the machine. | ip -n x link del vx0\n");
	world_drop(&w);
}

static void links_of_nobody(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	world_link(&w, GW_A, "d0", "dummy")->conf.disable_ipv6 = 0;
	(void)world_link(&w, GW_A, "sit0", "sit"); /* up: somebody did that */
	(void)world_link(&w, GW_A, "br1", "bridge");
	world_lints(&w, "UNOWNED_LINK 1>1 gateway of ann: dummy 'd0' in gateway of ann is not "
			"nsnet's. | ip -n x link del d0\n"
			"UNOWNED_LINK 1>1 gateway of ann: sit 'sit0' in gateway of ann is not "
			"nsnet's. | ip -n x link del sit0\n"
			"UNOWNED_LINK 1>1 gateway of ann: bridge 'br1' in gateway of ann is not "
			"nsnet's. | ip -n x link del br1\n");
	world_drop(&w);
}

/* ---- ports ------------------------------------------------------------------------------------
 */

#define PORT(field, value, word)                                                                   \
	{                                                                                          \
		offsetof(struct nsn_vport, field), value, word                                     \
	}

static void each_flag_of_a_port(void **state)
{
	static const struct {
		size_t at;
		int8_t value;
		const char *word;
	} table[] = {
		PORT(isolated, 0, "isolated off"),
		PORT(learning, 1, "learning on"),
		PORT(flood, 1, "flood on"),
		PORT(bcast_flood, 1, "bcast_flood on"),
		PORT(mcast_flood, 1, "mcast_flood on"),
		PORT(hairpin, 1, "hairpin on"),
		PORT(locked, 0, "locked off"),
		PORT(neigh_suppress, 1, "neigh_suppress on"),
		PORT(proxy_arp, 1, "proxy_arp on"),
		PORT(proxy_arp_wifi, 1, "proxy_arp_wifi on"),
		PORT(guard, 0, "guard off"),
		PORT(root_block, 0, "root_block off"),
	};
	struct world w;
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		int8_t *port;

		world_make(&w);
		port = (int8_t *)&w.ns[GW_A].links[2].port;
		port[table[i].at] = table[i].value;
		(void)snprintf(
			want, sizeof(want),
			"PORT_FLAGS 1>1 gateway of ann: Port 'nsn1' in gateway of ann: %s. | "
			"nsnet repair ann\n",
			table[i].word);
		world_lints(&w, want);
		/* A kernel that does not say is not accused. */
		port[table[i].at] = -1;
		world_lints(&w, "");
		world_drop(&w);
	}
}

static void flags_are_one_finding(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	w.ns[GW_A].links[3].port.learning = w.ns[GW_A].links[3].port.hairpin = 1;
	world_lints(&w,
		    "PORT_FLAGS 1>1 gateway of ann: Port 'nsn3' in gateway of ann: learning on, "
		    "hairpin on. | nsnet repair ann\n");
	world_drop(&w);

	/* inside: allow, and then with IPv6. */
	world_make(&w);
	for (size_t i = 2; i < 4; i++) {
		w.ns[GW_A].links[i].port.isolated = 0;
		w.ns[GW_A].links[i].port.proxy_arp_wifi = 1;
	}
	world_lints(&w, "");
	w.ns[GW_A].links[2].port.mcast_flood = w.ns[GW_A].links[3].port.mcast_flood = 1;
	w.ns[GW_A].links[1].conf.disable_ipv6 = 0;
	world_lints(&w, "");
	w.ns[GW_A].links[1].conf.disable_ipv6 = 1;
	world_lints(&w, "PORT_FLAGS 1>1 gateway of ann: Port 'nsn1' in gateway of ann: mcast_flood "
			"on. | nsnet repair ann\n"
			"PORT_FLAGS 1>1 gateway of ann: Port 'nsn3' in gateway of ann: mcast_flood "
			"on. | nsnet repair ann\n");
	world_drop(&w);
}

#define UNPINNED                                                                                   \
	"PORT_UNPINNED 2>2 gateway of bob: Port 'nsn2' in gateway of bob: no rule says which "     \
	"addresses may come from it. | nsnet repair bob\n"

static void ports_without_pins(void **state)
{
	static uint8_t other[24] = "nsn22";
	struct world w;
	struct nsn_vtable *t;
	struct nsn_vset set;
	struct nsn_vchain chain;
	struct nsn_velem elem = {.key = other};

	(void)state;
	world_make(&w);
	t = w.ns[GW_B].tables;
	w.ns[GW_B].n_tables = 0;
	world_lints(&w, UNPINNED);
	w.ns[GW_B].links[2].flags &= ~(uint32_t)IFF_UP;
	world_lints(&w, "");
	w.ns[GW_B].links[2].flags |= IFF_UP;
	w.ns[GW_B].n_tables = 1;
	world_lints(&w, "");
	t->flags = 1; /* dormant */
	world_lints(&w, UNPINNED);
	t->flags = 0;
	t->family = 1; /* inet */
	world_lints(&w, UNPINNED);
	t->family = 7;
	/* Looked up in the forward chain only; a set that packets fill; too short a key; others. */
	chain = t->chains[0];
	set = t->sets[0];
	t->chains = &chain;
	t->sets = &set;
	world_lints(&w, "");
	chain.hook = 2;
	world_lints(&w, UNPINNED);
	chain.hook = NSN_NO_HOOK;
	set.dynamic = true;
	world_lints(&w, UNPINNED);
	set.dynamic = false;
	set.key_len = 4;
	world_lints(&w, UNPINNED);
	set.key_len = 24;
	set.elems = &elem;
	set.n_elems = 1;
	world_lints(&w, UNPINNED);
	world_drop(&w);
}

/* ---- settings ---------------------------------------------------------------------------------
 */

#define CONF(field, value, where, word)                                                            \
	{                                                                                          \
		offsetof(struct nsn_vconf, field), value, where, word                              \
	}
enum { ALL, DEFAULT, BRIDGE, A_PORT };

static void each_setting(void **state)
{
	static const struct {
		size_t at;
		int8_t value;
		int where;
		const char *words;
	} table[] = {
		CONF(proxy_arp, 1, A_PORT, "'nsn1' has proxy_arp=1"),
		CONF(proxy_ndp, 1, BRIDGE, "'br0' has proxy_ndp=1"),
		CONF(accept_local, 1, ALL, "all has accept_local=1"),
		CONF(route_localnet, 1, DEFAULT, "default has route_localnet=1"),
		CONF(accept_source_route4, 1, ALL, "all has ipv4 accept_source_route=1"),
		CONF(accept_source_route6, 1, ALL, "all has ipv6 accept_source_route=1"),
		CONF(accept_source_route6, -1, ALL, NULL),
		CONF(send_redirects, 1, BRIDGE, "'br0' has send_redirects=1"),
		CONF(accept_redirects4, 1, BRIDGE, "'br0' has ipv4 accept_redirects=1"),
		CONF(accept_redirects6, 1, BRIDGE, "'br0' has ipv6 accept_redirects=1"),
		CONF(accept_ra, 2, BRIDGE, "'br0' has accept_ra=2"),
		CONF(forwarding4, 1, ALL, "all has ipv4 forwarding=1"),
		CONF(forwarding4, 1, A_PORT, "'nsn1' has ipv4 forwarding=1"),
		CONF(forwarding4, 1, BRIDGE, NULL), /* its ports are isolated */
		CONF(forwarding6, 1, ALL, NULL),
		CONF(rp_filter, 0, BRIDGE, "'br0' has rp_filter=0"),
		CONF(rp_filter, 2, BRIDGE, "'br0' has rp_filter=2"),
		CONF(arp_ignore, 0, BRIDGE, "'br0' has arp_ignore=0"),
		CONF(arp_ignore, 1, BRIDGE, NULL),
		CONF(disable_ipv6, 0, A_PORT, "'nsn1' has disable_ipv6=0"),
		CONF(disable_ipv6, 0, BRIDGE, NULL),
	};
	struct world w = {0};
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nsn_vconf *const conf[] = {[ALL] = &w.ns[GW_A].conf_all,
						  [DEFAULT] = &w.ns[GW_A].conf_default,
						  [BRIDGE] = &w.links[GW_A][1].conf,
						  [A_PORT] = &w.links[GW_A][2].conf};

		world_make(&w);
		((int8_t *)conf[table[i].where])[table[i].at] = table[i].value;
		want[0] = '\0';
		if (table[i].words)
			(void)snprintf(want, sizeof(want),
				       "SETTING 1>1 gateway of ann: In gateway of ann: %s. | nsnet "
				       "repair ann\n",
				       table[i].words);
		world_lints(&w, want);
		world_drop(&w);
	}
}

#define SAID(what) "SETTING 1>1 gateway of ann: In gateway of ann: " what ". | nsnet repair ann\n"

static void settings_that_depend(void **state)
{
	struct nsn_vsysctl sysctls[] = {{"net/bridge/bridge-nf-call-iptables", "1"},
					{"net/ipv4/icmp_echo_ignore_broadcasts", "0"}};
	struct world w;

	(void)state;
	world_make(&w);
	/* With inside: allow and no cable there is nothing to route. */
	w.ns[GW_A].links[2].port.isolated = w.ns[GW_A].links[3].port.isolated = 0;
	w.ns[GW_A].links[1].conf.forwarding4 = 1;
	w.ns[GW_A].conf_all.forwarding6 = 1;
	world_lints(&w, SAID("all has ipv6 forwarding=1") SAID("'br0' has ipv4 forwarding=1"));
	world_veth(&w, GW_A, "nsn7", GW_B, "nsn7");
	world_lints(&w, "");
	/* The higher of `all` and the link's counts. */
	w.ns[GW_A].links[1].conf.rp_filter = w.ns[GW_A].links[1].conf.arp_ignore = 0;
	w.ns[GW_A].conf_all.rp_filter = w.ns[GW_A].conf_all.arp_ignore = 1;
	world_lints(&w, "");
	w.ns[GW_A].links[1].nf_call = w.ns[GW_A].links[1].stp = true;
	world_lints(&w, SAID("'br0' has nf_call=1, stp_state=1"));
	w.ns[GW_A].links[1].nf_call = w.ns[GW_A].links[1].stp = false;
	w.ns[GW_A].sysctls = sysctls;
	w.ns[GW_A].n_sysctls = 2;
	world_lints(&w, SAID("net/bridge/bridge-nf-call-iptables=1")
				SAID("net/ipv4/icmp_echo_ignore_broadcasts=0"));
	world_drop(&w);
}

static void what_could_not_be_seen(void **state)
{
	const char *unsure[] = {"pid 7: Permission denied"};
	struct world w;

	(void)state;
	world_make(&w);
	w.ns[WL_B].unreadable = w.ns[GW_A].unreadable = true;
	w.ns[WL_B].why = w.ns[GW_A].why = "No such process";
	w.ns[GW_A].conf_all.proxy_arp = 1; /* nothing of it counts */
	w.snap.unsure = unsure;
	w.snap.n_unsure = 1;
	world_lints(&w,
		    "UNREADABLE 1>0 gateway of ann: gateway of ann could not be looked into: No "
		    "such process. | \n"
		    "UNREADABLE 2>0 bob/default: bob/default could not be looked into: No such "
		    "process. | \n"
		    "UNREADABLE 0>0 : Could not be looked at: pid 7: Permission denied. | \n");
	world_drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_healthy_site_gives_nothing),
		cmocka_unit_test(strays),
		cmocka_unit_test(loose_ends),
		cmocka_unit_test(links_of_nobody),
		cmocka_unit_test(each_flag_of_a_port),
		cmocka_unit_test(flags_are_one_finding),
		cmocka_unit_test(ports_without_pins),
		cmocka_unit_test(each_setting),
		cmocka_unit_test(settings_that_depend),
		cmocka_unit_test(what_could_not_be_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
