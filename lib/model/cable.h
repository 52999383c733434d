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

/* Where the transit addresses of all slots come from: two of each family for each. */
struct nsn_transit {
	struct nsn_prefix ip, ip6;
};

/* "nsn" and a link number of at most 12 digits. */
#define NSN_LINK_NAME_SIZE 16

#endif
