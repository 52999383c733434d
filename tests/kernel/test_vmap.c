// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/nft.h"
#include "../../lib/nl/nl.h"
#include "../../lib/plan/plan.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * vmap - what rules between tenants are made of: maps of intervals to verdicts,
 * chains they lead to, marks of connections, sets that packets fill
 *
 * Packets go from 127.0.0.1 to 127.0.0.2 in a world of their own: what the chain
 * `output` drops, sendto() refuses with EPERM.
 */

#define TABLE "nsnet"
#define SLOW  65535 /* log group */

static struct nsnet_err err;

#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)

static void txn_freep(struct nsn_nft_txn **t)
{
	nsn_nft_free(*t);
}

/* ---- what is written -------------------------------------------------------------------- */

/* nft's numbers of types, and its notes on how to print: type, length, value. */
enum { IPV4 = 7, PROTO = 12, PORT = 13, MARK = 19, IFNAME = 41 };
#define NUMBER(type, n) (type), 4, (n), 0, 0, 0
#define CONCAT_KEY	3, 8, NUMBER(0, 13), 1, 0 /* its parts say what they are */
static const uint8_t flow_udata[] = {NUMBER(0, 0), NUMBER(1, 0), CONCAT_KEY, NUMBER(6, 0)};
static const uint8_t mark_udata[] = {NUMBER(0, 0), NUMBER(1, 1), CONCAT_KEY, NUMBER(6, 0)};
static const uint8_t name_udata[] = {NUMBER(0, 1), NUMBER(1, 0), NUMBER(6, 0)};
static const uint8_t name_mark_udata[] = {NUMBER(0, 1), NUMBER(1, 1), NUMBER(6, 0)};
static const uint8_t address_udata[] = {NUMBER(0, 2)};
static const uint8_t pair_udata[] = {NUMBER(0, 0), CONCAT_KEY};

#define UDATA(bytes) .udata = (bytes), .udata_len = sizeof(bytes)
#define INTERVALS    (NFT_SET_MAP | NFT_SET_INTERVAL | NFT_SET_CONCAT)

static const struct nsn_set sets[] = {
	{.name = "flow4",
	 .flags = INTERVALS,
	 .key_type = ((IPV4 << 6 | IPV4) << 6 | PROTO) << 6 | PORT,
	 .key_len = 16,
	 .data_type = NFT_DATA_VERDICT,
	 .fields = {4, 4, 1, 2},
	 .n_fields = 4,
	 UDATA(flow_udata)},
	{.name = "marks",
	 .flags = INTERVALS,
	 .key_type = IPV4 << 6 | PORT,
	 .key_len = 8,
	 .data_type = MARK,
	 .data_len = 4,
	 .fields = {4, 2},
	 .n_fields = 2,
	 UDATA(mark_udata)},
	{.name = "names",
	 .flags = NFT_SET_MAP,
	 .key_type = IFNAME,
	 .key_len = 16,
	 .data_type = NFT_DATA_VERDICT,
	 UDATA(name_udata)},
	{.name = "name_marks",
	 .flags = NFT_SET_MAP,
	 .key_type = IFNAME,
	 .key_len = 16,
	 .data_type = MARK,
	 .data_len = 4,
	 UDATA(name_mark_udata)},
	{.name = "recent",
	 .flags = NFT_SET_EVAL | NFT_SET_TIMEOUT,
	 .key_type = IPV4,
	 .key_len = 4,
	 .size = 100,
	 .timeout = 60000,
	 UDATA(address_udata)},
	{.name = "many",
	 .flags = NFT_SET_EVAL,
	 .key_type = IPV4 << 6 | MARK,
	 .key_len = 8,
	 .size = 65535,
	 UDATA(pair_udata)},
	{.name = "open",
	 .flags = NFT_SET_EVAL,
	 .key_type = IPV4,
	 .key_len = 4,
	 .size = 100,
	 UDATA(address_udata)},
};

static const char sets_in_words[] =
	"table inet nsnet {\n"
	"map flow4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service : verdict;"
	" flags interval; }\n"
	"map marks { type ipv4_addr . inet_service : mark; flags interval; }\n"
	"map names { type ifname : verdict; }\n"
	"map name_marks { type ifname : mark; }\n"
	"set recent { type ipv4_addr; flags dynamic,timeout; size 100; timeout 1m; }\n"
	"set many { type ipv4_addr . mark; flags dynamic; size 65535; }\n"
	"set open { type ipv4_addr; flags dynamic; size 100; }\n}\n";

static struct nsn_object *put(struct nsn_state *s, enum nsn_kind kind)
{
	struct nsn_object *o = nsn_state_add(s, kind, (struct nsn_place){0}, "");

	assert_non_null(o);
	return o;
}

static struct nsn_elem *put_elem(struct nsn_state *s, const char *set, const void *key,
				 const void *end, uint32_t len)
{
	struct nsn_object *o = put(s, NSN_OBJ_ELEM);

	o->u.elem = (struct nsn_elem){
		.family = NFPROTO_INET,
		.table = TABLE,
		.set = set,
		.key = nsn_arena_memdup(&s->arena, key, len),
		.key_end = end ? nsn_arena_memdup(&s->arena, end, len) : NULL,
		.key_len = len,
		.object = "",
	};
	assert_non_null(o->u.elem.key);
	assert_true(!end || o->u.elem.key_end);
	return &o->u.elem;
}

