/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "../lib/inject.h"
#include "../lib/lab.h"
#include "../lib/packet.h"
#include "../lib/world.h"

/*
 * The engine through the public interface: wanted, kernel and files before and
 * after each verb, and what happens when something is in the way, is missing,
 * or fails. Each test has a world of its own.
 */

static void same_snapshot(char *before)
{
	char *after = lab_snapshot();

	assert_string_equal(before, after);
	free(after);
	free(before);
}

static void same_rows(char *before)
{
	char *after = lab_rows(LAB_STATE);

	assert_string_equal(before, after);
	free(after);
	free(before);
}

static void end(struct nsnet *n)
{
	nsnet_close(n);
}

/* ---- adding ------------------------------------------------------------------------- */

/* A socket that hears of every change in a network namespace. */
static int listen_in(const char *netns, int protocol, unsigned int groups)
{
	const struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(netns, O_RDONLY | O_CLOEXEC);
	int sk;

	assert_true(home >= 0 && there >= 0);
	assert_int_equal(setns(there, CLONE_NEWNET), 0);
	sk = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	assert_true(sk >= 0);
	assert_int_equal(bind(sk, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	(void)close(home);
	(void)close(there);
	return sk;
}

static bool heard_nothing(int sk)
{
	char byte;

	return recv(sk, &byte, 1, 0) < 0 && errno == EAGAIN;
}

/* Links come up in the background and say so. */
static bool quiet(void *ctx)
{
	const int *sk = ctx;
	bool q = true;
	int i;

	for (i = 0; i < 4; i++)
		while (!heard_nothing(sk[i]))
			q = false;
	return q;
}

/* What is wrong is told in the order of the definitions, whatever it is. */
static void the_first_wrong_definition_is_told(void **state)
{
	static const struct {
		const char *names[6], *msg, *where;
	} table[] = {
		{{"one", "two", "one"}, "tenant 'one' is defined twice", "file:3"},
		{{"two", "one", "one", "two", "Bad"}, "tenant 'one' is defined twice", "file:3"},
		{{"one", "two", "two", "two", "one"}, "tenant 'two' is defined twice", "file:3"},
		{{"one", "one", "Bad"}, "tenant 'one' is defined twice", "file:2"},
		{{"one", "Bad", "one"}, "'Bad' is not a tenant name", "file:2"},
		{{"Bad", "one", "one"}, "'Bad' is not a tenant name", "file:1"},
	};
	struct nsnet *n;
	size_t i, k;

	(void)state;
	world_need();
	n = lab_open();
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct nsnet_tenant_def defs[6] = {{0}};
		struct nsnet_err err = {0};
		char where[6][16];

		for (k = 0; table[i].names[k]; k++) {
			(void)snprintf(where[k], sizeof(where[k]), "file:%zu", k + 1);
			defs[k] = (struct nsnet_tenant_def){.name = table[i].names[k],
							    .subnet = "10.10.1.0/24",
							    .where = where[k]};
		}
		assert_int_equal(nsnet_tenants_add(n, defs, k, 0, NULL, &err), -EINVAL);
		assert_int_equal(err.id, NSNET_E_BAD_NAME);
		assert_non_null(strstr(err.msg, table[i].msg));
		assert_string_equal(err.where, table[i].where);
	}
	end(n);
}

static void adding_twice_changes_nothing_and_writes_nothing(void **state)
{
	struct nsnet *n;
	char *rows, *before;
	int sk[4], i;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	before = lab_snapshot();
	rows = lab_rows(LAB_STATE);
	for (i = 0; i < 2; i++) {
		const char *ns = i ? LAB_PIN_DIR "/blue" : lab_gateway(n, "blue");

		sk[2 * i] = listen_in(ns, NETLINK_ROUTE, ~0U);
		sk[2 * i + 1] = listen_in(ns, NETLINK_NETFILTER, 1U << (NFNLGRP_NFTABLES - 1));
	}
	assert_true(poll_until(quiet, sk, 30000));

	lab_add(n, "blue", "10.10.1.0/24", NSNET_UNCHANGED);
	for (i = 0; i < 4; i++)
		assert_true(heard_nothing(sk[i]));
	/* They would have heard it. */
	free(lab_sh("nsenter --net=%s nft add table inet x; ip -n blue link set eth0 mtu 1400",
		    lab_gateway(n, "blue")));
	assert_false(heard_nothing(sk[1]));
	assert_false(heard_nothing(sk[2]));
	free(lab_sh("nsenter --net=%s nft delete table inet x; ip -n blue link set eth0 mtu 1500",
		    lab_gateway(n, "blue")));
	for (i = 0; i < 4; i++)
		(void)close(sk[i]);
	same_snapshot(before);
	same_rows(rows);
	end(n);
}

/* Arguments and result of a call in another thread. */
struct call {
	struct nsnet *n;
	struct nsnet_err err;
	int r;
};

static void call_add(void *arg)
{
	struct call *c = arg;

	c->r = nsnet_tenant_add(c->n, "blue", "10.10.1.0/24", 0, NULL, &c->err);
}

static void call_del(void *arg)
{
	struct call *c = arg;

	c->r = nsnet_tenant_del(c->n, "blue", 0, NULL, &c->err);
}

static void call_repair(void *arg)
{
	struct call *c = arg;

	c->r = nsnet_repair(c->n, "blue", 0, NULL, &c->err);
}

static int writes;

/* Whether a message reads: dumps, gets, and what an nft batch does not begin with. */
static bool only_reads(const struct nlmsghdr *msg)
{
	static const int nft_gets[] = {NFT_MSG_GETTABLE,  NFT_MSG_GETCHAIN, NFT_MSG_GETRULE,
				       NFT_MSG_GETOBJ,	  NFT_MSG_GETGEN,   NFT_MSG_GETSET,
				       NFT_MSG_GETSETELEM};
	size_t i;

	if (msg->nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES)
		for (i = 0; i < sizeof(nft_gets) / sizeof(nft_gets[0]); i++)
			if ((msg->nlmsg_type & 0xff) == nft_gets[i])
				return true;
	/* In rtnetlink they come in fours: new, del, get, set. */
	return msg->nlmsg_type >= RTM_BASE && msg->nlmsg_type <= RTM_MAX &&
	       (msg->nlmsg_type & 3) == 2;
}

static void look_at_send(const uint64_t args[6])
{
	writes += !only_reads((const struct nlmsghdr *)(uintptr_t)args[1]);
}

static void look_at_sendmsg(const uint64_t args[6])
{
	const struct msghdr *msg = (const struct msghdr *)(uintptr_t)args[1];

	writes += !only_reads(msg->msg_iov[0].iov_base);
}

static void look_at_open(const uint64_t args[6])
{
	const char *path = (const char *)(uintptr_t)args[1];

	/* All are opened from their folder; the first are settings of the kernel. */
	bool ours = strncmp(path, "conf/", 5) == 0 || strcmp(path, "hosts") == 0 ||
		    strcmp(path, "resolv.conf") == 0;

	writes += ours && (args[2] & O_ACCMODE) != O_RDONLY;
}

static void look_at_other(const uint64_t args[6])
{
	(void)args;
	writes++;
}

static void an_unchanged_add_sends_only_reads(void **state)
{
	static const struct inject_rule all[] = {
		{.nr = __NR_sendto, .look = look_at_send},
		{.nr = __NR_sendmsg, .look = look_at_sendmsg},
		{.nr = __NR_openat, .look = look_at_open},
		{.nr = __NR_mount, .look = look_at_other},
		{.nr = __NR_umount2, .look = look_at_other},
		{.nr = __NR_unshare, .look = look_at_other},
		{.nr = __NR_unlink, .look = look_at_other},
		{.nr = __NR_mkdirat, .look = look_at_other},
		{.nr = __NR_unlinkat, .look = look_at_other},
		{.nr = __NR_fchmod, .look = look_at_other},
	};
	const int n = (int)(sizeof(all) / sizeof(all[0]));
	struct call c = {0};
	struct inject seen;

	(void)state;
	world_need();
	c.n = lab_open();
	writes = 0;
	inject(all, n, -1, call_add, &c, &seen);
	assert_int_equal(c.r, 0);
	assert_true(writes > 50);
	writes = 0;
	inject(all, n, -1, call_add, &c, &seen);
	assert_int_equal(c.r, 0);
	assert_true(seen.seen > 20);
	assert_int_equal(writes, 0);
	end(c.n);
}

static void another_subnet_is_refused_with_both_values(void **state)
{
	struct nsnet_err err;
	struct nsnet *n;
	char *rows, *before;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	before = lab_snapshot();
	rows = lab_rows(LAB_STATE);
	lab_add_fails(n, "blue", "10.10.2.0/24", 0, -EEXIST, NSNET_E_TENANT_DIFFERS, &err);
	LAB_HAS(err.msg, "10.10.1.0/24");
	LAB_HAS(err.msg, "10.10.2.0/24");
	LAB_HAS(err.msg, "'blue'");
	lab_add_fails(n, "blue", "10.10.1.0/25", NSNET_MUST_CREATE, -EEXIST, NSNET_E_TENANT_DIFFERS,
		      &err);
	lab_add_fails(n, "blue", "10.10.1.0/25", NSNET_DRY_RUN, -EEXIST, NSNET_E_TENANT_DIFFERS,
		      &err);
	same_rows(rows);
	same_snapshot(before);
	end(n);
}

static void must_create_refuses_an_identical_tenant(void **state)
{
	struct nsnet_err err;
	struct nsnet *n;
	char *rows, *before;

	(void)state;
	world_need();
	n = lab_open();
	LAB_OK(nsnet_tenant_add(n, "blue", "10.10.1.0/24", NSNET_MUST_CREATE, NULL, NULL));
	before = lab_snapshot();
	rows = lab_rows(LAB_STATE);
	lab_add_fails(n, "blue", "10.10.1.0/24", NSNET_MUST_CREATE, -EEXIST, NSNET_E_TENANT_EXISTS,
		      &err);
	same_rows(rows);
	same_snapshot(before);
	end(n);
}

static void bad_names_and_subnets_leave_nothing(void **state)
{
	static const char *const names[] = {
		"",	   ".",	      "..",   "a/b",	  "../x",
		"x",	   "-a",      "a-",   "a\nb",	  "\xc3\xa4-",
		"Abc",	   "a_b",     "a b",  "1a",	  "all",
		"default", "gateway", "host", "%s%n",	  "$(id)",
		"tv*",	   "a.b",     ";id",  "\x80\xff", "abcdefghijklmnopqrstuvwxyz0123456",
	};
	static const char *const subnets[] = {
		"",
		"10.10.1.0",
		"10.10.1.1/24",
		"10.10.1.0/0",
		"10.10.1.0/31",
		"10.10.1.0/32",
		"10.10.1.0/33",
		"10.10.1.0/7",
		"0.0.0.0/0",
		"0.0.0.0/8",
		"127.0.0.0/8",
		"169.254.1.0/24",
		"224.0.0.0/8",
		"240.0.0.0/8",
		"255.255.255.0/24",
		"::/0",
		"fd00::/64",
		"::1/128",
		"010.10.1.0/24",
		"10.10.1/24",
		" 10.10.1.0/24",
		"10.10.1.0/24 ",
		"10.10.1.0/024",
		"10.10.1.0/-1",
		"10.10.1.0/24/24",
		"a.b.c.d/24",
		"10.10.1.256/24",
		"10.10.1.0/2 4",
		"10.10.1.0%eth0/24",
	};
	struct nsnet_err err;
	struct nsnet *n;
	char *before;
	size_t i;

	(void)state;
	world_need();
	n = lab_open();
	before = lab_snapshot();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		lab_add_fails(n, names[i], "10.10.1.0/24", 0, -EINVAL, NSNET_E_BAD_NAME, &err);
	for (i = 0; i < sizeof(subnets) / sizeof(subnets[0]); i++)
		lab_add_fails(n, "blue", subnets[i], 0, -EINVAL, NSNET_E_BAD_SUBNET, &err);
	lab_nothing_left(n);
	same_snapshot(before);
	end(n);
}

static void a_dry_run_changes_nothing(void **state)
{
	struct nsnet_change *c = NULL;
	struct nsnet *n;
	char *rows, *before;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	free(lab_sh("nsenter --net=%s nft flush ruleset", lab_gateway(n, "blue")));
	before = lab_snapshot();
	rows = lab_rows(LAB_STATE);

	LAB_OK(nsnet_tenant_add(n, "red", "10.10.1.0/24", NSNET_DRY_RUN, &c, NULL));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_CREATED);
	assert_true(nsnet_change_steps(c, 0) > 20);
	nsnet_change_free(c);
	LAB_OK(nsnet_repair(n, NULL, NSNET_DRY_RUN, &c, NULL));
	assert_int_equal(nsnet_change_items(c), 1);
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_REPAIRED);
	nsnet_change_free(c);
	LAB_OK(nsnet_tenant_add(n, "blue", "10.10.1.0/24", NSNET_DRY_RUN, &c, NULL));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_REPAIRED);
	nsnet_change_free(c);
	LAB_OK(nsnet_tenant_del(n, "blue", NSNET_DRY_RUN, &c, NULL));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_REMOVED);
	assert_true(nsnet_change_steps(c, 0) > 3);
	nsnet_change_free(c);
	LAB_OK(nsnet_gc(n, NSNET_DRY_RUN, &c, NULL));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_UNCHANGED);
	nsnet_change_free(c);

	same_rows(rows);
	same_snapshot(before);
	end(n);
}

