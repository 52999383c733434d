/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "entries.h"

#include <errno.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "admit.h"
#include "parts.h"
#include "udata.h"

/* nft's numbers of types, as in pins.c. */
enum {
	T_INTEGER = 4,
	T_IPV4 = 7,
	T_IPV6 = 8,
	T_PROTO = 12,
	T_SERVICE = 13,
	T_MARK = 19,
	T_IFNAME = 41
};
#define CONCAT2(a, b)	    ((uint32_t)(a) << 6 | (uint32_t)(b))
#define CONCAT3(a, b, c)    (CONCAT2(a, b) << 6 | (uint32_t)(c))
#define CONCAT4(a, b, c, d) (CONCAT2(a, b) << 12 | CONCAT2(c, d))

#define RANGES (NFT_SET_INTERVAL | NFT_SET_CONCAT)
#define MARKS  (NFT_SET_MAP | RANGES)

static const struct set {
	const char *name;
	uint32_t flags, key_type, key_len, data_type, data_len, obj_type;
	uint8_t fields[4], n_fields;
	const uint8_t *udata;
	size_t udata_len;
	bool six, uplink;
} sets[] = {
	{MAP_FLOW4,
	 MARKS,
	 CONCAT4(T_IPV4, T_IPV4, T_PROTO, T_SERVICE),
	 16,
	 T_MARK,
	 4,
	 0,
	 {4, 4, 1, 2},
	 4,
	 udata_ranges_mark,
	 sizeof(udata_ranges_mark),
	 false,
	 false},
	{MAP_FLOW6,
	 MARKS,
	 CONCAT4(T_IPV6, T_IPV6, T_PROTO, T_SERVICE),
	 40,
	 T_MARK,
	 4,
	 0,
	 {16, 16, 1, 2},
	 4,
	 udata_ranges_mark,
	 sizeof(udata_ranges_mark),
	 true,
	 false},
	{MAP_ECHO4,
	 MARKS,
	 CONCAT2(T_IPV4, T_IPV4),
	 8,
	 T_MARK,
	 4,
	 0,
	 {4, 4},
	 2,
	 udata_ranges_mark,
	 sizeof(udata_ranges_mark),
	 false,
	 false},
	{MAP_ECHO6,
	 MARKS,
	 CONCAT2(T_IPV6, T_IPV6),
	 32,
	 T_MARK,
	 4,
	 0,
	 {16, 16},
	 2,
	 udata_ranges_mark,
	 sizeof(udata_ranges_mark),
	 true,
	 false},
	{MAP_USE,
	 NFT_SET_OBJECT,
	 T_MARK,
	 4,
	 0,
	 0,
	 NFT_OBJECT_COUNTER,
	 {0},
	 0,
	 udata_name_map,
	 sizeof(udata_name_map),
	 false,
	 false},
	{SET_FROM4,
	 RANGES,
	 CONCAT2(T_IFNAME, T_IPV4),
	 20,
	 0,
	 0,
	 0,
	 {16, 4},
	 2,
	 udata_concat,
	 sizeof(udata_concat),
	 false,
	 false},
	{SET_FROM6,
	 RANGES,
	 CONCAT2(T_IFNAME, T_IPV6),
	 32,
	 0,
	 0,
	 0,
	 {16, 16},
	 2,
	 udata_concat,
	 sizeof(udata_concat),
	 true,
	 false},
	{SET_SELF4,
	 0,
	 CONCAT2(T_IPV4, T_INTEGER),
	 8,
	 0,
	 0,
	 0,
	 {0},
	 0,
	 udata_self4,
	 sizeof(udata_self4),
	 false,
	 false},
	{SET_SELF6,
	 0,
	 CONCAT2(T_IPV6, T_INTEGER),
	 32,
	 0,
	 0,
	 0,
	 {0},
	 0,
	 udata_self6,
	 sizeof(udata_self6),
	 true,
	 false},
	{MAP_SNAT4,
	 NFT_SET_MAP,
	 T_IFNAME,
	 16,
	 T_IPV4,
	 4,
	 0,
	 {0},
	 0,
	 udata_name_address,
	 sizeof(udata_name_address),
	 false,
	 false},
	{MAP_SNAT6,
	 NFT_SET_MAP,
	 T_IFNAME,
	 16,
	 T_IPV6,
	 16,
	 0,
	 {0},
	 0,
	 udata_name_address,
	 sizeof(udata_name_address),
	 true,
	 false},
	{MAP_PUBLISH4,
	 NFT_SET_MAP,
	 CONCAT3(T_IPV4, T_PROTO, T_SERVICE),
	 12,
	 CONCAT2(T_IPV4, T_SERVICE),
	 8,
	 0,
	 {0},
	 0,
	 udata_concat_concat,
	 sizeof(udata_concat_concat),
	 false,
	 true},
	{MAP_PUBLISH6,
	 NFT_SET_MAP,
	 CONCAT3(T_IPV6, T_PROTO, T_SERVICE),
	 24,
	 CONCAT2(T_IPV6, T_SERVICE),
	 20,
	 0,
	 {0},
	 0,
	 udata_concat_concat,
	 sizeof(udata_concat_concat),
	 true,
	 true},
};

