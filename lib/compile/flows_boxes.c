/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows_in.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "../base/cleanup.h"

/* ---- ports ---------------------------------------------------------------------------- */

/*
 * Protocols with ports, and those without. Echo requests are a class of their own,
 * the rest of ICMP is one.
 */
enum class { TCP, UDP, SCTP, ICMP, OTHER, ECHO, CLASSES };

/* Ports about which the same is said. */
struct segment {
	uint32_t first, last;
	bool said, allow;
	uint32_t number;
	const struct nsn_policy *policy;
};

#define PORTS 65535U

/* The range of a claim's ports in a class; false: it says nothing about it. */
static bool range_in(const struct nsn_ports *p, enum class class, uint32_t *first, uint32_t *last)
{
	static const enum class of[] = {
		[NSN_PROTO_TCP] = TCP, [NSN_PROTO_UDP] = UDP, [NSN_PROTO_SCTP] = SCTP};

	*first = 0;
	*last = PORTS;
	switch (p->proto) {
	case NSN_PROTO_ANY:
		return true;
	case NSN_PROTO_ICMP:
		return class == ICMP || class == ECHO;
	case NSN_PROTO_ECHO:
		return class == ECHO;
	case NSN_PROTO_TCP:
	case NSN_PROTO_UDP:
	case NSN_PROTO_SCTP:
		*first = p->first;
		*last = p->last;
		return of[p->proto] == class;
	}
	return false;
}

/* From outside an allowance leads in by what it publishes, and nothing else does. */
static bool is_published(const struct nsn_row *row)
{
	for (size_t i = 0; i < row->n; i++)
		if (row->list[i]->rank == NSN_ALLOW)
			return true;
	return false;
}

/* Of the claims of a row that speak about a port: one that keeps for this quarantine. */
static const struct nsn_claim *kept_by(const struct nsn_row *row, const struct nsn_quarantine *q)
{
	for (size_t i = 0; i < row->n; i++) {
		const struct nsn_claim *c = row->list[i];

		if (c->rank == NSN_KEEP && c->of == q && (!c->published || is_published(row)))
			return c;
	}
	return NULL;
}

/* Of the quarantines: one that closes and does not keep it, else what keeps it, or NULL. */
static const struct nsn_claim *closed_by(const struct nsn_row *row)
{
	const struct nsn_claim *kept = NULL;
	size_t i;

	for (i = 0; i < row->n; i++) {
		const struct nsn_claim *c = row->list[i];

		if (c->rank != NSN_QUARANTINED)
			continue;
		kept = kept_by(row, c->of);
		if (!kept)
			return c;
	}
	return kept;
}

/* What counts where all of these speak and no others; among equals the first. */
static struct segment said_by(const struct nsn_row *speak, uint32_t first, uint32_t last)
{
	struct segment ret = {.first = first, .last = last};
	const struct nsn_claim *best = closed_by(speak);
	size_t i;

	for (i = 0; !best && i < speak->n; i++)
		if (speak->list[i]->rank == NSN_DENY)
			best = speak->list[i];
	for (i = 0; !best && i < speak->n; i++)
		if (speak->list[i]->rank == NSN_ALLOW)
			best = speak->list[i];
	if (best) {
		ret.said = true;
		ret.allow = best->rank == NSN_ALLOW || best->rank == NSN_KEEP;
		ret.number = best->number;
		ret.policy = best->policy;
	}
	return ret;
}

/* Where a claim begins or ends to speak: only there may be another answer. */
struct cut {
	uint32_t at;
	bool begins;
	const struct nsn_claim *of;
};

static int by_place(const void *a, const void *b)
{
	const struct cut *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->begins - y->begins;
}

/* @cuts has room for two of each port of the row. Returns how many. */
static size_t cuts_of(struct cut *cuts, const struct nsn_row *row, enum class class)
{
	size_t i, k, n = 0;

	for (i = 0; i < row->n; i++)
		for (k = 0; k < row->list[i]->n_ports; k++) {
			uint32_t a, b;

			if (!range_in(&row->list[i]->ports[k], class, &a, &b))
				continue;
			cuts[n++] = (struct cut){a, true, row->list[i]};
			cuts[n++] = (struct cut){b + 1, false, row->list[i]};
		}
	qsort(cuts, n, sizeof(*cuts), by_place);
	return n;
}

/* In the order of the claims, which is that of their addresses; once for each range. */
static void begin_to_speak(struct nsn_row *speak, const struct nsn_claim *c)
{
	size_t i = speak->n++;

	for (; i > 0 && speak->list[i - 1] > c; i--)
		speak->list[i] = speak->list[i - 1];
	speak->list[i] = c;
}

static void cease_to_speak(struct nsn_row *speak, const struct nsn_claim *c)
{
	size_t i = 0;

	while (speak->list[i] != c)
		i++;
	speak->n--;
	for (; i < speak->n; i++)
		speak->list[i] = speak->list[i + 1];
}

/* Where two of each port of a row have room. */
struct room {
	struct cut *cuts;
	const struct nsn_claim **speak;
};

static void room_clear(struct room *r)
{
	free(r->cuts);
	free(r->speak);
}

/* @ret has room for two of each port of the row, too. Returns how many. */
static size_t segments_of(struct segment *ret, const struct room *room, const struct nsn_row *row,
			  enum class class)
{
	const size_t n_cuts = cuts_of(room->cuts, row, class);
	struct nsn_row speak = {.list = room->speak};
	size_t i, n = 0;

