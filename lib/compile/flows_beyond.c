/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"

/*
 * The outside, as ranges of addresses.
 *
 * Whatever mentions addresses cuts them: networks in policies, IANA's table of what is
 * the internet, the links of the host, its own addresses. Of a piece between two cuts
 * every network has all or nothing. The pieces about which the same is said are one part,
 * those beside each other one range.
 */

/* Whose addresses a network's are. */
enum nature {
	NEVER,	 /* nobody's outside: of all hosts, of none, of one link; the tenant's own */
	NEAR,	 /* link-local, with a meaning: metadata services. Only for who names it */
	TRANSIT, /* @not_there */
	OURS,	 /* the host's end of the uplink, of the transit addresses the only one outside */
	HOST,
	LINK,  /* on a link of the host */
	REACH, /* of the table */
	NAMED, /* by a claim */
};

struct net {
	struct nsn_range range;
	enum nature nature;
	uint8_t len; /* REACH: the longest counts */
	bool global; /* REACH */
};

struct nets {
	struct net *list;
	size_t n;
	struct nsn_ip *cuts; /* where pieces begin */
	size_t n_cuts;
};

static void nets_clear(struct nets *n)
{
	nsn_freep(&n->list);
	nsn_freep(&n->cuts);
}

/* What is never outside of anybody: no unicast, or not beyond one link. */
static const struct nsn_prefix never[] = {
	{{AF_INET, {0}}, 8},
	{{AF_INET, {127}}, 8},
	{{AF_INET, {224}}, 3},
	{{AF_INET6, {0}}, 96},			      /* nobody, loopback */
	{{AF_INET6, {[10] = 0xff, [11] = 0xff}}, 96}, /* IPv4 */
	{{AF_INET6, {0xfe, 0x80}}, 10},
	{{AF_INET6, {0xff}}, 8},
};
static const struct nsn_prefix near = {{AF_INET, {169, 254}}, 16};

/* ---- pieces ----------------------------------------------------------------------------- */

/* @p: of any family; another's is left out. There is room. */
static void add_net(struct nets *nets, const struct nsn_prefix *p, enum nature nature,
		    uint8_t family)
{
	struct net *net = &nets->list[nets->n];

	if (p->ip.family != family)
		return;
	*net = (struct net){.range = {nsn_prefix_network(p), nsn_prefix_last(p)},
			    .nature = nature,
			    .len = p->len};
	nets->n++;
}

static void add_ip(struct nets *nets, const struct nsn_ip *ip, enum nature nature, uint8_t family)
{
	if (ip->family == family)
		add_net(nets, &(struct nsn_prefix){*ip, (uint8_t)nsn_ip_bits(ip)}, nature, family);
}

/*
 * A network on a link of the host. Its broadcast addresses, and the anycast address of its
 * routers, which is the first, are the host's as well: what is sent there it takes itself.
 */
static void add_link(struct nets *nets, const struct nsn_prefix *p, uint8_t family)
{
	const struct nsn_ip first = nsn_prefix_network(p), last = nsn_prefix_last(p);

	add_net(nets, p, LINK, family);
	if (p->len + 1U >= nsn_ip_bits(&p->ip))
		return;
	add_ip(nets, &first, NEVER, family);
	if (family == AF_INET)
		add_ip(nets, &last, NEVER, family);
}

static void add_reach(struct nets *nets, uint8_t family)
{
	size_t n;
	const struct nsn_reach *table = nsn_reach_table(&n);

	for (size_t i = 0; i < n; i++) {
		const size_t before = nets->n;

		add_net(nets, &table[i].net, REACH, family);
		if (nets->n > before)
			nets->list[before].global = table[i].global;
	}
}

static int by_address(const void *a, const void *b)
{
	return nsn_ip_cmp(a, b);
}

