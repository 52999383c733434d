/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace, explain --probe: what became of one packet, as text and as documents */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "view_proof.h"

#define TIME_SIZE 48
#define US	  1000000

static const struct nsnet_trace_line *last_of(const struct nsnet_traced *t)
{
	return t->last < t->n_lines ? &t->lines[t->last] : NULL;
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* RFC 3339 in UTC with milliseconds, "" for never. */
static const char *time_text(int64_t us, char buf[TIME_SIZE])
{
	char seconds[OUT_TIME_SIZE];

	buf[0] = '\0';
	if (us <= 0)
		return buf;
	(void)out_time(us / US, seconds);
	(void)snprintf(buf, TIME_SIZE, "%.*s.%03dZ", (int)strcspn(seconds, "Z"), seconds,
		       (int)(us % US / 1000));
	return buf;
}

/* ---- text ------------------------------------------------------------------------ */

static void say_policy(const struct out *o, const struct nsnet_trace_line *l)
{
	if (!*l->policy)
		return;
	fputs(", by ", o->to);
	out_safe(o->to, l->policy);
	if (*l->policy_at) {
		fputs(" (", o->to);
		out_safe(o->to, l->policy_at);
		fputc(')', o->to);
	}
}

/* "inet nsnet forward handle 53 of gateway of bob: accept, by ledger (30-peering.yaml:3)" */
static void say_last(const struct out *o, const struct nsnet_trace_line *l, bool blocked)
{
	fprintf(o->to, " %-13s", "last rule");
	out_safe(o->to, l->table);
	fputc(' ', o->to);
	out_safe(o->to, l->chain);
	if (is(l->kind, "rule"))
		fprintf(o->to, " handle %" PRIu64, l->handle);
	else
		fputs(", the chain's policy", o->to);
	fputs(", in ", o->to);
	out_safe(o->to, l->where);
	fputs(": ", o->to);
	out_safe(o->to, l->verdict);
	say_policy(o, l);
	/* A route that there is not, a neighbour, a link. */
	if (blocked && !is(l->verdict, "drop"))
		fputs("; it was no rule that stopped it", o->to);
	fputc('\n', o->to);
}

static void say_end(const struct out *o, const struct nsnet_traced *t)
{
	char sent[TIME_SIZE];

	fprintf(o->to, " %-13s", "probe");
	if (*t->packet) {
		out_safe(o->to, t->packet);
		fprintf(o->to, " sent %s: ", time_text(t->sent_us, sent));
	}
	fputs(t->end, o->to);
	if (*t->seen_at) {
		fputs(" to ", o->to);
		out_safe(o->to, t->seen_at);
	}
	if (*t->why) {
		fputs(": ", o->to);
		out_safe(o->to, t->why);
	}
	fputc('\n', o->to);
}

static const char *said(const struct nsnet_explained *e)
{
	if (e->certainty != NSNET_PROVED)
		return "it is not sure what becomes of it";
	return e->allowed ? "it arrives" : "it does not arrive";
}

static void say_model(const struct out *o, const struct nsnet_traced *t)
{
	const bool bad = is(t->agrees, "contradicts"), colored = bad && out_colored(o, o->to);

	fprintf(o->to, " %-13s%s: ", "model", said(t->explained));
	if (bad)
		fprintf(o->to, "%sthe wire contradicts the model%s", colored ? "\033[1;31m" : "",
			colored ? "\033[0m" : "");
	else
		fputs(is(t->agrees, "agrees") ? "the wire agrees with the model"
					      : "the two cannot be compared",
		      o->to);
	fputc('\n', o->to);
}

void view_probe_text(const struct out *o, const struct nsnet_traced *t)
{
	const struct nsnet_trace_line *last = last_of(t);

	if (o->quiet)
		return;
	say_end(o, t);
	if (last)
		say_last(o, last, is(t->end, "blocked"));
	view_explained_label(o, "rules", t->untraced, "");
	say_model(o, t);
}

struct widths {
	int chain, verdict;
};

static void measure(const struct nsnet_traced *t, struct widths *w)
{
	*w = (struct widths){0};
	for (size_t i = 0; i < t->n_lines; i++) {
		const struct nsnet_trace_line *l = &t->lines[i];
		const int chain = (int)(strlen(l->table) + 1 + strlen(l->chain));

		if (is(l->kind, "return"))
			continue;
		if (chain > w->chain)
			w->chain = chain;
		if ((int)strlen(l->verdict) > w->verdict)
			w->verdict = (int)strlen(l->verdict);
	}
}

/* "  inet nsnet forward    53  accept  what may be routed, by ledger (30-peering.yaml:3)" */
static void say_line(const struct out *o, const struct nsnet_trace_line *l, const struct widths *w)
{
	fputs("  ", o->to);
	out_safe(o->to, l->table);
	fputc(' ', o->to);
	out_safe(o->to, l->chain);
	fprintf(o->to, "%*s", w->chain - (int)(strlen(l->table) + 1 + strlen(l->chain)) + 1, "");
	if (is(l->kind, "rule"))
		fprintf(o->to, "%5" PRIu64 "  ", l->handle);
	else
		fprintf(o->to, "%5s  ", "-");
	out_safe(o->to, l->verdict);
	if (!*l->comment && !*l->policy && is(l->kind, "rule")) {
		fputc('\n', o->to);
		return;
	}
	fprintf(o->to, "%*s", w->verdict - (int)strlen(l->verdict) + 2, "");
	out_safe(o->to, is(l->kind, "rule") ? l->comment : "the chain's policy");
	say_policy(o, l);
	fputc('\n', o->to);
}

static void say_lines(const struct out *o, const struct nsnet_traced *t)
{
	const struct nsnet_trace_line *before = NULL;
	struct widths w;

	measure(t, &w);
	for (size_t i = 0; i < t->n_lines; i++) {
		const struct nsnet_trace_line *l = &t->lines[i];

		/* That a chain has come to its end says nothing. */
		if (is(l->kind, "return"))
			continue;
		if (!before || !is(before->where, l->where) || before->packet != l->packet) {
			out_safe(o->to, l->where);
			if (l->packet > 1)
				fprintf(o->to, ", packet %zu", l->packet);
			fputc('\n', o->to);
		}
		before = l;
		say_line(o, l, &w);
	}
	if (before)
		fputc('\n', o->to);
}

static const char *end_word(const struct nsnet_traced *t)
{
	if (is(t->end, "delivered"))
		return "DELIVERED";
	return is(t->end, "blocked") ? "BLOCKED" : "UNTESTED";
}

void view_traced_text(const struct out *o, const struct nsnet_traced *t)
{
	const struct nsnet_explained *e = t->explained;

	if (o->quiet)
		return;
	view_explained_side(o, e->from, e->from_ip);
	fputs(" -> ", o->to);
	view_explained_side(o, e->to, e->to_ip);
	fprintf(o->to, " %s  %s\n\n", e->ports, end_word(t));
	say_lines(o, t);
	view_explained_label(o, "why", e->says, "");
	view_explained_label(o, "policy", e->policy, e->policy_at);
	view_probe_text(o, t);
}

/* ---- documents ------------------------------------------------------------------- */

static json_t *line_json(const struct nsnet_trace_line *l)
{
	return json_pack("{s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "where",
			 out_json_text(l->where), "packet", (json_int_t)l->packet, "kind", l->kind,
			 "table", out_json_text(l->table), "chain", out_json_text(l->chain),
			 "handle", l->handle ? json_integer((json_int_t)l->handle) : json_null(),
			 "comment", out_json_text_or_null(l->comment), "verdict",
			 out_json_text(l->verdict), "policy", out_json_text_or_null(l->policy),
			 "policy_at", out_json_text_or_null(l->policy_at), "in",
			 out_json_text_or_null(l->in), "out", out_json_text_or_null(l->out));
}

static json_t *lines_json(const struct nsnet_traced *t)
{
	NSN_AUTO(out_json_unref) json_t *list = json_array();

	for (size_t i = 0; i < t->n_lines; i++)
		if (json_array_append_new(list, line_json(&t->lines[i])) < 0)
			return NULL;
	return json_incref(list);
}

static json_t *probe_json(const struct nsnet_traced *t)
{
	const struct nsnet_trace_line *last = last_of(t);
	char sent[TIME_SIZE];

	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "end", t->end, "why",
			 out_json_text_or_null(t->why), "seen_at",
			 out_json_text_or_null(t->seen_at), "packet",
			 out_json_text_or_null(t->packet), "sent",
			 out_json_text_or_null(time_text(t->sent_us, sent)), "agrees", t->agrees,
			 "last", last ? line_json(last) : json_null(), "untraced",
			 out_json_text_or_null(t->untraced));
}

