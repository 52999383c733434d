/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "../lib/lab.h"
#include "../lib/world.h"

/*
 * A procfs of our own is only the faster one: where a kernel or a container does not give it, the
 * settings go through /proc. The witness is a command that has it, and `cat`.
 */

/* From here on the call fails in this process and in all that it executes. */
static int refuse(int nr, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return (int)syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

/* What is refused by now. */
static struct {
	int nr, error;
} refused;

static int nsnet_without(const char *const argv[])
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		/* With these arguments it would fail in another way. */
		if (refuse(refused.nr, refused.error) < 0 ||
		    syscall(refused.nr, -1, -1, -1, -1, -1) != -1 || errno != refused.error)
			_exit(126);
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}
#define WITHOUT(status, ...)                                                                       \
	assert_int_equal(                                                                          \
		nsnet_without((const char *const[]){nsnet_bin(), "-q", __VA_ARGS__, NULL}),        \
		status)

static void write_file(const char *file)
{
	FILE *f = fopen(file, "we");

	assert_non_null(f);
	/* As many as are made by more than one thread. */
	fputs("nsnet: 1\ntenants:\n", f);
	for (int i = 1; i <= 8; i++)
		fprintf(f, "  t%d: {subnet: 10.10.%d.0/24, subnet6: \"fd00:%d::/64\"}\n", i, i, i);
	assert_int_equal(fclose(f), 0);
}

/* All values of two gateways. lab_gateway() has room for both. */
static char *settings(struct nsnet *n)
{
	return lab_sh("for ns in %s %s; do nsenter --net=$ns sh -c 'cd /proc/sys/net; "
		      "grep -r . ipv4/conf ipv6/conf ipv4/icmp_echo* 2>/dev/null | "
		      "grep -v stable_secret | sort'; done",
		      lab_gateway(n, "t1"), lab_gateway(n, "t2"));
}

/* One below conf/, and one that no netlink message sets. */
static void sabotage(struct nsnet *n)
{
	free(lab_sh(
		"nsenter --net=%s sh -c 'echo 1 >/proc/sys/net/ipv4/conf/br0/proxy_arp'; "
		"nsenter --net=%s sh -c 'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts'",
		lab_gateway(n, "t1"), lab_gateway(n, "t2")));
}

static void all_of_it_works(void)
{
	struct nsnet *n = lab_open();
	char *before, *after;

	WITHOUT(0, "tenant", "add", "-f", "/run/t.yaml");
	WITHOUT(0, "allow", "t1", "t2", "icmp/echo", "--because", "test");
	WITHOUT(0, "tenant", "set", "t3", "mtu=1400");
	NSNET_STATUS(0, "plan", "--exit-code");
	assert_true(lab_ping("/run/netns/t1", "10.10.2.2"));

	before = settings(n);
	sabotage(n);
	after = settings(n);
	assert_string_not_equal(before, after);
	free(after);
	WITHOUT(10, "plan", "--exit-code");
	WITHOUT(0, "repair");
	after = settings(n);
	assert_string_equal(before, after);
	free(before);
	free(after);
	NSNET_STATUS(0, "plan", "--exit-code");
	WITHOUT(0, "tenant", "del", "--all", "--with-rules", "-y");
	lab_nothing_left(n);
	nsnet_close(n);
}

static void without_a_procfs_of_our_own_there_is_proc(void **state)
{
	static const int calls[] = {__NR_fsopen, __NR_fsconfig, __NR_fsmount};
	static const int errors[] = {EPERM, ENOSYS};

	(void)state;
	world_need();
	write_file("/run/t.yaml");
	for (size_t i = 0; i < 3; i++) {
		for (size_t k = 0; k < 2; k++) {
			refused.nr = calls[i];
			refused.error = errors[k];
			all_of_it_works();
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_procfs_of_our_own_there_is_proc, world_setup),
	};

	world_filter(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