static void two_tenants_with_one_subnet_both_ping_their_own_gateway(void **state)
{
	struct nsnet_change *c = NULL;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	LAB_OK(nsnet_tenant_add(n, "red", "10.10.1.0/24", 0, &c, NULL));
	assert_int_equal(nsnet_change_notes(c, 0), 1);
	LAB_HAS(nsnet_change_note(c, 0, 0), "overlaps 10.10.1.0/24 of blue");
	nsnet_change_free(c);
	assert_true(lab_ping(LAB_PIN_DIR "/blue", "10.10.1.1"));
	assert_true(lab_ping(LAB_PIN_DIR "/red", "10.10.1.1"));
	lab_del(n, "blue");
	assert_true(lab_ping(LAB_PIN_DIR "/red", "10.10.1.1"));
	lab_state(n, "red", NSNET_STATE_OK);
	end(n);
}

/* ---- deleting ----------------------------------------------------------------------- */

static void deleting_what_is_absent_says_no_tenant(void **state)
{
	struct nsnet_err err = {0};
	struct nsnet *n;
	char *before;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	before = lab_snapshot();
	assert_int_equal(nsnet_tenant_del(n, "blu", 0, NULL, &err), -ENOENT);
	assert_int_equal(err.id, NSNET_E_NO_TENANT);
	LAB_HAS(err.hint, "blue");
	assert_int_equal(nsnet_tenant_del(n, "../blue", 0, NULL, NULL), -ENOENT);
	assert_int_equal(nsnet_tenant_del(n, "", NSNET_DRY_RUN, NULL, NULL), -ENOENT);
	assert_int_equal(nsnet_repair(n, "blu", 0, NULL, NULL), -ENOENT);
	same_snapshot(before);
	lab_del(n, "blue");
	assert_int_equal(nsnet_tenant_del(n, "blue", 0, NULL, NULL), -ENOENT);
	end(n);
}

static bool netns_gone(void *ctx)
{
	const ino_t *inode = ctx;

	return lab_netns_gone(*inode);
}

static void del_leaves_no_namespace_link_mount_file_or_row(void **state)
{
	struct nsnet *n;
	ino_t gateway, workload;

	(void)state;
	world_need();
	n = lab_open();
	lab_nothing_left(n);
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	gateway = lab_netns_inode(lab_gateway(n, "blue"));
	workload = lab_netns_inode(LAB_PIN_DIR "/blue");
	assert_true(gateway && workload);
	assert_false(lab_netns_gone(gateway));
	lab_del(n, "blue");
	lab_nothing_left(n);
	assert_true(poll_until(netns_gone, &gateway, 60000));
	assert_true(poll_until(netns_gone, &workload, 60000));
	end(n);
}

/* Private copies of all mounts, made while the tenant stands, must not keep it alive. */
static void another_mount_namespace_does_not_keep_a_deleted_tenant(void **state)
{
	struct nsnet *n;
	ino_t gateway, workload;
	pid_t other;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "red", "10.10.2.0/24", NSNET_CREATED);
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	gateway = lab_netns_inode(lab_gateway(n, "blue"));
	workload = lab_netns_inode(LAB_PIN_DIR "/blue");
	other = lab_sit_unshared(true);
	text = lab_sh("cat /proc/%d/mountinfo", other);
	LAB_HAS(text, "/run/netns/blue");
	free(text);
	lab_del(n, "blue");
	assert_true(poll_until(netns_gone, &gateway, 60000));
	assert_true(poll_until(netns_gone, &workload, 60000));
	text = lab_sh("cat /proc/%d/mountinfo", other);
	assert_null(strstr(text, "/run/netns/blue"));
	LAB_HAS(text, "/run/netns/red");
	free(text);
	lab_leave(other);
	end(n);
}

/* As with ip-netns(8): who unshared earlier sees later tenants come and go. */
static void an_older_mount_namespace_sees_tenants_come_and_go(void **state)
{
	struct nsnet *n;
	pid_t other;

	(void)state;
	world_need();
	n = lab_open();
	/* The first tenant makes the folders. */
	lab_add(n, "red", "10.10.2.0/24", NSNET_CREATED);
	other = lab_sit_unshared(false);
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	free(lab_sh("grep -q ' /run/netns/blue ' /proc/%d/mountinfo", other));
	free(lab_sh("grep -q ' %s ' /proc/%d/mountinfo", lab_gateway(n, "blue"), other));
	lab_del(n, "blue");
	assert_int_not_equal(lab_sh_status("grep -q ' /run/netns/blue ' /proc/%d/mountinfo", other),
			     0);
	lab_leave(other);
	end(n);
}

/* ---- what is in the way -------------------------------------------------------------- */

/* Things that somebody else may have put where a tenant's namespace is to be pinned. */
static const struct foreign {
	const char *what;
	const char *make; /* at /run/netns/blue */
} foreign[] = {
	{"a namespace", "ip netns add blue"},
	{"a namespace with a link", "ip netns add blue && ip -n blue link add eth0 type bridge"},
	{"a file", "echo precious >/run/netns/blue"},
	{"an empty file", ": >/run/netns/blue"},
	{"a file of somebody else", ": >/run/netns/blue; chown 1000 /run/netns/blue"},
	{"a link", "ln -s /run/netns/red /run/netns/blue"},
	{"a link to nowhere", "ln -s nowhere /run/netns/blue"},
	{"a fifo", "mkfifo /run/netns/blue"},
	{"a folder", "mkdir /run/netns/blue"},
	{"a socket",
	 "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"/run/netns/blue\")'"},
	{"a mount namespace", ": >/run/netns/blue; mount --bind /proc/self/ns/uts /run/netns/blue"},
};

