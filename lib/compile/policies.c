/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "../model/about.h"
#include "admit.h"
#include "parts.h"
#include "udata.h"

/*
 * The maps that the chains of admit.c look into: one element for each box of what
 * is said (flows.h). Tenants, endpoints and policies more or less are elements
 * more or less; no rule and no chain is touched.
 */

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
#define CONCAT4(a, b, c, d) (CONCAT2(a, b) << 12 | CONCAT2(c, d))

#define RANGES (NFT_SET_INTERVAL | NFT_SET_CONCAT)
#define MARKS  (NFT_SET_MAP | RANGES)

static const struct set {
	const char *name;
	uint32_t flags, key_type, key_len, data_type, data_len, obj_type;
	uint8_t fields[4], n_fields;
	const uint8_t *udata;
	size_t udata_len;
	bool six;
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
	 true},
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
	 true},
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
	 true},
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
	 true},
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

/* ---- elements --------------------------------------------------------------------------- */

#define KEY_MAX 40

struct elem {
	const char *set;
	uint8_t key[KEY_MAX], end[KEY_MAX];
	uint32_t len;
	bool range;
	const void *data;
	uint32_t data_len;
	const char *object, *comment;
};

static int add_elem(struct nsn_state *s, struct nsn_place at, const struct elem *e)
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

/* One more field of the key, padded to four bytes. */
static void field(struct elem *e, const void *first, const void *last, uint32_t len)
{
	memcpy(e->key + e->len, first, len);
	memcpy(e->end + e->len, last, len);
	e->len += (len + 3) / 4 * 4;
}

/* What a connection's mark will be, less its generation. */
static uint32_t low_mark(const struct nsn_box *box)
{
	const struct nsn_policy *p = box->policy;
	uint32_t mark = box->number << NSN_MARK_NUMBER;

	if (box->allow)
		mark |= NSN_MARK_ROUTE;
	if (box->allow && p && p->log == NSN_LOG_ALL)
		mark |= NSN_MARK_LOG;
	return mark;
}

/* Who says it, and where it was written. */
static const char *comment_of(struct nsn_state *s, const struct nsn_policy *p, uint32_t number)
{
	size_t len = p ? strlen(p->origin.file) : 0, most = NSN_NFT_COMMENT - NSN_NAME_MAX - 16;

	if (number == NSN_NUMBER_QUARANTINE)
		return "quarantine";
	if (!p)
		return "kept in quarantine";
	if (len == 0)
		return nsn_arena_strdup(&s->arena, p->name);
	/* Of a long path the end. */
	return nsn_arena_printf(&s->arena, "%s %s:%u", p->name,
				p->origin.file + (len > most ? len - most : 0), p->origin.line);
}

static int add_box(struct nsn_state *s, struct nsn_place at, const struct nsn_box *box)
{
	const bool six = box->from.first.family == AF_INET6;
	const uint32_t len = six ? 16 : 4;
	const uint16_t port = htons(box->port), last = htons(box->port_last);
	const struct nsn_policy *p = box->policy;
	uint32_t mark = low_mark(box);
	struct elem e = {.range = true,
			 .data = &mark,
			 .data_len = sizeof(mark),
			 .comment = comment_of(s, p, box->number)};

	if (!e.comment)
		return -ENOMEM;
	if (p && p->log != NSN_LOG_NONE)
		mark |= NSN_MARK_LOG_OPEN;
	field(&e, box->from.first.bytes, box->from.last.bytes, len);
	field(&e, box->to.first.bytes, box->to.last.bytes, len);
	e.set = six ? MAP_ECHO6 : MAP_ECHO4;
	if (!box->echo) {
		e.set = six ? MAP_FLOW6 : MAP_FLOW4;
		field(&e, &box->proto, &box->proto_last, 1);
		field(&e, &port, &last, sizeof(port));
	}
	return add_elem(s, at, &e);
}

/* The counter of a policy: by its name, so that it survives what else changes. */
static const char *counter_of(struct nsn_state *s, const struct nsn_policy *p, uint32_t number)
{
	if (number == NSN_NUMBER_QUARANTINE)
		return NSN_QUARANTINE_COUNTER;
	if (number == NSN_NUMBER_KEPT)
		return NSN_KEPT_COUNTER;
	return nsn_arena_printf(&s->arena, NSN_RULE_COUNTER "%s", p->name);
}

/*
 * Of every policy that is about the tenant, also of one that another one covers for
 * now: what it has counted stays.
 */
