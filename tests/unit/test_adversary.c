// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/capability.h>

#include "topo_world.h"

/* Who lives in tenants' namespaces, and who holds what of them. */

#define CAP(cap) (UINT64_C(1) << (cap))
#define ALL_CAPS UINT64_C(0x1ffffffffff)

static struct nsn_vproc *lives(struct world *w, size_t ns, int32_t pid, uint64_t caps)
{
	struct nsn_vproc *p = &w->procs[ns][w->ns[ns].n_procs++];

	assert_true(w->ns[ns].n_procs <= WORLD_PROCS);
	*p = (struct nsn_vproc){
		.pid = pid, .host_user = true, .caps = caps, .name = "sh", .unit = "", .start = 1};
	return p;
}

static struct nsn_vheld *holds(struct world *w, size_t home, int32_t pid, size_t of,
			       const char *what)
{
	struct nsn_vheld *h = &w->held[of][w->ns[of].n_held++];

	*h = (struct nsn_vheld){
		.proc = {.pid = pid, .name = "sh", .unit = "", .start = 1, .host_user = true},
		.home = home,
		.socket = strncmp(what, "socket", 6) == 0,
		.what = what};
	return h;
}

static void each_capability(void **state)
{
	static const struct {
		int cap;
		const char *name;
	} table[] = {
		{CAP_NET_ADMIN, "NET_ADMIN"},	{CAP_SYS_ADMIN, "SYS_ADMIN"},
		{CAP_SYS_PTRACE, "SYS_PTRACE"}, {CAP_SYS_MODULE, "SYS_MODULE"},
		{CAP_SYS_RAWIO, "SYS_RAWIO"},	{CAP_DAC_READ_SEARCH, "DAC_READ_SEARCH"},
	};
	char want[256];

	(void)state;
	for (int cap = 0; cap <= 40; cap++) {
		struct world w;

		want[0] = '\0';
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			if (table[i].cap == cap)
				(void)snprintf(want, sizeof(want),
					       "STRONG_ADVERSARY 1>0 ann/db: Process 7 (sh) in "
					       "ann/db has %s on the host. | kill 7 # confined: "
					       "nsnet run ann/db -- COMMAND\n",
					       table[i].name);
		world_make(&w);
		(void)lives(&w, WL_A2, 7, CAP(cap));
		world_adversaries(&w, want);
		world_drop(&w);
	}
}

static void who_is_strong(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	(void)lives(&w, WL_A, 7, 0);
	/* Root below the host has nothing there. */
	lives(&w, WL_A, 8, ALL_CAPS)->host_user = false;
	/* The host's and others' own. */
	(void)lives(&w, HOST, 1, ALL_CAPS);
	(void)lives(&w, world_ns(&w, NSN_VNS_FOREIGN, 0, "net:[9]"), 9, ALL_CAPS);
	world_adversaries(&w, "");
	/* One that our spawner began is confined, or it is not. */
	lives(&w, WL_A, 10, CAP(CAP_SYS_ADMIN) | CAP(CAP_NET_ADMIN))->workload = true;
	w.procs[WL_A][2].unit = "web.service";
	assert_int_equal(w.found.n, 0);
	world_adversaries(&w,
			  "STRONG_ADVERSARY 1>0 ann/default: Process 10 (sh, of web.service) in "
			  "ann/default has NET_ADMIN, SYS_ADMIN on the host. | systemctl edit "
			  "web.service # CapabilityBoundingSet= without them; or begin it by: "
			  "nsnet run ann/default -- COMMAND\n");
	assert_int_equal(w.found.list[0].pid, 10);
	/* Whoever may make a group gives it its name, and a process its own. */
	w.procs[WL_A][2].unit = "a'; reboot; '.service";
	w.procs[WL_A][2].name = "a\nb";
	world_adversaries(&w,
			  "STRONG_ADVERSARY 1>0 ann/default: Process 10 (a\\x0ab, of a\\x27; "
			  "reboot; \\x27.service) in ann/default has NET_ADMIN, SYS_ADMIN on the "
			  "host. | kill 10 # confined: nsnet run ann/default -- COMMAND\n");
	world_drop(&w);
}

static void many_are_told_by_unit(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	for (int i = 0; i < 8; i++)
		lives(&w, WL_B, 10 + i, CAP(CAP_NET_ADMIN))->unit = "a.scope";
	world_topo(&w);
	assert_int_equal(nsn_adversary(&w.topo, &w.found, NULL), 0);
	assert_int_equal(w.found.n, 8);
	lives(&w, WL_B, 30, CAP(CAP_SYS_ADMIN))->unit = "b.service";
	(void)lives(&w, WL_B, 31, 0);
	lives(&w, WL_B, 32, CAP(CAP_SYS_PTRACE))->unit = "a.scope";
	world_adversaries(
		&w,
		"STRONG_ADVERSARY 2>0 bob/default: 9 processes of a.scope in bob/default have "
		"NET_ADMIN, SYS_PTRACE on the host. | kill 10 # confined: nsnet run bob/default -- "
		"COMMAND\n"
		"STRONG_ADVERSARY 2>0 bob/default: 1 process of b.service in bob/default has "
		"SYS_ADMIN on the host. | systemctl edit b.service # CapabilityBoundingSet= "
		"without "
		"them; or begin it by: nsnet run bob/default -- COMMAND\n");
	assert_int_equal(w.found.list[0].n_evidence, 8);
	assert_string_equal(w.found.list[0].evidence[7], "Process 17 (sh, of a.scope)");
	world_drop(&w);
}

