/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "../nl/nl.h"

/*
 * A link says at which index its other half is, and in which namespace by a number that
 * has a meaning only where the link is. Which one that is, the kernel only tells of a
 * namespace that is shown to it. So candidates are shown: first those with a link that
 * says the same of this one, which is right nearly always, then all there are.
 */
#define CANDIDATES 64	   /* of one link */
#define REQUESTS   1000000 /* of a reading */

struct half {
	uint32_t index, peer;
	uint64_t tenant;
	uint32_t place;
};

struct search {
	struct nsn_reader *r;
	struct half *halves; /* sorted */
	size_t n, max;
	size_t requests;
};

/* One namespace, whose numbers are asked for. */
struct asker {
	struct search *s;
	size_t place;
	struct nsn_nl *route;
	int32_t *numbers; /* by place: -1 none, -2 not asked */
	bool all;
};

static uint64_t tenant_of(const struct nsn_reader *r, size_t place)
{
	return r->places[place].known ? r->places[place].known->tenant : 0;
}

static bool is_open(const struct nsn_vlink *l)
{
	return l->peer_nsid >= 0 && l->peer_ns == NSN_NOWHERE;
}

static bool is_veth(const struct nsn_vlink *l)
{
	return strcmp(l->kind, "veth") == 0;
}

static struct nsn_vlink *link_at(struct nsn_vns *ns, uint32_t index)
{
	size_t i;

	for (i = 0; i < ns->n_links; i++)
		if (ns->links[i].index == index)
			return &ns->links[i];
	return NULL;
}

/* An index is given once in a namespace: the other half of the other half is this one. */
static void join(struct nsn_reader *r, size_t x, struct nsn_vlink *l, size_t y)
{
	struct nsn_vlink *far = is_veth(l) ? link_at(&r->places[y].ns, l->peer_index) : NULL;

	l->peer_ns = y;
	l->peer_lost = false;
	if (far && is_veth(far) && far->peer_index == l->index && is_open(far)) {
		far->peer_ns = x;
		far->peer_lost = false;
	}
}

/* ---- what needs no question ------------------------------------------------------------------ */

static int by_half(const void *a, const void *b)
{
	const struct half *x = a, *y = b;

	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (x->peer != y->peer)
		return x->peer < y->peer ? -1 : 1;
	if (x->tenant != y->tenant)
		return x->tenant < y->tenant ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

static void join_simple(struct nsn_reader *r, size_t place)
{
	struct nsn_place *p = &r->places[place];
	size_t i;

	for (i = 0; i < p->ns.n_links; i++) {
		struct nsn_vlink *l = &p->ns.links[i];

		if (l->peer_nsid < 0 && !l->peer_lost && l->peer_index &&
		    link_at(&p->ns, l->peer_index))
			l->peer_ns = place;
		else if (is_open(l) && p->gateway != NSN_NOWHERE && l->peer_nsid == p->gateway_nsid)
			join(r, place, l, p->gateway);
	}
}

static int note_halves(struct search *s, size_t place)
{
	const struct nsn_place *p = &s->r->places[place];
	size_t i;

	for (i = 0; i < p->ns.n_links; i++) {
		struct half *h;

		if (!is_open(&p->ns.links[i]))
			continue;
		h = NSN_MORE(s->halves, s->n, s->max);
		if (!h)
			return -ENOMEM;
		*h = (struct half){.index = p->ns.links[i].index,
				   .peer = p->ns.links[i].peer_index,
				   .tenant = tenant_of(s->r, place),
				   .place = (uint32_t)place};
	}
	return 0;
}

/* The first that is not before @like. */
static size_t lower(const struct search *s, const struct half *like)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_half(&s->halves[mid], like) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static int go(struct asker *a, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = nsn_place_open(a->s->r, &a->s->r->places[a->place]);
	size_t i;

	/* It has gone since: its links stay without their other half. */
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return 1;
	a->numbers = malloc((a->s->r->n + 1) * sizeof(*a->numbers));
	if (!a->numbers)
		return nsn_err_nomem(err);
	for (i = 0; i < a->s->r->n; i++)
		a->numbers[i] = -2;
	return nsn_nl_open(&a->route, NETLINK_ROUTE, err);
}

/* Shows namespace @y to the kernel. */
static int show(struct asker *a, size_t y, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	struct nsnet_err inner = {0};

	if (a->numbers[y] != -2)
		return 0;
	a->numbers[y] = -1;
	if (a->s->r->places[y].gone || a->s->requests >= REQUESTS)
		return 0;
	fd = nsn_place_open(a->s->r, &a->s->r->places[y]);
	if (fd < 0)
		return 0;
	a->s->requests++;
	if (nsn_nsid_of(a->route, fd, &a->numbers[y], &inner) != -ENOMEM)
		return 0;
	if (err)
		*err = inner;
	return -ENOMEM;
}

static size_t numbered(const struct asker *a, int32_t number)
{
	size_t i;

	for (i = 0; i < a->s->r->n; i++)
		if (a->numbers[i] == number)
			return i;
	return NSN_NOWHERE;
}

static int try_range(struct asker *a, struct nsn_vlink *l, const struct half *like, bool own,
		     struct nsnet_err *err)
{
	size_t i, tried = 0;
	int r;

	for (i = lower(a->s, like); i < a->s->n && tried < CANDIDATES; i++, tried++) {
		const struct half *h = &a->s->halves[i];

		if (h->index != like->index || h->peer != like->peer ||
		    (own && h->tenant != like->tenant))
			break;
		r = show(a, h->place, err);
		if (r < 0)
			return r;
		if (a->numbers[h->place] != l->peer_nsid)
			continue;
		join(a->s->r, a->place, l, h->place);
		break;
	}
	return 0;
}

static int show_all(struct asker *a, struct nsnet_err *err)
{
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && !a->all && i < a->s->r->n; i++)
		r = show(a, i, err);
	a->all = true;
	return r;
}

