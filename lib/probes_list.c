/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "probes.h"

/*
 * probes_list - what is sent to whom
 *
 * Every ordered pair of tenants, three kinds, both families, if that is not more than
 * `most`; else those that policies join, and of the others so many that each tenant sends to a
 * few. Every address of the host and of other gateways. The packet of every violation. Between
 * canaries all kinds.
 */

#define MOST		120000
#define OTHERS		8 /* whom a tenant sends to that it has nothing to do with, in a sample */
#define ALL_KIND	2000 /* so many pairs: all harmless kinds, not only the representatives */
#define REPRESENTATIVES 3

static int add(struct nsn_probes *p, const struct nsn_wire_probe *x, const struct nsn_aim *aim,
	       struct nsnet_err *err)
{
	struct nsn_wire_probe *list;
	struct nsn_aim *aims;
	size_t max;
	int r;

	if (p->n == p->max) {
		max = p->max ? 2 * p->max : 1024;
		list = reallocarray(p->list, max, sizeof(*list));
		if (list)
			p->list = list;
		aims = list ? reallocarray(p->aims, max, sizeof(*aims)) : NULL;
		if (!aims)
			return nsn_err_nomem(err);
		p->aims = aims;
		p->max = max;
	}
	p->list[p->n] = *x;
	p->list[p->n].tag = p->n;
	p->aims[p->n] = *aim;
	r = nsn_probes_expect(p, x, aim, &p->aims[p->n].expect, err);
	p->n += r == 0;
	return r;
}

/*
 * Where nobody listens, and so that no two make the other's direction: what comes back has
 * other ports than what anybody sends.
 */
static void ports(struct nsn_probes *p, struct nsn_wire_probe *x)
{
	const uint32_t i = p->fresh++;

	x->sport = (uint16_t)(20000 + i % 10007);
	x->dport = (uint16_t)(47000 + i % 997);
}

static const struct nsn_ip *ip_of(const struct nsn_wire_place *place, uint8_t family)
{
	return family == AF_INET6 ? &place->ip6 : &place->ip;
}

static int add_pair(struct nsn_probes *p, size_t from, size_t to, enum nsn_wire_kind kind,
		    struct nsnet_err *err)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct nsn_aim aim = {.from = p->side_of[from],
			      .to = p->side_of[to],
			      .gateway = SIZE_MAX,
			      .finding = SIZE_MAX};
	int r = 0;

	for (size_t i = 0; r == 0 && i < NSN_COUNT(families); i++) {
		struct nsn_wire_probe x = {
			.from = from, .to = to, .kind = kind, .family = families[i]};

		if (!ip_of(&p->places[from], families[i])->family ||
		    !ip_of(&p->places[to], families[i])->family ||
		    !nsn_wire_kind_has(kind, families[i]))
			continue;
		x.dst = *ip_of(&p->places[to], families[i]);
		ports(p, &x);
		r = add(p, &x, &aim, err);
	}
	return r;
}

/* The @i-th endpoint of a tenant that is no canary, around; SIZE_MAX: there is none. */
static size_t pick(const struct nsn_probes *p, size_t tenant, size_t i)
{
	const size_t n = p->first[tenant + 1] - p->first[tenant];

	for (size_t k = 0; k < n; k++) {
		const size_t place = p->first[tenant] + (i + k) % n;

		if (!p->places[place].canary)
			return place;
	}
	return SIZE_MAX;
}

static bool is_kind(const struct nsn_probes_how *how, enum nsn_wire_kind k, bool canaries,
		    size_t most)
{
	switch (nsn_wire_kind_class(k)) {
	case NSN_WIRE_LIVE:
		return canaries || (size_t)k < most;
	case NSN_WIRE_CANARY:
		return canaries;
	case NSN_WIRE_HARD:
		return canaries && how->aggressive;
	}
	return false;
}

/* What floods reaches who lives beside the canary: they are no canaries. */
static bool is_harmless(struct nsn_probes *p, const struct nsn_probes_how *how, size_t from,
			enum nsn_wire_kind k)
{
	const bool ok = how->aggressive || !nsn_wire_kind_floods(k) ||
			pick(p, p->side_of[from], 0) == SIZE_MAX;

