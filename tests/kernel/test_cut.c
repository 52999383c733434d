/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "../lib/lab.h"
#include "../lib/packet.h"
#include "../lib/world.h"

/*
 * `tenant del`, `endpoint del` and `tenant set inside=deny` have cut before they
 * return: a process that is still inside, on either end, is no longer heard at
 * the other. What arrives is counted with the time at which it arrived, and
 * compared with the time of the return.
 *
 * Other gateways are being freed meanwhile, because then the kernel takes its
 * time: whoever only drops references is still heard for seconds.
 */
#define OTHERS 100

/* Shared with the children. */
struct counts {
	uint64_t sent, refused, received;
	int64_t last_ns; /* when the latest frame arrived */
	int ready;
};

/* One end of a flow, and what it is called there. */
struct end {
	const char *ns, *link, *ip;
};

struct flow {
	struct end from, to;
	struct frame frame; /* each one is the same */
	struct counts *n;
	pid_t sender, receiver;
};

static int64_t realtime_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* A socket inside @ns on @link; it works on when the namespace has lost its name. */
static int packet_socket(const char *ns, const char *link, char mac[18])
{
	struct sockaddr_ll addr = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(ns, O_RDONLY | O_CLOEXEC);
	struct ifreq req = {0};
	const unsigned char *b = (const unsigned char *)req.ifr_hwaddr.sa_data;
	int sk;

	assert_true(home >= 0 && there >= 0);
	assert_int_equal(setns(there, CLONE_NEWNET), 0);
	sk = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_IP));
	assert_true(sk >= 0);
	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", link);
	assert_int_equal(ioctl(sk, SIOCGIFHWADDR, &req), 0);
	(void)snprintf(mac, 18, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
		       b[5]);
	addr.sll_ifindex = (int)if_nametoindex(link);
	assert_int_equal(bind(sk, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)close(home);
	(void)close(there);
	return sk;
}

/*
 * What every rule lets through before the cut: IPv4 from the sender's own
 * addresses to the receiver's, to the port that answers nobody.
 */
static void make_frame(struct flow *f, const char *src, const char *dst)
{
	f->frame = (struct frame){0};
	frame_eth(&f->frame, dst, src, ETH_P_IP);
	frame_ipv4(&f->frame, f->from.ip, f->to.ip, IPPROTO_UDP, NULL, 0);
	frame_udp(&f->frame, 9, 9);
	frame_finish(&f->frame);
}

/* Tries for ever, whatever the answer. */
static void send_all(int sk, const struct frame *frame, struct counts *n)
{
	for (unsigned int i = 1;; i++) {
		if (send(sk, frame->bytes, frame->len, MSG_DONTWAIT) < 0)
			__atomic_add_fetch(&n->refused, 1, __ATOMIC_RELAXED);
		else
			__atomic_add_fetch(&n->sent, 1, __ATOMIC_RELAXED);
		/*
		 * A rate, some 20,000 per second. A flood would keep the processors from
		 * RCU callbacks, for which the kernel waits, with all links locked, as it
		 * frees each of the bridges: the whole machine would stand still.
		 */
		if (i % 32 == 0)
			(void)poll(NULL, 0, 1);
	}
}

