/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What workloads were given, as `nsnet exceptions` lists it: word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../lib/exceptions.h"
#include "cli.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

static struct nsnet *open_state(void)
{
	struct nsnet_err err = {0};
	struct nsnet *n = NULL;

	if (nsnet_open(&n, NULL, NULL, &err) < 0)
		fail_msg("%s", err.msg);
	return n;
}

/* One in use, one whose time is past, one that is over, and another tenant's. */
static void record(void)
{
	const int64_t now = time(NULL);
	const struct nsn_exception list[] = {
		{.tenant = "customer1",
		 .endpoint = "default",
		 .workload = "customer1/default#1",
		 .kind = "ipc=host",
		 .because = "INC-7",
		 .until = 4070908800, /* 2099-01-01 */
		 .exposed = "System V memory,\nof the host",
		 .at = now - 3 * DAY - 60,
		 .command = "sleep 1h"},
		{.tenant = "customer1",
		 .endpoint = "db",
		 .workload = "customer1/db#2",
		 .kind = "cap=SYS_ADMIN",
		 .because = "CHG-9, \"quoted\"",
		 .until = 1700000000,
		 .exposed = "",
		 .uid = 54321,
		 .at = now - 30 * HOUR - 60,
		 .command = "x \x1b[2J"},
		{.tenant = "customer1",
		 .endpoint = "db",
		 .workload = "customer1/db#3",
		 .kind = "fd=5",
		 .because = "INC-8",
		 .at = now - 5 * 60 - 10,
		 .command = ""},
		{.tenant = "customer2",
		 .endpoint = "default",
		 .workload = "customer2/default#4",
		 .kind = "net-admin",
		 .because = "VPN",
		 .exposed = "e",
		 .at = now + DAY, /* a clock that was set back */
		 .command = "c"},
	};
	struct nsnet *n = open_state();
	struct nsnet_err err = {0};

	for (size_t i = 0; i < NSN_COUNT(list); i++) {
		struct nsn_exception e = list[i];

		/* What is not said is "". */
		if (!e.exposed)
			e.exposed = "";
		if (nsn_exceptions_add(n, &e, 1, &err) < 0)
			fail_msg("%s", err.msg);
	}
	assert_int_equal(nsn_exceptions_end(n, "customer1/db#3", NULL), 0);
	nsnet_close(n);
}

static void all_are_listed_with_age_and_end(void **state)
{
	(void)state;
	world_need();
	record();
	SAYS("ID  WORKLOAD             EXCEPTION      STATE    AGE  EXPIRES               BY       "
	     "   BECAUSE\n"
	     " 1  customer1/default#1  ipc=host       active    3d  2099-01-01T00:00:00Z  root     "
	     "   INC-7\n"
	     " 2  customer1/db#2       cap=SYS_ADMIN  EXPIRED  30h  2023-11-14T22:13:20Z  user "
	     "54321  CHG-9, \"quoted\"\n"
	     " 4  customer2/default#4  net-admin      active    0s  never                 root     "
	     "   VPN\n",
	     "exceptions", "--active");
	SAYS("ID  WORKLOAD             STATE    AGE\n"
	     " 1  customer1/default#1  active    3d\n"
	     " 2  customer1/db#2       EXPIRED  30h\n"
	     " 3  customer1/db#3       ended     5m\n",
	     "exceptions", "customer1", "--columns", "ID,WORKLOAD,STATE,AGE");
	/* A tenant need not be there any more. */
	SAYS("ID\n 4\n", "exceptions", "customer2", "--columns", "ID");
	REFUSES(4, "NO_TENANT", "there is no tenant 'customer3'", "exceptions", "customer3");
}

/* One that has nothing but what is over is a tenant that was, and the list is empty. */
static void those_that_are_over_can_be_left_out(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	record();
	n = open_state();
	assert_int_equal(nsn_exceptions_end(n, "customer2/default#4", NULL), 0);
	nsnet_close(n);
	SAYS("ID\n", "exceptions", "customer2", "--active", "--columns", "ID");
	SAYS("ID  STATE\n 4  ended\n", "exceptions", "customer2", "--columns", "ID,STATE");
}

