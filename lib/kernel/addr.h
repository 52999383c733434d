/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_KERNEL_ADDR_H
#define NSN_KERNEL_ADDR_H

/*
 * addr - addresses of links (NSN_OBJ_ADDR), both families
 *
 * All that work are read, also those that the kernel makes by itself (::1,
 * fe80::): their protocol says so (IFAPROT_KERNEL_*, kernel 5.18), ours have
 * NSN_RTPROT.
 */
#include "../object/object.h"

struct nsn_nl;

/* Adds all addresses to @ret; @ret must hold the links of @at already. */
int nsn_addr_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		  struct nsnet_err *err);
/*
 * An address that is there already is fine and takes the protocol of @o, and so
 * is one that is gone already. IPv6 addresses are usable at once (no duplicate
 * address detection) and last for ever; the same one with another prefix length,
 * or one that does not work, makes way, because the kernel has room for one.
 */
int nsn_addr_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);
int nsn_addr_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err);

#endif
