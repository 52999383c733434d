/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy list and show without files: the rules that are stored */
#include <string.h>
#include <time.h>

#include "cmd.h"
#include "near.h"
#include "view_rule.h"

const struct opt policy_list_options[] = {
	{"expiring", 0, "TIME", "only those that end in this time, or have ended: 14d", 0,
	 offsetof(struct opts, expiring_s), opt_set_span},
	{0},
};

struct rows {
	struct nsnet_rule *at;
	size_t n;
};

static void rows_clear(struct rows *rows)
{
	free(rows->at);
}

bool rule_ends_within(int64_t expires, uint64_t within)
{
	return within == 0 || (expires && expires <= (int64_t)time(NULL) + (int64_t)within);
}

static int rows_get(struct rows *ret, const struct nsnet_rules *rules, uint64_t within,
		    struct nsnet_err *err)
{
	ret->at = calloc(nsnet_rules_count(rules) + 1, sizeof(*ret->at));
	if (!ret->at)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < nsnet_rules_count(rules); i++) {
		nsnet_rules_get(rules, i, &ret->at[ret->n]);
		if (rule_ends_within(ret->at[ret->n].expires, within))
			ret->n++;
	}
	return 0;
}

/* The state folder is opened here: with files there need be none. */
static int read_rules(struct ctx *ctx, struct nsnet_rules **ret, struct nsnet_err *err)
{
	/* Names alone need no look into the kernel. */
	unsigned int flags = ctx->opts.out.format == OUT_NAME ? 0 : NSNET_OBSERVE;
	int r = cmd_open(ctx, err);

	return r < 0 ? r : CMD_WAIT(ctx, nsnet_rule_list(ctx->n, flags, ret, err));
}

/* ---- list ---------------------------------------------------------------- */

static const void *row_at(const void *data, size_t i)
{
	return &((const struct rows *)data)->at[i];
}

static void row_name(FILE *to, const void *item)
{
	out_safe(to, ((const struct nsnet_rule *)item)->name);
}

int rules_list(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "RuleList",
		.columns = rule_columns,
		.at = row_at,
		.print_name = row_name,
		.json = view_rule_json,
	};
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	NSN_AUTO(rows_clear) struct rows rows = {0};
	int r = read_rules(ctx, &rules, err);

	if (r == 0)
		r = rows_get(&rows, rules, ctx->opts.expiring_s, err);
	return r < 0 ? r : out_list(&ctx->opts.out, &list, &rows, rows.n, err);
}

/* ---- show ---------------------------------------------------------------- */

static const struct nsnet_rule *find(const struct rows *rows, const char *name,
				     struct nsnet_err *err)
{
	struct near near = {0};

	for (size_t i = 0; i < rows->n; i++) {
		if (strcmp(rows->at[i].name, name) == 0)
			return &rows->at[i];
		near_try(&near, name, rows->at[i].name);
	}
	(void)nsn_err(err, -ENOENT, NSNET_E_NO_RULE, "there is no rule '%s'", name);
	if (near.word)
		(void)nsn_err_hint(err, -ENOENT, "did you mean %s?", near.word);
	else
		(void)nsn_err_hint(err, -ENOENT, "nsnet policy list");
	return NULL;
}

int rules_show(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	NSN_AUTO(rows_clear) struct rows rows = {0};
	const struct out *o = &ctx->opts.out;
	const struct nsnet_rule *rule;
	int r = read_rules(ctx, &rules, err);

	if (r == 0)
		r = rows_get(&rows, rules, 0, err);
	if (r < 0)
		return r;
	rule = find(&rows, ctx->argv[0], err);
	if (!rule)
		return -ENOENT;
	switch (o->format) {
	case OUT_JSON:
	case OUT_YAML:
		return out_document(o, "Rule", NULL, json_pack("[o]", view_rule_json(rule)), err);
	case OUT_NAME:
		row_name(o->to, rule);
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
	view_rule_text(o, rule);
	return 0;
}
