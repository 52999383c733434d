/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_PREDICT_PARTS_H
#define NSN_PREDICT_PARTS_H

/*
 * predict_parts - one gateway that will be, or the host. Of predict*.c only.
 */
#include "predict.h"

struct nsn_guess {
	struct nsn_arena *mem;
	struct nsn_snap *snap;
	const struct nsn_state *state; /* what is wanted */
	struct nsn_place at;	       /* of which place of it */
	struct nsn_vns *ns;	       /* which is changed */
	const struct nsn_vns *like; /* another gateway, or the host's: what the kernel does here */
	uint32_t last;		    /* the highest number of a link so far: none is given twice */
	struct nsnet_err *err;
};

/* Objects of one kind in the gateway. */
const struct nsn_object *nsn_guess_objects(const struct nsn_guess *g, enum nsn_kind kind,
					   size_t *n);
/* A copy of a list with room for @more; never NULL but without memory. */
void *nsn_guess_list(const struct nsn_guess *g, const void *list, size_t n, size_t more,
		     size_t size);
struct nsn_vlink *nsn_guess_link(struct nsn_vns *ns, const char *name);

int nsn_guess_links(struct nsn_guess *g);    /* predict_link.c: links, ports, settings, FDB */
int nsn_guess_settings(struct nsn_guess *g); /* predict_conf.c; before the links */
/* A link's own settings, from the namespace's and its objects. */
void nsn_guess_conf(const struct nsn_guess *g, struct nsn_vlink *l);
void nsn_guess_lo(const struct nsn_guess *g, struct nsn_vlink *lo, bool fresh);
int nsn_guess_routes(struct nsn_guess *g); /* predict_route.c: addresses, neighbours, routes */
int nsn_guess_rules(struct nsn_guess *g);  /* predict_nft.c: tables */
int nsn_guess_host(struct nsn_guess *g);   /* predict_host.c: all of the host that is ours */
/* predict_link.c: those that are wanted and not there, and what is wanted of the others. */
void nsn_guess_add_links(struct nsn_guess *g);
/* predict_conf.c: a link's own settings, as objects say them; the rest stays. */
void nsn_guess_written(const struct nsn_guess *g, struct nsn_vlink *l);
/* The generation in the `admit` chain of a snapshot's gateway; 0: none. */
uint32_t nsn_guess_generation(const struct nsn_vns *ns);
/* Whether the gateway has an element that lets something be routed and @state has not. */
bool nsn_guess_revokes(const struct nsn_vns *ns, const struct nsn_state *state);

#endif
