/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan, diff, apply: what files say against what is stored */
#include <inttypes.h>
#include <string.h>

#include "change.h"
#include "cmd.h"
#include "given.h"
#include "paths.h"
#include "stdfd.h"
#include "until.h"
#include "view_apply.h"

NSN_CLEANUP(struct nsnet_policies, nsnet_policies_free)
NSN_CLEANUP(struct nsnet_applied, nsnet_applied_free)
NSN_CLEANUP(struct nsnet_tenants, nsnet_tenants_free)

#define FILE_OPTION(text_)                                                                         \
	{                                                                                          \
		"file", 'f', "PATH", text_, 0, offsetof(struct opts, files), opt_set_many, "@file" \
	}
#define PRUNE_OPTION                                                                               \
	{                                                                                          \
		"prune", 0, NULL, "what the files do not have any more goes", 0,                   \
			offsetof(struct opts, prune), opt_set_true                                 \
	}
#define EXIT_OPTION(text_)                                                                         \
	{                                                                                          \
		"exit-code", 0, NULL, text_, 0, offsetof(struct opts, exit_code), opt_set_true     \
	}

const struct opt plan_options[] = {
	FILE_OPTION("what this file or folder would change (may be repeated)"),
	PRUNE_OPTION,
	EXIT_OPTION("status 10 when there is something to do"),
	GIVEN_OPTION,
	{0},
};

const struct opt diff_options[] = {
	FILE_OPTION("a file or a folder; - is standard input (may be repeated)"),
	PRUNE_OPTION,
	{0},
};

const struct opt apply_options[] = {
	FILE_OPTION("a file or a folder; - is standard input (may be repeated)"),
	PRUNE_OPTION,
	{"prune-tenants", 0, "N", "how many tenants with endpoints may go with --prune", 0,
	 offsetof(struct opts, prune_tenants), opt_set_number},
	EXIT_OPTION("status 10 when something was changed"),
	{"confirm", 0, "TIME", "roll it back unless `nsnet confirm` is run in this time", 0,
	 offsetof(struct opts, confirm_ms), opt_set_duration},
	{"detach", 'd', NULL, "with --confirm: do not wait for it in the foreground", 0,
	 offsetof(struct opts, detach), opt_set_true},
	{0},
};

#define CONFIRM_MIN_MS 10000

static int usage(const char *text, const char *hint, struct nsnet_err *err)
{
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "%s", text);
	return nsn_err_hint(err, -EINVAL, "%s", hint);
}

int check_plan(const struct ctx *ctx, struct nsnet_err *err)
{
	if (ctx->opts.files.n > 0 && ctx->argc > 0)
		return usage("'plan' takes a tenant or -f, not both", "nsnet plan -f policies/",
			     err);
	if (ctx->opts.prune && ctx->opts.files.n == 0)
		return usage("--prune is about files", "nsnet plan -f policies/ --prune", err);
	if (ctx->opts.snapshot && ctx->opts.files.n == 0)
		return usage("--snapshot is to be compared with files",
			     "nsnet plan --snapshot prod.json -f policies/", err);
	if (ctx->opts.out.format == OUT_MARKDOWN && ctx->opts.files.n == 0)
		return usage("-o markdown is a report about files",
			     "nsnet plan -f policies/ -o markdown", err);
	return 0;
}

int check_apply(const struct ctx *ctx, struct nsnet_err *err)
{
	if (ctx->opts.files.n == 0)
		return usage("no file is given",
			     strcmp(ctx->cmd->verb, "diff") == 0 ? "nsnet diff -f policies/"
								 : "nsnet apply -f policies/",
			     err);
	if (ctx->opts.confirm_ms > 0 && ctx->opts.confirm_ms < CONFIRM_MIN_MS)
		return usage("--confirm is 10s to 24h: who has less time confirms nothing",
			     "nsnet apply -f policies/ --confirm 60s", err);
	if (ctx->opts.detach && ctx->opts.confirm_ms == 0)
		return usage("--detach goes with --confirm",
			     "nsnet apply -f policies/ --confirm 60s --detach", err);
	if (ctx->opts.prune_tenants > 0 && !ctx->opts.prune)
		return usage("--prune-tenants goes with --prune",
			     "nsnet apply -f policies/ --prune --prune-tenants 1", err);
	return 0;
}

static int read_files(struct ctx *ctx, struct paths *paths, struct nsnet_policies **ret,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char **files = calloc(ctx->opts.files.n + 1, sizeof(*files));
	const struct opt_many *given = &ctx->opts.files;

	if (!files)
		return nsn_err_nomem(err);
	memcpy(files, given->values, given->n * sizeof(*files));
	return policies_good(ctx, (int)given->n, files, paths, ret, err);
}