static void what_others_pinned_under_the_name_is_never_taken(void **state)
{
	struct nsnet_err err;
	struct nsnet *n;
	char *rows, *before;
	size_t i;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "red", "10.10.2.0/24", NSNET_CREATED);
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		print_message("           %s\n", foreign[i].what);
		free(lab_sh("%s", foreign[i].make));
		before = lab_snapshot();
		rows = lab_rows(LAB_STATE);
		lab_add_fails(n, "blue", "10.10.1.0/24", NSNET_DRY_RUN, -EEXIST,
			      NSNET_E_PIN_FOREIGN, &err);
		lab_add_fails(n, "blue", "10.10.1.0/24", 0, -EEXIST, NSNET_E_PIN_FOREIGN, &err);
		LAB_HAS(err.msg, LAB_PIN_DIR "/blue");
		assert_string_equal(err.where, LAB_PIN_DIR "/blue");
		LAB_HAS(err.hint, "ip netns");
		assert_int_equal(nsnet_tenant_del(n, "blue", 0, NULL, NULL), -ENOENT);
		LAB_OK(nsnet_gc(n, 0, NULL, NULL));
		same_rows(rows);
		same_snapshot(before);
		free(lab_sh("cd /run/netns; grep -q netns/blue /proc/self/mountinfo && umount "
			    "blue; rm -r blue"));
	}
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	end(n);
}

/* The tenant is stored, its pin was lost, and then somebody else took the name. */
static void a_name_taken_meanwhile_is_left_alone_by_repair_and_del(void **state)
{
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	struct nsnet *n;
	ino_t theirs, gateway;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	free(lab_sh("ip netns del blue; ip netns add blue; ip -n blue link add eth0 type bridge"));
	theirs = lab_netns_inode(LAB_PIN_DIR "/blue");
	gateway = lab_netns_inode(lab_gateway(n, "blue"));
	lab_state(n, "blue", NSNET_STATE_DRIFT);
	assert_int_equal(nsnet_repair(n, "blue", 0, NULL, &err), -EEXIST);
	assert_int_equal(err.id, NSNET_E_PIN_FOREIGN);
	assert_int_equal(lab_netns_inode(LAB_PIN_DIR "/blue"), theirs);
	assert_int_equal(lab_count(n), 1);

	LAB_OK(nsnet_tenant_del(n, "blue", 0, &c, NULL));
	assert_int_equal(nsnet_change_notes(c, 0), 1);
	LAB_HAS(nsnet_change_note(c, 0, 0), LAB_PIN_DIR "/blue");
	nsnet_change_free(c);
	assert_int_equal(lab_netns_inode(LAB_PIN_DIR "/blue"), theirs);
	free(lab_sh("ip -n blue link show eth0 && ip netns del blue"));
	assert_true(poll_until(netns_gone, &gateway, 60000));
	lab_nothing_left(n);
	end(n);
}

/* Of those only an empty file of root's may be what a crash of ours left. */
static void a_pin_replaced_by_something_else_is_left_alone(void **state)
{
	struct nsnet_err err;
	struct nsnet *n;
	char *before;
	size_t i;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "red", "10.10.2.0/24", NSNET_CREATED);
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		if (strcmp(foreign[i].what, "an empty file") == 0)
			continue;
		print_message("           %s\n", foreign[i].what);
		lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
		free(lab_sh("ip netns del blue; %s", foreign[i].make));
		before = lab_sh("stat -c '%%i %%F %%s %%u' /run/netns/blue");
		err = (struct nsnet_err){0};
		assert_int_equal(nsnet_repair(n, "blue", 0, NULL, &err), -EEXIST);
		assert_int_equal(err.id, NSNET_E_PIN_FOREIGN);
		lab_del(n, "blue");
		free(lab_sh("test \"$(stat -c '%%i %%F %%s %%u' /run/netns/blue)\" = '%s'",
			    before));
		free(before);
		free(lab_sh("cd /run/netns; grep -q netns/blue /proc/self/mountinfo && umount "
			    "blue; rm -r blue"));
	}
	lab_state(n, "red", NSNET_STATE_OK);
	end(n);
}

/* What a crash between open() and mount() leaves, for a tenant that is stored. */
static void an_empty_file_at_the_pin_of_a_stored_tenant_is_taken(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	free(lab_sh("umount /run/netns/blue; test -f /run/netns/blue"));
	lab_state(n, "blue", NSNET_STATE_DRIFT);
	lab_repair(n, "blue", NSNET_REPAIRED);
	assert_true(lab_is_netns(LAB_PIN_DIR "/blue"));
	free(lab_sh("umount %s; test -f %s", lab_gateway(n, "blue"), lab_gateway(n, "blue")));
	lab_add(n, "blue", "10.10.1.0/24", NSNET_REPAIRED);
	lab_repair(n, "blue", NSNET_UNCHANGED);
	assert_true(lab_ping(LAB_PIN_DIR "/blue", "10.10.1.1"));
	/* And `del` removes such files. */
	free(lab_sh("umount /run/netns/blue %s", lab_gateway(n, "blue")));
	lab_state(n, "blue", NSNET_STATE_ABSENT);
	lab_del(n, "blue");
	lab_nothing_left(n);
	end(n);
}

static void foreign_objects_in_a_gateway_are_told_and_survive(void **state)
{
	static const char made[] = "ip link add spy type bridge; nft add table inet other;"
				   "ip route add 192.0.2.0/24 via 10.10.1.2 proto static";
	struct nsnet_change *c = NULL;
	struct nsnet *n;
	char *before, *text = NULL;
	size_t i;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	free(lab_sh("nsenter --net=%s sh -c '%s'", lab_gateway(n, "blue"), made));
	before = lab_snapshot();
	lab_state(n, "blue", NSNET_STATE_DRIFT);
	LAB_OK(nsnet_repair(n, "blue", 0, &c, NULL));
	assert_int_equal(nsnet_change_steps(c, 0), 0);
	assert_int_equal(nsnet_change_notes(c, 0), 3);
	for (i = 0; i < 3; i++) {
		char *longer = NULL;

		assert_true(asprintf(&longer, "%s\n%s", text ? text : "",
				     nsnet_change_note(c, 0, i)) > 0);
		free(text);
		text = longer;
	}
	LAB_HAS(text, "spy");
	LAB_HAS(text, "other");
	LAB_HAS(text, "192.0.2.0/24");
	free(text);
	nsnet_change_free(c);
	same_snapshot(before);
	/* They are no reason to leave a tenant half repaired, or not to delete it. */
	free(lab_sh("nsenter --net=%s nft delete table inet nsnet", lab_gateway(n, "blue")));
	lab_repair(n, "blue", NSNET_REPAIRED);
	free(lab_sh("nsenter --net=%s sh -c 'ip link show spy && nft list table inet other && "
		    "ip route show proto static | grep 192.0.2'",
		    lab_gateway(n, "blue")));
	lab_del(n, "blue");
	lab_nothing_left(n);
	end(n);
}

/* ---- two stores --------------------------------------------------------------------- */

static void two_stores_see_and_touch_only_their_own(void **state)
{
	struct nsnet *a, *b;
	struct nsnet_err err = {0};
	char gw_a[96], gw_b[96];

	(void)state;
	world_need();
	a = lab_open();
	b = lab_open_at("/var/lib/other", LAB_RUN);
	lab_add(a, "blue", "10.10.1.0/24", NSNET_CREATED);
	lab_add(b, "red", "10.10.1.0/24", NSNET_CREATED);
	(void)snprintf(gw_a, sizeof(gw_a), "%s", lab_gateway(a, "blue"));
	(void)snprintf(gw_b, sizeof(gw_b), "%s", lab_gateway(b, "red"));
	assert_string_not_equal(gw_a, gw_b);
	assert_int_equal(lab_count(a), 1);
	assert_int_equal(lab_count(b), 1);
	/* Both have tenant 1 and port nsn1: the ids say nothing, the mark does. */
	lab_add_fails(b, "blue", "10.10.1.0/24", 0, -EEXIST, NSNET_E_PIN_FOREIGN, &err);
	assert_int_equal(nsnet_tenant_del(b, "blue", 0, NULL, NULL), -ENOENT);
	LAB_OK(nsnet_gc(a, 0, NULL, NULL));
	LAB_OK(nsnet_gc(b, 0, NULL, NULL));
	lab_repair(a, "blue", NSNET_UNCHANGED);
	lab_repair(b, "red", NSNET_UNCHANGED);
	lab_del(b, "red");
	lab_state(a, "blue", NSNET_STATE_OK);
	assert_true(lab_is_netns(gw_a));
	assert_false(lab_is_netns(gw_b));
	nsnet_close(b);
	end(a);
}

