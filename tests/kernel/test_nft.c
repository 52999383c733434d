// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/nft.h"
#include "../../lib/nl/nl.h"
#include "../lib/inject.h"
#include "../lib/world.h"

#define TABLE "nsnet"

static struct nsnet_err err;

static void ok(int r, const char *what, const char *file, int line)
{
	if (r == 0)
		return;
	print_error("%s: %d %s\n", what, r, err.msg);
	_fail(file, line);
}

#define OK(call) ok((call), #call, __FILE__, __LINE__)

static void nl_freep(struct nsn_nl **nl)
{
	nsn_nl_close(*nl);
}

static void txn_freep(struct nsn_nft_txn **t)
{
	nsn_nft_free(*t);
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

/* ---- what nsnet writes ---------------------------------------------------------------- */

/* nft's numbers of the types, of which a concatenation has several. */
enum { ETHER = 9, IPV4 = 7, IPV6 = 8, PROTO = 12, IFNAME = 41, INTEGER = 4 };
#define CONCAT(a, b, c) ((a) << 12 | (b) << 6 | (c))

/*
 * What nft keeps with a set, to print it: attributes of type, length, value; a
 * number is 4 bytes in the order of the machine. The order of bytes in keys
 * comes first: 1 as on this machine, 2 network order, 0 each part its own.
 */
#define NUMBER(type, n)	  (type), 4, (n), 0, 0, 0
#define KEY_ORDER(order)  NUMBER(0, order)
#define NO_DATA_INTERVALS NUMBER(6, 0)
static const uint8_t mixed_order[] = {KEY_ORDER(0)};
static const uint8_t host_order[] = {KEY_ORDER(1)};
static const uint8_t object_map[] = {KEY_ORDER(1), NO_DATA_INTERVALS};
/* typeof iifname . ether saddr . @th,64,128: the target of a neighbour solicitation. */
static const uint8_t nd_typeof[] = {
	/* clang-format off */
	KEY_ORDER(0),
	3, 86, NUMBER(0, 13), 1, 78,			/* the key: a concatenation of */
		0, 14, NUMBER(0, 9), 1, 6,		/*   meta */
			NUMBER(0, NFT_META_IIFNAME),
		1, 20, NUMBER(0, 7), 1, 12,		/*   payload */
			NUMBER(0, 17), NUMBER(1, 2),	/*     ether, saddr */
		2, 38, NUMBER(0, 7), 1, 30,		/*   payload */
			NUMBER(0, 0), NUMBER(1, 0),	/*     of no protocol in particular: */
			NUMBER(2, NFT_PAYLOAD_TRANSPORT_HEADER + 1),
			NUMBER(3, 64), NUMBER(4, 128),	/*     bits */
	/* clang-format on */
};

static const struct nsn_set sets[] = {
	{.name = "pin4",
	 .key_type = CONCAT(IFNAME, ETHER, IPV4),
	 .key_len = 28,
	 .udata = mixed_order,
	 .udata_len = sizeof(mixed_order)},
	{.name = "pin6",
	 .key_type = CONCAT(IFNAME, ETHER, IPV6),
	 .key_len = 40,
	 .udata = mixed_order,
	 .udata_len = sizeof(mixed_order)},
	{.name = "pin_nd",
	 .key_type = CONCAT(IFNAME, ETHER, INTEGER),
	 .key_len = 40,
	 .udata = nd_typeof,
	 .udata_len = sizeof(nd_typeof)},
	{.name = "protos",
	 .key_type = PROTO,
	 .key_len = 1,
	 .udata = mixed_order,
	 .udata_len = sizeof(mixed_order)},
	{.name = "rates",
	 .flags = NFT_SET_OBJECT,
	 .key_type = IFNAME,
	 .key_len = 16,
	 .obj_type = NFT_OBJECT_LIMIT,
	 .udata = object_map,
	 .udata_len = sizeof(object_map)},
	{.name = "ports",
	 .key_type = IFNAME,
	 .key_len = 16,
	 .udata = host_order,
	 .udata_len = sizeof(host_order)},
};

/* The same in nft's language. */
static const char sets_in_words[] = "set pin4 { type ifname . ether_addr . ipv4_addr; }\n"
				    "set pin6 { type ifname . ether_addr . ipv6_addr; }\n"
				    "set pin_nd { typeof iifname . ether saddr . @th,64,128; }\n"
				    "set protos { type inet_proto; }\n"
				    "map rates { type ifname : limit; }\n"
				    "set ports { type ifname; }\n";

static struct nsn_object *put(struct nsn_state *s, enum nsn_kind kind)
{
	struct nsn_object *o = nsn_state_add(s, kind, (struct nsn_place){0}, "");

	assert_non_null(o);
	return o;
}

static void put_table(struct nsn_state *s, uint8_t family)
{
	put(s, NSN_OBJ_TABLE)->u.table =
		(struct nsn_table){.family = family, .name = TABLE, .comment = "made by a test"};
}

static void put_counter(struct nsn_state *s, uint8_t family, const char *name)
{
	put(s, NSN_OBJ_COUNTER)->u.counter =
		(struct nsn_counter){.family = family, .table = TABLE, .name = name};
}

static struct nsn_limit *put_limit(struct nsn_state *s, uint8_t family, const char *name)
{
	struct nsn_object *o = put(s, NSN_OBJ_LIMIT);

	o->u.limit = (struct nsn_limit){.family = family,
					.table = TABLE,
					.name = name,
					.rate = 10 << 20,
					.unit = 1,
					.burst = 500 << 10,
					.type = NFT_LIMIT_PKT_BYTES,
					.flags = NFT_LIMIT_F_INV};
	return &o->u.limit;
}

static void put_set(struct nsn_state *s, uint8_t family, const char *name)
{
	size_t i;

	for (i = 0; strcmp(sets[i].name, name) != 0; i++)
		assert_true(i < NSN_COUNT(sets));
	struct nsn_object *o = put(s, NSN_OBJ_SET);

	o->u.set = sets[i];
	o->u.set.family = family;
	o->u.set.table = TABLE;
}

/* @rest: what follows the name of the link. */
static struct nsn_elem *put_elem(struct nsn_state *s, uint8_t family, const char *set,
				 const char *link, const void *rest, size_t len)
{
	struct nsn_object *o = put(s, NSN_OBJ_ELEM);
	uint8_t *key = nsn_arena_alloc(&s->arena, 16 + len);

	assert_non_null(key);
	memcpy(key, link, strnlen(link, 16));
	if (len)
		memcpy(key + 16, rest, len);
	o->u.elem = (struct nsn_elem){.family = family,
				      .table = TABLE,
				      .set = set,
				      .key = key,
				      .key_len = 16 + (uint32_t)len,
				      .object = ""};
	return &o->u.elem;
}

static void put_proto(struct nsn_state *s, uint8_t family, uint8_t proto)
{
	struct nsn_elem *e = put_elem(s, family, "protos", "", NULL, 0);

	((uint8_t *)(uintptr_t)e->key)[0] = proto;
	e->key_len = 1;
}

/* ---- rules ---- */

static void meta(struct nsn_rule *r, int32_t key)
{
	r->exprs[r->n++] = (struct nsn_expr){.kind = NSN_EXPR_META, .key = key, .reg = 1};
}

static void payload(struct nsn_rule *r, int32_t base, uint32_t offset, uint32_t len, uint32_t reg)
{
	r->exprs[r->n++] = (struct nsn_expr){
		.kind = NSN_EXPR_PAYLOAD, .key = base, .reg = reg, .offset = offset, .len = len};
}

static void equals(struct nsn_rule *r, const char *data, uint32_t len)
{
	struct nsn_expr *e = &r->exprs[r->n++];

	*e = (struct nsn_expr){.kind = NSN_EXPR_CMP, .key = NFT_CMP_EQ, .reg = 1, .len = len};
	memcpy(e->data, data, len);
}

static void named(struct nsn_rule *r, enum nsn_expr_kind kind, const char *name, int32_t key)
{
	struct nsn_expr *e = &r->exprs[r->n++];

	*e = (struct nsn_expr){.kind = kind, .key = key};
	if (kind == NSN_EXPR_LOOKUP || kind == NSN_EXPR_OBJMAP)
		e->reg = 1;
	(void)snprintf(e->name, sizeof(e->name), "%s", name);
}

/* iifname . ether saddr . the address there, in a set; then accept. */
static void pinned(struct nsn_rule *r, int32_t base, uint32_t offset, uint32_t len, const char *set)
{
	meta(r, NFT_META_IIFNAME);
	payload(r, NFT_PAYLOAD_LL_HEADER, 6, 6, 2);
	payload(r, base, offset, len, NFT_REG32_06);
	named(r, NSN_EXPR_LOOKUP, set, 0);
	named(r, NSN_EXPR_VERDICT, "", NF_ACCEPT);
}

static void arp_rule(struct nsn_rule *r)
{
	payload(r, NFT_PAYLOAD_LL_HEADER, 12, 2, 1);
	equals(r, "\x08\x06", 2);
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, 0, 4, 1);
	equals(r, "\0\x01\x08\0", 4);
	/* hlen, plen and operation: nft puts together what lies side by side. */
	payload(r, NFT_PAYLOAD_NETWORK_HEADER, 4, 4, 1);
	equals(r, "\x06\x04\0\x01", 4);
	pinned(r, NFT_PAYLOAD_NETWORK_HEADER, 14, 4, "pin4");
}

