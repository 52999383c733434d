/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../model/about.h"

/* ---- claims ----------------------------------------------------------------------- */

/*
 * A denial counts more than what allows; what closes more than both. What is kept
 * counts where every quarantine that closes keeps it, and nowhere else.
 */
enum rank { ALLOW, DENY, QUARANTINE, KEEP };

/* Something that is said about a pair of tenants. */
struct claim {
	enum rank rank;
	const struct nsn_endpoint *from, *to; /* NULL: all */
	const struct nsn_ports *ports;
	size_t n_ports;
	uint32_t number;
	const struct nsn_policy *policy; /* of ALLOW and DENY */
	const struct nsn_quarantine *of; /* of QUARANTINE and KEEP */
};

struct claims {
	struct claim *list;
	size_t n, cap;
};

static void claims_clear(struct claims *c)
{
	nsn_freep(&c->list);
}

static const struct nsn_ports any_port = {.proto = NSN_PROTO_ANY};

static int claim(struct claims *c, const struct claim *what)
{
	struct claim *list = c->list;

	if (c->n == c->cap) {
		list = reallocarray(c->list, 2 * c->cap + 8, sizeof(*list));
		if (!list)
			return -ENOMEM;
		c->list = list;
		c->cap = 2 * c->cap + 8;
	}
	list[c->n++] = *what;
	return 0;
}

static bool has_label(const struct nsn_tenant *t, const struct nsn_label *l)
{
	size_t i;

	for (i = 0; i < t->n_labels; i++)
		if (strcmp(t->labels[i].key, l->key) == 0)
			return strcmp(t->labels[i].value, l->value) == 0;
	return false;
}

static const struct nsn_endpoint *endpoint_of(const struct nsn_tenant *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->n_endpoints; i++)
		if (strcmp(t->endpoints[i].name, name) == 0)
			return &t->endpoints[i];
	return NULL;
}

/* Whether a peer is in the tenant; *@e: which endpoint, NULL for all of it. */
static bool is_in(const struct nsn_peer *p, const struct nsn_tenant *t,
		  const struct nsn_endpoint **e)
{
	*e = NULL;
	switch (p->kind) {
	case NSN_PEER_TENANT:
		return strcmp(p->tenant, t->name) == 0;
	case NSN_PEER_ENDPOINT:
		if (strcmp(p->tenant, t->name) != 0)
			return false;
		*e = endpoint_of(t, p->endpoint);
		return *e != NULL;
	case NSN_PEER_LABEL:
		return has_label(t, &p->label);
	case NSN_PEER_TENANTS:
	case NSN_PEER_ANY:
		return true;
	case NSN_PEER_INTERNET:
	case NSN_PEER_HOST:
	case NSN_PEER_CIDR:
		return false;
	}
	return false;
}

bool nsn_flows_names(const struct nsn_policy *p, const struct nsn_tenant *t)
{
	const struct nsn_endpoint *e;
	bool ret = false;
	size_t i;

	for (i = 0; i < p->n_from; i++)
		ret |= is_in(&p->from[i], t, &e);
	for (i = 0; i < p->n_to; i++)
		ret |= is_in(&p->to[i], t, &e);
	return ret;
}

static bool counts(const struct nsn_policy *p, int64_t now)
{
	return !p->audit && (p->expires == 0 || p->expires > now);
}

static int claim_policy(struct claims *c, const struct nsn_policy *p, const struct nsn_tenant *from,
			const struct nsn_tenant *to)
{
	struct claim what = {.rank = p->deny ? DENY : ALLOW,
			     .ports = p->ports,
			     .n_ports = p->n_ports,
			     .number = p->number,
			     .policy = p};
	size_t i, k;
	int r = 0;

	for (i = 0; i < p->n_from; i++) {
		if (!is_in(&p->from[i], from, &what.from))
			continue;
		for (k = 0; r == 0 && k < p->n_to; k++)
			if (is_in(&p->to[k], to, &what.to))
				r = claim(c, &what);
	}
	return r;
}

/* All that leads across the border of who is in quarantine, and an endpoint's neighbours. */
static int claim_closed(struct claims *c, const struct nsn_quarantine *q,
			const struct nsn_tenant *from, const struct nsn_tenant *to)
{
	const struct nsn_peer *who = &q->who;
	struct claim what = {.rank = QUARANTINE,
			     .of = q,
			     .ports = &any_port,
			     .n_ports = 1,
			     .number = NSN_NUMBER_QUARANTINE};
	int r = 0;

	if (is_in(who, from, &what.from) && (from != to || what.from))
		r = claim(c, &what);
	what.from = NULL;
	if (r == 0 && is_in(who, to, &what.to) && (from != to || what.to))
		r = claim(c, &what);
	return r;
}

