/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "../base/cleanup.h"
#include "../nl/msg.h"

typedef int each_fn(const struct nlmsghdr *, void *, struct nsnet_err *);

/* ---- addresses --------------------------------------------------------------------------- */

static int each_addr(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct ifaddrmsg *ifa = nlmsg_data(msg);
	struct nlattr *tb[IFA_MAX + 1];
	struct nsn_gather *g = arg;
	struct nsn_vaddr *a;
	struct nsn_ip own, far;

	if (msg->nlmsg_type != RTM_NEWADDR)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return nsn_unreadable("address", err);
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return 0;
	far = nsn_attr_ip(ifa->ifa_family, tb[IFA_ADDRESS]);
	/* IPv6 has no IFA_LOCAL but with a peer, IPv4 always. */
	own = tb[IFA_LOCAL] ? nsn_attr_ip(ifa->ifa_family, tb[IFA_LOCAL]) : far;
	a = nsn_gather_add(g);
	if (!a)
		return nsn_err_nomem(err);
	if (!own.family)
		return nsn_unreadable("address", err);
	a->link = ifa->ifa_index;
	a->net = (struct nsn_prefix){.ip = own, .len = ifa->ifa_prefixlen};
	if (far.family && nsn_ip_cmp(&far, &own) != 0)
		a->peer = far;
	a->proto = nsn_attr_u8(tb[IFA_PROTO], 0);
	return 0;
}

/* ---- routes --------------------------------------------------------------------------------- */

/* A gateway of the other family (IPv4 by IPv6) comes as RTA_VIA. */
static bool read_via(uint8_t family, const struct nlattr *gateway, const struct nlattr *via,
		     struct nsn_ip *ret)
{
	const struct rtvia *v;
	uint16_t of;

	if (gateway)
		*ret = nsn_attr_ip(family, gateway);
	if (!via)
		return !gateway || ret->family;
	if ((size_t)nla_len(via) < sizeof(*v))
		return false;
	v = nla_data(via);
	memcpy(&of, &v->rtvia_family, sizeof(of));
	if ((of != AF_INET && of != AF_INET6) ||
	    (size_t)nla_len(via) < sizeof(*v) + (of == AF_INET ? 4 : 16))
		return false;
	ret->family = (uint8_t)of;
	memcpy(ret->bytes, v->rtvia_addr, of == AF_INET ? 4 : 16);
	return true;
}

/* Hops of RTA_MULTIPATH. */
static int read_hops(struct nsn_arena *mem, uint8_t family, const struct nlattr *list,
		     struct nsn_vroute *ret)
{
	const struct rtnexthop *h = nla_data(list);
	size_t left = (size_t)nla_len(list), n = 0;
	struct nsn_vhop *hops = nsn_arena_alloc(mem, (left / sizeof(*h) + 1) * sizeof(*hops));

	if (!hops)
		return -ENOMEM;
	while (left >= sizeof(*h) && h->rtnh_len >= sizeof(*h) && h->rtnh_len <= left) {
		struct nlattr *tb[RTA_MAX + 1];
		size_t step = NLA_ALIGN(h->rtnh_len);

		if (nla_parse(tb, RTA_MAX, (struct nlattr *)(uintptr_t)(h + 1),
			      (int)(h->rtnh_len - sizeof(*h)), NULL) < 0)
			return -EBADMSG;
		hops[n].link = (uint32_t)h->rtnh_ifindex;
		if (!read_via(family, tb[RTA_GATEWAY], tb[RTA_VIA], &hops[n].via) ||
		    tb[RTA_ENCAP] || tb[RTA_ENCAP_TYPE] || tb[RTA_NEWDST])
			ret->odd = true;
		n++;
		left -= step < left ? step : left;
		h = (const struct rtnexthop *)(const void *)((const char *)h + step);
	}
	ret->hops = hops;
	ret->n_hops = n;
	return 0;
}

static int read_ways(struct nsn_arena *mem, uint8_t family, struct nlattr **tb,
		     struct nsn_vroute *ret)
{
	struct nsn_vhop *hop;

