/* SPDX-License-Identifier: GPL-2.0-or-later */
/* self-check: whether each namespace isolates what it should, shown from both sides */
#include <string.h>

#include "cmd.h"
#include "view_self_check.h"

const struct opt self_check_options[] = {
	{"workload", 0, "ID", "only this workload, which runs", 0, offsetof(struct opts, workload),
	 opt_set_text},
	{0},
};

int check_self_check(const struct ctx *ctx, struct nsnet_err *err)
{
	if (ctx->argc > 0 && ctx->opts.workload)
		return nsn_err(err, -EINVAL, NSNET_E_USAGE,
			       "a workload has its tenant: TENANT and --workload exclude each "
			       "other");
	return 0;
}

struct rows {
	struct self_check_row *at;
	size_t n;
};

static void rows_clear(struct rows *rows)
{
	free(rows->at);
}

static const void *row_at(const void *data, size_t i)
{
	return &((const struct rows *)data)->at[i];
}

/* `-o name` is not among the formats of this command. */
static void row_name(FILE *to, const void *item)
{
	(void)to;
	(void)item;
}

static int make_rows(const struct nsnet_self_check *c, struct rows *rows, struct nsnet_err *err)
{
	size_t max = nsnet_self_check_strangers(c);

	for (size_t i = 0; i < nsnet_self_check_count(c); i++)
		max += nsnet_self_check_get(c, i)->n_findings;
	rows->at = calloc(max + 1, sizeof(*rows->at));
	if (!rows->at)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < nsnet_self_check_count(c); i++) {
		const struct nsnet_checked *who = nsnet_self_check_get(c, i);

		for (size_t k = 0; k < who->n_findings; k++)
			rows->at[rows->n++] =
				(struct self_check_row){.who = who, .finding = &who->findings[k]};
	}
	for (size_t i = 0; i < nsnet_self_check_strangers(c); i++)
		rows->at[rows->n++] =
			(struct self_check_row){.stranger = nsnet_self_check_stranger(c, i)};
	return 0;
}

static int print_rows(const struct out *o, const struct nsnet_self_check *c, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "SelfCheck",
		.columns = self_check_columns,
		.at = row_at,
		.print_name = row_name,
	};
	NSN_AUTO(rows_clear) struct rows rows = {0};
	const int r = make_rows(c, &rows, err);

	return r < 0 ? r : out_list(o, &list, &rows, rows.n, err);
}

static int print(const struct out *o, const struct nsnet_self_check *c, struct nsnet_err *err)
{
	int r = 0;

	if (out_is_document(o))
		return view_self_check_document(o, c, err);
	if (o->format == OUT_TABLE && o->verbose)
		view_self_check_text(o, c);
	else
		r = print_rows(o, c, err);
	if (r == 0 && o->format != OUT_CSV && !o->quiet && !o->columns)
		view_self_check_sum(o, c);
	return r;
}

int cmd_self_check(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_self_check_freep) struct nsnet_self_check *c = NULL;
	const char *tenant = ctx->argc > 0 ? ctx->argv[0] : NULL;
	int r = CMD_WAIT(ctx, nsnet_self_check(ctx->n, tenant, ctx->opts.workload, &c, err));

	if (r == 0)
		r = print(&ctx->opts.out, c, err);
	return r < 0 ? r : !nsnet_self_check_good(c);
}
