/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/base/err.h"
#include "../../lib/base/fd.h"
#include "../../lib/base/ip.h"
#include "../../lib/base/text.h"

/* ---- err ------------------------------------------------------------------ */

static void every_code_has_name_exit_and_help_and_is_found_by_its_name(void **state)
{
	(void)state;
	for (unsigned int i = NSNET_E_NONE + 1; i < NSNET_E_COUNT; i++) {
		enum nsnet_code id = (enum nsnet_code)i;
		const char *name = nsnet_code_name(id);

		assert_true(strlen(name) > 1);
		assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(name));
		/* A warning fails nothing. */
		if (strncmp(nsnet_code_help(id), "A warning", 9) == 0)
			assert_int_equal(nsnet_code_exit(id), 0);
		else if (id == NSNET_E_EXPECTATION) /* the answer is no */
			assert_int_equal(nsnet_code_exit(id), 1);
		else
			assert_in_range(nsnet_code_exit(id), 2, 127);
		assert_true(strlen(nsnet_code_help(id)) > 10);
		assert_int_equal(nsnet_code_find(name), id);
	}
	assert_string_equal(nsnet_code_name(NSNET_E_BAD_NAME), "BAD_NAME");
	assert_int_equal(nsnet_code_exit(NSNET_E_NO_TENANT), 4);
}

static void what_is_no_code_is_harmless(void **state)
{
	(void)state;
	assert_string_equal(nsnet_code_name(NSNET_E_NONE), "");
	assert_int_equal(nsnet_code_exit(NSNET_E_NONE), 0);
	assert_int_equal(nsnet_code_find(""), NSNET_E_NONE);
	assert_int_equal(nsnet_code_find("bad_name"), NSNET_E_NONE);
	assert_int_equal(nsnet_code_find(NULL), NSNET_E_NONE);
	assert_string_equal(nsnet_code_name((enum nsnet_code)4711), "INTERNAL");
	assert_int_equal(nsnet_code_exit((enum nsnet_code)4711), 3);
}

static void err_fills_all_fields_and_clears_the_ones_of_before(void **state)
{
	struct nsnet_err err = {0};

	(void)state;
	assert_int_equal(nsn_err_hint(&err, -EINVAL, "try %s", "this"), -EINVAL);
	assert_int_equal(nsn_err_where(&err, -EINVAL, "tenant %s", "blue"), -EINVAL);
	assert_string_equal(err.hint, "try this");
	assert_string_equal(err.where, "tenant blue");

	assert_int_equal(nsn_err(&err, -ENODEV, NSNET_E_KERNEL, "bridge '%s'", "br0"), -ENODEV);
	assert_int_equal(err.code, -ENODEV);
	assert_int_equal(err.id, NSNET_E_KERNEL);
	assert_string_equal(err.msg, "bridge 'br0'");
	assert_string_equal(err.hint, "");
	assert_string_equal(err.where, "");
}

static void err_wrap_puts_the_outer_context_first(void **state)
{
	struct nsnet_err err = {0};

	(void)state;
	nsn_err(&err, -ENODEV, NSNET_E_KERNEL, "bridge '%s': not found", "br0");
	nsn_err_hint(&err, -ENODEV, "look");
	assert_int_equal(nsn_err_wrap(&err, -EIO, "tenant '%s'", "blue"), -ENODEV);
	assert_string_equal(err.msg, "tenant 'blue': bridge 'br0': not found");
	assert_int_equal(err.id, NSNET_E_KERNEL);
	assert_string_equal(err.hint, "look");
}

static void err_wrap_around_nothing_still_is_an_error(void **state)
{
	struct nsnet_err err = {0};

	(void)state;
	assert_int_equal(nsn_err_wrap(&err, -EIO, "tenant '%s'", "blue"), -EIO);
	assert_string_equal(err.msg, "tenant 'blue'");
	assert_int_equal(err.code, -EIO);
	assert_int_equal(err.id, NSNET_E_INTERNAL);
}

static void err_may_quote_its_own_text(void **state)
{
	struct nsnet_err err = {0};

	(void)state;
	nsn_err(&err, -EIO, NSNET_E_IO, "inner");
	nsn_err(&err, -EIO, NSNET_E_IO, "outer(%s)", err.msg);
	assert_string_equal(err.msg, "outer(inner)");
}

