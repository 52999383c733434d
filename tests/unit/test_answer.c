/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/nl/answer.h"

/* A message under construction, in a buffer of exactly its size for the sanitizer to watch. */
struct message {
	char bytes[512];
	size_t len;
};

static struct message begin(uint16_t type, uint16_t flags, uint32_t seq)
{
	const struct nlmsghdr h = {.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = seq};
	struct message m = {.len = sizeof(h)};

	memcpy(m.bytes, &h, sizeof(h));
	return m;
}

static void add(struct message *m, const void *data, size_t len)
{
	uint32_t total;

	assert_true(m->len + len <= sizeof(m->bytes));
	memcpy(m->bytes + m->len, data, len);
	m->len += len;
	total = (uint32_t)m->len;
	memcpy(m->bytes, &total, sizeof(total));
}

/* nlmsgerr with the echoed header, whose length says how much of the request follows. */
static void add_error(struct message *m, int error, uint32_t echoed)
{
	const struct nlmsgerr e = {.error = error, .msg = {.nlmsg_len = echoed}};

	add(m, &e, sizeof(e));
}

static void add_text(struct message *m, const char *text, size_t len)
{
	const struct nlattr a = {.nla_type = NLMSGERR_ATTR_MSG,
				 .nla_len = (uint16_t)(sizeof(a) + len)};
	static const char pad[4];

	add(m, &a, sizeof(a));
	add(m, text, len);
	add(m, pad, NLMSG_ALIGN(len) - len);
}

/* From a heap copy of just @len bytes: one read too far and the sanitizer ends the test. */
static size_t read_exactly(const struct message *m, size_t len, struct nsn_answer *a)
{
	NSN_AUTO(nsn_freep) char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, m->bytes, len);
	return nsn_answer_read(copy, len, a);
}

static void an_ack_is_error_zero(void **state)
{
	struct message m = begin(NLMSG_ERROR, 0, 7);
	struct nsn_answer a;

	(void)state;
	add_error(&m, 0, 100);
	assert_int_equal(read_exactly(&m, m.len, &a), m.len);
	assert_int_equal(a.kind, NSN_ANSWER_ACK);
	assert_int_equal(a.seq, 7);
	assert_int_equal(a.error, 0);
}

static void the_words_of_an_error_stand_behind_the_echoed_request(void **state)
{
	struct message m = begin(NLMSG_ERROR, NLM_F_ACK_TLVS, 9);
	static const char request[24];
	struct nsn_answer a;

	(void)state;
	add_error(&m, -EINVAL, sizeof(struct nlmsghdr) + 22);
	add(&m, request, sizeof(request)); /* 22 bytes, aligned */
	add_text(&m, "Unknown device type", 20);
	assert_true(read_exactly(&m, m.len, &a) > 0);
	assert_int_equal(a.kind, NSN_ANSWER_ERROR);
	assert_int_equal(a.error, -EINVAL);
	assert_string_equal(a.text, "Unknown device type");
}

static void a_capped_error_echoes_nothing(void **state)
{
	struct message m = begin(NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED, 9);
	struct nsn_answer a;

	(void)state;
	add_error(&m, -EBUSY, 5000);
	add_text(&m, "in use", 7);
	assert_true(read_exactly(&m, m.len, &a) > 0);
	assert_string_equal(a.text, "in use");
}

static void words_without_an_end_are_cut_not_read_over(void **state)
{
	struct message m = begin(NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED, 1);
	char text[200];
	struct nsn_answer a;

	(void)state;
	memset(text, 'x', sizeof(text));
	add_error(&m, -EPERM, 0);
	add_text(&m, text, sizeof(text));
	assert_true(read_exactly(&m, m.len, &a) > 0);
	assert_int_equal(strlen(a.text), sizeof(a.text) - 1);
}

