// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/netlink.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/spawn/confine.h"
#include "../../lib/spawn/filter/made.h"
#include "../lib/bpf.h"

/*
 * The filter twice: its program as it is, with every number and argument, also of calls that
 * nobody should make; and in the kernel, in a child that makes them.
 */

#if defined(__x86_64__)
#define ARCH  AUDIT_ARCH_X86_64
#define OTHER AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCH  AUDIT_ARCH_AARCH64
#define OTHER AUDIT_ARCH_ARM
#endif /* elsewhere: to be filled in */

#define HIGH	    (UINT64_C(1) << 32) /* beyond what the kernel looks at in an int */
#define ENO(code)   (SECCOMP_RET_ERRNO | (code))
#define ALLOWED	    SECCOMP_RET_ALLOW
#define CAP(n)	    (UINT64_C(1) << (n))
#define NR_UNKNOWN  470 /* gen.c: HIGHEST + 1 */
#define NR_MSEAL    462
#define NR_OPENTREE 467 /* open_tree_attr */

static uint32_t ask_arch(uint64_t caps, uint32_t arch, long nr, uint64_t a, uint64_t b, uint64_t c)
{
	const struct seccomp_data data = {.nr = (int)nr, .arch = arch, .args = {a, b, c}};

	return bpf_run(nsn_filter_for(caps), &data, NULL);
}

static uint32_t ask(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	return ask_arch(0, ARCH, nr, a, b, c);
}

#define assert_answer(want, ...) assert_int_equal(want, ask(__VA_ARGS__))

/* ---- the program ------------------------------------------------------------------------- */

/* Calls that are denied whatever their arguments are. Not out of denied.def, which may be wrong. */
struct call {
	const char *name;
	long nr;
	int code;
	uint64_t with; /* allowed with this capability */
};
#define CALL(name, code, with)                                                                     \
	{                                                                                          \
#name, SYS_##name, code, with                                                      \
	}
