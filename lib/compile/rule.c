/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "../base/cleanup.h"

#define REG 1

struct nsn_rule *nsn_rule_begin(struct nsn_rules *r, const char *comment)
{
	struct nsn_rule *next = &r->list[r->n < NSN_COUNT(r->list) ? r->n : 0];

	r->full |= r->n == NSN_COUNT(r->list);
	r->n += r->n < NSN_COUNT(r->list);
	*next = (struct nsn_rule){0};
	(void)snprintf(next->comment, sizeof(next->comment), "%s", comment);
	return next;
}

static void put(struct nsn_rules *r, struct nsn_rule *to, const struct nsn_expr *e)
{
	if (to->n == NSN_NFT_EXPRS)
		r->full = true;
	else
		to->exprs[to->n++] = *e;
}

static void put_name(struct nsn_rules *r, struct nsn_rule *to, struct nsn_expr *e, const char *name)
{
	(void)snprintf(e->name, sizeof(e->name), "%s", name);
	put(r, to, e);
}

void nsn_rule_key_meta(struct nsn_rules *r, struct nsn_rule *to, int32_t key, uint32_t reg)
{
	put(r, to, &(struct nsn_expr){.kind = NSN_EXPR_META, .key = key, .reg = reg});
}

void nsn_rule_key_payload(struct nsn_rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
			  uint32_t len, uint32_t reg)
{
	put(r, to,
	    &(struct nsn_expr){.kind = NSN_EXPR_PAYLOAD,
			       .key = base,
			       .reg = reg,
			       .offset = offset,
			       .len = len});
}

static void compare(struct nsn_rules *r, struct nsn_rule *to, int32_t op, const void *data,
		    uint32_t len)
{
	struct nsn_expr e = {.kind = NSN_EXPR_CMP, .key = op, .reg = REG, .len = len};

	memcpy(e.data, data, len);
	put(r, to, &e);
}

static void link_is(struct nsn_rules *r, struct nsn_rule *to, int32_t key, int32_t op,
		    const char *name)
{
	char padded[IFNAMSIZ] = "";

	memcpy(padded, name, strnlen(name, IFNAMSIZ - 1));
	nsn_rule_key_meta(r, to, key, REG);
	compare(r, to, op, padded, sizeof(padded));
}

void nsn_rule_link_is(struct nsn_rules *r, struct nsn_rule *to, int32_t key, const char *name)
{
	link_is(r, to, key, NFT_CMP_EQ, name);
}

void nsn_rule_link_is_not(struct nsn_rules *r, struct nsn_rule *to, int32_t key, const char *name)
{
	link_is(r, to, key, NFT_CMP_NEQ, name);
}

static void link_like(struct nsn_rules *r, struct nsn_rule *to, int32_t key, int32_t op,
		      const char *begin)
{
	nsn_rule_key_meta(r, to, key, REG);
	compare(r, to, op, begin, (uint32_t)strnlen(begin, IFNAMSIZ - 1));
}

void nsn_rule_link_like(struct nsn_rules *r, struct nsn_rule *to, int32_t key, const char *begin)
{
	link_like(r, to, key, NFT_CMP_EQ, begin);
}

void nsn_rule_link_unlike(struct nsn_rules *r, struct nsn_rule *to, int32_t key, const char *begin)
{
	link_like(r, to, key, NFT_CMP_NEQ, begin);
}

void nsn_rule_meta_is(struct nsn_rules *r, struct nsn_rule *to, int32_t key, uint8_t byte)
{
	nsn_rule_key_meta(r, to, key, REG);
	compare(r, to, NFT_CMP_EQ, &byte, 1);
}

void nsn_rule_payload(struct nsn_rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
		      int32_t op, const void *data, uint32_t len)
{
	nsn_rule_key_payload(r, to, base, offset, len, REG);
	compare(r, to, op, data, len);
}

void nsn_rule_byte(struct nsn_rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
		   int32_t op, uint8_t byte)
{
	nsn_rule_payload(r, to, base, offset, op, &byte, 1);
}

