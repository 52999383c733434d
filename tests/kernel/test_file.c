/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/kernel/enter.h"
#include "../../lib/kernel/file.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * file - a workload's own files: made, known again, and laid over /etc. The
 * world's /etc is a layer that is thrown away.
 */

#define DIR  "/etc/netns/blue"
#define PATH DIR "/resolv.conf"
#define MARK NSN_FILE_MARK "0123456789abcdef0123456789abcdef\n"
#define TEXT MARK "nameserver 10.10.1.1\n"

/* @call fills `err`. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		struct nsnet_err err = {0};                                                        \
		lab_ok((call), &err, #call, __FILE__, __LINE__);                                   \
		assert_string_equal(err.msg, "");                                                  \
	} while (0)

static void sh(const char *command)
{
	RUN_STATUS(0, "sh", "-ec", command);
}

static struct nsn_object file(const char *path, const char *text)
{
	return (struct nsn_object){.kind = NSN_OBJ_FILE,
				   .at = {.role = NSN_ENDPOINT, .id = 1},
				   .link = "",
				   .u.file = {.path = path, .text = text, .ours = true}};
}

/* What is seen of PATH: 'o' ours, 'f' somebody else's, '-' nothing; the text follows. */
static const char *seen(void)
{
	static char out[NSN_FILE_MAX + 16];
	struct nsn_state s = {0};
	const struct nsn_object *o;

	OK(nsn_file_observe(PATH, &s, (struct nsn_place){.role = NSN_ENDPOINT, .id = 1}, &err));
	o = s.objects;
	if (s.n == 0) {
		(void)snprintf(out, sizeof(out), "-");
	} else {
		assert_int_equal(s.n, 1);
		assert_int_equal(o->kind, NSN_OBJ_FILE);
		assert_int_equal(o->at.id, 1);
		assert_string_equal(o->u.file.path, PATH);
		(void)snprintf(out, sizeof(out), "%c%s", o->u.file.ours ? 'o' : 'f',
			       o->u.file.text);
	}
	nsn_state_clear(&s);
	return out;
}

static void makes(const char *text)
{
	const struct nsn_object o = file(PATH, text);
	int fds = lab_fds();

	OK(nsn_file_make(&o, &err));
	assert_int_equal(lab_fds(), fds);
}

static void drops(void)
{
	const struct nsn_object o = file(PATH, "");
	int fds = lab_fds();

	OK(nsn_file_drop(&o, &err));
	assert_int_equal(lab_fds(), fds);
}

static void prints(const char *command, const char *want)
{
	char *out = lab_sh("%s", command);

	assert_string_equal(out, want);
	free(out);
}

/* ---- ours ---------------------------------------------------------------------------- */

static void the_mark_is_the_first_line(void **state)
{
	(void)state;
	assert_true(nsn_file_is_ours(TEXT));
	assert_true(nsn_file_is_ours(NSN_FILE_MARK "0\n"));
	assert_false(nsn_file_is_ours(""));
	assert_false(nsn_file_is_ours("\n" TEXT));
	assert_false(nsn_file_is_ours("# made by nsnet, store"));
	assert_false(nsn_file_is_ours(NSN_FILE_MARK));
	assert_false(nsn_file_is_ours(NSN_FILE_MARK "\n"));
	assert_false(nsn_file_is_ours(NSN_FILE_MARK "0123"));
	assert_false(nsn_file_is_ours(NSN_FILE_MARK "0123 by hand\n"));
	assert_false(nsn_file_is_ours(NSN_FILE_MARK "GG\n"));
}

