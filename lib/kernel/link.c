/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "link.h"

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include "../nl/msg.h"
#include "dump.h"

/* Port flag i is this attribute of IFLA_INFO_SLAVE_DATA, one byte each. */
static const uint16_t port_attrs[] = {
	IFLA_BRPORT_MODE,	    IFLA_BRPORT_GUARD,	       IFLA_BRPORT_PROTECT,
	IFLA_BRPORT_FAST_LEAVE,	    IFLA_BRPORT_LEARNING,      IFLA_BRPORT_UNICAST_FLOOD,
	IFLA_BRPORT_PROXYARP,	    IFLA_BRPORT_PROXYARP_WIFI, IFLA_BRPORT_MCAST_FLOOD,
	IFLA_BRPORT_MCAST_TO_UCAST, IFLA_BRPORT_BCAST_FLOOD,   IFLA_BRPORT_NEIGH_SUPPRESS,
	IFLA_BRPORT_ISOLATED,	    IFLA_BRPORT_LOCKED,
};
static_assert(NSN_COUNT(port_attrs) == NSN_PORT_FLAGS, "one attribute a flag");

/* ---- reading ----------------------------------------------------------------- */

static uint32_t get_u32(struct nlattr *a)
{
	return a && nla_len(a) >= 4 ? nla_get_u32(a) : 0;
}

static uint8_t get_u8(struct nlattr *a)
{
	return a && nla_len(a) >= 1 ? nla_get_u8(a) : 0;
}

static const char *get_str(struct nlattr *a, const struct nsn_dump *d)
{
	return a ? nsn_arena_strdup(&d->state->arena, nla_get_string(a)) : "";
}

static uint32_t read_port_flags(struct nlattr *data)
{
	struct nlattr *tb[IFLA_BRPORT_MAX + 1];
	uint32_t flags = 0;
	size_t i;

	if (nla_parse_nested(tb, IFLA_BRPORT_MAX, data, NULL) < 0)
		return 0;
	for (i = 0; i < NSN_COUNT(port_attrs); i++)
		if (get_u8(tb[port_attrs[i]]))
			flags |= 1U << i;
	return flags;
}

/*
 * A port with a carrier that the bridge has disabled all the same: by BPDU
 * guard, or by hand. Nothing gets through, although the link is up.
 */
static bool is_shut(const struct ifinfomsg *ifi, struct nlattr **info)
{
	struct nlattr *state;

	if (!(ifi->ifi_flags & IFF_RUNNING) || !info[IFLA_INFO_SLAVE_KIND] ||
	    !info[IFLA_INFO_SLAVE_DATA] ||
	    strcmp(nla_get_string(info[IFLA_INFO_SLAVE_KIND]), "bridge") != 0)
		return false;
	state = nla_find(nla_data(info[IFLA_INFO_SLAVE_DATA]), nla_len(info[IFLA_INFO_SLAVE_DATA]),
			 IFLA_BRPORT_STATE);
	return state && get_u8(state) == BR_STATE_DISABLED;
}

static void read_bridge(struct nlattr *data, struct nsn_link *l)
{
	struct nlattr *tb[IFLA_BR_MAX + 1];

	if (!data || nla_parse_nested(tb, IFLA_BR_MAX, data, NULL) < 0)
		return;
	l->stp = get_u32(tb[IFLA_BR_STP_STATE]) != 0;
	l->mcast_snooping = get_u8(tb[IFLA_BR_MCAST_SNOOPING]) != 0;
}

