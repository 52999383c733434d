/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain, who-can, graph: what the kernel's state does to a packet, and who is joined to whom */
#include "../lib/base/cleanup.h"
#include "given.h"
#include "trace.h"
#include "view_proof.h"

NSN_CLEANUP(const struct nsnet_explained, nsnet_explained_free)
NSN_CLEANUP(const struct nsnet_traced, nsnet_traced_free)
NSN_CLEANUP(const struct nsnet_openers, nsnet_openers_free)
NSN_CLEANUP(const struct nsnet_graph, nsnet_graph_free)

const struct opt explain_options[] = {
	{"ipv6", '6', NULL, "between their IPv6 addresses", 0, offsetof(struct opts, ipv6),
	 opt_set_true},
	{"probe", 0, NULL, "send that packet, too, and compare", 0, offsetof(struct opts, probe),
	 opt_set_true},
	GIVEN_OPTION,
	{0},
};

const struct opt who_can_options[] = {GIVEN_OPTION, {0}};
const struct opt graph_options[] = {GIVEN_OPTION, {0}};

int check_explain(const struct ctx *ctx, struct nsnet_err *err)
{
	if (!ctx->opts.probe || !ctx->opts.snapshot)
		return 0;
	return nsn_err(err, -EINVAL, NSNET_E_USAGE,
		       "--probe sends a packet now, --snapshot is about another time");
}

/* The question was why; with -q it is whether. */
static int explained_status(const struct ctx *ctx, const struct nsnet_explained *e)
{
	if (e->certainty != NSNET_PROVED)
		return given_status(NSNET_INCONCLUSIVE);
	return ctx->opts.out.quiet && !e->allowed;
}

static int explain_probe(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *t = NULL;
	const struct out *o = &ctx->opts.out;
	int r = trace_send(ctx, &t, err);

	if (r < 0 || !t)
		return r;
	if (out_is_document(o)) {
		r = view_probe_document(o, t, err);
	} else {
		view_explained_text(o, t->explained);
		view_probe_text(o, t);
	}
	if (r < 0)
		return r;
	r = trace_status(t);
	return r ? r : explained_status(ctx, t->explained);
}

int cmd_explain(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_explained_freep) const struct nsnet_explained *e = NULL;
	NSN_AUTO(given_clear) struct given g = {0};
	const struct out *o = &ctx->opts.out;
	int r;

	if (ctx->opts.probe)
		return explain_probe(ctx, err);
	r = given_open(ctx, &g, err);
	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_explain(ctx->n, &g.how, ctx->argv[0], ctx->argv[1],
						ctx->argc > 2 ? ctx->argv[2] : NULL, ctx->opts.ipv6,
						&e, err));
	if (r < 0 || !e)
		return r;
	if (out_is_document(o))
		r = view_explained_document(o, e, err);
	else
		view_explained_text(o, e);
	return r < 0 ? r : explained_status(ctx, e);
}

/* ---- who-can --------------------------------------------------------------------- */

static const void *opener_at(const void *data, size_t i)
{
	return &((const struct nsnet_openers *)data)->list[i];
}

/* `-o name` */
static void opener_name(FILE *to, const void *item)
{
	out_safe(to, ((const struct nsnet_opener *)item)->from);
}

int cmd_who_can(struct ctx *ctx, struct nsnet_err *err)
{
	static const struct out_list list = {
		.kind = "Openers",
		.columns = opener_columns,
		.at = opener_at,
		.print_name = opener_name,
		.json = view_opener_json,
	};
	NSN_AUTO(nsnet_openers_freep) const struct nsnet_openers *all = NULL;
	NSN_AUTO(given_clear) struct given g = {0};
	const struct out *o = &ctx->opts.out;
	int r = given_open(ctx, &g, err);

	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_who_can(ctx->n, &g.how, ctx->argv[0],
						ctx->argc > 1 ? ctx->argv[1] : NULL, &all, err));
	if (r < 0 || !all)
		return r;
	if (out_is_document(o))
		r = view_openers_document(o, all, err);
	else if (all->n > 0 || o->format == OUT_CSV)
		r = out_list(o, &list, all, all->n, err);
	if (r == 0 && (o->format == OUT_TABLE || o->format == OUT_WIDE) && !o->quiet && !o->columns)
		view_openers_sum(o, all);
	return r < 0 ? r : given_status(all->certainty);
}

/* ---- graph ----------------------------------------------------------------------- */

int cmd_graph(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_graph_freep) const struct nsnet_graph *graph = NULL;
	NSN_AUTO(given_clear) struct given g = {0};
	int r = given_open(ctx, &g, err);

	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_graph(ctx->n, &g.how, &graph, err));
	return r < 0 ? r : view_graph(&ctx->opts.out, graph, err);
}
