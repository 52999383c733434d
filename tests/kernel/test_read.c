// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/fib_rules.h>
#include <linux/if_tun.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/rtnetlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/netns.h"
#include "../../lib/verify/read.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * read - what is in a snapshot of this machine, which has other tests beside this one: what
 * is not of this world is not looked at
 */

static struct nsnet_err err;

#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)

/* Two tenants, and what is known of them. */
struct two {
	struct nsnet *n;
	struct nsn_home home;
	struct nsn_known known[4];
	struct nsn_snap snap;
	const int32_t *workloads;
	size_t n_workloads;
	const bool *only;
};

enum { GW1, GW2, ONE, TWO }; /* in known[], and one less than in the snapshot */

static void two_open(struct two *t)
{
	static const char *const names[] = {"gateway of t1", "gateway of t2", "t1", "t2"};
	size_t i;

	world_need();
	*t = (struct two){.n = lab_open()};
	lab_add(t->n, "t1", "10.1.0.0/24", NSNET_CREATED);
	lab_add(t->n, "t2", "10.2.0.0/24", NSNET_CREATED);
	t->known[GW1].path = lab_gateway(t->n, "t1");
	t->known[GW2].path = lab_gateway(t->n, "t2");
	t->known[ONE].path = LAB_PIN_DIR "/t1";
	t->known[TWO].path = LAB_PIN_DIR "/t2";
	for (i = 0; i < 4; i++) {
		t->known[i].name = names[i];
		t->known[i].tenant = i % 2 + 1;
		t->known[i].endpoint = i / 2;
		t->known[i].gateway = i < 2;
		t->known[i].must = true;
	}
	OK(nsn_home_open(&t->home, &err));
}

static int try_read(struct two *t)
{
	const struct nsn_read how = {.home = &t->home,
				     .known = t->known,
				     .n_known = 4,
				     .workloads = t->workloads,
				     .n_workloads = t->n_workloads,
				     .policy = "nsnet: 1\n",
				     .only = t->only};
	int fds = lab_fds(), r;

	nsn_snap_clear(&t->snap);
	r = nsn_snap_read(&t->snap, &how, &err);
	assert_int_equal(lab_fds(), fds);
	assert_false(t->home.away);
	return r;
}

static void read_it(struct two *t)
{
	OK(try_read(t));
}

static void two_close(struct two *t)
{
	nsn_snap_clear(&t->snap);
	nsn_home_close(&t->home);
	nsnet_close(t->n);
}

static struct nsn_vns *at(struct two *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->snap.n_ns; i++)
		if (strcmp(t->snap.ns[i].name, name) == 0)
			return &t->snap.ns[i];
	fail_msg("no namespace '%s' in the snapshot", name);
	return NULL;
}

static const struct nsn_vlink *link_of(struct two *t, const char *ns, const char *name)
{
	const struct nsn_vlink *l = nsn_vns_link_named(at(t, ns), name);

	if (!l)
		fail_msg("no link '%s' in '%s'", name, ns);
	return l;
}

static const char *peer_of(struct two *t, const struct nsn_vlink *l)
{
	assert_false(l->peer_lost && l->peer_ns != NSN_NOWHERE);
	return l->peer_ns == NSN_NOWHERE ? "nowhere" : t->snap.ns[l->peer_ns].name;
}

/* A child that gets ready, says a number, and stays. */
static pid_t keeps(uint64_t (*ready)(void), uint64_t *ret)
{
	int said[2];
	pid_t pid;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		uint64_t n;

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		n = ready();
		(void)!write(said[1], &n, sizeof(n));
		for (;;)
			(void)poll(NULL, 0, -1);
	}
	(void)close(said[1]);
	assert_int_equal(read(said[0], ret, sizeof(*ret)), sizeof(*ret));
	(void)close(said[0]);
	if (*ret == 0)
		fail_msg("the child did not get ready");
	return pid;
}

static uint64_t own_inode(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) == 0 ? st.st_ino : 0;
}

static bool go(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;

	(void)close(fd);
	return ok;
}

/* ---- what there is --------------------------------------------------------------------------- */

