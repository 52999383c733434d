/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/socket.h>

#include "proving.h"

/*
 * ports - T3: no port of a tenant admits a source that is not its endpoint's
 *
 * What policies say of single endpoints stands on that: a packet with the address of an
 * endpoint came from that endpoint.
 */

static const struct nsn_endpoint *endpoint_at(const struct nsn_proving *p, size_t a, size_t ns)
{
	const struct nsn_tenant *t = &p->intent->tenants[a];

	for (size_t i = 0; i < t->n_endpoints; i++)
		if (t->endpoints[i].id == p->snap->ns[ns].endpoint)
			return &t->endpoints[i];
	return NULL;
}

/*
 * IPv6 needs two kinds of addresses that are nobody's alone: a question whether somebody has
 * an address comes from none (::), and neighbours may use those of the link. Neither is routed.
 */
static nsn_set_t on_link(struct nsn_space *s)
{
	const nsn_u128 local = (nsn_u128)0xfe80 << 112;

	return nsn_or(s, nsn_is(s, NSN_F_SRC, 0),
		      nsn_between(s, NSN_F_SRC, local, local | (((nsn_u128)1 << 118) - 1)));
}

static void accuse(struct nsn_proving *p, enum nsn_finding_kind kind, size_t a,
		   const struct nsn_vns *gw, const struct nsn_vlink *l,
		   const struct nsn_packet *one, const char *says)
{
	struct nsn_finding *x = nsn_say(p, kind, a, SIZE_MAX);
	struct nsn_findings *f = &p->report->findings;
	char text[NSN_PACKET_STRLEN];

	x->where = nsn_arena_strdup(&f->mem, gw->name);
	if (!x->where ||
	    nsn_finding_say(f, x, "%s: port %s %s %s", gw->name, l->name,
			    kind == NSN_FIND_SPOOFABLE ? "lets through" : "may let through",
			    says) < 0 ||
	    nsn_finding_show(f, x, "packet: %s", nsn_packet_str(one, text)) < 0 ||
	    nsn_finding_hint(f, x, "nsnet repair %s", nsn_tenant_called(p, a)) < 0) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
	nsn_say_pair(p, a, SIZE_MAX, kind);
	if (p->report->theorems[3].outcome < nsn_finding_outcome(kind))
		p->report->theorems[3].outcome = nsn_finding_outcome(kind);
}

static void prove_port(struct nsn_proving *p, size_t a, const struct nsn_vns *gw,
		       const struct nsn_vlink *l, uint8_t family)
{
	const size_t ns = (size_t)(gw - p->snap->ns);
	const struct nsn_endpoint *e = endpoint_at(p, a, l->peer_ns);
	struct nsn_space *s = &p->space;
	struct nsn_packet one;
	nsn_set_t unsure, own = nsn_none(s);
	nsn_set_t in = nsn_walk_admits(p->walk, ns, l->index, family, &unsure);
	enum nsn_finding_kind kind = NSN_FIND_SPOOFABLE;

	if (e)
		own = nsn_own_addresses(s, e, family ? family : AF_INET, NSN_F_SRC);
	if (family == AF_INET6)
		own = nsn_or(s, own, on_link(s));
	if (family == 0) {
		in = nsn_and(s, in, nsn_is(s, NSN_F_ETYPE, 0x0806));
		unsure = nsn_and(s, unsure, nsn_is(s, NSN_F_ETYPE, 0x0806));
	}
	in = nsn_sub(s, in, own);
	nsn_checked(p, 3, 1);
	if (nsn_empty(in)) {
		in = nsn_sub(s, unsure, own);
		kind = NSN_FIND_UNMODELLED;
	}
	if (nsn_empty(in))
		return;
	nsn_pick(s, in, NULL, &one);
	one.v[NSN_F_ETYPE] = family == AF_INET ? 0x0800 : family ? 0x86dd : 0x0806;
	accuse(p, kind, a, gw, l, &one,
	       family ? "a source address that is not its endpoint's"
		      : "ARP with an address that is not its endpoint's");
}

void nsn_prove_ports(struct nsn_proving *p, size_t a)
{
	static const uint8_t families[] = {AF_INET, AF_INET6, 0};
	const struct nsn_vns *gw;

	if (p->gateway[a] == NSN_NOWHERE)
		return;
	gw = &p->snap->ns[p->gateway[a]];
	for (size_t i = 0; i < gw->n_links; i++) {
		const struct nsn_vlink *l = &gw->links[i];

		if (!l->master || l->peer_ns >= p->snap->n_ns || p->out.tenant[l->peer_ns] != a ||
		    p->snap->ns[l->peer_ns].kind != NSN_VNS_WORKLOAD)
			continue;
		for (size_t k = 0; k < sizeof(families); k++) {
			/* Marks do not nest in loops that may jump: this one is small. */
			prove_port(p, a, gw, l, families[k]);
		}
	}
}
