// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames: made at random, sent, and taken apart where they arrive. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "place.h"

static const uint8_t magic[4] = {'n', 's', 'f', 'z'};

static void put_address(uint8_t ret[16], const char *text, bool ipv6)
{
	memset(ret, 0, 16);
	must(inet_pton(ipv6 ? AF_INET6 : AF_INET, text, ret) == 1, text);
}

static void own_address(const struct place *s, int w, bool ipv6, uint8_t ret[16])
{
	char text[64];

	(void)snprintf(text, sizeof(text), ipv6 ? "fd07:%d::%d" : "10.7.%d.%d",
		       place_network_of(s, w), place_number_of(s, w));
	put_address(ret, text, ipv6);
}

static void set_mac(uint8_t mac[6], uint8_t first, int last)
{
	memset(mac, 0, 6);
	mac[0] = first;
	mac[5] = (uint8_t)last;
}

/* What few packets are: fragments, ARP, with a tag, to groups or to nobody. */
static void make_odd(struct rnd *r, const struct place *s, struct sent *p)
{
	switch (rnd(r, 7)) {
	case 0:
	case 1:
		p->fragment = true;
		break;
	case 2:
		p->arp = true;
		if (p->ipv6) {
			p->ipv6 = false;
			own_address(s, p->from, false, p->src);
			own_address(s, (int)rnd(r, PLACE_WORKLOADS), false, p->dst);
		}
		p->proto = p->flags = p->ttl = 0;
		p->sport = (uint16_t)(1 + rnd(r, 2));
		p->dport = 0;
		break;
	case 3:
		p->tag = (uint8_t)(1 + rnd(r, 2));
		break;
	case 4:
		memset(p->l2dst, 0xff, 6);
		if (!p->ipv6 && chance(r, 50))
			memset(p->dst, 0xff, 4);
		break;
	case 5:
		memcpy(p->l2dst, p->ipv6 ? "\x33\x33\0\0\0\5" : "\1\0\x5e\0\0\5", 6);
		if (chance(r, 50))
			put_address(p->dst, p->ipv6 ? "ff02::5" : "224.0.0.5", p->ipv6);
		break;
	default:
		set_mac(p->l2dst, 2, 9);
	}
}

void packet_random(struct rnd *r, const struct place *s, struct sent *p)
{
	const int to = (int)rnd(r, PLACE_WORKLOADS);

	*p = (struct sent){.from = (int)rnd(r, PLACE_WORKLOADS), .ipv6 = chance(r, 40), .ttl = 64};
	own_address(s, p->from, p->ipv6, p->src);
	if (chance(r, 15))
		put_address(p->src, scene_address((int)rnd(r, N_ADDRESSES), p->ipv6), p->ipv6);
	own_address(s, to, p->ipv6, p->dst);
	if (chance(r, 15))
		put_address(p->dst, scene_address((int)rnd(r, N_ADDRESSES), p->ipv6), p->ipv6);
	set_mac(p->l2src, 2, p->from);
	/* The gateway's, or that of whom it is for. */
	set_mac(p->l2dst, 6, s->shape == SHAPE_ROUTER ? 0 : place_gateway_of(s, p->from));
	if (s->shape != SHAPE_ROUTER && chance(r, 50))
		set_mac(p->l2dst, 2, to);
	if (chance(r, 10))
		set_mac(p->l2src, 2, (int)rnd(r, PLACE_WORKLOADS));
	p->proto = (uint8_t[]){6, 6, 6, 17, 17, 1, 253}[rnd(r, 7)];
	if (p->proto == 1 && p->ipv6)
		p->proto = 58;
	p->sport = (uint16_t)(chance(r, 70) ? 30000 + rnd(r, 20000) : scene_ports[rnd(r, N_PORTS)]);
	p->dport = scene_ports[rnd(r, N_PORTS)];
	if (p->proto == 1 || p->proto == 58) {
		p->sport = p->proto == 1 ? 0x0800 : 0x8000;
		p->dport = (uint16_t)rnd(r, 65536);
	}
	p->flags = chance(r, 85) ? 0x02 : 0x10;
	if (chance(r, 8))
		p->ttl = (uint8_t)(2 + rnd(r, 60));
	if (chance(r, 8))
		make_odd(r, s, p);
}

