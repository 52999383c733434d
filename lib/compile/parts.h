/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_PARTS_H
#define NSN_COMPILE_PARTS_H

/*
 * parts - what compile.c puts together. Private to lib/compile. All return 0
 * or -ENOMEM.
 */
#include "compile.h"

int nsn_compile_gateway_sysctls(struct nsn_state *s, struct nsn_place at);
/* Those of one link of the gateway. */
int nsn_compile_link_sysctls(struct nsn_state *s, struct nsn_place at, const char *link);
int nsn_compile_endpoint_sysctls(struct nsn_state *s, struct nsn_place at);

int nsn_compile_ruleset(struct nsn_state *s, struct nsn_place at, const struct nsn_tenant *t,
			const char *mark, enum nsn_want want);

#endif
