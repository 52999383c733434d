/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proof in a process of its own: its report comes back whole, or the pairs are INCONCLUSIVE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/verify/prove.h"

/* Two tenants; a veth straight between their workloads has a name that is no UTF-8. */
enum { HOST, GW_A, GW_B, W_A, W_B, N_NS };

struct site {
	struct nsn_snap snap;
	struct nsn_vns ns[N_NS];
	struct nsn_vlink links[N_NS][3];
	struct nsn_vproc proc;
	struct nsn_tenant tenants[2];
	struct nsn_endpoint ends[2];
	struct nsn_intent intent;
};

static struct nsn_vlink *link_in(struct site *x, size_t ns, const char *name, const char *kind)
{
	struct nsn_vlink *l = &x->links[ns][x->ns[ns].n_links++];

	*l = (struct nsn_vlink){.index = (uint32_t)x->ns[ns].n_links,
				.name = name,
				.kind = kind,
				.port_kind = "",
				.alias = "",
				.qdisc = "noqueue",
				.detail = "",
				.flags = IFF_UP,
				.type = 1,
				.peer_nsid = -1,
				.peer_ns = NSN_NOWHERE};
	return l;
}

static void join(struct site *x, size_t a, const char *name_a, size_t b, const char *name_b)
{
	struct nsn_vlink *la = link_in(x, a, name_a, "veth"), *lb = link_in(x, b, name_b, "veth");

	la->peer_ns = b;
	la->peer_nsid = (int32_t)b;
	la->peer_index = lb->index;
	lb->peer_ns = a;
	lb->peer_nsid = (int32_t)a;
	lb->peer_index = la->index;
}

static void make(struct site *x)
{
	static const char *const names[] = {"host", "gateway of a", "gateway of b", "a/one",
					    "b/one"};

	*x = (struct site){0};
	x->snap.ns = x->ns;
	x->snap.n_ns = N_NS;
	x->snap.policy = "";
	for (size_t i = 0; i < N_NS; i++)
		x->ns[i] = (struct nsn_vns){.kind = i == HOST	? NSN_VNS_HOST
						    : i <= GW_B ? NSN_VNS_GATEWAY
								: NSN_VNS_WORKLOAD,
					    .inode = 100 + i,
					    .name = names[i],
					    .path = "/run/netns/x",
					    .why = "",
					    .tenant = i == HOST ? 0 : 1 + (i - 1) % 2,
					    .endpoint = i < W_A ? 0 : 1 + i - W_A,
					    .full = i <= GW_B,
					    .links = x->links[i]};
	for (size_t i = 0; i < 2; i++) {
		struct nsn_tenant *t = &x->tenants[i];

		x->ends[i] = (struct nsn_endpoint){.id = 1 + i, .name = "one"};
		x->ends[i].ip = (struct nsn_ip){AF_INET, {10, 0, (uint8_t)i, 2}};
		t->id = 1 + i;
		t->name[0] = (char)('a' + i);
		t->subnet = (struct nsn_prefix){{AF_INET, {10, 0, (uint8_t)i}}, 24};
		t->endpoints = &x->ends[i];
		t->n_endpoints = 1;
	}
	x->intent.tenants = x->tenants;
	x->intent.n_tenants = 2;
}

static void fault(struct site *x)
{
	join(x, W_A, "v\xff", W_B, "v\xc3");
	x->proc = (struct nsn_vproc){
		.pid = 7, .host_user = true, .caps = ~0ULL, .name = "\xff\xfe", .unit = ""};
	x->ns[W_A].procs = &x->proc;
	x->ns[W_A].n_procs = 1;
}

static void same_shot(const struct nsn_shot *a, const struct nsn_shot *b)
{
	assert_int_equal(a->has, b->has);
	assert_true(a->ns == b->ns && a->in == b->in && a->to == b->to && a->local == b->local);
	assert_true(a->etype == b->etype && a->proto == b->proto && a->state == b->state);
	assert_true(a->tcp_flags == b->tcp_flags && a->sport == b->sport && a->dport == b->dport);
	assert_int_equal(nsn_ip_cmp(&a->src, &b->src), 0);
	assert_int_equal(nsn_ip_cmp(&a->dst, &b->dst), 0);
	assert_int_equal(nsn_mac_cmp(&a->to_mac, &b->to_mac), 0);
}

static void same_finding(const struct nsn_finding *a, const struct nsn_finding *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->from, b->from);
	assert_int_equal(a->to, b->to);
	assert_int_equal(a->pid, b->pid);
	assert_int_equal(a->n_evidence, b->n_evidence);
	same_shot(&a->shot, &b->shot);
	assert_string_equal(a->where, b->where);
	assert_string_equal(a->hint, b->hint);
	/* What is no UTF-8 is escaped: never less. */
	assert_true(strlen(b->what) >= strlen(a->what));
	for (size_t i = 0; i < a->n_evidence; i++)
		assert_true(strlen(b->evidence[i]) >= strlen(a->evidence[i]));
}

