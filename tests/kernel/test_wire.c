// SPDX-License-Identifier: GPL-2.0-or-later
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/wire/wire.h"
#include "../lib/border.h"
#include "../lib/lab.h"
#include "../lib/packet.h"
#include "../lib/world.h"

/*
 * wire - the prober on the real kernel: what is let through is DELIVERED, what is not is BLOCKED,
 * and whatever is broken on the way is never taken for BLOCKED
 */

static struct nsnet_err err;

#define OK(call) lab_ok((call), &err, #call, __FILE__, __LINE__)

NSN_CLEANUP(struct nsn_wire, nsn_wire_close)

/* ---- places, out of what the kernel says ------------------------------------------------- */

enum { AAA, BBB, CCC, TWO, GA, GB, GC, HOST, PLACES };
static const char *const names[PLACES] = {"aaa", "bbb", "ccc", "aaa.two"};

static struct nsn_wire_place places[PLACES];
static char texts[PLACES][3][128];
static const char *uplink[2];
static char uplink_name[32];

static void ip_of(struct nsn_ip *ip, char *text)
{
	assert_int_equal(nsn_ip_parse(ip, text), 0);
	free(text);
}

static void mac_of(struct nsn_mac *mac, char *text)
{
	unsigned int i;

	assert_int_equal(strlen(text), 17);
	for (i = 0; i < 6; i++)
		mac->bytes[i] = (uint8_t)strtoul(text + (size_t)i * 3, NULL, 16);
	free(text);
}

static void tenant_place(int at, int gateway)
{
	struct nsn_wire_place *p = &places[at];
	const char *ns = names[at];
	char *port;

	(void)snprintf(texts[at][0], sizeof(texts[at][0]), "/run/netns/%s", ns);
	*p = (struct nsn_wire_place){.path = texts[at][0],
				     .inode = lab_netns_inode(texts[at][0]),
				     .name = ns,
				     .link = "eth0",
				     .gateway_place = (size_t)gateway};
	mac_of(&p->mac,
	       lab_sh("ip -n %s -o link show eth0 | sed 's/.*ether \\([^ ]*\\).*/\\1/'", ns));
	ip_of(&p->ip,
	      lab_sh("ip -n %s -4 -o addr show eth0 | sed 's/.*inet \\([^/]*\\).*/\\1/'", ns));
	ip_of(&p->ip6, lab_sh("ip -n %s -6 -o addr show eth0 scope global | sed 's/.*inet6 "
			      "\\([^/]*\\).*/\\1/'",
			      ns));
	ip_of(&p->gateway, lab_sh("ip -n %s -4 route show default | cut -d' ' -f3", ns));
	ip_of(&p->gateway6, lab_sh("ip -n %s -6 route show default | cut -d' ' -f3", ns));
	mac_of(&p->gateway_mac,
	       lab_sh("ip -n %s neigh show to %d.%d.%d.%d | cut -d' ' -f5", ns, p->gateway.bytes[0],
		      p->gateway.bytes[1], p->gateway.bytes[2], p->gateway.bytes[3]));
	p->subnet = (struct nsn_prefix){p->ip, 24};
	port = lab_sh("nsenter --net=%s ip -o link show | grep 'link-netns %s$' | "
		      "sed 's/^[0-9]*: \\([^@]*\\).*/\\1/'",
		      places[gateway].path, ns);
	(void)snprintf(texts[at][1], sizeof(texts[at][1]), "%s", port);
	free(port);
	p->port = texts[at][1];
}

static void trusted_place(int at, const char *path, const char *name)
{
	(void)snprintf(texts[at][0], sizeof(texts[at][0]), "%s", path);
	places[at] = (struct nsn_wire_place){.path = texts[at][0],
					     .inode = lab_netns_inode(path),
					     .name = name,
					     .trusted = true};
}

