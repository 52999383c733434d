/* SPDX-License-Identifier: GPL-2.0-or-later */
/* who-can, in words: ports out of sets, and the rules that allow them */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "openers.h"

#define RANGES_MAX 64

/* ---- ports ----------------------------------------------------------------------- */

static const char *proto_word(nsn_u128 proto)
{
	switch ((unsigned int)proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		return NULL;
	}
}

static void put_ports(struct nsn_space *s, FILE *to, const char *word, nsn_set_t set)
{
	const struct nsn_range *r;
	const size_t n = nsn_values(s, set, NSN_F_DPORT, RANGES_MAX, &r);

	for (size_t i = 0; i < n; i++) {
		const unsigned int first = (unsigned int)r[i].first;
		const unsigned int last = (unsigned int)r[i].last;

		if (first == 0 && last == UINT16_MAX)
			fprintf(to, " %s", word);
		else if (first == last)
			fprintf(to, " %s/%u", word, first);
		else
			fprintf(to, " %s/%u-%u", word, first, last);
	}
}

static void put_icmp(struct nsn_space *s, FILE *to, nsn_set_t set, unsigned int echo)
{
	struct nsn_range b;

	nsn_bounds(s, set, NSN_F_SPORT, &b);
	fputs(b.first >> 8 == echo && b.last >> 8 == echo ? " icmp/echo" : " icmp", to);
}

/* " tcp/5432 icmp/echo"; nothing for the empty set. */
static void put_services(struct nsn_space *s, FILE *to, nsn_set_t set)
{
	const struct nsn_range *r;
	const size_t n = nsn_values(s, set, NSN_F_PROTO, RANGES_MAX, &r);

	if (n == 1 && r[0].first == 0 && r[0].last == UINT8_MAX &&
	    nsn_free_of(s, set, NSN_F_DPORT)) {
		fputs(" any", to);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		for (nsn_u128 p = r[i].first; p <= r[i].last; p++) {
			const nsn_set_t of = nsn_and(s, set, nsn_is(s, NSN_F_PROTO, p));

			if (proto_word(p))
				put_ports(s, to, proto_word(p), of);
			else if (p == IPPROTO_ICMP || p == IPPROTO_ICMPV6)
				put_icmp(s, to, of, p == IPPROTO_ICMP ? 8 : 128);
			else if (r[i].last - r[i].first < 8)
				fprintf(to, " protocol %u", (unsigned int)p);
			else if (p == r[i].first || p == r[i].last)
				fprintf(to, p == r[i].first ? " protocols %u to" : " %u",
					(unsigned int)p);
		}
	}
}

/* ---- what is intended ------------------------------------------------------------ */

/* As policies see it: from the endpoint's own address, whatever it was translated to. */
static nsn_set_t as_sent(struct nsn_opening *x, const struct nsn_source *from, nsn_set_t set,
			 uint8_t family)
{
	const struct nsn_ip *ip;

	if (from->beyond)
		return set;
	ip = family == AF_INET6 ? &from->endpoint->ip6 : &from->endpoint->ip;
	return ip->family ? nsn_put(&x->w.space, set, NSN_F_SRC, nsn_walker_ip(ip)) : set;
}

static nsn_set_t box_set(struct nsn_space *s, const struct nsn_box *b)
{
	const bool icmp = b->proto_first == b->proto_last &&
			  (b->proto_first == IPPROTO_ICMP || b->proto_first == IPPROTO_ICMPV6);
	nsn_set_t set = nsn_and(s, nsn_between(s, NSN_F_SRC, b->src.first, b->src.last),
				nsn_between(s, NSN_F_DST, b->dst.first, b->dst.last));

	set = nsn_and(s, set, nsn_between(s, NSN_F_PROTO, b->proto_first, b->proto_last));
	return nsn_and(
		s, set,
		nsn_between(s, icmp ? NSN_F_SPORT : NSN_F_DPORT, b->port_first, b->port_last));
}

static bool is_told(const struct nsn_boxes *b, size_t i, const bool *used)
{
	for (size_t k = 0; k < i; k++)
		if (used[k] && b->allow[k].policy == b->allow[i].policy)
			return true;
	return false;
}

/* The names of the rules that let some of it through. */
static void put_policies(struct nsn_opening *x, FILE *to, nsn_set_t set4, nsn_set_t set6)
{
	struct nsn_space *s = &x->w.space;
	const struct nsn_boxes *b = &x->boxes;
	bool *used = nsn_space_alloc(s, b->n_allow + 1);
	const char *comma = "";

	for (size_t i = 0; i < b->n_allow; i++) {
		const nsn_set_t set = b->allow[i].family == AF_INET6 ? set6 : set4;

		if (!b->allow[i].policy || is_told(b, i, used) ||
		    nsn_empty(nsn_and(s, set, box_set(s, &b->allow[i]))))
			continue;
		used[i] = true;
		fprintf(to, "%s%s", comma, b->allow[i].policy->name);
		comma = ", ";
	}
	if (b->n_kept > 0 && !*comma)
		fputs("kept in quarantine", to);
}

/* ---- lines ----------------------------------------------------------------------- */

