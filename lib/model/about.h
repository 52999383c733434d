/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_ABOUT_H
#define NSN_MODEL_ABOUT_H

/*
 * about - which policies name whom, and who has which id. Pure.
 *
 * A border is made from the policies of its tenant, which are few; to look for them
 * among all, tenant by tenant, is what made everything slow. An intent that has an
 * index is asked through it, one that has none policy by policy: with the same answer
 * in the same order, which matters, as among equals the first counts.
 */
#include "policy.h"

/* Start as { 0 }. Of one intent, whose tenants and policies stay where they are. */
struct nsn_about {
	uint32_t *first; /* by tenant, and one more: where its policies begin in @list */
	uint32_t *list;	 /* indexes of policies, ascending: by name or label */
	uint32_t *every; /* those that name all tenants, ascending */
	size_t n_every;
	const struct nsn_tenant **by_id;
};

/* 0 or -ENOMEM */
int nsn_about_make(struct nsn_about *ret, const struct nsn_intent *in);
void nsn_about_clear(struct nsn_about *a);

/* The tenant with that id, or NULL. */
const struct nsn_tenant *nsn_about_tenant(const struct nsn_intent *in, uint64_t id);

/* All policies that may be about a tenant, or about both of two; also some that are not. */
struct nsn_about_walk {
	const struct nsn_intent *in;
	const uint32_t *own, *own_end, *every, *every_end;
	size_t next; /* without an index */
};

/* @y: NULL: only one. A tenant that is none of @in's is looked for among all policies. */
void nsn_about_begin(struct nsn_about_walk *w, const struct nsn_intent *in,
		     const struct nsn_tenant *x, const struct nsn_tenant *y);
/* The next in the order of the intent, or NULL. */
const struct nsn_policy *nsn_about_next(struct nsn_about_walk *w);

#endif