static int run(struct ctx *ctx, unsigned int flags, struct nsnet_applied **ret,
	       struct nsnet_err *err)
{
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	NSN_AUTO(paths_clear) struct paths paths = {0};
	int r = read_files(ctx, &paths, &p, err);

	if (r < 0)
		return r;
	if (ctx->opts.prune)
		flags |= NSNET_PRUNE;
	/* Reading the machine costs time, and is for who looks. */
	if (!ctx->opts.out.quiet && !(flags & NSNET_DIFF_ONLY))
		flags |= NSNET_PROVE;
	return CMD_WAIT(ctx,
			nsnet_apply_until(ctx->n, p, flags, (size_t)ctx->opts.prune_tenants,
					  (unsigned int)(ctx->opts.confirm_ms / 1000), ret, err));
}

/* Of what was saved: without privilege, and without this machine. */
static int run_apart(struct ctx *ctx, struct nsnet_applied **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *tenants = NULL;
	NSN_AUTO(paths_clear) struct paths paths = {0};
	NSN_AUTO(given_clear) struct given g = {0};
	int r = given_open(ctx, &g, err);

	if (r == 0)
		r = nsnet_snapshot_tenants(&g.how, &tenants, err);
	ctx->known = tenants;
	if (r == 0)
		r = read_files(ctx, &paths, &p, err);
	ctx->known = NULL;
	return r < 0 ? r
		     : nsnet_plan_snapshot(&g.how, p, ctx->opts.prune ? NSNET_PRUNE : 0, ret, err);
}

static bool has_steps(const struct nsnet_applied *a)
{
	const struct nsnet_change *c = nsnet_applied_change(a);
	bool some = false;

	for (size_t i = 0; i < nsnet_change_items(c); i++)
		some |= nsnet_change_steps(c, i) > 0;
	return some;
}

static bool differs(const struct apply_tally *t)
{
	return t->add + t->change + t->remove > 0;
}

static void tally_text(const struct out *o, const char *word, const struct apply_tally *t)
{
	fprintf(o->to, "%s: %zu to add, %zu to change, %zu to remove", word, t->add, t->change,
		t->remove);
	if (t->kept)
		fprintf(o->to, " (%zu kept without --prune)", t->kept);
	fputs(".", o->to);
}

static void expects_text(const struct out *o, const struct apply_tally *t)
{
	if (t->expects)
		fprintf(o->to, "  expect: %zu of %zu hold.", t->hold, t->expects);
}

static void steps_text(const struct out *o, const struct nsnet_applied *a)
{
	const struct nsnet_change *c = nsnet_applied_change(a);

	for (size_t i = 0; i < nsnet_change_items(c); i++) {
		if (o->verbose && nsnet_change_steps(c, i) > 0) {
			change_print_name(o->to, c, i);
			fputc('\n', o->to);
			change_print_steps(o, c, i);
		}
		change_print_notes(o, c, i);
	}
}

/* What is as the files say, and not as it should be in the kernel. */
static void repairs_text(const struct out *o, const struct nsnet_applied *a, bool dry_run)
{
	const struct nsnet_change *c = nsnet_applied_change(a);
	char count[CHANGE_COUNT_SIZE];

	for (size_t i = 0; i < nsnet_change_items(c); i++) {
		if (nsnet_change_outcome(c, i) != NSNET_REPAIRED)
			continue;
		fputs("tenant ", o->to);
		change_print_name(o->to, c, i);
		fprintf(o->to, " %srepaired: %s\n", dry_run ? "would be " : "",
			change_count(nsnet_change_steps(c, i), "step", "steps", count));
	}
}

void apply_details(const struct out *o, const struct nsnet_applied *a, bool dry_run)
{
	view_differences(o, a);
	view_effects(o, a);
	steps_text(o, a);
	repairs_text(o, a, dry_run);
	if (nsnet_applied_differences(a) > 0)
		fputc('\n', o->to);
}

static bool is_apart(const struct nsnet_applied *a)
{
	struct nsnet_effects_of of;

	nsnet_applied_effects_of(a, &of);
	return of.from_file;
}

static void plan_text(const struct out *o, const struct nsnet_applied *a)
{
	const struct apply_tally t = apply_count(a);
	char count[CHANGE_COUNT_SIZE];

	view_differences(o, a);
	view_effects(o, a);
	steps_text(o, a);
	repairs_text(o, a, true);
	view_failures(o, a);
	if (nsnet_applied_differences(a) > 0)
		fputc('\n', o->to);
	if (differs(&t) || t.kept)
		tally_text(o, "plan", &t);
	else
		fputs("plan: what is stored is as the files say.", o->to);
	if (!is_apart(a))
		fprintf(o->to, "  Kernel check: %s: ok.",
			change_count(nsnet_applied_checked(a), "nft object", "nft objects", count));
	expects_text(o, &t);
	fputc('\n', o->to);
	if (nsnet_applied_pruned(a) > 0) {
		(void)snprintf(count, sizeof(count), "apply needs --prune-tenants %zu",
			       nsnet_applied_pruned(a));
		out_note(o, count);
	}
}

