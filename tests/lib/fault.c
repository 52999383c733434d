/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cmocka.h>

#include "../../lib/base/cleanup.h"
#include "world.h"

#define DEADLINE_MS 15000
#define MAX_OUT	    (1 << 16)
#define COMMAND	    FAULT_ROLES /* not one of ours any more */

/* Effect, or a look only; and those that wait for somebody. */
enum { LOOK, EFFECT, WAITS };

static const struct {
	int nr, how;
} asked[] = {
	{__NR_openat, LOOK}, /* EFFECT with O_CREAT */
	{__NR_openat2, LOOK},
	{__NR_read, LOOK},
	{__NR_pread64, LOOK},
	{__NR_write, EFFECT},
	{__NR_pwrite64, EFFECT},
	{__NR_ftruncate, EFFECT},
	{__NR_fdatasync, EFFECT},
	{__NR_fsync, EFFECT},
	{__NR_newfstatat, LOOK},
	{__NR_fstat, LOOK},
	{__NR_fstatfs, LOOK},
	{__NR_faccessat, LOOK},
	{__NR_faccessat2, LOOK},
	{__NR_readlinkat, LOOK},
	{__NR_getdents64, LOOK},
	{__NR_flock, LOOK},
	{__NR_fcntl, LOOK},
	{__NR_getrandom, LOOK},
	{__NR_mkdirat, EFFECT},
	{__NR_mknodat, EFFECT},
	{__NR_symlinkat, EFFECT},
	{__NR_linkat, EFFECT},
	{__NR_renameat2, EFFECT},
	{__NR_unlinkat, EFFECT},
	{__NR_fchownat, EFFECT},
	{__NR_fchown, EFFECT},
	{__NR_fchmodat, EFFECT},
	{__NR_fchmod, EFFECT},
	{__NR_mount, EFFECT},
	{__NR_umount2, EFFECT},
	{__NR_pivot_root, EFFECT},
	{__NR_chdir, EFFECT},
	{__NR_fchdir, EFFECT},
	{__NR_chroot, EFFECT},
	{__NR_open_tree, EFFECT},
	{__NR_move_mount, EFFECT},
	{__NR_mount_setattr, EFFECT},
	{__NR_fsopen, EFFECT},
	{__NR_fsconfig, EFFECT},
	{__NR_fsmount, EFFECT},
	{__NR_clone, EFFECT},
	{__NR_clone3, EFFECT},
	{__NR_unshare, EFFECT},
	{__NR_setns, EFFECT},
	{__NR_execve, EFFECT},
	{__NR_setsid, EFFECT},
	{__NR_prctl, EFFECT},
	{__NR_capset, EFFECT},
	{__NR_setgroups, EFFECT},
	{__NR_setresuid, EFFECT},
	{__NR_setresgid, EFFECT},
	{__NR_setrlimit, EFFECT},
	{__NR_prlimit64, EFFECT},
	{__NR_personality, EFFECT},
	{__NR_setpriority, EFFECT},
	{__NR_sethostname, EFFECT},
	{__NR_setdomainname, EFFECT},
	{__NR_keyctl, EFFECT},
	{__NR_landlock_create_ruleset, LOOK},
	{__NR_landlock_restrict_self, EFFECT},
	{__NR_seccomp, EFFECT},
	{__NR_close_range, EFFECT},
	{__NR_dup3, LOOK},
	{__NR_pipe2, LOOK},
	{__NR_socketpair, LOOK},
	{__NR_ioctl, EFFECT},
	{__NR_signalfd4, LOOK},
	{__NR_pidfd_open, LOOK},
	{__NR_pidfd_send_signal, EFFECT},
	{__NR_kill, EFFECT},
	{__NR_sendmsg, EFFECT},
	{__NR_recvmsg, LOOK},
	{__NR_waitid, WAITS},
	{__NR_wait4, WAITS},
	{__NR_ppoll, WAITS},
#ifdef __NR_open
	{__NR_mkdir, EFFECT},
	{__NR_unlink, EFFECT},
	{__NR_dup2, LOOK},
	{__NR_poll, WAITS},
#endif
};
#define N_ASKED (sizeof(asked) / sizeof(asked[0]))

const char *fault_role_word(enum fault_role role)
{
	static const char *const words[] = {"caller",	"helper", "mounter", "first",
					    "workload", "holder", "keeper"};

	return role < FAULT_ROLES ? words[role] : "command";
}

/* ---- the program ---------------------------------------------------------------------- */

static int install(void)
{
	struct sock_filter code[2 * N_ASKED + 2];
	struct sock_fprog prog = {.filter = code};
	unsigned short len = 0;

	code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N_ASKED; i++) {
		code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (uint32_t)asked[i].nr, 0, 1);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	}
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = len;
	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &prog);
}

/* The listener's number goes through shared memory: any call to send it would be asked about. */
__attribute__((noreturn)) static void become(const char *const argv[], int out, int err,
					     int *listener)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(99);
	/* What it does at the end stops the process by a clone that we might refuse. */
	(void)setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	fd = install();
	__atomic_store_n(listener, fd < 0 ? -2 : fd, __ATOMIC_RELEASE);
	if (fd >= 0)
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(99);
}

