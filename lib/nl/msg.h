/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_NL_MSG_H
#define NSN_NL_MSG_H

/*
 * msg - a route message under construction, by libnl
 */
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "../base/cleanup.h"
#include "../base/ip.h"
#include "nl.h"

NSN_CLEANUP(struct nl_msg, nlmsg_free)
NSN_CLEANUP(struct nl_addr, nl_addr_put)

/* A message with its fixed header behind the netlink one; NULL without memory. */
static inline struct nl_msg *nsn_msg_new(int type, int flags, const void *header, size_t size)
{
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg)
		return NULL;
	if (nlmsg_append(msg, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO) < 0)
		return NULL;
	return NSN_TAKE_PTR(msg);
}

/* An address for libnl; to be put. NULL without memory. */
static inline struct nl_addr *nsn_msg_addr(const struct nsn_ip *ip)
{
	return nl_addr_build(ip->family, ip->bytes, nsn_ip_bits(ip) / 8);
}

/* libnl wants pointers to what it only reads. */
static inline struct nlmsghdr *nsn_msg_mutable(const struct nlmsghdr *msg)
{
	return (struct nlmsghdr *)(uintptr_t)msg;
}

#endif