/* A store that was put back from a backup does not know its younger tenants: `gc` does. */
static void gc_removes_what_its_store_forgot_and_nothing_else(void **state)
{
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	struct nsnet *a, *b;
	ino_t gateway;

	(void)state;
	world_need();
	a = lab_open();
	b = lab_open_at("/var/lib/other", LAB_RUN);
	lab_add(b, "red", "10.10.1.0/24", NSNET_CREATED);
	lab_add(a, "old", "10.10.2.0/24", NSNET_CREATED);
	nsnet_close(a);
	free(lab_sh("cp -a " LAB_STATE " /var/lib/backup; ip netns add mine;"
		    "ip -n mine link add eth0 type bridge; echo x >/run/netns/file"));
	a = lab_open();
	lab_add(a, "young", "10.10.3.0/24", NSNET_CREATED);
	gateway = lab_netns_inode(lab_gateway(a, "young"));
	nsnet_close(a);
	free(lab_sh("rm -r " LAB_STATE "; mv /var/lib/backup " LAB_STATE));
	a = lab_open();

	/* The store gives the lost tenant's numbers again, but nobody gets its namespaces. */
	lab_add_fails(a, "other", "10.10.4.0/24", 0, -EEXIST, NSNET_E_PIN_FOREIGN, &err);
	assert_string_equal(err.hint, "nsnet gc -y");
	lab_add_fails(a, "young", "10.10.3.0/24", 0, -EEXIST, NSNET_E_PIN_FOREIGN, &err);
	assert_true(lab_is_netns(LAB_PIN_DIR "/young"));

	LAB_OK(nsnet_gc(a, NSNET_DRY_RUN, &c, NULL));
	/* Two pins, two files. */
	assert_int_equal(nsnet_change_steps(c, 0), 4);
	nsnet_change_free(c);
	assert_true(lab_is_netns(LAB_PIN_DIR "/young"));
	LAB_OK(nsnet_gc(a, 0, &c, NULL));
	assert_int_equal(nsnet_change_steps(c, 0), 4);
	nsnet_change_free(c);
	assert_int_not_equal(access(LAB_PIN_DIR "/young", F_OK), 0);
	assert_true(poll_until(netns_gone, &gateway, 60000));
	free(lab_sh("ip -n mine link show eth0; grep x /run/netns/file"));
	lab_state(a, "old", NSNET_STATE_OK);
	lab_state(b, "red", NSNET_STATE_OK);
	LAB_OK(nsnet_gc(a, 0, &c, NULL));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_UNCHANGED);
	nsnet_change_free(c);
	nsnet_close(b);
	end(a);
}

static void a_store_is_refused_from_another_host_namespace(void **state)
{
	struct nsnet_err err = {0};
	struct nsnet *n;
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	nsnet_close(n);
	n = NULL;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	assert_int_equal(nsnet_open(&n, NULL, NULL, &err), -EXDEV);
	assert_int_equal(err.id, NSNET_E_WRONG_NETNS);
	assert_int_equal(nsnet_code_exit(err.id), 3);
	assert_null(n);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(home);
	n = lab_open();
	lab_state(n, "blue", NSNET_STATE_OK);
	end(n);
}

/* ---- what is missing ---------------------------------------------------------------- */

/* $P and $G are the pins of workload and gateway, $PORT the port's name. */
static const struct sabotage {
	const char *what;
	const char *script;
	enum nsnet_state state;
	bool new_port;
} sabotage[] = {
	{"the workload's pin", "umount $P; rm $P", NSNET_STATE_DRIFT, true},
	{"the gateway's pin", "umount $G; rm $G", NSNET_STATE_DRIFT, true},
	{"ip netns del", "ip netns del blue", NSNET_STATE_DRIFT, true},
	{"the port", "nsenter --net=$G ip link del $PORT", NSNET_STATE_DRIFT, true},
	{"eth0, from inside", "ip -n blue link del eth0", NSNET_STATE_DRIFT, true},
	{"the bridge", "nsenter --net=$G ip link del br0", NSNET_STATE_DRIFT, false},
	{"both pins", "umount $P $G; rm $P $G", NSNET_STATE_ABSENT, true},
	{"both pins, but for the files", "umount $P $G", NSNET_STATE_ABSENT, true},
	{"all rules", "nsenter --net=$G nft flush ruleset", NSNET_STATE_DRIFT, false},
	{"a chain", "nsenter --net=$G nft delete chain inet nsnet forward", NSNET_STATE_DRIFT,
	 false},
	{"the port is down", "nsenter --net=$G ip link set $PORT down", NSNET_STATE_DRIFT, false},
	{"the port left the bridge", "nsenter --net=$G ip link set $PORT nomaster",
	 NSNET_STATE_DRIFT, false},
	{"another MAC", "ip -n blue link set eth0 address 02:aa:aa:aa:aa:aa", NSNET_STATE_DRIFT,
	 false},
	{"eth0 renamed", "ip -n blue link set eth0 down name eth1", NSNET_STATE_DRIFT, true},
	{"addresses", "ip -n blue addr flush eth0; nsenter --net=$G ip addr flush br0",
	 NSNET_STATE_DRIFT, false},
	{"routes", "ip -n blue route flush default", NSNET_STATE_DRIFT, false},
	{"neighbours", "nsenter --net=$G ip neigh flush nud all; ip -n blue neigh flush nud all",
	 NSNET_STATE_DRIFT, false},
	{"eth0 moved away", "ip netns add x; ip -n blue link set eth0 netns x", NSNET_STATE_DRIFT,
	 true},
	{"all that is in /run", "umount -l /run/nsnet/gw /run/netns; rm -r /run/nsnet /run/netns",
	 NSNET_STATE_ABSENT, true},
};

struct seen {
	char port[32], address[32], mac[32];
};

static void look(struct nsnet *n, struct seen *s)
{
	struct nsnet_tenant *t = NULL;
	char *mac;

	LAB_OK(nsnet_tenant_get(n, "blue", 0, &t, NULL));
	(void)snprintf(s->port, sizeof(s->port), "%s", nsnet_endpoint_port(t, 0));
	(void)snprintf(s->address, sizeof(s->address), "%s", nsnet_endpoint_address(t, 0));
	nsnet_tenant_free(t);
	mac = lab_sh("ip netns exec blue cat /sys/class/net/eth0/address");
	(void)snprintf(s->mac, sizeof(s->mac), "%s", mac);
	free(mac);
}

static void repaired_well(struct nsnet *n, const struct seen *before, bool new_port)
{
	struct seen after;

	look(n, &after);
	assert_string_equal(after.address, before->address);
	assert_string_equal(after.mac, before->mac);
	if (new_port)
		assert_string_not_equal(after.port, before->port);
	else
		assert_string_equal(after.port, before->port);
	lab_state(n, "blue", NSNET_STATE_OK);
	lab_repair(n, "blue", NSNET_UNCHANGED);
	assert_true(lab_ping(LAB_PIN_DIR "/blue", "10.10.1.1"));
	free(lab_sh("ip -n blue -o addr show dev eth0 | grep -q '10.10.1.2/24'"));
	free(lab_sh("test $(nsenter --net=%s ip -o link show type veth | wc -l) = 1",
		    lab_gateway(n, "blue")));
}

static void repair_brings_back_whatever_is_missing(void **state)
{
	struct nsnet *n;
	struct seen before;
	size_t i;
	pid_t inside;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "red", "10.10.1.0/24", NSNET_CREATED);
	for (i = 0; i < sizeof(sabotage) / sizeof(sabotage[0]); i++) {
		const struct sabotage *s = &sabotage[i];

		print_message("           %s\n", s->what);
		lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
		/* Whoever is inside keeps the old namespace, and what is in it, alive. */
		inside = lab_sit(LAB_PIN_DIR "/blue");
		look(n, &before);
		free(lab_sh("P=/run/netns/blue G=%s PORT=%s; %s", lab_gateway(n, "blue"),
			    before.port, s->script));
		nsnet_close(n);
		n = lab_open();
		lab_state(n, "blue", s->state);
		lab_repair(n, "blue", NSNET_REPAIRED);
		repaired_well(n, &before, s->new_port);
		lab_leave(inside);
		LAB_OK(nsnet_repair(n, NULL, 0, NULL, NULL));
		lab_del(n, "blue");
	}
	lab_del(n, "red");
	free(lab_sh("ip netns del x 2>/dev/null || :"));
	lab_nothing_left(n);
	end(n);
}

/*
 * The kernel frees a namespace in the background, and with it the other ends of
 * its links: they go while they are looked at, or removed.
 */
static void what_the_kernel_is_still_taking_apart_is_no_obstacle(void **state)
{
	const char *pin;
	struct nsnet *n;
	double begin;
	int i;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	for (i = 0; i < 60; i++) {
		pin = i % 4 == 3 ? lab_gateway(n, "blue") : LAB_PIN_DIR "/blue";
		assert_int_equal(umount2(pin, MNT_DETACH), 0);
		/* From 0 to 4 ms later: it takes the kernel about that long. */
		begin = now_ms();
		while (now_ms() < begin + (i % 41) * 0.1)
			(void)sched_yield();
		if (i % 5) {
			lab_repair(n, "blue", NSNET_REPAIRED);
		} else {
			lab_del(n, "blue");
			lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
		}
	}
	lab_del(n, "blue");
	lab_nothing_left(n);
	end(n);
}

/* The same, but at a chosen moment: before the send number `at` the link is deleted. */
static struct {
	int at, sends;
	const char *netns, *link;
} vanish;

static void vanish_now(const uint64_t args[6])
{
	(void)args;
	if (vanish.sends++ == vanish.at)
		free(lab_sh("nsenter --net=%s ip link del %s 2>&1 || :", vanish.netns,
			    vanish.link));
}

