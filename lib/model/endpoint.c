/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"

/* ---- parsing ---------------------------------------------------------------- */

static int refuse(struct nsnet_err *err, const char *text, uint8_t family, const char *why)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -EINVAL, NSNET_E_BAD_ADDRESS, "'%s' is not an %s address: %s",
		nsn_text_show(text, shown, sizeof(shown)), family == AF_INET ? "IPv4" : "IPv6",
		why);
	return nsn_err_hint(err, -EINVAL, "write it like %s, or auto",
			    family == AF_INET ? "10.10.1.5" : "fd00:1::5");
}

static int parse_address(struct nsn_ip *ret, bool *fixed, uint8_t family, const char *text,
			 struct nsnet_err *err)
{
	struct nsn_ip ip;

	if (!text || strcmp(text, "auto") == 0)
		return 0;
	if (!*text)
		return refuse(err, text, family, "it is empty");
	if (strchr(text, '/'))
		return refuse(err, text, family, "it has a prefix length, which is the subnet's");
	if (strchr(text, '%'))
		return refuse(err, text, family, "it has a zone in it");
	if (nsn_ip_parse(&ip, text) < 0)
		return refuse(err, text, family, "it cannot be read as one");
	if (ip.family != family)
		return refuse(err, text, family,
			      family == AF_INET ? "it is IPv6, which is --ip6" : "it is IPv4");
	*ret = ip;
	*fixed = true;
	return 0;
}

int nsn_endpoint_parse(struct nsn_endpoint *ret, const char *tenant,
		       const struct nsnet_endpoint_def *def, struct nsnet_err *err)
{
	const char *name = def->name ? def->name : "";
	struct nsn_endpoint e = {0};
	char shown[NSN_SHOW_SIZE];
	int r;

	r = nsn_endpoint_name_check(name, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "tenant '%s'",
				    nsn_text_show(tenant, shown, sizeof(shown)));
	memcpy(e.name, name, strlen(name) + 1);
	r = parse_address(&e.ip, &e.fixed, AF_INET, def->ip, err);
	if (r == 0)
		r = parse_address(&e.ip6, &e.fixed6, AF_INET6, def->ip6, err);
	if (r == 0 && def->rate)
		r = nsn_rate_parse(&e.rate, def->rate, err);
	if (r < 0)
		return nsn_err_wrap(err, r, "endpoint '%s/%s'",
				    nsn_text_show(tenant, shown, sizeof(shown)), name);
	*ret = e;
	return 0;
}

/* ---- in a tenant ------------------------------------------------------------ */

struct nsn_endpoint *nsn_tenant_endpoint(const struct nsn_tenant *t, const char *name)
{
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (strcmp(t->endpoints[i].name, name) == 0)
			return &t->endpoints[i];
	return NULL;
}

int nsn_tenant_endpoint_add(struct nsn_tenant *t, const struct nsn_endpoint *e,
			    struct nsnet_err *err)
{
	struct nsn_endpoint *more;

	if (nsn_tenant_endpoint(t, e->name))
		return nsn_err(err, -EEXIST, NSNET_E_ENDPOINT_EXISTS,
			       "tenant '%s' has an endpoint '%s'", t->name, e->name);
	if (t->n_endpoints >= NSN_ENDPOINTS_MAX)
		return nsn_err(err, -EOVERFLOW, NSNET_E_TOO_MANY,
			       "tenant '%s' has %zu endpoints, as many as a bridge has ports",
			       t->name, t->n_endpoints);
	more = reallocarray(t->endpoints, t->n_endpoints + 1, sizeof(*more));
	if (!more)
		return nsn_err_nomem(err);
	more[t->n_endpoints++] = *e;
	t->endpoints = more;
	return 0;
}

void nsn_tenant_endpoint_del(struct nsn_tenant *t, size_t index)
{
	t->n_endpoints--;
	memmove(&t->endpoints[index], &t->endpoints[index + 1],
		(t->n_endpoints - index) * sizeof(*t->endpoints));
}

/* ---- comparing -------------------------------------------------------------- */

/*
 * Which address an automatic one is does not count; that it is automatic does,
 * because such a one moves with the subnet.
 */
static bool same_address(const struct nsn_endpoint *have, const struct nsn_endpoint *want, bool six,
			 char *buf, size_t size)
{
	const struct nsn_ip *h = six ? &have->ip6 : &have->ip, *w = six ? &want->ip6 : &want->ip;
	const bool h_fixed = six ? have->fixed6 : have->fixed;
	const bool w_fixed = six ? want->fixed6 : want->fixed;
	char a[NSN_IP_STRLEN], b[NSN_IP_STRLEN];

	if (h_fixed == w_fixed && (!w_fixed || nsn_ip_cmp(h, w) == 0))
		return true;
	(void)snprintf(buf, size, "endpoint %s %s%s, not %s", want->name,
		       h->family ? nsn_ip_str(h, a) : "without IPv6",
		       h_fixed || !h->family ? "" : " (auto)", w_fixed ? nsn_ip_str(w, b) : "auto");
	return false;
}

bool nsn_endpoint_same(const struct nsn_endpoint *have, const struct nsn_endpoint *want, char *buf,
		       size_t size)
{
	char a[NSN_RATE_STRLEN], b[NSN_RATE_STRLEN];

	if (!same_address(have, want, false, buf, size) ||
	    !same_address(have, want, true, buf, size))
		return false;
	if (have->rate != want->rate) {
		(void)snprintf(buf, size, "endpoint %s rate %s, not %s", want->name,
			       nsn_rate_str(have->rate, a), nsn_rate_str(want->rate, b));
		return false;
	}
	return true;
}

const char *nsn_endpoint_netns_name(const struct nsn_tenant *t, const struct nsn_endpoint *e,
				    char buf[NSN_NETNS_NAME_SIZE])
{
	if (strcmp(e->name, NSN_DEFAULT_ENDPOINT) == 0)
		memcpy(buf, t->name, strlen(t->name) + 1);
	else
		(void)snprintf(buf, NSN_NETNS_NAME_SIZE, "%s.%s", t->name, e->name);
	return buf;
}
