/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply --confirm, confirm and rollback: what is kept, what is taken back, and by whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/store/vfs.h"
#include "../lib/lab.h"
#include "cli.h"

#define DIR "/run/policies"

/* customer1 may call customer2; the second lets customer3 do so instead. */
static void files(int which)
{
	static const char *const texts[] = {
		"nsnet: 1\\n"
		"tenants:\\n"
		"  customer1: { subnet: 10.10.1.0/24, endpoints: { app: auto, db: 10.10.1.9 } }\\n"
		"  customer2: { subnet: 10.10.2.0/24 }\\n"
		"rules:\\n"
		"  - { name: web, allow: icmp, from: customer1/app, to: customer2, because: x }\\n",
		"nsnet: 1\\n"
		"tenants:\\n"
		"  customer1: { subnet: 10.10.1.0/24, endpoints: { app: auto, web: auto } }\\n"
		"  customer2: { subnet: 10.10.2.0/24, mtu: 1400, labels: { tier: gold } }\\n"
		"  customer3: { subnet: 10.10.3.0/24 }\\n"
		"rules:\\n"
		"  - { name: web, allow: icmp, from: customer3, to: customer2, because: y }\\n"
		"  - { name: more, allow: tcp/80, from: customer1, to: customer3, because: y }\\n"
		"quarantine:\\n"
		"  - { who: customer1/web, because: z }\\n",
	};

	free(lab_sh("mkdir -p " DIR "; printf '%s' >" DIR "/a.yaml", texts[which]));
}

static void base(void)
{
	world_need();
	files(0);
	NSNET_STATUS(0, "apply", "-q", "-f", DIR);
}

/* What is wanted; who was made anew is the last of his tenant, so all of it in an order. */
static char *wanted(void)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	NSN_AUTO(nsn_freep) char *sorted = NULL;
	NSN_AUTO(nsn_freep) char *addresses = NULL;
	NSN_AUTO(nsn_freep) char *rules = NULL;
	NSN_AUTO(run_done) struct run r = {0};
	char *text = NULL;

	NSNET(&r, "export", "-j");
	assert_status(&r, 0);
	doc = parse(r.out);
	sorted = json_dumps(doc, JSON_SORT_KEYS | JSON_INDENT(1));
	addresses =
		lab_sh("%s endpoint list -o csv --columns ENDPOINT,ADDRESS | sort", nsnet_bin());
	/* With places in files, and who did it when. */
	rules = lab_sh("%s policy list -j | grep -vE '\"(packets|bytes)\"'", nsnet_bin());
	assert_true(asprintf(&text, "%s\n%s\n%s", sorted, addresses, rules) > 0);
	return text;
}

/* What is in the kernel: names of ports and cables, marks and handles are new each time. */
static char *kernel(void)
{
	return lab_sh(
		"for f in $(ls -d /run/netns/* /run/nsnet/gw/*); do echo \"== $f\";"
		"  nsenter --net=$f sh -c 'ip -br -4 addr; ip -4 route show table all | sort; "
		"nft -s list ruleset | sed -E \"/generation|errors with/s/0x[0-9a-f]+/MARK/g; "
		"s/elements = |[{},]//g; s/^[ \t]+//\"' | sed -E 's/if[0-9]+//g; "
		"s/nsn[0-9]+/PORT/g; s/@[^ ]*//; s/0x[0-9a-f]{8}/MARK/g; "
		"s/([0-9a-f]{2}:){5}[0-9a-f]{2}/MAC/g; s/100\\.127\\.[0-9.]+/TRANSIT/g; s/ +/ /g' "
		"| "
		"grep -v 'tenant [0-9]' | sort; done; ls /run/netns");
}

static bool reaches(const char *from)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/run/netns/%s", from);
	return lab_ping(path, "10.10.2.2");
}

