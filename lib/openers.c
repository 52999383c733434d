/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsnet_who_can(): who of other tenants can open what to an endpoint, by the kernel's state */
#include "openers.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "verify/topo_kind.h"

void nsnet_openers_free(const struct nsnet_openers *o)
{
	struct nsn_openers *own = (struct nsn_openers *)(uintptr_t)o;

	if (!own)
		return;
	nsn_arena_free(&own->mem);
	free(own->list);
	free(own);
}

static void opening_clear(struct nsn_opening *x)
{
	nsn_walker_close(&x->w);
	free(x->reached);
	nsnet_openers_free(x->o ? &x->o->pub : NULL);
}

static _Noreturn void no_memory(struct nsn_opening *x)
{
	nsn_space_stop(&x->w.space, "memory");
}

int nsn_opening_add(struct nsn_opening *x, const struct nsnet_opener *like)
{
	struct nsn_openers *o = x->o;
	struct nsnet_opener *more;

	if (o->n == o->max) {
		more = reallocarray(o->list, o->max * 2 + 8, sizeof(*more));
		if (!more)
			return -ENOMEM;
		o->list = more;
		o->max = o->max * 2 + 8;
	}
	more = &o->list[o->n];
	*more = *like;
	more->from = nsn_arena_strdup(&o->mem, like->from);
	more->ports = nsn_arena_strdup(&o->mem, like->ports);
	more->policy = nsn_arena_strdup(&o->mem, like->policy);
	if (!more->from || !more->ports || !more->policy)
		return -ENOMEM;
	o->n++;
	return 0;
}

/* ---- what is asked about --------------------------------------------------------- */

static bool is_target(const struct nsn_opening *x, size_t ns)
{
	const struct nsn_vns *v;

	if (ns >= x->w.given.snap.n_ns)
		return false;
	v = &x->w.given.snap.ns[ns];
	return v->kind == NSN_VNS_WORKLOAD && v->tenant == x->to->id &&
	       (!x->to_end || v->endpoint == x->to_end->id);
}

/* One service, in the family of the packets; all when none was named. */
static nsn_set_t service_set(struct nsn_opening *x, uint8_t family)
{
	struct nsn_space *s = &x->w.space;
	struct nsn_service service;

	if (!x->ports)
		return nsn_all(s);
	if (nsn_service_parse(&service, x->ports, family, NULL) < 0)
		return nsn_none(s);
	return nsn_and(s, nsn_is(s, NSN_F_PROTO, service.proto),
		       nsn_is(s, service.icmp ? NSN_F_SPORT : NSN_F_DPORT, service.port));
}

/* ---- past all gateways ----------------------------------------------------------- */

static void mark_beside(struct nsn_opening *x, size_t ns, bool *more)
{
	const struct nsn_snap *snap = &x->w.given.snap;

	for (size_t i = x->w.topo.first[ns]; i < x->w.topo.first[ns + 1]; i++) {
		const struct nsn_edge *e = &x->w.topo.edges[x->w.topo.of[i]];
		const size_t other = e->a == ns ? e->b : e->a;

		if (other >= snap->n_ns || x->reached[other] || snap->ns[other].full)
			continue;
		x->reached[other] = true;
		*more = true;
	}
}

/*
 * Namespaces that are joined with those of the target by links of which none is a trusted
 * one's: whoever lives there passes on what he likes.
 */
static int find_beside(struct nsn_opening *x, struct nsnet_err *err)
{
	const struct nsn_snap *snap = &x->w.given.snap;
	bool more = true;

	x->reached = calloc(snap->n_ns + 1, sizeof(*x->reached));
	if (!x->reached)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < snap->n_ns; i++)
		x->reached[i] = is_target(x, i);
	while (more) {
		more = false;
		for (size_t i = 0; i < snap->n_ns; i++)
			if (x->reached[i])
				mark_beside(x, i, &more);
	}
	for (size_t i = 0; i < snap->n_ns; i++) {
		const struct nsn_vns *ns = &snap->ns[i];
		const struct nsnet_opener like = {.from = ns->name,
						  .ports = "any (by a link past the gateway)",
						  .policy = ""};

		if (x->reached[i] && !is_target(x, i) && ns->tenant != x->to->id &&
		    nsn_opening_add(x, &like) < 0)
			return nsn_err_nomem(err);
	}
	return 0;
}

/* ---- through gateways ------------------------------------------------------------ */

