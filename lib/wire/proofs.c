// SPDX-License-Identifier: GPL-2.0-or-later
/* What shows that a probe would have been seen: sentinels, pings, and others of the same kind. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "shots.h"

enum { FLOWS = 4 };

static uint8_t family_of(const struct nsn_wire_place *p)
{
	return p->ip.family ? AF_INET : AF_INET6;
}

static struct nsn_ip own(const struct nsn_wire_place *p, uint8_t family)
{
	return family == AF_INET ? p->ip : p->ip6;
}

static struct nsn_ip router_of(const struct nsn_wire_place *p, uint8_t family)
{
	return family == AF_INET ? p->gateway : p->gateway6;
}

/* Forms it and takes its frames; *@at is its shot, NSN_WIRE_NONE when there is no such packet. */
static int add(struct nsn_run *r, enum nsn_shot_what what, size_t place, size_t mouth,
	       const struct nsn_wire_ask *ask, size_t *at)
{
	const size_t shot = r->s.n;

	*at = NSN_WIRE_NONE;
	if (mouth == NSN_WIRE_NONE)
		return 0;
	if (nsn_wire_form(&r->s.train, ask, &r->w->key, nsn_run_number(r, shot)))
		return 0;
	if (!nsn_run_shot(r, what, place, mouth))
		return -ENOMEM;
	*at = shot;
	return nsn_run_frames(r, shot);
}

/* As a router's on the other side of the port would say it. */
static struct nsn_wire_ask into(const struct nsn_wire_place *p, enum nsn_wire_kind kind,
				uint8_t family, uint16_t flow)
{
	struct nsn_wire_ask a = {
		.kind = kind,
		.family = family,
		.ttl = 64,
		.mac = p->gateway_mac,
		.gateway_mac = p->mac,
		.to_mac = p->mac,
		.src = router_of(p, family),
		.dst = own(p, family),
		.subnet = p->subnet,
		.router = router_of(p, family),
		.sport = (uint16_t)(20000 + flow),
		.dport = (uint16_t)(60001 + flow),
		.id = flow,
	};

	if (!a.src.family)
		a.src = a.dst;
	return a;
}

/* Resets: nothing is said to them. */
static int sentinels(struct nsn_run *r, struct nsn_target *t)
{
	const struct nsn_wire_place *p = &r->w->places[t->place];
	const uint16_t salt = (uint16_t)(nsn_run_number(r, r->s.n) % 20000);
	struct nsn_wire_ask a;
	size_t i, at;
	int e = 0;

	t->sentinel = r->s.n;
	for (i = 0; i < FLOWS && e == 0; i++) {
		a = into(p, NSN_WIRE_TCP_RST, family_of(p), (uint16_t)(salt + i));
		a.dport = (uint16_t)(60001 + i);
		e = add(r, NSN_SHOT_SENTINEL, t->place, r->w->spots[t->place].port, &a, &at);
		t->n_sentinels += at != NSN_WIRE_NONE;
	}
	return e;
}

/* From @from's own end to its gateway, over the ways that all its packets take. Once in a batch. */
int nsn_run_ping(struct nsn_run *r, size_t from)
{
	const struct nsn_wire_place *p = &r->w->places[from];
	const uint8_t family =
		p->ip.family && p->gateway.family ? (uint8_t)AF_INET : (uint8_t)AF_INET6;
	struct nsn_wire_ask a = into(p, NSN_WIRE_ICMP, family, 1);

	if (r->pings[from] != NSN_WIRE_NONE)
		return 0;
	a.mac = p->mac;
	a.gateway_mac = a.to_mac = p->gateway_mac;
	a.src = own(p, family);
	a.dst = router_of(p, family);
	a.id = (uint16_t)nsn_run_number(r, r->s.n);
	return add(r, NSN_SHOT_PING, from, r->w->spots[from].end, &a, &r->pings[from]);
}

/* Both ways: handed over by the gateway, and received. */
static bool pinged(const struct nsn_run *r, size_t place)
{
	const size_t at = r->pings[place];

	return at != NSN_WIRE_NONE && r->s.v[at].end && r->s.v[at].port;
}

