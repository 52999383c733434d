/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * Endpoints, IPv6 and settings through the public interface, with `ip`, `ping`
 * and `nft` as witnesses. Each test has a world of its own.
 */

#define PIN(name) LAB_PIN_DIR "/" name

/* The call must succeed; it gets `why` as its error object. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		struct nsnet_err why_ = {0}, *why = &why_;                                         \
		lab_ok((call), why, #call, __FILE__, __LINE__);                                    \
	} while (0)

/* ---- helpers -------------------------------------------------------------------- */

static void add_def(struct nsnet *n, const struct nsnet_tenant_def *def)
{
	struct nsnet_change *c = NULL;

	OK(nsnet_tenants_add(n, def, 1, 0, &c, why));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_CREATED);
	nsnet_change_free(c);
}

/* customer1 with app .2 and db .3; IPv6 when asked for. */
static void add_two(struct nsnet *n, const char *inside, bool ipv6)
{
	static const struct nsnet_endpoint_def two[] = {{.name = "app"}, {.name = "db"}};

	add_def(n, &(struct nsnet_tenant_def){.name = "customer1",
					      .subnet = "10.10.1.0/24",
					      .subnet6 = ipv6 ? "fd00:1::/64" : NULL,
					      .inside = inside,
					      .endpoints = two,
					      .n_endpoints = 2});
}

static void endpoint_add(struct nsnet *n, const char *tenant, const char *name, const char *ip,
			 const char *rate, enum nsnet_outcome outcome)
{
	const struct nsnet_endpoint_def def = {.name = name, .ip = ip, .rate = rate};
	struct nsnet_change *c = NULL;

	OK(nsnet_endpoint_add(n, tenant, &def, 0, &c, why));
	assert_int_equal(nsnet_change_outcome(c, 0), outcome);
	assert_string_equal(nsnet_change_endpoint(c, 0), name);
	nsnet_change_free(c);
}

static void endpoint_add_fails(struct nsnet *n, const char *tenant, const char *name,
			       const char *ip, unsigned int flags, enum nsnet_code id)
{
	const struct nsnet_endpoint_def def = {.name = name, .ip = ip};
	char *before = lab_snapshot(), *after;
	struct nsnet_err err = {0};

	assert_true(nsnet_endpoint_add(n, tenant, &def, flags, NULL, &err) < 0);
	assert_string_equal(nsnet_code_name(err.id), nsnet_code_name(id));
	assert_true(err.msg[0]);
	after = lab_snapshot();
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void endpoint_del(struct nsnet *n, const char *tenant, const char *name)
{
	struct nsnet_change *c = NULL;

	OK(nsnet_endpoint_del(n, tenant, name, 0, &c, why));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_REMOVED);
	nsnet_change_free(c);
}

static int set_one(struct nsnet *n, const char *tenant, const char *key, const char *value,
		   enum nsnet_outcome *outcome, struct nsnet_err *err)
{
	const struct nsnet_setting setting = {.key = key, .value = value};
	struct nsnet_change *c = NULL;
	int r = nsnet_tenant_set(n, tenant, &setting, 1, 0, &c, err);

	if (r == 0)
		*outcome = nsnet_change_outcome(c, 0);
	nsnet_change_free(c);
	return r;
}

static void set(struct nsnet *n, const char *tenant, const char *key, const char *value,
		enum nsnet_outcome want)
{
	enum nsnet_outcome outcome = NSNET_UNCHANGED;

	OK(set_one(n, tenant, key, value, &outcome, why));
	assert_int_equal(outcome, want);
	lab_state(n, tenant, NSNET_STATE_OK);
}

static void address_is(struct nsnet *n, const char *tenant, const char *endpoint, const char *want,
		       const char *want6)
{
	struct nsnet_tenant *t = NULL;
	size_t i = 0;

	OK(nsnet_tenant_get(n, tenant, 0, &t, why));
	OK(nsnet_endpoint_find(t, endpoint, &i, why));
	assert_string_equal(nsnet_endpoint_address(t, i), want);
	assert_string_equal(nsnet_endpoint_address6(t, i), want6);
	nsnet_tenant_free(t);
}

static void addresses_in_kernel(const char *netns, const char *want)
{
	char *have =
		lab_sh("ip -j -n %s addr show eth0 | python3 -c 'import json,sys;"
		       "print(\" \".join(sorted(\"%%s/%%s\" %% (a[\"local\"], a[\"prefixlen\"])"
		       " for a in json.load(sys.stdin)[0][\"addr_info\"])))'",
		       netns);

	assert_string_equal(have, want);
	free(have);
}

