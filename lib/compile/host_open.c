/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "host_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../model/about.h"

/*
 * What policies open between a tenant and the outside, as far as the host's table can tell:
 * all endpoints have one address there. What is said of one of them only is for the gateway.
 */

/* ---- ranges ------------------------------------------------------------------------------ */

static int by_first(const void *a, const void *b)
{
	const struct nsn_range *x = a, *y = b;
	const int c = nsn_ip_cmp(&x->first, &y->first);

	return c ? c : nsn_ip_cmp(&x->last, &y->last);
}

size_t nsn_host_merge(struct nsn_range *list, size_t n)
{
	size_t i, kept = 0;

	qsort(list, n, sizeof(*list), by_first);
	for (i = 0; i < n; i++) {
		struct nsn_range *last = kept ? &list[kept - 1] : NULL;
		const struct nsn_ip next = last ? nsn_ip_add(&last->last, 1) : list[i].first;

		/* Behind the last address of all comes the first. */
		if (!last || (nsn_ip_cmp(&list[i].first, &last->last) > 0 &&
			      nsn_ip_cmp(&list[i].first, &next) != 0))
			list[kept++] = list[i];
		else if (nsn_ip_cmp(&list[i].last, &last->last) > 0)
			last->last = list[i].last;
	}
	return kept;
}

static bool has(const struct nsn_range *r, const struct nsn_ip *ip)
{
	return nsn_ip_cmp(&r->first, ip) <= 0 && nsn_ip_cmp(ip, &r->last) <= 0;
}

/* What both have. false: nothing */
static bool meet(struct nsn_range *ret, const struct nsn_range *a, const struct nsn_range *b)
{
	if (a->first.family != b->first.family)
		return false;
	ret->first = nsn_ip_cmp(&a->first, &b->first) < 0 ? b->first : a->first;
	ret->last = nsn_ip_cmp(&a->last, &b->last) < 0 ? a->last : b->last;
	return nsn_ip_cmp(&ret->first, &ret->last) <= 0;
}

static struct nsn_range range_of(const struct nsn_prefix *p)
{
	return (struct nsn_range){nsn_prefix_network(p), nsn_prefix_last(p)};
}

struct ranges {
	struct nsn_range *list;
	size_t n, cap;
};

static void ranges_clear(struct ranges *r)
{
	free(r->list);
}

static int add_range(struct ranges *to, const struct nsn_range *what)
{
	struct nsn_range *list = to->list;

	if (to->n == to->cap) {
		list = reallocarray(to->list, 2 * to->cap + 8, sizeof(*list));
		if (!list)
			return -ENOMEM;
		to->list = list;
		to->cap = 2 * to->cap + 8;
	}
	list[to->n++] = *what;
	return 0;
}

/* ---- policies ---------------------------------------------------------------------------- */

static bool carries(const struct nsn_tenant *t, const struct nsn_label *l)
{
	for (size_t i = 0; i < t->n_labels; i++)
		if (strcmp(t->labels[i].key, l->key) == 0)
			return strcmp(t->labels[i].value, l->value) == 0;
	return false;
}

/* Whether the peer is the tenant, or some of it. */
static bool is_of(const struct nsn_peer *p, const struct nsn_tenant *t)
{
	switch (p->kind) {
	case NSN_PEER_TENANT:
		return strcmp(p->tenant, t->name) == 0;
	case NSN_PEER_ENDPOINT:
		return strcmp(p->tenant, t->name) == 0 && nsn_tenant_endpoint(t, p->endpoint);
	case NSN_PEER_LABEL:
		return carries(t, &p->label);
	case NSN_PEER_TENANTS:
	case NSN_PEER_ANY:
		return true;
	case NSN_PEER_INTERNET:
	case NSN_PEER_HOST:
	case NSN_PEER_CIDR:
		break;
	}
	return false;
}

static bool one_is_of(const struct nsn_peer *list, size_t n, const struct nsn_tenant *t)
{
	for (size_t i = 0; i < n; i++)
		if (is_of(&list[i], t))
			return true;
	return false;
}

static bool counts(const struct nsn_policy *p, const struct nsn_intent *in)
{
	return !p->deny && !p->audit && (p->expires == 0 || p->expires > in->now);
}

