/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../base/cleanup.h"
#include "parts.h"

bool nsn_differ(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return false;
}

static const char *prefix_words(const struct nsn_prefix *p, char buf[NSN_PREFIX_STRLEN])
{
	return p->ip.family ? nsn_prefix_str(p, buf) : p->len ? "auto" : "none";
}

/* An open one is like any that is there. */
static bool same_prefix(const char *what, const struct nsn_prefix *have,
			const struct nsn_prefix *want, char *buf, size_t size)
{
	char a[NSN_PREFIX_STRLEN], b[NSN_PREFIX_STRLEN];

	if (want->ip.family == 0 && nsn_prefix_off(have) == nsn_prefix_off(want))
		return true;
	if (want->ip.family != 0 && nsn_prefix_cmp(have, want) == 0)
		return true;
	return nsn_differ(buf, size, "%s %s, not %s", what, prefix_words(have, a),
			  prefix_words(want, b));
}

static bool same_numbers(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
			 size_t size)
{
	char a[NSN_RATE_STRLEN], b[NSN_RATE_STRLEN];

	if ((want->given & NSN_GIVEN_MTU) && have->mtu != want->mtu)
		return nsn_differ(buf, size, "mtu %" PRIu32 ", not %" PRIu32, have->mtu, want->mtu);
	if ((want->given & NSN_GIVEN_INSIDE) && have->inside_deny != want->inside_deny)
		return nsn_differ(buf, size, "inside %s, not %s",
				  have->inside_deny ? "deny" : "allow",
				  want->inside_deny ? "deny" : "allow");
	if ((want->given & NSN_GIVEN_RATE) && have->rate != want->rate)
		return nsn_differ(buf, size, "rate %s, not %s", nsn_rate_str(have->rate, a),
				  nsn_rate_str(want->rate, b));
	return true;
}

static bool same_flows(const char *what, uint32_t have, uint32_t want, char *buf, size_t size)
{
	char a[NSN_FLOWS_STRLEN], b[NSN_FLOWS_STRLEN];

	return have == want || nsn_differ(buf, size, "%s %s, not %s", what, nsn_flows_str(have, a),
					  nsn_flows_str(want, b));
}

static bool same_dns(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
		     size_t size)
{
	char a[NSN_DNS_STRLEN], b[NSN_DNS_STRLEN];

	return nsn_dns_same(&have->dns, &want->dns) ||
	       nsn_differ(buf, size, "dns %s, not %s", nsn_dns_str(&have->dns, a),
			  nsn_dns_str(&want->dns, b));
}

/* Both are by key. */
static bool same_labels(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
			size_t size)
{
	for (size_t i = 0; i < have->n_labels || i < want->n_labels; i++) {
		const struct nsn_label *h = i < have->n_labels ? &have->labels[i] : NULL;
		const struct nsn_label *w = i < want->n_labels ? &want->labels[i] : NULL;
		int c = !h ? 1 : !w ? -1 : strcmp(h->key, w->key);

		if (c < 0)
			return nsn_differ(buf, size, "label %s=%s, not none", h->key, h->value);
		if (c > 0)
			return nsn_differ(buf, size, "no label %s=%s", w->key, w->value);
		if (strcmp(h->value, w->value) != 0)
			return nsn_differ(buf, size, "label %s=%s, not %s=%s", h->key, h->value,
					  w->key, w->value);
	}
	return true;
}

static bool same_owners(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
			size_t size)
{
	for (size_t i = 0; i < have->n_owners || i < want->n_owners; i++) {
		const struct nsn_user *h = i < have->n_owners ? &have->owners[i] : NULL;
		const struct nsn_user *w = i < want->n_owners ? &want->owners[i] : NULL;
		int c = !h ? 1 : !w ? -1 : strcmp(h->name, w->name);

		if (c < 0)
			return nsn_differ(buf, size, "owner %s, not none", h->name);
		if (c > 0)
			return nsn_differ(buf, size, "no owner %s", w->name);
	}
	return true;
}

/* Endpoints are a set: their order says only which was made first. */
static bool same_endpoints(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
			   size_t size)
{
	for (size_t i = 0; i < want->n_endpoints; i++) {
		const struct nsn_endpoint *w = &want->endpoints[i];
		const struct nsn_endpoint *h = nsn_tenant_endpoint(have, w->name);

		if (!h)
			return nsn_differ(buf, size, "no endpoint %s", w->name);
		if (!nsn_endpoint_same(h, w, buf, size))
			return false;
	}
	for (size_t i = 0; i < have->n_endpoints; i++)
		if (!nsn_tenant_endpoint(want, have->endpoints[i].name))
			return nsn_differ(buf, size, "endpoint %s, not none",
					  have->endpoints[i].name);
	return true;
}

/* The gateway is not compared: it follows from the subnet. */
bool nsn_tenant_same(const struct nsn_tenant *have, const struct nsn_tenant *want, char *buf,
		     size_t size)
{
	if (strcmp(have->name, want->name) != 0)
		return nsn_differ(buf, size, "name %s, not %s", have->name, want->name);
	if ((want->given & NSN_GIVEN_SUBNET) &&
	    !same_prefix("subnet", &have->subnet, &want->subnet, buf, size))
		return false;
	if ((want->given & NSN_GIVEN_SUBNET6) &&
	    !same_prefix("subnet6", &have->subnet6, &want->subnet6, buf, size))
		return false;
	if (!same_numbers(have, want, buf, size))
		return false;
	if ((want->given & NSN_GIVEN_NEW_FLOWS) &&
	    !same_flows("new-flows", have->new_flows, want->new_flows, buf, size))
		return false;
	if ((want->given & NSN_GIVEN_OPEN_FLOWS) &&
	    !same_flows("open-flows", have->open_flows, want->open_flows, buf, size))
		return false;
	if ((want->given & NSN_GIVEN_DNS) && !same_dns(have, want, buf, size))
		return false;
	if ((want->given & NSN_GIVEN_LABELS) && !same_labels(have, want, buf, size))
		return false;
	if ((want->given & NSN_GIVEN_OWNERS) && !same_owners(have, want, buf, size))
		return false;
	return !(want->given & NSN_GIVEN_ENDPOINTS) || same_endpoints(have, want, buf, size);
}
