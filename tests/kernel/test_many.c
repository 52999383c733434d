/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/inject.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/* Many tenants at a time: made side by side, and deleted so that others get their turn. */

#define MANY 48 /* more than one of the parts in which they are made */

static char names[MANY][16], subnets[MANY][32], places[MANY][32];
static struct nsnet_tenant_def defs[MANY];

static void define(void)
{
	size_t i;

	for (i = 0; i < MANY; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "t%02zu", i);
		(void)snprintf(subnets[i], sizeof(subnets[i]), "10.20.%zu.0/24", i);
		(void)snprintf(places[i], sizeof(places[i]), "many.yaml:%zu:3", i + 2);
		defs[i] = (struct nsnet_tenant_def){
			.name = names[i], .subnet = subnets[i], .where = places[i]};
	}
}

static int setup(void **state)
{
	define();
	return world_setup(state);
}

/* Of the store as it is by now: who is there, agrees with the kernel. */
static void all_agree(struct nsnet *n, size_t tenants)
{
	struct nsnet_status s = {0};

	LAB_OK(nsnet_status(n, &s, NULL));
	assert_int_equal(s.tenants, tenants);
	assert_int_equal(s.ok, tenants);
}

static void nothing_for_gc(struct nsnet *n)
{
	struct nsnet_change *c = NULL;

	LAB_OK(nsnet_gc(n, NSNET_DRY_RUN, &c, NULL));
	assert_int_equal(nsnet_change_steps(c, 0), 0);
	nsnet_change_free(c);
}

static void del_all(struct nsnet *n)
{
	NSNET_STATUS(0, "-q", "tenant", "del", "-y", "--all");
	lab_nothing_left(n);
	nsnet_close(n);
}

/* The items are about the first of defs, in their order. */
static void in_order(const struct nsnet_change *c, size_t count, size_t unchanged)
{
	size_t i;

	assert_int_equal(nsnet_change_items(c), count);
	for (i = 0; i < count; i++) {
		assert_string_equal(nsnet_change_tenant(c, i), names[i]);
		assert_int_equal(nsnet_change_outcome(c, i),
				 i < unchanged ? NSNET_UNCHANGED : NSNET_CREATED);
		assert_true(i < unchanged || nsnet_change_steps(c, i) > 50);
	}
}

static void a_batch_is_made_in_its_order(void **state)
{
	struct nsnet_change *c = NULL;
	struct nsnet *n;
	int fds;

	(void)state;
	world_need();
	n = lab_open();
	fds = lab_fds();
	LAB_OK(nsnet_tenants_add(n, defs, MANY, 0, &c, NULL));
	assert_int_equal(lab_fds(), fds);
	in_order(c, MANY, 0);
	nsnet_change_free(c);
	all_agree(n, MANY);
	nothing_for_gc(n);
	assert_true(lab_ping("/run/netns/t00", "10.20.0.1"));
	assert_true(lab_ping("/run/netns/t47", "10.20.47.1"));
	c = NULL;
	LAB_OK(nsnet_tenants_add(n, defs, MANY, 0, &c, NULL));
	in_order(c, MANY, MANY);
	nsnet_change_free(c);
	del_all(n);
}

/* Whether it is found while it is built or when it gets its name. */
static void one_that_fails(const char *block, const char *unblock, enum nsnet_code id)
{
	struct nsnet_err err = {0};
	struct nsnet_change *c = NULL;
	struct nsnet *n = lab_open();
	int fds = lab_fds();

	assert_int_equal(lab_sh_status("%s", block), 0);
	assert_true(nsnet_tenants_add(n, defs, MANY, 0, &c, &err) < 0);
	assert_int_equal(err.id, id);
	LAB_HAS(err.msg, "many.yaml:42:3");
	in_order(c, 40, 0);
	nsnet_change_free(c);
	assert_int_equal(lab_fds(), fds);
	assert_int_equal(lab_count(n), 40);
	all_agree(n, 40);
	assert_int_equal(lab_sh_status("%s", unblock), 0);
	nothing_for_gc(n);
	assert_int_equal(lab_sh_status("[ $(ls /run/netns | wc -l) = 40 ]"), 0);
	c = NULL;
	LAB_OK(nsnet_tenants_add(n, defs, MANY, 0, &c, NULL));
	in_order(c, MANY, 40);
	nsnet_change_free(c);
	all_agree(n, MANY);
	del_all(n);
}

static void who_comes_behind_one_that_fails_is_not_made(void **state)
{
	(void)state;
	world_need();
	one_that_fails("mkdir -p /run/netns && echo mine >/run/netns/t40", "rm /run/netns/t40",
		       NSNET_E_PIN_FOREIGN);
	one_that_fails("mkdir -p /etc/netns && echo mine >/etc/netns/t40", "rm /etc/netns/t40",
		       NSNET_E_UNSAFE_PATH);
}

/* ---- a call that fails ------------------------------------------------------------------ */

struct call {
	struct nsnet *n;
	struct nsnet_change *c;
	int r;
};

