/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "parts.h"

/*
 * The gateway's table. Everything is dropped but what is named; drops are
 * counted by reason, in named counters, which survive a change of the rules.
 *
 *	prerouting  from br0, IPv4, source in the subnet: go on; else source
 *	input       ping to the gateway's own address: accept; else input
 *	forward     nothing; forward
 *	output      the answer to a ping: accept; else output
 *
 * There is no conntrack expression: the first one in a namespace switches
 * connection tracking on, which costs 0.4 to 1 ms per commit, and there is no
 * connection to track in a gateway without a way out.
 *
 * Register 1 is the only one used; the kernel reports it by the same number.
 * The order of expressions is that of nft, so that `nft list ruleset` shows
 * what an operator would have typed and can read it back.
 *
 * Tests: tests/kernel/test_topology.c sends a packet that fails for each rule.
 */
#define REG 1

/* Rules under construction; `full` when one got too long, which the caller reports. */
struct rules {
	struct nsn_rule list[4];
	size_t n;
	bool full;
};

static struct nsn_rule *rule(struct rules *r, const char *comment)
{
	struct nsn_rule *next = &r->list[r->n < NSN_COUNT(r->list) ? r->n : 0];

	r->full |= r->n == NSN_COUNT(r->list);
	r->n += r->n < NSN_COUNT(r->list);
	(void)snprintf(next->comment, sizeof(next->comment), "%s", comment);
	return next;
}

static void put(struct rules *r, struct nsn_rule *to, const struct nsn_expr *e)
{
	if (to->n == NSN_NFT_EXPRS)
		r->full = true;
	else
		to->exprs[to->n++] = *e;
}

static void meta(struct rules *r, struct nsn_rule *to, int32_t key)
{
	put(r, to, &(struct nsn_expr){.kind = NSN_EXPR_META, .key = key, .reg = REG});
}

static void payload(struct rules *r, struct nsn_rule *to, int32_t base, uint32_t offset,
		    uint32_t len)
{
	put(r, to,
	    &(struct nsn_expr){.kind = NSN_EXPR_PAYLOAD,
			       .key = base,
			       .reg = REG,
			       .offset = offset,
			       .len = len});
}

static void equals(struct rules *r, struct nsn_rule *to, const void *data, uint32_t len)
{
	struct nsn_expr e = {.kind = NSN_EXPR_CMP, .key = NFT_CMP_EQ, .reg = REG, .len = len};

	memcpy(e.data, data, len);
	put(r, to, &e);
}

static void equals_byte(struct rules *r, struct nsn_rule *to, uint8_t byte)
{
	equals(r, to, &byte, 1);
}

static void link_is(struct rules *r, struct nsn_rule *to, int32_t key, const char *name)
{
	char padded[IFNAMSIZ] = "";

	memcpy(padded, name, strnlen(name, IFNAMSIZ - 1));
	meta(r, to, key);
	equals(r, to, padded, sizeof(padded));
}

static void is_ipv4(struct rules *r, struct nsn_rule *to)
{
	meta(r, to, NFT_META_NFPROTO);
	equals_byte(r, to, NFPROTO_IPV4);
}

/* Offsets in the IPv4 header. */
enum { IP_SADDR = 12, IP_DADDR = 16 };

/* As nft writes it: whole bytes are compared without a mask. */
static void source_in(struct rules *r, struct nsn_rule *to, const struct nsn_prefix *p)
{
	struct nsn_expr e = {.kind = NSN_EXPR_BITWISE, .reg = REG, .len = 4};
	const struct nsn_ip mask = nsn_prefix_mask(p), net = nsn_prefix_network(p);
	uint32_t len = p->len % 8 == 0 ? p->len / 8 : 4;

	payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, IP_SADDR, len);
	if (p->len % 8 != 0) {
		memcpy(e.mask, mask.bytes, 4);
		put(r, to, &e);
	}
	equals(r, to, net.bytes, len);
}

static void address_is(struct rules *r, struct nsn_rule *to, uint32_t offset,
		       const struct nsn_ip *ip)
{
	payload(r, to, NFT_PAYLOAD_NETWORK_HEADER, offset, 4);
	equals(r, to, ip->bytes, 4);
}

