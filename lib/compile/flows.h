/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_FLOWS_H
#define NSN_COMPILE_FLOWS_H

/*
 * flows - policies as boxes that do not overlap. Pure. Private to lib/compile.
 *
 * A policy says who may call whom. A gateway looks a connection's first packet up
 * in a map of ranges (source, destination, protocol, port), in which no two may
 * overlap. So everything that is said about a pair of tenants is cut into boxes,
 * and each gets the one verdict that counts: quarantine over deny over allow, and
 * what a quarantine keeps over all. Both gateways of a pair have its boxes: each
 * decides alone, so that it takes two mistakes to let a packet through.
 */
#include "../model/policy.h"

/* Both ends are in it; one family. */
struct nsn_range {
	struct nsn_ip first, last;
};

struct nsn_box {
	struct nsn_range from, to;
	bool echo; /* it is about echo requests, as no other box is */
	uint8_t proto, proto_last;
	uint16_t port, port_last; /* of the destination; 0 to 65535 where there are none */
	bool allow;
	uint32_t number;		 /* of the policy, or one of the following */
	const struct nsn_policy *policy; /* the intent's, or NULL */
};

/* What is not said by a policy; those have 1 to 65,000. */
enum { NSN_NUMBER_QUARANTINE = 65001, NSN_NUMBER_KEPT = 65002 };

/* Start as { 0 }; the list is freed with free(). */
struct nsn_boxes {
	struct nsn_box *list;
	size_t n, cap;
};

/* One tenant as the other one sees it: with its own addresses, or with one of its cable. */
struct nsn_side {
	const struct nsn_tenant *tenant;
	/* Family 0: not translated. */
	struct nsn_ip as4, as6;
};

/*
 * nsn_flows_between() - All boxes of connections that @from may or may not open to @to
 * @family: AF_INET or AF_INET6
 *
 * The same tenant on both sides is about its endpoints among each other. With a
 * translated @from the boxes say what any of its endpoints may; which of them is
 * for its own gateway to decide, where it still has its addresses. A translated
 * @to cannot be called.
 *
 * Return: 0 or -ENOMEM
 */
int nsn_flows_between(struct nsn_boxes *ret, const struct nsn_intent *intent,
		      const struct nsn_side *from, const struct nsn_side *to, uint8_t family);

/* Whether a policy says anything now. */
bool nsn_flows_in_force(const struct nsn_policy *p, int64_t now);
/*
 * Whether a policy leads from outside to this endpoint: it publishes, and names it or is
 * about a tenant that has no other. What is denied elsewhere, or closed, does not count.
 */
bool nsn_flows_publish(const struct nsn_policy *p, const struct nsn_tenant *t,
		       const struct nsn_endpoint *e);

/* Whether a policy is about a tenant, on either side. */
bool nsn_flows_names(const struct nsn_policy *p, const struct nsn_tenant *t);

/* Whether anything allows @from to call @to: they have to be joined then. */
bool nsn_flows_join(const struct nsn_intent *intent, const struct nsn_tenant *from,
		    const struct nsn_tenant *to);

/*
 * What is said about the tenant and the outside: the host (its addresses, and @host, its end of
 * the uplink), the internet, networks. From the tenant to there (@out), or from there to the
 * endpoints that policies publish. The addresses of the tenant itself and of @not_there (transit
 * addresses) are not among those outside; nor is what is no unicast, what the host takes itself
 * (broadcast and anycast on its links), and link-local addresses, but for a policy that grants
 * a part of 169.254.0.0/16. @host may have family 0, or be NULL, as @not_there. Where the links
 * of the host are not known there is no internet; where its addresses are not, nothing but
 * @host. Appends. 0 or -ENOMEM
 */
int nsn_flows_beyond(struct nsn_boxes *ret, const struct nsn_intent *intent,
		     const struct nsn_tenant *t, bool out, uint8_t family,
		     const struct nsn_ip *host, const struct nsn_prefix *not_there);

/*
 * Whether policies let some endpoint of the tenant open something outside of all tenants,
 * or publish one of it: then it needs an uplink. What a quarantine closes does not count.
 */
bool nsn_flows_outside(const struct nsn_intent *intent, const struct nsn_tenant *t);

#endif
