/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "predict.h"

#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>

#include "compile/border.h"
#include "ctx.h"
#include "predict_parts.h"

static const struct nsn_place gateway = {.role = NSN_GATEWAY};

const struct nsn_object *nsn_guess_objects(const struct nsn_guess *g, enum nsn_kind kind, size_t *n)
{
	return nsn_state_at(g->state, kind, g->at, n);
}

void *nsn_guess_list(const struct nsn_guess *g, const void *list, size_t n, size_t more,
		     size_t size)
{
	void *ret = nsn_arena_alloc(g->mem, (n + more + 1) * size);

	if (ret && n)
		memcpy(ret, list, n * size);
	return ret;
}

struct nsn_vlink *nsn_guess_link(struct nsn_vns *ns, const char *name)
{
	for (size_t i = 0; i < ns->n_links; i++)
		if (strcmp(ns->links[i].name, name) == 0)
			return &ns->links[i];
	return NULL;
}

/* ---- which namespaces there are ----------------------------------------------------------------
 */

struct predict {
	struct nsn_snap *ret;
	const struct nsn_snap *now;
	const struct nsn_predicted *want;
	size_t n;
	const struct nsn_state *host;
	size_t *place; /* of each namespace of now in ret; NSN_NOWHERE: gone */
	bool *bare;    /* of each: its network is gone, and somebody still lives in it */
	uint64_t inode;
	struct nsnet_err *err;
};

static const struct nsn_predicted *find_want(const struct predict *p, uint64_t tenant)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->want[i].tenant->id == tenant)
			return &p->want[i];
	return NULL;
}

static bool is_wanted(const struct predict *p, const struct nsn_vns *ns)
{
	const struct nsn_predicted *w = find_want(p, ns->tenant);

	if (ns->kind != NSN_VNS_GATEWAY && ns->kind != NSN_VNS_WORKLOAD)
		return true;
	if (!w || ns->kind == NSN_VNS_GATEWAY)
		return w;
	for (size_t i = 0; i < w->tenant->n_endpoints; i++)
		if (w->tenant->endpoints[i].id == ns->endpoint)
			return true;
	return false;
}

static struct nsn_vns *find_ns(const struct predict *p, enum nsn_vns_kind kind, uint64_t tenant,
			       uint64_t endpoint)
{
	for (size_t i = 0; i < p->ret->n_ns; i++) {
		struct nsn_vns *ns = &p->ret->ns[i];

		if (ns->kind == kind && ns->tenant == tenant && ns->endpoint == endpoint)
			return ns;
	}
	return NULL;
}

/* What is left of a network that was taken away from somebody who still runs: `lo`. */
static void strip(struct nsn_vns *ns)
{
	ns->kind = NSN_VNS_FOREIGN;
	ns->tenant = ns->endpoint = 0;
	ns->full = false;
	ns->n_addrs = ns->n_routes = ns->n_fibs = ns->n_neighs = ns->n_fdb = 0;
	ns->n_tables = ns->n_cts = ns->n_sysctls = 0;
}

static int copy_links(const struct predict *p, struct nsn_vns *to, bool bare)
{
	struct nsn_arena *mem = &p->ret->mem;
	struct nsn_vlink *list = nsn_arena_alloc(mem, (to->n_links + 1) * sizeof(*list));
	size_t n = 0;

	if (!list)
		return nsn_err_nomem(p->err);
	for (size_t i = 0; i < to->n_links; i++) {
		const struct nsn_vlink *l = &to->links[i];
		const size_t peer = l->peer_ns;
		const bool gone =
			peer != NSN_NOWHERE && (p->place[peer] == NSN_NOWHERE || p->bare[peer]);

		/* Of a pair both ends go. */
		if (gone || (bare && peer != NSN_NOWHERE))
			continue;
		list[n] = *l;
		list[n++].peer_ns = peer == NSN_NOWHERE ? peer : p->place[peer];
	}
	to->links = list;
	to->n_links = n;
	return 0;
}

