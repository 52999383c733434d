/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/enter.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "ctx.h"

static int find(const struct nsn_job *job, bool gateway, const struct nsn_space **ret,
		struct nsnet_err *err)
{
	size_t i;

	for (i = 0; i < job->site.n; i++) {
		const struct nsn_space *space = &job->site.spaces[i];

		if ((space->at.role == NSN_GATEWAY) != gateway ||
		    (!gateway && space->at.id != job->t->endpoints[0].id))
			continue;
		if (space->ns) {
			*ret = space;
			return 0;
		}
		(void)nsn_err(err, -ENOENT, NSNET_E_KERNEL, "tenant '%s' has no network right now",
			      job->t->name);
		return nsn_err_hint(err, -ENOENT, "nsnet repair %s", job->t->name);
	}
	return nsn_err(err, -ENOENT, NSNET_E_INTERNAL, "tenant '%s' has no endpoint", job->t->name);
}

int nsnet_enter(struct nsnet *n, const char *name, bool gateway, struct nsnet_err *err)
{
	char etc[sizeof("/etc/netns/") + NSN_NETNS_NAME_SIZE] = "";
	char file[NSN_NETNS_NAME_SIZE];
	const struct nsn_space *space = NULL;
	struct nsn_tenant t = {0};
	struct nsn_job job = {0};
	int r;

	r = nsn_store_tenant_get(n->store, name, &t, err);
	if (r == 0)
		r = nsn_job_open(&job, n, &t, NSN_WANT_BUILT, err);
	if (r == 0)
		r = find(&job, gateway, &space, err);
	if (r == 0) {
		if (!gateway)
			(void)snprintf(etc, sizeof(etc), "/etc/netns/%s",
				       nsn_endpoint_netns_name(&t, &t.endpoints[0], file));
		r = nsn_enter(space->ns, etc, err);
	}
	nsn_job_close(&job);
	nsn_tenant_clear(&t);
	return r;
}