static void nothing_steers_a_terminal(void **state)
{
	(void)state;
	world_need();
	record();
	SAYS("ID,EXPOSES,COMMAND,BECAUSE,EXPIRES,STATE\n"
	     "1,\"System V memory,\\x0aof the host\",sleep 1h,INC-7,2099-01-01T00:00:00Z,active\n"
	     "2,,x \\x1b[2J,\"CHG-9, \"\"quoted\"\"\",2023-11-14T22:13:20Z,expired\n"
	     "4,e,c,VPN,,active\n",
	     "exceptions", "--active", "-o", "csv", "--columns",
	     "ID,EXPOSES,COMMAND,BECAUSE,EXPIRES,STATE");
	SAYS("ID  EXPOSES                          COMMAND\n"
	     " 1  System V memory,\\x0aof the host  sleep 1h\n"
	     " 2  -                                x \\x1b[2J\n"
	     " 4  e                                c\n",
	     "exceptions", "--active", "--columns", "ID,EXPOSES,COMMAND");
}

static void documents_have_all_of_it(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	const json_t *e;

	(void)state;
	world_need();
	record();
	doc = ANSWER("ExceptionList", "exceptions", "-j");
	assert_int_equal(items_of(doc), 4);
	e = item(doc, 0);
	assert_int_equal(number_of(e, "id"), 1);
	assert_string_equal(text_of(e, "tenant"), "customer1");
	assert_string_equal(text_of(e, "endpoint"), "default");
	assert_string_equal(text_of(e, "workload"), "customer1/default#1");
	assert_string_equal(text_of(e, "exception"), "ipc=host");
	assert_string_equal(text_of(e, "state"), "active");
	assert_string_equal(text_of(e, "because"), "INC-7");
	assert_string_equal(text_of(e, "exposes"), "System V memory,\nof the host");
	assert_string_equal(text_of(e, "command"), "sleep 1h");
	assert_string_equal(text_of(e, "expires"), "2099-01-01T00:00:00Z");
	assert_true(json_is_null(json_object_get(e, "ended")));
	assert_int_equal(number_of(e, "uid"), 0);
	assert_in_range(number_of(e, "age_seconds"), 3 * DAY + 60, 3 * DAY + 180);
	assert_string_equal(text_of(item(doc, 1), "state"), "expired");
	assert_string_equal(text_of(item(doc, 1), "command"), "x \x1b[2J");
	e = item(doc, 2);
	assert_string_equal(text_of(e, "state"), "ended");
	assert_string_equal(text_of(e, "exposes"), "");
	assert_true(strlen(text_of(e, "ended")) == strlen("2099-01-01T00:00:00Z"));
	assert_true(json_is_null(json_object_get(e, "expires")));
	assert_int_equal(number_of(item(doc, 3), "age_seconds"), 0);
}

/* Both questions have one answer, and it is exact. */
static void numbers_are_told_as_documents(void **state)
{
	NSN_AUTO(json_unref) json_t *there = NULL;
	NSN_AUTO(json_unref) json_t *back = NULL;
	char uid[16];

	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	there = ANSWER("Id", "id", "customer1", "1000", "-j");
	assert_int_equal(number_of(item(there, 0), "inside"), 1000);
	assert_int_equal(number_of(item(there, 0), "outside"),
			 number_of(item(there, 0), "base") + 1000);
	assert_int_equal(number_of(item(there, 0), "base") % 65536, 0);
	(void)snprintf(uid, sizeof(uid), "%lld", number_of(item(there, 0), "outside"));
	back = ANSWER("Id", "whose-uid", uid, "-j");
	assert_true(json_equal(there, back));
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup(test, begin)
	const struct CMUnitTest tests[] = {
		TEST(all_are_listed_with_age_and_end), TEST(those_that_are_over_can_be_left_out),
		TEST(nothing_steers_a_terminal),       TEST(documents_have_all_of_it),
		TEST(numbers_are_told_as_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