/* ---- making and removing ---------------------------------------------------------- */

static void endpoints_of_a_tenant_reach_each_other_and_the_gateway(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, true);
	lab_state(n, "customer1", NSNET_STATE_OK);
	assert_true(lab_ping(PIN("customer1.app"), "10.10.1.3"));
	assert_true(lab_ping(PIN("customer1.db"), "10.10.1.2"));
	assert_true(lab_ping(PIN("customer1.app"), "10.10.1.1"));
	assert_true(lab_ping(PIN("customer1.app"), "fd00:1::3"));
	assert_true(lab_ping(PIN("customer1.db"), "fd00:1::2"));
	assert_true(lab_ping(PIN("customer1.db"), "fd00:1::1"));
	addresses_in_kernel("customer1.app", "10.10.1.2/24 fd00:1::2/64");
	nsnet_close(n);
}

static void a_tenant_without_ipv6_has_no_address_and_no_packet_of_it(void **state)
{
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, false);
	text = lab_sh("ip -6 -n customer1.app addr");
	assert_string_equal(text, "");
	free(text);
	nsnet_close(n);
}

static void a_gateway_with_ipv6_has_no_address_but_ours(void **state)
{
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, true);
	text = lab_sh("nsenter --net=%s ip -6 -o addr | awk '{print $2, $4}'",
		      lab_gateway(n, "customer1"));
	assert_string_equal(text, "br0 fd00:1::1/64");
	free(text);
	nsnet_close(n);
}

static void with_inside_deny_endpoints_reach_the_gateway_only(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, "deny", true);
	assert_false(lab_ping(PIN("customer1.app"), "10.10.1.3"));
	assert_false(lab_ping(PIN("customer1.db"), "fd00:1::2"));
	assert_true(lab_ping(PIN("customer1.app"), "10.10.1.1"));
	assert_true(lab_ping(PIN("customer1.db"), "fd00:1::1"));
	addresses_in_kernel("customer1.app", "10.10.1.2/32 fd00:1::2/128");
	nsnet_close(n);
}

static void an_endpoint_comes_and_goes_and_leaves_nothing(void **state)
{
	struct nsnet *n;
	char *before, *after;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	before = lab_snapshot();
	endpoint_add(n, "customer1", "db", NULL, NULL, NSNET_CREATED);
	endpoint_add(n, "customer1", "db", NULL, NULL, NSNET_UNCHANGED);
	address_is(n, "customer1", "db", "10.10.1.3", "");
	assert_true(lab_is_netns(PIN("customer1.db")));
	/* Not from the one that stays: it would remember the other for a while. */
	assert_true(lab_ping(PIN("customer1.db"), "10.10.1.1"));
	lab_state(n, "customer1", NSNET_STATE_OK);
	endpoint_del(n, "customer1", "db");
	lab_state(n, "customer1", NSNET_STATE_OK);
	after = lab_snapshot();
	assert_string_equal(before, after);
	assert_false(lab_ping(PIN("customer1"), "10.10.1.3"));
	free(before);
	free(after);
	nsnet_close(n);
}

static void who_sits_in_a_deleted_endpoint_is_cut_off(void **state)
{
	struct nsnet *n;
	pid_t pid;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, true);
	pid = lab_sit(PIN("customer1.db"));
	assert_int_equal(lab_sh_status("nsenter -n -t %d ping -c1 -W2 10.10.1.2", (int)pid), 0);
	endpoint_del(n, "customer1", "db");
	assert_int_not_equal(lab_sh_status("nsenter -n -t %d ping -c1 -W1 10.10.1.2", (int)pid), 0);
	assert_int_not_equal(lab_sh_status("nsenter -n -t %d ping -c1 -W1 10.10.1.1", (int)pid), 0);
	assert_true(lab_ping(PIN("customer1.app"), "10.10.1.1"));
	lab_leave(pid);
	nsnet_close(n);
}

static void the_last_endpoint_can_go_and_another_come(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	endpoint_del(n, "customer1", "default");
	assert_false(lab_is_netns(PIN("customer1")));
	lab_state(n, "customer1", NSNET_STATE_OK);
	endpoint_add(n, "customer1", "web", "10.10.1.77", NULL, NSNET_CREATED);
	assert_true(lab_ping(PIN("customer1.web"), "10.10.1.1"));
	lab_del(n, "customer1");
	lab_nothing_left(n);
	nsnet_close(n);
}

