/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "out.h"

#include <libsmartcols.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#include "../lib/base/cleanup.h"
#include "near.h"

/* ---- text ---------------------------------------------------------------- */

void out_safe(FILE *to, const char *text)
{
	mbstate_t state = {0};
	size_t left = strlen(text);

	while (left > 0) {
		wchar_t wc;
		size_t n = mbrtowc(&wc, text, left, &state);

		if (n == (size_t)-1 || n == (size_t)-2 || n == 0 || !iswprint((wint_t)wc)) {
			/* Byte by byte: a decoder that failed says nothing about the next one. */
			fprintf(to, "\\x%02x", (unsigned char)*text);
			memset(&state, 0, sizeof(state));
			n = 1;
		} else {
			(void)fwrite(text, 1, n, to);
		}
		text += n;
		left -= n;
	}
}

const char *out_bytes(uint64_t bytes, char buf[OUT_BYTES_SIZE])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)bytes;
	size_t u = 0;

	/* Not 1024: 1023.6 KiB would be rounded to "1024 KiB". */
	for (; value >= 1023.5 && u + 1 < NSN_COUNT(units); u++)
		value /= 1024;

	if (bytes == 0)
		(void)snprintf(buf, OUT_BYTES_SIZE, "0");
	else if (u > 0 && value < 9.95)
		(void)snprintf(buf, OUT_BYTES_SIZE, "%.1f %s", value, units[u]);
	else
		(void)snprintf(buf, OUT_BYTES_SIZE, "%.0f %s", value, units[u]);
	return buf;
}

const char *out_time(int64_t seconds, char buf[OUT_TIME_SIZE])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, OUT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf[0] = '\0';
	return buf;
}

bool out_colored(const struct out *o, FILE *stream)
{
	const char *no_color, *term;
	int fd;

	if (o->color != OUT_COLOR_AUTO)
		return o->color == OUT_COLOR_ALWAYS;

	/* no-color.org: present and not empty. */
	no_color = getenv("NO_COLOR");
	if (no_color && *no_color)
		return false;
	term = getenv("TERM");
	if (!term || strcmp(term, "dumb") == 0)
		return false;
	fd = fileno(stream);
	return fd >= 0 && isatty(fd);
}

void out_note(const struct out *o, const char *note)
{
	if (o->quiet || o->format == OUT_JSON)
		return;
	/* Into one file, in the order in which it happened. */
	(void)fflush(o->to);
	fputs("note: ", o->msgs);
	out_safe(o->msgs, note);
	fputc('\n', o->msgs);
}

/* ---- JSON ---------------------------------------------------------------- */

json_t *out_json_text(const char *text)
{
	NSN_AUTO(nsn_freep) char *escaped = NULL;
	json_t *s;
	FILE *f;
	size_t size;

	if (!text)
		return json_null();
	s = json_string(text);
	if (s)
		return s;

	/* Not UTF-8 (or no memory, which the next lines find out again). */
	f = open_memstream(&escaped, &size);
	if (!f)
		return NULL;
	for (; *text; text++)
		fprintf(f, (unsigned char)*text < 0x80 ? "%c" : "\\x%02x", (unsigned char)*text);
	if (fclose(f) != 0)
		return NULL;
	return json_string(escaped);
}

static int dump(FILE *to, const json_t *document, size_t flags)
{
	NSN_AUTO(nsn_freep) char *text = json_dumps(document, flags);

	if (!text)
		return -ENOMEM;
	fputs(text, to);
	fputc('\n', to);
	return 0;
}

static void json_unref(json_t **j)
{
	json_decref(*j);
}

int out_document(const struct out *o, const char *kind, json_t *extra, json_t *items,
		 struct nsnet_err *err)
{
	NSN_AUTO(json_unref) json_t *more = extra;
	NSN_AUTO(json_unref) json_t *list = items;
	NSN_AUTO(json_unref) json_t *doc = NULL;

