/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan, repair, gc, status: wanted against observed, by hand */
#include <inttypes.h>
#include <string.h>

#include "change.h"
#include "cmd.h"
#include "view.h"
#include "work.h"

static void nothing_to_do(FILE *to, size_t tenants)
{
	if (tenants == 0)
		fputs("nothing to do: there are no tenants\n", to);
	else
		fprintf(to, "nothing to do: %zu %s with the kernel\n", tenants,
			tenants == 1 ? "tenant agrees" : "tenants agree");
}

/* ---- plan ---------------------------------------------------------------- */

struct tally {
	size_t add, change, remove;
};

static struct tally count_steps(const struct nsnet_change *c)
{
	struct tally tally = {0};

	for (size_t item = 0; item < nsnet_change_items(c); item++) {
		for (size_t i = 0; i < nsnet_change_steps(c, item); i++) {
			struct nsnet_step s = {0};

			nsnet_change_step(c, item, i, &s);
			if (s.op[0] == '+')
				tally.add++;
			else if (s.op[0] == '-')
				tally.remove++;
			else
				tally.change++;
		}
	}
	return tally;
}

static void plan_names(const struct out *o, const struct nsnet_change *c)
{
	for (size_t i = 0; i < nsnet_change_items(c); i++) {
		if (nsnet_change_steps(c, i) > 0) {
			change_print_name(o->to, c, i);
			fputc('\n', o->to);
		}
	}
}

static void plan_text(const struct out *o, const struct nsnet_change *c, const struct tally *tally)
{
	size_t tenants = 0;

	for (size_t i = 0; i < nsnet_change_items(c); i++) {
		tenants += !change_is_host(nsnet_change_tenant(c, i));
		if (nsnet_change_steps(c, i) > 0) {
			change_print_name(o->to, c, i);
			fputc('\n', o->to);
			change_print_steps(o, c, i);
		}
		change_print_notes(o, c, i);
	}
	if (tally->add + tally->change + tally->remove == 0)
		nothing_to_do(o->to, tenants);
	else
		fprintf(o->to, "plan: %zu to add, %zu to change, %zu to remove\n", tally->add,
			tally->change, tally->remove);
}

static int plan_json(const struct out *o, const struct nsnet_change *c, const struct tally *tally,
		     struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	int r = report_init(&report, o, "Plan", true, err);

	for (size_t i = 0; r == 0 && i < nsnet_change_items(c); i++)
		r = report_item(&report, c, i, err);
	if (r < 0)
		return r;
	return report_end(&report,
			  json_pack("{s:I, s:I, s:I}", "add", (json_int_t)tally->add, "change",
				    (json_int_t)tally->change, "remove", (json_int_t)tally->remove),
			  err);
}

int plan_stored(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	const struct out *o = &ctx->opts.out;
	struct tally tally;
	int r = CMD_WAIT(ctx, nsnet_repair(ctx->n, ctx->argv[0], NSNET_DRY_RUN, &c, err));

	if (r < 0)
		return r;
	tally = count_steps(c);
	switch (o->format) {
	case OUT_JSON:
	case OUT_YAML:
		r = plan_json(o, c, &tally, err);
		if (r < 0)
			return r;
		break;
	case OUT_NAME:
		plan_names(o, c);
		break;
	case OUT_TABLE:
	case OUT_WIDE:
	case OUT_CSV:
	case OUT_MARKDOWN:
	case OUT_DOT:
	case OUT_MERMAID:
		if (!o->quiet)
			plan_text(o, c, &tally);
		break;
	}
	if (ctx->opts.exit_code && tally.add + tally.change + tally.remove > 0)
		return PLAN_HAS_STEPS;
	return 0;
}

/* ---- repair -------------------------------------------------------------- */

NSN_CLEANUP(struct nsnet_repairs, nsnet_repairs_end)

struct repairs {
	struct nsnet_repairs *all;
	bool one; /* that was named */
};

static const char *repair_name(const void *data, size_t i)
{
	return nsnet_repairs_name(((const struct repairs *)data)->all, i);
}

static int repair_one(struct ctx *ctx, struct report *report, void *data, size_t i,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	const struct out *o = &ctx->opts.out;
	const struct repairs *what = data;
	int r = nsnet_repairs_do(what->all, i, &c, err);

	if (r < 0)
		return r;
	for (size_t item = 0; r == 0 && item < nsnet_change_items(c); item++) {
		/* Of a thousand tenants only those that needed something are of interest. */
		if (!what->one && !o->verbose && !out_is_document(o) &&
		    nsnet_change_outcome(c, item) == NSNET_UNCHANGED) {
			if (nsnet_change_notes(c, item) > 0)
				progress_hide(&report->progress);
			change_print_notes(o, c, item);
		} else {
			r = report_add(report, c, item, NULL, err);
		}
	}
	return r;
}

/* The host comes last, where it is one of them. */
static size_t with_host(const struct nsnet_repairs *all)
{
	const size_t n = nsnet_repairs_count(all);

	return n > 0 && change_is_host(nsnet_repairs_name(all, n - 1)) ? 1 : 0;
}

