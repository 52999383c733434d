/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BPF_H
#define TESTS_BPF_H

/*
 * bpf - what a filter of system calls answers, without the kernel
 *
 * For numbers and arguments that cannot be tried: those of other architectures, and calls that
 * would do something. Ends the process on an instruction that filters of ours have no use for.
 */
#include <stdint.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

/* SECCOMP_RET_...; @steps (NULL is fine): how many instructions it took */
uint32_t bpf_run(const struct sock_fprog *prog, const struct seccomp_data *data,
		 unsigned int *steps);

#endif