static const struct call calls[] = {
	CALL(io_uring_setup, ENOSYS, 0),
	CALL(io_uring_enter, ENOSYS, 0),
	CALL(io_uring_register, ENOSYS, 0),
	CALL(clone3, ENOSYS, CAP(CAP_SYS_ADMIN)),
	CALL(setns, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(mount, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(umount2, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(pivot_root, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(open_tree, EPERM, CAP(CAP_SYS_ADMIN)),
	{"open_tree_attr", NR_OPENTREE, EPERM, CAP(CAP_SYS_ADMIN)},
	CALL(move_mount, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(mount_setattr, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(fsopen, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(fsconfig, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(fsmount, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(fspick, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(chroot, EPERM, CAP(CAP_SYS_CHROOT)),
	CALL(open_by_handle_at, EPERM, 0),
	CALL(name_to_handle_at, EOPNOTSUPP, 0),
	CALL(quotactl, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(quotactl_fd, EPERM, CAP(CAP_SYS_ADMIN)),
	CALL(swapon, EPERM, 0),
	CALL(swapoff, EPERM, 0),
	{"cachestat", 451, ENOSYS, 0},
	CALL(ptrace, EPERM, CAP(CAP_SYS_PTRACE)),
	CALL(process_vm_readv, EPERM, CAP(CAP_SYS_PTRACE)),
	CALL(process_vm_writev, EPERM, CAP(CAP_SYS_PTRACE)),
	CALL(pidfd_getfd, EPERM, CAP(CAP_SYS_PTRACE)),
	CALL(kcmp, EPERM, CAP(CAP_SYS_PTRACE)),
	CALL(settimeofday, EPERM, CAP(CAP_SYS_TIME)),
	CALL(clock_settime, EPERM, CAP(CAP_SYS_TIME)),
	CALL(reboot, EPERM, 0),
	CALL(kexec_load, EPERM, 0),
	CALL(kexec_file_load, EPERM, 0),
	CALL(init_module, EPERM, 0),
	CALL(finit_module, EPERM, 0),
	CALL(delete_module, EPERM, 0),
	CALL(acct, EPERM, 0),
	CALL(syslog, EPERM, 0),
	CALL(add_key, ENOSYS, 0),
	CALL(request_key, ENOSYS, 0),
	CALL(keyctl, ENOSYS, 0),
	CALL(bpf, EPERM, 0),
	CALL(perf_event_open, EPERM, 0),
	CALL(userfaultfd, EPERM, 0),
	CALL(io_setup, ENOSYS, 0),
#ifdef __x86_64__
	CALL(lookup_dcookie, EPERM, 0),
	CALL(nfsservctl, ENOSYS, 0),
	CALL(iopl, EPERM, 0),
	CALL(ioperm, EPERM, 0),
	CALL(modify_ldt, ENOSYS, 0),
	CALL(uselib, ENOSYS, 0),
	CALL(sysfs, ENOSYS, 0),
	CALL(ustat, ENOSYS, 0),
	CALL(_sysctl, ENOSYS, 0),
#endif
};

/* Calls with a capability are opened by that one, and by no other. */
static void calls_and_capabilities(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(calls); i++) {
		for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
			const uint32_t want =
				calls[i].with == CAP(cap) ? ALLOWED : ENO((uint32_t)calls[i].code);
			const uint32_t got = ask_arch(CAP(cap), ARCH, calls[i].nr, 0, 0, 0);

			if (got != want)
				fail_msg("%s with %s: %#x, not %#x", calls[i].name,
					 nsn_cap_name(cap), got, want);
		}
		assert_answer(ENO((uint32_t)calls[i].code), calls[i].nr, UINT64_MAX, UINT64_MAX, 7);
		assert_int_equal(ask_arch(UINT64_MAX, ARCH, calls[i].nr, 0, 0, 0),
				 calls[i].with ? ALLOWED : ENO((uint32_t)calls[i].code));
	}
}

/* What is not in the list above is not denied as a whole: the list and the table are the same. */
static void nothing_else_is_denied(void **state)
{
	(void)state;
	for (long nr = 0; nr < NR_UNKNOWN; nr++) {
		bool listed = nr == SYS_prlimit64; /* (1) */

		for (size_t i = 0; i < NSN_COUNT(calls); i++)
			listed |= calls[i].nr == nr;
		/* What is decided by arguments has none of the forbidden ones here. */
		if (!listed && ask(nr, AF_UNIX, SOCK_STREAM, 0) != ALLOWED)
			fail_msg("call %ld is denied", nr);
	}
}

static void numbers_and_architectures(void **state)
{
	(void)state;
	assert_answer(ALLOWED, NR_MSEAL, 0, 0, 0);
	assert_answer(ALLOWED, NR_UNKNOWN - 1, 0, 0, 0);
	assert_answer(ENO(ENOSYS), NR_UNKNOWN, 0, 0, 0);
	assert_answer(ENO(ENOSYS), 1000, 0, 0, 0);
	assert_answer(ENO(ENOSYS), INT32_MAX, 0, 0, 0);
	assert_answer(ENO(ENOSYS), INT32_MIN, 0, 0, 0);
	assert_answer(ENO(ENOSYS), -2, 0, 0, 0);
	/* A tracer has done the call itself. */
	assert_answer(ALLOWED, -1, 0, 0, 0);
#ifdef __x86_64__
	/* x32 */
	for (long nr = 0; nr < 600; nr++)
		assert_answer(ENO(ENOSYS), 0x40000000 | nr, 0, 0, 0);
#endif
	for (long nr = 0; nr < NR_UNKNOWN; nr++)
		assert_int_equal(ask_arch(UINT64_MAX, OTHER, nr, 0, 0, 0),
				 SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(ask_arch(0, 0, SYS_getpid, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

static void namespaces(void **state)
{
	static const uint64_t flags[] = {CLONE_NEWNS,	CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
					 CLONE_NEWUSER, CLONE_NEWPID,	 CLONE_NEWNET};
	/* Those of pthread_create() and of fork(). */
	const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
				CLONE_CHILD_CLEARTID;
	const uint64_t child = CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD;

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(flags); i++) {
		for (uint64_t high = 0; high <= HIGH; high += HIGH) {
			assert_answer(ENO(EPERM), SYS_clone, high | flags[i], 0, 0);
			assert_answer(ENO(EPERM), SYS_clone, high | flags[i] | thread, 0, 0);
			assert_answer(ENO(EPERM), SYS_clone, high | flags[i] | child, 0, 0);
			assert_answer(ENO(EPERM), SYS_unshare, high | flags[i], 0, 0);
			assert_answer(ENO(EPERM), SYS_unshare, high | flags[i] | CLONE_FS, 0, 0);
		}
		assert_int_equal(ask_arch(CAP(CAP_SYS_ADMIN), ARCH, SYS_clone, flags[i], 0, 0),
				 ALLOWED);
		assert_int_equal(ask_arch(CAP(CAP_SYS_PTRACE), ARCH, SYS_clone, flags[i], 0, 0),
				 ENO(EPERM));
		assert_int_equal(ask_arch(CAP(CAP_SYS_ADMIN), ARCH, SYS_unshare, flags[i], 0, 0),
				 ALLOWED);
	}
	assert_answer(ENO(EPERM), SYS_unshare, 0x80, 0, 0); /* CLONE_NEWTIME */
	assert_answer(ALLOWED, SYS_clone, thread, 0, 0);
	assert_answer(ALLOWED, SYS_clone, child, 0, 0);
	assert_answer(ALLOWED, SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0);
	assert_answer(ALLOWED, SYS_unshare, CLONE_FS | CLONE_FILES, 0, 0);
}

static void limits_of_the_first_process(void **state)
{
	(void)state;
	assert_answer(ENO(EPERM), SYS_prlimit64, 1, 0, 0);
	assert_answer(ENO(EPERM), SYS_prlimit64, HIGH | 1, 0, 0);
	assert_answer(ALLOWED, SYS_prlimit64, 0, 0, 0);
	assert_answer(ALLOWED, SYS_prlimit64, 2, 0, 0);
}

static void sockets(void **state)
{
	(void)state;
	for (uint64_t family = 0; family < 70; family++) {
		const bool good = family == AF_UNIX || family == AF_INET || family == AF_INET6 ||
				  family == AF_NETLINK;

		assert_answer(good ? ALLOWED : ENO(EAFNOSUPPORT), SYS_socket, family,
			      SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_answer(family == AF_UNIX ? ALLOWED : ENO(EAFNOSUPPORT), SYS_socketpair,
			      family, SOCK_STREAM, 0);
		/* What the kernel would take for a family is never let through by bits above. */
		if (!good) {
			assert_answer(ENO(EAFNOSUPPORT), SYS_socket, HIGH | family, SOCK_RAW, 0);
			assert_answer(ENO(EAFNOSUPPORT), SYS_socket, HIGH << 31 | family, 1, 0);
		}
	}
	assert_answer(ENO(EAFNOSUPPORT), SYS_socket, UINT32_MAX, SOCK_RAW, 0);
	for (uint64_t protocol = 0; protocol < 40; protocol++) {
		const uint32_t want = protocol == NETLINK_ROUTE ? ALLOWED : ENO(EPROTONOSUPPORT);

		assert_answer(want, SYS_socket, AF_NETLINK, SOCK_RAW, protocol);
		assert_answer(ALLOWED, SYS_socket, AF_INET, SOCK_RAW, protocol);
	}
	assert_answer(ENO(EPROTONOSUPPORT), SYS_socket, AF_NETLINK, SOCK_RAW,
		      HIGH | NETLINK_KOBJECT_UEVENT);
	assert_answer(ENO(EAFNOSUPPORT), SYS_socket, AF_INET, SOCK_PACKET, 0);
	assert_answer(ENO(EAFNOSUPPORT), SYS_socket, AF_INET, HIGH | SOCK_PACKET | SOCK_CLOEXEC, 0);
	assert_answer(ENO(ESOCKTNOSUPPORT), SYS_socket, AF_INET6, SOCK_DCCP | SOCK_NONBLOCK, 33);
	assert_answer(ALLOWED, SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
}

static void terminals(void **state)
{
	static const uint64_t bad[] = {TIOCSTI, TIOCLINUX, TIOCSETD};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad); i++) {
		assert_answer(ENO(EPERM), SYS_ioctl, 0, bad[i], 0);
		for (int bit = 32; bit < 64; bit++)
			assert_answer(ENO(EPERM), SYS_ioctl, 0, bad[i] | UINT64_C(1) << bit, 0);
		assert_int_equal(ask_arch(UINT64_MAX, ARCH, SYS_ioctl, 0, bad[i] | HIGH, 0),
				 ENO(EPERM));
		/* One bit off is another request. */
		for (int bit = 16; bit < 32; bit++)
			assert_answer(ALLOWED, SYS_ioctl, 0, bad[i] | UINT64_C(1) << bit, 0);
	}
	assert_answer(ALLOWED, SYS_ioctl, 0, TIOCGWINSZ, 0);
	assert_answer(ALLOWED, SYS_ioctl, 0, TCGETS, 0);
	assert_answer(ALLOWED, SYS_ioctl, TIOCSTI, FIONREAD, TIOCSTI);
}

/* What the kernel does for each call that it cannot remember (clone, ioctl, socket are such). */
static void programs_are_short(void **state)
{
	unsigned int most = 0;

	(void)state;
	assert_int_equal(nsn_filter_n_made, 16);
	for (size_t i = 0; i < nsn_filter_n_made; i++) {
		assert_true(nsn_filter_made[i].prog.len < 256);
		assert_ptr_equal(nsn_filter_for(nsn_filter_made[i].caps), &nsn_filter_made[i].prog);
		assert_ptr_equal(nsn_filter_for(nsn_filter_made[i].caps | CAP(CAP_CHOWN)),
				 &nsn_filter_made[i].prog);
	}
	assert_ptr_equal(nsn_filter_default(), nsn_filter_for(0));
	for (int nr = 0; nr < NR_UNKNOWN; nr++) {
		const struct seccomp_data data = {.nr = nr, .arch = ARCH, .args = {AF_UNIX, 1}};
		unsigned int steps;

		bpf_run(nsn_filter_default(), &data, &steps);
		most = steps > most ? steps : most;
	}
	print_message("%u instructions, at most %u for a call\n", nsn_filter_default()->len, most);
	assert_true(most < 64);
}

static void table_has_reasons(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct nsn_denied *d; (d = nsn_filter_denied(n)); n++) {
		assert_true(d->call[0] != '\0' && strlen(d->why) > 8);
		assert_int_equal(d->errname[0], 'E');
		assert_true(d->cap == -1 || (nsn_filter_caps >> d->cap & 1));
		for (size_t k = 0; k < n; k++)
			assert_string_not_equal(d->call, nsn_filter_denied(k)->call);
	}
	assert_true(n >= NSN_COUNT(calls));
	assert_null(nsn_filter_denied(n));
	assert_string_equal(nsn_filter_denied(0)->call, "io_uring_setup");
	assert_string_equal(nsn_filter_denied(0)->errname, "ENOSYS");
}

/* ---- in the kernel ------------------------------------------------------------------------ */

static void put_on(const struct sock_fprog *filter)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, filter) < 0)
		_exit(99);
}

/* What @body returned in a child with @filter (NULL: none), or 1000 + the signal that killed it. */
static int in_child(const struct sock_fprog *filter, int (*body)(const void *ctx), const void *ctx)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (filter)
			put_on(filter);
		_exit(body(ctx));
	}
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Arguments that make no sense to any of them. */
static int make_call(const void *ctx)
{
	const struct call *c = ctx;

	errno = 0;
	return syscall(c->nr, -1L, 0L, 0L, 0L, 0L, 0L) < 0 ? errno : 0;
}

static void kernel_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSN_COUNT(calls); i++) {
		const int got = in_child(nsn_filter_default(), make_call, &calls[i]);

		if (got != calls[i].code)
			fail_msg("%s: %s", calls[i].name, strerror(got));
	}
}

/* The same arguments are refused for another reason without it: it is the filter that answers. */
static void kernel_would_answer(void **state)
{
	static const struct call some[] = {
		CALL(setns, EPERM, 0),	       CALL(mount, EPERM, 0),
		CALL(chroot, EPERM, 0),	       CALL(ptrace, EPERM, 0),
		CALL(pidfd_getfd, EPERM, 0),   CALL(process_vm_readv, EPERM, 0),
		CALL(acct, EPERM, 0),	       CALL(open_tree, EPERM, 0),
		CALL(clock_settime, EPERM, 0), CALL(clone3, ENOSYS, 0),
		CALL(keyctl, ENOSYS, 0),
	};

	(void)state;
	if (geteuid() != 0)
		skip(); /* the kernel says EPERM itself */
	for (size_t i = 0; i < NSN_COUNT(some); i++) {
		const uint64_t all = CAP(CAP_SYS_ADMIN) | CAP(CAP_SYS_PTRACE) |
				     CAP(CAP_SYS_CHROOT) | CAP(CAP_SYS_TIME);
		const bool never = some[i].nr == SYS_acct || some[i].nr == SYS_keyctl;

		assert_int_not_equal(in_child(NULL, make_call, &some[i]), some[i].code);
		if (!never)
			assert_int_not_equal(in_child(nsn_filter_for(all), make_call, &some[i]),
					     some[i].code);
	}
}

/* Types "x" into a terminal, in the form that a filter of 64 bits does not recognise. */
static int type_in(const void *ctx)
{
	const int slave = *(const int *)ctx;

	errno = 0;
	return syscall(SYS_ioctl, slave, HIGH | TIOCSTI, "x") < 0 ? errno : 0;
}

/* How much can be read in a while: a terminal is filled by a worker of the kernel's. */
static int typed(int master, int ms)
{
	struct pollfd p = {.fd = master, .events = POLLIN};
	int n = 0;

	assert_return_code(poll(&p, 1, ms), errno);
	assert_int_equal(ioctl(master, FIONREAD, &n), 0);
	return n;
}

static void kernel_refuses_typing(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;

	(void)state;
	if (master < 0)
		skip();
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(in_child(nsn_filter_default(), type_in, &slave), EPERM);
	/* With all that can be asked for: */
	assert_int_equal(in_child(nsn_filter_for(UINT64_MAX), type_in, &slave), EPERM);
	assert_int_equal(typed(master, 50), 0);
	if (geteuid() == 0) {
		/* The kernel does it, and ignores the bit: what was typed is echoed. */
		assert_int_equal(in_child(NULL, type_in, &slave), 0);
		assert_int_equal(typed(master, 5000), 1);
	}
	close(slave);
	close(master);
}

static void *thread_main(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

#define TRY(what, ok)                                                                              \
	do {                                                                                       \
		if (!(ok)) {                                                                       \
			fprintf(stderr, "%s: %s\n", what, strerror(errno));                        \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

static int ordinary_files(void)
{
	struct timex t = {0};
	struct stat st;
	int fd;

	TRY("memfd", (fd = memfd_create("x", MFD_CLOEXEC)) >= 0 && ftruncate(fd, 4096) == 0);
	TRY("mmap", mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
	TRY("stat", stat("/", &st) == 0);
	TRY("epoll", epoll_create1(EPOLL_CLOEXEC) >= 0);
	TRY("inotify", inotify_init1(IN_CLOEXEC) >= 0);
	TRY("adjtimex", adjtimex(&t) >= 0);
	TRY("personality", syscall(SYS_personality, 0xffffffffUL) >= 0);
	TRY("unshare(CLONE_FS)", unshare(CLONE_FS) == 0);
	return 0;
}

/* What programs do all day, through the C library. */
static int ordinary(const void *ctx)
{
	struct addrinfo *found = NULL;
	int pair[2], set = 0;
	pthread_t thread;

	(void)ctx;
	TRY("files", ordinary_files() == 0);
	TRY("pthread_create", pthread_create(&thread, NULL, thread_main, &set) == 0);
	TRY("pthread_join", pthread_join(thread, NULL) == 0 && set == 1);
	TRY("unix", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	TRY("inet", socket(AF_INET, SOCK_STREAM, 0) >= 0);
	TRY("inet6", socket(AF_INET6, SOCK_DGRAM, 0) >= 0 || errno == EAFNOSUPPORT);
	TRY("netlink", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0);
	TRY("getaddrinfo", getaddrinfo("127.0.0.1", "80", NULL, &found) == 0);
	freeaddrinfo(found);
	/* fork, exec, pipes; posix_spawn() and vfork() in between */
	TRY("system",
	    system("x=$(ls / | head -1) && test -n \"$x\"") == 0); /* NOLINT(cert-env33-c) */
	return 0;
}

static void ordinary_calls_work(void **state)
{
	(void)state;
	for (size_t i = 0; i < nsn_filter_n_made; i++)
		assert_int_equal(in_child(&nsn_filter_made[i].prog, ordinary, NULL), 0);
}

#ifdef __x86_64__
/* getpid() of 32 bits */
static int int80(const void *ctx)
{
	long ret = 20;

	(void)ctx;
	__asm__ volatile("int $0x80" : "+a"(ret) : : "memory", "r8", "r9", "r10", "r11");
	return ret == getpid() ? 0 : 1;
}

static void other_architecture_is_killed(void **state)
{
	(void)state;
	if (in_child(NULL, int80, NULL) != 0)
		skip(); /* a kernel without */
	assert_int_equal(in_child(nsn_filter_default(), int80, NULL), 1000 + SIGSYS);
}
#endif

/* ---- names of capabilities --------------------------------------------------------------- */

static void capability_names(void **state)
{
	struct nsnet_err err = {0};
	int cap = -1;

	(void)state;
	for (int i = 0; i <= CAP_LAST_CAP; i++) {
		char *name = cap_to_name(i);

		assert_non_null(name);
		assert_non_null(nsn_cap_name(i));
		assert_int_equal(strncmp(name, "cap_", 4), 0);
		assert_int_equal(strcasecmp(name + 4, nsn_cap_name(i)), 0);
		assert_int_equal(nsn_cap_parse(name, &cap, &err), 0);
		assert_int_equal(cap, i);
		assert_int_equal(nsn_cap_parse(nsn_cap_name(i), &cap, &err), 0);
		assert_int_equal(cap, i);
		cap_free(name);
	}
	assert_null(nsn_cap_name(CAP_LAST_CAP + 1));
	assert_null(nsn_cap_name(-1));
	assert_int_equal(nsn_cap_parse("Cap_Net_Raw", &cap, &err), 0);
	assert_int_equal(cap, CAP_NET_RAW);
	assert_int_equal(nsn_cap_parse("sys_admn", &cap, &err), -EINVAL);
	assert_int_equal(err.id, NSNET_E_BAD_CAPABILITY);
	assert_non_null(strstr(err.hint, "SYS_ADMIN"));
	static const char *const bad[] = {"",
					  "CAP_",
					  "21",
					  "CAP_21",
					  "net raw",
					  "net_raw ",
					  "ALL",
					  "\x1b[2J",
					  "cap_cap_kill",
					  "a_very_long_name_that_is_longer_than_any_of_them"};
	for (size_t i = 0; i < NSN_COUNT(bad); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(nsn_cap_parse(bad[i], &cap, &err), -EINVAL);
		assert_int_equal(err.id, NSNET_E_BAD_CAPABILITY);
		assert_null(strpbrk(err.msg, "\x1b"));
	}
}

static void exposures(void **state)
{
	(void)state;
	for (int i = 0; i <= CAP_LAST_CAP; i++) {
		const bool told = i == CAP_SYS_ADMIN || i == CAP_SYS_PTRACE;

		assert_int_equal(nsn_cap_exposes(i) != NULL, told);
	}
}

int main(void)
{
	const struct CMUnitTest pure[] = {
		cmocka_unit_test(calls_and_capabilities),
		cmocka_unit_test(nothing_else_is_denied),
		cmocka_unit_test(numbers_and_architectures),
		cmocka_unit_test(namespaces),
		cmocka_unit_test(limits_of_the_first_process),
		cmocka_unit_test(sockets),
		cmocka_unit_test(terminals),
		cmocka_unit_test(programs_are_short),
		cmocka_unit_test(table_has_reasons),
		cmocka_unit_test(capability_names),
		cmocka_unit_test(exposures),
	};
	const struct CMUnitTest kernel[] = {
		cmocka_unit_test(kernel_refuses),
		cmocka_unit_test(kernel_would_answer),
		cmocka_unit_test(kernel_refuses_typing),
		cmocka_unit_test(ordinary_calls_work),
#ifdef __x86_64__
		cmocka_unit_test(other_architecture_is_killed),
#endif
	};
	const char *under = getenv("TEST_WRAPPER");
	int failed = cmocka_run_group_tests(pure, NULL, NULL);

	/* valgrind 3.19 has no seccomp(2), and calls of its own in between. */
	if (under && *under)
		return failed;
	return failed + cmocka_run_group_tests(kernel, NULL, NULL);
}
