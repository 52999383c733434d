/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "request.h"

/* No message is longer. */
#define ROOM 1024

void die(const char *what, int err)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(err));
	exit(1);
}

void request_open(struct request *r)
{
	const int one = 1;

	r->len = 0;
	r->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (r->fd < 0)
		die("socket", errno);
	setsockopt(r->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
}

static void look_for_errors(const struct request *r)
{
	char answer[4096];
	const struct nlmsghdr *h = (const struct nlmsghdr *)answer;
	const struct nlmsgerr *e;
	const ssize_t n = recv(r->fd, answer, sizeof(answer), 0);

	if (n < 0) {
		if (errno != EAGAIN)
			die("recv", errno);
		return;
	}
	if (h->nlmsg_type != NLMSG_ERROR)
		die("an answer that nobody asked for", EPROTO);
	e = mnl_nlmsg_get_payload(h);
	fprintf(stderr, "floor: message %u of type %u of a datagram\n", h->nlmsg_seq,
		e->msg.nlmsg_type);
	die("rtnetlink", -e->error);
}

void request_send(struct request *r)
{
	if (!r->len)
		return;
	if (send(r->fd, r->buf, r->len, 0) < 0)
		die("send", errno);
	r->len = 0;
	look_for_errors(r);
}

void request_close(struct request *r)
{
	request_send(r);
	close(r->fd);
}

static struct nlmsghdr *begin(struct request *r, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h;

	if (r->len + ROOM > sizeof(r->buf))
		request_send(r);
	h = mnl_nlmsg_put_header(r->buf + r->len);
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	return h;
}

static void end(struct request *r, const struct nlmsghdr *h)
{
	r->len += NLMSG_ALIGN(h->nlmsg_len);
}

static void put_mac(struct nlmsghdr *h, uint16_t attr, const char *mac)
{
	uint8_t b[6];
	char *end = NULL;

	for (size_t i = 0; i < sizeof(b); i++, mac = end + 1) {
		b[i] = (uint8_t)strtoul(mac, &end, 16);
		if (*end != (i + 1 < sizeof(b) ? ':' : '\0'))
			die(mac, EINVAL);
	}
	mnl_attr_put(h, attr, sizeof(b), b);
}

static void put_ip(struct nlmsghdr *h, uint16_t attr, const char *ip)
{
	struct in_addr a;

	if (inet_pton(AF_INET, ip, &a) != 1)
		die(ip, EINVAL);
	mnl_attr_put(h, attr, sizeof(a), &a);
}

static void put_end(struct nlmsghdr *h, const struct link_end *e)
{
	mnl_attr_put_strz(h, IFLA_IFNAME, e->name);
	put_mac(h, IFLA_ADDRESS, e->mac);
	if (e->mtu)
		mnl_attr_put_u32(h, IFLA_MTU, e->mtu);
	if (e->group)
		mnl_attr_put_u32(h, IFLA_GROUP, e->group);
}

static void put_ifinfo(struct nlmsghdr *h, uint32_t index, unsigned int flags)
{
	struct ifinfomsg *i = mnl_nlmsg_put_extra_header(h, sizeof(*i));

	i->ifi_family = AF_UNSPEC;
	i->ifi_index = (int)index;
	i->ifi_flags = flags;
	i->ifi_change = flags;
}

void request_bridge(struct request *r, const struct link_end *e)
{
	struct nlmsghdr *h = begin(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data;

	put_ifinfo(h, e->index, IFF_UP);
	put_end(h, e);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	mnl_attr_put_u8(h, IFLA_BR_MCAST_SNOOPING, 0);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	end(r, h);
}

void request_veth(struct request *r, const struct link_end *e, uint32_t master,
		  const struct link_end *peer, int peer_ns)
{
	struct nlmsghdr *h = begin(r, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data, *other;

	put_ifinfo(h, e->index, IFF_UP);
	put_end(h, e);
	if (master)
		mnl_attr_put_u32(h, IFLA_MASTER, master);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(h, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(h, VETH_INFO_PEER);
	/* ENOTCONN if it were to be up: it has no peer yet. */
	put_ifinfo(h, peer->index, 0);
	put_end(h, peer);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)peer_ns);
	mnl_attr_nest_end(h, other);
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	end(r, h);
}

void request_port(struct request *r, uint32_t index, const char *flags)
{
	struct nlmsghdr *h = begin(r, RTM_NEWLINK, 0);
	struct nlattr *info, *data;
	char *end_of = NULL;

	put_ifinfo(h, index, IFF_UP);
	info = mnl_attr_nest_start(h, IFLA_LINKINFO);
	mnl_attr_put_strz(h, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(h, IFLA_INFO_SLAVE_DATA);
	for (const char *p = flags; *p; p = *end_of ? end_of + 1 : end_of) {
		const uint16_t attr = (uint16_t)strtoul(p, &end_of, 10);

		if (*end_of != '=')
			die(flags, EINVAL);
		mnl_attr_put_u8(h, attr, (uint8_t)strtoul(end_of + 1, &end_of, 10));
	}
	mnl_attr_nest_end(h, data);
	mnl_attr_nest_end(h, info);
	end(r, h);
}

void request_up(struct request *r, uint32_t index)
{
	struct nlmsghdr *h = begin(r, RTM_NEWLINK, 0);

	put_ifinfo(h, index, IFF_UP);
	end(r, h);
}

static struct nlmsghdr *begin_neigh(struct request *r, const struct ndmsg *values, const char *mac)
{
	struct nlmsghdr *h = begin(r, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *n = mnl_nlmsg_put_extra_header(h, sizeof(*n));

	*n = *values;
	put_mac(h, NDA_LLADDR, mac);
	return h;
}

void request_fdb(struct request *r, uint32_t index, const char *mac)
{
	const struct ndmsg n = {.ndm_family = AF_BRIDGE,
				.ndm_ifindex = (int)index,
				.ndm_state = NUD_NOARP,
				.ndm_flags = NTF_MASTER};

	end(r, begin_neigh(r, &n, mac));
}

void request_neigh(struct request *r, uint32_t index, const char *ip, const char *mac,
		   uint8_t proto)
{
	const struct ndmsg n = {
		.ndm_family = AF_INET, .ndm_ifindex = (int)index, .ndm_state = NUD_PERMANENT};
	struct nlmsghdr *h = begin_neigh(r, &n, mac);

	put_ip(h, NDA_DST, ip);
	mnl_attr_put_u8(h, NDA_PROTOCOL, proto);
	end(r, h);
}

void request_addr(struct request *r, uint32_t index, const char *ip, uint8_t len, uint8_t proto)
{
	struct nlmsghdr *h = begin(r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	struct ifaddrmsg *a = mnl_nlmsg_put_extra_header(h, sizeof(*a));

	a->ifa_family = AF_INET;
	a->ifa_prefixlen = len;
	a->ifa_index = index;
	put_ip(h, IFA_LOCAL, ip);
	put_ip(h, IFA_ADDRESS, ip);
	mnl_attr_put_u8(h, IFA_PROTO, proto);
	end(r, h);
}

void request_route(struct request *r, const struct route_words *w)
{
	struct nlmsghdr *h = begin(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->rtm_family = AF_INET;
	m->rtm_dst_len = (uint8_t)w->len;
	m->rtm_table = (uint8_t)w->table;
	m->rtm_protocol = (uint8_t)w->proto;
	m->rtm_scope = (uint8_t)w->scope;
	m->rtm_type = RTN_UNICAST;
	m->rtm_flags = w->flags;
	if (w->len)
		put_ip(h, RTA_DST, w->to);
	if (strcmp(w->via, "-") != 0)
		put_ip(h, RTA_GATEWAY, w->via);
	mnl_attr_put_u32(h, RTA_OIF, w->index);
	end(r, h);
}

void request_rule(struct request *r, const struct rule_words *w)
{
	struct nlmsghdr *h = begin(r, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	struct fib_rule_hdr *f = mnl_nlmsg_put_extra_header(h, sizeof(*f));

	f->family = AF_INET;
	f->table = (uint8_t)w->table;
	f->action = (uint8_t)w->action;
	mnl_attr_put_u32(h, FRA_PRIORITY, w->prio);
	if (w->mask) {
		mnl_attr_put_u32(h, FRA_FWMARK, w->mark);
		mnl_attr_put_u32(h, FRA_FWMASK, w->mask);
	}
	if (strcmp(w->iif, "-") != 0)
		mnl_attr_put_strz(h, FRA_IIFNAME, w->iif);
	mnl_attr_put_u8(h, FRA_PROTOCOL, (uint8_t)w->proto);
	end(r, h);
}