static int take_conf(const int32_t **ret, size_t *n, struct nlattr *a, struct nsn_arena *arena)
{
	if (!a)
		return 0;
	*n = (size_t)nla_len(a) / sizeof(**ret);
	*ret = nsn_arena_memdup(arena, nla_data(a), *n * sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

/* A link without IPv6 (its MTU is too small) has no such settings either. */
static int read_conf(struct nlattr *spec, struct nsn_arena *arena, struct nsn_link *l)
{
	struct nlattr *af, *six = NULL, *four = NULL;
	int left;

	if (!spec)
		return 0;
	nla_for_each_nested(af, spec, left)
	{
		if (nla_type(af) == AF_INET)
			four = nla_find(nla_data(af), nla_len(af), IFLA_INET_CONF);
		if (nla_type(af) == AF_INET6)
			six = nla_find(nla_data(af), nla_len(af), IFLA_INET6_CONF);
	}
	if (take_conf(&l->conf4, &l->n_conf4, four, arena) < 0)
		return -ENOMEM;
	return take_conf(&l->conf6, &l->n_conf6, six, arena);
}

static enum nsn_link_type type_of(const char *kind)
{
	if (strcmp(kind, "bridge") == 0)
		return NSN_LINK_BRIDGE;
	if (strcmp(kind, "veth") == 0)
		return NSN_LINK_VETH;
	return NSN_LINK_OTHER;
}

static void read_values(struct nlattr **tb, struct nlattr **info, const struct nsn_dump *d,
			struct nsn_link *l)
{
	const char *kind = get_str(info[IFLA_INFO_KIND], d);

	l->type_name = kind && kind[0] ? kind : "device";
	l->type = kind ? type_of(kind) : NSN_LINK_OTHER;
	l->mtu = get_u32(tb[IFLA_MTU]);
	l->group = get_u32(tb[IFLA_GROUP]);
	l->master = "";
	l->peer = "";
	l->peer_index = (int32_t)get_u32(tb[IFLA_LINK]);
	l->peer_nsid = tb[IFLA_LINK_NETNSID] ? nla_get_s32(tb[IFLA_LINK_NETNSID]) : -1;
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof(l->mac))
		memcpy(&l->mac, nla_data(tb[IFLA_ADDRESS]), sizeof(l->mac));
	if (tb[IFLA_STATS64] && nla_len(tb[IFLA_STATS64]) >= 32) {
		struct rtnl_link_stats64 s = {0};

		nla_memcpy(&s, tb[IFLA_STATS64], sizeof(s));
		l->rx_bytes = s.rx_bytes;
		l->tx_bytes = s.tx_bytes;
	}
	if (l->type == NSN_LINK_BRIDGE)
		read_bridge(info[IFLA_INFO_DATA], l);
}

/* The master is known by index until all are read; it waits in the pointer's place. */
static int add_link(struct nlattr **tb, struct nlattr **info, const struct ifinfomsg *ifi,
		    const struct nsn_dump *d, const char *name)
{
	struct nsn_object *o = nsn_state_add(d->state, NSN_OBJ_LINK, d->at, name);

	if (!o)
		return -ENOMEM;
	read_values(tb, info, d, &o->u.dev);
	if (read_conf(tb[IFLA_AF_SPEC], &d->state->arena, &o->u.dev) < 0)
		return -ENOMEM;
	o->u.dev.index = ifi->ifi_index;
	o->u.dev.up = ifi->ifi_flags & IFF_UP;
	if (tb[IFLA_MASTER]) {
		o->u.dev.master =
			nsn_arena_printf(&d->state->arena, "%u", get_u32(tb[IFLA_MASTER]));
		if (!o->u.dev.master)
			return -ENOMEM;
	}
	if (info[IFLA_INFO_SLAVE_KIND] && info[IFLA_INFO_SLAVE_DATA] &&
	    strcmp(nla_get_string(info[IFLA_INFO_SLAVE_KIND]), "bridge") == 0) {
		o = nsn_state_add(d->state, NSN_OBJ_PORT, d->at, name);
		if (!o)
			return -ENOMEM;
		o->u.port_flags = read_port_flags(info[IFLA_INFO_SLAVE_DATA]);
	}
	return 0;
}

static int each_link(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct nsn_dump *d = arg;
	const struct ifinfomsg *ifi = nlmsg_data(msg);
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1] = {NULL};
	const char *name;

	if (msg->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*ifi), tb, IFLA_MAX, NULL) < 0 ||
	    !tb[IFLA_IFNAME])
		return nsn_dump_unreadable("link", err);
	if (tb[IFLA_LINKINFO])
		(void)nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL);
	name = nla_get_string(tb[IFLA_IFNAME]);
	if (!(ifi->ifi_flags & IFF_LOOPBACK) && add_link(tb, info, ifi, d, name) < 0)
		return nsn_err_nomem(err);
	if ((ifi->ifi_flags & IFF_UP) && !is_shut(ifi, info) &&
	    !nsn_state_add(d->state, NSN_OBJ_UP, d->at, name))
		return nsn_err_nomem(err);
	return 0;
}

