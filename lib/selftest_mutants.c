/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selftest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/link.h"
#include "kernel/neigh.h"
#include "kernel/nft.h"

/*
 * selftest_mutants - single faults, planted over netlink
 *
 * An element, a rule, a table, a link or a neighbour that the compiler would never have wanted.
 */

#define TABLE "nsnet"

static const struct nsn_place here = {.role = NSN_GATEWAY};

NSN_CLEANUP(struct nsn_nft_txn, nsn_nft_free)

/* ---- reading ------------------------------------------------------------------------------ */

static int read_rules(struct nsn_netns *ns, struct nsn_state *ret, struct nsnet_err *err)
{
	return nsn_nft_dump(nsn_netns_nft(ns), TABLE, ret, here, err);
}

static const struct nsn_object *find_chain(const struct nsn_state *s, uint8_t family,
					   const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_CHAIN && s->objects[i].u.chain.family == family &&
		    strcmp(s->objects[i].u.chain.name, name) == 0 &&
		    strcmp(s->objects[i].u.chain.table, TABLE) == 0)
			return &s->objects[i];
	return NULL;
}

/* One that maps to "it may be routed", or is in a set. */
static const struct nsn_object *find_elem(const struct nsn_state *s, const char *set)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct nsn_elem *e = &s->objects[i].u.elem;

		if (s->objects[i].kind == NSN_OBJ_ELEM && strcmp(e->set, set) == 0 &&
		    (e->data_len != sizeof(uint32_t) || e->data[0] & 1 || e->data[3] & 1))
			return &s->objects[i];
	}
	return NULL;
}

static int missing(const char *what, struct nsnet_err *err)
{
	return nsn_err(err, -ENOENT, NSNET_E_INTERNAL, "no %s in the gateway", what);
}

/* The mark with which packets of a policy go on. */
static int find_mark(const struct nsn_state *s, uint32_t *ret, struct nsnet_err *err)
{
	const struct nsn_object *o = find_elem(s, "nsnet_flow4");

	if (!o || o->u.elem.data_len != sizeof(*ret))
		return missing("element of nsnet_flow4", err);
	memcpy(ret, o->u.elem.data, sizeof(*ret));
	return 0;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void put(struct nsn_rule *r, const struct nsn_expr *x)
{
	if (r->n < NSN_NFT_EXPRS)
		r->exprs[r->n++] = *x;
}

static void put_verdict(struct nsn_rule *r, int32_t verdict, const char *chain)
{
	struct nsn_expr x = {.kind = NSN_EXPR_VERDICT, .key = verdict};

	(void)strncpy(x.name, chain, sizeof(x.name) - 1);
	put(r, &x);
}

static void put_mark(struct nsn_rule *r, uint32_t mark)
{
	struct nsn_expr x = {.kind = NSN_EXPR_IMMEDIATE, .reg = NFT_REG_1, .len = sizeof(mark)};

	memcpy(x.data, &mark, sizeof(mark));
	put(r, &x);
	put(r,
	    &(struct nsn_expr){.kind = NSN_EXPR_META_SET, .key = NFT_META_MARK, .reg = NFT_REG_1});
}

static void put_is(struct nsn_rule *r, const void *data, uint32_t len, int32_t op)
{
	struct nsn_expr x = {.kind = NSN_EXPR_CMP, .key = op, .reg = NFT_REG_1, .len = len};

	memcpy(x.data, data, len);
	put(r, &x);
}

/* A rule before all others of a chain. */
static int put_first(struct nsn_netns *ns, const struct nsn_state *s, uint8_t family,
		     const char *chain, const struct nsn_rule *rule, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nft_freep) struct nsn_nft_txn *t = NULL;
	NSN_AUTO(nsn_freep) struct nsn_rule *list = NULL;
	const struct nsn_object *have = find_chain(s, family, chain);
	struct nsn_object want;
	int r;

	if (!have)
		return missing(chain, err);
	want = *have;
	list = calloc(have->u.chain.n_rules + 1, sizeof(*list));
	if (!list)
		return nsn_err_nomem(err);
	list[0] = *rule;
	if (have->u.chain.n_rules)
		memcpy(list + 1, have->u.chain.rules, have->u.chain.n_rules * sizeof(*list));
	want.u.chain.rules = list;
	want.u.chain.n_rules++;
	r = nsn_nft_begin(&t, err);
	if (r == 0)
		r = nsn_nft_change(t, &want, have, err);
	return r < 0 ? r : nsn_nft_commit(t, nsn_netns_nft(ns), err);
}

