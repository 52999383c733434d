/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nftrace.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
/* Uses what it does not declare. */
#include <libnftnl/trace.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "../nl/answer.h"
#include "../nl/nl.h"
#include "nftrace_table.h"

/*
 * Two sockets: the one that owns the tables gets the answers to requests, the other one what
 * the kernel tells to all who listen.
 */
#define BUFFER	       65536
#define RECEIVE_BUFFER (4 * 1024 * 1024)

struct nsn_nftrace {
	struct nsn_nl *owner;
	int fd;
	char table[64];
	char buf[BUFFER] __attribute__((aligned(NLMSG_ALIGNTO)));
};

NSN_CLEANUP(struct nsn_nftrace, nsn_nftrace_close)

/* NSN_CLEANUP() for what libnftnl frees: its functions do not take NULL. */
static void trace_freep(struct nftnl_trace **p)
{
	if (*p)
		nftnl_trace_free(*p);
}

void nsn_nftrace_close(struct nsn_nftrace *t)
{
	if (!t)
		return;
	nsn_nl_close(t->owner);
	nsn_closep(&t->fd);
	free(t);
}

int nsn_nftrace_fd(const struct nsn_nftrace *t)
{
	return t->fd;
}

static int listen_to(struct nsn_nftrace *t, struct nsnet_err *err)
{
	const struct sockaddr_nl addr = {.nl_family = AF_NETLINK};
	const int size = RECEIVE_BUFFER, group = NFNLGRP_NFTRACE;

	t->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	if (t->fd < 0)
		return nsn_err_sys(err, -errno, "netlink socket");
	if (bind(t->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return nsn_err_sys(err, -errno, "bind netlink socket");
	/* Beyond the system's limit; with less, bursts are lost sooner. */
	(void)setsockopt(t->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (setsockopt(t->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return nsn_err_sys(err, -errno, "listen to what nftables trace");
	return 0;
}

int nsn_nftrace_open(struct nsn_nftrace **ret, const char *table,
		     const struct nsn_nftrace_flow *flow, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nftrace_closep) struct nsn_nftrace *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return nsn_err_nomem(err);
	t->fd = -1;
	if (strlen(table) >= sizeof(t->table))
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "table '%s': too long", table);
	memcpy(t->table, table, strlen(table) + 1);
	r = nsn_nl_open(&t->owner, NETLINK_NETFILTER, err);
	if (r == 0)
		r = listen_to(t, err);
	if (r == 0)
		r = nsn_nftrace_tables(t->owner, table, flow, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(t);
	return 0;
}

/* ---- reading ------------------------------------------------------------------- */

static const char *text_of(const struct nftnl_trace *in, uint16_t attr)
{
	const char *text = nftnl_trace_is_set(in, attr) ? nftnl_trace_get_str(in, attr) : NULL;

	return text ? text : "";
}

static uint32_t number_of(const struct nftnl_trace *in, uint16_t attr)
{
	return nftnl_trace_is_set(in, attr) ? nftnl_trace_get_u32(in, attr) : 0;
}

static bool kind_of(const struct nftnl_trace *in, struct nsn_nftrace_event *e)
{
	switch (number_of(in, NFTNL_TRACE_TYPE)) {
	case NFT_TRACETYPE_RULE:
		e->kind = NSN_NFTRACE_RULE;
		break;
	case NFT_TRACETYPE_RETURN:
		e->kind = NSN_NFTRACE_RETURN;
		break;
	case NFT_TRACETYPE_POLICY:
		e->kind = NSN_NFTRACE_POLICY;
		e->verdict = (int32_t)number_of(in, NFTNL_TRACE_POLICY);
		return true;
	default:
		return false;
	}
	e->verdict = (int32_t)number_of(in, NFTNL_TRACE_VERDICT);
	return true;
}

/* 1: handed on; 0: it is none of those that are meant. */
static int hand_on(struct nsn_nftrace *t, const struct nlmsghdr *msg,
		   int (*each)(const struct nsn_nftrace_event *e, void *arg), void *arg,
		   struct nsnet_err *err)
{
	NSN_AUTO(trace_freep) struct nftnl_trace *in = nftnl_trace_alloc();
	struct nsn_nftrace_event e = {0};
	int r;

	if (!in)
		return nsn_err_nomem(err);
	if (msg->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE))
		return 0;
	if (nftnl_trace_nlmsg_parse(msg, in) < 0)
		return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable trace of a packet");
	if (!kind_of(in, &e))
		return 0;
	if (nftnl_trace_is_set(in, NFTNL_TRACE_RULE_HANDLE))
		e.handle = nftnl_trace_get_u64(in, NFTNL_TRACE_RULE_HANDLE);
	/* The end of a chain is a rule, too, and has no number. */
	if (e.kind == NSN_NFTRACE_RULE && !e.handle)
		e.kind = NSN_NFTRACE_RETURN;
	if (strcmp(text_of(in, NFTNL_TRACE_TABLE), t->table) == 0) {
		if (e.kind != NSN_NFTRACE_RULE)
			return 0;
		e.kind = NSN_NFTRACE_BEGIN;
	}
	e.family = (uint8_t)number_of(in, NFTNL_TRACE_FAMILY);
	e.table = text_of(in, NFTNL_TRACE_TABLE);
	e.chain = text_of(in, NFTNL_TRACE_CHAIN);
	e.to = text_of(in, NFTNL_TRACE_JUMP_TARGET);
	e.mark = number_of(in, NFTNL_TRACE_MARK);
	e.in = number_of(in, NFTNL_TRACE_IIF);
	e.out = number_of(in, NFTNL_TRACE_OIF);
	r = each(&e, arg);
	return r < 0 ? r : 1;
}

int nsn_nftrace_read(struct nsn_nftrace *t,
		     int (*each)(const struct nsn_nftrace_event *e, void *arg), void *arg,
		     struct nsnet_err *err)
{
	struct sockaddr_nl from = {0};
	socklen_t from_len = sizeof(from);
	struct nsn_answer a;
	size_t len, taken;
	const char *at;
	ssize_t got;
	int r, n = 0;

	for (;;) {
		from_len = sizeof(from);
		got = recvfrom(t->fd, t->buf, sizeof(t->buf), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &from_len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return n;
		if (got < 0)
			return nsn_err(err, -errno, NSNET_E_KERNEL, "traces of packets: %s",
				       strerror(errno));
		/* Another process wrote to our port. */
		len = from.nl_pid == 0 ? (size_t)got : 0;
		for (at = t->buf; (taken = nsn_answer_read(at, len, &a)) > 0;
		     at += taken, len -= taken < len ? taken : len) {
			if (a.kind != NSN_ANSWER_DATA)
				continue;
			r = hand_on(t, (const struct nlmsghdr *)(const void *)at, each, arg, err);
			if (r < 0)
				return r;
			n += r;
		}
	}
}
