/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "both.h"
#include "probes.h"
#include "verify/snapfile.h"

/*
 * both - a proof and the wire together
 *
 * What was delivered and may not be is a violation, whatever was proved. What was not delivered
 * shows only that: a proof stands on its own. What is not tested is said, and nothing that is
 * not tested passes.
 */

#define LISTED	200
#define REASONS 16 /* kinds of "untested" that are told apart */

struct reason {
	const char *why;
	size_t n, first;
};

struct judging {
	struct nsn_both *b;
	struct nsn_probes *p;
	struct nsn_report *report;
	size_t proved; /* findings of the proof itself */
	struct reason reasons[REASONS];
	size_t n_reasons;
	size_t missing, first_missing; /* what policy allows, and does not arrive */
	struct nsnet_probed *list;
	struct nsnet_err *err;
};

void nsn_both_clear(struct nsn_both *b)
{
	nsn_arena_free(&b->mem);
	*b = (struct nsn_both){0};
}

static void probes_clear(struct nsn_probes *p)
{
	nsn_probes_clear(p);
}

void nsn_probes_clear(struct nsn_probes *p)
{
	nsn_asked_free(p->asked);
	nsn_beyond_clear(&p->beyond);
	nsn_boxes_clear(&p->boxes);
	free(p->list);
	free(p->aims);
	free(p->spared);
	nsn_arena_free(&p->mem);
	*p = (struct nsn_probes){0};
}

/* ---- words ------------------------------------------------------------------------------------
 */

static const char *packet_str(struct judging *j, const struct nsn_wire_probe *x)
{
	const struct nsn_wire_place *from = &j->p->places[x->from];
	const struct nsn_ip *own = x->family == AF_INET6 ? &from->ip6 : &from->ip;
	char src[NSN_IP_STRLEN], dst[NSN_IP_STRLEN];

	if (!x->family)
		return nsn_arena_strdup(&j->b->mem, "a frame");
	(void)nsn_ip_str(x->src.family ? &x->src : own, src);
	(void)nsn_ip_str(&x->dst, dst);
	if (x->kind == NSN_WIRE_ICMP || !x->dport)
		return nsn_arena_printf(&j->b->mem, "%s -> %s %s", src, dst,
					nsn_wire_kind_name(x->kind));
	return nsn_arena_printf(&j->b->mem, "%s -> %s %s to %u", src, dst,
				nsn_wire_kind_name(x->kind), x->dport);
}

static const char *side_str(const struct judging *j, const struct nsn_wire_probe *x)
{
	return x->to == SIZE_MAX ? "internet" : j->p->places[x->to].name;
}

static const char *expect_str(enum nsn_due e)
{
	switch (e) {
	case NSN_DUE_NOT:
		return "not";
	case NSN_DUE_MAY:
		return "may";
	case NSN_DUE_SHOULD:
		break;
	}
	return "should";
}

static int list_probe(struct judging *j, size_t i)
{
	const struct nsn_wire_probe *x = &j->p->list[i];
	struct nsnet_probed *to = &j->list[j->b->pub.n_listed];

	if (j->b->pub.n_listed == LISTED)
		return 0;
	*to = (struct nsnet_probed){
		.from = nsn_arena_strdup(&j->b->mem, j->p->places[x->from].name),
		.to = nsn_arena_strdup(&j->b->mem, side_str(j, x)),
		.kind = nsn_wire_kind_name(x->kind),
		.packet = packet_str(j, x),
		.end = nsn_wire_end_name(x->end),
		.seen_at = x->end == NSN_WIRE_DELIVERED && x->seen_at != SIZE_MAX
				   ? nsn_arena_strdup(&j->b->mem, j->p->places[x->seen_at].name)
				   : "",
		.why = x->end == NSN_WIRE_UNTESTED && x->why ? nsn_arena_strdup(&j->b->mem, x->why)
							     : "",
		.expected = expect_str(j->p->aims[i].expect),
	};
	j->b->pub.n_listed++;
	return to->from && to->to && to->packet && to->seen_at && to->why ? 0 : -ENOMEM;
}

/* ---- one probe against the proof ---------------------------------------------------------------
 */

