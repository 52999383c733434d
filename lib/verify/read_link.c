/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "../base/cleanup.h"
#include "../nl/msg.h"

/*
 * Whether a link has a carrier is for whoever holds its other half to say, so a proof must
 * not lean on it: it is as if all had one.
 */
#define PASSING (IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT)
#define CARRIER (IFF_RUNNING | IFF_LOWER_UP)

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP 0x10000
#define IFF_DORMANT  0x20000
#endif

static int8_t port_flag(struct nlattr **tb, int type)
{
	return tb[type] && nla_len(tb[type]) >= 1 ? nla_get_u8(tb[type]) != 0 : -1;
}

/*
 * A port without a carrier is disabled, until it has one: it is taken as forwarding.
 * With one it is disabled by hand, or by BPDU guard, and stays so.
 */
static void read_port(const struct nlattr *data, unsigned int flags, struct nsn_vport *ret)
{
	struct nlattr *tb[IFLA_BRPORT_MAX + 1] = {NULL};

	if (data)
		(void)nla_parse_nested(tb, IFLA_BRPORT_MAX, (struct nlattr *)(uintptr_t)data, NULL);
	*ret = (struct nsn_vport){
		.isolated = port_flag(tb, IFLA_BRPORT_ISOLATED),
		.learning = port_flag(tb, IFLA_BRPORT_LEARNING),
		.flood = port_flag(tb, IFLA_BRPORT_UNICAST_FLOOD),
		.mcast_flood = port_flag(tb, IFLA_BRPORT_MCAST_FLOOD),
		.bcast_flood = port_flag(tb, IFLA_BRPORT_BCAST_FLOOD),
		.hairpin = port_flag(tb, IFLA_BRPORT_MODE),
		.locked = port_flag(tb, IFLA_BRPORT_LOCKED),
		.neigh_suppress = port_flag(tb, IFLA_BRPORT_NEIGH_SUPPRESS),
		.proxy_arp = port_flag(tb, IFLA_BRPORT_PROXYARP),
		.proxy_arp_wifi = port_flag(tb, IFLA_BRPORT_PROXYARP_WIFI),
		.guard = port_flag(tb, IFLA_BRPORT_GUARD),
		.root_block = port_flag(tb, IFLA_BRPORT_PROTECT),
		.state = nsn_attr_u8(tb[IFLA_BRPORT_STATE], BR_STATE_FORWARDING),
	};
	if (ret->state == BR_STATE_DISABLED && (flags & CARRIER) != CARRIER)
		ret->state = BR_STATE_FORWARDING;
}

static void read_bridge(const struct nlattr *data, struct nsn_vlink *l)
{
	struct nlattr *tb[IFLA_BR_MAX + 1];

	if (!data || nla_parse_nested(tb, IFLA_BR_MAX, (struct nlattr *)(uintptr_t)data, NULL) < 0)
		return;
	l->stp = nsn_attr_u32(tb[IFLA_BR_STP_STATE], 0) != 0;
	l->vlan_filtering = nsn_attr_u8(tb[IFLA_BR_VLAN_FILTERING], 0) != 0;
	l->nf_call = nsn_attr_u8(tb[IFLA_BR_NF_CALL_IPTABLES], 0) ||
		     nsn_attr_u8(tb[IFLA_BR_NF_CALL_IP6TABLES], 0) ||
		     nsn_attr_u8(tb[IFLA_BR_NF_CALL_ARPTABLES], 0);
}

static const char *an_address(const struct nlattr *four, const struct nlattr *six, char *buf)
{
	struct nsn_ip ip = four ? nsn_attr_ip(AF_INET, four) : nsn_attr_ip(AF_INET6, six);

	return ip.family ? nsn_ip_str(&ip, buf) : "any";
}

static const char *say_vxlan(struct nsn_arena *mem, struct nlattr *data)
{
	struct nlattr *tb[IFLA_VXLAN_MAX + 1];
	char remote[NSN_IP_STRLEN], local[NSN_IP_STRLEN];

	if (nla_parse_nested(tb, IFLA_VXLAN_MAX, data, NULL) < 0)
		return "vxlan";
	return nsn_arena_printf(mem, "vxlan id %u remote %s local %s link %u",
				nsn_attr_u32(tb[IFLA_VXLAN_ID], 0),
				an_address(tb[IFLA_VXLAN_GROUP], tb[IFLA_VXLAN_GROUP6], remote),
				an_address(tb[IFLA_VXLAN_LOCAL], tb[IFLA_VXLAN_LOCAL6], local),
				nsn_attr_u32(tb[IFLA_VXLAN_LINK], 0));
}

