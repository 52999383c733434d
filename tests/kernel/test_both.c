/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify --probe: what the proof says and what the wire says, together. Real tenants, real
 * packets; the receiver is asked, never the clock.
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

#include "../../lib/both.h"
#include "../../lib/nsnet.h"
#include "../cli/cli.h"
#include "../lib/lab.h"

static const char setup_lines[] =
	"set -e; n=$1; "
	"$n tenant add customer1 10.10.1.0/24; $n endpoint add customer1/app; "
	"$n tenant add customer2 10.10.2.0/24 --subnet6 fd00:2::/64; "
	"$n tenant add customer3 10.10.3.0/24 --subnet6 fd00:3::/64; "
	"$n allow customer1/app customer2 tcp/5432 --because ledger --name ledger; "
	"$n allow customer2 customer3 udp --because feed --name feed";

static int three_tenants(void **state)
{
	int r = world_setup(state);

	if (geteuid() == 0 && r == 0)
		RUN_STATUS(0, "sh", "-c", setup_lines, "sh", nsnet_bin());
	return r;
}

/* `$n` is the command; the processes that it starts are the only ones there are. */
static json_t *verify(int status, const char *options)
{
	NSN_AUTO(run_done) struct run r = {0};
	NSN_AUTO(nsn_freep) char *line = NULL;

	assert_true(asprintf(&line, "%s verify %s -j; exit $?", nsnet_bin(), options) >= 0);
	RUN(&r, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", line);
	assert_status(&r, status);
	return parse(r.out);
}

static const char *wire_verdict(json_t *doc)
{
	return json_string_value(json_object_get(json_object_get(doc, "wire"), "verdict"));
}

static json_int_t wire_count(json_t *doc, const char *what)
{
	json_t *n = json_object_get(json_object_get(doc, "wire"), what);

	assert_true(json_is_integer(n));
	return json_integer_value(n);
}

/* Whether one of a kind about these two is called so on the wire. */
static void wire_is(json_t *doc, const char *from, const char *to, const char *want)
{
	json_t *list = json_object_get(doc, "findings"), *x;
	const char *f, *t, *w, *got = "none";
	size_t i;

	json_array_foreach(list, i, x)
	{
		f = json_string_value(json_object_get(x, "from"));
		t = json_string_value(json_object_get(x, "to"));
		w = json_string_value(json_object_get(x, "wire"));
		if (f && t && strcmp(f, from) == 0 && strcmp(t, to) == 0 && w)
			got = w;
		if (strcmp(got, want) == 0)
			return;
	}
	fail_msg("%s -> %s: %s, not %s", from, to, got, want);
}

/* The first finding of a kind, or NULL. */
static json_t *finding(json_t *doc, const char *kind)
{
	json_t *list = json_object_get(doc, "findings"), *x;
	size_t i;

	json_array_foreach(list, i, x) if (strcmp(json_string_value(json_object_get(x, "kind")),
						  kind) == 0) return x;
	return NULL;
}

static const char *wire_of(json_t *doc, const char *kind)
{
	json_t *x = finding(doc, kind);

	if (!x) {
		NSN_AUTO(nsn_freep) char *text = json_dumps(doc, JSON_INDENT(1));

		fail_msg("there is no %s in %s", kind, text);
	}
	return json_string_value(json_object_get(x, "wire"));
}

/* What @match says gets into a gateway, and out over the cable that is there. */
static void plant(const char *tenant, const char *match)
{
	struct nsnet *n = lab_open();
	const char *gw = lab_gateway(n, tenant);

	free(lab_sh("nsenter --net=%s nft insert rule inet nsnet admit %s accept", gw, match));
	free(lab_sh("nsenter --net=%s nft insert rule inet nsnet forward accept", gw));
	free(lab_sh("nsenter --net=%s ip rule add pref 50 lookup 78", gw));
	nsnet_close(n);
}

/* ---- all is well ----------------------------------------------------------------------------- */

static void what_is_proved_is_confirmed(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	doc = verify(0, "--probe");
	assert_string_equal(wire_verdict(doc), "PROVED+CONFIRMED");
	assert_int_equal(wire_count(doc, "pairs"), 6);
	assert_int_equal(wire_count(doc, "untested"), 0);
	assert_int_equal(wire_count(doc, "dropped"), 0);
	/* udp of customer2 to customer3, in both families: what policy allows has arrived. */
	assert_true(wire_count(doc, "delivered") >= 2);
	assert_true(wire_count(doc, "blocked") > 100);
	assert_true(wire_count(doc, "sentinels") > 0);
	assert_true(wire_count(doc, "controls") > 0);
	assert_null(finding(doc, "DENIED_TOO_MUCH"));
}

static void without_probes_nothing_is_sent(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	doc = verify(0, "");
	assert_true(json_is_null(json_object_get(doc, "wire")));
}

static void nothing_stays_of_a_run(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL, *after = NULL;
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	before = lab_sh("ip netns list | sort; ls /run/nsnet/gw; ip -br link | sort");
	doc = verify(0, "--probe --canaries --aggressive");
	after = lab_sh("ip netns list | sort; ls /run/nsnet/gw; ip -br link | sort");
	assert_string_equal(before, after);
	assert_string_equal(wire_verdict(doc), "PROVED+CONFIRMED");
	/* Each tenant's own guest among the endpoints. */
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(doc, "counts"), "endpoints")),
		7);
}

