// SPDX-License-Identifier: GPL-2.0-or-later
/* What is sent: from a probe, as it was asked, to its frames. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "shots.h"

/* ---- memory --------------------------------------------------------------------------- */

static int grow(void *list, size_t *room, size_t need, size_t size)
{
	size_t more = *room ? *room : 256;
	void *p;

	if (need <= *room)
		return 0;
	while (more < need)
		more *= 2;
	p = reallocarray(*(void **)list, more, size);
	if (!p)
		return -ENOMEM;
	*(void **)list = p;
	*room = more;
	return 0;
}

struct nsn_shot *nsn_run_shot(struct nsn_run *r, enum nsn_shot_what what, size_t place,
			      size_t mouth)
{
	struct nsn_shots *s = &r->s;

	if (grow(&s->v, &s->room, s->n + 1, sizeof(*s->v)) < 0)
		return NULL;
	s->v[s->n] = (struct nsn_shot){
		.what = what, .place = place, .mouth = mouth, .probe = NSN_WIRE_NONE};
	return &s->v[s->n++];
}

uint32_t nsn_run_number(const struct nsn_run *r, size_t shot)
{
	return r->ranges[r->n_ranges - 1].first + (uint32_t)shot;
}

/* Takes the frames that have been formed. */
int nsn_run_frames(struct nsn_run *r, size_t shot)
{
	struct nsn_shots *s = &r->s;
	const struct nsn_wire_train *t = &s->train;
	size_t i;

	s->v[shot].first = (uint32_t)s->n_frames;
	for (i = 0; i < t->n; i++) {
		const struct nsn_wire_frame *f = &t->f[i];

		if (grow(&s->frames, &s->frames_room, s->n_frames + 1, sizeof(*s->frames)) < 0 ||
		    grow(&s->bytes, &s->len_room, s->len + f->len, 1) < 0)
			return -ENOMEM;
		s->frames[s->n_frames++] = (struct nsn_shot_frame){s->len, f->len, (uint32_t)shot};
		memcpy(s->bytes + s->len, f->bytes, f->len);
		s->len += f->len;
	}
	s->v[shot].n = (uint8_t)t->n;
	return 0;
}

/* ---- may it be sent? --------------------------------------------------------------------- */

/* Whether somebody lives behind the sender's gateway who would get what a bridge floods. */
static bool others_live(const struct nsn_run *r, size_t from)
{
	const struct nsn_wire_place *p = r->w->places;
	size_t i;

	for (i = 0; i < r->w->n; i++)
		if (i != from && !p[i].trusted && !p[i].canary &&
		    p[i].gateway_place == p[from].gateway_place)
			return true;
	return false;
}

static const char *harmful(const struct nsn_run *r, const struct nsn_wire_probe *p)
{
	const enum nsn_wire_class class = nsn_wire_kind_class(p->kind);

	if (class == NSN_WIRE_LIVE)
		return NULL;
	if (class == NSN_WIRE_HARD && !r->how.aggressive)
		return "it would not be harmless, and is sent with --aggressive only";
	if (p->to >= r->w->n || !(r->w->places[p->to].trusted || r->w->places[p->to].canary))
		return "it would not be harmless to a workload that lives there";
	if (nsn_wire_kind_floods(p->kind) && !r->how.aggressive && others_live(r, p->from))
		return "it would not be harmless to workloads beside the sender";
	return NULL;
}

static const char *wrong_with(enum nsn_wire_fault fault, bool sender)
{
	static const char *const says[][2] = {
		[NSN_FAULT_NONE] = {NULL, NULL},
		[NSN_FAULT_CLOSED] = {"the receiver's namespace cannot be opened",
				      "the sender's namespace cannot be opened"},
		[NSN_FAULT_GONE] = {"the receiver's namespace is not there any more",
				    "the sender's namespace is not there any more"},
		[NSN_FAULT_GATEWAY] = {"the receiver's gateway cannot be looked into",
				       "the sender's gateway cannot be looked into"},
		[NSN_FAULT_PORT] = {"the receiver's port in its gateway is not there, or down",
				    "the sender's port in its gateway is not there, or down"},
		[NSN_FAULT_LINK] = {"the receiver's link is not there, or down",
				    "the sender's link is not there, or down"},
	};

	return says[fault][sender];
}

