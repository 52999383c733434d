// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gen - writes the programs of denied.def as C (see made.h), for the architecture it runs on
 *
 * Part of the build, never of what is installed. What is not in the table is allowed: an
 * unknown call of a known number is one that somebody forgot here, and would break programs. What
 * has a number that nobody has looked at does not exist (ENOSYS), as on an older kernel,
 * which programs can cope with.
 *
 * Other architectures (32 bits on a kernel of 64) have other numbers, so each of their calls is
 * another one. The process is killed: for a program of 32 bits that says "Bad system call", while
 * ENOSYS for all, exit included, would end as an illegal instruction somewhere in its C library.
 * x32 has the architecture of x86-64, and numbers from 0x40000000 on: unknown, so ENOSYS.
 */
#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#include "made.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

#ifdef __s390__
#define CLONE_FLAGS_ARG 1
#else
#define CLONE_FLAGS_ARG 0
#endif

/*
 * file_setattr, Linux 6.17: all up to it were looked at. From 424 on, numbers are the same on
 * these architectures; others have theirs (alpha, mips) or private ones far above (arm), so
 * that this has to be thought about before it compiles there.
 */
#if defined(__x86_64__) || defined(__aarch64__) || defined(__riscv) || defined(__s390x__) ||       \
	defined(__powerpc64__)
#define HIGHEST 469
#endif

/* Those that the library is too old for. */
static const struct {
	const char *name;
	int nr;
} newer[] = {{"cachestat", 451}, {"open_tree_attr", 467}};

struct alternative {
	struct scmp_arg_cmp tests[2];
};
struct row {
	const char *call;
	int code;
	enum nsn_filter_cap cap;
	struct alternative any[16];
};

#define LOW32 0xffffffffULL
#define PART(arg, mask, value)                                                                     \
	{                                                                                          \
		(arg), SCMP_CMP_MASKED_EQ, (mask), (value)                                         \
	}
#define IS(arg, value)	 PART(arg, LOW32, value)
#define FLAG(arg, value) PART(arg, value, value)
#define ABOVE(arg, value)                                                                          \
	{                                                                                          \
		(arg), SCMP_CMP_GT, (value), 0                                                     \
	}
#define ALL(...)                                                                                   \
	{                                                                                          \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

static const struct row rows[] = {
#define DENY(call, code, cap, why)		 {#call, code, cap, {{{{0}}}}},
#define DENY_IF(call, what, code, cap, why, ...) {#call, code, cap, {__VA_ARGS__}},
#include "denied.def"
#undef DENY
#undef DENY_IF
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void fail(const char *what, int code)
{
	fprintf(stderr, "gen: %s: %s\n", what, strerror(code));
	exit(1);
}

/* Negative: the architecture has no such call. A name that nobody knows is a mistake of ours. */
static int number_of(const char *call)
{
	int nr = seccomp_syscall_resolve_name(call);

	for (size_t i = 0; nr == __NR_SCMP_ERROR && i < sizeof(newer) / sizeof(newer[0]); i++)
		if (strcmp(newer[i].name, call) == 0)
			nr = newer[i].nr;
	if (nr == __NR_SCMP_ERROR)
		fail(call, ENOENT);
	return nr;
}

static void add_alternative(scmp_filter_ctx ctx, const struct row *row, int nr,
			    const struct alternative *a)
{
	unsigned int n = a->tests[0].op == 0 ? 0 : a->tests[1].op == 0 ? 1 : 2;
	int r = seccomp_rule_add_exact_array(ctx, SCMP_ACT_ERRNO((uint32_t)row->code), nr, n,
					     a->tests);

	if (r < 0)
		fail(row->call, -r);
}

static scmp_filter_ctx make(uint64_t caps)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int r;

	if (!ctx)
		fail("seccomp_init", ENOMEM);
	r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A tree, sorted by number: a denied call is found in eight steps, whatever their number.
	 */
	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		fail("seccomp_attr_set", -r);
	for (size_t i = 0; i < N_ROWS; i++) {
		const int nr = number_of(rows[i].call);

		if (nr < 0 || (rows[i].cap != NEVER && (caps >> rows[i].cap & 1)))
			continue;
		add_alternative(ctx, &rows[i], nr, &rows[i].any[0]);
		for (size_t k = 1; k < 16 && rows[i].any[k].tests[0].op != 0; k++)
			add_alternative(ctx, &rows[i], nr, &rows[i].any[k]);
	}
	return ctx;
}

/*
 * libseccomp compares numbers for being the same only, so what is about ranges stands
 * before what it makes. -1 is what a tracer puts in the place of a call that it has done
 * itself; it never is one.
 */
static const struct sock_filter head[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffff, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, HIGHEST, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
};
#define N_HEAD (sizeof(head) / sizeof(head[0]))

static size_t export(scmp_filter_ctx ctx, struct sock_filter *buf, size_t max)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t n;
	int r;

	if (fd < 0)
		fail("memfd_create", errno);
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		fail("seccomp_export_bpf", -r);
	n = pread(fd, buf, max * sizeof(*buf), 0);
	close(fd);
	if (n <= 0 || (size_t)n % sizeof(*buf) != 0 || (size_t)n == max * sizeof(*buf))
		fail("the program's size", EFBIG);
	return (size_t)n / sizeof(*buf);
}

