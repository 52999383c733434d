/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view_policy.h"

#include <inttypes.h>
#include <string.h>
#include <wchar.h>

#include "../lib/base/cleanup.h"
#include "cmd.h"
#include "words.h"

/* ---- rules as rows ----------------------------------------------------------------- */

static char *or_dash(const char *text)
{
	return strdup(*text ? text : "-");
}

static char *cell_name(const void *p)
{
	return strdup(((const struct nsnet_policy *)p)->name);
}

static char *cell_action(const void *p)
{
	return strdup(((const struct nsnet_policy *)p)->action);
}

static char *cell_from(const void *item)
{
	const struct nsnet_policy *p = item;

	return words_join(p->from, p->n_from);
}

static char *cell_to(const void *item)
{
	const struct nsnet_policy *p = item;

	return words_join(p->to, p->n_to);
}

static char *cell_ports(const void *item)
{
	const struct nsnet_policy *p = item;

	return words_join(p->ports, p->n_ports);
}

static char *cell_expires(const void *item)
{
	const struct nsnet_policy *p = item;
	char buf[OUT_TIME_SIZE];

	return strdup(p->expires ? out_time(p->expires, buf) : "-");
}

static char *plain_expires(const void *item)
{
	const struct nsnet_policy *p = item;
	char buf[OUT_TIME_SIZE];

	return strdup(p->expires ? out_time(p->expires, buf) : "");
}

static char *cell_log(const void *p)
{
	return strdup(((const struct nsnet_policy *)p)->log);
}

static char *cell_mode(const void *p)
{
	return strdup(((const struct nsnet_policy *)p)->mode);
}

static char *cell_owner(const void *p)
{
	return or_dash(((const struct nsnet_policy *)p)->owner);
}

static char *plain_owner(const void *p)
{
	return strdup(((const struct nsnet_policy *)p)->owner);
}

static char *cell_publish(const void *p)
{
	return or_dash(((const struct nsnet_policy *)p)->publish);
}

static char *plain_publish(const void *p)
{
	return strdup(((const struct nsnet_policy *)p)->publish);
}

static char *cell_because(const void *p)
{
	return or_dash(((const struct nsnet_policy *)p)->because);
}

static char *plain_because(const void *p)
{
	return strdup(((const struct nsnet_policy *)p)->because);
}

static char *cell_set(const void *p)
{
	return strdup(((const struct nsnet_policy *)p)->set);
}

static char *cell_origin(const void *item)
{
	const struct nsnet_policy *p = item;
	char *text;

	return asprintf(&text, "%s:%" PRIu32, p->file, p->line) < 0 ? NULL : text;
}

const struct out_column policy_columns[] = {
	{"RULE", 0, cell_name, NULL, NULL},
	{"ACTION", 0, cell_action, NULL, NULL},
	{"FROM", 0, cell_from, NULL, NULL},
	{"TO", 0, cell_to, NULL, NULL},
	{"PORTS", 0, cell_ports, NULL, NULL},
	{"PUBLISH", OUT_ONLY_WIDE, cell_publish, NULL, plain_publish},
	{"EXPIRES", 0, cell_expires, NULL, plain_expires},
	{"LOG", OUT_ONLY_WIDE, cell_log, NULL, NULL},
	{"MODE", OUT_ONLY_WIDE, cell_mode, NULL, NULL},
	{"OWNER", OUT_ONLY_WIDE, cell_owner, NULL, plain_owner},
	{"BECAUSE", OUT_ONLY_WIDE, cell_because, NULL, plain_because},
	{"SET", OUT_ONLY_WIDE, cell_set, NULL, NULL},
	{"ORIGIN", OUT_ONLY_WIDE, cell_origin, NULL, NULL},
	{0},
};

/* ---- rules as documents, and in full ------------------------------------------------- */

json_t *view_policy_json(const void *item)
{
	const struct nsnet_policy *p = item;
	char buf[OUT_TIME_SIZE] = "";

	if (p->expires)
		(void)out_time(p->expires, buf);
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:I}",
			 "name", out_json_text(p->name), "action", p->action, "from",
			 out_json_texts(p->from, p->n_from), "to", out_json_texts(p->to, p->n_to),
			 "ports", out_json_texts(p->ports, p->n_ports), "publish",
			 out_json_text_or_null(p->publish), "because",
			 out_json_text_or_null(p->because), "owner",
			 out_json_text_or_null(p->owner), "expires", out_json_text_or_null(buf),
			 "log", p->log, "mode", p->mode, "set", out_json_text(p->set), "file",
			 out_json_text(p->file), "line", (json_int_t)p->line);
}

static void line(FILE *to, const char *key, const char *value)
{
	if (!*value)
		return;
	fprintf(to, "%-12s", key);
	out_safe(to, value);
	fputc('\n', to);
}

static void line_of(FILE *to, const char *key, char *value)
{
	NSN_AUTO(nsn_freep) char *own = value;

	line(to, key, own ? own : "?");
}

