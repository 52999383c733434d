/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "anyhost.h"
#include "ctx.h"
#include "proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "both.h"
#include "guests.h"
#include "verify/prove.h"
#include "verify/snapfile.h"

/*
 * proof - what the prover says, as the public header has it
 */

#define PROBE_TRIES   3
#define SECONDS_USUAL 60
#define NODES_USUAL   20000000

struct proof {
	struct nsnet_proof pub; /* first */
	struct nsn_arena mem;
	struct nsn_both both;
};

static const struct nsnet_theorem theorems[] = {
	{1, "no new, untracked or invalid packet crosses outside policy", 0, 0, "pairs"},
	{2, "connections that live are such as policy allows", 0, 0, "connections"},
	{3, "no spoofed source leaves a tenant, or the machine", 0, 0, "ports"},
	{4, "no packet reaches the host, another's gateway, or the outside, outside policy", 0, 0,
	 "tenants"},
	{5, "no frame of one port reaches a port that it must not", 0, 0, "links"},
	{6, "no packet is forwarded in a circle", 0, 0, "tenants"},
	{8, "the adversary is no stronger than assumed", 0, 0, "processes"},
};

/* What no proof of this kind is about; VIOLATION there would not be seen. */
static const char *const not_covered[] = {
	"bugs of the kernel, and what hardware does by itself (offload)",
	"the time between the reading of one namespace and of the next: no snapshot is atomic",
	"unix sockets with a path, shared files, and what a process passes on by itself",
	"timing, and limits that the whole kernel shares",
	"what permitted flows carry: a tunnel in them is a permitted flow",
	"who is beyond the host's own devices, and what passes between these",
};

const char *nsnet_proved_name(enum nsnet_proved v)
{
	switch (v) {
	case NSNET_PROVED:
		return "PROVED";
	case NSNET_VIOLATION:
		return "VIOLATION";
	case NSNET_INCONCLUSIVE:
		return "INCONCLUSIVE";
	case NSNET_NOTED:
		return "NOTE";
	}
	return "";
}

static enum nsnet_proved verdict_of(enum nsn_outcome o)
{
	switch (o) {
	case NSN_PROVED:
		return NSNET_PROVED;
	case NSN_NOTE:
		return NSNET_NOTED;
	case NSN_VIOLATION:
		return NSNET_VIOLATION;
	case NSN_INCONCLUSIVE:
		break;
	}
	return NSNET_INCONCLUSIVE;
}

static const char *tenant_name(const struct nsn_given *g, uint64_t id)
{
	for (size_t i = 0; id && i < g->intent.n_tenants; i++)
		if (g->intent.tenants[i].id == id)
			return g->intent.tenants[i].name;
	return "";
}

static const char *wire_of(const struct proof *p, const struct nsn_report *r,
			   const struct nsn_finding *x)
{
	const size_t i = (size_t)(x - r->findings.list);

	if (x->kind == NSN_FIND_WIRE_DELIVERED)
		return "confirmed";
	if (x->kind == NSN_FIND_UNTESTED)
		return "untested";
	return i < p->both.n_findings ? p->both.wire_of[i] : "";
}

static int copy_finding(struct proof *p, struct nsnet_proof_finding *to, const struct nsn_given *g,
			const struct nsn_report *r, const struct nsn_finding *x)
{
	const char **evidence = nsn_arena_alloc(&p->mem, (x->n_evidence + 1) * sizeof(*evidence));

	if (!evidence)
		return -ENOMEM;
	for (size_t i = 0; i < x->n_evidence; i++)
		evidence[i] = nsn_arena_strdup(&p->mem, x->evidence[i]);
	*to = (struct nsnet_proof_finding){
		.kind = nsn_finding_name(x->kind),
		.verdict = verdict_of(nsn_finding_outcome(x->kind)),
		.theorem = nsn_finding_theorem(x->kind),
		.from = nsn_arena_strdup(&p->mem, tenant_name(g, x->from)),
		.to = nsn_arena_strdup(&p->mem, tenant_name(g, x->to)),
		.where = nsn_arena_strdup(&p->mem, x->where ? x->where : ""),
		.what = nsn_arena_strdup(&p->mem, x->what ? x->what : ""),
		.hint = nsn_arena_strdup(&p->mem, x->hint ? x->hint : ""),
		.evidence = evidence,
		.n_evidence = x->n_evidence,
		.pid = x->pid,
		.wire = wire_of(p, r, x),
	};
	for (size_t i = 0; i < x->n_evidence; i++)
		if (!evidence[i])
			return -ENOMEM;
	return to->from && to->to && to->where && to->what && to->hint ? 0 : -ENOMEM;
}

