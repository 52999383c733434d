/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guests.h"

#include <errno.h>
#include <string.h>

#include "probename.h"

NSN_CLEANUP(struct nsnet_tenants, nsnet_tenants_free)

static int come(struct nsnet *n, const char *tenant, struct nsnet_err *err)
{
	const struct nsnet_endpoint_def def = {.name = NSN_PROBES_CANARY};
	int r = nsnet_endpoint_add(n, tenant, &def, 0, NULL, err);

	/* Gone meanwhile, or full. */
	return r == -ENOENT || r == -ENOSPC || r == -E2BIG ? 0 : r;
}

static int go(struct nsnet *n, const char *tenant, struct nsnet_err *err)
{
	int r = nsnet_endpoint_del(n, tenant, NSN_PROBES_CANARY, 0, NULL, err);

	return r == -ENOENT ? 0 : r;
}

static int each(struct nsnet *n, int (*one)(struct nsnet *, const char *, struct nsnet_err *),
		bool all, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_tenants_freep) struct nsnet_tenants *list = NULL;
	int r = nsnet_tenant_list(n, 0, &list, err), first = r;

	for (size_t i = 0; r == 0 && i < nsnet_tenants_count(list); i++) {
		const struct nsnet_tenant *t = nsnet_tenants_at(list, i);

		r = one(n, nsnet_tenant_name(t), first < 0 ? NULL : err);
		if (first == 0)
			first = r;
		if (all)
			r = 0;
	}
	return first;
}

int nsn_guests_come(struct nsnet *n, struct nsnet_err *err)
{
	return each(n, come, false, err);
}

int nsn_guests_go(struct nsnet *n, struct nsnet_err *err)
{
	return each(n, go, true, err);
}

void nsn_guests_gop(struct nsnet **n)
{
	if (*n)
		(void)nsn_guests_go(*n, NULL);
}
