// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/spawn/confine.h"
#include "../lib/world.h"

/*
 * What is left to a process, after an exec, in a user namespace whose root had everything. This
 * program is also what is executed: `test_confine probe ...` tells what it finds.
 */

#define OUTSIDE 1879048192 /* the host's number of the root inside */
#define CAP(n)	(UINT64_C(1) << (n))
#define KEPT	(CAP(CAP_KILL) | CAP(CAP_NET_BIND_SERVICE) | CAP(CAP_SETUID))

static int self = -1;	   /* this program: its path may lead through folders of root's */
static char sock_name[32]; /* of an abstract socket, without the zero before */

/* Lets all through: for what the default denies the probe itself. */
static struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
static const struct sock_fprog no_filter = {1, nothing};

/* ---- the probe ---------------------------------------------------------------------------- */

static void tell_status(const char *prefix)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Cap", 3) == 0 || strncmp(line, "NoNew", 5) == 0 ||
		    strncmp(line, "Secc", 4) == 0 || strncmp(line, "Uid", 3) == 0 ||
		    strncmp(line, "Gid", 3) == 0 || strncmp(line, "Groups", 6) == 0)
			printf("%s%s", prefix, line);
	if (f)
		fclose(f);
}

static int connect_to(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const socklen_t len =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	NSN_AUTO(nsn_closep) int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(a.sun_path + 1, name, strlen(name));
	return connect(fd, (struct sockaddr *)&a, len) == 0 ? 0 : errno;
}

/* probe WORD...: what to do besides */
static int probe(char **words)
{
	printf("securebits: %#x\n", (unsigned int)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	printf("dumpable: %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	tell_status("");
	for (; *words; words++) {
		if (strncmp(*words, "connect=", 8) == 0)
			printf("connect: %d\n", connect_to(*words + 8));
		if (strncmp(*words, "kill=", 5) == 0)
			printf("kill: %d\n",
			       kill((pid_t)strtol(*words + 5, NULL, 10), 0) == 0 ? 0 : errno);
		if (strcmp(*words, "key") == 0)
			printf("key: %ld\n",
			       syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user",
				       "nsnet-planted", 0) > 0
				       ? 0L
				       : (long)errno);
		if (strcmp(*words, "session") == 0)
			printf("session: %ld\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID,
							 KEY_SPEC_SESSION_KEYRING, 0));
		if (strcmp(*words, "become") == 0) {
			printf("become: %d\n", setresuid(7, 7, 7) == 0 ? 0 : errno);
			tell_status("then-");
		}
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- a child in a user namespace ----------------------------------------------------------- */

static char told[8192]; /* what the last child printed */

/* The value behind "\nNAME:", as text without white space before it. */
static const char *value(const char *name)
{
	static char buf[128];
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\n%s:", name);
	at = strstr(told, key);
	if (!at) {
		fail_msg("no %s in what the probe told: %s", name, told);
		return "";
	}
	at += strlen(key);
	at += strspn(at, " \t");
	snprintf(buf, sizeof(buf), "%.*s", (int)strcspn(at, "\n"), at);
	return buf;
}

static long number(const char *name)
{
	return strtol(value(name), NULL, 0);
}

static void write_map(pid_t pid, const char *file)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "0 %d 65536", OUTSIDE) > 0);
	close(fd);
}

