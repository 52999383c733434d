/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PROVER_GEN_H
#define TESTS_PROVER_GEN_H

/*
 * gen - random rulesets in nft's own words
 *
 * Addresses, ports and marks are out of small alphabets, so that rules meet packets and
 * each other.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct rnd {
	uint64_t state;
};
uint32_t rnd(struct rnd *r, uint32_t below);
bool chance(struct rnd *r, uint32_t percent);

enum shape {
	SHAPE_ROUTER, /* one gateway, four links, four networks */
	SHAPE_BRIDGE, /* one gateway, one bridge with four ports */
	SHAPE_CABLE,  /* two gateways with a bridge of two ports each, and a cable */
	SHAPES
};

/* What rules of one gateway may speak of. */
struct scene {
	enum shape shape;
	int gateway; /* 0 or 1 */
};

/* The addresses that packets and rules are made of. IPv6: the same numbers in fd07::/16. */
#define N_ADDRESSES 8
const char *scene_address(int i, bool ipv6);
#define N_PORTS 6
extern const uint16_t scene_ports[N_PORTS];

/* A whole ruleset for `nft -f -`. */
void gen_rules(struct rnd *r, const struct scene *s, FILE *to);

#endif
