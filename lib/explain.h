/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_EXPLAIN_H
#define NSN_EXPLAIN_H

/*
 * explain - one packet, what became of it, and why. Of explain*.c, and of trace*.c, which
 * send it.
 */
#include "walker.h"

struct nsn_explained {
	struct nsnet_explained pub; /* first */
	struct nsn_arena mem;
};

struct nsn_explaining {
	struct nsn_walker w;
	struct nsn_explained *e;
	uint8_t family;
	struct nsn_service service;
	const struct nsn_tenant *from, *to; /* NULL: it is beyond all tenants */
	const struct nsn_endpoint *from_end, *to_end;
	enum nsn_where where;	      /* who is no tenant */
	struct nsn_ip from_ip, to_ip; /* of what is meant */
	struct nsn_ip sent_to;	      /* where the packet is sent to: what is published, or to_ip */
	uint16_t sent_port;
	uint16_t source_port; /* 0: the usual one */
	bool published;
	size_t from_tenant, to_tenant;
	size_t gateway, from_ns, to_ns; /* NSN_NOWHERE: it is not there */
	const struct nsn_vlink *port;	/* of the gateway, or NULL */
	struct nsn_passage passage;
	bool walked;
	/* What policy says of the packet, of the first that decides. */
	struct nsn_said {
		bool allowed, apart;
		const struct nsn_policy *allow, *deny;
		const struct nsn_quarantine *quarantine, *kept;
	} said;
};

/*
 * explain.c: all of it, into x->e; x->family is set, maybe x->source_port, the rest is { 0 }. As
 * nsnet_explain(). nsn_explaining_clear() in any case: what is in x->e then goes with it.
 */
int nsn_explain_make(struct nsn_explaining *x, struct nsnet *n, const struct nsnet_verify_how *how,
		     const char *from, const char *to, const char *ports, struct nsnet_err *err);
void nsn_explaining_clear(struct nsn_explaining *x);
/* Where a policy is written, "" when the store does not know: a snapshot does not. */
int nsn_explain_place(struct nsn_explaining *x, struct nsnet *n, const char *policy,
		      const char **ret, struct nsnet_err *err);

/* explain_beyond.c: who is no tenant. 1: it is one, or may be; as nsn_given_find() */
int nsn_explain_beyond(struct nsn_explaining *x, const char *text, struct nsn_ip *ip,
		       struct nsnet_err *err);
/* Where a packet from beyond has to be sent to, and where it comes in. */
int nsn_explain_way_in(struct nsn_explaining *x, struct nsnet_err *err);
/*
 * Where nothing is published by policy: whether rules lead something in all the same, and then by
 * which address and port. Jumps as a walk does.
 */
void nsn_explain_search(struct nsn_explaining *x);
/* Whether it arrived at whom it is for. */
bool nsn_explain_arrived(const struct nsn_explaining *x);
/* explain_policy.c: fills x->said. */
int nsn_explain_ask(struct nsn_explaining *x, struct nsnet_err *err);
/* "inet", "bridge", ... of NFPROTO_*. */
const char *nsn_explain_family(uint8_t family);
/* explain_why.c: reason, says, hint, policy, allowed, intended, certainty. */
int nsn_explain_why(struct nsn_explaining *x, struct nsnet_err *err);
/* explain_hops.c: the way, as stations. */
int nsn_explain_hops(struct nsn_explaining *x, struct nsnet_err *err);
/* The rule that dropped the packet, or NULL: it was no rule. */
const struct nsn_hit *nsn_explain_stop(const struct nsn_explaining *x);

#endif
