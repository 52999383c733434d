/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "../base/cleanup.h"
#include "anyhost_in.h"
#include "parts.h"
#include "proving.h"
#include "words.h"

/*
 * prove - all tenants of a snapshot
 */

#define NODES_USUAL 20000000

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

void nsn_proving_clear(struct nsn_proving *p)
{
	nsn_walk_free(p->walk);
	nsn_asked_free(p->asked);
	nsn_topo_clear(&p->topo);
	free(p->out.group);
	free(p->out.next);
	free(p->out.tenant);
	free(p->gateway);
	free(p->workloads);
	free(p->first);
	free(p->asked_of);
	free(p->asked_first);
	free(p->wanted);
	free(p->alone);
	free(p->border);
	nsn_beyond_clear(&p->beyond);
	free(p->sender);
	free(p->sender_kind);
}

/* ---- what needs no packet ------------------------------------------------------------------ */

/* A finding of lint or adversary is about pairs, too. */
static void spread(struct nsn_proving *p, const struct nsn_finding *x)
{
	const enum nsn_outcome o = nsn_finding_outcome(x->kind);
	size_t from = SIZE_MAX, to = SIZE_MAX;

	if (o == NSN_NOTE || o == NSN_PROVED)
		return;
	nsn_say_theorem(p, x->kind);
	for (size_t i = 0; i < p->intent->n_tenants; i++) {
		if (p->intent->tenants[i].id == x->from)
			from = i;
		if (p->intent->tenants[i].id == x->to)
			to = i;
	}
	/* What could not be looked at may be of anybody. */
	if (from == SIZE_MAX && to == SIZE_MAX && nsn_finding_theorem(x->kind) == 0 &&
	    p->report->unlisted < o) {
		p->report->unlisted = o;
		p->unlisted_kind = x->kind;
	}
	/* A link leads both ways. */
	if (from != SIZE_MAX)
		nsn_say_pair(p, from, to, x->kind);
	if (to != SIZE_MAX)
		nsn_say_pair(p, to, from, x->kind);
}

static void say_groups(struct nsn_proving *p)
{
	for (size_t i = 0; i < p->snap->n_ns; i++) {
		const size_t a = p->out.tenant[i];

		if (a == SIZE_MAX || p->snap->ns[i].full)
			continue;
		for (size_t k = p->out.next[i]; k != i; k = p->out.next[k]) {
			const size_t b = p->out.tenant[k];

			if (b != SIZE_MAX && b != a)
				nsn_say_pair(p, a, b, NSN_FIND_STRAY_LINK);
		}
	}
}

/*
 * Lint says that there is a link between two endpoints of a tenant; here it is known what they may
 * send to each other. A link of their own asks no rule.
 */
static void say_within(struct nsn_proving *p, const struct nsn_edge *e)
{
	const size_t t = p->out.tenant[e->a];
	const struct nsn_vns *a = &p->snap->ns[e->a], *b = &p->snap->ns[e->b];
	struct nsn_finding *x;

	if (nsn_may_all(p, t, e->a, e->b) && nsn_may_all(p, t, e->b, e->a))
		return;
	x = nsn_say(p, NSN_FIND_STRAY_LINK, t, t);
	x->where = nsn_arena_strdup(&p->report->findings.mem, a->name);
	if (!x->where ||
	    nsn_finding_say(&p->report->findings, x,
			    "%s and %s are joined by a link of their own, and not all that they "
			    "send each other is allowed.",
			    a->name, b->name) < 0)
		nsn_space_stop(&p->space, "memory");
	for (size_t i = 0; i < a->n_links; i++)
		if (a->links[i].index == e->la &&
		    nsn_words_unlink(&p->report->findings, x, a, &a->links[i]) < 0)
			nsn_space_stop(&p->space, "memory");
	nsn_say_pair(p, t, SIZE_MAX, NSN_FIND_STRAY_LINK);
}

static void say_edges_within(struct nsn_proving *p)
{
	for (size_t i = 0; i < p->topo.n_edges; i++) {
		const struct nsn_edge *e = &p->topo.edges[i];

		if (e->kind == NSN_EDGE_STRAY && e->b != NSN_NOWHERE && e->a != e->b &&
		    !p->snap->ns[e->a].full && !p->snap->ns[e->b].full &&
		    p->out.tenant[e->a] != SIZE_MAX && p->out.tenant[e->a] == p->out.tenant[e->b])
			say_within(p, e);
	}
}

