/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "host_parts.h"
#include "udata.h"

/*
 * The sets and maps that the chains of host_rules.c look into. A tenant with an uplink more
 * or less is elements more or less.
 */

/* nft's numbers of types, as in pins.c. */
enum {
	T_INTEGER = 4,
	T_IPV4 = 7,
	T_IPV6 = 8,
	T_PROTO = 12,
	T_SERVICE = 13,
	T_NFPROTO = 2,
	T_IFNAME = 41
};
#define CONCAT2(a, b)	 ((uint32_t)(a) << 6 | (uint32_t)(b))
#define CONCAT3(a, b, c) (CONCAT2(a, b) << 6 | (uint32_t)(c))

#define RANGES (NFT_SET_INTERVAL | NFT_SET_CONCAT)

enum { NAME_LEN = IFNAMSIZ };

static const struct nsn_place host = {.role = NSN_HOST};

/* What tells the uplink: its name, with which the key begins; what a map has. */
enum about { ALL, NAME, ADDRESS };

#define UDATA(u) (u), sizeof(u)

/* clang-format off */
static const struct set {
	const char *name;
	uint32_t flags, key_type, key_len, data_type, data_len;
	uint8_t fields[3], n_fields;
	const uint8_t *udata;
	size_t udata_len;
	enum about about;
} sets[] = {
	{SET_FROM "4", 0, CONCAT2(T_IFNAME, T_IPV4), 20, 0, 0, {0}, 0, UDATA(udata_concat), NAME},
	{SET_FROM "6", 0, CONCAT2(T_IFNAME, T_IPV6), 32, 0, 0, {0}, 0, UDATA(udata_concat), NAME},
	{SET_QUOTED "4", 0, CONCAT2(T_IFNAME, T_INTEGER), 20, 0, 0, {0}, 0,
	 UDATA(udata_quoted4), NAME},
	{SET_QUOTED "6", 0, CONCAT2(T_IFNAME, T_INTEGER), 32, 0, 0, {0}, 0,
	 UDATA(udata_quoted6), NAME},
	{SET_FAR "4", 0, CONCAT2(T_IFNAME, T_IPV4), 20, 0, 0, {0}, 0, UDATA(udata_concat), NAME},
	{SET_FAR "6", 0, CONCAT2(T_IFNAME, T_IPV6), 32, 0, 0, {0}, 0, UDATA(udata_concat), NAME},
	{SET_HOST "4", 0, T_IPV4, 4, 0, 0, {0}, 0, UDATA(udata_network), ALL},
	{SET_HOST "6", 0, T_IPV6, 16, 0, 0, {0}, 0, UDATA(udata_network), ALL},
	{SET_SERVICE "4", RANGES, CONCAT3(T_IFNAME, T_PROTO, T_SERVICE), 24, 0, 0, {16, 1, 2},
	 3, UDATA(udata_concat), NAME},
	{SET_SERVICE "6", RANGES, CONCAT3(T_IFNAME, T_PROTO, T_SERVICE), 24, 0, 0, {16, 1, 2},
	 3, UDATA(udata_concat), NAME},
	{SET_PING "4", 0, T_IFNAME, 16, 0, 0, {0}, 0, UDATA(udata_name), NAME},
	{SET_PING "6", 0, T_IFNAME, 16, 0, 0, {0}, 0, UDATA(udata_name), NAME},
	{SET_NETWORK "4", RANGES, CONCAT2(T_IFNAME, T_IPV4), 20, 0, 0, {16, 4}, 2,
	 UDATA(udata_concat), NAME},
	{SET_NETWORK "6", RANGES, CONCAT2(T_IFNAME, T_IPV6), 32, 0, 0, {16, 16}, 2,
	 UDATA(udata_concat), NAME},
	{SET_INTERNET "4", 0, T_IFNAME, 16, 0, 0, {0}, 0, UDATA(udata_name), NAME},
	{SET_INTERNET "6", 0, T_IFNAME, 16, 0, 0, {0}, 0, UDATA(udata_name), NAME},
	/* An interval of one field would be two elements: the source is there for that alone. */
	{SET_LINKED "4", RANGES, CONCAT2(T_IPV4, T_IPV4), 8, 0, 0, {4, 4}, 2,
	 UDATA(udata_concat), ALL},
	{SET_LINKED "6", RANGES, CONCAT2(T_IPV6, T_IPV6), 32, 0, 0, {16, 16}, 2,
	 UDATA(udata_concat), ALL},
	{SET_EGRESS "4", 0, CONCAT2(T_IFNAME, T_IPV4), 20, 0, 0, {0}, 0, UDATA(udata_concat), ALL},
	{SET_EGRESS "6", 0, CONCAT2(T_IFNAME, T_IPV6), 32, 0, 0, {0}, 0, UDATA(udata_concat), ALL},
	{SET_EGRESS_LINK "4", 0, T_IFNAME, 16, 0, 0, {0}, 0, UDATA(udata_name), ALL},
	{SET_EGRESS_LINK "6", 0, T_IFNAME, 16, 0, 0, {0}, 0, UDATA(udata_name), ALL},
	{SET_GUARD "4", 0, T_IFNAME, 16, 0, 0, {0}, 0, UDATA(udata_name), ALL},
	{SET_GUARD "6", 0, T_IFNAME, 16, 0, 0, {0}, 0, UDATA(udata_name), ALL},
	{SET_GUARD_FAMILY, 0, T_NFPROTO, 1, 0, 0, {0}, 0, UDATA(udata_number), ALL},
	{MAP_PUBLISHED "4", NFT_SET_MAP, CONCAT3(T_IPV4, T_PROTO, T_SERVICE), 12,
	 CONCAT2(T_IPV4, T_SERVICE), 8, {0}, 0, UDATA(udata_concat_concat), ADDRESS},
	{MAP_PUBLISHED "6", NFT_SET_MAP, CONCAT3(T_IPV6, T_PROTO, T_SERVICE), 24,
	 CONCAT2(T_IPV6, T_SERVICE), 20, {0}, 0, UDATA(udata_concat_concat), ADDRESS},
	{MAP_PUBLISHED_ALL "4", NFT_SET_MAP, CONCAT2(T_PROTO, T_SERVICE), 8, CONCAT2(T_IPV4,
	 T_SERVICE), 8, {0}, 0, UDATA(udata_concat_concat), ADDRESS},
	{MAP_PUBLISHED_ALL "6", NFT_SET_MAP, CONCAT2(T_PROTO, T_SERVICE), 8, CONCAT2(T_IPV6,
	 T_SERVICE), 20, {0}, 0, UDATA(udata_concat_concat), ADDRESS},
	{MAP_OWN "4", NFT_SET_MAP, CONCAT3(T_IPV4, T_PROTO, T_SERVICE), 12, CONCAT2(T_IPV4,
	 T_SERVICE), 8, {0}, 0, UDATA(udata_concat_concat), ADDRESS},
	{MAP_OWN "6", NFT_SET_MAP, CONCAT3(T_IPV6, T_PROTO, T_SERVICE), 24, CONCAT2(T_IPV6,
	 T_SERVICE), 20, {0}, 0, UDATA(udata_concat_concat), ADDRESS},
	{MAP_OWN_ALL "4", NFT_SET_MAP, CONCAT2(T_PROTO, T_SERVICE), 8, CONCAT2(T_IPV4,
	 T_SERVICE), 8, {0}, 0, UDATA(udata_concat_concat), ADDRESS},
	{MAP_OWN_ALL "6", NFT_SET_MAP, CONCAT2(T_PROTO, T_SERVICE), 8, CONCAT2(T_IPV6,
	 T_SERVICE), 20, {0}, 0, UDATA(udata_concat_concat), ADDRESS},
};
/* clang-format on */

