// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/spawn/confine.h"
#include "../lib/lab.h"
#include "../lib/ward.h"
#include "../lib/world.h"

/*
 * What of the host's kernel root inside can write to, with none and with all capabilities, and
 * after it has taken away what covers /proc. hostfiles.py looks for it, from inside, and harms
 * nobody who has broken what is tested here. The host's own root finds a thousand such files, and
 * so does a root that is mapped to it.
 */

#define MAX_SCRIPT 32768
#define MAX_WORDS  160

static char script[MAX_SCRIPT]; /* a workload does not see the file */

/*
 * What the host's kernel is set to, but for what counts by itself; so do parameters of modules
 * that nobody may write to.
 */
#define LOOK                                                                                       \
	"cd /; grep -rs '' proc/sys sys/kernel/mm sys/block/*/queue"                               \
	" $(find sys/module/*/parameters -type f -perm /222)"                                      \
	" proc/mtrr proc/cmdline proc/swaps proc/modules proc/filesystems proc/self/oom_score_adj" \
	"| grep -av -e '^proc/sys/fs/[a-z]*-\\(state\\|nr\\):' -e '^proc/sys/fs/quota/'"           \
	" -e '^proc/sys/kernel/random/' -e '^proc/sys/kernel/ns_last_pid:'"                        \
	" -e '^proc/sys/kernel/pty/nr:' -e nf_conntrack_count -e khugepaged/ -e '_stats\\?/'"      \
	" -e 'sys/kernel/mm/.*/stats/' | sort"

static void look(const char *file)
{
	free(lab_sh("{ " LOOK "; } >%s", file));
}

static void host_is_as_before(void)
{
	struct run r;

	look("/run/now");
	RUN(&r, "diff", "/run/before", "/run/now");
	if (r.status != 0)
		fail_msg("%s", r.out);
	run_free(&r);
}

static int build(void **state)
{
	struct nsnet *n;
	char *text;

	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	nsnet_close(n);
	text = lab_sh("cat \"$NSNET_SRC/tests/kernel/hostfiles.py\"");
	snprintf(script, sizeof(script), "%s", text);
	free(text);
	free(lab_sh("echo '{\"defaultAction\": \"SCMP_ACT_ALLOW\"}' >/run/all.json"));
	look("/run/before");
	text = lab_sh("wc -l </run/before");
	assert_true(strtol(text, NULL, 10) > 500);
	free(text);
	return 0;
}

/* ---- what was said ------------------------------------------------------------------------- */

/* Whether @text is one of @patterns, to which "NULL" is the end. */
static bool is_of(const char *text, const char *const patterns[])
{
	for (size_t i = 0; patterns[i]; i++)
		if (fnmatch(patterns[i], text, 0) == 0)
			return true;
	return false;
}

/* How many lines of @text begin with @word; what follows is one of @patterns in each, unless that
 * is NULL. */
static unsigned int lines(const char *text, const char *word, const char *const patterns[])
{
	char *copy = strdup(text), *rest = copy, *line;
	const size_t len = strlen(word);
	unsigned int count = 0;

	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, word, len) != 0 || line[len] != ' ')
			continue;
		count++;
		if (patterns && !is_of(line + len + 1, patterns))
			fail_msg("%s, of\n%s", line, text);
	}
	free(copy);
	return count;
}

/* Open to all, and the kernel looks at who writes: a workload's own pid 1. */
#define OWN_PROCESS "/proc/1/timerslack_ns", "/proc/1/attr/*"

static const char *const nothing[] = {NULL};
static const char *const own_process[] = {OWN_PROCESS, NULL};
/* Of namespaces of its own; `inside` below shows that they are. */
static const char *const own_namespaces[] = {OWN_PROCESS,
					     "/proc/sys/fs/mqueue/*",
					     "/proc/sys/user/max_*",
					     "/proc/sys/kernel/auto_msgmni",
					     "/proc/sys/kernel/msg*",
					     "/proc/sys/kernel/sem*",
					     "/proc/sys/kernel/shm*",
					     "/proc/sys/kernel/ns_last_pid",
					     "/proc/sys/kernel/pid_max",
					     "/proc/pressure/*",
					     "/run/at/register", /* binfmt_misc, one of its own */
					     "/run/at/status",
					     NULL};

/* ---- looking ------------------------------------------------------------------------------- */

