/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_WARD_H
#define TESTS_WARD_H

/*
 * ward - workloads by the library, and what they say
 *
 * Everything that goes wrong here fails the test, except what the caller is told.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/filter.h>

#include "../../lib/nsnet.h"

struct ran {
	int r; /* of the start or the wait */
	struct nsnet_err err;
	struct nsnet_exit exit;
	char *out; /* what it wrote to its output and error output; always a string */
};
void ran_done(struct ran *r);

/* Runs @argv in tenant "blue" (of @def, which may be NULL, only what is not 0 counts) to its end.
 */
void ward_run(struct ran *ret, struct nsnet *n, const struct nsnet_run_def *def,
	      const char *const argv[]);
#define WARD_RUN(ret, n, def, ...) ward_run(ret, n, def, (const char *const[]){__VA_ARGS__, NULL})

/* The same, but with what a test wants to be otherwise. */
struct ward_entry {
	const char *netns; /* a pin */
	uint32_t base;
	int (*entry)(void *arg); /* writes to descriptor 1; what it returns is the status */
	void *arg;
	uint64_t caps;			 /* that stay */
	const struct sock_fprog *filter; /* NULL: the default */
	bool landlock;
	const char *user;
	const char *const *volumes;
	size_t n_volumes;
	const int *fds; /* that stay, with their numbers */
	size_t n_fds;
};
void ward_entry(struct ran *ret, const struct ward_entry *what);

/* A filter that lets everything through. */
extern const struct sock_fprog ward_no_filter;
/* All that this kernel knows. */
uint64_t ward_all_caps(void);

/* The line "KEY VALUE" of @out: the value in a static buffer, or "(none)". */
const char *ward_value(const char *out, const char *key);

/* What workloads leave on the host when they are not cleaned up, as text; the caller frees it. */
char *ward_counters(void);
/* Waits, as the kernel does some of it in the background, and fails when it does not. */
void ward_counters_become(const char *want, int timeout_ms);

#endif
