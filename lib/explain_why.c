/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain: the reason, in a word and in a line, and what would change it */
#include <netinet/in.h>
#include <string.h>

#include "explain.h"

/* What our tables are called, of every family. */
#define OUR_TABLE "nsnet"

struct why {
	const char *reason, *says, *hint;
	bool no_memory;
};

#define SAY(x, ...)  nsn_arena_printf(&(x)->e->mem, __VA_ARGS__)
#define HINT(x, ...) nsn_arena_printf(&(x)->e->mem, __VA_ARGS__)

static const char *name_of(const struct nsn_explaining *x, bool from)
{
	const struct nsn_tenant *t = from ? x->from : x->to;

	return t ? t->name : from ? x->e->pub.from : x->e->pub.to;
}

static const char *hint_allow(const struct nsn_explaining *x)
{
	const struct nsnet_explained *e = &x->e->pub;

	if (!x->from)
		return HINT(x, "nsnet publish %s %u --because \"...\"", e->to, x->service.port);
	return HINT(x, "nsnet allow %s %s %s --because \"...\"", e->from, e->to, e->ports);
}

/* What stands against it in the policies, the strongest first; false: nothing does. */
static bool why_policy(struct nsn_explaining *x, struct why *w)
{
	char who[NSN_PEER_STRLEN];
	const struct nsn_said *s = &x->said;

	if (s->allowed)
		return false;
	if (s->quarantine) {
		(void)nsn_peer_str(&s->quarantine->who, who);
		w->reason = "QUARANTINED";
		w->says = SAY(x, "%s is in quarantine, and this is not kept", who);
		w->hint = HINT(x, "nsnet tenant release %s", who);
	} else if (s->deny) {
		w->reason = "DENY_RULE";
		w->says = SAY(x, "the rule %s denies it", s->deny->name);
		w->hint = HINT(x, "nsnet policy show %s", s->deny->name);
	} else if (x->from_tenant == x->to_tenant) {
		w->reason = "INSIDE_DENY";
		w->says = SAY(x, "inside %s nothing may be opened that no rule allows",
			      x->from->name);
		w->hint = hint_allow(x);
	} else if (s->apart) {
		w->reason = "NO_PATH";
		w->says = SAY(x, "no rule joins %s and %s, so no link leads from one to the other",
			      name_of(x, true), name_of(x, false));
		w->hint = hint_allow(x);
	} else if (!x->from) {
		w->reason = "NO_ALLOW_RULE";
		w->says = SAY(x, "no rule publishes %s of %s for %s", x->e->pub.ports, x->e->pub.to,
			      x->e->pub.from);
		w->hint = hint_allow(x);
	} else {
		w->reason = "NO_ALLOW_RULE";
		w->says = SAY(x, "no rule allows %s to open %s to %s", x->e->pub.from,
			      x->e->pub.ports, x->e->pub.to);
		w->hint = hint_allow(x);
	}
	return true;
}

/* It is allowed, and did not arrive. */
static void why_stopped(struct nsn_explaining *x, struct why *w)
{
	const struct nsn_hit *stop = nsn_explain_stop(x);
	const struct nsn_passed *last = x->passage.n ? &x->passage.list[x->passage.n - 1] : NULL;
	const char *where = last ? x->w.given.snap.ns[last->ns].name : name_of(x, true);

	w->hint = HINT(x, "nsnet plan");
	if (!x->walked || (x->to && x->to_ns == NSN_NOWHERE) || x->said.apart) {
		w->reason = "NO_PATH";
		w->says = SAY(x, "a rule allows it, but what would join the two is not there");
	} else if (stop && strcmp(stop->table->name, OUR_TABLE) != 0) {
		w->reason = "FOREIGN_DROP";
		w->says = SAY(x, "in %s a rule of the table '%s', which is not nsnet's, drops it",
			      where, stop->table->name);
	} else if (stop) {
		w->reason = "MODEL_MISMATCH";
		w->says = SAY(x, "a rule allows it, and in %s nsnet's own rules drop it", where);
	} else {
		w->reason = "NO_ROUTE";
		w->says = SAY(x, "in %s it ends: %s", where,
			      last && *last->text ? last->text : "nothing leads on");
	}
}