/* They are long: the difference is what helps. */
static void assert_same(char *now, const char *before)
{
	NSN_AUTO(nsn_freep) char *diff = NULL;

	diff = lab_sh("cat >/run/now <<'END'\n%s\nEND\ncat >/run/before <<'END'\n%s\nEND\n"
		      "diff /run/before /run/now; rm /run/now /run/before",
		      now, before);
	assert_string_equal(diff, "");
	free(now);
}

/* ---- what waits --------------------------------------------------------------------- */

static struct nsnet_unconfirmed look(void)
{
	struct nsnet *n = lab_open();
	struct nsnet_unconfirmed u = {0};

	LAB_OK(nsnet_unconfirmed(n, &u, &(struct nsnet_err){0}));
	nsnet_close(n);
	return u;
}

static bool is_waiting(void *ctx)
{
	const struct nsnet_unconfirmed u = look();

	(void)ctx;
	return u.nr > 0 && u.state == NSNET_WAITS;
}

static bool is_over(void *ctx)
{
	return !is_waiting(ctx);
}

static void sql(const char *text)
{
	static const char path[] = LAB_STATE "/nsnet.db";
	struct nsn_vfs *v = NULL;
	sqlite3 *db = NULL;

	assert_int_equal(nsn_vfs_new(&v, path, NULL), 0);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, nsn_vfs_name(v)),
			 SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 10000);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	nsn_vfs_free(v);
}

/* The time is over: nobody has to wait for it. */
static void time_passes(void)
{
	sql("UPDATE unconfirmed SET deadline = 0");
}

/* All of ours in this world, among them the one that would take it back. */
static void kill_waiters(void)
{
	free(lab_sh("for p in /proc/[0-9]*; do "
		    "[ \"$(readlink $p/ns/mnt)\" = \"$(readlink /proc/self/ns/mnt)\" ] && "
		    "[ \"$(readlink $p/exe)\" = \"$(realpath %s)\" ] && kill -9 ${p#/proc/}; "
		    "done 2>/dev/null; true",
		    nsnet_bin()));
}

static int end(void **state)
{
	(void)state;
	if (geteuid() == 0)
		kill_waiters();
	return 0;
}

static bool says_so(void *ctx)
{
	(void)ctx;
	return lab_sh_status("grep -q 'unless you run' /run/said") == 0;
}

static bool has_ended(void *ctx)
{
	(void)ctx;
	return lab_sh_status("test -s /run/status") == 0;
}

static void confirmed_it_stays(void **state)
{
	NSN_AUTO(nsn_freep) char *after = NULL;

	(void)state;
	base();
	files(1);
	assert_true(reaches("customer1.app"));
	NSNET_STATUS(0, "apply", "-q", "-f", DIR, "--prune", "--confirm", "1h", "--detach");
	assert_true(is_waiting(NULL));
	assert_false(reaches("customer1.app"));
	assert_true(reaches("customer3"));
	after = wanted();
	SAYS("confirmed: generation 3 stays\n", "confirm");
	assert_int_equal(look().state, NSNET_CONFIRMED);
	time_passes();
	NSNET_STATUS(0, "repair");
	assert_same(wanted(), after);
	REFUSES(4, "NOTHING_TO_CONFIRM", "no change waits", "confirm");
}

static void unconfirmed_all_is_as_before(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL;
	NSN_AUTO(nsn_freep) char *in_kernel = NULL;
	pid_t inside;

	(void)state;
	base();
	before = wanted();
	in_kernel = kernel();
	inside = lab_sit("/run/netns/customer1.app");
	files(1);
	NSNET_STATUS(0, "apply", "-q", "-f", DIR, "--prune", "--confirm", "1h", "-d");
	assert_false(reaches("customer1.app"));
	time_passes(); /* and the process that waits sees it */
	assert_true(poll_until(is_over, NULL, 60000));
	assert_int_equal(look().state, NSNET_TAKEN_BACK);
	assert_same(wanted(), before);
	assert_same(kernel(), in_kernel);
	assert_true(reaches("customer1.app"));
	assert_int_equal(kill(inside, 0), 0);
	lab_leave(inside);
	NSNET_STATUS(0, "plan", "--exit-code");
}