static void host_gateways_and_workloads_are_there(void **state)
{
	struct two t;
	const struct nsn_vlink *port, *eth;
	size_t i;

	(void)state;
	two_open(&t);
	read_it(&t);
	assert_string_equal(t.snap.ns[0].name, "host");
	assert_int_equal(t.snap.ns[0].kind, NSN_VNS_HOST);
	assert_int_equal(t.snap.ns[0].inode, own_inode());
	assert_true(t.snap.ns[0].full);
	for (i = 0; i < 4; i++) {
		const struct nsn_vns *ns = &t.snap.ns[i + 1];

		assert_string_equal(ns->name, t.known[i].name);
		assert_string_equal(ns->path, t.known[i].path);
		assert_int_equal(ns->kind, i < 2 ? NSN_VNS_GATEWAY : NSN_VNS_WORKLOAD);
		assert_int_equal(ns->tenant, t.known[i].tenant);
		assert_int_equal(ns->inode, lab_netns_inode(t.known[i].path));
		assert_int_equal(ns->full, i < 2);
		assert_false(ns->unreadable);
		assert_int_equal(nsn_snap_find(&t.snap, ns->inode), i + 1);
	}
	eth = link_of(&t, "t1", "eth0");
	assert_string_equal(eth->kind, "veth");
	assert_string_equal(peer_of(&t, eth), "gateway of t1");
	port = nsn_vns_link(at(&t, "gateway of t1"), eth->peer_index);
	assert_non_null(port);
	assert_string_equal(peer_of(&t, port), "t1");
	assert_int_equal(port->peer_index, eth->index);
	assert_string_equal(port->port_kind, "bridge");
	assert_int_equal(port->port.isolated, 0);
	assert_int_equal(port->port.learning, 0);
	assert_int_equal(port->port.state, 3);
	assert_int_equal(port->master, link_of(&t, "gateway of t1", "br0")->index);
	assert_string_equal(link_of(&t, "gateway of t1", "br0")->kind, "bridge");
	assert_true(at(&t, "gateway of t1")->n_tables >= 2);
	assert_int_equal(t.snap.tries, 1);
	assert_int_equal(strlen(t.snap.boot), 36);
	assert_int_equal(strlen(t.snap.hash), 64);
	assert_string_equal(t.snap.policy, "nsnet: 1\n");
	two_close(&t);
}

static void what_is_wanted_and_not_there_is_said(void **state)
{
	struct two t;
	size_t i;
	bool said = false;

	(void)state;
	two_open(&t);
	t.known[TWO].path = LAB_PIN_DIR "/t3";
	read_it(&t);
	for (i = 0; i < t.snap.n_unsure; i++)
		said |= strcmp(t.snap.unsure[i],
			       "t2: '" LAB_PIN_DIR "/t3': No such file or directory") == 0;
	assert_true(said);
	/* It is there all the same, as somebody's. */
	assert_int_equal(at(&t, LAB_PIN_DIR "/t2")->kind, NSN_VNS_FOREIGN);
	t.known[TWO].must = false;
	read_it(&t);
	for (i = 0; i < t.snap.n_unsure; i++)
		assert_null(strstr(t.snap.unsure[i], "/t3"));
	two_close(&t);
}

static void a_part_is_read_in_full_alone(void **state)
{
	const bool only[] = {false, true, false, true};
	struct two t;

	(void)state;
	two_open(&t);
	t.only = only;
	read_it(&t);
	assert_false(at(&t, "gateway of t1")->full);
	assert_int_equal(at(&t, "gateway of t1")->n_tables, 0);
	assert_int_equal(at(&t, "gateway of t1")->n_links, 3);
	assert_true(at(&t, "gateway of t2")->full);
	assert_string_equal(peer_of(&t, link_of(&t, "t1", "eth0")), "gateway of t1");
	two_close(&t);
}

/* ---- what keeps a namespace --------------------------------------------------------------------
 */

static uint64_t by_process(void)
{
	return unshare(CLONE_NEWNET) == 0 ? own_inode() : 0;
}

static uint64_t by_descriptor(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	uint64_t inode = by_process();

	/* Stays open. */
	if (open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC) < 0 || setns(home, CLONE_NEWNET) < 0)
		return 0;
	(void)close(home);
	return inode;
}

