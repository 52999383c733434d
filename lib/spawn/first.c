/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "birth.h"
#include "fds.h"
#include "view.h"

/*
 * first - pid 1 of a workload
 *
 * It reaps, passes signals on and ends with the workload, whereupon the kernel kills whatever else
 * is in the pid namespace. It ends, too, when the caller does: the socket to it says so.
 */

#define TTY_GROUP 5 /* Debian's, and the one devpts is told */

static bool own(const struct nsn_birth *b, enum nsnet_ns ns)
{
	return !((b->s->share | b->s->sabotage) & 1u << ns);
}

/*
 * The fields of /proc/PID/stat that proc_pid_stat(5) calls arg_start, arg_end, env_start and
 * env_end: 48 to 51. Behind the name, which may have anything in it but ends with the last ')'.
 */
static bool find_args(int proc, uint64_t at[4])
{
	const int fd = openat(proc, "self/stat", O_RDONLY | O_CLOEXEC);
	char text[1024], *c;
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	c = strrchr(text, ')');
	for (int field = 2; c && field < 48; field++) {
		c = strchr(c, ' ');
		if (c)
			c++;
	}
	for (int i = 0; c && i < 4; i++)
		at[i] = strtoull(c, &c, 10);
	return c && at[0] != 0 && at[1] >= at[0];
}

/*
 * /proc/1/cmdline is for all to read, and we are a copy of the caller: its command line may have
 * paths and secrets of the host in it, and what is behind that, its environment.
 */
static void hide(const struct nsn_birth *b)
{
	static const char name[] = "nsnet-init";
	uint64_t at[4];

	if (find_args(b->proc, at)) {
		/* As execve() lays them out; who moved them has its environment elsewhere. */
		const uint64_t end = at[2] == at[1] && at[3] > at[2] ? at[3] : at[1];
		char *args = (char *)(uintptr_t)at[0];

		if (end - at[0] >= sizeof(name)) {
			memset(args, 0, end - at[0]);
			memcpy(args, name, sizeof(name));
		}
	}
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* Two signals are glibc's own, and its signal() refuses them; a caller may have them ignored all
 * the same. SIG_DFL, and a structure of the kernel's, is all zeros. */
static void by_default(int sig)
{
	static const uint64_t zeros[8];

	(void)syscall(SYS_rt_sigaction, sig, zeros, NULL, sizeof(uint64_t));
}

/* What needs none of the others, while the helper maps our users; *@sigs takes our signals. */
static int settle(struct nsn_birth *b, int *sigs, struct nsn_trouble *why)
{
	sigset_t all;

	nsn_shut(&b->own[0]); /* else its end would never be told */
	(void)umask(022);
	/* In the caller's, a Ctrl-C or a hangup at his terminal would reach the workload twice. */
	if (setsid() < 0)
		return nsn_trouble(why, NSN_STAGE_TERMINAL, -errno, "setsid");
	/* Ignored signals of the caller's, SIGCHLD above all, would be ignored here. */
	for (int sig = 1; sig < NSIG; sig++)
		by_default(sig);
	(void)sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return nsn_trouble(why, NSN_STAGE_FORK, -errno, "sigprocmask");
	*sigs = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (*sigs < 0)
		return nsn_trouble(why, NSN_STAGE_FORK, -errno, "signalfd");
	hide(b);
	return 0;
}

/* Who is nobody in the new user namespace becomes its root. By system call: glibc's wrappers would
 * talk to threads that are not here. */
static int become_root(struct nsn_trouble *why)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0)
		return nsn_trouble(why, NSN_STAGE_BECOME, -errno, "setgroups");
	if (syscall(SYS_setresgid, 0, 0, 0) < 0)
		return nsn_trouble(why, NSN_STAGE_BECOME, -errno, "setresgid");
	if (syscall(SYS_setresuid, 0, 0, 0) < 0)
		return nsn_trouble(why, NSN_STAGE_BECOME, -errno, "setresuid");
	return 0;
}

/*
 * Nobody makes a user namespace below this one: all that a kernel does for whoever is root in one
 * of his own is out of reach. The filter denies it as well, but not to all. Who has SYS_ADMIN and
 * SYS_RESOURCE and takes the cover off /proc could raise the limit; to use it he needs another
 * filter, too, and for that there has to be a reason.
 */
