/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "../nl/msg.h"

static struct nl_msg *request(int type)
{
	const struct nfgenmsg head = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};

	return nsn_msg_new(NFNL_SUBSYS_CTNETLINK << 8 | type, 0, &head, sizeof(head));
}

static int each_stats(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nlattr *count = nlmsg_find_attr(nsn_msg_mutable(msg), sizeof(struct nfgenmsg),
					       CTA_STATS_GLOBAL_ENTRIES);

	if (!count || nla_len(count) < (int)sizeof(uint32_t))
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable count of connections");
	*(uint32_t *)arg = ntohl(nla_get_u32(count));
	return 0;
}

/* The same number as net.netfilter.nf_conntrack_count, without having to be inside. */
int nsn_conntrack_count(struct nsn_nl *nl, uint32_t *ret, struct nsnet_err *err)
{
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = request(IPCTNL_MSG_CT_GET_STATS);
	const struct nsn_nl_sink sink = {.each = each_stats, .arg = ret};
	int r;

	if (!msg)
		return nsn_err_nomem(err);
	r = nsn_nl_get(nl, nlmsg_hdr(msg), &sink, err);
	return r < 0 ? nsn_err_wrap(err, r, "count connections") : 0;
}

/* A request to delete without a tuple goes through all; a mark selects among them. */
int nsn_conntrack_flush(struct nsn_nl *nl, uint32_t mark, uint32_t mask, struct nsnet_err *err)
{
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = request(IPCTNL_MSG_CT_DELETE);
	int r;

	if (!msg || nla_put_u32(msg, CTA_MARK, htonl(mark & mask)) < 0 ||
	    nla_put_u32(msg, CTA_MARK_MASK, htonl(mask)) < 0)
		return nsn_err_nomem(err);
	r = nsn_nl_request(nl, nlmsg_hdr(msg), err);
	return r < 0 ? nsn_err_wrap(err, r, "forget connections") : 0;
}

/* ---- those of one address --------------------------------------------------------- */

struct forget {
	const struct nsn_ip *ip;
	uint16_t port;
	struct nsn_arena mem;
	struct nlattr **originals; /* what each is found by */
	size_t n, cap;
};

static void forget_clear(struct forget *f)
{
	free(f->originals);
	nsn_arena_free(&f->mem);
}

static void begin_anew(void *arg)
{
	((struct forget *)arg)->n = 0;
}

static bool has_source(struct nlattr *tuple, const struct nsn_ip *ip, uint16_t port)
{
	const bool six = ip->family == AF_INET6;
	const size_t len = six ? 16 : 4;
	struct nlattr *addr, *proto, *from;

	addr = tuple ? nla_find(nla_data(tuple), nla_len(tuple), CTA_TUPLE_IP) : NULL;
	proto = tuple ? nla_find(nla_data(tuple), nla_len(tuple), CTA_TUPLE_PROTO) : NULL;
	if (!addr || !proto)
		return false;
	from = nla_find(nla_data(addr), nla_len(addr), six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC);
	if (!from || (size_t)nla_len(from) != len || memcmp(nla_data(from), ip->bytes, len) != 0)
		return false;
	from = nla_find(nla_data(proto), nla_len(proto), CTA_PROTO_SRC_PORT);
	return port == 0 || (from && nla_len(from) == 2 && ntohs(nla_get_u16(from)) == port);
}

static int each_connection(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct forget *f = arg;
	struct nlattr *original =
		nlmsg_find_attr(nsn_msg_mutable(msg), sizeof(struct nfgenmsg), CTA_TUPLE_ORIG);
	struct nlattr *reply =
		nlmsg_find_attr(nsn_msg_mutable(msg), sizeof(struct nfgenmsg), CTA_TUPLE_REPLY);
	struct nlattr **list = f->originals;

	if (!original || (!has_source(reply, f->ip, f->port) &&
			  !(f->port == 0 && has_source(original, f->ip, 0))))
		return 0;
	if (f->n == f->cap) {
		list = reallocarray(list, 2 * f->cap + 16, sizeof(*list));
		if (!list)
			return nsn_err_nomem(err);
		f->originals = list;
		f->cap = 2 * f->cap + 16;
	}
	list[f->n] = nsn_arena_memdup(&f->mem, original, (size_t)nla_total_size(nla_len(original)));
	return list[f->n++] ? 0 : nsn_err_nomem(err);
}

static int forget_one(struct nsn_nl *nl, const struct forget *f, size_t i, struct nsnet_err *err)
{
	const struct nfgenmsg head = {.nfgen_family = f->ip->family, .version = NFNETLINK_V0};
	NSN_AUTO(nlmsg_freep)
	struct nl_msg *msg = nsn_msg_new(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0,
					 &head, sizeof(head));
	struct nlattr *original = f->originals[i];
	struct nsnet_err inner = {0};
	int r;

	if (!msg ||
	    nla_put(msg, NLA_F_NESTED | CTA_TUPLE_ORIG, nla_len(original), nla_data(original)) < 0)
		return nsn_err_nomem(err);
	r = nsn_nl_request(nl, nlmsg_hdr(msg), &inner);
	/* It has ended meanwhile. */
	if (r == -ENOENT)
		return 0;
	if (r < 0 && err)
		*err = inner;
	return r;
}

int nsn_conntrack_forget(struct nsn_nl *nl, const struct nsn_ip *ip, uint16_t port,
			 struct nsnet_err *err)
{
	const struct nfgenmsg head = {.nfgen_family = ip->family, .version = NFNETLINK_V0};
	NSN_AUTO(nlmsg_freep)
	struct nl_msg *msg =
		nsn_msg_new(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, 0, &head, sizeof(head));
	NSN_AUTO(forget_clear) struct forget f = {.ip = ip, .port = port};
	const struct nsn_nl_sink sink = {.each = each_connection, .restart = begin_anew, .arg = &f};
	size_t i;
	int r = msg ? nsn_nl_dump(nl, nlmsg_hdr(msg), &sink, err) : nsn_err_nomem(err);

	for (i = 0; r == 0 && i < f.n; i++)
		r = forget_one(nl, &f, i, err);
	return r < 0 ? nsn_err_wrap(err, r, "forget connections") : 0;
}
