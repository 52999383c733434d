/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
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
 * view - the default view: what is in it, what of the host is not, and that nobody inside can
 * change it, with all capabilities of its user namespace.
 */

static const struct nsn_view_def plain = {.hostname = "web", .resolv = -1, .hosts = -1};

static struct nsn_view_def with_user(const char *user)
{
	struct nsn_view_def def = plain;

	def.user = user;
	return def;
}

static void sh(const char *command)
{
	RUN_STATUS(0, "sh", "-ec", command);
}

/* ---- what is in it --------------------------------------------------------------------------- */

static void a_user_has_a_home_and_a_name(void **state)
{
	const struct nsn_view_def def = with_user("1000");

	(void)state;
	world_need();
	jail_sh(&def, JAIL_USER,
		"[ $(id -u):$(id -g) = 1000:1000 ]; [ $(id -un) = user ]; [ $HOME = "
		"/home/user ]\n"
		"[ $(stat -c %u:%g:%a $HOME) = 1000:1000:700 ]; cd; echo x >y; [ $(cat y) = x ]\n"
		"[ $(getent passwd user | cut -d: -f3,4,6,7) = 1000:1000:/home/user:/bin/sh ]\n"
		"[ $(getent group 1000) = user:x:1000: ]");
}

static void root_inside_owns_what_is_its_own(void **state)
{
	(void)state;
	world_need();
	jail_sh(&plain, JAIL_ROOT,
		"[ $(id -u) = 0 ]; [ $HOME = /root ]\n"
		"for f in / /etc /etc/passwd /dev /dev/null /dev/ptmx /sys /tmp /run /var /var/lib "
		"/root "
		"/dev/shm; do [ $(stat -c %u:%g $f) = 0:0 ] || { echo $f; exit 1; }; done\n"
		"for f in /tmp /var/tmp /dev/shm /run/lock; do [ $(stat -c %a $f) = 1777 ]; done\n"
		/* And of the host's there is only nobody's. */
		"[ $(stat -c %u:%g /usr) = 65534:65534 ]");
}

static void etc_has_what_programs_need(void **state)
{
	(void)state;
	world_need();
	jail_sh(&plain, JAIL_USER,
		"[ $(cat /etc/hostname) = web ]; [ $(getent hosts web | cut -c1-9) = "
		"127.0.1.1 ]\n"
		"getent hosts localhost; getent services https; getent protocols tcp\n"
		"getent passwd www-data; getent group adm; getent passwd nobody\n"
		"[ -s /etc/ssl/certs/ca-certificates.crt ]; [ -e /etc/alternatives/awk ]; awk "
		"'BEGIN{}'\n"
		"date; [ -e /etc/localtime ]; [ -s /etc/ld.so.cache ]; [ -s /etc/mime.types ]\n"
		"[ $(readlink /etc/mtab) = /proc/mounts ]; [ -r /etc/resolv.conf ]; . "
		"/etc/os-release");
}

static void people_of_the_host_are_not_in_it(void **state)
{
	(void)state;
	world_need();
	sh("echo 'plantedman:x:1234:1234::/home/p:/bin/sh' >>/etc/passwd\n"
	   "echo 'plantedmen:x:1234:' >>/etc/group; echo 'crew:x:77:plantedman' >>/etc/group");
	jail_sh(&plain, JAIL_ROOT,
		"no 'grep -r planted /etc/passwd /etc/group'; [ $(getent group crew) = crew:x:77: "
		"]");
}

static void processors_are_counted_as_on_the_host(void **state)
{
	static const char count[] = "nproc --all; cat /sys/devices/system/cpu/online";
	NSN_AUTO(nsn_freep) char *here = NULL;

	(void)state;
	world_need();
	here = lab_sh("%s", count);
	assert_memory_equal(jail_sh(&plain, JAIL_USER, count), here, strlen(here));
	jail_sh(&plain, JAIL_USER, "for d in class block fs module; do no \"ls -d /sys/$d\"; done");
}