	p->left_out += !ok;
	return ok;
}

static int add_kinds(struct nsn_probes *p, const struct nsn_probes_how *how, size_t from, size_t to,
		     size_t most, struct nsnet_err *err)
{
	const bool canaries = p->places[from].canary && p->places[to].canary;
	int r = 0;

	for (int k = 0; r == 0 && k < NSN_WIRE_KINDS_N; k++)
		if (is_kind(how, (enum nsn_wire_kind)k, canaries, most) &&
		    is_harmless(p, how, from, (enum nsn_wire_kind)k))
			r = add_pair(p, from, to, (enum nsn_wire_kind)k, err);
	return r;
}

static int add_tenants(struct nsn_probes *p, const struct nsn_probes_how *how, size_t a, size_t b,
		       size_t most, struct nsnet_err *err)
{
	const size_t from = pick(p, a, b), to = pick(p, b, a);
	int r = 0;

	if (from != SIZE_MAX && to != SIZE_MAX)
		r = add_kinds(p, how, from, to, most, err);
	p->pairs += from != SIZE_MAX && to != SIZE_MAX;
	for (size_t i = p->first[a]; r == 0 && i < p->first[a + 1]; i++)
		for (size_t k = p->first[b]; r == 0 && k < p->first[b + 1]; k++)
			if (p->places[i].canary && p->places[k].canary)
				r = add_kinds(p, how, i, k, NSN_WIRE_KINDS_N, err);
	return r;
}

struct adding {
	struct nsn_probes *p;
	const struct nsn_probes_how *how;
};

/* Of a sample: whom policies join, and who is not sent for anyway. */
static int add_joined(size_t from, size_t to, void *arg, struct nsnet_err *err)
{
	const struct adding *x = arg;
	const size_t n = x->p->given->intent.n_tenants;

	return (to + n - from) % n <= OTHERS
		       ? 0
		       : add_tenants(x->p, x->how, from, to, REPRESENTATIVES, err);
}

static int add_pairs(struct nsn_probes *p, const struct nsn_probes_how *how, struct nsnet_err *err)
{
	const size_t n = p->given->intent.n_tenants, all = n * (n ? n - 1 : 0);
	const size_t limit = how->most ? how->most : MOST;
	const size_t kinds = all <= ALL_KIND ? NSN_WIRE_KINDS_N : REPRESENTATIVES;
	struct adding x = {p, how};
	int r = 0;

	p->sampled = all * REPRESENTATIVES > limit;
	for (size_t a = 0; r == 0 && a < n; a++)
		for (size_t d = 1; r == 0 && d < n && (!p->sampled || d <= OTHERS); d++)
			r = add_tenants(p, how, a, (a + d) % n, kinds, err);
	return r == 0 && p->sampled ? nsn_asked_each(p->asked, add_joined, &x, err) : r;
}

/* Where endpoints of one tenant must not talk to each other. */
static int add_inside(struct nsn_probes *p, struct nsnet_err *err)
{
	const struct nsn_intent *in = &p->given->intent;
	int r = 0;

	for (size_t t = 0; r == 0 && t < in->n_tenants; t++) {
		const size_t from = pick(p, t, 0), to = pick(p, t, 1);

		for (int k = 0;
		     in->tenants[t].inside_deny && from != to && r == 0 && k < REPRESENTATIVES; k++)
			r = add_pair(p, from, to, (enum nsn_wire_kind)k, err);
	}
	return r;
}

/* ---- what is nobody's endpoint --------------------------------------------------------------- */

static bool is_aim(const struct nsn_ip *ip)
{
	/* Of one link alone: who is behind another one cannot mean it. */
	return ip->family == AF_INET ? ip->bytes[0] != 127
				     : ip->bytes[0] != 0xfe && ip->bytes[0] != 0;
}

static int add_trusted(struct nsn_probes *p, size_t a, size_t ns, const struct nsn_aim *aim,
		       struct nsnet_err *err)
{
	const struct nsn_vns *v = &p->given->snap.ns[ns];
	const size_t from = pick(p, a, ns);
	int r = 0;