/* From 127.0.0.1 to 127.0.0.@to, UDP ports @first to @last, proto udp. */
static struct nsn_elem *put_flow(struct nsn_state *s, uint8_t to, uint16_t first, uint16_t last,
				 int32_t verdict, const char *chain)
{
	uint8_t key[16] = {127, 0, 0, 1, 127, 0, 0, to, IPPROTO_UDP}, end[16];
	struct nsn_elem *e;

	memcpy(end, key, sizeof(end));
	key[12] = (uint8_t)(first >> 8);
	key[13] = (uint8_t)first;
	end[12] = (uint8_t)(last >> 8);
	end[13] = (uint8_t)last;
	e = put_elem(s, "flow4", key, end, sizeof(key));
	e->key_type = sets[0].key_type;
	e->has_verdict = true;
	e->verdict = verdict;
	e->chain = chain;
	return e;
}

static void add(struct nsn_rule *r, struct nsn_expr e)
{
	assert_true(r->n < NSN_NFT_EXPRS);
	r->exprs[r->n++] = e;
}

static void meta(struct nsn_rule *r, int32_t key, uint32_t reg)
{
	add(r, (struct nsn_expr){.kind = NSN_EXPR_META, .key = key, .reg = reg});
}

static void payload(struct nsn_rule *r, int32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	add(r, (struct nsn_expr){.kind = NSN_EXPR_PAYLOAD,
				 .key = base,
				 .reg = reg,
				 .offset = offset,
				 .len = len});
}

static void compare(struct nsn_rule *r, int32_t op, const void *data, uint32_t len)
{
	struct nsn_expr e = {.kind = NSN_EXPR_CMP, .key = op, .reg = 1, .len = len};

	memcpy(e.data, data, len);
	add(r, e);
}

/* Something with a name: a set, a chain, a log. */
static struct nsn_expr *named(struct nsn_rule *r, enum nsn_expr_kind kind, int32_t key,
			      const char *name)
{
	struct nsn_expr e = {.kind = kind, .key = key};

	(void)snprintf(e.name, sizeof(e.name), "%s", name);
	add(r, e);
	return &r->exprs[r->n - 1];
}

static void verdict(struct nsn_rule *r, int32_t code, const char *chain)
{
	(void)named(r, NSN_EXPR_VERDICT, code, chain);
}

static void ct(struct nsn_rule *r, int32_t key)
{
	add(r, (struct nsn_expr){.kind = NSN_EXPR_CT, .key = key, .reg = 1});
}

static void mask(struct nsn_rule *r, uint32_t keep, uint32_t flip)
{
	struct nsn_expr e = {.kind = NSN_EXPR_BITWISE, .reg = 1, .len = 4};

	memcpy(e.mask, &keep, 4);
	memcpy(e.data, &flip, 4);
	add(r, e);
}

static void immediate(struct nsn_rule *r, const void *data, uint32_t len)
{
	struct nsn_expr e = {.kind = NSN_EXPR_IMMEDIATE, .reg = 1, .len = len};

	memcpy(e.data, data, len);
	add(r, e);
}

static void from_register(struct nsn_rule *r, enum nsn_expr_kind kind, int32_t key)
{
	add(r, (struct nsn_expr){.kind = kind, .key = key, .reg = 1});
}

static void is_ipv4(struct nsn_rule *r)
{
	meta(r, NFT_META_NFPROTO, 1);
	compare(r, NFT_CMP_EQ, "\x02", 1);
}

/* ip saddr . ip daddr . ip protocol . th dport in the map */
static void flow_rule(struct nsn_rule *r)
{
	is_ipv4(r);
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, 1);
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, NFT_REG32_01);
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, 9, 1, NFT_REG32_02);
	payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, NFT_REG32_03);
	named(r, NSN_EXPR_VMAP, 0, "flow4")->reg = 1;
}

static void established_rule(struct nsn_rule *r)
{
	static const uint32_t none;

	ct(r, NFT_CT_STATE);
	mask(r, 6, 0);
	compare(r, NFT_CMP_NEQ, &none, 4);
	verdict(r, NF_ACCEPT, "");
}

static void reply_rule(struct nsn_rule *r)
{
	ct(r, NFT_CT_DIRECTION);
	compare(r, NFT_CMP_EQ, "\x01", 1);
	verdict(r, NF_ACCEPT, "");
}

/* ct mark set ct mark & 0xffff00ff | 0x1200 */
static void set_mark_rule(struct nsn_rule *r)
{
	ct(r, NFT_CT_MARK);
	mask(r, 0xffff00ff, 0x1200);
	from_register(r, NSN_EXPR_CT_SET, NFT_CT_MARK);
}

static void copy_mark_rule(struct nsn_rule *r)
{
	ct(r, NFT_CT_MARK);
	from_register(r, NSN_EXPR_META_SET, NFT_META_MARK);
}

static void constant_mark_rule(struct nsn_rule *r)
{
	static const uint32_t seven = 7;

	immediate(r, &seven, 4);
	from_register(r, NSN_EXPR_META_SET, NFT_META_MARK);
}

static void map_mark_rule(struct nsn_rule *r)
{
	struct nsn_expr *e;

	meta(r, NFT_META_OIFNAME, 1);
	e = named(r, NSN_EXPR_MAP, 0, "name_marks");
	e->reg = e->to = 1;
	from_register(r, NSN_EXPR_CT_SET, NFT_CT_MARK);
}

