/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFT_RULE_H
#define NSN_KERNEL_NFT_RULE_H

/*
 * nft_rule - rules between plain data and netlink messages. Private to
 * lib/kernel.
 */
#include "../object/object.h"

struct nlmsghdr;

/*
 * Appends rule @rule of chain @chain to a message whose header is ready.
 * Return: 0, -ENOMEM, or -EINVAL for a rule with an NSN_EXPR_OTHER
 */
int nsn_rule_write(struct nlmsghdr *h, const struct nsn_chain *chain, const struct nsn_rule *rule);

/* Gives one of the library's, as in nft_expr.h, the comment that nft shows. 0 or -ENOMEM */
int nsn_rule_comment(void *rule, const char *comment);

/*
 * Reads a rule; what it does not know becomes NSN_EXPR_OTHER. Of @chain family,
 * table and name are filled, from @arena. Return: 0, -ENOMEM, -EBADMSG
 */
int nsn_rule_read(const struct nlmsghdr *msg, struct nsn_chain *chain, struct nsn_rule *rule,
		  struct nsn_arena *arena);

#endif
