/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../lib/fault.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * Each of the processes that start a workload is killed at each of its system calls, and so is its
 * caller at each of theirs; and each call fails. The command runs isolated as always, or not at
 * all; and nothing is left.
 */

/* What a workload says of itself: all that a failure could have taken away. */
#define PROBE                                                                                      \
	"cat", "/proc/self/status", "/proc/self/uid_map", "/proc/self/gid_map",                    \
		"/proc/self/setgroups", "/proc/self/mountinfo", "/proc/self/cgroup",               \
		"/proc/self/limits", "/proc/self/environ", "/proc/self/oom_score_adj",             \
		"/proc/sys/kernel/hostname", "/proc/sys/user/max_user_namespaces",                 \
		"/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/self/net/route",           \
		"/proc/sysvipc/shm", "/proc/1/cmdline", "/etc/resolv.conf", "/etc/hostname",       \
		"/proc/self/personality"

static struct nsnet *n;
static int canary = -1;

static int build(void **state)
{
	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	nsnet_close(n);
	n = NULL;
	/* In the world's ipc namespace, which is the machine's. */
	canary = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	(void)mkdir("/run/data", 0755);
	return chown("/run/data", 1000, 1000);
}

static int drop(void **state)
{
	(void)state;
	if (canary >= 0)
		(void)shmctl(canary, IPC_RMID, NULL);
	return 0;
}

/* ---- what it says of itself --------------------------------------------------------------- */

