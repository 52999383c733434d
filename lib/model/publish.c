/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "intent.h"
#include "parts.h"
#include "policy.h"

#define DIGITS "0123456789"

static int refuse(struct nsnet_err *err, const char *text, const char *why, const char *hint)
{
	char shown[NSN_SHOW_SIZE];

	(void)nsn_err(err, -EINVAL, NSNET_E_BAD_PUBLISH, "'%s' cannot be published: %s",
		      nsn_text_show(text, shown, sizeof(shown)), why);
	return *hint ? nsn_err_hint(err, -EINVAL, "%s", hint) : -EINVAL;
}

static int refuse_like(struct nsnet_err *err, const char *text, const char *why)
{
	return refuse(err, text, why, "write it like 443, 203.0.113.10:443 or [::]:443");
}

/* ---- ports ---------------------------------------------------------------------- */

static int parse_port(uint16_t *ret, const char *text, const char *port, struct nsnet_err *err)
{
	const size_t digits = strspn(port, DIGITS);
	uint64_t n;

	if (digits > 0 && port[digits] == '-')
		return refuse(err, text, "it is one port of a rule, and no range",
			      "make a rule for each port");
	if (digits > 0 && port[digits] == ',')
		return refuse(err, text, "it is one port of a rule, and no list",
			      "make a rule for each port");
	if (digits > 0 && port[digits] == '/')
		return refuse(err, text, "the protocol is that of the port which is allowed",
			      "write the number alone");
	if (digits > 0 && port[digits] == ':')
		return refuse(err, text, "the port of the endpoint is the one which is allowed",
			      "write the host's port alone");
	if (digits == 0 || port[digits])
		return refuse_like(err, text, "a port is a number from 1 to 65535");
	if (digits > 1 && port[0] == '0')
		return refuse_like(err, text, "a number starts with 0");
	if (nsn_u64_parse(&n, port, UINT16_MAX) < 0)
		return refuse_like(err, text, "a port is 65535 at most");
	if (n == 0)
		return refuse_like(err, text, "there is no port 0");
	*ret = (uint16_t)n;
	return 0;
}

/* ---- addresses ------------------------------------------------------------------ */

/* What no packet that the host receives is addressed to, or not to the host alone. */
static const struct {
	struct nsn_prefix net;
	const char *why;
} never[] = {
	{{{AF_INET, {255, 255, 255, 255}}, 32}, "it is the broadcast address"},
	{{{AF_INET, {0}}, 8}, "0.0.0.0/8 means 'this network'"},
	{{{AF_INET, {224}}, 4}, "224.0.0.0/4 is multicast"},
	{{{AF_INET, {240}}, 4}, "240.0.0.0/4 is reserved"},
	{{{AF_INET6, {[10] = 0xff, 0xff}}, 96},
	 "::ffff:0:0/96 is IPv4 in IPv6 clothes: write it as IPv4"},
	{{{AF_INET6, {0xfe, 0x80}}, 10},
	 "fe80::/10 is link-local: it is another host on each link"},
	{{{AF_INET6, {0xff}}, 8}, "ff00::/8 is multicast"},
};

static bool is_wildcard(const struct nsn_ip *ip)
{
	return nsn_ip_cmp(ip, &(struct nsn_ip){.family = ip->family}) == 0;
}

static int check_address(const struct nsn_ip *ip, const char *text, const char *port,
			 struct nsnet_err *err)
{
	static const struct nsn_ip loopback6 = {AF_INET6, {[15] = 1}};
	char better[NSN_SHOW_SIZE];

	if (is_wildcard(ip))
		return 0;
	if (nsn_ip_cmp(ip, &loopback6) == 0) {
		(void)snprintf(better, sizeof(better), "write 127.0.0.1:%.8s", port);
		return refuse(err, text, "IPv6 routes nothing from or to ::1", better);
	}
	for (size_t i = 0; i < NSN_COUNT(never); i++)
		if (nsn_prefix_has(&never[i].net, ip))
			return refuse_like(err, text, never[i].why);
	return 0;
}

