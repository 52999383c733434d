// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/proof.h"
#include "../../lib/verify/prove.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * The prover on uplinks made by hand: gateways joined with the host, and what is to be said of
 * the internet, a network, the host's services and a published port. Each fault that is planted is
 * told by its kind and its cause. Policies are the test's own, so nothing of what writes the rules
 * has a part in it.
 *
 *	ann (default .2, db .3) -- nsn901 --+            +-- eth0 198.51.100.2 -- wan
 *	bob (default .2) --------- nsn902 --+--- host ---+-- eth1 192.168.7.1 --- lan
 *
 * Within ann nobody may talk to another: what they share is the uplink.
 */

static struct nsnet *n;

static const char site_script[] =
	"N=$NSNET_BIN\n"
	"$N tenant add ann 10.10.1.0/24 --inside deny >/dev/null\n"
	"$N endpoint add ann/db >/dev/null\n"
	"$N tenant add bob 10.10.2.0/24 >/dev/null\n"
	"$N allow ann bob tcp/80 --because CHG-1 --name ann-bob >/dev/null\n"
	"for i in 1 2; do export G$i=$(ls /run/nsnet/gw/*-$i); ln -sf $(eval echo \\$G$i) "
	"/run/g$i; done\n"
	"# the world around the host\n"
	"for n in wan lan; do ip netns add $n; done\n"
	"ip link add eth0 type veth peer name eth0 netns wan; ip link add eth1 type veth peer name "
	"eth0 netns lan\n"
	"ip addr add 198.51.100.2/24 dev eth0; ip addr add 192.168.7.1/24 dev eth1\n"
	"ip link set eth0 up; ip link set eth1 up; ip -n wan link set eth0 up; ip -n lan link set "
	"eth0 up\n"
	"ip route add default via 198.51.100.1 dev eth0 onlink\n"
	"group=$(nsenter --net=$G1 ip -d -o link show br0 | grep -o 'group [0-9]*' | cut -d' ' "
	"-f2)\n"
	"up() { # gateway, link, slot address\n"
	"\tlocal in=\"nsenter --net=$1\"\n"
	"\tip link add $2 group $group address 02:78:00:00:00:0$3 type veth peer name $2 netns $1 "
	"group $group address 02:78:00:00:01:0$3\n"
	"\tip addr add 100.127.0.$3/32 dev $2; ip link set $2 up; $in ip link set $2 up\n"
	"\tip neigh add 100.127.0.$(($3+1)) lladdr 02:78:00:00:01:0$3 nud permanent dev $2\n"
	"\t$in ip neigh add 100.127.0.$3 lladdr 02:78:00:00:00:0$3 nud permanent dev $2\n"
	"\tip route add 100.127.0.$(($3+1))/32 dev $2\n"
	"\t$in ip addr add 100.127.0.$(($3+1))/32 dev $2\n"
	"\t$in ip route add default via 100.127.0.$3 dev $2 onlink table 78\n"
	"\t$in sysctl -qw net.ipv4.conf.$2.forwarding=1\n"
	"\tsysctl -qw net.ipv4.conf.$2.forwarding=1\n"
	"\t$in sysctl -qw net.ipv6.conf.$2.disable_ipv6=1\n"
	"\tsysctl -qw net.ipv6.conf.$2.disable_ipv6=1\n"
	"\t$in nft -f - <<R\n"
	"\ttable ip up {\n"
	"\t\tchain in { type nat hook prerouting priority -100; }\n"
	"\t\tchain out { type nat hook postrouting priority 100; oifname \"$2\" snat to "
	"100.127.0.$(($3+1)); }\n"
	"\t}\n"
	"\tadd element inet nsnet nsnet_from4 { \"$2\" . 0.0.0.0-255.255.255.255 }\n"
	"R\n"
	"}\n"
	"up $G1 nsn901 2\n"
	"up $G2 nsn902 4\n"
	"sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv4.conf.eth1.forwarding=1\n"
	"m=$(nsenter --net=$G1 nft list map inet nsnet nsnet_flow4 | grep -o '0x[0-9a-f]*' | head "
	"-1)\n"
	"nsenter --net=$G1 nft -f - <<R\n"
	"add element inet nsnet nsnet_flow4 { 10.10.1.2 . 1.0.0.0-9.255.255.255 . tcp . 443 : $m "
	"}\n"
	"add element inet nsnet nsnet_flow4 { 10.10.1.3 . 192.168.7.2-192.168.7.255 . tcp . 25 : "
	"$m }\n"
	"add element inet nsnet nsnet_flow4 { 10.10.1.2 . 198.51.100.2 . tcp . 2222 : $m }\n"
	"add element inet nsnet nsnet_flow4 { 1.0.0.0-9.255.255.255 . 10.10.1.3 . tcp . 443 : $m "
	"}\n"
	"add element inet nsnet nsnet_flow4 { 100.127.0.2 . 10.10.1.3 . tcp . 443 : $m }\n"
	"add rule ip up in iifname \"nsn901\" ip daddr 100.127.0.3 tcp dport 17 dnat to "
	"10.10.1.3:443\n"
	"R\n"
	"nft -f - <<R\n"
	"table inet nsnet {\n"
	"\tset src4 { type ifname . ipv4_addr; elements = { \"nsn901\" . 100.127.0.3, \"nsn902\" . "
	"100.127.0.5 } }\n"
	"\tset egress4 { type ifname . ipv4_addr; elements = { \"eth0\" . 198.51.100.1 } }\n"
	"\tmap pub4 { type ipv4_addr . inet_service : ipv4_addr . inet_service; elements = { "
	"198.51.100.2 . 8443 : 100.127.0.3 . 17 } }\n"
	"\tset named4 { type ifname . ipv4_addr; flags interval; elements = { \"nsn901\" . "
	"192.168.7.0-192.168.7.255 } }\n"
	"\tset host { type ifname . inet_proto . inet_service; elements = { \"nsn901\" . tcp . "
	"2222 } }\n"
	"\tchain source { type filter hook prerouting priority raw\n"
	"\t\tiifname \"nsn*\" meta nfproto ipv6 drop\n"
	"\t\tiifname \"nsn*\" iifname . ip saddr != @src4 drop\n"
	"\t}\n"
	"\tchain publish { type nat hook prerouting priority dstnat\n"
	"\t\tiifname != \"nsn*\" fib daddr type local meta l4proto tcp dnat ip to ip daddr . tcp "
	"dport map @pub4\n"
	"\t}\n"
	"\tchain input { type filter hook input priority filter\n"
	"\t\tiifname != \"nsn*\" accept\n"
	"\t\tct direction reply ct state established,related accept\n"
	"\t\tiifname . meta l4proto . th dport @host accept\n"
	"\t\tdrop\n"
	"\t}\n"
	"\tchain forward { type filter hook forward priority filter\n"
	"\t\tiifname \"nsn*\" oifname \"nsn*\" drop\n"
	"\t\tct state invalid drop\n"
	"\t\tiifname { eth0, eth1 } oifname != \"nsn*\" drop\n"
	"\t\tiifname \"nsn*\" ct direction reply ct state established,related accept\n"
	"\t\tiifname \"nsn*\" iifname . ip daddr @named4 accept\n"
	"\t\tiifname \"nsn*\" oifname . rt ip nexthop @egress4 accept\n"
	"\t\tiifname \"nsn*\" drop\n"
	"\t\toifname \"nsn*\" ct status dnat accept\n"
	"\t\toifname \"nsn*\" ct direction reply ct state established,related accept\n"
	"\t\toifname \"nsn*\" drop\n"
	"\t}\n"
	"\tchain masq { type nat hook postrouting priority srcnat\n"
	"\t\toifname != \"nsn*\" ip saddr 100.127.0.0/16 masquerade\n"
	"\t}\n"
	"}\n"
	"R\n";

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	assert_int_equal(setenv("NSNET_BIN", nsnet_bin(), 1), 0);
	free(lab_sh("cat >/run/site.sh <<'EOT'\n%s\nEOT\nbash -e /run/site.sh", site_script));
	n = lab_open();
	return 0;
}

