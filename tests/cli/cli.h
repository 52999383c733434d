/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_CLI_H
#define TESTS_CLI_H

/*
 * cli - what all tests of the built command assert
 *
 * After cmocka.h and what it needs. Unused ones are no warning: inline.
 */
#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../lib/world.h"

static inline void run_done(struct run *r)
{
	run_free(r);
}

static inline void json_unref(json_t **j)
{
	json_decref(*j);
}

static inline void assert_status(const struct run *r, int status)
{
	if (r->status != status)
		fail_msg("status %d, not %d\n%s%s", r->status, status, r->out, r->err);
}

static inline void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in\n%s", part, text);
}

static inline void assert_starts(const char *text, const char *start)
{
	if (strncmp(text, start, strlen(start)) != 0)
		fail_msg("it does not start with '%s':\n%s", start, text);
}

/* Exactly these words on standard output, none on standard error, status 0. */
#define SAYS(text, ...)                                                                            \
	do {                                                                                       \
		NSN_AUTO(run_done) struct run says_ = {0};                                         \
                                                                                                   \
		NSNET(&says_, __VA_ARGS__);                                                        \
		assert_status(&says_, 0);                                                          \
		assert_string_equal(says_.out, text);                                              \
		assert_string_equal(says_.err, "");                                                \
	} while (0)

/* Nothing on standard output, these words in the error. */
#define REFUSES(exit_status, code, part, ...)                                                      \
	do {                                                                                       \
		NSN_AUTO(run_done) struct run refuses_ = {0};                                      \
                                                                                                   \
		NSNET(&refuses_, __VA_ARGS__);                                                     \
		assert_status(&refuses_, exit_status);                                             \
		assert_string_equal(refuses_.out, "");                                             \
		assert_starts(refuses_.err, "error: ");                                            \
		assert_has(refuses_.err, "   [" code "]\n");                                       \
		assert_has(refuses_.err, part);                                                    \
	} while (0)

static inline json_t *parse(const char *text)
{
	json_error_t why;
	json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, &why);

	if (!doc)
		fail_msg("no JSON (%s): %s", why.text, text);
	return doc;
}

/* The document of a command that succeeds; checks the envelope. */
static inline json_t *answer(const char *kind, const char *const argv[])
{
	NSN_AUTO(run_done) struct run r = {0};
	json_t *doc;

	run_cmd(&r, 120000, argv);
	assert_status(&r, 0);
	assert_string_equal(r.err, "");
	doc = parse(r.out);
	assert_int_equal(json_integer_value(json_object_get(doc, "nsnet")), 1);
	assert_string_equal(json_string_value(json_object_get(doc, "kind")), kind);
	assert_true(json_is_array(json_object_get(doc, "items")));
	return doc;
}
#define ANSWER(kind, ...) answer(kind, (const char *const[]){nsnet_bin(), __VA_ARGS__, NULL})

static inline json_t *item(const json_t *doc, size_t i)
{
	json_t *found = json_array_get(json_object_get(doc, "items"), i);

	assert_non_null(found);
	return found;
}

static inline const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("no text '%s'", key);
	return text;
}

static inline long long number_of(const json_t *object, const char *key)
{
	if (!json_is_integer(json_object_get(object, key)))
		fail_msg("no number '%s'", key);
	return json_integer_value(json_object_get(object, key));
}

static inline size_t items_of(const json_t *doc)
{
	return json_array_size(json_object_get(doc, "items"));
}

/* A new world, and nothing in the environment that changes what is printed. */
static inline int begin(void **state)
{
	(void)unsetenv("NO_COLOR");
	(void)unsetenv("NSNET_OUTPUT");
	(void)unsetenv("NSNET_STATE_DIR");
	(void)unsetenv("NSNET_RUN_DIR");
	(void)unsetenv("NSNET_POOL");
	(void)unsetenv("COLUMNS");
	return world_setup(state);
}

/* Runs on a terminal of its own, @columns wide, types @input, keeps what is shown. */
static inline int on_terminal(int columns, const char *input, char *shown, size_t size,
			      const char *const argv[])
{
	struct winsize window = {.ws_row = 24, .ws_col = (unsigned short)columns};
	double deadline = now_ms() + 30000;
	size_t used = 0;
	int fd, status;
	pid_t pid = forkpty(&fd, NULL, NULL, &window);

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)setenv("TERM", "xterm", 0);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(99);
	}
	if (write(fd, input, strlen(input)) < 0)
		fail_msg("cannot type");
	while (used < size - 1 && now_ms() < deadline) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 100) <= 0)
			continue;
		n = read(fd, shown + used, size - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	shown[used] = '\0';
	(void)close(fd);
	if (now_ms() >= deadline)
		(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
#define ON_TERMINAL(input, shown, ...)                                                             \
	on_terminal(80, input, shown, sizeof(shown),                                               \
		    (const char *const[]){nsnet_bin(), __VA_ARGS__, NULL})

/* A file of the source tree: NSNET_SRC, which tests/run.sh sets. To be freed. */
static inline char *source_path(const char *name)
{
	const char *src = getenv("NSNET_SRC");
	char *path = NULL;

	if (!src || asprintf(&path, "%s/%s", src, name) < 0)
		fail_msg("NSNET_SRC is not set");
	return path;
}

#endif
