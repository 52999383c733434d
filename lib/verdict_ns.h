/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_VERDICT_NS_H
#define NSN_VERDICT_NS_H

/*
 * verdict_ns - what the canaries of one namespace have shown
 */
#include "verdict.h"

/* What is said of one namespace. Words come from `mem`; one that could not be had is NULL. */
struct nsn_shown {
	const struct nsn_evidence *e;
	const struct nsn_expected *want;
	struct nsn_arena *mem;
	bool seen, untested; /* across the border; not shown */
	const char *what;    /* was seen */
	const char *missed;  /* why it was not tested */
	const char *inside, *outside;
};

extern void (*const nsn_show_ns[NSNET_NS_COUNT])(struct nsn_shown *s);

#endif
