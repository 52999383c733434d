/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "work.h"

#include "stdfd.h"

struct run {
	struct ctx *ctx;
	const struct work *work;
	size_t done;
	bool *left; /* by place: not done */
	struct nsnet_err why;
	int failed;
};

/* Who waited for the lock when the signal came was told that he waited too long. */
static bool stopped_waiting(const struct nsnet_err *err)
{
	return interrupt_seen() && err->id == NSNET_E_TIMED_OUT;
}

/* As many as are done at a time, from @first on. Return: how many were tried. */
static size_t run_some(struct run *run, struct report *report, size_t first)
{
	const struct work *work = run->work;
	size_t n = 1, done = 0;
	struct nsnet_err err = {0};
	int r;

	if (work->at_a_time) {
		n = work->total - first < work->at_a_time ? work->total - first : work->at_a_time;
		r = work->some(run->ctx, report, work->data, first, n, &done, &err);
	} else {
		r = work->one(run->ctx, report, work->data, first, &err);
		done = r == 0;
	}
	run->done += done;
	/* Whatever happens to us next, these are done and are told. */
	if (done > 0)
		stdfd_flush(report->o->to);
	for (size_t i = 0; i < done; i++)
		progress_step(&report->progress);
	for (size_t i = done; i < n; i++)
		run->left[first + i] = true;
	/* The first reason is told, but a thread that is stranded goes nowhere. */
	if (r < 0 && !stopped_waiting(&err) && (!run->failed || err.id == NSNET_E_STRANDED)) {
		run->failed = r;
		run->why = err;
	}
	return n;
}

static bool over(const struct run *run)
{
	if (interrupt_seen() || (run->failed && !run->work->all))
		return true;
	return run->why.id == NSNET_E_STRANDED;
}

static size_t count_left(const struct run *run)
{
	size_t n = 0;

	for (size_t i = 0; i < run->work->total; i++)
		n += run->left[i];
	return n;
}

static void tell_left(const struct run *run, size_t left)
{
	const struct out *o = &run->ctx->opts.out;

	stdfd_flush(o->to);
	fprintf(o->msgs, "%s: %zu of %zu %s done", interrupt_seen() ? "interrupted" : "note",
		run->done, run->done + left, run->work->what);
	if (left > 0)
		fputs(", not done:", o->msgs);
	for (size_t i = 0; i < run->work->total; i++) {
		if (run->left[i]) {
			fputc(' ', o->msgs);
			out_safe(o->msgs, run->work->name(run->work->data, i));
		}
	}
	fputc('\n', o->msgs);
}

/* One that was done has its sentence, one that failed its error. */
static bool worth_telling(const struct run *run, const struct out *o, size_t left)
{
	if (out_is_document(o))
		return false;
	if (interrupt_seen())
		return left > 0 || run->work->total > 1;
	return left > 0 && run->work->total > 1 && !o->quiet;
}

static json_t *left_json(const struct run *run)
{
	json_t *names = json_array();

	for (size_t i = 0; names && i < run->work->total; i++) {
		if (run->left[i] &&
		    json_array_append_new(names,
					  out_json_text(run->work->name(run->work->data, i))) < 0) {
			json_decref(names);
			return NULL;
		}
	}
	return json_pack("{s:b, s:o}", "interrupted", interrupt_seen() != 0, "not_done", names);
}

static int finish(struct run *run, struct report *report, struct nsnet_err *err)
{
	size_t left = count_left(run);
	int r = 0;

	if (worth_telling(run, report->o, left))
		tell_left(run, left);
	/* What was done before must be told, too. */
	if (!run->failed || report->changed)
		r = report_end(report, left_json(run), run->failed ? NULL : err);
	if (run->failed) {
		*err = run->why;
		return run->failed;
	}
	if (r == 0 && interrupt_seen())
		return 128 + interrupt_seen();
	return r;
}

int work_run(struct ctx *ctx, struct report *report, const struct work *work, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) bool *left = calloc(work->total + 1, sizeof(*left));
	struct run run = {.ctx = ctx, .work = work, .left = left};
	size_t total = 0;

	if (!left)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < work->total; i++)
		total += work->name(work->data, i) != NULL;
	progress_begin(&report->progress, &ctx->opts.out, work->what, total);
	if (!ctx->opts.dry_run)
		interrupt_defer();

	for (size_t i = 0, tried; i < work->total; i += tried) {
		tried = 1;
		if (!work->name(work->data, i))
			continue;
		if (over(&run))
			left[i] = true;
		else
			tried = run_some(&run, report, i);
	}
	progress_hide(&report->progress);
	return finish(&run, report, err);
}