static void a_file_is_made_with_its_folders_and_removed(void **state)
{
	mode_t old;

	(void)state;
	world_need();
	assert_string_equal(seen(), "-");
	old = umask(077);
	makes(TEXT);
	(void)umask(old);
	assert_string_equal(seen(), "o" TEXT);
	prints("stat -c '%A %U:%G %h' /etc/netns " DIR " " PATH,
	       "drwxr-xr-x root:root 3\ndrwxr-xr-x root:root 2\n-rw-r--r-- root:root 1");
	makes(TEXT);
	assert_string_equal(seen(), "o" TEXT);
	drops();
	assert_string_equal(seen(), "-");
	prints("ls -A /etc/netns", "");
	drops();
	sh("rmdir /etc/netns");
	drops();
	assert_string_equal(seen(), "-");
}

static void a_folder_with_other_files_stays(void **state)
{
	(void)state;
	world_need();
	makes(TEXT);
	sh("echo 10.0.0.1 x >" DIR "/hosts; mkdir /etc/netns/red");
	drops();
	prints("ls -A " DIR, "hosts");
	prints("ls -A /etc/netns", "blue\nred");
	drops();
}

/* A bind mount holds the inode: who has entered sees the new text. */
static void a_file_is_rewritten_in_place(void **state)
{
	char *before, *after;

	(void)state;
	world_need();
	makes(TEXT "# and a longer one: cut off later\n");
	before = lab_sh("stat -c %%i " PATH);
	sh("touch /run/seen; mount --bind " PATH " /run/seen");
	makes(TEXT);
	after = lab_sh("stat -c %%i " PATH);
	assert_string_equal(before, after);
	free(before);
	free(after);
	prints("tail -n +2 /run/seen", "nameserver 10.10.1.1");
	makes(MARK "nameserver 10.10.1.1\nnameserver 10.10.1.9\n");
	prints("tail -n 1 /run/seen", "nameserver 10.10.1.9");
	/* One that is mounted can go all the same. */
	drops();
	assert_string_equal(seen(), "-");
}

static void a_file_of_ours_that_was_changed_is_ours_and_differs(void **state)
{
	static const char *const changes[] = {
		"chmod 0666 " PATH,	"chmod 0600 " PATH,
		"chmod 4644 " PATH,	"printf 'x\\0y' >>" PATH,
		"printf '\\0' >>" PATH, "echo 'nameserver 8.8.8.8' >>" PATH,
		"sed -i 2d " PATH,
	};
	size_t i;

	(void)state;
	world_need();
	for (i = 0; i < NSN_COUNT(changes); i++) {
		makes(TEXT);
		assert_string_equal(seen(), "o" TEXT);
		sh(changes[i]);
		assert_int_equal(seen()[0], 'o');
		if (strcmp(seen(), "o" TEXT) == 0)
			fail_msg("not seen: %s", changes[i]);
		makes(TEXT);
		assert_string_equal(seen(), "o" TEXT);
		prints("stat -c %a " PATH, "644");
	}
}

/* What a crash leaves between the name and the text, or before the file is ready. */
static void a_half_made_file_is_ours(void **state)
{
	static const char *const halves[] = {
		": >" PATH,
		"printf '# made by' >" PATH,
		"printf '\\0\\0\\0\\0' >" PATH,
	};
	size_t i;

	(void)state;
	world_need();
	for (i = 0; i < NSN_COUNT(halves); i++) {
		sh("mkdir -p " DIR);
		sh(halves[i]);
		/* An empty one has nothing to lose, whoever made it. */
		assert_int_equal(seen()[0], i == 0 ? 'o' : 'f');
		sh("chmod 0200 " PATH);
		assert_string_equal(seen(), "o");
		makes(TEXT);
		assert_string_equal(seen(), "o" TEXT);
		sh("rm " PATH);
		sh(halves[i]);
		sh("chmod 0200 " PATH);
		drops();
		assert_string_equal(seen(), "-");
	}
}

