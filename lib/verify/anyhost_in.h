/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_ANYHOST_IN_H
#define NSN_VERIFY_ANYHOST_IN_H

/*
 * anyhost_in - what the files of the audit share; of anyhost*.c only
 *
 * anyhost_find.c  the networks of a snapshot
 * anyhost.c       what each can send, and where it arrives
 * anyhost_say.c   findings about that
 * anyhost_alike.c networks that need not be followed one by one
 * anyhost_lint.c  links past the host, what could not be seen, who is too strong
 */
#include "anyhost.h"
#include "proving.h"

/* What is told of one network's packets of one family. */
struct nsn_anyask {
	struct nsn_proving *p;
	size_t a;
	uint8_t family;
};

/* Something that is reached, with how. */
struct nsn_anyhit {
	const struct nsn_arrival *at; /* NULL: not reached */
	nsn_set_t set;
};

/* The bit of a MAC address that says: a group. */
#define NSN_ANYHOST_GROUP ((nsn_u128)1 << 40)

/* The parts, after nsn_prepare(). */
void nsn_anyhost_prove(struct nsn_proving *p);
void nsn_anyhost_lint(struct nsn_proving *p);

/* T1, T2: packets get to other networks: by network. */
void nsn_anyhost_say_others(struct nsn_anyask *r, enum nsn_finding_kind kind,
			    const struct nsn_anyhit *to);
/* T4: to one gateway address of each of other networks. */
void nsn_anyhost_say_gateways(struct nsn_anyask *r, const struct nsn_anyhit *to,
			      const struct nsn_ip *const *ip);
/* T4: to programs of the host: by listener. */
void nsn_anyhost_say_listeners(struct nsn_anyask *r, const struct nsn_anyhit *to);
/* T3 */
void nsn_anyhost_say_forged(struct nsn_anyask *r, const struct nsn_anyhit *out);
void nsn_anyhost_say_blind(struct nsn_anyask *r, const struct nsn_arrival *at);
void nsn_anyhost_say_loop(struct nsn_anyask *r, const struct nsn_arrival *at);
/* Ends the proof for want of memory when @r is not 0. */
void nsn_anyhost_must(struct nsn_proving *p, int r);

/* Whether anything of the host asks by which device a packet came in. */
bool nsn_anyhost_asks(const struct nsn_vns *host);
/* Whether, when nothing does, what one reaches by way of IP the other does. */
bool nsn_anyhost_alike(const struct nsn_proving *p, const struct nsn_anynet *a,
		       const struct nsn_anynet *b);

nsn_u128 nsn_anyhost_number(const struct nsn_ip *ip);

#endif
