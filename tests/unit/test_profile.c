// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/capability.h>

#include <seccomp.h>

#include "../../lib/base/cleanup.h"
#include "../../lib/spawn/confine.h"
#include "../lib/bpf.h"

/*
 * Profiles in the OCI runtime's form: what they say is what the program answers, and what cannot be
 * said is refused with its place.
 */

#if defined(__x86_64__)
#define ARCH  AUDIT_ARCH_X86_64
#define OTHER AUDIT_ARCH_I386
#define NAME  "SCMP_ARCH_X86_64"
#define SUB   "SCMP_ARCH_X86"
#define GO    "amd64"
#elif defined(__aarch64__)
#define ARCH  AUDIT_ARCH_AARCH64
#define OTHER AUDIT_ARCH_ARM
#define NAME  "SCMP_ARCH_AARCH64"
#define SUB   "SCMP_ARCH_ARM"
#define GO    "arm64"
#endif /* elsewhere: to be filled in */

#define ENO(code) (SECCOMP_RET_ERRNO | (code))
#define ALLOWED	  SECCOMP_RET_ALLOW
#define CAP(n)	  (UINT64_C(1) << (n))

static struct nsnet_err err;
static struct sock_fprog prog;

static int read_text(const char *text, size_t len, uint64_t caps)
{
	NSN_AUTO(nsn_closep) int fd = memfd_create("profile", MFD_CLOEXEC);

	free(prog.filter);
	prog = (struct sock_fprog){0};
	memset(&err, 0, sizeof(err));
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return nsn_filter_read(fd, "p.json", caps, &prog, &err);
}

static void profile(const char *text, uint64_t caps)
{
	if (read_text(text, strlen(text), caps) < 0)
		fail_msg("%s: %s", err.where, err.msg);
	assert_non_null(prog.filter);
}

static uint32_t ask_arch(uint32_t arch, long nr, uint64_t a, uint64_t b, uint64_t c)
{
	const struct seccomp_data data = {.nr = (int)nr, .arch = arch, .args = {a, b, c}};

	return bpf_run(&prog, &data, NULL);
}

#define assert_answer(want, nr, ...) assert_int_equal(want, ask_arch(ARCH, nr, __VA_ARGS__))

static int forget(void **state)
{
	(void)state;
	free(prog.filter);
	prog = (struct sock_fprog){0};
	return 0;
}

/* ---- what they say ------------------------------------------------------------------------- */

