/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_BASE_TEXT_H
#define NSN_BASE_TEXT_H

/*
 * text - strict numbers, foreign text in messages, and memory that is freed at once
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Decimal digits only, no sign, no white space, no leading zero but in "0". 0 or -EINVAL/-ERANGE.
 */
int nsn_u64_parse(uint64_t *ret, const char *text, uint64_t max);

/* Fits what a name or a subnet may be, escaped, and "...". */
#define NSN_SHOW_SIZE 72

/*
 * For text of somebody else in a message: control and non-ASCII bytes, quotes
 * and backslashes become \\x1b, what does not fit is cut with "...". @size is 5
 * at least. Returns @buf.
 */
const char *nsn_text_show(const char *text, char *buf, size_t size);

/*
 * An arena: many small pieces that live and die together, as the objects of
 * one observation do. Pieces are zeroed and aligned for any type. Start as
 * { 0 }; nsn_arena_free() leaves it ready for use again.
 */
struct nsn_arena {
	struct nsn_arena_block *block;
};

void *nsn_arena_alloc(struct nsn_arena *a, size_t size); /* NULL: no memory */
char *nsn_arena_strdup(struct nsn_arena *a, const char *s);
char *nsn_arena_printf(struct nsn_arena *a, const char *fmt, ...) NSN_PRINTF(2, 3);
void *nsn_arena_memdup(struct nsn_arena *a, const void *p, size_t size);
void nsn_arena_free(struct nsn_arena *a);
/* All pieces of @from become pieces of @a, where they are. */
void nsn_arena_join(struct nsn_arena *a, struct nsn_arena *from);

/*
 * Edit distance with swaps of neighbours (Damerau-Levenshtein), for "did you
 * mean". Texts of more than 63 bytes are taken as far apart.
 */
size_t nsn_text_distance(const char *a, const char *b);

#endif