static const char *refuse(const struct nsn_run *r, const struct nsn_wire_probe *p)
{
	const struct nsn_wire *w = r->w;

	if (p->from >= w->n || w->places[p->from].trusted)
		return "its sender is no tenant's end";
	if ((p->to >= w->n && p->to != SIZE_MAX) || p->to == p->from)
		return "its receiver is no other place";
	if (!p->raw && !nsn_wire_kind_has(p->kind, p->family))
		return "there is no such packet in this family";
	if (w->spots[p->from].fault)
		return wrong_with(w->spots[p->from].fault, true);
	if (p->to == SIZE_MAX && r->host == SIZE_MAX)
		return "nobody listens at the host";
	if (p->to != SIZE_MAX && w->spots[p->to].fault)
		return wrong_with(w->spots[p->to].fault, false);
	return harmful(r, p);
}

/* ---- what it is made of -------------------------------------------------------------------- */

static struct nsn_ip own(const struct nsn_wire_place *p, uint8_t family)
{
	return family == AF_INET ? p->ip : p->ip6;
}

static struct nsn_ip router_of(const struct nsn_wire_place *p, uint8_t family)
{
	return family == AF_INET ? p->gateway : p->gateway6;
}

static void find_third(const struct nsn_run *r, const struct nsn_wire_probe *p,
		       struct nsn_wire_ask *a)
{
	const struct nsn_wire_place *all = r->w->places;
	const size_t not = all[p->from].gateway_place, nor = p->to < r->w->n && !all[p->to].trusted
								     ? all[p->to].gateway_place
								     : p->to;
	size_t i;

	for (i = 0; i < r->w->n; i++) {
		if (all[i].trusted || all[i].gateway_place == not || all[i].gateway_place == nor)
			continue;
		a->third = own(&all[i], p->family);
		if (a->third.family)
			return;
	}
}

/* Ports that nobody is likely to listen at, the two halves apart: no probe answers another. */
static void fresh_ports(const struct nsn_wire *w, uint32_t number, struct nsn_wire_ask *a)
{
	const uint32_t x = (number + w->salt) * 2654435761U;

	if (!a->sport)
		a->sport = (uint16_t)(20000 + (number + w->salt) % 25000);
	if (!a->dport)
		a->dport = (uint16_t)(47000 + (x >> 8) % 13000);
	if (!a->id)
		a->id = (uint16_t)(number + w->salt);
}

static void ask_of(const struct nsn_run *r, const struct nsn_wire_probe *p, uint32_t number,
		   struct nsn_wire_ask *a)
{
	const struct nsn_wire_place *from = &r->w->places[p->from];
	const struct nsn_wire_place *to = p->to < r->w->n ? &r->w->places[p->to] : NULL;

	*a = (struct nsn_wire_ask){
		.kind = p->kind,
		.family = p->family,
		.proto = p->proto,
		.ttl = to ? 64 : 2, /* one for the gateway, and the host has none left */
		.mac = from->mac,
		.gateway_mac = from->gateway_mac,
		.to_mac = from->gateway_mac,
		.src = p->src.family ? p->src : own(from, p->family),
		.dst = p->dst,
		.first = router_of(from, p->family),
		.sport = p->sport,
		.dport = p->dport,
		.id = p->id,
		.raw = p->raw,
		.raw_len = p->raw_len,
	};
	a->router = p->dst;
	if (to && !to->trusted) {
		a->near = to->gateway_place == from->gateway_place;
		/* From the other side of a gateway nobody else gets a frame by its address. */
		a->to_mac = to->mac;
		a->router = router_of(to, p->family);
		a->subnet = to->subnet;
		if (!a->dst.family)
			a->dst = own(to, p->family);
	}
	if (p->kind == NSN_WIRE_SPOOF_THIRD)
		find_third(r, p, a);
	fresh_ports(r->w, number, a);
}

