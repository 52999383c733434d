/* SPDX-License-Identifier: GPL-2.0-or-later */
/* asked - what a tenant and what is beyond all tenants may open to each other */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "asked_parts.h"

static const struct nsn_range everything[2] = {{0, UINT32_MAX}, {0, ~(nsn_u128)0}};

static size_t index_of(uint8_t family)
{
	return family == AF_INET6;
}

static nsn_u128 number(const struct nsn_ip *ip)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < (ip->family == AF_INET ? 4 : 16); i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

static struct nsn_range span_of(const struct nsn_prefix *p)
{
	const struct nsn_ip first = nsn_prefix_network(p), last = nsn_prefix_last(p);

	return (struct nsn_range){number(&first), number(&last)};
}

/* ---- the internet ------------------------------------------------------------------------- */

struct ranges {
	struct nsn_range *v;
	size_t n;
};

static int add_range(struct ranges *l, struct nsn_range r, struct nsnet_err *err)
{
	void *v = l->v;
	int bad = nsn_asked_grow(&v, l->n, sizeof(r), err);

	if (bad < 0)
		return bad;
	l->v = v;
	l->v[l->n++] = r;
	return 0;
}

/* On a link: networks of addresses, and routes without a gateway. */
static int networks(struct ranges *ret, const struct nsn_vns *host, uint8_t family,
		    struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < host->n_addrs; i++)
		if (host->addrs[i].net.ip.family == family)
			r = add_range(ret, span_of(&host->addrs[i].net), err);
	for (size_t i = 0; r == 0 && i < host->n_routes; i++) {
		const struct nsn_vroute *x = &host->routes[i];

		if (x->dst.ip.family == family && x->dst.len > 0 && x->type == RTN_UNICAST &&
		    x->table != RT_TABLE_LOCAL && x->n_hops > 0 && !x->hops[0].via.family)
			r = add_range(ret, span_of(&x->dst), err);
	}
	return r;
}

static int by_value(const void *a, const void *b)
{
	const nsn_u128 x = *(const nsn_u128 *)a, y = *(const nsn_u128 *)b;

	return x < y ? -1 : x > y;
}

/* Of the entries that an address is in, the longest decides. */
static bool is_global(uint8_t family, nsn_u128 v)
{
	size_t n;
	const struct nsn_reach *t = nsn_reach_table(&n);
	int longest = -1;
	bool ret = false;

	for (size_t i = 0; i < n; i++) {
		const struct nsn_range r = span_of(&t[i].net);

		if (t[i].net.ip.family != family || v < r.first || v > r.last ||
		    (int)t[i].net.len < longest)
			continue;
		longest = t[i].net.len;
		ret = t[i].global;
	}
	return ret;
}

static bool is_in(const struct ranges *l, nsn_u128 v)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].first <= v && v <= l->v[i].last)
			return true;
	return false;
}

/* Where something begins: between two such points all addresses are alike. */
static size_t points(const struct ranges *nets, uint8_t family, nsn_u128 *ret)
{
	const nsn_u128 max = everything[index_of(family)].last;
	size_t n, k = 0, out = 0;
	const struct nsn_reach *t = nsn_reach_table(&n);

	ret[k++] = 0;
	for (size_t i = 0; i < n + nets->n; i++) {
		const struct nsn_range r = i < n ? span_of(&t[i].net) : nets->v[i - n];

		if (i < n && t[i].net.ip.family != family)
			continue;
		ret[k++] = r.first;
		if (r.last < max)
			ret[k++] = r.last + 1;
	}
	qsort(ret, k, sizeof(*ret), by_value);
	for (size_t i = 0; i < k; i++)
		if (i == 0 || ret[i] != ret[i - 1])
			ret[out++] = ret[i];
	return out;
}

static int internet(struct ranges *ret, const struct ranges *nets, uint8_t family,
		    struct nsnet_err *err)
{
	size_t n, k;
	NSN_AUTO(nsn_freep) nsn_u128 *at = NULL;
	int r = 0;

