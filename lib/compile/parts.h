/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_PARTS_H
#define NSN_COMPILE_PARTS_H

/*
 * parts - what compile.c puts together. Private to lib/compile. All that make
 * objects return 0, -ENOMEM or -E2BIG.
 */
#include "compile.h"

int nsn_compile_gateway_sysctls(struct nsn_state *s, struct nsn_place at);
/* Those of one link of the gateway; @ipv6: it has addresses of that family. */
int nsn_compile_link_sysctls(struct nsn_state *s, struct nsn_place at, const char *link, bool ipv6);
int nsn_compile_endpoint_sysctls(struct nsn_state *s, struct nsn_place at, bool ipv6);

int nsn_compile_ruleset(struct nsn_state *s, struct nsn_place at, const struct nsn_tenant *t,
			const char *mark, enum nsn_want want);
int nsn_compile_bridge(struct nsn_state *s, struct nsn_place at, const struct nsn_tenant *t,
		       const char *mark, enum nsn_want want);

/* resolv.conf and hosts of all endpoints. */
int nsn_compile_files(struct nsn_state *s, const struct nsn_tenant *t,
		      const struct nsn_owner *owner);

/*
 * First bytes of MAC addresses: unicast, locally administered, one per kind of
 * thing; the id fills the other five. Never random: a tenant rebuilt after a
 * reboot has the addresses it had.
 */
enum nsn_mac_kind { NSN_MAC_ENDPOINT = 0x02, NSN_MAC_GATEWAY = 0x06, NSN_MAC_PORT = 0x0a };
struct nsn_mac nsn_compile_mac(enum nsn_mac_kind kind, uint64_t id);

bool nsn_compile_ipv6(const struct nsn_tenant *t); /* whether it has any */

#endif