/* The endpoint's files are those files, so that what nsnet writes to them later is seen. */
static void names_of_the_endpoint(void **state)
{
	struct nsn_view_def def = plain;
	NSN_AUTO(nsn_freep) char *ids = NULL;
	const char *inside;

	(void)state;
	world_need();
	sh("echo 'nameserver 10.9.8.7' >/run/r; echo '10.1.2.3 neighbour' >/run/h");
	def.resolv = open("/run/r", O_RDONLY | O_CLOEXEC);
	def.hosts = open("/run/h", O_PATH | O_CLOEXEC);
	ids = lab_sh("stat -c %%i /run/r /run/h; cat /run/r");
	inside = jail_sh(&def, JAIL_USER,
			 "stat -c %i /etc/resolv.conf /etc/hosts; cat /etc/resolv.conf; "
			 "getent hosts neighbour >/dev/null || echo no");
	assert_int_equal(strlen(inside), strlen(ids) + 1);
	assert_memory_equal(inside, ids, strlen(ids));
	jail_sh(&def, JAIL_ROOT, "no 'echo x >/etc/hosts'; no 'echo x >>/etc/resolv.conf'");
	(void)close(def.resolv);
	(void)close(def.hosts);
}

static void devices_work_and_are_all_there_is(void **state)
{
	(void)state;
	world_need();
	jail_sh(&plain, JAIL_ROOT,
		"[ $(head -c 4 /dev/zero | od -An -tx1 | tr -d ' ') = 00000000 ]\n"
		"head -c 4 /dev/urandom >/dev/null; echo x >/dev/null; no 'echo x >/dev/full'\n"
		"[ $(find / -xdev -type c -o -xdev -type b | wc -l) = 6 ]\n"
		"[ $(find /dev -xdev -type c -o -xdev -type b | wc -l) = 6 ]\n"
		"[ $(stat -c %t:%T:%a /dev/null) = 1:3:666 ]\n"
		"[ $(echo x | cat /dev/stdin) = x ]; [ $(echo y >/dev/fd/1) = y ]\n"
		"for d in /tmp /dev/shm /run /root; do mkfifo $d/p\n"
		" no \"mknod $d/n c 1 3\"; no \"mknod $d/b b 254 0\"; done\n"
		"python3 -c 'import pty,os; m,s=pty.openpty(); os.write(s,b\"z\"); os.read(m,1); "
		"assert os.fstat(s).st_gid == 5 and os.fstat(s).st_mode & 0o777 == 0o620'\n"
		"ls -d /dev/mqueue /dev/pts/ptmx");
}

static void what_is_written_has_one_limit(void **state)
{
	struct nsn_view_def def = plain;

	(void)state;
	world_need();
	def.scratch = (uint64_t)8 * 1024 * 1024;
	jail_sh(&def, JAIL_ROOT,
		"head -c 3M /dev/zero >$T/a; head -c 3M /dev/zero >/var/b\n"
		"no 'head -c 3M /dev/zero >/dev/shm/c'; rm /dev/shm/c; head -c 1M /dev/zero "
		">/run/d");
}

/* ---- what is not ------------------------------------------------------------------------------
 */

static void nothing_else_of_the_host_is_seen(void **state)
{
	static const char find[] =
		"find / -path /proc -prune -o -name 'planted*' -print 2>/dev/null || :\n"
		"grep -rl planted /etc /run /var /tmp /root /home 2>/dev/null || :";
	const char *const volume[] = {"/srv:/srv:ro"};
	struct nsn_view_def def = plain;

	(void)state;
	world_need();
	/* Folders of the machine itself are covered first: this mount namespace is ours. */
	sh("for d in /home /srv /opt /mnt /root /tmp; do mount -n -t tmpfs tmpfs $d\n"
	   "echo planted >$d/planted; done; for d in /run /var/lib /etc; do echo planted "
	   ">$d/planted; done; echo planted >/etc/shadow; chmod 644 /etc/shadow");
	assert_string_equal(jail_sh(&plain, JAIL_ROOT, find), "");
	/* That it can be found at all. */
	def.volumes = volume;
	def.n_volumes = 1;
	assert_string_equal(jail_sh(&def, JAIL_ROOT, find), "/srv/planted\n");
}

static void proc_is_that_of_the_workload(void **state)
{
	(void)state;
	world_need();
	jail_sh(&plain, JAIL_ROOT,
		"[ $$ = 1 ]; ls -d /proc/[0-9]* | awk -F/ '$3 > 99 {exit 1}'\n"
		"[ -z \"$(cat /proc/interrupts /proc/keys)\" ]; [ -f /proc/interrupts ]\n"
		"for f in meminfo cpuinfo stat sys/kernel/osrelease; do [ -n \"$(cat /proc/$f)\" "
		"]; done\n"
		"for d in bus fs irq acpi; do no \"ls -d /proc/$d/*\"; done; ls -d /proc/irq\n"
		"no 'echo 1 >/proc/sys/kernel/shmmni'; no 'echo x >/proc/interrupts'");
}

/* ---- that it stays so ---------------------------------------------------------------------------
 */