/* What is no address was meant as one, or is a word that cannot be one. */
static int refuse_address(struct nsnet_err *err, const char *text, const char *address,
			  const char *port)
{
	char better[NSN_SHOW_SIZE];

	if (strcmp(address, "*") == 0 || strcmp(address, "any") == 0 || !*address) {
		(void)snprintf(better, sizeof(better), "write %.8s", port);
		return refuse(err, text, "every address is meant by the port alone", better);
	}
	if (strcmp(address, "localhost") == 0 || strcmp(address, "host") == 0) {
		(void)snprintf(better, sizeof(better), "write 127.0.0.1:%.8s", port);
		return refuse(err, text, "what is published for the host alone is on loopback",
			      better);
	}
	if (strchr(address, '%'))
		return refuse_like(err, text, "it has a zone in it, which is part of no address");
	if (strcmp(address, "tcp") == 0 || strcmp(address, "udp") == 0 ||
	    strcmp(address, "sctp") == 0)
		return refuse(err, text, "the protocol is that of the port which is allowed",
			      "write the number alone");
	if (strchr(address, '/'))
		return refuse_like(err, text, "it is one address of the host, and no network");
	if (address[strspn(address, DIGITS ".")])
		return refuse_like(err, text,
				   "names of hosts and links are none: it is an address of the "
				   "host");
	return refuse_like(err, text, nsn_ip4_fault(address));
}

static int parse_ip4(struct nsn_publish *p, const char *text, const char *colon,
		     struct nsnet_err *err)
{
	char address[NSN_SHOW_SIZE];
	const size_t len = (size_t)(colon - text);

	if (len >= sizeof(address))
		return refuse_like(err, text, "it is too long");
	memcpy(address, text, len);
	address[len] = '\0';
	if (nsn_ip_parse(&p->ip, address) < 0)
		return refuse_address(err, text, address, colon + 1);
	return 0;
}

static int parse_ip6(struct nsn_publish *p, const char *text, const char **port,
		     struct nsnet_err *err)
{
	const char *end = strchr(text, ']');
	char address[NSN_SHOW_SIZE];
	size_t len;

	if (!end)
		return refuse_like(err, text, "the ']' after the address is missing");
	len = (size_t)(end - text) - 1;
	if (len >= sizeof(address))
		return refuse_like(err, text, "it is too long");
	memcpy(address, text + 1, len);
	address[len] = '\0';
	if (end[1] != ':')
		return refuse_like(err, text, "the port is missing behind the address");
	if (strchr(address, '%'))
		return refuse_like(err, text, "it has a zone in it, which is part of no address");
	if (nsn_ip_parse(&p->ip, address) < 0)
		return refuse_like(err, text, "in brackets there is an IPv6 address");
	if (p->ip.family != AF_INET6)
		return refuse_like(err, text, "an IPv4 address has no brackets around it");
	*port = end + 2;
	return 0;
}

static int parse(struct nsn_publish *p, const char *text, struct nsnet_err *err)
{
	const char *port = text, *colon = strchr(text, ':');
	struct nsn_ip ip;
	int r = 0;

	if (*text == '[') {
		r = parse_ip6(p, text, &port, err);
	} else if (nsn_ip_parse(&ip, text) == 0 && ip.family == AF_INET) {
		return refuse_like(err, text, "the port is missing behind the address");
	} else if (colon && strchr(colon + 1, ':') &&
		   text[strspn(text, DIGITS "abcdefABCDEF:")] == '\0') {
		return refuse_like(err, text,
				   "an IPv6 address stands in brackets, before its port");
	} else if (colon && (colon == text || strspn(text, DIGITS) != (size_t)(colon - text))) {
		r = parse_ip4(p, text, colon, err);
		port = colon + 1;
	} else if (strchr(text, '/') && strspn(text, DIGITS) == 0) {
		return refuse(err, text, "the protocol is that of the port which is allowed",
			      "write the number alone");
	}
	if (r == 0 && p->ip.family)
		r = check_address(&p->ip, text, port, err);
	return r < 0 ? r : parse_port(&p->port, text, port, err);
}

