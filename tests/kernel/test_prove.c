// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/nsnet.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * nsnet_verify() on the kernel: a healthy site is PROVED; each fault that is planted into it is
 * told by its kind, with tenants, way and rule, and nothing is left of it when it is undone.
 *
 * It runs among processes of its own, so that other worlds of this machine are not seen.
 */

static struct nsnet *n;

static const char site_script[] =
	"$NSNET_BIN tenant add ann 10.10.1.0/24 --inside deny\n"
	"$NSNET_BIN endpoint add ann/db\n"
	"$NSNET_BIN tenant add bob 10.10.2.0/24 --subnet6 fd00:2::/64\n"
	"$NSNET_BIN tenant add cid 10.10.3.0/24 --subnet6 fd00:3::/64\n"
	"$NSNET_BIN endpoint add cid/db\n"
	"$NSNET_BIN tenant add dan 10.10.4.0/24\n"
	"$NSNET_BIN tenant add eve 10.10.5.0/24\n"
	"$NSNET_BIN endpoint add eve/db\n"
	"$NSNET_BIN endpoint add eve/web\n"
	"$NSNET_BIN tenant add fay 10.10.6.0/24 --subnet6 fd00:6::/64\n"
	"$NSNET_BIN allow ann bob tcp/80 --because CHG-1\n"
	"$NSNET_BIN allow cid/db bob tcp/8080,udp/53,icmp/echo --because CHG-2\n"
	"$NSNET_BIN allow dan cid tcp/22 --because CHG-3\n"
	"$NSNET_BIN allow eve bob tcp/443 --because CHG-4\n"
	"$NSNET_BIN deny eve/db bob tcp/443 --because CHG-5\n"
	"$NSNET_BIN tenant quarantine dan --because INC-1 -y\n"
	"$NSNET_BIN tenant quarantine eve/web --because INC-2 -y\n";

static int build(void **state)
{
	static const struct {
		const char *var, *tenant;
	} gateways[] = {{"GA", "ann"}, {"GB", "bob"}, {"GC", "cid"},
			{"GD", "dan"}, {"GE", "eve"}, {"GF", "fay"}};

	world_setup(state);
	if (geteuid() != 0)
		return 0;
	assert_int_equal(setenv("NSNET_BIN", nsnet_bin(), 1), 0);
	free(lab_sh("set -e\n%s", site_script));
	n = lab_open();
	for (size_t i = 0; i < NSN_COUNT(gateways); i++)
		assert_int_equal(setenv(gateways[i].var, lab_gateway(n, gateways[i].tenant), 1), 0);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	return 0;
}

/* ---- looking ----------------------------------------------------------------------------------
 */

static const struct nsnet_proof *verify(const struct nsnet_verify_how *how)
{
	const struct nsnet_proof *p = NULL;
	struct nsnet_err err = {0};

	lab_ok(nsnet_verify(n, how, &p, &err), &err, "nsnet_verify", __FILE__, __LINE__);
	return p;
}

/* Verdict, findings and their evidence, as text; free() it. */
static char *told(const struct nsnet_proof *p)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	(void)fprintf(f, "%s\n", nsnet_proved_name(p->verdict));
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct nsnet_proof_finding *x = &p->findings[i];

		(void)fprintf(f, "%s %s>%s: %s\n", x->kind, x->from, x->to, x->what);
		for (size_t k = 0; k < x->n_evidence; k++)
			(void)fprintf(f, "    %s\n", x->evidence[k]);
		(void)fprintf(f, "  hint: %s\n", x->hint);
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