static int put_element(struct nsn_netns *ns, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nft_freep) struct nsn_nft_txn *t = NULL;
	int r = nsn_nft_begin(&t, err);

	if (r == 0)
		r = nsn_nft_add(t, o, err);
	return r < 0 ? r : nsn_nft_commit(t, nsn_netns_nft(ns), err);
}

static int take(struct nsn_netns *ns, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nft_freep) struct nsn_nft_txn *t = NULL;
	int r = nsn_nft_begin(&t, err);

	if (r == 0)
		r = nsn_nft_del(t, o, err);
	return r < 0 ? r : nsn_nft_commit(t, nsn_netns_nft(ns), err);
}

/* ---- elements ----------------------------------------------------------------------------------
 */

/* 10.10.A.B . 10.10.C.D . tcp . 22, as an element that allows has it. */
static int allow_flow(struct nsn_netns *ns, uint8_t a, uint8_t b, uint8_t c, uint8_t d,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsn_state_clear) struct nsn_state s = {0};
	uint8_t key[16] = {10, 10, a, b, 10, 10, c, d, 6, 0, 0, 0, 0, 22};
	const struct nsn_object *have;
	struct nsn_object want;
	int r = read_rules(ns, &s, err);

	if (r < 0)
		return r;
	have = find_elem(&s, "nsnet_flow4");
	if (!have || have->u.elem.key_len != sizeof(key))
		return missing("element of nsnet_flow4", err);
	want = *have;
	want.u.elem.key = key;
	if (want.u.elem.key_end)
		want.u.elem.key_end = key;
	return put_element(ns, &want, err);
}

static int plant_flow(struct nsn_shadow *s, struct nsnet_err *err)
{
	return allow_flow(s->gateways[0], 1, 2, 1, 3, err);
}

static int plant_flow_between(struct nsn_shadow *s, struct nsnet_err *err)
{
	int r = allow_flow(s->gateways[0], 1, 2, 2, 2, err);

	return r < 0 ? r : allow_flow(s->gateways[1], 1, 2, 2, 2, err);
}

/* The last byte of an address that a port may send from. */
static int plant_pin(struct nsn_shadow *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_state_clear) struct nsn_state list = {0};
	const struct nsn_object *have;
	struct nsn_object want;
	uint8_t key[64];
	int r = read_rules(s->gateways[0], &list, err);

	if (r < 0)
		return r;
	have = find_elem(&list, "nsnet_pin4");
	if (!have || have->u.elem.key_len > sizeof(key) || have->u.elem.key_len < 4)
		return missing("element of nsnet_pin4", err);
	want = *have;
	memcpy(key, have->u.elem.key, have->u.elem.key_len);
	key[have->u.elem.key_len - 1] = 99;
	want.u.elem.key = key;
	return put_element(s->gateways[0], &want, err);
}

static int plant_uncut(struct nsn_shadow *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_state_clear) struct nsn_state list = {0};
	const struct nsn_object *have;
	int r = read_rules(s->gateways[1], &list, err);

	if (r < 0)
		return r;
	have = find_elem(&list, "nsnet_cut");
	return have ? take(s->gateways[1], have, err) : missing("element of nsnet_cut", err);
}

/* ---- rules, planted ---------------------------------------------------------------------------
 */

/* In customer1's gateway: what matches may be routed. */
static int mark_first(struct nsn_shadow *s, const char *chain, struct nsn_rule *rule,
		      const char *then, struct nsnet_err *err)
{
	NSN_AUTO(nsn_state_clear) struct nsn_state list = {0};
	uint32_t mark = 0;
	int r = read_rules(s->gateways[0], &list, err);

	if (r == 0)
		r = find_mark(&list, &mark, err);
	if (r < 0)
		return r;
	put_mark(rule, mark);
	put_verdict(rule, then ? NFT_GOTO : NF_ACCEPT, then ? then : "");
	return put_first(s->gateways[0], &list, NFPROTO_INET, chain, rule, err);
}

