/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ctx.h"

/*
 * names - who answers a tenant's questions for names
 *
 * The rule that lets the tenant ask is the store's business (store/implied.c): it comes,
 * changes and goes with the tenant's row. Here is what a user may ask for.
 */

int nsn_dns_find(struct nsnet *n, const struct nsn_tenant *t, struct nsn_dns *dns,
		 struct nsnet_err *err)
{
	NSN_AUTO(nsn_tenant_clear) struct nsn_tenant other = {0};
	const bool own = strcmp(dns->tenant, t->name) == 0;
	size_t at = 0;
	int r = 0;

	if (dns->kind != NSN_DNS_ENDPOINT)
		return 0;
	if (!own)
		r = nsn_store_tenant_get(n->store, dns->tenant, &other, err);
	if (r == 0)
		r = nsn_find_endpoint(own ? t : &other, dns->endpoint, &at, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "dns of tenant '%s'", t->name);
	nsn_dns_resolve(dns, &(own ? t : &other)->endpoints[at]);
	return 0;
}

/* "udp/53,tcp/53 to 9.9.9.9,1.1.1.1" */
static const char *what(const struct nsn_policy *p, char *buf, size_t size)
{
	char peer[NSN_PEER_STRLEN], ports[NSN_PORTS_STRLEN];
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < p->n_ports && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? "," : "",
					nsn_ports_str(&p->ports[i], ports));
	for (size_t i = 0; i < p->n_to && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", i ? "," : " to ",
					nsn_peer_str(&p->to[i], peer));
	return buf;
}

int nsn_dns_note(struct nsnet *n, const struct nsn_tenant *t, struct nsnet_change *c,
		 struct nsn_item *item, struct nsnet_err *err)
{
	NSN_AUTO(nsn_policy_list_clear) struct nsn_policy_list list = {0};
	char text[256];
	int r = 0;

	if (t->dns.kind == NSN_DNS_SERVERS || t->dns.kind == NSN_DNS_ENDPOINT)
		r = nsn_store_policy_list_implied(n->store, t->name, &list, err);
	if (r < 0 || list.n == 0)
		return r;
	return nsn_change_note_add(c, item, err, "rule '%s' lets it ask: %s", list.policies[0].name,
				   what(&list.policies[0], text, sizeof(text)));
}

int nsn_check_unasked(struct nsnet *n, const char *tenant, const char *endpoint,
		      struct nsnet_err *err)
{
	char who[NSN_NAME_MAX + 1] = "";
	int r = nsn_store_dns_asker(n->store, tenant, endpoint, who, err);

	if (r <= 0)
		return r;
	(void)nsn_err(err, -EBUSY, NSNET_E_TENANT_NAMED,
		      "endpoint '%s/%s' is the dns of tenant '%s'", tenant, endpoint, who);
	return nsn_err_hint(err, -EBUSY, "nsnet tenant set %s dns=none", who);
}
