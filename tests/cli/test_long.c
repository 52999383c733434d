/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work over many tenants: progress, signals, what was not done; and terminals of all kinds. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli.h"

#define LOCK_FILE "/var/lib/nsnet/lock"

/* A file of @n tenants, t001 and so on. */
static void write_file(const char *path, int n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs("nsnet: 1\ntenants:\n", f);
	for (int i = 1; i <= n; i++)
		fprintf(f, "  t%03d: {subnet: 10.%d.%d.0/24}\n", i, 100 + i / 256, i % 256);
	assert_int_equal(fclose(f), 0);
}

static size_t tenants(void)
{
	NSN_AUTO(run_done) struct run r = {0};
	size_t n = 0;

	NSNET(&r, "tenant", "list", "-o", "name");
	assert_status(&r, 0);
	for (const char *p = r.out; *p; p++)
		n += *p == '\n';
	return n;
}

static char *content(const char *path)
{
	NSN_AUTO(run_done) struct run r = {0};

	RUN(&r, "cat", path);
	assert_status(&r, 0);
	return strdup(r.out);
}

/* ---- signals ------------------------------------------------------------- */

/* Starts nsnet with its output in /run/out and /run/err. */
static pid_t start(const char *const argv[])
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	if (!freopen("/run/out", "w", stdout) || !freopen("/run/err", "w", stderr))
		_exit(98);
	/* Who runs the tests in the background may have it ignored. */
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(99);
}
#define START(...) start((const char *const[]){nsnet_bin(), __VA_ARGS__, NULL})

static char second[] = "/run/netns/t002";

static int status_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* A process that was killed would not have told what it did. */
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool is_there(void *path)
{
	return access(path, F_OK) == 0;
}

static bool is_gone(void *path)
{
	return access(path, F_OK) != 0;
}

static void sigint_finishes_one_and_tells_the_rest(void **state)
{
	NSN_AUTO(nsn_freep) char *out = NULL;
	NSN_AUTO(nsn_freep) char *err = NULL;
	char line[64], next[16];
	size_t done;
	pid_t pid;

	(void)state;
	world_need();
	write_file("/run/t.yaml", 60);
	pid = START("tenant", "add", "-f", "/run/t.yaml");
	assert_true(poll_until(is_there, second, 120000));
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(status_of(pid), 130);

	done = tenants();
	assert_true(done >= 2 && done < 60);
	out = content("/run/out");
	err = content("/run/err");
	(void)snprintf(line, sizeof(line), "interrupted: %zu of 60 tenants done, not done: t%03zu ",
		       done, done + 1);
	assert_starts(err, line);
	assert_has(err, " t060\n");
	(void)snprintf(next, sizeof(next), "tenant t%03zu ", done);
	assert_has(out, next);
	(void)snprintf(next, sizeof(next), "tenant t%03zu ", done + 1);
	assert_null(strstr(out, next));
	/* What was done is whole. */
	NSNET_STATUS(0, "plan", "--exit-code");
	SAYS("nothing to remove\n", "gc");
}

static void sigterm_is_143_and_the_document_has_what_was_not_done(void **state)
{
	NSN_AUTO(nsn_freep) char *out = NULL;
	NSN_AUTO(json_unref) json_t *doc = NULL;
	size_t left;
	pid_t pid;

	(void)state;
	world_need();
	write_file("/run/t.yaml", 40);
	NSNET_STATUS(0, "tenant", "add", "-q", "-f", "/run/t.yaml");
	pid = START("tenant", "del", "--all", "-y", "-j");
	assert_true(poll_until(is_gone, second, 120000));
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(status_of(pid), 143);

	out = content("/run/out");
	doc = parse(out);
	left = tenants();
	assert_true(left > 0 && left <= 38);
	assert_true(json_is_true(json_object_get(doc, "interrupted")));
	assert_true(json_is_true(json_object_get(doc, "changed")));
	assert_int_equal(json_array_size(json_object_get(doc, "not_done")), left);
	assert_int_equal(items_of(doc), 40 - left);
	NSNET_STATUS(0, "plan", "--exit-code");
}

