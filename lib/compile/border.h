/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_BORDER_H
#define NSN_COMPILE_BORDER_H

/*
 * border - what of a tenant leads across its border, and who may use it. Pure.
 *
 *	gateway of customer1                             gateway of customer2
 *	  br0 10.10.1.1                                    br0 10.10.2.1
 *	  nsn7 ------------------- cable ------------------- nsn7
 *	       100.64.0.0 (transit)            (transit) 100.64.0.1
 *
 * A cable is there while a policy joins the two, and has the same name at both
 * ends. Transit addresses are no addresses of any link: they are next hops, known
 * by permanent neighbours, and what a translated tenant's packets come from.
 */
#include "../model/cable.h"
#include "../model/policy.h"
#include "flows.h"

/* One cable, as one of its two gateways sees it. */
struct nsn_far {
	uint64_t link;
	const struct nsn_tenant *other;
	bool is_a; /* this is the end of `cable.a` */
	struct nsn_ip near4, far4, near6, far6;
	bool translated;       /* this tenant is, when it calls the other one */
	bool other_translated; /* its addresses are not known here */
};

/* The uplink, as the gateway sees it: `far` is the host's end. */
struct nsn_up {
	uint64_t link; /* 0: the tenant has none */
	struct nsn_ip near4, far4, near6, far6;
};

/* Start as { 0 }. What it points to has to outlive it. */
struct nsn_border {
	const struct nsn_intent *intent;
	uint32_t generation; /* of connections that were let through: 1 to NSN_GENERATIONS, or none
			      */
	struct nsn_far *far; /* by link */
	size_t n_far;
	struct nsn_up up;
	struct nsn_boxes boxes; /* of pairs of tenants, and between the tenant and the outside */
};

/* 14 bits of a connection's mark: see admit.h. 0 is what a connection begins with. */
#define NSN_GENERATIONS 16382
/* No connection is let through for good: every packet is looked up. */
#define NSN_GENERATION_NONE 16383

void nsn_border_clear(struct nsn_border *b);

/* Whether anything is routed at all. */
bool nsn_border_is_open(const struct nsn_border *b);
/*
 * Whether a quarantine closes the endpoint for its neighbours. That of a tenant, or of a
 * label, closes the tenant's border and not its inside. @b: NULL: nobody is in one
 */
bool nsn_border_closes(const struct nsn_border *b, const struct nsn_tenant *t,
		       const struct nsn_endpoint *e);

/*
 * nsn_border_make() - The border of one tenant
 * @intent:  Borrowed; also the tenants at the other ends are in it
 * @cables:  Those of this tenant, and perhaps others
 * @uplink:  The tenant's, or NULL: it has none, and nothing is said of the outside
 * @transit: Where the transit addresses come from
 *
 * Return: 0, -ENOMEM, or -EINVAL (INTERNAL) for a cable to nobody
 */
int nsn_border_make(struct nsn_border *ret, const struct nsn_intent *intent,
		    const struct nsn_cable *cables, size_t n_cables,
		    const struct nsn_uplink *uplink, const struct nsn_transit *transit,
		    const struct nsn_tenant *t, uint32_t generation, struct nsnet_err *err);

/* The address of one end in the pool: each slot has two, a's is the even one. */
struct nsn_ip nsn_transit_ip(const struct nsn_prefix *pool, uint32_t slot, bool is_a);

/* The bit of a packet's mark without which there is no route. */
#define NSN_MARK_ROUTE UINT32_C(1)
/* The table of the routes that need it. */
#define NSN_ROUTES_TABLE 78

/*
 * Under which port of its own address on the uplink a gateway has what is published by the
 * policy of this number: the host translates to it, the gateway from there to the endpoint.
 * So two addresses of the host can lead to the same port of two endpoints. (1 to 65,000)
 */
#define NSN_PUBLISH_PORT(number) ((uint16_t)(number))

/* "nsn" and its number, like a port. */
const char *nsn_far_name(const struct nsn_far *f, char buf[NSN_LINK_NAME_SIZE]);
const char *nsn_up_name(const struct nsn_up *up, char buf[NSN_LINK_NAME_SIZE]);

#endif
