/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line prints: text that cannot steer a terminal, tables, documents, errors. */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../lib/base/cleanup.h"
#include "../../tools/cmd.h"
#include "../../tools/out.h"
#include "../../tools/progress.h"
#include "../../tools/emit.h"

/* An output whose two streams are kept. */
struct page {
	struct out out;
	char *to, *msgs;
	size_t to_size, msgs_size;
};

static void page_clear(struct page *p)
{
	if (p->out.to)
		(void)fclose(p->out.to);
	if (p->out.msgs)
		(void)fclose(p->out.msgs);
	free(p->to);
	free(p->msgs);
}

static void page_open(struct page *p)
{
	p->out.to = open_memstream(&p->to, &p->to_size);
	p->out.msgs = open_memstream(&p->msgs, &p->msgs_size);
	assert_non_null(p->out.to);
	assert_non_null(p->out.msgs);
}

static void page_flush(struct page *p)
{
	assert_int_equal(fflush(p->out.to), 0);
	assert_int_equal(fflush(p->out.msgs), 0);
}

static json_t *parse(const char *text)
{
	json_error_t why;
	json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &why);

	if (!j)
		fail_msg("no JSON: %s in: %s", why.text, text);
	return j;
}

static int restore(void **state)
{
	(void)state;
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)unsetenv("NO_COLOR");
	return 0;
}

/* ---- text ---------------------------------------------------------------- */

static void bytes_are_shown_in_units_people_read(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} table[] = {
		{0, "0"},
		{1, "1 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1100, "1.1 KiB"},
		{10188, "9.9 KiB"},
		{10190, "10 KiB"},
		{1048063, "1023 KiB"},
		{1048064, "1.0 MiB"},
		{9856614, "9.4 MiB"},
		{325058560, "310 MiB"},
		{1288490189, "1.2 GiB"},
		{UINT64_C(1) << 40, "1.0 TiB"},
		{UINT64_C(1) << 50, "1.0 PiB"},
		{UINT64_MAX, "16 EiB"},
	};
	char buf[OUT_BYTES_SIZE];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++)
		assert_string_equal(out_bytes(table[i].bytes, buf), table[i].text);
}

static void times_are_rfc_3339_in_utc(void **state)
{
	char buf[OUT_TIME_SIZE];

	(void)state;
	assert_int_equal(setenv("TZ", "Asia/Kolkata", 1), 0);
	assert_string_equal(out_time(1795301880, buf), "2026-11-21T22:58:00Z");
	assert_string_equal(out_time(0, buf), "1970-01-01T00:00:00Z");
	assert_int_equal(unsetenv("TZ"), 0);
}

static void assert_safe(const char *text, const char *shown)
{
	NSN_AUTO(page_clear) struct page p = {0};

	page_open(&p);
	out_safe(p.out.to, text);
	page_flush(&p);
	assert_string_equal(p.to, shown);
}

static void control_characters_never_reach_the_terminal(void **state)
{
	(void)state;
	assert_safe("customer1", "customer1");
	assert_safe("a\033[31mb", "a\\x1b[31mb");
	assert_safe("a\nb\tc\r", "a\\x0ab\\x09c\\x0d");
	assert_safe("\x7f", "\\x7f");
	/* Not UTF-8, and UTF-8 that ends too early. */
	assert_safe("a\xff"
		    "b",
		    "a\\xffb");
	assert_safe("a\xc3", "a\\xc3");
	/* A control character of the second block (CSI). */
	assert_safe("\xc2\x9b", "\\xc2\\x9b");
	assert_safe("gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f");
}

static void outside_utf_8_only_ascii_is_printed(void **state)
{
	(void)state;
	(void)setlocale(LC_CTYPE, "C");
	assert_safe("gr\xc3\xbcn", "gr\\xc3\\xbcn");
}

/* ---- colour -------------------------------------------------------------- */

static void colour_needs_a_terminal_or_an_order(void **state)
{
	NSN_AUTO(page_clear) struct page p = {0};

	(void)state;
	page_open(&p);
	assert_false(out_colored(&p.out, p.out.to));
	p.out.color = OUT_COLOR_ALWAYS;
	assert_int_equal(setenv("NO_COLOR", "1", 1), 0);
	/* The option is the later and clearer word. */
	assert_true(out_colored(&p.out, p.out.to));
	p.out.color = OUT_COLOR_NEVER;
	assert_false(out_colored(&p.out, p.out.to));
}

