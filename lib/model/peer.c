/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "parts.h"
#include "policy.h"

#define LABEL "label:"

static const struct {
	const char *name;
	enum nsn_peer_kind kind;
} words[] = {
	{"tenants", NSN_PEER_TENANTS},
	{"internet", NSN_PEER_INTERNET},
	{"host", NSN_PEER_HOST},
	{"any", NSN_PEER_ANY},
};

/* No tenant can have these names, so somebody who writes one means something. */
static const struct {
	const char *name, *why, *hint;
} meant[] = {
	{"all", "there is `tenants`, which is every tenant, and `any`, which is everything",
	 "write tenants, or any"},
	{"*", "there is `tenants`, which is every tenant, and `any`, which is everything",
	 "write tenants, or any"},
	{"gateway", "a tenant's gateway is no peer of its own; services of the host are `host`",
	 "write host"},
	{"none", "who shall reach nobody needs no rule: what no rule allows is denied", ""},
	{"default", "it is the name of an endpoint, whose tenant is missing",
	 "write it like customer1/default"},
	{"label", "the key and value of the label are missing", "write it like label:tier=gold"},
};

/* A network that no rule can be about; what lies in it is refused. */
static const struct range {
	struct nsn_prefix net;
	const char *why, *hint;
} ranges[] = {
	{{{AF_INET, {255, 255, 255, 255}}, 32}, "it is the broadcast address", ""},
	{{{AF_INET, {0}}, 8}, "0.0.0.0/8 means 'this network'", ""},
	{{{AF_INET, {127}}, 8},
	 "127.0.0.0/8 is loopback; services of the host are `host`",
	 "write host"},
	{{{AF_INET, {224}}, 4}, "224.0.0.0/4 is multicast, which no gateway passes on", ""},
	{{{AF_INET, {240}}, 4}, "240.0.0.0/4 is reserved", ""},
	{{{AF_INET6, {0}}, 128}, ":: is the unspecified address", ""},
	{{{AF_INET6, {[15] = 1}}, 128},
	 "::1 is loopback; services of the host are `host`",
	 "write host"},
	{{{AF_INET6, {[10] = 0xff, 0xff}}, 96},
	 "::ffff:0:0/96 is IPv4 in IPv6 clothes: write it as IPv4",
	 ""},
	{{{AF_INET6, {0xfe, 0x80}}, 10},
	 "fe80::/10 is link-local: it is another host on each link, and no gateway passes it on",
	 ""},
	{{{AF_INET6, {0xff}}, 8}, "ff00::/8 is multicast, which no gateway passes on", ""},
};

static int refuse(struct nsnet_err *err, const char *text, const char *why, const char *hint)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -EINVAL, NSNET_E_BAD_PEER, "'%s' is not a peer: %s",
		nsn_text_show(text, shown, sizeof(shown)), why);
	if (*hint)
		nsn_err_hint(err, -EINVAL, "%s", hint);
	return -EINVAL;
}

static int refuse_but(struct nsnet_err *err, const char *text, const char *why, const char *better)
{
	refuse(err, text, why, "");
	return nsn_err_hint(err, -EINVAL, "write %s", better);
}

/* ---- addresses ------------------------------------------------------------------ */

#define LIKE_NETWORK "write it like 192.168.0.0/16"

static int refuse_address(struct nsnet_err *err, const char *text, const char *address)
{
	char inner[NSN_PEER_STRLEN];
	size_t len = strlen(address);
	struct nsn_ip ip;

	if (strchr(address, '%'))
		return refuse(err, text, "it has a zone in it, which is part of no address", "");
	if (address[0] == '[' && len > 2 && address[len - 1] == ']') {
		memcpy(inner, address + 1, len - 2);
		inner[len - 2] = '\0';
		if (nsn_ip_parse(&ip, inner) == 0)
			return refuse_but(err, text, "an address has no brackets around it", inner);
	}
	memcpy(inner, address, len + 1);
	inner[strcspn(inner, ":")] = '\0';
	if (strchr(address, ':') && nsn_ip_parse(&ip, inner) == 0)
		return refuse_but(err, text, "ports are not part of a peer", inner);
	if (strchr(address, ':'))
		return refuse(err, text,
			      "an IPv6 address is hexadecimal numbers with ':' between them, once "
			      "'::'",
			      "write it like 2001:db8::/32");
	inner[strcspn(inner, "-")] = '\0';
	if (strchr(address, '-') && nsn_ip_parse(&ip, inner) == 0)
		return refuse(err, text, "a range of addresses is written as networks",
			      LIKE_NETWORK);
	return refuse(err, text, nsn_ip4_fault(address), LIKE_NETWORK);
}

