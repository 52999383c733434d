/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../model/about.h"

void nsn_claims_clear(struct nsn_claims *c)
{
	nsn_freep(&c->list);
}

static const struct nsn_ports any_port = {.proto = NSN_PROTO_ANY};

static int claim(struct nsn_claims *c, const struct nsn_claim *what)
{
	struct nsn_claim *list = c->list;

	if (c->n == c->cap) {
		list = reallocarray(c->list, 2 * c->cap + 8, sizeof(*list));
		if (!list)
			return -ENOMEM;
		c->list = list;
		c->cap = 2 * c->cap + 8;
	}
	list[c->n++] = *what;
	return 0;
}

static bool has_label(const struct nsn_tenant *t, const struct nsn_label *l)
{
	size_t i;

	for (i = 0; i < t->n_labels; i++)
		if (strcmp(t->labels[i].key, l->key) == 0)
			return strcmp(t->labels[i].value, l->value) == 0;
	return false;
}

/* Whether a peer is in the tenant; *@e: which endpoint, NULL for all of it. */
static bool is_in(const struct nsn_peer *p, const struct nsn_tenant *t,
		  const struct nsn_endpoint **e)
{
	*e = NULL;
	switch (p->kind) {
	case NSN_PEER_TENANT:
		return strcmp(p->tenant, t->name) == 0;
	case NSN_PEER_ENDPOINT:
		if (strcmp(p->tenant, t->name) != 0)
			return false;
		*e = nsn_tenant_endpoint(t, p->endpoint);
		return *e != NULL;
	case NSN_PEER_LABEL:
		return has_label(t, &p->label);
	case NSN_PEER_TENANTS:
	case NSN_PEER_ANY:
		return true;
	case NSN_PEER_INTERNET:
	case NSN_PEER_HOST:
	case NSN_PEER_CIDR:
		return false;
	}
	return false;
}

bool nsn_flows_names(const struct nsn_policy *p, const struct nsn_tenant *t)
{
	const struct nsn_endpoint *e;
	bool ret = false;
	size_t i;

	for (i = 0; i < p->n_from; i++)
		ret |= is_in(&p->from[i], t, &e);
	for (i = 0; i < p->n_to; i++)
		ret |= is_in(&p->to[i], t, &e);
	return ret;
}

bool nsn_flows_in_force(const struct nsn_policy *p, int64_t now)
{
	return !p->audit && (p->expires == 0 || p->expires > now);
}

static int claim_policy(struct nsn_claims *c, const struct nsn_policy *p,
			const struct nsn_tenant *from, const struct nsn_tenant *to)
{
	struct nsn_claim what = {.rank = p->deny ? NSN_DENY : NSN_ALLOW,
				 .ports = p->ports,
				 .n_ports = p->n_ports,
				 .number = p->number,
				 .policy = p};
	size_t i, k;
	int r = 0;

	for (i = 0; i < p->n_from; i++) {
		if (!is_in(&p->from[i], from, &what.from))
			continue;
		for (k = 0; r == 0 && k < p->n_to; k++)
			if (is_in(&p->to[k], to, &what.to))
				r = claim(c, &what);
	}
	return r;
}

/* All that leads across the border of who is in quarantine, and an endpoint's neighbours. */
static int claim_closed(struct nsn_claims *c, const struct nsn_quarantine *q,
			const struct nsn_tenant *from, const struct nsn_tenant *to)
{
	const struct nsn_peer *who = &q->who;
	struct nsn_claim what = {.rank = NSN_QUARANTINED,
				 .of = q,
				 .ports = &any_port,
				 .n_ports = 1,
				 .number = NSN_NUMBER_QUARANTINE};
	int r = 0;

	if (is_in(who, from, &what.from) && (from != to || what.from))
		r = claim(c, &what);
	what.from = NULL;
	if (r == 0 && is_in(who, to, &what.to) && (from != to || what.to))
		r = claim(c, &what);
	return r;
}

static int claim_quarantine(struct nsn_claims *c, const struct nsn_quarantine *q,
			    const struct nsn_tenant *from, const struct nsn_tenant *to)
{
	int r = claim_closed(c, q, from, to);
	size_t i;

	for (i = 0; r == 0 && i < q->n_keep; i++) {
		const struct nsn_flow *f = &q->keep[i];
		struct nsn_claim what = {.rank = NSN_KEEP,
					 .of = q,
					 .ports = &f->ports,
					 .n_ports = 1,
					 .number = NSN_NUMBER_KEPT};

		if (is_in(&f->from, from, &what.from) && is_in(&f->to, to, &what.to))
			r = claim(c, &what);
	}
	return r;
}

int nsn_claim_between(struct nsn_claims *c, const struct nsn_intent *intent,
		      const struct nsn_tenant *from, const struct nsn_tenant *to)
{
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	int r = 0;
	size_t i;

	nsn_about_begin(&walk, intent, from, to);
	while (r == 0 && (p = nsn_about_next(&walk)))
		if (nsn_flows_in_force(p, intent->now))
			r = claim_policy(c, p, from, to);
	for (i = 0; r == 0 && i < intent->n_quarantines; i++)
		r = claim_quarantine(c, &intent->quarantines[i], from, to);
	return r;
}

/* ---- of one tenant and the outside ------------------------------------------------------ */

static bool is_outside(const struct nsn_peer *p)
{
	return p->kind == NSN_PEER_INTERNET || p->kind == NSN_PEER_HOST ||
	       p->kind == NSN_PEER_CIDR || p->kind == NSN_PEER_ANY;
}