/* A master that is not among the links read keeps its number for a name. */
static const char *name_of_index(const struct nsn_dump *d, const char *index)
{
	const char *name = NULL;
	uint64_t want;

	if (nsn_u64_parse(&want, index, INT32_MAX) == 0)
		name = nsn_dump_link(d, (int)want);
	return name ? name : index;
}

int nsn_link_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		  struct nsnet_err *err)
{
	/* Traffic is told as the gateway sees it; of the others it is not even added up. */
	const struct {
		struct ifinfomsg ifi;
		struct nlattr attr;
		uint32_t mask;
	} ask = {.ifi = {.ifi_family = AF_UNSPEC},
		 .attr = {.nla_len = sizeof(struct nlattr) + sizeof(uint32_t),
			  .nla_type = IFLA_EXT_MASK},
		 .mask = at.role == NSN_GATEWAY ? 0 : RTEXT_FILTER_SKIP_STATS};
	const struct nsn_dump d = {.state = ret, .at = at, .start = ret->n};
	size_t i;
	int r;

	r = nsn_dump_all(nl, RTM_GETLINK, &ask, sizeof(ask), each_link, ret, at, "links", err);
	if (r < 0)
		return r;
	for (i = d.start; i < ret->n; i++)
		if (ret->objects[i].kind == NSN_OBJ_LINK && ret->objects[i].u.dev.master[0])
			ret->objects[i].u.dev.master =
				name_of_index(&d, ret->objects[i].u.dev.master);
	return 0;
}

static int take_index(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct ifinfomsg *ifi = nlmsg_data(msg);

	(void)err;
	if (msg->nlmsg_type == RTM_NEWLINK)
		*(int *)arg = ifi->ifi_index;
	return 0;
}

/* ---- writing ----------------------------------------------------------------- */

/* The kernel refuses long names, libnl would cut them: say it in our own words. */
static int check_name(const char *name, struct nsnet_err *err)
{
	if (name[0] && strlen(name) < IFNAMSIZ)
		return 0;
	return nsn_err(err, -ENAMETOOLONG, NSNET_E_INTERNAL,
		       "link name '%s' has not 1 to %d characters", name, IFNAMSIZ - 1);
}

/* A message about the link of this name, which the kernel finds by IFLA_IFNAME. */
static int begin(struct nl_msg **ret, int type, int flags, const struct ifinfomsg *ifi,
		 const char *name, struct nsnet_err *err)
{
	int r = check_name(name, err);

	if (r < 0)
		return r;
	*ret = nsn_msg_new(type, flags, ifi, sizeof(*ifi));
	if (!*ret || nla_put_string(*ret, IFLA_IFNAME, name) < 0)
		return nsn_err_nomem(err);
	return 0;
}

static int finish(struct nsn_nl *nl, struct nl_msg *msg, const char *name, struct nsnet_err *err)
{
	int r = nsn_nl_request(nl, nlmsg_hdr(msg), err);

	return r < 0 ? nsn_err_wrap(err, r, "link '%s'", name) : 0;
}

