/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_SCHEMA_H
#define NSN_POLICY_SCHEMA_H

/*
 * schema - which keys a map may have, and what they are
 *
 * A file is described once, as tables: what is read, the messages, the JSON
 * Schema and the manual come from there. nsn_schema_check() is about shape
 * alone; whether a word is a peer is for its type (types.h) to say.
 */
#include "tree.h"
#include "types.h"

enum nsn_shape {
	NSN_SHAPE_WORD,
	NSN_SHAPE_WORDS, /* a list of words */
	NSN_SHAPE_SOME,	 /* a word, or a list of at least one */
	NSN_SHAPE_NAMES, /* a map with keys of the author's choice; the values are words, or `of` */
	NSN_SHAPE_MAPS,	 /* a list of maps, each as `of` says */
	NSN_SHAPE_LATER, /* known to the language, and not to this version */
	NSN_SHAPE_POLICY, /* a part of policies, where tenants alone are read */
};

/* No member of the definition: somebody else puts it where it belongs. */
#define NSN_NO_MEMBER SIZE_MAX

struct nsn_key {
	const char *name;
	enum nsn_shape shape;
	bool required;
	size_t member;	     /* of a word: offset of the const char * that gets it */
	const char *help;    /* one line */
	const char *example; /* a value, as it is written in a file */
	const char *if_none; /* of names: there has to be one, and this is what else can be done */
	const struct nsn_schema *of;
	const struct nsn_type *type;  /* of the word or words; NULL: any text */
	const struct nsn_type *names; /* of names: what the keys are */
};

struct nsn_schema {
	const char *name;    /* "tenant": in the JSON Schema, and a chapter of the manual */
	const char *what;    /* "a tenant" */
	const char *help;    /* for the manual: sentences */
	const char *example; /* a value, as it is written in a file */
	const char *word;    /* the key that a word in place of the map is the value of, or NULL */
	const char *one_of[2]; /* keys of which exactly one has to be there, or NULL */
	enum nsnet_code lacks; /* the reason when a key is missing; NONE: BAD_FILE */
	const struct nsn_key *keys;
	size_t n_keys;
};

/* Tells @diags what in @node is not as @schema says. A recursion as deep as the schema. */
void nsn_schema_check(const struct nsn_schema *schema, const struct nsn_node *node,
		      struct nsn_diags *diags);

/* The row of a key, or NULL. */
const struct nsn_key *nsn_schema_key(const struct nsn_schema *schema, const char *name);

/* Where to point at for a map: its key, or its own first key. */
const struct nsn_span *nsn_map_place(const struct nsn_node *map);

/*
 * nsn_schema_values() - Look at the words of a map, each as its type says
 *
 * Whatever has another shape than the schema says is passed over: that was told.
 * @on_peers (may be NULL) is called for each word that is fine and names peers.
 */
void nsn_schema_values(const struct nsn_schema *schema, const struct nsn_node *node,
		       struct nsn_diags *diags,
		       void (*on_peers)(void *data, const struct nsn_node *word,
					const struct nsn_type *type),
		       void *data);

/*
 * Puts the words of a map (or the word in its place) that was checked into the
 * members of @def. They live as long as the tree.
 */
void nsn_schema_words(const struct nsn_schema *schema, const struct nsn_node *node, void *def);

#endif