static const char *say_gre(struct nsn_arena *mem, const char *kind, struct nlattr *data)
{
	struct nlattr *tb[IFLA_GRE_MAX + 1];
	char remote[NSN_IP_STRLEN], local[NSN_IP_STRLEN];
	bool six = strncmp(kind, "ip6", 3) == 0;

	if (nla_parse_nested(tb, IFLA_GRE_MAX, data, NULL) < 0)
		return kind;
	return nsn_arena_printf(
		mem, "%s remote %s local %s link %u", kind,
		an_address(six ? NULL : tb[IFLA_GRE_REMOTE], six ? tb[IFLA_GRE_REMOTE] : NULL,
			   remote),
		an_address(six ? NULL : tb[IFLA_GRE_LOCAL], six ? tb[IFLA_GRE_LOCAL] : NULL, local),
		nsn_attr_u32(tb[IFLA_GRE_LINK], 0));
}

static const char *say_lower(struct nsn_arena *mem, const struct nsn_vlink *l, struct nlattr *data,
			     int type, const char *word)
{
	const struct nlattr *a = data ? nla_find(nla_data(data), nla_len(data), type) : NULL;
	uint32_t value = a && nla_len(a) >= 4 ? nla_get_u32(a) : a ? nla_get_u16(a) : 0;

	return nsn_arena_printf(mem, "%s %s %u on link %u", l->kind, word, value, l->peer_index);
}

/* IFLA_TUN_TYPE: 1 tun, 2 tap. */
static const char *say_tun(struct nsn_arena *mem, struct nlattr *data)
{
	struct nlattr *tb[IFLA_TUN_MAX + 1];

	if (!data || nla_parse_nested(tb, IFLA_TUN_MAX, data, NULL) < 0)
		return "tun";
	return nsn_arena_printf(mem, "%s%s", nsn_attr_u8(tb[IFLA_TUN_TYPE], 1) == 2 ? "tap" : "tun",
				nsn_attr_u8(tb[IFLA_TUN_PERSIST], 0) ? " persistent" : "");
}

static const char *say_detail(struct nsn_arena *mem, const struct nsn_vlink *l, struct nlattr *data)
{
	if (strcmp(l->kind, "tun") == 0)
		return say_tun(mem, data);
	if (strcmp(l->kind, "wireguard") == 0)
		return l->kind;
	if (strcmp(l->kind, "macvlan") == 0 || strcmp(l->kind, "macvtap") == 0)
		return say_lower(mem, l, data, IFLA_MACVLAN_MODE, "mode");
	if (strcmp(l->kind, "ipvlan") == 0 || strcmp(l->kind, "ipvtap") == 0)
		return say_lower(mem, l, data, IFLA_IPVLAN_MODE, "mode");
	if (strcmp(l->kind, "vlan") == 0)
		return say_lower(mem, l, data, IFLA_VLAN_ID, "id");
	if (!data)
		return "";
	if (strcmp(l->kind, "vxlan") == 0)
		return say_vxlan(mem, data);
	if (strstr(l->kind, "gre"))
		return say_gre(mem, l->kind, data);
	return "";
}

static int read_values(struct nsn_arena *mem, const struct ifinfomsg *ifi, struct nlattr **tb,
		       struct nlattr **info, struct nsn_vlink *l)
{
	struct nlattr *xdp = tb[IFLA_XDP];
	const struct nlattr *attached =
		xdp ? nla_find(nla_data(xdp), nla_len(xdp), IFLA_XDP_ATTACHED) : NULL;