int nsn_link_index(struct nsn_nl *nl, const char *name, int *ret, struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int index = 0, r;
	const struct nsn_nl_sink sink = {.each = take_index, .arg = &index};

	r = begin(&msg, RTM_GETLINK, 0, &ifi, name, err);
	if (r < 0)
		return r;
	/* Without the statistics of every queue. */
	if (nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
		return nsn_err_nomem(err);
	r = nsn_nl_get(nl, nlmsg_hdr(msg), &sink, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "link '%s'", name);
	*ret = index;
	return 0;
}

int nsn_link_read(struct nsn_nl *nl, const char *name, struct nsn_state *ret, struct nsn_place at,
		  struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	struct nsn_dump d = {.state = ret, .at = at, .start = ret->n};
	const struct nsn_nl_sink sink = {.each = each_link, .arg = &d};
	struct nsnet_err inner = {0};
	int r;

	r = begin(&msg, RTM_GETLINK, 0, &ifi, name, err);
	if (r < 0)
		return r;
	if (nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) < 0)
		return nsn_err_nomem(err);
	r = nsn_nl_get(nl, nlmsg_hdr(msg), &sink, &inner);
	if (r == -ENODEV)
		return 0;
	if (r < 0 && err)
		*err = inner;
	return r < 0 ? nsn_err_wrap(err, r, "link '%s'", name) : 0;
}

static int put_common(struct nl_msg *msg, const struct nsn_link *l)
{
	int r = nla_put(msg, IFLA_ADDRESS, sizeof(l->mac), &l->mac);

	if (r == 0)
		r = nla_put_u32(msg, IFLA_MTU, l->mtu);
	return r == 0 ? nla_put_u32(msg, IFLA_GROUP, l->group) : r;
}

static int put_bridge(struct nl_msg *msg, const struct nsn_link *l)
{
	struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);

	if (!data || nla_put_u32(msg, IFLA_BR_STP_STATE, l->stp) < 0 ||
	    nla_put_u8(msg, IFLA_BR_MCAST_SNOOPING, l->mcast_snooping) < 0)
		return -ENOMEM;
	return nla_nest_end(msg, data) < 0 ? -ENOMEM : 0;
}

static int put_peer(struct nl_msg *msg, const struct nsn_object *far, int far_fd)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nlattr *data = nla_nest_start(msg, IFLA_INFO_DATA);
	struct nlattr *peer = data ? nla_nest_start(msg, VETH_INFO_PEER) : NULL;

	if (!peer || nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, IFLA_IFNAME, far->link) < 0 || put_common(msg, &far->u.dev) < 0 ||
	    nla_put_u32(msg, IFLA_NET_NS_FD, (uint32_t)far_fd) < 0)
		return -ENOMEM;
	return nla_nest_end(msg, peer) < 0 || nla_nest_end(msg, data) < 0 ? -ENOMEM : 0;
}

static int put_master(struct nsn_nl *nl, struct nl_msg *msg, const char *master,
		      struct nsnet_err *err)
{
	int index = 0, r;

	if (master[0]) {
		r = nsn_link_index(nl, master, &index, err);
		if (r < 0)
			return r;
	}
	if (nla_put_u32(msg, IFLA_MASTER, (uint32_t)index) < 0)
		return nsn_err_nomem(err);
	return 0;
}

int nsn_link_add(struct nsn_nl *nl, const struct nsn_object *o, const struct nsn_object *far,
		 int far_fd, struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	const struct nsn_link *l = &o->u.dev;
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	struct nlattr *info;
	int r;

	r = begin(&msg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, o->link, err);
	if (r == 0 && far)
		r = check_name(far->link, err);
	if (r == 0 && l->master[0])
		r = put_master(nl, msg, l->master, err);
	if (r < 0)
		return r;
	if (put_common(msg, l) < 0)
		return nsn_err_nomem(err);
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_KIND, l->type_name) < 0)
		return nsn_err_nomem(err);
	r = far ? put_peer(msg, far, far_fd) : put_bridge(msg, l);
	if (r < 0 || nla_nest_end(msg, info) < 0)
		return nsn_err_nomem(err);
	return finish(nl, msg, o->link, err);
}

