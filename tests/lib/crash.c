// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash.h"

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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/ptrace.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>

#include <cmocka.h>

/* Of the second ioctl() argument: TCGETS, FIONREAD, TIOCGWINSZ and those of namespaces. */
#define IS_QUESTION(request)                                                                       \
	((request) == 0x5401 || (request) == 0x541b || (request) == 0x5413 ||                      \
	 ((request)&0xff00) == 0xb700)

/* The kernel's own, between it and its tracers. */
#define ERESTARTNOINTR 513

/*
 * What has no effect on anybody else, or one that ends with the process. As much
 * as all that is used or may be soon: who is missing here is looked at needlessly.
 */
static const int quiet[] = {
	__NR_read,
	__NR_readv,
	__NR_pread64,
	__NR_lseek,
	__NR_close,
	__NR_close_range,
	__NR_newfstatat,
	__NR_fstat,
	__NR_statx,
	__NR_fstatfs,
	__NR_statfs,
	__NR_faccessat,
	__NR_faccessat2,
	__NR_readlinkat,
	__NR_getdents64,
	__NR_name_to_handle_at,
	__NR_fcntl,
	__NR_flock,
	__NR_dup,
	__NR_dup3,
	__NR_pipe2,
	__NR_eventfd2,
	__NR_epoll_create1,
	__NR_epoll_ctl,
	__NR_epoll_pwait,
	__NR_ppoll,
	__NR_pselect6,
	__NR_socket,
	__NR_bind,
	__NR_connect,
	__NR_setsockopt,
	__NR_getsockopt,
	__NR_getsockname,
	__NR_recvfrom,
	__NR_recvmsg,
	__NR_recvmmsg,
	__NR_mmap,
	__NR_munmap,
	__NR_mremap,
	__NR_mprotect,
	__NR_madvise,
	__NR_brk,
	__NR_mlock,
	__NR_futex,
	__NR_set_robust_list,
	__NR_set_tid_address,
	__NR_rseq,
	__NR_membarrier,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_sigaltstack,
	__NR_setitimer,
	__NR_getitimer,
	__NR_timer_create,
	__NR_timer_settime,
	__NR_clock_gettime,
	__NR_clock_getres,
	__NR_clock_nanosleep,
	__NR_nanosleep,
	__NR_gettimeofday,
	__NR_getpid,
	__NR_getppid,
	__NR_gettid,
	__NR_getuid,
	__NR_geteuid,
	__NR_getgid,
	__NR_getegid,
	__NR_getcwd,
	__NR_umask,
	__NR_uname,
	__NR_sysinfo,
	__NR_getrusage,
	__NR_getrandom,
	__NR_getcpu,
	__NR_sched_yield,
	__NR_sched_getaffinity,
	__NR_prlimit64,
	__NR_restart_syscall,
	__NR_wait4,
	__NR_waitid,
	__NR_exit,
	__NR_exit_group,
	__NR_execve, /* of a program, whose own calls are looked at */
#ifdef __NR_open
	__NR_access,
	__NR_stat,
	__NR_lstat,
	__NR_readlink,
	__NR_poll,
	__NR_select,
	__NR_epoll_wait,
	__NR_dup2,
	__NR_pipe,
	__NR_time,
	__NR_arch_prctl,
#endif
};
#define N_QUIET (sizeof(quiet) / sizeof(quiet[0]))

/* ---- the program -------------------------------------------------------------------- */