static void names_rule(struct nsn_rule *r)
{
	meta(r, NFT_META_IIFNAME, 1);
	named(r, NSN_EXPR_VMAP, 0, "names")->reg = 1;
}

static void fib_rule(struct nsn_rule *r)
{
	static const uint32_t multicast = 5; /* RTN_MULTICAST */

	add(r, (struct nsn_expr){.kind = NSN_EXPR_FIB,
				 .key = NFT_FIB_RESULT_ADDRTYPE,
				 .flags = NFTA_FIB_F_DADDR,
				 .reg = 1});
	compare(r, NFT_CMP_EQ, &multicast, 4);
	verdict(r, NF_DROP, "");
}

static void log_rule(struct nsn_rule *r)
{
	named(r, NSN_EXPR_LOG, 5, "denied: ")->len = 96;
}

static void bare_log_rule(struct nsn_rule *r)
{
	(void)named(r, NSN_EXPR_LOG, SLOW, "");
}

static void recent_rule(struct nsn_rule *r)
{
	is_ipv4(r);
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, 1);
	named(r, NSN_EXPR_DYNSET, NFT_DYNSET_OP_UPDATE, "recent")->reg = 1;
}

/* ip daddr . meta mark, over 10 a second, 5 at once */
static void many_rule(struct nsn_rule *r)
{
	struct nsn_expr *e;

	is_ipv4(r);
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, 1);
	meta(r, NFT_META_MARK, NFT_REG32_01);
	e = named(r, NSN_EXPR_DYNSET_LIMIT, NFT_DYNSET_OP_ADD, "many");
	e->reg = 1;
	e->limit = (struct nsn_rate){.rate = 10, .unit = 60, .burst = 5, .flags = NFT_LIMIT_F_INV};
	verdict(r, NF_DROP, "");
}

/* More than two connections to an address. */
static void open_rule(struct nsn_rule *r)
{
	struct nsn_expr *e;

	is_ipv4(r);
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, 16, 4, 1);
	e = named(r, NSN_EXPR_DYNSET_CONNLIMIT, NFT_DYNSET_OP_ADD, "open");
	e->reg = 1;
	e->limit = (struct nsn_rate){.rate = 2, .flags = NFT_CONNLIMIT_F_INV};
	verdict(r, NF_DROP, "");
}

/* ct mark set numgen inc mod 5 */
static void number_rule(struct nsn_rule *r)
{
	add(r, (struct nsn_expr){.kind = NSN_EXPR_NUMGEN,
				 .key = NFT_NG_INCREMENTAL,
				 .reg = 1,
				 .limit = {.rate = 5}});
	add(r, (struct nsn_expr){.kind = NSN_EXPR_CT_SET, .key = NFT_CT_MARK, .reg = 1});
}

static void drop_rule(struct nsn_rule *r)
{
	verdict(r, NF_DROP, "");
}

static void jump_rule(struct nsn_rule *r)
{
	verdict(r, NFT_JUMP, "z_last");
}

static void goto_rule(struct nsn_rule *r)
{
	verdict(r, NFT_GOTO, "b_early");
}

static void snat4_rule(struct nsn_rule *r)
{
	is_ipv4(r);
	immediate(r, "\x0a\x01\x01\x01", 4);
	add(r, (struct nsn_expr){.kind = NSN_EXPR_NAT, .key = NFT_NAT_SNAT, .reg = 1, .len = 4});
}

static void snat6_rule(struct nsn_rule *r)
{
	static const uint8_t address[16] = {0xfd, [15] = 1};

	meta(r, NFT_META_NFPROTO, 1);
	compare(r, NFT_CMP_EQ, "\x0a", 1);
	immediate(r, address, 16);
	add(r, (struct nsn_expr){.kind = NSN_EXPR_NAT, .key = NFT_NAT_SNAT, .reg = 1, .len = 16});
}

typedef void (*rule_fn)(struct nsn_rule *);

/* A regular chain; the caller makes a base chain of it. */
static struct nsn_chain *put_chain(struct nsn_state *s, const char *name, const rule_fn *fill,
				   size_t n)
{
	struct nsn_object *o = put(s, NSN_OBJ_CHAIN);
	struct nsn_rule *rules = nsn_arena_alloc(&s->arena, (n ? n : 1) * sizeof(*rules));
	size_t i;

	assert_non_null(rules);
	for (i = 0; i < n; i++)
		fill[i](&rules[i]);
	o->u.chain = (struct nsn_chain){.family = NFPROTO_INET,
					.table = TABLE,
					.name = name,
					.type = "",
					.rules = rules,
					.n_rules = n};
	return &o->u.chain;
}

static void put_base(struct nsn_state *s, const char *name, uint32_t hook, const rule_fn *fill,
		     size_t n)
{
	struct nsn_chain *c = put_chain(s, name, fill, n);

	c->type = "filter";
	c->hook = hook;
	c->policy = NF_ACCEPT;
}

static void put_table(struct nsn_state *s)
{
	size_t i;

	put(s, NSN_OBJ_TABLE)->u.table = (struct nsn_table){
		.family = NFPROTO_INET, .name = TABLE, .comment = "made by a test"};
	for (i = 0; i < NSN_COUNT(sets); i++) {
		struct nsn_object *o = put(s, NSN_OBJ_SET);

		o->u.set = sets[i];
		o->u.set.family = NFPROTO_INET;
		o->u.set.table = TABLE;
	}
}