static int no_more_users(int proc, struct nsn_trouble *why)
{
	const int fd = openat(proc, "sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0 || write(fd, "0", 1) != 1)
		r = nsn_trouble(why, NSN_STAGE_BECOME, -errno, "user.max_user_namespaces");
	if (fd >= 0)
		(void)close(fd);
	return r;
}

/*
 * Without input from it the caller's terminal is as it was, and makes CR LF out of LF itself;
 * who sits there would see CR CR LF. Here, before anything is written.
 */
static void leave_lines_to_caller(int tty)
{
	struct termios now;

	if (tcgetattr(tty, &now) < 0)
		return;
	now.c_oflag &= ~(tcflag_t)OPOST;
	(void)tcsetattr(tty, TCSANOW, &now);
}

static int open_terminal(struct nsn_birth *b, struct nsn_trouble *why)
{
	const struct nsn_ctl msg = {.kind = NSN_CTL_TERMINAL};
	const int unlock = 0;
	int ours, r;

	ours = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (ours < 0 || ioctl(ours, TIOCSPTLCK, &unlock) < 0)
		return nsn_trouble(why, NSN_STAGE_TERMINAL, -errno, "/dev/pts/ptmx");
	b->tty = ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (b->tty < 0)
		return nsn_trouble(why, NSN_STAGE_TERMINAL, -errno, "TIOCGPTPEER");
	if (fchown(b->tty, b->s->confine.uid, TTY_GROUP) < 0 || fchmod(b->tty, 0620) < 0)
		return nsn_trouble(why, NSN_STAGE_TERMINAL, -errno, "fchown");
	if (!(b->s->tty & 1))
		leave_lines_to_caller(b->tty);
	r = nsn_msg_send(b->ctl, &msg, sizeof(msg), ours);
	(void)close(ours);
	return r < 0 ? nsn_trouble(why, NSN_STAGE_TERMINAL, r, "handing it over") : 0;
}

static void only_ours(const struct nsn_birth *b, int sigs)
{
	int keep[NSN_SPAWN_FDS + 16];
	size_t n = 0;

	keep[n++] = b->words;
	keep[n++] = b->ctl;
	keep[n++] = b->kill;
	keep[n++] = b->tty;
	keep[n++] = sigs;
	for (int i = 0; i < 3; i++)
		keep[n++] = b->s->tty & 1u << i ? -1 : b->s->stdio[i];
	for (size_t i = 0; i < b->s->n_fds; i++)
		keep[n++] = b->s->fds[i];
	nsn_fds_only(keep, n);
}

/* All that is done before the caller has looked. */
static int get_ready(struct nsn_birth *b, struct nsn_trouble *why)
{
	const struct nsn_spawn *s = b->s;
	int proc = -1, r;
	char byte;

	r = nsn_msg_recv(b->own[1], &byte, 1, &proc);
	if (r < 0)
		return nsn_trouble(why, NSN_STAGE_PROC, r, "hearing of it");
	if (r == 0 || proc < 0)
		_exit(125); /* the helper has told why */
	if (own(b, NSNET_NS_USER)) {
		r = become_root(why);
		if (r == 0)
			r = no_more_users(proc, why);
		if (r < 0)
			return r;
	}
	if (s->hostname && own(b, NSNET_NS_UTS) &&
	    (sethostname(s->hostname, strlen(s->hostname)) < 0 || setdomainname("", 0) < 0))
		return nsn_trouble(why, NSN_STAGE_HOSTNAME, -errno, "sethostname");
	if (own(b, NSNET_NS_MNT))
		r = nsn_view_finish(s->view, proc, own(b, NSNET_NS_IPC), why);
	if (r == 0 && s->tty)
		r = open_terminal(b, why);
	return r;
}

/* ---- afterwards ------------------------------------------------------------------- */

static void tell_exit(const struct nsn_birth *b, int status)
{
	struct nsn_ctl msg = {.kind = NSN_CTL_EXIT};

	if (WIFSIGNALED(status)) {
		msg.exit.signalled = true;
		msg.exit.code = WTERMSIG(status);
		msg.exit.core = WCOREDUMP(status);
	} else {
		msg.exit.code = WEXITSTATUS(status);
	}
	(void)nsn_msg_send(b->ctl, &msg, sizeof(msg), -1);
}

/*
 * With the host's pid namespace nobody is killed because we end, so all of the control group is.
 * Our own status says nothing about the workload: the caller takes tell_exit()'s word only.
 */
static void end(const struct nsn_birth *b)
{
	if (b->kill >= 0 && write(b->kill, "1", 1) != 1)
		_exit(125);
	_exit(0);
}

/*
 * What a workload can make more of while we look (orphans that end, signals) is dealt with in
 * turns: else with enough processors it could keep us from seeing its end, or the caller's.
 */
#define TURN 64

/* The workload's status, or -1: it goes on. @more: not all that have ended are reaped. */
static int reap(pid_t workload, bool *more)
{
	*more = false;
	for (int i = 0; i < TURN; i++) {
		int status;
		const pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);

		if (pid <= 0)
			return -1;
		if (pid == workload)
			return status;
	}
	*more = true;
	return -1;
}

