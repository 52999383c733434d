/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef NSN_SPAWN_BIRTH_H
#define NSN_SPAWN_BIRTH_H

/*
 * birth - what the four processes of a start share; see spawn.h
 *
 * All of them run in the caller's memory or a copy of it, and it may have threads: until exec none
 * allocates memory, takes a lock or returns into the caller's code.
 */
#include "spawn.h"

/* No start takes longer: something on the way may hang. */
#define NSN_START_MS 60000

/* What goes through the pipe to the caller: whole words, so they never mix. */
struct nsn_word {
	enum { NSN_WORD_BORN, NSN_WORD_TROUBLE } kind;
	struct nsn_trouble trouble;
};

/* What goes between the caller and the first process. */
struct nsn_ctl {
	enum {
		NSN_CTL_GO,	  /* to it: it is as wanted, go on */
		NSN_CTL_TERMINAL, /* from it, with a descriptor */
		NSN_CTL_EXIT	  /* from it: the workload has ended */
	} kind;
	struct nsnet_exit exit;
};

/* Where a stack begins, at its lowest address, and its bytes; see nsn_stack_is(). */
struct nsn_stack {
	const void *at;
	size_t size;
};

/*
 * The helper works on the caller's own, see nsn_borrow(): nothing in here, in the view or behind
 * `s` may be left by it in a state that is the helper's only, such as a closed descriptor.
 */
struct nsn_birth {
	const struct nsn_spawn *s;
	/* The kernel notes the first process here before it runs, so that it can be ended whenever
	 * the helper dies. */
	pid_t first;
	int proc;	  /* a procfs of the caller's pid namespace */
	int words;	  /* the pipe's end to write to; its end says that the command runs */
	int ctl;	  /* the first process' end */
	int own[2];	  /* helper and first process */
	int kill;	  /* cgroup.kill, when the pid namespace is shared; or -1 */
	int tty;	  /* the workload's terminal */
	bool core_leaves; /* nsn_core_look() */
	/* Of the first process, whose memory the workload's is until it executes. */
	bool early;    /* nsn_confine_early() was called */
	uint32_t gate; /* 1: the first process has given up what it shall not have */
	struct nsn_stack stack, firsts; /* the workload's, and the first process' */
	uint32_t living; /* 0: the workload has executed, or ended; the kernel wakes who waits */
};

/* A copy of the process, without glibc's handlers. 0 in the child, else as fork(). */
pid_t nsn_clone(uint64_t flags, int cgroup, int exit_signal, int *pidfd, pid_t *note);

/*
 * A process that runs in our memory on a stack of its own, with a table of descriptors of its own,
 * while the calling thread waits until it executes or ends; as posix_spawn(3) does it. A copy
 * of a process costs some 100 us, and as much again for the pages that both write to. @flags:
 * CLONE_* and the signal at its end. @pidfd: NULL or with CLONE_PIDFD. Its number, or -1 and errno.
 */
pid_t nsn_borrow(int flags, int *pidfd, int (*run)(void *arg), void *arg);
/*
 * The same, but nobody waits: the two have one errno, so only one of them may run at a time. *@left
 * is 0 when it has left our memory. Its stack stays, and is *@stack: whoever of the two goes on
 * says so by nsn_stack_is().
 */
pid_t nsn_join(int flags, uint32_t *left, struct nsn_stack *stack, int (*run)(void *arg),
	       void *arg);
/* For the address sanitizer: we are on this stack now. Returns which one it was before. */
struct nsn_stack nsn_stack_is(struct nsn_stack now);
/* Waits until *@word is another than @value, which whoever changes it says by nsn_wake(). */
void nsn_await(const uint32_t *word, uint32_t value);
void nsn_wake(uint32_t *word, uint32_t value);

/* Sends a word about what went wrong and ends. */
void nsn_birth_fail(const struct nsn_birth *b, const struct nsn_trouble *why)
	__attribute__((noreturn));

/* Never return. */
void nsn_helper(struct nsn_birth *b) __attribute__((noreturn));
void nsn_first(struct nsn_birth *b) __attribute__((noreturn));
void nsn_workload(struct nsn_birth *b) __attribute__((noreturn));

/* One message with at most one descriptor (-1: none). 0 or -errno; recv: 1, or 0 at the end. */
int nsn_msg_send(int sock, const void *data, size_t size, int fd);
int nsn_msg_recv(int sock, void *data, size_t size, int *fd);

/* Kills our child, waits for it, and closes @pidfd. */
void nsn_end_process(int *pidfd);

/* Whether a core dump of a workload would go to the host: its sysctls of now, and their texts. */
int nsn_core_look(int proc, bool *leaves, struct nsnet_err *err);
bool nsn_core_leaves(const char *pattern, const char *suid_dumpable);

/* Closes it, so that it is -1. */
void nsn_shut(int *fd);

#endif