static uint64_t id_of(const struct judging *j, size_t side)
{
	const struct nsn_intent *in = &j->p->given->intent;

	return side < in->n_tenants ? in->tenants[side].id : 0;
}

static enum nsn_outcome theorem(const struct judging *j, unsigned int t)
{
	return j->report->theorems[t].outcome;
}

/* Whether the proof could not follow all that this sender sends: then it has proved nothing of it.
 */
static bool not_followed(const struct judging *j, size_t from)
{
	for (size_t i = 0; i < j->proved; i++) {
		const struct nsn_finding *x = &j->report->findings.list[i];

		if (nsn_finding_outcome(x->kind) == NSN_INCONCLUSIVE &&
		    (!x->from || x->from == id_of(j, from)))
			return true;
	}
	return false;
}

/* What was said of what this probe is about. */
static enum nsn_outcome said_of(const struct judging *j, const struct nsn_aim *aim, size_t to)
{
	const struct nsn_report *r = j->report;

	if (r->gave_up)
		return NSN_INCONCLUSIVE;
	for (size_t i = 0; aim->gateway == SIZE_MAX && i < r->n_pairs; i++)
		if (r->pairs[i].from == aim->from && r->pairs[i].to == to)
			return r->pairs[i].outcome;
	if (aim->from == to)
		return theorem(j, 5);
	if (aim->gateway != SIZE_MAX || to >= j->p->given->intent.n_tenants)
		return theorem(j, 4);
	return r->unlisted;
}

static enum nsn_outcome proved_of(const struct judging *j, const struct nsn_aim *aim, size_t to)
{
	const enum nsn_outcome said = said_of(j, aim, to);

	return said == NSN_PROVED && not_followed(j, aim->from) ? NSN_INCONCLUSIVE : said;
}

/* The proof's own violations about these two have been seen on the wire. */
static size_t confirm(struct judging *j, size_t from, size_t to)
{
	size_t n = 0;

	for (size_t i = 0; i < j->proved; i++) {
		const struct nsn_finding *x = &j->report->findings.list[i];

		if (nsn_finding_outcome(x->kind) != NSN_VIOLATION)
			continue;
		if (x->from && x->from != id_of(j, from) && x->to != id_of(j, from))
			continue;
		if (x->to && x->from && x->to != id_of(j, to) && x->from != id_of(j, to))
			continue;
		j->b->wire_of[i] = "confirmed";
		n++;
	}
	return n;
}

static int show(struct judging *j, struct nsn_finding *x, const struct nsn_wire_probe *probe,
		const char *says)
{
	const char *packet = packet_str(j, probe);

	if (!packet)
		return -ENOMEM;
	return nsn_finding_show(&j->report->findings, x, "sent: %s, from %s; %s", packet,
				j->p->places[probe->from].name, says);
}

static int breach(struct judging *j, size_t i, size_t to)
{
	const struct nsn_wire_probe *probe = &j->p->list[i];
	const struct nsn_aim *aim = &j->p->aims[i];
	const enum nsn_outcome proved = proved_of(j, aim, to);
	const char *seen = probe->seen_at != SIZE_MAX ? j->p->places[probe->seen_at].name
						      : "a link of the host";
	struct nsn_finding *x;

	if (proved == NSN_VIOLATION && confirm(j, aim->from, to) > 0)
		return 0;
	j->b->unsound += proved == NSN_PROVED;
	j->b->found += proved != NSN_PROVED;
	if (j->b->unsound + j->b->found > 20)
		return 0;
	x = nsn_findings_add(&j->report->findings, NSN_FIND_WIRE_DELIVERED, id_of(j, aim->from),
			     id_of(j, to));
	if (!x)
		return -ENOMEM;
	x->where = nsn_arena_strdup(&j->report->findings.mem, seen);
	if (!x->where ||
	    nsn_finding_say(&j->report->findings, x,
			    "%s of %s has arrived at %s, and no policy allows it%s",
			    nsn_wire_kind_says(probe->kind), j->p->places[probe->from].name, seen,
			    proved == NSN_PROVED ? "; it was proved impossible" : "") < 0)
		return -ENOMEM;
	return show(j, x, probe, "seen by the receiver");
}

