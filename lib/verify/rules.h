/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_RULES_H
#define NSN_VERIFY_RULES_H

/*
 * rules - an nftables ruleset as the kernel runs it, as plain data. Pure.
 *
 * Every expression of the bytecode is either known here in full, or NSN_X_OTHER with
 * the kernel's name for it; nothing is left out. Registers are numbered in words of 32
 * bits, 0 to 19: NFT_REG_VERDICT is 0, NFT_REG_1 (16 bytes) is word 4, NFT_REG32_00 is
 * word 4, too (as nft_parse_register() in nf_tables_api.c has it: NFT_REG_1..4 are
 * words 4, 8, 12, 16; NFT_REG32_00..15 words 4..19).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSN_REGS 20

enum nsn_vcode { /* of verdicts */
		 NSN_V_NONE,
		 NSN_V_ACCEPT,
		 NSN_V_DROP,
		 NSN_V_CONTINUE,
		 NSN_V_BREAK,
		 NSN_V_JUMP,
		 NSN_V_GOTO,
		 NSN_V_RETURN,
		 NSN_V_QUEUE,
		 NSN_V_STRANGE, /* a number that is none of these */
};

struct nsn_vverdict {
	enum nsn_vcode code;
	const char *chain; /* jump, goto */
};

enum nsn_vop { NSN_OP_EQ, NSN_OP_NEQ, NSN_OP_LT, NSN_OP_LTE, NSN_OP_GT, NSN_OP_GTE };

enum nsn_xkind {
	NSN_X_IMMEDIATE, /* data or a verdict into a register */
	NSN_X_CMP,
	NSN_X_RANGE,
	NSN_X_BITWISE, /* dreg = (sreg & mask) ^ xor */
	NSN_X_SHIFT,   /* dreg = sreg << n or >> n */
	NSN_X_BYTEORDER,
	NSN_X_PAYLOAD,	   /* load */
	NSN_X_PAYLOAD_SET, /* store: the packet is changed */
	NSN_X_EXTHDR,
	NSN_X_META,
	NSN_X_META_SET,
	NSN_X_CT,
	NSN_X_CT_SET,
	NSN_X_LOOKUP,
	NSN_X_DYNSET,
	NSN_X_FIB,
	NSN_X_RT,
	NSN_X_NUMGEN,
	NSN_X_HASH,
	NSN_X_SOCKET,
	NSN_X_OSF,
	NSN_X_XFRM,
	NSN_X_TUNNEL,
	NSN_X_LIMIT,
	NSN_X_QUOTA,
	NSN_X_CONNLIMIT,
	NSN_X_LAST,
	NSN_X_COUNTER,
	NSN_X_LOG,
	NSN_X_OBJREF, /* counter, quota, limit, ct helper, ... by name or by map */
	NSN_X_NAT,
	NSN_X_MASQ,
	NSN_X_REDIR,
	NSN_X_REJECT,
	NSN_X_NOTRACK,
	NSN_X_QUEUE,
	NSN_X_TPROXY,
	NSN_X_SYNPROXY,
	NSN_X_DUP,
	NSN_X_FWD,
	NSN_X_FLOW_OFFLOAD,
	NSN_X_OTHER, /* `name` says which */
	NSN_X_KINDS
};

/*
 * One expression. Which members count depends on the kind; the rest is 0. Lengths are
 * bytes. dreg and sreg are words as above; dreg_set and sreg_set say whether there is such a
 * register at all. A lookup with dreg_set and dreg 0 is in a verdict map. EXTHDR: dreg_set loads,
 * sreg_set writes, neither takes an option away. DUP: address sreg, device sreg2; FWD: device
 * sreg, address sreg2; TPROXY: address sreg, port sreg2; 0: none. Names have \x1b for what is not
 * printable and \x5c for a backslash, so that two names never become one.
 */