/* @outside: with networks around the host, and a way there. */
static void build_with(bool outside)
{
	struct nsnet *n;
	char *link;

	if (outside)
		border_sh("make");
	NSNET_STATUS(0, "-q", "tenant", "add", "aaa", "10.1.0.0/24", "--subnet6", "auto");
	NSNET_STATUS(0, "-q", "tenant", "add", "bbb", "10.2.0.0/24", "--subnet6", "auto");
	NSNET_STATUS(0, "-q", "tenant", "add", "ccc", "10.3.0.0/24", "--subnet6", "auto");
	NSNET_STATUS(0, "-q", "endpoint", "add", "aaa/two");
	NSNET_STATUS(0, "-q", "allow", "aaa", "bbb", "udp/47000-60000", "--because", "test");
	NSNET_STATUS(0, "-q", "allow", "bbb", "aaa", "tcp/47000-60000,icmp/echo", "--because",
		     "test");
	if (outside)
		NSNET_STATUS(0, "-q", "allow", "aaa", "internet", "udp/53", "--because", "test");
	n = lab_open();
	trusted_place(GA, lab_gateway(n, "aaa"), "gateway of aaa");
	trusted_place(GB, lab_gateway(n, "bbb"), "gateway of bbb");
	trusted_place(GC, lab_gateway(n, "ccc"), "gateway of ccc");
	trusted_place(HOST, "/proc/self/ns/net", "host");
	nsnet_close(n);
	if (outside) {
		link = lab_sh("ip -o link show | sed -n 's/^[0-9]*: \\(nsn[0-9]*\\)@.*/\\1/p'");
		(void)snprintf(uplink_name, sizeof(uplink_name), "%s", link);
		free(link);
		uplink[0] = uplink_name;
		uplink[1] = "eth0";
		places[GA].links = places[HOST].links = uplink;
		places[GA].n_links = 1;
		places[HOST].n_links = 2;
	}
	tenant_place(AAA, GA);
	tenant_place(TWO, GA);
	tenant_place(BBB, GB);
	tenant_place(CCC, GC);
}

static void build(void)
{
	build_with(false);
}

/* ---- what was asked, and what came out ------------------------------------------------------ */

static const char *word(const struct nsn_wire_probe *p)
{
	static const char *const ends[] = {"untested", "blocked", "delivered"};

	return ends[p->end];
}

static void fail_probe(const struct nsn_wire_probe *p, const char *want, const char *file, int line)
{
	print_error("%s%s from %s to %s: %s, not %s (%s)\n", nsn_wire_kind_name(p->kind),
		    p->family == AF_INET6 ? "6" : "4", places[p->from].name,
		    p->to < PLACES ? places[p->to].name : "beyond", word(p), want,
		    p->why ? p->why : "");
	_fail(file, line);
}

static void is_(const struct nsn_wire_probe *p, enum nsn_wire_end end, const char *file, int line)
{
	static const char *const ends[] = {"untested", "blocked", "delivered"};

	if (p->end != end)
		fail_probe(p, ends[end], file, line);
}
#define IS(p, end) is_((p), NSN_WIRE_##end, __FILE__, __LINE__)

static bool aggressive;

static struct nsn_wire_said run_probes(struct nsn_wire_probe *p, size_t n)
{
	NSN_AUTO(nsn_wire_closep) struct nsn_wire *w = NULL;
	const struct nsn_wire_how how = {.cap_ms = 300, .aggressive = aggressive};
	struct nsn_wire_said said;
	int fds = lab_fds();

	OK(nsn_wire_open(&w, places, PLACES, &err));
	OK(nsn_wire_run(w, p, n, &how, &said, &err));
	nsn_wire_close(NSN_TAKE_PTR(w));
	assert_int_equal(lab_fds(), fds);
	return said;
}

