/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_WORK_H
#define NSNET_TOOLS_WORK_H

/*
 * work - one thing after the other, with progress, and with an end when it is
 * interrupted: what was done is told, and what was not
 */
#include "change.h"
#include "cmd.h"

struct work {
	const char *what; /* "tenants" */
	size_t total;
	void *data;
	/* Go on after one that failed. */
	bool all;
	/* What the user calls it; NULL: there is nothing to do for it. */
	const char *(*name)(const void *data, size_t i);
	/* Does one and reports it. Return: 0, or a negative errno with @err filled. */
	int (*one)(struct ctx *ctx, struct report *report, void *data, size_t i,
		   struct nsnet_err *err);
	/*
	 * Or some at a time, in their order, each with a name: *@done is how many of the
	 * first were done and reported, also after a failure.
	 */
	size_t at_a_time; /* 0: one by one */
	int (*some)(struct ctx *ctx, struct report *report, void *data, size_t first, size_t n,
		    size_t *done, struct nsnet_err *err);
};

/*
 * Does it all and ends the report. Return: 0, 128 + the signal that stopped it,
 * or a negative errno with the first failure in @err.
 */
int work_run(struct ctx *ctx, struct report *report, const struct work *work,
	     struct nsnet_err *err);

#endif
