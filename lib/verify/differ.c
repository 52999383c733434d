/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "../base/cleanup.h"
#include "differ_in.h"

#define NODES_USUAL 20000000

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

void nsn_differences_clear(struct nsn_differences *d)
{
	free(d->list);
	free(d->unsure);
	nsn_arena_free(&d->mem);
	*d = (struct nsn_differences){0};
}

static void differ_clear(struct nsn_differ *d)
{
	for (int k = 0; k < 2; k++) {
		nsn_walk_free(d->side[k].walk);
		nsn_proving_clear(&d->side[k].p);
	}
	nsn_arena_free(&d->mem);
}

/* ---- lines ------------------------------------------------------------------------------------
 */

static const char **split(struct nsn_arena *mem, const char *text, size_t *n)
{
	char *copy = nsn_arena_strdup(mem, text), *save = NULL;
	const char **list;

	*n = 0;
	for (const char *c = text; *c; c++)
		*n += *c == ',';
	list = nsn_arena_alloc(mem, (*n + 2) * sizeof(*list));
	if (!copy || !list)
		return NULL;
	*n = 0;
	for (char *one = strtok_r(copy, ",", &save); one; one = strtok_r(NULL, ",", &save))
		list[(*n)++] = one;
	return list;
}

void nsn_differ_line(struct nsn_differ *d, const struct nsn_difference *like, const char *ports)
{
	struct nsn_differences *ret = d->ret;
	struct nsn_difference *x;

	if (ret->n == d->max) {
		x = reallocarray(ret->list, 2 * d->max + 64, sizeof(*x));
		if (!x)
			nsn_space_stop(&d->space, "memory");
		ret->list = x;
		d->max = 2 * d->max + 64;
	}
	x = &ret->list[ret->n];
	*x = *like;
	x->from = nsn_arena_strdup(&ret->mem, like->from);
	x->to = nsn_arena_strdup(&ret->mem, like->to);
	x->ports = split(&ret->mem, ports, &x->n_ports);
	if (!x->from || !x->to || !x->ports)
		nsn_space_stop(&d->space, "memory");
	ret->n++;
}

/* Says it once of each. -ENOMEM is no reason to jump: it is called behind jumps, too. */
void nsn_differ_unsure(struct nsn_differ *d, const char *from, const char *why)
{
	struct nsn_differences *ret = d->ret;
	struct nsn_unfollowed *x;

	if (ret->n_unsure == d->max_unsure) {
		x = reallocarray(ret->unsure, 2 * d->max_unsure + 16, sizeof(*x));
		if (!x) {
			ret->gave_up = true;
			return;
		}
		ret->unsure = x;
		d->max_unsure = 2 * d->max_unsure + 16;
	}
	x = &ret->unsure[ret->n_unsure];
	x->from = nsn_arena_strdup(&ret->mem, from);
	x->why = nsn_arena_strdup(&ret->mem, why);
	if (!x->from || !x->why)
		ret->gave_up = true;
	else
		ret->n_unsure++;
}

/* ---- what arrives ------------------------------------------------------------------------------
 */

static const uint8_t families[NSN_FAMILIES] = {AF_INET, AF_INET6, 0};

/* Who, to whom, which port: of what opens something, as it was sent. */
static nsn_set_t opening(struct nsn_space *s, nsn_set_t set, uint8_t family)
{
	nsn_set_t translated;

	if (!family)
		return nsn_empty(set) ? set : nsn_all(s);
	set = nsn_sub(s, set, nsn_is(s, NSN_F_CTSTATE, NSN_CT_ESTABLISHED));
	set = nsn_sub(s, set, nsn_is(s, NSN_F_CTSTATE, NSN_CT_RELATED));
	translated = nsn_and(s, set, nsn_masked(s, NSN_F_FIRST, 1, 1));
	if (!nsn_empty(translated))
		set = nsn_or(s, nsn_sub(s, set, translated),
			     nsn_move(s, translated, NSN_F_SRC, NSN_F_OSRC));
	for (int f = 0; f < NSN_FIELDS; f++)
		if (f != NSN_F_SRC && f != NSN_F_DST && f != NSN_F_PROTO && f != NSN_F_SPORT &&
		    f != NSN_F_DPORT)
			set = nsn_forget(s, set, (enum nsn_field)f);
	return set;
}

static const char *at_place(struct nsn_differ *d, const char *where, const char *why)
{
	const size_t room = strlen(where) + strlen(why) + 3;
	char *ret = nsn_space_alloc(&d->space, room);

	(void)snprintf(ret, room, "%s: %s", where, why);
	return ret;
}

