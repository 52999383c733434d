/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nflog.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "../nl/answer.h"
#include "../nl/msg.h"

/*
 * lib/nl's sockets ask and are answered; this one is talked to. It has no use for
 * their matching by sequence, and the kernel tells the socket that has bound the group.
 */
#define BUFFER	       65536 /* NFULNL_NLBUFSIZ is a page; what a rule's copies fill at most */
#define RECEIVE_BUFFER (1024 * 1024) /* bursts wait here */
#define FLUSH	       1	     /* in 1/100 s: the kernel collects packets for so long */
#define ANSWER_MS      10000

struct nsn_nflog {
	int fd;
	uint32_t seq;
	char buf[BUFFER] __attribute__((aligned(NLMSG_ALIGNTO)));
};

NSN_CLEANUP(struct nsn_nflog, nsn_nflog_close)

void nsn_nflog_close(struct nsn_nflog *log)
{
	if (!log)
		return;
	nsn_closep(&log->fd);
	free(log);
}

int nsn_nflog_fd(const struct nsn_nflog *log)
{
	return log->fd;
}

/* The next datagram of the kernel. 1: one came; 0: none in time; -EINTR says nothing in @err. */
static int receive(struct nsn_nflog *log, int timeout_ms, size_t *len, struct nsnet_err *err)
{
	struct pollfd p = {.fd = log->fd, .events = POLLIN};
	struct sockaddr_nl from = {0};
	socklen_t from_len = sizeof(from);
	ssize_t n;
	int r;

	r = poll(&p, 1, timeout_ms);
	if (r == 0 || (r < 0 && errno == EINTR))
		return r == 0 ? 0 : -EINTR;
	if (r < 0)
		return nsn_err_sys(err, -errno, "wait for logged packets");
	n = recvfrom(log->fd, log->buf, sizeof(log->buf), MSG_DONTWAIT, (struct sockaddr *)&from,
		     &from_len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return -EINTR;
	if (n < 0)
		return nsn_err(err, -errno, NSNET_E_KERNEL, "logged packets: %s", strerror(errno));
	/* Another process wrote to our port. */
	*len = from.nl_pid == 0 ? (size_t)n : 0;
	return 1;
}

/* Reads up to the answer; packets that come before it belong to nobody yet. */
static int answer(struct nsn_nflog *log, struct nsnet_err *err)
{
	struct nsn_answer a;
	size_t len = 0, taken;
	const char *at;
	int r;

	for (;;) {
		r = receive(log, ANSWER_MS, &len, err);
		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		if (r == 0)
			return nsn_err(err, -ETIMEDOUT, NSNET_E_UNSURE, "no answer");
		for (at = log->buf; (taken = nsn_answer_read(at, len, &a)) > 0;
		     at += taken, len -= taken) {
			if (a.seq != log->seq)
				continue;
			if (a.kind == NSN_ANSWER_ACK)
				return 0;
			if (a.kind == NSN_ANSWER_ERROR)
				return nsn_err_sys(err, a.error, "refused");
		}
	}
}

/* One of the settings of a group. */
static int configure(struct nsn_nflog *log, uint16_t group, int attr, const void *data, int size,
		     struct nsnet_err *err)
{
	const struct nfgenmsg head = {
		.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0, .res_id = htons(group)};
	NSN_AUTO(nlmsg_freep)
	struct nl_msg *msg = nsn_msg_new(NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG,
					 NLM_F_REQUEST | NLM_F_ACK, &head, sizeof(head));
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct nlmsghdr *h;

	if (!msg || nla_put(msg, attr, size, data) < 0)
		return nsn_err_nomem(err);
	h = nlmsg_hdr(msg);
	h->nlmsg_seq = ++log->seq;
	h->nlmsg_pid = 0;
	if (sendto(log->fd, h, h->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return nsn_err_sys(err, -errno, "send to the kernel");
	return answer(log, err);
}

static int configure_all(struct nsn_nflog *log, uint16_t group, uint32_t bytes,
			 struct nsnet_err *err)
{
	const struct nfulnl_msg_config_cmd bind_it = {.command = NFULNL_CFG_CMD_BIND};
	const struct nfulnl_msg_config_mode mode = {.copy_range = htonl(bytes),
						    .copy_mode = bytes ? NFULNL_COPY_PACKET
								       : NFULNL_COPY_META};
	const uint32_t flush = htonl(FLUSH);
	const uint16_t flags = htons(NFULNL_CFG_F_SEQ);
	int r;

	r = configure(log, group, NFULA_CFG_CMD, &bind_it, sizeof(bind_it), err);
	if (r == 0)
		r = configure(log, group, NFULA_CFG_MODE, &mode, sizeof(mode), err);
	if (r == 0)
		r = configure(log, group, NFULA_CFG_TIMEOUT, &flush, sizeof(flush), err);
	if (r == 0)
		r = configure(log, group, NFULA_CFG_FLAGS, &flags, sizeof(flags), err);
	return r < 0 ? nsn_err_wrap(err, r, "listen to log group %u", group) : 0;
}

int nsn_nflog_open(struct nsn_nflog **ret, uint16_t group, uint32_t bytes, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nflog_closep) struct nsn_nflog *log = calloc(1, sizeof(*log));
	const struct sockaddr_nl addr = {.nl_family = AF_NETLINK};
	const int size = RECEIVE_BUFFER;
	int r;

	if (!log)
		return nsn_err_nomem(err);
	log->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (log->fd < 0)
		return nsn_err_sys(err, -errno, "netlink socket");
	if (bind(log->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return nsn_err_sys(err, -errno, "bind netlink socket");
	/* Beyond the system's limit; with less, bursts are lost sooner. */
	(void)setsockopt(log->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	r = configure_all(log, group, bytes, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(log);
	return 0;
}

static uint32_t get_be32(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 4 ? ntohl(nla_get_u32(attr)) : 0;
}

/* Linux tells it of packets that were not sent yet, older ones only when they had one. */
static int64_t get_time(struct nlattr *attr)
{
	struct nfulnl_msg_packet_timestamp t;

	if (!attr || (size_t)nla_len(attr) < sizeof(t))
		return 0;
	memcpy(&t, nla_data(attr), sizeof(t));
	return (int64_t)be64toh(t.sec) * 1000 + (int64_t)(be64toh(t.usec) / 1000);
}

static bool read_packet(struct nsn_nflog_packet *ret, const struct nlmsghdr *msg)
{
	const struct nfgenmsg *head = nlmsg_data(msg);
	const struct nfulnl_msg_packet_hdr *hdr;
	struct nlattr *tb[NFULA_MAX + 1];

	if (nlmsg_parse(nsn_msg_mutable(msg), sizeof(*head), tb, NFULA_MAX, NULL) < 0)
		return false;
	*ret = (struct nsn_nflog_packet){.family = head->nfgen_family,
					 .in = get_be32(tb[NFULA_IFINDEX_INDEV]),
					 .out = get_be32(tb[NFULA_IFINDEX_OUTDEV]),
					 .mark = get_be32(tb[NFULA_MARK]),
					 .seq = get_be32(tb[NFULA_SEQ]),
					 .numbered = tb[NFULA_SEQ] != NULL,
					 .at_ms = get_time(tb[NFULA_TIMESTAMP]),
					 .prefix = ""};
	if (tb[NFULA_PACKET_HDR] && (size_t)nla_len(tb[NFULA_PACKET_HDR]) >= sizeof(*hdr)) {
		hdr = nla_data(tb[NFULA_PACKET_HDR]);
		ret->hook = hdr->hook;
		ret->protocol = ntohs(hdr->hw_protocol);
	}
	if (tb[NFULA_PREFIX] &&
	    memchr(nla_data(tb[NFULA_PREFIX]), '\0', (size_t)nla_len(tb[NFULA_PREFIX])))
		ret->prefix = nla_data(tb[NFULA_PREFIX]);
	if (tb[NFULA_PAYLOAD]) {
		ret->payload = nla_data(tb[NFULA_PAYLOAD]);
		ret->len = (size_t)nla_len(tb[NFULA_PAYLOAD]);
	}
	return true;
}

int nsn_nflog_read(struct nsn_nflog *log, int timeout_ms,
		   int (*each)(const struct nsn_nflog_packet *p, void *arg), void *arg,
		   struct nsnet_err *err)
{
	struct nsn_nflog_packet p;
	struct nsn_answer a;
	size_t len = 0, taken;
	const char *at;
	int r, n = 0;

	r = receive(log, timeout_ms, &len, err);
	if (r <= 0)
		return r == -EINTR ? 0 : r;
	for (at = log->buf; (taken = nsn_answer_read(at, len, &a)) > 0; at += taken, len -= taken) {
		const struct nlmsghdr *msg = (const struct nlmsghdr *)(const void *)at;

		if (a.kind != NSN_ANSWER_DATA ||
		    msg->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
			continue;
		if (!read_packet(&p, msg))
			return nsn_err(err, -EBADMSG, NSNET_E_KERNEL, "unreadable logged packet");
		r = each(&p, arg);
		if (r < 0)
			return r;
		n++;
	}
	return n;
}
