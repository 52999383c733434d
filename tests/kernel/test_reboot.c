/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/store/vfs.h"
#include "../lib/inject.h"
#include "../lib/lab.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * A reboot: all of the kernel is gone, the state folder is not, and others have come
 * up before us.
 */

static struct peers peers;

/* Other boot id, other host namespace, empty /run. */
static void reboot(unsigned int nr)
{
	peers_stop(&peers);
	free(lab_sh("umount -l /run/nsnet/gw /run/netns 2>/dev/null; rm -rf /run/nsnet /run/netns;"
		    "echo 11111111-2222-3333-4444-%012u >/run/boot_id;"
		    "umount /proc/sys/kernel/random/boot_id 2>/dev/null; "
		    "mount --bind /run/boot_id /proc/sys/kernel/random/boot_id",
		    nr));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	free(lab_sh("ip link set lo up"));
}

/*
 * All that is in the tenants' namespaces and files. Indexes of links, the number
 * of the generation and the order of
 * elements are the kernel's; what is in which chain is for `nsnet plan` to see.
 */
static char *networks(void)
{
	return lab_sh("for f in $(ls -d /run/netns/customer* /run/netns/shared* /run/nsnet/gw/* "
		      "2>/dev/null | grep -v alike); do echo \"== $f\";"
		      "  nsenter --net=$f sh -c 'ip -br link | sed s/@[^\\ ]*//; ip -br addr | "
		      "sed s/@[^\\ ]*//; ip -o neigh show nud permanent | sort; "
		      "ip -4 route show table all | sort; ip -6 route show table all | sort; "
		      "ip rule; nft -s list ruleset | sed -E \"/generation|errors "
		      "with/s/0x[0-9a-f]+/MARK/g; s/elements = |[{},]//g; s/^[ \t]+//\" |"
		      " sort' | sed -E 's/(UP|UNKNOWN|DOWN|LOWER_UP|"
		      "LOWERLAYERDOWN|NO-CARRIER|M-DOWN|,)+//g; s/ +/ /g'; done; "
		      "cd /etc/netns && grep -r . . | grep -v alike | sort");
}

/* They are long: the difference is what helps. */
static void same_text(const char *now, const char *before)
{
	char *diff = lab_sh("cat >/run/now <<'END'\n%s\nEND\ncat >/run/before <<'END'\n%s\nEND\n"
			    "diff /run/before /run/now; rm /run/now /run/before",
			    now, before);

	assert_string_equal(diff, "");
	free(diff);
}

/* ---- others ------------------------------------------------------------------------ */

struct others {
	pid_t inside;
	char *before;
};

static char *others_look(void)
{
	return lab_sh("stat -Lc '%%n %%i' /run/netns/*alike*; ip -o link | cut -d' ' -f2- ;"
		      "for f in /run/netns/*alike*; do nsenter --net=$f sh -c "
		      "'ip -o link; ip -o addr; nft -s list ruleset'; done; "
		      "cat /run/nsnet-alike /etc/netns/customer1-alike/hosts");
}

static uint64_t cookie_of(const char *netns)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(netns, O_RDONLY | O_CLOEXEC);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int sk;

	assert_true(home >= 0 && there >= 0);
	assert_int_equal(setns(there, CLONE_NEWNET), 0);
	sk = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(getsockopt(sk, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len), 0);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(sk);
	(void)close(there);
	(void)close(home);
	return cookie;
}

/* In this boot, a namespace of somebody else got the cookie that one of ours had in the last. */
static void give_cookies(uint64_t cookie)
{
	static const char path[] = LAB_STATE "/nsnet.db";
	struct nsn_vfs *v = NULL;
	sqlite3 *db = NULL;
	char sql[96];

	assert_int_equal(nsn_vfs_new(&v, path, NULL), 0);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, nsn_vfs_name(v)),
			 SQLITE_OK);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)snprintf(sql, sizeof(sql), "UPDATE netns SET cookie = %lld", (long long)cookie);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	nsn_vfs_free(v);
}

/* Names, groups and numbers like ours: what somebody has who is not us. */
static void others_come(struct others *o, unsigned int group, const char *port)
{
	free(lab_sh("ip netns add customer1-alike; ip netns add alike.app;"
		    "ip -n customer1-alike link add %s type dummy;"
		    "ip -n customer1-alike link set %s group %u up;"
		    "ip -n alike.app link add eth0 type dummy;"
		    "ip -n alike.app addr add 10.10.1.10/24 dev eth0;"
		    "ip netns exec alike.app nft add table inet nsnet;"
		    "ip netns exec alike.app nft add table bridge nsnet;"
		    "ip link add br0 type dummy; ip link add nsnet0 type dummy;"
		    "echo other >/run/nsnet-alike; mkdir -p /etc/netns/customer1-alike;"
		    "echo '192.0.2.1 other' >/etc/netns/customer1-alike/hosts",
		    port, port, group));
	give_cookies(cookie_of("/run/netns/alike.app"));
	o->inside = lab_sit("/run/netns/alike.app");
	o->before = others_look();
}

static void others_untouched(struct others *o)
{
	char *after = others_look();

	assert_string_equal(after, o->before);
	assert_int_equal(kill(o->inside, 0), 0);
	free(after);
}

static void others_go(struct others *o)
{
	lab_leave(o->inside);
	free(o->before);
}

/* ---- the tests --------------------------------------------------------------------- */

static void repaired(unsigned int times)
{
	struct run r;

	for (unsigned int i = 0; i < times; i++)
		NSNET_STATUS(0, "repair");
	NSNET(&r, "repair");
	assert_int_equal(r.status, 0);
	assert_non_null(strstr(r.out, "nothing to do"));
	run_free(&r);
}

