/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * transit - where the addresses of cables come from
 *
 * Chosen when the first cable of a store is made, and kept: a network that overlaps
 * neither one of the host's nor a tenant's. They are seen by nobody but gateways, and
 * by services whose callers are translated.
 */

#define TRANSIT_VARIABLE "NSNET_TRANSIT"

/* Each cable has two: as many cables as a store can have slots. */
enum { TRANSIT_LEN = 16 };

static bool is_free(const struct nsn_prefix *p, const struct nsn_wanted *w,
		    const struct nsn_networks *host)
{
	bool free = true;

	for (size_t i = 0; free && i < host->n; i++)
		free = !nsn_prefix_overlap(p, &host->list[i]);
	for (size_t i = 0; free && i < w->tenants.n; i++)
		free = !nsn_prefix_overlap(p, &w->tenants.tenants[i].subnet);
	return free;
}

static int from_variable(struct nsn_prefix *ret, const char *text, struct nsnet_err *err)
{
	struct nsnet_err inner = {0};
	int r = nsn_subnet_parse(ret, text, &inner);

	if (r == 0 && ret->len == TRANSIT_LEN)
		return 0;
	if (r == 0)
		return nsn_err(err, -EINVAL, NSNET_E_BAD_SUBNET,
			       "environment variable " TRANSIT_VARIABLE ": '%s' is not a /%d", text,
			       TRANSIT_LEN);
	if (err)
		*err = inner;
	return nsn_err_wrap(err, r, "environment variable " TRANSIT_VARIABLE);
}

/* The last network of the shared address space (RFC 6598) that is free. */
static int choose(struct nsn_prefix *ret, const struct nsn_wanted *w,
		  const struct nsn_networks *host, struct nsnet_err *err)
{
	const struct nsn_prefix space = {{AF_INET, {100, 64}}, 10};

	*ret = (struct nsn_prefix){{AF_INET, {100, 127}}, TRANSIT_LEN};
	for (; nsn_prefix_has(&space, &ret->ip); ret->ip.bytes[1]--)
		if (is_free(ret, w, host))
			return 0;
	(void)nsn_err(err, -ENOSPC, NSNET_E_POOL_FULL,
		      "no /%d of 100.64.0.0/10 is free for the addresses of cables", TRANSIT_LEN);
	return nsn_err_hint(err, -ENOSPC, TRANSIT_VARIABLE "=10.255.0.0/16");
}

int nsn_transit_choose(struct nsnet *n, struct nsn_wanted *w, struct nsnet_err *err)
{
	NSN_AUTO(nsn_networks_clear) struct nsn_networks host = {0};
	const char *text = getenv(TRANSIT_VARIABLE);
	struct nsn_transit t = w->transit;
	char shown[NSN_PREFIX_STRLEN];
	int r = 0;

	if (w->transit_chosen)
		return 0;
	r = nsn_networks_of_host(n, &host, err);
	if (r < 0)
		return r;
	if (text && *text) {
		r = from_variable(&t.ip, text, err);
		if (r == 0 && !is_free(&t.ip, w, &host))
			r = nsn_err(err, -EEXIST, NSNET_E_SUBNET_OVERLAP,
				    "environment variable " TRANSIT_VARIABLE
				    ": %s overlaps a network of the host's or of a tenant's",
				    nsn_prefix_str(&t.ip, shown));
	} else {
		r = choose(&t.ip, w, &host, err);
	}
	if (r == 0)
		r = nsn_store_transit_set(n->store, &t, err);
	if (r < 0)
		return r;
	w->transit = t;
	w->transit_chosen = true;
	return 0;
}

int nsn_transit_check(const struct nsn_wanted *w, const struct nsn_tenant *t, struct nsnet_err *err)
{
	const bool six = t->subnet6.ip.family && nsn_prefix_overlap(&t->subnet6, &w->transit.ip6);
	char a[NSN_PREFIX_STRLEN], b[NSN_PREFIX_STRLEN];

	if (!six && !nsn_prefix_overlap(&t->subnet, &w->transit.ip))
		return 0;
	(void)nsn_err(err, -EEXIST, NSNET_E_SUBNET_OVERLAP,
		      "%s (%s) overlaps the addresses of cables (%s), a rule cannot join it",
		      t->name, nsn_prefix_str(six ? &t->subnet6 : &t->subnet, a),
		      nsn_prefix_str(six ? &w->transit.ip6 : &w->transit.ip, b));
	return nsn_err_hint(err, -EEXIST, "nsnet tenant set %s subnet%s=auto", t->name,
			    six ? "6" : "");
}
