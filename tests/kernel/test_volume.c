/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../lib/jail.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * volume - folders and files of the host inside: who owns what on either side, and that a hostile
 * volume leads nowhere. /run is a tmpfs of the test's own.
 */

#define MAX_VOLUMES 4

struct with {
	struct nsn_view_def def;
	const char *volumes[MAX_VOLUMES];
};

/* With these volumes, up to NULL. */
static struct nsn_view_def *with(const char *user, const char *const *volumes)
{
	static struct with w;

	w = (struct with){.def = {.hostname = "web", .resolv = -1, .hosts = -1, .user = user}};
	while (volumes[w.def.n_volumes]) {
		w.volumes[w.def.n_volumes] = volumes[w.def.n_volumes];
		w.def.n_volumes++;
	}
	w.def.volumes = w.volumes;
	return &w.def;
}
#define WITH(user, ...) with((user), (const char *const[]){__VA_ARGS__, NULL})

static void sh(const char *command)
{
	RUN_STATUS(0, "sh", "-ec", command);
}

static void is(const char *path, const char *format, const char *want)
{
	NSN_AUTO(nsn_freep) char *got = lab_sh("stat -c '%s' %s", format, path);

	assert_string_equal(got, want);
}

/* ---- owners ------------------------------------------------------------------------------------
 */

static void files_belong_to_the_owner_on_the_disk(void **state)
{
	(void)state;
	world_need();
	sh("mkdir /run/v; chown 4000:4001 /run/v; echo old >/run/v/old; chown 4000:4001 "
	   "/run/v/old");
	jail_sh(WITH("1000", "/run/v:/data"), JAIL_USER,
		"[ $(stat -c %u:%g /data) = 1000:1000 ]; [ $(cat /data/old) = old ]\n"
		"echo new >/data/new; echo more >>/data/old; mkdir /data/d");
	is("/run/v/new", "%u:%g", "4000:4001");
	is("/run/v/d", "%u:%g", "4000:4001");
	/* Root inside, too, is the owner there and not root. */
	jail_sh(WITH(NULL, "/run/v:/data"), JAIL_ROOT, "echo r >/data/r; cat /data/new");
	is("/run/v/r", "%u:%g", "4000:4001");
}

static void a_folder_of_roots_is_the_users(void **state)
{
	(void)state;
	world_need();
	sh("mkdir -m 1777 /run/v; echo r >/run/v/r; mkdir /run/v/mine; chown 1000:1001 "
	   "/run/v/mine");
	jail_sh(WITH("1000:1001", "/run/v:/data"), JAIL_USER,
		"echo new >/data/mine/new; [ $(stat -c %u:%g /data/mine/new) = 1000:1001 ]\n"
		"[ $(stat -c %u:%g /data/r) = 65534:65534 ]; cat /data/r; no 'echo x >/data/r'\n"
		/* The kernel: nobody writes where the owner has no number. */
		"no 'touch /data/x'");
	is("/run/v/mine/new", "%u:%g", "1000:1001");
	is("/run/v/r", "%u:%g", "0:0");
}

/* The reason for all of it: SPAWN's decision that the disk's 0 is never mapped. */
static void no_setuid_root_program_comes_to_be(void **state)
{
	static const char attempt[] =
		"cp /usr/bin/id /data/id; chmod 4755 /data/id\n"
		"no 'chown 5 /data/root'; no 'chgrp 5 /data/root'; chmod 777 /data\n"
		"no 'setpriv --reuid 5 --regid 5 --clear-groups touch /data/five'";

	(void)state;
	world_need();
	sh("for d in v w; do mkdir -p /run/$d/d; echo >/run/$d/root; echo >/run/$d/d/root; done\n"
	   "chown -R 1000:1000 /run/v/d; chown -R 4000:4000 /run/w; chmod 1777 /run/v");
	/* As root inside with all its capabilities. With --user 1000, 0 has no number there. */
	jail_sh(WITH("1000", "/run/v:/data"), JAIL_ROOT,
		"no 'touch /data/x'; no 'touch /data/d/x'; no 'mkdir /data/d/x'\n"
		"cp /usr/bin/id $T/id; chmod 755 $T/id\n"
		"setpriv --reuid 1000 --regid 1000 --clear-groups sh -ec "
		"'cp $T/id /data/d/id; chmod 6755 /data/d/id'\n"
		"no 'chown 0 /data/d/id'; no 'chown 0:0 /data/d/root'; no 'chown 5 /data/root'");
	is("/run/v/d/id", "%u:%g:%a", "1000:1000:6755");
	/* 0 inside is the owner's 4000 there: to give itself a file is nothing new. */
	jail_sh(WITH(NULL, "/run/w:/data"), JAIL_ROOT, "chown 0:0 /data/root; true");
	jail_sh(WITH("7", "/run/w:/data"), JAIL_ROOT,
		"no 'chown 0 /data/root'; no 'touch /data/x'");
	is("/run/w/root", "%u:%g", "4000:4000");
	sh("rm -r /run/w; mkdir -m 777 /run/w; echo >/run/w/root; chown -R 4000:4000 /run/w");
	jail_sh(WITH(NULL, "/run/w:/data"), JAIL_ROOT, attempt);
	is("/run/w/id", "%u:%g", "4000:4000");
	is("/run/w/root", "%u:%g", "4000:4000");
	sh("[ -z \"$(find /run/w /run/v/d -uid 0 -o -gid 0)\" ]");
}