	(void)nsn_reach_table(&n);
	at = calloc(2 * (n + nets->n) + 2, sizeof(*at));
	if (!at)
		return nsn_err_nomem(err);
	k = points(nets, family, at);
	for (size_t i = 0; r == 0 && i < k; i++) {
		const nsn_u128 last = i + 1 < k ? at[i + 1] - 1 : everything[index_of(family)].last;

		if (!is_global(family, at[i]) || is_in(nets, at[i]))
			continue;
		if (ret->n > 0 && ret->v[ret->n - 1].last + 1 == at[i])
			ret->v[ret->n - 1].last = last;
		else
			r = add_range(ret, (struct nsn_range){at[i], last}, err);
	}
	return r;
}

/* ---- the host ------------------------------------------------------------------------------- */

/* Those that it is known by outside: not of uplinks, not of `lo` alone. */
static int addresses(struct ranges *ret, const struct nsn_vns *host, uint8_t family,
		     struct nsnet_err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < host->n_addrs; i++) {
		const struct nsn_ip *ip = &host->addrs[i].net.ip;
		const struct nsn_vlink *l = nsn_vns_link(host, host->addrs[i].link);
		const nsn_u128 v = number(ip);

		if (ip->family != family || !l ||
		    (strcmp(l->kind, "veth") == 0 && strncmp(l->name, "nsn", 3) == 0) ||
		    (family == AF_INET ? v >> 24 == 127 : v == 1))
			continue;
		r = add_range(ret, (struct nsn_range){v, v}, err);
	}
	return r;
}

int nsn_beyond_make(struct nsn_beyond *ret, const struct nsn_vns *host, struct nsnet_err *err)
{
	int r = 0;

	*ret = (struct nsn_beyond){0};
	for (size_t i = 0; r == 0 && host && i < NSN_FAMILIES; i++) {
		struct ranges nets = {0}, inet = {0}, own = {0};

		r = networks(&nets, host, nsn_families[i], err);
		if (r == 0)
			r = internet(&inet, &nets, nsn_families[i], err);
		if (r == 0)
			r = addresses(&own, host, nsn_families[i], err);
		free(nets.v);
		ret->internet[i] = inet.v;
		ret->n_internet[i] = inet.n;
		ret->host[i] = own.v;
		ret->n_host[i] = own.n;
	}
	if (r < 0)
		nsn_beyond_clear(ret);
	return r;
}

void nsn_beyond_clear(struct nsn_beyond *b)
{
	for (size_t i = 0; i < NSN_FAMILIES; i++) {
		free(b->internet[i]);
		free(b->host[i]);
	}
	*b = (struct nsn_beyond){0};
}

/* ---- one sentence --------------------------------------------------------------------------- */

struct side {
	struct nsn_pair p; /* from and to are the tenant */
	const struct nsn_beyond *b;
	enum nsn_where where;
	bool out;
};

/* Addresses that a peer names there. */
static const struct nsn_range *named(const struct side *x, const struct nsn_peer *peer,
				     bool published, uint8_t family, struct nsn_range *one,
				     size_t *n)
{
	const size_t i = index_of(family);
	const bool host = x->where == NSN_WHERE_HOST;

	*n = 1;
	/* The host itself may use what it publishes for whomever. */
	if (peer->kind == NSN_PEER_ANY || (host && peer->kind == NSN_PEER_HOST) ||
	    (host && published && !nsn_peer_is_tenants(peer)))
		return &everything[i];
	if (!host && peer->kind == NSN_PEER_CIDR && peer->cidr.ip.family == family) {
		*one = span_of(&peer->cidr);
		return one;
	}
	*n = !host && peer->kind == NSN_PEER_INTERNET ? x->b->n_internet[i] : 0;
	return x->b->internet[i];
}

static bool is_local(const struct nsn_publish *p)
{
	return (p->ip.family == AF_INET && p->ip.bytes[0] == 127) ||
	       (p->ip.family == AF_INET6 && number(&p->ip) == 1);
}

static bool says_nothing(const struct side *x, const struct nsn_said *s)
{
	/* Into a tenant only what is published leads; what a quarantine keeps opens no way. */
	return !x->out && s->policy && !s->policy->deny &&
	       (!s->policy->publish.port ||
		(x->where == NSN_WHERE_OUTSIDE && is_local(&s->policy->publish)));
}