static uint64_t by_mount(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd;
	uint64_t inode;

	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 0;
	inode = by_process();
	fd = open("/run/a place", O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
	if (fd < 0 || mount("/proc/self/ns/net", "/run/a place", NULL, MS_BIND, NULL) < 0 ||
	    setns(home, CLONE_NEWNET) < 0)
		return 0;
	(void)close(fd);
	(void)close(home);
	return inode;
}

static void *in_thread(void *arg)
{
	*(uint64_t *)arg = by_process();
	kill(getpid(), SIGCONT);
	for (;;)
		(void)poll(NULL, 0, -1);
	return NULL;
}

static uint64_t by_thread(void)
{
	static uint64_t inode;
	pthread_t thread;

	if (pthread_create(&thread, NULL, in_thread, &inode) != 0)
		return 0;
	while (!*(volatile uint64_t *)&inode)
		(void)poll(NULL, 0, 1);
	return inode;
}

static void a_namespace_is_found_by_whatever_keeps_it(void **state)
{
	static const struct {
		uint64_t (*how)(void);
		size_t procs, held;
	} ways[] = {{by_process, 1, 0}, {by_descriptor, 0, 1}, {by_mount, 0, 0}, {by_thread, 1, 0}};
	uint64_t inodes[NSN_COUNT(ways)];
	pid_t pids[NSN_COUNT(ways)];
	struct two t;
	size_t i;

	(void)state;
	two_open(&t);
	for (i = 0; i < NSN_COUNT(ways); i++)
		pids[i] = keeps(ways[i].how, &inodes[i]);
	free(lab_sh("ip netns add lonely"));
	read_it(&t);
	for (i = 0; i < NSN_COUNT(ways); i++) {
		size_t found = nsn_snap_find(&t.snap, inodes[i]);
		const struct nsn_vns *ns;

		if (found == NSN_NOWHERE)
			fail_msg("way %zu: not found", i);
		ns = &t.snap.ns[found];
		assert_int_equal(ns->kind, NSN_VNS_FOREIGN);
		assert_false(ns->unreadable);
		assert_non_null(nsn_vns_link_named(ns, "lo"));
		assert_int_equal(ns->n_procs, ways[i].procs);
		assert_int_equal(ns->n_held, ways[i].held);
		if (ns->n_held)
			assert_int_equal(ns->held[0].proc.pid, pids[i]);
	}
	assert_int_equal(at(&t, LAB_PIN_DIR "/lonely")->inode,
			 lab_netns_inode(LAB_PIN_DIR "/lonely"));
	assert_int_equal(at(&t, LAB_PIN_DIR "/lonely")->n_links, 1);
	for (i = 0; i < NSN_COUNT(ways); i++)
		lab_leave(pids[i]);
	two_close(&t);
}

/* ---- links -------------------------------------------------------------------------------------
 */

static void both_halves_of_a_veth_are_found(void **state)
{
	struct two t;

	(void)state;
	two_open(&t);
	free(lab_sh("ip netns add a && ip netns add b &&"
		    " ip link add s0 netns t1 type veth peer name s1 netns t2 &&"
		    " ip link add f0 netns a index 77 type veth peer name f1 netns b index 99 &&"
		    " ip link add i0 netns a type veth peer name i1 netns a &&"
		    " ip link add h0 type veth peer name h1 netns b"));
	read_it(&t);
	assert_string_equal(peer_of(&t, link_of(&t, "t1", "s0")), "t2");
	assert_string_equal(peer_of(&t, link_of(&t, "t2", "s1")), "t1");
	assert_string_equal(peer_of(&t, link_of(&t, LAB_PIN_DIR "/a", "f0")), LAB_PIN_DIR "/b");
	assert_string_equal(peer_of(&t, link_of(&t, LAB_PIN_DIR "/b", "f1")), LAB_PIN_DIR "/a");
	assert_int_equal(link_of(&t, LAB_PIN_DIR "/b", "f1")->peer_index, 77);
	assert_string_equal(peer_of(&t, link_of(&t, LAB_PIN_DIR "/a", "i0")), LAB_PIN_DIR "/a");
	assert_int_equal(link_of(&t, LAB_PIN_DIR "/a", "i0")->peer_nsid, -1);
	assert_string_equal(peer_of(&t, link_of(&t, "host", "h0")), LAB_PIN_DIR "/b");
	assert_string_equal(peer_of(&t, link_of(&t, LAB_PIN_DIR "/b", "h1")), "host");
	assert_string_equal(peer_of(&t, link_of(&t, "t1", "eth0")), "gateway of t1");
	two_close(&t);
}

static uint64_t by_socket(void)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	uint64_t inode = by_process();

	if (system("ip link add hidden type veth peer name seen netns t1") != 0 ||
	    socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) < 0 || setns(home, CLONE_NEWNET) < 0)
		return 0;
	(void)close(home);
	return inode;
}

/* Kept by a socket of a process that is no tenant's: nobody looks there. */
static void a_half_that_is_not_found_is_lost(void **state)
{
	uint64_t inode;
	struct two t;
	pid_t pid;

	(void)state;
	two_open(&t);
	pid = keeps(by_socket, &inode);
	read_it(&t);
	assert_true(link_of(&t, "t1", "seen")->peer_lost);
	assert_int_equal(link_of(&t, "t1", "seen")->peer_ns, NSN_NOWHERE);
	assert_false(link_of(&t, "t1", "eth0")->peer_lost);
	lab_leave(pid);
	two_close(&t);
}

static bool can(const char *command)
{
	return lab_sh_status("%s", command) == 0;
}