/* It never had the lock: nothing is done, whatever way it ends. */
static void who_waits_for_the_lock_can_be_stopped(void **state)
{
	double begin_ms;
	int fd, status;
	pid_t pid;

	(void)state;
	world_need();
	write_file("/run/t.yaml", 2);
	NSNET_STATUS(0, "tenant", "add", "-q", "-f", "/run/t.yaml");
	fd = open(LOCK_FILE, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	begin_ms = now_ms();
	pid = START("--timeout", "10m", "tenant", "set", "t001", "mtu=1400");
	assert_int_equal(kill(pid, SIGINT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGINT : WEXITSTATUS(status) == 130);
	assert_true(now_ms() - begin_ms < 60000);
	(void)close(fd);
	SAYS("t001,1500\nt002,1500\n", "tenant", "list", "-o", "csv", "--no-header", "--columns",
	     "NAME,MTU");
}

static bool says_that_it_listens(void *arg)
{
	NSN_AUTO(nsn_freep) char *err = access(arg, F_OK) == 0 ? content(arg) : NULL;

	return err && strstr(err, "gateways\n");
}

/* As timeout(1) sends it: to the process, and to its group. */
static void a_signal_that_comes_twice_ends_monitor_well(void **state)
{
	static const int signals[] = {SIGINT, SIGTERM};
	static char notes[] = "/run/err";

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(signals); i++) {
		NSN_AUTO(nsn_freep) char *err = NULL;
		pid_t pid = START("monitor");
		double begin_ms;

		assert_true(poll_until(says_that_it_listens, notes, 60000));
		/* What comes before the first one was taken is one with it: so for a while. */
		begin_ms = now_ms();
		do
			assert_int_equal(kill(pid, signals[i]), 0);
		while (now_ms() - begin_ms < 20);
		assert_int_equal(status_of(pid), 0);
		err = content("/run/err");
		assert_string_equal(err, "note: listening to 0 gateways\n");
		assert_int_equal(unlink("/run/err"), 0);
	}
}

static bool waits_for_a_lock(void *arg)
{
	char path[64], text[32] = "";
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)*(pid_t *)arg);
	f = fopen(path, "re");
	assert_non_null(f);
	(void)!fgets(text, sizeof(text), f);
	assert_int_equal(fclose(f), 0);
	return strtol(text, NULL, 10) == __NR_flock;
}

/* The first one who opens a store makes it, with the lock. */
static void a_signal_ends_monitor_well_while_it_is_opening(void **state)
{
	static const char *const formats[] = {"table", "json"};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(formats); i++) {
		NSN_AUTO(nsn_freep) char *err = NULL;
		pid_t pid;
		int fd;

		RUN_STATUS(0, "mkdir", "-p", "-m", "700", "/var/lib/nsnet");
		fd = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		assert_int_equal(flock(fd, LOCK_EX), 0);
		pid = START("--timeout", "10m", "monitor", "-o", formats[i]);
		assert_true(poll_until(waits_for_a_lock, &pid, 60000));
		assert_int_equal(kill(pid, SIGTERM), 0);
		assert_int_equal(status_of(pid), 0);
		err = content("/run/err");
		assert_string_equal(err, "");
		(void)close(fd);
	}
}

static void an_ignored_signal_stays_ignored(void **state)
{
	/* It is sent as soon as the first tenant is there. */
	static const char script[] = "trap '' INT\n"
				     "\"$0\" tenant add -q -f /run/t.yaml & p=$!\n"
				     "until [ -e /run/netns/t001 ]; do :; done\n"
				     "kill -INT $p; wait $p\n";

	(void)state;
	world_need();
	write_file("/run/t.yaml", 12);
	RUN_STATUS(0, "sh", "-c", script, nsnet_bin());
	assert_int_equal(tenants(), 12);
}

/* ---- one that fails ------------------------------------------------------ */