static bool opens(const struct nsn_policy *p, const struct nsn_intent *in,
		  const struct nsn_tenant *t)
{
	return counts(p, in) && one_is_of(p->from, p->n_from, t);
}

bool nsn_host_publishes(const struct nsn_host_wanted *w, const struct nsn_policy *p,
			const struct nsn_tenant *t)
{
	return p->publish.port && p->n_ports > 0 && counts(p, w->intent) &&
	       (p->ports[0].proto == NSN_PROTO_TCP || p->ports[0].proto == NSN_PROTO_UDP ||
		p->ports[0].proto == NSN_PROTO_SCTP) &&
	       p->n_to == 1 && p->to[0].kind == NSN_PEER_ENDPOINT && is_of(&p->to[0], t);
}

static bool on_loopback(const struct nsn_publish *p)
{
	static const uint8_t six[16] = {[15] = 1};

	return p->ip.family == AF_INET6 ? memcmp(p->ip.bytes, six, sizeof(six)) == 0
					: p->ip.family == AF_INET && p->ip.bytes[0] == 127;
}

void nsn_host_publishes_to(const struct nsn_policy *p, bool *host, bool *others)
{
	*host = *others = false;
	for (size_t i = 0; i < p->n_from; i++) {
		const enum nsn_peer_kind kind = p->from[i].kind;

		*host |= kind == NSN_PEER_HOST || kind == NSN_PEER_ANY;
		*others |=
			kind == NSN_PEER_INTERNET || kind == NSN_PEER_CIDR || kind == NSN_PEER_ANY;
	}
	/*
	 * What is published on loopback is for the host alone, whoever else is named. Of ::1
	 * no answer would come back: the kernel has no route_localnet for IPv6.
	 */
	if (on_loopback(&p->publish)) {
		*others = false;
		*host &= p->publish.ip.family == AF_INET;
	}
}

bool nsn_host_on_loopback(const struct nsn_host_wanted *w, const struct nsn_tenant *t)
{
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	bool own, others, ret = false;

	nsn_about_begin(&walk, w->intent, t, NULL);
	while (!ret && (p = nsn_about_next(&walk))) {
		nsn_host_publishes_to(p, &own, &others);
		ret = own && p->publish.ip.family == AF_INET && on_loopback(&p->publish) &&
		      nsn_host_publishes(w, p, t);
	}
	return ret;
}

/* ---- networks, of policies and of what quarantines keep ------------------------------------ */

/* A peer outside, for one tenant. */
struct outside {
	bool internet;
	struct ranges named;
};

/* `any` is also every network. */
static int add_outside(struct outside *o, const struct nsn_peer *p)
{
	static const struct nsn_prefix all[] = {{{.family = AF_INET}, 0},
						{{.family = AF_INET6}, 0}};
	struct nsn_range range;
	int r = 0;

	o->internet |= p->kind == NSN_PEER_INTERNET || p->kind == NSN_PEER_ANY;
	for (size_t i = 0; r == 0 && p->kind == NSN_PEER_ANY && i < NSN_COUNT(all); i++) {
		range = range_of(&all[i]);
		r = add_range(&o->named, &range);
	}
	if (p->kind == NSN_PEER_CIDR) {
		range = range_of(&p->cidr);
		r = add_range(&o->named, &range);
	}
	return r;
}

static int add_peers(struct outside *o, const struct nsn_peer *list, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_outside(o, &list[i]);
	return r;
}

static int add_kept(struct outside *o, const struct nsn_intent *in, const struct nsn_tenant *t)
{
	int r = 0;

	for (size_t i = 0; i < in->n_quarantines; i++) {
		const struct nsn_quarantine *q = &in->quarantines[i];

		for (size_t k = 0; r == 0 && k < q->n_keep; k++)
			if (is_of(&q->keep[k].from, t))
				r = add_outside(o, &q->keep[k].to);
	}
	return r;
}

