/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#include "../base/cleanup.h"
#include "../nl/msg.h"
#include "../nl/nl.h"

NSN_CLEANUP(struct nsn_nl, nsn_nl_close)

/* ---- hearing of changes -------------------------------------------------------------------- */

static int open_monitor(struct nsnet_err *err)
{
#define GROUP(name) (1U << (RTNLGRP_##name - 1))
	const struct sockaddr_nl addr = {.nl_family = AF_NETLINK,
					 .nl_groups = GROUP(LINK) | GROUP(NEIGH) | GROUP(TC) |
						      GROUP(IPV4_IFADDR) | GROUP(IPV4_ROUTE) |
						      GROUP(IPV4_RULE) | GROUP(IPV6_IFADDR) |
						      GROUP(IPV6_ROUTE) | GROUP(IPV6_RULE) |
						      GROUP(IPV4_NETCONF) | GROUP(IPV6_NETCONF)};
#undef GROUP
	NSN_AUTO(nsn_closep)
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (const void *)&addr, sizeof(addr)) < 0)
		return nsn_err_sys(err, -errno, "listen to changes");
	return NSN_TAKE_FD(fd);
}

/*
 * Neighbours come and go, those of multicast as NUD_NOARP; only what somebody wrote is read.
 * In bridges that word is for what somebody wrote, too.
 */
static bool counts(const struct nlmsghdr *msg)
{
	const struct ndmsg *ndm = nlmsg_data(msg);
	unsigned int written = NUD_PERMANENT;

	if (msg->nlmsg_type != RTM_NEWNEIGH && msg->nlmsg_type != RTM_DELNEIGH)
		return true;
	if (ndm->ndm_family == AF_BRIDGE)
		written |= NUD_NOARP;
	return ndm->ndm_flags & NTF_PROXY || ndm->ndm_state & written;
}

/* Whether anything was heard that may count. What was lost counts, too. */
static bool has_heard(int fd)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool heard = false;

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *msg = (const void *)buf;
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return heard;
		if (n < 0) {
			heard = true;
			if (errno != ENOBUFS)
				return true;
			continue;
		}
		for (; nlmsg_ok(msg, left); msg = nlmsg_next(nsn_msg_mutable(msg), &left))
			heard |= counts(msg);
	}
}

/* ---- reading -----------------------------------------------------------------------------------
 */

static int take_nsid(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nlattr *a;

	(void)err;
	if (msg->nlmsg_type != RTM_NEWNSID)
		return 0;
	a = nlmsg_find_attr(nsn_msg_mutable(msg), sizeof(struct rtgenmsg), NETNSA_NSID);
	if (a)
		*(int32_t *)arg = nla_get_s32(a);
	return 0;
}

int nsn_nsid_of(struct nsn_nl *nl, int fd, int32_t *ret, struct nsnet_err *err)
{
	const struct rtgenmsg gen = {.rtgen_family = AF_UNSPEC};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nsn_msg_new(RTM_GETNSID, 0, &gen, sizeof(gen));
	const struct nsn_nl_sink sink = {.each = take_nsid, .arg = ret};

	*ret = NETNSA_NSID_NOT_ASSIGNED;
	if (!msg || nla_put_u32(msg, NETNSA_FD, (uint32_t)fd) < 0)
		return nsn_err_nomem(err);
	return nsn_nl_get(nl, nlmsg_hdr(msg), &sink, err);
}

/* A workload's port leads to its tenant's gateway: that is asked while we are here. */
static int ask_gateway(const struct nsn_visitor *v, struct nsn_nl *route, struct nsn_place *p,
		       struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;

	if (p->gateway == NSN_NOWHERE)
		return 0;
	fd = nsn_place_open(v->reader, &v->reader->places[p->gateway]);
	return fd < 0 ? 0 : nsn_nsid_of(route, fd, &p->gateway_nsid, err);
}

