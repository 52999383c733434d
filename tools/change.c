/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change.h"

#include <string.h>

static const char *outcome_name(enum nsnet_outcome outcome)
{
	switch (outcome) {
	case NSNET_UNCHANGED:
		return "unchanged";
	case NSNET_CREATED:
		return "created";
	case NSNET_REPAIRED:
		return "repaired";
	case NSNET_CHANGED:
		return "changed";
	case NSNET_REMOVED:
		return "removed";
	}
	return "unknown";
}

const char *change_count(size_t n, const char *one, const char *many, char buf[CHANGE_COUNT_SIZE])
{
	(void)snprintf(buf, CHANGE_COUNT_SIZE, "%zu %s", n, n == 1 ? one : many);
	return buf;
}

/* ---- JSON ---------------------------------------------------------------- */

static json_t *step_json(const struct nsnet_step *s)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "op", s->op, "kind", out_json_text(s->kind),
			 "where", out_json_text(s->where), "text", out_json_text(s->text), "was",
			 out_json_text(s->was));
}

static json_t *item_json(const struct nsnet_change *c, size_t item)
{
	json_t *steps = json_array(), *notes = json_array();
	bool ok = steps && notes;

	for (size_t i = 0; ok && i < nsnet_change_steps(c, item); i++) {
		struct nsnet_step s = {0};

		nsnet_change_step(c, item, i, &s);
		ok = json_array_append_new(steps, step_json(&s)) == 0;
	}
	for (size_t i = 0; ok && i < nsnet_change_notes(c, item); i++)
		ok = json_array_append_new(notes, out_json_text(nsnet_change_note(c, item, i))) ==
		     0;
	if (!ok) {
		json_decref(steps);
		json_decref(notes);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "tenant",
			 out_json_text_or_null(nsnet_change_tenant(c, item)), "endpoint",
			 out_json_text_or_null(nsnet_change_endpoint(c, item)), "outcome",
			 outcome_name(nsnet_change_outcome(c, item)), "steps", steps, "notes",
			 notes);
}

/* ---- text ---------------------------------------------------------------- */

/* Pads after @text to @width; the texts are ours and ASCII. */
static void padded(FILE *to, const char *text, size_t width)
{
	size_t len = strlen(text);

	out_safe(to, text);
	fprintf(to, "%*s", len < width ? (int)(width - len) : 0, "");
}

static void widths(const struct nsnet_change *c, size_t *kind, size_t *where)
{
	for (size_t item = 0; item < nsnet_change_items(c); item++) {
		for (size_t i = 0; i < nsnet_change_steps(c, item); i++) {
			struct nsnet_step s = {0};

			nsnet_change_step(c, item, i, &s);
			*kind = strlen(s.kind) > *kind ? strlen(s.kind) : *kind;
			*where = strlen(s.where) > *where ? strlen(s.where) : *where;
		}
	}
}

void change_print_steps(const struct out *o, const struct nsnet_change *c, size_t item)
{
	size_t kind = 0, where = 0;

	widths(c, &kind, &where);
	for (size_t i = 0; i < nsnet_change_steps(c, item); i++) {
		struct nsnet_step s = {0};

		nsnet_change_step(c, item, i, &s);
		fprintf(o->to, "  %s ", s.op);
		padded(o->to, s.kind, kind + 2);
		padded(o->to, s.where, where + 2);
		out_safe(o->to, s.text);
		if (s.was) {
			fputs(" (was: ", o->to);
			out_safe(o->to, s.was);
			fputc(')', o->to);
		}
		fputc('\n', o->to);
	}
}

void change_print_notes(const struct out *o, const struct nsnet_change *c, size_t item)
{
	for (size_t i = 0; i < nsnet_change_notes(c, item); i++)
		out_note(o, nsnet_change_note(c, item, i));
}

/* An empty name is none: what an older library says. */
static bool is_endpoint(const struct nsnet_change *c, size_t item)
{
	const char *endpoint = nsnet_change_endpoint(c, item);

	return endpoint && *endpoint;
}

bool change_is_host(const char *name)
{
	return name && strcmp(name, "host") == 0;
}

