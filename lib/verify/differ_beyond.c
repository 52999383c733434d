/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <sys/socket.h>

#include "differ_in.h"

/*
 * differ_beyond - what opens and closes between tenants and what is beyond all of them
 *
 * The internet, what else links of the host lead to, and the host itself are parties with one
 * end each, behind those of all tenants. Which of the first two somebody is, his address says.
 */

static const char *const names[NSN_BEYONDS] = {"internet", "outside", "host"};

/* Nobody's address: an end is there, and that is all. */
static const struct nsn_endpoint nowhere;

int nsn_differ_beyond(struct nsn_differ *d)
{
	for (size_t i = 0; i < NSN_BEYONDS; i++) {
		struct nsn_party *p = &d->beyond[i];

		p->name = names[i];
		p->ends = nsn_arena_alloc(&d->mem, sizeof(*p->ends));
		if (!p->ends)
			return nsn_err_nomem(d->err);
		*p->ends = (struct nsn_party_end){names[i], {&nowhere, &nowhere}};
		p->n_ends = 1;
		p->first = d->n_ends++;
	}
	return 0;
}

bool nsn_party_is_beyond(const struct nsn_differ *d, const struct nsn_party *p)
{
	return p >= d->beyond && p < d->beyond + NSN_BEYONDS;
}

nsn_set_t nsn_differ_internet(struct nsn_differ *d, int side, uint8_t family, enum nsn_field f)
{
	const struct nsn_beyond *b = &d->side[side].p.beyond;
	const size_t i = family == AF_INET6;

	return nsn_in(&d->space, f, b->internet[i], b->n_internet[i]);
}

size_t nsn_differ_end_of(const struct nsn_differ *d, int side, const struct nsn_arrival *a)
{
	const struct nsn_proving *p = &d->side[side].p;

	if (a->ns != p->host || !a->family)
		return SIZE_MAX;
	if (a->kind == NSN_ARRIVES_LOCAL)
		return d->beyond[NSN_BEYOND_HOST].first;
	return a->kind == NSN_ARRIVES ? d->beyond[NSN_BEYOND_OUTSIDE].first : SIZE_MAX;
}

/* ---- who is outside, as a sender ------------------------------------------------------------ */

/* Whether anything that leads out, or in, may be another than before. */
static bool is_news(const struct nsn_differ *d)
{
	for (int k = 0; k < 2; k++) {
		const struct nsn_differ_side *s = &d->side[k];

		for (size_t i = 0; s->p.any_border && i < s->p.snap->n_ns; i++)
			if (s->differs[i] &&
			    s->p.topo.component[i] == s->p.topo.component[s->p.host])
				return true;
	}
	return false;
}

static void reach_from(struct nsn_differ *d, bool host, struct nsn_reached r[2])
{
	for (int k = 0; k < 2; k++) {
		const struct nsn_differ_side *s = &d->side[k];
		const size_t at = s->p.host;
		struct nsn_door *doors;
		uint32_t *links;
		size_t n = 0;

		if (at == NSN_NOWHERE || !s->p.any_border) {
			nsn_reach(d, k, NULL, 0, &r[k]);
			continue;
		}
		links = nsn_space_alloc(&d->space,
					(s->p.snap->ns[at].n_links + 1) * sizeof(*links));
		doors = nsn_space_alloc(&d->space,
					(s->p.snap->ns[at].n_links + 1) * sizeof(*doors));
		if (host)
			doors[n++] = (struct nsn_door){at, 0, at};
		else
			n = nsn_walk_outer(s->walk, at, links);
		for (size_t i = 0; !host && i < n; i++)
			doors[i] = (struct nsn_door){at, links[i], NSN_NOWHERE};
		nsn_reach(d, k, doors, n, &r[k]);
	}
}

static const char *vague(const struct nsn_differ *d)
{
	for (size_t i = 0; i < d->n_parties; i++) {
		const struct nsn_party *p = &d->parties[i];
		bool border = false;

		for (int k = 0; k < 2; k++)
			border |= p->t[k] && d->side[k].p.border[p->at[k]];
		if (border && nsn_differ_vague(d, p))
			return nsn_differ_vague(d, p);
	}
	return NULL;
}

void nsn_differ_from_beyond(struct nsn_differ *d)
{
	if (!is_news(d))
		return;
	for (int host = 0; host < 2; host++) {
		const nsn_mark_t mark = nsn_space_mark(&d->space);
		const char *why = vague(d);
		struct nsn_reached r[2];

		reach_from(d, host, r);
		for (int k = 0; k < 2; k++)
			why = r[k].blind ? r[k].blind : why;
		if (why)
			nsn_differ_unsure(d, names[host ? NSN_BEYOND_HOST : NSN_BEYOND_OUTSIDE],
					  why);
		for (size_t i = host ? NSN_BEYOND_HOST : 0; i < (host ? NSN_BEYONDS : 2U); i++)
			for (size_t k = 0; k < d->n_parties; k++)
				nsn_differ_pair(d, &d->beyond[i], &d->parties[k], r, why != NULL);
		nsn_space_release(&d->space, mark);
	}
}
