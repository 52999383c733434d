/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tenant quarantine, release: all borders of one closed, above all rules */
#include <string.h>

#include "change.h"
#include "cmd.h"

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

int check_tenant_quarantine(const struct ctx *ctx, struct nsnet_err *err)
{
	if (ctx->opts.because)
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
