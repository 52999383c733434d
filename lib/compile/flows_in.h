/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_FLOWS_IN_H
#define NSN_COMPILE_FLOWS_IN_H

/*
 * flows_in - what the files of flows share. Private to these.
 *
 *	flows_claims.c  what is said about a pair of tenants, or about one and the outside
 *	flows.c         the endpoints of tenants about which the same is said
 *	flows_beyond.c  the addresses outside about which the same is said
 *	flows_boxes.c   the ports about which the same is said, and the boxes
 */
#include "flows.h"

/* ---- claims ----------------------------------------------------------------------- */

/*
 * A denial counts more than what allows; what closes more than both. What is kept
 * counts where every quarantine that closes keeps it, and nowhere else.
 */
enum nsn_rank { NSN_ALLOW, NSN_DENY, NSN_QUARANTINED, NSN_KEEP };

/* Something that is said about a pair of tenants, or about one and the outside. */
struct nsn_claim {
	enum nsn_rank rank;
	const struct nsn_endpoint *from, *to; /* NULL: all; on the outside's side always */
	const struct nsn_peer *outside;	      /* NULL: all of it */
	const struct nsn_ports *ports;
	size_t n_ports;
	uint32_t number;
	const struct nsn_policy *policy; /* of ALLOW and DENY */
	const struct nsn_quarantine *of; /* of QUARANTINED and KEEP */
	bool published;			 /* of KEEP: what a policy publishes, and no more */
};

struct nsn_claims {
	struct nsn_claim *list;
	size_t n, cap;
};
void nsn_claims_clear(struct nsn_claims *c);

/* What is said of connections that @from opens to @to. They append. 0 or -ENOMEM */
int nsn_claim_between(struct nsn_claims *c, const struct nsn_intent *intent,
		      const struct nsn_tenant *from, const struct nsn_tenant *to);
/*
 * Of those that the tenant opens to the outside (@out), or that are opened from there. What
 * allows to come in counts only with a policy that publishes: nothing else leads in.
 */
int nsn_claim_beyond(struct nsn_claims *c, const struct nsn_intent *intent,
		     const struct nsn_tenant *t, bool out);

/* ---- atoms: addresses about which the same is said ----------------------------------- */

/* The addresses of one endpoint, or of all that are not mentioned: then `e` is NULL. */
struct nsn_part {
	const struct nsn_endpoint *e;
	struct nsn_range *ranges;
	size_t n;
};

struct nsn_parts {
	struct nsn_part *list;
	size_t n;
	struct nsn_range *ranges; /* of all of them */
};
void nsn_parts_clear(struct nsn_parts *p);

/* The addresses of a tenant, by what @list has on that side. 0 or -ENOMEM */
int nsn_parts_of_tenant(struct nsn_parts *ret, const struct nsn_claim *const *list, size_t n_list,
			bool from, const struct nsn_tenant *t, uint8_t family);
const struct nsn_prefix *nsn_subnet_of(const struct nsn_tenant *t, uint8_t family);
/* The address before this one, which is not the first of its family. */
struct nsn_ip nsn_ip_before(struct nsn_ip ip);

/* ---- boxes ---------------------------------------------------------------------------- */

/* Those that are about one pair of parts, in the order of their addresses. */
struct nsn_row {
	const struct nsn_claim **list;
	size_t n;
};

/* Appends one. 0 or -ENOMEM */
int nsn_boxes_add(struct nsn_boxes *b, const struct nsn_box *box);
/* Appends all that is said of one pair. 0 or -ENOMEM */
int nsn_boxes_of_pair(struct nsn_boxes *ret, const struct nsn_part *from, const struct nsn_part *to,
		      const struct nsn_row *row);

#endif
