/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_CABLE_H
#define NSN_MODEL_CABLE_H

/*
 * cable - what joins two tenants, as long as a policy lets one of them call the other
 */
#include <stdbool.h>
#include <stdint.h>

#include "../base/ip.h"

struct nsn_cable {
	uint64_t link; /* the number of its link, from the sequence of ports */
	uint64_t a, b; /* ids of tenants, a < b */
	uint32_t slot; /* its transit addresses are computed from it: 0, 1, 2... */
	/*
	 * Whether a tenant is seen by the other under translated addresses. Decided when
	 * the cable is made: to decide anew would break the connections over it.
	 */
	bool translated_a, translated_b;
};

/*
 * What leads from a tenant's gateway to the host, as long as a policy of the tenant needs
 * it: `internet`, `host`, a network, `publish`. The slot is of the same sequence as those of
 * cables; the gateway has the odd address, the host the even one.
 */
struct nsn_uplink {
	uint64_t link;	 /* the number of its link: one name at both ends */
	uint64_t tenant; /* its id; a tenant has one uplink at most */
	uint32_t slot;
};

/* How a setting of the host was before nsnet changed it. */
struct nsn_host_setting {
	char path[128]; /* below /proc/sys */
	char old[64];
};

/* Where the transit addresses of all slots come from: two of each family for each. */
struct nsn_transit {
	struct nsn_prefix ip, ip6;
};

/* "nsn" and a link number of at most 12 digits. */
#define NSN_LINK_NAME_SIZE 16

#endif
