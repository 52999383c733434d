/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_TRACE_H
#define NSN_TRACE_H

/*
 * trace - one packet sent, and looked at on its way. Of trace*.c only, without ctx.h, which has
 * boxes of its own.
 */
#include "base/err.h"
#include "nsnet.h"

struct nsn_tracing;

/* What the kernel's state says of it, and who has a part in it. As nsnet_explain(). */
int nsn_tracing_new(struct nsn_tracing **ret, struct nsnet *n, const struct nsnet_verify_how *how,
		    const char *from, const char *to, const char *ports, bool ipv6,
		    struct nsnet_err *err);
void nsn_tracing_free(struct nsn_tracing *t); /* NULL is fine */

/*
 * Sends it, under the lock: our tables are there meanwhile, and nobody shall take them for
 * somebody else's. Return: 0 whatever the end, or -EPERM, -ENOMEM, ...
 */
int nsn_tracing_send(struct nsn_tracing *t, struct nsnet_err *err);
/* What was seen, in words. */
int nsn_tracing_tell(struct nsn_tracing *t, struct nsnet *n, const struct nsnet_traced **ret,
		     struct nsnet_err *err);

#endif