int nsn_host_sets(struct nsn_state *s)
{
	for (size_t i = 0; i < NSN_COUNT(sets); i++) {
		struct nsn_object *o = nsn_state_add(s, NSN_OBJ_SET, host, "");
		const struct set *set = &sets[i];

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
					    .n_fields = set->n_fields,
					    .udata = set->udata,
					    .udata_len = set->udata_len};
		memcpy(o->u.set.fields, set->fields, sizeof(set->fields));
	}
	return 0;
}

static const struct set *set_of(const char *name)
{
	for (size_t i = 0; i < NSN_COUNT(sets); i++)
		if (strcmp(sets[i].name, name) == 0)
			return &sets[i];
	return NULL;
}

/* ---- elements --------------------------------------------------------------------------- */

int nsn_host_put(struct nsn_state *s, const struct nsn_host_elem *e)
{
	const struct set *set = set_of(e->set);
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_ELEM, host, "");
	const bool range = set && set->n_fields;
	const uint8_t *key = nsn_arena_memdup(&s->arena, e->key, e->len);
	const uint8_t *end = range ? nsn_arena_memdup(&s->arena, e->end, e->len) : NULL;
	const uint8_t *data =
		e->data_len ? nsn_arena_memdup(&s->arena, e->data, e->data_len) : NULL;

	if (!set || !o || !key || (range && !end) || (e->data_len && !data))
		return -ENOMEM;
	o->u.elem = (struct nsn_elem){.family = NFPROTO_INET,
				      .table = NSN_TABLE_NAME,
				      .set = set->name,
				      .key = key,
				      .key_end = end,
				      .key_len = e->len,
				      .key_type = set->key_type,
				      .object = "",
				      .comment = e->comment,
				      .data = data,
				      .data_len = e->data_len};
	return 0;
}