/* Where each begins and where it has ended, each place once; the first one of all, too. */
static int make_cuts(struct nets *nets, uint8_t family)
{
	size_t n = 0, i;

	nets->cuts = calloc(2 * nets->n + 1, sizeof(*nets->cuts));
	if (!nets->cuts)
		return -ENOMEM;
	nets->cuts[n++] = (struct nsn_ip){.family = family};
	for (i = 0; i < nets->n; i++) {
		nets->cuts[n++] = nets->list[i].range.first;
		/* Behind the last of all is the first. */
		nets->cuts[n++] = nsn_ip_add(&nets->list[i].range.last, 1);
	}
	qsort(nets->cuts, n, sizeof(*nets->cuts), by_address);
	for (i = 0; i < n; i++)
		if (i == 0 || nsn_ip_cmp(&nets->cuts[i], &nets->cuts[nets->n_cuts - 1]) != 0)
			nets->cuts[nets->n_cuts++] = nets->cuts[i];
	return 0;
}

/* All that cuts. @not_there, @host: may be NULL. */
static int make_nets(struct nets *nets, const struct nsn_intent *intent,
		     const struct nsn_claims *claims, const struct nsn_tenant *t, uint8_t family,
		     const struct nsn_ip *host, const struct nsn_prefix *not_there)
{
	size_t n_reach, i;

	(void)nsn_reach_table(&n_reach);
	nets->list = calloc(NSN_COUNT(never) + n_reach + 3 * intent->n_links + intent->n_host +
				    claims->n + 4,
			    sizeof(*nets->list));
	if (!nets->list)
		return -ENOMEM;
	for (i = 0; i < NSN_COUNT(never); i++)
		add_net(nets, &never[i], NEVER, family);
	add_net(nets, &near, NEAR, family);
	add_net(nets, nsn_subnet_of(t, family), NEVER, family);
	if (not_there)
		add_net(nets, not_there, TRANSIT, family);
	if (host)
		add_ip(nets, host, OURS, family);
	for (i = 0; intent->host && i < intent->n_host; i++)
		add_ip(nets, &intent->host[i], HOST, family);
	for (i = 0; intent->links && i < intent->n_links; i++)
		add_link(nets, &intent->links[i], family);
	add_reach(nets, family);
	for (i = 0; i < claims->n; i++)
		if (claims->list[i].outside && claims->list[i].outside->kind == NSN_PEER_CIDR)
			add_net(nets, &claims->list[i].outside->cidr, NAMED, family);
	return make_cuts(nets, family);
}

/* What there is to know of a piece. */
struct piece {
	struct nsn_range range;
	bool host, internet, near;
};

static bool has(const struct nsn_range *outer, const struct nsn_ip *ip)
{
	return nsn_ip_cmp(&outer->first, ip) <= 0 && nsn_ip_cmp(ip, &outer->last) <= 0;
}

/* Where the piece that begins at this cut ends. */
static struct nsn_ip end_of(const struct nets *nets, size_t cut)
{
	if (cut + 1 < nets->n_cuts)
		return nsn_ip_before(nets->cuts[cut + 1]);
	return nsn_prefix_last(&(struct nsn_prefix){.ip = nets->cuts[cut]});
}

/*
 * false: it is in no part. Of what the host has on its links nothing is the internet, and
 * when that is not known nothing is at all; who does not know the host's own addresses
 * cannot tell what is no address of the host.
 */
static bool look_at(struct piece *ret, const struct nets *nets, size_t cut,
		    const struct nsn_intent *intent)
{
	const struct net *longest = NULL;
	bool is[NAMED + 1] = {false};

	*ret = (struct piece){.range = {nets->cuts[cut], end_of(nets, cut)}};
	for (size_t i = 0; i < nets->n; i++) {
		const struct net *net = &nets->list[i];

		if (!has(&net->range, &ret->range.first))
			continue;
		is[net->nature] = true;
		if (net->nature == REACH && (!longest || net->len > longest->len))
			longest = net;
	}
	ret->host = is[OURS] || is[HOST];
	ret->near = is[NEAR];
	ret->internet = !ret->host && intent->links && !is[LINK] && longest && longest->global;
	return !is[NEVER] && (is[OURS] || !is[TRANSIT]) && (ret->host || intent->host);
}

