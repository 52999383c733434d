/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "../../lib/spawn/view_parts.h"

/* What is typed for a view, and what passwd(5) says: text only. */

/* ---- volumes ------------------------------------------------------------------------------ */

static void volume_is(const char *text, const char *source, const char *path, bool ro, size_t depth)
{
	struct nsn_arena a = {0};
	struct nsn_volume v = {0};
	struct nsnet_err err = {0};

	if (nsn_volume_parse(&a, text, &v, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	assert_string_equal(err.msg, "");
	assert_string_equal(v.typed, text);
	assert_string_equal(v.source, source);
	assert_string_equal(v.path, path);
	assert_int_equal(v.read_only, ro);
	assert_int_equal(v.depth, depth);
	assert_int_equal(v.tree, -1);
	nsn_arena_free(&a);
}

static void volume_is_not(const char *text, const char *part)
{
	struct nsn_arena a = {0};
	struct nsn_volume v = {.depth = 77};
	struct nsnet_err err = {0};

	if (nsn_volume_parse(&a, text, &v, &err) != -EINVAL)
		fail_msg("'%s' was taken", text);
	assert_int_equal(err.id, NSNET_E_BAD_VOLUME);
	if (!strstr(err.msg, part))
		fail_msg("'%s': %s", text, err.msg);
	assert_int_equal(v.depth, 77);
	nsn_arena_free(&a);
}

static void volumes(void **state)
{
	(void)state;
	volume_is("/a:/b", "/a", "b", false, 1);
	volume_is("/a/b:/b/c/d:ro", "/a/b", "b/c/d", true, 3);
	volume_is("/a:/b:rw", "/a", "b", false, 1);
	volume_is("/a/../b:/b", "/a/../b", "b", false, 1); /* the host's: the kernel resolves it */
	volume_is("/a://b///c//", "/a", "b/c", false, 2);
	volume_is("/a:/...", "/a", "...", false, 1);
	volume_is("/a:/.b/c.", "/a", ".b/c.", false, 2);
	volume_is("/a:/etc/app", "/a", "etc/app", false, 2);
	volume_is("/a:/usr/local", "/a", "usr/local", false, 2);
	volume_is("/a:/procure/system", "/a", "procure/system", false, 2);
}

static void volumes_that_are_none(void **state)
{
	char longest[600] = "/a:/";

	(void)state;
	volume_is_not("", "SRC:DST");
	volume_is_not("/a", "SRC:DST");
	volume_is_not(":/b", "host's path");
	volume_is_not("a:/b", "host's path");
	volume_is_not("/a:", "begin with '/'");
	volume_is_not("/a:b", "begin with '/'");
	volume_is_not("/a:/b:", "'ro' or 'rw'");
	volume_is_not("/a:/b:RO", "'ro' or 'rw'");
	volume_is_not("/a:/b:ro:", "'ro' or 'rw'");
	volume_is_not("/a:/b:ro,exec", "'ro' or 'rw'");
	volume_is_not("/a:/", "--rootfs");
	volume_is_not("/a:///", "--rootfs");
	volume_is_not("/a:/b/../c", "'..'");
	volume_is_not("/a:/..", "'..'");
	volume_is_not("/a:/b/.", "'.'");
	volume_is_not("/a:/proc", "'/proc'");
	volume_is_not("/a:/proc/sys", "'/proc'");
	volume_is_not("/a://proc//sys", "'/proc'");
	volume_is_not("/a:/sys/", "'/sys'");
	volume_is_not("/a:/dev/shm", "'/dev'");
	volume_is_not("/a:/etc", "'/etc'");
	volume_is_not("/a:/usr", "'/usr'");
	volume_is_not("/a:/etc/passwd", "'/etc/passwd'");
	volume_is_not("/a:/etc/ld.so.preload", "ld.so.preload");
	memset(longest + 4, 'x', 256);
	volume_is_not(longest, "too long");
	longest[4 + 255] = '\0';
	volume_is(longest, "/a", longest + 4, false, 1);
}

/* ---- users --------------------------------------------------------------------------------- */

static void user_is(const char *text, const char *name, const char *group)
{
	struct nsn_arena a = {0};
	struct nsn_user_text u = {0};

	assert_int_equal(nsn_user_parse(&a, text, &u, NULL), 0);
	assert_string_equal(u.name, name);
	assert_int_equal(u.group == NULL, group == NULL);
	if (group)
		assert_string_equal(u.group, group);
	nsn_arena_free(&a);
}

static void users(void **state)
{
	static const char *const none[] = {"", ":", "a:", ":a", "a:b:c", "a:b:", "../a", "a/b"};

	(void)state;
	user_is("0", "0", NULL);
	user_is("www-data", "www-data", NULL);
	user_is("1000:1001", "1000", "1001");
	user_is("www-data:adm", "www-data", "adm");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct nsn_arena a = {0};
		struct nsn_user_text u;
		struct nsnet_err err = {0};

		if (nsn_user_parse(&a, none[i], &u, &err) != -EINVAL)
			fail_msg("'%s' was taken", none[i]);
		assert_int_equal(err.id, NSNET_E_BAD_USER);
		nsn_arena_free(&a);
	}
}

/* ---- accounts ------------------------------------------------------------------------------- */

static void account_is(const char **text, const char *name, uint32_t uid, uint32_t gid,
		       const char *home)
{
	struct nsn_account a;

	assert_true(nsn_account_next(text, &a));
	assert_int_equal(a.name_len, strlen(name));
	assert_memory_equal(a.name, name, a.name_len);
	assert_int_equal(a.uid, uid);
	assert_int_equal(a.gid, gid);
	assert_int_equal(a.home_len, strlen(home));
	assert_memory_equal(a.home, home, a.home_len);
}

static void accounts(void **state)
{
	const char *text = "root:x:0:0:root:/root:/bin/sh\n"
			   "\n# a comment\nnonumber:x:a:0::/:\nhuge:x:4294967295:0::/:\n"
			   "neg:x:-1:0::/:\nshort:x:5\n:x:7:7::/:\nzero:x:00:0::/:\n"
			   "a:x:1:2\n"
			   "last:x:65534:65534:n:/nonexistent";
	struct nsn_account a;

	(void)state;
	account_is(&text, "root", 0, 0, "/root");
	account_is(&text, "a", 1, 2, "");
	account_is(&text, "last", 65534, 65534, "/nonexistent");
	assert_false(nsn_account_next(&text, &a));
	assert_false(nsn_account_next(&text, &a));
}

static void groups(void **state)
{
	const char *text = "root:x:0:\nbad:x::a\nsudo:x:27:alice,bob\n";
	struct nsn_account a;

	(void)state;
	assert_true(nsn_group_next(&text, &a));
	assert_int_equal(a.gid, 0);
	assert_true(nsn_group_next(&text, &a));
	assert_int_equal(a.gid, 27);
	assert_int_equal(a.home_len, strlen("alice,bob"));
	assert_false(nsn_group_next(&text, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volumes), cmocka_unit_test(volumes_that_are_none),
		cmocka_unit_test(users),   cmocka_unit_test(accounts),
		cmocka_unit_test(groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