	if (tb[RTA_MULTIPATH])
		return read_hops(mem, family, tb[RTA_MULTIPATH], ret);
	if (!tb[RTA_OIF] && !tb[RTA_GATEWAY] && !tb[RTA_VIA])
		return 0;
	hop = nsn_arena_alloc(mem, sizeof(*hop));
	if (!hop)
		return -ENOMEM;
	hop->link = nsn_attr_u32(tb[RTA_OIF], 0);
	if (!read_via(family, tb[RTA_GATEWAY], tb[RTA_VIA], &hop->via))
		ret->odd = true;
	ret->hops = hop;
	ret->n_hops = 1;
	return 0;
}

/* What decides where a packet goes must be known; the rest (metrics, MTU) not. */
static bool is_odd(const struct nlmsghdr *msg)
{
	const struct nlattr *a = nlmsg_attrdata(msg, sizeof(struct rtmsg));
	int left = nlmsg_attrlen(msg, sizeof(struct rtmsg));

	for (; nla_ok(a, left); a = nla_next(a, &left))
		switch (nla_type(a)) {
		case RTA_DST:
		case RTA_SRC:
		case RTA_OIF:
		case RTA_GATEWAY:
		case RTA_VIA:
		case RTA_PRIORITY:
		case RTA_PREFSRC:
		case RTA_METRICS:
		case RTA_MULTIPATH:
		case RTA_CACHEINFO:
		case RTA_TABLE:
		case RTA_PREF:
		case RTA_EXPIRES:
		case RTA_PAD:
		case RTA_FLOW:
		case RTA_UID:
			break;
		default:
			return true;
		}
	return false;
}

static int each_route(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct rtmsg *rtm = nlmsg_data(msg);
	struct nlattr *tb[RTA_MAX + 1];
	struct nsn_gather *g = arg;
	struct nsn_vroute *o;

	if (msg->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*rtm), tb, RTA_MAX, NULL) < 0)
		return nsn_unreadable("route", err);
	/* Copies that the kernel makes of a route for one destination say nothing new. */
	if ((rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6) ||
	    rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	o = nsn_gather_add(g);
	if (!o)
		return nsn_err_nomem(err);
	o->dst.ip.family = o->src.ip.family = rtm->rtm_family;
	o->dst.len = rtm->rtm_dst_len;
	o->src.len = rtm->rtm_src_len;
	if (tb[RTA_DST])
		o->dst.ip = nsn_attr_ip(rtm->rtm_family, tb[RTA_DST]);
	if (tb[RTA_SRC])
		o->src.ip = nsn_attr_ip(rtm->rtm_family, tb[RTA_SRC]);
	if (!o->dst.ip.family || !o->src.ip.family)
		return nsn_unreadable("route", err);
	o->table = nsn_attr_u32(tb[RTA_TABLE], rtm->rtm_table);
	o->type = rtm->rtm_type;
	o->tos = rtm->rtm_tos;
	o->scope = rtm->rtm_scope;
	o->proto = rtm->rtm_protocol;
	o->metric = nsn_attr_u32(tb[RTA_PRIORITY], 0);
	o->odd = is_odd(msg);
	switch (read_ways(g->mem, rtm->rtm_family, tb, o)) {
	case 0:
		return 0;
	case -ENOMEM:
		return nsn_err_nomem(err);
	default:
		return nsn_unreadable("route", err);
	}
}

/* ---- rules -------------------------------------------------------------------------------------
 */

static bool is_odd_rule(const struct nlmsghdr *msg, const struct fib_rule_hdr *h)
{
	const struct nlattr *a = nlmsg_attrdata(msg, sizeof(*h));
	int left = nlmsg_attrlen(msg, sizeof(*h));

	for (; nla_ok(a, left); a = nla_next(a, &left))
		switch (nla_type(a)) {
		case FRA_DST:
		case FRA_SRC:
		case FRA_IIFNAME:
		case FRA_OIFNAME:
		case FRA_GOTO:
		case FRA_PRIORITY:
		case FRA_FWMARK:
		case FRA_FWMASK:
		case FRA_TABLE:
		case FRA_SUPPRESS_PREFIXLEN:
		case FRA_PROTOCOL:
		case FRA_PAD:
			break;
		case FRA_SUPPRESS_IFGROUP:
			if (nsn_attr_u32(a, 0) != UINT32_MAX)
				return true;
			break;
		default:
			return true;
		}
	return h->tos;
}