/* ---- a hole ---------------------------------------------------------------------------------- */

static void a_hole_is_seen_by_both(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	/* They are joined by a rule for udp; now anything gets through. */
	plant("customer3", "");
	plant("customer2", "");
	doc = verify(1, "--probe");
	assert_string_equal(wire_verdict(doc), "VIOLATION");
	wire_is(doc, "customer2", "customer3", "confirmed");
	wire_is(doc, "customer3", "customer2", "confirmed");
	assert_null(finding(doc, "WIRE_DELIVERED"));
}

/* The fixed ports would not find it: the packet of the proof does. */
static void the_packet_of_a_violation_is_sent(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	plant("customer3", "tcp dport 53");
	plant("customer2", "tcp dport 53");
	doc = verify(1, "--probe");
	assert_string_equal(wire_verdict(doc), "VIOLATION");
	wire_is(doc, "customer2", "customer3", "confirmed");
}

/* A program of the victim listens there: it is not spoken to, and nothing is said of the wire. */
static void who_listens_is_not_spoken_to(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;
	NSN_AUTO(nsn_freep) char *heard = NULL;

	(void)state;
	world_need();
	plant("customer3", "tcp dport 53");
	plant("customer2", "tcp dport 53");
	free(lab_sh("ip netns exec customer3 python3 -c '\n"
		    "import os, socket\n"
		    "s = socket.socket()\n"
		    "s.bind((\"0.0.0.0\", 53))\n"
		    "s.listen()\n"
		    "if os.fork():\n"
		    "    os._exit(0)\n"
		    "open(\"/run/pid\", \"w\").write(str(os.getpid()))\n"
		    "s.settimeout(8)\n"
		    "try:\n"
		    "    s.accept()\n"
		    "    open(\"/run/heard\", \"w\").write(\"heard\")\n"
		    "except OSError:\n"
		    "    pass' </dev/null >/dev/null 2>&1"));
	doc = verify(1, "--probe");
	wire_is(doc, "customer2", "customer3", "untested");
	heard = lab_sh("kill $(cat /run/pid); cat /run/heard 2>/dev/null; :");
	assert_string_equal(heard, "");
}

/* One packet of a million gets through: that is a violation, and no single probe will show it. */
static void what_the_wire_does_not_show_stays_a_violation(void **state)
{
	NSN_AUTO(json_unref) json_t *doc = NULL;

	(void)state;
	world_need();
	plant("customer3", "numgen random mod 1000000 77");
	plant("customer2", "numgen random mod 1000000 77");
	doc = verify(1, "--probe");
	assert_string_equal(wire_verdict(doc), "NOT-REPRODUCED");
	assert_string_equal(wire_of(doc, "UNEXPECTED_ALLOW"), "not-reproduced");
}

/* ---- a network that does not work --------------------------------------------------------------
 */

static void a_dead_network_never_passes(void **state)
{
	static const char *const deaths[] = {
		"ip -n customer2 link set eth0 down",
		"for l in $(ip -n customer2 -br link | grep -o '^nsn[^@]*'); do :; done; "
		"ip -n customer3 link set eth0 down",
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(deaths); i++) {
		NSN_AUTO(json_unref) json_t *doc = NULL;

		free(lab_sh("%s", deaths[i]));
		doc = verify(3, "--probe");
		assert_string_equal(wire_verdict(doc), "INCONCLUSIVE");
		assert_string_equal(wire_of(doc, "UNTESTED"), "untested");
		assert_true(wire_count(doc, "untested") > 0);
	}
}

