/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain: the internet, addresses and the host as one of both sides */
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

#include "base/cleanup.h"
#include "explain.h"

/* Somebody out there: a resolver that answers in both families. */
static const char *const somebody[] = {"9.9.9.9", "2620:fe::fe"};

static const struct nsn_vns *host_of(const struct nsn_explaining *x)
{
	return x->w.host == NSN_NOWHERE ? NULL : &x->w.given.snap.ns[x->w.host];
}

static bool is_uplink(const struct nsn_vlink *l)
{
	return strcmp(l->kind, "veth") == 0 && strncmp(l->name, "nsn", 3) == 0;
}

/* The first address that the host is known by; family 0: none. */
static struct nsn_ip own_address(const struct nsn_explaining *x)
{
	const struct nsn_vns *host = host_of(x);

	for (size_t i = 0; host && i < host->n_addrs; i++) {
		const struct nsn_vlink *l = nsn_vns_link(host, host->addrs[i].link);
		const struct nsn_ip *ip = &host->addrs[i].net.ip;
		const bool local =
			ip->family == AF_INET6 && ip->bytes[0] == 0xfe && ip->bytes[1] == 0x80;

		if (l && ip->family == x->family && !(l->flags & IFF_LOOPBACK) && !is_uplink(l) &&
		    !local)
			return *ip;
	}
	return (struct nsn_ip){0};
}

static bool is_own(const struct nsn_explaining *x, const struct nsn_ip *ip)
{
	const struct nsn_vns *host = host_of(x);

	for (size_t i = 0; host && i < host->n_addrs; i++)
		if (nsn_ip_cmp(&host->addrs[i].net.ip, ip) == 0)
			return true;
	return false;
}

int nsn_explain_beyond(struct nsn_explaining *x, const char *text, struct nsn_ip *ip,
		       struct nsnet_err *err)
{
	struct nsn_ip given = {0};

	if (strcmp(text, "host") == 0) {
		x->where = NSN_WHERE_HOST;
		*ip = own_address(x);
		return 0;
	}
	if (strcmp(text, "internet") == 0) {
		x->where = NSN_WHERE_OUTSIDE;
		(void)nsn_ip_parse(ip, somebody[x->family == AF_INET6]);
		return 0;
	}
	if (nsn_ip_parse(&given, text) < 0)
		return 1;
	if (given.family != x->family)
		return nsn_err(err, -EINVAL, NSNET_E_USAGE, "'%s' is of the other family%s", text,
			       given.family == AF_INET6 ? ": --ipv6" : "");
	*ip = given;
	x->where = is_own(x, ip) ? NSN_WHERE_HOST : NSN_WHERE_OUTSIDE;
	return 0;
}

/* ---- the way in --------------------------------------------------------------------------- */

/* By which the host would answer: the longest route. */
static const struct nsn_vlink *link_towards(const struct nsn_explaining *x, const struct nsn_ip *ip)
{
	const struct nsn_vns *host = host_of(x);
	const struct nsn_vroute *best = NULL;
	const struct nsn_vlink *l;

	for (size_t i = 0; host && i < host->n_routes; i++) {
		const struct nsn_vroute *r = &host->routes[i];

		if (r->table == RT_TABLE_MAIN && r->type == RTN_UNICAST && r->n_hops > 0 &&
		    r->dst.ip.family == ip->family && nsn_prefix_has(&r->dst, ip) &&
		    (!best || r->dst.len > best->dst.len))
			best = r;
	}
	l = best ? nsn_vns_link(host, best->hops[0].link) : NULL;
	/* Frames come in by a port of a bridge. */
	for (size_t i = 0; l && strcmp(l->kind, "bridge") == 0 && i < host->n_links; i++)
		if (host->links[i].master == l->index && host->links[i].flags & IFF_UP)
			return &host->links[i];
	return l;
}

static bool has(const struct nsn_range *r, nsn_u128 v)
{
	return r->first <= v && v <= r->last;
}

