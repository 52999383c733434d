/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_COMPILE_BRIDGE_H
#define NSN_COMPILE_BRIDGE_H

/*
 * bridge - names that the rules of the bridge table (bridge.c) and its sets
 * (pins.c) share. Private to these two.
 *
 *	nsnet_pin4  port, MAC, IPv4 address: IPv4 sources, and ARP senders twice, in
 *	            the Ethernet header and in the ARP packet
 *	nsnet_pin6  port, MAC, IPv6 address
 *	nsnet_nd    the same keys for the target of a neighbour advertisement; nft has
 *	            no name for that field, so its set has another type to it
 *	nsnet_ext   numbers of IPv6 extension headers that are dropped
 *	nsnet_cut   port: its endpoint is in quarantine, and closed for its neighbours, too
 *	nsnet_sent, nsnet_rcvd  port: the limit of what its endpoint may send, receive
 */
#include "border.h"
#include "compile.h"

#define SET_PIN4 "nsnet_pin4"
#define SET_PIN6 "nsnet_pin6"
#define SET_ND	 "nsnet_nd"
#define SET_EXT	 "nsnet_ext"
#define SET_CUT	 "nsnet_cut"
#define SET_SENT "nsnet_sent"
#define SET_RCVD "nsnet_rcvd"

/* All sets, their elements and the limits these name. @b: may be NULL. 0, -ENOMEM. */
int nsn_compile_bridge_sets(struct nsn_state *s, struct nsn_place at, const struct nsn_tenant *t,
			    const struct nsn_border *b);

#endif
