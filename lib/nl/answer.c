/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "answer.h"

#include <errno.h>
#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

/* The words of an extended ack, behind the echoed request (unless capped away). */
static void read_text(const struct nlmsghdr *h, size_t skip, struct nsn_answer *ret)
{
	size_t left = h->nlmsg_len - NLMSG_HDRLEN;
	const struct nlattr *attr = mnl_nlmsg_get_payload_offset(h, skip);
	size_t n;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* libmnl counts in int, and no message of the kernel comes near that: more is what is
	 * left when @skip is beyond the end. */
	for (left -= skip; left <= INT16_MAX && mnl_attr_ok(attr, (int)left);
	     left -= NLMSG_ALIGN(attr->nla_len), attr = mnl_attr_next(attr)) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG) {
			/* Not trusted to end in NUL, nor to fit. */
			n = strnlen(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
			if (n >= sizeof(ret->text))
				n = sizeof(ret->text) - 1;
			memcpy(ret->text, mnl_attr_get_payload(attr), n);
			ret->text[n] = '\0';
			return;
		}
		if (left < NLMSG_ALIGN(attr->nla_len))
			return;
	}
}

/* errno values go down to -4095; anything else is not the kernel speaking. */
static int sane_error(int32_t e)
{
	return e <= 0 && e >= -4095 ? (int)e : -EBADMSG;
}

static void read_error(const struct nlmsghdr *h, struct nsn_answer *ret)
{
	size_t skip = NLMSG_ALIGN(sizeof(struct nlmsgerr));
	struct nlmsgerr e;

	if (h->nlmsg_len < NLMSG_HDRLEN + sizeof(e))
		return;
	memcpy(&e, (const char *)h + NLMSG_HDRLEN, sizeof(e));
	ret->error = sane_error(e.error);
	ret->kind = ret->error ? NSN_ANSWER_ERROR : NSN_ANSWER_ACK;
	/* An ack echoes only the header; an error echoes all of the request, unless capped. */
	if (e.error && !(h->nlmsg_flags & NLM_F_CAPPED) && e.msg.nlmsg_len >= NLMSG_HDRLEN)
		skip += NLMSG_ALIGN((size_t)e.msg.nlmsg_len - NLMSG_HDRLEN);
	read_text(h, skip, ret);
}

static void read_done(const struct nlmsghdr *h, struct nsn_answer *ret)
{
	int32_t e = 0;

	ret->kind = NSN_ANSWER_DONE;
	if (h->nlmsg_len < NLMSG_HDRLEN + sizeof(e))
		return;
	memcpy(&e, (const char *)h + NLMSG_HDRLEN, sizeof(e));
	ret->error = sane_error(e);
	read_text(h, NLMSG_ALIGN(sizeof(e)), ret);
}

size_t nsn_answer_read(const void *buf, size_t len, struct nsn_answer *ret)
{
	const struct nlmsghdr *h = buf;
	size_t taken;

	if (len < sizeof(*h) || h->nlmsg_len < sizeof(*h) || h->nlmsg_len > len)
		return 0;
	memset(ret, 0, sizeof(*ret));
	ret->kind = NSN_ANSWER_OTHER;
	ret->seq = h->nlmsg_seq;
	ret->interrupted = h->nlmsg_flags & NLM_F_DUMP_INTR;
	if (h->nlmsg_type == NLMSG_ERROR)
		read_error(h, ret);
	else if (h->nlmsg_type == NLMSG_DONE)
		read_done(h, ret);
	else if (h->nlmsg_type >= NLMSG_MIN_TYPE)
		ret->kind = NSN_ANSWER_DATA;
	taken = NLMSG_ALIGN(h->nlmsg_len);
	return taken < len ? taken : len;
}