/* ---- lists --------------------------------------------------------------- */

struct thing {
	const char *name;
	int size;
};

static const struct thing things[] = {{"alpha", 7}, {"evil\033[2J", 12345}, {"gr\xc3\xbcn", 0}};

static char *cell_name(const void *item)
{
	return strdup(((const struct thing *)item)->name);
}

static char *cell_size(const void *item)
{
	char *text;

	return asprintf(&text, "%d", ((const struct thing *)item)->size) < 0 ? NULL : text;
}

static char *plain_size(const void *item)
{
	char *text;

	return asprintf(&text, "%d.0", ((const struct thing *)item)->size) < 0 ? NULL : text;
}

static char *cell_more(const void *item)
{
	(void)item;
	return strdup("more");
}

static const char *size_color(const void *item)
{
	return ((const struct thing *)item)->size > 1000 ? "red" : NULL;
}

static const void *thing_at(const void *data, size_t i)
{
	return (const struct thing *)data + i;
}

static void thing_name(FILE *to, const void *item)
{
	out_safe(to, ((const struct thing *)item)->name);
}

static json_t *thing_json(const void *item)
{
	const struct thing *t = item;

	return json_pack("{s:o, s:i}", "name", out_json_text(t->name), "size", t->size);
}

static const struct out_column thing_columns[] = {
	{"NAME", 0, cell_name, NULL},
	{"SIZE", OUT_RIGHT, cell_size, size_color, plain_size},
	{"MORE", OUT_ONLY_WIDE, cell_more, NULL},
	{0},
};

static const struct out_list thing_list = {
	.kind = "ThingList",
	.columns = thing_columns,
	.at = thing_at,
	.print_name = thing_name,
	.json = thing_json,
};

/* Prints @count things as @o says and compares. */
static void assert_list(struct out o, size_t count, const char *text)
{
	NSN_AUTO(page_clear) struct page p = {.out = o};

	page_open(&p);
	assert_int_equal(out_list(&p.out, &thing_list, things, count, NULL), 0);
	page_flush(&p);
	assert_string_equal(p.to, text);
	assert_string_equal(p.msgs, "");
}

static void a_table_is_aligned_and_escapes_control_characters(void **state)
{
	(void)state;
	assert_list((struct out){0}, 3,
		    "NAME          SIZE\n"
		    "alpha            7\n"
		    "evil\\x1b[2J  12345\n"
		    "gr\xc3\xbcn             0\n");
}

static void a_table_outside_utf_8_is_ascii(void **state)
{
	(void)state;
	(void)setlocale(LC_CTYPE, "C");
	assert_list((struct out){.columns = "NAME", .no_header = true}, 3,
		    "alpha\nevil\\x1b[2J\ngr\\xc3\\xbcn\n");
}

static void wide_adds_columns_and_columns_chooses_them(void **state)
{
	(void)state;
	assert_list((struct out){.format = OUT_WIDE}, 1, "NAME   SIZE  MORE\nalpha     7  more\n");
	assert_list((struct out){.columns = "size,NAME"}, 1, "SIZE  NAME\n   7  alpha\n");
	assert_list((struct out){.columns = "MORE"}, 1, "MORE\nmore\n");
	assert_list((struct out){.columns = "SIZE,SIZE", .no_header = true}, 1, "   7     7\n");
}

static void no_header_leaves_the_rows(void **state)
{
	(void)state;
	assert_list((struct out){.no_header = true}, 1, "alpha     7\n");
}

static void an_empty_list_has_its_header_or_nothing(void **state)
{
	(void)state;
	assert_list((struct out){.format = OUT_NAME}, 0, "");
	assert_list((struct out){.no_header = true}, 0, "");
	assert_list((struct out){0}, 0, "NAME  SIZE\n");
}

static void names_are_one_a_line_and_escaped(void **state)
{
	(void)state;
	assert_list((struct out){.format = OUT_NAME}, 2, "alpha\nevil\\x1b[2J\n");
}