/* Said by a raw socket: without the headers below. */
static int local_ping(struct nsn_run *r, struct nsn_target *t)
{
	struct nsn_wire_ask a = {.kind = NSN_WIRE_ICMP, .family = AF_INET, .ttl = 64};
	const struct nsn_ip self = {AF_INET, {127, 0, 0, 1}};
	struct nsn_shot_frame *f;
	int e;

	a.src = a.dst = self;
	a.id = (uint16_t)nsn_run_number(r, r->s.n);
	e = add(r, NSN_SHOT_LOCAL, t->place, r->w->spots[t->place].lo, &a, &t->ping);
	if (e < 0 || t->ping == NSN_WIRE_NONE)
		return e;
	f = &r->s.frames[r->s.v[t->ping].first];
	f->at += r->s.train.f[0].l4;
	f->len -= r->s.train.f[0].l4;
	return 0;
}

static int likes(struct nsn_run *r, struct nsn_target *t, size_t from, size_t until)
{
	const struct nsn_wire_place *p = &r->w->places[t->place];
	struct nsn_wire_ask a;
	size_t i;
	int e = 0;

	for (i = from; i < until && e == 0; i++) {
		const struct nsn_wire_probe *probe = &r->probes[r->order[i]];
		size_t *like;

		if ((unsigned int)probe->kind >= NSN_WIRE_KINDS_N || r->s.v[i - r->from].refused)
			continue;
		like = &t->like[probe->kind][probe->family == AF_INET6];
		if (*like != NSN_WIRE_NONE)
			continue;
		a = into(p, probe->kind, probe->family, 0);
		a.proto = probe->proto;
		a.id = (uint16_t)nsn_run_number(r, r->s.n);
		a.sport = (uint16_t)(20000 + a.id % 20000);
		a.dport = (uint16_t)(47000 + a.id % 13000);
		e = add(r, NSN_SHOT_LIKE, t->place, r->w->spots[t->place].port, &a, like);
	}
	return e;
}

/* Somebody behind this gateway: who sends, or else anybody. */
static size_t guest_of(const struct nsn_run *r, size_t gateway, size_t from)
{
	const struct nsn_wire *w = r->w;
	size_t i;

	if (from < w->n && !w->places[from].trusted && w->places[from].gateway_place == gateway &&
	    !w->spots[from].fault)
		return from;
	for (i = 0; i < w->n; i++)
		if (!w->places[i].trusted && w->places[i].gateway_place == gateway &&
		    !w->spots[i].fault && !r->dead[i])
			return i;
	return NSN_WIRE_NONE;
}

/* ---- uplinks ------------------------------------------------------------------------------- */

/* The host's end of it: links of this kind have one name at both. */
static size_t host_end(const struct nsn_run *r, const struct nsn_ear *ear, bool *cable)
{
	size_t i, found = NSN_WIRE_NONE;

	*cable = false;
	for (i = 0; i < r->w->n_ears; i++) {
		const struct nsn_ear *o = &r->w->ears[i];

		if (o->role != NSN_EAR_LINK || o == ear || strcmp(o->link, ear->link) != 0)
			continue;
		if (o->ns == r->host)
			found = i;
		else
			*cable = true;
	}
	return found;
}

static int knock(struct nsn_run *r, size_t ear)
{
	static const struct nsn_mac nobody = {{0x02, 0x6e, 0x73, 0x6e, 0x74, 0xff}};
	struct nsn_wire_ask a = {.kind = NSN_WIRE_ETHERTYPE, .family = AF_INET};
	size_t at;

	a.mac = a.to_mac = nobody;
	a.to_mac.bytes[5] = 0xfe;
	return add(r, NSN_SHOT_UPLINK, ear, ear, &a, &at);
}

static int uplinks(struct nsn_run *r)
{
	size_t i;
	bool cable;
	int e = 0;

	for (i = 0; i < r->w->n_ears && e == 0; i++) {
		const struct nsn_ear *ear = &r->w->ears[i];

		if (ear->role == NSN_EAR_LINK && ear->ns != r->host && ear->veth &&
		    host_end(r, ear, &cable) != NSN_WIRE_NONE)
			e = knock(r, i);
	}
	return e;
}

