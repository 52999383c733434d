/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_LINK_H
#define NSN_KERNEL_LINK_H

/*
 * link - network devices: bridges, veth pairs, and ports of a bridge
 *
 * @nl is a route socket inside the namespace. Errors begin with the link's
 * name. Kernel facts come from net/core/rtnetlink.c, net/bridge/br_netlink.c
 * and drivers/net/veth.c.
 */
#include "../object/object.h"

struct nsn_nl;

/*
 * Adds what is there to @ret: each link (NSN_OBJ_LINK), for a port of a bridge
 * its flags (NSN_OBJ_PORT), and NSN_OBJ_UP for those that are administratively
 * up and not shut by their bridge. `lo` is left out, but for its NSN_OBJ_UP. Ends of veths are left
 * open: see peer_index and peer_nsid. Does not sort.
 */
int nsn_link_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		  struct nsnet_err *err);

/*
 * The same for one link; nothing when it is not there. A master is told by its number: the
 * other links are not read.
 */
int nsn_link_read(struct nsn_nl *nl, const char *name, struct nsn_state *ret, struct nsn_place at,
		  struct nsnet_err *err);

/* The index of a link by name; -ENODEV when there is none. */
int nsn_link_index(struct nsn_nl *nl, const char *name, int *ret, struct nsnet_err *err);

/*
 * Makes a link, down. For a veth @far is the other end, born in the namespace
 * @far_fd by the same request: at no moment is it visible elsewhere. Master
 * and group are honoured in the creating request (an alias is not).
 */
int nsn_link_add(struct nsn_nl *nl, const struct nsn_object *o, const struct nsn_object *far,
		 int far_fd, struct nsnet_err *err);

/* Gives an existing link the MAC address, mtu, group, master and bridge settings of @o. */
int nsn_link_change(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);

/* A link that is not there is gone already. Takes tens of ms: the kernel waits for RCU. */
int nsn_link_del(struct nsn_nl *nl, const char *name, struct nsnet_err *err);
/*
 * All links of a group in the namespace at once: the kernel waits for RCU once and not for
 * each (500 pairs 0.13 s, one by one 20 ms each), but for every bridge once more. None is
 * no error.
 */
int nsn_link_del_group(struct nsn_nl *nl, uint32_t group, struct nsnet_err *err);
/* A link that is not there is down. */
int nsn_link_set_up(struct nsn_nl *nl, const char *name, bool up, struct nsnet_err *err);

/* Sets all flags of a bridge port that we know. */
int nsn_port_set(struct nsn_nl *nl, const char *name, uint32_t flags, struct nsnet_err *err);

#endif