static void a_macvlan_leads_to_its_lower_link(void **state)
{
	struct two t;
	const struct nsn_vlink *l;

	(void)state;
	two_open(&t);
	free(lab_sh("ip link add low type veth peer name low1"));
	if (!can("ip link add link low name mv0 netns t1 type macvlan mode bridge")) {
		two_close(&t);
		skip_kernel("macvlan");
	}
	read_it(&t);
	l = link_of(&t, "t1", "mv0");
	assert_string_equal(l->kind, "macvlan");
	assert_string_equal(peer_of(&t, l), "host");
	assert_int_equal(l->peer_index, link_of(&t, "host", "low")->index);
	LAB_HAS(l->detail, "macvlan");
	two_close(&t);
}

static void a_vxlan_leads_to_where_its_socket_is(void **state)
{
	struct two t;
	const struct nsn_vlink *l;

	(void)state;
	two_open(&t);
	if (!can("ip link add vx0 type vxlan id 42 remote 192.0.2.1 dstport 4789")) {
		two_close(&t);
		skip_kernel("vxlan");
	}
	free(lab_sh("ip link set vx0 netns t1 name vx9"));
	read_it(&t);
	l = link_of(&t, "t1", "vx9");
	assert_string_equal(l->kind, "vxlan");
	assert_string_equal(peer_of(&t, l), "host");
	LAB_HAS(l->detail, "vxlan id 42 remote 192.0.2.1");
	two_close(&t);
}

static uint64_t by_tap(void)
{
	struct ifreq ifr = {.ifr_name = "tap7", .ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	return fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) == 0 ? 1 : 2;
}

static void a_tap_ends_in_the_process_that_holds_it(void **state)
{
	struct two t;
	const struct nsn_vlink *l;
	char want[32];
	uint64_t made;
	pid_t pid;

	(void)state;
	two_open(&t);
	pid = keeps(by_tap, &made);
	if (made != 1) {
		lab_leave(pid);
		two_close(&t);
		skip_kernel("tun");
	}
	free(lab_sh("ip link set tap7 netns t1"));
	read_it(&t);
	l = link_of(&t, "t1", "tap7");
	assert_string_equal(l->kind, "tun");
	(void)snprintf(want, sizeof(want), "tap of pid %d", pid);
	assert_string_equal(l->detail, want);
	assert_string_equal(peer_of(&t, l), "host");
	lab_leave(pid);
	two_close(&t);
}

/* ---- who is there
 * -------------------------------------------------------------------------------- */

static const struct nsn_vproc *proc_in(struct two *t, const char *ns, pid_t pid)
{
	const struct nsn_vns *v = at(t, ns);
	size_t i;

	for (i = 0; i < v->n_procs; i++)
		if (v->procs[i].pid == pid)
			return &v->procs[i];
	fail_msg("pid %d is not in %s", pid, ns);
	return NULL;
}

static uint64_t without_rights(void)
{
	return go(LAB_PIN_DIR "/t1") && unshare(CLONE_NEWUSER) == 0 ? 1 : 0;
}

static void processes_are_told_with_what_they_can(void **state)
{
	const struct nsn_vproc *p;
	char *start, *group;
	uint64_t ready;
	struct two t;
	pid_t strong, weak;

	(void)state;
	two_open(&t);
	strong = lab_sit(LAB_PIN_DIR "/t1");
	weak = keeps(without_rights, &ready);
	t.workloads = &weak;
	t.n_workloads = 1;
	read_it(&t);
	p = proc_in(&t, "t1", strong);
	assert_true(p->host_user);
	assert_false(p->workload);
	assert_true(p->caps & UINT64_C(1) << CAP_NET_ADMIN);
	assert_string_equal(p->name, "test_read");
	start = lab_sh("cut -d' ' -f22 /proc/%d/stat", strong);
	assert_int_equal(p->start, strtoull(start, NULL, 10));
	group = lab_sh("cat /proc/%d/cgroup", strong);
	LAB_HAS(group, p->unit);
	p = proc_in(&t, "t1", weak);
	assert_false(p->host_user);
	assert_true(p->workload);
	assert_int_equal(at(&t, "t2")->n_procs, 0);
	free(start);
	free(group);
	lab_leave(strong);
	lab_leave(weak);
	two_close(&t);
}

static uint64_t holds_others(void)
{
	int fd = open(LAB_PIN_DIR "/t1", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0 || socket(AF_INET, SOCK_DGRAM, 0) < 0 ||
	    socket(AF_UNIX, SOCK_DGRAM, 0) < 0)
		return 0;
	return go(LAB_PIN_DIR "/t2") && socket(AF_INET, SOCK_DGRAM, 0) >= 0;
}