static void why_arrived(struct nsn_explaining *x, struct why *w)
{
	const struct nsn_said *s = &x->said;

	if (!s->allowed) {
		w->reason = "MODEL_MISMATCH";
		w->says = SAY(x, "it gets through, and no rule allows it: a VIOLATION");
		w->hint = HINT(x, "nsnet verify %s %s", name_of(x, true), name_of(x, false));
		if (x->from_tenant == x->to_tenant || !x->from || !x->to)
			w->hint = HINT(x, "nsnet verify");
		return;
	}
	w->reason = "ALLOWED";
	if (s->kept)
		w->says = SAY(x, "a quarantine keeps it");
	else if (s->allow)
		w->says = SAY(x, "the rule %s allows it", s->allow->name);
	else
		w->says = SAY(x, "endpoints of %s may talk to each other", x->from->name);
	w->hint = "";
}

static bool why_ipv6(struct nsn_explaining *x, struct why *w)
{
	const bool from = x->from_ip.family, to = x->to_ip.family;
	const char *who = from ? name_of(x, false) : name_of(x, true);

	if (from && to)
		return false;
	w->reason = x->family == AF_INET6 ? "IPV6_OFF" : "NO_PATH";
	w->says = SAY(x, "%s has no address", from ? x->e->pub.to : x->e->pub.from);
	w->hint = x->family == AF_INET6 ? HINT(x, "nsnet tenant set %s subnet6=auto", who)
					: HINT(x, "nsnet tenant show %s", who);
	return true;
}

/* What was not seen may be a way; only a walk to its end is an answer. */
static bool is_sure(const struct nsn_explaining *x)
{
	const struct nsn_snap *snap = &x->w.given.snap;

	if (x->passage.unsure)
		return false;
	/* Who has no address is sent nothing. */
	if (!x->from_ip.family || !x->to_ip.family)
		return true;
	for (size_t i = 0; i < x->passage.n; i++)
		if (snap->ns[x->passage.list[i].ns].n_strange > 0)
			return false;
	/* Without a port there was no packet: sure only when all was seen. */
	return x->walked || snap->n_unsure == 0;
}

int nsn_explain_why(struct nsn_explaining *x, struct nsnet_err *err)
{
	struct nsnet_explained *e = &x->e->pub;
	struct why w = {0};
	const struct nsn_policy *p;

	e->allowed = nsn_explain_arrived(x);
	e->intended = x->said.allowed;
	e->certainty = is_sure(x) ? NSNET_PROVED : NSNET_INCONCLUSIVE;
	if (why_ipv6(x, &w))
		e->intended = false;
	else if (e->allowed)
		why_arrived(x, &w);
	else if (!why_policy(x, &w))
		why_stopped(x, &w);
	p = x->said.allowed ? x->said.allow : x->said.deny;
	if (x->w.space.why)
		w.says = SAY(x, "it was given up: the limit of %s was reached", x->w.space.why);
	else if (x->passage.arrived && !nsn_explain_arrived(x) && (x->from || x->said.allowed))
		w.says = SAY(x, "it arrives, but at %s",
			     x->passage.to < x->w.given.snap.n_ns
				     ? x->w.given.snap.ns[x->passage.to].name
				     : "somebody who is not known");
	e->reason = w.reason;
	e->says = w.says;
	e->hint = w.hint;
	e->policy = p ? nsn_arena_strdup(&x->e->mem, p->name) : "";
	e->policy_at = "";
	if (!e->says || !e->hint || !e->policy || !e->policy_at)
		return nsn_err_nomem(err);
	return 0;
}
