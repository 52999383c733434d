/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * doctor: what of the host is in nsnet's way; and the rules in tables of others that let
 * packets of uplinks through
 */
#include <string.h>

#include "../lib/base/cleanup.h"
#include "change.h"
#include "cmd.h"
#include "progress.h"

NSN_CLEANUP(struct nsnet_doctor, nsnet_doctor_free)
NSN_CLEANUP(struct nsnet_doctor_fix, nsnet_doctor_fix_free)

/* Those that can be fixed. */
#define CHECKS "D101 D102 D103 D104 D105 D106"

const struct opt doctor_options[] = {
	{"fix", 0, "ID", "add rules to the tables that this check is about; asks first", 0,
	 offsetof(struct opts, fix), opt_set_text, CHECKS},
	{"unfix", 0, "ID", "remove the rules that --fix has added", 0, offsetof(struct opts, unfix),
	 opt_set_text, CHECKS},
	{0},
};

int check_doctor(const struct ctx *ctx, struct nsnet_err *err)
{
	const struct opts *o = &ctx->opts;

	if (o->fix && o->unfix)
		return nsn_err(err, -EINVAL, NSNET_E_USAGE, "--fix and --unfix exclude each other");
	if (!o->fix && !o->unfix && o->dry_run) {
		(void)nsn_err(err, -EINVAL, NSNET_E_USAGE,
			      "'doctor' changes nothing without --fix or --unfix");
		return nsn_err_hint(err, -EINVAL, "nsnet doctor");
	}
	return 0;
}

/* ---- looking --------------------------------------------------------------------- */

static const char *health_word(enum nsnet_health health)
{
	return health == NSNET_HEALTHY ? "ok" : health == NSNET_DOUBTFUL ? "warn" : "fail";
}

static json_t *check_json(const struct nsnet_check *c)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:b, s:b}", "id", c->id, "health",
			 health_word(c->health), "what", out_json_text(c->what), "remedy",
			 out_json_text_or_null(c->remedy), "fixable", (int)c->fixable, "fixed",
			 (int)c->fixed);
}

static int print_document(const struct out *o, const struct nsnet_doctor *d, struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *items = json_array();

	for (size_t i = 0; i < nsnet_doctor_count(d); i++)
		if (json_array_append_new(items, check_json(nsnet_doctor_get(d, i))) < 0)
			return nsn_err_nomem(err);
	return out_document(o, "Doctor",
			    json_pack("{s:s}", "health", health_word(nsnet_doctor_health(d))),
			    json_incref(items), err);
}

/* What fails is seen without colour. */
static void print_check(const struct out *o, const struct nsnet_check *c)
{
	static const char *const words[] = {
		[NSNET_HEALTHY] = "ok  ", [NSNET_DOUBTFUL] = "warn", [NSNET_FAILING] = "FAIL"};
	static const char *const colors[] = {
		[NSNET_HEALTHY] = "32", [NSNET_DOUBTFUL] = "33", [NSNET_FAILING] = "1;31"};

	if (out_colored(o, o->to))
		fprintf(o->to, "\033[%sm%s\033[0m", colors[c->health], words[c->health]);
	else
		fputs(words[c->health], o->to);
	fprintf(o->to, "  %s ", c->id);
	out_safe(o->to, c->what);
	fputc('\n', o->to);
	if (!*c->remedy)
		return;
	fputs("           remedy: ", o->to);
	out_safe(o->to, c->remedy);
	fputc('\n', o->to);
}

static void print_sum(const struct out *o, const struct nsnet_doctor *d)
{
	char failures[CHANGE_COUNT_SIZE], warnings[CHANGE_COUNT_SIZE];
	size_t count[NSNET_FAILING + 1] = {0};

	for (size_t i = 0; i < nsnet_doctor_count(d); i++)
		count[nsnet_doctor_get(d, i)->health]++;
	(void)change_count(count[NSNET_FAILING], "failure", "failures", failures);
	(void)change_count(count[NSNET_DOUBTFUL], "warning", "warnings", warnings);
	fprintf(o->to, "%s, %s\n", failures, warnings);
}

static int look(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_doctor_freep) struct nsnet_doctor *d = NULL;
	const struct out *o = &ctx->opts.out;
	int r = CMD_WAIT(ctx, nsnet_doctor(ctx->n, &d, err));

	if (r == 0 && out_is_document(o)) {
		r = print_document(o, d, err);
	} else if (r == 0) {
		for (size_t i = 0; i < nsnet_doctor_count(d); i++)
			if (!o->quiet || nsnet_doctor_get(d, i)->health != NSNET_HEALTHY)
				print_check(o, nsnet_doctor_get(d, i));
		if (!o->quiet)
			print_sum(o, d);
	}
	return r < 0 ? r : nsnet_doctor_health(d) == NSNET_FAILING;
}

/* ---- fixing ------------------------------------------------------------------------- */