static void what_is_held_of_another_tenant_is_told(void **state)
{
	const struct nsn_vns *one;
	unsigned int spaces = 0, sockets = 0, unixes = 0;
	uint64_t ready;
	struct two t;
	size_t i;
	pid_t pid;

	(void)state;
	two_open(&t);
	pid = keeps(holds_others, &ready);
	read_it(&t);
	one = at(&t, "t1");
	for (i = 0; i < one->n_held; i++) {
		const struct nsn_vheld *h = &one->held[i];

		assert_int_equal(h->proc.pid, pid);
		assert_string_equal(t.snap.ns[h->home].name, "t2");
		assert_true(h->proc.host_user);
		spaces += !h->socket;
		sockets += h->socket && !h->unix_socket;
		unixes += h->unix_socket;
		if (h->socket && !h->unix_socket)
			LAB_HAS(h->what, "] udp");
	}
	assert_int_equal(spaces, 1);
	assert_int_equal(sockets, 1);
	assert_int_equal(unixes, 1);
	assert_int_equal(at(&t, "t2")->n_held, 0);
	lab_leave(pid);
	two_close(&t);
}

/* ---- another witness
 * -------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lines that ours must be equal to, in any order. */
static void same_lines(char **have, size_t n, char *want, const char *what)
{
	char *line, *rest = NULL;
	size_t i = 0;

	qsort(have, n, sizeof(*have), by_text);
	for (line = strtok_r(want, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest), i++)
		if (i >= n || strcmp(have[i], line) != 0)
			fail_msg("%s: ip says '%s', the snapshot '%s'", what, line,
				 i < n ? have[i] : "nothing");
	if (i < n)
		fail_msg("%s: only the snapshot has '%s'", what, have[i]);
	for (i = 0; i < n; i++)
		free(have[i]);
	free(have);
	free(want);
}

static char *say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *say(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	assert_true(vasprintf(&text, fmt, ap) >= 0);
	va_end(ap);
	return text;
}

static const char *name_of(const struct nsn_vns *ns, uint32_t index)
{
	const struct nsn_vlink *l = nsn_vns_link(ns, index);

	return l ? l->name : "-";
}

static void links_are_as_ip_tells(const struct nsn_vns *ns)
{
	char **list = calloc(ns->n_links + 1, sizeof(*list));
	size_t i;

	for (i = 0; i < ns->n_links; i++) {
		char mac[NSN_MAC_STRLEN];

		list[i] = say("%u %s %s %u %u %s", ns->links[i].index, ns->links[i].name,
			      nsn_mac_str(&ns->links[i].mac, mac), ns->links[i].mtu,
			      ns->links[i].group, ns->links[i].qdisc);
	}
	same_lines(list, ns->n_links,
		   lab_sh("nsenter --net='%s' ip -j -N link | python3 -c 'import json,sys\n"
			  "for l in json.load(sys.stdin): print(l[\"ifindex\"], l[\"ifname\"],"
			  " l[\"address\"], l[\"mtu\"], l[\"group\"], l[\"qdisc\"])'"
			  " | LC_ALL=C sort",
			  ns->path),
		   "links");
}

static void addresses_are_as_ip_tells(const struct nsn_vns *ns)
{
	char **list = calloc(ns->n_addrs + 1, sizeof(*list));
	size_t i;

	for (i = 0; i < ns->n_addrs; i++) {
		char text[NSN_PREFIX_STRLEN];

		list[i] = say("%s %s", name_of(ns, ns->addrs[i].link),
			      nsn_prefix_str(&ns->addrs[i].net, text));
	}
	same_lines(list, ns->n_addrs,
		   lab_sh("nsenter --net='%s' ip -j addr | python3 -c 'import json,sys\n"
			  "for l in json.load(sys.stdin):\n"
			  " for a in l[\"addr_info\"]: print(l[\"ifname\"],"
			  " a[\"local\"]+\"/\"+str(a[\"prefixlen\"]))' | LC_ALL=C sort",
			  ns->path),
		   "addresses");
}