static void count_processes(struct nsn_proving *p)
{
	for (size_t i = 0; i < p->snap->n_ns; i++) {
		const struct nsn_vns *ns = &p->snap->ns[i];

		if (p->out.tenant[i] == SIZE_MAX)
			continue;
		nsn_checked(p, 8, ns->n_procs);
		if (ns->full)
			nsn_checked(p, 2, ns->n_cts);
	}
}

/* How many of the tenant's endpoints have their namespace. */
static size_t count_there(const struct nsn_proving *p, size_t t)
{
	const struct nsn_tenant *x = &p->intent->tenants[t];
	size_t n = 0;

	for (size_t i = 0; i < x->n_endpoints; i++)
		for (size_t k = p->first[t]; k < p->first[t + 1]; k++)
			if (p->snap->ns[p->workloads[k]].endpoint == x->endpoints[i].id) {
				n++;
				break;
			}
	return n;
}

/* What is wanted and not there: nothing can be said of it, so nothing is proved of it. */
static void look_for_missing(struct nsn_proving *p)
{
	for (size_t t = 0; t < p->intent->n_tenants; t++) {
		const struct nsn_tenant *x = &p->intent->tenants[t];
		const size_t there = count_there(p, t);
		struct nsn_finding *f;

		if (p->gateway[t] != NSN_NOWHERE && there == x->n_endpoints)
			continue;
		f = nsn_say(p, NSN_FIND_NOT_BUILT, t, SIZE_MAX);
		if (nsn_finding_say(&p->report->findings, f,
				    "%s: %s, %zu of %zu endpoints are there", x->name,
				    p->gateway[t] == NSN_NOWHERE ? "its gateway is not there"
								 : "its gateway is there",
				    there, x->n_endpoints) < 0 ||
		    nsn_finding_hint(&p->report->findings, f, "nsnet repair %s", x->name) < 0)
			nsn_space_stop(&p->space, "memory");
		nsn_say_pair(p, t, SIZE_MAX, NSN_FIND_NOT_BUILT);
	}
}

static void look_at_links(struct nsn_proving *p)
{
	size_t known = p->report->findings.n;
	int r = nsn_lint(&p->topo, &p->report->findings, p->err);

	if (r == 0)
		r = nsn_adversary(&p->topo, &p->report->findings, p->err);
	if (r < 0) {
		p->no_memory = true;
		nsn_space_stop(&p->space, "memory");
	}
	for (; known < p->report->findings.n; known++)
		spread(p, &p->report->findings.list[known]);
	say_groups(p);
	say_edges_within(p);
	count_processes(p);
	look_for_missing(p);
}

/* ---- what needs packets ---------------------------------------------------------------------- */

/* Whether a link leads from it to anybody else at all, its endpoints are to be kept apart,
 * or its gateway takes in more than it should. */
static bool needs_packets(struct nsn_proving *p, size_t a)
{
	struct nsn_boxes boxes = {0};
	bool inside = false;

	if (!p->alone[a])
		return true;
	if (p->intent->tenants[a].n_endpoints > 1) {
		if (nsn_asked_pair(p->asked, a, a, &boxes, p->err) < 0)
			nsn_space_stop(&p->space, "memory");
		inside = !boxes.all;
		nsn_boxes_clear(&boxes);
	}
	return inside || nsn_gateway_takes(p, a);
}

static void gave_up(struct nsn_proving *p, size_t a)
{
	struct nsn_finding *x =
		nsn_findings_add(&p->report->findings, NSN_FIND_BUDGET,
				 nsn_is_beyond(p, a) ? 0 : p->intent->tenants[a].id, 0);

	if (!x || nsn_finding_say(&p->report->findings, x,
				  "%s: the proof was given up: more %s needed than allowed",
				  nsn_tenant_called(p, a), p->space.why) < 0)
		p->no_memory = true;
	nsn_say_theorem(p, NSN_FIND_BUDGET);
	nsn_say_pair(p, a, SIZE_MAX, NSN_FIND_BUDGET);
}

static void prove_tenants(struct nsn_proving *p, size_t first, size_t end)
{
	const nsn_mark_t mark = nsn_space_mark(&p->space);
	/* It is looked at after a jump. */
	volatile size_t a;

	for (a = first; a < end && !p->no_memory; a++) {
		if (!p->wanted[a])
			continue;
		if (sigsetjmp(p->space.out, 0) == 0) {
			if (needs_packets(p, a)) {
				nsn_prove_sender(p, a);
				nsn_prove_ports(p, a);
			}
		} else if (!p->no_memory) {
			gave_up(p, a);
		}
		nsn_space_release(&p->space, mark);
	}
}