	/* json_object_set() refuses a NULL. */
	doc = json_pack("{s:i, s:s}", "nsnet", 1, "kind", kind);
	if (!doc || (more && json_object_update(doc, more) < 0) ||
	    json_object_set(doc, "items", list) < 0 || dump(o->to, doc, JSON_INDENT(2)) < 0)
		return nsn_err_nomem(err);
	return 0;
}

/* ---- errors -------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
	return out_json_text(*text ? text : NULL);
}

static void error_json(const struct out *o, const struct nsnet_err *err, int status)
{
	NSN_AUTO(json_unref)
	json_t *doc = json_pack("{s:{s:s, s:o, s:o, s:{s:n, s:o}, s:{s:i, s:i}}}", "error", "code",
				nsnet_code_name(err->id), "message", out_json_text(err->msg),
				"hint", text_or_null(err->hint), "where", "file", "object",
				text_or_null(err->where), "details", "status", status, "errno",
				err->code < 0 ? -err->code : 0);

	if (!doc || dump(o->msgs, doc, JSON_COMPACT) < 0)
		fputs("{\"error\":{\"code\":\"NO_MEMORY\",\"message\":\"no memory\"}}\n", o->msgs);
}

static void error_text(const struct out *o, const struct nsnet_err *err)
{
	bool colored = out_colored(o, o->msgs);

	fputs(colored ? "\033[1;31merror:\033[0m " : "error: ", o->msgs);
	out_safe(o->msgs, err->msg);
	fprintf(o->msgs, "   [%s]\n", nsnet_code_name(err->id));
	if (err->where[0]) {
		fputs(" where: ", o->msgs);
		out_safe(o->msgs, err->where);
		fputc('\n', o->msgs);
	}
	if (err->hint[0]) {
		fputs(" hint: ", o->msgs);
		out_safe(o->msgs, err->hint);
		fputc('\n', o->msgs);
	}
}

int out_error(const struct out *o, const struct nsnet_err *err)
{
	struct nsnet_err e = *err;
	int status;

	/* A failure without a reason is our own mistake; it must not look like success. */
	if (e.id == NSNET_E_NONE)
		e.id = NSNET_E_INTERNAL;
	status = nsnet_code_exit(e.id);
	(void)fflush(o->to);
	if (o->format == OUT_JSON)
		error_json(o, &e, status);
	else
		error_text(o, &e);
	return status;
}

/* ---- lists --------------------------------------------------------------- */

static const struct out_column *find_column(const struct out_column *columns, const char *name,
					    size_t len)
{
	for (; columns->name; columns++)
		if (strlen(columns->name) == len && strncasecmp(columns->name, name, len) == 0)
			return columns;
	return NULL;
}

static int unknown_column(const struct out_column *columns, const char *name, size_t len,
			  struct nsnet_err *err)
{
	char typed[64], all[192] = "";
	struct near near = {0};
	size_t used = 0;

	/* Cutting is harmless: no column's name is that long. */
	(void)snprintf(typed, sizeof(typed), "%.*s", (int)len, name);
	for (char *p = typed; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	for (; columns->name; columns++) {
		near_try(&near, typed, columns->name);
		if (used < sizeof(all))
			used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
						 used ? "," : "", columns->name);
	}

	(void)nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%.*s' is not a column of this list", (int)len,
		      name);
	if (near.word)
		return nsn_err_hint(err, -EINVAL, "did you mean --columns %s?", near.word);
	return nsn_err_hint(err, -EINVAL, "--columns %s", all);
}

int out_columns_check(const struct out_column *columns, const char *wanted, struct nsnet_err *err)
{
	for (const char *p = wanted;; p++) {
		size_t len = strcspn(p, ",");

		if (!find_column(columns, p, len))
			return unknown_column(columns, p, len, err);
		p += len;
		if (!*p)
			return 0;
	}
}

static bool column_shown(const struct out *o, const struct out_column *column)
{
	return !(column->flags & OUT_ONLY_WIDE) || o->format == OUT_WIDE;
}