static void take_arrivals(struct nsn_opening *x, struct nsn_source *from,
			  const struct nsn_arrivals *all, uint8_t family)
{
	struct nsn_space *s = &x->w.space;
	const nsn_set_t fresh =
		nsn_sub(s, nsn_sub(s, nsn_all(s), nsn_is(s, NSN_F_CTSTATE, NSN_CT_ESTABLISHED)),
			nsn_is(s, NSN_F_CTSTATE, NSN_CT_RELATED));
	nsn_set_t *got = family == AF_INET6 ? &from->got6 : family ? &from->got4 : &from->other;

	for (size_t i = 0; i < all->n; i++) {
		const struct nsn_arrival *a = &all->list[i];
		nsn_set_t set;

		if (a->kind == NSN_ARRIVES_BLIND)
			x->unsure = true;
		if (a->kind != NSN_ARRIVES || !is_target(x, a->to))
			continue;
		set = family ? nsn_and(s, nsn_and(s, a->set, fresh), service_set(x, family))
			     : a->set;
		*got = nsn_or(s, *got, set);
	}
}

static void walk_source(struct nsn_opening *x, size_t tenant, size_t endpoint)
{
	static const uint8_t families[] = {AF_INET, AF_INET6, 0};
	const size_t gw = nsn_walker_gateway(&x->w, tenant);
	const size_t ns = nsn_walker_workload(&x->w, tenant, endpoint);
	const nsn_set_t none = nsn_none(&x->w.space);
	const struct nsn_tenant *t = &x->w.given.intent.tenants[tenant];
	struct nsn_source from = {.tenant = tenant,
				  .endpoint = &t->endpoints[endpoint],
				  .got4 = none,
				  .got6 = none,
				  .other = none};
	const struct nsn_vlink *port;

	if (gw == NSN_NOWHERE || ns == NSN_NOWHERE)
		return;
	port = nsn_walker_port(&x->w, gw, ns);
	if (!port)
		return;
	for (size_t i = 0; i < sizeof(families); i++) {
		struct nsn_arrivals all = {0};

		if (families[i] == 0 && x->ports)
			continue;
		nsn_walk_from(x->w.walk, gw, &port->index, 1, families[i], &all);
		take_arrivals(x, &from, &all, families[i]);
	}
	if (nsn_opening_say(x, &from) < 0)
		no_memory(x);
}

/* One tenant after the other, so that what was made for one is freed before the next. */
static int walk_tenant(struct nsn_opening *x, size_t tenant, struct nsnet_err *err)
{
	const struct nsn_tenant *t = &x->w.given.intent.tenants[tenant];
	const size_t before = x->o->n;
	int r = nsn_asked_pair(x->w.asked, tenant, x->to_tenant, &x->boxes, err);

	for (size_t i = 0; r == 0 && i < t->n_endpoints; i++) {
		const nsn_mark_t mark = nsn_space_mark(&x->w.space);

		walk_source(x, tenant, i);
		nsn_space_release(&x->w.space, mark);
	}
	nsn_boxes_clear(&x->boxes);
	if (r == 0)
		nsn_opening_fold(x, t, before);
	return r;
}

static bool has_border(const struct nsn_opening *x)
{
	return x->to && x->w.host != NSN_NOWHERE && !nsn_topo_apart(&x->w.topo, x->to->id, 0);
}

/* What comes in from outside, or from the host's own sockets. */
static int walk_beyond(struct nsn_opening *x, enum nsn_where where, struct nsnet_err *err)
{
	static const uint8_t families[] = {AF_INET, AF_INET6, 0};
	const bool host = where == NSN_WHERE_HOST;
	const nsn_mark_t mark = nsn_space_mark(&x->w.space);
	const nsn_set_t none = nsn_none(&x->w.space);
	struct nsn_source from = {
		.got4 = none, .got6 = none, .other = none, .beyond = host ? "host" : "internet"};
	uint32_t *links = nsn_space_alloc(&x->w.space, (x->w.given.snap.ns[x->w.host].n_links + 1) *
							       sizeof(*links));
	const size_t n = nsn_walk_outer(x->w.walk, x->w.host, links);
	int r = nsn_asked_beyond(x->w.asked, &x->w.beyond, x->to_tenant, where, false, &x->boxes,
				 err);

	for (size_t i = 0; r == 0 && i < sizeof(families); i++) {
		struct nsn_arrivals all = {0};

		if (families[i] == 0 && (x->ports || host))
			continue;
		if (host)
			nsn_walk_sent(x->w.walk, x->w.host, families[i], &all);
		else
			nsn_walk_from(x->w.walk, x->w.host, links, n, families[i], &all);
		take_arrivals(x, &from, &all, families[i]);
	}
	if (r == 0 && nsn_opening_say_beyond(x, &from) < 0)
		no_memory(x);
	nsn_boxes_clear(&x->boxes);
	nsn_space_release(&x->w.space, mark);
	return r;
}

static int walk_all(struct nsn_opening *x, struct nsnet_err *err)
{
	int r;

	if (sigsetjmp(x->w.space.out, 0) != 0) {
		/* What was found is so; there may be more. */
		nsn_boxes_clear(&x->boxes);
		x->unsure = true;
		return 0;
	}
	r = nsn_walker_begin(&x->w, err);
	for (x->at = 0; r == 0 && x->at < x->w.given.intent.n_tenants; x->at++) {
		const struct nsn_tenant *t = &x->w.given.intent.tenants[x->at];

		if (x->to && x->at != x->to_tenant && t->id &&
		    !nsn_topo_apart(&x->w.topo, t->id, x->to->id))
			r = walk_tenant(x, x->at, err);
	}
	if (r == 0 && has_border(x))
		r = walk_beyond(x, NSN_WHERE_OUTSIDE, err);
	if (r == 0 && has_border(x))
		r = walk_beyond(x, NSN_WHERE_HOST, err);
	return r;
}