int nsn_publish_parse(struct nsn_publish *ret, const char *text, struct nsnet_err *err)
{
	const char *why = nsn_word_fault(text);
	struct nsn_publish p = {0};
	int r;

	if (why)
		return refuse_like(err, text, why);
	r = parse(&p, text, err);
	if (r == 0)
		*ret = p;
	return r;
}

const char *nsn_publish_str(const struct nsn_publish *p, char buf[NSN_PUBLISH_STRLEN])
{
	char ip[NSN_IP_STRLEN];

	if (!p->port)
		buf[0] = '\0';
	else if (!p->ip.family)
		(void)snprintf(buf, NSN_PUBLISH_STRLEN, "%u", p->port);
	else
		(void)snprintf(buf, NSN_PUBLISH_STRLEN,
			       p->ip.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
			       nsn_ip_str(&p->ip, ip), p->port);
	return buf;
}

/* ---- two of them ------------------------------------------------------------------- */

bool nsn_publish_same(const struct nsn_publish *a, const struct nsn_publish *b)
{
	return a->port == b->port && nsn_ip_cmp(&a->ip, &b->ip) == 0;
}

bool nsn_publish_clash(const struct nsn_publish *a, const struct nsn_publish *b)
{
	if (!a->port || a->port != b->port)
		return false;
	if (!a->ip.family || !b->ip.family)
		return true;
	return a->ip.family == b->ip.family &&
	       (is_wildcard(&a->ip) || is_wildcard(&b->ip) || nsn_ip_cmp(&a->ip, &b->ip) == 0);
}

bool nsn_publish_is_local(const struct nsn_publish *p)
{
	static const struct nsn_prefix local4 = {{AF_INET, {127}}, 8};

	return p->port && p->ip.family && nsn_prefix_has(&local4, &p->ip);
}

bool nsn_publish_is_global(const struct nsn_publish *p)
{
	static const struct nsn_prefix none[1];
	static const struct nsn_ip nobody[1];
	const struct nsn_intent known = {.links = none, .host = nobody};
	bool some, some_not;

	if (!p->ip.family || is_wildcard(&p->ip))
		return true;
	nsn_internet_has(&known,
			 &(struct nsn_prefix){.ip = p->ip, .len = (uint8_t)nsn_ip_bits(&p->ip)},
			 &some, &some_not);
	return some;
}

/* ---- of a policy --------------------------------------------------------------------- */

static int refuse_policy(const struct nsn_policy *p, struct nsnet_err *err, const char *why)
{
	return nsn_err(err, -EINVAL, NSNET_E_BAD_PUBLISH, "rule '%s': %s", p->name, why);
}

static bool is_outside(const struct nsn_peer *p)
{
	return p->kind == NSN_PEER_INTERNET || p->kind == NSN_PEER_HOST || p->kind == NSN_PEER_CIDR;
}

/* One port of tcp, udp or sctp: not all of them. */
static bool one_port(const struct nsn_policy *p)
{
	return p->n_ports == 1 && p->ports[0].first && p->ports[0].first == p->ports[0].last;
}

/* Another rule is what tenants need: to them nothing is published. */
static int refuse_tenants(const struct nsn_policy *p, const struct nsn_peer *from,
			  struct nsnet_err *err)
{
	char who[NSN_PEER_STRLEN], why[NSN_PEER_STRLEN + 128];

	(void)snprintf(why, sizeof(why),
		       "`publish` is not for %s: published ports are reached from other tenants "
		       "only by a rule",
		       nsn_peer_str(from, who));
	(void)refuse_policy(p, err, why);
	if (from->kind == NSN_PEER_ANY)
		return nsn_err_hint(err, -EINVAL, "write from: internet");
	return nsn_err_hint(err, -EINVAL, "make another rule without `publish`, from: %s", who);
}