static void what_is_refused_changes_nothing(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/30", NSNET_CREATED);
	endpoint_add_fails(n, "customer2", "db", NULL, 0, NSNET_E_NO_TENANT);
	endpoint_add_fails(n, "customer1", "db", NULL, 0, NSNET_E_POOL_FULL);
	endpoint_add_fails(n, "customer1", "db", "10.10.1.1", 0, NSNET_E_ADDRESS_TAKEN);
	endpoint_add_fails(n, "customer1", "db", "10.10.1.2", 0, NSNET_E_ADDRESS_TAKEN);
	endpoint_add_fails(n, "customer1", "db", "10.10.1.3", 0, NSNET_E_BAD_ADDRESS);
	endpoint_add_fails(n, "customer1", "db", "10.10.9.3", 0, NSNET_E_BAD_ADDRESS);
	endpoint_add_fails(n, "customer1", "db", "fd00::1", 0, NSNET_E_BAD_ADDRESS);
	endpoint_add_fails(n, "customer1", "Db", NULL, 0, NSNET_E_BAD_NAME);
	endpoint_add_fails(n, "customer1", "gateway", NULL, 0, NSNET_E_BAD_NAME);
	endpoint_add_fails(n, "customer1", "default", "10.10.1.3", 0, NSNET_E_ENDPOINT_DIFFERS);
	endpoint_add_fails(n, "customer1", "default", NULL, NSNET_MUST_CREATE,
			   NSNET_E_ENDPOINT_EXISTS);
	nsnet_close(n);
}

static void a_name_that_is_taken_is_a_conflict_and_left_alone(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	RUN_STATUS(0, "ip", "netns", "add", "customer1.db");
	endpoint_add_fails(n, "customer1", "db", NULL, 0, NSNET_E_PIN_FOREIGN);
	assert_true(lab_is_netns(PIN("customer1.db")));
	lab_state(n, "customer1", NSNET_STATE_OK);
	RUN_STATUS(0, "ip", "netns", "del", "customer1.db");
	endpoint_add(n, "customer1", "db", NULL, NULL, NSNET_CREATED);
	nsnet_close(n);
}

static void a_dry_run_makes_nothing(void **state)
{
	const struct nsnet_endpoint_def def = {.name = "db"};
	struct nsnet_change *c = NULL;
	struct nsnet *n;
	char *before, *after;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	before = lab_snapshot();
	OK(nsnet_endpoint_add(n, "customer1", &def, NSNET_DRY_RUN, &c, why));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_CREATED);
	assert_true(nsnet_change_steps(c, 0) > 10);
	nsnet_change_free(c);
	c = NULL;
	OK(nsnet_endpoint_del(n, "customer1", "default", NSNET_DRY_RUN, &c, why));
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_REMOVED);
	nsnet_change_free(c);
	after = lab_snapshot();
	assert_string_equal(before, after);
	free(before);
	free(after);
	nsnet_close(n);
}

/* As after a reboot: the store has it, the kernel nothing. */
static void an_endpoint_of_an_absent_tenant_can_go(void **state)
{
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, false);
	text = lab_sh("umount -l %s/* %s/*; rm %s/* %s/*", LAB_PIN_DIR, LAB_GW, LAB_PIN_DIR,
		      LAB_GW);
	free(text);
	lab_state(n, "customer1", NSNET_STATE_ABSENT);
	endpoint_del(n, "customer1", "db");
	lab_state(n, "customer1", NSNET_STATE_ABSENT);
	assert_int_not_equal(access("/etc/netns/customer1.db", F_OK), 0);
	lab_repair(n, "customer1", NSNET_REPAIRED);
	assert_true(lab_ping(PIN("customer1.app"), "10.10.1.1"));
	assert_false(lab_is_netns(PIN("customer1.db")));
	nsnet_close(n);
}

static void a_lost_endpoint_is_built_again(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, true);
	RUN_STATUS(0, "ip", "netns", "del", "customer1.db");
	lab_state(n, "customer1", NSNET_STATE_DRIFT);
	/* Another endpoint's business is not held up by it. */
	endpoint_add(n, "customer1", "web", NULL, NULL, NSNET_CREATED);
	lab_repair(n, "customer1", NSNET_REPAIRED);
	lab_state(n, "customer1", NSNET_STATE_OK);
	assert_true(lab_ping(PIN("customer1.web"), "10.10.1.3"));
	assert_true(lab_ping(PIN("customer1.app"), "fd00:1::3"));
	nsnet_close(n);
}