static int claim_quarantine(struct claims *c, const struct nsn_quarantine *q,
			    const struct nsn_tenant *from, const struct nsn_tenant *to)
{
	int r = claim_closed(c, q, from, to);
	size_t i;

	for (i = 0; r == 0 && i < q->n_keep; i++) {
		const struct nsn_flow *f = &q->keep[i];
		struct claim what = {.rank = KEEP,
				     .of = q,
				     .ports = &f->ports,
				     .n_ports = 1,
				     .number = NSN_NUMBER_KEPT};

		if (is_in(&f->from, from, &what.from) && is_in(&f->to, to, &what.to))
			r = claim(c, &what);
	}
	return r;
}

static int claim_all(struct claims *c, const struct nsn_intent *intent,
		     const struct nsn_tenant *from, const struct nsn_tenant *to)
{
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	int r = 0;
	size_t i;

	nsn_about_begin(&walk, intent, from, to);
	while (r == 0 && (p = nsn_about_next(&walk)))
		if (counts(p, intent->now))
			r = claim_policy(c, p, from, to);
	for (i = 0; r == 0 && i < intent->n_quarantines; i++)
		r = claim_quarantine(c, &intent->quarantines[i], from, to);
	return r;
}

/* Whether a quarantine closes a single endpoint of the source. */
static bool closes_source(const struct claims *c, const struct nsn_quarantine *q)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->list[i].rank == QUARANTINE && c->list[i].of == q && c->list[i].from)
			return true;
	return false;
}

/*
 * Where the source is translated its endpoints cannot be told apart: what one of
 * them may, the address may, and what only one of them may not is left to the
 * gateway at the other end. What closes one endpoint is forgotten, what it keeps
 * is not.
 */
static void forget_sources(struct claims *c)
{
	size_t i, n = 0;

	for (i = 0; i < c->n; i++)
		if (c->list[i].rank == KEEP && closes_source(c, c->list[i].of))
			c->list[i].rank = ALLOW;
	for (i = 0; i < c->n; i++) {
		bool closes = c->list[i].rank == DENY || c->list[i].rank == QUARANTINE;

		if (c->list[i].from && closes)
			continue;
		c->list[n] = c->list[i];
		c->list[n++].from = NULL;
	}
	c->n = n;
}

/* ---- atoms: addresses about which the same is said ----------------------------------- */

/* The addresses of one endpoint, or of all that are not mentioned: then `e` is NULL. */
struct atom {
	const struct nsn_endpoint *e;
	struct nsn_range *ranges;
	size_t n;
};

struct atoms {
	struct atom *list;
	size_t n;
	struct nsn_range *ranges; /* of all of them */
};

static void atoms_clear(struct atoms *a)
{
	nsn_freep(&a->list);
	nsn_freep(&a->ranges);
}

static const struct nsn_ip *address(const struct nsn_endpoint *e, uint8_t family)
{
	return family == AF_INET6 ? &e->ip6 : &e->ip;
}

static int by_ip(const void *a, const void *b)
{
	const struct atom *x = a, *y = b;

	return nsn_ip_cmp(&x->ranges->first, &y->ranges->first);
}

/* The address before this one, which is not the first of its family. */
static struct nsn_ip before(struct nsn_ip ip)
{
	size_t i = nsn_ip_bits(&ip) / 8;

	while (i-- > 0 && ip.bytes[i]-- == 0)
		;
	return ip;
}

/* What is left of the subnet around the endpoints, which are in order. */
static void rest_of(struct atom *rest, const struct atom *list, size_t n,
		    const struct nsn_prefix *subnet)
{
	struct nsn_ip next = nsn_prefix_network(subnet);
	const struct nsn_ip last = nsn_prefix_last(subnet);
	size_t i;

	for (i = 0; i < n; i++) {
		const struct nsn_ip *ip = &list[i].ranges->first;

		if (nsn_ip_cmp(&next, ip) < 0)
			rest->ranges[rest->n++] = (struct nsn_range){next, before(*ip)};
		next = nsn_ip_add(ip, 1);
	}
	/* Behind the last address of the family comes the first: then nothing is left. */
	if (nsn_ip_cmp(&next, &last) <= 0 && nsn_prefix_has(subnet, &next))
		rest->ranges[rest->n++] = (struct nsn_range){next, last};
}

/* @mentioned: by their claims, each once. The rest of the subnet comes last. */
static int make_atoms(struct atoms *a, const struct nsn_endpoint *const *mentioned, size_t n,
		      const struct nsn_prefix *subnet, uint8_t family)
{
	size_t i;

	a->list = calloc(n + 1, sizeof(*a->list));
	a->ranges = calloc(2 * n + 1, sizeof(*a->ranges));
	if (!a->list || !a->ranges)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		a->ranges[i] = (struct nsn_range){*address(mentioned[i], family),
						  *address(mentioned[i], family)};
		a->list[i] = (struct atom){mentioned[i], &a->ranges[i], 1};
	}
	qsort(a->list, n, sizeof(*a->list), by_ip);
	a->list[n].ranges = &a->ranges[n];
	rest_of(&a->list[n], a->list, n, subnet);
	a->n = n + 1;
	return 0;
}