/* Nobody has the one family and is called by the other. */
static int check_family(const struct nsn_policy *p, struct nsnet_err *err)
{
	char net[NSN_PEER_STRLEN], at[NSN_PUBLISH_STRLEN], why[256];

	for (size_t i = 0; p->publish.ip.family && i < p->n_from; i++) {
		if (p->from[i].kind != NSN_PEER_CIDR ||
		    p->from[i].cidr.ip.family == p->publish.ip.family)
			continue;
		(void)snprintf(why, sizeof(why), "%s never calls %s, which is %s",
			       nsn_peer_str(&p->from[i], net), nsn_publish_str(&p->publish, at),
			       p->publish.ip.family == AF_INET6 ? "IPv6" : "IPv4");
		(void)refuse_policy(p, err, why);
		return nsn_err_hint(err, -EINVAL, "publish: %u", p->publish.port);
	}
	return 0;
}

static int check_published_from(const struct nsn_policy *p, struct nsnet_err *err)
{
	char at[NSN_PUBLISH_STRLEN], why[128];

	for (size_t i = 0; i < p->n_from; i++)
		if (!is_outside(&p->from[i]))
			return refuse_tenants(p, &p->from[i], err);
	for (size_t i = 0; nsn_publish_is_local(&p->publish) && i < p->n_from; i++) {
		if (p->from[i].kind == NSN_PEER_HOST)
			continue;
		(void)snprintf(why, sizeof(why), "%s is reached from the host alone",
			       nsn_publish_str(&p->publish, at));
		(void)refuse_policy(p, err, why);
		return nsn_err_hint(err, -EINVAL, "from: host, or publish: %u", p->publish.port);
	}
	return check_family(p, err);
}

static int check_published(const struct nsn_policy *p, struct nsnet_err *err)
{
	if (p->deny) {
		(void)refuse_policy(p, err, "it denies, and `publish` belongs to what is allowed");
		return nsn_err_hint(err, -EINVAL, "leave `publish` out");
	}
	if (!one_port(p)) {
		(void)refuse_policy(p, err, "`publish` leads to one port of tcp, udp or sctp");
		return nsn_err_hint(err, -EINVAL, "allow: tcp/%u, and a rule for each port",
				    p->n_ports && p->ports[0].first ? p->ports[0].first
								    : p->publish.port);
	}
	if (p->n_to != 1 || p->to[0].kind != NSN_PEER_ENDPOINT) {
		(void)refuse_policy(p, err, "`publish` leads to one endpoint");
		return nsn_err_hint(err, -EINVAL, "to: %s/%s",
				    p->n_to && *p->to[0].tenant ? p->to[0].tenant : "customer1",
				    NSN_DEFAULT_ENDPOINT);
	}
	return check_published_from(p, err);
}

/* Who is outside has no other way in, and nobody is to believe that this were one. */
int nsn_policy_check_publish(const struct nsn_policy *p, struct nsnet_err *err)
{
	char who[NSN_PEER_STRLEN], why[NSN_PEER_STRLEN + 128];
	bool inside = false;

	if (p->publish.port)
		return check_published(p, err);
	for (size_t i = 0; i < p->n_to; i++)
		inside |= !is_outside(&p->to[i]);
	for (size_t i = 0; inside && !p->deny && i < p->n_from; i++) {
		if (!is_outside(&p->from[i]))
			continue;
		(void)snprintf(why, sizeof(why),
			       "%s reaches an endpoint only through what is published, and it has "
			       "no `publish`",
			       nsn_peer_str(&p->from[i], who));
		(void)refuse_policy(p, err, why);
		return nsn_err_hint(err, -EINVAL, "publish: %s%u",
				    p->from[i].kind == NSN_PEER_HOST ? "127.0.0.1:" : "",
				    one_port(p) ? p->ports[0].first : 8080);
	}
	return 0;
}
