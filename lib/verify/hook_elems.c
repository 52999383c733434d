/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set, indexed once: for each element and each field of its key the range as numbers,
 * elements with the same data next to each other.
 */
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "hook_int.h"

/* Whether an element that matches may yet break, or be gone. */
bool nsn_elem_uncertain(const struct nsn_velem *e)
{
	if (e->expires)
		return true;
	for (size_t i = 0; i < e->n_exprs; i++)
		if (e->exprs[i].kind != NSN_X_COUNTER && e->exprs[i].kind != NSN_X_LAST)
			return true;
	return false;
}

struct sortable {
	const struct nsn_velem *e;
	const struct nsn_vset *set;
};

static int by_data(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	const struct nsn_velem *p = x->e, *q = y->e;
	int d = 0;

	if (p->verdict.code != q->verdict.code)
		return p->verdict.code < q->verdict.code ? -1 : 1;
	if (p->verdict.chain || q->verdict.chain)
		d = strcmp(p->verdict.chain ? p->verdict.chain : "",
			   q->verdict.chain ? q->verdict.chain : "");
	if (!d && p->object && q->object)
		d = strcmp(p->object, q->object);
	if (!d && p->data && q->data)
		d = memcmp(p->data, q->data, x->set->data_len);
	if (!d && !p->data != !q->data)
		d = p->data ? 1 : -1;
	return d ? d : (int)nsn_elem_uncertain(p) - (int)nsn_elem_uncertain(q);
}

static int by_data_key(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	int d = by_data(a, b);

	if (d)
		return d;
	d = x->e->key && y->e->key ? memcmp(x->e->key, y->e->key, x->set->key_len) : 0;
	return d ? d : x->e < y->e ? -1 : x->e > y->e;
}

/* The fields of the key: those of a concatenation are padded to words. */
static void key_fields(struct nsn_hset *set)
{
	const struct nsn_vset *v = set->set;
	size_t off = 0;

	set->points = v->n_fields < 2;
	for (size_t i = 0; set->points && i < v->n_elems; i++)
		set->points = !v->elems[i].key_end;
	if (set->points) /* nsn_hset_cut() */
		return;
	if (v->n_fields < 2) {
		set->n = 1;
		set->len[0] = (uint8_t)v->key_len;
		set->odd = v->key_len > 16 || v->key_len == 0;
		return;
	}
	for (size_t i = 0; i < v->n_fields; i++) {
		set->len[i] = v->fields[i];
		set->off[i] = (uint8_t)off;
		set->odd |= v->fields[i] > 16 || v->fields[i] == 0;
		off += ((size_t)v->fields[i] + 3) / 4 * 4;
	}
	set->n = v->n_fields;
	set->odd |= off > v->key_len;
}

static void *kept(struct nsn_hooks *h, size_t size)
{
	void *p = nsn_arena_alloc(&h->mem, size ? size : 1);

	if (!p)
		nsn_space_stop(h->s, "memory");
	return p;
}

static void fill(struct nsn_hset *set, size_t i, const struct nsn_velem *e)
{
	for (size_t f = 0; f < set->n; f++) {
		struct nsn_range *at = &set->at[i * set->n + f];

		at->first = nsn_bytes_number(e->key + set->off[f], set->len[f]);
		at->last = e->key_end ? nsn_bytes_number(e->key_end + set->off[f], set->len[f])
				      : at->first;
	}
}

void nsn_hset_ready(struct nsn_hooks *h, struct nsn_hset *set)
{
	const struct nsn_vset *v = set->set;
	struct sortable *list;

	if (set->ready)
		return;
	key_fields(set);
	list = kept(h, v->n_elems * sizeof(*list));
	set->n_elems = 0;
	for (size_t i = 0; i < v->n_elems; i++) {
		if (v->elems[i].catch_all || !v->elems[i].key) {
			set->rest = &v->elems[i];
			continue;
		}
		list[set->n_elems].e = &v->elems[i];
		list[set->n_elems++].set = v;
	}
	qsort(list, set->n_elems, sizeof(*list), by_data_key);
	set->elems = kept(h, set->n_elems * sizeof(*set->elems));
	set->group = kept(h, set->n_elems * sizeof(*set->group));
	if (!set->points)
		set->at = kept(h, set->n_elems * set->n * sizeof(*set->at));
	for (size_t i = 0; i < set->n_elems; i++) {
		set->elems[i] = list[i].e;
		set->group[i] = i ? set->group[i - 1] + (by_data(&list[i - 1], &list[i]) != 0) : 0;
		if (!set->odd && !set->points)
			fill(set, i, list[i].e);
	}
	set->ready = true;
}

/* How many bytes from @i on belong together: of one field, one device, or all constant. */
static size_t run_of(const struct nsn_regs *g, size_t i, size_t end)
{
	enum nsn_rb_kind kind = NSN_RB_KIND(g->b[i]);
	uint32_t step = 0;
	size_t n = 1;

	if (i + 1 < end && kind == NSN_RB_FIELD)
		step = g->b[i + 1] - g->b[i] == 8 ? 8 : (uint32_t)-8;
	else if (kind == NSN_RB_DOM)
		step = 1;
	while (i + n < end && n < 16 && NSN_RB_KIND(g->b[i + n]) == kind &&
	       (kind == NSN_RB_CONST || kind == NSN_RB_ANY || kind == NSN_RB_BITS ||
		g->b[i + n] - g->b[i + n - 1] == step))
		n++;
	return n;
}

struct nsn_hset *nsn_hset_cut(struct nsn_hooks *h, struct nsn_hset *set, const struct nsn_regs *g,
			      size_t at)
{
	size_t end = at + set->set->key_len;
	struct nsn_hset cut = *set, *x;

	if (!set->points || end > NSN_REG_BYTES)
		return set;
	cut.n = 0;
	for (size_t i = at; i < end;) {
		size_t n = run_of(g, i, end);

		if (cut.n == NSN_COUNT(cut.len)) {
			cut.odd = true;
			break;
		}
		cut.len[cut.n] = (uint8_t)n;
		cut.off[cut.n++] = (uint8_t)(i - at);
		i += n;
	}
	for (x = set->other; x; x = x->other)
		if (x->n == cut.n && x->odd == cut.odd && memcmp(x->len, cut.len, cut.n) == 0)
			return x;
	x = kept(h, sizeof(*x));
	*x = cut;
	x->at = kept(h, (x->n_elems * x->n + 1) * sizeof(*x->at));
	for (size_t i = 0; i < x->n_elems && !x->odd; i++)
		fill(x, i, x->elems[i]);
	set->other = x;
	return x;
}