/* The outside and the host as senders, when there is a way from there. */
static void prove_beyond(struct nsn_proving *p)
{
	const size_t n = p->intent->n_tenants;
	const nsn_mark_t mark = nsn_space_mark(&p->space);
	volatile size_t side;

	if (!p->any_border || p->how->pairs)
		return;
	for (side = NSN_SIDE_INTERNET(n); side <= NSN_SIDE_HOST(n) && !p->no_memory; side++) {
		if (sigsetjmp(p->space.out, 0) == 0)
			nsn_prove_beyond(p, side);
		else if (!p->no_memory)
			gave_up(p, side);
		nsn_space_release(&p->space, mark);
	}
}

/* ---- the sum ------------------------------------------------------------------------------------
 */

static bool has_word(const char *text, const char *word)
{
	const size_t len = strlen(word);

	for (; *text; text += strcspn(text, " "), text += *text == ' ')
		if (strcspn(text, " ") == len && memcmp(text, word, len) == 0)
			return true;
	return false;
}

static void say_allows(struct nsn_proving *p, struct nsn_proved_pair *x)
{
	struct nsn_boxes boxes = {0};
	char one[24];
	size_t used = 0;

	if ((nsn_is_beyond(p, x->from) || nsn_is_beyond(p, x->to)
		     ? nsn_beyond_boxes(p, x->from, x->to, &boxes)
		     : nsn_asked_pair(p->asked, x->from, x->to, &boxes, p->err)) < 0)
		nsn_space_stop(&p->space, "memory");
	for (size_t i = 0; i < boxes.n_allow + boxes.n_kept; i++) {
		const struct nsn_box *b =
			i < boxes.n_allow ? &boxes.allow[i] : &boxes.kept[i - boxes.n_allow];

		nsn_box_str(b, one, sizeof(one));
		if (has_word(x->allows, one))
			continue;
		if (used + 1 + strlen(one) + sizeof(" ...") > sizeof(x->allows)) {
			memcpy(x->allows + used, " ...", 5);
			break;
		}
		used += (size_t)snprintf(x->allows + used, sizeof(x->allows) - used, "%s%s",
					 used ? " " : "", one);
	}
	nsn_boxes_clear(&boxes);
}

/* So many pairs are listed one by one; what is said of the others is one word. */
#define LISTED_MAX 1000000

/* What is said of a sender is said of each of its pairs. */
static void spread_sender(struct nsn_proving *p, size_t a)
{
	const size_t n = p->intent->n_tenants;
	struct nsn_report *r = p->report;

	if (p->sender[a] == NSN_PROVED)
		return;
	if (r->n_pairs + n > LISTED_MAX) {
		if (p->sender[a] > r->unlisted) {
			r->unlisted = p->sender[a];
			p->unlisted_kind = p->sender_kind[a];
		}
		return;
	}
	for (size_t b = 0; b < n; b++) {
		struct nsn_proved_pair *x = b == a ? NULL : nsn_pair_row(p, a, b);

		if (x && p->sender[a] > x->outcome) {
			x->outcome = p->sender[a];
			x->kind = p->sender_kind[a];
		}
	}
}

static void sum_up(struct nsn_proving *p)
{
	struct nsn_report *r = p->report;
	const size_t n = p->intent->n_tenants;
	size_t bad[NSN_VIOLATION + 1] = {0};

	for (size_t a = 0; a < n; a++) {
		if (!p->wanted[a])
			continue;
		if (!p->how->pairs)
			r->n_ordered += n - 1;
		if (!p->how->pairs)
			spread_sender(p, a);
	}
	for (size_t i = 0; i < r->n_pairs; i++) {
		struct nsn_proved_pair *x = &r->pairs[i];

		if (!p->how->pairs && (nsn_is_beyond(p, x->from) || nsn_is_beyond(p, x->to)))
			r->n_ordered++;
		say_allows(p, x);
		if (p->sender[x->from] > x->outcome) {
			x->outcome = p->sender[x->from];
			x->kind = p->sender_kind[x->from];
		}
		if (p->report->unlisted > x->outcome) {
			x->outcome = p->report->unlisted;
			x->kind = p->unlisted_kind;
		}
		/* Of pairs that were asked for, only these count. */
		if (!p->how->pairs || x->asked)
			bad[x->outcome]++;
	}
	r->n_violations = bad[NSN_VIOLATION];
	r->n_inconclusive = bad[NSN_INCONCLUSIVE];
	if (!p->how->pairs && r->unlisted == NSN_INCONCLUSIVE)
		r->n_inconclusive = r->n_ordered - bad[NSN_VIOLATION];
}