static int each_rule(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct fib_rule_hdr *h = nlmsg_data(msg);
	struct nlattr *tb[FRA_MAX + 1];
	struct nsn_gather *g = arg;
	struct nsn_vfib *o;

	if (msg->nlmsg_type != RTM_NEWRULE)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*h), tb, FRA_MAX, NULL) < 0)
		return nsn_unreadable("rule", err);
	if (h->family != AF_INET && h->family != AF_INET6)
		return 0;
	o = nsn_gather_add(g);
	if (!o)
		return nsn_err_nomem(err);
	o->family = o->src.ip.family = o->dst.ip.family = h->family;
	o->priority = nsn_attr_u32(tb[FRA_PRIORITY], 0);
	o->src.len = h->src_len;
	o->dst.len = h->dst_len;
	if (h->src_len)
		o->src.ip = nsn_attr_ip(h->family, tb[FRA_SRC]);
	if (h->dst_len)
		o->dst.ip = nsn_attr_ip(h->family, tb[FRA_DST]);
	if (!o->src.ip.family || !o->dst.ip.family)
		return nsn_unreadable("rule", err);
	o->iif = nsn_attr_text(g->mem, tb[FRA_IIFNAME]);
	o->oif = nsn_attr_text(g->mem, tb[FRA_OIFNAME]);
	if (!o->iif || !o->oif)
		return nsn_err_nomem(err);
	o->mark = nsn_attr_u32(tb[FRA_FWMARK], 0);
	/* Without a mask all bits count; neither: no mark is asked for. */
	o->mask = nsn_attr_u32(tb[FRA_FWMASK], tb[FRA_FWMARK] ? UINT32_MAX : 0);
	o->action = h->action;
	o->table = h->action == FR_ACT_TO_TBL ? nsn_attr_u32(tb[FRA_TABLE], h->table) : 0;
	o->target = nsn_attr_u32(tb[FRA_GOTO], 0);
	o->suppress = (int32_t)nsn_attr_u32(tb[FRA_SUPPRESS_PREFIXLEN], UINT32_MAX);
	o->invert = h->flags & FIB_RULE_INVERT;
	o->odd = is_odd_rule(msg, h);
	return 0;
}

/* ---- neighbours
 * ---------------------------------------------------------------------------------- */

/* The kernel learns and forgets the others as it likes; a proof must not lean on them. */
static int each_neigh(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct ndmsg *ndm = nlmsg_data(msg);
	struct nlattr *tb[NDA_MAX + 1];
	struct nsn_gather *g = arg;
	struct nsn_vneigh *o;
	bool proxy = ndm->ndm_flags & NTF_PROXY;

	if (msg->nlmsg_type != RTM_NEWNEIGH ||
	    (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) ||
	    (!proxy && !(ndm->ndm_state & NUD_PERMANENT)))
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*ndm), tb, NDA_MAX, NULL) < 0)
		return nsn_unreadable("neighbour", err);
	o = nsn_gather_add(g);
	if (!o)
		return nsn_err_nomem(err);
	o->link = (uint32_t)ndm->ndm_ifindex;
	o->ip = nsn_attr_ip(ndm->ndm_family, tb[NDA_DST]);
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == sizeof(o->mac))
		memcpy(&o->mac, nla_data(tb[NDA_LLADDR]), sizeof(o->mac));
	o->state = ndm->ndm_state;
	o->proxy = proxy;
	return 0;
}

/* What a bridge has learned is left out for the same reason; what somebody wrote stays. */
static int each_fdb(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct ndmsg *ndm = nlmsg_data(msg);
	struct nlattr *tb[NDA_MAX + 1];
	struct nsn_gather *g = arg;
	struct nsn_vfdb *o;

	if (msg->nlmsg_type != RTM_NEWNEIGH || ndm->ndm_family != AF_BRIDGE ||
	    !(ndm->ndm_state & (NUD_PERMANENT | NUD_NOARP)))
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*ndm), tb, NDA_MAX, NULL) < 0)
		return nsn_unreadable("FDB entry", err);
	o = nsn_gather_add(g);
	if (!o)
		return nsn_err_nomem(err);
	o->link = (uint32_t)ndm->ndm_ifindex;
	o->master = nsn_attr_u32(tb[NDA_MASTER], 0);
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == sizeof(o->mac))
		memcpy(&o->mac, nla_data(tb[NDA_LLADDR]), sizeof(o->mac));
	o->vlan = tb[NDA_VLAN] && nla_len(tb[NDA_VLAN]) >= 2 ? nla_get_u16(tb[NDA_VLAN]) : 0;
	o->state = ndm->ndm_state;
	o->self = ndm->ndm_flags & NTF_SELF;
	return 0;
}