void view_policy_text(const struct out *o, const struct nsnet_policy *p)
{
	line(o->to, "name", p->name);
	line(o->to, "action", p->action);
	line_of(o->to, "ports", cell_ports(p));
	line_of(o->to, "from", cell_from(p));
	line_of(o->to, "to", cell_to(p));
	line(o->to, "publish", p->publish);
	line(o->to, "because", p->because);
	line(o->to, "owner", p->owner);
	line_of(o->to, "expires", p->expires ? cell_expires(p) : strdup("never"));
	line(o->to, "log", p->log);
	line(o->to, "mode", p->mode);
	line(o->to, "set", p->set);
	line_of(o->to, "origin", cell_origin(p));
}

/* ---- what is wrong ------------------------------------------------------------------- */

json_t *view_diag_json(const struct nsnet_diag *d)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "severity",
			 d->severity == NSNET_ERROR ? "error" : "warning", "code",
			 nsnet_code_name(d->id), "message", out_json_text(d->text), "hint",
			 out_json_text_or_null(d->hint), "file", out_json_text(d->file), "line",
			 (json_int_t)d->line, "column", (json_int_t)d->col, "end_line",
			 (json_int_t)d->end_line, "end_column", (json_int_t)d->end_col, "source",
			 out_json_text(d->source));
}

/* The first @n characters of a text. */
static size_t bytes_of(const char *text, size_t n)
{
	const char *c = text;

	for (; *c && n > 0; n--)
		do
			c++;
		while (((unsigned char)*c & 0xc0) == 0x80);
	return (size_t)(c - text);
}

/* Prints a part of a line, tabs as one space: how wide it is on a terminal. */
static size_t print_part(FILE *to, const char *text, size_t len)
{
	NSN_AUTO(nsn_freep) char *part = strndup(text, len);
	NSN_AUTO(nsn_freep) char *shown = NULL;
	NSN_AUTO(nsn_freep) wchar_t *wide = NULL;
	size_t size, n;
	FILE *f;
	int width;

	if (!part)
		return 0;
	for (char *c = part; *c; c++)
		if (*c == '\t')
			*c = ' ';
	f = open_memstream(&shown, &size);
	if (!f)
		return 0;
	out_safe(f, part);
	if (fclose(f) != 0)
		return 0;
	if (to)
		fputs(shown, to);
	wide = calloc(size + 1, sizeof(*wide));
	if (!wide)
		return size;
	n = mbstowcs(wide, shown, size + 1);
	width = n == (size_t)-1 ? -1 : wcswidth(wide, n);
	return width < 0 ? size : (size_t)width;
}

static void print_source(const struct out *o, FILE *to, const struct nsnet_diag *d)
{
	const char *red = out_colored(o, to) ? "\033[1;31m" : "";
	const char *off = *red ? "\033[0m" : "";
	size_t before = bytes_of(d->source, d->col - d->source_col);
	size_t len = strlen(d->source), marked = len - before, width;

	if (d->severity == NSNET_WARNING && *red)
		red = "\033[1;33m";
	if (!len)
		return;
	if (d->end_line == d->line && d->end_col > d->col)
		marked = bytes_of(d->source + before, d->end_col - d->col);
	else if (d->end_line == d->line)
		marked = 0;
	fprintf(to, "%5" PRIu32 " | ", d->line);
	(void)print_part(to, d->source, len);
	fputs("\n      | ", to);
	width = print_part(NULL, d->source, before);
	fprintf(to, "%*s%s", (int)width, "", red);
	width = print_part(NULL, d->source + before, marked);
	do
		fputc('^', to);
	while (width-- > 1);
	fprintf(to, "%s\n", off);
}

void view_diag_text(const struct out *o, FILE *to, const struct nsnet_diag *d)
{
	const bool error = d->severity == NSNET_ERROR;
	const char *word = error ? "error:" : "warning:";

	out_safe(to, d->file);
	fprintf(to, ":%" PRIu32 ":%" PRIu32 ": ", d->line, d->col);
	if (out_colored(o, to))
		fprintf(to, "\033[1;%sm%s\033[0m ", error ? "31" : "33", word);
	else
		fprintf(to, "%s ", word);
	out_safe(to, d->text);
	fprintf(to, "   [%s]\n", nsnet_code_name(d->id));
	print_source(o, to, d);
	if (d->hint[0]) {
		fputs(" hint: ", to);
		out_safe(to, d->hint);
		fputc('\n', to);
	}
}

/* ---- what was expected ---------------------------------------------------------------- */

json_t *view_expect_json(const struct nsnet_expect *e)
{
	return json_pack("{s:s, s:o, s:b, s:o, s:o, s:I}", "expect", e->can ? "can" : "cannot",
			 "flow", out_json_text(e->flow), "holds", e->holds, "reason",
			 out_json_text(e->reason), "file", out_json_text(e->file), "line",
			 (json_int_t)e->line);
}

void view_expect_text(const struct out *o, const struct nsnet_expect *e)
{
	const char *word = e->holds ? "holds:" : "fails:";

	out_safe(o->to, e->file);
	fprintf(o->to, ":%" PRIu32 ": ", e->line);
	if (out_colored(o, o->to))
		fprintf(o->to, "\033[1;%sm%s\033[0m ", e->holds ? "32" : "31", word);
	else
		fprintf(o->to, "%s ", word);
	fputs(e->can ? "can: " : "cannot: ", o->to);
	out_safe(o->to, e->flow);
	fputs("\n  ", o->to);
	out_safe(o->to, e->reason);
	fputc('\n', o->to);
}
