/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "asked.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "asked_parts.h"

const uint8_t nsn_families[NSN_FAMILIES] = {AF_INET, AF_INET6};

int nsn_pair_add(struct nsn_pair *p, struct nsn_box **list, size_t *n, const struct nsn_box *box)
{
	void *v = *list;
	int r = nsn_asked_grow(&v, *n, sizeof(*box), p->err);

	if (r < 0)
		return r;
	*list = v;
	(*list)[(*n)++] = *box;
	return 0;
}

/* ---- addresses and ports ---------------------------------------------------------------- */

static nsn_u128 number(const struct nsn_ip *ip)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < (ip->family == AF_INET ? 4 : 16); i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

bool nsn_pair_span(const struct nsn_tenant *t, size_t endpoint, uint8_t family,
		   struct nsn_range *ret)
{
	const struct nsn_prefix *net = family == AF_INET ? &t->subnet : &t->subnet6;
	struct nsn_ip first, last;

	if (endpoint == SIZE_MAX) {
		first = nsn_prefix_network(net);
		last = nsn_prefix_last(net);
	} else {
		const struct nsn_endpoint *e = &t->endpoints[endpoint];

		first = last = family == AF_INET ? e->ip : e->ip6;
	}
	if (net->ip.family != family || first.family != family)
		return false;
	*ret = (struct nsn_range){number(&first), number(&last)};
	return true;
}

/* An echo request is type 8 of ICMP, 128 of ICMPv6, with any code. */
void nsn_box_ports(struct nsn_box *b, const struct nsn_ports *p)
{
	const bool six = b->family == AF_INET6;
	const uint8_t icmp = six ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	b->proto_first = 0;
	b->proto_last = 255;
	b->port_first = 0;
	b->port_last = 65535;
	switch (p->proto) {
	case NSN_PROTO_ANY:
		return;
	case NSN_PROTO_TCP:
		b->proto_first = b->proto_last = IPPROTO_TCP;
		break;
	case NSN_PROTO_UDP:
		b->proto_first = b->proto_last = IPPROTO_UDP;
		break;
	case NSN_PROTO_SCTP:
		b->proto_first = b->proto_last = IPPROTO_SCTP;
		break;
	case NSN_PROTO_ECHO:
		b->proto_first = b->proto_last = icmp;
		b->port_first = (uint16_t)((six ? 128 : 8) << 8);
		b->port_last = b->port_first | 255;
		return;
	case NSN_PROTO_ICMP:
		b->proto_first = b->proto_last = icmp;
		return;
	}
	b->port_first = p->first;
	b->port_last = p->last;
}

static bool narrow(struct nsn_range *r, const struct nsn_range *by)
{
	r->first = r->first > by->first ? r->first : by->first;
	r->last = r->last < by->last ? r->last : by->last;
	return r->first <= r->last;
}

bool nsn_box_narrow(struct nsn_box *b, const struct nsn_box *by)
{
	struct nsn_range proto = {b->proto_first, b->proto_last};
	struct nsn_range port = {b->port_first, b->port_last};

	if (!narrow(&b->src, &by->src) || !narrow(&b->dst, &by->dst) ||
	    !narrow(&proto, &(struct nsn_range){by->proto_first, by->proto_last}) ||
	    !narrow(&port, &(struct nsn_range){by->port_first, by->port_last}))
		return false;
	b->proto_first = (uint8_t)proto.first;
	b->proto_last = (uint8_t)proto.last;
	b->port_first = (uint16_t)port.first;
	b->port_last = (uint16_t)port.last;
	return true;
}

/* ---- one sentence ----------------------------------------------------------------------- */

int nsn_pair_said(struct nsn_pair *p, const struct nsn_said *s, const struct nsn_box *within,
		  struct nsn_box **list, size_t *n)
{
	const struct nsn_tenant *from = &p->a->in->tenants[p->from];
	const struct nsn_tenant *to = &p->a->in->tenants[p->to];
	const size_t all = s->from.n * s->to.n * s->n_ports;
	int r = 0;

	for (size_t i = 0; r == 0 && i < all; i++) {
		const struct nsn_asked_who *x = &s->from.who[i % s->from.n];
		const struct nsn_asked_who *y = &s->to.who[i / s->from.n % s->to.n];
		const struct nsn_ports *ports = &s->ports[i / s->from.n / s->to.n];
		struct nsn_box b = {.family = within->family, .policy = s->policy, .kept = s->kept};

		if (!nsn_asked_has_key(p->a, p->from, x->key) ||
		    !nsn_asked_has_key(p->a, p->to, y->key) ||
		    !nsn_pair_span(from, x->endpoint, b.family, &b.src) ||
		    !nsn_pair_span(to, y->endpoint, b.family, &b.dst))
			continue;
		nsn_box_ports(&b, ports);
		if (nsn_box_narrow(&b, within))
			r = nsn_pair_add(p, list, n, &b);
	}
	return r;
}

bool nsn_pair_whole(const struct nsn_pair *p, uint8_t family, struct nsn_box *ret)
{
	static const struct nsn_ports any = {.proto = NSN_PROTO_ANY};

	*ret = (struct nsn_box){.family = family};
	nsn_box_ports(ret, &any);
	return nsn_pair_span(&p->a->in->tenants[p->from], SIZE_MAX, family, &ret->src) &&
	       nsn_pair_span(&p->a->in->tenants[p->to], SIZE_MAX, family, &ret->dst);
}

