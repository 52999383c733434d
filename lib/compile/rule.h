/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_RULE_H
#define NSN_COMPILE_RULE_H

/*
 * rule - writes nft rules, expression by expression. Private to lib/compile.
 *
 * The order of expressions is that of nft, so that `nft list ruleset` shows
 * what an operator would have typed and can read it back. Registers have the
 * numbers by which the kernel reports them.
 */
#include "border.h"
#include "compile.h"

/* A chain's rules under construction; `full` when there is no room, which the caller reports. */
struct nsn_rules {
	struct nsn_rule list[24];
	size_t n;
	bool full;
};

/* Begins a rule. The pointer is good as long as @r. */
struct nsn_rule *nsn_rule_begin(struct nsn_rules *r, const char *comment);

/* What a rule matches; each reads register 1. @key of link_is: NFT_META_IIFNAME, _OIFNAME. */
void nsn_rule_link_is(struct nsn_rules *r, struct nsn_rule *to, int32_t key, const char *name);
void nsn_rule_link_is_not(struct nsn_rules *r, struct nsn_rule *to, int32_t key, const char *name);
/* A name that begins so: "nsn*". */
void nsn_rule_link_like(struct nsn_rules *r, struct nsn_rule *to, int32_t key, const char *begin);
void nsn_rule_link_unlike(struct nsn_rules *r, struct nsn_rule *to, int32_t key, const char *begin);
/* By the field of the frame, and by what the kernel took the frame for: see rule.c. */
void nsn_rule_ethertype_is(struct nsn_rules *r, struct nsn_rule *to, uint16_t type);
void nsn_rule_ethertype_is_not(struct nsn_rules *r, struct nsn_rule *to, uint16_t type);
void nsn_rule_protocol_is(struct nsn_rules *r, struct nsn_rule *to, uint16_t type);
void nsn_rule_meta_is(struct nsn_rules *r, struct nsn_rule *to, int32_t key, uint8_t byte);
/* @op: NFT_CMP_*; @base: NFT_PAYLOAD_*_HEADER. @data in network order. */
void nsn_rule_payload(struct nsn_rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
		      int32_t op, const void *data, uint32_t len);
void nsn_rule_byte(struct nsn_rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
		   int32_t op, uint8_t byte);
/* A range of one byte, or of two: "130-255". */
void nsn_rule_range(struct nsn_rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
		    const void *from, const void *last, uint32_t len);
/* Source or destination in a network, by family. */
void nsn_rule_address_in(struct nsn_rules *r, struct nsn_rule *to, bool source,
			 const struct nsn_prefix *p);
void nsn_rule_address_not_in(struct nsn_rules *r, struct nsn_rule *to, bool source,
			     const struct nsn_prefix *p);
void nsn_rule_address_is(struct nsn_rules *r, struct nsn_rule *to, bool source,
			 const struct nsn_ip *ip);
/* A frame to a group: the lowest bit of the first byte of the destination. */
void nsn_rule_to_group(struct nsn_rules *r, struct nsn_rule *to);
/* One part of a concatenated key into @reg; then the lookup in a set. */
void nsn_rule_key_meta(struct nsn_rules *r, struct nsn_rule *to, int32_t key, uint32_t reg);
void nsn_rule_key_payload(struct nsn_rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
			  uint32_t len, uint32_t reg);
void nsn_rule_lookup(struct nsn_rules *r, struct nsn_rule *to, const char *set, bool inverse);

/*
 * A mark, of 32 bits in the byte order of the host: load it, change it, compare
 * it, write it. All in register 1.
 */
void nsn_rule_load_mark(struct nsn_rules *r, struct nsn_rule *to, bool of_connection);
void nsn_rule_mark_bits(struct nsn_rules *r, struct nsn_rule *to, uint32_t mask, uint32_t set);
void nsn_rule_mark_is(struct nsn_rules *r, struct nsn_rule *to, int32_t op, uint32_t value);
void nsn_rule_set_mark(struct nsn_rules *r, struct nsn_rule *to, bool of_connection);
/* IP_CT_DIR_ORIGINAL, IP_CT_DIR_REPLY. A packet without a connection matches neither. */
void nsn_rule_direction_is(struct nsn_rules *r, struct nsn_rule *to, uint8_t direction);
/* IP_CT_RELATED: an error about a connection. */
void nsn_rule_state_is(struct nsn_rules *r, struct nsn_rule *to, uint8_t state);
/* One of these: NF_CT_STATE_*_BIT. */
void nsn_rule_state_has(struct nsn_rules *r, struct nsn_rule *to, uint32_t bits);
/* IPS_EXPECTED, IPS_DST_NAT... */
void nsn_rule_status_has(struct nsn_rules *r, struct nsn_rule *to, uint32_t bit);
/* The destination is no address of this host's. */
void nsn_rule_not_local(struct nsn_rules *r, struct nsn_rule *to);
/* Whom a packet is given to next: the gateway of its route, or its destination. Into @reg */
void nsn_rule_key_next_hop(struct nsn_rules *r, struct nsn_rule *to, uint8_t family, uint32_t reg);
/* What the map has for the key in register 1; nothing: the rule does not match. */
void nsn_rule_map(struct nsn_rules *r, struct nsn_rule *to, const char *map);