static void print_rules(FILE *to, const struct nsnet_doctor_fix *f)
{
	const char *table = "", *chain = "";

	for (size_t i = 0; i < nsnet_doctor_fix_count(f); i++) {
		const struct nsnet_doctor_rule *rule = nsnet_doctor_fix_get(f, i);

		if (strcmp(table, rule->table) != 0 || strcmp(chain, rule->chain) != 0) {
			fputs("  table ", to);
			out_safe(to, rule->table);
			fputs(", chain ", to);
			out_safe(to, rule->chain);
			fputs(":\n", to);
		}
		fputs("    ", to);
		out_safe(to, rule->rule);
		fputc('\n', to);
		table = rule->table;
		chain = rule->chain;
	}
}

static json_t *rule_json(const struct nsnet_doctor_rule *r)
{
	return json_pack("{s:o, s:o, s:o}", "table", out_json_text(r->table), "chain",
			 out_json_text(r->chain), "rule", out_json_text(r->rule));
}

static int fix_document(const struct ctx *ctx, const char *id, const struct nsnet_doctor_fix *f,
			struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *items = json_array();

	for (size_t i = 0; i < nsnet_doctor_fix_count(f); i++)
		if (json_array_append_new(items, rule_json(nsnet_doctor_fix_get(f, i))) < 0)
			return nsn_err_nomem(err);
	return out_document(&ctx->opts.out, "DoctorFix",
			    json_pack("{s:b, s:b, s:s, s:s}", "changed",
				      (int)(nsnet_doctor_fix_count(f) > 0), "dry_run",
				      (int)ctx->opts.dry_run, "check", id, "outcome",
				      ctx->opts.unfix ? "removed" : "added"),
			    json_incref(items), err);
}

/* @f is what would be done. */
static int confirm(struct ctx *ctx, const char *id, const struct nsnet_doctor_fix *f,
		   struct nsnet_err *err)
{
	const char *verb = ctx->opts.unfix ? "remove" : "add";
	NSN_AUTO(nsn_freep) char *line = NULL;
	FILE *msgs = ctx->opts.out.msgs;
	size_t size = 0;

	if (ctx->opts.yes || ctx->opts.dry_run || nsnet_doctor_fix_count(f) == 0)
		return 0;
	if (!isatty(fileno(ctx->in)) || !isatty(fileno(msgs))) {
		(void)nsn_err(err, -ECANCELED, NSNET_E_NEEDS_YES,
			      "%zu rules of tables that are not nsnet's would be %s, and there is "
			      "no terminal to ask on",
			      nsnet_doctor_fix_count(f), ctx->opts.unfix ? "removed" : "added");
		return nsn_err_hint(err, -ECANCELED, "nsnet doctor --%s %s -n, then -y",
				    ctx->opts.unfix ? "unfix" : "fix", id);
	}
	print_rules(msgs, f);
	fprintf(msgs, "%s these rules %s tables that are not nsnet's? [y/N] ", verb,
		ctx->opts.unfix ? "from" : "to");
	(void)fflush(msgs);
	if (getline(&line, &size, ctx->in) > 0 &&
	    (strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0))
		return 0;
	return nsn_err(err, -ECANCELED, NSNET_E_NEEDS_YES, "nothing was %s",
		       ctx->opts.unfix ? "removed" : "added");
}

static int tell(const struct ctx *ctx, const char *id, const struct nsnet_doctor_fix *f,
		struct nsnet_err *err)
{
	const struct out *o = &ctx->opts.out;
	const size_t n = nsnet_doctor_fix_count(f);

	if (out_is_document(o))
		return fix_document(ctx, id, f, err);
	if (o->quiet)
		return 0;
	if (n == 0) {
		fprintf(o->to, "%s unchanged: there is no rule to %s\n", id,
			ctx->opts.unfix ? "remove" : "add");
		return 0;
	}
	fprintf(o->to, "%s %s%s %zu rule%s:\n", id, ctx->opts.dry_run ? "would have " : "",
		ctx->opts.unfix ? "removed" : "added", n, n == 1 ? "" : "s");
	print_rules(o->to, f);
	return 0;
}

static int fix(struct ctx *ctx, struct nsnet_err *err)
{
	const char *id = ctx->opts.fix ? ctx->opts.fix : ctx->opts.unfix;
	NSN_AUTO(nsnet_doctor_fix_freep) struct nsnet_doctor_fix *would = NULL, *done = NULL;
	const bool undo = ctx->opts.unfix != NULL;
	int r = CMD_WAIT(ctx, nsnet_doctor_fix(ctx->n, id, undo, NSNET_DRY_RUN, &would, err));

	if (r == 0)
		r = confirm(ctx, id, would, err);
	if (r < 0)
		return r;
	if (ctx->opts.dry_run)
		return tell(ctx, id, would, err);
	interrupt_defer();
	r = CMD_WAIT(ctx, nsnet_doctor_fix(ctx->n, id, undo, 0, &done, err));
	return r < 0 ? r : tell(ctx, id, done, err);
}

int cmd_doctor(struct ctx *ctx, struct nsnet_err *err)
{
	return ctx->opts.fix || ctx->opts.unfix ? fix(ctx, err) : look(ctx, err);
}