/* In the foreground it says how it ended. */
static void who_waits_is_told(void **state)
{
	(void)state;
	base();
	for (int confirm = 0; confirm < 2; confirm++) {
		NSN_AUTO(nsn_freep) char *said = NULL;

		files(1);
		free(lab_sh("rm -f /run/said /run/status; { %s apply -f " DIR " --confirm 1h "
			    ">/run/said 2>&1; echo $? >/run/status; } & true",
			    nsnet_bin()));
		/* It waits from before the change; the time counts from after it. */
		assert_true(poll_until(says_so, NULL, 60000));
		assert_true(is_waiting(NULL));
		if (confirm)
			NSNET_STATUS(0, "confirm");
		else
			time_passes();
		assert_true(poll_until(has_ended, NULL, 60000));
		said = lab_sh("cat /run/said /run/status");
		assert_has(said, "s unless you run:  nsnet confirm\n");
		if (confirm)
			assert_has(said, "\nconfirmed\n0");
		else
			assert_has(said, "[NOT_CONFIRMED]\n8");
	}
}

/* ---- whoever is killed ------------------------------------------------------------------ */

static void without_who_waits_the_next_change_takes_it_back(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL;
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	base();
	before = wanted();
	files(1);
	NSNET_STATUS(0, "apply", "-q", "-f", DIR, "--prune", "--confirm", "1h", "-d");
	kill_waiters();
	time_passes();
	NSNET(&r, "status");
	assert_has(r.out, "was not confirmed in time: the next change rolls it back");
	NSNET_STATUS(0, "tenant", "add", "-n", "customer9", "10.10.9.0/24");
	assert_true(is_waiting(NULL));
	NSNET_STATUS(0, "tenant", "add", "customer9", "10.10.9.0/24");
	assert_int_equal(look().state, NSNET_TAKEN_BACK);
	NSNET_STATUS(0, "tenant", "del", "customer9");
	assert_same(wanted(), before);
	assert_true(reaches("customer1.app"));
	NSNET_STATUS(0, "plan", "--exit-code");
}

static void a_confirmation_that_comes_too_late_is_none(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL;

	(void)state;
	base();
	before = wanted();
	files(1);
	NSNET_STATUS(0, "apply", "-q", "-f", DIR, "--confirm", "1h", "-d");
	kill_waiters();
	time_passes();
	REFUSES(8, "NOT_CONFIRMED", "too late", "confirm");
	assert_same(wanted(), before);
}

/* Other boot id, other host namespace, empty /run. */
static void reboot(void)
{
	kill_waiters();
	free(lab_sh("umount -l /run/nsnet/gw /run/netns 2>/dev/null; rm -rf /run/nsnet /run/netns;"
		    "echo 11111111-2222-3333-4444-555555555555 >/run/boot_id;"
		    "mount --bind /run/boot_id /proc/sys/kernel/random/boot_id"));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	free(lab_sh("ip link set lo up"));
}

static void a_reboot_is_no_confirmation(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL;

	(void)state;
	base();
	before = wanted();
	files(1);
	NSNET_STATUS(0, "apply", "-q", "-f", DIR, "--prune", "--confirm", "1h", "-d");
	reboot();
	NSNET_STATUS(0, "repair");
	assert_int_equal(look().state, NSNET_TAKEN_BACK);
	assert_same(wanted(), before);
	assert_true(reaches("customer1.app"));
	NSNET_STATUS(0, "plan", "--exit-code");
}