static void add(struct nsn_differ *d, struct nsn_reached *ret, size_t end, size_t family,
		nsn_set_t set)
{
	nsn_set_t *got = &ret->got[end * NSN_FAMILIES + family];

	if (!nsn_empty(set))
		*got = nsn_or(&d->space, nsn_reached_at(d, ret, end, family), set);
}

/*
 * What gets to the host, or leaves the machine: to the internet, or elsewhere. What the gateway
 * took for an answer opens nothing, whatever the host takes it for.
 */
static void note_beyond(struct nsn_differ *d, int side, size_t end, const struct nsn_arrival *a,
			size_t family, struct nsn_reached *ret)
{
	struct nsn_space *s = &d->space;
	nsn_set_t set = nsn_sub(s, a->set, nsn_masked(s, NSN_F_FIRST, 4, 4)), net;

	set = opening(s, set, families[family]);
	if (end != d->beyond[NSN_BEYOND_OUTSIDE].first) {
		add(d, ret, end, family, set);
		return;
	}
	net = nsn_differ_internet(d, side, families[family], NSN_F_DST);
	add(d, ret, d->beyond[NSN_BEYOND_INTERNET].first, family, nsn_and(s, set, net));
	add(d, ret, end, family, nsn_sub(s, set, net));
}

/* @beyond: who sends is no tenant, and what gets to his like is nobody's concern. */
static void note(struct nsn_differ *d, int side, const struct nsn_arrival *a, size_t family,
		 bool beyond, struct nsn_reached *ret)
{
	const struct nsn_differ_side *s = &d->side[side];
	size_t end;

	if (a->kind == NSN_ARRIVES_BLIND && !ret->blind)
		ret->blind = at_place(d, s->p.snap->ns[a->ns].name, a->why ? a->why : "unknown");
	end = a->kind == NSN_ARRIVES && a->to < s->p.snap->n_ns ? s->end[a->to] : SIZE_MAX;
	if (end == SIZE_MAX && !beyond)
		end = nsn_differ_end_of(d, side, a);
	if (end == SIZE_MAX)
		return;
	if (end >= d->beyond[0].first)
		note_beyond(d, side, end, a, family, ret);
	else
		add(d, ret, end, family, opening(&d->space, a->set, families[family]));
}

void nsn_reach(struct nsn_differ *d, int side, const struct nsn_door *doors, size_t n,
	       struct nsn_reached *ret)
{
	struct nsn_space *s = &d->space;
	uint32_t *links = nsn_space_alloc(s, (n + 1) * sizeof(*links));

	*ret = (struct nsn_reached){
		.got = nsn_space_alloc(s, (d->n_ends * NSN_FAMILIES + 1) * sizeof(*ret->got))};
	for (size_t f = 0; f < NSN_FAMILIES; f++)
		for (size_t i = 0, end; i < n; i = end) {
			struct nsn_arrivals found = {0};

			for (end = i; end < n && doors[end].ns == doors[i].ns; end++)
				links[end - i] = doors[end].link;
			if (doors[i].link)
				nsn_walk_from(d->side[side].walk, doors[i].ns, links, end - i,
					      families[f], &found);
			else if (families[f])
				nsn_walk_sent(d->side[side].walk, doors[i].ns, families[f], &found);
			for (size_t k = 0; k < found.n; k++)
				note(d, side, &found.list[k], f,
				     doors[i].ns == d->side[side].p.host, ret);
		}
}

/* ---- who there is, in both ---------------------------------------------------------------------
 */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct nsn_party *)a)->name, ((const struct nsn_party *)b)->name);
}

static int by_end(const void *a, const void *b)
{
	return strcmp(((const struct nsn_party_end *)a)->name,
		      ((const struct nsn_party_end *)b)->name);
}

static int add_ends(struct nsn_differ *d, struct nsn_party *p)
{
	const size_t was = p->t[0] ? p->t[0]->n_endpoints : 0;
	const size_t will = p->t[1] ? p->t[1]->n_endpoints : 0;
	size_t kept = 0;

	p->ends = nsn_arena_alloc(&d->mem, (was + will + 1) * sizeof(*p->ends));
	if (!p->ends)
		return nsn_err_nomem(d->err);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; p->t[k] && i < p->t[k]->n_endpoints; i++) {
			const struct nsn_endpoint *e = &p->t[k]->endpoints[i];
			struct nsn_party_end *x = &p->ends[p->n_ends++];

			x->name = e->name;
			x->e[k] = e;
		}
	if (p->n_ends > 1)
		qsort(p->ends, p->n_ends, sizeof(*p->ends), by_end);
	for (size_t i = 0; i < p->n_ends; i++) {
		struct nsn_party_end *last = kept ? &p->ends[kept - 1] : NULL;

		if (last && strcmp(last->name, p->ends[i].name) == 0)
			for (int k = 0; k < 2; k++)
				last->e[k] = last->e[k] ? last->e[k] : p->ends[i].e[k];
		else
			p->ends[kept++] = p->ends[i];
	}
	p->n_ends = kept;
	p->first = d->n_ends;
	d->n_ends += kept;
	return 0;
}

