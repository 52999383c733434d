/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spawn each ROUNDS TENANT CMD		one start after the other, of each kind in turns
 * spawn many TOTAL JOBS TENANT CMD	as many as that, by JOBS callers at a time
 *
 * What a start takes a program that is there already, with the store open: by libnsnet, and, for
 * comparison, the floor (seven.c) and a plain posix_spawn(). `each` prints a line for each start,
 * its kind and microseconds until it has ended and was waited for; `many` those of all.
 */
#include "../../lib/nsnet.h"
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "seven.h"

struct caller {
	struct nsnet *n;
	const char *tenant;
	char *argv[2];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void fail(const char *what, const struct nsnet_err *err)
{
	fprintf(stderr, "spawn: %s: %s\n", what, err ? err->msg : "");
	exit(1);
}

static void by_nsnet(const struct caller *c)
{
	const char *argv[] = {c->argv[0], NULL};
	const struct nsnet_run_def def = {.tenant = c->tenant, .argv = argv, .stdio = {0, 1, 2}};
	struct nsnet_err err = {0};
	struct nsnet_exit end = {0};
	struct nsnet_run *run = NULL;

	if (nsnet_run_start(c->n, &def, &run, &err) < 0)
		fail("start", &err);
	if (nsnet_run_wait(run, -1, &end, &err) != 1)
		fail("wait", &err);
	if (end.signalled || end.code)
		fail("its end", NULL);
	nsnet_run_free(run);
}

static void by_seven(const struct caller *c)
{
	const pid_t pid = seven_start(c->argv);

	if (pid < 0 || seven_wait(pid) != 0)
		fail("floor", NULL);
}

static void plainly(const struct caller *c)
{
	pid_t pid;

	if (posix_spawn(&pid, c->argv[0], NULL, NULL, c->argv, environ) != 0 ||
	    seven_wait(pid) != 0)
		fail("posix_spawn", NULL);
}

static const struct {
	const char *name;
	void (*run)(const struct caller *c);
} kinds[] = {{"nsnet", by_nsnet}, {"floor", by_seven}, {"plain", plainly}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/*
 * The kernel lets go of a namespace in the background, on a processor that we would have: not in
 * the time of whoever comes next.
 */
static void pause_a_little(void)
{
	const struct timespec t = {.tv_nsec = 20000000};

	(void)nanosleep(&t, NULL);
}

static void each(const struct caller *c, long rounds)
{
	for (long i = 0; i < rounds; i++)
		for (size_t k = 0; k < KINDS; k++) {
			const size_t at = ((size_t)i + k) % KINDS;
			double begin;

			pause_a_little();
			begin = now();
			kinds[at].run(c);
			printf("%s %.1f\n", kinds[at].name, now() - begin);
		}
}

static void open_store(struct caller *c)
{
	struct nsnet_err err = {0};

	/* The folders that the environment names are the command line's to look at. */
	if (nsnet_open(&c->n, getenv("NSNET_STATE_DIR"), getenv("NSNET_RUN_DIR"), &err) < 0)
		fail("open", &err);
}

/* Each of them has a store of its own: one is not to be used by two processes. */
static void many(struct caller *c, long total, long jobs)
{
	const double begin = now();
	int status, bad = 0;

	for (long job = 0; job < jobs; job++) {
		const pid_t pid = fork();

		if (pid < 0)
			fail("fork", NULL);
		if (pid > 0)
			continue;
		open_store(c);
		for (long i = job; i < total; i += jobs)
			by_nsnet(c);
		nsnet_close(c->n);
		exit(0);
	}
	while (wait(&status) > 0)
		bad |= status;
	if (bad)
		fail("a caller", NULL);
	printf("many %.1f\n", now() - begin);
}

int main(int argc, char **argv)
{
	struct caller c = {.tenant = argc > 3 ? argv[argc - 2] : NULL,
			   .argv = {argv[argc - 1], NULL}};

	if (argc == 5 && strcmp(argv[1], "each") == 0) {
		open_store(&c);
		each(&c, strtol(argv[2], NULL, 10));
		nsnet_close(c.n);
		return 0;
	}
	if (argc == 6 && strcmp(argv[1], "many") == 0) {
		many(&c, strtol(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
		return 0;
	}
	fprintf(stderr, "usage: spawn each ROUNDS TENANT CMD | spawn many TOTAL JOBS TENANT CMD\n");
	return 2;
}