/* What holds of every proof. */
static void consistent(const struct nsnet_proof *p)
{
	size_t violations = 0, inconclusive = 0;
	bool worse = false;

	for (size_t i = 0; i < p->n_listed; i++) {
		violations += p->pairs[i].verdict == NSNET_VIOLATION;
		inconclusive += p->pairs[i].verdict == NSNET_INCONCLUSIVE;
		assert_int_equal(p->pairs[i].verdict == NSNET_PROVED, !*p->pairs[i].reason);
	}
	assert_true(p->n_violations <= violations && p->n_inconclusive >= inconclusive);
	assert_int_equal(p->n_pairs, p->n_apart + p->n_joined);
	for (size_t i = 0; i < p->n_findings; i++) {
		const struct nsnet_proof_finding *x = &p->findings[i];

		assert_true(*x->what);
		if (x->verdict == NSNET_NOTED)
			continue;
		worse = true;
		for (size_t k = 0; k < p->n_theorems; k++)
			if (x->theorem == 0 || p->theorems[k].number == x->theorem)
				assert_int_not_equal(p->theorems[k].verdict, NSNET_PROVED);
	}
	if (p->verdict == NSNET_PROVED) {
		assert_false(worse);
		assert_int_equal(violations + inconclusive, 0);
		assert_int_equal(p->unlisted, NSNET_PROVED);
		for (size_t i = 0; i < p->n_theorems; i++)
			assert_int_equal(p->theorems[i].verdict, NSNET_PROVED);
	} else {
		assert_true(worse);
	}
}

static void healthy(void)
{
	const struct nsnet_proof *p = verify(NULL);
	char *text = told(p);

	if (strcmp(text, "PROVED\n") != 0)
		fail_msg("not healthy:\n%s", text);
	consistent(p);
	free(text);
	nsnet_proof_free(p);
}

static const struct nsnet_proof_pair *pair(const struct nsnet_proof *p, const char *from,
					   const char *to)
{
	for (size_t i = 0; i < p->n_listed; i++)
		if (strcmp(p->pairs[i].from, from) == 0 && strcmp(p->pairs[i].to, to) == 0)
			return &p->pairs[i];
	return NULL;
}

static void a_healthy_site_is_proved(void **state)
{
	static const struct {
		const char *from, *to, *allows;
	} want[] = {{"ann", "bob", "tcp/80"},
		    {"bob", "ann", ""},
		    {"cid", "bob", "tcp/8080 udp/53 icmp/echo"},
		    {"eve", "bob", "tcp/443"}};
	const struct nsnet_proof *p, *again;

	(void)state;
	world_need();
	healthy();
	p = verify(NULL);
	assert_int_equal(p->n_tenants, 6);
	assert_int_equal(p->n_endpoints, 10);
	/* The host, gateways, endpoints; that of the first process. */
	assert_int_equal(p->n_namespaces, 1 + 6 + 10 + 1);
	assert_int_equal(p->n_pairs, 30);
	/* ann, bob, cid, eve */
	assert_int_equal(p->n_joined, 12);
	assert_int_equal(p->n_apart, 18);
	for (size_t i = 0; i < NSN_COUNT(want); i++) {
		const struct nsnet_proof_pair *x = pair(p, want[i].from, want[i].to);

		assert_non_null(x);
		assert_true(x->joined);
		assert_string_equal(x->allows, want[i].allows);
	}
	assert_null(pair(p, "fay", "ann"));
	again = verify(NULL);
	assert_string_equal(p->hash, again->hash);
	nsnet_proof_free(p);
	nsnet_proof_free(again);
}

/* ---- faults -----------------------------------------------------------------------------------
 */

struct plant {
	const char *feature; /* a command that must succeed, else the kernel lacks it */
	const char *make, *undo;
	enum nsnet_proved verdict;
	const char *want[6]; /* what is told has these */
};

static void planted(void **state)
{
	const struct plant *x = *state;
	const struct nsnet_proof *p;
	char *text;

	world_need();
	if (x->feature && lab_sh_status("%s", x->feature) != 0)
		skip_kernel(x->feature);
	free(lab_sh("set -e; %s", x->make));
	p = verify(NULL);
	text = told(p);
	if (getenv("NSNET_TEST_TELL"))
		print_message("---- %s\n%s", x->make, text);
	free(lab_sh("set -e; %s", x->undo));
	consistent(p);
	if (p->verdict != x->verdict)
		fail_msg("%s\n%s", x->make, text);
	for (size_t i = 0; i < NSN_COUNT(x->want) && x->want[i]; i++)
		if (!strstr(text, x->want[i]))
			fail_msg("%s: no '%s' in\n%s", x->make, x->want[i], text);
	free(text);
	nsnet_proof_free(p);
	healthy();
}