static int find_parties(struct nsn_differ *d)
{
	const struct nsn_intent *was = d->side[0].p.intent, *will = d->side[1].p.intent;
	size_t kept = 0, n = 0;
	int r = 0;

	d->parties = nsn_arena_alloc(&d->mem,
				     (was->n_tenants + will->n_tenants + 1) * sizeof(*d->parties));
	if (!d->parties)
		return nsn_err_nomem(d->err);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < d->side[k].p.intent->n_tenants; i++) {
			const struct nsn_tenant *t = &d->side[k].p.intent->tenants[i];
			struct nsn_party *p = &d->parties[n++];

			p->name = t->name;
			p->t[k] = t;
			p->at[k] = i;
		}
	if (n > 1)
		qsort(d->parties, n, sizeof(*d->parties), by_name);
	for (size_t i = 0; i < n; i++) {
		struct nsn_party *last = kept ? &d->parties[kept - 1] : NULL;
		const int k = d->parties[i].t[1] ? 1 : 0;

		if (last && strcmp(last->name, d->parties[i].name) == 0) {
			last->t[k] = d->parties[i].t[k];
			last->at[k] = d->parties[i].at[k];
		} else {
			d->parties[kept++] = d->parties[i];
		}
	}
	d->n_parties = kept;
	for (size_t i = 0; r == 0 && i < kept; i++)
		r = add_ends(d, &d->parties[i]);
	return r == 0 ? nsn_differ_beyond(d) : r;
}

static void find_end(struct nsn_differ *d, int side, const struct nsn_party *p)
{
	struct nsn_differ_side *s = &d->side[side];

	for (size_t i = s->p.first[p->at[side]]; i < s->p.first[p->at[side] + 1]; i++) {
		const size_t ns = s->p.workloads[i];

		for (size_t k = 0; k < p->n_ends; k++)
			if (p->ends[k].e[side] &&
			    p->ends[k].e[side]->id == s->p.snap->ns[ns].endpoint)
				s->end[ns] = p->first + k;
	}
}

static int find_ends(struct nsn_differ *d)
{
	for (int k = 0; k < 2; k++) {
		struct nsn_differ_side *s = &d->side[k];

		s->end = nsn_arena_alloc(&d->mem, (s->p.snap->n_ns + 1) * sizeof(*s->end));
		if (!s->end)
			return nsn_err_nomem(d->err);
		for (size_t i = 0; i < s->p.snap->n_ns; i++)
			s->end[i] = SIZE_MAX;
		for (size_t i = 0; i < d->n_parties; i++)
			if (d->parties[i].t[k])
				find_end(d, k, &d->parties[i]);
	}
	return 0;
}

/* ---- one sender --------------------------------------------------------------------------------
 */

/* Whether nobody else can be reached from it, and what is among its own is no news. */
static bool is_alone(const struct nsn_differ *d, const struct nsn_party *a)
{
	for (int k = 0; k < 2; k++)
		if (a->t[k] && !d->side[k].p.alone[a->at[k]])
			return false;
	return !a->t[0] || !a->t[1] || a->n_ends < 2;
}

static const char *loose(const struct nsn_differ *d, const struct nsn_party *a)
{
	for (int k = 0; k < 2; k++) {
		const struct nsn_edge *e =
			a->t[k] ? nsn_topo_loose(&d->side[k].p.topo, a->t[k]->id) : NULL;

		if (e)
			return e->why ? e->why : "a link's other half is not found";
	}
	return NULL;
}

static void follow(struct nsn_differ *d, const struct nsn_party *a)
{
	struct nsn_reached r[2];
	const char *why = loose(d, a), *vague = nsn_differ_vague(d, a);

	for (int k = 0; k < 2; k++) {
		struct nsn_door *doors = NULL;
		size_t n = 0;

		if (a->t[k])
			doors = nsn_find_doors(&d->side[k].p, &d->space, a->at[k], &n);
		nsn_reach(d, k, doors, n, &r[k]);
		why = r[k].blind ? r[k].blind : why;
	}
	if (!why && vague)
		why = at_place(d, vague, "a rule of which no packet says whether it is meant");
	if (why)
		nsn_differ_unsure(d, a->name, why);
	for (size_t i = 0; i < d->n_parties; i++)
		nsn_differ_pair(d, a, &d->parties[i], r, why != NULL);
	for (size_t i = 0; i < NSN_BEYONDS; i++)
		nsn_differ_pair(d, a, &d->beyond[i], r, why != NULL);
	d->ret->followed++;
}