static void representatives(void **state)
{
	struct nsn_wire_probe p[12 * 6];
	struct nsn_wire_said said;
	size_t n = 0, from, to, k, f;

	(void)state;
	world_need();
	build();
	for (from = AAA; from <= TWO; from++)
		for (to = AAA; to <= CCC; to++)
			for (k = 0; k < 3; k++)
				for (f = 0; f < 2 && from != to; f++)
					p[n++] = (struct nsn_wire_probe){
						.from = from,
						.to = to,
						.kind = (enum nsn_wire_kind)k,
						.family = f ? AF_INET6 : AF_INET};
	said = run_probes(p, n);
	print_message("%zu sent %zu heard %zu sentinels %zu controls %zu took %u us\n", said.n,
		      said.sent, said.heard, said.sentinels, said.controls, said.took_us);
	for (k = 0; k < n; k++) {
		const bool two = p[k].from == TWO && p[k].to == AAA,
			   a = (p[k].from == AAA || p[k].from == TWO) && p[k].to == BBB &&
			       p[k].kind == NSN_WIRE_UDP,
			   b = p[k].from == BBB && p[k].to == AAA && p[k].kind != NSN_WIRE_UDP;

		if (two || a || b)
			IS(&p[k], DELIVERED);
		else
			IS(&p[k], BLOCKED);
		if (p[k].end == NSN_WIRE_DELIVERED)
			assert_int_equal(p[k].seen_at, p[k].to);
	}
}

/* ---- every kind ------------------------------------------------------------------------------ */

static size_t add_kinds(struct nsn_wire_probe *p, size_t from, size_t to, const char *dst,
			const char *dst6)
{
	size_t n = 0, k, f;

	for (k = 0; k < NSN_WIRE_KINDS_N; k++)
		for (f = 0; f < 2; f++) {
			const uint8_t family = f ? AF_INET6 : AF_INET;

			if (!nsn_wire_kind_has((enum nsn_wire_kind)k, family))
				continue;
			p[n] = (struct nsn_wire_probe){.from = from,
						       .to = to,
						       .kind = (enum nsn_wire_kind)k,
						       .family = family};
			if (dst)
				ip_of(&p[n].dst, strdup(f ? dst6 : dst));
			n++;
		}
	return n;
}

/* What a tenant may not send to another one is BLOCKED, whatever it is, and tested. */
static void every_kind(void **state)
{
	struct nsn_wire_probe p[3 * NSN_WIRE_KINDS_N * 2];
	size_t n, i;

	(void)state;
	world_need();
	build();
	for (i = AAA; i <= TWO; i++)
		places[i].canary = true;
	n = add_kinds(p, AAA, CCC, NULL, NULL);
	n += add_kinds(p + n, CCC, BBB, NULL, NULL);
	n += add_kinds(p + n, AAA, TWO, NULL, NULL);
	aggressive = true;
	(void)run_probes(p, n);
	aggressive = false;
	for (i = 0; i < n; i++) {
		/* Who has an IPv6 address is asked of all of one's own network. */
		const bool asked = p[i].kind == NSN_WIRE_ARP && p[i].family == AF_INET6;

		if (p[i].from == AAA && asked) {
			IS(&p[i], DELIVERED);
			assert_int_equal(p[i].seen_at, TWO);
		} else if (p[i].to != TWO) {
			IS(&p[i], BLOCKED);
		} else if (p[i].kind <= NSN_WIRE_FRAGMENTS &&
			   !(p[i].kind == NSN_WIRE_PROTO_253 && p[i].family == AF_INET6)) {
			IS(&p[i], DELIVERED);
		} else {
			IS(&p[i], BLOCKED);
		}
	}
}

/* The kinds above LIVE reach nobody who was not made for it. */
static void nothing_harmful(void **state)
{
	struct nsn_wire_probe p[NSN_WIRE_KINDS_N * 2];
	struct nsn_wire_said said;
	size_t n, i, live = 0;

	(void)state;
	world_need();
	build();
	n = add_kinds(p, AAA, TWO, NULL, NULL);
	said = run_probes(p, n);
	for (i = 0; i < n; i++)
		if (nsn_wire_kind_class(p[i].kind) == NSN_WIRE_LIVE) {
			assert_int_not_equal(p[i].end, NSN_WIRE_UNTESTED);
			live++;
		} else {
			IS(&p[i], UNTESTED);
			assert_non_null(strstr(p[i].why, "harmless"));
		}
	assert_true(live < n && said.untested == n - live);
}

