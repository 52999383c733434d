/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_TRACE_H
#define NSNET_TOOLS_TRACE_H

/*
 * trace - one packet that is sent: for `trace` and `explain --probe`
 */
#include "../lib/nsnet.h"
#include "cmd.h"

/* By the command's operands. 0, or -errno. */
int trace_send(struct ctx *ctx, const struct nsnet_traced **ret, struct nsnet_err *err);
/*
 * 0: as `explain` says; 1: the two contradict each other, or what arrived no policy allows; 3: not
 * tested, or not comparable.
 */
int trace_status(const struct nsnet_traced *t);

#endif