static void nd_rule(struct nsn_rule *r)
{
	payload(r, NFT_PAYLOAD_LL_HEADER, 12, 2, 1);
	equals(r, "\x86\xdd", 2);
	meta(r, NFT_META_L4PROTO);
	equals(r, "\x3a", 1);
	payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, 1);
	equals(r, "\x88", 1);
	pinned(r, NFT_PAYLOAD_TRANSPORT_HEADER, 8, 16, "pin_nd");
}

static void ip_rule(struct nsn_rule *r)
{
	meta(r, NFT_META_PROTOCOL);
	equals(r, "\x08\0", 2);
	pinned(r, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, "pin4");
}

static void ip6_rule(struct nsn_rule *r)
{
	meta(r, NFT_META_PROTOCOL);
	equals(r, "\x86\xdd", 2);
	pinned(r, NFT_PAYLOAD_NETWORK_HEADER, 8, 16, "pin6");
	(void)snprintf(r->comment, sizeof(r->comment), "pinned");
}

static void rate_rule(struct nsn_rule *r)
{
	meta(r, NFT_META_IIFNAME);
	named(r, NSN_EXPR_OBJMAP, "rates", 0);
	named(r, NSN_EXPR_VERDICT, "", NF_DROP);
}

static void port_rule(struct nsn_rule *r)
{
	meta(r, NFT_META_IIFNAME);
	named(r, NSN_EXPR_LOOKUP, "ports", NFT_LOOKUP_F_INV);
	named(r, NSN_EXPR_COUNTER, "drops", 0);
	named(r, NSN_EXPR_VERDICT, "", NF_DROP);
}

static void proto_rule(struct nsn_rule *r)
{
	meta(r, NFT_META_L4PROTO);
	named(r, NSN_EXPR_LOOKUP, "protos", 0);
	named(r, NSN_EXPR_VERDICT, "", NF_ACCEPT);
}

static void put_chain(struct nsn_state *s, uint8_t family, const char *name,
		      void (*const fill[])(struct nsn_rule *), size_t n)
{
	struct nsn_object *o = put(s, NSN_OBJ_CHAIN);
	struct nsn_rule *rules = nsn_arena_alloc(&s->arena, n * sizeof(*rules));
	size_t i;

	assert_non_null(rules);
	for (i = 0; i < n; i++)
		fill[i](&rules[i]);
	o->u.chain = (struct nsn_chain){.family = family,
					.table = TABLE,
					.name = name,
					.type = "filter",
					.hook = NF_INET_PRE_ROUTING,
					.priority = -300,
					.policy = NF_DROP,
					.rules = rules,
					.n_rules = n};
}

static const uint8_t addr4[] = {2, 0, 0, 0, 0, 1, 0, 0, 10, 0, 0, 1};
static const uint8_t addr6[] = {2, 0, 0, 0, 0, 1, 0, 0, 0xfd, 0, 0, 0,
				0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 1};

/* One of each, in a table of family bridge and one of family inet with the same names in it. */
static void everything(struct nsn_state *s)
{
	static void (*const in_bridge[])(struct nsn_rule *) = {
		rate_rule, port_rule, arp_rule, ip_rule, ip6_rule, nd_rule, proto_rule};
	static void (*const in_inet[])(struct nsn_rule *) = {proto_rule, port_rule};
	const char *name;
	size_t i;

	put_table(s, NFPROTO_BRIDGE);
	put_counter(s, NFPROTO_BRIDGE, "drops");
	put_limit(s, NFPROTO_BRIDGE, "slow");
	put_limit(s, NFPROTO_BRIDGE, "fast")->rate = 20 << 20;
	for (i = 0; i < NSN_COUNT(sets); i++)
		put_set(s, NFPROTO_BRIDGE, sets[i].name);
	for (i = 2; i < 4; i++) {
		name = i == 2 ? "nsn2" : "fifteen-letters";
		put_elem(s, NFPROTO_BRIDGE, "pin4", name, addr4, sizeof(addr4));
		put_elem(s, NFPROTO_BRIDGE, "pin6", name, addr6, sizeof(addr6));
		put_elem(s, NFPROTO_BRIDGE, "pin_nd", name, addr6, sizeof(addr6));
		put_elem(s, NFPROTO_BRIDGE, "ports", name, NULL, 0);
		put_elem(s, NFPROTO_BRIDGE, "rates", name, NULL, 0)->object =
			i == 2 ? "slow" : "fast";
	}
	put_proto(s, NFPROTO_BRIDGE, IPPROTO_TCP);
	put_proto(s, NFPROTO_BRIDGE, IPPROTO_ICMPV6);
	put_chain(s, NFPROTO_BRIDGE, "prerouting", in_bridge, NSN_COUNT(in_bridge));

	put_table(s, NFPROTO_INET);
	put_counter(s, NFPROTO_INET, "drops");
	put_limit(s, NFPROTO_INET, "slow")->burst = 7;
	put_set(s, NFPROTO_INET, "protos");
	put_set(s, NFPROTO_INET, "ports");
	put_proto(s, NFPROTO_INET, IPPROTO_UDP);
	put_elem(s, NFPROTO_INET, "ports", "br0", NULL, 0);
	put_chain(s, NFPROTO_INET, "prerouting", in_inet, NSN_COUNT(in_inet));
	nsn_state_sort(s);
}