static void receive_all(int sk, const struct frame *frame, struct counts *n)
{
	char control[CMSG_SPACE(sizeof(struct timespec))], data[sizeof(frame->bytes)];
	struct iovec iov = {data, sizeof(data)};
	struct timespec ts;

	for (;;) {
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control,
				     .msg_controllen = sizeof(control)};
		struct cmsghdr *c;

		/* ENETDOWN is told once; and of what is sent there the socket hears, too. */
		if (recvmsg(sk, &msg, 0) != (ssize_t)frame->len ||
		    memcmp(data, frame->bytes, frame->len) != 0)
			continue;
		c = CMSG_FIRSTHDR(&msg);
		if (!c || c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		__atomic_store_n(&n->last_ns, (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec,
				 __ATOMIC_RELAXED);
		__atomic_add_fetch(&n->received, 1, __ATOMIC_RELAXED);
	}
}

static bool has_started(void *ctx)
{
	const struct flow *f = ctx;

	return __atomic_load_n(&f->n->received, __ATOMIC_RELAXED) > 1000;
}

/* Two children, one on each end; returns when frames arrive. */
static void start_flow(struct flow *f)
{
	char src[18], dst[18];
	int to = packet_socket(f->to.ns, f->to.link, dst);
	int from = packet_socket(f->from.ns, f->from.link, src), on = 1;

	make_frame(f, src, dst);
	assert_int_equal(setsockopt(to, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), 0);
	f->n = mmap(NULL, sizeof(*f->n), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->n, MAP_FAILED);
	f->receiver = fork();
	assert_true(f->receiver >= 0);
	if (f->receiver == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(from);
		receive_all(to, &f->frame, f->n);
	}
	f->sender = fork();
	assert_true(f->sender >= 0);
	if (f->sender == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(to);
		send_all(from, &f->frame, f->n);
	}
	(void)close(to);
	(void)close(from);
	assert_true(poll_until(has_started, f, 60000));
}

static void stop_flow(struct flow *f)
{
	lab_leave(f->sender);
	lab_leave(f->receiver);
	assert_int_equal(munmap(f->n, sizeof(*f->n)), 0);
}

struct later {
	const struct counts *n;
	uint64_t tries; /* so many more have been made */
};

static uint64_t tries(const struct counts *n)
{
	return __atomic_load_n(&n->sent, __ATOMIC_RELAXED) +
	       __atomic_load_n(&n->refused, __ATOMIC_RELAXED);
}

static bool has_tried(void *ctx)
{
	const struct later *l = ctx;

	return tries(l->n) >= l->tries;
}

/* Thousands of attempts after @since: did one arrive? */
static bool heard_after(const struct flow *f, int64_t since)
{
	struct later l = {.n = f->n, .tries = tries(f->n) + 5000};

	assert_true(poll_until(has_tried, &l, 60000));
	return __atomic_load_n(&f->n->last_ns, __ATOMIC_RELAXED) > since;
}

/* ---- the two ends --------------------------------------------------------------------- */

struct ends {
	char gateway[96], port[32];
};

static void find_ends(struct nsnet *n, const char *name, struct ends *e)
{
	struct nsnet_tenant *t = NULL;

	LAB_OK(nsnet_tenant_get(n, name, 0, &t, NULL));
	(void)snprintf(e->port, sizeof(e->port), "%s", nsnet_endpoint_port(t, 0));
	nsnet_tenant_free(t);
	(void)snprintf(e->gateway, sizeof(e->gateway), "%s", lab_gateway(n, name));
}

static void both_ways(struct flow f[2], struct end a, struct end b)
{
	f[0] = (struct flow){.from = a, .to = b};
	f[1] = (struct flow){.from = b, .to = a};
	start_flow(&f[0]);
	start_flow(&f[1]);
}

/* From eth0 to br0, and from br0 to eth0. */
static void with_gateway(struct flow f[2], const struct ends *e, const char *workload)
{
	both_ways(f, (struct end){workload, "eth0", "10.10.1.2"},
		  (struct end){e->gateway, "br0", "10.10.1.1"});
}

static void make_others(struct nsnet *n)
{
	char name[32];
	int i;

	for (i = 0; i < OTHERS; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		lab_add(n, name, "10.20.0.0/24", NSNET_CREATED);
	}
}

static void free_others(struct nsnet *n)
{
	char name[32];
	int i;

	for (i = 0; i < OTHERS; i++) {
		(void)snprintf(name, sizeof(name), "t%d", i);
		LAB_OK(nsnet_tenant_del(n, name, 0, NULL, NULL));
	}
}

static void nothing_arrives_once_del_has_returned(void **state)
{
	struct nsnet *n;
	struct flow f[2];
	struct ends e;
	int64_t began, returned;
	int i;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	find_ends(n, "blue", &e);
	make_others(n);
	with_gateway(f, &e, LAB_PIN_DIR "/blue");
	began = realtime_ns();
	free_others(n);
	/* The kernel is busy with those now, and until here nobody hindered these. */
	for (i = 0; i < 2; i++)
		assert_true(__atomic_load_n(&f[i].n->last_ns, __ATOMIC_RELAXED) > began);

	LAB_OK(nsnet_tenant_del(n, "blue", 0, NULL, NULL));
	returned = realtime_ns();
	for (i = 0; i < 2; i++)
		assert_false(heard_after(&f[i], returned));
	stop_flow(&f[0]);
	stop_flow(&f[1]);
	lab_nothing_left(n);
	nsnet_close(n);
}

/* The control: with the names gone, and nothing else, both ends still hear each other. */
static void dropping_the_pins_alone_would_not_cut(void **state)
{
	struct nsnet *n;
	struct flow f[2];
	struct ends e;
	int64_t dropped;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	find_ends(n, "blue", &e);
	with_gateway(f, &e, LAB_PIN_DIR "/blue");
	assert_int_equal(umount2(LAB_PIN_DIR "/blue", MNT_DETACH), 0);
	assert_int_equal(umount2(e.gateway, MNT_DETACH), 0);
	dropped = realtime_ns();
	assert_true(heard_after(&f[0], dropped));
	assert_true(heard_after(&f[1], dropped));
	stop_flow(&f[0]);
	stop_flow(&f[1]);
	lab_del(n, "blue");
	nsnet_close(n);
}

/* Who is inside the workload may do there what he likes; it does not bring the link back. */
static void the_workload_cannot_undo_the_cut(void **state)
{
	struct nsnet *n;
	struct flow f[2];
	struct ends e;
	char path[64];
	int64_t returned;
	pid_t inside;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	find_ends(n, "blue", &e);
	inside = lab_sit(LAB_PIN_DIR "/blue");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", inside);
	with_gateway(f, &e, path);
	LAB_OK(nsnet_tenant_del(n, "blue", 0, NULL, NULL));
	returned = realtime_ns();
	free(lab_sh("nsenter --net=%s ip link set eth0 down; nsenter --net=%s ip link set eth0 up",
		    path, path));
	assert_false(heard_after(&f[0], returned));
	assert_false(heard_after(&f[1], returned));
	stop_flow(&f[0]);
	stop_flow(&f[1]);
	lab_leave(inside);
	nsnet_close(n);
}

/* The rules alone, too: nothing comes in and nothing goes out where the port is up again. */
static void the_rules_of_a_cut_hold_without_the_link_being_down(void **state)
{
	struct nsnet *n;
	struct ends e;
	char in[64], gw[64], *rules;
	pid_t inside, at_gateway;

	(void)state;
	world_need();
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	find_ends(n, "blue", &e);
	inside = lab_sit(LAB_PIN_DIR "/blue");
	at_gateway = lab_sit(e.gateway);
	(void)snprintf(in, sizeof(in), "/proc/%d/ns/net", inside);
	(void)snprintf(gw, sizeof(gw), "/proc/%d/ns/net", at_gateway);
	assert_true(lab_ping(in, "10.10.1.1"));
	lab_del(n, "blue");
	rules = lab_sh("nsenter --net=%s sh -c 'ip link set %s up; nft list ruleset'", gw, e.port);
	LAB_HAS(rules, "chain cut_in");
	LAB_HAS(rules, "chain cut_out");
	LAB_HAS(rules, "chain cut {");
	free(rules);
	assert_false(lab_ping(in, "10.10.1.1"));
	/* Those of one table are enough; it was them. */
	free(lab_sh("nsenter --net=%s nft delete chain bridge nsnet cut", gw));
	assert_false(lab_ping(in, "10.10.1.1"));
	free(lab_sh("nsenter --net=%s nft 'flush chain inet nsnet cut_in;"
		    "delete chain inet nsnet cut_in; delete chain inet nsnet cut_out'",
		    gw));
	assert_true(lab_ping(in, "10.10.1.1"));
	lab_leave(inside);
	lab_leave(at_gateway);
	nsnet_close(n);
}

/* ---- between two endpoints -------------------------------------------------------------- */

#define APP                                                                                        \
	(struct end)                                                                               \
	{                                                                                          \
		LAB_PIN_DIR "/blue.app", "eth0", "10.10.1.2"                                       \
	}
#define DB                                                                                         \
	(struct end)                                                                               \
	{                                                                                          \
		LAB_PIN_DIR "/blue.db", "eth0", "10.10.1.3"                                        \
	}

static void add_two(struct nsnet *n)
{
	static const struct nsnet_endpoint_def two[] = {{.name = "app"}, {.name = "db"}};
	static const struct nsnet_tenant_def def = {
		.name = "blue", .subnet = "10.10.1.0/24", .endpoints = two, .n_endpoints = 2};

	LAB_OK(nsnet_tenants_add(n, &def, 1, 0, NULL, NULL));
}

static void del_db(struct nsnet *n)
{
	LAB_OK(nsnet_endpoint_del(n, "blue", "db", 0, NULL, NULL));
}

static void set_deny(struct nsnet *n)
{
	static const struct nsnet_setting deny = {.key = "inside", .value = "deny"};

	LAB_OK(nsnet_tenant_set(n, "blue", &deny, 1, 0, NULL, NULL));
}

/* The flow from app to the gateway is the control: only what was to be cut was. */
static void cuts_endpoints_from_each_other(void (*cut)(struct nsnet *n))
{
	struct nsnet *n = lab_open();
	struct flow f[2], up = {.from = APP};
	int64_t began, returned;
	struct ends e;
	int i;

	add_two(n);
	find_ends(n, "blue", &e);
	up.to = (struct end){e.gateway, "br0", "10.10.1.1"};
	make_others(n);
	both_ways(f, APP, DB);
	start_flow(&up);
	began = realtime_ns();
	free_others(n);
	for (i = 0; i < 2; i++)
		assert_true(__atomic_load_n(&f[i].n->last_ns, __ATOMIC_RELAXED) > began);

	cut(n);
	returned = realtime_ns();
	for (i = 0; i < 2; i++)
		assert_false(heard_after(&f[i], returned));
	assert_true(heard_after(&up, returned));
	stop_flow(&f[0]);
	stop_flow(&f[1]);
	stop_flow(&up);
	lab_del(n, "blue");
	lab_nothing_left(n);
	nsnet_close(n);
}

static void nothing_arrives_once_endpoint_del_has_returned(void **state)
{
	(void)state;
	world_need();
	cuts_endpoints_from_each_other(del_db);
}

static void nothing_arrives_once_inside_is_denied(void **state)
{
	(void)state;
	world_need();
	cuts_endpoints_from_each_other(set_deny);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, world_setup)
	const struct CMUnitTest tests[] = {
		T(nothing_arrives_once_del_has_returned),
		T(dropping_the_pins_alone_would_not_cut),
		T(the_workload_cannot_undo_the_cut),
		T(the_rules_of_a_cut_hold_without_the_link_being_down),
		T(nothing_arrives_once_endpoint_del_has_returned),
		T(nothing_arrives_once_inside_is_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
