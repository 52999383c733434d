/* SPDX-License-Identifier: GPL-2.0-or-later */
/* advice - rules that do what they say, and perhaps not what was meant */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "policy.h"

/* ---- what covers what ------------------------------------------------------------------ */

/* Without knowing the tenants: that a label covers those that carry it today is no reason. */
static bool peer_covers(const struct nsn_peer *big, const struct nsn_peer *small)
{
	switch (big->kind) {
	case NSN_PEER_ANY:
		return true;
	case NSN_PEER_TENANTS:
		return nsn_peer_is_tenants(small);
	case NSN_PEER_TENANT:
		return (small->kind == NSN_PEER_TENANT || small->kind == NSN_PEER_ENDPOINT) &&
		       strcmp(big->tenant, small->tenant) == 0;
	case NSN_PEER_CIDR:
		return small->kind == NSN_PEER_CIDR && big->cidr.len <= small->cidr.len &&
		       big->cidr.ip.family == small->cidr.ip.family &&
		       nsn_prefix_has(&big->cidr, &small->cidr.ip);
	case NSN_PEER_ENDPOINT:
	case NSN_PEER_LABEL:
	case NSN_PEER_INTERNET:
	case NSN_PEER_HOST:
		return nsn_peer_same(big, small);
	}
	return false;
}

static bool peers_cover(const struct nsn_peer *big, size_t n_big, const struct nsn_peer *small,
			size_t n_small)
{
	for (size_t i = 0; i < n_small; i++) {
		size_t k = 0;

		while (k < n_big && !peer_covers(&big[k], &small[i]))
			k++;
		if (k == n_big)
			return false;
	}
	return true;
}

static bool port_covers(const struct nsn_ports *big, const struct nsn_ports *small)
{
	if (big->proto == NSN_PROTO_ANY)
		return true;
	if (big->proto == NSN_PROTO_ICMP && small->proto == NSN_PROTO_ECHO)
		return true;
	return big->proto == small->proto && big->first <= small->first && big->last >= small->last;
}

static bool ports_cover(const struct nsn_policy *big, const struct nsn_policy *small)
{
	for (size_t i = 0; i < small->n_ports; i++) {
		size_t k = 0;

		while (k < big->n_ports && !port_covers(&big->ports[k], &small->ports[i]))
			k++;
		if (k == big->n_ports)
			return false;
	}
	return true;
}

static bool covers(const struct nsn_policy *big, const struct nsn_policy *small)
{
	/* An allow says nothing against a deny; one that logs more has an effect of its own. */
	if ((!big->deny && small->deny) || (big->deny == small->deny && big->log < small->log))
		return false;
	if ((big->audit && !(small->audit && small->deny)) ||
	    (big->expires && (!small->expires || big->expires < small->expires)))
		return false;
	/* What is published is reached by it alone, and an allow has it for one reason. */
	if (!small->deny && !big->deny && !nsn_publish_same(&big->publish, &small->publish))
		return false;
	return peers_cover(big->from, big->n_from, small->from, small->n_from) &&
	       peers_cover(big->to, big->n_to, small->to, small->n_to) && ports_cover(big, small);
}

/* ---- the warnings ------------------------------------------------------------------------ */

static const struct nsn_span *key_place(const struct nsn_policy_place *place, const char *key)
{
	const struct nsn_node *m = nsn_node_get(place->map, key);

	return m ? &m->at : &place->map->at;
}

static bool has_all(const struct nsn_peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (peers[i].kind == NSN_PEER_TENANTS || peers[i].kind == NSN_PEER_ANY)
			return true;
	return false;
}

static void advise_broad(const struct nsn_policy *p, const struct nsn_policy_place *place)
{
	bool any = false;

	for (size_t i = 0; i < p->n_ports; i++)
		any = any || p->ports[i].proto == NSN_PROTO_ANY;
	if (p->deny || p->audit || p->expires || !any ||
	    !(has_all(p->from, p->n_from) || has_all(p->to, p->n_to)))
		return;
	nsn_diag_hint(nsn_diag_warn(place->file->diags, key_place(place, "allow"),
				    NSNET_E_BROAD_RULE,
				    "rule '%s' allows everything from or to all tenants, and never "
				    "ends",
				    p->name),
		      "name the ports, or the tenants, or write expires: DATE");
}

static void advise_expired(const struct nsn_policy *p, const struct nsn_policy_place *place,
			   int64_t now)
{
	if (p->expires && p->expires <= now)
		nsn_diag_hint(nsn_diag_warn(place->file->diags, key_place(place, "expires"),
					    NSNET_E_EXPIRED, "rule '%s' has ended: it does nothing",
					    p->name),
			      "leave the rule out, or write a later date");
}