#define IN(gw)	   "nsenter --net=$" gw " "
#define LEAK(gw)   IN(gw) "nft add table inet leak; "
#define UNLEAK(gw) IN(gw) "nft delete table inet leak"
#define REPAIR	   "$NSNET_BIN repair >/dev/null"
#define PORT(gw)   "p=$(" IN(gw) "ip -br link show master br0 | sed 's/@.*//;q'); "

#define GONE  "kill $(cat /run/planted); timeout 20 tail --pid=$(cat /run/planted) -f /dev/null"
#define FLOW4 "10.10.1.2 . 10.10.2.2 . tcp . 22"
#define FLOW6 "fd00:3::2 . fd00:2::2 . tcp . 22"
/* With the mark that others of the map have. */
#define ELEMENT(gw, map, key)                                                                      \
	"m=$(" IN(gw) "nft list map inet nsnet nsnet_flow4 | grep -o '0x[0-9a-f]*' | head "        \
		      "-1); " IN(gw) "nft add element inet nsnet nsnet_" map " { " key " : $m }; "
/* Routed as if it had been let in. */
#define MARKS(gw)                                                                                  \
	LEAK(gw)                                                                                   \
	IN(gw)                                                                                     \
	"nft 'add chain inet leak c { type filter hook prerouting priority -90; }'; "              \
	"m=$(" IN(gw) "nft list map inet nsnet nsnet_flow4 | grep -o '0x[0-9a-f]*' | head "        \
		      "-1); " IN(gw) "nft add rule inet leak c meta mark set $m; " IN(             \
			      gw) "nft insert rule inet nsnet admit accept; "
#define OPEN(gw, what)                                                                             \
	IN(gw)                                                                                     \
	"nft insert rule inet nsnet admit " what                                                   \
	" accept; " IN(gw) "nft insert rule inet nsnet forward " what                              \
			   " accept; " IN(gw) "ip rule add pref 50 lookup 78; "
#define FLUSH(gw)                                                                                  \
	IN(gw)                                                                                     \
	"nft 'flush chain inet nsnet admit; flush chain inet nsnet forward;"                       \
	"chain inet nsnet admit { policy accept; }; chain inet nsnet forward { policy accept; "    \
	"}'; " IN(gw) "ip rule add pref 50 lookup 78; "
#define CLOSE1 IN("GA") "ip rule del pref 50; " REPAIR
#define CLOSE  IN("GB") "ip rule del pref 50; " CLOSE1
#define OUT2                                                                                       \
	IN("GA")                                                                                   \
	"nft flush ruleset; " IN("GA") "ip addr add 192.0.2.2/24 dev nsn900; " IN(                 \
		"GA") "ip link set nsn900 up; " IN("GA") "ip route add default via 192.0.2.1 "     \
							 "table 99; " IN("GA") "ip rule add pref " \
									       "50 lookup 99"
#define OUT(ip) "ip addr add " ip "/24 dev h0; ip link set h0 up; " OUT2
#define LOOP(gw)                                                                                   \
	IN(gw)                                                                                     \
	"nft flush ruleset; " IN(                                                                  \
		gw) "ip rule add pref 50 lookup 99; "                                              \
		    "r=$(" IN(gw) "ip route show table 78 | grep -m1 -o 'via.*dev "                \
				  "nsn[0-9]*'); " IN(                                              \
					  gw) "ip route add 198.51.100.0/24 $r onlink table 99; "
#define UNLOOP(gw) IN(gw) "ip rule del pref 50; " IN(gw) "ip route flush table 99; "