static int untested(struct judging *j, size_t i)
{
	const char *why = j->p->list[i].why ? j->p->list[i].why : "no reason is known";
	struct reason *r = NULL;

	for (size_t k = 0; !r && k < j->n_reasons; k++)
		if (strcmp(j->reasons[k].why, why) == 0)
			r = &j->reasons[k];
	if (!r) {
		if (j->n_reasons == REASONS) {
			j->reasons[REASONS - 1].n++;
			return 0;
		}
		r = &j->reasons[j->n_reasons++];
		*r = (struct reason){.why = why, .first = i};
	}
	r->n++;
	return r->n <= 10 ? list_probe(j, i) : 0;
}

/* Whose packet a finding has: whether it arrived. */
static int of_finding(struct judging *j, size_t i)
{
	const struct nsn_wire_probe *x = &j->p->list[i];
	const char **wire = &j->b->wire_of[j->p->aims[i].finding];

	switch (x->end) {
	case NSN_WIRE_DELIVERED:
		*wire = "confirmed";
		break;
	case NSN_WIRE_BLOCKED:
		if (strcmp(*wire, "confirmed") != 0)
			*wire = "not-reproduced";
		break;
	case NSN_WIRE_UNTESTED:
		if (!**wire)
			*wire = "untested";
		break;
	}
	return list_probe(j, i);
}

static int judge(struct judging *j, size_t i)
{
	const struct nsn_wire_probe *x = &j->p->list[i];
	const struct nsn_aim *aim = &j->p->aims[i];
	size_t to = aim->to;

	if (aim->finding != SIZE_MAX)
		return of_finding(j, i);
	switch (x->end) {
	case NSN_WIRE_UNTESTED:
		return untested(j, i);
	case NSN_WIRE_DELIVERED:
		/* Whoever got it counts; its own tenant may, but for what is not meant for others.
		 */
		if (x->seen_at != SIZE_MAX && x->seen_at != x->to)
			to = j->p->side_of[x->seen_at];
		if (aim->expect == NSN_DUE_NOT && (to != aim->from || aim->to == aim->from)) {
			const int r = breach(j, i, to);

			return r < 0 ? r : list_probe(j, i);
		}
		return 0;
	case NSN_WIRE_BLOCKED:
		break;
	}
	if (aim->expect != NSN_DUE_SHOULD)
		return 0;
	if (j->missing++ == 0)
		j->first_missing = i;
	return j->missing <= 10 ? list_probe(j, i) : 0;
}

/* ---- all of them
 * --------------------------------------------------------------------------------- */

static int say_untested(struct judging *j)
{
	for (size_t k = 0; k < j->n_reasons; k++) {
		const struct reason *r = &j->reasons[k];
		const struct nsn_wire_probe *probe = &j->p->list[r->first];
		struct nsn_finding *x =
			nsn_findings_add(&j->report->findings, NSN_FIND_UNTESTED, 0, 0);

		if (!x)
			return -ENOMEM;
		x->where = nsn_arena_strdup(&j->report->findings.mem, side_str(j, probe));
		if (!x->where ||
		    nsn_finding_say(&j->report->findings, x, "%zu %s not tested: %s", r->n,
				    r->n == 1 ? "probe" : "probes", r->why) < 0 ||
		    show(j, x, probe, "one of them") < 0)
			return -ENOMEM;
	}
	return 0;
}

static int say_missing(struct judging *j)
{
	const struct nsn_wire_probe *probe = &j->p->list[j->first_missing];
	const struct nsn_aim *aim = &j->p->aims[j->first_missing];
	struct nsn_finding *x;

	if (j->missing == 0)
		return 0;
	x = nsn_findings_add(&j->report->findings, NSN_FIND_DENIED_TOO_MUCH, id_of(j, aim->from),
			     id_of(j, aim->to));
	if (!x)
		return -ENOMEM;
	x->where = nsn_arena_strdup(&j->report->findings.mem, side_str(j, probe));
	if (!x->where || nsn_finding_say(&j->report->findings, x,
					 "%zu %s that policy allows did not arrive on the wire",
					 j->missing, j->missing == 1 ? "packet" : "packets") < 0)
		return -ENOMEM;
	return show(j, x, probe, "blocked");
}

