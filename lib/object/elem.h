/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_OBJECT_ELEM_H
#define NSN_OBJECT_ELEM_H

/*
 * elem - elements of nft sets: their row in the table of object.c. Private to
 * lib/object.
 */
#include "object.h"

int nsn_elem_cmp(const struct nsn_object *a, const struct nsn_object *b);
bool nsn_elem_same(const struct nsn_object *a, const struct nsn_object *b);
char *nsn_elem_str(const struct nsn_object *o, struct nsn_arena *arena);

/* nft's word for a family of tables (NFPROTO_*). */
const char *nsn_family_name(uint8_t family);

#endif
