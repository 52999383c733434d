/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>

#include "../base/cleanup.h"
#include "anyhost_in.h"
#include "walk_in.h"

/*
 * anyhost - what each network of a machine can send, and where it arrives
 */

void nsn_anyhost_must(struct nsn_proving *p, int r)
{
	if (r == 0)
		return;
	p->no_memory = true;
	nsn_space_stop(&p->space, "memory");
}

nsn_u128 nsn_anyhost_number(const struct nsn_ip *ip)
{
	return nsn_w_ip(ip);
}

/* ---- sets ------------------------------------------------------------------------------------ */

/* What opens something, or was never part of anything. */
static nsn_set_t fresh(struct nsn_space *s, nsn_set_t set, uint8_t family)
{
	nsn_set_t flow = nsn_is(s, NSN_F_CTSTATE, NSN_CT_ESTABLISHED);
	/* What a helper expects is RELATED, too. */
	nsn_set_t error = nsn_and(s, nsn_is(s, NSN_F_CTSTATE, NSN_CT_RELATED),
				  nsn_is(s, NSN_F_PROTO, family == AF_INET ? 1 : 58));

	return nsn_sub(s, nsn_sub(s, set, flow), error);
}

/* Sources that the host knows to be this network's; none at all and those of the link. */
static nsn_set_t own_sources(struct nsn_proving *p, const struct nsn_anynet *net, uint8_t family)
{
	struct nsn_space *s = &p->space;
	struct nsn_range *r = nsn_space_alloc(s, (net->n_own + 2) * sizeof(*r));
	const nsn_u128 link = (nsn_u128)0xfe80 << 112;
	size_t n = 0;

	for (size_t i = 0; i < net->n_own; i++)
		if (net->own[i].ip.family == family)
			nsn_w_prefix(&net->own[i], &r[n++]);
	if (family == AF_INET6)
		r[n++] = (struct nsn_range){link, link | (((nsn_u128)1 << 118) - 1)};
	r[n++] = (struct nsn_range){0, 0};
	return nsn_in(s, NSN_F_SRC, r, n);
}

/* Whether routes are looked up by the destination alone: local, main, default, and nothing else. */
static bool plain_routing(const struct nsn_vns *host)
{
	for (size_t i = 0; i < host->n_fibs; i++) {
		const struct nsn_vfib *f = &host->fibs[i];

		if (f->family == AF_INET &&
		    (f->action != FR_ACT_TO_TBL || f->src.len || f->dst.len || f->iif[0] ||
		     f->oif[0] || f->mask || f->invert || f->odd || f->suppress >= 0))
			return false;
	}
	return true;
}

/*
 * With rp_filter=1 what comes in has a source that the routes have behind the same device: that is
 * what own_sources() has.
 */
static bool checks_sources(struct nsn_proving *p, const struct nsn_anynet *net, uint8_t family)
{
	const struct nsn_vns *host = &p->snap->ns[p->host];
	const struct nsn_vlink *dev = nsn_vns_link(host, net->dev);
	int8_t rp = host->conf_all.rp_filter;

	if (!dev || family != AF_INET)
		return false;
	if (dev->conf.rp_filter > rp)
		rp = dev->conf.rp_filter;
	return rp == 1 && plain_routing(host) && !nsn_anyhost_is_outside(host, net->dev);
}

/* ---- where it arrives --------------------------------------------------------------------------
 */

static const struct nsn_anyhost *given(const struct nsn_proving *p)
{
	return p->how->host;
}

/* The network that a device of the host's leads to, by a port or itself; SIZE_MAX: none. */
static size_t net_at(const struct nsn_proving *p, uint32_t link)
{
	const struct nsn_vlink *l = nsn_vns_link(&p->snap->ns[p->host], link);

	for (size_t i = 0; l && i < given(p)->n; i++)
		if (given(p)->nets[i].dev == l->index ||
		    (strcmp(l->port_kind, "bridge") == 0 && given(p)->nets[i].dev == l->master))
			return i;
	return SIZE_MAX;
}