/* ---- what is said of a piece --------------------------------------------------------- */

static bool grants(const struct nsn_claim *c)
{
	return c->rank == NSN_ALLOW || c->rank == NSN_KEEP;
}

static bool on_loopback(const struct nsn_publish *p)
{
	const struct nsn_ip six = {.family = AF_INET6, .bytes = {[15] = 1}};

	return p->port &&
	       (p->ip.family == AF_INET ? p->ip.bytes[0] == 127 : nsn_ip_cmp(&p->ip, &six) == 0);
}

/* A network has the piece or has nothing of it. */
static bool names(const struct nsn_peer *p, const struct piece *piece)
{
	return p->kind == NSN_PEER_CIDR && p->cidr.ip.family == piece->range.first.family &&
	       nsn_prefix_has(&p->cidr, &piece->range.first);
}

/*
 * Link-local addresses are granted by a network of them only: whoever writes 0.0.0.0/0 did
 * not think of the credentials that a cloud's metadata service hands out.
 */
static bool names_near(const struct nsn_peer *p, const struct piece *piece)
{
	return names(p, piece) && p->cidr.len >= near.len && nsn_prefix_has(&near, &p->cidr.ip);
}

static bool is_about(const struct nsn_claim *c, const struct piece *piece, bool out)
{
	const struct nsn_peer *p = c->outside;

	if (!p)
		return true;
	if (piece->near && grants(c) && !names_near(p, piece))
		return false;
	/* What is published on loopback is so for the host alone, whoever else is named. */
	if (!out && c->policy && grants(c) && on_loopback(&c->policy->publish) && !piece->host)
		return false;
	if (p->kind == NSN_PEER_CIDR)
		return !piece->host && names(p, piece);
	return p->kind == NSN_PEER_ANY || (p->kind == NSN_PEER_HOST && piece->host) ||
	       (p->kind == NSN_PEER_INTERNET && piece->internet);
}

/* ---- parts ------------------------------------------------------------------------------ */

/* A range, and a bit for each claim that is about it. */
struct said {
	struct nsn_range range;
	const uint64_t *bits;
	size_t part;
};

struct outside {
	struct said *list;
	size_t n, words;
	uint64_t *bits;
	struct nsn_parts parts;
	const uint64_t **of_part; /* the bits of each */
};

static void outside_clear(struct outside *o)
{
	nsn_freep(&o->list);
	nsn_freep(&o->bits);
	nsn_freep(&o->of_part);
	nsn_parts_clear(&o->parts);
}

static bool same_bits(const struct outside *o, const uint64_t *a, const uint64_t *b)
{
	return memcmp(a, b, o->words * sizeof(*a)) == 0;
}

/* Adds a piece, or makes the range before it longer. */
static void add_piece(struct outside *o, const struct piece *piece, const struct nsn_claims *claims,
		      bool out)
{
	uint64_t *bits = o->bits + o->n * o->words;
	struct said *last = o->n > 0 ? &o->list[o->n - 1] : NULL;
	struct nsn_ip next = last ? nsn_ip_add(&last->range.last, 1) : (struct nsn_ip){0};
	bool any = false;

	memset(bits, 0, o->words * sizeof(*bits));
	for (size_t i = 0; i < claims->n; i++)
		if (is_about(&claims->list[i], piece, out)) {
			bits[i / 64] |= UINT64_C(1) << (i % 64);
			any = true;
		}
	if (!any)
		return;
	if (last && nsn_ip_cmp(&next, &piece->range.first) == 0 && same_bits(o, last->bits, bits))
		last->range.last = piece->range.last;
	else
		o->list[o->n++] = (struct said){.range = piece->range, .bits = bits};
}