static void nobody_lives_in_a_gateway(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	(void)lives(&w, GW_A, 7, ALL_CAPS);
	(void)lives(&w, GW_A, 8, 0);
	lives(&w, GW_A, 9, ALL_CAPS)->host_user = false;
	world_adversaries(
		&w,
		"ENTERED 1>0 gateway of ann: Process 7 (sh) is in gateway of ann, where only "
		"the kernel should be. | kill 7\n"
		"ENTERED 1>0 gateway of ann: Process 8 (sh) is in gateway of ann, where only "
		"the kernel should be. | kill 8\n"
		"STRONG_ADVERSARY 1>0 gateway of ann: Process 9 (sh) is in gateway of ann, where "
		"only the kernel should be. | kill 9\n");
	world_drop(&w);
}

/* ---- what is held -----------------------------------------------------------------------------
 */

static void who_may_hold_what(void **state)
{
	enum { NOTHING = -1, NOTE = NSN_FIND_HELD, BAD = NSN_FIND_HELD_BY_ANOTHER };
	static const struct {
		size_t of, home;
		bool root, below, unix_socket;
		int kind, from, to;
	} table[] = {
		/* The host's: root holds all; others are worth a word. */
		{WL_A, HOST, true, false, false, NOTHING, 0, 0},
		{GW_A, HOST, true, false, false, NOTHING, 0, 0},
		{WL_A, HOST, false, false, false, NOTE, 1, 0},
		{WL_A, HOST, false, false, true, NOTE, 1, 0},
		{WL_A, STANDARD, true, false, false, NOTHING, 0, 0}, /* somebody's */
		{WL_A, STANDARD, true, true, false, NOTE, 1, 0},
		{WL_A, NSN_NOWHERE, false, false, false, NOTE, 1, 0},
		/* Another tenant's. */
		{WL_A, WL_B, false, true, false, BAD, 2, 1},
		{WL_A, WL_B, true, false, false, BAD, 2, 1},
		{WL_A, WL_B, false, true, true, NOTE, 2, 1},
		{GW_A, WL_B, false, true, false, BAD, 2, 1},
		{WL_A, GW_B, true, false, false, NOTHING, 0, 0}, /* an operator in there */
		{WL_A, GW_B, true, true, false, BAD, 2, 1},
		/* The tenant's own. */
		{WL_A, WL_A2, false, true, false, NOTE, 1, 1},
		{WL_A, WL_A2, true, false, false, NOTE, 1, 1},
		{GW_A, WL_A, false, true, false, BAD, 1, 1},
		{GW_A, WL_A, false, true, true, NOTE, 1, 1},
		/* What is no tenant's, in a tenant's hands. */
		{HOST, WL_A, false, true, false, BAD, 1, 0},
		{HOST, WL_A, false, true, true, NOTHING, 0, 0},
		{STANDARD, WL_A, false, true, false, NOTE, 1, 0},
		{STANDARD, HOST, false, false, false, NOTHING, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct world w;
		struct nsn_vheld *h;

		world_make(&w);
		(void)world_ns(&w, NSN_VNS_FOREIGN, 0, "net:[9]");
		h = holds(&w, table[i].home, 7, table[i].of, "socket:[1] udp");
		h->proc.caps = table[i].root ? ALL_CAPS : 0;
		h->proc.host_user = !table[i].below;
		h->unix_socket = table[i].unix_socket;
		world_topo(&w);
		assert_int_equal(nsn_adversary(&w.topo, &w.found, NULL), 0);
		assert_int_equal(w.found.n, table[i].kind != NOTHING);
		if (w.found.n > 0) {
			assert_int_equal(w.found.list[0].kind, table[i].kind);
			assert_int_equal(w.found.list[0].from, table[i].from);
			assert_int_equal(w.found.list[0].to, table[i].to);
		}
		world_drop(&w);
	}
}

static void one_holder_is_one_finding(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	holds(&w, WL_B, 7, WL_A, "socket:[1] unix")->unix_socket = true;
	(void)holds(&w, WL_B, 7, WL_A, "net:[103]");
	(void)holds(&w, WL_B, 7, WL_A, "socket:[2] udp");
	holds(&w, WL_B, 7, WL_A, "socket:[3] unix")->unix_socket = true;
	(void)holds(&w, HOST, 8, WL_A, "net:[103]");
	world_adversaries(&w,
			  "HELD_BY_ANOTHER 2>1 ann/default: Process 7 (sh) of bob/default holds 4 "
			  "descriptors of ann/default. | kill 7\n"
			  "HELD 1>0 ann/default: Process 8 (sh) of host holds 1 descriptor of "
			  "ann/default. | kill 8\n");
	assert_int_equal(w.found.list[0].pid, 7);
	assert_int_equal(w.found.list[0].n_evidence, 2);
	assert_string_equal(w.found.list[0].evidence[0], "net:[103]");
	world_drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_capability),
		cmocka_unit_test(who_is_strong),
		cmocka_unit_test(many_are_told_by_unit),
		cmocka_unit_test(nobody_lives_in_a_gateway),
		cmocka_unit_test(who_may_hold_what),
		cmocka_unit_test(one_holder_is_one_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
