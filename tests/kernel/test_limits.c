/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/base/text.h"
#include "../../lib/kernel/conntrack.h"
#include "../../lib/nl/nl.h"
#include "../lib/lab.h"
#include "../lib/packet.h"
#include "../lib/world.h"

/*
 * Limits of connections across a border: two clients of one shared service, with real
 * sockets over both families. What a gateway has let through it remembers, and says
 * how many these are.
 */

/* The call must succeed; it gets `why` as its error object. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		struct nsnet_err why_ = {0}, *why = &why_;                                         \
		lab_ok((call), why, #call, __FILE__, __LINE__);                                    \
	} while (0)

#define APP  LAB_PIN_DIR "/customer1.app"
#define WORK LAB_PIN_DIR "/customer1.worker"
#define TWO  LAB_PIN_DIR "/customer2.app"
#define DNS  LAB_PIN_DIR "/shared.dns"

/* Of the service: somebody takes what comes, nobody looks at it, no rule leads there. */
enum { OPEN = 7000, DEAF = 7001, SHUT = 7002 };

static const struct nsnet_endpoint_def of_customer[] = {{.name = "app"}, {.name = "worker"}};
static const struct nsnet_endpoint_def of_shared[] = {
	{.name = "dns", .ip = "10.10.250.53", .ip6 = "fd00:10:250::53"}};
#define SERVICE4 "10.10.250.53"
#define SERVICE6 "fd00:10:250::53"

static struct nsnet *the;
static struct nsn_arena mem;
static char gateways[3][96];
enum { CUSTOMER1, CUSTOMER2, SHARED };

/* ---- sockets --------------------------------------------------------------------------- */

static int home = -1;

static void go(const char *netns)
{
	int fd = netns ? open(netns, O_RDONLY | O_CLOEXEC) : home;

	assert_true(fd >= 0);
	assert_int_equal(setns(fd, CLONE_NEWNET), 0);
	if (netns)
		(void)close(fd);
}

static socklen_t service(struct sockaddr_storage *to, bool six, uint16_t port)
{
	struct sockaddr_in *v4 = (void *)to;
	struct sockaddr_in6 *v6 = (void *)to;

	memset(to, 0, sizeof(*to));
	if (six) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, SERVICE6, &v6->sin6_addr), 1);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, SERVICE4, &v4->sin_addr), 1);
	return sizeof(*v4);
}

/*
 * The listener of DEAF has no room for connections: who opens one waits for an answer. The
 * kernel itself takes those of OPEN.
 */
static void serve(void)
{
	struct sockaddr_storage at;
	int i;

	go(DNS);
	for (i = 0; i < 8; i++) {
		const bool six = i & 1, udp = i & 2, deaf = i & 4;
		const socklen_t len = service(&at, six, deaf ? DEAF : OPEN);
		int fd = socket(at.ss_family, udp ? SOCK_DGRAM : SOCK_STREAM, 0), one = 1;

		assert_true(fd >= 0);
		if (six)
			assert_int_equal(
				setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), 0);
		assert_int_equal(bind(fd, (void *)&at, len), 0);
		if (!udp)
			assert_int_equal(listen(fd, deaf ? 0 : 4096), 0);
	}
	go(NULL);
}

struct sockets {
	int fds[4096];
	size_t n;
};

static void shut_all(struct sockets *s)
{
	while (s->n > 0)
		(void)close(s->fds[--s->n]);
}

