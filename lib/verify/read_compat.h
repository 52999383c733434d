/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_READ_COMPAT_H
#define NSN_VERIFY_READ_COMPAT_H

/*
 * read_compat - matches and targets of xtables in rules of iptables-nft. Of this folder only.
 *
 * Those that are known become the expressions that nftables has for the same, in registers that
 * the rule does not use: who proves sees no difference. What is not known in full stays
 * NSN_X_OTHER by its name ("match recent"), and poisons the packets that meet it.
 */
#include "rules.h"

struct nlattr;
struct nsn_arena;

#define NSN_COMPAT_MAX 8

/*
 * nsn_compat() - One match or target. Pure.
 * @info: Its data as in the kernel, @len bytes; may be unaligned
 * @exact: Whether it is known; a comment is, and is no expression at all
 *
 * Return: how many expressions are in @ret
 */
size_t nsn_compat(struct nsn_vexpr ret[NSN_COMPAT_MAX], uint8_t family, bool target,
		  const char *name, uint32_t revision, const void *info, size_t len, bool *exact);

/* The expressions of a rule, in a table of @family. As nsn_read_exprs(). */
int nsn_read_rule_exprs(struct nsn_arena *mem, uint8_t family, struct nsn_vexpr **ret, size_t *n,
			const struct nlattr *list);

#endif