/* `aside` is of whoever proved the present one. */
static int copy_tables(const struct predict *p, struct nsn_vns *to)
{
	struct nsn_arena *mem = &p->ret->mem;

	if (to->n_tables == 0)
		return 0;
	to->tables = nsn_arena_memdup(mem, to->tables, to->n_tables * sizeof(*to->tables));
	for (size_t i = 0; to->tables && i < to->n_tables; i++) {
		struct nsn_vtable *t = &to->tables[i];

		if (t->n_sets == 0)
			continue;
		t->sets = nsn_arena_memdup(mem, t->sets, t->n_sets * sizeof(*t->sets));
		if (!t->sets)
			return nsn_err_nomem(p->err);
		for (size_t k = 0; k < t->n_sets; k++)
			t->sets[k].aside = NULL;
	}
	return to->tables ? 0 : nsn_err_nomem(p->err);
}

static int copy_held(const struct predict *p, struct nsn_vns *to)
{
	if (to->n_held == 0)
		return 0;
	to->held = nsn_arena_memdup(&p->ret->mem, to->held, to->n_held * sizeof(*to->held));
	if (!to->held)
		return nsn_err_nomem(p->err);
	for (size_t i = 0; i < to->n_held; i++)
		if (to->held[i].home != NSN_NOWHERE)
			to->held[i].home = p->place[to->held[i].home];
	return 0;
}

static int copy_all(struct predict *p)
{
	int r = 0;

	for (size_t i = 0; i < p->now->n_ns; i++) {
		const struct nsn_vns *ns = &p->now->ns[i];
		const bool wanted = is_wanted(p, ns);

		p->inode = ns->inode > p->inode ? ns->inode : p->inode;
		p->bare[i] = !wanted && (ns->n_procs || ns->n_held);
		p->place[i] = wanted || p->bare[i] ? p->ret->n_ns++ : NSN_NOWHERE;
	}
	for (size_t i = 0; r == 0 && i < p->now->n_ns; i++) {
		struct nsn_vns *to;

		if (p->place[i] == NSN_NOWHERE)
			continue;
		to = &p->ret->ns[p->place[i]];
		*to = p->now->ns[i];
		to->aside = NULL;
		if (p->bare[i])
			strip(to);
		r = copy_links(p, to, p->bare[i]);
		if (r == 0)
			r = copy_tables(p, to);
		if (r == 0)
			r = copy_held(p, to);
	}
	return r;
}

static const char *pin_of(const struct nsn_state *s, struct nsn_place at)
{
	size_t n;
	const struct nsn_object *o = nsn_state_at(s, NSN_OBJ_PIN, at, &n);

	return n ? o->u.pin : "";
}

/* New ones, empty. */
static int add_missing(struct predict *p, const struct nsn_predicted *w)
{
	const struct nsn_tenant *t = w->tenant;
	struct nsn_arena *mem = &p->ret->mem;

	if (!find_ns(p, NSN_VNS_GATEWAY, t->id, 0))
		p->ret->ns[p->ret->n_ns++] =
			(struct nsn_vns){.kind = NSN_VNS_GATEWAY,
					 .inode = ++p->inode,
					 .name = nsn_arena_printf(mem, "gateway of %s", t->name),
					 .path = pin_of(w->state, gateway),
					 .tenant = t->id,
					 .full = true,
					 .why = ""};
	for (size_t i = 0; i < t->n_endpoints; i++) {
		const struct nsn_endpoint *e = &t->endpoints[i];
		const struct nsn_place at = {.role = NSN_ENDPOINT, .id = e->id};

		if (!find_ns(p, NSN_VNS_WORKLOAD, t->id, e->id))
			p->ret->ns[p->ret->n_ns++] = (struct nsn_vns){
				.kind = NSN_VNS_WORKLOAD,
				.inode = ++p->inode,
				.name = nsn_arena_printf(mem, "%s/%s", t->name, e->name),
				.path = pin_of(w->state, at),
				.tenant = t->id,
				.endpoint = e->id,
				.why = ""};
	}
	for (size_t i = 0; i < p->ret->n_ns; i++)
		if (!p->ret->ns[i].name)
			return nsn_err_nomem(p->err);
	return 0;
}

/* ---- workloads
 * ------------------------------------------------------------------------------------ */

static void fill_link(struct nsn_vlink *l, const struct nsn_object *o)
{
	l->mac = o->u.dev.mac;
	l->mtu = o->u.dev.mtu;
	l->group = o->u.dev.group;
	l->flags |= IFF_UP;
}

