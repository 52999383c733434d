/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/close_range.h>

#include "birth.h"
#include "fds.h"

/*
 * workload - the last steps before the command
 */

static int take_terminal(const struct nsn_birth *b, struct nsn_trouble *why)
{
	/* A session of its own, in any case: else TIOCSTI could type into ours. */
	if (setsid() < 0)
		return nsn_trouble(why, NSN_STAGE_TERMINAL, -errno, "setsid");
	if (b->tty >= 0 && ioctl(b->tty, TIOCSCTTY, 0) < 0)
		return nsn_trouble(why, NSN_STAGE_TERMINAL, -errno, "TIOCSCTTY");
	return 0;
}

/*
 * 0, 1 and 2 as they shall be. What is to become one of them may itself have such a number, so
 * all are first moved out of the way; so is the pipe to the caller, if he had one of the three
 * closed. As low as can be: there may be a limit on numbers.
 */
static int standard_fds(struct nsn_birth *b, struct nsn_trouble *why)
{
	int from[3];

	if (b->words < 3) {
		const int words = fcntl(b->words, F_DUPFD_CLOEXEC, 3);

		if (words < 0)
			return nsn_trouble(why, NSN_STAGE_FDS, -errno, "the pipe to the caller");
		b->words = words;
	}
	for (int i = 0; i < 3; i++) {
		const int fd = b->s->tty & 1u << i ? b->tty : b->s->stdio[i];

		from[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (from[i] < 0)
			return nsn_trouble(why, NSN_STAGE_FDS, -errno, "descriptor %d", i);
	}
	for (int i = 0; i < 3; i++)
		if (dup2(from[i], i) < 0)
			return nsn_trouble(why, NSN_STAGE_FDS, -errno, "descriptor %d", i);
	return 0;
}

/* Closed by the exec, not before it: its failure has to be told. */
static int other_fds(const struct nsn_birth *b, struct nsn_trouble *why)
{
	if (close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		return nsn_trouble(why, NSN_STAGE_FDS, -errno, "close_range");
	for (size_t i = 0; i < b->s->n_fds; i++)
		if (fcntl(b->s->fds[i], F_SETFD, 0) < 0)
			return nsn_trouble(why, NSN_STAGE_FDS, -errno, "descriptor %d",
					   b->s->fds[i]);
	return 0;
}

static int limits(struct nsn_trouble *why)
{
	const struct rlimit none = {0};

	/* With these no capability is needed to be scheduled before the host's own processes. */
	if (setrlimit(RLIMIT_NICE, &none) < 0 || setrlimit(RLIMIT_RTPRIO, &none) < 0)
		return nsn_trouble(why, NSN_STAGE_LIMITS, -errno, "RLIMIT_NICE, RLIMIT_RTPRIO");
	return 0;
}

static int enter_folder(const char *cwd, struct nsn_trouble *why)
{
	char now[4096];

	if (chdir(cwd) < 0)
		return nsn_trouble(why, NSN_STAGE_CWD, -errno, "%.90s", cwd);
	/* "(unreachable)": a folder outside of the root (CVE-2024-21626). */
	if (syscall(SYS_getcwd, now, sizeof(now)) < 0)
		return nsn_trouble(why, NSN_STAGE_CWD, -errno, "%.90s", cwd);
	if (now[0] != '/')
		return nsn_trouble(why, NSN_STAGE_CWD, -EXDEV, "%.90s", cwd);
	return 0;
}

static int prepare(struct nsn_birth *b, struct nsn_trouble *why)
{
	const struct nsn_spawn *s = b->s;
	struct nsn_confine confine = s->confine;
	sigset_t none;
	int r;

	confine.early = b->early;
	r = take_terminal(b, why);
	if (r == 0)
		r = standard_fds(b, why);
	if (r == 0)
		r = limits(why);
	if (r == 0)
		r = enter_folder(s->cwd, why);
	if (r == 0)
		r = other_fds(b, why);
	if (r == 0)
		r = nsn_confine(&confine, why);
	if (r < 0)
		return r;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	return 0;
}

/* The start is complete when the last writer of this pipe is gone; a command goes with its exec. */
static void run_entry(const struct nsn_birth *b) __attribute__((noreturn));
static void run_entry(const struct nsn_birth *b)
{
	int keep[NSN_SPAWN_FDS + 3] = {0, 1, 2};

	memcpy(keep + 3, b->s->fds, b->s->n_fds * sizeof(keep[0]));
	nsn_fds_only(keep, 3 + b->s->n_fds);
	_exit(b->s->entry(b->s->arg));
}

/* execvpe() without its memory: a name without a slash is looked for in PATH of @env. */
static int execute(char *const *argv, char *const *env)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char full[4096];
	int code = ENOENT;

	if (strchr(argv[0], '/')) {
		(void)execve(argv[0], argv, env);
		return -errno;
	}
	for (char *const *e = env; *e; e++)
		if (strncmp(*e, "PATH=", 5) == 0)
			path = *e + 5;
	while (*path) {
		const size_t n = strcspn(path, ":");
		const size_t len = strlen(argv[0]);

		if (n && n + len + 2 <= sizeof(full)) {
			memcpy(full, path, n);
			full[n] = '/';
			memcpy(full + n + 1, argv[0], len + 1);
			(void)execve(full, argv, env);
			if (errno != ENOENT && errno != ENOTDIR)
				code = errno;
		}
		path += n + (path[n] == ':');
	}
	return -code;
}

void nsn_workload(struct nsn_birth *b)
{
	struct nsn_trouble why = {0};
	char *const *argv, *const *env;

	if (prepare(b, &why) < 0)
		nsn_birth_fail(b, &why);
	if (b->s->entry)
		run_entry(b);
	/* execve() wants them without const, and changes nothing. */
	memcpy(&argv, &b->s->argv, sizeof(argv));
	memcpy(&env, &b->s->env, sizeof(env));
	(void)nsn_trouble(&why, NSN_STAGE_EXEC, execute(argv, env), "%.90s", argv[0]);
	nsn_birth_fail(b, &why);
}