/* In docker's form: what is not named is EPERM. */
static const char docker[] =
	"{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": 1, \"archMap\": ["
	" {\"architecture\": \"" NAME "\", \"subArchitectures\": [\"" SUB "\", \"SCMP_ARCH_X32\"]},"
	" {\"architecture\": \"SCMP_ARCH_MIPS64\", \"subArchitectures\": null}],"
	"\"syscalls\": ["
	" {\"names\": [\"read\", \"write\", \"exit_group\", \"ioctl\", \"statx\", "
	"\"a_call_of_2040\"],"
	"  \"action\": \"SCMP_ACT_ALLOW\"},"
	" {\"names\": [\"getpid\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": null, \"comment\": "
	"\"\","
	"  \"includes\": {\"minKernel\": \"4.8\"}, \"excludes\": {}},"
	" {\"names\": [\"getppid\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": "
	"\"99.0\"}},"
	" {\"names\": [\"gettid\"], \"action\": \"SCMP_ACT_ALLOW\", \"excludes\": {\"minKernel\": "
	"\"4.8\"}},"
	" {\"names\": [\"getuid\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"arches\": "
	"[\"" GO "\"]}},"
	" {\"names\": [\"getgid\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"arches\": "
	"[\"mips\"]}},"
	" {\"names\": [\"geteuid\"], \"action\": \"SCMP_ACT_ALLOW\", \"excludes\": {\"arches\": "
	"[\"" GO "\"]}},"
	" {\"names\": [\"mount\"], \"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": "
	"[\"CAP_SYS_ADMIN\"]}},"
	" {\"names\": [\"chroot\"], \"action\": \"SCMP_ACT_ALLOW\","
	"  \"includes\": {\"caps\": [\"CAP_SYS_ADMIN\", \"CAP_SYS_CHROOT\"]}},"
	" {\"names\": [\"acct\"], \"action\": \"SCMP_ACT_ALLOW\","
	"  \"excludes\": {\"caps\": [\"CAP_KILL\", \"CAP_SYS_ADMIN\"]}},"
	" {\"names\": [\"clone3\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 38,"
	"  \"excludes\": {\"caps\": [\"CAP_SYS_ADMIN\"]}},"
	" {\"names\": [\"clone\"], \"action\": \"SCMP_ACT_ALLOW\","
	"  \"args\": [{\"index\": 0, \"value\": 2114060288, \"valueTwo\": 0, \"op\": "
	"\"SCMP_CMP_MASKED_EQ\"}]},"
	" {\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": ["
	"   {\"index\": 0, \"value\": 40, \"op\": \"SCMP_CMP_LT\"},"
	"   {\"index\": 2, \"value\": 6, \"op\": \"SCMP_CMP_NE\"}]},"
	" {\"name\": \"personality\", \"action\": \"SCMP_ACT_KILL_PROCESS\"}"
	"]}";

static void docker_form(void **state)
{
	(void)state;
	profile(docker, 0);
	assert_answer(ALLOWED, SYS_read, 0, 0, 0);
	assert_answer(ALLOWED, SYS_statx, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_ptrace, 0, 0, 0);
	assert_answer(ALLOWED, SYS_getpid, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_getppid, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_gettid, 0, 0, 0);
	assert_answer(ALLOWED, SYS_getuid, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_getgid, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_geteuid, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_mount, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_chroot, 0, 0, 0);
	assert_answer(ALLOWED, SYS_acct, 0, 0, 0);
	assert_answer(ENO(ENOSYS), SYS_clone3, 0, 0, 0);
	assert_answer(ALLOWED, SYS_clone, 0x01200011, 0, 0);
	assert_answer(ENO(EPERM), SYS_clone, 0x10000011, 0, 0);
	assert_answer(ALLOWED, SYS_socket, AF_INET, 1, 0);
	assert_answer(ENO(EPERM), SYS_socket, AF_INET, 1, 6);
	assert_answer(ENO(EPERM), SYS_socket, 40, 1, 0);
	assert_answer(SECCOMP_RET_KILL_PROCESS, SYS_personality, 0, 0, 0);
	/* Newer than all that it names; a tracer's. */
	assert_answer(ENO(ENOSYS), 460, 0, 0, 0);
	assert_answer(ENO(ENOSYS), 1000, 0, 0, 0);
	assert_answer(ENO(EPERM), -1, 0, 0, 0);
	/* read() of 32 bits on x86 and on ARM, and what they have beside. */
	assert_int_equal(ask_arch(OTHER, 3, 0, 0, 0), ALLOWED);
	assert_int_equal(ask_arch(OTHER, 26, 0, 0, 0), ENO(EPERM)); /* ptrace */
	assert_int_equal(ask_arch(AUDIT_ARCH_S390X, 3, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

static void docker_capabilities(void **state)
{
	(void)state;
	profile(docker, CAP(CAP_SYS_ADMIN));
	assert_answer(ALLOWED, SYS_mount, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_chroot, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_acct, 0, 0, 0);
	/* Nothing names it any more, and it is beyond all that is named. */
	assert_answer(ENO(ENOSYS), SYS_clone3, 0, 0, 0);
	profile(docker, CAP(CAP_SYS_ADMIN) | CAP(CAP_SYS_CHROOT));
	assert_answer(ALLOWED, SYS_chroot, 0, 0, 0);
}

/* Allowed above, as a whole. */
static void typing_is_denied_all_the_same(void **state)
{
	const uint64_t high = UINT64_C(1) << 32;

	(void)state;
	profile(docker, UINT64_MAX);
	assert_answer(ALLOWED, SYS_ioctl, 0, TIOCGWINSZ, 0);
	assert_answer(ENO(EPERM), SYS_ioctl, 0, TIOCSTI, 0);
	assert_answer(ENO(EPERM), SYS_ioctl, 0, high | TIOCSTI, 0);
	assert_answer(ENO(EPERM), SYS_ioctl, 0, high << 31 | TIOCLINUX, 0);
	assert_int_equal(ask_arch(OTHER, 54, 0, TIOCSTI, 0), ENO(EPERM));
	assert_int_equal(ask_arch(OTHER, 54, 0, TIOCGWINSZ, 0), ALLOWED);
	profile("{\"defaultAction\": \"SCMP_ACT_ALLOW\"}", 0);
	assert_answer(ALLOWED, SYS_mount, 0, 0, 0);
	assert_answer(ALLOWED, 1000, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_ioctl, 0, TIOCSTI, 0);
	/* Not asked for: no calls of 32 bits at all. */
	assert_int_equal(ask_arch(OTHER, 3, 0, 0, 0), SECCOMP_RET_KILL_PROCESS);
}

static void oci_form(void **state)
{
	(void)state;
	profile("{\"defaultAction\": \"SCMP_ACT_LOG\", \"architectures\": [\"" NAME "\"],"
		"\"flags\": [\"SECCOMP_FILTER_FLAG_TSYNC\"], \"syscalls\": ["
		"{\"names\": [\"mount\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 2},"
		"{\"names\": [\"umount2\"], \"action\": \"SCMP_ACT_ERRNO\"},"
		"{\"names\": [\"swapon\"], \"action\": \"SCMP_ACT_TRAP\"},"
		"{\"names\": [\"getpid\"], \"action\": \"SCMP_ACT_LOG\"},"
		"{\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_KILL\"}]}",
		0);
	assert_answer(SECCOMP_RET_LOG, SYS_read, 0, 0, 0);
	assert_answer(ENO(ENOENT), SYS_mount, 0, 0, 0);
	assert_answer(ENO(EPERM), SYS_umount2, 0, 0, 0);
	assert_answer(SECCOMP_RET_TRAP, SYS_swapon, 0, 0, 0);
	assert_answer(SECCOMP_RET_LOG, SYS_getpid, 0, 0, 0);
	assert_answer(SECCOMP_RET_KILL_THREAD, SYS_kcmp, 0, 0, 0);
}

static void operators(void **state)
{
	static const struct {
		const char *op;
		bool less, equal, more; /* than 1000 */
	} table[] = {
		{"NE", true, false, true},  {"LT", true, false, false}, {"LE", true, true, false},
		{"EQ", false, true, false}, {"GE", false, true, true},	{"GT", false, false, true},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(table); i++) {
		char text[512];

		snprintf(
			text, sizeof(text),
			"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": "
			"[\"dup3\"],"
			"\"action\": \"SCMP_ACT_ERRNO\", \"args\": [{\"index\": 1, \"value\": 1000,"
			"\"op\": \"SCMP_CMP_%s\"}]}]}",
			table[i].op);
		profile(text, 0);
		assert_answer(table[i].less ? ENO(EPERM) : ALLOWED, SYS_dup3, 5000, 999, 5000);
		assert_answer(table[i].equal ? ENO(EPERM) : ALLOWED, SYS_dup3, 1, 1000, 1);
		assert_answer(table[i].more ? ENO(EPERM) : ALLOWED, SYS_dup3, 1, 1001, 1);
		assert_answer(table[i].more ? ENO(EPERM) : ALLOWED, SYS_dup3, 1, UINT64_C(1) << 40,
			      1);
	}
}

/* The kernel takes what was made. */
static void kernel_loads_it(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	profile("{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"getppid\"],"
		"\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 18}]}",
		0);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &prog) < 0)
			_exit(1);
		_exit(syscall(SYS_getppid) < 0 && errno == EXDEV && getpid() > 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- what is refused ----------------------------------------------------------------------- */

#define DENY  "{\"defaultAction\": \"SCMP_ACT_ERRNO\", "
#define ALLOW "{\"defaultAction\": \"SCMP_ACT_ALLOW\", "
#define ENTRY(more)                                                                                \
	DENY "\"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", " more "}]}"
#define ARG(more) ENTRY("\"args\": [{" more "}]")

static void bad_profiles_are_refused(void **state)
{
	static const struct {
		const char *text, *where, *says;
	} bad[] = {
		{"", "p.json:1:", ""},
		{"{", "p.json:1:", ""},
		{"{}\n{}", "p.json:2:", ""},
		{"\xff\xfe", "p.json:1:", ""},
		{"[]", "p.json", "object"},
		{"null", "p.json:", ""},
		{"{}", "p.json", "defaultAction"},
		{"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"defaultAction\": \"SCMP_ACT_ERRNO\"}",
		 "p.json:1:", "duplicate"},
		{"{\"defaultAction\": \"SCMP_ACT_NOTIFY\"}", "p.json", "SCMP_ACT_NOTIFY"},
		{"{\"defaultAction\": \"SCMP_ACT_TRACE\"}", "p.json", "SCMP_ACT_TRACE"},
		{"{\"defaultAction\": 7}", "p.json", "word"},
		{DENY "\"defaultErrnoRet\": 4096}", "p.json", "4095"},
		{DENY "\"defaultErrnoRet\": -1}", "p.json", "defaultErrnoRet"},
		{DENY "\"defaultErrnoRet\": 1.5}", "p.json", "defaultErrnoRet"},
		{DENY "\"defaultErrno\": \"ENOSYS\"}", "p.json", "defaultErrnoRet"},
		{DENY "\"listenerPath\": \"/x\"}", "p.json", "listenerPath"},
		{DENY "\"flags\": [\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]}", "p.json", "SPEC_ALLOW"},
		{DENY "\"flags\": [3]}", "p.json", "flag"},
		{DENY "\"\\u001b[2J\": 1}", "p.json", "\\x1b"},
		{DENY "\"architectures\": [\"SCMP_ARCH_VAX\"]}", "p.json", "SCMP_ARCH_VAX"},
		{DENY "\"architectures\": [\"SCMP_ARCH_MIPS\"]}", "p.json", "other machines"},
		{DENY "\"archMap\": [{\"architecture\": \"SCMP_ARCH_MIPS\"}]}", "p.json",
		 "other machines"},
		{DENY "\"archMap\": [3]}", "p.json", "object"},
		{DENY "\"syscalls\": {}}", "p.json", "list"},
		{DENY "\"syscalls\": [3]}", "p.json", "syscalls[0]"},
		{DENY "\"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\"}]}", "p.json", "names"},
		{DENY "\"syscalls\": [{\"names\": [], \"action\": \"SCMP_ACT_ALLOW\"}]}", "p.json",
		 "names"},
		{DENY "\"syscalls\": [{\"names\": [3], \"action\": \"SCMP_ACT_ALLOW\"}]}", "p.json",
		 "names[0]"},
		{DENY "\"syscalls\": [{\"names\": \"read\", \"action\": \"SCMP_ACT_ALLOW\"}]}",
		 "p.json", "names"},
		{DENY "\"syscalls\": [{\"names\": [\"read\"]}]}", "p.json", "action"},
		{ENTRY("\"arg\": []"), "p.json", "syscalls[0]: there is no key arg"},
		{ENTRY("\"name\": \"write\""), "p.json", "names"},
		{ENTRY("\"includes\": {\"cap\": []}"), "p.json", "cap"},
		{ENTRY("\"includes\": {\"caps\": {}}"), "p.json", "caps"},
		{ENTRY("\"includes\": {\"minKernel\": \"new\"}"), "p.json", "minKernel"},
		{ENTRY("\"includes\": {\"minKernel\": \"4.8.1\"}"), "p.json", "minKernel"},
		{ENTRY("\"excludes\": {\"minKernel\": 4.8}"), "p.json", "minKernel"},
		{ENTRY("\"excludes\": []"), "p.json", "object"},
		{ENTRY("\"errnoRet\": \"EPERM\""), "p.json", "errnoRet"},
		{ENTRY("\"args\": [3]"), "p.json", "syscalls[0].args[0]"},
		{ARG("\"value\": 1, \"op\": \"SCMP_CMP_EQ\""), "p.json", "index"},
		{ARG("\"index\": 6, \"value\": 1, \"op\": \"SCMP_CMP_EQ\""), "p.json", "index"},
		{ARG("\"index\": -1, \"value\": 1, \"op\": \"SCMP_CMP_EQ\""), "p.json", "index"},
		{ARG("\"index\": 0, \"value\": -1, \"op\": \"SCMP_CMP_EQ\""), "p.json", "value"},
		{ARG("\"index\": 0, \"value\": 1"), "p.json", "op"},
		{ARG("\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_XX\""), "p.json",
		 "SCMP_CMP_XX"},
		{ARG("\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}, "
		     "{\"index\": 0, \"value\": 2, \"op\": \"SCMP_CMP_EQ\""),
		 "p.json", "args[1]: argument 0"},
		/* It would be let through. */
		{ALLOW "\"syscalls\": [{\"names\": [\"a_call_of_2040\"], \"action\": "
		       "\"SCMP_ACT_ERRNO\"}]}",
		 "p.json", "a_call_of_2040"},
		{ALLOW
		 "\"syscalls\": [{\"names\": [\"moun\\u0000t\"], \"action\": \"SCMP_ACT_ERRNO\"}]}",
		 "p.json", ""},
	};

	(void)state;
	for (size_t i = 0; i < NSN_COUNT(bad); i++) {
		const int r = read_text(bad[i].text, strlen(bad[i].text), 0);

		if (r != -EINVAL || err.id != NSNET_E_BAD_SECCOMP || prog.filter ||
		    strncmp(err.where, bad[i].where, strlen(bad[i].where)) != 0 ||
		    !strstr(err.msg, bad[i].says) || strchr(err.msg, '\x1b'))
			fail_msg("%s: %d, %s: %s", bad[i].text, r, err.where, err.msg);
	}
}

/* @n times @piece between @head and @tail. */
static int repeated(const char *head, const char *piece, size_t n, const char *tail)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int r;

	assert_non_null(f);
	fputs(head, f);
	for (size_t i = 0; i < n; i++)
		fputs(piece, f);
	fputs(tail, f);
	assert_int_equal(fclose(f), 0);
	r = read_text(text, len, 0);
	free(text);
	return r;
}