/* ---- files ------------------------------------------------------------------------- */

static ino_t inode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void hosts_names_all_endpoints_and_is_rewritten_in_place(void **state)
{
	const char *path = "/etc/netns/customer1.app/hosts";
	struct nsnet *n;
	ino_t inode;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, true);
	inode = inode_of(path);
	endpoint_add(n, "customer1", "web", NULL, NULL, NSNET_CREATED);
	assert_int_equal(inode_of(path), inode);
	text = lab_sh("ip netns exec customer1.app cat /etc/hosts");
	LAB_HAS(text, "127.0.0.1\tlocalhost\n::1\tlocalhost");
	LAB_HAS(text, "10.10.1.1\tgateway.customer1 gateway\n");
	LAB_HAS(text, "fd00:1::3\tdb.customer1 db\n");
	LAB_HAS(text, "10.10.1.4\tweb.customer1 web\n");
	free(text);
	RUN_STATUS(0, "ip", "netns", "exec", "customer1.app", "ping", "-c1", "-W2", "web");
	endpoint_del(n, "customer1", "web");
	assert_int_equal(inode_of(path), inode);
	text = lab_sh("cat %s", path);
	assert_null(strstr(text, "web"));
	free(text);
	nsnet_close(n);
}

static void a_workload_sees_no_name_server_of_the_host(void **state)
{
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	RUN_STATUS(0, "sh", "-c",
		   "rm -f /etc/resolv.conf; echo nameserver 192.0.2.1 >/etc/resolv.conf");
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	text = lab_sh("ip netns exec customer1 cat /etc/resolv.conf");
	assert_null(strstr(text, "192.0.2.1"));
	LAB_HAS(text, "# no name server");
	free(text);
	nsnet_close(n);
}

static void a_file_of_somebody_else_is_kept(void **state)
{
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	RUN_STATUS(0, "sh", "-c",
		   "mkdir -p /etc/netns/customer1; echo nameserver 192.0.2.9 "
		   ">/etc/netns/customer1/resolv.conf");
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	lab_state(n, "customer1", NSNET_STATE_OK);
	text = lab_sh("cat /etc/netns/customer1/resolv.conf");
	assert_string_equal(text, "nameserver 192.0.2.9");
	free(text);
	lab_del(n, "customer1");
	assert_int_equal(access("/etc/netns/customer1/resolv.conf", F_OK), 0);
	assert_int_not_equal(access("/etc/netns/customer1/hosts", F_OK), 0);
	nsnet_close(n);
}

static void gc_removes_what_an_endpoint_without_a_row_has_left(void **state)
{
	struct nsnet_change *c = NULL;
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, false);
	text = lab_sh("python3 -c 'import sqlite3; d = sqlite3.connect(\"%s/nsnet.db\"); "
		      "d.execute(\"PRAGMA foreign_keys = 1\"); "
		      "d.execute(\"DELETE FROM tenant\"); d.commit()'; "
		      "echo nameserver 192.0.2.9 >/etc/netns/customer1.db/resolv.conf",
		      LAB_STATE);
	free(text);
	LAB_OK(nsnet_gc(n, 0, &c, NULL));
	/* Three pins, and three files of ours: the fourth is somebody else's now. */
	assert_int_equal(nsnet_change_steps(c, 0), 6);
	nsnet_change_free(c);
	text = lab_sh("find /etc/netns /run/netns /run/nsnet -type f");
	assert_string_equal(text, "/etc/netns/customer1.db/resolv.conf");
	free(text);
	nsnet_close(n);
}

/* ---- settings ---------------------------------------------------------------------- */

static void inside_is_switched_while_processes_run(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, true);
	set(n, "customer1", "inside", "deny", NSNET_CHANGED);
	assert_false(lab_ping(PIN("customer1.app"), "10.10.1.3"));
	assert_false(lab_ping(PIN("customer1.app"), "fd00:1::3"));
	assert_true(lab_ping(PIN("customer1.app"), "10.10.1.1"));
	addresses_in_kernel("customer1.app", "10.10.1.2/32 fd00:1::2/128");
	set(n, "customer1", "inside", "deny", NSNET_UNCHANGED);
	set(n, "customer1", "inside", "allow", NSNET_CHANGED);
	assert_true(lab_ping(PIN("customer1.app"), "10.10.1.3"));
	assert_true(lab_ping(PIN("customer1.app"), "fd00:1::3"));
	addresses_in_kernel("customer1.app", "10.10.1.2/24 fd00:1::2/64");
	nsnet_close(n);
}

