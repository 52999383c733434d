/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_MODEL_EFFECT_H
#define NSN_MODEL_EFFECT_H

/*
 * effect - which pairs may talk after a change that may not before, and which may no
 * more. Pure.
 *
 * It asks the intent, as `expect:` does, and not what is compiled from it: a mistake
 * in the one shows as a difference to the other. Endpoints of a tenant that nobody
 * names alone are one. Only tenants count: what is beyond them is decided elsewhere.
 */
#include "../base/text.h"
#include "policy.h"

struct nsn_effect_line {
	bool opens; /* else it closes */
	/* "customer1", "customer1/db", "customer1 (others)": those that are not named alone */
	const char *from, *to;
	const char *const *ports; /* "tcp/443", "tcp", "icmp/echo", "other protocols", "any" */
	size_t n_ports;
};

/* Start as { 0 }. */
struct nsn_effect {
	struct nsn_arena mem;
	struct nsn_effect_line *lines; /* by names; what opens before what closes */
	size_t n;
	size_t n_open, n_close; /* how many of them */
};
void nsn_effect_clear(struct nsn_effect *e);

/*
 * nsn_effect_make() - The difference of two intents
 *
 * Endpoints of a tenant that is new, or gone, which talk among each other are not
 * told. Return: 0 or -ENOMEM
 */
int nsn_effect_make(struct nsn_effect *ret, const struct nsn_intent *before,
		    const struct nsn_intent *after, struct nsnet_err *err);

#endif
