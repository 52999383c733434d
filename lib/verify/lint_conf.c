/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stddef.h>
#include <string.h>

#include "../base/cleanup.h"
#include "lint.h"
#include "topo_kind.h"
#include "words.h"

/* Settings of a link that only a router, or a host that trusts its network, has on. */
static const struct {
	const char *name;
	size_t at;
} off[] = {
	{"proxy_arp", offsetof(struct nsn_vconf, proxy_arp)},
	{"proxy_ndp", offsetof(struct nsn_vconf, proxy_ndp)},
	{"accept_local", offsetof(struct nsn_vconf, accept_local)},
	{"route_localnet", offsetof(struct nsn_vconf, route_localnet)},
	{"ipv4 accept_source_route", offsetof(struct nsn_vconf, accept_source_route4)},
	{"ipv6 accept_source_route", offsetof(struct nsn_vconf, accept_source_route6)},
	{"send_redirects", offsetof(struct nsn_vconf, send_redirects)},
	{"ipv4 accept_redirects", offsetof(struct nsn_vconf, accept_redirects4)},
	{"ipv6 accept_redirects", offsetof(struct nsn_vconf, accept_redirects6)},
	{"accept_ra", offsetof(struct nsn_vconf, accept_ra)},
};

/* What is collected about `all`, `default` or one link. */
struct flaws {
	struct nsn_arena *mem;
	const char *list; /* "proxy_arp=1, rp_filter=0"; NULL: no memory */
};

static void add(struct flaws *to, const char *name, int value)
{
	if (to->list)
		to->list = nsn_arena_printf(to->mem, "%s%s%s=%d", to->list, *to->list ? ", " : "",
					    name, value);
}

static int8_t higher(int8_t a, int8_t b)
{
	return a > b ? a : b;
}

/*
 * Whether this gateway has a reason to route: a cable, an uplink, or ports that only talk by
 * way of it.
 */
static bool routes(const struct nsn_topo *t, size_t at)
{
	const struct nsn_vns *ns = &t->snap->ns[at];
	size_t i;

	for (i = t->first[at]; i < t->first[at + 1]; i++) {
		const enum nsn_edge_kind kind = t->edges[t->of[i]].kind;

		if (kind == NSN_EDGE_CABLE || kind == NSN_EDGE_UPLINK)
			return true;
	}
	for (i = 0; i < ns->n_links; i++)
		if (strcmp(ns->links[i].port_kind, "bridge") == 0 &&
		    ns->links[i].port.isolated == 1)
			return true;
	return false;
}

static void check_off(struct flaws *to, const struct nsn_vconf *c, bool router)
{
	size_t i;

	for (i = 0; i < NSN_COUNT(off); i++) {
		const int8_t value = ((const int8_t *)c)[off[i].at];

		if (value > 0)
			add(to, off[i].name, value);
	}
	if (c->forwarding6 > 0 && !router)
		add(to, "ipv6 forwarding", c->forwarding6);
}

/* `all` of IPv4 stays off also where a gateway routes: links say it for themselves. */
static void check_whole(struct flaws *to, const struct nsn_vconf *c, bool router)
{
	check_off(to, c, router);
	if (c->forwarding4 > 0)
		add(to, "ipv4 forwarding", c->forwarding4);
}

static void check_link(struct flaws *to, const struct nsn_vns *ns, const struct nsn_vlink *l,
		       bool router)
{
	const bool port = strcmp(l->port_kind, "bridge") == 0;
	const int8_t rp = higher(ns->conf_all.rp_filter, l->conf.rp_filter),
		     arp = higher(ns->conf_all.arp_ignore, l->conf.arp_ignore);

	check_off(to, &l->conf, router);
	if (l->conf.forwarding4 > 0 && (port || !router))
		add(to, "ipv4 forwarding", l->conf.forwarding4);
	if (rp >= 0 && rp != 1)
		add(to, "rp_filter", rp);
	/* 1, 2: for addresses of the link only; 8: for none. */
	if (arp >= 0 && arp != 1 && arp != 2 && arp != 8)
		add(to, "arp_ignore", arp);
	if (port && l->conf.disable_ipv6 == 0)
		add(to, "disable_ipv6", 0);
	if (l->nf_call)
		add(to, "nf_call", 1);
	if (l->stp)
		add(to, "stp_state", 1);
}

/* @of: "all", "'nsn5'", or "" for what is the namespace's. */
static int tell(struct nsn_findings *f, const struct nsn_vns *ns, const char *of, const char *list)
{
	char who[NSN_SHOW_SIZE];
	struct nsn_finding *x;
	int r;

	if (!list)
		return -ENOMEM;
	if (!*list)
		return 0;
	x = nsn_words_add(f, NSN_FIND_SETTING, ns, ns->tenant);
	r = x ? nsn_finding_say(f, x, "In %s: %s%s%s.", ns->name, of, *of ? " has " : "", list)
	      : -ENOMEM;
	return r < 0 ? r : nsn_finding_hint(f, x, "nsnet repair %s", nsn_words_tenant(ns, who));
}

static int tell_link(struct nsn_findings *f, const struct nsn_vns *ns, const struct nsn_vlink *l,
		     bool router)
{
	struct flaws flaws = {&f->mem, ""};
	char name[NSN_SHOW_SIZE], of[NSN_SHOW_SIZE + 2];

	check_link(&flaws, ns, l, router);
	(void)snprintf(of, sizeof(of), "'%s'", nsn_text_show(l->name, name, sizeof(name)));
	return tell(f, ns, of, flaws.list);
}

static int tell_sysctls(struct nsn_findings *f, const struct nsn_vns *ns)
{
	static const char frames[] = "net/bridge/bridge-nf-call-";
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < ns->n_sysctls; i++) {
		const struct nsn_vsysctl *s = &ns->sysctls[i];
		char value[NSN_SHOW_SIZE];
		bool wrong =
			strncmp(s->path, frames, strlen(frames)) == 0 && strcmp(s->value, "0") != 0;

		wrong |= strcmp(s->path, "net/ipv4/icmp_echo_ignore_broadcasts") == 0 &&
			 strcmp(s->value, "1") != 0;
		if (!wrong)
			continue;
		(void)nsn_text_show(s->value, value, sizeof(value));
		r = tell(f, ns, "", nsn_arena_printf(&f->mem, "%s=%s", s->path, value));
	}
	return r;
}

int nsn_lint_settings(const struct nsn_topo *t, struct nsn_findings *f, size_t at)
{
	const struct nsn_vns *ns = &t->snap->ns[at];
	const bool router = routes(t, at);
	struct flaws all = {&f->mem, ""}, new = {&f->mem, ""};
	size_t i;
	int r;

	if (!ns->full)
		return 0;
	check_whole(&all, &ns->conf_all, router);
	check_whole(&new, &ns->conf_default, router);
	r = tell(f, ns, "all", all.list);
	if (r == 0)
		r = tell(f, ns, "default", new.list);
	/* `lo` was there before the namespace's settings were. */
	for (i = 0; r == 0 && i < ns->n_links; i++)
		if (ns->links[i].kind[0] && !nsn_link_is_fallback(&ns->links[i]))
			r = tell_link(f, ns, &ns->links[i], router);
	return r < 0 ? r : tell_sysctls(f, ns);
}