static void err_null_is_fine_everywhere(void **state)
{
	(void)state;
	assert_int_equal(nsn_err(NULL, -EIO, NSNET_E_IO, "x"), -EIO);
	assert_int_equal(nsn_err_wrap(NULL, -EIO, "x"), -EIO);
	assert_int_equal(nsn_err_hint(NULL, -EIO, "x"), -EIO);
	assert_int_equal(nsn_err_where(NULL, -EIO, "x"), -EIO);
	assert_int_equal(nsn_err_sys(NULL, -EIO, "x"), -EIO);
	assert_int_equal(nsn_err_nomem(NULL), -ENOMEM);
}

static void err_sys_adds_the_words_of_the_system(void **state)
{
	struct nsnet_err err = {0};

	(void)state;
	assert_int_equal(nsn_err_sys(&err, -ENOENT, "open '%s'", "/x"), -ENOENT);
	assert_string_equal(err.msg, "open '/x': No such file or directory");
	assert_int_equal(err.id, NSNET_E_IO);
	nsn_err_sys(&err, -ENOMEM, "open");
	assert_int_equal(err.id, NSNET_E_NO_MEMORY);
	nsn_err_sys(&err, -EPERM, "open");
	assert_int_equal(err.id, geteuid() == 0 ? NSNET_E_IO : NSNET_E_NOT_PERMITTED);
}

static void err_that_does_not_fit_says_so(void **state)
{
	struct nsnet_err err = {0};
	char big[2000];

	(void)state;
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	nsn_err(&err, -EIO, NSNET_E_IO, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_string_equal(err.msg + sizeof(err.msg) - 5, "a...");
	nsn_err_wrap(&err, -EIO, "context");
	assert_memory_equal(err.msg, "context: aaa", 12);
	assert_string_equal(err.msg + sizeof(err.msg) - 5, "a...");
	nsn_err_hint(&err, -EIO, "%s", big);
	assert_string_equal(err.hint + sizeof(err.hint) - 5, "a...");
	nsn_err_where(&err, -EIO, "%s", big);
	assert_string_equal(err.where + sizeof(err.where) - 5, "a...");
}

static void err_is_not_cut_inside_a_character(void **state)
{
	struct nsnet_err err = {0};
	char big[1000];

	(void)state;
	for (size_t lead = 0; lead < 2; lead++) {
		memset(big, 'a', lead);
		for (size_t i = lead; i + 2 < sizeof(big); i += 2)
			memcpy(big + i, "\xc3\xa4", 3);
		nsn_err(&err, -EIO, NSNET_E_IO, "%s", big);
		assert_int_equal((unsigned char)err.msg[strlen(err.msg) - 4], 0xa4);
		assert_string_equal(err.msg + strlen(err.msg) - 3, "...");
	}
}

static void err_never_has_a_control_character(void **state)
{
	struct nsnet_err err = {0};

	(void)state;
	nsn_err(&err, -EIO, NSNET_E_IO, "a%sb", "\x1b[2J\n\x7f");
	assert_string_equal(err.msg, "a?[2J??b");
	nsn_err_hint(&err, -EIO, "%s", "\r");
	assert_string_equal(err.hint, "?");
}

/* ---- text ----------------------------------------------------------------- */

static void numbers_are_decimal_digits_only(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int r;
		uint64_t n;
	} cases[] = {
		{"0", 10, 0, 0},
		{"10", 10, 0, 10},
		{"11", 10, -ERANGE, 0},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999", UINT64_MAX, -ERANGE, 0},
		{"", 10, -EINVAL, 0},
		{"00", 10, -EINVAL, 0},
		{"07", 10, -EINVAL, 0},
		{"+1", 10, -EINVAL, 0},
		{"-1", 10, -EINVAL, 0},
		{" 1", 10, -EINVAL, 0},
		{"1 ", 10, -EINVAL, 0},
		{"1a", 10, -EINVAL, 0},
		{"0x1", 10, -EINVAL, 0},
		{"1\n", 10, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		uint64_t n = 4711;

		assert_int_equal(nsn_u64_parse(&n, cases[i].text, cases[i].max), cases[i].r);
		assert_int_equal(n, cases[i].r == 0 ? cases[i].n : 4711);
	}
}

static void foreign_text_is_shown_escaped_and_cut(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *shown;
	} cases[] = {
		{"plain-1", 20, "plain-1"},
		{"", 20, ""},
		{"a\x1b[0mb", 20, "a\\x1b[0mb"},
		{"a\nb\x7f", 20, "a\\x0ab\\x7f"},
		{"\xc3\xa4", 20, "\\xc3\\xa4"},
		{"it's\\", 20, "it\\x27s\\x5c"},
		{"%s%n", 20, "%s%n"},
		{"123456789", 10, "123456789"},
		{"1234567890", 10, "123456..."},
		{"1234\n67890", 10, "1234..."},
		{"\n\n\n", 10, "\\x0a..."},
		{"\n\n", 9, "\\x0a\\x0a"},
		{"\n\n", 8, "\\x0a..."},
		{"12345", 5, "1..."},
		{"1234", 5, "1234"},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		char *buf = malloc(cases[i].size); /* so that a sanitizer sees its end */

		assert_non_null(buf);
		assert_string_equal(nsn_text_show(cases[i].text, buf, cases[i].size),
				    cases[i].shown);
		free(buf);
	}
}

