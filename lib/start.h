/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_START_H
#define NSN_START_H

/*
 * start - from what was asked for to what lib/spawn is told
 *
 * Everything that can be refused is refused here, before there is a process or a record.
 */
#include "ctx.h"
#include "optout.h"
#include "spawn/cgroup.h"
#include "spawn/spawn.h"
#include "spawn/view.h"

/* All that is needed until it runs. Without a handle there is no tenant: see nsnet_run_def. */
struct nsn_start {
	struct nsnet *n;
	const struct nsnet_run_def *def;
	struct nsnet_run *run;
	struct nsn_tenant tenant;
	const struct nsn_endpoint *endpoint;
	struct nsn_optouts optouts;
	struct nsn_ids ids;
	struct nsn_view *view;
	struct nsn_cgroup cgroup;
	struct sock_fprog filter; /* of a file */
	const char *name;	  /* its host's, unless said otherwise */
	int netns, resolv, hosts;
	int bare; /* without a handle that keeps it */
	const char **env;
	struct nsn_arena mem;
	struct nsn_spawn spawn;
};

/* Fills @s->spawn and what it refers to, from @s->n and @s->def. */
int nsn_start_prepare(struct nsn_start *s, struct nsnet_err *err);
void nsn_start_clear(struct nsn_start *s);
NSN_CLEANUP(struct nsn_start, nsn_start_clear)

#endif
