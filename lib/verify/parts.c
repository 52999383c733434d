/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "parts.h"

/* So much work is worth a process: a tenant and each pair of it count one. */
#define WORTH 100
/* Beyond the time that the proof gives itself. */
#define GRACE 5

/* ---- cutting -------------------------------------------------------------------------------- */

/* What each tenant costs, about. NULL: no memory, then all is done in one. */
static size_t *weigh(const struct nsn_proving *p, size_t *sum)
{
	const size_t n = p->intent->n_tenants;
	size_t *cost = calloc(n + 1, sizeof(*cost));

	*sum = 0;
	if (!cost)
		return NULL;
	for (size_t a = 0; a < n; a++) {
		cost[a] += 1 + p->asked_first[a + 1] - p->asked_first[a];
		for (size_t i = p->asked_first[a]; i < p->asked_first[a + 1]; i++)
			cost[p->asked_of[i]]++;
	}
	for (size_t a = 0; a < n; a++) {
		if (!p->wanted[a] || p->alone[a])
			cost[a] = 0;
		*sum += cost[a];
	}
	return cost;
}

size_t nsn_parts_usual(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) / 2 : 1;
}

static void cut(const struct nsn_proving *p, struct nsn_parts *parts)
{
	size_t n = p->how->parts, sum, seen = 0, *cost;

	*parts = (struct nsn_parts){.own = p->intent->n_tenants};
	n = n < NSN_PARTS ? n : NSN_PARTS;
	if (n < 2)
		return;
	cost = weigh(p, &sum);
	if (!cost)
		return;
	n = n < sum / WORTH ? n : sum / WORTH;
	for (size_t a = 0; n > 1 && a < p->intent->n_tenants; a++) {
		if (parts->n + 1 < n && seen >= sum * (parts->n + 1) / n) {
			if (parts->n == 0)
				parts->own = a;
			else
				parts->list[parts->n - 1].end = a;
			parts->list[parts->n++] =
				(struct nsn_share){.first = a, .end = p->intent->n_tenants};
		}
		seen += cost[a];
	}
	free(cost);
}

/* ---- the processes ------------------------------------------------------------------------------
 */

/* Only what it finds itself is said; of all pairs of a sender as the pair with itself. */
static _Noreturn void work(struct nsn_proving *p, const struct nsn_share *part, int fd,
			   pid_t parent, nsn_part_fn prove)
{
	const size_t n = p->intent->n_tenants;
	const uint64_t steps = p->space.steps;
	struct nsn_report *r = p->report;
	struct rusage used;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	*r = (struct nsn_report){0};
	memset(p->sender, 0, (n + 2) * sizeof(*p->sender));
	prove(p, part->first, part->end);
	if (p->no_memory || sigsetjmp(p->space.out, 0) != 0)
		_exit(1);
	for (size_t a = 0; a < n; a++) {
		if (p->sender[a] != NSN_PROVED) {
			struct nsn_proved_pair *x = nsn_pair_row(p, a, a);

			x->outcome = p->sender[a];
			x->kind = p->sender_kind[a];
		}
	}
	r->nodes = nsn_nodes(&p->space);
	r->steps = p->space.steps - steps;
	if (getrusage(RUSAGE_SELF, &used) == 0)
		r->memory = (uint64_t)used.ru_maxrss * 1024;
	_exit(nsn_report_send(fd, r) < 0);
}

/* No process: the tenants are given up when it is waited for. */
static void start(struct nsn_proving *p, struct nsn_share *part, nsn_part_fn prove)
{
	const pid_t self = getpid();
	int fd[2];

	part->pid = -1;
	part->fd = -1;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return;
	part->pid = fork();
	if (part->pid == 0) {
		(void)close(fd[0]);
		work(p, part, fd[1], self, prove);
	}
	(void)close(fd[1]);
	part->fd = fd[0];
}

