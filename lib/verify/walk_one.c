/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk - one packet, step by step, for people. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "walk_in.h"

static struct nsn_passed *passed(struct nsn_wat *at, enum nsn_passed_kind kind, uint32_t link)
{
	struct nsn_passage *one = at->r->one;
	struct nsn_passed *p;

	if (one->n == one->max) {
		size_t max = one->max ? 2 * one->max : 32;
		struct nsn_passed *list = realloc(one->list, max * sizeof(*list));

		if (!list)
			nsn_space_stop(at->s, "memory");
		one->list = list;
		one->max = max;
	}
	p = &one->list[one->n++];
	*p = (struct nsn_passed){.ns = at->n->at, .kind = kind, .link = link};
	return p;
}

void nsn_w_tell(struct nsn_wat *at, enum nsn_passed_kind kind, uint32_t link, const char *fmt, ...)
{
	struct nsn_passed *p;
	va_list ap;

	if (!at->r->one)
		return;
	p = passed(at, kind, link);
	va_start(ap, fmt);
	(void)vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
}

void nsn_w_tell_hits(struct nsn_wat *at, const char *hook, struct nsn_trace *t, bool dropped)
{
	struct nsn_passed *p;
	const struct nsn_hit *last;

	if (!at->r->one || (t->n == 0 && !dropped))
		return;
	p = passed(at, NSN_PASSED_RULES, 0);
	p->hook = strdup(hook);
	p->hits = t->hits;
	p->n_hits = t->n;
	*t = (struct nsn_trace){0};
	if (!dropped)
		return;
	last = p->n_hits ? &p->hits[p->n_hits - 1] : NULL;
	if (!last)
		nsn_w_tell(at, NSN_PASSED_STOP, 0, "dropped in %s", hook);
	else if (!last->rule)
		nsn_w_tell(at, NSN_PASSED_STOP, 0, "dropped by the policy of chain %s",
			   last->chain ? last->chain->name : "?");
	else
		nsn_w_tell(at, NSN_PASSED_STOP, 0, "dropped by a rule of chain %s%s%s",
			   last->chain ? last->chain->name : "?",
			   last->rule->comment[0] ? ": " : "", last->rule->comment);
}

/* The chains in which nsnet limits what an endpoint may open: they stop what is too much. */
static bool is_own_limit(const struct nsn_hit *h)
{
	return strcmp(h->table->name, "nsnet") == 0 &&
	       strncmp(h->chain->name, "nsnet_limit", strlen("nsnet_limit")) == 0;
}

void nsn_w_doubt(struct nsn_wat *at, const struct nsn_trace *t, nsn_set_t go)
{
	if (!at->r->one || nsn_empty(go))
		return;
	for (size_t i = 0; i < t->n; i++) {
		if (t->hits[i].verdict != NSN_V_DROP)
			continue;
		if (is_own_limit(&t->hits[i]))
			at->r->one->limited = true;
		else
			at->r->one->unsure = true;
	}
}

nsn_set_t nsn_w_one_of(struct nsn_wat *at, nsn_set_t set)
{
	struct nsn_packet p;
	nsn_set_t only;

	if (!at->r->one || nsn_empty(set))
		return set;
	nsn_pick(at->s, set, at->r->packet, &p);
	only = nsn_only(at->s, &p);
	if (!nsn_within(at->s, set, only))
		at->r->one->unsure = true;
	return only;
}

nsn_set_t nsn_w_narrow(struct nsn_wat *at, nsn_set_t set)
{
	struct nsn_packet p;

	if (!at->r->one || nsn_empty(set))
		return set;
	nsn_pick(at->s, set, at->r->packet, &p);
	return nsn_only(at->s, &p);
}

nsn_set_t nsn_w_older(struct nsn_wat *at, nsn_set_t set)
{
	struct nsn_packet p;

	if (!at->r->one)
		return nsn_put_between(at->s, set, NSN_F_TTL, 1, 254);
	nsn_pick(at->s, nsn_w_one_of(at, set), at->r->packet, &p);
	p.v[NSN_F_TTL]--;
	return nsn_only(at->s, &p);
}

void nsn_walk_one(struct nsn_walk *w, size_t ns, uint32_t link, const struct nsn_packet *packet,
		  struct nsn_passage *ret)
{
	uint32_t etype = (uint32_t)packet->v[NSN_F_ETYPE];
	struct nsn_arrivals arrivals = {0};
	struct nsn_wrun r = {
		.w = w, .s = w->s, .id = ++w->runs, .ret = &arrivals, .one = ret, .packet = packet};
	struct nsn_wlink *l = nsn_w_link(&w->ns[ns], link);
	struct nsn_wat at = {.r = &r, .s = w->s, .n = &w->ns[ns], .in = l};

	*ret = (struct nsn_passage){.to = NSN_NOWHERE};
	r.family = etype == 0x0800 ? AF_INET : etype == 0x86dd ? AF_INET6 : 0;
	at.family = r.family;
	if (!l && link)
		return;
	if (l) {
		at.set = nsn_w_narrow(&at, nsn_w_fresh(w->s, nsn_only(w->s, packet), l));
		(void)nsn_w_enter(&at, at.set, false);
	} else {
		nsn_w_ready(w, at.n);
		at.set = nsn_put(w->s, nsn_only(w->s, packet), NSN_F_FIRST, 0);
		at.set = nsn_w_narrow(&at, nsn_put(w->s, at.set, NSN_F_CTSTATE, NSN_CT_INVALID));
		nsn_w_sent(&at, at.set);
	}
	(void)nsn_w_run(&r);
	for (size_t i = 0; i < arrivals.n; i++) {
		const struct nsn_arrival *a = &arrivals.list[i];

		if (a->kind == NSN_ARRIVES_BLIND)
			ret->unsure = true;
		if (ret->arrived || (a->kind != NSN_ARRIVES && a->kind != NSN_ARRIVES_LOCAL))
			continue;
		ret->arrived = true;
		ret->to = a->kind == NSN_ARRIVES_LOCAL ? a->ns : a->to;
		ret->last = a->ns;
		ret->local = a->kind == NSN_ARRIVES_LOCAL;
		nsn_pick(w->s, a->set, packet, &ret->as);
	}
}

void nsn_passage_clear(struct nsn_passage *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].hits);
		free((void *)(uintptr_t)p->list[i].hook);
	}
	free(p->list);
	*p = (struct nsn_passage){0};
}
