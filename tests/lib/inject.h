/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_INJECT_H
#define TESTS_INJECT_H

/*
 * inject - let the k-th system call of a function fail
 *
 * The function runs in a thread of its own, under a seccomp filter that asks
 * this thread about each call in question: the kernel's own way, so the code
 * under test needs no hooks. A call that is to fail is not carried out.
 */
#include <stdint.h>

struct inject_rule {
	int nr;		   /* __NR_... */
	int error;	   /* positive errno */
	int arg;	   /* which argument decides, ... */
	unsigned int mask; /* ... when not 0: only calls with one of these bits in it count */
	/* Sees each call before it is made; pointers in @args are valid. May be NULL. */
	void (*look)(const uint64_t args[6]);
};

/* What happened. */
struct inject {
	int seen;      /* calls that match a rule */
	int failed_nr; /* the one that failed; -1: there were fewer than that */
};

/* Runs @fn(@arg); the call number @k (from 0; -1: none) of those that match a rule fails. */
void inject(const struct inject_rule *rules, int n_rules, int k, void (*fn)(void *arg), void *arg,
	    struct inject *ret);

#endif
