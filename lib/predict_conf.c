/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "predict_parts.h"

/* IPv6 is not on links with less: no such settings. */
#define MTU6 1280

static const struct {
	const char *name; /* behind net/ipvN/conf/LINK/ */
	size_t at;
	bool six;
} settings[] = {
#define FOUR(name, member)                                                                         \
	{                                                                                          \
		name, offsetof(struct nsn_vconf, member), false                                    \
	}
#define SIX(name, member)                                                                          \
	{                                                                                          \
		name, offsetof(struct nsn_vconf, member), true                                     \
	}
	FOUR("forwarding", forwarding4),
	FOUR("rp_filter", rp_filter),
	FOUR("arp_ignore", arp_ignore),
	FOUR("arp_filter", arp_filter),
	FOUR("proxy_arp", proxy_arp),
	FOUR("accept_local", accept_local),
	FOUR("route_localnet", route_localnet),
	FOUR("accept_source_route", accept_source_route4),
	FOUR("send_redirects", send_redirects),
	FOUR("accept_redirects", accept_redirects4),
	SIX("forwarding", forwarding6),
	SIX("force_forwarding", force_forwarding6),
	SIX("proxy_ndp", proxy_ndp),
	SIX("accept_source_route", accept_source_route6),
	SIX("accept_redirects", accept_redirects6),
	SIX("accept_ra", accept_ra),
	SIX("disable_ipv6", disable_ipv6),
#undef FOUR
#undef SIX
};

static void put(struct nsn_vconf *conf, size_t at, int value)
{
	*((int8_t *)conf + at) = (int8_t)value;
}

/* Whether the path is one of @who's settings, and then it is written. */
static void write_one(struct nsn_vconf *conf, const char *who, const struct nsn_sysctl *s)
{
	char path[128];

	for (size_t i = 0; i < NSN_COUNT(settings); i++) {
		(void)snprintf(path, sizeof(path), "net/ipv%d/conf/%s/%s", settings[i].six ? 6 : 4,
			       who, settings[i].name);
		if (strcmp(path, s->path) == 0)
			put(conf, settings[i].at, (int)strtol(s->value, NULL, 10));
	}
}

static void write_all(const struct nsn_guess *g, struct nsn_vconf *conf, const char *who)
{
	static const enum nsn_kind kinds[] = {NSN_OBJ_SYSCTL, NSN_OBJ_CONF};

	for (size_t k = 0; k < NSN_COUNT(kinds); k++) {
		size_t n;
		const struct nsn_object *o = nsn_guess_objects(g, kinds[k], &n);

		for (size_t i = 0; i < n; i++)
			write_one(conf, who, &o[i].u.sysctl);
	}
}

/* What nobody reads is not said here either. */
static void write_known(const struct nsn_guess *g, struct nsn_vconf *conf, const char *who)
{
	const struct nsn_vconf before = *conf;

	write_all(g, conf, who);
	for (size_t i = 0; i < NSN_COUNT(settings); i++)
		if (*((const int8_t *)&before + settings[i].at) < 0)
			put(conf, settings[i].at, -1);
}

void nsn_guess_conf(const struct nsn_guess *g, struct nsn_vlink *l)
{
	/* That of `all` is written to every link, and a link is born with it. */
	if (g->ns->conf_all.forwarding6 >= 0)
		l->conf.forwarding6 = g->ns->conf_all.forwarding6;
	write_all(g, &l->conf, l->name);
	for (size_t i = 0; i < NSN_COUNT(settings); i++)
		if (settings[i].six && (l->mtu < MTU6 || g->ns->conf_all.forwarding6 < 0))
			put(&l->conf, settings[i].at, -1);
}

void nsn_guess_written(const struct nsn_guess *g, struct nsn_vlink *l)
{
	write_all(g, &l->conf, l->name);
}

/* The kernel gives IPv4's of `default` to all links of which nobody has written them. */
void nsn_guess_lo(const struct nsn_guess *g, struct nsn_vlink *lo, bool fresh)
{
	const struct nsn_vconf before = lo->conf;
	struct nsn_vconf all = lo->conf;

	/* A gateway needs none. */
	lo->flags &= ~(uint32_t)IFF_UP;
	if (fresh)
		write_all(g, &lo->conf, "default");
	lo->conf.forwarding4 = g->ns->conf_all.forwarding4;
	for (size_t i = 0; fresh && i < NSN_COUNT(settings); i++)
		if (settings[i].six)
			put(&lo->conf, settings[i].at, *((const int8_t *)&before + settings[i].at));
	if (g->ns->conf_all.forwarding6 < 0)
		return;
	lo->conf.forwarding6 = g->ns->conf_all.forwarding6;
	/* That of `all` is written to every link. */
	write_all(g, &all, "all");
	lo->conf.disable_ipv6 = all.disable_ipv6;
}

static const char *wanted_value(const struct nsn_guess *g, const char *path)
{
	size_t n;
	const struct nsn_object *o = nsn_guess_objects(g, NSN_OBJ_SYSCTL, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(o[i].u.sysctl.path, path) == 0)
			return o[i].u.sysctl.value;
	return NULL;
}

int nsn_guess_settings(struct nsn_guess *g)
{
	struct nsn_vns *ns = g->ns;
	const bool fresh = ns->n_sysctls == 0;
	const struct nsn_vns *from = fresh ? g->like : ns;

	/* Which there are is the same in all namespaces. */
	if (fresh) {
		ns->conf_all = from->conf_all;
		ns->conf_default = from->conf_default;
	}
	ns->sysctls = nsn_guess_list(g, from->sysctls, from->n_sysctls, 0, sizeof(*ns->sysctls));
	if (!ns->sysctls)
		return nsn_err_nomem(g->err);
	ns->n_sysctls = from->n_sysctls;
	write_known(g, &ns->conf_all, "all");
	write_known(g, &ns->conf_default, "default");
	for (size_t i = 0; i < ns->n_sysctls; i++) {
		const char *value = wanted_value(g, ns->sysctls[i].path);

		if (strcmp(ns->sysctls[i].path, "net/ipv4/ip_forward") == 0)
			value = ns->conf_all.forwarding4 ? "1" : "0";
		if (value)
			ns->sysctls[i].value = value;
	}
	return 0;
}