int nsn_link_change(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	struct nlattr *info;
	int r;

	r = begin(&msg, RTM_NEWLINK, 0, &ifi, o->link, err);
	if (r == 0)
		r = put_master(nl, msg, o->u.dev.master, err);
	if (r < 0)
		return r;
	if (put_common(msg, &o->u.dev) < 0)
		return nsn_err_nomem(err);
	if (o->u.dev.type == NSN_LINK_BRIDGE) {
		info = nla_nest_start(msg, IFLA_LINKINFO);
		if (!info || nla_put_string(msg, IFLA_INFO_KIND, "bridge") < 0 ||
		    put_bridge(msg, &o->u.dev) < 0 || nla_nest_end(msg, info) < 0)
			return nsn_err_nomem(err);
	}
	return finish(nl, msg, o->link, err);
}

/* Not there, or going at this moment: the same as gone. */
static int finish_gone(struct nsn_nl *nl, struct nl_msg *msg, const char *name,
		       struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int r = finish(nl, msg, name, &inner);

	if (r < 0 && r != -ENODEV && err)
		*err = inner;
	return r == -ENODEV ? 0 : r;
}

int nsn_link_del(struct nsn_nl *nl, const char *name, struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int r;

	r = begin(&msg, RTM_DELLINK, 0, &ifi, name, err);
	return r < 0 ? r : finish_gone(nl, msg, name, err);
}

int nsn_link_del_group(struct nsn_nl *nl, uint32_t group, struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep)
	struct nl_msg *msg = nsn_msg_new(RTM_DELLINK, 0, &ifi, sizeof(ifi));
	struct nsnet_err inner = {0};
	int r;

	if (!msg || nla_put_u32(msg, IFLA_GROUP, group) < 0)
		return nsn_err_nomem(err);
	r = nsn_nl_request(nl, nlmsg_hdr(msg), &inner);
	if (r < 0 && r != -ENODEV && err)
		*err = inner;
	return r == -ENODEV ? 0 : r < 0 ? nsn_err_wrap(err, r, "links of group %u", group) : 0;
}

int nsn_link_set_up(struct nsn_nl *nl, const char *name, bool up, struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {
		.ifi_family = AF_UNSPEC, .ifi_change = IFF_UP, .ifi_flags = up ? IFF_UP : 0};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	int r;

	r = begin(&msg, RTM_NEWLINK, 0, &ifi, name, err);
	if (r < 0)
		return r;
	return up ? finish(nl, msg, name, err) : finish_gone(nl, msg, name, err);
}

int nsn_port_set(struct nsn_nl *nl, const char *name, uint32_t flags, struct nsnet_err *err)
{
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;
	struct nlattr *info, *data;
	size_t i;
	int r;

	r = begin(&msg, RTM_NEWLINK, 0, &ifi, name, err);
	if (r < 0)
		return r;
	info = nla_nest_start(msg, IFLA_LINKINFO);
	if (!info || nla_put_string(msg, IFLA_INFO_SLAVE_KIND, "bridge") < 0)
		return nsn_err_nomem(err);
	data = nla_nest_start(msg, IFLA_INFO_SLAVE_DATA);
	if (!data)
		return nsn_err_nomem(err);
	for (i = 0; i < NSN_COUNT(port_attrs); i++)
		if (nla_put_u8(msg, port_attrs[i], (flags >> i) & 1) < 0)
			return nsn_err_nomem(err);
	if (nla_nest_end(msg, data) < 0 || nla_nest_end(msg, info) < 0)
		return nsn_err_nomem(err);
	return finish(nl, msg, name, err);
}