/* ---- doing and comparing -------------------------------------------------------------- */

static int try_add(struct nsn_nl *nl, const struct nsn_state *s)
{
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();
	size_t i;

	for (i = 0; i < s->n; i++)
		OK(nsn_nft_add(t, &s->objects[i], &err));
	return nsn_nft_commit(t, nl, &err);
}

static int try_del(struct nsn_nl *nl, const struct nsn_object *o)
{
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();

	OK(nsn_nft_del(t, o, &err));
	return nsn_nft_commit(t, nl, &err);
}

static int try_change(struct nsn_nl *nl, const struct nsn_object *want,
		      const struct nsn_object *have)
{
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();

	OK(nsn_nft_change(t, want, have, &err));
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

/* What there is more of than wanted; there must be exactly one such thing. */
static const struct nsn_object *the_extra(const struct nsn_state *want,
					  const struct nsn_state *have)
{
	const struct nsn_object *extra = NULL;
	size_t i;

	assert_int_equal(have->n, want->n + 1);
	for (i = 0; i < have->n; i++)
		if (!nsn_state_find(want, &have->objects[i])) {
			assert_null(extra);
			extra = &have->objects[i];
		}
	assert_non_null(extra);
	return extra;
}

static void nft_reads(const char *text)
{
	struct run r;

	run_input(&r, 60000, text, (const char *const[]){"nft", "-f", "-", NULL});
	if (r.status != 0)
		fail_msg("nft -f: %s", r.err);
	run_free(&r);
}

#define NFT(...) RUN_STATUS(0, "nft", __VA_ARGS__)

static const struct nsn_object *find(const struct nsn_state *s, enum nsn_kind kind, uint8_t family,
				     const char *name)
{
	struct nsn_object like = {.kind = kind, .link = ""};

	if (kind == NSN_OBJ_LIMIT)
		like.u.limit = (struct nsn_limit){.family = family, .table = TABLE, .name = name};
	else if (kind == NSN_OBJ_SET)
		like.u.set = (struct nsn_set){.family = family, .table = TABLE, .name = name};
	else if (kind == NSN_OBJ_CHAIN)
		like.u.chain = (struct nsn_chain){.family = family, .table = TABLE, .name = name};
	else
		like.u.counter =
			(struct nsn_counter){.family = family, .table = TABLE, .name = name};
	return nsn_state_find(s, &like);
}

/* The element of the bridge's set whose key begins with the name of a link. */
static const struct nsn_object *find_elem(const struct nsn_state *s, const char *set,
					  const char *link)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		const struct nsn_object *o = &s->objects[i];

		if (o->kind == NSN_OBJ_ELEM && o->u.elem.family == NFPROTO_BRIDGE &&
		    strcmp(o->u.elem.set, set) == 0 && o->u.elem.key_len >= 16 &&
		    strncmp((const char *)o->u.elem.key, link, 16) == 0)
			return o;
	}
	return NULL;
}

/* ---- tests ---------------------------------------------------------------------------- */

/* A world with everything in it. */
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

static void fill(struct full *f)
{
	f->nl = open_nl();
	everything(&f->want);
	OK(try_add(f->nl, &f->want));
}

