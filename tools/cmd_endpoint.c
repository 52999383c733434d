/* SPDX-License-Identifier: GPL-2.0-or-later */
/* endpoint add, list, show; `endpoint del` is in cmd_del.c */
#include <string.h>

#include "change.h"
#include "cmd.h"
#include "ref.h"
#include "view.h"
#include "view_quarantine.h"

const struct opt endpoint_add_options[] = {
	{"ip", 0, "ADDRESS", "this address, and none that moves with the subnet", 0,
	 offsetof(struct opts, ip), opt_set_text, "auto"},
	{"ip6", 0, "ADDRESS", "the same for IPv6", 0, offsetof(struct opts, ip6), opt_set_text,
	 "auto"},
	{"rate", 0, "RATE", "each way: 10mbit", 0, offsetof(struct opts, rate), opt_set_text},
	{"must-create", 0, NULL, "an identical endpoint is an error, too", 0,
	 offsetof(struct opts, must_create), opt_set_true},
	{0},
};

/* ---- add ----------------------------------------------------------------- */

/* ": 10.10.1.10, /run/netns/customer1.db" */
static char *describe(struct ctx *ctx, const struct ref *ref)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	const char *address6;
	char *text;
	size_t i;

	/* Not worth a failure: the endpoint is there. */
	if (CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, ref->tenant, 0, &t, NULL)) < 0 ||
	    nsnet_endpoint_find(t, ref->endpoint, &i, NULL) < 0)
		return NULL;
	address6 = nsnet_endpoint_address6(t, i);
	if (asprintf(&text, ": %s,%s%s%s %s", nsnet_endpoint_address(t, i), *address6 ? " " : "",
		     address6, *address6 ? "," : "", nsnet_endpoint_netns(t, i)) < 0)
		return NULL;
	return text;
}

/* One that is not made yet cannot be asked for its address. */
static char *describe_dry(const struct opts *o)
{
	char *text;

	return asprintf(&text, ": %s", o->ip ? o->ip : "auto") < 0 ? NULL : text;
}

int cmd_endpoint_add(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	NSN_AUTO(nsn_freep) char *tail = NULL;
	NSN_AUTO(ref_clear) struct ref ref = {0};
	const struct opts *o = &ctx->opts;
	struct nsnet_endpoint_def def = {.ip = o->ip, .ip6 = o->ip6, .rate = o->rate};
	unsigned int flags = 0;
	int r = ref_parse(&ref, ctx->argv[0], REF_NEW, err);

	if (r == 0)
		r = report_init(&report, &o->out, "Change", o->dry_run, err);
	if (r < 0)
		return r;
	def.name = ref.endpoint;
	if (o->dry_run)
		flags |= NSNET_DRY_RUN;
	if (o->must_create)
		flags |= NSNET_MUST_CREATE;
	interrupt_defer();
	r = CMD_WAIT(ctx, nsnet_endpoint_add(ctx->n, ref.tenant, &def, flags, &c, err));
	if (r < 0)
		return r;

	if (!o->out.quiet && !out_is_document(&o->out))
		tail = o->dry_run ? describe_dry(o) : describe(ctx, &ref);
	for (size_t i = 0; i < nsnet_change_items(c); i++) {
		r = report_add(&report, c, i, tail, err);
		if (r < 0)
			return r;
	}
	return report_end(&report, NULL, err);
}

/* ---- list ---------------------------------------------------------------- */

/* The endpoints of many tenants in a row. */
struct rows {
	struct view_endpoint *at;
	size_t n;
	struct nsnet_quarantines *quarantines;
};

static void rows_clear(struct rows *rows)
{
	free(rows->at);
	nsnet_quarantines_free(rows->quarantines);
}

static int rows_add(struct rows *rows, const struct nsnet_tenant *t, struct nsnet_err *err)
{
	size_t n = nsnet_tenant_endpoints(t);
	struct view_endpoint *grown = reallocarray(rows->at, rows->n + n + 1, sizeof(*grown));

	if (!grown)
		return nsn_err_nomem(err);
	rows->at = grown;
	for (size_t i = 0; i < n; i++)
		rows->at[rows->n++] = (struct view_endpoint){t, i, rows->quarantines};
	return 0;
}

static const void *row_at(const void *data, size_t i)
{
	return &((const struct rows *)data)->at[i];
}

static void row_name(FILE *to, const void *item)
{
	const struct view_endpoint *e = item;

	out_safe(to, nsnet_tenant_name(e->t));
	fputc('/', to);
	out_safe(to, nsnet_endpoint_name(e->t, e->i));
}

int cmd_endpoint_list(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "EndpointList",
		.columns = endpoint_columns,
		.at = row_at,
		.print_name = row_name,
		.json = view_endpoint_json,
	};
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *all = NULL;
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *one = NULL;
	NSN_AUTO(rows_clear) struct rows rows = {0};
	/* Names alone need no look into the kernel. */
	unsigned int flags = ctx->opts.out.format == OUT_NAME ? 0 : NSNET_OBSERVE;
	int r = 0;

	if (flags)
		r = CMD_WAIT(ctx, nsnet_quarantine_list(ctx->n, &rows.quarantines, err));
	if (r < 0)
		return r;
	if (ctx->argc > 0) {
		r = CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, ctx->argv[0], flags, &one, err));
		if (r == 0)
			r = rows_add(&rows, one, err);
	} else {
		r = CMD_WAIT(ctx, nsnet_tenant_list(ctx->n, flags, &all, err));
		for (size_t i = 0; r == 0 && i < nsnet_tenants_count(all); i++)
			r = rows_add(&rows, nsnet_tenants_at(all, i), err);
	}
	return r < 0 ? r : out_list(&ctx->opts.out, &list, &rows, rows.n, err);
}

/* ---- show ---------------------------------------------------------------- */

int cmd_endpoint_show(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenant_freep) struct nsnet_tenant *t = NULL;
	NSN_AUTO(nsnet_quarantines_freep) struct nsnet_quarantines *quarantines = NULL;
	NSN_AUTO(ref_clear) struct ref ref = {0};
	const struct out *o = &ctx->opts.out;
	struct view_endpoint e = {0};
	int r = ref_parse(&ref, ctx->argv[0], REF_ENDPOINT, err);

	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_tenant_get(ctx->n, ref.tenant, NSNET_OBSERVE, &t, err));
	if (r == 0)
		r = nsnet_endpoint_find(t, ref.endpoint, &e.i, err);
	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_quarantine_list(ctx->n, &quarantines, err));
	if (r < 0)
		return r;
	e.t = t;
	e.quarantines = quarantines;
	switch (o->format) {
	case OUT_JSON:
	case OUT_YAML:
		return out_document(o, "Endpoint", NULL, json_pack("[o]", view_endpoint_json(&e)),
				    err);
	case OUT_NAME:
		row_name(o->to, &e);
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
	view_endpoint_text(o, &e);
	return 0;
}