/* Runs hostfiles.py with @args, NULL-terminated, in blue; @all: with every capability. */
static void workload(struct run *r, bool all, const char *const args[])
{
	static const char *const open[] = {"--seccomp", "/run/all.json", "--because",
					   "a test",	"--dangerous",	 NULL};
	const char *words[MAX_WORDS] = {nsnet_bin(), "run", "blue", "-q"};
	size_t at = 4;

	for (int cap = 0; all && nsn_cap_name(cap); cap++) {
		words[at++] = "--cap-add";
		words[at++] = nsn_cap_name(cap);
	}
	for (size_t i = 0; all && open[i]; i++)
		words[at++] = open[i];
	words[at++] = "--";
	words[at++] = "python3";
	words[at++] = "-c";
	words[at++] = script;
	while (*args)
		words[at++] = *args++;
	words[at] = NULL;
	assert_true(at < MAX_WORDS);
	run_cmd(r, 120000, words);
	if (r->status != 0)
		fail_msg("status %d: %s %s", r->status, r->out, r->err);
}
#define WORKLOAD(r, all, ...) workload(r, all, (const char *const[]){__VA_ARGS__ NULL})

static long tried(const struct run *r)
{
	return strtol(ward_value(r->out, "tried"), NULL, 10);
}

/* /sys is a few files of memory, /dev six devices. */
static void no_device_and_no_sysfs(const struct run *r)
{
	lines(r->out, "device", nothing);
	lines(r->out, "sysfs", nothing);
	lines(r->out, "devtmpfs", nothing);
	lines(r->out, "cgroup", nothing);
	lines(r->out, "cgroup2", nothing);
	lines(r->out, "securityfs", nothing);
	lines(r->out, "debugfs", nothing);
	lines(r->out, "tracefs", nothing);
}

static void secrets_are_covered(const struct run *r)
{
	static const char *const fine[] = {"* empty", "* ENOENT", "* EACCES",
					   "* EPERM", "* zeros",  NULL};
	static const char *const covered[] = {"keys", "kmsg", "kallsyms", "timer_list", "config.gz",
					      "acpi", "bus",  "fs",	  "irq",	"pressure"};

	assert_true(lines(r->out, "read", fine) > 20);
	for (size_t i = 0; i < NSN_COUNT(covered); i++) {
		char path[64], line[80];

		snprintf(path, sizeof(path), "/proc/%s", covered[i]);
		snprintf(line, sizeof(line), "tmpfs at %s\n", path);
		if (access(path, F_OK) == 0 && !strstr(r->out, line))
			fail_msg("no %s%s", line, r->out);
		snprintf(line, sizeof(line), "read %s", path);
		if (access(path, F_OK) == 0)
			assert_string_equal(ward_value(r->out, line), "empty");
	}
}

static void root_writes_to_nothing(void **state)
{
	struct run r;

	(void)state;
	world_need();
	WORKLOAD(&r, false, "mount", );
	assert_true(tried(&r) > 800);
	lines(r.out, "writable", own_process);
	no_device_and_no_sysfs(&r);
	secrets_are_covered(&r);
	assert_int_not_equal(lines(r.out, "mount", (const char *const[]){"* EPERM", NULL}), 0);
	assert_int_not_equal(lines(r.out, "node", (const char *const[]){"* EPERM", NULL}), 0);
	assert_int_not_equal(
		lines(r.out, "inside", (const char *const[]){"* EROFS", "* EACCES", NULL}), 0);
	assert_int_not_equal(
		lines(r.out, "self", (const char *const[]){"* EPERM", "* EACCES", NULL}), 0);
	run_free(&r);
	host_is_as_before();
}

static void nor_with_all_capabilities(void **state)
{
	struct run r;

	(void)state;
	world_need();
	WORKLOAD(&r, true, );
	assert_true(tried(&r) > 800);
	lines(r.out, "writable", own_process);
	no_device_and_no_sysfs(&r);
	secrets_are_covered(&r);
	run_free(&r);
	host_is_as_before();
}

/* The covers are its own, so who may mount takes them away. The kernel asks for the host's root,
 * whom nobody inside is. */