/* Whether links lead from a namespace that is no tenant's to the target. */
static bool is_joined(const struct nsn_opening *x, size_t at)
{
	const struct nsn_snap *snap = &x->w.given.snap;

	for (size_t i = 0; i < snap->n_ns; i++)
		if (nsn_vns_is_tenants(&snap->ns[i]) && snap->ns[i].tenant == x->to->id &&
		    x->w.topo.component[i] == x->w.topo.component[at])
			return true;
	return false;
}

/* A way that leads nobody knows where: but for links of the host, from which all was walked. */
static bool is_loose(const struct nsn_opening *x)
{
	const struct nsn_topo *t = &x->w.topo;

	if (t->blind != NSN_NOWHERE)
		return true;
	for (size_t i = 0; i < t->n_edges; i++) {
		const struct nsn_edge *e = &t->edges[i];
		const struct nsn_vns *ns = &x->w.given.snap.ns[e->a];

		if (e->b != NSN_NOWHERE || (e->a == x->w.host && e->la && x->w.walk &&
					    nsn_walk_is_outer(x->w.walk, e->a, e->la)))
			continue;
		if (nsn_vns_is_tenants(ns) ? !nsn_topo_apart(t, x->to->id, ns->tenant)
					   : is_joined(x, e->a))
			return true;
	}
	return false;
}

/*
 * A link that nobody wants may lead past the ports from which packets were followed, into
 * whatever gateway.
 */
static bool has_stray(const struct nsn_opening *x)
{
	const struct nsn_topo *t = &x->w.topo;

	for (size_t i = 0; i < t->n_edges; i++) {
		const struct nsn_vns *ns = &x->w.given.snap.ns[t->edges[i].a];

		if (t->edges[i].kind == NSN_EDGE_STRAY && x->to &&
		    !nsn_topo_apart(t, x->to->id, ns->tenant))
			return true;
	}
	return false;
}

/* Whether all that could lead to it was seen. */
static bool all_seen(const struct nsn_opening *x)
{
	const struct nsn_snap *snap = &x->w.given.snap;

	if (!x->to || x->unsure || snap->n_unsure > 0 || has_stray(x))
		return false;
	if (has_border(x) ? is_loose(x)
			  : nsn_topo_loose(&x->w.topo, x->to->id) ||
				    !nsn_topo_apart(&x->w.topo, x->to->id, 0))
		return false;
	for (size_t i = 0; i < snap->n_ns; i++)
		if (snap->ns[i].n_strange > 0 && snap->ns[i].full &&
		    (snap->ns[i].tenant || has_border(x)))
			return false;
	return true;
}

static int find_target(struct nsn_opening *x, const char *to, struct nsnet_err *err)
{
	size_t endpoint;
	int r = nsn_given_find(&x->w.given, to, &x->to_tenant, &endpoint, err);

	if (r < 0)
		return r;
	x->to = &x->w.given.intent.tenants[x->to_tenant];
	x->to_end = endpoint == SIZE_MAX ? NULL : &x->to->endpoints[endpoint];
	x->o->pub.to = nsn_arena_strdup(&x->o->mem, to);
	x->o->pub.hash = nsn_arena_strdup(&x->o->mem, x->w.given.snap.hash);
	return x->o->pub.to && x->o->pub.hash ? 0 : nsn_err_nomem(err);
}

int nsnet_who_can(struct nsnet *n, const struct nsnet_verify_how *how, const char *to,
		  const char *ports, const struct nsnet_openers **ret, struct nsnet_err *err)
{
	NSN_AUTO(opening_clear)
	struct nsn_opening x = {.ports = ports, .o = calloc(1, sizeof(*x.o))};
	struct nsn_service service;
	int r = x.o ? 0 : nsn_err_nomem(err);

	if (r == 0 && ports)
		r = nsn_service_parse(&service, ports, AF_INET, err);
	if (r == 0)
		r = nsn_walker_open(&x.w, n, how, err);
	if (r == 0)
		r = find_target(&x, to, err);
	if (r == 0)
		r = find_beside(&x, err);
	if (r == 0)
		r = walk_all(&x, err);
	if (r < 0)
		return r;
	x.o->pub.certainty = all_seen(&x) ? NSNET_PROVED : NSNET_INCONCLUSIVE;
	x.o->pub.list = x.o->list;
	x.o->pub.n = x.o->n;
	*ret = &NSN_TAKE_PTR(x.o)->pub;
	return 0;
}