static int drop(void **state)
{
	(void)state;
	nsnet_close(n);
	return 0;
}

/* ---- what is wanted ------------------------------------------------------------------------- */

struct wish {
	const char *name, *ports, *from, *to, *publish_ip;
	uint16_t publish;
	bool deny;
};

static const struct wish wishes[] = {
	{"web-out", "tcp/443", "ann/default", "internet", NULL, 0, false},
	{"mail-lan", "tcp/25", "ann/db", "192.168.7.0/24", NULL, 0, false},
	{"host-ssh", "tcp/2222", "ann/default", "host", NULL, 0, false},
	{"shop", "tcp/443", "internet", "ann/db", "198.51.100.2", 8443, false},
};

static void wish(struct nsn_policy *p, const struct wish *w)
{
	*p = (struct nsn_policy){.deny = w->deny, .n_from = 1, .n_to = 1, .n_ports = 1};
	(void)snprintf(p->name, sizeof(p->name), "%s", w->name);
	p->from = calloc(1, sizeof(*p->from));
	p->to = calloc(1, sizeof(*p->to));
	p->ports = calloc(1, sizeof(*p->ports));
	assert_true(p->from && p->to && p->ports);
	assert_int_equal(nsn_peer_parse(p->from, w->from, NULL), 0);
	assert_int_equal(nsn_peer_parse(p->to, w->to, NULL), 0);
	assert_int_equal(nsn_ports_parse(p->ports, w->ports, NULL), 0);
	p->publish.port = w->publish;
	if (w->publish_ip)
		assert_int_equal(nsn_ip_parse(&p->publish.ip, w->publish_ip), 0);
}

