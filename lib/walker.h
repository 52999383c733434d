/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_WALKER_H
#define NSN_WALKER_H

/*
 * walker - a state, and all that is needed to follow packets through it
 */
#include "proof.h"
#include "verify/asked.h"
#include "verify/topo.h"
#include "verify/walk.h"

struct nsn_walker {
	struct nsn_given given;
	struct nsn_topo topo;
	struct nsn_asked *asked;
	struct nsn_beyond beyond;
	size_t host; /* its namespace, or NSN_NOWHERE */
	struct nsn_space space;
	bool open;
	struct nsn_walk *walk; /* nsn_walker_begin() */
};

/* Start as { 0 }; nsn_walker_close() in any case. Errors as nsnet_verify() has them. */
int nsn_walker_open(struct nsn_walker *w, struct nsnet *n, const struct nsnet_verify_how *how,
		    struct nsnet_err *err);
/*
 * Makes `walk`. From here on things may jump to w->space.out, which the caller has set
 * up: what was asked cannot be found out then.
 */
int nsn_walker_begin(struct nsn_walker *w, struct nsnet_err *err);
void nsn_walker_close(struct nsn_walker *w);

/* Namespaces of a tenant and of its endpoint (indexes of the intent), or NSN_NOWHERE. */
size_t nsn_walker_gateway(const struct nsn_walker *w, size_t tenant);
size_t nsn_walker_workload(const struct nsn_walker *w, size_t tenant, size_t endpoint);
/* The gateway's link behind which the namespace is: a port of the bridge if there is one. */
const struct nsn_vlink *nsn_walker_port(const struct nsn_walker *w, size_t gateway,
					size_t workload);

nsn_u128 nsn_walker_ip(const struct nsn_ip *ip);
nsn_u128 nsn_walker_mac(const struct nsn_mac *mac);

/*
 * One service: "tcp/5432", "icmp/echo". For packets its protocol and first 16 bits as the
 * policies' boxes have them (ICMP: type << 8 | code).
 */
struct nsn_service {
	uint8_t proto;
	uint16_t port;
	bool icmp;
};
/* 0, or -EINVAL (BAD_PORT): none, or more than one. */
int nsn_service_parse(struct nsn_service *ret, const char *text, uint8_t family,
		      struct nsnet_err *err);

#endif