static int plant_constant(struct nsn_shadow *s, struct nsnet_err *err)
{
	struct nsn_rule rule = {0};

	return mark_first(s, "nsnet_open", &rule, "nsnet_judge", err);
}

static int plant_invalid(struct nsn_shadow *s, struct nsnet_err *err)
{
	const uint32_t invalid = NF_CT_STATE_INVALID_BIT, none = 0;
	struct nsn_expr bits = {.kind = NSN_EXPR_BITWISE, .reg = NFT_REG_1, .len = sizeof(invalid)};
	struct nsn_rule rule = {0};

	put(&rule, &(struct nsn_expr){.kind = NSN_EXPR_CT, .key = NFT_CT_STATE, .reg = NFT_REG_1});
	memcpy(bits.mask, &invalid, sizeof(invalid));
	put(&rule, &bits);
	put_is(&rule, &none, sizeof(none), NFT_CMP_NEQ);
	return mark_first(s, "admit", &rule, NULL, err);
}

static int plant_names(struct nsn_shadow *s, struct nsnet_err *err)
{
	const uint16_t port = htons(53);
	const uint8_t udp = 17;
	struct nsn_rule rule = {0};

	put(&rule,
	    &(struct nsn_expr){.kind = NSN_EXPR_META, .key = NFT_META_L4PROTO, .reg = NFT_REG_1});
	put_is(&rule, &udp, sizeof(udp), NFT_CMP_EQ);
	put(&rule, &(struct nsn_expr){.kind = NSN_EXPR_PAYLOAD,
				      .key = NFT_PAYLOAD_TRANSPORT_HEADER,
				      .offset = 2,
				      .len = sizeof(port),
				      .reg = NFT_REG_1});
	put_is(&rule, &port, sizeof(port), NFT_CMP_EQ);
	return mark_first(s, "admit", &rule, NULL, err);
}

static int accept_first(struct nsn_netns *ns, uint8_t family, const char *chain,
			struct nsnet_err *err)
{
	NSN_AUTO(nsn_state_clear) struct nsn_state list = {0};
	struct nsn_rule rule = {0};
	int r = read_rules(ns, &list, err);

	put_verdict(&rule, NF_ACCEPT, "");
	return r < 0 ? r : put_first(ns, &list, family, chain, &rule, err);
}

static int plant_unpinned(struct nsn_shadow *s, struct nsnet_err *err)
{
	return accept_first(s->gateways[0], NFPROTO_BRIDGE, "prerouting", err);
}

static int plant_input(struct nsn_shadow *s, struct nsnet_err *err)
{
	return accept_first(s->gateways[0], NFPROTO_INET, "input", err);
}

static int plant_uncut_rule(struct nsn_shadow *s, struct nsnet_err *err)
{
	return accept_first(s->gateways[1], NFPROTO_BRIDGE, "forward", err);
}

static int plant_no_table(struct nsn_shadow *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_state_clear) struct nsn_state list = {0};
	int r = read_rules(s->gateways[0], &list, err);

	for (size_t i = 0; r == 0 && i < list.n; i++)
		if (list.objects[i].kind == NSN_OBJ_TABLE &&
		    list.objects[i].u.table.family == NFPROTO_BRIDGE)
			return take(s->gateways[0], &list.objects[i], err);
	return r < 0 ? r : missing("table of family bridge", err);
}

/* ---- links and neighbours
 * ------------------------------------------------------------------------ */

#define STRAY "stray0"

static int plant_veth(struct nsn_shadow *s, struct nsnet_err *err)
{
	const struct nsn_object one = {.kind = NSN_OBJ_LINK,
				       .link = STRAY,
				       .u.dev = {.type = NSN_LINK_VETH,
						 .type_name = "veth",
						 .mac = {{2, 0x53, 0, 0, 0, 1}},
						 .mtu = 1500,
						 .master = "",
						 .peer = STRAY}};
	struct nsn_object other = one;
	int r;

	other.u.dev.mac.bytes[5] = 2;
	r = nsn_link_add(nsn_netns_route(s->apps[0]), &one, &other, nsn_netns_fd(s->apps[2]), err);
	if (r == 0)
		r = nsn_link_set_up(nsn_netns_route(s->apps[0]), STRAY, true, err);
	return r < 0 ? r : nsn_link_set_up(nsn_netns_route(s->apps[2]), STRAY, true, err);
}