/* ---- trusted namespaces ------------------------------------------------------------------------
 */

/* "Delivered" is what a socket there gets; what has none for it cannot be told. */
static void gateways_and_the_host(void **state)
{
	struct nsn_wire_probe p[5 * NSN_WIRE_KINDS_N * 2], *q;
	size_t n, i;

	(void)state;
	world_need();
	build_with(true);
	n = add_kinds(p, AAA, GA, "10.1.0.1", "::");
	for (i = 0; i < n; i++)
		if (p[i].family == AF_INET6)
			p[i].dst = places[AAA].gateway6;
	n += add_kinds(p + n, AAA, GB, "10.2.0.1", "fd00::1");
	n += add_kinds(p + n, AAA, HOST, HOST_ETH0, HOST_ETH0_6);
	n += add_kinds(p + n, CCC, HOST, HOST_LO, HOST_LO_6);
	(void)run_probes(p, n);
	for (q = p; q < p + n; q++) {
		if (q->end == NSN_WIRE_UNTESTED) {
			assert_non_null(strstr(q->why, "harmless") ||
							strstr(q->why, "no socket of IP") ||
							strstr(q->why, "subnet is not known")
						? q->why
						: NULL);
			continue;
		}
		if (q->to == GA && q->kind == NSN_WIRE_ICMP)
			IS(q, DELIVERED);
		else if (q->end != NSN_WIRE_BLOCKED)
			fail_probe(q, "blocked", __FILE__, __LINE__);
	}
	/* With a rule to the host the same is heard there. */
	NSNET_STATUS(0, "-q", "allow", "aaa", "host", "tcp/50000", "--because", "test");
	p[0] = (struct nsn_wire_probe){.from = AAA,
				       .to = HOST,
				       .kind = NSN_WIRE_TCP_SYN,
				       .family = AF_INET,
				       .dport = 50000};
	ip_of(&p[0].dst, strdup(HOST_ETH0));
	p[1] = p[0];
	p[1].dport = 50001;
	(void)run_probes(p, 2);
	IS(&p[0], DELIVERED);
	assert_int_equal(p[0].seen_at, HOST);
	IS(&p[1], BLOCKED);
}

static struct nsn_wire_probe datagram(size_t from, size_t to, uint16_t port)
{
	return (struct nsn_wire_probe){
		.from = from, .to = to, .kind = NSN_WIRE_UDP, .family = AF_INET, .dport = port};
}

/* ---- beyond the machine
 * ---------------------------------------------------------------------------- */

static void beyond_the_machine(void **state)
{
	struct nsn_wire_probe p[6];
	char *out;
	size_t i;

	(void)state;
	world_need();
	build_with(true);
	for (i = 0; i < 6; i++) {
		p[i] = (struct nsn_wire_probe){.from = i % 3 == 2 ? CCC : AAA,
					       .to = SIZE_MAX,
					       .kind = NSN_WIRE_UDP,
					       .family = i < 3 ? AF_INET : AF_INET6,
					       .dport = i % 3 == 1 ? 54 : 53};
		ip_of(&p[i].dst, strdup(i < 3 ? "9.9.9.9" : "2620:fe::fe"));
	}
	RUN_STATUS(0, "nft",
		   "add table netdev t; add chain netdev t c { type filter hook egress device eth0 "
		   "priority 0; }; add rule netdev t c udp dport { 53, 54 } counter");
	(void)run_probes(p, 6);
	for (i = 0; i < 6; i++) {
		if (i % 3 == 0)
			IS(&p[i], DELIVERED);
		else
			IS(&p[i], BLOCKED);
		assert_int_equal(p[i].seen_at, i % 3 == 0 ? (size_t)HOST : SIZE_MAX);
	}
	out = lab_sh("nft list table netdev t");
	LAB_HAS(out, "packets 0 bytes 0");
	free(out);
	/* An uplink that nobody listens to at the other end: it cannot be told. */
	places[HOST].n_links = 0;
	(void)run_probes(p, 2);
	IS(&p[0], UNTESTED);
	IS(&p[1], UNTESTED);
}

