/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "effect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "intent.h"

/* There is a port 0, and nobody can name or use it. */
#define FIRST_PORT 1
#define LAST_PORT  65535

struct span {
	enum nsn_space space;
	uint32_t first, last;
};

/* One end of a pair, the same in both intents. */
struct end {
	const char *tenant, *endpoint; /* endpoint "": all that nobody names alone */
	const struct nsn_tenant *of;
	const struct nsn_atom *atom;
	bool whole; /* nobody in the tenant is named alone */
};

struct pair {
	struct end from, to;
	size_t first, n; /* in `spans` */
};

/* What one intent lets through. */
struct open {
	const struct nsn_intent *intent;
	struct nsn_ask ask;
	struct pair *pairs;
	size_t n_pairs, cap_pairs;
	struct span *spans;
	size_t n_spans, cap_spans;
};

static void open_clear(struct open *o)
{
	free(o->pairs);
	free(o->spans);
	nsn_arena_free(&o->ask.q.arena);
}

void nsn_effect_clear(struct nsn_effect *e)
{
	nsn_arena_free(&e->mem);
	*e = (struct nsn_effect){0};
}

static int grow(void *list, size_t n, size_t *cap, size_t size)
{
	void **at = list, *more;

	if (n < *cap)
		return 0;
	more = reallocarray(*at, 2 * *cap + 64, size);
	if (!more)
		return -ENOMEM;
	*at = more;
	*cap = 2 * *cap + 64;
	return 0;
}

/* ---- what one lets through ------------------------------------------------------------- */

