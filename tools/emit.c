/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "emit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "../lib/base/cleanup.h"

/* ---- which strings are strings ------------------------------------------- */

/* Words of YAML 1.1, which has more of them than 1.2. Letter case does not count. */
static bool is_reserved(const char *text)
{
	static const char *const words[] = {"y",     "n",  "yes", "no",	 "true",
					    "false", "on", "off", "null"};

	for (size_t i = 0; i < NSN_COUNT(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

/* "10.10.1.0/24": three dots are in no number. */
static bool is_ipv4(const char *text)
{
	int dots = 0;

	for (const char *p = text; *p; p++) {
		if (!strchr("0123456789./", *p))
			return false;
		dots += *p == '.';
	}
	return dots == 3;
}

/* "10mbit": no number, hexadecimal or not, has these letters. */
static bool is_rate(const char *text)
{
	size_t len = strlen(text);

	return len > 3 && strcmp(text + len - 3, "bit") == 0;
}

bool yaml_is_plain(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789._/-";

	if (!*text || text[strspn(text, rest)])
		return false;
	if (strchr(letters, *text))
		return !is_reserved(text);
	if (*text == '/')
		return true;
	return *text >= '0' && *text <= '9' && (is_ipv4(text) || is_rate(text));
}

/* ---- emitting ------------------------------------------------------------ */

/* libyaml knows two kinds of failure here: no memory, and a file that takes nothing more. */
static int emit(yaml_emitter_t *emitter, int initialised, yaml_event_t *event)
{
	/* The emitter gives the event back, also when it fails. */
	return initialised && yaml_emitter_emit(emitter, event) ? 0 : -ENOMEM;
}

static int emit_scalar(yaml_emitter_t *emitter, const char *text, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return emit(emitter,
		    yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)text,
						 (int)strlen(text), 1, 1, style),
		    &event);
}

static int emit_text(yaml_emitter_t *emitter, const char *text)
{
	return emit_scalar(emitter, text,
			   yaml_is_plain(text) ? YAML_PLAIN_SCALAR_STYLE
					       : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static int emit_value(yaml_emitter_t *emitter, const json_t *value);

/* An empty one in flow style: block style has no word for it. */
static int emit_object(yaml_emitter_t *emitter, const json_t *object)
{
	yaml_event_t event;
	const char *key;
	json_t *value;
	int r = emit(emitter,
		     yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
							 json_object_size(object)
								 ? YAML_BLOCK_MAPPING_STYLE
								 : YAML_FLOW_MAPPING_STYLE),
		     &event);

	/* jansson takes no const here, and changes nothing. */
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (r == 0)
			r = emit_text(emitter, key);
		if (r == 0)
			r = emit_value(emitter, value);
	}
	return r < 0 ? r : emit(emitter, yaml_mapping_end_event_initialize(&event), &event);
}

static int emit_array(yaml_emitter_t *emitter, const json_t *array)
{
	yaml_event_t event;
	int r = emit(emitter,
		     yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
							  json_array_size(array)
								  ? YAML_BLOCK_SEQUENCE_STYLE
								  : YAML_FLOW_SEQUENCE_STYLE),
		     &event);

	for (size_t i = 0; r == 0 && i < json_array_size(array); i++)
		r = emit_value(emitter, json_array_get(array, i));
	return r < 0 ? r : emit(emitter, yaml_sequence_end_event_initialize(&event), &event);
}

static int emit_value(yaml_emitter_t *emitter, const json_t *value)
{
	char number[32];

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return emit_object(emitter, value);
	case JSON_ARRAY:
		return emit_array(emitter, value);
	case JSON_STRING:
		return emit_text(emitter, json_string_value(value));
	case JSON_INTEGER:
		(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
			       json_integer_value(value));
		return emit_scalar(emitter, number, YAML_PLAIN_SCALAR_STYLE);
	case JSON_REAL:
		(void)snprintf(number, sizeof(number), "%.17g", json_real_value(value));
		return emit_scalar(emitter, number, YAML_PLAIN_SCALAR_STYLE);
	case JSON_TRUE:
		return emit_scalar(emitter, "true", YAML_PLAIN_SCALAR_STYLE);
	case JSON_FALSE:
		return emit_scalar(emitter, "false", YAML_PLAIN_SCALAR_STYLE);
	case JSON_NULL:
		return emit_scalar(emitter, "null", YAML_PLAIN_SCALAR_STYLE);
	}
	return -ENOMEM;
}

static int emit_document(yaml_emitter_t *emitter, const json_t *doc)
{
	yaml_event_t event;
	int r = emit(emitter, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING),
		     &event);

	if (r == 0)
		r = emit(emitter, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1),
			 &event);
	if (r == 0)
		r = emit_value(emitter, doc);
	if (r == 0)
		r = emit(emitter, yaml_document_end_event_initialize(&event, 1), &event);
	if (r == 0)
		r = emit(emitter, yaml_stream_end_event_initialize(&event), &event);
	return r;
}

/* A stream that fails is found out when it is closed, like everywhere. */
static int write_to(void *data, unsigned char *buffer, size_t size)
{
	(void)fwrite(buffer, 1, size, data);
	return 1;
}

int yaml_print(FILE *to, const json_t *doc)
{
	yaml_emitter_t emitter;
	int r;

	if (!yaml_emitter_initialize(&emitter))
		return -ENOMEM;
	yaml_emitter_set_output(&emitter, write_to, to);
	yaml_emitter_set_width(&emitter, -1);
	r = emit_document(&emitter, doc);
	yaml_emitter_delete(&emitter);
	return r;
}