/* Takes the name of the workload's namespace away first, when @unpin. */
static bool call_while_link_vanishes(int at, struct nsnet *n, bool unpin, void (*fn)(void *arg))
{
	static const struct inject_rule sends[] = {
		{.nr = __NR_sendto, .look = vanish_now},
		{.nr = __NR_sendmsg, .look = vanish_now},
	};
	struct call c = {.n = n};
	struct seen before;
	struct inject done;

	look(n, &before);
	vanish.at = at;
	vanish.sends = 0;
	vanish.netns = lab_gateway(n, "blue");
	vanish.link = before.port;
	if (unpin)
		assert_int_equal(umount2(LAB_PIN_DIR "/blue", MNT_DETACH), 0);
	inject(sends, 2, -1, fn, &c, &done);
	if (c.r < 0)
		fail_msg("gone before send %d: %s", at, c.err.msg);
	return vanish.sends > at;
}

static void a_link_that_is_to_go_may_vanish_at_any_moment(void **state)
{
	struct nsnet *n;
	bool more = true;
	pid_t inside;
	int at;

	(void)state;
	world_need();
	n = lab_open();
	for (at = 0; more; at++) {
		lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
		/* So that the kernel frees nothing by itself. */
		inside = lab_sit(LAB_PIN_DIR "/blue");
		more = call_while_link_vanishes(at, n, at % 2, call_del);
		lab_leave(inside);
		lab_nothing_left(n);
	}
	assert_true(at > 10);
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	for (at = 0, more = true; more; at++) {
		inside = lab_sit(LAB_PIN_DIR "/blue");
		more = call_while_link_vanishes(at, n, true, call_repair);
		lab_repair(n, "blue", NSNET_UNCHANGED);
		lab_leave(inside);
	}
	assert_true(at > 10);
	lab_del(n, "blue");
	end(n);
}

/* The process that had the old namespace is cut off: there is only one way to the gateway. */
static void who_sits_in_a_replaced_namespace_is_cut_off(void **state)
{
	char path[64];
	struct nsnet *n;
	pid_t inside;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	inside = lab_sit(LAB_PIN_DIR "/blue");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", inside);
	free(lab_sh("ip netns del blue"));
	assert_true(lab_ping(path, "10.10.1.1"));
	lab_repair(n, "blue", NSNET_REPAIRED);
	assert_false(lab_ping(path, "10.10.1.1"));
	assert_true(lab_ping(LAB_PIN_DIR "/blue", "10.10.1.1"));
	lab_leave(inside);
	end(n);
}

/* What a reboot does: other boot id, other host namespace, empty /run. */
static void after_a_reboot_repair_builds_the_same_tenants(void **state)
{
	struct nsnet_change *c = NULL;
	struct seen before, after;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	lab_add(n, "red", "10.10.2.0/24", NSNET_CREATED);
	look(n, &before);
	nsnet_close(n);
	free(lab_sh("umount -l /run/nsnet/gw /run/netns; rm -r /run/nsnet /run/netns;"
		    "echo 11111111-2222-3333-4444-555555555555 >/run/boot_id;"
		    "mount --bind /run/boot_id /proc/sys/kernel/random/boot_id"));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	n = lab_open();
	assert_int_equal(lab_count(n), 2);
	lab_state(n, "blue", NSNET_STATE_ABSENT);
	LAB_OK(nsnet_repair(n, NULL, 0, &c, NULL));
	assert_int_equal(nsnet_change_items(c), 2);
	nsnet_change_free(c);
	look(n, &after);
	assert_string_equal(after.address, before.address);
	assert_string_equal(after.mac, before.mac);
	/* Nothing of the old boot can be in its way. */
	assert_string_equal(after.port, before.port);
	lab_repair(n, "blue", NSNET_UNCHANGED);
	lab_repair(n, "red", NSNET_UNCHANGED);
	assert_true(lab_ping(LAB_PIN_DIR "/blue", "10.10.1.1"));
	lab_del(n, "blue");
	lab_del(n, "red");
	end(n);
}

/* ---- what fails in the middle ----------------------------------------------------------- */

static bool is_there(struct nsnet *n, const char *name)
{
	struct nsnet_tenant *t = NULL;
	int r = nsnet_tenant_get(n, name, 0, &t, NULL);

	nsnet_tenant_free(t);
	assert_true(r == 0 || r == -ENOENT);
	return r == 0;
}

static void limit_fds(rlim_t max)
{
	struct rlimit lim;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &lim), 0);
	lim.rlim_cur = max ? max : lim.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &lim), 0);
}

static void running_out_of_descriptors_leaves_nothing(void **state)
{
	struct nsnet_err err;
	struct nsnet *n = NULL;
	int fds, k, r, failed = 0, worked = 0;

	(void)state;
	world_need();
	for (k = 3; k <= 60; k++) {
		n = lab_open();
		fds = lab_fds();
		err = (struct nsnet_err){0};
		limit_fds((rlim_t)k);
		r = nsnet_tenant_add(n, "blue", "10.10.1.0/24", 0, NULL, &err);
		limit_fds(0);
		assert_int_equal(lab_fds(), fds);
		if (r == 0) {
			worked++;
			lab_state(n, "blue", NSNET_STATE_OK);
			lab_del(n, "blue");
		} else {
			failed++;
			assert_int_equal(err.code, r);
			assert_true(err.msg[0]);
		}
		lab_nothing_left(n);
		nsnet_close(n);
		/* And the opening itself. */
		n = NULL;
		fds = lab_fds();
		limit_fds((rlim_t)k);
		r = nsnet_open(&n, NULL, NULL, &err);
		limit_fds(0);
		nsnet_close(n);
		assert_int_equal(lab_fds(), fds);
	}
	assert_true(failed > 5 && worked > 5);
}

static void del_and_repair_without_descriptors_can_be_repeated(void **state)
{
	struct nsnet *n;
	int k, r, failed = 0;

	(void)state;
	world_need();
	n = lab_open();
	for (k = 3; k <= 30; k++) {
		lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
		free(lab_sh("ip netns del blue"));
		limit_fds((rlim_t)k);
		r = nsnet_repair(n, "blue", 0, NULL, NULL);
		limit_fds(0);
		failed += r < 0;
		/* What failed may have been to read back. */
		if (r < 0)
			LAB_OK(nsnet_repair(n, "blue", 0, NULL, NULL));
		lab_state(n, "blue", NSNET_STATE_OK);
		limit_fds((rlim_t)k);
		r = nsnet_tenant_del(n, "blue", 0, NULL, NULL);
		limit_fds(0);
		failed += r < 0;
		if (r < 0)
			lab_del(n, "blue");
		lab_nothing_left(n);
	}
	assert_true(failed > 5);
	end(n);
}

/* Fills the file system of the store, but for @pages. */
static void fill_disk(int pages)
{
	free(lab_sh("cd " LAB_STATE
		    "; for i in 1 2 3 4 5 6 7 8; do head -c 4096 /dev/zero >r$i; done;"
		    "cat /dev/zero >full 2>/dev/null; i=0; while [ $i -lt %d ]; do i=$((i + 1)); "
		    "rm r$i;"
		    " done",
		    pages));
}

static void free_disk(void)
{
	free(lab_sh("rm -f " LAB_STATE "/full " LAB_STATE "/r?"));
}

static void small_disk(void)
{
	free(lab_sh("mkdir -m 700 " LAB_STATE
		    "; mount -t tmpfs -o size=1m,mode=700 tmpfs " LAB_STATE));
}

static void a_full_disk_fails_an_add_and_leaves_nothing(void **state)
{
	struct nsnet_err err;
	struct nsnet *n;
	int pages, r, failed = 0;

	(void)state;
	world_need();
	small_disk();
	for (pages = 0; pages <= 8; pages++) {
		n = lab_open();
		err = (struct nsnet_err){0};
		fill_disk(pages);
		r = nsnet_tenant_add(n, "blue", "10.10.1.0/24", 0, NULL, &err);
		if (r < 0) {
			failed++;
			assert_int_equal(err.id, NSNET_E_STORE_IO);
			assert_false(is_there(n, "blue"));
			free_disk();
		} else {
			free_disk();
			lab_state(n, "blue", NSNET_STATE_OK);
			lab_del(n, "blue");
		}
		lab_nothing_left(n);
		nsnet_close(n);
	}
	assert_true(failed > 0);
}

/* The tenant is cut whatever the disk says; then its row can go later. */
static void del_on_a_full_disk_cuts_and_says_not_durable(void **state)
{
	struct nsnet_err err = {0};
	struct nsnet *n;
	char path[64];
	pid_t inside;

	(void)state;
	world_need();
	small_disk();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	inside = lab_sit(LAB_PIN_DIR "/blue");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", inside);
	assert_true(lab_ping(path, "10.10.1.1"));
	fill_disk(0);
	assert_int_equal(nsnet_tenant_del(n, "blue", 0, NULL, &err), -EIO);
	assert_int_equal(err.id, NSNET_E_NOT_DURABLE);
	LAB_HAS(err.hint, "nsnet tenant del blue");
	assert_false(lab_ping(path, "10.10.1.1"));
	assert_int_not_equal(access(LAB_PIN_DIR "/blue", F_OK), 0);
	assert_true(is_there(n, "blue"));
	lab_state(n, "blue", NSNET_STATE_ABSENT);
	free_disk();
	lab_del(n, "blue");
	lab_nothing_left(n);
	lab_leave(inside);
	end(n);
}