static int add_counters(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope)
{
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	int r = 0;

	nsn_about_begin(&walk, scope->border->intent, scope->t, NULL);
	while (r == 0 && (p = nsn_about_next(&walk))) {
		const char *name;

		if (!nsn_flows_names(p, scope->t))
			continue;
		name = counter_of(s, p, p->number);
		r = name ? nsn_compile_counter(s, at, NFPROTO_INET, name) : -ENOMEM;
	}
	return r;
}

struct use {
	uint32_t mark;
	const struct nsn_policy *policy;
};

static int by_mark(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	return x->mark < y->mark ? -1 : x->mark > y->mark;
}

/* An element for each mark that leads to a counter. */
static int add_uses(struct nsn_state *s, struct nsn_place at, const struct nsn_border *b)
{
	NSN_AUTO(nsn_freep) struct use *uses = calloc(b->boxes.n + 1, sizeof(*uses));
	size_t i;
	int r = 0;

	if (!uses)
		return -ENOMEM;
	for (i = 0; i < b->boxes.n; i++)
		uses[i] = (struct use){low_mark(&b->boxes.list[i]), b->boxes.list[i].policy};
	qsort(uses, b->boxes.n, sizeof(*uses), by_mark);
	for (i = 0; r == 0 && i < b->boxes.n; i++) {
		uint32_t number = uses[i].mark >> NSN_MARK_NUMBER;
		struct elem e = {.set = MAP_USE};

		if (i > 0 && uses[i].mark == uses[i - 1].mark)
			continue;
		e.object = counter_of(s, uses[i].policy, number);
		if (!e.object)
			return -ENOMEM;
		field(&e, &uses[i].mark, &uses[i].mark, sizeof(uses[i].mark));
		r = add_elem(s, at, &e);
		/* Those of policies are there already. */
		if (r == 0 && number > NSN_NUMBER_MAX &&
		    (i == 0 || number != uses[i - 1].mark >> NSN_MARK_NUMBER))
			r = nsn_compile_counter(s, at, NFPROTO_INET, e.object);
	}
	return r;
}

/* ---- cables ------------------------------------------------------------------------------ */

static int add_from(struct nsn_state *s, struct nsn_place at, const char *set, const char *name,
		    const struct nsn_ip *first, const struct nsn_ip *last)
{
	char padded[IFNAMSIZ] = "";
	struct elem e = {.set = set, .range = true};

	memcpy(padded, name, strnlen(name, IFNAMSIZ - 1));
	field(&e, padded, padded, sizeof(padded));
	field(&e, first->bytes, last->bytes, nsn_ip_bits(first) / 8);
	return add_elem(s, at, &e);
}

/* Who comes from it: the other tenant's subnet, or its address on the cable. */
static int add_source(struct nsn_state *s, struct nsn_place at, const struct nsn_far *far, bool v6)
{
	const struct nsn_prefix *p = v6 ? &far->other->subnet6 : &far->other->subnet;
	const struct nsn_ip *as = v6 ? &far->far6 : &far->far4;
	const char *set = v6 ? SET_FROM6 : SET_FROM4;
	char name[NSN_LINK_NAME_SIZE];
	struct nsn_ip first, last;

	(void)nsn_far_name(far, name);
	if (!p->ip.family)
		return 0;
	if (far->other_translated)
		return add_from(s, at, set, name, as, as);
	first = nsn_prefix_network(p);
	last = nsn_prefix_last(p);
	return add_from(s, at, set, name, &first, &last);
}

static int add_snat(struct nsn_state *s, struct nsn_place at, const struct nsn_far *far, bool v6)
{
	const struct nsn_ip *as = v6 ? &far->near6 : &far->near4;
	char name[NSN_LINK_NAME_SIZE], padded[IFNAMSIZ] = "";
	struct elem e = {.set = v6 ? MAP_SNAT6 : MAP_SNAT4,
			 .data = as->bytes,
			 .data_len = nsn_ip_bits(as) / 8};

	if (!far->translated)
		return 0;
	(void)nsn_far_name(far, name);
	memcpy(padded, name, strnlen(name, IFNAMSIZ - 1));
	field(&e, padded, padded, sizeof(padded));
	return add_elem(s, at, &e);
}

static int add_self(struct nsn_state *s, struct nsn_place at, const struct nsn_ip *ip)
{
	struct elem e = {.set = ip->family == AF_INET6 ? SET_SELF6 : SET_SELF4};
	const uint32_t len = nsn_ip_bits(ip) / 8;

	if (!ip->family)
		return 0;
	field(&e, ip->bytes, ip->bytes, len);
	field(&e, ip->bytes, ip->bytes, len);
	return add_elem(s, at, &e);
}

