/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a run of the prober does to those who live where it is sent: nothing. Streams lose no
 * request, and neighbours, routes, addresses, rules and connections of the receivers are as they
 * were, also where a hole lets everything through.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../lib/base/cleanup.h"
#include "../lib/lab.h"
#include "../lib/peers.h"
#include "../lib/world.h"

/* All that a receiver has that a packet could change; states of neighbours come and go by age. */
static char *what_they_have(void)
{
	return lab_sh(
		"for n in " APP " " WORK " " DB " " WEB " " DNS "; do echo \"$n\"; "
		"ip -n $n addr | grep -v valid_lft; ip -n $n route show table all; "
		"ip -6 -n $n route show table all | sed 's/ expires [^ ]*//'; "
		"ip -n $n neigh | sed 's/ [A-Z]*\\( proto [a-z]*\\)\\? *$//' | sort; "
		"ip -n $n -d link | grep -v 'promiscuity [^0]'; ip netns exec $n nft list ruleset; "
		"cat /proc/$(ip netns pids $n | head -n 1)/net/nf_conntrack 2>/dev/null; "
		"ip -n $n maddr | grep -v '^[0-9]'; done; :");
}

static void hole(struct nsnet *n, const char *tenant)
{
	const char *gw = lab_gateway(n, tenant);

	/* In this order no packet of the streams is without a way in between. */
	free(lab_sh("nsenter --net=%s ip rule add pref 50 lookup 78", gw));
	free(lab_sh("nsenter --net=%s ip -6 rule add pref 50 lookup 78", gw));
	free(lab_sh("nsenter --net=%s nft insert rule inet nsnet forward accept", gw));
	free(lab_sh("nsenter --net=%s nft insert rule inet nsnet admit accept", gw));
}

/* @status: of the command. A /proc of its own: what else runs here is not of this host. */
static void probe(int status, const char *want)
{
	char *line = NULL;
	struct run r;

	assert_true(asprintf(&line,
			     "%s verify --probe --canaries -j >/run/verdict; "
			     "exit $?",
			     nsnet_bin()) > 0);
	RUN(&r, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", line);
	if (r.status != status)
		fail_msg("status %d, not %d: %s", r.status, status, r.err);
	run_free(&r);
	free(line);
	line = lab_sh("python3 -c 'import json; d = json.load(open(\"/run/verdict\")); "
		      "print(d[\"wire\"][\"verdict\"], d[\"wire\"][\"probes\"] > 100)'");
	assert_string_equal(line, want);
	free(line);
}

static void a_run_changes_nothing_of_who_is_probed(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL, *after = NULL;
	struct peers peers = {0}, background = {0};
	struct nsnet *n;

	(void)state;
	world_need();
	n = peers_build(&peers, peers_tenants, PEERS_TENANTS);
	ALLOW(n, "stays", "customer1/app", "customer2/db", "tcp/7000,udp/7000,icmp/echo");
	peers_start(&background);
	TELL(&background, "stream udp4 " APP " 10.10.2.10 udp/7000");
	TELL(&background, "stream udp6 " APP " fd00:10:2::10 udp/7000");
	TELL(&background, "stream tcp4 " APP " 10.10.2.10 tcp/7000");
	before = what_they_have();
	probe(0, "PROVED+CONFIRMED True");
	hole(n, "customer2");
	hole(n, "customer1");
	probe(1, "VIOLATION True");
	after = what_they_have();
	assert_string_equal(before, after);
	assert_true(peers_stopped(&background, "udp4", true) > 100);
	assert_true(peers_stopped(&background, "udp6", true) > 100);
	assert_true(peers_stopped(&background, "tcp4", true) > 100);
	peers_stop(&background);
	LAB_OK(nsnet_repair(n, "customer1", 0, NULL, NULL));
	LAB_OK(nsnet_repair(n, "customer2", 0, NULL, NULL));
	REVOKE(n, "stays");
	peers_end_clean(&peers, n);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_run_changes_nothing_of_who_is_probed, world_setup),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
