/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "differ_in.h"

/*
 * differ_pair - what of two tenants differs, in lines
 *
 * A table with a row for each endpoint that sends and a column for each that gets, of the
 * ports as words. Rows that are alike are one line, and columns that are.
 */

static const uint8_t families[NSN_FAMILIES] = {AF_INET, AF_INET6, 0};

struct table {
	struct nsn_differ *d;
	const struct nsn_party *a, *b;
	const struct nsn_reached *r; /* of both sides */
	bool opens, unsure;
	size_t *rows,
		*columns; /* endpoints of a, b; a row with n_ends is of no endpoint's address */
	size_t n_rows, n_columns;
	size_t ends;	    /* rows that are of endpoints */
	const char **cells; /* NULL: nothing */
};

static const char *cell(const struct table *t, size_t row, size_t column)
{
	return t->cells[row * t->n_columns + column];
}

/* ---- what is in a cell --------------------------------------------------------------------- */

static nsn_set_t any_source(struct nsn_space *s, const struct nsn_party *a, int side,
			    uint8_t family)
{
	nsn_set_t *list = nsn_space_alloc(s, (a->n_ends + 1) * sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; i < a->n_ends; i++)
		if (a->ends[i].e[side])
			list[n++] = nsn_own_addresses(s, a->ends[i].e[side], family, NSN_F_SRC);
	return n ? nsn_or_many(s, list, n) : nsn_none(s);
}

/* Who is no tenant is known by the source, if at all. */
static nsn_set_t sent_by(const struct table *t, int side, nsn_set_t set, size_t family)
{
	struct nsn_space *s = &t->d->space;
	nsn_set_t net;

	if (t->a != &t->d->beyond[NSN_BEYOND_HOST]) {
		const bool internet = t->a == &t->d->beyond[NSN_BEYOND_INTERNET];

		if (!families[family])
			return internet ? nsn_none(s) : set;
		net = nsn_differ_internet(t->d, side, families[family], NSN_F_SRC);
		set = internet ? nsn_and(s, set, net) : nsn_sub(s, set, net);
	}
	return nsn_forget(s, nsn_forget(s, set, NSN_F_SRC), NSN_F_DST);
}

/* Protocol and ports of what gets from one to the other; addresses may change with time. */
static nsn_set_t part(const struct table *t, int side, size_t from, size_t to, size_t family)
{
	struct nsn_space *s = &t->d->space;
	const struct nsn_party_end *f = from < t->a->n_ends ? &t->a->ends[from] : NULL;
	const struct nsn_party_end *g = &t->b->ends[to];
	nsn_set_t set = nsn_reached_at(t->d, &t->r[side], t->b->first + to, family);

	if (nsn_empty(set))
		return set;
	if (nsn_party_is_beyond(t->d, t->a))
		return sent_by(t, side, set, family);
	if (!families[family])
		return f ? nsn_none(s) : set;
	if (f && !f->e[side])
		return nsn_none(s);
	if (f)
		set = nsn_and(s, set,
			      nsn_own_addresses(s, f->e[side], families[family], NSN_F_SRC));
	else
		set = nsn_sub(s, set, any_source(s, t->a, side, families[family]));
	if (t->a == t->b)
		set = g->e[side] ? nsn_and(s, set,
					   nsn_own_addresses(s, g->e[side], families[family],
							     NSN_F_DST))
				 : nsn_none(s);
	return nsn_forget(s, nsn_forget(s, set, NSN_F_SRC), NSN_F_DST);
}

static const char *words_of(const struct table *t, size_t from, size_t to)
{
	const int has = t->opens ? NSN_WILL : NSN_WAS;
	nsn_set_t more[NSN_FAMILIES];

	for (size_t f = 0; f < NSN_FAMILIES; f++) {
		more[f] = part(t, has, from, to, f);
		if (!nsn_empty(more[f]))
			more[f] = nsn_sub(&t->d->space, more[f], part(t, !has, from, to, f));
	}
	return nsn_ports_words(&t->d->space, more[0], more[1], !nsn_empty(more[2]));
}

