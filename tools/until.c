/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "until.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <time.h>
#include <unistd.h>

#include "../lib/base/cleanup.h"
#include "progress.h"

#define LOOK_MS	     200  /* in the foreground */
#define LOOK_AWAY_MS 1000 /* in the background, for up to a day */
#define TRIES	     60	  /* when it cannot be taken back */
#define SELF	     "/proc/self/exe"

static void sleep_ms(uint64_t ms)
{
	const struct timespec t = {.tv_sec = (time_t)(ms / 1000),
				   .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&t, NULL);
}

/* ---- the process ------------------------------------------------------------------- */

/* Not a copy of this one: SQLite's locks and files do not survive a fork. */
static int describe(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int end)
{
	sigset_t none, all;
	int r;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	r = posix_spawn_file_actions_adddup2(files, end, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(files, 1, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(files, 1, 2);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(files, 3);
	if (r == 0)
		r = posix_spawn_file_actions_addchdir_np(files, "/");
	if (r == 0)
		r = posix_spawnattr_setsigmask(attr, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(attr, &all);
	return r ? r
		 : posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK |
							  POSIX_SPAWN_SETSIGDEF);
}

static int spawn(int end)
{
	char name[] = "nsnet", verb[] = "__settle";
	char *const argv[] = {name, verb, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid;
	int r = posix_spawn_file_actions_init(&files);

	if (r != 0)
		return r;
	r = posix_spawnattr_init(&attr);
	if (r == 0) {
		r = describe(&files, &attr, end);
		if (r == 0)
			r = posix_spawn(&pid, SELF, &files, &attr, argv, environ);
		(void)posix_spawnattr_destroy(&attr);
	}
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

int until_start(struct until *u, struct nsnet_err *err)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return nsn_err_sys(err, -errno, "make a pipe");
	r = spawn(ends[0]);
	(void)close(ends[0]);
	u->fd = ends[1];
	if (r == 0)
		return 0;
	until_go(u);
	return nsn_err_sys(err, -r, "start who would take it back");
}

void until_go(struct until *u)
{
	if (u->fd >= 0)
		(void)close(u->fd);
	u->fd = -1;
}

/* 1: it waits no more, 0: it does, or negative errno. */
static int look(struct ctx *ctx, uint64_t *left_ms, struct nsnet_err *err)
{
	struct nsnet_unconfirmed now = {0};
	int r = cmd_open(ctx, err);

	if (r == 0)
		r = nsnet_unconfirmed(ctx->n, &now, err);
	if (r == 0 && now.nr > 0 && now.state == NSNET_WAITS && now.left_ms == 0)
		r = nsnet_settle(ctx->n, err);
	else if (r == 0)
		r = now.nr == 0 || now.state != NSNET_WAITS;
	*left_ms = now.left_ms;
	nsnet_close(ctx->n);
	ctx->n = NULL;
	return r;
}

int cmd_settle(struct ctx *ctx, struct nsnet_err *err)
{
	int failed = 0;
	char byte;

	/* Until the change is made, or who made it is gone. */
	while (read(STDIN_FILENO, &byte, 1) > 0 || errno == EINTR)
		errno = 0;
	for (;;) {
		uint64_t left = 0;
		int r = look(ctx, &left, err);

		if (r > 0)
			return 0;
		failed = r < 0 ? failed + 1 : 0;
		if (failed == TRIES)
			return r;
		sleep_ms(left > 0 && left < LOOK_AWAY_MS ? left : LOOK_AWAY_MS);
	}
}

/* ---- in the foreground -------------------------------------------------------------- */

int until_wait(struct ctx *ctx, uint64_t nr, struct nsnet_err *err)
{
	for (;;) {
		struct nsnet_unconfirmed u = {0};
		int r = nsnet_unconfirmed(ctx->n, &u, err);

		if (r < 0)
			return r;
		if (u.nr != nr || u.state == NSNET_CONFIRMED)
			return 0;
		if (u.state == NSNET_TAKEN_BACK)
			return nsn_err(err, -ETIMEDOUT, NSNET_E_NOT_CONFIRMED,
				       "it was not confirmed, and all is as it was before");
		if (interrupt_seen())
			return 128 + interrupt_seen();
		/* Should the other one have been killed. */
		if (u.left_ms == 0)
			r = CMD_WAIT(ctx, nsnet_settle(ctx->n, err));
		/* Who takes it back has the lock for as long as that takes. */
		if (r < 0 && !(err && err->id == NSNET_E_TIMED_OUT))
			return r;
		if (u.left_ms > 0)
			sleep_ms(LOOK_MS);
	}
}
