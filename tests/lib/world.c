// SPDX-License-Identifier: GPL-2.0-or-later
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static bool entered;

/* ---- the world ---- */

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	(void)fprintf(stderr, "world: %s: %s\n", what, strerror(errno));
	/* No atexit handlers: we are neither here nor there. */
	_exit(99);
}

static void lo_up(void)
{
	struct ifreq req = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(fd, "socket");
	must(ioctl(fd, SIOCGIFFLAGS, &req), "lo");
	req.ifr_flags = (short)(req.ifr_flags | IFF_UP);
	must(ioctl(fd, SIOCSIFFLAGS, &req), "lo up");
	(void)close(fd);
}

/*
 * A sysfs mount shows the network namespace it was mounted in, for ever: the
 * old one would let a test read, and write, the machine's links. The cgroup
 * tree below is the same everywhere and is carried over.
 */
static void fresh_sys(void)
{
	must(mkdir("/run/sys", 0755), "mkdir /run/sys");
	must(mount("sysfs", "/run/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "sysfs");
	(void)mount("/sys/fs/cgroup", "/run/sys/fs/cgroup", "none", MS_BIND | MS_REC, NULL);
	must(mount("/run/sys", "/sys", "none", MS_MOVE, NULL), "move /sys");
	must(rmdir("/run/sys"), "rmdir /run/sys");
}

/* /etc has to stay as it is for every program, and take what tests write to it. */
static void throwaway_etc(void)
{
	must(mkdir("/run/etc", 0755), "mkdir /run/etc");
	must(mount("tmpfs", "/run/etc", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"), "tmpfs");
	must(mkdir("/run/etc/up", 0755), "mkdir");
	must(mkdir("/run/etc/work", 0755), "mkdir");
	must(mount("overlay", "/etc", "overlay", 0,
		   "lowerdir=/etc,upperdir=/run/etc/up,workdir=/run/etc/work"),
	     "overlay on /etc");
	must(umount2("/run/etc", MNT_DETACH), "umount /run/etc");
	must(rmdir("/run/etc"), "rmdir /run/etc");
}

/*
 * In a world already: its layers go first. They would hold what was pinned in
 * them, and an overlay takes no third storey.
 */
static void drop_old_world(void)
{
	static const char *const layers[] = {"/etc", "/sys", "/var/lib", "/run"};
	size_t i;

	for (i = 0; entered && i < sizeof(layers) / sizeof(layers[0]); i++)
		must(umount2(layers[i], MNT_DETACH), layers[i]);
}

int world_enter(void)
{
	if (geteuid() != 0)
		return -1;

	must(unshare(CLONE_NEWNET | CLONE_NEWNS), "unshare");
	must(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), "private mounts");
	drop_old_world();
	must(mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"), "tmpfs on /run");
	must(mount("tmpfs", "/var/lib", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"),
	     "tmpfs on /var/lib");
	fresh_sys();
	throwaway_etc();
	lo_up();
	entered = true;
	return 0;
}

int world_setup(void **state)
{
	(void)state;
	(void)world_enter();
	return 0;
}

static bool must_run(void)
{
	const char *s = getenv("NSNET_TESTS_MUST_RUN");

	return s && strcmp(s, "1") == 0;
}

bool test_quick(void)
{
	const char *s = getenv("NSNET_TEST_QUICK"), *under = getenv("TEST_WRAPPER");

	return (s && strcmp(s, "1") == 0) || (under && *under);
}

void world_need(void)
{
	if (entered)
		return;
	if (geteuid() == 0)
		fail_msg(
			"world_need() without world_enter(): this would run on the machine itself");
	if (must_run())
		fail_msg("NSNET_TESTS_MUST_RUN=1, but this needs root");
	print_message("SKIP: needs root\n");
	skip();
}

void skip_kernel(const char *feature)
{
	/* The same stream as cmocka's own lines, so that the order is kept. */
	print_message("SKIP-KERNEL: %s\n", feature);
	skip();
}

/* ---- commands ---- */

double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

struct stream {
	int fd;
	char *buf;
	size_t len;
	bool cut;
};

/* One read. Closes the stream at its end. */
static void stream_read(struct stream *s)
{
	char chunk[16384];
	ssize_t n = read(s->fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		(void)close(s->fd);
		s->fd = -1;
		return;
	}
	if (s->len + (size_t)n > RUN_MAX) {
		n = (ssize_t)(RUN_MAX - s->len);
		s->cut = true;
	}
	s->buf = realloc(s->buf, s->len + (size_t)n + 1);
	assert_non_null(s->buf);
	memcpy(s->buf + s->len, chunk, (size_t)n);
	s->len += (size_t)n;
}

/* What is there already; does not wait. */
static void stream_finish(struct stream *s)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	while (s->fd >= 0 && poll(&p, 1, 0) > 0)
		stream_read(s);
	if (s->fd >= 0)
		(void)close(s->fd);
	if (!s->buf)
		s->buf = calloc(1, 1);
	assert_non_null(s->buf);
	s->buf[s->len] = '\0';
}

/* A file and no pipe: a program that does not read it must not stop us. */
static int input_file(const char *input)
{
	int fd = -1;

	if (!input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, input, strlen(input)) != (ssize_t)strlen(input) ||
	    lseek(fd, 0, SEEK_SET) < 0)
		fail_msg("input for a command: %s", strerror(errno));
	return fd;
}

/* Return: 0, or the positive errno of what could not be started, as posix_spawn() says it. */
static int start(pid_t *pid, const char *const argv[], int in, int out, int err)
{
	posix_spawn_file_actions_t acts;
	int r = 0;

	assert_int_equal(posix_spawn_file_actions_init(&acts), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&acts, in, 0), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&acts, out, 1), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&acts, err, 2), 0);
	r = posix_spawnp(pid, argv[0], &acts, NULL, (char *const *)(uintptr_t)argv, environ);
	assert_int_equal(posix_spawn_file_actions_destroy(&acts), 0);
	return r;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/*
 * Until the process ends (true) or time is up (false). Without a pidfd, which
 * valgrind 3.19 does not give us, it looks every few milliseconds.
 */
static bool collect(pid_t pid, int pidfd, struct stream *out, struct stream *err, double deadline)
{
	for (;;) {
		struct pollfd p[3] = {
			{.fd = pidfd, .events = POLLIN},
			{.fd = out->fd, .events = POLLIN},
			{.fd = err->fd, .events = POLLIN},
		};
		double left = deadline - now_ms();

		if (left <= 0)
			return false;
		if (pidfd < 0 && left > 5)
			left = 5;
		if (poll(p, 3, (int)left + 1) < 0 && errno != EINTR)
			return false;
		if (p[1].revents)
			stream_read(out);
		if (p[2].revents)
			stream_read(err);
		if (has_ended(pid))
			return true;
	}
}

/* The process to its end, whatever it takes. Returns as `status` of struct run. */
static int reap(pid_t pid, struct run *r, struct stream *out, struct stream *err, double deadline)
{
	int pidfd = pidfd_open(pid, 0), status = 0;

	r->timed_out = !collect(pid, pidfd, out, err, deadline);
	if (r->timed_out)
		(void)kill(pid, SIGKILL);
	if (pidfd >= 0)
		(void)close(pidfd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void run_input(struct run *r, int timeout_ms, const char *input, const char *const argv[])
{
	double begin = now_ms();
	int outp[2], errp[2], in = input_file(input), cannot = 0;
	struct stream out = {.fd = -1}, err = {.fd = -1};
	pid_t pid = 0;

	*r = (struct run){0};
	assert_int_equal(pipe2(outp, O_CLOEXEC), 0);
	assert_int_equal(pipe2(errp, O_CLOEXEC), 0);
	cannot = start(&pid, argv, in, outp[1], errp[1]);
	if (cannot)
		(void)dprintf(errp[1], "%s: %s\n", argv[0], strerror(cannot));
	(void)close(in);
	(void)close(outp[1]);
	(void)close(errp[1]);
	out.fd = outp[0];
	err.fd = errp[0];

	r->status = cannot ? 127 : reap(pid, r, &out, &err, begin + timeout_ms);
	stream_finish(&out);
	stream_finish(&err);
	r->cut = out.cut || err.cut;
	r->out = out.buf;
	r->out_len = out.len;
	r->err = err.buf;
	r->err_len = err.len;
	r->ms = now_ms() - begin;
}

void run_cmd(struct run *r, int timeout_ms, const char *const argv[])
{
	run_input(r, timeout_ms, NULL, argv);
}

void run_free(struct run *r)
{
	free(r->out);
	free(r->err);
	*r = (struct run){0};
}

void run_status(int status, const char *const argv[])
{
	struct run r;

	run_cmd(&r, 120000, argv);
	if (r.status != status || r.timed_out) {
		for (size_t i = 0; argv[i]; i++)
			print_error("%s%s", i ? " " : "$ ", argv[i]);
		print_error("\n%s%s", r.out, r.err);
		print_error("status %d%s, not %d\n", r.status, r.timed_out ? " (timed out)" : "",
			    status);
		run_free(&r);
		fail();
	}
	run_free(&r);
}

const char *nsnet_bin(void)
{
	const char *s = getenv("NSNET_BIN");

	if (!s || access(s, X_OK) < 0)
		fail_msg("NSNET_BIN is not set to a built nsnet: run this by `make test`");
	return s;
}

void world_filter(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
}

bool poll_until(bool (*cond)(void *ctx), void *ctx, int timeout_ms)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	double deadline = now_ms() + timeout_ms;

	for (;;) {
		if (cond(ctx))
			return true;
		if (now_ms() >= deadline)
			return false;
		(void)nanosleep(&pause, NULL);
	}
}

struct ending {
	pid_t pid;
	int status;
};

static bool ended_by_now(void *ctx)
{
	struct ending *e = ctx;

	return waitpid(e->pid, &e->status, WNOHANG) != 0;
}

int end_status(int pid, const char *said)
{
	struct ending e = {.pid = pid};

	if (!poll_until(ended_by_now, &e, 20000)) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
		fail_msg("it does not end: %s", said);
	}
	return WIFSIGNALED(e.status) ? 128 + WTERMSIG(e.status) : WEXITSTATUS(e.status);
}
