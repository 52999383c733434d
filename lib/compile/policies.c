/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "../base/cleanup.h"
#include "../model/about.h"
#include "admit.h"
#include "entries.h"
#include "parts.h"

/*
 * The maps that the chains of admit.c look into: one element for each box of what
 * is said (flows.h). Tenants, endpoints and policies more or less are elements
 * more or less; no rule and no chain is touched.
 */

/* What a connection's mark will be, less its generation. */
static uint32_t low_mark(const struct nsn_box *box)
{
	const struct nsn_policy *p = box->policy;
	uint32_t mark = box->number << NSN_MARK_NUMBER;

	if (box->allow)
		mark |= NSN_MARK_ROUTE;
	if (box->allow && p && p->log == NSN_LOG_ALL)
		mark |= NSN_MARK_LOG;
	return mark;
}

/* Who says it, and where it was written. */
static const char *comment_of(struct nsn_state *s, const struct nsn_policy *p, uint32_t number)
{
	size_t len = p ? strlen(p->origin.file) : 0, most = NSN_NFT_COMMENT - NSN_NAME_MAX - 16;

	if (number == NSN_NUMBER_QUARANTINE)
		return "quarantine";
	if (!p)
		return "kept in quarantine";
	if (len == 0)
		return nsn_arena_strdup(&s->arena, p->name);
	/* Of a long path the end. */
	return nsn_arena_printf(&s->arena, "%s %s:%u", p->name,
				p->origin.file + (len > most ? len - most : 0), p->origin.line);
}

static int add_box(struct nsn_state *s, struct nsn_place at, const struct nsn_box *box)
{
	const bool six = box->from.first.family == AF_INET6;
	const uint32_t len = six ? 16 : 4;
	const uint16_t port = htons(box->port), last = htons(box->port_last);
	const struct nsn_policy *p = box->policy;
	uint32_t mark = low_mark(box);
	struct nsn_entry e = {.range = true,
			      .data = &mark,
			      .data_len = sizeof(mark),
			      .comment = comment_of(s, p, box->number)};

	if (!e.comment)
		return -ENOMEM;
	if (p && p->log != NSN_LOG_NONE)
		mark |= NSN_MARK_LOG_OPEN;
	nsn_entry_field(&e, box->from.first.bytes, box->from.last.bytes, len);
	nsn_entry_field(&e, box->to.first.bytes, box->to.last.bytes, len);
	e.set = six ? MAP_ECHO6 : MAP_ECHO4;
	if (!box->echo) {
		e.set = six ? MAP_FLOW6 : MAP_FLOW4;
		nsn_entry_field(&e, &box->proto, &box->proto_last, 1);
		nsn_entry_field(&e, &port, &last, sizeof(port));
	}
	return nsn_entry_add(s, at, &e);
}

/* The counter of a policy: by its name, so that it survives what else changes. */
static const char *counter_of(struct nsn_state *s, const struct nsn_policy *p, uint32_t number)
{
	if (number == NSN_NUMBER_QUARANTINE)
		return NSN_QUARANTINE_COUNTER;
	if (number == NSN_NUMBER_KEPT)
		return NSN_KEPT_COUNTER;
	return nsn_arena_printf(&s->arena, NSN_RULE_COUNTER "%s", p->name);
}

/*
 * Of every policy that is about the tenant, also of one that another one covers for
 * now: what it has counted stays.
 */
static int add_counters(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope)
{
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	int r = 0;

	nsn_about_begin(&walk, scope->border->intent, scope->t, NULL);
	while (r == 0 && (p = nsn_about_next(&walk))) {
		const char *name;

		if (!nsn_flows_names(p, scope->t))
			continue;
		name = counter_of(s, p, p->number);
		r = name ? nsn_compile_counter(s, at, NFPROTO_INET, name) : -ENOMEM;
	}
	return r;
}

struct use {
	uint32_t mark;
	const struct nsn_policy *policy;
};

static int by_mark(const void *a, const void *b)
{
	const struct use *x = a, *y = b;

	return x->mark < y->mark ? -1 : x->mark > y->mark;
}

