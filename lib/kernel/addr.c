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
	if (!link || !a)
		return 0;
	o = nsn_state_add(d->state, NSN_OBJ_ADDR, d->at, link);
	if (!o)
		return nsn_err_nomem(err);
	nsn_dump_ip(&o->u.addr.prefix.ip, ifa->ifa_family, a);
	o->u.addr.prefix.len = ifa->ifa_prefixlen;
	if (tb[IFA_LOCAL] && tb[IFA_ADDRESS])
		nsn_dump_ip(&o->u.addr.peer, ifa->ifa_family, tb[IFA_ADDRESS]);
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

int nsn_addr_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(rtnl_addr_putp) struct rtnl_addr *addr = NULL;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int index, r;

	r = nsn_link_index(nl, o->link, &index, err);
	if (r == 0)
		r = build(&addr, o, index, err);
	if (r < 0)
		return r;
	/* Replace: adding again is no error. */
	if (rtnl_addr_build_add_request(addr, NLM_F_CREATE | NLM_F_REPLACE, &msg) < 0)
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