static void colour_is_put_around_the_cell_only(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.color = OUT_COLOR_ALWAYS};

	(void)state;
	page_open(&p);
	assert_int_equal(out_list(&p.out, &thing_list, things, 2, NULL), 0);
	page_flush(&p);
	assert_non_null(strstr(p.to, "\033["));
	assert_null(strstr(p.to, "\033[2J"));
	assert_null(strchr(strstr(p.to, "alpha"), '\033') < strchr(strstr(p.to, "alpha"), '\n')
			    ? p.to
			    : NULL);
}

static void an_unknown_column_prints_nothing(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.columns = "NAME,SZIE"};
	struct nsnet_err err = {0};

	(void)state;
	page_open(&p);
	assert_int_equal(out_list(&p.out, &thing_list, things, 2, &err), -EINVAL);
	page_flush(&p);
	assert_string_equal(p.to, "");
	assert_string_equal(err.msg, "'SZIE' is not a column of this list");
	assert_string_equal(err.hint, "did you mean --columns SIZE?");
}

/* ---- CSV ----------------------------------------------------------------- */

static void csv_has_exact_numbers_and_one_line_a_record(void **state)
{
	(void)state;
	assert_list((struct out){.format = OUT_CSV}, 2,
		    "NAME,SIZE\nalpha,7.0\nevil\\x1b[2J,12345.0\n");
	assert_list((struct out){.format = OUT_CSV, .no_header = true, .columns = "more,NAME"}, 1,
		    "more,alpha\n");
	assert_list((struct out){.format = OUT_CSV}, 0, "NAME,SIZE\n");
	assert_list((struct out){.format = OUT_CSV, .no_header = true}, 0, "");
}

static void csv_quotes_what_would_break_a_record(void **state)
{
	static const struct {
		const char *name, *field;
	} table[] = {
		{"a,b", "\"a,b\""}, {"say \"a\"", "\"say \"\"a\"\"\""},
		{" a", "\" a\""},   {"a ", "\"a \""},
		{"a b", "a b"},	    {"a\nb", "a\\x0ab"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		const struct thing thing = {table[i].name, 0};
		NSN_AUTO(page_clear)
		struct page p = {.out = {.format = OUT_CSV, .columns = "NAME", .no_header = true}};
		NSN_AUTO(nsn_freep) char *line = NULL;

		page_open(&p);
		assert_int_equal(out_list(&p.out, &thing_list, &thing, 1, NULL), 0);
		page_flush(&p);
		assert_true(asprintf(&line, "%s\n", table[i].field) > 0);
		assert_string_equal(p.to, line);
	}
}

/* ---- YAML ---------------------------------------------------------------- */

static void only_what_every_reader_takes_for_a_string_is_plain(void **state)
{
	static const char *const plain[] = {"customer1", "10.10.1.0/24", "10.10.1.1",	 "10mbit",
					    "64000bit",	 "a-b_c.d",	 "/run/netns/x", "auto",
					    "nothing",	 "Yesterday"};
	static const char *const quoted[] = {
		"",	 "no",	      "No",	     "NO",	   "yes", "on",	  "off",    "y",
		"N",	 "true",      "null",	     "False",	   "~",	  "10",	  "1.5",    "1e3",
		"0x1f",	 "0o17",      "1_0",	     "-1",	   ".5",  "1:30", "fd00::", "a: b",
		"a b",	 "#a",	      "- a",	     "*a",	   "&a",  "!a",	  "%a",	    "@a",
		"[a]",	 "{a}",	      "a,b",	     "2026-11-21", "<<",  "=",	  "a\nb",   "a\"b",
		"1.2.3", "1.2.3.4.5", "gr\xc3\xbcn",
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(plain); i++)
		if (!yaml_is_plain(plain[i]))
			fail_msg("'%s' would be quoted", plain[i]);
	for (size_t i = 0; i < NSN_COUNT(quoted); i++)
		if (yaml_is_plain(quoted[i]))
			fail_msg("'%s' would not be quoted", quoted[i]);
}

static void yaml_is_the_same_document(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.format = OUT_YAML};
	json_t *items = json_pack("[{s:s, s:n, s:b, s:i, s:[], s:{}, s:[s, s], s:{s:s}}]", "name",
				  "no", "none", "yes", 1, "n", -5, "empty", "map", "list", "a b",
				  "1:30", "labels", "10", "x\ny\033\xc3\xbc");

	(void)state;
	page_open(&p);
	assert_int_equal(out_document(&p.out, "X", json_pack("{s:b}", "changed", 0), items, NULL),
			 0);
	page_flush(&p);
	assert_string_equal(p.to, "nsnet: 1\n"
				  "kind: X\n"
				  "changed: false\n"
				  "items:\n"
				  "- name: \"no\"\n"
				  "  none: null\n"
				  "  \"yes\": true\n"
				  "  \"n\": -5\n"
				  "  empty: []\n"
				  "  map: {}\n"
				  "  list:\n"
				  "  - \"a b\"\n"
				  "  - \"1:30\"\n"
				  "  labels:\n"
				  "    \"10\": \"x\\ny\\e\\xFC\"\n");
}