void nsn_rule_range(struct nsn_rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
		    const void *from, const void *last, uint32_t len)
{
	nsn_rule_payload(r, to, base, offset, NFT_CMP_GTE, from, len);
	compare(r, to, NFT_CMP_LTE, last, len);
}

/*
 * Of a tagged frame the kernel takes the tag off, and `meta protocol` is what was
 * behind it; the frame's own field then reads as 802.1Q. Which of the two nft
 * writes in a rule that matches on a header is its own choice: `meta protocol`
 * where a field of IPv4 or IPv6 is matched, and `ether type` for all else. It lists
 * neither, so a table that was saved has its choice when it is loaded again.
 */
static void ethertype(struct nsn_rules *r, struct nsn_rule *to, int32_t op, uint16_t type)
{
	const uint16_t wire = htons(type);

	nsn_rule_payload(r, to, NFT_PAYLOAD_LL_HEADER, NSN_ETH_TYPE, op, &wire, sizeof(wire));
}

void nsn_rule_ethertype_is(struct nsn_rules *r, struct nsn_rule *to, uint16_t type)
{
	ethertype(r, to, NFT_CMP_EQ, type);
}

void nsn_rule_ethertype_is_not(struct nsn_rules *r, struct nsn_rule *to, uint16_t type)
{
	ethertype(r, to, NFT_CMP_NEQ, type);
}

void nsn_rule_protocol_is(struct nsn_rules *r, struct nsn_rule *to, uint16_t type)
{
	const uint16_t wire = htons(type);

	nsn_rule_key_meta(r, to, NFT_META_PROTOCOL, REG);
	compare(r, to, NFT_CMP_EQ, &wire, sizeof(wire));
}

/* As nft writes it: whole bytes are compared without a mask. */
static void address(struct nsn_rules *r, struct nsn_rule *to, bool source, int32_t op,
		    const struct nsn_prefix *p)
{
	const struct nsn_ip mask = nsn_prefix_mask(p), net = nsn_prefix_network(p);
	uint32_t whole = nsn_ip_bits(&p->ip) / 8, len = p->len % 8 == 0 ? p->len / 8U : whole;
	struct nsn_expr e = {.kind = NSN_EXPR_BITWISE, .reg = REG, .len = len};

	nsn_rule_key_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(p->ip.family, source),
			     len, REG);
	if (p->len % 8 != 0) {
		memcpy(e.mask, mask.bytes, len);
		put(r, to, &e);
	}
	compare(r, to, op, net.bytes, len);
}

void nsn_rule_address_in(struct nsn_rules *r, struct nsn_rule *to, bool source,
			 const struct nsn_prefix *p)
{
	address(r, to, source, NFT_CMP_EQ, p);
}

void nsn_rule_address_not_in(struct nsn_rules *r, struct nsn_rule *to, bool source,
			     const struct nsn_prefix *p)
{
	address(r, to, source, NFT_CMP_NEQ, p);
}

void nsn_rule_address_is(struct nsn_rules *r, struct nsn_rule *to, bool source,
			 const struct nsn_ip *ip)
{
	nsn_rule_payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, NSN_IP_ADDR(ip->family, source),
			 NFT_CMP_EQ, ip->bytes, nsn_ip_bits(ip) / 8);
}

void nsn_rule_to_group(struct nsn_rules *r, struct nsn_rule *to)
{
	static const uint8_t group[6] = {1};
	struct nsn_expr e = {.kind = NSN_EXPR_BITWISE, .reg = REG, .len = sizeof(group)};

	nsn_rule_key_payload(r, to, NFT_PAYLOAD_LL_HEADER, NSN_ETH_DADDR, sizeof(group), REG);
	memcpy(e.mask, group, sizeof(group));
	put(r, to, &e);
	compare(r, to, NFT_CMP_EQ, group, sizeof(group));
}

void nsn_rule_lookup(struct nsn_rules *r, struct nsn_rule *to, const char *set, bool inverse)
{
	struct nsn_expr e = {.kind = NSN_EXPR_LOOKUP, .reg = REG};

	e.key = inverse ? NFT_LOOKUP_F_INV : 0;
	put_name(r, to, &e, set);
}

