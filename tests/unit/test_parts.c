// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/verify/parts.h"

/* What processes of their own find is as if one had found it; and those that die prove nothing. */

enum { TENANTS = 400, DIES = TENANTS - 7 };

struct site {
	struct nsn_tenant tenants[TENANTS];
	struct nsn_intent intent;
	size_t asked_first[TENANTS + 2];
	bool wanted[TENANTS + 1], alone[TENANTS + 1];
	enum nsn_outcome sender[TENANTS + 1];
	enum nsn_finding_kind sender_kind[TENANTS + 1];
	struct nsn_prove_how how;
	struct nsn_report report;
	struct nsn_proving p;
};

static void site_make(struct site *s, size_t parts)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < TENANTS; i++) {
		s->tenants[i].id = i + 1;
		s->wanted[i] = true;
	}
	s->intent = (struct nsn_intent){.tenants = s->tenants, .n_tenants = TENANTS};
	s->how.parts = parts;
	s->p.intent = &s->intent;
	s->p.how = &s->how;
	s->p.report = &s->report;
	s->p.asked_first = s->asked_first;
	s->p.wanted = s->wanted;
	s->p.alone = s->alone;
	s->p.sender = s->sender;
	s->p.sender_kind = s->sender_kind;
	assert_int_equal(nsn_space_open(&s->p.space, 1000), 0);
}

static void site_drop(struct site *s)
{
	nsn_report_clear(&s->report);
	nsn_space_close(&s->p.space);
}

/* Of every tenant something else. */
static void find(struct nsn_proving *p, size_t first, size_t end)
{
	for (size_t a = first; a < end; a++) {
		struct nsn_finding *x;

		nsn_checked(p, 3, 1);
		(void)nsn_pair_row(p, a, (a + 1) % TENANTS);
		if (a % 50 == 3) {
			nsn_say_pair(p, a, (a + 2) % TENANTS, NSN_FIND_UNEXPECTED_ALLOW);
			x = nsn_say(p, NSN_FIND_UNEXPECTED_ALLOW, a, (a + 2) % TENANTS);
			x->where = "there";
			assert_int_equal(nsn_finding_say(&p->report->findings, x, "%zu", a), 0);
			assert_int_equal(nsn_finding_show(&p->report->findings, x, "-%zu", a), 0);
			assert_int_equal(nsn_finding_hint(&p->report->findings, x, "mend"), 0);
		}
		if (a % 50 == 7)
			nsn_say_pair(p, a, SIZE_MAX, NSN_FIND_UNMODELLED);
	}
}

static void find_or_die(struct nsn_proving *p, size_t first, size_t end)
{
	if (first <= DIES && DIES < end && first != 0)
		(void)kill(getpid(), SIGKILL);
	find(p, first, end);
}

static void failed(struct nsn_proving *p, size_t tenant)
{
	nsn_say_pair(p, tenant, SIZE_MAX, NSN_FIND_BUDGET);
}

static void run(struct site *s, nsn_part_fn fn, struct nsn_parts *parts)
{
	assert_int_equal(sigsetjmp(s->p.space.out, 0), 0);
	nsn_parts_start(&s->p, parts, fn);
	fn(&s->p, 0, parts->own);
	nsn_parts_join(&s->p, parts, failed);
}

static void parts_say_what_one_would(void **state)
{
	struct site *one = calloc(1, sizeof(*one)), *more = calloc(1, sizeof(*more));
	struct nsn_parts parts;

	(void)state;
	assert_true(one && more);
	site_make(one, 0);
	run(one, find, &parts);
	assert_int_equal(parts.n, 0);
	assert_int_equal(parts.own, TENANTS);
	nsn_space_close(&one->p.space); /* one at a time */
	site_make(more, NSN_PARTS);
	run(more, find, &parts);
	assert_int_equal(parts.n, NSN_PARTS - 1);
	assert_int_equal(more->report.n_pairs, one->report.n_pairs);
	for (size_t i = 0; i < one->report.n_pairs; i++) {
		const struct nsn_proved_pair *x = &one->report.pairs[i],
					     *y = &more->report.pairs[i];

		assert_true(x->from == y->from && x->to == y->to && x->outcome == y->outcome &&
			    x->kind == y->kind);
	}
	assert_int_equal(more->report.findings.n, one->report.findings.n);
	for (size_t i = 0; i < one->report.findings.n; i++) {
		const struct nsn_finding *x = &one->report.findings.list[i],
					 *y = &more->report.findings.list[i];

		assert_true(x->kind == y->kind && x->from == y->from && x->to == y->to);
		assert_string_equal(x->where, y->where);
		assert_string_equal(x->what, y->what);
		assert_string_equal(x->hint, y->hint);
		assert_int_equal(x->n_evidence, y->n_evidence);
		assert_string_equal(x->evidence[0], y->evidence[0]);
	}
	assert_memory_equal(more->sender, one->sender, sizeof(one->sender));
	assert_memory_equal(more->sender_kind, one->sender_kind, sizeof(one->sender_kind));
	assert_memory_equal(more->report.theorems, one->report.theorems,
			    sizeof(one->report.theorems));
	nsn_report_clear(&one->report);
	site_drop(more);
	free(one);
	free(more);
}

static void who_dies_proves_nothing(void **state)
{
	struct site *s = calloc(1, sizeof(*s));
	struct nsn_parts parts;

	(void)state;
	assert_non_null(s);
	site_make(s, 2);
	run(s, find_or_die, &parts);
	assert_int_equal(parts.n, 1);
	assert_int_equal(parts.list[0].first, parts.own);
	assert_int_equal(parts.list[0].end, TENANTS);
	for (size_t a = 0; a < TENANTS; a++) {
		if (a >= parts.own)
			assert_int_equal(s->sender_kind[a], NSN_FIND_BUDGET);
		assert_int_equal(s->sender[a] == NSN_INCONCLUSIVE, a >= parts.own || a % 50 == 7);
	}
	assert_int_equal(s->report.theorems[3].checked, parts.own);
	site_drop(s);
	free(s);
}

static void small_sites_and_others_are_not_parted(void **state)
{
	struct site *s = calloc(1, sizeof(*s));
	struct nsn_parts parts;

	(void)state;
	assert_non_null(s);
	site_make(s, NSN_PARTS);
	for (size_t a = 0; a < TENANTS; a++)
		s->alone[a] = a > 50;
	run(s, find, &parts);
	assert_int_equal(parts.n, 0);
	assert_int_equal(parts.own, TENANTS);
	site_drop(s);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_say_what_one_would),
		cmocka_unit_test(who_dies_proves_nothing),
		cmocka_unit_test(small_sites_and_others_are_not_parted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