static int undo_veth(struct nsn_shadow *s, struct nsnet_err *err)
{
	return nsn_link_del(nsn_netns_route(s->apps[0]), STRAY, err);
}

static const struct nsn_object *find_neighbour(const struct nsn_state *s, uint8_t last)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->objects[i].kind == NSN_OBJ_NEIGH &&
		    s->objects[i].u.neigh.ip.family == AF_INET &&
		    s->objects[i].u.neigh.ip.bytes[0] == 10 &&
		    s->objects[i].u.neigh.ip.bytes[3] == last)
			return &s->objects[i];
	return NULL;
}

/* What is for customer2/app goes to customer2/db. */
static int plant_neighbour(struct nsn_shadow *s, struct nsnet_err *err)
{
	NSN_AUTO(nsn_state_clear) struct nsn_state list = {0};
	struct nsn_nl *nl = nsn_netns_route(s->gateways[1]);
	const struct nsn_object *app, *db;
	struct nsn_object want;
	int r = nsn_link_dump(nl, &list, here, err);

	if (r == 0)
		r = nsn_neigh_dump(nl, &list, here, true, err);
	if (r < 0)
		return r;
	app = find_neighbour(&list, 2);
	db = find_neighbour(&list, 3);
	if (!app || !db)
		return missing("neighbour", err);
	want = *app;
	want.u.neigh.mac = db->u.neigh.mac;
	return nsn_neigh_add(nl, &want, err);
}

/* ---- the table
 * ------------------------------------------------------------------------------------- */

const struct nsn_mutant nsn_mutants[] = {
	{"element-inside", "an element too many: customer1/app may open tcp/22 to customer1/db",
	 "PORT_TO_PORT", "customer1/db", plant_flow, NULL},
	{"element-between",
	 "the same in two gateways: customer1/app may open tcp/22 to customer2/app",
	 "UNEXPECTED_ALLOW", "customer2/app", plant_flow_between, NULL},
	{"lookup-constant", "what may be opened is not looked up, in customer1's gateway",
	 "PORT_TO_PORT", "customer1/db", plant_constant, NULL},
	{"ct-invalid", "`ct state invalid accept`, in customer1's gateway", "PORT_TO_PORT",
	 "customer1/db", plant_invalid, NULL},
	{"udp-53", "`udp dport 53 accept`, in customer1's gateway", "PORT_TO_PORT", "customer1/db",
	 plant_names, NULL},
	{"pin-added", "a port of customer1 may send from 10.10.1.99", "SPOOFABLE", "customer1",
	 plant_pin, NULL},
	{"pins-passed", "all frames of customer1's ports are accepted", "SPOOFABLE", "customer1",
	 plant_unpinned, NULL},
	{"bridge-table", "customer1's table of family bridge is gone", "SPOOFABLE", "customer1",
	 plant_no_table, NULL},
	{"gateway-input", "customer1's gateway takes in everything", "REACHES_HOST",
	 "gateway of customer1", plant_input, NULL},
	{"quarantine-element", "customer2/db is cut off no more: an element is gone",
	 "PORT_TO_PORT", "customer2/db", plant_uncut, NULL},
	{"quarantine-rule", "customer2/db is cut off no more: accepted before", "PORT_TO_PORT",
	 "customer2/db", plant_uncut_rule, NULL},
	{"stray-veth", "a veth joins customer1/app with customer3/app", "STRAY_LINK", STRAY,
	 plant_veth, undo_veth},
	{"neighbour", "packets for customer2/app go to customer2/db", "UNEXPECTED_ALLOW",
	 "customer2/db", plant_neighbour, NULL},
};

size_t nsn_mutants_count(void)
{
	return NSN_COUNT(nsn_mutants);
}
