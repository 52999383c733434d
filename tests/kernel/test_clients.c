/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/lab.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/*
 * Tenants that all have the same subnet call one shared service: each gets its
 * answers, and the service tells them from each other by addresses that stay.
 */

static struct peers peers;

enum { CLIENTS_MAX = 500, ADDRESS_SIZE = 48 };

/* As many as the issue asks for take minutes: NSNET_TEST_CLIENTS=500 by hand. */
static int n_clients(void)
{
	const char *many = getenv("NSNET_TEST_CLIENTS");

	return many ? (int)strtol(many, NULL, 10) : test_quick() ? 8 : 40;
}

static const struct nsnet_endpoint_def client_end = {
	.name = "app", .ip = "10.10.1.10", .ip6 = "fd00:10:1::10"};

static void client_name(int i, char name[24])
{
	(void)snprintf(name, 24, "client%d", i);
}

static void add_clients(struct nsnet *n, int count)
{
	static struct nsnet_tenant_def defs[CLIENTS_MAX];
	static char names[CLIENTS_MAX][24];

	assert_true(count > 1 && count <= CLIENTS_MAX);
	for (int i = 0; i < count; i++) {
		client_name(i, names[i]);
		defs[i] = (struct nsnet_tenant_def){.name = names[i],
						    .subnet = "10.10.1.0/24",
						    .subnet6 = "fd00:10:1::/64",
						    .endpoints = &client_end,
						    .n_endpoints = 1};
	}
	LAB_OK(nsnet_tenants_add(n, defs, (size_t)count, 0, NULL, NULL));
}

typedef char addresses[CLIENTS_MAX][2][ADDRESS_SIZE];

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The addresses under which the service sees each of them: all different. */
static void ask_all(addresses seen, int count)
{
	static char sorted[2 * CLIENTS_MAX][ADDRESS_SIZE];
	char name[24];

	for (int i = 0; i < count; i++)
		for (int six = 0; six < 2; six++) {
			char *answer;

			client_name(i, name);
			answer = peers_ask(&peers, "from %s.app %s udp/53", name,
					   six ? "fd00:10:250::53" : "10.10.250.53");
			if (strchr(answer, ' '))
				fail_msg("%s: %s", name, answer);
			(void)snprintf(seen[i][six], ADDRESS_SIZE, "%s", answer);
			free(answer);
		}
	memcpy(sorted, seen, sizeof(addresses));
	qsort(sorted, 2 * (size_t)count, ADDRESS_SIZE, by_text);
	for (int i = 1; i < 2 * count; i++)
		if (strcmp(sorted[i - 1], sorted[i]) == 0)
			fail_msg("two are seen under %s", sorted[i]);
}

static void same_addresses(addresses seen, int count, const char *after_what)
{
	static addresses again;

	ask_all(again, count);
	for (int i = 0; i < count; i++)
		for (int six = 0; six < 2; six++)
			if (strcmp(seen[i][six], again[i][six]) != 0)
				fail_msg("client%d is %s, and %s after %s", i, seen[i][six],
					 again[i][six], after_what);
}

static void told(const char *what, double *began)
{
	print_message("           %s: %.1f s\n", what, (now_ms() - *began) / 1000);
	*began = now_ms();
}

/* What a reboot does: other boot id, other host namespace, empty /run. */
static void reboot(void)
{
	peers_stop(&peers);
	free(lab_sh("umount -l /run/nsnet/gw /run/netns; rm -r /run/nsnet /run/netns;"
		    "echo 11111111-2222-3333-4444-555555555555 >/run/boot_id;"
		    "mount --bind /run/boot_id /proc/sys/kernel/random/boot_id"));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
}

/* Others come and go; what one has is no way to another. */
static void stable_while_others_change(struct nsnet *n, addresses seen, int count)
{
	char text[256], name[24];

	(void)snprintf(text, sizeof(text),
		       "- client0.app %s icmp; - " DNS " %s icmp; - " DNS " %s icmp",
		       seen[count - 1][0], seen[1][0], seen[1][1]);
	PROBE(&peers, text);
	SEEN(&peers, DNS " udp/53", "nothing");
	client_name(count - 1, name);
	LAB_OK(nsnet_tenant_del(n, name, 0, NULL, NULL));
	free(lab_sh("nsenter --net=%s nft flush ruleset", lab_gateway(n, "client1")));
	LAB_OK(nsnet_repair(n, "client1", 0, NULL, NULL));
	same_addresses(seen, count - 1, "changes to others");
}

static void clients_with_one_subnet_share_a_service(void **state)
{
	static addresses seen;
	const int count = n_clients();
	double began = now_ms();
	struct nsnet *n;

	(void)state;
	world_need();
	n = peers_build(&peers, &peers_tenants[SHARED], 1);
	add_clients(n, count);
	told("tenants", &began);
	ALLOW(n, "resolve", "tenants", "shared/dns", "udp/53");
	told("rule", &began);
	ask_all(seen, count);
	told("questions", &began);
	stable_while_others_change(n, seen, count);
	nsnet_close(n);
	reboot();
	n = lab_open();
	began = now_ms();
	LAB_OK(nsnet_repair(n, NULL, 0, NULL, NULL));
	told("repair of all after a reboot", &began);
	peers_start(&peers);
	peers_serve(&peers, &peers_tenants[SHARED]);
	same_addresses(seen, count - 1, "a reboot");
	began = now_ms();
	NOTHING_TO_DO(n, "all");
	REVOKE(n, "resolve");
	told("revoke", &began);
	peers_end_clean(&peers, n);
	told("end", &began);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(clients_with_one_subnet_share_a_service, world_setup),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