static void roots_files_need_a_user(void **state)
{
	(void)state;
	world_need();
	sh("mkdir /run/v /run/g /run/u; chown 4000:0 /run/g; chown 0:4000 /run/u; echo >/run/f");
	jail_refuses(WITH(NULL, "/run/v:/data"), -EINVAL, NSNET_E_BAD_VOLUME, "user 0");
	jail_refuses(WITH("0", "/run/f:/data"), -EINVAL, NSNET_E_BAD_VOLUME, "user 0");
	jail_refuses(WITH("0:5", "/run/u:/data"), -EINVAL, NSNET_E_BAD_VOLUME, "user 0");
	jail_refuses(WITH("0:0", "/run/g:/data"), -EINVAL, NSNET_E_BAD_VOLUME, "group 0");
	jail_refuses(WITH("1000:0", "/run/v:/data"), -EINVAL, NSNET_E_BAD_VOLUME, "group 0");
	jail_sh(WITH("0:5", "/run/g:/data"), JAIL_ROOT, "[ $(stat -c %u:%g /data) = 0:65534 ]");
}

static void read_only_is_read_only(void **state)
{
	(void)state;
	world_need();
	sh("mkdir /run/v /run/w; echo r >/run/v/open; echo s >/run/v/secret; chmod 600 "
	   "/run/v/secret\n"
	   "echo o >/run/w/mine; chown 4000:0 /run/w/mine /run/w; chmod 600 /run/w/mine");
	/* Root's: what others may read, by nobody. Another's: what that one may read. */
	jail_sh(WITH(NULL, "/run/v:/v:ro", "/run/w:/w:ro"), JAIL_ROOT,
		"cat /v/open; no 'cat /v/secret'; [ $(stat -c %u /v/open) = 65534 ]\n"
		"cat /w/mine; [ $(stat -c %u:%g /w/mine) = 0:65534 ]\n"
		"for d in /v /w; do no \"touch $d/x 2>$T/e\"; grep -q Read-only $T/e\n"
		" no \"mount -n -o remount,bind,rw $d\"; no \"umount -n $d\"; done; no 'rm "
		"/w/mine'");
	sh("[ $(ls /run/v /run/w | wc -l) = 6 ]");
}

static void flags_of_a_volume(void **state)
{
	(void)state;
	world_need();
	sh("mkdir /run/v; mknod -m 666 /run/v/null c 1 3; cp /usr/bin/id /run/v/id; chmod 4755 "
	   "/run/v/id; chown 4000:4000 /run/v /run/v/null; mount -n --make-rshared /run");
	jail_sh(WITH("1000", "/run/v:/data"), JAIL_USER,
		"no 'cat /data/null'; [ $(/data/id -u) = 1000 ]\n"
		"grep ' /data ' /proc/self/mountinfo | grep nosuid,nodev | grep -v shared");
}

/* ---- what cannot be one
 * ---------------------------------------------------------------------------- */