static void yaml_lists_and_errors_are_documents_too(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.format = OUT_YAML};
	const struct nsnet_err err = {.code = -2, .id = NSNET_E_NO_TENANT, .msg = "no 'a'"};

	(void)state;
	page_open(&p);
	assert_int_equal(out_list(&p.out, &thing_list, things, 1, NULL), 0);
	assert_int_equal(out_error(&p.out, &err), 4);
	page_flush(&p);
	assert_string_equal(p.to, "nsnet: 1\nkind: ThingList\nitems:\n- name: alpha\n  size: 7\n");
	assert_string_equal(p.msgs, "error:\n"
				    "  code: NO_TENANT\n"
				    "  message: \"no 'a'\"\n"
				    "  hint: null\n"
				    "  where:\n"
				    "    file: null\n"
				    "    line: null\n"
				    "    column: null\n"
				    "    object: null\n"
				    "  details:\n"
				    "    status: 4\n"
				    "    errno: 2\n");
}

/* ---- JSON ---------------------------------------------------------------- */

/* A C1 control character steers terminals, too, and no locale is needed for ASCII. */
static void documents_are_ascii(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.format = OUT_JSON};
	NSN_AUTO(out_json_unref) json_t *doc = json_pack("[s]", "\xc2\x9b gr\xc3\xbcn");

	(void)state;
	page_open(&p);
	assert_int_equal(out_dump(&p.out, p.out.to, doc), 0);
	p.out.format = OUT_YAML;
	assert_int_equal(out_dump(&p.out, p.out.to, doc), 0);
	page_flush(&p);
	assert_string_equal(p.to, "[\n  \"\\u009B gr\\u00FCn\"\n]\n- \"\\x9B gr\\xFCn\"\n");
}

static void a_json_list_is_one_document_in_the_envelope(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.format = OUT_JSON};
	NSN_AUTO(out_json_unref) json_t *doc = NULL;
	json_t *item;

	(void)state;
	page_open(&p);
	assert_int_equal(out_list(&p.out, &thing_list, things, 3, NULL), 0);
	page_flush(&p);
	doc = parse(p.to);
	assert_int_equal(json_integer_value(json_object_get(doc, "nsnet")), 1);
	assert_string_equal(json_string_value(json_object_get(doc, "kind")), "ThingList");
	assert_int_equal(json_array_size(json_object_get(doc, "items")), 3);
	item = json_array_get(json_object_get(doc, "items"), 1);
	assert_string_equal(json_string_value(json_object_get(item, "name")), "evil\033[2J");
	assert_true(json_is_integer(json_object_get(item, "size")));
	/* JSON escapes it in its own way: no raw control character is printed. */
	assert_null(strchr(p.to, '\033'));
}

static void a_document_has_its_extra_fields_before_the_items(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.format = OUT_JSON};

	(void)state;
	page_open(&p);
	assert_int_equal(
		out_document(&p.out, "X", json_pack("{s:b}", "changed", 1), json_array(), NULL), 0);
	page_flush(&p);
	assert_string_equal(p.to, "{\n  \"nsnet\": 1,\n  \"kind\": \"X\",\n  \"changed\": true,\n"
				  "  \"items\": []\n}\n");
}