static json_t *hash_json(const struct nsnet_explained *e)
{
	return json_pack("{s:o}", "hash", out_json_text(e->hash));
}

int view_probe_document(const struct out *o, const struct nsnet_traced *t, struct nsnet_err *err)
{
	json_t *item = view_explained_json(t->explained);

	if (item && json_object_set_new(item, "probe", probe_json(t)) < 0) {
		json_decref(item);
		item = NULL;
	}
	return out_document(o, "Explained", hash_json(t->explained), json_pack("[o]", item), err);
}

int view_traced_document(const struct out *o, const struct nsnet_traced *t, struct nsnet_err *err)
{
	const struct nsnet_explained *e = t->explained;
	json_t *item = json_pack(
		"{s:o, s:o, s:o, s:o, s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:o}", "from",
		out_json_text(e->from), "to", out_json_text(e->to), "from_ip",
		out_json_text_or_null(e->from_ip), "to_ip", out_json_text_or_null(e->to_ip),
		"ports", e->ports, "allowed", (int)e->allowed, "intended", (int)e->intended,
		"certainty", view_proved_word(e->certainty), "policy",
		out_json_text_or_null(e->policy), "policy_at", out_json_text_or_null(e->policy_at),
		"probe", probe_json(t), "lines", lines_json(t));

	return out_document(o, "Traced", hash_json(e), json_pack("[o]", item), err);
}
