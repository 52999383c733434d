// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fence: frames by the loopback of a namespace of our own, one through the queue of each
 * processor. Which processor handles a frame is decided by its hash (RPS, on for this one link),
 * and told by the filter: it cuts a frame to a length that says where it ran.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/fd.h"
#include "parts.h"

enum {
	LO = 1,
	BASE = 64,
	CPUS = 1024,
	LONG = BASE + CPUS,
	TRIES = 64, /* flows for each processor, until it has one */
};

struct nsn_fence {
	int netns, mouth, ear;
	bool steered; /* by RPS; else the thread goes to each processor itself */
	cpu_set_t cpus;
	unsigned int n;
	uint16_t flow[CPUS];
	uint16_t turn;
	struct nsn_wire_key key;
};

NSN_CLEANUP(struct nsn_fence, nsn_fence_close)

uint64_t nsn_wire_now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- the loopback ------------------------------------------------------------------- */

/* The kernel takes what is sent here by a packet socket for a stranger's, with addresses of its
 * own. */
static void let_in(void)
{
	(void)nsn_file_write(AT_FDCWD, "/proc/sys/net/ipv4/conf/lo/route_localnet", "1");
	(void)nsn_file_write(AT_FDCWD, "/proc/sys/net/ipv4/conf/lo/accept_local", "1");
}

static int link_up(void)
{
	NSN_AUTO(nsn_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq q = {.ifr_name = "lo", .ifr_flags = IFF_UP};

	return fd < 0 || ioctl(fd, SIOCSIFFLAGS, &q) < 0 ? -errno : 0;
}

static int open_mouth(bool hear)
{
	const struct sockaddr_ll at = {.sll_family = AF_PACKET,
				       .sll_protocol = htons(hear ? ETH_P_IP : 0),
				       .sll_ifindex = LO};
	/* "This is ours, and this processor": what it returns is how much of it is kept. */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 2, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, LONG, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_CPU),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, BASE),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	const struct sock_fprog prog = {.len = NSN_COUNT(code), .filter = code};
	NSN_AUTO(nsn_closep) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 ||
	    (hear && setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0) ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	return NSN_TAKE_FD(fd);
}

/* A file system of /sys shows the network namespace in which it is mounted. Off: without a mask. */
static bool steer(bool on)
{
	NSN_AUTO(nsn_closep) int fs = fsopen("sysfs", FSOPEN_CLOEXEC), top = -1;
	const unsigned int cpus = (unsigned int)sysconf(_SC_NPROCESSORS_CONF), part = cpus % 32;
	char mask[CPUS / 4 + CPUS / 32 + 16] = "0";
	unsigned int words = (cpus + 31) / 32;
	size_t n = 0;

	if (fs < 0 || cpus == 0 || cpus > CPUS ||
	    fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return false;
	top = fsmount(fs, FSMOUNT_CLOEXEC,
		      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (top < 0)
		return false;
	for (; on && words; words--)
		n += (size_t)snprintf(mask + n, sizeof(mask) - n, n ? ",%08x" : "%x",
				      n || !part ? UINT32_MAX : (1U << part) - 1);
	return nsn_file_write(top, "class/net/lo/queues/rx-0/rps_cpus", mask) == 0;
}

static int set_up(struct nsn_fence *f)
{
	int r = link_up();

	if (r < 0)
		return r;
	let_in();
	f->ear = open_mouth(true);
	if (f->ear < 0)
		return f->ear;
	f->mouth = open_mouth(false);
	if (f->mouth < 0)
		return f->mouth;
	f->steered = steer(true);
	return 0;
}

/* ---- a frame for a processor ----------------------------------------------------------- */

static int throw(const struct nsn_fence *f, uint16_t flow, uint16_t turn)
{
	const struct sockaddr_ll to = {.sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_IP),
				       .sll_ifindex = LO,
				       .sll_halen = 6};
	uint8_t b[LONG] = {[12] = 0x08, [14] = 0x45, [22] = 1,	 [23] = IPPROTO_UDP,
			   [26] = 127,	[29] = 1,    [30] = 127, [33] = 1};

	nsn_wire_put16(b + 16, LONG - 14);
	nsn_wire_put16(b + 18, turn);
	nsn_wire_put16(b + 34, flow);
	nsn_wire_put16(b + 36, 9);
	nsn_wire_put16(b + 38, LONG - 34);
	return sendto(f->mouth, b, sizeof(b), 0, (const struct sockaddr *)&to, sizeof(to)) < 0
		       ? -errno
		       : 0;
}

/* One that has come: the processor it ran on, or -EAGAIN. */
static int catch (const struct nsn_fence *f, uint16_t *flow, uint16_t *turn)
{
	uint8_t b[LONG];
	const ssize_t n = recv(f->ear, b, sizeof(b), MSG_DONTWAIT);

	if (n < BASE)
		return n < 0 && errno == EAGAIN ? -EAGAIN : -EBADMSG;
	*turn = (uint16_t)(b[18] << 8 | b[19]);
	*flow = (uint16_t)(b[34] << 8 | b[35]);
	return (int)n - BASE;
}

static void short_wait(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)poll(&p, 1, 1);
}