static void a_document_without_items_is_a_failure(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.format = OUT_JSON};
	struct nsnet_err err = {0};

	(void)state;
	page_open(&p);
	assert_int_equal(out_document(&p.out, "X", NULL, NULL, &err), -ENOMEM);
	assert_int_equal(err.id, NSNET_E_NO_MEMORY);
	page_flush(&p);
	assert_string_equal(p.to, "");
}

static void bytes_that_are_no_utf_8_are_escaped_in_json(void **state)
{
	NSN_AUTO(out_json_unref)
	json_t *s = out_json_text("a\xff"
				  "b");
	NSN_AUTO(out_json_unref) json_t *none = out_json_text(NULL);

	(void)state;
	assert_string_equal(json_string_value(s), "a\\xffb");
	assert_true(json_is_null(none));
}

/* ---- errors and notes ---------------------------------------------------- */

static const struct nsnet_err conflict = {
	.code = -17,
	.id = NSNET_E_TENANT_DIFFERS,
	.msg = "tenant 'a' has subnet 10.1.0.0/24, not \033[1m10.2.0.0/24",
	.where = "tenant a",
	.hint = "nsnet tenant show a",
};

static void an_error_has_its_parts_in_order(void **state)
{
	NSN_AUTO(page_clear) struct page p = {0};

	(void)state;
	page_open(&p);
	assert_int_equal(out_error(&p.out, &conflict), 5);
	page_flush(&p);
	assert_string_equal(p.to, "");
	assert_string_equal(p.msgs,
			    "error: tenant 'a' has subnet 10.1.0.0/24, not \\x1b[1m10.2.0.0/24   "
			    "[TENANT_DIFFERS]\n"
			    " where: tenant a\n"
			    " hint: nsnet tenant show a\n");
}

static void parts_that_an_error_lacks_are_left_out(void **state)
{
	NSN_AUTO(page_clear) struct page p = {0};
	const struct nsnet_err err = {.code = -2, .id = NSNET_E_NO_TENANT, .msg = "no 'a'"};

	(void)state;
	page_open(&p);
	assert_int_equal(out_error(&p.out, &err), 4);
	page_flush(&p);
	assert_string_equal(p.msgs, "error: no 'a'   [NO_TENANT]\n");
}

static void an_error_under_json_is_one_document_on_standard_error(void **state)
{
	NSN_AUTO(page_clear) struct page p = {.out.format = OUT_JSON};
	NSN_AUTO(out_json_unref) json_t *doc = NULL;
	json_t *e;

	(void)state;
	page_open(&p);
	assert_int_equal(out_error(&p.out, &conflict), 5);
	page_flush(&p);
	assert_string_equal(p.to, "");
	doc = parse(p.msgs);
	e = json_object_get(doc, "error");
	assert_string_equal(json_string_value(json_object_get(e, "code")), "TENANT_DIFFERS");
	assert_string_equal(json_string_value(json_object_get(e, "message")), conflict.msg);
	assert_string_equal(json_string_value(json_object_get(e, "hint")), conflict.hint);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(e, "where"), "object")),
		"tenant a");
	assert_true(json_is_null(json_object_get(json_object_get(e, "where"), "file")));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(e, "details"), "status")), 5);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(e, "details"), "errno")), 17);
}

