/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view_apply.h"

#include <inttypes.h>
#include <string.h>

#include "change.h"
#include "view_policy.h"
#include "view_proof.h"

/* As many as fit a screen with the rest. */
#define EFFECTS_SHOWN 20

struct apply_tally apply_count(const struct nsnet_applied *a)
{
	struct apply_tally t = {0};

	for (size_t i = 0; i < nsnet_applied_differences(a); i++) {
		struct nsnet_difference d;

		nsnet_applied_difference(a, i, &d);
		if (d.kept)
			t.kept++;
		else if (d.op[0] == '+')
			t.add++;
		else if (d.op[0] == '-')
			t.remove++;
		else
			t.change++;
	}
	for (size_t i = 0; i < nsnet_applied_effects(a); i++) {
		struct nsnet_effect e;

		nsnet_applied_effect(a, i, &e);
		*(e.opens ? &t.opens : &t.closes) += 1;
	}
	t.expects = nsnet_applied_expects(a);
	for (size_t i = 0; i < t.expects; i++) {
		struct nsnet_expect e;

		nsnet_applied_expect(a, i, &e);
		t.hold += e.holds ? 1 : 0;
	}
	return t;
}

/* ---- text ---------------------------------------------------------------- */

static void padded(FILE *to, const char *text, size_t width)
{
	size_t len = strlen(text);

	out_safe(to, text);
	fprintf(to, "%*s", len < width ? (int)(width - len) : 0, "");
}

void view_differences(const struct out *o, const struct nsnet_applied *a)
{
	const size_t n = nsnet_applied_differences(a);
	size_t name = 0;
	struct nsnet_difference d;

	for (size_t i = 0; i < n; i++) {
		nsnet_applied_difference(a, i, &d);
		name = strlen(d.name) > name ? strlen(d.name) : name;
	}
	for (size_t i = 0; i < n; i++) {
		nsnet_applied_difference(a, i, &d);
		fprintf(o->to, "  %s ", d.op);
		padded(o->to, d.kind, strlen("quarantine") + 2);
		padded(o->to, d.name, name + 2);
		out_safe(o->to, d.text);
		if (d.was) {
			fputs(" (was: ", o->to);
			out_safe(o->to, d.was);
			fputc(')', o->to);
		}
		if (d.kept)
			fputs("  kept: needs --prune", o->to);
		if (*d.file) {
			fputs("  ", o->to);
			out_safe(o->to, d.file);
			fprintf(o->to, ":%" PRIu32, d.line);
		}
		fputc('\n', o->to);
	}
}

static void ports_text(FILE *to, const struct nsnet_effect *e)
{
	for (size_t i = 0; i < e->n_ports; i++)
		fprintf(to, "%s%s", i ? "," : "", e->ports[i]);
}

/* What is not known is never left out. */
static void unfollowed_text(const struct out *o, const struct nsnet_effects_of *of)
{
	for (size_t i = 0; i < of->n_unfollowed; i++) {
		fputs("  not proved  ", o->to);
		out_safe(o->to, *of->unfollowed[i].from ? of->unfollowed[i].from : "?");
		fputs(" -> ?  ", o->to);
		out_safe(o->to, of->unfollowed[i].why);
		fputc('\n', o->to);
	}
	if (of->by_policy && *of->why) {
		fputs("  not proved  by policy alone: ", o->to);
		out_safe(o->to, of->why);
		fputc('\n', o->to);
	}
}

void view_effects(const struct out *o, const struct nsnet_applied *a)
{
	const size_t n = nsnet_applied_effects(a);
	const size_t shown = o->verbose || n <= EFFECTS_SHOWN + 1 ? n : EFFECTS_SHOWN;
	const struct apply_tally t = apply_count(a);
	char opens[CHANGE_COUNT_SIZE], closes[CHANGE_COUNT_SIZE];
	struct nsnet_effects_of of;

	nsnet_applied_effects_of(a, &of);
	if (n == 0 && of.n_unfollowed == 0 && !(of.by_policy && *of.why))
		return;
	fprintf(o->to, "\neffect on reachability%s: %s, %s\n",
		of.certainty == NSNET_PROVED ? " (proved)"
		: of.by_policy		     ? " (by policy)"
					     : " (not all proved)",
		change_count(t.opens, "pair opens", "pairs open", opens),
		change_count(t.closes, "closes", "close", closes));
	for (size_t i = 0; i < shown; i++) {
		struct nsnet_effect e;

		nsnet_applied_effect(a, i, &e);
		fputs(e.opens ? "  opens   " : "  closes  ", o->to);
		out_safe(o->to, e.from);
		fputs(" -> ", o->to);
		out_safe(o->to, e.to);
		fputc(' ', o->to);
		ports_text(o->to, &e);
		fputc('\n', o->to);
	}
	if (shown < n)
		fprintf(o->to, "  and %zu more, which -v shows\n", n - shown);
	unfollowed_text(o, &of);
}