static bool same_address(const struct nsn_party *p)
{
	for (size_t i = 0; i < p->n_ends; i++) {
		const struct nsn_endpoint *const *e = p->ends[i].e;

		if (!e[0] || !e[1] || memcmp(&e[0]->ip, &e[1]->ip, sizeof(e[0]->ip)) != 0 ||
		    memcmp(&e[0]->ip6, &e[1]->ip6, sizeof(e[0]->ip6)) != 0)
			return false;
	}
	return true;
}

/* Nearly all pairs: then no cell needs to be made. */
static bool is_same(const struct table *t)
{
	const bool same = same_address(t->a) && same_address(t->b);

	for (size_t i = 0; i < t->b->n_ends * NSN_FAMILIES; i++) {
		const size_t end = t->b->first + i / NSN_FAMILIES;
		const nsn_set_t was = nsn_reached_at(t->d, &t->r[0], end, i % NSN_FAMILIES);
		const nsn_set_t will = nsn_reached_at(t->d, &t->r[1], end, i % NSN_FAMILIES);

		if (nsn_empty(was) && nsn_empty(will))
			continue;
		if (!same || !nsn_empty(nsn_sub(&t->d->space, was, will)) ||
		    !nsn_empty(nsn_sub(&t->d->space, will, was)))
			return false;
	}
	return true;
}

static bool is_told(const struct table *t, const struct nsn_party_end *e)
{
	/* What is new among one's own is no news. */
	return t->a == t->b ? e->e[0] && e->e[1] : e->e[t->opens ? NSN_WILL : NSN_WAS] != NULL;
}

static void fill(struct table *t)
{
	struct nsn_space *s = &t->d->space;

	t->rows = nsn_space_alloc(s, (t->a->n_ends + 2) * sizeof(*t->rows));
	t->columns = nsn_space_alloc(s, (t->b->n_ends + 1) * sizeof(*t->columns));
	for (size_t i = 0; i < t->a->n_ends; i++)
		if (is_told(t, &t->a->ends[i]))
			t->rows[t->n_rows++] = i;
	for (size_t i = 0; i < t->b->n_ends; i++)
		if (is_told(t, &t->b->ends[i]))
			t->columns[t->n_columns++] = i;
	t->ends = t->n_rows;
	if (t->a != t->b && !nsn_party_is_beyond(t->d, t->a))
		t->rows[t->n_rows++] = t->a->n_ends;
	t->cells = nsn_space_alloc(s, (t->n_rows * t->n_columns + 1) * sizeof(*t->cells));
	for (size_t i = 0; i < t->n_rows; i++)
		for (size_t k = 0; k < t->n_columns; k++)
			if (t->a != t->b || t->rows[i] != t->columns[k])
				t->cells[i * t->n_columns + k] =
					words_of(t, t->rows[i], t->columns[k]);
}

/* ---- lines ------------------------------------------------------------------------------------
 */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_rows(const struct table *t, size_t x, size_t y)
{
	for (size_t k = 0; k < t->n_columns; k++)
		if (!same_text(cell(t, x, k), cell(t, y, k)))
			return false;
	return true;
}

static bool same_columns(const struct table *t, size_t x, size_t y)
{
	for (size_t i = 0; i < t->n_rows; i++)
		if (!same_text(cell(t, i, x), cell(t, i, y)))
			return false;
	return true;
}

/* The first that is like it: who they are together. And how many there are of its kind. */
static size_t kind_of(const struct table *t, size_t x, bool rows, size_t *count)
{
	const size_t n = rows ? t->ends : t->n_columns;
	size_t first = x;

	*count = 0;
	for (size_t i = n; i-- > 0;) {
		if (!(rows ? same_rows(t, i, x) : same_columns(t, i, x)))
			continue;
		first = i;
		(*count)++;
	}
	return first;
}

static const char *name_of(struct table *t, const struct nsn_party *p, size_t end,
			   const char *besides)
{
	const size_t room = strlen(p->name) + (end < p->n_ends ? strlen(p->ends[end].name) : 0) +
			    strlen(besides) + 2;
	char *ret = nsn_space_alloc(&t->d->space, room);

	(void)snprintf(ret, room, "%s%s%s%s", p->name, end < p->n_ends ? "/" : "",
		       end < p->n_ends ? p->ends[end].name : "", besides);
	return ret;
}