/* Which flow goes to which processor. */
static void learn(struct nsn_fence *f)
{
	const uint64_t until = nsn_wire_now_us() + 200000;
	const unsigned int online = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	uint16_t flow, turn;
	unsigned int i = 0;
	int cpu;

	while (f->n < online && nsn_wire_now_us() < until) {
		if (i < online * TRIES)
			(void) throw(f, (uint16_t)(1024 + i++), 0);
		else
			short_wait(f->ear);
		while ((cpu = catch (f, &flow, &turn)) != -EAGAIN) {
			if (cpu < 0 || cpu >= CPUS || CPU_ISSET((size_t)cpu, &f->cpus))
				continue;
			CPU_SET((size_t)cpu, &f->cpus);
			f->flow[cpu] = flow;
			f->n++;
		}
	}
}

/* Where some cannot be steered to (isolcpus=), the thread goes to all of them itself. */
static void meet(struct nsn_fence *f)
{
	if (f->steered)
		learn(f);
	if (f->steered && f->n == (unsigned int)sysconf(_SC_NPROCESSORS_ONLN))
		return;
	(void)steer(false);
	f->steered = false;
	if (sched_getaffinity(0, sizeof(f->cpus), &f->cpus) < 0)
		CPU_ZERO(&f->cpus);
	f->n = (unsigned int)CPU_COUNT(&f->cpus);
}

int nsn_fence_open(struct nsn_fence **ret, struct nsn_home *home, const struct nsn_wire_key *k,
		   struct nsnet_err *err)
{
	NSN_AUTO(nsn_fence_closep) struct nsn_fence *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return nsn_err_nomem(err);
	f->netns = f->mouth = f->ear = -1;
	f->key = *k;
	if (unshare(CLONE_NEWNET) < 0)
		return nsn_err_sys(err, -errno, "new network namespace");
	home->away = true;
	f->netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	r = f->netns < 0 ? -errno : set_up(f);
	if (r == 0)
		meet(f);
	if (r < 0)
		(void)nsn_err_sys(err, r, "a namespace of the prober's own");
	if (nsn_home_return(home, err) < 0)
		return -EIO;
	if (r < 0)
		return r;
	*ret = NSN_TAKE_PTR(f);
	return 0;
}

void nsn_fence_close(struct nsn_fence *f)
{
	if (!f)
		return;
	nsn_closep(&f->netns);
	nsn_closep(&f->mouth);
	nsn_closep(&f->ear);
	free(f);
}

/* ---- a pass ------------------------------------------------------------------------------ */

static void throw_to(struct nsn_fence *f, const cpu_set_t *missing)
{
	cpu_set_t before, one;
	size_t cpu;

	(void)sched_getaffinity(0, sizeof(before), &before);
	for (cpu = 0; cpu < CPUS; cpu++) {
		if (!CPU_ISSET(cpu, missing))
			continue;
		if (!f->steered) {
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			(void)sched_setaffinity(0, sizeof(one), &one);
		}
		(void) throw(f, f->flow[cpu], f->turn);
	}
	if (!f->steered)
		(void)sched_setaffinity(0, sizeof(before), &before);
}

