// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "../../lib/selftest.h"

/* What counts as caught: a prover that says nothing, or something else, has missed it. */

static const struct nsn_mutant mutant = {
	.name = "stray", .planted = "a link", .kind = "STRAY_LINK", .word = "x1"};
static const char *const way[] = {"in by eth0", "veth 'x1'"};

struct row {
	enum nsnet_proved verdict;
	struct nsnet_proof_finding finding;
	size_t n;
	bool caught;
};

#define SAYS(v, k, text)                                                                           \
	{                                                                                          \
		.verdict = (v), .kind = (k), .where = "", .what = (text), .hint = ""               \
	}

static const struct row rows[] = {
	/* Blind. */
	{NSNET_PROVED, {0}, 0, false},
	{NSNET_PROVED, SAYS(NSNET_NOTED, "STRAY_LINK", "x1"), 1, false},
	{NSNET_PROVED, SAYS(NSNET_VIOLATION, "STRAY_LINK", "x1"), 1, false},
	/* Something is wrong, but not said to be this. */
	{NSNET_VIOLATION, {0}, 0, false},
	{NSNET_VIOLATION, SAYS(NSNET_VIOLATION, "SPOOFABLE", "x1"), 1, false},
	{NSNET_VIOLATION, SAYS(NSNET_VIOLATION, "STRAY_LINK", "y1"), 1, false},
	{NSNET_VIOLATION, SAYS(NSNET_NOTED, "STRAY_LINK", "x1"), 1, false},
	/* Found. */
	{NSNET_VIOLATION, SAYS(NSNET_VIOLATION, "STRAY_LINK", "veth 'x1'"), 1, true},
	{NSNET_INCONCLUSIVE, SAYS(NSNET_INCONCLUSIVE, "STRAY_LINK", "x1"), 1, true},
	{NSNET_VIOLATION,
	 {.verdict = NSNET_VIOLATION, .kind = "STRAY_LINK", .where = "x1", .what = "", .hint = ""},
	 1,
	 true},
	{NSNET_VIOLATION,
	 {.verdict = NSNET_VIOLATION,
	  .kind = "STRAY_LINK",
	  .where = "",
	  .what = "",
	  .hint = "",
	  .evidence = (const char **)(uintptr_t)way,
	  .n_evidence = 2},
	 1,
	 true},
};

static void only_what_is_said_is_caught(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(rows); i++) {
		const struct nsnet_proof p = {.verdict = rows[i].verdict,
					      .findings = &rows[i].finding,
					      .n_findings = rows[i].n};

		if ((nsn_mutant_found(&mutant, &p) != NULL) != rows[i].caught)
			fail_msg("row %zu", i);
	}
}

static void the_right_one_of_several(void **state)
{
	const struct nsnet_proof_finding list[] = {SAYS(NSNET_VIOLATION, "SPOOFABLE", "x1"),
						   SAYS(NSNET_VIOLATION, "STRAY_LINK", "y1"),
						   SAYS(NSNET_VIOLATION, "STRAY_LINK", "x1")};
	const struct nsnet_proof p = {
		.verdict = NSNET_VIOLATION, .findings = list, .n_findings = NSN_COUNT(list)};

	(void)state;
	assert_ptr_equal(nsn_mutant_found(&mutant, &p), &list[2]);
}

/* Each says what it is, is unlike the others, and asks for something. */
static void the_table(void **state)
{
	(void)state;
	assert_true(nsn_mutants_count() >= 10);
	for (size_t i = 0; i < nsn_mutants_count(); i++) {
		const struct nsn_mutant *m = &nsn_mutants[i];

		assert_true(*m->name && *m->planted && *m->kind && *m->word);
		assert_non_null(m->plant);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(m->name, nsn_mutants[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_said_is_caught),
		cmocka_unit_test(the_right_one_of_several),
		cmocka_unit_test(the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
