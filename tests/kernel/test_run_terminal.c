// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../../lib/base/cleanup.h"
#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * `nsnet run` at a terminal: the workload has one of its own, and both are connected.
 */

struct seat {
	int fd; /* where the person sits */
	pid_t pid;
	char name[64]; /* of the caller's terminal */
	char text[65536];
	size_t len;
};

static int build(void **state)
{
	struct nsnet *n;

	world_setup(state);
	if (geteuid() != 0)
		return 0;
	n = lab_open();
	lab_add(n, "blue", "10.10.1.0/24", NSNET_CREATED);
	nsnet_close(n);
	return 0;
}

/* @redirect: what is done before to the three descriptors, as sh(1) writes it. */
static void sit_down(struct seat *s, const char *redirect, const char *script)
{
	struct winsize size = {.ws_row = 33, .ws_col = 77};
	char cmd[1024];

	*s = (struct seat){0};
	(void)nsnet_bin(); /* fails here, when it does, and not in the child */
	snprintf(cmd, sizeof(cmd), "stty -echo; exec \"$0\" run blue -- bash -c '%s' %s", script,
		 redirect);
	s->pid = forkpty(&s->fd, s->name, NULL, &size);
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", cmd, nsnet_bin(), NULL);
		_exit(99);
	}
}

static void see(struct seat *s, const char *word)
{
	const double end = now_ms() + 20000;

	while (now_ms() < end && !(word && strstr(s->text, word))) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN};
		ssize_t got;

		if (poll(&p, 1, 100) <= 0)
			continue;
		got = read(s->fd, s->text + s->len, sizeof(s->text) - 1 - s->len);
		if (got <= 0)
			break;
		s->len += (size_t)got;
	}
	if (word && !strstr(s->text, word))
		fail_msg("no '%s' in: %s", word, s->text);
}

static void type(const struct seat *s, const char *text)
{
	assert_int_equal(write(s->fd, text, strlen(text)), strlen(text));
}

static int leave(struct seat *s)
{
	int status = end_status(s->pid, s->text);

	close(s->fd);
	return status;
}

static void it_is_its_own(void **state)
{
	struct stat theirs;
	char device[64];
	struct seat s;

	(void)state;
	world_need();
	sit_down(&s, "",
		 "tty; ls -C /dev/pts; stat -Lc \"dev=%d rdev=%t:%T uid=%u\" $(tty); stty size;"
		 "cat /proc/$$/stat | cut -d\" \" -f7,8; echo tpgid; read x; exit 6");
	see(&s, "tpgid");
	/* The first of its own devpts, not ours, whatever its number is. */
	LAB_HAS(s.text, "/dev/pts/0\r\n");
	LAB_HAS(s.text, "0  ptmx\r\n");
	LAB_HAS(s.text, "33 77\r\n");
	LAB_HAS(s.text, "uid=0");
	assert_int_equal(stat(s.name, &theirs), 0);
	snprintf(device, sizeof(device), "dev=%lu ", (unsigned long)theirs.st_dev);
	assert_null(strstr(s.text, device));
	type(&s, "\n");
	assert_int_equal(leave(&s), 6);
}

static void ctrl_c_goes_inside(void **state)
{
	struct seat s;

	(void)state;
	world_need();
	sit_down(&s, "", "trap \"echo int; exit 9\" INT; echo ready; while :; do sleep 0.05; done");
	see(&s, "ready");
	type(&s, "\003");
	see(&s, "int");
	assert_int_equal(leave(&s), 9);
}

static void ctrl_d_is_an_end(void **state)
{
	struct seat s;

	(void)state;
	world_need();
	sit_down(&s, "", "echo ready; wc -l; exit 2");
	see(&s, "ready");
	type(&s, "one\ntwo\n\004");
	see(&s, "2\r\n");
	assert_int_equal(leave(&s), 2);
}

