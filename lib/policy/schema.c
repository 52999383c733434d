/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include <stdio.h>
#include <string.h>

static void check_map(const struct nsn_schema *schema, const struct nsn_node *map,
		      struct nsn_diags *diags);

/* ---- keys ----------------------------------------------------------------------- */

static const struct nsn_key *key_find(const struct nsn_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->n_keys; i++)
		if (strcmp(schema->keys[i].name, name) == 0)
			return &schema->keys[i];
	return NULL;
}

/* The key that was meant, or NULL. Of "a" everything of one letter would be near. */
static const struct nsn_key *key_near(const struct nsn_schema *schema, const char *typed)
{
	size_t len = strlen(typed), least = len < 6 ? 2 : len / 3 + 1;
	const struct nsn_key *near = NULL;

	for (size_t i = 0; i < schema->n_keys; i++) {
		size_t distance = nsn_text_distance(typed, schema->keys[i].name);

		if (schema->keys[i].shape == NSN_SHAPE_LATER)
			continue;
		if (distance < least && distance < len) {
			least = distance;
			near = &schema->keys[i];
		}
	}
	return near;
}

static void refuse_unknown(const struct nsn_schema *schema, const struct nsn_node *key,
			   struct nsn_diags *diags)
{
	char shown[NSN_SHOW_SIZE], list[192] = "";
	const struct nsn_key *near;
	struct nsn_diag *diag;

	diag = nsn_diag_add(diags, &key->at, "unknown key '%s' in %s",
			    nsn_text_show(key->text, shown, sizeof(shown)), schema->what);
	if (!diag)
		return;
	near = key_near(schema, key->text);
	if (near) {
		nsn_diag_hint(diag, "did you mean %s?", near->name);
		return;
	}
	for (size_t i = 0; i < schema->n_keys; i++) {
		size_t n = strlen(list);

		if (schema->keys[i].shape != NSN_SHAPE_LATER)
			(void)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "",
				       schema->keys[i].name);
	}
	nsn_diag_hint(diag, "%s has: %s", schema->what, list);
}

/* ---- values --------------------------------------------------------------------- */

static const char *kind_words(const struct nsn_node *node)
{
	switch (node->kind) {
	case NSN_NODE_WORD:
		return "one value";
	case NSN_NODE_MAP:
		return "a map";
	case NSN_NODE_LIST:
		return "a list";
	case NSN_NODE_BAD:
		break;
	}
	return "that";
}

/* @node, the value of its key, is not what it has to be. */
static void refuse_value(const struct nsn_node *node, const char *want, const char *example,
			 struct nsn_diags *diags)
{
	char shown[NSN_SHOW_SIZE];
	const char *key = nsn_text_show(node->key->text, shown, sizeof(shown));
	struct nsn_diag *diag;

	/* Between brackets `mtu:1400` is a key, and has no value. */
	if (nsn_node_empty(node) && !node->key->quoted && strchr(node->key->text, ':'))
		example = NULL;
	if (nsn_node_empty(node))
		diag = nsn_diag_add(diags, &node->key->at, "'%s' has no value", key);
	else
		diag = nsn_diag_add(diags, &node->at, "'%s' has to be %s, not %s", key, want,
				    kind_words(node));
	if (example)
		nsn_diag_hint(diag, "write %s: %s", key, example);
	else if (nsn_node_empty(node))
		nsn_diag_hint(diag, "write a value after ':' and a space");
}

static void check_word(const struct nsn_node *node, const char *example, struct nsn_diags *diags)
{
	if (node->kind != NSN_NODE_BAD && (node->kind != NSN_NODE_WORD || nsn_node_empty(node)))
		refuse_value(node, "one value", example, diags);
}

static void check_words(const struct nsn_key *key, const struct nsn_node *list,
			struct nsn_diags *diags)
{
	if (list->kind != NSN_NODE_LIST) {
		refuse_value(list, "a list", key->example, diags);
		return;
	}
	for (const struct nsn_node *m = list->first; m; m = m->next) {
		if (nsn_node_empty(m))
			nsn_diag_add(diags, &m->at, "an item of '%s' has no value", key->name);
		else if (m->kind == NSN_NODE_MAP || m->kind == NSN_NODE_LIST)
			nsn_diag_add(diags, &m->at, "an item of '%s' has to be one value, not %s",
				     key->name, kind_words(m));
	}
}