static int install_filter(void)
{
	struct sock_filter code[2 * N_QUIET + 2];
	struct sock_fprog prog = {.filter = code};
	unsigned short len = 0;
	size_t i;

	code[len++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						   offsetof(struct seccomp_data, nr));
	for (i = 0; i < N_QUIET; i++) {
		code[len++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (uint32_t)quiet[i], 0, 1);
		code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
	prog.len = len;
	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

__attribute__((noreturn)) static void become(const char *const argv[], int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0)
		_exit(125);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
		_exit(125);
	if (install_filter() < 0)
		_exit(124);
	(void)execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* ---- what a call would do ------------------------------------------------------------ */

static bool peek(pid_t pid, uint64_t from, void *to, size_t n)
{
	struct iovec here = {to, n}, there = {(void *)(uintptr_t)from, n};

	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)n;
}

/* A batch begins with a message that asks nothing. */
static bool only_asks(pid_t pid, uint64_t at)
{
	struct nlmsghdr msg;

	if (!peek(pid, at, &msg, sizeof(msg)))
		return false;
	if ((msg.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP)
		return true;
	if (msg.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES)
		return (msg.nlmsg_type & 0xff) == 16; /* NFT_MSG_GETGEN */
	return msg.nlmsg_type >= RTM_BASE && msg.nlmsg_type <= RTM_MAX && (msg.nlmsg_type & 3) == 2;
}

static bool message_only_asks(pid_t pid, uint64_t at)
{
	struct msghdr msg;
	struct iovec first;

	return peek(pid, at, &msg, sizeof(msg)) && msg.msg_iovlen > 0 &&
	       peek(pid, (uintptr_t)msg.msg_iov, &first, sizeof(first)) &&
	       only_asks(pid, (uintptr_t)first.iov_base);
}

static bool has_effect(pid_t pid, uint64_t nr, const uint64_t *arg)
{
	switch (nr) {
	case __NR_openat:
		return arg[2] & (O_CREAT | O_TRUNC);
#ifdef __NR_open
	case __NR_open:
		return arg[1] & (O_CREAT | O_TRUNC);
#endif
	case __NR_sendto:
		return !only_asks(pid, arg[1]);
	case __NR_sendmsg:
		return !message_only_asks(pid, arg[1]);
	case __NR_ioctl:
		return !IS_QUESTION(arg[1]);
	default:
		return true;
	}
}

static bool writes_pages(uint64_t nr)
{
	return nr == __NR_pwrite64 || nr == __NR_fdatasync || nr == __NR_fsync ||
	       nr == __NR_ftruncate;
}

/* ---- the one who looks --------------------------------------------------------------- */

struct run {
	struct crash *ret;
	const struct crash_watch *watch;
	pid_t pid;
	int at, alive; /* threads */
	ino_t netns;   /* of the thread that is about to make another; 0: it does not */
	bool restarts; /* the same call once more is none */
};

static ino_t netns_of(pid_t tid)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", tid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* Returns what to go on with. */
static int before_call(struct run *r, pid_t tid)
{
	struct ptrace_syscall_info info = {0};
	uint64_t flags = 0;

	assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0);
	assert_int_equal(info.op, PTRACE_SYSCALL_INFO_SECCOMP);
	if (!has_effect(tid, info.seccomp.nr, (const uint64_t *)info.seccomp.args))
		return PTRACE_CONT;
	/* A sysctl whose lock is held elsewhere is written again and again, without our doing. */
	if (r->restarts && info.seccomp.nr == __NR_write) {
		(void)poll(NULL, 0, 1);
		return PTRACE_SYSCALL;
	}
	if (r->watch && r->watch->effect)
		r->watch->effect(r->watch->arg);
	r->ret->pages += writes_pages(info.seccomp.nr);
	if (r->ret->effects++ == r->at) {
		assert_int_equal(kill(r->pid, SIGKILL), 0);
		r->ret->killed = true;
		return 0;
	}
	if (info.seccomp.nr == __NR_unshare || info.seccomp.nr == __NR_clone)
		flags = info.seccomp.args[0];
	else if (info.seccomp.nr == __NR_clone3)
		assert_true(peek(tid, info.seccomp.args[0], &flags, sizeof(flags)));
	if (!(flags & CLONE_NEWNET))
		return info.seccomp.nr == __NR_write ? PTRACE_SYSCALL : PTRACE_CONT;
	/* Else it is the child that would have to be looked at. */
	assert_int_equal(info.seccomp.nr, __NR_unshare);
	r->netns = netns_of(tid);
	return PTRACE_SYSCALL;
}

/* After unshare() and write(). */
static void after_call(struct run *r, pid_t tid)
{
	struct ptrace_syscall_info info = {0};
	char path[64];
	int fd;

	assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0);
	assert_int_equal(info.op, PTRACE_SYSCALL_INFO_EXIT);
	r->restarts = info.exit.rval == -ERESTARTNOINTR;
	if (!r->netns || netns_of(tid) == r->netns || !r->watch || !r->watch->born)
		return;
	r->netns = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	r->watch->born(r->watch->arg, fd);
	(void)close(fd);
}

static void on_stop(struct run *r, pid_t tid, int status)
{
	int how = PTRACE_CONT, signal = WSTOPSIG(status);

	if (r->ret->killed)
		return;
	if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8))) {
		how = before_call(r, tid);
		signal = 0;
	} else if (signal == (SIGTRAP | 0x80)) {
		after_call(r, tid);
		signal = 0;
	} else if (status >> 16 == PTRACE_EVENT_CLONE || status >> 16 == PTRACE_EVENT_FORK ||
		   status >> 16 == PTRACE_EVENT_VFORK) {
		r->alive++;
		signal = 0;
	} else if (signal == SIGSTOP || signal == SIGTRAP) {
		signal = 0; /* a new thread, or execve() */
	}
	/* A thread that another one took with it is gone. */
	if (how && ptrace(how, tid, NULL, signal) < 0)
		assert_int_equal(errno, ESRCH);
}

static void follow(struct run *r)
{
	int status;
	pid_t tid;

	while (r->alive > 0) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == ECHILD)
			break;
		if (tid > 0 && WIFSTOPPED(status)) {
			on_stop(r, tid, status);
		} else if (tid > 0) {
			r->alive--;
			if (tid == r->pid)
				r->ret->status = WIFEXITED(status) ? WEXITSTATUS(status)
								   : 128 + WTERMSIG(status);
		}
	}
}

void crash_run(struct crash *ret, int at, const struct crash_watch *watch, const char *const argv[])
{
	struct run r = {.ret = ret, .watch = watch, .at = at, .alive = 1};
	int out = memfd_create("out", MFD_CLOEXEC), status;
	ssize_t n;

	*ret = (struct crash){.status = -1};
	assert_true(out >= 0);
	r.pid = fork();
	assert_true(r.pid >= 0);
	if (r.pid == 0)
		become(argv, out);
	assert_int_equal(waitpid(r.pid, &status, 0), r.pid);
	assert_true(WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, r.pid, NULL,
				PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |
					PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
					PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD),
			 0);
	assert_int_equal(ptrace(PTRACE_CONT, r.pid, NULL, 0), 0);
	follow(&r);
	n = pread(out, ret->out, sizeof(ret->out) - 1, 0);
	ret->out[n > 0 ? n : 0] = '\0';
	(void)close(out);
	assert_int_equal(ret->killed, ret->status == 128 + SIGKILL);
}
