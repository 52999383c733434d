/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_WIRE_FORM_H
#define NSN_WIRE_FORM_H

/* form - what the makers of frames share: form.c has those of IP, form_link.c the link's own. */
#include "parts.h"

enum {
	TYPE_IP4 = 0x0800,
	TYPE_ARP = 0x0806,
	TYPE_IP6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_OURS = 0x88b5,
	TYPE_LLDP = 0x88cc,
	HOPS_ND = 255, /* what has come over a router is no neighbour's */
};

struct nsn_forming {
	struct nsn_wire_train *t;
	const struct nsn_wire_ask *a;
	const struct nsn_wire_key *k;
	uint32_t number;
};

extern const struct nsn_mac nsn_form_everybody;

struct nsn_wire_frame *nsn_form_next(struct nsn_forming *f);
uint16_t nsn_form_ip_type(uint8_t family);
void nsn_form_udp(struct nsn_wire_frame *f, uint16_t sport, uint16_t dport);
/* The receiver's MAC address when it is on the same bridge, else the gateway's. */
const struct nsn_mac *nsn_form_across(const struct nsn_wire_ask *a);

/* ---- form_link.c ---- */
void nsn_form_link(struct nsn_forming *f);
void nsn_form_dhcp(struct nsn_forming *f);
void nsn_form_router(struct nsn_forming *f);

#endif