static void after_a_failure_the_rest_is_told(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};
	NSN_AUTO(run_done) struct run again = {0};

	(void)state;
	world_need();
	write_file("/run/t.yaml", 4);
	/* In the place of the third there is something else. */
	RUN_STATUS(0, "ip", "netns", "add", "t003");
	NSNET(&r, "tenant", "add", "-f", "/run/t.yaml");
	assert_status(&r, 5);
	assert_has(r.err, "[PIN_FOREIGN]");
	/* Found before the first was made, or told after the second. */
	if (tenants() > 0)
		assert_starts(r.err, "note: 2 of 4 tenants done, not done: t003 t004\n");
	RUN_STATUS(0, "ip", "netns", "del", "t003");
	NSNET(&again, "tenant", "add", "-f", "/run/t.yaml");
	assert_status(&again, 0);
	assert_int_equal(tenants(), 4);
}

static void repair_goes_on_after_one_that_failed(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	write_file("/run/t.yaml", 3);
	NSNET_STATUS(0, "tenant", "add", "-q", "-f", "/run/t.yaml");
	RUN_STATUS(0, "ip", "-n", "t003", "addr", "flush", "dev", "eth0");
	RUN_STATUS(0, "umount", "/run/netns/t002");
	RUN_STATUS(0, "rm", "/run/netns/t002");
	RUN_STATUS(0, "ip", "netns", "add", "t002");
	NSNET(&r, "repair");
	assert_status(&r, 5);
	assert_starts(r.out, "tenant t003 repaired: ");
	assert_starts(r.err, "note: 2 of 3 tenants done, not done: t002\nerror: ");
	assert_has(r.err, "[PIN_FOREIGN]");
}

/* ---- progress ------------------------------------------------------------ */

/* Only work of more than half a second shows it: how long it takes is for the machine to say. */
static void a_terminal_shows_how_far_it_is(void **state)
{
	static char shown[1 << 20];
	double begin_ms;

	(void)state;
	world_need();
	write_file("/run/t.yaml", 120);
	assert_int_equal(ON_TERMINAL("", shown, "tenant", "add", "-q", "-f", "/run/t.yaml"), 0);
	/* -q: neither sentences nor progress. */
	assert_string_equal(shown, "");
	begin_ms = now_ms();
	assert_int_equal(ON_TERMINAL("", shown, "tenant", "del", "--all", "-y"), 0);
	if (now_ms() - begin_ms > 1500)
		assert_has(shown, "/120 tenants\r");
	assert_has(shown, "tenant t120 deleted\r\n");
	/* The line is taken away before a sentence is printed. */
	assert_null(strstr(shown, "tenantstenant"));
	assert_null(strchr(shown, '\033'));
}

static void elsewhere_progress_is_not_printed(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	world_need();
	write_file("/run/t.yaml", 60);
	NSNET(&r, "tenant", "add", "-f", "/run/t.yaml");
	assert_status(&r, 0);
	assert_string_equal(r.err, "");
}

/* ---- terminals and locales ----------------------------------------------- */

static void all_are_asked_for_even_one(void **state)
{
	char shown[4096];

	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	assert_int_equal(ON_TERMINAL("n\n", shown, "tenant", "del", "--all"), 5);
	assert_has(shown, "delete 1 tenant: customer1? [y/N] ");
	assert_has(shown, "nothing was deleted");
	assert_int_equal(ON_TERMINAL("y\n", shown, "tenant", "del", "--all"), 0);
	assert_int_equal(tenants(), 0);
	assert_int_equal(ON_TERMINAL("", shown, "tenant", "del", "--all"), 0);
	assert_has(shown, "nothing to delete");
}

/* A name that is cut is another name. */
static void a_narrow_terminal_cuts_nothing(void **state)
{
	static const char name[] = "a-tenant-with-a-name-of-32-chars";
	char shown[8192], line[128];

	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", name, "10.10.1.0/24");
	assert_int_equal(setenv("COLUMNS", "40", 1), 0);
	assert_int_equal(on_terminal(40, "", shown, sizeof(shown),
				     (const char *const[]){nsnet_bin(), "endpoint", "list", "-o",
							   "wide", NULL}),
			 0);
	(void)snprintf(line, sizeof(line), "/run/netns/%s ", name);
	assert_has(shown, line);
	(void)snprintf(line, sizeof(line), "%s/default  10.10.1.2 ", name);
	assert_has(shown, line);
	assert_int_equal(unsetenv("COLUMNS"), 0);
}