static int add_set(struct nsn_state *s, struct nsn_place at, const struct set *set)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_SET, at, "");

	if (!o)
		return -ENOMEM;
	o->u.set = (struct nsn_set){.family = NFPROTO_INET,
				    .table = NSN_TABLE_NAME,
				    .name = set->name,
				    .flags = set->flags,
				    .key_type = set->key_type,
				    .key_len = set->key_len,
				    .data_type = set->data_type,
				    .data_len = set->data_len,
				    .obj_type = set->obj_type,
				    .n_fields = set->n_fields,
				    .udata = set->udata,
				    .udata_len = set->udata_len};
	memcpy(o->u.set.fields, set->fields, sizeof(set->fields));
	return 0;
}

int nsn_entry_sets(struct nsn_state *s, struct nsn_place at, bool six, bool uplink)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < NSN_COUNT(sets); i++)
		if ((six || !sets[i].six) && (uplink || !sets[i].uplink))
			r = add_set(s, at, &sets[i]);
	return r;
}

/* ---- elements --------------------------------------------------------------------------- */

int nsn_entry_add(struct nsn_state *s, struct nsn_place at, const struct nsn_entry *e)
{
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ELEM, at, "");
	const uint8_t *key = nsn_arena_memdup(&s->arena, e->key, e->len);
	const uint8_t *end = e->range ? nsn_arena_memdup(&s->arena, e->end, e->len) : NULL;
	const uint8_t *data = e->data ? nsn_arena_memdup(&s->arena, e->data, e->data_len) : NULL;
	size_t i;

	if (!o || !key || (e->range && !end) || (e->data && !data))
		return -ENOMEM;
	o->u.elem = (struct nsn_elem){.family = NFPROTO_INET,
				      .table = NSN_TABLE_NAME,
				      .set = e->set,
				      .key = key,
				      .key_end = end,
				      .key_len = e->len,
				      .object = e->object ? e->object : "",
				      .comment = e->comment,
				      .data = data,
				      .data_len = e->data ? e->data_len : 0};
	for (i = 0; i < NSN_COUNT(sets); i++)
		if (strcmp(sets[i].name, e->set) == 0)
			o->u.elem.key_type = sets[i].key_type;
	return 0;
}

const uint8_t *nsn_entry_ranges(const char *set, uint32_t *key_len, size_t *n)
{
	size_t i;

	for (i = 0; i < NSN_COUNT(sets); i++)
		if (strcmp(sets[i].name, set) == 0 && sets[i].n_fields) {
			*key_len = sets[i].key_len;
			*n = sets[i].n_fields;
			return sets[i].fields;
		}
	return NULL;
}

void nsn_entry_field(struct nsn_entry *e, const void *first, const void *last, uint32_t len)
{
	memcpy(e->key + e->len, first, len);
	memcpy(e->end + e->len, last, len);
	e->len += (len + 3) / 4 * 4;
}
