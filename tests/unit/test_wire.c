// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <cmocka.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/wire/parts.h"

/*
 * wire - the frames of each kind read back, by code that shares nothing with what made them; the
 * trailer; and the verdict from what was seen
 */

static const struct nsn_wire_key key = {{1, 2, 3, 4, 5, 6, 7, 8}, 0x1234567890abcdefULL};
static struct nsn_wire_train train;

static struct nsn_wire_ask ask_for(enum nsn_wire_kind k, uint8_t family)
{
	struct nsn_wire_ask a = {.kind = k,
				 .family = family,
				 .ttl = 64,
				 .near = true,
				 .mac = {{2, 0, 0, 0, 0, 1}},
				 .gateway_mac = {{6, 0, 0, 0, 0, 1}},
				 .to_mac = {{2, 0, 0, 0, 0, 2}},
				 .sport = 20001,
				 .dport = 47002,
				 .id = 77};

	assert_int_equal(nsn_ip_parse(&a.src, family == AF_INET ? "10.1.0.2" : "fd00:1::2"), 0);
	assert_int_equal(nsn_ip_parse(&a.dst, family == AF_INET ? "10.2.0.2" : "fd00:2::2"), 0);
	assert_int_equal(nsn_ip_parse(&a.router, family == AF_INET ? "10.2.0.1" : "fd00:2::1"), 0);
	assert_int_equal(nsn_ip_parse(&a.first, family == AF_INET ? "10.1.0.1" : "fd00:1::1"), 0);
	assert_int_equal(nsn_prefix_parse(&a.subnet, "10.2.0.0/24"), 0);
	return a;
}

static uint16_t at16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Of 16-bit words with the carry added: 0xffff when the sum in it is right. */
static uint16_t total(uint64_t start, const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		start += i % 2 ? p[i] : (uint64_t)p[i] << 8;
	while (start > 0xffff)
		start = (start >> 16) + (start & 0xffff);
	return (uint16_t)start;
}

static void l4_is_right(uint8_t proto, const uint8_t *src, const uint8_t *dst, size_t alen,
			const uint8_t *p, size_t n)
{
	uint64_t pseudo = proto + n;

	if (proto == IPPROTO_SCTP) {
		uint8_t copy[256] = {0};
		uint32_t crc;

		memcpy(copy, p, n);
		memset(copy + 8, 0, 4);
		crc = nsn_wire_crc32c(copy, n);
		assert_int_equal(p[8] | p[9] << 8 | p[10] << 16 | (uint32_t)p[11] << 24, crc);
		assert_int_equal(at16(p + 14) + 12, n);
		return;
	}
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && proto != IPPROTO_ICMP &&
	    proto != IPPROTO_ICMPV6)
		return;
	if (proto == IPPROTO_UDP)
		assert_int_equal(at16(p + 4), n);
	if (proto == IPPROTO_TCP)
		assert_int_equal(p[12] >> 4, 5);
	pseudo = proto == IPPROTO_ICMP ? 0 : pseudo + total(0, src, alen) + total(0, dst, alen);
	assert_int_equal(total(pseudo, p, n), 0xffff);
}

static void ip4_is_right(const uint8_t *p, size_t n)
{
	const size_t head = (size_t)(p[0] & 15) * 4;
	const uint8_t *dst = p + 16;

	assert_int_equal(p[0] >> 4, 4);
	assert_int_equal(at16(p + 2), n);
	assert_int_equal(total(0, p, head), 0xffff);
	assert_true(p[8] == 64);
	if (head > 20) {
		assert_int_equal(p[20], 0x83);
		dst = p + 23;
	}
	if (!(at16(p + 6) & 0x3fff))
		l4_is_right(p[9], p + 12, dst, 4, p + head, n - head);
}

static void ip6_is_right(const uint8_t *p, size_t n)
{
	const uint8_t *dst = p + 24;
	uint8_t next = p[6];
	size_t at = 40;

	assert_int_equal(p[0] >> 4, 6);
	assert_int_equal(at16(p + 4) + 40, n);
	assert_true(p[7] == 64 || p[7] == 255);
	while (next == 0 || next == 60 || next == 43) {
		if (next == 43)
			dst = p + at + 8;
		next = p[at];
		at += (size_t)(p[at + 1] + 1U) * 8;
		assert_true(at < n);
	}
	if (next != 44)
		l4_is_right(next, p + 8, dst, 16, p + at, n - at);
}

static void frame_is_right(const struct nsn_wire_frame *f)
{
	const uint8_t *p = f->bytes;
	size_t at = 14;
	uint16_t type = at16(p + 12);
	uint32_t number = 0;

	assert_true(f->len >= 60 && f->len <= 1514);
	assert_true(nsn_wire_stamped(&key, p, f->len, &number));
	assert_int_equal(number, 4711);
	for (; type == 0x8100 || type == 0x88a8; at += 4)
		type = at16(p + at + 2);
	if (type == 0x0800)
		ip4_is_right(p + at, f->len - at);
	if (type == 0x86dd)
		ip6_is_right(p + at, f->len - at);
}