	l->name = nsn_attr_text(mem, tb[IFLA_IFNAME]);
	l->kind = nsn_attr_text(mem, info[IFLA_INFO_KIND]);
	l->port_kind = nsn_attr_text(mem, info[IFLA_INFO_SLAVE_KIND]);
	l->alias = nsn_attr_text(mem, tb[IFLA_IFALIAS]);
	l->qdisc = nsn_attr_text(mem, tb[IFLA_QDISC]);
	if (!l->name || !l->kind || !l->port_kind || !l->alias || !l->qdisc)
		return -ENOMEM;
	l->index = (uint32_t)ifi->ifi_index;
	l->type = ifi->ifi_type;
	l->flags = ifi->ifi_flags & ~(uint32_t)PASSING;
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(l->mac))
		memcpy(&l->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(l->mac));
	l->mtu = nsn_attr_u32(tb[IFLA_MTU], 0);
	l->group = nsn_attr_u32(tb[IFLA_GROUP], 0);
	l->master = nsn_attr_u32(tb[IFLA_MASTER], 0);
	l->peer_index = nsn_attr_u32(tb[IFLA_LINK], 0);
	l->peer_nsid = (int32_t)nsn_attr_u32(tb[IFLA_LINK_NETNSID], UINT32_MAX);
	/* There is a number, and it is none: the kernel could not give one. */
	l->peer_lost = tb[IFLA_LINK_NETNSID] != NULL;
	l->peer_ns = NSN_NOWHERE;
	l->xdp = nsn_attr_u8(attached, XDP_ATTACHED_NONE) != XDP_ATTACHED_NONE;
	return 0;
}

static int each_link(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct ifinfomsg *ifi = nlmsg_data(msg);
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1] = {NULL};
	struct nsn_gather *g = arg;
	struct nsn_vlink *l;

	if (msg->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*ifi), tb, IFLA_MAX, NULL) < 0 ||
	    !tb[IFLA_IFNAME])
		return nsn_unreadable("link", err);
	if (tb[IFLA_LINKINFO] && nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) < 0)
		return nsn_unreadable("link", err);
	l = nsn_gather_add(g);
	if (!l || read_values(g->mem, ifi, tb, info, l) < 0)
		return nsn_err_nomem(err);
	l->detail = say_detail(g->mem, l, info[IFLA_INFO_DATA]);
	if (!l->detail)
		return nsn_err_nomem(err);
	nsn_read_link_conf(tb[IFLA_AF_SPEC], &l->conf);
	if (strcmp(l->kind, "bridge") == 0)
		read_bridge(info[IFLA_INFO_DATA], l);
	if (strcmp(l->port_kind, "bridge") == 0)
		read_port(info[IFLA_INFO_SLAVE_DATA], ifi->ifi_flags, &l->port);
	return 0;
}

/* ---- traffic control ----------------------------------------------------------------------- */

static struct nsn_vlink *link_at(struct nsn_vns *ns, uint32_t index)
{
	size_t i;

	for (i = 0; i < ns->n_links; i++)
		if (ns->links[i].index == index)
			return &ns->links[i];
	return NULL;
}

/* What takes filters may have some; where they are is known by its handle. */
struct ask {
	uint32_t link, parent;
};

static bool is_in(const char *kind, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(kind, list[i]) == 0)
			return true;
	return false;
}

/*
 * Those of the first list take no filters. Those of the second do, and are what systems use
 * by default, so they are asked. Any other counts as if it had some: clsact, ingress, classes.
 */
static int each_qdisc(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	static const char *const plain[] = {"noqueue", "pfifo_fast", "fq",  "pfifo", "bfifo",
					    "mq",      "codel",	     "pie", "noop",  "netem"};
	static const char *const asked[] = {"fq_codel", "sfq", "sfb", "fq_pie", "cake"};
	const struct tcmsg *tcm = nlmsg_data(msg);
	struct nlattr *tb[TCA_MAX + 1];
	struct nsn_gather *g = arg;
	struct nsn_vlink *l;
	const char *kind;
	struct ask *ask;

	if (msg->nlmsg_type != RTM_NEWQDISC)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*tcm), tb, TCA_MAX, NULL) < 0)
		return nsn_unreadable("qdisc", err);
	l = link_at(g->ns, (uint32_t)tcm->tcm_ifindex);
	kind = nsn_attr_text(g->mem, tb[TCA_KIND]);
	if (!kind)
		return nsn_err_nomem(err);
	if (!l || is_in(kind, plain, NSN_COUNT(plain)))
		return 0;
	/* What has no handle is no root's and cannot be named, so nothing is attached to it. */
	if (is_in(kind, asked, NSN_COUNT(asked))) {
		if (!tcm->tcm_handle && tcm->tcm_parent != TC_H_ROOT)
			return 0;
		ask = nsn_gather_add(g);
		if (!ask)
			return nsn_err_nomem(err);
		*ask = (struct ask){.link = l->index, .parent = tcm->tcm_handle};
		return 0;
	}
	l->tc = true;
	return 0;
}