/* What the tenant may call, and with @in who may call what it publishes. */
static int outside_of(struct outside *o, const struct nsn_host_wanted *w,
		      const struct nsn_tenant *t, bool in)
{
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	bool host, others;
	int r = 0;

	nsn_about_begin(&walk, w->intent, t, NULL);
	while (r == 0 && (p = nsn_about_next(&walk))) {
		if (opens(p, w->intent, t))
			r = add_peers(o, p->to, p->n_to);
		if (r < 0 || !in || !nsn_host_publishes(w, p, t))
			continue;
		nsn_host_publishes_to(p, &host, &others);
		if (others)
			r = add_peers(o, p->from, p->n_from);
	}
	return r < 0 ? r : add_kept(o, w->intent, t);
}

bool nsn_host_routes(const struct nsn_host_wanted *w, const struct nsn_tenant *t)
{
	struct outside o = {0};
	/* Without memory: as if. Whoever makes the rest will meet that again. */
	const bool ret = outside_of(&o, w, t, true) < 0 || o.internet || o.named.n > 0;

	ranges_clear(&o.named);
	return ret;
}

bool nsn_host_six(const struct nsn_host_wanted *w, const struct nsn_tenant *t)
{
	return t->subnet6.ip.family && w->view->all_forwarding6 >= 0;
}

int nsn_host_ways(struct nsn_host_ways *ret, const struct nsn_host_wanted *w)
{
	struct outside all = {0};
	size_t n = 0;
	bool six = false;
	int r = 0;

	*ret = (struct nsn_host_ways){0};
	for (size_t i = 0; r == 0 && i < w->n_tenants; i++) {
		const struct nsn_tenant *t = w->tenants[i].t;
		const bool has_six = nsn_host_six(w, t);

		all.internet = false;
		r = outside_of(&all, w, t, true);
		ret->internet[0] |= all.internet;
		ret->internet[1] |= all.internet && has_six;
		six |= has_six;
	}
	for (size_t i = 0; i < all.named.n; i++)
		if (six || all.named.list[i].first.family == AF_INET)
			all.named.list[n++] = all.named.list[i];
	ret->networks = all.named.list;
	ret->n = r == 0 && n > 0 ? nsn_host_merge(ret->networks, n) : 0;
	return r;
}

void nsn_host_ways_clear(struct nsn_host_ways *ways)
{
	nsn_freep(&ways->networks);
}

/* ---- services of the host ------------------------------------------------------------------ */

/* Of one elementary range of protocols: the ports, joined. @list has room for all. */
static size_t ports_of(struct nsn_host_port *list, const struct nsn_boxes *b,
		       const struct nsn_ip *host, uint32_t proto)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < b->n; i++) {
		const struct nsn_box *box = &b->list[i];
		struct nsn_host_port p = {.port = box->port, .port_last = box->port_last};
		size_t at = n;

		if (!box->allow || box->echo || !has(&box->to, host) || box->proto > proto ||
		    box->proto_last < proto)
			continue;
		for (; at > 0 && list[at - 1].port > p.port; at--)
			list[at] = list[at - 1];
		list[at] = p;
		n++;
	}
	for (size_t i = 0; i < n; i++) {
		if (kept > 0 && list[i].port <= (uint32_t)list[kept - 1].port_last + 1) {
			if (list[i].port_last > list[kept - 1].port_last)
				list[kept - 1].port_last = list[i].port_last;
		} else {
			list[kept++] = list[i];
		}
	}
	return kept;
}

/* Whether the last @n of the list say of their protocols what @ports say of the next one. */
static bool continues(const struct nsn_host_open *o, size_t n, const struct nsn_host_port *ports,
		      size_t n_ports, uint32_t proto)
{
	const struct nsn_host_port *last = o->services + o->n_services - n;

	if (n == 0 || n != n_ports || (uint32_t)last->proto_last + 1 != proto)
		return false;
	for (size_t i = 0; i < n; i++)
		if (last[i].port != ports[i].port || last[i].port_last != ports[i].port_last)
			return false;
	return true;
}