static void note(struct nsn_space *s, struct nsn_anyhit *to, const struct nsn_arrival *at,
		 nsn_set_t set)
{
	if (nsn_empty(set))
		return;
	if (to->at && to->at != at)
		return;
	to->set = to->at ? nsn_or(s, to->set, set) : set;
	to->at = at;
}

/* All that is reached by one network in one family. */
struct seen {
	struct nsn_anyhit *others, *gateways, *listeners;
	const struct nsn_ip **ips; /* by network: which gateway address */
	struct nsn_anyhit forged;
	bool leaves;
};

static struct seen seen_new(struct nsn_proving *p)
{
	const size_t n = given(p)->n + 1, m = given(p)->n_listeners + 1;
	struct seen x = {0};

	x.others = nsn_space_alloc(&p->space, n * sizeof(*x.others));
	x.gateways = nsn_space_alloc(&p->space, n * sizeof(*x.gateways));
	x.ips = nsn_space_alloc(&p->space, n * sizeof(struct nsn_ip *));
	x.listeners = nsn_space_alloc(&p->space, m * sizeof(*x.listeners));
	return x;
}

static bool is_wild(const struct nsn_ip *ip)
{
	static const struct nsn_ip none;

	return memcmp(ip->bytes, none.bytes, sizeof(ip->bytes)) == 0;
}

/* A program that listens on the network's own gateway address alone is there for it (DNS). */
static bool is_service(const struct nsn_anynet *net, const struct nsn_listener *l)
{
	for (size_t i = 0; i < net->n_gateways; i++)
		if (nsn_ip_cmp(&net->gateways[i], &l->ip) == 0)
			return true;
	return false;
}

static void to_listeners(struct nsn_anyask *r, struct seen *x, const struct nsn_arrival *at,
			 nsn_set_t set)
{
	struct nsn_space *s = &r->p->space;
	const struct nsn_anyhost *h = given(r->p);

	for (size_t i = 0; i < h->n_listeners; i++) {
		const struct nsn_listener *l = &h->listeners[i];
		nsn_set_t some;

		if ((l->ip.family != r->family && !(l->both && r->family == AF_INET)) ||
		    is_service(&h->nets[r->a], l))
			continue;
		some = nsn_and(s, set, nsn_is(s, NSN_F_PROTO, l->proto));
		some = nsn_and(s, some, nsn_is(s, NSN_F_DPORT, l->port));
		/* ip_local_deliver() puts fragments together before the hook of input. */
		some = nsn_and(s, some, nsn_is(s, NSN_F_FRAG, 0));
		/* Out of frames to groups only UDP is taken (tcp_v4_rcv(), sctp_rcv()). */
		if (l->proto != IPPROTO_UDP)
			some = nsn_and(s, some, nsn_masked(s, NSN_F_L2DST, NSN_ANYHOST_GROUP, 0));
		if (!is_wild(&l->ip))
			some = nsn_and(s, some, nsn_is(s, NSN_F_DST, nsn_w_ip(&l->ip)));
		note(s, &x->listeners[i], at, some);
	}
}

static void to_gateways(struct nsn_anyask *r, struct seen *x, const struct nsn_arrival *at,
			nsn_set_t set)
{
	struct nsn_space *s = &r->p->space;
	const struct nsn_anyhost *h = given(r->p);

	for (size_t b = 0; b < h->n; b++)
		for (size_t i = 0; b != r->a && !x->gateways[b].at && i < h->nets[b].n_gateways;
		     i++) {
			const struct nsn_ip *ip = &h->nets[b].gateways[i];

			/* One address on two networks is one's own. */
			if (ip->family != r->family ||
			    is_service(&h->nets[r->a], &(struct nsn_listener){.ip = *ip}))
				continue;
			note(s, &x->gateways[b], at,
			     nsn_and(s, set, nsn_is(s, NSN_F_DST, nsn_w_ip(ip))));
			x->ips[b] = ip;
		}
}

static void leaves(struct nsn_anyask *r, struct seen *x, const struct nsn_arrival *at)
{
	struct nsn_space *s = &r->p->space;
	const struct nsn_anynet *net = &given(r->p)->nets[r->a];
	nsn_set_t set = nsn_and(s, at->set, nsn_masked(s, NSN_F_FIRST, 1, 0));

	x->leaves = true;
	if (!at->switched && checks_sources(r->p, net, r->family))
		return;
	/* What is translated back is an answer to who called. */
	set = nsn_sub(s, set, nsn_masked(s, NSN_F_FIRST, 4, 4));
	note(s, &x->forged, at, nsn_sub(s, set, own_sources(r->p, net, r->family)));
}

