// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>
#include <sqlite3.h>

#include <cmocka.h>

#include "world.h"

/* ---- calls that must succeed ---- */

void lab_ok(int r, const struct nsnet_err *err, const char *what, const char *file, int line)
{
	if (r >= 0)
		return;
	print_error("%s: %d (%s) %s\n", what, r, nsnet_code_name(err->id), err->msg);
	_fail(file, line);
}

#define MUST(r, err, what) lab_ok((r), (err), (what), __FILE__, __LINE__)

int lab_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 3; /* ".", ".." and the one that looks */
}

void lab_fds_tell(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d))) {
		char to[256] = "";

		if (readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1) > 0)
			print_error("%s -> %s\n", e->d_name, to);
	}
	(void)closedir(d);
}

/* SQLite opens its files when it first needs them, and keeps them. */
static void same_fds(int before, const char *what)
{
	int now = lab_fds();

	if (now == before)
		return;
	lab_fds_tell();
	fail_msg("%s: %d descriptors open, %d before", what, now, before);
}

struct nsnet *lab_open_at(const char *state_dir, const char *run_dir)
{
	struct nsnet_tenants *list = NULL;
	struct nsnet_err err = {0};
	struct nsnet *n = NULL;

	MUST(nsnet_open(&n, state_dir, run_dir, &err), &err, "nsnet_open");
	MUST(nsnet_tenant_list(n, 0, &list, &err), &err, "nsnet_tenant_list");
	nsnet_tenants_free(list);
	return n;
}

struct nsnet *lab_open(void)
{
	return lab_open_at(NULL, NULL);
}

static void check_outcome(const struct nsnet_change *c, const char *name,
			  enum nsnet_outcome outcome)
{
	static const char *const words[] = {"unchanged", "created", "repaired", "changed",
					    "removed"};

	assert_int_equal(nsnet_change_items(c), 1);
	assert_string_equal(nsnet_change_tenant(c, 0), name);
	assert_string_equal(words[nsnet_change_outcome(c, 0)], words[outcome]);
	assert_int_equal(nsnet_change_steps(c, 0) == 0, outcome == NSNET_UNCHANGED);
}

void lab_add(struct nsnet *n, const char *name, const char *subnet, enum nsnet_outcome outcome)
{
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	int fds = lab_fds();

	MUST(nsnet_tenant_add(n, name, subnet, 0, &c, &err), &err, name);
	same_fds(fds, "add");
	check_outcome(c, name, outcome);
	nsnet_change_free(c);
}

void lab_del(struct nsnet *n, const char *name)
{
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	int fds = lab_fds();

	MUST(nsnet_tenant_del(n, name, 0, &c, &err), &err, name);
	same_fds(fds, "del");
	assert_int_equal(nsnet_change_items(c), 1);
	assert_int_equal(nsnet_change_outcome(c, 0), NSNET_REMOVED);
	nsnet_change_free(c);
}

void lab_repair(struct nsnet *n, const char *name, enum nsnet_outcome outcome)
{
	struct nsnet_change *c = NULL;
	struct nsnet_err err = {0};
	int fds = lab_fds();

	MUST(nsnet_repair(n, name, 0, &c, &err), &err, name);
	same_fds(fds, "repair");
	check_outcome(c, name, outcome);
	nsnet_change_free(c);
}

void lab_state(struct nsnet *n, const char *name, enum nsnet_state state)
{
	static const char *const words[] = {"ok", "drift", "absent"};
	struct nsnet_tenant *t = NULL;
	struct nsnet_err err = {0};
	int fds = lab_fds();

	MUST(nsnet_tenant_get(n, name, NSNET_OBSERVE, &t, &err), &err, name);
	same_fds(fds, "get");
	assert_string_equal(words[nsnet_tenant_state(t)], words[state]);
	nsnet_tenant_free(t);
}

size_t lab_count(struct nsnet *n)
{
	struct nsnet_tenants *list = NULL;
	struct nsnet_err err = {0};
	size_t count;

	MUST(nsnet_tenant_list(n, 0, &list, &err), &err, "list");
	count = nsnet_tenants_count(list);
	nsnet_tenants_free(list);
	return count;
}

void lab_add_fails(struct nsnet *n, const char *name, const char *subnet, unsigned int flags, int r,
		   enum nsnet_code id, struct nsnet_err *err)
{
	struct nsnet_change *untouched = (struct nsnet_change *)(uintptr_t)1, *c = untouched;
	int fds = lab_fds();

	*err = (struct nsnet_err){0};
	assert_int_equal(nsnet_tenant_add(n, name, subnet, flags, &c, err), r);
	same_fds(fds, "failed add");
	assert_string_equal(nsnet_code_name(err->id), nsnet_code_name(id));
	assert_int_equal(err->code, r);
	assert_ptr_equal(c, untouched);
}

/* ---- witnesses ---- */

