/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_OUT_H
#define NSNET_TOOLS_OUT_H

/*
 * out - how answers, notes and errors reach people and scripts
 *
 * The answer goes to `to`, everything else to `msgs`. One helper prints every
 * list, so that every list takes the same options. What users or other
 * programs named is printed with control characters escaped: a name must not
 * be able to steer a terminal.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "../lib/base/err.h"

enum out_format {
	OUT_TABLE,
	OUT_WIDE,
	OUT_JSON,
	OUT_YAML,
	OUT_CSV,
	OUT_NAME,
	OUT_MARKDOWN, /* matrix */
	OUT_DOT,      /* graph */
	OUT_MERMAID,  /* graph */
};

enum out_color {
	OUT_COLOR_AUTO,
	OUT_COLOR_ALWAYS,
	OUT_COLOR_NEVER,
};

enum out_progress {
	OUT_PROGRESS_AUTO,
	OUT_PROGRESS_PLAIN,
	OUT_PROGRESS_NEVER,
};

struct out {
	FILE *to, *msgs;
	enum out_format format;
	enum out_color color;
	enum out_progress progress;
	const char *columns; /* "NAME,STATE"; NULL: the usual ones */
	const char *file;    /* what the command was given to read; NULL: nothing */
	bool no_header;
	bool quiet;   /* no sentences about what was done, no notes */
	bool verbose; /* steps, too */
	int failed;   /* the status of failures that are not another command's; 0: by the reason */
};

/* ---- text ---------------------------------------------------------------- */

/* Prints with everything escaped that is not printable in this locale. */
void out_safe(FILE *to, const char *text);

#define OUT_BYTES_SIZE 24
/* "0", "512 B", "9.4 MiB", "310 MiB" */
const char *out_bytes(uint64_t bytes, char buf[OUT_BYTES_SIZE]);

#define OUT_TIME_SIZE 32
/* RFC 3339 in UTC */
const char *out_time(int64_t seconds, char buf[OUT_TIME_SIZE]);

/* Whether to use colour on @stream (one of to, msgs). */
bool out_colored(const struct out *o, FILE *stream);

/* "note: ..." unless quiet; nothing when the answer is a document, which has the notes. */
void out_note(const struct out *o, const char *note);

/* ---- documents: JSON, or the same as YAML -------------------------------- */

/* Whether the answer is one document. */
bool out_is_document(const struct out *o);
/* Prints @doc in the format asked for. Return: 0 or -ENOMEM. */
int out_dump(const struct out *o, FILE *to, const json_t *doc);

void out_json_unref(json_t **j);

/* A JSON string; NULL gives null. Bytes that are no UTF-8 are escaped as \xNN. */
json_t *out_json_text(const char *text);

/* A list of them; NULL: no memory. */
json_t *out_json_texts(const char *const *list, size_t n);

/* The same, and null for "". */
json_t *out_json_text_or_null(const char *text);

/*
 * Prints {"nsnet":1,"kind":KIND, ...@extra, "items":[...]}. Takes the
 * references of @extra (may be NULL) and @items; a NULL @items means that
 * there was no memory to make it.
 */
int out_document(const struct out *o, const char *kind, json_t *extra, json_t *items,
		 struct nsnet_err *err);

/* ---- errors -------------------------------------------------------------- */

/*
 * What failed with its code, where, and a hint; under JSON and YAML the same as
 * one document. Return: the exit status that goes with it.
 */
int out_error(const struct out *o, const struct nsnet_err *err);

/* ---- lists --------------------------------------------------------------- */

enum {
	OUT_RIGHT = 1 << 0, /* numbers */
	OUT_ONLY_WIDE = 1 << 1,
};

struct out_column {
	const char *name;
	unsigned int flags;
	/* The cell's text, to be freed; NULL: no memory. */
	char *(*cell)(const void *item);
	/* The colour libsmartcols shall use, or NULL. The callback may be NULL. */
	const char *(*color)(const void *item);
	/* What CSV has instead, for who computes: bytes, not MiB. May be NULL. */
	char *(*plain)(const void *item);
};

struct out_list {
	const char *kind;		  /* "TenantList" */
	const struct out_column *columns; /* ended by a row without name */
	const void *(*at)(const void *data, size_t i);
	void (*print_name)(FILE *to, const void *item);
	json_t *(*json)(const void *item);
};

/* Checks a --columns value. Return: 0, or -EINVAL (USAGE). */
int out_columns_check(const struct out_column *columns, const char *wanted, struct nsnet_err *err);

/* Prints @count items in the format asked for. */
int out_list(const struct out *o, const struct out_list *list, const void *data, size_t count,
	     struct nsnet_err *err);

#endif
