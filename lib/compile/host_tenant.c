/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <arpa/inet.h>

#include "../base/cleanup.h"
#include "../model/about.h"
#include "host_parts.h"

/* What the sets and maps of host_sets.c have of one tenant. */

static uint8_t number_of(enum nsn_proto proto)
{
	return proto == NSN_PROTO_TCP	? IPPROTO_TCP
	       : proto == NSN_PROTO_UDP ? IPPROTO_UDP
					: IPPROTO_SCTP;
}

static bool is_every(const struct nsn_ip *ip)
{
	static const uint8_t none[16];

	return !ip->family || memcmp(ip->bytes, none, nsn_ip_bits(ip) / 8) == 0;
}

/* One family of one policy, in one of the two maps. */
static int put_published(struct nsn_state *s, const struct nsn_host_tenant *t,
			 const struct nsn_policy *p, int six, bool own)
{
	const struct nsn_publish *at = &p->publish;
	const struct nsn_ip *to = six ? &t->up.near6 : &t->up.near4;
	const uint32_t len = nsn_ip_bits(to) / 8;
	const uint8_t proto = number_of(p->ports[0].proto);
	const uint16_t port = htons(at->port), number = htons(NSN_PUBLISH_PORT(p->number));
	struct nsn_host_elem e = {.data_len = len + 4};

	e.comment = nsn_arena_strdup(&s->arena, p->name);
	if (!e.comment)
		return -ENOMEM;
	memcpy(e.data, to->bytes, len);
	memcpy(e.data + len, &number, sizeof(number));
	if (is_every(&at->ip)) {
		e.set = own ? SET_OF(MAP_OWN_ALL, six) : SET_OF(MAP_PUBLISHED_ALL, six);
	} else {
		e.set = own ? SET_OF(MAP_OWN, six) : SET_OF(MAP_PUBLISHED, six);
		nsn_host_field_ip(&e, &at->ip);
	}
	nsn_host_field(&e, &proto, &proto, 1);
	nsn_host_field(&e, &port, &port, sizeof(port));
	return nsn_host_put(s, &e);
}

static int put_policy(struct nsn_state *s, const struct nsn_host_wanted *w,
		      const struct nsn_host_tenant *t, const struct nsn_policy *p)
{
	const int families = nsn_host_six(w, t->t) ? 2 : 1;
	const uint8_t family = p->publish.ip.family;
	bool own, others;
	int r = 0;

	if (!nsn_host_publishes(w, p, t->t))
		return 0;
	nsn_host_publishes_to(p, &own, &others);
	for (int six = 0; r == 0 && six < families; six++) {
		if (family && (family == AF_INET6) != six)
			continue;
		if (own)
			r = put_published(s, t, p, six, true);
		if (r == 0 && others)
			r = put_published(s, t, p, six, false);
	}
	return r;
}

static int put_service(struct nsn_state *s, const struct nsn_host_port *p, const char *name,
		       int six)
{
	const uint16_t first = htons(p->port), last = htons(p->port_last);
	struct nsn_host_elem e = {.set = SET_OF(SET_SERVICE, six)};

	nsn_host_field_name(&e, name);
	nsn_host_field(&e, &p->proto, &p->proto_last, 1);
	nsn_host_field(&e, &first, &last, sizeof(first));
	return nsn_host_put(s, &e);
}

static int put_open(struct nsn_state *s, const struct nsn_host_open *open, const char *name,
		    int six)
{
	int r = open->ping ? nsn_host_put_name(s, SET_OF(SET_PING, six), name) : 0;

	if (r == 0 && open->internet)
		r = nsn_host_put_name(s, SET_OF(SET_INTERNET, six), name);
	for (size_t i = 0; r == 0 && i < open->n_services; i++)
		r = put_service(s, &open->services[i], name, six);
	for (size_t i = 0; r == 0 && i < open->n_networks; i++) {
		struct nsn_host_elem e = {.set = SET_OF(SET_NETWORK, six)};

		nsn_host_field_name(&e, name);
		nsn_host_field_range(&e, &open->networks[i]);
		r = nsn_host_put(s, &e);
	}
	return r;
}

static int put_family(struct nsn_state *s, const struct nsn_host_wanted *w,
		      const struct nsn_host_tenant *t, int six)
{
	const struct nsn_ip *near = six ? &t->up.near6 : &t->up.near4;
	const struct nsn_ip *far = six ? &t->up.far6 : &t->up.far4;
	NSN_AUTO(nsn_host_open_clear) struct nsn_host_open open = {0};
	char name[NSN_LINK_NAME_SIZE];
	int r = nsn_host_open(&open, w, t, six ? AF_INET6 : AF_INET);

	(void)nsn_up_name(&t->up, name);
	if (r == 0)
		r = nsn_host_put_name_ip(s, SET_OF(SET_FROM, six), name, near);
	if (r == 0)
		r = nsn_host_put_name_ip(s, SET_OF(SET_QUOTED, six), name, near);
	if (r == 0)
		r = nsn_host_put_name_ip(s, SET_OF(SET_FAR, six), name, far);
	return r == 0 ? put_open(s, &open, name, six) : r;
}

int nsn_host_elements(struct nsn_state *s, const struct nsn_host_wanted *w,
		      const struct nsn_host_tenant *t)
{
	const int families = nsn_host_six(w, t->t) ? 2 : 1;
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	int r = 0;

	for (int six = 0; r == 0 && six < families; six++)
		r = put_family(s, w, t, six);
	nsn_about_begin(&walk, w->intent, t->t, NULL);
	while (r == 0 && (p = nsn_about_next(&walk)))
		r = put_policy(s, w, t, p);
	return r;
}
