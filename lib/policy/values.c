/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values - the words of a tree, each asked of its type */
#include "schema.h"

struct walk {
	struct nsn_diags *diags;
	void (*on_peers)(void *data, const struct nsn_node *word, const struct nsn_type *type);
	void *data;
};

static void walk_map(const struct walk *w, const struct nsn_schema *schema,
		     const struct nsn_node *map);

static void walk_word(const struct walk *w, const struct nsn_type *type,
		      const struct nsn_node *word)
{
	struct nsnet_err err = {0};

	if (!type || word->kind != NSN_NODE_WORD || nsn_node_empty(word))
		return;
	if (nsn_type_check(type, word->text, &err) < 0)
		(void)nsn_diag_err(w->diags, &word->at, &err);
	else if (type->peers && w->on_peers)
		w->on_peers(w->data, word, type);
}

static void walk_list(const struct walk *w, const struct nsn_type *type,
		      const struct nsn_node *list)
{
	if (list->kind != NSN_NODE_LIST)
		return;
	for (const struct nsn_node *m = list->first; m; m = m->next)
		walk_word(w, type, m);
}

static void walk_names(const struct walk *w, const struct nsn_key *key, const struct nsn_node *map)
{
	if (map->kind != NSN_NODE_MAP)
		return;
	for (const struct nsn_node *m = map->first; m; m = m->next) {
		walk_word(w, key->names, m->key);
		if (key->of)
			walk_map(w, key->of, m);
		else
			walk_word(w, key->type, m);
	}
}

static void walk_member(const struct walk *w, const struct nsn_key *key, const struct nsn_node *m)
{
	switch (key->shape) {
	case NSN_SHAPE_WORD:
		walk_word(w, key->type, m);
		return;
	case NSN_SHAPE_WORDS:
		walk_list(w, key->type, m);
		return;
	case NSN_SHAPE_SOME:
		walk_word(w, key->type, m);
		walk_list(w, key->type, m);
		return;
	case NSN_SHAPE_NAMES:
		walk_names(w, key, m);
		return;
	case NSN_SHAPE_MAPS:
		for (const struct nsn_node *i = m->first; m->kind == NSN_NODE_LIST && i;
		     i = i->next)
			walk_map(w, key->of, i);
		return;
	case NSN_SHAPE_LATER:
	case NSN_SHAPE_POLICY:
		return;
	}
}

static void walk_map(const struct walk *w, const struct nsn_schema *schema,
		     const struct nsn_node *map)
{
	if (map->kind != NSN_NODE_MAP)
		return;
	for (const struct nsn_node *m = map->first; m; m = m->next) {
		const struct nsn_key *key = nsn_schema_key(schema, m->key->text);

		if (key)
			walk_member(w, key, m);
	}
}

void nsn_schema_values(const struct nsn_schema *schema, const struct nsn_node *node,
		       struct nsn_diags *diags,
		       void (*on_peers)(void *data, const struct nsn_node *word,
					const struct nsn_type *type),
		       void *data)
{
	const struct walk w = {.diags = diags, .on_peers = on_peers, .data = data};

	walk_map(&w, schema, node);
}
