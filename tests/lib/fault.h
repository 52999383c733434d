/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

/*
 * fault - one system call of one of the processes that start a workload goes wrong
 *
 * `nsnet run` runs under a seccomp filter that asks this process about each call that can fail;
 * its children have the same filter, so all of them are told apart and counted, each by itself:
 * their order among one another differs from run to run, but what each does is the same. The
 * caller counts from where it opens its state on; the command is let alone.
 */
#include <stdbool.h>
#include <stddef.h>

/* lib/spawn/spawn.h says what they do. */
enum fault_role {
	FAULT_CALLER,
	FAULT_HELPER,
	FAULT_MOUNTER, /* of a procfs, a child of the helper */
	FAULT_FIRST,
	FAULT_WORKLOAD,
	FAULT_HOLDER, /* of the user namespace of a volume, a child of the caller */
	FAULT_KEEPER, /* of a bare mount namespace, another one */
	FAULT_ROLES
};
const char *fault_role_word(enum fault_role role);

struct fault_call {
	enum fault_role role;
	int at; /* which one of that process, from 0 */
	int nr;
	bool effect; /* others see what it does */
	bool waits;  /* for somebody: its error is EINTR then, whatever `error` says */
	bool after;  /* the command has begun */
};

#define FAULT_CALLS 4096

struct fault {
	/* What is to happen, before the call number `at` of `role`; it is not made. */
	enum { FAULT_NOTHING, FAULT_ERRNO, FAULT_KILL, FAULT_KILL_CALLER } what;
	enum fault_role role;
	int at, error;

	/* What happened. */
	bool hit;
	struct fault_call was; /* which call it was: the caller's are not always as many */
	bool hung;	       /* somebody was left after 15 seconds, and was killed by us */
	int left;    /* so many had not ended, or been waited for, when the caller ended */
	double lag;  /* ms from the caller's end to that of the last one */
	int status;  /* exit status, or 128 + signal */
	char id[40]; /* the workload's, if it came to a control group */
	char *out, *err;
	struct fault_call calls[FAULT_CALLS];
	int n_calls;
};

/* Runs @argv to the end of all its processes. This process must have no other children. */
void fault_run(struct fault *f, const char *const argv[]);
void fault_done(struct fault *f);

#endif