void nsn_rule_limit(struct nsn_rules *r, struct nsn_rule *to, const char *limit)
{
	struct nsn_expr e = {.kind = NSN_EXPR_LIMIT};

	put_name(r, to, &e, limit);
}

void nsn_rule_object_map(struct nsn_rules *r, struct nsn_rule *to, const char *map)
{
	struct nsn_expr e = {.kind = NSN_EXPR_OBJMAP, .reg = REG};

	put_name(r, to, &e, map);
}

/* ---- marks ---------------------------------------------------------------------------- */

void nsn_rule_load_mark(struct nsn_rules *r, struct nsn_rule *to, bool of_connection)
{
	struct nsn_expr e = {.kind = NSN_EXPR_META, .key = NFT_META_MARK, .reg = REG};

	if (of_connection) {
		e.kind = NSN_EXPR_CT;
		e.key = NFT_CT_MARK;
	}
	put(r, to, &e);
}

void nsn_rule_mark_bits(struct nsn_rules *r, struct nsn_rule *to, uint32_t mask, uint32_t set)
{
	struct nsn_expr e = {.kind = NSN_EXPR_BITWISE, .reg = REG, .len = sizeof(mask)};

	memcpy(e.mask, &mask, sizeof(mask));
	memcpy(e.data, &set, sizeof(set));
	put(r, to, &e);
}

void nsn_rule_mark_is(struct nsn_rules *r, struct nsn_rule *to, int32_t op, uint32_t value)
{
	compare(r, to, op, &value, sizeof(value));
}

void nsn_rule_set_mark(struct nsn_rules *r, struct nsn_rule *to, bool of_connection)
{
	struct nsn_expr e = {.kind = NSN_EXPR_META_SET, .key = NFT_META_MARK, .reg = REG};

	if (of_connection) {
		e.kind = NSN_EXPR_CT_SET;
		e.key = NFT_CT_MARK;
	}
	put(r, to, &e);
}

void nsn_rule_direction_is(struct nsn_rules *r, struct nsn_rule *to, uint8_t direction)
{
	put(r, to, &(struct nsn_expr){.kind = NSN_EXPR_CT, .key = NFT_CT_DIRECTION, .reg = REG});
	compare(r, to, NFT_CMP_EQ, &direction, 1);
}

void nsn_rule_state_has(struct nsn_rules *r, struct nsn_rule *to, uint32_t bits)
{
	put(r, to, &(struct nsn_expr){.kind = NSN_EXPR_CT, .key = NFT_CT_STATE, .reg = REG});
	nsn_rule_mark_bits(r, to, bits, 0);
	nsn_rule_mark_is(r, to, NFT_CMP_NEQ, 0);
}

void nsn_rule_state_is(struct nsn_rules *r, struct nsn_rule *to, uint8_t state)
{
	nsn_rule_state_has(r, to, NF_CT_STATE_BIT(state));
}

void nsn_rule_status_has(struct nsn_rules *r, struct nsn_rule *to, uint32_t bit)
{
	put(r, to, &(struct nsn_expr){.kind = NSN_EXPR_CT, .key = NFT_CT_STATUS, .reg = REG});
	nsn_rule_mark_bits(r, to, bit, 0);
	nsn_rule_mark_is(r, to, NFT_CMP_NEQ, 0);
}

void nsn_rule_not_local(struct nsn_rules *r, struct nsn_rule *to)
{
	put(r, to,
	    &(struct nsn_expr){.kind = NSN_EXPR_FIB,
			       .key = NFT_FIB_RESULT_ADDRTYPE,
			       .flags = NFTA_FIB_F_DADDR,
			       .reg = REG});
	nsn_rule_mark_is(r, to, NFT_CMP_NEQ, RTN_LOCAL);
}

void nsn_rule_key_next_hop(struct nsn_rules *r, struct nsn_rule *to, uint8_t family, uint32_t reg)
{
	put(r, to,
	    &(struct nsn_expr){.kind = NSN_EXPR_RT,
			       .key = family == AF_INET6 ? NFT_RT_NEXTHOP6 : NFT_RT_NEXTHOP4,
			       .reg = reg});
}

