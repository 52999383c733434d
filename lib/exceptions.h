/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_EXCEPTIONS_H
#define NSN_EXCEPTIONS_H

/*
 * exceptions - the record of what a workload was given that others do not get
 *
 * None is called under the lock, or in a transaction.
 */
#include "ctx.h"
#include "store/exceptions.h"

/*
 * Before the workload starts: all of them are on the disk when it returns 0. `at` 0 is now.
 * -EINVAL (NEEDS_REASON, BAD_RUN)
 */
int nsn_exceptions_add(struct nsnet *n, const struct nsn_exception *list, size_t count,
		       struct nsnet_err *err);
/* The workload is over. One that had none costs a look. */
int nsn_exceptions_end(struct nsnet *n, const char *workload, struct nsnet_err *err);
/* Those that a living workload has. @ret is empty before. */
int nsn_exceptions_of(struct nsnet *n, const char *workload, struct nsn_exception_list *ret,
		      struct nsnet_err *err);

#endif