int cmd_plan(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_applied_freep) struct nsnet_applied *a = NULL;
	const struct out *o = &ctx->opts.out;
	struct apply_tally t;
	int r;

	if (ctx->opts.files.n == 0)
		return plan_stored(ctx, err);
	r = ctx->opts.snapshot ? run_apart(ctx, &a, err) : run(ctx, NSNET_DRY_RUN, &a, err);
	if (r < 0)
		return r;
	t = apply_count(a);
	if (out_is_document(o))
		r = view_applied_document(o, a, true, err);
	else if (o->format == OUT_MARKDOWN)
		view_applied_markdown(o, a);
	else if (!o->quiet)
		plan_text(o, a);
	if (r < 0)
		return r;
	if (t.hold < t.expects)
		return 1;
	return ctx->opts.exit_code && (differs(&t) || has_steps(a)) ? PLAN_HAS_STEPS : 0;
}

int cmd_diff(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_applied_freep) struct nsnet_applied *a = NULL;
	const struct out *o = &ctx->opts.out;
	struct apply_tally t;
	int r = run(ctx, NSNET_DRY_RUN | NSNET_DIFF_ONLY, &a, err);

	if (r < 0)
		return r;
	t = apply_count(a);
	if (out_is_document(o))
		r = view_applied_document(o, a, true, err);
	else if (!o->quiet)
		view_differences(o, a);
	return r < 0 ? r : differs(&t) || t.kept;
}

static void apply_text(const struct out *o, const struct nsnet_applied *a)
{
	const struct apply_tally t = apply_count(a);

	apply_details(o, a, false);
	if (differs(&t))
		fprintf(o->to, "applied: %zu added, %zu changed, %zu removed", t.add, t.change,
			t.remove);
	else
		fputs("unchanged: what is stored is as the files say", o->to);
	if (t.kept)
		fprintf(o->to, " (%zu kept without --prune)", t.kept);
	fputc('.', o->to);
	expects_text(o, &t);
	fputc('\n', o->to);
}

/* What does not hold is shown with the error, which names only the first. */
static int refused(const struct ctx *ctx, const struct nsnet_applied *a, int r)
{
	const struct out *o = &ctx->opts.out;

	if (a && r == -EPERM && !out_is_document(o) && !o->quiet)
		view_failures(o, a);
	return r;
}

static int tell(struct ctx *ctx, const struct nsnet_applied *a, struct nsnet_err *err)
{
	const struct out *o = &ctx->opts.out;

	if (out_is_document(o))
		return view_applied_document(o, a, false, err);
	if (!o->quiet)
		apply_text(o, a);
	return 0;
}

/* What is told of it is told before: who reads it has to confirm it. */
static int until_confirmed(struct ctx *ctx, struct nsnet_err *err)
{
	const struct out *o = &ctx->opts.out;
	struct nsnet_unconfirmed u = {0};
	int r = nsnet_unconfirmed(ctx->n, &u, err);

	if (r < 0 || u.nr == 0 || u.state != NSNET_WAITS)
		return r;
	if (!o->quiet) {
		FILE *to = out_is_document(o) ? o->msgs : o->to;

		fprintf(to, "rolls back in %" PRIu64 " s unless you run:  nsnet confirm\n",
			(u.left_ms + 999) / 1000);
		stdfd_flush(to);
	}
	stdfd_flush(o->to);
	if (ctx->opts.detach)
		return 0;
	r = until_wait(ctx, u.nr, err);
	if (r == 0 && !o->quiet && !out_is_document(o))
		fputs("confirmed\n", o->to);
	return r;
}

static void until_clear(struct until *u)
{
	until_go(u);
}

int cmd_apply(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_applied_freep) struct nsnet_applied *a = NULL;
	NSN_AUTO(until_clear) struct until until = {-1};
	struct apply_tally t;
	int r = 0;

	if (ctx->opts.dry_run)
		return cmd_plan(ctx, err);
	if (ctx->opts.confirm_ms > 0)
		r = until_start(&until, err);
	if (r == 0)
		r = run(ctx, 0, &a, err);
	until_go(&until);
	if (r < 0)
		return refused(ctx, a, r);
	t = apply_count(a);
	r = tell(ctx, a, err);
	if (r == 0 && ctx->opts.confirm_ms > 0)
		r = until_confirmed(ctx, err);
	if (r != 0)
		return r;
	return ctx->opts.exit_code && (differs(&t) || has_steps(a)) ? PLAN_HAS_STEPS : 0;
}