static void each_kind_is_a_frame_that_is_right(void **state)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct nsn_wire_ask a;
	size_t f, i;
	int k;

	(void)state;
	for (k = 0; k < NSN_WIRE_KINDS_N; k++)
		for (f = 0; f < 2; f++) {
			a = ask_for((enum nsn_wire_kind)k, families[f]);
			if (!nsn_wire_kind_has(a.kind, a.family)) {
				assert_non_null(nsn_wire_form(&train, &a, &key, 4711));
				continue;
			}
			assert_null(nsn_wire_form(&train, &a, &key, 4711));
			assert_in_range(train.n, 1, NSN_WIRE_TRAIN);
			for (i = 0; i < train.n; i++)
				frame_is_right(&train.f[i]);
		}
}

/* Both halves of a train put together are one datagram with one checksum. */
static void a_train_is_whole(void **state)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct nsn_wire_ask a;
	uint8_t whole[256];
	size_t f, at, n;

	(void)state;
	for (f = 0; f < 2; f++) {
		a = ask_for(NSN_WIRE_FRAGMENTS, families[f]);
		a.near = false;
		assert_null(nsn_wire_form(&train, &a, &key, 4711));
		assert_int_equal(train.n, 2);
		at = f ? 14 + 40 + 8 : 14 + 20;
		n = train.f[0].len - at;
		assert_int_equal(n % 8, 0);
		memcpy(whole, train.f[0].bytes + at, n);
		memcpy(whole + n, train.f[1].bytes + at, train.f[1].len - at);
		l4_is_right(IPPROTO_UDP, a.src.bytes, a.dst.bytes, f ? 16 : 4, whole,
			    n + train.f[1].len - at);
		if (f == 0) {
			assert_int_equal(at16(train.f[0].bytes + 20), 0x2000);
			assert_int_equal(at16(train.f[1].bytes + 20), n / 8);
		} else {
			assert_int_equal(at16(train.f[0].bytes + 56), 1);
			assert_int_equal(at16(train.f[1].bytes + 56), n);
		}
	}
}

/* A frame of somebody else's, which is too short for the trailer, is still a packet afterwards. */
static void a_given_frame_is_completed(void **state)
{
	static const uint8_t raw[54] = {
		6, 0,  0, 0, 0, 1,  2, 0, 0, 0,	 0, 1, 8, 0,	0x45, 0, 0,  40,	  0, 1, 0,
		0, 64, 6, 0, 0, 10, 1, 0, 2, 10, 2, 0, 2, 0x4e, 0x20, 0, 80, [46] = 0x50, 2, 4};
	static const uint8_t odd[20] = {6, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 8, 0, 0x45};
	struct nsn_wire_ask a = ask_for(NSN_WIRE_TCP_SYN, AF_INET);
	uint32_t number;

	(void)state;
	a.raw = raw;
	a.raw_len = sizeof(raw);
	assert_null(nsn_wire_form(&train, &a, &key, 4711));
	assert_int_equal(train.n, 1);
	frame_is_right(&train.f[0]);
	assert_int_equal(train.f[0].len, sizeof(raw) + NSN_WIRE_TRAILER);
	assert_memory_equal(train.f[0].bytes + 26, raw + 26, 12);
	a.raw = odd;
	a.raw_len = sizeof(odd);
	assert_null(nsn_wire_form(&train, &a, &key, 4711));
	assert_true(nsn_wire_stamped(&key, train.f[0].bytes, train.f[0].len, &number));
	a.raw_len = 13;
	assert_non_null(nsn_wire_form(&train, &a, &key, 4711));
	a.raw_len = NSN_WIRE_LONGEST;
	assert_non_null(nsn_wire_form(&train, &a, &key, 4711));
}

static void a_trailer_is_of_this_run_and_number(void **state)
{
	uint8_t b[40] = {0};
	struct nsn_wire_key other = key;
	uint32_t number;
	size_t i;

	(void)state;
	nsn_wire_stamp(&key, b + 24, 99);
	assert_true(nsn_wire_stamped(&key, b, 40, &number));
	assert_int_equal(number, 99);
	assert_false(nsn_wire_stamped(&key, b + 25, 15, &number));
	assert_false(nsn_wire_stamped(&key, b, 39, &number));
	other.secret++;
	assert_false(nsn_wire_stamped(&other, b, 40, &number));
	for (i = 24; i < 40; i++) {
		b[i] ^= 1;
		assert_false(nsn_wire_stamped(&key, b, 40, &number));
		b[i] ^= 1;
	}
}