#define CHAIN(s, name, ...)                                                                        \
	put_chain(s, name, (const rule_fn[]){__VA_ARGS__},                                         \
		  sizeof((const rule_fn[]){__VA_ARGS__}) / sizeof(rule_fn))
#define BASE(s, name, hook, ...)                                                                   \
	put_base(s, name, hook, (const rule_fn[]){__VA_ARGS__},                                    \
		 sizeof((const rule_fn[]){__VA_ARGS__}) / sizeof(rule_fn))

/*
 * One of each. Elements lead to chains whose rules lead to chains before and after
 * them, by name.
 */
static void everything(struct nsn_state *s)
{
	static const uint8_t from[8] = {10, 0, 0, 0, 0, 80}, to[8] = {10, 255, 255, 255, 0, 80};
	static const char lo[16] = "lo";
	static const uint32_t mark = 0x12345678;
	struct nsn_chain *nat;
	struct nsn_elem *e;

	put_table(s);
	put_flow(s, 2, 1000, 1999, NF_DROP, NULL);
	put_flow(s, 2, 2000, 2000, NFT_JUMP, "m_middle");
	put_flow(s, 3, 0, 65535, NFT_GOTO, "z_last");
	put_flow(s, 4, 7, 7, NF_ACCEPT, "");
	e = put_elem(s, "names", lo, NULL, sizeof(lo));
	e->has_verdict = true;
	e->verdict = NFT_RETURN;
	e = put_elem(s, "name_marks", lo, NULL, sizeof(lo));
	e->data = (const uint8_t *)&mark;
	e->data_len = sizeof(mark);
	e = put_elem(s, "marks", from, to, sizeof(from));
	e->data = (const uint8_t *)&mark;
	e->data_len = sizeof(mark);

	BASE(s, "forward", NF_INET_FORWARD, established_rule, reply_rule, set_mark_rule,
	     copy_mark_rule, constant_mark_rule, map_mark_rule, names_rule, fib_rule, log_rule,
	     bare_log_rule, recent_rule, many_rule, open_rule, number_rule);
	BASE(s, "output", NF_INET_LOCAL_OUT, flow_rule);
	(void)CHAIN(s, "b_early", set_mark_rule);
	(void)CHAIN(s, "m_middle", jump_rule, goto_rule);
	(void)CHAIN(s, "z_last", drop_rule);
	nat = CHAIN(s, "postrouting", snat4_rule, snat6_rule);
	nat->type = "nat";
	nat->hook = NF_INET_POST_ROUTING;
	nat->priority = 100;
	nat->policy = NF_ACCEPT;
	nsn_state_sort(s);
}

/* ---- doing and comparing ------------------------------------------------------------------ */

struct full {
	struct nsn_nl *nl;
	struct nsn_state want, have;
};

static void full_freep(struct full *f)
{
	nsn_nl_close(f->nl);
	nsn_state_clear(&f->want);
	nsn_state_clear(&f->have);
}

static struct nsn_nl *open_nl(void)
{
	struct nsn_nl *nl = NULL;

	world_need();
	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, &err));
	return nl;
}

static struct nsn_nft_txn *begin(void)
{
	struct nsn_nft_txn *t = NULL;

	OK(nsn_nft_begin(&t, &err));
	return t;
}

static int try_add(struct nsn_nl *nl, const struct nsn_state *s)
{
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();
	size_t i;

	for (i = 0; i < s->n; i++)
		OK(nsn_nft_add(t, &s->objects[i], &err));
	return nsn_nft_commit(t, nl, &err);
}

static void observe(struct nsn_nl *nl, struct nsn_state *s)
{
	nsn_state_clear(s);
	OK(nsn_nft_dump(nl, TABLE, s, (struct nsn_place){0}, &err));
	nsn_state_sort(s);
}

static void same_states(const struct nsn_state *want, const struct nsn_state *have)
{
	struct nsn_arena arena = {0};
	size_t i;

	for (i = 0; i < want->n && i < have->n; i++) {
		const struct nsn_object *w = &want->objects[i], *h = &have->objects[i];

		if (nsn_object_cmp(w, h) != 0 || !nsn_object_same(w, h))
			fail_msg("wanted %s '%s', there is %s '%s'", nsn_kind_name(w->kind),
				 nsn_object_str(w, &arena), nsn_kind_name(h->kind),
				 nsn_object_str(h, &arena));
	}
	assert_int_equal(want->n, have->n);
	nsn_arena_free(&arena);
}

static void fill(struct full *f)
{
	f->nl = open_nl();
	everything(&f->want);
	OK(try_add(f->nl, &f->want));
}

static void nft_reads(const char *text)
{
	struct run r;

	run_input(&r, 60000, text, (const char *const[]){"nft", "-f", "-", NULL});
	if (r.status != 0)
		fail_msg("nft -f: %s", r.err);
	run_free(&r);
}

/* A datagram to 127.0.0.@to; 0 or the errno. */
static int send_to(uint8_t to, uint16_t port)
{
	const struct sockaddr_in from = {.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(0x7f000001)};
	const struct sockaddr_in addr = {.sin_family = AF_INET,
					 .sin_port = htons(port),
					 .sin_addr.s_addr = htonl(0x7f000000U | to)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r;

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (const void *)&from, sizeof(from)), 0);
	r = sendto(fd, "x", 1, 0, (const void *)&addr, sizeof(addr)) == 1 ? 0 : errno;
	(void)close(fd);
	return r;
}