static void pass_on(int sigs, pid_t workload)
{
	struct signalfd_siginfo info[TURN];
	const ssize_t got = read(sigs, info, sizeof(info));

	for (ssize_t i = 0; i < got / (ssize_t)sizeof(info[0]); i++)
		if (info[i].ssi_signo != SIGCHLD)
			(void)kill(workload, (int)info[i].ssi_signo);
}

static void look_after(const struct nsn_birth *b, int sigs, pid_t workload)
	__attribute__((noreturn));
static void look_after(const struct nsn_birth *b, int sigs, pid_t workload)
{
	struct pollfd fds[] = {{.fd = sigs, .events = POLLIN}, {.fd = b->ctl, .events = POLLIN}};
	bool more = false;

	for (;;) {
		int status;

		if (poll(fds, 2, more ? 0 : -1) < 0 && errno != EINTR)
			end(b);
		if (fds[0].revents)
			pass_on(sigs, workload);
		status = reap(workload, &more);
		if (status >= 0) {
			tell_exit(b, status);
			end(b);
		}
		/* Nothing is sent to us any more: it is the end of the caller. */
		if (fds[1].revents)
			end(b);
	}
}

static int run_workload(void *birth)
{
	struct nsn_birth *b = birth;
	struct nsn_birth own;

	nsn_await(&b->gate, 0);
	b->firsts = nsn_stack_is(b->stack);
	own = *b;
	nsn_workload(&own);
}

/*
 * It waits at the gate, before its first step. What is run instead of a command would go on in our
 * memory: that one gets a copy, and the default filter only if it is its own.
 */
static pid_t start_workload(struct nsn_birth *b, struct nsn_trouble *why)
{
	const pid_t pid = b->s->entry ? nsn_clone(0, -1, SIGCHLD, NULL, NULL)
				      : nsn_join(SIGCHLD, &b->living, &b->stack, run_workload, b);

	if (pid < 0)
		return nsn_trouble(why, NSN_STAGE_FORK, -errno, "clone");
	if (pid == 0)
		nsn_workload(b);
	return pid;
}

static int give_up(const struct nsn_birth *b, struct nsn_trouble *why)
{
	return b->early ? nsn_confine_init_rest(&b->s->confine, why) : nsn_confine_init(why);
}

/* As root of the host, should the user namespace be shared: then there is nothing but numbers. */
static int shed(const struct nsn_birth *b, struct nsn_trouble *why)
{
	const uint32_t base = b->s->ids->base;

	if (own(b, NSNET_NS_USER))
		return give_up(b, why);
	(void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, base, base, base) < 0 ||
	    syscall(SYS_setresuid, base, base, base) < 0)
		return nsn_trouble(why, NSN_STAGE_BECOME, -errno, "setresuid");
	return give_up(b, why);
}

/* The caller looks at us meanwhile. */
static void wait_for_go(const struct nsn_birth *b)
{
	struct nsn_trouble why;
	struct nsn_ctl go;
	int fd;
	const int r = nsn_msg_recv(b->ctl, &go, sizeof(go), &fd);

	/* The end of the pipe alone would be taken for the start of the command. */
	if (r < 0) {
		(void)nsn_trouble(&why, NSN_STAGE_CHECK, r, "hearing of it");
		nsn_birth_fail(b, &why);
	}
	if (r == 0 || go.kind != NSN_CTL_GO)
		_exit(125);
}

void nsn_first(struct nsn_birth *b)
{
	struct nsn_trouble why = {0};
	int sigs = -1;
	pid_t pid;

	if (settle(b, &sigs, &why) < 0 || get_ready(b, &why) < 0)
		nsn_birth_fail(b, &why);
	only_ours(b, sigs);
	b->early = !b->s->entry;
	if (b->early && nsn_confine_early(&b->s->confine, &why) < 0)
		nsn_birth_fail(b, &why);
	wait_for_go(b);
	pid = start_workload(b, &why);
	if (pid < 0 || shed(b, &why) < 0)
		nsn_birth_fail(b, &why);
	nsn_wake(&b->gate, 1);
	if (b->early) {
		nsn_await(&b->living, (uint32_t)pid);
		(void)nsn_stack_is(b->firsts);
	}
	{
		const int keep[] = {b->ctl, b->kill, sigs};

		nsn_fds_only(keep, 3);
	}
	look_after(b, sigs, pid);
}
