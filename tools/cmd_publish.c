/* SPDX-License-Identifier: GPL-2.0-or-later */
/* publish: an address and port of the host, for one port of an endpoint */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "../lib/base/cleanup.h"
#include "../lib/base/ip.h"
#include "addrule.h"

NSN_CLEANUP(struct ifaddrs, freeifaddrs)

/* What is typed, docker's way round: the host's side first. */
struct published {
	char *host; /* "443", "203.0.113.10:443" */
	char *port; /* "tcp/443", of the endpoint */
};

static void published_clear(struct published *p)
{
	free(p->host);
	free(p->port);
}

static bool is_number(const char *text, size_t len)
{
	return len > 0 && strspn(text, "0123456789-") >= len;
}

/* Where the endpoint's port begins, behind ':'; NULL: both are the same. */
static const char *second_port(const char *text, size_t len)
{
	const char *last = memrchr(text, ':', len), *bracket = memrchr(text, ']', len);
	const char *first = bracket ? bracket + 1 : text;

	if (!last || last < first || (*text == '[' && !bracket))
		return NULL;
	/* "::1": the library knows what that lacks. */
	if (last > text && last[-1] == ':')
		return NULL;
	/* Behind an address in brackets there is a ':' before each of them. */
	if (bracket)
		return last > first ? last : NULL;
	first = memchr(text, ':', len);
	if (first == last)
		return is_number(text, (size_t)(first - text)) ? last : NULL;
	/* More than two are an IPv6 address, which has no brackets. */
	return memchr(first + 1, ':', (size_t)(last - first) - 1) ? NULL : last;
}

/* [ADDR:]PORT[:PORT][/PROTO]. What is wrong with the parts the library says. */
static int split(struct published *ret, const char *text, struct nsnet_err *err)
{
	const char *slash = strrchr(text, '/'), *second, *port;
	const size_t len = slash ? (size_t)(slash - text) : strlen(text);
	/* "tcp/443" is the wrong way round, and no address. */
	const bool is_word = slash && strcspn(text, "0123456789:.[") > len;
	size_t host = is_word ? strlen(text) : len;

	second = second_port(text, len);
	if (second)
		host = (size_t)(second - text);
	port = second ? second : memrchr(text, ':', len);
	port = port ? port + 1 : text;
	ret->host = strndup(text, host);
	if (asprintf(&ret->port, "%s/%.*s", slash ? slash + 1 : "tcp", (int)(text + len - port),
		     port) < 0)
		ret->port = NULL;
	return ret->host && ret->port ? 0 : nsn_err_nomem(err);
}

/* "publish-203-0-113-10-443-to-shop-app": what is published there is published once. */
static void name_make(char name[RULE_NAME_SIZE], const struct ctx *ctx, const struct published *p)
{
	name[0] = '\0';
	rule_name_add(name, "publish-");
	if (strncmp(p->port, "tcp/", 4) != 0) {
		NSN_AUTO(nsn_freep) char *proto = strndup(p->port, strcspn(p->port, "/"));

		rule_name_add(name, proto ? proto : "");
		rule_name_add(name, "-");
	}
	rule_name_add(name, p->host);
	rule_name_add(name, "-to-");
	rule_name_add(name, ctx->argv[0]);
	rule_name_end(name);
}

/* Who of --from is a tenant or a label, and needs another rule; or NULL. */
static const char *from_tenants(const struct ctx *ctx)
{
	const struct opt_many *from = &ctx->opts.from;

	for (size_t i = 0; i < from->n; i++) {
		const char *who = from->values[i];

		if (strcmp(who, "internet") != 0 && strcmp(who, "host") != 0 &&
		    strcmp(who, "any") != 0 &&
		    (strncmp(who, "label:", 6) == 0 || !strpbrk(who, ":.")))
			return who;
	}
	return NULL;
}

/* The address of "203.0.113.10:443" or "[2001:db8::1]:443"; false: it is about all of them. */
static bool address_of(const char *place, struct nsn_ip *ret)
{
	NSN_AUTO(nsn_freep) char *ip = strdup(*place == '[' ? place + 1 : place);
	char *end = ip ? strpbrk(ip, *place == '[' ? "]" : ":") : NULL;

	if (!end)
		return false;
	*end = '\0';
	return nsn_ip_parse(ret, ip) == 0 &&
	       nsn_ip_cmp(ret, &(struct nsn_ip){.family = ret->family}) != 0;
}

static struct nsn_ip ip_of(const struct sockaddr *sa)
{
	struct sockaddr_in6 six;
	struct sockaddr_in four;
	struct nsn_ip ip = {0};

	if (sa && sa->sa_family == AF_INET) {
		memcpy(&four, sa, sizeof(four));
		ip.family = AF_INET;
		memcpy(ip.bytes, &four.sin_addr, sizeof(four.sin_addr));
	} else if (sa && sa->sa_family == AF_INET6) {
		memcpy(&six, sa, sizeof(six));
		ip.family = AF_INET6;
		memcpy(ip.bytes, &six.sin6_addr, sizeof(six.sin6_addr));
	}
	return ip;
}