static int add_boxes(struct side *x, const struct nsn_said *s, const struct nsn_peer *peer,
		     const struct nsn_range *own, const struct nsn_box *within,
		     struct nsn_box **list, size_t *n)
{
	const bool published = s->policy && !s->policy->deny && !x->out;
	struct nsn_range one;
	size_t n_ranges;
	const struct nsn_range *ranges = named(x, peer, published, within->family, &one, &n_ranges);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_ranges * s->n_ports; i++) {
		const struct nsn_range *there = &ranges[i / s->n_ports];
		struct nsn_box b = {.family = within->family,
				    .src = x->out ? *own : *there,
				    .dst = x->out ? *there : *own,
				    .policy = s->policy ? s->policy : within->policy,
				    .kept = s->kept};

		nsn_box_ports(&b, &s->ports[i % s->n_ports]);
		if (nsn_box_narrow(&b, within))
			r = nsn_pair_add(&x->p, list, n, &b);
	}
	return r;
}

/* What of @within the sentence speaks of. */
static int said(struct side *x, const struct nsn_said *s, const struct nsn_box *within,
		struct nsn_box **list, size_t *n)
{
	const struct nsn_asked_side *own = x->out ? &s->from : &s->to;
	const struct nsn_peer *peers;
	struct nsn_range span;
	size_t n_peers = 1;
	int r = 0;

	if (s->policy) {
		peers = x->out ? s->policy->to : s->policy->from;
		n_peers = x->out ? s->policy->n_to : s->policy->n_from;
	} else {
		peers = x->out ? &s->flow->to : &s->flow->from;
	}
	if (says_nothing(x, s))
		return 0;
	for (size_t i = 0; r == 0 && i < own->n * n_peers; i++) {
		const struct nsn_asked_who *w = &own->who[i % own->n];

		if (nsn_asked_has_key(x->p.a, x->p.from, w->key) &&
		    nsn_pair_span(&x->p.a->in->tenants[x->p.from], w->endpoint, within->family,
				  &span))
			r = add_boxes(x, s, &peers[i / own->n], &span, within, list, n);
	}
	return r;
}

/* All there can be between the two. False: nothing of that family. */
static bool whole(const struct side *x, uint8_t family, struct nsn_box *ret)
{
	static const struct nsn_ports any = {.proto = NSN_PROTO_ANY};
	const struct nsn_range *all = &everything[index_of(family)];
	struct nsn_range own;

	if (!nsn_pair_span(&x->p.a->in->tenants[x->p.from], SIZE_MAX, family, &own))
		return false;
	*ret = (struct nsn_box){
		.family = family, .src = x->out ? own : *all, .dst = x->out ? *all : own};
	nsn_box_ports(ret, &any);
	return true;
}

