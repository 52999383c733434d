/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"
#include "policy.h"

/*
 * dns - who answers a tenant's questions for names, and the rule that follows from it
 */

#define LIKE "9.9.9.9, or 9.9.9.9,2620:fe::fe, or shared/dns, or none"

static int refuse(struct nsnet_err *err, const char *text, const char *why, const char *hint)
{
	char shown[NSN_SHOW_SIZE];

	(void)nsn_err(err, -EINVAL, NSNET_E_BAD_DNS, "dns '%s': %s",
		      nsn_text_show(text, shown, sizeof(shown)), why);
	return *hint ? nsn_err_hint(err, -EINVAL, "%s", hint) : -EINVAL;
}

/* ---- addresses ------------------------------------------------------------------------- */

/* The first that an address is in says why it is no server of a tenant's. */
static const struct {
	struct nsn_prefix net;
	const char *why, *hint;
} nobody[] = {
	{{{AF_INET, {127}}, 8},
	 "the host's own resolver is no tenant's: loopback is another one in each namespace",
	 "name a server that others reach, too: 9.9.9.9, or an endpoint that is one: shared/dns"},
	{{{AF_INET, {0}}, 8}, "0.0.0.0/8 is the address of nobody", LIKE},
	{{{AF_INET, {169, 254}}, 16},
	 "169.254.0.0/16 is link-local: it is another host on each link, and no gateway passes it "
	 "on",
	 LIKE},
	{{{AF_INET, {224}}, 4}, "224.0.0.0/4 is multicast, which no gateway passes on", LIKE},
	{{{AF_INET, {240}}, 4}, "240.0.0.0/4 is reserved, or broadcast", LIKE},
	{{{AF_INET6, {0}}, 128}, "'::' is the address of nobody", LIKE},
	{{{AF_INET6, {[15] = 1}}, 128},
	 "the host's own resolver is no tenant's: loopback is another one in each namespace",
	 "name a server that others reach, too: 2620:fe::fe, or an endpoint that is one: "
	 "shared/dns"},
	{{{AF_INET6, {[10] = 0xff, 0xff}}, 96},
	 "it is an IPv4 address in IPv6's clothes",
	 "write the IPv4 address"},
	{{{AF_INET6, {0xfe, 0x80}}, 10},
	 "fe80::/10 is link-local: it is another host on each link, and no gateway passes it on",
	 LIKE},
	{{{AF_INET6, {0xff}}, 8}, "ff00::/8 is multicast, which no gateway passes on", LIKE},
};

static int parse_server(struct nsn_dns *d, const char *text, struct nsnet_err *err)
{
	struct nsn_ip ip;

	if (!*text)
		return refuse(err, text, "an address is missing", LIKE);
	if (nsn_ip_parse(&ip, text) < 0)
		return refuse(err, text,
			      strchr(text, ':') || strspn(text, "0123456789.") != strlen(text)
				      ? "it is neither an address nor TENANT/ENDPOINT"
				      : nsn_ip4_fault(text),
			      LIKE);
	for (size_t i = 0; i < NSN_COUNT(nobody); i++)
		if (nsn_prefix_has(&nobody[i].net, &ip))
			return refuse(err, text, nobody[i].why, nobody[i].hint);
	for (size_t i = 0; i < d->n; i++)
		if (nsn_ip_cmp(&d->servers[i], &ip) == 0)
			return refuse(err, text, "the address is there twice", "");
	if (d->n == NSN_DNS_MAX)
		return refuse(err, text, "there are more than three addresses",
			      "resolv.conf(5) takes three; list those that matter");
	d->servers[d->n++] = ip;
	return 0;
}

static int parse_servers(struct nsn_dns *d, const char *text, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) char *list = strdup(text);
	char *rest = list;
	int r = 0;

	if (!list)
		return nsn_err_nomem(err);
	d->kind = NSN_DNS_SERVERS;
	while (r == 0 && rest)
		r = parse_server(d, strsep(&rest, ","), err);
	return r;
}

/* ---- text ------------------------------------------------------------------------------- */

