/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "trace.h"

#include <string.h>

#include "../lib/base/cleanup.h"
#include "view_proof.h"

NSN_CLEANUP(const struct nsnet_traced, nsnet_traced_free)

enum { WRONG = 1, UNKNOWN = 3 };

const struct opt trace_options[] = {
	{"ipv6", '6', NULL, "between their IPv6 addresses", 0, offsetof(struct opts, ipv6),
	 opt_set_true},
	{0},
};

int trace_send(struct ctx *ctx, const struct nsnet_traced **ret, struct nsnet_err *err)
{
	/* `explain` has not opened anything. */
	int r = ctx->n ? 0 : cmd_open(ctx, err);

	if (r < 0)
		return r;
	return CMD_WAIT(ctx,
			nsnet_trace(ctx->n, NULL, ctx->argv[0], ctx->argv[1],
				    ctx->argc > 2 ? ctx->argv[2] : NULL, ctx->opts.ipv6, ret, err));
}

int trace_status(const struct nsnet_traced *t)
{
	const bool delivered = strcmp(t->end, "delivered") == 0;

	if (strcmp(t->agrees, "contradicts") == 0 || (delivered && !t->explained->intended))
		return WRONG;
	return strcmp(t->agrees, "agrees") == 0 ? 0 : UNKNOWN;
}

int cmd_trace(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = NULL;
	const struct out *o = &ctx->opts.out;
	int r = trace_send(ctx, &t, err);

	if (r < 0 || !t)
		return r;
	if (out_is_document(o))
		r = view_traced_document(o, t, err);
	else
		view_traced_text(o, t);
	if (r < 0)
		return r;
	r = trace_status(t);
	return r == 0 && o->quiet && strcmp(t->end, "delivered") != 0 ? 1 : r;
}