/* It may become one, so that is no error; who cannot ask says nothing. */
static bool is_no_address_of_host(const char *place)
{
	NSN_AUTO(freeifaddrsp) struct ifaddrs *all = NULL;
	struct nsn_ip want;

	if (!address_of(place, &want) || getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
		const struct nsn_ip ip = ip_of(a->ifa_addr);

		if (ip.family && nsn_ip_cmp(&ip, &want) == 0)
			return false;
	}
	return true;
}

/* What is worth knowing of where it is; NULL: nothing. 0 or -ENOMEM */
static int note_make(char **ret, const char *place, enum nsnet_reach reach, bool any_from,
		     struct nsnet_err *err)
{
	int r = 0;

	*ret = NULL;
	if (reach != NSNET_REACH_HOST && is_no_address_of_host(place))
		r = asprintf(ret, "%s: the host has no such address now, so nothing arrives there",
			     place);
	else if (reach == NSNET_REACH_NETWORK && !any_from)
		r = asprintf(ret,
			     "%s is not reached from the internet: clients of its network need "
			     "--from, as in --from 192.168.0.0/16",
			     place);
	if (r >= 0)
		return 0;
	*ret = NULL;
	return nsn_err_nomem(err);
}

/* In words of this command line. */
static int hint(const struct ctx *ctx, const struct published *p, int r, struct nsnet_err *err)
{
	const char *who = from_tenants(ctx), *proto;
	enum nsnet_reach reach;

	if (err->id == NSNET_E_BAD_PORT)
		return nsn_err_hint(err, r, "write it like 443, 8080:80 or 8053:53/udp");
	if (err->id != NSNET_E_BAD_PUBLISH || !p->host || !p->port)
		return r;
	proto = strchr(p->port, '/');
	if (strchr(p->host, '/'))
		return nsn_err_hint(err, r, "write it behind the port, as in 443/tcp");
	if (proto && strpbrk(proto, "-,"))
		return nsn_err_hint(err, r, "make a rule for each port");
	if (!strcmp(ctx->argv[0], "any") || strchr(ctx->argv[0], ':'))
		return nsn_err_hint(err, r, "nsnet endpoint list tells which there are");
	if (!strchr(ctx->argv[0], '/'))
		return nsn_err_hint(err, r, "nsnet publish %s/default %s --because CHG-1042",
				    ctx->argv[0], ctx->argv[1]);
	if (who)
		return nsn_err_hint(err, r, "nsnet allow %s %s %s --because CHG-1042", who,
				    ctx->argv[0], p->port);
	if (ctx->opts.from.n > 0 && nsnet_publish_reach(p->host, &reach, NULL) == 0)
		return nsn_err_hint(err, r, "leave --from out: it is %s then",
				    reach == NSNET_REACH_HOST ? "host" : "internet");
	return r;
}

static int publish(struct ctx *ctx, const struct published *p, enum nsnet_reach reach,
		   struct nsnet_err *err)
{
	const char *const usual = reach == NSNET_REACH_HOST ? "host" : "internet";
	const struct opts *o = &ctx->opts;
	const char *const to = ctx->argv[0], *const ports = p->port;
	NSN_AUTO(nsn_freep) char *words = NULL;
	NSN_AUTO(nsn_freep) char *note = NULL;
	char name[RULE_NAME_SIZE];
	struct nsnet_rule_def def = {
		.name = o->name ? o->name : name,
		.from = o->from.n ? o->from.values : &usual,
		.n_from = o->from.n ? o->from.n : 1,
		.to = &to,
		.n_to = 1,
		.ports = &ports,
		.n_ports = 1,
		.publish = p->host,
		.because = o->because,
		.owner = o->owner,
		.expires = o->expires,
		.log = o->log,
	};

	name_make(name, ctx, p);
	if (asprintf(&words, "publish %s for %s -> %s %s", p->host,
		     o->from.n > 1 ? "several" : def.from[0], to, ports) < 0) {
		words = NULL;
		return nsn_err_nomem(err);
	}
	if (note_make(&note, p->host, reach, o->from.n > 0, err) < 0)
		return -ENOMEM;
	return add_rule(ctx, &def, words, note, err);
}

int cmd_publish(struct ctx *ctx, struct nsnet_err *err)
{
	NSN_AUTO(published_clear) struct published p = {0};
	enum nsnet_reach reach;
	int r = split(&p, ctx->argv[1], err);

	if (r == 0)
		r = nsnet_publish_reach(p.host, &reach, err);
	if (r == 0)
		r = publish(ctx, &p, reach, err);
	return r < 0 ? hint(ctx, &p, r, err) : r;
}