/* An element for each mark that leads to a counter. */
static int add_uses(struct nsn_state *s, struct nsn_place at, const struct nsn_border *b)
{
	NSN_AUTO(nsn_freep) struct use *uses = calloc(b->boxes.n + 1, sizeof(*uses));
	size_t i;
	int r = 0;

	if (!uses)
		return -ENOMEM;
	for (i = 0; i < b->boxes.n; i++)
		uses[i] = (struct use){low_mark(&b->boxes.list[i]), b->boxes.list[i].policy};
	qsort(uses, b->boxes.n, sizeof(*uses), by_mark);
	for (i = 0; r == 0 && i < b->boxes.n; i++) {
		uint32_t number = uses[i].mark >> NSN_MARK_NUMBER;
		struct nsn_entry e = {.set = MAP_USE};

		if (i > 0 && uses[i].mark == uses[i - 1].mark)
			continue;
		e.object = counter_of(s, uses[i].policy, number);
		if (!e.object)
			return -ENOMEM;
		nsn_entry_field(&e, &uses[i].mark, &uses[i].mark, sizeof(uses[i].mark));
		r = nsn_entry_add(s, at, &e);
		/* Those of policies are there already. */
		if (r == 0 && number > NSN_NUMBER_MAX &&
		    (i == 0 || number != uses[i - 1].mark >> NSN_MARK_NUMBER))
			r = nsn_compile_counter(s, at, NFPROTO_INET, e.object);
	}
	return r;
}

/* ---- cables ------------------------------------------------------------------------------ */

static int add_from(struct nsn_state *s, struct nsn_place at, const char *set, const char *name,
		    const struct nsn_ip *first, const struct nsn_ip *last)
{
	char padded[IFNAMSIZ] = "";
	struct nsn_entry e = {.set = set, .range = true};

	memcpy(padded, name, strnlen(name, IFNAMSIZ - 1));
	nsn_entry_field(&e, padded, padded, sizeof(padded));
	nsn_entry_field(&e, first->bytes, last->bytes, nsn_ip_bits(first) / 8);
	return nsn_entry_add(s, at, &e);
}

/* Who comes from it: the other tenant's subnet, or its address on the cable. */
static int add_source(struct nsn_state *s, struct nsn_place at, const struct nsn_far *far, bool v6)
{
	const struct nsn_prefix *p = v6 ? &far->other->subnet6 : &far->other->subnet;
	const struct nsn_ip *as = v6 ? &far->far6 : &far->far4;
	const char *set = v6 ? SET_FROM6 : SET_FROM4;
	char name[NSN_LINK_NAME_SIZE];
	struct nsn_ip first, last;

	(void)nsn_far_name(far, name);
	if (!p->ip.family)
		return 0;
	if (far->other_translated)
		return add_from(s, at, set, name, as, as);
	first = nsn_prefix_network(p);
	last = nsn_prefix_last(p);
	return add_from(s, at, set, name, &first, &last);
}

static int add_snat(struct nsn_state *s, struct nsn_place at, const char *name,
		    const struct nsn_ip *as)
{
	char padded[IFNAMSIZ] = "";
	struct nsn_entry e = {.set = as->family == AF_INET6 ? MAP_SNAT6 : MAP_SNAT4,
			      .data = as->bytes,
			      .data_len = nsn_ip_bits(as) / 8};

	memcpy(padded, name, strnlen(name, IFNAMSIZ - 1));
	nsn_entry_field(&e, padded, padded, sizeof(padded));
	return nsn_entry_add(s, at, &e);
}

static int add_self(struct nsn_state *s, struct nsn_place at, const struct nsn_ip *ip)
{
	struct nsn_entry e = {.set = ip->family == AF_INET6 ? SET_SELF6 : SET_SELF4};
	const uint32_t len = nsn_ip_bits(ip) / 8;

	if (!ip->family)
		return 0;
	nsn_entry_field(&e, ip->bytes, ip->bytes, len);
	nsn_entry_field(&e, ip->bytes, ip->bytes, len);
	return nsn_entry_add(s, at, &e);
}

static int add_cable(struct nsn_state *s, struct nsn_place at, const struct nsn_far *far, bool v6)
{
	char name[NSN_LINK_NAME_SIZE];
	int r = add_source(s, at, far, v6);

	if (r < 0 || !far->translated)
		return r;
	return add_snat(s, at, nsn_far_name(far, name), v6 ? &far->near6 : &far->near4);
}

/* ---- the uplink --------------------------------------------------------------------------- */

/* The endpoint of ours that a policy publishes, or NULL. */
static const struct nsn_endpoint *published_by(const struct nsn_policy *p,
					       const struct nsn_tenant *t)
{
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (nsn_flows_publish(p, t, &t->endpoints[i]))
			return &t->endpoints[i];
	return NULL;
}

