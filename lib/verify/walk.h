/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_WALK_H
#define NSN_VERIFY_WALK_H

/*
 * walk - where a set of packets can get to, from namespace to namespace. Pure.
 *
 * In one namespace: ingress (netdev) → bridge (prerouting, FDB or flood, forward, input,
 * postrouting) → raw chains → conntrack → prerouting, destination NAT → rp_filter, local
 * addresses, rules and routes → forward or input → postrouting, source NAT → neighbour →
 * bridge again or the device → the other half of a veth: the next namespace. Trusted
 * namespaces (`full`) are walked through; at any other the walk ends: what gets there
 * has arrived.
 *
 * Connections: a packet that enters is taken in each state that it can have there. NEW
 * needs no entry (and has mark 0); ESTABLISHED and RELATED need one, and entries of a
 * namespace are those of its dump and those that packets can make which it lets through
 * (a superset is fine: more entries only let more through). UNTRACKED after notrack,
 * INVALID always possible.
 */
#include "hook.h"

struct nsn_walk;

enum nsn_arrival_kind {
	NSN_ARRIVES,	   /* left by @link into @to, a namespace that is not walked through */
	NSN_ARRIVES_LOCAL, /* delivered to the sockets of @ns */
	NSN_ARRIVES_AGAIN, /* a loop: it is where it was before, and nothing stops it but its TTL */
	NSN_ARRIVES_BLIND, /* something here cannot be modelled: @why; it may be anywhere */
};

struct nsn_step_in {
	size_t ns;	  /* index in the snapshot */
	uint32_t in, out; /* links; 0: from or to its own sockets */
};

struct nsn_arrival {
	enum nsn_arrival_kind kind;
	size_t ns;	   /* the last that was walked through */
	uint32_t link;	   /* by which it left */
	size_t to;	   /* the namespace behind, or NSN_NOWHERE */
	uint8_t family;	   /* AF_INET, AF_INET6; 0: a frame that is neither */
	nsn_set_t set;	   /* as it arrives; CTSTATE and CTDIR as in the last that tracks */
	bool switched;	   /* by the bridge alone: never routed */
	const char *why;   /* blind */
	struct nsn_hit at; /* blind: the rule, if it was one */
	const struct nsn_step_in *steps; /* the way, the first namespace first */
	size_t n_steps;
};

struct nsn_arrivals {
	struct nsn_arrival *list; /* in the space's memory */
	size_t n;
};

/* @s is open and stays with the walk; the snapshot, too. 0 or -ENOMEM. */
int nsn_walk_new(struct nsn_walk **ret, const struct nsn_snap *snap, struct nsn_space *s);
void nsn_walk_free(struct nsn_walk *w);

/*
 * Only what opens something, or belongs to no connection, is followed from now on: packets of
 * connections are not. Where there is much translation those are most of the work.
 */
void nsn_walk_openers(struct nsn_walk *w);

/*
 * nsn_walk_from() - Everything that a namespace may be sent through some of its links
 * @ns:	   A trusted one
 * @links: Indexes of links through which hostile frames come in: any frame at all
 * @family: AF_INET, AF_INET6, or 0 for frames that are neither (ARP, other EtherTypes)
 *
 * IIF is the link by which it came into the namespace it is in. What arrives by the
 * same way is in one arrival, or few.
 */
void nsn_walk_from(struct nsn_walk *w, size_t ns, const uint32_t *links, size_t n, uint8_t family,
		   struct nsn_arrivals *ret);

/* The same of what the namespace's own sockets send; steps[0].in is 0. AF_INET or AF_INET6. */
void nsn_walk_sent(struct nsn_walk *w, size_t ns, uint8_t family, struct nsn_arrivals *ret);

/*
 * Links of the host by which frames of outsiders come in; @ret has room for all of its links. What
 * is only a part of another device (in a bond) is not among them.
 */
size_t nsn_walk_outer(const struct nsn_walk *w, size_t ns, uint32_t *ret);
/*
 * Whether the link is the host's, and leads out of all that is trusted: who is behind may send any
 * frame, and what leaves by it is outside.
 */
bool nsn_walk_is_outer(const struct nsn_walk *w, size_t ns, uint32_t link);

/*
 * What a port lets pass before anything is switched or routed: for "no spoofed source"
 * (T3). The set behind ingress and bridge prerouting, or prerouting before routes where the link is
 * no bridge port.
 */
nsn_set_t nsn_walk_admitted(struct nsn_walk *w, size_t ns, uint32_t link, uint8_t family);
/* Likewise; what cannot be modelled there, and may pass, is in @unsure instead. */
nsn_set_t nsn_walk_admits(struct nsn_walk *w, size_t ns, uint32_t link, uint8_t family,
			  nsn_set_t *unsure);

/* What one packet meets on its way, for `explain`. */
struct nsn_passed {
	size_t ns;
	enum nsn_passed_kind {
		NSN_PASSED_IN,	   /* came in by `link` */
		NSN_PASSED_RULES,  /* a hook: `hook` says which, `hits` what matched */
		NSN_PASSED_CT,	   /* `text`: its state */
		NSN_PASSED_NAT,	   /* `text` */
		NSN_PASSED_ROUTE,  /* `text`: rule and route */
		NSN_PASSED_SWITCH, /* bridge: `text`: FDB, flood, isolated */
		NSN_PASSED_OUT,	   /* left by `link` */
		NSN_PASSED_LOCAL,  /* delivered here */
		NSN_PASSED_STOP,   /* the end: `text` says why */
	} kind;
	uint32_t link;
	const char *hook; /* "inet prerouting" */
	struct nsn_hit *hits;
	size_t n_hits;
	char text[160];
};

struct nsn_passage {
	struct nsn_passed *list; /* malloc()ed, nsn_passage_clear() */
	size_t n, max;
	bool arrived;
	size_t to;	      /* where it arrived, or NSN_NOWHERE */
	size_t last;	      /* then: the last that it was walked through */
	bool local;	      /* then: to its sockets */
	bool limited;	      /* nsnet's own limits of new connections may stop it */
	bool unsure;	      /* something on the way may go either way */
	struct nsn_packet as; /* as it arrives */
};
/* @packet comes in by @link, or (0) is sent by the namespace's own sockets; CTSTATE in it is what
 * it is everywhere (NEW, or ESTABLISHED). */
void nsn_walk_one(struct nsn_walk *w, size_t ns, uint32_t link, const struct nsn_packet *packet,
		  struct nsn_passage *ret);
void nsn_passage_clear(struct nsn_passage *p);

#endif