static int find_half(struct asker *a, struct nsn_vlink *l, struct nsnet_err *err)
{
	struct half like = {
		.index = l->peer_index, .peer = l->index, .tenant = tenant_of(a->s->r, a->place)};
	size_t at = numbered(a, l->peer_nsid);
	int r = 0;

	if (at == NSN_NOWHERE && is_veth(l)) {
		r = try_range(a, l, &like, true, err);
		like.tenant = 0;
		if (r == 0 && is_open(l))
			r = try_range(a, l, &like, false, err);
	}
	if (r < 0 || !is_open(l))
		return r;
	if (at == NSN_NOWHERE) {
		r = show_all(a, err);
		at = numbered(a, l->peer_nsid);
	}
	if (r == 0 && at != NSN_NOWHERE)
		join(a->s->r, a->place, l, at);
	return r;
}

static int find_halves(struct search *s, size_t place, struct nsnet_err *err)
{
	struct nsn_vns *ns = &s->r->places[place].ns;
	struct asker a = {.s = s, .place = place};
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < ns->n_links; i++) {
		if (!is_open(&ns->links[i]))
			continue;
		if (!a.route)
			r = go(&a, err);
		if (r == 0)
			r = find_half(&a, &ns->links[i], err);
	}
	nsn_nl_close(a.route);
	free(a.numbers);
	return r < 0 ? r : 0;
}

/* ---- taps
 * ----------------------------------------------------------------------------------------- */

/* A tap ends where the process is that holds it; one of another namespace counts more. */
static int join_tap(struct nsn_reader *r, size_t place, struct nsn_vlink *l, struct nsnet_err *err)
{
	size_t i;

	for (i = 0; i < r->n_taps; i++) {
		const struct nsn_tap *t = &r->taps[i];
		size_t home = nsn_place_find(r, t->home);

		if (strcmp(t->name, l->name) != 0 ||
		    (t->inode && t->inode != r->places[place].inode))
			continue;
		if (l->peer_ns != NSN_NOWHERE && l->peer_ns != place)
			continue;
		l->peer_ns = t->inode ? home : NSN_NOWHERE;
		l->detail = nsn_arena_printf(&r->mem, "%s%s pid %d", l->detail,
					     t->inode ? " of" : ", perhaps of", t->pid);
		if (!l->detail)
			return nsn_err_nomem(err);
	}
	return 0;
}

int nsn_read_peers(struct nsn_reader *r, struct nsnet_err *err)
{
	struct search s = {.r = r};
	size_t i, k;
	int ret = 0;

	for (i = 0; i < r->n; i++)
		join_simple(r, i);
	for (i = 0; ret == 0 && i < r->n; i++)
		ret = note_halves(&s, i) < 0 ? nsn_err_nomem(err) : 0;
	if (s.n)
		qsort(s.halves, s.n, sizeof(*s.halves), by_half);
	for (i = 0; ret == 0 && i < r->n; i++)
		ret = find_halves(&s, i, err);
	for (i = 0; ret == 0 && i < r->n; i++)
		for (k = 0; ret == 0 && k < r->places[i].ns.n_links; k++) {
			struct nsn_vlink *l = &r->places[i].ns.links[k];

			if (strcmp(l->kind, "tun") == 0)
				ret = join_tap(r, i, l, err);
			l->peer_lost =
				(l->peer_nsid >= 0 || l->peer_lost) && l->peer_ns == NSN_NOWHERE;
		}
	free(s.halves);
	return ret;
}