static void check_object(const struct nsn_schema *schema, const struct nsn_node *node,
			 struct nsn_diags *diags)
{
	if (node->kind == NSN_NODE_BAD)
		return;
	if (node->kind == NSN_NODE_MAP)
		check_map(schema, node, diags);
	else if (!schema->word || node->kind != NSN_NODE_WORD || nsn_node_empty(node))
		refuse_value(node, schema->word ? "one value or a map" : "a map", schema->example,
			     diags);
}

static void check_names(const struct nsn_key *key, const struct nsn_node *map,
			struct nsn_diags *diags)
{
	if (map->kind != NSN_NODE_MAP) {
		refuse_value(map, "a map", key->example, diags);
		return;
	}
	if (key->if_none && map->n == 0)
		nsn_diag_hint(nsn_diag_add(diags, &map->at, "'%s' has nothing in it", key->name),
			      "%s", key->if_none);
	for (const struct nsn_node *m = map->first; m; m = m->next) {
		if (key->of)
			check_object(key->of, m, diags);
		else
			check_word(m, NULL, diags);
	}
}

static void check_member(const struct nsn_schema *schema, const struct nsn_node *m,
			 struct nsn_diags *diags)
{
	const struct nsn_key *key = key_find(schema, m->key->text);

	if (!key) {
		refuse_unknown(schema, m->key, diags);
		return;
	}
	if (m->kind == NSN_NODE_BAD)
		return;
	switch (key->shape) {
	case NSN_SHAPE_WORD:
		check_word(m, key->example, diags);
		return;
	case NSN_SHAPE_WORDS:
		check_words(key, m, diags);
		return;
	case NSN_SHAPE_NAMES:
		check_names(key, m, diags);
		return;
	case NSN_SHAPE_LATER:
		nsn_diag_add(diags, &m->key->at, "'%s' is not known to this version of nsnet",
			     key->name);
		return;
	}
}

static void check_map(const struct nsn_schema *schema, const struct nsn_node *map,
		      struct nsn_diags *diags)
{
	/* The key says it best; the place of a map without brackets is its first key's. */
	const struct nsn_span *at = map->key ? &map->key->at : &map->at;
	char shown[NSN_SHOW_SIZE];

	for (const struct nsn_node *m = map->first; m; m = m->next)
		check_member(schema, m, diags);
	for (size_t i = 0; i < schema->n_keys; i++) {
		const struct nsn_key *key = &schema->keys[i];
		struct nsn_diag *diag;

		if (!key->required || nsn_node_get(map, key->name))
			continue;
		if (map->key)
			diag = nsn_diag_add(diags, at, "'%s' has no %s",
					    nsn_text_show(map->key->text, shown, sizeof(shown)),
					    key->name);
		else
			diag = nsn_diag_add(diags, at, "%s has no %s", schema->what, key->name);
		nsn_diag_hint(diag, "write %s: %s", key->name, key->example);
	}
}

void nsn_schema_check(const struct nsn_schema *schema, const struct nsn_node *node,
		      struct nsn_diags *diags)
{
	if (node->kind == NSN_NODE_MAP)
		check_map(schema, node, diags);
	else if (node->kind != NSN_NODE_BAD)
		nsn_diag_hint(nsn_diag_add(diags, &node->at, "%s has to be a map, not %s",
					   schema->what, kind_words(node)),
			      "begin with %s", schema->example);
}

/* ---- definitions ------------------------------------------------------------------ */

static void put_word(const struct nsn_key *key, const struct nsn_node *word, void *def)
{
	if (key->shape == NSN_SHAPE_WORD && key->member != NSN_NO_MEMBER)
		memcpy((char *)def + key->member, &word->text, sizeof(word->text));
}

void nsn_schema_words(const struct nsn_schema *schema, const struct nsn_node *node, void *def)
{
	if (node->kind == NSN_NODE_WORD) {
		put_word(key_find(schema, schema->word), node, def);
		return;
	}
	for (const struct nsn_node *m = node->first; m; m = m->next)
		put_word(key_find(schema, m->key->text), m, def);
}