static struct plant plants[] = {
	/* What nsnet's own sets say, and policy does not. */
	{NULL,
	 ELEMENT("GA", "flow4", FLOW4) ELEMENT("GB", "flow4", FLOW4),
	 REPAIR,
	 NSNET_VIOLATION,
	 {"UNEXPECTED_ALLOW ann>bob", "10.10.1.2 -> 10.10.2.2 tcp/22 (new)", "handle", "repair"}},
	{NULL,
	 ELEMENT("GC", "flow6", FLOW6) ELEMENT("GB", "flow6", FLOW6),
	 REPAIR,
	 NSNET_VIOLATION,
	 {"UNEXPECTED_ALLOW cid>bob", "fd00:3::2 -> fd00:2::2 tcp/22 (new)"}},
	{NULL,
	 IN("GC") "nft flush map inet nsnet nsnet_flow4",
	 REPAIR,
	 NSNET_PROVED,
	 {"DENIED_TOO_MUCH cid>bob", "10.10.3.3 -> 10.10.2.2"}},
	/* Rules of others. */
	{NULL,
	 MARKS("GA") MARKS("GB") "true",
	 UNLEAK("GA") "; " UNLEAK("GB") "; " REPAIR,
	 NSNET_VIOLATION,
	 {"UNEXPECTED_ALLOW ann>bob", "inet leak chain c handle",
	  "nft delete rule inet leak c handle"}},
	{NULL,
	 OPEN("GA", "udp dport 53") OPEN("GB", "udp dport 53") "true",
	 CLOSE,
	 NSNET_VIOLATION,
	 {"UNEXPECTED_ALLOW ann>bob", "udp/53 (new)", "inet nsnet chain forward handle"}},
	{NULL,
	 OPEN("GA", "ct state invalid") OPEN("GB", "ct state invalid") "true",
	 CLOSE,
	 NSNET_VIOLATION,
	 {"UNEXPECTED_ALLOW ann>bob", "(invalid)"}},
	{NULL,
	 FLUSH("GA") FLUSH("GB") "true",
	 CLOSE,
	 NSNET_VIOLATION,
	 {"UNEXPECTED_ALLOW ann>bob", "policy: accept"}},
	{NULL,
	 IN("GB") "nft insert rule inet nsnet input accept",
	 REPAIR,
	 NSNET_VIOLATION,
	 {"REACHES_HOST ann>bob", "chain input handle"}},
	{NULL,
	 LEAK("GB") IN("GB") "nft 'add chain inet leak c { type nat hook prerouting priority -90; "
			     "}';" IN("GB") "nft add rule inet leak c tcp dport 80 dnat ip to "
					    "10.10.2.2:22",
	 UNLEAK("GB"),
	 /* Translated before it is admitted: as what it would arrive it is looked up. */
	 NSNET_PROVED,
	 {"DENIED_TOO_MUCH ann>bob", "10.10.1.2 -> 10.10.2.2 tcp/80"}},
	{NULL,
	 LEAK("GB") IN("GB") "nft 'add chain inet leak c { type nat hook postrouting priority 100; "
			     "}';" IN("GB") "nft add rule inet leak c masquerade",
	 UNLEAK("GB"),
	 NSNET_PROVED,
	 {"PROVED"}},
	/* What cannot be modelled. */
	{NULL,
	 LEAK("GB") IN("GB") "nft 'add chain inet leak c { type filter hook prerouting priority 0; "
			     "}';" IN("GB") "nft add rule inet leak c meta l4proto tcp tproxy ip "
					    "to 10.0.0.1:80",
	 UNLEAK("GB"),
	 NSNET_INCONCLUSIVE,
	 {"UNMODELLED ann>: gateway of bob", "leak chain c"}},
	{NULL,
	 PORT("GB")
		 IN("GB") "nft \"add table netdev leak; add chain netdev leak c { type filter hook "
			  "ingress device $p priority 0; }; add rule netdev leak c fwd to br0\"",
	 IN("GB") "nft delete table netdev leak",
	 NSNET_INCONCLUSIVE,
	 {"UNMODELLED bob>"}},
	{NULL,
	 PORT("GB") IN("GB") "tc qdisc add dev $p clsact",
	 PORT("GB") IN("GB") "tc qdisc del dev "
			     "$p clsact",
	 NSNET_INCONCLUSIVE,
	 {"UNMODELLED bob>"}},
	/* Ports. */
	{NULL,
	 IN("GA") "nft flush chain bridge nsnet prerouting; " IN(
		 "GA") "nft 'chain bridge nsnet "
		       "prerouting { policy accept; }'",
	 REPAIR,
	 NSNET_VIOLATION,
	 {"SPOOFABLE ann>: gateway of ann: port nsn", "repair ann"}},
	{NULL,
	 PORT("GA") IN("GA") "nft add element bridge nsnet nsnet_pin4 { $p . 02:00:00:00:00:01 . "
			     "10.10.1.99 }",
	 REPAIR,
	 NSNET_VIOLATION,
	 {"SPOOFABLE ann>", "10.10.1.99 -> "}},
	{NULL,
	 IN("GA") "nft delete table bridge nsnet",
	 REPAIR,
	 NSNET_VIOLATION,
	 {"SPOOFABLE ann>", "PORT_UNPINNED"}},
	{NULL,
	 IN("GA") "nft flush chain bridge nsnet forward; " IN(
		 "GA") "nft 'chain bridge nsnet forward "
		       "{ policy accept; }';" IN(
			       "GA") "sh -c 'for p in $(ls /sys/class/net | grep nsn); do "
				     "bridge link set dev $p isolated off 2>/dev/null; done'; for "
				     "p in $(" IN("GA") "ip -br link show master br0 | sed "
							"\"s/@.*//\"); do " IN(
								"GA") "bridge link set dev $p "
								      "isolated off; done",
	 REPAIR,
	 NSNET_VIOLATION,
	 {"PORT_TO_PORT ann>ann: ann -> ann/d"}},
	{NULL,
	 IN("GE") "nft flush set bridge nsnet nsnet_cut",
	 REPAIR,
	 NSNET_VIOLATION,
	 {"PORT_TO_PORT eve>eve: eve -> eve/web"}},
	/* Links. */
	{NULL,
	 IN("GA") "ip link add x1 type veth peer name x1 netns $GF",
	 IN("GA") "ip link del x1",
	 NSNET_VIOLATION,
	 {"STRAY_LINK ann>fay", "x1"}},
	{NULL,
	 "ip link add h0 type veth peer name nsn900 netns $GA; " OUT("192.0.2.1"),
	 "ip link del h0; " CLOSE1,
	 NSNET_VIOLATION,
	 {"STRAY_LINK ann>", "REACHES_HOST ann>: ann -> host", "192.0.2.1 tcp/22"}},
	{NULL,
	 "ip netns add other; ip -n other link add h0 type veth peer name nsn900 netns $GA; ip -n "
	 "other link set h0 up; " OUT2,
	 "ip netns del other; while " IN("GA") "ip link show nsn900 >/dev/null 2>&1; do sleep .05; "
					       "done; " CLOSE1,
	 NSNET_VIOLATION,
	 {"STRAY_LINK ann>", "REACHES_OUTSIDE ann>: ann -> "}},
	{NULL,
	 "ip link add vA netns ann type veth peer name \"$(printf 'v\\377')\" netns bob",
	 "ip -n ann link del vA",
	 NSNET_VIOLATION,
	 {"STRAY_LINK ann>bob"}},
	{NULL,
	 LOOP("GA") LOOP("GB") "true",
	 UNLOOP("GA") UNLOOP("GB") REPAIR,
	 NSNET_VIOLATION,
	 {"FORWARDING_LOOP ann>", "198.51.100."}},
	{NULL, "umount $GF", REPAIR, NSNET_INCONCLUSIVE, {"NOT_BUILT fay>", "repair fay"}},
	{NULL, "umount /run/netns/cid.db", REPAIR, NSNET_INCONCLUSIVE, {"NOT_BUILT cid>"}},
	/* What changes nothing. */
	{NULL,
	 IN("GB") "sysctl -qw net.ipv4.conf.br0.rp_filter=0",
	 IN("GB") "sysctl -qw net.ipv4.conf.br0.rp_filter=1",
	 NSNET_PROVED,
	 {"PROVED"}},
	{NULL,
	 IN("GA") "ip route add 203.0.113.0/24 dev br0",
	 IN("GA") "ip route del 203.0.113.0/24",
	 NSNET_PROVED,
	 {"PROVED"}},
	{NULL,
	 LEAK("GA") IN("GA") "nft 'add chain inet leak c { type filter hook forward priority 0;"
			     " }'; " IN("GA") "nft add rule inet leak c accept",
	 UNLEAK("GA"),
	 NSNET_PROVED,
	 {"PROVED"}},
	/* Processes. */
	{NULL,
	 "nsenter --net=/run/netns/ann sleep 100 >/dev/null 2>&1 & echo $! >/run/planted; until "
	 "grep "
	 "-q sleep /proc/$!/comm; do sleep .02; done",
	 GONE,
	 NSNET_VIOLATION,
	 {"STRONG_ADVERSARY ann>", "NET_ADMIN"}},
	{NULL,
	 "cp $(command -v sleep) \"$(printf '/run/\\377z')\"; nsenter --net=/run/netns/ann "
	 "\"$(printf "
	 "'/run/\\377z')\" 100 >/dev/null 2>&1 & echo $! >/run/planted; until grep -aq z "
	 "/proc/$!/comm; do sleep .02; done",
	 GONE,
	 NSNET_VIOLATION,
	 {"STRONG_ADVERSARY ann>"}},
};

