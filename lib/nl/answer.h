/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_NL_ANSWER_H
#define NSN_NL_ANSWER_H

/*
 * answer - one netlink message from the kernel, taken apart. Pure, so that
 * truncated, foreign and lying buffers can be tried on it by the thousand.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlmsghdr;

enum nsn_answer_kind {
	NSN_ANSWER_DATA,  /* a message to hand on */
	NSN_ANSWER_ACK,	  /* error 0 */
	NSN_ANSWER_ERROR, /* error < 0, perhaps with words */
	NSN_ANSWER_DONE,  /* end of a dump; its error counts */
	NSN_ANSWER_OTHER, /* NOOP, OVERRUN, or one too short to mean anything */
};

struct nsn_answer {
	enum nsn_answer_kind kind;
	uint32_t seq;
	int error;	  /* 0 or negative errno */
	bool interrupted; /* NLM_F_DUMP_INTR */
	char text[160];	  /* the extended ack's words, or "" */
};

/*
 * Takes apart the message at @buf. Return: the bytes it occupies (aligned), or
 * 0 when what is left is no whole message.
 */
size_t nsn_answer_read(const void *buf, size_t len, struct nsn_answer *ret);

#endif
