/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#include "proving.h"

/*
 * beyond - what tenants and what is beyond all tenants may send each other: the outside (all that
 * links of the host lead to, but for uplinks) and the host itself
 *
 * Who sends is known by the source that the packet had in its gateway, whatever it was
 * translated to since (OSRC, FIRST). Into a tenant leads what was sent to the address and port of
 * the host that a policy publishes (ODST, ODPORT): who gets past that has found another way.
 */

bool nsn_is_beyond(const struct nsn_proving *p, size_t side)
{
	return side == NSN_SIDE_INTERNET(p->intent->n_tenants) ||
	       side == NSN_SIDE_HOST(p->intent->n_tenants);
}

static enum nsn_where where_of(const struct nsn_proving *p, size_t side)
{
	return side == NSN_SIDE_HOST(p->intent->n_tenants) ? NSN_WHERE_HOST : NSN_WHERE_OUTSIDE;
}

int nsn_beyond_boxes(struct nsn_proving *p, size_t from, size_t to, struct nsn_boxes *ret)
{
	const bool out = nsn_is_beyond(p, to);

	return nsn_asked_beyond(p->asked, &p->beyond, out ? from : to, where_of(p, out ? to : from),
				out, ret, p->err);
}

static void boxes_of(struct nsn_proving *p, size_t from, size_t to, struct nsn_boxes *ret)
{
	if (nsn_beyond_boxes(p, from, to, ret) < 0) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
}

/* ---- what is published ---------------------------------------------------------------------- */

static nsn_u128 number(const struct nsn_ip *ip)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < (ip->family == AF_INET ? 4 : 16); i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

/* The address of the host that a policy publishes, or each of the family. */
static nsn_set_t published_at(struct nsn_proving *p, const struct nsn_publish *pub, uint8_t family)
{
	struct nsn_space *s = &p->space;
	const size_t i = family == AF_INET6;

	if (pub->ip.family && pub->ip.family != family)
		return nsn_none(s);
	if (!pub->ip.family || number(&pub->ip) == 0)
		return nsn_in(s, NSN_F_ODST, p->beyond.host[i], p->beyond.n_host[i]);
	return nsn_is(s, NSN_F_ODST, number(&pub->ip));
}

/* Of one policy what may be opened by it, as it is at the endpoint. */
static nsn_set_t opened_by(struct nsn_proving *p, const struct nsn_boxes *b, size_t i,
			   uint8_t family)
{
	const struct nsn_policy *policy = b->allow[i].policy;
	struct nsn_boxes mine = *b;
	nsn_set_t ret = nsn_none(&p->space);

	/* Boxes of one policy are next to each other. */
	if (i > 0 && b->allow[i - 1].policy == policy)
		return ret;
	mine.allow += i;
	mine.n_kept = 0;
	for (mine.n_allow = 0; i < b->n_allow && b->allow[i].policy == policy; i++)
		mine.n_allow++;
	ret = nsn_asked_set(&p->space, &mine, family);
	for (size_t k = 0; k < b->n_kept; k++) {
		mine = (struct nsn_boxes){.kept = &b->kept[k], .n_kept = 1};
		if (b->kept[k].policy == policy)
			ret = nsn_or(&p->space, ret, nsn_asked_set(&p->space, &mine, family));
	}
	return ret;
}

static nsn_set_t first(struct nsn_space *s, unsigned int bits)
{
	return nsn_masked(s, NSN_F_FIRST, bits, bits);
}

/*
 * What @from may open to the tenant, with the way in: sent to where it is published; from the
 * host also past that. What the host takes for an answer to the tenant, and the gateway has
 * forgotten, goes to its own address on the uplink.
 */