static void sources_that_are_the_hosts_own(void **state)
{
	static const struct {
		const char *volume, *part;
	} none[] = {
		{"/:/x:ro", "has in it"},
		{"/etc:/x:ro", "has in it"},
		{"/var:/x:ro", "has in it"},
		{"/var/lib/nsnet:/x:ro", "nsnet"},
		{"/var/lib/nsnet/sub:/x:ro", "is in /var/lib/nsnet"},
		{"/run:/x:ro", "has in it"},
		{"/run/netns:/x:ro", "netns"},
		{"/run/nsnet/gw:/x:ro", "is in /run/nsnet"},
		{"/run/alias:/x:ro", "has in it"},
		{"/run/alias/lib:/x:ro", "has in it"},
		{"/run/link:/x:ro", "nsnet"},
		{"/var/lib/../lib/nsnet:/x:ro", "nsnet"},
		{"/var/lib/nsnet/db:/x:ro", "is in /var/lib/nsnet"},
		{"/proc:/x:ro", "file system"},
		{"/proc/sys:/x:ro", "file system"},
		{"/proc/self/cwd:/x:ro", "symbolic"},
		{"/sys/kernel:/x:ro", "file system"},
		{"/sys/fs/cgroup:/x:ro", "/sys"},
		{"/dev:/x:ro", "/dev"},
		{"/dev/shm:/x:ro", "/dev"},
		{"/run/p:/x:ro", "file system"},
		{"/dev/null:/x:ro", "neither a folder nor a file"},
		{"/run/fifo:/x:ro", "neither a folder nor a file"},
	};

	(void)state;
	world_need();
	sh("mkdir -p /var/lib/nsnet/sub /run/netns /run/nsnet/gw /run/alias /run/p; mkfifo "
	   "/run/fifo\n"
	   "echo >/var/lib/nsnet/db; mount -n --bind /var /run/alias; mount -n -t tmpfs x "
	   "/run/alias/lib\n"
	   "umount -n /run/alias/lib; ln -s /var/lib/nsnet /run/link; mount -n -t proc p /run/p");
	/* The world's /var/lib is a mount of its own, which a plain bind of /var has not. */
	sh("umount -n /run/alias; mount -n --rbind /var /run/alias");
	for (size_t i = 0; i < NSN_COUNT(none); i++)
		jail_refuses(WITH("1000", none[i].volume), -EINVAL, NSNET_E_BAD_VOLUME,
			     none[i].part);
	jail_refuses(WITH("1000", "/run/absent:/x"), -ENOENT, NSNET_E_BAD_VOLUME, "No such file");
	jail_refuses(WITH("1000", "/run/fifo/x:/x"), -EINVAL, NSNET_E_BAD_VOLUME,
		     "Not a directory");
}

static void a_state_folder_elsewhere(void **state)
{
	struct nsn_view_def *def;

	(void)state;
	world_need();
	sh("mkdir -p /run/a/state /run/b; chown -R 5:5 /run/a /run/b");
	def = WITH("1000", "/run/a:/x");
	jail_sh(def, JAIL_USER, "ls /x/state");
	def->state = "/run/a/state";
	jail_refuses(def, -EINVAL, NSNET_E_BAD_VOLUME, "/run/a/state");
	def = WITH("1000", "/run/b:/x");
	def->state = "/run/a/state";
	jail_sh(def, JAIL_USER, "ls /x");
}

static void a_file_system_that_cannot_map(void **state)
{
	const struct jail *j;

	(void)state;
	world_need();
	/* The world's /etc is an overlay. */
	sh("mkdir /etc/v; chown 4000:4000 /etc/v; mkdir /etc/r; echo r >/etc/r/r");
	j = jail_run(WITH("1000", "/etc/v:/data"), JAIL_USER, "true");
	assert_int_equal(j->open, -EOPNOTSUPP);
	assert_int_equal(j->err.id, NSNET_E_BAD_VOLUME);
	assert_non_null(strstr(j->err.msg, "(overlay) cannot map"));
	assert_non_null(strstr(j->err.msg, "/etc/v"));
	jail_refuses(WITH("1000", "/etc/v:/data:ro"), -EOPNOTSUPP, NSNET_E_BAD_VOLUME,
		     "cannot map");
	/* Root's need no map. */
	jail_sh(WITH("1000", "/etc/r:/data:ro"), JAIL_USER, "cat /data/r");
}

static void two_in_one_place(void **state)
{
	(void)state;
	world_need();
	sh("mkdir /run/v; chown 5:5 /run/v");
	jail_refuses(WITH("1000", "/run/v:/data", "/run/v:/data/:ro"), -EINVAL, NSNET_E_BAD_VOLUME,
		     "two volumes");
}

/* ---- places inside
 * --------------------------------------------------------------------------------- */

static void places_are_made(void **state)
{
	(void)state;
	world_need();
	sh("mkdir /run/v; chown 5:5 /run/v; echo f >/run/f; chown 5:5 /run/f; echo in >/run/v/in");
	jail_sh(WITH("1000", "/run/v:/srv/deep/data", "/run/f:/opt/app/conf",
		     "/run/v:/home/user/a/b", "/run/f:/etc/app.conf:ro"),
		JAIL_USER,
		"cat /srv/deep/data/in /home/user/a/b/in; [ $(cat /opt/app/conf) = f ]\n"
		"echo new >/opt/app/conf; [ $(cat /etc/app.conf) = new ]; no 'echo x "
		">/etc/app.conf'\n"
		"touch /home/user/a/mine; [ $(stat -c %u /srv) = 0 ]; [ $(stat -c %u /opt/app) = 0 "
		"]\n"
		"no 'touch /srv/x'; no 'touch /opt/app/x'");
	assert_string_equal(
		jail_sh(WITH("1000", "/run/f:/var/lib/x/f"), JAIL_USER, "cat /var/lib/x/f"),
		"new\n");
	jail_sh(WITH("1000", "/run/v:/usr/local"), JAIL_USER, "cat /usr/local/in");
	jail_sh(WITH("1000", "/run/v:/var/lib"), JAIL_USER, "cat /var/lib/in; ls /var/log");
}

