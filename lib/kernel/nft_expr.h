/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFT_EXPR_H
#define NSN_KERNEL_NFT_EXPR_H

/*
 * nft_expr - expressions of rules between plain data and libnftnl. Private to
 * lib/kernel. Theirs are `void *` here: no header shows that library.
 *
 * nft_expr.c  the table of all of them; what looks: loads, comparisons, sets
 * nft_act.c   what acts: marks, logs, addresses, elements made by packets
 */
#include "../object/object.h"

/* Return: 0 and one to be freed or added to a rule; -ENOMEM; -EINVAL for NSN_EXPR_OTHER */
int nsn_expr_write(void **ret, const struct nsn_expr *x);
/* What has more to it than we ever write becomes NSN_EXPR_OTHER. */
void nsn_expr_read(struct nsn_expr *ret, const void *e);

/*
 * One kind. Writing gives 0 or -ENOMEM; reading into a zeroed @x says whether it
 * is of this kind, and nothing more than that.
 */
struct nsn_expr_codec {
	const char *name; /* the kernel's */
	int (*encode)(void *e, const struct nsn_expr *x);
	bool (*decode)(struct nsn_expr *x, const void *e);
};

extern const struct nsn_expr_codec nsn_expr_meta_set, nsn_expr_ct_set, nsn_expr_dynset,
	nsn_expr_dynset_limit, nsn_expr_dynset_connlimit, nsn_expr_numgen, nsn_expr_log,
	nsn_expr_nat, nsn_expr_masq;

/* A string attribute as the name; whether it fits. */
bool nsn_expr_take_name(struct nsn_expr *x, const void *e, uint16_t attr);

#endif