/* Killed at any moment: the next one takes over what it finds. */
static void a_killed_writer_leaves_what_is_ours(void **state)
{
	unsigned int i;

	(void)state;
	world_need();
	for (i = 0; i < 200; i++) {
		struct timespec delay = {.tv_nsec = (long)(i % 50) * 20000};
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			struct nsn_object a = file(PATH, TEXT), b = file(PATH, MARK);

			for (;;) {
				(void)nsn_file_make(&a, NULL);
				(void)nsn_file_make(&b, NULL);
				(void)nsn_file_drop(&a, NULL);
			}
		}
		(void)nanosleep(&delay, NULL);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		if (seen()[0] == 'f')
			fail_msg("after %u: %s", i, seen());
	}
	makes(TEXT);
	assert_string_equal(seen(), "o" TEXT);
}

static void a_file_that_cannot_be_written_leaves_nothing(void **state)
{
	char *long_text = malloc(NSN_FILE_MAX), *out;
	struct nsnet_err err = {0};
	struct nsn_object o;

	(void)state;
	world_need();
	assert_non_null(long_text);
	memset(long_text, 'x', NSN_FILE_MAX);
	memcpy(long_text, MARK, strlen(MARK));
	long_text[NSN_FILE_MAX - 1] = '\0';
	o = file(PATH, long_text);
	/* Room for a page and the folders. */
	sh("mkdir /etc/netns; mount -t tmpfs -o size=8k,mode=755 small /etc/netns");
	assert_int_equal(nsn_file_make(&o, &err), -ENOSPC);
	assert_string_equal(seen(), "-");
	out = lab_sh("umount /etc/netns");
	free(out);
	makes(long_text);
	makes(TEXT);
	assert_string_equal(seen(), "o" TEXT);
	free(long_text);
}

/* ---- not ours ------------------------------------------------------------------------- */

static void what_is_not_ours_is_never_touched(void **state)
{
	/* How it is made, and what is seen of it. */
	static const struct {
		const char *make, *seen;
	} others[] = {
		{"echo nameserver 9.9.9.9 >" PATH, "fnameserver 9.9.9.9\n"},
		{"printf '\\n%s\\n' '" NSN_FILE_MARK "0' >" PATH, "f\n" NSN_FILE_MARK "0\n"},
		{"echo '" NSN_FILE_MARK "0' >/run/x; ln -sf /run/x " PATH, "f"},
		{"ln -s /nowhere " PATH, "f"},
		{"ln -s resolv.conf " PATH, "f"},
		{"mkfifo " PATH, "f"},
		{"mkdir " PATH, "f"},
		{"mknod " PATH " c 5 2", "f"},
		{"echo '" NSN_FILE_MARK "0' >" PATH "; ln " PATH " " DIR "/other", "f"},
		{"echo '" NSN_FILE_MARK "0' >" PATH "; chown 1000 " PATH, "f"},
		{"(echo '" NSN_FILE_MARK "0'; head -c 262144 /dev/zero) >" PATH, "f"},
	};
	struct nsn_object o = file(PATH, TEXT);
	size_t i;

	(void)state;
	world_need();
	for (i = 0; i < NSN_COUNT(others); i++) {
		struct nsnet_err err = {0};
		char *before, *after;

		sh("rm -rf " DIR "; mkdir -p " DIR);
		sh(others[i].make);
		before = lab_sh("find " DIR " -printf '%%p %%y %%i %%s %%m %%u %%T@\\n'");
		assert_string_equal(seen(), others[i].seen);
		assert_int_equal(nsn_file_make(&o, &err), -EEXIST);
		assert_int_equal(err.id, NSNET_E_UNSAFE_PATH);
		assert_non_null(strstr(err.msg, "'" PATH "'"));
		drops();
		after = lab_sh("find " DIR " -printf '%%p %%y %%i %%s %%m %%u %%T@\\n'");
		assert_string_equal(before, after);
		free(before);
		free(after);
	}
}

