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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../lib/jail.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * rootfs - a root file system that somebody else made: a small one out of busybox, and each way in
 * which such a one could lead what we mount somewhere else.
 */

#define ROOT "/run/rootfs"

static struct nsn_view_def with_user(const char *user)
{
	return (struct nsn_view_def){
		.rootfs = ROOT, .hostname = "web", .resolv = -1, .hosts = -1, .user = user};
}

static void sh(const char *command)
{
	RUN_STATUS(0, "sh", "-ec", command);
}

/* The world's /run is empty: one tree for each test. */
static void make_root(void)
{
	sh("mkdir -p " ROOT "; cd " ROOT "; mkdir -p bin etc proc sys dev tmp run var home srv; cp "
	   "/bin/busybox bin/busybox; for c in sh cat ls id stat touch mount umount echo grep awk "
	   "head "
	   "sort tr mkdir mknod chmod chown cp rm find wc test; do ln -s busybox bin/$c; done\n"
	   "echo 'root:x:0:0:root:/root:/bin/sh' >etc/passwd\n"
	   "echo 'app:x:100:101:app:/srv:/bin/sh' >>etc/passwd; echo 'crew:x:77:' >etc/group\n"
	   "echo own >etc/hosts; touch etc/resolv.conf; echo r >etc/shadow; chmod 600 etc/shadow\n"
	   "chown -R 0:0 .; chown 100:101 srv; mkdir bin/s; cp bin/busybox bin/s/busybox; chmod "
	   "4755 bin/s/busybox");
}

/* ---- one that is well
 * ----------------------------------------------------------------------------- */

static void it_is_the_root(void **state)
{
	const struct nsn_view_def def = with_user(NULL);

	(void)state;
	world_need();
	make_root();
	jail_sh(&def, JAIL_ROOT,
		"[ $(stat -c %u:%g /bin) = 0:0 ]; [ $(stat -c %u:%g /srv) = 100:101 ]\n"
		"cat /etc/shadow; no 'ls /usr'; [ $(cat /dev/zero | head -c 3 | wc -c) = 3 ]\n"
		"grep -q 127.0.1.1.*web /etc/hosts; grep -q name /etc/resolv.conf\n"
		"no 'ls -d /etc/hostname'; touch $T/x /run/x /dev/shm/x; [ -d /proc/1 ]\n"
		"[ -s /sys/devices/system/cpu/online ]; no 'ls -d /sys/class'\n"
		"[ $HOME = /root ]; ls -d /dev/pts/ptmx /dev/mqueue");
	sh("[ -z \"$(ls -A " ROOT "/tmp " ROOT "/run " ROOT "/dev " ROOT "/sys | grep -v :)\" ]\n"
	   "[ $(cat " ROOT "/etc/hosts) = own ]");
}

static void it_is_read_only_and_locked(void **state)
{
	const struct nsn_view_def def = with_user(NULL);

	(void)state;
	world_need();
	make_root();
	jail_sh(&def, JAIL_ROOT,
		"for d in / /bin /etc /var /srv /dev /sys; do no \"touch $d/x 2>$T/e\"\n"
		" grep -q Read-only $T/e; done; no 'echo x >>/etc/hosts'; no 'chown 5 /srv'\n"
		"mount -t tmpfs x /tmp; umount /tmp; cd /\n"
		"for d in / /dev /sys /etc/hosts; do no \"mount -o remount,bind,rw $d\"\n"
		" no \"mount -o remount,rw $d\"; no \"umount -l $d\"; done\n"
		"awk '$6 !~ /nosuid/ {exit 1}' /proc/self/mountinfo");
	assert_string_equal(
		jail_sh(&def, JAIL_ROOT,
			"awk '$6 ~ /^rw/ {print $5}' /proc/self/mountinfo | sort | tr '\\n' ' '"),
		"/dev/mqueue /dev/pts /dev/shm /proc /run /tmp ");
}

static void its_programs_gain_nothing(void **state)
{
	const struct nsn_view_def def = with_user("app");

	(void)state;
	world_need();
	make_root();
	sh("mknod -m 666 " ROOT "/var/null c 1 3");
	jail_sh(&def, JAIL_USER,
		"[ $(id -u):$(id -g) = 100:101 ]; [ $(/bin/s/busybox id -u) = 100 ]; no 'cat "
		"/var/null'\n"
		"no 'cat /etc/shadow'; [ $HOME = /srv ]");
}

