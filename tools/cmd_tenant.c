/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tenant list, show, set; `tenant add` is in cmd_add.c, `tenant del` in cmd_del.c */
#include <string.h>

#include "change.h"
#include "cmd.h"
#include "view.h"
#include "view_quarantine.h"
#include "view_rule.h"

/* ---- list ---------------------------------------------------------------- */

struct rows {
	struct view_tenant *at;
};

static void rows_clear(struct rows *rows)
{
	free(rows->at);
}

static int rows_get(struct rows *ret, const struct nsnet_tenants *tenants,
		    const struct nsnet_rules *rules, const struct nsnet_quarantines *quarantines,
		    struct nsnet_err *err)
{
	size_t n = nsnet_tenants_count(tenants);

	ret->at = calloc(n + 1, sizeof(*ret->at));
	if (!ret->at)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < n; i++)
		ret->at[i] = (struct view_tenant){nsnet_tenants_at(tenants, i), rules, quarantines};
	return 0;
}

static const void *tenant_at(const void *data, size_t i)
{
	return &((const struct rows *)data)->at[i];
}

static void tenant_name(FILE *to, const void *item)
{
	out_safe(to, nsnet_tenant_name(((const struct view_tenant *)item)->t));
}

const struct opt tenant_list_options[] = {
	{"check", 0, NULL, "look at everything in the kernel, and count", 0,
	 offsetof(struct opts, check), opt_set_true},
	{0},
};

int cmd_tenant_list(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "TenantList",
		.columns = tenant_columns,
		.at = tenant_at,
		.print_name = tenant_name,
		.json = view_tenant_json,
	};
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *tenants = NULL;
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	NSN_AUTO(nsnet_quarantines_freep) struct nsnet_quarantines *quarantines = NULL;
	NSN_AUTO(rows_clear) struct rows rows = {0};
	/* Names alone need no look into the kernel, and no rules. */
	bool names = ctx->opts.out.format == OUT_NAME;
	unsigned int flags = names ? 0 : ctx->opts.check ? NSNET_OBSERVE : NSNET_PRESENCE;
	int r = CMD_WAIT(ctx, nsnet_tenant_list(ctx->n, flags, &tenants, err));

	if (r == 0 && !names)
		r = CMD_WAIT(ctx, nsnet_rule_list(ctx->n, 0, &rules, err));
	if (r == 0 && !names)
		r = CMD_WAIT(ctx, nsnet_quarantine_list(ctx->n, &quarantines, err));
	if (r == 0)
		r = rows_get(&rows, tenants, rules, quarantines, err);
	if (r < 0)
		return r;
	return out_list(&ctx->opts.out, &list, &rows, nsnet_tenants_count(tenants), err);
}

/* ---- show ---------------------------------------------------------------- */

int cmd_tenant_show(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	NSN_AUTO(nsnet_quarantines_freep) struct nsnet_quarantines *quarantines = NULL;
	const struct out *o = &ctx->opts.out;
	struct view_tenant view;
	int r = CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, ctx->argv[0], NSNET_OBSERVE, &t, err));

	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_rule_list(ctx->n, 0, &rules, err));
	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_quarantine_list(ctx->n, &quarantines, err));
	if (r < 0)
		return r;
	view = (struct view_tenant){t, rules, quarantines};
	switch (o->format) {
	case OUT_JSON:
	case OUT_YAML:
		return out_document(o, "Tenant", NULL,
				    json_pack("[o]", view_tenant_one_json(&view)), err);
	case OUT_NAME:
		fprintf(o->to, "%s\n", nsnet_tenant_name(t));
		return 0;
	case OUT_TABLE:
	case OUT_WIDE:
	case OUT_CSV:
	case OUT_MARKDOWN:
	case OUT_DOT:
	case OUT_MERMAID:
		break;
	}
	return view_tenant_text(o, &view, err);
}

/* ---- set ----------------------------------------------------------------- */

/* KEY=VALUE words; the values are parts of the words. */
static int split_settings(char **words, size_t n, struct nsnet_setting *settings,
			  struct nsnet_err *err)
{
	for (size_t i = 0; i < n; i++) {
		char *equals = strchr(words[i], '=');

		if (!equals || equals == words[i]) {
			(void)nsn_err(err, -EINVAL, NSNET_E_BAD_SETTING, "'%s' is not KEY=VALUE",
				      words[i]);
			return nsn_err_hint(err, -EINVAL,
					    "nsnet tenant set NAME mtu=1400, or: nsnet help tenant "
					    "set");
		}
		*equals = '\0';
		settings[i] = (struct nsnet_setting){.key = words[i], .value = equals + 1};
	}
	return 0;
}

/* An `auto` that was given is told as what it became. */
static const char *now(const struct nsnet_tenant *t, const struct nsnet_setting *s)
{
	if (t && strcmp(s->key, "subnet") == 0)
		return nsnet_tenant_subnet(t);
	if (t && strcmp(s->key, "subnet6") == 0 && *nsnet_tenant_subnet6(t))
		return nsnet_tenant_subnet6(t);
	return s->value;
}

/* ": mtu 1400, label env=prod" */
static char *describe(struct ctx *ctx, const struct nsnet_setting *settings, size_t n)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	char *text = NULL;
	size_t size;
	FILE *f;

	/* Not worth a failure: it is done. */
	if (!ctx->opts.dry_run)
		(void)CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, ctx->argv[0], 0, &t, NULL));
	f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s %s %s", i ? "," : ":", settings[i].key, now(t, &settings[i]));
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

int cmd_tenant_set(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_freep) struct nsnet_setting *settings = NULL;
	NSN_AUTO(nsn_freep) char *tail = NULL;
	size_t n = (size_t)ctx->argc - 1;
	int r;

	settings = calloc(n, sizeof(*settings));
	if (!settings)
		return nsn_err_nomem(err);
	r = split_settings(ctx->argv + 1, n, settings, err);
	if (r == 0)
		r = report_init(&report, &ctx->opts.out, "Change", ctx->opts.dry_run, err);
	if (r < 0)
		return r;
	interrupt_defer();
	r = CMD_WAIT(ctx, nsnet_tenant_set(ctx->n, ctx->argv[0], settings, n,
					   ctx->opts.dry_run ? NSNET_DRY_RUN : 0, &c, err));
	if (r < 0)
		return r;

	tail = describe(ctx, settings, n);
	for (size_t i = 0; i < nsnet_change_items(c); i++) {
		r = report_add(&report, c, i, tail, err);
		if (r < 0)
			return r;
	}
	return report_end(&report, NULL, err);
}