static void a_read_only_store_refuses_changes_and_can_be_read(void **state)
{
	struct nsnet_err err = {0};
	struct nsnet *n;

	(void)state;
	world_need();
	small_disk();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	nsnet_close(n);
	n = NULL;
	free(lab_sh("mount -o remount,ro " LAB_STATE));
	if (nsnet_open(&n, NULL, NULL, &err) == 0) {
		lab_add_fails(n, "red", "10.10.2.0/24", 0, -EIO, NSNET_E_STORE_IO, &err);
		nsnet_close(n);
	} else {
		assert_int_equal(nsnet_code_exit(err.id), 3);
	}
	assert_int_not_equal(access(LAB_PIN_DIR "/red", F_OK), 0);
	free(lab_sh("mount -o remount,rw " LAB_STATE));
	n = lab_open();
	lab_state(n, "blue", NSNET_STATE_OK);
	lab_del(n, "blue");
	lab_nothing_left(n);
	end(n);
}

/* ---- every single call fails once --------------------------------------------------- */

static const struct inject_rule rules[] = {
	{.nr = __NR_sendto, .error = ENOBUFS},
	{.nr = __NR_sendmsg, .error = ENOBUFS},
	{.nr = __NR_recvmsg, .error = ENOBUFS},
	{.nr = __NR_recvfrom, .error = ENOBUFS},
	{.nr = __NR_mount, .error = ENOMEM},
	{.nr = __NR_umount2, .error = ENOMEM},
	{.nr = __NR_unshare, .error = ENOSPC},
	{.nr = __NR_setns, .error = ENOMEM},
	{.nr = __NR_socket, .error = EMFILE},
	{.nr = __NR_mkdir, .error = ENOSPC},
	{.nr = __NR_unlink, .error = EROFS},
	{.nr = __NR_mkdirat, .error = ENOSPC},
	{.nr = __NR_unlinkat, .error = EROFS},
	{.nr = __NR_fchmod, .error = EIO},
	{.nr = __NR_renameat2, .error = ENOSPC},
	{.nr = __NR_write, .error = EIO},
	{.nr = __NR_pwrite64, .error = ENOSPC},
	{.nr = __NR_fdatasync, .error = EIO},
	{.nr = __NR_ftruncate, .error = ENOSPC},
	{.nr = __NR_flock, .error = ENOLCK},
	{.nr = __NR_openat, .error = EMFILE, .arg = 2, .mask = O_CREAT},
};
#define N_RULES (int)(sizeof(rules) / sizeof(rules[0]))

/* In CI every fifth of them, in the full run all. */
static int stride(void)
{
	return getenv("NSNET_TEST_FULL") ? 1 : test_quick() ? 16 : 5;
}

/* Runs @fn with call @k failing. False: there are not that many. */
static bool fail_at_of(const struct inject_rule of[N_RULES], int k, void (*fn)(void *),
		       struct call *c)
{
	struct inject done;
	int fds = lab_fds();

	c->r = 0;
	c->err = (struct nsnet_err){0};
	inject(of, N_RULES, k, fn, c, &done);
	if (c->r < 0 && (c->err.code != c->r || !c->err.msg[0]))
		fail_msg("call %d (number %d): %d, but the reason is %d '%s'", k, done.failed_nr,
			 c->r, c->err.code, c->err.msg);
	if (lab_fds() != fds)
		fail_msg("call %d (number %d) failed: %d descriptors, %d before: %s", k,
			 done.failed_nr, lab_fds(), fds, c->err.msg);
	/* Only a store that was used wrongly says this. */
	if (strstr(c->err.msg, "constraint"))
		fail_msg("call %d (number %d) failed: %s", k, done.failed_nr, c->err.msg);
	if (done.failed_nr < 0 && c->r < 0)
		fail_msg("no call failed, and yet: %s", c->err.msg);
	return done.failed_nr >= 0;
}

static bool fail_at(int k, void (*fn)(void *), struct call *c)
{
	return fail_at_of(rules, k, fn, c);
}

static void add_with_any_call_failing_leaves_a_tenant_or_nothing(void **state)
{
	struct call c = {0};
	int k, failed = 0;

	(void)state;
	world_need();
	c.n = lab_open();
	/* Folders are made once: not here. */
	lab_add(c.n, "red", "10.10.2.0/24", NSNET_CREATED);
	lab_del(c.n, "red");
	for (k = 0; fail_at(k, call_add, &c); k += stride()) {
		/* A thread that could not come back took its handle's state with it. */
		nsnet_close(c.n);
		c.n = lab_open();
		failed += c.r < 0;
		if (is_there(c.n, "blue")) {
			lab_add(c.n, "blue", "10.10.1.0/24", NSNET_UNCHANGED);
			lab_del(c.n, "blue");
		}
		lab_nothing_left(c.n);
	}
	assert_true(failed * stride() > 100);
	end(c.n);
}

static void repair_with_any_call_failing_can_be_repeated(void **state)
{
	struct call c = {0};
	bool more = true;
	int k, failed = 0;

	(void)state;
	world_need();
	c.n = lab_open();
	for (k = 1; more; k += stride()) {
		lab_add(c.n, "blue", "10.10.1.0/24", NSNET_CREATED);
		free(lab_sh("ip netns del blue; nsenter --net=%s nft flush ruleset",
			    lab_gateway(c.n, "blue")));
		more = fail_at(k, call_repair, &c);
		nsnet_close(c.n);
		c.n = lab_open();
		failed += c.r < 0;
		if (c.r == 0)
			lab_repair(c.n, "blue", NSNET_UNCHANGED);
		LAB_OK(nsnet_repair(c.n, "blue", 0, NULL, NULL));
		lab_state(c.n, "blue", NSNET_STATE_OK);
		lab_del(c.n, "blue");
	}
	lab_nothing_left(c.n);
	assert_true(failed * stride() > 100);
	end(c.n);
}

/* What a failed repair had done is taken back; or else all of it was done. */
static void a_failed_repair_is_none_or_all(void **state)
{
	struct call c = {0};
	char *good, *broken = NULL, *now;
	bool more = true;
	int k, none = 0;

	(void)state;
	world_need();
	c.n = lab_open();
	lab_add(c.n, "blue", "10.10.1.0/24", NSNET_CREATED);
	good = lab_snapshot();
	for (k = 0; more; k += stride()) {
		free(lab_sh("nsenter --net=%s sh -c 'ip link set br0 address 02:11:11:11:11:11;"
			    "echo 0 >/proc/sys/net/ipv4/conf/br0/rp_filter;"
			    "echo 1 >/proc/sys/net/ipv4/conf/all/proxy_arp'; ip -n blue route del "
			    "default",
			    lab_gateway(c.n, "blue")));
		if (!broken)
			broken = lab_snapshot();
		more = fail_at(k, call_repair, &c);
		nsnet_close(c.n);
		c.n = lab_open();
		now = lab_snapshot();
		none += strcmp(now, broken) == 0;
		if (strcmp(now, good) != 0 && strcmp(now, broken) != 0) {
			print_error("call %d: %d %s\n", k, c.r, c.err.msg);
			assert_string_equal(now, broken);
		}
		assert_true(c.r < 0 || strcmp(now, good) == 0);
		free(now);
		LAB_OK(nsnet_repair(c.n, NULL, 0, NULL, NULL));
		lab_state(c.n, "blue", NSNET_STATE_OK);
	}
	assert_true(none > 3);
	free(broken);
	free(good);
	end(c.n);
}

static void del_with_any_call_failing_can_be_repeated(void **state)
{
	struct call c = {0};
	bool more = true;
	int k, failed = 0;

	(void)state;
	world_need();
	c.n = lab_open();
	for (k = 2; more; k += stride()) {
		lab_add(c.n, "blue", "10.10.1.0/24", NSNET_CREATED);
		more = fail_at(k, call_del, &c);
		nsnet_close(c.n);
		c.n = lab_open();
		failed += c.r < 0;
		/* A commit of which the last write failed may be on the disk all the same. */
		if (c.r == 0 || c.err.id != NSNET_E_NOT_DURABLE)
			assert_int_equal(is_there(c.n, "blue"), c.r < 0);
		if (is_there(c.n, "blue"))
			lab_del(c.n, "blue");
		lab_nothing_left(c.n);
	}
	assert_true(failed * stride() > 25);
	end(c.n);
}

/* ---- every call of a change to a tenant fails once, or is the last ------------------- */

/* Each changes `blue`, which has the endpoints app and db. */
static void call_endpoint_add(void *arg)
{
	static const struct nsnet_endpoint_def web = {.name = "web"};
	struct call *c = arg;

	c->r = nsnet_endpoint_add(c->n, "blue", &web, 0, NULL, &c->err);
}

static void call_endpoint_del(void *arg)
{
	struct call *c = arg;

	c->r = nsnet_endpoint_del(c->n, "blue", "db", 0, NULL, &c->err);
}

static void set_one(struct call *c, const char *key, const char *value)
{
	const struct nsnet_setting setting = {.key = key, .value = value};

	c->r = nsnet_tenant_set(c->n, "blue", &setting, 1, 0, NULL, &c->err);
}

static void call_set_subnet(void *arg)
{
	set_one(arg, "subnet", "10.10.2.0/24");
}

static void call_set_deny(void *arg)
{
	set_one(arg, "inside", "deny");
}

static void call_set_allow(void *arg)
{
	set_one(arg, "inside", "allow");
}