/* The endpoints that claims mention on one side and that have an address. Returns how many. */
static size_t mentioned_in(const struct nsn_endpoint **ret, const struct claim *const *list,
			   size_t n_list, bool from, uint8_t family)
{
	size_t i, k, n = 0;

	for (i = 0; i < n_list; i++) {
		const struct nsn_endpoint *e = from ? list[i]->from : list[i]->to;

		if (!e || !address(e, family)->family)
			continue;
		for (k = 0; k < n && ret[k] != e; k++)
			;
		if (k == n)
			ret[n++] = e;
	}
	return n;
}

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

struct row {
	const struct claim **list; /* those that are about this pair of atoms */
	size_t n;
};

/* Of the claims of a row that speak about a port: one that keeps for this quarantine. */
static const struct claim *kept_by(const struct row *row, const struct nsn_quarantine *q)
{
	size_t i;

	for (i = 0; i < row->n; i++)
		if (row->list[i]->rank == KEEP && row->list[i]->of == q)
			return row->list[i];
	return NULL;
}

/* Of the quarantines: one that closes and does not keep it, else what keeps it, or NULL. */
static const struct claim *closed_by(const struct row *row)
{
	const struct claim *kept = NULL;
	size_t i;

	for (i = 0; i < row->n; i++) {
		if (row->list[i]->rank != QUARANTINE)
			continue;
		kept = kept_by(row, row->list[i]->of);
		if (!kept)
			return row->list[i];
	}
	return kept;
}

/* What counts where all of these speak and no others; among equals the first. */
static struct segment said_by(const struct row *speak, uint32_t first, uint32_t last)
{
	struct segment ret = {.first = first, .last = last};
	const struct claim *best = closed_by(speak);
	size_t i;

	for (i = 0; !best && i < speak->n; i++)
		if (speak->list[i]->rank == DENY)
			best = speak->list[i];
	for (i = 0; !best && i < speak->n; i++)
		if (speak->list[i]->rank == ALLOW)
			best = speak->list[i];
	if (best) {
		ret.said = true;
		ret.allow = best->rank == ALLOW || best->rank == KEEP;
		ret.number = best->number;
		ret.policy = best->policy;
	}
	return ret;
}

/* Where a claim begins or ends to speak: only there may be another answer. */
struct cut {
	uint32_t at;
	bool begins;
	const struct claim *of;
};

static int by_place(const void *a, const void *b)
{
	const struct cut *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->begins - y->begins;
}

/* @cuts has room for two of each port of the row. Returns how many. */
static size_t cuts_of(struct cut *cuts, const struct row *row, enum class class)
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
static void begin_to_speak(struct row *speak, const struct claim *c)
{
	size_t i = speak->n++;

	for (; i > 0 && speak->list[i - 1] > c; i--)
		speak->list[i] = speak->list[i - 1];
	speak->list[i] = c;
}

static void cease_to_speak(struct row *speak, const struct claim *c)
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
	const struct claim **speak;
};

static void room_clear(struct room *r)
{
	free(r->cuts);
	free(r->speak);
}