static void arena_pieces_are_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = {0, 1, 3, 16, 17, 100, 3000, 8000, 20000, 1, 5000, 2};
	struct nsn_arena a = {0};
	unsigned char *pieces[NSN_COUNT(sizes) * 20];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(pieces); i++) {
		size_t size = sizes[i % NSN_COUNT(sizes)];

		pieces[i] = nsn_arena_alloc(&a, size);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < size; j++)
			assert_int_equal(pieces[i][j], 0);
		memset(pieces[i], (int)(i % 251) + 1, size);
	}
	for (size_t i = 0; i < NSN_COUNT(pieces); i++)
		for (size_t j = 0; j < sizes[i % NSN_COUNT(sizes)]; j++)
			assert_int_equal(pieces[i][j], i % 251 + 1);
	nsn_arena_free(&a);
	assert_null(a.block);
	assert_string_equal(nsn_arena_strdup(&a, "again"), "again");
	nsn_arena_free(&a);
}

static void arena_copies_and_prints(void **state)
{
	struct nsn_arena a = {0};
	char big[10000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_string_equal(nsn_arena_printf(&a, "%s-%d", "nsn", 7), "nsn-7");
	assert_int_equal(strlen(nsn_arena_printf(&a, "%s%s", big, big)), 2 * strlen(big));
	assert_memory_equal(nsn_arena_memdup(&a, "a\0b", 3), "a\0b", 3);
	assert_null(nsn_arena_alloc(&a, SIZE_MAX));
	assert_null(nsn_arena_alloc(&a, SIZE_MAX - 8));
	nsn_arena_free(&a);
}

static void distance_counts_edits_and_swaps(void **state)
{
	static const char long64[] =
		"0123456789012345678901234567890123456789012345678901234567890123";
	static const struct {
		const char *a, *b;
		size_t far;
	} cases[] = {
		{"", "", 0},
		{"", "abc", 3},
		{"blue", "blue", 0},
		{"blue", "bleu", 1},
		{"blue", "bule", 1},
		{"blue", "blu", 1},
		{"blue", "blues", 1},
		{"blue", "glue", 1},
		{"custmer1", "customer1", 1},
		{"ca", "abc", 3},
		{"abcd", "badc", 2},
		{"kitten", "sitting", 3},
		{long64, "", SIZE_MAX},
		{"", long64, SIZE_MAX},
		{long64 + 1, long64 + 1, 0},
		{long64 + 1, "", 63},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		assert_int_equal(nsn_text_distance(cases[i].a, cases[i].b), cases[i].far);
		assert_int_equal(nsn_text_distance(cases[i].b, cases[i].a), cases[i].far);
	}
}

/* ---- ip ------------------------------------------------------------------- */

static void prefixes_are_taken_in_one_form_only(void **state)
{
	static const char *const good[] = {
		"10.10.1.0/24", "0.0.0.0/0",  "255.255.255.255/32", "10.1.2.3/8",
		"::/0",		"fd00::1/64", "::ffff:1.2.3.4/128",
	};
	static const char *const bad[] = {
		"",
		"/",
		"/24",
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/08",
		"10.0.0.0/+8",
		"10.0.0.0/-1",
		"10.0.0.0/8 ",
		" 10.0.0.0/8",
		"10.0.0/8",
		"10.0.0.0.0/8",
		"010.0.0.0/8",
		"10.0.0.00/8",
		"256.0.0.0/8",
		"0x0a.0.0.0/8",
		"10.0.0.0/8/8",
		"10.0.0.0/255.0.0.0",
		"10.0.0.0/8x",
		"10..0.0/8",
		"::/129",
		":::/0",
		"fe80::1%eth0/64",
		"g::/64",
		"::1",
		"10.0.0.a/8",
		"1.2.3.4\n/8",
		"0000000000000000000000000000000000000000000000000.0.0.0/8",
	};
	char buf[NSN_PREFIX_STRLEN];
	struct nsn_prefix p;

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(good); i++) {
		assert_int_equal(nsn_prefix_parse(&p, good[i]), 0);
		assert_string_equal(nsn_prefix_str(&p, buf), good[i]);
	}
	for (size_t i = 0; i < NSN_COUNT(bad); i++) {
		struct nsn_prefix before, after;

		memset(&before, 0x5a, sizeof(before));
		after = before;
		assert_int_equal(nsn_prefix_parse(&after, bad[i]), -EINVAL);
		assert_memory_equal(&after, &before, sizeof(after));
	}
}