void view_failures(const struct out *o, const struct nsnet_applied *a)
{
	for (size_t i = 0; i < nsnet_applied_expects(a); i++) {
		struct nsnet_expect e;

		nsnet_applied_expect(a, i, &e);
		if (!e.holds)
			view_expect_text(o, &e);
	}
}

/* ---- documents ------------------------------------------------------------- */

static json_t *difference_json(const struct nsnet_difference *d)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:b}", "op", d->op, "kind", d->kind,
			 "name", out_json_text(d->name), "text", out_json_text(d->text), "was",
			 out_json_text_or_null(d->was), "file", out_json_text(d->file), "line",
			 (json_int_t)d->line, "kept", d->kept);
}

static json_t *effect_json(const struct nsnet_effect *e)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "effect",
			 e->opens ? "opens" : "closes", "from", out_json_text(e->from), "to",
			 out_json_text(e->to), "ports", out_json_texts(e->ports, e->n_ports),
			 "unsure", e->unsure, "rule", out_json_text_or_null(e->rule), "because",
			 out_json_text_or_null(e->because));
}

static json_t *proof_json(const struct nsnet_applied *a)
{
	struct nsnet_effects_of of;
	json_t *list = json_array();

	nsnet_applied_effects_of(a, &of);
	for (size_t i = 0; list && i < of.n_unfollowed; i++)
		if (json_array_append_new(list,
					  json_pack("{s:o, s:o}", "from",
						    out_json_text(of.unfollowed[i].from), "why",
						    out_json_text(of.unfollowed[i].why))) < 0) {
			json_decref(list);
			return NULL;
		}
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "by", of.by_policy ? "policy" : "proof",
			 "certainty", of.certainty == NSNET_PROVED ? "proved" : "inconclusive",
			 "why", out_json_text_or_null(of.why), "state",
			 out_json_text_or_null(of.hash), "unfollowed", list);
}

static json_t *differences_json(const struct nsnet_applied *a)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < nsnet_applied_differences(a); i++) {
		struct nsnet_difference d;

		nsnet_applied_difference(a, i, &d);
		if (json_array_append_new(list, difference_json(&d)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *effects_json(const struct nsnet_applied *a)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < nsnet_applied_effects(a); i++) {
		struct nsnet_effect e;

		nsnet_applied_effect(a, i, &e);
		if (json_array_append_new(list, effect_json(&e)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *expects_json(const struct nsnet_applied *a)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < nsnet_applied_expects(a); i++) {
		struct nsnet_expect e;

		nsnet_applied_expect(a, i, &e);
		if (json_array_append_new(list, view_expect_json(&e)) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

int view_applied_document(const struct out *o, const struct nsnet_applied *a, bool dry_run,
			  struct nsnet_err *err)
{
	NSN_AUTO(report_clear) struct report report = {0};
	const struct nsnet_change *c = nsnet_applied_change(a);
	const struct apply_tally t = apply_count(a);
	int r = report_init(&report, o, "Apply", dry_run, err);

	for (size_t i = 0; r == 0 && i < nsnet_change_items(c); i++)
		r = report_item(&report, c, i, err);
	if (r < 0)
		return r;
	report.changed = report.changed || t.add + t.change + t.remove > 0;
	return report_end(&report,
			  json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "add",
				    (json_int_t)t.add, "change", (json_int_t)t.change, "remove",
				    (json_int_t)t.remove, "kept", (json_int_t)t.kept,
				    "kernel_checked", (json_int_t)nsnet_applied_checked(a),
				    "differences", differences_json(a), "effects", effects_json(a),
				    "proof", proof_json(a), "expects", expects_json(a)),
			  err);
}