void nsn_parts_start(struct nsn_proving *p, struct nsn_parts *parts, nsn_part_fn prove)
{
	cut(p, parts);
	for (size_t i = 0; i < parts->n; i++)
		start(p, &parts->list[i], prove);
}

/* ---- what they say ------------------------------------------------------------------------------
 */

static void no_memory(struct nsn_proving *p)
{
	p->no_memory = true;
	nsn_space_stop(&p->space, "memory");
}

static void add_finding(struct nsn_proving *p, const struct nsn_finding *from)
{
	struct nsn_findings *f = &p->report->findings;
	struct nsn_finding *x = nsn_findings_add(f, from->kind, from->from, from->to);
	bool ok = x && (x->where = nsn_arena_strdup(&f->mem, from->where)) &&
		  nsn_finding_say(f, x, "%s", from->what) == 0 &&
		  nsn_finding_hint(f, x, "%s", from->hint) == 0;

	for (size_t i = 0; ok && i < from->n_evidence; i++)
		ok = nsn_finding_show(f, x, "%s", from->evidence[i]) == 0;
	if (!ok)
		no_memory(p);
	x->pid = from->pid;
	x->shot = from->shot;
}

/* The worst counts, whoever says it. */
static void add_pair(struct nsn_proving *p, const struct nsn_proved_pair *from)
{
	struct nsn_proved_pair *x;

	if (from->from == from->to) {
		nsn_say_pair(p, from->from, SIZE_MAX, from->kind);
		return;
	}
	x = nsn_pair_row(p, from->from, from->to);
	if (from->outcome > x->outcome) {
		x->outcome = from->outcome;
		x->kind = from->kind;
	}
}

static bool plausible(const struct nsn_proving *p, const struct nsn_report *r)
{
	for (size_t i = 0; i < r->n_pairs; i++)
		if (r->pairs[i].from >= p->intent->n_tenants + 2 ||
		    r->pairs[i].to >= p->intent->n_tenants + 2)
			return false;
	return true;
}

static void add_report(struct nsn_proving *p, const struct nsn_report *r)
{
	for (size_t i = 0; i < r->findings.n; i++)
		add_finding(p, &r->findings.list[i]);
	for (size_t i = 0; i < r->n_pairs; i++)
		add_pair(p, &r->pairs[i]);
	for (size_t i = 0; i < NSN_THEOREMS; i++) {
		struct nsn_theorem_said *t = &p->report->theorems[i];

		t->checked += r->theorems[i].checked;
		if (r->theorems[i].outcome > t->outcome)
			t->outcome = r->theorems[i].outcome;
	}
	p->report->nodes += r->nodes;
	p->report->steps += r->steps;
	p->report->memory += r->memory;
}

/* Until it must have ended by itself, and said so; 0: no limit. */
static unsigned int seconds_left(const struct nsn_proving *p)
{
	struct timespec t;
	uint64_t now;

	if (!p->space.deadline_ns)
		return 0;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
	return GRACE + (now < p->space.deadline_ns
				? (unsigned int)((p->space.deadline_ns - now) / 1000000000U)
				: 0);
}

void nsn_parts_join(struct nsn_proving *p, struct nsn_parts *parts,
		    void (*failed)(struct nsn_proving *p, size_t tenant))
{
	for (size_t i = 0; i < parts->n; i++) {
		const struct nsn_share *part = &parts->list[i];
		struct nsn_report r = {0};
		bool ok = part->pid > 0 && nsn_report_hear(part->fd, seconds_left(p), &r) == 0 &&
			  plausible(p, &r);

		if (part->fd >= 0)
			(void)close(part->fd);
		if (part->pid > 0)
			nsn_child_end(part->pid, !ok);
		if (ok)
			add_report(p, &r);
		p->space.why = "memory or time";
		for (size_t a = part->first; !ok && a < part->end; a++)
			if (p->wanted[a])
				failed(p, a);
		nsn_report_clear(&r);
	}
}