/* For some devices being opened is an order. */
static void a_device_is_not_even_opened(void **state)
{
	NSN_AUTO(nsn_closep) int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct nsn_object o = file(PATH, TEXT);
	char event[256];

	(void)state;
	world_need();
	assert_true(fd >= 0);
	sh("mkdir -p " DIR "; mknod " PATH " c 1 3");
	assert_true(inotify_add_watch(fd, PATH, IN_OPEN) >= 0);
	assert_string_equal(seen(), "f");
	assert_int_equal(nsn_file_make(&o, NULL), -EEXIST);
	drops();
	assert_int_equal(read(fd, event, sizeof(event)), -1);
	/* The watch works. */
	sh(": >>" PATH);
	assert_true(read(fd, event, sizeof(event)) > 0);
}

static void a_folder_that_is_not_roots_alone_is_refused(void **state)
{
	static const struct {
		const char *make, *says;
	} folders[] = {
		{"mkdir -p /run/other/blue; ln -s /run/other /etc/netns", "symbolic link"},
		{"mkdir -p /etc/netns /run/other; ln -s /run/other " DIR, "symbolic link"},
		{"mkdir -p " DIR "; chmod g+w /etc/netns", "others can write"},
		{"mkdir -p " DIR "; chmod o+w " DIR, "others can write"},
		{"mkdir -p " DIR "; chmod 1777 " DIR, "others can write"},
		{"mkdir -p " DIR "; chown 1000 /etc/netns", "another user"},
		{"mkdir -p " DIR "; chown 1000 " DIR, "another user"},
		{"touch /etc/netns", "not a folder"},
		{"mkdir /etc/netns; mkfifo " DIR, "not a folder"},
	};
	struct nsn_object o = file(PATH, TEXT);
	size_t i;

	(void)state;
	world_need();
	for (i = 0; i < NSN_COUNT(folders); i++) {
		struct nsnet_err err[3] = {{0}};
		struct nsn_state s = {0};
		size_t j;

		sh("rm -rf /etc/netns /run/other");
		sh(folders[i].make);
		assert_int_equal(nsn_file_make(&o, &err[0]), -EPERM);
		assert_int_equal(nsn_file_observe(PATH, &s, o.at, &err[1]), -EPERM);
		assert_int_equal(nsn_file_drop(&o, &err[2]), -EPERM);
		for (j = 0; j < NSN_COUNT(err); j++) {
			assert_int_equal(err[j].id, NSNET_E_UNSAFE_PATH);
			assert_non_null(strstr(err[j].msg, folders[i].says));
		}
		prints("find /run/other -type f 2>/dev/null || :", "");
		nsn_state_clear(&s);
	}
}

static void other_paths_are_refused(void **state)
{
	static const char *const paths[] = {
		"",
		"/etc/passwd",
		"/etc/netns",
		"/etc/netns/",
		"/etc/netns/blue",
		"/etc/netns/blue/",
		"/etc/netns//hosts",
		"/etc/netns/../hosts",
		"/etc/netns/blue/..",
		"/etc/netns/blue/../../passwd",
		"/etc/netns/blue/a/b",
		"/etc/netns/blue/.hidden",
		"/etc/netnsx/blue/hosts",
		"etc/netns/blue/hosts",
	};
	size_t i;

	(void)state;
	world_need();
	for (i = 0; i < NSN_COUNT(paths); i++) {
		struct nsn_object o = file(paths[i], TEXT);
		struct nsn_state s = {0};

		assert_int_equal(nsn_file_make(&o, NULL), -EINVAL);
		assert_int_equal(nsn_file_drop(&o, NULL), -EINVAL);
		assert_int_equal(nsn_file_observe(paths[i], &s, o.at, NULL), -EINVAL);
		nsn_state_clear(&s);
	}
	prints("ls -d /etc/netns 2>/dev/null || :", "");
}

