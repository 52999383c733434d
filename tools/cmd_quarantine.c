/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tenant quarantine, release: all borders of one closed, above all rules; and who it is
 */
#include <string.h>

#include "change.h"
#include "cmd.h"
#include "view_quarantine.h"

const struct opt quarantine_options[] = {
	{"because", 0, "TEXT", "why, or the ticket that says so; needed", 0,
	 offsetof(struct opts, because), opt_set_text},
	{"keep", 0, "FLOW", "what stays: 'shared/dns -> c1 tcp/22'; may be given many times", 0,
	 offsetof(struct opts, keep), opt_set_many},
	{0},
};

/* "tenant customer3 quarantined, 2 gateways changed" */
static char *sentence(const struct ctx *ctx, const char *done, const struct nsnet_change *c)
{
	const char *who = ctx->argv[0];
	const char *kind = strchr(who, '/') ? "endpoint " : "tenant ";
	bool dry_run = ctx->opts.dry_run;
	char count[CHANGE_COUNT_SIZE];
	char *text;

	/* Of a label its kind is a part of the word. */
	if (strncmp(who, "label:", strlen("label:")) == 0)
		kind = "";
	(void)change_count(change_gateways(c), "gateway", "gateways", count);
	if (asprintf(&text, "%s%s %s%s, %s %s", kind, who, dry_run ? "would be " : "", done, count,
		     dry_run ? "would change" : "changed") < 0)
		return NULL;
	return text;
}

static int tell(struct ctx *ctx, const char *done, enum nsnet_outcome outcome,
		const struct nsnet_change *c, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = sentence(ctx, done, c);
	NSN_AUTO(report_clear) struct report report = {0};
	const struct report_subject subject = {"quarantine", ctx->argv[0], outcome, text, NULL};
	int r;

	if (!text)
		return nsn_err_nomem(err);
	r = report_init(&report, &ctx->opts.out, "Change", ctx->opts.dry_run, err);
	if (r == 0)
		r = report_borders(&report, &subject, c, err);
	return r < 0 ? r : report_end(&report, NULL, err);
}

/* ---- list ---------------------------------------------------------------- */

struct rows {
	struct nsnet_quarantined *at;
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
	out_safe(to, ((const struct nsnet_quarantined *)item)->who);
}

static int list_all(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "QuarantineList",
		.columns = quarantine_columns,
		.at = row_at,
		.print_name = row_name,
		.json = view_quarantine_json,
	};
	NSN_AUTO(nsnet_quarantines_freep) struct nsnet_quarantines *all = NULL;
	NSN_AUTO(rows_clear) struct rows rows = {0};
	int r = CMD_WAIT(ctx, nsnet_quarantine_list(ctx->n, &all, err));

	if (r < 0)
		return r;
	rows.at = calloc(nsnet_quarantines_count(all) + 1, sizeof(*rows.at));
	if (!rows.at)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < nsnet_quarantines_count(all); i++)
		nsnet_quarantines_get(all, i, &rows.at[i]);
	return out_list(&ctx->opts.out, &list, &rows, nsnet_quarantines_count(all), err);
}

/* ---- change -------------------------------------------------------------- */

/* Without WHO it is a list, and what is for the one means nothing for the other. */
int check_tenant_quarantine(const struct ctx *ctx, struct nsnet_err *err)
{
	const struct opts *o = &ctx->opts;

	if (ctx->argc == 0 && (o->because || o->keep.n > 0 || o->dry_run)) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'tenant quarantine': WHO is missing");
		return nsn_err_hint(err, -EINVAL,
				    "nsnet tenant quarantine customer3 --because INC-7");
	}
	if (ctx->argc > 0 &&
	    (o->out.columns || o->out.no_header || (o->format_by && o->out.format == OUT_CSV))) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
			      "'tenant quarantine' is a list without WHO only");
		return nsn_err_hint(err, -EINVAL, "nsnet tenant quarantine");
	}
	if (ctx->argc == 0 || o->because)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'tenant quarantine' needs --because TEXT");
	return nsn_err_hint(err, -EINVAL, "nsnet tenant quarantine %s --because INC-7",
			    ctx->argv[0]);
}

int cmd_tenant_quarantine(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	const struct opts *o = &ctx->opts;
	int r;

	if (ctx->argc == 0)
		return list_all(ctx, err);
	interrupt_defer();
	r = CMD_WAIT(ctx, nsnet_quarantine(ctx->n, ctx->argv[0], o->because, o->keep.values,
					   o->keep.n, o->dry_run ? NSNET_DRY_RUN : 0, &c, err));
	return r < 0 ? r : tell(ctx, "quarantined", NSNET_CHANGED, c, err);
}

int cmd_tenant_release(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	int r;

	interrupt_defer();
	r = CMD_WAIT(ctx, nsnet_release(ctx->n, ctx->argv[0], ctx->opts.dry_run ? NSNET_DRY_RUN : 0,
					&c, err));
	return r < 0 ? r : tell(ctx, "released", NSNET_REMOVED, c, err);
}