static void an_echo_that_claims_more_than_there_is_gives_no_words(void **state)
{
	struct message m = begin(NLMSG_ERROR, NLM_F_ACK_TLVS, 1);
	struct nsn_answer a;

	(void)state;
	add_error(&m, -EINVAL, UINT32_MAX - 8);
	add_text(&m, "never", 6);
	assert_true(read_exactly(&m, m.len, &a) > 0);
	assert_int_equal(a.error, -EINVAL);
	assert_string_equal(a.text, "");
}

static void an_errno_that_the_kernel_cannot_mean_is_an_error_all_the_same(void **state)
{
	static const int lies[] = {1, 4096, -4096, INT32_MIN, INT32_MAX};
	size_t i;

	(void)state;
	for (i = 0; i < NSN_COUNT(lies); i++) {
		struct message m = begin(NLMSG_ERROR, 0, 1);
		struct nsn_answer a;

		add_error(&m, lies[i], 0);
		assert_true(read_exactly(&m, m.len, &a) > 0);
		assert_int_equal(a.kind, NSN_ANSWER_ERROR);
		assert_int_equal(a.error, -EBADMSG);
	}
}

static void the_end_of_a_dump_can_carry_an_error(void **state)
{
	struct message m = begin(NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, 3);
	const int32_t error = -ENOBUFS;
	struct nsn_answer a;

	(void)state;
	add(&m, &error, sizeof(error));
	assert_true(read_exactly(&m, m.len, &a) > 0);
	assert_int_equal(a.kind, NSN_ANSWER_DONE);
	assert_int_equal(a.error, -ENOBUFS);
	assert_true(a.interrupted);
}

static void every_truncation_is_no_message_or_one_that_means_nothing(void **state)
{
	struct message m = begin(NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED, 1);
	struct nsn_answer a;
	size_t len;

	(void)state;
	add_error(&m, -EPERM, 0);
	add_text(&m, "words", 6);
	for (len = 0; len < m.len; len++) {
		struct message cut = m;
		uint32_t claimed = (uint32_t)len;

		/* Fewer bytes than the header says: nothing is read. */
		assert_int_equal(read_exactly(&m, len, &a), 0);
		if (len < sizeof(struct nlmsghdr))
			continue;
		/* The header says so, too: an error only when all of it is there. */
		memcpy(cut.bytes, &claimed, sizeof(claimed));
		assert_true(read_exactly(&cut, len, &a) > 0);
		if (len < sizeof(struct nlmsghdr) + sizeof(struct nlmsgerr))
			assert_int_equal(a.kind, NSN_ANSWER_OTHER);
		else
			assert_int_equal(a.error, -EPERM);
	}
}

static void random_bytes_are_read_within_their_bounds(void **state)
{
	struct nsn_answer a;
	size_t round, i;

	(void)state;
	srandom(20261122);
	for (round = 0; round < 20000; round++) {
		struct message m = {.len = (size_t)random() % 200};
		uint32_t claimed = (uint32_t)(random() % 220);

		for (i = 0; i < m.len; i++)
			m.bytes[i] = (char)random();
		memcpy(m.bytes, &claimed, sizeof(claimed));
		m.bytes[4] = (char)(random() % 4);
		m.bytes[5] = 0;
		assert_true(read_exactly(&m, m.len, &a) <= m.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ack_is_error_zero),
		cmocka_unit_test(the_words_of_an_error_stand_behind_the_echoed_request),
		cmocka_unit_test(a_capped_error_echoes_nothing),
		cmocka_unit_test(words_without_an_end_are_cut_not_read_over),
		cmocka_unit_test(an_echo_that_claims_more_than_there_is_gives_no_words),
		cmocka_unit_test(an_errno_that_the_kernel_cannot_mean_is_an_error_all_the_same),
		cmocka_unit_test(the_end_of_a_dump_can_carry_an_error),
		cmocka_unit_test(every_truncation_is_no_message_or_one_that_means_nothing),
		cmocka_unit_test(random_bytes_are_read_within_their_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