/* ---- what is broken
 * --------------------------------------------------------------------------------- */

/* All three from AAA, and BBB, to each other, and to CCC: who may not be called blocked? */
static void ask(struct nsn_wire_probe p[18])
{
	static const size_t pairs[][2] = {{AAA, BBB}, {BBB, AAA}, {AAA, CCC},
					  {CCC, AAA}, {AAA, TWO}, {BBB, CCC}};
	size_t i, k, n = 0;

	for (i = 0; i < 6; i++)
		for (k = 0; k < 3; k++)
			p[n++] = (struct nsn_wire_probe){.from = pairs[i][0],
							 .to = pairs[i][1],
							 .kind = (enum nsn_wire_kind)k,
							 .family = AF_INET};
	(void)run_probes(p, n);
}

static bool allowed(const struct nsn_wire_probe *p)
{
	if (p->to == TWO)
		return true;
	return (p->from == AAA && p->to == BBB && p->kind == NSN_WIRE_UDP) ||
	       (p->from == BBB && p->to == AAA && p->kind != NSN_WIRE_UDP);
}

static void go(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
	(void)close(fd);
}

/* What is permitted is never BLOCKED; what has to do with @not even is UNTESTED. */
static void never_blocked(const char *what, size_t not, bool all_delivered)
{
	struct nsn_wire_probe p[18];
	size_t i;

	ask(p);
	for (i = 0; i < 18; i++) {
		if ((allowed(&p[i]) && p[i].end == NSN_WIRE_BLOCKED) ||
		    (!allowed(&p[i]) && p[i].end == NSN_WIRE_DELIVERED) ||
		    (allowed(&p[i]) && all_delivered && p[i].end != NSN_WIRE_DELIVERED)) {
			print_error("%s: ", what);
			fail_probe(&p[i], "right", __FILE__, __LINE__);
		}
		if ((p[i].from == not || p[i].to == not ) && p[i].end == NSN_WIRE_BLOCKED) {
			print_error("%s: ", what);
			fail_probe(&p[i], "untested", __FILE__, __LINE__);
		}
	}
}

static void a_dead_network_is_not_isolation(void **state)
{
	(void)state;
	world_need();
	build();
	never_blocked("nothing", SIZE_MAX, true);
	RUN_STATUS(0, "ip", "-n", "bbb", "link", "set", "eth0", "down");
	never_blocked("link down inside", BBB, false);
	RUN_STATUS(0, "ip", "-n", "bbb", "link", "set", "eth0", "up");
	RUN_STATUS(0, "nsenter", "--net=/run/netns/ccc", "ip", "link", "set", "eth0", "name",
		   "eth9");
	never_blocked("another name inside", CCC, false);
	RUN_STATUS(0, "ip", "-n", "ccc", "link", "add", "eth0", "type", "veth", "peer", "name",
		   "p");
	RUN_STATUS(0, "ip", "-n", "ccc", "link", "set", "eth0", "up");
	RUN_STATUS(0, "ip", "-n", "ccc", "link", "set", "p", "up");
	never_blocked("another link of that name", CCC, false);
	free(lab_sh("nsenter --net=%s ip link set br0 down", places[GA].path));
	never_blocked("bridge down", AAA, false);
	free(lab_sh("nsenter --net=%s ip link set br0 up", places[GA].path));
	free(lab_sh("nsenter --net=%s ip link set %s down", places[GA].path, places[AAA].port));
	never_blocked("port down", AAA, false);
}

