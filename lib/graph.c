/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nsnet_graph(): namespaces and the links between them, as they are */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "proof.h"
#include "verify/asked.h"
#include "verify/topo.h"

struct graph {
	struct nsnet_graph pub; /* first */
	struct nsn_arena mem;
};

struct drawing {
	struct graph *g;
	struct nsn_given given;
	struct nsn_topo topo;
	struct nsn_asked *asked;
	struct nsn_beyond beyond;
};

static void drawing_clear(struct drawing *d)
{
	nsn_asked_free(d->asked);
	nsn_beyond_clear(&d->beyond);
	nsn_topo_clear(&d->topo);
	nsn_given_close(&d->given);
	nsnet_graph_free(d->g ? &d->g->pub : NULL);
}

void nsnet_graph_free(const struct nsnet_graph *g)
{
	struct graph *own = (struct graph *)(uintptr_t)g;

	if (!own)
		return;
	nsn_arena_free(&own->mem);
	free(own);
}

/* ---- nodes ----------------------------------------------------------------------- */

static size_t tenant_of(const struct drawing *d, uint64_t id)
{
	for (size_t i = 0; id && i < d->given.intent.n_tenants; i++)
		if (d->given.intent.tenants[i].id == id)
			return i;
	return SIZE_MAX;
}

static const char *kind_of(enum nsn_vns_kind kind)
{
	switch (kind) {
	case NSN_VNS_HOST:
		return "host";
	case NSN_VNS_GATEWAY:
		return "gateway";
	case NSN_VNS_WORKLOAD:
		return "workload";
	case NSN_VNS_FOREIGN:
		break;
	}
	return "foreign";
}

static int add_nodes(struct drawing *d, struct nsnet_err *err)
{
	const struct nsn_snap *snap = &d->given.snap;
	struct nsn_arena *mem = &d->g->mem;
	struct nsnet_node *nodes = nsn_arena_alloc(mem, (snap->n_ns + 1) * sizeof(*nodes));

	if (!nodes)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < snap->n_ns; i++) {
		const struct nsn_vns *ns = &snap->ns[i];
		const size_t t = tenant_of(d, ns->tenant);

		nodes[i].kind = kind_of(ns->kind);
		nodes[i].name = nsn_arena_strdup(mem, ns->name);
		nodes[i].tenant =
			t == SIZE_MAX ? "" : nsn_arena_strdup(mem, d->given.intent.tenants[t].name);
		if (!nodes[i].name || !nodes[i].tenant)
			return nsn_err_nomem(err);
	}
	d->g->pub.nodes = nodes;
	d->g->pub.n_nodes = snap->n_ns;
	return 0;
}

/* ---- what policies allow over a cable -------------------------------------------- */

static void put_box(FILE *to, const struct nsn_box *b)
{
	if (b->proto_first != b->proto_last) {
		fputs("any", to);
		return;
	}
	switch (b->proto_first) {
	case IPPROTO_TCP:
		fputs("tcp", to);
		break;
	case IPPROTO_UDP:
		fputs("udp", to);
		break;
	case IPPROTO_SCTP:
		fputs("sctp", to);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		fputs(b->port_first >> 8 == b->port_last >> 8 ? "icmp/echo" : "icmp", to);
		return;
	default:
		fprintf(to, "protocol %u", b->proto_first);
		return;
	}
	if (b->port_first == b->port_last)
		fprintf(to, "/%u", b->port_first);
	else if (b->port_first > 0 || b->port_last < UINT16_MAX)
		fprintf(to, "/%u-%u", b->port_first, b->port_last);
}

static bool same_ports(const struct nsn_box *a, const struct nsn_box *b)
{
	return a->proto_first == b->proto_first && a->proto_last == b->proto_last &&
	       a->port_first == b->port_first && a->port_last == b->port_last;
}

/* IPv6 has the same ports, and its own number for ICMP. */
static bool told(const struct nsn_box *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (same_ports(&list[k], &list[i]))
			return true;
	return list[i].proto_first == IPPROTO_ICMPV6 && list[i].proto_last == IPPROTO_ICMPV6;
}

static void put_boxes(FILE *to, const struct nsn_boxes *boxes, const char *from, const char *dst,
		      bool *any)
{
	if (boxes->n_allow == 0)
		return;
	fprintf(to, "%s%s -> %s", *any ? "; " : "", from, dst);
	*any = true;
	for (size_t i = 0; i < boxes->n_allow; i++) {
		if (told(boxes->allow, i))
			continue;
		fputc(' ', to);
		put_box(to, &boxes->allow[i]);
	}
	if (boxes->n_deny > 0)
		fputs(" (some of it denied)", to);
}

static int put_direction(FILE *to, const struct drawing *d, size_t a, size_t b, bool *any,
			 struct nsnet_err *err)
{
	const struct nsn_tenant *t = d->given.intent.tenants;
	NSN_AUTO(nsn_boxes_clear) struct nsn_boxes boxes = {0};
	int r = nsn_asked_pair(d->asked, a, b, &boxes, err);

	if (r < 0)
		return r;
	put_boxes(to, &boxes, t[a].name, t[b].name, any);
	return 0;
}

/* Of an uplink: out to networks and the host, and in to what is published. */
static int uplink_text(struct drawing *d, const struct nsn_edge *e, const char **ret,
		       struct nsnet_err *err)
{
	static const struct {
		enum nsn_where where;
		bool out;
		const char *name;
	} ways[] = {{NSN_WHERE_OUTSIDE, true, "outside"},
		    {NSN_WHERE_HOST, true, "host"},
		    {NSN_WHERE_OUTSIDE, false, "outside"}};
	const size_t t = tenant_of(d, d->given.snap.ns[e->a].tenant);
	NSN_AUTO(nsn_freep) char *text = NULL;
	const char *name;
	bool any = false;
	size_t size;
	FILE *f;
	int r = 0;

