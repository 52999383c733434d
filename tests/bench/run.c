/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run OUT CMD [ARG...]: runs a command; OUT gets its time in microseconds, from before it is
 * started to its end, that of processors, and the most memory it had, in KiB. The status is the
 * command's.
 *
 * A small program, as a child has at least the memory of who started it (execve() keeps the mark).
 */
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double micro(const struct timeval *t)
{
	return (double)t->tv_sec * 1e6 + (double)t->tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status = 0;
	double begin, end;
	pid_t pid;
	FILE *out;

	if (argc < 3)
		return 2;
	out = fopen(argv[1], "we");
	if (!out)
		return 2;
	begin = now();
	if (posix_spawnp(&pid, argv[2], NULL, NULL, argv + 2, environ) != 0 ||
	    wait4(pid, &status, 0, &usage) < 0)
		return 2;
	end = now();
	fprintf(out, "%.0f %.0f %ld\n", end - begin,
		micro(&usage.ru_utime) + micro(&usage.ru_stime), usage.ru_maxrss);
	fclose(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
