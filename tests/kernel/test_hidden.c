// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/netns.h"
#include "../../lib/verify/read.h"
#include "../../lib/verify/topo.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * Ways between tenants that no rule of nsnet is asked about: what is planted is found and told
 * by name, and nothing else is.
 *
 * The site: ann (inside: deny, two endpoints) may call bob; cid has inside: allow, two endpoints
 * and IPv6.
 */

static struct nsnet *n;
static struct nsn_home home;

#define KNOWN 8
static struct nsn_known known[KNOWN];
static size_t n_known;

static const char site_script[] =
	"$NSNET_BIN tenant add ann 10.10.1.0/24 --inside deny\n"
	"$NSNET_BIN endpoint add ann/db\n"
	"$NSNET_BIN tenant add bob 10.10.2.0/24\n"
	"$NSNET_BIN tenant add cid 10.10.3.0/24 --subnet6 fd00:3::/64 --inside allow\n"
	"$NSNET_BIN endpoint add cid/db\n"
	"$NSNET_BIN allow ann bob tcp/80 --because CHG-1\n";

static void know(const char *path, const char *name, uint64_t tenant, uint64_t endpoint)
{
	assert_true(n_known < KNOWN);
	known[n_known++] = (struct nsn_known){.path = strdup(path),
					      .name = name,
					      .tenant = tenant,
					      .endpoint = endpoint,
					      .gateway = endpoint == 0,
					      .must = true};
}

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	assert_int_equal(setenv("NSNET_BIN", nsnet_bin(), 1), 0);
	free(lab_sh("set -e\n%s", site_script));
	n = lab_open();
	assert_int_equal(nsn_home_open(&home, NULL), 0);
	know(lab_gateway(n, "ann"), "gateway of ann", 1, 0);
	know(lab_gateway(n, "bob"), "gateway of bob", 2, 0);
	know(lab_gateway(n, "cid"), "gateway of cid", 3, 0);
	know("/run/netns/ann", "ann/default", 1, 1);
	know("/run/netns/ann.db", "ann/db", 1, 2);
	know("/run/netns/bob", "bob/default", 2, 3);
	know("/run/netns/cid", "cid/default", 3, 4);
	know("/run/netns/cid.db", "cid/db", 3, 5);
	assert_int_equal(setenv("GA", known[0].path, 1), 0);
	assert_int_equal(setenv("GB", known[1].path, 1), 0);
	assert_int_equal(setenv("GC", known[2].path, 1), 0);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	while (n_known > 0)
		free((void *)(uintptr_t)known[--n_known].path);
	if (n)
		nsn_home_close(&home);
	nsnet_close(n);
	return 0;
}

/* ---- looking ----------------------------------------------------------------------------------
 */

struct look {
	struct nsn_snap snap;
	struct nsn_topo topo;
	struct nsn_findings found;
};

/* Other worlds of the machine come and go meanwhile. */
static void look(struct look *l)
{
	const struct nsn_read how = {
		.home = &home, .known = known, .n_known = n_known, .policy = ""};
	struct nsnet_err err = {0};
	int r = -EBUSY;

	memset(l, 0, sizeof(*l));
	for (int i = 0; r == -EBUSY && i < 10; i++)
		r = nsn_snap_read(&l->snap, &how, &err);
	lab_ok(r, &err, "nsn_snap_read", __FILE__, __LINE__);
	LAB_OK(nsn_topo_make(&l->topo, &l->snap, &err));
	LAB_OK(nsn_lint(&l->topo, &l->found, &err));
	LAB_OK(nsn_adversary(&l->topo, &l->found, &err));
}

static void look_away(struct look *l)
{
	nsn_findings_clear(&l->found);
	nsn_topo_clear(&l->topo);
	nsn_snap_clear(&l->snap);
}

/*
 * @want: each finding about the site in its order, "KIND 1>2: what it says"; a '#' in it
 * stands for any number, a '*' for what is before the next ')'. What is about other worlds of this
 * machine does not count.
 */
static bool fits(const char *want, const char *text)
{
	for (; *want; want++) {
		if (*want == '#') {
			const size_t digits = strspn(text, "0123456789");

			if (digits == 0)
				return false;
			text += digits;
		} else if (*want == '*') {
			text += strcspn(text, ")");
		} else if (*text++ != *want) {
			return false;
		}
	}
	return *text == '\0';
}