/* Drops all that comes in by eth0, before anybody sees it; as long as the descriptor is open. */
static int xdp_drop(const char *path)
{
	static const struct bpf_insn drop[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_DROP},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr load = {.prog_type = BPF_PROG_TYPE_XDP,
			       .insns = (uint64_t)(uintptr_t)drop,
			       .insn_cnt = 2,
			       .license = (uint64_t)(uintptr_t) "GPL"};
	union bpf_attr link = {
		.link_create = {.attach_type = BPF_XDP, .flags = XDP_FLAGS_SKB_MODE}};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), prog, fd;

	prog = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	assert_true(prog >= 0);
	go(path);
	link.link_create.prog_fd = (uint32_t)prog;
	link.link_create.target_ifindex = if_nametoindex("eth0");
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link));
	assert_true(fd >= 0);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(home);
	(void)close(prog);
	return fd;
}

/* What a tenant can do inside, where it is root, to be called isolated. */
static void a_tenant_that_blinds_the_ear(void **state)
{
	int fd;

	(void)state;
	world_need();
	build();
	fd = xdp_drop(places[BBB].path);
	never_blocked("XDP drops", BBB, false);
	(void)close(fd);
	never_blocked("XDP is gone", SIZE_MAX, true);
	free(lab_sh(
		"nsenter --net=/run/netns/bbb nft 'add table netdev t; add chain netdev t c { type "
		"filter hook ingress device eth0 priority -500; policy drop; }'"));
	never_blocked("ingress drops", SIZE_MAX, true);
	free(lab_sh(
		"tc -n bbb qdisc replace dev eth0 root tbf rate 8bit burst 100 latency 9s 2>&1; "
		"tc -n aaa qdisc add dev eth0 clsact 2>&1; tc -n aaa filter add dev eth0 egress "
		"matchall action drop 2>&1; true"));
	never_blocked("its own queue and egress", SIZE_MAX, true);
}

/* All that comes in is dealt out to all processors. */
static void everywhere(void)
{
	free(lab_sh("for n in %s %s %s /run/netns/aaa /run/netns/bbb /run/netns/ccc; do nsenter "
		    "--net=$n "
		    "unshare -m sh -c 'mount -t sysfs s /sys; for f in "
		    "/sys/class/net/*/queues/rx-*/rps_cpus; do echo 3 >$f; done'; done",
		    places[GA].path, places[GB].path, places[GC].path));
}

/*
 * Permitted ones, with no more in all than a tenant may open in a second (4,000), as each round is
 * a prober of its own; enough that queues are seldom empty; none may be BLOCKED. How many are
 * delivered.
 */
static size_t many_permitted(int times)
{
	enum { MANY = 1800 };
	static struct nsn_wire_probe many[MANY];
	struct nsn_wire_said said;
	size_t k, delivered = 0;

	while (times--) {
		for (k = 0; k < MANY; k++)
			many[k] = datagram(k % 2 ? AAA : TWO, BBB, 0);
		said = run_probes(many, MANY);
		for (k = 0; k < MANY; k++)
			if (many[k].end == NSN_WIRE_BLOCKED)
				fail_probe(&many[k], "delivered", __FILE__, __LINE__);
		assert_int_equal(said.delivered + said.untested, MANY);
		delivered += said.delivered;
	}
	return delivered;
}

/* One by one: what has just been sent is still on its way. */
static void one_by_one(int times)
{
	NSN_AUTO(nsn_wire_closep) struct nsn_wire *w = NULL;
	struct nsn_wire_probe p;
	struct nsn_wire_said said;

	OK(nsn_wire_open(&w, places, PLACES, &err));
	while (times--) {
		p = datagram(AAA, BBB, 0);
		OK(nsn_wire_run(w, &p, 1, NULL, &said, &err));
		IS(&p, DELIVERED);
	}
}

static void many_processors(void **state)
{
	(void)state;
	world_need();
	build();
	everywhere();
	never_blocked("RPS", SIZE_MAX, true);
	one_by_one(400);
	assert_true(many_permitted(3) > 0);
}