static pid_t start(const char *const argv[], int out, int err, int *listener)
{
	int *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int theirs, pidfd;
	pid_t pid;

	assert_true(shared != MAP_FAILED);
	*shared = -1;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		become(argv, out, err, shared);
	while ((theirs = __atomic_load_n(shared, __ATOMIC_ACQUIRE)) == -1)
		(void)sched_yield();
	assert_true(theirs >= 0);
	pidfd = pidfd_open(pid, 0);
	*listener = pidfd_getfd(pidfd, theirs, 0);
	assert_true(pidfd >= 0 && *listener >= 0);
	(void)close(pidfd);
	(void)munmap(shared, sizeof(*shared));
	return pid;
}

/* ---- who asks -------------------------------------------------------------------------- */

#define MAX_PROCESSES 64

struct watched {
	struct fault *f;
	pid_t caller;
	int listener;
	bool counting; /* the caller is in main() */
	bool begun;    /* the command */
	struct {
		pid_t pid;
		enum fault_role role;
		int seen;
		bool execs;
	} known[MAX_PROCESSES];
	int n;
};

static void read_text(const char *path, char *buf, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	buf[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static void read_link(pid_t pid, const char *what, char buf[256])
{
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	n = readlink(path, buf, 255);
	buf[n > 0 ? n : 0] = '\0';
}

static long field(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

/* In how many pid namespaces it has a number below ours. */
static int depth_of(const char *status)
{
	const char *at = strstr(status, "\nNSpid:");
	int n = 0;

	for (at = at ? at + 7 : ""; *at && *at != '\n'; at++)
		n += *at == '\t';
	return n;
}

static enum fault_role role_of_known(const struct watched *w, pid_t pid)
{
	for (int i = 0; i < w->n; i++)
		if (w->known[i].pid == pid)
			return w->known[i].role;
	return COMMAND;
}

static enum fault_role role_of_new(const struct watched *w, pid_t pid)
{
	char path[64], status[4096], theirs[256], own[256];

	if (pid == w->caller)
		return FAULT_CALLER;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	read_text(path, status, sizeof(status));
	switch (role_of_known(w, (pid_t)field(status, "\nPPid:"))) {
	case FAULT_HELPER:
		return FAULT_MOUNTER;
	case FAULT_FIRST:
		return FAULT_WORKLOAD;
	case FAULT_CALLER:
		if (depth_of(status) > 1)
			return FAULT_FIRST;
		read_link(pid, "ns/user", theirs);
		read_link(w->caller, "ns/user", own);
		if (strcmp(theirs, own) != 0)
			return FAULT_HOLDER;
		/* The helper goes to its own later. */
		read_link(pid, "ns/mnt", theirs);
		read_link(w->caller, "ns/mnt", own);
		return strcmp(theirs, own) == 0 ? FAULT_HELPER : FAULT_KEEPER;
	case FAULT_MOUNTER:
	case FAULT_WORKLOAD:
	case FAULT_HOLDER:
	case FAULT_KEEPER:
	case FAULT_ROLES:
		break;
	}
	return COMMAND;
}

/* Its place in the list; -1: the list is full. */
static int find(struct watched *w, pid_t pid)
{
	for (int i = 0; i < w->n; i++)
		if (w->known[i].pid == pid)
			return i;
	assert_true(w->n < MAX_PROCESSES);
	w->known[w->n].pid = pid;
	w->known[w->n].role = role_of_new(w, pid);
	return w->n++;
}

static void peek_text(pid_t pid, uint64_t from, char buf[256])
{
	for (size_t n = 255; n > 15; n /= 2) {
		struct iovec here = {buf, n}, there = {(void *)(uintptr_t)from, n};

		memset(buf, 0, 256);
		/* It may end at the end of a page that is the last one. */
		if (process_vm_readv(pid, &here, 1, &there, 1, 0) > 0)
			return;
	}
	buf[0] = '\0';
}

/* Before it opens its own folders there is the loader, which says itself what it lacks. */
static void look_at_caller(struct watched *w, pid_t pid, const struct seccomp_data *call)
{
	char path[256];

	if (call->nr == __NR_mkdirat && !w->f->id[0]) {
		peek_text(pid, call->args[1], path);
		if (strncmp(path, "nsnet/", 6) == 0)
			(void)snprintf(w->f->id, sizeof(w->f->id), "%.30s", path + 6);
	}
	if (w->counting)
		return;
	peek_text(pid, call->args[call->nr == __NR_mkdir ? 0 : 1], path);
	if (call->nr == __NR_mkdir || call->nr == __NR_openat || call->nr == __NR_newfstatat)
		w->counting = strncmp(path, "/var/lib", 8) == 0 || strncmp(path, "/run", 4) == 0;
}

/* An exec that did not fail: it is the command from there on. */
static bool became_command(pid_t pid, pid_t caller)
{
	char theirs[256], ours[256];

	read_link(pid, "exe", theirs);
	read_link(caller, "exe", ours);
	return strcmp(theirs, ours) != 0;
}

static struct fault_call describe(const struct watched *w, int i, const struct seccomp_data *call)
{
	struct fault_call c = {.role = w->known[i].role, .at = w->known[i].seen, .nr = call->nr};

	for (size_t k = 0; k < N_ASKED; k++)
		if (asked[k].nr == call->nr) {
			c.effect = asked[k].how == EFFECT;
			c.waits = asked[k].how == WAITS;
		}
	if (call->nr == __NR_openat)
		c.effect = call->args[2] & (O_CREAT | O_TRUNC);
	c.after = w->begun;
	return c;
}

/* A signal to one's own child arrives. */
static bool cannot_fail(const struct seccomp_data *call)
{
	if (call->nr == __NR_kill)
		return true;
	if (call->nr == __NR_wait4)
		return call->args[2] & WNOHANG;
	return call->nr == __NR_waitid && (call->args[3] & WNOHANG);
}

/* True: it goes wrong here. */
static bool count(struct watched *w, pid_t pid, const struct seccomp_data *call)
{
	const int i = find(w, pid);
	struct fault *f = w->f;
	struct fault_call now;

	if (w->known[i].role == FAULT_CALLER) {
		look_at_caller(w, pid, call);
		if (!w->counting)
			return false;
	}
	if (w->known[i].execs && became_command(pid, w->caller)) {
		w->known[i].role = COMMAND;
		w->begun = true;
	}
	w->known[i].execs = w->known[i].role == FAULT_WORKLOAD && call->nr == __NR_execve;
	if (w->known[i].role == COMMAND || cannot_fail(call))
		return false;
	now = describe(w, i, call);
	if (f->n_calls < FAULT_CALLS)
		f->calls[f->n_calls++] = now;
	if (w->known[i].seen++ != f->at || w->known[i].role != f->role || f->hit)
		return false;
	f->was = now;
	return true;
}

/* False: nobody is left who could ask. */
static bool answer(struct watched *w)
{
	struct seccomp_notif ask = {0};
	struct seccomp_notif_resp say = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	struct fault *f = w->f;

	if (ioctl(w->listener, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0)
		return errno == EINTR || errno == ENOENT;
	say.id = ask.id;
	if (count(w, (pid_t)ask.pid, &ask.data) && f->what != FAULT_NOTHING) {
		f->hit = true;
		if (f->what == FAULT_ERRNO) {
			say.flags = 0;
			say.error = f->was.waits ? -EINTR : -f->error;
		} else {
			(void)kill(f->what == FAULT_KILL ? (pid_t)ask.pid : w->caller, SIGKILL);
		}
	}
	/* ENOENT: it was killed. */
	(void)ioctl(w->listener, SECCOMP_IOCTL_NOTIF_SEND, &say);
	return true;
}

/* Those that are ours now: the caller, and who is left by its parents. At the end of all: also
 * those that nobody waited for. */
static void reap(struct watched *w, bool end)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL | (end ? 0 : WNOHANG))) > 0)
		if (pid == w->caller)
			w->f->status =
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		else
			w->f->left += w->f->status >= 0;
}