/* Wherever it is killed: nothing was done, or it waits and is taken back. */
static void killed_on_the_way_it_is_taken_back(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL;

	(void)state;
	base();
	before = wanted();
	for (int i = 0; i < 12; i++) {
		files(1);
		free(lab_sh("setsid %s apply -q -f " DIR
			    " --prune --confirm 1h -d >/dev/null 2>&1 & "
			    "sleep 0.%03d; kill -9 $! 2>/dev/null; wait $! 2>/dev/null; true",
			    nsnet_bin(), 20 * i));
		kill_waiters();
		if (is_waiting(NULL)) {
			time_passes();
			NSNET_STATUS(0, "repair", "-q");
		}
		assert_same(wanted(), before);
		NSNET_STATUS(0, "plan", "--exit-code");
		assert_true(reaches("customer1.app"));
	}
}

/* ---- what may be done meanwhile ------------------------------------------------------- */

static void what_closes_is_done_and_stays(void **state)
{
	NSN_AUTO(run_done) struct run r = {0};

	(void)state;
	base();
	NSNET_STATUS(0, "allow", "customer2", "customer1/app", "icmp", "--name", "back",
		     "--because", "x");
	files(1);
	NSNET_STATUS(0, "apply", "-q", "-f", DIR, "--prune", "--confirm", "1h", "-d");
	REFUSES(5, "UNCONFIRMED", "waits for its confirmation", "allow", "customer1", "customer2",
		"tcp/1", "--because", "x");
	REFUSES(5, "UNCONFIRMED", "waits for its confirmation", "apply", "-f", DIR, "--confirm",
		"1h");
	REFUSES(5, "UNCONFIRMED", "waits for its confirmation", "tenant", "del", "customer3",
		"--with-rules");
	REFUSES(5, "UNCONFIRMED", "waits for its confirmation", "tenant", "release",
		"customer1/web");
	REFUSES(5, "UNCONFIRMED", "waits for its confirmation", "endpoint", "add",
		"customer1/more");
	NSNET_STATUS(0, "plan", "-f", DIR);
	NSNET_STATUS(0, "revoke", "back");
	NSNET_STATUS(0, "deny", "customer1", "customer2", "tcp/2", "--name", "no");
	NSNET_STATUS(0, "deny", "customer3", "customer2", "tcp/2", "--name", "nobody");
	NSNET_STATUS(0, "tenant", "quarantine", "customer1/app", "--because", "odd", "--keep",
		     "customer3 -> customer1/app tcp/22");
	REFUSES(5, "UNCONFIRMED", "waits", "revoke", "no");
	REFUSES(5, "UNCONFIRMED", "waits", "tenant", "quarantine", "customer1/app", "--because",
		"x");
	NSNET_STATUS(0, "rollback", "-q");
	assert_int_equal(look().state, NSNET_TAKEN_BACK);
	kill_waiters();

	/* `nobody` was about who is gone. */
	NSNET(&r, "policy", "list", "-o", "csv", "--columns", "RULE,ACTION");
	assert_string_equal(r.out, "RULE,ACTION\nno,deny\nweb,allow\n");
	assert_false(reaches("customer1.app"));
	NSNET_STATUS(0, "plan", "--exit-code");
	NSNET_STATUS(0, "tenant", "release", "customer1/app");
	assert_true(reaches("customer1.app"));
}

/* ---- rollback ---------------------------------------------------------------------------- */

static void the_last_apply_is_taken_back(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL;
	NSN_AUTO(nsn_freep) char *in_kernel = NULL;
	NSN_AUTO(nsn_freep) char *after = NULL;
	NSN_AUTO(run_done) struct run r = {0};
	ino_t ns;

	(void)state;
	base();
	before = wanted();
	in_kernel = kernel();
	ns = lab_netns_inode("/run/netns/customer1.app");
	files(1);
	NSNET_STATUS(0, "apply", "-q", "-f", DIR, "--prune");
	after = wanted();
	NSNET(&r, "rollback", "-n");
	assert_status(&r, 0);
	assert_has(r.out, "opens   customer1/app -> customer2 icmp");
	assert_same(wanted(), after);
	REFUSES(5, "PRUNE_TENANTS", "customer3", "rollback");
	assert_same(wanted(), after);
	NSNET_STATUS(0, "rollback", "--prune-tenants", "1");
	assert_same(wanted(), before);
	assert_same(kernel(), in_kernel);
	assert_true(lab_netns_inode("/run/netns/customer1.app") == ns);
	assert_true(reaches("customer1.app"));
	/* Once more would bring it back. */
	REFUSES(5, "LATER_CHANGES", "a rollback already", "rollback");
	NSNET_STATUS(0, "rollback", "3");
	assert_same(wanted(), after);
}

