/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tenant del, endpoint del: all are looked for, asked about, then deleted one by one */
#include <string.h>

#include "cmd.h"
#include "ref.h"
#include "view.h"
#include "work.h"

const struct opt tenant_del_options[] = {
	{"all", 0, NULL, "every tenant there is; asks even for one", 0, offsetof(struct opts, all),
	 opt_set_true},
	{"with-rules", 0, NULL, "also the rules that name it, which keep it else", 0,
	 offsetof(struct opts, with_rules), opt_set_true},
	{"if-exists", 0, NULL, "a tenant that does not exist is no error", 0,
	 offsetof(struct opts, if_exists), opt_set_true},
	{0},
};

const struct opt endpoint_del_options[] = {
	{"if-exists", 0, NULL, "an endpoint or tenant that does not exist is no error", 0,
	 offsetof(struct opts, if_exists), opt_set_true},
	{0},
};

/* What is to be deleted. A target without tenant is none (any more). */
struct targets {
	struct ref *refs;
	size_t n;
};

static void targets_clear(struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		ref_clear(&t->refs[i]);
	free(t->refs);
}

static const char *kind(const struct ctx *ctx, bool many)
{
	bool endpoint = strcmp(ctx->cmd->noun, "endpoint") == 0;

	if (many)
		return endpoint ? "endpoints" : "tenants";
	return endpoint ? "endpoint" : "tenant";
}

/* Whether it is there no longer, or never was. */
static bool is_absent(const struct nsnet_err *err)
{
	return err->id == NSNET_E_NO_TENANT || err->id == NSNET_E_NO_ENDPOINT;
}

/* ---- which --------------------------------------------------------------- */

/* Each once: `del a a` means a. */
static int from_words(struct ctx *ctx, struct targets *t, struct nsnet_err *err)
{
	enum ref_kind shape = strcmp(ctx->cmd->noun, "endpoint") == 0 ? REF_ENDPOINT : REF_TENANT;

	t->refs = calloc((size_t)ctx->argc, sizeof(*t->refs));
	if (!t->refs)
		return nsn_err_nomem(err);
	for (int i = 0; i < ctx->argc; i++) {
		bool known = false;
		int r;

		for (size_t k = 0; k < t->n && !known; k++)
			known = strcmp(t->refs[k].word, ctx->argv[i]) == 0;
		if (known)
			continue;
		r = ref_parse(&t->refs[t->n], ctx->argv[i], shape, err);
		if (r < 0)
			return r;
		t->n++;
	}
	return 0;
}

static int every_tenant(struct ctx *ctx, struct targets *t, struct nsnet_tenants **list,
			struct nsnet_err *err)
{
	size_t n;
	int r = CMD_WAIT(ctx, nsnet_tenant_list(ctx->n, 0, list, err));

	if (r < 0)
		return r;
	n = nsnet_tenants_count(*list);
	t->refs = calloc(n + 1, sizeof(*t->refs));
	if (!t->refs)
		return nsn_err_nomem(err);
	for (; t->n < n; t->n++) {
		const char *name = nsnet_tenant_name(nsnet_tenants_at(*list, t->n));

		r = ref_parse(&t->refs[t->n], name, REF_TENANT, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int look_for(struct ctx *ctx, const struct ref *ref, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	size_t i;
	int r = CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, ref->tenant, 0, &t, err));

	return r < 0 || !ref->endpoint ? r : nsnet_endpoint_find(t, ref->endpoint, &i, err);
}

/*
 * All are looked for before the first is deleted. Under --if-exists those that
 * are not there are reported, and are targets no longer.
 */
static int find_all(struct ctx *ctx, struct targets *t, size_t *found, struct report *report,
		    struct nsnet_err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		struct nsnet_err why = {0};
		int r = look_for(ctx, &t->refs[i], &why);

		if (r == 0) {
			(*found)++;
			continue;
		}
		if (!is_absent(&why) || !ctx->opts.if_exists) {
			*err = why;
			return r;
		}
		r = report_unchanged(report, t->refs[i].tenant, t->refs[i].endpoint,
				     "it does not exist", err);
		if (r < 0)
			return r;
		ref_clear(&t->refs[i]);
	}
	return 0;
}

/* ---- really? ------------------------------------------------------------- */