void nsn_rule_map(struct nsn_rules *r, struct nsn_rule *to, const char *map)
{
	struct nsn_expr e = {.kind = NSN_EXPR_MAP, .reg = REG, .to = REG};

	put_name(r, to, &e, map);
}

/* ---- limits --------------------------------------------------------------------------- */

/* Of a link that has such addresses, as nft makes sure in a table of both families. */
static void key_sender(struct nsn_rules *r, struct nsn_rule *to)
{
	const uint16_t ether = ARPHRD_ETHER;

	nsn_rule_key_meta(r, to, NFT_META_IIFTYPE, REG);
	compare(r, to, NFT_CMP_EQ, &ether, sizeof(ether));
	nsn_rule_key_payload(r, to, NFT_PAYLOAD_LL_HEADER, NSN_ETH_SADDR, 6, REG);
}

void nsn_rule_within_rate(struct nsn_rules *r, struct nsn_rule *to, const char *set, uint32_t rate)
{
	struct nsn_expr e = {.kind = NSN_EXPR_DYNSET_LIMIT,
			     .key = NFT_DYNSET_OP_UPDATE,
			     .reg = REG,
			     .limit = {.rate = rate, .unit = 1, .burst = rate}};

	key_sender(r, to);
	put_name(r, to, &e, set);
}

void nsn_rule_take_share(struct nsn_rules *r, struct nsn_rule *to, uint32_t n)
{
	put(r, to,
	    &(struct nsn_expr){.kind = NSN_EXPR_NUMGEN,
			       .key = NFT_NG_INCREMENTAL,
			       .reg = REG,
			       .limit = {.rate = n}});
	nsn_rule_set_mark(r, to, true);
}

static void key_share(struct nsn_rules *r, struct nsn_rule *to)
{
	key_sender(r, to);
	/* Behind the eight bytes of the address. */
	put(r, to,
	    &(struct nsn_expr){.kind = NSN_EXPR_CT, .key = NFT_CT_MARK, .reg = NFT_REG32_02});
}

void nsn_rule_within_count(struct nsn_rules *r, struct nsn_rule *to, const char *set, uint32_t n)
{
	struct nsn_expr e = {.kind = NSN_EXPR_DYNSET_CONNLIMIT,
			     .key = NFT_DYNSET_OP_ADD,
			     .reg = REG,
			     .limit = {.rate = n}};

	key_share(r, to);
	put_name(r, to, &e, set);
}

void nsn_rule_remember_share(struct nsn_rules *r, struct nsn_rule *to, const char *set)
{
	struct nsn_expr e = {.kind = NSN_EXPR_DYNSET, .key = NFT_DYNSET_OP_UPDATE, .reg = REG};

	key_share(r, to);
	put_name(r, to, &e, set);
}

void nsn_rule_remembers_share(struct nsn_rules *r, struct nsn_rule *to, const char *set)
{
	key_share(r, to);
	nsn_rule_lookup(r, to, set, false);
}

/* ---- what it does --------------------------------------------------------------------- */

void nsn_rule_snat(struct nsn_rules *r, struct nsn_rule *to, uint8_t family)
{
	put(r, to,
	    &(struct nsn_expr){.kind = NSN_EXPR_NAT,
			       .key = NFT_NAT_SNAT,
			       .reg = REG,
			       .len = family == AF_INET6 ? 16 : 4});
}

void nsn_rule_dnat(struct nsn_rules *r, struct nsn_rule *to, uint8_t family)
{
	const bool six = family == AF_INET6;

	put(r, to,
	    &(struct nsn_expr){.kind = NSN_EXPR_NAT,
			       .key = NFT_NAT_DNAT,
			       .reg = REG,
			       .to = six ? NFT_REG_2 : NFT_REG32_01,
			       .len = six ? 16 : 4});
}