	for (size_t i = 0; from != SIZE_MAX && i < v->n_addrs; i++) {
		const struct nsn_ip *ip = &v->addrs[i].net.ip;

		if (!is_aim(ip) || !ip_of(&p->places[from], ip->family)->family)
			continue;
		for (int k = 0; r == 0 && k < REPRESENTATIVES; k++) {
			struct nsn_wire_probe x = {.from = from,
						   .to = p->place_of[ns],
						   .kind = (enum nsn_wire_kind)k,
						   .family = ip->family,
						   .dst = *ip};

			ports(p, &x);
			r = add(p, &x, aim, err);
		}
	}
	return r;
}

/* Of the gateways all, or the next few; the host always. */
static int add_gateways(struct nsn_probes *p, struct nsnet_err *err)
{
	const struct nsn_snap *s = &p->given->snap;
	const size_t n = p->given->intent.n_tenants;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_ns; i++) {
		const size_t place = p->place_of[i];

		if (place == SIZE_MAX || !p->places[place].trusted)
			continue;
		for (size_t a = 0; r == 0 && a < n; a++) {
			const size_t side = p->side_of[place];
			struct nsn_aim aim = {.from = a,
					      .to = side,
					      .gateway = side < n ? side : SIZE_MAX,
					      .finding = SIZE_MAX};

			if (side == a || (p->sampled && side < n && (side + n - a) % n > OTHERS))
				continue;
			r = add_trusted(p, a, i, &aim, err);
		}
	}
	return r;
}

/* Somewhere in the internet: its TTL ends at the host. */
static int add_outside(struct nsn_probes *p, struct nsnet_err *err)
{
	static const struct nsn_ip far[] = {
		{AF_INET, {9, 9, 9, 9}},
		{AF_INET6, {0x26, 0x20, 0, 0xfe, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}},
	};
	const size_t n = p->given->intent.n_tenants;
	int r = 0;

	for (size_t a = 0; r == 0 && a < n; a++)
		for (size_t i = 0; r == 0 && i < NSN_COUNT(far); i++) {
			const size_t from = pick(p, a, 0);
			const struct nsn_aim aim = {.from = a,
						    .to = NSN_SIDE_INTERNET(n),
						    .gateway = SIZE_MAX,
						    .finding = SIZE_MAX};

			if (!p->uplink[a] || from == SIZE_MAX ||
			    !ip_of(&p->places[from], far[i].family)->family)
				continue;
			for (int k = 0; r == 0 && k < REPRESENTATIVES; k++) {
				struct nsn_wire_probe x = {.from = from,
							   .to = SIZE_MAX,
							   .kind = (enum nsn_wire_kind)k,
							   .family = far[i].family,
							   .dst = far[i]};

				ports(p, &x);
				r = add(p, &x, &aim, err);
			}
		}
	return r;
}

/* ---- the packets of violations --------------------------------------------------------------- */

static bool is_echo(const struct nsn_shot *shot)
{
	return shot->sport >> 8 == (shot->src.family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST);
}

static enum nsn_wire_kind kind_of(const struct nsn_shot *shot)
{
	if (!shot->src.family)
		return NSN_WIRE_ETHERTYPE;
	switch (shot->proto) {
	case IPPROTO_TCP:
		return shot->tcp_flags == 0x02 ? NSN_WIRE_TCP_SYN : NSN_WIRE_TCP_ACK;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return is_echo(shot) ? NSN_WIRE_ICMP : NSN_WIRE_ICMP_ERROR;
	case IPPROTO_SCTP:
		return NSN_WIRE_PROTO_SCTP;
	case IPPROTO_GRE:
		return NSN_WIRE_PROTO_GRE;
	case IPPROTO_ESP:
		return NSN_WIRE_PROTO_ESP;
	case IPPROTO_UDP:
		return NSN_WIRE_UDP;
	default:
		return NSN_WIRE_PROTO_253;
	}
}