static int each_filter(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct tcmsg *tcm = nlmsg_data(msg);
	struct nsn_gather *g = arg;
	struct nsn_vlink *l;

	(void)err;
	if (msg->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	l = link_at(g->ns, (uint32_t)tcm->tcm_ifindex);
	if (l)
		l->tc = true;
	return 0;
}

/*
 * Programs that are attached without a qdisc (tcx, kernel 6.6) are in no list of netlink.
 * The thread is inside. A kernel that knows neither says so.
 */
static void read_programs(struct nsn_vns *ns)
{
	/* BPF_TCX_INGRESS and BPF_TCX_EGRESS, which our headers need not have yet. */
	static const uint32_t kinds[] = {46, 47};
	size_t i, k;

	for (i = 0; i < ns->n_links; i++)
		for (k = 0; k < NSN_COUNT(kinds); k++) {
			union bpf_attr attr;

			memset(&attr, 0, sizeof(attr));
			attr.query.target_fd = ns->links[i].index;
			attr.query.attach_type = kinds[k];
			if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr.query)) == 0 &&
			    attr.query.prog_cnt > 0)
				ns->links[i].tc = true;
			else if (errno == EINVAL)
				return;
		}
}

static int read_qdiscs(struct nsn_nl *route, struct nsn_arena *mem, struct nsn_vns *ns,
		       struct nsnet_err *err)
{
	const struct tcmsg all = {.tcm_family = AF_UNSPEC};
	struct nsn_gather g = {.mem = mem, .ns = ns, .size = sizeof(struct ask)};
	struct nsn_gather none = {.mem = mem, .ns = ns, .size = 1};
	size_t i;
	int r;

	r = nsn_read_dump(route, RTM_GETQDISC, &all, sizeof(all), each_qdisc, &g, "qdiscs", err);
	for (i = 0; r == 0 && i < g.n; i++) {
		const struct ask *ask = (const struct ask *)g.list + i;
		const struct tcmsg tcm = {.tcm_family = AF_UNSPEC,
					  .tcm_ifindex = (int)ask->link,
					  .tcm_parent = ask->parent};

		r = nsn_read_dump(route, RTM_GETTFILTER, &tcm, sizeof(tcm), each_filter, &none,
				  "filters", err);
	}
	free(g.list);
	return r;
}

/* ---- all of a namespace ---------------------------------------------------------------------- */

int nsn_read_links(struct nsn_nl *route, struct nsn_arena *mem, struct nsn_vns *ns,
		   struct nsnet_err *err)
{
	/* Counters are nothing to a proof, and adding them up takes most of the time. */
	const struct {
		struct ifinfomsg ifi;
		struct nlattr attr;
		uint32_t mask;
	} ask = {.ifi = {.ifi_family = AF_UNSPEC},
		 .attr = {.nla_len = sizeof(struct nlattr) + sizeof(uint32_t),
			  .nla_type = IFLA_EXT_MASK},
		 .mask = RTEXT_FILTER_SKIP_STATS};
	struct nsn_gather g = {.mem = mem, .ns = ns, .size = sizeof(struct nsn_vlink)};
	void *list = NULL;
	int r;

	r = nsn_read_dump(route, RTM_GETLINK, &ask, sizeof(ask), each_link, &g, "links", err);
	if (r < 0) {
		free(g.list);
		return r;
	}
	r = nsn_gather_end(&g, &list, &ns->n_links, err);
	ns->links = list;
	if (r < 0 || !ns->full)
		return r;
	read_programs(ns);
	return read_qdiscs(route, mem, ns, err);
}