static int copy_findings(struct proof *p, const struct nsn_given *g, const struct nsn_report *r)
{
	static const enum nsn_outcome order[] = {NSN_VIOLATION, NSN_INCONCLUSIVE, NSN_NOTE};
	struct nsnet_proof_finding *list =
		nsn_arena_alloc(&p->mem, (r->findings.n + 1) * sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (size_t k = 0; k < NSN_COUNT(order); k++)
		for (size_t i = 0; i < r->findings.n; i++) {
			const struct nsn_finding *x = &r->findings.list[i];

			if (nsn_finding_outcome(x->kind) != order[k])
				continue;
			if (copy_finding(p, &list[n++], g, r, x) < 0)
				return -ENOMEM;
		}
	p->pub.findings = list;
	p->pub.n_findings = n;
	return 0;
}

static const char *side_name(const struct nsn_given *g, size_t side)
{
	const size_t n = g->intent.n_tenants;

	if (side < n)
		return g->intent.tenants[side].name;
	return side == NSN_SIDE_HOST(n) ? "host" : "internet";
}

static int copy_pairs(struct proof *p, const struct nsn_given *g, const struct nsn_report *r)
{
	struct nsnet_proof_pair *list = nsn_arena_alloc(&p->mem, (r->n_pairs + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_pairs; i++) {
		const struct nsn_proved_pair *x = &r->pairs[i];

		if (x->from > NSN_SIDE_HOST(g->intent.n_tenants) ||
		    x->to > NSN_SIDE_HOST(g->intent.n_tenants))
			return -EPROTO;
		list[i] = (struct nsnet_proof_pair){
			.from = nsn_arena_strdup(&p->mem, side_name(g, x->from)),
			.to = nsn_arena_strdup(&p->mem, side_name(g, x->to)),
			.verdict = verdict_of(x->outcome),
			.joined = x->joined,
			.allows = nsn_arena_strdup(&p->mem, x->allows),
			.reason = x->outcome == NSN_PROVED ? "" : nsn_finding_name(x->kind),
		};
		if (!list[i].from || !list[i].to || !list[i].allows)
			return -ENOMEM;
	}
	p->pub.pairs = list;
	p->pub.n_listed = r->n_pairs;
	return 0;
}

static int copy_theorems(struct proof *p, const struct nsn_report *r)
{
	struct nsnet_theorem *list = nsn_arena_memdup(&p->mem, theorems, sizeof(theorems));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < NSN_COUNT(theorems); i++) {
		const struct nsn_theorem_said *x = &r->theorems[list[i].number];

		list[i].verdict = verdict_of(x->outcome);
		list[i].checked = x->checked;
	}
	p->pub.theorems = list;
	p->pub.n_theorems = NSN_COUNT(theorems);
	return 0;
}

static void count(struct nsnet_proof *p, const struct nsn_given *g)
{
	p->n_tenants = g->intent.n_tenants;
	for (size_t i = 0; i < g->intent.n_tenants; i++)
		p->n_endpoints += g->intent.tenants[i].n_endpoints;
	p->n_namespaces = g->snap.n_ns;
	for (size_t i = 0; i < g->snap.n_ns; i++) {
		const struct nsn_vns *ns = &g->snap.ns[i];

		p->n_foreign += ns->kind == NSN_VNS_FOREIGN;
		p->n_links += ns->n_links;
		for (size_t t = 0; t < ns->n_tables; t++)
			for (size_t c = 0; c < ns->tables[t].n_chains; c++)
				p->n_rules += ns->tables[t].chains[c].n_rules;
	}
}

/* The worst of the theorems, the pairs and what is said besides. */
static enum nsn_outcome worst_outcome(const struct nsn_report *r)
{
	enum nsn_outcome o = r->gave_up ? NSN_INCONCLUSIVE : r->unlisted;

	for (size_t i = 0; i < NSN_THEOREMS; i++)
		if (r->theorems[i].outcome > o)
			o = r->theorems[i].outcome;
	for (size_t i = 0; i < r->findings.n; i++)
		if (nsn_finding_outcome(r->findings.list[i].kind) > o)
			o = nsn_finding_outcome(r->findings.list[i].kind);
	if (r->n_inconclusive > 0 && o < NSN_INCONCLUSIVE)
		o = NSN_INCONCLUSIVE;
	if (r->n_violations > 0)
		o = NSN_VIOLATION;
	return o == NSN_NOTE ? NSN_PROVED : o;
}

/* With probes also those that were not sent, for they would have done harm. */
static int copy_not_covered(struct proof *p)
{
	const char **list = nsn_arena_alloc(&p->mem, (NSN_COUNT(not_covered) + 1) * sizeof(*list));

	if (!list)
		return -ENOMEM;
	memcpy(list, not_covered, sizeof(not_covered));
	p->pub.not_covered = list;
	p->pub.n_not_covered = NSN_COUNT(not_covered);
	if (p->both.left_out == 0)
		return 0;
	list[p->pub.n_not_covered] = nsn_arena_printf(
		&p->mem,
		"on the wire: %zu frames that a bridge would have handed to workloads beside the "
		"sender (--aggressive sends them)",
		p->both.left_out);
	return list[p->pub.n_not_covered++] ? 0 : -ENOMEM;
}

static int tell(struct proof *p, const struct nsn_given *g, const struct nsn_report *r,
		struct nsnet_err *err)
{
	int bad = copy_findings(p, g, r);

	p->pub.verdict = verdict_of(worst_outcome(r));
	/* A proof without the wire that was asked for is not what was asked for. */
	if (p->pub.wire && p->pub.verdict == NSNET_PROVED &&
	    strcmp(p->pub.wire->verdict, "PROVED+CONFIRMED") != 0)
		p->pub.verdict = NSNET_INCONCLUSIVE;
	p->pub.hash = nsn_arena_strdup(&p->mem, g->snap.hash);
	p->pub.release = nsn_arena_strdup(&p->mem, g->snap.release);
	p->pub.boot = nsn_arena_strdup(&p->mem, g->snap.boot);
	p->pub.at = g->snap.at;
	p->pub.from_file = g->from_file;
	count(&p->pub, g);
	p->pub.n_pairs = r->n_ordered;
	p->pub.n_apart = r->n_apart;
	p->pub.n_joined = r->n_ordered - r->n_apart;
	p->pub.n_violations = r->n_violations;
	p->pub.n_inconclusive = r->n_inconclusive;
	p->pub.unlisted = verdict_of(r->unlisted);
	bad |= copy_not_covered(p);
	p->pub.read_us = g->snap.took_us;
	p->pub.prove_us = r->took_us;
	p->pub.nodes = r->nodes;
	p->pub.memory = r->memory;
	if (bad == 0)
		bad = copy_pairs(p, g, r);
	if (bad == 0)
		bad = copy_theorems(p, r);
	if (bad == 0 && g->host)
		bad = nsn_anyhost_tell(g, &p->mem, &p->pub);
	if (bad == -EPROTO)
		return nsn_err(err, bad, NSNET_E_INTERNAL, "the proof is about others");
	if (bad || !p->pub.hash || !p->pub.release || !p->pub.boot)
		return nsn_err_nomem(err);
	return 0;
}

/* Names as indexes; the caller's to free. */
static int find_pairs(const struct nsn_given *g, const struct nsnet_verify_how *how,
		      size_t (**ret)[2], struct nsnet_err *err)
{
	size_t(*list)[2] = calloc(how->n_pairs + 1, sizeof(*list)), endpoint;
	int r = 0;

	*ret = list;
	if (!list)
		return nsn_err_nomem(err);
	for (size_t i = 0; r == 0 && i < 2 * how->n_pairs; i++) {
		r = nsn_given_find(g, how->pairs[i], &list[i / 2][i % 2], &endpoint, err);
		if (r == 0 && endpoint != SIZE_MAX)
			r = nsn_err(err, -EINVAL, NSNET_E_USAGE,
				    "a proof is about tenants, not about '%s': `nsnet explain` "
				    "and `nsnet who-can` are about endpoints",
				    how->pairs[i]);
		if (r == 0 && i % 2 && list[i / 2][0] == list[i / 2][1])
			r = nsn_err(err, -EINVAL, NSNET_E_USAGE,
				    "'%s' twice: a pair is of two tenants", how->pairs[i]);
	}
	return r;
}

static void proof_clear(struct proof **p)
{
	if (!*p)
		return;
	nsn_arena_free(&(*p)->mem);
	nsn_both_clear(&(*p)->both);
	free(*p);
}

/* ---- the wire ------------------------------------------------------------------------------ */

static int write_file(struct nsnet *n, const struct nsn_given *g, const char *suffix,
		      const char *text, size_t len, char name[64])
{
	NSN_AUTO(nsn_closep) int fd = -1;

	(void)snprintf(name, 64, "unsound-%.12s%s", g->snap.hash, suffix);
	fd = openat(n->state_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : nsn_pwrite_all(fd, text, len);
}

/*
 * For who has to find out why the prover was wrong: the snapshot, so that the proof can be
 * repeated, and beside it what was sent.
 */
static const char *write_bundle(struct proof *p, struct nsnet *n, const struct nsn_given *g)
{
	NSN_AUTO(nsn_freep) char *snap = NULL;
	NSN_AUTO(nsn_freep) char *probes = NULL;
	char name[64];
	size_t len;

	if (nsn_both_bundle(&p->both, &probes, &len, NULL) < 0 ||
	    write_file(n, g, ".txt", probes, len, name) < 0 ||
	    nsn_snap_text(&g->snap, &snap, &len, NULL) < 0 ||
	    write_file(n, g, ".json", snap, len, name) < 0)
		return "";
	return nsn_arena_printf(&p->mem, "%s/%s", n->state_dir, name);
}

/* Whether what was proved is still so. */
static int still_so(struct nsnet *n, struct nsn_given *g, bool *ret, struct nsnet_err *err)
{
	static const struct nsnet_verify_how usual = {0};
	NSN_AUTO(nsn_given_close) struct nsn_given now = {0};
	int r = nsn_given_open(&now, n, &usual, err);

	return r < 0 ? r : nsn_both_same_state(&g->snap, &now.snap, ret, err);
}

static size_t count_wire(const struct proof *p, const char *word)
{
	size_t n = 0;

	for (size_t i = 0; i < p->both.n_findings; i++)
		n += strcmp(p->both.wire_of[i], word) == 0;
	return n;
}

static void sum_wire(struct proof *p, struct nsnet *n, const struct nsn_given *g,
		     const struct nsn_report *report)
{
	const struct nsn_both_sum sum = {
		.outcome = worst_outcome(report),
		.probes = p->both.pub.n,
		.confirmed = count_wire(p, "confirmed"),
		.not_reproduced = count_wire(p, "not-reproduced"),
		.untested = p->both.pub.untested,
		.found = p->both.found,
		.unsound = p->both.unsound,
	};

	p->both.pub.verdict = nsn_both_verdict(&sum);
	if (p->both.unsound > 0)
		p->both.pub.bundle = write_bundle(p, n, g);
	p->pub.wire = &p->both.pub;
}

/*
 * 1: the state has changed meanwhile, so it says nothing. The last time what arrived is told
 * all the same; but nobody knows whether the proof was wrong.
 */
static int probe_once(struct proof *p, struct nsnet *n, struct nsn_given *g,
		      struct nsn_report *report, const struct nsnet_verify_how *how,
		      const struct nsn_prove_how *asked, bool last, struct nsnet_err *err)
{
	bool same = true;
	int r = nsn_both_run(&p->both, g, report, how, asked, err);

	if (r == 0 && p->both.found + p->both.unsound > 0)
		r = still_so(n, g, &same, err);
	if (r < 0)
		return r;
	if (!same && !last)
		return 1;
	if (!same) {
		p->both.found += p->both.unsound;
		p->both.unsound = 0;
	}
	sum_wire(p, n, g, report);
	return 0;
}

/* Reads, proves, probes. 1: again, for the state has changed. */
static int verify_once(struct proof *p, struct nsnet *n, const struct nsnet_verify_how *how,
		       bool last, struct nsnet_err *err)
{
	NSN_AUTO(nsn_given_close) struct nsn_given g = {0};
	NSN_AUTO(nsn_report_clear) struct nsn_report report = {0};
	NSN_AUTO(nsn_freep) size_t(*pairs)[2] = NULL;
	struct nsn_prove_how prove = {.seconds = how->seconds ? how->seconds : SECONDS_USUAL,
				      .nodes = how->nodes ? how->nodes : NODES_USUAL};
	int r = nsn_given_open(&g, n, how, err);

	prove.host = g.host ? &g.host->any : NULL;
	if (r == 0 && how->pairs) {
		r = find_pairs(&g, how, &pairs, err);
		prove.pairs = (const size_t(*)[2])pairs;
		prove.n_pairs = how->n_pairs;
	}
	if (r == 0)
		r = nsn_prove_apart(&g.snap, &g.intent, &prove, &report, err);
	if (r == 0 && how->probe)
		r = probe_once(p, n, &g, &report, how, &prove, last, err);
	return r == 0 ? tell(p, &g, &report, err) : r;
}

static int verify(struct proof *p, struct nsnet *n, const struct nsnet_verify_how *how,
		  struct nsnet_err *err)
{
	int r = 1;

	for (int i = 0; r == 1 && i < PROBE_TRIES; i++) {
		nsn_both_clear(&p->both);
		r = verify_once(p, n, how, i == PROBE_TRIES - 1, err);
	}
	return r;
}

/*
 * Making guests repairs the gateways that they come to: what is wrong there would be gone before
 * anybody had seen it. So they come only to a state that is proved already.
 */
static int verify_with_guests(struct proof **p, struct nsnet *n, const struct nsnet_verify_how *how,
			      struct nsnet_err *err)
{
	NSN_AUTO(nsn_guests_gop) struct nsnet *guests = NULL;
	NSN_AUTO(proof_clear) struct proof *second = NULL;
	int r = verify(*p, n, how, err);

	if (r < 0 || (*p)->pub.verdict != NSNET_PROVED)
		return r;
	second = calloc(1, sizeof(*second));
	if (!second)
		return nsn_err_nomem(err);
	guests = n;
	r = nsn_guests_come(n, err);
	if (r == 0)
		r = verify(second, n, how, err);
	if (r < 0)
		return r;
	proof_clear(p);
	*p = NSN_TAKE_PTR(second);
	return 0;
}

int nsnet_verify(struct nsnet *n, const struct nsnet_verify_how *how,
		 const struct nsnet_proof **ret, struct nsnet_err *err)
{
	static const struct nsnet_verify_how usual = {0};
	NSN_AUTO(proof_clear) struct proof *p = calloc(1, sizeof(*p));
	int r;

	if (!how)
		how = &usual;
	if (!p)
		return nsn_err_nomem(err);
	if (how->snapshot && how->probe)
		return nsn_err(err, -EINVAL, NSNET_E_USAGE,
			       "nothing can be sent in a snapshot: probes are about this machine");
	if (how->host && (how->pairs || how->snapshot || how->probe))
		return nsn_err(
			err, -EINVAL, NSNET_E_USAGE,
			"a machine as it is has neither pairs nor a snapshot, nor is anything "
			"sent in it");
	if (how->probe && how->canaries)
		r = verify_with_guests(&p, n, how, err);
	else
		r = verify(p, n, how, err);
	if (r < 0)
		return r;
	*ret = &NSN_TAKE_PTR(p)->pub;
	return 0;
}

void nsnet_proof_free(const struct nsnet_proof *proof)
{
	struct proof *p = (struct proof *)(uintptr_t)proof;

	proof_clear(&p);
}
