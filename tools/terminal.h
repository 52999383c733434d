/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSNET_TOOLS_TERMINAL_H
#define NSNET_TOOLS_TERMINAL_H

/*
 * terminal - ours and a workload's, connected
 *
 * A workload never gets the terminal itself: with it, it could type into it (TIOCSTI) or read what
 * is typed afterwards. It has one of its own, and what is typed here goes there, as it
 * is: so Ctrl-C is the workload's to handle.
 */
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* One direction: what was read and could not be written yet. */
struct terminal_way {
	int from, to; /* -1: it is over */
	char buf[4096];
	size_t start, end;
};

struct terminal {
	int ours; /* -1: none */
	bool raw;
	struct termios before;
	struct terminal_way in, out;
};

/*
 * @theirs: the other end of the workload's. What comes from standard input goes there when
 * @in, and what comes from there goes to @out (-1: nowhere). Ours is raw from now on.
 */
void terminal_open(struct terminal *t, int theirs, bool in, int out);
/* Ours is as it was. */
void terminal_close(struct terminal *t);
/* The size of ours becomes theirs. */
void terminal_resize(const struct terminal *t);

struct pollfd;
/* Fills in at most two; poll(), then terminal_move(). */
size_t terminal_poll(const struct terminal *t, struct pollfd *fds);
void terminal_move(struct terminal *t, const struct pollfd *fds, size_t n);
/* What is left in it when the workload has ended. Bounded. */
void terminal_drain(struct terminal *t);

#endif
