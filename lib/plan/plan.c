/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan.h"

#include <errno.h>
#include <string.h>

#include "../base/cleanup.h"
#include "../compile/host.h"

/*
 * Wanted and observed, merged. `gone` marks an observed object that an earlier
 * step of the plan takes with it (what hangs on a link, what is in a table):
 * it needs no step of its own, and if wanted must be made anew.
 */
struct merge {
	const struct nsn_state *wanted, *observed;
	const struct nsn_owner *owner;
	bool *gone;
	struct nsn_plan *plan;
	size_t cap, foreign_cap;
};

static const struct nsn_state nothing;

void nsn_plan_clear(struct nsn_plan *p)
{
	free(p->steps);
	free(p->foreign);
	*p = (struct nsn_plan){0};
}

struct nsn_step nsn_step_inverse(const struct nsn_step *step)
{
	static const enum nsn_op inverse[] = {
		[NSN_REMOVE] = NSN_CREATE, [NSN_CREATE] = NSN_REMOVE, [NSN_CHANGE] = NSN_CHANGE};

	return (struct nsn_step){.op = inverse[step->op], .want = step->have, .have = step->want};
}

const struct nsn_object *nsn_step_object(const struct nsn_step *step)
{
	return step->want ? step->want : step->have;
}

bool nsn_plan_makes_port(const struct nsn_plan *p, const char *port)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->steps[i].op == NSN_CREATE && p->steps[i].want->kind == NSN_OBJ_LINK &&
		    strcmp(p->steps[i].want->link, port) == 0)
			return true;
	return false;
}

void nsn_plan_only_remove(struct nsn_plan *p)
{
	size_t i, kept = 0;

	for (i = 0; i < p->n; i++)
		if (p->steps[i].op == NSN_REMOVE)
			p->steps[kept++] = p->steps[i];
	p->n = kept;
}

void nsn_plan_only_link(struct nsn_plan *p, const char *link)
{
	size_t i, kept = 0;

	for (i = 0; i < p->n; i++)
		if (strcmp(nsn_step_object(&p->steps[i])->link, link) == 0)
			p->steps[kept++] = p->steps[i];
	p->n = kept;
}

