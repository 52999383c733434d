// SPDX-License-Identifier: GPL-2.0-or-later
#include "lanes.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "lab.h"
#include "world.h"

/* A socket in a namespace that this process is not in, and the address of its link. */
static int socket_inside(const char *netns, const char *link, char mac[32])
{
	int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int there = open(netns, O_RDONLY | O_CLOEXEC), fd, big = 1 << 22;
	char *text;

	assert_true(home >= 0 && there >= 0);
	assert_int_equal(setns(there, CLONE_NEWNET), 0);
	fd = tap_open(link);
	text = lab_sh("ip -o link show %s | sed 's/.*ether \\([0-9a-f:]*\\).*/\\1/'", link);
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	(void)snprintf(mac, 32, "%s", text);
	free(text);
	(void)close(home);
	(void)close(there);
	return fd;
}

static const char *path_of(const char *ns)
{
	static char path[64];

	(void)snprintf(path, sizeof(path), LAB_PIN_DIR "/%s", ns);
	return path;
}

static void make_frame(struct frame *f, const struct lane *l, uint8_t number, const char *own,
		       const char *gateway)
{
	bool six = strchr(l->from, ':');

	*f = (struct frame){0};
	frame_eth(f, gateway, own, six ? ETH_P_IPV6 : ETH_P_IP);
	if (six)
		frame_ipv6(f, l->from, l->to, IPPROTO_UDP);
	else
		frame_ipv4(f, l->from, l->to, IPPROTO_UDP, NULL, 0);
	frame_udp(f, 40000, l->port);
	/* By this it is known at the other end, whatever was made of its addresses. */
	frame_bytes(f, &number, 1);
	frame_finish(f);
}

void lanes_open(struct lanes *l, struct nsnet *n, const struct lane *of, int count)
{
	char own[32], gateway[32], other[32];

	assert_true(count <= LANES_MAX);
	*l = (struct lanes){.of = of, .n = count};
	for (int i = 0; i < count; i++) {
		int fd = socket_inside(lab_gateway(n, of[i].tenant), "br0", gateway);

		(void)close(fd);
		l->from[i] = socket_inside(path_of(of[i].ns), "eth0", own);
		l->to[i] = socket_inside(path_of(of[i].at), "eth0", other);
		make_frame(&l->frame[i], &of[i], (uint8_t)i, own, gateway);
	}
}

void lanes_close(struct lanes *l)
{
	for (int i = 0; i < l->n; i++) {
		(void)close(l->from[i]);
		(void)close(l->to[i]);
	}
}

void lanes_send(struct lanes *l)
{
	for (int i = 0; i < l->n; i++)
		l->sent[i] +=
			send(l->from[i], l->frame[i].bytes, l->frame[i].len, MSG_DONTWAIT) > 0;
}

static void receive(struct lanes *l, int lane)
{
	static const size_t mark = sizeof(PACKET_MARK) - 1;
	uint8_t data[512];
	ssize_t n;

	for (;;) {
		const uint8_t *at;

		n = recv(l->to[lane], data, sizeof(data), MSG_DONTWAIT);
		/* ENETDOWN is told once. */
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 24)
			continue;
		/* An error quotes it: somebody answers there, to a port where nobody is. */
		if (data[strchr(l->of[lane].to, ':') ? 20 : 23] != IPPROTO_UDP)
			continue;
		at = memmem(data, (size_t)n, PACKET_MARK, mark);
		if (at > data && at[-1] == lane)
			l->arrived[lane]++;
	}
}

void lanes_receive(struct lanes *l)
{
	for (int i = 0; i < l->n; i++)
		receive(l, i);
}

void lanes_forget(struct lanes *l)
{
	lanes_receive(l);
	memset(l->sent, 0, sizeof(l->sent));
	memset(l->arrived, 0, sizeof(l->arrived));
}

void lanes_only(struct lanes *l, unsigned int allowed, const char *what)
{
	lanes_receive(l);
	for (int i = 0; i < l->n; i++)
		if (l->arrived[i] > 0 && !(allowed & (1U << i)))
			fail_msg("%s: %llu forbidden frames to %s, port %d, arrived", what,
				 (unsigned long long)l->arrived[i], l->of[i].to, l->of[i].port);
}

struct wanted {
	struct lanes *l;
	unsigned int allowed;
};

static bool these_arrive(void *arg)
{
	const struct wanted *w = arg;

	lanes_send(w->l);
	lanes_receive(w->l);
	for (int i = 0; i < w->l->n; i++)
		if ((w->allowed & (1U << i)) && w->l->arrived[i] == 0)
			return false;
	return true;
}

void lanes_exactly(struct lanes *l, unsigned int allowed, const char *what)
{
	struct wanted w = {.l = l, .allowed = allowed};

	lanes_forget(l);
	if (!poll_until(these_arrive, &w, 5000))
		fail_msg("%s: not all that is allowed arrives", what);
	lanes_only(l, allowed, what);
}