static void ipv6_is_switched_on_and_off(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, false);
	set(n, "customer1", "subnet6", "fd00:7::/64", NSNET_CHANGED);
	assert_true(lab_ping(PIN("customer1.app"), "fd00:7::3"));
	assert_true(lab_ping(PIN("customer1.app"), "fd00:7::1"));
	addresses_in_kernel("customer1.app", "10.10.1.2/24 fd00:7::2/64");
	set(n, "customer1", "subnet6", "none", NSNET_CHANGED);
	addresses_in_kernel("customer1.app", "10.10.1.2/24");
	assert_true(lab_ping(PIN("customer1.app"), "10.10.1.3"));
	nsnet_close(n);
}

static void mtu_labels_and_owners_can_be_set(void **state)
{
	struct nsnet_tenant *t = NULL;
	struct nsnet *n;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, false);
	set(n, "customer1", "mtu", "1400", NSNET_CHANGED);
	text = lab_sh("ip netns exec customer1.app cat /sys/class/net/eth0/mtu");
	assert_string_equal(text, "1400");
	free(text);
	assert_int_equal(
		lab_sh_status("ip netns exec customer1.app ping -c1 -W1 -M do -s 1372 10.10.1.3"),
		0);
	assert_int_not_equal(
		lab_sh_status("ip netns exec customer1.app ping -c1 -W1 -M do -s 1373 10.10.1.3"),
		0);
	set(n, "customer1", "label", "tier=gold", NSNET_CHANGED);
	set(n, "customer1", "label", "pci=cde", NSNET_CHANGED);
	set(n, "customer1", "label", "tier=", NSNET_CHANGED);
	set(n, "customer1", "owners", "bob,alice", NSNET_CHANGED);
	OK(nsnet_tenant_get(n, "customer1", 0, &t, why));
	assert_int_equal(nsnet_tenant_labels(t), 1);
	assert_string_equal(nsnet_tenant_label_key(t, 0), "pci");
	assert_string_equal(nsnet_tenant_label_value(t, 0), "cde");
	assert_int_equal(nsnet_tenant_owners(t), 2);
	assert_string_equal(nsnet_tenant_owner(t, 0), "alice");
	assert_int_equal(nsnet_tenant_mtu(t), 1400);
	nsnet_tenant_free(t);
	nsnet_close(n);
}

static void a_new_subnet_renumbers_while_processes_run(void **state)
{
	struct nsnet *n;
	ino_t inode;
	pid_t pid;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, true);
	endpoint_add(n, "customer1", "web", "10.10.1.50", NULL, NSNET_CREATED);
	inode = lab_netns_inode(PIN("customer1.app"));
	pid = lab_sit(PIN("customer1.app"));
	/* The fixed address is inside the new subnet and stays, the others move. */
	set(n, "customer1", "subnet", "10.10.0.0/23", NSNET_CHANGED);
	address_is(n, "customer1", "app", "10.10.0.2", "fd00:1::2");
	address_is(n, "customer1", "db", "10.10.0.3", "fd00:1::3");
	address_is(n, "customer1", "web", "10.10.1.50", "fd00:1::4");
	addresses_in_kernel("customer1.app", "10.10.0.2/23 fd00:1::2/64");
	addresses_in_kernel("customer1.web", "10.10.1.50/23 fd00:1::4/64");
	assert_int_equal(lab_netns_inode(PIN("customer1.app")), inode);
	assert_int_equal(lab_sh_status("nsenter -n -t %d ping -c1 -W2 10.10.1.50", (int)pid), 0);
	assert_int_equal(lab_sh_status("nsenter -n -t %d ping -c1 -W2 10.10.0.1", (int)pid), 0);
	text = lab_sh("cat /etc/netns/customer1.web/hosts");
	LAB_HAS(text, "10.10.0.3\tdb.customer1 db\n");
	assert_null(strstr(text, "10.10.1.3"));
	free(text);
	lab_leave(pid);
	nsnet_close(n);
}

