/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_OBJECT_NFT_H
#define NSN_OBJECT_NFT_H

/*
 * nft - an nftables rule as plain data
 *
 * A rule is a list of expressions, as the kernel keeps it: each loads into or
 * compares a register, or ends in a verdict. Only the kinds that nsnet itself
 * writes are told apart; any other is NSN_EXPR_OTHER with its name, which is
 * never equal to anything, so that a rule changed from outside always shows.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSN_NFT_NAME	32  /* of chains and counters, prefixes of log lines; with NUL */
#define NSN_NFT_COMMENT 128 /* of elements, with NUL: what nft takes */
#define NSN_NFT_DATA	16  /* one register */
#define NSN_NFT_EXPRS	20  /* in one rule */

enum nsn_expr_kind {
	NSN_EXPR_META,	    /* key: NFT_META_*, into reg */
	NSN_EXPR_PAYLOAD,   /* key: NFT_PAYLOAD_*_HEADER, offset, len, into reg */
	NSN_EXPR_CT,	    /* key: NFT_CT_MARK, _STATE... (no direction), into reg */
	NSN_EXPR_FIB,	    /* key: NFT_FIB_RESULT_*, flags: NFTA_FIB_F_*, into reg */
	NSN_EXPR_RT,	    /* key: NFT_RT_NEXTHOP4, _NEXTHOP6: of the packet's route, into reg */
	NSN_EXPR_IMMEDIATE, /* data, len bytes, into reg */
	NSN_EXPR_BITWISE,   /* reg = (reg & mask) ^ data, len bytes */
	NSN_EXPR_CMP,	    /* key: NFT_CMP_*, reg against data, len bytes */
	NSN_EXPR_LOOKUP,    /* reg in the set `name`; key: NFT_LOOKUP_F_INV, or 0 */
	NSN_EXPR_VMAP,	    /* the verdict that the map `name` has for reg; none: no match */
	NSN_EXPR_MAP,	    /* what the map `name` has for reg, into reg `to`; none: no match */
	NSN_EXPR_META_SET,  /* key: NFT_META_*, from reg */
	NSN_EXPR_CT_SET,    /* key: NFT_CT_MARK, from reg */
	NSN_EXPR_COUNTER,   /* counts in the named counter `name` */
	NSN_EXPR_LIMIT,	    /* over (or under) the named limit `name` */
	NSN_EXPR_OBJMAP,    /* the object that the map `name` has for reg; none: no match */
	/*
	 * reg becomes an element of the dynamic set `name`, if it is none yet. key:
	 * NFT_DYNSET_OP_ADD, or _UPDATE, which also gives it its whole time again. A full
	 * set: no match. The element may have a state of its own, with which it matches:
	 */
	NSN_EXPR_DYNSET,
	NSN_EXPR_DYNSET_LIMIT,	   /* `limit`, in packets */
	NSN_EXPR_DYNSET_CONNLIMIT, /* limit.rate connections; limit.flags: NFT_CONNLIMIT_F_INV: more
				      than that */
	NSN_EXPR_NUMGEN,	   /* key: NFT_NG_*; the next number below limit.rate, into reg */
	NSN_EXPR_LOG,  /* to NFLOG group `key`, the first len bytes (0: all); name: prefix, or "" */
	NSN_EXPR_NAT,  /* key: NFT_NAT_SNAT or _DNAT, to the address in reg, len 4 or 16; to: the
			  register that has the port, 0: none */
	NSN_EXPR_MASQ, /* from the address of the link that it leaves by */
	NSN_EXPR_VERDICT, /* key: NF_ACCEPT, NF_DROP, NFT_JUMP...; name: the chain, or "" */
	NSN_EXPR_OTHER,	  /* name: what the kernel calls it */
};

/* So many per `unit` seconds. */
struct nsn_rate {
	uint32_t rate, unit, burst;
	uint32_t flags; /* NFT_LIMIT_F_INV: it matches what is over the limit */
};

/* Unused members are zero, so that two are compared member by member. */
struct nsn_expr {
	enum nsn_expr_kind kind;
	int32_t key;
	uint32_t reg;
	uint32_t to; /* a second register */
	uint32_t offset, len;
	uint32_t flags;
	struct nsn_rate limit;
	uint8_t data[NSN_NFT_DATA];
	uint8_t mask[NSN_NFT_DATA];
	char name[NSN_NFT_NAME];
};

struct nsn_rule {
	struct nsn_expr exprs[NSN_NFT_EXPRS];
	size_t n;
	char comment[64]; /* shown by `nft list ruleset` */
	bool cut;	  /* had more expressions than fit: never equal */
};

bool nsn_expr_same(const struct nsn_expr *a, const struct nsn_expr *b);
bool nsn_rule_same(const struct nsn_rule *a, const struct nsn_rule *b);

#endif
