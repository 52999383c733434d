/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sched.h>

#include "../../lib/spawn/idmap.h"
#include "world.h"

/* What the processes of a jail tell the test. */
struct shared {
	int built, finished;
	struct nsn_trouble why;
	struct nsnet_err err;
	double build_ms, finish_ms;
};

static struct jail result;
/* user=host */
static bool no_userns;

#define MUST(call)                                                                                 \
	({                                                                                         \
		long must_ = (call);                                                               \
		if (must_ < 0) {                                                                   \
			fprintf(stderr, "jail: %s: %s\n", #call, strerror(errno));                 \
			_exit(120);                                                                \
		}                                                                                  \
		must_;                                                                             \
	})

/*
 * $T is a folder to write to. Every command has to succeed, and what is given to no() has to fail:
 * "! command" alone ends nothing under set -e.
 */
#define PRELUDE                                                                                    \
	"set -e; export T=/tmp; no() { if (eval \"$1\") 2>/dev/null; then echo \"it worked: "      \
	"$1\"; exit "                                                                              \
	"1; fi; "                                                                                  \
	"}\n"

static void run_script(const struct nsn_view *v, enum jail_who who, const char *script)
{
	static char text[16384];
	const char *home = nsn_view_home(v);

	if (!script)
		_exit(0);
	if (who == JAIL_USER) {
		/* Without a user namespace the numbers are the tenant's own. */
		const uint32_t add = no_userns ? JAIL_BASE : 0;
		const uid_t uid = nsn_view_uid(v) + add;
		const gid_t gid = nsn_view_gid(v) + add;

		MUST(setresgid(gid, gid, gid));
		MUST(setresuid(uid, uid, uid));
		for (int cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
			(void)prctl(PR_CAPBSET_DROP, cap);
		MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	}
	if ((size_t)snprintf(text, sizeof(text), PRELUDE "%s", script) >= sizeof(text))
		_exit(121);
	MUST(clearenv());
	MUST(setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1));
	MUST(setenv("HOME", home, 1));
	execl("/bin/sh", "sh", "-c", text, (char *)NULL);
	execl("/bin/busybox", "sh", "-c", text, (char *)NULL);
	_exit(121);
}

/* The first process: it shares the helper's descriptors until it has the procfs. */
static void first(struct nsn_view *v, int go, enum jail_who who, const char *script,
		  struct shared *s)
{
	double start;
	int proc;

	if (read(go, &proc, sizeof(proc)) != sizeof(proc))
		_exit(122);
	MUST(unshare(CLONE_FILES));
	MUST(setgroups(0, NULL));
	MUST(setresgid(0, 0, 0));
	MUST(setresuid(0, 0, 0));
	start = now_ms();
	s->finished = nsn_view_finish(v, proc, true, &s->why);
	s->finish_ms = now_ms() - start;
	if (s->finished < 0)
		_exit(123);
	run_script(v, who, script);
}

static pid_t clone_first(int *pidfd)
{
	struct clone_args args = {
		.flags = (no_userns ? 0 : CLONE_NEWUSER) | CLONE_NEWNS | CLONE_NEWPID |
			 CLONE_NEWIPC | CLONE_NEWUTS | CLONE_FILES | CLONE_PIDFD,
		.exit_signal = SIGCHLD,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* A procfs of the new pid namespace is mounted by who is in it and has the rights of the host. */
static int make_proc(int pidfd)
{
	struct clone_args args = {.flags = CLONE_FILES, .exit_signal = SIGCHLD};
	int status = 0;
	pid_t pid;

	MUST(setns(pidfd, CLONE_NEWPID));
	pid = (pid_t)MUST(syscall(SYS_clone3, &args, sizeof(args)));
	if (pid == 0) {
		int fs = (int)MUST(fsopen("proc", FSOPEN_CLOEXEC));

		MUST(fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
		_exit((int)MUST(fsmount(fs, FSMOUNT_CLOEXEC, 0)));
	}
	MUST(waitpid(pid, &status, 0));
	return WEXITSTATUS(status);
}

static void helper(struct nsn_view *v, const struct nsn_ids *ids, int host_proc, enum jail_who who,
		   const char *script, struct shared *s)
{
	int go[2], pidfd = -1, proc, status = 0;
	char name[16];
	double start;
	pid_t pid;

	MUST(unshare(CLONE_NEWNS));
	start = now_ms();
	s->built = nsn_view_build(v, &s->why);
	s->build_ms = now_ms() - start;
	if (s->built < 0)
		_exit(124);
	MUST(pipe2(go, O_CLOEXEC));
	pid = (pid_t)MUST(clone_first(&pidfd));
	if (pid == 0)
		first(v, go[0], who, script, s);
	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	proc = (int)MUST(openat(host_proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (!no_userns && nsn_idmap_write(proc, ids->map, ids->n, &s->err) < 0)
		_exit(125);
	proc = make_proc(pidfd);
	MUST(write(go[1], &proc, sizeof(proc)));
	MUST(waitpid(pid, &status, 0));
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void read_output(int fd)
{
	size_t used = 0;
	ssize_t n;

	while (used < JAIL_OUT - 1 && (n = read(fd, result.out + used, JAIL_OUT - 1 - used)) > 0)
		used += (size_t)n;
	result.out[used] = '\0';
	(void)close(fd);
}

static void start(struct nsn_view *v, const struct nsn_ids *ids, enum jail_who who,
		  const char *script)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int host_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ends[2] = {-1, -1}, status = 0;
	pid_t pid;

	assert_true(s != MAP_FAILED && host_proc >= 0 && pipe2(ends, O_CLOEXEC) == 0);
	(void)fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		MUST(dup2(ends[1], 1));
		MUST(dup2(ends[1], 2));
		helper(v, ids, host_proc, who, script, s);
	}
	(void)close(ends[1]);
	read_output(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	result.built = s->built;
	result.finished = s->finished;
	result.why = s->why;
	result.build_ms = s->build_ms;
	result.finish_ms = s->finish_ms;
	if (s->err.code != 0)
		result.err = s->err;
	(void)munmap(s, sizeof(*s));
	(void)close(host_proc);
}

const struct jail *jail_run(const struct nsn_view_def *def, enum jail_who who, const char *script)
{
	struct nsn_view_def own = *def;
	struct nsn_view *v = NULL;
	struct nsn_ids ids;

	no_userns = def->no_userns;
	nsn_ids_range(JAIL_BASE, &ids);
	if (!own.ids)
		own.ids = &ids;
	memset(&result, 0, sizeof(result));
	result.open = nsn_view_open(&own, &v, &result.err);
	if (result.open < 0) {
		assert_null(v);
		assert_string_not_equal(result.err.msg, "");
		return &result;
	}
	assert_string_equal(result.err.msg, "");
	start(v, own.ids, who, script);
	nsn_view_close(v);
	return &result;
}

void jail_refuses(const struct nsn_view_def *def, int code, enum nsnet_code id, const char *part)
{
	const struct jail *j = jail_run(def, JAIL_USER, "echo it ran");

	if (j->open == 0)
		fail_msg("not refused (%s expected); it said: %s", part, j->out);
	if (j->open != code || j->err.id != id || !strstr(j->err.msg, part))
		fail_msg("%d %s: %s", j->open, nsnet_code_name(j->err.id), j->err.msg);
}

void jail_fails(const struct nsn_view_def *def, enum nsn_stage stage, int code, const char *part)
{
	const struct jail *j = jail_run(def, JAIL_USER, "echo it ran");

	if (j->open < 0)
		fail_msg("open: %s", j->err.msg);
	if (j->built == 0 && j->finished == 0)
		fail_msg("no failure (%s expected); it said: %s", part, j->out);
	if (j->why.stage != stage || j->why.code != code || !strstr(j->why.what, part))
		fail_msg("%s: %s: %s", nsn_stage_word(j->why.stage), j->why.what,
			 strerror(-j->why.code));
}

const char *jail_sh(const struct nsn_view_def *def, enum jail_who who, const char *script)
{
	const struct jail *j = jail_run(def, who, script);

	if (j->open < 0)
		fail_msg("open: %s (%s)", j->err.msg, j->err.hint);
	if (j->built < 0 || j->finished < 0)
		fail_msg("%s: %s: %s", nsn_stage_word(j->why.stage), j->why.what,
			 strerror(-j->why.code));
	if (j->status != 0)
		fail_msg("status %d of:\n%s\n%s", j->status, script, j->out);
	return j->out;
}
