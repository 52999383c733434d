/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsnet_trace(): one packet, sent, and looked at on its way */
#include "trace.h"

#include <string.h>

#include "ctx.h"

NSN_CLEANUP(struct nsn_tracing, nsn_tracing_free)
NSN_CLEANUP(const struct nsnet_traced, nsnet_traced_free)
NSN_CLEANUP(const struct nsnet_explained, nsnet_explained_free)

static int send_locked(struct nsn_tracing *t, struct nsnet *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_unlockp) struct nsnet *locked = NULL;
	int r = nsn_lock(n, &locked, err);

	return r < 0 ? r : nsn_tracing_send(t, err);
}

/*
 * Between the reading and the packet somebody may have changed what both are about: only
 * what a second reading says, too, is a contradiction.
 */
static int look_again(struct nsnet *n, const struct nsnet_verify_how *how, const char *from,
		      const char *to, const char *ports, bool ipv6, struct nsnet_traced *t,
		      struct nsnet_err *err)
{
	NSN_AUTO(nsnet_explained_freep) const struct nsnet_explained *now = NULL;
	int r;

	if (strcmp(t->agrees, "contradicts") != 0)
		return 0;
	r = nsnet_explain(n, how, from, to, ports, ipv6, &now, err);
	if (r < 0)
		return r;
	if (now->allowed != t->explained->allowed || now->certainty != NSNET_PROVED)
		t->agrees = "unknown";
	return 0;
}

int nsnet_trace(struct nsnet *n, const struct nsnet_verify_how *how, const char *from,
		const char *to, const char *ports, bool ipv6, const struct nsnet_traced **ret,
		struct nsnet_err *err)
{
	NSN_AUTO(nsnet_traced_freep) const struct nsnet_traced *traced = NULL;
	NSN_AUTO(nsn_tracing_freep) struct nsn_tracing *t = NULL;
	int r = nsn_tracing_new(&t, n, how, from, to, ports, ipv6, err);

	if (r == 0)
		r = send_locked(t, n, err);
	if (r == 0)
		r = nsn_tracing_tell(t, n, &traced, err);
	if (r == 0)
		r = look_again(n, how, from, to, ports, ipv6,
			       (struct nsnet_traced *)(uintptr_t)traced, err);
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(traced);
	return 0;
}