void nsn_rule_masquerade(struct nsn_rules *r, struct nsn_rule *to)
{
	put(r, to, &(struct nsn_expr){.kind = NSN_EXPR_MASQ});
}

void nsn_rule_log(struct nsn_rules *r, struct nsn_rule *to, uint16_t group, const char *prefix)
{
	struct nsn_expr e = {.kind = NSN_EXPR_LOG, .key = group};

	put_name(r, to, &e, prefix);
}

void nsn_rule_goto(struct nsn_rules *r, struct nsn_rule *to, const char *chain)
{
	struct nsn_expr e = {.kind = NSN_EXPR_VERDICT, .key = NFT_GOTO};

	put_name(r, to, &e, chain);
}

static void verdict(struct nsn_rules *r, struct nsn_rule *to, int32_t code)
{
	put(r, to, &(struct nsn_expr){.kind = NSN_EXPR_VERDICT, .key = code});
}

void nsn_rule_accept(struct nsn_rules *r, struct nsn_rule *to)
{
	verdict(r, to, NF_ACCEPT);
}

void nsn_rule_drop_uncounted(struct nsn_rules *r, struct nsn_rule *to)
{
	verdict(r, to, NF_DROP);
}

void nsn_rule_drop(struct nsn_rules *r, struct nsn_rule *to, const char *counter)
{
	struct nsn_expr e = {.kind = NSN_EXPR_COUNTER};

	put_name(r, to, &e, counter);
	verdict(r, to, NF_DROP);
}

/* ---- what goes into a table --------------------------------------------------------- */

int nsn_compile_table(struct nsn_state *s, struct nsn_place at, uint8_t family, const char *mark)
{
	const char *comment = nsn_arena_strdup(&s->arena, mark);
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_TABLE, at, "");

	if (!o || !comment)
		return -ENOMEM;
	o->u.table =
		(struct nsn_table){.family = family, .name = NSN_TABLE_NAME, .comment = comment};
	return 0;
}

int nsn_compile_counter(struct nsn_state *s, struct nsn_place at, uint8_t family, const char *name)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_COUNTER, at, "");

	if (!o)
		return -ENOMEM;
	o->u.counter =
		(struct nsn_counter){.family = family, .table = NSN_TABLE_NAME, .name = name};
	return 0;
}

static bool translates(const struct nsn_border *b)
{
	size_t i;

	for (i = 0; i < b->n_far; i++)
		if (b->far[i].translated)
			return true;
	return b->up.link;
}

bool nsn_compile_has_chain(const struct nsn_chain_def *def, const struct nsn_scope *scope,
			   enum nsn_want want)
{
	switch (def->when) {
	case NSN_ALWAYS:
		return true;
	case NSN_WHEN_CUT:
		return want == NSN_WANT_CUT;
	case NSN_WHEN_OPEN:
		return scope->border;
	case NSN_WHEN_TRANSLATED:
		return scope->border && translates(scope->border);
	case NSN_WHEN_UPLINK:
		return scope->border && scope->border->up.link;
	}
	return false;
}

int nsn_compile_chain(struct nsn_state *s, struct nsn_place at, uint8_t family,
		      const struct nsn_chain_def *def, const struct nsn_scope *scope)
{
	struct nsn_rules r = {.n = 0};
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_CHAIN, at, "");
	const struct nsn_rule *list;

	if (!o)
		return -ENOMEM;
	if (def->fill)
		def->fill(&r, scope);
	/* The policy would drop, too, but uncounted. */
	if (def->counter)
		nsn_rule_drop(&r, nsn_rule_begin(&r, ""), def->counter);
	if (r.full)
		return -E2BIG;
	list = nsn_arena_memdup(&s->arena, r.list, r.n * sizeof(r.list[0]));
	if (!list)
		return -ENOMEM;
	o->u.chain = (struct nsn_chain){.family = family,
					.table = NSN_TABLE_NAME,
					.name = def->name,
					.type = def->type ? def->type : "filter",
					.hook = def->hook,
					.priority = def->priority,
					.policy = def->policy,
					.rules = list,
					.n_rules = r.n};
	return 0;
}
