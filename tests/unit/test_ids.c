/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/model/ids.h"

#define BASE(k) (NSN_IDS_FIRST + (uint32_t)(k)*NSN_IDS_RANGE)

/* ---- what is taken ------------------------------------------------------------ */

/* What was found, as "100000-165535 /etc/subuid: alice; ...". */
static const char *told(const struct nsn_taken_list *l)
{
	static char buf[1024];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		used += (size_t)snprintf(buf + used, sizeof(buf) - used,
					 "%s%" PRIu32 "-%" PRIu32 " %s", i ? "; " : "",
					 l->list[i].first, l->list[i].last, l->list[i].by);
	return buf;
}

typedef int parse_fn(struct nsn_taken_list *l, const char *by, const char *text,
		     struct nsnet_err *err);

struct want {
	const char *text, *found;
};

static void check(parse_fn *parse, const char *by, const struct want *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		NSN_AUTO(nsn_taken_clear) struct nsn_taken_list l = {0};

		assert_int_equal(parse(&l, by, table[i].text, NULL), 0);
		if (strcmp(told(&l), table[i].found) != 0)
			fail_msg("'%s' is\n  %s\nnot\n  %s", table[i].text, told(&l),
				 table[i].found);
	}
}

static void lines_of_subuid_are_understood_as_shadow_does(void **state)
{
	static const struct want table[] = {
		{"", ""},
		{"alice:100000:65536\n", "100000-165535 f: alice"},
		{"alice:100000:65536", "100000-165535 f: alice"},
		{"alice:100000:65536\nbob:165536:65536\n",
		 "100000-165535 f: alice; 165536-231071 f: bob"},
		{"1000:100000:1\n", "100000-100000 f: 1000"},
		{"alice:0x70000000:0x10000\n", "1879048192-1879113727 f: alice"},
		{"\n\n  \n# alice:1:1\nbob:5:2\n", "5-6 f: bob"},
		/* odd ones are nobody's, and those behind them count */
		{"alice\nalice:\nalice:5\nalice:5:\nalice::5\nbob:9:1\n", "9-9 f: bob"},
		{"alice:5:1:x\nalice:5:1 \nalice: 5:1\nalice:-5:1\nalice:+5:1\nalice:5:-1\n"
		 "alice:5a:1\nalice:5:1\r\nbob:9:1\n",
		 "9-9 f: bob"},
		{"alice:5:0\n", ""},
		/* what overflows ends where the kernel's numbers end */
		{"alice:4294967295:1\n", "4294967295-4294967295 f: alice"},
		{"alice:4294967295:2\n", "4294967295-4294967295 f: alice"},
		{"alice:1:4294967295\n", "1-4294967295 f: alice"},
		{"alice:4294967296:1\n", ""},
		{"alice:99999999999999999999999:1\n", ""},
		{"alice:7:99999999999999999999999\n", "7-4294967295 f: alice"},
		{"alice:7:18446744073709551615\n", "7-4294967295 f: alice"},
		/* no name is a name, too */
		{":5:1\n", "5-5 f"},
		/* a long one is cut */
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:5:1\n",
		 "5-5 f: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	};

	(void)state;
	check(nsn_taken_subid, "f", table, NSN_COUNT(table));
}

static void lines_of_passwd_and_group_have_their_number_third(void **state)
{
	static const struct want table[] = {
		{"", ""},
		{"root:x:0:0:root:/root:/bin/sh\nalice:x:1000:100::/:\n",
		 "0-0 f: root; 1000-1000 f: alice"},
		{"adm:x:4:alice,bob\nempty:x:5:\nlast:x:6",
		 "4-4 f: adm; 5-5 f: empty; 6-6 f: last"},
		{"+::::::\n-bad\n#c:x:7:\n\nbob:x:9:\n", "9-9 f: bob"},
		{"a:x:0x10:\na:x:-1:\na:x: 5:\na:x:5x:\nbob:x:9:\n", "9-9 f: bob"},
		{"a:x:010:\n", "10-10 f: a"}, /* no octal here */
		{"a:x:4294967294:\na:x:4294967296:\n", "4294967294-4294967294 f: a"},
		/* the number of another line is not this one's */
		{"a:x\nb:x:5:\n", "5-5 f: b"},
		{"a\n:x:5:\n", "5-5 f"},
	};

	(void)state;
	check(nsn_taken_passwd, "f", table, NSN_COUNT(table));
}

static void a_map_is_taken_but_for_the_one_of_all_numbers(void **state)
{
	static const struct want table[] = {
		{"", ""},
		{"         0          0 4294967295\n", ""},
		/* systemd's PrivateUsers=full; the first piece is root's, which is taken */
		{"         0          0          1\n         1          1 4294967294\n", "0-0 m"},
		{"         0     100000      65536\n", "100000-165535 m"},
		{"0 1000 1\n1 100000 65536\n", "1000-1000 m; 100000-165535 m"},
		{"0 0 65536\n", "0-65535 m"},
		{"0 5 4294967290\n", "5-4294967294 m"}, /* moved: a map like any other */
		{"0 5 4294967295\n", "5-4294967295 m"},
		{"0 5\n0 5 x\n0 5 1 1\nx 5 1\n0\t6\t1\n", "6-6 m"},
		{"0 5 0\n", ""},
	};

	(void)state;
	check(nsn_taken_map, "m", table, NSN_COUNT(table));
}

static void a_process_has_its_users_and_its_groups(void **state)
{
	static const struct want table[] = {
		{"Name:\tsh\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nFDSize:\t64\nGroups:\t9 10 \n",
		 "1-1 p; 2-2 p; 3-3 p; 4-4 p; 5-5 p; 6-6 p; 7-7 p; 8-8 p; 9-9 p; 10-10 p"},
		{"Uid:\t7\t7\t7\t7\nGid:\t7\t7\t7\t7\nGroups:\t \n", "7-7 p"},
		/* a name cannot begin a line: the kernel escapes what would */
		{"Name:\tUid: 5\\nUid:\t5\nUid:\t6\n", "6-6 p"},
		{"Uids:\t5\nNUid:\t5\nUid:\tx\n", ""},
	};

	(void)state;
	check(nsn_taken_status, "p", table, NSN_COUNT(table));
}

/* A thousand processes of a container are one entry. */
static void what_is_known_is_kept_once(void **state)
{
	NSN_AUTO(nsn_taken_clear) struct nsn_taken_list l = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(nsn_taken_map(&l, "m", "0 100000 65536\n", NULL), 0);
		assert_int_equal(nsn_taken_status(&l, "p", "Uid:\t100000\t165535\n", NULL), 0);
	}
	assert_string_equal(told(&l), "100000-165535 m");
	/* What is only partly known is not. */
	assert_int_equal(nsn_taken_map(&l, "n", "0 165535 2\n", NULL), 0);
	assert_string_equal(told(&l), "100000-165535 m; 165535-165536 n");
	nsn_taken_clear(&l);
	assert_int_equal(l.n, 0);
	assert_null(l.list);
}