static void routes_are_as_ip_tells(const struct nsn_vns *ns, unsigned int family)
{
	char **list = calloc(ns->n_routes + 1, sizeof(*list));
	size_t i, n = 0;

	for (i = 0; i < ns->n_routes; i++) {
		const struct nsn_vroute *o = &ns->routes[i];
		char text[NSN_PREFIX_STRLEN], via[NSN_IP_STRLEN];

		if (o->dst.ip.family != (family == 4 ? AF_INET : AF_INET6))
			continue;
		list[n++] = say(
			"%u %s %u %zu %s %s %u", o->table, nsn_prefix_str(&o->dst, text), o->type,
			o->n_hops, o->n_hops ? name_of(ns, o->hops[0].link) : "-",
			o->n_hops && o->hops[0].via.family ? nsn_ip_str(&o->hops[0].via, via) : "-",
			o->metric);
	}
	same_lines(list, n,
		   lab_sh("nsenter --net='%s' ip -%u -j -N route show table all | python3 -c '"
			  "import json,sys\n"
			  "for o in json.load(sys.stdin):\n"
			  " d=o[\"dst\"]\n"
			  " d=d if d!=\"default\" else \"%s\"\n"
			  " d=d if \"/\" in d else d+\"/%u\"\n"
			  " h=o.get(\"nexthops\") or ([o] if \"dev\" in o or \"gateway\" in o else "
			  "[])\n"
			  " print(o.get(\"table\",254), d, o.get(\"type\",1), len(h),"
			  " h[0].get(\"dev\",\"-\") if h else \"-\","
			  " h[0].get(\"gateway\",\"-\") if h else \"-\", o.get(\"metric\",0))'"
			  " | LC_ALL=C sort",
			  ns->path, family, family == 4 ? "0.0.0.0/0" : "::/0",
			  family == 4 ? 32 : 128),
		   "routes");
}

static void a_gateway_is_read_as_ip_tells(void **state)
{
	struct two t;
	const struct nsn_vns *gw;

	(void)state;
	two_open(&t);
	free(lab_sh("nsenter --net='%s' sh -c '"
		    "ip link add u0 group 7 type veth peer name u1 &&"
		    "echo 0 > /proc/sys/net/ipv6/conf/u0/disable_ipv6 && ip link set u0 up &&"
		    "ip link set u1 up && ip addr add 192.0.2.1/24 dev u0 &&"
		    "ip addr add 2001:db8::1/64 dev u0 nodad &&"
		    "ip addr add 198.51.100.1 peer 198.51.100.2/32 dev u1 &&"
		    "ip route add default via 192.0.2.2 && ip route add blackhole 203.0.113.0/24 &&"
		    "ip route add 10.9.0.0/16 table 1000 nexthop via 192.0.2.3 nexthop via"
		    " 192.0.2.4 && ip -6 route add 2001:db8:9::/48 via 2001:db8::2 metric 77 &&"
		    "ip -6 route add unreachable 2001:db8:7::/48'",
		    t.known[GW1].path));
	read_it(&t);
	gw = at(&t, "gateway of t1");
	links_are_as_ip_tells(gw);
	addresses_are_as_ip_tells(gw);
	routes_are_as_ip_tells(gw, 4);
	routes_are_as_ip_tells(gw, 6);
	two_close(&t);
}

static const struct nsn_vroute *route_to(const struct nsn_vns *ns, const char *dst)
{
	struct nsn_prefix p;
	size_t i;

	assert_int_equal(nsn_prefix_parse(&p, dst), 0);
	for (i = 0; i < ns->n_routes; i++)
		if (nsn_prefix_cmp(&ns->routes[i].dst, &p) == 0)
			return &ns->routes[i];
	fail_msg("no route to %s", dst);
	return NULL;
}

static void what_a_proof_does_not_know_is_odd(void **state)
{
	struct two t;
	const struct nsn_vns *gw;
	const struct nsn_vfib *f = NULL;
	size_t i;

	(void)state;
	two_open(&t);
	free(lab_sh("nsenter --net='%s' sh -c '"
		    "ip nexthop add id 5 dev br0 && ip route add 10.77.0.0/16 nhid 5 &&"
		    "ip route add 10.78.0.0/16 dev br0 &&"
		    "ip rule add from 10.0.0.0/8 iif br0 fwmark 0x10/0xf0 lookup 99 pref 500 &&"
		    "ip rule add not to 10.3.0.0/16 lookup 98 suppress_prefixlength 0 pref 501 &&"
		    "ip rule add ipproto tcp lookup 97 pref 502'",
		    t.known[GW1].path));
	read_it(&t);
	gw = at(&t, "gateway of t1");
	assert_true(route_to(gw, "10.77.0.0/16")->odd);
	assert_false(route_to(gw, "10.78.0.0/16")->odd);
	for (i = 0; i < gw->n_fibs; i++) {
		f = &gw->fibs[i];
		assert_int_equal(f->odd, f->priority == 502);
		if (f->priority == 500) {
			assert_string_equal(f->iif, "br0");
			assert_int_equal(f->mark, 0x10);
			assert_int_equal(f->mask, 0xf0);
			assert_int_equal(f->src.len, 8);
			assert_int_equal(f->table, 99);
			assert_int_equal(f->action, FR_ACT_TO_TBL);
			assert_int_equal(f->suppress, -1);
		} else if (f->priority == 501) {
			assert_true(f->invert);
			assert_int_equal(f->suppress, 0);
			assert_int_equal(f->dst.len, 16);
		}
	}
	assert_int_equal(gw->n_fibs, 8);
	two_close(&t);
}

