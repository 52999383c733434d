/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICYTEXT_H
#define NSN_POLICYTEXT_H

/*
 * policytext - what is wanted, as text that a snapshot carries
 *
 * Files of policies as `nsnet apply -f` reads them, in JSON, with every address said, so
 * that a proof made elsewhere is about the very same tenants. A file may have 1 MiB, so
 * many tenants are several files: one in each line.
 */
#include "ctx.h"
#include "policy/policy.h"

/* malloc()ed. Ended policies and those in audit mode are in it; none of it is left out. */
int nsn_policytext_make(const struct nsn_intent *intent, char **ret, struct nsnet_err *err);
/* Reads it again. -EINVAL (BAD_SNAPSHOT) when it is no such text. */
int nsn_policytext_read(const char *text, int64_t now, struct nsn_policy_set *ret,
			struct nsnet_err *err);

#endif