static void finding_is_exact_at_the_ends(void **state)
{
	static const struct {
		uint32_t first, count;
		bool found;
	} table[] = {
		{999, 1, false},	   {1000, 1, true},	   {1009, 1, true},
		{1010, 1, false},	   {0, 1000, false},	   {0, 1001, true},
		{1009, 5000, true},	   {0, UINT32_MAX, true},  {1002, 0, false},
		{1011, UINT32_MAX, false}, {UINT32_MAX, 1, false}, {UINT32_MAX, UINT32_MAX, false},
	};
	NSN_AUTO(nsn_taken_clear) struct nsn_taken_list l = {0};

	(void)state;
	assert_null(nsn_taken_find(&l, 0, UINT32_MAX));
	assert_int_equal(nsn_taken_subid(&l, "f", "a:1000:10\n", NULL), 0);
	for (size_t i = 0; i < NSN_COUNT(table); i++)
		if ((nsn_taken_find(&l, table[i].first, table[i].count) != NULL) != table[i].found)
			fail_msg("%" PRIu32 " and %" PRIu32, table[i].first, table[i].count);
	assert_int_equal(nsn_taken_subid(&l, "f", "b:4294967295:1\n", NULL), 0);
	assert_string_equal(nsn_taken_find(&l, UINT32_MAX, 1)->by, "f: b");
	assert_string_equal(nsn_taken_find(&l, UINT32_MAX, UINT32_MAX)->by, "f: b");
}

/* ---- ranges ------------------------------------------------------------------- */

