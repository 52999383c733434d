/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "birth.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/futex.h>
#include <linux/sched.h>

pid_t nsn_clone(uint64_t flags, int cgroup, int exit_signal, int *pidfd, pid_t *note)
{
	struct clone_args args = {
		.flags = flags,
		.exit_signal = (uint64_t)exit_signal,
	};

	if (pidfd) {
		args.flags |= CLONE_PIDFD;
		args.pidfd = (uintptr_t)pidfd;
	}
	if (note) {
		args.flags |= CLONE_PARENT_SETTID;
		args.parent_tid = (uintptr_t)note;
	}
	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

#define STACK ((size_t)128 * 1024)
#define GUARD ((size_t)4096)

/*
 * The address sanitizer keeps notes of the frames of a stack. They outlive the stack, and are taken
 * for those of what comes to be there next, as nobody returns from these frames; and where a
 * function does not return it clears the whole stack, whose place it has to know.
 */
#ifdef __SANITIZE_ADDRESS__
void __asan_unpoison_memory_region(void const volatile *at, size_t size);
void __sanitizer_start_switch_fiber(void **save, const void *at, size_t size);
void __sanitizer_finish_switch_fiber(void *save, const void **at, size_t *size);

static void forget_frames(const char *room)
{
	__asan_unpoison_memory_region(room + GUARD, STACK);
}

struct nsn_stack nsn_stack_is(struct nsn_stack now)
{
	struct nsn_stack was = {0};

	__sanitizer_start_switch_fiber(NULL, now.at, now.size);
	__sanitizer_finish_switch_fiber(NULL, &was.at, &was.size);
	return was;
}
#else
static void forget_frames(const char *room)
{
	(void)room;
}

struct nsn_stack nsn_stack_is(struct nsn_stack now)
{
	return now;
}
#endif

static char *make_stack(void)
{
	char *room = mmap(NULL, GUARD + STACK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		return NULL;
	if (mprotect(room + GUARD, STACK, PROT_READ | PROT_WRITE) == 0) {
		forget_frames(room);
		return room;
	}
	(void)munmap(room, GUARD + STACK);
	return NULL;
}

struct borrowed {
	int (*run)(void *arg);
	void *arg;
	struct nsn_stack own, callers;
};

static int on_borrowed(void *arg)
{
	struct borrowed *b = arg;

	b->callers = nsn_stack_is(b->own);
	return b->run(b->arg);
}

pid_t nsn_borrow(int flags, int *pidfd, int (*run)(void *arg), void *arg)
{
	char *room = make_stack();
	struct borrowed b = {.run = run, .arg = arg};
	pid_t pid;
	int code;

	if (!room)
		return -1;
	b.own = (struct nsn_stack){.at = room + GUARD, .size = STACK};
	pid = clone(on_borrowed, room + GUARD + STACK, CLONE_VM | CLONE_VFORK | flags, &b, pidfd);
	code = errno;
	if (pid > 0)
		(void)nsn_stack_is(b.callers);
	forget_frames(room);
	(void)munmap(room, GUARD + STACK);
	errno = code;
	return pid;
}

pid_t nsn_join(int flags, uint32_t *left, struct nsn_stack *stack, int (*run)(void *arg), void *arg)
{
	char *room = make_stack();

	if (!room)
		return -1;
	*stack = (struct nsn_stack){.at = room + GUARD, .size = STACK};
	flags |= CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	return clone(run, room + GUARD + STACK, flags, arg, (pid_t *)left, NULL, left);
}

/* FUTEX_WAIT without _PRIVATE: that is how the kernel wakes for CLONE_CHILD_CLEARTID. */
void nsn_await(const uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		(void)syscall(SYS_futex, word, FUTEX_WAIT, value, NULL);
}

void nsn_wake(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1);
}

void nsn_birth_fail(const struct nsn_birth *b, const struct nsn_trouble *why)
{
	const struct nsn_word word = {.kind = NSN_WORD_TROUBLE, .trouble = *why};

	/* Less than PIPE_BUF, so whole or not at all; with nobody there any more nobody asks. */
	if (write(b->words, &word, sizeof(word)) < 0)
		_exit(125);
	_exit(125);
}

int nsn_msg_send(int sock, const void *data, size_t size, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov;
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	memcpy(&iov.iov_base, &data, sizeof(data)); /* it is only read */
	iov.iov_len = size;
	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int nsn_msg_recv(int sock, void *data, size_t size, int *fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = data, .iov_len = size};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;
	ssize_t n;

	*fd = -1;
	while ((n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC)) < 0)
		if (errno != EINTR)
			return -errno;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	if (n == 0)
		return 0;
	return (size_t)n == size ? 1 : -EPROTO;
}

void nsn_shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void wait_for(int pidfd)
{
	siginfo_t info;

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL) < 0 && errno == EINTR)
		;
}

void nsn_end_process(int *pidfd)
{
	if (*pidfd < 0)
		return;
	(void)pidfd_send_signal(*pidfd, SIGKILL, NULL, 0);
	wait_for(*pidfd);
	nsn_shut(pidfd);
}