static void a_flood_makes_nothing_blocked(void **state)
{
	struct frame f = {0};
	char mac[NSN_MAC_STRLEN], own[NSN_MAC_STRLEN];
	pid_t flood[2];
	int i, tap;

	(void)state;
	world_need();
	build();
	frame_eth(&f, nsn_mac_str(&places[CCC].gateway_mac, mac),
		  nsn_mac_str(&places[CCC].mac, own), 0x0800);
	frame_ipv4(&f, "10.3.0.2", "10.3.0.1", IPPROTO_UDP, NULL, 0);
	frame_udp(&f, 1000, 2000);
	frame_finish(&f);
	for (i = 0; i < 2; i++) {
		flood[i] = fork();
		assert_true(flood[i] >= 0);
		if (flood[i] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			go(places[CCC].path);
			tap = tap_open("eth0");
			for (;;)
				(void)!send(tap, f.bytes, f.len, 0);
		}
	}
	for (i = 0; i < 4; i++)
		never_blocked("flood", SIZE_MAX, true);
	everywhere();
	for (i = 0; i < 4; i++)
		never_blocked("flood with RPS", SIZE_MAX, false);
	print_message("%zu of 7200 delivered\n", many_permitted(4));
	for (i = 0; i < 2; i++) {
		(void)kill(flood[i], SIGKILL);
		(void)waitpid(flood[i], NULL, 0);
	}
}

/* ---- what it finds, what others see of it, and what it leaves
 * ------------------------------------- */

static const char hole[] = "insert rule inet nsnet admit udp dport 46053 meta mark set 0x5 accept";

static void a_hole_is_found(void **state)
{
	struct nsn_wire_probe p[2];

	(void)state;
	world_need();
	build();
	p[0] = datagram(AAA, BBB, 46053);
	p[1] = datagram(AAA, BBB, 46054);
	(void)run_probes(p, 2);
	IS(&p[0], BLOCKED);
	IS(&p[1], BLOCKED);
	free(lab_sh("nsenter --net=%s nft '%s'; nsenter --net=%s nft '%s'", places[GA].path, hole,
		    places[GB].path, hole));
	(void)run_probes(p, 2);
	IS(&p[0], DELIVERED);
	IS(&p[1], BLOCKED);
}

/* A frame that somebody else made: a prover's witness. */
static void a_given_frame_is_sent(void **state)
{
	char to[NSN_MAC_STRLEN], from[NSN_MAC_STRLEN];
	struct frame f[2] = {{{0}}};
	struct nsn_wire_probe p[2];
	int i;

	(void)state;
	world_need();
	build();
	for (i = 0; i < 2; i++) {
		frame_eth(&f[i], nsn_mac_str(&places[AAA].gateway_mac, to),
			  nsn_mac_str(&places[AAA].mac, from), 0x0800);
		frame_ipv4(&f[i], "10.1.0.2", "10.2.0.2", IPPROTO_UDP, NULL, 0);
		frame_udp(&f[i], 30000, i ? 50000 : 46000);
		p[i] = (struct nsn_wire_probe){.from = AAA,
					       .to = BBB,
					       .kind = NSN_WIRE_UDP,
					       .raw = f[i].bytes,
					       .raw_len = f[i].len};
	}
	(void)run_probes(p, 2);
	IS(&p[0], BLOCKED);
	IS(&p[1], DELIVERED);
	assert_int_equal(p[1].seen_at, BBB);
}

/* By a socket that the prober knows nothing of: to which ports something came. */
static void a_witness_gets_the_same(void **state)
{
	struct nsn_wire_probe p[3];
	uint8_t b[2048];
	int fd, home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), came[3] = {0};
	ssize_t n;
	size_t i;

	(void)state;
	world_need();
	build();
	go(places[BBB].path);
	fd = raw_open(AF_INET, IPPROTO_UDP);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	p[0] = datagram(AAA, BBB, 50000);
	p[1] = datagram(AAA, BBB, 46000);
	p[2] = datagram(CCC, BBB, 50001);
	(void)run_probes(p, 3);
	while ((n = recv(fd, b, sizeof(b), MSG_DONTWAIT)) > 0)
		for (i = 0; i < 3; i++)
			came[i] += n > 28 && p[i].dport == (b[22] << 8 | b[23]) &&
				   memcmp(b + 12, places[p[i].from].ip.bytes, 4) == 0;
	for (i = 0; i < 3; i++) {
		assert_int_equal(came[i], i == 0);
		assert_int_equal(p[i].end, i == 0 ? NSN_WIRE_DELIVERED : NSN_WIRE_BLOCKED);
	}
	(void)close(fd);
	(void)close(home);
}