static void the_next_range_is_the_lowest_that_nobody_has_any_of(void **state)
{
	static const struct {
		uint32_t last;
		const char *taken; /* lines of subuid */
		uint32_t next;
	} table[] = {
		{0, "", BASE(0)},
		{BASE(0), "", BASE(1)},
		{BASE(41), "", BASE(42)},
		/* one number at either end is enough */
		{0, "a:1879048192:1\n", BASE(1)},
		{0, "a:1879113727:1\n", BASE(1)},
		{0, "a:1879048191:1\n", BASE(0)},
		{0, "a:1879113728:1\n", BASE(0)},
		{0, "a:1879113727:2\n", BASE(2)},
		{BASE(0), "a:1879113728:65536\n", BASE(2)},
		/* what is below the last one matters no more */
		{BASE(5), "a:1879048192:65536\n", BASE(6)},
		/* one behind the other, in any order, and over each other */
		{0, "a:1879113728:65536\nb:1879048192:65536\nc:1879179264:65537\n", BASE(4)},
		{0, "a:100000:2000000000\n", BASE(1848)},
		{0, "a:1879048192:268304384\nb:5:1\n", BASE(4094)},
		/* a process that is somebody of the host's takes nothing of the zone */
		{0, "a:0:65536\nb:2147352576:65536\n", BASE(0)},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		NSN_AUTO(nsn_taken_clear) struct nsn_taken_list l = {0};
		uint32_t next = 0;
		int r;

		assert_int_equal(nsn_taken_subid(&l, "f", table[i].taken, NULL), 0);
		r = nsn_ids_next(table[i].last, &l, &next, NULL);
		if (table[i].next > NSN_IDS_LAST ? r != -ENOSPC || next != 0
						 : r != 0 || next != table[i].next)
			fail_msg("%zu: %d, %" PRIu32, i, r, next);
	}
}

/* All of them, one after the other: none twice, none of another, and then no more. */
static void there_are_4094_ranges(void **state)
{
	const struct nsn_taken_list none = {0};
	struct nsnet_err err = {0};
	uint32_t last = 0, next = 0;
	size_t n = 0;

	(void)state;
	while (nsn_ids_next(last, &none, &next, &err) == 0) {
		assert_int_equal(next, BASE(n));
		assert_true(next >= 0x70000000u && next + 65535u <= 0x7ffdffffu);
		last = next;
		n++;
	}
	assert_int_equal(n, 4094);
	assert_int_equal(err.code, -ENOSPC);
	assert_int_equal(err.id, NSNET_E_ID_SPACE);
	assert_int_equal(nsn_ids_next(UINT32_MAX, &none, &next, NULL), -ENOSPC);
}

static void who_has_the_last_ranges_is_told(void **state)
{
	NSN_AUTO(nsn_taken_clear) struct nsn_taken_list l = {0};
	struct nsnet_err err = {0};
	uint32_t next = 7;

	(void)state;
	assert_int_equal(nsn_taken_subid(&l, "/etc/subuid", "eve:1:4294967295\n", NULL), 0);
	assert_int_equal(nsn_ids_next(0, &l, &next, &err), -ENOSPC);
	assert_non_null(strstr(err.msg, "/etc/subuid: eve"));
	assert_int_equal(next, 7);
}

/* ---- maps --------------------------------------------------------------------- */

/* "0-999=1879048192 1000=10000 ..." */
static const char *mapped(const struct nsn_ids *ids)
{
	static char buf[256];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ids->n; i++) {
		const struct nsn_extent *e = &ids->map[i];

		used += (size_t)snprintf(buf + used, sizeof(buf) - used,
					 "%s%" PRIu32 "+%" PRIu32 "=%" PRIu32, i ? " " : "",
					 e->inside, e->count, e->outside);
	}
	return buf;
}

static void one_number_is_replaced_and_the_rest_stays(void **state)
{
	static const struct want table[] = {
		{"1000:10000", "0+1000=1879048192 1000+1=10000 1001+64535=1879049193"},
		{"0:1000", "0+1=1000 1+65535=1879048193"},
		{"65535:60000", "0+65535=1879048192 65535+1=60000"},
		{"1:65536", "0+1=1879048192 1+1=65536 2+65534=1879048194"},
		{"65534:1879048191", "0+65534=1879048192 65534+1=1879048191 65535+1=1879113727"},
	};
	const struct nsn_taken_list none = {0};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		struct nsn_ids ids;
		uint64_t count = 0;

		nsn_ids_range(BASE(0), &ids);
		assert_string_equal(mapped(&ids), "0+65536=1879048192");
		assert_int_equal(nsn_ids_replace(&ids, table[i].text, &none, NULL), 0);
		assert_string_equal(mapped(&ids), table[i].found);
		for (size_t k = 0; k < ids.n; k++)
			count += ids.map[k].count;
		assert_int_equal(count, 65536);
	}
}

