/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "given.h"

#include "file.h"

int given_open(struct ctx *ctx, struct given *g, struct nsnet_err *err)
{
	size_t len;
	int r;

	g->how.seconds = (unsigned int)ctx->opts.seconds;
	if (!ctx->opts.snapshot)
		return cmd_open(ctx, err);
	r = file_read(&g->text, &len, ctx->opts.snapshot, ctx->in, GIVEN_MAX, err);
	if (r < 0)
		return r;
	g->how.snapshot = g->text;
	g->how.len = len;
	return 0;
}

int given_freeze(struct ctx *ctx, struct given *g, struct nsnet_err *err)
{
	size_t len;
	int r = given_open(ctx, g, err);

	if (r < 0 || g->text)
		return r;
	r = CMD_WAIT(ctx, nsnet_snapshot(ctx->n, &g->text, &len, err));
	if (r < 0)
		return r;
	g->how.snapshot = g->text;
	g->how.len = len;
	return 0;
}

void given_clear(struct given *g)
{
	free(g->text);
}

int given_status(enum nsnet_proved v)
{
	switch (v) {
	case NSNET_PROVED:
		return 0;
	case NSNET_VIOLATION:
		return 1;
	case NSNET_INCONCLUSIVE:
	case NSNET_NOTED:
		break;
	}
	return 3;
}
