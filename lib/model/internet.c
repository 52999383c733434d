/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "intent.h"

/*
 * "Globally reachable" of IANA's IPv4 and IPv6 special-purpose address registries.
 * Where they say "n/a" (6to4, Teredo, deprecated anycast) it is no. Of IPv6 only
 * 2000::/3 was ever given out.
 */
static const struct nsn_reach table[] = {
	{{{AF_INET, {0}}, 0}, true},
	{{{AF_INET, {0}}, 8}, false},
	{{{AF_INET, {10}}, 8}, false},
	{{{AF_INET, {100, 64}}, 10}, false},
	{{{AF_INET, {127}}, 8}, false},
	{{{AF_INET, {169, 254}}, 16}, false},
	{{{AF_INET, {172, 16}}, 12}, false},
	{{{AF_INET, {192, 0, 0, 0}}, 24}, false},
	{{{AF_INET, {192, 0, 0, 9}}, 32}, true},  /* port control anycast */
	{{{AF_INET, {192, 0, 0, 10}}, 32}, true}, /* TURN anycast */
	{{{AF_INET, {192, 0, 2}}, 24}, false},
	{{{AF_INET, {192, 88, 99}}, 24}, false},
	{{{AF_INET, {192, 168}}, 16}, false},
	{{{AF_INET, {198, 18}}, 15}, false},
	{{{AF_INET, {198, 51, 100}}, 24}, false},
	{{{AF_INET, {203, 0, 113}}, 24}, false},
	{{{AF_INET, {224}}, 3}, false}, /* multicast and reserved */
	{{{AF_INET6, {0}}, 0}, false},
	{{{AF_INET6, {0, 0x64, 0xff, 0x9b}}, 96}, true}, /* NAT64 */
	{{{AF_INET6, {0x20}}, 3}, true},
	{{{AF_INET6, {0x20, 0x01}}, 23}, false},
	{{{AF_INET6, {0x20, 0x01, 0, 1, [15] = 1}}, 128}, true}, /* port control anycast */
	{{{AF_INET6, {0x20, 0x01, 0, 1, [15] = 2}}, 128}, true}, /* TURN anycast */
	{{{AF_INET6, {0x20, 0x01, 0, 1, [15] = 3}}, 128}, true}, /* DNS-SD anycast */
	{{{AF_INET6, {0x20, 0x01, 0, 3}}, 32}, true},		 /* AMT */
	{{{AF_INET6, {0x20, 0x01, 0, 4, 1, 0x12}}, 48}, true},	 /* AS112 */
	{{{AF_INET6, {0x20, 0x01, 0, 0x20}}, 28}, true},	 /* ORCHIDv2 */
	{{{AF_INET6, {0x20, 0x01, 0, 0x30}}, 28}, true},	 /* drones */
	{{{AF_INET6, {0x20, 0x01, 0x0d, 0xb8}}, 32}, false},
	{{{AF_INET6, {0x20, 0x02}}, 16}, false},
	{{{AF_INET6, {0x3f, 0xff}}, 20}, false},
};

const struct nsn_reach *nsn_reach_table(size_t *n)
{
	*n = NSN_COUNT(table);
	return table;
}

bool nsn_prefix_within(const struct nsn_prefix *p, const struct nsn_prefix *outer)
{
	return p->ip.family == outer->ip.family && p->len >= outer->len &&
	       nsn_prefix_has(outer, &p->ip);
}

/* What the table alone says of the network: whether some of it is global, and some not. */
static void reach(const struct nsn_prefix *p, bool *some, bool *some_not)
{
	const struct nsn_reach *longest = NULL;

	*some = *some_not = false;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		if (nsn_prefix_within(p, &table[i].net)) {
			if (!longest || table[i].net.len >= longest->net.len)
				longest = &table[i];
		} else if (nsn_prefix_within(&table[i].net, p)) {
			*(table[i].global ? some : some_not) = true;
		}
	}
	*(longest && longest->global ? some : some_not) = true;
}

/* Whether the network is one address, which the host has: nothing of it is anybody else's. */
bool nsn_host_is(const struct nsn_intent *intent, const struct nsn_prefix *p)
{
	for (size_t i = 0; p->len == nsn_ip_bits(&p->ip) && i < intent->n_host; i++)
		if (nsn_ip_cmp(&intent->host[i], &p->ip) == 0)
			return true;
	return false;
}

bool nsn_host_in(const struct nsn_intent *intent, const struct nsn_prefix *p)
{
	for (size_t i = 0; i < intent->n_host; i++)
		if (nsn_prefix_has(p, &intent->host[i]))
			return true;
	return !intent->host;
}

void nsn_internet_has(const struct nsn_intent *intent, const struct nsn_prefix *p, bool *some,
		      bool *some_not)
{
	reach(p, some, some_not);
	if (nsn_host_is(intent, p))
		*some = *some_not = false;
	if (!*some)
		return;
	if (!intent->links) {
		*some_not = true;
		return;
	}
	for (size_t i = 0; i < intent->n_links; i++) {
		if (nsn_prefix_within(p, &intent->links[i]))
			*some = false;
		if (nsn_prefix_overlap(p, &intent->links[i]) &&
		    p->ip.family == intent->links[i].ip.family)
			*some_not = true;
	}
}
