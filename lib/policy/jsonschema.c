/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jsonschema - the tables as a JSON Schema, for editors and other programs */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "language.h"

/* Each map and each type is defined once; of a recursion there is none. */
#define DEFS_MAX 64

struct writer {
	FILE *to;
	const void *done[DEFS_MAX]; /* schemas and types that were written */
	size_t n;
};

static void text(FILE *to, const char *s)
{
	fputc('"', to);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', to);
		fputc(*s, to);
	}
	fputc('"', to);
}

/* ---- types -------------------------------------------------------------------------------- */

static void type_body(FILE *to, const struct nsn_type *type)
{
	const char *c = type->choices;

	if (c) {
		fputs("{\"enum\": [", to);
		while (*c) {
			size_t n = strcspn(c, " ");

			fprintf(to, "\"%.*s\"%s", (int)n, c, c[n] ? ", " : "");
			c += n + (c[n] == ' ');
		}
		fputs("]}", to);
		return;
	}
	if (type->max && type->min == type->max) {
		fprintf(to, "{\"enum\": [%u, \"%u\"]}", type->min, type->min);
		return;
	}
	if (type->max)
		fprintf(to,
			"{\"anyOf\": [{\"type\": \"integer\", \"minimum\": %u, \"maximum\": %u}, ",
			type->min, type->max);
	fputs("{\"type\": \"string\", \"pattern\": ", to);
	text(to, type->pattern ? type->pattern : "^[1-9][0-9]*$");
	if (type->max)
		fputs("}]", to);
	if (type->help) {
		fputs(", \"description\": ", to);
		text(to, type->help);
	}
	fputc('}', to);
}

static void type_ref(FILE *to, const struct nsn_type *type)
{
	if (type)
		fprintf(to, "{\"$ref\": \"#/$defs/%s\"}", type->name);
	else
		fputs("{\"type\": \"string\"}", to);
}

static void schema_ref(FILE *to, const struct nsn_schema *schema)
{
	fprintf(to, "{\"$ref\": \"#/$defs/%s\"}", schema->name);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void names_body(FILE *to, const struct nsn_key *key)
{
	fputs("{\"type\": \"object\", \"propertyNames\": ", to);
	type_ref(to, key->names);
	fputs(", \"additionalProperties\": ", to);
	if (key->of)
		schema_ref(to, key->of);
	else
		type_ref(to, key->type);
	fprintf(to, "%s}", key->if_none ? ", \"minProperties\": 1" : "");
}

static void key_body(FILE *to, const struct nsn_key *key)
{
	switch (key->shape) {
	case NSN_SHAPE_WORD:
		type_ref(to, key->type);
		return;
	case NSN_SHAPE_WORDS:
		fputs("{\"type\": \"array\", \"items\": ", to);
		type_ref(to, key->type);
		fputc('}', to);
		return;
	case NSN_SHAPE_SOME:
		fputs("{\"anyOf\": [", to);
		type_ref(to, key->type);
		fputs(", {\"type\": \"array\", \"items\": ", to);
		type_ref(to, key->type);
		fprintf(to, ", \"minItems\": 1, \"maxItems\": %d, \"uniqueItems\": true}]}",
			NSN_LIST_MAX);
		return;
	case NSN_SHAPE_NAMES:
		names_body(to, key);
		return;
	case NSN_SHAPE_MAPS:
		fputs("{\"type\": \"array\", \"items\": ", to);
		schema_ref(to, key->of);
		fputc('}', to);
		return;
	case NSN_SHAPE_LATER:
	case NSN_SHAPE_POLICY:
		return;
	}
}

static bool shown(const struct nsn_key *key)
{
	return key->shape != NSN_SHAPE_LATER && key->shape != NSN_SHAPE_POLICY;
}

/* ---- maps ----------------------------------------------------------------------------------- */

static void required(FILE *to, const struct nsn_schema *schema, const char *in)
{
	const char *comma = "";

	fprintf(to, "%s\"required\": [", in);
	for (size_t i = 0; i < schema->n_keys; i++) {
		if (!schema->keys[i].required)
			continue;
		fprintf(to, "%s\"%s\"", comma, schema->keys[i].name);
		comma = ", ";
	}
	fputs("],\n", to);
	if (schema->one_of[0])
		fprintf(to, "%s\"oneOf\": [{\"required\": [\"%s\"]}, {\"required\": [\"%s\"]}],\n",
			in, schema->one_of[0], schema->one_of[1]);
}

static void map_body(FILE *to, const struct nsn_schema *schema, const char *in)
{
	const char *comma = "";

	fprintf(to, "%s\"type\": \"object\",\n", in);
	required(to, schema, in);
	fprintf(to, "%s\"additionalProperties\": false,\n%s\"properties\": {", in, in);
	for (size_t i = 0; i < schema->n_keys; i++) {
		const struct nsn_key *key = &schema->keys[i];

		if (!shown(key))
			continue;
		fprintf(to, "%s\n%s  \"%s\": {\"description\": ", comma, in, key->name);
		text(to, key->help);
		/* Beside a $ref other words count, too, since 2019-09. */
		fputs(", \"allOf\": [", to);
		key_body(to, key);
		fputs("]}", to);
		comma = ",";
	}
	fprintf(to, "\n%s}", in);
}

static bool is_new(struct writer *w, const void *def)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->done[i] == def)
			return false;
	if (w->n < DEFS_MAX)
		w->done[w->n++] = def;
	return true;
}

static void define_type(struct writer *w, const struct nsn_type *type)
{
	if (!type || !is_new(w, type))
		return;
	fprintf(w->to, "%s\n    \"%s\": ", w->n > 1 ? "," : "", type->name);
	type_body(w->to, type);
}

static void define_map(struct writer *w, const struct nsn_schema *schema)
{
	if (!is_new(w, schema))
		return;
	fprintf(w->to, "%s\n    \"%s\": {\n", w->n > 1 ? "," : "", schema->name);
	if (schema->word) {
		fputs("      \"anyOf\": [\n        ", w->to);
		type_ref(w->to, nsn_schema_key(schema, schema->word)->type);
		fputs(",\n        {\n", w->to);
		map_body(w->to, schema, "          ");
		fputs("\n        }\n      ]", w->to);
	} else {
		map_body(w->to, schema, "      ");
	}
	fputs("\n    }", w->to);
}

/* What is below a map, and then what is below that. */
static void define_below(struct writer *w, const struct nsn_schema *schema)
{
	for (size_t i = 0; i < schema->n_keys; i++) {
		const struct nsn_key *key = &schema->keys[i];

		if (!shown(key))
			continue;
		define_type(w, key->type);
		define_type(w, key->names);
		if (!key->of)
			continue;
		define_map(w, key->of);
		define_below(w, key->of);
	}
}

int nsn_language_json(char **ret)
{
	NSN_AUTO(nsn_freep) char *out = NULL;
	size_t size;
	struct writer w = {.to = open_memstream(&out, &size)};

	if (!w.to)
		return -ENOMEM;
	fputs("{\n"
	      "  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
	      "  \"$id\": \"urn:nsnet:policy:1\",\n"
	      "  \"title\": \"a file of nsnet policies\",\n",
	      w.to);
	map_body(w.to, &nsn_schema_file, "  ");
	fputs(",\n  \"$defs\": {", w.to);
	define_below(&w, &nsn_schema_file);
	fputs("\n  }\n}\n", w.to);
	if (fclose(w.to) != 0)
		return -ENOMEM;
	*ret = NSN_TAKE_PTR(out);
	return 0;
}