static void follow_all(struct nsn_differ *d)
{
	const nsn_mark_t mark = nsn_space_mark(&d->space);
	/* Looked at after a jump. */
	volatile size_t i;

	for (i = 0; i < d->n_parties; i++) {
		const struct nsn_party *a = &d->parties[i];

		if (sigsetjmp(d->space.out, 0) != 0)
			nsn_differ_unsure(d, a->name,
					  d->space.why ? d->space.why : "more than allowed");
		else if (!is_alone(d, a) && nsn_differ_notices(d, a))
			follow(d, a);
		nsn_space_release(&d->space, mark);
	}
}

static void follow_beyond(struct nsn_differ *d)
{
	const nsn_mark_t mark = nsn_space_mark(&d->space);

	if (sigsetjmp(d->space.out, 0) != 0)
		nsn_differ_unsure(d, d->beyond[NSN_BEYOND_OUTSIDE].name,
				  d->space.why ? d->space.why : "more than allowed");
	else
		nsn_differ_from_beyond(d);
	nsn_space_release(&d->space, mark);
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static int by_line(const void *a, const void *b)
{
	const struct nsn_difference *x = a, *y = b;
	int r;

	if (x->opens != y->opens)
		return x->opens ? -1 : 1;
	r = strcmp(x->from, y->from);
	return r ? r : strcmp(x->to, y->to);
}

static void give_up(struct nsn_differ *d, const char *why)
{
	d->ret->gave_up = true;
	nsn_differ_unsure(d, "", why);
}

static int differ_all(struct nsn_differ *d)
{
	int r = 0;

	if (sigsetjmp(d->space.out, 0) != 0) {
		give_up(d, d->space.why ? d->space.why : "more than allowed");
		return 0;
	}
	for (int k = 0; r == 0 && k < 2; k++)
		if (nsn_walk_new(&d->side[k].walk, d->side[k].p.snap, &d->space) < 0)
			return nsn_err_nomem(d->err);
	r = nsn_differ_spaces(d);
	if (r < 0)
		return r;
	nsn_differ_spread(d);
	follow_all(d);
	follow_beyond(d);
	if (d->ret->n > 1)
		qsort(d->ret->list, d->ret->n, sizeof(*d->ret->list), by_line);
	for (size_t i = 0; i < d->ret->n; i++)
		d->ret->n_open += d->ret->list[i].opens;
	return 0;
}

static int prepare(struct nsn_differ *d)
{
	int r = 0;

	for (int k = 0; r == 0 && k < 2; k++)
		r = nsn_prepare(&d->side[k].p);
	if (r == 0)
		r = find_parties(d);
	return r == 0 ? find_ends(d) : r;
}

int nsn_compare_snaps(const struct nsn_snap *was, const struct nsn_intent *was_intent,
		      const struct nsn_snap *will, const struct nsn_intent *will_intent,
		      const struct nsn_differ_how *how, struct nsn_differences *ret,
		      struct nsnet_err *err)
{
	static const struct nsn_prove_how all = {0};
	NSN_AUTO(differ_clear) struct nsn_differ d = {.ret = ret, .err = err};
	const uint64_t begun = now_ns();
	int r;

	*ret = (struct nsn_differences){0};
	d.side[NSN_WAS].p =
		(struct nsn_proving){.snap = was, .intent = was_intent, .how = &all, .err = err};
	d.side[NSN_WILL].p =
		(struct nsn_proving){.snap = will, .intent = will_intent, .how = &all, .err = err};
	if (nsn_space_open(&d.space, how->nodes ? how->nodes : NODES_USUAL) < 0)
		return nsn_err_nomem(err);
	if (how->seconds)
		d.space.deadline_ns = begun + (uint64_t)how->seconds * 1000000000U;
	r = prepare(&d);
	if (r == 0)
		r = differ_all(&d);
	for (int k = 0; k < 2; k++) {
		nsn_walk_free(d.side[k].walk);
		d.side[k].walk = NULL;
	}
	nsn_space_close(&d.space);
	ret->took_us = (unsigned int)((now_ns() - begun) / 1000);
	if (r < 0)
		nsn_differences_clear(ret);
	return r;
}
