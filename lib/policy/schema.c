/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "schema.h"

#include <stdio.h>
#include <string.h>

static void check_map(const struct nsn_schema *schema, const struct nsn_node *map,
		      struct nsn_diags *diags);

static bool before(const struct nsn_span *a, const struct nsn_span *b)
{
	return a->line != b->line ? a->line < b->line : a->col < b->col;
}

/* ---- keys ----------------------------------------------------------------------- */

const struct nsn_key *nsn_schema_key(const struct nsn_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->n_keys; i++)
		if (strcmp(schema->keys[i].name, name) == 0)
			return &schema->keys[i];
	return NULL;
}

/* Whether it can be written here. */
static bool is_ours(const struct nsn_key *key)
{
	return key->shape != NSN_SHAPE_LATER && key->shape != NSN_SHAPE_POLICY;
}

/* The key that was meant, or NULL. Of "a" everything of one letter would be near. */
static const struct nsn_key *key_near(const struct nsn_schema *schema, const char *typed)
{
	size_t len = strlen(typed), least = len < 6 ? 2 : len / 3 + 1;
	const struct nsn_key *near = NULL;

	for (size_t i = 0; i < schema->n_keys; i++) {
		size_t distance = nsn_text_distance(typed, schema->keys[i].name);

		if (!is_ours(&schema->keys[i]))
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

	diag = nsn_diag_code(nsn_diag_add(diags, &key->at, "unknown key '%s' in %s",
					  nsn_text_show(key->text, shown, sizeof(shown)),
					  schema->what),
			     NSNET_E_UNKNOWN_KEY);
	if (!diag)
		return;
	near = key_near(schema, key->text);
	if (near) {
		nsn_diag_hint(diag, "did you mean %s?", near->name);
		return;
	}
	for (size_t i = 0; i < schema->n_keys; i++) {
		size_t n = strlen(list);

		if (is_ours(&schema->keys[i]))
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

/* One of a list of words. */
static void check_item(const struct nsn_key *key, const struct nsn_node *m, struct nsn_diags *diags)
{
	if (nsn_node_empty(m))
		nsn_diag_add(diags, &m->at, "an item of '%s' has no value", key->name);
	else if (m->kind == NSN_NODE_MAP || m->kind == NSN_NODE_LIST)
		nsn_diag_add(diags, m->kind == NSN_NODE_MAP ? nsn_map_place(m) : &m->at,
			     "an item of '%s' has to be one value, not %s", key->name,
			     kind_words(m));
}

static void check_words(const struct nsn_key *key, const struct nsn_node *list,
			struct nsn_diags *diags)
{
	if (list->kind != NSN_NODE_LIST) {
		refuse_value(list, "a list", key->example, diags);
		return;
	}
	for (const struct nsn_node *m = list->first; m; m = m->next)
		check_item(key, m, diags);
}

static void check_some(const struct nsn_key *key, const struct nsn_node *node,
		       struct nsn_diags *diags)
{
	struct nsn_diag *diag;

	if (node->kind == NSN_NODE_MAP || nsn_node_empty(node)) {
		refuse_value(node, "one value or a list", key->example, diags);
	} else if (node->kind == NSN_NODE_LIST && node->n == 0) {
		diag = nsn_diag_add(diags, &node->at, "'%s' has nothing in it", key->name);
		nsn_diag_hint(diag, "write %s: %s", key->name, key->example);
	} else if (node->kind == NSN_NODE_LIST && node->n > NSN_LIST_MAX) {
		nsn_diag_add(diags, &node->at, "'%s' has %u items, %d are the most", key->name,
			     node->n, NSN_LIST_MAX);
	} else if (node->kind == NSN_NODE_LIST) {
		check_words(key, node, diags);
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

static void check_maps(const struct nsn_key *key, const struct nsn_node *list,
		       struct nsn_diags *diags)
{
	if (list->kind != NSN_NODE_LIST) {
		refuse_value(list, "a list", key->example, diags);
		return;
	}
	for (const struct nsn_node *m = list->first; m; m = m->next) {
		if (m->kind == NSN_NODE_MAP)
			check_map(key->of, m, diags);
		else if (nsn_node_empty(m))
			nsn_diag_add(diags, &m->at, "an item of '%s' has no value", key->name);
		else if (m->kind != NSN_NODE_BAD)
			nsn_diag_hint(nsn_diag_add(diags, &m->at,
						   "an item of '%s' has to be a map, not %s",
						   key->name, kind_words(m)),
				      "write - %s", key->of->example);
	}
}

static void check_member(const struct nsn_schema *schema, const struct nsn_node *m,
			 struct nsn_diags *diags)
{
	const struct nsn_key *key = nsn_schema_key(schema, m->key->text);

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
	case NSN_SHAPE_SOME:
		check_some(key, m, diags);
		return;
	case NSN_SHAPE_NAMES:
		check_names(key, m, diags);
		return;
	case NSN_SHAPE_MAPS:
		check_maps(key, m, diags);
		return;
	case NSN_SHAPE_LATER:
		nsn_diag_add(diags, &m->key->at, "'%s' is not known to this version of nsnet",
			     key->name);
		return;
	case NSN_SHAPE_POLICY:
		nsn_diag_hint(nsn_diag_add(diags, &m->key->at,
					   "'%s' belongs to policies, and tenants alone are read",
					   key->name),
			      "nsnet policy check FILE");
		return;
	}
}

const struct nsn_span *nsn_map_place(const struct nsn_node *map)
{
	/* The key says it best; a map without brackets ends where the next thing begins. */
	if (map->key)
		return &map->key->at;
	if (map->kind == NSN_NODE_MAP && map->first && !before(&map->at, &map->first->key->at))
		return &map->first->key->at;
	return &map->at;
}

/* What a map is called in messages: by its key, by its name, or by what it is. */
static const char *title(const struct nsn_schema *schema, const struct nsn_node *map, char *buf,
			 size_t size)
{
	const struct nsn_node *name = nsn_node_get(map, "name");
	char shown[NSN_SHOW_SIZE];

	if (map->key)
		(void)snprintf(buf, size, "'%s'",
			       nsn_text_show(map->key->text, shown, sizeof(shown)));
	else if (schema->name && name && name->kind == NSN_NODE_WORD)
		(void)snprintf(buf, size, "%s '%s'", schema->name,
			       nsn_text_show(name->text, shown, sizeof(shown)));
	else
		(void)snprintf(buf, size, "%s", schema->what);
	return buf;
}

static void check_one_of(const struct nsn_schema *schema, const struct nsn_node *map,
			 struct nsn_diags *diags)
{
	const char *const *keys = schema->one_of;
	const struct nsn_node *a, *b;
	char buf[NSN_SHOW_SIZE + 32];
	struct nsn_diag *diag;

	if (!keys[0])
		return;
	a = nsn_node_get(map, keys[0]);
	b = nsn_node_get(map, keys[1]);
	(void)title(schema, map, buf, sizeof(buf));
	if (a && b) {
		if (before(&b->key->at, &a->key->at))
			b = a;
		diag = nsn_diag_add(diags, &b->key->at, "%s has both %s and %s", buf, keys[0],
				    keys[1]);
		nsn_diag_hint(diag, "leave one of them out, or make two of it");
	} else if (!a && !b) {
		diag = nsn_diag_add(diags, nsn_map_place(map), "%s has neither %s nor %s", buf,
				    keys[0], keys[1]);
		nsn_diag_hint(diag, "write %s: %s", keys[0],
			      nsn_schema_key(schema, keys[0])->example);
	} else {
		return;
	}
	(void)nsn_diag_code(diag, schema->lacks ? schema->lacks : NSNET_E_BAD_FILE);
}

static void check_map(const struct nsn_schema *schema, const struct nsn_node *map,
		      struct nsn_diags *diags)
{
	char buf[NSN_SHOW_SIZE + 32];
	bool elsewhere = false;

	for (const struct nsn_node *m = map->first; m; m = m->next) {
		const struct nsn_key *key = nsn_schema_key(schema, m->key->text);

		elsewhere = elsewhere || (key && key->shape == NSN_SHAPE_POLICY);
		check_member(schema, m, diags);
	}
	/* Who has the wrong file for us is not helped by what else it lacks. */
	for (size_t i = 0; !elsewhere && i < schema->n_keys; i++) {
		const struct nsn_key *key = &schema->keys[i];
		struct nsn_diag *diag;

		if (!key->required || nsn_node_get(map, key->name))
			continue;
		diag = nsn_diag_add(diags, nsn_map_place(map), "%s has no %s",
				    title(schema, map, buf, sizeof(buf)), key->name);
		(void)nsn_diag_code(diag, schema->lacks ? schema->lacks : NSNET_E_BAD_FILE);
		nsn_diag_hint(diag, "write %s: %s", key->name, key->example);
	}
	check_one_of(schema, map, diags);
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
		put_word(nsn_schema_key(schema, schema->word), node, def);
		return;
	}
	for (const struct nsn_node *m = node->first; m; m = m->next)
		put_word(nsn_schema_key(schema, m->key->text), m, def);
}
