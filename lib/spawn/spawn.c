/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/cleanup.h"
#include "../base/text.h"
#include "birth.h"

/* What the caller holds while a workload is being born. */
struct nursery {
	const struct nsn_spawn *s;
	struct nsn_birth birth;
	int words, ctl; /* our ends */
	int helper;	/* pidfd */
	struct nsn_born born;
};

static void leave(struct nursery *n)
{
	struct nsn_birth *b = &n->birth;

	/* Whoever of them is left, the sockets end it; so these come first. */
	nsn_shut(&n->ctl);
	nsn_shut(&n->words);
	nsn_end_process(&n->helper);
	/* A helper that was killed may not have told; it is our child, so its number is its own. */
	if (n->born.pidfd < 0 && b->first > 0)
		n->born.pidfd = pidfd_open(b->first, 0);
	nsn_end_process(&n->born.pidfd);
	nsn_shut(&n->born.tty);
	nsn_shut(&b->proc);
	nsn_shut(&b->words);
	nsn_shut(&b->ctl);
	nsn_shut(&b->own[0]);
	nsn_shut(&b->own[1]);
	nsn_shut(&b->kill);
}

static int open_nursery(struct nursery *n, struct nsnet_err *err)
{
	struct nsn_birth *b = &n->birth;
	int pipes[2], pair[2], r;

	b->proc = nsn_proc_open(err);
	if (b->proc < 0)
		return b->proc;
	r = nsn_core_look(b->proc, &b->core_leaves, err);
	if (r < 0)
		return r;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return nsn_err_sys(err, -errno, "cannot make a pipe");
	n->words = pipes[0];
	b->words = pipes[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return nsn_err_sys(err, -errno, "cannot make sockets");
	n->ctl = pair[0];
	b->ctl = pair[1];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, b->own) < 0)
		return nsn_err_sys(err, -errno, "cannot make sockets");
	if (!(n->s->share & 1u << NSNET_NS_PID))
		return 0;
	b->kill = openat(n->s->cgroup, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	if (b->kill < 0)
		return nsn_err_sys(err, -errno,
				   "sharing the pid namespace needs cgroup.kill (cgroup v2, kernel "
				   "5.14) to end the workload");
	return 0;
}

static int help(void *arg)
{
	struct nursery *n = arg;

	/* Else the sockets' ends that we hold would outlive the caller. They are still the
	 * caller's, so their numbers stay. */
	(void)close(n->words);
	(void)close(n->ctl);
	nsn_helper(&n->birth);
}

/* All signals are blocked meanwhile: the children begin with that, and have no handlers of ours. */
static int start_helper(struct nursery *n, struct nsnet_err *err)
{
	struct nsn_birth *b = &n->birth;
	sigset_t all, old;
	int flags = CLONE_PIDFD;
	int r = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	/*
	 * No signal at its exit: a caller that ignores SIGCHLD would never get its status, and
	 * one that waits for any child would take it from us.
	 */
	if (n->s->bare < 0 && !(n->s->sabotage & 1u << NSNET_NS_MNT))
		flags |= CLONE_NEWNS;
	if (nsn_borrow(flags, &n->helper, help, n) < 0)
		r = nsn_err_sys(err, -errno, "cannot start the helper");
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	nsn_shut(&b->words);
	nsn_shut(&b->ctl);
	nsn_shut(&b->own[0]);
	nsn_shut(&b->own[1]);
	return r;
}

static int exec_failed(const struct nsn_trouble *why, struct nsnet_err *err)
{
	if (why->code == -ENOENT || why->code == -ENOTDIR)
		return nsn_err(err, why->code, NSNET_E_NO_COMMAND, "cannot execute '%s': %s",
			       why->what, strerror(-why->code));
	return nsn_err(err, why->code, NSNET_E_CANNOT_RUN, "cannot execute '%s': %s", why->what,
		       strerror(-why->code));
}

/* What to look at; NULL: the message says all there is to say. */
static const char *advice(const struct nsn_trouble *why)
{
	const bool birth = why->stage == NSN_STAGE_CLONE || why->stage == NSN_STAGE_HELPER ||
			   why->stage == NSN_STAGE_MOUNTS;

	if (birth && why->code == -ENOSPC)
		return "sysctl user.max_user_namespaces user.max_mnt_namespaces "
		       "user.max_pid_namespaces user.max_cgroup_namespaces";
	if (birth && why->code == -EINVAL)
		return "zgrep -E '(USER|PID|NET|IPC|UTS)_NS' /proc/config.gz";
	if ((birth || why->stage == NSN_STAGE_FORK) && why->code == -EAGAIN)
		return "sysctl kernel.pid_max kernel.threads-max; ulimit -u";
	if (why->stage == NSN_STAGE_KEYRING && why->code == -EDQUOT)
		return "sysctl kernel.keys.maxkeys kernel.keys.root_maxkeys";
	if (why->stage == NSN_STAGE_CGROUP)
		return "grep cgroup /proc/mounts";
	return NULL;
}