static void take(struct nsn_fence *f, cpu_set_t *missing)
{
	uint16_t flow, turn;
	int cpu;

	while ((cpu = catch (f, &flow, &turn)) != -EAGAIN)
		if (cpu >= 0 && cpu < CPUS && turn == f->turn)
			CPU_CLR((size_t)cpu, missing);
}

/* A frame that does not come may have met a full queue: it is sent again. */
int nsn_fence_pass(struct nsn_fence *f, unsigned int cap_ms)
{
	const uint64_t until = nsn_wire_now_us() + (uint64_t)cap_ms * 1000;
	cpu_set_t missing = f->cpus;
	unsigned int spins = 0;

	if (f->n < (unsigned int)sysconf(_SC_NPROCESSORS_ONLN))
		return -ETIME;
	f->turn++;
	throw_to(f, &missing);
	for (;;) {
		take(f, &missing);
		if (CPU_COUNT(&missing) == 0)
			return 0;
		if (nsn_wire_now_us() >= until)
			return -ETIME;
		if (++spins < 200)
			continue;
		short_wait(f->ear);
		if (spins % 10 == 0)
			throw_to(f, &missing);
	}
}

/* ---- other things that only this namespace can tell ------------------------------------------ */

static bool send_lo(const struct nsn_fence *f, const struct nsn_wire_train *t, size_t i)
{
	const struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(t->f[i].family == AF_INET ? ETH_P_IP : ETH_P_IPV6),
		.sll_ifindex = LO,
		.sll_halen = 6};

	return sendto(f->mouth, t->f[i].bytes, t->f[i].len, 0, (const struct sockaddr *)&to,
		      sizeof(to)) == (ssize_t)t->f[i].len;
}

static bool came(const struct nsn_fence *f, int fd, uint32_t number)
{
	const uint64_t until = nsn_wire_now_us() + 200000;
	uint8_t b[NSN_WIRE_LONGEST];
	uint32_t got;
	ssize_t n;

	while (nsn_wire_now_us() < until) {
		n = recv(fd, b, sizeof(b), MSG_DONTWAIT);
		if (n < 0)
			short_wait(fd);
		else if (nsn_wire_stamped(&f->key, b, (size_t)n, &got) && got == number)
			return true;
	}
	return false;
}

bool nsn_fence_raw(struct nsn_fence *f, struct nsn_home *home, enum nsn_wire_kind k, uint8_t family,
		   uint8_t proto)
{
	struct nsn_wire_ask ask = {.kind = k,
				   .family = family,
				   .proto = proto,
				   .ttl = 64,
				   .sport = 40000,
				   .dport = 50000,
				   .id = 1};
	struct nsn_wire_train train, *t = &train;
	NSN_AUTO(nsn_closep) int fd = -1;
	size_t i;

	/* Spoofed, or to many: the same as one that is not, to who gets it in the end. */
	if (nsn_wire_kind_proto(k, family) == IPPROTO_UDP && k != NSN_WIRE_FRAGMENTS)
		ask.kind = NSN_WIRE_UDP;
	else if (nsn_wire_kind_floods(k) || nsn_wire_kind_link(k))
		ask.kind = NSN_WIRE_ICMP;
	ask.src.family = ask.dst.family = family;
	memcpy(ask.dst.bytes,
	       family == AF_INET ? "\x7f\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0"
				 : "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1",
	       16);
	ask.src = ask.dst;
	if (setns(f->netns, CLONE_NEWNET) < 0)
		return false;
	home->away = true;
	fd = nsn_ear_raw(&f->key, family, proto);
	if (nsn_home_return(home, NULL) < 0 || fd < 0 || nsn_wire_form(t, &ask, &f->key, 0))
		return false;
	for (i = 0; i < t->n; i++)
		if (!send_lo(f, t, i))
			return false;
	return came(f, fd, 0);
}

/* The second and third column of each processor's row; every network namespace shows the same. */
uint64_t nsn_fence_lost(void)
{
	char text[CPUS * 160], *line, *save = NULL;
	uint64_t lost = 0;
	char *at;

	if (nsn_file_read(AT_FDCWD, "/proc/net/softnet_stat", text, sizeof(text)) < 0)
		return UINT64_MAX;
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		(void)strtoul(line, &at, 16);
		lost += strtoul(at, NULL, 16);
	}
	return lost;
}
