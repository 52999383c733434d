/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nl.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <libnftnl/common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "../base/text.h"
#include "socket.h"

/*
 * libnftnl writes into the buffer without asking how much is left, so each
 * message is given its room first. (libmnl's own batch has a fixed size, and
 * libnftnl's pages can be overrun by one large message.)
 */
struct nsn_nl_batch {
	char *buf;
	size_t size;
	size_t len;  /* of all messages but the last */
	size_t last; /* offset of the last one, whose length only its header knows */
	uint32_t n;  /* messages, without begin and end */
	const char **labels;
	size_t cap;
	struct nsn_arena arena;
};

NSN_CLEANUP(struct nsn_nl_batch, nsn_nl_batch_free)

/* For nfgenmsg, a generation id and alignment. */
#define HEADER_ROOM 64

int nsn_nl_batch_new(struct nsn_nl_batch **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_nl_batch_freep) struct nsn_nl_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return nsn_err_nomem(err);
	b->size = 4096;
	b->buf = calloc(1, b->size);
	if (!b->buf)
		return nsn_err_nomem(err);
	/* Sequence numbers are given when the batch is sent; see nsn_nl_batch_commit(). */
	nftnl_batch_begin(b->buf, 0);
	b->last = 0;
	*ret = NSN_TAKE_PTR(b);
	return 0;
}

void nsn_nl_batch_free(struct nsn_nl_batch *b)
{
	if (!b)
		return;
	free(b->buf);
	free(b->labels);
	nsn_arena_free(&b->arena);
	free(b);
}

static struct nlmsghdr *message_at(const struct nsn_nl_batch *b, size_t offset)
{
	return (struct nlmsghdr *)(void *)(b->buf + offset);
}

static void close_last(struct nsn_nl_batch *b)
{
	b->len = b->last + NLMSG_ALIGN(message_at(b, b->last)->nlmsg_len);
}

static int grow(struct nsn_nl_batch *b, size_t room)
{
	size_t need = b->len + NLMSG_ALIGN(room) + HEADER_ROOM;
	size_t size = b->size;
	char *buf;

	while (size < need)
		size *= 2;
	if (size == b->size)
		return 0;
	buf = realloc(b->buf, size);
	if (!buf)
		return -ENOMEM;
	/* libmnl leaves the padding of strings as it is: no stale memory goes out with it. */
	memset(buf + b->size, 0, size - b->size);
	b->buf = buf;
	b->size = size;
	return 0;
}

static int add_label(struct nsn_nl_batch *b, const char *label)
{
	const char *copy = nsn_arena_strdup(&b->arena, label);

	if (!copy)
		return -ENOMEM;
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 16;
		const char **grown = realloc(b->labels, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		b->labels = grown;
		b->cap = cap;
	}
	b->labels[b->n++] = copy;
	return 0;
}

struct nlmsghdr *nsn_nl_batch_add(struct nsn_nl_batch *b, uint16_t type, uint16_t nfproto,
				  uint16_t flags, size_t room, const char *label,
				  struct nsnet_err *err)
{
	close_last(b);
	if (grow(b, room) < 0 || add_label(b, label) < 0) {
		(void)nsn_err_nomem(err);
		return NULL;
	}
	b->last = b->len;
	return nftnl_nlmsg_build_hdr(b->buf + b->last, type, nfproto, flags, 0);
}

/* Message i gets sequence number first + i; the last before the end asks for an ack. */
static void number(struct nsn_nl_batch *b, struct nsn_nl *nl, uint32_t *first)
{
	struct nlmsghdr *h;
	size_t at;
	uint32_t i = 0;

	/* One run of numbers, without the jump over 0. */
	if (nl->seq > UINT32_MAX - b->n - 4)
		nl->seq = 0;
	*first = nl->seq + 1;
	for (at = 0; at < b->len; at += NLMSG_ALIGN(h->nlmsg_len)) {
		h = message_at(b, at);
		h->nlmsg_seq = *first + i;
		if (i == b->n)
			h->nlmsg_flags |= NLM_F_ACK;
		i++;
	}
	nl->seq = *first + i;
}

static int refused(const struct nsn_nl_batch *b, const struct nsn_answer *a, uint32_t first,
		   struct nsnet_err *err)
{
	uint32_t i = a->seq - first;

	(void)nsn_nl_refused(a, err);
	if (i >= 1 && i <= b->n)
		return nsn_err_wrap(err, a->error, "%s", b->labels[i - 1]);
	return nsn_err_wrap(err, a->error, "nft transaction");
}

/*
 * All answers are in the queue when sendto() returns. An error may stand
 * before the ack of the last message, which is sent even when an earlier
 * message failed: the first error decides, and all are read, so that none is
 * left over for the next request. An error for the begin message is the last
 * answer of all.
 */
static int wait_batch(struct nsn_nl *nl, const struct nsn_nl_batch *b, uint32_t first,
		      struct nsnet_err *err)
{
	struct nsn_answer a, worst = {.error = 0};
	size_t len, taken;
	const char *at;
	int r;

	for (;;) {
		r = nsn_nl_recv(nl, &len, err);
		if (r < 0)
			return r;
		for (at = nl->buf; (taken = nsn_answer_read(at, len, &a)) > 0;
		     at += taken, len -= taken) {
			if (a.seq - first > b->n ||
			    (a.kind != NSN_ANSWER_ACK && a.kind != NSN_ANSWER_ERROR))
				continue;
			if (a.error && !worst.error)
				worst = a;
			if (a.seq != first && a.seq != first + b->n)
				continue;
			return worst.error ? refused(b, &worst, first, err) : 0;
		}
	}
}

/* What a failed commit left in the queue behind the answer that ended the wait. */
static void drain(const struct nsn_nl *nl)
{
	char scrap[256];
	int i;

	for (i = 0; i < 4096 && recv(nl->fd, scrap, sizeof(scrap), MSG_DONTWAIT) > 0; i++)
		;
}

static int send_batch(struct nsn_nl *nl, struct nsn_nl_batch *b, bool end, struct nsnet_err *err)
{
	uint32_t first;
	int room, r;

	if (b->n == 0)
		return 0;
	close_last(b);
	if (grow(b, 0) < 0)
		return nsn_err_nomem(err);
	number(b, nl, &first);
	if (end) {
		const struct nlmsghdr *h = nftnl_batch_end(b->buf + b->len, ++nl->seq);

		b->len += NLMSG_ALIGN(h->nlmsg_len);
	}

	/* The whole batch is one datagram; the default send buffer holds some 200 kB. */
	room = b->len > (size_t)INT32_MAX / 2 ? INT32_MAX : (int)(2 * b->len);
	if (room > 100000)
		(void)setsockopt(nl->fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	r = nsn_nl_send(nl, b->buf, b->len, err);
	if (r < 0)
		return r;
	r = wait_batch(nl, b, first, err);
	if (r < 0)
		drain(nl);
	return r;
}

int nsn_nl_batch_commit(struct nsn_nl *nl, struct nsn_nl_batch *b, struct nsnet_err *err)
{
	return send_batch(nl, b, true, err);
}

/*
 * nfnetlink_rcv_batch() does all that a batch says, and takes it back, after
 * validating it as a whole, when no end marker comes (since 4.18).
 */
int nsn_nl_batch_check(struct nsn_nl *nl, struct nsn_nl_batch *b, struct nsnet_err *err)
{
	return send_batch(nl, b, false, err);
}