static void prints(const char *command, const char *part)
{
	char *out = lab_sh("%s", command);

	LAB_HAS(out, part);
	free(out);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void what_is_written_is_read_back_the_same(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};

	(void)state;
	fill(&f);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static const char *const listing[] = {
	"elements = { 127.0.0.1 . 127.0.0.2 . udp . 1000-1999 : drop",
	"127.0.0.1 . 127.0.0.2 . udp . 2000 : jump m_middle",
	"127.0.0.1 . 127.0.0.3 . udp . 0-65535 : goto z_last",
	"127.0.0.1 . 127.0.0.4 . udp . 7 : accept",
	"elements = { 10.0.0.0/8 . 80 : 0x12345678 }",
	"elements = { \"lo\" : return }",
	"elements = { \"lo\" : 0x12345678 }",
	"ip saddr . ip daddr . ip protocol . th dport vmap @flow4",
	"ct state established,related accept",
	"ct direction reply accept",
	"ct mark set ct mark & 0xffff12ff | 0x00001200",
	"meta mark set ct mark",
	"meta mark set 0x00000007",
	"ct mark set oifname map @name_marks",
	"iifname vmap @names",
	"fib daddr type multicast drop",
	"log prefix \"denied: \" group 5 snaplen 96",
	"log group 65535",
	"update @recent { ip daddr }",
	"add @many { ip daddr . meta mark limit rate over 10/minute",
	"add @open { ip daddr ct count over 2 } drop",
	"ct mark set numgen inc mod 5",
	"jump z_last",
	"goto b_early",
	"snat ip to 10.1.1.1",
	"snat ip6 to fd00::1",
};

static void nft_prints_what_was_meant_and_takes_it_back(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	struct run all, r;
	size_t i;

	(void)state;
	fill(&f);
	RUN(&all, "nft", "list", "ruleset");
	assert_string_equal(all.err, "");
	for (i = 0; i < NSN_COUNT(listing); i++)
		LAB_HAS(all.out, listing[i]);
	run_input(&r, 60000, all.out, (const char *const[]){"nft", "-c", "-f", "-", NULL});
	assert_string_equal(r.err, "");
	assert_int_equal(r.status, 0);
	run_free(&r);
	RUN_STATUS(0, "nft", "flush", "ruleset");
	nft_reads(all.out);
	run_free(&all);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void sets_are_as_nft_makes_them(void **state)
{
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};

	(void)state;
	nft_reads(sets_in_words);
	put_table(&f.want);
	f.want.objects[0].u.table.comment = "";
	nsn_state_sort(&f.want);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void elements_have_words(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	size_t i, seen = 0;

	(void)state;
	fill(&f);
	observe(f.nl, &f.have);
	for (i = 0; i < f.have.n; i++) {
		const char *text = nsn_object_str(&f.have.objects[i], &f.have.arena);

		seen += strcmp(text, "inet nsnet flow4 { 127.0.0.1 . 127.0.0.2 . 17 . 1000-1999 "
				     ": drop }") == 0;
		seen += strcmp(text, "inet nsnet flow4 { 127.0.0.1 . 127.0.0.3 . 17 . 0-65535 "
				     ": goto z_last }") == 0;
		seen += strcmp(text, "inet nsnet names { lo : return }") == 0;
		seen += strcmp(text, "inet nsnet marks { 10.0.0.0-10.255.255.255 . 80 : "
				     "0x78563412 }") == 0;
	}
	assert_int_equal(seen, 4);
}

static void the_end_is_part_of_the_key_and_the_verdict_is_not(void **state)
{
	struct nsn_state s = {0};
	struct nsn_elem *e;

	(void)state;
	put_flow(&s, 2, 80, 90, NF_DROP, NULL);
	put_flow(&s, 2, 80, 91, NF_DROP, NULL);
	put_flow(&s, 2, 80, 90, NFT_JUMP, "z_last");
	put_flow(&s, 2, 80, 90, NFT_JUMP, "b_early");
	put_flow(&s, 2, 80, 80, NF_DROP, NULL);
	put_flow(&s, 2, 80, 80, NF_ACCEPT, NULL);
	/* One key, whether it says so or not. */
	e = put_flow(&s, 2, 80, 80, NF_DROP, "");
	e->key_end = NULL;
	assert_true(nsn_object_cmp(&s.objects[0], &s.objects[1]) < 0);
	assert_true(nsn_object_cmp(&s.objects[1], &s.objects[0]) > 0);
	assert_int_equal(nsn_object_cmp(&s.objects[0], &s.objects[2]), 0);
	assert_false(nsn_object_same(&s.objects[0], &s.objects[2]));
	assert_false(nsn_object_same(&s.objects[2], &s.objects[3]));
	assert_false(nsn_object_same(&s.objects[4], &s.objects[5]));
	assert_int_equal(nsn_object_cmp(&s.objects[4], &s.objects[6]), 0);
	assert_true(nsn_object_same(&s.objects[4], &s.objects[6]));
	nsn_state_clear(&s);
}

static void every_byte_of_an_expression_counts(void **state)
{
	struct nsn_expr a = {.kind = NSN_EXPR_DYNSET_LIMIT}, b;
	size_t i;

	(void)state;
	memset(a.name, 'n', sizeof(a.name) - 1);
	b = a;
	assert_true(nsn_expr_same(&a, &b));
	/* The last one of the name ends it. */
	for (i = 0; i < sizeof(b) - 1; i++) {
		((uint8_t *)&b)[i] ^= 1;
		if (nsn_expr_same(&a, &b))
			fail_msg("byte %zu", i);
		b = a;
	}
}

static void a_verdict_of_a_map_is_what_happens_to_a_packet(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};

	(void)state;
	fill(&f);
	assert_int_equal(send_to(2, 999), 0);
	assert_int_equal(send_to(2, 1000), EPERM);
	assert_int_equal(send_to(2, 1999), EPERM);
	assert_int_equal(send_to(2, 2001), 0);
	assert_int_equal(send_to(3, 1), EPERM);	   /* goto z_last */
	assert_int_equal(send_to(2, 2000), EPERM); /* jump m_middle, jump z_last */
	assert_int_equal(send_to(4, 7), 0);
	assert_int_equal(send_to(5, 7), 0);
}

/* The only element of these keys, with another verdict. */
static int replace(struct nsn_nl *nl, const struct nsn_object *want, const struct nsn_object *have)
{
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();

	OK(nsn_nft_change(t, want, have, &err));
	return nsn_nft_commit(t, nl, &err);
}

static void an_element_gets_another_verdict_in_one_transaction(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	const struct nsn_object *have;
	struct nsn_state one = {0};

	(void)state;
	fill(&f);
	assert_int_equal(send_to(2, 1500), EPERM);
	put_flow(&one, 2, 1000, 1999, NFT_JUMP, "b_early");
	have = nsn_state_find(&f.want, &one.objects[0]);
	assert_non_null(have);
	OK(replace(f.nl, &one.objects[0], have));
	assert_int_equal(send_to(2, 1500), 0);
	assert_int_equal(send_to(2, 2000), EPERM);
	OK(replace(f.nl, have, &one.objects[0]));
	assert_int_equal(send_to(2, 1500), EPERM);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
	nsn_state_clear(&one);
}

static int try_flow(struct nsn_nl *nl, uint16_t first, uint16_t last)
{
	struct nsn_state one = {0};
	int r;

	put_flow(&one, 2, first, last, NF_ACCEPT, NULL);
	r = try_add(nl, &one);
	nsn_state_clear(&one);
	return r;
}

static void elements_that_overlap_are_refused(void **state)
{
	static const uint16_t pairs[][2] = {{900, 1000}, {1999, 2100}, {1500, 1600}, {1000, 1998}};
	NSN_AUTO(full_freep) struct full f = {0};
	size_t i;

	(void)state;
	fill(&f);
	for (i = 0; i < NSN_COUNT(pairs); i++) {
		assert_int_equal(try_flow(f.nl, pairs[i][0], pairs[i][1]), -EEXIST);
		LAB_HAS(err.msg, "element 'inet nsnet flow4 { 127.0.0.1 . 127.0.0.2 . 17 . ");
		LAB_HAS(err.msg, "File exists");
	}
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

/* The kernel looks for what is there at both ends of the new one, not between them. */
static void an_element_around_another_is_not_refused(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};

	(void)state;
	fill(&f);
	assert_int_equal(try_flow(f.nl, 900, 3000), 0);
}

static void a_connection_gets_its_mark(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	static const char lo[16] = "lo";
	static const uint32_t mark = 0x00ab00cd;
	struct nsn_elem *e;

	(void)state;
	f.nl = open_nl();
	put_table(&f.want);
	e = put_elem(&f.want, "name_marks", lo, NULL, sizeof(lo));
	e->data = (const uint8_t *)&mark;
	e->data_len = sizeof(mark);
	BASE(&f.want, "output", NF_INET_LOCAL_OUT, map_mark_rule, set_mark_rule, copy_mark_rule);
	nsn_state_sort(&f.want);
	OK(try_add(f.nl, &f.want));
	/* The packet carries the mark as well, for whom it comes to. */
	nft_reads("table inet witness { counter hit { }\n chain input { type filter hook input "
		  "priority 0; udp dport 4000 meta mark 0x00ab12cd counter name hit\n }\n}");
	assert_int_equal(send_to(2, 4000), 0);
	prints("grep 'dport=4000' /proc/net/nf_conntrack", "mark=11211469 "); /* 0x00ab12cd */
	prints("nft list counter inet witness hit", "packets 1 ");
}

static void packets_fill_sets_which_are_no_objects(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	int i, refused = 0;

	(void)state;
	f.nl = open_nl();
	put_table(&f.want);
	BASE(&f.want, "output", NF_INET_LOCAL_OUT, recent_rule, many_rule);
	nsn_state_sort(&f.want);
	OK(try_add(f.nl, &f.want));
	for (i = 0; i < 8; i++)
		refused += send_to(2, 5000) == EPERM;
	assert_int_equal(refused, 3);
	assert_int_equal(send_to(3, 5000), 0);
	prints("nft list set inet nsnet recent", "127.0.0.2 expires");
	prints("nft list set inet nsnet many", "127.0.0.3 . 0x00000000 limit rate over 10/minute");
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void connections_are_counted(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};

	(void)state;
	f.nl = open_nl();
	put_table(&f.want);
	BASE(&f.want, "output", NF_INET_LOCAL_OUT, open_rule);
	nsn_state_sort(&f.want);
	OK(try_add(f.nl, &f.want));
	assert_int_equal(send_to(2, 6000), 0);
	assert_int_equal(send_to(2, 6001), 0);
	assert_int_equal(send_to(2, 6002), EPERM);
	assert_int_equal(send_to(3, 6002), 0);
}

/* ---- what leads to chains, in and out ----------------------------------------------------- */

/* As lib/sync does it: all steps of a place in one transaction. */
static void carry_out(struct nsn_nl *nl, const struct nsn_plan *plan, bool back)
{
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();
	size_t i;

	for (i = 0; i < plan->n; i++) {
		struct nsn_step step =
			back ? nsn_step_inverse(&plan->steps[plan->n - 1 - i]) : plan->steps[i];

		if (step.op == NSN_CREATE)
			OK(nsn_nft_add(t, step.want, &err));
		else if (step.op == NSN_REMOVE)
			OK(nsn_nft_del(t, step.have, &err));
		else
			OK(nsn_nft_change(t, step.want, step.have, &err));
	}
	OK(nsn_nft_commit(t, nl, &err));
}

static const struct nsn_owner owner = {.group = 7};

static void the_plan_makes_it_and_takes_it_back(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	struct nsn_plan plan = {0};
	struct nsn_state bare = {0};

	(void)state;
	f.nl = open_nl();
	everything(&f.want);
	OK(nsn_plan(&f.want, &f.have, &owner, &plan, &err));
	assert_int_equal(plan.n, f.want.n);
	carry_out(f.nl, &plan, false);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
	/* One by one, backwards, in one transaction; and again. */
	carry_out(f.nl, &plan, true);
	observe(f.nl, &f.have);
	assert_int_equal(f.have.n, 0);
	carry_out(f.nl, &plan, false);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
	nsn_plan_clear(&plan);

	/* And a table of which only the sets are left. */
	put_table(&bare);
	nsn_state_sort(&bare);
	OK(nsn_plan(&bare, &f.have, &owner, &plan, &err));
	carry_out(f.nl, &plan, false);
	nsn_plan_clear(&plan);
	observe(f.nl, &f.have);
	same_states(&bare, &f.have);
	/* What the plan does not know of, it fills in. */
	OK(nsn_plan(&f.want, &f.have, &owner, &plan, &err));
	carry_out(f.nl, &plan, false);
	nsn_plan_clear(&plan);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
	nsn_state_clear(&bare);
}

/* A connection's mark in the map `use`, and the counter it leads to. */
static void put_use(struct nsn_state *s, uint32_t mark, const char *counter)
{
	struct nsn_elem *e = put_elem(s, "use", &mark, NULL, sizeof(mark));

	e->object = counter;
	put(s, NSN_OBJ_COUNTER)->u.counter =
		(struct nsn_counter){.family = NFPROTO_INET, .table = TABLE, .name = counter};
}

static void use_rule(struct nsn_rule *r)
{
	meta(r, NFT_META_MARK, 1);
	named(r, NSN_EXPR_OBJMAP, 0, "use")->reg = 1;
}

/* All datagrams have mark 7. */
static void put_uses(struct nsn_state *s)
{
	put_table(s);
	put(s, NSN_OBJ_SET)->u.set = (struct nsn_set){.family = NFPROTO_INET,
						      .table = TABLE,
						      .name = "use",
						      .flags = NFT_SET_OBJECT,
						      .key_type = MARK,
						      .key_len = 4,
						      .obj_type = NFT_OBJECT_COUNTER};
	put_use(s, 7, NSN_RULE_COUNTER "stays");
	BASE(s, "output", NF_INET_LOCAL_OUT, constant_mark_rule, use_rule);
}

static uint64_t stayed(const struct nsn_state *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_COUNTER &&
		    strcmp(s->objects[i].u.counter.name, NSN_RULE_COUNTER "stays") == 0)
			return s->objects[i].u.counter.packets;
	fail_msg("no counter");
	return 0;
}

