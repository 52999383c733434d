/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_POLICY_SCHEMA_H
#define NSN_POLICY_SCHEMA_H

/*
 * schema - which keys a map may have, and what they are
 *
 * A file is described once, as tables: what is read, the messages, and whatever
 * else tells people about the file come from there. It is about shape alone.
 * Whether a word is a subnet is for the model to say.
 */
#include "tree.h"

enum nsn_shape {
	NSN_SHAPE_WORD,
	NSN_SHAPE_WORDS, /* a list of words */
	NSN_SHAPE_NAMES, /* a map with keys of the author's choice; the values are words, or `of` */
	NSN_SHAPE_LATER, /* known to the language, and not to this version */
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
};

struct nsn_schema {
	const char *what;    /* "a tenant" */
	const char *example; /* a value, as it is written in a file */
	const char *word;    /* the key that a word in place of the map is the value of, or NULL */
	const struct nsn_key *keys;
	size_t n_keys;
};

/* Tells @diags what in @node is not as @schema says. A recursion as deep as the schema. */
void nsn_schema_check(const struct nsn_schema *schema, const struct nsn_node *node,
		      struct nsn_diags *diags);

/*
 * Puts the words of a map (or the word in its place) that was checked into the
 * members of @def. They live as long as the tree.
 */
void nsn_schema_words(const struct nsn_schema *schema, const struct nsn_node *node, void *def);

#endif