/* What is found about the site, as text; free() it. */
static char *found(void)
{
	char *text = calloc(1, 4096);
	size_t at = 0;
	struct look l;

	assert_non_null(text);
	look(&l);
	for (size_t i = 0; i < l.found.n; i++) {
		const struct nsn_finding *x = &l.found.list[i];

		if (x->from == 0 && x->to == 0)
			continue;
		at += (size_t)snprintf(text + at, 4096 - at, "%s%s %d>%d: %s", at ? "\n" : "",
				       nsn_finding_name(x->kind), (int)x->from, (int)x->to,
				       x->what);
		assert_true(at < 4096);
	}
	look_away(&l);
	return text;
}

static void is_found(const char *want, const char *text)
{
	if (!fits(want, text))
		fail_msg("found:\n%s\nwanted:\n%s", text, want);
}

static void apart(uint64_t a, uint64_t b, bool want)
{
	struct look l;

	look(&l);
	/* Somebody else's namespace that cannot be read blinds us, and it is not ours to mend. */
	if (l.topo.blind == NSN_NOWHERE)
		assert_int_equal(nsn_topo_apart(&l.topo, a, b), want);
	look_away(&l);
}

/* ---- links ------------------------------------------------------------------------------------
 */

struct plant {
	const char *feature; /* that the kernel has to have; NULL: any has it */
	const char *make, *undo, *want;
};

/* Whether the kernel makes such links at all. */
static bool makes(const char *kind)
{
	return lab_sh_status("ip link add l0 type bridge && ip link add probe0 link l0 type %s "
			     "2>/dev/null && ip link del probe0; r=$?; ip link del l0; exit $r",
			     kind) == 0;
}

static void planted(void **state)
{
	const struct plant *p = *state;
	char *have;

	world_need();
	if (p->feature && !makes(p->feature))
		skip_kernel(p->feature);
	free(lab_sh("set -e; %s", p->make));
	have = found();
	free(lab_sh("set -e; %s", p->undo));
	is_found(p->want, have);
	free(have);
	have = found();
	is_found("", have);
	free(have);
}

static void a_healthy_site_gives_nothing(void **state)
{
	char *have;

	(void)state;
	world_need();
	have = found();
	is_found("", have);
	free(have);
	apart(1, 3, true);
	apart(2, 3, true);
	apart(3, 0, true);
	apart(1, 2, false);
}

#define STRAY(kind, name, a, other, b)                                                             \
	kind " '" name "' in " a " is joined with '" other "' in " b "."
#define UPPER(kind, name, a, b) kind " '" name "' in " a " has its other half in " b "."

static struct plant plants[] = {
	/* Between workloads: the dump of the host shows nothing of it. */
	{NULL, "ip link add vA netns ann type veth peer name vB netns bob", "ip -n ann link del vA",
	 "STRAY_LINK 1>2: " STRAY("veth", "vA", "ann/default", "vB", "bob/default")},
	{NULL, "ip link add vA netns ann type veth peer name vB netns ann.db",
	 "ip -n ann link del vA",
	 "UNOWNED_LINK 1>1: " STRAY("veth", "vA", "ann/default", "vB", "ann/db")},
	{NULL, "ip link add hA type veth peer name hB netns cid", "ip link del hA",
	 "STRAY_LINK 3>0: " STRAY("veth", "hA", "host", "hB", "cid/default")},
	/* Past the ports: into the own gateway, and into another's. */
	{NULL, "ip -n ann link add e1 type veth peer name nsn900 netns $GA",
	 "ip -n ann link del e1",
	 "STRAY_LINK 1>1: " STRAY("veth", "nsn900", "gateway of ann", "e1", "ann/default")},
	{NULL, "ip -n ann link add e1 type veth peer name nsn900 netns $GC",
	 "ip -n ann link del e1",
	 "STRAY_LINK 3>1: " STRAY("veth", "nsn900", "gateway of cid", "e1", "ann/default")},
	{NULL, "nsenter --net=$GA ip link add x1 type veth peer name x1 netns $GB",
	 "nsenter --net=$GA ip link del x1",
	 "STRAY_LINK 1>2: " STRAY("veth", "x1", "gateway of ann", "x1", "gateway of bob")},
	{NULL, "nsenter --net=$GC ip link add x1 type bridge", "nsenter --net=$GC ip link del x1",
	 "UNOWNED_LINK 3>3: bridge 'x1' in gateway of cid is not nsnet's."},
	/* Made outside and moved in. */
	{NULL,
	 "ip link add l0 type bridge; ip link add mv0 link l0 type macvlan;"
	 "ip link set mv0 netns bob",
	 "ip link del l0", "STRAY_LINK 2>0: " STRAY("macvlan", "mv0", "bob/default", "l0", "host")},
	{NULL, "ip -n ann link add link eth0 netns bob name mv0 type macvlan",
	 "ip -n bob link del mv0",
	 "STRAY_LINK 2>1: " STRAY("macvlan", "mv0", "bob/default", "eth0", "ann/default")},
	{"ipvlan",
	 "ip link add l0 type bridge; ip link add iv0 link l0 type ipvlan;"
	 "ip link set iv0 netns bob",
	 "ip link del l0", "STRAY_LINK 2>0: " STRAY("ipvlan", "iv0", "bob/default", "l0", "host")},
	{NULL, "ip link add vx0 type vxlan id 42 dstport 4789; ip link set vx0 netns ann",
	 "ip -n ann link del vx0",
	 "STRAY_LINK 1>0: " UPPER("vxlan", "vx0", "ann/default",
				  "host") "\n"
					  "LOOSE_LINK 1>0: In ann/default: vxlan 'vx0' (id 42"
					  "*): a tunnel: leads out of the "
					  "machine."},
	{"wireguard", "ip link add wg0 type wireguard; ip link set wg0 netns ann",
	 "ip -n ann link del wg0",
	 "LOOSE_LINK 1>0: In ann/default: wireguard 'wg0': leads out by a socket that the kernel "
	 "does "
	 "not show."},
	{NULL, "ip tuntap add tn0 mode tun; ip link set tn0 netns ann", "ip -n ann link del tn0",
	 "LOOSE_LINK 1>0: In ann/default: tun 'tn0' (*): leads to the process that holds it."},
	/* What stays inside is the tenant's own business. */
	{NULL,
	 "ip -n ann link add d0 type bridge; ip -n ann link add vx0 type vxlan id 42 dstport 4789;"
	 "ip -n ann link add v1 type veth peer name v2",
	 "ip -n ann link del d0; ip -n ann link del vx0; ip -n ann link del v1", ""},
};