static void no_terminal_gets_colour_that_did_not_ask_for_it(void **state)
{
	static const struct {
		const char *name, *value;
		bool colour;
	} table[] = {
		{"TERM", "xterm", true},
		{"TERM", "dumb", false},
		{"NO_COLOR", "1", false},
		/* no-color.org: only when it is not empty. */
		{"NO_COLOR", "", true},
	};
	char shown[4096];

	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	RUN_STATUS(0, "ip", "-n", "customer1", "addr", "flush", "dev", "eth0");
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		assert_int_equal(setenv("TERM", "xterm", 1), 0);
		assert_int_equal(setenv(table[i].name, table[i].value, 1), 0);
		assert_int_equal(ON_TERMINAL("", shown, "endpoint", "list"), 0);
		assert_has(shown, "DRIFT");
		assert_int_equal(strchr(shown, '\033') != NULL, table[i].colour);
		assert_int_equal(unsetenv(table[i].name), 0);
	}
}

/* What others named is shown without harm in every locale, and documents are ASCII. */
static void foreign_names_are_escaped_in_every_locale(void **state)
{
	static const char *const locales[] = {"C", "C.UTF-8", "xx_XX.ISO-8859-1"};

	(void)state;
	world_need();
	NSNET_STATUS(0, "tenant", "add", "customer1", "10.10.1.0/24");
	/* In the gateway, where a link that is not ours is worth a note. */
	NSNET_STATUS(0, "enter", "--gateway", "customer1", "--", "ip", "link", "add",
		     "gr\xc3\xbc\xc2\x9b", "type", "bridge");
	for (size_t i = 0; i < NSN_COUNT(locales); i++) {
		NSN_AUTO(run_done) struct run text = {0};
		NSN_AUTO(run_done) struct run json = {0};
		NSN_AUTO(run_done) struct run err = {0};

		assert_int_equal(setenv("LC_ALL", locales[i], 1), 0);
		NSNET(&text, "repair", "-v");
		NSNET(&json, "repair", "-j");
		assert_status(&text, 0);
		assert_status(&json, 0);
		assert_has(text.err, "note: ");
		assert_null(strstr(text.err, "\xc2\x9b"));
		for (const char *p = json.out; *p; p++)
			assert_true((unsigned char)*p < 0x80);
		NSNET(&err, "tenant", "show", "gr\xc3\xbc\xc2\x9b\033[2J");
		assert_status(&err, 4);
		assert_null(strchr(err.err, '\033'));
		assert_null(strstr(err.err, "\xc2\x9b"));
		assert_int_equal(unsetenv("LC_ALL"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sigint_finishes_one_and_tells_the_rest, begin),
		cmocka_unit_test_setup(sigterm_is_143_and_the_document_has_what_was_not_done,
				       begin),
		cmocka_unit_test_setup(who_waits_for_the_lock_can_be_stopped, begin),
		cmocka_unit_test_setup(a_signal_that_comes_twice_ends_monitor_well, begin),
		cmocka_unit_test_setup(a_signal_ends_monitor_well_while_it_is_opening, begin),
		cmocka_unit_test_setup(an_ignored_signal_stays_ignored, begin),
		cmocka_unit_test_setup(after_a_failure_the_rest_is_told, begin),
		cmocka_unit_test_setup(repair_goes_on_after_one_that_failed, begin),
		cmocka_unit_test_setup(a_terminal_shows_how_far_it_is, begin),
		cmocka_unit_test_setup(elsewhere_progress_is_not_printed, begin),
		cmocka_unit_test_setup(all_are_asked_for_even_one, begin),
		cmocka_unit_test_setup(a_narrow_terminal_cuts_nothing, begin),
		cmocka_unit_test_setup(no_terminal_gets_colour_that_did_not_ask_for_it, begin),
		cmocka_unit_test_setup(foreign_names_are_escaped_in_every_locale, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
