/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a proof and the wire say together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../lib/both.h"

static void says(const char *want, struct nsn_both_sum sum)
{
	const char *got = nsn_both_verdict(&sum);

	if (strcmp(got, want) != 0)
		fail_msg("outcome %d, %zu probes, %zu confirmed, %zu not reproduced, %zu untested, "
			 "%zu "
			 "found, %zu unsound: %s, not %s",
			 (int)sum.outcome, sum.probes, sum.confirmed, sum.not_reproduced,
			 sum.untested, sum.found, sum.unsound, got, want);
}

#define SAYS(want, ...) says(want, (struct nsn_both_sum){__VA_ARGS__})

static void verdicts(void **state)
{
	(void)state;
	SAYS("PROVED+CONFIRMED", .probes = 5);
	SAYS("PROVED+CONFIRMED", .probes = 5, .outcome = NSN_NOTE);
	SAYS("VIOLATION", .probes = 5, .outcome = NSN_VIOLATION, .confirmed = 1);
	SAYS("VIOLATION", .probes = 5, .outcome = NSN_VIOLATION, .confirmed = 1,
	     .not_reproduced = 3);
	SAYS("NOT-REPRODUCED", .probes = 5, .outcome = NSN_VIOLATION, .not_reproduced = 1);
	SAYS("PROVER-UNSOUND", .probes = 5, .outcome = NSN_VIOLATION, .unsound = 1);
	SAYS("INCONCLUSIVE", .probes = 5, .outcome = NSN_INCONCLUSIVE);
}

static void nothing_untested_passes(void **state)
{
	(void)state;
	SAYS("INCONCLUSIVE", .probes = 5, .untested = 1);
	SAYS("INCONCLUSIVE", .probes = 5, .untested = 5);
	/* Neither does nothing at all. */
	SAYS("INCONCLUSIVE", .probes = 0);
	/* A packet that could not be sent is none that did not arrive. */
	SAYS("VIOLATION", .probes = 5, .outcome = NSN_VIOLATION, .untested = 1,
	     .not_reproduced = 1);
	SAYS("VIOLATION", .probes = 5, .outcome = NSN_VIOLATION);
}

static void the_wire_is_the_stronger_one(void **state)
{
	(void)state;
	SAYS("VIOLATION", .probes = 5, .outcome = NSN_INCONCLUSIVE, .found = 1);
	SAYS("VIOLATION", .probes = 5, .outcome = NSN_INCONCLUSIVE, .found = 1, .untested = 4);
	SAYS("PROVER-UNSOUND", .probes = 5, .outcome = NSN_PROVED, .unsound = 1, .untested = 4);
	SAYS("PROVER-UNSOUND", .probes = 5, .outcome = NSN_VIOLATION, .unsound = 1, .confirmed = 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(nothing_untested_passes),
		cmocka_unit_test(the_wire_is_the_stronger_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