static char *inside(const char *ns)
{
	return lab_sh(
		"ip -n %s neigh; ip -n %s -6 neigh; ip -n %s route; ip -n %s -6 route; ip -n %s "
		"addr; nsenter --net=/run/netns/%s cat /proc/sys/net/netfilter/nf_conntrack_count",
		ns, ns, ns, ns, ns, ns);
}

/* A stream of a tenant's, and all that it has in its namespace. */
static void nobody_is_harmed(void **state)
{
	const struct sockaddr_in at = {.sin_family = AF_INET,
				       .sin_port = htons(5000),
				       .sin_addr.s_addr = htonl(0x0a020002)};
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), srv, cli, conn, i;
	struct nsn_wire_probe p[NSN_WIRE_KINDS_N * 4];
	char text[512], *before, *after;
	size_t n;

	(void)state;
	world_need();
	build();
	NSNET_STATUS(0, "-q", "allow", "aaa", "bbb", "tcp/5000", "--because", "test");
	go(places[BBB].path);
	srv = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(srv, (const void *)&at, sizeof(at)), 0);
	assert_int_equal(listen(srv, 4), 0);
	go(places[AAA].path);
	cli = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(cli, (const void *)&at, sizeof(at)), 0);
	conn = accept(srv, NULL, NULL);
	assert_true(conn >= 0);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	before = inside("bbb");
	memset(text, 'x', sizeof(text));
	for (i = 0; i < 5; i++) {
		assert_int_equal(send(cli, text, sizeof(text), 0), sizeof(text));
		n = add_kinds(p, AAA, BBB, NULL, NULL);
		n += add_kinds(p + n, CCC, BBB, NULL, NULL);
		(void)run_probes(p, n);
		assert_int_equal(recv(conn, text, sizeof(text), MSG_WAITALL), sizeof(text));
	}
	/* Nobody who listens was spoken to, either. */
	assert_int_equal(fcntl(srv, F_SETFL, O_NONBLOCK), 0);
	assert_true(accept(srv, NULL, NULL) < 0);
	after = inside("bbb");
	assert_string_equal(before, after);
	free(before);
	free(after);
	(void)close(cli);
	(void)close(conn);
	(void)close(srv);
	(void)close(home);
}

/* A namespace that is not the one that was meant is not sent into. */
static void who_is_gone_is_not_tested(void **state)
{
	struct nsn_wire_probe p[2];

	(void)state;
	world_need();
	build();
	places[BBB].inode++;
	p[0] = datagram(AAA, BBB, 0);
	p[1] = datagram(BBB, AAA, 0);
	(void)run_probes(p, 2);
	IS(&p[0], UNTESTED);
	IS(&p[1], UNTESTED);
	LAB_HAS(p[0].why ? p[0].why : "", "not there any more");
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(representatives),
		TEST(every_kind),
		TEST(nothing_harmful),
		TEST(gateways_and_the_host),
		TEST(beyond_the_machine),
		TEST(a_dead_network_is_not_isolation),
		TEST(a_tenant_that_blinds_the_ear),
		TEST(many_processors),
		TEST(a_flood_makes_nothing_blocked),
		TEST(a_hole_is_found),
		TEST(a_given_frame_is_sent),
		TEST(a_witness_gets_the_same),
		TEST(nobody_is_harmed),
		TEST(who_is_gone_is_not_tested),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
