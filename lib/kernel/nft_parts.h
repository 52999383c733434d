/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFT_PARTS_H
#define NSN_KERNEL_NFT_PARTS_H

/*
 * nft_parts - what the files of nft share. Private to lib/kernel.
 *
 * nft.c        transactions; tables
 * nft_obj.c    named objects: counters, limits
 * nft_set.c, nft_elem.c  sets and their elements
 * nft_chain.c  chains
 * nft_rule.c, nft_expr.c, nft_act.c  their rules
 */
#include "nft.h"

/* NSN_CLEANUP() for what libnftnl frees: its functions do not take NULL. */
#define NSN_NFT_CLEANUP(type, name)                                                                \
	static inline void name##p(type **p)                                                       \
	{                                                                                          \
		if (*p)                                                                            \
			name(*p);                                                                  \
	}

struct nlmsghdr;
struct nsn_nl;
struct nsn_nl_batch;
struct nsn_nft_run;

/*
 * The most one of our messages takes: a rule of NSN_NFT_EXPRS (20) expressions,
 * of which the largest is 140 bytes (a dynset with a limit in it), a comment
 * and two names, which the kernel lets have 255 characters.
 */
#define NSN_NFT_ROOM  4096
#define NSN_NFT_UDATA 256 /* the kernel takes no more for nft */

struct nsn_nft_txn {
	struct nsn_nl_batch *batch;
	uint32_t sets;		   /* made in this transaction: each needs a number of its own */
	struct nsn_nft_run *run;   /* elements that will be one message; NULL: none */
	struct nsn_state expected; /* chains made, empty, before what leads to them */
	struct nsn_state doomed;   /* chains that go at the end */
};

/*
 * The next message, about @o, with room for NSN_NFT_ROOM bytes. NULL: no memory.
 * Return of the writers: 0 or a negative errno; @type is NFT_MSG_NEW* or _DEL*.
 */
struct nlmsghdr *nsn_nft_message(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
				 const struct nsn_object *o, uint8_t family, struct nsnet_err *err);

int nsn_nft_counter_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
			  const struct nsn_object *o, struct nsnet_err *err);
int nsn_nft_limit_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
			const struct nsn_object *o, struct nsnet_err *err);
int nsn_nft_set_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
		      const struct nsn_object *o, struct nsnet_err *err);
int nsn_nft_elem_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
		       const struct nsn_object *o, struct nsnet_err *err);
int nsn_nft_chain_write(struct nsn_nft_txn *t, uint16_t type, uint16_t flags,
			const struct nsn_object *o, struct nsnet_err *err);
int nsn_nft_chain_change(struct nsn_nft_txn *t, const struct nsn_object *want,
			 const struct nsn_object *have, struct nsnet_err *err);
/* Something in the table of @by leads to the chain @name: if there is none, makes one without
 * rules. */
int nsn_nft_chain_expect(struct nsn_nft_txn *t, const struct nsn_object *by, const char *name,
			 struct nsnet_err *err);
/* Removes the chains that wait for it. */
int nsn_nft_chains_end(struct nsn_nft_txn *t, struct nsnet_err *err);
/* Elements are collected; this makes a message of those that wait. */
int nsn_nft_run_end(struct nsn_nft_txn *t, struct nsnet_err *err);
void nsn_nft_run_free(struct nsn_nft_run *run); /* NULL is fine */

/* ---- reading ----------------------------------------------------------------- */

struct nsn_nft_dump {
	const char *table; /* only what is in tables of this name is looked at */
	struct nsn_state *state;
	struct nsn_place at;
	size_t start; /* where what is being read begins in @state */
};

/*
 * What takes the messages of a dump; @arg is a struct nsn_nft_dump. Of objects,
 * counters and limits are told apart: all else becomes a counter with its type
 * before its name.
 */
int nsn_nft_obj_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err);
int nsn_nft_set_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err);
int nsn_nft_chain_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err);
int nsn_nft_chain_rule_read(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err);
void nsn_nft_chain_restart(void *arg); /* forgets the rules */
/* Forgets what was read since `start`. */
void nsn_nft_restart(void *arg);

/* Adds the elements of the sets that are in @d from index @first on. */
int nsn_nft_dump_elems(struct nsn_nl *nl, struct nsn_nft_dump *d, size_t first,
		       struct nsnet_err *err);

#endif
