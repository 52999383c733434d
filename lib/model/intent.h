/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_INTENT_H
#define NSN_MODEL_INTENT_H

/*
 * intent - a flow as few pairs. Of this folder only.
 *
 * A tenant may have 1,023 endpoints and there may be 1,000 policies. So a flow's sides are
 * taken apart only where something that is written could treat two endpoints, or two
 * addresses, differently. Such a part is an atom. It has one bit for each sentence (a
 * policy, or a flow that is kept) that names it on its side; of a pair the sentences are
 * the bits that both have.
 */
#include "../base/text.h"
#include "policy.h"

struct nsn_sentence {
	const struct nsn_policy *policy; /* NULL: a flow that is kept */
	size_t quarantine;		 /* which keeps it */
	const struct nsn_peer *from, *to;
	size_t n_from, n_to;
	const struct nsn_ports *ports;
	size_t n_ports;
};

struct nsn_atom {
	size_t tenant;	 /* SIZE_MAX: outside of all */
	size_t endpoint; /* the first of it; SIZE_MAX: the tenant has none yet */
	size_t other;	 /* another of it, or SIZE_MAX */
	bool rest;	 /* all of the tenant that nobody names alone */
	/* Outside: the host, or addresses: all, or those of `net` that are in no smaller one. */
	bool host, internet;
	struct nsn_prefix net; /* family 0: all */
	uint64_t *bits;	       /* of sentences, then of quarantines */
};

/* Atoms with the same bits: one, and one of another tenant (SIZE_MAX: there is none). */
struct nsn_group {
	size_t one, other;
};

struct nsn_side {
	const struct nsn_peer *peer; /* the flow's */
	bool outside;		     /* some of it is no tenant */
	bool *has;		     /* by tenant */
	size_t only;		     /* this endpoint alone; SIZE_MAX: all */
	struct nsn_atom *atoms;	     /* by tenant and endpoint, the outside at the end */
	size_t n_atoms, n_inside;
	size_t *first; /* by tenant, and one more: where its atoms begin */
	struct nsn_group *groups;
	size_t n_groups;
};

struct nsn_question {
	const struct nsn_intent *intent;
	/* To be compared with: both have the same atoms. NULL: nothing. */
	const struct nsn_intent *also;
	const struct nsn_flow *flow;
	bool can;
	struct nsn_arena arena;
	const struct nsn_tenant **by_name;
	struct nsn_sentence *sentences; /* that can matter to the flow */
	size_t n_sentences;
	size_t words, closed_words; /* of bits: for the sentences, for the quarantines */
	struct nsn_side from, to;
};

/* Makes both sides. What was taken is in the arena, also on failure. */
int nsn_question_make(struct nsn_question *q, struct nsnet_err *err);

/* ---- ports as numbers --------------------------------------------------------- */

/* Each has numbers of its own, 0 to 65535; those without ports mean all of them. */
enum nsn_space {
	NSN_SPACE_TCP,
	NSN_SPACE_UDP,
	NSN_SPACE_SCTP,
	NSN_SPACE_ECHO,
	NSN_SPACE_ICMP, /* the rest of it */
	NSN_SPACE_OTHER,
	NSN_SPACES
};

/* What of the space it has; false: nothing. */
bool nsn_ports_range(const struct nsn_ports *p, enum nsn_space space, uint32_t *first,
		     uint32_t *last);
bool nsn_ports_overlap(const struct nsn_ports *a, const struct nsn_ports *b);
/* Whether all of @inner is in @outer. */
bool nsn_ports_within(const struct nsn_ports *inner, const struct nsn_ports *outer);

/* ---- one pair after the other ------------------------------------------------------ */

/* One question, and what is said of the pair that is looked at. */
struct nsn_ask {
	struct nsn_question q;
	uint64_t *allow, *deny; /* which sentences allow, which deny */
	uint64_t *whole;	/* and which of them are about all ports of the flow */
	uint64_t *match;	/* those of the pair */
	uint64_t *closed;	/* the quarantines whose border it crosses */
	size_t *list;		/* those of the pair that matter, one by one */
	size_t n_list;
	const struct nsn_atom *from, *to;
	bool same; /* of one tenant */
};

/* The question is made, and what all its pairs need. What was taken is in q.arena. */
int nsn_ask_prepare(struct nsn_ask *ask, struct nsnet_err *err);
/* Turns to a pair; then: */
void nsn_ask_pair(struct nsn_ask *ask, const struct nsn_atom *a, const struct nsn_atom *b);
bool nsn_ask_said(const struct nsn_ask *ask);	/* some sentence is about it */
bool nsn_ask_closed(const struct nsn_ask *ask); /* it crosses the border of a quarantine */
bool nsn_ask_inside(const struct nsn_ask *ask); /* of one tenant, whose endpoints may talk */
/* Fills ask->list; then whether the pair may be opened at a port. */
void nsn_ask_ports(struct nsn_ask *ask);
bool nsn_ask_port(const struct nsn_ask *ask, enum nsn_space space, uint32_t port);

/* ---- who there is, and what is said of them ------------------------------------- */

/* Once, before anybody is looked for. */
void nsn_who_index(struct nsn_question *q);
/* Indexes, or SIZE_MAX. */
size_t nsn_who_tenant(const struct nsn_question *q, const char *name);
size_t nsn_who_endpoint(const struct nsn_question *q, size_t tenant, const char *name);
bool nsn_who_carries(const struct nsn_tenant *t, const struct nsn_label *l);

/* Which tenants are on the side. 0, or -EINVAL (UNKNOWN_PEER). */
int nsn_side_choose(const struct nsn_question *q, struct nsn_side *side, struct nsnet_err *err);
/* What is in force and can be about both sides. 0 or -ENOMEM. */
int nsn_take_sentences(struct nsn_question *q, struct nsnet_err *err);

/* ---- bits ------------------------------------------------------------------------- */

static inline bool nsn_bit(const uint64_t *bits, size_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

/* ---- addresses ------------------------------------------------------------------ */

bool nsn_prefix_within(const struct nsn_prefix *p, const struct nsn_prefix *outer);
/* Whether it is one address, and the host's. */
bool nsn_host_is(const struct nsn_intent *intent, const struct nsn_prefix *p);
/* Whether some address in it can be the host's. */
bool nsn_host_in(const struct nsn_intent *intent, const struct nsn_prefix *p);
/*
 * Whether some of the network can be the internet, and some can be something else; what is
 * the host's is neither.
 */
void nsn_internet_has(const struct nsn_intent *intent, const struct nsn_prefix *p, bool *some,
		      bool *some_not);

#endif