static void a_new_subnet_without_the_fixed_addresses_is_refused(void **state)
{
	enum nsnet_outcome outcome;
	struct nsnet_err err = {0};
	struct nsnet *n;
	char *before, *after;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, false);
	endpoint_add(n, "customer1", "web", "10.10.1.50", NULL, NSNET_CREATED);
	before = lab_snapshot();
	assert_true(set_one(n, "customer1", "subnet", "10.20.0.0/24", &outcome, &err) < 0);
	assert_int_equal(err.id, NSNET_E_ADDRESS_FIXED);
	LAB_HAS(err.msg, "web");
	LAB_HAS(err.msg, "10.10.1.50");
	after = lab_snapshot();
	assert_string_equal(before, after);
	free(before);
	free(after);
	lab_state(n, "customer1", NSNET_STATE_OK);
	nsnet_close(n);
}

static void automatic_subnets_overlap_nobody(void **state)
{
	static const struct nsnet_tenant_def defs[] = {
		{.name = "aa", .subnet = "auto", .subnet6 = "auto"},
		{.name = "bb", .subnet = "auto/26"},
		{.name = "cc", .subnet = "auto", .subnet6 = "auto"},
	};
	struct nsnet_change *c = NULL;
	struct nsnet_tenant *t = NULL;
	char first6[64];
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	RUN_STATUS(0, "sh", "-c",
		   "ip link add lan type veth peer name lan2; ip addr add 10.128.1.9/24 dev lan; "
		   "ip link set lan up; ip link set lan2 up");
	lab_add(n, "zz", "10.128.0.0/25", NSNET_CREATED);
	OK(nsnet_tenants_add(n, defs, 3, 0, &c, why));
	assert_int_equal(nsnet_change_items(c), 3);
	nsnet_change_free(c);
	OK(nsnet_tenant_get(n, "aa", 0, &t, why));
	assert_string_equal(nsnet_tenant_subnet(t), "10.128.2.0/24");
	(void)snprintf(first6, sizeof(first6), "%s", nsnet_tenant_subnet6(t));
	nsnet_tenant_free(t);
	t = NULL;
	OK(nsnet_tenant_get(n, "bb", 0, &t, why));
	assert_string_equal(nsnet_tenant_subnet(t), "10.128.0.128/26");
	nsnet_tenant_free(t);
	t = NULL;
	OK(nsnet_tenant_get(n, "cc", 0, &t, why));
	assert_string_equal(nsnet_tenant_subnet(t), "10.128.3.0/24");
	assert_string_not_equal(nsnet_tenant_subnet6(t), first6);
	assert_memory_equal(nsnet_tenant_subnet6(t), "fd", 2);
	nsnet_tenant_free(t);
	nsnet_close(n);
}

static void a_batch_with_one_bad_definition_makes_none(void **state)
{
	static const struct nsnet_tenant_def defs[] = {
		{.name = "aa", .subnet = "10.1.0.0/24", .where = "t.yaml:3:3"},
		{.name = "bb", .subnet = "10.2.0.1/24", .where = "t.yaml:5:3"},
	};
	static const struct nsnet_tenant_def differ[] = {
		{.name = "cc", .subnet = "10.3.0.0/24"},
		{.name = "dd", .subnet = "10.5.0.0/24"},
	};
	struct nsnet_err err = {0};
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	assert_true(nsnet_tenants_add(n, defs, 2, 0, NULL, &err) < 0);
	assert_int_equal(err.id, NSNET_E_BAD_SUBNET);
	LAB_HAS(err.where, "t.yaml:5:3");
	lab_nothing_left(n);
	lab_add(n, "dd", "10.4.0.0/24", NSNET_CREATED);
	assert_true(nsnet_tenants_add(n, differ, 2, 0, NULL, &err) < 0);
	assert_int_equal(err.id, NSNET_E_TENANT_DIFFERS);
	assert_int_equal(lab_count(n), 1);
	nsnet_close(n);
}

static void the_same_subnet_twice_and_the_hosts_own_is_noted(void **state)
{
	const struct nsnet_tenant_def def = {.name = "cc", .subnet = "192.168.7.0/24"};
	struct nsnet_change *c = NULL;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	RUN_STATUS(0, "sh", "-c",
		   "ip link add lan type veth peer name lan2; "
		   "ip addr add 192.168.7.9/24 dev lan; ip link set lan up");
	lab_add(n, "aa", "10.1.0.0/24", NSNET_CREATED);
	OK(nsnet_tenant_add(n, "bb", "10.1.0.0/24", 0, &c, why));
	assert_int_equal(nsnet_change_notes(c, 0), 1);
	LAB_HAS(nsnet_change_note(c, 0, 0), "overlaps 10.1.0.0/24 of aa");
	nsnet_change_free(c);
	c = NULL;
	OK(nsnet_tenants_add(n, &def, 1, 0, &c, why));
	assert_int_equal(nsnet_change_notes(c, 0), 1);
	LAB_HAS(nsnet_change_note(c, 0, 0), "overlaps 192.168.7.0/24 of this host on lan");
	nsnet_change_free(c);
	nsnet_close(n);
}

