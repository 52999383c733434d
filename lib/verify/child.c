/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../base/cleanup.h"

/* Beyond the time that the work gives itself: to write the answer. */
#define GRACE 10

static int write_all(const char *text, size_t len, void *arg)
{
	const int fd = *(int *)arg;

	while (len > 0) {
		const ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The end of the text says that all of it came. */
static const char mark[] = "\nEND\n";

int nsn_child_send(int fd, json_t *doc)
{
	const int bad = !doc || json_dump_callback(doc, write_all, &fd, JSON_COMPACT) < 0 ||
			write_all(mark, sizeof(mark) - 1, &fd) < 0;

	json_decref(doc);
	return bad ? -1 : 0;
}

static _Noreturn void child(int fd, pid_t parent, json_t *(*make)(void *arg), void *arg)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* What the caller does at a signal is not for this process: it just ends. */
	for (int i = 1; i < NSIG; i++)
		if (i != SIGKILL && i != SIGSTOP)
			(void)signal(i, SIG_DFL);
	_exit(nsn_child_send(fd, make(arg)) < 0);
}

struct heard {
	char *text;
	size_t len, max;
};

static void heard_clear(struct heard *h)
{
	free(h->text);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1: more; 0: the end; else -errno. */
static int hear_some(struct heard *h, int fd)
{
	ssize_t n;

	if (h->max - h->len < 65536) {
		const size_t max = h->max ? 2 * h->max : 1 << 20;
		char *text = realloc(h->text, max);

		if (!text)
			return -ENOMEM;
		h->text = text;
		h->max = max;
	}
	n = read(fd, h->text + h->len, h->max - h->len);
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	h->len += (size_t)n;
	return n > 0;
}

static int hear(struct heard *h, int fd, unsigned int seconds)
{
	const int64_t end = now_ms() + (int64_t)seconds * 1000;
	int r = 1;

	while (r > 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		const int64_t left = end - now_ms();

		if (seconds && left <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, seconds ? (int)left : -1) < 0 && errno != EINTR)
			return -errno;
		if (p.revents)
			r = hear_some(h, fd);
	}
	if (r == 0 && (h->len < sizeof(mark) - 1 ||
		       memcmp(h->text + h->len - (sizeof(mark) - 1), mark, sizeof(mark) - 1) != 0))
		return -EPROTO;
	return r;
}

int nsn_child_hear(int fd, unsigned int seconds, json_t **ret)
{
	NSN_AUTO(heard_clear) struct heard h = {0};
	const int r = hear(&h, fd, seconds);

	*ret = NULL;
	if (r == -ENOMEM || r == -ETIMEDOUT)
		return r;
	if (r == 0)
		*ret = json_loadb(h.text, h.len - (sizeof(mark) - 1), 0, NULL);
	return *ret ? 0 : -EPROTO;
}

void nsn_child_end(pid_t pid, bool kill_it)
{
	if (kill_it)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int nsn_child_ask(json_t *(*make)(void *arg), void *arg, unsigned int seconds, json_t **ret,
		  struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int from = -1;
	const pid_t self = getpid();
	int fd[2], r;
	pid_t pid;

	*ret = NULL;
	if (pipe2(fd, O_CLOEXEC) < 0)
		return nsn_err_sys(err, -errno, "pipe");
	from = fd[0];
	pid = fork();
	if (pid == 0) {
		(void)close(fd[0]);
		child(fd[1], self, make, arg);
	}
	(void)close(fd[1]);
	if (pid < 0)
		return nsn_err_sys(err, -errno, "fork");
	r = nsn_child_hear(from, seconds ? seconds + GRACE : 0, ret);
	nsn_child_end(pid, r < 0);
	return r;
}
