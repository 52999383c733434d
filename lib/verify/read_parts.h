/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_READ_PARTS_H
#define NSN_VERIFY_READ_PARTS_H

/*
 * read_parts - what the readers of rules and connections share. Private to this folder.
 *
 * The kernel's attributes are taken as they are, without libnftnl: that leaves out what
 * it does not know, and here nothing may be left out. An attribute that is in no list of
 * ours makes its expression NSN_X_OTHER, or its object one of ns->strange.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snap.h"

struct nlattr;
struct nlmsghdr;
struct nsnet_err;
struct nsn_nl;

#define NSN_AT_MAX 32

/* The attributes of a message or a nest, by type; @more: there are others than asked for. */
struct nsn_at {
	const struct nlattr *a[NSN_AT_MAX];
	bool more;
};

/*
 * Goes through what is in a nest, which is read only (the library's own loop casts that away).
 * @prev is NULL at first; NULL: no more.
 */
const struct nlattr *nsn_at_next(const struct nlattr *nest, const struct nlattr *prev);
#define NSN_AT_EACH(a, nest)                                                                       \
	for ((a) = nsn_at_next((nest), NULL); (a); (a) = nsn_at_next((nest), (a)))

/* @known: a bit for each type that is expected. Of two of one type the last counts. */
void nsn_at_nest(struct nsn_at *ret, const struct nlattr *nest, uint32_t known);
void nsn_at_msg(struct nsn_at *ret, const struct nlmsghdr *msg, uint32_t known);
/* Numbers in network order, of 1 to 8 bytes; 0 when there is none. */
uint64_t nsn_at_num(const struct nlattr *a);
/* A name, in the arena, with \x1b for what is not printable; "" for none. NULL: no memory. */
const char *nsn_at_str(struct nsn_arena *mem, const struct nlattr *a);
/* The same into a buffer. What nf_tables names has at most 255 bytes, and here no more are taken.
 */
#define NSN_AT_NAME 1024
const char *nsn_at_show(char buf[NSN_AT_NAME], const struct nlattr *a);
/* The name that an attribute has, compared without a copy. */
bool nsn_at_is(const struct nlattr *a, const char *name);
/* The comment in userdata: the TLV of this type; "" for none. NULL: no memory. */
const char *nsn_at_comment(struct nsn_arena *mem, const struct nlattr *a, uint8_t type);

/* A list that grows in an arena: the next zeroed item, or NULL. @n counts it. */
void *nsn_grow(struct nsn_arena *mem, void *list, size_t *n, size_t size);
/* The same with its own type. */
#define NSN_GROW(mem, list, n)                                                                     \
	({                                                                                         \
		__typeof__(list) grown_ = nsn_grow((mem), (list), &(n), sizeof(*(list)));          \
		if (grown_)                                                                        \
			(list) = grown_;                                                           \
		grown_ ? &(list)[(n)-1] : NULL;                                                    \
	})

/* Adds a word to ns->strange, once. 0 or -ENOMEM. */
int nsn_strange(struct nsn_arena *mem, struct nsn_vns *ns, const char *word, struct nsnet_err *err);

/* ---- read_expr.c ----------------------------------------------------------------------- */

/* One expression of the kernel (NFTA_EXPR_NAME, NFTA_EXPR_DATA). 0 or -ENOMEM. */
int nsn_read_expr(struct nsn_arena *mem, struct nsn_vexpr *ret, const struct nlattr *nest);
/* A list of NFTA_LIST_ELEM. @list may be NULL. */
int nsn_read_exprs(struct nsn_arena *mem, struct nsn_vexpr **ret, size_t *n,
		   const struct nlattr *list);
/* A verdict (NFTA_VERDICT_*). */
int nsn_read_verdict(struct nsn_arena *mem, struct nsn_vverdict *ret, const struct nlattr *nest);

/* ---- read_set.c ------------------------------------------------------------------------ */

/* What is being read; the lists belong to ns->tables. */
struct nsn_nft_read {
	struct nsn_nl *nl;
	struct nsn_arena *mem;
	struct nsn_vns *ns;
	struct nsn_vtable *table; /* the last one looked for, */
	struct nsn_vchain *chain; /* and its chain */
	struct nsn_vset *set;	  /* whose elements come */
};

/* NULL: it appeared between two dumps, so the generation changes and all is read again. */
struct nsn_vtable *nsn_nft_table(struct nsn_nft_read *r, uint8_t family, const struct nlattr *name);
int nsn_nft_each_set(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err);
void nsn_nft_again_sets(void *arg);
/* The elements of all sets. */
int nsn_nft_elems(struct nsn_nft_read *r, struct nsnet_err *err);

#endif