/* Each range to the part that has its bits. */
static int make_parts(struct outside *o)
{
	size_t i, k, at = 0;

	o->parts.list = calloc(o->n + 1, sizeof(*o->parts.list));
	o->parts.ranges = calloc(o->n + 1, sizeof(*o->parts.ranges));
	o->of_part = calloc(o->n + 1, sizeof(*o->of_part));
	if (!o->parts.list || !o->parts.ranges || !o->of_part)
		return -ENOMEM;
	for (i = 0; i < o->n; i++) {
		for (k = 0; k < o->parts.n && !same_bits(o, o->of_part[k], o->list[i].bits); k++)
			;
		o->list[i].part = k;
		o->of_part[k] = o->list[i].bits;
		o->parts.n += k == o->parts.n;
	}
	for (k = 0; k < o->parts.n; k++) {
		o->parts.list[k].ranges = &o->parts.ranges[at];
		for (i = 0; i < o->n; i++)
			if (o->list[i].part == k)
				o->parts.ranges[at++] = o->list[i].range;
		o->parts.list[k].n = (size_t)(&o->parts.ranges[at] - o->parts.list[k].ranges);
	}
	return 0;
}

static int make_outside(struct outside *o, const struct nets *nets, const struct nsn_claims *claims,
			const struct nsn_intent *intent, bool out)
{
	struct piece piece;

	o->words = claims->n / 64 + 1;
	o->list = calloc(nets->n_cuts + 1, sizeof(*o->list));
	o->bits = calloc((nets->n_cuts + 1) * o->words, sizeof(*o->bits));
	if (!o->list || !o->bits)
		return -ENOMEM;
	for (size_t i = 0; i < nets->n_cuts; i++)
		if (look_at(&piece, nets, i, intent))
			add_piece(o, &piece, claims, out);
	return make_parts(o);
}

/* ---- all of it ------------------------------------------------------------------------- */

/* All pairs of one part of the tenant's. @room: for all claims */
static int add_pairs(struct nsn_boxes *ret, const struct nsn_claims *claims,
		     const struct nsn_part *own, const struct outside *o, bool out,
		     const struct nsn_claim **room)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < o->parts.n; k++) {
		const struct nsn_part *other = &o->parts.list[k];
		struct nsn_row row = {.list = room};

		for (size_t i = 0; i < claims->n; i++) {
			const struct nsn_claim *c = &claims->list[i];
			const struct nsn_endpoint *e = out ? c->from : c->to;

			if ((!e || e == own->e) && o->of_part[k][i / 64] >> (i % 64) & 1)
				row.list[row.n++] = c;
		}
		r = nsn_boxes_of_pair(ret, out ? own : other, out ? other : own, &row);
	}
	return r;
}

int nsn_flows_beyond(struct nsn_boxes *ret, const struct nsn_intent *intent,
		     const struct nsn_tenant *t, bool out, uint8_t family,
		     const struct nsn_ip *host, const struct nsn_prefix *not_there)
{
	NSN_AUTO(nsn_claims_clear) struct nsn_claims claims = {0};
	NSN_AUTO(nsn_freep) const struct nsn_claim **room = NULL;
	NSN_AUTO(nets_clear) struct nets nets = {0};
	NSN_AUTO(nsn_parts_clear) struct nsn_parts own = {0};
	NSN_AUTO(outside_clear) struct outside o = {0};
	int r;

	if (!nsn_subnet_of(t, family)->ip.family)
		return 0;
	r = nsn_claim_beyond(&claims, intent, t, out);
	if (r < 0 || claims.n == 0)
		return r;
	room = calloc(claims.n, sizeof(*room));
	if (!room)
		return -ENOMEM;
	for (size_t i = 0; i < claims.n; i++)
		room[i] = &claims.list[i];
	r = nsn_parts_of_tenant(&own, room, claims.n, out, t, family);
	if (r == 0)
		r = make_nets(&nets, intent, &claims, t, family, host, not_there);
	if (r == 0)
		r = make_outside(&o, &nets, &claims, intent, out);
	for (size_t i = 0; r == 0 && i < own.n; i++)
		if (own.list[i].n > 0)
			r = add_pairs(ret, &claims, &own.list[i], &o, out, room);
	return r;
}