static void big_profiles_are_refused(void **state)
{
	(void)state;
	assert_int_equal(repeated("", " ", 300 * 1024, ""), -EINVAL);
	assert_non_null(strstr(err.msg, "262144"));
	assert_int_equal(repeated("", "[", 100000, ""), -EINVAL);
	assert_int_equal(repeated("{\"x\":", "{\"x\":", 40000, ""), -EINVAL);
	assert_int_equal(
		repeated(DENY
			 "\"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\", \"names\": [\"read\"",
			 ", \"read\"", 5000, "]}]}"),
		-EINVAL);
	assert_non_null(strstr(err.msg, "4096"));
	assert_int_equal(
		repeated(DENY
			 "\"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\", \"names\": [\"read\"",
			 ", \"write\"", 3000, "]}]}"),
		0);
}

static void what_cannot_be_read(void **state)
{
	NSN_AUTO(nsn_closep) int fd = dup(STDIN_FILENO);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(nsn_filter_read(fd, "p.json", 0, &prog, &err), -EBADF);
	fd = -1;
}

#define TEST(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
	const struct CMUnitTest pure[] = {
		TEST(docker_form),
		TEST(docker_capabilities),
		TEST(typing_is_denied_all_the_same),
		TEST(oci_form),
		TEST(operators),
		TEST(bad_profiles_are_refused),
		TEST(big_profiles_are_refused),
		TEST(what_cannot_be_read),
	};
	const struct CMUnitTest kernel[] = {
		TEST(kernel_loads_it),
	};
	const char *under = getenv("TEST_WRAPPER");
	int failed;

	/* valgrind 3.19 has no seccomp(2), which libseccomp asks what there is. */
	if (under && *under && seccomp_api_set(6) < 0)
		return 1;
	failed = cmocka_run_group_tests(pure, NULL, NULL);
	if (under && *under)
		return failed;
	return failed + cmocka_run_group_tests(kernel, NULL, NULL);
}