/* Waits for it, and for whoever ends before. */
static int ended(pid_t pid)
{
	int status = 0;

	for (pid_t other = 0; other != pid;) {
		other = waitpid(-1, &status, 0);
		assert_true(other > 0 || errno == EINTR);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* ---- connections ------------------------------------------------------------------------------
 */

/* Both ends in one process: one packet there, one back. */
static const char flow_script[] = "import socket, ctypes, os, sys\n"
				  "libc = ctypes.CDLL(None)\n"
				  "def at(ns, kind):\n"
				  "    fd = os.open('/run/netns/' + ns, os.O_RDONLY)\n"
				  "    assert libc.setns(fd, 0x40000000) == 0\n"
				  "    s = socket.socket(socket.AF_INET, kind)\n"
				  "    s.settimeout(10)\n"
				  "    return s\n"
				  "udp = sys.argv[1] == 'udp'\n"
				  "kind = socket.SOCK_DGRAM if udp else socket.SOCK_STREAM\n"
				  "b = at('bob', kind)\n"
				  "b.bind(('10.10.2.2', 9999))\n"
				  "if not udp: b.listen()\n"
				  "a = at('ann', kind)\n"
				  "a.connect(('10.10.2.2', 9999))\n"
				  "if udp:\n"
				  "    a.send(b'x')\n"
				  "    b.sendto(b'y', b.recvfrom(9)[1])\n"
				  "    a.recv(9)\n"
				  "    a.send(b'x')\n"
				  "else:\n"
				  "    c = b.accept()[0]\n"
				  "    a.send(b'x')\n"
				  "    c.recv(9)\n";

#define FLOW(proto)	"10.10.1.2 . 10.10.2.2 . " proto " . 9999"
#define TAKE(gw, proto) IN(gw) "nft delete element inet nsnet nsnet_flow4 '{ " FLOW(proto) " }'; "

/* It was let in, and the element is gone; the connection lives on by its mark. */
static void lives_on(const char *proto)
{
	const struct nsnet_proof *p;
	char *text;

	free(lab_sh("set -e; cat >/run/flow.py <<'E'\n%sE\n", flow_script));
	free(strcmp(proto, "tcp") == 0
		     ? lab_sh("set -e; " ELEMENT("GA", "flow4", FLOW("tcp")) ELEMENT(
			       "GB", "flow4", FLOW("tcp")) "python3 /run/flow.py tcp; " TAKE("GA",
											     "tcp")
				      TAKE("GB", "tcp"))
		     : lab_sh("set -e; " ELEMENT("GA", "flow4", FLOW("udp")) ELEMENT(
			       "GB", "flow4", FLOW("udp")) "python3 /run/flow.py udp; " TAKE("GA",
											     "udp")
				      TAKE("GB", "udp")));
	p = verify(NULL);
	text = told(p);
	consistent(p);
	assert_int_equal(p->verdict, NSNET_VIOLATION);
	if (strstr(text, "UNEXPECTED_ALLOW"))
		fail_msg("%s: %s", proto, text);
	LAB_HAS(text, "STALE_FLOW ann>bob: ann -> bob/default");
	LAB_HAS(text, "/9999 (established)");
	LAB_HAS(text, "STALE_FLOW bob>ann");
	assert_string_equal(pair(p, "ann", "bob")->reason, "STALE_FLOW");
	free(text);
	nsnet_proof_free(p);
	/* Another generation of rules forgets it. */
	free(lab_sh("set -e; $NSNET_BIN allow ann bob tcp/81 --because CHG-9 --name tmp >/dev/null;"
		    "$NSNET_BIN revoke tmp >/dev/null"));
	healthy();
}

static void connections_that_live_on(void **state)
{
	(void)state;
	world_need();
	lives_on("udp");
	lives_on("tcp");
}

/* ---- what is asked for ------------------------------------------------------------------------
 */

static void pairs_that_are_asked_for(void **state)
{
	const char *const pairs[] = {"fay", "ann", "ann", "bob", "fay", "ann"};
	const char *const bad[][2] = {
		{"ann", "zoe"}, {"ann", "ann"}, {"ann/db", "bob"}, {"", "bob"}, {"ann/zoe", "bob"}};
	static const int why[] = {-ENOENT, -EINVAL, -EINVAL, -ENOENT, -ENOENT};
	const struct nsnet_proof *p;
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	p = verify(&(struct nsnet_verify_how){.pairs = pairs, .n_pairs = 3});
	assert_int_equal(p->verdict, NSNET_PROVED);
	assert_int_equal(p->n_pairs, p->n_apart + p->n_joined);
	assert_non_null(pair(p, "fay", "ann"));
	assert_false(pair(p, "fay", "ann")->joined);
	assert_true(pair(p, "ann", "bob")->joined);
	nsnet_proof_free(p);
	for (size_t i = 0; i < NSN_COUNT(bad); i++) {
		const struct nsnet_verify_how how = {.pairs = bad[i], .n_pairs = 1};

		assert_int_equal(nsnet_verify(n, &how, &p, &err), why[i]);
	}
}

/* The same from a file, by somebody without any privilege. */
static void from_a_file(void)
{
	const struct nsnet_proof *p = NULL, *again = NULL;
	char *text = NULL, *a, *b;
	struct nsnet_err err = {0};
	size_t len = 0;
	pid_t pid;

	/* Two readings: a connection of the tests before may end in between. */
	for (int tries = 0; tries < 5; tries++) {
		nsnet_proof_free(p);
		free(text);
		p = verify(NULL);
		lab_ok(nsnet_snapshot(n, &text, &len, &err), &err, "nsnet_snapshot", __FILE__,
		       __LINE__);
		if (strstr(text, p->hash))
			break;
	}
	a = told(p);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0 ||
		    nsnet_verify(NULL, &(struct nsnet_verify_how){.snapshot = text, .len = len},
				 &again, &err) < 0)
			_exit(2);
		b = told(again);
		_exit(again->from_file && strcmp(p->hash, again->hash) == 0 && strcmp(a, b) == 0
			      ? 0
			      : 3);
	}
	assert_int_equal(end_status(pid, "verify of a snapshot"), 0);
	free(a);
	free(text);
	nsnet_proof_free(p);
}

