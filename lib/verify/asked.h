/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_ASKED_H
#define NSN_VERIFY_ASKED_H

/*
 * asked - what the policies allow, once more. Pure.
 *
 * A short transcription of the language's semantics (S1 default deny, S2 direction, S3
 * order never matters and quarantine > deny > allow, S4 one rule suffices, S5 lists are OR,
 * S7 both families, S8 inside, S11 audit, S12 expires) that shares no code with
 * nsn_intent_ask(), the boxes of the compiler, or what compares effects, so that none of
 * their mistakes is made twice. Slow and plain where they are quick.
 */
#include "../model/policy.h"
#include "snap.h"
#include "space.h"

/* Who may open what to whom, all addresses and ports as closed ranges. */
struct nsn_box {
	uint8_t family;		   /* AF_INET, AF_INET6 */
	struct nsn_range src, dst; /* addresses */
	uint8_t proto_first, proto_last;
	uint16_t port_first, port_last;	   /* of the destination; ICMP: type << 8 | code */
	const struct nsn_policy *policy;   /* that says so; NULL: inside: allow, or kept */
	const struct nsn_quarantine *kept; /* that keeps it; of a deny: whose border this is */
};

struct nsn_asked; /* an intent, indexed */

int nsn_asked_new(struct nsn_asked **ret, const struct nsn_intent *intent, struct nsnet_err *err);
void nsn_asked_free(struct nsn_asked *a); /* NULL is fine */

/*
 * What endpoints of tenant @from (an index in intent->tenants) may open to endpoints of
 * @to; from == to: within. Boxes that allow, boxes that deny: what is in an allow and in no
 * deny may be opened. An endpoint in quarantine is out of all but what is kept. The lists
 * are malloc()ed.
 */
struct nsn_boxes {
	struct nsn_box *allow, *deny, *kept; /* kept stands above deny */
	size_t n_allow, n_deny, n_kept;
	bool all; /* everything may be opened: inside: allow and nothing said against it */
};
int nsn_asked_pair(const struct nsn_asked *a, size_t from, size_t to, struct nsn_boxes *ret,
		   struct nsnet_err *err);

/* ---- beyond all tenants ------------------------------------------------------------------- */

/* The internet and the host, as the host's namespace says; of IPv4 and IPv6. */
struct nsn_beyond {
	struct nsn_range *internet[2]; /* globally reachable, and on no link of the host */
	struct nsn_range *host[2];     /* addresses of the host itself, but for those of uplinks */
	size_t n_internet[2], n_host[2];
};
/* @host: NULL: there is none, all lists are empty. 0 or -ENOMEM */
int nsn_beyond_make(struct nsn_beyond *ret, const struct nsn_vns *host, struct nsnet_err *err);
void nsn_beyond_clear(struct nsn_beyond *b);

enum nsn_where {
	NSN_WHERE_OUTSIDE, /* what is on links of the host, and behind */
	NSN_WHERE_HOST,
};

/*
 * What the tenant may open there (@out), or somebody there to the tenant: that only as
 * box->policy publishes it, and the host whatever is published. Of the host all addresses are
 * alike. Lists as nsn_asked_pair().
 */
int nsn_asked_beyond(const struct nsn_asked *a, const struct nsn_beyond *b, size_t tenant,
		     enum nsn_where where, bool out, struct nsn_boxes *ret, struct nsnet_err *err);

/* "tcp/443", "udp/1-1023", "icmp/echo", "any", "protocol 47" */
void nsn_box_str(const struct nsn_box *b, char *buf, size_t size);
void nsn_boxes_clear(struct nsn_boxes *b);
/* The same as a set over SRC, DST, PROTO, SPORT (of ICMP: the type), DPORT, of one family. */
nsn_set_t nsn_asked_set(struct nsn_space *s, const struct nsn_boxes *b, uint8_t family);
/* Whether any policy or quarantine can join these two at all; from == to is true. */
bool nsn_asked_joined(const struct nsn_asked *a, size_t from, size_t to);
/*
 * Calls @each for every ordered pair of different tenants of which some policy allows
 * something (deny not yet taken away), each once: what a proof of a large site looks at
 * instead of all n*n pairs.
 */
int nsn_asked_each(const struct nsn_asked *a,
		   int (*each)(size_t from, size_t to, void *arg, struct nsnet_err *err), void *arg,
		   struct nsnet_err *err);

#endif
