/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan -f: what opens and closes comes from the kernel's rules, here and away from the
 * machine, and what is not known is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

static const char setup_lines[] =
	"set -e; n=$1; "
	"$n tenant add customer1 10.10.1.0/24; $n endpoint add customer1/app; "
	"$n tenant add customer2 10.10.2.0/24 --subnet6 fd00:2::/64; "
	"$n tenant add customer3 10.10.3.0/24 --subnet6 fd00:3::/64; "
	"$n allow customer1/app customer2 tcp/5432 --because ledger --name ledger; "
	"$n allow customer2 customer3 tcp/443 --because web --name web";

static int three_tenants(void **state)
{
	int r = begin(state);

	if (geteuid() == 0 && r == 0)
		RUN_STATUS(0, "sh", "-c", setup_lines, "sh", nsnet_bin());
	return r;
}

/* The processes that it starts are the only ones there are. */
static char *planned(const char *files, const char *options)
{
	NSN_AUTO(nsn_freep) char *line = NULL;
	struct run r = {0};

	assert_true(asprintf(&line,
			     "printf 'nsnet: 1\\n%%b' '%s' >/run/change.yaml; "
			     "%s plan -f /run/change.yaml %s",
			     files, nsnet_bin(), options) >= 0);
	RUN(&r, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", line);
	assert_status(&r, 0);
	free(r.err);
	return r.out;
}

/* The part about reachability. */
static char *effect(char *text)
{
	char *from = strstr(text, "effect on reachability"), *to = strstr(text, "\nplan: "), *ret;

	if (from && to && from < to)
		*to = '\0';
	ret = strdup(from ? from : "");
	assert_non_null(ret);
	free(text);
	return ret;
}

static const struct {
	const char *files, *says;
} changes[] = {
	{"rules:\\n  - { name: echo, allow: [icmp/echo, tcp/1-99], from: customer3, to: customer2, "
	 "because: x }\\n",
	 "(proved): 1 pair opens, 0 close\n  opens   customer3 -> customer2 tcp/1-99,icmp/echo\n"},
	{"rules:\\n  - { name: no, deny: any, from: customer1/app, to: customer2, because: x }\\n",
	 "(proved): 0 pairs open, 1 closes\n  closes  customer1/app -> customer2 tcp/5432\n"},
	{"quarantine:\\n  - { who: customer2, because: x }\\n",
	 "(proved): 0 pairs open, 2 close\n  closes  customer1/app -> customer2 tcp/5432\n"
	 "  closes  customer2 -> customer3 tcp/443\n"},
	{"tenants:\\n  customer1: { subnet: 10.10.1.0/24, inside: deny, endpoints: { app: auto, "
	 "default: auto } }\\n",
	 "(proved): 0 pairs open, 1 closes\n  closes  customer1 -> customer1 any\n"},
	{"tenants:\\n  customer4: { subnet: 10.10.4.0/24, endpoints: { aa: auto, bb: auto } }\\n"
	 "rules:\\n  - { name: new, allow: any, from: customer4/aa, to: customer1, because: x }\\n",
	 "(proved): 1 pair opens, 0 close\n  opens   customer4/aa -> customer1 any\n"},
	/* It changes what is stored, and nobody can do more or less. */
	{"rules:\\n  - { name: no, deny: udp/53, from: customer1, to: customer2, because: x }\\n",
	 ""},
};

static void save(void)
{
	static const char script[] =
		"rm -f /run/s.json; unshare --pid --fork --kill-child --mount-proc "
		"$0 snapshot /run/s.json && chmod 755 /run && chmod 644 /run/s.json";

	RUN_STATUS(0, "sh", "-c", script, nsnet_bin());
}

static void what_changes_is_told_here_and_elsewhere(void **state)
{
	(void)state;
	world_need();
	save();
	for (size_t i = 0; i < NSN_COUNT(changes); i++) {
		NSN_AUTO(nsn_freep) char *here = effect(planned(changes[i].files, ""));
		NSN_AUTO(nsn_freep)
		char *there = effect(planned(changes[i].files, "--snapshot /run/s.json"));

		assert_has(here, changes[i].says);
		if (!*changes[i].says)
			assert_string_equal(here, "");
		assert_string_equal(here, there);
	}
}

static void what_goes_closes(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL;

	(void)state;
	world_need();
	save();
	text = effect(
		planned("name: all\\ntenants:\\n  customer2: { subnet: 10.10.2.0/24, subnet6: "
			"fd00:2::/64 }\\n  customer3: { subnet: 10.10.3.0/24, subnet6: "
			"fd00:3::/64 }\\n",
			"--prune --snapshot /run/s.json"));
	assert_has(text, "  closes  customer1/app -> customer2 tcp/5432\n"
			 "  closes  customer2 -> customer3 tcp/443\n");
}

/* Elements that no rule wants: by policy nothing closes, and in the kernel something does. */
/* As if a rule had allowed tcp/22, too. */
static const char element[] = "add element inet nsnet nsnet_flow4 { "
			      "10.10.1.3 . 10.10.2.0/24 . tcp . 22 : 0x5 }";

static void what_somebody_else_opened_is_seen(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL;

	(void)state;
	world_need();
	for (size_t i = 0; i < 2; i++)
		NSNET_STATUS(0, "enter", "--gateway", i ? "customer2" : "customer1", "--", "nft",
			     element);
	text = effect(planned(changes[5].files, ""));
	assert_has(text, "  closes  customer1/app -> customer2 tcp/22\n");
}

static void what_cannot_be_followed_is_said(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL, *report = NULL;

	(void)state;
	world_need();
	NSNET_STATUS(0, "enter", "--gateway", "customer3", "--", "nft",
		     "insert rule inet nsnet admit osf name \"Linux\" accept");
	text = effect(planned(changes[0].files, ""));
	assert_has(text, "(not all proved)");
	assert_has(text, "\n  not proved  customer3 -> ?  ");
	report = planned(changes[0].files, "-o markdown");
	assert_has(report, "\n**Not proved** by the state ");
}

static void a_report_is_for_a_review(void **state)
{
	NSN_AUTO(nsn_freep) char *text = NULL;

	(void)state;
	world_need();
	save();
	text = planned("rules:\\n  - { name: echo, allow: icmp/echo, from: customer3, to: "
		       "customer1, because: \"a | b\" }\\n",
		       "--snapshot /run/s.json -o markdown");
	assert_starts(text,
		      "## nsnet plan: 1 pair opens, 0 close\n\n**Proved**: nothing else opens "
		      "or closes, by the state `");
	assert_has(text, "\n### Opens\n\n| from | to | ports | rule | because |\n"
			 "|---|---|---|---|---|\n"
			 "| customer3 | customer1 | icmp/echo | echo | a \\| b |\n"
			 "\n### Changes\n\n");
	assert_null(strstr(text, "### Closes"));
}

static void it_needs_no_privilege(void **state)
{
	static const char script[] =
		"mkdir -m 1777 /run/tmp && cp $0 /run/nsnet-copy && chmod 755 /run/nsnet-copy && "
		"printf 'nsnet: 1\\nrules:\\n  - { name: echo, allow: icmp/echo, from: customer3, "
		"to: customer1, because: x }\\n' >/run/c.yaml && chmod 644 /run/c.yaml && cd / && "
		"setpriv --reuid 65534 --regid 65534 --clear-groups env NSNET_STATE_DIR=/none "
		"TMPDIR=/run/tmp /run/nsnet-copy plan --snapshot /run/s.json -f /run/c.yaml | "
		"grep -q 'opens   customer3 -> customer1 icmp/echo'";

	(void)state;
	world_need();
	save();
	RUN_STATUS(0, "sh", "-c", script, nsnet_bin());
	NSNET_STATUS(2, "plan", "--snapshot", "/run/s.json");
	NSNET_STATUS(2, "plan", "-o", "markdown");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_changes_is_told_here_and_elsewhere, three_tenants),
		cmocka_unit_test_setup(what_goes_closes, three_tenants),
		cmocka_unit_test_setup(what_somebody_else_opened_is_seen, three_tenants),
		cmocka_unit_test_setup(what_cannot_be_followed_is_said, three_tenants),
		cmocka_unit_test_setup(a_report_is_for_a_review, three_tenants),
		cmocka_unit_test_setup(it_needs_no_privilege, three_tenants),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
