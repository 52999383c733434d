/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "bridge.h"
#include "parts.h"
#include "udata.h"

/*
 * Which addresses each port has, and what it may send and receive: the sets that the
 * rules of bridge.c look into. An endpoint more or less is elements more or less;
 * the rules are not touched.
 */

/* nft's numbers of the types (its include/datatype.h), six bits each in a concatenation. */
enum { T_INTEGER = 4, T_IPV4 = 7, T_IPV6 = 8, T_ETHER = 9, T_PROTO = 12, T_IFNAME = 41 };
#define CONCAT3(a, b, c) ((uint32_t)(a) << 12 | (uint32_t)(b) << 6 | (uint32_t)(c))

enum {
	PORT_LEN = IFNAMSIZ,
	MAC_LEN = 8,
	KEY4_LEN = PORT_LEN + MAC_LEN + 4,
	KEY6_LEN = PORT_LEN + MAC_LEN + 16
};

static const struct set {
	const char *name;
	uint32_t flags, key_type, key_len, obj_type;
	const uint8_t *udata;
	size_t udata_len;
} sets[] = {
	{SET_PIN4, 0, CONCAT3(T_IFNAME, T_ETHER, T_IPV4), KEY4_LEN, 0, udata_concat,
	 sizeof(udata_concat)},
	{SET_PIN6, 0, CONCAT3(T_IFNAME, T_ETHER, T_IPV6), KEY6_LEN, 0, udata_concat,
	 sizeof(udata_concat)},
	{SET_ND, 0, CONCAT3(T_IFNAME, T_ETHER, T_INTEGER), KEY6_LEN, 0, udata_nd, sizeof(udata_nd)},
	{SET_EXT, 0, T_PROTO, 1, 0, udata_number, sizeof(udata_number)},
	{SET_CUT, 0, T_IFNAME, PORT_LEN, 0, udata_name, sizeof(udata_name)},
	{SET_SENT, NFT_SET_OBJECT, T_IFNAME, PORT_LEN, NFT_OBJECT_LIMIT, udata_name_map,
	 sizeof(udata_name_map)},
	{SET_RCVD, NFT_SET_OBJECT, T_IFNAME, PORT_LEN, NFT_OBJECT_LIMIT, udata_name_map,
	 sizeof(udata_name_map)},
};

static int add_set(struct nsn_state *s, struct nsn_place at, const struct set *set)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_SET, at, "");

	if (!o)
		return -ENOMEM;
	o->u.set = (struct nsn_set){.family = NFPROTO_BRIDGE,
				    .table = NSN_TABLE_NAME,
				    .name = set->name,
				    .flags = set->flags,
				    .key_type = set->key_type,
				    .key_len = set->key_len,
				    .obj_type = set->obj_type,
				    .udata = set->udata_len ? set->udata : NULL,
				    .udata_len = set->udata_len};
	return 0;
}

static int add_elem(struct nsn_state *s, struct nsn_place at, const char *set, const void *key,
		    uint32_t len, const char *object)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ELEM, at, "");
	const uint8_t *copy = nsn_arena_memdup(&s->arena, key, len);

	if (!o || !copy || !object)
		return -ENOMEM;
	o->u.elem = (struct nsn_elem){.family = NFPROTO_BRIDGE,
				      .table = NSN_TABLE_NAME,
				      .set = set,
				      .key = copy,
				      .key_len = len,
				      .object = object};
	return 0;
}

/*
 * Hop-by-hop, routing, destination options, mobility, HIP, shim6 and the two
 * for experiments: IANA's list of extension headers but fragment, AH and ESP.
 */
static const uint8_t ext_headers[] = {0, 43, 60, 135, 139, 140, 253, 254};

static int add_pin(struct nsn_state *s, struct nsn_place at, const char *set, const char *port,
		   const struct nsn_mac *mac, const struct nsn_ip *ip)
{
	uint8_t key[KEY6_LEN] = {0};
	uint32_t len = nsn_ip_bits(ip) / 8;

	memcpy(key, port, strnlen(port, IFNAMSIZ - 1));
	memcpy(key + PORT_LEN, mac->bytes, sizeof(mac->bytes));
	memcpy(key + PORT_LEN + MAC_LEN, ip->bytes, len);
	return add_elem(s, at, set, key, PORT_LEN + MAC_LEN + len, "");
}

/* ---- rates ----------------------------------------------------------------------- */

/*
 * The kernel's bucket holds what the rate allows in its unit, of which a second is
 * the smallest, and this on top (nft_limit_init()): two of the largest packets, so
 * that one of 64 KiB passes a rate of a few kbit, too.
 */
#define BURST (2 * 65536)