static void call_add(void *arg)
{
	struct call *c = arg;

	c->r = nsnet_tenants_add(c->n, defs, MANY, 0, &c->c, NULL);
}

/* Which tenant a thread is at then is not known; but that those before it are there. */
static void a_pin_that_fails_leaves_those_before_it(void **state)
{
	static const struct inject_rule mounts[] = {{.nr = __NR_mount, .error = ENOMEM}};
	int at;

	(void)state;
	world_need();
	for (at = 5; at < 4 * MANY; at += test_quick() ? 90 : 63) {
		struct call call = {.n = lab_open()};
		struct inject seen;
		size_t made;

		inject(mounts, 1, at, call_add, &call, &seen);
		made = call.c ? nsnet_change_items(call.c) : 0;
		assert_int_equal(call.r < 0, seen.failed_nr >= 0);
		assert_true(call.r == 0 || made < MANY);
		if (call.c)
			in_order(call.c, made, 0);
		nsnet_change_free(call.c);
		assert_int_equal(lab_count(call.n), made);
		all_agree(call.n, made);
		nothing_for_gc(call.n);
		assert_int_equal(
			lab_sh_status("[ $(ls /run/netns 2>/dev/null | wc -l) = %zu ]", made), 0);
		LAB_OK(nsnet_tenants_add(call.n, defs, MANY, 0, NULL, NULL));
		all_agree(call.n, MANY);
		del_all(call.n);
	}
}

static void one_who_is_there_in_between(void **state)
{
	struct nsnet_change *c = NULL;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, names[20], subnets[20], NSNET_CREATED);
	LAB_OK(nsnet_tenants_add(n, defs, MANY, 0, &c, NULL));
	assert_int_equal(nsnet_change_items(c), MANY);
	assert_int_equal(nsnet_change_outcome(c, 19), NSNET_CREATED);
	assert_int_equal(nsnet_change_outcome(c, 20), NSNET_UNCHANGED);
	assert_int_equal(nsnet_change_outcome(c, 21), NSNET_CREATED);
	nsnet_change_free(c);
	all_agree(n, MANY);
	del_all(n);
}

/* A rule for a label was there before who carries it. */
static void who_is_named_by_a_label_is_connected(void **state)
{
	static const char *const gold[] = {"tier=gold"};
	struct nsnet_tenant_def some[4];
	struct nsnet *n;
	size_t i;

	(void)state;
	world_need();
	n = lab_open();
	for (i = 0; i < 4; i++)
		some[i] = defs[i];
	some[2].labels = gold;
	some[2].n_labels = 1;
	lab_add(n, "service", "10.30.0.0/24", NSNET_CREATED);
	NSNET_STATUS(0, "allow", "label:tier=gold", "service", "icmp", "--because", "test");
	LAB_OK(nsnet_tenants_add(n, some, 4, 0, NULL, NULL));
	all_agree(n, 5);
	assert_true(lab_ping("/run/netns/t02", "10.30.0.2"));
	assert_false(lab_ping("/run/netns/t01", "10.30.0.2"));
	NSNET_STATUS(0, "-q", "tenant", "del", "-y", "--with-rules", "--all");
	lab_nothing_left(n);
	nsnet_close(n);
}

/* ---- repaired ------------------------------------------------------------------------- */

/* At the ends of the parts in which they are looked at, and inside. */
static const struct {
	size_t which;
	const char *how;
} damages[] = {
	{0, "ip -n t00 addr flush dev eth0"},
	{3, "nsenter --net=$GATEWAY nft flush ruleset"},
	{4, "nsenter --net=$GATEWAY sh -c 'echo 1 >/proc/sys/net/ipv4/conf/br0/proxy_arp'"},
	{6, "umount /run/netns/t06; rm /run/netns/t06"},
	{7, "ip -n t07 link del eth0"},
	{31, "nsenter --net=$GATEWAY ip link del br0"},
	{32, "nsenter --net=$GATEWAY ip link set br0 mtu 1400"},
	{47, "ip -n t47 route del default"},
};

/* Not ours, and left alone: who has one agrees and is not believed to. */
#define FOREIGN 2

/* Their outcomes; those of the damaged are @damaged. */
static void assert_outcomes(const struct nsnet_change *c, enum nsnet_outcome damaged)
{
	assert_int_equal(nsnet_change_items(c), MANY);
	for (size_t i = 0; i < MANY; i++) {
		bool is = false;

		for (size_t k = 0; k < sizeof(damages) / sizeof(damages[0]); k++)
			is |= damages[k].which == i;
		assert_string_equal(nsnet_change_tenant(c, i), names[i]);
		if (nsnet_change_outcome(c, i) != (is ? damaged : NSNET_UNCHANGED))
			fail_msg("%s: outcome %d", names[i], (int)nsnet_change_outcome(c, i));
		assert_int_equal(nsnet_change_steps(c, i) > 0, is && damaged == NSNET_REPAIRED);
		assert_int_equal(nsnet_change_notes(c, i), i == FOREIGN);
	}
	LAB_HAS(nsnet_change_note(c, FOREIGN, 0), "theirs");
}