static void each_kept_generation_comes_back(void **state)
{
	NSN_AUTO(json_unref) json_t *list = NULL;
	char *was[6];

	(void)state;
	base();
	was[1] = wanted();
	NSNET_STATUS(0, "tenant", "set", "customer2", "subnet=10.20.2.0/24", "mtu=1300");
	was[2] = wanted();
	NSNET_STATUS(0, "endpoint", "add", "customer1/new", "--ip", "10.10.1.77");
	was[3] = wanted();
	NSNET_STATUS(0, "endpoint", "del", "customer1/app");
	was[4] = wanted();
	NSNET_STATUS(0, "tenant", "del", "customer2", "--with-rules");
	list = ANSWER("GenerationList", "rollback", "--list", "-j");
	assert_int_equal(json_array_size(json_object_get(list, "items")), 5);
	assert_int_equal(number_of(item(list, 0), "generation"), 4);
	assert_string_equal(text_of(item(list, 0), "command"), "tenant del customer2 --with-rules");
	assert_string_equal(text_of(item(list, 4), "kind"), "apply");
	REFUSES(5, "LATER_CHANGES", "nsnet rollback 0; only the last: nsnet rollback 4",
		"rollback");
	REFUSES(4, "NO_GENERATION", "no state of generation 77 is kept", "rollback", "77");
	for (unsigned int i = 4; i >= 1; i--) {
		char n[8];

		(void)snprintf(n, sizeof(n), "%u", i);
		NSNET_STATUS(0, "rollback", "-q", n);
		assert_same(wanted(), was[i]);
		NSNET_STATUS(0, "plan", "--exit-code");
	}
	assert_true(reaches("customer1.app"));
	NSNET_STATUS(0, "rollback", "4");
	assert_same(wanted(), was[4]);
	NSNET_STATUS(0, "rollback", "0", "--prune-tenants", "2");
	SAYS("", "tenant", "list", "-o", "name");
	for (unsigned int i = 1; i <= 4; i++)
		free(was[i]);
}

/* What follows from a setting comes back with it, and not once more beside it. */
static void a_rule_of_dns_comes_with_its_setting(void **state)
{
	(void)state;
	base();
	NSNET_STATUS(0, "-q", "tenant", "set", "customer1", "dns=customer2/default");
	free(lab_sh("echo '  - { name: more, allow: tcp/80, from: customer1, to: customer2, "
		    "because: y }' >>" DIR "/a.yaml; sed -i 's|10.10.1.9 }|&, dns: "
		    "customer2/default|' " DIR "/a.yaml"));
	NSNET_STATUS(0, "-q", "apply", "-f", DIR);
	NSNET_STATUS(0, "-q", "rollback");
	SAYS("customer1-dns\nweb\n", "policy", "list", "-o", "name");
	NSNET_STATUS(0, "-q", "tenant", "set", "customer1", "dns=none");
	SAYS("web\n", "policy", "list", "-o", "name");
}

int main(int argc, char **argv)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(confirmed_it_stays),
		TEST(unconfirmed_all_is_as_before),
		TEST(who_waits_is_told),
		TEST(without_who_waits_the_next_change_takes_it_back),
		TEST(a_confirmation_that_comes_too_late_is_none),
		TEST(killed_on_the_way_it_is_taken_back),
		TEST(what_closes_is_done_and_stays),
		TEST(the_last_apply_is_taken_back),
		TEST(each_kept_generation_comes_back),
		TEST(a_rule_of_dns_comes_with_its_setting),
		TEST(a_reboot_is_no_confirmation),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