static void list_asked(struct nsn_proving *p)
{
	const size_t sides[] = {NSN_SIDE_INTERNET(p->intent->n_tenants),
				NSN_SIDE_HOST(p->intent->n_tenants)};

	for (size_t a = 0; !p->how->pairs && a < p->intent->n_tenants; a++)
		for (size_t i = 0; p->border[a] && i < 2; i++) {
			(void)nsn_pair_row(p, a, sides[i]);
			(void)nsn_pair_row(p, sides[i], a);
		}
	for (size_t i = 0; p->how->pairs && i < p->how->n_pairs; i++) {
		nsn_pair_row(p, p->how->pairs[i][0], p->how->pairs[i][1])->asked = true;
		p->report->n_ordered++;
	}
}

/* Pairs between which no link leads: all but those within one component. */
static void count_apart(struct nsn_proving *p)
{
	const size_t n = p->intent->n_tenants;
	struct nsn_report *r = p->report;

	if (p->how->pairs) {
		for (size_t i = 0; i < p->how->n_pairs; i++)
			r->n_apart +=
				nsn_topo_apart(&p->topo, p->intent->tenants[p->how->pairs[i][0]].id,
					       p->intent->tenants[p->how->pairs[i][1]].id);
	} else {
		r->n_apart = n * (n ? n - 1 : 0) - p->n_joined;
	}
	nsn_checked(p, 1, r->n_ordered);
	nsn_checked(p, 4, n);
	nsn_checked(p, 5, p->topo.n_edges);
	nsn_checked(p, 6, n);
}

static int prove_all(struct nsn_proving *p)
{
	struct nsn_parts parts;

	if (sigsetjmp(p->space.out, 0) != 0) {
		p->no_memory = true;
		return nsn_err_nomem(p->err);
	}
	look_at_links(p);
	list_asked(p);
	if (nsn_walk_new(&p->walk, p->snap, &p->space) < 0)
		return nsn_err_nomem(p->err);
	nsn_parts_start(p, &parts, prove_tenants);
	prove_tenants(p, 0, parts.own);
	prove_beyond(p);
	if (p->no_memory)
		return nsn_err_nomem(p->err);
	if (sigsetjmp(p->space.out, 0) != 0)
		return nsn_err_nomem(p->err);
	nsn_parts_join(p, &parts, gave_up);
	if (p->no_memory)
		return nsn_err_nomem(p->err);
	sum_up(p);
	count_apart(p);
	return 0;
}

/* Of a machine that is not ours. */
static int prove_anyhost(struct nsn_proving *p)
{
	if (sigsetjmp(p->space.out, 0) == 0) {
		nsn_anyhost_lint(p);
		if (nsn_walk_new(&p->walk, p->snap, &p->space) < 0)
			return nsn_err_nomem(p->err);
		nsn_walk_openers(p->walk);
		nsn_anyhost_prove(p);
	} else {
		p->no_memory = true;
	}
	return p->no_memory ? nsn_err_nomem(p->err) : 0;
}

int nsn_prove(const struct nsn_snap *snap, const struct nsn_intent *intent,
	      const struct nsn_prove_how *how, struct nsn_report *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_proving_clear)
	struct nsn_proving p = {
		.snap = snap, .intent = intent, .how = how, .report = ret, .err = err};
	const uint64_t begun = now_ns();
	struct rusage used;
	int r;

	*ret = (struct nsn_report){0};
	if (nsn_space_open(&p.space, how->nodes ? how->nodes : NODES_USUAL) < 0)
		return nsn_err_nomem(err);
	if (how->seconds)
		p.space.deadline_ns = begun + (uint64_t)how->seconds * 1000000000U;
	r = nsn_prepare(&p);
	if (r == 0)
		r = how->host ? prove_anyhost(&p) : prove_all(&p);
	ret->nodes += nsn_nodes(&p.space);
	ret->steps += p.space.steps;
	nsn_walk_free(p.walk);
	p.walk = NULL;
	nsn_space_close(&p.space);
	ret->took_us = (unsigned int)((now_ns() - begun) / 1000);
	if (getrusage(RUSAGE_SELF, &used) == 0)
		ret->memory += (uint64_t)used.ru_maxrss * 1024;
	return r;
}