static int add_span(struct open *o, size_t first, const struct span *s)
{
	struct span *last = o->spans && o->n_spans > first ? &o->spans[o->n_spans - 1] : NULL;

	if (last && last->space == s->space && last->last + 1 == s->first) {
		last->last = s->last;
		return 0;
	}
	if (grow(&o->spans, o->n_spans, &o->cap_spans, sizeof(*o->spans)) < 0 || !o->spans)
		return -ENOMEM;
	o->spans[o->n_spans++] = *s;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Where something that is said of the pair begins, or is over: in between nothing changes. */
static size_t cuts(const struct nsn_ask *ask, enum nsn_space space, uint32_t *ret)
{
	uint32_t first, last;
	size_t n = 0;

	ret[n++] = FIRST_PORT;
	for (size_t i = 0; i < ask->n_list; i++) {
		const struct nsn_sentence *s = &ask->q.sentences[ask->list[i]];

		for (size_t k = 0; k < s->n_ports; k++) {
			if (!nsn_ports_range(&s->ports[k], space, &first, &last))
				continue;
			ret[n++] = first ? first : FIRST_PORT;
			if (last < LAST_PORT)
				ret[n++] = last + 1;
		}
	}
	qsort(ret, n, sizeof(*ret), by_number);
	return n;
}

static size_t most_cuts(const struct nsn_ask *ask)
{
	size_t n = 1;

	for (size_t i = 0; i < ask->n_list; i++)
		n += 2 * ask->q.sentences[ask->list[i]].n_ports;
	return n;
}

static int add_spans(struct open *o, size_t first)
{
	struct nsn_ask *ask = &o->ask;
	NSN_AUTO(nsn_freep) uint32_t *at = NULL;
	int r = 0;

	nsn_ask_ports(ask);
	at = calloc(most_cuts(ask), sizeof(*at));
	if (!at)
		return -ENOMEM;
	for (enum nsn_space space = 0; space < NSN_SPACES; space++) {
		const size_t n = cuts(ask, space, at);

		for (size_t i = 0; r == 0 && i < n; i++) {
			const struct span s = {space, at[i], i + 1 < n ? at[i + 1] - 1 : LAST_PORT};

			if ((i + 1 == n || at[i + 1] > at[i]) && nsn_ask_port(ask, space, at[i]))
				r = add_span(o, first, &s);
		}
	}
	return r;
}

static struct end end_of(const struct open *o, const struct nsn_atom *a)
{
	const struct nsn_tenant *t = &o->intent->tenants[a->tenant];
	const size_t *first = o->ask.q.from.first + a->tenant;

	return (struct end){
		.tenant = t->name,
		.endpoint = a->rest ? "" : t->endpoints[a->endpoint].name,
		.of = t,
		.atom = a,
		.whole = first[1] - first[0] == 1 && a->rest,
	};
}

static int look(struct open *o, const struct nsn_atom *a, const struct nsn_atom *b)
{
	struct pair p = {.first = o->n_spans};
	int r;

	/* Who has no endpoints talks to nobody, and who is alone not to himself. */
	if (a->endpoint == SIZE_MAX || b->endpoint == SIZE_MAX)
		return 0;
	if (a->tenant == b->tenant && a->endpoint == b->endpoint && a->other == SIZE_MAX)
		return 0;
	nsn_ask_pair(&o->ask, a, b);
	if (!nsn_ask_said(&o->ask) && !nsn_ask_inside(&o->ask))
		return 0;
	r = add_spans(o, p.first);
	p.n = o->n_spans - p.first;
	if (r < 0 || p.n == 0)
		return r;
	if (grow(&o->pairs, o->n_pairs, &o->cap_pairs, sizeof(*o->pairs)) < 0)
		return -ENOMEM;
	p.from = end_of(o, a);
	p.to = end_of(o, b);
	o->pairs[o->n_pairs++] = p;
	return 0;
}

static int by_end(const struct end *a, const struct end *b)
{
	int r = strcmp(a->tenant, b->tenant);

	return r ? r : strcmp(a->endpoint, b->endpoint);
}

static int by_pair(const void *a, const void *b)
{
	const struct pair *p = a, *q = b;
	int r = by_end(&p->from, &q->from);

	return r ? r : by_end(&p->to, &q->to);
}

/* ---- who can have something to say to whom ---------------------------------------------- */

/* On the called side: the atoms of each sentence. */
struct called {
	size_t *first; /* by sentence, and one more: where its atoms begin in `list` */
	size_t *list;
	size_t *seen; /* by atom: the caller for whom it was looked at last, and one more */
};

static void count_or_put(const struct nsn_side *to, size_t words, size_t *at, size_t *list)
{
	for (size_t i = 0; i < to->n_atoms; i++)
		for (size_t w = 0; w < words; w++)
			for (uint64_t bits = to->atoms[i].bits[w]; bits; bits &= bits - 1) {
				const size_t s = w * 64 + (size_t)__builtin_ctzll(bits);

				if (list)
					list[at[s]] = i;
				at[s]++;
			}
}

static int called_make(struct called *c, struct nsn_question *q)
{
	const size_t n = q->words * 64;
	NSN_AUTO(nsn_freep) size_t *at = calloc(n + 1, sizeof(*at));
	size_t sum = 0;

	c->first = nsn_arena_alloc(&q->arena, (n + 1) * sizeof(*c->first));
	c->seen = nsn_arena_alloc(&q->arena, (q->to.n_atoms + 1) * sizeof(*c->seen));
	if (!at || !c->first || !c->seen)
		return -ENOMEM;
	count_or_put(&q->to, q->words, at, NULL);
	for (size_t i = 0; i <= n; i++) {
		const size_t count = at[i];

		at[i] = c->first[i] = sum;
		sum += count;
	}
	c->list = nsn_arena_alloc(&q->arena, (sum + 1) * sizeof(*c->list));
	if (!c->list)
		return -ENOMEM;
	count_or_put(&q->to, q->words, at, c->list);
	return 0;
}

static int look_once(struct open *o, struct called *c, size_t from, size_t to)
{
	if (c->seen[to] == from + 1)
		return 0;
	c->seen[to] = from + 1;
	return look(o, &o->ask.q.from.atoms[from], &o->ask.q.to.atoms[to]);
}

/* Its own neighbours, and those that a sentence which names it names on the other side. */
static int look_from(struct open *o, struct called *c, size_t from)
{
	const struct nsn_question *q = &o->ask.q;
	const struct nsn_atom *a = &q->from.atoms[from];
	int r = 0;

	for (size_t i = q->to.first[a->tenant]; r == 0 && i < q->to.first[a->tenant + 1]; i++)
		r = look_once(o, c, from, i);
	for (size_t w = 0; r == 0 && w < q->words; w++)
		for (uint64_t bits = a->bits[w]; r == 0 && bits; bits &= bits - 1) {
			const size_t s = w * 64 + (size_t)__builtin_ctzll(bits);

			for (size_t i = c->first[s]; r == 0 && i < c->first[s + 1]; i++)
				r = look_once(o, c, from, c->list[i]);
		}
	return r;
}

static int open_make(struct open *o, const struct nsn_intent *in, const struct nsn_intent *also,
		     struct nsnet_err *err)
{
	static const struct nsn_flow all = {
		.from = {.kind = NSN_PEER_TENANTS},
		.to = {.kind = NSN_PEER_TENANTS},
		.ports = {.proto = NSN_PROTO_ANY},
	};
	struct called called = {0};
	int r;

	o->intent = in;
	o->ask.q.intent = in;
	o->ask.q.also = also;
	o->ask.q.flow = &all;
	r = nsn_ask_prepare(&o->ask, err);
	if (r < 0)
		return r;
	r = called_make(&called, &o->ask.q);
	for (size_t i = 0; r == 0 && i < o->ask.q.from.n_atoms; i++)
		r = look_from(o, &called, i);
	if (r < 0)
		return nsn_err_nomem(err);
	if (o->n_pairs > 0)
		qsort(o->pairs, o->n_pairs, sizeof(*o->pairs), by_pair);
	return 0;
}

/* ---- in words ------------------------------------------------------------------------------ */

static bool is_all(const struct span *s)
{
	return s->first <= FIRST_PORT && s->last == LAST_PORT;
}

static const char *span_text(struct nsn_arena *mem, const struct span *s, bool with_echo)
{
	static const char *const protos[] = {"tcp", "udp", "sctp"};

	switch (s->space) {
	case NSN_SPACE_TCP:
	case NSN_SPACE_UDP:
	case NSN_SPACE_SCTP:
		break;
	case NSN_SPACE_ECHO:
		return "icmp/echo";
	case NSN_SPACE_ICMP:
		return with_echo ? "icmp" : "icmp/other";
	case NSN_SPACE_OTHER:
	case NSN_SPACES:
		return "other protocols";
	}
	if (is_all(s))
		return protos[s->space];
	if (s->first == s->last)
		return nsn_arena_printf(mem, "%s/%" PRIu32, protos[s->space], s->first);
	return nsn_arena_printf(mem, "%s/%" PRIu32 "-%" PRIu32, protos[s->space], s->first,
				s->last);
}

static bool has_all(const struct span *spans, size_t n, enum nsn_space space)
{
	for (size_t i = 0; i < n; i++)
		if (spans[i].space == space)
			return is_all(&spans[i]);
	return false;
}

static int put_ports(struct nsn_effect *e, struct nsn_effect_line *line, const struct span *spans,
		     size_t n)
{
	const char **list = nsn_arena_alloc(&e->mem, (n + 1) * sizeof(*list));
	const bool icmp = has_all(spans, n, NSN_SPACE_ICMP),
		   echo = has_all(spans, n, NSN_SPACE_ECHO);
	size_t whole = 0;

	if (!list)
		return -ENOMEM;
	line->ports = list;
	for (enum nsn_space space = 0; space < NSN_SPACES; space++)
		whole += has_all(spans, n, space);
	if (whole == NSN_SPACES) {
		list[line->n_ports++] = "any";
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (spans[i].space == NSN_SPACE_ECHO && icmp && echo)
			continue;
		list[line->n_ports] = span_text(&e->mem, &spans[i], echo);
		if (!list[line->n_ports++])
			return -ENOMEM;
	}
	return 0;
}

static const char *end_text(struct nsn_arena *mem, const struct end *end)
{
	const struct nsn_atom *a = end->atom;

	if (*end->endpoint)
		return nsn_arena_printf(mem, "%s/%s", end->tenant, end->endpoint);
	if (end->whole)
		return nsn_arena_strdup(mem, end->tenant);
	if (a->other == SIZE_MAX)
		return nsn_arena_printf(mem, "%s/%s", end->tenant,
					end->of->endpoints[a->endpoint].name);
	return nsn_arena_printf(mem, "%s (others)", end->tenant);
}

static int put_line(struct nsn_effect *e, bool opens, const struct pair *p,
		    const struct span *spans, size_t n)
{
	struct nsn_effect_line *line = &e->lines[e->n++];

	*line = (struct nsn_effect_line){.opens = opens};
	line->from = end_text(&e->mem, &p->from);
	line->to = end_text(&e->mem, &p->to);
	if (!line->from || !line->to)
		return -ENOMEM;
	*(opens ? &e->n_open : &e->n_close) += 1;
	return put_ports(e, line, spans, n);
}

/* ---- the difference ---------------------------------------------------------------------------
 */

/* What of a span none of @less has; at most one piece more than @less has. */
static size_t subtract_one(struct span *ret, const struct span *s, const struct span *less,
			   size_t n_less)
{
	uint32_t from = s->first;
	size_t n = 0;

	for (size_t i = 0; i < n_less; i++) {
		const struct span *l = &less[i];

		if (l->space != s->space || l->last < from || l->first > s->last)
			continue;
		if (l->first > from)
			ret[n++] = (struct span){s->space, from, l->first - 1};
		if (l->last >= s->last)
			return n;
		from = l->last + 1;
	}
	ret[n++] = (struct span){s->space, from, s->last};
	return n;
}

/* What @p has of @o, and @q of @other has not; @q NULL: all of it. */
static int tell(struct nsn_effect *e, bool opens, const struct open *o, const struct pair *p,
		const struct open *other, const struct pair *q)
{
	const struct span *mine = o->spans + p->first;
	const struct span *less = q ? other->spans + q->first : NULL;
	const size_t n_less = q ? q->n : 0;
	NSN_AUTO(nsn_freep) struct span *left = calloc(p->n * (n_less + 1), sizeof(*left));
	size_t n = 0;

	if (!left)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++)
		n += subtract_one(left + n, &mine[i], less, n_less);
	return n > 0 ? put_line(e, opens, p, left, n) : 0;
}