int nsn_compile_policies(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope)
{
	const struct nsn_border *b = scope->border;
	const bool six = nsn_compile_ipv6(scope->t);
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < NSN_COUNT(sets); i++)
		if (six || !sets[i].six)
			r = add_set(s, at, &sets[i]);
	for (i = 0; r == 0 && i < b->boxes.n; i++)
		r = add_box(s, at, &b->boxes.list[i]);
	if (r == 0)
		r = add_counters(s, at, scope);
	if (r == 0)
		r = add_uses(s, at, b);
	for (i = 0; r == 0 && i < scope->t->n_endpoints; i++) {
		r = add_self(s, at, &scope->t->endpoints[i].ip);
		if (r == 0 && six)
			r = add_self(s, at, &scope->t->endpoints[i].ip6);
	}
	for (i = 0; r == 0 && i < 2 * b->n_far; i++) {
		const bool v6 = i % 2;

		if (v6 && !six)
			continue;
		r = add_source(s, at, &b->far[i / 2], v6);
		if (r == 0)
			r = add_snat(s, at, &b->far[i / 2], v6);
	}
	return r;
}

/* ---- what both the old and the new maps let through ------------------------------------- */

static uint32_t mark_of(const struct nsn_object *o)
{
	uint32_t mark = 0;

	if (o->kind == NSN_OBJ_ELEM && o->u.elem.data_len == sizeof(mark) &&
	    o->u.elem.family == NFPROTO_INET)
		memcpy(&mark, o->u.elem.data, sizeof(mark));
	return mark;
}

static bool lets_through(const struct nsn_object *o)
{
	return mark_of(o) & NSN_MARK_ROUTE;
}

static const uint8_t *end_of(const struct nsn_elem *e)
{
	return e->key_end ? e->key_end : e->key;
}

/* Field by field the later first and the earlier last. false: they have nothing in common. */
static bool meet(struct elem *ret, const struct nsn_elem *x, const struct nsn_elem *y)
{
	const struct set *set = NULL;
	size_t i, at = 0;

	for (i = 0; i < NSN_COUNT(sets); i++)
		if (strcmp(sets[i].name, x->set) == 0 && strcmp(x->set, y->set) == 0)
			set = &sets[i];
	if (!set || !set->n_fields || x->key_len != y->key_len || x->key_len != set->key_len)
		return false;
	*ret = (struct elem){.set = set->name, .range = true};
	for (i = 0; i < set->n_fields; i++) {
		const uint32_t len = set->fields[i];
		const uint8_t *first = x->key + at, *last = end_of(x) + at;

		if (memcmp(y->key + at, first, len) > 0)
			first = y->key + at;
		if (memcmp(end_of(y) + at, last, len) < 0)
			last = end_of(y) + at;
		if (memcmp(first, last, len) > 0)
			return false;
		field(ret, first, last, len);
		at += (len + 3) / 4 * 4;
	}
	return true;
}

static bool is_same(const struct nsn_state *s, const struct nsn_object *o)
{
	const struct nsn_object *twin = nsn_state_find(s, o);

	return twin && lets_through(twin);
}

/* Old elements that are not wanted as they are, by their sets and where their sources begin. */
struct olds {
	const struct nsn_object **list;
	size_t n;
};

static void olds_clear(struct olds *o)
{
	free(o->list);
}

static int by_source(const void *a, const void *b)
{
	const struct nsn_object *const *x = a, *const *y = b;
	const struct nsn_elem *e = &(*x)->u.elem, *f = &(*y)->u.elem;
	const int r = strcmp(e->set, f->set);

	if (r || e->key_len != f->key_len)
		return r ? r : e->key_len < f->key_len ? -1 : 1;
	return memcmp(e->key, f->key, e->key_len);
}

static int find_olds(struct olds *ret, const struct nsn_state *wanted,
		     const struct nsn_state *observed)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY};
	size_t n, i;
	const struct nsn_object *old = nsn_state_at(observed, NSN_OBJ_ELEM, gateway, &n);

	ret->list = calloc(n + 1, sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (lets_through(&old[i]) && !is_same(wanted, &old[i]))
			ret->list[ret->n++] = &old[i];
	qsort(ret->list, ret->n, sizeof(*ret->list), by_source);
	return 0;
}

