/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "../base/cleanup.h"
#include "chars.h"
#include "syntax.h"

/* A map or list that is being read. */
struct frame {
	struct nsn_node *node;
	struct nsn_node *key;	/* of a map: read, and its value comes next */
	struct nsn_node **tail; /* where the next member goes */
};

struct reader {
	struct nsn_arena *mem;
	struct nsn_diags *diags;
	const char *text;
	size_t len;
	struct frame stack[NSN_TREE_DEPTH_MAX];
	size_t depth;
	struct nsn_node *root;
	bool begun; /* the document has */
	bool ended; /* the text has */
};

const struct nsn_node *nsn_node_get(const struct nsn_node *map, const char *key)
{
	for (const struct nsn_node *m = map->first; m; m = m->next)
		if (strcmp(m->key->text, key) == 0)
			return m;
	return NULL;
}

bool nsn_node_empty(const struct nsn_node *node)
{
	return node->kind == NSN_NODE_WORD && !node->quoted && !node->text[0];
}

static struct nsn_span span(const yaml_mark_t *from, const yaml_mark_t *to)
{
	return (struct nsn_span){
		.line = (uint32_t)from->line + 1,
		.col = (uint32_t)from->column + 1,
		.end_line = (uint32_t)to->line + 1,
		.end_col = (uint32_t)to->column + 1,
	};
}

/* ---- maps and lists -------------------------------------------------------------- */

static bool after(const struct nsn_span *a, const struct nsn_span *b)
{
	return a->line != b->line ? a->line > b->line : a->col > b->col;
}

static int by_text(const void *a, const void *b)
{
	const struct nsn_node *x = *(struct nsn_node *const *)a, *y = *(struct nsn_node *const *)b;
	int order = strcmp(x->key->text, y->key->text);

	return order ? order : after(&x->key->at, &y->key->at) ? 1 : -1;
}

/* Sorted, because a map may have as many members as fit into the text. */
static int refuse_twice(struct reader *rd, const struct nsn_node *map)
{
	NSN_AUTO(nsn_freep) struct nsn_node **all = NULL;
	char shown[NSN_SHOW_SIZE];
	size_t n = 0, first = 0;

	if (map->n < 2)
		return 0;
	all = calloc(map->n, sizeof(*all));
	if (!all)
		return -ENOMEM;
	for (struct nsn_node *m = map->first; m; m = m->next)
		all[n++] = m;
	qsort(all, n, sizeof(*all), by_text);

	for (size_t i = 1; i < n; i++) {
		const struct nsn_node *key = all[first]->key;

		if (strcmp(all[i]->key->text, key->text) != 0) {
			first = i;
			continue;
		}
		nsn_diag_add(rd->diags, &all[i]->key->at,
			     "'%s' is given twice, first in line %u, column %u",
			     nsn_text_show(key->text, shown, sizeof(shown)), key->at.line,
			     key->at.col);
		all[i]->kind = NSN_NODE_BAD;
	}
	return 0;
}

static void check_key(struct reader *rd, struct nsn_node *key)
{
	if (key->kind == NSN_NODE_MAP || key->kind == NSN_NODE_LIST) {
		nsn_diag_add(rd->diags, &key->at, "a key has to be one word, not %s",
			     key->kind == NSN_NODE_MAP ? "a map" : "a list");
	} else if (key->kind == NSN_NODE_WORD && !key->text[0]) {
		nsn_diag_add(rd->diags, &key->at, "a key is empty");
		key->kind = NSN_NODE_BAD;
	} else if (key->kind == NSN_NODE_WORD && !key->quoted && strcmp(key->text, "<<") == 0) {
		nsn_diag_hint(nsn_diag_add(rd->diags, &key->at, "merge keys (<<) cannot be used"),
			      "write the settings out");
		key->kind = NSN_NODE_BAD;
	}
}

/* Puts a node where it belongs; what belongs to a key that was refused is left out of the tree. */
static void attach(struct reader *rd, struct nsn_node *node)
{
	struct frame *top = rd->depth ? &rd->stack[rd->depth - 1] : NULL;

	if (!top) {
		rd->root = node;
		return;
	}
	if (top->node->kind == NSN_NODE_MAP && !top->key) {
		check_key(rd, node);
		top->key = node;
		return;
	}
	node->key = top->key;
	top->key = NULL;
	if (node->key && node->key->kind != NSN_NODE_WORD)
		return;
	*top->tail = node;
	top->tail = &node->next;
	top->node->n++;
}

static int begin(struct reader *rd, struct nsn_node *node)
{
	if (rd->depth == NSN_TREE_DEPTH_MAX) {
		nsn_diag_add(rd->diags, &node->at, "maps and lists have at most %d levels",
			     NSN_TREE_DEPTH_MAX);
		return -EINVAL;
	}
	attach(rd, node);
	rd->stack[rd->depth++] = (struct frame){.node = node, .tail = &node->first};
	return 0;
}

static int end(struct reader *rd, const yaml_event_t *ev)
{
	struct nsn_node *node;

	if (rd->depth == 0)
		return 0; /* libyaml ends what it began, and nothing else; analyzers do not know */
	node = rd->stack[--rd->depth].node;
	node->at.end_line = (uint32_t)ev->end_mark.line + 1;
	node->at.end_col = (uint32_t)ev->end_mark.column + 1;
	return node->kind == NSN_NODE_MAP ? refuse_twice(rd, node) : 0;
}

/* ---- nodes ---------------------------------------------------------------------- */

static struct nsn_node *node_new(struct reader *rd, enum nsn_node_kind kind, const yaml_event_t *ev)
{
	struct nsn_node *node = nsn_arena_alloc(rd->mem, sizeof(*node));