static void a_snapshot_says_the_same(void **state)
{
	(void)state;
	world_need();
	from_a_file();
	free(lab_sh("set -e; " ELEMENT("GA", "flow4", FLOW4) ELEMENT("GB", "flow4", FLOW4) "true"));
	from_a_file();
	free(lab_sh("%s", REPAIR));
	healthy();
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[4 + NSN_COUNT(plants)] = {
		cmocka_unit_test(a_healthy_site_is_proved),
		cmocka_unit_test(connections_that_live_on),
		cmocka_unit_test(pairs_that_are_asked_for),
		cmocka_unit_test(a_snapshot_says_the_same)};
	size_t at = 4;
	int failed;
	pid_t pid;

	for (size_t i = 0; i < NSN_COUNT(plants); i++)
		tests[at++] = (struct CMUnitTest){
			.name = "faults", .test_func = planted, .initial_state = &plants[i]};
	world_filter(argc, argv);
	if (geteuid() == 0) {
		assert_int_equal(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET), 0);
		pid = fork();
		assert_true(pid >= 0);
		/* Not return: the sanitizer's look for leaks starts a process, where none can. */
		if (pid > 0)
			_exit(ended(pid));
		assert_int_equal(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
		assert_int_equal(mount("proc", "/proc", "proc", 0, NULL), 0);
		/* The first process takes orphans in. */
		pid = fork();
		assert_true(pid >= 0);
		/* Not return: the sanitizer's look for leaks wants ptrace, and the old numbers. */
		if (pid > 0)
			_exit(ended(pid));
	}
	failed = cmocka_run_group_tests(tests, build, drop);
	(void)fflush(NULL);
	_exit(failed);
}