/* The first of its set, or behind all of them. */
static size_t first_of_set(const struct olds *olds, const char *set)
{
	size_t low = 0, high = olds->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (strcmp(olds->list[mid]->u.elem.set, set) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* What a new element has in common with old ones that are not wanted as they are. */
static int add_meets(struct nsn_state *ret, const struct nsn_object *want, const struct olds *olds)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY};
	const struct nsn_elem *elem = &want->u.elem;
	const uint32_t mark = mark_of(want);
	const uint32_t source = elem->key_len < 32 ? 4 : 16;
	size_t i;
	struct elem e;
	int r = 0;

	for (i = first_of_set(olds, elem->set); r == 0 && i < olds->n; i++) {
		const struct nsn_elem *old = &olds->list[i]->u.elem;

		if (strcmp(old->set, elem->set) != 0)
			break;
		/* Behind this one they begin later still. */
		if (old->key_len == elem->key_len && memcmp(old->key, end_of(elem), source) > 0)
			break;
		if (!meet(&e, elem, old))
			continue;
		e.data = &mark;
		e.data_len = sizeof(mark);
		e.comment = want->u.elem.comment;
		r = add_elem(ret, gateway, &e);
	}
	return r;
}

static bool stays(const struct nsn_object *o, const void *arg)
{
	return !lets_through(o) || is_same(arg, o);
}

int nsn_policies_meet(struct nsn_state *wanted, const struct nsn_state *observed)
{
	struct nsn_state common = {0};
	NSN_AUTO(olds_clear) struct olds olds = {0};
	size_t i, n = wanted->n;
	int r = find_olds(&olds, wanted, observed);

	for (i = 0; r == 0 && olds.n > 0 && i < n; i++)
		if (lets_through(&wanted->objects[i]) && !is_same(observed, &wanted->objects[i]))
			r = add_meets(&common, &wanted->objects[i], &olds);
	if (r == 0)
		nsn_state_filter(wanted, stays, observed);
	for (i = 0; r == 0 && i < common.n; i++) {
		const struct nsn_elem *from = &common.objects[i].u.elem;
		struct elem e = {.set = from->set,
				 .len = from->key_len,
				 .range = true,
				 .data = from->data,
				 .data_len = from->data_len,
				 .comment = from->comment};

		memcpy(e.key, from->key, from->key_len);
		memcpy(e.end, end_of(from), from->key_len);
		r = add_elem(wanted, common.objects[i].at, &e);
	}
	nsn_state_clear(&common);
	nsn_state_sort(wanted);
	return r;
}

static bool is_rule_counter(const struct nsn_counter *c)
{
	return c->family == NFPROTO_INET && strcmp(c->table, NSN_TABLE_NAME) == 0 &&
	       (strncmp(c->name, NSN_RULE_COUNTER, strlen(NSN_RULE_COUNTER)) == 0 ||
		strcmp(c->name, NSN_KEPT_COUNTER) == 0 ||
		strcmp(c->name, NSN_QUARANTINE_COUNTER) == 0);
}

static bool is_use(const struct nsn_elem *e)
{
	return e->family == NFPROTO_INET && strcmp(e->table, NSN_TABLE_NAME) == 0 &&
	       strcmp(e->set, MAP_USE) == 0 && e->key_len == 4 && !e->odd;
}

int nsn_policies_keep_uses(struct nsn_state *wanted, const struct nsn_state *observed)
{
	const struct nsn_place gateway = {.role = NSN_GATEWAY};
	size_t n, i;
	const struct nsn_object *list = nsn_state_at(observed, NSN_OBJ_ELEM, gateway, &n);
	/* What is added comes behind it; no two that are observed are the same. */
	struct nsn_state sorted = *wanted;
	int r = 0;

	for (i = 0; r == 0 && i < n; i++) {
		struct elem e = {.set = MAP_USE};

		sorted.objects = wanted->objects;
		if (!is_use(&list[i].u.elem) || nsn_state_find(&sorted, &list[i]))
			continue;
		field(&e, list[i].u.elem.key, list[i].u.elem.key, 4);
		e.object = nsn_arena_strdup(&wanted->arena, list[i].u.elem.object);
		r = e.object ? add_elem(wanted, gateway, &e) : -ENOMEM;
	}
	nsn_state_sort(wanted);
	sorted = *wanted;
	list = nsn_state_at(observed, NSN_OBJ_COUNTER, gateway, &n);
	for (i = 0; r == 0 && i < n; i++) {
		const char *name;

		sorted.objects = wanted->objects;
		if (!is_rule_counter(&list[i].u.counter) || nsn_state_find(&sorted, &list[i]))
			continue;
		name = nsn_arena_strdup(&wanted->arena, list[i].u.counter.name);
		r = name ? nsn_compile_counter(wanted, gateway, NFPROTO_INET, name) : -ENOMEM;
	}
	nsn_state_sort(wanted);
	return r;
}