static void only_scratch_is_writable(void **state)
{
	(void)state;
	world_need();
	/* proc, pts and mqueue are of its own namespaces. */
	assert_string_equal(
		jail_sh(&plain, JAIL_ROOT,
			"awk '$6 ~ /^rw/ {print $5}' /proc/self/mountinfo | sort | tr '\\n' ' '"),
		"/dev/mqueue /dev/pts /dev/shm /proc /root /run /tmp /var ");
	assert_string_equal(jail_sh(&plain, JAIL_ROOT,
				    "awk '$6 !~ /nosuid/ {print $5}' /proc/self/mountinfo\n"
				    "awk '$6 !~ /nodev/ && $5 !~ /^.proc/ {print $5}' "
				    "/proc/self/mountinfo | sort | tr '\\n' ' '"),
			    "/dev /dev/pts ");
	jail_sh(&plain, JAIL_ROOT,
		"no 'grep shared:\\|master:\\|propagate /proc/self/mountinfo'\n"
		"for d in / /usr /usr/bin /etc /dev /sys /home /etc/ssl/certs /sys/devices; do\n"
		" no \"touch $d/x 2>$T/e\"; grep -q 'Read-only' $T/e; done\n"
		"no 'echo x >>/etc/passwd'; no 'rm /etc/passwd'; no 'mv /etc $T/etc'; no 'chmod "
		"777 /'");
}

/* Each of these is what CAP_SYS_ADMIN inside can do to a mount that is not locked. */
static void mounts_are_locked(void **state)
{
	(void)state;
	world_need();
	jail_sh(&plain, JAIL_ROOT,
		"set_flags() { python3 -c 'import ctypes,sys; "
		"sys.exit(ctypes.CDLL(None).mount(b\"\", "
		"sys.argv[2].encode(), b\"\", int(sys.argv[1], 16), 0) != 0)' $1 $2; }\n"
		/* It has the capability: what it mounts itself it may take away. */
		"mount -n -t tmpfs -o nosuid none /tmp; set_flags 0x1021 /tmp; set_flags 0x1020 "
		"/tmp\n"
		"umount -n /tmp; mkdir $T/m; cd /\n"
		/* Remounts: 1 ro, 2 nosuid, 4 nodev, 8 noexec; each lacks one of those it has. */
		"for d in / /usr /etc/ssl/certs; do for f in 0x1026 0x1025 0x1023; do\n"
		" no \"set_flags $f $d\"; done; set_flags 0x1027 $d; done\n"
		"for d in /tmp /run /var /root; do for f in 0x1022 0x1024; do\n"
		" no \"set_flags $f $d\"; done; set_flags 0x1026 $d; done\n"
		"for f in 0x102a 0x1029 0x1023; do no \"set_flags $f /dev\"; done\n"
		"set_flags 0x102b /dev\n"
		"for d in / /usr /etc/ssl/certs /dev; do no \"mount -n -o remount,rw $d\"; done\n"
		"for d in /usr /dev /tmp /run /etc/ssl/certs; do\n"
		" no \"umount -n -l $d\"; no \"mount -n --move $d /root\"; done\n"
		"no 'umount -n -l /'\n"
		/* Not recursive: that would show what is beneath. */
		"no 'mount -n --bind / $T/m'; mount -n --rbind / $T/m\n"
		"no 'umount -n $T/m/usr'; no 'touch $T/m/usr/x'; no 'touch $T/m/x'\n"
		"unshare -m umount -n -l $T/m; no 'unshare -m umount -n -l /usr'\n"
		"unshare -Urm true; no 'unshare -Urm umount -n -l /usr'\n"
		"no 'unshare -Urm umount -n -l /proc/interrupts'");
}

static void setuid_programs_give_nothing(void **state)
{
	const struct nsn_view_def def = with_user("1000");

	(void)state;
	world_need();
	jail_sh(&plain, JAIL_ROOT,
		"cp /usr/bin/id $T/id; chmod 4755 $T/id\n"
		"[ $(setpriv --reuid 1000 --clear-groups $T/id -u) = 1000 ]");
	jail_sh(&def, JAIL_USER, "[ -u /usr/bin/su ] && [ $(stat -c %U /usr/bin/su) = nobody ]");
}