static int add_policy(struct nsn_pair *p, const struct nsn_said *s)
{
	struct nsn_boxes *ret = p->ret;
	struct nsn_box all;
	int r = 0;

	for (size_t i = 0; r == 0 && i < NSN_FAMILIES; i++) {
		if (!nsn_pair_whole(p, nsn_families[i], &all))
			continue;
		if (s->policy->deny)
			r = nsn_pair_said(p, s, &all, &ret->deny, &ret->n_deny);
		else
			r = nsn_pair_said(p, s, &all, &ret->allow, &ret->n_allow);
	}
	return r;
}

/*
 * Calls @each once for every sentence that names both, on its sides: it is found under each
 * key by which it names the one, and taken under the first. Looked for at the side with less.
 */
static int each_said(struct nsn_pair *p, int (*each)(struct nsn_pair *p, const struct nsn_said *s))
{
	const struct nsn_asked *a = p->a;
	size_t n_from = 0, n_to = 0;
	const struct nsn_list *keys;
	bool at_to;

	for (size_t i = 0; i < a->keys[p->from].n; i++)
		n_from += a->from[a->keys[p->from].v[i]].n;
	for (size_t i = 0; i < a->keys[p->to].n; i++)
		n_to += a->to[a->keys[p->to].v[i]].n;
	at_to = n_to < n_from;
	keys = &a->keys[at_to ? p->to : p->from];
	for (size_t i = 0; i < keys->n; i++) {
		const struct nsn_list *l = &(at_to ? a->to : a->from)[keys->v[i]];

		for (size_t k = 0; k < l->n; k++) {
			const struct nsn_said *s = &a->said[l->v[k]];
			const struct nsn_asked_who *x = nsn_asked_first(a, &s->from, p->from);
			const struct nsn_asked_who *y = nsn_asked_first(a, &s->to, p->to);
			int r;

			if (!x || !y || (at_to ? y : x)->key != keys->v[i])
				continue;
			r = each(p, s);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

/* ---- all of a pair ---------------------------------------------------------------------- */

static int said_policy(struct nsn_pair *p, const struct nsn_said *s)
{
	return s->policy ? add_policy(p, s) : 0;
}

/* S8: neighbours talk whatever the policies say; the bridge knows of no connections. */
static int allow_inside(struct nsn_pair *p)
{
	struct nsn_box b;
	int r = 0;

	for (size_t i = 0; r == 0 && i < NSN_FAMILIES; i++)
		if (nsn_pair_whole(p, nsn_families[i], &b))
			r = nsn_pair_add(p, &p->ret->allow, &p->ret->n_allow, &b);
	return r;
}

int nsn_asked_pair(const struct nsn_asked *a, size_t from, size_t to, struct nsn_boxes *ret,
		   struct nsnet_err *err)
{
	struct nsn_pair p = {a, from, to, ret, err};
	const bool inside = from == to && !a->in->tenants[from].inside_deny;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = inside ? allow_inside(&p) : each_said(&p, said_policy);
	if (r == 0)
		r = nsn_pair_close(&p, inside);
	ret->all = inside && ret->n_deny == 0;
	if (r < 0)
		nsn_boxes_clear(ret);
	return r;
}

void nsn_boxes_clear(struct nsn_boxes *b)
{
	free(b->allow);
	free(b->deny);
	free(b->kept);
	memset(b, 0, sizeof(*b));
}

/* ---- which pairs there are -------------------------------------------------------------- */

static int said_joins(struct nsn_pair *p, const struct nsn_said *s)
{
	(void)p;
	return s->kept || !s->policy->deny;
}

bool nsn_asked_joined(const struct nsn_asked *a, size_t from, size_t to)
{
	struct nsn_pair p = {.a = a, .from = from, .to = to};

	return from == to || each_said(&p, said_joins) != 0;
}

/* Stamps: what was marked for this tenant has its number and one. */
struct marks {
	size_t *tenant, *key;
};

/* Marks those that tenant @from may open something to. */
static void mark_from(const struct nsn_asked *a, size_t from, const struct marks *m)
{
	const struct nsn_list *keys = &a->keys[from];

	for (size_t i = 0; i < keys->n; i++)
		for (size_t k = 0; k < a->from[keys->v[i]].n; k++) {
			const struct nsn_said *s = &a->said[a->from[keys->v[i]].v[k]];

			for (size_t w = 0; (s->kept || !s->policy->deny) && w < s->to.n; w++) {
				const size_t key = s->to.who[w].key;

				if (m->key[key] == from + 1)
					continue;
				m->key[key] = from + 1;
				for (size_t t = 0; t < a->carry[key].n; t++)
					m->tenant[a->carry[key].v[t]] = from + 1;
			}
		}
}

int nsn_asked_each(const struct nsn_asked *a,
		   int (*each)(size_t from, size_t to, void *arg, struct nsnet_err *err), void *arg,
		   struct nsnet_err *err)
{
	const size_t n = a->in->n_tenants;
	NSN_AUTO(nsn_freep) size_t *tenant = calloc(n ? n : 1, sizeof(*tenant));
	NSN_AUTO(nsn_freep) size_t *key = calloc(a->n_keys, sizeof(*key));
	const struct marks m = {tenant, key};
	int r = 0;

	if (!tenant || !key)
		return nsn_err_nomem(err);
	for (size_t from = 0; from < n; from++) {
		mark_from(a, from, &m);
		for (size_t to = 0; r == 0 && to < n; to++)
			if (to != from && tenant[to] == from + 1)
				r = each(from, to, arg, err);
		if (r != 0)
			return r;
	}
	return 0;
}
