/* SPDX-License-Identifier: GPL-2.0-or-later */
/* confirm, rollback: to keep a change, or to take it back */
#include <inttypes.h>
#include <pwd.h>
#include <string.h>

#include "../lib/base/text.h"
#include "change.h"
#include "cmd.h"
#include "view_apply.h"

NSN_CLEANUP(struct nsnet_applied, nsnet_applied_free)
NSN_CLEANUP(struct nsnet_generations, nsnet_generations_free)

const struct opt rollback_options[] = {
	{"list", 'l', NULL, "the changes that are kept, and where each can be taken back to", 0,
	 offsetof(struct opts, list), opt_set_true},
	{"prune-tenants", 0, "N", "how many tenants with endpoints may go", 0,
	 offsetof(struct opts, prune_tenants), opt_set_number},
	{0},
};

/* ---- what is kept ------------------------------------------------------------------ */

static const struct nsnet_generation *row(const void *item)
{
	return item;
}

static char *cell_generation(const void *g)
{
	char *text;

	return asprintf(&text, "%" PRIu64, row(g)->generation) < 0 ? NULL : text;
}

static char *cell_last(const void *g)
{
	char *text;

	return asprintf(&text, "%" PRIu64, row(g)->last) < 0 ? NULL : text;
}

static char *cell_at(const void *g)
{
	char buf[OUT_TIME_SIZE];

	return strdup(out_time(row(g)->at, buf));
}

static char *cell_by(const void *g)
{
	const struct passwd *user = getpwuid(row(g)->uid);
	char *text;

	if (user)
		return strdup(user->pw_name);
	return asprintf(&text, "user %" PRIu32, row(g)->uid) < 0 ? NULL : text;
}

static char *cell_state(const void *g)
{
	return strdup(row(g)->waits ? "UNCONFIRMED" : "");
}

static char *cell_command(const void *g)
{
	return strdup(row(g)->command);
}

const struct out_column generation_columns[] = {
	{"BACK-TO", OUT_RIGHT, cell_generation},
	{"NOW", OUT_RIGHT | OUT_ONLY_WIDE, cell_last},
	{"AT", 0, cell_at},
	{"BY", 0, cell_by},
	{"CHANGE", 0, cell_command},
	{"STATE", 0, cell_state},
	{0},
};

static json_t *row_json(const void *item)
{
	const struct nsnet_generation *g = item;
	char buf[OUT_TIME_SIZE];

	return json_pack("{s:I, s:I, s:o, s:I, s:o, s:o, s:b}", "generation",
			 (json_int_t)g->generation, "last", (json_int_t)g->last, "at",
			 out_json_text(out_time(g->at, buf)), "uid", (json_int_t)g->uid, "kind",
			 out_json_text(*g->kind ? g->kind : "change"), "command",
			 out_json_text(g->command), "unconfirmed", (int)g->waits);
}

static void row_name(FILE *to, const void *item)
{
	fprintf(to, "%" PRIu64, row(item)->generation);
}

static const void *row_at(const void *data, size_t i)
{
	return &((const struct nsnet_generation *)data)[i];
}

static int print_list(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "GenerationList",
		.columns = generation_columns,
		.at = row_at,
		.print_name = row_name,
		.json = row_json,
	};
	NSN_AUTO(nsnet_generations_freep) struct nsnet_generations *all = NULL;
	NSN_AUTO(nsn_freep) struct nsnet_generation *rows = NULL;
	int r = CMD_WAIT(ctx, nsnet_generation_list(ctx->n, &all, err));
	size_t n;

	if (r < 0)
		return r;
	n = nsnet_generations_count(all);
	rows = calloc(n + 1, sizeof(*rows));
	if (!rows)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		nsnet_generations_get(all, i, &rows[i]);
	return out_list(&ctx->opts.out, &list, rows, n, err);
}

/* ---- rollback ---------------------------------------------------------------------- */

int check_rollback(const struct ctx *ctx, struct nsnet_err *err)
{
	uint64_t n;

	if (ctx->opts.list && ctx->argc > 0) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'rollback --list' takes no generation");
		return nsn_err_hint(err, -EINVAL, "nsnet rollback --list");
	}
	if (ctx->argc == 0 || nsn_u64_parse(&n, ctx->argv[0], INT64_MAX) == 0)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' is not a generation", ctx->argv[0]);
	return nsn_err_hint(err, -EINVAL, "nsnet rollback --list");
}

static void rollback_text(const struct out *o, const struct nsnet_applied *a, bool dry_run)
{
	const struct apply_tally t = apply_count(a);

	apply_details(o, a, dry_run);
	if (t.add + t.change + t.remove > 0)
		fprintf(o->to,
			dry_run ? "rollback: %zu to add, %zu to change, %zu to remove.\n"
				: "rolled back: %zu added, %zu changed, %zu removed.\n",
			t.add, t.change, t.remove);
	else
		fputs("unchanged: all is as it was then.\n", o->to);
}

int cmd_rollback(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_applied_freep) struct nsnet_applied *a = NULL;
	const struct out *o = &ctx->opts.out;
	const bool dry = ctx->opts.dry_run;
	uint64_t generation = NSNET_LAST_APPLY;
	int r;

	if (ctx->opts.list)
		return print_list(ctx, err);
	if (ctx->argc > 0)
		(void)nsn_u64_parse(&generation, ctx->argv[0], INT64_MAX);
	r = CMD_WAIT(ctx, nsnet_rollback(ctx->n, generation,
					 (dry ? NSNET_DRY_RUN : 0) | (o->quiet ? 0 : NSNET_PROVE),
					 (size_t)ctx->opts.prune_tenants, &a, err));
	if (r < 0)
		return r;
	if (out_is_document(o))
		return view_applied_document(o, a, dry, err);
	if (!o->quiet)
		rollback_text(o, a, dry);
	return 0;
}

/* ---- confirm ----------------------------------------------------------------------- */

int cmd_confirm(struct ctx *ctx, struct nsnet_err *err)
{
	const struct out *o = &ctx->opts.out;
	uint64_t generation = 0;
	int r = CMD_WAIT(ctx, nsnet_confirm(ctx->n, &generation, err));

	if (r < 0)
		return r;
	if (out_is_document(o))
		return out_document(o, "Confirmed", NULL,
				    json_pack("[{s:I}]", "generation", (json_int_t)generation),
				    err);
	if (!o->quiet)
		fprintf(o->to, "confirmed: generation %" PRIu64 " stays\n", generation);
	return 0;
}