void change_print_name(FILE *to, const struct nsnet_change *c, size_t item)
{
	out_safe(to, nsnet_change_tenant(c, item));
	if (is_endpoint(c, item)) {
		fputc('/', to);
		out_safe(to, nsnet_change_endpoint(c, item));
	}
}

static void sentence(const struct report *r, const struct nsnet_change *c, size_t item,
		     const char *tail)
{
	const char *would = r->dry_run ? "would be " : "";
	FILE *to = r->o->to;
	char count[CHANGE_COUNT_SIZE];

	if (!change_is_host(nsnet_change_tenant(c, item)))
		fputs(is_endpoint(c, item) ? "endpoint " : "tenant ", to);
	change_print_name(to, c, item);
	switch (nsnet_change_outcome(c, item)) {
	case NSNET_UNCHANGED:
		fputs(" unchanged\n", to);
		break;
	case NSNET_CREATED:
		fprintf(to, " %screated", would);
		out_safe(to, tail ? tail : "");
		fputc('\n', to);
		break;
	case NSNET_REPAIRED:
		fprintf(to, " %srepaired: %s\n", would,
			change_count(nsnet_change_steps(c, item), "step", "steps", count));
		break;
	case NSNET_CHANGED:
		fprintf(to, " %schanged", would);
		out_safe(to, tail ? tail : "");
		fputc('\n', to);
		break;
	case NSNET_REMOVED:
		fprintf(to, " %sdeleted\n", would);
		break;
	}
}

/* ---- report -------------------------------------------------------------- */

int report_init(struct report *r, const struct out *o, const char *kind, bool dry_run,
		struct nsnet_err *err)
{
	*r = (struct report){.o = o, .kind = kind, .dry_run = dry_run};
	if (!out_is_document(o))
		return 0;
	r->items = json_array();
	return r->items ? 0 : nsn_err_nomem(err);
}

void report_clear(struct report *r)
{
	json_decref(r->items);
	r->items = NULL;
}

static bool is_changed(const struct nsnet_change *c, size_t item)
{
	return nsnet_change_outcome(c, item) != NSNET_UNCHANGED || nsnet_change_steps(c, item) > 0;
}

int report_item(struct report *r, const struct nsnet_change *c, size_t item, struct nsnet_err *err)
{
	r->changed = r->changed || is_changed(c, item);
	if (r->items && json_array_append_new(r->items, item_json(c, item)) < 0)
		return nsn_err_nomem(err);
	return 0;
}

int report_add(struct report *r, const struct nsnet_change *c, size_t item, const char *tail,
	       struct nsnet_err *err)
{
	const struct out *o = r->o;

	if (report_item(r, c, item, err) < 0)
		return -ENOMEM;
	if (out_is_document(o))
		return 0;
	progress_hide(&r->progress);
	if (o->format == OUT_NAME) {
		if (nsnet_change_outcome(c, item) != NSNET_UNCHANGED) {
			change_print_name(o->to, c, item);
			fputc('\n', o->to);
		}
	} else if (!o->quiet) {
		sentence(r, c, item, tail);
		if (o->verbose)
			change_print_steps(o, c, item);
	}
	change_print_notes(o, c, item);
	return 0;
}

int report_unchanged(struct report *r, const char *tenant, const char *endpoint, const char *why,
		     struct nsnet_err *err)
{
	const struct out *o = r->o;

	if (r->items &&
	    json_array_append_new(r->items,
				  json_pack("{s:o, s:o, s:s, s:[], s:[]}", "tenant",
					    out_json_text(tenant), "endpoint",
					    out_json_text(endpoint), "outcome",
					    outcome_name(NSNET_UNCHANGED), "steps", "notes")) < 0)
		return nsn_err_nomem(err);
	if (out_is_document(o) || o->format == OUT_NAME || o->quiet)
		return 0;
	progress_hide(&r->progress);
	fputs(endpoint ? "endpoint " : "tenant ", o->to);
	out_safe(o->to, tenant);
	if (endpoint) {
		fputc('/', o->to);
		out_safe(o->to, endpoint);
	}
	fprintf(o->to, " unchanged: %s\n", why);
	return 0;
}