static uint8_t proto_of(const struct nsn_ports *p)
{
	return p->proto == NSN_PROTO_TCP   ? IPPROTO_TCP
	       : p->proto == NSN_PROTO_UDP ? IPPROTO_UDP
					   : IPPROTO_SCTP;
}

/* From the policy's own port of the near address to the endpoint's. */
static int add_publish(struct nsn_state *s, struct nsn_place at, const struct nsn_policy *p,
		       const struct nsn_ip *near, const struct nsn_ip *ip)
{
	const uint16_t key = htons(NSN_PUBLISH_PORT(p->number)), port = htons(p->ports[0].first);
	const uint32_t len = nsn_ip_bits(ip) / 8;
	const uint8_t proto = proto_of(&p->ports[0]);
	uint8_t data[20] = {0};
	struct nsn_entry e = {.set = ip->family == AF_INET6 ? MAP_PUBLISH6 : MAP_PUBLISH4,
			      .data = data,
			      .data_len = len + 4,
			      .comment = comment_of(s, p, p->number)};

	if (!e.comment)
		return -ENOMEM;
	memcpy(data, ip->bytes, len);
	memcpy(data + len, &port, sizeof(port));
	nsn_entry_field(&e, near->bytes, near->bytes, len);
	nsn_entry_field(&e, &proto, &proto, sizeof(proto));
	nsn_entry_field(&e, &key, &key, sizeof(key));
	return nsn_entry_add(s, at, &e);
}

static int add_published(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope)
{
	const struct nsn_border *b = scope->border;
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	int r = 0;

	nsn_about_begin(&walk, b->intent, scope->t, NULL);
	while (r == 0 && (p = nsn_about_next(&walk))) {
		const uint8_t only = p->publish.ip.family;
		const struct nsn_endpoint *e;

		if (!nsn_flows_in_force(p, b->intent->now))
			continue;
		e = published_by(p, scope->t);
		if (!e)
			continue;
		if (only != AF_INET6)
			r = add_publish(s, at, p, &b->up.near4, &e->ip);
		if (r == 0 && only != AF_INET && nsn_compile_ipv6(scope->t) && e->ip6.family)
			r = add_publish(s, at, p, &b->up.near6, &e->ip6);
	}
	return r;
}

/* Anybody may come from there, as far as a policy says so. */
static int add_up(struct nsn_state *s, struct nsn_place at, const struct nsn_up *up, bool v6)
{
	const struct nsn_prefix all = {.ip = {.family = v6 ? AF_INET6 : AF_INET}};
	const struct nsn_ip last = nsn_prefix_last(&all);
	char name[NSN_LINK_NAME_SIZE];
	int r;

	(void)nsn_up_name(up, name);
	r = add_from(s, at, v6 ? SET_FROM6 : SET_FROM4, name, &all.ip, &last);
	return r < 0 ? r : add_snat(s, at, name, v6 ? &up->near6 : &up->near4);
}

static int add_uplink(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope)
{
	const struct nsn_up *up = &scope->border->up;
	int r = add_up(s, at, up, false);

	if (r == 0 && nsn_compile_ipv6(scope->t))
		r = add_up(s, at, up, true);
	return r == 0 ? add_published(s, at, scope) : r;
}

int nsn_compile_policies(struct nsn_state *s, struct nsn_place at, const struct nsn_scope *scope)
{
	const struct nsn_border *b = scope->border;
	const bool six = nsn_compile_ipv6(scope->t);
	size_t i;
	int r = nsn_entry_sets(s, at, six, b->up.link);

	for (i = 0; r == 0 && i < b->boxes.n; i++)
		r = add_box(s, at, &b->boxes.list[i]);
	if (r == 0)
		r = add_counters(s, at, scope);
	if (r == 0)
		r = add_uses(s, at, b);
	for (i = 0; r == 0 && i < scope->t->n_endpoints; i++) {
		r = add_self(s, at, &scope->t->endpoints[i].ip);
		if (r == 0 && six)
			r = add_self(s, at, &scope->t->endpoints[i].ip6);
	}
	for (i = 0; r == 0 && i < 2 * b->n_far; i++) {
		const bool v6 = i % 2;

		if (six || !v6)
			r = add_cable(s, at, &b->far[i / 2], v6);
	}
	return r == 0 && b->up.link ? add_uplink(s, at, scope) : r;
}