static void its_users(void **state)
{
	static const struct {
		const char *user, *id;
	} some[] = {{"app", "100:101"},	   {"100", "100:101"}, {"app:crew", "100:77"},
		    {"1000", "1000:1000"}, {"0:5", "0:5"},     {"1000:crew", "1000:77"}};
	static const char *const none[] = {"www-data", "app:adm", "70000"};

	(void)state;
	world_need();
	make_root();
	for (size_t i = 0; i < NSN_COUNT(some); i++) {
		const struct nsn_view_def def = with_user(some[i].user);
		char want[64];

		(void)snprintf(want, sizeof(want), "%s\n", some[i].id);
		assert_string_equal(jail_sh(&def, JAIL_USER, "echo $(id -u):$(id -g)"), want);
	}
	for (size_t i = 0; i < NSN_COUNT(none); i++) {
		const struct nsn_view_def def = with_user(none[i]);

		jail_refuses(&def, -EINVAL, NSNET_E_BAD_USER, "");
	}
	sh("rm " ROOT "/etc/passwd");
	{
		const struct nsn_view_def def = with_user("1000"), named = with_user("app");

		jail_sh(&def, JAIL_USER, "[ $(id -u):$HOME = 1000:/ ]");
		jail_refuses(&named, -EINVAL, NSNET_E_BAD_USER, "no user");
	}
}

static void with_volumes(void **state)
{
	static const char *const volumes[] = {"/run/v:/srv", "/run/v:/run/deep/er"};
	static const char *const missing[] = {"/run/v:/data"};
	struct nsn_view_def def = with_user("app");

	(void)state;
	world_need();
	make_root();
	sh("mkdir /run/v; chown 4000:4000 /run/v");
	def.volumes = volumes;
	def.n_volumes = 2;
	jail_sh(&def, JAIL_USER,
		"echo x >/srv/x; cat /run/deep/er/x; [ $(stat -c %u /srv) = 100 ]");
	sh("[ $(stat -c %u:%g /run/v/x) = 4000:4000 ]");
	def.volumes = missing;
	def.n_volumes = 1;
	jail_fails(&def, NSN_STAGE_VOLUME, -ENOENT, "/data");
	sh("[ ! -e " ROOT "/data ]");
}

/* ---- folders that are none
 * --------------------------------------------------------------------------- */

static void what_cannot_be_one(void **state)
{
	static const struct {
		const char *rootfs, *part;
		int code;
	} none[] = {
		{"/run/absent", "No such file", -ENOENT},
		{"/run/file", "Not a directory", -EINVAL},
		{"/", "has in it", -EINVAL},
		{"/var", "has in it", -EINVAL},
		{"/proc", "file system", -EINVAL},
		{"/proc/self/cwd", "symbolic", -EINVAL},
		{"/run/empty", "'/proc' of", -EINVAL},
		{"/etc/overlay", "(overlay) cannot map", -EOPNOTSUPP},
	};

	(void)state;
	world_need();
	sh("echo >/run/file; mkdir -p /run/empty /var/lib/nsnet /etc/overlay; cd /etc/overlay; "
	   "mkdir "
	   "proc sys dev tmp run");
	for (size_t i = 0; i < NSN_COUNT(none); i++) {
		struct nsn_view_def def = with_user(NULL);

		def.rootfs = none[i].rootfs;
		jail_refuses(&def, none[i].code, NSNET_E_BAD_ROOTFS, none[i].part);
	}
}

/* ---- hostile ones
 * -------------------------------------------------------------------------------------- */

/* After @damage the view is refused, with @part in the message, and the witness is untouched. */
static void refused_after(const char *damage, enum nsnet_code id, const char *part)
{
	const struct nsn_view_def def = with_user(id == NSNET_E_BAD_USER ? "app" : NULL);
	const struct jail *j;

	sh("rm -rf " ROOT " /run/witness; mkdir /run/witness; echo w >/run/witness/file");
	make_root();
	RUN_STATUS(0, "sh", "-ec", damage);
	j = jail_run(&def, JAIL_ROOT, "true");
	if (j->open != -EINVAL || j->err.id != id || !strstr(j->err.msg, part))
		fail_msg("after '%s': %d %s", damage, j->open, j->err.msg);
	sh("[ $(cat /run/witness/file) = w ]; [ $(ls -A /run/witness | wc -l) = 1 ]; "
	   "! grep -q witness /proc/self/mountinfo");
}

#define IN_ROOT "cd " ROOT "; "

static void links_in_it_lead_nowhere(void **state)
{
	static const char *const places[] = {"proc", "sys", "dev", "tmp", "run"};
	static const char *const ways[] = {"/run/witness", "../witness", "/proc/self/root",
					   "/etc",	   "bin",	 "."};
	char damage[200], part[64];

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(places); i++)
		for (size_t k = 0; k < NSN_COUNT(ways); k++) {
			(void)snprintf(damage, sizeof(damage), IN_ROOT "rmdir %s; ln -s %s %s",
				       places[i], ways[k], places[i]);
			(void)snprintf(part, sizeof(part), "'/%s' of", places[i]);
			refused_after(damage, NSNET_E_BAD_ROOTFS, part);
		}
}

