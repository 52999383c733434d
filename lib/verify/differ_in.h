/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_DIFFER_IN_H
#define NSN_VERIFY_DIFFER_IN_H

/*
 * differ_in - what the files of differ share; of these only
 *
 * differ.c        both snapshots, all senders
 * differ_ns.c     which namespaces differ, and who can notice
 * differ_pair.c   what of a pair differs, in lines
 * differ_beyond.c the internet, the host, and what else is outside
 * differ_words.c  ports out of sets
 * differ_task.c   in a process of its own
 */
#include "differ.h"
#include "proving.h"

#define NSN_WAS	     0
#define NSN_WILL     1
#define NSN_FAMILIES 3 /* AF_INET, AF_INET6, frames that are neither */

struct nsn_party_end {
	const char *name;
	const struct nsn_endpoint *e[2]; /* in both intents, or NULL */
};

/* A tenant, in one of the intents or both. */
struct nsn_party {
	const char *name;
	const struct nsn_tenant *t[2];
	size_t at[2]; /* indexes of the intents */
	struct nsn_party_end *ends;
	size_t n_ends;
	size_t first; /* number of its first endpoint among all */
};

struct nsn_differ_side {
	struct nsn_proving p; /* its space is not used */
	struct nsn_walk *walk;
	size_t *end;   /* by namespace: the endpoint's number among all, or SIZE_MAX */
	size_t *twin;  /* by namespace that is full: the same one in the other snapshot */
	bool *differs; /* by namespace that is full */
};

/* Who is no tenant. */
enum { NSN_BEYOND_INTERNET, NSN_BEYOND_OUTSIDE, NSN_BEYOND_HOST, NSN_BEYONDS };

struct nsn_differ {
	struct nsn_differ_side side[2];
	struct nsn_space space;
	struct nsn_party *parties; /* by name */
	size_t n_parties, n_ends;
	struct nsn_party beyond[NSN_BEYONDS];
	struct nsn_differences *ret;
	size_t max, max_unsure;
	struct nsn_arena mem;
	struct nsnet_err *err;
};

/* What arrives at each endpoint, of no connection; NULL: nothing. By end, family. */
struct nsn_reached {
	nsn_set_t *got;
	const char *blind; /* why it may be more */
};
void nsn_reach(struct nsn_differ *d, int side, const struct nsn_door *doors, size_t n,
	       struct nsn_reached *ret);
static inline nsn_set_t nsn_reached_at(struct nsn_differ *d, const struct nsn_reached *r,
				       size_t end, size_t family)
{
	const nsn_set_t got = r->got[end * NSN_FAMILIES + family];

	return got ? got : nsn_none(&d->space);
}

/* Makes those who are no tenant, behind all ends of tenants. */
int nsn_differ_beyond(struct nsn_differ *d);
bool nsn_party_is_beyond(const struct nsn_differ *d, const struct nsn_party *p);
nsn_set_t nsn_differ_internet(struct nsn_differ *d, int side, uint8_t family, enum nsn_field f);
/* What leaves the host (the end of all that is outside), or gets to its sockets; else SIZE_MAX. */
size_t nsn_differ_end_of(const struct nsn_differ *d, int side, const struct nsn_arrival *a);
/* Follows what they send. Jumps when the budget ends. */
void nsn_differ_from_beyond(struct nsn_differ *d);

/* Fills twin and differs. Jumps when the budget ends. */
int nsn_differ_spaces(struct nsn_differ *d);
/* And makes them differ from which something comes otherwise. */
void nsn_differ_spread(struct nsn_differ *d);
/*
 * Why what arrives of a tenant's may be less than is followed: a rule of which a set cannot
 * say whether it matches. Then what is followed in both may be what opens. NULL: nothing.
 */
const char *nsn_differ_vague(const struct nsn_differ *d, const struct nsn_party *p);
bool nsn_differ_notices(struct nsn_differ *d, const struct nsn_party *p);

void nsn_differ_pair(struct nsn_differ *d, const struct nsn_party *a, const struct nsn_party *b,
		     const struct nsn_reached r[2], bool unsure);
/* Makes a line; jumps when there is no memory. @ports: with commas. */
void nsn_differ_line(struct nsn_differ *d, const struct nsn_difference *like, const char *ports);
void nsn_differ_unsure(struct nsn_differ *d, const char *from, const char *why);

/*
 * "tcp/80,udp/1-99", in the memory of the space; NULL: for the empty sets. Of sets over PROTO,
 * SPORT and DPORT: of IPv4, of IPv6, and whether frames that are neither are among them.
 */
const char *nsn_ports_words(struct nsn_space *s, nsn_set_t set4, nsn_set_t set6, bool frames);

#endif
