/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "proving.h"

/*
 * judge - what arrives against what policy allows
 *
 * POLICY.md's S2: a rule says who may open a connection. What comes in its original
 * direction must be allowed from sender to receiver; an answer must belong to what the
 * receiver may open to the sender, so it is judged with both sides swapped; an ICMP
 * error passes where it can be about something that is allowed.
 */

#define ICMP_TYPE(t) ((nsn_u128)(t) << 8)

static nsn_u128 number(const struct nsn_ip *ip)
{
	const size_t n = ip->family == AF_INET ? 4 : 16;
	nsn_u128 v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

nsn_set_t nsn_own_addresses(struct nsn_space *s, const struct nsn_endpoint *e, uint8_t family,
			    enum nsn_field f)
{
	const struct nsn_ip *ip = family == AF_INET ? &e->ip : &e->ip6;

	return ip->family == family ? nsn_is(s, f, number(ip)) : nsn_none(s);
}

static nsn_set_t protos(struct nsn_space *s, const uint8_t *list, size_t n)
{
	nsn_set_t all = nsn_none(s);

	for (size_t i = 0; i < n; i++)
		all = nsn_or(s, all, nsn_is(s, NSN_F_PROTO, list[i]));
	return all;
}

/* Answers have types of their own: an echo reply for an echo request. */
static nsn_set_t icmp_answers(struct nsn_space *s, nsn_set_t open, uint8_t proto, uint8_t asks,
			      uint8_t answers)
{
	nsn_set_t some = nsn_and(s, open, nsn_is(s, NSN_F_PROTO, proto));

	some = nsn_and(s, some,
		       nsn_between(s, NSN_F_SPORT, ICMP_TYPE(asks), ICMP_TYPE(asks) | 0xff));
	if (nsn_empty(some))
		return some;
	some = nsn_put_between(s, some, NSN_F_SPORT, ICMP_TYPE(answers), ICMP_TYPE(answers) | 0xff);
	return nsn_forget(s, some, NSN_F_DPORT);
}

/* What comes back to whoever opens this. */
nsn_set_t nsn_answers_to(struct nsn_space *s, nsn_set_t open, uint8_t family)
{
	static const uint8_t with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP,
					     IPPROTO_UDPLITE};
	static const uint8_t icmp[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};
	/* Those that conntrack knows (nf_conntrack_proto_icmp.c, invmap). */
	static const struct {
		uint8_t family, proto, asks, answers;
	} pairs[] = {
		{AF_INET, IPPROTO_ICMP, 8, 0},	      {AF_INET, IPPROTO_ICMP, 13, 14},
		{AF_INET, IPPROTO_ICMP, 15, 16},      {AF_INET, IPPROTO_ICMP, 17, 18},
		{AF_INET6, IPPROTO_ICMPV6, 128, 129}, {AF_INET6, IPPROTO_ICMPV6, 139, 140},
	};
	nsn_set_t ports = protos(s, with_ports, sizeof(with_ports));
	nsn_set_t turned = nsn_swap(s, open, NSN_F_SRC, NSN_F_DST), ret;

	ret = nsn_swap(s, nsn_and(s, turned, ports), NSN_F_SPORT, NSN_F_DPORT);
	ret = nsn_or(s, ret, nsn_sub(s, turned, nsn_or(s, ports, protos(s, icmp, sizeof(icmp)))));
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].family == family)
			ret = nsn_or(s, ret,
				     icmp_answers(s, turned, pairs[i].proto, pairs[i].asks,
						  pairs[i].answers));
	return ret;
}

/* Only addresses, of both. */
static nsn_set_t addresses(struct nsn_space *s, nsn_set_t a)
{
	a = nsn_forget(s, a, NSN_F_PROTO);
	a = nsn_forget(s, a, NSN_F_SPORT);
	return nsn_forget(s, a, NSN_F_DPORT);
}

static nsn_set_t may_open(struct nsn_proving *p, size_t from, size_t to, uint8_t family, bool *all)
{
	struct nsn_boxes boxes = {0};
	nsn_set_t ret;

	/* Nothing that is asked between here and nsn_boxes_clear() may jump: boxes are few. */
	if (nsn_asked_pair(p->asked, from, to, &boxes, p->err) < 0) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
	*all = boxes.all;
	ret = boxes.all ? nsn_all(&p->space) : nsn_asked_set(&p->space, &boxes, family);
	nsn_boxes_clear(&boxes);
	return ret;
}

