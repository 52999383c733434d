/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_NAMES_H
#define NSN_POLICY_NAMES_H

/*
 * names - which tenants and endpoints there are, for who names them
 */
#include "schema.h"

/* Start as { 0 }. The strings are borrowed, or in the arena. */
struct nsn_names {
	struct nsn_arena mem;
	const char **list; /* "customer1", "customer1/db" */
	size_t n, room;
};

void nsn_names_clear(struct nsn_names *names);

/* Those of the model, and those of a map of `tenants`, whatever else is wrong in it. -ENOMEM or 0.
 */
int nsn_names_add_tenant(struct nsn_names *names, const struct nsn_tenant *t);
int nsn_names_add_map(struct nsn_names *names, const struct nsn_node *tenants);
/* After the last is added, and before the first is looked up. */
void nsn_names_sort(struct nsn_names *names);

/* Tells @diags of each peer in @word that is not there, with the nearest that is. */
void nsn_names_check(const struct nsn_names *names, const struct nsn_node *word,
		     const struct nsn_type *type, struct nsn_diags *diags);

#endif