static int read_full(struct nsn_visitor *v, struct nsn_nl *route, struct nsn_vns *ns,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nft = NULL;
	int r = nsn_nl_open_with(&nft, NETLINK_NETFILTER, v->buf, err);

	if (r == 0)
		r = nsn_read_nft_generation(nft, &ns->nft_generation, err);
	if (r == 0)
		r = nsn_read_links(route, &v->mem, ns, err);
	if (r == 0)
		r = nsn_read_routes(route, &v->mem, ns, err);
	if (r == 0)
		r = nsn_read_conf(v, route, ns, err);
	if (r == 0)
		r = nsn_read_nft(nft, &v->mem, ns, err);
	return r == 0 ? nsn_read_ct(nft, &v->mem, ns, err) : r;
}

/* The thread is inside. */
static int read_here(struct nsn_visitor *v, struct nsn_place *p, struct nsn_vns *ns,
		     struct nsnet_err *err)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *route = NULL;
	int r = 0;

	/* Before anything is read, so that no change is missed. */
	if (ns->full && p->monitor < 0) {
		p->monitor = open_monitor(err);
		r = p->monitor < 0 ? p->monitor : 0;
	}
	if (r == 0)
		r = nsn_nl_open_with(&route, NETLINK_ROUTE, v->buf, err);
	if (r == 0)
		r = ns->full ? read_full(v, route, ns, err)
			     : nsn_read_links(route, &v->mem, ns, err);
	return r == 0 ? ask_gateway(v, route, p, err) : r;
}

static int refuse(struct nsn_visitor *v, struct nsn_vns *ns, const char *why, struct nsnet_err *err)
{
	*ns = (struct nsn_vns){.kind = ns->kind, .full = ns->full, .unreadable = true};
	ns->why = nsn_arena_strdup(&v->mem, why);
	return ns->why ? 0 : nsn_err_nomem(err);
}

static int read_all(struct nsn_visitor *v, struct nsn_place *p, int fd, struct nsn_vns *ns,
		    struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int r;

	if (setns(fd, CLONE_NEWNET) < 0)
		return refuse(v, ns, strerror(errno), err);
	r = read_here(v, p, ns, &inner);
	if (r == 0)
		return 0;
	if (r != -ENOMEM && r != -EMFILE && r != -ENFILE)
		return refuse(v, ns, inner.msg, err);
	if (err)
		*err = inner;
	return r;
}

int nsn_visit(struct nsn_visitor *v, struct nsn_place *p, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;

	if (p->is_read)
		return 0;
	fd = nsn_place_open(v->reader, p);
	p->is_read = true;
	if (fd >= 0)
		return read_all(v, p, fd, &p->ns, err);
	/* Nobody's, and gone meanwhile: there is nothing to read. */
	if ((fd == -ENOENT || fd == -ESRCH) && !p->known && !p->home) {
		p->gone = true;
		return 0;
	}
	return fd == -EMFILE || fd == -ENFILE ? nsn_err_sys(err, fd, "open a network namespace")
					      : refuse(v, &p->ns, strerror(-fd), err);
}

/* The generation of its rules now; the thread goes there. */
static int has_other_rules(const struct nsn_visitor *v, const struct nsn_place *p, int fd,
			   struct nsnet_err *err)
{
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nft = NULL;
	uint32_t generation = 0;
	int r;

	if (setns(fd, CLONE_NEWNET) < 0)
		return nsn_err_sys(err, -errno, "enter network namespace");
	r = nsn_nl_open_with(&nft, NETLINK_NETFILTER, v->buf, err);
	if (r == 0)
		r = nsn_read_nft_generation(nft, &generation, err);
	return r < 0 ? r : generation != p->ns.nft_generation;
}

int nsn_visit_stale(struct nsn_visitor *v, struct nsn_place *p, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	struct nsn_vns again = {.kind = p->ns.kind, .full = true};
	bool heard;
	int r;

	if (p->monitor < 0 || p->ns.unreadable)
		return 0;
	/* The very one that was read, whatever its path leads to now. */
	fd = ioctl(p->monitor, SIOCGSKNS);
	if (fd < 0)
		return nsn_err_sys(err, -errno, "namespace of a socket");
	heard = has_heard(p->monitor);
	r = has_other_rules(v, p, fd, err);
	if (r < 0 || (r == 0 && !heard))
		return r;
	r = read_all(v, p, fd, &again, err);
	if (r < 0 || nsn_vns_same(&p->ns, &again))
		return r;
	p->ns = again;
	return 1;
}
