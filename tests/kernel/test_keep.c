// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../lib/lab.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * What a caller that stays keeps of one start for the next: none of it is old, and nothing of a
 * workload is in it. Each look is made three times: by a view of its own, by the one that is kept,
 * and by a copy of that.
 */

#define STARTS 3

static struct nsnet *n;

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	lab_add(n, "red", "10.10.2.0/24", NSNET_CREATED);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	return 0;
}

/* On the host. */
static void done(const char *script)
{
	RUN_STATUS(0, "sh", "-ec", script);
}

static void says(const struct nsnet_run_def *def, const char *script, const char *want)
{
	for (int i = 0; i < STARTS; i++) {
		struct ran ran;

		WARD_RUN(&ran, n, def, "sh", "-c", script);
		if (ran.r < 0 || strcmp(ran.out, want) != 0)
			fail_msg("start %d of \"%s\": '%s' %s", i + 1, script, ran.out,
				 ran.err.msg);
		ran_done(&ran);
	}
}

static void what_the_host_changes_is_seen(void **state)
{
	(void)state;
	world_need();
	says(NULL, "cat /etc/timezone", "Etc/UTC\n");
	done("echo Moon/Here >/etc/timezone");
	says(NULL, "cat /etc/timezone", "Moon/Here\n");
	/* Of the same size, in place, and with its old time. */
	done("t=$(stat -c %y /etc/timezone); echo Moon/Away >/etc/timezone;"
	     "touch -d \"$t\" /etc/timezone");
	says(NULL, "cat /etc/timezone", "Moon/Away\n");
	done("rm /etc/timezone");
	says(NULL, "cat /etc/timezone 2>/dev/null; echo $?", "1\n");
	says(NULL, "grep -c ^zeus: /etc/passwd", "0\n");
	done("echo zeus:x:777:777::/:/bin/sh >>/etc/passwd");
	says(NULL, "grep -c ^zeus: /etc/passwd", "1\n");
	done("sed -i 's/^zeus:.*/hera:x:777:777:::/' /etc/passwd");
	says(NULL, "grep -c -e ^zeus: -e ^hera: /etc/passwd; grep -c ^hera: /etc/passwd", "1\n1\n");
}

static void what_the_host_mounts_is_seen(void **state)
{
	(void)state;
	world_need();
	says(NULL, "ls /usr/local | grep -c ^moon$", "0\n");
	done("mount -t tmpfs tmpfs /usr/local; touch /usr/local/moon");
	says(NULL, "ls /usr/local | grep -c ^moon$", "1\n");
	done("umount /usr/local");
	says(NULL, "ls /usr/local | grep -c ^moon$", "0\n");
}

static void what_was_asked_for_is_had(void **state)
{
	const struct nsnet_run_def user = {.user = "1000"}, name = {.hostname = "moon"},
				   red = {.tenant = "red"};
	const char *const etc[] = {"moon"};
	const struct nsnet_run_def more = {.etc = etc, .n_etc = 1};

	(void)state;
	world_need();
	says(NULL, "id -u; cat /etc/hostname; echo $HOME", "0\nblue\n/root\n");
	says(&name, "id -u; cat /etc/hostname", "0\nmoon\n");
	says(&user, "id -u; cat /etc/hostname; echo $HOME; stat -c %u ~",
	     "1000\nblue\n/home/user\n1000\n");
	says(&red, "stat -c %u:%g /etc /etc/hostname /dev/null; cat /etc/hostname",
	     "0:0\n0:0\n0:0\nred\n");
	says(NULL, "stat -c %u:%g /etc /etc/hostname /dev/null; cat /etc/hostname",
	     "0:0\n0:0\n0:0\nblue\n");
	done("echo full >/etc/moon");
	says(&more, "cat /etc/moon", "full\n");
	says(NULL, "cat /etc/moon 2>/dev/null; echo $?", "1\n");
}

static void nothing_of_a_workload_stays(void **state)
{
	const char *const volumes[] = {"/run/v:/moon/base"};
	const struct nsnet_run_def volume = {.volumes = volumes, .n_volumes = 1, .user = "1000"};

	(void)state;
	world_need();
	says(NULL,
	     "for f in / /etc /dev /sys /usr /dev/.nsnet /etc/ssl; do (echo >$f/moon) 2>/dev/null "
	     "&& echo $f; done; (echo >/etc/hostname) 2>/dev/null && echo hostname;"
	     "chmod 777 /etc/hostname 2>/dev/null && echo mode;"
	     "mount -o remount,bind,rw / 2>/dev/null && echo root;"
	     "for f in /tmp /run /var ~ /dev/shm; do cat $f/moon 2>/dev/null; done;"
	     "for f in /tmp /run /var ~ /dev/shm; do echo new >$f/moon || exit; done; echo ok",
	     "ok\n");
	done("mkdir /run/v; chown 1000:1000 /run/v");
	says(&volume, "cd /moon/base && pwd", "/moon/base\n");
	says(NULL, "ls -d /moon 2>/dev/null; echo ok", "ok\n");
}

/* With the right to mount, too: the copies are locked. */
static void no_capability_writes_to_it(void **state)
{
	const char *const caps[] = {"SYS_ADMIN", "DAC_OVERRIDE"};
	const struct nsnet_run_def def = {
		.caps = caps, .n_caps = 2, .because = "a test of what is kept", .dangerous = true};

	(void)state;
	world_need();
	says(&def,
	     "for m in / /etc/ssl/certs /dev /usr; do"
	     " mount -o remount,bind,rw $m 2>/dev/null && echo rw $m;"
	     " umount $m 2>/dev/null && echo gone $m; done;"
	     "(echo x >/etc/hostname) 2>/dev/null && echo written; cat /etc/hostname",
	     "blue\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_host_changes_is_seen),
		cmocka_unit_test(what_the_host_mounts_is_seen),
		cmocka_unit_test(what_was_asked_for_is_had),
		cmocka_unit_test(nothing_of_a_workload_stays),
		cmocka_unit_test(no_capability_writes_to_it),
	};

	return cmocka_run_group_tests(tests, build, drop);
}
