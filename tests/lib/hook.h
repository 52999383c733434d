/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_HOOK_H
#define TESTS_HOOK_H

/*
 * hook - between lib/nl and the kernel: any request and any answer goes wrong
 *
 * The library under test is the one that is shipped, object by object: a program that
 * wants the hook is linked with --wrap=sendto,--wrap=recvmsg (see the Makefile), so that the
 * library's two calls come here. In other programs, and in the product, nothing does.
 *
 * While hook_on() has not been called everything passes, and nothing is counted.
 */
#include <stdbool.h>

enum hook_kind {
	HOOK_NOTHING, /* only counts */
	HOOK_SEND,    /* the request cannot be sent */
	HOOK_LOST,    /* receiving fails, and that answer is gone */
	HOOK_LATE,    /* receiving fails, and the answer comes with the next one */
	HOOK_REFUSED, /* the answer is an error, and nothing was done */
	HOOK_DONE,    /* all of it was done, and the last answer is an error */
	HOOK_TORN,    /* one answer of a dump has NLM_F_DUMP_INTR */
	HOOK_TORN_ALL /* so has each that is asked for in its place */
};

enum { HOOK_MAX = 2048 };
struct hook {
	enum hook_kind kind;
	int at;		    /* which one, from 0: of sends, receives, or dumps */
	int error;	    /* positive errno */
	void (*look)(void); /* called before each request; or NULL */

	int sends, receives, dumps; /* so many were there */
	bool hit;
	/* Which of the first ones were about something else than a dump. */
	bool send_changes[HOOK_MAX], receive_changes[HOOK_MAX];
};

/* Until hook_off(). @h has to live as long. */
void hook_on(struct hook *h);
void hook_off(void);

#endif
