/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../lib/base/cleanup.h"
#include "../lib/base/text.h"
#include "terminal.h"

/* Those that are for the workload, and come to us instead. */
static void passed_on(sigset_t *set)
{
	static const int list[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,	SIGUSR1,
				   SIGUSR2, SIGCONT, SIGALRM, SIGWINCH, SIGPIPE};

	(void)sigemptyset(set);
	for (size_t i = 0; i < NSN_COUNT(list); i++)
		(void)sigaddset(set, list[i]);
}

static int pass_on(int sigs, struct nsnet_run *run, struct terminal *t, struct nsnet_err *err)
{
	struct signalfd_siginfo info;
	int r = 0;

	while (r == 0 && read(sigs, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGWINCH)
			terminal_resize(t);
		else if (info.ssi_signo != SIGPIPE)
			r = nsnet_run_signal(run, (int)info.ssi_signo, err);
	}
	return r;
}

static int look_after(struct nsnet_run *run, int sigs, struct terminal *t, struct nsnet_exit *ret,
		      struct nsnet_err *err)
{
	for (;;) {
		struct pollfd fds[4] = {{.fd = sigs, .events = POLLIN},
					{.fd = nsnet_run_fd(run), .events = POLLIN}};
		const size_t n = terminal_poll(t, fds + 2);
		int r = 0;

		if (poll(fds, 2 + n, -1) < 0 && errno != EINTR)
			return nsn_err_sys(err, -errno, "cannot wait");
		if (fds[0].revents)
			r = pass_on(sigs, run, t, err);
		terminal_move(t, fds + 2, n);
		if (r == 0 && fds[1].revents)
			r = nsnet_run_wait(run, -1, ret, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
}

/* With a terminal among its three, all that are a terminal are its own. */
static void connect_terminal(struct terminal *t, struct nsnet_run *run)
{
	const int theirs = nsnet_run_terminal(run);
	int out = -1;

	if (isatty(STDOUT_FILENO))
		out = STDOUT_FILENO;
	else if (isatty(STDERR_FILENO))
		out = STDERR_FILENO;
	else
		out = STDIN_FILENO; /* it echoes, at least */
	terminal_open(t, theirs, theirs >= 0 && isatty(STDIN_FILENO), theirs >= 0 ? out : -1);
}

static int tell(const struct out *o, int status_fd, const struct nsnet_run *run,
		const struct nsnet_exit *e, struct nsnet_err *err)
{
	json_t *doc;
	int r;

	if (status_fd < 0 && !out_is_document(o))
		return 0;
	doc = json_pack("{s:i,s:s,s:s,s:s,s:i,s:b}", "nsnet", 1, "kind", "Exit", "workload",
			nsnet_run_id(run), "ended", e->signalled ? "signalled" : "exited", "code",
			e->code, "core", e->core);
	if (!doc)
		return nsn_err_nomem(err);
	if (status_fd < 0) {
		r = out_dump(o, o->msgs, doc) < 0 ? nsn_err_nomem(err) : 0;
	} else {
		r = json_dumpfd(doc, status_fd, JSON_COMPACT) < 0
			    ? nsn_err(err, -EIO, NSNET_E_IO, "cannot write to descriptor %d",
				      status_fd)
			    : 0;
	}
	json_decref(doc);
	return r;
}

int workload_fd(const char *option, const char *text, int *ret, struct nsnet_err *err)
{
	char shown[NSN_SHOW_SIZE];
	uint64_t n;
	int flags;

	if (nsn_u64_parse(&n, text, 1 << 20) < 0)
		return nsn_err(err, -EINVAL, NSNET_E_USAGE, "%s '%s' is no descriptor", option,
			       nsn_text_show(text, shown, sizeof(shown)));
	/*
	 * Ours are closed by an exec, and what we were given is not. Without this look, `--fd 3`
	 * would be what we have opened ourselves: the store, which is a plain file.
	 */
	flags = fcntl((int)n, F_GETFD);
	if (flags < 0 || flags & FD_CLOEXEC)
		return nsn_err(err, -EBADF, NSNET_E_BAD_DESCRIPTOR,
			       "%s: descriptor %s is not open here", option, text);
	*ret = (int)n;
	return 0;
}

int workload_status_fd(const char *text, int *ret, struct nsnet_err *err)
{
	const int r = workload_fd("--status-fd", text, ret, err);

	if (r == 0 && (fcntl(*ret, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return nsn_err(err, -EBADF, NSNET_E_BAD_DESCRIPTOR,
			       "--status-fd: descriptor %s is not open for writing", text);
	return r;
}

void workload_signals_wait(void)
{
	sigset_t mine;

	passed_on(&mine);
	(void)sigdelset(&mine, SIGALRM); /* --timeout */
	(void)sigprocmask(SIG_BLOCK, &mine, NULL);
}

int workload_follow(struct nsnet_run *run, const struct out *o, int status_fd,
		    struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int sigs = -1;
	struct nsnet_exit ended = {0};
	struct terminal terminal;
	sigset_t mine;
	int r;

	passed_on(&mine);
	(void)sigprocmask(SIG_BLOCK, &mine, NULL);
	sigs = signalfd(-1, &mine, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sigs < 0)
		return nsn_err_sys(err, -errno, "cannot take signals");
	connect_terminal(&terminal, run);
	r = look_after(run, sigs, &terminal, &ended, err);
	terminal_drain(&terminal);
	terminal_close(&terminal);
	if (r == 0)
		r = tell(o, status_fd, run, &ended, err);
	if (r < 0)
		return r;
	return ended.signalled ? 128 + ended.code : ended.code;
}
