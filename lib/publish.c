/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * publish - what the host has under an address and port, and who has it already
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/cleanup.h"
#include "ctx.h"

int nsnet_publish_reach(const char *publish, enum nsnet_reach *ret, struct nsnet_err *err)
{
	struct nsn_publish p;
	int r = nsn_publish_parse(&p, publish, err);

	if (r < 0)
		return r;
	if (nsn_publish_is_local(&p))
		*ret = NSNET_REACH_HOST;
	else
		*ret = nsn_publish_is_global(&p) ? NSNET_REACH_INTERNET : NSNET_REACH_NETWORK;
	return 0;
}

/* What is published is asked for by its port: the same with 10,000 rules of other ports. */
int nsn_check_published(struct nsnet *n, const struct nsn_policy *p, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	const int64_t now = time(NULL);
	int r = 0;

	if (p->publish.port)
		r = nsn_store_policy_list_published(n->store, p->publish.port, &list, err);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		if (strcmp(list.policies[i].name, p->name) != 0 &&
		    nsn_publish_conflict(p, &list.policies[i], now))
			r = nsn_publish_refuse(p, &list.policies[i], err);
	return r;
}

int nsn_check_published_to(const struct nsn_policy *p, const struct nsn_tenant *t,
			   struct nsnet_err *err)
{
	const struct nsn_endpoint *e;
	char at[NSN_PUBLISH_STRLEN];

	if (p->publish.ip.family != AF_INET6)
		return 0;
	e = nsn_tenant_endpoint(t, p->to[0].endpoint);
	if (e && e->ip6.family)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_BAD_PUBLISH,
		      "rule '%s' publishes %s, and %s has no IPv6 address", p->name,
		      nsn_publish_str(&p->publish, at), t->name);
	return nsn_err_hint(err, -EINVAL, "nsnet tenant set %s subnet6=auto", t->name);
}

int nsn_refuse_implied(const struct nsn_policy *p, struct nsnet_err *err)
{
	const char *tenant = p->n_from ? p->from[0].tenant : "";

	(void)nsn_err(err, -EBUSY, NSNET_E_RULE_IMPLIED,
		      "rule '%s' follows from the `dns` of tenant '%s', and goes with it", p->name,
		      tenant);
	return nsn_err_hint(err, -EBUSY, "nsnet tenant set %s dns=none", tenant);
}