/* The namespace that the packet of a shot is sent from: behind the link that it comes in by. */
static size_t sender_of(const struct nsn_snap *s, const struct nsn_shot *shot)
{
	const struct nsn_vlink *l =
		shot->ns < s->n_ns ? nsn_vns_link(&s->ns[shot->ns], shot->in) : NULL;

	return l && l->peer_ns < s->n_ns ? l->peer_ns : NSN_NOWHERE;
}

/* Nobody has asked for a word with the programs of live endpoints. */
static bool is_spared(const struct nsn_probes *p, const struct nsn_probes_how *how,
		      const struct nsn_wire_probe *x)
{
	const struct nsn_wire_place *to = x->to == SIZE_MAX ? NULL : &p->places[x->to];

	return to && !how->aggressive && !to->canary && x->dst.family &&
	       nsn_probes_hears(to, x->proto, &x->dst, x->dport);
}

static int spare(struct nsn_probes *p, size_t finding, struct nsnet_err *err)
{
	const size_t max = p->max_spared ? 2 * p->max_spared : 16;
	size_t *list;

	if (p->n_spared == p->max_spared) {
		list = reallocarray(p->spared, max, sizeof(*list));
		if (!list)
			return nsn_err_nomem(err);
		p->spared = list;
		p->max_spared = max;
	}
	p->spared[p->n_spared++] = finding;
	return 0;
}

static int add_shot(struct nsn_probes *p, const struct nsn_probes_how *how, size_t finding,
		    struct nsnet_err *err)
{
	const struct nsn_shot *shot = &p->report->findings.list[finding].shot;
	const struct nsn_snap *s = &p->given->snap;
	const size_t ns = sender_of(s, shot);
	const size_t from = ns == NSN_NOWHERE ? SIZE_MAX : p->place_of[ns];
	struct nsn_wire_probe x = {.from = from,
				   .to = shot->to < s->n_ns ? p->place_of[shot->to] : SIZE_MAX,
				   .kind = kind_of(shot),
				   .family = shot->src.family,
				   .src = shot->src,
				   .dst = shot->dst,
				   .proto = shot->proto,
				   .sport = shot->sport,
				   .dport = shot->dport};
	struct nsn_aim aim = {.to = SIZE_MAX, .gateway = SIZE_MAX, .finding = finding};

	/* Sent by nobody's endpoint, or to one that cannot be listened at: not tested. */
	if (!shot->has || from == SIZE_MAX || p->places[from].trusted ||
	    (shot->to < s->n_ns && x.to == SIZE_MAX))
		return 0;
	if (is_spared(p, how, &x))
		return spare(p, finding, err);
	aim.from = p->side_of[from];
	if (x.to != SIZE_MAX && p->places[x.to].trusted && p->side_of[x.to] < SIZE_MAX &&
	    p->side_of[x.to] != NSN_SIDE_HOST(p->given->intent.n_tenants))
		aim.gateway = p->side_of[x.to];
	aim.to =
		x.to == SIZE_MAX ? NSN_SIDE_INTERNET(p->given->intent.n_tenants) : p->side_of[x.to];
	return add(p, &x, &aim, err);
}

static int add_all(struct nsn_probes *p, const struct nsn_probes_how *how, struct nsnet_err *err)
{
	int r = add_pairs(p, how, err);

	if (r == 0)
		r = add_inside(p, err);
	if (r == 0)
		r = add_gateways(p, err);
	return r == 0 ? add_outside(p, err) : r;
}

int nsn_probes_list(struct nsn_probes *p, const struct nsn_probes_how *how, struct nsnet_err *err)
{
	int r = 0;

	/* Not those of the last run: its connections may still be known. */
	if (getrandom(&p->fresh, sizeof(p->fresh), 0) != (ssize_t)sizeof(p->fresh))
		p->fresh = (uint32_t)getpid();
	for (size_t i = 0; r == 0 && how->pairs && i < how->n_pairs; i++)
		r = add_tenants(p, how, how->pairs[i][0], how->pairs[i][1], NSN_WIRE_KINDS_N, err);
	if (!how->pairs)
		r = add_all(p, how, err);
	for (size_t i = 0; r == 0 && i < p->report->findings.n; i++)
		r = add_shot(p, how, i, err);
	return r;
}