static int parse_endpoint(struct nsn_dns *d, const char *text, struct nsnet_err *err)
{
	struct nsnet_err why = {0};
	struct nsn_peer p;

	if (strchr(text, ','))
		return refuse(err, text, "it is up to three addresses, or one TENANT/ENDPOINT",
			      LIKE);
	/* Addresses with a length are peers, and words with a '/' are nothing else. */
	if (nsn_peer_parse(&p, text, &why) < 0 || p.kind != NSN_PEER_ENDPOINT)
		return refuse(err, text, "it is neither an address nor TENANT/ENDPOINT", LIKE);
	d->kind = NSN_DNS_ENDPOINT;
	memcpy(d->tenant, p.tenant, sizeof(d->tenant));
	memcpy(d->endpoint, p.endpoint, sizeof(d->endpoint));
	return 0;
}

int nsn_dns_parse(struct nsn_dns *ret, const char *text, struct nsnet_err *err)
{
	struct nsn_dns d = {0};
	int r = 0;

	if (strcmp(text, "none") == 0)
		d.kind = NSN_DNS_NONE;
	else if (strchr(text, '/'))
		r = parse_endpoint(&d, text, err);
	else
		r = parse_servers(&d, text, err);
	if (r == 0)
		*ret = d;
	return r;
}

const char *nsn_dns_str(const struct nsn_dns *d, char buf[NSN_DNS_STRLEN])
{
	char ip[NSN_IP_STRLEN];
	size_t len = 0;

	switch (d->kind) {
	case NSN_DNS_UNSET:
	case NSN_DNS_NONE:
		memcpy(buf, "none", sizeof("none"));
		break;
	case NSN_DNS_ENDPOINT:
		(void)snprintf(buf, NSN_DNS_STRLEN, "%s/%s", d->tenant, d->endpoint);
		break;
	case NSN_DNS_SERVERS:
		buf[0] = '\0';
		for (size_t i = 0; i < d->n && i < NSN_DNS_MAX; i++)
			len += (size_t)snprintf(buf + len, NSN_DNS_STRLEN - len, "%s%s",
						i ? "," : "", nsn_ip_str(&d->servers[i], ip));
		break;
	}
	return buf;
}

/* The order counts: the first is asked first. */
bool nsn_dns_same(const struct nsn_dns *a, const struct nsn_dns *b)
{
	char x[NSN_DNS_STRLEN], y[NSN_DNS_STRLEN];

	return strcmp(nsn_dns_str(a, x), nsn_dns_str(b, y)) == 0;
}

/* ---- with the tenant --------------------------------------------------------------------- */

int nsn_dns_check(const struct nsn_tenant *t, struct nsnet_err *err)
{
	const struct nsn_dns *d = &t->dns;
	char ip[NSN_IP_STRLEN], net[NSN_PREFIX_STRLEN];

	for (size_t i = 0; d->kind == NSN_DNS_SERVERS && i < d->n; i++) {
		const bool six = d->servers[i].family == AF_INET6;
		const struct nsn_prefix *own = six ? &t->subnet6 : &t->subnet;

		(void)nsn_ip_str(&d->servers[i], ip);
		if (six && nsn_prefix_off(&t->subnet6)) {
			(void)nsn_err(err, -EINVAL, NSNET_E_BAD_DNS,
				      "dns %s of tenant '%s': the tenant has no IPv6, and cannot "
				      "reach it",
				      ip, t->name);
			return nsn_err_hint(err, -EINVAL,
					    "give it IPv6 (subnet6 auto), or servers with IPv4 "
					    "addresses");
		}
		if (own->ip.family && nsn_prefix_has(own, &d->servers[i])) {
			(void)nsn_err(err, -EINVAL, NSNET_E_BAD_DNS,
				      "dns %s of tenant '%s' is in its own %s", ip, t->name,
				      nsn_prefix_str(own, net));
			return nsn_err_hint(err, -EINVAL,
					    "name the endpoint that has it: %s/ENDPOINT", t->name);
		}
	}
	return 0;
}

bool nsn_dns_is_own(const struct nsn_tenant *t)
{
	return t->dns.kind == NSN_DNS_ENDPOINT && strcmp(t->dns.tenant, t->name) == 0;
}

