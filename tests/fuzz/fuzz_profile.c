// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text as a profile of system calls: nothing crashes, what is refused says where and why, and
 * what is read is a program that the kernel could take, in which typing into terminals is denied.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/audit.h>
#include <linux/seccomp.h>

#include "../../lib/spawn/confine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must not go away with -DNDEBUG. */
static void must(int ok)
{
	if (!ok)
		abort();
}

/* Jumps stay inside, and the last instruction is a return: what the kernel's checker looks for. */
static void check_program(const struct sock_fprog *p)
{
	must(p->len > 0 && p->len <= BPF_MAXINSNS);
	for (unsigned int i = 0; i < p->len; i++) {
		const struct sock_filter *f = &p->filter[i];

		if (BPF_CLASS(f->code) == BPF_JMP && BPF_OP(f->code) == BPF_JA)
			must(f->k < p->len - i - 1);
		else if (BPF_CLASS(f->code) == BPF_JMP)
			must(i + 1U + f->jt < p->len && i + 1U + f->jf < p->len);
		if (f->code == (BPF_LD | BPF_W | BPF_ABS))
			must(f->k % 4 == 0 && f->k < sizeof(struct seccomp_data));
	}
	must(BPF_CLASS(p->filter[p->len - 1].code) == BPF_RET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One file for all inputs: making one takes longer than most of them. */
	static int fd = -1;
	struct sock_fprog prog = {0};
	struct nsnet_err err = {0};
	int r;

	if (fd < 0)
		fd = memfd_create("profile", MFD_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	must(lseek(fd, 0, SEEK_SET) == 0);
	r = nsn_filter_read(fd, "p", size > 0 ? (uint64_t)data[size - 1] << 16 : 0, &prog, &err);
	if (r == 0) {
		check_program(&prog);
		must(err.code == 0);
	} else {
		must(r == -EINVAL && err.code == r && err.id == NSNET_E_BAD_SECCOMP);
		must(err.msg[0] != '\0' && err.where[0] == 'p' && !prog.filter);
	}
	free(prog.filter);
	return 0;
}