/* What is published for this service of the endpoint, whoever may use it. */
static const struct nsn_publish *published(const struct nsn_explaining *x,
					   const struct nsn_boxes *b)
{
	for (size_t i = 0; i < b->n_allow; i++) {
		const struct nsn_box *box = &b->allow[i];

		if (box->family == x->family && has(&box->dst, nsn_walker_ip(&x->to_ip)) &&
		    box->proto_first <= x->service.proto && x->service.proto <= box->proto_last &&
		    box->port_first <= x->service.port && x->service.port <= box->port_last)
			return &box->policy->publish;
	}
	return NULL;
}

int nsn_explain_way_in(struct nsn_explaining *x, struct nsnet_err *err)
{
	static const uint8_t none[16];
	NSN_AUTO(nsn_boxes_clear) struct nsn_boxes b = {0};
	const struct nsn_publish *pub;
	int r = nsn_asked_beyond(x->w.asked, &x->w.beyond, x->to_tenant, x->where, false, &b, err);

	if (r < 0)
		return r;
	x->gateway = x->w.host;
	if (x->where == NSN_WHERE_OUTSIDE)
		x->port = link_towards(x, &x->from_ip);
	pub = published(x, &b);
	if (!pub || (pub->ip.family && pub->ip.family != x->family))
		return 0;
	x->published = true;
	x->sent_port = pub->port;
	x->sent_to = pub->ip.family && memcmp(pub->ip.bytes, none,
					      pub->ip.family == AF_INET ? 4 : 16) != 0
			     ? pub->ip
			     : own_address(x);
	return 0;
}

static struct nsn_ip as_ip(nsn_u128 v, uint8_t family)
{
	struct nsn_ip ip = {.family = family};
	const size_t n = family == AF_INET ? 4 : 16;

	for (size_t i = 0; i < n; i++)
		ip.bytes[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
	return ip;
}

/* What of an arrival is the question's packet, whatever it was sent to. */
static nsn_set_t asked_for(struct nsn_explaining *x, nsn_set_t set)
{
	struct nsn_space *s = &x->w.space;

	set = nsn_and(s, set, nsn_is(s, NSN_F_CTSTATE, NSN_CT_NEW));
	set = nsn_and(s, set, nsn_is(s, NSN_F_SRC, nsn_walker_ip(&x->from_ip)));
	set = nsn_and(s, set, nsn_is(s, NSN_F_PROTO, x->service.proto));
	set = nsn_and(s, set, nsn_masked(s, NSN_F_FIRST, 6, 2));
	return nsn_and(s, set,
		       nsn_is(s, x->service.icmp ? NSN_F_SPORT : NSN_F_DPORT, x->service.port));
}

void nsn_explain_search(struct nsn_explaining *x)
{
	struct nsn_arrivals all = {0};

	if (x->from || x->published || !x->port || x->to_ns == NSN_NOWHERE)
		return;
	nsn_walk_from(x->w.walk, x->gateway, &x->port->index, 1, x->family, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct nsn_arrival *a = &all.list[i];
		struct nsn_packet one;
		nsn_set_t set;

		if (a->kind != NSN_ARRIVES || a->to != x->to_ns)
			continue;
		set = asked_for(x, a->set);
		if (nsn_empty(set))
			continue;
		nsn_pick(&x->w.space, set, NULL, &one);
		x->sent_to = as_ip(one.v[NSN_F_ODST], x->family);
		x->sent_port = (uint16_t)one.v[NSN_F_ODPORT];
		return;
	}
}

bool nsn_explain_arrived(const struct nsn_explaining *x)
{
	const struct nsn_passage *p = &x->passage;

	if (!x->walked || !p->arrived)
		return false;
	if (x->to)
		return x->to_ns != NSN_NOWHERE && p->to == x->to_ns && !p->local;
	return p->last == x->w.host && p->local == (x->where == NSN_WHERE_HOST);
}
