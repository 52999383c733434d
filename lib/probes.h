/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_PROBES_H
#define NSN_PROBES_H

/*
 * probes - which packets are sent to test a proof, what policy says of each, and what both
 * halves mean together
 *
 * The proof says which packets can arrive; the prober (wire/wire.h) sends some, and sees. What
 * policy allows is asked of verify/asked.h, as the proof does.
 */
#include "base/text.h"
#include "probename.h"
#include "proof.h"
#include "verify/asked.h"
#include "verify/prove.h"
#include "wire/wire.h"

/* What policy says of a packet. */
enum nsn_due {
	NSN_DUE_NOT,	/* it must not arrive */
	NSN_DUE_MAY,	/* either: it belongs to no connection, or policy allows a part of it */
	NSN_DUE_SHOULD, /* it opens what policy allows */
};

/* What a probe is about, beside nsn_wire_probe.tag, which is the index of this. */
struct nsn_aim {
	enum nsn_due expect;
	size_t from, to; /* sides: indexes of the intent's tenants, NSN_SIDE_*, SIZE_MAX: a gateway
			  * of `gateway` */
	size_t gateway;	 /* SIZE_MAX, or the tenant whose gateway itself is asked for */
	size_t finding;	 /* whose packet this is, an index of the report; SIZE_MAX: of none */
};

struct nsn_probes {
	struct nsn_arena mem;
	const struct nsn_given *given;
	const struct nsn_report *report;
	struct nsn_asked *asked;
	struct nsn_beyond beyond;
	struct nsn_wire_place *places;
	size_t n_places;
	size_t *place_of; /* by namespace of the snapshot; SIZE_MAX: none */
	size_t *side_of;  /* by place: the tenant, or NSN_SIDE_HOST */
	size_t *first;	  /* by tenant, and one more: where its endpoints begin among the places */
	size_t host;	  /* the host's place, or SIZE_MAX */
	size_t *gateways; /* by tenant: its gateway's place, or SIZE_MAX */
	bool *uplink;	  /* by tenant: a link leads from its gateway to the host */
	struct nsn_wire_probe *list; /* malloc()ed */
	struct nsn_aim *aims;	     /* malloc()ed, as many */
	size_t n, max;
	size_t pairs;	/* ordered pairs of tenants of which something is sent */
	bool sampled;	/* there are more */
	size_t *spared; /* findings whose packet a program would get; malloc()ed */
	size_t n_spared, max_spared;
	size_t left_out;	/* would reach workloads beside a canary */
	uint32_t fresh;		/* for ports */
	struct nsn_boxes boxes; /* of the pair that was asked last */
	size_t boxes_from, boxes_to;
	bool boxes_known;
};

struct nsn_probes_how {
	bool aggressive;
	size_t most;		  /* probes of pairs; 0: 120000 */
	const size_t (*pairs)[2]; /* only for these, and nothing that is no pair; NULL: all */
	size_t n_pairs;
};

/* Start as { 0 }; nsn_probes_clear() in any case. */
void nsn_probes_clear(struct nsn_probes *p);

/* probes_places.c: namespaces as places. 0 or -ENOMEM */
int nsn_probes_places(struct nsn_probes *p, struct nsnet_err *err);

/* probes_expect.c: fills in list[i]'s addresses and ports, and what policy says. 0 or -ENOMEM */
int nsn_probes_expect(struct nsn_probes *p, const struct nsn_wire_probe *x,
		      const struct nsn_aim *aim, enum nsn_due *ret, struct nsnet_err *err);

/*
 * probes_listen.c: whether a program there would get what is sent to this address and port; also
 * when that cannot be told.
 */
bool nsn_probes_hears(const struct nsn_wire_place *place, uint8_t proto, const struct nsn_ip *ip,
		      uint16_t port);

/* probes_list.c: what is to be sent. 0 or -ENOMEM */
int nsn_probes_list(struct nsn_probes *p, const struct nsn_probes_how *how, struct nsnet_err *err);

#endif