static int policies(struct side *x)
{
	const struct nsn_asked *a = x->p.a;
	const struct nsn_list *keys = &a->keys[x->p.from];
	struct nsn_box all;
	int r = 0;

	for (size_t i = 0; i < keys->n; i++) {
		const struct nsn_list *l = &(x->out ? a->from : a->to)[keys->v[i]];

		for (size_t k = 0; k < l->n; k++) {
			const struct nsn_said *s = &a->said[l->v[k]];
			const struct nsn_asked_who *first =
				nsn_asked_first(a, x->out ? &s->from : &s->to, x->p.from);
			struct nsn_boxes *ret = x->p.ret;

			if (!s->policy || !first || first->key != keys->v[i])
				continue;
			for (size_t f = 0; r == 0 && f < NSN_FAMILIES; f++) {
				if (!whole(x, nsn_families[f], &all))
					continue;
				r = s->policy->deny ? said(x, s, &all, &ret->deny, &ret->n_deny)
						    : said(x, s, &all, &ret->allow, &ret->n_allow);
			}
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* ---- quarantines ---------------------------------------------------------------------------- */

static int find_closed(struct side *x, struct nsn_list *ret)
{
	const struct nsn_asked *a = x->p.a;
	const struct nsn_list *keys = &a->keys[x->p.from];

	for (size_t i = 0; i < keys->n; i++)
		for (size_t k = 0; k < a->border[keys->v[i]].n; k++) {
			void *v = ret->v;
			int r = nsn_asked_grow(&v, ret->n, sizeof(*ret->v), x->p.err);

			if (r < 0)
				return r;
			ret->v = v;
			ret->v[ret->n++] = a->border[keys->v[i]].v[k];
		}
	return 0;
}

/* Of one part what all quarantines keep that are about it; what it would do then, if anything. */
static int keep_part(struct side *x, const struct nsn_list *closed, struct nsn_box b,
		     const struct nsn_asked_part *part)
{
	const struct nsn_asked *a = x->p.a;
	NSN_AUTO(nsn_freep) struct nsn_box *now = NULL;
	size_t n_now = 0;
	bool any = false;
	int r;

	*(x->out ? &b.src : &b.dst) = part->span;
	r = nsn_pair_add(&x->p, &now, &n_now, &b);
	for (size_t i = 0; r == 0 && n_now && i < closed->n; i++) {
		const struct nsn_closed *c = &a->closed[closed->v[i]];
		struct nsn_box *next = NULL;
		size_t n_next = 0;

		if (c->who.endpoint != SIZE_MAX && c->who.endpoint != part->endpoint)
			continue;
		any = true;
		for (size_t k = 0; r == 0 && k < n_now * c->n_keep; k++)
			r = said(x, &a->said[c->first + k % c->n_keep], &now[k / c->n_keep], &next,
				 &n_next);
		free(now);
		now = next;
		n_now = n_next;
	}
	for (size_t i = 0; r == 0 && any && i < n_now; i++)
		r = nsn_pair_add(&x->p, &x->p.ret->kept, &x->p.ret->n_kept, &now[i]);
	return r;
}

static int close_family(struct side *x, const struct nsn_list *closed, uint8_t family)
{
	NSN_AUTO(nsn_freep) struct nsn_asked_part *parts = NULL;
	struct nsn_boxes *ret = x->p.ret;
	struct nsn_box all, b;
	size_t n = 0;
	int r = 0;

	if (!whole(x, family, &all))
		return 0;
	for (size_t i = 0; r == 0 && i < closed->n; i++) {
		const struct nsn_closed *c = &x->p.a->closed[closed->v[i]];

		b = all;
		b.kept = c->quarantine;
		if (nsn_pair_span(&x->p.a->in->tenants[x->p.from], c->who.endpoint, family,
				  x->out ? &b.src : &b.dst))
			r = nsn_pair_add(&x->p, &ret->deny, &ret->n_deny, &b);
	}
	if (r == 0)
		r = nsn_asked_cut(x->p.a, closed, x->p.from, family, &parts, &n, x->p.err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = keep_part(x, closed, all, &parts[i]);
	return r;
}

/* Of what is kept there is a way in only where something is published. */
static int keep_published(struct side *x)
{
	struct nsn_boxes *ret = x->p.ret;
	struct nsn_box *kept = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ret->n_kept * ret->n_allow; i++) {
		const struct nsn_box *allow = &ret->allow[i % ret->n_allow];
		struct nsn_box b = ret->kept[i / ret->n_allow];

		b.policy = allow->policy;
		if (b.family == allow->family && nsn_box_narrow(&b, allow))
			r = nsn_pair_add(&x->p, &kept, &n, &b);
	}
	free(ret->kept);
	ret->kept = kept;
	ret->n_kept = n;
	return r;
}

int nsn_asked_beyond(const struct nsn_asked *a, const struct nsn_beyond *b, size_t tenant,
		     enum nsn_where where, bool out, struct nsn_boxes *ret, struct nsnet_err *err)
{
	struct side x = {{a, tenant, tenant, ret, err}, b, where, out};
	struct nsn_list closed = {0};
	int r;

	memset(ret, 0, sizeof(*ret));
	r = policies(&x);
	if (r == 0)
		r = find_closed(&x, &closed);
	for (size_t i = 0; r == 0 && closed.n && i < NSN_FAMILIES; i++)
		r = close_family(&x, &closed, nsn_families[i]);
	if (r == 0 && !out)
		r = keep_published(&x);
	free(closed.v);
	if (r < 0)
		nsn_boxes_clear(ret);
	return r;
}
