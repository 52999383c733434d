/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PACKET_H
#define TESTS_PACKET_H

/*
 * packet - frames made by hand, and the sockets that send and see them
 *
 * Addresses are text. What is sent carries PACKET_MARK, so that it is told from
 * the kernel's own frames wherever it turns up, also quoted in an ICMP error.
 * Everything that fails here fails the test.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKET_MARK "nsnet was here"

/*
 * A frame that is sent into a veth waits in the queue of the processor that sent it: on one
 * processor they are handled in the order in which they were sent, and before send() returns.
 */
void stay_on_one_processor(void);

struct frame {
	uint8_t bytes[512];
	size_t len;
	size_t ip, l4; /* where they begin; 0: there is none */
};

/* Each appends a header; call them from the outside in. */
void frame_eth(struct frame *f, const char *dst, const char *src, uint16_t type);
/* @options: a multiple of 4 bytes, or NULL */
void frame_ipv4(struct frame *f, const char *src, const char *dst, uint8_t proto,
		const void *options, size_t n);
void frame_ipv6(struct frame *f, const char *src, const char *dst, uint8_t proto);
/* ICMP, ICMPv6 or IGMP: type, code, checksum, four bytes of @rest. */
void frame_icmp(struct frame *f, uint8_t type, uint8_t code, uint32_t rest);
void frame_udp(struct frame *f, uint16_t from, uint16_t to);
void frame_bytes(struct frame *f, const void *data, size_t n);
/* A whole ARP packet, for Ethernet and IPv4. */
void frame_arp(struct frame *f, uint16_t op, const char *mac, const char *ip, const char *to_mac,
	       const char *to_ip);
/* Appends PACKET_MARK and fills in lengths and checksums. */
void frame_finish(struct frame *f);

/*
 * A packet socket on a link: sends frames, sees those that come in. The calling
 * thread must be in the link's namespace; the socket works from everywhere.
 */
int tap_open(const char *link);
void tap_send(int fd, const struct frame *f);

/* A raw socket: sees what was delivered to this host, behind all filters. */
int raw_open(int family, int proto);

/* Reads what is there, without waiting: how many are marked. */
size_t count_marked(int fd);
/* The same for ARP packets that come from address @ip (sender protocol address). */
size_t count_arp_from(int fd, const char *ip);

#endif