/* ---- all of a namespace
 * ----------------------------------------------------------------------------- */

static int read_list(struct nsn_nl *nl, struct nsn_arena *mem, int type, const void *header,
		     size_t size, each_fn *each, size_t piece, const char *what, void **ret,
		     size_t *n, struct nsnet_err *err)
{
	struct nsn_gather g = {.mem = mem, .size = piece};
	int r = nsn_read_dump(nl, type, header, size, each, &g, what, err);

	if (r < 0) {
		free(g.list);
		return r;
	}
	return nsn_gather_end(&g, ret, n, err);
}

#define LIST(type, header, each, to, n, what)                                                      \
	do {                                                                                       \
		void *list_ = NULL;                                                                \
		int r_ = read_list(nl, mem, (type), &(header), sizeof(header), (each),             \
				   sizeof(*(to)), (what), &list_, &(n), err);                      \
		if (r_ < 0)                                                                        \
			return r_;                                                                 \
		(to) = list_;                                                                      \
	} while (0)

static bool has_bridge(const struct nsn_vns *ns)
{
	size_t i;

	for (i = 0; i < ns->n_links; i++)
		if (strcmp(ns->links[i].kind, "bridge") == 0 ||
		    strcmp(ns->links[i].kind, "vxlan") == 0)
			return true;
	return false;
}

/*
 * A dump goes through the neighbours of all namespaces, so those of many would take the square
 * of their number.
 */
static int read_neighs(struct nsn_nl *nl, struct nsn_arena *mem, struct nsn_vns *ns,
		       struct nsnet_err *err)
{
	const struct ndmsg any = {.ndm_family = AF_UNSPEC},
			   proxy = {.ndm_family = AF_UNSPEC, .ndm_flags = NTF_PROXY};
	struct nsn_gather g = {.mem = mem, .size = sizeof(struct nsn_vneigh)};
	struct nsn_gather more = {.mem = mem, .size = sizeof(struct nsn_vneigh)};
	void *list = NULL;
	size_t i;
	int r;

	r = nsn_read_dump(nl, RTM_GETNEIGH, &any, sizeof(any), each_neigh, &g, "neighbours", err);
	/* A dump of its own, for the kernel keeps them apart. */
	if (r == 0)
		r = nsn_read_dump(nl, RTM_GETNEIGH, &proxy, sizeof(proxy), each_neigh, &more,
				  "proxy neighbours", err);
	for (i = 0; r == 0 && i < more.n; i++) {
		struct nsn_vneigh *o = nsn_gather_add(&g);

		if (!o)
			r = nsn_err_nomem(err);
		else
			*o = ((const struct nsn_vneigh *)more.list)[i];
	}
	free(more.list);
	if (r < 0) {
		free(g.list);
		return r;
	}
	r = nsn_gather_end(&g, &list, &ns->n_neighs, err);
	ns->neighs = list;
	return r;
}

int nsn_read_routes(struct nsn_nl *nl, struct nsn_arena *mem, struct nsn_vns *ns,
		    struct nsnet_err *err)
{
	const struct ifaddrmsg ifa = {.ifa_family = AF_UNSPEC};
	const struct rtmsg rtm = {.rtm_family = AF_UNSPEC};
	const struct fib_rule_hdr frh = {.family = AF_UNSPEC};
	const struct ndmsg ndm = {.ndm_family = AF_BRIDGE};

	LIST(RTM_GETADDR, ifa, each_addr, ns->addrs, ns->n_addrs, "addresses");
	LIST(RTM_GETROUTE, rtm, each_route, ns->routes, ns->n_routes, "routes");
	LIST(RTM_GETRULE, frh, each_rule, ns->fibs, ns->n_fibs, "rules");
	if (has_bridge(ns))
		LIST(RTM_GETNEIGH, ndm, each_fdb, ns->fdb, ns->n_fdb, "FDB");
	return nsn_vns_needs_neighs(ns) ? read_neighs(nl, mem, ns, err) : 0;
}