/* ---- borders ------------------------------------------------------------- */

/* No change at all: what is not there was not touched. */
static size_t items_of(const struct nsnet_change *c)
{
	return c ? nsnet_change_items(c) : 0;
}

/* Whether an item before this one is about the same gateway. */
static bool is_again(const struct nsnet_change *c, size_t item)
{
	const char *name = nsnet_change_tenant(c, item);

	for (size_t i = 0; i < item; i++)
		if (is_changed(c, i) && strcmp(nsnet_change_tenant(c, i), name) == 0)
			return true;
	return false;
}

/* A gateway that is first closed and then opened has an item for each; the host is none. */
size_t change_gateways(const struct nsnet_change *c)
{
	size_t n = 0;

	for (size_t i = 0; i < items_of(c); i++)
		n += is_changed(c, i) && !is_again(c, i) &&
				     !change_is_host(nsnet_change_tenant(c, i))
			     ? 1
			     : 0;
	return n;
}

/* Takes the reference of @item, which may be NULL. */
static int append_of(const struct report *r, const struct report_subject *s, json_t *item)
{
	if (!item || json_object_set_new(item, s->key, out_json_text(s->name)) < 0) {
		json_decref(item);
		return -ENOMEM;
	}
	return json_array_append_new(r->items, item) < 0 ? -ENOMEM : 0;
}

static int borders_json(const struct report *r, const struct report_subject *s,
			const struct nsnet_change *c)
{
	json_t *notes = s->note ? json_pack("[o]", out_json_text(s->note)) : json_array();
	int n = append_of(r, s,
			  json_pack("{s:n, s:n, s:s, s:[], s:o}", "tenant", "endpoint", "outcome",
				    outcome_name(s->outcome), "steps", "notes", notes));

	for (size_t i = 0; n == 0 && i < items_of(c); i++)
		n = append_of(r, s, item_json(c, i));
	return n;
}

static void borders_text(const struct out *o, const struct report_subject *s,
			 const struct nsnet_change *c)
{
	out_safe(o->to, s->sentence);
	fputc('\n', o->to);
	for (size_t i = 0; o->verbose && i < items_of(c); i++) {
		if (nsnet_change_steps(c, i) == 0)
			continue;
		fputs("gateway ", o->to);
		change_print_name(o->to, c, i);
		fputc('\n', o->to);
		change_print_steps(o, c, i);
	}
}

int report_borders(struct report *r, const struct report_subject *s, const struct nsnet_change *c,
		   struct nsnet_err *err)
{
	const struct out *o = r->o;
	bool changed = s->outcome != NSNET_UNCHANGED || change_gateways(c) > 0;

	r->changed = r->changed || changed;
	if (r->items)
		return borders_json(r, s, c) < 0 ? nsn_err_nomem(err) : 0;
	progress_hide(&r->progress);
	if (o->format == OUT_NAME && changed) {
		out_safe(o->to, s->name);
		fputc('\n', o->to);
	} else if (o->format != OUT_NAME && !o->quiet) {
		borders_text(o, s, c);
	}
	if (s->note)
		out_note(o, s->note);
	for (size_t i = 0; i < items_of(c); i++)
		change_print_notes(o, c, i);
	return 0;
}

/* ---- the end ------------------------------------------------------------- */

int report_end(struct report *r, json_t *extra, struct nsnet_err *err)
{
	json_t *head;

	if (!r->items) {
		json_decref(extra);
		return 0;
	}
	if (!extra)
		extra = json_pack("{s:b, s:[]}", "interrupted", 0, "not_done");
	head = json_pack("{s:b, s:b}", "changed", r->changed, "dry_run", r->dry_run);
	if (!head || !extra || json_object_update(head, extra) < 0) {
		json_decref(head);
		json_decref(extra);
		return nsn_err_nomem(err);
	}
	json_decref(extra);
	return out_document(r->o, r->kind, head, NSN_TAKE_PTR(r->items), err);
}