static struct nsn_vlink new_link(uint32_t index, const char *name, const char *kind, uint32_t flags,
				 uint16_t type)
{
	const struct nsn_vconf unknown = {-1, -1, -1, -1, -1, -1, -1, -1, -1,
					  -1, -1, -1, -1, -1, -1, -1, -1};

	return (struct nsn_vlink){.index = index,
				  .name = name,
				  .kind = kind,
				  .port_kind = "",
				  .alias = "",
				  .qdisc = "noqueue",
				  .detail = "",
				  .flags = flags | IFF_UP,
				  .type = type,
				  .mtu = 65536,
				  .peer_nsid = -1,
				  .peer_ns = NSN_NOWHERE,
				  .conf = unknown};
}

/* Of a workload's links only who they are counts. */
static int fill_workload(struct predict *p, const struct nsn_predicted *w,
			 const struct nsn_endpoint *e)
{
	const struct nsn_place at = {.role = NSN_ENDPOINT, .id = e->id};
	const struct nsn_object *o = nsn_state_link(w->state, at, NSN_ENDPOINT_LINK);
	struct nsn_vns *ns = find_ns(p, NSN_VNS_WORKLOAD, w->tenant->id, e->id);
	struct nsn_vlink *list;
	uint32_t next = 1;

	if (!o || !ns)
		return 0;
	for (size_t i = 0; i < ns->n_links; i++)
		next = ns->links[i].index >= next ? ns->links[i].index + 1 : next;
	list = nsn_arena_alloc(&p->ret->mem, (ns->n_links + 2) * sizeof(*list));
	if (!list)
		return nsn_err_nomem(p->err);
	if (ns->n_links)
		memcpy(list, ns->links, ns->n_links * sizeof(*list));
	ns->links = list;
	if (ns->n_links == 0)
		list[ns->n_links++] = new_link(next++, "lo", "", IFF_LOOPBACK, ARPHRD_LOOPBACK);
	if (!nsn_guess_link(ns, NSN_ENDPOINT_LINK))
		list[ns->n_links++] = new_link(next, NSN_ENDPOINT_LINK, "veth",
					       IFF_BROADCAST | IFF_MULTICAST, ARPHRD_ETHER);
	fill_link(nsn_guess_link(ns, NSN_ENDPOINT_LINK), o);
	return 0;
}

/* ---- pairs
 * ---------------------------------------------------------------------------------------- */

/* The kernel numbers the namespaces that a namespace knows of, each once. */
static int32_t nsid_of(const struct nsn_vns *ns, size_t peer)
{
	int32_t next = 0;

	for (size_t i = 0; i < ns->n_links; i++) {
		if (ns->links[i].peer_ns == peer && ns->links[i].peer_nsid >= 0)
			return ns->links[i].peer_nsid;
		if (ns->links[i].peer_nsid >= next)
			next = ns->links[i].peer_nsid + 1;
	}
	return next;
}

static void join(struct predict *p, struct nsn_vns *ns, struct nsn_vlink *l, struct nsn_vns *other,
		 const struct nsn_vlink *peer)
{
	const size_t place = (size_t)(other - p->ret->ns);

	l->peer_index = peer->index;
	l->peer_nsid = nsid_of(ns, place);
	l->peer_ns = place;
	l->peer_lost = false;
}

static void join_all(struct predict *p, const struct nsn_predicted *w)
{
	struct nsn_vns *ns = find_ns(p, NSN_VNS_GATEWAY, w->tenant->id, 0);
	size_t n;
	const struct nsn_object *o = nsn_state_at(w->state, NSN_OBJ_LINK, gateway, &n);

	for (size_t i = 0; i < n; i++) {
		const struct nsn_link *dev = &o[i].u.dev;
		struct nsn_vlink *l = nsn_guess_link(ns, o[i].link), *peer = NULL;
		struct nsn_vns *other;

		if (dev->type != NSN_LINK_VETH)
			continue;
		if (dev->peer_at.role == NSN_HOST)
			other = find_ns(p, NSN_VNS_HOST, 0, 0);
		else if (dev->peer_at.role == NSN_FAR)
			other = find_ns(p, NSN_VNS_GATEWAY, dev->peer_at.id, 0);
		else
			other = find_ns(p, NSN_VNS_WORKLOAD, w->tenant->id, dev->peer_at.id);
		peer = other ? nsn_guess_link(other, dev->peer) : NULL;
		/* Nobody knows where such a one leads. */
		l->peer_lost = !peer;
		if (!peer)
			continue;
		join(p, ns, l, other, peer);
		join(p, other, peer, ns, l);
	}
}

