/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "progress.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "stdfd.h"

/* What is ready sooner needs no line. */
#define FIRST_MS 500
/* More often nobody can read it. */
#define LINE_MS 100
/* A line in a log is kept: few of them. */
#define LINES_MS 10000
/* Shorter than what it takes a person to press the key again for want of an answer. */
#define AGAIN_MS 500
/* Its width leaves room for the numbers on the narrowest terminal. */
#define BAR 20

static uint64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_begin_at(struct progress *p, const struct out *o, const char *what, size_t total,
		       uint64_t now_ms)
{
	int fd = fileno(o->msgs);

	*p = (struct progress){.o = o, .what = what, .total = total};
	/* Of one thing there is nothing to count. */
	if (o->quiet || total < 2)
		return;
	switch (o->progress) {
	case OUT_PROGRESS_AUTO:
		p->line = fd >= 0 && isatty(fd);
		break;
	case OUT_PROGRESS_PLAIN:
		p->lines = true;
		break;
	case OUT_PROGRESS_NEVER:
		break;
	}
	p->next_ms = now_ms + (p->lines ? LINES_MS : FIRST_MS);
}

void progress_begin(struct progress *p, const struct out *o, const char *what, size_t total)
{
	progress_begin_at(p, o, what, total, clock_ms());
}

/* Spaces and carriage returns, as every terminal has them. */
void progress_hide(struct progress *p)
{
	if (p->shown > 0) {
		fprintf(p->o->msgs, "\r%*s\r", (int)p->shown, "");
		(void)fflush(p->o->msgs);
	}
	p->shown = 0;
}

void progress_step_at(struct progress *p, uint64_t now_ms)
{
	static const char bar[BAR + 1] = "####################";
	int n, filled;

	p->done++;
	if (!(p->line || p->lines) || now_ms < p->next_ms || p->done == p->total)
		return;
	/* In the order in which it happened. */
	stdfd_flush(p->o->to);
	if (p->lines) {
		fprintf(p->o->msgs, "%zu/%zu %s\n", p->done, p->total, p->what);
		p->next_ms = now_ms + LINES_MS;
		return;
	}
	progress_hide(p);
	p->next_ms = now_ms + LINE_MS;
	filled = (int)(p->done * BAR / p->total);
	n = fprintf(p->o->msgs, "[%.*s%*s] %zu/%zu %s", filled, bar, BAR - filled, "", p->done,
		    p->total, p->what);
	(void)fflush(p->o->msgs);
	p->shown = n > 0 ? (size_t)n : 0;
}

void progress_step(struct progress *p)
{
	progress_step_at(p, clock_ms());
}

/* ---- interrupts ---------------------------------------------------------- */

static volatile sig_atomic_t seen;
static uint64_t seen_ms; /* only on_signal() looks at it */

/*
 * Who is about to wait for another nsnet's lock is not there yet, and is not interrupted by this:
 * his timer, if it runs, ends now, and then again and again (cmd_timeout()).
 */
static void end_wait(void)
{
	struct itimerval timer;

	if (getitimer(ITIMER_REAL, &timer) < 0 || !timerisset(&timer.it_value))
		return;
	timer.it_value = (struct timeval){.tv_usec = 1};
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

/*
 * timeout(1) sends each signal twice, to the process and to its group: within AGAIN_MS it is the
 * same one. Not SA_RESETHAND, by which the twin kills. What is called here may be called in a
 * handler.
 */
static void on_signal(int sig)
{
	const uint64_t now = clock_ms();

	if (!seen) {
		seen = sig;
		seen_ms = now;
		end_wait();
	} else if (now - seen_ms >= AGAIN_MS) {
		(void)signal(sig, SIG_DFL);
		(void)raise(sig);
	}
}

/*
 * Without SA_RESTART: who waits for another nsnet's lock is not to wait on. One
 * that was ignored stays so: `nohup` and the background jobs of a shell mean it.
 */
void interrupt_defer(void)
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct sigaction action = {.sa_handler = on_signal};

	/* One handler at a time. */
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		(void)sigaddset(&action.sa_mask, signals[i]);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct sigaction before;

		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			(void)sigaction(signals[i], &action, NULL);
	}
}

int interrupt_seen(void)
{
	return seen;
}