/* The rate is part of the name: the kernel cannot change a limit that it has. */
static int add_limit(struct nsn_state *s, struct nsn_place at, const char *name, uint64_t bits)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_LIMIT, at, "");

	if (!o || !name)
		return -ENOMEM;
	o->u.limit = (struct nsn_limit){.family = NFPROTO_BRIDGE,
					.table = NSN_TABLE_NAME,
					.name = name,
					.rate = bits / 8,
					.unit = 1,
					.burst = BURST,
					.type = NFT_LIMIT_PKT_BYTES,
					.flags = NFT_LIMIT_F_INV};
	return 0;
}

static int add_tenant_rate(struct nsn_state *s, struct nsn_place at, const char *what,
			   uint64_t bits)
{
	return add_limit(s, at, nsn_arena_printf(&s->arena, "%s_%" PRIu64, what, bits), bits);
}

static int add_port_rate(struct nsn_state *s, struct nsn_place at, const char *what,
			 const char *port, uint64_t bits)
{
	const char *name = nsn_arena_printf(&s->arena, "%s_%s_%" PRIu64, what, port, bits);
	char key[PORT_LEN] = "";
	int r = add_limit(s, at, name, bits);

	memcpy(key, port, strnlen(port, IFNAMSIZ - 1));
	return r < 0 ? r : add_elem(s, at, what, key, sizeof(key), name);
}

/*
 * By the port's name, whatever `inside` is: when that becomes `allow`, the element is
 * there already.
 */
static int add_cut(struct nsn_state *s, struct nsn_place at, const struct nsn_endpoint *e)
{
	char port[NSN_PORT_NAME_SIZE], key[PORT_LEN] = "";

	(void)nsn_compile_port(e, port);
	memcpy(key, port, strnlen(port, IFNAMSIZ - 1));
	return add_elem(s, at, SET_CUT, key, sizeof(key), "");
}

static int add_endpoint(struct nsn_state *s, struct nsn_place at, const struct nsn_endpoint *e)
{
	const struct nsn_mac mac = nsn_compile_mac(NSN_MAC_ENDPOINT, e->id);
	char port[NSN_PORT_NAME_SIZE];
	int r = add_pin(s, at, SET_PIN4, nsn_compile_port(e, port), &mac, &e->ip);

	if (r == 0 && e->ip6.family)
		r = add_pin(s, at, SET_PIN6, port, &mac, &e->ip6);
	if (r == 0 && e->ip6.family)
		r = add_pin(s, at, SET_ND, port, &mac, &e->ip6);
	if (r == 0 && e->rate)
		r = add_port_rate(s, at, SET_SENT, port, e->rate);
	if (r == 0 && e->rate)
		r = add_port_rate(s, at, SET_RCVD, port, e->rate);
	return r;
}

static bool is_cut(const struct nsn_elem *e)
{
	return e->family == NFPROTO_BRIDGE && strcmp(e->table, NSN_TABLE_NAME) == 0 &&
	       strcmp(e->set, SET_CUT) == 0 && e->key_len == PORT_LEN && !e->odd;
}

int nsn_compile_stay_cut(struct nsn_state *wanted, const struct nsn_state *observed)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY};
	size_t n, i;
	const struct nsn_object *list = nsn_state_at(observed, NSN_OBJ_ELEM, gateway, &n);
	struct nsn_state more = {0};
	int r = 0;

	/* Found among those that were there before: adding puts @wanted out of order. */
	for (i = 0; r == 0 && i < n; i++)
		if (is_cut(&list[i].u.elem) && !nsn_state_find(wanted, &list[i]))
			r = add_elem(&more, gateway, SET_CUT, list[i].u.elem.key, PORT_LEN, "");
	for (i = 0; r == 0 && i < more.n; i++)
		r = add_elem(wanted, gateway, SET_CUT, more.objects[i].u.elem.key, PORT_LEN, "");
	nsn_state_clear(&more);
	nsn_state_sort(wanted);
	return r;
}

int nsn_compile_bridge_sets(struct nsn_state *s, struct nsn_place at, const struct nsn_tenant *t,
			    const struct nsn_border *b)
{
	int r = 0;
	size_t i;

	for (i = 0; r == 0 && i < NSN_COUNT(sets); i++)
		r = add_set(s, at, &sets[i]);
	for (i = 0; r == 0 && i < NSN_COUNT(ext_headers); i++)
		r = add_elem(s, at, SET_EXT, &ext_headers[i], 1, "");
	for (i = 0; r == 0 && i < t->n_endpoints; i++)
		r = add_endpoint(s, at, &t->endpoints[i]);
	for (i = 0; r == 0 && i < t->n_endpoints; i++)
		if (nsn_border_closes(b, t, &t->endpoints[i]))
			r = add_cut(s, at, &t->endpoints[i]);
	if (r == 0 && t->rate)
		r = add_tenant_rate(s, at, SET_SENT, t->rate);
	if (r == 0 && t->rate)
		r = add_tenant_rate(s, at, SET_RCVD, t->rate);
	return r;
}
