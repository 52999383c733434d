/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy check, test, list, show: files of policies; policy schema, manual: their language */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "near.h"
#include "paths.h"
#include "view.h"
#include "view_policy.h"

NSN_CLEANUP(struct nsnet_policies, nsnet_policies_free)

/* ---- reading ---------------------------------------------------------------------- */

/* Who may not look, or has no state folder, has no tenants here: none is made. */
static struct nsnet_tenants *tenants_of_host(struct ctx *ctx)
{
	struct nsnet_tenants *list = NULL;

	if (!ctx->n && (access(cmd_state_dir(), R_OK | X_OK) < 0 || cmd_open(ctx, NULL) < 0))
		return NULL;
	if (CMD_WAIT(ctx, nsnet_tenant_list(ctx->n, 0, &list, NULL)) < 0)
		return NULL;
	return list;
}

/* These files; @paths has the texts. */
static int parse(struct ctx *ctx, int argc, char *const *argv, struct paths *paths,
		 struct nsnet_policies **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *tenants = NULL;
	const struct nsnet_tenants *known = ctx->known;
	static char dash[] = "-";
	char *const input[] = {dash};
	int r;

	if (argc > 0)
		r = paths_read(paths, argc, argv, ctx->in, err);
	else
		r = paths_read(paths, 1, input, ctx->in, err);
	if (r < 0)
		return r;
	if (!known)
		known = tenants = tenants_of_host(ctx);
	return nsnet_policies_parse(ret, paths->texts, paths->n, known, (int64_t)time(NULL), err);
}

int policies_good(struct ctx *ctx, int argc, char *const *argv, struct paths *paths,
		  struct nsnet_policies **ret, struct nsnet_err *err)
{
	struct nsnet_diag d = {0};
	size_t i = 0;
	int r = parse(ctx, argc, argv, paths, ret, err);

	if (r < 0 || nsnet_policies_errors(*ret) == 0)
		return r;
	do
		nsnet_policies_diag(*ret, i++, &d);
	while (d.severity != NSNET_ERROR);
	(void)nsn_err(err, -EINVAL, d.id, "%s:%" PRIu32 ":%" PRIu32 ": %s", d.file, d.line, d.col,
		      d.text);
	(void)nsn_err_where(err, -EINVAL, "%s:%" PRIu32 ":%" PRIu32, d.file, d.line, d.col);
	if (nsnet_policies_errors(*ret) > 1)
		return nsn_err_hint(err, -EINVAL, "nsnet policy check tells all %zu errors",
				    nsnet_policies_errors(*ret));
	return nsn_err_hint(err, -EINVAL, "%s", d.hint);
}

/* ---- check ------------------------------------------------------------------------ */

int check_policy_check(const struct ctx *ctx, struct nsnet_err *err)
{
	if (ctx->argc > 0 || !isatty(fileno(ctx->in)))
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "no file is given");
	return nsn_err_hint(err, -EINVAL, "nsnet policy check policies/");
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void check_text(const struct out *o, const struct nsnet_policies *p)
{
	size_t errors = nsnet_policies_errors(p), warnings = nsnet_policies_warnings(p);
	size_t files = nsnet_policies_files(p), n = nsnet_policies_diags(p);

	for (size_t i = 0; i < n; i++) {
		struct nsnet_diag d;

		nsnet_policies_diag(p, i, &d);
		view_diag_text(o, o->to, &d);
	}
	if (o->quiet)
		return;
	fprintf(o->to, "%zu error%s, %zu warning%s in %zu file%s", errors, plural(errors), warnings,
		plural(warnings), files, plural(files));
	if (n < errors + warnings)
		fprintf(o->to, " (%zu not shown: the first 20 of each file are)",
			errors + warnings - n);
	fputc('\n', o->to);
}

static int check_document(const struct out *o, const struct nsnet_policies *p,
			  struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *items = json_array();
	json_t *extra = json_pack("{s:I, s:I, s:I}", "errors", (json_int_t)nsnet_policies_errors(p),
				  "warnings", (json_int_t)nsnet_policies_warnings(p), "files",
				  (json_int_t)nsnet_policies_files(p));

	for (size_t i = 0; i < nsnet_policies_diags(p); i++) {
		struct nsnet_diag d;

		nsnet_policies_diag(p, i, &d);
		if (json_array_append_new(items, view_diag_json(&d)) < 0) {
			json_decref(extra);
			return nsn_err_nomem(err);
		}
	}
	return out_document(o, "PolicyCheck", extra, json_incref(items), err);
}

int cmd_policy_check(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	NSN_AUTO(paths_clear) struct paths paths = {0};
	int r = parse(ctx, ctx->argc, ctx->argv, &paths, &p, err);

	if (r < 0)
		return r;
	if (out_is_document(&ctx->opts.out))
		r = check_document(&ctx->opts.out, p, err);
	else
		check_text(&ctx->opts.out, p);
	return r < 0 ? r : nsnet_policies_errors(p) > 0;
}

/* ---- test ------------------------------------------------------------------------- */