static bool is_door(const struct nsn_anynet *net, uint32_t link)
{
	for (size_t i = 0; i < net->n_links; i++)
		if (net->links[i] == link)
			return true;
	return false;
}

static void arrives(struct nsn_anyask *r, struct seen *x, const struct nsn_arrival *at)
{
	struct nsn_space *s = &r->p->space;
	const size_t b = net_at(r->p, at->link);

	/* By a port of its own bridge where nobody is known to be: the outside. */
	if (b == r->a && is_door(&given(r->p)->nets[b], at->link))
		return;
	if (b == SIZE_MAX || b == r->a) {
		leaves(r, x, at);
		return;
	}
	note(s, &x->others[b], at, fresh(s, at->set, r->family));
}

/* The other half of what a default route leads to is on another machine's side of a container. */
static bool is_way_out(const struct nsn_proving *p, const struct nsn_arrival *at)
{
	const struct nsn_vlink *l = nsn_vns_link(&p->snap->ns[p->host], at->link);

	return l && l->peer_lost && nsn_anyhost_is_outside(&p->snap->ns[p->host], at->link);
}

static void judge(struct nsn_anyask *r, struct seen *x, const struct nsn_arrival *at)
{
	nsn_set_t opens;

	switch (at->kind) {
	case NSN_ARRIVES:
		arrives(r, x, at);
		return;
	case NSN_ARRIVES_LOCAL:
		opens = fresh(&r->p->space, at->set, r->family);
		to_gateways(r, x, at, opens);
		to_listeners(r, x, at, opens);
		return;
	case NSN_ARRIVES_AGAIN:
		nsn_anyhost_say_loop(r, at);
		return;
	case NSN_ARRIVES_BLIND:
		if (is_way_out(r->p, at))
			leaves(r, x, at);
		else
			nsn_anyhost_say_blind(r, at);
		return;
	}
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

struct all {
	bool *opens; /* from * n + to */
	bool *leaves, *done;
};

/*
 * @found: What network @of can reach. Of another that is alike: all but what its bridge alone does
 * with it, by a door of its own.
 */
static void judge_net(struct nsn_anyask *r, const struct nsn_arrivals *found, size_t of,
		      struct all *all)
{
	struct nsn_space *s = &r->p->space;
	const size_t n = given(r->p)->n;
	struct seen x = seen_new(r->p);

	for (size_t i = 0; i < found->n; i++) {
		struct nsn_arrival *at = nsn_space_alloc(s, sizeof(*at));
		struct nsn_step_in *steps;

		*at = found->list[i];
		if (of != r->a && at->switched)
			continue;
		if (of != r->a && at->n_steps) {
			steps = nsn_space_alloc(s, at->n_steps * sizeof(*steps));
			memcpy(steps, at->steps, at->n_steps * sizeof(*steps));
			steps[0].in = given(r->p)->nets[r->a].links[0];
			at->steps = steps;
		}
		judge(r, &x, at);
	}
	nsn_anyhost_say_others(r, NSN_FIND_UNEXPECTED_ALLOW, x.others);
	nsn_anyhost_say_gateways(r, x.gateways, x.ips);
	nsn_anyhost_say_listeners(r, x.listeners);
	nsn_anyhost_say_forged(r, &x.forged);
	for (size_t b = 0; b < n; b++)
		all->opens[r->a * n + b] |= x.others[b].at != NULL;
	all->leaves[r->a] |= x.leaves;
}

static void gave_up(struct nsn_proving *p, size_t a)
{
	struct nsn_finding *x = nsn_findings_add(&p->report->findings, NSN_FIND_BUDGET,
						 p->intent->tenants[a].id, 0);

	if (!x || nsn_finding_say(&p->report->findings, x,
				  "%s: the proof was given up: more %s needed than allowed",
				  given(p)->nets[a].name, p->space.why) < 0)
		p->no_memory = true;
	nsn_say_theorem(p, NSN_FIND_BUDGET);
	nsn_say_pair(p, a, SIZE_MAX, NSN_FIND_BUDGET);
}

/* Those that were judged with it may not have been: of all that are alike nothing is known. */
static void gave_up_all(struct nsn_proving *p, size_t first, bool *done)
{
	const struct nsn_anyhost *h = given(p);

	const bool asks = nsn_anyhost_asks(&p->snap->ns[p->host]);

	for (size_t a = first; a < h->n; a++)
		if (a == first || (!asks && nsn_anyhost_alike(p, &h->nets[first], &h->nets[a]))) {
			gave_up(p, a);
			done[a] = true;
		}
}

/* What is blind names whose it is. */
static bool has_blind(const struct nsn_arrivals *found)
{
	for (size_t i = 0; i < found->n; i++)
		if (found->list[i].kind == NSN_ARRIVES_BLIND)
			return true;
	return false;
}

/* One network in one family, and of those that are not yet done all that are alike. */
static void prove_alike(struct nsn_proving *p, size_t first, uint8_t family, bool *done,
			struct all *all)
{
	const struct nsn_anyhost *h = given(p);
	const struct nsn_anynet *net = &h->nets[first];
	struct nsn_arrivals found;
	bool alone;

	done[first] = true;
	nsn_walk_from(p->walk, p->host, net->links, net->n_links, family, &found);
	alone = has_blind(&found) || nsn_anyhost_asks(&p->snap->ns[p->host]);
	for (size_t a = first; a < h->n; a++) {
		struct nsn_anyask r = {.p = p, .a = a, .family = family};

		if (a != first && (alone || done[a] || !nsn_anyhost_alike(p, net, &h->nets[a])))
			continue;
		judge_net(&r, &found, first, all);
		done[a] = true;
	}
}

static void prove_nets(struct nsn_proving *p, struct all *all)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	const nsn_mark_t mark = nsn_space_mark(&p->space);
	const size_t n = given(p)->n;
	volatile size_t i;

	for (i = 0; i < NSN_COUNT(families) * n && !p->no_memory; i++) {
		if (i % n == 0)
			memset(all->done, 0, n);
		if (all->done[i % n])
			continue;
		if (sigsetjmp(p->space.out, 0) == 0)
			prove_alike(p, i % n, families[i / n], all->done, all);
		else if (!p->no_memory)
			gave_up_all(p, i % n, all->done);
		nsn_space_release(&p->space, mark);
	}
}