static void write_program(unsigned int index, uint64_t caps)
{
	static struct sock_filter prog[BPF_MAXINSNS];
	scmp_filter_ctx ctx = make(caps);
	size_t n;

	memcpy(prog, head, sizeof(head));
	n = N_HEAD + export(ctx, prog + N_HEAD, BPF_MAXINSNS - N_HEAD);
	seccomp_release(ctx);
	printf("static const struct sock_filter program%u[] = {\n", index);
	for (size_t i = 0; i < n; i++)
		printf("\t{0x%02x, %u, %u, 0x%08x},\n", prog[i].code, prog[i].jt, prog[i].jf,
		       prog[i].k);
	printf("};\n");
}

/* The @index-th subset of @of. */
static uint64_t subset(uint64_t of, unsigned int index)
{
	uint64_t ret = 0;
	unsigned int bit = 0;

	for (unsigned int cap = 0; cap < 64; cap++)
		if (of >> cap & 1)
			ret |= (uint64_t)(index >> bit++ & 1) << cap;
	return ret;
}

int main(void)
{
	uint64_t caps = 0;
	unsigned int n;

	/* What the kernel has that this is built on, in whatever sandbox, is not asked. */
	if (seccomp_api_set(3) < 0)
		fail("seccomp_api_set", EINVAL);
	for (size_t i = 0; i < N_ROWS; i++)
		caps |= rows[i].cap == NEVER ? 0 : UINT64_C(1) << rows[i].cap;
	n = 1U << __builtin_popcountll(caps);
	if (n > 32)
		fail("too many capabilities in denied.def", E2BIG);
	printf("/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
	       "/* Made by lib/spawn/filter/gen.c out of denied.def. */\n"
	       "#include \"made.h\"\n\n");
	for (unsigned int i = 0; i < n; i++)
		write_program(i, subset(caps, i));
	/* The kernel's struct has no const, and the kernel changes nothing. */
	printf("#define PROGRAM(p) {sizeof(p) / sizeof((p)[0]), (struct sock_filter "
	       "*)(uintptr_t)(p)}\n"
	       "const uint64_t nsn_filter_caps = 0x%llxULL;\n"
	       "const size_t nsn_filter_n_made = %u;\n"
	       "const struct nsn_filter_made nsn_filter_made[] = {\n",
	       (unsigned long long)caps, n);
	for (unsigned int i = 0; i < n; i++)
		printf("\t{0x%llxULL, PROGRAM(program%u)},\n", (unsigned long long)subset(caps, i),
		       i);
	printf("};\n");
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
