// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes of a frame: headers, lengths, checksums, the trailer. Pure. */
#include "parts.h"

#include <netinet/in.h>
#include <string.h>

enum { ETH = 14, TYPE_IP4 = 0x0800, TYPE_IP6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_QINQ = 0x88a8 };

/* ---- the trailer ------------------------------------------------------------------ */

static uint32_t seal(const struct nsn_wire_key *k, uint32_t number)
{
	uint64_t x = k->secret + number * UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= k->secret >> 17;
	return (uint32_t)(x ^ x >> 32);
}

void nsn_wire_put16(uint8_t *p, size_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

void nsn_wire_put(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
}

void nsn_wire_put32(uint8_t *p, uint32_t value)
{
	nsn_wire_put16(p, value >> 16);
	nsn_wire_put16(p + 2, value & 0xffff);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

void nsn_wire_stamp(const struct nsn_wire_key *k, uint8_t *at, uint32_t number)
{
	memcpy(at, k->magic, sizeof(k->magic));
	nsn_wire_put32(at + 8, number);
	nsn_wire_put32(at + 12, seal(k, number));
}

bool nsn_wire_stamped(const struct nsn_wire_key *k, const uint8_t *data, size_t len,
		      uint32_t *number)
{
	const uint8_t *at;

	if (len < NSN_WIRE_TRAILER)
		return false;
	at = data + (len - NSN_WIRE_TRAILER);
	if (memcmp(at, k->magic, sizeof(k->magic)) != 0)
		return false;
	*number = get32(at + 8);
	return get32(at + 12) == seal(k, *number);
}

/* ---- checksums --------------------------------------------------------------------- */

static uint32_t sum(uint32_t acc, const uint8_t *p, size_t len)
{
	for (; len > 1; len -= 2, p += 2)
		acc += get16(p);
	return len ? acc + (uint32_t)(*p << 8) : acc;
}

static uint16_t folded(uint32_t acc)
{
	while (acc >> 16)
		acc = (acc & 0xffff) + (acc >> 16);
	return (uint16_t)~acc;
}

uint32_t nsn_wire_crc32c(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;
	size_t i;
	int bit;

	for (i = 0; i < len; i++) {
		crc ^= data[i];
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
	}
	return ~crc;
}

/* Where in its header a protocol has its checksum; 0: it has none that is like the others'. */
static size_t sum_at(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return 16;
	case IPPROTO_UDP:
		return 6;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

static void check_sctp(struct nsn_wire_frame *f)
{
	uint8_t *l4 = f->bytes + f->l4;
	uint32_t crc;
	int i;

	if (f->len - f->l4 < 12)
		return;
	memset(l4 + 8, 0, 4);
	crc = nsn_wire_crc32c(l4, f->len - f->l4);
	for (i = 0; i < 4; i++)
		l4[8 + i] = (uint8_t)(crc >> 8 * i);
}

static void check_l4(struct nsn_wire_frame *f)
{
	const size_t n = f->family == AF_INET ? 4 : 16, at = sum_at(f->proto);
	const uint8_t *src = f->bytes + f->l3 + (f->family == AF_INET ? 12 : 8);
	uint8_t *l4 = f->bytes + f->l4;
	const size_t len = f->len - f->l4;
	uint32_t acc = 0;
	uint16_t value;

	if (f->proto == IPPROTO_SCTP)
		check_sctp(f);
	if (!at || len < at + 2)
		return;
	if (f->proto == IPPROTO_UDP)
		nsn_wire_put16(l4 + 4, len);
	nsn_wire_put16(l4 + at, 0);
	if (f->proto != IPPROTO_ICMP) {
		acc = sum(acc, src, n);
		acc = sum(acc, f->final.family ? f->final.bytes : src + n, n);
		acc += (uint32_t)len + f->proto;
	}
	value = folded(sum(acc, l4, len));
	nsn_wire_put16(l4 + at, f->proto == IPPROTO_UDP && value == 0 ? 0xffff : value);
}

static void check_ip(struct nsn_wire_frame *f)
{
	uint8_t *ip = f->bytes + f->l3;

	if (f->family == AF_INET6) {
		nsn_wire_put16(ip + 4, f->len - f->l3 - 40);
		return;
	}
	nsn_wire_put16(ip + 2, f->len - f->l3);
	nsn_wire_put16(ip + 10, 0);
	nsn_wire_put16(ip + 10, folded(sum(0, ip, (size_t)(ip[0] & 15) * 4)));
}

/* ---- headers ------------------------------------------------------------------------ */

uint8_t *nsn_wire_add(struct nsn_wire_frame *f, size_t n)
{
	uint8_t *p = f->bytes + f->len;

	if (n > sizeof(f->bytes) - f->len)
		return NULL;
	memset(p, 0, n);
	f->len += n;
	return p;
}

void nsn_wire_eth(struct nsn_wire_frame *f, const struct nsn_mac *dst, const struct nsn_mac *src,
		  uint16_t type)
{
	uint8_t *p;

	f->len = f->l3 = f->l4 = 0;
	f->family = f->proto = 0;
	f->final.family = 0;
	f->part = false;
	p = nsn_wire_add(f, ETH);
	memcpy(p, dst->bytes, 6);
	memcpy(p + 6, src->bytes, 6);
	nsn_wire_put16(p + 12, type);
}

void nsn_wire_ip(struct nsn_wire_frame *f, const struct nsn_ip *src, const struct nsn_ip *dst,
		 uint8_t proto, uint8_t ttl, size_t options)
{
	const bool six = dst->family == AF_INET6;
	uint8_t *p;

	f->l3 = f->len;
	f->family = dst->family;
	f->proto = proto;
	p = nsn_wire_add(f, six ? 40 : 20 + options);
	f->l4 = f->len;
	if (six) {
		p[0] = 0x60;
		p[6] = proto;
		p[7] = ttl;
		memcpy(p + 8, src->bytes, 16);
		memcpy(p + 24, dst->bytes, 16);
		return;
	}
	p[0] = (uint8_t)(0x45 + options / 4);
	p[8] = ttl;
	p[9] = proto;
	memcpy(p + 12, src->bytes, 4);
	memcpy(p + 16, dst->bytes, 4);
}

/* Drivers pad what is shorter than 60 bytes, and then it would not end with the trailer. */
static void fill(struct nsn_wire_frame *f)
{
	if (f->len + NSN_WIRE_TRAILER < 60)
		(void)nsn_wire_add(f, 60 - NSN_WIRE_TRAILER - f->len);
}

void nsn_wire_finish(struct nsn_wire_frame *f, const struct nsn_wire_key *k, uint32_t number)
{
	uint8_t *at;

	if (!f->part)
		fill(f);
	at = nsn_wire_add(f, NSN_WIRE_TRAILER);
	if (!at)
		return;
	nsn_wire_stamp(k, at, number);
	if (!f->family)
		return;
	if (!f->part && f->l4)
		check_l4(f);
	check_ip(f);
}

/* ---- what somebody else made ---------------------------------------------------------- */

static void look6(struct nsn_wire_shape *f, const uint8_t *b, size_t len)
{
	size_t at = f->l3 + 40;
	uint8_t next = b[f->l3 + 6];

	/* Options, and a routing header, whose last address is not looked for. */
	while ((next == 0 || next == 43 || next == 60) && at + 8 <= len) {
		next = b[at];
		at += (size_t)(b[at + 1] + 1U) * 8;
	}
	f->part = next == 44;
	f->proto = next;
	f->l4 = at <= len ? at : 0;
}

void nsn_wire_look(struct nsn_wire_shape *f, const uint8_t *b, size_t len)
{
	size_t at = 12, head;
	uint16_t type;

	*f = (struct nsn_wire_shape){0};
	if (len < ETH)
		return;
	for (type = get16(b + at); (type == TYPE_VLAN || type == TYPE_QINQ) && at + 6 <= len;
	     type = get16(b + at))
		at += 4;
	at += 2;
	if (type == TYPE_IP6 && len >= at + 40 && b[at] >> 4 == 6) {
		f->l3 = at;
		f->family = AF_INET6;
		look6(f, b, len);
	}
	if (type != TYPE_IP4 || len < at + 20 || b[at] >> 4 != 4)
		return;
	head = (size_t)(b[at] & 15) * 4;
	if (head < 20 || len < at + head)
		return;
	f->l3 = at;
	f->l4 = at + head;
	f->family = AF_INET;
	f->proto = b[at + 9];
	f->part = get16(b + at + 6) & 0x3fff;
}

bool nsn_wire_is_answer(enum nsn_wire_kind k, uint8_t proto, const uint8_t *l4, size_t len,
			bool *echo)
{
	*echo = false;
	if (len < 1 || (proto != IPPROTO_ICMP && proto != IPPROTO_ICMPV6))
		return false;
	*echo = l4[0] == (proto == IPPROTO_ICMP ? 0 : 129);
	if (*echo)
		return true;
	if (k == NSN_WIRE_ICMP_ERROR)
		return false;
	if (proto == IPPROTO_ICMPV6)
		return l4[0] < 128;
	return l4[0] == 3 || l4[0] == 5 || l4[0] == 11 || l4[0] == 12;
}
