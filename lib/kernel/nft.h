/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFT_H
#define NSN_KERNEL_NFT_H

/*
 * nft - tables, counters, limits, sets with their elements, chains with their
 * rules: everything that is in a table
 *
 * Reading gives objects. Writing collects changes in a transaction that takes
 * effect as a whole or not at all; an object's rules are replaced together.
 */
#include "../object/object.h"

struct nsn_nl;
struct nsn_nft_txn;

/*
 * Adds all tables of all families to @ret, and what is in those called @table,
 * in whatever family (those of others are not ours to look into). A table
 * without a comment has the comment "".
 *
 * What is there and struct nsn_object has no member for shows, too, so that it
 * never passes for what we made:
 *   objects of other types (a quota, a ct helper) are counters whose name has the
 *     type before it: "quota q". A space is in no name of ours.
 *   sets with a policy, a counter in each element... have the flag NSN_NFT_SET_ODD,
 *     which is none of the kernel's
 *   elements with a timeout, a comment, a counter... are `odd`, and so are both ends
 *     of an interval in a set of a single field (the kernel has two elements for it)
 *   anonymous sets of foreign rules are sets; what is in them is left out, and so are
 *     the elements of sets that packets fill (NFT_SET_EVAL)
 */
#define NSN_NFT_SET_ODD (UINT32_C(1) << 31)
int nsn_nft_dump(struct nsn_nl *nl, const char *table, struct nsn_state *ret, struct nsn_place at,
		 struct nsnet_err *err);

int nsn_nft_begin(struct nsn_nft_txn **ret, struct nsnet_err *err);
void nsn_nft_free(struct nsn_nft_txn *t); /* not committed: nothing happens; NULL is fine */

/*
 * For NSN_OBJ_TABLE, _COUNTER, _LIMIT, _SET, _ELEM and _CHAIN, in this order:
 * what refers to something comes after it. Only chains may come in any order, and
 * after the elements and rules that lead to them: of those that something leads to
 * an empty one is made first. (One that is not added then stays as it is.) What is there already in
 * the same form is left as it is; -EINVAL (INTERNAL, KERNEL) for what cannot be written. A limit of
 * more than 18,446,744,073 bytes a second, burst included, is refused
 * (-EOVERFLOW): the kernel multiplies them by nanoseconds in 64 bits.
 */
int nsn_nft_add(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err);
/*
 * In the opposite order: chains lose their rules in their turn and go when all else
 * of the transaction has been done, or with their table. A table goes with what is in it, a set
 * with its elements, a chain with its rules. What is not there refuses the transaction
 * (-ENOENT), what is referred to as well (-EBUSY).
 */
int nsn_nft_del(struct nsn_nft_txn *t, const struct nsn_object *o, struct nsnet_err *err);
/*
 * nsn_nft_change() - Turn @have into @want, which has the same key
 *
 * Rules of a chain are replaced under the same hook; all else is deleted and
 * added, in the same transaction. Hence a limit can only be changed when no
 * element refers to it and a set when no rule does: otherwise the commit
 * fails with -EBUSY and nothing has happened. (The kernel has no update of a
 * limit: it takes the message and does nothing.) In one transaction works:
 *   limit: delete the elements that refer to it, change it, add the elements
 *   set:   delete its chains or empty them, change it, add the elements and chains;
 *	    or replace the table as a whole, by a change of the table
 * A table that is changed is empty then: what was in it must be added again.
 */
int nsn_nft_change(struct nsn_nft_txn *t, const struct nsn_object *want,
		   const struct nsn_object *have, struct nsnet_err *err);

/*
 * An error begins with what was refused: "set 'bridge nsnet pins': ...". The
 * kernel names a message, and elements share messages: "element '...' or one of
 * the 9 after it: ...".
 */
int nsn_nft_commit(struct nsn_nft_txn *t, struct nsn_nl *nl, struct nsnet_err *err);
/* What the kernel would say to it; nothing takes effect. @t is used up. */
int nsn_nft_check(struct nsn_nft_txn *t, struct nsn_nl *nl, struct nsnet_err *err);

#endif