/* A new tenant talks to itself: that is no news. */
static bool is_news(const struct open *other, const struct pair *p)
{
	if (strcmp(p->from.tenant, p->to.tenant) != 0)
		return true;
	return nsn_who_tenant(&other->ask.q, p->from.tenant) != SIZE_MAX;
}

static int differ(struct nsn_effect *e, bool opens, const struct open *o, const struct open *other)
{
	size_t k = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->n_pairs; i++) {
		const struct pair *p = &o->pairs[i], *same = NULL;

		while (k < other->n_pairs && by_pair(&other->pairs[k], p) < 0)
			k++;
		if (k < other->n_pairs && by_pair(&other->pairs[k], p) == 0)
			same = &other->pairs[k];
		if (same || is_news(other, p))
			r = tell(e, opens, o, p, other, same);
	}
	return r;
}

int nsn_effect_make(struct nsn_effect *ret, const struct nsn_intent *before,
		    const struct nsn_intent *after, struct nsnet_err *err)
{
	NSN_AUTO(open_clear) struct open old = {0};
	NSN_AUTO(open_clear) struct open now = {0};
	int r;

	r = open_make(&old, before, after, err);
	if (r == 0)
		r = open_make(&now, after, before, err);
	if (r < 0)
		return r;
	ret->lines =
		nsn_arena_alloc(&ret->mem, (old.n_pairs + now.n_pairs + 1) * sizeof(*ret->lines));
	if (!ret->lines || differ(ret, true, &now, &old) < 0 || differ(ret, false, &old, &now) < 0)
		return nsn_err_nomem(err);
	return 0;
}