static void a_place_in_the_file_is_a_line_and_a_column(void **state)
{
	static const struct {
		const char *file, *where;
		long long line, column; /* 0: none */
		const char *object;
	} table[] = {
		{"t.yaml", "t.yaml:7:3", 7, 3, NULL},
		{"a:1:2", "a:1:2:9:4", 9, 4, NULL},
		{"t.yaml", "other:7:3", 0, 0, "other:7:3"},
		{"t.yaml", "t.yaml:7", 0, 0, "t.yaml:7"},
		{"t.yaml", "t.yaml:7:", 0, 0, "t.yaml:7:"},
		{"t.yaml", "t.yaml:7:3x", 0, 0, "t.yaml:7:3x"},
		{NULL, "t.yaml:7:3", 0, 0, "t.yaml:7:3"},
		{"t.yaml", "", 0, 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(page_clear)
		struct page p = {.out = {.format = OUT_JSON, .file = table[i].file}};
		NSN_AUTO(out_json_unref) json_t *doc = NULL;
		struct nsnet_err err = {.code = -22, .id = NSNET_E_BAD_FILE, .msg = "bad"};
		const json_t *where;

		(void)snprintf(err.where, sizeof(err.where), "%s", table[i].where);
		page_open(&p);
		assert_int_equal(out_error(&p.out, &err), 2);
		page_flush(&p);
		doc = parse(p.msgs);
		where = json_object_get(json_object_get(doc, "error"), "where");
		assert_int_equal(json_integer_value(json_object_get(where, "line")), table[i].line);
		assert_int_equal(json_integer_value(json_object_get(where, "column")),
				 table[i].column);
		assert_int_equal(json_is_null(json_object_get(where, "file")), !table[i].line);
		if (table[i].object)
			assert_string_equal(json_string_value(json_object_get(where, "object")),
					    table[i].object);
		else
			assert_true(json_is_null(json_object_get(where, "object")));
	}
}

static void a_failure_without_a_reason_is_not_a_success(void **state)
{
	NSN_AUTO(page_clear) struct page p = {0};
	const struct nsnet_err err = {0};

	(void)state;
	page_open(&p);
	assert_int_equal(out_error(&p.out, &err), 3);
	page_flush(&p);
	assert_non_null(strstr(p.msgs, "[INTERNAL]"));
}

static void notes_are_for_people_who_listen(void **state)
{
	static const struct {
		struct out o;
		const char *text;
	} table[] = {
		{{0}, "note: a\\x07b\n"},
		{{.quiet = true}, ""},
		{{.format = OUT_JSON}, ""},
		{{.format = OUT_YAML}, ""},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(page_clear) struct page p = {.out = table[i].o};

		page_open(&p);
		out_note(&p.out, "a\ab");
		page_flush(&p);
		assert_string_equal(p.msgs, table[i].text);
		assert_string_equal(p.to, "");
	}
}

/* ---- progress ------------------------------------------------------------ */

/* Does @total things, one every @each_ms, and compares what was said about it. */
static void assert_progress(struct out o, bool terminal, size_t total, uint64_t each_ms,
			    const char *said)
{
	NSN_AUTO(page_clear) struct page p = {.out = o};
	struct progress progress;

	page_open(&p);
	progress_begin_at(&progress, &p.out, "tenants", total, 1000);
	/* A stream in memory is no terminal. */
	assert_false(progress.line);
	progress.line = terminal && o.progress == OUT_PROGRESS_AUTO && !o.quiet && total > 1;
	for (size_t i = 1; i <= total; i++)
		progress_step_at(&progress, 1000 + i * each_ms);
	progress_hide(&progress);
	page_flush(&p);
	assert_string_equal(p.msgs, said);
	assert_string_equal(p.to, "");
}

static void progress_is_for_who_waits_and_looks(void **state)
{
	(void)state;
	/* Ready in half a second: nothing. Then one line, and none for the last. */
	assert_progress((struct out){0}, true, 4, 100, "");
	assert_progress((struct out){0}, true, 4, 300,
			"[##########          ] 2/4 tenants"
			"\r                                  \r"
			"[###############     ] 3/4 tenants"
			"\r                                  \r");
	assert_progress((struct out){0}, false, 4, 300, "");
	assert_progress((struct out){.quiet = true}, true, 4, 300, "");
	assert_progress((struct out){.progress = OUT_PROGRESS_NEVER}, true, 4, 300, "");
	/* Of one there is nothing to count. */
	assert_progress((struct out){0}, true, 1, 30000, "");
}

static void plain_progress_is_a_line_every_ten_seconds(void **state)
{
	const struct out plain = {.progress = OUT_PROGRESS_PLAIN};

	(void)state;
	assert_progress(plain, false, 10, 900, "");
	assert_progress(plain, false, 8, 4000, "3/8 tenants\n6/8 tenants\n");
	assert_progress((struct out){.progress = OUT_PROGRESS_PLAIN, .quiet = true}, false, 8, 4000,
			"");
}

/* ---- interrupts ---------------------------------------------------------- */

/* How a process ends that gets a signal, and after a while another one. */
static int status_after(int first, int second, long wait_ms)
{
	const struct timespec wait = {.tv_sec = wait_ms / 1000,
				      .tv_nsec = wait_ms % 1000 * 1000000};
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)signal(first, SIG_DFL);
		(void)signal(second, SIG_DFL);
		interrupt_defer();
		(void)raise(first);
		(void)nanosleep(&wait, NULL);
		(void)raise(second);
		_exit(interrupt_seen());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* One that comes before or behind the beginning of a wait ends it as well. */
static void a_signal_ends_the_wait_that_is_about_to_begin(void **state)
{
	(void)state;
	for (int before = 0; before < 2; before++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0) {
			(void)signal(SIGINT, SIG_DFL);
			interrupt_defer();
			if (before)
				(void)raise(SIGINT);
			cmd_timeout(600000);
			if (!before)
				(void)raise(SIGINT);
			/* Twice: one may have been too early. */
			(void)poll(NULL, 0, 10000);
			_exit(poll(NULL, 0, 10000) < 0 && errno == EINTR ? 0 : 1);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

static void a_second_signal_counts_when_it_is_not_the_same(void **state)
{
	int status;

	(void)state;
	/* The first one is told, whatever followed. */
	status = status_after(SIGINT, SIGINT, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == SIGINT);
	status = status_after(SIGTERM, SIGINT, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == SIGTERM);
	status = status_after(SIGINT, SIGINT, 600);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	status = status_after(SIGINT, SIGTERM, 600);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_shown_in_units_people_read),
		cmocka_unit_test(times_are_rfc_3339_in_utc),
		cmocka_unit_test(control_characters_never_reach_the_terminal),
		cmocka_unit_test_teardown(outside_utf_8_only_ascii_is_printed, restore),
		cmocka_unit_test_teardown(colour_needs_a_terminal_or_an_order, restore),
		cmocka_unit_test(a_table_is_aligned_and_escapes_control_characters),
		cmocka_unit_test_teardown(a_table_outside_utf_8_is_ascii, restore),
		cmocka_unit_test(wide_adds_columns_and_columns_chooses_them),
		cmocka_unit_test(no_header_leaves_the_rows),
		cmocka_unit_test(an_empty_list_has_its_header_or_nothing),
		cmocka_unit_test(names_are_one_a_line_and_escaped),
		cmocka_unit_test(colour_is_put_around_the_cell_only),
		cmocka_unit_test(an_unknown_column_prints_nothing),
		cmocka_unit_test(csv_has_exact_numbers_and_one_line_a_record),
		cmocka_unit_test(csv_quotes_what_would_break_a_record),
		cmocka_unit_test(only_what_every_reader_takes_for_a_string_is_plain),
		cmocka_unit_test(yaml_is_the_same_document),
		cmocka_unit_test(yaml_lists_and_errors_are_documents_too),
		cmocka_unit_test(documents_are_ascii),
		cmocka_unit_test(a_place_in_the_file_is_a_line_and_a_column),
		cmocka_unit_test(progress_is_for_who_waits_and_looks),
		cmocka_unit_test(plain_progress_is_a_line_every_ten_seconds),
		cmocka_unit_test(a_signal_ends_the_wait_that_is_about_to_begin),
		cmocka_unit_test(a_second_signal_counts_when_it_is_not_the_same),
		cmocka_unit_test(a_json_list_is_one_document_in_the_envelope),
		cmocka_unit_test(a_document_has_its_extra_fields_before_the_items),
		cmocka_unit_test(a_document_without_items_is_a_failure),
		cmocka_unit_test(bytes_that_are_no_utf_8_are_escaped_in_json),
		cmocka_unit_test(an_error_has_its_parts_in_order),
		cmocka_unit_test(parts_that_an_error_lacks_are_left_out),
		cmocka_unit_test(an_error_under_json_is_one_document_on_standard_error),
		cmocka_unit_test(a_failure_without_a_reason_is_not_a_success),
		cmocka_unit_test(notes_are_for_people_who_listen),
	};

	return cmocka_run_group_tests(tests, restore, NULL);
}
