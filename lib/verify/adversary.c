/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include "../base/cleanup.h"
#include "topo.h"
#include "topo_kind.h"
#include "words.h"

/* More than these are not told one by one. */
#define SINGLY 8

static const struct {
	uint64_t bit;
	const char *name;
} strong[] = {
	{UINT64_C(1) << CAP_NET_ADMIN, "NET_ADMIN"},
	{UINT64_C(1) << CAP_SYS_ADMIN, "SYS_ADMIN"},
	{UINT64_C(1) << CAP_SYS_PTRACE, "SYS_PTRACE"},
	{UINT64_C(1) << CAP_SYS_MODULE, "SYS_MODULE"},
	{UINT64_C(1) << CAP_SYS_RAWIO, "SYS_RAWIO"},
	{UINT64_C(1) << CAP_DAC_READ_SEARCH, "DAC_READ_SEARCH"},
};

static bool is_strong(const struct nsn_vproc *p)
{
	size_t i;

	for (i = 0; p->host_user && i < NSN_COUNT(strong); i++)
		if (p->caps & strong[i].bit)
			return true;
	return false;
}

/* "NET_ADMIN, SYS_ADMIN"; NULL: no memory. */
static const char *strengths(struct nsn_arena *mem, uint64_t caps)
{
	const char *list = "";
	size_t i;

	for (i = 0; list && i < NSN_COUNT(strong); i++)
		if (caps & strong[i].bit)
			list = nsn_arena_printf(mem, "%s%s%s", list, *list ? ", " : "",
						strong[i].name);
	return list;
}

/* "Process 812 (sleep, of foo.service)"; NULL: no memory. */
static const char *person(struct nsn_arena *mem, const struct nsn_vproc *p)
{
	char name[NSN_SHOW_SIZE], unit[NSN_SHOW_SIZE];

	(void)nsn_text_show(p->name, name, sizeof(name));
	(void)nsn_text_show(p->unit, unit, sizeof(unit));
	return nsn_arena_printf(mem, "Process %" PRId32 " (%s%s%s)", p->pid, name,
				unit[0] ? ", of " : "", unit);
}

/* ---- who lives there ------------------------------------------------------------------------- */

static int hint(struct nsn_findings *f, struct nsn_finding *x, const struct nsn_vns *ns,
		const struct nsn_vproc *p)
{
	const size_t len = strlen(p->unit);

	if (len > 8 && strcmp(p->unit + len - 8, ".service") == 0 && nsn_words_plain(p->unit))
		return nsn_finding_hint(f, x,
					"systemctl edit %s # CapabilityBoundingSet= without them; "
					"or begin it by: nsnet run %s -- COMMAND",
					p->unit, ns->name);
	return nsn_finding_hint(f, x, "kill %" PRId32 " # confined: nsnet run %s -- COMMAND",
				p->pid, ns->name);
}

static int tell_strong(struct nsn_findings *f, const struct nsn_vns *ns, const struct nsn_vproc *p)
{
	struct nsn_finding *x = nsn_words_add(f, NSN_FIND_STRONG_ADVERSARY, ns, 0);
	const char *who = person(&f->mem, p), *what = strengths(&f->mem, p->caps);

	if (!x || !who || !what)
		return -ENOMEM;
	x->pid = p->pid;
	if (nsn_finding_say(f, x, "%s in %s has %s on the host.", who, ns->name, what) < 0)
		return -ENOMEM;
	return hint(f, x, ns, p);
}

/* All strong ones of one unit, beginning with procs[first]. */
static int tell_unit(struct nsn_findings *f, const struct nsn_vns *ns, size_t first)
{
	const struct nsn_vproc *p = &ns->procs[first];
	struct nsn_finding *x = nsn_words_add(f, NSN_FIND_STRONG_ADVERSARY, ns, 0);
	char unit[NSN_SHOW_SIZE];
	uint64_t caps = 0;
	size_t i, n = 0;
	int r = x ? 0 : -ENOMEM;

	for (i = first; r == 0 && i < ns->n_procs; i++) {
		const char *who;

		if (!is_strong(&ns->procs[i]) || strcmp(ns->procs[i].unit, p->unit) != 0)
			continue;
		caps |= ns->procs[i].caps;
		if (n++ >= SINGLY)
			continue;
		who = person(&f->mem, &ns->procs[i]);
		r = who ? nsn_finding_show(f, x, "%s", who) : -ENOMEM;
	}
	if (r < 0)
		return r;
	x->pid = p->pid;
	(void)nsn_text_show(p->unit[0] ? p->unit : "no unit", unit, sizeof(unit));
	r = nsn_finding_say(f, x, "%zu process%s of %s in %s %s %s on the host.", n,
			    n == 1 ? "" : "es", unit, ns->name, n == 1 ? "has" : "have",
			    strengths(&f->mem, caps) ?: "too much");
	return r < 0 ? r : hint(f, x, ns, p);
}

static bool unit_was_told(const struct nsn_vns *ns, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (is_strong(&ns->procs[j]) && strcmp(ns->procs[j].unit, ns->procs[i].unit) == 0)
			return true;
	return false;
}

static int look_at_workload(struct nsn_findings *f, const struct nsn_vns *ns)
{
	size_t i, n = 0;
	int r = 0;

	for (i = 0; i < ns->n_procs; i++)
		n += is_strong(&ns->procs[i]);
	for (i = 0; r == 0 && n > 0 && i < ns->n_procs; i++) {
		if (!is_strong(&ns->procs[i]))
			continue;
		if (n <= SINGLY)
			r = tell_strong(f, ns, &ns->procs[i]);
		else if (!unit_was_told(ns, i))
			r = tell_unit(f, ns, i);
	}
	return r;
}

