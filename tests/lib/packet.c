// SPDX-License-Identifier: GPL-2.0-or-later
#include "packet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

void stay_on_one_processor(void)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0U : (unsigned int)cpu, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* ---- frames ---- */

static uint8_t *append(struct frame *f, size_t n)
{
	uint8_t *p = f->bytes + f->len;

	assert_true(f->len + n <= sizeof(f->bytes));
	memset(p, 0, n);
	f->len += n;
	return p;
}

static void put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static void put_mac(uint8_t *p, const char *text)
{
	struct ether_addr mac;

	assert_non_null(ether_aton_r(text, &mac));
	memcpy(p, &mac, sizeof(mac));
}

static void put_ip(uint8_t *p, int family, const char *text)
{
	assert_int_equal(inet_pton(family, text, p), 1);
}

void frame_bytes(struct frame *f, const void *data, size_t n)
{
	memcpy(append(f, n), data, n);
}

void frame_eth(struct frame *f, const char *dst, const char *src, uint16_t type)
{
	uint8_t *p = append(f, 14);

	put_mac(p, dst);
	put_mac(p + 6, src);
	put16(p + 12, type);
}

void frame_ipv4(struct frame *f, const char *src, const char *dst, uint8_t proto,
		const void *options, size_t n)
{
	uint8_t *p;

	f->ip = f->len;
	p = append(f, 20);
	p[0] = (uint8_t)(0x40 | (5 + n / 4));
	p[8] = 64;
	p[9] = proto;
	put_ip(p + 12, AF_INET, src);
	put_ip(p + 16, AF_INET, dst);
	if (n)
		frame_bytes(f, options, n);
	f->l4 = f->len;
}

void frame_ipv6(struct frame *f, const char *src, const char *dst, uint8_t proto)
{
	uint8_t *p;

	f->ip = f->len;
	p = append(f, 40);
	p[0] = 0x60;
	p[6] = proto;
	p[7] = 255;
	put_ip(p + 8, AF_INET6, src);
	put_ip(p + 24, AF_INET6, dst);
	f->l4 = f->len;
}

void frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t rest)
{
	uint8_t *p = append(f, 8);

	p[0] = type;
	p[1] = code;
	put16(p + 4, rest >> 16);
	put16(p + 6, rest & 0xffff);
}

void frame_udp(struct frame *f, uint16_t from, uint16_t to)
{
	uint8_t *p = append(f, 8);

	put16(p, from);
	put16(p + 2, to);
}

void frame_arp(struct frame *f, uint16_t op, const char *mac, const char *ip, const char *to_mac,
	       const char *to_ip)
{
	static const uint8_t head[6] = {0, 1, 8, 0, 6, 4};
	uint8_t *p;

	frame_bytes(f, head, sizeof(head));
	p = append(f, 22);
	put16(p, op);
	put_mac(p + 2, mac);
	put_ip(p + 8, AF_INET, ip);
	put_mac(p + 12, to_mac);
	put_ip(p + 18, AF_INET, to_ip);
}

static uint32_t sum(const uint8_t *p, size_t n, uint32_t so_far)
{
	for (size_t i = 0; i < n; i++)
		so_far += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	return so_far;
}

static void put_sum(uint8_t *p, uint32_t value)
{
	while (value >> 16)
		value = (value & 0xffff) + (value >> 16);
	put16(p, ~value & 0xffff);
}

/* UDP over IPv4 may go without one; TCP and others are never looked at that closely. */
static void finish_l4(struct frame *f, uint8_t proto)
{
	uint8_t *p = f->bytes + f->l4;
	size_t n = f->len - f->l4;

	if (proto == IPPROTO_ICMP || proto == IPPROTO_IGMP)
		put_sum(p + 2, sum(p, n, 0));
	if (proto == IPPROTO_UDP)
		put16(p + 4, n);
	if (proto == IPPROTO_ICMPV6)
		put_sum(p + 2, sum(p, n, sum(f->bytes + f->ip + 8, 32, (uint32_t)n + proto)));
}

void frame_finish(struct frame *f)
{
	uint8_t *p = f->bytes + f->ip;

	frame_bytes(f, PACKET_MARK, sizeof(PACKET_MARK));
	if (!f->ip)
		return;
	if (p[0] >> 4 == 4) {
		finish_l4(f, p[9]);
		put16(p + 2, f->len - f->ip);
		put_sum(p + 10, sum(p, f->l4 - f->ip, 0));
	} else {
		put16(p + 4, f->len - f->l4);
		finish_l4(f, p[6]);
	}
}

/* ---- sockets ---- */

int tap_open(const char *link)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	int on = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	at.sll_ifindex = (int)if_nametoindex(link);
	assert_int_not_equal(at.sll_ifindex, 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

void tap_send(int fd, const struct frame *f)
{
	ssize_t n = send(fd, f->bytes, f->len, 0);

	if (n != (ssize_t)f->len)
		fail_msg("send a frame: %s", strerror(errno));
}

int raw_open(int family, int proto)
{
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, proto);

	assert_true(fd >= 0);
	return fd;
}

static size_t count(int fd, bool (*match)(const uint8_t *p, size_t n, const void *arg),
		    const void *arg)
{
	uint8_t buf[2048];
	size_t found = 0;
	ssize_t n;

	for (;;) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		/* A link that went down says so once. */
		if (n < 0 && errno != ENETDOWN)
			break;
		found += n > 0 && match(buf, (size_t)n, arg);
	}
	assert_int_equal(errno, EAGAIN);
	return found;
}

static bool is_marked(const uint8_t *p, size_t n, const void *arg)
{
	(void)arg;
	return memmem(p, n, PACKET_MARK, sizeof(PACKET_MARK) - 1) != NULL;
}

static bool is_arp_from(const uint8_t *p, size_t n, const void *ip)
{
	uint8_t want[4];

	put_ip(want, AF_INET, ip);
	return n >= 42 && p[12] == 8 && p[13] == 6 && memcmp(p + 28, want, 4) == 0;
}

size_t count_marked(int fd)
{
	return count(fd, is_marked, NULL);
}

size_t count_arp_from(int fd, const char *ip)
{
	return count(fd, is_arp_from, ip);
}