static void neighbours_fdb_filters_and_settings_are_read(void **state)
{
	struct two t;
	const struct nsn_vns *gw;
	bool written = false, proxied = false, fdb = false;
	size_t i;

	(void)state;
	two_open(&t);
	free(lab_sh("nsenter --net='%s' sh -c '"
		    "ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev br0 nud permanent &&"
		    "ip neigh add 10.1.0.8 lladdr 02:00:00:00:00:08 dev br0 nud stale &&"
		    "ip neigh add proxy 10.1.0.7 dev br0 &&"
		    "bridge fdb add 02:00:00:00:00:0a dev nsn1 master static &&"
		    "ip link set nsn1 type bridge_slave isolated on &&"
		    "tc qdisc add dev br0 clsact &&"
		    "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet &&"
		    "echo 1 > /proc/sys/net/ipv6/conf/all/proxy_ndp &&"
		    "echo 1 > /proc/sys/net/ipv4/conf/br0/accept_local'",
		    t.known[GW1].path));
	read_it(&t);
	gw = at(&t, "gateway of t1");
	for (i = 0; i < gw->n_neighs; i++) {
		assert_int_not_equal(gw->neighs[i].ip.bytes[3], 8);
		written |= gw->neighs[i].ip.bytes[3] == 9 && gw->neighs[i].mac.bytes[5] == 9 &&
			   !gw->neighs[i].proxy;
		proxied |= gw->neighs[i].ip.bytes[3] == 7 && gw->neighs[i].proxy;
	}
	assert_true(written);
	assert_true(proxied);
	for (i = 0; i < gw->n_fdb; i++)
		fdb |= gw->fdb[i].mac.bytes[5] == 10 &&
		       strcmp(name_of(gw, gw->fdb[i].link), "nsn1") == 0 && !gw->fdb[i].self;
	assert_true(fdb);
	assert_true(link_of(&t, "gateway of t1", "br0")->tc);
	assert_false(link_of(&t, "gateway of t1", "nsn1")->tc);
	assert_int_equal(link_of(&t, "gateway of t1", "nsn1")->port.isolated, 1);
	assert_int_equal(gw->conf_all.route_localnet, 1);
	assert_int_equal(gw->conf_all.proxy_ndp, 1);
	assert_int_equal(gw->conf_all.accept_local, 0);
	assert_int_equal(gw->conf_all.rp_filter, 1);
	assert_int_equal(link_of(&t, "gateway of t1", "br0")->conf.accept_local, 1);
	assert_int_equal(link_of(&t, "gateway of t1", "br0")->conf.rp_filter, 1);
	assert_int_equal(link_of(&t, "gateway of t1", "nsn1")->conf.accept_local, 0);
	/* It has some, too, but leads nowhere where they would count. */
	assert_int_equal(at(&t, "gateway of t2")->n_neighs, 0);
	assert_int_equal(at(&t, "gateway of t2")->conf_all.route_localnet, 0);
	assert_int_equal(at(&t, "gateway of t2")->conf_all.proxy_ndp, 0);
	for (i = 0; i < gw->n_sysctls; i++)
		if (strcmp(gw->sysctls[i].path, "net/ipv4/ip_forward") == 0)
			assert_string_equal(gw->sysctls[i].value, "0");
	two_close(&t);
}

/* A program that lets all pass, at the way in of br0 of the gateway; 2: no such kernel. */
static const char *attach_at;
static uint64_t attach_program(void)
{
	const struct bpf_insn pass[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1},
					{.code = BPF_JMP | BPF_EXIT}};
	union bpf_attr load, attach;
	int fd;

	memset(&load, 0, sizeof(load));
	load.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	load.insns = (uintptr_t)pass;
	load.insn_cnt = NSN_COUNT(pass);
	load.license = (uintptr_t) "GPL";
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	if (fd < 0 || !go(attach_at))
		return 0;
	memset(&attach, 0, sizeof(attach));
	attach.target_fd = if_nametoindex("br0");
	attach.attach_bpf_fd = (uint32_t)fd;
	attach.attach_type = 46; /* BPF_TCX_INGRESS */
	return syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) == 0 ? 1 : 2;
}

