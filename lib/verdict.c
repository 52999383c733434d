/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "verdict.h"

#include <inttypes.h>
#include <string.h>

#include "verdict_ns.h"

/* ---- by number --------------------------------------------------------------------------------
 */

/* Another workload that has it, too: only the network is meant to have several. */
static const struct nsn_record *also_has(const struct nsn_expected *want, enum nsnet_ns ns,
					 uint64_t number)
{
	for (size_t i = 0; want->others && ns != NSNET_NS_NET && i < want->others->n; i++) {
		const struct nsn_record *o = &want->others->list[i];

		if (o->look.ns[ns] == number && !(o->share & 1U << ns) &&
		    (!want->id || strcmp(o->id, want->id) != 0))
			return o;
	}
	return NULL;
}

/* Who should own it: its own user namespace, but net, time and users themselves the host's. */
static uint64_t owner_wanted(const struct nsn_evidence *e, enum nsnet_ns ns)
{
	if (ns == NSNET_NS_NET || ns == NSNET_NS_TIME || ns == NSNET_NS_USER)
		return e->host.ns[NSNET_NS_USER];
	return e->look.ns[NSNET_NS_USER];
}

/* What is wrong with its number; NULL: nothing. */
static const char *wrong_number(const struct nsn_evidence *e, const struct nsn_expected *want,
				enum nsnet_ns ns, struct nsn_arena *mem)
{
	const uint64_t is = e->look.ns[ns];
	const struct nsn_record *other;

	if (!is)
		return "there is none";
	if (is == e->host.ns[ns])
		return "it is the host's";
	if (ns == NSNET_NS_NET && want->net && is != want->net)
		return "it is not the tenant's";
	if (want->born && want->born->ns[ns] != is)
		return "it is another one than it was started with";
	other = also_has(want, ns, is);
	if (other)
		return nsn_arena_printf(mem, "workload %s has the same", other->id);
	if (e->look.owner[ns] != owner_wanted(e, ns))
		return "it belongs to another user namespace than it should";
	return NULL;
}

static uint64_t exception_for(const struct nsn_expected *want, enum nsnet_ns ns, bool *expired)
{
	const struct nsn_exception_list *list = want->exceptions;
	const size_t len = strlen(nsn_ns_word(ns));

	for (size_t i = 0; list && i < list->n; i++) {
		const struct nsn_exception *x = &list->list[i];

		if (strncmp(x->kind, nsn_ns_word(ns), len) != 0 ||
		    strcmp(x->kind + len, "=host") != 0)
			continue;
		if (!x->until || x->until > want->now)
			return x->id;
		*expired = true;
	}
	return 0;
}

/* ---- the verdict ------------------------------------------------------------------------------
 */

static const char *kernel_text(const struct nsn_evidence *e, enum nsnet_ns ns,
			       struct nsn_arena *mem)
{
	const char *word = nsn_ns_word(ns);

	return nsn_arena_printf(mem,
				"%s:[%" PRIu64 "], owned by user:[%" PRIu64
				"]; the host's is %s:[%" PRIu64 "]",
				word, e->look.ns[ns], e->look.owner[ns], word, e->host.ns[ns]);
}

static void decide(const struct nsn_shown *s, const char *number, struct nsnet_finding *f,
		   struct nsn_arena *mem)
{
	bool expired = false;

	f->by_number = number;
	f->by_canary = s->seen;
	f->tested = !s->untested;
	f->verdict = NSNET_ISOLATED;
	f->why = "";
	if (number || s->seen) {
		f->verdict = NSNET_SHARED_UNEXPLAINED;
		f->why = number ? number : s->what;
	} else if (s->untested) {
		f->verdict = NSNET_NOT_TESTED;
		f->why = s->missed;
	}
	/* An opt-out is about the host's, and about nothing else that may be wrong. */
	if (!number || s->e->look.ns[f->ns] != s->e->host.ns[f->ns])
		return;
	f->exception = exception_for(s->want, f->ns, &expired);
	if (f->exception)
		f->verdict = NSNET_SHARED_JUSTIFIED;
	else if (expired)
		f->why = nsn_arena_printf(mem, "%s, and the opt-out for it is expired", number);
}

static bool complete(const struct nsnet_finding *f)
{
	return f->why && f->inside && f->outside && f->kernel;
}

static int judge_one(const struct nsn_evidence *e, const struct nsn_expected *want,
		     enum nsnet_ns ns, struct nsn_arena *mem, struct nsnet_finding *f,
		     struct nsnet_err *err)
{
	struct nsn_shown s = {.e = e, .want = want, .mem = mem, .inside = "", .outside = ""};

	*f = (struct nsnet_finding){.ns = ns};
	if (ns == NSNET_NS_NET && want->net_lost) {
		s.untested = true;
		s.missed = "there is no network of its tenant that it could be compared with";
	}
	if (e->talked) {
		nsn_show_ns[ns](&s);
	} else {
		s.untested = true;
		s.missed = nsn_arena_strdup(mem, e->why);
	}
	decide(&s, wrong_number(e, want, ns, mem), f, mem);
	f->inside = s.inside;
	f->outside = s.outside;
	f->kernel = kernel_text(e, ns, mem);
	return complete(f) ? 0 : nsn_err_nomem(err);
}

/* On request only: all others have the host's. */
static bool has_time(const struct nsn_evidence *e, const struct nsn_expected *want)
{
	const uint64_t host = e->host.ns[NSNET_NS_TIME];

	return e->look.ns[NSNET_NS_TIME] != host ||
	       (want->born && want->born->ns[NSNET_NS_TIME] != host);
}

int nsn_judge(const struct nsn_evidence *e, const struct nsn_expected *want, struct nsn_arena *mem,
	      struct nsnet_finding *ret, size_t *n, struct nsnet_err *err)
{
	size_t count = 0;

	for (int ns = 0; ns < NSNET_NS_COUNT; ns++) {
		int r;

		if (ns == NSNET_NS_TIME && !has_time(e, want))
			continue;
		r = judge_one(e, want, (enum nsnet_ns)ns, mem, &ret[count], err);
		if (r < 0)
			return r;
		count++;
	}
	*n = count;
	return 0;
}

int nsn_judge_nothing(const char *why, struct nsn_arena *mem, struct nsnet_finding *ret, size_t *n,
		      struct nsnet_err *err)
{
	const char *text = nsn_arena_strdup(mem, why);

	if (!text)
		return nsn_err_nomem(err);
	*n = 0;
	for (int ns = 0; ns < NSNET_NS_TIME; ns++)
		ret[(*n)++] = (struct nsnet_finding){
			.ns = (enum nsnet_ns)ns,
			.verdict = NSNET_NOT_TESTED,
			.why = text,
			.inside = "",
			.outside = "",
			.kernel = "",
		};
	return 0;
}