/* Protocol by protocol: there are 256. */
static int find_services(struct nsn_host_open *o, const struct nsn_boxes *b,
			 const struct nsn_ip *host)
{
	NSN_AUTO(nsn_freep) struct nsn_host_port *ports = calloc(b->n + 1, sizeof(*ports));
	size_t last = 0, cap = 0;

	if (!ports)
		return -ENOMEM;
	for (uint32_t proto = 0; proto < 256; proto++) {
		const size_t n = ports_of(ports, b, host, proto);
		const bool more = continues(o, last, ports, n, proto);

		if (!more && o->n_services + n > cap) {
			struct nsn_host_port *list;

			cap = 2 * cap + n;
			list = reallocarray(o->services, cap, sizeof(*list));
			if (!list)
				return -ENOMEM;
			o->services = list;
		}
		if (!more)
			last = n;
		for (size_t i = 0; i < n; i++) {
			struct nsn_host_port *p = more ? &o->services[o->n_services - n + i]
						       : &o->services[o->n_services + i];

			if (!more)
				*p = ports[i];
			p->proto = more ? p->proto : (uint8_t)proto;
			p->proto_last = (uint8_t)proto;
		}
		o->n_services += more ? 0 : n;
	}
	return 0;
}

/* ---- beyond the host ----------------------------------------------------------------------- */

static bool is_hosts(const struct nsn_host_wanted *w, const struct nsn_ip *far,
		     const struct nsn_ip *ip)
{
	if (nsn_ip_cmp(ip, far) == 0)
		return true;
	for (size_t i = 0; i < w->view->n_addrs; i++)
		if (nsn_ip_cmp(ip, &w->view->addrs[i]) == 0)
			return true;
	return false;
}

/* Whether the range has nothing but addresses of the host. */
static bool only_hosts(const struct nsn_host_wanted *w, const struct nsn_ip *far,
		       const struct nsn_range *range)
{
	struct nsn_ip ip = range->first;

	while (is_hosts(w, far, &ip)) {
		if (nsn_ip_cmp(&ip, &range->last) == 0)
			return true;
		ip = nsn_ip_add(&ip, 1);
	}
	return false;
}

/* What of the range policies name; the rest can only be the internet. */
static int split(struct nsn_host_open *o, struct ranges *networks, const struct ranges *named,
		 const struct nsn_range *range)
{
	bool all = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < named->n; i++) {
		struct nsn_range part;

		if (!meet(&part, range, &named->list[i]))
			continue;
		r = add_range(networks, &part);
		all |= nsn_ip_cmp(&part.first, &range->first) == 0 &&
		       nsn_ip_cmp(&part.last, &range->last) == 0;
	}
	o->internet |= !all;
	return r;
}

static int find_networks(struct nsn_host_open *o, const struct nsn_host_wanted *w,
			 const struct nsn_host_tenant *t, const struct nsn_boxes *b,
			 const struct nsn_ip *far)
{
	NSN_AUTO(ranges_clear) struct ranges networks = {0};
	struct outside named = {0};
	int r = outside_of(&named, w, t->t, false);

	if (named.named.n > 0)
		named.named.n = nsn_host_merge(named.named.list, named.named.n);
	for (size_t i = 0; r == 0 && i < b->n; i++)
		if (b->list[i].allow && !only_hosts(w, far, &b->list[i].to))
			r = split(o, &networks, &named.named, &b->list[i].to);
	ranges_clear(&named.named);
	if (r < 0 || networks.n == 0)
		return r;
	o->n_networks = nsn_host_merge(networks.list, networks.n);
	o->networks = networks.list;
	networks.list = NULL;
	return 0;
}

int nsn_host_open(struct nsn_host_open *ret, const struct nsn_host_wanted *w,
		  const struct nsn_host_tenant *t, uint8_t family)
{
	const bool six = family == AF_INET6;
	const struct nsn_ip *far = six ? &t->up.far6 : &t->up.far4;
	struct nsn_boxes boxes = {0};
	int r = nsn_flows_beyond(&boxes, w->intent, t->t, true, family, far,
				 six ? &w->transit.ip6 : &w->transit.ip);

	for (size_t i = 0; r == 0 && i < boxes.n; i++)
		ret->ping |=
			boxes.list[i].allow && boxes.list[i].echo && has(&boxes.list[i].to, far);
	if (r == 0)
		r = find_services(ret, &boxes, far);
	if (r == 0)
		r = find_networks(ret, w, t, &boxes, far);
	free(boxes.list);
	return r;
}

void nsn_host_open_clear(struct nsn_host_open *o)
{
	nsn_freep(&o->services);
	nsn_freep(&o->networks);
}