void nsn_allow(struct nsn_proving *p, size_t a, size_t b, uint8_t family, struct nsn_allowed *ret)
{
	struct nsn_space *s = &p->space;
	nsn_set_t back;
	bool all;

	if (nsn_is_beyond(p, a) || nsn_is_beyond(p, b)) {
		nsn_allow_beyond(p, a, b, family, ret);
		return;
	}
	*ret = (struct nsn_allowed){.b = b, .family = family};
	ret->open = may_open(p, a, b, family, &ret->all);
	if (ret->all)
		return;
	back = may_open(p, b, a, family, &all);
	ret->answer = nsn_answers_to(s, back, family);
	/* From a to b: about what a opens, or about what b opens. */
	ret->about = nsn_or(s, addresses(s, ret->open),
			    nsn_swap(s, addresses(s, back), NSN_F_SRC, NSN_F_DST));
	ret->about = nsn_forget(s, ret->about, NSN_F_SRC);
}

static nsn_set_t in_state(struct nsn_space *s, nsn_set_t a, enum nsn_ctstate state)
{
	return nsn_and(s, a, nsn_is(s, NSN_F_CTSTATE, state));
}

/* Who is translated is judged by the source that he has. */
static nsn_set_t own_source(struct nsn_space *s, nsn_set_t a)
{
	static const uint32_t shown[3] = {NSN_BIT_0, NSN_BIT(NSN_F_FIRST, 1),
					  NSN_BIT(NSN_F_FIRST, 2)};
	nsn_set_t translated = nsn_and(s, a, nsn_masked(s, NSN_F_FIRST, 1, 1));

	if (nsn_empty(translated))
		return a;
	a = nsn_sub(s, a, translated);
	translated = nsn_move(s, translated, NSN_F_SRC, NSN_F_OSRC);
	return nsn_or(s, a, nsn_assign(s, translated, NSN_F_FIRST, shown));
}

/*
 * What is allowed to be there at all, and is for this endpoint: its own address, or one that
 * policy does not tell from it. (Nobody has an address that no endpoint has; who answers for it
 * gets what is sent to it.)
 */
static nsn_set_t beyond(struct nsn_space *s, nsn_set_t a, nsn_set_t allowed, nsn_set_t home)
{
	nsn_set_t over = nsn_sub(s, a, allowed), other = nsn_sub(s, nsn_and(s, a, allowed), home);
	struct nsn_range own;

	if (nsn_empty(other))
		return over;
	if (nsn_empty(home))
		return nsn_or(s, over, other);
	nsn_bounds(s, home, NSN_F_DST, &own);
	if (nsn_within(s, nsn_put(s, other, NSN_F_DST, own.first), allowed))
		return over;
	return nsn_or(s, over, other);
}

/* Parts of an arrival, by how they belong to a connection. */
struct split {
	nsn_set_t fresh, opener, answer, error;
};

static void split_up(struct nsn_space *s, nsn_set_t arrived, uint8_t family, struct split *ret)
{
	nsn_set_t flow = in_state(s, arrived, NSN_CT_ESTABLISHED);

	/* What a helper expects is RELATED, too: it opens something. */
	ret->error =
		nsn_and(s, in_state(s, arrived, NSN_CT_RELATED),
			nsn_is(s, NSN_F_PROTO, family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6));
	ret->fresh = nsn_sub(s, nsn_sub(s, arrived, flow), ret->error);
	ret->answer = nsn_and(s, flow, nsn_is(s, NSN_F_CTDIR, 1));
	ret->opener = nsn_sub(s, flow, ret->answer);
}

void nsn_judge_flow(struct nsn_proving *p, const struct nsn_allowed *may, nsn_set_t arrived,
		    nsn_set_t at_home, struct nsn_excess *ret)
{
	struct nsn_space *s = &p->space;
	struct split x;

	*ret = (struct nsn_excess){nsn_none(s), nsn_none(s)};
	if (may->all)
		return;
	split_up(s, arrived, may->family, &x);
	ret->fresh = beyond(s, own_source(s, x.fresh), may->open, at_home);
	ret->flow = beyond(s, own_source(s, x.opener), may->open, at_home);
	ret->flow = nsn_or(s, ret->flow, beyond(s, x.answer, may->answer, at_home));
	ret->flow = nsn_or(s, ret->flow, beyond(s, x.error, may->about, at_home));
}

/*
 * What was an answer in the gateway, and is allowed as one, the host may take for something new,
 * and the other way round: whatever its state there, it is what the gateway let out.
 */
void nsn_judge_out(struct nsn_proving *p, const struct nsn_allowed *may, nsn_set_t arrived,
		   struct nsn_excess *ret)
{
	struct nsn_space *s = &p->space;
	struct split x;

	split_up(s, nsn_sub(s, arrived, may->answer), may->family, &x);
	ret->fresh = nsn_sub(s, own_source(s, x.fresh), may->open);
	ret->flow = nsn_sub(s, own_source(s, nsn_or(s, x.opener, x.answer)), may->open);
	ret->flow = nsn_or(s, ret->flow, nsn_sub(s, x.error, may->about));
}
