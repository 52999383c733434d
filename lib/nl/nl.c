/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "answer.h"
#include "socket.h"

/* The kernel answers within the sendmsg(); ten seconds mean it never will. */
#define ANSWER_SECONDS 10

static void nl_set(const struct nsn_nl *nl, int level, int option, int value)
{
	/* Each only makes answers better or sooner; what lacks it works without. */
	(void)setsockopt(nl->fd, level, option, &value, sizeof(value));
}

int nsn_nl_open_with(struct nsn_nl **ret, int protocol, char *buf, struct nsnet_err *err)
{
	const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK};
	NSN_AUTO(nsn_nl_closep) struct nsn_nl *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return nsn_err_nomem(err);
	nl->fd = -1;
	nl->lent = buf != NULL;
	nl->buf = buf ? buf : malloc(NSN_NL_BUFFER);
	if (!nl->buf)
		return nsn_err_nomem(err);
	nl->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (nl->fd < 0)
		return nsn_err_sys(err, -errno, "netlink socket");
	if (bind(nl->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return nsn_err_sys(err, -errno, "bind netlink socket");
	if (setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0)
		return nsn_err_sys(err, -errno, "netlink socket: receive timeout");
	nl_set(nl, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	nl_set(nl, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	/* Unknown attributes in a GET are refused instead of ignored. */
	nl_set(nl, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
	*ret = NSN_TAKE_PTR(nl);
	return 0;
}

int nsn_nl_open(struct nsn_nl **ret, int protocol, struct nsnet_err *err)
{
	return nsn_nl_open_with(ret, protocol, NULL, err);
}

void nsn_nl_close(struct nsn_nl *nl)
{
	if (!nl)
		return;
	nsn_closep(&nl->fd);
	if (!nl->lent)
		free(nl->buf);
	free(nl);
}

uint32_t nsn_nl_next_seq(struct nsn_nl *nl)
{
	/* 0 is what the kernel's own notifications carry. */
	if (++nl->seq == 0)
		nl->seq = 1;
	return nl->seq;
}

int nsn_nl_send(struct nsn_nl *nl, const void *buf, size_t len, struct nsnet_err *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n;

	do
		n = sendto(nl->fd, buf, len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return nsn_err_sys(err, -errno, "send to the kernel");
	if ((size_t)n != len)
		return nsn_err(err, -EIO, NSNET_E_UNSURE, "the kernel took %zd of %zu bytes", n,
			       len);
	return 0;
}

int nsn_nl_recv(struct nsn_nl *nl, size_t *ret, struct nsnet_err *err)
{
	struct sockaddr_nl from;
	struct iovec iov;
	struct msghdr msg;
	ssize_t n;

	for (;;) {
		iov = (struct iovec){.iov_base = nl->buf, .iov_len = NSN_NL_BUFFER};
		msg = (struct msghdr){.msg_name = &from,
				      .msg_namelen = sizeof(from),
				      .msg_iov = &iov,
				      .msg_iovlen = 1};
		n = recvmsg(nl->fd, &msg, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return nsn_err(err, errno == EAGAIN ? -ETIMEDOUT : -errno, NSNET_E_UNSURE,
				       "the kernel's answer was lost: %s", strerror(errno));
		if (msg.msg_namelen != sizeof(from) || from.nl_pid != 0)
			continue; /* another process wrote to our port */
		if (msg.msg_flags & MSG_TRUNC)
			return nsn_err(err, -EMSGSIZE, NSNET_E_UNSURE,
				       "the kernel's answer was lost: longer than %d bytes",
				       NSN_NL_BUFFER);
		*ret = (size_t)n;
		return 0;
	}
}

int nsn_nl_refused(const struct nsn_answer *a, struct nsnet_err *err)
{
	enum nsnet_code id = a->error == -EPERM ? NSNET_E_NOT_PERMITTED : NSNET_E_KERNEL;

	return nsn_err(err, a->error, id, "%s%s%s", strerror(-a->error), a->text[0] ? " - " : "",
		       a->text);
}

/*
 * Reads answers to @seq until the last one. A dump that was interrupted is
 * read to its end all the same (the next one may not begin before), and then
 * reported as -EINTR, which the kernel cannot answer to a dump by itself.
 */
static int collect(struct nsn_nl *nl, uint32_t seq, const struct nsn_nl_sink *sink,
		   struct nsnet_err *err)
{
	bool interrupted = false;
	struct nsn_answer a;
	size_t len, taken;
	const char *at;
	int r, kept = 0;

	for (;;) {
		r = nsn_nl_recv(nl, &len, err);
		if (r < 0)
			return r;
		for (at = nl->buf; (taken = nsn_answer_read(at, len, &a)) > 0;
		     at += taken, len -= taken) {
			if (a.seq != seq)
				continue;
			interrupted |= a.interrupted;
			if (a.kind == NSN_ANSWER_ERROR || a.error < 0)
				return nsn_nl_refused(&a, err);
			if (a.kind == NSN_ANSWER_ACK || a.kind == NSN_ANSWER_DONE)
				return kept < 0 ? kept : interrupted ? -EINTR : 0;
			if (a.kind == NSN_ANSWER_DATA && sink && !interrupted && kept == 0)
				kept = sink->each((const struct nlmsghdr *)at, sink->arg, err);
		}
	}
}

int nsn_nl_get(struct nsn_nl *nl, struct nlmsghdr *req, const struct nsn_nl_sink *sink,
	       struct nsnet_err *err)
{
	int r;

	req->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	req->nlmsg_seq = nsn_nl_next_seq(nl);
	req->nlmsg_pid = 0;
	r = nsn_nl_send(nl, req, req->nlmsg_len, err);
	if (r < 0)
		return r;
	return collect(nl, req->nlmsg_seq, sink, err);
}

int nsn_nl_request(struct nsn_nl *nl, struct nlmsghdr *req, struct nsnet_err *err)
{
	return nsn_nl_get(nl, req, NULL, err);
}

int nsn_nl_dump(struct nsn_nl *nl, struct nlmsghdr *req, const struct nsn_nl_sink *sink,
		struct nsnet_err *err)
{
	int r, tries;

	req->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
	req->nlmsg_pid = 0;
	for (tries = 0; tries < NSN_NL_DUMP_TRIES; tries++) {
		if (tries > 0 && sink->restart)
			sink->restart(sink->arg);
		req->nlmsg_seq = nsn_nl_next_seq(nl);
		r = nsn_nl_send(nl, req, req->nlmsg_len, err);
		if (r < 0)
			return r;
		r = collect(nl, req->nlmsg_seq, sink, err);
		if (r != -EINTR)
			return r;
	}
	return nsn_err(err, -EBUSY, NSNET_E_KERNEL,
		       "the table kept changing while it was read, %d times", tries);
}
