/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conntrack.h"

#include <arpa/inet.h>
#include <errno.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

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
