/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "neigh.h"

#include <errno.h>
#include <string.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/route/neighbour.h>

#include "../nl/msg.h"
#include "dump.h"
#include "link.h"

NSN_CLEANUP(struct rtnl_neigh, rtnl_neigh_put)

static int each_neigh(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct ndmsg *ndm = nlmsg_data(msg);
	struct nsn_dump *d = arg;
	bool fdb = ndm->ndm_family == AF_BRIDGE;
	struct nlattr *tb[NDA_MAX + 1];
	struct nsn_mac mac = {{0}};
	struct nsn_object *o;
	const char *link;

	if (msg->nlmsg_type != RTM_NEWNEIGH)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*ndm), tb, NDA_MAX, NULL) < 0)
		return nsn_dump_unreadable("neighbour", err);
	/* br_fdb.c: static entries are NOARP, a port's own ("local") ones PERMANENT. */
	if (!(ndm->ndm_state & (fdb ? NUD_NOARP : NUD_PERMANENT)))
		return 0;
	link = nsn_dump_link(d, ndm->ndm_ifindex);
	/* A forwarding entry without a master is a device's own filter, not the bridge's. */
	if (!link || (fdb && !tb[NDA_MASTER]) || (!fdb && !tb[NDA_DST]))
		return 0;
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == sizeof(mac))
		memcpy(&mac, nla_data(tb[NDA_LLADDR]), sizeof(mac));
	o = nsn_state_add(d->state, fdb ? NSN_OBJ_FDB : NSN_OBJ_NEIGH, d->at, link);
	if (!o)
		return nsn_err_nomem(err);
	if (fdb) {
		o->u.fdb = mac;
	} else {
		nsn_dump_ip(&o->u.neigh.ip, ndm->ndm_family, tb[NDA_DST]);
		o->u.neigh.mac = mac;
		if (tb[NDA_PROTOCOL] && nla_len(tb[NDA_PROTOCOL]) >= 1)
			o->u.neigh.protocol = nla_get_u8(tb[NDA_PROTOCOL]);
	}
	return 0;
}

int nsn_neigh_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at, bool bridge,
		   struct nsnet_err *err)
{
	struct ndmsg ndm = {.ndm_family = AF_UNSPEC};
	int r;

	r = nsn_dump_all(nl, RTM_GETNEIGH, &ndm, sizeof(ndm), each_neigh, ret, at, "neighbours",
			 err);
	if (r < 0 || !bridge)
		return r;
	ndm.ndm_family = AF_BRIDGE;
	return nsn_dump_all(nl, RTM_GETNEIGH, &ndm, sizeof(ndm), each_neigh, ret, at,
			    "forwarding entries", err);
}

static int fill(struct rtnl_neigh *n, const struct nsn_object *o)
{
	bool fdb = o->kind == NSN_OBJ_FDB;
	const struct nsn_mac *mac = fdb ? &o->u.fdb : &o->u.neigh.mac;
	NSN_AUTO(nl_addr_putp)
	struct nl_addr *ll = nl_addr_build(AF_LLC, mac->bytes, sizeof(mac->bytes));
	NSN_AUTO(nl_addr_putp) struct nl_addr *dst = NULL;

	if (!ll)
		return -ENOMEM;
	rtnl_neigh_set_lladdr(n, ll);
	rtnl_neigh_set_family(n, fdb ? AF_BRIDGE : o->u.neigh.ip.family);
	rtnl_neigh_set_state(n, fdb ? NUD_NOARP : NUD_PERMANENT);
	if (fdb) {
		rtnl_neigh_set_flags(n, NTF_MASTER);
		return 0;
	}
	dst = nsn_msg_addr(&o->u.neigh.ip);
	return !dst || rtnl_neigh_set_dst(n, dst) < 0 ? -ENOMEM : 0;
}

static int build(struct rtnl_neigh **ret, const struct nsn_object *o, int index,
		 struct nsnet_err *err)
{
	NSN_AUTO(rtnl_neigh_putp) struct rtnl_neigh *n = rtnl_neigh_alloc();
	if (!n || fill(n, o) < 0)
		return nsn_err_nomem(err);
	rtnl_neigh_set_ifindex(n, index);
	*ret = NSN_TAKE_PTR(n);
	return 0;
}

int nsn_neigh_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(rtnl_neigh_putp) struct rtnl_neigh *n = NULL;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int index, r;

	r = nsn_link_index(nl, o->link, &index, err);
	if (r == 0)
		r = build(&n, o, index, err);
	if (r < 0)
		return r;
	if (rtnl_neigh_build_add_request(n, NLM_F_CREATE | NLM_F_REPLACE, &msg) < 0)
		return nsn_err_nomem(err);
	/* libnl 3.7 does not know it, and forwarding entries have none. */
	if (o->kind == NSN_OBJ_NEIGH && o->u.neigh.protocol &&
	    nla_put_u8(msg, NDA_PROTOCOL, o->u.neigh.protocol) < 0)
		return nsn_err_nomem(err);
	return nsn_request_about(nl, nlmsg_hdr(msg), o, 0, err);
}

int nsn_neigh_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(rtnl_neigh_putp) struct rtnl_neigh *n = NULL;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int index, r;

	r = nsn_link_to_delete_from(nl, o, &index, err);
	if (r == 0)
		r = build(&n, o, index, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (rtnl_neigh_build_delete_request(n, 0, &msg) < 0)
		return nsn_err_nomem(err);
	return nsn_request_about(nl, nlmsg_hdr(msg), o, ENOENT, err);
}
