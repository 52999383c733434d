/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists: columns chosen by the user, tables, CSV, names. */
#include "out.h"

#include <libsmartcols.h>
#include <string.h>
#include <strings.h>

#include "../lib/base/cleanup.h"
#include "near.h"

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

/* ---- tables -------------------------------------------------------------- */

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

/* ---- CSV ----------------------------------------------------------------- */

/*
 * RFC 4180 but for the line ends, which are those of this system. Control
 * characters are escaped like everywhere, so that a record is a line.
 */
static int csv_field(FILE *to, const char *text)
{
	NSN_AUTO(nsn_freep) char *safe = NULL;
	size_t size, len;
	FILE *f = open_memstream(&safe, &size);

	if (!f)
		return -ENOMEM;
	out_safe(f, text);
	if (fclose(f) != 0)
		return -ENOMEM;

	len = strlen(safe);
	/* Some readers strip spaces that are not quoted. */
	if (!strpbrk(safe, "\",") && !(len && (safe[0] == ' ' || safe[len - 1] == ' '))) {
		fputs(safe, to);
		return 0;
	}
	fputc('"', to);
	for (const char *p = safe; *p; p++)
		fputs(*p == '"' ? "\"\"" : (const char[]){*p, '\0'}, to);
	fputc('"', to);
	return 0;
}

static int csv_cell(FILE *to, const struct out_column *column, const void *item)
{
	NSN_AUTO(nsn_freep) char *text = column->plain ? column->plain(item) : column->cell(item);

	return text ? csv_field(to, text) : -ENOMEM;
}

static int list_csv(const struct out *o, const struct out_list *list, const void *data,
		    size_t count, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) const struct out_column **chosen = choose_columns(o, list->columns);

	if (!chosen)
		return nsn_err_nomem(err);
	for (size_t i = 0; chosen[i] && !o->no_header; i++)
		fprintf(o->to, "%s%s", chosen[i]->name, chosen[i + 1] ? "," : "\n");
	for (size_t line = 0; line < count; line++) {
		for (size_t i = 0; chosen[i]; i++) {
			if (csv_cell(o->to, chosen[i], list->at(data, line)) < 0)
				return nsn_err_nomem(err);
			fputc(chosen[i + 1] ? ',' : '\n', o->to);
		}
	}
	return 0;
}

/* ---- all ----------------------------------------------------------------- */

static int list_document(const struct out *o, const struct out_list *list, const void *data,
			 size_t count, struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *items = json_array();

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
	case OUT_YAML:
		return list_document(o, list, data, count, err);
	case OUT_CSV:
		return list_csv(o, list, data, count, err);
	case OUT_NAME:
		for (size_t i = 0; i < count; i++) {
			list->print_name(o->to, list->at(data, i));
			fputc('\n', o->to);
		}
		return 0;
	case OUT_TABLE:
	case OUT_WIDE:
	case OUT_MARKDOWN:
	case OUT_DOT:
	case OUT_MERMAID:
		break;
	}
	return list_table(o, list, data, count, err);
}