	*ret = "";
	if (t == SIZE_MAX)
		return 0;
	name = d->given.intent.tenants[t].name;
	f = open_memstream(&text, &size);
	if (!f)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < NSN_COUNT(ways); i++) {
		NSN_AUTO(nsn_boxes_clear) struct nsn_boxes b = {0};

		r = nsn_asked_beyond(d->asked, &d->beyond, t, ways[i].where, ways[i].out, &b, err);
		if (r == 0)
			put_boxes(f, &b, ways[i].out ? name : ways[i].name,
				  ways[i].out ? ways[i].name : name, &any);
	}
	if (fclose(f) != 0 && r == 0)
		r = nsn_err_nomem(err);
	if (r < 0)
		return r;
	*ret = nsn_arena_strdup(&d->g->mem, any ? text : "no policy uses it");
	return *ret ? 0 : nsn_err_nomem(err);
}

static int cable_text(struct drawing *d, const struct nsn_edge *e, const char **ret,
		      struct nsnet_err *err)
{
	const size_t a = tenant_of(d, d->given.snap.ns[e->a].tenant);
	const size_t b = tenant_of(d, d->given.snap.ns[e->b].tenant);
	NSN_AUTO(nsn_freep) char *text = NULL;
	bool any = false;
	size_t size;
	FILE *f;
	int r;

	*ret = "";
	if (a == SIZE_MAX || b == SIZE_MAX || a == b)
		return 0;
	f = open_memstream(&text, &size);
	if (!f)
		return nsn_err_nomem(err);
	r = put_direction(f, d, a, b, &any, err);
	if (r == 0)
		r = put_direction(f, d, b, a, &any, err);
	if (fclose(f) != 0 && r == 0)
		r = nsn_err_nomem(err);
	if (r < 0)
		return r;
	*ret = nsn_arena_strdup(&d->g->mem, any ? text : "no policy uses it");
	return *ret ? 0 : nsn_err_nomem(err);
}

/* ---- links ----------------------------------------------------------------------- */

static const char *link_kind(const struct nsn_edge *e)
{
	if (e->b == NSN_NOWHERE)
		return "loose";
	switch (e->kind) {
	case NSN_EDGE_PORT:
		return "port";
	case NSN_EDGE_CABLE:
		return "cable";
	case NSN_EDGE_UPLINK:
		return "uplink";
	case NSN_EDGE_OUTSIDE:
		return "outside";
	case NSN_EDGE_STRAY:
		break;
	}
	return "stray";
}

static const char *link_name(struct drawing *d, size_t ns, uint32_t index)
{
	const struct nsn_vlink *l =
		ns == NSN_NOWHERE || !index ? NULL : nsn_vns_link(&d->given.snap.ns[ns], index);

	return l ? nsn_arena_strdup(&d->g->mem, l->name) : "";
}

static int add_link(struct drawing *d, struct nsnet_link *to, const struct nsn_edge *e,
		    struct nsnet_err *err)
{
	int r = 0;

	*to = (struct nsnet_link){
		.a = e->a,
		.b = e->b == NSN_NOWHERE ? SIZE_MAX : e->b,
		.a_name = link_name(d, e->a, e->la),
		.b_name = link_name(d, e->b, e->lb),
		.kind = link_kind(e),
		.text = "",
	};
	if (e->b == NSN_NOWHERE || e->kind == NSN_EDGE_STRAY)
		to->text = nsn_arena_strdup(&d->g->mem, e->why ? e->why : "");
	else if (e->kind == NSN_EDGE_CABLE)
		r = cable_text(d, e, &to->text, err);
	else if (e->kind == NSN_EDGE_UPLINK)
		r = uplink_text(d, e, &to->text, err);
	if (r < 0)
		return r;
	return to->a_name && to->b_name && to->text ? 0 : nsn_err_nomem(err);
}

static int add_links(struct drawing *d, struct nsnet_err *err)
{
	struct nsnet_link *links =
		nsn_arena_alloc(&d->g->mem, (d->topo.n_edges + 1) * sizeof(*links));
	int r = links ? 0 : nsn_err_nomem(err);

	for (size_t i = 0; r == 0 && i < d->topo.n_edges; i++)
		r = add_link(d, &links[i], &d->topo.edges[i], err);
	d->g->pub.links = links;
	d->g->pub.n_links = d->topo.n_edges;
	return r;
}

int nsnet_graph(struct nsnet *n, const struct nsnet_verify_how *how, const struct nsnet_graph **ret,
		struct nsnet_err *err)
{
	NSN_AUTO(drawing_clear) struct drawing d = {.g = calloc(1, sizeof(*d.g))};
	int r = d.g ? nsn_given_open(&d.given, n, how, err) : nsn_err_nomem(err);

	if (r == 0)
		r = nsn_topo_make(&d.topo, &d.given.snap, err);
	if (r == 0)
		r = nsn_asked_new(&d.asked, &d.given.intent, err);
	if (r == 0)
		r = nsn_beyond_make(&d.beyond,
				    d.given.snap.n_ns && d.given.snap.ns[0].full &&
						    d.given.snap.ns[0].kind == NSN_VNS_HOST
					    ? &d.given.snap.ns[0]
					    : NULL,
				    err);
	if (r == 0)
		r = add_nodes(&d, err);
	if (r == 0)
		r = add_links(&d, err);
	if (r < 0)
		return r;
	d.g->pub.hash = nsn_arena_strdup(&d.g->mem, d.given.snap.hash);
	if (!d.g->pub.hash)
		return nsn_err_nomem(err);
	*ret = &NSN_TAKE_PTR(d.g)->pub;
	return 0;
}