static int parse_len(struct nsn_prefix *p, const char *text, const char *len, struct nsnet_err *err)
{
	const bool four = p->ip.family == AF_INET;
	char buf[NSN_PREFIX_STRLEN];
	uint64_t n;

	if (four && nsn_mask_len(len, &p->len)) {
		p->ip = nsn_prefix_network(p);
		return refuse_but(err, text, "the length is written as a mask",
				  nsn_prefix_str(p, buf));
	}
	if (!*len)
		return refuse_but(err, text, "the prefix length is missing after '/'",
				  nsn_ip_str(&p->ip, buf));
	if (len[strspn(len, "0123456789")])
		return refuse(err, text, "the prefix length is not a number", LIKE_NETWORK);
	if (nsn_u64_parse(&n, len, nsn_ip_bits(&p->ip)) == -EINVAL)
		return refuse(err, text, "the prefix length starts with 0", "");
	if (nsn_u64_parse(&n, len, nsn_ip_bits(&p->ip)) < 0)
		return refuse(err, text,
			      four ? "a prefix length is 32 at most"
				   : "a prefix length of IPv6 is 128 at most",
			      "");
	p->len = (uint8_t)n;
	return 0;
}

static int check_cidr(const struct nsn_prefix *p, const char *text, struct nsnet_err *err)
{
	const struct nsn_prefix net = {.ip = nsn_prefix_network(p), .len = p->len};
	char buf[NSN_PREFIX_STRLEN];

	if (p->len == 0)
		return refuse(err, text,
			      "/0 is every address there is: `any` is everything, `internet` what "
			      "is globally reachable",
			      "write internet, or any");
	for (size_t i = 0; i < NSN_COUNT(ranges); i++)
		if (p->len >= ranges[i].net.len && nsn_prefix_has(&ranges[i].net, &p->ip))
			return refuse(err, text, ranges[i].why, ranges[i].hint);
	if (nsn_ip_cmp(&net.ip, &p->ip) != 0)
		return refuse_but(err, text, "it has host bits set", nsn_prefix_str(&net, buf));
	return 0;
}

static int parse_cidr(struct nsn_peer *ret, const char *text, const char *address,
		      const char *slash, struct nsnet_err *err)
{
	int r = 0;

	ret->kind = NSN_PEER_CIDR;
	if (nsn_ip_parse(&ret->cidr.ip, address) < 0)
		return refuse_address(err, text, address);
	ret->cidr.len = (uint8_t)nsn_ip_bits(&ret->cidr.ip);
	if (slash)
		r = parse_len(&ret->cidr, text, slash + 1, err);
	return r < 0 ? r : check_cidr(&ret->cidr, text, err);
}

/* ---- names ------------------------------------------------------------------------ */

static int parse_label(struct nsn_peer *ret, const char *text, struct nsnet_err *err)
{
	char better[NSN_PEER_STRLEN], shown[NSN_SHOW_SIZE];
	struct nsnet_err why = {0};
	struct nsn_label other;
	char *colon;

	ret->kind = NSN_PEER_LABEL;
	if (nsn_label_parse(&ret->label, text + strlen(LABEL), NULL, &why) == 0)
		return 0;
	nsn_err(err, -EINVAL, NSNET_E_BAD_PEER, "'%s' is not a peer: %s",
		nsn_text_show(text, shown, sizeof(shown)), why.msg);
	memcpy(better, text, strlen(text) + 1);
	nsn_word_lower(better, '=');
	colon = strchr(better + strlen(LABEL), ':');
	if (colon && !strchr(better, '='))
		*colon = '=';
	if (nsn_label_parse(&other, better + strlen(LABEL), NULL, NULL) == 0)
		return nsn_err_hint(err, -EINVAL, "write %s", better);
	return nsn_err_hint(err, -EINVAL, "write it like label:tier=gold");
}

