/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "flows_in.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/cleanup.h"
#include "../model/about.h"
#include "border.h"

void nsn_border_clear(struct nsn_border *b)
{
	free(b->far);
	free(b->boxes.list);
	*b = (struct nsn_border){0};
}

bool nsn_border_is_open(const struct nsn_border *b)
{
	return b->n_far > 0 || b->up.link > 0 || b->boxes.n > 0;
}

bool nsn_border_closes(const struct nsn_border *b, const struct nsn_tenant *t,
		       const struct nsn_endpoint *e)
{
	size_t i;

	for (i = 0; b && i < b->intent->n_quarantines; i++) {
		const struct nsn_peer *who = &b->intent->quarantines[i].who;

		if (who->kind == NSN_PEER_ENDPOINT && strcmp(who->endpoint, e->name) == 0 &&
		    strcmp(who->tenant, t->name) == 0)
			return true;
	}
	return false;
}

const char *nsn_far_name(const struct nsn_far *f, char buf[NSN_LINK_NAME_SIZE])
{
	(void)snprintf(buf, NSN_LINK_NAME_SIZE, "nsn%" PRIu64, f->link);
	return buf;
}

const char *nsn_up_name(const struct nsn_up *up, char buf[NSN_LINK_NAME_SIZE])
{
	(void)snprintf(buf, NSN_LINK_NAME_SIZE, "nsn%" PRIu64, up->link);
	return buf;
}

struct nsn_ip nsn_transit_ip(const struct nsn_prefix *pool, uint32_t slot, bool is_a)
{
	const struct nsn_ip first = nsn_prefix_network(pool);

	return nsn_ip_add(&first, 2 * (uint64_t)slot + !is_a);
}

static int add_far(struct nsn_border *b, const struct nsn_cable *c,
		   const struct nsn_transit *transit, const struct nsn_tenant *t,
		   struct nsnet_err *err)
{
	const bool is_a = c->a == t->id;
	struct nsn_far *far = &b->far[b->n_far];

	*far = (struct nsn_far){.link = c->link,
				.other = nsn_about_tenant(b->intent, is_a ? c->b : c->a),
				.is_a = is_a,
				.near4 = nsn_transit_ip(&transit->ip, c->slot, is_a),
				.far4 = nsn_transit_ip(&transit->ip, c->slot, !is_a),
				.near6 = nsn_transit_ip(&transit->ip6, c->slot, is_a),
				.far6 = nsn_transit_ip(&transit->ip6, c->slot, !is_a),
				.translated = is_a ? c->translated_a : c->translated_b,
				.other_translated = is_a ? c->translated_b : c->translated_a};
	if (!far->other)
		return nsn_err(err, -EINVAL, NSNET_E_INTERNAL,
			       "cable nsn%" PRIu64 " of tenant '%s' leads to nobody", c->link,
			       t->name);
	b->n_far++;
	return 0;
}

/* What one calls the other, in both families. */
static int add_flows(struct nsn_border *b, const struct nsn_side *from, const struct nsn_side *to)
{
	int r = nsn_flows_between(&b->boxes, b->intent, from, to, AF_INET);

	return r < 0 ? r : nsn_flows_between(&b->boxes, b->intent, from, to, AF_INET6);
}

/*
 * A translated tenant's own gateway sees its endpoints as they are; the other one
 * sees the address on the cable.
 */
static int add_pair(struct nsn_border *b, const struct nsn_far *far, const struct nsn_tenant *t)
{
	struct nsn_side own = {.tenant = t}, other = {.tenant = far->other};
	int r = 0;

	if (far->other_translated) {
		other.as4 = far->far4;
		other.as6 = far->far6;
	} else {
		r = add_flows(b, &own, &other);
	}
	/* Whose addresses the other gateway does not know it cannot call. */
	return r == 0 && !far->translated ? add_flows(b, &other, &own) : r;
}

/* ---- the outside ---------------------------------------------------------------------- */

static struct nsn_range *outer(struct nsn_box *box, bool out)
{
	return out ? &box->to : &box->from;
}

/*
 * What is over a cable is not outside: no two boxes may overlap, and the way leads there.
 * Takes the network out of the boxes from @first on, in pieces if need be.
 */
