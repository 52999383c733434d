/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_PARTS_H
#define NSN_COMPILE_PARTS_H

/*
 * parts - what compile.c puts together. Private to lib/compile. All that make
 * objects return 0, -ENOMEM or -E2BIG.
 */
#include "border.h"
#include "compile.h"

/* @routes: something crosses the border; @ipv6: the tenant has that family. */
int nsn_compile_gateway_sysctls(struct nsn_state *s, struct nsn_place at, bool routes, bool ipv6);
/* Those of one link of the gateway; @ipv6: it has that family; @routes: it is routed from. */
int nsn_compile_link_sysctls(struct nsn_state *s, struct nsn_place at, const char *link, bool ipv6,
			     bool routes);
/* Those of a port. @routes6: the gateway routes IPv6, which all links say then. */
int nsn_compile_port_sysctls(struct nsn_state *s, struct nsn_place at, const char *link,
			     bool routes6);
int nsn_compile_endpoint_sysctls(struct nsn_state *s, struct nsn_place at, bool ipv6);

/* The host's end of an uplink. */
struct nsn_uplink_conf {
	bool six, host_six; /* the tenant has IPv6; the host does */
	bool routes;	    /* packets are forwarded that come by it */
	bool force6;	    /* the kernel can forward IPv6 of one link (6.17) */
	bool localnet;	    /* something is published on 127.0.0.0/8 */
};
int nsn_compile_uplink_sysctls(struct nsn_state *s, struct nsn_place at, const char *link,
			       const struct nsn_uplink_conf *conf);

struct nsn_scope;
int nsn_compile_ruleset(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope,
			const char *mark, enum nsn_want want);
/* @b: also one that nothing crosses, for the quarantines; or NULL */
int nsn_compile_bridge(struct nsn_state *s, struct nsn_place at, const struct nsn_tenant *t,
		       const struct nsn_border *b, const char *mark, enum nsn_want want);

/* Cables and routes over them. 0 or -ENOMEM. */
int nsn_compile_border(struct nsn_state *s, const struct nsn_tenant *t, const struct nsn_border *b,
		       const struct nsn_owner *owner, enum nsn_want want);

/* resolv.conf and hosts of all endpoints. */
int nsn_compile_files(struct nsn_state *s, const struct nsn_tenant *t,
		      const struct nsn_owner *owner);

/*
 * First bytes of MAC addresses: unicast, locally administered, one per kind of
 * thing; the id fills the other five. Never random: a tenant rebuilt after a
 * reboot has the addresses it had.
 */
enum nsn_mac_kind {
	NSN_MAC_ENDPOINT = 0x02,
	NSN_MAC_GATEWAY = 0x06,
	NSN_MAC_PORT = 0x0a,
	NSN_MAC_CABLE_A = 0x0e,
	NSN_MAC_CABLE_B = 0x12,
	NSN_MAC_UPLINK_GATEWAY = 0x16,
	NSN_MAC_UPLINK_HOST = 0x1a
};
struct nsn_mac nsn_compile_mac(enum nsn_mac_kind kind, uint64_t id);

/* Who is at the other end of a link: a permanent neighbour. */
int nsn_compile_neigh(struct nsn_state *s, struct nsn_place at, const char *link,
		      const struct nsn_ip *ip, struct nsn_mac mac);

bool nsn_compile_ipv6(const struct nsn_tenant *t); /* whether it has any */

#endif