static void nothing_is_left(void **state)
{
	NSN_AUTO(nsn_freep) char *before = NULL, *after = NULL;
	struct nsn_view_def bad = plain;
	const char *const volumes[] = {"/run:/run/x", "/run/v:/data"};
	int fds;

	(void)state;
	world_need();
	sh("mkdir /run/v");
	(void)jail_run(&plain, JAIL_USER, NULL);
	before = lab_sh("cat /proc/self/mountinfo; ls -a / /run");
	fds = lab_fds();
	for (int i = 0; i < 5; i++)
		assert_int_equal(jail_run(&plain, JAIL_USER, NULL)->status, 0);
	bad.volumes = volumes;
	bad.n_volumes = 2;
	assert_int_equal(jail_run(&bad, JAIL_USER, NULL)->open, -EINVAL);
	bad.user = "1000:none";
	assert_int_equal(jail_run(&bad, JAIL_USER, NULL)->open, -EINVAL);
	after = lab_sh("cat /proc/self/mountinfo; ls -a / /run");
	assert_string_equal(before, after);
	assert_int_equal(fds, lab_fds());
}

/* A caller that was started with a umask, and in a mount namespace that propagates. */
static void the_callers_umask_and_propagation_do_not_matter(void **state)
{
	const struct nsn_view_def def = with_user("1000");
	mode_t old;

	(void)state;
	world_need();
	sh("mount -n --make-rshared /");
	old = umask(0777);
	jail_sh(&def, JAIL_USER,
		"ls / /etc /dev /sys/devices; cat /etc/passwd; echo x >~/y; "
		"[ $(stat -c %a /etc) = 755 ]; no 'grep shared: /proc/self/mountinfo'");
	(void)umask(old);
	sh("! grep -q -- ' - tmpfs none ' /proc/self/mountinfo");
}

/* As a /usr/local on a disk of its own. */
static void what_is_mounted_below_usr_is_part_of_it(void **state)
{
	(void)state;
	world_need();
	sh("mount -n -t tmpfs t /usr/games; echo v >/usr/games/f");
	jail_sh(&plain, JAIL_ROOT,
		"[ $(cat /usr/games/f) = v ]; no 'touch /usr/games/x 2>$T/e'; grep -q Read-only "
		"$T/e\n"
		"no 'umount -n -l /usr/games'; no 'mount -n -o remount,bind,rw /usr/games'\n"
		"grep ' /usr/games ro,nosuid,nodev' /proc/self/mountinfo");
}

/* user=host: the numbers inside are those of the host, and stay the tenant's own. */
static void without_a_user_namespace(void **state)
{
	struct nsn_view_def def = with_user("1000");
	const struct jail *j;

	(void)state;
	world_need();
	def.no_userns = true;
	j = jail_run(
		&def, JAIL_USER,
		"[ $(id -u):$(id -g) = 1879049192:1879049192 ]; [ $(id -un) = user ]; [ $(id -gn) "
		"= "
		"user ]; echo x >~/x; [ $(stat -c %u ~/x) = 1879049192 ]; [ $(stat -c %u /etc) = "
		"1879048192 ]; no 'touch /etc/x'; no 'touch /usr/x'; [ -z \"$(cat "
		"/proc/interrupts)\" ]; ls /dev/pts/ptmx");
	if (j->open < 0 || j->status != 0)
		fail_msg("%s %s %s", j->err.msg, j->why.what, j->out);
}

/* ---- --etc
 * --------------------------------------------------------------------------------------- */

static void more_of_etc(void **state)
{
	static const char *const etc[] = {"/etc/my/conf", "folder/", "link", "/etc/big"};
	struct nsn_view_def def = plain;

	(void)state;
	world_need();
	sh("mkdir -p /etc/my /etc/folder/secret; echo v >/etc/my/conf; echo w >/etc/folder/f\n"
	   "echo s >/etc/folder/s; chmod 600 /etc/folder/s; chmod 700 /etc/folder/secret\n"
	   "ln -s folder/f /etc/link; head -c 100000 /dev/zero >/etc/big");
	def.etc = etc;
	def.n_etc = 4;
	jail_sh(&def, JAIL_ROOT,
		"[ $(cat /etc/my/conf) = v ]; [ $(cat /etc/link) = w ]\n"
		"[ $(stat -c %s /etc/big) = 100000 ]\n"
		"no 'cat /etc/folder/s'; no 'ls /etc/folder/secret'; no 'touch /etc/folder/x'\n"
		"no 'touch /etc/my/x'");
}

static void etc_refuses(const char *path, const char *part)
{
	struct nsn_view_def def = plain;

	def.etc = &path;
	def.n_etc = 1;
	jail_refuses(&def, -EINVAL, NSNET_E_BAD_RUN, part);
}