/* What the check of a name said, of the whole peer. Small letters are the hint where they help. */
static int refuse_name(struct nsnet_err *err, const char *text, const char *part,
		       const struct nsnet_err *why)
{
	char shown[NSN_SHOW_SIZE], better[NSN_PEER_STRLEN];
	struct nsn_peer p;

	if (!err)
		return -EINVAL; /* better is parsed below, once */
	if (part == text)
		nsn_err(err, -EINVAL, NSNET_E_BAD_PEER, "%s", why->msg);
	else
		nsn_err(err, -EINVAL, NSNET_E_BAD_PEER, "'%s' is not a peer: %s",
			nsn_text_show(text, shown, sizeof(shown)), why->msg);
	memcpy(better, text, strlen(text) + 1);
	nsn_word_lower(better, '=');
	if (nsn_word_capitals(text) && nsn_peer_parse(&p, better, NULL) == 0)
		return nsn_err_hint(err, -EINVAL, "write %s", better);
	return *why->hint ? nsn_err_hint(err, -EINVAL, "%s", why->hint) : -EINVAL;
}

static bool is_word(const char *name)
{
	for (size_t i = 0; i < NSN_COUNT(words); i++)
		if (strcmp(name, words[i].name) == 0)
			return true;
	return false;
}

static int parse_endpoint(struct nsn_peer *ret, const char *text, const char *name,
			  struct nsnet_err *err)
{
	struct nsnet_err why = {0};

	if (strchr(name, '/'))
		return refuse(err, text, "there is more than one '/'",
			      "write it like customer1/app");
	if (!*name)
		return refuse_but(err, text, "the endpoint is missing after '/'", ret->tenant);
	if (strcmp(name, "*") == 0 || strcmp(name, "all") == 0 || strcmp(name, "any") == 0)
		return refuse_but(err, text, "all endpoints are meant by the tenant's name alone",
				  ret->tenant);
	if (nsn_endpoint_name_check(name, &why) < 0)
		return refuse_name(err, text, name, &why);
	ret->kind = NSN_PEER_ENDPOINT;
	memcpy(ret->endpoint, name, strlen(name) + 1);
	return 0;
}

/* @head is what is there before the slash. */
static int parse_tenant(struct nsn_peer *ret, const char *text, const char *head, const char *slash,
			struct nsnet_err *err)
{
	struct nsnet_err why = {0};
	char fault[NSN_PEER_STRLEN + 32];

	if (slash && is_word(head)) {
		(void)snprintf(fault, sizeof(fault), "`%s` has no endpoints", head);
		return refuse_but(err, text, fault, head);
	}
	if (!*head)
		return refuse(err, text, "the tenant is missing before '/'",
			      "write it like customer1/app");
	if (nsn_tenant_name_check(head, &why) < 0)
		return refuse_name(err, text, text, &why);
	ret->kind = NSN_PEER_TENANT;
	memcpy(ret->tenant, head, strlen(head) + 1);
	return slash ? parse_endpoint(ret, text, slash + 1, err) : 0;
}

static int refuse_host_name(struct nsnet_err *err, const char *text)
{
	char shown[NSN_SHOW_SIZE];

	nsn_err(err, -EINVAL, NSNET_E_DNS_PEER,
		"'%s' is not a peer: names of hosts are none, what they lead to changes unseen",
		nsn_text_show(text, shown, sizeof(shown)));
	return nsn_err_hint(err, -EINVAL,
			    "use a network such as 192.0.2.0/24, or a tenant of your own with a "
			    "proxy; an endpoint is TENANT/ENDPOINT");
}

/* ---- all of it -------------------------------------------------------------------- */

/* Addresses are told by what nothing else has: numbers and dots only, or a ':'. */
static bool like_address(const char *head)
{
	size_t start = head[0] == '[' ? 1 : 0;

	if (head[0] && !head[strspn(head, "0123456789.")])
		return true;
	if (strchr(head, '-') && strchr(head, '.') && !head[strspn(head, "0123456789.-")])
		return true;
	return strchr(head, ':') && strcspn(head, ":") - start <= 4 &&
	       head[start + strspn(head + start, "0123456789abcdefABCDEF")] == ':';
}

/* "10.0.0.1:80": numbers with dots and a port. */
static bool like_socket(const char *head)
{
	size_t n = strspn(head, "0123456789.");

	return n > 0 && head[n] == ':' && memchr(head, '.', n);
}

