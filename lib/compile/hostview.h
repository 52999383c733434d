/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_HOSTVIEW_H
#define NSN_COMPILE_HOSTVIEW_H

/*
 * hostview - what of the host matters to who leads something out of it. Pure data.
 *
 * Read from the kernel by lib/hostview.c. Nothing of it is ours: links, addresses and routes
 * that carry our marks (ends of uplinks) are left out.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/ip.h"

#define NSN_HOST_LINK_SIZE 16

/* A link of the host's but `lo`. */
struct nsn_host_link {
	char name[NSN_HOST_LINK_SIZE];
	/* As they are now. -1: this kernel, or the link, has no such setting. */
	int forwarding4, forwarding6; /* net/ipvN/conf/LINK/forwarding */
	int force6;		      /* net/ipv6/conf/LINK/force_forwarding (kernel 6.17) */
	int accept_ra;		      /* net/ipv6/conf/LINK/accept_ra */
};

/* A unicast route of the main table, also those the kernel makes of addresses. */
struct nsn_host_route {
	struct nsn_prefix dst; /* length 0: a default route */
	struct nsn_ip via;     /* family 0: on the link */
	char link[NSN_HOST_LINK_SIZE];
};

/* Start as { 0 }; nsn_hostview_clear(). */
struct nsn_hostview {
	struct nsn_host_link *links; /* by name */
	size_t n_links;
	struct nsn_ip *addrs; /* of all links and of `lo`, without loopback and link-local ones */
	size_t n_addrs;
	struct nsn_prefix *nets; /* on a link: of addresses, and of routes without a gateway */
	size_t n_nets;
	struct nsn_host_route *routes;
	size_t n_routes;
	int all_forwarding6; /* net/ipv6/conf/all/forwarding; -1: no IPv6 */
};

void nsn_hostview_clear(struct nsn_hostview *v);
/* @ret: empty before. 0 or -ENOMEM */
struct nsnet_err;
int nsn_hostview_copy(struct nsn_hostview *ret, const struct nsn_hostview *v,
		      struct nsnet_err *err);

#endif