/* What is different each time: numbers of mounts and devices, memory, switches. */
static bool is_noise(const char *line)
{
	static const char *const keys[] = {
		"Vm",	 "Rss",		"Hugetlb", "Threads", "voluntary_", "nonvoluntary_",
		"Cpus_", "Mems_",	"State",   "FDSize",  "Core",	    "THP",
		"untag", "Speculation", "SigQ",	   "x86_",
	};

	for (size_t i = 0; i < NSN_COUNT(keys); i++)
		if (strncmp(line, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
}

/* "36 35 0:55 /fixed/etc /etc ro - tmpfs ...": what is behind the third blank. */
static const char *without_numbers(const char *line)
{
	const char *at = line;

	for (int i = 0; i < 3; i++) {
		const size_t len = strspn(at, "0123456789:");

		if (len == 0 || at[len] != ' ')
			return line;
		at += len + 1;
	}
	return at;
}

static char *essence(const char *out)
{
	NSN_AUTO(nsn_freep) char *copy = strdup(out);
	char *text = NULL, *rest = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_non_null(copy);
	assert_non_null(f);
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!is_noise(line))
			fprintf(f, "%s\n", without_numbers(line));
	assert_int_equal(fclose(f), 0);
	return text;
}

/* ---- what there is outside ------------------------------------------------------------------ */

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* SQLite's own files beside the state come and go. */
static int shown(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
	       !strstr(d->d_name, "-wal") && !strstr(d->d_name, "-shm") &&
	       !strstr(d->d_name, "-journal");
}

static void list_names(FILE *f, const char *folder)
{
	struct dirent **list = NULL;
	const int count = scandir(folder, &list, shown, by_name);

	for (int i = 0; i < count; i++) {
		char path[4096];
		struct stat st = {0};

		(void)snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
		(void)lstat(path, &st);
		fprintf(f, "%s %o %u\n", path, st.st_mode, st.st_uid);
		if (S_ISDIR(st.st_mode))
			list_names(f, path);
		free(list[i]);
	}
	free(list);
}

/* Where it is and what of, as in proc_pid_mountinfo(5). Without numbers: a pin that is made anew
 * has others, if somebody else has taken those that it had. */
static void write_mount(FILE *f, char *line)
{
	char *field[5], *save = NULL;

	for (size_t i = 0; i < NSN_COUNT(field); i++)
		field[i] = strtok_r(i ? NULL : line, " ", &save);
	assert_non_null(field[4]);
	field[3][strcspn(field[3], "[")] = '\0';
	fprintf(f, "mount %s of %s\n", field[4], field[3]);
}

/* Names of files, mounts, segments. What holds a namespace or memory is a process, and those are
 * waited for, or one of these. */
static char *outside(void)
{
	static const char *const folders[] = {"/run", "/var/lib", "/etc/netns", "/dev/mqueue"};
	char *text = NULL, line[4096];
	size_t size;
	FILE *f = open_memstream(&text, &size), *mounts = fopen("/proc/self/mountinfo", "r");

	assert_non_null(f);
	assert_non_null(mounts);
	for (size_t i = 0; i < NSN_COUNT(folders); i++)
		list_names(f, folders[i]);
	while (fgets(line, sizeof(line), mounts))
		write_mount(f, line);
	(void)fclose(mounts);
	assert_int_equal(fclose(f), 0);
	return text;
}

static bool has_group(const char *id)
{
	static const char *const tops[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified",
					   "/sys/fs/cgroup/pids"};
	char path[128];

	for (size_t i = 0; *id && i < NSN_COUNT(tops); i++) {
		(void)snprintf(path, sizeof(path), "%s/nsnet/%s", tops[i], id);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

/* ---- one run --------------------------------------------------------------------------------- */

struct series {
	const char *const *argv;
	char *said, *around;		      /* as it is when nothing goes wrong */
	struct fault_call calls[FAULT_CALLS]; /* and what is called then */
	int n_calls;
	int runs, hits, refused, swept; /* so many went on without the command; left a record */
};

static int broken; /* how many points went wrong; told all, not the first only */

__attribute__((format(printf, 3, 4))) static void complain(const struct fault *f,
							   const struct fault_call *c,
							   const char *fmt, ...)
{
	va_list ap;
	char why[512];

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	print_error("%s %d (call %d)%s, %s %d: %s\n  status %d, stderr: %s\n",
		    fault_role_word(c->role), c->at, c->nr, c->after ? " after" : "",
		    f->what == FAULT_ERRNO  ? "errno"
		    : f->what == FAULT_KILL ? "killed"
					    : "caller killed",
		    f->error, why, f->status, f->err);
	broken++;
}

static void check_said(const struct series *s, const struct fault *f, const struct fault_call *c)
{
	NSN_AUTO(nsn_freep) char *said = essence(f->out);
	const bool all = strcmp(said, s->said) == 0;

	/* Who was killed may have written half of it. */
	if (!all && strncmp(s->said, said, strlen(said) ? strlen(said) - 1 : 0) != 0)
		complain(f, c, "it ran otherwise:\n%s", f->out);
	if (f->what == FAULT_ERRNO && f->status == 0 && !all)
		complain(f, c, "status 0, but it said: %s", f->out);
	/* Told that it could not be started, but it was. */
	if (f->what == FAULT_ERRNO && f->status >= 125 && *f->out && !c->after)
		complain(f, c, "it ran");
}

/* The helper's last call is that by which it would tell. */
static bool is_how_it_tells(const struct fault_call *c, const struct fault *f)
{
	return c->role == FAULT_HELPER && c->nr == __NR_write &&
	       strstr(f->err, "the helper was killed");
}

/* Stage and errno, or the caller's own words with the errno's. */
static void check_told(const struct fault *f, const struct fault_call *c)
{
	char number[32];

	if (f->what != FAULT_ERRNO || f->status == 0)
		return;
	if (f->status == 126 && c->role == FAULT_WORKLOAD && c->nr == __NR_execve) {
		if (!strstr(f->err, strerror(f->error)))
			complain(f, c, "the error is not told");
		return;
	}
	if (f->status != 125) {
		complain(f, c, "status %d", f->status);
		return;
	}
	(void)snprintf(number, sizeof(number), "(errno %d)", f->error);
	if (c->role != FAULT_CALLER && c->role != FAULT_HOLDER && c->role != FAULT_KEEPER &&
	    !c->after && !is_how_it_tells(c, f) &&
	    (!strstr(f->err, "stage ") || !strstr(f->err, number)))
		complain(f, c, "stage and errno are not told");
	if (!strstr(f->err, "error: "))
		complain(f, c, "no error is told");
}

static void sweep(struct series *s)
{
	struct run r;

	/* Each of the two who do that. */
	if (s->swept++ % 2)
		NSNET_STATUS(0, "gc", "-q", "-y");
	else
		NSNET_STATUS(0, "run", "blue", "--", "true");
	/* What it was given, it has no more. */
	NSNET(&r, "exceptions", "--active", "--no-header");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "");
	run_free(&r);
}

static void check_outside(struct series *s, const struct fault *f, const struct fault_call *c)
{
	NSN_AUTO(nsn_freep) char *now = outside();
	const bool same = strcmp(now, s->around) == 0 && !has_group(f->id);
	/* Who was killed, or could not clean up, cannot have cleaned up. */
	const bool may = f->what == FAULT_KILL_CALLER || c->role == FAULT_CALLER;

	if (same)
		return;
	if (!may)
		complain(f, c, "left, group %d:\n%s", has_group(f->id), now);
	sweep(s);
	free(NSN_TAKE_PTR(now));
	now = outside();
	if (strcmp(now, s->around) != 0 || has_group(f->id))
		complain(f, c, "left after a sweep, group %d:\n%s", has_group(f->id), now);
}

static void one(struct series *s, const struct fault_call *c, int what, int error)
{
	struct fault f = {.what = what, .role = c->role, .at = c->at, .error = error};
	const bool dead = what == FAULT_KILL_CALLER || (what == FAULT_KILL && !c->role);

	fault_run(&f, s->argv);
	if (f.hit)
		c = &f.was;
	s->runs++;
	s->hits += f.hit;
	if (f.hung)
		complain(&f, c, "somebody was left for 15 seconds");
	if (f.hit && dead && f.status != 128 + SIGKILL)
		complain(&f, c, "status %d", f.status);
	if (!(f.hit && dead) && f.left)
		complain(&f, c, "%d processes were left", f.left);
	if (f.lag > 5000)
		complain(&f, c, "the last one ended after %.0f ms", f.lag);
	if (!f.hit && f.status != 0)
		complain(&f, c, "nothing was done to it");
	/* The command itself was killed, once it was no copy of the caller any more. */
	if (f.hit && what == FAULT_KILL && !dead && f.status != 125 && f.status != 137 &&
	    f.status != 0)
		complain(&f, c, "status %d", f.status);
	check_said(s, &f, c);
	check_told(&f, c);
	check_outside(s, &f, c);
	s->refused += f.status == 125;
	fault_done(&f);
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static void series_begin(struct series *s, const char *const argv[])
{
	struct fault f = {.what = FAULT_NOTHING};

	*s = (struct series){.argv = argv};
	broken = 0;
	/* The first one gets its tenant numbers, and makes the folders. Of the others the shortest
	 * counts: on a busy machine who waits, for a control group to become empty, asks more
	 * often. */
	for (int i = 0; i < 5; i++) {
		fault_run(&f, argv);
		if (f.status != 0 || f.left || f.hung)
			fail_msg("status %d, %d left: %s", f.status, f.left, f.err);
		free(s->said);
		s->said = essence(f.out);
		if (i == 1 || (i > 1 && f.n_calls < s->n_calls)) {
			memcpy(s->calls, f.calls, sizeof(f.calls));
			s->n_calls = f.n_calls;
		}
		fault_done(&f);
	}
	s->around = outside();
	LAB_HAS(s->said, "NoNewPrivs:\t1");
	LAB_HAS(s->said, "CapBnd:\t0000000000000000");
	assert_true(s->n_calls > 300 && s->n_calls < FAULT_CALLS);
}

static void series_end(struct series *s)
{
	free(s->said);
	free(s->around);
	print_message("%d runs, %d hit, %d refused, %d swept\n", s->runs, s->hits, s->refused,
		      s->swept);
	assert_int_equal(broken, 0);
	/* Who waits may do it once or twice. */
	assert_true(s->hits * 100 >= s->runs * 95);
}

/* Of a row of the same call only a few are tried. */
static bool is_one_more(const struct series *s, int i)
{
	const struct fault_call *c = &s->calls[i];
	int row = 0;

	for (int k = i - 1; k >= 0; k--) {
		if (s->calls[k].role != c->role)
			continue;
		if (s->calls[k].nr != c->nr)
			break;
		row++;
	}
	return row > 2 && row % 10;
}

static bool skipped(const struct series *s, int i)
{
	return is_one_more(s, i) || (test_quick() && i % 7);
}

static void killed_at_each_call(struct series *s)
{
	for (int i = 0; i < s->n_calls; i++) {
		const struct fault_call *c = &s->calls[i];

		if (skipped(s, i) || !(c->effect || c->waits))
			continue;
		one(s, c, FAULT_KILL, 0);
		if (c->role != FAULT_CALLER)
			one(s, c, FAULT_KILL_CALLER, 0);
	}
}

static const int errors[] = {EPERM, ENOMEM, EMFILE, ENOSPC, EINTR, EAGAIN};

static bool is_first_of_its_kind(const struct series *s, int i)
{
	for (int k = 0; k < i; k++)
		if (s->calls[k].role == s->calls[i].role && s->calls[k].nr == s->calls[i].nr)
			return false;
	return true;
}

/* @all: all errors for the first of each kind of call; else each call has one. */
static void failed_at_each_call(struct series *s, bool all)
{
	for (int i = 0; i < s->n_calls; i++) {
		const struct fault_call *c = &s->calls[i];
		const bool each = all && is_first_of_its_kind(s, i) && !test_quick();

		if (skipped(s, i))
			continue;
		for (size_t e = 0; e < NSN_COUNT(errors); e++) {
			if (c->waits ? errors[e] != EINTR
				     : !each && e != (size_t)i % NSN_COUNT(errors))
				continue;
			one(s, c, FAULT_ERRNO, errors[e]);
		}
	}
}

static const char *const *plain(void)
{
	static const char *argv[32] = {NULL, "run", "blue", "--", PROBE, NULL};

	argv[0] = nsnet_bin();
	return argv;
}

/* What the plain one has none of: a volume, a user, a time namespace, an opt-out. */
static const char *const *rich(void)
{
	static const char *argv[48] = {
		NULL,	     "run",    "blue",	 "--volume", "/run/data:/data",
		"--user",    "1000",   "--time", "--share",  "uts=host",
		"--because", "a test", "--",	 PROBE,	     NULL};

	argv[0] = nsnet_bin();
	return argv;
}

static void a_kill_leaves_nothing(void **state)
{
	struct series s;

	(void)state;
	world_need();
	series_begin(&s, plain());
	killed_at_each_call(&s);
	series_end(&s);
	series_begin(&s, rich());
	killed_at_each_call(&s);
	series_end(&s);
}

static void an_error_leaves_nothing(void **state)
{
	struct series s;

	(void)state;
	world_need();
	series_begin(&s, plain());
	failed_at_each_call(&s, true);
	series_end(&s);
	series_begin(&s, rich());
	failed_at_each_call(&s, false);
	series_end(&s);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_leaves_nothing),
		cmocka_unit_test(an_error_leaves_nothing),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, build, drop);
}