/* To the end of the last one that has the filter. */
static void follow(struct watched *w)
{
	const int pidfd = pidfd_open(w->caller, 0);
	const double end = now_ms() + DEADLINE_MS;
	double ended = 0;
	struct pollfd p[] = {{.fd = w->listener, .events = POLLIN},
			     {.fd = pidfd, .events = POLLIN}};

	assert_true(pidfd >= 0);
	while (!(p[0].revents & POLLHUP)) {
		if (now_ms() > end) {
			w->f->hung = true;
			for (int i = 0; i < w->n; i++)
				(void)kill(w->known[i].pid, SIGKILL);
			break;
		}
		/* As init does: a pid namespace ends only when all in it were waited for. */
		reap(w, false);
		if (poll(p, 2, 20) <= 0)
			continue;
		if (p[1].revents) {
			ended = now_ms();
			p[1].fd = -1;
		}
		if ((p[0].revents & POLLIN) && !answer(w))
			break;
	}
	w->f->lag = ended > 0 ? now_ms() - ended : 0;
	(void)close(pidfd);
}

static char *take_text(int fd)
{
	char *text = calloc(1, MAX_OUT + 1);
	size_t len = 0;
	ssize_t n;

	assert_non_null(text);
	while (len < MAX_OUT && (n = read(fd, text + len, MAX_OUT - len)) > 0)
		len += (size_t)n;
	(void)close(fd);
	return text;
}

void fault_run(struct fault *f, const char *const argv[])
{
	struct watched w = {.f = f};
	int out[2], err[2];

	f->hit = f->hung = false;
	f->left = 0;
	f->lag = 0;
	f->n_calls = 0;
	f->status = -1;
	f->id[0] = '\0';
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	w.caller = start(argv, out[1], err[1], &w.listener);
	(void)close(out[1]);
	(void)close(err[1]);
	follow(&w);
	(void)close(w.listener);
	reap(&w, true);
	f->out = take_text(out[0]);
	f->err = take_text(err[0]);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

void fault_done(struct fault *f)
{
	free(f->out);
	free(f->err);
	f->out = f->err = NULL;
}