static void both_are_the_same(const struct site *x, const struct nsn_prove_how *how)
{
	struct nsn_report here, there;
	struct nsnet_err err = {0};

	assert_int_equal(nsn_prove(&x->snap, &x->intent, how, &here, &err), 0);
	assert_int_equal(nsn_prove_apart(&x->snap, &x->intent, how, &there, &err), 0);
	assert_false(there.gave_up);
	assert_int_equal(here.findings.n, there.findings.n);
	for (size_t i = 0; i < here.findings.n; i++)
		same_finding(&here.findings.list[i], &there.findings.list[i]);
	assert_int_equal(here.n_pairs, there.n_pairs);
	for (size_t i = 0; i < here.n_pairs; i++) {
		const struct nsn_proved_pair *a = &here.pairs[i], *b = &there.pairs[i];

		assert_true(a->from == b->from && a->to == b->to && a->outcome == b->outcome &&
			    a->kind == b->kind && a->joined == b->joined && a->asked == b->asked);
		assert_string_equal(a->allows, b->allows);
	}
	for (size_t i = 0; i < NSN_THEOREMS; i++) {
		assert_int_equal(here.theorems[i].outcome, there.theorems[i].outcome);
		assert_int_equal(here.theorems[i].checked, there.theorems[i].checked);
	}
	assert_int_equal(here.n_ordered, there.n_ordered);
	assert_int_equal(here.n_apart, there.n_apart);
	assert_int_equal(here.n_violations, there.n_violations);
	assert_int_equal(here.n_inconclusive, there.n_inconclusive);
	assert_int_equal(here.unlisted, there.unlisted);
	assert_int_equal(here.steps, there.steps);
	nsn_report_clear(&here);
	nsn_report_clear(&there);
}

static void a_report_comes_back_whole(void **state)
{
	static const size_t pairs[][2] = {{1, 0}, {1, 0}};
	const struct nsn_prove_how all = {.seconds = 60},
				   some = {.seconds = 60, .pairs = pairs, .n_pairs = 2};
	struct nsn_report r;
	struct site x;

	(void)state;
	make(&x);
	both_are_the_same(&x, &all);
	both_are_the_same(&x, &some);
	fault(&x);
	both_are_the_same(&x, &all);
	both_are_the_same(&x, &some);
	assert_int_equal(nsn_prove_apart(&x.snap, &x.intent, &all, &r, NULL), 0);
	assert_int_equal(r.n_violations, 2);
	assert_int_equal(r.n_apart, 0);
	assert_int_equal(r.theorems[5].outcome, NSN_VIOLATION);
	assert_int_equal(r.theorems[8].outcome, NSN_VIOLATION);
	assert_true(r.findings.n >= 2);
	nsn_report_clear(&r);
}

static void is_given_up(const struct site *x, const struct nsn_prove_how *how)
{
	struct nsn_report r;

	assert_int_equal(nsn_prove_apart(&x->snap, &x->intent, how, &r, NULL), 0);
	assert_true(r.gave_up);
	assert_int_equal(r.findings.n, 1);
	assert_int_equal(r.findings.list[0].kind, NSN_FIND_BUDGET);
	assert_int_equal(r.n_ordered, 2);
	assert_int_equal(r.n_inconclusive, 2);
	for (size_t i = 1; i < NSN_THEOREMS; i++)
		assert_int_equal(r.theorems[i].outcome, NSN_INCONCLUSIVE);
	nsn_report_clear(&r);
}

/* The snapshot leads nowhere: the process dies of it. */
static void a_process_that_dies_proves_nothing(void **state)
{
	const struct nsn_prove_how how = {.seconds = 60};
	struct site x;

	(void)state;
	make(&x);
	x.ns[W_A].n_links = 1;
	x.ns[W_A].links = (struct nsn_vlink *)(uintptr_t)8;
	is_given_up(&x, &how);
}

static void what_is_missing_is_not_proved(void **state)
{
	const struct nsn_prove_how how = {.seconds = 60};
	struct nsn_report r;
	struct site x;

	(void)state;
	make(&x);
	/* As many as there should be, but another's. */
	x.ns[W_A].endpoint = 99;
	assert_int_equal(nsn_prove_apart(&x.snap, &x.intent, &how, &r, NULL), 0);
	assert_int_equal(r.n_inconclusive, 1);
	assert_int_equal(r.findings.list[0].kind, NSN_FIND_NOT_BUILT);
	for (size_t i = 1; i < NSN_THEOREMS; i++)
		assert_int_equal(r.theorems[i].outcome, NSN_INCONCLUSIVE);
	nsn_report_clear(&r);
	/* Of whom it is, is not known: it may be anybody's. */
	make(&x);
	x.ns[W_A].unreadable = true;
	x.ns[W_A].why = "gone";
	x.ns[W_A].tenant = x.ns[W_A].endpoint = 0;
	x.ns[W_A].kind = NSN_VNS_FOREIGN;
	x.tenants[0].n_endpoints = 0;
	assert_int_equal(nsn_prove_apart(&x.snap, &x.intent, &how, &r, NULL), 0);
	assert_int_equal(r.n_inconclusive, 2);
	assert_int_equal(r.unlisted, NSN_INCONCLUSIVE);
	assert_int_equal(r.n_apart, 0);
	nsn_report_clear(&r);
}

/* Parts of both in two places: each pair counts once. */
static void a_pair_is_counted_once(void **state)
{
	const struct nsn_prove_how how = {.seconds = 60};
	struct nsn_report r;
	struct site x;

	(void)state;
	make(&x);
	join(&x, GW_A, "nsn2", GW_B, "nsn2");
	join(&x, W_A, "v1", W_B, "v1");
	assert_int_equal(nsn_prove_apart(&x.snap, &x.intent, &how, &r, NULL), 0);
	assert_int_equal(r.n_ordered, 2);
	assert_int_equal(r.n_apart, 0);
	assert_int_equal(r.n_violations, 2);
	nsn_report_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_report_comes_back_whole),
		cmocka_unit_test(a_process_that_dies_proves_nothing),
		cmocka_unit_test(what_is_missing_is_not_proved),
		cmocka_unit_test(a_pair_is_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