static void nested_volumes(void **state)
{
	(void)state;
	world_need();
	sh("for d in a b c; do mkdir -p /run/$d; echo $d >/run/$d/$d; done; mkdir -p /run/a/b/c "
	   "/run/b/c; chown -R 5:5 /run/a /run/b /run/c");
	/* In whatever order they are given. */
	jail_sh(WITH("1000", "/run/c:/a/b/c:ro", "/run/a:/a", "/run/b:/a/b"), JAIL_USER,
		"cat /a/a /a/b/b /a/b/c/c; touch /a/x /a/b/x; no 'touch /a/b/c/x'");
	/* In a volume nothing is made. */
	jail_fails(WITH("1000", "/run/a:/a", "/run/b:/a/new/place"), NSN_STAGE_VOLUME, -ENOENT,
		   "/a/new/place");
	sh("[ ! -e /run/a/new ]");
}

static void places_that_are_none(void **state)
{
	(void)state;
	world_need();
	sh("mkdir /run/v; chown 5:5 /run/v; echo f >/run/f; chown 5:5 /run/f");
	jail_fails(WITH("1000", "/run/v:/usr/nsnet/x"), NSN_STAGE_VOLUME, -ENOENT, "read-only");
	jail_fails(WITH("1000", "/run/v:/bin/x"), NSN_STAGE_VOLUME, -ELOOP, "symbolic link");
	jail_fails(WITH("1000", "/run/v:/var/run/x"), NSN_STAGE_VOLUME, -ELOOP, "symbolic link");
	jail_fails(WITH("1000", "/run/v:/etc/services"), NSN_STAGE_VOLUME, -ENOTDIR,
		   "a folder here");
	jail_fails(WITH("1000", "/run/f:/tmp"), NSN_STAGE_VOLUME, -ENOTDIR, "a folder here");
	jail_fails(WITH("1000", "/run/f:/etc/services/x"), NSN_STAGE_VOLUME, -ENOTDIR, "services");
}

/* Whoever writes into the outer volume chooses where the inner one would land. */
static void a_link_in_a_volume_leads_nowhere(void **state)
{
	(void)state;
	world_need();
	sh("mkdir -p /run/a /run/b; ln -s /etc /run/a/abs; ln -s ../../etc /run/a/rel; ln -s "
	   "/proc/self/root /run/a/magic; chown -hR 5:5 /run/a /run/b; echo evil >/run/b/passwd");
	jail_fails(WITH("1000", "/run/a:/a", "/run/b:/a/abs"), NSN_STAGE_VOLUME, -ELOOP, "/a/abs");
	jail_fails(WITH("1000", "/run/a:/a", "/run/b:/a/rel"), NSN_STAGE_VOLUME, -ELOOP, "/a/rel");
	jail_fails(WITH("1000", "/run/a:/a", "/run/b:/a/abs/app"), NSN_STAGE_VOLUME, -ELOOP,
		   "/a/abs");
	jail_fails(WITH("1000", "/run/a:/a", "/run/b:/a/magic/etc"), NSN_STAGE_VOLUME, -ELOOP,
		   "magic");
}

/* Only the mount that SRC is on. */
static void what_is_mounted_below_is_not_part_of_it(void **state)
{
	(void)state;
	world_need();
	sh("mkdir -p /run/v/sub; mount -n -t tmpfs t /run/v/sub; echo s >/run/v/sub/s; chown 5:5 "
	   "/run/v");
	jail_sh(WITH("1000", "/run/v:/data"), JAIL_USER, "[ -d /data/sub ]; no 'ls /data/sub/s'");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(files_belong_to_the_owner_on_the_disk),
		TEST(a_folder_of_roots_is_the_users),
		TEST(no_setuid_root_program_comes_to_be),
		TEST(roots_files_need_a_user),
		TEST(read_only_is_read_only),
		TEST(flags_of_a_volume),
		TEST(sources_that_are_the_hosts_own),
		TEST(a_state_folder_elsewhere),
		TEST(a_file_system_that_cannot_map),
		TEST(two_in_one_place),
		TEST(places_are_made),
		TEST(nested_volumes),
		TEST(places_that_are_none),
		TEST(a_link_in_a_volume_leads_nowhere),
		TEST(what_is_mounted_below_is_not_part_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