static void nor_when_it_has_uncovered_proc(void **state)
{
	/* With all capabilities in its user namespace, what is refused is the host's. */
	static const char *const mounts[] = {"cgroup ok", "cgroup2 ok", "binfmt_misc ok",
					     "* EPERM",	  "* ENODEV",	NULL};
	static const char *const secrets[] = {"kmsg",	     "timer_list",  "kpagecount",
					      "vmallocinfo", "slabinfo",    "pagetypeinfo",
					      "kpageflags",  "kpagecgroup", "mtrr"};
	struct run r;

	(void)state;
	world_need();
	WORKLOAD(&r, true, "uncover", "mount", );
	assert_null(strstr(r.out, "tmpfs at /proc"));
	assert_true(tried(&r) > 800);
	lines(r.out, "writable", own_namespaces);
	lines(r.out, "device", nothing);
	for (size_t i = 0; i < NSN_COUNT(secrets); i++) {
		char key[64];

		snprintf(key, sizeof(key), "read /proc/%s", secrets[i]);
		if (!is_of(ward_value(r.out, key),
			   (const char *const[]){"EACCES", "EPERM", "ENOENT", NULL}))
			fail_msg("%s: %s", key, ward_value(r.out, key));
	}
	assert_string_equal(ward_value(r.out, "read /proc/kallsyms"), "zeros");
	assert_string_equal(ward_value(r.out, "read /proc/iomem"), "zeros");
	assert_int_not_equal(lines(r.out, "mount", mounts), 0);
	assert_int_not_equal(lines(r.out, "node", (const char *const[]){"* EPERM", NULL}), 0);
	/* They were changed, and the host's were not. */
	assert_string_equal(ward_value(r.out, "inside kernel/msgmnb"), "ok");
	assert_string_equal(ward_value(r.out, "inside fs/mqueue/msg_default"), "ok");
	assert_string_equal(ward_value(r.out, "inside user/max_mnt_namespaces"), "ok");
	assert_int_not_equal(
		lines(r.out, "self", (const char *const[]){"* EPERM", "* EACCES", NULL}), 0);
	run_free(&r);
	host_is_as_before();
}

/* ---- controls ------------------------------------------------------------------------------ */

static void all_can_be_written(const struct run *r)
{
	assert_true(tried(r) > 800);
	assert_true(lines(r->out, "writable", NULL) > 400);
	LAB_HAS(r->out, "writable /proc/sys/kernel/core_pattern\n");
	LAB_HAS(r->out, "writable /proc/sys/vm/swappiness\n");
	LAB_HAS(r->out, "writable /proc/pressure/cpu\n");
}

static void control_the_host_can(void **state)
{
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "python3", "-c", script, "proc");
	all_can_be_written(&r);
	assert_string_equal(ward_value(r.out, "read /proc/kallsyms"), "text");
	assert_string_equal(ward_value(r.out, "read /proc/iomem"), "text");
	run_free(&r);
}

/* Without a single capability over the host: for sysctls its number is enough. */
static void control_who_is_mapped_to_0_can(void **state)
{
	struct run r;

	(void)state;
	world_need();
	RUN(&r, "unshare", "-Ur", "setpriv", "--bounding-set", "-all", "--inh-caps", "-all",
	    "python3", "-c", script, "proc");
	all_can_be_written(&r);
	run_free(&r);
}

static void control_devices_are_found(void **state)
{
	struct run r;

	(void)state;
	world_need();
	free(lab_sh("mkdir -p /run/dev && cd /run/dev && mknod mem c 1 1 && mknod disk b 1 3 && "
		    "mknod null c 1 3 && mknod watchdog c 10 130 && echo >file"));
	RUN(&r, "python3", "-c", script, "at=/run/dev");
	LAB_HAS(r.out, "device /run/dev/mem 1:1\n");
	LAB_HAS(r.out, "device /run/dev/disk 1:3\n");
	LAB_HAS(r.out, "device /run/dev/watchdog 10:130\n");
	LAB_HAS(r.out, "writable /run/dev/file\n");
	assert_null(strstr(r.out, "null"));
	run_free(&r);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_the_host_can),
		cmocka_unit_test(control_who_is_mapped_to_0_can),
		cmocka_unit_test(control_devices_are_found),
		cmocka_unit_test(root_writes_to_nothing),
		cmocka_unit_test(nor_with_all_capabilities),
		cmocka_unit_test(nor_when_it_has_uncovered_proc),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, NULL);
}
