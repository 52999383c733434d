// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/border.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * Mutants: single faults, each planted alone into a live site. An outside witness (mutants.py,
 * which has nothing of nsnet in it) shows that its packet does not arrive before, and does
 * afterwards; then `nsnet verify` has to find it and name its cause; when it is undone all is
 * PROVED again. The tables are in mutants_rows.py and, across the border, mutants_border.py.
 *
 * It runs among processes of its own, so that other worlds of this machine are not seen.
 */

static const char site_script[] =
	"N=$NSNET_BIN\n"
	"$N tenant add -q customer1 10.10.1.0/24 --subnet6 fd00:1::/64 --inside deny\n"
	"$N endpoint add -q customer1/db\n"
	"$N tenant add -q customer2 10.10.2.0/24 --subnet6 fd00:2::/64\n"
	"$N endpoint add -q customer2/db\n"
	"$N endpoint add -q customer2/web\n"
	"$N tenant add -q customer3 10.10.3.0/24\n"
	"$N endpoint add -q customer3/db\n"
	"$N allow -q customer1/default customer2/default tcp/80 --because CHG-1\n"
	"$N allow -q customer1/default customer1/db tcp/80 --because CHG-2\n"
	"$N tenant quarantine -q customer2/web --because INC-2 -y\n";

/* As small as it can be: all that can come in from outside takes seconds to follow. */
static const char border_script[] =
	"N=$NSNET_BIN\n"
	"$N tenant add -q customer1 10.10.1.0/24\n"
	"$N tenant add -q customer2 10.10.2.0/24\n"
	"$N tenant add -q customer3 10.10.3.0/24\n"
	"$N endpoint add -q customer3/db\n"
	"$N allow -q customer3/default internet tcp/443 --because CHG-3\n"
	"$N publish -q customer1/default 192.0.2.10:8443:443 --because CHG-4\n";

static void bench(const char *args)
{
	const char *src = getenv("NSNET_SRC");
	struct run r;
	char *command;

	assert_non_null(src);
	assert_true(asprintf(&command, "python3 %s/tests/kernel/mutants.py %s --probe", src, args) >
		    0);
	run_cmd(&r, 600000, (const char *const[]){"bash", "-c", command, NULL});
	/* Longer than what print_message() takes. */
	(void)printf("%s%s", r.out, r.err);
	(void)fflush(stdout);
	if (r.status != 0)
		fail_msg("mutants.py %s: status %d", args, r.status);
	run_free(&r);
	free(command);
}

static void every_fault_is_found(void **state)
{
	(void)state;
	world_need();
	assert_int_equal(setenv("NSNET_BIN", nsnet_bin(), 1), 0);
	free(lab_sh("set -e\n%s", site_script));
	bench("");
}

static void every_fault_across_the_border_is_found(void **state)
{
	(void)state;
	world_need();
	assert_int_equal(setenv("NSNET_BIN", nsnet_bin(), 1), 0);
	border_sh("make none");
	free(lab_sh("set -e\n%s", border_script));
	bench("--border");
}

/* Waits for it, and for whoever ends before. */
static int ended(pid_t pid)
{
	int status = 0;

	for (pid_t other = 0; other != pid;) {
		other = waitpid(-1, &status, 0);
		assert_true(other > 0 || errno == EINTR);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_fault_is_found, world_setup),
		cmocka_unit_test_setup(every_fault_across_the_border_is_found, world_setup),
	};
	int failed;
	pid_t pid;

	world_filter(argc, argv);
	if (geteuid() == 0) {
		assert_int_equal(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET), 0);
		pid = fork();
		assert_true(pid >= 0);
		/* Not return: the sanitizer's look for leaks starts a process, where none can. */
		if (pid > 0)
			_exit(ended(pid));
		assert_int_equal(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
		assert_int_equal(mount("proc", "/proc", "proc", 0, NULL), 0);
		/* The first process takes orphans in. */
		pid = fork();
		assert_true(pid >= 0);
		if (pid > 0)
			_exit(ended(pid));
	}
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)fflush(NULL);
	_exit(failed);
}