static void a_text_without_the_mark_is_not_written(void **state)
{
	struct nsn_object o = file(PATH, "nameserver 10.10.1.1\n");
	struct nsnet_err err = {0};

	(void)state;
	world_need();
	assert_int_equal(nsn_file_make(&o, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_INTERNAL);
	assert_string_equal(seen(), "-");
}

/* ---- entering -------------------------------------------------------------------------- */

/* What @command prints inside, with @etc over /etc; NULL and *@err when entering failed. */
static char *inside(const char *etc, const char *command, struct nsnet_err *err)
{
	struct nsn_home home = {.fd = -1};
	struct nsn_netns *ns = NULL;
	struct nsnet_err *shared = err;
	int out[2], why[2], status = 0;
	char *text = calloc(1, 4096);
	size_t used = 0;
	ssize_t n;
	pid_t child;

	assert_non_null(text);
	lab_ok(nsn_home_open(&home, shared), shared, "home", __FILE__, __LINE__);
	lab_ok(nsn_netns_create(&ns, &home, false, shared), shared, "netns", __FILE__, __LINE__);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(why, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (nsn_enter(ns, etc, err) < 0) {
			(void)!write(why[1], err, sizeof(*err));
			_exit(125);
		}
		(void)dup2(out[1], 1);
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	(void)close(out[1]);
	(void)close(why[1]);
	while (used < 4095 && (n = read(out[0], text + used, 4095 - used)) > 0)
		used += (size_t)n;
	if (read(why[0], err, sizeof(*err)) == (ssize_t)sizeof(*err)) {
		free(text);
		text = NULL;
	}
	(void)close(out[0]);
	(void)close(why[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	nsn_netns_close(ns);
	nsn_home_close(&home);
	return text;
}

static void inside_prints(const char *etc, const char *command, const char *want)
{
	struct nsnet_err err = {0};
	char *text = inside(etc, command, &err);

	if (!text)
		fail_msg("enter: %s", err.msg);
	assert_string_equal(text, want);
	free(text);
}

/* A host that has no resolv.conf, but hosts. */
static void bare_host(void)
{
	sh("rm -rf /etc/resolv.conf /etc/hosts /etc/netns; echo host >/etc/hosts; mkdir -p " DIR);
}

static void files_lie_over_the_hosts(void **state)
{
	(void)state;
	world_need();
	bare_host();
	sh("echo host >/etc/resolv.conf; echo ours >" PATH "; echo ours too >" DIR "/hosts");
	inside_prints(DIR, "cat /etc/resolv.conf /etc/hosts", "ours\nours too\n");
	inside_prints("", "cat /etc/resolv.conf /etc/hosts", "host\nhost\n");
	inside_prints("/etc/netns/none", "cat /etc/resolv.conf", "host\n");
	/* The host itself sees nothing of it. */
	prints("cat /etc/resolv.conf /etc/hosts; grep -c 'netns/blue' /proc/self/mountinfo || :",
	       "host\nhost\n0");
}

static void where_the_host_has_none_there_is_none(void **state)
{
	static const char *const missing[] = {
		"rm -f /etc/resolv.conf",
		"ln -sf /run/nowhere/resolv.conf /etc/resolv.conf",
		"ln -sf ../run/nowhere /etc/resolv.conf",
	};
	size_t i;

	(void)state;
	world_need();
	bare_host();
	sh("echo ours >" PATH "; echo ours too >" DIR "/hosts");
	for (i = 0; i < NSN_COUNT(missing); i++) {
		sh(missing[i]);
		/* The others lie there nevertheless. */
		inside_prints(DIR, "cat /etc/hosts; test -e /etc/resolv.conf || echo none",
			      "ours too\nnone\n");
	}
	prints("ls /run/nowhere 2>&1 | grep -c cannot", "1");
}

static void a_link_of_the_host_keeps_its_target(void **state)
{
	(void)state;
	world_need();
	bare_host();
	sh("echo host >/run/stub; ln -s ../run/stub /etc/resolv.conf; echo ours >" PATH);
	inside_prints(DIR, "cat /etc/resolv.conf /run/stub; readlink /etc/resolv.conf",
		      "ours\nours\n../run/stub\n");
	prints("cat /etc/resolv.conf /run/stub; grep -c ' /run/stub ' /proc/self/mountinfo || :",
	       "host\nhost\n0");
}

static void what_is_no_file_is_passed_over(void **state)
{
	(void)state;
	world_need();
	bare_host();
	sh("echo host >/etc/resolv.conf; mkdir /etc/d; echo host >/etc/d/f; echo host >/etc/p;"
	   "echo host >/etc/l; echo host >/etc/c; echo host >/etc/.h; echo host >/etc/s");
	sh("echo ours >" PATH "; mkdir " DIR "/d; echo ours >" DIR "/d/f; mkfifo " DIR "/p;"
	   "ln -s nowhere " DIR "/l; mknod " DIR "/c c 1 3; echo ours >" DIR "/.h;"
	   "ln -s resolv.conf " DIR "/s");
	inside_prints(DIR, "cat /etc/resolv.conf /etc/d/f /etc/p /etc/l /etc/c /etc/.h",
		      "ours\nhost\nhost\nhost\nhost\nhost\n");
	/* A link to a file is a file, as to ip-netns(8). */
	inside_prints(DIR, "cat /etc/s", "ours\n");
}

static void a_file_that_cannot_lie_there_is_an_error(void **state)
{
	static const char *const hosts[] = {
		"mkdir /etc/resolv.conf",
		"ln -s resolv.conf /etc/resolv.conf",
		"ln -s /etc/hosts/x /etc/resolv.conf",
	};
	size_t i;

	(void)state;
	world_need();
	for (i = 0; i < NSN_COUNT(hosts); i++) {
		struct nsnet_err err = {0};

		bare_host();
		sh("echo ours >" PATH);
		sh(hosts[i]);
		assert_null(inside(DIR, "true", &err));
		assert_non_null(strstr(err.msg, "lay '" PATH "' over '/etc/resolv.conf'"));
	}
	bare_host();
	sh("rmdir " DIR "; echo >" DIR);
	{
		struct nsnet_err err = {0};

		assert_null(inside(DIR, "true", &err));
		assert_non_null(strstr(err.msg, "'" DIR "'"));
	}
}

/* The whole way: what nsn_file_make() made is seen inside, also after it was changed. */
static void a_made_file_is_seen_inside_and_follows_changes(void **state)
{
	(void)state;
	world_need();
	bare_host();
	sh("echo host >/etc/resolv.conf");
	makes(TEXT);
	inside_prints(DIR, "tail -n 1 /etc/resolv.conf", "nameserver 10.10.1.1\n");
	/* From inside, with an /etc that has it already. */
	inside_prints(DIR,
		      "sed -e s/10.10.1.1/10.10.1.7/ " PATH " >/run/new; cat /run/new >" PATH
		      "; tail -n 1 /etc/resolv.conf",
		      "nameserver 10.10.1.7\n");
	drops();
	inside_prints(DIR, "cat /etc/resolv.conf", "host\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(the_mark_is_the_first_line),
		TEST(a_file_is_made_with_its_folders_and_removed),
		TEST(a_folder_with_other_files_stays),
		TEST(a_file_is_rewritten_in_place),
		TEST(a_file_of_ours_that_was_changed_is_ours_and_differs),
		TEST(a_half_made_file_is_ours),
		TEST(a_killed_writer_leaves_what_is_ours),
		TEST(a_file_that_cannot_be_written_leaves_nothing),
		TEST(what_is_not_ours_is_never_touched),
		TEST(a_device_is_not_even_opened),
		TEST(a_folder_that_is_not_roots_alone_is_refused),
		TEST(other_paths_are_refused),
		TEST(a_text_without_the_mark_is_not_written),
		TEST(files_lie_over_the_hosts),
		TEST(where_the_host_has_none_there_is_none),
		TEST(a_link_of_the_host_keeps_its_target),
		TEST(what_is_no_file_is_passed_over),
		TEST(a_file_that_cannot_lie_there_is_an_error),
		TEST(a_made_file_is_seen_inside_and_follows_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
