// SPDX-License-Identifier: GPL-2.0-or-later
/* What came in, and whose it is. */
#include <netinet/in.h>
#include <string.h>

#include "shots.h"

/* ---- is it the packet, or what was said about it? ------------------------------------------ */

static bool is_answer(const struct nsn_heard *h, enum nsn_wire_kind kind, bool *echo)
{
	struct nsn_wire_shape s;
	size_t at = 0;

	*echo = false;
	if (h->ear->role == NSN_EAR_RAW) {
		if (h->ear->family == AF_INET)
			at = h->len ? (size_t)(h->data[0] & 15) * 4 : 0;
		return at < h->len &&
		       nsn_wire_is_answer(kind, h->ear->proto, h->data + at, h->len - at, echo);
	}
	nsn_wire_look(&s, h->data, h->len);
	return s.l4 && s.l4 < h->len &&
	       nsn_wire_is_answer(kind, s.proto, h->data + s.l4, h->len - s.l4, echo);
}

/* ---- probes ------------------------------------------------------------------------------------
 */

static void settle(struct nsn_run *r, struct nsn_shot *s)
{
	if (!s->owed)
		return;
	s->owed = false;
	r->s.owed--;
}

/* The kernel takes the outer tag out of what comes in. */
static bool same(const uint8_t *sent, size_t n, const uint8_t *came, size_t len)
{
	const bool tag =
		(sent[12] == 0x81 && sent[13] == 0) || (sent[12] == 0x88 && sent[13] == 0xa8);

	if (n == len)
		return memcmp(sent, came, n) == 0;
	return tag && n == len + 4 && memcmp(sent, came, 12) == 0 &&
	       memcmp(sent + 16, came + 12, n - 16) == 0;
}

/*
 * A fragment that is routed on is written to where it lies, also when others look at it: the MAC
 * addresses, what is left of its life, and the sum that goes with it.
 */
static bool same_part(const uint8_t *sent, const uint8_t *came, size_t n)
{
	const bool six = sent[12] == 0x86;
	const size_t life = six ? 21 : 22, next = six ? 22 : 26;

	return n > next && memcmp(sent + 12, came + 12, life - 12) == 0 &&
	       (six || sent[23] == came[23]) && memcmp(sent + next, came + next, n - next) == 0;
}

/* As it was sent, where the sender's link ends. Altered on the way it does not count. */
static void left(struct nsn_run *r, struct nsn_shot *s, const struct nsn_heard *h)
{
	uint8_t i;

	for (i = 0; i < s->n; i++) {
		const struct nsn_shot_frame *f = &r->s.frames[s->first + i];

		const bool parts = r->probes[s->probe].kind == NSN_WIRE_FRAGMENTS;

		if (s->seen & 1U << i)
			continue;
		if ((parts && f->len == h->len && same_part(r->s.bytes + f->at, h->data, h->len)) ||
		    same(r->s.bytes + f->at, f->len, h->data, h->len)) {
			s->seen |= (uint8_t)(1U << i);
			break;
		}
	}
	if (s->seen == (1U << s->n) - 1)
		settle(r, s);
}

static void received(struct nsn_run *r, struct nsn_wire_probe *p, size_t by)
{
	if (p->end != NSN_WIRE_DELIVERED && p->from < r->w->n)
		r->w->opened[p->from]++;
	if (p->end == NSN_WIRE_DELIVERED && p->seen_at == p->to)
		return;
	p->end = NSN_WIRE_DELIVERED;
	p->why = NULL;
	if (p->seen_at == SIZE_MAX || by == p->to || p->to == SIZE_MAX)
		p->seen_at = by;
}

/* At a link of a trusted namespace: passing by, but for what was to be seen just there. */
static bool meant_for_link(const struct nsn_run *r, const struct nsn_wire_probe *p,
			   const struct nsn_heard *h)
{
	if (p->to == SIZE_MAX)
		return h->ear->ns == r->host;
	return p->to == h->ear->ns && nsn_wire_kind_link(p->kind) && !h->out;
}

static void hear_probe(struct nsn_run *r, struct nsn_wire_probe *p, struct nsn_shot *s,
		       const struct nsn_heard *h)
{
	const struct nsn_ear *ear = h->ear;
	const bool tenant = ear->role == NSN_EAR_PORT || ear->role == NSN_EAR_END;
	bool echo;

	if (ear->role == NSN_EAR_PORT && !h->out) {
		if (ear->place == p->from && s)
			left(r, s, h);
		return;
	}
	if (ear->role == NSN_EAR_END && h->out)
		return;
	if (is_answer(h, p->kind, &echo)) {
		if (s && echo && tenant && ear->place == p->from)
			s->answered = true;
		return;
	}
	if (tenant && ear->place == p->from)
		return;
	if (ear->role == NSN_EAR_LINK && !meant_for_link(r, p, h))
		return;
	received(r, p, tenant ? ear->place : ear->ns);
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

static void hear_own(struct nsn_run *r, struct nsn_shot *s, const struct nsn_heard *h)
{
	const struct nsn_ear *ear = h->ear;
	const bool at_end = ear->role == NSN_EAR_END && !h->out && ear->place == s->place,
		   at_port = ear->role == NSN_EAR_PORT && h->out && ear->place == s->place;
	bool echo;

	switch (s->what) {
	case NSN_SHOT_SENTINEL:
	case NSN_SHOT_LIKE:
		s->end = s->end || at_end;
		break;
	case NSN_SHOT_PING:
		if (!is_answer(h, NSN_WIRE_ICMP, &echo))
			s->socket = s->socket || (ear->role == NSN_EAR_RAW &&
						  ear->ns == r->w->places[s->place].gateway_place);
		if (!echo)
			return;
		s->end = s->end || at_end;
		s->port = s->port || at_port;
		break;
	case NSN_SHOT_LOCAL:
		s->end = s->end || (ear->role == NSN_EAR_RAW && ear->ns == s->place);
		break;
	case NSN_SHOT_UPLINK:
		s->end = s->end || (ear->role == NSN_EAR_LINK && ear->ns == r->host && !h->out &&
				    strcmp(ear->link, r->w->ears[s->place].link) == 0);
		break;
	case NSN_SHOT_PROBE:
		return;
	}
	if (s->end && (s->port || s->what != NSN_SHOT_PING))
		settle(r, s);
}

void nsn_run_hear(void *arg, const struct nsn_heard *h)
{
	struct nsn_run *r = arg;
	size_t i = r->n_ranges;
	const struct nsn_shot_range *g = &r->ranges[i - 1];
	uint32_t at = h->number - g->first;

	r->said->heard++;
	if (at < r->s.n) {
		struct nsn_shot *s = &r->s.v[at];

		if (s->what == NSN_SHOT_PROBE)
			hear_probe(r, &r->probes[s->probe], s, h);
		else
			hear_own(r, s, h);
		return;
	}
	/* Late: it may still be that it was called blocked. */
	while (--i > 0) {
		g = &r->ranges[i - 1];
		at = h->number - g->first;
		if (at >= g->n)
			continue;
		hear_probe(r, &r->probes[r->order[g->at + at]], NULL, h);
		return;
	}
}
