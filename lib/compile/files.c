/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/cleanup.h"
#include "parts.h"

/*
 * What a workload sees as its own /etc/resolv.conf and /etc/hosts: `ip netns
 * exec`, `nsnet enter` and others lay the files of /etc/netns/NAME over those
 * of the host, which would tell it of name servers it cannot reach and of
 * machines that are none of its business.
 */

/* For a tenant of whom nothing else was said; the host's own servers are never in it. */
static const char none[] = "# no name server: nothing leads out of this network\n";

static void line(FILE *f, const struct nsn_ip *ip, const char *tenant, const char *name)
{
	char text[NSN_IP_STRLEN];

	if (!ip->family)
		return;
	fprintf(f, "%s\t%s.%s %s", nsn_ip_str(ip, text), name, tenant, name);
	/* The endpoint that is pinned under the tenant's name is known by it, too. */
	if (strcmp(name, NSN_DEFAULT_ENDPOINT) == 0)
		fprintf(f, " %s", tenant);
	fputc('\n', f);
}

static void hosts(FILE *f, const struct nsn_tenant *t)
{
	size_t i;

	fputs("127.0.0.1\tlocalhost\n", f);
	if (nsn_compile_ipv6(t))
		fputs("::1\tlocalhost ip6-localhost ip6-loopback\n", f);
	line(f, &t->gateway, t->name, "gateway");
	line(f, &t->gateway6, t->name, "gateway");
	for (i = 0; i < t->n_endpoints; i++) {
		line(f, &t->endpoints[i].ip, t->name, t->endpoints[i].name);
		line(f, &t->endpoints[i].ip6, t->name, t->endpoints[i].name);
	}
}

/* Whom the tenant asks, and the rule of its `dns` lets it ask. */
static void resolv(FILE *f, const struct nsn_tenant *t)
{
	struct nsn_ip servers[NSN_DNS_MAX];
	const size_t n = nsn_dns_servers(t, servers);
	char text[NSN_IP_STRLEN];

	for (size_t i = 0; i < n; i++)
		fprintf(f, "nameserver %s\n", nsn_ip_str(&servers[i], text));
	if (n == 0)
		fputs(none, f);
}

/* One text for all endpoints: the same object in the arena. */
static const char *text_of(struct nsn_state *s, const struct nsn_tenant *t,
			   const struct nsn_owner *owner, bool is_hosts)
{
	NSN_AUTO(nsn_freep) char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fprintf(f, NSN_FILE_MARK "%s\n# What is changed here is lost.\n", owner->store);
	if (is_hosts)
		hosts(f, t);
	else
		resolv(f, t);
	return fclose(f) == 0 ? nsn_arena_strdup(&s->arena, text) : NULL;
}

static int add_file(struct nsn_state *s, const struct nsn_tenant *t, const struct nsn_endpoint *e,
		    const char *name, const char *text)
{
	const struct nsn_place at = {.role = NSN_ENDPOINT, .id = e->id};
	struct nsn_object *o = nsn_state_add(s, NSN_OBJ_FILE, at, "");
	char netns[NSN_NETNS_NAME_SIZE];

	if (!o || !text)
		return -ENOMEM;
	o->u.file.path = nsn_arena_printf(&s->arena, "%s/%s/%s", NSN_NETNS_ETC,
					  nsn_endpoint_netns_name(t, e, netns), name);
	o->u.file.text = text;
	o->u.file.ours = true;
	return o->u.file.path ? 0 : -ENOMEM;
}

int nsn_compile_files(struct nsn_state *s, const struct nsn_tenant *t,
		      const struct nsn_owner *owner)
{
	const char *hosts_text = text_of(s, t, owner, true);
	const char *resolv_text = text_of(s, t, owner, false);
	int r = hosts_text && resolv_text ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; r == 0 && i < t->n_endpoints; i++) {
		r = add_file(s, t, &t->endpoints[i], "hosts", hosts_text);
		if (r == 0)
			r = add_file(s, t, &t->endpoints[i], "resolv.conf", resolv_text);
	}
	return r;
}
