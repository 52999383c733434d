/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_OPENERS_H
#define NSN_OPENERS_H

/*
 * openers - who can open what to somebody. Of openers*.c only.
 */
#include "walker.h"

struct nsn_openers {
	struct nsnet_openers pub; /* first */
	struct nsnet_opener *list;
	size_t n, max;
	struct nsn_arena mem;
};

struct nsn_opening {
	struct nsn_walker w;
	struct nsn_openers *o;
	size_t to_tenant;
	const struct nsn_tenant *to;
	const struct nsn_endpoint *to_end; /* NULL: all of the tenant */
	const char *ports;		   /* NULL: any */
	bool *reached;			   /* by namespace: beside the target */
	size_t at;			   /* the tenant that is looked at */
	struct nsn_boxes boxes;		   /* what it may */
	bool unsure;
};

/* What an endpoint gets to the target that opens something: new, or of no connection. */
struct nsn_source {
	size_t tenant;
	const struct nsn_endpoint *endpoint;
	nsn_set_t got4, got6, other;
	const char *beyond; /* "internet", "host": it is no tenant's endpoint; else NULL */
};

/* Copies it to the end of the list. 0 or -ENOMEM. */
int nsn_opening_add(struct nsn_opening *x, const struct nsnet_opener *like);
/* openers_say.c: puts it into words, once for what is intended and once for what is not. */
int nsn_opening_say(struct nsn_opening *x, const struct nsn_source *from);
/* The same of what is beyond all tenants: a line for each rule, one for the rest. */
int nsn_opening_say_beyond(struct nsn_opening *x, const struct nsn_source *from);
/* When all endpoints of a tenant may the same, they are one line. */
void nsn_opening_fold(struct nsn_opening *x, const struct nsn_tenant *t, size_t first);

#endif
