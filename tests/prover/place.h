/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PROVER_PLACE_H
#define TESTS_PROVER_PLACE_H

/*
 * place - namespaces, links and routes to try a ruleset in, and packets sent through them
 *
 * Four workloads, w0 to w3, that only see (their links have no addresses, so nobody
 * answers), and one or two gateways, g0 and g1. Every neighbour is known in advance.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

#define PLACE_WORKLOADS 4

struct place {
	enum shape shape;
	int gateways;
	bool marked;			    /* routes need the mark 1 */
	bool blackhole;			    /* 10.7.3.0/25 leads nowhere */
	bool nf_call;			    /* bridges hand frames to the chains of IP */
	unsigned int port[PLACE_WORKLOADS]; /* of a bridge: its flags, see place.c */
	int tap[PLACE_WORKLOADS];
};

void place_random(struct place *s, struct rnd *r);
/* One line, and back: false when it is none. */
void place_print(const struct place *s, FILE *to);
bool place_parse(struct place *s, const char *text);
/* Makes the namespaces (`ip netns`) in the present world; ends the process when it cannot. */
void place_make(struct place *s);
void place_drop(struct place *s);
/* 0, or -1 when nft refuses it. */
int place_load(const struct place *s, int gateway, const char *rules);
/* Where a workload's frames come in: gateway and the name of its link there. */
int place_gateway_of(const struct place *s, int workload);
const char *place_link_of(const struct place *s, int workload);
/* The network of a workload, and its number there. */
int place_network_of(const struct place *s, int workload);
int place_number_of(const struct place *s, int workload);
void must(bool ok, const char *what);

/* ---- packets ------------------------------------------------------------------- */

struct sent {
	uint32_t nonce;
	int from;
	bool ipv6, arp;
	bool fragment; /* not the first: what would be its transport header is data */
	uint8_t tag;   /* as NSN_F_TAG */
	uint8_t l2src[6], l2dst[6];
	uint8_t src[16], dst[16];
	uint8_t proto, flags, ttl;
	uint16_t sport, dport; /* ICMP: type << 8 | code, and the id */
};

void packet_random(struct rnd *r, const struct place *s, struct sent *p);
void packet_answer(struct sent *ret, const struct sent *p, int from, const struct place *s);
void packet_send(const struct place *s, const struct sent *p);
/* One line, and back. */
void packet_print(const struct sent *p, FILE *to);
bool packet_parse(struct sent *ret, const char *text);

struct seen {
	uint32_t nonce;
	int at;
	struct sent as; /* its fields when it arrived */
};
/* Reads one that is there: 1, or 0. */
int packet_seen(const struct place *s, struct seen *ret);

#endif
