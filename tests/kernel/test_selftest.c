// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * nsnet_self_test(): every fault is caught, on a machine with tenants and on one without any; and
 * of the throw-away host nothing is seen, then or later, on the one that it runs on.
 */

/* What the machine is: what nsnet could have touched, settings, mounts of this process. */
static char *machine(void)
{
	char *all, *snapshot = lab_snapshot();
	char *rest =
		lab_sh("grep -rsE . /proc/sys/net | grep -vE 'nf_conntrack_count|/neigh/.*gc_' | "
		       "sort; cat /proc/self/mountinfo; find /run /etc /var/lib | sort; ip -br "
		       "link; ip rule; nft list ruleset | grep -v packets; true");

	assert_true(asprintf(&all, "%s\n%s", snapshot, rest) > 0);
	free(snapshot);
	free(rest);
	return all;
}

static void all_are_caught(struct nsnet *n)
{
	const struct nsnet_self_tested *s = NULL;
	struct nsnet_err err = {0};
	const int fds = lab_fds();

	lab_ok(nsnet_self_test(n, &s, &err), &err, "nsnet_self_test", __FILE__, __LINE__);
	assert_true(s->n >= 10);
	assert_int_equal(s->caught, s->n);
	for (size_t i = 0; i < s->n; i++) {
		const struct nsnet_mutant *m = &s->list[i];

		if (!m->caught)
			fail_msg("%s was missed: %s", m->name, m->what);
		assert_string_equal(m->by, "proof");
		assert_true(*m->name && *m->planted && *m->kind && *m->what);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(m->name, s->list[k].name);
	}
	nsnet_self_tested_free(s);
	assert_int_equal(lab_fds(), fds);
	/* No process is left of it. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void nothing_of_it_is_seen(void **state)
{
	struct nsnet *n;
	char *before, *after;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	before = machine();
	all_are_caught(n);
	after = machine();
	assert_string_equal(before, after);
	lab_state(n, "blue", NSNET_STATE_OK);
	free(before);
	free(after);
	lab_del(n, "blue");
	lab_nothing_left(n);
	nsnet_close(n);
}

static void no_tenant_is_needed(void **state)
{
	char *before, *after;

	(void)state;
	world_need();
	before = machine();
	all_are_caught(NULL);
	after = machine();
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void the_command_says_so(void **state)
{
	struct run r;

	(void)state;
	world_need();
	NSNET(&r, "verify", "--self-test");
	if (r.status != 0 || !strstr(r.out, "stray-veth") || !strstr(r.out, " caught, in "))
		fail_msg("status %d: %s%s", r.status, r.out, r.err);
	assert_null(strstr(r.out, "MISSED"));
	run_free(&r);
	NSNET(&r, "verify", "--self-test", "-j");
	assert_int_equal(r.status, 0);
	LAB_HAS(r.out, "\"kind\": \"SelfTest\"");
	run_free(&r);
	NSNET_STATUS(2, "verify", "--self-test", "a1", "b1");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_of_it_is_seen, world_setup),
		cmocka_unit_test_setup(no_tenant_is_needed, world_setup),
		cmocka_unit_test_setup(the_command_says_so, world_setup),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