/* As if the policy went: its element and its counter in one transaction, and no more. */
static void a_counter_goes_with_its_element_and_the_others_keep_their_values(void **state)
{
	static const char *const names[] = {NSN_RULE_COUNTER "goes", NSN_KEPT_COUNTER,
					    NSN_QUARANTINE_COUNTER};
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	struct nsn_state all = {0};
	struct nsn_plan plan = {0};
	uint64_t before;
	size_t i;

	(void)state;
	put_uses(&f.want);
	nsn_state_sort(&f.want);
	put_uses(&all);
	for (i = 0; i < NSN_COUNT(names); i++)
		put_use(&all, 8 + (uint32_t)i, names[i]);
	nsn_state_sort(&all);
	OK(try_add(f.nl, &all));
	assert_int_equal(send_to(2, 4000), 0);

	observe(f.nl, &f.have);
	same_states(&all, &f.have);
	before = stayed(&f.have);
	assert_true(before >= 1); /* also the ICMP error: nobody listens */
	OK(nsn_plan(&f.want, &f.have, &owner, &plan, &err));
	assert_int_equal(plan.n, 2 * NSN_COUNT(names));
	carry_out(f.nl, &plan, false);
	nsn_plan_clear(&plan);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
	assert_int_equal(stayed(&f.have), before);

	/* And back again, in the other order: not even then is the table made anew. */
	OK(nsn_plan(&all, &f.have, &owner, &plan, &err));
	carry_out(f.nl, &plan, false);
	carry_out(f.nl, &plan, true);
	carry_out(f.nl, &plan, false);
	nsn_plan_clear(&plan);
	observe(f.nl, &f.have);
	same_states(&all, &f.have);
	assert_int_equal(stayed(&f.have), before);
	nsn_state_clear(&all);
}

