/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "route.h"

#include <errno.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include "../nl/msg.h"
#include "dump.h"
#include "link.h"

NSN_CLEANUP(struct rtnl_route, rtnl_route_put)

/* What the kernel keeps for itself, or has copied from another route for one address. */
static bool is_kernels(const struct rtmsg *rtm)
{
	return rtm->rtm_protocol == RTPROT_KERNEL || (rtm->rtm_flags & RTM_F_CLONED) ||
	       rtm->rtm_type == RTN_LOCAL || rtm->rtm_type == RTN_BROADCAST ||
	       rtm->rtm_type == RTN_ANYCAST || rtm->rtm_type == RTN_MULTICAST;
}

/*
 * A gateway of the other family (IPv4 via IPv6) is one, too: without it the
 * route would look like one on the link.
 */
static void read_via(struct nsn_ip *ret, uint8_t family, struct nlattr **tb)
{
	const struct rtvia *via;

	if (tb[RTA_GATEWAY]) {
		nsn_dump_ip(ret, family, tb[RTA_GATEWAY]);
	} else if (tb[RTA_VIA] && (size_t)nla_len(tb[RTA_VIA]) == sizeof(*via) + 16) {
		via = nla_data(tb[RTA_VIA]);
		ret->family = AF_INET6;
		memcpy(ret->bytes, via->rtvia_addr, sizeof(ret->bytes));
	}
}

/* Several hops at once (RTA_MULTIPATH) are no link and no gateway: like none of ours. */
static int each_route(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct rtmsg *rtm = nlmsg_data(msg);
	struct nsn_dump *d = arg;
	struct nlattr *tb[RTA_MAX + 1];
	struct nsn_object *o;
	const char *link = "";
	uint32_t table;

	if (msg->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return nsn_dump_unreadable("route", err);
	table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : rtm->rtm_table;
	/* What a workload does beyond the main table is its own business. */
	if (is_kernels(rtm) || (table != RT_TABLE_MAIN && d->at.role != NSN_GATEWAY))
		return 0;
	/* One that leads nowhere has the link `lo`, in IPv6. */
	if (tb[RTA_OIF] && rtm->rtm_type == RTN_UNICAST)
		link = nsn_dump_link(d, (int)nla_get_u32(tb[RTA_OIF]));
	o = nsn_state_add(d->state, NSN_OBJ_ROUTE, d->at, link ? link : "");
	if (!o)
		return nsn_err_nomem(err);
	o->u.route.protocol = rtm->rtm_protocol;
	o->u.route.table = table == RT_TABLE_MAIN ? 0 : table;
	o->u.route.type = rtm->rtm_type == RTN_UNICAST ? 0 : rtm->rtm_type;
	o->u.route.onlink = rtm->rtm_flags & RTNH_F_ONLINK;
	o->u.route.dst.len = rtm->rtm_dst_len;
	/* A default route has none. */
	if (tb[RTA_DST])
		nsn_dump_ip(&o->u.route.dst.ip, rtm->rtm_family, tb[RTA_DST]);
	else
		o->u.route.dst.ip.family = rtm->rtm_family;
	read_via(&o->u.route.via, rtm->rtm_family, tb);
	return 0;
}

int nsn_route_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		   struct nsnet_err *err)
{
	const struct rtmsg rtm = {.rtm_family = AF_UNSPEC};

	return nsn_dump_all(nl, RTM_GETROUTE, &rtm, sizeof(rtm), each_route, ret, at, "routes",
			    err);
}

static int add_hop(struct rtnl_route *route, const struct nsn_object *o, int index)
{
	uint8_t family = o->u.route.via.family;
	NSN_AUTO(nl_addr_putp) struct nl_addr *via = NULL;
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();

	if (!hop)
		return -ENOMEM;
	/* The route owns its hops from here on. */
	rtnl_route_add_nexthop(route, hop);
	rtnl_route_nh_set_ifindex(hop, index);
	if (o->u.route.onlink)
		rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
	/* RTA_GATEWAY takes the route's family only; to delete, the link is enough. */
	if (family != o->u.route.dst.ip.family)
		return 0;
	via = nsn_msg_addr(&o->u.route.via);
	if (!via)
		return -ENOMEM;
	rtnl_route_nh_set_gateway(hop, via);
	return 0;
}

static uint32_t table_of(const struct nsn_object *o)
{
	return o->u.route.table ? o->u.route.table : RT_TABLE_MAIN;
}

static int build(struct rtnl_route **ret, const struct nsn_object *o, int index,
		 struct nsnet_err *err)
{
	NSN_AUTO(rtnl_route_putp) struct rtnl_route *route = rtnl_route_alloc();
	NSN_AUTO(nl_addr_putp) struct nl_addr *dst = nsn_msg_addr(&o->u.route.dst.ip);
	if (!route || !dst)
		return nsn_err_nomem(err);
	nl_addr_set_prefixlen(dst, o->u.route.dst.len);
	rtnl_route_set_family(route, o->u.route.dst.ip.family);
	rtnl_route_set_table(route, table_of(o));
	rtnl_route_set_protocol(route, o->u.route.protocol);
	rtnl_route_set_type(route, o->u.route.type ? o->u.route.type : RTN_UNICAST);
	rtnl_route_set_scope(route, o->u.route.via.family || o->u.route.type ? RT_SCOPE_UNIVERSE
									     : RT_SCOPE_LINK);
	if (rtnl_route_set_dst(route, dst) < 0 || (index && add_hop(route, o, index) < 0))
		return nsn_err_nomem(err);
	*ret = NSN_TAKE_PTR(route);
	return 0;
}

int nsn_route_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(rtnl_route_putp) struct rtnl_route *route = NULL;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int index = 0, r = 0;

	if (o->u.route.via.family && o->u.route.via.family != o->u.route.dst.ip.family)
		return nsn_err(err, -EAFNOSUPPORT, NSNET_E_INTERNAL,
			       "a route and its gateway are of one family");
	/* One that leads nowhere hangs on no link. */
	if (o->link[0] || !o->u.route.type)
		r = nsn_link_index(nl, o->link, &index, err);
	if (r == 0)
		r = build(&route, o, index, err);
	if (r < 0)
		return r;
	if (rtnl_route_build_add_request(route, NLM_F_CREATE | NLM_F_REPLACE, &msg) < 0)
		return nsn_err_nomem(err);
	return nsn_request_about(nl, nlmsg_hdr(msg), o, 0, err);
}

int nsn_route_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(rtnl_route_putp) struct rtnl_route *route = NULL;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int index = 0, r = 0;

	/* One with several hops, or with none (a blackhole), hangs on no link. */
	if (o->link[0])
		r = nsn_link_to_delete_from(nl, o, &index, err);
	if (r == 0)
		r = build(&route, o, index, err);
	if (r != 0)
		return r < 0 ? r : 0;
	/* Whatever its type and scope: the object does not say, and for the kernel they would
	 * count. */
	rtnl_route_set_type(route, RTN_UNSPEC);
	rtnl_route_set_scope(route, RT_SCOPE_NOWHERE);
	if (rtnl_route_build_del_request(route, 0, &msg) < 0)
		return nsn_err_nomem(err);
	return nsn_request_about(nl, nlmsg_hdr(msg), o, ESRCH, err);
}
