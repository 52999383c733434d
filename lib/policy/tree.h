/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_TREE_H
#define NSN_POLICY_TREE_H

/*
 * tree - a text in YAML as maps, lists and words. Pure.
 *
 * A strict subset, of which JSON is a part: what makes YAML surprising is
 * refused, each with its own message. There are no anchors, aliases, tags, merge
 * keys, directives, second documents or keys twice; a word is the text that was
 * written: `yes`, `no`, `~` and `null` are words like any other, and so is 010.
 * (JSON's escapes of characters beyond U+FFFF, as two surrogates, are not YAML.)
 *
 * A text has at most 1 MiB and 16 levels, so that whoever walks the tree may
 * recurse.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/text.h"
#include "diag.h"

#define NSN_TREE_SIZE_MAX  ((size_t)1 << 20)
#define NSN_TREE_DEPTH_MAX 16

enum nsn_node_kind {
	NSN_NODE_WORD,
	NSN_NODE_MAP,
	NSN_NODE_LIST,
	/* It was refused already (an alias, a key twice): whoever reads the tree passes over it. */
	NSN_NODE_BAD,
};

struct nsn_node {
	enum nsn_node_kind kind;
	bool quoted;	      /* a word in quotes, or a block of text (| and >) */
	uint32_t n;	      /* members of a map or list */
	struct nsn_span at;   /* a map or list without brackets ends where the next thing begins */
	const char *text;     /* of a word; never NULL there, and without NUL bytes in it */
	struct nsn_node *key; /* of a member of a map: a word */
	struct nsn_node *first; /* member of a map or list */
	struct nsn_node *next;	/* in the same map or list, in the order of the text */
};

/*
 * nsn_tree_parse() - Read a text
 *
 * Return: 0 and a tree, also when @diags got something that leaves the rest
 * readable; -EINVAL: @diags has why there is none; -ENOMEM
 */
int nsn_tree_parse(const struct nsn_node **ret, struct nsn_arena *mem, const char *text, size_t len,
		   struct nsn_diags *diags);

/* The member of a map with that key, or NULL. */
const struct nsn_node *nsn_node_get(const struct nsn_node *map, const char *key);

/* A place where a value should be and nothing was written. */
bool nsn_node_empty(const struct nsn_node *node);

#endif
