/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netfilter.h>

#include "../base/cleanup.h"
#include "admit.h"
#include "entries.h"
#include "parts.h"

/*
 * What was in force and what shall be, at the same time: the wanted elements as they are
 * while one replaces the other.
 */

/* ---- what both the old and the new maps let through ------------------------------------- */

static uint32_t mark_of(const struct nsn_object *o)
{
	uint32_t mark = 0, key_len;
	size_t n;

	/* An address is as long as a mark; it is in a map without ranges. */
	if (o->kind == NSN_OBJ_ELEM && o->u.elem.data_len == sizeof(mark) &&
	    o->u.elem.family == NFPROTO_INET && nsn_entry_ranges(o->u.elem.set, &key_len, &n))
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
static bool meet(struct nsn_entry *ret, const struct nsn_elem *x, const struct nsn_elem *y)
{
	uint32_t key_len = 0;
	size_t i, n, at = 0;
	const uint8_t *fields = nsn_entry_ranges(x->set, &key_len, &n);

	if (!fields || strcmp(x->set, y->set) != 0 || x->key_len != y->key_len ||
	    x->key_len != key_len)
		return false;
	*ret = (struct nsn_entry){.set = x->set, .range = true};
	for (i = 0; i < n; i++) {
		const uint32_t len = fields[i];
		const uint8_t *first = x->key + at, *last = end_of(x) + at;

		if (memcmp(y->key + at, first, len) > 0)
			first = y->key + at;
		if (memcmp(end_of(y) + at, last, len) < 0)
			last = end_of(y) + at;
		if (memcmp(first, last, len) > 0)
			return false;
		nsn_entry_field(ret, first, last, len);
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
	struct nsn_entry e;
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
		r = nsn_entry_add(ret, gateway, &e);
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
		struct nsn_entry e = {.set = from->set,
				      .len = from->key_len,
				      .range = true,
				      .data = from->data,
				      .data_len = from->data_len,
				      .comment = from->comment};

		memcpy(e.key, from->key, from->key_len);
		memcpy(e.end, end_of(from), from->key_len);
		r = nsn_entry_add(wanted, common.objects[i].at, &e);
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
		struct nsn_entry e = {.set = MAP_USE};

		sorted.objects = wanted->objects;
		if (!is_use(&list[i].u.elem) || nsn_state_find(&sorted, &list[i]))
			continue;
		nsn_entry_field(&e, list[i].u.elem.key, list[i].u.elem.key, 4);
		e.object = nsn_arena_strdup(&wanted->arena, list[i].u.elem.object);
		r = e.object ? nsn_entry_add(wanted, gateway, &e) : -ENOMEM;
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