/* ---- all of it
 * ---------------------------------------------------------------------------------------- */

/* A gateway that is there, else the host: what this kernel has at all. */
static const struct nsn_vns *pattern(const struct nsn_snap *now)
{
	for (size_t i = 0; i < now->n_ns; i++)
		if (now->ns[i].kind == NSN_VNS_GATEWAY && now->ns[i].full)
			return &now->ns[i];
	return &now->ns[0];
}

static uint32_t last_index(const struct nsn_snap *now, uint64_t tenant)
{
	uint32_t last = 1;

	for (size_t i = 0; i < now->n_ns; i++) {
		const struct nsn_vns *ns = &now->ns[i];

		for (size_t k = 0;
		     ns->kind == NSN_VNS_GATEWAY && ns->tenant == tenant && k < ns->n_links; k++)
			last = ns->links[k].index > last ? ns->links[k].index : last;
	}
	return last;
}

static int fill_gateway(struct predict *p, const struct nsn_predicted *w)
{
	struct nsn_guess g = {.mem = &p->ret->mem,
			      .snap = p->ret,
			      .state = w->state,
			      .at = gateway,
			      .ns = find_ns(p, NSN_VNS_GATEWAY, w->tenant->id, 0),
			      .like = pattern(p->now),
			      .last = last_index(p->now, w->tenant->id),
			      .err = p->err};
	int r = nsn_guess_settings(&g);

	if (r == 0)
		r = nsn_guess_links(&g);
	if (r == 0)
		r = nsn_guess_routes(&g);
	return r == 0 ? nsn_guess_rules(&g) : r;
}

/* The highest number of a link of the host. */
static uint32_t last_of(const struct nsn_vns *ns)
{
	uint32_t last = 1;

	for (size_t i = 0; i < ns->n_links; i++)
		last = ns->links[i].index > last ? ns->links[i].index : last;
	return last;
}

static int fill_host(struct predict *p)
{
	struct nsn_vns *host = find_ns(p, NSN_VNS_HOST, 0, 0);
	struct nsn_guess g = {.mem = &p->ret->mem,
			      .snap = p->ret,
			      .state = p->host,
			      .at = {.role = NSN_HOST},
			      .ns = host,
			      .like = host,
			      .last = host ? last_of(host) : 0,
			      .err = p->err};

	return host && host->full && p->host ? nsn_guess_host(&g) : 0;
}

/* The host's half of an uplink goes with the gateway's. */
static void drop_halves(struct predict *p)
{
	struct nsn_vns *host = find_ns(p, NSN_VNS_HOST, 0, 0);
	size_t kept = 0;

	for (size_t i = 0; host && i < host->n_links; i++) {
		const struct nsn_vlink *l = &host->links[i];
		const struct nsn_vns *other =
			l->peer_ns < p->ret->n_ns ? &p->ret->ns[l->peer_ns] : NULL;

		if (strcmp(l->kind, "veth") == 0 && other && other->kind == NSN_VNS_GATEWAY &&
		    l->peer_index && !nsn_vns_link(other, l->peer_index))
			continue;
		host->links[kept++] = *l;
	}
	if (host)
		host->n_links = kept;
}

static int fill(struct predict *p)
{
	int r = copy_all(p);

	for (size_t i = 0; r == 0 && i < p->n; i++)
		if (p->want[i].state)
			r = add_missing(p, &p->want[i]);
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		const struct nsn_predicted *w = &p->want[i];

		if (!w->state)
			continue;
		r = fill_gateway(p, w);
		for (size_t k = 0; r == 0 && k < w->tenant->n_endpoints; k++)
			r = fill_workload(p, w, &w->tenant->endpoints[k]);
	}
	drop_halves(p);
	if (r == 0)
		r = fill_host(p);
	for (size_t i = 0; r == 0 && i < p->n; i++)
		if (p->want[i].state)
			join_all(p, &p->want[i]);
	return r;
}