int cmd_repair(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	NSN_AUTO(nsnet_repairs_endp) struct nsnet_repairs *all = NULL;
	struct repairs what = {.one = ctx->argv[0]};
	struct work work = {
		.what = "tenants",
		.data = &what,
		.all = true,
		.name = repair_name,
		.one = repair_one,
	};
	const struct out *o = &ctx->opts.out;
	unsigned int flags = ctx->opts.dry_run ? NSNET_DRY_RUN : 0;
	int r = report_init(&report, o, "Change", ctx->opts.dry_run, err);

	/* Who is stopped before it has begun dies of it: nothing is done that would be told. */
	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_repairs_begin(&all, ctx->n, ctx->argv[0], flags, err));
	if (r < 0)
		return r;
	what.all = all;
	work.total = nsnet_repairs_count(all);
	r = work_run(ctx, &report, &work, err);
	if (r == 0 && !report.changed && !what.one && !o->quiet && !out_is_document(o) &&
	    o->format != OUT_NAME)
		nothing_to_do(o->to, work.total - with_host(all));
	return r;
}

/* ---- gc ------------------------------------------------------------------ */

static size_t gc_text(const struct out *o, const struct nsnet_change *c, bool dry_run)
{
	size_t n = 0;

	for (size_t item = 0; item < nsnet_change_items(c); item++) {
		for (size_t i = 0; i < nsnet_change_steps(c, item); i++, n++) {
			struct nsnet_step s = {0};

			nsnet_change_step(c, item, i, &s);
			if (o->quiet)
				continue;
			fprintf(o->to, "%s: ", dry_run ? "would remove" : "removed");
			out_safe(o->to, s.kind);
			fputs("  ", o->to);
			out_safe(o->to, s.where);
			fputs("  ", o->to);
			out_safe(o->to, s.text);
			fputc('\n', o->to);
		}
		change_print_notes(o, c, item);
	}
	return n;
}

int cmd_gc(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	NSN_AUTO(nsnet_change_freep) struct nsnet_change *c = NULL;
	const struct out *o = &ctx->opts.out;
	/* It shows what it would do until it is told to. */
	bool dry_run = ctx->opts.dry_run || !ctx->opts.yes;
	size_t n;
	int r = report_init(&report, o, "Change", dry_run, err);

	if (r < 0)
		return r;
	r = CMD_WAIT(ctx, nsnet_gc(ctx->n, dry_run ? NSNET_DRY_RUN : 0, &c, err));
	if (r < 0)
		return r;
	if (out_is_document(o)) {
		for (size_t i = 0; i < nsnet_change_items(c); i++) {
			r = report_item(&report, c, i, err);
			if (r < 0)
				return r;
		}
		return report_end(&report, NULL, err);
	}

	n = gc_text(o, c, dry_run);
	if (o->quiet)
		return 0;
	if (n == 0)
		fputs("nothing to remove\n", o->to);
	else if (dry_run)
		fputs("nothing removed; run again with -y\n", o->to);
	return 0;
}

/* ---- status -------------------------------------------------------------- */

static void status_text(FILE *to, const struct nsnet_status *s)
{
	fprintf(to,
		"tenants    %" PRIu64 ": %" PRIu64 " ok, %" PRIu64 " drifted, %" PRIu64 " absent\n",
		s->tenants, s->ok, s->drifted, s->absent);
	fprintf(to, "endpoints  %" PRIu64 "\n", s->endpoints);
	fputs("state      ", to);
	out_safe(to, s->state_dir);
	fprintf(to, " (schema %d)\nrun        ", s->schema);
	out_safe(to, s->run_dir);
	fprintf(to, "\nstore      %s (link group %" PRIu32 ")\n", s->store_id, s->group);
	fprintf(to, "boot       %s\n", s->boot_id);
}

static bool waits(const struct nsnet_unconfirmed *u)
{
	return u->nr > 0 && u->state == NSNET_WAITS;
}

static void waits_text(FILE *to, const struct nsnet_unconfirmed *u)
{
	if (!waits(u))
		return;
	fputs("waiting    ", to);
	if (u->left_ms > 0)
		fprintf(to, "a change is rolled back in %" PRIu64 " s", (u->left_ms + 999) / 1000);
	else
		fputs("a change was not confirmed in time: the next change rolls it back", to);
	fputs(" (nsnet confirm, nsnet rollback)\n", to);
}

static json_t *waits_json(const struct nsnet_unconfirmed *u)
{
	char since[OUT_TIME_SIZE];

	if (!waits(u))
		return json_null();
	return json_pack("{s:I, s:I, s:o, s:I}", "back_to", (json_int_t)u->back_to, "left_ms",
			 (json_int_t)u->left_ms, "since", out_json_text(out_time(u->at, since)),
			 "uid", (json_int_t)u->uid);
}

int cmd_status(struct ctx *ctx, struct nsnet_err *err)
{
	struct nsnet_status s = {0};
	struct nsnet_unconfirmed u = {0};
	int r = CMD_WAIT(ctx, nsnet_status(ctx->n, &s, err));

	if (r == 0)
		r = CMD_WAIT(ctx, nsnet_unconfirmed(ctx->n, &u, err));
	if (r < 0)
		return r;
	if (!out_is_document(&ctx->opts.out)) {
		status_text(ctx->opts.out.to, &s);
		waits_text(ctx->opts.out.to, &u);
		return 0;
	}
	return out_document(
		&ctx->opts.out, "Status", NULL,
		json_pack("[{s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:o, s:o, s:s, s:i, s:o}]",
			  "tenants", (json_int_t)s.tenants, "endpoints", (json_int_t)s.endpoints,
			  "ok", (json_int_t)s.ok, "drifted", (json_int_t)s.drifted, "absent",
			  (json_int_t)s.absent, "store_id", s.store_id, "group",
			  (json_int_t)s.group, "state_dir", out_json_text(s.state_dir), "run_dir",
			  out_json_text(s.run_dir), "boot_id", s.boot_id, "schema", s.schema,
			  "unconfirmed", waits_json(&u)),
		err);
}