/* The endpoint that a peer of a policy which publishes means: one alone. */
static const struct nsn_endpoint *published(const struct nsn_policy *p, const struct nsn_peer *to,
					    const struct nsn_tenant *t)
{
	const struct nsn_ports *port = p->ports;
	const struct nsn_endpoint *e;

	if (p->deny || !p->publish.port || !is_in(to, t, &e))
		return NULL;
	/* One port is translated to one port. */
	if (p->n_ports != 1 || port->first != port->last ||
	    (port->proto != NSN_PROTO_TCP && port->proto != NSN_PROTO_UDP &&
	     port->proto != NSN_PROTO_SCTP))
		return NULL;
	return e || t->n_endpoints != 1 ? e : &t->endpoints[0];
}

bool nsn_flows_publish(const struct nsn_policy *p, const struct nsn_tenant *t,
		       const struct nsn_endpoint *e)
{
	return p->n_to == 1 && published(p, &p->to[0], t) == e;
}

/* For one peer of the tenant's, and one of the other side's. */
static int claim_pair(struct nsn_claims *c, const struct nsn_claim *like,
		      const struct nsn_tenant *t, bool out, const struct nsn_peer *own,
		      const struct nsn_peer *other)
{
	struct nsn_claim what = *like;
	const struct nsn_endpoint *e;

	if (!is_outside(other) || !is_in(own, t, &e))
		return 0;
	/* From outside leads only what is published, to the endpoint of that name. */
	if (!out && like->rank == NSN_ALLOW) {
		e = like->policy->n_to == 1 ? published(like->policy, own, t) : NULL;
		if (!e)
			return 0;
	}
	what.outside = other;
	*(out ? &what.from : &what.to) = e;
	return claim(c, &what);
}

static int claim_lists(struct nsn_claims *c, const struct nsn_claim *like,
		       const struct nsn_tenant *t, bool out, const struct nsn_peer *from,
		       size_t n_from, const struct nsn_peer *to, size_t n_to)
{
	int r = 0;

	for (size_t i = 0; i < n_from; i++)
		for (size_t k = 0; r == 0 && k < n_to; k++)
			r = claim_pair(c, like, t, out, out ? &from[i] : &to[k],
				       out ? &to[k] : &from[i]);
	return r;
}

static int claim_cut(struct nsn_claims *c, const struct nsn_quarantine *q,
		     const struct nsn_tenant *t, bool out)
{
	struct nsn_claim what = {.rank = NSN_QUARANTINED,
				 .of = q,
				 .ports = &any_port,
				 .n_ports = 1,
				 .number = NSN_NUMBER_QUARANTINE};
	int r;

	if (!is_in(&q->who, t, out ? &what.from : &what.to))
		return 0;
	r = claim(c, &what);
	for (size_t i = 0; r == 0 && i < q->n_keep; i++) {
		const struct nsn_claim kept = {.rank = NSN_KEEP,
					       .of = q,
					       .published = !out,
					       .ports = &q->keep[i].ports,
					       .n_ports = 1,
					       .number = NSN_NUMBER_KEPT};

		r = claim_lists(c, &kept, t, out, &q->keep[i].from, 1, &q->keep[i].to, 1);
	}
	return r;
}

int nsn_claim_beyond(struct nsn_claims *c, const struct nsn_intent *intent,
		     const struct nsn_tenant *t, bool out)
{
	const struct nsn_policy *p;
	struct nsn_about_walk walk;
	int r = 0;

	nsn_about_begin(&walk, intent, t, NULL);
	while (r == 0 && (p = nsn_about_next(&walk))) {
		const struct nsn_claim what = {.rank = p->deny ? NSN_DENY : NSN_ALLOW,
					       .ports = p->ports,
					       .n_ports = p->n_ports,
					       .number = p->number,
					       .policy = p};

		if (nsn_flows_in_force(p, intent->now))
			r = claim_lists(c, &what, t, out, p->from, p->n_from, p->to, p->n_to);
	}
	for (size_t i = 0; r == 0 && i < intent->n_quarantines; i++)
		r = claim_cut(c, &intent->quarantines[i], t, out);
	return r;
}

/* Whether a quarantine closes all that the claim is about. */
static bool is_cut(const struct nsn_claims *c, const struct nsn_claim *what)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct nsn_claim *q = &c->list[i];

		if (q->rank == NSN_QUARANTINED && (!q->from || q->from == what->from) &&
		    (!q->to || q->to == what->to))
			return true;
	}
	return false;
}

/* A tenant without IPv6 needs no way to a network of it. */
static bool has_family(const struct nsn_tenant *t, const struct nsn_peer *p)
{
	return p->kind != NSN_PEER_CIDR || p->cidr.ip.family != AF_INET6 || t->subnet6.ip.family;
}

static bool leads(const struct nsn_intent *intent, const struct nsn_tenant *t, bool out)
{
	NSN_AUTO(nsn_claims_clear) struct nsn_claims c = {0};
	bool published = out, kept = false;

	/* Without memory: nothing leads out. Whoever asks will meet that again. */
	if (nsn_claim_beyond(&c, intent, t, out) < 0)
		return false;
	for (size_t i = 0; i < c.n; i++) {
		const struct nsn_claim *what = &c.list[i];

		if (!what->outside || !has_family(t, what->outside))
			continue;
		if (what->rank == NSN_ALLOW && !is_cut(&c, what))
			return true;
		published |= what->rank == NSN_ALLOW;
		kept |= what->rank == NSN_KEEP;
	}
	/* What is kept of a policy, which leads in only by what is published. */
	return published && kept;
}

bool nsn_flows_outside(const struct nsn_intent *intent, const struct nsn_tenant *t)
{
	return leads(intent, t, true) || leads(intent, t, false);
}