static int leave_out(struct nsn_boxes *b, size_t first, bool out, const struct nsn_prefix *net)
{
	const struct nsn_range cut = {nsn_prefix_network(net), nsn_prefix_last(net)};
	const size_t end = b->n;
	size_t i, n = first;
	int r = 0;

	for (i = first; i < end; i++) {
		struct nsn_box box = b->list[i];
		const struct nsn_range have = *outer(&box, out);
		const bool below = nsn_ip_cmp(
			&have.first, &cut.first)<0, above = nsn_ip_cmp(&have.last, &cut.last)> 0;

		if (nsn_ip_cmp(&have.last, &cut.first) < 0 ||
		    nsn_ip_cmp(&have.first, &cut.last) > 0) {
			b->list[n++] = box;
			continue;
		}
		if (above) {
			outer(&box, out)->first = nsn_ip_add(&cut.last, 1);
			if (below)
				r = nsn_boxes_add(b, &box);
			else
				b->list[n++] = box;
		}
		if (r < 0)
			return r;
		if (below) {
			box = b->list[i];
			outer(&box, out)->last = nsn_ip_before(cut.first);
			b->list[n++] = box;
		}
	}
	memmove(&b->list[n], &b->list[end], (b->n - end) * sizeof(*b->list));
	b->n -= end - n;
	return 0;
}

/* One family and direction. */
static int add_outside(struct nsn_border *b, const struct nsn_transit *transit,
		       const struct nsn_tenant *t, bool out, bool v6)
{
	const size_t first = b->boxes.n;
	size_t i;
	int r;

	r = nsn_flows_beyond(&b->boxes, b->intent, t, out, v6 ? AF_INET6 : AF_INET,
			     v6 ? &b->up.far6 : &b->up.far4, v6 ? &transit->ip6 : &transit->ip);
	for (i = 0; r == 0 && i < b->n_far; i++) {
		const struct nsn_far *f = &b->far[i];
		const struct nsn_prefix *net = v6 ? &f->other->subnet6 : &f->other->subnet;

		if (!f->other_translated && net->ip.family)
			r = leave_out(&b->boxes, first, out, net);
	}
	return r;
}

/* The gateway has the odd address of the slot. */
static int add_up(struct nsn_border *b, const struct nsn_uplink *u,
		  const struct nsn_transit *transit, const struct nsn_tenant *t)
{
	int r;

	b->up = (struct nsn_up){.link = u->link,
				.near4 = nsn_transit_ip(&transit->ip, u->slot, false),
				.far4 = nsn_transit_ip(&transit->ip, u->slot, true),
				.near6 = nsn_transit_ip(&transit->ip6, u->slot, false),
				.far6 = nsn_transit_ip(&transit->ip6, u->slot, true)};
	r = add_outside(b, transit, t, true, false);
	if (r == 0)
		r = add_outside(b, transit, t, false, false);
	if (r == 0)
		r = add_outside(b, transit, t, true, true);
	return r == 0 ? add_outside(b, transit, t, false, true) : r;
}

static int by_link(const void *a, const void *b)
{
	const struct nsn_far *x = a, *y = b;

	return x->link < y->link ? -1 : x->link > y->link;
}

int nsn_border_make(struct nsn_border *ret, const struct nsn_intent *intent,
		    const struct nsn_cable *cables, size_t n_cables,
		    const struct nsn_uplink *uplink, const struct nsn_transit *transit,
		    const struct nsn_tenant *t, uint32_t generation, struct nsnet_err *err)
{
	const struct nsn_side own = {.tenant = t};
	size_t i;
	int r = 0;

	*ret = (struct nsn_border){.intent = intent, .generation = generation};
	ret->far = calloc(n_cables + 1, sizeof(*ret->far));
	if (!ret->far)
		return nsn_err_nomem(err);
	for (i = 0; r == 0 && i < n_cables; i++)
		if (cables[i].a == t->id || cables[i].b == t->id)
			r = add_far(ret, &cables[i], transit, t, err);
	if (r < 0)
		return r;
	if (ret->n_far > 0)
		qsort(ret->far, ret->n_far, sizeof(*ret->far), by_link);
	for (i = 0; r == 0 && i < ret->n_far; i++)
		r = add_pair(ret, &ret->far[i], t);
	if (r == 0 && t->inside_deny)
		r = add_flows(ret, &own, &own);
	if (r == 0 && uplink)
		r = add_up(ret, uplink, transit, t);
	return r < 0 ? nsn_err_nomem(err) : 0;
}
