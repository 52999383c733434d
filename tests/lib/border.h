/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BORDER_H
#define TESTS_BORDER_H

/*
 * border - a host with several links, and who is behind them: an internet, a LAN, a storage
 * network, a container (border.sh says which addresses they have); each of them, the host, and
 * the tenants of peers.h, with somebody who calls and answers
 *
 * Everything that fails here fails the test.
 */
#include <stdbool.h>

#include "peers.h"

/* The host's own addresses, by link. */
#define HOST_ETH0   "192.0.2.10"
#define HOST_ETH0_6 "2001:db8:2::10"
#define HOST_ETH1   "192.168.50.10"
#define HOST_ETH1_6 "fd00:50::10"
#define HOST_DOCKER "172.17.0.1"
#define HOST_LO	    "203.0.113.10"
#define HOST_LO_6   "2001:db8:113::10"

struct border {
	struct peers peers;
	struct nsnet *n;
	char *before; /* the host, as it was without tenants */
};

/*
 * In a new world (world_setup() for each test): the host, which forwards what @forwarding says
 * ("none", "docker", "all"), all others, and the tenants @defs. They all answer, but for tenants
 * that are more than peers.h has.
 */
void border_build(struct border *b, const char *forwarding, const struct nsnet_tenant_def *defs,
		  size_t n_defs);
/* What border.sh does. */
void border_sh(const char *what);
/* What is there of the host besides what nsnet makes; the caller frees it. */
char *border_dump(void);
/* Fails unless that is @want, and says what is different. */
void border_is(const char *want, const char *when);
/* Removes all tenants with their rules: the host is as it was, and nothing is left. */
void border_end(struct border *b);

/* A command must have status 0, and leave nothing to do for `nsnet repair`. */
#define CLI(b, ...)                                                                                \
	do {                                                                                       \
		NSNET_STATUS(0, "-q", __VA_ARGS__);                                                \
		NOTHING_TO_DO((b)->n, "the last command");                                         \
	} while (0)
/* It must have this status, and say @part. */
void border_refused(int status, const char *part, const char *const argv[]);
#define REFUSED(status, part, ...)                                                                 \
	border_refused((status), (part), (const char *const[]){nsnet_bin(), __VA_ARGS__, NULL})

/*
 * What is sent by @who must not reach what a rule does not name: neither the host by any address
 * of any link, nor a network on a link of the host's, nor what is no internet behind its router,
 * nor other tenants. It is looked for where it would arrive, too. @but: NULL, or one of: "lan",
 * "host", which is not asked for.
 */
void border_closed(struct border *b, const char *who, const char *but);

/* Whether it is reached: "+", "-" with somebody who listens, or "~" without. */
#define ASK(b, ...) peers_is(&(b)->peers, "ok", __FILE__, __LINE__, "probe " __VA_ARGS__)

#endif
