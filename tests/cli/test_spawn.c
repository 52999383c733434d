/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "cli.h"

/*
 * nsnet-spawn: a workload in a network namespace that somebody else made, on a host on which there
 * are no tenants and no state.
 */

#define NETNS "/run/netns/plain"
#define IDS   "1879048192"

static const char *spawn_bin(void)
{
	static char path[4096];

	(void)snprintf(path, sizeof(path), "%s-spawn", nsnet_bin());
	if (access(path, X_OK) < 0)
		fail_msg("%s is not built", path);
	return path;
}

#define SPAWN(r, ...) RUN(r, spawn_bin(), "--netns", NETNS, "--ids", IDS, __VA_ARGS__)
#define SPAWN_STATUS(st, ...)                                                                      \
	RUN_STATUS(st, spawn_bin(), "--netns", NETNS, "--ids", IDS, __VA_ARGS__)

static int build(void **state)
{
	(void)world_setup(state);
	if (geteuid() != 0)
		return 0;
	RUN_STATUS(0, "sh", "-c",
		   "ip netns add plain && ip netns add no_host && ip -n plain link set lo up && "
		   "ip -n plain link add canary0 type veth peer canary1 && mkdir /run/data && "
		   "chown 1000:1000 /run/data");
	return 0;
}

static void it_needs_no_tenant(void **state)
{
	static const char script[] =
		"cat /proc/self/uid_map /proc/self/net/dev; hostname; id -u; echo $$; "
		"grep -E 'CapEff|CapBnd|NoNew|Seccomp:' /proc/self/status";
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	SPAWN(&r, "--", "sh", "-c", script);
	assert_status(&r, 0);
	assert_string_equal(r.err, "");
	assert_has(r.out, "0 1879048192      65536\n");
	assert_has(r.out, "canary0:");
	assert_has(r.out, "\nplain\n0\n");
	assert_has(r.out, "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n"
			  "Seccomp:\t2\n");
	/* No state, and no record that stays. */
	RUN_STATUS(0, "sh", "-c", "! ls /var/lib/nsnet && ! ls /run/nsnet/workloads | grep .");
}

/* Names of pins have more letters than those of hosts. */
static void a_pin_that_is_no_hostname(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	RUN(&r, spawn_bin(), "--netns", "/run/netns/no_host", "--ids", IDS, "hostname");
	assert_status(&r, 0);
	assert_string_equal(r.out, "workload\n");
}

static void what_it_is_told_arrives(void **state)
{
	static const char script[] = "id -u; id -g; echo $A; pwd; hostname; echo x >file; "
				     "head -c 2M /dev/zero >$HOME/big 2>/dev/null || echo full";
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	SPAWN(&r, "--user", "1000:1000", "--volume", "/run/data:/data", "--env", "A=1", "--cwd",
	      "/data", "--hostname", "box", "--scratch", "1M", "sh", "-c", script);
	assert_status(&r, 0);
	assert_string_equal(r.out, "1000\n1000\n1\n/data\nbox\nfull\n");
	RUN_STATUS(0, "sh", "-c", "test \"$(stat -c %u:%g /run/data/file)\" = 1000:1000");
}

static void options_of_the_command_are_its_own(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	SPAWN(&r, "echo", "--share", "-n", "--", "--help");
	assert_status(&r, 0);
	assert_string_equal(r.out, "--share -n -- --help\n");
}

static void statuses_are_the_commands(void **state)
{
	static const struct {
		const char *script;
		int status;
	} cases[] = {
		{"exit 0", 0},	     {"exit 1", 1},	   {"exit 125", 125},	 {"exit 255", 255},
		{"kill -9 $$", 137}, {"kill -15 $$", 143}, {"kill -64 $$", 192},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(cases); i++)
		SPAWN_STATUS(cases[i].status, "sh", "-c", cases[i].script);
	SPAWN_STATUS(127, "no-such-command");
	SPAWN_STATUS(127, "--", "/no/such");
	SPAWN_STATUS(126, "/etc/passwd");
	SPAWN_STATUS(125, "--cwd", "/no/such", "true");
}

static void a_document_tells_how_it_ended(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	RUN(&r, "sh", "-c",
	    "$0 --netns " NETNS " --ids " IDS
	    " --status-fd 3 sh -c 'echo out; kill -9 $$' 3>&1 >&2",
	    spawn_bin());
	assert_status(&r, 137);
	assert_string_equal(r.err, "out\n");
	doc = json_loads(r.out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(doc, "ended")), "signalled");
	assert_int_equal(json_integer_value(json_object_get(doc, "code")), 9);
}