/* One of its members', not the host's own. */
static bool is_in(const struct nsn_anynet *net, const struct nsn_ip *ip)
{
	for (size_t i = 0; i < net->n_gateways; i++)
		if (nsn_ip_cmp(&net->gateways[i], ip) == 0)
			return false;
	for (size_t i = 0; i < net->n_own; i++)
		if (net->own[i].len > 0 && nsn_prefix_has(&net->own[i], ip))
			return true;
	return false;
}

/* A connection that lives, between addresses of the two. */
static bool live_between(const struct nsn_proving *p, size_t a, size_t b)
{
	const struct nsn_vns *host = &p->snap->ns[p->host];
	const struct nsn_anynet *x = &given(p)->nets[a], *y = &given(p)->nets[b];

	for (size_t i = 0; i < host->n_cts; i++) {
		const struct nsn_vct *c = &host->cts[i];

		if ((is_in(x, &c->orig.src) && is_in(y, &c->reply.src)) ||
		    (is_in(y, &c->orig.src) && is_in(x, &c->reply.src)))
			return true;
	}
	return false;
}

/* Between two that can open none to each other: whether it gets on is not followed. */
static void say_live(struct nsn_proving *p, const struct all *all)
{
	const size_t n = given(p)->n;

	for (size_t i = 0; i < n * n; i++) {
		const size_t a = i / n, b = i % n;
		struct nsn_finding *x;

		if (a >= b || all->opens[i] || all->opens[b * n + a] || !live_between(p, a, b))
			continue;
		x = nsn_say(p, NSN_FIND_UNMODELLED, a, b);
		nsn_anyhost_must(p,
				 nsn_finding_say(&p->report->findings, x,
						 "%s, %s: a connection lives between the two that "
						 "neither could open now, and it is not followed",
						 given(p)->nets[a].name, given(p)->nets[b].name));
		p->report->theorems[2].outcome = NSN_INCONCLUSIVE;
		nsn_say_pair(p, a, b, NSN_FIND_UNMODELLED);
		nsn_say_pair(p, b, a, NSN_FIND_UNMODELLED);
	}
}

