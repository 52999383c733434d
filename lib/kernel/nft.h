/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFT_H
#define NSN_KERNEL_NFT_H

/*
 * nft - tables, counters and chains with their rules
 *
 * Reading gives objects. Writing collects changes in a transaction that takes
 * effect as a whole or not at all; an object's rules are replaced together.
 */
#include "../object/object.h"

struct nsn_nl;
struct nsn_nft_txn;

/*
 * Adds all tables of all families to @ret, and the chains and counters of
 * those called @table (those of others are not ours to look into). A table
 * without a comment has the comment "".
 */
int nsn_nft_dump(struct nsn_nl *nl, const char *table, struct nsn_state *ret, struct nsn_place at,
		 struct nsnet_err *err);

int nsn_nft_begin(struct nsn_nft_txn **ret, struct nsnet_err *err);
void nsn_nft_free(struct nsn_nft_txn *t); /* not committed: nothing happens; NULL is fine */

/* For NSN_OBJ_TABLE, NSN_OBJ_COUNTER and NSN_OBJ_CHAIN. */
int nsn_nft_add(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err);
/* Removing a table removes what is in it. */
int nsn_nft_del(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err);
/* Turns @have into @want, which has the same key. */
int nsn_nft_change(struct nsn_nft_txn *t, const struct nsn_object *want,
		   const struct nsn_object *have, struct nsnet_err *err);

int nsn_nft_commit(struct nsn_nft_txn *t, struct nsn_nl *nl, struct nsnet_err *err);

#endif
