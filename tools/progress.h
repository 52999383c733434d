/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_PROGRESS_H
#define NSNET_TOOLS_PROGRESS_H

/*
 * progress - how far a command over many objects is, and what stops it
 *
 * On a terminal one line that is written over again, from half a second on;
 * elsewhere nothing, or a line every ten seconds when asked for. All of it on
 * standard error.
 *
 * SIGINT and SIGTERM are let wait until the object at hand is done: the next
 * one is not begun. Another signal, half a second later or more, ends the
 * process at once, which the engine survives, too.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "out.h"

struct progress {
	const struct out *o;
	const char *what; /* "tenants" */
	size_t done, total;
	bool line;    /* rewrite one line */
	bool lines;   /* print one now and then */
	size_t shown; /* length of the line that stands there */
	uint64_t next_ms;
};

void progress_begin(struct progress *p, const struct out *o, const char *what, size_t total);
/* One more is done. */
void progress_step(struct progress *p);
/* Takes the line away, before something else is printed. progress_step() brings it back. */
void progress_hide(struct progress *p);

/* The same with a clock of the caller's, in milliseconds. */
void progress_begin_at(struct progress *p, const struct out *o, const char *what, size_t total,
		       uint64_t now_ms);
void progress_step_at(struct progress *p, uint64_t now_ms);

/* From here on signals wait. */
void interrupt_defer(void);
/* The signal that came since, or 0. */
int interrupt_seen(void);

#endif
