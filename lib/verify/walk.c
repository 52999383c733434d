/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk - sets of packets from link to link: what waits, and what arrived. */
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "walk_in.h"

uint8_t nsn_w_nfproto(uint8_t family)
{
	return family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

const char *nsn_w_printf(struct nsn_space *s, const char *fmt, ...)
{
	char buf[256], *ret;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	ret = nsn_space_alloc(s, strlen(buf) + 1);
	memcpy(ret, buf, strlen(buf) + 1);
	return ret;
}

/* ---- arrivals -------------------------------------------------------------------------- */

static void steps_of(struct nsn_wat *at, const struct nsn_wlink *out, struct nsn_arrival *a)
{
	size_t n = (at->path ? at->path->depth : 0) + 1;
	struct nsn_step_in *steps = nsn_space_alloc(at->s, n * sizeof(*steps));

	a->steps = steps;
	a->n_steps = n;
	steps[n - 1] = (struct nsn_step_in){.ns = at->n->at,
					    .in = at->in ? at->in->l->index : 0,
					    .out = out ? out->l->index : 0};
	for (const struct nsn_wpath *p = at->path; p; p = p->up)
		steps[p->depth - 1] = (struct nsn_step_in){p->n->at, p->in, p->out};
}

static bool same_steps(const struct nsn_arrival *a, const struct nsn_arrival *b)
{
	return a->n_steps == b->n_steps &&
	       memcmp(a->steps, b->steps, a->n_steps * sizeof(*a->steps)) == 0;
}

static struct nsn_arrival *arrival_like(struct nsn_wrun *r, const struct nsn_arrival *a)
{
	size_t last = r->ret->n > 8 ? r->ret->n - 8 : 0;

	for (size_t i = r->ret->n; i-- > last;) {
		struct nsn_arrival *b = &r->ret->list[i];

		if (b->kind == a->kind && b->ns == a->ns && b->link == a->link && b->to == a->to &&
		    b->switched == a->switched && !a->why && !b->why && same_steps(a, b))
			return b;
	}
	return NULL;
}

void nsn_w_arrive(struct nsn_wat *at, enum nsn_arrival_kind kind, const struct nsn_wlink *out,
		  nsn_set_t set, bool routed, const char *why, const struct nsn_hit *hit)
{
	struct nsn_wrun *r = at->r;
	struct nsn_arrival a = {.kind = kind, .to = NSN_NOWHERE}, *like;

	if (nsn_empty(set) || at->entries)
		return;
	if (kind == NSN_ARRIVES_LOCAL)
		nsn_w_tell(at, NSN_PASSED_LOCAL, 0, "delivered to this namespace's own sockets");
	else if (kind != NSN_ARRIVES)
		nsn_w_tell(at, NSN_PASSED_STOP, out ? out->l->index : 0, "%s",
			   why ? why : "it has been here before: a loop");
	a.ns = at->n->at;
	a.link = out ? out->l->index : 0;
	if (kind == NSN_ARRIVES && out)
		a.to = out->to;
	a.family = r->family;
	a.set = set;
	a.switched = !routed;
	a.why = why;
	if (hit)
		a.at = *hit;
	steps_of(at, out, &a);
	like = arrival_like(r, &a);
	if (like) {
		like->set = nsn_or(r->s, like->set, set);
		return;
	}
	if (r->ret->n == r->max) {
		size_t max = r->max ? 2 * r->max : 8;
		struct nsn_arrival *list = nsn_space_alloc(r->s, max * sizeof(*list));

		if (r->ret->n)
			memcpy(list, r->ret->list, r->ret->n * sizeof(*list));
		r->ret->list = list;
		r->max = max;
	}
	r->ret->list[r->ret->n++] = a;
}

void nsn_w_blind(struct nsn_wat *at, nsn_set_t set, const char *why)
{
	nsn_w_arrive(at, NSN_ARRIVES_BLIND, NULL, set, at->path && at->path->routed, why, NULL);
}

/* ---- hooks ------------------------------------------------------------------------------ */

static const char *hook_name(uint8_t family, uint32_t hook)
{
	static const char *const inet[] = {"prerouting", "input",	"forward",
					   "output",	 "postrouting", "ingress"};
	const char *name = hook < NSN_COUNT(inet) ? inet[hook] : "?";

	(void)family;
	return name;
}

static const char *family_name(uint8_t family)
{
	if (family == NFPROTO_BRIDGE)
		return "bridge";
	if (family == NFPROTO_NETDEV)
		return "netdev";
	return family == NFPROTO_IPV4 ? "ip" : "ip6";
}

nsn_set_t nsn_w_hook(struct nsn_wat *at, uint8_t family, uint32_t hook, const char *dev,
		     int32_t first, int32_t last, nsn_set_t set)
{
	struct nsn_hooked h = {0};
	struct nsn_trace t = {0};

	if (nsn_empty(set) || !nsn_hooks_any(at->n->hooks, family, hook))
		return set;
	set = nsn_w_one_of(at, set);
	nsn_hooks_hop(at->n->hooks, at->hop);
	nsn_hook_run(at->n->hooks, family, hook, dev, first, last, set, &h, at->r->one ? &t : NULL);
	nsn_w_doubt(at, &t, h.go);
	if (at->r->one) {
		const char *name = family == NFPROTO_NETDEV ? (hook ? "egress" : "ingress")
							    : hook_name(family, hook);

		nsn_w_tell_hits(at, nsn_w_printf(at->s, "%s %s", family_name(family), name), &t,
				nsn_empty(h.go));
		nsn_trace_clear(&t);
	}
	for (size_t i = 0; i < h.n_poison; i++) {
		if (at->entries)
			h.go = nsn_or(at->s, h.go, h.poison[i].set);
		else
			nsn_w_arrive(at, NSN_ARRIVES_BLIND, NULL, h.poison[i].set,
				     at->path && at->path->routed, h.poison[i].why,
				     &h.poison[i].at);
	}
	return h.go;
}

/* ---- what waits ------------------------------------------------------------------------- */

static const struct nsn_wpath *path_on(struct nsn_wat *at, const struct nsn_wlink *out, bool routed)
{
	struct nsn_wpath *p = nsn_space_alloc(at->s, sizeof(*p));

	p->up = at->path;
	p->n = at->n;
	p->in = at->in ? at->in->l->index : 0;
	p->out = out->l->index;
	p->set = at->set;
	p->routed = routed || (at->path && at->path->routed);
	p->depth = (at->path ? at->path->depth : 0) + 1;
	return p;
}

static bool same_way(const struct nsn_wpath *a, const struct nsn_wpath *b)
{
	return a->up == b->up && a->n == b->n && a->in == b->in && a->out == b->out &&
	       a->routed == b->routed;
}

static struct nsn_wlink *in_run(struct nsn_wrun *r, struct nsn_wlink *l)
{
	if (l->run != r->id) {
		l->run = r->id;
		l->seen = nsn_none(r->s);
		l->job = NULL;
	}
	return l;
}

static void push(struct nsn_wrun *r, struct nsn_wns *n, struct nsn_wlink *in, nsn_set_t set,
		 const struct nsn_wpath *path)
{
	struct nsn_wjob *job;

	in = in_run(r, in);
	if (in->job && path && in->job->path && same_way(in->job->path, path)) {
		in->job->set = nsn_or(r->s, in->job->set, set);
		return;
	}
	if (++r->jobs > NSN_W_JOBS)
		nsn_space_stop(r->s, "steps");
	job = nsn_space_alloc(r->s, sizeof(*job));
	job->n = n;
	job->in = in;
	job->set = set;
	job->path = path;
	in->job = job;
	if (r->last)
		r->last->next = job;
	else
		r->first = job;
	r->last = job;
}

static bool tracks(const struct nsn_wns *n, uint8_t family)
{
	return nsn_hooks_track(n->hooks, NFPROTO_BRIDGE) || family == 0 ||
	       nsn_hooks_track(n->hooks, nsn_w_nfproto(family));
}

static nsn_set_t arriving(struct nsn_space *s, nsn_set_t set, const struct nsn_wlink *in)
{
	set = nsn_put(s, set, NSN_F_IIF, in->l->index);
	set = nsn_put(s, set, NSN_F_OIF, 0);
	return nsn_put(s, set, NSN_F_MARK, 0);
}

/* A packet that crosses into another namespace keeps no mark and no connection. */
static nsn_set_t crossing(struct nsn_space *s, nsn_set_t set, const struct nsn_wlink *in)
{
	set = arriving(s, set, in);
	set = nsn_put(s, set, NSN_F_CTSTATE, NSN_CT_INVALID);
	set = nsn_put(s, set, NSN_F_CTDIR, 0);
	set = nsn_put(s, set, NSN_F_CTNAT, 0);
	return nsn_put(s, set, NSN_F_CTMARK, 0);
}

/* Sent by somebody, as it is: nobody has translated it. */
nsn_set_t nsn_w_fresh(struct nsn_space *s, nsn_set_t set, const struct nsn_wlink *in)
{
	const uint32_t before = 1U << NSN_F_OSRC | 1U << NSN_F_ODST | 1U << NSN_F_ODPORT;

	set = nsn_forget_all(s, crossing(s, set, in), before);
	return nsn_put(s, set, NSN_F_FIRST, 0);
}

/* Where a device leads that has no other half which we know. */
static void leave_alone(struct nsn_wat *at, const struct nsn_wlink *out, nsn_set_t set, bool routed)
{
	const struct nsn_vlink *l = out->l;

	if (strcmp(l->kind, "dummy") == 0) {
		nsn_w_tell(at, NSN_PASSED_STOP, l->index, "a dummy device swallows it");
		return;
	}
	if (l->flags & IFF_LOOPBACK) {
		nsn_w_blind(at, set, "sent to the loopback device");
		return;
	}
	if (l->kind[0] == '\0' || nsn_w_is_outer(at->n, out)) {
		nsn_w_arrive(at, NSN_ARRIVES, out, set, routed, NULL, NULL);
		return;
	}
	nsn_w_arrive(at, NSN_ARRIVES_BLIND, out, set, routed,
		     nsn_w_printf(at->s, "'%s' is of kind %s%s", l->name, l->kind,
				  l->peer_lost ? " and its other half was not found" : ""),
		     NULL);
}

void nsn_w_leave(struct nsn_wat *at, const struct nsn_wlink *out, nsn_set_t set, bool routed)
{
	const struct nsn_vlink *l = out->l;
	struct nsn_wlink *peer;

	if (nsn_empty(set))
		return;
	if (!(l->flags & IFF_UP)) {
		nsn_w_tell(at, NSN_PASSED_STOP, l->index, "'%s' is down", l->name);
		return;
	}
	if (nsn_hooks_any(at->n->hooks, NFPROTO_NETDEV, 1))
		set = nsn_w_hook(at, NFPROTO_NETDEV, 1, l->name, INT32_MIN, INT32_MAX, set);
	if (l->tc) {
		nsn_w_blind(at, set,
			    nsn_w_printf(at->s, "'%s' has filters of traffic control", l->name));
		return;
	}
	routed = routed || (at->path && at->path->routed);
	if (strcmp(l->kind, "veth") != 0 || (out->to == NSN_NOWHERE)) {
		leave_alone(at, out, set, routed);
		return;
	}
	nsn_w_tell(at, NSN_PASSED_OUT, l->index, "leaves by '%s'", l->name);
	if (!out->peer) {
		nsn_w_arrive(at, NSN_ARRIVES, out, set, routed, NULL, NULL);
		return;
	}
	peer = nsn_w_link(out->peer, l->peer_index);
	if (!peer) {
		nsn_w_blind(at, set,
			    nsn_w_printf(at->s, "the other half of '%s' is not there", l->name));
		return;
	}
	/* Where nobody tracks connections the state stays what it was, for who looks at it last. */
	nsn_w_ready(at->r->w, out->peer);
	if (tracks(out->peer, at->family))
		set = crossing(at->s, set, peer);
	else
		set = arriving(at->s, set, peer);
	push(at->r, out->peer, peer, set, path_on(at, out, routed));
}

/* Whether the way comes back to where it was with packets that were there: a loop. */
static nsn_set_t loops(struct nsn_wrun *r, const struct nsn_wjob *job)
{
	for (const struct nsn_wpath *p = job->path; p; p = p->up) {
		if (p->n == job->n && p->in == job->in->l->index && p->up)
			return nsn_and(r->s, nsn_forget(r->s, job->set, NSN_F_TTL),
				       nsn_forget(r->s, p->set, NSN_F_TTL));
	}
	return nsn_none(r->s);
}

static void do_job(struct nsn_wrun *r, struct nsn_wjob *job)
{
	struct nsn_wat at = {.r = r,
			     .s = r->s,
			     .n = job->n,
			     .in = job->in,
			     .path = job->path,
			     .family = r->family};
	nsn_set_t set = job->set, again;

	if (job->in->job == job)
		job->in->job = NULL;
	if (job->path && !r->one) {
		again = loops(r, job);
		nsn_w_arrive(&at, NSN_ARRIVES_AGAIN, job->in, again, job->path->routed, NULL, NULL);
		/* What was pushed by another way has arrived already, but by that way. */
		set = nsn_sub(r->s, set, job->in->seen);
		if (nsn_empty(set))
			return;
		job->in->seen = nsn_or(r->s, job->in->seen, set);
	}
	if (job->path && job->path->depth >= NSN_W_HOPS) {
		if (r->one)
			nsn_w_tell(&at, NSN_PASSED_STOP, 0, "too many namespaces: a loop");
		else
			nsn_w_blind(&at, set, "too many namespaces on its way");
		return;
	}
	at.set = set = nsn_w_narrow(&at, set);
	(void)nsn_w_enter(&at, set, false);
}

int nsn_w_run(struct nsn_wrun *r)
{
	while (r->first) {
		struct nsn_wjob *job = r->first;

		r->first = job->next;
		if (!r->first)
			r->last = NULL;
		do_job(r, job);
	}
	return 0;
}

/* ---- entering --------------------------------------------------------------------------- */

static const char *strange(struct nsn_wat *at, const struct nsn_vlink *l)
{
	const struct nsn_vns *ns = at->n->ns;

	if (ns->unreadable)
		return nsn_w_printf(at->s, "%s could not be read", ns->name);
	if (ns->n_strange)
		return nsn_w_printf(at->s, "%s has %s", ns->name, ns->strange[0]);
	if (l->xdp)
		return nsn_w_printf(at->s, "'%s' has an XDP program", l->name);
	if (l->tc)
		return nsn_w_printf(at->s, "'%s' has filters of traffic control", l->name);
	if (nsn_w_is_outer(at->n, at->in))
		return NULL;
	if (l->port_kind[0] != '\0' && strcmp(l->port_kind, "bridge") != 0)
		return nsn_w_printf(at->s, "'%s' is in a %s", l->name, l->port_kind);
	if (strcmp(l->kind, "veth") != 0 && l->kind[0] != '\0' && strcmp(l->kind, "bridge") != 0 &&
	    strcmp(l->kind, "dummy") != 0)
		return nsn_w_printf(at->s, "'%s' is of kind %s", l->name, l->kind);
	return NULL;
}

nsn_set_t nsn_w_enter(struct nsn_wat *at, nsn_set_t set, bool admitted)
{
	const struct nsn_vlink *l = at->in->l;
	const char *why;

	if (nsn_empty(set))
		return set;
	nsn_w_ready(at->r->w, at->n);
	nsn_w_tell(at, NSN_PASSED_IN, l->index, "comes in by '%s'", l->name);
	if (!(l->flags & IFF_UP)) {
		nsn_w_tell(at, NSN_PASSED_STOP, l->index, "'%s' is down", l->name);
		return nsn_none(at->s);
	}
	why = strange(at, l);
	if (why) {
		nsn_w_blind(at, set, why);
		return nsn_none(at->s);
	}
	set = nsn_w_hook(at, NFPROTO_NETDEV, 0, l->name, INT32_MIN, INT32_MAX, set);
	if (strcmp(l->port_kind, "bridge") == 0)
		return nsn_w_bridge_in(at, set, admitted);
	return nsn_w_ip_in(at, at->in, set, true, admitted);
}

/* ---- outside ---------------------------------------------------------------------------- */

/* Any frame of a family. */
nsn_set_t nsn_w_frames(struct nsn_space *s, uint8_t family)
{
	if (family == AF_INET)
		return nsn_and(s, nsn_is(s, NSN_F_ETYPE, ETH_P_IP),
			       nsn_and(s, nsn_between(s, NSN_F_SRC, 0, UINT32_MAX),
				       nsn_between(s, NSN_F_DST, 0, UINT32_MAX)));
	if (family == AF_INET6)
		return nsn_is(s, NSN_F_ETYPE, ETH_P_IPV6);
	return nsn_sub(s, nsn_sub(s, nsn_all(s), nsn_is(s, NSN_F_ETYPE, ETH_P_IP)),
		       nsn_is(s, NSN_F_ETYPE, ETH_P_IPV6));
}

/* What its sockets send: from its own addresses. */
static nsn_set_t own_packets(struct nsn_space *s, const struct nsn_vns *ns, uint8_t family)
{
	struct nsn_range *r = nsn_space_alloc(s, (ns->n_addrs + 1) * sizeof(*r));
	nsn_set_t set = nsn_w_frames(s, family);
	size_t n = 0;

	for (size_t i = 0; i < ns->n_addrs; i++)
		if (ns->addrs[i].net.ip.family == family) {
			r[n].first = r[n].last = nsn_w_ip(&ns->addrs[i].net.ip);
			n++;
		}
	set = n ? nsn_and(s, set, nsn_in(s, NSN_F_SRC, r, n)) : nsn_none(s);

	set = nsn_put(s, set, NSN_F_TAG, 0);
	set = nsn_put(s, set, NSN_F_FRAG, 0);
	set = nsn_put(s, set, NSN_F_IIF, 0);
	set = nsn_put(s, set, NSN_F_CTSTATE, NSN_CT_INVALID);
	set = nsn_put(s, set, NSN_F_CTDIR, 0);
	set = nsn_put(s, set, NSN_F_CTNAT, 0);
	set = nsn_put(s, set, NSN_F_CTMARK, 0);
	return nsn_put(s, set, NSN_F_FIRST, 0);
}

void nsn_walk_openers(struct nsn_walk *w)
{
	w->openers = true;
}

void nsn_walk_from(struct nsn_walk *w, size_t ns, const uint32_t *links, size_t n, uint8_t family,
		   struct nsn_arrivals *ret)
{
	struct nsn_wrun r = {.w = w, .s = w->s, .id = ++w->runs, .family = family, .ret = ret};

	*ret = (struct nsn_arrivals){0};
	for (size_t i = 0; i < n; i++) {
		struct nsn_wlink *l = nsn_w_link(&w->ns[ns], links[i]);

		if (l)
			push(&r, &w->ns[ns], l, nsn_w_fresh(w->s, nsn_w_frames(w->s, family), l),
			     NULL);
	}
	(void)nsn_w_run(&r);
}

void nsn_walk_sent(struct nsn_walk *w, size_t ns, uint8_t family, struct nsn_arrivals *ret)
{
	struct nsn_wrun r = {.w = w, .s = w->s, .id = ++w->runs, .family = family, .ret = ret};
	struct nsn_wat at = {.r = &r, .s = w->s, .n = &w->ns[ns], .family = family};

	*ret = (struct nsn_arrivals){0};
	nsn_w_ready(w, at.n);
	at.set = own_packets(w->s, at.n->ns, family);
	nsn_w_sent(&at, at.set);
	(void)nsn_w_run(&r);
}

size_t nsn_walk_outer(const struct nsn_walk *w, size_t ns, uint32_t *ret)
{
	const struct nsn_wns *at = &w->ns[ns];
	size_t n = 0;

	for (size_t i = 0; i < at->n_links; i++) {
		const struct nsn_vlink *l = at->links[i].l;
		const bool part = l->port_kind[0] && strcmp(l->port_kind, "bridge") != 0;

		if (l->flags & IFF_UP && !part && strcmp(l->kind, "bridge") != 0 &&
		    nsn_w_is_outer(at, &at->links[i]))
			ret[n++] = l->index;
	}
	return n;
}

bool nsn_walk_is_outer(const struct nsn_walk *w, size_t ns, uint32_t link)
{
	const struct nsn_wlink *l = nsn_w_link(&w->ns[ns], link);

	return l && nsn_w_is_outer(&w->ns[ns], l);
}

nsn_set_t nsn_walk_admits(struct nsn_walk *w, size_t ns, uint32_t link, uint8_t family,
			  nsn_set_t *unsure)
{
	struct nsn_arrivals blind = {0};
	struct nsn_wrun r = {.w = w, .s = w->s, .id = ++w->runs, .family = family, .ret = &blind};
	struct nsn_wlink *l = nsn_w_link(&w->ns[ns], link);
	struct nsn_wat at = {.r = &r, .s = w->s, .n = &w->ns[ns], .in = l, .family = family};
	nsn_set_t ret;

	*unsure = nsn_none(w->s);
	if (!l)
		return nsn_none(w->s);
	at.set = nsn_w_fresh(w->s, nsn_w_frames(w->s, family), l);
	ret = nsn_w_enter(&at, at.set, true);
	for (size_t i = 0; i < blind.n; i++)
		*unsure = nsn_or(w->s, *unsure, blind.list[i].set);
	return ret;
}

nsn_set_t nsn_walk_admitted(struct nsn_walk *w, size_t ns, uint32_t link, uint8_t family)
{
	nsn_set_t unsure, ret = nsn_walk_admits(w, ns, link, family, &unsure);

	/* What cannot be modelled may pass. */
	return nsn_or(w->s, ret, unsure);
}