static struct nsnet *build(void)
{
	static const char keep[] = "customer1/app -> customer2/db";
	const char *const keeps[] = {keep};
	struct nsnet *n = peers_build(&peers, peers_tenants, PEERS_TENANTS);

	ALLOW(n, "first", "customer1", "customer2", "tcp/5432,icmp/echo");
	ALLOW(n, "resolve", "tenants", "shared/dns", "udp/53");
	DENY(n, "not", "customer1/worker", "customer2/db", "tcp/5432");
	LAB_OK(nsnet_quarantine(n, "customer2/web", "a test", keeps, 0, 0, NULL, NULL));
	return n;
}

static void after_a_reboot_all_is_as_it_was_and_others_are_left_alone(void **state)
{
	struct nsnet_status st = {0};
	struct others o = {0};
	char *rows, *text, *before;
	struct nsnet *n;

	(void)state;
	world_need();
	n = build();
	LAB_OK(nsnet_status(n, &st, NULL));
	nsnet_close(n);
	before = networks();
	assert_non_null(strstr(before, "10.10.2.10"));
	text = lab_sh("nsenter --net=$(ls -d /run/nsnet/gw/* | head -1) ip -br link | "
		      "grep -v -e ^lo -e ^br0 | head -1 | sed 's/[@ ].*//'");
	reboot(1);
	others_come(&o, st.group, text);
	rows = lab_rows(LAB_STATE);

	repaired(1);
	others_untouched(&o);
	free(text);
	text = networks();
	same_text(text, before);
	/* Not the other's, whatever its cookie. */
	free(text);
	text = lab_sh("for f in /run/netns/customer?.* /run/nsnet/gw/*; do stat -Lc %%i $f; done |"
		      " grep -c $(stat -Lc %%i /run/netns/alike.app) || true");
	assert_string_equal(text, "0");
	NSNET_STATUS(0, "gc");
	others_untouched(&o);
	n = lab_open();
	NOTHING_TO_DO(n, "the reboot");
	nsnet_close(n);
	others_go(&o);
	free(before);
	free(text);
	free(rows);
}

static int calls_seen, kill_at;

static void look(const uint64_t args[6])
{
	(void)args;
	if (calls_seen++ == kill_at)
		(void)kill(getpid(), SIGKILL);
}

static void add_red(void *arg)
{
	struct nsnet *n = NULL;

	(void)arg;
	if (nsnet_open(&n, NULL, NULL, NULL) == 0)
		(void)nsnet_tenant_add(n, "red", "10.10.77.0/24", 0, NULL, NULL);
	nsnet_close(n);
}

static void del_red(void *arg)
{
	struct nsnet *n = NULL;

	(void)arg;
	if (nsnet_open(&n, NULL, NULL, NULL) == 0)
		(void)nsnet_tenant_del(n, "red", 0, NULL, NULL);
	nsnet_close(n);
}

/* Return: whether it died */
static bool die_at(void (*fn)(void *arg), int at)
{
	static const struct inject_rule rules[] = {
		{.nr = __NR_pwrite64, .look = look}, {.nr = __NR_fdatasync, .look = look},
		{.nr = __NR_sendmsg, .look = look},  {.nr = __NR_sendto, .look = look},
		{.nr = __NR_mount, .look = look},    {.nr = __NR_umount2, .look = look},
	};
	struct inject seen;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		kill_at = at;
		inject(rules, 6, -1, fn, NULL, &seen);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status);
}

/* The power goes at some call of an add or a del of one tenant; another one stays as it is. */
static void power_lost_in(void (*fn)(void *arg), bool there, int step)
{
	struct nsnet *n = lab_open();
	unsigned int nr = 10;
	bool died = true;
	char *blue, *again;
	int at;

	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	nsnet_close(n);
	blue = lab_sh("nsenter --net=/run/netns/blue ip -br addr | sed 's/@[^ ]*//'");
	for (at = 0; died; at += step) {
		n = lab_open();
		if (there)
			LAB_OK(nsnet_tenant_add(n, "red", "10.10.77.0/24", 0, NULL, NULL));
		else if (lab_count(n) == 2)
			lab_del(n, "red");
		nsnet_close(n);
		died = die_at(fn, at);
		reboot(nr++);
		repaired(1);
		n = lab_open();
		assert_true(lab_count(n) == 1 || lab_count(n) == 2);
		lab_state(n, "blue", NSNET_STATE_OK);
		if (lab_count(n) == 2)
			lab_state(n, "red", NSNET_STATE_OK);
		else
			assert_int_not_equal(access("/run/netns/red", F_OK), 0);
		nsnet_close(n);
		again = lab_sh("nsenter --net=/run/netns/blue ip -br addr | sed 's/@[^ ]*//'");
		assert_string_equal(again, blue);
		free(again);
	}
	print_message("%u reboots in %d calls\n", nr - 10, at - step);
	free(blue);
}

static void power_lost_while_adding_leaves_all_or_nothing(void **state)
{
	(void)state;
	world_need();
	power_lost_in(add_red, false, test_quick() ? 25 : 5);
}

static void power_lost_while_deleting_leaves_all_or_nothing(void **state)
{
	(void)state;
	world_need();
	power_lost_in(del_red, true, test_quick() ? 25 : 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(after_a_reboot_all_is_as_it_was_and_others_are_left_alone,
				       world_setup),
		cmocka_unit_test_setup(power_lost_while_adding_leaves_all_or_nothing, world_setup),
		cmocka_unit_test_setup(power_lost_while_deleting_leaves_all_or_nothing,
				       world_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