/* ---- rates ------------------------------------------------------------------------- */

/*
 * Bytes a second that UDP of @from to @to brings through, of some 4 times as many sent: at
 * least twice, else a machine that has no time for the sender would look like a limit.
 */
static double through(const char *from, const char *to, const char *address, unsigned int bytes_s,
		      double *offered)
{
	double got = 0, sent = 0;

	for (int i = 0; i < 5 && sent < 2.0 * bytes_s; i++) {
		char *text = lab_sh("python3 %s/tests/kernel/flow.py %s %s %s %u",
				    getenv("NSNET_SRC"), from, to, address, 4 * bytes_s);
		char *end;

		got = strtod(text, &end);
		sent = strtod(end, NULL);
		free(text);
	}
	if (sent < 2.0 * bytes_s)
		fail_msg("only %.0f bytes/s could be sent, of %u", sent, 4 * bytes_s);
	*offered = sent;
	return got;
}

static void rate_holds(const char *from, const char *to, const char *address, unsigned int rate)
{
	double sent, got = through(from, to, address, rate, &sent);

	if (got < 0.7 * rate || got > 1.3 * rate)
		fail_msg("%.0f bytes/s from %s to %s, the limit is %u", got, from, to, rate);
}

static void rates_of_endpoint_and_tenant_hold_in_both_directions(void **state)
{
	double got, sent;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	add_two(n, NULL, false);
	endpoint_add(n, "customer1", "slow", NULL, "16mbit", NSNET_CREATED);
	rate_holds(PIN("customer1.slow"), PIN("customer1.app"), "10.10.1.2", 2000000);
	rate_holds(PIN("customer1.app"), PIN("customer1.slow"), "10.10.1.4", 2000000);
	/* Of those two nobody has a limit. */
	got = through(PIN("customer1.app"), PIN("customer1.db"), "10.10.1.3", 2000000, &sent);
	if (got < 0.75 * sent)
		fail_msg("%.0f of %.0f bytes/s came through without a limit", got, sent);
	set(n, "customer1", "rate", "24mbit", NSNET_CHANGED);
	rate_holds(PIN("customer1.app"), PIN("customer1.db"), "10.10.1.3", 3000000);
	set(n, "customer1", "rate", "8mbit", NSNET_CHANGED);
	rate_holds(PIN("customer1.app"), PIN("customer1.db"), "10.10.1.3", 1000000);
	set(n, "customer1", "rate", "none", NSNET_CHANGED);
	endpoint_del(n, "customer1", "slow");
	lab_state(n, "customer1", NSNET_STATE_OK);
	nsnet_close(n);
}

/* ---- many -------------------------------------------------------------------------- */

static void sixteen_processes_add_endpoints_and_none_is_lost_or_double(void **state)
{
	enum { PROCESSES = 16, EACH = 4 };
	struct nsnet_tenant *t = NULL;
	struct nsnet *n;
	pid_t pids[PROCESSES];
	int i, k, status;
	char *text;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "customer1", "10.10.1.0/24", NSNET_CREATED);
	for (i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i])
			continue;
		n = lab_open();
		for (k = 0; k < EACH; k++) {
			char name[16];

			(void)snprintf(name, sizeof(name), "e%d-%d", i, k);
			endpoint_add(n, "customer1", name, NULL, NULL, NSNET_CREATED);
		}
		_exit(0);
	}
	for (i = 0; i < PROCESSES; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	OK(nsnet_tenant_get(n, "customer1", NSNET_OBSERVE, &t, why));
	assert_int_equal(nsnet_tenant_state(t), NSNET_STATE_OK);
	assert_int_equal(nsnet_tenant_endpoints(t), PROCESSES * EACH + 1);
	nsnet_tenant_free(t);
	text = lab_sh("for f in /run/netns/*; do nsenter --net=$f ip -4 -o addr show eth0; done |"
		      " awk '{print $4}' | sort -u | wc -l");
	assert_int_equal(strtol(text, NULL, 10), PROCESSES * EACH + 1);
	free(text);
	nsnet_close(n);
}