	for (i = 0; i + 1 < n_cuts; i++) {
		const struct cut *cut = &room->cuts[i];
		struct segment s;

		(cut->begins ? begin_to_speak : cease_to_speak)(&speak, cut->of);
		if (cut[1].at == cut->at || speak.n == 0)
			continue;
		s = said_by(&speak, cut->at, cut[1].at - 1);
		if (!s.said)
			continue;
		if (n > 0 && ret[n - 1].last + 1 == s.first && ret[n - 1].allow == s.allow &&
		    ret[n - 1].number == s.number)
			ret[n - 1].last = s.last;
		else
			ret[n++] = s;
	}
	return n;
}

/* ---- boxes ---------------------------------------------------------------------------- */

int nsn_boxes_add(struct nsn_boxes *b, const struct nsn_box *box)
{
	struct nsn_box *list;

	if (b->n == b->cap) {
		size_t cap = 2 * b->cap + 32;

		list = reallocarray(b->list, cap, sizeof(*list));
		if (!list)
			return -ENOMEM;
		b->list = list;
		b->cap = cap;
	}
	b->list[b->n++] = *box;
	return 0;
}

/* One range of protocols and ports, for all pairs of ranges of addresses. */
static int add_boxes(struct nsn_boxes *b, const struct nsn_part *from, const struct nsn_part *to,
		     const struct nsn_box *what)
{
	struct nsn_box box = *what;
	size_t i, k;
	int r = 0;

	for (i = 0; i < from->n; i++)
		for (k = 0; r == 0 && k < to->n; k++) {
			box.from = from->ranges[i];
			box.to = to->ranges[k];
			r = nsn_boxes_add(b, &box);
		}
	return r;
}

static bool all_the_same(const struct segment *const *segments, const size_t *n)
{
	const struct segment *first = segments[TCP];
	int i;

	for (i = TCP; i <= OTHER; i++)
		if (n[i] != 1 || segments[i]->first != 0 || segments[i]->last != PORTS ||
		    segments[i]->allow != first->allow || segments[i]->number != first->number)
			return false;
	return true;
}

struct pair {
	struct nsn_boxes *boxes;
	const struct nsn_part *from, *to;
};

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Ranges of protocols: of a class with a number one, of the rest what lies between those. */
static size_t protos_of(enum class class, uint8_t family, uint8_t ret[5][2])
{
	const uint8_t icmp = family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	const uint8_t numbers[] = {
		[TCP] = IPPROTO_TCP, [UDP] = IPPROTO_UDP, [SCTP] = IPPROTO_SCTP, [ICMP] = icmp};
	uint32_t named[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, icmp, 256};
	uint32_t next = 0;
	size_t i, n = 0;

	if (class != OTHER) {
		ret[0][0] = ret[0][1] = class == ECHO ? icmp : numbers[class];
		return 1;
	}
	qsort(named, NSN_COUNT(named), sizeof(named[0]), by_number);
	for (i = 0; i < NSN_COUNT(named); i++) {
		ret[n][0] = (uint8_t)next;
		ret[n++][1] = (uint8_t)(named[i] - 1);
		next = named[i] + 1;
	}
	return n;
}

static int add_class(const struct pair *p, enum class class, const struct segment *s, size_t n)
{
	uint8_t protos[5][2];
	size_t n_protos = protos_of(class, p->from->ranges->first.family, protos), i, k;
	int r = 0;

	for (i = 0; i < n; i++)
		for (k = 0; r == 0 && k < n_protos; k++) {
			const struct nsn_box box = {.proto = protos[k][0],
						    .proto_last = protos[k][1],
						    .port = (uint16_t)s[i].first,
						    .port_last = (uint16_t)s[i].last,
						    .allow = s[i].allow,
						    .number = s[i].number,
						    .policy = s[i].policy,
						    .echo = class == ECHO};

			r = add_boxes(p->boxes, p->from, p->to, &box);
		}
	return r;
}

static int add_any(const struct pair *p, const struct segment *s)
{
	const struct nsn_box box = {.proto_last = 255,
				    .port_last = PORTS,
				    .allow = s->allow,
				    .number = s->number,
				    .policy = s->policy};

	return add_boxes(p->boxes, p->from, p->to, &box);
}

/* All that is said of one pair of atoms. */
int nsn_boxes_of_pair(struct nsn_boxes *ret, const struct nsn_part *from, const struct nsn_part *to,
		      const struct nsn_row *row)
{
	NSN_AUTO(nsn_freep) struct segment *list = NULL;
	NSN_AUTO(room_clear) struct room room = {0};
	const struct pair p = {ret, from, to};
	const struct segment *segments[CLASSES];
	size_t n[CLASSES], ports = 0, i;
	int r = 0, class;

	for (i = 0; i < row->n; i++)
		ports += row->list[i]->n_ports;
	if (ports == 0)
		return 0;
	list = calloc(2 * ports * CLASSES, sizeof(*list));
	room.cuts = calloc(2 * ports, sizeof(*room.cuts));
	room.speak = calloc(2 * ports, sizeof(*room.speak));
	if (!list || !room.cuts || !room.speak)
		return -ENOMEM;
	for (class = 0; class < CLASSES; class ++) {
		struct segment *at = &list[2 * ports * (size_t) class];

		n[class] = segments_of(at, &room, row, (enum class) class);
		segments[class] = at;
	}
	if (all_the_same(segments, n)) {
		r = add_any(&p, segments[TCP]);
		return r < 0 ? r : add_class(&p, ECHO, segments[ECHO], n[ECHO]);
	}
	for (class = 0; r == 0 && class < CLASSES; class ++)
		r = add_class(&p, (enum class) class, segments[class], n[class]);
	return r;
}