static void networks_masks_and_last_addresses_of_both_families(void **state)
{
	static const struct {
		const char *p, *network, *last, *mask;
	} cases[] = {
		{"10.1.2.3/8", "10.0.0.0", "10.255.255.255", "255.0.0.0"},
		{"10.1.2.3/23", "10.1.2.0", "10.1.3.255", "255.255.254.0"},
		{"10.1.2.3/30", "10.1.2.0", "10.1.2.3", "255.255.255.252"},
		{"10.1.2.3/32", "10.1.2.3", "10.1.2.3", "255.255.255.255"},
		{"10.1.2.3/0", "0.0.0.0", "255.255.255.255", "0.0.0.0"},
		{"fd00::1:2/120", "fd00::1:0", "fd00::1:ff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00"},
		{"::1/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::"},
	};
	char buf[NSN_IP_STRLEN];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_prefix p;
		struct nsn_ip ip;

		assert_int_equal(nsn_prefix_parse(&p, cases[i].p), 0);
		ip = nsn_prefix_network(&p);
		assert_string_equal(nsn_ip_str(&ip, buf), cases[i].network);
		assert_true(nsn_prefix_has(&p, &ip));
		ip = nsn_prefix_last(&p);
		assert_string_equal(nsn_ip_str(&ip, buf), cases[i].last);
		assert_true(nsn_prefix_has(&p, &ip));
		ip = nsn_prefix_mask(&p);
		assert_string_equal(nsn_ip_str(&ip, buf), cases[i].mask);
	}
}

static void addresses_add_with_carry_and_wrap(void **state)
{
	static const struct {
		const char *ip;
		uint64_t n;
		const char *sum;
	} cases[] = {
		{"10.1.0.0", 1, "10.1.0.1"},
		{"10.1.0.255", 1, "10.1.1.0"},
		{"10.255.255.255", 2, "11.0.0.1"},
		{"10.0.0.0", 65536 + 257, "10.1.1.1"},
		{"255.255.255.255", 1, "0.0.0.0"},
		{"::ffff:ffff:ffff:ffff", 1, "0:0:0:1::"},
		{"::1", UINT64_MAX, "0:0:0:1::"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, "::"},
	};
	char buf[NSN_IP_STRLEN];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_ip ip, want;

		assert_int_equal(nsn_ip_parse(&ip, cases[i].ip), 0);
		assert_int_equal(nsn_ip_parse(&want, cases[i].sum), 0);
		ip = nsn_ip_add(&ip, cases[i].n);
		assert_string_equal(nsn_ip_str(&ip, buf), cases[i].sum);
		assert_int_equal(nsn_ip_cmp(&ip, &want), 0);
	}
}

static void prefixes_overlap_when_one_is_in_the_other(void **state)
{
	static const struct {
		const char *a, *b;
		bool yes;
	} cases[] = {
		{"10.1.0.0/16", "10.1.2.0/24", true},  {"10.1.0.0/24", "10.1.0.0/24", true},
		{"10.1.0.0/24", "10.1.1.0/24", false}, {"10.1.0.0/25", "10.1.0.128/25", false},
		{"0.0.0.0/0", "1.2.3.4/32", true},     {"0.0.0.0/0", "::/0", false},
		{"fd00::/8", "fdff::/16", true},       {"fd00::/8", "fc00::/8", false},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsn_prefix a, b;

		assert_int_equal(nsn_prefix_parse(&a, cases[i].a), 0);
		assert_int_equal(nsn_prefix_parse(&b, cases[i].b), 0);
		assert_int_equal(nsn_prefix_overlap(&a, &b), cases[i].yes);
		assert_int_equal(nsn_prefix_overlap(&b, &a), cases[i].yes);
	}
}