/* The columns to show, in order, ended by NULL. Checked before: all are there. */
static const struct out_column **choose_columns(const struct out *o,
						const struct out_column *columns)
{
	const struct out_column **chosen;
	size_t n = 1, i = 0;

	for (const struct out_column *c = columns; c->name; c++)
		n++;
	for (const char *p = o->columns; p && *p; p++)
		n += *p == ',';
	chosen = calloc(n + 1, sizeof(const struct out_column *));
	if (!chosen)
		return NULL;

	if (!o->columns) {
		for (; columns->name; columns++)
			if (column_shown(o, columns))
				chosen[i++] = columns;
		return chosen;
	}
	for (const char *p = o->columns;; p++) {
		size_t len = strcspn(p, ",");

		chosen[i++] = find_column(columns, p, len);
		p += len;
		if (!*p)
			return chosen;
	}
}

static void table_unref(struct libscols_table **tb)
{
	scols_unref_table(*tb);
}

static int add_row(struct libscols_table *tb, const struct out_column **chosen, const void *item)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; chosen[i]; i++) {
		const char *color = chosen[i]->color ? chosen[i]->color(item) : NULL;
		char *text = chosen[i]->cell(item);

		/* On success the line owns the text. */
		if (!text || scols_line_refer_data(line, i, text) < 0) {
			free(text);
			return -ENOMEM;
		}
		if (color && scols_cell_set_color(scols_line_get_cell(line, i), color) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* libsmartcols prints nothing at all of a table without lines. */
static void print_header(const struct out *o, const struct out_column **chosen)
{
	for (size_t i = 0; chosen[i]; i++)
		fprintf(o->to, "%s%s", i ? "  " : "", chosen[i]->name);
	fputc('\n', o->to);
}

static int list_table(const struct out *o, const struct out_list *list, const void *data,
		      size_t count, struct nsnet_err *err)
{
	NSN_AUTO(table_unref) struct libscols_table *tb = NULL;
	NSN_AUTO(nsn_freep) const struct out_column **chosen = NULL;

	chosen = choose_columns(o, list->columns);
	tb = scols_new_table();
	if (!tb || !chosen)
		return nsn_err_nomem(err);
	if (count == 0 && !o->no_header)
		print_header(o, chosen);

	if (scols_table_set_stream(tb, o->to) < 0 ||
	    scols_table_set_column_separator(tb, "  ") < 0 ||
	    scols_table_enable_noheadings(tb, o->no_header) < 0 ||
	    scols_table_enable_colors(tb, out_colored(o, o->to)) < 0)
		return nsn_err_nomem(err);
	for (size_t i = 0; chosen[i]; i++)
		if (!scols_table_new_column(tb, chosen[i]->name, 0,
					    chosen[i]->flags & OUT_RIGHT ? SCOLS_FL_RIGHT : 0))
			return nsn_err_nomem(err);
	for (size_t i = 0; i < count; i++)
		if (add_row(tb, chosen, list->at(data, i)) < 0)
			return nsn_err_nomem(err);

	if (scols_print_table(tb) < 0)
		return nsn_err_nomem(err);
	return 0;
}

static int list_json(const struct out *o, const struct out_list *list, const void *data,
		     size_t count, struct nsnet_err *err)
{
	NSN_AUTO(json_unref) json_t *items = json_array();

	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(items, list->json(list->at(data, i))) < 0)
			return nsn_err_nomem(err);
	return out_document(o, list->kind, NULL, NSN_TAKE_PTR(items), err);
}

int out_list(const struct out *o, const struct out_list *list, const void *data, size_t count,
	     struct nsnet_err *err)
{
	if (o->columns && out_columns_check(list->columns, o->columns, err) < 0)
		return -EINVAL;

	switch (o->format) {
	case OUT_JSON:
		return list_json(o, list, data, count, err);
	case OUT_NAME:
		for (size_t i = 0; i < count; i++) {
			out_safe(o->to, list->name(list->at(data, i)));
			fputc('\n', o->to);
		}
		return 0;
	case OUT_TABLE:
	case OUT_WIDE:
		break;
	}
	return list_table(o, list, data, count, err);
}