/* The names, each behind a space. NULL: no memory. */
static char *words_of(const struct targets *t)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (size_t i = 0; i < t->n; i++) {
		if (t->refs[i].tenant) {
			fputc(' ', f);
			out_safe(f, t->refs[i].word);
		}
	}
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static bool answered_yes(struct ctx *ctx, const char *count, const char *words)
{
	NSN_AUTO(nsn_freep) char *line = NULL;
	FILE *msgs = ctx->opts.out.msgs;
	size_t size = 0;

	fprintf(msgs, "delete %s:%s? [y/N] ", count, words);
	(void)fflush(msgs);
	if (getline(&line, &size, ctx->in) < 0)
		return false;
	return strcmp(line, "y\n") == 0 || strcmp(line, "yes\n") == 0;
}

static int confirm(struct ctx *ctx, const struct targets *t, size_t found, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *words = NULL;
	char count[CHANGE_COUNT_SIZE];

	if (found < (ctx->opts.all ? 1 : 2) || ctx->opts.yes || ctx->opts.dry_run)
		return 0;
	(void)change_count(found, kind(ctx, false), kind(ctx, true), count);
	words = words_of(t);
	if (!words)
		return nsn_err_nomem(err);
	if (isatty(fileno(ctx->in)) && isatty(fileno(ctx->opts.out.msgs))) {
		if (answered_yes(ctx, count, words))
			return 0;
		return nsn_err(err, -ECANCELED, NSNET_E_NEEDS_YES, "nothing was deleted");
	}
	(void)nsn_err(err, -ECANCELED, NSNET_E_NEEDS_YES,
		      "%s would be deleted, and there is no terminal to ask on", count);
	return nsn_err_hint(err, -ECANCELED, "nsnet %s del -y%s", ctx->cmd->noun,
			    ctx->opts.all ? " --all" : words);
}

/* ---- deleting ------------------------------------------------------------ */

static const char *target_name(const void *data, size_t i)
{
	const struct targets *t = data;

	return t->refs[i].tenant ? t->refs[i].word : NULL;
}

static int del_one(struct ctx *ctx, struct report *report, void *data, size_t i,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	const struct ref *ref = &((const struct targets *)data)->refs[i];
	unsigned int flags = (ctx->opts.dry_run ? NSNET_DRY_RUN : 0) |
			     (ctx->opts.with_rules ? NSNET_WITH_RULES : 0) |
			     (((const struct targets *)data)->n > 1 ? NSNET_ONE_OF_MANY : 0);
	struct nsnet_err why = {0};
	int r;

	if (ref->endpoint)
		r = CMD_WAIT(ctx, nsnet_endpoint_del(ctx->n, ref->tenant, ref->endpoint, flags, &c,
						     &why));
	else
		r = CMD_WAIT(ctx, nsnet_tenant_del(ctx->n, ref->tenant, flags, &c, &why));
	if (r < 0 && is_absent(&why) && ctx->opts.if_exists)
		return report_unchanged(report, ref->tenant, ref->endpoint, "it does not exist",
					err);
	if (r < 0) {
		*err = why;
		return r;
	}
	for (size_t item = 0; r == 0 && item < nsnet_change_items(c); item++)
		r = report_add(report, c, item, NULL, err);
	return r;
}

static int del_all(struct ctx *ctx, struct targets *t, struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	const struct work work = {
		.what = kind(ctx, true),
		.total = t->n,
		.data = t,
		.name = target_name,
		.one = del_one,
	};
	size_t found = t->n;
	int r = report_init(&report, &ctx->opts.out, "Change", ctx->opts.dry_run, err);

	if (r == 0 && t->n > 1 && !ctx->opts.all) {
		found = 0;
		r = find_all(ctx, t, &found, &report, err);
	}
	if (r == 0)
		r = confirm(ctx, t, found, err);
	return r < 0 ? r : work_run(ctx, &report, &work, err);
}

int check_tenant_del(const struct ctx *ctx, struct nsnet_err *err)
{
	if (!ctx->opts.all == (ctx->argc > 0))
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "%s",
		      ctx->opts.all ? "'tenant del' takes names or --all, not both"
				    : "'tenant del' needs NAME...: NAME is missing");
	return nsn_err_hint(err, -EINVAL, "nsnet tenant del customer1");
}

int cmd_del(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(targets_clear) struct targets targets = {0};
	/* The words of the targets are parts of it. */
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *list = NULL;
	const struct out *o = &ctx->opts.out;
	int r;

	if (ctx->opts.all)
		r = every_tenant(ctx, &targets, &list, err);
	else
		r = from_words(ctx, &targets, err);
	if (r < 0)
		return r;
	if (targets.n == 0 && !o->quiet && !out_is_document(o) && o->format != OUT_NAME)
		fputs("nothing to delete: there are no tenants\n", o->to);
	return del_all(ctx, &targets, err);
}
