/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsnet_explain(): a packet that opens a connection, taken through the kernel's state */
#include "explain.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

NSN_CLEANUP(struct nsnet_rules, nsnet_rules_free)

#define SOURCE_PORT 50112 /* out of those that Linux takes for who does not choose */
#define TCP_SYN	    0x02

void nsnet_explained_free(const struct nsnet_explained *e)
{
	struct nsn_explained *own = (struct nsn_explained *)(uintptr_t)e;

	if (!own)
		return;
	nsn_arena_free(&own->mem);
	free(own);
}

void nsn_explaining_clear(struct nsn_explaining *x)
{
	nsn_passage_clear(&x->passage);
	nsn_walker_close(&x->w);
	nsnet_explained_free(x->e ? &x->e->pub : NULL);
}

static struct nsn_ip ip_of(const struct nsn_endpoint *e, uint8_t family)
{
	return family == AF_INET6 ? e->ip6 : e->ip;
}

/* ---- who is meant ---------------------------------------------------------------- */

/* Of a tenant without more words the one called default, or its first. */
static int choose(const struct nsn_tenant *t, size_t *endpoint, struct nsnet_err *err)
{
	if (*endpoint != SIZE_MAX)
		return 0;
	if (t->n_endpoints == 0)
		return nsn_err(err, -ENOENT, NSNET_E_NO_ENDPOINT, "tenant '%s' has no endpoint",
			       t->name);
	*endpoint = 0;
	for (size_t i = 0; i < t->n_endpoints; i++)
		if (strcmp(t->endpoints[i].name, NSN_DEFAULT_ENDPOINT) == 0)
			*endpoint = i;
	return 0;
}

/* A tenant's endpoint, or what is beyond; @tenant SIZE_MAX then. */
static int find_side(struct nsn_explaining *x, const char *text, size_t *tenant, size_t *end,
		     const struct nsn_tenant **ret, const struct nsn_endpoint **ret_end,
		     struct nsn_ip *ip, struct nsnet_err *err)
{
	int r = nsn_explain_beyond(x, text, ip, err);

	*tenant = *end = SIZE_MAX;
	if (r <= 0)
		return r;
	r = nsn_given_find(&x->w.given, text, tenant, end, err);
	if (r == 0)
		r = choose(&x->w.given.intent.tenants[*tenant], end, err);
	if (r < 0)
		return r;
	*ret = &x->w.given.intent.tenants[*tenant];
	*ret_end = &(*ret)->endpoints[*end];
	*ip = ip_of(*ret_end, x->family);
	return 0;
}

static int find_sides(struct nsn_explaining *x, const char *from, const char *to,
		      struct nsnet_err *err)
{
	size_t a = 0, b = 0;
	int r = find_side(x, from, &x->from_tenant, &a, &x->from, &x->from_end, &x->from_ip, err);

	if (r == 0)
		r = find_side(x, to, &x->to_tenant, &b, &x->to, &x->to_end, &x->to_ip, err);
	if (r < 0)
		return r;
	if (!x->from && !x->to) {
		(void)nsn_err(err, -EINVAL, NSNET_E_BAD_FLOW,
			      "neither %s nor %s is a tenant: nsnet does not stand between them",
			      from, to);
		return nsn_err_hint(err, -EINVAL,
				    "one of both is a tenant: customer1/app internet");
	}
	if (x->from_tenant == x->to_tenant && a == b) {
		(void)nsn_err(err, -EINVAL, NSNET_E_BAD_FLOW, "from %s to itself nothing is sent",
			      from);
		return nsn_err_hint(err, -EINVAL, "two endpoints: customer1/app customer1/db");
	}
	x->gateway = x->from_ns = x->to_ns = NSN_NOWHERE;
	x->sent_to = x->to_ip;
	x->sent_port = x->service.port;
	if (x->to)
		x->to_ns = nsn_walker_workload(&x->w, x->to_tenant, b);
	if (!x->from)
		return nsn_explain_way_in(x, err);
	x->gateway = nsn_walker_gateway(&x->w, x->from_tenant);
	x->from_ns = nsn_walker_workload(&x->w, x->from_tenant, a);
	if (x->gateway != NSN_NOWHERE && x->from_ns != NSN_NOWHERE)
		x->port = nsn_walker_port(&x->w, x->gateway, x->from_ns);
	return 0;
}

