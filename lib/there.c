/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * there - which namespaces of a tenant exist, and are ours
 *
 * For lists of many: what is in them is not looked at, so this says nothing about
 * whether it is as wanted.
 */

static int by_place(const void *a, const void *b)
{
	const struct nsn_ns *x = a, *y = b;

	if (x->tenant != y->tenant)
		return x->tenant < y->tenant ? -1 : 1;
	return x->endpoint < y->endpoint ? -1 : x->endpoint > y->endpoint;
}

int nsn_there_load(struct nsn_there *at, struct nsnet *n, struct nsnet_err *err)
{
	at->n = n;
	return nsn_store_ns_list(n->store, &at->known, &at->n_known, err);
}

void nsn_there_clear(struct nsn_there *at)
{
	free(at->known);
	*at = (struct nsn_there){0};
}

uint64_t nsn_there_cookie(const struct nsn_there *at, uint64_t tenant, uint64_t endpoint)
{
	const struct nsn_ns like = {.tenant = tenant, .endpoint = endpoint};
	const struct nsn_ns *known =
		at->n_known ? bsearch(&like, at->known, at->n_known, sizeof(*at->known), by_place)
			    : NULL;

	return known ? known->cookie : 0;
}

int nsn_there(const struct nsn_there *at, uint64_t tenant, uint64_t endpoint, const char *pin,
	      struct nsnet_err *err)
{
	const uint64_t known = nsn_there_cookie(at, tenant, endpoint);
	NSN_AUTO(nsn_closep) int fd = -1;
	enum nsn_pin_kind kind;
	uint64_t cookie = 0;
	int r;

	/* Made in no run of this boot: whatever is there, nobody knows that it is ours. */
	if (!known)
		return 0;
	r = nsn_pin_look(pin, &kind, &fd, err);
	if (r < 0 || kind != NSN_PIN_NETNS)
		return r;
	r = nsn_netns_peek(&at->n->home, fd, &cookie, err);
	return r < 0 ? r : cookie == known;
}
