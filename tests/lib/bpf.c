// SPDX-License-Identifier: GPL-2.0-or-later
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"

static void must(int ok, const char *what, unsigned int pc)
{
	if (ok)
		return;
	fprintf(stderr, "bpf: %s at instruction %u\n", what, pc);
	abort();
}

static uint32_t load(const struct seccomp_data *data, uint32_t offset, unsigned int pc)
{
	uint32_t ret;

	must(offset % 4 == 0 && offset + 4 <= sizeof(*data), "load from outside", pc);
	memcpy(&ret, (const char *)data + offset, sizeof(ret));
	return ret;
}

static int jumps(const struct sock_filter *f, uint32_t a, unsigned int pc)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return a == f->k;
	case BPF_JGT:
		return a > f->k;
	case BPF_JGE:
		return a >= f->k;
	case BPF_JSET:
		return (a & f->k) != 0;
	default:
		must(0, "unknown jump", pc);
		return 0;
	}
}

uint32_t bpf_run(const struct sock_fprog *prog, const struct seccomp_data *data,
		 unsigned int *steps)
{
	uint32_t a = 0;

	/* There is no way back: each turn goes on in the program. */
	for (unsigned int pc = 0, n = 1;; pc++, n++) {
		const struct sock_filter *f = &prog->filter[pc];

		must(pc < prog->len, "end of the program", pc);
		if (f->code == (BPF_RET | BPF_K)) {
			if (steps)
				*steps = n;
			return f->k;
		}
		if (f->code == (BPF_LD | BPF_W | BPF_ABS))
			a = load(data, f->k, pc);
		else if (f->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= f->k;
		else if (f->code == (BPF_JMP | BPF_JA))
			pc += f->k;
		else if (BPF_CLASS(f->code) == BPF_JMP && BPF_SRC(f->code) == BPF_K)
			pc += jumps(f, a, pc) ? f->jt : f->jf;
		else
			must(0, "unknown instruction", pc);
	}
}