static const char *side_text(struct nsn_arena *mem, const struct nsn_tenant *t,
			     const struct nsn_endpoint *e, const char *asked)
{
	return t ? nsn_arena_printf(mem, "%s/%s", t->name, e->name) : nsn_arena_strdup(mem, asked);
}

static int say_sides(struct nsn_explaining *x, const char *from_text, const char *to_text,
		     const char *ports, struct nsnet_err *err)
{
	struct nsn_arena *mem = &x->e->mem;
	struct nsnet_explained *pub = &x->e->pub;
	const struct nsn_ip *from = &x->from_ip, *to = &x->to_ip;
	char buf[NSN_IP_STRLEN];

	pub->from = side_text(mem, x->from, x->from_end, from_text);
	pub->to = side_text(mem, x->to, x->to_end, to_text);
	pub->from_ip = nsn_arena_strdup(mem, from->family ? nsn_ip_str(from, buf) : "");
	pub->to_ip = nsn_arena_strdup(mem, to->family ? nsn_ip_str(to, buf) : "");
	pub->ports = nsn_arena_strdup(mem, ports);
	pub->hash = nsn_arena_strdup(mem, x->w.given.snap.hash);
	return pub->from && pub->to && pub->from_ip && pub->to_ip && pub->ports && pub->hash
		       ? 0
		       : nsn_err_nomem(err);
}

/* ---- the packet ------------------------------------------------------------------ */

static const struct nsn_vlink *link_to(const struct nsn_vns *ns, size_t peer)
{
	for (size_t i = 0; i < ns->n_links; i++)
		if (ns->links[i].peer_ns == peer)
			return &ns->links[i];
	return NULL;
}

/* Who has the address on this network, by the gateway's fixed neighbours. */
static const struct nsn_mac *neighbour(const struct nsn_vns *gw, const struct nsn_ip *ip)
{
	for (size_t i = 0; i < gw->n_neighs; i++)
		if (!gw->neighs[i].proxy && nsn_ip_cmp(&gw->neighs[i].ip, ip) == 0)
			return &gw->neighs[i].mac;
	return NULL;
}

static nsn_u128 source_mac(const struct nsn_explaining *x)
{
	const struct nsn_vns *gw = &x->w.given.snap.ns[x->gateway];
	const struct nsn_vlink *own =
		x->from ? link_to(&x->w.given.snap.ns[x->from_ns], x->gateway) : NULL;
	const struct nsn_mac *mac = neighbour(gw, &x->from_ip);

	if (own)
		return nsn_walker_mac(&own->mac);
	return mac ? nsn_walker_mac(mac) : 0;
}

/* A neighbour is asked for its own address; everything else is sent to the gateway. */
static nsn_u128 destination_mac(const struct nsn_explaining *x)
{
	const struct nsn_vns *gw = &x->w.given.snap.ns[x->gateway];
	const struct nsn_vlink *bridge = nsn_vns_link(gw, x->port->master);
	const struct nsn_vlink *other;
	const struct nsn_mac *mac;

	if (x->from && x->from_tenant == x->to_tenant && !x->from->inside_deny) {
		mac = neighbour(gw, &x->to_ip);
		other = x->to_ns == NSN_NOWHERE
				? NULL
				: link_to(&x->w.given.snap.ns[x->to_ns], x->gateway);
		if (other)
			return nsn_walker_mac(&other->mac);
		if (mac)
			return nsn_walker_mac(mac);
	}
	return nsn_walker_mac(bridge ? &bridge->mac : &x->port->mac);
}

