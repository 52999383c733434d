/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CRASH_H
#define TESTS_CRASH_H

/*
 * crash - a whole program that dies at one of its system calls
 *
 * The program runs under ptrace, and a seccomp filter stops it before each call
 * that may have an effect on others; so it runs at nearly its own speed. It is
 * killed there by SIGKILL, and the call is not made. All calls count that are not
 * known to be without effect: a new one is not forgotten.
 *
 * Without effect are those that read, and those whose effect ends with the process
 * (memory, descriptors, locks, signals, timers, sockets without their messages).
 * By its arguments: opening without O_CREAT or O_TRUNC, netlink requests that only
 * ask, and ioctl() calls that only ask. close() is none, because dying does it, too.
 */
#include <stdbool.h>
#include <stddef.h>

struct crash_watch {
	/* Before each call with an effect, also the last one. */
	void (*effect)(void *arg);
	/* A network namespace was made; @netns is a descriptor of it that is closed afterwards. */
	void (*born)(void *arg, int netns);
	void *arg;
};

struct crash {
	int effects; /* calls with an effect that were begun */
	int pages;   /* those of them with which SQLite writes its pages */
	int status;  /* exit status, or 128 + signal */
	bool killed; /* by us */
	char out[4096];
};

/*
 * Runs @argv, a program (looked up in PATH) and its arguments, without input; what it writes is in
 * @out. It dies at the call number @at (from 0; -1: at none). @watch may be NULL. This process must
 * have no other child that could end meanwhile. Everything else that fails here fails the test.
 */
void crash_run(struct crash *ret, int at, const struct crash_watch *watch,
	       const char *const argv[]);

#endif