static void secrets_of_etc(void **state)
{
	(void)state;
	world_need();
	sh("mkdir -p /etc/ssl/private; chmod 755 /etc/ssl/private; echo k >/etc/ssl/private/k\n"
	   "chmod 644 /etc/shadow; echo p >/etc/closed; chmod 640 /etc/closed; mkfifo /etc/pipe\n"
	   "ln -s ssl/private /etc/ways; mkdir -p /etc/ssh; echo h >/etc/ssh/ssh_host_key");
	etc_refuses("shadow", "never given");
	etc_refuses("/etc/shadow-", "never given");
	etc_refuses("gshadow", "never given");
	etc_refuses("ssl/private", "never given");
	etc_refuses("/etc/ssl/private/k", "never given");
	etc_refuses("ssl//private/k", "'//'");
	etc_refuses("ssh/ssh_host_key", "never given");
	etc_refuses("ways/k", "symbolic link");
	etc_refuses("closed", "not all users");
	etc_refuses("pipe", "neither a file");
	etc_refuses("missing", "No such file");
	etc_refuses("../root", "'..'");
	etc_refuses("ssl/../shadow", "'..'");
	etc_refuses("/etc", "not below /etc");
	etc_refuses("/etc/", "not below /etc");
	etc_refuses("", "not below /etc");
	etc_refuses("/root", "not below /etc");
	etc_refuses("hostname", "already");
}

/* ---- --user
 * --------------------------------------------------------------------------------------- */

static void user_is(const char *user, const char *id, const char *name, const char *home)
{
	const struct nsn_view_def def = with_user(user);
	char want[200];

	(void)snprintf(want, sizeof(want), "%s %s %s\n", id, name, home);
	assert_string_equal(
		jail_sh(&def, JAIL_USER, "echo $(id -u):$(id -g) $(id -un) $HOME; touch ~/x"),
		want);
}

static void users(void **state)
{
	(void)state;
	world_need();
	sh("echo 'plantedman:x:1234:1234::/home/p:/bin/sh' >>/etc/passwd");
	user_is(NULL, "0:0", "root", "/root");
	user_is("root", "0:0", "root", "/root");
	user_is("www-data", "33:33", "www-data", "/home/www-data");
	user_is("33", "33:33", "www-data", "/home/www-data");
	user_is("www-data:adm", "33:4", "www-data", "/home/www-data");
	user_is("1234", "1234:1234", "user", "/home/user");
	user_is("1000:1001", "1000:1001", "user", "/home/user");
	user_is("1000:adm", "1000:4", "user", "/home/user");
	user_is("65535", "65535:65535", "user", "/home/user");
}

static void users_that_are_none(void **state)
{
	static const struct {
		const char *user, *part;
	} none[] = {
		{"plantedman", "no user"},
		{"nobodyknows", "no user"},
		{"1000:plantedmen", "no group"},
		{"65536", "0 to 65535"},
		{"4294967296", "no user"},
		{"0:65536", "0 to 65535"},
		{"-1", "no user"},
		{"", "USER:GROUP"},
		{"1000:", "USER:GROUP"},
		{"01", "no user"},
	};

	(void)state;
	world_need();
	sh("echo 'plantedman:x:1234:1234::/home/p:/bin/sh' >>/etc/passwd\n"
	   "echo 'plantedmen:x:1234:' >>/etc/group");
	for (size_t i = 0; i < NSN_COUNT(none); i++) {
		const struct nsn_view_def def = with_user(none[i].user);

		jail_refuses(&def, -EINVAL, NSNET_E_BAD_USER, none[i].part);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(a_user_has_a_home_and_a_name),
		TEST(root_inside_owns_what_is_its_own),
		TEST(etc_has_what_programs_need),
		TEST(people_of_the_host_are_not_in_it),
		TEST(processors_are_counted_as_on_the_host),
		TEST(names_of_the_endpoint),
		TEST(devices_work_and_are_all_there_is),
		TEST(what_is_written_has_one_limit),
		TEST(nothing_else_of_the_host_is_seen),
		TEST(proc_is_that_of_the_workload),
		TEST(only_scratch_is_writable),
		TEST(mounts_are_locked),
		TEST(setuid_programs_give_nothing),
		TEST(nothing_is_left),
		TEST(the_callers_umask_and_propagation_do_not_matter),
		TEST(what_is_mounted_below_usr_is_part_of_it),
		TEST(without_a_user_namespace),
		TEST(more_of_etc),
		TEST(secrets_of_etc),
		TEST(users),
		TEST(users_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