static void what_is_an_answer(void **state)
{
	static const struct {
		enum nsn_wire_kind kind;
		uint8_t proto, type;
		bool answer, echo;
	} rows[] = {
		{NSN_WIRE_ICMP, IPPROTO_ICMP, 8, false, false},
		{NSN_WIRE_ICMP, IPPROTO_ICMP, 0, true, true},
		{NSN_WIRE_ICMP, IPPROTO_ICMPV6, 128, false, false},
		{NSN_WIRE_ICMP, IPPROTO_ICMPV6, 129, true, true},
		{NSN_WIRE_UDP, IPPROTO_ICMP, 3, true, false},
		{NSN_WIRE_UDP, IPPROTO_ICMP, 11, true, false},
		{NSN_WIRE_UDP, IPPROTO_ICMPV6, 1, true, false},
		{NSN_WIRE_UDP, IPPROTO_ICMPV6, 3, true, false},
		{NSN_WIRE_UDP, IPPROTO_UDP, 3, false, false},
		{NSN_WIRE_ICMP_ERROR, IPPROTO_ICMP, 3, false, false},
		{NSN_WIRE_ICMP_ERROR, IPPROTO_ICMPV6, 1, false, false},
	};
	size_t i;
	bool echo;

	(void)state;
	for (i = 0; i < NSN_COUNT(rows); i++) {
		assert_int_equal(
			nsn_wire_is_answer(rows[i].kind, rows[i].proto, &rows[i].type, 1, &echo),
			rows[i].answer);
		assert_int_equal(echo, rows[i].echo);
	}
	assert_false(nsn_wire_is_answer(NSN_WIRE_UDP, IPPROTO_ICMP, NULL, 0, &echo));
}

/* ---- the verdict ---------------------------------------------------------------------------- */

static const struct nsn_wire_facts all_is_well = {.sent = 2,
						  .left = 2,
						  .settled = true,
						  .able = true,
						  .alive = true,
						  .sentinel = true,
						  .control = true};

static void blocked_needs_everything(void **state)
{
	struct nsn_wire_facts f[13];
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(f); i++)
		f[i] = all_is_well;
	assert_int_equal(nsn_wire_judge(&all_is_well, &why), NSN_WIRE_BLOCKED);
	assert_null(why);
	f[0].refused = "no";
	f[1].error = 100;
	f[2].sent = f[2].left = 0;
	f[3].left = 1;
	f[4].left = 3;
	f[5].answered = true;
	f[6].no_controls = true;
	f[7].overrun = true;
	f[8].settled = false;
	f[9].alive = false;
	f[10].sentinel = false;
	f[11].control = false;
	f[12].able = false;
	for (i = 0; i < NSN_COUNT(f); i++) {
		assert_int_equal(nsn_wire_judge(&f[i], &why), NSN_WIRE_UNTESTED);
		assert_non_null(why);
		/* Who has it has it, whatever else is missing. */
		f[i].heard = true;
		assert_int_equal(nsn_wire_judge(&f[i], &why), NSN_WIRE_DELIVERED);
		assert_null(why);
	}
	f[0] = all_is_well;
	f[0].deaf = "deaf";
	assert_int_equal(nsn_wire_judge(&f[0], &why), NSN_WIRE_UNTESTED);
	assert_string_equal(why, "deaf");
	f[0] = (struct nsn_wire_facts){0};
	assert_int_equal(nsn_wire_judge(&f[0], &why), NSN_WIRE_UNTESTED);
}

static void kinds_have_names(void **state)
{
	int i, j;

	(void)state;
	for (i = 0; i < NSN_WIRE_KINDS_N; i++) {
		const enum nsn_wire_kind k = (enum nsn_wire_kind)i;

		assert_true(strlen(nsn_wire_kind_name(k)) > 1 && strlen(nsn_wire_kind_says(k)) > 5);
		assert_true(nsn_wire_kind_has(k, AF_INET) || nsn_wire_kind_has(k, AF_INET6));
		assert_false(nsn_wire_kind_has(k, 0));
		for (j = 0; j < i; j++)
			assert_string_not_equal(nsn_wire_kind_name(k),
						nsn_wire_kind_name((enum nsn_wire_kind)j));
	}
	assert_int_equal(nsn_wire_kind_class(NSN_WIRE_UDP), NSN_WIRE_LIVE);
	assert_int_equal(nsn_wire_kind_class(NSN_WIRE_ARP), NSN_WIRE_CANARY);
	assert_int_equal(nsn_wire_kind_class(NSN_WIRE_RA), NSN_WIRE_HARD);
	assert_int_equal(nsn_wire_kind_class(NSN_WIRE_KINDS_N), NSN_WIRE_HARD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_a_frame_that_is_right),
		cmocka_unit_test(a_train_is_whole),
		cmocka_unit_test(a_given_frame_is_completed),
		cmocka_unit_test(a_trailer_is_of_this_run_and_number),
		cmocka_unit_test(what_is_an_answer),
		cmocka_unit_test(blocked_needs_everything),
		cmocka_unit_test(kinds_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