static int add_step(struct merge *m, enum nsn_op op, const struct nsn_object *want,
		    const struct nsn_object *have)
{
	if (m->plan->n == m->cap) {
		size_t cap = m->cap ? 2 * m->cap : 64;
		struct nsn_step *grown = realloc(m->plan->steps, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->plan->steps = grown;
		m->cap = cap;
	}
	m->plan->steps[m->plan->n++] = (struct nsn_step){.op = op, .want = want, .have = have};
	return 0;
}

static int add_foreign(struct merge *m, const struct nsn_object *o)
{
	if (m->plan->n_foreign == m->foreign_cap) {
		size_t cap = m->foreign_cap ? 2 * m->foreign_cap : 8;
		const struct nsn_object **grown = realloc(m->plan->foreign, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->plan->foreign = grown;
		m->foreign_cap = cap;
	}
	m->plan->foreign[m->plan->n_foreign++] = o;
	return 0;
}

static size_t index_of(const struct nsn_state *s, const struct nsn_object *o)
{
	return (size_t)(o - s->objects);
}

/* The observed twin of a wanted object, unless it goes with something else. */
static const struct nsn_object *twin(const struct merge *m, const struct nsn_object *want)
{
	const struct nsn_object *have = nsn_state_find(m->observed, want);

	return have && !m->gone[index_of(m->observed, have)] ? have : NULL;
}

/* ---- what goes, and what goes with it ---------------------------------------------- */

/* What belongs to the link but is no link itself. */
static void forget_link(const struct merge *m, const struct nsn_object *link)
{
	size_t i;

	for (i = 0; i < m->observed->n; i++) {
		const struct nsn_object *o = &m->observed->objects[i];

		if (nsn_place_same(o->at, link->at) && strcmp(o->link, link->link) == 0)
			m->gone[i] = true;
	}
}

/* A veth goes with its other end; what leads through a bridge hangs on the bridge. */
static void forget_veth(const struct merge *m, const struct nsn_object *link)
{
	const struct nsn_object *peer;

	forget_link(m, link);
	if (link->u.dev.type != NSN_LINK_VETH || !link->u.dev.peer[0])
		return;
	peer = nsn_state_link(m->observed, link->u.dev.peer_at, link->u.dev.peer);
	if (peer)
		forget_link(m, peer);
}

static int remove_link(struct merge *m, const struct nsn_object *have)
{
	if (m->gone[index_of(m->observed, have)])
		return 0;
	forget_veth(m, have);
	return add_step(m, NSN_REMOVE, NULL, have);
}

/* What cannot be altered in a link that exists. */
static bool must_be_new(const struct nsn_object *want, const struct nsn_object *have)
{
	const struct nsn_link *w = &want->u.dev, *h = &have->u.dev;

	return w->type != h->type ||
	       (w->type == NSN_LINK_VETH &&
		(strcmp(w->peer, h->peer) != 0 || !nsn_place_same(w->peer_at, h->peer_at)));
}

/* Links that must go before their successors can be made. One of ours only: a foreign link
 * in our place is a conflict that the kernel reports when we make ours. */
static int remove_bad_links(struct merge *m)
{
	size_t i;

	for (i = 0; i < m->wanted->n; i++) {
		const struct nsn_object *want = &m->wanted->objects[i], *have;

		if (want->kind != NSN_OBJ_LINK)
			continue;
		have = twin(m, want);
		if (have && must_be_new(want, have) && have->u.dev.group == m->owner->group &&
		    remove_link(m, have) < 0)
			return -ENOMEM;
	}
	return 0;
}

static bool in_table(const struct nsn_object *o, const struct nsn_object *table)
{
	const struct nsn_table *t = &table->u.table;
	uint8_t family = 0;
	const char *name = nsn_object_table(o, &family);

	return name && nsn_place_same(o->at, table->at) && family == t->family &&
	       strcmp(name, t->name) == 0;
}

static bool counts_policy(const struct nsn_counter *c)
{
	return strncmp(c->name, NSN_RULE_COUNTER, strlen(NSN_RULE_COUNTER)) == 0 ||
	       strcmp(c->name, NSN_KEPT_COUNTER) == 0 ||
	       strcmp(c->name, NSN_QUARANTINE_COUNTER) == 0;
}

/*
 * A limit, which belongs to a rate that was changed, and the counter of a policy:
 * only rules and elements of ours refer to them, by name, and these are gone or
 * lead elsewhere before. The table stays, and what its other counters have counted.
 */
static bool goes_late(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_LIMIT ||
	       (o->kind == NSN_OBJ_COUNTER && counts_policy(&o->u.counter));
}

/* These, and an element that nobody wants: only rules of ours refer to it, by its set. */
static bool goes_alone(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_ELEM || goes_late(o);
}

/* What the kernel cannot alter while something refers to it. */
static bool is_stuck(const struct nsn_object *want, const struct nsn_object *have)
{
	/* Elements and rules lead to chains without a hook, and to no others. */
	if (want->kind == NSN_OBJ_CHAIN)
		return !want->u.chain.type[0] != !have->u.chain.type[0];
	return (want->kind == NSN_OBJ_SET || want->kind == NSN_OBJ_LIMIT) &&
	       !nsn_object_same(want, have);
}

/*
 * A table that is not quite ours (another mark, dormant), or into which somebody
 * else has put chains, sets or other counters: they may refer to each other in any
 * way, and what is referred to cannot be removed or altered alone.
 */
static bool is_spoilt(const struct merge *m, const struct nsn_object *want,
		      const struct nsn_object *have)
{
	size_t i;

	if (!nsn_object_same(want, have))
		return true;
	for (i = 0; i < m->observed->n; i++) {
		const struct nsn_object *o = &m->observed->objects[i], *twin_of_it;

		if (!in_table(o, have))
			continue;
		twin_of_it = nsn_state_find(m->wanted, o);
		if (twin_of_it ? is_stuck(twin_of_it, o) : !goes_alone(o))
			return true;
	}
	return false;
}

/* Such a table is replaced as a whole, in one transaction, with all that is in it. */
static void forget_table(const struct merge *m, const struct nsn_object *table)
{
	size_t i;

	for (i = 0; i < m->observed->n; i++)
		if (in_table(&m->observed->objects[i], table))
			m->gone[i] = true;
}

/* ---- what is observed and not wanted -------------------------------------------------- */

enum fate { KEEP, REMOVE, TELL };

static bool link_is_ours(const struct merge *m, const struct nsn_object *o)
{
	const struct nsn_object *link = nsn_state_link(m->observed, o->at, o->link);

	return link && link->u.dev.group == m->owner->group;
}

static bool is_marked(const struct merge *m, const struct nsn_object *table)
{
	uint64_t id;

	if (table->at.role == NSN_HOST)
		return nsn_compile_host_mark_read(m->owner, table->u.table.comment);
	return nsn_compile_mark_read(m->owner, table->u.table.comment, &id);
}

/* Of those that are not, be they ours or not, all that is in them has the fate of the table. */
static bool table_is_wanted(const struct merge *m, const struct nsn_object *o)
{
	struct nsn_object like = {.kind = NSN_OBJ_TABLE, .at = o->at, .link = ""};

	like.u.table.name = nsn_object_table(o, &like.u.table.family);
	return nsn_state_find(m->wanted, &like);
}

/*
 * What is ours to put in order: a gateway, all of it; of the host's namespace only what is
 * ours was observed (lib/sync).
 */
static bool is_kept_clean(struct nsn_place at)
{
	return at.role == NSN_GATEWAY || at.role == NSN_HOST;
}

/* In a gateway: ours goes, foreign is told. */
static enum fate fate_of(const struct merge *m, const struct nsn_object *o)
{
	switch (o->kind) {
	case NSN_OBJ_LINK:
		return link_is_ours(m, o) ? REMOVE : TELL;
	case NSN_OBJ_TABLE:
		return is_marked(m, o) ? REMOVE : TELL;
	case NSN_OBJ_ROUTE:
		return o->u.route.protocol == NSN_RTPROT ? REMOVE : TELL;
	case NSN_OBJ_RULE:
		return o->u.rule.protocol == NSN_RTPROT && !o->u.rule.odd ? REMOVE : TELL;
	case NSN_OBJ_UP:
	case NSN_OBJ_ADDR:
		/* `lo` is nobody's, and a gateway needs none. One that comes up gets 127.0.0.1
		 * from the kernel and keeps it. */
		return strcmp(o->link, "lo") == 0 || link_is_ours(m, o) ? REMOVE : KEEP;
	case NSN_OBJ_FDB:
	case NSN_OBJ_NEIGH:
		return link_is_ours(m, o) ? REMOVE : KEEP;
	case NSN_OBJ_ELEM:
		return table_is_wanted(m, o) ? REMOVE : KEEP;
	case NSN_OBJ_LIMIT:   /* see remove_stale() */
	case NSN_OBJ_PORT:    /* of a foreign link, which is told */
	case NSN_OBJ_COUNTER: /* as a limit, or of a table that is replaced as a whole, or goes */
	case NSN_OBJ_SET:
	case NSN_OBJ_CHAIN:
	case NSN_OBJ_FILE:
	case NSN_OBJ_SYSCTL: /* only those that are wanted are read */
	case NSN_OBJ_CONF:
	case NSN_OBJ_NETNS:
	case NSN_OBJ_PIN:
	case NSN_OBJ_KINDS:
		break;
	}
	return KEEP;
}

/* Whether the namespace is one that shall be there. */
static bool place_wanted(const struct merge *m, struct nsn_place at)
{
	const struct nsn_object like = {.kind = NSN_OBJ_NETNS, .at = at, .link = ""};

	return nsn_state_find(m->wanted, &like);
}

/* What names a workload namespace that shall go; its links go with their ports. */
static bool names(const struct nsn_object *o)
{
	return o->kind == NSN_OBJ_PIN || (o->kind == NSN_OBJ_FILE && o->u.file.ours);
}

static int sort_out_extra(struct merge *m, const struct nsn_object *have)
{
	enum fate fate;

	if (!is_kept_clean(have->at) || m->gone[index_of(m->observed, have)] ||
	    nsn_state_find(m->wanted, have))
		return 0;
	fate = fate_of(m, have);
	if (fate == TELL)
		return add_foreign(m, have);
	if (fate == KEEP)
		return 0;
	return have->kind == NSN_OBJ_LINK ? remove_link(m, have)
					  : add_step(m, NSN_REMOVE, NULL, have);
}

/* Elements of a table that is replaced as a whole go with it. */
static void forget_spoilt(const struct merge *m)
{
	size_t i;

	for (i = 0; i < m->wanted->n; i++) {
		const struct nsn_object *want = &m->wanted->objects[i], *have;

		if (want->kind != NSN_OBJ_TABLE)
			continue;
		have = twin(m, want);
		if (have && is_spoilt(m, want, have))
			forget_table(m, want);
	}
}

/* Links of ours in a gateway that nobody wants: down before anything else happens. */
static int cut_extra_links(struct merge *m)
{
	size_t i;

	for (i = 0; i < m->observed->n; i++) {
		const struct nsn_object *o = &m->observed->objects[i];

		if (o->kind == NSN_OBJ_UP && is_kept_clean(o->at) && !m->gone[i] &&
		    !nsn_state_find(m->wanted, o) && fate_of(m, o) == REMOVE &&
		    add_step(m, NSN_REMOVE, NULL, o) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Backwards: links go before rules, and routes before addresses. */
static int remove_extra(struct merge *m)
{
	size_t i;

	if (cut_extra_links(m) < 0)
		return -ENOMEM;
	for (i = m->observed->n; i > 0; i--)
		if (m->observed->objects[i - 1].kind != NSN_OBJ_UP &&
		    sort_out_extra(m, &m->observed->objects[i - 1]) < 0)
			return -ENOMEM;
	for (i = m->observed->n; i > 0; i--) {
		const struct nsn_object *o = &m->observed->objects[i - 1];

		if (o->at.role == NSN_ENDPOINT && names(o) && !place_wanted(m, o->at) &&
		    !nsn_state_find(m->wanted, o) && add_step(m, NSN_REMOVE, NULL, o) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Ours, by the number of our protocol, which the kernel keeps with it. */
static bool was_ours(const struct nsn_object *o)
{
	return (o->kind == NSN_OBJ_ADDR && o->u.addr.protocol == NSN_RTPROT) ||
	       (o->kind == NSN_OBJ_NEIGH && o->u.neigh.protocol == NSN_RTPROT) ||
	       (o->kind == NSN_OBJ_ROUTE && o->u.route.protocol == NSN_RTPROT);
}

/*
 * What was wanted before: a workload's old addresses go when it has the new
 * ones (with the last address of a link the kernel drops all its routes), and a
 * limit or a policy's counter when no rule and no element has it any more.
 */
static int remove_stale(struct merge *m)
{
	size_t i;

	for (i = m->observed->n; i > 0; i--) {
		const struct nsn_object *o = &m->observed->objects[i - 1];
		bool stale = is_kept_clean(o->at) ? goes_late(o) && table_is_wanted(m, o)
						  : was_ours(o) && place_wanted(m, o->at);

		if (stale && !m->gone[i - 1] && !nsn_state_find(m->wanted, o) &&
		    add_step(m, NSN_REMOVE, NULL, o) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- what is wanted --------------------------------------------------------------------- */

static bool makes_link(const struct merge *m, const struct nsn_object *want)
{
	const struct nsn_object *link = nsn_state_link(m->wanted, want->at, want->link);

	return link && !twin(m, link);
}

static int add_wanted(struct merge *m, const struct nsn_object *want)
{
	const struct nsn_object *have = twin(m, want);

	if (want->kind == NSN_OBJ_TABLE) {
		if (have && !is_spoilt(m, want, have))
			return 0;
		return add_step(m, have ? NSN_CHANGE : NSN_CREATE, want, have);
	}
	/* A file that somebody else has put there is what he wants the workload to see. */
	if (want->kind == NSN_OBJ_FILE && have && !have->u.file.ours)
		return 0;
	if (have)
		return nsn_object_same(want, have) ? 0 : add_step(m, NSN_CHANGE, want, have);
	/* The far end of a veth comes with the near one. */
	if (want->kind == NSN_OBJ_LINK && want->u.dev.far)
		return 0;
	if (want->kind == NSN_OBJ_SYSCTL) {
		/* A link is born with what `default` says, and that is written before. */
		if (want->link[0] && makes_link(m, want))
			return 0;
		/* Not observed where it could have been: this kernel has no such thing. */
		if (want->u.sysctl.optional &&
		    nsn_state_find(m->observed, &(struct nsn_object){.kind = NSN_OBJ_NETNS,
								     .at = want->at,
								     .link = ""}))
			return 0;
	}
	return add_step(m, NSN_CREATE, want, NULL);
}

/* Names come last: when a namespace gets one, everything in it is right. */
static int add_all_wanted(struct merge *m)
{
	size_t i;

	for (i = 0; i < m->wanted->n && m->wanted->objects[i].kind < NSN_OBJ_FILE; i++)
		if (add_wanted(m, &m->wanted->objects[i]) < 0)
			return -ENOMEM;
	if (remove_stale(m) < 0)
		return -ENOMEM;
	for (; i < m->wanted->n; i++)
		if (add_wanted(m, &m->wanted->objects[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* Everything goes: a namespace takes what is in it along. */
static int remove_all(struct merge *m)
{
	static const enum nsn_kind order[] = {NSN_OBJ_PIN, NSN_OBJ_FILE, NSN_OBJ_NETNS};
	size_t i, k;

	/* Workloads first: their pins are what others see. */
	for (k = 0; k < NSN_COUNT(order); k++)
		for (i = m->observed->n; i > 0; i--) {
			const struct nsn_object *o = &m->observed->objects[i - 1];

			if (o->kind == order[k] && (o->kind != NSN_OBJ_FILE || names(o)) &&
			    add_step(m, NSN_REMOVE, NULL, o) < 0)
				return -ENOMEM;
		}
	return 0;
}

int nsn_plan(const struct nsn_state *wanted, const struct nsn_state *observed,
	     const struct nsn_owner *owner, struct nsn_plan *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_freep) bool *gone = calloc(observed->n + 1, sizeof(*gone));
	struct merge m = {.wanted = wanted ? wanted : &nothing,
			  .observed = observed,
			  .owner = owner,
			  .gone = gone,
			  .plan = ret};
	int r;

	if (!gone)
		return nsn_err_nomem(err);
	if (!wanted) {
		r = remove_all(&m);
	} else {
		r = remove_bad_links(&m);
		forget_spoilt(&m);
		if (r == 0)
			r = remove_extra(&m);
		if (r == 0)
			r = add_all_wanted(&m);
	}
	if (r < 0) {
		nsn_plan_clear(ret);
		return nsn_err_nomem(err);
	}
	return 0;
}

/* ---- cutting -------------------------------------------------------------------------------- */

static bool cuts(const struct nsn_step *step)
{
	switch (nsn_step_object(step)->kind) {
	case NSN_OBJ_TABLE:
	case NSN_OBJ_COUNTER:
	case NSN_OBJ_LIMIT:
	case NSN_OBJ_SET:
	case NSN_OBJ_ELEM:
	case NSN_OBJ_CHAIN:
		return true;
	case NSN_OBJ_UP:
		return step->op == NSN_REMOVE;
	case NSN_OBJ_NETNS:
	case NSN_OBJ_SYSCTL:
	case NSN_OBJ_LINK:
	case NSN_OBJ_PORT:
	case NSN_OBJ_CONF:
	case NSN_OBJ_FDB:
	case NSN_OBJ_ADDR:
	case NSN_OBJ_NEIGH:
	case NSN_OBJ_ROUTE:
	case NSN_OBJ_RULE:
	case NSN_OBJ_FILE:
	case NSN_OBJ_PIN:
	case NSN_OBJ_KINDS:
		break;
	}
	return false;
}

int nsn_plan_cut(const struct nsn_state *wanted, const struct nsn_state *observed,
		 const struct nsn_owner *owner, struct nsn_plan *ret, struct nsnet_err *err)
{
	struct nsn_object space = {.kind = NSN_OBJ_NETNS, .link = ""};
	size_t i, kept = 0;
	int r;

	r = nsn_plan(wanted, observed, owner, ret, err);
	if (r < 0)
		return r;
	for (i = 0; i < ret->n; i++) {
		space.at = nsn_step_object(&ret->steps[i])->at;
		if (cuts(&ret->steps[i]) && nsn_state_find(observed, &space))
			ret->steps[kept++] = ret->steps[i];
	}
	ret->n = kept;
	return 0;
}
