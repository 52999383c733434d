// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../lib/spawn/stage.h"

/* Words are one column of what is printed and logged: they tell stages apart. */
static void words_differ(void **state)
{
	(void)state;
	for (int i = 0; i < NSN_STAGE_COUNT; i++) {
		assert_non_null(nsn_stage_word((enum nsn_stage)i));
		assert_non_null(nsn_stage_text((enum nsn_stage)i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(nsn_stage_word((enum nsn_stage)i),
						nsn_stage_word((enum nsn_stage)k));
	}
	assert_string_equal(nsn_stage_word(NSN_STAGE_PIVOT), "pivot");
	assert_string_equal(nsn_stage_text(NSN_STAGE_EXEC), "executing the command");
	/* What came through a pipe is not looked up beyond the table. */
	assert_string_equal(nsn_stage_word(NSN_STAGE_COUNT), "?");
	assert_string_equal(nsn_stage_text((enum nsn_stage) - 1), "an unknown step");
}

static void trouble_is_whole(void **state)
{
	struct nsn_trouble why;

	(void)state;
	memset(&why, 0xa5, sizeof(why));
	assert_int_equal(nsn_trouble(&why, NSN_STAGE_CAPS, -EPERM, "capset(%d)", 3), -EPERM);
	assert_int_equal(why.stage, NSN_STAGE_CAPS);
	assert_int_equal(why.code, -EPERM);
	assert_string_equal(why.what, "capset(3)");
	/* The rest of the buffer is sent as well. */
	for (size_t i = strlen(why.what); i < sizeof(why.what); i++)
		assert_int_equal(why.what[i], 0);
	nsn_trouble(&why, NSN_STAGE_ROOT, -ENOENT, "%0200d", 7);
	assert_int_equal(strlen(why.what), sizeof(why.what) - 1);
	assert_int_equal(nsn_trouble(NULL, NSN_STAGE_ROOT, -ENOENT, "x"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_differ),
		cmocka_unit_test(trouble_is_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