static void addresses_prefixes_and_macs_have_an_order(void **state)
{
	static const char *const sorted[] = {"9.0.0.0/8",  "10.0.0.0/8",  "10.0.0.0/24",
					     "10.0.1.0/8", "200.0.0.0/8", "::/0"};
	static const struct nsn_mac mac = {{6, 0, 0, 0, 1, 0xab}}, other = {{6, 0, 0, 0, 1, 0xac}};
	char buf[NSN_MAC_STRLEN];

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(sorted); i++) {
		for (size_t j = 0; j < NSN_COUNT(sorted); j++) {
			struct nsn_prefix a, b;
			int order;

			assert_int_equal(nsn_prefix_parse(&a, sorted[i]), 0);
			assert_int_equal(nsn_prefix_parse(&b, sorted[j]), 0);
			order = nsn_prefix_cmp(&a, &b);
			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
	assert_string_equal(nsn_mac_str(&mac, buf), "06:00:00:00:01:ab");
	assert_true(nsn_mac_cmp(&mac, &other) < 0);
	assert_int_equal(nsn_mac_cmp(&mac, &mac), 0);
}

/* ---- fd ------------------------------------------------------------------- */

struct env {
	char dir[128];
	int fd;
};

static int setup(void **state)
{
	static struct env env;
	const char *tmp = getenv("TMPDIR"); /* which tests/run.sh looks into afterwards */

	env = (struct env){.fd = -1};
	(void)snprintf(env.dir, sizeof(env.dir), "%s/nsnet-base-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(env.dir))
		return -1;
	env.fd = open(env.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &env;
	return env.fd < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int teardown(void **state)
{
	struct env *env = *state;

	nsn_closep(&env->fd);
	return nftw(env->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int open_in(const struct env *env, const char *name, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int fd = -1;
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", env->dir, name);
	return nsn_dir_open(&fd, path, err);
}

static void a_new_folder_is_ours_alone(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};
	struct stat st;

	assert_int_equal(open_in(env, "new", &err), 0);
	assert_int_equal(fstatat(env->fd, "new", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(open_in(env, "new/", &err), 0);
	assert_int_equal(open_in(env, "", &err), 0);
	assert_string_equal(err.msg, "");
}

static void a_folder_whose_parent_is_absent_is_not_made(void **state)
{
	struct nsnet_err err = {0};

	assert_int_equal(open_in(*state, "no/such", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "no/such': No such file or directory"));
}

static void a_folder_that_cannot_be_trusted_is_refused(void **state)
{
	static const struct {
		const char *name, *says;
	} cases[] = {
		{"link", "it is a symbolic link"},
		{"link/", "it is a symbolic link"},
		{"link//", "it is a symbolic link"},
		{"dangling", "it is a symbolic link"},
		{"file", "it is not a folder"},
		{"fifo", "it is not a folder"},
		{"group", "others can write to it"},
		{"world", "others can write to it"},
		{"sticky", "others can write to it"},
		{"world/in", "others can write to a folder above it"},
		{"world/in/deep", "others can write to a folder above it"},
	};
	struct env *env = *state;

	assert_int_equal(mkdirat(env->fd, "real", 0700), 0);
	assert_int_equal(symlinkat("real", env->fd, "link"), 0);
	assert_int_equal(symlinkat("nowhere", env->fd, "dangling"), 0);
	assert_int_equal(mknodat(env->fd, "file", S_IFREG | 0600, 0), 0);
	assert_int_equal(mkfifoat(env->fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(env->fd, "world", 0700), 0);
	assert_int_equal(mkdirat(env->fd, "world/in", 0700), 0);
	assert_int_equal(mkdirat(env->fd, "group", 0700), 0);
	assert_int_equal(mkdirat(env->fd, "sticky", 0700), 0);
	assert_int_equal(fchmodat(env->fd, "world", 0777, 0), 0);
	assert_int_equal(fchmodat(env->fd, "group", 0770, 0), 0);
	assert_int_equal(fchmodat(env->fd, "sticky", 01777, 0), 0);

	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct nsnet_err err = {0};

		assert_int_equal(open_in(env, cases[i].name, &err), -EPERM);
		assert_int_equal(err.id, NSNET_E_UNSAFE_PATH);
		assert_non_null(strstr(err.msg, cases[i].says));
	}
	assert_int_equal(faccessat(env->fd, "nowhere", F_OK, 0), -1);
}

static void a_folder_of_another_user_is_refused(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};

	if (geteuid() != 0)
		skip(); /* only root can give a folder away */
	assert_int_equal(mkdirat(env->fd, "theirs", 0700), 0);
	assert_int_equal(mkdirat(env->fd, "theirs/ours", 0700), 0);
	assert_int_equal(fchownat(env->fd, "theirs", 65534, 65534, 0), 0);
	assert_int_equal(open_in(env, "theirs", &err), -EPERM);
	assert_non_null(strstr(err.msg, "it belongs to another user"));
	assert_int_equal(open_in(env, "theirs/ours", &err), -EPERM);
	assert_non_null(strstr(err.msg, "a folder above it belongs to another user"));
}

static void a_sticky_folder_above_is_fine(void **state)
{
	struct env *env = *state;
	struct nsnet_err err = {0};

	assert_int_equal(mkdirat(env->fd, "tmp", 0700), 0);
	assert_int_equal(fchmodat(env->fd, "tmp", 01777, 0), 0);
	assert_int_equal(open_in(env, "tmp/mine", &err), 0);
}

static void a_path_in_a_message_is_escaped(void **state)
{
	struct nsnet_err err = {0};

	assert_int_equal(open_in(*state, "x\x1b/y", &err), -ENOENT);
	assert_non_null(strstr(err.msg, "/x\\x1b/y'"));
}

static void small_files_are_read_whole_and_written_whole(void **state)
{
	struct env *env = *state;
	char buf[8];

	assert_int_equal(mknodat(env->fd, "f", S_IFREG | 0600, 0), 0);
	assert_int_equal(nsn_file_write(env->fd, "f", "123456\n"), 0);
	assert_int_equal(nsn_file_read(env->fd, "f", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "123456");
	assert_int_equal(nsn_file_write(env->fd, "f", "1\n\n"), 0);
	assert_int_equal(nsn_file_read(env->fd, "f", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "1\n");
	assert_int_equal(nsn_file_write(env->fd, "f", ""), 0);
	assert_int_equal(nsn_file_read(env->fd, "f", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
	assert_int_equal(nsn_file_write(env->fd, "f", "12345678"), 0);
	assert_int_equal(nsn_file_read(env->fd, "f", buf, sizeof(buf)), -EFBIG);
	assert_int_equal(nsn_file_read(env->fd, "absent", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(nsn_file_write(env->fd, "absent", "1"), -ENOENT);
}

int main(void)
{
#define FD_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_name_exit_and_help_and_is_found_by_its_name),
		cmocka_unit_test(what_is_no_code_is_harmless),
		cmocka_unit_test(err_fills_all_fields_and_clears_the_ones_of_before),
		cmocka_unit_test(err_wrap_puts_the_outer_context_first),
		cmocka_unit_test(err_wrap_around_nothing_still_is_an_error),
		cmocka_unit_test(err_may_quote_its_own_text),
		cmocka_unit_test(err_null_is_fine_everywhere),
		cmocka_unit_test(err_sys_adds_the_words_of_the_system),
		cmocka_unit_test(err_that_does_not_fit_says_so),
		cmocka_unit_test(err_is_not_cut_inside_a_character),
		cmocka_unit_test(err_never_has_a_control_character),
		cmocka_unit_test(numbers_are_decimal_digits_only),
		cmocka_unit_test(foreign_text_is_shown_escaped_and_cut),
		cmocka_unit_test(arena_pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(arena_copies_and_prints),
		cmocka_unit_test(distance_counts_edits_and_swaps),
		cmocka_unit_test(prefixes_are_taken_in_one_form_only),
		cmocka_unit_test(networks_masks_and_last_addresses_of_both_families),
		cmocka_unit_test(addresses_add_with_carry_and_wrap),
		cmocka_unit_test(prefixes_overlap_when_one_is_in_the_other),
		cmocka_unit_test(addresses_prefixes_and_macs_have_an_order),
		FD_TEST(a_new_folder_is_ours_alone),
		FD_TEST(a_folder_whose_parent_is_absent_is_not_made),
		FD_TEST(a_folder_that_cannot_be_trusted_is_refused),
		FD_TEST(a_folder_of_another_user_is_refused),
		FD_TEST(a_sticky_folder_above_is_fine),
		FD_TEST(a_path_in_a_message_is_escaped),
		FD_TEST(small_files_are_read_whole_and_written_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