/* Begins one connection of a kind: 0 to 3, over IPv4 and IPv6, TCP and UDP. Does not wait. */
static void begin(struct sockets *s, unsigned int kind, uint16_t port)
{
	struct sockaddr_storage to;
	const socklen_t len = service(&to, kind & 1, port);
	int fd = socket(to.ss_family, (kind & 2 ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && s->n < NSN_COUNT(s->fds));
	if (connect(fd, (void *)&to, len) < 0)
		assert_int_equal(errno, EINPROGRESS);
	if (kind & 2)
		(void)!send(fd, "?", 1, 0);
	s->fds[s->n++] = fd;
}

/* So many, of all four kinds in turn. */
static void begin_many(struct sockets *s, const char *from, size_t n, uint16_t port)
{
	size_t i;

	go(from);
	for (i = 0; i < n; i++)
		begin(s, i % 4, port);
	go(NULL);
}

/* Whether a TCP connection gets there within so many ms; the kernel tries again after one second.
 */
static bool connects(const char *from, bool six, int ms)
{
	struct sockets s = {.n = 0};
	struct pollfd p = {.events = POLLOUT};
	int error = 0;
	socklen_t len = sizeof(error);
	bool there;

	go(from);
	begin(&s, six, OPEN);
	go(NULL);
	p.fd = s.fds[0];
	there = poll(&p, 1, ms) == 1 && getsockopt(p.fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
		error == 0;
	shut_all(&s);
	return there;
}

/* ---- gateways -------------------------------------------------------------------------- */

static unsigned int number(char *text)
{
	unsigned int n = (unsigned int)strtoul(text, NULL, 10);

	free(text);
	return n;
}

/* Connections that a gateway remembers. */
static unsigned int remembered(int tenant)
{
	return number(lab_sh("nsenter --net=%s cat /proc/sys/net/netfilter/nf_conntrack_count",
			     gateways[tenant]));
}

static unsigned int dropped(int tenant, const char *why)
{
	return number(lab_sh("nsenter --net=%s nft list counter inet nsnet nsnet_drop_%s | "
			     "sed -n 's/.*packets \\([0-9]*\\).*/\\1/p'",
			     gateways[tenant], why));
}

/* How many elements packets have made. */
static unsigned int elements(int tenant, const char *set)
{
	return number(lab_sh("nsenter --net=%s nft -j list set inet nsnet %s | python3 -c '"
			     "import json, sys; print(sum(len(o[\"set\"].get(\"elem\", [])) "
			     "for o in json.load(sys.stdin)[\"nftables\"] if \"set\" in o))'",
			     gateways[tenant], set));
}

/* As if all of them were over. */
static void forget(int tenant)
{
	struct nsn_nl *nl = NULL;

	go(gateways[tenant]);
	OK(nsn_nl_open(&nl, NETLINK_NETFILTER, why));
	go(NULL);
	OK(nsn_conntrack_flush(nl, 0, 0, why));
	nsn_nl_close(nl);
	assert_int_equal(remembered(tenant), 0);
}

static void set(const char *tenant, const char *key, const char *value)
{
	const struct nsnet_setting one = {.key = key, .value = value};

	OK(nsnet_tenant_set(the, tenant, &one, 1, 0, NULL, why));
}

/* TCP and UDP, and pings. */
static void allow(const char *name, const char *from, const char *to, const char *ports)
{
	const char *list[] = {nsn_arena_printf(&mem, "tcp/%s", ports),
			      nsn_arena_printf(&mem, "udp/%s", ports), "icmp"};
	const struct nsnet_rule_def def = {.name = name,
					   .from = &from,
					   .n_from = 1,
					   .to = &to,
					   .n_to = 1,
					   .ports = list,
					   .n_ports = NSN_COUNT(list),
					   .because = "a test"};

	OK(nsnet_rule_add(the, &def, 0, NULL, why));
}

/* Nothing that packets make is drift, and what an operator saves can be loaded. */
static void nothing_to_do(int tenant)
{
	struct nsnet_change *c = NULL;
	struct nsnet_step step;

	OK(nsnet_repair(the, NULL, NSNET_DRY_RUN, &c, why));
	if (nsnet_change_items(c) && nsnet_change_steps(c, 0)) {
		nsnet_change_step(c, 0, 0, &step);
		fail_msg("%s %s %s", step.op, step.where, step.text);
	}
	nsnet_change_free(c);
	free(lab_sh("nsenter --net=%s nft list ruleset >/run/rules; grep -q nsnet_open /run/rules",
		    gateways[tenant]));
	free(lab_sh("nsenter --net=%s nft -c -f /run/rules", gateways[tenant]));
}

static const struct rlimit many = {8192, 8192};

static void build(const char *new_flows, const char *open_flows)
{
	const struct nsnet_tenant_def defs[] = {
		{.name = "customer1",
		 .subnet = "10.10.1.0/24",
		 .subnet6 = "fd00:10:1::/64",
		 .new_flows = new_flows,
		 .open_flows = open_flows,
		 .endpoints = of_customer,
		 .n_endpoints = 2},
		{.name = "customer2",
		 .subnet = "10.10.2.0/24",
		 .subnet6 = "fd00:10:2::/64",
		 .endpoints = of_customer,
		 .n_endpoints = 2},
		{.name = "shared",
		 .subnet = "10.10.250.0/24",
		 .subnet6 = "fd00:10:250::/64",
		 .endpoints = of_shared,
		 .n_endpoints = 1},
	};
	size_t i;

	(void)setrlimit(RLIMIT_NOFILE, &many);
	if (home >= 0)
		(void)close(home);
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(home >= 0);
	the = lab_open();
	OK(nsnet_tenants_add(the, defs, NSN_COUNT(defs), 0, NULL, why));
	allow("one", "customer1", "shared/dns", "7000-7001");
	for (i = 0; i < NSN_COUNT(defs); i++)
		(void)snprintf(gateways[i], sizeof(gateways[i]), "%s",
			       lab_gateway(the, defs[i].name));
	serve();
	/* Links carry frames a moment after they came up. */
	for (i = 0; i < 4; i++)
		assert_true(connects(i & 1 ? WORK : APP, i & 2, 10000));
}

static void end(void)
{
	nsnet_close(the);
	the = NULL;
	nsn_arena_free(&mem);
}

/* ---- new ones -------------------------------------------------------------------------- */

static void new_connections_are_limited_for_each_endpoint(void **state)
{
	struct sockets s = {.n = 0};
	unsigned int before, there, refused;
	double since;

	(void)state;
	world_need();
	build("100", "none");
	before = remembered(CUSTOMER1);
	(void)poll(NULL, 0, 1100); /* its bucket is full again */
	since = now_ms();
	begin_many(&s, APP, 600, DEAF);
	there = remembered(CUSTOMER1) - before;
	refused = dropped(CUSTOMER1, "new");
	/* A bucket and what came into it since; SYNs are sent again. */
	assert_true(there >= 95);
	assert_true(there <= 100 + (now_ms() - since) / 1000 * 100 + 1);
	assert_true(refused >= 600 - there);
	/* It is all of one endpoint: the other has its own. */
	assert_true(connects(WORK, false, 900));
	assert_true(connects(WORK, true, 900));
	nothing_to_do(CUSTOMER1);
	/* Nothing of the rest got anywhere. */
	assert_true(remembered(SHARED) <= remembered(CUSTOMER1) + before);
	shut_all(&s);
	(void)poll(NULL, 0, 1100);
	assert_true(connects(APP, false, 900));
	set("customer1", "new-flows", "none");
	refused = dropped(CUSTOMER1, "new");
	begin_many(&s, APP, 600, DEAF);
	assert_int_equal(dropped(CUSTOMER1, "new"), refused);
	shut_all(&s);
	end();
}

/* ---- open ones ------------------------------------------------------------------------- */

static bool no_elements(void *unused)
{
	(void)unused;
	return elements(CUSTOMER1, "nsnet_open") == 0;
}

static void open_connections_are_limited_for_each_endpoint(void **state)
{
	struct sockets s = {.n = 0};

	(void)state;
	world_need();
	build("none", "64");
	forget(CUSTOMER1);
	assert_true(poll_until(no_elements, NULL, 15000));
	begin_many(&s, APP, 400, DEAF);
	/* By turns: it is met to the last one. */
	assert_int_equal(remembered(CUSTOMER1), 64);
	assert_true(dropped(CUSTOMER1, "open") >= 400 - 64);
	assert_int_equal(elements(CUSTOMER1, "nsnet_open"), 2);
	assert_false(connects(APP, false, 2500));
	assert_true(connects(WORK, false, 900));
	assert_true(connects(WORK, true, 900));
	nothing_to_do(CUSTOMER1);
	/* When they are over there is room, and nothing is kept of them. */
	shut_all(&s);
	forget(CUSTOMER1);
	assert_true(connects(APP, true, 3000));
	forget(CUSTOMER1);
	assert_true(poll_until(no_elements, NULL, 15000));
	end();
}

/* What was counted stays counted when the limit is another one, or the rules of anybody. */
static void a_connection_is_counted_once(void **state)
{
	struct sockets s = {.n = 0};
	size_t i, k;

	(void)state;
	world_need();
	build("20", "32");
	forget(CUSTOMER1);
	assert_true(poll_until(no_elements, NULL, 15000));
	(void)poll(NULL, 0, 1100);
	begin_many(&s, APP, 20, DEAF);
	assert_int_equal(remembered(CUSTOMER1), 20);
	/*
	 * Ten generations: all are looked up again, while their next packets say that they
	 * are new ones, as nobody has answered.
	 */
	for (k = 0; k < 10; k++) {
		allow("two", "customer1/worker", "customer2", "80");
		OK(nsnet_rule_del(the, "two", 0, NULL, why));
		for (i = 0; i < s.n; i++)
			(void)!send(s.fds[i], "?", 1, 0);
	}
	assert_int_equal(remembered(CUSTOMER1), 20);
	assert_int_equal(dropped(CUSTOMER1, "new"), 0);
	set("customer1", "new-flows", "none");
	begin_many(&s, APP, 100, DEAF);
	assert_int_equal(remembered(CUSTOMER1), 32);
	/* Twice as many: there is one share more, and that of before is full. */
	set("customer1", "open-flows", "64");
	begin_many(&s, APP, 400, DEAF);
	assert_int_equal(remembered(CUSTOMER1), 64);
	set("customer1", "open-flows", "none");
	begin_many(&s, APP, 100, DEAF);
	assert_true(remembered(CUSTOMER1) >= 164);
	nothing_to_do(CUSTOMER1);
	shut_all(&s);
	end();
}

/* ---- pings ----------------------------------------------------------------------------- */

/* An echo request of an identifier of its own: to conntrack, a connection. */
static void ping(bool six, uint16_t id)
{
	struct sockaddr_storage to;
	const socklen_t len = service(&to, six, 0);
	struct icmphdr head = {.type = six ? 128 : ICMP_ECHO};
	int fd = socket(to.ss_family, SOCK_RAW, six ? IPPROTO_ICMPV6 : IPPROTO_ICMP);

	assert_true(fd >= 0);
	head.un.echo.id = htons(id);
	if (!six)
		head.checksum = (uint16_t) ~(head.type + head.un.echo.id);
	(void)!sendto(fd, &head, sizeof(head), 0, (void *)&to, len);
	(void)close(fd);
}

static void pings_are_connections_too(void **state)
{
	uint16_t i;

	(void)state;
	world_need();
	build("none", "32");
	forget(CUSTOMER1);
	assert_true(poll_until(no_elements, NULL, 15000));
	go(APP);
	for (i = 0; i < 100; i++)
		ping(i % 2, i);
	go(NULL);
	assert_int_equal(remembered(CUSTOMER1), 32);
	assert_int_equal(dropped(CUSTOMER1, "open"), 100 - 32);
	end();
}

/* ---- others ---------------------------------------------------------------------------- */

/* As fast as it can, until it is killed: opens what may be opened, and what may not. */
static pid_t flood(const char *from)
{
	struct sockets s = {.n = 0};
	unsigned int i;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	go(from);
	for (i = 0;; i++) {
		begin(&s, i % 4, i / 4 % 2 ? DEAF : SHUT);
		if (s.n == 2000)
			shut_all(&s);
	}
}

/* A flood at the limit: who stops is no worse off than before. */
static void nothing_is_left_of_what_was_too_much(void **state)
{
	pid_t pid;

	(void)state;
	world_need();
	build("none", "32");
	pid = flood(APP);
	(void)poll(NULL, 0, 2000);
	assert_true(remembered(CUSTOMER1) <= 32 + 8);
	lab_leave(pid);
	assert_true(dropped(CUSTOMER1, "open") > 1000);
	forget(CUSTOMER1);
	(void)poll(NULL, 0, 200);
	assert_true(connects(APP, false, 900));
	assert_true(connects(APP, true, 900));
	end();
}

static void who_floods_a_service_is_in_nobodys_way(void **state)
{
	unsigned int before, most = 0, of_one;
	double until;
	pid_t pid;
	int i;

	(void)state;
	world_need();
	build(NULL, NULL);
	/* Not about what others open here. */
	set("shared", "new-flows", "1");
	set("shared", "open-flows", "1");
	set("customer2", "new-flows", "200");
	set("customer2", "open-flows", "256");
	allow("two", "customer2", "shared/dns", "7000-7001");
	assert_true(connects(APP, false, 10000) && connects(TWO, true, 10000));
	forget(SHARED);
	before = remembered(SHARED);
	pid = flood(TWO);
	until = now_ms() + 4000;
	for (i = 0; now_ms() < until; i++) {
		const unsigned int now = remembered(SHARED);

		if (!connects(i % 2 ? APP : WORK, i % 4 / 2, 900))
			fail_msg("connection %d fails under a flood", i);
		most = now > most ? now : most;
	}
	of_one = remembered(CUSTOMER2);
	lab_leave(pid);
	print_message("%d connections of others, the service's gateway had %u at most, the "
		      "flood's own %u\n",
		      i, most, of_one);
	assert_true(i >= 20);
	/* All that is open, and those of customer1. */
	assert_true(of_one <= 256 + 8);
	assert_true(most <= before + 256 + (unsigned int)i + 8);
	assert_true(dropped(CUSTOMER2, "policy") > 100);
	assert_true(dropped(CUSTOMER2, "new") + dropped(CUSTOMER2, "open") > 100);
	assert_int_equal(dropped(CUSTOMER1, "new") + dropped(CUSTOMER1, "open"), 0);
	end();
}

static void what_is_denied_leaves_nothing_behind(void **state)
{
	struct sockets s = {.n = 0};
	unsigned int one, shared;

	(void)state;
	world_need();
	build(NULL, NULL);
	forget(CUSTOMER1);
	forget(SHARED);
	begin_many(&s, APP, 400, SHUT);
	one = remembered(CUSTOMER1);
	shared = remembered(SHARED);
	assert_true(dropped(CUSTOMER1, "policy") >= 400);
	assert_int_equal(one + shared, 0);
	/* A flood of it costs none of what may be opened. */
	assert_int_equal(dropped(CUSTOMER1, "new") + dropped(CUSTOMER1, "open"), 0);
	shut_all(&s);
	end();
}

/* ---- what it costs --------------------------------------------------------------------- */

enum { BLOCK = 1000, BLOCKS = 32 };

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * Microseconds of one more connection: of the first 4,000 and of the last of 32,000. A
 * packet has come through both gateways when it is sent. The median of four blocks.
 */
static void cost(const char *open_flows, double *first, double *last)
{
	static struct frame frames[BLOCK];
	double us[BLOCKS];
	char *mac, *gateway_mac;
	int fd, i, k;

	set("customer1", "open-flows", open_flows);
	forget(CUSTOMER1);
	forget(SHARED);
	mac = lab_sh("nsenter --net=%s ip -o link show eth0 | sed 's/.*ether \\([^ ]*\\).*/\\1/'",
		     APP);
	gateway_mac = lab_sh("nsenter --net=%s ip -o link show br0 | "
			     "sed 's/.*ether \\([^ ]*\\).*/\\1/'",
			     gateways[CUSTOMER1]);
	go(APP);
	fd = tap_open("eth0");
	go(NULL);
	for (k = 0; k < BLOCKS; k++) {
		for (i = 0; i < BLOCK; i++) {
			frames[i] = (struct frame){.len = 0};
			frame_eth(&frames[i], gateway_mac, mac, 0x0800);
			frame_ipv4(&frames[i], "10.10.1.2", SERVICE4, IPPROTO_UDP, NULL, 0);
			frame_udp(&frames[i], (uint16_t)(2000 + k * BLOCK + i), OPEN);
			frame_finish(&frames[i]);
		}
		us[k] = now_ms();
		for (i = 0; i < BLOCK; i++)
			tap_send(fd, &frames[i]);
		us[k] = (now_ms() - us[k]) * 1000 / BLOCK;
	}
	(void)close(fd);
	free(mac);
	free(gateway_mac);
	assert_true(remembered(CUSTOMER1) >= BLOCK * BLOCKS - 64);
	qsort(us, 4, sizeof(*us), by_size);
	qsort(us + BLOCKS - 4, 4, sizeof(*us), by_size);
	*first = us[1];
	*last = us[BLOCKS - 3];
}

/* For `make bench`: machines are shared, so this is no test. */
static void what_one_more_costs(void **state)
{
	double first[2], last[2];

	(void)state;
	world_need();
	build("none", "none");
	cost("none", &first[0], &last[0]);
	cost("32768", &first[1], &last[1]);
	print_message("one more connection: %.1f us of the first 4,000, %.1f us at 32,000; without "
		      "a limit %.1f and %.1f us\n",
		      first[1], last[1], first[0], last[0]);
	end();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup(name, world_setup)
		T(new_connections_are_limited_for_each_endpoint),
		T(open_connections_are_limited_for_each_endpoint),
		T(a_connection_is_counted_once),
		T(pings_are_connections_too),
		T(nothing_is_left_of_what_was_too_much),
		T(who_floods_a_service_is_in_nobodys_way),
		T(what_is_denied_leaves_nothing_behind),
	};
	const struct CMUnitTest bench[] = {T(what_one_more_costs)};

	if (argc > 1 && strcmp(argv[1], "bench") == 0)
		return cmocka_run_group_tests_name("bench", bench, NULL, NULL);
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