void nsn_dns_resolve(struct nsn_dns *d, const struct nsn_endpoint *e)
{
	d->n = 0;
	if (e->ip.family)
		d->servers[d->n++] = e->ip;
	if (e->ip6.family)
		d->servers[d->n++] = e->ip6;
}

size_t nsn_dns_servers(const struct nsn_tenant *t, struct nsn_ip ret[NSN_DNS_MAX])
{
	struct nsn_dns d = t->dns;
	size_t n = 0;

	if (d.kind != NSN_DNS_SERVERS && d.kind != NSN_DNS_ENDPOINT)
		return 0;
	/* What the tenant itself says is newer than what was read with it. */
	if (nsn_dns_is_own(t)) {
		const struct nsn_endpoint *e = nsn_tenant_endpoint(t, d.endpoint);

		d.n = 0;
		if (e)
			nsn_dns_resolve(&d, e);
	}
	for (size_t i = 0; i < d.n && i < NSN_DNS_MAX; i++)
		if (d.servers[i].family != AF_INET6 || !nsn_prefix_off(&t->subnet6))
			ret[n++] = d.servers[i];
	return n;
}

/* ---- the rule ------------------------------------------------------------------------------ */

void nsn_dns_rule_name(const char *tenant, unsigned int nr, char buf[NSN_NAME_MAX + 1])
{
	char tail[16] = "-dns";
	size_t room;

	if (nr > 0)
		(void)snprintf(tail, sizeof(tail), "-dns-%u", nr + 1);
	room = NSN_NAME_MAX - strlen(tail);
	(void)snprintf(buf, NSN_NAME_MAX + 1, "%.*s%s", (int)room, tenant, tail);
}

static int add_servers(struct nsn_policy *p, const struct nsn_dns *d)
{
	p->to = calloc(NSN_DNS_MAX, sizeof(*p->to));
	if (!p->to)
		return -ENOMEM;
	if (d->kind == NSN_DNS_ENDPOINT) {
		p->to[0].kind = NSN_PEER_ENDPOINT;
		memcpy(p->to[0].tenant, d->tenant, sizeof(d->tenant));
		memcpy(p->to[0].endpoint, d->endpoint, sizeof(d->endpoint));
		p->n_to = 1;
		return 0;
	}
	for (; p->n_to < d->n && p->n_to < NSN_DNS_MAX; p->n_to++) {
		const struct nsn_ip *ip = &d->servers[p->n_to];

		p->to[p->n_to].kind = NSN_PEER_CIDR;
		p->to[p->n_to].cidr =
			(struct nsn_prefix){.ip = *ip, .len = (uint8_t)nsn_ip_bits(ip)};
	}
	return 0;
}

int nsn_dns_rule(struct nsn_policy *ret, const struct nsn_tenant *t, struct nsnet_err *err)
{
	const bool asks = t->dns.kind == NSN_DNS_SERVERS || t->dns.kind == NSN_DNS_ENDPOINT;
	struct nsn_policy p = {.implied = true, .origin = t->origin};

	/* Neighbours talk without a rule. */
	if (!asks || (nsn_dns_is_own(t) && !t->inside_deny))
		return 0;
	nsn_dns_rule_name(t->name, 0, p.name);
	(void)snprintf(p.because, sizeof(p.because), "dns of %s", t->name);
	p.from = calloc(1, sizeof(*p.from));
	p.ports = calloc(2, sizeof(*p.ports));
	if (!p.from || !p.ports || add_servers(&p, &t->dns) < 0) {
		nsn_policy_clear(&p);
		return nsn_err_nomem(err);
	}
	p.from[0].kind = NSN_PEER_TENANT;
	memcpy(p.from[0].tenant, t->name, sizeof(t->name));
	p.n_from = 1;
	p.ports[0] = (struct nsn_ports){NSN_PROTO_UDP, 53, 53};
	p.ports[1] = (struct nsn_ports){NSN_PROTO_TCP, 53, 53};
	p.n_ports = 2;
	*ret = p;
	return 1;
}