/* ---- looking -------------------------------------------------------------------------------- */

/* Verdict, findings and their evidence, and pairs, as text. */
static char *told(const struct nsn_report *r, const struct nsn_intent *in)
{
	static const char *const words[] = {"PROVED", "NOTE", "INCONCLUSIVE", "VIOLATION"};
	enum nsn_outcome worst = r->unlisted;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(f);
	for (size_t i = 0; i < r->findings.n; i++)
		if (nsn_finding_outcome(r->findings.list[i].kind) > worst)
			worst = nsn_finding_outcome(r->findings.list[i].kind);
	(void)fprintf(f, "%s\n", words[worst]);
	for (size_t i = 0; i < r->findings.n; i++) {
		const struct nsn_finding *x = &r->findings.list[i];

		if (nsn_finding_outcome(x->kind) == NSN_NOTE && x->kind != NSN_FIND_DENIED_TOO_MUCH)
			continue;
		(void)fprintf(f, "%s: %s\n", nsn_finding_name(x->kind), x->what);
		for (size_t k = 0; k < x->n_evidence; k++)
			(void)fprintf(f, "    %s\n", x->evidence[k]);
		(void)fprintf(f, "  hint: %s\n", x->hint);
	}
	for (size_t i = 0; i < r->n_pairs; i++) {
		const struct nsn_proved_pair *x = &r->pairs[i];
		const char *const ends[] = {"internet", "host"};
		const size_t m = in->n_tenants;

		(void)fprintf(f, "pair %s>%s %s [%s]\n",
			      x->from < m ? in->tenants[x->from].name : ends[x->from - m],
			      x->to < m ? in->tenants[x->to].name : ends[x->to - m],
			      words[x->outcome], x->allows);
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

static char *prove(size_t n_wishes)
{
	NSN_AUTO(nsn_given_close) struct nsn_given g = {0};
	NSN_AUTO(nsn_report_clear) struct nsn_report report = {0};
	const struct nsn_prove_how how = {.seconds = 120};
	struct nsn_policy list[8] = {0};
	struct nsnet_err err = {0};
	struct nsn_intent in;
	size_t m;
	char *text;

	LAB_OK(nsn_given_open(&g, n, NULL, &err));
	in = g.intent;
	m = in.n_policies;
	assert_true(m + n_wishes <= NSN_COUNT(list));
	memcpy(list, in.policies, m * sizeof(*list));
	for (size_t i = 0; i < n_wishes; i++)
		wish(&list[m + i], &wishes[i]);
	in.policies = list;
	in.n_policies = m + n_wishes;
	LAB_OK(nsn_prove(&g.snap, &in, &how, &report, &err));
	text = told(&report, &in);
	for (size_t i = 0; i < n_wishes; i++)
		nsn_policy_clear(&list[m + i]);
	return text;
}

static void healthy(void)
{
	char *text = prove(NSN_COUNT(wishes));

	if (strncmp(text, "PROVED\n", 7) != 0 && strncmp(text, "NOTE\n", 5) != 0)
		fail_msg("not healthy:\n%s", text);
	free(text);
}

static void a_healthy_site_is_proved(void **state)
{
	char *text;

	(void)state;
	world_need();
	healthy();
	text = prove(NSN_COUNT(wishes));
	if (getenv("NSNET_TEST_TELL"))
		print_message("%s", text);
	LAB_HAS(text, "pair ann>internet PROVED [tcp/443 tcp/25]");
	LAB_HAS(text, "pair ann>host PROVED [tcp/2222]");
	LAB_HAS(text, "pair internet>ann PROVED [tcp/443]");
	LAB_HAS(text, "pair bob>internet PROVED []");
	LAB_HAS(text, "pair internet>bob PROVED []");
	free(text);
}

/* ---- faults --------------------------------------------------------------------------------- */

struct plant {
	const char *make, *undo;
	size_t wishes;	     /* how many of the policies are left */
	const char *want[5]; /* what is told begins with the first, and has the others */
};

static void planted(void **state)
{
	const struct plant *x = *state;
	char *text;

	world_need();
	free(lab_sh("set -e\n%s", x->make));
	text = prove(x->wishes);
	if (getenv("NSNET_TEST_TELL"))
		print_message("---- %s\n%s", x->make, text);
	free(lab_sh("set -e; %s", x->undo));
	if (strncmp(text, x->want[0], strlen(x->want[0])) != 0)
		fail_msg("%s: not %s\n%s", x->make, x->want[0], text);
	for (size_t i = 1; i < NSN_COUNT(x->want) && x->want[i]; i++)
		if (!strstr(text, x->want[i]))
			fail_msg("%s: no '%s' in\n%s", x->make, x->want[i], text);
	free(text);
}

#define ALL		    4
#define GA		    "nsenter --net=/run/g1 "
#define GB		    "nsenter --net=/run/g2 "
#define SAVE		    "nft list table inet nsnet >/run/host.nft; "
#define RESTORE		    "nft delete table inet nsnet; nft -f /run/host.nft"
#define MARK		    "m=$(" GA "nft list map inet nsnet nsnet_flow4 | grep -o '0x[0-9a-f]*' | head -1); "
#define FLOW(gw, verb, key) gw "nft " verb " element inet nsnet nsnet_flow4 \"{ " key " }\""

/* As if ann/db were at 9.9.9.9, too. */
#define SELF(verb) GA "nft " verb " element inet nsnet nsnet_self4 '{ 10.10.1.3 . 0x09090909 }'"

#define UPLINKS_TALK "nft insert rule inet nsnet forward iifname 'nsn*' oifname 'nsn*' accept"
#define TO_UPLINK    "10.10.1.2 . 100.127.0.5 . tcp . 22"
#define TO_BOB	     "100.127.0.3 . 10.10.2.2 . tcp . 22"
#define INTO_BOB     GB "nft add rule ip up in ip daddr 100.127.0.5 tcp dport 22 dnat to 10.10.2.2:22"

static struct plant plants[] = {
	/* Policies that say less than the kernel does. */
	{"true",
	 "true",
	 0,
	 {"VIOLATION", "REACHES_OUTSIDE: ann -> ", "10.10.1.2 -> ", "tcp/443 (new)"}},
	{"true", "true", 2, {"VIOLATION", "REACHES_HOST: ann -> host", "tcp/2222 (new)"}},
	{"true",
	 "true",
	 3,
	 {"VIOLATION", "UNEXPECTED_ALLOW: internet -> ann/db", "-> 10.10.1.3 tcp/443 (new)",
	  "-> 198.51.100.2 tcp/8443 (new)"}},
	/* The host lets uplinks talk to each other; gateways of both let it through. */
	{SAVE MARK UPLINKS_TALK
	 "; " FLOW(GA, "add", TO_UPLINK " : $m") "; " FLOW(GB, "add", TO_BOB " : $m") "; " INTO_BOB,
	 RESTORE "; " FLOW(GA, "delete", TO_UPLINK) "; " FLOW(
		 GB, "delete", TO_BOB) "; " GB "nft flush chain ip up in",
	 ALL,
	 {"VIOLATION", "UNEXPECTED_ALLOW: ann -> bob/default", "10.10.2.2 tcp/22 (new)",
	  "host: ip forward: inet nsnet chain forward handle"}},
	/* The same where the host forbids it: apart. */
	{MARK FLOW(GA, "add", "10.10.1.2 . 100.127.0.5 . tcp . 22 : $m") "; " FLOW(
		 GB, "add", "100.127.0.3 . 100.127.0.5 . tcp . 22 : $m"),
	 FLOW(GA, "delete", "10.10.1.2 . 100.127.0.5 . tcp . 22") "; " FLOW(
		 GB, "delete", "100.127.0.3 . 100.127.0.5 . tcp . 22"),
	 ALL,
	 {"VIOLATION", "STALE_FLOW: internet -> ann", "pair ann>bob PROVED"}},
	/* Nobody masquerades. */
	{SAVE "nft flush chain inet nsnet masq",
	 RESTORE,
	 ALL,
	 {"VIOLATION", "SPOOFED_EGRESS: ann -> ", "packet: 10.10.1.", "out by eth"}},
	/* No check of sources, and what is invalid is let through. */
	{SAVE
	 "nft flush chain inet nsnet source; for h in $(nft -a list chain inet nsnet forward | "
	 "sed -n 's/.*invalid drop # handle //p'); do nft replace rule inet nsnet forward "
	 "handle $h ct state invalid accept; done; " GA
	 "nft insert rule inet nsnet admit ct state invalid meta mark set 1 accept",
	 RESTORE "; " GA "nft delete rule inet nsnet admit handle $(" GA
		 "nft -a list chain inet nsnet admit | sed -n 's/.*ct state invalid meta mark.*# "
		 "handle //p')",
	 ALL,
	 {"VIOLATION", "SPOOFED_EGRESS: ann -> ", "(invalid)"}},
	/* The host's input is open; the gateway lets it there. */
	{SAVE MARK "nft insert rule inet nsnet input accept; " FLOW(
		 GA, "add", "10.10.1.3 . 192.168.7.1 . tcp . 22 : $m"),
	 RESTORE "; " FLOW(GA, "delete", "10.10.1.3 . 192.168.7.1 . tcp . 22"),
	 ALL,
	 {"VIOLATION", "REACHES_HOST: ann -> host", "10.10.1.3 -> 192.168.7.1 tcp/22 (new)",
	  "host: ip input: inet nsnet chain input handle"}},
	/* Published at another port, another address, another endpoint. */
	{"nft add element inet nsnet pub4 { 198.51.100.2 . 9443 : 100.127.0.3 . 17 }",
	 "nft delete element inet nsnet pub4 { 198.51.100.2 . 9443 }",
	 ALL,
	 {"VIOLATION", "UNEXPECTED_ALLOW: internet -> ann/db", "-> 198.51.100.2 tcp/9443 (new)"}},
	{"nft add element inet nsnet pub4 { 192.168.7.1 . 8443 : 100.127.0.3 . 17 }",
	 "nft delete element inet nsnet pub4 { 192.168.7.1 . 8443 }",
	 ALL,
	 {"VIOLATION", "UNEXPECTED_ALLOW: internet -> ann/db", "-> 192.168.7.1 tcp/8443 (new)"}},
	{MARK FLOW(GA, "add",
		   "1.0.0.0-9.255.255.255 . 10.10.1.2 . tcp . 443 : $m") "; " GA "nft flush chain "
									 "ip up in; " GA
									 "nft add rule ip up in "
									 "iifname nsn901 ip daddr "
									 "100.127.0.3 tcp dport 17 "
									 "dnat to 10.10.1.2:443",
	 FLOW(GA, "delete",
	      "1.0.0.0-9.255.255.255 . 10.10.1.2 . tcp . 443") "; " GA
							       "nft flush chain ip up in; " GA
							       "nft add rule ip up in iifname "
							       "nsn901 ip daddr "
							       "100.127.0.3 tcp dport 17 dnat to "
							       "10.10.1.3:443",
	 ALL,
	 {"VIOLATION", "UNEXPECTED_ALLOW: internet -> ann/default", "10.10.1.2 tcp/443 (new)"}},
	/* From the outside straight to the gateway's address on the uplink. */
	{SAVE "nft insert rule inet nsnet forward oifname 'nsn*' accept",
	 RESTORE,
	 ALL,
	 {"VIOLATION", "UNEXPECTED_ALLOW: internet -> ann/db", "-> 100.127.0.3 tcp/17 (new)"}},
	/* Addresses that are on a link, by a route that appeared: no more the internet. */
	{SAVE "nft flush map inet nsnet pub4; ip route add 5.5.5.0/24 dev eth1",
	 RESTORE "; ip route del 5.5.5.0/24",
	 ALL,
	 {"NOTE", "pair ann>internet PROVED"}},
	{SAVE "ip route add 5.5.5.0/24 dev eth1; nft insert rule inet nsnet forward iifname nsn901 "
	      "ip daddr 5.0.0.0/8 accept",
	 RESTORE "; ip route del 5.5.5.0/24",
	 ALL,
	 {"VIOLATION", "REACHES_OUTSIDE: ann -> ", "10.10.1.2 -> 5.5.5."}},
	/*
	 * An error to the uplink's address, about what a neighbour has sent out, is led to that
	 * one, whoever sends it: only that it quotes what was sent to the outside stops it.
	 */
	{SELF("add"),
	 SELF("delete"),
	 ALL,
	 {"VIOLATION", "STALE_FLOW: ann -> ann/default",
	  "arrives as: 10.10.1.3 -> 10.10.1.2 icmp type 3 code 0 (related)"}},
	/* What cannot be modelled on the way out. */
	{"nft -f - <<R\ntable ip leak { chain c { type filter hook prerouting priority 0; iifname "
	 "nsn901 meta l4proto tcp tproxy to 127.0.0.1:80; }; }\nR\n",
	 "nft delete table ip leak",
	 ALL,
	 {"INCONCLUSIVE", "UNMODELLED: host: tproxy"}},
	/* What a policy allows and nothing lets through is noted. */
	{SAVE "nft insert rule inet nsnet forward iifname nsn901 tcp dport 443 drop",
	 RESTORE,
	 ALL,
	 {"NOTE", "DENIED_TOO_MUCH: ann -> internet", "tcp/443"}},
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

int main(int argc, char **argv)
{
	struct CMUnitTest tests[1 + NSN_COUNT(plants)] = {
		cmocka_unit_test(a_healthy_site_is_proved)};
	int failed;
	pid_t pid;

	for (size_t i = 0; i < NSN_COUNT(plants); i++)
		tests[1 + i] = (struct CMUnitTest){
			.name = "faults", .test_func = planted, .initial_state = &plants[i]};
	world_filter(argc, argv);
	if (geteuid() == 0) {
		/* Among processes of its own: other worlds of this machine are not seen. */
		assert_int_equal(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET), 0);
		pid = fork();
		assert_true(pid >= 0);
		/* Not return: the sanitizer's look for leaks starts a process, where none can. */
		if (pid > 0)
			_exit(ended(pid));
		assert_int_equal(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
		assert_int_equal(mount("proc", "/proc", "proc", 0, NULL), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid > 0)
			_exit(ended(pid));
	}
	failed = cmocka_run_group_tests(tests, build, drop);
	(void)fflush(NULL);
	_exit(failed);
}