/* ---- as a line ---------------------------------------------------------------------- */

static void print_mac(const uint8_t mac[6], FILE *to)
{
	for (int i = 0; i < 6; i++)
		fprintf(to, "%02x", mac[i]);
}

void packet_print(const struct sent *p, FILE *to)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	(void)inet_ntop(p->ipv6 ? AF_INET6 : AF_INET, p->src, src, sizeof(src));
	(void)inet_ntop(p->ipv6 ? AF_INET6 : AF_INET, p->dst, dst, sizeof(dst));
	fprintf(to, "from %d mac ", p->from);
	print_mac(p->l2src, to);
	fputc(' ', to);
	print_mac(p->l2dst, to);
	fprintf(to, " %s %s %s proto %u ports %u %u flags %u ttl %u fragment %d tag %u\n",
		p->arp	  ? "arp"
		: p->ipv6 ? "ip6"
			  : "ip",
		src, dst, p->proto, p->sport, p->dport, p->flags, p->ttl, p->fragment, p->tag);
}

static bool parse_mac(uint8_t ret[6], const char *text)
{
	char *end = NULL;
	const uint64_t mac = strtoull(text, &end, 16);

	for (int i = 0; i < 6; i++)
		ret[i] = (uint8_t)(mac >> (40 - 8 * i));
	return end == text + 12;
}

bool packet_parse(struct sent *ret, const char *text)
{
	char l2src[16], l2dst[16], kind[8], src[48], dst[48];
	int fragment;

	*ret = (struct sent){0};
	/* print() wrote it, and a number too large is another packet. */
	/* NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(text,
		   "from %d mac %12s %12s %7s %47s %47s proto %hhu ports %hu %hu flags %hhu ttl "
		   "%hhu fragment %d tag %hhu",
		   &ret->from, l2src, l2dst, kind, src, dst, &ret->proto, &ret->sport, &ret->dport,
		   &ret->flags, &ret->ttl, &fragment, &ret->tag) != 13)
		return false;
	ret->fragment = fragment != 0;
	ret->arp = strcmp(kind, "arp") == 0;
	ret->ipv6 = strcmp(kind, "ip6") == 0;
	return ret->from >= 0 && ret->from < PLACE_WORKLOADS && parse_mac(ret->l2src, l2src) &&
	       parse_mac(ret->l2dst, l2dst) &&
	       inet_pton(ret->ipv6 ? AF_INET6 : AF_INET, src, ret->src) == 1 &&
	       inet_pton(ret->ipv6 ? AF_INET6 : AF_INET, dst, ret->dst) == 1;
}

/* ---- answers, frames ---------------------------------------------------------------- */

void packet_answer(struct sent *ret, const struct sent *p, int from, const struct place *s)
{
	*ret = *p;
	ret->from = from;
	memcpy(ret->src, p->dst, 16);
	memcpy(ret->dst, p->src, 16);
	ret->sport = p->dport;
	ret->dport = p->sport;
	if (p->proto == 1 || p->proto == 58) {
		ret->sport = p->proto == 1 ? 0x0000 : 0x8100;
		ret->dport = p->dport;
	}
	ret->flags = 0x12;
	set_mac(ret->l2src, 2, from);
	set_mac(ret->l2dst, 6, s->shape == SHAPE_ROUTER ? 0 : place_gateway_of(s, from));
	/* Switched there, it comes back that way. */
	if (p->l2dst[0] == 2)
		memcpy(ret->l2dst, p->l2src, 6);
}

static uint16_t sum(const uint8_t *data, size_t n, uint32_t begin)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		begin += (uint32_t)data[i] << 8 | data[i + 1];
	if (n % 2)
		begin += (uint32_t)data[n - 1] << 8;
	while (begin >> 16)
		begin = (begin & 0xffff) + (begin >> 16);
	return (uint16_t)~begin;
}

