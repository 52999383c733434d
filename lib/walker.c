/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "walker.h"

#include <netinet/in.h>
#include <time.h>

#include "base/cleanup.h"
#include "model/policy.h"

/* Of a question that somebody waits for. */
#define SECONDS_USUAL 30
#define NODES_USUAL   5000000

int nsn_walker_open(struct nsn_walker *w, struct nsnet *n, const struct nsnet_verify_how *how,
		    struct nsnet_err *err)
{
	const unsigned int seconds = how && how->seconds ? how->seconds : SECONDS_USUAL;
	const size_t nodes = how && how->nodes ? how->nodes : NODES_USUAL;
	struct timespec now;
	int r = nsn_given_open(&w->given, n, how, err);

	if (r == 0)
		r = nsn_topo_make(&w->topo, &w->given.snap, err);
	if (r == 0)
		r = nsn_asked_new(&w->asked, &w->given.intent, err);
	w->host = NSN_NOWHERE;
	for (size_t i = w->given.snap.n_ns; i-- > 0;)
		if (w->given.snap.ns[i].kind == NSN_VNS_HOST && w->given.snap.ns[i].full)
			w->host = i;
	if (r == 0)
		r = nsn_beyond_make(&w->beyond,
				    w->host == NSN_NOWHERE ? NULL : &w->given.snap.ns[w->host],
				    err);
	if (r < 0)
		return r;
	r = nsn_space_open(&w->space, nodes);
	if (r == -EBUSY)
		return nsn_err(err, r, NSNET_E_INTERNAL,
			       "another proof is being made in this process");
	if (r < 0)
		return nsn_err_nomem(err);
	w->open = true;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	w->space.deadline_ns =
		((uint64_t)now.tv_sec + seconds) * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
	return 0;
}

int nsn_walker_begin(struct nsn_walker *w, struct nsnet_err *err)
{
	return nsn_walk_new(&w->walk, &w->given.snap, &w->space) < 0 ? nsn_err_nomem(err) : 0;
}

void nsn_walker_close(struct nsn_walker *w)
{
	nsn_walk_free(w->walk);
	if (w->open)
		nsn_space_close(&w->space);
	nsn_asked_free(w->asked);
	nsn_beyond_clear(&w->beyond);
	nsn_topo_clear(&w->topo);
	nsn_given_close(&w->given);
}

/* ---- who is where ---------------------------------------------------------------- */

static size_t find(const struct nsn_walker *w, enum nsn_vns_kind kind, uint64_t tenant,
		   uint64_t endpoint)
{
	for (size_t i = 0; tenant && i < w->given.snap.n_ns; i++) {
		const struct nsn_vns *ns = &w->given.snap.ns[i];

		if (ns->kind == kind && ns->tenant == tenant && ns->endpoint == endpoint)
			return i;
	}
	return NSN_NOWHERE;
}

size_t nsn_walker_gateway(const struct nsn_walker *w, size_t tenant)
{
	return find(w, NSN_VNS_GATEWAY, w->given.intent.tenants[tenant].id, 0);
}

size_t nsn_walker_workload(const struct nsn_walker *w, size_t tenant, size_t endpoint)
{
	const struct nsn_tenant *t = &w->given.intent.tenants[tenant];
	const uint64_t id = endpoint < t->n_endpoints ? t->endpoints[endpoint].id : 0;

	return id ? find(w, NSN_VNS_WORKLOAD, t->id, id) : NSN_NOWHERE;
}

const struct nsn_vlink *nsn_walker_port(const struct nsn_walker *w, size_t gateway, size_t workload)
{
	const struct nsn_vns *gw = &w->given.snap.ns[gateway];
	const struct nsn_vlink *found = NULL;

	for (size_t i = 0; i < gw->n_links; i++) {
		const struct nsn_vlink *l = &gw->links[i];

		if (l->peer_ns == workload && (!found || (l->master && !found->master)))
			found = l;
	}
	return found;
}

nsn_u128 nsn_walker_ip(const struct nsn_ip *ip)
{
	const size_t n = ip->family == AF_INET ? 4 : ip->family == AF_INET6 ? 16 : 0;
	nsn_u128 v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | ip->bytes[i];
	return v;
}

nsn_u128 nsn_walker_mac(const struct nsn_mac *mac)
{
	nsn_u128 v = 0;

	for (size_t i = 0; i < sizeof(mac->bytes); i++)
		v = v << 8 | mac->bytes[i];
	return v;
}

/* ---- what is asked for ----------------------------------------------------------- */

int nsn_service_parse(struct nsn_service *ret, const char *text, uint8_t family,
		      struct nsnet_err *err)
{
	struct nsn_ports p;
	int r = nsn_ports_parse(&p, text, err);

	if (r < 0)
		return r;
	*ret = (struct nsn_service){.port = p.first};
	switch (p.proto) {
	case NSN_PROTO_TCP:
		ret->proto = IPPROTO_TCP;
		break;
	case NSN_PROTO_UDP:
		ret->proto = IPPROTO_UDP;
		break;
	case NSN_PROTO_SCTP:
		ret->proto = IPPROTO_SCTP;
		break;
	case NSN_PROTO_ECHO:
		ret->proto = family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
		ret->port = (uint16_t)((family == AF_INET6 ? 128 : 8) << 8);
		ret->icmp = true;
		return 0;
	case NSN_PROTO_ANY:
	case NSN_PROTO_ICMP:
		break;
	}
	if (ret->proto && p.first == p.last)
		return 0;
	(void)nsn_err(err, -EINVAL, NSNET_E_BAD_PORT, "'%s' is more than one service", text);
	return nsn_err_hint(err, -EINVAL, "one packet is followed: tcp/5432, udp/53, icmp/echo");
}