static void ours_is_as_before(void **state)
{
	struct termios during = {0}, after = {0};
	struct seat s;
	char cmd[512];

	(void)state;
	world_need();
	s = (struct seat){0};
	snprintf(cmd, sizeof(cmd),
		 "\"$0\" run blue -- sh -c 'echo ready; read x; kill -9 $$'; "
		 "echo status $?; read y; exit 44");
	s.pid = forkpty(&s.fd, s.name, NULL, NULL);
	if (s.pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", cmd, nsnet_bin(), NULL);
		_exit(99);
	}
	see(&s, "ready");
	assert_int_equal(tcgetattr(s.fd, &during), 0);
	assert_false(during.c_lflag & ICANON);
	type(&s, "\r");
	see(&s, "status 137");
	assert_int_equal(tcgetattr(s.fd, &after), 0);
	assert_true(after.c_lflag & ICANON);
	assert_true(after.c_lflag & ECHO);
	assert_true(after.c_lflag & ISIG);
	type(&s, "\n");
	assert_int_equal(leave(&s), 44);
}

static void its_size_follows(void **state)
{
	struct winsize size = {.ws_row = 11, .ws_col = 222};
	struct seat s;

	(void)state;
	world_need();
	sit_down(&s, "",
		 "trap \"stty size; exit 3\" WINCH; echo ready; while :; do sleep 0.05; done");
	see(&s, "ready");
	assert_int_equal(ioctl(s.fd, TIOCSWINSZ, &size), 0);
	see(&s, "11 222");
	assert_int_equal(leave(&s), 3);
}

/* The filter says no; and what it would type into is its own. */
static void nobody_types_for_us(void **state)
{
	struct seat s;

	(void)state;
	world_need();
	sit_down(&s, "",
		 "python3 -c \"import fcntl,termios\nfor fd in (0,1,2):\n"
		 "  try: fcntl.ioctl(fd, termios.TIOCSTI, b\\\"x\\\"); print(\\\"typed\\\")\n"
		 "  except OSError as e: print(\\\"no\\\", e.errno)\"; echo done; exit 1");
	see(&s, "done");
	assert_null(strstr(s.text, "typed"));
	LAB_HAS(s.text, "no 1\r\nno 1\r\nno 1\r\n");
	assert_int_equal(leave(&s), 1);
}

static void without_cr(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != '\r')
			*to++ = *text;
	*to = '\0';
}

/* One of the three is enough; the others are what they are. */
static void a_part_of_the_three(void **state)
{
	static const struct {
		const char *redirect, *want;
	} cases[] = {
		{"</dev/null", "in no\nout yes\nerr yes\n"},
		{"2>/run/err", "in yes\nout yes\nerr no\n"},
		{"</dev/null 2>/run/err", "in no\nout yes\nerr no\n"},
		{"| cat", "in yes\nout no\nerr yes\n"},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(cases); i++) {
		struct seat s;

		sit_down(&s, cases[i].redirect,
			 "say() { [ -t $1 ] && echo $2 yes || echo $2 no; }; say 0 in; say 1 out; "
			 "say 2 err; echo end");
		see(&s, "end");
		assert_null(strstr(s.text, "\r\r"));
		/* What comes through the other program goes to a terminal that may be raw. */
		without_cr(s.text);
		LAB_HAS(s.text, cases[i].want);
		assert_int_equal(leave(&s), 0);
	}
}

/* The window is closed: the workload hears of it, and does not stay. */
static void a_hangup_ends_it(void **state)
{
	struct seat s;

	(void)state;
	world_need();
	sit_down(&s, "", "echo ready; sleep 100");
	see(&s, "ready");
	close(s.fd);
	assert_int_equal(end_status(s.pid, s.text), 129);
}

/* What it wrote last arrives, however much it is. */
static void all_output_arrives(void **state)
{
	struct seat s;

	(void)state;
	world_need();
	sit_down(&s, "", "seq 5000; echo last");
	see(&s, "last");
	LAB_HAS(s.text, "\r\n4999\r\n5000\r\nlast");
	see(&s, NULL);
	assert_int_equal(leave(&s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_its_own),       cmocka_unit_test(ctrl_c_goes_inside),
		cmocka_unit_test(ctrl_d_is_an_end),    cmocka_unit_test(ours_is_as_before),
		cmocka_unit_test(its_size_follows),    cmocka_unit_test(nobody_types_for_us),
		cmocka_unit_test(a_part_of_the_three), cmocka_unit_test(a_hangup_ends_it),
		cmocka_unit_test(all_output_arrives),
	};

	return cmocka_run_group_tests(tests, build, NULL);
}