/* NULL: the line of another stands for it, too. */
static const char *title(struct table *t, size_t x, bool row)
{
	const struct nsn_party *p = row ? t->a : t->b;
	const size_t all = row ? t->ends : t->n_columns, end = row ? t->rows[x] : t->columns[x];
	size_t count, first;

	if (row && x >= t->ends)
		return name_of(t, p, p->n_ends, " (other addresses)");
	first = kind_of(t, x, row, &count);
	if (count == all)
		return first == x ? name_of(t, p, p->n_ends, "") : NULL;
	if (count > 1 && 2 * count > all)
		return first == x ? name_of(t, p, p->n_ends, " (others)") : NULL;
	return name_of(t, p, end, "");
}

static void put(struct table *t, const char *from, const char *to, const char *ports)
{
	const struct nsn_difference line = {
		.opens = t->opens, .unsure = t->unsure, .from = from, .to = to};

	nsn_differ_line(t->d, &line, ports);
}

static void say_across(struct table *t)
{
	const char **to = nsn_space_alloc(&t->d->space, (t->n_columns + 1) * sizeof(*to));

	for (size_t k = 0; k < t->n_columns; k++)
		to[k] = title(t, k, false);
	for (size_t i = 0; i < t->n_rows; i++) {
		const char *from = title(t, i, true);

		for (size_t k = 0; from && k < t->n_columns; k++)
			if (to[k] && cell(t, i, k))
				put(t, from, to[k], cell(t, i, k));
	}
}

/* What all cells of a row (or column) but its own have, or NULL. */
static const char *common(const struct table *t, size_t x, bool row)
{
	const char *text = NULL;

	for (size_t i = 0; i < t->n_rows; i++) {
		const char *one = row ? cell(t, x, i) : cell(t, i, x);

		if (i == x)
			continue;
		if (!one || (text && strcmp(text, one) != 0))
			return NULL;
		text = one;
	}
	return text;
}

/* An endpoint to all others, all others to an endpoint, and what is left one by one. */
static void say_inside(struct table *t)
{
	const size_t n = t->n_rows;
	const char **by_row = nsn_space_alloc(&t->d->space, (n + 1) * sizeof(*by_row));
	const char **by_column = nsn_space_alloc(&t->d->space, (n + 1) * sizeof(*by_column));
	size_t alike = 0;

	for (size_t i = 0; i < n; i++) {
		by_row[i] = common(t, i, true);
		by_column[i] = common(t, i, false);
		alike += by_row[i] && same_text(by_row[i], by_row[0]);
	}
	if (n > 1 && alike == n) {
		put(t, t->a->name, t->a->name, by_row[0]);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (by_row[i])
			put(t, name_of(t, t->a, t->rows[i], ""),
			    n > 2 ? name_of(t, t->a, t->a->n_ends, " (others)")
				  : name_of(t, t->a, t->rows[!i], ""),
			    by_row[i]);
	for (size_t k = 0; n > 2 && k < n; k++)
		if (by_column[k])
			put(t, name_of(t, t->a, t->a->n_ends, " (others)"),
			    name_of(t, t->a, t->rows[k], ""), by_column[k]);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			if (cell(t, i, k) && !by_row[i] && !(n > 2 && by_column[k]))
				put(t, name_of(t, t->a, t->rows[i], ""),
				    name_of(t, t->a, t->rows[k], ""), cell(t, i, k));
}

void nsn_differ_pair(struct nsn_differ *d, const struct nsn_party *a, const struct nsn_party *b,
		     const struct nsn_reached r[2], bool unsure)
{
	for (int opens = 0; opens < 2; opens++) {
		struct table t = {.d = d, .a = a, .b = b, .r = r, .opens = opens, .unsure = unsure};

		if (opens == 0 && is_same(&t))
			return;
		fill(&t);
		if (a == b)
			say_inside(&t);
		else
			say_across(&t);
	}
}
