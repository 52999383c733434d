// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify --host: networks that others made. First packets show what is so, then the audit must
 * have found it, without being told; and when its hints are followed, packets and audit agree
 * again (anyhost.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/world.h"

static void script(const char *which)
{
	const char *src = getenv("NSNET_SRC");
	char path[4096];
	struct run r;

	world_need();
	assert_true(snprintf(path, sizeof(path), "%s/tests/kernel/anyhost.py", src ? src : ".") <
		    (int)sizeof(path));
	assert_int_equal(setenv("NSNET_BIN", nsnet_bin(), 1), 0);
	assert_int_equal(setenv("NSNET_SRC", src ? src : ".", 1), 0);
	/* What else runs on this machine would be in its way. */
	RUN(&r, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "python3", "-B", path,
	    which);
	if (r.status != 0)
		print_error("%s: status %d\n%s%s\n", which, r.status, r.out, r.err);
	assert_int_equal(r.status, 0);
	run_free(&r);
}

static void test_plain(void **state)
{
	(void)state;
	script("plain");
}

static void test_netavark(void **state)
{
	(void)state;
	script("netavark");
}

static void test_cni(void **state)
{
	(void)state;
	script("cni");
}

static void test_cni_firewall(void **state)
{
	(void)state;
	script("cni-firewall");
}

static void test_unknown(void **state)
{
	(void)state;
	script("unknown");
}

static void test_shared(void **state)
{
	(void)state;
	script("shared");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_plain, world_setup),
		cmocka_unit_test_setup(test_netavark, world_setup),
		cmocka_unit_test_setup(test_cni, world_setup),
		cmocka_unit_test_setup(test_cni_firewall, world_setup),
		cmocka_unit_test_setup(test_unknown, world_setup),
		cmocka_unit_test_setup(test_shared, world_setup),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