static int judge_all(struct judging *j)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < j->p->n; i++)
		r = judge(j, i);
	for (size_t i = 0; i < j->p->n_spared; i++)
		if (!*j->b->wire_of[j->p->spared[i]])
			j->b->wire_of[j->p->spared[i]] = "untested";
	if (r == 0)
		r = say_untested(j);
	if (r == 0)
		r = say_missing(j);
	return r < 0 ? nsn_err_nomem(j->err) : 0;
}

static int prepare(struct nsn_probes *p, const struct nsnet_verify_how *how,
		   const struct nsn_prove_how *asked, struct nsnet_err *err)
{
	const struct nsn_probes_how list = {.aggressive = how->aggressive,
					    .most = how->most,
					    .pairs = asked ? asked->pairs : NULL,
					    .n_pairs = asked ? asked->n_pairs : 0};
	const struct nsn_snap *s = &p->given->snap;
	int r = nsn_asked_new(&p->asked, &p->given->intent, err);
	size_t host = 0;

	while (host < s->n_ns && s->ns[host].kind != NSN_VNS_HOST)
		host++;
	if (r == 0)
		r = nsn_beyond_make(&p->beyond, host < s->n_ns ? &s->ns[host] : NULL, err);
	if (r == 0)
		r = nsn_probes_places(p, err);
	return r < 0 ? r : nsn_probes_list(p, &list, err);
}

/* So many connections a second may each endpoint open, at least; 0: no tenant has a limit. */
static unsigned int slowest(const struct nsn_intent *in)
{
	unsigned int least = 0;

	for (size_t i = 0; i < in->n_tenants; i++)
		if (in->tenants[i].new_flows && (!least || in->tenants[i].new_flows < least))
			least = in->tenants[i].new_flows;
	return least;
}

static void wire_closep(struct nsn_wire **w)
{
	nsn_wire_close(*w);
}

static int send_all(struct nsn_both *b, struct nsn_probes *p, const struct nsnet_verify_how *how,
		    struct nsnet_err *err)
{
	const struct nsn_wire_how wire_how = {.aggressive = how->aggressive,
					      .seconds = how->seconds,
					      .new_flows = slowest(&p->given->intent)};
	NSN_AUTO(wire_closep) struct nsn_wire *w = NULL;
	struct nsn_wire_said said = {0};
	int r = nsn_wire_open(&w, p->places, p->n_places, err);

	if (r == 0)
		r = nsn_wire_run(w, p->list, p->n, &wire_how, &said, err);
	b->left_out = p->left_out;
	/* Reasons of what was not tested may be in the run's memory. */
	for (size_t i = 0; r == 0 && i < p->n; i++)
		if (p->list[i].end == NSN_WIRE_UNTESTED && p->list[i].why)
			p->list[i].why = nsn_arena_strdup(&p->mem, p->list[i].why);
	b->pub = (struct nsnet_wire){
		.n = said.n,
		.delivered = said.delivered,
		.blocked = said.blocked,
		.untested = said.untested,
		.pairs = p->pairs,
		.sampled = p->sampled,
		.sent = said.sent,
		.heard = said.heard,
		.dropped = said.dropped,
		.sentinels = said.sentinels,
		.controls = said.controls,
		.took_us = said.took_us,
		.bundle = "",
		.verdict = "",
	};
	return r;
}

int nsn_both_run(struct nsn_both *b, const struct nsn_given *g, struct nsn_report *report,
		 const struct nsnet_verify_how *how, const struct nsn_prove_how *asked,
		 struct nsnet_err *err)
{
	NSN_AUTO(probes_clear) struct nsn_probes p = {.given = g, .report = report};
	struct judging j = {.b = b, .p = &p, .report = report, .err = err};
	int r = prepare(&p, how, asked, err);

	if (r == 0)
		r = send_all(b, &p, how, err);
	if (r < 0)
		return r;
	j.proved = b->n_findings = report->findings.n;
	b->wire_of = nsn_arena_alloc(&b->mem, (b->n_findings + 1) * sizeof(*b->wire_of));
	j.list = nsn_arena_alloc(&b->mem, LISTED * sizeof(*j.list));
	if (!b->wire_of || !j.list)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < b->n_findings; i++)
		b->wire_of[i] = "";
	b->pub.list = j.list;
	return judge_all(&j);
}