static void a_program_that_no_qdisc_shows_is_told(void **state)
{
	uint64_t done;
	struct two t;
	pid_t pid;

	(void)state;
	two_open(&t);
	attach_at = t.known[GW1].path;
	pid = keeps(attach_program, &done);
	if (done != 1) {
		lab_leave(pid);
		two_close(&t);
		skip_kernel("tcx");
	}
	read_it(&t);
	assert_true(link_of(&t, "gateway of t1", "br0")->tc);
	assert_false(link_of(&t, "gateway of t1", "nsn1")->tc);
	assert_false(link_of(&t, "gateway of t2", "br0")->tc);
	lab_leave(pid);
	two_close(&t);
}

/* Asking for a table of the old kind makes it: getsockopt(IPT_SO_GET_INFO). */
static uint64_t make_table(void)
{
	struct ipt_getinfo info = {.name = "filter"};
	socklen_t len = sizeof(info);
	int sk = go(attach_at) ? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW) : -1;

	return sk >= 0 && getsockopt(sk, IPPROTO_IP, IPT_SO_GET_INFO, &info, &len) == 0 ? 1 : 2;
}

static void tables_of_the_old_kind_are_strange(void **state)
{
	uint64_t done;
	struct two t;
	pid_t pid;

	(void)state;
	two_open(&t);
	attach_at = t.known[GW2].path;
	pid = keeps(make_table, &done);
	lab_leave(pid);
	if (done != 1) {
		two_close(&t);
		skip_kernel("iptables-legacy");
	}
	read_it(&t);
	assert_int_equal(at(&t, "gateway of t1")->n_strange, 0);
	assert_int_equal(at(&t, "host")->n_strange, 0);
	assert_int_equal(at(&t, "gateway of t2")->n_strange, 1);
	assert_string_equal(at(&t, "gateway of t2")->strange[0], "ip_tables");
	two_close(&t);
}

/* ---- while it changes ---------------------------------------------------------------------------
 */

static pid_t keeps_doing(const char *netns, const char *command)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (go(netns))
			(void)execlp("sh", "sh", "-c", command, (char *)NULL);
		_exit(1);
	}
	return pid;
}

/* What is told of a gateway that does not keep still is of one moment, or nothing is told. */
static void a_gateway_that_changes_is_read_again(void **state)
{
	unsigned int again = 0, i;
	struct two t;
	pid_t pid;

	(void)state;
	two_open(&t);
	pid = keeps_doing(t.known[GW1].path, "while :; do ip -batch - <<-EOF\n"
					     "addr add 192.0.2.77/32 dev br0\n"
					     "addr del 192.0.2.77/32 dev br0\n"
					     "EOF\ndone");
	for (i = 0; i < 200 && !again; i++) {
		int r = try_read(&t);

		if (r == -EBUSY)
			again++;
		else
			OK(r);
		again += r == 0 && t.snap.tries > 1;
	}
	lab_leave(pid);
	assert_true(again > 0);
	read_it(&t);
	two_close(&t);
}

/* A tenant can do this to its own link as often as it likes. */
static void a_tenant_cannot_keep_it_from_being_read(void **state)
{
	unsigned int i;
	struct two t;
	pid_t pid;

	(void)state;
	two_open(&t);
	pid = keeps_doing(LAB_PIN_DIR "/t1", "while :; do ip -batch - <<-EOF\n"
					     "link set eth0 down\nlink set eth0 up\n"
					     "EOF\ndone");
	for (i = 0; i < 20; i++) {
		read_it(&t);
		assert_int_equal(
			nsn_vns_link(at(&t, "gateway of t1"), link_of(&t, "t1", "eth0")->peer_index)
				->port.state,
			3);
	}
	lab_leave(pid);
	two_close(&t);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(host_gateways_and_workloads_are_there),
		TEST(what_is_wanted_and_not_there_is_said),
		TEST(a_part_is_read_in_full_alone),
		TEST(a_namespace_is_found_by_whatever_keeps_it),
		TEST(both_halves_of_a_veth_are_found),
		TEST(a_half_that_is_not_found_is_lost),
		TEST(a_macvlan_leads_to_its_lower_link),
		TEST(a_vxlan_leads_to_where_its_socket_is),
		TEST(a_tap_ends_in_the_process_that_holds_it),
		TEST(processes_are_told_with_what_they_can),
		TEST(what_is_held_of_another_tenant_is_told),
		TEST(a_gateway_is_read_as_ip_tells),
		TEST(what_a_proof_does_not_know_is_odd),
		TEST(neighbours_fdb_filters_and_settings_are_read),
		TEST(a_program_that_no_qdisc_shows_is_told),
		TEST(tables_of_the_old_kind_are_strange),
		TEST(a_gateway_that_changes_is_read_again),
		TEST(a_tenant_cannot_keep_it_from_being_read),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