static void files_in_it_are_what_they_should_be(void **state)
{
	(void)state;
	world_need();
	refused_after(IN_ROOT "rmdir dev; echo >dev", NSNET_E_BAD_ROOTFS, "is not a folder");
	refused_after(IN_ROOT "rmdir proc; mkfifo proc", NSNET_E_BAD_ROOTFS, "is not a folder");
	refused_after(IN_ROOT "rmdir run", NSNET_E_BAD_ROOTFS, "is not there");
	refused_after(IN_ROOT "mount -n -t tmpfs x tmp", NSNET_E_BAD_ROOTFS, "another file system");
	sh("umount -n " ROOT "/tmp");
	refused_after(IN_ROOT "rm etc/hosts; ln -s /run/witness/file etc/hosts", NSNET_E_BAD_ROOTFS,
		      "'/etc/hosts' of");
	refused_after(IN_ROOT "rm etc/resolv.conf; mkfifo etc/resolv.conf", NSNET_E_BAD_ROOTFS,
		      "is not a file");
	refused_after(IN_ROOT "rm etc/hosts; mkdir etc/hosts", NSNET_E_BAD_ROOTFS, "is not a file");
	refused_after(IN_ROOT "ln -s /proc/self/fd/0 etc/hostname", NSNET_E_BAD_ROOTFS,
		      "'/etc/hostname' of");
	refused_after(IN_ROOT "mv etc bin/etc; ln -s /etc etc", NSNET_E_BAD_ROOTFS, "'/etc/");
	/* Its passwd is read by root of the host. */
	refused_after(IN_ROOT "rm etc/passwd; ln -s /run/witness/file etc/passwd", NSNET_E_BAD_USER,
		      "etc/passwd");
	refused_after(IN_ROOT "rm etc/passwd; mkfifo etc/passwd", NSNET_E_BAD_USER, "is no file");
	refused_after(IN_ROOT "rm etc/passwd; mknod etc/passwd c 1 5", NSNET_E_BAD_USER,
		      "is no file");
	refused_after(IN_ROOT "truncate -s 3M etc/passwd", NSNET_E_BAD_USER, "etc/passwd");
}

/* What is in dev/ on the disk is under our /dev, whatever it is. */
static void its_own_devices_are_not_used(void **state)
{
	const struct nsn_view_def def = with_user(NULL);

	(void)state;
	world_need();
	make_root();
	sh(IN_ROOT
	   "ln -s /proc/sysrq-trigger dev/null; ln -s /run/witness dev/shm; ln -s /etc dev/pts; "
	   "mkdir sys/devices; mkdir /run/witness; mkdir proc/self; ln -s / proc/kcore");
	jail_sh(&def, JAIL_ROOT,
		"[ -c /dev/null ]; [ -d /dev/shm ]; [ -c /dev/ptmx ]; echo x >/dev/shm/x; [ -d "
		"/proc/1 ]");
	sh("[ -z \"$(ls -A /run/witness)\" ]; [ $(readlink " ROOT
	   "/dev/null) = /proc/sysrq-trigger ]");
}

/*
 * Somebody who may write to the folder renames in it all the time. Every view is either whole or
 * refused, and what is outside is never touched.
 */
static void one_that_changes_while_it_is_built(void **state)
{
	static const char swap[] = "import os\n"
				   "os.chdir('" ROOT "')\n"
				   "for n in ('proc','dev','tmp','run','sys','etc/hosts'):\n"
				   "  os.symlink('/run/witness', n + '.link')\n"
				   "while True:\n"
				   "  for n in ('proc','dev','tmp','run','sys','etc/hosts'):\n"
				   "    os.rename(n, n + '.away'); os.rename(n + '.link', n)\n"
				   "    os.rename(n, n + '.link'); os.rename(n + '.away', n)\n";
	const struct nsn_view_def def = with_user(NULL);
	int whole = 0, refused = 0;
	const int rounds = test_quick() ? 60 : 400;
	pid_t pid;

	(void)state;
	world_need();
	make_root();
	sh("mkdir /run/witness; echo w >/run/witness/file");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		execlp("python3", "python3", "-c", swap, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < rounds; i++) {
		const struct jail *j =
			jail_run(&def, JAIL_ROOT,
				 "[ -c /dev/null ] && [ -d /proc/1 ] && touch /run/x && "
				 "touch $T/x && [ -e /sys/devices ] && echo whole");

		if (j->open == 0 && j->built == 0 && j->finished == 0 && j->status == 0)
			whole++;
		else
			refused++;
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	sh("[ $(cat /run/witness/file) = w ]; [ $(ls -A /run/witness | wc -l) = 1 ]; "
	   "! grep -q witness /proc/self/mountinfo");
	/* Or it was no race at all. */
	assert_true(whole > 0 && refused > 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, world_setup)
	const struct CMUnitTest tests[] = {
		TEST(it_is_the_root),
		TEST(it_is_read_only_and_locked),
		TEST(its_programs_gain_nothing),
		TEST(its_users),
		TEST(with_volumes),
		TEST(what_cannot_be_one),
		TEST(links_in_it_lead_nowhere),
		TEST(files_in_it_are_what_they_should_be),
		TEST(its_own_devices_are_not_used),
		TEST(one_that_changes_while_it_is_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
