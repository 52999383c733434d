/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk - tuples: what conntrack keeps of a packet, and of its answer.
 *
 * TCP, UDP, UDP-Lite, SCTP and DCCP have ports; ICMP has type and code (the id is in no
 * field); of all other protocols only the addresses count, so that any payload belongs
 * to the connection.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include "walk_in.h"

/* What a tuple is made of, and the mark of the connection. */
#define KEPT                                                                                       \
	(1U << NSN_F_SRC | 1U << NSN_F_DST | 1U << NSN_F_PROTO | 1U << NSN_F_SPORT |               \
	 1U << NSN_F_DPORT | 1U << NSN_F_CTMARK)

static const struct nsn_range ported[] = {{IPPROTO_TCP, IPPROTO_TCP},
					  {IPPROTO_UDP, IPPROTO_UDP},
					  {IPPROTO_DCCP, IPPROTO_DCCP},
					  {IPPROTO_SCTP, IPPROTO_SCTP},
					  {IPPROTO_UDPLITE, IPPROTO_UDPLITE}};

/* Requests, and the type of their answers. */
static const uint8_t asks4[][2] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};
static const uint8_t asks6[][2] = {{128, 129}, {139, 140}};

static uint8_t icmp_of(uint8_t family)
{
	return family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static size_t asks(uint8_t family, const uint8_t (**ret)[2])
{
	*ret = family == AF_INET ? asks4 : asks6;
	return family == AF_INET ? NSN_COUNT(asks4) : NSN_COUNT(asks6);
}

static nsn_set_t icmp_type(struct nsn_space *s, uint8_t type)
{
	return nsn_between(s, NSN_F_SPORT, (nsn_u128)type << 8, (nsn_u128)type << 8 | 0xff);
}

nsn_set_t nsn_w_opening(struct nsn_space *s, nsn_set_t set, uint8_t family)
{
	nsn_set_t icmp = nsn_is(s, NSN_F_PROTO, icmp_of(family)), ok = nsn_none(s);
	const uint8_t(*list)[2];
	size_t n = asks(family, &list);

	for (size_t i = 0; i < n; i++)
		ok = nsn_or(s, ok, icmp_type(s, list[i][0]));
	return nsn_or(s, nsn_sub(s, set, icmp), nsn_and(s, nsn_and(s, set, icmp), ok));
}

nsn_set_t nsn_w_errors(struct nsn_space *s, uint8_t family)
{
	/* Unreachable, source quench, redirect, time exceeded, parameter problem. */
	static const struct nsn_range four[] = {{0x0300, 0x03ff},
						{0x0400, 0x04ff},
						{0x0500, 0x05ff},
						{0x0b00, 0x0bff},
						{0x0c00, 0x0cff}};
	/* ICMPv6: all below 128. */
	static const struct nsn_range six[] = {{0x0000, 0x7fff}};

	return nsn_and(s, nsn_is(s, NSN_F_PROTO, icmp_of(family)),
		       family == AF_INET ? nsn_in(s, NSN_F_SPORT, four, NSN_COUNT(four))
					 : nsn_in(s, NSN_F_SPORT, six, NSN_COUNT(six)));
}

nsn_set_t nsn_w_tuples(struct nsn_space *s, nsn_set_t set, uint8_t family)
{
	nsn_set_t ports, icmp, other;

	set = nsn_forget_all(s, set, ~KEPT);
	ports = nsn_in(s, NSN_F_PROTO, ported, NSN_COUNT(ported));
	icmp = nsn_is(s, NSN_F_PROTO, icmp_of(family));
	other = nsn_sub(s, nsn_sub(s, set, ports), icmp);
	other = nsn_forget(s, nsn_forget(s, other, NSN_F_SPORT), NSN_F_DPORT);
	icmp = nsn_forget(s, nsn_and(s, set, icmp), NSN_F_DPORT);
	return nsn_or(s, nsn_or(s, nsn_and(s, set, ports), icmp), other);
}

/* ICMP: the type of the answer; the code stays, as a range. */
static nsn_set_t turned_icmp(struct nsn_space *s, nsn_set_t set, uint8_t family, bool back)
{
	const uint8_t(*list)[2];
	size_t n = asks(family, &list);
	nsn_set_t ret = nsn_none(s);

	for (size_t i = 0; i < n && !nsn_empty(set); i++) {
		nsn_u128 from = list[i][back ? 1 : 0], to = list[i][back ? 0 : 1];
		nsn_set_t one = nsn_and(s, set, icmp_type(s, (uint8_t)from));
		struct nsn_range r;

		if (nsn_empty(one))
			continue;
		nsn_bounds(s, one, NSN_F_SPORT, &r);
		ret = nsn_or(s, ret,
			     nsn_put_between(s, one, NSN_F_SPORT, to << 8 | (r.first & 0xff),
					     to << 8 | (r.last & 0xff)));
	}
	return ret;
}

nsn_set_t nsn_w_turned(struct nsn_space *s, nsn_set_t tuples, uint8_t family, bool back)
{
	nsn_set_t icmp = nsn_is(s, NSN_F_PROTO, icmp_of(family)), rest;

	tuples = nsn_swap(s, tuples, NSN_F_SRC, NSN_F_DST);
	rest = nsn_swap(s, nsn_sub(s, tuples, icmp), NSN_F_SPORT, NSN_F_DPORT);
	return nsn_or(s, rest, turned_icmp(s, nsn_and(s, tuples, icmp), family, back));
}

nsn_set_t nsn_w_live(struct nsn_space *s, const struct nsn_vtuple *t, uint32_t mark)
{
	nsn_set_t set = nsn_and(s, nsn_is(s, NSN_F_SRC, nsn_w_ip(&t->src)),
				nsn_is(s, NSN_F_DST, nsn_w_ip(&t->dst)));
	bool ports = false;

	for (size_t i = 0; i < NSN_COUNT(ported); i++)
		ports = ports || ported[i].first == t->proto;
	set = nsn_and(s, set, nsn_is(s, NSN_F_PROTO, t->proto));
	if (ports || t->proto == icmp_of(t->src.family))
		set = nsn_and(s, set, nsn_is(s, NSN_F_SPORT, t->sport));
	if (ports)
		set = nsn_and(s, set, nsn_is(s, NSN_F_DPORT, t->dport));
	return nsn_and(s, set, nsn_is(s, NSN_F_CTMARK, mark));
}
