/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_STRANGERS_H
#define NSN_STRANGERS_H

/*
 * strangers - who lives in tenants' networks without being one of their workloads
 *
 * A process counts as a workload's when its pid and user namespaces are those of one that is
 * recorded; with pid=host, when it is in its control group. All others were put there by somebody:
 * with `nsnet enter`, with `ip netns exec`, by a unit of systemd. Asked are the namespaces of the
 * main thread; a namespace that is only kept open is not lived in.
 */
#include "ctx.h"

struct nsn_stranger_list {
	struct nsnet_stranger *list;
	size_t n;
};
void nsn_strangers_clear(struct nsn_stranger_list *l);
/*
 * In the networks of @tenants. Who is about to become a workload, or is one of our own that looks
 * something up, is known or gone after some looks; only when somebody is there it takes more than
 * one. Of those that are explained at most so many.
 */
#define NSN_STRANGERS_MAX 1000
int nsn_strangers_find(struct nsnet *n, const struct nsn_tenant_list *tenants,
		       struct nsn_arena *mem, struct nsn_stranger_list *ret, struct nsnet_err *err);

#endif
