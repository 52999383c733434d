// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The connections that one namespace remembers: rules pass them by what they once were.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "../nl/nl.h"
#include "read.h"
#include "read_parts.h"

#define BIT(n) (1U << (n))
/* More than any tenant may have; net.netfilter.nf_conntrack_max is far below. */
#define CT_MAX 1000000

struct ct_read {
	struct nsn_arena *mem;
	struct nsn_vns *ns;
};

static void take_ip(struct nsn_ip *ret, uint8_t family, const struct nlattr *a)
{
	size_t len = family == AF_INET ? 4 : 16;

	if (!a || mnl_attr_get_payload_len(a) != len)
		return;
	ret->family = family;
	memcpy(ret->bytes, mnl_attr_get_payload(a), len);
}

static void take_ports(struct nsn_vtuple *ret, const struct nlattr *proto)
{
	struct nsn_at at;
	bool icmp;

	nsn_at_nest(&at, proto, UINT32_MAX);
	ret->proto = (uint8_t)nsn_at_num(at.a[CTA_PROTO_NUM]);
	ret->sport = (uint16_t)nsn_at_num(at.a[CTA_PROTO_SRC_PORT]);
	ret->dport = (uint16_t)nsn_at_num(at.a[CTA_PROTO_DST_PORT]);
	icmp = at.a[CTA_PROTO_ICMP_TYPE];
	if (icmp || at.a[CTA_PROTO_ICMPV6_TYPE]) {
		int type = icmp ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE;
		int code = icmp ? CTA_PROTO_ICMP_CODE : CTA_PROTO_ICMPV6_CODE;
		int id = icmp ? CTA_PROTO_ICMP_ID : CTA_PROTO_ICMPV6_ID;

		ret->sport = (uint16_t)(nsn_at_num(at.a[type]) << 8 | nsn_at_num(at.a[code]));
		ret->dport = (uint16_t)nsn_at_num(at.a[id]);
	}
}

/* The zone of one direction, or 0. */
static uint16_t take_tuple(struct nsn_vtuple *ret, const struct nlattr *nest)
{
	struct nsn_at at, ip;
	uint8_t family;

	nsn_at_nest(&at, nest, BIT(CTA_TUPLE_IP) | BIT(CTA_TUPLE_PROTO) | BIT(CTA_TUPLE_ZONE));
	nsn_at_nest(&ip, at.a[CTA_TUPLE_IP], UINT32_MAX);
	family = ip.a[CTA_IP_V6_SRC] ? AF_INET6 : AF_INET;
	take_ip(&ret->src, family, ip.a[family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC]);
	take_ip(&ret->dst, family, ip.a[family == AF_INET ? CTA_IP_V4_DST : CTA_IP_V6_DST]);
	take_ports(ret, at.a[CTA_TUPLE_PROTO]);
	return (uint16_t)nsn_at_num(at.a[CTA_TUPLE_ZONE]);
}

static int each_ct(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct ct_read *r = arg;
	uint16_t zone, back;
	struct nsn_vct *ct;
	struct nsn_at at;

	if (r->ns->n_cts >= CT_MAX)
		return nsn_err(err, -EOVERFLOW, NSNET_E_KERNEL, "more than %d connections", CT_MAX);
	ct = NSN_GROW(r->mem, r->ns->cts, r->ns->n_cts);
	if (!ct)
		return nsn_err_nomem(err);
	nsn_at_msg(&at, msg, UINT32_MAX);
	zone = take_tuple(&ct->orig, at.a[CTA_TUPLE_ORIG]);
	back = take_tuple(&ct->reply, at.a[CTA_TUPLE_REPLY]);
	if (!ct->orig.src.family || !ct->reply.src.family || !ct->orig.dst.family ||
	    !ct->reply.dst.family)
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable connection");
	ct->mark = (uint32_t)nsn_at_num(at.a[CTA_MARK]);
	ct->status = (uint32_t)nsn_at_num(at.a[CTA_STATUS]);
	ct->zone = at.a[CTA_ZONE] ? (uint16_t)nsn_at_num(at.a[CTA_ZONE]) : zone ? zone : back;
	ct->helper = at.a[CTA_HELP];
	return 0;
}

static void again(void *arg)
{
	struct ct_read *r = arg;

	r->ns->cts = NULL;
	r->ns->n_cts = 0;
}

/* Connections are remembered in a namespace only when something there asks for it. */
static bool tracks(const struct nsn_vns *ns)
{
	for (size_t i = 0; i < ns->n_tables; i++)
		for (size_t j = 0; j < ns->tables[i].n_chains; j++)
			for (size_t k = 0; k < ns->tables[i].chains[j].n_rules; k++) {
				const struct nsn_vrule *rule = &ns->tables[i].chains[j].rules[k];

				for (size_t x = 0; x < rule->n_exprs; x++)
					if (rule->exprs[x].kind == NSN_X_CT ||
					    rule->exprs[x].kind == NSN_X_CT_SET ||
					    rule->exprs[x].kind == NSN_X_NAT ||
					    rule->exprs[x].kind == NSN_X_MASQ ||
					    rule->exprs[x].kind == NSN_X_REDIR)
						return true;
			}
	return false;
}

static struct nlmsghdr *request(char *buf, uint8_t type)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *head;

	msg->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));
	*head = (struct nfgenmsg){.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	return msg;
}

static int each_count(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	struct nsn_at at;

	nsn_at_msg(&at, msg, UINT32_MAX);
	if (!at.a[CTA_STATS_GLOBAL_ENTRIES])
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable count of connections");
	*(uint64_t *)arg = nsn_at_num(at.a[CTA_STATS_GLOBAL_ENTRIES]);
	return 0;
}

/*
 * The table is one for all namespaces, and a dump goes through all of its buckets whatever it
 * finds: 11 ms of processor time with 262144 buckets, all empty (Linux 6.18). No filter spares
 * that, and /proc/net/nf_conntrack goes the same way. So it is asked first whether there is
 * anything of this one; the kernel counts a connection before it is in the table.
 */
static int count(struct nsn_nl *nft, uint64_t *ret, struct nsnet_err *err)
{
	const struct nsn_nl_sink sink = {.each = each_count, .arg = ret};
	char buf[64] __attribute__((aligned(8)));

	*ret = 0;
	return nsn_nl_get(nft, request(buf, IPCTNL_MSG_CT_GET_STATS), &sink, err);
}

int nsn_read_ct(struct nsn_nl *nft, struct nsn_arena *mem, struct nsn_vns *ns,
		struct nsnet_err *err)
{
	struct ct_read read = {.mem = mem, .ns = ns};
	const struct nsn_nl_sink sink = {.each = each_ct, .restart = again, .arg = &read};
	char buf[64] __attribute__((aligned(8)));
	uint64_t n;
	int r;

	again(&read);
	r = count(nft, &n, err);
	if (r == 0 && n > 0)
		r = nsn_nl_dump(nft, request(buf, IPCTNL_MSG_CT_GET), &sink, err);
	/* No ctnetlink: no connections, or some that nobody can list. */
	if (r == -EINVAL || r == -EOPNOTSUPP)
		return tracks(ns) ? nsn_strange(mem, ns, "connections that cannot be listed", err)
				  : 0;
	return r < 0 ? nsn_err_wrap(err, r, "list connections") : 0;
}