static void make_packet(const struct nsn_explaining *x, struct nsn_packet *p)
{
	const bool six = x->family == AF_INET6;

	*p = (struct nsn_packet){0};
	p->v[NSN_F_ETYPE] = six ? 0x86dd : 0x0800;
	if (x->port) {
		p->v[NSN_F_IIF] = x->port->index;
		p->v[NSN_F_L2SRC] = source_mac(x);
		p->v[NSN_F_L2DST] = destination_mac(x);
	}
	p->v[NSN_F_SRC] = nsn_walker_ip(&x->from_ip);
	p->v[NSN_F_DST] = nsn_walker_ip(&x->sent_to);
	p->v[NSN_F_PROTO] = x->service.proto;
	p->v[NSN_F_SPORT] = x->service.icmp  ? x->service.port
			    : x->source_port ? x->source_port
					     : SOURCE_PORT;
	p->v[NSN_F_DPORT] = x->service.icmp ? 0 : x->sent_port;
	p->v[NSN_F_FLAGS] = x->service.proto == IPPROTO_TCP ? TCP_SYN : 0;
	p->v[NSN_F_TTL] = 64;
	p->v[NSN_F_NEXT] = six ? x->service.proto : 0;
	p->v[NSN_F_CTSTATE] = NSN_CT_NEW;
}

/* Whoever runs out of the budget comes back here, and nothing is known. */
static int walk(struct nsn_explaining *x, struct nsnet_err *err)
{
	struct nsn_packet packet;
	int r;

	if (sigsetjmp(x->w.space.out, 0) != 0) {
		x->walked = true;
		x->passage.unsure = true;
		return 0;
	}
	r = nsn_walker_begin(&x->w, err);
	if (r < 0)
		return r;
	nsn_explain_search(x);
	make_packet(x, &packet);
	nsn_walk_one(x->w.walk, x->gateway, x->port ? x->port->index : 0, &packet, &x->passage);
	x->walked = true;
	return 0;
}

int nsn_explain_place(struct nsn_explaining *x, struct nsnet *n, const char *policy,
		      const char **ret, struct nsnet_err *err)
{
	NSN_AUTO(nsnet_rules_freep) struct nsnet_rules *rules = NULL;
	struct nsnet_rule rule;
	int r;

	*ret = "";
	if (!n || x->w.given.from_file || !*policy)
		return 0;
	r = nsnet_rule_list(n, 0, &rules, err);
	for (size_t i = 0; r == 0 && i < nsnet_rules_count(rules); i++) {
		nsnet_rules_get(rules, i, &rule);
		if (strcmp(rule.name, policy) != 0 || !*rule.file)
			continue;
		*ret = nsn_arena_printf(&x->e->mem, "%s:%u", rule.file, rule.line);
		if (!*ret)
			return nsn_err_nomem(err);
	}
	return r;
}

static bool has_packet(const struct nsn_explaining *x)
{
	const bool own = !x->from && x->where == NSN_WHERE_HOST && x->gateway != NSN_NOWHERE;

	return (x->port || own) && x->from_ip.family && x->to_ip.family;
}

int nsn_explain_make(struct nsn_explaining *x, struct nsnet *n, const struct nsnet_verify_how *how,
		     const char *from, const char *to, const char *ports, struct nsnet_err *err)
{
	const char *service = ports ? ports : "icmp/echo";
	int r;

	x->e = calloc(1, sizeof(*x->e));
	r = x->e ? nsn_service_parse(&x->service, service, x->family, err) : nsn_err_nomem(err);
	if (r == 0)
		r = nsn_walker_open(&x->w, n, how, err);
	if (r == 0)
		r = find_sides(x, from, to, err);
	if (r == 0)
		r = say_sides(x, from, to, service, err);
	if (r == 0)
		r = nsn_explain_ask(x, err);
	if (r == 0 && has_packet(x))
		r = walk(x, err);
	if (r == 0)
		r = nsn_explain_hops(x, err);
	if (r == 0)
		r = nsn_explain_why(x, err);
	return r == 0 ? nsn_explain_place(x, n, x->e->pub.policy, &x->e->pub.policy_at, err) : r;
}

int nsnet_explain(struct nsnet *n, const struct nsnet_verify_how *how, const char *from,
		  const char *to, const char *ports, bool ipv6, const struct nsnet_explained **ret,
		  struct nsnet_err *err)
{
	NSN_AUTO(nsn_explaining_clear)
	struct nsn_explaining x = {.family = ipv6 ? AF_INET6 : AF_INET};
	int r = nsn_explain_make(&x, n, how, from, to, ports, err);

	if (r < 0)
		return r;
	*ret = &NSN_TAKE_PTR(x.e)->pub;
	return 0;
}
