/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_OPTOUT_H
#define NSN_OPTOUT_H

/*
 * optout - what a workload is given that others do not get
 *
 * Each has a kind ("ipc=host", "cap=SYS_ADMIN"), a sentence that says what it exposes, and a
 * reason that somebody gave.
 */
#include "base/text.h"
#include "ctx.h"

/* Start as { 0 }. */
struct nsn_optouts {
	unsigned int share; /* 1 << enum nsnet_ns */
	uint64_t caps;	    /* all that stay, also those that expose nothing */
	struct nsn_optout {
		const char *kind, *exposes;
	} list[NSNET_NS_COUNT + 64 + 1];
	size_t n;
	int64_t until;
	struct nsn_arena mem;
};
void nsn_optouts_clear(struct nsn_optouts *o);

/*
 * -EINVAL: BAD_RUN (no such namespace), NOT_SHAREABLE, BAD_CAPABILITY, NEEDS_REASON, DANGEROUS,
 * BAD_TIME, in this order.
 */
int nsn_optouts_read(const struct nsnet_run_def *def, int64_t now, struct nsn_optouts *ret,
		     struct nsnet_err *err);

#endif