static void a_low_limit_of_open_files_is_no_limit_of_endpoints(void **state)
{
	char *text;

	(void)state;
	world_need();
	text = lab_sh("ulimit -Sn 64; python3 -c 'print(\"nsnet: 1\\ntenants: {cc: {subnet: "
		      "10.9.0.0/24, endpoints: {\" + \", \".join(\"e%%d: auto\" %% i for i in "
		      "range(40)) + \"}}}\")' | %s tenant add -f - && %s enter cc/e3 -- sh -c "
		      "'ulimit -Sn'",
		      nsnet_bin(), nsnet_bin());
	LAB_HAS(text, "tenant cc created");
	/* What runs inside has the limit that its caller had. */
	LAB_HAS(text, "\n64");
	free(text);
}

static bool last_reaches_first(void *none)
{
	(void)none;
	return lab_ping(PIN("customer1.e1022"), "10.0.0.2");
}

static void a_tenant_has_as_many_endpoints_as_a_bridge_has_ports(void **state)
{
	enum { MOST = 1023 };
	static struct nsnet_endpoint_def defs[MOST + 1];
	static char names[MOST + 1][8];
	struct nsnet_tenant_def def = {.name = "customer1",
				       .subnet = "10.0.0.0/8",
				       .endpoints = defs,
				       .n_endpoints = MOST + 1};
	struct rlimit files = {0};
	struct nsnet_err err = {0};
	struct nsnet *n;
	int i;

	(void)state;
	world_need();
	/* Each of the namespaces is held open by a few descriptors while it is made. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = files.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	for (i = 0; i <= MOST; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "e%d", i);
		defs[i].name = names[i];
	}
	n = lab_open();
	assert_true(nsnet_tenants_add(n, &def, 1, 0, NULL, &err) < 0);
	assert_int_equal(err.id, NSNET_E_TOO_MANY);
	lab_nothing_left(n);
	def.n_endpoints = MOST;
	OK(nsnet_tenants_add(n, &def, 1, 0, NULL, why));
	/* The kernel looks at a thousand new carriers one second after the other. */
	assert_true(poll_until(last_reaches_first, NULL, 60000));
	assert_true(nsnet_endpoint_add(n, "customer1", &(struct nsnet_endpoint_def){.name = "more"},
				       0, NULL, &err) < 0);
	assert_int_equal(err.id, NSNET_E_TOO_MANY);
	assert_false(lab_is_netns(PIN("customer1.more")));
	lab_del(n, "customer1");
	lab_nothing_left(n);
	nsnet_close(n);
}

#define T(f) cmocka_unit_test_setup(f, world_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(endpoints_of_a_tenant_reach_each_other_and_the_gateway),
		T(a_tenant_without_ipv6_has_no_address_and_no_packet_of_it),
		T(a_gateway_with_ipv6_has_no_address_but_ours),
		T(with_inside_deny_endpoints_reach_the_gateway_only),
		T(an_endpoint_comes_and_goes_and_leaves_nothing),
		T(who_sits_in_a_deleted_endpoint_is_cut_off),
		T(the_last_endpoint_can_go_and_another_come),
		T(what_is_refused_changes_nothing),
		T(a_name_that_is_taken_is_a_conflict_and_left_alone),
		T(a_dry_run_makes_nothing),
		T(an_endpoint_of_an_absent_tenant_can_go),
		T(a_lost_endpoint_is_built_again),
		T(hosts_names_all_endpoints_and_is_rewritten_in_place),
		T(a_workload_sees_no_name_server_of_the_host),
		T(a_file_of_somebody_else_is_kept),
		T(gc_removes_what_an_endpoint_without_a_row_has_left),
		T(inside_is_switched_while_processes_run),
		T(ipv6_is_switched_on_and_off),
		T(mtu_labels_and_owners_can_be_set),
		T(a_new_subnet_renumbers_while_processes_run),
		T(a_new_subnet_without_the_fixed_addresses_is_refused),
		T(automatic_subnets_overlap_nobody),
		T(a_batch_with_one_bad_definition_makes_none),
		T(the_same_subnet_twice_and_the_hosts_own_is_noted),
		T(rates_of_endpoint_and_tenant_hold_in_both_directions),
		T(sixteen_processes_add_endpoints_and_none_is_lost_or_double),
		T(a_low_limit_of_open_files_is_no_limit_of_endpoints),
		T(a_tenant_has_as_many_endpoints_as_a_bridge_has_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
