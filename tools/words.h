/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_WORDS_H
#define NSNET_TOOLS_WORDS_H

/*
 * words - a list in one argument, with commas between its words
 */
#include <stddef.h>

#include "../lib/base/err.h"

struct words {
	char *text; /* what the words are parts of */
	const char **at;
	size_t n;
};

/* An empty word is one, too: the library says what is wrong with it. */
int words_split(struct words *ret, const char *list, struct nsnet_err *err);
void words_clear(struct words *w);

/* The other way round, to be freed; NULL: no memory. */
char *words_join(const char *const *words, size_t n);

#endif
