/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "stdfd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static sighandler_t sigpipe_before = SIG_DFL;
static struct rlimit files_before;
/* glibc drops what it could not write, and with it the reason. */
static int flush_errno;

/* Where it fails, a tenant of many endpoints is refused with the kernel's words. */
static void raise_files(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &files_before) < 0)
		return;
	most = files_before;
	most.rlim_cur = most.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &most);
}

int stdfd_guard(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest free number is this one: those below are open by now. */
		if (open("/dev/null", modes[fd]) != fd)
			return errno ? -errno : -EBADF;
	}
	/* Killed in the middle of deleting ten tenants because `head` went away? No. */
	sigpipe_before = signal(SIGPIPE, SIG_IGN);
	raise_files();
	return 0;
}

void stdfd_unguard(void)
{
	(void)signal(SIGPIPE, sigpipe_before);
	if (files_before.rlim_max > 0)
		(void)setrlimit(RLIMIT_NOFILE, &files_before);
}

void stdfd_flush(FILE *f)
{
	if (fflush(f) != 0 && !flush_errno)
		flush_errno = errno;
}

int stdfd_close(int status)
{
	int failed = ferror(stdout);

	errno = flush_errno;
	if (fclose(stdout) != 0)
		failed = 1;
	if (!failed)
		return status;
	fprintf(stderr, "error: the answer could not be written: %s   [IO]\n",
		errno ? strerror(errno) : "write error");
	/* A failure that was already reported is the better answer. */
	return status == 0 || status == 1 || status == 10 ? 3 : status;
}