/* ---- ports and settings -----------------------------------------------------------------------
 */

#define PORT(gw) "p=$(nsenter --net=" gw " ip -br link show master br0 | sed 's/@.*//;q');"

static struct plant wrongs[] = {
	{NULL, PORT("$GC") "nsenter --net=$GC bridge link set dev $p learning on flood on",
	 PORT("$GC") "nsenter --net=$GC bridge link set dev $p learning off flood off",
	 "PORT_FLAGS 3>3: Port 'nsn#' in gateway of cid: learning on, flood on."},
	{NULL, PORT("$GA") "nsenter --net=$GA bridge link set dev $p isolated off",
	 PORT("$GA") "nsenter --net=$GA bridge link set dev $p isolated on",
	 "PORT_FLAGS 1>1: Port 'nsn#' in gateway of ann: isolated off."},
	{NULL, "nsenter --net=$GB sysctl -qw net.ipv4.conf.br0.proxy_arp=1",
	 "nsenter --net=$GB sysctl -qw net.ipv4.conf.br0.proxy_arp=0",
	 "SETTING 2>2: In gateway of bob: 'br0' has proxy_arp=1."},
	{NULL, "nsenter --net=$GC sysctl -qw net.ipv4.conf.br0.forwarding=1",
	 "nsenter --net=$GC sysctl -qw net.ipv4.conf.br0.forwarding=0",
	 "SETTING 3>3: In gateway of cid: 'br0' has ipv4 forwarding=1."},
	{NULL, "nsenter --net=$GA sysctl -qw net.ipv4.conf.all.route_localnet=1",
	 "nsenter --net=$GA sysctl -qw net.ipv4.conf.all.route_localnet=0",
	 "SETTING 1>1: In gateway of ann: all has route_localnet=1."},
	{NULL, "nsenter --net=$GB nft delete table bridge nsnet", "$NSNET_BIN repair bob",
	 "PORT_UNPINNED 2>2: Port 'nsn#' in gateway of bob: no rule says which addresses may come "
	 "from it."},
};

/* ---- processes --------------------------------------------------------------------------------
 */

#define WAIT                                                                                       \
	" >/dev/null 2>&1 & echo $! >/run/planted; "                                               \
	"until grep -q sleep /proc/$!/comm; do sleep .02; done"
#define GONE		 "kill $(cat /run/planted); timeout 20 tail --pid=$(cat /run/planted) -f /dev/null"
#define HOLD(file, then) "sh -c 'exec 9<" file "; " then " sleep 100'"