static void become_root_inside(int ready, int go)
{
	char c = 0;

	if (unshare(CLONE_NEWUSER) < 0 || write(ready, "", 1) != 1 || read(go, &c, 1) != 1 ||
	    syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		_exit(98);
}

/* Runs @body as root of a new user namespace, with its output to `told`. What it returned. */
static int inside(int (*body)(const void *ctx), const void *ctx)
{
	int ready[2], go[2], out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		printf("\n");
		become_root_inside(ready[1], go[0]);
		status = body(ctx);
		fflush(stdout);
		_exit(status);
	}
	close(out[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	write_map(pid, "uid_map");
	write_map(pid, "gid_map");
	assert_int_equal(write(go[1], "", 1), 1);
	while ((n = read(out[0], told + len, sizeof(told) - 1 - len)) > 0)
		len += (size_t)n;
	told[len] = '\0';
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(go[i]);
	}
	close(out[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

struct task {
	struct nsn_confine confine;
	bool free; /* not confined at all: the control */
	const char *words[4];
};

static int confine_and_exec(const void *ctx)
{
	const struct task *t = ctx;
	const char *argv[8] = {"test_confine", "probe"};
	struct nsn_trouble why;

	for (size_t i = 0; i < NSN_COUNT(t->words) && t->words[i]; i++)
		argv[2 + i] = t->words[i];
	fflush(stdout);
	if (!t->free && nsn_confine(&t->confine, &why) < 0) {
		printf("trouble: %s %d %s\n", nsn_stage_word(why.stage), why.code, why.what);
		return 97;
	}
	syscall(SYS_execveat, self, "", argv, environ, AT_EMPTY_PATH);
	return 96;
}

static void run_task(const struct task *t)
{
	const int r = inside(confine_and_exec, t);

	if (r != 0)
		fail_msg("exit status %d: %s", r, told);
}

static const char *const sets[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"};

static void assert_caps(const char *prefix, uint64_t want)
{
	for (size_t i = 0; i < NSN_COUNT(sets); i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%s", prefix, sets[i]);
		if (strtoull(value(name), NULL, 16) != want)
			fail_msg("%s: %s, not %" PRIx64, name, value(name), want);
	}
}

/* ---- tests --------------------------------------------------------------------------------- */

static void assert_user(unsigned int uid, unsigned int gid)
{
	char want[64];

	snprintf(want, sizeof(want), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	assert_string_equal(value("Uid"), want);
	snprintf(want, sizeof(want), "%u\t%u\t%u\t%u", gid, gid, gid, gid);
	assert_string_equal(value("Gid"), want);
	assert_string_equal(value("Groups"), "");
}

static void nothing_stays(void **state)
{
	static const uint32_t users[] = {0, 1000};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(users); i++) {
		const struct task t = {.confine = {.uid = users[i],
						   .gid = users[i] + 5,
						   .landlock = true,
						   .keyring = true}};

		run_task(&t);
		assert_user(users[i], users[i] + 5);
		assert_caps("", 0);
		assert_int_equal(number("NoNewPrivs"), 1);
		assert_int_equal(number("Seccomp"), 2);
		assert_int_equal(number("Seccomp_filters"), 1);
		assert_int_equal(number("dumpable"), 1);
		assert_int_equal(number("securebits"), SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
							       SECBIT_NO_SETUID_FIXUP_LOCKED);
	}
}

/* The same child, not confined: what the test above would see if nothing were done. */
static void control_has_everything(void **state)
{
	const struct task t = {.free = true};

	(void)state;
	world_need();
	run_task(&t);
	assert_true(strtoull(value("CapEff"), NULL, 16) > CAP(CAP_SYS_ADMIN));
	assert_true(strtoull(value("CapBnd"), NULL, 16) > CAP(CAP_SYS_ADMIN));
	assert_int_equal(number("NoNewPrivs"), 0);
	assert_int_equal(number("Seccomp"), 0);
	assert_int_equal(number("securebits"), 0);
}

static void kept_capabilities_survive_exec(void **state)
{
	static const uint32_t users[] = {0, 1000};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(users); i++) {
		const struct task t = {.confine = {.uid = users[i], .gid = 1, .caps = KEPT},
				       .words = {"become"}};

		run_task(&t);
		assert_user(users[i], 1);
		assert_caps("", KEPT);
		assert_int_equal(number("become"), 0);
		/* A server that starts as root and becomes somebody else means to lose them. */
		if (users[i] == 0) {
			assert_int_equal(strtoull(value("then-CapEff"), NULL, 16), 0);
			assert_int_equal(strtoull(value("then-CapPrm"), NULL, 16), 0);
			assert_int_equal(strtoull(value("then-CapAmb"), NULL, 16), 0);
		}
	}
}

static void session_keyring_is_new(void **state)
{
	struct task t = {.confine = {.filter = &no_filter}, .words = {"key", "session"}};
	long own;

	(void)state;
	world_need();
	/* Of this test's own: that of whoever started it is not touched. */
	own = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (own < 0 && errno == ENOSYS)
		skip();
	assert_true(own > 0);
	assert_true(syscall(SYS_add_key, "user", "nsnet-planted", "x", 1,
			    KEY_SPEC_SESSION_KEYRING) > 0);
	/* The control: it does arrive. */
	run_task(&t);
	assert_int_equal(number("key"), 0);
	assert_int_equal(number("session"), own);
	t.confine.keyring = true;
	run_task(&t);
	assert_int_equal(number("key"), ENOKEY);
	assert_true(number("session") > 0);
	assert_int_not_equal(number("session"), own);
}

static int listen_abstract(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sock_name, sizeof(sock_name), "nsnet-%d", getpid());
	memcpy(a.sun_path + 1, sock_name, strlen(sock_name));
	len += (socklen_t)strlen(sock_name);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void need_scopes(void)
{
	world_need();
	if (nsn_landlock_abi() >= 6)
		return;
	print_message("SKIP: Landlock's ABI here is %d\n", nsn_landlock_abi());
	skip();
}

static void abstract_sockets_are_scoped(void **state)
{
	char word[48];
	struct task t = {.words = {word}};
	NSN_AUTO(nsn_closep) int fd = -1;

	(void)state;
	need_scopes();
	fd = listen_abstract();
	snprintf(word, sizeof(word), "connect=%s", sock_name);
	run_task(&t);
	assert_int_equal(number("connect"), 0);
	t.confine.landlock = true;
	run_task(&t);
	assert_int_equal(number("connect"), EPERM);
}

/* A child of the same user namespace and user tries its parent. */
static int parent_and_child(const void *ctx)
{
	struct task t = *(const struct task *)ctx;
	char word[32];
	int status;
	pid_t pid;

	snprintf(word, sizeof(word), "kill=%d", getpid());
	t.words[0] = word;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(confine_and_exec(&t));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 95;
}

static void signals_are_scoped(void **state)
{
	struct task t = {.free = false};

	(void)state;
	need_scopes();
	assert_int_equal(inside(parent_and_child, &t), 0);
	assert_int_equal(number("kill"), 0);
	t.confine.landlock = true;
	assert_int_equal(inside(parent_and_child, &t), 0);
	assert_int_equal(number("kill"), EPERM);
}

/* ---- the first process --------------------------------------------------------------------- */

/* Forks a child that is confined as @confined says, and tries to trace it. */
static int trace_init(bool confined)
{
	int ready[2], hold[2], r;
	pid_t pid;
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(hold, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		struct nsn_trouble why;

		close(hold[1]);
		/* The changes of user above have cleared it. */
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		if (confined && nsn_confine_init(&why) < 0)
			_exit(1);
		_exit(write(ready[1], "", 1) == 1 && read(hold[0], &c, 1) == 0 ? 0 : 1);
	}
	if (read(ready[0], &c, 1) != 1)
		return -1;
	r = ptrace(PTRACE_SEIZE, pid, 0, 0) == 0 ? 0 : errno;
	if (r == 0)
		ptrace(PTRACE_DETACH, pid, 0, 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r;
}

static pid_t user_1000(int hold)
{
	pid_t pid = fork();
	char c;

	if (pid != 0)
		return pid;
	if (syscall(SYS_setresuid, 1000, 1000, 1000) < 0 || read(hold, &c, 1) != 0)
		_exit(1);
	_exit(0);
}

static int as_init(const void *ctx)
{
	struct nsn_trouble why;
	int hold[2];
	pid_t other;

	(void)ctx;
	printf("trace-free: %d\n", trace_init(false));
	printf("trace-init: %d\n", trace_init(true));
	fflush(stdout);
	if (pipe2(hold, O_CLOEXEC) < 0)
		return 1;
	other = user_1000(hold[0]);
	if (nsn_confine_init(&why) < 0) {
		printf("trouble: %s %d %s\n", nsn_stage_word(why.stage), why.code, why.what);
		return 97;
	}
	printf("dumpable: %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
	tell_status("");
	printf("pass-on: %d\n", kill(other, SIGTERM) == 0 ? 0 : errno);
	printf("reap: %d\n", waitpid(other, NULL, 0) == other ? 0 : errno);
	printf("fork: %d\n", (other = fork()) >= 0 ? 0 : errno);
	if (other == 0)
		_exit(0);
	return 0;
}

static void init_keeps_only_kill(void **state)
{
	(void)state;
	world_need();
	assert_int_equal(inside(as_init, NULL), 0);
	assert_int_equal(number("trace-free"), 0);
	assert_int_equal(number("trace-init"), EPERM);
	assert_int_equal(number("dumpable"), 0);
	assert_int_equal(number("NoNewPrivs"), 1);
	assert_int_equal(number("Seccomp"), 2);
	assert_int_equal(strtoull(value("CapEff"), NULL, 16), CAP(CAP_KILL));
	assert_int_equal(strtoull(value("CapPrm"), NULL, 16), CAP(CAP_KILL));
	assert_int_equal(strtoull(value("CapInh"), NULL, 16), 0);
	assert_int_equal(strtoull(value("CapAmb"), NULL, 16), 0);
	assert_int_equal(number("pass-on"), 0);
	assert_int_equal(number("reap"), 0);
}

/* ---- failures ------------------------------------------------------------------------------ */

struct fault {
	long nr;
	long arg; /* the first argument; -1: any */
	enum nsn_stage stage;
	bool init; /* of the first process as well */
};

static int fails_at(const void *ctx)
{
	const struct fault *f = ctx;
	const struct nsn_confine c = {
		.uid = 5, .gid = 5, .caps = KEPT, .landlock = true, .keyring = true};
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)f->nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)f->arg, 0, f->arg < 0 ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog fault = {NSN_COUNT(code), code};
	struct nsn_trouble why = {.code = 0};
	int r;

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fault) < 0)
		return 1;
	r = f->init ? nsn_confine_init(&why) : nsn_confine(&c, &why);
	printf("trouble: %s %d %d %s\n", nsn_stage_word(why.stage), r, why.code, why.what);
	return 0;
}

static void every_failure_says_where(void **state)
{
	static const struct fault faults[] = {
		{SYS_keyctl, -1, NSN_STAGE_KEYRING, false},
		{SYS_prctl, PR_SET_SECUREBITS, NSN_STAGE_CAPS, false},
		{SYS_prctl, PR_CAPBSET_DROP, NSN_STAGE_CAPS, false},
		{SYS_setgroups, -1, NSN_STAGE_USER, false},
		{SYS_setresgid, -1, NSN_STAGE_USER, false},
		{SYS_setresuid, -1, NSN_STAGE_USER, false},
		{SYS_capset, -1, NSN_STAGE_CAPS, false},
		{SYS_prctl, PR_CAP_AMBIENT, NSN_STAGE_CAPS, false},
		{SYS_prctl, PR_SET_NO_NEW_PRIVS, NSN_STAGE_NNP, false},
		{SYS_landlock_create_ruleset, -1, NSN_STAGE_LANDLOCK, false},
		{SYS_landlock_restrict_self, -1, NSN_STAGE_LANDLOCK, false},
		{SYS_seccomp, -1, NSN_STAGE_SECCOMP, false},
		{SYS_prctl, PR_SET_DUMPABLE, NSN_STAGE_CAPS, true},
		{SYS_capset, -1, NSN_STAGE_CAPS, true},
		{SYS_prctl, PR_SET_NO_NEW_PRIVS, NSN_STAGE_NNP, true},
		{SYS_seccomp, -1, NSN_STAGE_SECCOMP, true},
	};

	(void)state;
	world_need();
	for (size_t i = 0; i < NSN_COUNT(faults); i++) {
		char want[64];

		if (faults[i].nr == SYS_landlock_restrict_self && nsn_landlock_abi() < 6)
			continue;
		assert_int_equal(inside(fails_at, &faults[i]), 0);
		snprintf(want, sizeof(want), "%s %d %d ", nsn_stage_word(faults[i].stage), -EXDEV,
			 -EXDEV);
		if (strncmp(value("trouble"), want, strlen(want)) != 0)
			fail_msg("%zu: %s, not %s", i, value("trouble"), want);
	}
}

/* What can be asked for and cannot be had is an error, and no workload with less. */
static void impossible_wishes_are_refused(void **state)
{
	struct sock_filter bad[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 4096)};
	const struct sock_fprog program = {1, bad};
	struct task t = {.confine = {.caps = CAP(63)}};

	(void)state;
	world_need();
	assert_int_equal(inside(confine_and_exec, &t), 97);
	assert_int_equal(strncmp(value("trouble"), "caps -", 6), 0);
	t = (struct task){.confine = {.uid = 65536}}; /* not mapped */
	assert_int_equal(inside(confine_and_exec, &t), 97);
	assert_string_equal(value("trouble"), "user -22 setresuid 65536");
	t = (struct task){.confine = {.filter = &program}};
	assert_int_equal(inside(confine_and_exec, &t), 97);
	assert_string_equal(value("trouble"), "seccomp -22 seccomp");
}

static int timed(const void *ctx)
{
	const struct nsn_confine c = {.uid = 1000, .gid = 1000, .landlock = true, .keyring = true};
	struct nsn_trouble why;
	const double start = now_ms();

	(void)ctx;
	if (nsn_confine(&c, &why) < 0)
		return 1;
	printf("us: %.0f\n", (now_ms() - start) * 1000);
	return 0;
}

/* No limit is tested: it depends on what else the machine does. */
static void price(void **state)
{
	long best = LONG_MAX;

	(void)state;
	world_need();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(inside(timed, NULL), 0);
		best = number("us") < best ? number("us") : best;
	}
	print_message("nsn_confine(): %ld us at best\n", best);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_stays),
		cmocka_unit_test(control_has_everything),
		cmocka_unit_test(kept_capabilities_survive_exec),
		cmocka_unit_test(session_keyring_is_new),
		cmocka_unit_test(abstract_sockets_are_scoped),
		cmocka_unit_test(signals_are_scoped),
		cmocka_unit_test(init_keeps_only_kill),
		cmocka_unit_test(every_failure_says_where),
		cmocka_unit_test(impossible_wishes_are_refused),
		cmocka_unit_test(price),
	};

	if (argc > 1 && strcmp(argv[1], "probe") == 0)
		_exit(probe(argv + 2)); /* the sanitizer's look for leaks wants ptrace */
	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return cmocka_run_group_tests(tests, world_setup, NULL);
}
