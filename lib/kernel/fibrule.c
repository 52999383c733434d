/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fibrule.h"

#include <errno.h>
#include <string.h>

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "../nl/msg.h"
#include "dump.h"

/*
 * Whether it selects by more, or does more, than struct nsn_fibrule can say; also by
 * what is newer than our headers: the kernel only tells what a rule has. An empty
 * answer is that nothing is suppressed in the table (-1).
 */
static bool is_odd(const struct nlmsghdr *msg, const struct fib_rule_hdr *h)
{
	struct nlattr *attr = nlmsg_attrdata(msg, sizeof(*h));
	int left = nlmsg_attrlen(msg, sizeof(*h));

	for (; nla_ok(attr, left); attr = nla_next(attr, &left)) {
		int type = nla_type(attr);

		if ((type == FRA_SUPPRESS_PREFIXLEN || type == FRA_SUPPRESS_IFGROUP) &&
		    nla_get_u32(attr) == UINT32_MAX)
			continue;
		if (type != FRA_PRIORITY && type != FRA_FWMARK && type != FRA_FWMASK &&
		    type != FRA_IIFNAME && type != FRA_TABLE && type != FRA_PROTOCOL &&
		    type != FRA_PAD)
			return true;
	}
	return h->src_len || h->dst_len || h->tos || h->flags & FIB_RULE_INVERT;
}

static int each_rule(const struct nlmsghdr *msg, void *arg, struct nsnet_err *err)
{
	const struct fib_rule_hdr *h = nlmsg_data(msg);
	struct nsn_dump *d = arg;
	struct nlattr *tb[FRA_MAX + 1];
	struct nsn_object *o;

	if (msg->nlmsg_type != RTM_NEWRULE)
		return 0;
	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*h), tb, FRA_MAX, NULL) < 0)
		return nsn_dump_unreadable("rule", err);
	/* The three that are there from the start. Multicast and others have their own. */
	if ((h->family != AF_INET && h->family != AF_INET6) ||
	    (tb[FRA_PROTOCOL] && nla_get_u8(tb[FRA_PROTOCOL]) == RTPROT_KERNEL))
		return 0;
	o = nsn_state_add(d->state, NSN_OBJ_RULE, d->at, "");
	if (!o)
		return nsn_err_nomem(err);
	o->u.rule = (struct nsn_fibrule){
		.family = h->family,
		/* Left out when it is 0. */
		.priority = tb[FRA_PRIORITY] ? nla_get_u32(tb[FRA_PRIORITY]) : 0,
		.mark = tb[FRA_FWMARK] ? nla_get_u32(tb[FRA_FWMARK]) : 0,
		.mask = tb[FRA_FWMASK] ? nla_get_u32(tb[FRA_FWMASK]) : 0,
		.iif = tb[FRA_IIFNAME]
			       ? nsn_arena_strdup(&d->state->arena, nla_get_string(tb[FRA_IIFNAME]))
			       : "",
		.action = h->action,
		.protocol = tb[FRA_PROTOCOL] ? nla_get_u8(tb[FRA_PROTOCOL]) : 0,
		.odd = is_odd(msg, h),
	};
	if (h->action == FR_ACT_TO_TBL)
		o->u.rule.table = tb[FRA_TABLE] ? nla_get_u32(tb[FRA_TABLE]) : h->table;
	return o->u.rule.iif ? 0 : nsn_err_nomem(err);
}

int nsn_fibrule_dump(struct nsn_nl *nl, struct nsn_state *ret, struct nsn_place at,
		     struct nsnet_err *err)
{
	const struct fib_rule_hdr h = {.family = AF_UNSPEC};

	return nsn_dump_all(nl, RTM_GETRULE, &h, sizeof(h), each_rule, ret, at, "rules", err);
}

static struct nl_msg *request(const struct nsn_object *o, int type, int flags)
{
	const struct nsn_fibrule *r = &o->u.rule;
	const struct fib_rule_hdr h = {.family = r->family, .action = r->action};
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = nsn_msg_new(type, flags, &h, sizeof(h));

	if (!msg || nla_put_u32(msg, FRA_PRIORITY, r->priority) < 0 ||
	    nla_put_u8(msg, FRA_PROTOCOL, r->protocol) < 0 ||
	    (r->mask && (nla_put_u32(msg, FRA_FWMARK, r->mark) < 0 ||
			 nla_put_u32(msg, FRA_FWMASK, r->mask) < 0)) ||
	    (r->iif[0] && nla_put_string(msg, FRA_IIFNAME, r->iif) < 0) ||
	    (r->action == FR_ACT_TO_TBL && nla_put_u32(msg, FRA_TABLE, r->table) < 0))
		return NULL;
	return NSN_TAKE_PTR(msg);
}

int nsn_fibrule_add(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nlmsg_freep)
	struct nl_msg *msg = request(o, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	struct nsnet_err inner = {0};
	int r;

	if (!msg)
		return nsn_err_nomem(err);
	r = nsn_request_about(nl, nlmsg_hdr(msg), o, 0, &inner);
	if (r == -EEXIST)
		return 0;
	if (r < 0 && err)
		*err = inner;
	return r;
}

int nsn_fibrule_del(struct nsn_nl *nl, const struct nsn_object *o, struct nsnet_err *err)
{
	NSN_AUTO(nlmsg_freep) struct nl_msg *msg = NULL;

	/* The kernel takes the first that has all that the request says, so it might be another. */
	if (o->u.rule.odd)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "a rule that nsnet did not write");
	msg = request(o, RTM_DELRULE, 0);
	return msg ? nsn_request_about(nl, nlmsg_hdr(msg), o, ENOENT, err) : nsn_err_nomem(err);
}
