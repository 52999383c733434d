/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "proving.h"

void nsn_report_clear(struct nsn_report *r)
{
	nsn_findings_clear(&r->findings);
	free(r->pairs);
	*r = (struct nsn_report){0};
}

const char *nsn_tenant_called(const struct nsn_proving *p, size_t tenant)
{
	if (tenant < p->intent->n_tenants)
		return p->intent->tenants[tenant].name;
	if (!nsn_is_beyond(p, tenant))
		return "";
	return tenant == NSN_SIDE_HOST(p->intent->n_tenants) ? "host" : "internet";
}

/* Where a pair is, or would be. */
static size_t place_of(const struct nsn_report *r, size_t from, size_t to)
{
	size_t low = 0, high = r->n_pairs;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const struct nsn_proved_pair *x = &r->pairs[mid];

		if (x->from < from || (x->from == from && x->to < to))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct nsn_proved_pair *nsn_pair_row(struct nsn_proving *p, size_t from, size_t to)
{
	struct nsn_report *r = p->report;
	const size_t at = place_of(r, from, to);
	struct nsn_proved_pair *x;

	if (at < r->n_pairs && r->pairs[at].from == from && r->pairs[at].to == to)
		return &r->pairs[at];
	if (r->n_pairs == r->max_pairs) {
		const size_t max = r->max_pairs ? 2 * r->max_pairs : 64;
		struct nsn_proved_pair *list = reallocarray(r->pairs, max, sizeof(*list));

		if (!list) {
			p->no_memory = true;
			nsn_space_stop(&p->space, "memory");
		}
		r->pairs = list;
		r->max_pairs = max;
	}
	x = &r->pairs[at];
	memmove(x + 1, x, (r->n_pairs - at) * sizeof(*x));
	r->n_pairs++;
	*x = (struct nsn_proved_pair){.from = from, .to = to, .outcome = NSN_PROVED};
	x->joined =
		nsn_is_beyond(p, from) || nsn_is_beyond(p, to) ||
		!nsn_topo_apart(&p->topo, p->intent->tenants[from].id, p->intent->tenants[to].id);
	return x;
}

void nsn_say_pair(struct nsn_proving *p, size_t from, size_t to, enum nsn_finding_kind kind)
{
	const enum nsn_outcome outcome = nsn_finding_outcome(kind);
	struct nsn_proved_pair *x;

	if (outcome == NSN_NOTE || outcome == NSN_PROVED || from == to)
		return;
	if (to == SIZE_MAX) {
		if (outcome > p->sender[from]) {
			p->sender[from] = outcome;
			p->sender_kind[from] = kind;
		}
		return;
	}
	x = nsn_pair_row(p, from, to);
	if (outcome > x->outcome) {
		x->outcome = outcome;
		x->kind = kind;
	}
}

static uint64_t number_of(const struct nsn_proving *p, size_t tenant)
{
	return tenant < p->intent->n_tenants ? p->intent->tenants[tenant].id : 0;
}

void nsn_say_theorem(struct nsn_proving *p, enum nsn_finding_kind kind)
{
	const enum nsn_outcome outcome = nsn_finding_outcome(kind);
	const unsigned int theorem = nsn_finding_theorem(kind);

	if (outcome == NSN_NOTE)
		return;
	for (unsigned int i = 0; i < NSN_THEOREMS; i++)
		if ((theorem == 0 || i == theorem) && outcome > p->report->theorems[i].outcome)
			p->report->theorems[i].outcome = outcome;
}

struct nsn_finding *nsn_say(struct nsn_proving *p, enum nsn_finding_kind kind, size_t from,
			    size_t to)
{
	struct nsn_finding *x =
		nsn_findings_add(&p->report->findings, kind, number_of(p, from), number_of(p, to));

	if (!x) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
	nsn_say_theorem(p, kind);
	return x;
}

void nsn_checked(struct nsn_proving *p, unsigned int theorem, size_t n)
{
	p->report->theorems[theorem].checked += n;
}