static void repair_all(struct nsnet *n, unsigned int flags, enum nsnet_outcome damaged)
{
	struct nsnet_change *c = NULL;

	LAB_OK(nsnet_repair(n, NULL, flags, &c, NULL));
	assert_outcomes(c, damaged);
	nsnet_change_free(c);
}

static void exactly_what_was_damaged_is_repaired(void **state)
{
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	LAB_OK(nsnet_tenants_add(n, defs, MANY, 0, NULL, NULL));
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		assert_int_equal(setenv("GATEWAY", lab_gateway(n, names[damages[i].which]), 1), 0);
		free(lab_sh("%s", damages[i].how));
	}
	free(lab_sh("nsenter --net=%s ip link add theirs type bridge",
		    lab_gateway(n, names[FOREIGN])));
	repair_all(n, NSNET_DRY_RUN, NSNET_REPAIRED);
	repair_all(n, 0, NSNET_REPAIRED);
	repair_all(n, 0, NSNET_UNCHANGED);
	/* Told about until whoever made it takes it away. */
	free(lab_sh("nsenter --net=%s ip link del theirs", lab_gateway(n, names[FOREIGN])));
	all_agree(n, MANY);
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		char netns[32], ip[32];

		(void)snprintf(netns, sizeof(netns), "/run/netns/%s", names[damages[i].which]);
		(void)snprintf(ip, sizeof(ip), "10.20.%zu.1", damages[i].which);
		assert_true(lab_ping(netns, ip));
	}
	del_all(n);
}

/* ---- killed in the middle -------------------------------------------------------------- */

static pid_t start_add(const char *file)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execl(nsnet_bin(), nsnet_bin(), "-q", "tenant", "add", "-f", file, NULL);
		_exit(127);
	}
	return pid;
}

static bool some_are_there(void *count)
{
	return lab_sh_status("[ $(ls /run/netns 2>/dev/null | wc -l) -ge %d ]", *(int *)count) == 0;
}

static void write_file(const char *file)
{
	FILE *f = fopen(file, "we");
	size_t i;

	assert_non_null(f);
	fputs("nsnet: 1\ntenants:\n", f);
	for (i = 0; i < MANY; i++)
		fprintf(f, "  %s: { subnet: %s }\n", names[i], subnets[i]);
	assert_int_equal(fclose(f), 0);
}

/* What was stored is completed, what was not leaves nothing, and the rest can follow. */
static void a_batch_killed_in_the_middle_is_completed(void **state)
{
	static const char file[] = "/run/many.yaml";
	struct nsnet *n;
	int status, at;

	(void)state;
	world_need();
	write_file(file);
	for (at = 0; at < MANY; at += test_quick() ? 40 : 17) {
		size_t stored;
		pid_t pid = start_add(file);

		assert_true(poll_until(some_are_there, &at, 60000));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		n = lab_open();
		stored = lab_count(n);
		NSNET_STATUS(0, "-q", "repair");
		all_agree(n, stored);
		nothing_for_gc(n);
		assert_int_equal(lab_sh_status("[ $(ls /run/netns | wc -l) = %zu ]", stored), 0);
		LAB_OK(nsnet_tenants_add(n, defs, MANY, 0, NULL, NULL));
		all_agree(n, MANY);
		del_all(n);
	}
}

/* ---- deleting, while others work --------------------------------------------------------- */

/*
 * No time is measured here: who deletes gives way after each tenant, so that another one
 * gets on meanwhile.
 */
static void who_deletes_many_lets_others_in(void **state)
{
	struct nsnet *n;
	int status, added = 0;
	pid_t pid;

	(void)state;
	world_need();
	n = lab_open();
	LAB_OK(nsnet_tenants_add(n, defs, MANY, 0, NULL, NULL));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", "exec \"$0\" -q tenant del -y $(ls /run/netns)",
			    nsnet_bin(), NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, WNOHANG) == 0 && added < 10 * MANY) {
		char name[16], subnet[32];

		(void)snprintf(name, sizeof(name), "x%03d", added);
		(void)snprintf(subnet, sizeof(subnet), "10.40.%d.0/24", added);
		NSNET_STATUS(0, "-q", "tenant", "add", name, subnet);
		added++;
	}
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* One for each that is deleted is what it is made for. */
	assert_true(added > MANY / 5);
	all_agree(n, (size_t)added);
	del_all(n);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_batch_is_made_in_its_order, world_setup),
		cmocka_unit_test_setup(who_comes_behind_one_that_fails_is_not_made, world_setup),
		cmocka_unit_test_setup(a_pin_that_fails_leaves_those_before_it, world_setup),
		cmocka_unit_test_setup(one_who_is_there_in_between, world_setup),
		cmocka_unit_test_setup(who_is_named_by_a_label_is_connected, world_setup),
		cmocka_unit_test_setup(exactly_what_was_damaged_is_repaired, world_setup),
		cmocka_unit_test_setup(a_batch_killed_in_the_middle_is_completed, world_setup),
		cmocka_unit_test_setup(who_deletes_many_lets_others_in, world_setup),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, setup, NULL);
}
