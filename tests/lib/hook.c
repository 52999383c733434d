// SPDX-License-Identifier: GPL-2.0-or-later
#include "hook.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "../../lib/nl/nl.h"

/* What the linker gives the library for sendto() and recvmsg(). */
ssize_t __wrap_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);

static struct {
	struct hook *hook; /* NULL: off */
	bool refuse;	   /* the answer to come is made here: */
	struct nlmsghdr request;
	uint32_t altered; /* the number of the request whose last answer is altered; or 0 */
	bool tear;	  /* the next answer with that number is torn */
	bool dumping;
} now;

void hook_on(struct hook *h)
{
	memset(&now, 0, sizeof(now));
	now.hook = h;
}

void hook_off(void)
{
	now.hook = NULL;
}

static bool is_dump(const struct nlmsghdr *h)
{
	/* NLM_F_EXCL and others of a change have the same bits. */
	return (h->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP && !(h->nlmsg_flags & NLM_F_ACK);
}

/* Of a batch the message that asks for an answer. */
static const struct nlmsghdr *asking(const void *buf, size_t len)
{
	const char *at = buf;
	const struct nlmsghdr *h = buf;

	while (len >= sizeof(*h)) {
		h = (const struct nlmsghdr *)(const void *)at;
		if (h->nlmsg_flags & NLM_F_ACK || NLMSG_ALIGN(h->nlmsg_len) >= len)
			return h;
		at += NLMSG_ALIGN(h->nlmsg_len);
		len -= NLMSG_ALIGN(h->nlmsg_len);
	}
	return buf;
}

/* True: go on and send it. False: @r is what sendto() returns. */
static bool before_send(struct hook *h, const void *buf, size_t len, ssize_t *r)
{
	const struct nlmsghdr *msg = asking(buf, len);
	const bool dump = is_dump(msg);
	const int send = h->sends++, number = dump ? h->dumps++ : -1;

	if (h->look)
		h->look();
	now.dumping = dump;
	if (send < HOOK_MAX)
		h->send_changes[send] = !dump;
	now.refuse = now.tear = false;
	now.altered = 0;
	if (dump &&
	    ((h->kind == HOOK_TORN && number == h->at) ||
	     (h->kind == HOOK_TORN_ALL && number >= h->at && number < h->at + NSN_NL_DUMP_TRIES))) {
		now.tear = h->hit = true;
		now.altered = msg->nlmsg_seq;
	}
	if (send != h->at)
		return true;
	if (h->kind == HOOK_DONE)
		now.altered = msg->nlmsg_seq;
	if (h->kind != HOOK_SEND && h->kind != HOOK_REFUSED)
		return true;
	h->hit = true;
	*r = (ssize_t)len;
	if (h->kind == HOOK_SEND) {
		errno = h->error;
		*r = -1;
	} else {
		now.refuse = true;
		now.request = *msg;
	}
	return false;
}

ssize_t __wrap_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
		      socklen_t to_len)
{
	ssize_t r;

	if (now.hook && !before_send(now.hook, buf, len, &r))
		return r;
	return syscall(SYS_sendto, fd, buf, len, flags, to, to_len);
}

/* An error, as the kernel says it. */
static ssize_t refusal(struct msghdr *msg)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} answer = {.h = {.nlmsg_len = sizeof(answer),
			  .nlmsg_type = NLMSG_ERROR,
			  .nlmsg_flags = NLM_F_CAPPED,
			  .nlmsg_seq = now.request.nlmsg_seq},
		    .e = {.error = -now.hook->error, .msg = now.request}};
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	memcpy(msg->msg_name, &kernel, sizeof(kernel));
	msg->msg_namelen = sizeof(kernel);
	msg->msg_flags = 0;
	memcpy(msg->msg_iov[0].iov_base, &answer, sizeof(answer));
	now.refuse = false;
	return sizeof(answer);
}

/* What ends an answer: 0 becomes an error. */
static void alter(struct nlmsghdr *h, struct hook *hook)
{
	int32_t error = -hook->error, had = 0;

	if (h->nlmsg_seq != now.altered)
		return;
	if (now.tear) {
		h->nlmsg_flags |= NLM_F_DUMP_INTR;
		now.tear = false;
	}
	if (hook->kind != HOOK_DONE ||
	    (h->nlmsg_type != NLMSG_ERROR && h->nlmsg_type != NLMSG_DONE) ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(error)))
		return;
	memcpy(&had, NLMSG_DATA(h), sizeof(had));
	if (had != 0)
		return;
	memcpy(NLMSG_DATA(h), &error, sizeof(error));
	hook->hit = true;
}

static ssize_t received(struct hook *hook, struct msghdr *msg, ssize_t n)
{
	char *at = msg->msg_iov[0].iov_base;
	size_t left = n > 0 ? (size_t)n : 0;
	struct nlmsghdr *h;

	for (; left >= sizeof(*h); at += NLMSG_ALIGN(h->nlmsg_len)) {
		h = (struct nlmsghdr *)(void *)at;
		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > left)
			break;
		alter(h, hook);
		left -= NLMSG_ALIGN(h->nlmsg_len) < left ? NLMSG_ALIGN(h->nlmsg_len) : left;
	}
	return n;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct hook *h = now.hook;
	int number;

	if (!h)
		return syscall(SYS_recvmsg, fd, msg, flags);
	number = h->receives++;
	if (number < HOOK_MAX)
		h->receive_changes[number] = !now.dumping;
	if (now.refuse)
		return refusal(msg);
	if ((h->kind != HOOK_LOST && h->kind != HOOK_LATE) || number != h->at)
		return received(h, msg, syscall(SYS_recvmsg, fd, msg, flags));
	h->hit = true;
	/* Who was interrupted has not received anything. */
	if (h->kind == HOOK_LOST && h->error != EINTR)
		(void)syscall(SYS_recvmsg, fd, msg, flags);
	errno = h->error;
	return -1;
}