/* ---- the prover is wrong ------------------------------------------------------------------------
 */

/*
 * No packet is known of which the prover is wrong, so here its report is replaced: it says of a
 * hole that all is well. The wire does not believe it.
 */
static void a_prover_that_is_wrong_is_found_out(void **state)
{
	static const struct nsnet_verify_how how = {.probe = true};
	NSN_AUTO(nsn_freep) char *text = NULL;
	struct nsn_report wrong = {.unlisted = NSN_PROVED};
	struct nsn_given g = {0};
	struct nsn_both b = {0};
	struct nsn_both_sum sum = {0};
	struct nsnet *n;
	size_t len;

	(void)state;
	world_need();
	plant("customer3", "");
	plant("customer2", "");
	n = lab_open();
	LAB_OK(nsn_given_open(&g, n, &(struct nsnet_verify_how){0}, NULL));
	LAB_OK(nsn_both_run(&b, &g, &wrong, &how, NULL, NULL));
	assert_true(b.unsound > 0);
	assert_int_equal(b.found, 0);
	sum = (struct nsn_both_sum){.probes = b.pub.n, .unsound = b.unsound};
	assert_string_equal(nsn_both_verdict(&sum), "PROVER-UNSOUND");
	assert_true(wrong.findings.n > 0);
	assert_int_equal(wrong.findings.list[0].kind, NSN_FIND_WIRE_DELIVERED);
	LAB_OK(nsn_both_bundle(&b, &text, &len, NULL));
	LAB_HAS(text, "delivered: 10.10.2.2 -> 10.10.3.2 ");
	LAB_HAS(text, "by policy it must not arrive; seen at customer3/default");
	nsn_both_clear(&b);
	nsn_report_clear(&wrong);
	nsn_given_close(&g);
	nsnet_close(n);
}

static void connections_are_no_change_of_the_state(void **state)
{
	struct nsn_given before = {0}, after = {0}, changed = {0};
	bool same = false;
	struct nsnet *n;

	(void)state;
	world_need();
	n = lab_open();
	LAB_OK(nsn_given_open(&before, n, &(struct nsnet_verify_how){0}, NULL));
	free(lab_sh("ip netns exec customer2 bash -c 'echo x >/dev/udp/10.10.3.2/999'"));
	LAB_OK(nsn_given_open(&after, n, &(struct nsnet_verify_how){0}, NULL));
	LAB_OK(nsn_both_same_state(&before.snap, &after.snap, &same, NULL));
	assert_true(same);
	plant("customer3", "");
	LAB_OK(nsn_given_open(&changed, n, &(struct nsnet_verify_how){0}, NULL));
	LAB_OK(nsn_both_same_state(&before.snap, &changed.snap, &same, NULL));
	assert_false(same);
	nsn_given_close(&before);
	nsn_given_close(&after);
	nsn_given_close(&changed);
	nsnet_close(n);
}

/* ---- words --------------------------------------------------------------------------------------
 */

static void wrong_options_are_told(void **state)
{
	(void)state;
	world_need();
	REFUSES(2, "USAGE", "--model sends nothing", "verify", "--model", "--probe");
	REFUSES(2, "USAGE", "nothing can be sent into a file", "verify", "--snapshot", "x",
		"--probe");
	REFUSES(2, "USAGE", "--canaries is about packets", "verify", "--canaries");
	REFUSES(2, "USAGE", "--aggressive needs endpoints", "verify", "--probe", "--aggressive");
}

#define T(f) cmocka_unit_test_setup(f, three_tenants)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(what_is_proved_is_confirmed),
		T(without_probes_nothing_is_sent),
		T(nothing_stays_of_a_run),
		T(a_hole_is_seen_by_both),
		T(the_packet_of_a_violation_is_sent),
		T(who_listens_is_not_spoken_to),
		T(what_the_wire_does_not_show_stays_a_violation),
		T(a_dead_network_never_passes),
		T(a_prover_that_is_wrong_is_found_out),
		T(connections_are_no_change_of_the_state),
		T(wrong_options_are_told),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