/* One more field of the key, padded to four bytes. */
void nsn_host_field(struct nsn_host_elem *e, const void *first, const void *last, uint32_t len)
{
	memcpy(e->key + e->len, first, len);
	memcpy(e->end + e->len, last, len);
	e->len += (len + 3) / 4 * 4;
}

void nsn_host_field_name(struct nsn_host_elem *e, const char *name)
{
	char padded[NAME_LEN] = "";

	memcpy(padded, name, strnlen(name, NAME_LEN - 1));
	nsn_host_field(e, padded, padded, sizeof(padded));
}

void nsn_host_field_range(struct nsn_host_elem *e, const struct nsn_range *r)
{
	nsn_host_field(e, r->first.bytes, r->last.bytes, nsn_ip_bits(&r->first) / 8);
}

void nsn_host_field_ip(struct nsn_host_elem *e, const struct nsn_ip *ip)
{
	nsn_host_field_range(e, &(struct nsn_range){*ip, *ip});
}

int nsn_host_put_name(struct nsn_state *s, const char *set, const char *name)
{
	struct nsn_host_elem e = {.set = set};

	nsn_host_field_name(&e, name);
	return nsn_host_put(s, &e);
}

int nsn_host_put_name_ip(struct nsn_state *s, const char *set, const char *name,
			 const struct nsn_ip *ip)
{
	struct nsn_host_elem e = {.set = set};

	nsn_host_field_name(&e, name);
	nsn_host_field_ip(&e, ip);
	return nsn_host_put(s, &e);
}

static bool is_six(const struct nsn_ip *ip)
{
	return ip->family == AF_INET6;
}

/* ---- what all share --------------------------------------------------------------------- */

/* Networks on links, and gateways, which are on a link without being in one. */
static int put_linked(struct nsn_state *s, const struct nsn_host_wanted *w, int six)
{
	const struct nsn_hostview *v = w->view;
	const struct nsn_prefix *pool = six ? &w->transit.ip6 : &w->transit.ip;
	const struct nsn_range from = {nsn_prefix_network(pool), nsn_prefix_last(pool)};
	NSN_AUTO(nsn_freep)
	struct nsn_range *list = calloc(v->n_nets + v->n_routes + 1, sizeof(*list));
	size_t n = 0, i;
	int r = 0;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < v->n_nets; i++)
		if (is_six(&v->nets[i].ip) == six)
			list[n++] = (struct nsn_range){nsn_prefix_network(&v->nets[i]),
						       nsn_prefix_last(&v->nets[i])};
	for (i = 0; i < v->n_routes; i++)
		if (v->routes[i].via.family && is_six(&v->routes[i].via) == six)
			list[n++] = (struct nsn_range){v->routes[i].via, v->routes[i].via};
	n = nsn_host_merge(list, n);
	for (i = 0; r == 0 && i < n; i++) {
		struct nsn_host_elem e = {.set = SET_OF(SET_LINKED, six)};

		nsn_host_field_range(&e, &from);
		nsn_host_field_range(&e, &list[i]);
		r = nsn_host_put(s, &e);
	}
	return r;
}