static void say_leaves(struct nsn_proving *p, const bool *out)
{
	struct nsn_finding *x = NULL;

	for (size_t a = 0; a < given(p)->n; a++) {
		if (!out[a])
			continue;
		if (!x)
			x = nsn_say(p, NSN_FIND_LEAVES, SIZE_MAX, SIZE_MAX);
		nsn_anyhost_must(
			p, nsn_finding_show(&p->report->findings, x, "%s", given(p)->nets[a].name));
	}
	if (x)
		nsn_anyhost_must(p, nsn_finding_say(&p->report->findings, x,
						    "%zu of %zu networks get out of this machine, "
						    "to wherever its routes lead",
						    x->n_evidence, given(p)->n));
}

/* What is said of a sender is said of each of its pairs. */
static void sum_up(struct nsn_proving *p)
{
	const size_t n = given(p)->n;
	struct nsn_report *r = p->report;
	size_t bad[NSN_VIOLATION + 1] = {0};

	for (size_t a = 0; a < n; a++) {
		for (size_t b = 0; p->sender[a] != NSN_PROVED && b < n; b++)
			nsn_say_pair(p, a, b, p->sender_kind[a]);
		(void)nsn_pair_row(p, a, NSN_SIDE_HOST(n));
		if (p->sender[a] != NSN_PROVED)
			nsn_say_pair(p, a, NSN_SIDE_HOST(n), p->sender_kind[a]);
	}
	for (size_t i = 0; i < r->n_pairs; i++) {
		if (r->unlisted > r->pairs[i].outcome) {
			r->pairs[i].outcome = r->unlisted;
			r->pairs[i].kind = p->unlisted_kind;
		}
		bad[r->pairs[i].outcome]++;
	}
	/* Each to all others, to the host, and what is said of it towards the outside. */
	r->n_ordered = n * n;
	for (size_t i = 0; i < r->n_pairs; i++)
		r->n_ordered += r->pairs[i].to == NSN_SIDE_INTERNET(n);
	r->n_violations = bad[NSN_VIOLATION];
	r->n_inconclusive = bad[NSN_INCONCLUSIVE];
	if (r->unlisted == NSN_INCONCLUSIVE)
		r->n_inconclusive = r->n_ordered - bad[NSN_VIOLATION];
	nsn_checked(p, 1, n * (n ? n - 1 : 0));
	nsn_checked(p, 3, n);
	nsn_checked(p, 4, n);
	nsn_checked(p, 5, p->topo.n_edges);
	nsn_checked(p, 6, n);
	for (size_t i = 0; i < p->snap->n_ns; i++) {
		if (p->snap->ns[i].kind == NSN_VNS_WORKLOAD)
			nsn_checked(p, 8, p->snap->ns[i].n_procs);
		if (p->snap->ns[i].full)
			nsn_checked(p, 2, p->snap->ns[i].n_cts);
	}
}

void nsn_anyhost_prove(struct nsn_proving *p)
{
	const size_t n = given(p)->n;
	struct all all;
	bool *cells;

	/* In the report's arena: what is in the space's is gone after each network. */
	cells = nsn_arena_alloc(&p->report->findings.mem, n * n + 2 * n + 1);
	if (!cells) {
		p->no_memory = true;
		return;
	}
	memset(cells, 0, n * n + 2 * n + 1);
	all = (struct all){cells, cells + n * n, cells + n * n + n};
	if (p->host != NSN_NOWHERE)
		prove_nets(p, &all);
	if (p->no_memory || sigsetjmp(p->space.out, 0) != 0) {
		p->no_memory = true;
		return;
	}
	say_live(p, &all);
	say_leaves(p, all.leaves);
	sum_up(p);
}
