/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "values.h"

/* The same questions to either family's columns. */
static const struct questions {
	const char *exact;  /* first, last, and a tenant that does not count */
	const char *inside; /* the first that starts between two addresses */
	const char *walk;   /* all of those, in order */
} questions[] = {
	{"SELECT name, first, last FROM tenant WHERE first = ? AND last = ? AND id <> ? LIMIT 1",
	 "SELECT name, first, last FROM tenant WHERE first BETWEEN ? AND ? AND id <> ? "
	 "ORDER BY first, last LIMIT 1",
	 "SELECT name, first, last FROM tenant WHERE first BETWEEN ? AND ? ORDER BY first, last"},
	{"SELECT name, first6, last6 FROM tenant WHERE first6 = ? AND last6 = ? AND id <> ? "
	 "LIMIT 1",
	 "SELECT name, first6, last6 FROM tenant WHERE first6 BETWEEN ? AND ? AND id <> ? "
	 "ORDER BY first6, last6 LIMIT 1",
	 "SELECT name, first6, last6 FROM tenant WHERE first6 BETWEEN ? AND ? "
	 "ORDER BY first6, last6"},
};

static const struct questions *about(const struct nsn_prefix *p)
{
	return &questions[p->ip.family == AF_INET6];
}

/* 1: a row, 0: no more. */
static int next_row(struct nsn_store *s, sqlite3_stmt *st, uint8_t family,
		    char name[NSN_NAME_MAX + 1], struct nsn_prefix *subnet, struct nsnet_err *err)
{
	int r = nsn_sql_step(s, st, err);

	if (r <= 0)
		return r;
	if (!nsn_column_name(st, 0, name) || !nsn_column_prefix(st, 1, family, subnet))
		return nsn_sql_broken(s, err, "a tenant in it is damaged");
	return 1;
}

/*
 * Two CIDR blocks are nested or apart. What encloses @p can only be one of its
 * at most 128 shorter prefixes, each looked up as such; what it encloses (or
 * equals) starts inside it.
 */
static int find_around(struct nsn_store *s, const struct nsn_prefix *p, uint64_t not_id,
		       char name[NSN_NAME_MAX + 1], struct nsn_prefix *subnet,
		       struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	int r;

	r = nsn_sql_prepare(s, &st, about(p)->exact, NULL, 0, err);
	for (uint8_t len = 0; r == 0 && len < p->len; len++) {
		const struct nsn_prefix wider = {.ip = p->ip, .len = len};
		const struct nsn_ip first = nsn_prefix_network(&wider);
		const struct nsn_ip last = nsn_prefix_last(&wider);

		r = nsn_sql_bind(
			s, st,
			(struct nsn_arg[]){nsn_ip_arg(&first), nsn_ip_arg(&last), NSN_N(not_id)}, 3,
			err);
		if (r == 0)
			r = next_row(s, st, p->ip.family, name, subnet, err);
	}
	return r;
}

int nsn_store_overlap(struct nsn_store *s, const struct nsn_prefix *p, uint64_t not_id,
		      char name[NSN_NAME_MAX + 1], struct nsn_prefix *subnet, struct nsnet_err *err)
{
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	const struct nsn_ip first = nsn_prefix_network(p);
	const struct nsn_ip last = nsn_prefix_last(p);
	int r;

	r = find_around(s, p, not_id, name, subnet, err);
	if (r != 0)
		return r;
	r = nsn_sql_prepare(
		s, &st, about(p)->inside,
		(struct nsn_arg[]){nsn_ip_arg(&first), nsn_ip_arg(&last), NSN_N(not_id)}, 3, err);
	return r < 0 ? r : next_row(s, st, p->ip.family, name, subnet, err);
}

/* ---- a free one ------------------------------------------------------------- */

/* A search from the start of a pool to its end; what is in use comes by first address. */
struct search {
	struct nsn_prefix candidate;
	struct nsn_ip last; /* of the pool */
	bool none;	    /* the end was reached */
	bool found;	    /* nothing that is still to come can overlap the candidate */
};