static int aim_one(struct nsn_run *r, size_t shot, const struct nsn_wire_probe *p)
{
	struct nsn_wire_ask ask;
	const char *no = refuse(r, p);

	if (!no) {
		ask_of(r, p, nsn_run_number(r, shot), &ask);
		no = nsn_wire_form(&r->s.train, &ask, &r->w->key, nsn_run_number(r, shot));
	}
	r->s.v[shot].refused = no;
	if (no)
		return 0;
	r->s.v[shot].mouth = r->w->spots[p->from].end;
	return nsn_run_frames(r, shot);
}

/* ---- a batch -------------------------------------------------------------------------------- */

static size_t sender(const struct nsn_run *r, size_t at)
{
	const size_t from = r->probes[r->order[at]].from;

	return from < r->w->n ? from : r->w->n;
}

/* What one mouth sends lies together. */
static void by_sender(struct nsn_run *r)
{
	size_t i, sum = 0, c;

	memset(r->counts, 0, (r->w->n + 1) * sizeof(*r->counts));
	for (i = r->from; i < r->until; i++)
		r->counts[sender(r, i)]++;
	for (i = 0; i <= r->w->n; i++) {
		c = r->counts[i];
		r->counts[i] = sum;
		sum += c;
	}
	for (i = r->from; i < r->until; i++)
		r->turn[r->counts[sender(r, i)]++] = (uint32_t)(i - r->from);
}

static int new_range(struct nsn_run *r)
{
	if (grow(&r->ranges, &r->ranges_room, r->n_ranges + 1, sizeof(*r->ranges)) < 0)
		return -ENOMEM;
	r->ranges[r->n_ranges++] = (struct nsn_shot_range){r->w->next, r->until - r->from, r->from};
	return 0;
}

/* The receivers of the batch, one after the other. */
static int aim_targets(struct nsn_run *r)
{
	size_t i, j;
	int e = 0;

	r->n_targets = 0;
	for (i = r->from; i < r->until && e == 0; i = j) {
		const size_t to = r->probes[r->order[i]].to;

		for (j = i + 1; j < r->until && r->probes[r->order[j]].to == to; j++)
			;
		if (grow(&r->targets, &r->targets_room, r->n_targets + 1, sizeof(*r->targets)) < 0)
			return -ENOMEM;
		e = nsn_run_target(r, i, j);
	}
	return e;
}

/* Who sends at all shows that it could: after what it has sent. */
static int aim_senders(struct nsn_run *r)
{
	size_t i;
	int e = 0;

	for (i = 0; i < r->s.probes && e == 0; i++)
		if (!r->s.v[i].refused && r->s.v[i].n)
			e = nsn_run_ping(r, r->s.v[i].place);
	return e;
}

/* Again, what has been heard is not sent once more. */
int nsn_run_aim(struct nsn_run *r, unsigned int attempt)
{
	struct nsn_shots *s = &r->s;
	size_t i, n = r->until - r->from;
	int e = new_range(r);

	s->n = s->probes = s->n_frames = s->len = s->owed = 0;
	for (i = 0; i < n && e == 0; i++) {
		const size_t probe = r->order[r->from + i];
		struct nsn_shot *shot =
			nsn_run_shot(r, NSN_SHOT_PROBE, r->probes[probe].from, NSN_WIRE_NONE);

		if (!shot)
			return -ENOMEM;
		shot->probe = probe;
	}
	s->probes = n;
	by_sender(r);
	for (i = 0; i < n && e == 0; i++) {
		const struct nsn_wire_probe *p = &r->probes[r->order[r->from + r->turn[i]]];

		if (attempt == 0 || p->end != NSN_WIRE_DELIVERED)
			e = aim_one(r, r->turn[i], p);
	}
	for (i = 0; i < r->w->n; i++)
		r->pings[i] = NSN_WIRE_NONE;
	if (e == 0 && !r->how.no_controls)
		e = aim_senders(r);
	if (e == 0 && !r->how.no_controls)
		e = aim_targets(r);
	r->w->next = nsn_run_number(r, s->n);
	return e;
}
