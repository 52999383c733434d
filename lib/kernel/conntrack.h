/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_CONNTRACK_H
#define NSN_KERNEL_CONNTRACK_H

/*
 * conntrack - the connections that a namespace knows, by their marks
 *
 * @nl is a netfilter socket of the namespace. A kernel that tracks nothing there
 * yet has 0 connections.
 */
#include <stdint.h>

#include "../base/err.h"
#include "../base/ip.h"

struct nsn_nl;

int nsn_conntrack_count(struct nsn_nl *nl, uint32_t *ret, struct nsnet_err *err);

/*
 * Forgets the connections of which mark & @mask is @mark & @mask; @mask 0: all. The
 * next packet of any of them is that of a new connection.
 */
int nsn_conntrack_flush(struct nsn_nl *nl, uint32_t mark, uint32_t mask, struct nsnet_err *err);

/*
 * Forgets the connections that an address has opened, or that lead to it after translation;
 * @port not 0: those only that lead to this port of it. They are listed and taken one by one,
 * as the kernel cannot select by address.
 */
int nsn_conntrack_forget(struct nsn_nl *nl, const struct nsn_ip *ip, uint16_t port,
			 struct nsnet_err *err);

#endif