static void what_is_written_is_read_back_the_same_in_both_families(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};

	(void)state;
	fill(&f);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void what_is_there_already_can_be_added_again(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	size_t i;

	(void)state;
	fill(&f);
	/* All but rules, which would be there twice; a chain's are replaced by a change. */
	for (i = 0; i < f.want.n; i++)
		if (f.want.objects[i].kind == NSN_OBJ_CHAIN)
			OK(try_change(f.nl, &f.want.objects[i], &f.want.objects[i]));
	f.want.n -= 2;
	OK(try_add(f.nl, &f.want));
	f.want.n += 2;
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static const char listing[] =
	"table bridge nsnet {\n"
	"\tcomment \"made by a test\"\n"
	"\tcounter drops {\n"
	"\t\tpackets 0 bytes 0\n"
	"\t}\n"
	"\n"
	"\tlimit fast {\n"
	"\t\trate over 20 mbytes/second burst 500 kbytes\n"
	"\t}\n"
	"\n"
	"\tlimit slow {\n"
	"\t\trate over 10 mbytes/second burst 500 kbytes\n"
	"\t}\n"
	"\n"
	"\tset pin4 {\n"
	"\t\ttype ifname . ether_addr . ipv4_addr\n"
	"\t\telements = { \"nsn2\" . 02:00:00:00:00:01 . 10.0.0.1,\n"
	"\t\t\t     \"fifteen-letters\" . 02:00:00:00:00:01 . 10.0.0.1 }\n"
	"\t}\n"
	"\n"
	"\tset pin6 {\n"
	"\t\ttype ifname . ether_addr . ipv6_addr\n"
	"\t\telements = { \"nsn2\" . 02:00:00:00:00:01 . fd00::1,\n"
	"\t\t\t     \"fifteen-letters\" . 02:00:00:00:00:01 . fd00::1 }\n"
	"\t}\n"
	"\n"
	"\tset pin_nd {\n"
	"\t\ttypeof iifname . ether saddr . @th,64,128\n"
	"\t\telements = { \"nsn2\" . 02:00:00:00:00:01 . "
	"0xfd000000000000000000000000000001,\n"
	"\t\t\t     \"fifteen-letters\" . 02:00:00:00:00:01 . "
	"0xfd000000000000000000000000000001 }\n"
	"\t}\n"
	"\n"
	"\tset ports {\n"
	"\t\ttype ifname\n"
	"\t\telements = { \"nsn2\",\n"
	"\t\t\t     \"fifteen-letters\" }\n"
	"\t}\n"
	"\n"
	"\tset protos {\n"
	"\t\ttype inet_proto\n"
	"\t\telements = { tcp, ipv6-icmp }\n"
	"\t}\n"
	"\n"
	"\tmap rates {\n"
	"\t\ttype ifname : limit\n"
	"\t\telements = { \"nsn2\" : \"slow\",\n"
	"\t\t\t     \"fifteen-letters\" : \"fast\" }\n"
	"\t}\n"
	"\n"
	"\tchain prerouting {\n"
	"\t\ttype filter hook prerouting priority dstnat; policy drop;\n"
	"\t\tlimit name iifname map @rates drop\n"
	"\t\tiifname != @ports counter name \"drops\" drop\n"
	"\t\tarp htype 1 arp ptype ip arp hlen 6 arp plen 4 arp operation request "
	"iifname . ether saddr . arp saddr ip @pin4 accept\n"
	"\t\tiifname . ether saddr . ip saddr @pin4 accept\n"
	"\t\tiifname . ether saddr . ip6 saddr @pin6 accept comment \"pinned\"\n"
	"\t\ticmpv6 type nd-neighbor-advert iifname . ether saddr . @th,64,128 @pin_nd accept\n"
	"\t\tmeta l4proto @protos accept\n"
	"\t}\n"
	"}\n";

static void nft_prints_what_was_meant(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	struct run r;

	(void)state;
	fill(&f);
	RUN(&r, "nft", "list", "table", "bridge", TABLE);
	assert_string_equal(r.out, listing);
	assert_string_equal(r.err, "");
	run_free(&r);
}

static void nft_takes_back_what_it_prints_and_it_is_still_ours(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	struct run all, r;

	(void)state;
	fill(&f);
	RUN(&all, "nft", "list", "ruleset");
	run_input(&r, 60000, all.out, (const char *const[]){"nft", "-c", "-f", "-", NULL});
	assert_string_equal(r.err, "");
	assert_int_equal(r.status, 0);
	run_free(&r);

	NFT("flush", "ruleset");
	nft_reads(all.out);
	run_free(&all);
	observe(f.nl, &f.have);
	/* nft notes something more with the pins, an empty list of what its parts are. */
	for (size_t i = 0; i < f.have.n; i++) {
		struct nsn_object *o = &f.have.objects[i];

		if (o->kind == NSN_OBJ_SET && o->u.set.udata_len == 16)
			o->u.set.udata_len = sizeof(mixed_order);
	}
	same_states(&f.want, &f.have);
}

static void sets_are_as_nft_makes_them(void **state)
{
	NSN_AUTO(nl_freep) struct nsn_nl *nl = open_nl();
	struct nsn_state have = {0};
	char text[sizeof(sets_in_words) + 64];
	size_t i;

	(void)state;
	(void)snprintf(text, sizeof(text), "table bridge " TABLE " {\n%s}\n", sets_in_words);
	nft_reads(text);
	observe(nl, &have);
	assert_int_equal(have.n, 1 + NSN_COUNT(sets));
	for (i = 0; i < NSN_COUNT(sets); i++) {
		const struct nsn_object *o = find(&have, NSN_OBJ_SET, NFPROTO_BRIDGE, sets[i].name);

		assert_non_null(o);
		assert_int_equal(o->u.set.flags, sets[i].flags);
		assert_int_equal(o->u.set.key_type, sets[i].key_type);
		assert_int_equal(o->u.set.key_len, sets[i].key_len);
		assert_int_equal(o->u.set.data_type, 0);
		assert_int_equal(o->u.set.data_len, 0);
		assert_int_equal(o->u.set.obj_type, sets[i].obj_type);
		assert_true(o->u.set.udata_len >= sets[i].udata_len);
		assert_memory_equal(o->u.set.udata, sets[i].udata, sets[i].udata_len);
		/* The pins have "3 8: a concatenation of nothing" behind it. */
		assert_int_equal(
			o->u.set.udata_len - sets[i].udata_len,
			strcmp(sets[i].name, "pin4") == 0 || strcmp(sets[i].name, "pin6") == 0 ? 10
											       : 0);
	}
	nsn_state_clear(&have);
}

/* By hand, and how it shows: as one thing more. */
static const struct {
	const char *nft;
	enum nsn_kind kind;
	const char *name; /* of the object, or of the element's set */
	bool odd;
	bool more; /* brings other things as well; only that it is there is looked at */
} by_hand[] = {
	{"add element bridge nsnet ports { \"evil\" }", NSN_OBJ_ELEM, "ports", false, false},
	{"add element bridge nsnet ports { \"evil\" comment \"x\" }", NSN_OBJ_ELEM, "ports", false,
	 false},
	{"add element bridge nsnet rates { \"evil\" : \"slow\" }", NSN_OBJ_ELEM, "rates", false,
	 false},
	{"add element inet nsnet protos { 50 }", NSN_OBJ_ELEM, "protos", false, false},
	{"add set bridge nsnet theirs { type ifname; }", NSN_OBJ_SET, "theirs", false, false},
	{"add set bridge nsnet theirs { type ifname; size 5; }", NSN_OBJ_SET, "theirs", false,
	 false},
	{"add set bridge nsnet theirs { type ether_addr; flags timeout; timeout 1h; }", NSN_OBJ_SET,
	 "theirs", false, false},
	{"add set bridge nsnet theirs { type ether_addr; policy memory; }", NSN_OBJ_SET, "theirs",
	 true, false},
	{"add set bridge nsnet t { type ipv4_addr; flags timeout; }\n"
	 "add element bridge nsnet t { 10.0.0.1 timeout 1h }",
	 NSN_OBJ_ELEM, "t", true, true},
	{"add set bridge nsnet t { type ipv4_addr; counter; }\n"
	 "add element bridge nsnet t { 10.0.0.1 }",
	 NSN_OBJ_ELEM, "t", true, true},
	{"add set bridge nsnet t { type ipv4_addr; flags interval; }\n"
	 "add element bridge nsnet t { 10.0.0.0/8, 11.0.0.0/8 }",
	 NSN_OBJ_ELEM, "t", true, true},
	{"add set bridge nsnet t { type ipv4_addr . inet_proto; flags interval; }\n"
	 "add element bridge nsnet t { 10.0.0.0/8 . 6 }",
	 NSN_OBJ_ELEM, "t", false, true},
	{"add map bridge nsnet t { type ipv4_addr : verdict; }\n"
	 "add element bridge nsnet t { 10.0.0.1 : drop }",
	 NSN_OBJ_ELEM, "t", false, true},
	{"add map bridge nsnet t { type ipv4_addr : ipv4_addr; }\n"
	 "add element bridge nsnet t { 10.0.0.1 : 10.0.0.2 }",
	 NSN_OBJ_ELEM, "t", false, true},
	{"add element bridge nsnet protos { * }", NSN_OBJ_ELEM, "protos", true, false},
	{"add quota bridge nsnet q { over 5 mbytes }", NSN_OBJ_COUNTER, "quota q", false, false},
	/* Names are each type's own. */
	{"add quota bridge nsnet drops { over 5 mbytes }", NSN_OBJ_COUNTER, "quota drops", false,
	 false},
	{"add ct helper inet nsnet ftp { type \"ftp\" protocol tcp; }", NSN_OBJ_COUNTER,
	 "ct helper ftp", false, false},
	{"add limit inet nsnet theirs { rate 5/minute }", NSN_OBJ_LIMIT, "theirs", false, false},
	{"add chain bridge nsnet theirs", NSN_OBJ_CHAIN, "theirs", false, false},
	{"add table ip nsnet", NSN_OBJ_TABLE, "nsnet", false, false},
};

static const char *name_of(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_ELEM	    ? o->u.elem.set
	       : o->kind == NSN_OBJ_SET	    ? o->u.set.name
	       : o->kind == NSN_OBJ_COUNTER ? o->u.counter.name
	       : o->kind == NSN_OBJ_LIMIT   ? o->u.limit.name
	       : o->kind == NSN_OBJ_CHAIN   ? o->u.chain.name
	       : o->kind == NSN_OBJ_TABLE   ? o->u.table.name
					    : "";
}

static bool looks_odd(const struct nsn_object *o)
{
	return (o->kind == NSN_OBJ_ELEM && o->u.elem.odd) ||
	       (o->kind == NSN_OBJ_SET && o->u.set.flags & NSN_NFT_SET_ODD);
}

static void what_is_added_by_hand_shows(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	size_t i, k, seen;
	bool odd;

	(void)state;
	fill(&f);
	for (i = 0; i < NSN_COUNT(by_hand); i++) {
		odd = false;
		nft_reads(by_hand[i].nft);
		observe(f.nl, &f.have);
		if (!by_hand[i].more)
			(void)the_extra(&f.want, &f.have);
		for (k = seen = 0; k < f.have.n; k++) {
			const struct nsn_object *o = &f.have.objects[k];

			if (nsn_state_find(&f.want, o) || o->kind != by_hand[i].kind ||
			    strcmp(name_of(o), by_hand[i].name) != 0)
				continue;
			seen++;
			odd |= looks_odd(o);
		}
		if (seen == 0 || odd != by_hand[i].odd)
			fail_msg("%s: %zu seen, odd: %d", by_hand[i].nft, seen, odd);
		NFT("flush", "ruleset");
		OK(try_add(f.nl, &f.want));
	}
}

static void what_is_altered_by_hand_shows(void **state)
{
	static const char *const altered[] = {
		"delete element bridge nsnet ports { \"nsn2\" }\n"
		"add element bridge nsnet ports { \"nsn2\" comment \"mine\" }",
		"delete element bridge nsnet rates { \"nsn2\" }\n"
		"add element bridge nsnet rates { \"nsn2\" : \"fast\" }",
		"flush chain inet nsnet prerouting\ndelete set inet nsnet ports\n"
		"add set inet nsnet ports { type ifname; size 9; }\n"
		"add element inet nsnet ports { \"br0\" }\n"
		"add rule inet nsnet prerouting meta l4proto @protos accept\n"
		"add rule inet nsnet prerouting iifname != @ports counter name drops drop",
		"delete limit inet nsnet slow\n"
		"add limit inet nsnet slow { rate over 11 mbytes/second burst 7 bytes }",
	};
	NSN_AUTO(full_freep) struct full f = {0};
	size_t i, k, others;

	(void)state;
	fill(&f);
	for (i = 0; i < NSN_COUNT(altered); i++) {
		nft_reads(altered[i]);
		observe(f.nl, &f.have);
		assert_int_equal(f.have.n, f.want.n);
		for (k = others = 0; k < f.want.n; k++) {
			assert_int_equal(nsn_object_cmp(&f.want.objects[k], &f.have.objects[k]), 0);
			others += !nsn_object_same(&f.want.objects[k], &f.have.objects[k]);
		}
		if (others != 1)
			fail_msg("%s: %zu objects differ", altered[i], others);
		NFT("flush", "ruleset");
		OK(try_add(f.nl, &f.want));
	}
}

static void an_anonymous_set_is_a_set_and_its_rule_is_foreign(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	const struct nsn_object *extra, *chain;

	(void)state;
	fill(&f);
	NFT("add", "rule", "inet", TABLE, "prerouting", "tcp dport { 22, 80, 443 } accept");
	observe(f.nl, &f.have);
	extra = the_extra(&f.want, &f.have);
	assert_int_equal(extra->kind, NSN_OBJ_SET);
	assert_int_equal(extra->u.set.family, NFPROTO_INET);
	assert_true(extra->u.set.flags & NFT_SET_ANONYMOUS);
	assert_string_equal(extra->u.set.name, "__set0");

	chain = find(&f.have, NSN_OBJ_CHAIN, NFPROTO_INET, "prerouting");
	assert_int_equal(chain->u.chain.n_rules, 3);
	chain = find(&f.have, NSN_OBJ_CHAIN, NFPROTO_BRIDGE, "prerouting");
	assert_int_equal(chain->u.chain.n_rules, 7);
}

static void tables_of_other_names_are_not_looked_into(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	const struct nsn_object *extra;

	(void)state;
	fill(&f);
	nft_reads("table bridge other {\n counter drops { }\n limit slow { rate 5/second; }\n"
		  " set ports { type ifname; elements = { \"nsn2\", \"evil\" } }\n"
		  " chain prerouting { type filter hook prerouting priority 0;\n"
		  "  iifname @ports tcp dport { 1, 2 } drop\n }\n}\n");
	observe(f.nl, &f.have);
	extra = the_extra(&f.want, &f.have);
	assert_int_equal(extra->kind, NSN_OBJ_TABLE);
	assert_string_equal(extra->u.table.name, "other");
}

static void an_element_gets_another_object_in_one_transaction(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	struct nsn_object *want;

	(void)state;
	fill(&f);
	observe(f.nl, &f.have);
	want = (struct nsn_object *)(uintptr_t)find_elem(&f.want, "rates", "nsn2");
	want->u.elem.object = "fast";
	/* Adding alone is refused: the kernel does not replace. */
	assert_int_equal(try_add(f.nl, &f.want), -EEXIST);
	assert_non_null(strstr(err.msg, "element 'bridge nsnet rates { fifteen-letters : fast }' "
					"or one of the 1 after it: "));
	OK(try_change(f.nl, want, find_elem(&f.have, "rates", "nsn2")));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void an_element_with_a_comment_is_changed_into_a_plain_one(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	const struct nsn_object *have;

	(void)state;
	fill(&f);
	nft_reads("delete element bridge nsnet ports { \"nsn2\" }\n"
		  "add element bridge nsnet ports { \"nsn2\" comment \"mine\" }");
	observe(f.nl, &f.have);
	have = find_elem(&f.have, "ports", "nsn2");
	assert_string_equal(have->u.elem.comment, "mine");
	assert_false(nsn_object_same(find_elem(&f.want, "ports", "nsn2"), have));
	OK(try_change(f.nl, find_elem(&f.want, "ports", "nsn2"), have));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void a_limit_in_use_is_changed_between_its_elements(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = NULL;
	struct nsn_object *want;
	const struct nsn_object *have, *elem;
	uint64_t old;

	(void)state;
	fill(&f);
	observe(f.nl, &f.have);
	have = find(&f.have, NSN_OBJ_LIMIT, NFPROTO_BRIDGE, "slow");
	elem = find_elem(&f.have, "rates", "nsn2");
	want = (struct nsn_object *)(uintptr_t)find(&f.want, NSN_OBJ_LIMIT, NFPROTO_BRIDGE, "slow");
	old = want->u.limit.rate;
	want->u.limit.rate = 1000;

	/* Alone it is refused, and leaves the limit as it was. */
	assert_int_equal(try_change(f.nl, want, have), -EBUSY);
	assert_non_null(strstr(err.msg, "limit 'bridge nsnet slow over "));

	t = begin();
	OK(nsn_nft_del(t, elem, &err));
	OK(nsn_nft_change(t, want, have, &err));
	OK(nsn_nft_add(t, elem, &err));
	want->u.limit.rate = old;
	observe(f.nl, &f.have); /* elem and have are gone now */
	same_states(&f.want, &f.have);
	OK(nsn_nft_commit(t, f.nl, &err));
	want->u.limit.rate = 1000;
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

/* Why a change deletes: with nf_tables' own word for it a wrong limit would stay for ever. */
static void the_kernel_has_no_update_of_a_limit(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	struct nsn_object want;

	(void)state;
	fill(&f);
	want = *find(&f.want, NSN_OBJ_LIMIT, NFPROTO_INET, "slow");
	want.u.limit.rate = 1000;
	OK(try_add(f.nl, &(struct nsn_state){.objects = &want, .n = 1}));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
	/* Unused, it is changed at once. */
	OK(try_change(f.nl, &want, find(&f.have, NSN_OBJ_LIMIT, NFPROTO_INET, "slow")));
	observe(f.nl, &f.have);
	assert_true(nsn_object_same(&want, find(&f.have, NSN_OBJ_LIMIT, NFPROTO_INET, "slow")));
}

static void a_limit_has_an_end_at_147_gigabits(void **state)
{
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	struct nsn_limit *l;

	(void)state;
	put_table(&f.want, NFPROTO_BRIDGE);
	l = put_limit(&f.want, NFPROTO_BRIDGE, "most");
	l->burst = 1000000;
	l->rate = UINT64_MAX / 1000000000 - l->burst;
	OK(try_add(f.nl, &f.want));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
	l->rate++;
	l->name = "more";
	assert_int_equal(try_add(f.nl, &f.want), -EOVERFLOW);
}

static void elements_of_two_families_do_not_get_mixed_up(void **state)
{
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};

	(void)state;
	put_table(&f.want, NFPROTO_INET);
	put_table(&f.want, NFPROTO_BRIDGE);
	put_set(&f.want, NFPROTO_INET, "ports");
	put_set(&f.want, NFPROTO_BRIDGE, "ports");
	put_elem(&f.want, NFPROTO_INET, "ports", "a", NULL, 0);
	put_elem(&f.want, NFPROTO_BRIDGE, "ports", "b", NULL, 0);
	OK(try_add(f.nl, &f.want));
	nsn_state_sort(&f.want);
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void a_set_is_changed_when_no_rule_refers_to_it(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = NULL;
	struct nsn_object want;
	const struct nsn_object *have, *chain;

	(void)state;
	fill(&f);
	observe(f.nl, &f.have);
	have = find(&f.have, NSN_OBJ_SET, NFPROTO_BRIDGE, "pin6");
	chain = find(&f.have, NSN_OBJ_CHAIN, NFPROTO_BRIDGE, "prerouting");
	want = *find(&f.want, NSN_OBJ_SET, NFPROTO_BRIDGE, "pin6");
	want.u.set.key_type = CONCAT(IFNAME, ETHER, INTEGER);
	assert_int_equal(try_change(f.nl, &want, have), -EBUSY);
	assert_string_equal(err.msg, "set 'bridge nsnet pin6': Device or resource busy");

	t = begin();
	OK(nsn_nft_del(t, chain, &err));
	OK(nsn_nft_change(t, &want, have, &err));
	OK(nsn_nft_add(t, find_elem(&f.have, "pin6", "nsn2"), &err));
	OK(nsn_nft_add(t, chain, &err));
	OK(nsn_nft_commit(t, f.nl, &err));
	observe(f.nl, &f.have);
	assert_true(nsn_object_same(&want, find(&f.have, NSN_OBJ_SET, NFPROTO_BRIDGE, "pin6")));
	assert_non_null(find_elem(&f.have, "pin6", "nsn2"));
	assert_null(find_elem(&f.have, "pin6", "fifteen-letters"));
	assert_true(nsn_object_same(find(&f.want, NSN_OBJ_CHAIN, NFPROTO_BRIDGE, "prerouting"),
				    find(&f.have, NSN_OBJ_CHAIN, NFPROTO_BRIDGE, "prerouting")));
}

/* How the planner repairs what nothing else repairs. */
static void a_table_is_replaced_with_all_that_is_in_it(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();
	size_t i;

	(void)state;
	fill(&f);
	nft_reads("add set bridge nsnet theirs { type ifname; }\n"
		  "add element bridge nsnet rates { \"evil\" : \"slow\" }\n"
		  "add quota bridge nsnet drops { over 5 mbytes }\n"
		  "add rule bridge nsnet prerouting iifname @theirs limit name \"slow\" accept\n"
		  "add rule bridge nsnet prerouting iifname { \"a\", \"b\" } quota name \"drops\"");
	for (i = 0; i < f.want.n; i++) {
		const struct nsn_object *o = &f.want.objects[i];

		if (o->kind == NSN_OBJ_TABLE)
			OK(nsn_nft_change(t, o, o, &err));
		else
			OK(nsn_nft_add(t, o, &err));
	}
	OK(nsn_nft_commit(t, f.nl, &err));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

/* The kernel says the same as to a transaction, and whatever it says it does nothing. */
static void what_is_only_checked_takes_no_effect(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	NSN_AUTO(txn_freep) struct nsn_nft_txn *good = begin();
	NSN_AUTO(txn_freep) struct nsn_nft_txn *bad = begin();
	NSN_AUTO(txn_freep) struct nsn_nft_txn *after = begin();
	struct nsn_object set;
	size_t i;

	(void)state;
	fill(&f);
	/* What is there goes and comes again, with one set more. */
	for (i = 0; i < f.want.n; i++) {
		const struct nsn_object *o = &f.want.objects[i];

		if (o->kind == NSN_OBJ_TABLE)
			OK(nsn_nft_change(good, o, o, &err));
		else
			OK(nsn_nft_add(good, o, &err));
	}
	set = *find(&f.want, NSN_OBJ_SET, NFPROTO_BRIDGE, "pin6");
	set.u.set.name = "new";
	OK(nsn_nft_add(good, &set, &err));
	OK(nsn_nft_check(good, f.nl, &err));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);

	set.u.set.name = "gone";
	OK(nsn_nft_add(bad, find(&f.want, NSN_OBJ_SET, NFPROTO_BRIDGE, "pin6"), &err));
	OK(nsn_nft_del(bad, &set, &err));
	assert_int_equal(nsn_nft_check(bad, f.nl, &err), -ENOENT);
	assert_string_equal(err.msg, "set 'bridge nsnet gone': No such file or directory");
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);

	/* The socket has no answer left over. */
	set.u.set.name = "new";
	OK(nsn_nft_add(after, &set, &err));
	OK(nsn_nft_commit(after, f.nl, &err));
	observe(f.nl, &f.have);
	assert_non_null(find(&f.have, NSN_OBJ_SET, NFPROTO_BRIDGE, "new"));
}

static void everything_is_deleted_backwards_one_by_one(void **state)
{
	NSN_AUTO(full_freep) struct full f = {0};
	size_t i;

	(void)state;
	fill(&f);
	/* What is referred to stays, by whichever of the two tables. */
	assert_int_equal(try_del(f.nl, find(&f.want, NSN_OBJ_LIMIT, NFPROTO_BRIDGE, "slow")),
			 -EBUSY);
	assert_int_equal(try_del(f.nl, find(&f.want, NSN_OBJ_SET, NFPROTO_INET, "ports")), -EBUSY);
	for (i = f.want.n; i > 0; i--) {
		OK(try_del(f.nl, &f.want.objects[i - 1]));
		observe(f.nl, &f.have);
		f.want.n = i - 1;
		same_states(&f.want, &f.have);
	}
}

static void deleting_what_is_gone_refuses_the_transaction(void **state)
{
	static const enum nsn_kind kinds[] = {NSN_OBJ_COUNTER, NSN_OBJ_LIMIT, NSN_OBJ_SET,
					      NSN_OBJ_ELEM, NSN_OBJ_CHAIN};
	NSN_AUTO(full_freep) struct full f = {0};
	size_t i, k;

	(void)state;
	fill(&f);
	NFT("flush", "ruleset");
	nft_reads("table bridge nsnet { set ports { type ifname; }\n }\n");
	for (k = 0; k < NSN_COUNT(kinds); k++)
		for (i = 0; i < f.want.n; i++)
			if (f.want.objects[i].kind == kinds[k] &&
			    strcmp(name_of(&f.want.objects[i]), "ports") != 0)
				assert_int_equal(try_del(f.nl, &f.want.objects[i]), -ENOENT);
	assert_int_equal(try_del(f.nl, find_elem(&f.want, "ports", "nsn2")), -ENOENT);
	assert_string_equal(err.msg,
			    "element 'bridge nsnet ports { nsn2 }': No such file or directory");
}

static void a_refused_transaction_leaves_nothing(void **state)
{
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	struct nsn_object *o;

	(void)state;
	everything(&f.want);
	o = (struct nsn_object *)(uintptr_t)find_elem(&f.want, "rates", "nsn2");
	o->u.elem.object = "nosuch";
	assert_int_equal(try_add(f.nl, &f.want), -ENOENT);
	assert_non_null(strstr(err.msg, "element 'bridge nsnet rates { "));
	observe(f.nl, &f.have);
	assert_int_equal(f.have.n, 0);

	/* And the socket is as good as new. */
	o->u.elem.object = "slow";
	OK(try_add(f.nl, &f.want));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void what_cannot_be_an_element_is_not_sent(void **state)
{
	static const uint8_t key[80];
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();
	struct nsn_object o = {
		.kind = NSN_OBJ_ELEM,
		.link = "",
		.u.elem = {.table = TABLE, .set = "ports", .key = key, .object = "", .odd = true}};
	struct nsn_object set = {
		.kind = NSN_OBJ_SET,
		.link = "",
		.u.set = {.table = TABLE, .name = "s", .udata = key, .udata_len = 257}};

	(void)state;
	assert_int_equal(nsn_nft_del(t, &o, &err), -EINVAL);
	o.u.elem.key_len = 65;
	assert_int_equal(nsn_nft_add(t, &o, &err), -EINVAL);
	assert_int_equal(nsn_nft_add(t, &set, &err), -EINVAL);
}

static void put_pins(struct nsn_state *s, uint32_t n)
{
	uint8_t rest[sizeof(addr4)];
	char link[16];
	uint32_t i;

	put_table(s, NFPROTO_BRIDGE);
	put_limit(s, NFPROTO_BRIDGE, "slow");
	put_limit(s, NFPROTO_BRIDGE, "fast");
	put_set(s, NFPROTO_BRIDGE, "pin4");
	put_set(s, NFPROTO_BRIDGE, "rates");
	memcpy(rest, addr4, sizeof(rest));
	for (i = 0; i < n; i++) {
		(void)snprintf(link, sizeof(link), "nsn%u", i);
		rest[10] = (uint8_t)(i >> 8);
		rest[11] = (uint8_t)i;
		put_elem(s, NFPROTO_BRIDGE, "pin4", link, rest, sizeof(rest));
		put_elem(s, NFPROTO_BRIDGE, "rates", link, NULL, 0)->object =
			i % 3 ? "slow" : "fast";
	}
	nsn_state_sort(s);
}

static void thousands_of_elements_go_and_come_at_once(void **state)
{
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	NSN_AUTO(txn_freep) struct nsn_nft_txn *t = begin();
	double begin_ms = now_ms();
	size_t i;

	(void)state;
	put_pins(&f.want, 2000);
	OK(try_add(f.nl, &f.want));
	observe(f.nl, &f.have);
	print_message("4,000 elements written and read: %.1f ms\n", now_ms() - begin_ms);
	same_states(&f.want, &f.have);

	/* Each map element another object: a delete and an add by turns. */
	for (i = 0; i < f.want.n; i++) {
		struct nsn_object *o = &f.want.objects[i];

		if (o->kind != NSN_OBJ_ELEM || !o->u.elem.object[0])
			continue;
		o->u.elem.object = strcmp(o->u.elem.object, "slow") == 0 ? "fast" : "slow";
		OK(nsn_nft_change(t, o, &f.have.objects[i], &err));
	}
	OK(nsn_nft_commit(t, f.nl, &err));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

static void a_large_foreign_set_is_read_in_pieces(void **state)
{
	enum { N = 30000 };
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	struct nsn_arena arena = {0};
	char *text = nsn_arena_alloc(&arena, N * 16 + 256);
	size_t len;
	int i;

	(void)state;
	assert_non_null(text);
	put_pins(&f.want, 10);
	OK(try_add(f.nl, &f.want));
	len = (size_t)sprintf(text, "add set bridge nsnet theirs { type mark; elements = {");
	for (i = 0; i < N; i++)
		len += (size_t)sprintf(text + len, " 0x%x,", i);
	(void)sprintf(text + len, " 0xffffffff } }\n");
	nft_reads(text);
	nsn_arena_free(&arena);
	observe(f.nl, &f.have);
	assert_int_equal(f.have.n, f.want.n + 1 + N + 1);
}

/* A dump that somebody meddles with, between two of its parts. */
static struct meddled {
	struct full *f;
	struct nsn_nl *other;
	const struct nsn_object *elem; /* taken out, or put in, at ... */
	bool take;
	int at; /* ... this datagram */
	int datagrams;
	int r;
	struct nsnet_err err;
} meddled;

static void meddle(const uint64_t args[6])
{
	struct nsn_state one = {.objects = (struct nsn_object *)(uintptr_t)meddled.elem, .n = 1};

	(void)args;
	if (meddled.datagrams++ != meddled.at)
		return;
	if (meddled.take)
		OK(try_del(meddled.other, meddled.elem));
	else
		OK(try_add(meddled.other, &one));
}

static void dump_meddled(void *arg)
{
	struct meddled *m = arg;

	m->r = nsn_nft_dump(m->f->nl, TABLE, &m->f->have, (struct nsn_place){0}, &m->err);
}

/* An element that goes is, or is not, before the place where the dump has got to: so several. */
static void a_set_that_changes_while_it_is_read_is_read_again(void **state)
{
	static const struct inject_rule rule = {.nr = __NR_recvmsg, .error = EIO, .look = meddle};
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	NSN_AUTO(nl_freep) struct nsn_nl *other = open_nl();
	struct inject seen;
	char link[16];
	int i;

	(void)state;
	put_pins(&f.want, 4000);
	OK(try_add(f.nl, &f.want));
	for (i = 0; i < 16; i++) {
		(void)snprintf(link, sizeof(link), "nsn%d", i / 2);
		meddled = (struct meddled){.f = &f,
					   .other = other,
					   .elem = find_elem(&f.want, "pin4", link),
					   .take = i % 2 == 0,
					   .at = 10};
		nsn_state_clear(&f.have);
		inject(&rule, 1, -1, dump_meddled, &meddled, &seen);
		assert_int_equal(meddled.r, 0);
		assert_true(meddled.datagrams > meddled.at);
		nsn_state_sort(&f.have);
		if (i % 2)
			same_states(&f.want, &f.have);
		assert_int_equal(f.have.n, f.want.n - (i % 2 == 0));
	}
}

/* The kernel makes room in the background; see nft_set.c. About one dump in a hundred meets it. */
static void a_set_that_grows_while_it_is_read_is_read_again(void **state)
{
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	int i;

	(void)state;
	put_pins(&f.want, 1000);
	for (i = 0; i < 150; i++) {
		OK(try_add(f.nl, &f.want));
		observe(f.nl, &f.have);
		same_states(&f.want, &f.have);
		OK(try_del(f.nl, &f.want.objects[0]));
	}
}

static void the_longest_rule_fits(void **state)
{
	NSN_AUTO(full_freep) struct full f = {.nl = open_nl()};
	struct nsn_object *o;
	struct nsn_rule *rule;
	size_t i;

	(void)state;
	put_table(&f.want, NFPROTO_INET);
	o = put(&f.want, NSN_OBJ_CHAIN);
	rule = nsn_arena_alloc(&f.want.arena, 2 * sizeof(*rule));
	assert_non_null(rule);
	meta(&rule[0], NFT_META_IIFNAME);
	while (rule[0].n < NSN_NFT_EXPRS) {
		struct nsn_expr *e = &rule[0].exprs[rule[0].n++];

		*e = (struct nsn_expr){.kind = NSN_EXPR_BITWISE, .reg = 1, .len = NSN_NFT_DATA};
		memset(e->mask, (int)rule[0].n, sizeof(e->mask));
	}
	for (i = 0; i < sizeof(rule[0].comment) - 1; i++)
		rule[0].comment[i] = 'c';
	rule[1] = rule[0];
	o->u.chain = (struct nsn_chain){.family = NFPROTO_INET,
					.table = TABLE,
					.name = "a-chain-with-a-name-of-31-bytes",
					.type = "",
					.rules = rule,
					.n_rules = 2};
	OK(try_add(f.nl, &f.want));
	observe(f.nl, &f.have);
	same_states(&f.want, &f.have);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_written_is_read_back_the_same_in_both_families,
				       world_setup),
		cmocka_unit_test_setup(what_is_there_already_can_be_added_again, world_setup),
		cmocka_unit_test_setup(nft_prints_what_was_meant, world_setup),
		cmocka_unit_test_setup(nft_takes_back_what_it_prints_and_it_is_still_ours,
				       world_setup),
		cmocka_unit_test_setup(sets_are_as_nft_makes_them, world_setup),
		cmocka_unit_test_setup(what_is_added_by_hand_shows, world_setup),
		cmocka_unit_test_setup(what_is_altered_by_hand_shows, world_setup),
		cmocka_unit_test_setup(an_anonymous_set_is_a_set_and_its_rule_is_foreign,
				       world_setup),
		cmocka_unit_test_setup(tables_of_other_names_are_not_looked_into, world_setup),
		cmocka_unit_test_setup(an_element_gets_another_object_in_one_transaction,
				       world_setup),
		cmocka_unit_test_setup(an_element_with_a_comment_is_changed_into_a_plain_one,
				       world_setup),
		cmocka_unit_test_setup(a_limit_in_use_is_changed_between_its_elements, world_setup),
		cmocka_unit_test_setup(the_kernel_has_no_update_of_a_limit, world_setup),
		cmocka_unit_test_setup(a_limit_has_an_end_at_147_gigabits, world_setup),
		cmocka_unit_test_setup(elements_of_two_families_do_not_get_mixed_up, world_setup),
		cmocka_unit_test_setup(a_set_is_changed_when_no_rule_refers_to_it, world_setup),
		cmocka_unit_test_setup(a_table_is_replaced_with_all_that_is_in_it, world_setup),
		cmocka_unit_test_setup(what_is_only_checked_takes_no_effect, world_setup),
		cmocka_unit_test_setup(everything_is_deleted_backwards_one_by_one, world_setup),
		cmocka_unit_test_setup(deleting_what_is_gone_refuses_the_transaction, world_setup),
		cmocka_unit_test_setup(a_refused_transaction_leaves_nothing, world_setup),
		cmocka_unit_test(what_cannot_be_an_element_is_not_sent),
		cmocka_unit_test_setup(thousands_of_elements_go_and_come_at_once, world_setup),
		cmocka_unit_test_setup(a_large_foreign_set_is_read_in_pieces, world_setup),
		cmocka_unit_test_setup(a_set_that_changes_while_it_is_read_is_read_again,
				       world_setup),
		cmocka_unit_test_setup(a_set_that_grows_while_it_is_read_is_read_again,
				       world_setup),
		cmocka_unit_test_setup(the_longest_rule_fits, world_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