/* @ret has room for two of each port of the row, too. Returns how many. */
static size_t segments_of(struct segment *ret, const struct room *room, const struct row *row,
			  enum class class)
{
	const size_t n_cuts = cuts_of(room->cuts, row, class);
	struct row speak = {.list = room->speak};
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

static int add_box(struct nsn_boxes *b, const struct nsn_box *box)
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
static int add_boxes(struct nsn_boxes *b, const struct atom *from, const struct atom *to,
		     const struct nsn_box *what)
{
	struct nsn_box box = *what;
	size_t i, k;
	int r = 0;

	for (i = 0; i < from->n; i++)
		for (k = 0; r == 0 && k < to->n; k++) {
			box.from = from->ranges[i];
			box.to = to->ranges[k];
			r = add_box(b, &box);
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
	const struct atom *from, *to;
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
static int add_pair(const struct pair *p, const struct row *row)
{
	NSN_AUTO(nsn_freep) struct segment *list = NULL;
	NSN_AUTO(room_clear) struct room room = {0};
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
		r = add_any(p, segments[TCP]);
		return r < 0 ? r : add_class(p, ECHO, segments[ECHO], n[ECHO]);
	}
	for (class = 0; r == 0 && class < CLASSES; class ++)
		r = add_class(p, (enum class) class, segments[class], n[class]);
	return r;
}

/* ---- from one side to the other ------------------------------------------------------- */

/* Those of @list that are about an atom of one side. Returns how many. */
static size_t about(const struct claim **ret, const struct claim *const *list, size_t n_list,
		    bool from, const struct nsn_endpoint *e)
{
	size_t i, n = 0;

	for (i = 0; i < n_list; i++) {
		const struct nsn_endpoint *of = from ? list[i]->from : list[i]->to;

		if (!of || of == e)
			ret[n++] = list[i];
	}
	return n;
}

struct search {
	struct nsn_boxes *boxes;
	const struct nsn_side *to;
	uint8_t family;
	const struct claim **all, **of_from, **of_pair;
	size_t n;
	const struct nsn_endpoint **mentioned;
};

static const struct nsn_prefix *subnet_of(const struct nsn_tenant *t, uint8_t family)
{
	return family == AF_INET6 ? &t->subnet6 : &t->subnet;
}

static int from_atom(struct search *s, const struct atom *from)
{
	NSN_AUTO(atoms_clear) struct atoms to = {0};
	size_t n = about(s->of_from, s->all, s->n, true, from->e), m, i;
	int r;

	if (n == 0 || from->n == 0)
		return 0;
	m = mentioned_in(s->mentioned, s->of_from, n, false, s->family);
	r = make_atoms(&to, s->mentioned, m, subnet_of(s->to->tenant, s->family), s->family);
	for (i = 0; r == 0 && i < to.n; i++) {
		const struct pair pair = {s->boxes, from, &to.list[i]};
		struct row row = {.list = s->of_pair};

		row.n = about(s->of_pair, s->of_from, n, false, to.list[i].e);
		r = add_pair(&pair, &row);
	}
	return r;
}

/* A translated source is one atom, its address on the cable. */
static int search_from(struct search *s, const struct nsn_side *from, const struct nsn_ip *as)
{
	NSN_AUTO(atoms_clear) struct atoms list = {0};
	struct nsn_range range = {*as, *as};
	const struct atom one = {NULL, &range, 1};
	size_t i, m;
	int r;

	if (as->family)
		return from_atom(s, &one);
	m = mentioned_in(s->mentioned, s->all, s->n, true, s->family);
	r = make_atoms(&list, s->mentioned, m, subnet_of(from->tenant, s->family), s->family);
	for (i = 0; r == 0 && i < list.n; i++)
		r = from_atom(s, &list.list[i]);
	return r;
}

int nsn_flows_between(struct nsn_boxes *ret, const struct nsn_intent *intent,
		      const struct nsn_side *from, const struct nsn_side *to, uint8_t family)
{
	const struct nsn_ip *as = family == AF_INET6 ? &from->as6 : &from->as4;
	NSN_AUTO(claims_clear) struct claims claims = {0};
	NSN_AUTO(nsn_freep) const struct nsn_endpoint **mentioned = NULL;
	NSN_AUTO(nsn_freep) const struct claim **room = NULL;
	struct search s = {.boxes = ret, .to = to, .family = family};
	size_t i;
	int r;

	if (!subnet_of(from->tenant, family)->ip.family ||
	    !subnet_of(to->tenant, family)->ip.family ||
	    (family == AF_INET6 ? to->as6.family : to->as4.family))
		return 0;
	r = claim_all(&claims, intent, from->tenant, to->tenant);
	if (r < 0 || claims.n == 0)
		return r;
	if (as->family)
		forget_sources(&claims);
	room = calloc(3 * claims.n + 1, sizeof(*room));
	mentioned = calloc(claims.n + 1, sizeof(*mentioned));
	if (!room || !mentioned)
		return -ENOMEM;
	for (i = 0; i < claims.n; i++)
		room[i] = &claims.list[i];
	s.n = claims.n;
	s.all = room;
	s.of_from = room + claims.n;
	s.of_pair = room + 2 * claims.n;
	s.mentioned = mentioned;
	return search_from(&s, from, as);
}

/* Whether one of the quarantines closes all of it; @of NULL: whichever. */
static bool is_closed(const struct claims *c, const struct nsn_quarantine *of)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->list[i].rank == QUARANTINE &&
		    (of ? c->list[i].of == of : !c->list[i].from && !c->list[i].to))
			return true;
	return false;
}

bool nsn_flows_join(const struct nsn_intent *intent, const struct nsn_tenant *from,
		    const struct nsn_tenant *to)
{
	NSN_AUTO(claims_clear) struct claims c = {0};
	size_t i;

	/* Without memory: joined by nothing. Whoever asks will meet that again. */
	if (claim_all(&c, intent, from, to) < 0)
		return false;
	for (i = 0; i < c.n; i++)
		if ((c.list[i].rank == ALLOW && !is_closed(&c, NULL)) ||
		    (c.list[i].rank == KEEP && is_closed(&c, c.list[i].of)))
			return true;
	return false;
}