static const struct verb {
	const char *name, *inside; /* `inside` before */
	void (*fn)(void *arg);
	bool always_denied; /* before, after, and so also in between */
} verbs[] = {
	{"endpoint add", "deny", call_endpoint_add, true},
	{"endpoint del", "deny", call_endpoint_del, true},
	{"set subnet", "deny", call_set_subnet, true},
	{"set inside=deny", "allow", call_set_deny, false},
	{"set inside=allow", "deny", call_set_allow, false},
};

/*
 * From app to db, over and over, while a verb runs: frames with the old and with
 * the new addresses. They arrive once endpoints may talk to each other.
 */
static struct {
	int from, to;
	struct frame old, new;
	int calls, die_at; /* of the calls that could fail; -1: at none */
} probe;

static int tap_inside(const char *netns, const char *link)
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(netns, O_RDONLY | O_CLOEXEC), fd;

	assert_true(home >= 0 && there >= 0);
	assert_int_equal(setns(there, CLONE_NEWNET), 0);
	fd = tap_open(link);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(home);
	(void)close(there);
	return fd;
}

static void make_probe(struct frame *f, const struct nsnet_tenant *t, const char *src,
		       const char *dst)
{
	*f = (struct frame){0};
	frame_eth(f, nsnet_endpoint_mac(t, 1), nsnet_endpoint_mac(t, 0), ETH_P_IP);
	frame_ipv4(f, src, dst, IPPROTO_UDP, NULL, 0);
	frame_udp(f, 9, 9);
	frame_finish(f);
}

static void start_probe(struct nsnet *n)
{
	struct nsnet_tenant *t = NULL;

	LAB_OK(nsnet_tenant_get(n, "blue", 0, &t, NULL));
	make_probe(&probe.old, t, "10.10.1.2", "10.10.1.3");
	make_probe(&probe.new, t, "10.10.2.2", "10.10.2.3");
	nsnet_tenant_free(t);
	probe.from = tap_inside(LAB_PIN_DIR "/blue.app", "eth0");
	probe.to = tap_inside(LAB_PIN_DIR "/blue.db", "eth0");
	probe.calls = 0;
	probe.die_at = -1;
}

/* Any answer is fine: the link may be down, or gone. */
static void send_probes(void)
{
	(void)send(probe.from, probe.old.bytes, probe.old.len, MSG_DONTWAIT);
	(void)send(probe.from, probe.new.bytes, probe.new.len, MSG_DONTWAIT);
}

/* How many of them were heard, up to now; frames pass within the call that sends them. */
static size_t end_probe(void)
{
	size_t heard;

	send_probes();
	heard = count_marked(probe.to);
	(void)close(probe.from);
	(void)close(probe.to);
	return heard;
}

static void look_and_probe(const uint64_t args[6])
{
	(void)args;
	send_probes();
	if (probe.calls++ == probe.die_at)
		(void)kill(getpid(), SIGKILL);
}

static struct inject_rule probing_rules[N_RULES];

static void add_blue(struct nsnet *n, const char *inside)
{
	static const struct nsnet_endpoint_def two[] = {{.name = "app"}, {.name = "db"}};
	const struct nsnet_tenant_def def = {.name = "blue",
					     .subnet = "10.10.1.0/24",
					     .inside = inside,
					     .endpoints = two,
					     .n_endpoints = 2};
	int i;

	LAB_OK(nsnet_tenants_add(n, &def, 1, 0, NULL, NULL));
	for (i = 0; i < N_RULES; i++) {
		probing_rules[i] = rules[i];
		probing_rules[i].look = look_and_probe;
	}
}

/* What the store wants of blue, in words; the numbers of endpoints and ports left out. */
static void describe(struct nsnet *n, char text[512])
{
	struct nsnet_tenant *t = NULL;
	size_t i, at;

	LAB_OK(nsnet_tenant_get(n, "blue", 0, &t, NULL));
	at = (size_t)snprintf(text, 512, "%s %s %s:", nsnet_tenant_subnet(t),
			      nsnet_tenant_gateway(t), nsnet_tenant_inside(t));
	for (i = 0; i < nsnet_tenant_endpoints(t); i++)
		at += (size_t)snprintf(text + at, 512 - at, " %s %s", nsnet_endpoint_name(t, i),
				       nsnet_endpoint_address(t, i));
	nsnet_tenant_free(t);
}

/* Every entry of the folder belongs to one of the endpoints, and each has one. */
static void one_for_each_endpoint(struct nsnet *n, const char *folder, const char *what)
{
	DIR *d = opendir(folder);
	const struct dirent *entry;
	struct nsnet_tenant *t = NULL;
	size_t i, entries = 0, found = 0;
	char name[64];

	assert_non_null(d);
	LAB_OK(nsnet_tenant_get(n, "blue", 0, &t, NULL));
	while ((entry = readdir(d))) {
		entries += entry->d_name[0] != '.';
		for (i = 0; i < nsnet_tenant_endpoints(t); i++) {
			(void)snprintf(name, sizeof(name), "blue.%s", nsnet_endpoint_name(t, i));
			found += strcmp(name, entry->d_name) == 0;
		}
	}
	if (entries != found || found != nsnet_tenant_endpoints(t))
		fail_msg("%s: %zu entries in %s, %zu of them of %zu endpoints", what, entries,
			 folder, found, nsnet_tenant_endpoints(t));
	nsnet_tenant_free(t);
	(void)closedir(d);
}

static void gc_finds_nothing(struct nsnet *n, const char *what)
{
	struct nsnet_change *c = NULL;

	LAB_OK(nsnet_gc(n, NSNET_DRY_RUN, &c, NULL));
	if (nsnet_change_steps(c, 0) > 0)
		fail_msg("%s: gc finds %zu things", what, nsnet_change_steps(c, 0));
	nsnet_change_free(c);
}

/* What the verb leaves when nothing hinders it; and the control of the probe. */
static void after_success(const struct verb *v, char after[512])
{
	struct call c = {.n = lab_open()};
	struct inject done;
	size_t heard;

	add_blue(c.n, v->inside);
	start_probe(c.n);
	inject(probing_rules, N_RULES, -1, v->fn, &c, &done);
	if (c.r < 0)
		fail_msg("%s: %s", v->name, c.err.msg);
	heard = end_probe();
	assert_int_equal(heard > 0, !v->always_denied);
	lab_state(c.n, "blue", NSNET_STATE_OK);
	describe(c.n, after);
	lab_del(c.n, "blue");
	nsnet_close(c.n);
}

/* @r: what was answered; 1: nothing, because it died; 2: that it is done, but not stored. */
static void settled(struct nsnet *n, const struct verb *v, const char *before, const char *after,
		    int r, int k, size_t heard)
{
	char now[512], what[96];

	(void)snprintf(what, sizeof(what), "%s, call %d, result %d", v->name, k, r);
	describe(n, now);
	if (strcmp(now, after) != 0 && (r == 0 || strcmp(now, before) != 0))
		fail_msg("%s: the store has %s", what, now);
	if (v->always_denied && heard > 0)
		fail_msg("%s: %zu frames got through", what, heard);
	gc_finds_nothing(n, what);
	/* Who died may have left names, and of whom the store has, they are gone; who failed has
	 * none. */
	if (r < 0) {
		one_for_each_endpoint(n, LAB_PIN_DIR, what);
		one_for_each_endpoint(n, "/etc/netns", what);
	}
	LAB_OK(nsnet_repair(n, "blue", 0, NULL, NULL));
	lab_repair(n, "blue", NSNET_UNCHANGED);
	lab_state(n, "blue", NSNET_STATE_OK);
	one_for_each_endpoint(n, LAB_PIN_DIR, what);
	one_for_each_endpoint(n, "/etc/netns", what);
	gc_finds_nothing(n, what);
}

static void not_heard_any_more(const char *now)
{
	if (!strstr(now, " db ") || !strstr(now, " deny:"))
		return;
	probe.from = tap_inside(LAB_PIN_DIR "/blue.app", "eth0");
	probe.to = tap_inside(LAB_PIN_DIR "/blue.db", "eth0");
	assert_int_equal(end_probe(), 0);
}

/* $P is its pin, $G the gateway's, $PORT its port. */
static const char *const endpoint_sabotage[] = {
	"ip -n blue.db link del eth0",
	"ip -n blue.db link set eth0 down name eth1",
	"nsenter --net=$G ip link del $PORT",
	"umount $P",
	"ip netns del blue.db",
	"umount $G; rm $G",
	"umount $G $P",
	"rm -r /etc/netns/blue.db",
	"rm -r /etc/netns; nsenter --net=$G nft flush ruleset",
};

static void an_endpoint_of_which_something_is_missing_goes_without_a_rest(void **state)
{
	struct nsnet_tenant *t = NULL;
	char port[32];
	struct nsnet *n;
	size_t i;

	(void)state;
	world_need();
	n = lab_open();
	for (i = 0; i < sizeof(endpoint_sabotage) / sizeof(endpoint_sabotage[0]); i++) {
		add_blue(n, "allow");
		LAB_OK(nsnet_tenant_get(n, "blue", 0, &t, NULL));
		(void)snprintf(port, sizeof(port), "%s", nsnet_endpoint_port(t, 1));
		nsnet_tenant_free(t);
		free(lab_sh("P=/run/netns/blue.db G=%s PORT=%s; %s", lab_gateway(n, "blue"), port,
			    endpoint_sabotage[i]));
		LAB_OK(nsnet_endpoint_del(n, "blue", "db", 0, NULL, NULL));
		one_for_each_endpoint(n, LAB_PIN_DIR, endpoint_sabotage[i]);
		gc_finds_nothing(n, endpoint_sabotage[i]);
		/* With the gateway all ports are gone; those of others are not this command's. */
		LAB_OK(nsnet_repair(n, "blue", 0, NULL, NULL));
		lab_state(n, "blue", NSNET_STATE_OK);
		one_for_each_endpoint(n, "/etc/netns", endpoint_sabotage[i]);
		assert_true(lab_ping(LAB_PIN_DIR "/blue.app", "10.10.1.1"));
		lab_del(n, "blue");
		lab_nothing_left(n);
	}
	end(n);
}