static void put16(uint8_t *at, uint16_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* Where in a transport header what we put behind it begins. */
static size_t header_size(uint8_t proto)
{
	return proto == 6 ? 20 : 8;
}

static size_t put_transport(uint8_t *at, const struct sent *p)
{
	const size_t n = header_size(p->proto) + 8;
	const size_t where = p->proto == 6 ? 16 : p->proto == 17 ? 6 : 2;
	uint32_t begin = 0;

	memset(at, 0, n);
	put16(at, p->sport);
	if (p->proto == 1 || p->proto == 58) {
		put16(at + 4, p->dport);
	} else {
		put16(at + 2, p->dport);
	}
	if (p->proto == 6) {
		at[12] = 5 << 4;
		at[13] = p->flags;
		put16(at + 14, 1000);
	} else if (p->proto == 17) {
		put16(at + 4, (uint16_t)n);
	}
	memcpy(at + header_size(p->proto), magic, sizeof(magic));
	memcpy(at + header_size(p->proto) + 4, &p->nonce, 4);
	if (p->proto == 253)
		return n;
	if (p->proto != 1) {
		const size_t len = p->ipv6 ? 16 : 4;

		for (size_t i = 0; i < len; i += 2)
			begin += ((uint32_t)p->src[i] << 8 | p->src[i + 1]) +
				 ((uint32_t)p->dst[i] << 8 | p->dst[i + 1]);
		begin += p->proto + (uint32_t)n;
	}
	put16(at + where, sum(at, n, begin));
	return n;
}

static size_t put_network(uint8_t *at, const struct sent *p, size_t len)
{
	if (p->ipv6) {
		const size_t head = p->fragment ? 48 : 40;

		memset(at, 0, head);
		at[0] = 0x60;
		put16(at + 4, (uint16_t)(head - 40 + len));
		at[6] = p->fragment ? 44 : p->proto;
		at[7] = p->ttl;
		memcpy(at + 8, p->src, 16);
		memcpy(at + 24, p->dst, 16);
		if (p->fragment) {
			at[40] = p->proto;
			put16(at + 42, 64); /* the 9th piece of 8 bytes; the last */
			put16(at + 46, (uint16_t)p->nonce);
		}
		return head;
	}
	memset(at, 0, 20);
	at[0] = 0x45;
	put16(at + 2, (uint16_t)(20 + len));
	put16(at + 4, (uint16_t)p->nonce);
	if (p->fragment)
		put16(at + 6, 8);
	at[8] = p->ttl;
	at[9] = p->proto;
	memcpy(at + 12, p->src, 4);
	memcpy(at + 16, p->dst, 4);
	put16(at + 10, sum(at, 20, 0));
	return 20;
}

/* With our words behind it. */
static size_t put_arp(uint8_t *at, const struct sent *p)
{
	static const uint8_t head[] = {0, 1, 8, 0, 6, 4};

	memset(at, 0, 46);
	memcpy(at, head, sizeof(head));
	put16(at + 6, p->sport);
	memcpy(at + 8, p->l2src, 6);
	memcpy(at + 14, p->src, 4);
	memcpy(at + 24, p->dst, 4);
	memcpy(at + 28, magic, sizeof(magic));
	memcpy(at + 32, &p->nonce, 4);
	return 46;
}

void packet_send(const struct place *s, const struct sent *p)
{
	uint8_t l4[64], frame[160];
	size_t n = 12;

	memcpy(frame, p->l2dst, 6);
	memcpy(frame + 6, p->l2src, 6);
	if (p->tag) {
		put16(frame + n, 0x8100);
		put16(frame + n + 2, p->tag == 1 ? 0 : 5);
		n += 4;
	}
	put16(frame + n, p->arp ? 0x0806 : p->ipv6 ? 0x86dd : 0x0800);
	n += 2;
	if (p->arp) {
		n += put_arp(frame + n, p);
	} else {
		const size_t len = put_transport(l4, p);

		n += put_network(frame + n, p, len);
		memcpy(frame + n, l4, len);
		n += len;
	}
	must(send(s->tap[p->from], frame, n, 0) == (ssize_t)n, "send");
}

/* Of IP: where the transport header begins, or 0. */
static size_t take_network(const uint8_t *f, size_t n, struct sent *p)
{
	size_t l4 = 14 + (p->ipv6 ? 40U : (f[14] & 15U) * 4U);

	if (n < l4 + 16)
		return 0;
	p->proto = p->ipv6 ? f[20] : f[23];
	p->ttl = p->ipv6 ? f[21] : f[22];
	memcpy(p->src, p->ipv6 ? f + 22 : f + 26, p->ipv6 ? 16 : 4);
	memcpy(p->dst, p->ipv6 ? f + 38 : f + 30, p->ipv6 ? 16 : 4);
	if (!p->ipv6)
		p->fragment = (f[20] & 0x1f) || f[21];
	if (p->ipv6 && p->proto == 44) {
		p->proto = f[l4];
		p->fragment = f[l4 + 2] || (f[l4 + 3] & 0xf8);
		l4 += 8;
	}
	return l4;
}

/* A frame as the fields that it was made of; whether it is one of ours. */
static bool take_apart(const uint8_t *f, size_t n, struct seen *ret)
{
	struct sent *p = &ret->as;
	size_t l4;

	memcpy(p->l2dst, f, 6);
	memcpy(p->l2src, f + 6, 6);
	p->ipv6 = f[12] == 0x86 && f[13] == 0xdd;
	p->arp = f[12] == 8 && f[13] == 6;
	if (p->arp) {
		if (n < 50 || memcmp(f + 42, magic, 4) != 0)
			return false;
		p->sport = (uint16_t)(f[20] << 8 | f[21]);
		memcpy(p->src, f + 28, 4);
		memcpy(p->dst, f + 38, 4);
		memcpy(&ret->nonce, f + 46, 4);
		return true;
	}
	if (!p->ipv6 && (f[12] != 8 || f[13] != 0))
		return false;
	l4 = take_network(f, n, p);
	if (!l4 || n < l4 + 16)
		return false;
	p->sport = (uint16_t)(f[l4] << 8 | f[l4 + 1]);
	p->dport = (uint16_t)(f[l4 + 2] << 8 | f[l4 + 3]);
	if (p->proto == 1 || p->proto == 58)
		p->dport = (uint16_t)(f[l4 + 4] << 8 | f[l4 + 5]);
	p->flags = p->proto == 6 ? f[l4 + 13] : 0;
	l4 += header_size(p->proto);
	if (n < l4 + 8 || memcmp(f + l4, magic, 4) != 0)
		return false;
	memcpy(&ret->nonce, f + l4 + 4, 4);
	return true;
}

/* The tag is not in the frame any more, but told beside it. */
static ssize_t receive(int fd, uint8_t *frame, size_t size, uint8_t *tag, bool *outgoing)
{
	struct sockaddr_ll from;
	struct iovec iov = {frame, size};
	_Alignas(struct cmsghdr) char extra[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct msghdr m = {.msg_name = &from,
			   .msg_namelen = sizeof(from),
			   .msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = extra,
			   .msg_controllen = sizeof(extra)};
	const ssize_t n = recvmsg(fd, &m, 0);
	struct tpacket_auxdata aux;

	*tag = 0;
	if (n < 0)
		return n;
	*outgoing = from.sll_pkttype == PACKET_OUTGOING;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(c), sizeof(aux));
		if (aux.tp_status & TP_STATUS_VLAN_VALID)
			*tag = aux.tp_vlan_tci & 0xfff ? 2 : 1;
	}
	return n;
}

int packet_seen(const struct place *s, struct seen *ret)
{
	uint8_t frame[2048];

	for (int w = 0; w < PLACE_WORKLOADS; w++) {
		bool outgoing;
		uint8_t tag;
		ssize_t n;

		while ((n = receive(s->tap[w], frame, sizeof(frame), &tag, &outgoing)) > 14) {
			*ret = (struct seen){.at = w, .as.tag = tag};
			/* What the workload itself sends is seen, too. */
			if (!outgoing && take_apart(frame, (size_t)n, ret))
				return 1;
		}
	}
	return 0;
}