/* Which is why the counter comes last. */
static void a_counter_that_is_led_to_stays(void **state)
{
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();
	size_t i;

	(void)state;
	put_uses(&f.want);
	nsn_state_sort(&f.want);
	OK(try_add(f.nl, &f.want));
	for (i = 0; i < f.want.n; i++)
		if (f.want.objects[i].kind == NSN_OBJ_COUNTER)
			OK(nsn_nft_del(t, &f.want.objects[i], &err));
	assert_int_equal(nsn_nft_commit(t, f.nl, &err), -EBUSY);
	LAB_HAS(err.msg, "counter 'inet nsnet nsnet_rule_stays");
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void what_leads_in_a_circle_is_refused(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	int r;

	(void)state;
	f.nl = open_nl();
	put_table(&f.want);
	(void)CHAIN(&f.want, "b_early", jump_rule);
	(void)CHAIN(&f.want, "z_last", goto_rule);
	BASE(&f.want, "output", NF_INET_LOCAL_OUT, jump_rule);
	/* Two jumps too many, to newer kernels. */
	r = try_add(f.nl, &f.want);
	assert_true(r == -ELOOP || r == -EMLINK);
	observe(f.nl, &f.have);
	assert_int_equal(f.have.n, 0);
}

static void a_chain_that_is_led_to_stays(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();
	size_t i;

	(void)state;
	fill(&f);
	for (i = 0; i < f.want.n; i++)
		if (f.want.objects[i].kind == NSN_OBJ_CHAIN &&
		    strcmp(f.want.objects[i].u.chain.name, "m_middle") == 0)
			OK(nsn_nft_del(t, &f.want.objects[i], &err));
	assert_int_equal(nsn_nft_commit(t, f.nl, &err), -EBUSY);
	LAB_HAS(err.msg, "chain 'inet nsnet m_middle");
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

/* ---- and many -----------------------------------------------------------------------------------
 */

static void thousands_of_intervals_go_and_come_at_once(void **state)
{
	enum { MANY = 500 };
	NSN_AUTO(full_freep) struct full f = {0};
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = NULL;
	double start;
	size_t i;

	(void)state;
	f.nl = open_nl();
	put_table(&f.want);
	for (i = 0; i < MANY; i++)
		put_flow(&f.want, 2, (uint16_t)(10 * i), (uint16_t)(10 * i + 5),
			 i % 2 ? NFT_JUMP : NF_DROP, i % 2 ? "z_last" : NULL);
	(void)CHAIN(&f.want, "z_last", drop_rule);
	BASE(&f.want, "output", NF_INET_LOCAL_OUT, flow_rule);
	nsn_state_sort(&f.want);
	start = now_ms();
	OK(try_add(f.nl, &f.want));
	observe(f.nl, &f.have);
	print_message("%d intervals written and read: %.1f ms\n", MANY, now_ms() - start);
	same_states(&f.want, &f.have);
	assert_int_equal(send_to(2, 4995), EPERM);
	assert_int_equal(send_to(2, 4996), 0);

	t = begin();
	for (i = f.want.n; i > 0; i--)
		if (f.want.objects[i - 1].kind == NSN_OBJ_ELEM)
			OK(nsn_nft_del(t, &f.want.objects[i - 1], &err));
	OK(nsn_nft_commit(t, f.nl, &err));
	observe(f.nl, &f.have);
	assert_int_equal(f.have.n, f.want.n - MANY);
	assert_int_equal(send_to(2, 4995), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_written_is_read_back_the_same, world_setup),
		cmocka_unit_test_setup(nft_prints_what_was_meant_and_takes_it_back, world_setup),
		cmocka_unit_test_setup(sets_are_as_nft_makes_them, world_setup),
		cmocka_unit_test_setup(elements_have_words, world_setup),
		cmocka_unit_test(the_end_is_part_of_the_key_and_the_verdict_is_not),
		cmocka_unit_test(every_byte_of_an_expression_counts),
		cmocka_unit_test_setup(a_verdict_of_a_map_is_what_happens_to_a_packet, world_setup),
		cmocka_unit_test_setup(an_element_gets_another_verdict_in_one_transaction,
				       world_setup),
		cmocka_unit_test_setup(elements_that_overlap_are_refused, world_setup),
		cmocka_unit_test_setup(an_element_around_another_is_not_refused, world_setup),
		cmocka_unit_test_setup(a_connection_gets_its_mark, world_setup),
		cmocka_unit_test_setup(packets_fill_sets_which_are_no_objects, world_setup),
		cmocka_unit_test_setup(connections_are_counted, world_setup),
		cmocka_unit_test_setup(the_plan_makes_it_and_takes_it_back, world_setup),
		cmocka_unit_test_setup(
			a_counter_goes_with_its_element_and_the_others_keep_their_values,
			world_setup),
		cmocka_unit_test_setup(a_counter_that_is_led_to_stays, world_setup),
		cmocka_unit_test_setup(what_leads_in_a_circle_is_refused, world_setup),
		cmocka_unit_test_setup(a_chain_that_is_led_to_stays, world_setup),
		cmocka_unit_test_setup(thousands_of_intervals_go_and_come_at_once, world_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