/* Both families have the same words for a service: each is said once. */
static void put_both(struct nsn_space *s, FILE *to, nsn_set_t set4, nsn_set_t set6)
{
	NSN_AUTO(nsn_freep) char *four = NULL, *six = NULL;
	size_t size;
	FILE *f = open_memstream(&four, &size), *g = open_memstream(&six, &size);

	if (f)
		put_services(s, f, set4);
	if (g)
		put_services(s, g, set6);
	if (f)
		(void)fclose(f);
	if (g)
		(void)fclose(g);
	if (!f || !g || !four || !six) {
		fputs(" ?", to);
		return;
	}
	fputs(four, to);
	if (strcmp(four, six) != 0 && *six)
		fprintf(to, "%s%s", " ipv6:", six);
}

static int add_line(struct nsn_opening *x, const struct nsn_source *from, nsn_set_t set4,
		    nsn_set_t set6, bool intended)
{
	const struct nsn_tenant *t = from->beyond ? NULL : &x->w.given.intent.tenants[from->tenant];
	NSN_AUTO(nsn_freep) char *who = NULL, *ports = NULL, *policy = NULL;
	struct nsnet_opener like = {.intended = intended};
	const bool frames = !intended && !nsn_empty(from->other);
	size_t size;
	FILE *f;

	if (nsn_empty(set4) && nsn_empty(set6) && !frames)
		return 0;
	if (from->beyond)
		who = strdup(from->beyond);
	else if (asprintf(&who, "%s/%s", t->name, from->endpoint->name) < 0)
		who = NULL;
	f = open_memstream(&ports, &size);
	if (f) {
		put_both(&x->w.space, f, set4, set6);
		if (frames)
			fputs(" frames that are no IP", f);
		(void)fclose(f);
	}
	f = open_memstream(&policy, &size);
	if (f) {
		if (intended)
			put_policies(x, f, set4, set6);
		(void)fclose(f);
	}
	if (!who || !ports || !policy)
		return -ENOMEM;
	like.from = who;
	like.ports = *ports == ' ' ? ports + 1 : ports;
	like.policy = policy;
	return nsn_opening_add(x, &like);
}

int nsn_opening_say(struct nsn_opening *x, const struct nsn_source *from)
{
	struct nsn_space *s = &x->w.space;
	const nsn_set_t may4 = nsn_asked_set(s, &x->boxes, AF_INET);
	const nsn_set_t may6 = nsn_asked_set(s, &x->boxes, AF_INET6);
	const nsn_set_t got4 = as_sent(x, from, from->got4, AF_INET);
	const nsn_set_t got6 = as_sent(x, from, from->got6, AF_INET6);
	int r = add_line(x, from, nsn_and(s, got4, may4), nsn_and(s, got6, may6), true);

	return r < 0 ? r : add_line(x, from, nsn_sub(s, got4, may4), nsn_sub(s, got6, may6), false);
}

/* What one rule lets through of what is beyond, by the peers that it names. */
static int add_published(struct nsn_opening *x, const struct nsn_source *from, size_t i)
{
	const struct nsn_policy *p = x->boxes.allow[i].policy;
	struct nsn_space *s = &x->w.space;
	struct nsn_boxes one = x->boxes;
	struct nsn_source named = *from;
	char text[NSN_PEER_STRLEN];

	if (i > 0 && x->boxes.allow[i - 1].policy == p)
		return 0;
	one.allow += i;
	for (one.n_allow = 0; i < x->boxes.n_allow && x->boxes.allow[i].policy == p; i++)
		one.n_allow++;
	if (strcmp(from->beyond, "host") != 0 && p->n_from == 1)
		named.beyond = nsn_peer_str(&p->from[0], text);
	named.other = nsn_none(s);
	return add_line(x, &named, nsn_and(s, from->got4, nsn_asked_set(s, &one, AF_INET)),
			nsn_and(s, from->got6, nsn_asked_set(s, &one, AF_INET6)), true);
}

int nsn_opening_say_beyond(struct nsn_opening *x, const struct nsn_source *from)
{
	struct nsn_space *s = &x->w.space;
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->boxes.n_allow; i++)
		r = add_published(x, from, i);
	return r < 0 ? r
		     : add_line(x, from,
				nsn_sub(s, from->got4, nsn_asked_set(s, &x->boxes, AF_INET)),
				nsn_sub(s, from->got6, nsn_asked_set(s, &x->boxes, AF_INET6)),
				false);
}

static bool same_line(const struct nsnet_opener *a, const struct nsnet_opener *b)
{
	return a->intended == b->intended && strcmp(a->ports, b->ports) == 0 &&
	       strcmp(a->policy, b->policy) == 0;
}

void nsn_opening_fold(struct nsn_opening *x, const struct nsn_tenant *t, size_t first)
{
	struct nsn_openers *o = x->o;
	char *name;

	if (t->n_endpoints < 2 || o->n - first != t->n_endpoints)
		return;
	for (size_t i = first + 1; i < o->n; i++)
		if (!same_line(&o->list[first], &o->list[i]))
			return;
	name = nsn_arena_strdup(&o->mem, t->name);
	if (!name)
		return;
	o->list[first].from = name;
	o->n = first + 1;
}