const char *nsn_both_verdict(const struct nsn_both_sum *s)
{
	if (s->unsound > 0)
		return "PROVER-UNSOUND";
	if (s->found > 0 || s->confirmed > 0)
		return "VIOLATION";
	if (s->outcome == NSN_VIOLATION)
		return s->not_reproduced > 0 && s->untested == 0 ? "NOT-REPRODUCED" : "VIOLATION";
	/* Nothing that was not tested passes, and neither does nothing at all. */
	if (s->outcome != NSN_INCONCLUSIVE && s->untested == 0 && s->probes > 0)
		return "PROVED+CONFIRMED";
	return "INCONCLUSIVE";
}

/* ---- the state ---------------------------------------------------------------------------------
 */

/* Lengths of lists that are taken out for a while, and put back; counted when away is NULL. */
struct turning {
	size_t *away, n;
	bool back;
};

static void turn(struct turning *t, size_t *len)
{
	if (t->away && t->back) {
		*len = t->away[t->n];
	} else if (t->away) {
		t->away[t->n] = *len;
		*len = 0;
	}
	t->n++;
}

/* What packets make, and who happens to run. */
static size_t passing(struct nsn_snap *s, size_t *away, bool back)
{
	struct turning t = {.away = away, .back = back};

	for (size_t i = 0; i < s->n_ns; i++) {
		struct nsn_vns *ns = &s->ns[i];

		turn(&t, &ns->n_cts);
		turn(&t, &ns->n_procs);
		turn(&t, &ns->n_held);
		for (size_t k = 0; k < ns->n_tables; k++)
			for (size_t m = 0; m < ns->tables[k].n_sets; m++)
				if (ns->tables[k].sets[m].dynamic)
					turn(&t, &ns->tables[k].sets[m].n_elems);
	}
	return t.n;
}

/* Others' namespaces come last, and come and go. */
static size_t ours(const struct nsn_snap *s)
{
	size_t n = 0;

	while (n < s->n_ns && s->ns[n].kind != NSN_VNS_FOREIGN)
		n++;
	return n;
}

static int hash_of_rest(struct nsn_snap *s, char hash[65], struct nsnet_err *err)
{
	size_t *away = calloc(passing(s, NULL, false) + 1, sizeof(*away));
	const size_t all = s->n_ns, unsure = s->n_unsure;
	int r;

	if (!away)
		return nsn_err_nomem(err);
	(void)passing(s, away, false);
	s->n_ns = ours(s);
	s->n_unsure = 0;
	r = nsn_snap_seal(s, err);
	memcpy(hash, s->hash, sizeof(s->hash));
	s->n_ns = all;
	s->n_unsure = unsure;
	(void)passing(s, away, true);
	free(away);
	return r < 0 ? r : nsn_snap_seal(s, err);
}

int nsn_both_same_state(struct nsn_snap *a, struct nsn_snap *b, bool *ret, struct nsnet_err *err)
{
	char one[65] = "", two[65] = "";
	int r = hash_of_rest(a, one, err);

	if (r == 0)
		r = hash_of_rest(b, two, err);
	*ret = r == 0 && strcmp(one, two) == 0;
	return r;
}

int nsn_both_bundle(const struct nsn_both *b, char **ret, size_t *len, struct nsnet_err *err)
{
	FILE *out = open_memstream(ret, len);

	if (!out)
		return nsn_err_nomem(err);
	for (size_t i = 0; i < b->pub.n_listed; i++) {
		const struct nsnet_probed *x = &b->pub.list[i];

		fprintf(out, "%s: %s, from %s to %s, by policy it %s arrive%s%s%s%s\n", x->end,
			x->packet, x->from, x->to,
			strcmp(x->expected, "not") == 0 ? "must not" : x->expected,
			*x->seen_at ? "; seen at " : "", x->seen_at, *x->why ? "; " : "", x->why);
	}
	if (fclose(out) == 0)
		return 0;
	free(*ret);
	*ret = NULL;
	return nsn_err_nomem(err);
}
