/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERIFY_PARTS_H
#define NSN_VERIFY_PARTS_H

/*
 * parts - the tenants in parts, each followed by a process of its own; of this folder only
 *
 * A packet of one tenant is followed without a look at another's, so parts need nothing
 * of each other: each begins with what is prepared for all, and says what it found as a report.
 * A part of which no report comes, or not to its end, proves nothing: its tenants are
 * given up.
 */
#include <sys/types.h>

#include "proving.h"

#define NSN_PARTS 4 /* at most: each has its own memory */

struct nsn_parts {
	size_t n;   /* besides the caller's own, the first */
	size_t own; /* tenants below are the caller's */
	struct nsn_share {
		size_t first, end;
		pid_t pid;
		int fd;
	} list[NSN_PARTS];
};

/* Follows tenants first..end - 1. */
typedef void (*nsn_part_fn)(struct nsn_proving *p, size_t first, size_t end);

/*
 * For how->parts: one for each two processors. What connections there may be in a namespace is
 * found by each part again: with two processors that others use too, two parts took longer than
 * one.
 */
size_t nsn_parts_usual(void);
/* Starts processes for all but the first part, where there is enough to do and how->parts lets. */
void nsn_parts_start(struct nsn_proving *p, struct nsn_parts *parts, nsn_part_fn prove);
/* Waits for them, and takes over what they say; @failed is called for those of no report. */
void nsn_parts_join(struct nsn_proving *p, struct nsn_parts *parts,
		    void (*failed)(struct nsn_proving *p, size_t tenant));

/* ---- task.c: reports through pipes ---- */

/* 0, or -1: the reader is gone. */
int nsn_report_send(int fd, const struct nsn_report *r);
/* 0, or -errno: -ETIMEDOUT, -EPROTO (it ended too early), -ENOMEM. @seconds 0: no limit. */
int nsn_report_hear(int fd, unsigned int seconds, struct nsn_report *ret);

#endif