/*
 * Limits of the sender, by its MAC address. @set: where the kernel counts. A connection
 * has one of @n shares, by turns; its mark says which, until it gets the one that stays.
 */
/* Matches while it sends less than @rate packets a second, and as many at once. */
void nsn_rule_within_rate(struct nsn_rules *r, struct nsn_rule *to, const char *set, uint32_t rate);
void nsn_rule_take_share(struct nsn_rules *r, struct nsn_rule *to, uint32_t n);
/* Matches while @n connections or less have the same sender and share. */
void nsn_rule_within_count(struct nsn_rules *r, struct nsn_rule *to, const char *set, uint32_t n);
/* Sender and share: make them an element of a dynamic set; match if they are one. */
void nsn_rule_remember_share(struct nsn_rules *r, struct nsn_rule *to, const char *set);
void nsn_rule_remembers_share(struct nsn_rules *r, struct nsn_rule *to, const char *set);

/* What it does. */
void nsn_rule_snat(struct nsn_rules *r, struct nsn_rule *to, uint8_t family);
/* To the address and the port behind it, from register 1 on, as a map has them. */
void nsn_rule_dnat(struct nsn_rules *r, struct nsn_rule *to, uint8_t family);
void nsn_rule_masquerade(struct nsn_rules *r, struct nsn_rule *to);
void nsn_rule_log(struct nsn_rules *r, struct nsn_rule *to, uint16_t group, const char *prefix);
void nsn_rule_goto(struct nsn_rules *r, struct nsn_rule *to, const char *chain);
void nsn_rule_limit(struct nsn_rules *r, struct nsn_rule *to, const char *limit);
/* The limit, or counter, that the map has for the key in register 1. */
void nsn_rule_object_map(struct nsn_rules *r, struct nsn_rule *to, const char *map);
void nsn_rule_accept(struct nsn_rules *r, struct nsn_rule *to);
void nsn_rule_drop_uncounted(struct nsn_rules *r, struct nsn_rule *to);
/* Counted by reason, in a named counter, which survives a change of the rules. */
void nsn_rule_drop(struct nsn_rules *r, struct nsn_rule *to, const char *counter);

/* Header offsets. */
enum {
	NSN_ETH_DADDR = 0,
	NSN_ETH_SADDR = 6,
	NSN_ETH_TYPE = 12,
	NSN_IP_PROTOCOL = 9,
	NSN_IP6_NEXTHDR = 6,
	NSN_IP6_HOPLIMIT = 7,
};
#define NSN_IP_ADDR(family, source)                                                                \
	((family) == AF_INET6 ? ((source) ? 8U : 24U) : ((source) ? 12U : 16U))

/* ---- what goes into a table ----------------------------------------------------- */

/* What rules are made from. */
struct nsn_scope {
	const struct nsn_tenant *t;
	const struct nsn_border *border;   /* NULL: nothing crosses it */
	const struct nsn_transit *transit; /* of the host's table, which has only this */
};

enum nsn_when {
	NSN_ALWAYS,
	NSN_WHEN_CUT,
	NSN_WHEN_OPEN,
	NSN_WHEN_TRANSLATED, /* on a cable, or on the uplink */
	NSN_WHEN_UPLINK,
};

struct nsn_chain_def {
	const char *name;
	const char *counter; /* of its last rule, which drops the rest; NULL: none */
	uint32_t hook;
	int32_t priority;
	uint32_t policy;
	/* NULL: no rules but the last */
	void (*fill)(struct nsn_rules *r, const struct nsn_scope *s);
	enum nsn_when when;
	const char *type; /* NULL: filter; "": not a base chain */
};

/* The table of ours in @family, with its mark. All return 0, -ENOMEM or -E2BIG. */
int nsn_compile_table(struct nsn_state *s, struct nsn_place at, uint8_t family, const char *mark);
int nsn_compile_counter(struct nsn_state *s, struct nsn_place at, uint8_t family, const char *name);
int nsn_compile_chain(struct nsn_state *s, struct nsn_place at, uint8_t family,
		      const struct nsn_chain_def *def, const struct nsn_scope *scope);
/* Those of @list that are there, and the counters they need. */
int nsn_compile_chains(struct nsn_state *s, struct nsn_place at, uint8_t family,
		       const struct nsn_chain_def *list, size_t n, const struct nsn_scope *scope,
		       enum nsn_want want);
/* Whether the chain is there in this state. */
bool nsn_compile_has_chain(const struct nsn_chain_def *def, const struct nsn_scope *scope,
			   enum nsn_want want);

#endif