static void icmp_is(struct rules *r, struct nsn_rule *to, uint8_t type)
{
	meta(r, to, NFT_META_L4PROTO);
	equals_byte(r, to, IPPROTO_ICMP);
	payload(r, to, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	equals_byte(r, to, type);
}

static void verdict(struct rules *r, struct nsn_rule *to, int32_t code)
{
	put(r, to, &(struct nsn_expr){.kind = NSN_EXPR_VERDICT, .key = code});
}

/* The last rule of each chain: counted, then dropped (the policy would drop uncounted). */
static void drop_rest(struct rules *r, const char *counter)
{
	struct nsn_rule *to = rule(r, "");
	struct nsn_expr e = {.kind = NSN_EXPR_COUNTER};

	(void)snprintf(e.name, sizeof(e.name), "%s", counter);
	put(r, to, &e);
	verdict(r, to, NF_DROP);
}

/* ---- the chains ---------------------------------------------------------------- */

static void prerouting(struct rules *r, const struct nsn_tenant *t)
{
	struct nsn_rule *to = rule(r, "tenant's own addresses only");

	link_is(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
	is_ipv4(r, to);
	source_in(r, to, &t->subnet);
	verdict(r, to, NF_ACCEPT);
}

static void input(struct rules *r, const struct nsn_tenant *t)
{
	struct nsn_rule *to = rule(r, "ping the gateway");

	link_is(r, to, NFT_META_IIFNAME, NSN_BRIDGE);
	is_ipv4(r, to);
	address_is(r, to, IP_DADDR, &t->gateway);
	icmp_is(r, to, ICMP_ECHO);
	verdict(r, to, NF_ACCEPT);
}

static void output(struct rules *r, const struct nsn_tenant *t)
{
	struct nsn_rule *to = rule(r, "answer a ping");

	link_is(r, to, NFT_META_OIFNAME, NSN_BRIDGE);
	is_ipv4(r, to);
	address_is(r, to, IP_SADDR, &t->gateway);
	icmp_is(r, to, ICMP_ECHOREPLY);
	verdict(r, to, NF_ACCEPT);
}

static const struct chain {
	const char *name;
	const char *counter; /* of its last rule; NULL: none, the policy drops */
	uint32_t hook;
	int32_t priority;
	void (*fill)(struct rules *r, const struct nsn_tenant *t); /* NULL: nothing gets through */
	enum nsn_want want;
} chains[] = {
	/* Before the routing decision, at the priority that nft calls "raw". */
	{"prerouting", "nsnet_drop_source", NF_INET_PRE_ROUTING, -300, prerouting, NSN_WANT_BUILT},
	{"input", "nsnet_drop_input", NF_INET_LOCAL_IN, 0, input, NSN_WANT_BUILT},
	{"forward", "nsnet_drop_forward", NF_INET_FORWARD, 0, NULL, NSN_WANT_BUILT},
	{"output", "nsnet_drop_output", NF_INET_LOCAL_OUT, 0, output, NSN_WANT_BUILT},
	/*
	 * A tenant is cut by two more chains before all others: nothing comes in, nothing
	 * goes out. Taking the accepting rules away would do the same, but then the next
	 * close() of a netfilter socket waits 10 ms for the kernel to free them.
	 */
	{"cut_in", NULL, NF_INET_PRE_ROUTING, -500, NULL, NSN_WANT_CUT},
	{"cut_out", NULL, NF_INET_LOCAL_OUT, -500, NULL, NSN_WANT_CUT},
};

static int add_chain(struct nsn_state *s, struct nsn_place at, const struct chain *c,
		     const struct nsn_tenant *t)
{
	struct rules r = {.n = 0};
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_CHAIN, at, "");
	const struct nsn_rule *list;

	if (!o)
		return -ENOMEM;
	if (c->fill)
		c->fill(&r, t);
	if (c->counter)
		drop_rest(&r, c->counter);
	if (r.full)
		return -E2BIG;
	list = nsn_arena_memdup(&s->arena, r.list, r.n * sizeof(r.list[0]));
	if (!list)
		return -ENOMEM;
	o->u.chain = (struct nsn_chain){.family = NFPROTO_INET,
					.table = NSN_TABLE_NAME,
					.name = c->name,
					.type = "filter",
					.hook = c->hook,
					.priority = c->priority,
					.policy = NF_DROP,
					.rules = list,
					.n_rules = r.n};
	return 0;
}

static int add_counter(struct nsn_state *s, struct nsn_place at, const char *name)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_COUNTER, at, "");

	if (!o)
		return -ENOMEM;
	o->u.counter =
		(struct nsn_counter){.family = NFPROTO_INET, .table = NSN_TABLE_NAME, .name = name};
	return 0;
}

int nsn_compile_ruleset(struct nsn_state *s, struct nsn_place at, const struct nsn_tenant *t,
			const char *mark, enum nsn_want want)
{
	const char *comment = nsn_arena_strdup(&s->arena, mark);
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_TABLE, at, "");
	size_t i;
	int r;

	if (!o || !comment)
		return -ENOMEM;
	o->u.table = (struct nsn_table){
		.family = NFPROTO_INET, .name = NSN_TABLE_NAME, .comment = comment};
	for (i = 0; i < NSN_COUNT(chains); i++) {
		if (chains[i].want == NSN_WANT_CUT && want != NSN_WANT_CUT)
			continue;
		r = chains[i].counter ? add_counter(s, at, chains[i].counter) : 0;
		if (r == 0)
			r = add_chain(s, at, &chains[i], t);
		if (r < 0)
			return r;
	}
	return 0;
}
