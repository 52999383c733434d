/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_NFT_FOREIGN_H
#define NSN_KERNEL_NFT_FOREIGN_H

/*
 * nft_foreign - chains and rules of others: whether they let our links' packets through
 *
 * Of a rule as much is kept as that question needs; what iptables-nft writes (rules with
 * matches and targets of x_tables in them) is understood as far. Nothing else in nsnet writes
 * into a table that it has not made.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/text.h"

struct nsn_nl;
struct nsn_nft_txn;

enum nsn_foreign_verdict {
	NSN_FOREIGN_NONE, /* it goes on; or what it does is not known */
	NSN_FOREIGN_ACCEPT,
	NSN_FOREIGN_DROP, /* and reject */
	NSN_FOREIGN_JUMP,
	NSN_FOREIGN_GOTO,
	NSN_FOREIGN_RETURN,
};

/* The ends of uplinks, by the beginning of their names: which way a packet goes. */
enum nsn_foreign_way {
	NSN_FOREIGN_ANY, /* of neither */
	NSN_FOREIGN_IN,	 /* iifname "nsn*" */
	NSN_FOREIGN_OUT, /* oifname "nsn*" */
};

struct nsn_foreign_rule {
	uint64_t handle;
	enum nsn_foreign_verdict verdict;
	enum nsn_foreign_way way; /* it is about our links, as a condition or its only one */
	bool more;		  /* it has other conditions */
	const char *to;		  /* JUMP, GOTO */
	const char *comment;	  /* nft's or iptables'; "" */
};

struct nsn_foreign_chain {
	uint8_t family; /* NFPROTO_* */
	const char *table, *name;
	const char *type; /* "": not a base chain */
	uint32_t hook;
	int32_t priority;
	bool dormant; /* its table is: it does nothing */
	bool drops;   /* by its policy */
	bool xt;      /* there are expressions of x_tables in it */
	struct nsn_foreign_rule *rules;
	size_t n_rules;
};

/* Of all tables, also ours. Start as { 0 }. */
struct nsn_foreign {
	struct nsn_foreign_chain *chains;
	size_t n;
	struct nsn_arena mem;
};
void nsn_foreign_clear(struct nsn_foreign *f);
int nsn_foreign_read(struct nsn_nl *nl, struct nsn_foreign *ret, struct nsnet_err *err);

/* A chain of the same table, or NULL. */
const struct nsn_foreign_chain *nsn_foreign_find(const struct nsn_foreign *f,
						 const struct nsn_foreign_chain *beside,
						 const char *name);
/*
 * Whether what goes this way, and is not let through by a rule with other conditions, is lost
 * in a base chain: by its policy, or by a rule that drops whatever comes to it. For
 * NSN_FOREIGN_ANY rules about our links do not count.
 */
bool nsn_foreign_loses(const struct nsn_foreign *f, const struct nsn_foreign_chain *base,
		       enum nsn_foreign_way way);
/* Whether all packets of @base come to the chain @name of its table before one is dropped. */
bool nsn_foreign_leads_to(const struct nsn_foreign *f, const struct nsn_foreign_chain *base,
			  const char *name);

/* ---- writing -------------------------------------------------------------------------- */

/*
 * What lets our links' packets through: all that comes out of an uplink, and of what goes into
 * one replies and what was published. What else is forwarded there our own table decides.
 *
 * iptables-nft refuses a whole table for one expression that it would not write itself, so in
 * a table of it the rules have its matches; in one where it is not known whether it is, the
 * second rule has no condition at all.
 */
#define NSN_FOREIGN_TEXT 96
/* Rule number @i, as `nft` shows it, without its comment; NULL: there are no more. */
const char *nsn_foreign_text(const struct nsn_foreign_chain *c, size_t i,
			     char buf[NSN_FOREIGN_TEXT]);
/* Adds it at the head of the chain: the last one first. */
int nsn_foreign_insert(struct nsn_nft_txn *t, const struct nsn_foreign_chain *c, size_t i,
		       const char *comment, struct nsnet_err *err);
int nsn_foreign_delete(struct nsn_nft_txn *t, const struct nsn_foreign_chain *c, uint64_t handle,
		       struct nsnet_err *err);

#endif
