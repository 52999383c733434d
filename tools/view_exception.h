/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_VIEW_EXCEPTION_H
#define NSNET_TOOLS_VIEW_EXCEPTION_H

/*
 * view_exception - what workloads were given that others do not get: as rows, as documents
 *
 * The columns are in cmd.h.
 */
#include "../lib/base/cleanup.h"
#include "out.h"

NSN_CLEANUP(struct nsnet_exceptions, nsnet_exceptions_free)

/* Of a struct nsnet_exception. */
json_t *view_exception_json(const void *exception);

#endif