bool nsn_host_is_default(const struct nsn_host_route *r)
{
	return r->dst.len <= 1;
}

static int put_egress(struct nsn_state *s, const struct nsn_host_route *r)
{
	const int six = is_six(&r->dst.ip);

	if (!nsn_host_is_default(r))
		return 0;
	/* An IPv4 route by an IPv6 gateway (RFC 5549): its next hop is of the other family. */
	if (r->via.family && r->via.family != r->dst.ip.family)
		return 0;
	if (!r->via.family)
		return nsn_host_put_name(s, SET_OF(SET_EGRESS_LINK, six), r->link);
	return nsn_host_put_name_ip(s, SET_OF(SET_EGRESS, six), r->link, &r->via);
}

static int put_guards(struct nsn_state *s, const struct nsn_host_wanted *w,
		      const struct nsn_host_ways *ways)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->view->n_links; i++) {
		const struct nsn_host_link *l = &w->view->links[i];

		if (nsn_host_guards(w, ways, l, AF_INET))
			r = nsn_host_put_name(s, SET_OF(SET_GUARD, 0), l->name);
		if (r == 0 && nsn_host_guards(w, ways, l, AF_INET6))
			r = nsn_host_put_name(s, SET_OF(SET_GUARD, 1), l->name);
	}
	if (r == 0 && nsn_host_guards_all6(w, ways)) {
		struct nsn_host_elem e = {.set = SET_GUARD_FAMILY, .key = {NFPROTO_IPV6}, .len = 1};

		r = nsn_host_put(s, &e);
	}
	return r;
}

int nsn_host_shared(struct nsn_state *s, const struct nsn_host_wanted *w,
		    const struct nsn_host_ways *ways)
{
	const struct nsn_hostview *v = w->view;
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->n_addrs; i++) {
		struct nsn_host_elem e = {.set = SET_OF(SET_HOST, is_six(&v->addrs[i]))};

		nsn_host_field_ip(&e, &v->addrs[i]);
		r = nsn_host_put(s, &e);
	}
	for (size_t i = 0; r == 0 && i < v->n_routes; i++)
		r = put_egress(s, &v->routes[i]);
	if (r == 0)
		r = put_linked(s, w, 0);
	if (r == 0)
		r = put_linked(s, w, 1);
	return r == 0 ? put_guards(s, w, ways) : r;
}

/* ---- whose an element is ------------------------------------------------------------------ */

uint64_t nsn_host_link_number(const char *name)
{
	uint64_t ret = 0;

	if (strncmp(name, NSN_UPLINKS, strlen(NSN_UPLINKS)) != 0 ||
	    nsn_u64_parse(&ret, name + strlen(NSN_UPLINKS), NSN_LINK_MAX) < 0)
		return 0;
	return ret;
}

static uint64_t by_name(const struct nsn_elem *e)
{
	char name[NAME_LEN + 1] = "";

	if (e->key_len < NAME_LEN)
		return 0;
	memcpy(name, e->key, NAME_LEN);
	return nsn_host_link_number(name);
}

/* The address that a map has, before the port. */
static uint64_t by_address(const struct nsn_elem *e, const struct nsn_host_tenant *tenants,
			   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct nsn_up *up = &tenants[i].up;

		if ((e->data_len == 8 && memcmp(e->data, up->near4.bytes, 4) == 0) ||
		    (e->data_len == 20 && memcmp(e->data, up->near6.bytes, 16) == 0))
			return up->link;
	}
	return 0;
}

uint64_t nsn_host_element_of(const struct nsn_elem *e, const struct nsn_host_tenant *tenants,
			     size_t n_tenants)
{
	const struct set *set = e->family == NFPROTO_INET && strcmp(e->table, NSN_TABLE_NAME) == 0
					? set_of(e->set)
					: NULL;

	switch (set ? set->about : ALL) {
	case NAME:
		return by_name(e);
	case ADDRESS:
		return by_address(e, tenants, n_tenants);
	case ALL:
		break;
	}
	return 0;
}