static struct plant people[] = {
	{NULL, "nsenter --net=/run/netns/ann sleep 100" WAIT, GONE,
	 "STRONG_ADVERSARY 1>0: Process # (sleep*) in ann/default has NET_ADMIN, SYS_ADMIN, "
	 "SYS_PTRACE, SYS_MODULE, SYS_RAWIO, DAC_READ_SEARCH on the host."},
	/* Root in a user namespace below has nothing there. */
	{NULL, "nsenter --net=/run/netns/ann unshare -Ur sleep 100" WAIT, GONE, ""},
	{NULL, "nsenter --net=$GC sleep 100" WAIT, GONE,
	 "ENTERED 3>0: Process # (sleep*) is in gateway of cid, where only the kernel should be."},
	{NULL, "nsenter --net=/run/netns/ann unshare -Ur " HOLD("/run/netns/bob", "exec") WAIT,
	 GONE,
	 "HELD_BY_ANOTHER 1>2: Process # (sleep*) of ann/default holds 1 descriptor of "
	 "bob/default."},
	{NULL, HOLD("/run/netns/bob", "exec setpriv --reuid 65534 --clear-groups") WAIT, GONE,
	 "HELD 2>0: Process # (sleep*) of host holds 1 descriptor of bob/default."},
	{NULL, HOLD("/run/netns/bob", "exec") WAIT, GONE, ""},
	/* What nsnet itself begins is as it should be. */
	{NULL,
	 "$NSNET_BIN run ann -- sh -c 'echo up; exec sleep 100' >/run/up 2>&1 </dev/null &"
	 "echo $! >/run/planted; until grep -q ^up /run/up; do sleep .02; done",
	 GONE, ""},
};

/* A child of no privilege in ann's network that has brought a socket with it. */
static pid_t bring(const char *from, int domain)
{
	const int there = open(from, O_RDONLY | O_CLOEXEC),
		  ann = open("/run/netns/ann", O_RDONLY | O_CLOEXEC);
	int ready[2];
	char byte;
	pid_t pid;

	assert_true(there >= 0 && ann >= 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(ready[1], 1) < 0 || setns(there, CLONE_NEWNET) < 0 ||
		    dup2(socket(domain, SOCK_DGRAM, 0), 0) < 0 || setns(ann, CLONE_NEWNET) < 0 ||
		    unshare(CLONE_NEWUSER) < 0 || close_range(3, ~0U, 0) < 0 ||
		    write(1, "", 1) != 1)
			_exit(1);
		for (;;)
			(void)sigsuspend(&(sigset_t){0});
	}
	close(there);
	close(ann);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void sockets_that_were_brought(void **state)
{
	static const struct {
		const char *from;
		int domain;
		const char *want;
	} table[] = {
		{"/run/netns/bob", AF_INET,
		 "HELD_BY_ANOTHER 1>2: Process # (*) of ann/default holds 1 descriptor of "
		 "bob/default."},
		{"/run/netns/bob", AF_UNIX,
		 "HELD 1>2: Process # (*) of ann/default holds 1 descriptor of bob/default."},
		{"/run/netns/ann.db", AF_INET,
		 "HELD 1>1: Process # (*) of ann/default holds 1 descriptor of ann/db."},
		{NULL, AF_INET,
		 "HELD_BY_ANOTHER 1>1: Process # (*) of ann/default holds 1 descriptor of gateway "
		 "of ann."},
		{"/proc/self/ns/net", AF_INET,
		 "HELD_BY_ANOTHER 1>0: Process # (*) of ann/default holds 1 descriptor of host."},
		{"/proc/self/ns/net", AF_UNIX, ""},
		{"/run/netns/ann", AF_INET, ""},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		const pid_t pid =
			bring(table[i].from ? table[i].from : known[0].path, table[i].domain);
		char *have = found();

		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		is_found(table[i].want, have);
		free(have);
	}
}

/* Every command goes into namespaces for moments, with all that it may. */
static void who_passes_by_does_not_live_there(void **state)
{
	pid_t pid;

	(void)state;
	world_need();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)lab_sh_status("%s repair >/dev/null 2>&1", nsnet_bin());
	}
	for (int i = 0; i < (test_quick() ? 10 : 40); i++) {
		char *have = found();

		is_found("", have);
		free(have);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[3 + NSN_COUNT(plants) + NSN_COUNT(wrongs) + NSN_COUNT(people)] = {
		cmocka_unit_test(a_healthy_site_gives_nothing),
		cmocka_unit_test(sockets_that_were_brought),
		cmocka_unit_test(who_passes_by_does_not_live_there)};
	size_t at = 3;

	for (size_t i = 0; i < NSN_COUNT(plants); i++)
		tests[at++] = (struct CMUnitTest){
			.name = "links", .test_func = planted, .initial_state = &plants[i]};
	for (size_t i = 0; i < NSN_COUNT(wrongs); i++)
		tests[at++] = (struct CMUnitTest){.name = "ports_and_settings",
						  .test_func = planted,
						  .initial_state = &wrongs[i]};
	for (size_t i = 0; i < NSN_COUNT(people); i++)
		tests[at++] = (struct CMUnitTest){
			.name = "processes", .test_func = planted, .initial_state = &people[i]};
	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, drop);
}
