/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exceptions: what workloads were given that others do not get, why, and until when */
#include <string.h>

#include "cmd.h"
#include "view_exception.h"

const struct opt exceptions_options[] = {
	{"active", 0, NULL, "only those of workloads that live", 0, offsetof(struct opts, active),
	 opt_set_true},
	{0},
};

struct rows {
	struct nsnet_exception *at;
};

static void rows_clear(struct rows *rows)
{
	free(rows->at);
}

static const void *row_at(const void *data, size_t i)
{
	return &((const struct rows *)data)->at[i];
}

static void row_name(FILE *to, const void *item)
{
	out_safe(to, ((const struct nsnet_exception *)item)->workload);
}

int cmd_exceptions(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "ExceptionList",
		.columns = exception_columns,
		.at = row_at,
		.print_name = row_name,
		.json = view_exception_json,
	};
	NSN_AUTO(nsnet_exceptions_freep) struct nsnet_exceptions *all = NULL;
	NSN_AUTO(rows_clear) struct rows rows = {0};
	const char *tenant = ctx->argc > 0 ? ctx->argv[0] : NULL;
	int r = CMD_WAIT(ctx, nsnet_exception_list(ctx->n, tenant, !ctx->opts.active, &all, err));

	if (r < 0)
		return r;
	rows.at = calloc(nsnet_exceptions_count(all) + 1, sizeof(*rows.at));
	if (!rows.at)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < nsnet_exceptions_count(all); i++)
		nsnet_exceptions_get(all, i, &rows.at[i]);
	return out_list(&ctx->opts.out, &list, &rows, nsnet_exceptions_count(all), err);
}