static nsn_set_t openable(struct nsn_proving *p, const struct nsn_boxes *b, enum nsn_where where,
			  uint8_t family)
{
	struct nsn_space *s = &p->space;
	nsn_set_t ret = nsn_none(s), way;

	for (size_t i = 0; i < b->n_allow; i++) {
		const struct nsn_publish *pub = &b->allow[i].policy->publish;
		nsn_set_t some = opened_by(p, b, i, family);

		if (nsn_empty(some))
			continue;
		way = nsn_and(s, published_at(p, pub, family),
			      nsn_and(s, nsn_is(s, NSN_F_ODPORT, pub->port), first(s, 2)));
		if (where == NSN_WHERE_OUTSIDE)
			some = nsn_and(s, some, nsn_or(s, way, first(s, 4)));
		ret = nsn_or(s, ret, some);
	}
	return ret;
}

/* Answers to that, as they leave: translated back, and known by whose they are. */
static nsn_set_t answerable(struct nsn_proving *p, const struct nsn_boxes *b, uint8_t family)
{
	struct nsn_space *s = &p->space;
	nsn_set_t all = nsn_none(s), ret;

	for (size_t i = 0; i < b->n_allow; i++)
		all = nsn_or(s, all, opened_by(p, b, i, family));
	if (nsn_empty(all))
		return all;
	ret = nsn_move(s, nsn_answers_to(s, all, family), NSN_F_OSRC, NSN_F_SRC);
	return nsn_and(s, nsn_forget(s, nsn_forget(s, ret, NSN_F_SPORT), NSN_F_DPORT), first(s, 5));
}

static nsn_set_t only(struct nsn_space *s, nsn_set_t a, enum nsn_field f)
{
	return nsn_forget_all(s, a, ~(1U << f));
}

/* To the tenant: about what it opens on that side, or what is opened from there. */
static nsn_set_t about(struct nsn_proving *p, size_t tenant, size_t side, uint8_t family)
{
	struct nsn_space *s = &p->space;
	struct nsn_boxes away = {0}, in = {0};
	nsn_set_t ret;

	boxes_of(p, tenant, side, &away);
	boxes_of(p, side, tenant, &in);
	ret = nsn_answers_to(s, nsn_asked_set(s, &away, family), family);
	ret = nsn_or(s, only(s, ret, NSN_F_DST),
		     only(s, openable(p, &in, where_of(p, side), family), NSN_F_DST));
	nsn_boxes_clear(&away);
	nsn_boxes_clear(&in);
	return ret;
}

void nsn_allow_beyond(struct nsn_proving *p, size_t a, size_t b, uint8_t family,
		      struct nsn_allowed *ret)
{
	struct nsn_space *s = &p->space;
	const bool out = nsn_is_beyond(p, b);
	const size_t tenant = out ? a : b, side = out ? b : a;
	struct nsn_boxes away = {0}, in = {0};
	nsn_set_t open;

	*ret = (struct nsn_allowed){.b = b, .family = family};
	/* Boxes are few, and lost when this jumps: the process ends soon then. */
	boxes_of(p, tenant, side, &away);
	boxes_of(p, side, tenant, &in);
	open = nsn_asked_set(s, &away, family);
	if (out) {
		ret->open = open;
		ret->answer = answerable(p, &in, family);
		ret->about = nsn_or(s, only(s, open, NSN_F_DST), only(s, ret->answer, NSN_F_DST));
	} else {
		ret->open = openable(p, &in, where_of(p, side), family);
		ret->answer = nsn_answers_to(s, open, family);
		ret->about = about(p, tenant, side, family);
		/* The host is a router, too: it says what becomes of packets for the outside. */
		if (side == NSN_SIDE_HOST(p->intent->n_tenants))
			ret->about = nsn_or(
				s, ret->about,
				about(p, tenant, NSN_SIDE_INTERNET(p->intent->n_tenants), family));
	}
	nsn_boxes_clear(&away);
	nsn_boxes_clear(&in);
}

nsn_set_t nsn_host_sources(struct nsn_proving *p, uint8_t family)
{
	const size_t i = family == AF_INET6;

	return nsn_in(&p->space, NSN_F_SRC, p->beyond.host[i], p->beyond.n_host[i]);
}
