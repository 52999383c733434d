/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STORE_NUMBERS_H
#define NSN_STORE_NUMBERS_H

/*
 * numbers - what the kernel's objects are named after, and never given twice. Of
 * this folder only.
 */
#include "sql.h"

/* The next of all ports, cables and uplinks. 0, or -EOVERFLOW (STORE_IO) when there are no more. */
int nsn_next_link(struct nsn_store *s, uint64_t *ret, struct nsnet_err *err);
/* -EOVERFLOW (STORE_IO) */
int nsn_no_numbers(const struct nsn_store *s, struct nsnet_err *err);

/*
 * The lowest slot below @limit that no cable and no uplink has and none had in this boot. With
 * @reuse, when there is none, the one that was freed first. Taken off the list of
 * freed ones. 1 got, 0 none
 */
int nsn_next_slot(struct nsn_store *s, uint32_t limit, bool reuse, uint32_t *ret,
		  struct nsnet_err *err);
int nsn_free_slot(struct nsn_store *s, uint32_t slot, struct nsnet_err *err);

/* After a rollback: what was given and may be in the kernel stays used. */
void nsn_numbers_burn(struct nsn_store *s, const struct nsn_given *g);

#endif
