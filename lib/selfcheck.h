/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SELFCHECK_H
#define NSN_SELFCHECK_H

/*
 * selfcheck - nsnet_self_check(), for tests that break something
 */
#include "canary.h"

/* As nsnet_self_check(); @test, which may be NULL, is for its canaries. */
int nsn_self_check(struct nsnet *n, const char *tenant, const char *workload,
		   const struct nsn_canary_test *test, struct nsnet_self_check **ret,
		   struct nsnet_err *err);

#endif