struct nsn_vexpr {
	enum nsn_xkind kind;
	const char *name; /* the kernel's */
	uint8_t dreg, sreg;
	uint8_t len;
	uint8_t data[64];	     /* IMMEDIATE, CMP, RANGE (from), BITWISE (mask) */
	uint8_t data2[64];	     /* RANGE (to), BITWISE (xor) */
	enum nsn_vop op;	     /* CMP, RANGE (EQ or NEQ) */
	struct nsn_vverdict verdict; /* IMMEDIATE into register 0 */
	uint32_t base, offset;	     /* PAYLOAD: NFT_PAYLOAD_*; EXTHDR: offset */
	uint32_t key;	/* META, CT, RT, XFRM, ...: NFT_META_*, NFT_CT_*; EXTHDR: the type */
	uint8_t dir;	/* CT: 0 original, 1 reply, 2 none */
	uint32_t flags; /* LOOKUP: 1 inverted; EXTHDR: NFT_EXTHDR_F_PRESENT; FIB: NFTA_FIB_F_*; NAT:
			   NF_NAT_RANGE_*; LIMIT: 1 inverted; BYTEORDER: 0 ntoh, 1 hton;
			   CONNLIMIT: 1 inverted */
	uint32_t result; /* FIB: NFT_FIB_RESULT_*; EXTHDR: NFT_EXTHDR_OP_* */
	uint32_t shift;	 /* SHIFT: bits, left when `left`; BYTEORDER: size 2, 4, 8 */
	bool left;
	bool dreg_set, sreg_set; /* LOOKUP: a map gives data; OBJREF: by map; FIB, ...; DYNSET: a
				    data register in sreg2 */
	const char *set;	 /* LOOKUP, DYNSET, OBJREF by map: its name (anonymous: __set%d) */
	uint32_t set_id;
	uint32_t number; /* DYNSET: NFT_DYNSET_OP_*; OBJREF: NFT_OBJECT_*; NAT: NFT_NAT_SNAT/DNAT;
			    REJECT: type; QUEUE: number; LOG: group; NUMGEN, HASH: modulus */
	uint32_t family; /* NAT: NFPROTO_* */
	uint8_t sreg2, sreg3, sreg4; /* NAT: address min sreg, max sreg2, port min sreg3, max sreg4;
					0: none. MASQ, REDIR: port min sreg, max sreg2. DYNSET: data
					sreg2 */
	uint32_t code;		     /* REJECT: icmp code; NUMGEN: offset */
	const char *object;	     /* OBJREF by name; LOG: prefix */
	struct nsn_vexpr *inner;     /* DYNSET and set elements: expressions that go with it */
	size_t n_inner;
};

struct nsn_vrule {
	uint64_t handle;
	const char *comment; /* "" for none */
	struct nsn_vexpr *exprs;
	size_t n_exprs;
};

#define NSN_NO_HOOK UINT32_MAX

struct nsn_vchain {
	const char *name;
	uint64_t handle;
	uint32_t hook; /* NF_INET_*, NF_BR_*, NF_NETDEV_*; NSN_NO_HOOK: no base chain */
	int32_t priority;
	const char *type;  /* "filter", "nat", "route" */
	bool policy_drop;  /* else accept */
	const char **devs; /* netdev, and inet ingress: names */
	size_t n_devs;
	struct nsn_vrule *rules; /* in order */
	size_t n_rules;
};

struct nsn_velem {
	const uint8_t *key, *key_end; /* of the set's key_len; key_end NULL: only `key`. Intervals
					 of sets without concatenation are closed by the reader: key
					 to key_end, both included. catch-all: both NULL */
	bool catch_all;
	bool expires;		     /* has a timeout: may be gone at any time, and come back */
	const uint8_t *data;	     /* maps: data_len bytes, or NULL */
	struct nsn_vverdict verdict; /* verdict maps */
	const char *object;	     /* maps of objects */
	const char *comment;
	struct nsn_vexpr *exprs; /* counters, limits, connection counts of the element */
	size_t n_exprs;
};

struct nsn_vset {
	const char *name;
	uint32_t id;
	uint32_t flags; /* NFT_SET_* */
	uint32_t key_len, data_len;
	uint32_t data_type;	      /* NFT_DATA_VERDICT for verdict maps */
	uint32_t obj_type;	      /* maps of objects; 0: none */
	uint8_t fields[16], n_fields; /* NFT_SET_CONCAT: bytes of each field, without padding */
	bool dynamic;		      /* NFT_SET_EVAL: packets make elements, so any may be there */
	bool expires;
	struct nsn_velem *elems; /* by key */
	size_t n_elems;
	void *aside; /* of whoever proves: never saved */
};

struct nsn_vobject {
	uint32_t type; /* NFT_OBJECT_* */
	const char *name;
	uint32_t flags; /* limits, quotas: 1 inverted */
};

struct nsn_vtable {
	uint8_t family; /* NFPROTO_* */
	const char *name;
	uint32_t flags; /* NFT_TABLE_F_DORMANT */
	const char *comment;
	struct nsn_vchain *chains; /* by name */
	size_t n_chains;
	struct nsn_vset *sets; /* by name */
	size_t n_sets;
	struct nsn_vobject *objects; /* by type, name */
	size_t n_objects;
	const char **flowtables;
	size_t n_flowtables;
};

#endif
