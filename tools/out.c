/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "out.h"

#include <string.h>
#include <time.h>
#include <wchar.h>
#include <wctype.h>

#include "../lib/base/cleanup.h"
#include "../lib/base/text.h"
#include "stdfd.h"
#include "emit.h"

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
	if (o->quiet || out_is_document(o))
		return;
	/* Into one file, in the order in which it happened. */
	stdfd_flush(o->to);
	fputs("note: ", o->msgs);
	out_safe(o->msgs, note);
	fputc('\n', o->msgs);
}

/* ---- documents ----------------------------------------------------------- */

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

json_t *out_json_texts(const char *const *list, size_t n)
{
	NSN_AUTO(out_json_unref) json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		if (json_array_append_new(array, out_json_text(list[i])) < 0)
			return NULL;
	return json_incref(array);
}

json_t *out_json_text_or_null(const char *text)
{
	return out_json_text(text && *text ? text : NULL);
}

bool out_is_document(const struct out *o)
{
	return o->format == OUT_JSON || o->format == OUT_YAML;
}

/* ASCII only: what is not is escaped, so that no locale and no terminal takes it for another. */
static int dump(FILE *to, const json_t *document, size_t flags)
{
	NSN_AUTO(nsn_freep) char *text = json_dumps(document, flags | JSON_ENSURE_ASCII);

	if (!text)
		return -ENOMEM;
	fputs(text, to);
	fputc('\n', to);
	return 0;
}

int out_dump(const struct out *o, FILE *to, const json_t *doc)
{
	return o->format == OUT_YAML ? yaml_print(to, doc) : dump(to, doc, JSON_INDENT(2));
}

void out_json_unref(json_t **j)
{
	json_decref(*j);
}

int out_document(const struct out *o, const char *kind, json_t *extra, json_t *items,
		 struct nsnet_err *err)
{
	NSN_AUTO(out_json_unref) json_t *more = extra;
	NSN_AUTO(out_json_unref) json_t *list = items;
	NSN_AUTO(out_json_unref) json_t *doc = NULL;

	/* json_object_set() refuses a NULL. */
	doc = json_pack("{s:i, s:s}", "nsnet", 1, "kind", kind);
	if (!doc || (more && json_object_update(doc, more) < 0) ||
	    json_object_set(doc, "items", list) < 0 || out_dump(o, o->to, doc) < 0)
		return nsn_err_nomem(err);
	return 0;
}

/* ---- errors -------------------------------------------------------------- */

/* A number of a place, and what follows it. Return: -1 when there is none. */
static json_int_t place_number(const char **text, char end)
{
	size_t len = strspn(*text, "0123456789");
	char digits[12];
	uint64_t n;

	if (len == 0 || len >= sizeof(digits) || (*text)[len] != end)
		return -1;
	memcpy(digits, *text, len);
	digits[len] = '\0';
	if (nsn_u64_parse(&n, digits, UINT32_MAX) < 0)
		return -1;
	*text += len + (end != '\0');
	return (json_int_t)n;
}

/* Where it is wrong: a place in the file that the command was given, or an object. */
static json_t *where_json(const struct out *o, const char *where)
{
	size_t len = o->file ? strlen(o->file) : 0;
	json_int_t line, column;
	const char *p;

	if (o->file && strncmp(where, o->file, len) == 0 && where[len] == ':') {
		p = where + len + 1;
		line = place_number(&p, ':');
		column = line < 0 ? -1 : place_number(&p, '\0');
		if (column >= 0)
			return json_pack("{s:o, s:I, s:I, s:n}", "file", out_json_text(o->file),
					 "line", line, "column", column, "object");
	}
	return json_pack("{s:n, s:n, s:n, s:o}", "file", "line", "column", "object",
			 out_json_text_or_null(where));
}

static void error_document(const struct out *o, const struct nsnet_err *err, int status)
{
	NSN_AUTO(out_json_unref)
	json_t *doc =
		json_pack("{s:{s:s, s:o, s:o, s:o, s:{s:i, s:i}}}", "error", "code",
			  nsnet_code_name(err->id), "message", out_json_text(err->msg), "hint",
			  out_json_text_or_null(err->hint), "where", where_json(o, err->where),
			  "details", "status", status, "errno", err->code < 0 ? -err->code : 0);
	int r = -ENOMEM;

	if (doc)
		r = o->format == OUT_YAML ? yaml_print(o->msgs, doc)
					  : dump(o->msgs, doc, JSON_COMPACT);
	/* The same in both formats: JSON in one line is YAML. */
	if (r < 0)
		fputs("{\"error\":{\"code\":\"NO_MEMORY\",\"message\":\"no memory\"}}\n", o->msgs);
}

static void error_text(const struct out *o, const struct nsnet_err *err)
{
	bool colored = out_colored(o, o->msgs);

	fputs(colored ? "\033[1;31merror:\033[0m " : "error: ", o->msgs);
	out_safe(o->msgs, err->msg);
	fprintf(o->msgs, "   [%s]\n", nsnet_code_name(err->id));
	/* A place in a file stands before the message, as compilers have it. */
	if (err->where[0] && strncmp(err->msg, err->where, strlen(err->where)) != 0) {
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
	if (o->failed && e.id != NSNET_E_CANNOT_RUN && e.id != NSNET_E_NO_COMMAND)
		status = o->failed;
	stdfd_flush(o->to);
	if (out_is_document(o))
		error_document(o, &e, status);
	else
		error_text(o, &e);
	return status;
}
