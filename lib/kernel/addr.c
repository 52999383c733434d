/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "addr.h"

#include <errno.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/route/addr.h>

#include "../nl/msg.h"
#include "dump.h"
#include "link.h"

NSN_CLEANUP(struct rtnl_addr, rtnl_addr_put)

static int each_addr(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct ifaddrmsg *ifa = nlmsg_data(msg);
	struct nsn_dump *d = arg;
	struct nlattr *tb[IFA_MAX + 1], *a;
	struct nsn_object *o;
	const char *link;

	if (msg->nlmsg_type != RTM_NEWADDR)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return nsn_dump_unreadable("address", err);
	link = nsn_dump_link(d, (int)ifa->ifa_index);
	/* With a peer address IFA_ADDRESS is the peer's; without one they are the same. */
	a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	/* One that somebody else was found to have: nothing is sent from it or taken for it. */
	if (!link || !a || (ifa->ifa_flags & IFA_F_DADFAILED))
		return 0;
	o = nsn_state_add(d->state, NSN_OBJ_ADDR, d->at, link);
	if (!o)
		return nsn_err_nomem(err);
	nsn_dump_ip(&o->u.addr.prefix.ip, ifa->ifa_family, a);
	o->u.addr.prefix.len = ifa->ifa_prefixlen;
	if (tb[IFA_LOCAL] && tb[IFA_ADDRESS])
		nsn_dump_ip(&o->u.addr.peer, ifa->ifa_family, tb[IFA_ADDRESS]);
	if (tb[IFA_PROTO] && nla_len(tb[IFA_PROTO]) >= 1)
		o->u.addr.protocol = nla_get_u8(tb[IFA_PROTO]);
	if (nsn_ip_cmp(&o->u.addr.peer, &o->u.addr.prefix.ip) == 0)
		o->u.addr.peer = (struct nsn_ip){0};
	return 0;
}

int nsn_addr_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		  struct nsnet_err *err)
{
	const struct ifaddrmsg ifa = {.ifa_family = AF_UNSPEC};

	return nsn_dump_all(nl, RTM_GETADDR, &ifa, sizeof(ifa), each_addr, ret, at, "addresses",
			    err);
}

static int build(struct rtnl_addr **ret, const struct nsn_object *o, int index,
		 struct nsnet_err *err)
{
	NSN_AUTO(rtnl_addr_putp) struct rtnl_addr *addr = rtnl_addr_alloc();
	NSN_AUTO(nl_addr_putp) struct nl_addr *peer = NULL;
	NSN_AUTO(nl_addr_putp) struct nl_addr *local = nsn_msg_addr(&o->u.addr.prefix.ip);

	if (!addr || !local)
		return nsn_err_nomem(err);
	nl_addr_set_prefixlen(local, o->u.addr.prefix.len);
	rtnl_addr_set_ifindex(addr, index);
	rtnl_addr_set_prefixlen(addr, o->u.addr.prefix.len);
	/*
	 * Usable at once, also after the link was down: without it an address is
	 * tentative for a second or two, and a workload could shut one of ours out by
	 * answering for it. The gateway sees to it that nobody has two of them.
	 */
	if (o->u.addr.prefix.ip.family == AF_INET6)
		rtnl_addr_set_flags(addr, IFA_F_NODAD);
	if (rtnl_addr_set_local(addr, local) < 0)
		return nsn_err_nomem(err);
	if (o->u.addr.peer.family) {
		peer = nsn_msg_addr(&o->u.addr.peer);
		if (!peer)
			return nsn_err_nomem(err);
		nl_addr_set_prefixlen(peer, o->u.addr.prefix.len);
		if (rtnl_addr_set_peer(addr, peer) < 0)
			return nsn_err_nomem(err);
	}
	*ret = NSN_TAKE_PTR(addr);
	return 0;
}

static int take_header(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	(void)err;
	if (msg->nlmsg_type == RTM_NEWADDR)
		*(struct ifaddrmsg *)arg = *(const struct ifaddrmsg *)nlmsg_data(msg);
	return 0;
}

/*
 * addrconf.c: an IPv6 address is on a link once. Asked for it with another
 * prefix length the kernel says yes and keeps the old one, and one that has
 * failed, or is still being looked for, stays so. Such a one goes first.
 */
static int drop_unfit(struct nsn_nl *nl, const struct nsn_object *o, int index,
		      struct nsnet_err *err)
{
	const struct ifaddrmsg ifa = {.ifa_family = AF_INET6, .ifa_index = (unsigned int)index};
	const struct nsn_ip *ip = &o->u.addr.prefix.ip;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nsn_msg_new(RTM_GETADDR, 0, &ifa, sizeof(ifa));
	struct ifaddrmsg found = {0};
	const struct nsn_nl_sink sink = {.each = take_header, .arg = &found};
	struct nsnet_err inner = {0};
	struct nsn_object other = *o;
	int r;

	if (!msg || nla_put(msg, IFA_ADDRESS, sizeof(ip->bytes), ip->bytes) < 0)
		return nsn_err_nomem(err);
	r = nsn_nl_get(nl, nlmsg_hdr(msg), &sink, &inner);
	if (r < 0 && r != -EADDRNOTAVAIL) {
		if (err)
			*err = inner;
		return nsn_err_wrap(err, r, "look for an address on '%s'", o->link);
	}
	if (r < 0 || !found.ifa_family ||
	    (found.ifa_prefixlen == o->u.addr.prefix.len &&
	     !(found.ifa_flags & (IFA_F_DADFAILED | IFA_F_TENTATIVE))))
		return 0;
	other.u.addr.prefix.len = found.ifa_prefixlen;
	return nsn_addr_del(nl, &other, err);
}

int nsn_addr_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(rtnl_addr_putp) struct rtnl_addr *addr = NULL;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int index, r;

	r = nsn_link_index(nl, o->link, &index, err);
	if (r == 0)
		r = build(&addr, o, index, err);
	if (r == 0 && o->u.addr.prefix.ip.family == AF_INET6)
		r = drop_unfit(nl, o, index, err);
	if (r < 0)
		return r;
	/* Replace: adding again is no error, and gives the mark to one that had none. */
	if (rtnl_addr_build_add_request(addr, NLM_F_CREATE | NLM_F_REPLACE, &msg) < 0)
		return nsn_err_nomem(err);
	/* Kernel 5.18; an older one passes over it. libnl 3.7 does not know it. */
	if (o->u.addr.protocol && nla_put_u8(msg, IFA_PROTO, o->u.addr.protocol) < 0)
		return nsn_err_nomem(err);
	return nsn_request_about(nl, nlmsg_hdr(msg), o, 0, err);
}

int nsn_addr_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(rtnl_addr_putp) struct rtnl_addr *addr = NULL;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int index, r;

	r = nsn_link_to_delete_from(nl, o, &index, err);
	if (r == 0)
		r = build(&addr, o, index, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (rtnl_addr_build_delete_request(addr, 0, &msg) < 0)
		return nsn_err_nomem(err);
	return nsn_request_about(nl, nlmsg_hdr(msg), o, EADDRNOTAVAIL, err);
}