/* All uplinks of the sender's gateway are heard at the host's end. */
static bool uplinks_heard(const struct nsn_run *r, size_t gateway)
{
	size_t i, knocked = 0, have = 0;
	bool cable;

	for (i = r->s.probes; i < r->s.n; i++) {
		const struct nsn_shot *s = &r->s.v[i];

		if (s->what != NSN_SHOT_UPLINK || r->w->ears[s->place].ns != gateway)
			continue;
		knocked++;
		if (!s->end)
			return false;
	}
	for (i = 0; i < r->w->n_ears; i++) {
		const struct nsn_ear *ear = &r->w->ears[i];

		if (ear->role != NSN_EAR_LINK || ear->ns != gateway || !ear->veth)
			continue;
		if (host_end(r, ear, &cable) != NSN_WIRE_NONE || !cable)
			have++;
	}
	return knocked == have;
}

/* ---- a target ---------------------------------------------------------------------------------
 */

int nsn_run_target(struct nsn_run *r, size_t from, size_t until)
{
	struct nsn_target *t = &r->targets[r->n_targets++];
	const struct nsn_wire *w = r->w;
	size_t i, j, guest;
	int e;

	*t = (struct nsn_target){.place = r->probes[r->order[from]].to,
				 .sentinel = NSN_WIRE_NONE,
				 .ping = NSN_WIRE_NONE};
	for (i = 0; i < NSN_WIRE_KINDS_N; i++)
		for (j = 0; j < 2; j++)
			t->like[i][j] = NSN_WIRE_NONE;
	if (t->place == SIZE_MAX)
		return uplinks(r);
	if (t->place >= w->n || w->spots[t->place].fault)
		return 0;
	if (w->places[t->place].trusted && !w->spots[t->place].gateway)
		return local_ping(r, t);
	if (w->places[t->place].trusted) {
		guest = guest_of(r, t->place, r->probes[r->order[from]].from);
		if (guest == NSN_WIRE_NONE)
			return 0;
		e = nsn_run_ping(r, guest);
		t->ping = r->pings[guest];
		return e;
	}
	e = sentinels(r, t);
	if (e == 0)
		e = nsn_run_ping(r, t->place);
	return e < 0 ? e : likes(r, t, from, until);
}

/* A raw socket hears what a socket of this protocol gets, wherever it is: asked once, at home. */
static bool raw_hears(struct nsn_run *r, const struct nsn_wire_probe *p)
{
	int8_t *known = &r->raw_hears[p->kind][p->family == AF_INET6];
	uint8_t proto = nsn_wire_kind_proto(p->kind, p->family);

	if (p->kind == NSN_WIRE_PROTO_253 && p->proto)
		proto = p->proto;
	if (*known == 0 || (p->kind == NSN_WIRE_PROTO_253 && p->proto))
		*known = proto && nsn_fence_raw(r->w->fence, &r->w->home, p->kind, p->family, proto)
				 ? 1
				 : -1;
	return *known > 0;
}

static void tenant_facts(const struct nsn_run *r, const struct nsn_target *t,
			 const struct nsn_wire_probe *p, struct nsn_wire_facts *f)
{
	const struct nsn_shot *v = r->s.v;
	const size_t like = t->like[p->kind][p->family == AF_INET6];
	size_t i;

	f->sentinel = t->n_sentinels == FLOWS;
	for (i = 0; i < t->n_sentinels; i++)
		f->sentinel = f->sentinel && v[t->sentinel + i].end;
	f->control = like != NSN_WIRE_NONE && v[like].end;
	f->alive = pinged(r, t->place);
}

void nsn_run_facts(struct nsn_run *r, const struct nsn_target *t, const struct nsn_shot *shot,
		   struct nsn_wire_facts *f)
{
	const struct nsn_wire_probe *p = &r->probes[shot->probe];
	const struct nsn_shot *v = r->s.v;

	f->able = p->from < r->w->n && !f->refused && pinged(r, p->from);
	if (t->place == SIZE_MAX) {
		f->sentinel = f->alive = f->control =
			uplinks_heard(r, r->w->places[p->from].gateway_place);
		return;
	}
	if (t->place >= r->w->n)
		return;
	if (!r->w->places[t->place].trusted) {
		tenant_facts(r, t, p, f);
		return;
	}
	if (nsn_wire_kind_link(p->kind))
		f->deaf = "no socket of IP gets this kind of packet";
	f->sentinel = f->alive = t->ping != NSN_WIRE_NONE && v[t->ping].end &&
				 (v[t->ping].what == NSN_SHOT_LOCAL || v[t->ping].socket);
	/* Only what would be BLOCKED is asked for: it costs a round. */
	f->control = f->sentinel && !f->heard && !f->refused && raw_hears(r, p);
}