/* A few of the many, spread over all of them; in the full run each. */
static int wide_stride(void)
{
	return getenv("NSNET_TEST_FULL") ? 1 : test_quick() ? 61 : 29;
}

/*
 * A commit of which the last write failed may be on the disk all the same, and is
 * found there when the store is opened anew: the kernel is then as the store was.
 */
static bool is_ghost(const struct call *c, const char *after)
{
	char now[512];

	describe(c->n, now);
	return c->r < 0 && c->err.id == NSNET_E_STORE_IO && strcmp(now, after) == 0;
}

/* Its endpoint lost its link and came back without: nothing says whose it is. */
static void exorcise(struct nsnet *n)
{
	char now[512];

	LAB_OK(nsnet_gc(n, 0, NULL, NULL));
	LAB_OK(nsnet_repair(n, "blue", 0, NULL, NULL));
	lab_state(n, "blue", NSNET_STATE_OK);
	describe(n, now);
	if (!strstr(now, " db "))
		(void)lab_sh_status("ip netns del blue.db");
}

/* Runs the verb with call @k failing, and looks. False: there are not that many. */
static bool hinder(const struct verb *v, int k, const char *after, int *failed)
{
	struct call c = {.n = lab_open()};
	char before[512], now[512];
	size_t heard;
	bool more;

	add_blue(c.n, v->inside);
	describe(c.n, before);
	start_probe(c.n);
	more = fail_at_of(probing_rules, k, v->fn, &c);
	heard = end_probe();
	*failed += c.r < 0;
	nsnet_close(c.n);
	c.n = lab_open();
	if (is_ghost(&c, after))
		exorcise(c.n);
	else
		settled(c.n, v, before, after, c.err.id == NSNET_E_NOT_DURABLE ? 2 : c.r, k, heard);
	describe(c.n, now);
	not_heard_any_more(now);
	lab_del(c.n, "blue");
	lab_nothing_left(c.n);
	nsnet_close(c.n);
	return more;
}

static void a_change_with_any_call_failing_is_none_or_all(void **state)
{
	char after[512];
	int k, failed;
	size_t i;

	(void)state;
	world_need();
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		print_message("           %s\n", verbs[i].name);
		after_success(&verbs[i], after);
		failed = 0;
		for (k = 0; hinder(&verbs[i], k, after, &failed); k += wide_stride())
			;
		assert_true(k > 50 && failed * wide_stride() > 87);
	}
}

/* The child's last deed is the call before number @k. False: it lived to the end. */
static bool die_at(const struct verb *v, int k)
{
	struct inject done;
	struct call c = {0};
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		c.n = lab_open();
		probe.die_at = k;
		inject(probing_rules, N_RULES, -1, v->fn, &c, &done);
		_exit(c.r < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : status == 0);
	return WIFSIGNALED(status);
}

static bool kill_once(const struct verb *v, int k, const char *after)
{
	struct nsnet *n = lab_open();
	char before[512], now[512];
	size_t heard;
	bool more;

	add_blue(n, v->inside);
	describe(n, before);
	start_probe(n);
	nsnet_close(n);
	more = die_at(v, k);
	heard = end_probe();
	n = lab_open();
	settled(n, v, before, after, more ? 1 : 0, k, heard);
	describe(n, now);
	not_heard_any_more(now);
	lab_del(n, "blue");
	lab_nothing_left(n);
	nsnet_close(n);
	return more;
}

static void a_change_killed_at_any_call_is_none_or_all_after_repair(void **state)
{
	char after[512];
	size_t i;
	int k;

	(void)state;
	world_need();
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		print_message("           %s\n", verbs[i].name);
		after_success(&verbs[i], after);
		for (k = 0; kill_once(&verbs[i], k, after); k += wide_stride())
			;
		assert_true(k > 50);
	}
}

/* ---- names -------------------------------------------------------------------------- */

static void reloaded_as_wanted(struct nsnet *n, const char *name)
{
	struct nsnet_change *c = NULL;
	struct nsnet_step step;
	size_t i;

	LAB_OK(nsnet_repair(n, name, NSNET_DRY_RUN, &c, NULL));
	assert_int_equal(nsnet_change_notes(c, 0), 0);
	for (i = 0; i < nsnet_change_steps(c, 0); i++) {
		nsnet_change_step(c, 0, i, &step);
		if (strncmp(step.text, "bridge nsnet", 12) != 0 && strcmp(step.kind, "chain") != 0)
			fail_msg("%s: %s %s", name, step.kind, step.text);
		if (strcmp(step.kind, "chain") == 0 && strstr(step.text, "inet"))
			fail_msg("%s: %s", name, step.text);
	}
	nsnet_change_free(c);
	LAB_OK(nsnet_repair(n, name, 0, NULL, NULL));
	lab_state(n, name, NSNET_STATE_OK);
}

static void names_that_are_words_of_nft_reload(void **state)
{
	static const char *const names[] = {
		"drop",	   "accept",  "last",	"ip",
		"fwd",	   "table",   "chain",	"inet",
		"counter", "jump",    "return", "ct",
		"meta",	   "comment", "dup",	"map",
		"set",	   "flow",    "br0",	"eth0",
		"nsnet",   "lo",      "nsn1",	"gw",
		"a--b",	   "z9",      "self",	"abcdefghijklmnopqrstuvwxyz012345",
	};
	struct nsnet *n;
	size_t i;

	(void)state;
	world_need();
	n = lab_open();
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *gw;

		lab_add(n, names[i], "10.10.1.0/24", NSNET_CREATED);
		gw = lab_gateway(n, names[i]);
		free(lab_sh("nsenter --net=%s nft list ruleset >/run/rules; grep -q 'tenant.* %s' "
			    "/run/rules",
			    gw, names[i]));
		free(lab_sh("nsenter --net=%s nft -c -f /run/rules", gw));
		free(lab_sh("(echo flush ruleset; cat /run/rules) | nsenter --net=%s nft -f -",
			    gw));
		/*
		 * What nft wrote is what we would have written, but for the sets of the
		 * bridge's table: nft puts down more about a set than we do, and differently
		 * from version to version.
		 */
		reloaded_as_wanted(n, names[i]);
		lab_del(n, names[i]);
	}
	lab_nothing_left(n);
	end(n);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup(f, world_setup)
	const struct CMUnitTest tests[] = {
		T(the_first_wrong_definition_is_told),
		T(adding_twice_changes_nothing_and_writes_nothing),
		T(an_unchanged_add_sends_only_reads),
		T(another_subnet_is_refused_with_both_values),
		T(must_create_refuses_an_identical_tenant),
		T(bad_names_and_subnets_leave_nothing),
		T(a_dry_run_changes_nothing),
		T(two_tenants_with_one_subnet_both_ping_their_own_gateway),
		T(deleting_what_is_absent_says_no_tenant),
		T(del_leaves_no_namespace_link_mount_file_or_row),
		T(another_mount_namespace_does_not_keep_a_deleted_tenant),
		T(an_older_mount_namespace_sees_tenants_come_and_go),
		T(what_others_pinned_under_the_name_is_never_taken),
		T(a_name_taken_meanwhile_is_left_alone_by_repair_and_del),
		T(a_pin_replaced_by_something_else_is_left_alone),
		T(an_empty_file_at_the_pin_of_a_stored_tenant_is_taken),
		T(foreign_objects_in_a_gateway_are_told_and_survive),
		T(two_stores_see_and_touch_only_their_own),
		T(gc_removes_what_its_store_forgot_and_nothing_else),
		T(a_store_is_refused_from_another_host_namespace),
		T(repair_brings_back_whatever_is_missing),
		T(what_the_kernel_is_still_taking_apart_is_no_obstacle),
		T(a_link_that_is_to_go_may_vanish_at_any_moment),
		T(who_sits_in_a_replaced_namespace_is_cut_off),
		T(after_a_reboot_repair_builds_the_same_tenants),
		T(running_out_of_descriptors_leaves_nothing),
		T(del_and_repair_without_descriptors_can_be_repeated),
		T(a_full_disk_fails_an_add_and_leaves_nothing),
		T(del_on_a_full_disk_cuts_and_says_not_durable),
		T(a_read_only_store_refuses_changes_and_can_be_read),
		T(add_with_any_call_failing_leaves_a_tenant_or_nothing),
		T(repair_with_any_call_failing_can_be_repeated),
		T(a_failed_repair_is_none_or_all),
		T(del_with_any_call_failing_can_be_repeated),
		T(an_endpoint_of_which_something_is_missing_goes_without_a_rest),
		T(a_change_with_any_call_failing_is_none_or_all),
		T(a_change_killed_at_any_call_is_none_or_all_after_repair),
		T(names_that_are_words_of_nft_reload),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