	if (!node)
		return NULL;
	node->kind = kind;
	node->at = span(&ev->start_mark, &ev->end_mark);
	return node;
}

/* They stand before what they belong to, and that can be read without them. */
static void refuse_props(struct reader *rd, const struct nsn_node *node, const yaml_char_t *anchor,
			 const yaml_char_t *tag)
{
	char shown[NSN_SHOW_SIZE];

	if (anchor)
		nsn_diag_hint(
			nsn_diag_add(rd->diags, &node->at, "anchors cannot be used: '&%s'",
				     nsn_text_show((const char *)anchor, shown, sizeof(shown))),
			"leave it out, and write the value wherever it is meant");
	if (tag)
		nsn_diag_hint(nsn_diag_add(rd->diags, &node->at, "tags cannot be used: '%s'",
					   nsn_text_show((const char *)tag, shown, sizeof(shown))),
			      "leave it out, a value is the text that is written");
}

static int on_alias(struct reader *rd, const yaml_event_t *ev)
{
	struct nsn_node *node = node_new(rd, NSN_NODE_BAD, ev);
	char shown[NSN_SHOW_SIZE];

	if (!node)
		return -ENOMEM;
	nsn_diag_hint(nsn_diag_add(rd->diags, &node->at, "aliases cannot be used: '*%s'",
				   nsn_text_show((const char *)ev->data.alias.anchor, shown,
						 sizeof(shown))),
		      "write the value out");
	attach(rd, node);
	return 0;
}

static int on_word(struct reader *rd, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct nsn_node *node = node_new(rd, NSN_NODE_WORD, ev);
	char why[NSN_CHARS_WHY_SIZE];
	struct nsn_span inside;

	if (!node)
		return -ENOMEM;
	node->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	node->text = len ? nsn_arena_memdup(rd->mem, text, len + 1) : "";
	if (!node->text)
		return -ENOMEM;
	refuse_props(rd, node, ev->data.scalar.anchor, ev->data.scalar.tag);
	/* The text as a whole was looked at, but "\0" is two good characters there. */
	if (!nsn_chars_ok(text, len, &inside, why)) {
		nsn_diag_add(rd->diags, &node->at, "%s", why);
		node->kind = NSN_NODE_BAD;
	}
	attach(rd, node);
	return 0;
}

static int on_map(struct reader *rd, const yaml_event_t *ev)
{
	struct nsn_node *node = node_new(rd, NSN_NODE_MAP, ev);

	if (!node)
		return -ENOMEM;
	refuse_props(rd, node, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
	return begin(rd, node);
}

static int on_list(struct reader *rd, const yaml_event_t *ev)
{
	struct nsn_node *node = node_new(rd, NSN_NODE_LIST, ev);

	if (!node)
		return -ENOMEM;
	refuse_props(rd, node, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
	return begin(rd, node);
}

static int on_document(struct reader *rd, const yaml_event_t *ev)
{
	const struct nsn_span at = span(&ev->start_mark, &ev->end_mark);

	if (rd->begun) {
		nsn_diag_add(rd->diags, &at, "a second document begins here, and a file is one");
		return -EINVAL;
	}
	rd->begun = true;
	return 0;
}

static int on_event(struct reader *rd, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		return on_document(rd, ev);
	case YAML_ALIAS_EVENT:
		return on_alias(rd, ev);
	case YAML_SCALAR_EVENT:
		return on_word(rd, ev);
	case YAML_MAPPING_START_EVENT:
		return on_map(rd, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_list(rd, ev);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		return end(rd, ev);
	case YAML_NO_EVENT:
	case YAML_STREAM_END_EVENT:
		rd->ended = true;
		return 0;
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		return 0;
	}
	return 0;
}

static int read_events(struct reader *rd)
{
	NSN_AUTO(yaml_parser_delete) yaml_parser_t parser = {0};
	int r = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)rd->text, rd->len);
	while (r == 0 && !rd->ended) {
		yaml_event_t ev;

		if (!yaml_parser_parse(&parser, &ev))
			return nsn_syntax_refuse(&parser, rd->text, rd->len, rd->diags);
		r = on_event(rd, &ev);
		yaml_event_delete(&ev);
	}
	return r;
}

int nsn_tree_parse(const struct nsn_node **ret, struct nsn_arena *mem, const char *text, size_t len,
		   struct nsn_diags *diags)
{
	struct reader rd = {.mem = mem, .diags = diags};
	struct nsn_span at = {1, 1, 1, 1};
	char why[NSN_CHARS_WHY_SIZE];
	int r;

	if (len > NSN_TREE_SIZE_MAX) {
		nsn_diag_add(diags, &at, "the file has %zu bytes, %zu (1 MiB) are the most", len,
			     NSN_TREE_SIZE_MAX);
		return -EINVAL;
	}
	/* Some editors put a byte order mark first. It has no column. */
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	if (!nsn_chars_ok(text, len, &at, why)) {
		nsn_diag_add(diags, &at, "%s", why);
		return -EINVAL;
	}
	rd.text = len ? text : ""; /* libyaml asserts that there is one */
	rd.len = len;
	r = nsn_syntax_directives(text, len, diags);
	if (r == 0)
		r = read_events(&rd);
	if (r < 0)
		return r;
	if (!rd.root || nsn_node_empty(rd.root)) {
		nsn_diag_hint(nsn_diag_add(diags, &at, "the file is empty"), "begin with nsnet: 1");
		return -EINVAL;
	}
	*ret = rd.root;
	return 0;
}