/*
 * Nobody lives in a gateway. Who is of the host's user namespace came by an operator; who is
 * below has got where a tenant must not be.
 */
static int look_at_gateway(struct nsn_findings *f, const struct nsn_vns *ns)
{
	size_t i;

	for (i = 0; i < ns->n_procs; i++) {
		const struct nsn_vproc *p = &ns->procs[i];
		struct nsn_finding *x = nsn_words_add(
			f, p->host_user ? NSN_FIND_ENTERED : NSN_FIND_STRONG_ADVERSARY, ns, 0);
		const char *who = person(&f->mem, p);

		if (!x || !who)
			return -ENOMEM;
		x->pid = p->pid;
		if (nsn_finding_say(f, x, "%s is in %s, where only the kernel should be.", who,
				    ns->name) < 0 ||
		    nsn_finding_hint(f, x, "kill %" PRId32, p->pid) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* ---- who holds what -------------------------------------------------------------------------- */

/*
 * What it means that a process holds this; -1: nothing. The host's root holds all that there
 * is, and a unix socket carries nothing of the network.
 */
static int weigh(const struct nsn_snap *s, const struct nsn_vns *ns, const struct nsn_vheld *h)
{
	const struct nsn_vns *home = h->home < s->n_ns ? &s->ns[h->home] : NULL;
	const bool guest = home && nsn_vns_is_tenants(home) &&
			   (home->kind == NSN_VNS_WORKLOAD || !h->proc.host_user);

	if (!nsn_vns_is_tenants(ns) && (!guest || h->unix_socket))
		return -1;
	if (ns->kind == NSN_VNS_HOST)
		return NSN_FIND_HELD_BY_ANOTHER;
	/* Of a container, or one that it made itself. */
	if (ns->kind == NSN_VNS_FOREIGN)
		return NSN_FIND_HELD;
	if (guest && !h->unix_socket && (home->tenant != ns->tenant || ns->kind == NSN_VNS_GATEWAY))
		return NSN_FIND_HELD_BY_ANOTHER;
	if (is_strong(&h->proc) && !guest)
		return -1;
	return NSN_FIND_HELD;
}

static bool same_holder(const struct nsn_vheld *a, const struct nsn_vheld *b)
{
	return a->proc.pid == b->proc.pid && a->proc.start == b->proc.start && a->home == b->home;
}

static bool holder_was_told(const struct nsn_vns *ns, size_t i)
{
	/* They come by process (snapfile.h). */
	return i > 0 && same_holder(&ns->held[i - 1], &ns->held[i]);
}

/* One finding for all that one process holds of a namespace: the worst of it. */
static int tell_holder(const struct nsn_snap *s, struct nsn_findings *f, const struct nsn_vns *ns,
		       size_t first)
{
	const struct nsn_vheld *h = &ns->held[first];
	const struct nsn_vns *home = h->home < s->n_ns ? &s->ns[h->home] : NULL;
	const uint64_t tenant = home && nsn_vns_is_tenants(home) ? home->tenant : 0;
	struct nsn_finding *x;
	const char *who;
	size_t i;
	int r, kind = -1;

	for (i = first; i < ns->n_held && same_holder(h, &ns->held[i]); i++) {
		const int one = weigh(s, ns, &ns->held[i]);

		if (one >= 0 && kind != NSN_FIND_HELD_BY_ANOTHER)
			kind = one;
	}
	if (kind < 0)
		return 0;
	x = nsn_words_add(f, (enum nsn_finding_kind)kind, ns, 0);
	who = person(&f->mem, &h->proc);
	if (!x || !who)
		return -ENOMEM;
	/* A tenant is the first it is about: who holds it. */
	x->from = tenant ? tenant : ns->tenant;
	x->to = tenant ? ns->tenant : 0;
	x->pid = h->proc.pid;
	r = nsn_finding_say(f, x, "%s of %s holds %zu descriptor%s of %s.", who,
			    home ? home->name : "nowhere known", i - first,
			    i - first == 1 ? "" : "s", ns->name);
	for (i = first; r == 0 && i < ns->n_held && same_holder(h, &ns->held[i]); i++)
		if (x->n_evidence < SINGLY && weigh(s, ns, &ns->held[i]) == kind)
			r = nsn_finding_show(f, x, "%s", ns->held[i].what);
	return r < 0 ? r : nsn_finding_hint(f, x, "kill %" PRId32, h->proc.pid);
}

int nsn_adversary(const struct nsn_topo *t, struct nsn_findings *ret, struct nsnet_err *err)
{
	const struct nsn_snap *s = t->snap;
	size_t i, j;
	int r = 0;

	for (i = 0; r == 0 && i < s->n_ns; i++) {
		const struct nsn_vns *ns = &s->ns[i];

		if (ns->kind == NSN_VNS_WORKLOAD)
			r = look_at_workload(ret, ns);
		else if (ns->kind == NSN_VNS_GATEWAY)
			r = look_at_gateway(ret, ns);
		for (j = 0; r == 0 && j < ns->n_held; j++)
			if (!holder_was_told(ns, j))
				r = tell_holder(s, ret, ns, j);
	}
	return r < 0 ? nsn_err_nomem(err) : 0;
}