static void tell_shadowed(const struct nsn_policy_set *s, size_t i, size_t by)
{
	const struct nsn_policy *p = &s->policies[i], *big = &s->policies[by];
	struct nsn_diag *diag;

	diag = nsn_diag_warn(s->places[i].file->diags, key_place(&s->places[i], "name"),
			     NSNET_E_SHADOWED, "rule '%s' has no effect: '%s' (%s:%u) %s all of it",
			     p->name, big->name, big->origin.file, big->origin.line,
			     big->deny ? "denies" : "allows");
	nsn_diag_hint(diag, "leave one of them out");
}

/*
 * Each rule is compared with each, and there may be 65,536. So that most pairs cost
 * a few instructions, this is what can be told of them from afar: when
 * may_cover() says no, covers() would, too.
 */
struct sketch {
	uint64_t from, to;	       /* of a rule that covers: bits of the tenants it names */
	uint64_t first_from, first_to; /* of one that is covered: the bit of its first peer */
	unsigned int protos;	       /* bits */
	uint16_t low, high;	       /* of all ports together */
	struct nsn_ports ports;	       /* the first */
	bool over;		       /* it has expired */
};

/* Peers that are no tenants, and those that cover tenants without naming them, have all bits. */
static uint64_t peer_bit(const struct nsn_peer *peer)
{
	uint32_t hash = 5381;

	if (peer->kind != NSN_PEER_TENANT && peer->kind != NSN_PEER_ENDPOINT)
		return UINT64_MAX;
	for (const char *c = peer->tenant; *c; c++)
		hash = hash * 33 + (unsigned char)*c;
	return UINT64_C(1) << (hash % 64);
}

static void sketch_fill(struct sketch *ret, const struct nsn_policy *p, int64_t now)
{
	*ret = (struct sketch){.low = UINT16_MAX, .over = p->expires && p->expires <= now};
	for (size_t i = 0; i < p->n_from; i++)
		ret->from |= peer_bit(&p->from[i]);
	for (size_t i = 0; i < p->n_to; i++)
		ret->to |= peer_bit(&p->to[i]);
	for (size_t i = 0; i < p->n_ports; i++) {
		ret->protos |= 1U << p->ports[i].proto;
		if (p->ports[i].first < ret->low)
			ret->low = p->ports[i].first;
		if (p->ports[i].last > ret->high)
			ret->high = p->ports[i].last;
	}
	if (!p->n_from || !p->n_to || !p->n_ports)
		return;
	ret->first_from = peer_bit(&p->from[0]);
	ret->first_to = peer_bit(&p->to[0]);
	ret->ports = p->ports[0];
}

static bool may_cover(const struct sketch *big, const struct sketch *small)
{
	const unsigned int any = 1U << NSN_PROTO_ANY | 1U << NSN_PROTO_ICMP;

	if (big->over || !(big->from & small->first_from) || !(big->to & small->first_to))
		return false;
	return big->protos & any ||
	       (big->protos & 1U << small->ports.proto && big->low <= small->ports.first &&
		big->high >= small->ports.last);
}

/* Of two that say the same, the second has no effect. */
static bool shadows(const struct nsn_policy_set *s, size_t by, size_t i)
{
	const struct nsn_policy *big = &s->policies[by], *p = &s->policies[i];

	return by != i && covers(big, p) && (by < i || !covers(p, big));
}

static int advise_shadowed(const struct nsn_policy_set *s, int64_t now)
{
	NSN_AUTO(nsn_freep)
	struct sketch *sketches = calloc(s->n_policies + 1, sizeof(*sketches));

	if (!sketches)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_policies; i++)
		sketch_fill(&sketches[i], &s->policies[i], now);
	for (size_t i = 0; i < s->n_policies; i++) {
		for (size_t by = 0; !sketches[i].over && by < s->n_policies; by++) {
			if (!may_cover(&sketches[by], &sketches[i]) || !shadows(s, by, i))
				continue;
			tell_shadowed(s, i, by);
			break;
		}
	}
	return 0;
}

int nsn_policy_advise(const struct nsn_policy_set *s, int64_t now)
{
	for (size_t i = 0; i < s->n_policies; i++) {
		advise_broad(&s->policies[i], &s->places[i]);
		advise_expired(&s->policies[i], &s->places[i], now);
	}
	return advise_shadowed(s, now);
}