int nsn_predict(struct nsn_snap *ret, const struct nsn_snap *now, const struct nsn_predicted *want,
		size_t n, const struct nsn_state *host, const char *policy, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) size_t *place = calloc(now->n_ns + 1, sizeof(*place));
	NSN_AUTO(nsn_freep) bool *bare = calloc(now->n_ns + 1, sizeof(*bare));
	struct predict p = {.ret = ret,
			    .now = now,
			    .want = want,
			    .n = n,
			    .host = host,
			    .place = place,
			    .bare = bare,
			    .err = err};
	size_t room = now->n_ns + 1;
	int r;

	for (size_t i = 0; i < n; i++)
		room += 1 + want[i].tenant->n_endpoints;
	*ret = *now;
	ret->mem = (struct nsn_arena){0};
	ret->n_ns = 0;
	ret->hash[0] = '\0';
	ret->ns = nsn_arena_alloc(&ret->mem, room * sizeof(*ret->ns));
	ret->policy = nsn_arena_strdup(&ret->mem, policy ? policy : "");
	r = place && bare && ret->ns && ret->policy && now->n_ns ? fill(&p) : nsn_err_nomem(err);
	if (r < 0) {
		nsn_arena_free(&ret->mem);
		*ret = (struct nsn_snap){0};
	}
	return r;
}

/* ---- from what is wanted
 * ---------------------------------------------------------------------------- */

static int compile_one(struct nsn_prediction *p, size_t i, const struct nsn_wanted *w,
		       uint32_t generation, const struct nsn_owner *owner, struct nsnet_err *err)
{
	const struct nsn_tenant *t = &w->tenants.tenants[i];
	NSN_AUTO(nsn_freep) struct nsn_cable *cables = NULL;
	size_t n = 0;
	int r;

	nsn_border_clear(&p->borders[i]);
	nsn_state_clear(&p->states[i]);
	if (nsn_wanted_cables_of(w, t->id, &cables, &n) < 0)
		return nsn_err_nomem(err);
	r = nsn_border_make(&p->borders[i], &w->intent, cables, n, nsn_wanted_uplink(w, t->id),
			    &w->transit, t, generation, err);
	if (r == 0)
		r = nsn_compile(t, &p->borders[i], owner, NSN_WANT_BUILT, &p->states[i], err);
	return r;
}

/* As generation.c: the gateway's own, and the next one when something is revoked. */
static int predict_one(struct nsn_prediction *p, size_t i, const struct nsn_snap *now,
		       const struct nsn_wanted *w, const struct nsn_owner *owner,
		       struct nsnet_err *err)
{
	const struct nsn_tenant *t = &w->tenants.tenants[i];
	const struct nsn_vns *ns = NULL;
	uint32_t generation = 0;
	int r;

	for (size_t k = 0; k < now->n_ns; k++)
		if (now->ns[k].kind == NSN_VNS_GATEWAY && now->ns[k].tenant == t->id)
			ns = &now->ns[k];
	if (ns)
		generation = nsn_guess_generation(ns);
	if (generation == 0 || generation == NSN_GENERATION_NONE)
		generation = 1;
	r = compile_one(p, i, w, generation, owner, err);
	if (r == 0 && ns && nsn_border_is_open(&p->borders[i]) &&
	    nsn_guess_revokes(ns, &p->states[i]))
		r = compile_one(p, i, w, generation % NSN_GENERATIONS + 1, owner, err);
	p->list[i] = (struct nsn_predicted){t, &p->states[i]};
	return r;
}

int nsn_prediction_make(struct nsn_prediction *ret, const struct nsn_snap *now,
			const struct nsn_wanted *w, const struct nsn_owner *owner,
			struct nsnet_err *err)
{
	const size_t n = w->tenants.n;
	int r = 0;

	*ret = (struct nsn_prediction){.n = n};
	if (w->core)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL, "a part is not all that is wanted");
	ret->list = calloc(n + 1, sizeof(*ret->list));
	ret->states = calloc(n + 1, sizeof(*ret->states));
	ret->borders = calloc(n + 1, sizeof(*ret->borders));
	if (!ret->list || !ret->states || !ret->borders)
		r = nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = predict_one(ret, i, now, w, owner, err);
	if (r == 0)
		r = nsn_host_compile(w, owner, &ret->host, err);
	ret->host_known = r == 0;
	if (r < 0)
		nsn_prediction_clear(ret);
	return r;
}

void nsn_prediction_clear(struct nsn_prediction *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->states)
			nsn_state_clear(&p->states[i]);
		if (p->borders)
			nsn_border_clear(&p->borders[i]);
	}
	nsn_state_clear(&p->host);
	free(p->list);
	free(p->states);
	free(p->borders);
	*p = (struct nsn_prediction){0};
}