static int parse(struct nsn_peer *ret, const char *text, struct nsnet_err *err)
{
	const char *slash = strchr(text, '/');
	char head[NSN_PEER_STRLEN];

	for (size_t i = 0; i < NSN_COUNT(words); i++)
		if (strcmp(text, words[i].name) == 0) {
			ret->kind = words[i].kind;
			return 0;
		}
	for (size_t i = 0; i < NSN_COUNT(meant); i++)
		if (strcmp(text, meant[i].name) == 0)
			return refuse(err, text, meant[i].why, meant[i].hint);
	if (strncmp(text, LABEL, strlen(LABEL)) == 0)
		return parse_label(ret, text, err);
	memcpy(head, text, strlen(text) + 1);
	head[strcspn(text, "/")] = '\0';
	if (like_address(head) || like_socket(head))
		return parse_cidr(ret, text, head, slash, err);
	if (strchr(head, '.') || strstr(text, "://"))
		return refuse_host_name(err, text);
	if (strchr(head, '=') && nsn_label_parse(&ret->label, text, NULL, NULL) == 0) {
		(void)snprintf(head, sizeof(head), LABEL "%s=%s", ret->label.key, ret->label.value);
		return refuse_but(err, text, "a label is written with `label:`", head);
	}
	if (strchr(head, ':') && strncasecmp(text, LABEL, strlen(LABEL)) != 0)
		return refuse(err, text, "a ':' is in labels and IPv6 addresses only",
			      "write it like customer1, label:tier=gold or 2001:db8::/32");
	return parse_tenant(ret, text, head, slash, err);
}

int nsn_peer_parse(struct nsn_peer *ret, const char *text, struct nsnet_err *err)
{
	const char *why = nsn_word_fault(text);
	struct nsn_peer p = {0};
	int r;

	if (why)
		return refuse(err, text, why, *text ? "" : "write it like customer1/app");
	if (strlen(text) >= NSN_PEER_STRLEN)
		return refuse(err, text, "it is too long", "");
	r = parse(&p, text, err);
	if (r == 0)
		*ret = p;
	return r;
}

const char *nsn_peer_str(const struct nsn_peer *p, char buf[NSN_PEER_STRLEN])
{
	char text[NSN_PREFIX_STRLEN];

	buf[0] = '\0';
	for (size_t i = 0; i < NSN_COUNT(words); i++)
		if (words[i].kind == p->kind)
			(void)snprintf(buf, NSN_PEER_STRLEN, "%s", words[i].name);
	if (p->kind == NSN_PEER_TENANT)
		(void)snprintf(buf, NSN_PEER_STRLEN, "%s", p->tenant);
	else if (p->kind == NSN_PEER_ENDPOINT)
		(void)snprintf(buf, NSN_PEER_STRLEN, "%s/%s", p->tenant, p->endpoint);
	else if (p->kind == NSN_PEER_LABEL)
		(void)snprintf(buf, NSN_PEER_STRLEN, LABEL "%s=%s", p->label.key, p->label.value);
	else if (p->kind == NSN_PEER_CIDR)
		(void)snprintf(buf, NSN_PEER_STRLEN, "%s",
			       p->cidr.len == nsn_ip_bits(&p->cidr.ip)
				       ? nsn_ip_str(&p->cidr.ip, text)
				       : nsn_prefix_str(&p->cidr, text));
	return buf;
}

bool nsn_peer_same(const struct nsn_peer *a, const struct nsn_peer *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case NSN_PEER_TENANT:
		return strcmp(a->tenant, b->tenant) == 0;
	case NSN_PEER_ENDPOINT:
		return strcmp(a->tenant, b->tenant) == 0 && strcmp(a->endpoint, b->endpoint) == 0;
	case NSN_PEER_LABEL:
		return strcmp(a->label.key, b->label.key) == 0 &&
		       strcmp(a->label.value, b->label.value) == 0;
	case NSN_PEER_CIDR:
		return nsn_prefix_cmp(&a->cidr, &b->cidr) == 0;
	case NSN_PEER_TENANTS:
	case NSN_PEER_INTERNET:
	case NSN_PEER_HOST:
	case NSN_PEER_ANY:
		break;
	}
	return true;
}

bool nsn_peer_is_tenants(const struct nsn_peer *p)
{
	return p->kind == NSN_PEER_TENANT || p->kind == NSN_PEER_ENDPOINT ||
	       p->kind == NSN_PEER_LABEL || p->kind == NSN_PEER_TENANTS;
}