int cmd_policy_test(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	NSN_AUTO(out_json_unref) json_t *items = json_array();
	NSN_AUTO(paths_clear) struct paths paths = {0};
	const struct out *o = &ctx->opts.out;
	size_t n, hold = 0;
	int r = policies_good(ctx, ctx->argc, ctx->argv, &paths, &p, err);

	if (r < 0)
		return r;
	n = nsnet_policies_expects(p);
	for (size_t i = 0; i < n; i++) {
		struct nsnet_expect e;

		r = nsnet_policies_ask(p, i, &e, err);
		if (r < 0)
			return r;
		hold += e.holds ? 1 : 0;
		if (out_is_document(o) && json_array_append_new(items, view_expect_json(&e)) < 0)
			return nsn_err_nomem(err);
		if (!out_is_document(o) && (!e.holds || o->verbose))
			view_expect_text(o, &e);
	}
	if (out_is_document(o))
		r = out_document(
			o, "PolicyTest",
			json_pack("{s:I, s:I}", "hold", (json_int_t)hold, "total", (json_int_t)n),
			json_incref(items), err);
	else if (!o->quiet)
		fprintf(o->to, "%zu of %zu hold\n", hold, n);
	if (r == 0 && n == 0)
		out_note(o, "the files expect nothing: write expect:");
	return r < 0 ? r : hold < n;
}

/* ---- list and show ------------------------------------------------------------------ */

struct rows {
	struct nsnet_policy *at;
	size_t n;
};

static void rows_clear(struct rows *rows)
{
	free(rows->at);
}

/* @within: only those that end in that many seconds, or have; 0: all. */
static int rows_get(struct rows *ret, const struct nsnet_policies *p, uint64_t within,
		    struct nsnet_err *err)
{
	ret->at = calloc(nsnet_policies_count(p) + 1, sizeof(*ret->at));
	if (!ret->at)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < nsnet_policies_count(p); i++) {
		nsnet_policies_get(p, i, &ret->at[ret->n]);
		if (rule_ends_within(ret->at[ret->n].expires, within))
			ret->n++;
	}
	return 0;
}

static const void *row_at(const void *data, size_t i)
{
	return &((const struct rows *)data)->at[i];
}

static void row_name(FILE *to, const void *item)
{
	out_safe(to, ((const struct nsnet_policy *)item)->name);
}

int cmd_policy_list(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "PolicyList",
		.columns = policy_columns,
		.at = row_at,
		.print_name = row_name,
		.json = view_policy_json,
	};
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	NSN_AUTO(paths_clear) struct paths paths = {0};
	NSN_AUTO(rows_clear) struct rows rows = {0};
	int r;

	if (ctx->argc == 0)
		return rules_list(ctx, err);
	r = policies_good(ctx, ctx->argc, ctx->argv, &paths, &p, err);
	if (r == 0)
		r = rows_get(&rows, p, ctx->opts.expiring_s, err);
	return r < 0 ? r : out_list(&ctx->opts.out, &list, &rows, rows.n, err);
}

static const struct nsnet_policy *find(const struct rows *rows, const char *name,
				       struct nsnet_err *err)
{
	struct near near = {0};

	for (size_t i = 0; i < rows->n; i++) {
		if (strcmp(rows->at[i].name, name) == 0)
			return &rows->at[i];
		near_try(&near, name, rows->at[i].name);
	}
	(void)nsn_err(err, -ENOENT, NSNET_E_NO_RULE, "there is no rule '%s' in the files", name);
	if (near.word)
		(void)nsn_err_hint(err, -ENOENT, "did you mean %s?", near.word);
	return NULL;
}

int cmd_policy_show(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_policies_freep) struct nsnet_policies *p = NULL;
	NSN_AUTO(paths_clear) struct paths paths = {0};
	NSN_AUTO(rows_clear) struct rows rows = {0};
	const struct nsnet_policy *policy;
	const struct out *o = &ctx->opts.out;
	int r;

	if (ctx->argc == 1)
		return rules_show(ctx, err);
	r = policies_good(ctx, ctx->argc - 1, ctx->argv + 1, &paths, &p, err);
	if (r == 0)
		r = rows_get(&rows, p, 0, err);
	if (r < 0)
		return r;
	policy = find(&rows, ctx->argv[0], err);
	if (!policy)
		return -ENOENT;
	switch (o->format) {
	case OUT_JSON:
	case OUT_YAML:
		return out_document(o, "Policy", NULL, json_pack("[o]", view_policy_json(policy)),
				    err);
	case OUT_NAME:
		row_name(o->to, policy);
		fputc('\n', o->to);
		return 0;
	case OUT_TABLE:
	case OUT_WIDE:
	case OUT_CSV:
	case OUT_MARKDOWN:
	case OUT_DOT:
	case OUT_MERMAID:
		break;
	}
	view_policy_text(o, policy);
	return 0;
}

/* ---- the language ------------------------------------------------------------------- */

int cmd_policy_schema(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *doc = NULL;
	NSN_AUTO(nsn_freep) char *text = NULL;
	const struct out *o = &ctx->opts.out;
	int r = nsnet_policy_schema(&text, err);

	if (r < 0)
		return r;
	if (o->format != OUT_YAML) {
		fputs(text, o->to);
		return 0;
	}
	doc = json_loads(text, 0, NULL);
	return !doc || out_dump(o, o->to, doc) < 0 ? nsn_err_nomem(err) : 0;
}

int cmd_policy_manual(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	const struct out *o = &ctx->opts.out;
	int r = nsnet_policy_manual(&text, err);

	if (r < 0)
		return r;
	if (out_is_document(o))
		return out_document(o, "Help", NULL, json_pack("[{s:s}]", "text", text), err);
	fputs(text, o->to);
	return 0;
}
