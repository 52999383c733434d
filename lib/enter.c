/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/enter.h"

#include <errno.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "ctx.h"

/* By name; without one `default`, or the only one there is. */
static int choose(const struct nsn_tenant *t, const char *name, size_t *ret, struct nsnet_err *err)
{
	if (!name && t->n_endpoints == 1) {
		*ret = 0;
		return 0;
	}
	return nsn_find_endpoint(t, name ? name : NSN_DEFAULT_ENDPOINT, ret, err);
}

static int find(const struct nsn_job *job, struct nsn_place at, const struct nsn_space **ret,
		struct nsnet_err *err)
{
	const struct nsn_space *space = nsn_site_space(&job->site, at);

	if (space && space->ns) {
		*ret = space;
		return 0;
	}
	(void)nsn_err(err, -ENOENT, NSNET_E_KERNEL, "tenant '%s' has no network right now",
		      job->t->name);
	return nsn_err_hint(err, -ENOENT, "nsnet repair %s", job->t->name);
}

int nsnet_enter(struct nsnet *n, const char *name, const char *endpoint, bool gateway,
		struct nsnet_err *err)
{
	char etc[sizeof(NSN_NETNS_ETC) + NSN_NETNS_NAME_SIZE] = "";
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant t = {0};
	NSN_AUTO(nsn_job_close) struct nsn_job job = {0};
	struct nsn_place at = {.role = NSN_GATEWAY};
	char file[NSN_NETNS_NAME_SIZE];
	const struct nsn_space *space = NULL;
	size_t index = 0;
	int r;

	r = nsn_store_tenant_get(n->store, name, &t, err);
	if (r == 0 && !gateway)
		r = choose(&t, endpoint, &index, err);
	if (r < 0)
		return r;
	if (!gateway) {
		at = (struct nsn_place){.role = NSN_ENDPOINT, .id = t.endpoints[index].id};
		(void)snprintf(etc, sizeof(etc), "%s/%s", NSN_NETNS_ETC,
			       nsn_endpoint_netns_name(&t, &t.endpoints[index], file));
	}
	/* One is enough; which, does not matter to the gateway. */
	if (t.n_endpoints > 0)
		job.only = t.endpoints[index].id;
	r = nsn_job_open(&job, n, &t, NSN_WANT_BUILT, err);
	if (r == 0)
		r = find(&job, at, &space, err);
	return r == 0 ? nsn_enter(space->ns, etc, err) : r;
}