/* Nothing runs, the status is 125, and the error has this in it. */
static void refused(const char *has, const char *const argv[])
{
	NSN_AUTO(run_done) struct run r = {0};

	run_cmd(&r, 60000, argv);
	if (r.status != 125 || !strstr(r.err, has) || *r.out)
		fail_msg("%s %s: status %d, not 125 and '%s'\n%s%s", argv[1], argv[2], r.status,
			 has, r.out, r.err);
}
#define REFUSED(has, ...) refused(has, (const char *const[]){spawn_bin(), __VA_ARGS__, NULL})

/* There is nobody who would record them. */
static void there_are_no_opt_outs(void **state)
{
	static const char *const options[][2] = {
		{"--share", "ipc=host"},
		{"--share=net=host", "--"},
		{"--cap-add", "NET_RAW"},
		{"--seccomp", "/dev/null"},
		{"--because", "x"},
		{"--dangerous", "--"},
		{"--map-user", "0:0"},
		{"--fd", "1"},
		{"--until", "2099-01-01"},
		{"--net-admin", "--"},
		{"-u", "0"},
		{"--no-such", "--"},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(options); i++)
		REFUSED("not understood", "--netns", NETNS, "--ids", IDS, options[i][0],
			options[i][1], "echo", "ran");
	REFUSED("USAGE", "--netns", NETNS, "--ids", IDS, "--volume");
}

static void what_is_missing_or_wrong_is_told(void **state)
{
	(void)state;
	world_need();
	REFUSED("--netns is missing", "--ids", IDS, "echo", "ran");
	REFUSED("--ids is missing", "--netns", NETNS, "echo", "ran");
	REFUSED("the command is missing", "--netns", NETNS, "--ids", IDS);
	REFUSED("the command is missing", "--netns", NETNS, "--ids", IDS, "--");
	REFUSED("no number", "--netns", NETNS, "--ids", "x", "echo", "ran");
	REFUSED("no number", "--netns", NETNS, "--ids", "-1", "echo", "ran");
	REFUSED("no number", "--netns", NETNS, "--ids", "4294967296", "echo", "ran");
	/* The host's own users, and the one that is nobody. */
	REFUSED("BAD_ID_MAP", "--netns", NETNS, "--ids", "1", "echo", "ran");
	REFUSED("BAD_ID_MAP", "--netns", NETNS, "--ids", "65535", "echo", "ran");
	REFUSED("BAD_ID_MAP", "--netns", NETNS, "--ids", "4294967295", "echo", "ran");
	REFUSED("no network namespace", "--netns", "/no/such", "--ids", IDS, "echo", "ran");
	REFUSED("no network namespace", "--netns", "/etc/passwd", "--ids", IDS, "echo", "ran");
	REFUSED("no network namespace", "--netns", "/proc/self/ns/uts", "--ids", IDS, "echo",
		"ran");
	REFUSED("BAD_USER", "--netns", NETNS, "--ids", IDS, "--user", "nosuch", "echo", "ran");
	REFUSED("BAD_RUN", "--netns", NETNS, "--ids", IDS, "--cwd", "tmp", "echo", "ran");
	REFUSED("BAD_VOLUME", "--netns", NETNS, "--ids", IDS, "--volume", "/proc:/p", "echo",
		"ran");
	/* Known before anything runs: afterwards it could not be told any more. */
	REFUSED("BAD_DESCRIPTOR", "--netns", NETNS, "--ids", IDS, "--status-fd", "77", "echo",
		"ran");
}

/* The network of who starts it is not one to be shared, by whatever name. */
static void the_callers_own_network_is_refused(void **state)
{
	(void)state;
	world_need();
	RUN_STATUS(0, "sh", "-c",
		   "touch /run/netns/own && "
		   "mount --bind /proc/self/ns/net /run/netns/own");
	REFUSED("NOT_ISOLATED", "--netns", "/run/netns/own", "--ids", IDS, "echo", "ran");
	RUN_STATUS(0, "umount", "/run/netns/own");
}

static void help_and_version(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	RUN(&r, spawn_bin(), "--help");
	assert_status(&r, 0);
	assert_starts(r.out, "Usage: nsnet-spawn ");
	assert_string_equal(r.err, "");
	run_free(&r);
	RUN(&r, spawn_bin(), "--version");
	assert_status(&r, 0);
	assert_starts(r.out, "nsnet-spawn ");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_needs_no_tenant),
		cmocka_unit_test(a_pin_that_is_no_hostname),
		cmocka_unit_test(what_it_is_told_arrives),
		cmocka_unit_test(options_of_the_command_are_its_own),
		cmocka_unit_test(statuses_are_the_commands),
		cmocka_unit_test(a_document_tells_how_it_ended),
		cmocka_unit_test(there_are_no_opt_outs),
		cmocka_unit_test(what_is_missing_or_wrong_is_told),
		cmocka_unit_test(the_callers_own_network_is_refused),
		cmocka_unit_test(help_and_version),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, NULL);
}