static void pass(struct search *search, const struct nsn_prefix *used)
{
	const struct nsn_ip used_first = nsn_prefix_network(used),
			    used_last = nsn_prefix_last(used);
	struct nsn_ip last = nsn_prefix_last(&search->candidate);

	if (nsn_ip_cmp(&used_first, &last) > 0) {
		search->found = true;
		return;
	}
	if (nsn_ip_cmp(&used_last, &search->candidate.ip) < 0)
		return; /* inside of one that was passed before */

	/* To the next place after both the candidate and what is in use. */
	search->candidate.ip = used_last;
	last = nsn_prefix_last(&search->candidate);
	search->none = nsn_ip_cmp(&last, &search->last) >= 0;
	search->candidate.ip = nsn_ip_add(&last, 1);
}

static int by_first(const void *a, const void *b)
{
	const struct nsn_ip x = nsn_prefix_network(a), y = nsn_prefix_network(b);

	return nsn_ip_cmp(&x, &y);
}

static bool is_before(const struct nsn_prefix *a, const struct nsn_prefix *b)
{
	return by_first(a, b) <= 0;
}

/* @avoid is by first address. */
static int merge(struct nsn_store *s, sqlite3_stmt *st, struct search *search,
		 const struct nsn_prefix *avoid, size_t n_avoid, struct nsnet_err *err)
{
	const uint8_t family = search->last.family;
	char name[NSN_NAME_MAX + 1];
	struct nsn_prefix used = {0};
	size_t at = 0;
	int more;

	more = next_row(s, st, family, name, &used, err);
	while (more >= 0 && !search->none && !search->found && (more > 0 || at < n_avoid)) {
		if (at < n_avoid && (more == 0 || is_before(&avoid[at], &used))) {
			pass(search, &avoid[at++]);
			continue;
		}
		pass(search, &used);
		if (!search->none && !search->found)
			more = next_row(s, st, family, name, &used, err);
	}
	return more < 0 ? more : 0;
}

/* Those that are in the way, by first address. */
static struct nsn_prefix *in_the_way(const struct nsn_prefix *pool, const struct nsn_prefix *avoid,
				     size_t n, size_t *n_ret)
{
	struct nsn_prefix *sorted = calloc(n + 1, sizeof(*sorted));

	*n_ret = 0;
	for (size_t i = 0; sorted && i < n; i++)
		if (avoid[i].ip.family == pool->ip.family && nsn_prefix_overlap(pool, &avoid[i]))
			sorted[(*n_ret)++] = avoid[i];
	if (sorted)
		qsort(sorted, *n_ret, sizeof(*sorted), by_first);
	return sorted;
}

int nsn_store_free_subnet(struct nsn_store *s, const struct nsn_prefix *pool, uint8_t len,
			  const struct nsn_prefix *avoid, size_t n_avoid, struct nsn_prefix *ret,
			  struct nsnet_err *err)
{
	const struct nsn_ip first = nsn_prefix_network(pool), last = nsn_prefix_last(pool);
	struct search search = {.candidate = {.ip = first, .len = len}, .last = last};
	NSN_AUTO(nsn_freep) struct nsn_prefix *sorted = NULL;
	NSN_AUTO(nsn_stmt_endp) sqlite3_stmt *st = NULL;
	char name[NSN_NAME_MAX + 1];
	struct nsn_prefix around;
	size_t n = 0;
	int r;

	if (len < pool->len || len > nsn_ip_bits(&pool->ip))
		return 0;
	r = find_around(s, pool, 0, name, &around, err);
	if (r != 0)
		return r < 0 ? r : 0;
	sorted = in_the_way(pool, avoid, n_avoid, &n);
	if (!sorted)
		return nsn_err_nomem(err);
	r = nsn_sql_prepare(s, &st, about(pool)->walk,
			    (struct nsn_arg[]){nsn_ip_arg(&first), nsn_ip_arg(&last)}, 2, err);
	if (r == 0)
		r = merge(s, st, &search, sorted, n, err);
	if (r < 0 || search.none)
		return r;
	*ret = search.candidate;
	return 1;
}