static int failed(const struct nsn_trouble *why, struct nsnet_err *err)
{
	const char *what_to_do = advice(why);

	if (why->stage == NSN_STAGE_EXEC)
		return exec_failed(why, err);
	nsn_err(err, why->code, NSNET_E_SPAWN, "stage %s: %s: %s: %s (errno %d)",
		nsn_stage_word(why->stage), nsn_stage_text(why->stage), why->what,
		strerror(-why->code), -why->code);
	return what_to_do ? nsn_err_hint(err, why->code, "%s", what_to_do) : why->code;
}

/*
 * As poll(). @helper: its end counts as an answer, too. The first process has the pipe open as
 * well, and waits for us: without that look we would wait for each other when somebody kills the
 * helper.
 */
static int wait_for_word(struct nursery *n, bool helper)
{
	struct pollfd p[] = {{.fd = n->words, .events = POLLIN},
			     {.fd = n->helper, .events = POLLIN}};
	int r;

	do {
		r = poll(p, helper ? 2 : 1, NSN_START_MS);
	} while (r < 0 && errno == EINTR);
	return r;
}

/* Whether there is one to read, or the end. */
static bool has_word(const struct nursery *n)
{
	struct pollfd p = {.fd = n->words, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* 1: a word; 0: the end, nobody is left who would write. @helper: it is the helper's. */
static int read_word(struct nursery *n, bool helper, struct nsn_word *word, struct nsnet_err *err)
{
	ssize_t got;
	int r = wait_for_word(n, helper);

	if (r < 0)
		return nsn_err_sys(err, -errno, "cannot wait for the helper");
	if (r > 0 && helper && !has_word(n))
		return 0;
	if (r == 0)
		return nsn_err(err, -ETIMEDOUT, NSNET_E_SPAWN, "it did not start within %d seconds",
			       NSN_START_MS / 1000);
	do {
		got = read(n->words, word, sizeof(*word));
	} while (got < 0 && errno == EINTR);
	if (got == 0)
		return 0;
	if (got != (ssize_t)sizeof(*word))
		return nsn_err(err, -EIO, NSNET_E_INTERNAL, "a word of %zd bytes", got);
	if (word->kind == NSN_WORD_TROUBLE)
		return failed(&word->trouble, err);
	return 1;
}

/* From outside, while it waits: is each namespace the wanted one, and owned as it should be? */
static int look_at_it(struct nursery *n, struct nsnet_err *err)
{
	NSN_AUTO(nsn_closep) int pid = nsn_proc_pid(n->birth.proc, n->born.pid, err);
	NSN_AUTO(nsn_closep) int self = -1;
	struct nsn_look host;
	struct stat net;
	int r;

	if (pid < 0)
		return pid;
	self = nsn_proc_pid(n->birth.proc, getpid(), err);
	if (self < 0)
		return self;
	r = nsn_look(pid, &n->born.look, err);
	if (r == 0)
		r = nsn_look_numbers(self, &host, err);
	if (r < 0)
		return r;
	if (fstat(n->s->netns, &net) < 0)
		return nsn_err_sys(err, -errno, "cannot look at the tenant's network namespace");
	if (n->s->blind)
		return 0;
	return nsn_look_check(&n->born.look, &host, net.st_ino, n->s->share, n->s->time, err);
}

/*
 * What it told itself before it ended is why there is nothing to look at. -errno from @err as it
 * was, or with that.
 */
static int told_why(struct nursery *n, int r, struct nsnet_err *err)
{
	struct nsn_word word;
	int told;

	if (!has_word(n))
		return r;
	told = read_word(n, false, &word, err);
	return told < 0 ? told : r;
}

static int let_go(struct nursery *n, struct nsnet_err *err)
{
	const struct nsn_ctl go = {.kind = NSN_CTL_GO};
	struct nsn_word word;
	struct nsn_ctl msg;
	int r;

	r = nsn_msg_send(n->ctl, &go, sizeof(go), -1);
	if (r < 0 && r != -EPIPE) /* then it has told why */
		return nsn_err_sys(err, r, "cannot talk to the first process");
	r = read_word(n, false, &word, err);
	if (r < 0)
		return r;
	if (r > 0)
		return nsn_err(err, -EIO, NSNET_E_INTERNAL, "a word too many");
	if (!n->s->tty)
		return 0;
	if (nsn_msg_recv(n->ctl, &msg, sizeof(msg), &n->born.tty) != 1 || n->born.tty < 0)
		return nsn_err(err, -EIO, NSNET_E_SPAWN, "its terminal did not arrive");
	return 0;
}

static int bear(struct nursery *n, struct nsnet_err *err)
{
	struct nsn_word word;
	int r;

	r = open_nursery(n, err);
	if (r == 0)
		r = start_helper(n, err);
	if (r < 0)
		return r;
	r = read_word(n, true, &word, err);
	if (r < 0)
		return r;
	n->born.pid = n->birth.first;
	if (r == 0 || n->born.pid <= 0)
		return nsn_err(err, -ECHILD, NSNET_E_SPAWN, "the helper was killed");
	/* It is our child and nobody has waited for it: its number is its own. */
	n->born.pidfd = pidfd_open(n->born.pid, 0);
	if (n->born.pidfd < 0)
		return nsn_err_sys(err, -errno, "cannot hold process %d", (int)n->born.pid);
	r = look_at_it(n, err);
	return r < 0 ? told_why(n, r, err) : let_go(n, err);
}

static const char *const *copy_words(struct nsn_arena *mem, const char *const *words)
{
	const char **copy;
	size_t n = 0;

	while (words && words[n])
		n++;
	copy = nsn_arena_alloc(mem, (n + 1) * sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = nsn_arena_strdup(mem, words[i]);
		if (!copy[i])
			return NULL;
	}
	return copy;
}

/* Out of the memory that the first process wipes, where a caller's command line is. */
static int copy_out(struct nsn_spawn *s, struct nsn_arena *mem, struct nsnet_err *err)
{
	const char *hostname = s->hostname ? nsn_arena_strdup(mem, s->hostname) : NULL;
	const char *cwd = s->cwd ? nsn_arena_strdup(mem, s->cwd) : "/";

	if (s->hostname && !hostname)
		return nsn_err_nomem(err);
	s->argv = copy_words(mem, s->argv);
	s->env = copy_words(mem, s->env);
	s->hostname = hostname;
	s->cwd = cwd;
	return s->argv && s->env && cwd ? 0 : nsn_err_nomem(err);
}

int nsn_spawn(const struct nsn_spawn *wanted, struct nsn_born *ret, struct nsnet_err *err)
{
	NSN_AUTO(nsn_arena_free) struct nsn_arena mem = {0};
	struct nsn_spawn copy = *wanted, *s = &copy;
	struct nursery n = {
		.s = s,
		.birth = {.s = s,
			  .proc = -1,
			  .words = -1,
			  .ctl = -1,
			  .own = {-1, -1},
			  .kill = -1,
			  .tty = -1},
		.words = -1,
		.ctl = -1,
		.helper = -1,
		.born = {.pidfd = -1, .ctl = -1, .tty = -1},
	};
	int r;

	r = copy_out(s, &mem, err);
	if (r == 0)
		r = bear(&n, err);
	if (r == 0) {
		*ret = n.born;
		ret->ctl = NSN_TAKE_FD(n.ctl);
		n.born.pidfd = n.born.tty = -1;
		n.birth.first = 0;
	}
	leave(&n);
	return r;
}

int nsn_born_signal(struct nsn_born *b, int sig, struct nsnet_err *err)
{
	if (b->done || pidfd_send_signal(b->pidfd, sig, NULL, 0) == 0 || errno == ESRCH)
		return 0;
	return nsn_err_sys(err, -errno, "cannot signal process %d", (int)b->pid);
}

/* The first process ended without a word: by a signal from outside, which took all with it. */
static int from_status(struct nsn_born *b, const siginfo_t *info, struct nsnet_err *err)
{
	/* Whoever asks again: with its first process, the kernel killed the workload. */
	b->exit = (struct nsnet_exit){.signalled = true, .code = SIGKILL};
	if (info->si_code == CLD_EXITED)
		return nsn_err(err, -ECHILD, NSNET_E_SPAWN,
			       "the first process ended and did not tell how the workload did");
	b->exit.core = info->si_code == CLD_DUMPED;
	b->exit.code = info->si_status;
	return 0;
}

int nsn_born_wait(struct nsn_born *b, int ms, struct nsnet_err *err)
{
	struct pollfd p[] = {{.fd = b->ctl, .events = POLLIN}, {.fd = b->pidfd, .events = POLLIN}};
	struct nsn_ctl msg;
	siginfo_t info;
	int r, fd;

	if (b->done)
		return 1;
	do {
		r = poll(p, 2, ms);
	} while (r < 0 && errno == EINTR && ms < 0);
	if (r < 0 && errno != EINTR)
		return nsn_err_sys(err, -errno, "cannot wait for the workload");
	if (r <= 0)
		return 0;
	r = nsn_msg_recv(b->ctl, &msg, sizeof(msg), &fd);
	if (fd >= 0)
		(void)close(fd);
	while (waitid(P_PIDFD, (id_t)b->pidfd, &info, WEXITED | __WALL) < 0)
		if (errno != EINTR)
			return nsn_err_sys(err, -errno, "cannot wait for the workload");
	b->done = true;
	if (r == 1 && msg.kind == NSN_CTL_EXIT)
		b->exit = msg.exit;
	else
		r = from_status(b, &info, err);
	return r < 0 ? r : 1;
}

void nsn_born_clear(struct nsn_born *b)
{
	nsn_shut(&b->ctl);
	if (!b->done)
		nsn_end_process(&b->pidfd);
	nsn_shut(&b->pidfd);
	nsn_shut(&b->tty);
	b->done = true;
}