__attribute__((format(printf, 2, 0))) static void run_sh(struct run *r, const char *fmt, va_list ap)
{
	char *script = NULL;

	assert_true(vasprintf(&script, fmt, ap) >= 0);
	RUN(r, "sh", "-c", script);
	assert_false(r->timed_out);
	free(script);
}

char *lab_sh(const char *fmt, ...)
{
	struct run r;
	va_list ap;
	char *out;

	va_start(ap, fmt);
	run_sh(&r, fmt, ap);
	va_end(ap);
	if (r.status != 0)
		fail_msg("'%s' ended with %d: %s%s", fmt, r.status, r.out, r.err);
	if (r.out_len > 0 && r.out[r.out_len - 1] == '\n')
		r.out[r.out_len - 1] = '\0';
	out = strdup(r.out);
	assert_non_null(out);
	run_free(&r);
	return out;
}

int lab_sh_status(const char *fmt, ...)
{
	struct run r;
	va_list ap;
	int status;

	va_start(ap, fmt);
	run_sh(&r, fmt, ap);
	va_end(ap);
	status = r.status;
	run_free(&r);
	return status;
}

void lab_has(const char *text, const char *part, const char *file, int line)
{
	if (strstr(text, part))
		return;
	print_error("there is no '%s' in: %s\n", part, text);
	_fail(file, line);
}

const char *lab_gateway(struct nsnet *n, const char *name)
{
	static char bufs[4][96];
	static unsigned int next;
	char *buf = bufs[next++ % 4];
	struct nsnet_tenant *t = NULL;
	struct nsnet_status status;
	struct nsnet_err err = {0};

	MUST(nsnet_tenant_get(n, name, 0, &t, &err), &err, name);
	MUST(nsnet_status(n, &status, &err), &err, "status");
	(void)snprintf(buf, sizeof(bufs[0]), "%.40s/gw/%.8s-%llu", status.run_dir, status.store_id,
		       (unsigned long long)nsnet_tenant_id(t));
	nsnet_tenant_free(t);
	return buf;
}

/*
 * More than one is sent: a link carries once the kernel's worker has seen its carrier,
 * on a busy machine after the end of the command that made it. And what is not to
 * pass is tried more than once.
 */
bool lab_ping(const char *netns, const char *to)
{
	return lab_sh_status("nsenter --net=%s ping -n -c 1 -i 0.5 -w 4 %s", netns, to) == 0;
}

/*
 * What changes by itself is left out: timers of the bridge, and operational
 * state, which follows in the background. ip(8) opens all of /run/netns to find
 * names for other namespaces, and would wait for ever at a fifo.
 */
static const char snapshot_script[] =
	"cd /; find run/netns run/nsnet* var/lib -mount \\( -name '*-shm' -o -name '*-wal' \\) "
	"-prune "
	"  -o -printf '%p %y %m %u %l\\n' 2>/dev/null | sort\n"
	"find etc/netns -mindepth 1 -printf '%p %y %m %u %l\\n' 2>/dev/null | sort\n"
	"grep -rs '' etc/netns | sort -s -t: -k1,1\n"
	"for f in run/netns/* run/nsnet*/gw/*; do [ -f \"$f\" ] && stat -Lc '%n %i %h' $f; done\n"
	"cut -d' ' -f3- proc/self/mountinfo\n"
	"look() { ip -d addr; ip neigh; ip -4 route show table all; ip -6 route show table all; "
	"bridge fdb; nft -s -a list ruleset; }\n"
	"echo '== host'; look\n"
	"for f in run/netns/* run/nsnet*/gw/*; do\n"
	"  [ \"$(stat -Lfc %t $f 2>/dev/null)\" = 6e736673 ] || continue; echo \"== $f\"\n"
	"  nsenter --net=$f unshare -m sh -c \"mount -t tmpfs x /run/netns; ip -d addr; ip neigh; "
	"ip -4 route show table all; ip -6 route show table all; bridge fdb;"
	"    nft -s -a list ruleset; grep -r . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf"
	"    2>/dev/null | grep -v stable_secret\"\n"
	"done";

char *lab_snapshot(void)
{
	char *text = lab_sh("f=$(mktemp); trap 'rm -f $f' EXIT; cat >$f <<'END'\n%s\nEND\n"
			    "bash $f | sed -E 's/[a-z_]*_timer +[0-9.]+//g; "
			    "s/(<|,)(NO-CARRIER|LOWER_UP|M-DOWN)//g; s/state [A-Za-z]+//g'",
			    snapshot_script);

	assert_non_null(strstr(text, "== host"));
	return text;
}

static void append_rows(FILE *out, sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int i;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (i = 0; i < sqlite3_column_count(st); i++)
			(void)fprintf(out, "%s|", (const char *)sqlite3_column_text(st, i));
		(void)fputc('\n', out);
	}
	assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
}

