/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Of what a workload has written before its end; it may have children that go on. */
#define DRAIN_TURNS 4096
#define CTRL_D	    4

static void make_raw(struct terminal *t)
{
	struct termios raw;

	if (t->ours < 0 || tcgetattr(t->ours, &t->before) < 0)
		return;
	raw = t->before;
	cfmakeraw(&raw);
	/* In the background it would stop us; then it stays as it is. */
	if (tcgetpgrp(t->ours) == getpgrp())
		t->raw = tcsetattr(t->ours, TCSADRAIN, &raw) == 0;
}

/*
 * A terminal that is said to take something takes a byte, and a write of more waits: for a
 * workload that does not read, while we see no signal. Theirs has no other user than us.
 */
static void never_wait(int theirs)
{
	const int flags = theirs < 0 ? -1 : fcntl(theirs, F_GETFL);

	if (flags >= 0)
		(void)fcntl(theirs, F_SETFL, flags | O_NONBLOCK);
}

void terminal_open(struct terminal *t, int theirs, bool in, int out)
{
	*t = (struct terminal){.ours = -1};
	for (int fd = 0; fd < 3 && t->ours < 0; fd++)
		if (isatty(fd))
			t->ours = fd;
	t->in = (struct terminal_way){.from = in ? STDIN_FILENO : -1, .to = theirs};
	t->out = (struct terminal_way){.from = theirs, .to = out};
	never_wait(theirs);
	if (in)
		make_raw(t);
	terminal_resize(t);
}

void terminal_close(struct terminal *t)
{
	if (t->raw)
		(void)tcsetattr(t->ours, TCSADRAIN, &t->before);
	t->raw = false;
}

void terminal_resize(const struct terminal *t)
{
	struct winsize size;

	if (t->ours >= 0 && t->out.from >= 0 && ioctl(t->ours, TIOCGWINSZ, &size) == 0)
		(void)ioctl(t->out.from, TIOCSWINSZ, &size);
}

/* One of: to be read from, to be written to, nothing. */
static struct pollfd wants(const struct terminal_way *w)
{
	if (w->start < w->end)
		return (struct pollfd){.fd = w->to, .events = POLLOUT};
	return (struct pollfd){.fd = w->from, .events = POLLIN};
}

size_t terminal_poll(const struct terminal *t, struct pollfd *fds)
{
	fds[0] = wants(&t->in);
	fds[1] = wants(&t->out);
	return 2;
}

static void fill(struct terminal_way *w)
{
	const ssize_t n = read(w->from, w->buf, sizeof(w->buf));

	w->start = w->end = 0;
	if (n > 0)
		w->end = (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		w->from = -1; /* EIO: the other side of a terminal is gone */
}

static void empty(struct terminal_way *w)
{
	const ssize_t n = w->to < 0 ? (ssize_t)(w->end - w->start)
				    : write(w->to, w->buf + w->start, w->end - w->start);

	if (n >= 0)
		w->start += (size_t)n;
	else if (errno != EINTR && errno != EAGAIN)
		w->to = -1;
}

static void move(struct terminal_way *w, const struct pollfd *fd)
{
	if (!fd->revents)
		return;
	if (w->start < w->end)
		empty(w);
	else
		fill(w);
}

void terminal_move(struct terminal *t, const struct pollfd *fds, size_t n)
{
	const bool had = t->in.from >= 0;

	if (n != 2)
		return;
	move(&t->in, &fds[0]);
	move(&t->out, &fds[1]);
	/* The end of our input is a Ctrl-D in a terminal. */
	if (had && t->in.from < 0 && t->in.to >= 0) {
		t->in.buf[0] = CTRL_D;
		t->in.start = 0;
		t->in.end = 1;
	}
}

void terminal_drain(struct terminal *t)
{
	t->in.from = -1;
	t->in.start = t->in.end = 0;
	for (int i = 0; i < DRAIN_TURNS; i++) {
		struct pollfd fd = wants(&t->out);

		if (fd.fd < 0 || poll(&fd, 1, fd.events == POLLIN ? 0 : 1000) <= 0)
			return;
		move(&t->out, &fd);
	}
}
