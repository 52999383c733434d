/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BENCH_REQUEST_H
#define BENCH_REQUEST_H

/*
 * request - hand-made rtnetlink messages, as many in one datagram as fit
 *
 * None asks for an acknowledgement: the kernel works in sendmsg() and has answered what failed when
 * that returns, so one look at the socket per datagram tells. Index numbers of links are chosen by
 * the caller, so nothing is read back.
 */
#include <stdint.h>

struct request {
	int fd; /* a socket of the namespace that is talked to */
	size_t len;
	char buf[16384];
};

/* A link as it is created; NULL or 0: not said. */
struct link_end {
	const char *name;
	uint32_t index;
	const char *mac;
	uint32_t mtu;
	uint32_t group;
};

/* All end the program when something fails. */
void request_open(struct request *r);
void request_send(struct request *r);
void request_close(struct request *r);

void request_bridge(struct request *r, const struct link_end *end);
/* @peer, which is not up, in the namespace of @peer_ns. */
void request_veth(struct request *r, const struct link_end *end, uint32_t master,
		  const struct link_end *peer, int peer_ns);
/* @flags: IFLA_BRPORT_ numbers and their values: "5=1,9=0". */
void request_port(struct request *r, uint32_t index, const char *flags);
void request_up(struct request *r, uint32_t index);
void request_fdb(struct request *r, uint32_t index, const char *mac);
void request_addr(struct request *r, uint32_t index, const char *ip, uint8_t len, uint8_t proto);
void request_neigh(struct request *r, uint32_t index, const char *ip, const char *mac,
		   uint8_t proto);

struct route_words {
	const char *to, *via; /* "-": none */
	uint32_t len, index, table, proto, scope, flags;
};
void request_route(struct request *r, const struct route_words *w);
struct rule_words {
	const char *iif;				 /* "-": any */
	uint32_t prio, mark, mask, table, proto, action; /* mask 0: no mark */
};
void request_rule(struct request *r, const struct rule_words *w);

/* "WHAT: why", status 1. */
__attribute__((noreturn)) void die(const char *what, int err);

#endif