char *lab_rows(const char *state_dir)
{
	char path[128], *text = NULL;
	sqlite3 *db = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	(void)snprintf(path, sizeof(path), "%s/nsnet.db", state_dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	append_rows(out, db, "SELECT store_id, link_group FROM meta");
	append_rows(out, db, "SELECT * FROM tenant ORDER BY 1");
	append_rows(out, db, "SELECT * FROM endpoint ORDER BY 1");
	append_rows(out, db, "SELECT * FROM policy ORDER BY 1");
	append_rows(out, db, "SELECT * FROM policy_part ORDER BY 1, 2, 3");
	append_rows(out, db, "SELECT * FROM quarantine ORDER BY 1");
	append_rows(out, db, "SELECT * FROM quarantine_keep ORDER BY 1, 2");
	append_rows(out, db, "SELECT * FROM cable ORDER BY 1");
	append_rows(out, db, "SELECT * FROM uplink ORDER BY 1");
	append_rows(out, db, "SELECT * FROM host_setting ORDER BY 1");
	append_rows(out, db, "SELECT * FROM netns ORDER BY 1, 2");
	append_rows(out, db, "SELECT * FROM host");
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void folder_is_empty(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *entry;

	if (!d)
		return;
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			fail_msg("'%s' is left in %s", entry->d_name, path);
	(void)closedir(d);
}

void lab_nothing_left(struct nsnet *n)
{
	char *text;

	folder_is_empty(LAB_PIN_DIR);
	folder_is_empty(LAB_GW);
	/* The machine's own /etc/netns shows through; ours have the mark. */
	text = lab_sh(
		"ip -o link | grep -v ' lo: ' || :; grep ' net:\\[' /proc/self/mountinfo || :;"
		"ip -o addr show scope global; nft list ruleset;"
		"for i in 4 6; do ip -$i route show table all | grep -v ' dev lo ' || :; done;"
		"[ ! -d /etc/netns ] || find /etc/netns -mindepth 1 \\( -type d -empty -o -type f "
		"-exec grep -q '^# made by nsnet' {} \\; \\) -print");
	assert_string_equal(text, "");
	free(text);
	if (!n)
		return;
	assert_int_equal(lab_count(n), 0);
	text = lab_rows(LAB_STATE);
	/* The meta row and the host row. */
	assert_int_equal(strchr(strchr(text, '\n') + 1, '\n')[1], '\0');
	free(text);
}

bool lab_is_netns(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

ino_t lab_netns_inode(const char *path)
{
	struct stat st;

	return lab_is_netns(path) && stat(path, &st) == 0 ? st.st_ino : 0;
}

/* ---- processes ---- */

enum mounts { SAME, COPIED, PRIVATE };

static bool go(int netns, enum mounts mounts)
{
	if (netns >= 0 && setns(netns, CLONE_NEWNET) < 0)
		return false;
	if (mounts != SAME && unshare(CLONE_NEWNS) < 0)
		return false;
	return mounts != PRIVATE || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* The child says one byte when it is where it should be. */
static pid_t sit(int netns, enum mounts mounts)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!go(netns, mounts))
			_exit(1);
		for (int fd = 3; fd < 256; fd++)
			if (fd != ready[1])
				(void)close(fd);
		while (write(ready[1], "1", 1) == 1)
			(void)sigsuspend(&(sigset_t){0});
		_exit(1);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	return pid;
}

pid_t lab_sit(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);
	pid_t pid;

	assert_true(fd >= 0);
	pid = sit(fd, SAME);
	(void)close(fd);
	return pid;
}

pid_t lab_sit_unshared(bool private_mounts)
{
	return sit(-1, private_mounts ? PRIVATE : COPIED);
}

void lab_leave(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- who holds a namespace ---- */

static bool mentions(const char *path, const char *what)
{
	char *line = NULL;
	size_t size = 0;
	bool found = false;
	FILE *f = fopen(path, "re");

	while (f && !found && getline(&line, &size, f) > 0)
		found = strstr(line, what);
	free(line);
	if (f)
		(void)fclose(f);
	return found;
}

static bool link_is(const char *path, const char *what)
{
	char target[64];
	ssize_t len = readlink(path, target, sizeof(target) - 1);

	target[len > 0 ? len : 0] = '\0';
	return strcmp(target, what) == 0;
}

bool lab_netns_gone(ino_t inode)
{
	DIR *d = opendir("/proc");
	const struct dirent *entry;
	char what[40], path[64];
	bool held = false;

	assert_non_null(d);
	(void)snprintf(what, sizeof(what), "net:[%llu]", (unsigned long long)inode);
	while (!held && (entry = readdir(d))) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%ld/mountinfo", pid);
		held = mentions(path, what);
		(void)snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
		held = held || link_is(path, what);
	}
	(void)closedir(d);
	return !held;
}