static void each_number_inside_is_one_outside(void **state)
{
	const struct nsn_taken_list none = {0};
	struct nsn_ids ids;
	uint32_t out = 7;

	(void)state;
	nsn_ids_range(BASE(2), &ids);
	assert_int_equal(nsn_ids_replace(&ids, "1000:10000", &none, NULL), 0);
	for (uint32_t in = 0; in < 65536; in++) {
		assert_int_equal(nsn_ids_outside(&ids, in, &out), 0);
		assert_int_equal(out, in == 1000 ? 10000 : BASE(2) + in);
	}
	out = 7;
	assert_int_equal(nsn_ids_outside(&ids, 65536, &out), -ENOENT);
	assert_int_equal(nsn_ids_outside(&ids, UINT32_MAX, &out), -ENOENT);
	assert_int_equal(out, 7);
}

static void what_cannot_be_mapped_is_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{"", "'' is not INSIDE:HOST"},
		{"1000", "'1000' is not INSIDE:HOST"},
		{":", "is not INSIDE:HOST"},
		{"1000:", "is not INSIDE:HOST"},
		{":10000", "is not INSIDE:HOST"},
		{"1000:10000:1", "is not INSIDE:HOST"},
		{"1000:10000 ", "is not INSIDE:HOST"},
		{" 1000:10000", "is not INSIDE:HOST"},
		{"-1:10000", "is not INSIDE:HOST"},
		{"+1:10000", "is not INSIDE:HOST"},
		{"0x1:10000", "is not INSIDE:HOST"},
		{"01:10000", "is not INSIDE:HOST"},
		{"alice:10000", "is not INSIDE:HOST"},
		{"1000:4294967296", "is not INSIDE:HOST"},
		{"1000:18446744073709561616", "is not INSIDE:HOST"},
		{"00000000000000000000001:10000", "is not INSIDE:HOST"},
		{"1\x1b[2J:10000", "'1\\x1b[2J:10000' is not INSIDE:HOST"},
		{"65536:10000", "numbers inside go from 0 to 65535"},
		{"4294967295:10000", "numbers inside go from 0 to 65535"},
		{"1000:0", "0 on the host is root's"},
		{"1000:1", "0 to 999"},
		{"1000:999", "0 to 999"},
		{"1000:60001", "60001 to 65535"},
		{"1000:61184", "60001 to 65535"},
		{"1000:65533", "60001 to 65535"},
		{"1000:65534", "is the one of nobody"},
		{"1000:65535", "60001 to 65535"},
		{"1000:1879048192", "in the zone of tenants' ranges"},
		{"1000:2147352575", "in the zone of tenants' ranges"},
		{"1000:2147352576", "stand for no user"},
		{"1000:2147483648", "stand for no user"},
		{"1000:4294967294", "stand for no user"},
		{"1000:4294967295", "stand for no user"},
		{"1000:1234", "1234 is in use on the host (/etc/passwd: alice)"},
	};
	NSN_AUTO(nsn_taken_clear) struct nsn_taken_list l = {0};
	struct nsn_ids ids;

	(void)state;
	assert_int_equal(nsn_taken_passwd(&l, "/etc/passwd", "alice:x:1234:\n", NULL), 0);
	nsn_ids_range(BASE(0), &ids);
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		struct nsnet_err err = {0};

		if (nsn_ids_replace(&ids, table[i].text, &l, &err) != -EINVAL)
			fail_msg("'%s' was taken", table[i].text);
		assert_int_equal(err.id, NSNET_E_BAD_ID_MAP);
		if (!strstr(err.msg, table[i].says))
			fail_msg("'%s': %s", table[i].text, err.msg);
		assert_string_equal(mapped(&ids), "0+65536=1879048192");
	}
	/* Next to what is refused. */
	assert_int_equal(nsn_ids_replace(&ids, "1000:1235", &l, NULL), 0);
	assert_int_equal(nsn_ids_replace(&ids, "1001:1236", &l, NULL), -EINVAL);
	assert_int_equal(ids.n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_subuid_are_understood_as_shadow_does),
		cmocka_unit_test(lines_of_passwd_and_group_have_their_number_third),
		cmocka_unit_test(a_map_is_taken_but_for_the_one_of_all_numbers),
		cmocka_unit_test(a_process_has_its_users_and_its_groups),
		cmocka_unit_test(what_is_known_is_kept_once),
		cmocka_unit_test(finding_is_exact_at_the_ends),
		cmocka_unit_test(the_next_range_is_the_lowest_that_nobody_has_any_of),
		cmocka_unit_test(there_are_4094_ranges),
		cmocka_unit_test(who_has_the_last_ranges_is_told),
		cmocka_unit_test(one_number_is_replaced_and_the_rest_stays),
		cmocka_unit_test(each_number_inside_is_one_outside),
		cmocka_unit_test(what_cannot_be_mapped_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
