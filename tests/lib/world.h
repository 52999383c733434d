/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

/*
 * world - what tests stand on: a machine of their own, commands, waiting
 *
 * A world is a network namespace with `lo` up and nothing else, and a mount
 * namespace in which /run and /var/lib are empty, /sys shows the new network,
 * and /etc is a layer that is thrown away. The machine itself is never touched.
 * Both end with the last process in them, with all that was pinned there.
 */
#include <stdbool.h>
#include <stddef.h>

/*
 * Moves this process into a new world; again, into another one. Without root
 * it returns -1 and does nothing. Anything else that fails ends the process:
 * it would be half in the machine, and no test may run there.
 */
int world_enter(void);

/* The same as a cmocka setup function, of a group or of a test. 0, always. */
int world_setup(void **state);

/*
 * The first line of a test that needs the world: skips the test when there is
 * no right to one, fails instead under NSNET_TESTS_MUST_RUN=1.
 */
void world_need(void);

/* For main(): with an argument only those tests that have this name, or fit this pattern. */
void world_filter(int argc, char **argv);

/*
 * Skips a test because the kernel is built without @feature, which is one of
 * the words in tests/run.sh; that looks into /proc/config.gz whether it is so.
 */
void skip_kernel(const char *feature);

/* What a command did. Output beyond RUN_MAX bytes is dropped, and `cut` says so. */
#define RUN_MAX (1024 * 1024)
struct run {
	int status; /* exit status, or 128 + signal; 127: could not be started */
	bool timed_out;
	bool cut;
	char *out, *err; /* always strings */
	size_t out_len, err_len;
	double ms; /* wall time */
};

/*
 * Runs a program (looked up in PATH) to its end with /dev/null as its input,
 * kills it after @timeout_ms. What it left running in the background keeps
 * running, and its later output is lost. Give the result to run_free().
 */
void run_cmd(struct run *r, int timeout_ms, const char *const argv[]);
/* The same with @input on standard input. */
void run_input(struct run *r, int timeout_ms, const char *input, const char *const argv[]);
void run_free(struct run *r);

/* RUN(&r, "ip", "link") and NSNET(&r, "tenant", "list"): anything longer is a bug, also
 * on a machine where the kernel is busy freeing the namespaces of other tests. */
#define RUN(r, ...)   run_cmd(r, 120000, (const char *const[]){__VA_ARGS__, NULL})
#define NSNET(r, ...) RUN(r, nsnet_bin(), __VA_ARGS__)

/* Runs, and fails the test with command and output when its status is not @status. */
#define RUN_STATUS(status, ...)	  run_status(status, (const char *const[]){__VA_ARGS__, NULL})
#define NSNET_STATUS(status, ...) RUN_STATUS(status, nsnet_bin(), __VA_ARGS__)
void run_status(int status, const char *const argv[]);

/* The built command: NSNET_BIN, which the Makefile sets. */
const char *nsnet_bin(void);

/* Asks until @cond says yes (true) or @timeout_ms are over (false). */
bool poll_until(bool (*cond)(void *ctx), void *ctx, int timeout_ms);

/*
 * Waits for the end of a child: its exit status, or 128 + N for a signal. One that does not end
 * within 20 s is killed, and the test fails with what @said has.
 */
int end_status(int pid, const char *said);

/*
 * Whether long series are to be sampled (NSNET_TEST_QUICK=1, as under the
 * sanitizers, or TEST_WRAPPER=valgrind): each is run in full by `make test`.
 */
bool test_quick(void);

/* Milliseconds of a clock that only goes forward. */
double now_ms(void);

#endif
