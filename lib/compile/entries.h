/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_ENTRIES_H
#define NSN_COMPILE_ENTRIES_H

/*
 * entries - the maps of a gateway's inet table, and their elements. Private to policies*.c.
 */
#include "../object/object.h"

#define NSN_ENTRY_KEY 40

struct nsn_entry {
	const char *set;
	uint8_t key[NSN_ENTRY_KEY], end[NSN_ENTRY_KEY];
	uint32_t len;
	bool range;
	const void *data;
	uint32_t data_len;
	const char *object, *comment;
};

/* All maps and sets that are there; empty. 0 or -ENOMEM */
int nsn_entry_sets(struct nsn_state *s, struct nsn_place at, bool six, bool uplink);

/* One more field of the key, padded to four bytes. */
void nsn_entry_field(struct nsn_entry *e, const void *first, const void *last, uint32_t len);
/* 0 or -ENOMEM */
int nsn_entry_add(struct nsn_state *s, struct nsn_place at, const struct nsn_entry *e);

/* How long each field of a set's key is; NULL: it is none of ours, or has no ranges. */
const uint8_t *nsn_entry_ranges(const char *set, uint32_t *key_len, size_t *n);

#endif
